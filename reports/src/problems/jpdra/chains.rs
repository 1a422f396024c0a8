//! Objective histories of CRA's Markov chains: their time averages beside their limits and simulated annealing.
//!
//! Drawn for studies of this name, from the series that `cra-markov` and `cra-anneal` report of their runs, which no checker
//! looks at. One instance and one seed: means over runs would hide what a chain does.

use std::collections::BTreeSet;

use offcut_ledger::{Row, Study};

use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::names::identifier;
use crate::results::Results;

/// The name of the studies.
const STUDY: &str = "markov";

/// An excess relative to the optimum that counts as none: sums are rounded.
const EXCESS_TOL: f64 = 1e-9;

/// The axis goes down to this part of the least excess that a line ends with: the first few moves can be anywhere below.
const FLOOR: f64 = 0.2;

/// The figure of a study of chains; none of any other study, or if its rows have no history.
pub(super) fn figure(results: &Results, study: &Study) -> Option<Figure> {
    if study.name != STUDY {
        return None;
    }
    let in_study: BTreeSet<*const Row> =
        study.cells.iter().filter_map(|cell| Some(std::ptr::from_ref(results.of_key(&cell.key)?.row))).collect();
    let with_history = results.results.iter().map(|result| result.row);
    let with_history: Vec<&Row> = with_history
        .filter(|row| row.series.contains_key("optimum") && in_study.contains(&std::ptr::from_ref(*row)))
        .collect();
    let place =
        |row: &&Row| (row.instance.name.clone(), row.instance.seed, row.key.instance.clone(), row.key.budget.seed);
    let first = with_history.iter().map(place).min()?;
    let mut rows: Vec<&Row> = with_history.into_iter().filter(|row| place(row) == first).collect();
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
        id: format!("{}-history-figure", identifier(&study.name)),
        title: study.title.clone(),
        caption: format!(
            "One run on one instance: {name}, generator seed {seed}, run seed {run_seed}. Excess over the best \
             allocation of the same deployment, as reported by the methods. Solid: for cra-markov the average over \
             the chain's time since its start; for cra-anneal, which has no stationary mean, the average over its \
             moves. Dashed, same colour: ln|F|/beta, the proven limit of the stationary mean; an average over a short \
             time may exceed it. Values below the axis, including zero excess, are drawn at its lower edge. Logarithmic axes."
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

/// The history of a row as excess in percent, with its limit if there is one; none without a history.
fn line(row: &Row) -> Option<Line> {
    let (_, optimum) = *row.series.get("optimum")?.first().filter(|(_, optimum)| *optimum > 0.0)?;
    let excess = |value: f64| {
        let excess = value / optimum - 1.0;
        if excess <= EXCESS_TOL { 0.0 } else { excess * 100.0 }
    };
    let mark = |(x, value): &(f64, f64)| (*x > 0.0).then(|| Mark { x: *x, y: excess(*value), band: None });
    let history = row.series.get("mean")?;
    let points: Vec<Mark> = history.iter().filter_map(mark).collect();
    let limit = row.series.get("envelope").and_then(|points| points.last()).map(|(_, value)| excess(*value));
    (!points.is_empty()).then(|| Line {
        names: vec![row.key.method.clone()],
        points,
        limit: limit.filter(|y| *y > 0.0),
    })
}
