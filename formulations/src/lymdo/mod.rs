//! Cuts and resources slot by slot under energy budgets: the exact methods.
//!
//! See the crate `offcut-instances`, module `lymdo`, for the problem and its symbols. A *price* is a dual multiplier: of the bandwidth or of the
//! edge's speed in a slot, or of a user's energy budget over the horizon.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `branch` | `branch`: a single slot by branch and bound | certificate: a tree of prices |
//! | `clairvoyant` | `clairvoyant`: a bound on a horizon, no solution | certificate: prices, and a tree of prices for every slot |
//! | `exact_slots` | | its second phase: slots solved by branching |
//! | `exact` | `lymdo-exact`: a policy, drift plus penalty with exact slots | |
//! | `milp` | `milp-oa`: outer approximation through HiGHS | solver-reported; certificate: prices |
//! | `brute_force` | `enumerate`: every combination of cuts | method-reported; certificate: prices |
//! | `price_bound` | | the certified bound beside HiGHS's |
//! | `slot` | | the data of a slot, in units in which each shared resource sums to 1 |
//! | `model` | | decisions in the units of the instance; delay, energy and objective value |
//! | `stage_roots` | | scalar root searches and their warm starts |
//! | `user_subproblem` | | one user with one cut at given prices |
//! | `bound`, `centre_of_gravity` | | the best prices with free cuts, by cutting planes |
//! | `fixed_cuts` | | the best resources for fixed cuts, by Newton's method on prices |
//! | `socp` | | the same through Clarabel |
//! | `resource_allocation` | | both behind one interface, for comparisons |
//! | `feasibility` | | cuts that are stable together, or a proof that there are none |
//! | `symmetry` | | classes of interchangeable users |

mod bound;
mod branch;
mod brute_force;
mod centre_of_gravity;
mod clairvoyant;
mod exact;
mod exact_slots;
mod feasibility;
mod fixed_cuts;
mod milp;
mod model;
mod price_bound;
mod resource_allocation;
mod slot;
mod socp;
mod stage_roots;
mod symmetry;
mod user_subproblem;

#[cfg(test)]
mod tests;

pub use resource_allocation::{Shared, Sharing};

use offcut_instances::lymdo::{Lymdo, Policy};
use offcut_instances::problem::Algorithm;

/// All exact methods for `lymdo`.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Lymdo>>> {
    vec![
        Box::new(branch::Branch),
        Box::new(clairvoyant::Clairvoyant::default()),
        Box::new(milp::OuterApproximation::default()),
        Box::new(brute_force::Enumerate),
    ]
}

/// The policies that the exact side has.
pub fn policies() -> Vec<Box<dyn Policy>> {
    vec![Box::new(exact::Exact)]
}
