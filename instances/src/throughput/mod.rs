//! Requests with deadlines, cloudlets with threads: admit as many as possible.
//!
//! After a paper on delay-aware DNN inference throughput at the edge (a constant-factor approximation for the offline problem, an
//! online algorithm with a competitive ratio), known here by its abstract; the formulas are Offcut's reconstruction.
//!
//! A request runs a set S of its model's layers on its device and the others on one cloudlet j, with k of its threads:
//!
//! ```text
//! delay = sum_{v in S} work_iv / device_i
//!       + sum_{v in S with a successor outside S} out_bytes_v (1/uplink_i + hop_{a(i),j})
//!       + sum_{v not in S} work_jv / (thread_j s_j(k))                             <= deadline_i
//! sum of threads on j <= threads_j             maximise the total profit of admitted requests
//! ```
//!
//! S holds the input, layer 0, and all predecessors of its layers. An output is sent once, however many successors need it. A request
//! whose deadline its device meets alone is admitted with 0 threads. A request nobody can serve is rejected: it is not an error.
//!
//! Work is in MACs and speeds in MAC/s, or work is in seconds on a kind of machine and speeds are factors ([`crate::machine`]): `work_iv` on the kind of
//! request i's device, `work_jv` on the kind of cloudlet j's threads. A model has work for the device of each of its requests. It need not have work for
//! every cloudlet: a cloudlet whose kind a model has no work for does not serve its requests, as one that is out of reach.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | k_ij | `threads` of [`Service::Remote`] | threads | (requests,) |
//! | S_i | `device_layers` of a [`Part`] | layers | sets |
//! | C_j | `cloudlets[j].threads` | threads | (cloudlets,) |
//! | s_j(k) | `cloudlets[j].speedup` | - | law |

mod found;
mod generate;
mod instance;
mod mutate;
mod solution;
#[cfg(feature = "proptest")]
pub mod strategy;

pub use generate::{FAMILIES, Parameters, View, generate};
pub use instance::{Cloudlet, Instance, Model, Request};
pub use solution::{Cell, Certificate, Cut, Envelope, Hull, HullNode, Part, PriceNode, Service, Solution};

pub use crate::family::Family;
pub use crate::machine::{Machine, MachineKind};
pub use crate::origin::Origin;
pub use crate::speedup::{Law, Speedup};

use crate::document;
use crate::family::generated;
use crate::problem::{Documents, Problem, Sense};

/// By how much a delay may exceed its deadline, relative to the deadline, and still count as meeting it. Solutions aim at half of it, so
/// that rounding never decides.
pub const DEADLINE_TOLERANCE: f64 = 1e-9;

/// The problem's name on the type level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throughput;

impl Problem for Throughput {
    const NAME: &'static str = "throughput";
    const SENSE: Sense = Sense::Maximise;
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

generated!(Throughput);
