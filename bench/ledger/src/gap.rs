//! The gap formula, once.
//!
//! With H the checked objective and LB*, UB* the best known bound and objective of the instance, the gap of a
//! minimised objective is the interval `[(H - UB*)/UB*, (H - LB*)/LB*]`: the truth lies between. A maximised objective has
//! `[1 - H/LB*, 1 - H/UB*]`, LB* now being the best objective. Where the best known value is 0 the gap is 0 if H is 0 too, and
//! undefined otherwise.

use std::collections::{BTreeMap, BTreeSet};

use offcut_checker::{Interval, Tolerance, beyond, no_solution};
use offcut_instances::problem::Sense;
use serde::{Deserialize, Serialize};

use crate::row::{Row, Status};

/// By how much a value must be better than what is known, relative to it, to improve on it; and up to which relative difference two are the same.
pub const IMPROVES_RELATIVE: f64 = 1e-12;

/// How far a checked objective is from the optimum: the truth lies between `low` and `high`, both relative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// At least this far: measured against the best known objective.
    pub low: f64,
    /// At most this far: measured against the best known bound.
    pub high: f64,
    /// Whether `high` rests on a replayed certificate; otherwise it is a solver-reported bound (unchecked).
    pub certified: bool,
}

/// The best that is known about an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BestKnown {
    /// The best checked objective.
    pub objective: Option<f64>,
    /// The best certified bound.
    pub certified: Option<f64>,
    /// The best bound that is solver-reported.
    pub word: Option<f64>,
}

impl BestKnown {
    /// The gap of a checked objective; a certified bound is preferred to a solver-reported one, however tight that is.
    pub fn gap(&self, sense: Sense, objective: f64) -> Option<Gap> {
        let (bound, certified) = match (self.certified, self.word) {
            (Some(bound), _) => (bound, true),
            (None, Some(bound)) => (bound, false),
            (None, None) => return None,
        };
        let low = relative(sense, objective, self.objective.unwrap_or(objective))?;
        Some(Gap { low: low.max(0.0), high: relative(sense, objective, bound)?.max(0.0), certified })
    }

    /// The better of both, one by one.
    #[must_use]
    pub fn and(self, other: Self, sense: Sense) -> Self {
        let least = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
        let most = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
        let (objective, bound): (fn(_, _) -> _, fn(_, _) -> _) = match sense {
            Sense::Minimise => (least, most),
            Sense::Maximise => (most, least),
        };
        Self {
            objective: objective(self.objective, other.objective),
            certified: bound(self.certified, other.certified),
            word: bound(self.word, other.word),
        }
    }
}

/// `(H - reference)/reference` when minimising, `1 - H/reference` when maximising.
fn relative(sense: Sense, objective: f64, reference: f64) -> Option<f64> {
    if objective == reference {
        return Some(0.0);
    }
    let gap = match sense {
        Sense::Minimise => (objective - reference) / reference,
        Sense::Maximise => 1.0 - objective / reference,
    };
    (reference > 0.0 && gap.is_finite()).then_some(gap)
}

/// The best known values of every instance in `rows`, by instance hash.
pub fn best_known(sense: Sense, rows: &[Row]) -> BTreeMap<String, BestKnown> {
    let mut known: BTreeMap<String, BestKnown> = BTreeMap::new();
    let lower = |a: Option<f64>, b: f64| Some(a.map_or(b, |a| a.min(b)));
    let higher = |a: Option<f64>, b: f64| Some(a.map_or(b, |a| a.max(b)));
    for row in rows {
        let best = known.entry(row.key.instance.clone()).or_default();
        if let Some(objective) = feasible_objective(row) {
            best.objective = match sense {
                Sense::Minimise => lower(best.objective, objective),
                Sense::Maximise => higher(best.objective, objective),
            };
        }
        let tighter = |known: Option<f64>, bound: f64| match sense {
            Sense::Minimise => higher(known, bound),
            Sense::Maximise => lower(known, bound),
        };
        if let Some(value) = row.certified_bound(sense) {
            best.certified = tighter(best.certified, value);
        }
        if let Some(value) = row.proof.solver_reported() {
            best.word = tighter(best.word, value);
        }
    }
    known
}

