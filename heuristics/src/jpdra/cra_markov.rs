//! CRA by Markov approximation: a chain over whole-unit shares that likes short delays.
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
//! `beta` is per second of weighted delay: what 50 means depends on the instance. In the golden case of the tests, where |F| is 1540 and
//! the optimum 4.38 s, the mean is .245, .051, .016 and .0007 s above the optimum at beta 5, 20, 50 and 200.
//!
//! T is a sum over partitions, so a rate is a factor of whoever gives times a factor of whoever takes, and a step takes O(n), not O(n^2).
//! Rates are kept as logarithms: beta may be as large as it likes. The chain starts with what is stable and the rest split equally; the best
//! state it visits is kept, which is all that an answer needs. Holding times, exponential with the total rate, matter for means over time.

use std::time::Instant;

use offcut_instances::document::Trouble;
use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Parameter, Trace};
use offcut_instances::random::Stream;

use super::cra;
use super::delay::{Delays, Shares};
use super::dpd::{Moves, one_start};

/// How often the clock is looked at: every this many steps of every server's chain.
const STEPS_PER_LOOK: u64 = 1 << 6;

/// The chain of one server.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    delays: &'a Delays,
    tenants: Vec<usize>,
    least: Vec<u64>,
    beta_per_s: f64,
    units: Vec<u64>,
    /// Time in every stage, in this state.
    stages_s: Vec<f64>,
    /// Logarithm of the factor of whoever gives a unit (minus infinity if it cannot), and of whoever takes one.
    gives: Vec<f64>,
    takes: Vec<f64>,
}

impl<'a> Chain<'a> {
    /// In the state that splits equally what stability leaves; none if it leaves less than nothing.
    pub(super) fn new(delays: &'a Delays, m: usize, tenants: Vec<usize>, beta_per_s: f64) -> Option<Self> {
        let least: Vec<u64> = tenants.iter().map(|i| delays.least_units(*i)).collect();
        let sum = least.iter().try_fold(0u64, |sum, units| sum.checked_add(*units))?;
        let left = delays.units[m].checked_sub(sum)?;
        let count = tenants.len() as u64;
        let rest = |x: u64| left / count + u64::from(x < left % count);
        let units: Vec<u64> = least.iter().zip(0..).map(|(least, x)| least + rest(x)).collect();
        let zero = vec![0.0; tenants.len()];
        let mut chain = Self {
            delays,
            tenants,
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

    /// T of any state.
    #[cfg(test)]
    pub(super) fn delay_of(&self, units: &[u64]) -> f64 {
        self.tenants.iter().zip(units).map(|(i, units)| self.delays.stage_s(*i, *units)).sum()
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
        let (i, units) = (self.tenants[x], self.units[x]);
        let half = self.beta_per_s / 2.0;
        self.stages_s[x] = self.delays.stage_s(i, units);
        let can_give = units > self.least[x];
        self.gives[x] = if can_give { -half * self.delays.saving_s(i, units - 1) } else { f64::NEG_INFINITY };
        self.takes[x] = half * self.delays.saving_s(i, units);
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

/// The method.
#[derive(Clone, Copy, Debug)]
pub(super) struct CraMarkov {
    beta_per_s: f64,
    steps: u64,
}

impl Default for CraMarkov {
    fn default() -> Self {
        Self { beta_per_s: 50.0, steps: 20_000 }
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
        vec![
            Parameter { name: "beta", default: 50.0, about: "how much the chain likes short delays, per second" },
            Parameter { name: "steps", default: 20_000.0, about: "moves of every server's chain" },
        ]
    }

    fn with(&self, name: &str, value: f64) -> Result<Box<dyn Algorithm<Jpdra>>, Trouble> {
        let trouble = |what: String, remedy: &str| Err(Trouble::at(format!("method {}", self.id()), what, remedy));
        match name {
            "beta" if (0.0..=1e12).contains(&value) => Ok(Box::new(Self { beta_per_s: value, ..*self })),
            "beta" => trouble(format!("beta is {value}"), "give a number from 0 to 1e12"),
            "steps" if value.fract() == 0.0 && (0.0..=1e12).contains(&value) => {
                Ok(Box::new(Self { steps: value as u64, ..*self }))
            }
            "steps" => trouble(format!("steps is {value}"), "give a whole number"),
            _ => trouble(format!("takes no parameter '{name}'"), "see offcut methods"),
        }
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let delays = Delays::new(instance);
        if delays.unit.is_none() {
            return Answer::declined("its states are whole units, and speeds are continuous here");
        }
        let found = one_start(&delays, Moves::ALL, began, budget);
        let stop = cra::stop(found.is_complete);
        let tenants = delays.tenants(&found.servers).into_iter().enumerate().filter(|(_, tenants)| !tenants.is_empty());
        let chains = tenants.map(|(m, tenants)| Chain::new(&delays, m, tenants, self.beta_per_s)).collect();
        let Some(mut chains): Option<Vec<Chain>> = chains else { return Answer::nothing(stop) };
        if found.worth.faults > 0 {
            return Answer::nothing(stop);
        }

        // The transfers, which no chain changes; and the best state of every chain.
        let best_s = |chains: &[Chain]| chains.iter().map(Chain::delay_s).collect::<Vec<f64>>();
        let mut best: Vec<Vec<u64>> = chains.iter().map(|chain| chain.units().to_vec()).collect();
        let mut least_s = best_s(&chains);
        let of_best = |chains: &[Chain], best: &[Vec<u64>]| {
            let mut units = vec![0; delays.partitions()];
            for (chain, best) in chains.iter().zip(best) {
                chain.tenants.iter().zip(best).for_each(|(i, k)| units[*i] = *k);
            }
            Shares::Units(units)
        };
        let at_start = delays.of_shares(&found.servers, &of_best(&chains, &best)).delay_s;
        let transfers_s = at_start - least_s.iter().sum::<f64>();
        let mut incumbents = vec![Incumbent { at_s: began.elapsed().as_secs_f64(), objective: at_start }];

        let mut stream = Stream::new(&["jpdra", "cra-markov"], budget.seed);
        let (mut moves, mut is_complete) = (0, found.is_complete);
        for step in 0..self.steps {
            if step % STEPS_PER_LOOK == 0 && budget.is_spent(began) {
                is_complete = false;
                break;
            }
            let (before, mut has_improved) = (moves, false);
            for (x, chain) in chains.iter_mut().enumerate() {
                if chain.step(&mut stream).is_none() {
                    continue;
                }
                moves += 1;
                let delay_s = chain.delay_s();
                if delay_s < least_s[x] {
                    least_s[x] = delay_s;
                    best[x].copy_from_slice(chain.units());
                    has_improved = true;
                }
            }
            if has_improved {
                let objective = transfers_s + least_s.iter().sum::<f64>();
                incumbents.push(Incumbent { at_s: began.elapsed().as_secs_f64(), objective });
            }
            if moves == before {
                break;
            }
        }
        let trace = Trace { incumbents, ..Trace::counting([("moves", moves)]) };
        let shares = of_best(&chains, &best);
        cra::answer(&delays, &found.servers, Some(&shares), cra::stop(is_complete)).traced(trace)
    }
}
