//! A program under limits, watched from outside.
//!
//! One of Offcut's own leads a process group of its own, which is ended as a whole: at the end of its time and a grace period, when its processes
//! together take more memory than they may, or when it writes without end. Any other program has a supervisor, [`crate::supervise`], which ends
//! its descendants whatever group they are in. What it takes is measured by the operating system, what it says is timed when it arrives.
//!
//! | what it does | what becomes of it |
//! |---|---|
//! | sleeps past its limit | asked to stop (SIGTERM) after the grace period, ended a second later |
//! | allocates without end | ended when all of it holds more than [`Limits::memory_bytes`]: by the kernel in a control group, else as it is looked at |
//! | writes without end | ended after [`Limits::output_bytes`]; of its error output the beginning and the end are kept |
//! | leaves processes behind | ended by its supervisor, whatever group or session they are in |
//! | ends its supervisor | ended by the operating system and from here, [`Ended::Unsupervised`] |
//! | outlives the one who watches | ended by the operating system, see [`tie_to_parent`], or by its supervisor |
//!
//! When the one who watches is itself asked to end, [`end_on_signals`] sees to it that nothing is left before it does.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use procfs::process::Process;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use wait4::Wait4;

pub use crate::ended::Ended;
use crate::ended::Gone;
use crate::interrupt::{Handle, Live, wait_if_interrupted};
pub use crate::interrupt::{PutBack, end_on_signals};
use crate::isolation::Cgroup;
use crate::supervise::{MARK, Order, Reply, end_marked, listen};

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

/// How long a supervisor has to end its program before it is ended itself.
const STUCK: Duration = Duration::from_secs(5);

/// How often a supervisor is told to go on, in case its program has stopped it.
const WOKEN: Duration = Duration::from_secs(1);

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
    /// Processes that it left behind and that were ended, by name.
    pub orphans: BTreeMap<String, u64>,
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
    /// Its supervisor has started it.
    Started { supervisor: Pid, program: Pid, at: Instant },
    /// It is gone.
    Gone(io::Result<Gone>),
}

/// Runs `command`, one of Offcut's own tasks, within `limits`. Every line of its standard output is handed to `line`, without its line feed, with the
/// seconds since the start; the answer `true` says that with this line its time begins anew, once.
///
/// # Errors
/// If it cannot be started, or the operating system does not tell how it ended.
pub fn watch(command: &mut Command, limits: &Limits, line: impl FnMut(f64, Vec<u8>) -> bool) -> io::Result<Watched> {
    watch_in(None, command, limits, line)
}

/// The same for a process that enters a control group.
pub(crate) fn watch_in(
    cgroup: Option<&Cgroup>,
    command: &mut Command,
    limits: &Limits,
    line: impl FnMut(f64, Vec<u8>) -> bool,
) -> io::Result<Watched> {
    wait_if_interrupted();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let live = Live::enter(Handle::Group(group));
    let (sender, events) = channel();
    read_from(&mut child, &sender, limits);
    thread::spawn(move || sender.send(Event::Gone(child.wait4().map(Gone::of))));
    Watch::new(Reins::Group(group), live, cgroup).whole(&events, limits, line)
}

/// The same for a program that is not Offcut's: `command` starts its supervisor, see [`crate::supervise::detach_here`]. Time counts from the program's start.
///
/// # Errors
/// As from [`watch`].
pub(crate) fn watch_supervised(
    cgroup: Option<&Cgroup>,
    command: &mut Command,
    limits: &Limits,
    line: impl FnMut(f64, Vec<u8>) -> bool,
) -> io::Result<Watched> {
    static CELLS: AtomicU64 = AtomicU64::new(0);
    let number = CELLS.fetch_add(1, Ordering::Relaxed);
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mark = format!("{}-{number}-{}", std::process::id(), since.as_nanos());
    let (ours, theirs) = UnixStream::pair()?;
    let live = Live::enter(Handle::Supervisor(ours.try_clone()?));
    command.env(MARK, &mark).stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let spawned = command.process_group(0).spawn();
    // The command keeps their end open as long as it has it, and the supervisor's end would not be seen.
    command.stdin(Stdio::null());
    let mut child = spawned?;
    let (sender, events) = channel();
    read_from(&mut child, &sender, limits);
    let reins = Reins::Supervisor { orders: ours.try_clone()?, mark, supervisor: None, program: None };
    thread::spawn(move || {
        let _ = child.wait();
        listen(ours, |line| {
            let _ = sender.send(match line {
                Reply::Started { supervisor, program, at } => Event::Started { supervisor, program, at },
                Reply::Over(gone) => Event::Gone(Ok(gone)),
            });
        });
    });
    Watch::new(reins, live, cgroup).whole(&events, limits, line)
}

