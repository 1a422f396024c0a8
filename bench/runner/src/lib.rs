//! Runs methods on instances, has the checker check their answers, and keeps the rows.
//!
//! | module | holds |
//! |---|---|
//! | [`adapter`] | what the runner needs to know of a problem: methods, families, labels |
//! | [`suite`] | a grid of instances and methods, as a document; its expansion into cells |
//! | [`choice`] | a part of a suite, and a suite from a few words |
//! | [`solver`] | what solves: one of Offcut's methods, or a program in any language |
//! | [`course`] | the incumbents of a solver, and the check of their solutions |
//! | [`dialogue`] | a program that is asked line by line |
//! | [`cell`] | one method on one instance: a process that solves, a process that checks |
//! | [`process`] | a program under limits, watched from outside |
//! | [`supervise`] | the process between the runner and a program that is not Offcut's |
//! | [`isolation`] | what keeps the processes of a cell to themselves: cores, control groups, namespaces, Landlock |
//! | [`protocol`] | the lines a solver's process writes, and the answer made of them |
//! | [`check`](mod@check) | a whole run checked again from its answers |
//! | [`run`](mod@run) | a whole suite into a folder, resuming by key; shards, and merging them |
//! | [`cluster`] | the same by many tasks of a cluster, that take cells of one folder |
//! | [`export`](mod@export) | a method's mathematical program as a file, not solved |
//! | [`adversary`] | instances on which a method is worst, searched by simulated annealing |
//! | [`environment`] | where and with what it runs |

#![warn(clippy::too_many_lines, unreachable_pub)]

pub mod adapter;
pub mod adversary;
pub mod cell;
pub mod check;
pub mod choice;
pub mod cluster;
pub mod course;
pub mod dialogue;
mod ended;
pub mod environment;
pub mod export;
mod interrupt;
pub mod isolation;
pub mod process;
pub mod protocol;
pub mod run;
pub mod solver;
pub mod suite;
pub mod supervise;

offcut_instances::for_each_problem!([] offcut_instances::problem_modules);

pub use adapter::{BenchmarkAdapter, RollOut, method, methods};
pub use check::{Checked, check};
pub use choice::{Choice, GridRequest};
pub use export::{export, meaning};
pub use lymdo::Rollout;
pub use run::{Folder, Merged, Progress, RunOptions, Shard, merge, run};
pub use suite::Suite;
