//! Incumbents that a method reports while it runs.
//!
//! A method that is ended at its limit has no answer; its last reported incumbent is kept. The runner registers a listener ([`listen`]); without one, as in
//! tests and benchmarks, [`report`] does nothing.

use std::any::Any;
use std::sync::OnceLock;

use crate::problem::{Claim, Problem};

type Listener = Box<dyn Fn(Box<dyn Any + Send>) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Registers `listener` for the incumbents of methods of problem `P` in this process. Only the first call registers one; the answer says whether it was this one.
pub fn listen<P: Problem>(listener: impl Fn(Claim<P::Solution>) + Send + Sync + 'static) -> bool {
    let listener = move |reported: Box<dyn Any + Send>| {
        if let Ok(claim) = reported.downcast::<Claim<P::Solution>>() {
            listener(*claim);
        }
    };
    LISTENER.set(Box::new(listener)).is_ok()
}

/// Whether a listener is registered.
pub fn has_listener() -> bool {
    LISTENER.get().is_some()
}

/// Reports a solution better than those reported before, with its claimed objective value. `solution` is called only if a listener is registered.
pub fn report<P: Problem>(objective: f64, solution: impl FnOnce() -> P::Solution) {
    if let Some(listener) = LISTENER.get() {
        listener(Box::new(Claim { solution: solution(), objective }));
    }
}
