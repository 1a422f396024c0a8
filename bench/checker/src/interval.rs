//! Outward-rounded interval arithmetic for values of 0 and above: all that latencies, loads and prices need.
//!
//! Every operation is rounded to nearest by the hardware and then moved one float outwards, unless it was exact: that covers the rounding error of half a
//! unit in the last place, of subnormal numbers too. What underflows to 0 is 0 at the lower end and the least float above at the upper; what overflows
//! is infinite at the upper end and the largest float at the lower. So enclosures hold for all floats, whatever their magnitude, and their width
//! is a few roundings where numbers lie in 1e-30..=1e30, as those of an instance do (`offcut_instances::range`).
//!
//! No operation here depends on the sign of a zero: where an end is 0, products and quotients are 0 of either sign, and the sign is lost in `down` and `up`.

use serde::{Deserialize, Serialize};

/// A real number >= 0 known to lie between two floats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    /// Exactly 0.
    pub const ZERO: Self = Self { low: 0.0, high: 0.0 };

    /// Exactly `value`.
    pub fn point(value: f64) -> Self {
        Self { low: value, high: value }
    }

    /// Between `low` and `high`.
    pub(crate) fn between(low: f64, high: f64) -> Self {
        debug_assert!(low <= high);
        Self { low, high }
    }

    /// No more than the true value.
    pub fn low(self) -> f64 {
        self.low
    }

    /// No less than the true value.
    pub fn high(self) -> f64 {
        self.high
    }

    /// The number to print.
    pub fn middle(self) -> f64 {
        if self.low == self.high { self.low } else { self.low + (self.high - self.low) / 2.0 }
    }

    /// The largest absolute value.
    pub fn magnitude(self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// The square root. IEEE 754 rounds it to nearest, so one step outwards covers it.
    #[must_use]
    pub(crate) fn sqrt(self) -> Self {
        Self { low: down(self.low.sqrt()), high: up(self.high.sqrt(), self.high == 0.0) }
    }

    /// `ln(1 + x)`. `libm` computes it to less than one unit in the last place; eight are allowed for.
    #[must_use]
    pub(crate) fn ln_1p(self) -> Self {
        const SLACK: f64 = 8.0 * f64::EPSILON;
        Self {
            low: down(libm::log1p(self.low) * (1.0 - SLACK)),
            high: up(libm::log1p(self.high) * (1.0 + SLACK), self.high == 0.0),
        }
    }

    /// The larger of two numbers.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.max(other.high) }
    }
}

impl std::ops::Add for Interval {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { low: add_down(self.low, other.low), high: add_up(self.high, other.high) }
    }
}

impl std::ops::Mul for Interval {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let is_zero = self.high == 0.0 || other.high == 0.0;
        Self { low: down(self.low * other.low), high: up(self.high * other.high, is_zero) }
    }
}

impl std::ops::Div for Interval {
    type Output = Self;
    /// The divisor is above 0.
    fn div(self, other: Self) -> Self {
        debug_assert!(other.low > 0.0);
        Self { low: down(self.low / other.high), high: up(self.high / other.low, self.high == 0.0) }
    }
}

/// From here on the rounding error of a product is a float: its last digit is above 2^-1074.
const EXACT: f64 = 1e-280;

/// The product of two floats and its rounding error, exactly; `None` where one of them is no float.
pub(crate) fn two_product(a: f64, b: f64) -> Option<(f64, f64)> {
    let nearest = a * b;
    if !nearest.is_finite() || nearest.abs() < EXACT && a != 0.0 && b != 0.0 {
        return None;
    }
    Some((nearest, a.mul_add(b, -nearest)))
}

/// The product of two floats, as narrow as can be: a point if it is exact.
pub(crate) fn product(a: f64, b: f64) -> Interval {
    let Some((nearest, error)) = two_product(a, b) else {
        let nearest = a * b;
        return Interval { low: nearest.next_down(), high: nearest.next_up() };
    };
    Interval {
        low: if error < 0.0 { nearest.next_down() } else { nearest },
        high: if error > 0.0 { nearest.next_up() } else { nearest },
    }
}

/// ln 2.
pub(crate) fn ln_2() -> Interval {
    use core::f64::consts::LN_2;
    Interval { low: LN_2.next_down(), high: LN_2.next_up() }
}

