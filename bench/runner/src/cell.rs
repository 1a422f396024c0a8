//! One method on one instance.
//!
//! In a run every cell has two processes: one that solves and one that checks, each under limits, see [`crate::process`]. Offcut's own methods
//! are solved by this program, started once more; a program in another language has a supervisor, see [`crate::supervise`]. A policy in
//! another language is started by the process that solves, which asks it slot by slot, and both have a supervisor.
//!
//! Whoever reads an instance holds it to its hash, so that no process solves or checks what another program has made of it. A program in another language gets
//! a copy of its own, removed afterwards: its run's other methods read the run's file. A file that is no longer the instance is restored, and what was
//! to be read is read once more, see [`Source`].
//!
//! What is checked is the bytes of the answer, read back: an answer that cannot be written or read is no answer. Only the solving is timed
//! as solving.

mod checking;
mod command;
mod executed;
mod here;
mod incumbents;
mod output;
mod source;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use offcut_checker::Proof;
use offcut_instances::document::InputError;
use offcut_instances::problem::{Budget, MethodSpec, Problem, Stop};
use offcut_ledger::row::{InstanceLabel, ProcessFacts};
use offcut_ledger::{Key, Row, Status, Times, answer_hash};

use crate::BenchmarkAdapter;
use crate::course::Course;
use crate::environment::machine_memory_bytes;
use crate::isolation::{Cgroup, Isolation, VARIABLE, hidden_from};
use crate::process::{Ended, Limits, Watched, memory_by_default, watch, watch_in, watch_supervised};
use crate::protocol::{Measured, Replies, Terms, Told, reading_allowance_s};
use crate::solver::{External, Solver};
use checking::with_facts;
use command::{command, environment_of, plain};
use source::{CHANGED, holds};

pub use checking::{checked_answer, row_of, unreadable};
pub use executed::{Executed, execute};
pub use here::{begin_here, check_here, check_incumbents_here, exec_here, roll_out_here, solve_here};
pub use source::Source;

/// The program that cells are processes of: Offcut's command, which passes what `offcut cell ...` is given on to [`solve_here`], [`exec_here`] and
/// [`check_here`].
#[derive(Clone, Debug)]
pub struct Launcher<'a> {
    /// Its path.
    pub program: &'a Path,
    /// Seconds a solver has beyond its limit.
    pub grace_s: f64,
    /// Files and folders with results, which programs do not see, see [`crate::isolation::results_around`].
    pub results: &'a [PathBuf],
}

/// Seconds beyond its limit that a solver has by default.
pub const GRACE_S: f64 = 5.0;

/// The most an answer may be.
const LARGEST_ANSWER_BYTES: u64 = 512 << 20;

/// Seconds that checking may take.
const CHECKING_S: f64 = 600.0;

