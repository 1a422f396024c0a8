//! CRA by Markov approximation: a chain over whole-unit shares whose stationary distribution prefers short delays.
//!
//! The deployment is that of one `dpd` run. Servers do not interfere, and each has a chain of its own. A state f gives every unit of the server
//! away, and everybody at least what is stable; T_f is the weighted delay on the server. From f the chain goes to any f' in which one
//! partition has given one unit to another, at a rate of
//!
//! ```text
//! q(f, f') = exp(beta (T_f - T_f') / 2)        so that  pi_f = exp(-beta T_f) / Z  has  pi_f q(f, f') = pi_f' q(f', f)
//! ```
//!
//! and pi is the stationary distribution, because moves connect all states. It minimises `sum pi T + (1/beta) sum pi ln pi`, hence
//!
//! ```text
//! sum_f pi_f T_f  <=  min_f T_f + ln|F| / beta
//! ```
//!
//! (the standard property of such a chain; the abstract names no error), and with all servers together the same, where ln|F| is the sum of theirs: n partitions that share k units beyond what is stable have
//! C(k+n-1, n-1) states. `beta` is per second of weighted delay: what 50 means depends on the instance. In the golden case of the tests,
//! where |F| is 1540 and the optimum 4.38 s, the mean is .245, .051, .016 and .0007 s above the optimum at beta 5, 20, 50 and 200. Where
//! delays are milliseconds the same excess takes a beta a thousand times as large. By default, `beta=0`, the method chooses it such that
//! ln|F|/beta is a hundredth of the time in stages under an equal split: with every partition of a server having R/n beyond its load,
//! units aside, that is n sum a^2 / R, at most n times the optimum (A^2/R is a bound, and sum a^2 <= A^2). Transfers do not count,
//! since no share changes them.
//!
//! T is a sum over partitions, so a rate is a factor of the giver times a factor of the taker, and a step takes O(n), not O(n^2).
//! Rates are kept as logarithms: beta may be arbitrarily large. The chain starts with what is stable and the rest split equally; the best
//! state it visits is kept, which is all that an answer needs. Holding times, exponential with the total rate, matter for means over time.
//!
//! A run reports its history over moves, those of all chains together, in objective values:
//!
//! | series | value |
//! |---|---|
//! | `mean` | transfers, and of every chain the mean of T over its own time so far, the start included |
//! | `best` | transfers, and of every chain its best state so far: what the answer would be |
//! | `optimum` | Fox's, for this deployment |
//! | `envelope` | the optimum + ln F/beta, beneath which `mean` ends if the run is long enough |

use std::time::Instant;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Parameter, ParameterRange, Setting, Trace};
use offcut_instances::random::Stream;

use super::cra;
use super::delay::{Delays, Shares};
use super::log_sampling::LogSampling;
use super::units::{Start, equal_split, level};

/// How often the clock is looked at: every this many steps of every server's chain.
const STEPS_PER_LOOK: u64 = 1 << 6;

/// What ln|F|/beta is of the time in stages under an equal split, where beta is not given.
pub(super) const AUTOMATIC_SHARE: f64 = 0.01;

/// The chain of one server.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    delays: &'a Delays,
    server: usize,
    hosted: Vec<usize>,
    least: Vec<u64>,
    beta_per_s: f64,
    units: Vec<u64>,
    /// Time in every stage, in this state.
    stages_s: Vec<f64>,
    /// Logarithm of the factor of the giver of a unit (minus infinity if it cannot), and of its taker.
    gives: Vec<f64>,
    takes: Vec<f64>,
}

impl<'a> Chain<'a> {
    /// In the state that splits equally what stability leaves; none if it leaves less than nothing.
    pub(super) fn new(delays: &'a Delays, m: usize, hosted: Vec<usize>, beta_per_s: f64) -> Option<Self> {
        let least: Vec<u64> = hosted.iter().map(|i| delays.least_units(*i, m)).collect();
        let units = equal_split(delays, m, &hosted)?;
        let zero = vec![0.0; hosted.len()];
        let mut chain = Self {
            delays,
            server: m,
            hosted,
            least,
            beta_per_s,
            units,
            stages_s: zero.clone(),
            gives: zero.clone(),
            takes: zero,
        };
        (0..chain.units.len()).for_each(|x| chain.update(x));
        Some(chain)
    }

    pub(super) fn units(&self) -> &[u64] {
        &self.units
    }

    /// T of this state.
    pub(super) fn delay_s(&self) -> f64 {
        self.stages_s.iter().sum()
    }

