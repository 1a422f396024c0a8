//! The subproblem of one server: the best set of partitions at given prices, by branch and bound.
//!
//! ```text
//! min over X  delay(X) - sum of prices of X
//! ```
//!
//! where the search node may forbid partitions or force them into X. For every rate r >= 0
//!
//! ```text
//! A^2/R >= 2 r A - r^2 R                              sum_i (2 r a_i + r^2 rho_i) - r^2 F
//! units    >= sum_i min_k (c_i(k) + r k) - r K
//! capacity:   0 >= r (rho(X) - F)                     when only feasibility is asked for
//! ```
//!
//! is a sum over partitions, so the best X for a rate is a dynamic program along each flow whose state is whether the preceding partition is in X. The
//! best rate is found by intersecting the curves of two sets, one rising, one falling. Branch and bound splits partitions that are in one of the two
//! sets only, and fixes those whose best alternative is above the best set known.

use std::cmp::Reverse;
use std::ops::Range;

use super::model::{Model, unit_residual};
use crate::best_first::{BestFirst, Ordered, Ranked};

/// The objective of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubproblemObjective {
    /// The least delay.
    Delay,
    /// Feasibility: delays and transfers cost 0.
    Feasibility,
}

/// The result of a minimisation.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// A lower bound of all sets, prices included.
    pub(super) low: f64,
    /// The best set found, ascending.
    pub(super) set: Vec<u32>,
    /// Its delay, without prices; infinite if no set better than the known one was found.
    pub(super) delay: f64,
}

/// The partitions that a server may hold: a structure of arrays, each of shape (items,).
#[derive(Default)]
struct Items {
    i: Vec<u32>,
    root: Vec<f64>,
    load: Vec<f64>,
    /// What rounding took from the load.
    tail: Vec<f64>,
    /// Price of the assignment.
    assign: Vec<f64>,
    /// Price of staying, earned if the preceding partition of the flow is taken too; 0 if it is no item.
    stay: Vec<f64>,
    /// The least units.
    first: Vec<f64>,
    /// Ranges of consecutive partitions. Runs are independent.
    runs: Vec<Range<usize>>,
}

impl Items {
    fn len(&self) -> usize {
        self.i.len()
    }

    fn clear(&mut self) {
        self.i.clear();
        self.root.clear();
        self.load.clear();
        self.tail.clear();
        self.assign.clear();
        self.stay.clear();
        self.first.clear();
        self.runs.clear();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Out,
    In,
}

/// One evaluation of the bound.
#[derive(Clone, Default)]
struct Point {
    rate: f64,
    value: f64,
    taken: Vec<bool>,
    /// The curve of the set taken: `c0 + c1 r - c2 r^2`.
    curve: [f64; 3],
}

impl Point {
    fn slope(&self) -> f64 {
        self.curve[1] - 2.0 * self.curve[2] * self.rate
    }

    fn on(&self, rate: f64) -> f64 {
        self.curve[0] + (self.curve[1] - self.curve[2] * rate) * rate
    }
}

/// The minimisation, with its memory from call to call.
pub(super) struct Servers<'m> {
    model: &'m Model<'m>,
    objective: SubproblemObjective,
    items: Items,
    costs: Vec<f64>,
    units: Vec<f64>,
    /// Penalties of leaving an item out and of taking it: 0, or infinite if forbidden.
    leave: Vec<f64>,
    take: Vec<f64>,
    /// Cost of the best choice of its run up to an item that leaves it out, or takes it.
    forwards: Vec<[f64; 2]>,
    /// Bounds with an item left out, and taken.
    marginals: Vec<[f64; 2]>,
    /// Evaluations of the bound: the highest, one on the other side of its rate, and a buffer for the next.
    points: [Point; 3],
    spare: Point,
    /// States of the open nodes, flat, and the indices that are vacant.
    states: Vec<State>,
    vacant: Vec<u32>,
    /// Open nodes; kept to reuse its memory.
    waiting: BestFirst<Open>,
    /// The last best rate of each server. Shape (servers,).
    rates: Vec<f64>,
    /// Nodes of all branch and bounds.
    pub(super) nodes: u64,
    /// Items priced in all evaluations.
    pub(super) priced: u64,
}

/// A minimisation with more nodes, times items, ends with its current bound.
const MAX_NODES_TIMES_ITEMS: usize = 1_000_000;

