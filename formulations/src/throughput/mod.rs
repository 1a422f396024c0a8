//! Requests with deadlines, cloudlets with threads: the exact side.
//!
//! See the crate `offcut-instances`, module `throughput`, for the problem and its symbols. Everything rests on one reduction: the least
//! threads k_ij that bring request i to its deadline on cloudlet j leave a generalised assignment problem.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `milp` | `milp`: generalised assignment through HiGHS | HiGHS's word |
//! | `lp` | `lp`: its relaxation, and what of it is whole | certificate: HiGHS's dual prices |
//! | `joint` | `milp-joint`: cuts and threads inside the model, for small instances | HiGHS's word |
//! | `price` | `price`: least price bound, then rounding | certificate: prices |
//! | `branch` | `branch`: branch and bound on the price bound | certificate: a tree of prices |
//! | `envelope` | | corners of a model's cuts by minimum cuts, with the flows that prove them |
//! | `threads` | | k_ij |
//! | `admission`, `prices`, `knapsacks`, `round` | | the assignment problem, its prices, its knapsacks, its rounding |

mod admission;
mod branch;
mod envelope;
mod joint;
mod knapsacks;
mod lp;
mod milp;
mod price;
mod prices;
mod round;
mod threads;

#[cfg(test)]
mod tests;

use offcut_instances::problem::{Algorithm, Answer, Budget};
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

/// Bounds are handed over this much above what was computed, relative: the checker replays them rounded up. Whole bounds are exact.
const BOUND_RELAXATION: f64 = 1e-12;

/// Runs `work` on as many threads as the budget has.
fn with_threads(budget: &Budget, work: impl FnOnce() -> Answer<Throughput> + Send) -> Answer<Throughput> {
    match rayon::ThreadPoolBuilder::new().num_threads(budget.threads.max(1) as usize).build() {
        Ok(pool) => pool.install(work),
        Err(error) => Answer::failed(format!("no threads to work with: {error}")),
    }
}
