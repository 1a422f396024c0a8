//! One round of simulated annealing over instances, argmin's.
//!
//! The cost of an instance is minus the logarithm of how many times worse the method is there. The temperature falls geometrically from 0.3 to 0.003:
//! at first a ratio that is a third smaller is taken about every fourth time, in the end one that is 1 % smaller hardly ever. Where objectives are counts that
//! are maximised, most moves change no ratio; of those, instances with a larger optimum are preferred a little, as a ratio of larger counts has more values.

use std::cell::RefCell;
use std::time::Duration;

use argmin::core::{CostFunction, Error, Executor, IterState};
use argmin::solver::simulatedannealing::{Anneal, SATempFunc, SimulatedAnnealing};
use offcut_instances::document::InputError;
use offcut_instances::mutate::neighbour;
use offcut_instances::problem::Sense;
use offcut_instances::random::Stream;
use rand_core_of_argmin::RngCore;

use super::judge::{Judge, Outcome, Ratio, Skipped};
use crate::BenchmarkAdapter;

/// The first temperature, and the last over the first.
const TEMPERATURE: f64 = 0.3;
const COOLING: f64 = 0.01;

/// How much a larger optimum is preferred if the objective is maximised: this times the logarithm of one more than it.
const PREFERENCE: f64 = 0.02;

/// Cost of an instance that does not count: worse than any that does.
const NO_RATIO: f64 = 10.0;

/// Cost where the method has nothing at all.
const NOTHING: f64 = -100.0;

/// A [`Stream`] with argmin's interface.
struct Draws(Stream);

impl RngCore for Draws {
    fn next_u32(&mut self) -> u32 {
        (self.0.bits() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0.bits()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.0.bits().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What was seen while annealing.
pub(super) struct Tally<I> {
    /// Instances judged.
    pub(super) tried: u64,
    /// Instances with a ratio.
    pub(super) counted: u64,
    /// Instances that the method did not solve.
    pub(super) unsolved: u64,
    /// The worst instance, the first of those that are alike.
    pub(super) worst: Option<(I, Ratio)>,
    /// Instances on which something is wrong, and what; a few.
    pub(super) refuted: Vec<(I, String)>,
}

impl<I> Default for Tally<I> {
    fn default() -> Self {
        Self { tried: 0, counted: 0, unsolved: 0, worst: None, refuted: Vec::new() }
    }
}

/// Instances on which something is wrong that are kept of one round.
const MOST_REFUTED: usize = 3;

impl<I: Clone> Tally<I> {
    /// Takes note of an outcome; the cost of the instance.
    pub(super) fn add<P: BenchmarkAdapter<Instance = I>>(&mut self, instance: &I, outcome: Outcome) -> f64 {
        self.tried += 1;
        match outcome {
            Outcome::Counts(ratio) => {
                self.counted += 1;
                let worse = ratio.times_worse(P::SENSE);
                if self.worst.as_ref().is_none_or(|(_, worst)| worse > worst.times_worse(P::SENSE)) {
                    self.worst = Some((instance.clone(), ratio));
                }
                if ratio.beats_theorem(P::SENSE) && self.refuted.len() < MOST_REFUTED {
                    self.refuted.push((instance.clone(), format!("a proven ratio is beaten: {}", ratio.ratio)));
                }
                let preference = match P::SENSE {
                    Sense::Minimise => 0.0,
                    Sense::Maximise => PREFERENCE * ratio.reference[0].ln_1p(),
                };
                if worse.is_finite() { -worse.ln() - preference } else { NOTHING }
            }
            Outcome::Skipped(why) => {
                self.unsolved += u64::from(why == Skipped::Unsolved);
                NO_RATIO
            }
            Outcome::Refuted(what) => {
                if self.refuted.len() < MOST_REFUTED {
                    self.refuted.push((instance.clone(), what));
                }
                NO_RATIO
            }
        }
    }
}

/// What a round is.
pub(super) struct Round<'a> {
    /// Greatest sizes.
    pub(super) sizes: &'a [usize],
    /// The variant that is searched.
    pub(super) variant: &'a str,
    /// Moves tried.
    pub(super) moves: u64,
    /// Seconds it may take.
    pub(super) seconds: f64,
    /// Names its random streams.
    pub(super) label: &'a str,
    /// Their seed.
    pub(super) seed: u64,
}

/// Instances, as argmin asks for them.
struct Landscape<'a, P: BenchmarkAdapter> {
    judge: &'a Judge<'a, P>,
    round: &'a Round<'a>,
    stream: RefCell<Stream>,
    tally: RefCell<Tally<P::Instance>>,
    failed: &'a RefCell<Option<InputError>>,
}

impl<P: BenchmarkAdapter> CostFunction for Landscape<'_, P> {
    type Param = P::Instance;
    type Output = f64;

    fn cost(&self, instance: &P::Instance) -> Result<f64, Error> {
        match self.judge.judge(instance) {
            Ok(judged) => Ok(self.tally.borrow_mut().add::<P>(instance, judged.outcome)),
            Err(error) => {
                *self.failed.borrow_mut() = Some(error);
                Err(Error::msg("a program cannot be started"))
            }
        }
    }
}

impl<P: BenchmarkAdapter> Anneal for Landscape<'_, P> {
    type Param = P::Instance;
    type Output = P::Instance;
    type Float = f64;

    fn anneal(&self, now: &P::Instance, _: f64) -> Result<P::Instance, Error> {
        Ok(neighbour::<P>(now, self.round.sizes, self.round.variant, &mut self.stream.borrow_mut()))
    }
}

/// One round from `start`.
///
/// # Errors
/// [`InputError`] if a program cannot be started.
pub(super) fn anneal<P: BenchmarkAdapter>(
    judge: &Judge<'_, P>,
    round: &Round<'_>,
    start: P::Instance,
) -> Result<Tally<P::Instance>, InputError> {
    let stream = |purpose: &str| Stream::new(&["adversary", P::NAME, round.label, purpose], round.seed);
    // argmin drops the problem with an error, so its reason is kept outside.
    let failed = RefCell::new(None);
    let landscape = Landscape {
        judge,
        round,
        stream: RefCell::new(stream("moves")),
        tally: RefCell::new(Tally::default()),
        failed: &failed,
    };
    let fault = |error: Error| InputError::at("argmin", error.to_string(), "report it");
    let cooling = SATempFunc::Exponential(COOLING.powf(1.0 / round.moves.max(1) as f64));
    let solver = SimulatedAnnealing::new_with_rng(TEMPERATURE, Draws(stream("acceptance"))).map_err(fault)?;
    let configure = |state: IterState<P::Instance, (), (), (), (), f64>| {
        state.param(start).max_iters(round.moves).target_cost(NOTHING)
    };
    let executor = Executor::new(landscape, solver.with_temp_func(cooling)).configure(configure);
    let limit = Duration::try_from_secs_f64(round.seconds.max(0.0)).unwrap_or(Duration::MAX);
    match executor.timeout(limit).run() {
        Ok(mut result) => {
            let landscape: Landscape<'_, P> = result.problem.take_problem().expect("argmin returns the problem");
            Ok(landscape.tally.into_inner())
        }
        Err(error) => Err(failed.take().unwrap_or_else(|| fault(error))),
    }
}
