//! The frozen library: instances that stay as they are, and the best that is known of each, line by line.
//!
//! ```text
//! <problem>/library/index.json  ledger.jsonl  instances/<name>.json  answers/<hash>.json
//! ```
//!
//! A line of the ledger says that a solution has an objective, or that a bound holds, and names the answer that shows it. Lines are appended and never
//! changed: every line carries the hash of the line before it, so one that is changed, removed or put in between breaks the chain there. An
//! answer's file is named by its hash. That lines were cut off its end the chain does not show: the index names the last line.
//!
//! | module | holds |
//! |---|---|
//! | [`verify`](mod@verify) | everything replayed, by the checker alone |
//! | [`add`](mod@add) | lines out of the rows of a run |

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use offcut_instances::document::InputError;
use offcut_instances::library::{Index, is_hash};
use offcut_instances::problem::{Budget, Problem, Sense};
use serde::{Deserialize, Serialize};

use crate::BestKnown;

pub mod add;
pub mod verify;

pub use crate::gap::IMPROVES_RELATIVE;
pub use add::Added;
pub use verify::{Known, Verified};

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// BLAKE3 of the line before, without its line feed; of nothing for the first.
    pub previous: String,
    /// The instance's hash.
    pub instance: String,
    /// What `value` is.
    pub what: ValueKind,
    /// The objective as the checker computed it, or the bound as it replayed it.
    pub value: f64,
    /// Why anyone should believe it.
    pub evidence: ShownBy,
    /// The file in `answers/` that shows it: BLAKE3 of the file, and `.json`.
    pub answer: String,
    /// The method, with its parameters.
    pub method: String,
    /// What it could use.
    pub budget: Budget,
    /// Wall-clock seconds it took, to its end.
    pub solve_s: f64,
    /// CPU seconds meanwhile, where they were measured. They say how hard an instance is: other work on the machine does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solve_cpu_s: Option<f64>,
    /// The version of the code.
    pub code: String,
    /// Commit and machine.
    pub made_on: String,
    /// The day its run began, UTC: 2026-01-31.
    pub date: String,
}

/// Which side of the optimum a value is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The objective of a solution.
    Objective,
    /// A bound on every objective.
    Bound,
}

/// What shows a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownBy {
    /// A bound's certificate, which the checker replays.
    Certificate,
    /// A solver-reported bound (unchecked).
    #[serde(rename = "solver_word")]
    SolverReported,
    /// The solution.
    Solution,
}

/// The library of a problem.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
    problem: &'static str,
}

impl Library {
    /// The library of a problem below `data`, the folder that has a folder for every problem; whether or not it is there.
    pub fn of<P: Problem>(data: &Path) -> Self {
        Self { folder: data.join(P::NAME).join("library"), problem: P::NAME }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is such a folder.
    pub fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Reads its index.
    ///
    /// # Errors
    /// [`InputError`] naming file, place and remedy.
    pub fn index(&self) -> Result<Index, InputError> {
        Index::read(&self.index_path(), self.problem)
    }

    /// Reads the best known values of every instance that has any, by its hash, as the ledger tells them. Whether they are true is for
    /// [`Library::verify`] to say.
    ///
    /// # Errors
    /// [`InputError`] naming file and line if the ledger cannot be read, its chain is broken, or it ends before the line that the index names.
    pub fn best_known(&self, sense: Sense) -> Result<BTreeMap<String, BestKnown>, InputError> {
        let (lines, _) = self.chain(self.index()?.ledger_head.as_deref())?;
        let mut known: BTreeMap<String, BestKnown> = BTreeMap::new();
        for line in lines {
            take_in(known.entry(line.instance.clone()).or_default(), sense, &line);
        }
        Ok(known)
    }

    /// The name of each answer's instance, and the files of the instance and the answer, for all answers that the ledger names; each once.
    ///
    /// # Errors
    /// As [`Library::best_known`].
    pub fn pairs(&self) -> Result<Vec<(String, PathBuf, PathBuf)>, InputError> {
        let index = self.index()?;
        let (lines, _) = self.chain(index.ledger_head.as_deref())?;
        let mut seen = BTreeSet::new();
        let pair = |line: &Line| {
            let entry = index.find(&line.instance)?;
            let answer = self.answers().join(&line.answer);
            Some((entry.name.clone(), self.folder.join(&entry.file), answer))
        };
        let is_new =
            |line: &&Line| !line.answer.is_empty() && seen.insert((line.instance.clone(), line.answer.clone()));
        Ok(lines.iter().filter(is_new).filter_map(pair).collect())
    }

    fn index_path(&self) -> PathBuf {
        self.folder.join("index.json")
    }

    fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.jsonl")
    }