/// An open node; the one with the least bound comes first.
struct Open {
    bound: f64,
    /// Index of its state.
    state: u32,
    rate: f64,
}

impl Ranked for Open {
    type Rank = Reverse<Ordered>;

    /// The least bound first.
    fn rank(&self) -> Self::Rank {
        Reverse(Ordered(self.bound))
    }
}

impl<'m> Servers<'m> {
    pub(super) fn new(model: &'m Model<'m>, objective: SubproblemObjective) -> Self {
        let rates = vec![0.0; model.servers()];
        Self {
            model,
            objective,
            items: Items::default(),
            costs: Vec::new(),
            units: Vec::new(),
            leave: Vec::new(),
            take: Vec::new(),
            forwards: Vec::new(),
            marginals: Vec::new(),
            points: Default::default(),
            spare: Point::default(),
            states: Vec::new(),
            vacant: Vec::new(),
            waiting: BestFirst::default(),
            rates,
            nodes: 0,
            priced: 0,
        }
    }

    /// The capacity of a server: its speed in MAC/s, or its units. Where feasibility is asked for, the speed is relaxed by what roundings may hide.
    fn capacity(&self, m: usize) -> f64 {
        match (self.model.unit, self.objective) {
            (Some(_), _) => self.model.units[m] as f64,
            (None, SubproblemObjective::Delay) => self.model.speed(m),
            (None, SubproblemObjective::Feasibility) => self.model.relaxed_speed(m),
        }
    }

    /// The set of server `m` with the least delay less prices, if that is below `known`. `domain` holds the allowed servers of every partition as a bit
    /// set; `prices` are laid out as in `Dual`. The search ends within `close`, absolute.
    pub(super) fn best(&mut self, m: usize, domain: &[u64], prices: &[f64], known: f64, close: f64) -> Best {
        let mut state = self.prepare(m, domain, prices);
        let mut best = Best { low: f64::INFINITY, set: Vec::new(), delay: f64::INFINITY };
        let mut least = known;
        let items = self.items.len();
        let most = (MAX_NODES_TIMES_ITEMS / (items + 1)).max(100);
        self.states.clear();
        self.vacant.clear();
        let first = self.store(&state);
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.clear();
        waiting.push(Open { bound: f64::NEG_INFINITY, state: first, rate: self.rates[m] });
        let mut nodes = 0;
        while let Some(Open { bound, state: stored, rate }) = waiting.pop() {
            // The least bound is on top: once it is good enough, or nodes are spent, it bounds all that is left.
            if bound >= least - close || nodes >= most {
                best.low = best.low.min(bound);
                break;
            }
            state.copy_from_slice(&self.states[stored as usize * items..][..items]);
            self.vacant.push(stored);
            if self.is_over_capacity(m, &state) {
                continue;
            }
            nodes += 1;
            let [top, other] = self.highest(m, &state, rate, least - close);
            let (value, rate) = (self.points[top].value, self.points[top].rate);
            if nodes == 1 {
                self.rates[m] = rate;
            }
            for point in std::iter::once(top).chain((top != other).then_some(other)) {
                self.evaluate_set(m, point, &mut least, &mut best);
            }
            let here = value.max(bound);
            if here >= least - close || state.iter().all(|state| *state != State::Free) {
                best.low = best.low.min(here);
                continue;
            }
            self.find_marginals(m, rate);
            let tops = [top, other];
            let Some(at) = self.fix_by_marginals(m, &mut state, least - close, tops, &mut best.low) else {
                // All fixed: one set is left.
                let state = self.store(&state);
                waiting.push(Open { bound: here, state, rate });
                continue;
            };
            let [out, within] = self.marginals[at];
            for (chosen, bound) in [(State::Out, out), (State::In, within)] {
                state[at] = chosen;
                let state = self.store(&state);
                waiting.push(Open { bound: bound.max(here), state, rate });
            }
        }
        self.waiting = waiting;
        self.nodes += nodes as u64;
        best.low = best.low.min(least);
        best
    }

