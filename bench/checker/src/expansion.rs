//! Sums and products of floats without any rounding, for differences that cancel.
//!
//! A number is held as a list of floats whose exact sum it is (Shewchuk, 1997: an expansion). Knuth's two-sum gives the rounding error of a sum as a
//! float, always; a fused multiply-add that of a product, unless it is below the least float. Only then, or beyond the largest float, is there no
//! expansion: the answer is `None`, and the caller takes its interval. The parts do not overlap, so the largest has the number's sign, and the enclosure
//! by rounding outwards from the least part on is as narrow as that of a single operation.

use crate::interval::{Interval, add_down, add_up, two_product, two_sum};

/// An exact number: the sum of its parts, in the order of their magnitudes, without zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Expansion(Vec<f64>);

impl Expansion {
    /// `a b`.
    pub(crate) fn product(a: f64, b: f64) -> Option<Self> {
        let (nearest, error) = two_product(a, b)?;
        Some(Self([error, nearest].into_iter().filter(|part| *part != 0.0).collect()))
    }

    /// A finite number.
    pub(crate) fn point(value: f64) -> Self {
        Self(if value == 0.0 { Vec::new() } else { vec![value] })
    }

    /// The sum of finite numbers.
    pub(crate) fn sum(terms: impl Iterator<Item = f64>) -> Option<Self> {
        let mut total = Self::default();
        for term in terms {
            total.add(term)?;
        }
        Some(total)
    }

    /// `self - other`.
    pub(crate) fn minus(mut self, other: &Self) -> Option<Self> {
        for part in &other.0 {
            self.add(-part)?;
        }
        Some(self)
    }

    /// `self by`.
    pub(crate) fn times(&self, by: f64) -> Option<Self> {
        let mut total = Self::default();
        for part in &self.0 {
            let (nearest, error) = two_product(*part, by)?;
            total.add(error)?;
            total.add(nearest)?;
        }
        Some(total)
    }

    /// `self other`.
    pub(crate) fn by(&self, other: &Self) -> Option<Self> {
        let mut total = Self::default();
        for part in &self.0 {
            for part in other.times(*part)?.0 {
                total.add(part)?;
            }
        }
        Some(total)
    }

    /// Adds a float: from the least part on, each sum's rounding error is a part of the new number.
    fn add(&mut self, mut term: f64) -> Option<()> {
        self.0.retain_mut(|part| {
            let (sum, error) = two_sum(term, *part);
            (term, *part) = (sum, error);
            error != 0.0
        });
        if term != 0.0 {
            self.0.push(term);
        }
        term.is_finite().then_some(())
    }

    /// Whether it is above 0.
    pub(crate) fn is_positive(&self) -> bool {
        self.0.last().is_some_and(|largest| *largest > 0.0)
    }

    /// The number, enclosed; what is below 0 is cut to 0.
    pub(crate) fn enclosed(&self) -> Interval {
        let low = self.0.iter().fold(0.0, |total, part| add_down(total, *part)).max(0.0);
        let high = self.0.iter().fold(0.0, |total, part| add_up(total, *part));
        Interval::between(low, high.max(low))
    }
}

#[cfg(test)]
mod tests {
    use dashu_ratio::RBig;
    use proptest::prelude::*;

    use super::*;

    fn exact(value: f64) -> RBig {
        RBig::try_from(value).expect("finite")
    }

    fn value(expansion: &Expansion) -> RBig {
        expansion.0.iter().fold(RBig::ZERO, |total, part| total + exact(*part))
    }

