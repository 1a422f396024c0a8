//! `clairvoyant`: a lower bound on the cost of a horizon, with full knowledge of the sample path. No policy can be below it. It has no solution.
//!
//! ```text
//! max over 0 <= mu <= overdraft   G(mu) = mean over slots of g_t(mu) - sum_n mu_n budget_n,
//! g_t(mu) = the best price bound of slot t with V = 1 and Q = mu
//! ```
//!
//! G is concave; its supergradient is mean energy less budget, where in a slot whose best prices make several cuts optimal energies are mixed by
//! the multipliers of the prices. It is nearly smooth, with thousands of small kinks; quasi-Newton methods with a weak Wolfe search are known to
//! maximise such functions (Lewis and Overton 2013): limited memory, and at first the diagonal that an energy falling with mu to the minus 2/3 would have. The
//! start and the step lengths depend on delays and budgets, not on `overdraft`, which may be a large number chosen to enforce budgets. With few
//! users and slots the kinks are large, and this search can stop below the maximum.
//!
//! The second phase solves the slots exactly (module `exact_slots`): a tree of prices for each instead of one leaf. It does not stop early.

use std::time::Instant;

use offcut_instances::lymdo::{Certificate, Instance, Lymdo, Node, Prices, Tree};
use offcut_instances::problem::{
    Algorithm, Answer, Budget, Incumbent, Parameter, ParameterRange, Setting, Stop, Trace,
};
use rayon::prelude::*;

use super::bound::{BOUND_RELAXATION, Dual, Height, Until, natural, per_unit, units};
use super::exact_slots::Search;
use super::feasibility::{Feasibility, feasibility};
use super::slot::Slot;
use super::stage_roots::Warm;
use super::symmetry::SymmetryClasses;

/// The bound on a horizon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clairvoyant {
    /// Whether slots are solved exactly in the end.
    has_exact_slots: bool,
}

impl Default for Clairvoyant {
    fn default() -> Self {
        Self { has_exact_slots: true }
    }
}

/// Users' cuts over all slots, at most: each takes about a hundred bytes.
const MAX_PAIRS: usize = 40_000_000;

/// The same where slots are solved exactly, one by one: another copy of a slot, and trees.
const MAX_EXACT_PAIRS: usize = 4_000_000;

/// Steps kept by the quasi-Newton method.
const MEMORY: usize = 30;

/// Multiplicative steps before it begins.
const WARM: usize = 6;

/// The gain, relative, below which steps no longer count.
const STALL: f64 = 1e-7;

/// Slots' bounds are this close to their best, relative.
const CONVERGENCE_TOL: f64 = 1e-7;

/// A slot with its current prices and warm starts.
struct Slotted {
    slot: Slot,
    domain: Vec<u32>,
    warm: Vec<Warm>,
    prices: [f64; 2],
}

/// A slot at some mu.
struct Bounded {
    height: Height,
    prices: [f64; 2],
    /// Joules of every user. Shape (users,).
    joules: Vec<f64>,
}

/// G at a mu.
#[derive(Clone, Debug)]
struct Seen {
    mu: Vec<f64>,
    value: f64,
    /// The certified bound is lower by this.
    relaxation: f64,
    /// Mean energy less budget. Shape (users,).
    slope: Vec<f64>,
    /// Of every slot, in seconds for all there is.
    prices: Vec<[f64; 2]>,
}

impl Algorithm<Lymdo> for Clairvoyant {
    fn id(&self) -> &str {
        "clairvoyant"
    }

    fn about(&self) -> &str {
        "a bound on a horizon with full knowledge of it: prices of energy, exact slots (certified by trees of prices); no solution"
    }

    fn parameters(&self) -> Vec<Parameter> {
        let about = "whether slots are solved exactly, by branching on cuts, after the prices of energy are found";
        vec![Parameter { name: "exact", default: 1.0, range: ParameterRange::SWITCH, about }]
    }

