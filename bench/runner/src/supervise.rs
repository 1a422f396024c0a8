//! A process between the runner and a program that is not Offcut's.
//!
//! The operating system ends a process when the one that started it is gone, if that is asked for; it does not end what that process has started in
//! turn. So a program in another language has a supervisor: this program, started once more, which adopts every descendant that loses its parent and
//! ends all of them when the program is gone, or when the runner is. The runner holds one end of a pair of sockets and the supervisor the other: when the
//! runner ends, for whatever reason, the supervisor reads the end of its input.
//!
//! The supervisor is no child of the runner: what starts it ends at once. A program that ends its ancestors one after the other so ends the supervisor, and
//! nothing that leads to the runner. The runner then ends whoever carries the mark of the cell in its environment, or is in its session or group.
//!
//! | what goes | who ends the others |
//! |---|---|
//! | the program | the supervisor |
//! | the runner, by any signal | the supervisor |
//! | the supervisor | the operating system the program, the runner all others |
//!
//! A program that ends the supervisor *and* leaves the session *and* takes the mark out of its environment is found by its control group only, see
//! [`crate::isolation`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use offcut_instances::document::InputError;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};
use wait4::Wait4;

use crate::ended::{Gone, by_itself};

/// The variable that every process of a cell has in its environment: the cell's mark.
pub(crate) const MARK: &str = "OFFCUT_CELL";

/// How long descendants are ended again and again before the one who does it gives up.
const STUCK: Duration = Duration::from_secs(10);

/// How often orphans that ended by themselves are taken off the operating system's hands.
const ROUND: Duration = Duration::from_millis(200);

/// What the runner says to the supervisor, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask the program to stop.
    Stop = b't' as isize,
    /// End it and all others.
    End = b'k' as isize,
}

impl Order {
    /// The byte.
    pub(crate) fn byte(self) -> u8 {
        self as isize as u8
    }
}

/// What the supervisor says to the runner, a line of JSON each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The program runs.
    Started { supervisor: i32, program: i32 },
    /// It is gone: how, as the operating system puts it, and what it took.
    Ended { status: i32, cpu_s: f64, peak_memory_bytes: u64 },
    /// Nobody it has left is there any more: who was, and the CPU seconds of all of them and the program.
    Clean { orphans: BTreeMap<String, u64>, cpu_s: f64 },
}

/// What a supervisor has reported, and when it was over.
pub(crate) enum Reply {
    /// The program runs.
    Started { supervisor: Pid, program: Pid, at: Instant },
    /// The supervisor is gone.
    Over(Gone),
}

/// Reads what a supervisor reports until it is gone.
pub(crate) fn listen(from: UnixStream, mut hear: impl FnMut(Reply)) {
    let mut gone = Gone::lost(Instant::now());
    for line in BufReader::new(from).lines() {
        match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Report::Started { supervisor, program }) => {
                if let (Some(supervisor), Some(program)) = (Pid::from_raw(supervisor), Pid::from_raw(program)) {
                    hear(Reply::Started { supervisor, program, at: Instant::now() });
                }
            }
            Some(Report::Ended { status, cpu_s, peak_memory_bytes }) => {
                let ended = by_itself(ExitStatus::from_raw(status));
                gone = Gone { ended, cpu_s, peak_memory_bytes, ..Gone::lost(Instant::now()) };
            }
            Some(Report::Clean { orphans, cpu_s }) => {
                gone = Gone { is_clean: true, cpu_s: gone.cpu_s.max(cpu_s), orphans, ..gone };
            }
            None => break,
        }
    }
    if !gone.is_clean && gone.is_lost() {
        gone.at = Instant::now();
    }
    hear(Reply::Over(gone));
}

