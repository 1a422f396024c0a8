//! Verdicts on a paper's claims: which problem has which is in that problem's module.

/// Whether a run shows one claim of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The claim, as the abstract has it.
    pub claim: String,
    /// Whether the run shows it.
    pub outcome: Outcome,
    /// The numbers it rests on.
    pub numbers: String,
    /// Why.
    pub why: String,
}

/// Whether a run shows a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Shown,
    /// It does not.
    NotShown,
    /// The run has no rows that could.
    NotTested,
}

impl Outcome {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::NotShown => "not shown",
            Self::NotTested => "not tested",
        }
    }
}
