//! How a command ends, and its exit code.

use offcut_instances::document::InputError;

/// Exit code: nothing stands against the answers.
pub(crate) const GOOD: u8 = 0;

/// Exit code: an answer was rejected, or a contradiction found; of `solve` and `check` also an answer that cannot be read, of `solve` a crash, of `compare` a
/// regression.
pub(crate) const REJECTED: u8 = 1;

/// Exit code: bad input or usage, or output that could not be written.
pub(crate) const BAD_INPUT: u8 = 2;

/// How a command ended that did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing stands against the answers.
    Good,
    /// An answer was rejected, or a contradiction found; or what else the command is asked to look for, see [`REJECTED`].
    Rejected,
}

impl Ending {
    /// The ending of two things done one after the other.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == Self::Good { other } else { self }
    }
}

/// The exit code of a command.
pub(crate) fn code(result: &Result<Ending, InputError>) -> u8 {
    match result {
        Ok(Ending::Good) => GOOD,
        Ok(Ending::Rejected) => REJECTED,
        Err(_) => BAD_INPUT,
    }
}
