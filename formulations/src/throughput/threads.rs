//! The least threads k_ij with which request i meets its deadline on cloudlet j.
//!
//! Corner p of the model's envelope leaves `slack_p = deadline - D_p/device - B_p (1/uplink + hop)` for `M - D_p` MACs elsewhere, so k threads do if their
//! seconds per MAC are at most `max_p slack_p / (M - D_p)`: per pair a scan of few corners and of few thread counts, both over arrays that run
//! along the cloudlets.
//!
//! Requests with the same model, device, link, access point and deadline have the same row; it is computed and kept once.

use std::collections::HashMap;

use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::{self, DEADLINE_TOLERANCE, Instance, Part, Request, Service, Solution};
use rayon::prelude::*;

use super::envelope::Envelope;

/// No cloudlet, or no number of threads.
const NONE: u16 = 0;

/// A request that needs a cloudlet, and has one that could serve it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Open {
    /// Its index in the instance.
    pub(super) request: u32,
    /// Its row in the table.
    pub(super) row: u32,
    /// Its profit.
    pub(super) profit: f64,
}

/// An instance as its requests see it.
pub(super) struct Needs<'a> {
    pub(super) instance: &'a Instance,
    pub(super) envelopes: Vec<Envelope>,
    /// Requests whose device alone meets the deadline, ascending.
    pub(super) local: Vec<u32>,
    /// Requests that a cloudlet could serve, ascending; all others are neither.
    pub(super) open: Vec<Open>,
    cloudlets: usize,
    /// Shape (rows, cloudlets).
    threads: Vec<u16>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(instance: &'a Instance) -> Self {
        // A model's minimum cuts are its own business: one task each.
        let envelopes: Vec<Envelope> = instance.models.par_iter().map(Envelope::new).collect();
        Self::with(instance, envelopes)
    }

    fn with(instance: &'a Instance, envelopes: Vec<Envelope>) -> Self {
        let lines = Lines::new(instance, &envelopes);
        let cloudlets = instance.cloudlets.len();
        let is_local: Vec<bool> = instance.requests.par_iter().map(|request| lines.is_local(request)).collect();
        // Which requests share a row, and which request stands for it.
        let mut rows: HashMap<[u64; 4], u32> = HashMap::new();
        let mut stands: Vec<u32> = Vec::new();
        let mut row_of = Vec::with_capacity(instance.requests.len());
        for (i, request) in instance.requests.iter().enumerate() {
            let row = if is_local[i] {
                0
            } else {
                *rows.entry(key(request)).or_insert_with(|| {
                    stands.push(i as u32);
                    stands.len() as u32 - 1
                })
            };
            row_of.push(row);
        }
        drop(rows);
        let mut threads = vec![NONE; stands.len() * cloudlets];
        if cloudlets > 0 {
            let rows = threads.par_chunks_mut(cloudlets).zip(&stands);
            rows.for_each_init(|| vec![0.0; cloudlets], |best, (row, i)| lines.fill(*i as usize, best, row));
        }
        let is_open = |row: u32| threads[row as usize * cloudlets..][..cloudlets].iter().any(|k| *k != NONE);
        let with_need = instance.requests.iter().zip(&row_of).zip(&is_local).enumerate();
        let open = with_need
            .filter(|(_, ((_, row), is_local))| !**is_local && is_open(**row))
            .map(|(i, ((request, row), _))| Open { request: i as u32, row: *row, profit: request.profit })
            .collect();
        let local = (0..instance.requests.len() as u32).filter(|i| is_local[*i as usize]).collect();
        Self { instance, envelopes, local, open, cloudlets, threads }
    }

    /// How many cloudlets there are.
    pub(super) fn cloudlets(&self) -> usize {
        self.cloudlets
    }

    /// The least threads of every row on every cloudlet, 0 for none. Shape (rows, cloudlets).
    pub(super) fn table(&self) -> &[u16] {
        &self.threads
    }

    /// The least threads of an open request on every cloudlet, 0 where it cannot be served. Shape (cloudlets,).
    pub(super) fn row(&self, open: &Open) -> &[u16] {
        &self.threads[open.row as usize * self.cloudlets..][..self.cloudlets]
    }

    /// The least threads of an open request on a cloudlet.
    pub(super) fn least(&self, open: &Open, cloudlet: usize) -> Option<u32> {
        Some(self.row(open)[cloudlet]).filter(|k| *k != NONE).map(u32::from)
    }

    /// How many pairs of open requests and cloudlets there are with a number of threads.
    pub(super) fn pairs(&self) -> usize {
        self.open.iter().map(|open| self.row(open).iter().filter(|k| **k != NONE).count()).sum()
    }

    /// Rows that were computed; at most one a request.
    pub(super) fn rows(&self) -> usize {
        self.threads.len().checked_div(self.cloudlets).unwrap_or(0)
    }

    /// Whether every cloudlet has the threads that `chosen` takes of it. Shape of `chosen`: (open,).
    pub(super) fn fits(&self, chosen: &[Option<u32>]) -> bool {
        let mut left: Vec<u64> = self.instance.cloudlets.iter().map(|cloudlet| cloudlet.threads.into()).collect();
        self.open.iter().zip(chosen).filter_map(|(open, j)| Some((open, (*j)? as usize))).all(|(open, j)| {
            let least = self.least(open, j).map(u64::from);
            match least.and_then(|least| left[j].checked_sub(least)) {
                Some(rest) => {
                    left[j] = rest;
                    true
                }
                None => false,
            }
        })
    }

    /// The solution in which open request o is served by `chosen[o]`, with its total profit. Shape of `chosen`: (open,).
    pub(super) fn solution(&self, chosen: &[Option<u32>]) -> (Solution, f64) {
        let lines = Lines::new(self.instance, &self.envelopes);
        let mut service = vec![Service::Rejected; self.instance.requests.len()];
        let mut parts = Vec::new();
        let mut part_of: HashMap<(u32, usize), u32> = HashMap::new();
        let mut profit = 0.0;
        for i in &self.local {
            service[*i as usize] = Service::Local;
            profit += self.instance.requests[*i as usize].profit;
        }
        for (open, cloudlet) in self.open.iter().zip(chosen) {
            let Some(cloudlet) = *cloudlet else { continue };
            let i = open.request as usize;
            let threads = self.least(open, cloudlet as usize).expect("a cloudlet that can serve it");
            let model = self.instance.requests[i].model;
            let corner = lines.fastest(i, cloudlet as usize, threads);
            let part = *part_of.entry((model, corner)).or_insert_with(|| {
                let device_layers = self.envelopes[model as usize].corners[corner].device_layers.clone();
                parts.push(Part { model, device_layers });
                parts.len() as u32 - 1
            });
            service[i] = Service::Remote { cloudlet, threads, part };
            profit += open.profit;
        }
        (Solution { parts, service }, profit)
    }

    /// The envelopes as a certificate carries them.
    pub(super) fn certificates(&self) -> Vec<throughput::Envelope> {
        self.envelopes.iter().map(Envelope::certificate).collect()
    }
}

