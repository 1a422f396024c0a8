//! Drawing with plotters, the same code for SVG and PNG.
//!
//! The frame, ticks and labels are placed here rather than by plotters' chart builder: labels stand at the ends of their lines outside
//! the plotting area, a logarithmic axis is only another map, and the layout is the same in both formats. Text is measured with DejaVu
//! Sans and stays text in SVG, in the reader's sans-serif.

use std::path::Path;
use std::sync::Once;

use offcut_instances::document::Trouble;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, register_font};

use super::{Dots, Figure, Lines, Plot, Shape};
use crate::names::visible;
use crate::numbers::{duration_tick, tick};

/// Okabe and Ito's palette without its yellow, which is too faint for lines on white.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(60, 60, 60),
];
/// Lengths of dashes and gaps; no lengths is a solid line.
const DASHES: [&[f64]; 4] = [&[], &[9.0, 4.0], &[2.5, 3.0], &[9.0, 3.0, 2.5, 3.0]];
const INK: RGBColor = RGBColor(30, 30, 30);
const GRID: RGBColor = RGBColor(228, 228, 228);
const FONT: &str = "sans-serif";
const WIDTH: f64 = 820.0;
/// Up to so many points of every line all have markers; beyond that, one in so much room.
const MOST_MARKERS: usize = 30;
const MARKER_ROOM: f64 = 75.0;

fn with_font() {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // plotters keeps its own register by name; the bytes are part of this program, so they are a font.
        if register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_err() {
            unreachable!("DejaVu Sans is a font");
        }
    });
}

fn height(figure: &Figure) -> f64 {
    match &figure.plot {
        Plot::Lines(lines) => lines_height(lines, 430.0),
        Plot::Panels(panels) => panels.iter().map(panel_height).sum(),
        Plot::Dots(dots) => 70.0 + 24.0 * dots.dots.len() as f64,
    }
}

fn lines_height(lines: &Lines, least: f64) -> f64 {
    let rows: usize = lines.lines.iter().map(|line| wrapped(&line.names).len()).sum();
    (rows as f64 * 17.0 + 120.0).max(least)
}

fn panel_height(panel: &Lines) -> f64 {
    lines_height(panel, 310.0)
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
/// [`Trouble`] if the file cannot be written.
pub fn png(figure: &Figure, path: &Path) -> Result<(), Trouble> {
    with_font();
    let size = ((WIDTH * 2.0) as u32, (height(figure) * 2.0) as u32);
    let root = BitMapBackend::new(path, size).into_drawing_area();
    draw(&Canvas { root: &root, k: 2.0 }, figure);
    root.present().map_err(|error| {
        Trouble::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(path)
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

/// A drawing area with everything in units of the SVG's size.
struct Canvas<'a, B: DrawingBackend> {
    root: &'a DrawingArea<B, Shift>,
    k: f64,
}

impl<B: DrawingBackend> Canvas<'_, B> {
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.k).round() as i32, (y * self.k).round() as i32)
    }

    fn width(&self, width: f64) -> u32 {
        (width * self.k).round().max(1.0) as u32
    }

    fn line(&self, points: &[(f64, f64)], color: RGBColor, width: f64) {
        let style = color.stroke_width(self.width(width));
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.root.draw(&PathElement::new(points, style)).expect("the canvas takes all");
    }

    /// A polyline in dashes; the pattern runs on around corners.
    fn dashed(&self, points: &[(f64, f64)], color: RGBColor, width: f64, pattern: &[f64]) {
        if pattern.is_empty() {
            return self.line(points, color, width);
        }
        let (mut part, mut left) = (0, pattern[0]);
        let mut dash = Vec::new();
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let along = |s: f64| (x0 + (x1 - x0) * s / length, y0 + (y1 - y0) * s / length);
            let mut s = 0.0;
            if part % 2 == 0 && dash.is_empty() {
                dash.push((x0, y0));
            }
            while length - s > left {
                s += left;
                if part % 2 == 0 {
                    dash.push(along(s));
                    self.line(&std::mem::take(&mut dash), color, width);
                } else {
                    dash.push(along(s));
                }
                part = (part + 1) % pattern.len();
                left = pattern[part];
            }
            left -= length - s;
            if part % 2 == 0 {
                dash.push((x1, y1));
            }
        }
        if part % 2 == 0 && dash.len() > 1 {
            self.line(&dash, color, width);
        }
    }

    fn area(&self, points: &[(f64, f64)], color: RGBColor) {
        let points: Vec<_> = points.iter().map(|point| self.at(*point)).collect();
        self.root.draw(&Polygon::new(points, color.mix(0.13).filled())).expect("the canvas takes all");
    }

    fn text(&self, text: &str, at: (f64, f64), size: f64, color: RGBColor, pos: Pos, turned: bool) {
        let turn = if turned { FontTransform::Rotate270 } else { FontTransform::None };
        let style = TextStyle::from((FONT, size * self.k).into_font().transform(turn)).color(&color).pos(pos);
        self.root.draw(&Text::new(visible(text).into_owned(), self.at(at), style)).expect("the canvas takes all");
    }

    /// The marker of a series: a shape that can be told without colour.
    fn marker(&self, (x, y): (f64, f64), shape: usize, color: RGBColor) {
        let r = 4.0;
        let corners: &[(f64, f64)] = match shape % 5 {
            0 => {
                let style = color.filled();
                return self
                    .root
                    .draw(&Circle::new(self.at((x, y)), self.width(r * 0.95), style))
                    .expect("the canvas takes all");
            }
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
            3 => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
            _ => &[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| self.at((x + r * dx, y + r * dy))).collect();
        self.root.draw(&Polygon::new(corners, color.filled())).expect("the canvas takes all");
    }
}

