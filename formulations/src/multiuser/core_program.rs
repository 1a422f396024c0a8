//! The dynamic program over the core, for `sum` (Dyer, Kayal and Walsh 1984; Pisinger 1995).
//!
//! At a price p the objective of an allocation is `g(p) + sum_i r_i(f_i) + p (beta - sum_i f_i)`, with the reduced costs
//! `r_i(f) = T_i*(f) + p f - min_f (T_i*(f) + p f) >= 0`. Better than a known objective are only allocations for which the sum behind g(p) is below the difference to it, the
//! gap. So only unit counts with reduced costs below the gap are of interest (the core); for most users that is a single one.
//!
//! Every user has a base among its unit counts. A state of the dynamic program is a number of units more (or fewer) than the bases take, with the least
//! reduced cost. Users with the same deviations from their bases form a group of which some deviate, and no more than it takes to move by the units that are
//! left idle and by one deviation upwards and one downwards, one unit each: of more of them, some sum to 0 and can be undone.
//!
//! The gap is tried small first: a solution below a small cutoff is the optimum, too.

use std::collections::HashMap;

use super::bound::Restriction;
use super::classes::Classes;
use super::model::Latencies;

/// States that are made for one user at most.
const MOST_AT_ONCE: usize = 1 << 20;

/// Parts of the gap that are tried first.
const PARTS: [f64; 6] = [1.0 / 32768.0, 1.0 / 4096.0, 1.0 / 512.0, 1.0 / 64.0, 1.0 / 8.0, 1.0];

/// What is solved: allocations within ranges, at a price.
pub(super) struct Core<'a> {
    latencies: &'a Latencies<'a>,
    classes: &'a Classes,
    restricted: &'a [Restriction],
    price: f64,
    /// g at the price.
    value: f64,
}

/// Users of one class, or one that is restricted.
struct Equals {
    users: Vec<u32>,
    /// Unit counts with reduced costs, by units.
    options: Vec<(u32, f64)>,
}

/// Users with the same deviations.
struct Group {
    users: Vec<u32>,
    /// Units more than the base, with the reduced cost.
    deviations: Vec<(i64, f64)>,
}

/// Units more than the bases take, the least reduced cost, and how they came about.
#[derive(Clone, Copy, PartialEq)]
struct State {
    units: i64,
    cost: f64,
    /// Its last step; [`ROOT`] for none.
    step: u32,
}

const ROOT: u32 = u32::MAX;

/// A user of a group deviates.
struct Step {
    before: u32,
    group: u32,
    deviation: u32,
}

/// What the dynamic program found.
pub(super) enum Outcome {
    /// The best allocation within the ranges, better than the cutoff. Shape (users,).
    Best(Vec<u32>),
    /// No allocation within the ranges is better than the cutoff.
    NoneBelow,
    /// It takes too much.
    GivenUp,
}

impl<'a> Core<'a> {
    pub(super) fn new(
        latencies: &'a Latencies<'a>,
        classes: &'a Classes,
        restricted: &'a [Restriction],
        (price, value): (f64, f64),
    ) -> Self {
        Self { latencies, classes, restricted, price, value }
    }

    /// The best allocation that is better than `cutoff`, with at most `effort` states made.
    pub(super) fn solve(&self, cutoff: f64, effort: &mut u64) -> Outcome {
        for part in PARTS {
            let gap = part * (cutoff - self.value);
            let Some(equals) = self.equals(gap) else { return Outcome::GivenUp };
            if equals.iter().any(|equals| equals.options.is_empty()) {
                continue;
            }
            let bases = self.based(&equals);
            let mut program = Program::new(self.price, bases.idle, gap, &bases.groups);
            let Some(states) = program.run(effort) else { return Outcome::GivenUp };
            if let Some(best) = states {
                return Outcome::Best(bases.allocation(&program.steps, best));
            }
        }
        Outcome::NoneBelow
    }

    /// Reduced costs are multiples of this, in seconds, so that those that differ by roundings are equal; all users' together are 1e-12 of the bound.
    fn step(&self) -> f64 {
        (1e-12 * self.value.abs() / self.latencies.users() as f64).max(f64::MIN_POSITIVE)
    }

