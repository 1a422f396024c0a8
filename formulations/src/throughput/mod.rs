//! Requests with deadlines, cloudlets with threads: the exact methods.
//!
//! See the crate `offcut-instances`, module `throughput`, for the problem and its symbols. All methods rest on one reduction: with the least
//! threads k_ij that meet the deadline of request i on cloudlet j, the problem is a generalised assignment problem.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `milp` | `milp`: generalised assignment through HiGHS | solver-reported; certificate: dual prices of the root |
//! | `lp` | `lp`: its relaxation, and the integral part of its solution | certificate: HiGHS's dual prices |
//! | `joint` | `milp-joint`: cuts and threads inside the model, for small instances | solver-reported; certificate: the same |
//! | `price` | `price`: the least price bound, then rounding | certificate: prices |
//! | `branch` | `branch`: branch and bound on the price bound | certificate: a tree of prices |
//! | `root` | | the certified bound beside HiGHS's |
//! | `model` | | the generalised assignment problem and its price bound |
//! | `bound` | | the prices of threads with the least bound |
//! | `knapsacks` | | a Lagrangian bound with a knapsack per cloudlet |
//! | `branching` | | what nodes of `branch` are split on |
//! | `bundle` | | values with the least such bound, by a bundle method |
//! | `cuts` | | valid inequalities for sharper bounds |
//! | `separate` | | cuts that a fractional admission violates |
//! | `round` | | rounding of a fractional admission |
//! | `threads` | | k_ij |
//! | `envelope` | | hull vertices of a model's cuts by minimum cuts, with the flows that prove them: work in MACs |
//! | `hull` | | the same in space, for work on kinds of machines |
//! | `kinds` | | which models meet which kinds of machines |
//! | `thread_pool` | | parallel methods |

mod assignment;
mod bound;
mod branch;
mod branching;
mod bundle;
mod cuts;
mod envelope;
mod hull;
mod joint;
mod kinds;
mod knapsacks;
mod lp;
mod milp;
mod model;
mod price;
mod root;
mod round;
mod separate;
mod thread_pool;
mod threads;

#[cfg(test)]
mod tests;

use offcut_instances::problem::Algorithm;
use offcut_instances::throughput::Throughput;

/// All exact methods for `throughput`.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Throughput>>> {
    vec![
        Box::new(branch::Branch),
        Box::new(price::Price::default()),
        Box::new(milp::Milp),
        Box::new(lp::Lp),
        Box::new(joint::Joint),
    ]
}
