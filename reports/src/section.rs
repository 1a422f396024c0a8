//! A part of a report under one heading.

use std::collections::BTreeSet;

use crate::figure::Figure;
use crate::table::Table;

/// A part of a report under one heading.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Paragraphs before the tables.
    pub paragraphs: Vec<String>,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// The families of its instances, if they are fewer than those of the run or may be; empty for sections about the whole run.
    pub families: BTreeSet<String>,
}
