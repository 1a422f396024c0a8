//! Many users, one server, integer resource units: the heuristics.
//!
//! After Tang et al. (2020), arXiv 2007.09072; known here by its abstract, reconstructed (see the crate `offcut-instances`, module
//! `multiuser`, for the problem).
//!
//! The abstract says that IAO finds the optimum in polynomial time and that its behaviour under estimation error is bounded. Its proofs are not known
//! here: those in the modules are Offcut's, of the steps as they are reconstructed, and the factor (1+e)/(1-e) is Offcut's.
//!
//! | file | method | what is proved of it here |
//! |---|---|---|
//! | `iao` | `iao`, `iao-ds`, `iao-random` | the optimum of `max` |
//! | `greedy_units` | `greedy-units` | the optimum of `max`; nothing for `sum` |
//! | `baselines` | `local-only`, `edge-only`, `binary`, `equal-split`, `proportional` | nothing |
//! | `estimate` | `iao:error=e` and `iao-ds:error=e` | at most (1+e)/(1-e) times the optimum of `max` |
//! | `latency` | | T_i*(f) as the lower envelope of lines in 1/lambda(f) |

mod baselines;
mod estimate;
mod greedy_units;
mod iao;
mod latency;

use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::Algorithm;

pub use iao::{Halt, Moves, iterate};

#[cfg(test)]
mod tests;

/// All heuristics for `multiuser`, with default parameters.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Multiuser>>> {
    vec![
        Box::new(iao::Iao::plain()),
        Box::new(iao::Iao::decreasing_steps()),
        Box::new(greedy_units::GreedyUnits),
        Box::new(baselines::LOCAL_ONLY),
        Box::new(baselines::EDGE_ONLY),
        Box::new(baselines::BINARY),
        Box::new(baselines::EQUAL_SPLIT),
        Box::new(baselines::PROPORTIONAL),
        Box::new(iao::Iao::random_start()),
    ]
}
