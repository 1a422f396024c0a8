//! The exact side of Offcut: models through `good_lp` and HiGHS, and exact algorithms that hand over certificates.
//!
//! | module | holds |
//! |---|---|
//! | [`outer_approximation`] | the loop that adds tangents until a MILP meets its convex problem |
//! | `conditioning` | what HiGHS's tolerances can hold of a model, and what they can falsify |
//! | [`highs`] | the only file that talks to HiGHS: status, dual bound, limits |
//! | [`jpdra`] | `branch`, `price`, `milp-oa`, `socp`, `milp-units`, `exhaustive` |
//! | [`lymdo`] | `branch`, `clairvoyant`, `milp-oa`, `enumerate`; the policy `lymdo-exact` |
//! | [`multiuser`] | `milp`, `threshold`, `dp`, `price`, `branch` |
//! | [`throughput`] | `milp`, `lp`, `milp-joint`, `price`, `branch` |
//!
//! Only an equivalent model or a relaxation emits a bound. Latencies are computed this crate's own way; nothing in `bench/` is known
//! here.

mod conditioning;
pub mod highs;
pub mod jpdra;
pub mod lymdo;
pub mod multiuser;
pub mod outer_approximation;
pub mod throughput;
