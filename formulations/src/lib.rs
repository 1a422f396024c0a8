//! The exact side of Offcut: models through `good_lp` and HiGHS, and exact algorithms that hand over certificates.
//!
//! | module | holds |
//! |---|---|
//! | [`highs`] | the only file that talks to HiGHS: status, dual bound, limits |
//! | [`multiuser`] | `milp`, `threshold`, `dp`, `price`, `branch` |
//! | [`throughput`] | `milp`, `lp`, `milp-joint`, `price`, `branch` |
//!
//! Only an equivalent model or a relaxation emits a bound. Latencies are computed this crate's own way; nothing in `bench/` is known
//! here.

pub mod highs;
pub mod multiuser;
pub mod throughput;
