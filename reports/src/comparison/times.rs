//! Shifted geometric means and PAR10, for all instances, those all solve, and those at least one solves.

use std::collections::BTreeSet;

use super::class::Class;
use super::common::CommonBlock;
use super::entrant::{self, Entrant, entrants};
use crate::numbers::{data, duration};
use crate::options::Options;
use crate::results::Results;
use crate::statistics::{mean, shifted_geometric_mean};
use crate::table::{Cell, Column, Table};

/// A method's shifted geometric mean time, as the tables of statistics have it.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodTime {
    /// What the report calls the method.
    pub method: String,
    /// Its class, which decides what is solved and which shift is taken.
    pub class: Class,
    /// How many instances it attempted.
    pub instances: usize,
    /// How many of them it did not solve on every seed: they count as the limit.
    pub unsolved: usize,
    /// The shifted geometric mean over these instances, in seconds.
    pub mean_s: f64,
    /// Its 95 % bootstrap interval, in seconds; none of a single instance.
    pub interval_s: Option<(f64, f64)>,
}

/// The shifted geometric mean time of every method that attempted an instance, by name.
pub fn mean_times(results: &Results, options: &Options) -> Vec<MethodTime> {
    entrants(results).iter().filter_map(|entrant| mean_time(results, entrant, entrant.class.shift_s(options))).collect()
}

/// None if the method attempted no instance.
fn mean_time(results: &Results, entrant: &Entrant, shift: f64) -> Option<MethodTime> {
    let seconds: Vec<f64> = entrant.cells.values().map(entrant::Cell::seconds).collect();
    let (mean_s, interval_s) = results.shifted_mean(&entrant.name, &seconds, shift)?;
    Some(MethodTime {
        method: entrant.name.clone(),
        class: entrant.class,
        instances: seconds.len(),
        unsolved: seconds.len() - entrant.solved().len(),
        mean_s,
        interval_s,
    })
}

/// The times of the methods of a class.
pub(super) fn table(
    results: &Results,
    options: &Options,
    class: Class,
    entrants: &[&Entrant],
    blocks: &[CommonBlock],
) -> Table {
    let shift = class.shift_s(options);
    let mut table = empty_table(class, shift);
    let solved: Vec<(&CommonBlock, Solved)> = blocks.iter().map(|block| (block, block.solved())).collect();
    for entrant in entrants {
        let block = solved.iter().find(|(block, _)| block.has(entrant));
        table.push(row(results, entrant, shift, block.map(|(block, solved)| (*block, solved))));
    }
    table
}

/// The instances of a block that all its methods solve, and those that any does.
type Solved<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

/// The table without its rows.
fn empty_table(class: Class, shift: f64) -> Table {
    Table::new(
        &format!("statistics-{}", class.id()),
        format!(
            "{}: time to solve, shifted geometric mean exp(mean ln(t + s)) - s, s = {} s",
            class.title(),
            data(shift)
        ),
        format!(
            "t: wall-clock time of an instance, averaged over seeds; an instance that is not solved counts as the \
             limit. Interval: 95 % bootstrap over instances. All: every instance the method did not decline; their \
             number in brackets. Solved by all, solved by any: the common instances that every method solves (except \
             methods that solve fewer than half), and those that at least one method solves; empty for methods that \
             were not run there or are excepted.{} Unsolved: instances not solved on every seed. PAR10: arithmetic \
             mean over all instances; an instance that is not solved counts as ten times the limit. Declined \
             instances are in no mean.",
            match class {
                Class::Exact =>
                    " Certified, solver-reported: solved with a replayed certificate, and on some seed with a \
                     solver-reported bound only (unchecked).",
                Class::Heuristic => "",
            }
        ),
        std::iter::once(Column::words("method", "method"))
            .chain((class == Class::Exact).then(|| Column::numbers("certified", "certified")))
            .chain((class == Class::Exact).then(|| Column::numbers("solver-reported", "solver_reported")))
            .chain([
                Column::numbers("unsolved", "unsolved"),
                Column::numbers("declined", "declined"),
                Column::numbers("all", "all_s"),
                Column::numbers("95 % from", "all_low_s"),
                Column::numbers("to", "all_high_s"),
                Column::numbers("solved by all", "by_all_s"),
                Column::numbers("solved by any", "by_any_s"),
                Column::numbers("PAR10", "par10_s"),
            ])
            .collect(),
    )
    .in_print(&["method", "unsolved", "all_s", "all_low_s", "all_high_s", "by_all_s", "par10_s"])
}

fn row(results: &Results, entrant: &Entrant, shift: f64, block: Option<(&CommonBlock, &Solved)>) -> Vec<Cell> {
    let time = |s: f64, instances: usize| Cell::number(format!("{} ({instances})", duration(s)), s);
    let of = |set: &BTreeSet<&str>| {
        let times: Vec<f64> = set.iter().filter_map(|instance| Some(entrant.cells.get(instance)?.seconds())).collect();
        shifted_geometric_mean(&times, shift).map_or_else(Cell::absent, |s| time(s, times.len()))
    };
    let all = mean_time(results, entrant, shift);
    let unsolved = all.as_ref().map_or(0, |all| all.unsolved);
    let interval = all.as_ref().and_then(|all| all.interval_s);
    let par10: Option<Vec<f64>> = entrant.cells.values().map(entrant::Cell::par10).collect();
    let par10 = par10.and_then(|values| mean(&values));
    let seconds = |s: Option<f64>| s.map_or_else(Cell::absent, |s| Cell::number(duration(s), s));
    let mut row = vec![Cell::text(&entrant.name)];
    if entrant.class == Class::Exact {
        let solver_reported = entrant.solver_reported();
        row.push(Cell::count(entrant.solved().len() - solver_reported));
        row.push(Cell::count(solver_reported));
    }
    row.extend([
        Cell::failures(unsolved),
        Cell::count(entrant.declined),
        all.map_or_else(Cell::absent, |all| time(all.mean_s, all.instances)),
        seconds(interval.map(|(low, _)| low)),
        seconds(interval.map(|(_, high)| high)),
        block.filter(|(block, _)| block.is_solver(entrant)).map_or_else(Cell::absent, |(_, (by_all, _))| of(by_all)),
        block.map_or_else(Cell::absent, |(_, (_, by_any))| of(by_any)),
        seconds(par10),
    ]);
    row
}
