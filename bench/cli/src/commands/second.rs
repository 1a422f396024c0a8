//! The second checker: a program in Python's standard library, in exact rationals, written from the book (`bench/verify/`). The command carries its files
//! and compares its verdicts with those of `offcut check`.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use offcut_checker::{Proof, Verdict};
use offcut_instances::document::InputError;
use offcut_instances::problem::Sense;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// The relative difference of two values up to which they agree, as the book has it.
const AGREE_RELATIVE: f64 = 1e-9;

macro_rules! files {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../verify/", $name)))),*] };
}

/// The files of the second checker.
const FILES: [(&str, &str); 8] =
    files!["core.py", "documents.py", "exact.py", "jpdra.py", "lymdo.py", "multiuser.py", "throughput.py", "verify.py"];

/// Whether the second checker is asked, too.
#[derive(Args)]
pub(crate) struct SecondArguments {
    /// Check also by the second checker, in exact arithmetic (needs Python 3.10); a disagreement is exit code 1
    #[arg(long)]
    second: bool,
    /// Processor time that the second checker has for a solution, and for a certificate
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, requires = "second")]
    second_seconds: f64,
}

impl SecondArguments {
    /// Whether it is asked.
    pub(crate) fn is_wanted(&self) -> bool {
        self.second
    }

    /// The second checker, if it is asked.
    ///
    /// # Errors
    /// Its files cannot be written, or its time is not above 0.
    pub(crate) fn checker(&self) -> Result<Option<SecondChecker>, InputError> {
        if !(self.second_seconds > 0.0 && self.second_seconds.is_finite()) {
            let what = format!("is {}", self.second_seconds);
            return Err(InputError::at("--second-seconds", what, "give a number of seconds above 0"));
        }
        self.second.then(|| SecondChecker::new(self.second_seconds)).transpose()
    }
}

/// The second checker, written to a folder of its own.
pub(crate) struct SecondChecker {
    folder: TempDir,
    python: PathBuf,
    /// Processor time for a solution, and for a certificate.
    seconds: f64,
}

/// The verdict of the second checker on an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SecondVerdict {
    /// The document that cannot be read, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    bad: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Lower and upper end, as decimals.
    objective: Option<Enclosure>,
    proof: String,
    /// The proved bound as a decimal, or `inf`.
    proved: Option<String>,
    notes: Vec<String>,
    /// Why the answer is rejected.
    rejected: Vec<String>,
    /// What did not fit into the time.
    not_taken: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Enclosure {
    low: String,
    high: String,
}

/// Both verdicts compared.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    verdict: SecondVerdict,
    disagreements: Vec<String>,
}

impl SecondChecker {
    /// Writes the files.
    ///
    /// # Errors
    /// The temporary folder cannot be written.
    pub(crate) fn new(seconds: f64) -> Result<Self, InputError> {
        let written = || -> std::io::Result<TempDir> {
            let folder = tempfile::Builder::new().prefix("offcut-second-").tempdir()?;
            for (name, text) in FILES {
                std::fs::write(folder.path().join(name), text)?;
            }
            Ok(folder)
        };
        let folder = written().map_err(|error| {
            let what = format!("the second checker cannot be written to a temporary folder: {error}");
            InputError::at("--second", what, "set TMPDIR to a folder that can be written to")
        })?;
        let python = std::env::var_os("OFFCUT_PYTHON").unwrap_or_else(|| "python3".into());
        Ok(Self { folder, python: python.into(), seconds })
    }

    /// Judges an answer in a file.
    ///
    /// # Errors
    /// Python cannot be started, or the program ended without a verdict.
    pub(crate) fn judge(&self, instance: &Path, answer: &Path) -> Result<SecondVerdict, InputError> {
        let input_error = |what: String| {
            let remedy = "install Python 3.10 or newer as python3, or name it in OFFCUT_PYTHON";
            InputError::at("--second", what, remedy)
        };
        let mut command = Command::new(&self.python);
        command.arg("-I").arg(self.folder.path().join("verify.py")).arg(instance).arg(answer);
        command.args(["--seconds", &self.seconds.to_string()]);
        let run = command.output().map_err(|error| {
            input_error(format!("the second checker cannot be started with {}: {error}", self.python.display()))
        })?;
        serde_json::from_slice(&run.stdout).map_err(|_| {
            let said = String::from_utf8_lossy(&run.stderr);
            let last = said.lines().last().unwrap_or("no output").to_owned();
            input_error(format!("the second checker ended without a verdict: {last}"))
        })
    }
}

