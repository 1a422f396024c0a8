//! Leaves that a dynamic program over few unit counts closes (the *core*; Dyer, Kayal and Walsh 1984, Pisinger 1995).
//!
//! A leaf has a price p and a term m_i, no more than `min_f (T_i*(f) + p f)`, for every user; its price bound is at most `L = sum_i m_i - p beta`. The
//! *reduced cost* of f units for user i is `r_i(f) = T_i*(f) + p f - m_i >= 0`. For every allocation of the leaf
//!
//! ```text
//! sum_i T_i*(f_i)  =  L + sum_i r_i(f_i) + p (beta - sum_i f_i)
//! ```
//!
//! so one that costs less than the cutoff C has `sum_i r_i(f_i) + p (beta - sum_i f_i) < C - L`, the *gap*. **Why the bound holds**, step by step:
//!
//! 1. *Core.* Unit counts whose reduced cost is not below the gap are left out, as are those that need more units than another one and are no faster
//!    ([`UserTerms::below`]). A user with none left shows that no allocation costs less than C.
//! 2. *Base.* Every user has a base b_i among its unit counts; any will do. It counts as having a reduced cost of 0, no more than it has. An allocation
//!    is a set of *deviations* d_i = f_i - b_i from it. `S = beta - sum_i b_i`, so the deviations sum to D <= S, and what is left idle costs `p (S - D)`.
//! 3. *Equal users* are counted: users with the same deviations at the same costs form a group, and which of them deviates is of no matter. Costs are
//!    lowered to whole steps of 1e-12 of C over the number of users, as users of one model may differ in nothing but roundings.
//! 4. *Few deviate.* Deviations that sum to 0 can be undone: that changes neither D nor, base being free, costs more. So a cheapest allocation has no
//!    nonempty set of deviations that sums to 0. Order its deviations so that one that goes down follows a positive partial sum, and one that goes up
//!    any other, as long as there are both: with deviations in [-a, b] all partial sums are in [min(-a, D), max(b, D)]. They differ from each other, so there are at
//!    most `a + b + |D|` of them. Of D it is known that D <= S, and `p (S - D)` is below the gap.
//! 5. *States.* After some groups a state is a sum of deviations D and the least reduced cost R that reaches it, rounded down. What the other groups add is
//!    at least `(S - D) min(p, least r/d upwards)` if D <= S, and `(D - S) (least r/|d| downwards)` otherwise. States with which that is not below the gap
//!    are left out. So is a state (D', R') if there is one (D, R) with D <= D' and `R + p (D' - D) <= R'`: it is no dearer, and leaves more units.
//! 6. After all groups the least `L + R + p (S - D)`, or C if that is less, is the bound.
//!
//! Lower ends of reduced costs are no more than the reduced costs, so all of this holds with them as costs of their own.
//!
//! **Limits.** A leaf that takes more than [`LEAF_STEPS`] steps or [`MAX_KEPT`] bytes is given up, and its price bound counts. The steps count in the [`Budget`] of the
//! replay as well; a replay that exceeds that is rejected.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::user_terms::{Range, UserTerms};
use crate::budget::{Budget, MAX_KEPT};
use crate::interval::{Interval, add_down, add_up};
use crate::verdict::Violation;

/// Steps that one leaf may take.
const LEAF_STEPS: u64 = 400_000_000;

/// Sums of units up to this one are exact as floats; where all users' units could be more, a leaf is given up.
const MOST_UNITS: u128 = 1 << 53;

/// Unit counts that may be kept, beside one a user.
const MOST_OPTIONS: u64 = (MAX_KEPT / size_of::<(u32, f64)>()) as u64;

/// Steps of a state that is made: it is stored, sorted and compared.
const STATE_STEPS: u64 = 8;

/// A leaf of a price tree.
pub(super) struct Leaf<'a> {
    /// The least cost of every user with price, rounded down. Shape (users,).
    pub(super) terms: &'a [f64],
    /// The unit counts that every user may have. Shape (users,).
    pub(super) ranges: &'a [Range],
    /// In seconds per unit.
    pub(super) price: f64,
    /// The price bound, in seconds.
    pub(super) bound: f64,
    /// What is to be shown: no allocation costs less. In seconds.
    pub(super) cutoff: f64,
}

