//! The result of checking one answer. Only this crate can make a [`Verdict`].

use std::collections::BTreeMap;

use offcut_instances::problem::Sense;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// The tolerances of Offcut; printed in every report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// How far a claimed number may be from the checked one, relative to the checked one.
    pub claim_relative: f64,
    /// The relative gap up to which a bound *meets* an objective.
    pub gap_relative: f64,
    /// How far a solver-reported bound may lie beyond a feasible objective before it is a contradiction: general solvers
    /// work with feasibility tolerances of this order.
    pub word_relative: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { claim_relative: 1e-9, gap_relative: 1e-9, word_relative: 1e-6 }
    }
}

/// One broken constraint: which, where, by how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The constraint's name.
    pub constraint: String,
    /// The place in the answer, e.g. `users[3]`.
    pub at: String,
    /// By how much it is broken, in `unit`.
    pub amount: f64,
    /// The unit of `amount`.
    pub unit: String,
}

impl Violation {
    pub(crate) fn new(
        constraint: impl Into<String>,
        at: impl Into<String>,
        amount: f64,
        unit: impl Into<String>,
    ) -> Self {
        Self { constraint: constraint.into(), at: at.into(), amount, unit: unit.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { constraint, at, amount, unit } = self;
        if amount.fract() == 0.0 && amount.abs() < 1e15 {
            write!(f, "{constraint} ({at}): {amount} {unit}")
        } else {
            write!(f, "{constraint} ({at}): {amount:.6e} {unit}")
        }
    }
}

/// The result of checking a claimed bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// No bound was claimed.
    Nothing,
    /// The checker replayed the certificate.
    Certified {
        /// The bound as the checker computed it.
        value: f64,
    },
    /// The checker replayed a certificate that no feasible solution exists.
    Infeasible,
    /// A solver reported the bound; it is not checked.
    #[serde(rename = "solver_word")]
    SolverReported {
        /// The bound as the solver reported it.
        value: f64,
        /// The solver and the quantity.
        word: String,
    },
    /// The certificate does not prove the claimed bound.
    #[serde(rename = "refused")]
    Rejected {
        /// Why not.
        violations: Vec<Violation>,
    },
}

impl Proof {
    /// Whether no bound was claimed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// The value that a replayed certificate proves, if it proves one.
    pub fn certified(&self) -> Option<f64> {
        match self {
            Self::Certified { value } => Some(*value),
            _ => None,
        }
    }

    /// The value that a solver reported.
    pub fn solver_reported(&self) -> Option<f64> {
        match self {
            Self::SolverReported { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// The violations for which it is rejected; empty if it is not.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Rejected { violations } => violations,
            _ => &[],
        }
    }

    /// The bound, and how far beyond it a checked objective may lie, relative to the objective: 0 for a certified bound,
    /// [`Tolerance::word_relative`] for a solver-reported one. `None` if there is no bound.
    pub fn bound(&self, sense: Sense, tolerance: &Tolerance) -> Option<(f64, f64)> {
        match self {
            Self::Certified { value } => Some((*value, 0.0)),
            Self::Infeasible => Some((no_solution(sense), 0.0)),
            Self::SolverReported { value, .. } => Some((*value, tolerance.word_relative)),
            Self::Nothing | Self::Rejected { .. } => None,
        }
    }
}

/// The checker's verdict on one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub(crate) sense: Sense,
    pub(crate) objective: Option<Interval>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) proof: Proof,
    #[serde(skip_serializing_if = "Proof::is_nothing")]
    pub(crate) certified: Proof,
    pub(crate) claims_infeasible: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) measures: BTreeMap<String, f64>,
}

impl Verdict {
    pub(crate) fn empty(sense: Sense) -> Self {
        Self {
            sense,
            objective: None,
            violations: Vec::new(),
            proof: Proof::Nothing,
            certified: Proof::Nothing,
            claims_infeasible: false,
            measures: BTreeMap::new(),
        }
    }

    /// Whether the problem minimises or maximises.
    pub fn sense(&self) -> Sense {
        self.sense
    }

    /// The objective of the solution as the checker computed it, if there is a solution and it has one.
    pub fn objective(&self) -> Option<Interval> {
        self.objective
    }

    /// All violations: of the solution, of its claimed objective, and contradictions between solution and bound.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The result of checking the claimed bound.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The result of checking the certified bound beside the claimed one; [`Proof::Nothing`] if there is none.
    pub fn certified(&self) -> &Proof {
        &self.certified
    }

    /// The results of both.
    pub fn proofs(&self) -> [&Proof; 2] {
        [&self.proof, &self.certified]
    }

