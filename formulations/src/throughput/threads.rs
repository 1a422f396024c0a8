//! The least threads k_ij with which request i meets its deadline on cloudlet j.
//!
//! Vertex p of the model's hull leaves `slack_p = deadline - D_p/device - B_p (1/uplink + hop)` for its work R_p elsewhere, so k threads do if their
//! seconds per work are at most `max_p slack_p / R_p`: per pair a scan of few vertices and of few thread counts, both over arrays that run along the
//! cloudlets, those of one kind together. Where work is in MACs on either side R_p is M - D_p, and vertices are those of the envelope. A cloudlet of a kind
//! that the model has no work for has no vertices: no number of threads is enough.
//!
//! Requests with the same model, device, link, access point and deadline have the same row; it is computed and kept once.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use offcut_instances::throughput::{
    Certificate, DEADLINE_TOLERANCE, Instance, Part, PriceNode, Request, Service, Solution,
};
use rayon::prelude::*;

use super::envelope::Envelope;
use super::hull::Hull;
use super::kinds::{Kinds, WeightRange, ranges, speedup};

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
    cuts: Cuts,
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
        let cuts = Cuts::new(instance);
        let lines = Lines::new(instance, &cuts);
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
                *rows.entry(lines.key(request)).or_insert_with(|| {
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
            let room = || (vec![0.0; cloudlets], vec![NONE; cloudlets]);
            rows.for_each_init(room, |(best, sorted), (row, i)| match &lines.order {
                None => lines.fill(*i as usize, best, row),
                Some(order) => {
                    lines.fill(*i as usize, best, sorted);
                    order.iter().zip(&*sorted).for_each(|(j, k)| row[*j] = *k);
                }
            });
        }
        let is_open = |row: u32| threads[row as usize * cloudlets..][..cloudlets].iter().any(|k| *k != NONE);
        let with_need = instance.requests.iter().zip(&row_of).zip(&is_local).enumerate();
        let open = with_need
            .filter(|(_, ((_, row), is_local))| !**is_local && is_open(**row))
            .map(|(i, ((request, row), _))| Open { request: i as u32, row: *row, profit: request.profit })
            .collect();
        let local = (0..instance.requests.len() as u32).filter(|i| is_local[*i as usize]).collect();
        Self { instance, cuts, local, open, cloudlets, threads }
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
        let lines = Lines::new(self.instance, &self.cuts);
        let mut service = vec![Service::Rejected; self.instance.requests.len()];
        let mut parts = Vec::new();
        let mut part_of: HashMap<(Kinds, usize), u32> = HashMap::new();
        let mut profit = 0.0;
        for i in &self.local {
            service[*i as usize] = Service::Local;
            profit += self.instance.requests[*i as usize].profit;
        }
        for (open, cloudlet) in self.open.iter().zip(chosen) {
            let Some(cloudlet) = *cloudlet else { continue };
            let i = open.request as usize;
            let threads = self.least(open, cloudlet as usize).expect("a cloudlet that can serve it");
            let (kinds, vertex) = lines.fastest(i, cloudlet as usize, threads);
            let part = *part_of.entry((kinds, vertex)).or_insert_with(|| {
                let device_layers = self.cuts.device_layers(kinds, vertex).clone();
                parts.push(Part { model: kinds.model, device_layers });
                parts.len() as u32 - 1
            });
            service[i] = Service::Remote { cloudlet, threads, part };
            profit += open.profit;
        }
        (Solution { parts, service }, profit)
    }

    /// What proves the price bound of a tree.
    pub(super) fn certificate(&self, nodes: Vec<PriceNode>) -> Certificate {
        Certificate {
            envelopes: self.cuts.envelopes.iter().map(Envelope::certificate).collect(),
            hulls: self.cuts.hulls.values().map(Hull::certificate).collect(),
            cuts: Vec::new(),
            nodes,
        }
    }

    /// Minimum cuts it took.
    pub(super) fn minimum_cuts(&self) -> u64 {
        let envelopes = self.cuts.envelopes.iter().map(|envelope| envelope.cuts);
        envelopes.chain(self.cuts.hulls.values().map(|hull| hull.cuts)).sum()
    }
}

/// The cuts that can be the fastest.
struct Cuts {
    /// For work in MACs on either side; empty for a model that meets none. Shape (models,).
    envelopes: Vec<Envelope>,
    /// For all other pairs of kinds.
    hulls: BTreeMap<Kinds, Hull>,
}

