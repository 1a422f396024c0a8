//! How a program ended, as the one who watches it and its supervisor both tell it.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

use rustix::process::Signal;

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
    /// It was ended: its supervisor was gone.
    Unsupervised,
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
            Self::Unsupervised => f.write_str("ended, because the process that supervised it was"),
        }
    }
}

/// What is known of a program that is gone.
#[derive(Clone, Debug)]
pub(crate) struct Gone {
    pub(crate) ended: Ended,
    pub(crate) cpu_s: f64,
    /// 0 if the operating system does not tell.
    pub(crate) peak_memory_bytes: u64,
    /// When it was gone.
    pub(crate) at: Instant,
    /// Whether nobody it started is left.
    pub(crate) is_clean: bool,
    /// Processes that it left behind, by name.
    pub(crate) orphans: BTreeMap<String, u64>,
}

impl Gone {
    /// Of a program whose supervisor has not reported its end.
    pub(crate) fn lost(at: Instant) -> Self {
        Self {
            ended: Ended::Unsupervised,
            cpu_s: 0.0,
            peak_memory_bytes: 0,
            at,
            is_clean: false,
            orphans: BTreeMap::new(),
        }
    }

    /// Whether its end was not reported.
    pub(crate) fn is_lost(&self) -> bool {
        self.ended == Ended::Unsupervised
    }

    pub(crate) fn of(usage: wait4::ResUse) -> Self {
        // The operating system counts what the process that started it had at that moment.
        let own = crate::environment::peak_memory_bytes().unwrap_or(u64::MAX);
        let rusage = usage.rusage;
        Self {
            ended: by_itself(usage.status),
            cpu_s: (rusage.utime + rusage.stime).as_secs_f64(),
            peak_memory_bytes: if rusage.maxrss > own { rusage.maxrss } else { 0 },
            at: Instant::now(),
            is_clean: true,
            orphans: BTreeMap::new(),
        }
    }
}

/// How a program ended that nobody ended.
pub(crate) fn by_itself(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    }
}
