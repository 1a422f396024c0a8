//! What a problem implements so that its answers can be checked.

use std::collections::BTreeMap;

use offcut_instances::problem::Problem;

use crate::budget::Budget;
use crate::interval::Interval;
use crate::number::{Intake, Normalised};
use crate::verdict::{Violation, no_solution};

/// A problem whose solutions and certificates the checker can check.
pub trait Checkable: Problem {
    /// The enclosed objective of `solution` and all violations found. The objective is `None` if a violation leaves it undefined.
    fn evaluate(instance: &Self::Instance, solution: &Self::Solution) -> (Option<Interval>, Vec<Violation>);

    /// The best bound that `certificate` proves for `instance`: rounded down when minimising, up when maximising. It is infinite
    /// ([`no_solution`]) if the certificate proves that there is no feasible solution.
    ///
    /// # Errors
    /// The violations that invalidate the certificate. One of them names the limit if the replay takes more steps than the certificate's size allows.
    fn replay(instance: &Self::Instance, certificate: &Self::Certificate) -> Result<f64, Vec<Violation>> {
        Self::replay_within(instance, certificate, &Self::budget(instance, certificate))
    }

    /// As [`Self::replay`], within a given budget.
    ///
    /// # Errors
    /// As [`Self::replay`].
    fn replay_within(
        instance: &Self::Instance,
        certificate: &Self::Certificate,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        let certificate = Normalised::of(certificate, Self::numbers).map_err(|violation| vec![violation])?;
        let value = Self::replay_normalised(instance, &certificate, budget)?;
        let is_bound = value.is_finite() || value == no_solution(Self::SENSE);
        let not_a_bound = || vec![Violation::new("a bound is a number", "proved", value, "not allowed")];
        // (`+ 0.0` turns -0.0 into 0.0.)
        is_bound.then_some(value + 0.0).ok_or_else(not_a_bound)
    }

    /// The steps that the replay of `certificate` may take, from its size and the instance's.
    fn budget(instance: &Self::Instance, certificate: &Self::Certificate) -> Budget;

    /// Passes every number of a certificate to the intake with its domain and its place. The intake normalises or rejects it (see [`Normalised`]).
    fn numbers(certificate: &mut Self::Certificate, intake: &mut Intake);

    /// As [`Self::replay_within`], of a certificate whose numbers are normalised.
    ///
    /// # Errors
    /// The violations that invalidate the certificate.
    fn replay_normalised(
        instance: &Self::Instance,
        certificate: &Normalised<Self::Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>>;

    /// The objective of `solution` with unscaled shares, for problems in which [`Self::evaluate`] may scale shares back into a capacity; `None` for the other
    /// problems. It is never the checked objective, but a claimed objective may equal either value.
    fn as_given(_: &Self::Instance, _: &Self::Solution) -> Option<Interval> {
        None
    }

    /// Further measures of a solution without violations, by name, for tables; for example parts of the objective. None by default.
    fn measures(_: &Self::Instance, _: &Self::Solution) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
}
