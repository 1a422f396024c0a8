//! The latency T_i*(f) of user i with f units and its best cut, in seconds, from those of its model's cuts that can win.
//!
//! Cutting after block s costs a user
//!
//! ```text
//! rtt + total/(unit lambda)  +  before_s (1/device - 1/(unit lambda))  +  cut_bytes_s / uplink
//! ```
//!
//! linear in (MACs before the cut, bytes), with a factor of either sign for the MACs and a positive one for the bytes. So whatever the user
//! and its units, only vertices of the lower convex hull of a *model's* points (before_s, cut_bytes_s), s < k, can be the best, beside all local.
//! They are found once per model; a user needs no memory at all.
//!
//! If device and server are of different kinds, device work before and server work after a cut are independent numbers. The latency is linear in three
//! quantities, (device work, bytes, server work), with a positive factor for each, so only cuts that no other is at least as good as in all three can
//! be the best. They are found once per model and kind of device.

use offcut_instances::multiuser::{Instance, Objective, Solution, Speedup, User};

/// Where to look for falls of a latency: from so many units to so many, and not beyond the first latency that is at most `cutoff`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Falls {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) cutoff: f64,
}

/// A cut that can win.
#[derive(Clone, Copy, Debug)]
struct Cut {
    cut: u32,
    before: f64,
    after: f64,
    bytes: f64,
}

/// An instance, ready for latencies.
pub(crate) struct Latencies<'a> {
    instance: &'a Instance,
    /// Per model and kind of device, the cuts that can win; empty where no user has both. Shape (models, kinds + 1).
    hulls: Vec<Vec<Cut>>,
    /// Per model and kind of device, all its work there. Shape (models, kinds + 1).
    totals: Vec<f64>,
    /// For a table: the unit counts at which the speed-up rises, beginning with 1.
    rises: Vec<u32>,
}

