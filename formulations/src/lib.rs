//! Exact methods: models through `good_lp` and HiGHS, and algorithms whose bounds carry certificates.
//!
//! | module | holds |
//! |---|---|
//! | [`outer_approximation`] | the loop that adds tangents until a MILP meets its convex problem |
//! | `best_first` | the heap of open nodes, for every branch and bound here |
//! | `conditioning` | scaling to HiGHS's tolerances, and the error they allow |
//! | [`highs`] | the only file that talks to HiGHS: status, dual bound, limits |
//! | [`jpdra`] | `branch`, `price`, `milp-oa`, `socp`, `milp-units`, `exhaustive` |
//! | [`lymdo`] | `branch`, `clairvoyant`, `milp-oa`, `enumerate`; the policy `lymdo-exact` |
//! | [`multiuser`] | `milp`, `threshold`, `dp`, `price`, `branch` |
//! | [`throughput`] | `milp`, `lp`, `milp-joint`, `price`, `branch` |
//!
//! Only an equivalent model or a relaxation emits a bound. This crate has its own arithmetic for latencies and uses nothing of
//! `bench/`.

#![warn(clippy::too_many_lines, unreachable_pub)]

mod best_first;
mod conditioning;
pub mod highs;
pub mod outer_approximation;

offcut_instances::for_each_problem!([pub] offcut_instances::problem_modules);
