//! Many users, one server, integer resource units: the exact side.
//!
//! After Tang et al. (2020), arXiv 2007.09072; known here by its abstract, reconstructed (see the crate `offcut-instances`, module
//! `multiuser`, for the problem and its symbols).
//!
//! | file | method | objective | bound |
//! |---|---|---|---|
//! | `milp` | multiple choice through HiGHS | max, sum | HiGHS's word |
//! | `threshold` | smallest T that the units reach | max | certificate: T |
//! | `dp` | dynamic program over units | sum | certificate: one price |
//! | `price` | one price for a unit, then repair | sum | certificate: one price |
//! | `branch` | branch and bound on the price bound | sum | certificate: a tree of prices |
//! | `latency` | | | T_i*(f) from the lower hull of each model's cuts |

mod branch;
mod dp;
mod latency;
mod milp;
mod price;
mod threshold;

#[cfg(test)]
mod tests;

use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::Algorithm;

/// All exact methods for `multiuser`.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Multiuser>>> {
    vec![
        Box::new(threshold::Threshold),
        Box::new(milp::Milp),
        Box::new(dp::Dp),
        Box::new(price::Price),
        Box::new(branch::Branch),
    ]
}

/// Bounds are handed over this much below what was computed, relative: the checker replays them in outward-rounded arithmetic, whose
/// intervals are narrower than this, and a bound has to hold at their lower end.
const BOUND_RELAXATION: f64 = 1e-12;