/// Why there is no result.
enum End {
    /// The leaf takes too much.
    GivenUp,
    Rejected(Violation),
}

/// What is spent on a leaf.
struct Meter<'a> {
    budget: &'a Budget,
    left: Cell<u64>,
}

impl Meter<'_> {
    fn spend(&self, steps: u64) -> Result<(), End> {
        self.budget.spend(steps).map_err(End::Rejected)?;
        self.left.set(self.left.get().checked_sub(steps).ok_or(End::GivenUp)?);
        Ok(())
    }
}

/// The bound that the dynamic program proves for a leaf; its price bound if that reaches the cutoff, or if the dynamic program takes too much.
///
/// # Errors
/// If the budget runs out.
pub(super) fn bound(users: &UserTerms, leaf: &Leaf, budget: &Budget) -> Result<f64, Violation> {
    bound_within(users, leaf, budget, LEAF_STEPS)
}

/// As [`bound`], with so many steps for the leaf.
fn bound_within(users: &UserTerms, leaf: &Leaf, budget: &Budget, steps: u64) -> Result<f64, Violation> {
    if leaf.bound >= leaf.cutoff {
        return Ok(leaf.bound);
    }
    let meter = Meter { budget, left: Cell::new(steps) };
    match leaf.program(users, &meter) {
        Ok(bound) => Ok(bound),
        Err(End::GivenUp) => Ok(leaf.bound),
        Err(End::Rejected(violation)) => Err(violation),
    }
}

/// Equal users: of one class, with one range.
struct Equals {
    count: u64,
    /// Their unit counts in the core with their reduced costs, by units. Not empty.
    options: Vec<(u32, f64)>,
}

/// A unit count as a difference from the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deviation {
    /// Units more than the base. Not 0.
    pub(super) units: i64,
    /// Reduced cost, in seconds, rounded down; not below 0.
    pub(super) cost: f64,
}

/// Equal users with one base, and what they may have instead.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) count: u64,
    pub(super) deviations: Vec<Deviation>,
}

impl Leaf<'_> {
    fn program(&self, users: &UserTerms, meter: &Meter) -> Result<f64, End> {
        let instance = users.instance();
        if !sums_are_exact(instance.users.len(), instance.server.units) {
            return Err(End::GivenUp);
        }
        let gap = add_up(self.cutoff, -self.bound);
        let free = 1e-12 * self.cutoff / instance.users.len() as f64;
        let Some(equals) = self.equals(users, gap, free, meter)? else { return Ok(self.cutoff) };
        let (groups, idle) = based(equals, i64::from(instance.server.units), free);
        let least = Program { price: self.price, idle, gap }.least(groups, |steps| meter.spend(steps))?;
        Ok(least.map_or(self.cutoff, |least| add_down(self.bound, least).min(self.cutoff)))
    }

    /// All users, counted, with their unit counts in the core and reduced costs in whole steps; none if a user has none.
    fn equals(&self, users: &UserTerms, gap: f64, step: f64, meter: &Meter) -> Result<Option<Vec<Equals>>, End> {
        let mut known: HashMap<(u32, Range), usize> = HashMap::new();
        let mut equals: Vec<Equals> = Vec::new();
        let (mut found, mut kept) = (Vec::new(), 0);
        for (at, (class, range)) in users.classes().of.iter().zip(self.ranges).enumerate() {
            meter.spend(1)?;
            let next = equals.len();
            let index = *known.entry((*class, *range)).or_insert(next);
            if index < next {
                equals[index].count += 1;
                continue;
            }
            let term = self.terms[at];
            let user = &users.instance().users[at];
            // What is found of a user is no more than what is looked at.
            let mut looked = 0;
            let spend = |steps: u64| {
                looked += steps;
                if looked > MOST_OPTIONS { Err(End::GivenUp) } else { meter.spend(steps) }
            };
            users.below(user, self.price, *range, add_up(term, gap), &mut found, spend)?;
            if found.is_empty() {
                return Ok(None);
            }
            kept += found.len() as u64 - 1;
            if kept > MOST_OPTIONS {
                return Err(End::GivenUp);
            }
            let cost = |cost: f64| whole_steps(add_down(cost, -term).max(0.0), step);
            let options = found.iter().map(|(units, value)| (*units, cost(*value))).collect();
            equals.push(Equals { count: 1, options });
        }
        Ok(Some(equals))
    }
}

