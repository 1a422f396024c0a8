//! The part of a report that only one problem has, as a value: shared tables and figures name no problem.

use offcut_ledger::Study;

use crate::figure::Figure;
use crate::options::Options;
use crate::results::{Result, Results};
use crate::section::Section;
use crate::verdict::{Outcome, Verdict};

/// The part of a report that only one problem has. [`ProblemReport::PLAIN`] is empty.
pub struct ProblemReport {
    /// The problem's name in manifests.
    pub problem: &'static str,
    /// The paper, and what is known of it.
    pub paper: Option<&'static str>,
    /// What its reconstruction does not show.
    pub limitation: Option<&'static str>,
    /// The paper's algorithm, with which other heuristics are compared.
    pub reference: Option<&'static str>,
    /// The verdicts on the paper's claims.
    pub claims: fn(&Results) -> Vec<Verdict>,
    /// Sections of its own, after those about all methods.
    pub sections: fn(&Results, &Options) -> Vec<Section>,
    /// What the figure of a study over an axis shows instead of the mean objective.
    pub study_quantity: fn(&Results, &Study) -> Option<StudyQuantity>,
    /// Figures of a study besides the one that every study has.
    pub study_figures: fn(&Results, &Study) -> Vec<Figure>,
    /// Whether studies show the checker's measures of instances of this variant.
    pub has_measures: fn(&str) -> bool,
    /// Two measures that add up to the objective.
    pub parts: Option<Parts>,
}

impl ProblemReport {
    /// The empty part: a problem without a paper, claims or sections of its own.
    pub const PLAIN: Self = Self {
        problem: "",
        paper: None,
        limitation: None,
        reference: None,
        claims: |_| Vec::new(),
        sections: |_, _| Vec::new(),
        study_quantity: |_, _| None,
        study_figures: |_, _| Vec::new(),
        has_measures: |_| true,
        parts: None,
    };
}

/// The verdicts on claims, each for every family of instances that tests it; for all rows if none does.
pub fn by_family(results: &Results, claims: &[fn(&Results) -> Verdict]) -> Vec<Verdict> {
    let families = results.by_family();
    let mut verdicts = Vec::new();
    for claim in claims {
        let of_family = |(family, rows): &(&str, Results)| {
            let verdict = claim(rows);
            let numbers = if family.is_empty() { verdict.numbers } else { format!("{family}: {}", verdict.numbers) };
            Verdict { group: (*family).to_owned(), numbers, ..verdict }
        };
        let tested: Vec<Verdict> =
            families.iter().map(of_family).filter(|verdict| verdict.outcome != Outcome::NotTested).collect();
        if tested.is_empty() {
            verdicts.push(claim(results));
        }
        verdicts.extend(tested);
    }
    verdicts
}

/// A quantity without unit that a study's figure shows row by row, with a proven limit.
pub struct StudyQuantity {
    /// What it is called.
    pub name: String,
    /// Its value in a row; none if the row has none.
    pub value: fn(&Results, &Result) -> Option<f64>,
    /// What the limit is called.
    pub limit_name: &'static str,
    /// The limit at a place of the axis; none where there is no limit.
    pub limit: fn(f64) -> Option<f64>,
    /// How to read it, a sentence of the caption.
    pub reading: &'static str,
}

/// Two measures that add up to the objective, printed beside it as `(first + second)`.
pub struct Parts {
    /// Their keys in rows.
    pub measures: [&'static str; 2],
    /// A sentence below tables that print both.
    pub note: &'static str,
    /// Over the column that holds the largest value of the first that any method has for an instance.
    pub column: &'static str,
}
