//! Figures that compare: shares of instances over time, and performance profiles of two methods at a time.

use offcut_instances::problem::MethodSpec;

use super::class::{Class, GAP_TARGET};
use super::common::{CommonBlock, MIN_INSTANCES};
use super::entrant::Entrant;
use super::names::listed;
use super::pairs::Pair;
use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::numbers::data;

/// So many curves can be told apart in one panel.
const MAX_CURVES: usize = 7;

/// So many pairs are drawn.
const MAX_PAIRS: usize = 3;

/// Beyond this factor profiles are not drawn: who needs that much more is far off.
const MAX_FACTOR: f64 = 1e4;

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    let points = points.into_iter().map(|(x, y)| Mark { x, y, band: None }).collect();
    Line { names: vec![name.to_owned()], points, limit: None }
}

/// The steps of the share, in percent of `all`, of places that are at most so large: up from 0 at the first, or from what is at `from`, to `to`.
fn steps(mut places: Vec<f64>, all: usize, from: f64, to: f64) -> Vec<(f64, f64)> {
    places.retain(|place| *place <= to);
    places.sort_by(f64::total_cmp);
    let share = |count: usize| 100.0 * count as f64 / all as f64;
    let Some(first) = places.first() else { return Vec::new() };
    let early = places.partition_point(|place| *place <= from);
    let mut points = vec![(first.max(from), share(early))];
    points.extend(places.iter().enumerate().skip(early).map(|(at, place)| (*place, share(at + 1))));
    points.push((to, share(places.len())));
    points
}

fn label(entrant: &Entrant) -> String {
    let word = if entrant.solver_reported() > 0 { "†" } else { "" };
    format!("{}{word}", entrant.method)
}

/// The share of instances solved (by heuristics: within the gap of a bound) within a time, one panel a variant.
pub(super) fn shares(class: Class, blocks: &[CommonBlock]) -> Option<Figure> {
    let mut left_out = LeftOut::default();
    let drawn = blocks.iter().filter(|block| block.is_drawn());
    let panels: Vec<Lines> = drawn.filter_map(|block| panel(block, blocks.len() > 1, &mut left_out)).collect();
    if panels.is_empty() {
        return None;
    }
    let (done, title) = match class {
        Class::Exact => ("solved", "Share of instances solved over time".to_owned()),
        Class::Heuristic => {
            let gap = data(100.0 * GAP_TARGET);
            ("within the gap", format!("Share of instances within {gap} % of the best known bound over time"))
        }
    };
    let mut caption = format!(
        "A curve at height y over time t: y % of the instances are {done} after time t, on every seed. Higher and \
         further left is better. A curve ends at the method's final share. Common instances only. Dashed black: virtual \
         best, the fastest method on every instance."
    );
    if blocks.iter().flat_map(|f| &f.entrants).any(|e| e.solver_reported() > 0) {
        caption += " †: solved with solver-reported bounds (unchecked).";
    }
    caption += &left_out.note(done);
    let small: Vec<&str> = blocks.iter().filter(|block| !block.is_drawn()).map(|block| block.variant).collect();
    if !small.is_empty() {
        let small = listed(&small);
        caption += &format!(" Not drawn, because there are fewer than {MIN_INSTANCES} instances: {small}.");
    }
    Some(Figure { id: format!("statistics-{}-figure", class.id()), title, caption, plot: Plot::Panels(panels) })
}

/// The methods whose curves are not drawn.
#[derive(Default)]
struct LeftOut<'e> {
    /// The only curve of its block, in words.
    alone: Vec<String>,
    /// No instance is solved.
    empty: Vec<&'e str>,
    /// More curves than can be told apart.
    lower: Vec<&'e str>,
}

impl LeftOut<'_> {
    /// The sentences of the caption.
    fn note(&self, done: &str) -> String {
        let mut note = String::new();
        if !self.alone.is_empty() {
            let alone = self.alone.join(", ");
            note += &format!(" Not drawn, because no other method of the same variant has a curve: {alone}.");
        }
        if !self.empty.is_empty() {
            note += &format!(" Not drawn, because no instance is {done}: {}.", listed(&self.empty));
        }
        if !self.lower.is_empty() {
            note += &format!(" Not drawn, with lower final shares: {}.", listed(&self.lower));
        }
        note
    }
}

