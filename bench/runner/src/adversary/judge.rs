//! How bad a method is on one instance, as far as the checker certifies it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use offcut_checker::{Interval, Proof, Tolerance, Verdict, beyond, check_answer};
use offcut_instances::document::{InputError, hash, instance_bytes, parse_answer};
use offcut_instances::problem::{Answer, Budget, MethodSpec, Sense, Stop};
use serde::{Deserialize, Serialize};

use crate::cell::{Launcher, Source};
use crate::solver::Solver;
use crate::{BenchmarkAdapter, method};

/// A method or program that is searched against, or for.
pub struct Rival<P: BenchmarkAdapter> {
    /// Its name and parameters.
    pub spec: MethodSpec,
    /// Who solves.
    pub solver: Solver<P>,
}

impl<P: BenchmarkAdapter> Rival<P> {
    /// One of Offcut's methods.
    ///
    /// # Errors
    /// [`InputError`] if there is no such method.
    pub fn own(text: &str) -> Result<Self, InputError> {
        let spec: MethodSpec = text.parse()?;
        let solver = Solver::Own(method::<P>(&spec)?);
        Ok(Self { spec, solver })
    }
}

/// A ratio of two checked objectives, the method's over the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The end of the interval that speaks for the method: it is at least this bad. Minimised: 1 is as good as the reference, more is worse. Maximised: less
    /// is worse.
    pub ratio: f64,
    /// The other end.
    pub other_end: f64,
    /// The method's objective, as checked.
    pub objective: [f64; 2],
    /// The reference's objective, as checked.
    pub reference: [f64; 2],
    /// The replayed bound, if the reference is an exact method.
    pub bound: Option<f64>,
    /// How bad the ratio can be where that is proved of this instance.
    pub proven: Option<f64>,
}

impl Ratio {
    /// How many times worse than the reference the method is, at least; infinite if it has nothing of what is maximised.
    pub fn times_worse(&self, sense: Sense) -> f64 {
        match sense {
            Sense::Minimise => self.ratio,
            Sense::Maximise => 1.0 / self.ratio,
        }
    }

    /// Whether it is worse than what is proved, by more than rounding.
    pub fn beats_theorem(&self, sense: Sense) -> bool {
        self.proven.is_some_and(|proven| match sense {
            Sense::Minimise => self.ratio > proven * (1.0 + BEATS_RELATIVE),
            Sense::Maximise => self.ratio < proven * (1.0 - BEATS_RELATIVE),
        })
    }
}

/// By how much a ratio must be worse than what is proved, relative to it, to beat it: exact methods end within such a gap.
const BEATS_RELATIVE: f64 = 1e-6;

/// How far the objective of an exact method may be from its bound, relative, for it to count as the optimum.
const OPTIMUM_RELATIVE: f64 = 1e-6;

/// Why an instance does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The method ended without a solution, or said that it does not take the instance.
    Unsolved,
    /// The method was stopped by its time: the answer depends on the machine.
    Stopped,
    /// There is no reference: no solution, no time to certify the optimum, or an optimum of 0.
    NoReference,
    /// Nothing is proved of the method on this instance, and only such instances were asked for.
    NoTheorem,
}

/// What an instance says about the method.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A ratio with both ends certified.
    Counts(Ratio),
    /// Nothing.
    Skipped(Skipped),
    /// An answer was rejected, a bound contradicted, or a method panicked: somewhere is a bug.
    Refuted(String),
}

/// What came out of judging one instance.
pub struct Judged<P: BenchmarkAdapter> {
    /// What it says.
    pub outcome: Outcome,
    /// The method's answer.
    pub answer: Answer<P>,
    /// The reference's answer, if it was asked.
    pub reference: Option<Answer<P>>,
}

/// Judges a method on instances.
pub struct Judge<'a, P: BenchmarkAdapter> {
    /// The method.
    pub method: Rival<P>,
    /// The method to compare with; the certified optimum if none.
    pub against: Option<Rival<P>>,
    /// What each answer may take, and the seed of methods.
    pub budget: Budget,
    /// Whether only instances count of which something is proved.
    pub only_proven: bool,
    /// Starts programs.
    pub launcher: Launcher<'a>,
    /// Where programs find their instance.
    pub candidate: &'a Path,
}

