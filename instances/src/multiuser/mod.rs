//! Many users, one server, integer resource units: minimise the worst (or the total) latency.
//!
//! After X. Tang, X. Chen, L. Zeng, S. Yu, L. Chen, "Joint Multi-User DNN Partitioning and Computational Resource
//! Allocation for Collaborative Edge Intelligence", 2020, arXiv 2007.09072. The paper is known here by its abstract;
//! the formulas are Offcut's reconstruction.
//!
//! User i cuts its chain of k blocks after block s (s = k: everything local) and gets f units of the server:
//!
//! ```text
//! T_i(s,f) = sum_{j<=s} work_ij / device_i + [s<k] (rtt_i + cut_bytes_s / uplink_i) + sum_{j>s} work_j / (unit lambda(f))
//! minimise max_i T_i  (or sum_i T_i),   sum_i f_i <= beta,   f_i = 0 forces s_i = k_i
//! ```
//!
//! Work is in MACs and speeds in MAC/s, or work is in seconds on a kind of machine and speeds are factors ([`crate::machine`]): `work_ij` on the kind of
//! user i's device, `work_j` on the server's.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | beta | `server.units` | units | scalar |
//! | lambda(f) | `server.speedup` | - | law |
//! | s_i | `cut[i]` | block | (users,) |
//! | f_i | `units[i]` | units | (users,) |

mod found;
mod generate;
mod instance;
mod mutate;
mod solution;
#[cfg(feature = "proptest")]
pub mod strategy;

pub use generate::{FAMILIES, Parameters, generate};
pub use instance::{Instance, MAX_UNITS, Objective, Server, User};
pub use solution::{Certificate, PriceNode, Solution};

pub use crate::family::Family;
pub use crate::machine::{Machine, MachineKind};
pub use crate::model::Model;
pub use crate::origin::Origin;
pub use crate::speedup::{Law, Speedup};

use crate::document;
use crate::family::generated;
use crate::problem::{Documents, Problem, Sense};

/// The problem's name on the type level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiuser;

impl Problem for Multiuser {
    const NAME: &'static str = "multiuser";
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

generated!(Multiuser);
