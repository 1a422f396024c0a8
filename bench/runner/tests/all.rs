//! All tests of this crate, in one program: each program would compile all methods anew.

mod adversary;
mod choice;
mod common;
/// One file a problem: what every method of it passes.
mod conformance {
    offcut_instances::for_each_problem!([] offcut_instances::problem_modules);
}
mod directed;
mod export;
mod facts;
mod kinds;
mod own_bounds;
mod parameters;
mod rollout_lymdo;
mod scales;
mod toys;