impl Cuts {
    fn new(instance: &Instance) -> Self {
        let ranges = if instance.machine_kinds.is_empty() { BTreeMap::new() } else { ranges(instance) };
        let has_envelope = |m: usize| {
            let kinds = Kinds { model: m as u32, device: None, cloudlet: None };
            instance.machine_kinds.is_empty() || ranges.contains_key(&kinds)
        };
        // A model's minimum cuts are its own business: one task each.
        let envelope = |(m, model)| if has_envelope(m) { Envelope::new(model) } else { Envelope::default() };
        let hull = |(kinds, range): &(Kinds, WeightRange)| {
            (*kinds, Hull::new(&instance.models[kinds.model as usize], *kinds, *range))
        };
        let of_kinds: Vec<_> = ranges.iter().filter(|(kinds, _)| !kinds.are_macs()).map(|(k, r)| (*k, *r)).collect();
        Self {
            envelopes: instance.models.par_iter().enumerate().map(envelope).collect(),
            hulls: of_kinds.par_iter().map(hull).collect(),
        }
    }

    /// Layers on the device of a vertex.
    fn device_layers(&self, kinds: Kinds, vertex: usize) -> &Vec<u32> {
        if kinds.are_macs() {
            &self.envelopes[kinds.model as usize].corners[vertex].device_layers
        } else {
            &self.hulls[&kinds].vertices[vertex].device_layers
        }
    }

    /// The vertices as pairs of requests and cloudlets meet them; none if there are no such pairs, or the model has no work for the cloudlet.
    fn lines(&self, instance: &Instance, kinds: Kinds) -> Vec<Line> {
        if !kinds.are_macs() {
            let vertices = self.hulls.get(&kinds).map(|hull| &hull.vertices[..]).unwrap_or_default();
            return vertices.iter().map(|vertex| Line::new(vertex.costs)).collect();
        }
        let macs: f64 = instance.models[kinds.model as usize].macs.iter().sum();
        let corners = self.envelopes[kinds.model as usize].corners.iter();
        corners.map(|corner| Line::new([corner.macs, corner.bytes, (macs - corner.macs).max(0.0)])).collect()
    }
}

/// The delay to aim at, in seconds: half of what is tolerated beyond the deadline is left to rounding.
pub(super) fn deadline_s(request: &Request) -> f64 {
    request.deadline_s * (1.0 + DEADLINE_TOLERANCE / 2.0)
}

/// A vertex as a pair of a request and a cloudlet meets it.
struct Line {
    /// Work on the device.
    device: f64,
    bytes: f64,
    /// Work on the cloudlet.
    rest: f64,
    /// One over `rest`; so large where there is none that any slack is enough.
    per_rest: f64,
}

impl Line {
    fn new([device, bytes, rest]: [f64; 3]) -> Self {
        Self { device, bytes, rest, per_rest: if rest > 0.0 { 1.0 / rest } else { 1e200 } }
    }
}

/// A model on devices of a kind.
struct Pair {
    model: u32,
    device: Option<u32>,
    /// All its work there.
    work: f64,
    /// The vertices for every group of cloudlets.
    lines: Vec<Vec<Line>>,
}

/// Vertices and seconds per work, laid out for scans along the cloudlets, which are sorted by kind.
struct Lines<'a> {
    instance: &'a Instance,
    pairs: Vec<Pair>,
    /// The kinds of devices that a model is on, and where the pair is. Shape (models,).
    pair_of: Vec<Vec<(Option<u32>, usize)>>,
    /// Kinds of cloudlets, and their places.
    groups: Vec<(Option<u32>, Range<usize>)>,
    /// The cloudlet at every place, unless all are where they are in the instance.
    order: Option<Vec<usize>>,
    /// The place of every cloudlet.
    places: Vec<usize>,
    /// Hops by place, unless they are as in the instance. Shape (access points, cloudlets).
    hops: Vec<Vec<f64>>,
    /// Threads a cloudlet gives to one request, by place. More than it has are of no use. Shape (cloudlets,).
    most: Vec<u32>,
    /// Seconds per work of k+1 threads, by place; 0, which is never too many, beyond the most. Shape (largest most, cloudlets).
    seconds_per_work: Vec<Vec<f64>>,
}

