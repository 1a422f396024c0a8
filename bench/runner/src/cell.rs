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

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use offcut_checker::{Proof, Tolerance, Verdict, judge};
use offcut_instances::document::{InputError, answer_bytes, hash, parse_answer, parse_instance, read_bytes};
use offcut_instances::incumbents;
use offcut_instances::problem::{Algorithm, Answer, Budget, Claim, MethodSpec, Problem, Stop};
use offcut_ledger::row::{InstanceLabel, ProcessFacts};
use offcut_ledger::{Key, Row, Status, Times, answer_hash};

use crate::dialogue::{Dialogue, beginning_of};
use crate::environment::{machine_memory_bytes, made_on, peak_memory_bytes, reset_peak_memory};
use crate::process::{
    Ended, Limits, Watched, end_like, memory_by_default, tie_to_parent, watch, watch_supervised, without_core_files,
};
use crate::protocol::{Measured, Message, Replies};
use crate::solver::Solver;
use crate::{BenchmarkAdapter, RollOut, method};

/// What came out of running a method.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The answer's document.
    pub answer: Vec<u8>,
    /// Wall-clock seconds in the method.
    pub solve_s: f64,
    /// CPU seconds of the process meanwhile: a method may use several threads.
    pub solve_cpu_s: f64,
    /// Most memory the process had at once meanwhile, the instance included.
    pub peak_memory_bytes: Option<u64>,
    /// What its process took, if it had one of its own.
    pub process: Option<ProcessFacts>,
    /// What it wrote to its error output, as far as it is kept.
    pub errors: Vec<u8>,
}

/// Runs a method on an instance, in this process. A panic is an answer that failed.
pub fn execute<P: BenchmarkAdapter>(algorithm: &dyn Algorithm<P>, instance: &P::Instance, budget: &Budget) -> Executed {
    measured::<P>(|| algorithm.solve(instance, budget))
}

fn measured<P: Problem>(solve: impl FnOnce() -> Answer<P>) -> Executed {
    reset_peak_memory();
    let began = Instant::now();
    let cpu = ProcessTime::now();
    let answer = catch_unwind(AssertUnwindSafe(solve));
    let solve_s = began.elapsed().as_secs_f64();
    let solve_cpu_s = cpu.elapsed().as_secs_f64();
    let peak_memory_bytes = peak_memory_bytes();
    let answer = answer.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Answer::failed(format!("panic: {}", words.unwrap_or("without words")))
    });
    let answer = answer_bytes::<P>(&answer);
    Executed { answer, solve_s, solve_cpu_s, peak_memory_bytes, process: None, errors: Vec::new() }
}

/// The file of an instance, and what it must hold.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Its path.
    pub path: &'a Path,
    /// The instance's hash.
    pub hash: &'a str,
    /// Writes the file anew, when it no longer holds the instance.
    pub restore: &'a (dyn Fn() -> Result<(), InputError> + Sync),
}

impl<'a> Source<'a> {
    /// How often something is tried again because the file was changed meanwhile: only other cells of the same run can do so again.
    const TRIES: usize = 3;

