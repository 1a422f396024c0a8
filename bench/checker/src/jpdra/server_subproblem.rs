//! A server's minimum: the best set of partitions for it at given prices, by branch and bound.
//!
//! The delay A^2/R of a set is bounded from below by a function that is linear in the set, so that chains of partitions are dynamic programs with two
//! states ("the partition before is taken or not"):
//!
//! ```text
//! A^2/R >= 2 r A - r^2 R        for every r >= 0
//! units:  sum c_i(k_i)  >= sum min_k (c_i(k) + r k) - r K,  c_i(k) = a_i^2 / (k unit - rho_i)
//! ```
//!
//! The result is the least of the bounds that the search ends with, each rounded down. It is a valid bound whatever the search does: a search that was cut
//! short, or that chose a poor r, gives a weaker bound and not a wrong one. Roots are rounded outwards ([`Interval::sqrt`]).

use std::collections::BinaryHeap;

use offcut_instances::jpdra::Prices;

use crate::budget::Budget;
use crate::interval::{Interval, add_down, add_down_or_infinite, minus, sum};

/// The largest number of rates, besides 0, at which one node is bounded.
pub(super) const MAX_RATES: usize = 60;

/// The node limit of the search for a server's minimum over so many items.
pub(super) fn max_nodes(items: usize) -> usize {
    (2_000_000 / (items + 1)).max(200)
}

/// The terms of a partition in bounds.
pub(super) struct PartitionTerms {
    pub(super) flow: usize,
    /// sqrt(lambda w / Lambda).
    pub(super) root: Interval,
    /// lambda w.
    pub(super) load: Interval,
    /// With units: the least weighted delay by number of units, rounded down, from `first` to the largest number of units of a server.
    pub(super) delays: Vec<f64>,
    /// The least number of units that may be stable; 1 or more.
    pub(super) first: u64,
}

/// The capacity of a server.
#[derive(Clone, Copy)]
pub(super) enum Capacity {
    Speed(f64),
    Units(u64),
}

/// The objective of a server's subproblem: prices with the delay, or prices alone, which proves infeasibility.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum SubproblemObjective {
    Delay,
    Feasibility,
}

/// Whether a server cannot, may or must take a partition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    Out,
    Free,
    In,
}

/// `2 r a + r^2 rho`.
pub(super) fn tangent(item: &PartitionTerms, rate: Interval) -> Interval {
    let twice = Interval::point(2.0) * rate;
    twice * item.root + rate * rate * item.load
}

/// `2 r a + r^2 rho` rounded down.
fn tangent_low(item: &PartitionTerms, rate: f64) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    let root = (2.0 * rate * item.root.low()).next_down();
    let load = ((rate * rate).next_down() * item.load.low()).next_down();
    add_down(root, load)
}

/// An open node of the search; the one with the least bound comes first.
struct OpenNode {
    bound: f64,
    state: Vec<State>,
    rate: f64,
}

impl PartialEq for OpenNode {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for OpenNode {}
impl PartialOrd for OpenNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for OpenNode {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound)
    }
}

/// The search for a server's minimum over sets of partitions.
pub(super) struct Search<'a> {
    objective: SubproblemObjective,
    capacity: Capacity,
    items: Vec<Item<'a>>,
    root: Vec<State>,
    /// The steps that the search may take; unlimited if `None`.
    budget: Option<&'a Budget>,
}

/// A partition that a server may or must take.
struct Item<'a> {
    item: &'a PartitionTerms,
    place: f64,
    /// What is earned besides if the item before is taken, too; `None` if that is not the partition's predecessor.
    stay: Option<f64>,
}

/// One evaluation of the bound at a rate: its value, the set that attains it, and that set's line or parabola `c0 + c1 r - c2 r^2`.
struct Point {
    rate: f64,
    low: f64,
    taken: Vec<bool>,
    curve: [f64; 3],
}

impl<'a> Search<'a> {
    pub(super) fn new(
        items: &'a [PartitionTerms],
        capacity: Capacity,
        prices: &Prices,
        objective: SubproblemObjective,
        m: usize,
        states: &[State],
    ) -> Self {
        let mut chain: Vec<Item> = Vec::new();
        let mut root = Vec::new();
        let mut before = None;
        for (i, state) in states.iter().enumerate().filter(|(_, state)| **state != State::Out) {
            let follows = i > 0 && before == Some(i - 1) && items[i].flow == items[i - 1].flow;
            let stay = (follows && !prices.stay.is_empty()).then(|| prices.stay[i][m]);
            chain.push(Item { item: &items[i], place: prices.place[i][m], stay });
            root.push(*state);
            before = Some(i);
        }
        Self { objective, capacity, items: chain, root, budget: None }
    }

