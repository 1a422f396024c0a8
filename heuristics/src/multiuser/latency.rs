//! T_i*(f) as the lower envelope of lines.
//!
//! With x = 1/lambda(f) in (0, 1], cutting after block s costs user i the line
//!
//! ```text
//! fixed_s + work_s x,   fixed_s = device work before the cut / device + rtt + cut_bytes_s / uplink,   work_s = server work after it / unit speed
//! ```
//!
//! and all local the constant line with work 0. T_i*(f) is the least of them at x. Only lines that are somewhere on the lower
//! envelope within (0, 1] are kept: two or three per user for real DNNs, 24 bytes each, in one flat array.

use std::collections::BTreeMap;

use offcut_instances::multiuser::{Instance, Objective, Solution, Speedup, User};

/// One cut of one user: `fixed_s + work_s x` seconds.
#[derive(Clone, Copy, Debug)]
struct Line {
    fixed_s: f64,
    work_s: f64,
    cut: u32,
}

/// All users' latencies as functions of their units.
pub(crate) struct Latencies<'a> {
    instance: &'a Instance,
    /// The envelopes, one user after another, work falling within each; the last line of each is all local.
    lines: Vec<Line>,
    /// Where each user's lines begin. Shape (users + 1,).
    first: Vec<u32>,
}

/// Device work before a cut, and server work after it.
type WorkAroundCut = (f64, f64);

/// For each model and kind of device, the device's work before and the server's work after every cut.
#[derive(Default)]
struct Sums(BTreeMap<(u32, Option<u32>), Vec<WorkAroundCut>>);

impl Sums {
    /// Those of a user. Shape (cuts,).
    fn of(&mut self, instance: &Instance, user: &User) -> &[WorkAroundCut] {
        self.0.entry((user.model, user.device.kind)).or_insert_with(|| {
            let model = &instance.models[user.model as usize];
            let (device, server) = (model.work(user.device.kind), model.work(instance.server.unit.kind));
            let before = prefix_sums(device);
            if user.device.kind == instance.server.unit.kind {
                let total = before[model.blocks()];
                return before.into_iter().map(|before| (before, (total - before).max(0.0))).collect();
            }
            let mut after = prefix_sums(server.iter().rev());
            after.reverse();
            before.into_iter().zip(after).collect()
        })
    }
}

/// The sums of the first 0, 1, ... numbers.
fn prefix_sums<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> Vec<f64> {
    let sums = numbers.into_iter().scan(0.0, |total, number| {
        *total += number;
        Some(*total)
    });
    std::iter::once(0.0).chain(sums).collect()
}

impl<'a> Latencies<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        let mut sums = Sums::default();
        let mut lines = Vec::with_capacity(instance.users.len() * 3);
        let mut first = Vec::with_capacity(instance.users.len() + 1);
        let mut envelope = Vec::new();
        for user in &instance.users {
            first.push(u32::try_from(lines.len()).expect("fewer than 2^32 lines"));
            lower_envelope(instance, user, sums.of(instance, user), &mut envelope);
            lines.extend_from_slice(&envelope);
        }
        first.push(u32::try_from(lines.len()).expect("fewer than 2^32 lines"));
        Self { instance, lines, first }
    }

    pub(crate) fn users(&self) -> usize {
        self.instance.users.len()
    }

    /// T_i*(f), in seconds.
    pub(crate) fn best(&self, user: usize, units: u32) -> f64 {
        self.best_line(user, units).0
    }

    /// All local, in seconds.
    pub(crate) fn local(&self, user: usize) -> f64 {
        self.lines[self.first[user + 1] as usize - 1].fixed_s
    }

    /// T_i*(f) and the cut that reaches it.
    fn best_line(&self, user: usize, units: u32) -> (f64, u32) {
        let lines = &self.lines[self.first[user] as usize..self.first[user + 1] as usize];
        let local = lines[lines.len() - 1];
        if units == 0 {
            return (local.fixed_s, local.cut);
        }
        let slowness = slowness(&self.instance.server.speedup, units);
        let mut best = (local.fixed_s, local.cut);
        for line in &lines[..lines.len() - 1] {
            let latency = line.fixed_s + line.work_s * slowness;
            if latency < best.0 {
                best = (latency, line.cut);
            }
        }
        best
    }

    /// The solution with these units and every user's best cut for its units.
    pub(crate) fn with_best_cuts(&self, units: Vec<u32>) -> Solution {
        let cut = units.iter().enumerate().map(|(user, units)| self.best_line(user, *units).1).collect();
        Solution { cut, units }
    }

    /// Latency of a user with a given cut, straight from the instance.
    pub(crate) fn at(&self, user: usize, cut: u32, units: u32) -> f64 {
        latency(self.instance, user, cut, units)
    }

    /// The objective of a feasible solution.
    pub(crate) fn objective(&self, solution: &Solution) -> f64 {
        let latencies = (0..self.users()).map(|user| self.at(user, solution.cut[user], solution.units[user]));
        match self.instance.objective {
            Objective::Max => latencies.fold(0.0, f64::max),
            Objective::Sum => latencies.sum(),
        }
    }
}

