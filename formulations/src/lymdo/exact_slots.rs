//! The bound on a horizon with exact slots: prices of energy by cutting planes, slots by branch and bound on cuts.
//!
//! ```text
//! max over 0 <= mu <= overdraft   mean over slots of v_t(mu) - sum_n mu_n budget_n,
//! v_t(mu) = min over cuts and resources of slot t   sum_n D_n + mu_n E_n
//! ```
//!
//! v_t is a minimum of linear functions, one for every decision, so it is concave, and a decision found at some mu bounds it from above at every
//! mu: `v_t(mu) <= D + mu E`. Their least is a model (Kelley 1960), one for each of a few groups of slots, and the next mu is where the model is
//! highest within a box around the best mu so far (a trust region in factors, not in amounts: the scale of prices is not known, and it is not that of
//! `overdraft`). At every mu the slots are solved by `branch`, whose trees prove the bound. It exceeds the price bound of
//! `clairvoyant` by the duality gap of the slots. A slot whose tree grows too large is cut short: its bound is weaker, and valid.

use std::time::Instant;

use good_lp::{Expression, constraint, variable, variables};
use offcut_instances::lymdo::{Instance, Tree};
use offcut_instances::problem::{Budget, Sense};
use rayon::prelude::*;

use super::bound::BOUND_RELAXATION;
use super::branch::Solver;
use super::model::delays_and_energies;
use super::slot::Slot;
use crate::highs::{self, Program};

/// Evaluations, at most.
const MAX_ROUNDS: u32 = 40;

/// Groups of slots in the model, at most.
const MAX_GROUPS: usize = 50;

/// Nodes that may be opened for all slots at one mu.
const MAX_OPENED: u64 = 1_000_000;

/// The gain, relative, that ends the search if no more is promised.
const CONVERGENCE_TOL: f64 = 1e-7;

/// Rounds without a gain that end it.
const MAX_STALLS: u32 = 12;

/// The first factor of the trust region.
const FIRST_FACTOR: f64 = 2.0;

/// A bound with what proves it.
#[derive(Clone, Debug)]
pub(super) struct Proved {
    pub(super) mu: Vec<f64>,
    pub(super) value: f64,
    pub(super) trees: Vec<Tree>,
}

/// What came out.
pub(super) struct Outcome {
    /// None if a slot could not be solved at all.
    pub(super) best: Option<Proved>,
    pub(super) evaluations: u64,
    pub(super) in_time: bool,
    /// When which bound was reached.
    pub(super) bounds: Vec<(f64, f64)>,
}

/// One slot by itself.
struct Alone {
    instance: Instance,
    slot: Slot,
    prices: [f64; 2],
}

/// A slot's bound and the decisions found.
struct Solved {
    bound: f64,
    tree: Tree,
    /// Delay of all users in seconds, and every user's energy in joules.
    delay: f64,
    energies: Vec<f64>,
}

/// The least of these lines is the model of a group: delays and energies of its slots, added up.
struct Line {
    group: usize,
    delay: f64,
    energies: Vec<f64>,
}

pub(super) struct Search<'a> {
    instance: &'a Instance,
    /// Prices of the right magnitude. Shape (users,).
    natural: Vec<f64>,
    budget: &'a Budget,
    began: Instant,
    slots: Vec<Alone>,
    lines: Vec<Line>,
    groups: usize,
}

impl<'a> Search<'a> {
    /// `prices` of bandwidth and edge, slot by slot, are where the search for them begins.
    pub(super) fn new(
        instance: &'a Instance,
        system: &Slot,
        natural: Vec<f64>,
        prices: &[[f64; 2]],
        budget: &'a Budget,
        began: Instant,
    ) -> Self {
        let nothing = vec![0.0; instance.users.len()];
        let frame = Instance { v: 1.0, ..instance.without_slots() };
        let alone = |(t, prices): (usize, &[f64; 2])| {
            let mut slot = system.clone();
            slot.set(instance, t, 1.0, &nothing);
            let slots = vec![instance.slots[t].clone()];
            Alone { instance: Instance { slots, ..frame.clone() }, slot, prices: *prices }
        };
        let slots: Vec<Alone> = prices.iter().enumerate().map(alone).collect();
        let groups = slots.len().min(MAX_GROUPS);
        Self { instance, natural, budget, began, slots, lines: Vec::new(), groups }
    }

