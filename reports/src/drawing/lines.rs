//! Line charts. Labels stand at the ends of their lines outside the plotting area.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::AxisMap;
use super::canvas::{Canvas, DASHES, GRID, INK, LEADER, Look, Width};
use crate::figure::{Line, Lines, Mark, Shape};
use crate::numbers::{duration_tick, significant, tick};

/// Up to so many points of every line all have markers; beyond that, one in so much room.
const MAX_MARKERS: usize = 30;
const MARKER_ROOM: f64 = 75.0;

pub(super) fn lines_height(lines: &Lines, least: f64, width: Width) -> f64 {
    let rows = |room: usize| lines.lines.iter().map(|line| wrapped(&line.names, room).len()).sum::<usize>() as f64;
    match width {
        Width::Wide => (rows(WIDE_LABEL) * 17.0 + 120.0).max(least),
        Width::Narrow => 300.0 + legend_height(lines),
    }
}

pub(super) fn panel_height(panel: &Lines, width: Width) -> f64 {
    lines_height(panel, 310.0, width)
}

/// The most characters of a row of a label beside the plotting area, and below it.
const WIDE_LABEL: usize = 22;
const NARROW_LABEL: usize = 44;

/// The height of the labels below the plotting area of a narrow chart.
fn legend_height(lines: &Lines) -> f64 {
    let limit = usize::from(lines.limit.is_some());
    let rows: usize = lines.lines.iter().map(|line| wrapped(&line.names, NARROW_LABEL).len()).sum();
    (rows + limit) as f64 * LABEL_ROW + (lines.lines.len() + limit) as f64 * 3.0 + 8.0
}

/// Names joined by commas, in rows of `room` characters or one name.
fn wrapped(names: &[String], room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 < names.len() { "," } else { "" };
        let last = lines.last_mut().expect("one or more");
        if last.is_empty() {
            *last = format!("{name}{comma}");
        } else if last.chars().count() + name.chars().count() < room {
            *last += &format!(" {name}{comma}");
        } else {
            lines.push(format!("{name}{comma}"));
        }
    }
    lines
}

/// The height of a row of a label.
const LABEL_ROW: f64 = 15.0;

/// A line chart in its place: the plotting area and the maps of both axes.
struct Chart<'c, 'b, B: DrawingBackend> {
    canvas: &'c Canvas<'b, B>,
    plot: &'c Lines,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: AxisMap,
    y: AxisMap,
    looks: Vec<Look>,
}

/// Draws a line chart between `from` and `height` below it.
pub(super) fn draw_lines<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Lines, from: f64, height: f64) {
    let (left, right) = match canvas.width {
        Width::Wide => (78.0, canvas.width.units() - 210.0),
        Width::Narrow => (64.0, canvas.width.units() - 14.0),
    };
    let legend = if canvas.width == Width::Wide { 0.0 } else { legend_height(plot) };
    let (top, bottom) = (from + 18.0, from + height - legend - 58.0);
    let x = AxisMap::new(marks(plot).map(|mark| mark.x), plot.x.log, 0.03, left, right);
    let looks = canvas.looks(&plot.lines.iter().map(|line| line.names.clone()).collect::<Vec<_>>(), true);
    let chart = Chart { canvas, plot, left, right, top, bottom, x, y: vertical(plot, bottom, top), looks };
    chart.ticks();
    chart.frame(from + height - legend - 8.0);
    chart.bands();
    let labels: Vec<Label> = chart.limit().into_iter().chain(chart.lines()).collect();
    match canvas.width {
        Width::Wide => chart.labels(labels),
        Width::Narrow => chart.legend(labels, from + height - legend),
    }
}

fn marks(plot: &Lines) -> impl Iterator<Item = &Mark> {
    plot.lines.iter().flat_map(|line| &line.points)
}

/// The map of the vertical axis. It begins at 0 where values or bands are near it; shares have a fixed one.
fn vertical(plot: &Lines, bottom: f64, top: f64) -> AxisMap {
    let limits = plot.limit.iter().flat_map(|(_, points)| points).map(|(_, y)| *y);
    let limits = limits.chain(plot.lines.iter().filter_map(|line| line.limit));
    let values = marks(plot).flat_map(|m| [m.y, m.band.map_or(m.y, |b| b.0), m.band.map_or(m.y, |b| b.1)]);
    let mut y = AxisMap::new(values.chain(limits), plot.y.log, 0.05, bottom, top);
    if !y.log && plot.limit.is_none() && y.low > 0.0 && y.low < 0.5 * y.high
        || y.low < 0.0 && !y.log && marks(plot).all(|m| m.y >= 0.0)
    {
        y.low = 0.0;
    }
    if matches!(plot.shape, Shape::Stairs { .. }) {
        (y.low, y.high) = (0.0, 104.0);
    }
    y
}