    /// Evaluates the set of a point of the bound, and keeps it if it is below `least`.
    fn evaluate_set(&self, m: usize, point: usize, least: &mut f64, best: &mut Best) {
        if !self.may_improve(point, *least) {
            return;
        }
        let taken = &self.points[point].taken;
        let (delay, earned) = self.delay_and_prices(m, taken);
        if delay - earned < *least {
            *least = delay - earned;
            best.delay = delay;
            best.set.clear();
            best.set.extend(self.items.i.iter().zip(taken).filter(|(_, taken)| **taken).map(|(i, _)| *i));
        }
    }

    /// Fixes free items by their marginals where the excluded alternative reaches `cutoff`, which then bounds `low`. The answer is the item to split: the
    /// largest of those that are in one of the two sets `tops` only, or else the largest.
    fn fix_by_marginals(
        &self,
        m: usize,
        state: &mut [State],
        cutoff: f64,
        tops: [usize; 2],
        low: &mut f64,
    ) -> Option<usize> {
        let mut split: Option<(f64, usize)> = None;
        for (at, [out, within]) in self.marginals.iter().copied().enumerate() {
            if state[at] != State::Free {
                continue;
            }
            if within >= cutoff {
                state[at] = State::Out;
                *low = low.min(within);
            } else if out >= cutoff {
                state[at] = State::In;
                *low = low.min(out);
            } else {
                let [top, other] = tops.map(|of| self.points[of].taken[at]);
                let branching_score = if top == other { 0.0 } else { 1.0 } + self.size(at, m);
                if split.is_none_or(|(most, _)| branching_score > most) {
                    split = Some((branching_score, at));
                }
            }
        }
        split.map(|(_, at)| at)
    }

    /// Bounds with a partition left out of, and put into, the server's set, at the rate where it was bounded best: pairs (partition, [out, in]).
    pub(super) fn alternatives(
        &mut self,
        m: usize,
        domain: &[u64],
        prices: &[f64],
    ) -> impl Iterator<Item = (usize, [f64; 2])> {
        let state = self.prepare(m, domain, prices);
        let [top, _] = self.highest(m, &state, self.rates[m], f64::INFINITY);
        self.find_marginals(m, self.points[top].rate);
        self.items.i.iter().map(|i| *i as usize).zip(self.marginals.iter().copied())
    }

    /// Stores the state of an open node.
    fn store(&mut self, state: &[State]) -> u32 {
        match self.vacant.pop() {
            Some(index) => {
                self.states[index as usize * state.len()..][..state.len()].copy_from_slice(state);
                index
            }
            None => {
                self.states.extend_from_slice(state);
                (self.states.len() / state.len().max(1)) as u32 - u32::from(!state.is_empty())
            }
        }
    }

    fn prepare(&mut self, m: usize, domain: &[u64], prices: &[f64]) -> Vec<State> {
        let (servers, partitions) = (self.model.servers(), self.model.partitions());
        let items = &mut self.items;
        items.clear();
        let mut state = Vec::with_capacity(partitions);
        let mut before = usize::MAX - 1;
        for (i, allowed) in domain.iter().enumerate().filter(|(_, allowed)| **allowed >> m & 1 == 1) {
            let follows = self.model.follows[i] && before + 1 == i;
            items.i.push(i as u32);
            items.root.push(self.model.root(i, m));
            items.load.push(self.model.load(i, m));
            items.tail.push(self.model.tail(i, m));
            items.assign.push(prices[i * servers + m]);
            items.stay.push(if follows { prices[(partitions + i) * servers + m] } else { 0.0 });
            items.first.push(self.model.least(i, m) as f64);
            let at = state.len();
            match items.runs.last_mut() {
                Some(run) if follows => run.end = at + 1,
                _ => items.runs.push(at..at + 1),
            }
            state.push(if *allowed == 1 << m { State::In } else { State::Free });
            before = i;
        }
        state
    }

    /// The load of an item relative to the server: the larger one is split first.
    fn size(&self, at: usize, m: usize) -> f64 {
        self.items.load[at] / self.model.speed(m)
    }

    /// Whether the items that must be taken do not fit. Where feasibility is asked for: certainly not.
    fn is_over_capacity(&self, m: usize, state: &[State]) -> bool {
        let sum = |of: &[f64]| -> f64 {
            of.iter().zip(state).map(|(of, state)| if *state == State::In { *of } else { 0.0 }).sum()
        };
        match (self.model.unit, self.objective) {
            (Some(_), _) => sum(&self.items.first) > self.capacity(m),
            (None, SubproblemObjective::Delay) => sum(&self.items.load) >= self.capacity(m),
            (None, SubproblemObjective::Feasibility) => {
                let taken = self.items.i.iter().zip(state).filter(|(_, state)| **state == State::In);
                !self.model.may_fit(m, taken.map(|(i, _)| *i as usize))
            }
        }
    }

