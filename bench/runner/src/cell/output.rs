//! What a solving process writes: messages, what it measured, its answer; incumbents meanwhile.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use offcut_instances::document::InputError;
use offcut_instances::incumbents;
use offcut_instances::problem::{Claim, Problem};

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

/// A thread that says the last incumbent told, some ten times a second at most: a method that improves more often is not held up.
pub(super) struct Telling<P: Problem> {
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

    pub(super) fn begin() -> Self {
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
    pub(super) fn end(self) {
        self.shared.lock().1 = true;
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