/// What a row depends on.
fn key(request: &Request) -> [u64; 4] {
    [
        u64::from(request.model) << 32 | u64::from(request.access_point),
        request.device_macs_per_s.to_bits(),
        request.uplink_bytes_per_s.to_bits(),
        request.deadline_s.to_bits(),
    ]
}

/// How many times faster k threads are than one.
pub(super) fn speedup(law: &Speedup, k: u32) -> f64 {
    match law {
        Speedup::Linear => f64::from(k),
        Speedup::Amdahl { parallel_fraction: p } => 1.0 / ((1.0 - p) + p / f64::from(k)),
        Speedup::Table { speedups } => speedups[(k as usize).min(speedups.len()) - 1],
    }
}

/// The delay to aim at, in seconds: half of what is tolerated beyond the deadline is left to rounding.
pub(super) fn deadline_s(request: &Request) -> f64 {
    request.deadline_s * (1.0 + DEADLINE_TOLERANCE / 2.0)
}

/// A corner as a pair of a request and a cloudlet meets it.
struct Line {
    macs: f64,
    bytes: f64,
    rest: f64,
    /// One over `rest`; so large where there is none that any slack is enough.
    per_rest: f64,
}

/// Corners and seconds per MAC, laid out for scans along the cloudlets.
struct Lines<'a> {
    instance: &'a Instance,
    /// Per model.
    lines: Vec<Vec<Line>>,
    /// Per model.
    macs: Vec<f64>,
    /// Threads a cloudlet gives to one request. More than it has are of no use. Shape (cloudlets,).
    most: Vec<u32>,
    /// Seconds per MAC of k+1 threads; 0, which is never too many, beyond the most. Shape (largest most, cloudlets).
    seconds_per_mac: Vec<Vec<f64>>,
}

