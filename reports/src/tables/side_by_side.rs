//! The tables of a study without an axis.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Study;

use super::cells::{MEASURED, gap_cell, missing_note, partial};
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
    let groups = Groups::new(series);
    vec![gaps(results, problem, study, series, &groups), times(study, series, &groups)]
}

/// The rows of the tables: instances by name, or where these are too many by family.
struct Groups<'s> {
    by_name: bool,
    /// The instances of every group, by their hashes.
    instances: BTreeMap<String, BTreeSet<&'s str>>,
}

impl<'s> Groups<'s> {
    fn new(series: &'s [Series]) -> Self {
        let rows = || rows(series);
        let names: BTreeSet<String> = rows().map(name).collect();
        let mut groups = Self { by_name: names.len() <= MAX_NAMES, instances: BTreeMap::new() };
        for result in rows() {
            let group = groups.of(result);
            groups.instances.entry(group).or_default().insert(&result.row.key.instance);
        }
        groups
    }

    /// The group of a row.
    fn of(&self, result: &Result) -> String {
        let family = &result.row.instance.family;
        if self.by_name || family.is_empty() { name(result) } else { family.clone() }
    }

    fn column(&self) -> Column {
        Column::words(if self.by_name { "instance" } else { "family" }, "instance")
    }

    /// The rows of a series in a group.
    fn rows<'t, 'a>(&self, series: &Series<'t, 'a>, group: &str) -> Vec<&'t Result<'a>> {
        let rows = series.points.iter().flat_map(|point| &point.results).copied();
        rows.filter(|result| self.of(result) == group).collect()
    }
}

/// The rows of all series.
fn rows<'s, 't, 'a>(series: &'s [Series<'t, 'a>]) -> impl Iterator<Item = &'t Result<'a>> + use<'s, 't, 'a> {
    series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results).copied()
}

/// What an instance is called: its name, its family or its hash.
fn name(result: &Result) -> String {
    let label = &result.row.instance;
    let names = [&label.name, &label.family, &result.row.key.instance];
    names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

fn gaps(results: &Results, problem: &ProblemReport, study: &Study, series: &[Series], groups: &Groups) -> Table {
    let quantity = results.objective(rows(series));
    let best: Vec<f64> = rows(series).filter_map(|r| results.best[&r.row.key.instance].objective).collect();
    let scale = Scale::fitting(&best, &quantity.unit);
    let measures = measures(results, problem, series);
    let parts = parts(problem, &measures);
    let candidates: Vec<&Series> = series.iter().filter(|s| !s.is_bound_only()).collect();
    let mut columns = vec![
        groups.column(),
        Column::numbers("instances", "instances"),
        Column::numbers(scale.label(&format!("best {}", quantity.name)), format!("best_{}", quantity.name)),
        Column::bounded(scale.label("best bound"), "best_bound"),
    ];
    columns.extend(parts.map(|parts| Column::numbers(parts.column, parts.measures[0])));
    let gap = |s: &&Series| Column::bounded(format!("{} gap (%)", s.name), format!("{}_percent", s.name));
    columns.extend(candidates.iter().map(gap));
    let title = format!("{}: best known values, and mean gap of every method", study.title);
    let id = format!("{}-gap", study.name);
    let mut table = Table { turns: true, ..Table::new(&id, title, missing_note(series), columns) };
    for (group, instances) in &groups.instances {
        let mut row = vec![Cell::text(group), Cell::count(instances.len())];
        row.extend(best_known(results, instances, &scale));
        row.extend(parts.map(|parts| largest(series, instances, parts.measures[0])));
        row.extend(candidates.iter().map(|series| gap_of(results, &groups.rows(series, group))));
        table.push(row);
    }
    table
}

/// The means of the best objectives and of the best bounds of some instances.
fn best_known(results: &Results, instances: &BTreeSet<&str>, scale: &Scale) -> [Cell; 2] {
    let best = || instances.iter().map(|instance| &results.best[*instance]);
    let objectives: Vec<f64> = best().filter_map(|best| best.objective).collect();
    let bounds: Vec<(f64, bool)> =
        best().filter_map(|best| best.certified.map(|b| (b, true)).or(best.word.map(|b| (b, false)))).collect();
    let values: Vec<f64> = bounds.iter().map(|(bound, _)| *bound).collect();
    let style = if bounds.iter().all(|(_, certified)| *certified) { Style::Plain } else { Style::Unchecked };
    let number = |value: Option<f64>| {
        value.map_or_else(Cell::absent, |v| Cell::number(numbers::significant(v * scale.factor, 4), v))
    };
    // A mean over fewer bounds than objectives would compare different instances.
    let is_whole = bounds.len() == objectives.len();
    [number(mean(&objectives)), number(mean(&values).filter(|_| is_whole)).styled(style)]
}

/// The mean over instances of the largest value that any method has of a measure.
fn largest(series: &[Series], instances: &BTreeSet<&str>, measure: &str) -> Cell {
    let of_instance = |instance: &&str| {
        let of_it = rows(series).filter(|r| r.row.key.instance == *instance);
        of_it.filter_map(|r| r.row.measures.get(measure).copied()).reduce(f64::max)
    };
    let values: Vec<f64> = instances.iter().filter_map(of_instance).collect();
    mean(&values).map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m))
}

/// The mean gap of some rows of a method, or why there is none.
fn gap_of(results: &Results, rows: &[&Result]) -> Cell {
    let feasible = rows.iter().filter(|r| r.objective.is_some()).count();
    match mean(&per_instance(rows.iter().copied(), |r| r.gap.map(|gap| gap.high))) {
        Some(value) => {
            let certified = rows.iter().filter_map(|r| r.gap).all(|gap| gap.certified);
            let mut cell = gap_cell(results, value, certified);
            cell.text += &partial((feasible, rows.len()));
            cell
        }
        None if rows.is_empty() => Cell::absent(),
        None if rows.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
        None if feasible > 0 => Cell::text("no bound"),
        None => Cell::text("failed").styled(Style::Failure),
    }
}

/// Times in a table of their own, so that the other does not change from run to run.
fn times(study: &Study, series: &[Series], groups: &Groups) -> Table {
    let columns = series.iter().map(|s| Column::numbers(s.name, format!("{}_s", s.name)));
    let mut table = Table::new(
        &format!("{}-seconds", study.name),
        format!("{}: mean solution time", study.title),
        MEASURED,
        std::iter::once(groups.column()).chain(columns).collect(),
    );
    table.turns = true;
    for group in groups.instances.keys() {
        let of = |series: &Series| {
            let mean = mean(&per_instance(groups.rows(series, group).into_iter(), |r| r.measured_s()));
            mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
        };
        table.push(std::iter::once(Cell::text(group)).chain(series.iter().map(of)).collect());
    }
    table
}
