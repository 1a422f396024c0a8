//! Checking one answer.

use offcut_instances::problem::{Answer, Bound, CertifiedBound, Claim, Evidence, Sense, Stop};

use crate::checkable::Checkable;
use crate::interval::Interval;
use crate::verdict::{Proof, Tolerance, Verdict, Violation, beyond};

/// Checks an answer: its solution, its claimed objective, its bound, and whether they contradict each other.
pub fn check_answer<P: Checkable>(instance: &P::Instance, answer: &Answer<P>, tolerance: &Tolerance) -> Verdict {
    let mut verdict = Verdict { claims_infeasible: answer.stop == Stop::Infeasible, ..Verdict::empty(P::SENSE) };
    if let Some(claim) = &answer.found {
        check_solution::<P>(instance, claim, tolerance, &mut verdict);
    }
    verdict.proof = answer.proved.as_ref().map_or(Proof::Nothing, |bound| check_bound::<P>(instance, bound, tolerance));
    verdict.certified = answer.certified.as_ref().map_or(Proof::Nothing, |CertifiedBound { value, certificate }| {
        check_certificate::<P>(instance, *value, certificate, tolerance)
    });
    let contradictions = contradictions(&verdict, tolerance);
    verdict.violations.extend(contradictions);
    verdict
}

/// The solution and the objective that is claimed for it.
fn check_solution<P: Checkable>(
    instance: &P::Instance,
    claim: &Claim<P::Solution>,
    tolerance: &Tolerance,
    verdict: &mut Verdict,
) {
    let (objective, mut violations) = P::evaluate(instance, &claim.solution);
    if let Some(checked) = objective
        && let Some(violation) = compare("claimed objective", claim.objective, checked, tolerance)
    {
        // Near a full capacity, scaling changes the objective: a method that does not scale claims the unscaled value.
        let given = P::as_given(instance, &claim.solution);
        let is_given = given.is_some_and(|given| compare("", claim.objective, given, tolerance).is_none());
        violations.extend((!is_given).then_some(violation));
    }
    if violations.is_empty() {
        verdict.measures = P::measures(instance, &claim.solution);
    }
    verdict.objective = objective;
    verdict.violations = violations;
}

/// The answer's bound: replayed if it has a certificate, kept as unchecked if a solver reported it.
fn check_bound<P: Checkable>(instance: &P::Instance, bound: &Bound<P::Certificate>, tolerance: &Tolerance) -> Proof {
    match &bound.evidence {
        Evidence::SolverReported(word) if bound.value.is_finite() => {
            Proof::SolverReported { value: bound.value, word: word.clone() }
        }
        Evidence::SolverReported(_) => Proof::Rejected {
            violations: vec![Violation::new("bound is a number", "proved.value", f64::INFINITY, "not allowed")],
        },
        Evidence::Certificate(certificate) => check_certificate::<P>(instance, bound.value, certificate, tolerance),
    }
}

/// A bound with a certificate, replayed.
fn check_certificate<P: Checkable>(
    instance: &P::Instance,
    claimed: f64,
    certificate: &P::Certificate,
    tolerance: &Tolerance,
) -> Proof {
    match P::replay(instance, certificate) {
        Err(violations) => Proof::Rejected { violations },
        // Without a feasible solution every bound holds.
        Ok(value) if value.is_infinite() => Proof::Infeasible,
        // A claimed bound that is weaker than the proved one is true; the verdict holds the proved one.
        Ok(value) => match compare("claimed bound", claimed, Interval::point(value), tolerance) {
            Some(violation) if !is_weaker(P::SENSE, claimed, value) => Proof::Rejected { violations: vec![violation] },
            _ => Proof::Certified { value },
        },
    }
}

/// Whether a claimed bound is weaker than the one proved.
fn is_weaker(sense: Sense, claimed: f64, proved: f64) -> bool {
    claimed.is_finite()
        && match sense {
            Sense::Minimise => claimed < proved,
            Sense::Maximise => claimed > proved,
        }
}