    /// All users, counted, with the unit counts whose reduced costs are below the gap; none if there are too many.
    fn equals(&self, gap: f64) -> Option<Vec<Equals>> {
        let everything = (0, self.latencies.units());
        let is_open = |user: &u32| self.restricted.binary_search_by_key(user, |(user, _)| *user).is_err();
        let open = (0..self.classes.count()).map(|class| {
            let users = self.classes.users(class);
            let users: Vec<u32> =
                users.iter().copied().filter(|user| self.restricted.is_empty() || is_open(user)).collect();
            (users, everything)
        });
        let restricted = self.restricted.iter().map(|(user, range)| (vec![*user], *range));
        let step = self.step();
        let mut left = MOST_AT_ONCE;
        let mut equals = Vec::with_capacity(self.classes.count() + self.restricted.len());
        for (users, range) in open.filter(|(users, _)| !users.is_empty()).chain(restricted) {
            let user = users[0] as usize;
            let (least, _) = self.latencies.least_with_price(user, self.price, range);
            let mut options = self.latencies.below(user, self.price, range, least + gap, left)?;
            left -= options.len().saturating_sub(1).min(left);
            options.iter_mut().for_each(|(_, cost)| *cost = ((*cost - least).max(0.0) / step).floor() * step);
            equals.push(Equals { users, options });
        }
        Some(equals)
    }

    /// Groups with a base each, and the units that the bases leave idle. Where several unit counts cost (nearly) nothing more, the bases take as many
    /// units as there are.
    fn based(&self, equals: &[Equals]) -> Bases {
        let free = self.step();
        let mut idle = i64::from(self.latencies.units());
        let mut bases = Vec::with_capacity(equals.len());
        for Equals { users, options } in equals {
            let least = options.iter().map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
            let is_free = |(_, cost): &&(u32, f64)| *cost <= free.max(least);
            let few = options.iter().find(is_free).expect("one is the least").0;
            let many = options.iter().rfind(is_free).expect("one is the least").0;
            idle -= users.len() as i64 * i64::from(few);
            bases.push((few, many, 0));
        }
        let mut order: Vec<usize> = (0..equals.len()).filter(|at| bases[*at].0 < bases[*at].1).collect();
        order.sort_by_key(|at| std::cmp::Reverse(bases[*at].1 - bases[*at].0));
        for at in order {
            let (few, many, count) = &mut bases[at];
            let step = i64::from(*many - *few);
            *count = (idle.max(0) / step).min(equals[at].users.len() as i64);
            idle -= *count * step;
        }
        let mut units = vec![0; self.latencies.users()];
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<Vec<(i64, u64)>, usize> = HashMap::new();
        for (Equals { users, options }, (few, many, count)) in equals.iter().zip(bases) {
            let (with_many, with_few) = users.split_at(count as usize);
            for (base, users) in [(many, with_many), (few, with_few)] {
                users.iter().for_each(|user| units[*user as usize] = base);
                let deviation = |(units, cost): &(u32, f64)| (i64::from(*units) - i64::from(base), *cost);
                let deviations: Vec<_> = options.iter().map(deviation).filter(|(units, _)| *units != 0).collect();
                if users.is_empty() || deviations.is_empty() {
                    continue;
                }
                let key = deviations.iter().map(|(units, cost)| (*units, cost.to_bits())).collect();
                let group = *known.entry(key).or_insert(groups.len());
                if group == groups.len() {
                    groups.push(Group { users: Vec::new(), deviations });
                }
                groups[group].users.extend(users);
            }
        }
        Bases { units, groups, idle }
    }
}

/// Where the dynamic program begins.
struct Bases {
    /// The base of every user. Shape (users,).
    units: Vec<u32>,
    /// Who may deviate from it.
    groups: Vec<Group>,
    /// Units that the bases leave idle; below 0 if they take too many.
    idle: i64,
}

impl Bases {
    /// The units of all users after the steps that end in `last`.
    fn allocation(&self, steps: &[Step], last: u32) -> Vec<u32> {
        let mut units = self.units.clone();
        let mut deviated = vec![0; self.groups.len()];
        let mut at = last;
        while at != ROOT {
            let Step { before, group, deviation } = steps[at as usize];
            let Group { users, deviations } = &self.groups[group as usize];
            let user = users[deviated[group as usize]] as usize;
            deviated[group as usize] += 1;
            units[user] = (i64::from(units[user]) + deviations[deviation as usize].0) as u32;
            at = before;
        }
        units
    }
}

/// The least reduced costs of a unit up and a unit down.
#[derive(Clone, Copy)]
struct Rates {
    up: f64,
    down: f64,
}

/// The dynamic program.
struct Program<'a> {
    price: f64,
    /// Units that the bases leave idle; below 0 if they take too many.
    idle: i64,
    gap: f64,
    groups: &'a [Group],
    steps: Vec<Step>,
}

impl<'a> Program<'a> {
    fn new(price: f64, idle: i64, gap: f64, groups: &'a [Group]) -> Self {
        Self { price, idle, gap, groups, steps: Vec::new() }
    }