/// The map from values to places along one side of the plotting area.
struct Map {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

impl Map {
    fn new(values: impl Iterator<Item = f64>, log: bool, margin: f64, from: f64, to: f64) -> Self {
        let map = |value: f64| if log { value.log10() } else { value };
        let values: Vec<f64> = values.filter(|v| v.is_finite() && (!log || *v > 0.0)).map(map).collect();
        let (low, high) = crate::statistics::range(&values).unwrap_or((0.0, 1.0));
        let size = if high > low { high - low } else { low.abs().max(1.0) * 0.2 };
        Self { low: low - margin * size, high: high + margin * size, log, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        self.from + (value.clamp(self.low, self.high) - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = self.low.floor() as i32..=self.high.ceil() as i32;
            let steps: &[f64] = match self.high - self.low {
                size if size < 1.2 => &[1.0, 2.0, 3.0, 5.0],
                size if size < 2.2 => &[1.0, 3.0],
                _ => &[1.0],
            };
            let each = ((self.high - self.low) / 8.0).ceil().max(1.0) as i32;
            return decades
                .filter(|decade| decade % each == 0)
                .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
                .filter(|tick| (self.low - 1e-9..=self.high + 1e-9).contains(&tick.log10()))
                .collect();
        }
        let rough = (self.high - self.low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.low / step - 1e-9).ceil() as i64;
        (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= self.high + step * 1e-9).collect()
    }
}

/// Names joined by commas, in lines that fit beside the plotting area.
fn wrapped(names: &[String]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        let last = lines.last_mut().expect("one or more");
        if last.is_empty() {
            *last = format!("{name}{comma}");
        } else if last.chars().count() + name.chars().count() < 22 {
            *last += &format!(" {name}{comma}");
        } else {
            lines.push(format!("{name}{comma}"));
        }
    }
    lines
}

/// A label's wanted height, colour and lines, and the end of the line it belongs to.
type Label = (f64, RGBColor, Vec<String>, (f64, f64));

/// Between `from` and `height` below it.
fn draw_lines<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Lines, from: f64, height: f64) {
    let (left, right, top, bottom) = (78.0, WIDTH - 210.0, from + 18.0, from + height - 58.0);
    let marks = || plot.lines.iter().flat_map(|line| &line.points);
    let x = Map::new(marks().map(|mark| mark.x), plot.x.log, 0.03, left, right);
    let limits = plot.limit.iter().flat_map(|(_, points)| points).map(|(_, y)| *y);
    let limits = limits.chain(plot.lines.iter().filter_map(|line| line.limit));
    let values = marks().flat_map(|m| [m.y, m.band.map_or(m.y, |b| b.0), m.band.map_or(m.y, |b| b.1)]).chain(limits);
    let mut y = Map::new(values, plot.y.log, 0.05, bottom, top);
    if !y.log && plot.limit.is_none() && y.low > 0.0 && y.low < 0.5 * y.high
        || y.low < 0.0 && !y.log && marks().all(|m| m.y >= 0.0)
    {
        y.low = 0.0;
    }
    let is_stairs = plot.shape != Shape::Joined;
    if is_stairs {
        (y.low, y.high) = (0.0, 104.0);
    }
    for tick_at in y.ticks() {
        canvas.line(&[(left, y.place(tick_at)), (right, y.place(tick_at))], GRID, 1.0);
        canvas.text(
            &tick(tick_at),
            (left - 8.0, y.place(tick_at)),
            13.0,
            INK,
            Pos::new(HPos::Right, VPos::Center),
            false,
        );
    }
    // Where the places are few they are the ticks: a reader looks for what was run. Stairs step wherever they must.
    let mut places: Vec<f64> = marks().map(|mark| mark.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let close = places.windows(2).any(|pair| x.place(pair[1]) - x.place(pair[0]) < 38.0);
    for tick_at in if places.len() <= 10 && !close && !is_stairs { places } else { x.ticks() } {
        canvas.line(&[(x.place(tick_at), bottom), (x.place(tick_at), bottom + 5.0)], INK, 1.0);
        let over_seconds = plot.shape == Shape::Stairs { over_seconds: true };
        canvas.text(
            &if over_seconds { duration_tick(tick_at) } else { tick(tick_at) },
            (x.place(tick_at), bottom + 9.0),
            13.0,
            INK,
            Pos::new(HPos::Center, VPos::Top),
            false,
        );
    }
    canvas.line(&[(left, top), (left, bottom), (right, bottom)], INK, 1.0);
    canvas.text(
        &plot.x.label,
        ((left + right) / 2.0, from + height - 8.0),
        14.0,
        INK,
        Pos::new(HPos::Center, VPos::Bottom),
        false,
    );
    canvas.text(&plot.y.label, (14.0, (top + bottom) / 2.0), 14.0, INK, Pos::new(HPos::Center, VPos::Center), true);

    let color = |at: usize| PALETTE[at % PALETTE.len()];
    for (at, line) in plot.lines.iter().enumerate() {
        let upper = line.points.iter().filter_map(|m| m.band.map(|b| (x.place(m.x), y.place(b.1))));
        let lower = line.points.iter().rev().filter_map(|m| m.band.map(|b| (x.place(m.x), y.place(b.0))));
        let outline: Vec<_> = upper.chain(lower).collect();
        if outline.len() > 3 {
            canvas.area(&outline, color(at));
        }
    }
    // The end of every line with its label's lines; labels are moved apart from top to bottom.
    let mut labels: Vec<Label> = Vec::new();
    if let Some((name, points)) = &plot.limit {
        let path: Vec<_> = points.iter().map(|(px, py)| (x.place(*px), y.place(*py))).collect();
        let path = if is_stairs { stairs(&path) } else { path };
        canvas.dashed(&path, INK, 1.6, DASHES[1]);
        if let Some(end) = path.last() {
            labels.push((end.1, INK, vec![name.clone()], *end));
        }
    }
    let many = plot.lines.iter().any(|line| line.points.len() > MOST_MARKERS);
    let has_limits = plot.lines.iter().any(|line| line.limit.is_some());
    for (at, line) in plot.lines.iter().enumerate() {
        if let Some(limit) = line.limit {
            let level = y.place(limit);
            canvas.dashed(&[(left, level), (right, level)], color(at), 1.3, DASHES[1]);
        }
        let path: Vec<_> = line.points.iter().map(|m| (x.place(m.x), y.place(m.y))).collect();
        let path = if is_stairs { stairs(&path) } else { path };
        canvas.dashed(&path, color(at), 2.0, if has_limits { DASHES[0] } else { DASHES[at % DASHES.len()] });
        // Courses have more points than there is room for markers, which come at other places on every line.
        let mut free = if many { left + MARKER_ROOM * at as f64 / plot.lines.len() as f64 } else { left };
        for place in &path {
            if !is_stairs && (!many || place.0 >= free) {
                canvas.marker(*place, at, color(at));
                free = place.0 + MARKER_ROOM;
            }
        }
        if let Some(end) = path.last() {
            labels.push((end.1, color(at), wrapped(&line.names), *end));
        }
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let tall = |lines: &[String]| lines.len() as f64 * 15.0 + 3.0;
    let mut free = top - 8.0;
    let mut tops: Vec<f64> = Vec::new();
    for (wanted, _, lines, _) in &labels {
        let place = (wanted - tall(lines) / 2.0).max(free);
        tops.push(place);
        free = place + tall(lines);
    }
    // Pushed beyond the bottom: back up from there.
    let mut limit = bottom + 10.0;
    for at in (0..labels.len()).rev() {
        tops[at] = tops[at].min(limit - tall(&labels[at].2));
        limit = tops[at];
    }
    for ((_, color, lines, end), place) in labels.iter().zip(tops) {
        canvas.line(&[(end.0 + 6.0, end.1), (right + 20.0, place + tall(lines) / 2.0)], RGBColor(170, 170, 170), 1.0);
        for (row, words) in lines.iter().enumerate() {
            let at = (right + 25.0, place + 9.0 + 15.0 * row as f64);
            canvas.text(words, at, 13.0, *color, Pos::new(HPos::Left, VPos::Center), false);
        }
    }
}

/// The corners of a path on which every value holds until the next place.
fn stairs(path: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = path.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let mut corners: Vec<_> = corners.chain(path.last().copied()).collect();
    corners.dedup();
    corners
}

fn draw_dots<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Dots, height: f64) {
    let longest = plot.dots.iter().map(|dot| dot.name.chars().count()).max().unwrap_or(0);
    let left = (longest as f64 * 7.6 + 22.0).clamp(90.0, 330.0);
    let (right, top, bottom) = (WIDTH - 95.0, 10.0, height - 56.0);
    // Zeros have a place of their own on a logarithmic axis.
    let zero = left + 22.0;
    let from = if plot.axis.log { left + 60.0 } else { left + 10.0 };
    let values = || plot.dots.iter().flat_map(|d| [d.mean, d.max]).filter(|gap| !plot.axis.log || *gap > 0.0);
    let mut x = Map::new(values(), plot.axis.log, 0.03, from, right);
    if !x.log {
        x.low = 0.0;
        x.high = if values().all(|gap| gap == 0.0) { 1.0 } else { x.high };
    }
    let place = |gap: f64| if plot.axis.log && gap <= 0.0 { zero } else { x.place(gap) };
    for tick_at in x.ticks() {
        canvas.line(&[(x.place(tick_at), top), (x.place(tick_at), bottom)], GRID, 1.0);
        canvas.text(
            &tick(tick_at),
            (x.place(tick_at), bottom + 7.0),
            13.0,
            INK,
            Pos::new(HPos::Center, VPos::Top),
            false,
        );
    }
    if plot.axis.log {
        canvas.line(&[(zero, top), (zero, bottom)], GRID, 1.0);
        canvas.text("0", (zero, bottom + 7.0), 13.0, INK, Pos::new(HPos::Center, VPos::Top), false);
        canvas.dashed(&[(left + 42.0, top), (left + 42.0, bottom)], RGBColor(150, 150, 150), 1.0, DASHES[2]);
    }
    canvas.line(&[(left, bottom), (right, bottom)], INK, 1.0);
    canvas.text(
        &plot.axis.label,
        ((left + right) / 2.0, height - 8.0),
        14.0,
        INK,
        Pos::new(HPos::Center, VPos::Bottom),
        false,
    );
    for (at, dot) in plot.dots.iter().enumerate() {
        let y = top + 14.0 + 24.0 * at as f64;
        let color = if dot.mean == 0.0 { PALETTE[2] } else { PALETTE[0] };
        canvas.text(&dot.name, (left - 8.0, y), 13.0, INK, Pos::new(HPos::Right, VPos::Center), false);
        if let Some((low, high)) = dot.interval {
            canvas.line(&[(place(low), y), (place(high), y)], color, 2.0);
        }
        canvas.line(&[(place(dot.max), y - 5.0), (place(dot.max), y + 5.0)], color, 1.5);
        canvas.marker((place(dot.mean), y), 0, color);
        if !dot.certified {
            let hole = Circle::new(canvas.at((place(dot.mean), y)), canvas.width(2.2), WHITE.filled());
            canvas.root.draw(&hole).expect("the canvas takes all");
        }
        let words = crate::numbers::percent(dot.mean / 100.0, 0.0);
        let words = format!("{words}{} %", if dot.certified { "" } else { "†" });
        canvas.text(&words, (right + 14.0, y), 13.0, INK, Pos::new(HPos::Left, VPos::Center), false);
    }
}
