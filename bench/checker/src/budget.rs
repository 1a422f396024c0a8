//! How much work and memory a certificate may ask for.
//!
//! **Work.** A replay counts its steps: an addition, a look at a table or one evaluation at a given number is one step, dearer things are several. It may take
//!
//! ```text
//! 2e9 + numbers x look     but no more than     1e11 + 64 x look
//! ```
//!
//! `numbers` are those of the certificate and `look` is what the problem takes to look at all of an instance once with nothing known before
//! (each problem's `budget` says how that is counted). So what is allowed grows in proportion to what is checked, up to an end.
//! The first leaf costs a look; trees are walked once ([`crate::tree`]), so every further leaf costs a look at most and the splits above it cost
//! nothing again. What is not bounded by looks (knapsacks of `throughput`, closer searches of `jpdra`, dynamic programs of `multiuser`) is counted over the whole replay, not leaf by leaf.
//! A replay that runs out is rejected. Steps are counted, never timed, so a certificate is rejected everywhere or nowhere.
//!
//! **Memory.** Besides the certificate and the instance as they are read, a replay holds in proportion to the certificate: the tree's links and
//! what is undone on the way back up. In proportion to the instance: the state of a single leaf. And tables that save work, which leaves share: they hold
//! [`MAX_KEPT`] bytes at most, or one leaf's table if that is more; when they are full, they are emptied and filled again.
//! `throughput` has two more, with ends of their own: 2 bytes for each pair of request and cloudlet, up to 2e8, if there are splits, and 8 for
//! each thread, up to 1e7, if a leaf has values. These two are asked for before they are used, and a certificate is rejected if they cannot be had.

use std::cell::Cell;

use crate::verdict::Violation;

/// What every replay may take, however small its certificate is.
const FLOOR: u64 = 2_000_000_000;

/// What no replay may take, but for some looks at all of the instance.
const MOST: u64 = 100_000_000_000;
const LOOKS: u64 = 64;

/// Bytes of tables that leaves share.
pub(crate) const MAX_KEPT: usize = 1 << 25;

/// The steps that the replay of a certificate may take, and those it has taken.
#[derive(Debug)]
pub struct Budget {
    numbers: u64,
    look: u64,
    most: u64,
    spent: Cell<u64>,
}

impl Budget {
    /// For a certificate of so many numbers, and so many steps for a look at all of its instance.
    pub fn of(numbers: u64, look: u64) -> Self {
        let most = FLOOR.saturating_add(numbers.saturating_mul(look));
        let most = most.min(MOST.saturating_add(LOOKS.saturating_mul(look)));
        Self { numbers, look, most, spent: Cell::new(0) }
    }

    /// So many steps, whatever is replayed.
    #[must_use]
    pub fn limited_to(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// How many steps may be taken.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// How many steps were taken; above [`Self::most`] if the budget has run out.
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Takes steps.
    ///
    /// # Errors
    /// If there are not so many left.
    pub(crate) fn spend(&self, steps: u64) -> Result<(), Violation> {
        if self.runs_out(steps) { Err(self.violation()) } else { Ok(()) }
    }

    /// Takes steps and says whether the budget has run out. Code that cannot fail may end early; its caller then checks the budget.
    pub(crate) fn runs_out(&self, steps: u64) -> bool {
        self.spent.set(self.spent.get().saturating_add(steps));
        self.spent.get() > self.most
    }

    fn violation(&self) -> Violation {
        let Self { numbers, look, most, .. } = self;
        let at = format!("certificate: {numbers} numbers, {look} steps to look at all of the instance: {most} steps");
        Violation::new("a replay takes no more steps than its certificate's size allows", at, 1.0, "limit exceeded")
    }
}

/// `length` times `value`.
///
/// # Errors
/// If there is not so much memory.
pub(crate) fn filled<T: Clone>(value: T, length: usize) -> Result<Vec<T>, Violation> {
    let mut all = Vec::new();
    if all.try_reserve_exact(length).is_err() {
        let at = format!("certificate: {length} entries of {} bytes", size_of::<T>());
        return Err(Violation::new("a replay finds the memory that it needs", at, 1.0, "limit exceeded"));
    }
    all.resize(length, value);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_grows_with_what_is_checked_up_to_an_end() {
        assert_eq!(Budget::of(0, 1000).most(), 2_000_000_000);
        assert_eq!(Budget::of(7, 1000).most(), 2_000_007_000);
        assert_eq!(Budget::of(1_000_000_000, 1000).most(), 100_000_064_000);
        assert_eq!(Budget::of(u64::MAX, u64::MAX).most(), u64::MAX);
    }

    #[test]
    fn the_last_step_may_be_taken_and_no_other() {
        let budget = Budget::of(3, 5).limited_to(10);
        assert_eq!(budget.spend(4), Ok(()));
        assert!(!budget.runs_out(6));
        assert_eq!(budget.spent(), 10);
        let violation = budget.spend(1).expect_err("an eleventh step");
        assert_eq!(violation.at, "certificate: 3 numbers, 5 steps to look at all of the instance: 10 steps");
        assert!(budget.runs_out(u64::MAX) && budget.spent() == u64::MAX);
    }

    #[test]
    fn memory_that_is_not_there_is_a_violation() {
        assert_eq!(filled(7u16, 3), Ok(vec![7; 3]));
        assert!(filled(7u64, usize::MAX / 8).is_err());
    }
}
