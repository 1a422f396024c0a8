//! Cuts and resources slot by slot under energy budgets: the exact side.
//!
//! See the crate `offcut-instances`, module `lymdo`, for the problem and its symbols.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `branch` | `branch`: a slot exactly | certificate: a tree of prices |
//! | `clairvoyant` | `clairvoyant`: a bound on a horizon, and nothing else | certificate: prices, and a tree of prices for every slot |
//! | `exact_slots` | | its second half: slots solved by branching |
//! | `exact` | `lymdo-exact`: a policy, drift plus penalty with exact slots | |
//! | `milp` | `milp-oa`: outer approximation through HiGHS | HiGHS's word |
//! | `enumerate` | `enumerate`: every combination of cuts | its word |
//! | `model` | | a slot's numbers, in units in which what is shared is 1 |
//! | `stages` | | what one user pays with one cut at prices |
//! | `convex` | | shares for fixed cuts |
//! | `conic` | | the same through Clarabel |
//! | `sharing` | | both of them, for whoever compares |
//! | `dual`, `polygon` | | the best prices where cuts are free |
//! | `feasibility` | | cuts that stability allows, or a proof that there are none |
//! | `symmetry` | | users whom a slot cannot tell apart |

mod branch;
mod centre_of_gravity;
mod clairvoyant;
mod dual;
mod enumerate;
mod exact;
mod exact_slots;
mod feasibility;
mod fixed_cuts;
mod milp;
mod model;
mod resource_allocation;
mod socp;
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
        Box::new(enumerate::Enumerate),
    ]
}

/// The policies that the exact side has.
pub fn policies() -> Vec<Box<dyn Policy>> {
    vec![Box::new(exact::Exact)]
}
