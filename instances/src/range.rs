//! The ranges of an instance's numbers: one line per number in an implementation of [`Valid`](crate::problem::Valid).

use crate::error::InputError;

/// Magnitudes a number of an instance may have. Within them no product or sum of a latency overflows or
/// underflows, which is what makes outward rounding by single steps sound.
pub const MAGNITUDES: std::ops::RangeInclusive<f64> = 1e-30..=1e30;

/// A number above 0, within [`MAGNITUDES`].
///
/// # Errors
/// Names `place`.
pub fn positive(place: impl FnOnce() -> String, value: f64) -> Result<(), InputError> {
    if MAGNITUDES.contains(&value) {
        return Ok(());
    }
    Err(InputError::at(place(), format!("is {value}"), "give a number above 0, between 1e-30 and 1e30"))
}

/// 0, or a number above 0 within [`MAGNITUDES`].
///
/// # Errors
/// Names `place`.
pub fn not_negative(place: impl FnOnce() -> String, value: f64) -> Result<(), InputError> {
    if value == 0.0 || MAGNITUDES.contains(&value) {
        return Ok(());
    }
    Err(InputError::at(place(), format!("is {value}"), "give 0 or a number between 1e-30 and 1e30"))
}
