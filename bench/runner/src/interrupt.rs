//! What is done when this process is asked to end: all programs at work are ended, and files are put back, before it ends.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Programs at work, and what is to be done with files, when this process is asked to end.
struct Interrupt {
    is_asked: bool,
    programs: Vec<(u64, Handle)>,
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
}

/// What ends a program.
pub(crate) enum Handle {
    /// One of Offcut's own, with its group.
    Group(Pid),
    /// Any other, by its supervisor.
    Supervisor(UnixStream),
}

/// How long programs have to end before files are put back all the same.
const STUCK: Duration = Duration::from_secs(5);

static INTERRUPT: Mutex<Interrupt> = Mutex::new(Interrupt { is_asked: false, programs: Vec::new(), files: Vec::new() });

fn interrupt() -> std::sync::MutexGuard<'static, Interrupt> {
    INTERRUPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A program at work, as long as it lives.
pub(crate) struct Live(u64);

impl Live {
    /// Comes back only if this process is not asked to end.
    pub(crate) fn enter(handle: Handle) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        wait_if_interrupted();
        interrupt().programs.push((number, handle));
        Self(number)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        interrupt().programs.retain(|(number, _)| *number != self.0);
    }
}

/// Nothing more is done once this process is asked to end: a cell that is cut off so has no row.
pub(crate) fn wait_if_interrupted() {
    while interrupt().is_asked {
        thread::sleep(Duration::from_secs(1));
    }
}

/// A file as it was before, put back if this process is asked to end meanwhile.
#[derive(Debug)]
#[must_use]
pub struct PutBack(PathBuf);

impl PutBack {
    /// None says that there was no such file or folder.
    pub fn enter(file: PathBuf, before: Option<Vec<u8>>) -> Self {
        wait_if_interrupted();
        interrupt().files.push((file.clone(), before));
        Self(file)
    }
}

impl Drop for PutBack {
    fn drop(&mut self) {
        interrupt().files.retain(|(file, _)| *file != self.0);
    }
}

/// Has SIGINT, SIGTERM and SIGHUP end this process only when nothing it has started is left, with a line that says so. One that is ignored, as SIGHUP
/// under `nohup`, stays ignored. Called by commands that start cells.
pub fn end_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    static ONCE: std::sync::Once = std::sync::Once::new();
    if ONCE.is_completed() {
        return;
    }
    ONCE.call_once(|| ());
    let status = procfs::process::Process::myself().and_then(|process| process.status());
    let ignored = status.map_or(0, |status| status.sigign);
    let is_heard = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP].iter().filter(|s| is_heard(s)))
    else {
        return;
    };
    thread::spawn(move || {
        let Some(signal) = signals.forever().next() else { return };
        let mut asked = interrupt();
        asked.is_asked = true;
        for (_, program) in &asked.programs {
            let _ = match program {
                Handle::Group(group) => kill_process_group(*group, Signal::KILL).map_err(io::Error::from),
                // It reads an end, ends all others, and goes.
                Handle::Supervisor(pipe) => pipe.shutdown(Shutdown::Write),
            };
        }
        drop(asked);
        let until = Instant::now() + STUCK;
        while !interrupt().programs.is_empty() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        for (file, before) in std::mem::take(&mut interrupt().files) {
            let _ = match before {
                Some(bytes) => std::fs::write(file, bytes),
                // A control group is removed as a folder, its files cannot be.
                None if file.is_dir() => std::fs::remove_dir(&file).or_else(|_| std::fs::remove_dir_all(file)),
                None => std::fs::remove_file(file),
            };
        }
        let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
        // `eprintln` panics if nobody reads it any more, and this process would never end.
        let _ = writeln!(io::stderr(), "offcut: interrupted by {name}");
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        std::process::exit(128 + signal);
    });
}
