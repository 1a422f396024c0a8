//! Runs methods on instances, has the checker judge what they answer, and keeps the rows.
//!
//! | module | holds |
//! |---|---|
//! | [`contest`] | what the runner needs to know of a problem: methods, families, labels |
//! | [`suite`] | a grid of instances and methods, as a document; its expansion into cells |
//! | [`cell`] | one method on one instance: timed, serialised, judged from its bytes |
//! | [`run`](mod@run) | a whole suite into a folder, resuming by key |
//! | [`environment`] | where and with what it runs |
//!
//! A cell runs in this process: a panic becomes a row, a hang does not end. [`cell::execute`] is the one place that would hand an
//! instance to another process instead; everything after it already works on the answer's bytes alone.

pub mod cell;
pub mod contest;
pub mod environment;
mod jpdra;
mod lymdo;
mod multiuser;
pub mod run;
pub mod suite;
mod throughput;

pub use contest::{Contest, method, methods};
pub use lymdo::Rollout;
pub use run::{Folder, Progress, run};
pub use suite::Suite;
