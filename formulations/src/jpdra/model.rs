//! The data of an instance, flat: partitions of all flows in one row, transfers in seconds of the objective.
//!
//! With a = sqrt(lambda w / Lambda) and rho = lambda w a set X of partitions costs server m, at best,
//!
//! ```text
//! A^2 / R,  A = sum a, R = F_m - sum rho        (Kleinrock's square roots; f = rho + R a/A)
//! ```
//!
//! With kinds of machines w, and so a and rho, depend on the server's kind; they are kept for each kind that a server has.
//!
//! or what Fox's marginal allocation gives with whole units: the delay of k units, a^2 / (k unit - rho), is convex in k.

use std::ops::Range;

use offcut_instances::incumbents;
use offcut_instances::jpdra::{Allocation, Instance, Jpdra, Solution, Speeds};
use offcut_instances::problem::{Answer, Stop};

use crate::best_first::Ordered;

/// Domains are bit sets.
pub(super) const MAX_SERVERS: usize = 64;

/// Fox's allocation takes one step per unit.
pub(super) const MAX_UNITS: u64 = 100_000;

/// A deployment that is feasible, a server for every partition, after its delay.
pub(super) type Deployed = (f64, Vec<u32>);

/// What `k` units of size `unit` leave beside a load, `load + tail`. The two products may cancel up to their last digits: neither is rounded before.
pub(super) fn unit_residual(k: f64, unit: f64, load: f64, tail: f64) -> f64 {
    k.mul_add(unit, -load) - tail
}

/// The least units of size `unit` that keep a load, `load + tail`, stable.
fn least_units(load: f64, tail: f64, unit: f64) -> u64 {
    let quotient = (load / unit).floor();
    if quotient > 9e15 {
        return u64::MAX / (1 << 21);
    }
    // The quotient was rounded: what is meant is the least k with k unit > load, to the last bit.
    let is_enough = |k: f64| unit_residual(k, unit, load, tail) > 0.0;
    let near = [quotient - 1.0, quotient, quotient + 1.0, quotient + 2.0];
    near.into_iter().find(|k| *k > 0.0 && is_enough(*k)).map_or(1, |k| k as u64)
}

/// Weighted seconds of a transfer; infinite without a way.
fn way(weighted: f64, speed: f64) -> f64 {
    if speed > 0.0 { weighted / speed } else { f64::INFINITY }
}

/// Seconds per byte between servers, infinite without a way. Shape (servers, servers), flat.
fn seconds_per_byte(instance: &Instance) -> Vec<f64> {
    let of_row = |(m, row): (usize, &Vec<f64>)| -> Vec<f64> {
        row.iter().enumerate().map(|(to, speed)| if m == to { 0.0 } else { way(1.0, *speed) }).collect()
    };
    instance.link_bytes_per_s.iter().enumerate().flat_map(of_row).collect()
}

/// The data of an instance.
pub(super) struct Model<'a> {
    pub(super) instance: &'a Instance,
    /// Speed of every server, in MAC/s, less what partitions take that are not in question.
    speeds: Vec<f64>,
    /// Roots of the partitions on every server that are not in question; 0 in the whole model.
    fixed_roots: Vec<f64>,
    /// The kind of each server, as an index. Shape (servers,).
    kind_of: Vec<usize>,
    /// How many kinds there are.
    kinds: usize,
    /// sqrt(lambda w / Lambda). Shape (partitions of all flows, kinds), flat.
    roots: Vec<f64>,
    /// lambda w, in the unit of speeds. Shape (partitions, kinds), flat.
    loads: Vec<f64>,
    /// lambda w less the load, exactly: below 0 where the product was rounded up. Shape (partitions, kinds), flat.
    tails: Vec<f64>,
    /// Each flow's partitions.
    pub(super) flows: Vec<Range<usize>>,
    /// Each partition's flow.
    pub(super) flow_of: Vec<usize>,
    /// Whether a partition follows another one of its flow.
    pub(super) follows: Vec<bool>,
    /// The least units that keep each partition stable; all 0 where there are no units. Shape (partitions, kinds), flat.
    least: Vec<u64>,
    /// Weighted delay of entering a flow at a server; infinite if there is no way. Shape (flows, servers), flat.
    enter: Vec<f64>,
    /// Weighted delay of a flow's return from a server. Shape (flows, servers), flat.
    leave: Vec<f64>,
    /// Weighted bytes handed on by a partition. Shape (partitions,).
    bytes: Vec<f64>,
    /// Seconds per byte between servers, infinite without a way. Shape (servers, servers), flat.
    seconds_per_byte: Vec<f64>,
    /// Size of a unit, in MAC/s, if there are units.
    pub(super) unit: Option<f64>,
    /// Units of every server, if there are any.
    pub(super) units: Vec<u64>,
}

