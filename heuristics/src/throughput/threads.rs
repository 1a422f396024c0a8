//! The least threads that bring a request to its deadline on a cloudlet.
//!
//! The delay of the fastest cut never rises with threads, so the least number is found by bisection; the fastest cut is one of few per
//! model and kinds of machines (`cuts`). A cloudlet of a kind that the model has no work for has no cut, and no number of threads does.

use std::collections::HashMap;

use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::{DEADLINE_TOLERANCE, Instance};

use super::cuts::{Cut, WeightBox, Weights, Works, corners, fastest_in};

/// Which requests need no cloudlet, and how many threads the others need where.
pub(super) struct Threads<'a> {
    pub(super) instance: &'a Instance,
    /// The cuts that can be the fastest, of every model and kinds of machines that meet.
    cuts: Vec<Vec<Cut>>,
    /// Where the cuts of a request are, by kind of cloudlet; no kind is one, too. Shape (requests,); (kinds + 1,).
    cuts_of: Vec<u32>,
    places: Vec<Vec<Option<u32>>>,
    /// Per request.
    pub(super) is_local: Vec<bool>,
    /// 0 for none. Shape (requests, cloudlets).
    table: Vec<u16>,
}

/// The place of a kind in a list that starts with no kind.
fn place(kind: Option<u32>) -> usize {
    kind.map_or(0, |kind| kind as usize + 1)
}

impl<'a> Threads<'a> {
    /// For every pair the cut is the fastest.
    pub(super) fn new(instance: &'a Instance) -> Self {
        let boxes = Boxes::of(instance);
        Self::with_cuts(instance, |works, model, device, remote| match (device, remote) {
            (None, None) => corners(works),
            _ => boxes.of_kinds(model, device, remote).map_or_else(Vec::new, |weights| fastest_in(works, weights)),
        })
    }

    /// For every pair only the input stays on the device.
    pub(super) fn without_partition(instance: &'a Instance) -> Self {
        let mut threads = Self::with_cuts(instance, |works, _, _, _| vec![Cut::remote(works)]);
        threads.is_local.fill(false);
        threads
    }

    fn with_cuts(instance: &'a Instance, cuts_of: impl Fn(Works, u32, Option<u32>, Option<u32>) -> Vec<Cut>) -> Self {
        let mut threads =
            Self { instance, cuts: vec![], cuts_of: vec![], places: vec![], is_local: vec![], table: vec![] };
        let mut known: HashMap<(u32, Option<u32>), (u32, f64)> = HashMap::new();
        for request in &instance.requests {
            let (row, work) = *known.entry((request.model, request.device.kind)).or_insert_with(|| {
                let model = &instance.models[request.model as usize];
                let mut row = vec![None; instance.machine_kinds.len() + 1];
                for kind in instance.cloudlets.iter().map(|cloudlet| cloudlet.thread.kind) {
                    let works = Works::of(model, request.device.kind, kind).filter(|_| row[place(kind)].is_none());
                    if let Some(works) = works {
                        row[place(kind)] = Some(threads.cuts.len() as u32);
                        threads.cuts.push(cuts_of(works, request.model, request.device.kind, kind));
                    }
                }
                threads.places.push(row);
                let work = model.work(request.device.kind).expect("a device runs its requests' models");
                (threads.places.len() as u32 - 1, work.iter().sum())
            });
            threads.cuts_of.push(row);
            threads.is_local.push(work / request.device.speed <= deadline(request.deadline_s));
        }
        threads.table = threads.least_threads();
        threads
    }

