//! Judging `multiuser`, straight from the definition.
//!
//! ```text
//! T_i(s,f) = sum_{j<=s} macs_j / device_i + [s<k] (rtt_i + cut_bytes_s / uplink_i) + sum_{j>s} macs_j / (unit lambda(f))
//! ```
//!
//! Constraints: `shape`, `cut within the chain`, `units within capacity`, `remote work needs units`.
//!
//! **Threshold certificate** T: user i needs at least d_i units to get strictly below T, d_i the least f whose latency could be below
//! T. If the d_i sum to more than there are, no allocation gets everybody below T, so T is a lower bound. The enclosure's
//! lower end falls with f (rounding is monotone), so "could be below" is a threshold in f and two evaluations prove d_i.
//!
//! **Price certificate**: at a leaf with price p, every allocation within the leaf's ranges satisfies
//! `sum_i T_i >= sum_i (T_i + p f_i) - p beta >= sum_i min_f (T_i*(f) + p f) - p beta`.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` lets in.
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
//! chain of splits at one price a leaf takes one term, one block and the sums of the blocks, however many splits are above it.

use std::collections::HashMap;

use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode, Solution, Speedup, User};

use crate::budget::MAX_KEPT;
use crate::interval::{add_down, subtract_down};
use crate::speedup::slowness;
use crate::tree::{Flaw, Tree, Walker};
use crate::{Budget, Checkable, Domain, Intake, Interval, Normalised, Violation, sum};

impl Checkable for Multiuser {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        let mut violations = Vec::new();
        let users = instance.users.len();
        for (name, length) in [("cut", solution.cut.len()), ("units", solution.units.len())] {
            if length != users {
                let off = length.abs_diff(users) as f64;
                violations.push(Violation::new("one decision per user", name, off, "entries too many or too few"));
            }
        }
        if !violations.is_empty() {
            return (None, violations);
        }

        let used: u64 = solution.units.iter().map(|units| u64::from(*units)).sum();
        let capacity = u64::from(instance.server.units);
        if used > capacity {
            let at = format!("server: {used} of {capacity} units used");
            violations.push(Violation::new("units within capacity", at, (used - capacity) as f64, "units over"));
        }

        let jury = Checker::new(instance);
        let mut has_value = true;
        let latencies: Vec<Interval> = (0..users)
            .map(|i| {
                let user = &instance.users[i];
                let (cut, units) = (solution.cut[i] as usize, solution.units[i]);
                let blocks = instance.models[user.model as usize].blocks();
                if cut > blocks {
                    let at = format!("cut[{i}]: cut {cut} of {blocks} blocks");
                    let beyond = (cut - blocks) as f64;
                    violations.push(Violation::new("cut within the chain", at, beyond, "blocks beyond the last"));
                    has_value = false;
                    return Interval::ZERO;
                }
                if units == 0 && cut < blocks {
                    let at = format!("users[{i}]: cut {cut} of {blocks} with 0 units");
                    let remote = (blocks - cut) as f64;
                    violations.push(Violation::new("remote work needs units", at, remote, "blocks without a server"));
                    has_value = false;
                    return Interval::ZERO;
                }
                jury.latency(user, cut, units)
            })
            .collect();

        let objective = match instance.objective {
            Objective::Max => latencies.into_iter().fold(Interval::ZERO, Interval::max),
            Objective::Sum => sum(latencies.into_iter()),
        };
        (has_value.then_some(objective), violations)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        match certificate {
            Certificate::Threshold { latency_s } => {
                let domain = Domain::NotNegative(f64::MAX);
                intake.take(latency_s, domain, "a threshold is a latency", || "certificate.latency_s".into());
            }
            Certificate::Prices { nodes } => {
                for (at, node) in nodes.iter_mut().enumerate() {
                    let PriceNode::Leaf { price_s } = node else { continue };
                    let constraint = "a price is 0 or between 1e-60 and 1e60 seconds";
                    intake.take(price_s, Domain::PRICE, constraint, || format!("nodes[{at}]"));
                }
            }
        }
    }

    /// A threshold takes two look-ups of a guess and some bisection per user, whatever it is; it is not counted.
    fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
        let numbers = match certificate {
            Certificate::Threshold { .. } => 1,
            Certificate::Prices { nodes } => nodes
                .iter()
                .map(|node| match node {
                    PriceNode::Leaf { .. } => 1,
                    PriceNode::Split { .. } => 4,
                })
                .sum(),
        };
        let jury = Checker::new(instance);
        Budget::of(numbers, instance.users.iter().map(|user| jury.steps(user) + 1).sum())
    }

    fn replay_normalised(
        instance: &Instance,
        certificate: &Normalised<Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        let jury = Checker::new(instance);
        match (&**certificate, instance.objective) {
            (Certificate::Threshold { latency_s }, Objective::Max) => jury.replay_threshold(*latency_s),
            (Certificate::Prices { nodes }, Objective::Sum) => jury.replay_prices(nodes, budget),
            (Certificate::Threshold { .. }, Objective::Sum) => {
                Err(vec![Violation::new("a threshold bounds the maximum only", "certificate.kind", 1.0, "wrong kind")])
            }
            (Certificate::Prices { .. }, Objective::Max) => {
                Err(vec![Violation::new("prices bound the sum only", "certificate.kind", 1.0, "wrong kind")])
            }
        }
    }
}