/// `a - b`, with what may be negative cut to 0.
pub(crate) fn minus(a: Interval, b: Interval) -> Interval {
    let low = subtract_down(a, b).max(0.0);
    Interval { low, high: add_up(a.high, -b.low).max(low) }
}

/// The difference of a number and another, rounded down: `a - b` with `a` from below and `b` from above.
pub(crate) fn subtract_down(a: Interval, b: Interval) -> f64 {
    add_down(a.low, -b.high)
}

/// The sum of many numbers, in blocks: the width grows with the block's length, not with the number of terms.
pub fn sum(terms: impl Iterator<Item = Interval>) -> Interval {
    let mut total = Accumulator::default();
    terms.for_each(|term| total.add(term));
    total.total()
}

/// A sum that is not finished, in blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accumulator {
    total: Interval,
    block: Interval,
    filled: u32,
}

impl Default for Accumulator {
    fn default() -> Self {
        Self { total: Interval::ZERO, block: Interval::ZERO, filled: 0 }
    }
}

impl Accumulator {
    const BLOCK: u32 = 1024;

    /// Adds one term.
    pub(crate) fn add(&mut self, term: Interval) {
        self.block = self.block + term;
        self.filled += 1;
        if self.filled == Self::BLOCK {
            *self = Self { total: self.total + self.block, ..Self::default() };
        }
    }

    /// What has been added so far.
    pub(crate) fn total(&self) -> Interval {
        self.total + self.block
    }
}

/// No more than a number >= 0 that was rounded to this one. A number that may be 0 is not below 0.
fn down(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.next_down() }
}

/// No less than a number >= 0 that was rounded to this one; 0 only if it is known to be 0, and did not underflow.
fn up(value: f64, is_zero: bool) -> f64 {
    if is_zero { 0.0 } else { value.next_up() }
}

/// The sum of two floats and its rounding error, exactly, unless the sum overflows.
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, rounding_error(a, b, sum))
}

/// Knuth's two-sum: the rounding error of `a + b`, exactly.
fn rounding_error(a: f64, b: f64, sum: f64) -> f64 {
    let b_kept = sum - a;
    let a_kept = sum - b_kept;
    (a - a_kept) + (b - b_kept)
}

/// `a + b` for numbers of any sign, rounded down.
pub(crate) fn add_down(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let error = rounding_error(a, b, sum);
    if error >= 0.0 {
        sum
    } else if error < 0.0 {
        sum.next_down()
    } else {
        // An end was infinite, or the sum overflowed.
        if sum == f64::INFINITY && a < sum && b < sum { f64::MAX } else { sum }
    }
}

/// `a + b` for numbers of any sign, rounded up.
pub(crate) fn add_up(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let error = rounding_error(a, b, sum);
    if error <= 0.0 {
        sum
    } else if error > 0.0 {
        sum.next_up()
    } else {
        if sum == f64::NEG_INFINITY && a > sum && b > sum { -f64::MAX } else { sum }
    }
}

