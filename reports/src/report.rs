//! A whole report as a value; how it is written is not decided here.

use std::collections::BTreeMap;

use crate::figure::{Figure, Role, Styles};
use crate::section::Section;
use crate::table::Table;
use crate::verdict::Verdict;

/// A whole report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run's title.
    pub title: String,
    /// The problem's name, for labels; empty for several problems.
    pub problem: String,
    /// The first screen: a question and its answer.
    pub headline: Option<Headline>,
    /// Contradictions among the rows; a report with any says so first.
    pub contradictions: Vec<String>,
    /// Rows that do not say what their answers say; they are left out, and a report that has any says so before anything else.
    pub mismatches: Vec<String>,
    /// Where the numbers come from: names and values.
    pub provenance: Vec<(String, String)>,
    /// The main findings, a line each.
    pub summary: Vec<String>,
    /// The paper of a reproduction, and what is known of it.
    pub paper: Option<String>,
    /// Verdicts on the paper's claims.
    pub verdicts: Vec<Verdict>,
    /// The parts: the run as a whole, what only its problem has, each study, how rows ended.
    pub sections: Vec<Section>,
    /// How to read tables and figures.
    pub reading: Vec<String>,
    /// Known limitations.
    pub limitations: Vec<String>,
    /// Reports that this one sums up: names, and where they are from here.
    pub parts: Vec<(String, String)>,
    /// Where the overview is that sums up this report, from here.
    pub overview: Option<String>,
    /// The colour and mark of every method.
    pub styles: Styles,
    /// The family of every instance, by its name; of families, themselves.
    pub families: BTreeMap<String, String>,
}

/// What a report answers first.
#[derive(Clone, Debug)]
pub struct Headline {
    /// The question.
    pub question: String,
    /// The answer, in sentences.
    pub answer: Vec<String>,
    /// The answer as a figure; none if there is nothing to draw.
    pub figure: Option<Figure>,
    /// The answer as a ranked table.
    pub table: Table,
    /// What the method of every row of the table is.
    pub roles: Vec<Role>,
}

impl Report {
    /// All tables, in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let first = self.headline.iter().map(|headline| &headline.table);
        first.chain(self.sections.iter().flat_map(|section| &section.tables))
    }

    /// All figures, in order.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        let first = self.headline.iter().flat_map(|headline| &headline.figure);
        first.chain(self.sections.iter().flat_map(|section| &section.figures))
    }
}
