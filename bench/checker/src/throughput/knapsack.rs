//! The best set of requests for a cloudlet.

use crate::budget::filled;
use crate::interval::add_up;
use crate::verdict::Violation;

/// The best set of requests for a cloudlet, by dynamic programming: the largest gain by number of threads, rounded up.
pub(super) struct Knapsack(Vec<f64>);

impl Knapsack {
    pub(super) fn of(threads: u64) -> Result<Self, Violation> {
        filled(0.0, threads as usize + 1).map(Self)
    }

    /// The steps of adding an item of so many threads.
    pub(super) fn steps(&self, threads: u32) -> u64 {
        (self.0.len() as u64).saturating_sub(threads.into()) + 1
    }

    /// Adds a request that may be taken.
    pub(super) fn add_item(&mut self, threads: u32, gain: f64) {
        let threads = threads as usize;
        if gain > 0.0 {
            for capacity in (threads..self.0.len()).rev() {
                self.0[capacity] = self.0[capacity].max(add_up(self.0[capacity - threads], gain));
            }
        }
    }

    pub(super) fn largest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}