/// `a + b` rounded down; infinite if `a` or `b` is.
pub(crate) fn add_down_or_infinite(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY { f64::INFINITY } else { add_down(a, b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_ratio::RBig;
    use proptest::prelude::*;

    fn exact(value: f64) -> RBig {
        RBig::try_from(value).expect("finite")
    }

    fn encloses(interval: Interval, value: &RBig) -> bool {
        exact(interval.low) <= *value && *value <= exact(interval.high)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn operations_enclose_the_exact_result(a in 1e-30f64..1e30, b in 1e-30f64..1e30, c in 0.0f64..1.0, d in 1e-3f64..1e3) {
            for (x, y) in [(a, b), (c, d), (d, c), (a, d), (d, d)] {
                let (p, q) = (Interval::point(x), Interval::point(y));
                prop_assert!(encloses(p + q, &(exact(x) + exact(y))));
                prop_assert!(encloses(p * q, &(exact(x) * exact(y))));
                if y > 0.0 {
                    prop_assert!(encloses(p / q, &(exact(x) / exact(y))));
                }
                prop_assert!(encloses(product(x, y), &(exact(x) * exact(y))));
                let root = p.sqrt();
                prop_assert!(exact(root.low) * exact(root.low) <= exact(x) && exact(x) <= exact(root.high) * exact(root.high));
                prop_assert!(exact(subtract_down(p, q)) <= exact(x) - exact(y));
                prop_assert!(encloses(minus(p, q), &(exact(x) - exact(y)).max(RBig::ZERO)));
            }
        }

        #[test]
        fn long_sums_stay_narrow(terms in prop::collection::vec(0.1f64..10.0, 1..5000)) {
            let enclosed = sum(terms.iter().copied().map(Interval::point));
            let total = terms.iter().fold(RBig::ZERO, |total, term| total + exact(*term));
            prop_assert!(encloses(enclosed, &total));
            prop_assert!(enclosed.high - enclosed.low <= 1e-12 * enclosed.high);
        }
    }

    /// Against thirty digits more, over all magnitudes.
    #[test]
    fn logarithms_enclose_the_true_ones() {
        type Big = dashu_float::FBig<dashu_float::round::mode::HalfAway, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(600).value();
        let mut x = 1e-150f64;
        while x < 1e150 {
            let (enclosed, truth) = (Interval::point(x).ln_1p(), (big(1.0) + big(x)).ln());
            assert!(big(enclosed.low) <= truth && truth <= big(enclosed.high), "{x}");
            assert!(enclosed.high - enclosed.low <= 32.0 * f64::EPSILON * enclosed.high, "{x}");
            x *= 1.37;
        }
        assert_eq!(Interval::ZERO.ln_1p(), Interval::ZERO);
        let two = big(2.0).ln();
        assert!(big(ln_2().low) < two && two < big(ln_2().high));
    }

    /// A hundred blocks: if all were one, its width would be ten times this.
    #[test]
    fn very_long_sums_stay_narrow() {
        let enclosed = sum(std::iter::repeat_n(Interval::point(0.1), 100 * 1024));
        assert!(enclosed.high - enclosed.low <= 1e-12 * enclosed.high, "{enclosed:?}");
        assert!(encloses(enclosed, &(exact(0.1) * RBig::from(100 * 1024))));
    }

    /// Nothing is lost to underflow or overflow, and no sign of a zero counts.
    #[test]
    fn enclosures_hold_at_both_ends_of_all_floats() {
        let (tiny, huge) = (Interval::point(1e-200), Interval::point(1e200));
        let smallest = 5e-324;
        assert_eq!(tiny * tiny, Interval::between(0.0, smallest));
        assert_eq!(product(1e-200, 1e-200), Interval::between(-smallest, smallest));
        assert_eq!(tiny / huge, Interval::between(0.0, smallest));
        assert_eq!(huge * huge, Interval::between(f64::MAX, f64::INFINITY));
        assert_eq!(huge / tiny, Interval::between(f64::MAX, f64::INFINITY));
        assert_eq!(Interval::point(f64::MAX) + Interval::point(f64::MAX), Interval::between(f64::MAX, f64::INFINITY));
        assert_eq!([add_down(-f64::MAX, -f64::MAX), add_up(-f64::MAX, -f64::MAX)], [f64::NEG_INFINITY, -f64::MAX]);
        assert_eq!([add_down(f64::INFINITY, 1.0), add_up(f64::NEG_INFINITY, 1.0)], [f64::INFINITY, f64::NEG_INFINITY]);
        let endless = Interval::between(1.0, f64::INFINITY);
        assert_eq!((Interval::ZERO * endless).high(), 0.0);
        for zero in [0.0, -0.0].map(Interval::point) {
            assert_eq!((zero * huge, zero / huge, zero.sqrt(), zero.ln_1p()), {
                let zero = Interval::ZERO;
                (zero, zero, zero, zero)
            });
            assert_eq!(minus(zero, huge), Interval::ZERO);
        }
    }

    #[test]
    fn the_magnitude_is_the_larger_ends() {
        assert_eq!(Interval::between(-3.0, 2.0).magnitude(), 3.0);
        assert_eq!(Interval::between(1.0, 2.0).magnitude(), 2.0);
    }

    #[test]
    fn exact_sums_are_points() {
        let sum = sum([3.0, 5.0, 0.25].into_iter().map(Interval::point));
        assert_eq!(sum, Interval::point(8.25));
        assert_eq!(product(0.75, 3.0), Interval::point(2.25));
    }
}