/// The best known values of every instance in `rows`, by instance hash: those of the rows, and of a library for instances that are in the rows.
pub fn best_known_with(
    sense: Sense,
    rows: &[Row],
    library: &BTreeMap<String, BestKnown>,
) -> BTreeMap<String, BestKnown> {
    let mut best = best_known(sense, rows);
    for (instance, known) in library {
        best.entry(instance.clone()).and_modify(|best| *best = best.and(*known, sense));
    }
    best
}

/// The hashes of instances that a replayed certificate proves to have no solution.
pub fn proved_infeasible(rows: &[Row]) -> BTreeSet<&str> {
    let proved = rows.iter().filter(|row| row.status == Status::InfeasibleCertified);
    proved.map(|row| row.key.instance.as_str()).collect()
}

/// The objective of a row that holds a feasible solution.
pub fn feasible_objective(row: &Row) -> Option<f64> {
    let holds = matches!(row.status, Status::Feasible | Status::OptimalClaimed | Status::OptimalCertified);
    row.checked_objective.filter(|_| holds).map(|objective| objective.middle())
}

/// A feasible objective beyond a bound: one of the two is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The instance's hash.
    pub instance: String,
    /// The method whose solution it is, and its objective.
    pub objective: (String, f64),
    /// The method whose bound it is, and its bound.
    pub bound: (String, f64),
    /// How far beyond, relative.
    pub beyond: f64,
}

impl std::fmt::Display for Contradiction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { instance, objective, bound, beyond } = self;
        write!(
            f,
            "instance {instance}: objective {} of {} lies beyond bound {} of {} ({beyond:.2e} relative)",
            objective.1, objective.0, bound.1, bound.0
        )
    }
}

/// Every feasible objective of `rows` beyond a certified bound known before, and every certified bound beyond an objective known before, as from a
/// library. Known objectives are numbers, not intervals, so a bound may lie a rounding beyond one.
pub fn contradictions_with(sense: Sense, rows: &[Row], known: &BTreeMap<String, BestKnown>) -> Vec<Contradiction> {
    let library = || "the library".to_owned();
    let found = rows.iter().flat_map(|row| {
        let best = known.get(&row.key.instance).copied().unwrap_or_default();
        let method = || row.key.method.clone();
        let objective = row.checked_objective.filter(|_| feasible_objective(row).is_some());
        let refuting = objective.zip(best.certified).map(|(objective, bound)| Contradiction {
            instance: row.key.instance.clone(),
            objective: (method(), objective.middle()),
            bound: (library(), bound),
            beyond: beyond(sense, bound, objective),
        });
        let refuted = best.objective.zip(row.certified_bound(sense)).map(|(objective, bound)| Contradiction {
            instance: row.key.instance.clone(),
            objective: (library(), objective),
            bound: (method(), bound),
            beyond: beyond(sense, bound, Interval::point(objective)) - IMPROVES_RELATIVE,
        });
        refuting.into_iter().chain(refuted)
    });
    found.filter(|contradiction| contradiction.beyond > 0.0).collect()
}

/// Every pair of a feasible objective and a bound of the same instance that cannot both be true. A certified bound allows no
/// slack; a solver-reported bound is allowed the solvers' tolerance.
pub fn contradictions(sense: Sense, rows: &[Row], tolerance: &Tolerance) -> Vec<Contradiction> {
    let mut by_instance: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_instance.entry(&row.key.instance).or_default().push(row);
    }
    let mut found = Vec::new();
    for (instance, rows) in by_instance {
        for bounding in &rows {
            let says_infeasible = bounding.status == Status::InfeasibleClaimed;
            let claimed = says_infeasible.then(|| (no_solution(sense), 0.0));
            let [proof, certified] = bounding.proofs().map(|proof| proof.bound(sense, tolerance));
            let bounds = proof.or(claimed).into_iter().chain(certified);
            for (row, (bound, allowed)) in rows.iter().flat_map(|row| bounds.clone().map(move |bound| (row, bound))) {
                let Some(objective) = row.checked_objective.filter(|_| feasible_objective(row).is_some()) else {
                    continue;
                };
                let beyond = beyond(sense, bound, objective);
                if beyond > allowed {
                    found.push(Contradiction {
                        instance: instance.to_owned(),
                        objective: (row.key.method.clone(), objective.middle()),
                        bound: (bounding.key.method.clone(), bound),
                        beyond,
                    });
                }
            }
        }
    }
    found
}
