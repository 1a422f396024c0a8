//! The numbers of certificates, where they enter the checker: normalised, or rejected. No replay sees any other.
//!
//! A certificate is the output of an untrusted program. Its numbers are multipliers, and every theorem behind a replay holds for *all* multipliers of a
//! [`Domain`]. So it is enough that each number is of its domain, and that no computation leaves the range in which outward rounding is sound:
//!
//! - **Signed zeros**: `-0.0` becomes `0.0`. IEEE 754 compares both as equal, but divides by them to opposite infinities.
//! - **Tiny numbers**: a number that must not be negative is rejected below [`LEAST`], because replays multiply and divide by it. One of either sign is
//!   only added up, so it becomes 0 where it is subnormal: 0 is another number of its domain.
//! - **Wrong signs, infinities, what is not a number, too large numbers** are rejected.
//!
//! [`Normalised`] is the proof that this happened: only [`Normalised::of`] makes one, and `Checkable::replay_normalised` takes nothing else.

use crate::verdict::Violation;

/// The least magnitude of a number that is not 0. Products of three such numbers, and numbers of an instance (1e-30 and above), are normal floats.
pub(crate) const LEAST: f64 = 1e-60;

/// What a number may be.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// 0, or from 1e-60 to this.
    NotNegative(f64),
    /// Of either sign, up to this in magnitude.
    Signed(f64),
}

impl Domain {
    /// Multipliers that must not be negative.
    pub(crate) const PRICE: Self = Self::NotNegative(1e60);

    /// The number as replays see it; none if it is rejected.
    fn normalised(self, value: f64) -> Option<f64> {
        let magnitude = value.abs();
        match self {
            // (What is not a number is neither.)
            _ if magnitude == 0.0 => Some(0.0),
            Self::NotNegative(most) => (LEAST <= value && value <= most && value.is_finite()).then_some(value),
            Self::Signed(_) if magnitude < f64::MIN_POSITIVE => Some(0.0),
            Self::Signed(most) => (magnitude <= most && value.is_finite()).then_some(value),
        }
    }
}

/// Takes the numbers of a certificate, one by one: what each may be, the constraint it breaks if it is not that, and its place.
pub struct Intake {
    rejected: Option<Violation>,
}

impl Intake {
    /// Normalises a number, or notes that it is rejected; the first one that is counts.
    pub fn take(&mut self, value: &mut f64, domain: Domain, constraint: &str, place: impl FnOnce() -> String) {
        match domain.normalised(*value) {
            Some(normalised) => *value = normalised,
            None if self.rejected.is_none() => {
                self.rejected = Some(Violation::new(constraint, place(), *value, "not allowed"));
            }
            None => {}
        }
    }

    /// The same for many numbers, told apart by their index.
    pub fn take_all<'a>(
        &mut self,
        values: impl IntoIterator<Item = &'a mut f64>,
        domain: Domain,
        constraint: &str,
        place: impl Fn(usize) -> String,
    ) {
        for (at, value) in values.into_iter().enumerate() {
            self.take(value, domain, constraint, || place(at));
        }
    }
}

/// A certificate whose numbers are all of their domains.
pub struct Normalised<C>(C);

impl<C: Clone> Normalised<C> {
    /// A normalised copy; `numbers` shows every number of the certificate to the intake.
    pub(crate) fn of(certificate: &C, numbers: impl FnOnce(&mut C, &mut Intake)) -> Result<Self, Violation> {
        let mut copy = certificate.clone();
        let mut intake = Intake { rejected: None };
        numbers(&mut copy, &mut intake);
        intake.rejected.map_or(Ok(Self(copy)), Err)
    }
}

impl<C> std::ops::Deref for Normalised<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: f64 = 5e-324;

    #[test]
    fn zeros_have_one_sign() {
        for domain in [Domain::PRICE, Domain::Signed(1e60)] {
            for zero in [0.0, -0.0] {
                assert_eq!(domain.normalised(zero).map(f64::to_bits), Some(0), "{domain:?}");
            }
        }
    }

    #[test]
    fn prices_are_0_or_neither_small_nor_large() {
        let price = |value: f64| Domain::PRICE.normalised(value);
        for fine in [LEAST, 1.0, 1e60] {
            assert_eq!(price(fine), Some(fine));
        }
        let not = [LEAST.next_down(), SMALLEST, 1e60f64.next_up(), -SMALLEST, -LEAST, -1.0];
        for value in not.into_iter().chain([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]) {
            assert_eq!(price(value), None, "{value:e}");
        }
        // Infinity is no number even where there is no limit.
        assert_eq!(Domain::NotNegative(f64::INFINITY).normalised(f64::INFINITY), None);
        assert_eq!(Domain::NotNegative(f64::INFINITY).normalised(1e300), Some(1e300));
    }

    #[test]
    fn numbers_of_either_sign_are_0_where_they_are_subnormal() {
        let signed = |value: f64| Domain::Signed(1e60).normalised(value);
        for value in [f64::MIN_POSITIVE, -f64::MIN_POSITIVE, LEAST, 3.0, -3.0, 1e60, -1e60] {
            assert_eq!(signed(value), Some(value));
        }
        for value in [SMALLEST, -SMALLEST, f64::MIN_POSITIVE.next_down(), -f64::MIN_POSITIVE.next_down()] {
            assert_eq!(signed(value).map(f64::to_bits), Some(0), "{value:e}");
        }
        for value in [1e60f64.next_up(), -1e61, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(signed(value), None, "{value:e}");
        }
    }

    #[test]
    fn the_first_rejected_number_is_told() {
        let all = |numbers: &mut Vec<f64>, intake: &mut Intake| {
            intake.take_all(numbers, Domain::PRICE, "prices are numbers", |at| format!("prices[{at}]"));
        };
        let taken = Normalised::of(&vec![-0.0, 1.0], all).map(|taken| taken[0].to_bits());
        assert_eq!(taken, Ok(0));
        let rejected = Normalised::of(&vec![0.0, -2.0, f64::NAN], all).err().expect("not legal");
        assert_eq!((rejected.constraint.as_str(), rejected.at.as_str()), ("prices are numbers", "prices[1]"));
    }
}