/// The label of a line, and the place of the line's end.
struct Label {
    color: RGBColor,
    /// Its mark and dashes; none of a limit, which has no marks.
    look: Option<Look>,
    rows: Vec<String>,
    end: (f64, f64),
}

impl Label {
    fn height(&self) -> f64 {
        self.rows.len() as f64 * LABEL_ROW + 3.0
    }
}

impl<B: DrawingBackend> Chart<'_, '_, B> {
    fn is_stairs(&self) -> bool {
        matches!(self.plot.shape, Shape::Stairs { .. })
    }

    fn text(&self, text: &str, at: (f64, f64), size: f64, (horizontal, vertical): (HPos, VPos), turned: bool) {
        self.canvas.text(text, at, size, INK, Pos::new(horizontal, vertical), turned);
    }

    fn ticks(&self) {
        let Self { canvas, left, right, bottom, x, y, .. } = self;
        for at in y.ticks() {
            canvas.line(&[(*left, y.place(at)), (*right, y.place(at))], GRID, 1.0);
            self.text(&tick(at), (left - 8.0, y.place(at)), 13.0, (HPos::Right, VPos::Center), false);
        }
        if let Some(zero) = y.zero {
            self.text("0", (left - 8.0, zero), 13.0, (HPos::Right, VPos::Center), false);
            canvas.dashed(&[(*left, zero - 15.0), (*right, zero - 15.0)], LEADER, 1.0, DASHES[2]);
        }
        // Few places are the ticks: they are the values that were run. Stairs step at any place.
        let mut places: Vec<f64> = marks(self.plot).map(|mark| mark.x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let room = if canvas.width == Width::Wide { 38.0 } else { 30.0 };
        let close = places.windows(2).any(|pair| x.place(pair[1]) - x.place(pair[0]) < room);
        let mut free = f64::NEG_INFINITY;
        let over_seconds = self.plot.shape == Shape::Stairs { over_seconds: true };
        for at in if places.len() <= 10 && !close && self.plot.shape == Shape::Joined { places } else { x.ticks() } {
            canvas.line(&[(x.place(at), *bottom), (x.place(at), bottom + 5.0)], INK, 1.0);
            let text = if over_seconds { duration_tick(at) } else { tick(at) };
            let half = text.chars().count() as f64 * 4.0;
            if x.place(at) - half < free {
                continue;
            }
            free = x.place(at) + half + 4.0;
            // A text at the end of the axis stays within the figure.
            let center = x.place(at).min(canvas.width.units() - half - 2.0);
            self.text(&text, (center, bottom + 9.0), 13.0, (HPos::Center, VPos::Top), false);
        }
    }

    /// The axes and their labels; that of the horizontal one ends at `end`.
    fn frame(&self, end: f64) {
        let Self { canvas, plot, left, right, top, bottom, .. } = self;
        canvas.line(&[(*left, *top), (*left, *bottom), (*right, *bottom)], INK, 1.0);
        self.text(&plot.x.label, ((left + right) / 2.0, end), 14.0, (HPos::Center, VPos::Bottom), false);
        self.text(&plot.y.label, (14.0, (top + bottom) / 2.0), 14.0, (HPos::Center, VPos::Center), true);
    }

    fn bands(&self) {
        let Self { canvas, plot, x, y, .. } = self;
        for (at, line) in plot.lines.iter().enumerate() {
            if plot.shape == Shape::Points {
                for (mark, (low, high)) in line.points.iter().filter_map(|mark| Some((mark, mark.band?))) {
                    let across = x.place(mark.x);
                    canvas.line(&[(across, y.place(low)), (across, y.place(high))], self.looks[at].color, 1.0);
                }
                continue;
            }
            let upper = line.points.iter().filter_map(|m| m.band.map(|b| (x.place(m.x), y.place(b.1))));
            let lower = line.points.iter().rev().filter_map(|m| m.band.map(|b| (x.place(m.x), y.place(b.0))));
            let outline: Vec<_> = upper.chain(lower).collect();
            if outline.len() > 3 {
                canvas.area(&outline, self.looks[at].color);
            }
        }
    }

    /// Places of a path on the canvas, with the corners of stairs.
    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
        let path: Vec<_> = points.map(|(x, y)| (self.x.place(x), self.y.place(y))).collect();
        if self.is_stairs() { stairs(&path) } else { path }
    }

    /// The common limit, if there is one, and its label.
    fn limit(&self) -> Option<Label> {
        let (name, points) = self.plot.limit.as_ref()?;
        let path = self.path(points.iter().copied());
        self.canvas.dashed(&path, INK, 1.6, DASHES[1]);
        Some(Label { color: INK, look: None, rows: vec![name.clone()], end: *path.last()? })
    }

