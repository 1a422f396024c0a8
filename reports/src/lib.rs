//! Ledger in, tables and figures out.
//!
//! [`write()`] makes a folder of a run: one self-contained `report.html`, `report.md`, and every table and figure as a file of its own.
//! The parts are there by themselves: [`Report::new`] computes everything, [`html::page`] and [`markdown::page`] write it, [`csv::table`] and
//! [`latex::table_of`] write a table, [`drawing::svg`], [`drawing::pdf`] and [`drawing::png`] draw a figure.
//!
//! From the bottom to the top; a module names only what is above it in this table, or beside it:
//!
//! | module | holds |
//! |---|---|
//! | [`names`], [`numbers`], [`simulated`], [`options`], [`statistics`] | names and text from outside; numbers as text; simulated delays; means, intervals, rank tests |
//! | [`table`], [`figure`], [`verdict`], [`section`], [`report`] | what reports are made of |
//! | [`results`], [`method_gaps`] | manifest and rows put together |
//! | [`problem_report`] | the part of reports that only one problem has, as a value |
//! | [`tables`], [`figures`], [`comparison`], [`own_bounds`] | what all problems share; none of them is named there |
//! | [`problems`] | the values that the problems hand in |
//! | `assemble`, [`overview`], `peers` | all parts in their order; the overview of several problems; comparison with general solvers |
//! | [`html`], [`markdown`], [`latex`], [`csv`], [`drawing`] | the formats |
//!
//! Written to be diffed: rows are sorted, numbers have fixed forms, times stand in tables of their own, and nothing reads a clock.

#![warn(clippy::too_many_lines, unreachable_pub)]

mod assemble;
pub mod compare;
pub mod comparison;
pub mod csv;
pub mod drawing;
pub mod figure;
pub mod figures;
pub mod html;
pub mod latex;
pub mod markdown;
pub mod method_gaps;
pub mod names;
pub mod numbers;
pub mod options;
pub mod overview;
pub mod own_bounds;
pub mod papers;
mod peers;
pub mod problem_report;
pub mod problems;
mod prototype;
pub mod report;
pub mod results;
pub mod section;
pub mod simulated;
pub mod statistics;
pub mod table;
pub mod tables;
pub mod verdict;

use std::path::Path;

use offcut_instances::document::InputError;
use offcut_ledger::{Manifest, Row};

pub use options::Options;
pub use report::Report;
pub use verdict::{Outcome, Rule, Verdict};

/// The files of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Their names relative to the folder, in the order they were written; `report.html` is the first.
    pub files: Vec<String>,
}

/// Writes the report of a run into `folder`, which is made if it is not there. Files of an earlier report are replaced.
///
/// # Errors
/// [`InputError`] if the folder cannot be written to.
pub fn write(manifest: &Manifest, rows: &[Row], folder: &Path, options: &Options) -> Result<Written, InputError> {
    write_report(&Report::new(manifest, rows, options), folder, options)
}

/// Writes a report into `folder`, see [`write()`].
///
/// # Errors
/// [`InputError`] if the folder cannot be written to.
pub fn write_report(report: &Report, folder: &Path, options: &Options) -> Result<Written, InputError> {
    let mut written = Written::default();
    let input_error = |path: &Path, error: std::io::Error| {
        InputError::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(path)
    };
    for made in [folder.to_owned(), folder.join("tables"), folder.join("figures")] {
        std::fs::create_dir_all(&made).map_err(|error| input_error(&made, error))?;
    }
    let mut put = |name: String, content: &[u8]| -> Result<(), InputError> {
        let path = folder.join(&name);
        std::fs::write(&path, content).map_err(|error| input_error(&path, error))?;
        written.files.push(name);
        Ok(())
    };
    put("report.html".into(), html::page(report).as_bytes())?;
    put("report.md".into(), markdown::page(report).as_bytes())?;
    for table in report.tables() {
        put(format!("tables/{}.csv", table.id), csv::table(table).as_bytes())?;
        put(format!("tables/{}.tex", table.id), latex::table_of(&report.problem, table).as_bytes())?;
    }
    for figure in report.figures() {
        put(format!("figures/{}.svg", figure.id), drawing::svg_styled(figure, &report.styles).as_bytes())?;
        put(format!("figures/{}.pdf", figure.id), &drawing::pdf(figure, &report.styles))?;
    }
    for figure in report.figures().filter(|_| options.png) {
        let name = format!("figures/{}.png", figure.id);
        drawing::png(figure, &report.styles, &folder.join(&name))?;
        written.files.push(name);
    }
    Ok(written)
}
