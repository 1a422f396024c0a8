//! What is kept of a search between two runs of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use offcut_instances::document::{InputError, instance_bytes, parse_instance};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judge::Ratio;
use crate::BenchmarkAdapter;

/// Where a round begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At a random small instance.
    Random,
    /// At a generated instance, of one family after the other.
    Family,
    /// At the worst instance so far.
    Worst,
    /// At an instance that is kept of earlier searches.
    Kept,
}

impl Start {
    /// All, in the order in which rounds take them.
    pub const ALL: [Self; 4] = [Self::Random, Self::Family, Self::Worst, Self::Kept];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Family => "family",
            Self::Worst => "worst",
            Self::Kept => "kept",
        }
    }
}

/// What is searched. Two searches in one folder have the same question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The problem.
    pub problem: String,
    /// The method, with its parameters.
    pub method: String,
    /// The method it is compared with; the certified optimum if none.
    pub against: Option<String>,
    /// The variant of instances.
    pub variant: String,
    /// Greatest sizes, by name.
    pub sizes: BTreeMap<String, usize>,
    /// Whether only instances count of which something is proved.
    pub only_proven: bool,
    /// Where rounds begin.
    pub starts: Vec<Start>,
    /// Moves of a round.
    pub moves: u64,
    /// The seed.
    pub seed: u64,
}

/// The state of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What is searched.
    pub question: Question,
    /// Rounds that are over.
    pub rounds: u64,
    /// Instances judged.
    pub tried: u64,
    /// Instances with a ratio.
    pub counted: u64,
    /// Instances that the method did not solve.
    pub unsolved: u64,
    /// Seconds of all rounds.
    pub seconds: f64,
    /// The round that the worst instance is of, and where that began.
    pub found_in: Option<(u64, Start)>,
    /// The ratio on the worst instance.
    pub ratio: Option<Ratio>,
    /// The document of the worst instance.
    pub worst: Option<Value>,
}

impl State {
    /// The state before the first round.
    pub(super) fn new(question: Question) -> Self {
        Self {
            question,
            rounds: 0,
            tried: 0,
            counted: 0,
            unsolved: 0,
            seconds: 0.0,
            found_in: None,
            ratio: None,
            worst: None,
        }
    }

    /// The state in a file, which must be of the same question; a new one if there is no file.
    ///
    /// # Errors
    /// [`InputError`] if it cannot be read or is of another question.
    pub(super) fn read(file: &Path, question: Question) -> Result<Self, InputError> {
        let input_error = |what: String, remedy: &str| Err(InputError::at("", what, remedy).in_file(file));
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(question)),
            Err(error) => return input_error(format!("cannot be read: {error}"), "choose another folder"),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Err(error) => input_error(format!("is no state of a search: {error}"), "choose another folder"),
            Ok(state) if state.question != question => {
                input_error("is of another search: other methods, sizes, seed or moves".into(), "choose another folder")
            }
            Ok(state) => Ok(state),
        }
    }

    /// The worst instance.
    pub(super) fn worst<P: BenchmarkAdapter>(&self) -> Result<Option<P::Instance>, InputError> {
        let read = |value: &Value| parse_instance::<P>(value.to_string().as_bytes());
        self.worst.as_ref().map(read).transpose()
    }

    /// Takes note of a worst instance.
    pub(super) fn set_worst<P: BenchmarkAdapter>(&mut self, instance: &P::Instance, ratio: Ratio) {
        self.worst = serde_json::from_slice(&instance_bytes::<P>(instance)).ok();
        self.ratio = Some(ratio);
    }
}

/// Writes a file whole or not at all, in place of an older one.
///
/// # Errors
/// [`InputError`] if it cannot be written.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> Result<(), InputError> {
    let written = || -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(bytes)?;
        new.write_all(b"\n")?;
        new.as_file().sync_all()?;
        new.persist(file).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| {
        InputError::at("", format!("cannot be written: {error}"), "choose a place that can be written to").in_file(file)
    })
}