/// Has threads read what a program writes.
fn read_from(child: &mut Child, to: &Sender<Event>, limits: &Limits) {
    let (output, errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    spawn_reader(to, output, limits.output_bytes);
    let to = to.clone();
    thread::spawn(move || to.send(Event::Errors(ends_of(errors))));
}

/// How a program is reached.
enum Reins {
    /// It leads a group.
    Group(Pid),
    /// By its supervisor, once that has told who it is.
    Supervisor { orders: UnixStream, mark: String, supervisor: Option<Pid>, program: Option<Pid> },
}

impl Reins {
    fn order(&self, order: Order) {
        match (self, order) {
            (Self::Group(group), Order::Stop) => drop(kill_process_group(*group, Signal::TERM)),
            (Self::Group(group), Order::End) => drop(kill_process_group(*group, Signal::KILL)),
            (Self::Supervisor { orders, .. }, order) => drop((&mut &*orders).write_all(&[order.byte()])),
        }
    }

    /// Memory of the program and all its descendants.
    fn memory(&self, of_process: fn(&Process) -> u64) -> u64 {
        match self {
            Self::Group(group) => memory_of(*group, true, of_process),
            Self::Supervisor { supervisor, .. } => {
                supervisor.map_or(0, |supervisor| memory_of(supervisor, false, of_process))
            }
        }
    }

    /// Tells a supervisor to go on, or to go.
    fn signal_supervisor(&self, signal: Signal) {
        if let Self::Supervisor { supervisor: Some(supervisor), .. } = self {
            let _ = kill_process(*supervisor, signal);
        }
    }
}

/// The state of watching one program.
struct Watch<'a> {
    reins: Reins,
    cgroup: Option<&'a Cgroup>,
    /// None once it is gone.
    live: Option<Live>,
    began: Instant,
    /// When it is asked to stop.
    deadline: Option<Instant>,
    /// When it was asked to stop.
    asked: Option<Instant>,
    /// When it was ended.
    ended_at: Option<Instant>,
    /// Why it was ended, if it was.
    ended: Option<Ended>,
    peak_memory_bytes: u64,
    /// Whether standard output is closed.
    is_silent: bool,
    /// What is kept of the error output, once it is closed.
    errors: Option<Vec<u8>>,
}

impl<'a> Watch<'a> {
    fn new(reins: Reins, live: Live, cgroup: Option<&'a Cgroup>) -> Self {
        Self {
            reins,
            cgroup,
            live: Some(live),
            began: Instant::now(),
            deadline: None,
            asked: None,
            ended_at: None,
            ended: None,
            peak_memory_bytes: 0,
            is_silent: false,
            errors: None,
        }
    }

    /// From the start to the end.
    fn whole(
        mut self,
        events: &Receiver<Event>,
        limits: &Limits,
        mut line: impl FnMut(f64, Vec<u8>) -> bool,
    ) -> io::Result<Watched> {
        self.begin(self.began, limits);
        let gone = self.until_gone(events, limits, &mut line);
        // Whoever is left goes now, and closes the pipes.
        match (&self.reins, &gone) {
            (Reins::Supervisor { mark, supervisor, program, .. }, Ok(gone)) if !gone.is_clean => {
                end_marked(mark, *supervisor, *program);
            }
            (Reins::Supervisor { .. }, _) => {}
            (Reins::Group(_), _) => self.reins.order(Order::End),
        }
        // What no supervisor found is in the group still.
        if let Some(cgroup) = self.cgroup {
            cgroup.kill();
        }
        self.live = None;
        wait_if_interrupted();
        let gone = gone?;
        self.drain(events, &mut line);
        if self.cgroup.is_some_and(Cgroup::is_out_of_memory) {
            self.ended.get_or_insert(Ended::Memory);
        }
        let cpu_s = self.cgroup.and_then(Cgroup::cpu_s).unwrap_or(0.0).max(gone.cpu_s);
        Ok(Watched {
            ended: self.ended.unwrap_or(gone.ended),
            orphans: gone.orphans,
            wall_s: gone.at.saturating_duration_since(self.began).as_secs_f64(),
            cpu_s,
            peak_memory_bytes: self.peak_memory_bytes.max(gone.peak_memory_bytes),
            errors: self.errors.unwrap_or_default(),
        })
    }