/// Violations of an answer whose solution, status and bound contradict each other.
pub(crate) fn contradictions(verdict: &Verdict, tolerance: &Tolerance) -> Vec<Violation> {
    let Some(objective) = verdict.objective.filter(|_| verdict.violations.is_empty()) else { return Vec::new() };
    let mut found = Vec::new();
    if verdict.claims_infeasible {
        found.push(Violation::new("an infeasible instance has no solution", "stop", 1.0, "feasible solution"));
    }
    for (proof, at) in [(&verdict.proof, "proved.value"), (&verdict.certified, "certified.value")] {
        let Some((bound, allowed)) = proof.bound(verdict.sense, tolerance) else { continue };
        let off = beyond(verdict.sense, bound, objective);
        if off > allowed {
            found.push(Violation::new("no objective lies beyond a bound", at, off, "relative"));
        }
    }
    found
}

/// Compares a claimed number with a checked one; a violation if they differ by more than the tolerance.
fn compare(constraint: &str, claimed: f64, checked: Interval, tolerance: &Tolerance) -> Option<Violation> {
    let allowed = tolerance.claim_relative * checked.magnitude();
    let off = if claimed.is_finite() {
        (checked.low() - claimed).max(claimed - checked.high()).max(0.0)
    } else {
        f64::INFINITY
    };
    (off > allowed)
        .then(|| Violation::new(constraint, format!("claimed {claimed:e}, checked {:e}", checked.middle()), off, "off"))
}

#[cfg(test)]
mod tests {
    use offcut_instances::document::parse_instance;
    use offcut_instances::multiuser::{Multiuser, Solution};
    use offcut_instances::problem::Bound;

    use super::*;

    #[test]
    fn a_weaker_bound_is_recognised() {
        for (sense, weaker, stronger) in [(Sense::Minimise, 1.0, 2.0), (Sense::Maximise, 2.0, 1.0)] {
            assert!(is_weaker(sense, weaker, stronger));
            assert!(!is_weaker(sense, stronger, weaker));
            assert!(!is_weaker(sense, weaker, weaker));
            assert!(!is_weaker(sense, f64::NAN, stronger));
        }
        assert!(!is_weaker(Sense::Minimise, f64::NEG_INFINITY, 1.0));
    }

    #[test]
    fn a_claim_may_be_off_by_the_tolerance_of_what_was_checked() {
        let tolerance = Tolerance { claim_relative: 0.25, ..Tolerance::default() };
        let off = |claimed: f64, checked: Interval| compare("", claimed, checked, &tolerance).map(|wrong| wrong.amount);
        let checked = Interval::between(6.0, 8.0);
        assert_eq!([4.0, 5.0, 7.0, 8.0, 10.0].map(|claimed| off(claimed, checked)), [None; 5]);
        assert_eq!([3.0, 11.0].map(|claimed| off(claimed, checked)), [Some(3.0); 2]);
        assert_eq!(off(f64::NAN, checked), Some(f64::INFINITY));
        assert_eq!(off(0.0, Interval::ZERO), None);
    }

    /// A solver-reported bound that is not finite is rejected. And a problem without measures has none.
    #[test]
    fn a_solver_reported_bound_is_a_number() {
        let bytes = include_bytes!("../../../instances/data/multiuser/toy.json");
        let toy = parse_instance::<Multiuser>(bytes).expect("the toy is valid");
        let verdict = |value: f64| {
            let mut answer = Answer::<Multiuser>::found(Solution { cut: vec![1, 0], units: vec![2, 2] }, 5.0);
            answer.proved = Some(Bound { value, evidence: Evidence::SolverReported("a solver".into()) });
            check_answer(&toy, &answer, &Tolerance::default())
        };
        let reported = verdict(4.0);
        assert_eq!(reported.proof(), &Proof::SolverReported { value: 4.0, word: "a solver".into() });
        assert!(reported.is_feasible() && !reported.claims_infeasible() && reported.measures().is_empty());
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(verdict(value).proof(), Proof::Rejected { .. }), "{value}");
        }
    }
}