/// First of the two processes that lead to a program: starts the second one, which is to have no parent, and ends.
///
/// # Errors
/// [`InputError`] if it cannot be started.
pub fn detach_here(problem: &str, scratch: Option<&Path>, words: &[OsString]) -> Result<(), InputError> {
    let mut command = again(problem)?;
    command.arg("supervise");
    if let Some(scratch) = scratch {
        command.arg("--scratch").arg(scratch);
    }
    // It inherits input, output and error output, and is not waited for.
    command.arg("--").args(words).spawn().map(drop).map_err(|error| not_again(&error))
}

/// The supervisor: starts the program's own process with `words`, reports on it, and ends all of it.
///
/// # Errors
/// [`InputError`] if there is nobody to report to, or the process cannot be started.
pub fn supervise_here(problem: &str, scratch: Option<&Path>, words: &[OsString]) -> Result<(), InputError> {
    // A session of its own: no terminal's signals, and a number by which the runner finds all who are in it.
    let _ = rustix::process::setsid();
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let runner = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).map_err(|error| {
        InputError::at("standard input", format!("is not the runner's: {error}"), "leave `offcut cell` to `offcut run`")
    })?;
    let ended = supervised(&runner, again(problem)?.args(words)).map_err(|error| not_again(&error));
    let orphans = names_of(&descendants());
    let is_clean = end_children(None);
    if let Some(scratch) = scratch {
        let _ = std::fs::remove_dir_all(scratch);
    }
    ended?;
    if is_clean {
        let _ = say(&runner, Report::Clean { orphans, cpu_s: cpu_s_of_children() });
    }
    Ok(())
}

/// From the program's start to its end.
fn supervised(mut runner: &UnixStream, command: &mut Command) -> io::Result<()> {
    enum Event {
        Order(u8),
        RunnerGone,
        Gone,
    }
    let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
    let program = Pid::from_child(&child);
    say(
        runner,
        Report::Started {
            supervisor: rustix::process::getpid().as_raw_nonzero().get(),
            program: program.as_raw_nonzero().get(),
        },
    )?;
    let (sender, events) = channel();
    let mut orders = runner.try_clone()?;
    let to = sender.clone();
    thread::spawn(move || {
        let mut order = [0];
        while orders.read_exact(&mut order).is_ok() {
            if to.send(Event::Order(order[0])).is_err() {
                return;
            }
        }
        let _ = to.send(Event::RunnerGone);
    });
    thread::spawn(move || {
        // It stays to be waited for: until then nobody else gets its number.
        let _ = rustix::process::waitid(WaitId::Pid(program), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        sender.send(Event::Gone)
    });
    loop {
        match events.recv_timeout(ROUND) {
            Ok(Event::Gone) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Event::Order(order)) if order == Order::Stop.byte() => {
                let _ = kill_process_group(program, Signal::TERM);
            }
            Ok(Event::Order(_) | Event::RunnerGone) => {
                let _ = kill_process_group(program, Signal::KILL);
                let _ = kill_process(program, Signal::KILL);
            }
            Err(RecvTimeoutError::Timeout) => reap(Some(program)),
        }
    }
    // What this process had when it started that one is counted as that one's.
    let own = crate::environment::peak_memory_bytes().unwrap_or(u64::MAX);
    let usage = child.wait4()?;
    let rusage = usage.rusage;
    let report = Report::Ended {
        status: usage.status.into_raw(),
        cpu_s: (rusage.utime + rusage.stime).as_secs_f64(),
        peak_memory_bytes: if rusage.maxrss > own { rusage.maxrss } else { 0 },
    };
    // The runner may be gone.
    let _ = say(runner, report);
    let _ = runner.flush();
    Ok(())
}

fn say(mut to: &UnixStream, report: Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(&report).expect("plain data");
    line.push(b'\n');
    to.write_all(&line)
}