    /// The last step to the best allocation, if one is below the gap ([`ROOT`] if that is the bases'); or none, if it takes too much.
    fn run(&mut self, effort: &mut u64) -> Option<Option<u32>> {
        let rates: Vec<Rates> = self.groups.iter().map(rates).collect();
        let mut order: Vec<usize> =
            (0..self.groups.len()).filter(|at| !self.groups[*at].deviations.is_empty()).collect();
        let cheapest = |at: usize| rates[at].up.min(rates[at].down);
        order.sort_by(|a, b| cheapest(*a).total_cmp(&cheapest(*b)));
        let mut after = vec![Rates { up: f64::INFINITY, down: f64::INFINITY }; order.len() + 1];
        for (at, group) in order.iter().enumerate().rev() {
            let Rates { up, down } = rates[*group];
            after[at] = Rates { up: up.min(after[at + 1].up), down: down.min(after[at + 1].down) };
        }
        let most = self.most_deviations();
        let mut states = vec![State { units: 0, cost: 0.0, step: ROOT }];
        for (at, group) in order.iter().enumerate() {
            let copies = self.groups[*group].users.len().min(most);
            for copy in 1..=copies {
                let next = self.extended(&states, *group, after[at + usize::from(copy == copies)], effort)?;
                let is_done = next.len() == states.len()
                    && next.iter().zip(&states).all(|(a, b)| (a.units, a.cost) == (b.units, b.cost));
                states = next;
                if is_done {
                    break;
                }
            }
        }
        let none = after[order.len()];
        let totals = states.iter().map(|state| (self.total(state, none), state.step));
        let best = totals.filter(|(total, _)| *total < self.gap).min_by(|a, b| a.0.total_cmp(&b.0));
        Some(best.map(|(_, step)| step))
    }

    /// No more users of a group need to deviate.
    fn most_deviations(&self) -> usize {
        let all = self.groups.iter().flat_map(|group| group.deviations.iter().map(|(units, _)| *units));
        let (down, up) = all.fold((0, 0), |(down, up), units| (units.min(down), units.max(up)));
        let idle = (self.gap / self.price).ceil() + self.idle.unsigned_abs() as f64;
        ((up - down) as f64 + idle) as usize
    }

    /// The states after one more user of a group.
    fn extended(&mut self, states: &[State], group: usize, after: Rates, effort: &mut u64) -> Option<Vec<State>> {
        let deviations = &self.groups[group].deviations;
        let made = states.len() * (deviations.len() + 1);
        *effort = effort.checked_sub(made as u64)?;
        if made > MOST_AT_ONCE {
            return None;
        }
        // As step, what is to become of it: the deviation, and the state before.
        let mut next: Vec<(State, u32)> = Vec::with_capacity(made);
        for (deviation, (units, cost)) in std::iter::once(&(0, 0.0)).chain(deviations).enumerate() {
            for (before, state) in states.iter().enumerate() {
                let moved = State { units: state.units + units, cost: state.cost + cost, step: deviation as u32 };
                if self.total(&moved, after) < self.gap {
                    next.push((moved, before as u32));
                }
            }
        }
        next.sort_by(|(a, _), (b, _)| a.units.cmp(&b.units).then(a.cost.total_cmp(&b.cost)));
        let mut kept: Vec<State> = Vec::with_capacity(next.len());
        for (state, before) in next {
            // No more units for no less.
            let is_dominated = kept
                .last()
                .is_some_and(|last| last.cost + self.price * (state.units - last.units) as f64 <= state.cost);
            if is_dominated {
                continue;
            }
            let before = states[before as usize].step;
            let step = match state.step.checked_sub(1) {
                None => before,
                Some(deviation) => {
                    self.steps.push(Step { before, group: group as u32, deviation });
                    self.steps.len() as u32 - 1
                }
            };
            kept.push(State { step, ..state });
        }
        Some(kept)
    }

    /// What a state comes to at least: the units left idle are taken, or paid for.
    fn total(&self, state: &State, after: Rates) -> f64 {
        let left = self.idle - state.units;
        match left {
            0 => state.cost,
            1.. => state.cost + left as f64 * self.price.min(after.up),
            _ => state.cost - left as f64 * after.down,
        }
    }
}

/// The least reduced costs of a unit up and a unit down in a group.
fn rates(group: &Group) -> Rates {
    let mut rates = Rates { up: f64::INFINITY, down: f64::INFINITY };
    for (units, cost) in &group.deviations {
        let rate = if *units > 0 { &mut rates.up } else { &mut rates.down };
        *rate = rate.min(cost / units.unsigned_abs() as f64);
    }
    rates
}