    fn set(&mut self, setting: &Setting) {
        self.has_exact_slots = setting.is_on();
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
        let began = Instant::now();
        if instance.slots.len() == 1 {
            return Answer::declined("takes horizons only; branch solves a single slot");
        }
        let system = Slot::of_system(instance);
        let pairs = system.pair_count().saturating_mul(instance.slots.len());
        let bytes = 110 * pairs as u64;
        if pairs > MAX_PAIRS || budget.memory_bytes.is_some_and(|most| bytes > most) {
            return Answer::declined(format!(
                "takes at most {MAX_PAIRS} pairs of user and cut over all slots, and about 110 bytes of memory for each"
            ));
        }
        let pool = match rayon::ThreadPoolBuilder::new().num_threads(budget.threads.max(1) as usize).build() {
            Ok(pool) => pool,
            Err(error) => return Answer::failed(error.to_string()),
        };
        let has_exact_slots = self.has_exact_slots
            && pairs <= MAX_EXACT_PAIRS
            && budget.memory_bytes.is_none_or(|most| 3 * bytes <= most);
        pool.install(|| solve(instance, &system, has_exact_slots, budget, began))
    }
}

fn solve(instance: &Instance, system: &Slot, has_exact_slots: bool, budget: &Budget, began: Instant) -> Answer<Lymdo> {
    let mut slots = match slots(instance, system, budget, began) {
        Ok(slots) => slots,
        Err(t) => return infeasible(instance, system, t, budget, began),
    };
    let natural = vec![0.0; instance.users.len()];
    let mut climb = Climb { instance, slots: &mut slots, natural, budget, began, evaluations: 0, bounds: Vec::new() };
    let (best, mut stop) = climb.run();
    let Climb { evaluations, natural, bounds, .. } = climb;
    let mut points: Vec<(f64, f64)> = bounds.iter().map(|seen| (seen.at_s, seen.objective)).collect();
    // The second phase: exact slots, from these prices.
    let mut exact = None;
    let mut exact_evaluations = 0;
    if has_exact_slots && stop == Stop::Completed {
        let outcome = Search::new(instance, system, natural, &best.prices, budget, began).run(best.mu.clone());
        exact_evaluations = outcome.evaluations;
        exact = outcome.best.filter(|proved| proved.value > best.value - best.relaxation);
        points.extend(outcome.bounds.into_iter().filter(|(_, bound)| *bound > best.value));
        if !outcome.in_time {
            stop = Stop::TimeLimit;
        }
    }
    let (value, certificate) = match exact {
        Some(proved) => (proved.value, Certificate { energy_s_per_j: proved.mu, slots: proved.trees }),
        None => best.certificate(instance),
    };
    let nodes = certificate.slots.iter().map(|tree| tree.nodes.len() as u64).sum();
    let trace = Trace::counting([
        ("evaluations", evaluations),
        ("evaluations with exact slots", exact_evaluations),
        ("nodes", nodes),
    ]);
    Answer::nothing(stop).certified(value.max(0.0), certificate).traced(trace.with_series([("bound", points)]))
}

/// All slots with first prices.
///
/// # Errors
/// The first slot that is infeasible.
fn slots(instance: &Instance, system: &Slot, budget: &Budget, began: Instant) -> Result<Vec<Slotted>, usize> {
    let nothing = vec![0.0; instance.users.len()];
    let slots: Vec<Option<Slotted>> = (0..instance.slots.len())
        .into_par_iter()
        .map(|t| {
            let mut slot = system.clone();
            slot.set(instance, t, 1.0, &nothing);
            // (Where feasibility is not decided, there is still a bound.)
            let symmetry = SymmetryClasses::new(instance, t, |_| 0.0);
            let is_rejected =
                matches!(feasibility(&slot, &symmetry, units(instance, 1.0), budget, began), Ok(Feasibility::None(_)));
            let has_cuts = (0..slot.users()).all(|n| slot.pairs(n).any(|pair| slot.is_usable(pair)));
            if is_rejected || !has_cuts {
                return None;
            }
            let domain: Vec<u32> =
                (0..slot.pair_count() as u32).filter(|pair| slot.is_usable(*pair as usize)).collect();
            let (warm, prices) = (vec![Warm::default(); slot.pair_count()], natural(&slot, &domain));
            Some(Slotted { slot, domain, warm, prices })
        })
        .collect();
    slots.into_iter().enumerate().map(|(t, slot)| slot.ok_or(t)).collect()
}

