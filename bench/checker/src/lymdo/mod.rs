//! Checks `lymdo`: cuts and resources slot by slot under energy budgets.
//!
//! | module | holds |
//! |---|---|
//! | `evaluate` | solutions: delays, energies, constraints, measures; [`outcome`] of one slot, for the runner's rollouts |
//! | `replay` | certificates: why they prove a bound, trees of splits slot by slot |
//! | `user_slot` | the least cost of a user's cut in a slot at given prices |
//! | `stage` | the rate of a channel, and the least cost of one stage at a price |
//! | `approximate_minimizer` | where these least costs lie, in plain floats |

mod approximate_minimizer;
mod evaluate;
mod replay;
mod stage;
mod user_slot;

use std::collections::BTreeMap;

use offcut_instances::lymdo::{Certificate, Instance, Lymdo, Solution};

use crate::budget::Budget;
use crate::checkable::Checkable;
use crate::interval::Interval;
use crate::number::{Domain, Intake, Normalised};
use crate::verdict::Violation;
use evaluate::Trajectory;

pub use evaluate::{Outcome, outcome};

impl Checkable for Lymdo {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        let (trajectory, violations) = Trajectory::evaluate(instance, solution, true);
        (trajectory.map(|trajectory| trajectory.objective(instance)), violations)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        let constraint = "energy prices are between 0 and what overdrafts are charged";
        let place = |n| format!("energy_s_per_j[{n}]");
        intake.take_all(&mut certificate.energy_s_per_j, Domain::PRICE, constraint, place);
        for (t, tree) in certificate.slots.iter_mut().enumerate() {
            for (at, prices) in tree.prices.iter_mut().enumerate() {
                let both = [&mut prices.bandwidth, &mut prices.edge];
                let place = |_| format!("slots[{t}].prices[{at}]");
                intake.take_all(both, Domain::PRICE, "prices are 0 or numbers above", place);
            }
        }
    }

    fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
        replay::budget(instance, certificate)
    }

    fn replay_normalised(
        instance: &Instance,
        certificate: &Normalised<Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        replay::bound(instance, certificate, budget).map_err(|violation| vec![violation])
    }

    fn as_given(instance: &Instance, solution: &Solution) -> Option<Interval> {
        Trajectory::evaluate(instance, solution, false).0.map(|trajectory| trajectory.objective(instance))
    }

    /// Delay and energy as means over slots and users; backlogs as the virtual queues have them, as means over users.
    ///
    /// | name | unit | what |
    /// |---|---|---|
    /// | `delay_s` | s | mean delay of a user in a slot |
    /// | `energy_j` | J | mean energy of a user in a slot |
    /// | `spent` | - | energy of all users over the budgets of all |
    /// | `overdraft_j` | J | the most that a user's mean energy is above its budget |
    /// | `overdraft` | - | the same relative to the budget, over users who have one |
    /// | `charge_s` | s | what the objective holds for energy above budgets (horizons) |
    /// | `backlog_j` | J | backlog after a slot, mean over slots |
    /// | `final_backlog_j` | J | backlog after the last slot |
    /// | `drift_s` | s | half the mean square that a user's energy in a slot misses its budget by, over V: B/V |
    ///
    /// `drift_s` is what drift plus penalty, its slots solved exactly, may add to the delay of the best stationary policy that keeps budgets:
    /// the squares telescope. `Q'^2 <= (Q + E - budget)^2`, so from empty queues `V D <= V D* + sum of (E - budget)^2 / 2` in the mean over
    /// any number of slots.
    fn measures(instance: &Instance, solution: &Solution) -> BTreeMap<String, f64> {
        Trajectory::evaluate(instance, solution, true)
            .0
            .map_or_else(BTreeMap::new, |trajectory| trajectory.measures(instance))
    }
}

#[cfg(test)]
mod tests;