/// The least and the largest number of units a user may get at a node of a price tree.
type Range = (u32, u32);

/// An instance with its prefix sums, enclosed.
struct Checker<'a> {
    instance: &'a Instance,
    /// Per model and cut s: MACs of the blocks before the cut, and after it.
    work: Vec<Vec<(Interval, Interval)>>,
    /// For a speed-up table: the unit counts at which it rises. Between them more units gain nothing.
    rises: Vec<u32>,
}

impl<'a> Checker<'a> {
    fn new(instance: &'a Instance) -> Self {
        let work = instance
            .models
            .iter()
            .map(|model| {
                let add = |total: &mut Interval, macs: &f64| {
                    *total = *total + Interval::point(*macs);
                    Some(*total)
                };
                let start = || std::iter::once(Interval::ZERO);
                let before = start().chain(model.macs.iter().scan(Interval::ZERO, add));
                let mut after: Vec<_> = start().chain(model.macs.iter().rev().scan(Interval::ZERO, add)).collect();
                after.reverse();
                before.zip(after).collect()
            })
            .collect();
        let rises = match &instance.server.speedup {
            Speedup::Table { speedups } => {
                let rises = (1..speedups.len()).filter(|f| speedups[*f] > speedups[f - 1]).map(|f| f as u32 + 1);
                std::iter::once(1).chain(rises).collect()
            }
            _ => Vec::new(),
        };
        Self { instance, work, rises }
    }

    /// Latency of a user with a given cut and units, in seconds. Remote work has at least one unit.
    fn latency(&self, user: &User, cut: usize, units: u32) -> Interval {
        match self.parts(user, cut) {
            (fixed, None) => fixed,
            (fixed, Some(remote)) => fixed + remote * slowness(&self.instance.server.speedup, units),
        }
    }

    /// What a cut's latency is without remote work; and that work with one unit, if there is any.
    fn parts(&self, user: &User, cut: usize) -> (Interval, Option<Interval>) {
        let (before, after) = self.work[user.model as usize][cut];
        let local = before / Interval::point(user.device_macs_per_s);
        if cut + 1 == self.work[user.model as usize].len() {
            return (local, None);
        }
        let bytes = self.instance.models[user.model as usize].cut_bytes[cut];
        let sending = Interval::point(user.rtt_s) + Interval::point(bytes) / Interval::point(user.uplink_bytes_per_s);
        (local + sending, Some(after / Interval::point(self.instance.server.unit_macs_per_s)))
    }

    /// No less than this is a user's latency with `units` units, whatever the cut: a value that never rises with `units`.
    fn least_latency(&self, user: &User, units: u32) -> f64 {
        let cuts = self.work[user.model as usize].len();
        let first = if units == 0 { cuts - 1 } else { 0 };
        (first..cuts).map(|cut| self.latency(user, cut, units).low()).fold(f64::INFINITY, f64::min)
    }

    /// Proves that no allocation gets every user strictly below `threshold`.
    fn replay_threshold(&self, threshold: f64) -> Result<f64, Vec<Violation>> {
        let capacity = self.instance.server.units;
        let mut needed: u64 = 0;
        for user in &self.instance.users {
            match self.least_units_below(user, threshold, capacity) {
                Some(units) => needed += u64::from(units),
                None => return Ok(threshold),
            }
            if needed > u64::from(capacity) {
                return Ok(threshold);
            }
        }
        let at = format!("certificate.latency_s: {needed} of {capacity} units may get every user below it");
        Err(vec![Violation::new(
            "below a threshold more units are needed than there are",
            at,
            (u64::from(capacity) - needed) as f64 + 1.0,
            "units short of a proof",
        )])
    }

    /// The least number of units with which the latency could be strictly below `threshold`; none within `capacity` is `None`.
    fn least_units_below(&self, user: &User, threshold: f64, capacity: u32) -> Option<u32> {
        let below = |units: u32| self.least_latency(user, units) < threshold;
        if below(0) { Some(0) } else { least_above_0(self.approximate_units(user, threshold), capacity, below) }
    }

