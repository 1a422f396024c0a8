//! Evaluates a solution.
//!
//! ```text
//! d1 = local work / f,   d2 = 8 cut_bytes / r(b),   d3 = remote work / F,   a stage without work dropped
//! deterministic   D = d1 + d2 + d3 + max_i lambda d_i^2 / (2 (1 - lambda d_i))        (the waiting time of a stage rises with d_i)
//! exponential     D = sum of d_i / (1 - lambda d_i)
//! energy          E = tau lambda (kappa f^2 local work + p d2)
//! one slot        V sum_n D_n + sum_n Q_n E_n
//! a horizon       mean_t sum_n D_nt + sum_n overdraft_n max(0, mean_t E_nt - budget_n)
//! ```
//!
//! Constraints: `shape`, `indices exist`, `a resource is a number`, `device speed`, `bandwidth within capacity`, `edge speed within capacity`,
//! `stability` (a stage with work is certainly faster than its work arrives; without arrivals its speed is above 0). With a stage's speed S, its
//! work w and L = lambda w, `1 - lambda d = (S - L) / S`, so no precision is lost where a stage is nearly full. A sum that exceeds
//! its capacity by at most 1e-9 (relative) is scaled back into it (module `capacity`), and so is the speed of a device above its maximum: the objective is
//! that of the scaled resources. A larger excess is a violation.

use std::collections::BTreeMap;

use offcut_instances::lymdo::{Allocation, Instance, Service, Solution};

use super::stage::{Rate, StageWork, WorkOfCuts};
use crate::capacity::{Excess, Scale, is_beyond};
use crate::interval::{Interval, minus, product, sum};
use crate::verdict::Violation;

/// Delays and energies of one slot under an allocation. Shapes (users,).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Mean end-to-end delay, in seconds.
    pub delays_s: Vec<f64>,
    /// Energy, in J.
    pub energies_j: Vec<f64>,
    /// Time of a task in each stage (device, channel, edge), in seconds; 0 where a stage has no work.
    pub stages_s: Vec<[f64; 3]>,
}

/// Delays and energies under `allocation` in the only slot of `slot`.
///
/// # Errors
/// All violations.
///
/// # Panics
/// If `slot` has several slots.
pub fn outcome(slot: &Instance, allocation: &Allocation) -> Result<Outcome, Vec<Violation>> {
    assert_eq!(slot.slots.len(), 1, "one slot at a time");
    let mut found = Vec::new();
    match SlotOutcome::evaluate(slot, &WorkOfCuts::new(slot), 0, allocation, true, &mut found) {
        Some(outcome) if found.is_empty() => Ok(Outcome {
            delays_s: outcome.delays.iter().map(|delay| delay.middle()).collect(),
            energies_j: outcome.energies.iter().map(|energy| energy.middle()).collect(),
            stages_s: outcome.stages.iter().map(|stages| stages.map(Interval::middle)).collect(),
        }),
        _ => Err(found),
    }
}

/// One slot, evaluated.
struct SlotOutcome {
    delays: Vec<Interval>,
    energies: Vec<Interval>,
    stages: Vec<[Interval; 3]>,
}

impl SlotOutcome {
    /// `None`, and at least one violation, if something is not defined. `scales` says whether resources are scaled back into capacities or taken as
    /// given.
    fn evaluate(
        instance: &Instance,
        work: &WorkOfCuts,
        t: usize,
        allocation: &Allocation,
        scales: bool,
        found: &mut Vec<Violation>,
    ) -> Option<Self> {
        if !check_entries(instance, work, t, allocation, found) {
            return None;
        }
        // The factors that bring shares within capacity.
        let mut scale =
            |constraint: &str, unit: &str, shares: &[f64], most: f64| match Scale::within(shares.iter().copied(), most)
            {
                Ok(scale) if scales => scale,
                Ok(_) => Scale::ONE,
                Err(Excess(over)) => {
                    found.push(Violation::new(constraint, format!("slots[{t}]"), over, unit));
                    Scale::ONE
                }
            };
        let Allocation { bandwidth_hz, edge_macs_per_s, .. } = allocation;
        let bandwidth = scale("bandwidth within capacity", "Hz", bandwidth_hz, instance.bandwidth_hz);
        let edge = scale("edge speed within capacity", "MAC/s", edge_macs_per_s, instance.edge().speed);
        let scale = scales.then_some([bandwidth, edge]);
        let users = instance.users.len();
        let mut outcome = Self {
            delays: Vec::with_capacity(users),
            energies: Vec::with_capacity(users),
            stages: Vec::with_capacity(users),
        };
        let mut is_defined = true;
        for (n, user) in instance.users.iter().enumerate() {
            let work = &work.of(user)[allocation.cuts[n] as usize];
            is_defined &= outcome.add_user(instance, t, n, work, allocation, scale, found);
        }
        is_defined.then_some(outcome)
    }