impl<'a> Model<'a> {
    pub(super) fn new(instance: &'a Instance) -> Self {
        let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
        let servers = instance.servers.len();
        let (kinds, kind_of) = instance.server_kinds();
        let (mut roots, mut loads, mut flows, mut follows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut flow_of, mut tails) = (Vec::new(), Vec::new());
        let (mut enter, mut leave, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for (s, flow) in instance.flows.iter().enumerate() {
            let weight = flow.rate_per_s / total;
            let first = follows.len();
            for (n, partition) in flow.partitions.iter().enumerate() {
                for kind in &kinds {
                    let work = instance.work(s, n, *kind);
                    roots.push((weight * work).sqrt());
                    let load = flow.rate_per_s * work;
                    loads.push(load);
                    tails.push(flow.rate_per_s.mul_add(work, -load));
                }
                follows.push(n > 0);
                flow_of.push(s);
                bytes.push(weight * partition.out_bytes);
            }
            flows.push(first..follows.len());
            enter.extend(flow.uplink_bytes_per_s.iter().map(|speed| way(weight * flow.input_bytes, *speed)));
            match flow.result_bytes {
                Some(result) => leave.extend(flow.downlink_bytes_per_s.iter().map(|s| way(weight * result, *s))),
                None => leave.extend(std::iter::repeat_n(0.0, servers)),
            }
        }
        let unit = match instance.allocation {
            Allocation::Continuous => None,
            Allocation::Units { macs_per_s } => Some(macs_per_s),
        };
        let units = unit.map_or_else(Vec::new, |unit| (0..servers).map(|m| instance.units(m, unit)).collect());
        let of_load = |(load, tail): (&f64, &f64)| unit.map_or(0, |unit| least_units(*load, *tail, unit));
        let least = loads.iter().zip(&tails).map(of_load).collect();
        Self {
            instance,
            speeds: instance.servers.iter().map(|server| server.machine.speed).collect(),
            fixed_roots: vec![0.0; servers],
            kind_of,
            kinds: kinds.len(),
            roots,
            loads,
            tails,
            flows,
            flow_of,
            follows,
            least,
            enter,
            leave,
            bytes,
            seconds_per_byte: seconds_per_byte(instance),
            unit,
            units,
        }
    }

    /// The model of some flows alone, all others staying where `on` has them. Shares are continuous.
    pub(super) fn part(&self, chosen: &[usize], on: &[u32]) -> Self {
        debug_assert!(self.unit.is_none(), "units of a server cannot be told apart");
        let mut part = Self {
            instance: self.instance,
            speeds: self.speeds.clone(),
            fixed_roots: self.fixed_roots.clone(),
            kind_of: self.kind_of.clone(),
            kinds: self.kinds,
            roots: Vec::new(),
            loads: Vec::new(),
            tails: Vec::new(),
            flows: Vec::new(),
            flow_of: Vec::new(),
            follows: Vec::new(),
            least: Vec::new(),
            enter: Vec::new(),
            leave: Vec::new(),
            bytes: Vec::new(),
            seconds_per_byte: self.seconds_per_byte.clone(),
            unit: None,
            units: Vec::new(),
        };
        for (s, range) in self.flows.iter().enumerate() {
            if !chosen.contains(&s) {
                for i in range.clone() {
                    let m = on[i] as usize;
                    part.speeds[m] -= self.load(i, m);
                    part.fixed_roots[m] += self.root(i, m);
                }
                continue;
            }
            let (first, number) = (part.follows.len(), part.flows.len());
            let by_kind = range.start * self.kinds..range.end * self.kinds;
            part.roots.extend_from_slice(&self.roots[by_kind.clone()]);
            part.loads.extend_from_slice(&self.loads[by_kind.clone()]);
            part.tails.extend_from_slice(&self.tails[by_kind.clone()]);
            part.follows.extend_from_slice(&self.follows[range.clone()]);
            part.least.extend_from_slice(&self.least[by_kind]);
            part.bytes.extend_from_slice(&self.bytes[range.clone()]);
            part.flow_of.extend(std::iter::repeat_n(number, range.len()));
            part.flows.push(first..part.follows.len());
            part.enter.extend_from_slice(self.enter(s));
            part.leave.extend_from_slice(self.leave(s));
        }
        part
    }

    /// Partitions of all flows together.
    pub(super) fn partitions(&self) -> usize {
        self.follows.len()
    }

    /// The place of partition `i` on server `m` in data by kind.
    fn at(&self, i: usize, m: usize) -> usize {
        i * self.kinds + self.kind_of[m]
    }

    /// sqrt(lambda w / Lambda) of partition `i` on server `m`.
    pub(super) fn root(&self, i: usize, m: usize) -> f64 {
        self.roots[self.at(i, m)]
    }

    /// lambda w of partition `i` on server `m`, in the unit of its speed.
    pub(super) fn load(&self, i: usize, m: usize) -> f64 {
        self.loads[self.at(i, m)]
    }

    /// What rounding took from the load: lambda w is `load + tail`.
    pub(super) fn tail(&self, i: usize, m: usize) -> f64 {
        self.tails[self.at(i, m)]
    }

    /// The least units of server `m` that keep partition `i` stable; 0 where there are no units.
    pub(super) fn least(&self, i: usize, m: usize) -> u64 {
        self.least[self.at(i, m)]
    }

    /// The least root of a partition on server `m`.
    pub(super) fn least_root(&self, m: usize) -> f64 {
        (0..self.partitions()).map(|i| self.root(i, m)).fold(f64::INFINITY, f64::min)
    }

    /// The roots of all partitions on server `m`, summed.
    pub(super) fn all_roots(&self, m: usize) -> f64 {
        (0..self.partitions()).map(|i| self.root(i, m)).sum()
    }

    /// A speed of the size of server `m`'s, to scale its rows with: the mean of all, or its own where servers have different units.
    pub(super) fn typical_speed(&self, m: usize) -> f64 {
        if self.kinds == 1 { self.mean_speed() } else { self.speeds[m] }
    }

    /// The slowest speed of servers whose loads are in the unit of server `m`'s.
    pub(super) fn slowest_like(&self, m: usize) -> f64 {
        let alike = (0..self.servers()).filter(|other| self.kind_of[*other] == self.kind_of[m]);
        alike.map(|other| self.speeds[other]).fold(f64::INFINITY, f64::min)
    }

    pub(super) fn servers(&self) -> usize {
        self.speeds.len()
    }

    /// What server `m` has for the partitions in question, in MAC/s.
    pub(super) fn speed(&self, m: usize) -> f64 {
        self.speeds[m]
    }

    /// In the unit of speeds, if all servers have one.
    fn mean_speed(&self) -> f64 {
        self.speeds.iter().sum::<f64>() / self.servers() as f64
    }

    /// A delay of the right size: everything on one server of mean speed, its load left out.
    pub(super) fn pooled_delay(&self) -> f64 {
        if self.kinds == 1 {
            let all: f64 = self.roots.iter().sum();
            return all * all / self.mean_speed();
        }
        // Speeds of different kinds have no mean: the mean of the delays that single servers would have.
        let alone = |m: usize| self.all_roots(m) * self.all_roots(m) / self.speeds[m];
        (0..self.servers()).map(alone).sum::<f64>() / self.servers() as f64
    }

    /// Roots on server `m` of partitions that are not in question.
    pub(super) fn fixed_roots(&self, m: usize) -> f64 {
        self.fixed_roots[m]
    }

    /// The delay on server `m` of so many partitions with these loads and roots in all, and of those not in question; none if they do not fit.
    pub(super) fn shared_delay(&self, m: usize, count: usize, load: f64, roots: f64) -> Option<f64> {
        let roots = roots + self.fixed_roots[m];
        if roots == 0.0 {
            return Some(0.0);
        }
        let left = self.speeds[m] - load;
        (left > self.rounding(m, count)).then(|| roots * roots / left)
    }

    /// Weighted delay of entering flow `s` at every server. Shape (servers,).
    pub(super) fn enter(&self, s: usize) -> &[f64] {
        &self.enter[s * self.servers()..][..self.servers()]
    }

    /// Weighted delay of flow `s` returning from every server. Shape (servers,).
    pub(super) fn leave(&self, s: usize) -> &[f64] {
        &self.leave[s * self.servers()..][..self.servers()]
    }

    /// Weighted delay of handing on what partition `i` puts out.
    pub(super) fn hop(&self, i: usize, from: usize, to: usize) -> f64 {
        if from == to {
            return 0.0;
        }
        // Nothing takes no time, but not where there is no way.
        let per_byte = self.seconds_per_byte[from * self.servers() + to];
        if per_byte == f64::INFINITY { per_byte } else { self.bytes[i] * per_byte }
    }

    /// Weighted delay of partition `i` with `k` units of server `m`, at least the least ones.
    pub(super) fn unit_delay(&self, i: usize, m: usize, k: u64) -> f64 {
        let root = self.root(i, m);
        let unit = self.unit.expect("there are units");
        root * root / unit_residual(k as f64, unit, self.load(i, m), self.tail(i, m))
    }

    /// Whether partition `i` fits server `m` alone.
    /// (A load that equals the speed and was rounded up is below it; its delay is beyond doubles, and it counts as not fitting, see [`Self::is_full`].)
    pub(super) fn fits(&self, i: usize, m: usize) -> bool {
        match self.unit {
            None => self.load(i, m) < self.speed(m),
            Some(_) => self.least(i, m) <= self.units[m],
        }
    }

    /// Whether partition `i` alone takes server `m` up to less than a rounding: it does not fit in doubles, and in exact arithmetic it does.
    pub(super) fn is_full(&self, i: usize, m: usize) -> bool {
        self.unit.is_none() && self.load(i, m) == self.speed(m) && self.tail(i, m) < 0.0
    }

    /// The servers that each partition fits alone, as bits; there are at most 64. Shape (partitions,).
    pub(super) fn domain(&self) -> Vec<u64> {
        self.domain_where(|i, m| self.fits(i, m))
    }

    /// The servers that each partition fits alone in exact arithmetic, as bits. Shape (partitions,).
    pub(super) fn exact_domain(&self) -> Vec<u64> {
        self.domain_where(|i, m| self.fits(i, m) || self.is_full(i, m))
    }

    fn domain_where(&self, fits: impl Fn(usize, usize) -> bool) -> Vec<u64> {
        let bits = |i: usize| (0..self.servers()).filter(|m| fits(i, *m)).fold(0u64, |bits, m| bits | 1 << m);
        (0..self.partitions()).map(bits).collect()
    }

    /// The speed of server `m`, in MAC/s, plus more than what roundings of all loads add up to.
    pub(super) fn relaxed_speed(&self, m: usize) -> f64 {
        self.speed(m) + 4.0 * self.rounding(m, self.partitions())
    }

    /// Whether a set of partitions may fit server `m` in exact arithmetic: its load, rounded down, is below the speed.
    pub(super) fn may_fit(&self, m: usize, set: impl Iterator<Item = usize>) -> bool {
        if self.unit.is_some() {
            return set.map(|i| u128::from(self.least(i, m))).sum::<u128>() <= u128::from(self.units[m]);
        }
        let low = |i: usize| {
            let load = self.load(i, m);
            if self.tail(i, m) < 0.0 { load.next_down() } else { load }
        };
        set.map(low).fold(0.0, add_down) < self.speed(m)
    }

    /// What a set of partitions puts on server `m`: its load, and its roots, summed.
    pub(super) fn sums(&self, m: usize, set: &[usize]) -> (f64, f64) {
        (set.iter().map(|i| self.load(*i, m)).sum(), set.iter().map(|i| self.root(*i, m)).sum())
    }

    /// The least weighted delay of a set of partitions on server `m`; none if they do not fit.
    pub(super) fn server_delay(&self, m: usize, set: &[usize]) -> Option<f64> {
        if self.unit.is_some() {
            return self.fox(m, set).map(|(_, delay)| delay);
        }
        let (load, roots) = self.sums(m, set);
        self.shared_delay(m, set.len(), load, roots)
    }

    /// What rounding may take of server `m` when so many partitions share it: less than this left is nothing.
    pub(super) fn rounding(&self, m: usize, partitions: usize) -> f64 {
        8.0 * f64::EPSILON * partitions as f64 * self.speed(m)
    }

    /// Fox's marginal allocation: always the next unit to who gains most. Exact, as delays are convex in units.
    pub(super) fn fox(&self, m: usize, set: &[usize]) -> Option<(Vec<u64>, f64)> {
        let mut given: Vec<u64> = set.iter().map(|i| self.least(*i, m)).collect();
        let least = given.iter().try_fold(0u64, |sum, k| sum.checked_add(*k))?;
        let left = self.units[m].checked_sub(least)?;
        let gain = |at: usize, k: u64| self.unit_delay(set[at], m, k) - self.unit_delay(set[at], m, k + 1);
        let mut queue: std::collections::BinaryHeap<(Ordered, usize)> =
            (0..set.len()).map(|at| (Ordered(gain(at, given[at])), at)).collect();
        for _ in 0..if set.is_empty() { 0 } else { left } {
            let (_, at) = queue.pop().expect("one entry per partition");
            given[at] += 1;
            queue.push((Ordered(gain(at, given[at])), at));
        }
        let delay = set.iter().zip(&given).map(|(i, k)| self.unit_delay(*i, m, *k)).sum();
        Some((given, delay))
    }

    /// Weighted delay of all transfers of flow `s` along a path, a server for each of its partitions; infinite if one is missing.
    pub(super) fn transfers(&self, s: usize, path: &[u32]) -> f64 {
        let first = self.flows[s].start;
        let hops = path.windows(2).enumerate().map(|(n, at)| self.hop(first + n, at[0] as usize, at[1] as usize));
        let at = |n: usize| path[n] as usize;
        self.enter(s)[at(0)] + hops.sum::<f64>() + self.leave(s)[at(path.len() - 1)]
    }

    /// Weighted delay of all transfers of a deployment; infinite if one is missing.
    pub(super) fn all_transfers(&self, on: &[u32]) -> f64 {
        self.flows.iter().enumerate().map(|(s, range)| self.transfers(s, &on[range.clone()])).sum()
    }

    /// The partitions of every server.
    pub(super) fn sets(&self, on: &[u32]) -> Vec<Vec<usize>> {
        let mut sets = vec![Vec::new(); self.servers()];
        on.iter().enumerate().for_each(|(i, m)| sets[*m as usize].push(i));
        sets
    }

    /// The objective of a deployment with speeds shared at best; none if something does not fit or a way is missing.
    pub(super) fn delay(&self, on: &[u32]) -> Option<f64> {
        let transfers = self.all_transfers(on);
        if transfers == f64::INFINITY {
            return None;
        }
        let sets = self.sets(on);
        sets.iter().enumerate().try_fold(transfers, |total, (m, set)| Some(total + self.server_delay(m, set)?))
    }

    /// An answer: why the search stopped, and the best deployment, if there is one.
    pub(super) fn answer(&self, stop: Stop, best: Option<&Deployed>) -> Answer<Jpdra> {
        match best {
            Some((_, on)) => Answer { stop, ..self.found(on) },
            None => Answer::nothing(stop),
        }
    }

    /// Reports a feasible deployment as an incumbent during the solve, if the caller asked for incumbents.
    pub(super) fn report(&self, on: &[u32]) {
        if !incumbents::has_listener() {
            return;
        }
        if let Some(claim) = self.found(on).found {
            incumbents::report::<Jpdra>(claim.objective, || claim.solution);
        }
    }

    /// An answer: a deployment with its best speeds. The deployment is feasible.
    pub(super) fn found(&self, on: &[u32]) -> Answer<Jpdra> {
        let mut delay = self.all_transfers(on);
        let sets = self.sets(on);
        let mut units = vec![0u64; on.len()];
        let mut speeds = vec![0.0f64; on.len()];
        for (m, set) in sets.iter().enumerate().filter(|(_, set)| !set.is_empty()) {
            if self.unit.is_some() {
                let (given, least) = self.fox(m, set).expect("a feasible deployment");
                set.iter().zip(given).for_each(|(i, k)| units[*i] = k);
                delay += least;
                continue;
            }
            let (load, roots) = self.sums(m, set);
            // Less than the capacity by 4 ulps a partition, so that the sum of the rounded speeds is within it.
            let left = self.speed(m) - load - 4.0 * f64::EPSILON * set.len() as f64 * self.speed(m);
            for i in set {
                let (load, root) = (self.load(*i, m), self.root(*i, m));
                speeds[*i] = load + left * root / roots;
                // The claim is the objective value of these speeds, slightly above the square-root rule.
                delay += root * root / (speeds[*i] - load);
            }
        }
        fn cut<T: Copy>(flat: &[T], flows: &[Range<usize>]) -> Vec<Vec<T>> {
            flows.iter().map(|range| flat[range.clone()].to_vec()).collect()
        }
        let speeds = match self.unit {
            Some(_) => Speeds::Units(cut(&units, &self.flows)),
            None => Speeds::MacsPerS(cut(&speeds, &self.flows)),
        };
        Answer::found(Solution { servers: cut(on, &self.flows), speeds }, delay)
    }
}

/// The sum of two numbers that are not negative, rounded down; exact where it can be.
fn add_down(a: f64, b: f64) -> f64 {
    let sum = a + b;
    // (Knuth's two-sum.)
    let of_b = sum - a;
    let error = (a - (sum - of_b)) + (b - of_b);
    if error < 0.0 { sum.next_down() } else { sum }
}
