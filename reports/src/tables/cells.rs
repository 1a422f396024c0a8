//! Cells that several tables have.

use crate::numbers;
use crate::results::{Result, Results, Series};
use crate::table::{Cell, Mark};

/// A gap as a cell, in percent.
pub(super) fn gap_cell(results: &Results, gap: f64, certified: bool) -> Cell {
    let mark = if certified { Mark::Plain } else { Mark::Word };
    Cell::number(numbers::percent(gap, results.tolerance(certified)), gap * 100.0).marked(mark)
}

/// What of a study is not there: cells not run, rows without a feasible solution.
pub(super) fn lacking(series: &[Series]) -> String {
    let missing: usize = series.iter().map(|series| series.missing).sum();
    let points = || series.iter().flat_map(|series| &series.points);
    let without: usize = points().map(|point| point.feasible()).map(|(feasible, all)| all - feasible).sum();
    let mut words = Vec::new();
    if missing > 0 {
        words.push(format!("Cells of this study that have not been run: {}.", numbers::whole(missing as u64)));
    }
    if without > 0 {
        let without = numbers::whole(without as u64);
        words.push(format!("Rows without a feasible solution, which have no share in the means: {without}; (a/b): a of b rows have one."));
    }
    words.join(" ")
}

/// `(a/b)` where only a of b rows hold a feasible solution.
pub(super) fn partial((feasible, all): (usize, usize)) -> String {
    if feasible == all { String::new() } else { format!(" ({feasible}/{all})") }
}

/// The seconds of a row that count; none if the method declined.
pub(super) fn counted(result: &Result) -> Option<f64> {
    result.is_attempted().then(|| result.counted_s())
}