impl<P: BenchmarkAdapter> Judge<'_, P> {
    /// Judges the method on an instance.
    ///
    /// # Errors
    /// [`InputError`] if a program cannot be started.
    pub fn judge(&self, instance: &P::Instance) -> Result<Judged<P>, InputError> {
        let proven = P::proven_factor(&self.method.spec, instance).map(|factor| match P::SENSE {
            Sense::Minimise => factor,
            Sense::Maximise => 1.0 / factor,
        });
        let skipped = |why, answer| Ok(Judged { outcome: Outcome::Skipped(why), answer, reference: None });
        if self.only_proven && proven.is_none() {
            return skipped(Skipped::NoTheorem, Answer::declined("nothing is proved of it"));
        }
        let answer = self.answer(&self.method, instance)?;
        let verdict = check_answer::<P>(instance, &answer, &Tolerance::default());
        if let Some(outcome) = without_ratio(&self.method.spec.id, &answer, &verdict) {
            return Ok(Judged { outcome, answer, reference: None });
        }
        let (name, reference) = match &self.against {
            Some(rival) => (rival.spec.id.clone(), self.answer(rival, instance)?),
            None => {
                let Some(exact) = P::certifying(instance) else { return skipped(Skipped::NoReference, answer) };
                (exact.to_owned(), self.answer(&Rival::own(exact)?, instance)?)
            }
        };
        let of_reference = check_answer::<P>(instance, &reference, &Tolerance::default());
        let outcome = self.compared(&verdict, (&name, &reference, &of_reference), proven);
        Ok(Judged { outcome, answer, reference: Some(reference) })
    }

    /// A method's answer; a panic is an answer that failed.
    fn answer(&self, rival: &Rival<P>, instance: &P::Instance) -> Result<Answer<P>, InputError> {
        if let Solver::Own(algorithm) = &rival.solver {
            let solved = catch_unwind(AssertUnwindSafe(|| algorithm.solve(instance, &self.budget)));
            return Ok(solved.unwrap_or_else(|_| Answer::failed(PANIC)));
        }
        let bytes = instance_bytes::<P>(instance);
        let write = || {
            std::fs::write(self.candidate, &bytes).map_err(|error| {
                InputError::at("", format!("cannot be written: {error}"), "choose a folder that can be written to")
                    .in_file(self.candidate)
            })
        };
        write()?;
        let source = Source { path: self.candidate, hash: &hash::<P>(instance), restore: &write };
        let executed = self.launcher.execute::<P>(&rival.solver, &rival.spec, &source, &self.budget)?;
        Ok(parse_answer::<P>(&executed.answer)
            .unwrap_or_else(|error| Answer::invalid(format!("its answer cannot be read: {error}"))))
    }

    /// The ratio of the method's checked objective to that of a reference.
    fn compared(
        &self,
        verdict: &Verdict,
        (name, reference, of_reference): (&str, &Answer<P>, &Verdict),
        proven: Option<f64>,
    ) -> Outcome {
        match without_ratio(name, reference, of_reference) {
            Some(Outcome::Skipped(_)) => return Outcome::Skipped(Skipped::NoReference),
            Some(other) => return other,
            None => {}
        }
        let (Some(own), Some(other)) = (verdict.objective(), of_reference.objective()) else {
            return Outcome::Skipped(Skipped::NoReference);
        };
        let bound = of_reference.certified_bound();
        if let Some(bound) = bound
            && beyond(P::SENSE, bound, own) > 0.0
        {
            let method = &self.method.spec;
            return Outcome::Refuted(format!("{method} has {}, beyond the bound {bound} of {name}", own.middle()));
        }
        // The best that the reference may be: its bound, where that meets its objective.
        let best = match (&self.against, bound) {
            (Some(_), _) if P::SENSE == Sense::Minimise => other.low(),
            (Some(_), _) => other.high(),
            (None, Some(bound)) if (other.middle() - bound).abs() <= OPTIMUM_RELATIVE * other.magnitude() => bound,
            (None, _) => return Outcome::Skipped(Skipped::NoReference),
        };
        if best <= 0.0 || other.low() <= 0.0 {
            return Outcome::Skipped(Skipped::NoReference);
        }
        // A solution that is found is at most as good as the optimum, so the method is at least so bad.
        let (for_it, against_it) = match P::SENSE {
            Sense::Minimise => (own.low() / other.high(), own.high() / best),
            Sense::Maximise => (own.high() / other.low(), own.low() / best),
        };
        let ends = |interval: Interval| [interval.low(), interval.high()];
        let ratio = Ratio {
            ratio: for_it,
            other_end: against_it,
            objective: ends(own),
            reference: ends(other),
            bound: bound.filter(|_| self.against.is_none()),
            proven,
        };
        if ratio.ratio.is_finite() { Outcome::Counts(ratio) } else { Outcome::Skipped(Skipped::NoReference) }
    }
}

/// What an answer of a method that panicked says.
const PANIC: &str = "it panicked";

/// The outcome of an answer that has no objective to compare.
fn without_ratio<P: BenchmarkAdapter>(name: &str, answer: &Answer<P>, verdict: &Verdict) -> Option<Outcome> {
    let refuted = |what: &str| Some(Outcome::Refuted(format!("{name}: {what}")));
    if let Stop::Failed(why) = &answer.stop
        && why == PANIC
    {
        return refuted(PANIC);
    }
    if let Stop::Invalid(why) = &answer.stop {
        return refuted(why);
    }
    if verdict.is_rejected() {
        let first = verdict.violations().iter().chain(verdict.proofs().into_iter().flat_map(Proof::violations)).next();
        return refuted(&first.map_or_else(|| "rejected".to_owned(), ToString::to_string));
    }
    match answer.stop {
        Stop::Completed if verdict.is_feasible() => None,
        Stop::TimeLimit | Stop::MemoryLimit => Some(Outcome::Skipped(Skipped::Stopped)),
        _ => Some(Outcome::Skipped(Skipped::Unsolved)),
    }
}
