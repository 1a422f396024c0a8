//! Many users, one server, integer resource units: the exact methods.
//!
//! After Tang et al. (2020), arXiv 2007.09072, of which only the abstract is known here; reconstructed (see the crate `offcut-instances`, module
//! `multiuser`, for the problem and its symbols).
//!
//! | file | method | objective | bound |
//! |---|---|---|---|
//! | `milp` | `milp`: multiple choice through HiGHS | max, sum | solver-reported; certificate: one price, or a latency |
//! | `threshold` | `threshold`: the smallest latency that the units allow | max | certificate: that latency |
//! | `dp` | `dp`: dynamic program over units | sum | certificate: one price |
//! | `price` | `price`: the best price bound, and a repaired solution | sum | certificate: one price |
//! | `branch` | `branch`: branch and bound on the price bound | sum | certificate: a tree of prices |
//! | `bound` | | | the price bound and its tolerance |
//! | `core_program` | | | the dynamic program over unit counts with small reduced costs |
//! | `classes` | | | equal users |
//! | `model` | | | T_i*(f) from the lower hull of each model's cuts |

mod bound;
mod branch;
mod classes;
mod core_program;
mod dp;
mod milp;
mod model;
mod price;
mod threshold;

#[cfg(test)]
mod branch_tests;
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