    /// A copy in a folder of its own, removed when this is dropped. The name is the file's.
    fn private_copy<P: Problem>(&self) -> Result<(tempfile::TempDir, PathBuf), InputError> {
        let no_room = |error: std::io::Error| {
            InputError::at(
                "",
                format!("there is no room for a program's copy of an instance: {error}"),
                "make room, or set TMPDIR",
            )
        };
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(remove_copies_of_the_dead);
        let prefix = format!("{COPIES}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().map_err(no_room)?;
        let copy = folder.path().join(self.path.file_name().unwrap_or("instance.json".as_ref()));
        for tried in 0.. {
            let _ = std::fs::remove_file(&copy);
            // The copy is looked at, not the file: that may change again.
            let copied = std::fs::copy(self.path, &copy);
            if copied.is_ok() && holds::<P>(&copy, self.hash) {
                return Ok((folder, copy));
            }
            match copied {
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Err(no_room(error)),
                _ if tried < Self::TRIES => (self.restore)()?,
                _ => break,
            }
        }
        Err(not_the_instance(self.path, self.hash))
    }
}

/// What folders of copies are called; then come the runner's process and letters.
const COPIES: &str = "offcut-cell-";

/// Removes copies of runners that were killed before a supervisor could do so.
fn remove_copies_of_the_dead() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let runner = name.to_str().and_then(|name| name.strip_prefix(COPIES)?.split_once('-')?.0.parse::<u32>().ok());
        if runner.is_some_and(|runner| !Path::new("/proc").join(runner.to_string()).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a file holds the instance of this hash: as its document to the byte, which is what is hashed, or written in another way.
fn holds<P: Problem>(path: &Path, hash: &str) -> bool {
    let is_document = std::fs::File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len().saturating_sub(1);
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader((&mut file).take(length))?;
        let mut last = Vec::new();
        file.read_to_end(&mut last)?;
        let is_it = |hasher: &blake3::Hasher| hasher.finalize().to_hex()[..32] == *hash;
        // Files that people name end with a line feed, those of a run do not.
        Ok((last == b"\n" && is_it(&hasher)) || is_it(hasher.update(&last)))
    });
    is_document.unwrap_or(false) || instance_of::<P>(path, hash).is_ok()
}

/// Reads the instance of this hash.
fn instance_of<P: Problem>(path: &Path, expected: &str) -> Result<P::Instance, InputError> {
    let bytes = read_bytes(path).map_err(|error| error.in_file(path))?;
    let document = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let is_document = blake3::hash(document).to_hex()[..32] == *expected;
    let instance = parse_instance::<P>(&bytes).map_err(|error| error.in_file(path))?;
    if is_document || hash::<P>(&instance) == *expected { Ok(instance) } else { Err(not_the_instance(path, expected)) }
}

fn not_the_instance(path: &Path, hash: &str) -> InputError {
    InputError::at("", format!("is not the instance {hash}: it was changed"), "leave the files of a run as they are")
        .in_file(path)
}

/// Exit code of a cell's process that was given a file which is not what it is said to be.
const CHANGED: i32 = 3;

/// What is read, or this process ends with [`CHANGED`] and a line.
fn or_changed<T>(read: Result<T, InputError>) -> T {
    read.unwrap_or_else(|error| {
        eprintln!("offcut: {error}");
        std::process::exit(CHANGED)
    })
}

/// The program that cells are processes of: Offcut's command, which passes what `offcut cell ...` is given on to [`solve_here`], [`exec_here`] and
/// [`judge_here`].
#[derive(Clone, Debug)]
pub struct Launcher<'a> {
    /// Its path.
    pub program: &'a Path,
    /// Seconds a solver has beyond its limit.
    pub grace_s: f64,
}

/// Seconds beyond its limit that a solver has by default.
pub const GRACE_S: f64 = 5.0;

/// The most an answer may be.
const LARGEST_ANSWER_BYTES: u64 = 512 << 20;

