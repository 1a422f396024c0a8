//! `lymdo-exact`: drift plus penalty with exact slots, as a policy.
//!
//! Every slot is solved as `branch` solves it, with the current V and backlogs. Prices and roots start from those of the preceding slot.

use std::time::Instant;

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy};
use offcut_instances::problem::{Budget, Stop};

use super::branch::Solver;
use super::slot::Slot;

/// Drift plus penalty with exact slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact;

impl Policy for Exact {
    fn id(&self) -> &str {
        "lymdo-exact"
    }

    fn about(&self) -> &str {
        "drift plus penalty, each slot solved exactly, cuts included"
    }

    fn begin(&self, budget: &Budget) -> Box<dyn Decide> {
        Box::new(RollOut { budget: budget.clone(), began: Instant::now(), known: None })
    }
}

/// The state of one roll-out.
struct RollOut {
    budget: Budget,
    began: Instant,
    /// Data and solver of the preceding slot.
    known: Option<(Slot, Solver)>,
}

impl Decide for RollOut {
    fn decide(&mut self, instance: &Instance) -> Result<Allocation, Stop> {
        let (slot, solver) = self.known.get_or_insert_with(|| {
            let slot = Slot::of_system(instance);
            let solver = Solver::new(&slot);
            (slot, solver)
        });
        let backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        slot.set(instance, 0, instance.v, &backlogs);
        let start = solver.prices;
        // When the budget is spent, the best known decisions are taken.
        let solved = solver.solve(slot, instance, start, &self.budget, self.began);
        if !solved.is_feasible {
            return Err(solved.stop);
        }
        let decided = solver.decisions(slot, instance);
        decided
            .map(|(_, decisions)| decisions)
            .ok_or_else(|| Stop::Failed("the best shares are stable by less than the precision of doubles".into()))
    }
}
