//! Flows through tandems of partitions on servers: the exact side.
//!
//! See the crate `offcut-instances`, module `jpdra`, for the problem and its symbols. Everything rests on one fact: for a fixed deployment
//! the best speeds are known (Kleinrock's square-root rule; Fox's marginal allocation for whole units), so a server's delay is a
//! function of the set of partitions on it.
//!
//! | file | method | bound |
//! |---|---|---|
//! | `branch` | `branch`: exact search on prices of places and of staying | certificate: a tree of prices |
//! | `price` | `price`: the continuous relaxation by rates of servers, rounded | certificate: rates |
//! | `milp` | `milp-oa`: outer approximation through HiGHS; `milp-units`: units as binaries | HiGHS's word |
//! | `socp` | `socp`: the continuous relaxation through Clarabel, rounded | Clarabel's word |
//! | `exhaustive` | `exhaustive`: every deployment | its word |
//! | `model` | | weighted delays, square roots, Fox |
//! | `arcs` | | layered graphs |
//! | `dual`, `server`, `path` | | prices by a bundle method; a server and a flow for themselves |
//! | `local` | | incumbents |

mod arcs;
mod branch;
mod dual;
mod exhaustive;
mod local_search;
mod milp;
mod model;
mod price;
mod server_subproblem;
mod shortest_path;
mod socp;

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
        Box::new(exhaustive::Exhaustive),
    ]
}