impl Launcher<'_> {
    fn command<P: Problem>(&self, task: &str) -> Command {
        command::<P>(self.program, task)
    }

    fn limits(&self, budget: &Budget) -> Limits {
        Limits {
            time_s: budget.time_s,
            grace_s: self.grace_s + 0.1 * budget.time_s.unwrap_or(0.0),
            memory_bytes: budget.memory_bytes.unwrap_or_else(|| memory_by_default(machine_memory_bytes())),
            output_bytes: LARGEST_ANSWER_BYTES,
        }
    }

    /// Runs a solver on the instance of a file, in a process of its own.
    ///
    /// # Errors
    /// [`InputError`] if no process can be started at all, or the file cannot be restored; a solver that is not there is an answer that failed.
    pub fn execute<P: BenchmarkAdapter>(
        &self,
        solver: &Solver<P>,
        spec: &MethodSpec,
        source: &Source<'_>,
        budget: &Budget,
    ) -> Result<Executed, InputError> {
        for _ in 0..Source::TRIES {
            let (executed, is_changed) = self.execute_once(solver, spec, source, budget)?;
            if !is_changed {
                return Ok(executed);
            }
            (source.restore)()?;
        }
        Ok(self.execute_once(solver, spec, source, budget)?.0)
    }

    /// The answer says, too, whether the process found that the file does not hold the instance.
    fn execute_once<P: BenchmarkAdapter>(
        &self,
        solver: &Solver<P>,
        spec: &MethodSpec,
        source: &Source<'_>,
        budget: &Budget,
    ) -> Result<(Executed, bool), InputError> {
        let limits = self.limits(budget);
        let isolation = Isolation::of(budget, limits.memory_bytes);
        let mut said = Replies::<P>::on(terms_of(solver, source.path, budget));
        let watched = self.watch_solver(solver, spec, source, budget, &isolation, &mut said)?;
        let is_ours = !matches!(solver, Solver::External(external) if !external.is_policy);
        // A policy's process ends as the policy does, with any code.
        let may_be = is_ours && said.ready_s.is_none() && watched.ended == Ended::Exit(CHANGED);
        let is_changed = may_be && !holds::<P>(source.path, source.hash);
        let took_s = (watched.wall_s - said.zero_s()).max(0.0);
        let measured = match solver {
            Solver::Own(_) => said.measured,
            // The roll-out is ours; the memory and CPU time of who is asked are known from outside.
            Solver::External(external) if external.is_policy => said.measured.map(|measured| Measured {
                solve_s: measured.solve_s + said.charged_s(),
                solve_cpu_s: watched.cpu_s,
                peak_memory_bytes: None,
            }),
            Solver::External(_) => None,
        };
        let process = Some(facts(&watched, &said, &isolation, budget, matches!(solver, Solver::External(_))));
        let errors = watched.errors.clone();
        let (solve_s, solve_cpu_s, peak) = match measured {
            Some(Measured { solve_s, solve_cpu_s, peak_memory_bytes }) => (solve_s, solve_cpu_s, peak_memory_bytes),
            None => (took_s, watched.cpu_s, None),
        };
        let peak_memory_bytes = peak.or(Some(watched.peak_memory_bytes));
        let history = match said.course() {
            none if none.is_empty() => Ok(Vec::new()),
            course => match self.fault_of_incumbents::<P>(source, course)? {
                Some(fault) => Err(fault),
                None => Ok(course.claimed()),
            },
        };
        let Told { answer, history_rejected } = said.told(&watched, &limits, history);
        let executed = Executed { answer, solve_s, solve_cpu_s, peak_memory_bytes, process, history_rejected, errors };
        Ok((executed, is_changed))
    }

    /// Has the solutions of incumbents checked, in a process of its own. The answer says what is wrong with the first that is not as claimed.
    fn fault_of_incumbents<P: BenchmarkAdapter>(
        &self,
        source: &Source<'_>,
        course: &Course,
    ) -> Result<Option<String>, InputError> {
        let no_room = |error: std::io::Error| {
            InputError::at("", format!("there is no room for incumbents: {error}"), "make room, or set TMPDIR")
        };
        // Beside the instance, which programs of other cells do not see.
        let beside = source.path.parent().filter(|_| !self.results.is_empty());
        let made = beside.map(tempfile::NamedTempFile::new_in).filter(Result::is_ok);
        let mut lines = made.unwrap_or_else(tempfile::NamedTempFile::new).map_err(no_room)?;
        lines.write_all(&course.lines()).and_then(|()| lines.flush()).map_err(no_room)?;
        let limits = self.limits(&Budget { time_s: Some(CHECKING_S), ..Budget::default() });
        for _ in 0..=Source::TRIES {
            let mut command = self.command::<P>("check-incumbents");
            command.arg(source.path).arg(source.hash).arg(lines.path());
            let mut text = Vec::new();
            let watched = watch(&mut command, &limits, |_, line| {
                text.extend(line);
                false
            })
            .map_err(|error| self.input_error(&error))?;
            match watched.ended {
                Ended::Exit(0) => return Ok(serde_json::from_slice(&text).unwrap_or(Some("unchecked".into()))),
                Ended::Exit(CHANGED) => (source.restore)()?,
                ended => return Ok(Some(format!("its solutions could not be checked: {ended}"))),
            }
        }
        Ok(Some("its solutions could not be checked: the instance was changed again and again".into()))
    }

    /// Starts the process of a solver and listens to it until its end.
    fn watch_solver<P: BenchmarkAdapter>(
        &self,
        solver: &Solver<P>,
        spec: &MethodSpec,
        source: &Source<'_>,
        budget: &Budget,
        isolation: &Isolation,
        said: &mut Replies<P>,
    ) -> Result<Watched, InputError> {
        let limits = self.limits(budget);
        let Source { path: instance, hash, .. } = source;
        let cgroup = isolation.cgroup.as_ref();
        let hear =
            |at_s: f64, line: Vec<u8>| said.hear_after(at_s, &line, || cgroup.and_then(Cgroup::cpu_s).unwrap_or(at_s));
        let watched = match solver {
            Solver::Own(_) => {
                let mut command = self.command::<P>("solve");
                command.arg(instance).arg(hash).arg(spec.to_string()).arg(plain(budget));
                command.env(VARIABLE, plain(&isolation.confinement(None, Vec::new())));
                watch_in(cgroup, &mut command, &limits, hear)
            }
            Solver::External(external) => {
                let words = external.words()?;
                let folder = Source::scratch()?;
                let confinement =
                    isolation.confinement(Some(folder.path()), self.hidden(&words, external, source, folder.path()));
                let words = words.into_iter().map(OsString::from);
                let mut command = self.command::<P>("detach");
                environment_of(&mut command, spec, budget);
                command.env(VARIABLE, plain(&confinement)).env("TMPDIR", folder.path());
                command.arg("--scratch").arg(folder.path());
                if external.is_policy {
                    let arguments =
                        ["roll-out".into(), instance.into(), hash.into(), plain(budget).into(), "--".into()];
                    command.arg("--").args::<[OsString; 5], _>(arguments).args(words);
                } else {
                    let copy = source.private_copy::<P>(folder.path())?;
                    command.args(["--", "exec", "--"]).args(words).arg(copy);
                }
                watch_supervised(cgroup, &mut command, &limits, hear)
            }
        };
        watched.map_err(|error| self.input_error(&error))
    }

    /// What a program does not see: results, but for what it needs, and the instance if it is a policy.
    fn hidden(&self, words: &[String], external: &External, source: &Source<'_>, scratch: &Path) -> Vec<PathBuf> {
        let files = words.iter().filter_map(|word| Path::new(word).canonicalize().ok());
        let needed: Vec<PathBuf> = files.chain(std::env::current_dir()).chain([scratch.to_owned()]).collect();
        let mut hidden = hidden_from(self.results, &needed);
        hidden.extend(source.path.canonicalize().ok().filter(|_| external.is_policy));
        hidden
    }

    /// Has an answer checked, in a process of its own, from the file that holds its bytes. A checker that does not come to an end leaves a row that says so.
    ///
    /// # Errors
    /// [`InputError`] if no process can be started at all, or a file that was changed cannot be restored.
    pub fn check_answer<P: BenchmarkAdapter>(
        &self,
        source: &Source<'_>,
        answer: &Path,
        key: &Key,
        label: &InstanceLabel,
        executed: &Executed,
    ) -> Result<Row, InputError> {
        let hash = answer_hash(&executed.answer);
        let (watched, text) = self.watch_checker::<P>(source, answer, key, executed, &hash)?;
        let (row, is_other) = match watched.ended {
            Ended::Exit(0) => {
                let row = serde_json::from_slice::<Row>(&text).ok().filter(|row| row.key == *key);
                let is_other = row.as_ref().is_some_and(|row| row.answer_hash.as_ref() != Some(&hash));
                (row.filter(|_| !is_other), is_other)
            }
            _ => (None, false),
        };
        let mut row = row.unwrap_or_else(|| {
            let errors = String::from_utf8_lossy(&watched.errors).trim().to_owned();
            let why = match is_other {
                true => "its answer's file was changed before it was checked".to_owned(),
                false => format!("Offcut's checker did not come to an end ({}): {errors}", watched.ended),
            };
            unchecked::<P>(key, label, hash, why)
        });
        // The suite may know a name for an instance that has none.
        row.instance.clone_from(label);
        Ok(with_facts(row, executed))
    }

    /// Starts the process that checks an answer and listens to it; again if a file was changed meanwhile. The second part is what it printed.
    fn watch_checker<P: BenchmarkAdapter>(
        &self,
        source: &Source<'_>,
        answer: &Path,
        key: &Key,
        executed: &Executed,
        hash: &str,
    ) -> Result<(Watched, Vec<u8>), InputError> {
        let limits = self.limits(&Budget { time_s: Some(CHECKING_S), ..Budget::default() });
        let mut text = Vec::new();
        let mut tries = 0;
        loop {
            let mut command = self.command::<P>("check");
            command.arg(source.path).arg(answer).arg(hash).arg(plain(key));
            text.clear();
            let watched = watch(&mut command, &limits, |_, line| {
                text.extend(line);
                false
            })
            .map_err(|error| self.input_error(&error))?;
            tries += 1;
            if watched.ended != Ended::Exit(CHANGED) || tries > Source::TRIES {
                return Ok((watched, text));
            }
            (source.restore)()?;
            std::fs::write(answer, &executed.answer).map_err(|error| {
                InputError::at("", format!("cannot be written: {error}"), "leave the files of a run as they are")
                    .in_file(answer)
            })?;
        }
    }

    fn input_error(&self, error: &std::io::Error) -> InputError {
        InputError::at(
            "",
            format!("cannot be started for a cell: {error}"),
            "leave the program where it is during a run",
        )
        .in_file(self.program)
    }
}

