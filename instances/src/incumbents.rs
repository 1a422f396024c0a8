//! Solutions that a method tells while it is still at work.
//!
//! A method that is ended at its limit has no answer; what it told before is kept. Whoever runs methods may [`listen`]; where nobody does, as in tests
//! and benchmarks, [`tell`] does nothing.

use std::any::Any;
use std::sync::OnceLock;

use crate::problem::{Claim, Problem};

type Listener = Box<dyn Fn(Box<dyn Any + Send>) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Hands every solution that a method of problem `P` tells in this process to `listener`. The first call counts; the answer says whether it was this one.
pub fn listen<P: Problem>(listener: impl Fn(Claim<P::Solution>) + Send + Sync + 'static) -> bool {
    let listener = move |told: Box<dyn Any + Send>| {
        if let Ok(claim) = told.downcast::<Claim<P::Solution>>() {
            listener(*claim);
        }
    };
    LISTENER.set(Box::new(listener)).is_ok()
}

/// Whether anybody listens.
pub fn is_heard() -> bool {
    LISTENER.get().is_some()
}

/// Tells a solution that is better than those told before, with the objective it is believed to have. `solution` is made only if somebody listens.
pub fn tell<P: Problem>(objective: f64, solution: impl FnOnce() -> P::Solution) {
    if let Some(listener) = LISTENER.get() {
        listener(Box::new(Claim { solution: solution(), objective }));
    }
}
