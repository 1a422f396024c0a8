//! The papers' algorithms and the baselines they are compared with: one file per algorithm, named for it.
//!
//! Nothing here proves anything: a heuristic finds, and its bound comes from somebody else. Objectives are computed by this
//! crate's own arithmetic; the checker computes them again.

#![warn(clippy::too_many_lines, unreachable_pub)]

mod baseline;

offcut_instances::for_each_problem!([pub] offcut_instances::problem_modules);