impl<'a> Lines<'a> {
    fn new(instance: &'a Instance, cuts: &Cuts) -> Self {
        let kind = |j: &usize| instance.cloudlets[*j].thread.kind;
        let mut sorted: Vec<usize> = (0..instance.cloudlets.len()).collect();
        sorted.sort_by_key(kind);
        let mut places = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(place, j)| places[*j] = place);
        let mut groups: Vec<(Option<u32>, Range<usize>)> = Vec::new();
        for same in sorted.chunk_by(|a, b| kind(a) == kind(b)) {
            let start = groups.last().map_or(0, |(_, range)| range.end);
            groups.push((kind(&same[0]), start..start + same.len()));
        }
        let mut pairs: Vec<Pair> = Vec::new();
        let mut pair_of: Vec<Vec<(Option<u32>, usize)>> = vec![Vec::new(); instance.models.len()];
        for request in &instance.requests {
            let (model, device) = (request.model, request.device.kind);
            let of_model = &mut pair_of[model as usize];
            if of_model.iter().any(|(kind, _)| *kind == device) {
                continue;
            }
            of_model.push((device, pairs.len()));
            let work = instance.models[model as usize].work(device).expect("its requests' devices run a model");
            let lines =
                |(cloudlet, _): &(Option<u32>, _)| cuts.lines(instance, Kinds { model, device, cloudlet: *cloudlet });
            pairs.push(Pair { model, device, work: work.iter().sum(), lines: groups.iter().map(lines).collect() });
        }
        let most = |j: &usize| instance.cloudlets[*j].max_threads_per_request.min(instance.cloudlets[*j].threads);
        let most: Vec<u32> = sorted.iter().map(most).collect();
        let longest = most.iter().copied().max().unwrap_or(0);
        let of = |k: u32, place: usize| {
            let cloudlet = &instance.cloudlets[sorted[place]];
            if k > most[place] { 0.0 } else { 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k)) }
        };
        let seconds_per_work = (1..=longest).map(|k| (0..most.len()).map(|place| of(k, place)).collect()).collect();
        let order = (!sorted.is_sorted()).then_some(sorted);
        let hops = order.iter().flat_map(|order| {
            instance.hop_s_per_byte.iter().map(|hops| order.iter().map(|j| hops[*j]).collect::<Vec<f64>>())
        });
        let hops = hops.collect();
        Self { instance, pairs, pair_of, groups, order, places, hops, most, seconds_per_work }
    }

    fn pair(&self, request: &Request) -> usize {
        let of_model = &self.pair_of[request.model as usize];
        of_model.iter().find(|(kind, _)| *kind == request.device.kind).expect("every request has a pair").1
    }

    /// What a row depends on.
    fn key(&self, request: &Request) -> [u64; 4] {
        [
            (self.pair(request) as u64) << 32 | u64::from(request.access_point),
            request.device.speed.to_bits(),
            request.uplink_bytes_per_s.to_bits(),
            request.deadline_s.to_bits(),
        ]
    }

    fn is_local(&self, request: &Request) -> bool {
        self.pairs[self.pair(request)].work / request.device.speed <= deadline_s(request)
    }

    /// Fills a row: the least threads of request i on every cloudlet, by place. `best` is room for as many numbers.
    fn fill(&self, i: usize, best: &mut [f64], row: &mut [u16]) {
        let request = &self.instance.requests[i];
        let hops = if self.order.is_none() { self.instance.hops(i) } else { &self.hops[request.access_point as usize] };
        best.fill(f64::NEG_INFINITY);
        let per_byte = 1.0 / request.uplink_bytes_per_s;
        for ((_, range), lines) in self.groups.iter().zip(&self.pairs[self.pair(request)].lines) {
            let (best, hops) = (&mut best[range.clone()], &hops[range.clone()]);
            for line in lines {
                let slack = deadline_s(request) - line.device / request.device.speed - line.bytes * per_byte;
                if slack < 0.0 {
                    continue;
                }
                for (best, hop) in best.iter_mut().zip(hops) {
                    *best = best.max((slack - line.bytes * hop) * line.per_rest);
                }
            }
        }
        // Seconds per work never rise with threads, so counting those that are too many finds the first that is not.
        if self.seconds_per_work.len() <= 32 {
            row.fill(1);
            for seconds in &self.seconds_per_work {
                for ((row, best), seconds) in row.iter_mut().zip(&*best).zip(seconds) {
                    *row += u16::from(seconds > best);
                }
            }
        } else {
            for (j, (row, best)) in row.iter_mut().zip(&*best).enumerate() {
                let too_many = |seconds: &Vec<f64>| seconds[j] > *best;
                let count = self.seconds_per_work[..self.most[j] as usize].partition_point(too_many) as u16;
                *row = count.wrapping_add(1); // 65536 is none, as 0 is
            }
        }
        for (row, most) in row.iter_mut().zip(&self.most) {
            if u32::from(*row) > *most {
                *row = NONE;
            }
        }
    }

    /// The vertex with the least delay, and the kinds whose hull it is of.
    fn fastest(&self, i: usize, cloudlet: usize, threads: u32) -> (Kinds, usize) {
        let request = &self.instance.requests[i];
        let pair = &self.pairs[self.pair(request)];
        let place = self.places[cloudlet];
        let group =
            self.groups.iter().position(|(_, range)| range.contains(&place)).expect("every place is in a group");
        let per_byte = 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[cloudlet];
        let per_work = self.seconds_per_work[threads as usize - 1][place];
        let delay = |line: &Line| line.device / request.device.speed + line.bytes * per_byte + line.rest * per_work;
        let lines = &pair.lines[group];
        let vertices = 0..lines.len();
        let vertex = vertices.min_by(|a, b| delay(&lines[*a]).total_cmp(&delay(&lines[*b])));
        let kinds = Kinds { model: pair.model, device: pair.device, cloudlet: self.groups[group].0 };
        (kinds, vertex.expect("a model has vertices"))
    }
}

