//! The jury. It evaluates solutions plainly and replays bounds, and trusts nobody: not a solver's status, not a
//! claimed objective, not a claimed bound.
//!
//! Everything is computed in outward-rounded interval arithmetic ([`Interval`]): an objective is known as a pair of
//! floats with the true value between them, and a bound counts as proved only if it holds for the lower end.
//!
//! The law: this crate depends on `offcut-instances` and nothing else of Offcut, no contestant depends on it, and only it
//! can make a [`Verdict`].
//!
//! What a replay may take of time and memory grows with the size of what is checked: see [`Budget`].
//!
//! What the checker does **not** check:
//! - that the generator drew the distribution it says it draws: an instance is taken as given;
//! - a [`Evidence::SolverReported`]: it is carried along, marked as a word, and never counts as proved;
//! - times, counts and histories in an answer's trace: the runner measures time itself;
//! - that a method did what its name says: only what it found and proved is judged;
//! - the hardware's and compiler's IEEE 754 arithmetic, which the intervals rest on.

mod budget;
mod capacity;
mod interval;
mod jpdra;
pub mod lymdo;
mod multiuser;
mod number;
mod speedup;
mod throughput;
mod tree;
mod verdict;

use std::collections::BTreeMap;

use offcut_instances::problem::{Answer, Evidence, Problem, Sense, Stop};

pub use budget::Budget;
pub use capacity::CAPACITY_TOLERANCE;
pub use interval::{Interval, sum};
pub use number::{Domain, Intake, Normalised};
pub use verdict::{Proof, Tolerance, Verdict, Violation};

/// A problem the jury knows how to judge.
pub trait Checkable: Problem {
    /// The objective of `solution`, enclosed, with every violation found. The objective is `None` when a violation leaves it
    /// undefined.
    fn evaluate(instance: &Self::Instance, solution: &Self::Solution) -> (Option<Interval>, Vec<Violation>);

    /// The best bound that `certificate` proves for `instance`: rounded down when minimising, up when maximising; infinite if it proves that
    /// there is no solution at all.
    ///
    /// # Errors
    /// The violations that keep it from proving anything; one that names the limit if the certificate asks for more steps than its size allows.
    fn replay(instance: &Self::Instance, certificate: &Self::Certificate) -> Result<f64, Vec<Violation>> {
        Self::replay_within(instance, certificate, &Self::budget(instance, certificate))
    }

    /// As [`Self::replay`], within any budget.
    ///
    /// # Errors
    /// As there.
    fn replay_within(
        instance: &Self::Instance,
        certificate: &Self::Certificate,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        let certificate = Normalised::of(certificate, Self::numbers).map_err(|violation| vec![violation])?;
        let value = Self::replay_normalised(instance, &certificate, budget)?;
        let is_bound = value.is_finite() || value == no_solution(Self::SENSE);
        // (A sum with 0 has the sign that 0 has.)
        let none = || vec![Violation::new("a bound is a number", "proved", value, "not allowed")];
        is_bound.then_some(value + 0.0).ok_or_else(none)
    }

    /// The steps that the replay of a certificate of its size may take.
    fn budget(instance: &Self::Instance, certificate: &Self::Certificate) -> Budget;

    /// Shows every number of a certificate to the intake, which normalises or rejects it (see [`Normalised`]): what the number may be, and its place.
    fn numbers(certificate: &mut Self::Certificate, intake: &mut Intake);

    /// As [`Self::replay_within`], of a certificate whose numbers are normalised.
    ///
    /// # Errors
    /// The violations that keep it from proving anything.
    fn replay_normalised(
        instance: &Self::Instance,
        certificate: &Normalised<Self::Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>>;

    /// The objective of `solution` with its shares as they are given, where [`Self::evaluate`] may scale them back into a capacity; `None` for problems in
    /// which nothing is scaled. It is never the checked objective: a claimed objective may be either value.
    fn as_given(_: &Self::Instance, _: &Self::Solution) -> Option<Interval> {
        None
    }

    /// What else tables tell about a solution without violations, by name: parts of the objective, say. Nothing by default.
    fn measures(_: &Self::Instance, _: &Self::Solution) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }
}