    /// About how many units bring a user to `threshold`, in plain floats.
    fn approximate_units(&self, user: &User, threshold: f64) -> u32 {
        let cuts = self.work[user.model as usize].len() - 1;
        let approximate_units = (0..cuts)
            .filter_map(|cut| {
                let fixed = self.latency(user, cut, u32::MAX).low();
                let (_, after) = self.work[user.model as usize][cut];
                let unit = after.low() / self.instance.server.unit_macs_per_s;
                let (fixed, scale) = match &self.instance.server.speedup {
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
    fn replay_prices(&self, nodes: &[PriceNode], budget: &Budget) -> Result<f64, Vec<Violation>> {
        let tree = Tree::new(nodes, |node| self.children(node)).map_err(|flaw| vec![flaw.violation("")])?;
        let mut walk = Walk::new(self, nodes, budget);
        tree.walk(&mut walk).map_err(|violation| vec![violation])?;
        if walk.least.is_finite() {
            return Ok(walk.least);
        }
        let what = "a tree whose leaves are all empty covers nothing";
        Err(vec![Flaw { node: 0, what }.violation("")])
    }

    /// Steps of [`Self::least_with_price`], at most.
    fn steps(&self, user: &User) -> u64 {
        let cuts = self.work[user.model as usize].len() as u64;
        cuts * (self.rises.len() as u64 + 1).max(5)
    }

    /// The children of a split, none for a leaf; or what is wrong with a node.
    fn children(&self, node: &PriceNode) -> Result<Option<[u32; 2]>, &'static str> {
        match node {
            PriceNode::Split { user, units, at_most, above } => {
                let (users, capacity) = (self.instance.users.len(), self.instance.server.units);
                if *user as usize >= users || *units >= capacity || at_most == above {
                    return Err("a split names a user, units below capacity and two children");
                }
                Ok(Some([*at_most, *above]))
            }
            PriceNode::Leaf { .. } => Ok(None),
        }
    }

    /// No more than `min_f (T*(f) + price f)` over a range of units that is not empty.
    fn least_with_price(&self, user: &User, price: f64, (from, to): Range) -> f64 {
        let with_price = |units: u32, latency: Interval| {
            (latency + Interval::point(price) * Interval::point(f64::from(units))).low()
        };
        let cuts = self.work[user.model as usize].len();
        // All local needs no units, so it costs the least with the fewest.
        let mut least = with_price(from, self.latency(user, cuts - 1, 0));
        let from = from.max(1);
        if from > to {
            return least;
        }
        let speedup = &self.instance.server.speedup;
        for cut in 0..cuts - 1 {
            let (fixed, remote) = self.parts(user, cut);
            // What is added is not below 0, and rounding is monotone: no number of units makes it less.
            if fixed.low() >= least {
                continue;
            }
            let remote = remote.expect("not all is local");
            let mut consider = |units: u32| {
                least = least.min(with_price(units, fixed + remote * slowness(speedup, units)));
            };
            // T + price f is convex in f for linear and Amdahl speed-ups: fixed + scale/f + price f, least at
            // sqrt(scale/price). Over the integers the least is at the floor or the ceiling of that; one more on either side
            // covers the rounding of the square root.
            let scale = self.work[user.model as usize][cut].1.middle() / self.instance.server.unit_macs_per_s;
            let scale = match speedup {
                Speedup::Linear => scale,
                Speedup::Amdahl { parallel_fraction } => scale * parallel_fraction,
                Speedup::Table { .. } => {
                    consider(from);
                    let first = self.rises.partition_point(|rise| *rise <= from);
                    for rise in self.rises[first..].iter().take_while(|rise| **rise <= to) {
                        consider(*rise);
                    }
                    continue;
                }
            };
            if scale == 0.0 {
                consider(from);
            } else if price == 0.0 {
                consider(to);
            } else {
                let centre = (scale / price).sqrt().min(f64::from(u32::MAX)).floor() as u32;
                for units in centre.saturating_sub(1)..=centre.saturating_add(2) {
                    consider(units.clamp(from, to));
                }
            }
        }
        least
    }
}

/// Users whose terms are added up in one go.
const BLOCK: usize = 1024;

/// On the way through a price tree.
struct Walk<'a> {
    jury: &'a Checker<'a>,
    budget: &'a Budget,
    /// What the splits on the way leave to every user. Shape (users,).
    ranges: Vec<Range>,
    /// The sum of the lower ends.
    at_least: u64,
    /// Users whose range is empty.
    without: usize,
    /// The range that every turn has changed, as it was before.
    before: Vec<(u32, Range)>,
    /// The user of every change there was, in order.
    changes: Vec<u32>,
    /// How many leaves are yet to come, by price (its bits).
    leaves: HashMap<u64, u32>,
    /// Terms of prices that leaves are yet to come for, by price.
    kept: HashMap<u64, Terms>,
    least: f64,
}

/// All users' terms at a price.
struct Terms {
    /// For which ranges, and the terms, rounded down. Shapes (users,).
    ranges: Vec<Range>,
    terms: Vec<f64>,
    /// Their sums, block by block, rounded down.
    blocks: Vec<f64>,
    /// How many changes they know of.
    changes: usize,
}

/// Bytes of a user's term.
const TERM_BYTES: usize = size_of::<Range>() + size_of::<f64>();

impl<'a> Walk<'a> {
    fn new(jury: &'a Checker<'a>, nodes: &[PriceNode], budget: &'a Budget) -> Self {
        let mut leaves = HashMap::new();
        for node in nodes {
            if let PriceNode::Leaf { price_s } = node {
                *leaves.entry(price_s.to_bits()).or_default() += 1;
            }
        }
        Self {
            jury,
            budget,
            ranges: vec![(0, jury.instance.server.units); jury.instance.users.len()],
            at_least: 0,
            without: 0,
            before: Vec::new(),
            changes: Vec::new(),
            leaves,
            kept: HashMap::new(),
            least: f64::INFINITY,
        }
    }

    /// Gives a user another range; the answer is the one it had.
    fn change(&mut self, user: u32, range: Range) -> Range {
        let before = std::mem::replace(&mut self.ranges[user as usize], range);
        let is_empty = |(from, to): Range| usize::from(from > to);
        self.without = self.without + is_empty(range) - is_empty(before);
        self.at_least = self.at_least + u64::from(range.0) - u64::from(before.0);
        self.changes.push(user);
        before
    }

    /// The bound of the ranges at a price, rounded down; infinite if no allocation respects them.
    fn bound(&mut self, price: f64) -> Result<f64, Violation> {
        let capacity = self.jury.instance.server.units;
        let key = price.to_bits();
        let left = self.leaves.entry(key).and_modify(|left| *left = left.saturating_sub(1)).or_default();
        let is_last = *left == 0;
        if self.at_least > u64::from(capacity) || self.without > 0 {
            if is_last {
                self.kept.remove(&key);
            }
            return Ok(f64::INFINITY);
        }
        let terms = match self.kept.remove(&key) {
            Some(mut terms) => {
                self.renew(&mut terms, price)?;
                terms
            }
            None => self.terms(price)?,
        };
        self.budget.spend(terms.blocks.len() as u64)?;
        let total = terms.blocks.iter().fold(0.0, |total, block| add_down(total, *block));
        if !is_last {
            let most = MAX_KEPT / (TERM_BYTES * self.ranges.len().max(1));
            if self.kept.len() >= most.max(1) {
                self.kept.clear();
            }
            self.kept.insert(key, terms);
        }
        let spent = Interval::point(price) * Interval::point(f64::from(capacity));
        Ok(subtract_down(Interval::point(total), spent))
    }

    /// All terms at a price.
    fn terms(&self, price: f64) -> Result<Terms, Violation> {
        let mut terms = Vec::with_capacity(self.ranges.len());
        for (user, range) in self.jury.instance.users.iter().zip(&self.ranges) {
            self.budget.spend(self.jury.steps(user) + 1)?;
            terms.push(self.jury.least_with_price(user, price, *range));
        }
        let blocks = terms.chunks(BLOCK).map(block).collect();
        Ok(Terms { ranges: self.ranges.clone(), terms, blocks, changes: self.changes.len() })
    }

    /// What has changed since terms were computed is computed again.
    fn renew(&self, of: &mut Terms, price: f64) -> Result<(), Violation> {
        let changes = &self.changes[of.changes..];
        of.changes = self.changes.len();
        let mut touched = Vec::new();
        let mut renew = |user: usize| {
            if of.ranges[user] == self.ranges[user] {
                return self.budget.spend(1);
            }
            let the_user = &self.jury.instance.users[user];
            self.budget.spend(self.jury.steps(the_user) + 1)?;
            of.ranges[user] = self.ranges[user];
            let term = self.jury.least_with_price(the_user, price, self.ranges[user]);
            if term != std::mem::replace(&mut of.terms[user], term) {
                touched.push(user / BLOCK);
            }
            Ok(())
        };
        if changes.len() < self.ranges.len() {
            changes.iter().try_for_each(|user| renew(*user as usize))?;
        } else {
            (0..self.ranges.len()).try_for_each(renew)?;
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
        let PriceNode::Leaf { price_s } = leaf else { unreachable!("leaves only") };
        self.least = self.least.min(self.bound(*price_s)?);
        Ok(())
    }
}

/// The least number from 1 to `most` that is enough, if all above are; `None` if none is. 0 is not enough. Gallops from a guess: it only saves time, the
/// two evaluations around the answer are the proof.
fn least_above_0(approximate_units: u32, most: u32, is_enough: impl Fn(u32) -> bool) -> Option<u32> {
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

#[cfg(test)]
mod tests;