    /// The same search within a budget. If the budget runs out, the search ends early with a weaker bound.
    pub(super) fn within(self, budget: &'a Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Takes so many steps for every item, and says whether the budget has run out.
    fn runs_out(&self, steps: usize) -> bool {
        self.budget.is_some_and(|budget| budget.runs_out((steps * (self.items.len() + 1)) as u64))
    }

    /// A lower bound of all sets, rounded down; infinite if none fits.
    pub(super) fn quick(&self) -> f64 {
        if self.is_overfull(&self.root) {
            return f64::INFINITY;
        }
        let (point, _) = self.highest(&self.root, 0.0);
        if is_decided(&self.root) { point.low.max(self.decided(&self.root)) } else { point.low }
    }

    /// The minimum over all sets, rounded down; infinite if none fits.
    pub(super) fn least(&self) -> f64 {
        self.least_within(max_nodes(self.items.len()))
    }

    /// The same within a node limit: a lower bound of it if the limit is reached.
    fn least_within(&self, limit: usize) -> f64 {
        // A node is pruned when its bound is within 1e-13 (relative) of the best known set. The node with the least bound comes first; at the limit
        // its bound holds for all open nodes.
        let mut best = f64::INFINITY;
        let mut least = f64::INFINITY;
        let mut nodes = 0;
        let mut open = BinaryHeap::from([OpenNode { bound: f64::NEG_INFINITY, state: self.root.clone(), rate: 0.0 }]);
        while let Some(OpenNode { bound, mut state, rate }) = open.pop() {
            let is_close = |low: f64| reaches(low, best, 1e-13);
            // (Steps of a node besides its rates: costs at one rate, two bounds of each item left out and taken, two sets, copies of the states.)
            if is_close(bound) || nodes >= limit || self.runs_out(10) {
                return least.min(bound);
            }
            if self.is_overfull(&state) {
                continue;
            }
            nodes += 1;
            let (point, other) = self.highest(&state, rate);
            best = best.min(self.value(&point.taken)).min(self.value(&other));
            let is_close = |low: f64| reaches(low, best, 1e-13);
            let here = point.low.max(bound);
            if is_decided(&state) {
                least = least.min(here.max(self.decided(&state)));
                continue;
            }
            if is_close(here) {
                least = least.min(here);
                continue;
            }
            // Items without a competitive alternative are fixed; their bounds count.
            let marginals = self.marginals(&state, point.rate);
            let mut split: Option<(f64, usize)> = None;
            for (at, [out, within]) in marginals.iter().copied().enumerate() {
                if state[at] != State::Free {
                    continue;
                }
                if is_close(within) {
                    state[at] = State::Out;
                    least = least.min(within);
                } else if is_close(out) {
                    state[at] = State::In;
                    least = least.min(out);
                } else {
                    let branching_score = self.branching_score(at, point.taken[at] != other[at]);
                    if split.is_none_or(|(most, _)| branching_score > most) {
                        split = Some((branching_score, at));
                    }
                }
            }
            let Some((_, at)) = split else {
                open.push(OpenNode { bound: here, state, rate: point.rate });
                continue;
            };
            for (chosen, bound) in [(State::Out, marginals[at][0]), (State::In, marginals[at][1])] {
                let mut state = state.clone();
                state[at] = chosen;
                open.push(OpenNode { bound: bound.max(here), state, rate: point.rate });
            }
        }
        least
    }

    /// The branching score of an item: high if the two sets that end the rate search differ in it, and higher the larger its load is.
    fn branching_score(&self, at: usize, differs: bool) -> f64 {
        let least = if differs { 2.0 } else { 0.0 };
        least + self.share(at)
    }

    /// The share of the server's capacity that an item takes.
    fn share(&self, at: usize) -> f64 {
        match self.capacity {
            Capacity::Speed(speed) => self.items[at].item.load.high() / speed,
            Capacity::Units(units) => self.items[at].item.first as f64 / units as f64,
        }
    }

    /// For every item, the bounds at a rate if it is left out and if it is taken, rounded down.
    fn marginals(&self, state: &[State], rate: f64) -> Vec<[f64; 2]> {
        let (costs, _) = self.costs(rate);
        let constant = self.constant(rate);
        let mut marginals = Vec::with_capacity(self.items.len());
        let [mut out, mut within] = [0.0, f64::INFINITY];
        for ((item, cost), state) in self.items.iter().zip(&costs).zip(state) {
            let after = add_down_or_infinite(within, -item.stay.unwrap_or(0.0));
            let (next_out, next_in) = (out.min(within), add_down_or_infinite(out.min(after), *cost));
            out = if *state == State::In { f64::INFINITY } else { next_out };
            within = if *state == State::Out { f64::INFINITY } else { next_in };
            marginals.push([out, within]);
        }
        // The best of all items after one, if it is left out, or taken.
        let [mut out, mut within] = [0.0, 0.0];
        for at in (0..self.items.len()).rev() {
            let [before_out, before_in] = marginals[at];
            marginals[at] = [
                add_down_or_infinite(add_down_or_infinite(before_out, out), -constant),
                add_down_or_infinite(add_down_or_infinite(before_in, within), -constant),
            ];
            let leave = if state[at] == State::In { f64::INFINITY } else { out };
            let take = if state[at] == State::Out { f64::INFINITY } else { add_down_or_infinite(costs[at], within) };
            let after_in = add_down_or_infinite(take, -self.items[at].stay.unwrap_or(0.0));
            (out, within) = (leave.min(take), leave.min(after_in));
        }
        marginals
    }

    /// Whether the items that must be taken certainly do not fit.
    fn is_overfull(&self, state: &[State]) -> bool {
        let taken =
            || self.items.iter().zip(state).filter(|(_, state)| **state == State::In).map(|(item, _)| item.item);
        match self.capacity {
            Capacity::Speed(speed) => sum(taken().map(|item| item.load)).low() >= speed,
            Capacity::Units(units) => taken().map(|item| u128::from(item.first)).sum::<u128>() > u128::from(units),
        }
    }

    /// The bound of a decided set with continuous speeds, from the definition.
    fn decided(&self, state: &[State]) -> f64 {
        let Capacity::Speed(speed) = self.capacity else { return f64::NEG_INFINITY };
        let taken: Vec<bool> = state.iter().map(|state| *state == State::In).collect();
        let of = |of: fn(&PartitionTerms) -> Interval| {
            sum(self.items.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(item, _)| of(item.item)))
        };
        let left = minus(Interval::point(speed), of(|item| item.load));
        let roots = of(|item| item.root);
        if left.high() <= 0.0 {
            return f64::INFINITY;
        }
        let delay = match self.objective {
            SubproblemObjective::Delay => ((roots * roots).low() / left.high()).next_down().max(0.0),
            SubproblemObjective::Feasibility => 0.0,
        };
        self.earned(&taken).fold(delay, |total, price| add_down(total, -price))
    }

