//! Flows through tandems of partitions on servers: the exact methods.
//!
//! See the crate `offcut-instances`, module `jpdra`, for the problem and its symbols. All methods rest on one fact: for a fixed deployment
//! the best speeds are known (Kleinrock's square-root rule; Fox's marginal allocation for whole units), so a server's delay is a
//! function of the set of partitions on it.
//!
//! A *price* is a dual multiplier of the coupling between flows and servers: what a flow pays to a server for an assignment (a partition on that
//! server), or for leaving the next partition there. Units: seconds of the objective.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `branch` | `branch`: branch and bound on the price bound | certificate: a tree of prices |
//! | `tree_search`, `neighbourhood`, `shared_incumbent` | | its tree search; its large-neighbourhood search; incumbents exchanged between threads |
//! | `price` | `price`: the continuous relaxation by rates of servers, rounded | certificate: rates |
//! | `milp` | `milp-oa`: outer approximation through HiGHS; `milp-units`: units as binaries | solver-reported; certificate: rates from the root's duals |
//! | `socp` | `socp`: the continuous relaxation through Clarabel, rounded | solver-reported; certificate: rates from Clarabel's duals |
//! | `brute_force` | `exhaustive`: every deployment | method-reported; certificate: rates |
//! | `rates` | | the bound at rates of servers, from duals |
//! | `model` | | weighted delays, square-root rule, Fox's allocation |
//! | `arcs` | | layered graphs |
//! | `bound` | | the best prices, by a bundle method |
//! | `server_subproblem`, `shortest_path` | | the subproblems of a server and of a flow at given prices |
//! | `local_search` | | incumbents |

mod arcs;
mod bound;
mod branch;
mod brute_force;
mod local_search;
mod milp;
mod model;
mod neighbourhood;
mod price;
mod rates;
mod server_subproblem;
mod shared_incumbent;
mod shortest_path;
mod socp;
mod tree_search;

#[cfg(test)]
mod tests;

use offcut_instances::jpdra::Jpdra;
use offcut_instances::problem::Algorithm;

/// All exact methods for `jpdra`.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Jpdra>>> {
    vec![
        Box::new(branch::Branch::default()),
        Box::new(price::Price),
        Box::new(milp::OuterApproximation::default()),
        Box::new(milp::Units),
        Box::new(socp::Socp),
        Box::new(brute_force::Exhaustive),
    ]
}
