//! All tests of this crate, in one program: each program would compile all methods anew.

mod choice;
mod common;
mod conformance_jpdra;
mod conformance_lymdo;
mod conformance_multiuser;
mod conformance_throughput;
mod directed;
mod export;
mod facts;
mod kinds;
mod parameters;
mod rollout_lymdo;
mod scales;
