//! What may be chosen about a report.

use std::collections::BTreeMap;

use offcut_instances::prototype::Prototype;
use offcut_ledger::{BestKnown, Evidence};

use crate::simulated::Simulated;

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
    /// The result of comparing the rows with their answers; none if they were not compared.
    pub evidence: Option<Evidence>,
    /// Where the overview of several reports is, seen from the report's folder, if it is part of one.
    pub overview: Option<String>,
    /// Delays that were simulated for this report; empty if none were.
    pub simulated: Simulated,
    /// Answers that were run for real, in the order of their files; empty if none were.
    pub prototypes: Vec<Prototype>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time_shift_s: 10.0,
            heuristic_shift_s: 0.001,
            png: true,
            library: BTreeMap::new(),
            evidence: None,
            overview: None,
            simulated: Simulated::default(),
            prototypes: Vec::new(),
        }
    }
}
