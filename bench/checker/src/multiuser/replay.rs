//! Replays a certificate: a threshold of the largest latency, or a tree of splits with prices for the sum of latencies.
//!
//! **Threshold certificate** T: user i needs at least d_i units to get strictly below T, d_i the least f whose latency could be below
//! T. If the d_i sum to more than there are, no allocation gets everybody below T, so T is a lower bound. The enclosure's
//! lower end falls with f (rounding is monotone), so "could be below" is a threshold in f and two evaluations prove d_i.
//!
//! **Price certificate**: at a leaf with price p, every allocation within the leaf's ranges satisfies
//! `sum_i T_i >= sum_i (T_i + p f_i) - p beta >= sum_i min_f (T_i*(f) + p f) - p beta`.
//!
//! A leaf with a cutoff adds a dynamic program over the unit counts that the price leaves open (module `core_program`, with its proof).
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` admits.
//!
//! 1. *Threshold.* T may be any number >= 0: the comparisons `latency < T` are made with the lower ends of latencies, so a unit count that is called too
//!    few is too few. If all users could get below T, nothing is proved and the certificate is rejected.
//! 2. *Price.* p may be any number >= 0, as allocations use at most beta units. The minimum over f is taken over whole numbers: where p is 0 or a cut
//!    gains nothing from units it is at an end of the range, and only where both are above 0 the quotient scale/p says where to look. It is a
//!    positive number then, cut off at the largest unit count; one unit more on either side covers its rounding and that of the root.
//! 3. *Tree.* A split's children are the two halves of one user's range, so every allocation is in a leaf; leaves that no allocation reaches are left out.
//!    The least over the leaves is a bound. Certificates whose leaves are all left out are rejected: there always is an allocation.
//!
//! **Steps** (see [`Budget`]). Evaluating a user's term at one cut and number of units is one step. A leaf at a price that is new takes a look at all
//! users: for every cut five steps, with a speed-up table as many as it has rises. Leaves that share a price share the terms: only those are computed again whose
//! range has changed since, and their block of [`BLOCK`] users is added up again. (Sums are rounded down, so a term cannot be taken off again.) On a
//! chain of splits at one price a leaf takes one term, one block and the sums of the blocks, however many splits are above it. A leaf with a cutoff takes a step a
//! user more, a step for every unit count looked at, and eight for every state made; where that comes to more than 4e8, its price bound counts.

use std::collections::HashMap;

use offcut_instances::multiuser::{Certificate, Instance, Objective, PriceNode, Speedup, User};

use super::core_program::{self, Leaf};
use super::user_terms::{Range, UserTerms};
use crate::budget::{Budget, MAX_KEPT};
use crate::interval::{Interval, add_down, subtract_down};
use crate::tree::{Flaw, Tree, Walker};
use crate::verdict::Violation;

/// The steps that the replay of `certificate` may take. A threshold takes two look-ups and a short search per user whatever it is; they are not
/// counted.
pub(super) fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let numbers = match certificate {
        Certificate::Threshold { .. } => 1,
        Certificate::Prices { nodes } => nodes
            .iter()
            .map(|node| match node {
                PriceNode::Leaf { .. } => 1,
                PriceNode::Core { .. } => 2,
                PriceNode::Split { .. } => 4,
            })
            .sum(),
    };
    let terms = UserTerms::new(instance);
    Budget::of(numbers, instance.users.iter().map(|user| terms.steps(user) + 1).sum())
}

/// The replay of a certificate.
pub(super) struct Replay<'a> {
    pub(super) terms: UserTerms<'a>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(instance: &'a Instance) -> Self {
        Self { terms: UserTerms::new(instance) }
    }

    /// The bound that a certificate proves.
    pub(super) fn bound(&self, certificate: &Certificate, budget: &Budget) -> Result<f64, Violation> {
        let wrong_kind = |constraint: &str| Violation::new(constraint, "certificate.kind", 1.0, "wrong kind");
        match (certificate, self.terms.instance().objective) {
            (Certificate::Threshold { latency_s }, Objective::Max) => self.threshold(*latency_s),
            (Certificate::Prices { nodes }, Objective::Sum) => self.prices(nodes, budget),
            (Certificate::Threshold { .. }, Objective::Sum) => Err(wrong_kind("a threshold bounds the maximum only")),
            (Certificate::Prices { .. }, Objective::Max) => Err(wrong_kind("prices bound the sum only")),
        }
    }

    /// A lower bound of a user's latency with `units` units over all cuts. It never rises with `units`.
    pub(super) fn least_latency(&self, user: &User, units: u32) -> f64 {
        let cuts = self.terms.latencies.work(user).len();
        let first = if units == 0 { cuts - 1 } else { 0 };
        (first..cuts).map(|cut| self.terms.latencies.latency(user, cut, units).low()).fold(f64::INFINITY, f64::min)
    }

    /// Proves that no allocation gets every user strictly below `threshold`.
    fn threshold(&self, threshold: f64) -> Result<f64, Violation> {
        let capacity = self.terms.instance().server.units;
        let mut needed: u64 = 0;
        for user in &self.terms.instance().users {
            match self.least_units_below(user, threshold, capacity) {
                Some(units) => needed += u64::from(units),
                None => return Ok(threshold),
            }
            if needed > u64::from(capacity) {
                return Ok(threshold);
            }
        }
        let at = format!("certificate.latency_s: {needed} of {capacity} units may get every user below it");
        Err(Violation::new(
            "below a threshold more units are needed than there are",
            at,
            (u64::from(capacity) - needed) as f64 + 1.0,
            "units short of a proof",
        ))
    }

    /// The least number of units with which the latency may be strictly below `threshold`; `None` if that takes more than `capacity`.
    pub(super) fn least_units_below(&self, user: &User, threshold: f64, capacity: u32) -> Option<u32> {
        let below = |units: u32| self.least_latency(user, units) < threshold;
        if below(0) { Some(0) } else { least_above_0(self.approximate_units(user, threshold), capacity, below) }
    }

    /// The approximate number of units that bring a user to `threshold`, in plain floats.
    pub(super) fn approximate_units(&self, user: &User, threshold: f64) -> u32 {
        let cuts = self.terms.latencies.work(user).len() - 1;
        let approximate_units = (0..cuts)
            .filter_map(|cut| {
                let fixed = self.terms.latencies.latency(user, cut, u32::MAX).low();
                let (_, after) = self.terms.latencies.work(user)[cut];
                let unit = after.low() / self.terms.instance().server.unit.speed;
                let (fixed, scale) = match &self.terms.instance().server.speedup {
                    Speedup::Linear => (fixed, unit),
                    Speedup::Amdahl { parallel_fraction } => (fixed, unit * parallel_fraction),
                    Speedup::Table { speedups } => {
                        let wanted = unit / (threshold - fixed + unit / speedups[speedups.len() - 1]);
                        return (threshold > fixed)
                            .then(|| speedups.partition_point(|speedup| *speedup < wanted) as f64 + 1.0);
                    }
                };
                (threshold > fixed).then(|| (scale / (threshold - fixed)).ceil())
            })
            .fold(f64::from(u32::MAX), f64::min);
        approximate_units.min(f64::from(u32::MAX)) as u32
    }

    /// The least bound over the leaves of a price tree.
    fn prices(&self, nodes: &[PriceNode], budget: &Budget) -> Result<f64, Violation> {
        let tree = Tree::new(nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(""))?;
        let mut walk = Walk::new(self, nodes, budget);
        tree.walk(&mut walk)?;
        if walk.least.is_finite() {
            return Ok(walk.least);
        }
        let what = "a tree whose leaves are all empty covers nothing";
        Err(Flaw { node: 0, what }.violation(""))
    }

    /// The children of a split, `None` for a leaf; or the constraint that the node breaks.
    fn children(&self, node: &PriceNode) -> Result<Option<[u32; 2]>, &'static str> {
        match node {
            PriceNode::Split { user, units, at_most, above } => {
                let (users, capacity) = (self.terms.instance().users.len(), self.terms.instance().server.units);
                if *user as usize >= users || *units >= capacity || at_most == above {
                    return Err("a split names a user, units below capacity and two children");
                }
                Ok(Some([*at_most, *above]))
            }
            PriceNode::Leaf { .. } | PriceNode::Core { .. } => Ok(None),
        }
    }
}

/// The number of users per block of a sum.
const BLOCK: usize = 1024;

/// The walk through the tree.
pub(super) struct Walk<'a> {
    replay: &'a Replay<'a>,
    budget: &'a Budget,
    /// The ranges that the splits above leave. Shape (users,).
    ranges: Vec<Range>,
    /// The sum of the lower ends.
    at_least: u64,
    /// The number of users with an empty range.
    without: usize,
    /// For every split above, the user and the range before it.
    before: Vec<(u32, Range)>,
    /// The users of all changes so far, in order.
    changes: Vec<u32>,
    /// The number of leaves that are still to come, by price (its bits).
    leaves: HashMap<u64, u32>,
    /// Terms by price, for prices with leaves still to come.
    cache: HashMap<u64, Terms>,
    least: f64,
}

/// The terms of all users at a price.
struct Terms {
    /// The ranges that the terms are for, and the terms, rounded down. Shapes (users,).
    ranges: Vec<Range>,
    terms: Vec<f64>,
    /// Their sums, block by block, rounded down.
    blocks: Vec<f64>,
    /// The number of changes that are taken into account.
    changes: usize,
}

/// Bytes of a user's term.
const TERM_BYTES: usize = size_of::<Range>() + size_of::<f64>();

impl<'a> Walk<'a> {
    pub(super) fn new(replay: &'a Replay<'a>, nodes: &[PriceNode], budget: &'a Budget) -> Self {
        let mut leaves = HashMap::new();
        for node in nodes {
            if let PriceNode::Leaf { price_s } | PriceNode::Core { price_s, .. } = node {
                *leaves.entry(price_s.to_bits()).or_default() += 1;
            }
        }
        Self {
            replay,
            budget,
            ranges: vec![(0, replay.terms.instance().server.units); replay.terms.instance().users.len()],
            at_least: 0,
            without: 0,
            before: Vec::new(),
            changes: Vec::new(),
            leaves,
            cache: HashMap::new(),
            least: f64::INFINITY,
        }
    }

    /// Changes a user's range and returns the previous one.
    pub(super) fn change(&mut self, user: u32, range: Range) -> Range {
        let before = std::mem::replace(&mut self.ranges[user as usize], range);
        let is_empty = |(from, to): Range| usize::from(from > to);
        self.without = self.without + is_empty(range) - is_empty(before);
        self.at_least = self.at_least + u64::from(range.0) - u64::from(before.0);
        self.changes.push(user);
        before
    }

    /// The bound at a price for the current ranges, rounded down; infinite if no allocation respects them. With a cutoff above it, that of the dynamic
    /// program over the core.
    pub(super) fn bound(&mut self, price: f64, cutoff: Option<f64>) -> Result<f64, Violation> {
        let capacity = self.replay.terms.instance().server.units;
        let key = price.to_bits();
        let left = self.leaves.entry(key).and_modify(|left| *left = left.saturating_sub(1)).or_default();
        let is_last = *left == 0;
        if self.at_least > u64::from(capacity) || self.without > 0 {
            if is_last {
                self.cache.remove(&key);
            }
            return Ok(f64::INFINITY);
        }
        let terms = match self.cache.remove(&key) {
            Some(mut terms) => {
                self.update(&mut terms, price)?;
                terms
            }
            None => self.terms(price)?,
        };
        self.budget.spend(terms.blocks.len() as u64)?;
        let total = terms.blocks.iter().fold(0.0, |total, block| add_down(total, *block));
        let spent = Interval::point(price) * Interval::point(f64::from(capacity));
        let bound = subtract_down(Interval::point(total), spent);
        let bound = match cutoff {
            Some(cutoff) => {
                let leaf = Leaf { terms: &terms.terms, ranges: &self.ranges, price, bound, cutoff };
                core_program::bound(&self.replay.terms, &leaf, self.budget)?
            }
            None => bound,
        };
        if !is_last {
            let most = MAX_KEPT / (TERM_BYTES * self.ranges.len().max(1));
            if self.cache.len() >= most.max(1) {
                self.cache.clear();
            }
            self.cache.insert(key, terms);
        }
        Ok(bound)
    }

    /// All terms at a price.
    fn terms(&self, price: f64) -> Result<Terms, Violation> {
        let (users, classes) = (&self.replay.terms, self.replay.terms.classes());
        let everything = (0, users.instance().server.units);
        let mut known = vec![None; classes.count];
        let mut terms = Vec::with_capacity(self.ranges.len());
        for ((user, class), range) in users.instance().users.iter().zip(&classes.of).zip(&self.ranges) {
            self.budget.spend(users.steps(user) + 1)?;
            let term = || users.least_with_price(user, price, *range);
            // Equal users have equal terms.
            terms.push(if *range == everything { *known[*class as usize].get_or_insert_with(term) } else { term() });
        }
        let blocks = terms.chunks(BLOCK).map(block).collect();
        Ok(Terms { ranges: self.ranges.clone(), terms, blocks, changes: self.changes.len() })
    }

    /// Recomputes the terms of users whose range has changed.
    fn update(&self, of: &mut Terms, price: f64) -> Result<(), Violation> {
        let changes = &self.changes[of.changes..];
        of.changes = self.changes.len();
        let mut touched = Vec::new();
        let mut update = |user: usize| {
            if of.ranges[user] == self.ranges[user] {
                return self.budget.spend(1);
            }
            let the_user = &self.replay.terms.instance().users[user];
            self.budget.spend(self.replay.terms.steps(the_user) + 1)?;
            of.ranges[user] = self.ranges[user];
            let term = self.replay.terms.least_with_price(the_user, price, self.ranges[user]);
            if term != std::mem::replace(&mut of.terms[user], term) {
                touched.push(user / BLOCK);
            }
            Ok(())
        };
        if changes.len() < self.ranges.len() {
            changes.iter().try_for_each(|user| update(*user as usize))?;
        } else {
            (0..self.ranges.len()).try_for_each(update)?;
        }
        touched.sort_unstable();
        touched.dedup();
        for at in touched {
            let users = &of.terms[at * BLOCK..self.ranges.len().min((at + 1) * BLOCK)];
            self.budget.spend(users.len() as u64)?;
            of.blocks[at] = block(users);
        }
        Ok(())
    }
}

/// The sum of some terms, rounded down.
fn block(terms: &[f64]) -> f64 {
    terms.iter().fold(0.0, |total, term| add_down(total, *term))
}

impl<'a> Walker<'a, PriceNode> for Walk<'a> {
    fn down(&mut self, split: &'a PriceNode, is_at_most: bool) -> Result<(), Violation> {
        let PriceNode::Split { user, units, .. } = split else { unreachable!("only splits have children") };
        let (from, to) = self.ranges[*user as usize];
        let range = if is_at_most { (from, to.min(*units)) } else { (from.max(*units + 1), to) };
        let before = self.change(*user, range);
        self.before.push((*user, before));
        self.budget.spend(1)
    }

    fn up(&mut self) {
        let (user, range) = self.before.pop().expect("down comes before up");
        self.change(user, range);
    }

    fn leaf(&mut self, _: usize, leaf: &'a PriceNode) -> Result<(), Violation> {
        let bound = match leaf {
            PriceNode::Leaf { price_s } => self.bound(*price_s, None)?,
            PriceNode::Core { price_s, cutoff_s } => self.bound(*price_s, Some(*cutoff_s))?,
            PriceNode::Split { .. } => unreachable!("leaves only"),
        };
        self.least = self.least.min(bound);
        Ok(())
    }
}

/// The least number from 1 to `most` for which `is_enough`, which is monotone; `None` if there is none. 0 is not enough. The search starts at
/// `approximate_units`, which only saves time: the two evaluations around the result are the proof.
pub(super) fn least_above_0(approximate_units: u32, most: u32, is_enough: impl Fn(u32) -> bool) -> Option<u32> {
    if most == 0 {
        return None;
    }
    let mut at = approximate_units.clamp(1, most);
    let mut step = 1;
    let (mut too_few, mut enough);
    if is_enough(at) {
        loop {
            enough = at;
            let next = at.saturating_sub(step);
            if next == 0 || !is_enough(next) {
                too_few = next;
                break;
            }
            at = next;
            step *= 2;
        }
    } else {
        loop {
            if at == most {
                return None;
            }
            too_few = at;
            at = at.saturating_add(step).min(most);
            step = step.saturating_mul(2);
            if is_enough(at) {
                enough = at;
                break;
            }
        }
    }
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if is_enough(middle) { enough = middle } else { too_few = middle }
    }
    Some(enough)
}