/// Seconds that checking may take.
const JUDGING_S: f64 = 600.0;

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
        let Source { path: instance, hash, .. } = source;
        let mut said = Replies::<P>::default();
        let hear = |at_s: f64, line: Vec<u8>| said.hear(at_s, &line);
        let watched = match solver {
            Solver::Own(_) => {
                let mut command = self.command::<P>("solve");
                command.arg(instance).arg(hash).arg(spec.to_string()).arg(plain(budget));
                watch(&mut command, &limits, hear)
            }
            Solver::External(external) => {
                let words = external.words()?.into_iter().map(OsString::from);
                let mut command = self.command::<P>("detach");
                environment_of(&mut command, spec, budget);
                if external.is_policy {
                    let arguments =
                        ["roll-out".into(), instance.into(), hash.into(), plain(budget).into(), "--".into()];
                    command.arg("--").args::<[OsString; 5], _>(arguments).args(words);
                    watch_supervised(&mut command, &limits, hear)
                } else {
                    let (folder, copy) = source.private_copy::<P>()?;
                    command.arg("--scratch").arg(folder.path()).args(["--", "exec", "--"]).args(words).arg(copy);
                    watch_supervised(&mut command, &limits, hear)
                }
            }
        };
        let watched = watched.map_err(|error| self.input_error(&error))?;
        let is_ours = !matches!(solver, Solver::External(external) if !external.is_policy);
        // A policy's process ends as the policy does, with any code.
        let may_be = is_ours && said.ready_s.is_none() && watched.ended == Ended::Exit(CHANGED);
        let is_changed = may_be && !holds::<P>(instance, hash);
        let took_s = (watched.wall_s - said.ready_s.unwrap_or(0.0)).max(0.0);
        let measured = match solver {
            Solver::Own(_) => said.measured,
            // The roll-out is ours; the memory and CPU time of who is asked are known from outside.
            Solver::External(external) if external.is_policy => said.measured.map(|measured| Measured {
                solve_cpu_s: watched.cpu_s,
                peak_memory_bytes: None,
                ..measured
            }),
            Solver::External(_) => None,
        };
        let process = Some(facts(&watched));
        let errors = watched.errors.clone();
        let (solve_s, solve_cpu_s, peak) = match measured {
            Some(Measured { solve_s, solve_cpu_s, peak_memory_bytes }) => (solve_s, solve_cpu_s, peak_memory_bytes),
            None => (took_s, watched.cpu_s, None),
        };
        let peak_memory_bytes = peak.or(Some(watched.peak_memory_bytes));
        let answer = said.answer(&watched, &limits);
        Ok((Executed { answer, solve_s, solve_cpu_s, peak_memory_bytes, process, errors }, is_changed))
    }

    /// Has an answer judged, in a process of its own, from the file that holds its bytes. A judge that does not come to an end leaves a row that says so.
    ///
    /// # Errors
    /// [`InputError`] if no process can be started at all, or a file that was changed cannot be restored.
    pub fn judge<P: BenchmarkAdapter>(
        &self,
        source: &Source<'_>,
        answer: &Path,
        key: &Key,
        label: &InstanceLabel,
        executed: &Executed,
    ) -> Result<Row, InputError> {
        let limits = self.limits(&Budget { time_s: Some(JUDGING_S), ..Budget::default() });
        let hash = answer_hash(&executed.answer);
        let mut text = Vec::new();
        let mut tries = 0;
        let watched = loop {
            let mut command = self.command::<P>("judge");
            command.arg(source.path).arg(answer).arg(&hash).arg(plain(key));
            text.clear();
            let watched = watch(&mut command, &limits, |_, line| {
                text.extend(line);
                false
            })
            .map_err(|error| self.input_error(&error))?;
            tries += 1;
            if watched.ended != Ended::Exit(CHANGED) || tries > Source::TRIES {
                break watched;
            }
            (source.restore)()?;
            std::fs::write(answer, &executed.answer).map_err(|error| {
                InputError::at("", format!("cannot be written: {error}"), "leave the files of a run as they are")
                    .in_file(answer)
            })?;
        };
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
                true => "its answer's file was changed before it was judged".to_owned(),
                false => format!("Offcut's checker did not come to an end ({}): {errors}", watched.ended),
            };
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
                violations: Vec::new(),
                times: Times::default(),
                made_on: String::new(),
                peak_memory_bytes: None,
                process: None,
                counts: Default::default(),
                incumbents: Vec::new(),
                series: Default::default(),
            }
        });
        // The suite may know a name for an instance that has none.
        row.instance.clone_from(label);
        Ok(with_facts(row, executed))
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

/// This program, started once more for a task of a cell.
fn command<P: Problem>(program: &Path, task: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["cell", "--parent", &std::process::id().to_string(), "--problem", P::NAME, task]);
    command
}

