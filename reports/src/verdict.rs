//! Verdicts on a paper's claims: which problem has which is in that problem's module.

/// Whether a group of rows shows one claim of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The claim, as the abstract has it.
    pub claim: String,
    /// The group of rows it is checked on: a family of instances; empty for all rows of the run.
    pub group: String,
    /// Whether the rows show it.
    pub outcome: Outcome,
    /// The measured number that decides, with its unit; empty if nothing was measured.
    pub number: String,
    /// What is promised or asked of this number.
    pub limit: String,
    /// On how many rows (for means over instances: on how many instances) the claim says something and was measured.
    pub rows: usize,
    /// The table or the figure with the numbers: its id.
    pub place: String,
    /// Whose the limit is.
    pub rule: Rule,
    /// All numbers it rests on, in words.
    pub numbers: String,
    /// Why, in words.
    pub why: String,
}

impl Verdict {
    /// A claim that no row has tested yet.
    pub fn new(claim: impl Into<String>, rule: Rule, place: impl Into<String>, limit: impl Into<String>) -> Self {
        Self {
            claim: claim.into(),
            group: String::new(),
            outcome: Outcome::NotTested,
            number: String::new(),
            limit: limit.into(),
            rows: 0,
            place: place.into(),
            rule,
            numbers: "no rows".into(),
            why: String::new(),
        }
    }

    /// The same claim, not tested for this reason.
    #[must_use]
    pub fn not_tested(self, why: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotTested, why: why.into(), ..self }
    }

    /// The same claim, decided.
    #[must_use]
    pub fn decided(self, (outcome, why): (Outcome, String), rows: usize, number: String, numbers: String) -> Self {
        Self { outcome, why, rows, number, numbers, ..self }
    }
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
    /// There are rows, but the theorem promises nothing for any of them.
    NothingPromised,
}

impl Outcome {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::NotShown => "not shown",
            Self::NotTested => "not tested",
            Self::NothingPromised => "nothing promised",
        }
    }
}

/// Whose the limit of a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The abstract states it.
    Abstract,
    /// A theorem that Offcut proved for its reconstruction; the abstract says that there is one, or nothing.
    Theorem,
    /// A threshold that Offcut chose.
    Threshold,
}

impl Rule {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abstract => "the abstract",
            Self::Theorem => "Offcut's theorem",
            Self::Threshold => "Offcut's threshold",
        }
    }
}