    /// Logarithm of the number of states: of C(k+n-1, n-1) where n partitions share k units beyond their least. Factor by factor, since
    /// differences of log-gammas are rounding where units are many.
    pub(super) fn log_states(&self) -> f64 {
        let left = self.units.iter().sum::<u64>() - self.least.iter().sum::<u64>();
        (1..self.units.len()).map(|j| libm::log1p(left as f64 / j as f64)).sum()
    }

    /// T if every partition had the same speed beyond its load, units aside. (At the edge of stability that is far less than whole units
    /// split as equally as they can be.)
    pub(super) fn equal_split_s(&self) -> f64 {
        let squares = || self.hosted.iter().map(|i| self.delays.root(*i, self.server).powi(2));
        let spare: f64 = squares().zip(&self.stages_s).map(|(square, stage_s)| square / stage_s).sum();
        squares().sum::<f64>() / spare * self.hosted.len() as f64
    }

    /// The same chain, in the same state, with another beta.
    pub(super) fn with_beta(mut self, beta_per_s: f64) -> Self {
        self.beta_per_s = beta_per_s;
        (0..self.units.len()).for_each(|x| self.update(x));
        self
    }

    /// T of any state.
    #[cfg(test)]
    pub(super) fn delay_of(&self, units: &[u64]) -> f64 {
        self.hosted.iter().zip(units).map(|(i, units)| self.delays.stage_s(*i, self.server, *units)).sum()
    }

    /// All states: every way to give all units of the server away.
    #[cfg(test)]
    pub(super) fn states(&self) -> Vec<Vec<u64>> {
        fn rest(least: &[u64], left: u64, before: &mut Vec<u64>, states: &mut Vec<Vec<u64>>) {
            match least {
                [] => {}
                [last] => states.push(before.iter().copied().chain([last + left]).collect()),
                [first, others @ ..] => {
                    for more in 0..=left {
                        before.push(first + more);
                        rest(others, left - more, before, states);
                        before.pop();
                    }
                }
            }
        }
        let left = self.units.iter().sum::<u64>() - self.least.iter().sum::<u64>();
        let mut states = Vec::new();
        rest(&self.least, left, &mut Vec::new(), &mut states);
        states
    }

    /// The same chain in another state.
    #[cfg(test)]
    pub(super) fn at(&self, units: &[u64]) -> Self {
        let mut chain = Self { units: units.to_vec(), ..self.clone() };
        (0..units.len()).for_each(|x| chain.update(x));
        chain
    }

    /// Logarithm of the rate at which partition `from` gives a unit to partition `to`.
    #[cfg(test)]
    pub(super) fn log_rate(&self, from: usize, to: usize) -> f64 {
        self.gives[from] + self.takes[to]
    }

    /// Recomputes what depends on the units of one partition.
    fn update(&mut self, x: usize) {
        let (i, m, units) = (self.hosted[x], self.server, self.units[x]);
        let half = self.beta_per_s / 2.0;
        self.stages_s[x] = self.delays.stage_s(i, m, units);
        let can_give = units > self.least[x];
        self.gives[x] = if can_give { -half * self.delays.saving_s(i, m, units - 1) } else { f64::NEG_INFINITY };
        self.takes[x] = half * self.delays.saving_s(i, m, units);
    }

    /// Moves a unit, and says how long the chain had stayed; none if it has nowhere to go.
    pub(super) fn step(&mut self, stream: &mut Stream) -> Option<f64> {
        let others = LogSums::new(&self.takes);
        let of_giver = |x: usize| self.gives[x] + others.without(x);
        let rates: Vec<f64> = (0..self.units.len()).map(of_giver).collect();
        let total = LogSums::new(&rates).total();
        if total == f64::NEG_INFINITY || self.units.len() < 2 {
            return None;
        }
        let from = draw(&rates, None, stream);
        let to = draw(&self.takes, Some(from), stream);
        self.units[from] -= 1;
        self.units[to] += 1;
        self.update(from);
        self.update(to);
        let held = -libm::log(1.0 - stream.unit());
        // Capped, so that means over time stay numbers.
        Some(held * libm::exp((-total).clamp(-700.0, 600.0)))
    }
}

/// Logarithms of sums of numbers given by their logarithms, one of which may be left out.
struct LogSums<'a> {
    logs: &'a [f64],
    largest: usize,
    /// The sum over the largest.
    sum: f64,
    /// Logarithm of the sum without the largest.
    without_largest: f64,
}

