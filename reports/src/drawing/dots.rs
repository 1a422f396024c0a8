//! Dot charts: one value a method, side by side; its time beside it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::AxisMap;
use super::canvas::{Canvas, DASHES, GRID, INK, LEADER, Look, Width};
use crate::figure::{Dot, Dots, Role};
use crate::numbers::{duration, duration_tick, percent, tick};

/// Room for the axis and its label below the dots.
const AXIS_ROOM: f64 = 56.0;

pub(super) fn dots_height(plot: &Dots, width: Width) -> f64 {
    AXIS_ROOM + 14.0 + row_height(width) * plot.dots.len() as f64
}

/// On phones a method's name stands above its dot.
fn row_height(width: Width) -> f64 {
    if width == Width::Wide { 24.0 } else { 42.0 }
}

/// One plotting area of the chart: its sides, and the map along it.
struct Panel {
    left: f64,
    right: f64,
    x: AxisMap,
}

/// A dot chart in its place.
struct Chart<'c, 'b, B: DrawingBackend> {
    canvas: &'c Canvas<'b, B>,
    plot: &'c Dots,
    top: f64,
    bottom: f64,
    gaps: Panel,
    times: Option<Panel>,
}

/// Draws a dot chart.
pub(super) fn draw_dots<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Dots, height: f64) {
    let width = canvas.width.units();
    let is_wide = canvas.width == Width::Wide;
    let longest = plot.dots.iter().map(|dot| dot.name.chars().count()).max().unwrap_or(0);
    let left = if is_wide { (longest as f64 * 7.6 + 22.0).clamp(90.0, 330.0) } else { 8.0 };
    let right = width - if is_wide { 90.0 } else { 14.0 };
    // Both axes share the room; values stand right of each on wide figures, beside the names on narrow ones.
    let (gaps_right, times_left) = match (&plot.times, is_wide) {
        (None, _) => (right, right),
        (Some(_), true) => (left + 0.52 * (right - left) - 90.0, left + 0.52 * (right - left) + 20.0),
        (Some(_), false) => (left + 0.55 * (right - left), left + 0.66 * (right - left)),
    };
    let times = plot.times.as_ref().map(|_| {
        let times = plot.dots.iter().filter_map(|dot| dot.time_s);
        Panel { left: times_left, right, x: AxisMap::new(times, true, 0.06, times_left, right) }
    });
    let gaps = Panel { left, right: gaps_right, x: gap_axis(plot, left + 12.0, gaps_right) };
    let chart = Chart { canvas, plot, top: 10.0, bottom: height - AXIS_ROOM, gaps, times };
    chart.axes(height);
    let looks = canvas.looks(&plot.dots.iter().map(|dot| vec![dot.name.clone()]).collect::<Vec<_>>(), false);
    for (at, (dot, look)) in plot.dots.iter().zip(looks).enumerate() {
        chart.row(at, dot, look);
    }
}

/// The axis of the gaps. It begins at 0, or at the least value if that is negative; on a logarithmic one zeros have a place of their own.
fn gap_axis(plot: &Dots, left: f64, right: f64) -> AxisMap {
    let values = || plot.dots.iter().flat_map(|dot| [dot.mean, dot.max, dot.interval.map_or(dot.mean, |(low, _)| low)]);
    let mut x = AxisMap::new(values(), plot.axis.log, 0.03, left, right);
    if !x.log {
        x.low = if values().all(|value| value >= 0.0) { 0.0 } else { x.low };
        x.high = if values().all(|gap| gap == 0.0) { 1.0 } else { x.high };
    }
    x
}

impl<B: DrawingBackend> Chart<'_, '_, B> {
    fn text(&self, text: &str, at: (f64, f64), size: f64, (horizontal, vertical): (HPos, VPos)) {
        self.canvas.text(text, at, size, INK, Pos::new(horizontal, vertical), false);
    }

    /// Both axes with ticks and labels.
    fn axes(&self, height: f64) {
        self.axis(&self.gaps, &self.plot.axis.label, height, tick);
        if let Some(zero) = self.gaps.x.zero {
            let between = zero + 16.0;
            self.grid(zero);
            self.text("0", (zero, self.bottom + 7.0), 13.0, (HPos::Center, VPos::Top));
            if self.canvas.width == Width::Wide {
                self.canvas.dashed(&[(between, self.top), (between, self.bottom)], LEADER, 1.0, DASHES[2]);
            }
        }
        if let (Some(panel), Some(label)) = (&self.times, &self.plot.times) {
            self.axis(panel, label, height, duration_tick);
        }
    }