impl<'a> Lines<'a> {
    fn new(instance: &'a Instance, envelopes: &[Envelope]) -> Self {
        let line = |macs: f64| {
            move |corner: &super::envelope::HullVertex| {
                let rest = (macs - corner.macs).max(0.0);
                let per_rest = if rest > 0.0 { 1.0 / rest } else { 1e200 };
                Line { macs: corner.macs, bytes: corner.bytes, rest, per_rest }
            }
        };
        let macs: Vec<f64> = instance.models.iter().map(|model| model.macs.iter().sum()).collect();
        let lines = envelopes.iter().zip(&macs).map(|(e, macs)| e.corners.iter().map(line(*macs)).collect()).collect();
        let most: Vec<u32> = instance.cloudlets.iter().map(|c| c.max_threads_per_request.min(c.threads)).collect();
        let all = 0..instance.cloudlets.len();
        let longest = most.iter().copied().max().unwrap_or(0);
        let of = |k: u32, j: usize| {
            let cloudlet = &instance.cloudlets[j];
            if k > most[j] { 0.0 } else { 1.0 / (cloudlet.thread_macs_per_s * speedup(&cloudlet.speedup, k)) }
        };
        let seconds_per_mac = (1..=longest).map(|k| all.clone().map(|j| of(k, j)).collect()).collect();
        Self { instance, lines, macs, most, seconds_per_mac }
    }

    fn is_local(&self, request: &Request) -> bool {
        self.macs[request.model as usize] / request.device_macs_per_s <= deadline_s(request)
    }

    /// Fills a row: the least threads of request i on every cloudlet. `best` is room for as many numbers.
    fn fill(&self, i: usize, best: &mut [f64], row: &mut [u16]) {
        let request = &self.instance.requests[i];
        let hops = self.instance.hops(i);
        best.fill(f64::NEG_INFINITY);
        let per_byte = 1.0 / request.uplink_bytes_per_s;
        for line in &self.lines[request.model as usize] {
            let slack = deadline_s(request) - line.macs / request.device_macs_per_s - line.bytes * per_byte;
            if slack < 0.0 {
                continue;
            }
            for (best, hop) in best.iter_mut().zip(hops) {
                *best = best.max((slack - line.bytes * hop) * line.per_rest);
            }
        }
        // Seconds per MAC never rise with threads, so counting those that are too many finds the first that is not.
        if self.seconds_per_mac.len() <= 32 {
            row.fill(1);
            for seconds in &self.seconds_per_mac {
                for ((row, best), seconds) in row.iter_mut().zip(&*best).zip(seconds) {
                    *row += u16::from(seconds > best);
                }
            }
        } else {
            for (j, (row, best)) in row.iter_mut().zip(&*best).enumerate() {
                let too_many = |seconds: &Vec<f64>| seconds[j] > *best;
                let count = self.seconds_per_mac[..self.most[j] as usize].partition_point(too_many) as u16;
                *row = count.wrapping_add(1); // 65536 is none, as 0 is
            }
        }
        for (row, most) in row.iter_mut().zip(&self.most) {
            if u32::from(*row) > *most {
                *row = NONE;
            }
        }
    }

