//! Judging `lymdo`, straight from the definition.
//!
//! ```text
//! d1 = local macs / f,   d2 = 8 cut_bytes / r(b),   d3 = remote macs / F,   a stage without work dropped
//! deterministic   D = d1 + d2 + d3 + max_i lambda d_i^2 / (2 (1 - lambda d_i))        (what a stage makes wait rises with d_i)
//! exponential     D = sum of d_i / (1 - lambda d_i)
//! energy          E = tau lambda (kappa f^2 local macs + p d2)
//! one slot        V sum_n D_n + sum_n Q_n E_n
//! a horizon       mean_t sum_n D_nt + sum_n overdraft_n max(0, mean_t E_nt - budget_n)
//! ```
//!
//! Constraints: `shape`, `indices exist`, `a resource is a number`, `device speed`, `bandwidth within capacity`, `edge speed within capacity`,
//! `stability` (a stage with work is faster than work arrives, for certain; without arrivals, it is fast at all). With a stage's speed S, its
//! work w and L = lambda w, `1 - lambda d = (S - L) / S`, so nothing is lost where a stage is nearly full. A sum that exceeds
//! its capacity by at most 1e-9, relative, is scaled back into it (module `capacity`), and so is the speed of a device above its greatest: the objective is
//! that of the scaled resources. A larger excess is a violation.
//!
//! **Bounds**: see the module `replay`. What the runner needs to roll a policy out is judged here, too: [`outcome`].

mod approximate_minimizer;
mod replay;
mod stage;

use std::collections::BTreeMap;

use offcut_instances::lymdo::{Allocation, Certificate, Instance, Lymdo, Service, Solution};

use crate::capacity::{Excess, Scale, is_beyond};
use crate::interval::{minus, product, sum};
use crate::{Budget, Checkable, Domain, Intake, Interval, Normalised, Violation};
use stage::{Rate, StageWork};

