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

use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode, Solution, Speedup, User};

use crate::interval::subtract_down;
use crate::speedup::slowness;
use crate::tree::{Flaw, Tree};
use crate::{Domain, Intake, Interval, Judged, Normalised, Violation, sum};

impl Judged for Multiuser {
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

        let jury = Jury::new(instance);
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

    fn replay_normalised(instance: &Instance, certificate: &Normalised<Certificate>) -> Result<f64, Vec<Violation>> {
        let jury = Jury::new(instance);
        match (&**certificate, instance.objective) {
            (Certificate::Threshold { latency_s }, Objective::Max) => jury.replay_threshold(*latency_s),
            (Certificate::Prices { nodes }, Objective::Sum) => jury.replay_prices(nodes),
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
struct Jury<'a> {
    instance: &'a Instance,
    /// Per model and cut s: MACs of the blocks before the cut, and after it.
    work: Vec<Vec<(Interval, Interval)>>,
    /// For a speed-up table: the unit counts at which it rises. Between them more units gain nothing.
    rises: Vec<u32>,
}

impl<'a> Jury<'a> {
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
        let (before, after) = self.work[user.model as usize][cut];
        let local = before / Interval::point(user.device_macs_per_s);
        if cut + 1 == self.work[user.model as usize].len() {
            return local;
        }
        let bytes = self.instance.models[user.model as usize].cut_bytes[cut];
        let sending = Interval::point(user.rtt_s) + Interval::point(bytes) / Interval::point(user.uplink_bytes_per_s);
        local
            + sending
            + after / Interval::point(self.instance.server.unit_macs_per_s)
                * slowness(&self.instance.server.speedup, units)
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
        if below(0) { Some(0) } else { least_above_0(self.guess(user, threshold), capacity, below) }
    }

    /// About how many units bring a user to `threshold`, in plain floats.
    fn guess(&self, user: &User, threshold: f64) -> u32 {
        let cuts = self.work[user.model as usize].len() - 1;
        let guess = (0..cuts)
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
        guess.min(f64::from(u32::MAX)) as u32
    }

    /// The least bound over the leaves of a price tree.
    fn replay_prices(&self, nodes: &[PriceNode]) -> Result<f64, Vec<Violation>> {
        let tree = Tree::new(nodes, |node| self.children(node)).map_err(|flaw| vec![flaw.violation("")])?;
        let capacity = self.instance.server.units;
        let mut least = f64::INFINITY;
        let mut restricted: Vec<(u32, Range)> = Vec::new();
        for (at, leaf) in tree.leaves() {
            let PriceNode::Leaf { price_s } = leaf else { unreachable!("leaves only") };
            restricted.clear();
            for (split, is_at_most) in tree.above(at) {
                let PriceNode::Split { user, units, .. } = split else { unreachable!("only splits have children") };
                let (from, to) = if is_at_most { (0, *units) } else { (*units + 1, capacity) };
                match restricted.iter_mut().find(|(restricted, _)| restricted == user) {
                    Some((_, range)) => *range = (range.0.max(from), range.1.min(to)),
                    None => restricted.push((*user, (from, to))),
                }
            }
            least = least.min(self.leaf_bound(*price_s, &mut restricted));
        }
        if least.is_finite() {
            return Ok(least);
        }
        let what = "a tree whose leaves are all empty covers nothing";
        Err(vec![Flaw { node: 0, what }.violation("")])
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

    /// The bound of one leaf, rounded down; infinite if no allocation respects its ranges.
    fn leaf_bound(&self, price: f64, restricted: &mut [(u32, Range)]) -> f64 {
        let capacity = self.instance.server.units;
        let at_least: u64 = restricted.iter().map(|(_, (from, _))| u64::from(*from)).sum();
        if at_least > u64::from(capacity) || restricted.iter().any(|(_, (from, to))| from > to) {
            return f64::INFINITY;
        }
        restricted.sort_unstable_by_key(|(user, _)| *user);
        let mut special = restricted.iter().peekable();
        let total = sum(self.instance.users.iter().enumerate().map(|(i, user)| {
            let range = special.next_if(|(user, _)| *user as usize == i).map_or((0, capacity), |(_, range)| *range);
            Interval::point(self.least_with_price(user, price, range))
        }));
        let spent = Interval::point(price) * Interval::point(f64::from(capacity));
        subtract_down(total, spent)
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
        let mut consider = |cut: usize, units: u32| {
            least = least.min(with_price(units, self.latency(user, cut, units)));
        };
        for cut in 0..cuts - 1 {
            // T + price f is convex in f for linear and Amdahl speed-ups: fixed + scale/f + price f, least at
            // sqrt(scale/price). Over the integers the least is at the floor or the ceiling of that; one more on either side
            // covers the rounding of the square root.
            let scale = self.work[user.model as usize][cut].1.middle() / self.instance.server.unit_macs_per_s;
            let scale = match &self.instance.server.speedup {
                Speedup::Linear => scale,
                Speedup::Amdahl { parallel_fraction } => scale * parallel_fraction,
                Speedup::Table { .. } => {
                    consider(cut, from);
                    let first = self.rises.partition_point(|rise| *rise <= from);
                    for rise in self.rises[first..].iter().take_while(|rise| **rise <= to) {
                        consider(cut, *rise);
                    }
                    continue;
                }
            };
            if scale == 0.0 {
                consider(cut, from);
            } else if price == 0.0 {
                consider(cut, to);
            } else {
                let centre = (scale / price).sqrt().min(f64::from(u32::MAX)).floor() as u32;
                for units in centre.saturating_sub(1)..=centre.saturating_add(2) {
                    consider(cut, units.clamp(from, to));
                }
            }
        }
        least
    }
}

/// The least number from 1 to `most` that is enough, if all above are; `None` if none is. 0 is not enough. Gallops from a guess: it only saves time, the
/// two evaluations around the answer are the proof.
fn least_above_0(guess: u32, most: u32, is_enough: impl Fn(u32) -> bool) -> Option<u32> {
    if most == 0 {
        return None;
    }
    let mut at = guess.clamp(1, most);
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
