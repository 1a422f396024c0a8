//! What tasks are told, and what is known of them, as documents in the run's folder.

use std::path::Path;

use offcut_instances::document::InputError;
use offcut_ledger::Key;
use offcut_ledger::row::InstanceLabel;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::engine::Resources;
use crate::cell::GRACE_S;
use crate::run::replace;
use crate::suite::{Cell, Grid, Recipe, Suite};

/// What was missing when it was submitted, and all that it takes to run it. Instances are not made again to know their hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The engine's name.
    pub engine: String,
    /// The problem's name.
    pub problem: String,
    /// The suite.
    pub suite: Suite,
    /// How many tasks.
    pub tasks: usize,
    /// What each may use.
    pub resources: Resources,
    /// Seconds that each has, if that is limited.
    pub time_per_job_s: Option<u64>,
    /// When: seconds since 1970, UTC.
    pub at_unix_s: u64,
    /// How instances are come by.
    pub recipes: Vec<Recipe>,
    /// What tables call them.
    pub labels: Vec<InstanceLabel>,
    /// What is missing, in the order in which it is run.
    pub cells: Vec<Listed>,
}

/// A cell that is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Which of the recipes.
    pub recipe: usize,
    /// What it is about.
    pub key: Key,
}

impl Submission {
    /// The grid of what is missing; its studies are the run's alone.
    ///
    /// # Errors
    /// [`InputError`] if a cell has no recipe or its method cannot be read.
    pub fn grid(&self) -> Result<Grid, InputError> {
        let cell = |listed: &Listed| {
            let Listed { recipe, key } = listed.clone();
            if recipe >= self.recipes.len() || recipe >= self.labels.len() {
                return Err(InputError::at("cells", "names an instance that is not there", "submit the run again"));
            }
            Ok(Cell { recipe, method: key.method.parse()?, key })
        };
        let cells = self.cells.iter().map(cell).collect::<Result<_, _>>()?;
        Ok(Grid { recipes: self.recipes.clone(), labels: self.labels.clone(), cells, ..Grid::default() })
    }
}

/// The longest that a cell of a suite may take, in seconds; none if it may take any time.
pub fn longest_cell_s(suite: &Suite) -> Option<f64> {
    // Reading, checking and writing take time too: half a minute is room for most.
    suite.budget.time_s.map(|time_s| 1.1 * time_s + GRACE_S + 30.0)
}

/// What the engine called the jobs of a submission.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Jobs {
    /// The engine's name.
    pub engine: String,
    /// The array that runs the cells.
    pub array: String,
    /// The job that brings the rows together; none if it could not be submitted.
    pub finish: Option<String>,
}

/// What a task writes of itself when it begins: `task.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The submission it belongs to.
    pub submission: u32,
    /// Its name.
    pub task: String,
    /// How often it was started before.
    pub attempt: u32,
    /// The node it runs on.
    pub node: String,
    /// The processors it may use, e.g. `0-3`.
    pub cpus: String,
    /// Whether these are as many as it was given.
    pub is_bound: bool,
    /// When it began: seconds since 1970, UTC.
    pub at_unix_s: u64,
}

/// What a task writes of itself when it comes to its own end: `ended.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How many cells it ran; 0 if something went wrong.
    pub cells: usize,
    /// Why it ended: the time that was left was too short for another cell, or what went wrong. Empty if there was no cell left.
    pub why: String,
    /// When: seconds since 1970, UTC.
    pub at_unix_s: u64,
}

/// Reads a document.
///
/// # Errors
/// [`InputError`] naming the file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, InputError> {
    let input_error = |what: String| InputError::at("", what, "submit the run again").in_file(path);
    let bytes = std::fs::read(path).map_err(|error| input_error(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| input_error(format!("is of another version: {error}")))
}

/// Writes a document whole or not at all.
///
/// # Errors
/// [`InputError`] naming the file.
pub fn write(path: &Path, document: &impl Serialize) -> Result<(), InputError> {
    replace(path, &serde_json::to_vec(document).expect("plain data"))
}
