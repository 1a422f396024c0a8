//! What a solving process writes: messages, what it measured, its answer; incumbents and certified bounds meanwhile.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use offcut_instances::document::InputError;
use offcut_instances::incumbents::{self, Reported};
use offcut_instances::problem::{Bound, CertifiedBound, Claim, Evidence, Problem};

use super::executed::Executed;
use crate::protocol::{Measured, Message};

/// The last lines of a solving process.
pub(super) fn say_executed<P: Problem>(executed: &Executed) -> Result<(), InputError> {
    let Executed { answer, solve_s, solve_cpu_s, peak_memory_bytes, .. } = executed;
    let (solve_s, solve_cpu_s, peak_memory_bytes) = (*solve_s, *solve_cpu_s, *peak_memory_bytes);
    say(|out| {
        message::<P>(out, &Message::Measured(Measured { solve_s, solve_cpu_s, peak_memory_bytes }))?;
        out.write_all(answer)?;
        out.write_all(b"\n")
    })
}

/// A thread that says the last incumbent and the last bound told, some ten times a second at most: a method that improves more often is not held up.
pub(super) struct Telling<P: Problem> {
    shared: Arc<Told<P>>,
    thread: JoinHandle<()>,
}

/// What waits to be said, and whether all is over.
struct Told<P: Problem> {
    last: Mutex<Last<P>>,
    is_new: Condvar,
}

struct Last<P: Problem> {
    incumbent: Option<Claim<P::Solution>>,
    bound: Option<CertifiedBound<P::Certificate>>,
    is_over: bool,
}

impl<P: Problem> Last<P> {
    /// The messages that wait, and none from now on.
    fn taken(&mut self) -> impl Iterator<Item = Message<P>> + use<P> {
        let bound = self.bound.take().map(|CertifiedBound { value, certificate }| {
            Message::Bound(Bound { value, evidence: Evidence::Certificate(certificate) })
        });
        bound.into_iter().chain(self.incumbent.take().map(Message::Incumbent))
    }
}

impl<P: Problem> Told<P> {
    fn lock(&self) -> MutexGuard<'_, Last<P>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Problem> Telling<P> {
    /// Between two lines.
    const PAUSE: Duration = Duration::from_millis(100);

    /// The part of the time that writing them may take: one in so many.
    const PART: u32 = 50;

    pub(super) fn begin() -> Self {
        let shared = Arc::new(Told {
            last: Mutex::new(Last { incumbent: None, bound: None, is_over: false }),
            is_new: Condvar::new(),
        });
        let told = Arc::clone(&shared);
        incumbents::listen::<P>(move |reported| {
            match reported {
                Reported::Incumbent(claim) => told.lock().incumbent = Some(claim),
                Reported::Bound(bound) => told.lock().bound = Some(bound),
            }
            told.is_new.notify_one();
        });
        let told = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            loop {
                let nothing = |last: &mut Last<P>| last.incumbent.is_none() && last.bound.is_none() && !last.is_over;
                let mut last = told.is_new.wait_while(told.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
                if last.is_over {
                    return;
                }
                let messages = last.taken();
                drop(last);
                let began = Instant::now();
                for waiting in messages {
                    if say(|out| message::<P>(out, &waiting)).is_err() {
                        return;
                    }
                }
                let pause = Self::PAUSE.max(began.elapsed() * Self::PART);
                let is_over = |last: &mut Last<P>| !last.is_over;
                let _ = told.is_new.wait_timeout_while(told.lock(), pause, is_over);
            }
        });
        Self { shared, thread }
    }

    /// Nothing more is said.
    pub(super) fn end(self) {
        self.shared.lock().is_over = true;
        self.shared.is_new.notify_one();
        let _ = self.thread.join();
    }
}

/// Writes a message as a line.
pub(super) fn message<P: Problem>(out: &mut dyn Write, message: &Message<P>) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, message)?;
    out.write_all(b"\n")
}

/// Writes to standard output at once.
pub(super) fn say(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), InputError> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| {
        InputError::at(
            "standard output",
            format!("cannot be written to: {error}"),
            "leave `offcut cell` to `offcut run`",
        )
    })
}