    #[test]
    fn differences_of_products_by_hand() {
        let difference = |a, b, c, d| {
            let exact =
                Expansion::product(a, b).and_then(|left| left.minus(&Expansion::product(c, d)?)).expect("exact");
            (exact.is_positive(), exact.enclosed())
        };
        assert_eq!(difference(4.0, 2.5, 3.0, 3.0), (true, Interval::point(1.0)));
        assert_eq!(difference(3.0, 2.0, 1.5, 4.0), (false, Interval::ZERO));
        assert_eq!(difference(3.0, 2.0, 2.0, 4.0), (false, Interval::ZERO));
        // (1 + e)(1 - e) = 1 - e^2, and (1 + e)(1 + e) - (1 + 2e) = e^2: both products round to their first terms.
        let e = f64::EPSILON;
        assert_eq!(difference(1.0, 1.0, 1.0 + e, 1.0 - e), (true, Interval::point(e * e)));
        assert_eq!(difference(1.0 + e, 1.0 + e, 1.0 + 2.0 * e, 1.0), (true, Interval::point(e * e)));
        assert_eq!(difference(1.0 + e, 1.0 - e, 1.0, 1.0), (false, Interval::ZERO));
        // In thirds: 3 fl(1/3) = 1 - 2^-54.
        assert_eq!(difference(1.0, 1.0, 3.0, 1.0 / 3.0), (true, Interval::point(2f64.powi(-54))));
    }

    #[test]
    fn without_an_expansion_where_an_error_is_no_float() {
        assert_eq!(Expansion::product(1e-200, 1e-200), None);
        assert_eq!(Expansion::product(1e200, 1e200), None);
        assert_eq!(Expansion::product(1e-200, 0.0), Some(Expansion::default()));
        assert_eq!(Expansion::sum([f64::MAX, f64::MAX].into_iter()), None);
        assert_eq!(Expansion::sum([5e-324, -5e-324].into_iter()), Some(Expansion::default()));
        let tiny = Expansion::sum([1e-200].into_iter()).expect("exact");
        assert_eq!(tiny.times(1e-100), None);
    }

    /// A float of any magnitude whose last digits are often 0, so that sums cancel.
    fn number() -> impl Strategy<Value = f64> {
        (any::<bool>(), 0u64..1 << 53, -60i32..60, 0u32..53).prop_map(|(sign, digits, exponent, zeros)| {
            let digits = (digits >> zeros << zeros) as f64;
            if sign { digits * 2f64.powi(exponent) } else { -digits * 2f64.powi(exponent) }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn expansions_are_exact(terms in prop::collection::vec(number(), 0..12), factors in (number(), number(), number())) {
            let total = terms.iter().fold(RBig::ZERO, |total, term| total + exact(*term));
            let sum = Expansion::sum(terms.iter().copied()).expect("in range");
            prop_assert_eq!(value(&sum), total.clone());
            prop_assert_eq!(sum.is_positive(), total > RBig::ZERO);
            let (a, b, c) = factors;
            let truth = total * exact(c) - exact(a) * exact(b);
            let product = Expansion::product(a, b).expect("in range");
            let scaled = sum.times(c).expect("in range");
            let found = scaled.clone().minus(&product).expect("in range");
            prop_assert_eq!(value(&found), truth.clone());
            prop_assert_eq!(found.is_positive(), truth > RBig::ZERO);
            prop_assert_eq!(value(&scaled.by(&product).expect("in range")), value(&scaled) * exact(a) * exact(b));
            let (enclosed, truth) = (found.enclosed(), truth.max(RBig::ZERO));
            prop_assert!(exact(enclosed.low()) <= truth && truth <= exact(enclosed.high()));
            prop_assert!(enclosed.high() - enclosed.low() <= 4.0 * f64::EPSILON * enclosed.high(), "{:?} {:?}", enclosed, found);
        }

        /// Products that differ in their last digits: the enclosure stays narrow, however much of them cancels.
        #[test]
        fn near_products(a in 1e-9f64..1e9, b in 1e-9f64..1e9, c in 1e-9f64..1e9, ulps in -3i64..4) {
            let near = f64::from_bits(((a * b / c).to_bits() as i64 + ulps) as u64);
            let truth = exact(a) * exact(b) - exact(c) * exact(near);
            let found = Expansion::product(a, b).and_then(|left| left.minus(&Expansion::product(c, near)?)).expect("in range");
            prop_assert_eq!(value(&found), truth.clone());
            let (enclosed, truth) = (found.enclosed(), truth.max(RBig::ZERO));
            prop_assert!(exact(enclosed.low()) <= truth && truth <= exact(enclosed.high()));
            prop_assert!(enclosed.high() - enclosed.low() <= 4.0 * f64::EPSILON * enclosed.high());
        }
    }
}
