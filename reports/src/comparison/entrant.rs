//! Methods of a run with their rows by instance.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::problem::MethodSpec;
use offcut_ledger::Status;

use super::class::Class;
use crate::results::{Result, Results};
use crate::statistics::mean;

/// A method with all its rows on one variant of the problem.
#[derive(Debug)]
pub(super) struct Entrant<'r, 'a> {
    /// What the report calls it.
    pub(super) name: String,
    /// The method with its parameters.
    pub(super) method: &'a str,
    pub(super) variant: &'a str,
    pub(super) class: Class,
    /// Its rows by instance; instances it declined are not here.
    pub(super) cells: BTreeMap<&'a str, Cell<'r, 'a>>,
    /// How many instances it declined.
    pub(super) declined: usize,
}

/// All rows, one a seed, of one method on one instance.
#[derive(Debug)]
pub(super) struct Cell<'r, 'a> {
    pub(super) class: Class,
    pub(super) rows: Vec<&'r Result<'a>>,
}

impl Cell<'_, '_> {
    /// Solved on every seed.
    pub(super) fn is_solved(&self) -> bool {
        self.rows.iter().all(|r| self.class.is_solved(r))
    }

    pub(super) fn seeds(&self) -> usize {
        self.rows.iter().map(|r| r.row.key.budget.seed).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn mean(&self, of: impl Fn(&Result) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.rows.iter().map(|r| of(r)).collect();
        mean(&values?)
    }

    /// Seconds, averaged over seeds; what is not solved counts as the limit, where there is one.
    pub(super) fn seconds(&self) -> f64 {
        mean(&self.each_seconds()).expect("one row or more")
    }

    /// Seconds of every seed; what is not solved counts as the limit, where there is one.
    pub(super) fn each_seconds(&self) -> Vec<f64> {
        self.rows.iter().map(|r| self.class.counted_s(r)).collect()
    }

    /// Seconds, averaged over seeds; what is not solved counts as ten times the limit. None without a limit.
    pub(super) fn par10(&self) -> Option<f64> {
        self.mean(|r| {
            let is_solved = self.class.is_solved(r);
            if is_solved { Some(r.row.times.solve_s) } else { r.row.key.budget.time_s.map(|limit| 10.0 * limit) }
        })
    }

    /// Mean seconds to what curves count; none unless every seed gets there.
    pub(super) fn reached_s(&self) -> Option<f64> {
        self.mean(|r| self.class.is_reached(r).then_some(r.row.times.solve_s))
    }

    /// The mean objective; none unless every seed has one.
    pub(super) fn objective(&self) -> Option<f64> {
        self.mean(|r| r.objective)
    }
}

impl Entrant<'_, '_> {
    /// How many instances it solved, on some seed with a solver-reported bound only.
    pub(super) fn solver_reported(&self) -> usize {
        let solved = self.cells.values().filter(|cell| cell.class == Class::Exact && cell.is_solved());
        solved.filter(|cell| cell.rows.iter().any(|r| is_unchecked(r))).count()
    }

    pub(super) fn solved(&self) -> BTreeSet<&str> {
        self.cells.iter().filter(|(_, cell)| cell.is_solved()).map(|(instance, _)| *instance).collect()
    }
}

fn is_unchecked(result: &Result) -> bool {
    result.row.status == Status::OptimalClaimed || result.row.status == Status::Bounded && !result.row.is_certified()
}

/// The ids of the methods that returned a bound, or a proof of infeasibility, on some row.
pub(crate) fn exact_ids<'a>(results: &Results<'a>) -> BTreeSet<&'a str> {
    let proves = results.results.iter().filter(|r| r.row.claims_bound());
    proves.map(|r| MethodSpec::id_in(&r.row.key.method)).collect()
}

/// Every method of a run with its class, by name.
pub(super) fn entrants<'r, 'a>(results: &'r Results<'a>) -> Vec<Entrant<'r, 'a>> {
    let exact = exact_ids(results);
    let entrant = |(name, rows): (String, Vec<&'r Result<'a>>)| {
        let first = rows[0].row;
        let class = if exact.contains(MethodSpec::id_in(&first.key.method)) { Class::Exact } else { Class::Heuristic };
        let mut cells: BTreeMap<&'a str, Cell> = BTreeMap::new();
        for result in rows.iter().filter(|r| r.is_attempted()) {
            let cell = cells.entry(&result.row.key.instance).or_insert_with(|| Cell { class, rows: Vec::new() });
            cell.rows.push(result);
        }
        let declined = rows.iter().filter(|r| r.is_declined()).map(|r| r.row.key.instance.as_str());
        let declined = declined.collect::<BTreeSet<_>>().into_iter().filter(|i| !cells.contains_key(i)).count();
        Entrant { name, method: &first.key.method, variant: &first.instance.variant, class, cells, declined }
    };
    results.by_method().into_iter().map(entrant).collect()
}