fn facts(watched: &Watched) -> ProcessFacts {
    ProcessFacts {
        ended: watched.ended.to_string(),
        wall_s: watched.wall_s,
        cpu_s: watched.cpu_s,
        peak_memory_bytes: watched.peak_memory_bytes,
    }
}

/// What an external solver is told besides the instance.
fn environment_of(command: &mut Command, spec: &MethodSpec, budget: &Budget) {
    let Budget { time_s, memory_bytes, threads, seed } = budget;
    command.env("OFFCUT_THREADS", threads.to_string()).env("OFFCUT_SEED", seed.to_string());
    command.env("OFFCUT_PARAMETERS", plain(&spec.parameters));
    for (name, value) in
        [("OFFCUT_TIME_S", time_s.map(|s| s.to_string())), ("OFFCUT_MEMORY_BYTES", memory_bytes.map(|b| b.to_string()))]
    {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

fn plain(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// Checks what was executed, in this process: the row, and the verdict with all details.
pub fn judged<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    executed: &Executed,
    tolerance: &Tolerance,
) -> (Row, Verdict) {
    let (row, verdict) = judged_bytes::<P>(instance, key, &executed.answer, tolerance);
    (with_facts(row, executed), verdict)
}

fn with_facts(mut row: Row, executed: &Executed) -> Row {
    made_on().clone_into(&mut row.made_on);
    row.times.solve_s = executed.solve_s;
    row.times.solve_cpu_s = Some(executed.solve_cpu_s);
    row.peak_memory_bytes = executed.peak_memory_bytes;
    row.process.clone_from(&executed.process);
    row
}

fn judged_bytes<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    bytes: &[u8],
    tolerance: &Tolerance,
) -> (Row, Verdict) {
    let began = Instant::now();
    // Numbers that are not finite do not survive the way through the document, so an unreadable answer is its method's fault.
    let answer =
        parse_answer::<P>(bytes).unwrap_or_else(|error| Answer::invalid(format!("its answer cannot be read: {error}")));
    let verdict = judge::<P>(instance, &answer, tolerance);
    let mut row = row_of::<P>(instance, key, answer, bytes, &verdict, tolerance);
    row.times.check_s = began.elapsed().as_secs_f64();
    (row, verdict)
}

/// The row of an answer that was checked, with what the answer and its verdict tell; `bytes` are the answer's.
pub fn row_of<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    answer: Answer<P>,
    bytes: &[u8],
    verdict: &Verdict,
    tolerance: &Tolerance,
) -> Row {
    Row {
        key,
        problem: P::NAME.into(),
        answer_hash: Some(answer_hash(bytes)),
        instance: P::label(instance),
        status: Status::of(&answer.stop, verdict, tolerance),
        stop: answer.stop,
        claimed_objective: answer.found.map(|claim| claim.objective),
        checked_objective: verdict.objective(),
        measures: verdict.measures().clone(),
        proof: verdict.proof().clone(),
        violations: verdict.violations().to_vec(),
        times: Times { build_s: answer.trace.build_s, ..Times::default() },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: answer.trace.counts,
        incumbents: answer.trace.incumbents,
        series: answer.trace.series,
    }
}

/// The solving process of a cell: reads the instance, says it is ready, solves, says what it measured and answers.
///
/// # Errors
/// [`InputError`] if its arguments or the instance cannot be read.
pub fn solve_here<P: BenchmarkAdapter>(
    instance: &Path,
    hash: &str,
    spec: &str,
    budget: &str,
) -> Result<(), InputError> {
    let budget: Budget = argument(budget)?;
    let algorithm = method::<P>(&spec.parse()?)?;
    let instance = or_changed(instance_of::<P>(instance, hash));
    say(|out| message::<P>(out, &Message::Ready(true)))?;
    let telling = Telling::<P>::begin();
    let executed = execute::<P>(algorithm.as_ref(), &instance, &budget);
    telling.end();
    say_executed::<P>(&executed)
}

/// A thread that says the last incumbent told, some ten times a second at most: a method that improves more often is not held up.
struct Telling<P: Problem> {
    shared: Arc<Told<P>>,
    thread: JoinHandle<()>,
}