/// Judges an answer.
pub fn judge<P: Checkable>(instance: &P::Instance, answer: &Answer<P>, tolerance: &Tolerance) -> Verdict {
    let mut verdict = Verdict { claims_infeasible: answer.stop == Stop::Infeasible, ..Verdict::empty(P::SENSE) };
    if let Some(claim) = &answer.found {
        let (objective, mut violations) = P::evaluate(instance, &claim.solution);
        if let Some(checked) = objective {
            if let Some(violation) = compare("claimed objective", claim.objective, checked, tolerance) {
                // Near a full capacity what is scaled back weighs: who did not scale has another number.
                let given = P::as_given(instance, &claim.solution);
                let is_given = given.is_some_and(|given| compare("", claim.objective, given, tolerance).is_none());
                violations.extend((!is_given).then_some(violation));
            }
        }
        if violations.is_empty() {
            verdict.measures = P::measures(instance, &claim.solution);
        }
        verdict.objective = objective;
        verdict.violations = violations;
    }
    verdict.proof = match &answer.proved {
        None => Proof::Nothing,
        Some(bound) => match &bound.evidence {
            Evidence::SolverReported(word) if bound.value.is_finite() => {
                Proof::SolverReported { value: bound.value, word: word.clone() }
            }
            Evidence::SolverReported(_) => Proof::Rejected {
                violations: vec![Violation::new("bound is a number", "proved.value", f64::INFINITY, "s")],
            },
            Evidence::Certificate(certificate) => match P::replay(instance, certificate) {
                Err(violations) => Proof::Rejected { violations },
                // Then any bound is true.
                Ok(value) if value.is_infinite() => Proof::Infeasible,
                // A claim that says less than is proved is true; what counts is what was proved.
                Ok(value) => match compare("claimed bound", bound.value, Interval::point(value), tolerance) {
                    Some(violation) if !says_less(P::SENSE, bound.value, value) => {
                        Proof::Rejected { violations: vec![violation] }
                    }
                    _ => Proof::Certified { value },
                },
            },
        },
    };
    let contradictions = contradictions(&verdict, tolerance);
    verdict.violations.extend(contradictions);
    verdict
}

/// Whether a claimed bound is weaker than the one proved.
fn says_less(sense: Sense, claimed: f64, proved: f64) -> bool {
    claimed.is_finite()
        && match sense {
            Sense::Minimise => claimed < proved,
            Sense::Maximise => claimed > proved,
        }
}

/// The bound that says that there is no solution.
pub fn no_solution(sense: Sense) -> f64 {
    match sense {
        Sense::Minimise => f64::INFINITY,
        Sense::Maximise => f64::NEG_INFINITY,
    }
}

/// How far the bound lies beyond an objective, relative to the objective; 0 if it does not.
pub fn beyond(sense: Sense, bound: f64, objective: Interval) -> f64 {
    let beyond = match sense {
        Sense::Minimise => bound - objective.high(),
        Sense::Maximise => objective.low() - bound,
    };
    if beyond <= 0.0 { 0.0 } else { beyond / objective.magnitude() }
}

/// An answer whose own sides cannot both be true.
fn contradictions(verdict: &Verdict, tolerance: &Tolerance) -> Vec<Violation> {
    let Some(objective) = verdict.objective.filter(|_| verdict.violations.is_empty()) else { return Vec::new() };
    let mut found = Vec::new();
    if verdict.claims_infeasible {
        found.push(Violation::new("an infeasible instance has no solution", "stop", 1.0, "feasible solution"));
    }
    let Some((bound, allowed)) = verdict.proof.bound(verdict.sense, tolerance) else { return found };
    let off = beyond(verdict.sense, bound, objective);
    if off > allowed {
        found.push(Violation::new("no objective lies beyond a bound", "proved.value", off, "relative"));
    }
    found
}

/// A claimed number against a checked one.
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
    fn a_bound_without_a_solution_is_beyond_all() {
        assert_eq!(no_solution(Sense::Minimise), f64::INFINITY);
        assert_eq!(no_solution(Sense::Maximise), f64::NEG_INFINITY);
    }

    #[test]
    fn weaker_claims_say_less() {
        for (sense, weaker, stronger) in [(Sense::Minimise, 1.0, 2.0), (Sense::Maximise, 2.0, 1.0)] {
            assert!(says_less(sense, weaker, stronger));
            assert!(!says_less(sense, stronger, weaker));
            assert!(!says_less(sense, weaker, weaker));
            assert!(!says_less(sense, f64::NAN, stronger));
        }
        assert!(!says_less(Sense::Minimise, f64::NEG_INFINITY, 1.0));
    }

    #[test]
    fn how_far_a_bound_lies_beyond_is_relative_to_the_objective() {
        let objective = Interval::between(4.0, 5.0);
        assert_eq!(beyond(Sense::Minimise, 7.5, objective), 0.5);
        assert_eq!(beyond(Sense::Maximise, 1.5, objective), 0.5);
        for bound in [4.0, 4.5, 5.0] {
            assert_eq!(beyond(Sense::Minimise, bound, objective), 0.0);
            assert_eq!(beyond(Sense::Maximise, bound, objective), 0.0);
        }
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

    /// What is no number is no bound, whoever says it. And a problem without measures has none.
    #[test]
    fn a_word_is_a_number() {
        let bytes = include_bytes!("../../../instances/data/multiuser/toy.json");
        let toy = parse_instance::<Multiuser>(bytes).expect("the toy is valid");
        let verdict = |value: f64| {
            let mut answer = Answer::<Multiuser>::found(Solution { cut: vec![1, 0], units: vec![2, 2] }, 5.0);
            answer.proved = Some(Bound { value, evidence: Evidence::SolverReported("a solver's".into()) });
            judge(&toy, &answer, &Tolerance::default())
        };
        let said = verdict(4.0);
        assert_eq!(said.proof(), &Proof::SolverReported { value: 4.0, word: "a solver's".into() });
        assert!(said.is_feasible() && !said.claims_infeasible() && said.measures().is_empty());
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(verdict(value).proof(), Proof::Rejected { .. }), "{value}");
        }
    }
}