    /// Whether the set of a point may be below `least`, up to rounding; the others need no exact evaluation.
    fn may_improve(&self, point: usize, least: f64) -> bool {
        let Point { curve: [c0, c1, c2], .. } = self.points[point];
        match (self.model.unit, self.objective) {
            // The maximum of the curve is the delay of the set, less its prices.
            (None, SubproblemObjective::Delay) if c1 > 0.0 && c2 > 0.0 => {
                let rise = c1 * c1 / (4.0 * c2);
                c0 + rise < least + 1e-9 * (c0.abs() + rise)
            }
            _ => true,
        }
    }

    /// Delay of a set, infinite if it is infeasible, and the sum of its prices.
    fn delay_and_prices(&self, m: usize, taken: &[bool]) -> (f64, f64) {
        let (mut earned, mut roots, mut load, mut first, mut count) = (0.0, 0.0, 0.0, 0.0, 0);
        let items = &self.items;
        for at in (0..taken.len()).filter(|at| taken[*at]) {
            earned += items.assign[at] + if at > 0 && taken[at - 1] { items.stay[at] } else { 0.0 };
            roots += items.root[at];
            load += items.load[at];
            first += items.first[at];
            count += 1;
        }
        let delay = match (self.model.unit, self.objective) {
            (None, _) => self.model.shared_delay(m, count, load, roots),
            (Some(_), SubproblemObjective::Feasibility) => (first <= self.capacity(m)).then_some(0.0),
            (Some(_), SubproblemObjective::Delay) => {
                let taken = items.i.iter().zip(taken).filter(|(_, taken)| **taken);
                let set: Vec<usize> = taken.map(|(i, _)| *i as usize).collect();
                self.model.fox(m, &set).map(|(_, delay)| delay)
            }
        };
        let delay =
            delay.map_or(
                f64::INFINITY,
                |delay| if self.objective == SubproblemObjective::Feasibility { 0.0 } else { delay },
            );
        (delay, earned)
    }

    /// Costs of all items at a rate, less their prices.
    fn price(&mut self, m: usize, rate: f64) {
        self.costs.clear();
        self.units.clear();
        let Items { root, load, tail, assign, first, .. } = &self.items;
        let take = &self.take[..];
        self.priced += root.len() as u64;
        match (self.model.unit, self.objective) {
            (None, SubproblemObjective::Delay) => {
                let twice = 2.0 * rate;
                let squared = rate * rate;
                let costs = root.iter().zip(load).zip(assign).zip(take);
                self.costs.extend(costs.map(|(((a, w), p), take)| twice * a + squared * w - p + take));
            }
            (None, SubproblemObjective::Feasibility) => {
                self.costs.extend(load.iter().zip(assign).zip(take).map(|((w, p), take)| rate * w - p + take))
            }
            (Some(_), SubproblemObjective::Feasibility) => {
                self.costs.extend(first.iter().zip(assign).zip(take).map(|((k, p), take)| rate * k - p + take));
                self.units.extend_from_slice(first);
            }
            (Some(unit), SubproblemObjective::Delay) => {
                let most = self.capacity(m);
                for at in 0..root.len() {
                    let (root, load, tail, first) = (root[at], load[at], tail[at], first[at]);
                    let delay = |k: f64| root * root / unit_residual(k, unit, load, tail) + rate * k;
                    // Where the derivative is 0, and the whole numbers around it.
                    let k = (load + root * (unit / rate).sqrt()) / unit;
                    let low = k.floor().clamp(first, most.max(first));
                    let high = (low + 1.0).min(most.max(first));
                    let k = if delay(high) < delay(low) { high } else { low };
                    self.costs.push(delay(k) - assign[at] + take[at]);
                    self.units.push(k);
                }
            }
        }
    }

    fn constant(&self, m: usize, rate: f64) -> f64 {
        match (self.model.unit, self.objective) {
            (None, SubproblemObjective::Delay) => rate * (rate * self.model.speed(m) - 2.0 * self.model.fixed_roots(m)),
            _ => rate * self.capacity(m),
        }
    }