/// What waits to be said, and whether all is over.
struct Told<P: Problem> {
    last: Mutex<(Option<Claim<P::Solution>>, bool)>,
    is_new: Condvar,
}

impl<P: Problem> Told<P> {
    fn lock(&self) -> MutexGuard<'_, (Option<Claim<P::Solution>>, bool)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Problem> Telling<P> {
    /// Between two lines.
    const PAUSE: Duration = Duration::from_millis(100);

    /// The part of the time that writing them may take: one in so many.
    const PART: u32 = 50;

    fn begin() -> Self {
        let shared = Arc::new(Told { last: Mutex::new((None, false)), is_new: Condvar::new() });
        let told = Arc::clone(&shared);
        incumbents::listen::<P>(move |claim| {
            told.lock().0 = Some(claim);
            told.is_new.notify_one();
        });
        let told = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            loop {
                let nothing = |(claim, is_over): &mut (Option<_>, bool)| claim.is_none() && !*is_over;
                let mut last = told.is_new.wait_while(told.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
                let (Some(claim), false) = (last.0.take(), last.1) else { return };
                drop(last);
                let began = Instant::now();
                if say(|out| message::<P>(out, &Message::Incumbent(claim))).is_err() {
                    return;
                }
                let pause = Self::PAUSE.max(began.elapsed() * Self::PART);
                let is_over = |(_, is_over): &mut (_, bool)| !*is_over;
                let _ = told.is_new.wait_timeout_while(told.lock(), pause, is_over);
            }
        });
        Self { shared, thread }
    }

    /// Nothing more is said.
    fn end(self) {
        self.shared.lock().1 = true;
        self.shared.is_new.notify_one();
        let _ = self.thread.join();
    }
}

/// The solving process of a policy that is a program: reads the instance, starts the program, tells it the system, says it is ready when the program is,
/// asks it slot by slot, says what that took and answers. If the program ends by itself before its time, this process ends as it did.
///
/// # Errors
/// [`InputError`] if its arguments or the instance cannot be read, or this program cannot be started once more.
pub fn roll_out_here<P: BenchmarkAdapter>(
    instance: &Path,
    hash: &str,
    budget: &str,
    words: &[String],
) -> Result<(), InputError> {
    let budget: Budget = argument(budget)?;
    let roll_out = P::ROLL_OUT
        .ok_or_else(|| InputError::at(P::NAME, "is not decided slot by slot", "leave `offcut cell` to `offcut run`"))?;
    let instance = or_changed(instance_of::<P>(instance, hash));
    let mut dialogue = start_program::<P>(words, (roll_out.longest_line)(&instance))?;
    let executed = match greet::<P>(&mut dialogue, &(roll_out.system)(&instance)) {
        Err(why) => measured::<P>(|| Answer::failed(why)),
        Ok(()) => {
            say(|out| message::<P>(out, &Message::Ready(true)))?;
            rolled_out::<P>(&roll_out, &mut dialogue, &instance, &budget)
        }
    };
    say_executed::<P>(&executed)?;
    let ended = dialogue.ended();
    drop(dialogue);
    match ended {
        None | Some(Ended::Exit(0)) => Ok(()),
        Some(ended) => end_like(ended),
    }
}

/// Starts a program by way of this one, so that it ends with this process.
fn start_program<P: BenchmarkAdapter>(words: &[String], longest_line: u64) -> Result<Dialogue, InputError> {
    let input_error =
        |error| InputError::at("offcut", format!("cannot be started once more: {error}"), "start it by its path");
    let program = std::env::current_exe().map_err(input_error)?;
    Dialogue::start(command::<P>(&program, "exec").arg("--").args(words), longest_line).map_err(input_error)
}

