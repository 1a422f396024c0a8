//! The relaxation behind every bound: a request needs at least the least number of threads that the hull of its model allows.
//!
//! Where work is in MACs on either side, the hull is an envelope; for kinds of machines it is one in space. A cloudlet of a kind that a model has no
//! work for serves no request of it: no number of threads is enough.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use offcut_instances::throughput::{Certificate, Cloudlet, Hull, Instance};

use super::envelope::HullVertices;
use super::evaluate::{latest, points};
use super::hull::Weights;
use crate::budget::{Budget, filled};
use crate::interval::{Interval, sum};
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
    /// Its model and device, among [`Relaxation::pairs`].
    pair: usize,
    /// Seconds on the device. Shape (vertices of all kinds of cloudlets,).
    pub(super) device_s: Vec<f64>,
}

/// A model on devices of a kind.
pub(super) struct Pair {
    /// No more than all work on the device.
    pub(super) work: f64,
    /// The vertices for all kinds of cloudlets: work on the device, bytes sent, and no more than the work elsewhere.
    pub(super) vertices: Vec<[f64; 3]>,
    /// Which of them are for cloudlets of a kind; none if those do not run the model. Shape (kinds of cloudlets,).
    pub(super) of_kind: Vec<Option<Range<usize>>>,
    /// Any cut costs at least 1 - `slack` times the cheapest vertex.
    pub(super) slack: f64,
}

/// An instance with its hulls.
pub(super) struct Relaxation<'a> {
    pub(super) instance: &'a Instance,
    /// The models on the kinds of devices that requests have.
    pub(super) pairs: Vec<Pair>,
    /// Kinds of devices, and their pairs. Shape (models,).
    pair_of: Vec<Vec<(Option<u32>, usize)>>,
    /// Per cloudlet: its kind, as an index.
    kind_of: Vec<usize>,
    /// Per cloudlet and k-1: no more than the seconds per work of k threads.
    seconds_per_work: Vec<Vec<f64>>,
    pub(super) has_whole_profits: bool,
}