/// The panel of a block; none with fewer than two curves.
fn panel<'e>(block: &'e CommonBlock, has_variants: bool, left_out: &mut LeftOut<'e>) -> Option<Lines> {
    let times = |entrant: &Entrant| -> Vec<f64> {
        block.instances.iter().filter_map(|instance| entrant.cells[instance].reached_s()).collect()
    };
    let mut curves: Vec<(&Entrant, Vec<f64>)> = block.entrants.iter().map(|e| (*e, times(e))).collect();
    left_out.empty.extend(curves.iter().filter(|(_, times)| times.is_empty()).map(|(e, _)| e.name.as_str()));
    curves.retain(|(_, times)| !times.is_empty());
    if let [(only, times)] = &curves[..] {
        left_out.alone.push(format!("{} on {} of {}", only.name, times.len(), block.instances.len()));
        return None;
    }
    // The most solved first, then by name as they come.
    curves.sort_by_key(|(_, times)| std::cmp::Reverse(times.len()));
    if curves.len() > MAX_CURVES {
        left_out.lower.extend(curves.split_off(MAX_CURVES).into_iter().map(|(e, _)| e.name.as_str()));
    }
    let reached = || curves.iter().flat_map(|(_, times)| times.iter().copied()).filter(|t| *t > 0.0);
    let (from, to) = (0.8 * reached().reduce(f64::min)?, 1.25 * reached().reduce(f64::max)?);
    let n = block.instances.len();
    let best = block
        .instances
        .iter()
        .filter_map(|instance| block.entrants.iter().filter_map(|e| e.cells[instance].reached_s()).reduce(f64::min));
    let best = steps(best.collect(), n, from, to);
    let variant = if has_variants { format!("{}: ", block.variant) } else { String::new() };
    Some(Lines {
        x: Axis { label: "time".into(), log: true },
        y: Axis { label: format!("{variant}% of {n} instances"), log: false },
        lines: curves.into_iter().map(|(e, times)| line(&label(e), steps(times, n, from, to))).collect(),
        limit: Some(("virtual best".to_owned(), best)),
        shape: Shape::Stairs { over_seconds: true },
    })
}

/// Performance profiles of pairs that differ and share enough: of exact methods by time, of heuristics by objective.
pub(super) fn profiles(class: Class, pairs: &[Pair]) -> Option<Figure> {
    let differs = |pair: &&Pair| pair.ratios.len() >= MIN_INSTANCES && pair.ratios.iter().any(|ratio| *ratio != 0.0);
    let mut drawn: Vec<&Pair> = pairs.iter().filter(differs).collect();
    let is_setting = |pair: &Pair| MethodSpec::id_in(pair.first.method) == MethodSpec::id_in(pair.second.method);
    drawn.retain(|pair| !is_setting(pair));
    // Of every first its nearest candidates: those that come first.
    drawn.truncate(if class == Class::Exact { MAX_PAIRS } else { 1 });
    let several = pairs.iter().any(|pair| pair.first.variant != pairs[0].first.variant);
    let variant = |pair: &Pair| if several { format!("{}: ", pair.first.variant) } else { String::new() };
    let quantity = match class {
        Class::Exact => "time over the faster method's time",
        Class::Heuristic => "objective over the better objective",
    };
    let mut panels = Vec::new();
    for pair in &drawn {
        let n = pair.ratios.len();
        let (first, second): (Vec<f64>, Vec<f64>) = pair.factors.iter().copied().unzip();
        let farthest = first.iter().chain(&second).copied().filter(|factor| factor.is_finite()).fold(1.0, f64::max);
        let to = (farthest * farthest.powf(0.03)).min(MAX_FACTOR);
        let profile = |entrant: &Entrant, factors: Vec<f64>| line(&label(entrant), steps(factors, n, 1.0, to));
        panels.push(Lines {
            x: Axis { label: quantity.into(), log: farthest > 3.0 },
            y: Axis { label: format!("{}% of {n} instances", variant(pair)), log: false },
            lines: vec![profile(pair.first, first), profile(pair.second, second)],
            limit: None,
            shape: Shape::Stairs { over_seconds: false },
        });
    }
    let others = pairs.len() - drawn.len();
    let others = if others == 0 { "" } else { " All pairs are in the table." };
    let measure = match class {
        Class::Exact => "the method needs at most x times the time of the faster method",
        Class::Heuristic => "the method's objective is within a factor x of the better objective",
    };
    let title = match class {
        Class::Exact => "Performance profiles of pairs of methods",
        Class::Heuristic => "Performance profile of the reference method and its closest competitor",
    };
    (!panels.is_empty()).then(|| Figure {
        id: format!("statistics-{}-profile", class.id()),
        title: title.into(),
        caption: format!(
            "A curve at height y over x: on y % of the shared instances, {measure}. Left edge: share of instances on \
             which the method is better or equal; higher is better. Instances that a method does not solve are never \
             reached; factors above 10,000 are not drawn. Profiles compare two methods, because the ranking of more \
             methods can change when one is left out.{others}"
        ),
        plot: Plot::Panels(panels),
    })
}
