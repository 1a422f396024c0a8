//! What a run leaves behind, and what may be concluded from it.
//!
//! | module | holds |
//! |---|---|
//! | [`row`] | one finished cell of a run, and its [`Status`] |
//! | [`evidence`] | whether rows hold to the answers they speak of |
//! | [`gate`] | what stands against the rows of a run, for everybody who has to say so |
//! | [`history`] | which incumbents of an answer count |
//! | [`gap`] | the gap formula, once, and the best known values it is measured against |
//! | [`manifest`] | what a run set out to do: its studies and its surroundings |
//! | [`library`] | the frozen library: best known values line by line, and the verification of everything in it |
//! | [`store`] | rows on disk: appended durably, read back with a torn last line tolerated |
//! | [`table`] | rows as one flat table, for other programs |
//!
//! "Optimal" is derived here, from a checked objective and a bound; a solver's status is not used.

#![warn(clippy::too_many_lines, unreachable_pub)]

pub mod evidence;
pub mod gap;
pub mod gate;
pub mod history;
pub mod library;
pub mod manifest;
pub mod row;
pub mod store;
pub mod table;

pub use evidence::{Evidence, Mismatch, answer_hash};
pub use gap::{BestKnown, Contradiction, Gap, best_known, best_known_with, contradictions, contradictions_with};
pub use gate::Gate;
pub use history::History;
pub use library::Library;
pub use manifest::{Environment, Manifest, Reference, Study, StudyCell};
pub use row::{Key, Row, Status, Times};
pub use store::Store;
