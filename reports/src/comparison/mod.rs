//! Methods beside each other: how long they take, which of two is better and whether that could be chance, how far they scale.
//!
//! The sampling unit is the instance: the seeds of a method are averaged within an instance before anything else. Exact methods and heuristics
//! are kept apart: the first are to prove, the second to find.
//!
//! | module | holds |
//! |---|---|
//! | `class` | exact methods and heuristics, and which seconds count |
//! | `entrant` | a method with its rows by instance |
//! | `block` | common ground: methods and instances that can be compared all at once |
//! | `times` | shifted geometric means and PAR10 |
//! | `pairs` | two methods on the instances they share: ratios, intervals, tests |
//! | `anytime` | primal integrals |
//! | `frontier` | the largest size within a time |
//! | `curves` | shares of instances over time, profiles of two methods |
//! | `noise` | the cell that is repeated |
//! | `variability` | what seeds alone change |
//! | `sections` | all of it as sections of the report |

mod anytime;
mod class;
mod common;
mod curves;
mod entrant;
mod frontier;
mod names;
pub(crate) mod noise;
mod pairs;
mod sections;
mod times;
mod variability;

pub use class::{Class, GAP_TARGET};
pub(crate) use entrant::exact_ids;
pub use sections::{MIN_SEEDS, sections};
pub use times::{MethodTime, mean_times};