impl<'a> Latencies<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        let groups = instance.models.len() * (instance.machine_kinds.len() + 1);
        let (mut hulls, mut totals) = (vec![Vec::new(); groups], vec![0.0; groups]);
        let mut is_known = vec![false; groups];
        for user in &instance.users {
            let at = group(instance, user);
            if !std::mem::replace(&mut is_known[at], true) {
                (hulls[at], totals[at]) = winners(instance, user);
            }
        }
        let rises = match &instance.server.speedup {
            Speedup::Table { speedups } => {
                let rises = (1..speedups.len()).filter(|f| speedups[*f] > speedups[f - 1]).map(|f| f as u32 + 1);
                std::iter::once(1).chain(rises).collect()
            }
            _ => Vec::new(),
        };
        Self { instance, hulls, totals, rises }
    }

    pub(crate) fn users(&self) -> usize {
        self.instance.users.len()
    }

    /// The server's units (beta).
    pub(crate) fn units(&self) -> u32 {
        self.instance.server.units
    }

    /// All local, in seconds.
    pub(crate) fn local(&self, user: usize) -> f64 {
        let user = &self.instance.users[user];
        self.totals[group(self.instance, user)] / user.device.speed
    }

    /// T_i*(f), in seconds.
    pub(crate) fn best(&self, user: usize, units: u32) -> f64 {
        self.best_cut(user, units).0
    }

    /// T_i*(f) and a cut that reaches it; all local if that is as good.
    pub(crate) fn best_cut(&self, user: usize, units: u32) -> (f64, u32) {
        let mut best = (self.local(user), self.blocks(user));
        if units > 0 {
            let slowness = self.slowness(units);
            let user = &self.instance.users[user];
            for cut in &self.hulls[group(self.instance, user)] {
                let latency = self.fixed(user, cut) + self.work(cut) * slowness;
                if latency < best.0 {
                    best = (latency, cut.cut);
                }
            }
        }
        best
    }

    /// The least units d_i(T) with T_i*(d_i) <= `latency`; none if not even all units reach it.
    pub(crate) fn fewest(&self, user: usize, latency: f64) -> Option<u32> {
        if self.local(user) <= latency {
            return Some(0);
        }
        let beta = self.units();
        let approximate_units = self.approximate_units(user, latency);
        if beta == 0 {
            return None;
        }
        let reaches = |units: u32| self.best(user, units) <= latency;
        first(approximate_units.clamp(1, beta), beta, reaches)
    }

    /// About how many units reach `latency`: each cut's own equation, solved.
    fn approximate_units(&self, user: usize, latency: f64) -> u32 {
        let user = &self.instance.users[user];
        let mut fewest = f64::INFINITY;
        for cut in &self.hulls[group(self.instance, user)] {
            let left = latency - self.fixed(user, cut);
            if left <= 0.0 {
                continue;
            }
            let work = self.work(cut);
            let units = match &self.instance.server.speedup {
                Speedup::Linear => work / left,
                Speedup::Amdahl { parallel_fraction } => {
                    let left = left - work * (1.0 - parallel_fraction);
                    if left > 0.0 { work * parallel_fraction / left } else { f64::INFINITY }
                }
                Speedup::Table { speedups } => {
                    let at = self.rises.partition_point(|f| speedups[*f as usize - 1] * left < work);
                    self.rises.get(at).map_or(f64::INFINITY, |f| f64::from(*f))
                }
            };
            fewest = fewest.min(units);
        }
        fewest.ceil().min(f64::from(u32::MAX)) as u32
    }

    /// `min_f (T_i*(f) + price f)` over f in `from..=to`, and the least f that reaches it.
    pub(crate) fn least_with_price(&self, user: usize, price: f64, (from, to): (u32, u32)) -> (f64, u32) {
        // All local needs no units, so it costs the least with the fewest.
        let mut least = (self.local(user) + price * f64::from(from), from);
        let from = from.max(1);
        if from > to {
            return least;
        }
        let user = &self.instance.users[user];
        for cut in &self.hulls[group(self.instance, user)] {
            let (fixed, work) = (self.fixed(user, cut), self.work(cut));
            let mut consider = |units: u32| {
                let value = fixed + work * self.slowness(units) + price * f64::from(units);
                if value < least.0 || (value == least.0 && units < least.1) {
                    least = (value, units);
                }
            };
            // fixed + scale/f + price f is convex in f: over whole numbers the least is beside sqrt(scale/price).
            let scale = match &self.instance.server.speedup {
                Speedup::Linear => work,
                Speedup::Amdahl { parallel_fraction } => work * parallel_fraction,
                Speedup::Table { .. } => {
                    consider(from);
                    let first = self.rises.partition_point(|rise| *rise <= from);
                    self.rises[first..].iter().take_while(|rise| **rise <= to).for_each(|rise| consider(*rise));
                    continue;
                }
            };
            if scale == 0.0 {
                consider(from);
            } else if price == 0.0 {
                consider(to);
            } else {
                let centre = (scale / price).sqrt().min(f64::from(u32::MAX)) as u32;
                consider(centre.clamp(from, to));
                consider(centre.saturating_add(1).clamp(from, to));
            }
        }
        least
    }

    /// Where a cut's `fixed + scale/f + price f` is least over real f > 0, rounded down; none for a table, or where units do not matter.
    fn centre(&self, work: f64, price: f64) -> Option<u32> {
        let scale = match &self.instance.server.speedup {
            Speedup::Linear => work,
            Speedup::Amdahl { parallel_fraction } => work * parallel_fraction,
            Speedup::Table { .. } => return None,
        };
        (scale > 0.0).then(|| (scale / price).sqrt().min(f64::from(u32::MAX)) as u32)
    }

    /// Every unit count of a range at which `T_i*(f) + price f` is below `ceiling`, with that value, by units; without those that more units do not
    /// improve. None if there are more than `most`.
    pub(super) fn below(
        &self,
        user: usize,
        price: f64,
        (from, to): (u32, u32),
        ceiling: f64,
        most: usize,
    ) -> Option<Vec<(u32, f64)>> {
        let mut found = Vec::new();
        let local = self.local(user) + price * f64::from(from);
        if local < ceiling {
            found.push((from, local));
        }
        let from = from.max(1);
        let user = &self.instance.users[user];
        for cut in &self.hulls[group(self.instance, user)] {
            let (fixed, work) = (self.fixed(user, cut), self.work(cut));
            if from > to || fixed >= ceiling {
                continue;
            }
            let mut consider = |units: u32| {
                let value = fixed + work * self.slowness(units) + price * f64::from(units);
                if value < ceiling {
                    found.push((units, value));
                }
                value < ceiling && found.len() <= 2 * most
            };
            if let Some(centre) = self.centre(work, price) {
                // Convex: outwards from the least, until it is too much.
                let start = centre.clamp(from, to);
                let _ = (start..=to).all(|units| consider(units) || units <= centre);
                let _ = (from..start).rev().all(&mut consider);
            } else if self.rises.is_empty() {
                consider(from);
            } else {
                consider(from);
                let first = self.rises.partition_point(|rise| *rise <= from);
                let dear = |rise: u32| fixed + price * f64::from(rise) >= ceiling;
                for rise in self.rises[first..].iter().take_while(|rise| **rise <= to && !dear(**rise)) {
                    consider(*rise);
                }
            }
            if found.len() > 2 * most {
                return None;
            }
        }
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        found.dedup_by_key(|(units, _)| *units);
        (found.len() <= most).then_some(found)
    }

    /// The unit counts at which a user's latency strictly falls, with the latencies, from 0 units on and not beyond the first that is at
    /// most `cutoff`. None if there are more than `most` of them.
    pub(crate) fn falls(&self, user: usize, cutoff: f64, most: usize) -> Option<Vec<(u32, f64)>> {
        let range = Falls { from: 0, to: self.units(), cutoff };
        self.falls_within(user, range, most, |_, _| true)
    }

    /// The unit counts in a range at which a user's latency strictly falls, with the latencies, those of them that `is_option` keeps. None if
    /// there are more than `most` of them.
    pub(crate) fn falls_within(
        &self,
        user: usize,
        Falls { from, to, cutoff }: Falls,
        most: usize,
        is_option: impl Fn(u32, f64) -> bool,
    ) -> Option<Vec<(u32, f64)>> {
        let mut last = self.best(user, from);
        let mut falls = Vec::new();
        if is_option(from, last) {
            falls.push((from, last));
        }
        // Whether to go on.
        let mut consider = |units: u32| {
            if last <= cutoff || falls.len() > most {
                return false;
            }
            let latency = self.best(user, units);
            if latency < last {
                last = latency;
                if is_option(units, latency) {
                    falls.push((units, latency));
                }
            }
            true
        };
        match &self.instance.server.speedup {
            Speedup::Table { .. } => {
                let rises = self.rises.iter().skip_while(|rise| **rise <= from).take_while(|rise| **rise <= to);
                let _ = rises.copied().all(&mut consider);
            }
            _ => {
                let _ = (from.saturating_add(1)..=to).all(&mut consider);
            }
        }
        (falls.len() <= most).then_some(falls)
    }

    /// The solution with these units and every user's best cut for its units.
    pub(crate) fn with_best_cuts(&self, units: Vec<u32>) -> Solution {
        let cut = units.iter().enumerate().map(|(user, units)| self.best_cut(user, *units).1).collect();
        Solution { cut, units }
    }

    /// The objective of an allocation with best cuts.
    pub(crate) fn objective(&self, units: &[u32]) -> f64 {
        let latencies = units.iter().enumerate().map(|(user, units)| self.best(user, *units));
        match self.instance.objective {
            Objective::Max => latencies.fold(0.0, f64::max),
            Objective::Sum => latencies.sum(),
        }
    }

    fn blocks(&self, user: usize) -> u32 {
        self.instance.models[self.instance.users[user].model as usize].blocks() as u32
    }

    fn fixed(&self, user: &User, cut: &Cut) -> f64 {
        cut.before / user.device.speed + user.rtt_s + cut.bytes / user.uplink_bytes_per_s
    }

    fn work(&self, cut: &Cut) -> f64 {
        cut.after / self.instance.server.unit.speed
    }

    /// 1/lambda(f) for f >= 1.
    fn slowness(&self, units: u32) -> f64 {
        match &self.instance.server.speedup {
            Speedup::Linear => 1.0 / f64::from(units),
            Speedup::Amdahl { parallel_fraction } => 1.0 - parallel_fraction + parallel_fraction / f64::from(units),
            Speedup::Table { speedups } => 1.0 / speedups[(units as usize).min(speedups.len()) - 1],
        }
    }
}