    /// The best value that a replayed certificate of the answer proves, if one proves any.
    pub fn certified_bound(&self) -> Option<f64> {
        best_certified(self.sense, self.proofs())
    }

    /// Further measures of a solution without violations, by name.
    pub fn measures(&self) -> &BTreeMap<String, f64> {
        &self.measures
    }

    /// Whether the answer claims that no feasible solution exists.
    pub fn claims_infeasible(&self) -> bool {
        self.claims_infeasible
    }

    /// Whether the answer is rejected: for a broken constraint, a false claim or an invalid certificate.
    pub fn is_rejected(&self) -> bool {
        !self.violations.is_empty() || self.proofs().iter().any(|proof| matches!(proof, Proof::Rejected { .. }))
    }

    /// Whether the answer holds a feasible solution with the objective it claims.
    pub fn is_feasible(&self) -> bool {
        self.objective.is_some() && self.violations.is_empty()
    }
}

/// The best of the values that replayed certificates prove, if one proves any.
pub fn best_certified<'p>(sense: Sense, proofs: impl IntoIterator<Item = &'p Proof>) -> Option<f64> {
    let values = proofs.into_iter().filter_map(Proof::certified);
    match sense {
        Sense::Minimise => values.reduce(f64::max),
        Sense::Maximise => values.reduce(f64::min),
    }
}

/// The bound of an instance without feasible solutions.
pub fn no_solution(sense: Sense) -> f64 {
    match sense {
        Sense::Minimise => f64::INFINITY,
        Sense::Maximise => f64::NEG_INFINITY,
    }
}

/// How far a bound lies beyond an objective, relative to the objective; 0 if it does not.
pub fn beyond(sense: Sense, bound: f64, objective: Interval) -> f64 {
    let beyond = match sense {
        Sense::Minimise => bound - objective.high(),
        Sense::Maximise => objective.low() - bound,
    };
    if beyond <= 0.0 { 0.0 } else { beyond / objective.magnitude() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_printed_with_place_and_amount() {
        let printed = |amount: f64| Violation::new("deadline", "service[3]", amount, "s late").to_string();
        assert_eq!(printed(3.0), "deadline (service[3]): 3 s late");
        assert_eq!(printed(-999_999_999_999_999.0), "deadline (service[3]): -999999999999999 s late");
        assert_eq!(printed(0.25), "deadline (service[3]): 2.500000e-1 s late");
        assert_eq!(printed(1e15), "deadline (service[3]): 1.000000e15 s late");
        assert_eq!(printed(f64::INFINITY), "deadline (service[3]): inf s late");
    }

    #[test]
    fn a_bound_without_a_solution_is_beyond_all() {
        assert_eq!(no_solution(Sense::Minimise), f64::INFINITY);
        assert_eq!(no_solution(Sense::Maximise), f64::NEG_INFINITY);
    }

    #[test]
    fn how_far_a_bound_lies_beyond_is_relative_to_the_objective() {
        let objective = Interval::between(4.0, 5.0);
        assert_eq!(beyond(Sense::Minimise, 7.5, objective), 0.5);
        assert_eq!(beyond(Sense::Maximise, 1.5, objective), 0.5);
        for bound in [4.0, 4.5, 5.0] {
            assert_eq!(beyond(Sense::Minimise, bound, objective), 0.0);
            assert_eq!(beyond(Sense::Maximise, bound, objective), 0.0);
        }
    }

    #[test]
    fn a_verdict_returns_what_it_holds() {
        let violation = Violation::new("deadline", "service[3]", 1.0, "s late");
        let measures = BTreeMap::from([("local".to_owned(), 2.0)]);
        let verdict = Verdict {
            objective: Some(Interval::point(3.0)),
            violations: vec![violation.clone()],
            proof: Proof::Infeasible,
            claims_infeasible: true,
            measures: measures.clone(),
            ..Verdict::empty(Sense::Maximise)
        };
        assert_eq!((verdict.sense(), verdict.objective()), (Sense::Maximise, Some(Interval::point(3.0))));
        assert_eq!((verdict.violations(), verdict.proof()), (&[violation][..], &Proof::Infeasible));
        assert_eq!((verdict.measures(), verdict.claims_infeasible()), (&measures, true));
        assert!(verdict.is_rejected() && !verdict.is_feasible());
        let empty = Verdict::empty(Sense::Minimise);
        assert_eq!((empty.sense(), empty.objective(), empty.claims_infeasible()), (Sense::Minimise, None, false));
        assert!(!empty.is_rejected() && !empty.is_feasible());
    }
}
