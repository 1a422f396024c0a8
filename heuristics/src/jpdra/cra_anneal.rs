//! CRA by simulated annealing, with the moves of `cra-markov`: a comparison for the chain.
//!
//! The deployment is that of one `dpd` run, the annealing is argmin's. A random partition gives one unit to another on its server; a move
//! that adds d seconds is accepted with probability 1/(1 + exp(d/t)). The temperature t falls geometrically from `temperature` times the
//! objective at the start to a millionth of that. All servers are annealed together.
//!
//! A run reports its history over moves tried, in objective values: `current`, its `mean` over the moves so far, `best`, and Fox's `optimum` for
//! this deployment.
//!
//! argmin draws from a generator of `rand` 0.9; [`Draws`] lends it a [`Stream`], so that a seed means the same everywhere.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use argmin::core::{CostFunction, Error, Executor, IterState, State, TerminationReason, TerminationStatus};
use argmin::solver::simulatedannealing::{Anneal, SATempFunc, SimulatedAnnealing};
use rand_core_of_argmin::RngCore;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Parameter, ParameterRange, Setting, Trace};
use offcut_instances::random::Stream;

use super::cra;
use super::delay::{Delays, Shares};
use super::log_sampling::LogSampling;
use super::units::{Start, equal_split, level};

/// The last temperature over the first.
const COOLING: f64 = 1e-6;

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

/// Units of all partitions, and the objective.
#[derive(Clone, Debug)]
struct Units {
    units: Vec<u64>,
    delay_s: f64,
}

/// The allocation for a deployment, as argmin asks for it.
struct Allocation<'a> {
    delays: &'a Delays,
    /// Servers with somebody to give to.
    shared: Vec<(usize, Vec<usize>)>,
    began: Instant,
    stream: RefCell<Stream>,
    incumbents: RefCell<Vec<Incumbent>>,
    history: RefCell<ObjectiveHistory>,
}

/// Objectives over moves tried.
struct ObjectiveHistory {
    moves: u64,
    log_sampling: LogSampling,
    /// The mean over the start and the states after every move.
    mean_s: f64,
    current: Vec<(f64, f64)>,
    mean: Vec<(f64, f64)>,
    best: Vec<(f64, f64)>,
}

impl ObjectiveHistory {
    fn new(steps: u64) -> Self {
        let log_sampling = LogSampling::new(steps);
        Self { moves: 0, log_sampling, mean_s: 0.0, current: Vec::new(), mean: Vec::new(), best: Vec::new() }
    }

    /// The state after the moves so far.
    fn add(&mut self, current: f64, best: f64, is_last: bool) {
        self.mean_s += (current - self.mean_s) / (self.moves + 1) as f64;
        if self.log_sampling.is_due(self.moves) || is_last {
            let at = self.moves as f64;
            self.current.push((at, current));
            self.mean.push((at, self.mean_s));
            self.best.push((at, best));
        }
        self.moves += 1;
    }
}

impl Allocation<'_> {
    /// The least objective so far. It is that of a state that was accepted: what is better than all is better than the current one.
    fn least(&self) -> f64 {
        self.incumbents.borrow().last().expect("argmin asks for the start's cost first").objective
    }
}

impl CostFunction for Allocation<'_> {
    type Param = Units;
    type Output = f64;

    /// Moves keep the objective up to date.
    fn cost(&self, units: &Units) -> Result<f64, Error> {
        let mut incumbents = self.incumbents.borrow_mut();
        if incumbents.last().is_none_or(|last| units.delay_s < last.objective) {
            incumbents.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective: units.delay_s });
        }
        Ok(units.delay_s)
    }
}

impl Anneal for Allocation<'_> {
    type Param = Units;
    type Output = Units;
    type Float = f64;

    /// One unit from a random partition to another one on its server; nothing if it has none to give. Always one, at any temperature.
    fn anneal(&self, now: &Units, _: f64) -> Result<Units, Error> {
        self.history.borrow_mut().add(now.delay_s, self.least(), false);
        let mut stream = self.stream.borrow_mut();
        let mut next = now.clone();
        let (m, hosted) = stream.pick(&self.shared);
        let from = stream.below(hosted.len() as u64) as usize;
        let other = stream.below(hosted.len() as u64 - 1) as usize;
        let (from, to) = (hosted[from], hosted[other + usize::from(other >= from)]);
        if now.units[from] > self.delays.least_units(from, *m) {
            let lost_s = self.delays.saving_s(from, *m, now.units[from] - 1);
            next.delay_s += lost_s - self.delays.saving_s(to, *m, now.units[to]);
            next.units[from] -= 1;
            next.units[to] += 1;
        }
        Ok(next)
    }
}

