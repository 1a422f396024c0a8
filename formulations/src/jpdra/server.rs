//! A server for itself: the best set of partitions at given prices.
//!
//! ```text
//! min over X  delay(X) - sum of prices of X
//! ```
//!
//! where X may hold what the node of a search allows and must hold what it forces. For every rate r >= 0
//!
//! ```text
//! A^2/R >= 2 r A - r^2 R                              sum_i (2 r a_i + r^2 rho_i) - r^2 F
//! units    >= sum_i min_k (c_i(k) + r k) - r K
//! capacity:   0 >= r (rho(X) - F)                     when only room counts and no delay
//! ```
//!
//! is a sum over partitions, so the best X for a rate is a dynamic program along each flow ("is the one before in X?"), and the best rate is
//! found by intersecting the curves of two sets, one rising, one falling. What is left is a small branch and bound over partitions that are in
//! one of the two sets and not in the other; partitions whose best alternative is above the best set known are fixed on the way.

use std::collections::BinaryHeap;

use super::model::Model;

/// What a search is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The least delay.
    Delay,
    /// Only that everything fits: delays and ways cost nothing.
    Room,
}

/// The result of a minimisation.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// No set is worth less.
    pub(super) low: f64,
    /// The best set found, ascending.
    pub(super) set: Vec<u32>,
    /// Its delay, prices left out; infinite if none was found that is better than what was known.
    pub(super) delay: f64,
}

#[derive(Clone, Copy)]
struct Offer {
    i: u32,
    root: f64,
    load: f64,
    place: f64,
    /// What is earned besides if the offer before is taken, too: it is of the partition before. `None` otherwise.
    stay: Option<f64>,
    /// The least units.
    first: f64,
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
    aim: Aim,
    offers: Vec<Offer>,
    costs: Vec<f64>,
    units: Vec<f64>,
    /// Cost of the best choice up to an offer that leaves it out, or takes it.
    forwards: Vec<[f64; 2]>,
    /// The rate each server was best bounded at last time.
    rates: Vec<f64>,
    /// Nodes of all branch and bounds.
    pub(super) nodes: u64,
}

/// A minimisation that takes more nodes, times offers, ends with the bound it has.
const NODES_TIMES_OFFERS: usize = 100_000;

/// A node that waits; the one with the least bound comes first.
struct Open {
    bound: f64,
    state: Vec<State>,
    rate: f64,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Open {}
impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound)
    }
}

impl<'m> Servers<'m> {
    pub(super) fn new(model: &'m Model<'m>, aim: Aim) -> Self {
        let rates = vec![0.0; model.servers()];
        Self {
            model,
            aim,
            offers: Vec::new(),
            costs: Vec::new(),
            units: Vec::new(),
            forwards: Vec::new(),
            rates,
            nodes: 0,
        }
    }

    /// What a server can hold: its speed or its units.
    fn capacity(&self, m: usize) -> f64 {
        if self.model.unit.is_some() { self.model.units[m] as f64 } else { self.model.speed(m) }
    }