/// Whether sums of units are exact as floats, whatever users get.
fn sums_are_exact(users: usize, units: u32) -> bool {
    users as u128 * u128::from(units) <= MOST_UNITS
}

/// A cost of 0 and above, no more than it is: about a whole number of steps, so that costs that are equal but for roundings are mostly equal then.
fn whole_steps(cost: f64, step: f64) -> f64 {
    if step > 0.0 { ((cost / step).floor() * step).min(cost) } else { cost }
}

/// Groups with a base each, and the units that the bases leave idle (below 0 if they take more than there are). Any base will do; these are unit counts with
/// reduced costs up to `free`, the fewest such units, and more of them as far as idle units allow.
fn based(equals: Vec<Equals>, capacity: i64, free: f64) -> (Vec<Group>, i64) {
    let mut idle = capacity;
    let mut bases: Vec<[(u32, f64); 2]> = Vec::with_capacity(equals.len());
    for Equals { count, options } in &equals {
        let least = options.iter().fold(f64::INFINITY, |least, (_, cost)| least.min(*cost));
        let mut free = options.iter().filter(|(_, cost)| *cost <= free.max(least)).copied();
        let fewest = free.next().expect("one is the least");
        bases.push([fewest, free.next_back().unwrap_or(fewest)]);
        idle -= *count as i64 * i64::from(fewest.0);
    }
    let step = |at: usize| bases[at][1].0 - bases[at][0].0;
    let mut order: Vec<usize> = (0..equals.len()).filter(|at| step(*at) > 0).collect();
    order.sort_by_key(|at| std::cmp::Reverse(step(*at)));
    let mut with_more = vec![0; equals.len()];
    for at in order {
        let step = i64::from(step(at));
        with_more[at] = (idle.max(0) / step).min(equals[at].count as i64);
        idle -= with_more[at] * step;
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Vec<(i64, u64)>, usize> = HashMap::new();
    for ((Equals { count, options }, bases), with_more) in equals.iter().zip(&bases).zip(with_more) {
        let with_more = with_more as u64;
        for ((base, _), count) in bases.iter().zip([count - with_more, with_more]) {
            let deviation =
                |(units, cost): &(u32, f64)| Deviation { units: i64::from(*units) - i64::from(*base), cost: *cost };
            let deviations: Vec<Deviation> = options.iter().map(deviation).filter(|by| by.units != 0).collect();
            if count == 0 || deviations.is_empty() {
                continue;
            }
            // Who has the same deviations is of the same group.
            let key = deviations.iter().map(|by| (by.units, by.cost.to_bits())).collect();
            match known.entry(key) {
                Entry::Occupied(entry) => groups[*entry.get()].count += count,
                Entry::Vacant(entry) => {
                    entry.insert(groups.len());
                    groups.push(Group { count, deviations });
                }
            }
        }
    }
    (groups, idle)
}

/// A sum of deviations, and the least reduced cost that reaches it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct State {
    /// In units.
    units: i64,
    /// In seconds, rounded down.
    cost: f64,
}

/// The least reduced cost of a unit upwards and of a unit downwards, rounded down; infinite where there is no such deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rates {
    up: f64,
    down: f64,
}

impl Rates {
    const NONE: Self = Self { up: f64::INFINITY, down: f64::INFINITY };

    fn of(group: &Group) -> Self {
        group.deviations.iter().fold(Self::NONE, |rates, by| {
            let rate = (Interval::point(by.cost) / whole(by.units.abs())).low();
            rates.least(if by.units > 0 { Self { up: rate, ..Self::NONE } } else { Self { down: rate, ..Self::NONE } })
        })
    }

    fn least(self, other: Self) -> Self {
        Self { up: self.up.min(other.up), down: self.down.min(other.down) }
    }
}

/// A whole number of 0 and above; exact, as no sum of units exceeds [`MOST_UNITS`].
fn whole(number: i64) -> Interval {
    Interval::point(number as f64)
}

/// The dynamic program over groups.
pub(super) struct Program {
    /// In seconds per unit.
    pub(super) price: f64,
    /// Units that the bases leave idle: the deviations may sum to this.
    pub(super) idle: i64,
    /// Only what costs less is of interest, in seconds.
    pub(super) gap: f64,
}

