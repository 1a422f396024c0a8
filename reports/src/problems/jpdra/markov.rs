//! The course of CRA's Markov chains: where their means over time go, beside their limits and simulated annealing.
//!
//! Drawn for studies of this name, from the series that `cra-markov` and `cra-anneal` tell of their runs: the methods' own words, which no
//! checker looks at. One instance and one seed: means over runs would hide what a chain does.

use offcut_ledger::{Row, Study};

use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::names::identifier;
use crate::results::Results;

/// The name of the studies.
const STUDY: &str = "markov";

/// An excess relative to the optimum that counts as none: sums are rounded.
const NOTHING: f64 = 1e-9;

/// The axis goes down to this part of the least excess that a line ends with: the first few moves can be anywhere below.
const FLOOR: f64 = 0.2;

/// The figure of a study of chains; none of any other study, or if its rows tell no course.
pub(super) fn figure(results: &Results, study: &Study) -> Option<Figure> {
    if study.name != STUDY {
        return None;
    }
    let in_study = |row: &Row| study.cells.iter().any(|cell| cell.key == row.key.line());
    let told = results.results.iter().map(|result| result.row);
    let told: Vec<&Row> = told.filter(|row| row.series.contains_key("optimum") && in_study(row)).collect();
    let place =
        |row: &&Row| (row.instance.name.clone(), row.instance.seed, row.key.instance.clone(), row.key.budget.seed);
    let first = told.iter().map(place).min()?;
    let mut rows: Vec<&Row> = told.into_iter().filter(|row| place(row) == first).collect();
    // Sorted by method already; a method with two budgets is one line.
    rows.dedup_by(|a, b| a.key.method == b.key.method);
    let mut lines: Vec<Line> = rows.into_iter().filter_map(line).collect();
    let ends = lines.iter().filter_map(|line| line.points.last()).map(|mark| mark.y).filter(|y| *y > 0.0);
    let floor = FLOOR * ends.min_by(f64::total_cmp)?;
    for mark in lines.iter_mut().flat_map(|line| &mut line.points).filter(|mark| mark.y < floor) {
        mark.y = 0.0;
    }
    let (name, seed, _, run_seed) = first;
    Some(Figure {
        id: format!("{}-course-figure", identifier(&study.name)),
        title: study.title.clone(),
        caption: format!(
            "One run on one instance: {name}, generator's seed {seed}, run's seed {run_seed}; excess over the best allocation of the same \
             deployment, told by the methods. Solid: of cra-markov the mean over the chain's time since its start, of cra-anneal, \
             which has no stationary mean, that over its moves so far. Dashed, in the same colour: ln|F|/beta, the proven limit of the stationary mean, which a mean over a short \
             time may exceed. What lies below the axis, no excess included, is drawn on its lower edge. Logarithmic axes."
        ),
        plot: Plot::Lines(Lines {
            x: Axis { label: "moves".into(), log: true },
            y: Axis { label: "excess over the best allocation (%)".into(), log: true },
            lines,
            limit: None,
            shape: Shape::Joined,
        }),
    })
}

/// The course of a row as excess in percent, with its limit if it tells one; none if it tells no course.
fn line(row: &Row) -> Option<Line> {
    let (_, optimum) = *row.series.get("optimum")?.first().filter(|(_, optimum)| *optimum > 0.0)?;
    let excess = |value: f64| {
        let excess = value / optimum - 1.0;
        if excess <= NOTHING { 0.0 } else { excess * 100.0 }
    };
    let mark = |(x, value): &(f64, f64)| (*x > 0.0).then(|| Mark { x: *x, y: excess(*value), band: None });
    let course = row.series.get("mean")?;
    let points: Vec<Mark> = course.iter().filter_map(mark).collect();
    let limit = row.series.get("envelope").and_then(|points| points.last()).map(|(_, value)| excess(*value));
    (!points.is_empty()).then(|| Line {
        names: vec![row.key.method.clone()],
        points,
        limit: limit.filter(|y| *y > 0.0),
    })
}