#[cfg(test)]
mod tests {
    use offcut_instances::throughput::strategy::{Profits, device_sets, instances};
    use offcut_instances::throughput::{Parameters, generate};
    use proptest::prelude::*;

    use super::*;

    /// The delay straight from the definition.
    fn delay(instance: &Instance, i: usize, set: &[u32], remote: Option<(usize, u32)>) -> f64 {
        let request = &instance.requests[i];
        let model = &instance.models[request.model as usize];
        let has = |v: u32| set.contains(&v);
        let work = model.work(request.device.kind).expect("it runs there");
        let mut delay = 0.0;
        for v in 0..model.layers() as u32 {
            if has(v) {
                delay += work[v as usize] / request.device.speed;
            }
            let Some((j, k)) = remote else { continue };
            if !has(v) {
                let cloudlet = &instance.cloudlets[j];
                let Some(work) = model.work(cloudlet.thread.kind) else { return f64::INFINITY };
                delay += work[v as usize] / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k));
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
                        let (kinds, vertex) = Lines::new(&instance, &needs.cuts).fastest(i, j, k);
                        let set = needs.cuts.device_layers(kinds, vertex);
                        prop_assert!(meets(set, Some((j, k))), "{:?}", open);
                    }
                }
                prop_assert_eq!(open.is_some(), is_open);
            }
        }

        /// The more threads, the less stays on the device. (Arcs from the source, and only they, grow with seconds per cloudlet work, so this is a parametric
        /// minimum cut. Where cuts are as fast, the work on the cloudlet still grows.)
        #[test]
        fn device_sets_are_nested(instance in instances(4, 2, Profits::Unit)) {
            let needs = Needs::new(&instance);
            let lines = Lines::new(&instance, &needs.cuts);
            for (i, request) in instance.requests.iter().enumerate() {
                for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
                    let Some(work) = instance.models[request.model as usize].work(cloudlet.thread.kind) else { continue };
                    let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
                    let fastest: Vec<(Kinds, usize)> = (1..=most).map(|k| lines.fastest(i, j, k)).collect();
                    for pair in fastest.windows(2) {
                        let [fewer, more] = [pair[0], pair[1]].map(|(kinds, v)| needs.cuts.device_layers(kinds, v));
                        let on_device = |set: &[u32]| set.iter().map(|v| work[*v as usize]).sum::<f64>();
                        prop_assert!(on_device(more) <= on_device(fewer) + 1e-9, "{fewer:?} {more:?}");
                        let is_nested = more.iter().all(|v| fewer.contains(v));
                        prop_assert!(is_nested || !pair[0].0.are_macs(), "{fewer:?} {more:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn equal_requests_share_a_row() {
        let parameters = Parameters { requests: 50, ..Parameters::default() };
        let instance = generate("equal", &parameters, 1).expect("legal");
        let needs = Needs::new(&instance);
        assert_eq!((needs.rows(), needs.open.len()), (1, 50));
        assert_eq!(needs.row(&needs.open[7]), [3; 10]);
    }
}
