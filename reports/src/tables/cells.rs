//! Cells that several tables have.

use crate::numbers;
use crate::results::{Results, Series};
use crate::table::{Cell, Style};

/// A gap as a cell, in percent.
pub(super) fn gap_cell(results: &Results, gap: f64, certified: bool) -> Cell {
    let style = if certified { Style::Plain } else { Style::Unchecked };
    Cell::number(numbers::percent(gap, results.tolerance(certified)), gap * 100.0).styled(style)
}

/// What is missing in a study, in words: cells that were not run, rows without a feasible solution.
pub(super) fn missing_note(series: &[Series]) -> String {
    let not_run: usize = series.iter().map(|series| series.missing).sum();
    let points = || series.iter().flat_map(|series| &series.points);
    let without: usize = points().map(|point| point.feasible()).map(|(feasible, all)| all - feasible).sum();
    let infeasible: usize = series.iter().map(|series| series.proved_infeasible).sum();
    let mut words = Vec::new();
    if not_run > 0 {
        words.push(format!("Cells of this study that were not run: {}.", numbers::whole(not_run as u64)));
    }
    if without > 0 {
        let without = numbers::whole(without as u64);
        words.push(format!(
            "Rows without a feasible solution, left out of the means: {without}; (a/b): a of b rows have one."
        ));
    }
    if infeasible > 0 {
        let infeasible = numbers::whole(infeasible as u64);
        words.push(format!("Rows on instances that are proved infeasible, in a table of their own: {infeasible}."));
    }
    words.join(" ")
}

/// `(a/b)` where only a of b rows hold a feasible solution.
pub(super) fn partial((feasible, all): (usize, usize)) -> String {
    if feasible == all { String::new() } else { format!(" ({feasible}/{all})") }
}

/// What is said below tables of times.
pub(super) const MEASURED: &str = "As measured, failures included; declined rows are left out.";
