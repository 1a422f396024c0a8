//! The tables of a study without an axis.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Study;

use super::cells::{counted, gap_cell, missing_note, partial};
use super::measures::{measures, parts};
use crate::numbers::{self, Scale};
use crate::problem_report::ProblemReport;
use crate::results::{Result, Results, Series, per_instance};
use crate::statistics::mean;
use crate::table::{Cell, Column, Style, Table};

/// Beyond so many names, instances are grouped by family.
const MAX_NAMES: usize = 40;

/// The tables of a study without an axis: best known values with gaps, and times.
pub(super) fn tables(results: &Results, problem: &ProblemReport, study: &Study, series: &[Series]) -> Vec<Table> {
    let rows = || series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let named = |r: &Result| {
        let label = &r.row.instance;
        [&label.name, &label.family, &r.row.key.instance].into_iter().find(|name| !name.is_empty()).cloned()
    };
    let families = |r: &Result| Some(r.row.instance.family.clone()).filter(|f| !f.is_empty()).or_else(|| named(r));
    let names: BTreeSet<String> = rows().filter_map(|r| named(r)).collect();
    let by_name = names.len() <= MAX_NAMES;
    let group = |r: &Result| if by_name { named(r) } else { families(r) }.unwrap_or_default();

    let quantity = results.objective(rows().copied());
    let best_of = |instance: &str| results.best[instance].objective;
    let best: Vec<f64> = rows().filter_map(|r| best_of(&r.row.key.instance)).collect();
    let scale = Scale::fitting(&best, &quantity.unit);
    let mut columns = vec![
        Column::words(if by_name { "instance" } else { "family" }, "instance"),
        Column::numbers("instances", "instances"),
        Column::numbers(scale.label(&format!("best {}", quantity.name)), format!("best_{}", quantity.name)),
        Column::bounded(scale.label("best bound"), "best_bound"),
    ];
    let measures = measures(results, problem, series);
    let parts = parts(problem, &measures);
    let candidates: Vec<&Series> = series.iter().filter(|s| !s.is_bound_only()).collect();
    if let Some(parts) = parts {
        columns.push(Column::numbers(parts.column, parts.measures[0]));
    }
    columns.extend(
        candidates.iter().map(|s| Column::bounded(format!("{} gap (%)", s.name), format!("{}_percent", s.name))),
    );
    let title = format!("{}: best known values, and mean gap of every method", study.title);
    let mut table = Table::new(&format!("{}-gap", study.name), title, missing_note(series), columns);

    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for result in rows() {
        groups.entry(group(result)).or_default().insert(&result.row.key.instance);
    }
    for (name, instances) in &groups {
        let objectives: Vec<f64> = instances.iter().filter_map(|i| best_of(i)).collect();
        let bounds: Vec<(f64, bool)> = instances
            .iter()
            .filter_map(|i| {
                let best = &results.best[*i];
                best.certified.map(|b| (b, true)).or(best.word.map(|b| (b, false)))
            })
            .collect();
        // A mean over fewer bounds than objectives would compare different instances.
        let whole = bounds.len() == objectives.len();
        let values: Vec<f64> = bounds.iter().map(|(bound, _)| *bound).collect();
        let style = if bounds.iter().all(|(_, certified)| *certified) { Style::Plain } else { Style::Unchecked };
        let number = |value: Option<f64>| {
            value.map_or_else(Cell::absent, |v| Cell::number(numbers::significant(v * scale.factor, 4), v))
        };
        let mut row = vec![
            Cell::text(name),
            Cell::count(instances.len()),
            number(mean(&objectives)),
            number(mean(&values).filter(|_| whole)).styled(style),
        ];
        if let Some(parts) = parts {
            let first = |instance: &&str| {
                let of_it = rows().filter(|r| r.row.key.instance == *instance);
                of_it.filter_map(|r| r.row.measures.get(parts.measures[0]).copied()).reduce(f64::max)
            };
            let firsts: Vec<f64> = instances.iter().filter_map(first).collect();
            row.push(mean(&firsts).map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m)));
        }
        for series in &candidates {
            let of_it: Vec<&Result> =
                series.points.iter().flat_map(|p| &p.results).copied().filter(|r| group(r) == *name).collect();
            let gaps: Vec<_> = of_it.iter().filter_map(|r| r.gap).collect();
            let value = mean(&per_instance(of_it.iter().copied(), |r| r.gap.map(|gap| gap.high)));
            let feasible = of_it.iter().filter(|r| r.objective.is_some()).count();
            row.push(match value {
                Some(value) => {
                    let mut cell = gap_cell(results, value, gaps.iter().all(|gap| gap.certified));
                    cell.text += &partial((feasible, of_it.len()));
                    cell
                }
                None if of_it.is_empty() => Cell::absent(),
                None if of_it.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
                None if feasible > 0 => Cell::text("no bound"),
                None => Cell::text("failed").styled(Style::Failure),
            });
        }
        table.push(row);
    }

    // Seconds apart, so that the rest does not change from run to run.
    let mut times = Table::new(
        &format!("{}-seconds", study.name),
        format!("{}: mean solution time", study.title),
        "A failure counts as the time limit.",
        std::iter::once(Column::words(if by_name { "instance" } else { "family" }, "instance"))
            .chain(series.iter().map(|s| Column::numbers(s.name, format!("{}_s", s.name))))
            .collect(),
    );
    for name in groups.keys() {
        let of = |series: &Series| {
            let of_it = series.points.iter().flat_map(|p| &p.results).copied().filter(|r| group(r) == *name);
            let mean = mean(&per_instance(of_it, counted));
            mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
        };
        times.push(std::iter::once(Cell::text(name)).chain(series.iter().map(of)).collect());
    }
    vec![table, times]
}
