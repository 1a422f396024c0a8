//! Dot charts: one value a method, side by side.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::AxisMap;
use super::canvas::{Canvas, DASHES, GRID, INK, PALETTE, WIDTH};
use crate::figure::Dots;
use crate::numbers::tick;

pub(super) fn draw_dots<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Dots, height: f64) {
    let longest = plot.dots.iter().map(|dot| dot.name.chars().count()).max().unwrap_or(0);
    let left = (longest as f64 * 7.6 + 22.0).clamp(90.0, 330.0);
    let (right, top, bottom) = (WIDTH - 95.0, 10.0, height - 56.0);
    // Zeros have a place of their own on a logarithmic axis.
    let zero = left + 22.0;
    let from = if plot.axis.log { left + 60.0 } else { left + 10.0 };
    let values = || plot.dots.iter().flat_map(|d| [d.mean, d.max]).filter(|gap| !plot.axis.log || *gap > 0.0);
    let mut x = AxisMap::new(values(), plot.axis.log, 0.03, from, right);
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