impl Seen {
    /// The certified bound with one leaf for each slot, and its certificate.
    fn certificate(self, instance: &Instance) -> (f64, Certificate) {
        let units = units(instance, 1.0);
        let leaf = |prices: &[f64; 2]| Tree {
            prices: vec![per_unit(*prices, units)],
            nodes: vec![Node::Priced { prices: 0 }],
        };
        let slots = self.prices.iter().map(leaf).collect();
        (self.value - self.relaxation, Certificate { energy_s_per_j: self.mu, slots })
    }
}

/// The answer for an infeasible slot: a proof for that slot, and prices of 0 for the others.
fn infeasible(instance: &Instance, system: &Slot, t: usize, budget: &Budget, began: Instant) -> Answer<Lymdo> {
    let mut slot = system.clone();
    slot.set(instance, t, 1.0, &vec![0.0; instance.users.len()]);
    let tree =
        match feasibility(&slot, &SymmetryClasses::new(instance, t, |_| 0.0), units(instance, 1.0), budget, began) {
            Ok(Feasibility::None(tree)) => tree,
            Ok(Feasibility::Found(_)) => {
                return Answer::failed("contradiction: a slot was proved infeasible and found feasible");
            }
            Err(stop) => return Answer::nothing(stop),
        };
    let free = || Tree { prices: vec![Prices { bandwidth: 0.0, edge: 0.0 }], nodes: vec![Node::Priced { prices: 0 }] };
    let mut slots: Vec<Tree> = (0..instance.slots.len()).map(|_| free()).collect();
    slots[t] = tree;
    let certificate = Certificate { energy_s_per_j: vec![0.0; instance.users.len()], slots };
    Answer::nothing(Stop::Infeasible).certified(0.0, certificate)
}

struct Climb<'a> {
    instance: &'a Instance,
    slots: &'a mut [Slotted],
    /// Prices of the right magnitude, independent of `overdraft`. Shape (users,).
    natural: Vec<f64>,
    budget: &'a Budget,
    began: Instant,
    evaluations: u64,
    /// The history of the bound.
    bounds: Vec<Incumbent>,
}

