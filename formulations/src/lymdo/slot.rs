//! The data of a slot: one row of numbers per user and cut, in units in which each shared resource sums to 1.
//!
//! Bandwidth is in units of W, edge speed in units of the edge's, a device's speed in units of its greatest, and the objective is divided by
//! V: delays keep weight 1, everything is in seconds, and a price is in seconds for the whole of a resource.
//!
//! ```text
//! local    d1 = m / u,        0 < u <= 1      m = local work / max
//! air      d2 = c / rho(x),   0 < x <= 1      shannon: c = 8 ln 2 bytes / W, rho = x ln(1 + s/x), s = p h / (N0 W)
//!                                             fixed:   c = 8 bytes / (e W),  rho = x
//! edge     d3 = r / y,        0 < y <= 1      r = remote work / edge speed
//! energy   Q E / V = a u^2 + q d2             a = Q tau lambda kappa (local work) max^2 / V,  q = Q tau lambda p / V
//! ```
//!
//! A pair is a user with one of its cuts. The pairs of a user stand side by side, cut 0 first.

use std::ops::Range;

use offcut_instances::lymdo::{Instance, RateLaw, Service};

use super::stage_roots::{least_share, local_time_s};

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
    /// s: signal-to-noise ratio with the whole bandwidth; 1 where the law is fixed. Shape (users,).
    pub(super) snr: Vec<f64>,
    /// 1 + q: the cost of a second of transmission. Shape (users,).
    pub(super) airtime: Vec<f64>,
    /// m, in seconds. Shape (pairs,).
    pub(super) local: Vec<f64>,
    /// c, in seconds. Shape (pairs,).
    pub(super) air: Vec<f64>,
    /// r, in seconds. Shape (pairs,).
    pub(super) edge: Vec<f64>,
    /// Joules of a task on the device at its greatest speed. Shape (pairs,).
    pub(super) joules: Vec<f64>,
    /// a, in seconds. Shape (pairs,).
    pub(super) heat: Vec<f64>,
    /// The supremum of the bandwidth shares at which the transmission is unstable; infinite if the whole bandwidth is not enough. Shape (pairs,).
    pub(super) least_bandwidth: Vec<f64>,
    /// The same of the edge. Shape (pairs,).
    pub(super) least_edge: Vec<f64>,
    /// The best time of the local stage on its own, in seconds: time in the system (exponential) or service time (deterministic).
    /// Infinite if the device is too slow. Shape (pairs,).
    pub(super) local_time_s: Vec<f64>,
}

impl Slot {
    /// The numbers of slot 0 with its own V and backlogs.
    pub(super) fn new(instance: &Instance) -> Self {
        let backlogs: Vec<f64> = instance.users.iter().map(|user| user.backlog_j).collect();
        let mut slot = Self::of_system(instance);
        slot.set(instance, 0, instance.v, &backlogs);
        slot
    }

    /// The data that all slots share; [`Slot::set`] completes it.
    pub(super) fn of_system(instance: &Instance) -> Self {
        let (mut first, mut user) = (vec![0], Vec::new());
        let (mut local, mut air, mut edge, mut joules) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let per_byte = match instance.rate_law {
            RateLaw::Shannon => 8.0 * std::f64::consts::LN_2 / instance.bandwidth_hz,
            RateLaw::Fixed { bit_per_s_per_hz } => 8.0 / (bit_per_s_per_hz * instance.bandwidth_hz),
        };
        let edge_speed = instance.edge().speed;
        for (n, device) in instance.users.iter().enumerate() {
            let model = &instance.models[device.model as usize];
            let (on_device, on_edge) = (instance.device_work(n), instance.edge_work(n));
            let (blocks, fastest) = (model.blocks(), device.device.speed);
            // Sums from both ends: the last cut leaves the edge exactly nothing.
            let mut done = 0.0;
            let mut rest: Vec<f64> = vec![0.0; blocks + 1];
            for m in (0..blocks).rev() {
                rest[m] = rest[m + 1] + on_edge[m];
            }
            for (m, rest) in rest.into_iter().enumerate() {
                user.push(n as u32);
                local.push(done / fastest);
                air.push(model.cut_bytes[m] * per_byte);
                edge.push(rest / edge_speed);
                joules.push(device.energy_per_mac_coeff * fastest * fastest * done);
                done += on_device.get(m).copied().unwrap_or(0.0);
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
            local_time_s: vec![0.0; pairs],
        }
    }

    /// Sets the data of slot `t`, with delays weighted by `v` and joules by `per_joule`, of shape (users,).
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
        self.set_weights(instance, v, per_joule);
    }

    /// Changes the weights of delays and joules in the current slot.
    pub(super) fn set_weights(&mut self, instance: &Instance, v: f64, per_joule: &[f64]) {
        for (n, device) in instance.users.iter().enumerate() {
            let tasks = per_joule[n] * instance.slot_s * self.lambda[n] / v;
            self.airtime[n] = 1.0 + tasks * device.tx_power_w;
            for i in self.pairs(n) {
                self.heat[i] = tasks * self.joules[i];
                self.local_time_s[i] = local_time_s(self.service, self.lambda[n], self.local[i], self.heat[i]);
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

    /// The number of pairs.
    pub(super) fn pair_count(&self) -> usize {
        self.user.len()
    }

    /// The cut of a pair.
    pub(super) fn cut(&self, pair: usize) -> u32 {
        (pair - self.first[self.user[pair] as usize]) as u32
    }

    /// Whether all stages of the pair are stable with the whole of both shared resources.
    pub(super) fn is_usable(&self, pair: usize) -> bool {
        self.local_time_s[pair] < f64::INFINITY && self.least_bandwidth[pair] < 1.0 && self.least_edge[pair] < 1.0
    }

    /// Whether the least shares for stability sum to less than 1, for bandwidth and edge. `pairs` has one pair per user.
    pub(super) fn is_stable(&self, pairs: &[u32]) -> bool {
        let total = |of: &[f64]| pairs.iter().map(|i| of[*i as usize]).sum::<f64>();
        let usable = pairs.iter().all(|i| self.is_usable(*i as usize));
        usable && total(&self.least_bandwidth) < 1.0 - STABILITY_TOL && total(&self.least_edge) < 1.0 - STABILITY_TOL
    }
}

/// The slack that the least shares must leave of a resource: sums of shares are rounded.
const STABILITY_TOL: f64 = 1e-12;
