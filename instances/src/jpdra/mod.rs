//! Flows of DL tasks through tandems of DNN partitions on edge servers: choose a server for every partition and share the servers' speeds,
//! for the least mean end-to-end delay.
//!
//! After He et al. (2020), known to Offcut by its abstract: tasks arrive as a Poisson process, a tandem queue gives the delay, deployment and
//! computing allocation are chosen jointly (a MINLP). Everything beyond the abstract is Offcut's reconstruction.
//!
//! ```text
//! T_s = input_bytes/uplink + sum_n w_sn / (f_sn - lambda_s w_sn) + sum out_bytes/link between different servers + result_bytes/downlink
//! sum of f_sn over a server's partitions <= F_m,   f_sn > lambda_s w_sn,   minimise sum_s lambda_s T_s / Lambda
//! ```
//!
//! Every partition has a slice of its server for itself, with exponential service: each stage is an M/M/1 queue, its output is Poisson again
//! (Burke), and the sum over stages is exact. With [`Allocation::Units`] a slice is a whole number of units.
//!
//! Work is in MACs and speeds in MAC/s; or work is in seconds on a kind of machine, and speeds are factors on its nominal speed ([`crate::machine`]).
//! With kinds a partition's work, its load and its root depend on the server: w_snm, rho_snm, a_snm. All that is said of one server holds term by term.
//! The field `macs_per_s` of a solution and of units is in the unit of the servers' speeds.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | lambda_s | `flows[s].rate_per_s` | 1/s | (flows,) |
//! | w_sn | `flows[s].partitions[n].macs` | MAC | (flows, partitions) |
//! | w_snm | `flows[s].work_s[kind of m][n]` | s | (flows, kinds, partitions) |
//! | x_snm | `servers` of a [`Solution`] | - | (flows, partitions) |
//! | f_sn | `speeds` of a [`Solution`] | MAC/s or units | (flows, partitions) |
//! | F_m | `servers[m].machine.speed` | MAC/s, or a factor | (servers,) |

mod found;
mod generate;
mod instance;
mod mutate;
mod solution;
#[cfg(feature = "proptest")]
pub mod strategy;
mod topology;

pub use generate::{FAMILIES, Parameters, generate};
pub use instance::{Allocation, Flow, Instance, Partition, Server};
pub use solution::{Certificate, Node, Prices, Solution, Speeds};

pub use crate::family::Family;
pub use crate::origin::Origin;

use crate::document;
use crate::family::generated;
use crate::problem::{Documents, Problem, Sense};

/// The problem's name on the type level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jpdra;

impl Problem for Jpdra {
    const NAME: &'static str = "jpdra";
    const SENSE: Sense = Sense::Minimise;
    const VERSION: u32 = 1;
    const INSTANCE_VERSION: u32 = 2;
    type Instance = Instance;
    type Solution = Solution;
    type Certificate = Certificate;

    fn version_of(instance: &Instance) -> u32 {
        if instance.machine_kinds.is_empty() { 1 } else { 2 }
    }

    #[inline(never)]
    fn documents() -> Documents<Self> {
        document::documents()
    }
}

generated!(Jpdra);