/// The group of a user: its model and the kind of its device.
fn group(instance: &Instance, user: &User) -> usize {
    user.model as usize * (instance.machine_kinds.len() + 1) + user.device.kind.map_or(0, |kind| kind as usize + 1)
}

/// The cuts of a user's model that can win on its kind of device, and all work there.
fn winners(instance: &Instance, user: &User) -> (Vec<Cut>, f64) {
    let model = &instance.models[user.model as usize];
    let (device, server) = (user.device.kind, instance.server.unit.kind);
    let total: f64 = model.work(device).iter().sum();
    let mut before = 0.0;
    let mut cuts: Vec<Cut> = (0..model.blocks())
        .map(|cut| {
            let point = Cut { cut: cut as u32, before, after: (total - before).max(0.0), bytes: model.cut_bytes[cut] };
            before += model.work(device)[cut];
            point
        })
        .collect();
    if device == server {
        return (lower_hull(cuts.into_iter()), total);
    }
    let mut after = 0.0;
    for (cut, work) in cuts.iter_mut().zip(model.work(server)).rev() {
        after += work;
        cut.after = after;
    }
    (undominated(&cuts), total)
}

/// The cuts that no other is at least as good as in device work, bytes and server work; the first of equal ones. Device work rises from cut to cut
/// and server work falls, both weakly.
fn undominated(cuts: &[Cut]) -> Vec<Cut> {
    let is_beaten = |at: usize| {
        cuts.iter().enumerate().any(|(other, than)| {
            let (than, cut) = ([than.before, than.bytes, than.after], cuts[at]);
            let cut = [cut.before, cut.bytes, cut.after];
            than.iter().zip(&cut).all(|(than, cut)| than <= cut) && (than != cut || other < at)
        })
    };
    (0..cuts.len()).filter(|at| !is_beaten(*at)).map(|at| cuts[at]).collect()
}

