//! Line charts. Labels stand at the ends of their lines outside the plotting area.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::AxisMap;
use super::canvas::{Canvas, DASHES, GRID, INK, PALETTE, WIDTH};
use crate::figure::{Lines, Shape};
use crate::numbers::{duration_tick, tick};

/// Up to so many points of every line all have markers; beyond that, one in so much room.
const MAX_MARKERS: usize = 30;
const MARKER_ROOM: f64 = 75.0;

pub(super) fn lines_height(lines: &Lines, least: f64) -> f64 {
    let rows: usize = lines.lines.iter().map(|line| wrapped(&line.names).len()).sum();
    (rows as f64 * 17.0 + 120.0).max(least)
}

pub(super) fn panel_height(panel: &Lines) -> f64 {
    lines_height(panel, 310.0)
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
pub(super) fn draw_lines<B: DrawingBackend>(canvas: &Canvas<B>, plot: &Lines, from: f64, height: f64) {
    let (left, right, top, bottom) = (78.0, WIDTH - 210.0, from + 18.0, from + height - 58.0);
    let marks = || plot.lines.iter().flat_map(|line| &line.points);
    let x = AxisMap::new(marks().map(|mark| mark.x), plot.x.log, 0.03, left, right);
    let limits = plot.limit.iter().flat_map(|(_, points)| points).map(|(_, y)| *y);
    let limits = limits.chain(plot.lines.iter().filter_map(|line| line.limit));
    let values = marks().flat_map(|m| [m.y, m.band.map_or(m.y, |b| b.0), m.band.map_or(m.y, |b| b.1)]).chain(limits);
    let mut y = AxisMap::new(values, plot.y.log, 0.05, bottom, top);
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
    let many = plot.lines.iter().any(|line| line.points.len() > MAX_MARKERS);
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