    /// Sets the penalties of all items by their states.
    fn restrict(&mut self, state: &[State]) {
        let cost = |is_forbidden: bool| if is_forbidden { f64::INFINITY } else { 0.0 };
        self.leave.clear();
        self.leave.extend(state.iter().map(|state| cost(*state == State::In)));
        self.take.clear();
        self.take.extend(state.iter().map(|state| cost(*state == State::Out)));
    }

    /// Evaluates the bound at a rate, and the set that attains it, into `point`.
    fn at(&mut self, m: usize, rate: f64, point: &mut Point) {
        self.price(m, rate);
        let items = self.items.len();
        self.forwards.resize(items, [0.0; 2]);
        point.taken.resize(items, false);
        let (mut total, mut roots, mut loads, mut units) = (0.0, 0.0, 0.0, 0.0);
        for run in &self.items.runs {
            let (costs, leave) = (&self.costs[run.clone()], &self.leave[run.clone()]);
            let (stay, root, load) =
                (&self.items.stay[run.clone()], &self.items.root[run.clone()], &self.items.load[run.clone()]);
            let (forwards, taken) = (&mut self.forwards[run.clone()], &mut point.taken[run.clone()]);
            let [mut out, mut within] = [0.0, f64::INFINITY];
            for (((cost, leave), stay), forward) in costs.iter().zip(leave).zip(stay).zip(forwards.iter_mut()) {
                (out, within) = (lesser(out, within) + leave, cost + lesser(out, within - stay));
                *forward = [out, within];
            }
            total += lesser(out, within);
            // The price of staying is earned if the next item is taken.
            let mut saved = 0.0;
            let back = forwards.iter().zip(stay).zip(root).zip(load).zip(taken.iter_mut()).rev();
            for ((((forward, stay), root), load), taken) in back {
                *taken = forward[1] - saved < forward[0];
                saved = if *taken { *stay } else { 0.0 };
                roots += if *taken { *root } else { 0.0 };
                loads += if *taken { *load } else { 0.0 };
            }
            if !self.units.is_empty() {
                let units_of = self.units[run.clone()].iter().zip(taken.iter());
                units += units_of.map(|(units, taken)| if *taken { *units } else { 0.0 }).sum::<f64>();
            }
        }
        point.rate = rate;
        point.value = total - self.constant(m, rate);
        let (c1, c2) = match (self.model.unit, self.objective) {
            (None, SubproblemObjective::Delay) => {
                (2.0 * (roots + self.model.fixed_roots(m)), self.model.speed(m) - loads)
            }
            (None, SubproblemObjective::Feasibility) => (loads - self.capacity(m), 0.0),
            (Some(_), _) => (units - self.capacity(m), 0.0),
        };
        point.curve = [point.value - (c1 - c2 * rate) * rate, c1, c2];
    }

    /// The highest bound over rates, and a set on the other side of the best rate, as places among the points; less if `cutoff` is reached before.
    fn highest(&mut self, m: usize, state: &[State], start: f64, cutoff: f64) -> [usize; 2] {
        self.restrict(state);
        let mut points = std::mem::take(&mut self.points);
        let (mut low, mut high): (Option<usize>, Option<usize>) = (None, None);
        let mut next = start;
        // Whether the curves known are highest at `next`: then a bound as high as they are is the highest.
        let mut is_peak = false;
        for _ in 0..50 {
            let next_point = (0..3).find(|at| low != Some(*at) && high != Some(*at)).expect("three points, two in use");
            self.at(m, next, &mut points[next_point]);
            let allowed = low.iter().chain(&high).map(|of| points[*of].on(next)).fold(f64::INFINITY, f64::min);
            let point = &points[next_point];
            let is_highest = is_peak && point.value >= allowed - 1e-14 * allowed.abs();
            let slope = point.slope();
            let is_done = is_highest || point.value >= cutoff || slope == 0.0 || slope < 0.0 && next == 0.0;
            if slope > 0.0 {
                low = Some(next_point)
            } else {
                high = Some(next_point)
            }
            if is_done {
                break;
            }
            (next, is_peak) = match (low, high) {
                (Some(low), Some(high)) => {
                    let (low, high) = (&points[low], &points[high]);
                    let rate = meeting(low, high);
                    if !(rate > low.rate && rate < high.rate) {
                        break;
                    }
                    (rate, true)
                }
                (Some(low), None) => self.beyond(&points[low]),
                (None, Some(high)) => before(&points[high]),
                (None, None) => unreachable!("a point is low or high"),
            };
        }
        self.points = points;
        match (low, high) {
            (Some(low), Some(high)) if self.points[high].value > self.points[low].value => [high, low],
            (Some(low), Some(high)) => [low, high],
            (Some(one), None) | (None, Some(one)) => [one, one],
            (None, None) => unreachable!("a point is low or high"),
        }
    }

