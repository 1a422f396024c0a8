//! A program under limits, watched from outside.
//!
//! The program leads a process group of its own, which is ended as a whole: at the end of its time and a grace period, when its processes
//! together take more memory than they may, or when it writes without end. What it takes is measured by the operating system, what it says
//! is timed when it arrives. Nothing it does ends the one who watches.
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | sleeps past its limit | asked to stop (SIGTERM) after the grace period, ended a second later |
//! | allocates without end | ended when its group holds more than [`Limits::memory_bytes`] |
//! | writes without end | ended after [`Limits::output_bytes`]; of its error output the beginning and the end are kept |
//! | leaves processes behind | they are in its group, and ended with it |
//! | outlives the one who watches | ended by the operating system, see [`tie_to_parent`] |

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use wait4::Wait4;

/// What a program may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Seconds from its start, or from when it says it is ready; none is no limit.
    pub time_s: Option<f64>,
    /// Seconds beyond them before it is ended.
    pub grace_s: f64,
    /// Bytes of memory of all its processes together.
    pub memory_bytes: u64,
    /// Bytes it may write to its standard output.
    pub output_bytes: u64,
}

/// Of error output, this many bytes of the beginning and as many of the end are kept.
const KEPT_BYTES: usize = 32 << 10;

/// How long a program has from being asked to stop to being ended.
const ASKED: Duration = Duration::from_secs(1);

/// How long the ends of pipes are waited for once the program is gone.
const DRAINED: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Exit(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// It was ended: out of time.
    Time,
    /// It was ended: out of memory.
    Memory,
    /// It was ended: it wrote too much.
    Output,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match Signal::from_named_raw(*number) {
                // "Signal::ABORT" is what the library calls it.
                Some(signal) => {
                    let name = format!("{signal:?}").replace("Signal::", "SIG");
                    write!(f, "signal {number}, {}", name.trim_matches('"'))
                }
                None => write!(f, "signal {number}"),
            },
            Self::Time => f.write_str("ended after its time and the grace period"),
            Self::Memory => f.write_str("ended, out of memory"),
            Self::Output => f.write_str("ended, wrote too much"),
        }
    }
}

/// What a program took, and what it left.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How it ended.
    pub ended: Ended,
    /// Wall-clock seconds from its start to its end.
    pub wall_s: f64,
    /// CPU seconds of the program and of those it waited for.
    pub cpu_s: f64,
    /// The most memory seen, by the operating system for one process or here for all of them.
    pub peak_memory_bytes: u64,
    /// The beginning and the end of its error output.
    pub errors: Vec<u8>,
}

enum Event {
    /// A line of standard output, and when it came.
    Line(Instant, Vec<u8>),
    /// It wrote more than it may.
    TooMuch,
    /// Standard output is closed.
    Silent,
    /// Standard error is closed; what is kept of it.
    Errors(Vec<u8>),
    /// It is gone.
    Gone(io::Result<wait4::ResUse>, Instant),
}