/// T_i(s,f) of one user, in seconds.
fn latency(instance: &Instance, user: usize, cut: u32, units: u32) -> f64 {
    let user = &instance.users[user];
    let model = &instance.models[user.model as usize];
    let cut = cut as usize;
    let local = model.work(user.device.kind)[..cut].iter().sum::<f64>() / user.device.speed;
    if cut == model.blocks() {
        return local;
    }
    let sending = user.rtt_s + model.cut_bytes[cut] / user.uplink_bytes_per_s;
    let unit = instance.server.unit;
    let remote = model.work(unit.kind)[cut..].iter().sum::<f64>() / unit.speed;
    local + sending + remote * slowness(&instance.server.speedup, units)
}

/// 1/lambda(f) for f >= 1.
fn slowness(speedup: &Speedup, units: u32) -> f64 {
    match speedup {
        Speedup::Linear => 1.0 / f64::from(units),
        Speedup::Amdahl { parallel_fraction } => 1.0 - parallel_fraction + parallel_fraction / f64::from(units),
        Speedup::Table { speedups } => 1.0 / speedups[(units as usize).min(speedups.len()) - 1],
    }
}

/// A user's lines that are the lowest somewhere in 0 <= x <= 1, the flat one (all local) last.
fn lower_envelope(instance: &Instance, user: &User, sums: &[(f64, f64)], envelope: &mut Vec<Line>) {
    let model = &instance.models[user.model as usize];
    let blocks = model.blocks();
    envelope.clear();
    let local = Line { fixed_s: sums[blocks].0 / user.device.speed, work_s: 0.0, cut: blocks as u32 };
    let remote = (0..blocks).map(|cut| Line {
        fixed_s: sums[cut].0 / user.device.speed + user.rtt_s + model.cut_bytes[cut] / user.uplink_bytes_per_s,
        work_s: sums[cut].1 / instance.server.unit.speed,
        cut: cut as u32,
    });
    // Work falls from line to line, so the envelope, read from x = 0 upwards, runs through the lines in this order.
    for line in remote.chain(std::iter::once(local)) {
        let is_local = line.cut as usize == blocks;
        if !is_local && line.fixed_s >= local.fixed_s {
            continue; // all local is at least as good for every x
        }
        while let Some(last) = envelope.last() {
            if last.fixed_s >= line.fixed_s {
                envelope.pop(); // the new line is below it everywhere
            } else if envelope.len() >= 2 && meet(&envelope[envelope.len() - 2], last) >= meet(last, &line) {
                envelope.pop(); // its neighbours meet below it
            } else {
                break;
            }
        }
        // A line that only wins beyond x = 1 never wins.
        let wins_too_late = envelope.last().is_some_and(|last| !is_local && meet(last, &line) >= 1.0);
        if !wins_too_late {
            envelope.push(line);
        }
    }
}

/// The x at which a flatter line `b`, which starts higher, meets `a`.
fn meet(a: &Line, b: &Line) -> f64 {
    let closing = a.work_s - b.work_s;
    if closing > 0.0 { (b.fixed_s - a.fixed_s) / closing } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offcut_instances::multiuser::{Objective, strategy};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_envelope_is_the_least_over_all_cuts(instance in strategy::instances(4, 9, Objective::Max)) {
            let latencies = Latencies::new(&instance);
            for user in 0..instance.users.len() {
                let blocks = instance.models[instance.users[user].model as usize].blocks() as u32;
                for units in 0..=instance.server.units {
                    let cuts = if units == 0 { blocks..=blocks } else { 0..=blocks };
                    let least = cuts.map(|cut| latency(&instance, user, cut, units)).fold(f64::INFINITY, f64::min);
                    let best = latencies.best(user, units);
                    prop_assert!((best - least).abs() <= 1e-12 * least, "{best} {least}");
                    let (_, cut) = latencies.best_line(user, units);
                    prop_assert!((latencies.at(user, cut, units) - least).abs() <= 1e-12 * least);
                }
            }
        }
    }
}