    /// The prices that a set earns.
    fn earned<'b>(&'b self, taken: &'b [bool]) -> impl Iterator<Item = f64> + 'b {
        self.items
            .iter()
            .enumerate()
            .filter(|(at, _)| taken[*at])
            .flat_map(move |(at, item)| [item.place, item.stay.filter(|_| taken[at - 1]).unwrap_or(0.0)])
    }

    /// The objective value of a set in plain floats, only to end the search early; infinite if the set does not fit.
    fn value(&self, taken: &[bool]) -> f64 {
        let earned: f64 = self.earned(taken).sum();
        let chosen: Vec<&PartitionTerms> =
            self.items.iter().zip(taken).filter(|(_, taken)| **taken).map(|(item, _)| item.item).collect();
        let delay = match self.capacity {
            Capacity::Speed(speed) => {
                let left = speed - chosen.iter().map(|item| item.load.middle()).sum::<f64>();
                let roots: f64 = chosen.iter().map(|item| item.root.middle()).sum();
                if left > 0.0 { roots * roots / left } else { f64::INFINITY }
            }
            Capacity::Units(units) => {
                if let Some(budget) = self.budget {
                    budget.runs_out(units.saturating_mul(chosen.len() as u64));
                }
                fox(&chosen, units)
            }
        };
        match self.objective {
            SubproblemObjective::Feasibility if delay == f64::INFINITY => delay,
            SubproblemObjective::Feasibility => -earned,
            SubproblemObjective::Delay => delay - earned,
        }
    }

    /// The highest bound over rates, and a set on the other side of its peak. From `start`, by intersecting the curves of two sets, a rising
    /// one and a falling one; done when the bound is as high as the curves allow.
    fn highest(&self, state: &[State], start: f64) -> (Point, Vec<bool>) {
        self.highest_within(state, start, MAX_RATES)
    }

