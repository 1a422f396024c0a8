//! What the checker measured of solutions besides their objectives.
//!
//! The manifest says which measures reports show, and their names and units; an old manifest that does not has all of its rows' measures shown under
//! their keys.

use std::collections::BTreeSet;

use offcut_ledger::manifest::Quantity;

use crate::numbers::significant;
use crate::problem_report::{Parts, ProblemReport};
use crate::results::{Point, Results, Series};
use crate::statistics::mean;

/// The measures that the tables of these series show.
pub(super) fn measures(results: &Results, problem: &ProblemReport, series: &[Series]) -> BTreeSet<String> {
    let rows = series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let listed = &results.manifest.measures;
    let is_shown = |name: &&String| listed.is_empty() || listed.contains_key(*name);
    let rows = rows.filter(|r| (problem.has_measures)(&r.row.instance.variant));
    rows.flat_map(|r| r.row.measures.keys()).filter(is_shown).cloned().collect()
}

/// What a measure is called, and its unit.
pub(super) fn measured(results: &Results, measure: &str) -> Quantity {
    let listed = results.manifest.measures.get(measure).cloned();
    listed.unwrap_or_else(|| Quantity { name: measure.into(), unit: String::new() })
}

/// The measure of every instance at a point.
pub(super) fn of_measure(point: &Point, measure: &str) -> Vec<f64> {
    point.per_instance(|r| r.row.measures.get(measure).copied())
}

/// The measures into which objectives split, if the tables show them.
pub(super) fn parts<'p>(problem: &'p ProblemReport, measures: &BTreeSet<String>) -> Option<&'p Parts> {
    problem.parts.as_ref().filter(|parts| parts.measures.iter().all(|part| measures.contains(*part)))
}

/// ` (a + b)`, the means of the parts of the objectives at a point, where the checker measured them.
pub(super) fn split(problem: &ProblemReport, point: &Point) -> String {
    let part = |name: &str| mean(&of_measure(point, name));
    match problem.parts.as_ref().map(|parts| parts.measures.map(part)) {
        Some([Some(first), Some(second)]) => format!(" ({} + {})", significant(first, 3), significant(second, 3)),
        _ => String::new(),
    }
}
