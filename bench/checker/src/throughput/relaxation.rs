//! The relaxation behind every bound: a request needs at least the least number of threads that its model's envelope allows.

use offcut_instances::throughput::{Cloudlet, Envelope, Instance};

use super::envelope::HullVertices;
use super::evaluate::latest;
use crate::budget::{Budget, filled};
use crate::interval::Interval;
use crate::speedup::slowness;
use crate::verdict::Violation;

/// The largest number of steps of [`Relaxation::least_threads`], by the number of hull vertices.
pub(super) fn least_steps(vertices: usize) -> u64 {
    17 * vertices as u64 + 1
}

/// More than the relative error of a sum of three products of a few factors each, all of them >= 0, in plain floats.
const ROUNDING: f64 = 1e-14;

/// The part of a request's delay that no cloudlet changes.
pub(super) struct RequestDemand {
    /// A delay in plain floats above this certainly breaks the deadline.
    pub(super) limit: f64,
    /// Whether the device alone may meet the deadline.
    pub(super) is_local: bool,
    /// Seconds on the device. Shape (vertices,).
    pub(super) device_s: Vec<f64>,
}

/// An instance with its envelopes.
pub(super) struct Relaxation<'a> {
    pub(super) instance: &'a Instance,
    /// Shape (models,).
    pub(super) hulls: Vec<HullVertices>,
    /// Per cloudlet and k-1: no more than the seconds per MAC of k threads.
    pub(super) seconds_per_mac: Vec<Vec<f64>>,
    pub(super) has_whole_profits: bool,
}

impl<'a> Relaxation<'a> {
    pub(super) fn new(instance: &'a Instance, envelopes: &[Envelope]) -> Result<Self, Violation> {
        if envelopes.len() != instance.models.len() {
            let off = envelopes.len().abs_diff(instance.models.len()) as f64;
            return Err(Violation::new("one envelope per model", "envelopes", off, "too many or too few"));
        }
        let hulls = (instance.models.iter().zip(envelopes).enumerate())
            .map(|(m, (model, envelope))| {
                HullVertices::new(model, envelope)
                    .map_err(|what| Violation::new(what, format!("envelopes[{m}]"), 1.0, "envelope"))
            })
            .collect::<Result<_, _>>()?;
        let of_cloudlet = |cloudlet: &Cloudlet| {
            let speed = Interval::point(cloudlet.thread_macs_per_s);
            let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
            (1..=most).map(|k| (slowness(&cloudlet.speedup, k) / speed).low()).collect()
        };
        Ok(Self {
            instance,
            hulls,
            seconds_per_mac: instance.cloudlets.iter().map(of_cloudlet).collect(),
            has_whole_profits: instance.requests.iter().all(|request| request.profit.fract() == 0.0),
        })
    }

    /// What request i needs.
    pub(super) fn demand(&self, i: usize) -> RequestDemand {
        let request = &self.instance.requests[i];
        let hull = &self.hulls[request.model as usize];
        let limit = latest(request) * (1.0 + ROUNDING) / (1.0 - hull.slack);
        RequestDemand {
            limit: limit.next_up(),
            is_local: (hull.macs / request.device_macs_per_s).next_down() <= latest(request),
            device_s: hull.vertices.iter().map(|vertex| vertex[0] / request.device_macs_per_s).collect(),
        }
    }

    /// Whether k threads of cloudlet j are certainly too few for request i. If so, fewer threads are too few as well.
    pub(super) fn is_too_few(&self, i: usize, demand: &RequestDemand, j: usize, k: u32) -> bool {
        let request = &self.instance.requests[i];
        let per_byte = 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[j];
        let per_mac = self.seconds_per_mac[j][k as usize - 1];
        let vertices = &self.hulls[request.model as usize].vertices;
        let delay = |(vertex, device_s): (&[f64; 3], &f64)| device_s + vertex[1] * per_byte + vertex[2] * per_mac;
        !demand.is_local && vertices.iter().zip(&demand.device_s).map(delay).all(|delay| delay > demand.limit)
    }

    /// The least number of threads of cloudlet j, up to `most`, with which request i may meet its deadline.
    pub(super) fn least_threads(&self, i: usize, demand: &RequestDemand, j: usize, most: u32) -> Option<u32> {
        let most = most.min(self.seconds_per_mac[j].len() as u32);
        if most == 0 || self.is_too_few(i, demand, j, most) {
            return None;
        }
        let (mut too_few, mut enough) = (0, most);
        while enough - too_few > 1 {
            let middle = too_few + (enough - too_few) / 2;
            if self.is_too_few(i, demand, j, middle) { too_few = middle } else { enough = middle }
        }
        Some(enough)
    }

    /// The least threads of every pair, 0 for none. Shape (requests, cloudlets).
    pub(super) fn table(&self, budget: &Budget) -> Result<Vec<u16>, Violation> {
        let cloudlets = self.instance.cloudlets.len();
        let mut table = filled(0, self.instance.requests.len() * cloudlets)?;
        for i in 0..self.instance.requests.len() {
            let demand = self.demand(i);
            budget.spend(cloudlets as u64 * least_steps(demand.device_s.len()))?;
            for j in 0..cloudlets {
                table[i * cloudlets + j] = self.least_threads(i, &demand, j, u32::MAX).unwrap_or(0) as u16;
            }
        }
        Ok(table)
    }
}