impl Comparison {
    /// Compares the second checker's verdict with ours, where `is_invalid` says that we cannot read the answer.
    pub(crate) fn of(verdict: &Verdict, is_invalid: bool, second: SecondVerdict) -> Self {
        let mut disagreements = Vec::new();
        match (&second.bad, is_invalid) {
            (Some(_), true) => {}
            (Some(document), false) => {
                let why = second.why.as_deref().unwrap_or_default();
                disagreements.push(format!("the second checker cannot read the {document}: {why}"));
            }
            (None, true) => disagreements.push("only the second checker can read the answer".into()),
            (None, false) => {
                if !verdict.is_rejected() && !second.rejected.is_empty() {
                    disagreements.push(format!("only the second checker rejects: {}", second.rejected.join("; ")));
                }
                if verdict.is_rejected() && second.rejected.is_empty() && second.not_taken.is_empty() {
                    disagreements.push("only the second checker accepts".into());
                }
                disagreements.extend(second.objective_apart(verdict));
                disagreements.extend(second.bound_apart(verdict));
            }
        }
        Self { verdict: second, disagreements }
    }

    /// Whether the checkers agree.
    pub(crate) fn agrees(&self) -> bool {
        self.disagreements.is_empty()
    }

    /// What the checkers disagree about.
    pub(crate) fn disagreements(&self) -> &[String] {
        &self.disagreements
    }

    /// What the second checker did not take in its time.
    pub(crate) fn not_taken(&self) -> &[String] {
        &self.verdict.not_taken
    }

    /// What there is to tell, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let SecondVerdict { bad, objective, proved, not_taken, rejected, .. } = &self.verdict;
        let mut lines: Vec<String> = self.disagreements.iter().map(|what| format!("DISAGREES: {what}")).collect();
        if self.agrees() {
            let number = |text: &str| text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| value.to_string());
            let objective = objective.as_ref().map(|found| format!("objective {}", number(&found.low)));
            let bound = proved.as_deref().map(|proved| match proved {
                "inf" => "that there is no solution is proved".to_owned(),
                proved => format!("bound {} proved", number(proved)),
            });
            let rejects = (bad.is_some() || !rejected.is_empty()).then(|| "rejected".to_owned());
            let told: Vec<String> = rejects.into_iter().chain(objective).chain(bound).collect();
            lines.push(format!(
                "agrees: {}",
                if told.is_empty() { "nothing to compare".into() } else { told.join(", ") }
            ));
        }
        if !not_taken.is_empty() {
            lines.push(format!("not taken in the time: {}", not_taken.join(", ")));
        }
        lines
    }
}

impl SecondVerdict {
    fn objective_apart(&self, verdict: &Verdict) -> Option<String> {
        let (Some(ours), Some(found)) = (verdict.objective(), &self.objective) else { return None };
        let (low, high) = (found.low.parse::<f64>().ok()?, found.high.parse::<f64>().ok()?);
        let apart = (low - ours.high()).max(ours.low() - high);
        let is_apart = apart > AGREE_RELATIVE * low.abs().max(high.abs());
        is_apart.then(|| format!("objective {} here, {low} by the second checker", ours.middle()))
    }

    fn bound_apart(&self, verdict: &Verdict) -> Option<String> {
        let proved = self.proved.as_deref()?;
        let text = |ours: &str| Some(format!("bound {ours} here, {proved} by the second checker"));
        match verdict.proof() {
            Proof::Infeasible if proved == "inf" => None,
            Proof::Infeasible => text("infinite"),
            Proof::Certified { value } if proved == "inf" => text(&value.to_string()),
            Proof::Certified { value } => {
                let theirs = proved.parse::<f64>().ok()?;
                let stronger = match verdict.sense() {
                    Sense::Minimise => value - theirs,
                    Sense::Maximise => theirs - value,
                };
                // Groups that are rounded down to whole numbers may differ by one where a note says so.
                let is_explained = stronger < 0.0 && -stronger <= self.notes.len() as f64;
                let is_apart = stronger.abs() > AGREE_RELATIVE * theirs.abs() && !is_explained;
                if is_apart { text(&value.to_string()) } else { None }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file that the second checker's program imports is carried.
    #[test]
    fn all_files_are_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verify");
        let of = |name: String| name.ends_with(".py") && name != "agree.py";
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("there")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .filter(|name| of(name.clone()))
            .collect();
        there.sort();
        assert_eq!(there, FILES.map(|(name, _)| name));
    }
}
