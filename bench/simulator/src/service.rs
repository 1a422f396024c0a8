//! Laws of service times.

/// How service times spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Exponentially, drawn anew at every stage.
    Exponential,
    /// Not at all.
    Deterministic,
}