impl Climb<'_> {
    fn most(&self, n: usize) -> f64 {
        self.instance.users[n].overdraft_s_per_j
    }

    /// G at `mu`.
    fn at(&mut self, mu: Vec<f64>) -> Seen {
        self.evaluations += 1;
        let instance = self.instance;
        let bounded: Vec<Bounded> = self
            .slots
            .par_iter_mut()
            .map_init(Dual::default, |dual, slotted| slotted.bound(instance, &mu, dual))
            .collect();
        let share = 1.0 / bounded.len() as f64;
        let (mut value, mut size) = (0.0, 0.0);
        let mut slope: Vec<f64> = instance.users.iter().map(|user| -user.energy_budget_j_per_slot).collect();
        for (n, user) in instance.users.iter().enumerate() {
            value -= mu[n] * user.energy_budget_j_per_slot;
            size += mu[n] * user.energy_budget_j_per_slot;
        }
        for slot in &bounded {
            value += share * slot.height.value;
            size += share * slot.height.size;
            slope.iter_mut().zip(&slot.joules).for_each(|(slope, joules)| *slope += share * joules);
        }
        let prices = bounded.iter().map(|slot| slot.prices).collect();
        let best = self.bounds.last().map_or(f64::NEG_INFINITY, |seen| seen.objective);
        if value > best {
            self.bounds.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective: value });
        }
        Seen { mu, value, relaxation: BOUND_RELAXATION * size, slope, prices }
    }

    /// The slope without what bounds forbid.
    fn free(&self, seen: &Seen) -> Vec<f64> {
        let of = |n: usize| {
            let (mu, slope) = (seen.mu[n], seen.slope[n]);
            if mu <= 0.0 && slope < 0.0 || mu >= self.most(n) && slope > 0.0 { 0.0 } else { slope }
        };
        (0..seen.mu.len()).map(of).collect()
    }

    fn run(&mut self) -> (Seen, Stop) {
        let users = self.instance.users.len();
        let none = self.at(vec![0.0; users]);
        // Delay for energy, nothing queued: computing at speed f takes work/f seconds and energy f^2, so half the delay over the energy.
        let delay = none.value / users as f64;
        let natural = |n: usize| {
            let budget = self.instance.users[n].energy_budget_j_per_slot;
            let joules = budget.max(1e-3 * (none.slope[n] + budget));
            if joules > 0.0 { (0.5 * delay / joules).min(self.most(n)) } else { self.most(n) }
        };
        self.natural = (0..users).map(natural).collect();
        let mu = (0..users).map(|n| if none.slope[n] > 0.0 { self.natural[n] } else { 0.0 }).collect();
        let mut best = none;
        let mut here = self.at(mu);
        for _ in 0..WARM {
            if here.value > best.value {
                best = here.clone();
            }
            if self.budget.is_spent(self.began) {
                return (best, Stop::TimeLimit);
            }
            let next = (0..users).map(|n| {
                let budget = self.instance.users[n].energy_budget_j_per_slot;
                let spent = here.slope[n] + budget;
                if spent <= 0.0 {
                    return 0.0;
                }
                let by = if budget > 0.0 { (spent / budget).powf(1.5).clamp(0.1, 10.0) } else { 10.0 };
                (here.mu[n] * by).min(self.most(n))
            });
            let next = next.collect();
            here = self.at(next);
        }
        if here.value > best.value {
            best = here;
        }
        self.quasi_newton(best)
    }

    fn quasi_newton(&mut self, start: Seen) -> (Seen, Stop) {
        let mut best = start;
        // Steps and what the slope lost along them.
        let mut memory: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        let mut stalled = 0;
        loop {
            let slope = self.free(&best);
            let mut step = self.direction(&best, &slope, &memory);
            let mut rise = dot(&slope, &step);
            if rise <= 0.0 {
                memory.clear();
                step = self.direction(&best, &slope, &memory);
                rise = dot(&slope, &step);
            }
            if rise <= 1e-9 * best.value.abs() && memory.is_empty() || slope.iter().all(|slope| *slope == 0.0) {
                return (best, Stop::Completed);
            }
            let before = best.value;
            let next = match self.line_search(&best, &slope, &step) {
                Ok(next) => next,
                Err(next) => return (next.unwrap_or(best), Stop::TimeLimit),
            };
            let Some(next) = next else {
                if memory.is_empty() {
                    return (best, Stop::Completed);
                }
                memory.clear();
                stalled += 1;
                if stalled > 2 {
                    return (best, Stop::Completed);
                }
                continue;
            };
            let moved: Vec<f64> = next.mu.iter().zip(&best.mu).map(|(to, from)| to - from).collect();
            let lost: Vec<f64> = next.slope.iter().zip(&best.slope).map(|(to, from)| from - to).collect();
            if dot(&moved, &lost) > 1e-12 * (dot(&moved, &moved) * dot(&lost, &lost)).sqrt() {
                if memory.len() == MEMORY {
                    memory.remove(0);
                }
                memory.push((moved, lost));
            }
            best = next;
            stalled = if best.value - before <= STALL * best.value.abs() { stalled + 1 } else { 0 };
            if stalled > 2 {
                return (best, Stop::Completed);
            }
        }
    }

    /// A weak Wolfe search along `step`: the best point seen, if it is above `from`.
    ///
    /// # Errors
    /// The same when the budget is spent.
    fn line_search(&mut self, from: &Seen, slope: &[f64], step: &[f64]) -> Result<Option<Seen>, Option<Seen>> {
        let (mut low, mut high, mut length) = (0.0, f64::INFINITY, 1.0);
        let mut best: Option<Seen> = None;
        let is_above = |seen: &Seen| seen.value > from.value;
        for _ in 0..10 {
            if self.budget.is_spent(self.began) {
                return Err(best.filter(is_above));
            }
            let mu = (0..step.len()).map(|n| (from.mu[n] + length * step[n]).clamp(0.0, self.most(n))).collect();
            let there = self.at(mu);
            let moved: Vec<f64> = there.mu.iter().zip(&from.mu).map(|(to, from)| to - from).collect();
            let (promised, left) = (dot(slope, &moved), dot(&there.slope, &moved));
            let has_risen = there.value >= from.value + 1e-4 * promised;
            let is_far = left <= 0.9 * promised;
            if best.as_ref().is_none_or(|best| there.value > best.value) {
                best = Some(there);
            }
            if has_risen && is_far {
                break;
            }
            if has_risen {
                low = length;
            } else {
                high = length;
            }
            length = if high < f64::INFINITY { 0.5 * (low + high) } else { 2.0 * low };
            if length > 64.0 || high - low < 1e-3 * high {
                break;
            }
        }
        Ok(best.filter(is_above))
    }

    /// Two loops over the steps kept (Nocedal 1980), over the coordinates that may move.
    fn direction(&self, seen: &Seen, slope: &[f64], memory: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
        let is_free = |n: usize| slope[n] != 0.0;
        let within = |a: &[f64], b: &[f64]| (0..a.len()).filter(|n| is_free(*n)).map(|n| a[n] * b[n]).sum::<f64>();
        let mut step = slope.to_vec();
        let mut factors = Vec::with_capacity(memory.len());
        for (moved, lost) in memory.iter().rev() {
            let size = within(moved, lost);
            let factor = if size > 0.0 { within(moved, &step) / size } else { 0.0 };
            (0..step.len()).filter(|n| is_free(*n)).for_each(|n| step[n] -= factor * lost[n]);
            factors.push((factor, size));
        }
        for (n, (step, user)) in step.iter_mut().zip(&self.instance.users).enumerate() {
            let spent = seen.slope[n] + user.energy_budget_j_per_slot;
            // Energy that falls with mu to the minus 2/3 falls by 2/3 E/mu; at 0 the step is one that is seen at all.
            let mu = seen.mu[n].max(1e-3 * self.natural[n]);
            *step *=
                if spent > 0.0 { 1.5 * mu / spent } else { mu / user.energy_budget_j_per_slot.max(f64::MIN_POSITIVE) };
        }
        for ((moved, lost), (factor, size)) in memory.iter().zip(factors.into_iter().rev()) {
            let other = if size > 0.0 { within(lost, &step) / size } else { 0.0 };
            (0..step.len()).filter(|n| is_free(*n)).for_each(|n| step[n] += (factor - other) * moved[n]);
        }
        (0..step.len()).filter(|n| !is_free(*n)).for_each(|n| step[n] = 0.0);
        step
    }
}

