//! The gaps of every method over the whole run.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Status;

use crate::results::{Result, Results, per_instance};
use crate::statistics::mean;

/// The gaps of one method over all instances of the run.
#[derive(Clone, Debug)]
pub struct MethodGaps {
    /// The method.
    pub method: String,
    /// How many instances it did not decline.
    pub attempted: usize,
    /// On how many of them some row is feasible.
    pub feasible: usize,
    /// The largest possible gap of every instance, averaged over its rows.
    pub gaps: Vec<f64>,
    /// The largest possible gap of any row.
    pub worst_row: Option<f64>,
    /// Whether all of them rest on replayed certificates.
    pub certified: bool,
    /// A 95 % bootstrap interval over instances of their mean.
    pub interval: Option<(f64, f64)>,
    /// How many rows were attempted, are feasible with a gap that rests on a certificate, have such a gap of 0, and carry their own
    /// certificate for it.
    pub rows: [usize; 4],
    /// On how many instances its mean objective is the best known one.
    pub wins: usize,
}

/// The gaps of every method, by name; methods that are after bounds and nothing else have none.
pub fn method_gaps(results: &Results) -> Vec<MethodGaps> {
    let count = |of_it: &[&Result], what: &dyn Fn(&Result) -> bool| of_it.iter().filter(|r| what(r)).count();
    let instances = |of_it: &[&Result], what: &dyn Fn(&Result) -> bool| {
        of_it.iter().filter(|r| what(r)).map(|r| r.row.key.instance.as_str()).collect::<BTreeSet<_>>().len()
    };
    let describe = |(method, mut of_it): (String, Vec<&Result>)| {
        of_it.retain(|r| r.is_attempted());
        let gaps = per_instance(of_it.iter().copied(), |r| r.gap.map(|gap| gap.high));
        let certified = |r: &Result| r.gap.is_some_and(|gap| gap.certified);
        MethodGaps {
            attempted: instances(&of_it, &|r| r.is_attempted()),
            feasible: instances(&of_it, &|r| r.objective.is_some()),
            certified: of_it.iter().filter_map(|r| r.gap).all(|gap| gap.certified),
            worst_row: of_it.iter().filter_map(|r| r.gap).map(|gap| gap.high).reduce(f64::max),
            interval: results.interval(&method, &gaps),
            method,
            gaps,
            rows: [
                count(&of_it, &|r| r.is_attempted()),
                count(&of_it, &certified),
                count(&of_it, &|r| certified(r) && r.gap.is_some_and(|gap| results.is_zero(gap))),
                count(&of_it, &|r| r.row.status == Status::OptimalCertified),
            ],
            wins: wins(results, &of_it),
        }
    };
    let has_rivals = |of_it: &[&Result]| !of_it.iter().all(|r| r.is_bound_only());
    results.by_method().into_iter().filter(|(_, of_it)| has_rivals(of_it)).map(describe).collect()
}

/// On how many instances every row is feasible and their mean objective is the best known one.
fn wins(results: &Results, of_it: &[&Result]) -> usize {
    let mut rows: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for result in of_it.iter().filter(|r| r.is_attempted()) {
        rows.entry(&result.row.key.instance).or_default().push(result.objective);
    }
    let tolerance = results.tolerance(true);
    let is_win = |(instance, objectives): (&str, Vec<Option<f64>>)| {
        let objectives: Option<Vec<f64>> = objectives.into_iter().collect();
        let best = results.best[instance].objective;
        objectives
            .and_then(|o| mean(&o))
            .zip(best)
            .is_some_and(|(mean, best)| (mean - best).abs() <= tolerance * best.abs())
    };
    rows.into_iter().filter(|(instance, objectives)| is_win((instance, objectives.clone()))).count()
}