impl Checkable for Lymdo {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        let (judged, violations) = Trajectory::judged(instance, solution, true);
        (judged.map(|trajectory| trajectory.objective(instance)), violations)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        let constraint = "energy prices are between 0 and what overdrafts are charged";
        let place = |n| format!("energy_s_per_j[{n}]");
        intake.take_all(&mut certificate.energy_s_per_j, Domain::PRICE, constraint, place);
        for (t, tree) in certificate.slots.iter_mut().enumerate() {
            for (at, prices) in tree.prices.iter_mut().enumerate() {
                let both = [&mut prices.bandwidth, &mut prices.edge];
                let place = |_| format!("slots[{t}].prices[{at}]");
                intake.take_all(both, Domain::PRICE, "prices are 0 or numbers above", place);
            }
        }
    }

    fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
        replay::budget(instance, certificate)
    }

    fn replay_normalised(
        instance: &Instance,
        certificate: &Normalised<Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        replay::bound(instance, certificate, budget).map_err(|violation| vec![violation])
    }

    fn as_given(instance: &Instance, solution: &Solution) -> Option<Interval> {
        Trajectory::judged(instance, solution, false).0.map(|trajectory| trajectory.objective(instance))
    }

    /// Delay and energy as means over slots and users; backlogs as the virtual queues have them, as means over users.
    ///
    /// | name | unit | what |
    /// |---|---|---|
    /// | `delay_s` | s | mean delay of a user in a slot |
    /// | `energy_j` | J | mean energy of a user in a slot |
    /// | `spent` | - | energy of all users over the budgets of all |
    /// | `overdraft_j` | J | the most that a user's mean energy is above its budget |
    /// | `overdraft` | - | the same relative to the budget, over users who have one |
    /// | `charge_s` | s | what the objective holds for energy above budgets (horizons) |
    /// | `backlog_j` | J | backlog after a slot, mean over slots |
    /// | `final_backlog_j` | J | backlog after the last slot |
    /// | `drift_s` | s | half the mean square that a user's energy in a slot misses its budget by, over V: B/V |
    ///
    /// `drift_s` is what drift plus penalty, its slots solved exactly, may add to the delay of the best stationary policy that keeps budgets:
    /// the squares telescope. `Q'^2 <= (Q + E - budget)^2`, so from empty queues `V D <= V D* + sum of (E - budget)^2 / 2` in the mean over
    /// any number of slots.
    fn measures(instance: &Instance, solution: &Solution) -> BTreeMap<String, f64> {
        let (Some(trajectory), _) = Trajectory::judged(instance, solution, true) else { return BTreeMap::new() };
        let (users, slots) = (instance.users.len() as f64, instance.slots.len() as f64);
        let mut backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        let (mut total_backlog, mut squares) = (0.0, 0.0);
        for outcome in &trajectory.slots {
            for ((backlog, energy), user) in backlogs.iter_mut().zip(&outcome.energies).zip(&instance.users) {
                let over = energy.middle() - user.energy_budget_j_per_slot;
                squares += over * over;
                *backlog = (*backlog + over).max(0.0);
            }
            total_backlog += backlogs.iter().sum::<f64>();
        }
        let means: Vec<f64> = (0..instance.users.len()).map(|n| trajectory.mean_energy(n).middle()).collect();
        let overdrafts = means.iter().zip(&instance.users);
        let overdrafts = overdrafts.map(|(mean, user)| {
            let budget = user.energy_budget_j_per_slot;
            ((mean - budget).max(0.0), budget)
        });
        let mut measures = BTreeMap::from([
            ("delay_s", trajectory.mean_delay().middle() / users),
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
            measures.insert("charge_s", trajectory.charge(instance).middle());
        }
        measures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What an allocation makes of one slot. Shapes (users,).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Mean end-to-end delay, in seconds.
    pub delays_s: Vec<f64>,
    /// Energy, in J.
    pub energies_j: Vec<f64>,
    /// Time of a task in each stage (device, channel, edge), in seconds; 0 where a stage has no work.
    pub stages_s: Vec<[f64; 3]>,
}

/// What `allocation` makes of the only slot of `slot`.
///
/// # Errors
/// All violations.
///
/// # Panics
/// If `slot` has several slots.
pub fn outcome(slot: &Instance, allocation: &Allocation) -> Result<Outcome, Vec<Violation>> {
    assert_eq!(slot.slots.len(), 1, "one slot at a time");
    let mut found = Vec::new();
    let judged = SlotOutcome::judged(slot, &works(slot), 0, allocation, true, &mut found);
    match judged {
        Some(outcome) if found.is_empty() => Ok(Outcome {
            delays_s: outcome.delays.iter().map(|delay| delay.middle()).collect(),
            energies_j: outcome.energies.iter().map(|energy| energy.middle()).collect(),
            stages_s: outcome.stages.iter().map(|stages| stages.map(Interval::middle)).collect(),
        }),
        _ => Err(found),
    }
}

/// What every cut of every model leaves to whom.
fn works(instance: &Instance) -> Vec<Vec<StageWork>> {
    instance.models.iter().map(StageWork::of_cuts).collect()
}

/// One slot, judged.
struct SlotOutcome {
    delays: Vec<Interval>,
    energies: Vec<Interval>,
    stages: Vec<[Interval; 3]>,
}

impl SlotOutcome {
    /// None, and at least one violation, if something is not defined. `scales` says whether resources are scaled back into capacities or taken as
    /// they are.
    fn judged(
        instance: &Instance,
        works: &[Vec<StageWork>],
        t: usize,
        allocation: &Allocation,
        scales: bool,
        found: &mut Vec<Violation>,
    ) -> Option<Self> {
        let users = instance.users.len();
        let Allocation { cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s } = allocation;
        let speeds = [
            ("local_macs_per_s", local_macs_per_s),
            ("bandwidth_hz", bandwidth_hz),
            ("edge_macs_per_s", edge_macs_per_s),
        ];
        if cuts.len() != users || speeds.iter().any(|(_, speeds)| speeds.len() != users) {
            found.push(Violation::new("shape", format!("slots[{t}] has one entry per user"), 1.0, "entry"));
            return None;
        }
        let before = found.len();
        for (n, user) in instance.users.iter().enumerate() {
            if cuts[n] as usize >= works[user.model as usize].len() {
                found.push(Violation::new("indices exist", format!("slots[{t}].cuts[{n}]"), 1.0, "entry"));
            }
            for (field, speeds) in speeds {
                if speeds[n] != 0.0 && !(1e-60..=1e60).contains(&speeds[n]) {
                    let at = format!("slots[{t}].{field}[{n}]");
                    found.push(Violation::new("a resource is a number", at, 1.0, "entry"));
                }
            }
        }
        if found.len() > before {
            return None;
        }
        // What brings shares within capacity.
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
        let bandwidth_scale = scale("bandwidth within capacity", "Hz", bandwidth_hz, instance.bandwidth_hz);
        let edge_scale = scale("edge speed within capacity", "MAC/s", edge_macs_per_s, instance.edge_macs_per_s);
        let mut outcome = Self {
            delays: Vec::with_capacity(users),
            energies: Vec::with_capacity(users),
            stages: Vec::with_capacity(users),
        };
        let mut is_defined = true;
        for (n, user) in instance.users.iter().enumerate() {
            let slot = &instance.slots[t];
            let arrivals = slot.arrivals_per_s[n];
            let work = &works[user.model as usize][cuts[n] as usize];
            let (mut speed, fastest) = (local_macs_per_s[n], user.max_macs_per_s);
            if is_beyond(speed, fastest) {
                let at = format!("slots[{t}].local_macs_per_s[{n}]");
                found.push(Violation::new("device speed", at, speed - fastest, "MAC/s"));
            } else if scales {
                speed = speed.min(fastest);
            }
            let rate = Rate::new(instance, user, slot.gains[n]);
            let bandwidth = bandwidth_scale.share(bandwidth_hz[n]);
            let stages = [
                ("local", "MAC/s", work.local, Interval::point(speed)),
                ("channel", "bit/s", Interval::point(work.bits), rate.at(bandwidth)),
                ("edge", "MAC/s", work.remote, edge_scale.share(edge_macs_per_s[n])),
            ];
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
            outcome.delays.push(delay + waiting);
            outcome.energies.push(product(instance.slot_s, arrivals) * of_task);
            outcome.stages.push(times);
        }
        is_defined.then_some(outcome)
    }
}

/// A solution, judged.
struct Trajectory {
    slots: Vec<SlotOutcome>,
}

impl Trajectory {
    /// None, and at least one violation, if something is not defined.
    fn judged(instance: &Instance, solution: &Solution, scales: bool) -> (Option<Self>, Vec<Violation>) {
        if solution.slots.len() != instance.slots.len() {
            let off = solution.slots.len().abs_diff(instance.slots.len());
            let at = "slots has one entry per slot";
            return (None, vec![Violation::new("shape", at, off as f64, "slots")]);
        }
        let mut found = Vec::new();
        let works = works(instance);
        let judged = solution.slots.iter().enumerate();
        let judged =
            judged.map(|(t, allocation)| SlotOutcome::judged(instance, &works, t, allocation, scales, &mut found));
        // All slots are looked at, whatever the first ones are.
        let judged: Vec<Option<SlotOutcome>> = judged.collect();
        let slots: Option<Vec<SlotOutcome>> = judged.into_iter().collect();
        (slots.map(|slots| Self { slots }), found)
    }

    /// Delay, summed over users, as a mean over slots.
    fn mean_delay(&self) -> Interval {
        sum(self.slots.iter().flat_map(|slot| slot.delays.iter().copied())) / Interval::point(self.slots.len() as f64)
    }

    fn mean_energy(&self, n: usize) -> Interval {
        sum(self.slots.iter().map(|slot| slot.energies[n])) / Interval::point(self.slots.len() as f64)
    }

    fn charge(&self, instance: &Instance) -> Interval {
        sum(instance.users.iter().enumerate().map(|(n, user)| {
            let over = minus(self.mean_energy(n), Interval::point(user.energy_budget_j_per_slot));
            Interval::point(user.overdraft_s_per_j) * over
        }))
    }

    fn objective(&self, instance: &Instance) -> Interval {
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
}

#[cfg(test)]
mod tests;