/// G at `mu`, for tests.
#[cfg(test)]
pub(super) fn height(instance: &Instance, mu: &[f64]) -> f64 {
    let system = Slot::of_system(instance);
    let mut total: f64 = instance.users.iter().zip(mu).map(|(user, mu)| -mu * user.energy_budget_j_per_slot).sum();
    for t in 0..instance.slots.len() {
        let mut slot = system.clone();
        slot.set(instance, t, 1.0, mu);
        let domain: Vec<u32> = (0..slot.pair_count() as u32).filter(|pair| slot.is_usable(*pair as usize)).collect();
        let until = Until { cutoff: f64::INFINITY, stall: 1.0, close: CONVERGENCE_TOL };
        let ascent = Dual::new(&slot).ascend(&slot, &domain, natural(&slot, &domain), 64.0, until);
        total += ascent.height.value / instance.slots.len() as f64;
    }
    total
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Slotted {
    /// The slot's best bound at `mu`, and its users' energies there.
    fn bound(&mut self, instance: &Instance, mu: &[f64], dual: &mut Dual) -> Bounded {
        self.slot.set_weights(instance, 1.0, mu);
        dual.lend(&self.slot, &mut self.warm);
        let until = Until { cutoff: f64::INFINITY, stall: 1.0, close: CONVERGENCE_TOL };
        let ascent = dual.ascend(&self.slot, &self.domain, self.prices, 16.0, until);
        let joules = dual.mixed(&self.slot, &self.domain, |pair, point| {
            let user = &instance.users[self.slot.user[pair] as usize];
            self.slot.energy_j(pair, point, instance.slot_s, user.tx_power_w)
        });
        dual.lend(&self.slot, &mut self.warm);
        self.prices = ascent.prices;
        Bounded { height: ascent.height, prices: ascent.prices, joules }
    }
}