    /// The lines with their markers and limits, and their labels.
    fn lines(&self) -> Vec<Label> {
        let Self { canvas, plot, left, right, y, .. } = self;
        let many = plot.lines.iter().any(|line| line.points.len() > MAX_MARKERS);
        let has_limits = plot.lines.iter().any(|line| line.limit.is_some());
        let room = if canvas.width == Width::Wide { WIDE_LABEL } else { NARROW_LABEL };
        let mut labels = Vec::new();
        for (at, (line, look)) in plot.lines.iter().zip(&self.looks).enumerate() {
            if let Some(limit) = line.limit {
                let level = y.place(limit);
                canvas.dashed(&[(*left, level), (*right, level)], look.color, 1.3, DASHES[1]);
            }
            let path = self.path(line.points.iter().map(|mark| (mark.x, mark.y)));
            if plot.shape != Shape::Points {
                canvas.dashed(&path, look.color, 2.0, if has_limits { DASHES[0] } else { look.dashes });
            }
            // Histories have more points than there is room for markers, which come at other places on every line.
            let mut free = if many { left + MARKER_ROOM * at as f64 / plot.lines.len() as f64 } else { *left };
            for place in &path {
                if !self.is_stairs() && (!many || place.0 >= free) {
                    canvas.marker(*place, look.shape, look.color);
                    free = place.0 + MARKER_ROOM;
                }
            }
            self.hints(line);
            let (color, rows) = (look.color, wrapped(&line.names, room));
            labels.extend(path.last().map(|end| Label { color, look: Some(*look), rows, end: *end }));
        }
        labels
    }

    /// What stands at the points of a line, for whoever points at them: of many points some.
    fn hints(&self, line: &Line) {
        let every = line.points.len().div_ceil(MAX_MARKERS).max(1);
        for mark in line.points.iter().step_by(every) {
            let over_seconds = self.plot.shape == Shape::Stairs { over_seconds: true };
            let x = if over_seconds { duration_tick(mark.x) } else { tick(mark.x) };
            let band = mark
                .band
                .map_or(String::new(), |(low, high)| format!(" [{}, {}]", significant(low, 4), significant(high, 4)));
            let Lines { x: over, y, .. } = self.plot;
            let words = format!("{} {x}, {} {}{band}", over.label, y.label, significant(mark.y, 4));
            self.canvas
                .hint((self.x.place(mark.x), self.y.place(mark.y)), format!("{}: {words}", line.names.join(", ")));
        }
    }

    /// Labels right of the plotting area, moved apart from top to bottom, each with the mark of its line; those of lines that end there with a line to
    /// the end.
    fn labels(&self, mut labels: Vec<Label>) {
        labels.sort_by(|a, b| a.end.1.total_cmp(&b.end.1));
        let mut free = self.top - 8.0;
        let mut tops: Vec<f64> = Vec::new();
        for label in &labels {
            let place = (label.end.1 - label.height() / 2.0).max(free);
            tops.push(place);
            free = place + label.height();
        }
        // Pushed beyond the bottom: back up from there.
        let mut limit = self.bottom + 10.0;
        for (top, label) in tops.iter_mut().zip(&labels).rev() {
            *top = top.min(limit - label.height());
            limit = *top;
        }
        for (label, top) in labels.iter().zip(tops) {
            // A line that ends within the plotting area is known by its mark: a line to its end would cross others.
            if label.end.0 > self.right - 60.0 && (self.plot.shape != Shape::Points || label.look.is_none()) {
                let joint = (self.right + 18.0, top + label.height() / 2.0);
                self.canvas.line(&[(label.end.0 + 6.0, label.end.1), joint], LEADER, 1.0);
            }
            self.label(label, (self.right + 20.0, top));
        }
    }

    /// Labels below the plotting area, one below the other.
    fn legend(&self, labels: Vec<Label>, from: f64) {
        let mut top = from;
        for label in &labels {
            self.label(label, (12.0, top));
            top += label.height();
        }
    }

    /// A label with the mark of its line before it.
    fn label(&self, Label { color, look, rows, .. }: &Label, (left, top): (f64, f64)) {
        let middle = top + 9.0;
        match look {
            Some(look) if !self.is_stairs() => self.canvas.marker((left + 6.0, middle), look.shape, look.color),
            Some(look) => self.canvas.dashed(&[(left - 1.0, middle), (left + 13.0, middle)], *color, 2.0, look.dashes),
            None => self.canvas.dashed(&[(left - 1.0, middle), (left + 13.0, middle)], *color, 1.6, DASHES[1]),
        }
        for (row, text) in rows.iter().enumerate() {
            let at = (left + 18.0, middle + LABEL_ROW * row as f64);
            self.canvas.text(text, at, 13.0, *color, Pos::new(HPos::Left, VPos::Center), false);
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
