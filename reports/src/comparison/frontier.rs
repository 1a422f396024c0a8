//! The scale frontier: the largest size at which everything is solved within a time.

use std::collections::BTreeSet;

use offcut_instances::problem::MethodSpec;
use offcut_ledger::{Row, Study};

use super::class::{Class, GAP_TARGET};
use super::entrant::Entrant;
use crate::numbers::{data, duration, tick};
use crate::results::{Result, Results, Series};
use crate::table::{Cell, Column, Table};

/// The first words of axes that are sizes of instances.
const SIZES: [&str; 10] =
    ["blocks", "cloudlets", "flows", "layers", "partitions", "requests", "servers", "slots", "units", "users"];

/// The times of the columns, in seconds, as far as they are within the limit.
const TIMES_S: [f64; 5] = [0.01, 0.1, 1.0, 10.0, 100.0];

/// The table over all studies whose axis is a size; none without such a study.
pub(super) fn table(results: &Results, class: Class, entrants: &[&Entrant]) -> Option<Table> {
    let studies = studies(results, entrants);
    let times = times(&studies)?;
    let what = match class {
        Class::Exact => "solved".to_owned(),
        Class::Heuristic => format!("left with a gap of {} % or less", data(100.0 * GAP_TARGET)),
    };
    let first = [Column::words("study", "study"), Column::words("size", "size"), Column::words("method", "method")];
    let within = |t: &f64| Column::numbers(format!("T = {}", duration(*t)), format!("within_{}_s", data(*t)));
    let mut table = Table::new(
        &format!("statistics-{}-frontier", class.id()),
        format!("{}, scale frontier: largest size up to which every row is {what} within T", class.title()),
        "A row is one instance with one seed. ≥: the largest size that was run; <: not even the smallest size. Gaps are \
         measured against the best bound of any method in this run.",
        first.into_iter().chain(times.iter().map(within)).collect(),
    );
    let (mut unreached, mut seen) = (Vec::new(), BTreeSet::new());
    for (study, axis, series) in studies.iter().flat_map(|(study, axis, all)| all.iter().map(move |s| (study, axis, s)))
    {
        // Studies may show the same rows twice.
        let rows = series.points.iter().flat_map(|p| &p.results);
        let keys: BTreeSet<*const Row> = rows.map(|r| std::ptr::from_ref(r.row)).collect();
        if !seen.insert((axis, series.name, keys)) {
            continue;
        }
        let cells: Vec<Cell> = times.iter().map(|within| frontier(class, series, *within)).collect();
        if cells.iter().all(|cell| cell.value.is_none()) {
            unreached.push(series.name);
            continue;
        }
        let first = [study.name.as_str(), *axis, series.name].map(Cell::text);
        table.push(first.into_iter().chain(cells).collect());
    }
    unreached.sort_unstable();
    unreached.dedup();
    if !unreached.is_empty() {
        let names = unreached.join(", ");
        table.note +=
            &format!(" Without a row for some study, because not even the smallest size is reached: {names}.");
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The studies whose axis is a size, with its name and the series of these methods.
fn studies<'r, 'a>(results: &'r Results<'a>, entrants: &[&Entrant]) -> Vec<(&'r Study, &'r str, Vec<Series<'r, 'a>>)> {
    let is_size = |name: &str| SIZES.contains(&name.split([' ', ',']).next().unwrap_or_default());
    let is_of_class =
        |series: &Series| entrants.iter().any(|e| MethodSpec::id_in(e.method) == MethodSpec::id_in(series.name));
    let with_series = |study: &'r Study| {
        let axis = study.axis.as_ref().filter(|axis| is_size(&axis.name))?;
        Some((study, axis.name.as_str(), results.series(study).into_iter().filter(is_of_class).collect()))
    };
    results.manifest.studies.iter().filter_map(with_series).collect()
}

/// The times of the columns: those below the limit, and the limit. None without a row.
fn times(studies: &[(&Study, &str, Vec<Series>)]) -> Option<Vec<f64>> {
    let rows = || studies.iter().flat_map(|(_, _, series)| series).flat_map(|s| &s.points).flat_map(|p| &p.results);
    let limit = rows().filter_map(|r| r.row.key.budget.time_s).reduce(f64::max);
    let slowest = rows().map(|r| r.row.times.solve_s).reduce(f64::max)?;
    let below = limit.unwrap_or(10.0 * slowest);
    Some(TIMES_S.into_iter().filter(|t| *t < below).chain(limit).collect())
}

fn frontier(class: Class, series: &Series, within: f64) -> Cell {
    let mut reached = None;
    for point in &series.points {
        let is_reached = |r: &&Result| class.is_reached(r) && r.row.times.solve_s <= within;
        let Some(x) = point.x else { return Cell::absent() };
        if !point.results.iter().all(is_reached) {
            let smaller = || Cell::text(format!("< {}", tick(x)));
            return reached.map_or_else(smaller, |x: f64| Cell::number(tick(x), x));
        }
        reached = Some(x);
    }
    reached.map_or_else(Cell::absent, |x| Cell::number(format!("≥ {}", tick(x)), x))
}
