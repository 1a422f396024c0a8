//! The checker. It evaluates solutions from the problem's definition and replays certificates of bounds. It trusts neither a solver's
//! status nor a claimed objective or bound.
//!
//! All arithmetic is outward-rounded interval arithmetic ([`Interval`]). A checked objective is a pair of floats that encloses the true value. A bound
//! is certified only if it holds for every value within the enclosures.
//!
//! Dependencies: this crate depends on `offcut-instances` and on no other crate of Offcut. No method depends on it. Only it can make a [`Verdict`].
//!
//! Time and memory of a replay are limited in proportion to the size of the instance and the certificate: see [`Budget`].
//!
//! What the checker does **not** check:
//! - that the generator drew from the distribution that it names: an instance is taken as given;
//! - a solver-reported bound ([`offcut_instances::problem::Evidence::SolverReported`]): it is kept, marked as unchecked, and never counts as certified;
//! - times, counts and histories in an answer's trace: the runner measures time itself;
//! - that a method did what its name says: only its solution and its bound are checked;
//! - the IEEE 754 arithmetic of hardware and compiler, on which the intervals rest.
//!
//! Every problem has the same files: `mod` (the trait), `evaluate` (solutions) and `replay` (certificates); what else a replay needs has a file of its own.

mod budget;
mod capacity;
mod check_answer;
mod checkable;
mod expansion;
mod interval;
mod number;
mod speedup;
mod tree;
mod verdict;

offcut_instances::for_each_problem!([pub] offcut_instances::problem_modules);

pub use budget::Budget;
pub use capacity::CAPACITY_TOLERANCE;
pub use check_answer::check_answer;
pub use checkable::Checkable;
pub use interval::{Interval, sum};
pub use number::{Domain, Intake, Normalised};
pub use verdict::{Proof, Tolerance, Verdict, Violation, best_certified, beyond, no_solution};
