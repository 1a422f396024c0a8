//! The least threads that bring a request to its deadline on a cloudlet.
//!
//! The delay of the fastest cut never rises with threads, so the least number is found by bisection; the fastest cut is one of few per
//! model (`cuts`).

use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::{DEADLINE_TOLERANCE, Instance};

use super::cuts::{Cut, Weights, corners};

/// Which requests need no cloudlet, and how many threads the others need where.
pub(super) struct Threads<'a> {
    pub(super) instance: &'a Instance,
    /// Per model, the cuts that can be the fastest.
    cuts: Vec<Vec<Cut>>,
    /// Per request.
    pub(super) is_local: Vec<bool>,
    /// 0 for none. Shape (requests, cloudlets).
    table: Vec<u16>,
}

impl<'a> Threads<'a> {
    /// For every pair the cut is the fastest.
    pub(super) fn new(instance: &'a Instance) -> Self {
        Self::with_cuts(instance, instance.models.iter().map(corners).collect())
    }

    /// For every pair only the input stays on the device.
    pub(super) fn without_partition(instance: &'a Instance) -> Self {
        let mut threads = Self::with_cuts(instance, instance.models.iter().map(|m| vec![Cut::remote(m)]).collect());
        threads.is_local.fill(false);
        threads
    }

    fn with_cuts(instance: &'a Instance, cuts: Vec<Vec<Cut>>) -> Self {
        let local: Vec<f64> = instance.models.iter().map(|model| model.macs.iter().sum()).collect();
        let is_local = (instance.requests.iter())
            .map(|request| local[request.model as usize] / request.device_macs_per_s <= deadline(request.deadline_s))
            .collect();
        let mut threads = Self { instance, cuts, is_local, table: Vec::new() };
        let pairs = instance.requests.len() * instance.cloudlets.len();
        let remote: Vec<Vec<f64>> = (instance.cloudlets.iter())
            .map(|cloudlet| {
                let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
                (1..=most).map(|k| 1.0 / (cloudlet.thread_macs_per_s * speedup(&cloudlet.speedup, k))).collect()
            })
            .collect();
        let mut table = Vec::with_capacity(pairs);
        for (i, request) in instance.requests.iter().enumerate() {
            let device_s_per_mac = 1.0 / request.device_macs_per_s;
            for (hop, remote) in instance.hops(i).iter().zip(&remote) {
                let s_per_byte = 1.0 / request.uplink_bytes_per_s + hop;
                let is_late = |remote_s_per_mac: &f64| {
                    let weights = Weights { device_s_per_mac, remote_s_per_mac: *remote_s_per_mac, s_per_byte };
                    let cuts = &threads.cuts[request.model as usize];
                    cuts.iter().all(|cut| cut.delay_s(weights) > deadline(request.deadline_s))
                };
                let is_never_in_time = remote.last().is_none_or(is_late);
                let least = if is_never_in_time { 0 } else { remote.partition_point(is_late) + 1 };
                table.push(least as u16);
            }
        }
        threads.table = table;
        threads
    }

    pub(super) fn requests(&self) -> usize {
        self.is_local.len()
    }

    pub(super) fn cloudlets(&self) -> usize {
        self.instance.cloudlets.len()
    }

    /// Threads that request i needs on cloudlet j, if any number does.
    pub(super) fn least(&self, i: usize, j: usize) -> Option<u32> {
        Some(self.table[i * self.cloudlets() + j]).filter(|k| *k > 0).map(u32::from)
    }

    /// The cloudlets that could serve request i, with the threads it needs.
    pub(super) fn options(&self, i: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        let row = &self.table[i * self.cloudlets()..][..self.cloudlets()];
        row.iter().enumerate().filter(|(_, k)| **k > 0).map(|(j, k)| (j, u32::from(*k)))
    }

    /// The fastest of the cuts for request i with k threads of cloudlet j: its number within the model, and the cut.
    pub(super) fn fastest(&self, i: usize, j: usize, k: u32) -> (usize, &Cut) {
        let (request, cloudlet) = (&self.instance.requests[i], &self.instance.cloudlets[j]);
        let weights = Weights {
            device_s_per_mac: 1.0 / request.device_macs_per_s,
            remote_s_per_mac: 1.0 / (cloudlet.thread_macs_per_s * speedup(&cloudlet.speedup, k)),
            s_per_byte: 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[j],
        };
        let cuts = self.cuts[request.model as usize].iter().enumerate();
        cuts.min_by(|a, b| a.1.delay_s(weights).total_cmp(&b.1.delay_s(weights))).expect("a model has cuts")
    }
}

/// What solutions aim at: half the tolerance, so that rounding never decides.
fn deadline(deadline_s: f64) -> f64 {
    deadline_s * (1.0 + DEADLINE_TOLERANCE / 2.0)
}

fn speedup(law: &Speedup, k: u32) -> f64 {
    let k_ = f64::from(k);
    match law {
        Speedup::Linear => k_,
        Speedup::Amdahl { parallel_fraction: p } => k_ / (k_ * (1.0 - p) + p),
        Speedup::Table { speedups } => *speedups.get(k as usize - 1).unwrap_or(&speedups[speedups.len() - 1]),
    }
}
