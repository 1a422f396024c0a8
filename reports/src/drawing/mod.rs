//! Figures drawn with plotters, the same code for SVG and PNG.
//!
//! The frame, ticks and labels are placed here rather than by plotters' chart builder: labels stand at the ends of their lines outside
//! the plotting area, a logarithmic axis is only another map, and the layout is the same in both formats.

mod axis;
mod canvas;
mod dots;
mod lines;

use std::path::Path;

use offcut_instances::document::InputError;
use plotters::prelude::*;

use crate::figure::{Figure, Plot};
use canvas::{Canvas, WIDTH, with_font};
use dots::draw_dots;
use lines::{draw_lines, lines_height, panel_height};

fn height(figure: &Figure) -> f64 {
    match &figure.plot {
        Plot::Lines(lines) => lines_height(lines, 430.0),
        Plot::Panels(panels) => panels.iter().map(panel_height).sum(),
        Plot::Dots(dots) => 70.0 + 24.0 * dots.dots.len() as f64,
    }
}

/// The figure as SVG.
///
/// # Panics
/// If plotters cannot write to a string.
pub fn svg(figure: &Figure) -> String {
    with_font();
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH as u32, height(figure) as u32)).into_drawing_area();
        draw(&Canvas { root: &root, k: 1.0 }, figure);
        root.present().expect("a string takes all");
    }
    text
}

/// Writes the figure as PNG, at twice the size.
///
/// # Errors
/// [`InputError`] if the file cannot be written.
pub fn png(figure: &Figure, path: &Path) -> Result<(), InputError> {
    with_font();
    let size = ((WIDTH * 2.0) as u32, (height(figure) * 2.0) as u32);
    let root = BitMapBackend::new(path, size).into_drawing_area();
    draw(&Canvas { root: &root, k: 2.0 }, figure);
    root.present().map_err(|error| {
        InputError::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(path)
    })
}

fn draw<B: DrawingBackend>(canvas: &Canvas<B>, figure: &Figure) {
    canvas.root.fill(&WHITE).expect("the canvas takes all");
    match &figure.plot {
        Plot::Lines(lines) => draw_lines(canvas, lines, 0.0, height(figure)),
        Plot::Panels(panels) => {
            let mut from = 0.0;
            for panel in panels {
                draw_lines(canvas, panel, from, panel_height(panel));
                from += panel_height(panel);
            }
        }
        Plot::Dots(dots) => draw_dots(canvas, dots, height(figure)),
    }
}
