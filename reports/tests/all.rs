//! All tests of this crate, in one program: each program would compile all methods anew.

mod compare;
mod definitions;
mod hostile;
mod house;
mod jpdra;
mod lymdo;
mod print;
mod prototype;
mod report;
mod statistics;
