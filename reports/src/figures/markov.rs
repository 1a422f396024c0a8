//! The course of CRA's Markov chains: how their means over time come down, and how soon their best states are found.
//!
//! Drawn for studies of this name, from the series that `cra-markov` and `cra-anneal` tell of their runs: the methods' own words, which no
//! checker looks at. One instance and one seed: means over runs would hide what a chain does.

use offcut_ledger::{Row, Study};

use super::{Axis, Figure, Line, Lines, Mark, Plot};
use crate::numbers;
use crate::results::Results;
use crate::table::identifier;

/// The name of the studies.
pub const STUDY: &str = "markov";

/// An excess relative to the optimum that counts as none: sums are rounded.
const NOTHING: f64 = 1e-9;

/// The figures of a study: none if its rows tell no course.
pub(super) fn figures(results: &Results, study: &Study) -> Vec<Figure> {
    let in_study = |row: &Row| study.cells.iter().any(|cell| cell.key == row.key.line());
    let told = results.results.iter().map(|result| result.row);
    let told: Vec<&Row> = told.filter(|row| row.series.contains_key("optimum") && in_study(row)).collect();
    let place =
        |row: &&Row| (row.instance.name.clone(), row.instance.seed, row.key.instance.clone(), row.key.budget.seed);
    let Some(first) = told.iter().map(place).min() else { return Vec::new() };
    let mut rows: Vec<&Row> = told.into_iter().filter(|row| place(row) == first).collect();
    // Sorted by method already; a method with two budgets is one line.
    rows.dedup_by(|a, b| a.key.method == b.key.method);
    let figure = |what: &str, label: &str, names: &[&str], caption: &str| {
        let lines: Vec<Line> = rows.iter().filter_map(|row| line(row, names)).collect();
        let shows = lines.iter().flat_map(|line| &line.points).any(|mark| mark.y > 0.0);
        shows.then(|| Figure {
            id: format!("{}-figure", identifier(&format!("{} {what}", study.name))),
            title: format!("{}: {what}", study.title),
            caption: format!(
                "Instance {}, generator's seed {}, run's seed {}. {caption} The optimum is that of the allocation for the deployment all \
                 of them have; what lies within {} % of it is drawn on the lower edge. Both axes are logarithmic.",
                first.0,
                first.1,
                first.3,
                numbers::data(NOTHING * 100.0)
            ),
            plot: Plot::Lines(Lines {
                x: Axis { label: "moves".into(), log: true },
                y: Axis { label: label.to_owned(), log: true },
                lines,
                limit: None,
            }),
        })
    };
    let mean = figure(
        "mean",
        "mean delay over time, above the optimum (%)",
        &["mean", "envelope"],
        "Solid: mean over a chain's own time since its start. Dashed, in the same colour: ln|F|/beta, the proven limit of the stationary \
         mean, which a mean over a short time may exceed.",
    );
    let best = figure(
        "best",
        "best delay so far, above the optimum (%)",
        &["best"],
        "The best state that each method has found.",
    );
    mean.into_iter().chain(best).collect()
}

/// What a row tells of `names[0]`, and of a level `names[1]`, as excess in percent; none if it tells nothing of the first.
fn line(row: &Row, names: &[&str]) -> Option<Line> {
    let (_, optimum) = *row.series.get("optimum")?.first()?;
    let excess = |value: f64| {
        let excess = value / optimum - 1.0;
        if excess <= NOTHING { 0.0 } else { excess * 100.0 }
    };
    let mark = |(x, value): &(f64, f64)| (*x > 0.0).then(|| Mark { x: *x, y: excess(*value), band: None });
    let points: Vec<Mark> = row.series.get(names[0])?.iter().filter_map(mark).collect();
    let limit = names.get(1).and_then(|name| row.series.get(*name)?.last()).map(|(_, value)| excess(*value));
    (optimum > 0.0 && !points.is_empty()).then(|| Line { names: vec![row.key.method.clone()], points, limit })
}