impl Program {
    /// A lower bound of the reduced costs of deviations with the price of what they leave idle, if that may be below the gap.
    ///
    /// # Errors
    /// Those of `spend`; [`End::GivenUp`] if the states take too much memory.
    fn least(&self, mut groups: Vec<Group>, spend: impl Fn(u64) -> Result<(), End>) -> Result<Option<f64>, End> {
        let cheapest = |group: &Group| {
            let Rates { up, down } = Rates::of(group);
            up.min(down)
        };
        groups.sort_by(|a, b| cheapest(a).total_cmp(&cheapest(b)));
        let most = self.most_deviations(&groups);
        // The rates of this group and all after it. Shape (groups + 1,).
        let mut rates = vec![Rates::NONE; groups.len() + 1];
        for (at, group) in groups.iter().enumerate().rev() {
            rates[at] = rates[at + 1].least(Rates::of(group));
        }
        let mut states = vec![State { units: 0, cost: 0.0 }];
        for (at, group) in groups.iter().enumerate() {
            let copies = group.count.min(most);
            for copy in 1..=copies {
                let next = self.extended(&states, group, rates[at + usize::from(copy == copies)], &spend)?;
                // What one more changes nothing for, no further one does.
                let is_done = next == states;
                states = next;
                if is_done {
                    break;
                }
            }
            states.retain(|state| self.total(*state, rates[at + 1]) < self.gap);
        }
        let totals = states.iter().map(|state| self.total(*state, Rates::NONE)).filter(|total| *total < self.gap);
        Ok(totals.reduce(f64::min))
    }

    /// More users than this need not deviate.
    fn most_deviations(&self, groups: &[Group]) -> u64 {
        let all = || groups.iter().flat_map(|group| &group.deviations);
        let up = all().map(|by| by.units).max().unwrap_or(0).max(0);
        let down = all().map(|by| -by.units).max().unwrap_or(0).max(0);
        // D is at least idle - gap/price.
        let idle = if self.price > 0.0 {
            (Interval::point(self.gap) / Interval::point(self.price)).high().ceil() as u64
        } else {
            u64::MAX
        };
        ((up + down) as u64).saturating_add(self.idle.unsigned_abs()).saturating_add(idle)
    }

    /// The states after one more user of a group.
    fn extended(
        &self,
        states: &[State],
        group: &Group,
        rates: Rates,
        spend: impl Fn(u64) -> Result<(), End>,
    ) -> Result<Vec<State>, End> {
        let made = states.len() * (group.deviations.len() + 1);
        spend(made as u64 * STATE_STEPS)?;
        if made > MAX_KEPT / size_of::<State>() {
            return Err(End::GivenUp);
        }
        let mut next: Vec<State> = Vec::with_capacity(made);
        let none = Deviation { units: 0, cost: 0.0 };
        for by in group.deviations.iter().chain([&none]) {
            let moved = states
                .iter()
                .map(|state| State { units: state.units + by.units, cost: add_down(state.cost, by.cost) })
                .filter(|state| self.total(*state, rates) < self.gap);
            next.extend(moved);
        }
        // (Stable, as the states come in sorted runs.)
        next.sort_by(|a, b| a.units.cmp(&b.units).then(a.cost.total_cmp(&b.cost)));
        let mut kept: Option<State> = None;
        next.retain(|state| {
            let is_dominated = kept.is_some_and(|kept| {
                let more = Interval::point(self.price) * whole(state.units - kept.units);
                add_up(kept.cost, more.high()) <= state.cost
            });
            if !is_dominated {
                kept = Some(*state);
            }
            !is_dominated
        });
        Ok(next)
    }

    /// A lower bound of what a state comes to: its reduced cost, and what it takes at least to bring its deviations to those that are idle or to pay for
    /// the rest.
    fn total(&self, state: State, rates: Rates) -> f64 {
        let left = self.idle - state.units;
        let rate = if left >= 0 { self.price.min(rates.up) } else { rates.down };
        if rate == f64::INFINITY {
            return f64::INFINITY;
        }
        add_down(state.cost, (whole(left.abs()) * Interval::point(rate)).low())
    }
}

#[cfg(test)]
mod tests;
