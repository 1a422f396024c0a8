//! Times and memory of all methods.

use crate::numbers;
use crate::results::{Result, Results};
use crate::statistics::{mean, median, range};
use crate::table::{Cell, Column, Table};

/// Times and memory of every method over the whole run: a table of its own, because it changes from run to run.
pub fn times(results: &Results) -> Table {
    let mut table = Table::new(
        "times",
        "Times and memory of every method, over rows",
        "Wall-clock time as measured from outside, failures (rows without a solution) included; declined rows and \
         instances that are proved infeasible are left out. Build: mean time before the search, for instance to build a model, as the \
         method reports it. Means over instances are in the sections on statistics.",
        vec![
            Column::words("method", "method"),
            Column::numbers("rows", "rows"),
            Column::numbers("failures", "failures"),
            Column::numbers("declined", "declined"),
            Column::numbers("median", "median_s"),
            Column::numbers("max", "max_s"),
            Column::numbers("build", "mean_build_s"),
            Column::numbers("check", "mean_check_s"),
            Column::numbers("peak memory (MiB)", "peak_memory_mib"),
        ],
    ).in_print(&["method", "rows", "failures", "declined", "median_s", "max_s", "peak_memory_mib"]);
    let cell = |value: Option<f64>| value.map_or_else(Cell::absent, |v| Cell::number(numbers::duration(v), v));
    for (method, rows) in results.by_method() {
        let declined = rows.iter().filter(|r| r.is_declined()).count();
        let attempted: Vec<&Result> = rows.into_iter().filter(|r| r.is_attempted()).collect();
        let all: Vec<f64> = attempted.iter().filter_map(|r| r.measured_s()).collect();
        let builds: Vec<f64> = attempted.iter().filter_map(|r| r.row.times.build_s).collect();
        let checks: Vec<f64> = attempted.iter().map(|r| r.row.times.check_s).collect();
        let peak = attempted.iter().filter_map(|r| r.row.peak_memory_bytes).max();
        table.push(vec![
            Cell::text(method),
            Cell::count(attempted.len()),
            Cell::count(attempted.iter().filter(|r| r.is_failure()).count()),
            Cell::count(declined),
            cell(median(&all)),
            cell(range(&all).map(|(_, high)| high)),
            cell(mean(&builds)),
            cell(mean(&checks)),
            peak.map(|peak| peak as f64 / 1_048_576.0)
                .map_or_else(Cell::absent, |mib| Cell::number(numbers::significant(mib, 3), mib)),
        ]);
    }
    table
}
