//! This crate's own arithmetic: the cost of a slot, stage by stage.
//!
//! ```text
//! d1 = M/f, d2 = c/r(b), d3 = R/F                                    M, c, R: work of the three stages at a cut
//! deterministic   D = d1 + d2 + d3 + h(max d),   h(d) = lambda d^2 / (2 (1 - lambda d))
//! exponential     D = sum of d / (1 - lambda d)
//! energy          E = tau lambda (kappa M f^2 + p d2)
//! a slot costs    V sum D + sum Q E
//! ```
//!
//! The weights V and Q are fields of [`Load`], so that a method with other prices of energy (`myopic`) uses the same
//! arithmetic.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | lambda_n | `arrivals_per_s` | 1/s | (users,) |
//! | V, Q_n | `delay_weight`, `energy_weight` | objective/s, objective/J | (users,) |
//! | M, 8 cut_bytes, R | `local_macs`, `bits`, `remote_macs` | MAC (or s at the kind's nominal speed), bit, MAC (or s) | (users, cuts) |
//! | W, edge speed | `bandwidth_hz`, `edge_macs_per_s` | Hz, MAC/s | scalar |

use std::collections::HashMap;

use offcut_instances::lymdo::{Allocation, Instance, Service};

use super::link::Link;

/// What a cut asks of the three stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StageWork {
    pub(super) local_macs: f64,
    pub(super) bits: f64,
    pub(super) remote_macs: f64,
}

/// A user in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Index into [`Costs`]' works: one entry for each model and kind of device.
    works: usize,
    pub(super) arrivals_per_s: f64,
    pub(super) delay_weight: f64,
    pub(super) energy_weight: f64,
    /// Tasks in the slot.
    pub(super) tasks: f64,
    pub(super) energy_per_mac_coeff: f64,
    pub(super) tx_power_w: f64,
    pub(super) max_macs_per_s: f64,
    pub(super) budget_j: f64,
    pub(super) link: Link,
}

/// What one user gets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Share {
    pub(super) local_macs_per_s: f64,
    pub(super) bandwidth_hz: f64,
    pub(super) edge_macs_per_s: f64,
}

/// A slot.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    pub(super) service: Service,
    pub(super) bandwidth_hz: f64,
    pub(super) edge_macs_per_s: f64,
    pub(super) loads: Vec<Load>,
    /// By model and kind of device, then cut.
    works: Vec<Vec<StageWork>>,
}

/// The work of user `n`'s model, for every cut.
fn work_of_cuts(slot: &Instance, n: usize) -> Vec<StageWork> {
    let (device, edge) = (slot.device_work(n), slot.edge_work(n));
    let mut local = 0.0;
    let mut before = vec![0.0];
    before.extend(device.iter().map(|work| {
        local += work;
        local
    }));
    // Summed from the end, so that the last cut leaves exactly nothing.
    let mut after = vec![0.0; before.len()];
    for j in (0..edge.len()).rev() {
        after[j] = after[j + 1] + edge[j];
    }
    let cut_bytes = &slot.models[slot.users[n].model as usize].cut_bytes;
    let cut = |m: usize| StageWork { local_macs: before[m], bits: 8.0 * cut_bytes[m], remote_macs: after[m] };
    (0..before.len()).map(cut).collect()
}

/// Time in an M/D/1 queue before a stage of `time_s`; none if it is not stable.
pub(super) fn wait_s(arrivals_per_s: f64, time_s: f64) -> Option<f64> {
    let idle = 1.0 - arrivals_per_s * time_s;
    (idle > 0.0).then(|| arrivals_per_s * time_s * time_s / (2.0 * idle))
}

impl Costs {
    /// The numbers of an instance of one slot.
    pub(super) fn new(slot: &Instance) -> Self {
        let (mut works, mut known) = (Vec::new(), HashMap::new());
        let load = |n: usize| {
            let user = &slot.users[n];
            let of_cuts = *known.entry((user.model, user.device.kind)).or_insert_with(|| {
                works.push(work_of_cuts(slot, n));
                works.len() - 1
            });
            let arrivals_per_s = slot.slots[0].arrivals_per_s[n];
            Load {
                works: of_cuts,
                arrivals_per_s,
                delay_weight: slot.v,
                energy_weight: user.backlog_j,
                tasks: slot.slot_s * arrivals_per_s,
                energy_per_mac_coeff: user.energy_per_mac_coeff,
                tx_power_w: user.tx_power_w,
                max_macs_per_s: user.device.speed,
                budget_j: user.energy_budget_j_per_slot,
                link: Link::new(slot, n),
            }
        };
        Self {
            service: slot.service,
            bandwidth_hz: slot.bandwidth_hz,
            edge_macs_per_s: slot.edge().speed,
            loads: (0..slot.users.len()).map(load).collect(),
            works,
        }
    }