    fn answers(&self) -> PathBuf {
        self.folder.join("answers")
    }

    /// The lines of the ledger, none if there is no file, and the hash of the last. The line of hash `pinned` is among them; lines may follow it, if a
    /// program that added them was ended before it could name the last.
    fn chain(&self, pinned: Option<&str>) -> Result<(Vec<Line>, String), InputError> {
        let path = self.ledger();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let what = format!("cannot be read: {error}");
                return Err(InputError::at("", what, "give the folder of a library").in_file(&path));
            }
        };
        let mut lines = Vec::new();
        let mut head = hash_of(b"");
        let mut is_whole = pinned.is_none_or(|pinned| pinned == head);
        for (number, line) in raw_lines(&text).enumerate() {
            let line = line
                .and_then(|bytes| parse(bytes, &head).map(|line| (line, hash_of(bytes))))
                .map_err(|what| input_error_at(number + 1, what).in_file(&path))?;
            head = line.1;
            is_whole |= pinned == Some(head.as_str());
            lines.push(line.0);
        }
        if !is_whole {
            let remedy = "restore the ledger: its lines are never removed";
            return Err(
                InputError::at("", "does not have the line that index.json names as its last", remedy).in_file(&path)
            );
        }
        Ok((lines, head))
    }
}

fn input_error_at(line: usize, what: String) -> InputError {
    InputError::at(format!("line {line}"), what, "restore the ledger: its lines are never changed")
}

/// The lines of a ledger as bytes; one without its line feed is torn.
fn raw_lines(text: &[u8]) -> impl Iterator<Item = Result<&[u8], String>> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").ok_or("is torn".to_owned()))
}

/// A line that must follow the one of hash `previous`, or what is wrong with it.
fn parse(bytes: &[u8], previous: &str) -> Result<Line, String> {
    let line: Line = serde_json::from_slice(bytes).map_err(|error| format!("is not a line of a ledger: {error}"))?;
    if line.previous != previous {
        return Err(
            "does not follow the line before it: one of the two was changed, or one between them removed".into()
        );
    }
    if serde_json::to_vec(&line).expect("plain data") != bytes {
        return Err("is not written as Offcut writes it".into());
    }
    let fits = match line.what {
        ValueKind::Objective => line.evidence == ShownBy::Solution,
        ValueKind::Bound => line.evidence != ShownBy::Solution,
    };
    if !fits {
        return Err(
            "a solution shows an objective, a certificate or a solver-reported bound a bound, and nothing else".into(),
        );
    }
    if !line.answer.strip_suffix(".json").is_some_and(|hash| is_hash(hash, 64)) {
        return Err(format!("its answer '{}' is not named by a hash", line.answer));
    }
    Ok(line)
}

fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Whether two values are the same but for roundings.
fn is_same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= IMPROVES_RELATIVE * b.abs()
}

/// Whether `new` is better than what is known, by more than roundings: a better objective, or a tighter bound.
fn improves(sense: Sense, what: ValueKind, new: f64, known: Option<f64>) -> bool {
    let Some(known) = known else { return true };
    let more = match (sense, what) {
        (Sense::Minimise, ValueKind::Bound) | (Sense::Maximise, ValueKind::Objective) => new > known,
        (Sense::Minimise, ValueKind::Objective) | (Sense::Maximise, ValueKind::Bound) => new < known,
    };
    more && !is_same(new, known)
}

/// Whether a line improves on what is known: a certified bound on certified bounds, a solver-reported one on all bounds.
fn line_improves(known: &BestKnown, sense: Sense, line: &Line) -> bool {
    let better = |than: Option<f64>| improves(sense, line.what, line.value, than);
    match line.evidence {
        ShownBy::Solution => better(known.objective),
        ShownBy::Certificate => better(known.certified),
        ShownBy::SolverReported => better(known.certified) && better(known.word),
    }
}

fn take_in(known: &mut BestKnown, sense: Sense, line: &Line) {
    if line_improves(known, sense, line) {
        match line.evidence {
            ShownBy::Solution => known.objective = Some(line.value),
            ShownBy::Certificate => known.certified = Some(line.value),
            ShownBy::SolverReported => known.word = Some(line.value),
        }
    }
}

/// The day of a time given in seconds since 1970, UTC.
/// ```
/// assert_eq!(offcut_ledger::library::date(951_782_400), "2000-02-29");
/// ```
pub fn date(unix_s: u64) -> String {
    // Years that begin in March, so that the day of a leap year is the last; Hinnant, "chrono-compatible low-level date algorithms".
    let days = unix_s / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, after) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + after)
}