/// Ends all children, and those of theirs that then become children, until there are none. The answer says whether there are none.
fn end_children(except: Option<Pid>) -> bool {
    let until = Instant::now() + STUCK;
    loop {
        for child in children().into_iter().filter(|child| Some(*child) != except) {
            // A child's number is nobody else's until it is waited for.
            let _ = kill_process(child, Signal::KILL);
        }
        reap(except);
        if rustix::process::wait(WaitOptions::NOHANG).is_err_and(|error| error == rustix::io::Errno::CHILD) {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits for children that have ended already.
fn reap(except: Option<Pid>) {
    for child in children().into_iter().filter(|child| Some(*child) != except) {
        let _ = rustix::process::waitpid(Some(child), WaitOptions::NOHANG);
    }
}

/// All descendants that have not ended.
fn descendants() -> Vec<procfs::process::Stat> {
    let mut open = children();
    let mut found = Vec::new();
    while let Some(pid) = open.pop() {
        let Ok(process) = procfs::process::Process::new(pid.as_raw_nonzero().get()) else { continue };
        for task in process.tasks().into_iter().flatten().flatten() {
            let children = task.children().into_iter().flatten();
            open.extend(children.filter_map(|pid| Pid::from_raw(pid.cast_signed())));
        }
        found.extend(process.stat().ok().filter(|stat| !matches!(stat.state, 'Z' | 'X')));
    }
    found
}

/// How many there are of each name, of so many names.
fn names_of(processes: &[procfs::process::Stat]) -> BTreeMap<String, u64> {
    const NAMES: usize = 20;
    let mut names = BTreeMap::new();
    for process in processes {
        let is_known = names.contains_key(&process.comm);
        let name = if is_known || names.len() < NAMES { process.comm.clone() } else { "others".into() };
        *names.entry(name).or_insert(0) += 1;
    }
    names
}

/// CPU seconds of all descendants that were waited for.
fn cpu_s_of_children() -> f64 {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    let ticks = stat.map_or(0, |stat| stat.cutime + stat.cstime).max(0);
    ticks as f64 / procfs::ticks_per_second() as f64
}

fn children() -> Vec<Pid> {
    let tasks = procfs::process::Process::myself().and_then(|process| process.tasks());
    let children = tasks.into_iter().flatten().flatten().filter_map(|task| task.children().ok()).flatten();
    children.filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

/// Ends everybody who carries `mark` in its environment, or is in the supervisor's session or the program's group. For when the supervisor is gone.
pub(crate) fn end_marked(mark: &str, supervisor: Option<Pid>, program: Option<Pid>) {
    let until = Instant::now() + STUCK;
    let carried = [MARK, "=", mark].concat();
    let raw = |pid: Option<Pid>| pid.map(|pid| pid.as_raw_nonzero().get());
    let me = rustix::process::getpid().as_raw_nonzero().get();
    let is_ours = |process: &procfs::process::Process| {
        let Ok(stat) = process.stat() else { return false };
        let is_there = !matches!(stat.state, 'Z' | 'X');
        // The session and the group of someone who is there have numbers that nobody else gets.
        let is_with_it = Some(stat.session) == raw(supervisor) || Some(stat.pgrp) == raw(program);
        let is_marked = || {
            let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == carried.as_bytes())
        };
        is_there && process.pid != me && (is_with_it || is_marked())
    };
    while Instant::now() < until {
        let all = procfs::process::all_processes().into_iter().flatten().flatten();
        let ours: Vec<Pid> = all.filter(is_ours).filter_map(|process| Pid::from_raw(process.pid)).collect();
        if ours.is_empty() {
            return;
        }
        for pid in ours {
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// This program, started once more for a task of a cell.
fn again(problem: &str) -> Result<Command, InputError> {
    let program = std::env::current_exe().map_err(|error| not_again(&error))?;
    let mut command = Command::new(program);
    command.args(["cell", "--parent", &std::process::id().to_string(), "--problem", problem]);
    Ok(command)
}

fn not_again(error: &io::Error) -> InputError {
    InputError::at("offcut", format!("cannot be started once more: {error}"), "start it by its path")
}