/// The vertices of the lower convex hull of (before, bytes); the points come with `before` rising.
fn lower_hull(points: impl Iterator<Item = Cut>) -> Vec<Cut> {
    let mut hull: Vec<Cut> = Vec::new();
    for point in points {
        if let Some(last) = hull.last().filter(|last| last.before == point.before) {
            if last.bytes <= point.bytes {
                continue;
            }
            hull.pop();
        }
        while let [.., a, b] = hull[..] {
            let turn =
                (b.before - a.before) * (point.bytes - a.bytes) - (b.bytes - a.bytes) * (point.before - a.before);
            if turn > 0.0 {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

/// The first number in 1..=`last` for which `holds` (false, then true), by galloping from `approximate_units`; none if it never does.
fn first(approximate_units: u32, last: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut fails, mut works);
    let mut step = 1;
    if holds(approximate_units) {
        works = approximate_units;
        loop {
            let next = works.saturating_sub(step);
            if next == 0 || !holds(next) {
                fails = next;
                break;
            }
            works = next;
            step = step.saturating_mul(2);
        }
    } else {
        fails = approximate_units;
        loop {
            if fails == last {
                return None;
            }
            let next = fails.saturating_add(step).min(last);
            if holds(next) {
                works = next;
                break;
            }
            fails = next;
            step = step.saturating_mul(2);
        }
    }
    while works - fails > 1 {
        let middle = fails + (works - fails) / 2;
        if holds(middle) { works = middle } else { fails = middle }
    }
    Some(works)
}