    /// The table.
    fn least_threads(&self) -> Vec<u16> {
        let instance = self.instance;
        let pairs = instance.requests.len() * instance.cloudlets.len();
        let remote: Vec<Vec<f64>> = (instance.cloudlets.iter())
            .map(|cloudlet| {
                let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
                (1..=most).map(|k| 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k))).collect()
            })
            .collect();
        let mut table = Vec::with_capacity(pairs);
        for (i, request) in instance.requests.iter().enumerate() {
            let device_s_per_work = 1.0 / request.device.speed;
            for (j, (hop, remote)) in instance.hops(i).iter().zip(&remote).enumerate() {
                let cuts = self.cuts(i, j);
                let s_per_byte = 1.0 / request.uplink_bytes_per_s + hop;
                let is_late = |remote_s_per_work: &f64| {
                    let weights = Weights { device_s_per_work, remote_s_per_work: *remote_s_per_work, s_per_byte };
                    cuts.iter().all(|cut| cut.delay_s(weights) > deadline(request.deadline_s))
                };
                let is_never_in_time = remote.last().is_none_or(is_late);
                let least = if is_never_in_time { 0 } else { remote.partition_point(is_late) + 1 };
                table.push(least as u16);
            }
        }
        table
    }

    /// The cuts of request i on cloudlet j; none if the cloudlet does not run its model.
    fn cuts(&self, i: usize, j: usize) -> &[Cut] {
        let row = &self.places[self.cuts_of[i] as usize];
        row[place(self.instance.cloudlets[j].thread.kind)].map_or(&[], |at| &self.cuts[at as usize])
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

    /// The fastest of the cuts for request i with k threads of cloudlet j: its number among all cuts of these kinds, the number of the kinds, and the cut.
    pub(super) fn fastest(&self, i: usize, j: usize, k: u32) -> ((u32, usize), &Cut) {
        let (request, cloudlet) = (&self.instance.requests[i], &self.instance.cloudlets[j]);
        let weights = Weights {
            device_s_per_work: 1.0 / request.device.speed,
            remote_s_per_work: 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k)),
            s_per_byte: 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[j],
        };
        let at = self.places[self.cuts_of[i] as usize][place(cloudlet.thread.kind)].expect("a cloudlet that serves it");
        let cuts = self.cuts[at as usize].iter().enumerate();
        let fastest = cuts.min_by(|a, b| a.1.delay_s(weights).total_cmp(&b.1.delay_s(weights)));
        let (number, cut) = fastest.expect("a model has cuts");
        ((at, number), cut)
    }
}

/// The least and the largest.
type Ends = (f64, f64);

/// The ends of all weights, by kinds of machines.
struct Boxes {
    /// Seconds per device work and per byte of the uplink, of a model and a kind of device.
    devices: HashMap<(u32, Option<u32>), [Ends; 2]>,
    /// Seconds per byte of a hop and per work on the cloudlet, of a kind of cloudlet.
    cloudlets: HashMap<Option<u32>, [Ends; 2]>,
}

impl Boxes {
    fn of(instance: &Instance) -> Self {
        let wider = |ends: &mut (f64, f64), value: f64| *ends = (ends.0.min(value), ends.1.max(value));
        let nothing = [(f64::INFINITY, 0.0); 2];
        let mut boxes = Self { devices: HashMap::new(), cloudlets: HashMap::new() };
        for request in &instance.requests {
            let ends = boxes.devices.entry((request.model, request.device.kind)).or_insert(nothing);
            wider(&mut ends[0], 1.0 / request.device.speed);
            wider(&mut ends[1], 1.0 / request.uplink_bytes_per_s);
        }
        for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
            let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
            if most == 0 {
                continue;
            }
            let ends = boxes.cloudlets.entry(cloudlet.thread.kind).or_insert(nothing);
            instance.hop_s_per_byte.iter().for_each(|hops| wider(&mut ends[0], hops[j]));
            for k in [1, most] {
                wider(&mut ends[1], 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k)));
            }
        }
        boxes
    }

    /// None if no such pair has threads.
    fn of_kinds(&self, model: u32, device: Option<u32>, remote: Option<u32>) -> Option<WeightBox> {
        let ([device, uplink], [hop, remote]) = (self.devices.get(&(model, device))?, self.cloudlets.get(&remote)?);
        Some([*device, (uplink.0 + hop.0, uplink.1 + hop.1), *remote])
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