    /// The same with a limit on the rates besides 0: a lower bound of it if the limit is reached.
    fn highest_within(&self, state: &[State], start: f64, limit: usize) -> (Point, Vec<bool>) {
        let slope = |point: &Point| point.curve[1] - 2.0 * point.curve[2] * point.rate;
        let mut low = self.at(state, 0.0);
        if slope(&low) <= 0.0 {
            let taken = low.taken.clone();
            return (low, taken);
        }
        let mut high: Option<Point> = None;
        let mut next = if start > 0.0 { start } else { self.step(&low) };
        // Whether the known curves are highest at `next`: then a bound that reaches them is the highest.
        let mut is_peak = start <= 0.0;
        for _ in 0..limit {
            if self.runs_out(0) {
                break;
            }
            let point = self.at(state, next);
            let on = |of: &Point| of.curve[0] + of.curve[1] * next - of.curve[2] * next * next;
            let allowed = high.iter().map(on).fold(on(&low), f64::min);
            let is_highest = is_peak && reaches(point.low, allowed, 1e-14);
            is_peak = true;
            if slope(&point) > 0.0 {
                low = point
            } else {
                high = Some(point)
            }
            let Some(high) = &high else {
                next = self.step(&low);
                continue;
            };
            next = meeting(&low.curve, &high.curve, low.rate, high.rate);
            if is_highest || !(next > low.rate && next < high.rate) {
                break;
            }
        }
        match high {
            Some(high) if high.low > low.low => (high, low.taken),
            Some(high) => (low, high.taken),
            None => {
                let taken = low.taken.clone();
                (low, taken)
            }
        }
    }

    /// The next rate if all known curves still rise.
    fn step(&self, low: &Point) -> f64 {
        let [_, c1, c2] = low.curve;
        let top = if c2 > 0.0 { c1 / (2.0 * c2) } else { f64::INFINITY };
        if low.rate == 0.0 && !top.is_finite() {
            // The order of magnitude of one partition's price relative to its load.
            let scale = |item: &Item| match (self.capacity, self.objective) {
                (Capacity::Units(_), _) => item.place.abs(),
                (_, SubproblemObjective::Feasibility) => item.place.abs() / item.item.load.high(),
                _ => item.place.abs() / item.item.root.high(),
            };
            return self.items.iter().map(scale).fold(1e-30, f64::max).min(1e60);
        }
        // The curve's peak, or slightly beyond, so that the highest point is bracketed.
        if top.is_finite() && top > low.rate { (top * (1.0 + 1e-14)).min(1e60) } else { (4.0 * low.rate).min(1e60) }
    }

    /// The items' costs at a rate less their prices, rounded down; and their units.
    fn costs(&self, rate: f64) -> (Vec<f64>, Vec<u64>) {
        self.runs_out(4);
        let exact = Interval::point(rate);
        let cost = |item: &Item| {
            let (cost, k) = match (self.capacity, self.objective) {
                (Capacity::Speed(_), SubproblemObjective::Delay) => (tangent_low(item.item, rate), 0),
                (Capacity::Speed(_), SubproblemObjective::Feasibility) => ((exact * item.item.load).low(), 0),
                (Capacity::Units(_), SubproblemObjective::Feasibility) => {
                    ((exact * Interval::point(item.item.first as f64)).low(), item.item.first)
                }
                (Capacity::Units(most), SubproblemObjective::Delay) => {
                    let found = cheapest(item.item, most, rate);
                    if let Some(budget) = self.budget {
                        budget.runs_out(evaluations(item.item, most, rate, found.0));
                    }
                    found
                }
            };
            (add_down(cost, -item.place), k)
        };
        self.items.iter().map(cost).unzip()
    }

    /// The capacity's term at a rate, rounded up.
    fn constant(&self, rate: f64) -> f64 {
        let exact = Interval::point(rate);
        let constant = match self.capacity {
            Capacity::Speed(speed) => match self.objective {
                SubproblemObjective::Delay => exact * exact * Interval::point(speed),
                SubproblemObjective::Feasibility => exact * Interval::point(speed),
            },
            Capacity::Units(units) => exact * Interval::point(units as f64),
        };
        constant.high()
    }