    /// What one user has if bandwidth and edge speed are shared equally.
    pub(super) fn fair_share(&self) -> Self {
        let users = self.users() as f64;
        let (bandwidth_hz, edge_macs_per_s) = (self.bandwidth_hz / users, self.edge_macs_per_s / users);
        Self { bandwidth_hz, edge_macs_per_s, ..self.clone() }
    }

    pub(super) fn users(&self) -> usize {
        self.loads.len()
    }

    /// The cuts of user `n`, from sending the input to computing everything.
    pub(super) fn works(&self, n: usize) -> &[StageWork] {
        &self.works[self.loads[n].works]
    }

    pub(super) fn work(&self, n: usize, cut: u32) -> &StageWork {
        &self.works(n)[cut as usize]
    }

    /// Stage times of user `n`, in seconds, each with its work; 0 for a stage without. None if a stage with work gets
    /// nothing.
    fn stages_s(&self, n: usize, work: &StageWork, share: &Share) -> Option<[f64; 3]> {
        let rate = if share.bandwidth_hz > 0.0 { self.loads[n].link.rate(share.bandwidth_hz) } else { 0.0 };
        let stage = |work: f64, speed: f64| match (work > 0.0, speed > 0.0) {
            (false, _) => Some(0.0),
            (true, true) => Some(work / speed),
            (true, false) => None,
        };
        Some([
            stage(work.local_macs, share.local_macs_per_s)?,
            stage(work.bits, rate)?,
            stage(work.remote_macs, share.edge_macs_per_s)?,
        ])
    }

    /// Delay of user `n`, in seconds; none if a stage is not stable.
    pub(super) fn delay_s(&self, n: usize, work: &StageWork, share: &Share) -> Option<f64> {
        let stages = self.stages_s(n, work, share)?;
        let lambda = self.loads[n].arrivals_per_s;
        match self.service {
            Service::Deterministic => {
                let slowest = stages.into_iter().fold(0.0, f64::max);
                Some(stages.iter().sum::<f64>() + wait_s(lambda, slowest)?)
            }
            Service::Exponential => {
                stages.into_iter().map(|time| (lambda * time < 1.0).then(|| time / (1.0 - lambda * time))).sum()
            }
        }
    }

    /// Energy of user `n` in the slot, in J; none if it sends and has no rate.
    pub(super) fn energy_j(&self, n: usize, work: &StageWork, share: &Share) -> Option<f64> {
        let load = &self.loads[n];
        let [_, sending_s, _] = self.stages_s(n, work, share)?;
        let speed = share.local_macs_per_s;
        let computing_j =
            if work.local_macs > 0.0 { load.energy_per_mac_coeff * work.local_macs * speed * speed } else { 0.0 };
        Some(load.tasks * (computing_j + load.tx_power_w * sending_s))
    }

    /// `V D + Q E` of user `n`.
    pub(super) fn user(&self, n: usize, work: &StageWork, share: &Share) -> Option<f64> {
        let load = &self.loads[n];
        let energy = load.energy_weight * self.energy_j(n, work, share)?;
        Some(load.delay_weight * self.delay_s(n, work, share)? + energy)
    }

    /// What the slot costs; none if somebody is not stable.
    pub(super) fn value(&self, cuts: &[u32], shares: &[Share]) -> Option<f64> {
        (0..self.users()).map(|n| self.user(n, self.work(n, cuts[n]), &shares[n])).sum()
    }
}

/// Decisions as a policy returns them.
pub(super) fn allocation(cuts: &[u32], shares: &[Share]) -> Allocation {
    Allocation {
        cuts: cuts.to_vec(),
        local_macs_per_s: shares.iter().map(|share| share.local_macs_per_s).collect(),
        bandwidth_hz: shares.iter().map(|share| share.bandwidth_hz).collect(),
        edge_macs_per_s: shares.iter().map(|share| share.edge_macs_per_s).collect(),
    }
}