    /// Adds a user. Whether all its stages are stable; `scale` holds the factors of bandwidth and edge speed, `None` if nothing is scaled.
    #[expect(clippy::too_many_arguments, reason = "a user's place, its data and its resources")]
    fn add_user(
        &mut self,
        instance: &Instance,
        t: usize,
        n: usize,
        work: &StageWork,
        allocation: &Allocation,
        scale: Option<[Scale; 2]>,
        found: &mut Vec<Violation>,
    ) -> bool {
        let (user, slot) = (&instance.users[n], &instance.slots[t]);
        let arrivals = slot.arrivals_per_s[n];
        let (mut speed, fastest) = (allocation.local_macs_per_s[n], user.device.speed);
        if is_beyond(speed, fastest) {
            let at = format!("slots[{t}].local_macs_per_s[{n}]");
            found.push(Violation::new("device speed", at, speed - fastest, "MAC/s"));
        } else if scale.is_some() {
            speed = speed.min(fastest);
        }
        let rate = Rate::new(instance, user, slot.gains[n]);
        let [bandwidth, edge] = scale.unwrap_or([Scale::ONE; 2]);
        let stages = [
            ("local", "MAC/s", work.local, Interval::point(speed)),
            ("channel", "bit/s", Interval::point(work.bits), rate.at(bandwidth.share(allocation.bandwidth_hz[n]))),
            ("edge", "MAC/s", work.remote, edge.share(allocation.edge_macs_per_s[n])),
        ];
        let mut is_defined = true;
        let mut times = [Interval::ZERO; 3];
        let (mut delay, mut waiting) = (Interval::ZERO, Interval::ZERO);
        for (time, (stage, unit, work, speed)) in times.iter_mut().zip(stages) {
            if work == Interval::ZERO {
                continue;
            }
            let arriving = work.arriving(arrivals);
            let left = minus(speed, arriving);
            if left.low() <= 0.0 {
                let short = arriving.high() - speed.low();
                found.push(Violation::new("stability", format!("slots[{t}], user {n}, {stage}"), short, unit));
                is_defined = false;
                continue;
            }
            *time = work / speed;
            match instance.service {
                Service::Exponential => delay = delay + work / left,
                Service::Deterministic => {
                    delay = delay + *time;
                    waiting = waiting.max(*time * arriving / (Interval::point(2.0) * left));
                }
            }
        }
        let computing = Interval::point(user.energy_per_mac_coeff) * product(speed, speed) * work.local;
        let sending = Interval::point(user.tx_power_w) * times[1];
        let of_task = if work.local == Interval::ZERO { sending } else { computing + sending };
        self.delays.push(delay + waiting);
        self.energies.push(product(instance.slot_s, arrivals) * of_task);
        self.stages.push(times);
        is_defined
    }
}

/// Whether an allocation has the shape of its instance, and all cuts and numbers are possible; if not, with the violations.
fn check_entries(
    instance: &Instance,
    work: &WorkOfCuts,
    t: usize,
    allocation: &Allocation,
    found: &mut Vec<Violation>,
) -> bool {
    let users = instance.users.len();
    let Allocation { cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s } = allocation;
    let resources =
        [("local_macs_per_s", local_macs_per_s), ("bandwidth_hz", bandwidth_hz), ("edge_macs_per_s", edge_macs_per_s)];
    if cuts.len() != users || resources.iter().any(|(_, values)| values.len() != users) {
        found.push(Violation::new("shape", format!("slots[{t}] has one entry per user"), 1.0, "entry"));
        return false;
    }
    let before = found.len();
    for (n, user) in instance.users.iter().enumerate() {
        if cuts[n] as usize >= work.of(user).len() {
            found.push(Violation::new("indices exist", format!("slots[{t}].cuts[{n}]"), 1.0, "entry"));
        }
        for (field, values) in resources {
            if values[n] != 0.0 && !(1e-60..=1e60).contains(&values[n]) {
                let at = format!("slots[{t}].{field}[{n}]");
                found.push(Violation::new("a resource is a number", at, 1.0, "entry"));
            }
        }
    }
    found.len() == before
}