    /// The bound at `rate`, rounded down: chains of items by dynamic programming over "the item before is taken or not".
    fn at(&self, state: &[State], rate: f64) -> Point {
        let (costs, units) = self.costs(rate);
        let mut out = 0.0;
        let mut within = f64::INFINITY;
        // Whether the item before is taken in the best solution that leaves this one out, and that takes it.
        let mut back = Vec::with_capacity(self.items.len());
        for ((item, state), cost) in self.items.iter().zip(state).zip(&costs) {
            let after = add_down_or_infinite(within, -item.stay.unwrap_or(0.0));
            let (from_out, from_in) = (within < out, after < out);
            let (next_out, next_in) = (out.min(within), add_down_or_infinite(out.min(after), *cost));
            back.push((from_out, from_in));
            out = if *state == State::In { f64::INFINITY } else { next_out };
            within = if *state == State::Out { f64::INFINITY } else { next_in };
        }
        let mut taken = vec![false; self.items.len()];
        let mut is_taken = within < out;
        for at in (0..self.items.len()).rev() {
            taken[at] = is_taken;
            is_taken = if is_taken { back[at].1 } else { back[at].0 };
        }
        let low = add_down_or_infinite(out.min(within), -self.constant(rate));
        let chosen = || (0..self.items.len()).filter(|at| taken[*at]);
        let load: f64 = chosen().map(|at| self.items[at].item.load.middle()).sum();
        let curve = match (self.capacity, self.objective) {
            (Capacity::Speed(speed), SubproblemObjective::Delay) => {
                let roots: f64 = chosen().map(|at| self.items[at].item.root.middle()).sum();
                [0.0, 2.0 * roots, speed - load]
            }
            (Capacity::Speed(speed), SubproblemObjective::Feasibility) => [0.0, load - speed, 0.0],
            (Capacity::Units(most), _) => [0.0, chosen().map(|at| units[at] as f64).sum::<f64>() - most as f64, 0.0],
        };
        let [_, c1, c2] = curve;
        Point { rate, low, taken, curve: [low - c1 * rate + c2 * rate * rate, c1, c2] }
    }
}

/// Whether `low` is at least `high` up to a relative tolerance of `share`. Nothing reaches infinity.
fn reaches(low: f64, high: f64, share: f64) -> bool {
    low >= high - share * high.abs()
}

/// Whether every item is decided.
fn is_decided(state: &[State]) -> bool {
    state.iter().all(|state| *state != State::Free)
}

/// Where a rising curve meets a falling one, between the two rates.
fn meeting(rising: &[f64; 3], falling: &[f64; 3], low: f64, high: f64) -> f64 {
    // (c2 - d2) r^2 - (c1 - d1) r - (c0 - d0) = 0
    let [a, b, c] = [rising[2] - falling[2], falling[1] - rising[1], falling[0] - rising[0]];
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    let q = -0.5 * (b + root.copysign(b));
    let is_between = |r: &f64| *r > low && *r < high;
    let crossing = [q / a, c / q].into_iter().find(is_between);
    // A curve's own peak may come before they meet.
    let tops = [rising, falling].map(|curve| curve[1] / (2.0 * curve[2]));
    match crossing {
        Some(r) if tops[0] < r && is_between(&tops[0]) => tops[0],
        Some(r) if tops[1] > r && is_between(&tops[1]) => tops[1],
        Some(r) => r,
        None => tops.into_iter().find(is_between).unwrap_or(low + (high - low) / 2.0),
    }
}

/// The least of `delay(k) + rate k` over the units of a server, rounded down, and its k. Covers all of them.
fn cheapest(item: &PartitionTerms, most: u64, rate: f64) -> (f64, u64) {
    let mut least = (f64::INFINITY, item.first);
    for (k, delay) in (item.first..=most).zip(&item.delays) {
        // The price of the units alone exceeds the least so far, and so it does for all larger k.
        let units = rate * k as f64;
        if units > least.0 * (1.0 + 1e-12) {
            break;
        }
        let price = if units == 0.0 { 0.0 } else { units.next_down() };
        let cost = add_down(*delay, price);
        if cost < least.0 {
            least = (cost, k);
        }
    }
    least
}

/// The numbers of units that [`cheapest`] evaluated: those whose price alone is not above the least.
fn evaluations(item: &PartitionTerms, most: u64, rate: f64, least: f64) -> u64 {
    let last = if rate > 0.0 { (least / rate).min(most as f64) as u64 } else { most };
    last.saturating_sub(item.first) + 1
}

/// Fox's marginal allocation: the weighted delay of partitions that share `units`; infinite if they do not fit.
fn fox(items: &[&PartitionTerms], units: u64) -> f64 {
    let least: u64 = items.iter().map(|item| item.first).sum();
    if least > units {
        return f64::INFINITY;
    }
    let mut given = vec![0usize; items.len()];
    let delay = |at: usize, k: usize| items[at].delays.get(k).copied().unwrap_or(0.0);
    for _ in 0..units - least {
        let gain = |at: &usize| delay(*at, given[*at]) - delay(*at, given[*at] + 1);
        let Some(at) = (0..items.len()).max_by(|a, b| gain(a).total_cmp(&gain(b))) else { break };
        given[at] += 1;
    }
    (0..items.len()).map(|at| delay(at, given[at])).sum()
}

#[cfg(test)]
mod tests;