    /// The best set of server `m`, if it is worth less than `known`. `domain` holds the allowed servers of every partition as bits; `prices` are
    /// a `Dual`'s. `close` is how much does not matter.
    pub(super) fn best(&mut self, m: usize, domain: &[u64], prices: &[f64], known: f64, close: f64) -> Best {
        let state = self.prepare(m, domain, prices);
        let mut best = Best { low: f64::INFINITY, set: Vec::new(), delay: f64::INFINITY };
        let mut worth = known;
        let most = (NODES_TIMES_OFFERS / (self.offers.len() + 1)).max(100);
        let mut waiting = BinaryHeap::from([Open { bound: f64::NEG_INFINITY, state, rate: self.rates[m] }]);
        let mut nodes = 0;
        while let Some(Open { bound, mut state, rate }) = waiting.pop() {
            // The least bound is on top: once it is good enough, or nodes are spent, it bounds all that is left.
            if bound >= worth - close || nodes >= most {
                best.low = best.low.min(bound);
                break;
            }
            if self.is_overfull(m, &state) {
                continue;
            }
            nodes += 1;
            let (top, other) = self.highest(m, &state, rate, worth - close);
            if nodes == 1 {
                self.rates[m] = top.rate;
            }
            for taken in [&top.taken, &other] {
                let (delay, earned) = self.worth(m, taken);
                if delay - earned < worth {
                    worth = delay - earned;
                    best.delay = delay;
                    best.set.clear();
                    best.set.extend(self.offers.iter().zip(taken).filter(|(_, taken)| **taken).map(|(o, _)| o.i));
                }
            }
            let here = top.value.max(bound);
            if here >= worth - close || state.iter().all(|state| *state != State::Free) {
                best.low = best.low.min(here);
                continue;
            }
            // Fix what has no good alternative; what ends here is above the best set known.
            let marginals = self.marginals(m, &state, top.rate);
            let mut split: Option<(f64, usize)> = None;
            for (at, [out, within]) in marginals.iter().copied().enumerate() {
                if state[at] != State::Free {
                    continue;
                }
                if within >= worth - close {
                    state[at] = State::Out;
                    best.low = best.low.min(within);
                } else if out >= worth - close {
                    state[at] = State::In;
                    best.low = best.low.min(out);
                } else {
                    let doubt = if top.taken[at] == other[at] { 0.0 } else { 1.0 } + self.size(at, m);
                    if split.is_none_or(|(most, _)| doubt > most) {
                        split = Some((doubt, at));
                    }
                }
            }
            let Some((_, at)) = split else {
                // All fixed: what is left is one set.
                waiting.push(Open { bound: here, state, rate: top.rate });
                continue;
            };
            let [out, within] = marginals[at];
            for (chosen, bound) in [(State::Out, out), (State::In, within)] {
                let mut state = state.clone();
                state[at] = chosen;
                waiting.push(Open { bound: bound.max(here), state, rate: top.rate });
            }
        }
        self.nodes += nodes as u64;
        best.low = best.low.min(worth);
        best
    }

    /// Bounds with a partition left out of, and put into, the server's set, at the rate where it was bounded best: pairs (partition, [out, in]).
    pub(super) fn alternatives(&mut self, m: usize, domain: &[u64], prices: &[f64]) -> Vec<(u32, [f64; 2])> {
        let state = self.prepare(m, domain, prices);
        let (top, _) = self.highest(m, &state, self.rates[m], f64::INFINITY);
        let marginals = self.marginals(m, &state, top.rate);
        self.offers.iter().map(|offer| offer.i).zip(marginals).collect()
    }

    fn prepare(&mut self, m: usize, domain: &[u64], prices: &[f64]) -> Vec<State> {
        let (servers, partitions) = (self.model.servers(), self.model.partitions());
        self.offers.clear();
        let mut state = Vec::with_capacity(partitions);
        let mut before = usize::MAX - 1;
        for (i, allowed) in domain.iter().enumerate().filter(|(_, allowed)| **allowed >> m & 1 == 1) {
            let follows = self.model.follows[i] && before + 1 == i;
            self.offers.push(Offer {
                i: i as u32,
                root: self.model.roots[i],
                load: self.model.loads[i],
                place: prices[i * servers + m],
                stay: follows.then(|| prices[(partitions + i) * servers + m]),
                first: if self.model.unit.is_some() { self.model.least_units(i) as f64 } else { 0.0 },
            });
            state.push(if *allowed == 1 << m { State::In } else { State::Free });
            before = i;
        }
        state
    }

    /// Of two undecided partitions the larger one is split first.
    fn size(&self, at: usize, m: usize) -> f64 {
        self.offers[at].load / self.model.speed(m)
    }

    fn is_overfull(&self, m: usize, state: &[State]) -> bool {
        let taken = self.offers.iter().zip(state).filter(|(_, state)| **state == State::In);
        if self.model.unit.is_some() {
            taken.map(|(offer, _)| offer.first).sum::<f64>() > self.capacity(m)
        } else {
            taken.map(|(offer, _)| offer.load).sum::<f64>() >= self.model.speed(m)
        }
    }

