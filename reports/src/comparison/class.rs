//! Exact methods and heuristics: what each is to do, and which seconds count.

use offcut_ledger::Status;

use crate::options::Options;
use crate::results::{CountsAs, Result};

/// The relative gap that the curves and the frontier of heuristics count.
pub const GAP_TARGET: f64 = 0.01;

/// Exact method or heuristic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// On some row of the run it returned a bound of its own, or a proof of infeasibility.
    Exact,
    /// It returned no bound on any row.
    Heuristic,
}

impl Class {
    /// Whether an attempted row solves its instance: for an exact method, a bound of its own, certified or solver-reported, that meets its objective
    /// (or a bound, if it computes bounds only); for a heuristic, a feasible solution.
    pub fn is_solved(self, result: &Result) -> bool {
        match (self, result.counts_as()) {
            (_, CountsAs::Bound) => true,
            (Self::Heuristic, CountsAs::Solution) => true,
            (Self::Exact, CountsAs::Solution) => {
                matches!(result.row.status, Status::OptimalCertified | Status::OptimalClaimed)
            }
            (_, CountsAs::ProvedInfeasible | CountsAs::Declined | CountsAs::Failure) => false,
        }
    }

    /// Whether a row is what its method's curves and frontier count: solved, and for a heuristic within [`GAP_TARGET`] of the best known bound.
    pub(super) fn is_reached(self, result: &Result) -> bool {
        match self {
            Self::Exact => self.is_solved(result),
            Self::Heuristic => result.gap.is_some_and(|gap| gap.high <= GAP_TARGET),
        }
    }

    /// The seconds of an attempted row in shifted geometric means and PAR10, and nowhere else: what was used; for what is not solved the limit, where
    /// there is one.
    pub fn counted_s(self, result: &Result) -> f64 {
        if self.is_solved(result) { result.row.times.solve_s } else { result.limit_s() }
    }

    pub(super) fn shift_s(self, options: &Options) -> f64 {
        match self {
            Self::Exact => options.time_shift_s,
            Self::Heuristic => options.heuristic_shift_s,
        }
    }

    /// In the names of files.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Heuristic => "heuristics",
        }
    }

    /// In titles.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Exact => "Exact methods",
            Self::Heuristic => "Heuristics",
        }
    }
}