/// Tells a program the system and waits until it is ready.
fn greet<P: Problem>(dialogue: &mut Dialogue, system: &[u8]) -> Result<(), String> {
    let line = dialogue.ask(system).map_err(|silence| format!("before it was ready {silence}"))?;
    match serde_json::from_slice::<Message<P>>(&line) {
        Ok(Message::Ready(true)) => Ok(()),
        _ => Err(format!("its first line is not {{\"ready\": true}}; it said '{}'", beginning_of(&line))),
    }
}

/// Asks a program slot by slot. One that says more than it is asked has answered what it had not seen.
fn rolled_out<P: BenchmarkAdapter>(
    roll_out: &RollOut<P>,
    dialogue: &mut Dialogue,
    instance: &P::Instance,
    budget: &Budget,
) -> Executed {
    let mut is_whole = false;
    let executed = measured::<P>(|| {
        let answer = (roll_out.answer)(dialogue, instance, budget);
        is_whole = answer.found.is_some();
        answer
    });
    let unasked = if is_whole { dialogue.end() } else { None };
    let Some(line) = unasked else { return executed };
    let why = format!("it said more than it was asked; after the last slot it said '{}'", beginning_of(&line));
    Executed { answer: answer_bytes::<P>(&Answer::failed(why)), ..executed }
}

/// The last lines of a solving process.
fn say_executed<P: Problem>(executed: &Executed) -> Result<(), InputError> {
    let Executed { answer, solve_s, solve_cpu_s, peak_memory_bytes, .. } = executed;
    let (solve_s, solve_cpu_s, peak_memory_bytes) = (*solve_s, *solve_cpu_s, *peak_memory_bytes);
    say(|out| {
        message::<P>(out, &Message::Measured(Measured { solve_s, solve_cpu_s, peak_memory_bytes }))?;
        out.write_all(answer)?;
        out.write_all(b"\n")
    })
}

/// The checking process of a cell: prints the row.
///
/// # Errors
/// [`InputError`] if its arguments or the instance cannot be read.
pub fn judge_here<P: BenchmarkAdapter>(
    instance: &Path,
    answer: &Path,
    hash: &str,
    key: &str,
) -> Result<(), InputError> {
    let key: Key = argument(key)?;
    let instance = or_changed(instance_of::<P>(instance, &key.instance));
    let bytes = or_changed(answer_of(answer, hash));
    let (row, _) = judged_bytes::<P>(&instance, key, &bytes, &Tolerance::default());
    say(|out| {
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")
    })
}

/// Reads an answer whose bytes have this hash.
fn answer_of(path: &Path, hash: &str) -> Result<Vec<u8>, InputError> {
    let input_error = |what: String| InputError::at("", what, "leave the files of a run as they are").in_file(path);
    let bytes = std::fs::read(path).map_err(|error| input_error(format!("cannot be read: {error}")))?;
    let is_same = answer_hash(&bytes) == hash;
    if is_same { Ok(bytes) } else { Err(input_error("is not the answer that was given: it was changed".into())) }
}

/// Turns this process into the program of `words`. It comes back only if that cannot be.
pub fn exec_here(words: &[String]) -> InputError {
    use std::os::unix::process::CommandExt;
    let error = Command::new(&words[0]).args(&words[1..]).exec();
    InputError::at(
        format!("solver '{}'", words[0]),
        format!("cannot be started: {error}"),
        "name a program that is there",
    )
}

/// First thing in every process of a cell, see [`tie_to_parent`]; a supervisor has no parent to be tied to.
pub fn begin_here(parent: Option<u32>) {
    match parent {
        Some(parent) => tie_to_parent(parent),
        None => without_core_files(),
    }
}

fn argument<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, InputError> {
    serde_json::from_str(text).map_err(|error| {
        InputError::at(text, format!("cannot be read: {error}"), "leave `offcut cell` to `offcut run`")
    })
}

fn message<P: Problem>(out: &mut dyn Write, message: &Message<P>) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.write_all(b"\n")
}

fn say(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), InputError> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| {
        InputError::at(
            "standard output",
            format!("cannot be written to: {error}"),
            "leave `offcut cell` to `offcut run`",
        )
    })
}