    /// Delay and earnings of a set; infinite delay if it does not fit.
    fn worth(&self, m: usize, taken: &[bool]) -> (f64, f64) {
        let (mut earned, mut roots, mut load, mut first, mut count) = (0.0, 0.0, 0.0, 0.0, 0);
        for (at, offer) in self.offers.iter().enumerate().filter(|(at, _)| taken[*at]) {
            earned += offer.place + offer.stay.filter(|_| taken[at - 1]).unwrap_or(0.0);
            roots += offer.root;
            load += offer.load;
            first += offer.first;
            count += 1;
        }
        let fits = match self.model.unit {
            Some(_) => first <= self.capacity(m),
            None => count == 0 || self.model.speed(m) - load > self.model.rounding(m, count),
        };
        let delay = match (fits, self.aim, self.model.unit) {
            (false, ..) => f64::INFINITY,
            (_, Aim::Room, _) => 0.0,
            (_, Aim::Delay, None) => roots * roots / (self.model.speed(m) - load),
            (_, Aim::Delay, Some(_)) => {
                let set: Vec<usize> =
                    self.offers.iter().zip(taken).filter(|(_, taken)| **taken).map(|(o, _)| o.i as usize).collect();
                self.model.fox(m, &set).map_or(f64::INFINITY, |(_, delay)| delay)
            }
        };
        (delay, earned)
    }

    /// Costs of all offers at a rate, prices taken off.
    fn price(&mut self, m: usize, rate: f64) {
        self.costs.clear();
        self.units.clear();
        match (self.model.unit, self.aim) {
            (None, Aim::Delay) => {
                let twice = 2.0 * rate;
                let squared = rate * rate;
                self.costs.extend(self.offers.iter().map(|o| twice * o.root + squared * o.load - o.place));
            }
            (None, Aim::Room) => self.costs.extend(self.offers.iter().map(|o| rate * o.load - o.place)),
            (Some(_), Aim::Room) => {
                self.costs.extend(self.offers.iter().map(|o| rate * o.first - o.place));
                self.units.extend(self.offers.iter().map(|o| o.first));
            }
            (Some(unit), Aim::Delay) => {
                let most = self.capacity(m);
                for offer in &self.offers {
                    let delay = |k: f64| offer.root * offer.root / (k * unit - offer.load) + rate * k;
                    // Where the derivative is 0, and the whole numbers around it.
                    let at = (offer.load + offer.root * (unit / rate).sqrt()) / unit;
                    let low = at.floor().clamp(offer.first, most.max(offer.first));
                    let high = (low + 1.0).min(most.max(offer.first));
                    let k = if delay(high) < delay(low) { high } else { low };
                    self.costs.push(delay(k) - offer.place);
                    self.units.push(k);
                }
            }
        }
    }

    fn constant(&self, m: usize, rate: f64) -> f64 {
        match (self.model.unit, self.aim) {
            (None, Aim::Delay) => rate * rate * self.model.speed(m),
            _ => rate * self.capacity(m),
        }
    }

