//! What a run set out to do.

use offcut_checker::Tolerance;
use offcut_instances::problem::Sense;
use serde::{Deserialize, Serialize};

/// The manifest of a run: `runs/<id>/manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The run's name, which is its folder's.
    pub id: String,
    /// A title for the report.
    pub title: String,
    /// The problem's name.
    pub problem: String,
    /// Whether the problem minimises or maximises.
    pub sense: Sense,
    /// What the objective is called and its unit, e.g. `latency`, `s`.
    pub objective: Quantity,
    /// The studies: which cells belong to which table and figure.
    pub studies: Vec<Study>,
    /// Seed of the order in which the cells are run.
    pub order_seed: u64,
    /// The tolerances of the checker.
    pub tolerance: Tolerance,
    /// Where and with what it ran.
    pub environment: Environment,
}

/// A measured quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// Its name, e.g. `latency`.
    pub name: String,
    /// Its unit, e.g. `s`; empty if it has none.
    pub unit: String,
}

/// One table and figure: series over an axis, or methods side by side if there is no axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// A short name, unique in the run, e.g. `users`.
    pub name: String,
    /// The title line over its table.
    pub title: String,
    /// What is varied, if anything: the x axis.
    pub axis: Option<Quantity>,
    /// Whether the x axis is drawn with a logarithmic scale.
    #[serde(default)]
    pub log_axis: bool,
    /// The cells that belong to it.
    pub cells: Vec<StudyCell>,
}

/// A cell's place in a study. Several studies may use the same cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyCell {
    /// The line it is a point of: a method's name without the varied parameter.
    pub series: String,
    /// Its place on the axis.
    pub x: Option<f64>,
    /// The row's key, as one line.
    pub key: String,
}

/// Where and with what a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Offcut's version.
    pub version: String,
    /// The commit it was built from, with a plus sign if the tree had changes; empty if unknown.
    pub commit: String,
    /// Processor, as the operating system names it.
    pub processor: String,
    /// Logical processors.
    pub processors: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Operating system and architecture.
    pub system: String,
    /// When the run began: seconds since 1970, UTC.
    pub began_unix_s: u64,
}