    /// The corner with the least delay.
    fn fastest(&self, i: usize, cloudlet: usize, threads: u32) -> usize {
        let request = &self.instance.requests[i];
        let per_byte = 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[cloudlet];
        let per_mac = self.seconds_per_mac[threads as usize - 1][cloudlet];
        let delay = |line: &Line| line.macs / request.device_macs_per_s + line.bytes * per_byte + line.rest * per_mac;
        let lines = &self.lines[request.model as usize];
        (0..lines.len()).min_by(|a, b| delay(&lines[*a]).total_cmp(&delay(&lines[*b]))).expect("a model has corners")
    }
}

#[cfg(test)]
mod tests {
    use offcut_instances::throughput::strategy::{Profits, device_sets, instances};
    use proptest::prelude::*;

    use super::*;

    /// The delay straight from the definition.
    fn delay(instance: &Instance, i: usize, set: &[u32], remote: Option<(usize, u32)>) -> f64 {
        let request = &instance.requests[i];
        let model = &instance.models[request.model as usize];
        let has = |v: u32| set.contains(&v);
        let mut delay = 0.0;
        for v in 0..model.layers() as u32 {
            let macs = model.macs[v as usize];
            if has(v) {
                delay += macs / request.device_macs_per_s;
            }
            let Some((j, k)) = remote else { continue };
            if !has(v) {
                let cloudlet = &instance.cloudlets[j];
                delay += macs / (cloudlet.thread_macs_per_s * speedup(&cloudlet.speedup, k));
            } else if model.edges.iter().any(|(from, to)| *from == v && !has(*to)) {
                delay += model.out_bytes[v as usize] * (1.0 / request.uplink_bytes_per_s + instance.hops(i)[j]);
            }
        }
        delay
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn least_threads_are_those_of_brute_force(instance in instances(6, 3, Profits::Unit)) {
            let needs = Needs::new(&instance);
            for (i, request) in instance.requests.iter().enumerate() {
                let sets = device_sets(&instance.models[request.model as usize]);
                let meets = |set: &[u32], remote| delay(&instance, i, set, remote) <= request.deadline_s * (1.0 + 5e-10);
                let all: Vec<u32> = (0..instance.models[request.model as usize].layers() as u32).collect();
                prop_assert_eq!(needs.local.contains(&(i as u32)), meets(&all, None));
                if meets(&all, None) {
                    continue;
                }
                let open = needs.open.iter().find(|open| open.request == i as u32);
                let mut is_open = false;
                for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
                    let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
                    let least = (1..=most).find(|k| sets.iter().any(|set| meets(set, Some((j, *k)))));
                    prop_assert_eq!(open.and_then(|open| needs.least(open, j)), least);
                    is_open |= least.is_some();
                    if let (Some(open), Some(k)) = (open, least) {
                        // The device set grows smaller, or stays, as threads grow: sets are nested.
                        let corner = Lines::new(&instance, &needs.envelopes).fastest(i, j, k);
                        let set = &needs.envelopes[request.model as usize].corners[corner].device_layers;
                        prop_assert!(meets(set, Some((j, k))), "{:?}", open);
                    }
                }
                prop_assert_eq!(open.is_some(), is_open);
            }
        }

        /// The more threads, the less stays on the device.
        #[test]
        fn device_sets_are_nested(instance in instances(4, 2, Profits::Unit)) {
            let needs = Needs::new(&instance);
            let lines = Lines::new(&instance, &needs.envelopes);
            for (i, request) in instance.requests.iter().enumerate() {
                for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
                    let corners = &needs.envelopes[request.model as usize].corners;
                    let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
                    let sets: Vec<&Vec<u32>> =
                        (1..=most).map(|k| &corners[lines.fastest(i, j, k)].device_layers).collect();
                    for pair in sets.windows(2) {
                        prop_assert!(pair[1].iter().all(|v| pair[0].contains(v)), "{:?}", sets);
                    }
                }
            }
        }
    }

    #[test]
    fn equal_requests_share_a_row() {
        let parameters = throughput::Parameters { requests: 50, ..throughput::Parameters::default() };
        let instance = throughput::generate("equal", &parameters, 1).expect("legal");
        let needs = Needs::new(&instance);
        assert_eq!((needs.rows(), needs.open.len()), (1, 50));
        assert_eq!(needs.row(&needs.open[7]), [3; 10]);
    }
}
