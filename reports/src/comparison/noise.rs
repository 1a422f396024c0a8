//! The noise of the machine, from cells that were run more than once.

use std::collections::BTreeMap;

use crate::numbers::{duration, significant};
use crate::report::Section;
use crate::results::Results;
use crate::statistics::{median, quantile, range};
use crate::table::{Cell, Column, Table};

/// Seconds of every repeated cell, sorted, by method and instance; the first run is one of them.
fn repeated<'a>(results: &Results<'a>) -> BTreeMap<(String, &'a str), Vec<f64>> {
    let mut cells: BTreeMap<String, ((String, &'a str), Vec<f64>)> = BTreeMap::new();
    for row in &results.repeats {
        let line = row.key.line();
        let first = results.of_key(&line).map(|r| r.row.times.solve_s);
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        let cell = cells.entry(line).or_insert_with(|| ((results.method_name(row), name), first.into_iter().collect()));
        cell.1.push(row.times.solve_s);
    }
    let mut by_name: BTreeMap<(String, &'a str), Vec<f64>> = BTreeMap::new();
    for (name, times) in cells.into_values() {
        by_name.entry(name).or_default().extend(times);
    }
    by_name.values_mut().for_each(|times| times.sort_by(f64::total_cmp));
    by_name
}

/// By what factor times of the same cell differ for no reason: of all repeated cells the largest upper quartile over lower quartile.
pub(super) fn factor(results: &Results) -> Option<f64> {
    let spread = |times: &Vec<f64>| quantile(times, 0.75) / quantile(times, 0.25);
    repeated(results).values().map(spread).filter(|spread| spread.is_finite()).reduce(f64::max)
}

/// The section on repeated cells; none if there are none.
pub(super) fn section(results: &Results) -> Option<Section> {
    let mut table = Table::new(
        "statistics-noise",
        "Noise of the machine: the same cell run again and again",
        "The same instance, method, seed and budget, at other times of the run. Quartiles: upper over lower quartile of the times; the largest of them is what \
         tables above call noise. Repeats count in no other statistic.",
        vec![
            Column::words("method", "method"),
            Column::words("instance", "instance"),
            Column::numbers("runs", "runs"),
            Column::numbers("median", "median_s"),
            Column::numbers("fastest", "fastest_s"),
            Column::numbers("slowest", "slowest_s"),
            Column::numbers("quartiles", "quartile_ratio"),
        ],
    );
    for ((method, instance), times) in repeated(results) {
        let (low, high) = range(&times).expect("two or more");
        let seconds = |s: f64| Cell::number(duration(s), s);
        let ratio = quantile(&times, 0.75) / quantile(&times, 0.25);
        table.push(vec![
            Cell::text(method),
            Cell::text(instance),
            Cell::count(times.len()),
            median(&times).map_or_else(Cell::absent, seconds),
            seconds(low),
            seconds(high),
            if ratio.is_finite() { Cell::number(significant(ratio, 3), ratio) } else { Cell::absent() },
        ]);
    }
    (!table.rows.is_empty()).then(|| Section {
        title: "Statistics: noise of the machine".into(),
        tables: vec![table],
        ..Section::default()
    })
}
