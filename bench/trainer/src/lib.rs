//! Trains the policy of `lymdo`: which cut every user takes in a slot.
//!
//! Proximal policy optimisation (Schulman et al. 2017) over slots of systems that are drawn anew all the time:
//! families, users, loads, bandwidth, budgets, V, service and rate law all vary, so that one small network (crate
//! `offcut-heuristics`, module `lymdo`) serves all of them.
//!
//! | file | what |
//! |---|---|
//! | `systems` | which systems are played |
//! | `play` | roll-outs: virtual queues, rewards |
//! | `perceptron` | the networks in candle, and as the document that is shipped |
//! | `ppo` | advantages, the clipped objective, a round of gradient steps |
//! | `evaluate` | slots never trained on, against `alternating` and others |
//! | `train` | the loop, its settings, its record |
//!
//! Everything is behind the feature `train`: candle takes about 4 CPU minutes to compile, more than all of Offcut but
//! HiGHS, and nobody but who trains needs it. `offcut train` starts this crate's program, and `./offcut train` builds
//! it first.
//!
//! What `offcut train` writes can be shipped as it is: copied to `heuristics/src/lymdo/policy.json`, its curve beside
//! it, it is the policy `lymdo` of the next build. A test holds the shipped document to its record.
//!
//! Same settings, seed and program: same weights, to the bit, on one machine. Everything is drawn from
//! `offcut_instances::random::Stream`; the program keeps candle's products to one thread.

#![warn(clippy::too_many_lines, unreachable_pub)]
#![cfg(feature = "train")]

pub mod evaluate;
pub mod perceptron;
pub mod play;
pub mod ppo;
pub mod systems;
pub mod train;

use offcut_instances::document::InputError;

/// What can go wrong: errors of candle, and input errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor operation.
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
    /// Bad input.
    #[error(transparent)]
    InputError(Box<InputError>),
}

impl From<InputError> for Error {
    fn from(error: InputError) -> Self {
        Self::InputError(Box::new(error))
    }
}
