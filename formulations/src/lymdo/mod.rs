//! Cuts and resources slot by slot under energy budgets: the exact side.
//!
//! See the crate `offcut-instances`, module `lymdo`, for the problem and its symbols.
//!
//! | file | holds |
//! |---|---|
//! | `model` | a slot's numbers, in units in which what is shared is 1 |
//! | `stages` | what one user pays with one cut at prices |
//! | `convex` | shares for fixed cuts |
//! | `conic` | the same through Clarabel |

mod conic;
mod convex;
mod model;
mod stages;

#[cfg(test)]
mod tests;
