//! A slot as the exact side computes with it: one row of numbers per user and cut, in units in which what is shared is 1.
//!
//! Bandwidth is in units of W, edge speed in units of the edge's, a device's speed in units of its greatest, and the objective is divided by
//! V: delays keep weight 1, everything is in seconds, and prices are seconds for all that there is of a resource.
//!
//! ```text
//! local    d1 = m / u,        0 < u <= 1      m = local macs / max
//! air      d2 = c / rho(x),   0 < x <= 1      shannon: c = 8 ln 2 bytes / W, rho = x ln(1 + s/x), s = p h / (N0 W)
//!                                             fixed:   c = 8 bytes / (e W),  rho = x
//! edge     d3 = r / y,        0 < y <= 1      r = remote macs / edge speed
//! energy   Q E / V = a u^2 + q d2             a = Q tau lambda kappa (local macs) max^2 / V,  q = Q tau lambda p / V
//! ```
//!
//! A pair is a user with one of its cuts. The pairs of a user stand side by side, cut 0 first.

use std::ops::Range;

use offcut_instances::lymdo::{Allocation, Instance, RateLaw, Service};

use super::user_subproblem::{Point, least_share};

/// The numbers of a slot.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) service: Service,
    pub(super) is_shannon: bool,
    /// Where each user's pairs begin, and where the last one's end. Shape (users+1,).
    first: Vec<usize>,
    /// The user of each pair. Shape (pairs,).
    pub(super) user: Vec<u32>,
    /// Tasks per second. Shape (users,).
    pub(super) lambda: Vec<f64>,
    /// s: signal to noise with all of the bandwidth; 1 where the law is fixed. Shape (users,).
    pub(super) snr: Vec<f64>,
    /// 1 + q: what a second of sending costs. Shape (users,).
    pub(super) airtime: Vec<f64>,
    /// m, in seconds. Shape (pairs,).
    pub(super) local: Vec<f64>,
    /// c, in seconds. Shape (pairs,).
    pub(super) air: Vec<f64>,
    /// r, in seconds. Shape (pairs,).
    pub(super) edge: Vec<f64>,
    /// Joules of a task on the device at its greatest speed. Shape (pairs,).
    joules: Vec<f64>,
    /// a, in seconds. Shape (pairs,).
    pub(super) heat: Vec<f64>,
    /// The share of the bandwidth at which sending is just not stable; infinite if all of it is not enough. Shape (pairs,).
    pub(super) least_bandwidth: Vec<f64>,
    /// The same of the edge. Shape (pairs,).
    pub(super) least_edge: Vec<f64>,
    /// What the local stage alone would take: its time in the system (exponential) or its service time (deterministic), in seconds.
    /// Infinite if the device is too slow. Shape (pairs,).
    pub(super) alone: Vec<f64>,
}

impl Slot {
    /// The numbers of slot 0 with its own V and backlogs.
    pub(super) fn new(instance: &Instance) -> Self {
        let backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        let mut slot = Self::of_system(instance);
        slot.set(instance, 0, instance.v, &backlogs);
        slot
    }

