//! Counts that methods report.

use std::collections::BTreeSet;

use crate::numbers;
use crate::results::Results;
use crate::statistics::{mean, median, range};
use crate::table::{Cell, Column, Table};

/// The counts that methods report; none if no row has counts.
pub fn counts(results: &Results) -> Option<Table> {
    let mut table = Table::new(
        "counts",
        "Counts reported by the methods",
        "Over all attempted rows that have the count. Counts are not checked.",
        vec![
            Column::words("method", "method"),
            Column::words("count", "count"),
            Column::numbers("rows", "rows"),
            Column::numbers("mean", "mean"),
            Column::numbers("median", "median"),
            Column::numbers("max", "max"),
            Column::numbers("mean time", "mean_s"),
        ],
    );
    for (method, rows) in results.by_method() {
        let rows: Vec<_> = rows.into_iter().filter(|r| r.is_attempted()).collect();
        let names: BTreeSet<&String> = rows.iter().flat_map(|r| r.row.counts.keys()).collect();
        for name in names {
            let with: Vec<_> = rows.iter().filter(|r| r.row.counts.contains_key(name)).collect();
            let values: Vec<f64> = with.iter().map(|r| r.row.counts[name] as f64).collect();
            let seconds: Vec<f64> = with.iter().filter_map(|r| r.measured_s()).collect();
            let cell =
                |value: Option<f64>| value.map_or_else(Cell::absent, |v| Cell::number(numbers::significant(v, 4), v));
            let most = range(&values).map(|(_, high)| Cell::number(numbers::whole(high as u64), high));
            table.push(vec![
                Cell::text(&method),
                Cell::text(name),
                Cell::count(values.len()),
                cell(mean(&values)),
                cell(median(&values)),
                most.unwrap_or_else(Cell::absent),
                mean(&seconds).map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s)),
            ]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}
