//! Figures drawn with plotters, the same code for SVG, PDF and PNG.
//!
//! The frame, ticks and labels are placed here rather than by plotters' chart builder: labels stand at the ends of their lines outside
//! the plotting area, a logarithmic axis is only another map, and the layout is the same in all formats.

mod axis;
mod canvas;
mod dots;
mod lines;
mod pdf;

use std::cell::RefCell;
use std::path::Path;

use offcut_instances::document::InputError;
use plotters::prelude::*;

use crate::figure::{Figure, Plot, Styles};
use crate::names::visible;
pub use canvas::Width;
use canvas::{Canvas, Hint, with_font};
use dots::{dots_height, draw_dots};
use lines::{draw_lines, lines_height, panel_height};

fn height(figure: &Figure, width: Width) -> f64 {
    match &figure.plot {
        Plot::Lines(lines) => lines_height(lines, 430.0, width),
        Plot::Panels(panels) => panels.iter().map(|panel| panel_height(panel, width)).sum(),
        Plot::Dots(dots) => dots_height(dots, width),
    }
}

/// The figure as SVG, with looks of its own.
///
/// # Panics
/// If plotters cannot write to a string.
pub fn svg(figure: &Figure) -> String {
    svg_styled(figure, &Styles::default())
}

/// The figure as SVG, with the looks that methods have in the report.
///
/// # Panics
/// If plotters cannot write to a string.
pub fn svg_styled(figure: &Figure, styles: &Styles) -> String {
    drawn(figure, styles, Width::Wide).0
}

/// The figure as SVG for a page: of one width, named for readers who do not see it, with what stands at every mark as a title over it.
///
/// # Panics
/// If plotters cannot write to a string.
pub fn svg_for_page(figure: &Figure, styles: &Styles, width: Width) -> String {
    let (text, hints) = drawn(figure, styles, width);
    let class = if width == Width::Wide { "wide" } else { "narrow" };
    let head = format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{}\"", markup(&figure.title));
    let mut text = text.trim_end().replacen("<svg", &head, 1);
    let end = text.rfind("</svg>").expect("plotters closes it");
    let marks = hints.iter().map(|Hint { at: (x, y), text }| {
        format!("<circle class=\"h\" cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"8\"><title>{}</title></circle>\n", markup(text))
    });
    text.insert_str(end, &marks.collect::<String>());
    text
}

/// Text within SVG: hidden characters shown ([`visible`]), markup escaped.
fn markup(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn drawn(figure: &Figure, styles: &Styles, width: Width) -> (String, Vec<Hint>) {
    with_font();
    let mut text = String::new();
    let hints = {
        let size = (width.units() as u32, height(figure, width) as u32);
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let canvas = Canvas { root: &root, k: 1.0, width, hints: RefCell::default(), styles };
        draw(&canvas, figure);
        root.present().expect("a string takes all");
        canvas.hints.into_inner()
    };
    (text, hints)
}

/// Writes the figure as PNG, at twice the size.
///
/// # Errors
/// [`InputError`] if the file cannot be written.
pub fn png(figure: &Figure, styles: &Styles, path: &Path) -> Result<(), InputError> {
    with_font();
    let width = Width::Wide;
    let size = ((width.units() * 2.0) as u32, (height(figure, width) * 2.0) as u32);
    let root = BitMapBackend::new(path, size).into_drawing_area();
    draw(&Canvas { root: &root, k: 2.0, width, hints: RefCell::default(), styles }, figure);
    root.present().map_err(|error| {
        InputError::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(path)
    })
}

/// The figure as PDF, one page; a tenth of a pixel is its step.
///
/// # Panics
/// If the backend cannot write to memory.
pub fn pdf(figure: &Figure, styles: &Styles) -> Vec<u8> {
    const STEPS: f64 = 10.0;
    with_font();
    let width = Width::Wide;
    let size = ((width.units() * STEPS) as u32, (height(figure, width) * STEPS) as u32);
    let mut bytes = Vec::new();
    {
        let root = pdf::PdfBackend::new(&mut bytes, size, STEPS as f32).into_drawing_area();
        draw(&Canvas { root: &root, k: STEPS, width, hints: RefCell::default(), styles }, figure);
        root.present().expect("memory takes all");
    }
    bytes
}

fn draw<B: DrawingBackend>(canvas: &Canvas<B>, figure: &Figure) {
    canvas.root.fill(&WHITE).expect("the canvas takes all");
    match &figure.plot {
        Plot::Lines(lines) => draw_lines(canvas, lines, 0.0, height(figure, canvas.width)),
        Plot::Panels(panels) => {
            let mut from = 0.0;
            for panel in panels {
                let height = panel_height(panel, canvas.width);
                draw_lines(canvas, panel, from, height);
                from += height;
            }
        }
        Plot::Dots(dots) => draw_dots(canvas, dots, height(figure, canvas.width)),
    }
}