    /// What all slots have in common; [`Slot::set`] has to follow.
    pub(super) fn of_system(instance: &Instance) -> Self {
        let (mut first, mut user) = (vec![0], Vec::new());
        let (mut local, mut air, mut edge, mut joules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let per_byte = match instance.rate_law {
            RateLaw::Shannon => 8.0 * std::f64::consts::LN_2 / instance.bandwidth_hz,
            RateLaw::Fixed { bit_per_s_per_hz } => 8.0 / (bit_per_s_per_hz * instance.bandwidth_hz),
        };
        for (n, device) in instance.users.iter().enumerate() {
            let model = &instance.models[device.model as usize];
            let blocks = model.blocks();
            // Sums from both ends: the last cut leaves the edge exactly nothing.
            let mut done = 0.0;
            let mut rest: Vec<f64> = vec![0.0; blocks + 1];
            for m in (0..blocks).rev() {
                rest[m] = rest[m + 1] + model.macs[m];
            }
            for (m, rest) in rest.into_iter().enumerate() {
                user.push(n as u32);
                local.push(done / device.max_macs_per_s);
                air.push(model.cut_bytes[m] * per_byte);
                edge.push(rest / instance.edge_macs_per_s);
                joules.push(device.energy_per_mac_coeff * device.max_macs_per_s * device.max_macs_per_s * done);
                done += model.macs.get(m).copied().unwrap_or(0.0);
            }
            first.push(user.len());
        }
        let (users, pairs) = (instance.users.len(), user.len());
        Self {
            service: instance.service,
            is_shannon: instance.rate_law == RateLaw::Shannon,
            first,
            user,
            lambda: vec![0.0; users],
            snr: vec![1.0; users],
            airtime: vec![1.0; users],
            local,
            air,
            edge,
            joules,
            heat: vec![0.0; pairs],
            least_bandwidth: vec![0.0; pairs],
            least_edge: vec![0.0; pairs],
            alone: vec![0.0; pairs],
        }
    }

    /// Takes the numbers of slot `t`, with delays weighted by `v` and joules by `per_joule`. Shape (users,).
    pub(super) fn set(&mut self, instance: &Instance, t: usize, v: f64, per_joule: &[f64]) {
        for (n, device) in instance.users.iter().enumerate() {
            self.lambda[n] = instance.slots[t].arrivals_per_s[n];
            if self.is_shannon {
                let noise = instance.noise_w_per_hz * instance.bandwidth_hz;
                self.snr[n] = device.tx_power_w * (instance.slots[t].gains[n] / noise);
            }
            for i in self.pairs(n) {
                self.least_edge[i] = self.lambda[n] * self.edge[i];
                self.least_bandwidth[i] =
                    least_share(self.is_shannon, self.snr[n], self.lambda[n] * self.air[i], self.air[i]);
            }
        }
        self.weigh(instance, v, per_joule);
    }

    /// Weighs joules anew in the slot that it has.
    pub(super) fn weigh(&mut self, instance: &Instance, v: f64, per_joule: &[f64]) {
        for (n, device) in instance.users.iter().enumerate() {
            let tasks = per_joule[n] * instance.slot_s * self.lambda[n] / v;
            self.airtime[n] = 1.0 + tasks * device.tx_power_w;
            for i in self.pairs(n) {
                self.heat[i] = tasks * self.joules[i];
                self.alone[i] =
                    super::user_subproblem::alone(self.service, self.lambda[n], self.local[i], self.heat[i]);
            }
        }
    }

    pub(super) fn users(&self) -> usize {
        self.lambda.len()
    }

    /// The pairs of user `n`.
    pub(super) fn pairs(&self, n: usize) -> Range<usize> {
        self.first[n]..self.first[n + 1]
    }

    /// All pairs.
    pub(super) fn all(&self) -> usize {
        self.user.len()
    }

    /// The cut of a pair.
    pub(super) fn cut(&self, pair: usize) -> u32 {
        (pair - self.first[self.user[pair] as usize]) as u32
    }

    /// Whether the user, had it everything that is shared, could work with this cut.
    pub(super) fn is_usable(&self, pair: usize) -> bool {
        self.alone[pair] < f64::INFINITY && self.least_bandwidth[pair] < 1.0 && self.least_edge[pair] < 1.0
    }

    /// What a pair spends in a slot of `slot_s` seconds with what it takes at `point`, in joules.
    pub(super) fn joules(&self, pair: usize, point: &Point, slot_s: f64, tx_power_w: f64) -> f64 {
        let n = self.user[pair] as usize;
        let x = point.bandwidth;
        let rate = if self.is_shannon && x > 0.0 { x * (self.snr[n] / x).ln_1p() } else { x };
        let sent = if self.air[pair] > 0.0 { self.air[pair] / rate } else { 0.0 };
        slot_s * self.lambda[n] * (self.joules[pair] * point.local * point.local + tx_power_w * sent)
    }

    /// Whether what stability needs leaves some of everything. `pairs` has one per user.
    pub(super) fn is_stable(&self, pairs: &[u32]) -> bool {
        let need = |of: &[f64]| pairs.iter().map(|i| of[*i as usize]).sum::<f64>();
        let usable = pairs.iter().all(|i| self.is_usable(*i as usize));
        usable && need(&self.least_bandwidth) < 1.0 - ROUND && need(&self.least_edge) < 1.0 - ROUND
    }
}

/// Less than this of a resource is no room: sums of shares are rounded.
const ROUND: f64 = 1e-12;

/// Decisions in the units of the instance, with sums that are not above what there is, whatever the order of addition.
pub(super) fn allocation(
    instance: &Instance,
    cuts: Vec<u32>,
    local: &[f64],
    bandwidth: &[f64],
    edge: &[f64],
) -> Allocation {
    let share = |shares: &[f64], all: f64| {
        let mut given: Vec<f64> = shares.iter().map(|share| share * all).collect();
        // Each term and each addition is off by at most half an ulp.
        let slack = 1.0 + (given.len() as f64 + 2.0) * f64::EPSILON;
        let total = given.iter().sum::<f64>() * slack;
        if total > all {
            let by = all / (total * slack);
            given.iter_mut().for_each(|given| *given *= by);
        }
        given
    };
    Allocation {
        local_macs_per_s: instance.users.iter().zip(local).map(|(user, u)| user.max_macs_per_s * u.min(1.0)).collect(),
        bandwidth_hz: share(bandwidth, instance.bandwidth_hz),
        edge_macs_per_s: share(edge, instance.edge_macs_per_s),
        cuts,
    }
}

/// Delay in seconds and energy in joules of every user in slot `t`; none if a stage is not stable.
pub(super) fn worth(instance: &Instance, t: usize, allocation: &Allocation) -> Option<Vec<(f64, f64)>> {
    let slot = &instance.slots[t];
    let of = |n: usize| {
        let user = &instance.users[n];
        let model = &instance.models[user.model as usize];
        let (lambda, cut) = (slot.arrivals_per_s[n], allocation.cuts[n] as usize);
        let (done, rest): (f64, f64) = (model.macs[..cut].iter().sum(), model.macs[cut..].iter().sum());
        let bits = 8.0 * model.cut_bytes[cut];
        let bandwidth = allocation.bandwidth_hz[n];
        let rate = match instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => bandwidth * bit_per_s_per_hz,
            RateLaw::Shannon if bandwidth > 0.0 => {
                let noise = instance.noise_w_per_hz * bandwidth;
                bandwidth * (user.tx_power_w * (slot.gains[n] / noise)).ln_1p() / std::f64::consts::LN_2
            }
            RateLaw::Shannon => 0.0,
        };
        let speed = allocation.local_macs_per_s[n];
        let (mut delay, mut slowest) = (0.0, 0.0f64);
        let mut sent = 0.0;
        for (stage, (work, rate)) in
            [(done, speed), (bits, rate), (rest, allocation.edge_macs_per_s[n])].into_iter().enumerate()
        {
            if work == 0.0 {
                continue;
            }
            // (Stable by less than roundings is not stable.)
            if rate <= lambda * work * (1.0 + 1e-14) || rate == 0.0 {
                return None;
            }
            let time = work / rate;
            if stage == 1 {
                sent = time;
            }
            match instance.service {
                Service::Exponential => delay += work / (rate - lambda * work),
                Service::Deterministic => delay += time,
            }
            slowest = slowest.max(time);
        }
        if instance.service == Service::Deterministic {
            delay += lambda * slowest * slowest / (2.0 * (1.0 - lambda * slowest));
        }
        let energy =
            instance.slot_s * lambda * (user.energy_per_mac_coeff * speed * speed * done + user.tx_power_w * sent);
        Some((delay, energy))
    };
    (0..instance.users.len()).map(of).collect()
}

/// The objective of a slot alone; none if a stage is not stable.
pub(super) fn value(instance: &Instance, allocation: &Allocation) -> Option<f64> {
    let of = worth(instance, 0, allocation)?;
    let terms =
        instance.users.iter().zip(of).map(|(user, (delay, energy))| instance.v * delay + user.backlog_j * energy);
    Some(terms.sum())
}
