//! Sums of shares against a capacity.
//!
//! A sum that a solver adds up in doubles may exceed its capacity by a few roundings. With an excess of at most [`CAPACITY_TOLERANCE`], relative to
//! the capacity, the shares are scaled back, all by the same factor, until their sum is the capacity; with more it is a violation. What is checked is the
//! scaled solution, which is feasible. Its shares are enclosed by [`Scale::share`]:
//!
//! ```text
//! S in [low, high] the sum,  F the capacity,  factor c = min(1, F / S)
//! high <= F              nothing is scaled                                   c = 1
//! low  <= F < high       the sum may exceed F by a rounding                  c in [F / high, 1]
//! F < low                it does                                             c in [F / high, F / low]
//! ```
//!
//! so no share is taken to be larger than the scaled solution has it, and no objective is taken to be better.

use crate::interval::{Interval, sum};

/// The relative excess above a capacity up to which shares are scaled back into it.
pub const CAPACITY_TOLERANCE: f64 = 1e-9;

/// Shares that exceed their capacity, by this much and by more than the tolerance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Excess(pub(crate) f64);

/// The factor by which shares are scaled back, enclosed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Shares stay as they are.
    pub(crate) const ONE: Self = Self { low: 1.0, high: 1.0 };

    /// What brings `shares` within `capacity`. All are finite and not negative.
    pub(crate) fn within(shares: impl Iterator<Item = f64>, capacity: f64) -> Result<Self, Excess> {
        let given = sum(shares.map(Interval::point));
        if is_beyond(given.low(), capacity) {
            return Err(Excess(given.low() - capacity));
        }
        if given.high() <= capacity {
            return Ok(Self::ONE);
        }
        let high = if given.low() > capacity { (capacity / given.low()).next_up().min(1.0) } else { 1.0 };
        Ok(Self { low: (capacity / given.high()).next_down(), high })
    }

    /// A share once scaled.
    pub(crate) fn share(self, given: f64) -> Interval {
        let low = if self.low < 1.0 { (given * self.low).next_down().max(0.0) } else { given };
        let high = if self.high < 1.0 { (given * self.high).next_up().min(given) } else { given };
        Interval::between(low, high)
    }
}

/// Whether `given` exceeds `most` by more than the tolerance.
pub(crate) fn is_beyond(given: f64, most: f64) -> bool {
    given - most > CAPACITY_TOLERANCE * most
}

#[cfg(test)]
mod tests {
    use dashu_ratio::RBig;
    use offcut_instances::random::Stream;

    use super::*;

    fn exact(value: f64) -> RBig {
        RBig::try_from(value).expect("finite")
    }

    /// Against exact fractions, with excesses on both sides of 0 and of the tolerance.
    #[test]
    fn scaled_shares_enclose_the_exact_ones() {
        let mut stream = Stream::new(&["capacity"], 0);
        let (mut kept, mut scaled, mut beyond) = (0, 0, 0);
        for case in 0..2000 {
            let shares: Vec<f64> = (0..1 + case % 7).map(|_| stream.log_uniform(1e-3, 1e6)).collect();
            let total = shares.iter().fold(RBig::ZERO, |total, share| total + exact(*share));
            let excess = [-1e-9, -1e-16, 0.0, 1e-16, 3e-16, 1e-12, 0.99e-9, 1.01e-9, 1e-3][case % 9];
            let capacity = total.to_f64().value() / (1.0 + excess);
            let over = &total - exact(capacity);
            match Scale::within(shares.iter().copied(), capacity) {
                Err(Excess(amount)) => {
                    assert!(over > exact(CAPACITY_TOLERANCE) * exact(capacity) && exact(amount) <= over, "{case}");
                    beyond += 1;
                }
                Ok(scale) => {
                    assert!(over <= exact(1.001e-9) * exact(capacity), "{case}: {excess}");
                    let factor = if over > RBig::ZERO { exact(capacity) / &total } else { RBig::ONE };
                    for share in &shares {
                        let (enclosed, truth) = (scale.share(*share), exact(*share) * &factor);
                        assert!(exact(enclosed.low()) <= truth && truth <= exact(enclosed.high()), "{case}");
                        assert!(enclosed.high() - enclosed.low() <= 1e-14 * share, "{case}: {enclosed:?}");
                    }
                    if over > RBig::ZERO { scaled += 1 } else { kept += 1 }
                }
            }
        }
        assert!(kept > 400 && scaled > 400 && beyond > 400, "{kept} {scaled} {beyond}");
    }

    #[test]
    fn both_sides_of_the_line_and_nothing_at_all() {
        let capacity = 8.0;
        let within = |excess: f64| Scale::within([6.0, 2.0 + 8.0 * excess].into_iter(), capacity);
        assert_eq!(within(-1e-9), Ok(Scale::ONE));
        assert_eq!(within(0.0), Ok(Scale::ONE));
        for excess in [1e-15, 1e-12, 0.99e-9] {
            let scale = within(excess).expect("within the tolerance");
            assert!(scale.high < 1.0 && scale.share(6.0).high() < 6.0, "{excess}");
        }
        for excess in [1.01e-9, 1e-8, 1.0] {
            let Err(Excess(amount)) = within(excess) else { panic!("{excess}") };
            assert!((amount - 8.0 * excess).abs() < 2e-15, "{excess}: {amount}");
        }
        // Of nothing there is no share, and a share of 0 stays 0.
        assert_eq!(Scale::within(std::iter::empty(), 0.0), Ok(Scale::ONE));
        assert_eq!(Scale::within([0.0].into_iter(), 0.0), Ok(Scale::ONE));
        assert_eq!(Scale::within([1e-60].into_iter(), 0.0), Err(Excess(1e-60)));
        assert_eq!(within(1e-12).expect("within").share(0.0), Interval::ZERO);
    }
}