/// The row of an answer on which the checker did not come to an end.
fn unchecked<P: BenchmarkAdapter>(key: &Key, label: &InstanceLabel, hash: String, why: String) -> Row {
    Row {
        key: key.clone(),
        problem: P::NAME.into(),
        answer_hash: Some(hash),
        instance: label.clone(),
        status: Status::Crash,
        stop: Stop::Failed(why),
        claimed_objective: None,
        checked_objective: None,
        measures: Default::default(),
        proof: Proof::Nothing,
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times::default(),
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: Default::default(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: Default::default(),
    }
}

/// On what terms a solver is heard. One of Offcut's own reads as long as it takes; a policy is asked by one, and has as long to be ready as other programs.
fn terms_of<P: BenchmarkAdapter>(solver: &Solver<P>, instance: &Path, budget: &Budget) -> Terms {
    let bytes = || std::fs::metadata(instance).map_or(0, |file| file.len());
    let (is_ours, reading_s) = match solver {
        Solver::Own(_) => (true, f64::INFINITY),
        Solver::External(external) => (external.is_policy, reading_allowance_s(bytes())),
    };
    Terms { is_ours, reading_s, limit_s: budget.time_s }
}

fn facts<P: BenchmarkAdapter>(
    watched: &Watched,
    said: &Replies<P>,
    isolation: &Isolation,
    budget: &Budget,
    is_supervised: bool,
) -> ProcessFacts {
    let supervised = is_supervised.then(|| "subreaper".to_owned());
    let mut words: Vec<String> = supervised.into_iter().chain(isolation.words(&said.isolation)).collect();
    words.sort();
    words.dedup();
    let facts = ProcessFacts {
        ready_s: said.ready_s,
        isolation: words,
        orphans: watched.orphans.clone(),
        exceeds_threads: false,
        ended: watched.ended.to_string(),
        wall_s: watched.wall_s,
        cpu_s: watched.cpu_s,
        peak_memory_bytes: watched.peak_memory_bytes,
    };
    ProcessFacts { exceeds_threads: facts.shows_more_than(budget.threads), ..facts }
}