/// The method.
#[derive(Clone, Copy, Debug)]
pub(super) struct CraAnneal {
    steps: u64,
    temperature: f64,
}

impl Default for CraAnneal {
    fn default() -> Self {
        Self { steps: 20_000, temperature: 0.1 }
    }
}

impl Algorithm<Jpdra> for CraAnneal {
    fn id(&self) -> &str {
        "cra-anneal"
    }

    fn about(&self) -> &str {
        "deployment by dpd, then units by simulated annealing (argmin)"
    }

    fn is_random(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let default = Self::default();
        vec![
            Parameter {
                name: "steps",
                default: default.steps as f64,
                range: ParameterRange::integers(1.0, 1e12),
                about: "moves tried",
            },
            Parameter {
                name: "temperature",
                default: default.temperature,
                range: ParameterRange::reals(1e-9, 1e6),
                about: "first temperature over the objective at the start",
            },
        ]
    }

    fn set(&mut self, setting: &Setting) {
        match setting.name() {
            "steps" => self.steps = setting.integer(),
            "temperature" => self.temperature = setting.value(),
            _ => setting.panic_undeclared(),
        }
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let delays = Delays::new(instance);
        let Start { found, hosted } = match Start::new(&delays, began, budget) {
            Ok(start) => start,
            Err(stop) => return Answer::nothing(stop),
        };
        let mut units = vec![0; delays.partitions()];
        let mut shared = Vec::new();
        for (m, hosted) in hosted {
            let split = equal_split(&delays, m, &hosted).expect("a deployment without faults");
            hosted.iter().zip(split).for_each(|(i, k)| units[*i] = k);
            if hosted.len() > 1 {
                shared.push((m, hosted));
            }
        }
        let delay_s = delays.of_shares(&found.servers, &Shares::Units(units.clone())).delay_s;
        let start = Units { units, delay_s };
        let allocation = Allocation {
            delays: &delays,
            shared,
            began,
            stream: RefCell::new(Stream::new(&["jpdra", "cra-anneal", "moves"], budget.seed)),
            incumbents: RefCell::new(Vec::new()),
            history: RefCell::new(ObjectiveHistory::new(self.steps)),
        };
        let (units, mut trace, is_complete) = match self.anneal(allocation, start, began, budget) {
            Ok(annealed) => annealed,
            Err(error) => return Answer::failed(format!("argmin: {error}")),
        };
        if let Some(best) = trace.series.get("best") {
            let optimum = level(best, found.merit.delay_s);
            trace = trace.with_series([("optimum", optimum)]);
        }
        let shares = Shares::Units(units.units);
        let stop = cra::stop(found.is_complete && is_complete);
        cra::answer(&delays, &found.servers, Some(&shares), stop).traced(trace)
    }
}

impl CraAnneal {
    /// The best units, what happened, and whether the time was enough.
    fn anneal(
        &self,
        allocation: Allocation,
        start: Units,
        began: Instant,
        budget: &Budget,
    ) -> Result<(Units, Trace, bool), Error> {
        if allocation.shared.is_empty() {
            return Ok((start, Trace::counting([("moves", 0)]), true));
        }
        let draws = Draws(Stream::new(&["jpdra", "cra-anneal", "acceptance"], budget.seed));
        let cooling = SATempFunc::Exponential(libm::pow(COOLING, 1.0 / self.steps as f64));
        let solver = SimulatedAnnealing::new_with_rng(self.temperature * start.delay_s, draws)?.with_temp_func(cooling);
        let configure = |state: IterState<Units, (), (), (), (), f64>| state.param(start.clone()).max_iters(self.steps);
        let mut executor = Executor::new(allocation, solver).configure(configure);
        if let Some(limit) = budget.time_s {
            let left = (limit - began.elapsed().as_secs_f64()).max(0.0);
            if let Ok(left) = Duration::try_from_secs_f64(left) {
                executor = executor.timeout(left);
            }
        }
        let mut result = executor.run()?;
        let is_timeout =
            *result.state.get_termination_status() == TerminationStatus::Terminated(TerminationReason::Timeout);
        let moves = result.state.get_iter();
        let trace = match result.problem.take_problem() {
            Some(problem) if moves > 0 => {
                let least = problem.least();
                let mut history = problem.history.into_inner();
                history.add(result.state.get_cost(), least, true);
                let incumbents = problem.incumbents.into_inner();
                let series = [("current", history.current), ("mean", history.mean), ("best", history.best)];
                Trace { incumbents, ..Trace::counting([("moves", moves)]) }.with_series(series)
            }
            _ => Trace::counting([("moves", moves)]),
        };
        let best = result.state.get_best_param().cloned().unwrap_or(start);
        Ok((best, trace, !is_timeout))
    }
}
