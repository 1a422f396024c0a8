//! Ledger in, tables and figures out.
//!
//! [`write()`] makes a folder of a run: one self-contained `report.html`, `report.md`, and every table and figure as a file of its own.
//! The parts are there by themselves: [`Report::new`] computes everything, [`html::page`] and [`markdown::page`] write it,
//! [`figures::svg`] and [`figures::png`] draw.
//!
//! | module | holds |
//! |---|---|
//! | [`results`] | manifest and rows put together |
//! | [`statistics`] | means, medians, bootstrap intervals, rank tests |
//! | [`comparison`] | methods beside each other: times, pairs, curves, frontiers |
//! | [`tables`], [`figures`] | what is shown |
//! | [`report`] | what is said, and in which order |
//! | [`overview`], `peers` | the reports of several problems summed up; general solvers beside Offcut's exact methods |
//! | [`names`] | text from outside, made harmless before any format writes it |
//! | [`table`], [`html`], [`markdown`] | how it is written |
//! | [`multiuser`], [`throughput`], [`jpdra`], [`lymdo`] | what only that problem's reports say |
//!
//! Written to be diffed: rows are sorted, numbers have fixed forms, times stand in tables of their own, and nothing reads a clock.

pub mod comparison;
pub mod figures;
pub mod html;
pub mod jpdra;
pub mod lymdo;
pub mod markdown;
pub mod multiuser;
pub mod names;
pub mod numbers;
pub mod overview;
mod peers;
pub mod report;
pub mod results;
pub mod statistics;
pub mod table;
pub mod tables;
pub mod throughput;
pub mod verdict;

use std::collections::BTreeMap;
use std::path::Path;

use offcut_instances::document::Trouble;
use offcut_ledger::{BestKnown, Manifest, Row};

pub use report::Report;
pub use verdict::{Outcome, Verdict};

/// What may be chosen about a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The shift of the shifted geometric mean time of exact methods, in seconds.
    pub time_shift_s: f64,
    /// The shift for heuristics, in seconds.
    pub heuristic_shift_s: f64,
    /// Whether figures are also written as PNG.
    pub png: bool,
    /// Best known values from elsewhere, by instance hash, that gaps are measured against besides those of the rows: a library's.
    pub library: BTreeMap<String, BestKnown>,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_shift_s: 10.0, heuristic_shift_s: 0.001, png: true, library: BTreeMap::new() }
    }
}

/// The files of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Their names relative to the folder, in the order they were written; `report.html` is the first.
    pub files: Vec<String>,
}

/// Writes the report of a run into `folder`, which is made if it is not there. Files of an earlier report are replaced.
///
/// # Errors
/// [`Trouble`] if the folder cannot be written to.
pub fn write(manifest: &Manifest, rows: &[Row], folder: &Path, options: &Options) -> Result<Written, Trouble> {
    write_report(&Report::new(manifest, rows, options), folder, options)
}

/// Writes a report into `folder`, see [`write()`].
///
/// # Errors
/// [`Trouble`] if the folder cannot be written to.
pub fn write_report(report: &Report, folder: &Path, options: &Options) -> Result<Written, Trouble> {
    let mut written = Written::default();
    let trouble = |path: &Path, error: std::io::Error| {
        Trouble::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(path)
    };
    for made in [folder.to_owned(), folder.join("tables"), folder.join("figures")] {
        std::fs::create_dir_all(&made).map_err(|error| trouble(&made, error))?;
    }
    let mut put = |name: String, content: &[u8]| -> Result<(), Trouble> {
        let path = folder.join(&name);
        std::fs::write(&path, content).map_err(|error| trouble(&path, error))?;
        written.files.push(name);
        Ok(())
    };
    put("report.html".into(), html::page(report).as_bytes())?;
    put("report.md".into(), markdown::page(report).as_bytes())?;
    for table in report.tables() {
        put(format!("tables/{}.csv", table.id), table.csv().as_bytes())?;
        put(format!("tables/{}.tex", table.id), table.latex().as_bytes())?;
    }
    for figure in report.figures() {
        put(format!("figures/{}.svg", figure.id), figures::svg(figure).as_bytes())?;
    }
    for figure in report.figures().filter(|_| options.png) {
        let name = format!("figures/{}.png", figure.id);
        figures::png(figure, &folder.join(&name))?;
        written.files.push(name);
    }
    Ok(written)
}
