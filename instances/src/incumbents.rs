//! Incumbents, and certified bounds, that a method reports while it runs.
//!
//! A method that is ended at its limit has no answer; its last reported incumbent is kept, and its best bound. The runner registers a listener ([`listen`]);
//! without one, as in tests and benchmarks, [`report`] and [`report_bound`] do nothing.

use std::any::Any;
use std::sync::OnceLock;

use crate::problem::{CertifiedBound, Claim, Problem};

type Listener = Box<dyn Fn(Box<dyn Any + Send>) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// What a method reports.
pub enum Reported<P: Problem> {
    /// A solution better than those before.
    Incumbent(Claim<P::Solution>),
    /// A bound with its certificate.
    Bound(CertifiedBound<P::Certificate>),
}

/// Registers `listener` for what methods of problem `P` report in this process. Only the first call registers one; the answer says whether it was this one.
pub fn listen<P: Problem>(listener: impl Fn(Reported<P>) + Send + Sync + 'static) -> bool {
    let listener = move |reported: Box<dyn Any + Send>| {
        if let Ok(reported) = reported.downcast::<Reported<P>>() {
            listener(*reported);
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
        listener(Box::new(Reported::<P>::Incumbent(Claim { solution: solution(), objective })));
    }
}

/// Reports a bound whose certificate the answer will hold, unless the method is ended before. `certificate` is called only if a listener is registered.
pub fn report_bound<P: Problem>(value: f64, certificate: impl FnOnce() -> P::Certificate) {
    if let Some(listener) = LISTENER.get() {
        listener(Box::new(Reported::<P>::Bound(CertifiedBound { value, certificate: certificate() })));
    }
}