/// Runs `command` within `limits`. Every line of its standard output is handed to `line`, without its line feed, with the seconds since the
/// start; the answer `true` says that with this line its time begins anew, once.
///
/// # Errors
/// If it cannot be started, or the operating system does not tell how it ended.
pub fn watch(
    command: &mut Command,
    limits: &Limits,
    mut line: impl FnMut(f64, Vec<u8>) -> bool,
) -> io::Result<Watched> {
    let began = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let (sender, events) = channel();
    let (output, errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    spawn_reader(&sender, output, limits.output_bytes);
    let to = sender.clone();
    thread::spawn(move || to.send(Event::Errors(ends_of(errors))));
    thread::spawn(move || {
        let gone = child.wait4();
        sender.send(Event::Gone(gone, Instant::now()))
    });
    let mut watch =
        Watch { group, deadline: None, asked: None, ended: None, peak_memory_bytes: 0, is_silent: false, errors: None };
    watch.begin(began, limits);
    let (gone, at) = watch.until_gone(&events, limits, began, &mut line);
    // Whoever is left of the group goes with its leader, and closes the pipes.
    let _ = kill_process_group(group, Signal::KILL);
    let usage = gone?;
    watch.drain(&events, began, &mut line);
    let ended = watch.ended.unwrap_or_else(|| by_itself(usage.status));
    let rusage = usage.rusage;
    // The operating system counts what the process that started it had at that moment.
    let own = crate::environment::peak_memory_bytes().unwrap_or(u64::MAX);
    if rusage.maxrss > own {
        watch.peak_memory_bytes = watch.peak_memory_bytes.max(rusage.maxrss);
    }
    Ok(Watched {
        ended,
        wall_s: (at - began).as_secs_f64(),
        cpu_s: (rusage.utime + rusage.stime).as_secs_f64(),
        peak_memory_bytes: watch.peak_memory_bytes,
        errors: watch.errors.unwrap_or_default(),
    })
}

/// How a program ended that nobody ended.
pub(crate) fn by_itself(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}

/// The state of watching one group.
struct Watch {
    group: Pid,
    /// When it is asked to stop.
    deadline: Option<Instant>,
    /// When it was asked to stop.
    asked: Option<Instant>,
    /// Why it was ended, if it was.
    ended: Option<Ended>,
    peak_memory_bytes: u64,
    /// Whether standard output is closed.
    is_silent: bool,
    /// What is kept of the error output, once it is closed.
    errors: Option<Vec<u8>>,
}

impl Watch {
    fn begin(&mut self, at: Instant, limits: &Limits) {
        let seconds = limits.time_s.map(|time| time + limits.grace_s);
        // Limits beyond what a clock holds are none.
        self.deadline = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).and_then(|d| at.checked_add(d));
    }

    fn end(&mut self, why: Ended) {
        self.ended.get_or_insert(why);
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    /// Hears what was still on its way: the pipes are closed by now, or held open by whoever left the group.
    fn drain(&mut self, events: &Receiver<Event>, began: Instant, line: &mut impl FnMut(f64, Vec<u8>) -> bool) {
        let until = Instant::now() + DRAINED;
        while !(self.is_silent && self.errors.is_some()) {
            match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Line(at, text)) => {
                    line((at - began).as_secs_f64(), text);
                }
                Ok(Event::TooMuch) => {
                    self.ended.get_or_insert(Ended::Output);
                }
                Ok(Event::Silent) => self.is_silent = true,
                Ok(Event::Errors(errors)) => self.errors = Some(errors),
                Ok(Event::Gone(..)) | Err(_) => break,
            }
        }
    }

    fn until_gone(
        &mut self,
        events: &Receiver<Event>,
        limits: &Limits,
        began: Instant,
        line: &mut impl FnMut(f64, Vec<u8>) -> bool,
    ) -> (io::Result<wait4::ResUse>, Instant) {
        let mut is_ready = false;
        // Memory is looked at often while a program is young, and at most every 20 ms later on.
        let mut pause = Duration::from_millis(1);
        let mut look = Instant::now() + pause;
        loop {
            match events.recv_timeout(look.saturating_duration_since(Instant::now())) {
                Ok(Event::Line(at, text)) => {
                    if line((at - began).as_secs_f64(), text) && !is_ready {
                        is_ready = true;
                        self.begin(at, limits);
                    }
                }
                Ok(Event::TooMuch) => self.end(Ended::Output),
                Ok(Event::Silent) => self.is_silent = true,
                Ok(Event::Errors(errors)) => self.errors = Some(errors),
                Ok(Event::Gone(gone, at)) => return (gone, at),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the one who waits says so before it is gone"),
            }
            let now = Instant::now();
            if now >= look {
                let memory = memory_of(self.group);
                self.peak_memory_bytes = self.peak_memory_bytes.max(memory);
                if memory > limits.memory_bytes {
                    self.end(Ended::Memory);
                }
                pause = (pause * 2).min(Duration::from_millis(20));
                look = now + pause;
            }
            if self.deadline.is_some_and(|deadline| now >= deadline) && self.asked.is_none() {
                self.asked = Some(now);
                self.ended.get_or_insert(Ended::Time);
                let _ = kill_process_group(self.group, Signal::TERM);
            }
            if self.asked.is_some_and(|asked| now >= asked + ASKED) {
                self.end(Ended::Time);
            }
        }
    }
}