    /// The bound at a rate, and the set that attains it.
    fn at(&mut self, m: usize, state: &[State], rate: f64, point: &mut Point) {
        self.price(m, rate);
        self.forwards.clear();
        let [mut out, mut within] = [0.0, f64::INFINITY];
        for (at, offer) in self.offers.iter().enumerate() {
            let least = f64::min(out, within);
            let before = offer.stay.map_or(least, |stay| out.min(within - stay));
            out = if state[at] == State::In { f64::INFINITY } else { least };
            within = if state[at] == State::Out { f64::INFINITY } else { self.costs[at] + before };
            self.forwards.push([out, within]);
        }
        point.rate = rate;
        point.value = out.min(within) - self.constant(m, rate);
        point.taken.clear();
        point.taken.resize(self.offers.len(), false);
        let mut is_taken = within < out;
        let (mut roots, mut load, mut units) = (0.0, 0.0, 0.0);
        for at in (0..self.offers.len()).rev() {
            point.taken[at] = is_taken;
            let stay = if is_taken {
                let offer = &self.offers[at];
                roots += offer.root;
                load += offer.load;
                units += self.units.get(at).copied().unwrap_or(0.0);
                offer.stay.unwrap_or(0.0)
            } else {
                0.0
            };
            if at > 0 {
                let [out, within] = self.forwards[at - 1];
                is_taken = within - stay < out;
            }
        }
        let (c1, c2) = match (self.model.unit, self.aim) {
            (None, Aim::Delay) => (2.0 * roots, self.model.speed(m) - load),
            (None, Aim::Room) => (load - self.model.speed(m), 0.0),
            (Some(_), _) => (units - self.capacity(m), 0.0),
        };
        point.curve = [point.value - (c1 - c2 * rate) * rate, c1, c2];
    }

    /// The highest bound over rates, and a set on the other side of the best rate; less if `enough` is reached before.
    fn highest(&mut self, m: usize, state: &[State], start: f64, enough: f64) -> (Point, Vec<bool>) {
        let mut low: Option<Point> = None;
        let mut high: Option<Point> = None;
        let mut next = start;
        // Whether the curves known are highest at `next`: then a bound as high as they are is the highest.
        let mut is_peak = false;
        for _ in 0..50 {
            let mut point = Point::default();
            self.at(m, state, next, &mut point);
            let allowed = low.iter().chain(&high).map(|of| of.on(next)).fold(f64::INFINITY, f64::min);
            let is_highest = is_peak && point.value >= allowed - 1e-14 * allowed.abs();
            let slope = point.slope();
            let is_done = is_highest || point.value >= enough || slope == 0.0 || slope < 0.0 && next == 0.0;
            if slope > 0.0 {
                low = Some(point)
            } else {
                high = Some(point)
            }
            if is_done {
                break;
            }
            (next, is_peak) = match (&low, &high) {
                (Some(low), Some(high)) => {
                    let rate = meeting(low, high);
                    if !(rate > low.rate && rate < high.rate) {
                        break;
                    }
                    (rate, true)
                }
                (Some(low), None) => self.beyond(low),
                (None, Some(high)) => before(high),
                (None, None) => unreachable!("a point is low or high"),
            };
        }
        match (low, high) {
            (Some(low), Some(high)) if high.value > low.value => (high, low.taken),
            (Some(low), Some(high)) => (low, high.taken),
            (Some(one), None) | (None, Some(one)) => {
                let taken = one.taken.clone();
                (one, taken)
            }
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
        let scale = |offer: &Offer| match (self.model.unit, self.aim) {
            (None, Aim::Delay) => offer.place.abs() / offer.root,
            (None, Aim::Room) => offer.place.abs() / offer.load,
            _ => offer.place.abs(),
        };
        (self.offers.iter().map(scale).fold(f64::MIN_POSITIVE, f64::max), false)
    }

    /// Bounds with an offer left out, and taken, at a rate.
    fn marginals(&mut self, m: usize, state: &[State], rate: f64) -> Vec<[f64; 2]> {
        let mut point = Point::default();
        self.at(m, state, rate, &mut point);
        let constant = self.constant(m, rate);
        let mut marginals = vec![[0.0; 2]; self.offers.len()];
        // The best of all offers after this one, if it is left out, or taken.
        let (mut out, mut within) = (0.0, 0.0);
        for at in (0..self.offers.len()).rev() {
            let [before_out, before_in] = self.forwards[at];
            marginals[at] = [before_out + out - constant, before_in + within - constant];
            let offer = &self.offers[at];
            let leave = if state[at] == State::In { f64::INFINITY } else { out };
            let take = if state[at] == State::Out { f64::INFINITY } else { self.costs[at] + within };
            let after_in = offer.stay.map_or(take, |stay| take - stay);
            (out, within) = (leave.min(take), leave.min(after_in));
        }
        marginals
    }
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
