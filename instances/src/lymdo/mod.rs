//! Users cut their DNNs slot by slot and share bandwidth and an edge server, for the least delay under energy budgets over time.
//!
//! After the LyMDO paper, known to Offcut by its abstract: tasks arrive continuously, a serial queueing model gives the end-to-end delay,
//! Lyapunov optimisation turns the stochastic problem into one deterministic problem per slot, whose cuts are learned and whose resources are
//! a convex problem. Everything beyond the abstract is Offcut's reconstruction.
//!
//! In a slot, user n computes its first m blocks at speed f, sends what the cut hands over at rate r(b), and the edge computes the rest at
//! speed F. A stage without work is dropped; every other stage must be stable, lambda d < 1.
//!
//! ```text
//! d1 = local work / f,   d2 = 8 cut_bytes / r(b),   d3 = remote work / F
//! deterministic service   D = d1 + d2 + d3 + lambda d^2 / (2 (1 - lambda d)),   d = max(d1, d2, d3)
//! exponential service     D = sum of d_i / (1 - lambda d_i)
//! energy                  E = tau lambda (kappa f^2 local work + p d2)
//! f <= max,   sum of b <= W,   sum of F <= edge speed
//! ```
//!
//! One slot (H = 1): minimise `V sum_n D_n + sum_n Q_n E_n`. A horizon (H > 1): minimise the mean over slots of `sum_n D_n`, with every
//! user's mean energy a slot within its budget; what a trajectory spends above it is charged at `overdraft_s_per_j`:
//!
//! ```text
//! (1/H) sum_t sum_n D_nt + sum_n overdraft_n max(0, (1/H) sum_t E_nt - budget_n)
//! ```
//!
//! The charge is an exact penalty: while it is above the budget's multiplier, both problems have the same optimum. It is there because
//! drift-plus-penalty keeps budgets in the long run only: after H slots a user may have spent its remaining backlog too much, and
//! such a trajectory is to be compared, not refused.
//!
//! Work is in MACs and speeds in MAC/s; or work is in seconds on a kind of machine, and speeds are factors on its nominal speed
//! ([`crate::machine`]). Local work is that of the device's kind, remote work that of the edge's, and energy follows the device's work. Fields of
//! solutions whose names end in `macs_per_s` are in the unit of the machine they belong to.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | lambda_n(t) | `slots[t].arrivals_per_s[n]` | 1/s | (slots, users) |
//! | h_n(t) | `slots[t].gains[n]` | - | (slots, users) |
//! | kappa_n | `users[n].energy_per_mac_coeff` | J s^2/MAC^3 | (users,) |
//! | p_n | `users[n].tx_power_w` | W | (users,) |
//! | Q_n(0) | `users[n].backlog_j` | J | (users,) |
//! | tau | `slot_s` | s | scalar |
//! | W | `bandwidth_hz` | Hz | scalar |
//! | N0 | `noise_w_per_hz` | W/Hz | scalar |
//! | V | `v` | J^2/s | scalar |
//! | m_n(t), f_n(t), b_n(t), F_n(t) | `slots[t]` of a [`Solution`] | block, MAC/s, Hz, MAC/s | (slots, users) |

mod exchange;
mod found;
mod generate;
mod instance;
mod mutate;
mod policy;
mod solution;
#[cfg(feature = "proptest")]
pub mod strategy;
mod traces;

pub use exchange::{Decision, State, System};
pub use generate::{FAMILIES, Law, Parameters, generate};
pub use instance::{Instance, RateLaw, Service, Slot, User};
pub use policy::{Decide, Policy};
pub use solution::{Allocation, Certificate, Node, Prices, Solution, Tree};

pub use crate::family::Family;
pub use crate::machine::{Machine, MachineKind, OfKind};
pub use crate::model::Model;
pub use crate::origin::Origin;

use crate::document;
use crate::family::generated;
use crate::problem::{Documents, Problem, Sense};

/// The problem's name on the type level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lymdo;

impl Problem for Lymdo {
    const NAME: &'static str = "lymdo";
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

generated!(Lymdo);