    /// A line of the grid; on narrow figures it leaves out the names.
    fn grid(&self, place: f64) {
        match self.canvas.width {
            Width::Wide => self.canvas.line(&[(place, self.top), (place, self.bottom)], GRID, 1.0),
            Width::Narrow => {
                for row in 0..self.plot.dots.len() {
                    let y = self.top + row_height(Width::Narrow) * row as f64 + 28.0;
                    self.canvas.line(&[(place, y - 9.0), (place, y + 9.0)], GRID, 1.0);
                }
            }
        }
    }

    fn axis(&self, panel: &Panel, label: &str, height: f64, text: impl Fn(f64) -> String) {
        let Panel { left, right, x } = panel;
        let mut free = f64::NEG_INFINITY;
        for at in x.ticks() {
            let place = x.place(at);
            self.grid(place);
            let words = text(at);
            let half = words.chars().count() as f64 * 4.0;
            if place - half >= free {
                // A text at the end of the axis stays within the figure.
                let center = place.min(self.canvas.width.units() - half - 2.0);
                self.text(&words, (center, self.bottom + 7.0), 13.0, (HPos::Center, VPos::Top));
                free = place + half + 6.0;
            }
        }
        self.canvas.line(&[(*left, self.bottom), (*right, self.bottom)], INK, 1.0);
        self.text(label, ((left + right) / 2.0, height - 8.0), 14.0, (HPos::Center, VPos::Bottom));
    }

    /// A method: its name, its gap with the interval and the largest, its time.
    fn row(&self, at: usize, dot: &Dot, look: Look) {
        let Self { canvas, top, gaps, .. } = self;
        let is_wide = canvas.width == Width::Wide;
        let begin = top + row_height(canvas.width) * at as f64;
        let y = begin + if is_wide { 14.0 } else { 28.0 };
        let gap = format!("{}{} %", percent(dot.mean / 100.0, 0.0), if dot.certified { "" } else { "†" });
        let name = match dot.role {
            Role::Paper => format!("▸ {}", dot.name),
            Role::PlugIn => format!("+ {}", dot.name),
            _ => dot.name.clone(),
        };
        if is_wide {
            canvas.text(&name, (gaps.left - 8.0, y), 13.0, look.color, Pos::new(HPos::Right, VPos::Center), false);
            self.text(&gap, (gaps.right + 12.0, y), 13.0, (HPos::Left, VPos::Center));
        } else {
            let time = dot.time_s.map_or(String::new(), |s| format!(", {}", duration(s)));
            let words = format!("{name}: {gap}{time}");
            canvas.text(&words, (gaps.left, begin + 10.0), 13.0, look.color, Pos::new(HPos::Left, VPos::Center), false);
        }
        let place = |gap: f64| gaps.x.place(gap);
        if let Some((low, high)) = dot.interval {
            canvas.line(&[(place(low), y), (place(high), y)], look.color, 2.0);
        }
        canvas.line(&[(place(dot.max), y - 5.0), (place(dot.max), y + 5.0)], look.color, 1.5);
        canvas.marker((place(dot.mean), y), look.shape, look.color);
        if !dot.certified {
            let hole = Circle::new(canvas.at((place(dot.mean), y)), canvas.pixels(1.8), WHITE.filled());
            canvas.root.draw(&hole).expect("the canvas takes all");
        }
        let interval = dot.interval.map_or(String::new(), |(low, high)| {
            format!(" [{}, {}]", percent(low / 100.0, 0.0), percent(high / 100.0, 0.0))
        });
        let most = percent(dot.max / 100.0, 0.0);
        let label = self.plot.axis.label.trim_end_matches(" (%)");
        canvas.hint((place(dot.mean), y), format!("{}: {label} {gap}{interval}, at most {most} %", dot.name));
        if let (Some(panel), Some(time)) = (&self.times, dot.time_s) {
            canvas.marker((panel.x.place(time), y), look.shape, look.color);
            canvas.hint((panel.x.place(time), y), format!("{}: {}", dot.name, duration(time)));
            if is_wide {
                self.text(&duration(time), (panel.right + 12.0, y), 13.0, (HPos::Left, VPos::Center));
            }
        }
    }
}
