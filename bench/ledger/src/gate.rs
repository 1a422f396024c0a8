//! What stands against the rows of a run, or answers that were checked together: one gate for `offcut run`, `report`, `merge`, `check` and `solve`.

use std::collections::BTreeMap;

use offcut_checker::Tolerance;
use offcut_instances::problem::Sense;
use serde::Serialize;

use crate::evidence::Mismatch;
use crate::gap::{BestKnown, Contradiction, contradictions, contradictions_with};
use crate::row::{Row, Status};

/// Everything for which a command ends with exit code 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gate {
    /// How many answers the checker rejected.
    pub rejected: usize,
    /// Objectives and bounds that cannot both be true.
    pub contradictions: Vec<Contradiction>,
    /// Rows that do not say what their answers say.
    pub mismatches: Vec<Mismatch>,
}

impl Gate {
    /// What stands against some rows by themselves, and beside the best known values of a library, by instance hash.
    pub fn of(sense: Sense, rows: &[Row], library: &BTreeMap<String, BestKnown>) -> Self {
        let mut found = contradictions(sense, rows, &Tolerance::default());
        found.extend(contradictions_with(sense, rows, library));
        let rejected = rows.iter().filter(|row| row.status == Status::Wrong).count();
        Self { rejected, contradictions: found, mismatches: Vec::new() }
    }

    /// Whether nothing does.
    pub fn is_open(&self) -> bool {
        self.rejected == 0 && self.contradictions.is_empty() && self.mismatches.is_empty()
    }
}