/// A solution, evaluated.
pub(super) struct Trajectory {
    slots: Vec<SlotOutcome>,
}

impl Trajectory {
    /// `None`, and at least one violation, if something is not defined. `scales` as for a slot.
    pub(super) fn evaluate(instance: &Instance, solution: &Solution, scales: bool) -> (Option<Self>, Vec<Violation>) {
        if solution.slots.len() != instance.slots.len() {
            let off = solution.slots.len().abs_diff(instance.slots.len());
            let at = "slots has one entry per slot";
            return (None, vec![Violation::new("shape", at, off as f64, "slots")]);
        }
        let mut found = Vec::new();
        let work = WorkOfCuts::new(instance);
        let slots = solution.slots.iter().enumerate();
        let slots =
            slots.map(|(t, allocation)| SlotOutcome::evaluate(instance, &work, t, allocation, scales, &mut found));
        // All slots are evaluated, so that all violations are found.
        let slots: Vec<Option<SlotOutcome>> = slots.collect();
        let slots: Option<Vec<SlotOutcome>> = slots.into_iter().collect();
        (slots.map(|slots| Self { slots }), found)
    }

    /// Delay, summed over users, as a mean over slots.
    fn mean_delay(&self) -> Interval {
        sum(self.slots.iter().flat_map(|slot| slot.delays.iter().copied())) / Interval::point(self.slots.len() as f64)
    }

    fn mean_energy(&self, n: usize) -> Interval {
        sum(self.slots.iter().map(|slot| slot.energies[n])) / Interval::point(self.slots.len() as f64)
    }

    /// The penalty of energy above the budgets.
    fn charge(&self, instance: &Instance) -> Interval {
        sum(instance.users.iter().enumerate().map(|(n, user)| {
            let over = minus(self.mean_energy(n), Interval::point(user.energy_budget_j_per_slot));
            Interval::point(user.overdraft_s_per_j) * over
        }))
    }

    pub(super) fn objective(&self, instance: &Instance) -> Interval {
        match &self.slots[..] {
            [slot] => {
                let delay = sum(slot.delays.iter().copied());
                let energy = slot.energies.iter().zip(&instance.users);
                Interval::point(instance.v) * delay
                    + sum(energy.map(|(energy, user)| Interval::point(user.backlog_j) * *energy))
            }
            _ => self.mean_delay() + self.charge(instance),
        }
    }

    /// See [`Checkable::measures`](crate::Checkable::measures) of `lymdo`.
    pub(super) fn measures(&self, instance: &Instance) -> BTreeMap<String, f64> {
        let (users, slots) = (instance.users.len() as f64, instance.slots.len() as f64);
        let mut backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        let (mut total_backlog, mut squares) = (0.0, 0.0);
        for outcome in &self.slots {
            for ((backlog, energy), user) in backlogs.iter_mut().zip(&outcome.energies).zip(&instance.users) {
                let over = energy.middle() - user.energy_budget_j_per_slot;
                squares += over * over;
                *backlog = (*backlog + over).max(0.0);
            }
            total_backlog += backlogs.iter().sum::<f64>();
        }
        let means: Vec<f64> = (0..instance.users.len()).map(|n| self.mean_energy(n).middle()).collect();
        let overdrafts = means.iter().zip(&instance.users);
        let overdrafts = overdrafts.map(|(mean, user)| {
            let budget = user.energy_budget_j_per_slot;
            ((mean - budget).max(0.0), budget)
        });
        let mut measures = BTreeMap::from([
            ("delay_s", self.mean_delay().middle() / users),
            ("energy_j", means.iter().sum::<f64>() / users),
            ("overdraft_j", overdrafts.clone().map(|(over, _)| over).fold(0.0, f64::max)),
            ("backlog_j", total_backlog / slots / users),
            ("final_backlog_j", backlogs.iter().sum::<f64>() / users),
            ("drift_s", 0.5 * squares / slots / users / instance.v),
        ]);
        let budgets: f64 = instance.users.iter().map(|user| user.energy_budget_j_per_slot).sum();
        if budgets > 0.0 {
            measures.insert("spent", means.iter().sum::<f64>() / budgets);
        }
        if let Some(most) =
            overdrafts.filter(|(_, budget)| *budget > 0.0).map(|(over, budget)| over / budget).reduce(f64::max)
        {
            measures.insert("overdraft", most);
        }
        if instance.slots.len() > 1 {
            measures.insert("charge_s", self.charge(instance).middle());
        }
        measures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
