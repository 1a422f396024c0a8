//! Evaluates a solution.
//!
//! ```text
//! T_i(s,f) = sum_{j<=s} work_ij / device_i + [s<k] (rtt_i + cut_bytes_s / uplink_i) + sum_{j>s} work_j / (unit lambda(f))
//! ```
//!
//! Constraints: `shape`, `cut within the chain`, `units within capacity`, `remote work needs units`.

use std::collections::BTreeMap;

use offcut_instances::multiuser::{Instance, Objective, Solution, User};

use crate::interval::{Interval, sum};
use crate::speedup::slowness;
use crate::verdict::Violation;

/// The enclosed objective of a solution, `None` where it is undefined, and all violations.
pub(super) fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
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

    let of_all = Latencies::new(instance);
    let latencies: Vec<Result<Interval, Violation>> = (0..users).map(|i| of_all.checked(solution, i)).collect();
    violations.extend(latencies.iter().filter_map(|latency| latency.as_ref().err().cloned()));
    let latencies: Option<Vec<Interval>> = latencies.into_iter().map(Result::ok).collect();
    let objective = latencies.map(|latencies| match instance.objective {
        Objective::Max => latencies.into_iter().fold(Interval::ZERO, Interval::max),
        Objective::Sum => sum(latencies.into_iter()),
    });
    (objective, violations)
}

/// Device work of the blocks before a cut, and server work of those after it.
type WorkAroundCut = (Interval, Interval);

/// The latencies of an instance, from enclosed prefix sums of the work.
pub(super) struct Latencies<'a> {
    pub(super) instance: &'a Instance,
    /// Device work of the blocks before and server work of the blocks after a cut, for every model and kind of device that a user has. Shape (cuts,).
    work: BTreeMap<(u32, Option<u32>), Vec<WorkAroundCut>>,
}

impl<'a> Latencies<'a> {
    pub(super) fn new(instance: &'a Instance) -> Self {
        let mut work = BTreeMap::new();
        for user in &instance.users {
            work.entry((user.model, user.device.kind)).or_insert_with(|| {
                let model = &instance.models[user.model as usize];
                let add = |total: &mut Interval, work: &f64| {
                    *total = *total + Interval::point(*work);
                    Some(*total)
                };
                let start = || std::iter::once(Interval::ZERO);
                let (device, server) = (model.work(user.device.kind), model.work(instance.server.unit.kind));
                let before = start().chain(device.iter().scan(Interval::ZERO, add));
                let mut after: Vec<_> = start().chain(server.iter().rev().scan(Interval::ZERO, add)).collect();
                after.reverse();
                before.zip(after).collect()
            });
        }
        Self { instance, work }
    }

    /// Device work before and server work after every cut of a user's model. Shape (cuts,).
    pub(super) fn work(&self, user: &User) -> &[WorkAroundCut] {
        &self.work[&(user.model, user.device.kind)]
    }

    /// The latency of user i in a solution.
    ///
    /// # Errors
    /// The violation that leaves it undefined.
    fn checked(&self, solution: &Solution, i: usize) -> Result<Interval, Violation> {
        let user = &self.instance.users[i];
        let (cut, units) = (solution.cut[i] as usize, solution.units[i]);
        let blocks = self.instance.models[user.model as usize].blocks();
        if cut > blocks {
            let at = format!("cut[{i}]: cut {cut} of {blocks} blocks");
            let beyond = (cut - blocks) as f64;
            return Err(Violation::new("cut within the chain", at, beyond, "blocks beyond the last"));
        }
        if units == 0 && cut < blocks {
            let at = format!("users[{i}]: cut {cut} of {blocks} with 0 units");
            let remote = (blocks - cut) as f64;
            return Err(Violation::new("remote work needs units", at, remote, "blocks without a server"));
        }
        Ok(self.latency(user, cut, units))
    }

    /// Latency of a user with a given cut and units, in seconds. Remote work has at least one unit.
    pub(super) fn latency(&self, user: &User, cut: usize, units: u32) -> Interval {
        match self.parts(user, cut) {
            (fixed, None) => fixed,
            (fixed, Some(remote)) => fixed + remote * slowness(&self.instance.server.speedup, units),
        }
    }

    /// A cut's latency without the remote work; and the time of that work with one unit, if there is any.
    pub(super) fn parts(&self, user: &User, cut: usize) -> (Interval, Option<Interval>) {
        let work = self.work(user);
        let (before, after) = work[cut];
        let local = before / Interval::point(user.device.speed);
        if cut + 1 == work.len() {
            return (local, None);
        }
        let bytes = self.instance.models[user.model as usize].cut_bytes[cut];
        let sending = Interval::point(user.rtt_s) + Interval::point(bytes) / Interval::point(user.uplink_bytes_per_s);
        (local + sending, Some(after / Interval::point(self.instance.server.unit.speed)))
    }
}