impl<'a> LogSums<'a> {
    fn new(logs: &'a [f64]) -> Self {
        let largest = (0..logs.len()).max_by(|a, b| logs[*a].total_cmp(&logs[*b])).unwrap_or(0);
        let scaled = |skipped: Option<usize>, top: f64| -> f64 {
            let kept = logs.iter().enumerate().filter(|(x, log)| Some(*x) != skipped && **log > f64::NEG_INFINITY);
            kept.map(|(_, log)| libm::exp(log - top)).sum()
        };
        let others = logs.iter().enumerate().filter(|(x, _)| *x != largest).map(|(_, log)| *log);
        let second = others.fold(f64::NEG_INFINITY, f64::max);
        let sum = logs.get(largest).map_or(0.0, |top| scaled(None, *top));
        Self { logs, largest, sum, without_largest: second + libm::log(scaled(Some(largest), second).max(1.0)) }
    }

    fn total(&self) -> f64 {
        self.logs.get(self.largest).map_or(f64::NEG_INFINITY, |top| top + libm::log(self.sum))
    }

    fn without(&self, x: usize) -> f64 {
        if x == self.largest {
            return self.without_largest;
        }
        // What remains holds the largest itself: at least 1.
        let top = self.logs[self.largest];
        top + libm::log((self.sum - libm::exp(self.logs[x] - top)).max(1.0))
    }
}

/// One of some, in proportion to numbers given by their logarithms; at least one of them is not 0.
fn draw(logs: &[f64], skipped: Option<usize>, stream: &mut Stream) -> usize {
    let kept = || logs.iter().enumerate().filter(|(x, _)| Some(*x) != skipped);
    let top = kept().fold(f64::NEG_INFINITY, |top, (_, log)| top.max(*log));
    let scaled = |log: f64| libm::exp(log - top);
    let mut at = stream.unit() * kept().map(|(_, log)| scaled(*log)).sum::<f64>();
    let mut last = None;
    for (x, log) in kept().filter(|(_, log)| scaled(**log) > 0.0) {
        at -= scaled(*log);
        last = Some(x);
        if at < 0.0 {
            break;
        }
    }
    last.expect("a number that is not 0")
}

/// A chain with its state over time.
struct Walk<'a> {
    chain: Chain<'a>,
    /// T of the state it is in.
    now_s: f64,
    /// Its best state so far, and T of that.
    best: Vec<u64>,
    least_s: f64,
    /// The mean of T so far, over this much time of the chain.
    mean_s: f64,
    time: f64,
}

impl<'a> Walk<'a> {
    fn new(chain: Chain<'a>) -> Self {
        let now_s = chain.delay_s();
        Self { best: chain.units().to_vec(), chain, now_s, least_s: now_s, mean_s: now_s, time: 0.0 }
    }

    /// Moves a unit, and says whether no state before was as good; none if it has nowhere to go.
    fn step(&mut self, stream: &mut Stream) -> Option<bool> {
        let held = self.chain.step(stream)?;
        self.time += held;
        if self.time > 0.0 {
            self.mean_s += (self.now_s - self.mean_s) * (held / self.time);
        }
        self.now_s = self.chain.delay_s();
        let is_best = self.now_s < self.least_s;
        if is_best {
            self.least_s = self.now_s;
            self.best.copy_from_slice(self.chain.units());
        }
        Some(is_best)
    }
}

/// A sum over all servers.
fn sum(walks: &[Walk], of: impl Fn(&Walk) -> f64) -> f64 {
    walks.iter().map(of).sum()
}

/// The method.
#[derive(Clone, Copy, Debug)]
pub(super) struct CraMarkov {
    /// 0 for what [`AUTOMATIC_SHARE`] makes of an equal split.
    beta_per_s: f64,
    steps: u64,
}

impl Default for CraMarkov {
    fn default() -> Self {
        Self { beta_per_s: 0.0, steps: 20_000 }
    }
}

impl Algorithm<Jpdra> for CraMarkov {
    fn id(&self) -> &str {
        "cra-markov"
    }

    fn about(&self) -> &str {
        "deployment by dpd, then units by a Markov chain; its mean is within ln|F|/beta of the best units"
    }

    fn is_random(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let default = Self::default();
        vec![
            Parameter {
                name: "beta",
                default: default.beta_per_s,
                range: ParameterRange::reals(0.0, 1e12),
                about: "per second of delay; 0: such that ln|F|/beta is 1 % of the time in stages under an equal split",
            },
            Parameter {
                name: "steps",
                default: default.steps as f64,
                range: ParameterRange::integers(0.0, 1e12),
                about: "moves of every server's chain",
            },
        ]
    }