    /// A rate where the curve of a rising set no longer rises, or a larger one; and whether it is the former.
    fn beyond(&self, low: &Point) -> (f64, bool) {
        let [_, c1, c2] = low.curve;
        let top = c1 / (2.0 * c2);
        if c2 > 0.0 && top * (1.0 + 1e-14) > low.rate {
            return (top * (1.0 + 1e-14), true);
        }
        if low.rate > 0.0 {
            return (low.rate * 4.0, false);
        }
        let Items { root, load, assign, .. } = &self.items;
        let scale = |at: usize| match (self.model.unit, self.objective) {
            (None, SubproblemObjective::Delay) => assign[at].abs() / root[at],
            (None, SubproblemObjective::Feasibility) => assign[at].abs() / load[at],
            _ => assign[at].abs(),
        };
        ((0..assign.len()).map(scale).fold(f64::MIN_POSITIVE, f64::max), false)
    }

    /// Finds bounds with an item left out, and taken, at a rate, in the states that were bounded last.
    fn find_marginals(&mut self, m: usize, rate: f64) {
        let mut point = std::mem::take(&mut self.spare);
        self.at(m, rate, &mut point);
        let value = point.value;
        self.spare = point;
        let Items { stay, runs, .. } = &self.items;
        self.marginals.resize(self.items.len(), [0.0; 2]);
        for run in runs {
            let [out, within] = self.forwards[run.end - 1];
            let others = value - out.min(within);
            // The best of all items of the run after this one, if it is left out, or taken.
            let (mut out, mut within) = (0.0, 0.0);
            for at in run.clone().rev() {
                let [before_out, before_in] = self.forwards[at];
                self.marginals[at] = [others + (before_out + out), others + (before_in + within)];
                let (leave, take) = (self.leave[at] + out, self.costs[at] + within);
                (out, within) = (lesser(leave, take), lesser(leave, take - stay[at]));
            }
        }
    }
}

/// The lesser of two numbers that are not NaN: a single instruction, which `min` is not.
fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// A rate where the curve of a falling set still rises or is highest; and whether it is the latter.
fn before(high: &Point) -> (f64, bool) {
    let [_, c1, c2] = high.curve;
    if c2 > 0.0 {
        let top = (c1 / (2.0 * c2)).max(0.0);
        return (top.min(high.rate * (1.0 - 1e-14)), true);
    }
    // Lines fall for ever: nearer, and at last to 0.
    (if high.value.abs() > 1e-12 * (c1 * high.rate).abs() { high.rate / 4.0 } else { 0.0 }, false)
}

/// Where the bound of two sets is highest: where their curves meet, or at the top of one before that.
fn meeting(rising: &Point, falling: &Point) -> f64 {
    let ([c0, c1, c2], [d0, d1, d2]) = (rising.curve, falling.curve);
    let is_between = |rate: &f64| *rate > rising.rate && *rate < falling.rate;
    // (c2 - d2) r^2 + (d1 - c1) r + (d0 - c0) = 0
    let [a, b, c] = [c2 - d2, d1 - c1, d0 - c0];
    let q = -0.5 * (b + (b * b - 4.0 * a * c).max(0.0).sqrt().copysign(b));
    let tops = [c1 / (2.0 * c2), d1 / (2.0 * d2)];
    match [q / a, c / q].into_iter().find(is_between) {
        Some(rate) if tops[0] < rate && is_between(&tops[0]) => tops[0],
        Some(rate) if tops[1] > rate && is_between(&tops[1]) => tops[1],
        Some(rate) => rate,
        None => tops.into_iter().find(is_between).unwrap_or(rising.rate + (falling.rate - rising.rate) / 2.0),
    }
}