impl<'a> Relaxation<'a> {
    pub(super) fn new(instance: &'a Instance, certificate: &Certificate) -> Result<Self, Violation> {
        let (given, needed) = (certificate.envelopes.len(), instance.models.len());
        if given != needed {
            let off = given.abs_diff(needed) as f64;
            return Err(Violation::new("one envelope per model", "envelopes", off, "too many or too few"));
        }
        let weights = InstanceWeights::of(instance);
        let of_macs = instance.machine_kinds.is_empty();
        let envelopes = (instance.models.iter().zip(&certificate.envelopes).enumerate())
            .map(|(m, (model, envelope))| {
                // A model that no pair of machines runs in MACs has none.
                if !of_macs && !weights.need_envelope(m as u32) && envelope.corners.is_empty() {
                    return Ok(None);
                }
                HullVertices::new(model, envelope)
                    .map(Some)
                    .map_err(|what| Violation::new(what, format!("envelopes[{m}]"), 1.0, "envelope"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut hulls = BTreeMap::new();
        for (h, hull) in certificate.hulls.iter().enumerate() {
            let vertices = weights.hull(instance, hull);
            let vertices = vertices.map_err(|what| Violation::new(what, format!("hulls[{h}]"), 1.0, "hull"))?;
            if hulls.insert((hull.model, hull.device_kind, hull.cloudlet_kind), vertices).is_some() {
                let what = "a hull is the only one of its model and kinds";
                return Err(Violation::new(what, format!("hulls[{h}]"), 1.0, "hull"));
            }
        }
        Self::with(instance, |model, device, cloudlet| {
            // Cloudlets that have no threads need no hull.
            if !weights.cloudlets.contains_key(&cloudlet) {
                return Ok(None);
            }
            let found = match (device, cloudlet) {
                (None, None) => envelopes[model as usize].as_ref(),
                _ => hulls.get(&(model, device, cloudlet)),
            };
            found.map(Some).ok_or_else(|| {
                let name = |kind: Option<u32>| kind.map_or("MACs".into(), |kind| format!("kind {kind}"));
                let at = format!("hulls: model {model}, device of {}, cloudlet of {}", name(device), name(cloudlet));
                Violation::new("a hull for every model and the kinds that meet", at, 1.0, "hull missing")
            })
        })
    }

    /// With the vertices of a model, a kind of device and a kind of cloudlet; none if there are no threads of this kind.
    pub(super) fn with<'b>(
        instance: &'a Instance,
        vertices: impl Fn(u32, Option<u32>, Option<u32>) -> Result<Option<&'b HullVertices>, Violation>,
    ) -> Result<Self, Violation> {
        let kinds: BTreeSet<Option<u32>> = instance.cloudlets.iter().map(|cloudlet| cloudlet.thread.kind).collect();
        let kinds: Vec<Option<u32>> = kinds.into_iter().collect();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut pair_of: Vec<Vec<(Option<u32>, usize)>> = vec![Vec::new(); instance.models.len()];
        for request in &instance.requests {
            let device = request.device.kind;
            let of_model = &mut pair_of[request.model as usize];
            if of_model.iter().any(|(kind, _)| *kind == device) {
                continue;
            }
            of_model.push((device, pairs.len()));
            let model = &instance.models[request.model as usize];
            let work = model.work(device).expect("its requests' devices run a model");
            let mut pair = Pair { work: sum(points(work)).low(), vertices: vec![], of_kind: vec![], slack: 0.0 };
            for kind in &kinds {
                let hull = if model.work(*kind).is_some() { vertices(request.model, device, *kind)? } else { None };
                pair.of_kind.push(hull.map(|hull| {
                    let start = pair.vertices.len();
                    pair.vertices.extend(&hull.vertices);
                    pair.slack = pair.slack.max(hull.slack);
                    start..pair.vertices.len()
                }));
            }
            pairs.push(pair);
        }
        let index = |kind: Option<u32>| kinds.binary_search(&kind).expect("all kinds are there");
        let low = |seconds: Vec<Interval>| seconds.into_iter().map(Interval::low).collect();
        Ok(Self {
            instance,
            pairs,
            pair_of,
            kind_of: instance.cloudlets.iter().map(|cloudlet| index(cloudlet.thread.kind)).collect(),
            seconds_per_work: instance.cloudlets.iter().map(|cloudlet| low(seconds_per_work(cloudlet))).collect(),
            has_whole_profits: instance.requests.iter().all(|request| request.profit.fract() == 0.0),
        })
    }

    /// What request i needs.
    pub(super) fn demand(&self, i: usize) -> RequestDemand {
        let request = &self.instance.requests[i];
        let of_model = &self.pair_of[request.model as usize];
        let of_device = of_model.iter().find(|(kind, _)| *kind == request.device.kind);
        let (_, pair) = *of_device.expect("every request has a pair");
        let Pair { work, vertices, slack, .. } = &self.pairs[pair];
        let limit = latest(request) * (1.0 + ROUNDING) / (1.0 - slack);
        RequestDemand {
            limit: limit.next_up(),
            is_local: (work / request.device.speed).next_down() <= latest(request),
            pair,
            device_s: vertices.iter().map(|vertex| vertex[0] / request.device.speed).collect(),
        }
    }

    /// Whether k threads of cloudlet j are certainly too few for request i. If so, fewer threads are too few as well.
    pub(super) fn is_too_few(&self, i: usize, demand: &RequestDemand, j: usize, k: u32) -> bool {
        let request = &self.instance.requests[i];
        let pair = &self.pairs[demand.pair];
        let Some(range) = pair.of_kind[self.kind_of[j]].clone() else { return true };
        let per_byte = 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[j];
        let per_work = self.seconds_per_work[j][k as usize - 1];
        let vertices = pair.vertices[range.clone()].iter().zip(&demand.device_s[range]);
        let delay = |(vertex, device_s): (&[f64; 3], &f64)| device_s + vertex[1] * per_byte + vertex[2] * per_work;
        !demand.is_local && vertices.map(delay).all(|delay| delay > demand.limit)
    }

    /// The least number of threads of cloudlet j, up to `most`, with which request i may meet its deadline.
    pub(super) fn least_threads(&self, i: usize, demand: &RequestDemand, j: usize, most: u32) -> Option<u32> {
        let most = most.min(self.seconds_per_work[j].len() as u32);
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

/// Seconds per work of 1, 2, ... threads, as many as one request may get.
fn seconds_per_work(cloudlet: &Cloudlet) -> Vec<Interval> {
    let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
    (1..=most).map(|k| slowness(&cloudlet.speedup, k) / Interval::point(cloudlet.thread.speed)).collect()
}

/// An enclosure of some numbers >= 0.
#[derive(Clone, Copy)]
struct Ends(f64, f64);

impl Ends {
    const NONE: Self = Self(f64::INFINITY, f64::NEG_INFINITY);

    fn take(&mut self, value: Interval) {
        *self = Self(self.0.min(value.low()), self.1.max(value.high()));
    }

    fn interval(self) -> Interval {
        Interval::between(self.0, self.1)
    }
}

/// The weights of all requests and cloudlets, by kinds.
struct InstanceWeights {
    /// Seconds per device work and per byte of the uplink, of a model and a kind of device.
    devices: BTreeMap<(u32, Option<u32>), [Ends; 2]>,
    /// Seconds per byte of the hops and per cloudlet work, of a kind of cloudlet; none for cloudlets without threads.
    cloudlets: BTreeMap<Option<u32>, [Ends; 2]>,
}

impl InstanceWeights {
    fn of(instance: &Instance) -> Self {
        let one_over = |value: f64| Interval::point(1.0) / Interval::point(value);
        let mut all = Self { devices: BTreeMap::new(), cloudlets: BTreeMap::new() };
        let mut access_points = BTreeSet::new();
        for request in &instance.requests {
            let key = (request.model, request.device.kind);
            let [device, uplink] = all.devices.entry(key).or_insert([Ends::NONE; 2]);
            device.take(one_over(request.device.speed));
            uplink.take(one_over(request.uplink_bytes_per_s));
            access_points.insert(request.access_point as usize);
        }
        for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
            for seconds in seconds_per_work(cloudlet) {
                let [hop, work] = all.cloudlets.entry(cloudlet.thread.kind).or_insert([Ends::NONE; 2]);
                access_points.iter().for_each(|a| hop.take(Interval::point(instance.hop_s_per_byte[*a][j])));
                work.take(seconds);
            }
        }
        all
    }

    /// Whether some request and some cloudlet have this model's work in MACs.
    fn need_envelope(&self, model: u32) -> bool {
        self.devices.contains_key(&(model, None)) && self.cloudlets.contains_key(&None)
    }

    /// The vertices that a hull proves for all its weights; or the constraint that it breaks.
    fn hull(&self, instance: &Instance, hull: &Hull) -> Result<HullVertices, &'static str> {
        let device = self.devices.get(&(hull.model, hull.device_kind));
        let (Some([device, uplink]), Some([hop, cloudlet])) = (device, self.cloudlets.get(&hull.cloudlet_kind)) else {
            return Err("a hull is of a model and kinds that meet");
        };
        let model = &instance.models[hull.model as usize];
        let work = model.work(hull.device_kind).zip(model.work(hull.cloudlet_kind));
        let Some((on_device, on_cloudlet)) = work else { return Err("a hull is of a model and kinds that meet") };
        let ends = [device.interval(), uplink.interval() + hop.interval(), cloudlet.interval()];
        let weights = Weights { least: ends.map(Interval::low), largest: ends.map(Interval::high) };
        HullVertices::of_hull(model, [on_device, on_cloudlet], hull, &weights)
    }
}
