//! The incumbent shared between two threads: one runs the tree search, the other the large-neighbourhood search.
//!
//! Which thread finds a deployment first depends on the machine, so two runs with two threads differ.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use offcut_instances::problem::Budget;
use offcut_instances::random::Stream;

use super::local_search::Local;
use super::model::{Deployed, Model};
use super::neighbourhood::search_neighbourhood;
use super::tree_search::{Improver, Search};

/// The best deployment of both threads.
#[derive(Default)]
pub(super) struct SharedIncumbent {
    best: Mutex<Option<Deployed>>,
    is_over: AtomicBool,
}

impl SharedIncumbent {
    /// The best deployment so far.
    fn best(&self) -> Option<Deployed> {
        self.best.lock().expect("no thread panics while it holds the lock").clone()
    }

    /// Keeps a deployment if it is better than the one here.
    pub(super) fn offer(&self, found: &Option<Deployed>) {
        let mut best = self.best.lock().expect("no thread panics while it holds the lock");
        if let Some((delay, _)) = found
            && best.as_ref().is_none_or(|(least, _)| delay < least)
        {
            best.clone_from(found);
        }
    }

    /// Ends the search of neighbourhoods.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Searches neighbourhoods of the best deployment until [`SharedIncumbent::end`] or the end of the budget.
    pub(super) fn search_neighbourhoods(&self, model: &Model, budget: &Budget, began: Instant) {
        let mut stream = Stream::new(&["jpdra", "branch", "free"], budget.seed);
        let mut failures = 0;
        while !self.is_over.load(Ordering::Relaxed) && !budget.is_spent(began) {
            let Some((delay, on)) = self.best() else { return };
            let (found, _) = search_neighbourhood(model, &on, failures, &mut stream, budget, began);
            failures += 1;
            let Some(on) = found else { continue };
            let mut local = Local::at_rest(model, on);
            local.improve(&|| budget.is_spent(began));
            let found = local.found();
            if found.as_ref().is_some_and(|(least, _)| *least < delay * (1.0 - 1e-13)) {
                failures = 0;
                self.offer(&found);
            }
        }
    }
}

/// The tree search's side of the exchange.
pub(super) struct Exchange<'s>(pub(super) &'s SharedIncumbent);

impl Improver for Exchange<'_> {
    fn improve(&mut self, search: &mut Search<'_>, _: &mut Stream) {
        let shared = self.0.best();
        match (&shared, &search.best) {
            (Some((there, on)), Some((here, _))) if there < here => {
                search.improve(Local::at_rest(search.model, on.clone()));
            }
            (_, here) => self.0.offer(here),
        }
    }
}