fn spawn_reader(to: &Sender<Event>, output: impl Read + Send + 'static, limit: u64) {
    let to = to.clone();
    thread::spawn(move || {
        let mut output = BufReader::with_capacity(1 << 16, output.take(limit));
        loop {
            let mut text = Vec::new();
            // An error is an end: the pipe is broken.
            if output.read_until(b'\n', &mut text).unwrap_or(0) == 0 {
                break;
            }
            if text.last() == Some(&b'\n') {
                text.pop();
            }
            if to.send(Event::Line(Instant::now(), text)).is_err() {
                return;
            }
        }
        if output.get_ref().limit() == 0 {
            let _ = to.send(Event::TooMuch);
            // Read on so that the program does not wait for us while it is ended.
            let _ = io::copy(&mut output.into_inner().into_inner(), &mut io::sink());
        }
        let _ = to.send(Event::Silent);
    });
}

/// The beginning and the end of what is written there, with a line between that says how much is missing.
fn ends_of(mut errors: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = (&mut errors).take(KEPT_BYTES as u64).read_to_end(&mut kept);
    let (mut end, mut missing) = (VecDeque::<u8>::with_capacity(KEPT_BYTES), 0_usize);
    let mut piece = vec![0; 1 << 14];
    while let Ok(read) = errors.read(&mut piece) {
        if read == 0 {
            break;
        }
        end.extend(&piece[..read]);
        let over = end.len().saturating_sub(KEPT_BYTES);
        missing += over;
        end.drain(..over);
    }
    if missing > 0 {
        kept.extend_from_slice(format!("\n... {missing} bytes are left out here ...\n").as_bytes());
    }
    kept.extend(end);
    kept
}

/// Resident memory of a process and all its descendants, in bytes; pages shared between them count for each.
fn memory_of(root: Pid) -> u64 {
    let page = rustix::param::page_size() as u64;
    let mut open = vec![root.as_raw_nonzero().get()];
    let mut total = 0;
    while let Some(pid) = open.pop() {
        // A process that is gone by now holds nothing.
        let Ok(process) = procfs::process::Process::new(pid) else { continue };
        total += process.statm().map_or(0, |memory| memory.resident * page);
        for task in process.tasks().into_iter().flatten().flatten() {
            open.extend(task.children().into_iter().flatten().map(u32::cast_signed));
        }
    }
    total
}

/// Has the operating system end this process when `parent`, which started it, is gone, and leave no core file. Called first thing by a program that
/// is watched; what it turns into by `exec` is tied just the same.
pub fn tie_to_parent(parent: u32) {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    // Whoever lost its parent before it was tied goes by itself.
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned()) != Some(parent) {
        std::process::exit(1);
    }
}

/// Ends this process as a program ended that it started: what watches this one then tells of that one.
pub fn end_like(ended: Ended) -> ! {
    let code = match ended {
        Ended::Exit(code) => code,
        Ended::Signal(number) => {
            if let Some(signal) = Signal::from_named_raw(number) {
                // Twice: Rust's handler of some signals only lets go of them the first time.
                for _ in 0..2 {
                    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
                }
            }
            128 + number
        }
        Ended::Time | Ended::Memory | Ended::Output => unreachable!("only who watches ends others"),
    };
    std::process::exit(code)
}

/// Bytes of memory a program may take if nothing is said: three quarters of the machine's.
pub fn memory_by_default(machine_bytes: u64) -> u64 {
    if machine_bytes == 0 { u64::MAX } else { machine_bytes / 4 * 3 }
}