    fn begin(&mut self, at: Instant, limits: &Limits) {
        let seconds = limits.time_s.map(|time| time + limits.grace_s);
        // Limits beyond what a clock holds are none.
        self.deadline = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).and_then(|d| at.checked_add(d));
    }

    fn end(&mut self, why: Ended) {
        self.ended.get_or_insert(why);
        let ended_at = *self.ended_at.get_or_insert_with(Instant::now);
        if ended_at.elapsed() > STUCK {
            self.reins.signal_supervisor(Signal::KILL);
        } else {
            self.reins.order(Order::End);
        }
    }

    fn hear(&self, at: Instant, text: Vec<u8>, line: &mut impl FnMut(f64, Vec<u8>) -> bool) -> bool {
        line(at.saturating_duration_since(self.began).as_secs_f64(), text)
    }

    /// Hears what was still on its way: the pipes are closed by now, or held open by whoever left the group.
    fn drain(&mut self, events: &Receiver<Event>, line: &mut impl FnMut(f64, Vec<u8>) -> bool) {
        let until = Instant::now() + DRAINED;
        while !(self.is_silent && self.errors.is_some()) {
            match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Line(at, text)) => {
                    self.hear(at, text, line);
                }
                Ok(Event::TooMuch) => {
                    self.ended.get_or_insert(Ended::Output);
                }
                Ok(Event::Silent) => self.is_silent = true,
                Ok(Event::Errors(errors)) => self.errors = Some(errors),
                Ok(Event::Started { .. }) => {}
                Ok(Event::Gone(_)) | Err(_) => break,
            }
        }
    }

    fn until_gone(
        &mut self,
        events: &Receiver<Event>,
        limits: &Limits,
        line: &mut impl FnMut(f64, Vec<u8>) -> bool,
    ) -> io::Result<Gone> {
        let mut is_ready = false;
        let mut woken = Instant::now();
        // Memory is looked at often while a program is young, and at most every 20 ms later on.
        let mut pause = Duration::from_millis(1);
        let mut look = Instant::now() + pause;
        loop {
            match events.recv_timeout(look.saturating_duration_since(Instant::now())) {
                Ok(Event::Line(at, text)) => {
                    if self.hear(at, text, line) && !is_ready {
                        is_ready = true;
                        self.begin(at, limits);
                    }
                }
                Ok(Event::TooMuch) => self.end(Ended::Output),
                Ok(Event::Silent) => self.is_silent = true,
                Ok(Event::Errors(errors)) => self.errors = Some(errors),
                Ok(Event::Started { supervisor: by, program: who, at }) => {
                    if let Reins::Supervisor { supervisor, program, .. } = &mut self.reins {
                        (*supervisor, *program) = (Some(by), Some(who));
                    }
                    self.began = at;
                    if !is_ready {
                        self.begin(at, limits);
                    }
                }
                Ok(Event::Gone(gone)) => return gone,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the one who waits says so before it is gone"),
            }
            let now = Instant::now();
            if now >= look {
                // Resident pages that processes share count for each of them, which is fast to read and too much. So the limit is for proportional memory, in which
                // they count once, as they do in a control group.
                let mut memory = self.reins.memory(resident);
                if memory > limits.memory_bytes {
                    memory = self.reins.memory(proportional);
                }
                self.peak_memory_bytes = self.peak_memory_bytes.max(memory);
                let is_beyond = match self.cgroup.filter(|cgroup| cgroup.limits_memory()) {
                    Some(cgroup) => cgroup.is_out_of_memory(),
                    None => memory > limits.memory_bytes,
                };
                if is_beyond {
                    self.end(Ended::Memory);
                }
                pause = (pause * 2).min(Duration::from_millis(20));
                look = now + pause;
            }
            if self.deadline.is_some_and(|deadline| now >= deadline) && self.asked.is_none() {
                self.asked = Some(now);
                self.ended.get_or_insert(Ended::Time);
                self.reins.order(Order::Stop);
            }
            if self.asked.is_some_and(|asked| now >= asked + ASKED) {
                self.end(Ended::Time);
            }
            if now >= woken + WOKEN {
                woken = now;
                self.reins.signal_supervisor(Signal::CONT);
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

/// Memory of all descendants of a process, and its own if that `counts`, in bytes.
fn memory_of(root: Pid, counts: bool, of_process: fn(&Process) -> u64) -> u64 {
    let root = root.as_raw_nonzero().get();
    let mut open = vec![root];
    let mut total = 0;
    while let Some(pid) = open.pop() {
        // A process that is gone by now holds nothing.
        let Ok(process) = Process::new(pid) else { continue };
        if counts || pid != root {
            total += of_process(&process);
        }
        for task in process.tasks().into_iter().flatten().flatten() {
            open.extend(task.children().into_iter().flatten().map(u32::cast_signed));
        }
    }
    total
}

/// Resident memory of a process, in bytes.
fn resident(process: &Process) -> u64 {
    process.statm().map_or(0, |memory| memory.resident * rustix::param::page_size() as u64)
}

/// Resident memory of a process in which a page that so many processes share counts by its part, in bytes. If the kernel does not tell, all of its resident memory.
fn proportional(process: &Process) -> u64 {
    let of_maps = process.smaps_rollup().ok().and_then(|rollup| {
        let maps = rollup.memory_map_rollup.0;
        maps.first().and_then(|all| all.extension.map.get("Pss").copied())
    });
    of_maps.unwrap_or_else(|| resident(process))
}

/// Has the operating system end this process when `parent`, which started it, is gone, and leave no core file. Called first thing by a program that
/// is watched; what it turns into by `exec` is tied just the same.
pub fn tie_to_parent(parent: u32) {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    without_core_files();
    // Whoever lost its parent before it was tied goes by itself.
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned()) != Some(parent) {
        std::process::exit(1);
    }
}

/// Has this process and all it starts leave no core file.
pub fn without_core_files() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
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
        Ended::Time | Ended::Memory | Ended::Output | Ended::Unsupervised => {
            unreachable!("only who watches ends others")
        }
    };
    std::process::exit(code)
}

/// Bytes of memory a program may take if nothing is said: three quarters of the machine's.
pub fn memory_by_default(machine_bytes: u64) -> u64 {
    if machine_bytes == 0 { u64::MAX } else { machine_bytes / 4 * 3 }
}
