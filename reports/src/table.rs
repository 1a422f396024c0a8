//! A table, whatever it is written as: Markdown, LaTeX, CSV or HTML.

use crate::names::identifier;
use crate::numbers::{self, ABSENT};

/// How a cell is printed: by the evidence for its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Checked, or not about a bound at all.
    #[default]
    Plain,
    /// It rests on a solver-reported bound (unchecked): italic, with a dagger.
    Unchecked,
    /// A failure: bold.
    Failure,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What is printed.
    pub text: String,
    /// The number behind it, in the column's base unit: for sorting and for data files.
    pub value: Option<f64>,
    /// The upper end of an interval, whose lower end is `value`.
    pub high: Option<f64>,
    /// How it is printed.
    pub style: Style,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A number as it is printed and as it is.
    pub fn number(text: impl Into<String>, value: f64) -> Self {
        Self { text: text.into(), value: Some(value), ..Self::default() }
    }

    /// An interval as its ends are printed and as they are; it is sorted by its lower end.
    pub fn interval((low, high): (f64, f64), print: impl Fn(f64) -> String) -> Self {
        Self { high: Some(high), ..Self::number(format!("{} to {}", print(low), print(high)), low) }
    }

    /// A number of things.
    pub fn count(count: usize) -> Self {
        Self::number(numbers::whole(count as u64), count as f64)
    }

    /// A number of failures: styled as such unless it is 0.
    pub fn failures(count: usize) -> Self {
        Self::count(count).styled(if count > 0 { Style::Failure } else { Style::Plain })
    }

    /// Nothing.
    pub fn absent() -> Self {
        Self::text(ABSENT)
    }

    /// The same cell with a mark.
    #[must_use]
    pub fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Over it in print, with its unit.
    pub title: String,
    /// Over it in data files: letters, digits, underscores.
    pub name: String,
    /// Whether it holds numbers: set to the right.
    pub numeric: bool,
    /// Whether its numbers rest on bounds: data files have a column for the kind.
    pub evidence: bool,
    /// Whether it holds intervals: data files have a column for each end.
    pub interval: bool,
}

impl Column {
    /// A column of words.
    pub fn words(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { title: title.into(), name: identifier(&name.into()), numeric: false, evidence: false, interval: false }
    }

    /// A column of numbers.
    pub fn numbers(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { numeric: true, ..Self::words(title, name) }
    }

    /// A column of intervals.
    pub fn intervals(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { interval: true, ..Self::numbers(title, name) }
    }

    /// A column of numbers that rest on bounds.
    pub fn bounded(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { evidence: true, ..Self::numbers(title, name) }
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The name of its files.
    pub id: String,
    /// The line over it.
    pub title: String,
    /// A note below it; may be empty.
    pub note: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// The names of the columns that come first where there is no room for all, as on a printed page; empty: in their order.
    pub in_print: Vec<String>,
    /// Whether rows and columns may be exchanged where there is no room: it has a first column of places and a column for each method.
    pub turns: bool,
}

impl Table {
    /// A table without rows.
    pub fn new(id: &str, title: impl Into<String>, note: impl Into<String>, columns: Vec<Column>) -> Self {
        Self {
            id: identifier(id),
            title: title.into(),
            note: note.into(),
            columns,
            rows: Vec::new(),
            in_print: Vec::new(),
            turns: false,
        }
    }

    /// The same table with these columns first where there is no room for all.
    #[must_use]
    pub fn in_print(mut self, names: &[&str]) -> Self {
        self.in_print = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If it has not as many cells as the table has columns.
    pub fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "table {}", self.id);
        self.rows.push(row);
    }

    /// Whether some number in it rests on a solver-reported bound.
    pub fn has_unchecked(&self) -> bool {
        self.rows.iter().flatten().any(|cell| cell.style == Style::Unchecked)
    }
}
