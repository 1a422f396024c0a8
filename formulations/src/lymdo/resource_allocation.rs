//! Resource allocation for fixed cuts by two independent algorithms, for comparisons and benchmarks.

use offcut_instances::lymdo::{Allocation, Instance};
use offcut_instances::problem::Stop;

use super::fixed_cuts::{Convex, Shares};
use super::model::{allocation, slot_objective};
use super::slot::Slot;
use super::socp;

/// A single slot with its cuts decided.
pub struct Sharing<'a> {
    instance: &'a Instance,
    slot: Slot,
    /// Shape (users,).
    pairs: Vec<u32>,
}

/// Decisions, their objective value, and a lower bound.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The decisions.
    pub decisions: Allocation,
    /// Their objective.
    pub objective: f64,
    /// No decisions with these cuts have an objective below this, to within roundings.
    pub bound: f64,
}

impl<'a> Sharing<'a> {
    /// A slot with cuts. Shape (users,).
    ///
    /// # Errors
    /// [`Stop::Infeasible`] if no allocation keeps these cuts stable; [`Stop::Declined`] for a horizon or cuts that do not exist.
    pub fn new(instance: &'a Instance, cuts: &[u32]) -> Result<Self, Stop> {
        if instance.slots.len() > 1 || cuts.len() != instance.users.len() {
            return Err(Stop::Declined("takes a single slot and one cut per user".into()));
        }
        let slot = Slot::new(instance);
        if (0..slot.users()).any(|n| cuts[n] as usize >= slot.pairs(n).len()) {
            return Err(Stop::Declined("there is no such cut".into()));
        }
        let pairs: Vec<u32> = cuts.iter().enumerate().map(|(n, cut)| slot.pairs(n).start as u32 + cut).collect();
        if slot.is_stable(&pairs) { Ok(Self { instance, slot, pairs }) } else { Err(Stop::Infeasible) }
    }

    /// By prices: module `convex`. None if what is stable is so by less than roundings.
    pub fn by_prices(&self) -> Option<Shared> {
        let mut shares = Shares::default();
        Convex::new(&self.slot).solve(&self.slot, &self.pairs, None, &mut shares);
        let cuts = self.pairs.iter().map(|pair| self.slot.cut(*pair as usize)).collect();
        let decisions = allocation(self.instance, cuts, &shares.local, &shares.bandwidth, &shares.edge);
        let objective = slot_objective(self.instance, &decisions)?;
        Some(Shared { decisions, objective, bound: shares.bound * self.instance.v })
    }

    /// The objective as a cone program has it: module `socp`. None where Clarabel sees no solution or does not reach its tolerances.
    ///
    /// # Errors
    /// Clarabel's message.
    pub fn by_cones(&self) -> Result<Option<f64>, String> {
        let said = socp::solve(&self.slot, &self.pairs)?;
        Ok(said.filter(|said| said.is_sure).map(|said| said.value * self.instance.v))
    }
}
