//! Worst cases: searches instances on which a method is worst, against the certified optimum or against another method.
//!
//! 1. A [`Judge`] runs the method on a candidate, and the exact method whose certificate the checker replays, or the other method. A ratio counts only
//!    if the checker accepts both answers, and with an exact method if its objective meets its bound.
//! 2. Simulated annealing (`anneal`) moves over neighbours of instances (`offcut_instances::mutate`), in rounds: each starts from a random small
//!    instance, a generated one, the worst so far, or a kept one.
//! 3. `search` keeps the state of a search in a folder, goes on from it, makes the worst instance small, and writes it with its ratio and both answers.
//! 4. `matrix` is the table of every ordered pair of methods, `heat_map` its picture.
//!
//! After the idea of PISA (Coleman, Krishnamachari, 2024), which compares schedulers so; known by its abstract.

mod anneal;
mod heat_map;
mod judge;
mod matrix;
mod search;
mod state;

pub use heat_map::heat_map;
pub use judge::{Judge, Judged, Outcome, Ratio, Rival, Skipped};
pub use matrix::{Cell, csv, markdown};
pub use search::{Found, Limits, Search};
pub use state::{Question, Start, State};