    /// The best bound found from `start` on.
    pub(super) fn run(mut self, start: Vec<f64>) -> Outcome {
        let mut outcome = Outcome { best: None, evaluations: 1, in_time: true, bounds: Vec::new() };
        let Some(mut best) = self.at(start) else { return outcome };
        outcome.bounds.push((self.began.elapsed().as_secs_f64(), best.value));
        let (mut factor, mut stalls) = (FIRST_FACTOR, 0);
        while outcome.evaluations < u64::from(MAX_ROUNDS) && stalls < MAX_STALLS {
            if self.budget.is_spent(self.began) {
                outcome.in_time = false;
                break;
            }
            let Some((mu, promised)) = self.highest(&best, factor) else { break };
            if promised - best.value <= CONVERGENCE_TOL * best.value.abs() {
                if factor == f64::INFINITY {
                    break;
                }
                factor = f64::INFINITY;
                continue;
            }
            outcome.evaluations += 1;
            let Some(there) = self.at(mu) else { break };
            let gain = there.value - best.value;
            factor = match factor == f64::INFINITY {
                true => FIRST_FACTOR,
                false if gain >= 0.5 * (promised - best.value) => (factor * factor).min(1e4),
                false if gain > 0.0 => factor,
                false => factor.sqrt().max(1.001),
            };
            stalls = if gain > CONVERGENCE_TOL * best.value.abs() { 0 } else { stalls + 1 };
            if gain > 0.0 {
                best = there;
                outcome.bounds.push((self.began.elapsed().as_secs_f64(), best.value));
            }
        }
        outcome.best = Some(best);
        outcome
    }

    /// All slots at `mu`; none if one of them has no solution or none was found.
    fn at(&mut self, mu: Vec<f64>) -> Option<Proved> {
        let (budget, began) = (self.budget, self.began);
        let most_opened = (MAX_OPENED / self.slots.len() as u64).max(10);
        let solved: Option<Vec<Solved>> = self
            .slots
            .par_iter_mut()
            .map_init(
                || None,
                |solver: &mut Option<Solver>, alone| {
                    let solver = solver.get_or_insert_with(|| Solver::new(&alone.slot));
                    solver.most_opened = most_opened;
                    alone.solve(&mu, solver, budget, began)
                },
            )
            .collect();
        let solved = solved?;
        let share = 1.0 / solved.len() as f64;
        let (mut value, mut size) = (0.0, 0.0);
        for (user, mu) in self.instance.users.iter().zip(&mu) {
            value -= mu * user.energy_budget_j_per_slot;
            size += mu * user.energy_budget_j_per_slot;
        }
        let users = mu.len();
        let line = |group| Line { group, delay: 0.0, energies: vec![0.0; users] };
        let mut lines: Vec<Line> = (0..self.groups).map(line).collect();
        for (t, slot) in solved.iter().enumerate() {
            value += share * slot.bound;
            size += share * slot.bound;
            let line = &mut lines[t % self.groups];
            line.delay += share * slot.delay;
            line.energies.iter_mut().zip(&slot.energies).for_each(|(sum, energy)| *sum += share * energy);
        }
        self.lines.extend(lines);
        let trees = solved.into_iter().map(|slot| slot.tree).collect();
        Some(Proved { mu, value: value - BOUND_RELAXATION * size, trees })
    }

