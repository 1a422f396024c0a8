//! What decides slot by slot, without seeing what comes.

use super::{Allocation, Instance};
use crate::problem::{Budget, Stop};

/// A policy: how cuts and resources are decided, whatever the system.
///
/// Nobody but the runner rolls a policy out: it keeps the queues, and shows one slot at a time.
pub trait Policy: Send + Sync {
    /// Its name, as on the command line.
    fn id(&self) -> &str;

    /// Begins a trajectory. Seeds come from the budget; what a policy keeps from slot to slot (warm starts, random streams) lives in what is
    /// returned.
    fn begin(&self, budget: &Budget) -> Box<dyn Decide>;
}

/// A policy on its way through a horizon.
pub trait Decide {
    /// Decides a slot. `slot` is an instance with this one slot only, whose users' `backlog_j` are the backlogs of now. Slots come in order, all
    /// of the same system.
    ///
    /// # Errors
    /// Why there is no decision: [`Stop::Infeasible`] where no allocation keeps this slot stable, or whatever else stopped the policy.
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop>;
}
