//! One unit at a time to the user that needs it most.
//!
//! For `max` the unit goes to the current worst user, which is exact: every solution that is better than the current maximum has to
//! give that user more. For `sum` the unit goes where it saves most, which is *not* exact: savings can come late (see the
//! counterexample in the tests).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};

use super::iao::Bits;
use super::latency::Latencies;

/// One unit at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct GreedyUnits;

impl Algorithm<Multiuser> for GreedyUnits {
    fn id(&self) -> &str {
        "greedy-units"
    }

    fn about(&self) -> &str {
        "each unit to the worst user (max: optimal, Offcut's proof) or where it saves most (sum: not optimal)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let beta = instance.server.units;
        let mut units = vec![0u32; latencies.users()];
        // What a user's claim to the next unit is: its latency (max), or what the unit would save it (sum).
        let need = |user: usize, units: u32| match instance.objective {
            Objective::Max => latencies.best(user, units),
            Objective::Sum => (latencies.best(user, units) - latencies.best(user, units + 1)).max(0.0),
        };
        let mut needs: BinaryHeap<(Bits, Reverse<u32>)> =
            (0..units.len()).map(|user| (Bits::of(need(user, 0)), Reverse(user as u32))).collect();
        let mut stop = Stop::Completed;
        let mut given = 0u32;
        while given < beta {
            let Some((_, Reverse(user))) = needs.pop() else { break };
            let user = user as usize;
            let is_at_its_best = latencies.best(user, beta) >= latencies.best(user, units[user]);
            if is_at_its_best && instance.objective == Objective::Max {
                break; // the worst user cannot be helped: nothing lowers the maximum
            }
            if given.is_multiple_of(1 << 12) && budget.is_spent(began) {
                stop = Stop::TimeLimit;
                break;
            }
            units[user] += 1;
            given += 1;
            if units[user] < beta {
                needs.push((Bits::of(need(user, units[user])), Reverse(user as u32)));
            }
        }
        let solution = latencies.with_best_cuts(units);
        let objective = latencies.objective(&solution);
        Answer { stop, ..Answer::found(solution, objective).traced(Trace::counting([("moves", u64::from(given))])) }
    }
}
