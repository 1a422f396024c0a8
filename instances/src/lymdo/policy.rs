//! What decides slot by slot, without seeing what comes.

use super::instance::Instance;
use super::solution::Allocation;
use crate::problem::{Budget, Parameter, Setting, Stop};

/// A policy: how cuts and resources are decided, whatever the system.
///
/// Nobody but the runner rolls a policy out: it keeps the queues, and shows one slot at a time. What a policy says of
/// itself is what an [`Algorithm`](crate::problem::Algorithm) says, because the runner makes one of it.
pub trait Policy: Send + Sync {
    /// Its name, as on the command line.
    fn id(&self) -> &str;

    /// One line for `offcut methods`.
    fn about(&self) -> &str;

    /// Whether different seeds can give different trajectories.
    fn is_random(&self) -> bool {
        false
    }

    /// The parameters it has.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Puts a checked value in place, as [`Algorithm::set`](crate::problem::Algorithm::set).
    fn set(&mut self, setting: &Setting) {
        setting.panic_undeclared()
    }

    /// Begins a trajectory. Seeds come from the budget; what a policy keeps from slot to slot (warm starts, random
    /// streams) lives in what is returned.
    fn begin(&self, budget: &Budget) -> Box<dyn Decide>;
}

/// A policy on its way through a horizon.
pub trait Decide {
    /// Decides a slot. `slot` is an instance with this one slot only, whose users' `backlog_j` are the backlogs of now.
    /// Slots come in order, all of the same system.
    ///
    /// # Errors
    /// Why there is no decision: [`Stop::Infeasible`] where no allocation keeps this slot stable, or whatever else
    /// stopped the policy.
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop>;

    /// What it counted on its way, by name. For tables only.
    fn counts(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}
