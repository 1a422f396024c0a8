//! One line a paper: its algorithm, how far from optimal it is, and how long it takes. The README's table is made of it.

use std::collections::BTreeMap;

use offcut_ledger::{Manifest, Row};
use serde::{Deserialize, Serialize};

use crate::method_gaps::method_gaps;
use crate::numbers;
use crate::problems;
use crate::results::Results;
use crate::statistics::{mean, median};

/// What is measured of a paper's algorithm on the instances of a run, for one variant of the problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaperLine {
    /// The problem's name.
    pub problem: String,
    /// The algorithm, with the variant in brackets where the run has several.
    pub algorithm: String,
    /// On how many instances it was run.
    pub instances: usize,
    /// Mean over instances of the largest possible gap, in percent.
    pub mean_gap_percent: f64,
    /// Its 95 % bootstrap interval, in percent.
    pub interval_percent: Option<(f64, f64)>,
    /// The largest possible gap of an instance, in percent.
    pub worst_gap_percent: f64,
    /// The share of its rows whose gap rests on a replayed certificate, in percent.
    pub certified_percent: f64,
    /// Median over rows of the seconds of solving.
    pub median_s: f64,
}

/// What `offcut reproduce all` measures of all papers' algorithms, with the suites that it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Papers {
    /// BLAKE3 of each suite's bytes in hexadecimal, by problem: a table is of the suites as they are only if these agree.
    pub suites: BTreeMap<String, String>,
    /// A line a paper and variant.
    pub lines: Vec<PaperLine>,
}

/// The lines of a run: none if its problem has no paper's algorithm, or no row of it has a gap.
pub fn lines(manifest: &Manifest, rows: &[Row]) -> Vec<PaperLine> {
    let results = Results::new(manifest, rows);
    let Some(reference) = problems::of(&manifest.problem).reference else { return Vec::new() };
    let times = results.by_method();
    let line = |of: crate::method_gaps::MethodGaps| {
        let rows = &times.iter().find(|(method, _)| *method == of.method)?.1;
        if rows.first()?.row.key.method != reference {
            return None;
        }
        let seconds: Vec<f64> = rows.iter().filter(|r| r.is_attempted()).map(|r| r.row.times.solve_s).collect();
        let [attempted, certified, ..] = of.rows;
        Some(PaperLine {
            problem: manifest.problem.clone(),
            instances: of.gaps.len(),
            mean_gap_percent: 100.0 * mean(&of.gaps)?,
            interval_percent: of.interval.map(|(low, high)| (100.0 * low, 100.0 * high)),
            worst_gap_percent: 100.0 * of.gaps.iter().copied().fold(0.0, f64::max),
            certified_percent: 100.0 * certified as f64 / attempted.max(1) as f64,
            median_s: median(&seconds)?,
            algorithm: of.method,
        })
    };
    method_gaps(&results).into_iter().filter_map(line).collect()
}

/// The lines as a Markdown table.
pub fn markdown(lines: &[PaperLine]) -> String {
    let tolerance = 1e-9;
    let percent = |value: f64| format!("{} %", numbers::percent(value / 100.0, tolerance));
    let mut text = String::from(
        "| problem | the paper's algorithm | instances | mean certified gap [95 % interval] | worst | rows certified | median time |\n|---|---|--:|--:|--:|--:|--:|\n",
    );
    for line in lines {
        let interval = line.interval_percent.map_or_else(String::new, |(low, high)| {
            let end = |value: f64| numbers::percent(value / 100.0, tolerance);
            format!(" [{}, {}]", end(low), end(high))
        });
        text += &format!(
            "| `{}` | `{}` | {} | {}{interval} | {} | {:.0} % | {} |\n",
            line.problem,
            line.algorithm,
            numbers::whole(line.instances as u64),
            percent(line.mean_gap_percent),
            percent(line.worst_gap_percent),
            line.certified_percent,
            numbers::duration(line.median_s),
        );
    }
    text
}