    /// Where the model is highest, each price within a factor of the best one, and how high it is there.
    fn highest(&self, best: &Proved, factor: f64) -> Option<(Vec<f64>, f64)> {
        let users = &self.instance.users;
        let height = best.value.abs().max(1e-300);
        let mut problem = variables!();
        // Every price in units of its own magnitude, everything else in units of the bound.
        let unit = |n: usize| Some(best.mu[n].max(1e-2 * self.natural[n])).filter(|unit| *unit > 0.0).unwrap_or(1.0);
        let unit: Vec<f64> = (0..users.len()).map(unit).collect();
        let mut prices = Vec::with_capacity(users.len());
        let mut objective = Expression::default();
        for (n, user) in users.iter().enumerate() {
            let most = user.overdraft_s_per_j / unit[n];
            let now = best.mu[n] / unit[n];
            let (low, high) = match factor == f64::INFINITY {
                true => (0.0, most),
                false => (if now < 1e-6 { 0.0 } else { now / factor }, most.min(factor)),
            };
            let price = problem.add(variable().min(low.min(high)).max(high));
            objective.add_mul(-user.energy_budget_j_per_slot * unit[n] / height, price);
            prices.push(price);
        }
        let groups: Vec<_> = (0..self.groups).map(|_| problem.add(variable().min(0.0))).collect();
        groups.iter().for_each(|group| objective.add_mul(1.0, *group));
        let rows = self.lines.iter().map(|line| {
            let mut row = Expression::from(groups[line.group]);
            for (n, energy) in line.energies.iter().enumerate() {
                let slope = energy * unit[n] / height;
                if slope > 1e-12 {
                    row.add_mul(-slope, prices[n]);
                }
            }
            constraint!(row <= line.delay / height)
        });
        let rows: Vec<_> = rows.collect();
        let time_s = self.budget.time_s.map(|time_s| (time_s - self.began.elapsed().as_secs_f64()).max(0.0));
        // Every column is in units of its own magnitude. The bound that HiGHS finds is not used, so its error does not count.
        let size = (users.len() + self.groups) as f64;
        let relaxed = highs::relax(Program::new(Sense::Maximise, problem, objective, rows, size), time_s).ok()??;
        let mu: Vec<f64> = users
            .iter()
            .enumerate()
            .map(|(n, user)| {
                let mu = relaxed.values[n] * unit[n];
                // (What is next to nothing is nothing: certificates hold no such numbers.)
                if mu < 1e-9 * self.natural[n] { 0.0 } else { mu.min(user.overdraft_s_per_j) }
            })
            .collect();
        let promised: f64 = (0..self.groups)
            .map(|group| {
                let lines = self.lines.iter().filter(|line| line.group == group);
                let at = |line: &Line| line.delay + line.energies.iter().zip(&mu).map(|(e, mu)| e * mu).sum::<f64>();
                lines.map(at).fold(f64::INFINITY, f64::min)
            })
            .sum();
        let paid: f64 = users.iter().zip(&mu).map(|(user, mu)| user.energy_budget_j_per_slot * mu).sum();
        Some((mu, promised - paid))
    }
}

impl Alone {
    /// The slot at `mu`.
    fn solve(&mut self, mu: &[f64], solver: &mut Solver, budget: &Budget, began: Instant) -> Option<Solved> {
        self.instance.users.iter_mut().zip(mu).for_each(|(user, mu)| user.backlog_j = *mu);
        self.slot.set_weights(&self.instance, 1.0, mu);
        let solved = solver.solve(&self.slot, &self.instance, Some(self.prices), budget, began);
        let (_, allocation) = solver.decisions(&self.slot, &self.instance).filter(|_| solved.is_feasible)?;
        self.prices = solver.prices.unwrap_or(self.prices);
        let of = delays_and_energies(&self.instance, 0, &allocation)?;
        let (delay, energies) =
            (of.iter().map(|(delay, _)| delay).sum(), of.iter().map(|(_, energy)| *energy).collect());
        Some(Solved { bound: solved.bound.max(0.0), tree: solved.tree?, delay, energies })
    }
}
