//! The processes of a cell, from inside: solving, rolling out a policy, checking.

use std::path::Path;
use std::process::Command;

use offcut_checker::Tolerance;
use offcut_instances::document::{InputError, answer_bytes};
use offcut_instances::problem::{Answer, Budget, Problem};
use offcut_ledger::{Key, answer_hash};

use super::checking::checked_bytes;
use super::command::command;
use super::executed::{Executed, execute, measured};
use super::incumbents::first_fault;
use super::output::{Telling, message, say, say_executed};
use super::source::{instance_of, or_changed};
use crate::dialogue::{Dialogue, beginning_of};
use crate::isolation;
use crate::process::{Ended, end_like, tie_to_parent, without_core_files};
use crate::protocol::Message;
use crate::{BenchmarkAdapter, RollOut, method};

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
    let words = isolation::enter(false);
    let budget: Budget = argument(budget)?;
    let algorithm = method::<P>(&spec.parse()?)?;
    let instance = or_changed(instance_of::<P>(instance, hash));
    say(|out| {
        message::<P>(out, &isolated(&words))?;
        message::<P>(out, &Message::Ready(true))
    })?;
    let telling = Telling::<P>::begin();
    let executed = execute::<P>(algorithm.as_ref(), &instance, &budget);
    telling.end();
    say_executed::<P>(&executed)
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
    let words_here = isolation::enter(false);
    let budget: Budget = argument(budget)?;
    let roll_out = P::ROLL_OUT
        .ok_or_else(|| InputError::at(P::NAME, "is not decided slot by slot", "leave `offcut cell` to `offcut run`"))?;
    let instance = or_changed(instance_of::<P>(instance, hash));
    let mut dialogue = start_program::<P>(words, (roll_out.longest_line)(&instance))?;
    // Its process says first what keeps it to itself.
    let confined = dialogue.hear().ok().and_then(|line| serde_json::from_slice::<Message<P>>(&line).ok());
    say(|out| {
        message::<P>(out, &isolated(&words_here))?;
        confined.iter().filter(|said| matches!(said, Message::Isolated(_))).try_for_each(|said| message::<P>(out, said))
    })?;
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
    let line = dialogue.ask(system).map_err(|no_reply| format!("before it was ready {no_reply}"))?;
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

/// The checking process of a cell: prints the row.
///
/// # Errors
/// [`InputError`] if its arguments or the instance cannot be read.
pub fn check_here<P: BenchmarkAdapter>(
    instance: &Path,
    answer: &Path,
    hash: &str,
    key: &str,
) -> Result<(), InputError> {
    let key: Key = argument(key)?;
    let instance = or_changed(instance_of::<P>(instance, &key.instance));
    let bytes = or_changed(answer_of(answer, hash));
    let (row, _) = checked_bytes::<P>(&instance, key, &bytes, &Tolerance::default());
    say(|out| {
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")
    })
}

/// The process that checks the solutions of incumbents: prints what is wrong with the first that is not as claimed, as JSON, or `null`.
///
/// # Errors
/// [`InputError`] if its arguments or the files cannot be read.
pub fn check_incumbents_here<P: BenchmarkAdapter>(instance: &Path, hash: &str, lines: &Path) -> Result<(), InputError> {
    let instance = or_changed(instance_of::<P>(instance, hash));
    let lines = std::fs::read(lines).map_err(|error| {
        InputError::at("", format!("cannot be read: {error}"), "leave `offcut cell` to `offcut run`").in_file(lines)
    })?;
    let fault = first_fault::<P>(&instance, &lines);
    say(|out| {
        serde_json::to_writer(&mut *out, &fault)?;
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

fn isolated<P: Problem>(words: &[&str]) -> Message<P> {
    Message::Isolated(words.iter().map(ToString::to_string).collect())
}

/// Confines this process, says to what, and turns it into the program of `words`. It comes back only if that cannot be.
pub fn exec_here(words: &[String]) -> InputError {
    use std::os::unix::process::CommandExt;
    let said = serde_json::json!({ "isolated": isolation::enter(true) });
    let _ = say(|out| writeln!(out, "{said}"));
    let error = Command::new(&words[0]).args(&words[1..]).env_remove(isolation::VARIABLE).exec();
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
