//! How many rows of exact methods have a certified bound of their own, whatever other methods prove of the same instance.
//!
//! Exact methods are those that returned a bound, or a proof of infeasibility, on some row of the run. Rows that their method declined are not counted.

use offcut_checker::Proof;
use offcut_instances::problem::{MethodSpec, Stop};
use offcut_ledger::{Row, Status};

use crate::comparison::exact_ids;
use crate::numbers::whole;
use crate::results::{Result, Results};
use crate::table::Cell;

/// Rows of exact methods by the evidence of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnBounds {
    /// With a replayed certificate of a bound, or of there being no solution.
    pub certified: usize,
    /// With a solver-reported bound alone.
    pub reported: usize,
    /// Without a bound.
    pub none: usize,
}

impl OwnBounds {
    /// Counts the rows of a run.
    pub fn of(results: &Results) -> Self {
        Self::of_rows(exact(results).into_iter().map(|result| result.row))
    }

    /// Counts some rows of exact methods.
    pub fn of_rows<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let place = match () {
                () if row.is_certified() => &mut counts.certified,
                () if row.proof.solver_reported().is_some() => &mut counts.reported,
                () => &mut counts.none,
            };
            *place += 1;
        }
        counts
    }

    /// All of them.
    pub fn rows(&self) -> usize {
        self.certified + self.reported + self.none
    }

    /// Adds those of other rows.
    pub fn add(&mut self, other: &Self) {
        self.certified += other.certified;
        self.reported += other.reported;
        self.none += other.none;
    }

    /// The share with a certificate, in percent; none of no rows.
    pub fn share_percent(&self) -> Option<f64> {
        (self.rows() > 0).then(|| 100.0 * self.certified as f64 / self.rows() as f64)
    }

    /// The same for a table: only a share of all rows is printed as 100.
    pub fn share_cell(&self) -> Cell {
        self.share_percent().map_or_else(Cell::absent, |share| Cell::number(self.printed(share), share))
    }

    fn printed(&self, share: f64) -> String {
        if self.certified < self.rows() { format!("{:.2}", share.min(99.99)) } else { "100".into() }
    }

    /// The share in a sentence.
    pub fn told(&self) -> String {
        let Some(share) = self.share_percent() else { return "No row is of an exact method.".into() };
        format!(
            "{} % of {} rows of exact methods have a certified bound of their own.",
            self.printed(share),
            whole(self.rows() as u64)
        )
    }
}

/// The rows of exact methods that the method did not decline, in the order of the results.
pub fn exact<'r, 'a>(results: &'r Results<'a>) -> Vec<&'r Result<'a>> {
    let ids = exact_ids(results);
    let is_counted =
        |r: &&Result| r.row.status != Status::Declined && ids.contains(MethodSpec::id_in(&r.row.key.method));
    results.results.iter().filter(is_counted).collect()
}

/// Why a row has no certified bound of its own.
pub fn reason(row: &Row) -> String {
    let by_status = match (row.status, &row.stop) {
        (Status::Wrong, _) => Some("rejected by the checker".to_owned()),
        (_, Stop::Failed(why) | Stop::Invalid(why)) => Some(why.clone()),
        (Status::Memory, _) => Some("out of memory".into()),
        (Status::InfeasibleClaimed, _) => Some("claims without a proof that there is no solution".into()),
        _ => None,
    };
    let by_bound = || match (&row.proof, &row.stop) {
        (Proof::SolverReported { word, .. }, _) => format!("its bound is solver-reported alone: {word}"),
        (_, Stop::TimeLimit) => "the time limit ended it before it had a bound".into(),
        _ => "it ended by itself without a bound".into(),
    };
    by_status.unwrap_or_else(by_bound)
}