    fn set(&mut self, setting: &Setting) {
        match setting.name() {
            "beta" => self.beta_per_s = setting.value(),
            "steps" => self.steps = setting.integer(),
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
        let chain = |(m, hosted)| Chain::new(&delays, m, hosted, 0.0).expect("a deployment without faults");
        let chains: Vec<Chain> = hosted.into_iter().map(chain).collect();

        let log_states: f64 = chains.iter().map(Chain::log_states).sum();
        let beta_per_s = match self.beta_per_s {
            0.0 => log_states / (AUTOMATIC_SHARE * chains.iter().map(Chain::equal_split_s).sum::<f64>()),
            given => given,
        };
        let walks: Vec<Walk> = chains.into_iter().map(|chain| Walk::new(chain.with_beta(beta_per_s))).collect();
        let mut run = Run::new(&delays, &found.servers, walks, began);
        let is_complete = run.steps(self.steps, began, budget);

        let optimum = found.merit.delay_s;
        let envelope = level(&run.means, optimum + log_states / beta_per_s);
        let optimum = level(&run.means, optimum);
        let shares = run.best();
        let Run { moves, incumbents, means, bests, .. } = run;
        let series = [("mean", means), ("best", bests), ("optimum", optimum), ("envelope", envelope)];
        let trace = Trace { incumbents, ..Trace::counting([("moves", moves)]) }.with_series(series);
        let stop = cra::stop(found.is_complete && is_complete);
        cra::answer(&delays, &found.servers, Some(&shares), stop).traced(trace)
    }
}

/// All chains, with the history of their means and best states in objective values.
struct Run<'a> {
    delays: &'a Delays,
    walks: Vec<Walk<'a>>,
    /// The transfers, which no chain changes.
    transfers_s: f64,
    /// Moves of all chains together.
    moves: u64,
    incumbents: Vec<Incumbent>,
    means: Vec<(f64, f64)>,
    bests: Vec<(f64, f64)>,
}

impl<'a> Run<'a> {
    fn new(delays: &'a Delays, servers: &[u32], walks: Vec<Walk<'a>>, began: Instant) -> Self {
        let (means, bests) = (Vec::new(), Vec::new());
        let mut run = Self { delays, walks, transfers_s: 0.0, moves: 0, incumbents: Vec::new(), means, bests };
        let objective = delays.of_shares(servers, &run.best()).delay_s;
        run.transfers_s = objective - sum(&run.walks, |walk| walk.least_s);
        run.incumbents.push(Incumbent { at_s: began.elapsed().as_secs_f64(), objective });
        run
    }

    /// The best units of every server.
    fn best(&self) -> Shares {
        let mut units = vec![0; self.delays.partitions()];
        for Walk { chain, best, .. } in &self.walks {
            chain.hosted.iter().zip(best).for_each(|(i, k)| units[*i] = *k);
        }
        Shares::Units(units)
    }

    /// Moves every chain so many times; false if the budget was spent before.
    fn steps(&mut self, steps: u64, began: Instant, budget: &Budget) -> bool {
        let mut stream = Stream::new(&["jpdra", "cra-markov"], budget.seed);
        let mut log_sampling = LogSampling::new(steps);
        let mut is_complete = true;
        let mut noted = 0;
        for step in 0..steps {
            if step % STEPS_PER_LOOK == 0 && budget.is_spent(began) {
                is_complete = false;
                break;
            }
            if !self.step(&mut stream, began) {
                break;
            }
            if log_sampling.is_due(step + 1) {
                self.note();
                noted = self.moves;
            }
        }
        if noted < self.moves {
            self.note();
        }
        is_complete
    }

    /// Moves every chain once; false if none can move.
    fn step(&mut self, stream: &mut Stream, began: Instant) -> bool {
        let (before, mut has_improved) = (self.moves, false);
        for is_best in self.walks.iter_mut().filter_map(|walk| walk.step(stream)) {
            self.moves += 1;
            has_improved |= is_best;
        }
        if has_improved {
            let objective = self.transfers_s + sum(&self.walks, |walk| walk.least_s);
            self.incumbents.push(Incumbent { at_s: began.elapsed().as_secs_f64(), objective });
        }
        self.moves > before
    }

    /// Adds a point to the history.
    fn note(&mut self) {
        let at = self.moves as f64;
        self.means.push((at, self.transfers_s + sum(&self.walks, |walk| walk.mean_s)));
        self.bests.push((at, self.transfers_s + sum(&self.walks, |walk| walk.least_s)));
    }
}
