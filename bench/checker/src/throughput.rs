//! Judging `throughput`, straight from the definition.
//!
//! ```text
//! delay = sum_{v in S} macs_v / device_i + sum_{v in S, a successor outside} out_bytes_v (1/uplink_i + hop_ij)
//!       + sum_{v not in S} macs_v / (thread_j s_j(k))     <= deadline_i (1 + 1e-9)
//! ```
//!
//! Constraints: `shape`, `a device set is closed`, `indices exist`, `threads per request`, `threads within capacity`, `deadline`. A delay breaks its
//! deadline if the lower end of its enclosure does.
//!
//! **Envelopes.** Let n_vu be any numbers on a model's edges, and weights a, b >= 0. A device set S has no edge coming in, so what flows
//! out of layer 0 and is not kept by layers of S leaves over edges (v, u) with v in S, u not in S:
//!
//! ```text
//! out_0 - sum_{v in S, v > 0} (in_v - out_v) = sum of n over edges leaving S <= sum_{v in S, a successor outside} sum_u max(0, n_vu)
//! ```
//!
//! With kept_v = in_v - out_v <= a macs_v and passed_v = sum_u max(0, n_vu) <= b out_bytes_v this says `out_0 <= a D(S) + b B(S)`, D and B being the
//! MACs on the device and the bytes sent. Numbers that break the two inequalities a little only weaken it: what they exceed is
//! taken off. For neighbouring corners p, q and the weights a = B_p - B_q, b = D_q - D_p, let the flow prove `a D + b B >= (1-e) max(a D_p + b B_p, a D_q +
//! b B_q)` for every cut. Then (D, B)/(1-e) lies above the line through p and q for every pair, so it is, in both coordinates, at least a
//! point between two corners (or at least the first corner, or the last), and for any weights >= 0 a cut costs at least 1-e times
//! the cheapest corner. A delay with D/device + (M-D)/thread is of that kind if the cloudlet's threads are faster than the device; if not,
//! nothing is faster than the device alone, which is looked at first.
//!
//! **Prices.** See [`Certificate`]: for every solution, `sum profit = sum_i (profit_i - pi_j k_i) + sum_j pi_j load_j`, and k_i is at least the
//! least number of threads that the envelope allows. Replacing every k_i by that number keeps the solution feasible for the relaxed
//! problem, in which loads are sums of these numbers: so capacities may be rounded down to such sums, and cloudlets that no request
//! connects may be bounded apart, each bound being rounded down if profits are whole.
//!
//! **Values.** For every solution of the relaxed problem, `sum profit = sum_{i admitted} u_i + sum_j sum_{i on j} (profit_i - u_i)`, and whom a cloudlet
//! serves fits its threads: so the sum of all u_i >= 0 and of every cloudlet's best knapsack is a bound. Knapsacks are solved by dynamic
//! programming over threads, all sums rounded up.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` lets in.
//!
//! 1. *Envelope.* Corners rise strictly in D and fall strictly in B, from D = 0 to B = 0, so both weights a and b of a pair are above 0, and so is
//!    what its corners cost. The flow may be any numbers: what it proves is computed, and e is what is missing, 0 at least. A cut (D, B) with
//!    x = D/(1-e) up to the last corner's D lies in some pair's range, and `a x + b B/(1-e)` is at least what either corner costs: so (x, B/(1-e)) lies on or
//!    above their line. With x fixed, a delay rises with B; on the line it is linear, hence least at a corner. There the MACs elsewhere count as
//!    M/(1-e) - D >= max(0, M - D): the cut with everything on the device shows that no corner has D above M/(1-e). Beyond the last corner nothing
//!    is sent, and a delay rises with D unless the cloudlet is slower than the device.
//! 2. *Least threads.* `is_too_few` is said only for k that are too few for certain, and then fewer are too few as well. Where a search is cut off at
//!    [`worth_it`], more threads cost more than what is known already.
//! 3. *Leaf.* Prices and values are any numbers >= 0. A price of 0 makes threads free, and the search for a cheaper way goes through all of them: a
//!    quotient by 0 is never formed. What prices make of a leaf is rounded up, in every sum and product.
//! 4. *Tree.* Of a split's two children one holds for each solution, so a solution's profit is at most the bound of its leaf, and the largest over the
//!    leaves is a bound. A leaf without solutions counts as 0, which is below all that somebody could admit.
//!
//! **Steps** (see [`Budget`]). A look at all of an instance takes, for every pair of a request and a cloudlet, twice a search for the least threads: by bisection,
//! 17 times all corners. A tree does that once, into a table, and its leaves look pairs up: one step each, two passes. What splits decide is kept up to
//! date on the way down and up the tree: a pair that is ruled out is 0 in the table until the way back. Knapsacks take a step for every thread that
//! they go through, sums of threads one for every sum that is tried, and both are counted over the whole tree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use offcut_instances::throughput::{
    Certificate, DEADLINE_TOLERANCE, Envelope, Instance, Model, Part, PriceNode, Request, Service, Solution, Throughput,
};

use crate::budget::filled;
use crate::interval::{Accumulator, add_down, add_up};
use crate::speedup::slowness;
use crate::tree::{Flaw, Tree, Walker};
use crate::{Budget, Checkable, Domain, Intake, Interval, Normalised, Violation, sum};

/// Knapsacks are replayed up to so many steps a leaf, and threads in all.
const MAX_STEPS: u64 = 1_000_000_000;
const MAX_THREADS: u64 = 10_000_000;

/// A tree is replayed with a table of all requests and cloudlets, up to so many pairs; a single leaf needs none.
const MAX_PAIRS: usize = 200_000_000;

impl Checkable for Throughput {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        let requests = instance.requests.len();
        if solution.service.len() != requests {
            let off = solution.service.len().abs_diff(requests) as f64;
            let violation = Violation::new("one decision per request", "service", off, "entries too many or too few");
            return (None, vec![violation]);
        }
        let mut violations = Vec::new();
        let parts: Vec<Option<CutCosts>> = (solution.parts.iter().enumerate())
            .map(|(p, part)| CutCosts::of(instance, part).map_err(|v| violations.push(v.below(p))).ok())
            .collect();
        let alone: Vec<Interval> = instance.models.iter().map(|model| sum(points(&model.macs))).collect();
        let mut loads = vec![0u64; instance.cloudlets.len()];
        for (i, (request, service)) in instance.requests.iter().zip(&solution.service).enumerate() {
            let delay = match service {
                Service::Rejected => continue,
                Service::Local => alone[request.model as usize] / Interval::point(request.device_macs_per_s),
                Service::Remote { cloudlet, threads, part } => {
                    let (j, p) = (*cloudlet as usize, *part as usize);
                    let Some(cloudlet) = instance.cloudlets.get(j) else {
                        violations.push(missing(i, "cloudlet", j, instance.cloudlets.len()));
                        continue;
                    };
                    let Some(amounts) = parts.get(p) else {
                        violations.push(missing(i, "part", p, parts.len()));
                        continue;
                    };
                    let most = cloudlet.max_threads_per_request;
                    if !(1..=most).contains(threads) {
                        let at = format!("service[{i}]: {threads} threads, 1 to {most} are allowed");
                        let off = if *threads == 0 { 1 } else { threads - most };
                        violations.push(Violation::new("threads per request", at, off.into(), "threads"));
                        continue;
                    }
                    loads[j] += u64::from(*threads);
                    if solution.parts[p].model != request.model {
                        let at = format!("service[{i}].part: of model {}", solution.parts[p].model);
                        violations.push(Violation::new("a part of the request's model", at, 1.0, "wrong model"));
                        continue;
                    }
                    // The part's own violation has been told.
                    let Some(amounts) = amounts else { continue };
                    let per_byte = per_byte(request, instance.hops(i)[j]);
                    let slow = slowness(&cloudlet.speedup, *threads) / Interval::point(cloudlet.thread_macs_per_s);
                    amounts.device / Interval::point(request.device_macs_per_s)
                        + amounts.bytes * per_byte
                        + amounts.remote * slow
                }
            };
            if delay.low() > latest(request) {
                let at = format!("service[{i}]: {:e} s of {:e} s", delay.middle(), request.deadline_s);
                violations.push(Violation::new("deadline", at, delay.low() - request.deadline_s, "s late"));
            }
        }
        for (j, (load, cloudlet)) in loads.iter().zip(&instance.cloudlets).enumerate() {
            let capacity = u64::from(cloudlet.threads);
            if *load > capacity {
                let at = format!("cloudlets[{j}]: {load} of {capacity} threads used");
                violations.push(Violation::new(
                    "threads within capacity",
                    at,
                    (load - capacity) as f64,
                    "threads over",
                ));
            }
        }
        let admitted = instance.requests.iter().zip(&solution.service).filter(|(_, s)| **s != Service::Rejected);
        (Some(sum(admitted.map(|(request, _)| Interval::point(request.profit)))), violations)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        for (m, envelope) in certificate.envelopes.iter_mut().enumerate() {
            let place = |_| format!("envelopes[{m}]");
            let corners = envelope.corners.iter_mut().flat_map(|(macs, bytes)| [macs, bytes]);
            intake.take_all(corners, Domain::PRICE, "corners are numbers >= 0", place);
            let flows = envelope.flows.iter_mut().flatten();
            intake.take_all(flows, Domain::Signed(1e120), "flows are numbers", place);
        }
        for (at, node) in certificate.nodes.iter_mut().enumerate() {
            let place = |_| format!("nodes[{at}]");
            match node {
                PriceNode::Leaf { prices } => {
                    intake.take_all(prices, Domain::PRICE, "a leaf has a price >= 0 for every cloudlet", place);
                }
                PriceNode::Values { values } => {
                    let values = values.iter_mut().map(|(_, value)| value);
                    intake.take_all(values, Domain::PRICE, "a leaf has values >= 0 of requests, ascending", place);
                }
                PriceNode::Split { .. } => {}
            }
        }
    }

    fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
        budget(instance, certificate)
    }

    fn replay_normalised(
        instance: &Instance,
        certificate: &Normalised<Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        let jury = Checker::new(instance, &certificate.envelopes).map_err(|violation| vec![violation])?;
        jury.replay(&certificate.nodes, budget).map_err(|violation| vec![violation])
    }

    /// Requests admitted on their device alone, on cloudlets, and the threads they use.
    fn measures(_: &Instance, solution: &Solution) -> BTreeMap<String, f64> {
        let mut counts = [0u64; 3];
        for service in &solution.service {
            match service {
                Service::Rejected => {}
                Service::Local => counts[0] += 1,
                Service::Remote { threads, .. } => {
                    counts[1] += 1;
                    counts[2] += u64::from(*threads);
                }
            }
        }
        ["local", "remote", "threads"].into_iter().map(String::from).zip(counts.map(|count| count as f64)).collect()
    }
}

/// What a certificate of its size may take.
fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let of_envelope = |envelope: &Envelope| {
        envelope.corners.len() as u64 * 2 + envelope.flows.iter().map(|flow| flow.len() as u64).sum::<u64>()
    };
    let of_node = |node: &PriceNode| match node {
        PriceNode::Leaf { prices } => prices.len() as u64,
        PriceNode::Values { values } => values.len() as u64 * 2,
        PriceNode::Split { .. } => 4,
    };
    let numbers =
        certificate.envelopes.iter().map(of_envelope).sum::<u64>() + certificate.nodes.iter().map(of_node).sum::<u64>();
    let corners = certificate.envelopes.iter().map(|envelope| envelope.corners.len()).max().unwrap_or(0);
    let (requests, cloudlets) = (instance.requests.len() as u64, instance.cloudlets.len() as u64);
    let look = requests.saturating_mul((cloudlets.saturating_mul(2 * least_steps(corners))).saturating_add(2));
    Budget::of(numbers, look)
}

/// Steps that finding a pair's least threads takes, at most.
fn least_steps(corners: usize) -> u64 {
    17 * corners as u64 + 1
}

impl Violation {
    /// In part `p` of the solution.
    fn below(mut self, p: usize) -> Self {
        self.at = format!("parts[{p}]{}", self.at);
        self
    }
}

fn missing(i: usize, field: &str, index: usize, known: usize) -> Violation {
    Violation::new("indices exist", format!("service[{i}].{field}: {index} of {known}"), 1.0, field)
}

fn points(values: &[f64]) -> impl Iterator<Item = Interval> + '_ {
    values.iter().map(|value| Interval::point(*value))
}

/// Seconds per byte from a device to a cloudlet.
fn per_byte(request: &Request, hop_s_per_byte: f64) -> Interval {
    Interval::point(1.0) / Interval::point(request.uplink_bytes_per_s) + Interval::point(hop_s_per_byte)
}

/// The largest delay that counts as meeting the deadline, rounded up.
fn latest(request: &Request) -> f64 {
    (request.deadline_s * (1.0 + DEADLINE_TOLERANCE)).next_up()
}

/// What a device set costs: MACs on the device, bytes sent, MACs elsewhere.
struct CutCosts {
    device: Interval,
    bytes: Interval,
    remote: Interval,
}

impl CutCosts {
    fn of(instance: &Instance, part: &Part) -> Result<Self, Violation> {
        let Some(model) = instance.models.get(part.model as usize) else {
            let at = format!(".model: {} of {}", part.model, instance.models.len());
            return Err(Violation::new("indices exist", at, 1.0, "model"));
        };
        let mut is_on_device = vec![false; model.layers()];
        let mut last = None;
        for v in &part.device_layers {
            let at = format!(".device_layers: layer {v}");
            if *v as usize >= model.layers() {
                return Err(Violation::new("indices exist", at, 1.0, "layer"));
            }
            if last.is_some_and(|last| last >= v) {
                return Err(Violation::new("a device set is ascending", at, 1.0, "layer out of order"));
            }
            is_on_device[*v as usize] = true;
            last = Some(v);
        }
        if !is_on_device[0] {
            return Err(Violation::new("a device set has the input", ".device_layers", 1.0, "layer missing"));
        }
        let mut sends = vec![false; model.layers()];
        for (from, to) in &model.edges {
            let (from, to) = (*from as usize, *to as usize);
            if is_on_device[to] && !is_on_device[from] {
                let at = format!(".device_layers: layer {to} without its predecessor {from}");
                return Err(Violation::new("a device set is closed", at, 1.0, "layer missing"));
            }
            sends[from] |= is_on_device[from] && !is_on_device[to];
        }
        let chosen = |of: &[f64], is_chosen: &[bool], wanted: bool| {
            sum(of.iter().zip(is_chosen).filter(|(_, is)| **is == wanted).map(|(value, _)| Interval::point(*value)))
        };
        Ok(Self {
            device: chosen(&model.macs, &is_on_device, true),
            bytes: chosen(&model.out_bytes, &sends, true),
            remote: chosen(&model.macs, &is_on_device, false),
        })
    }
}

/// The corners of a model's cuts, as the envelope proves them.
struct HullVertices {
    /// MACs on the device, bytes sent, and no more than the MACs elsewhere.
    corners: Vec<[f64; 3]>,
    /// No more than all MACs.
    macs: f64,
    /// Any cut costs at least 1 - `slack` times the cheapest corner.
    slack: f64,
}

impl HullVertices {
    fn new(model: &Model, envelope: &Envelope) -> Result<Self, &'static str> {
        let Envelope { corners, flows } = envelope;
        if corners.first().is_none_or(|(macs, _)| *macs != 0.0) || corners.last().is_none_or(|(_, bytes)| *bytes != 0.0)
        {
            return Err("corners reach from no MACs to no bytes");
        }
        if corners.windows(2).any(|pair| pair[0].0 >= pair[1].0 || pair[0].1 <= pair[1].1) {
            return Err("corners rise in MACs and fall in bytes");
        }
        if flows.len() + 1 != corners.len() || flows.iter().any(|flow| flow.len() != model.edges.len()) {
            return Err("a flow on every edge for every two neighbouring corners");
        }
        let mut slack: f64 = 0.0;
        for (pair, flow) in corners.windows(2).zip(flows) {
            let weights = (pair[0].1 - pair[1].1, pair[1].0 - pair[0].0);
            let proved = proved_by(model, flow, weights);
            let cost = |(macs, bytes): (f64, f64)| {
                let cost = Interval::point(weights.0) * Interval::point(macs)
                    + Interval::point(weights.1) * Interval::point(bytes);
                cost.high()
            };
            let wanted = cost(pair[0]).max(cost(pair[1]));
            slack = slack.max((1.0 - (proved / wanted).next_down()).next_up());
        }
        if slack >= 0.5 {
            return Err("flows prove at least half of what corners cost");
        }
        let macs = sum(points(&model.macs)).low();
        let with_rest = |(device, bytes): &(f64, f64)| [*device, *bytes, add_down(macs, -device).max(0.0)];
        Ok(Self { corners: corners.iter().map(with_rest).collect(), macs, slack })
    }
}

/// What a flow proves: no cut's weighted MACs and bytes are less. Rounded down.
fn proved_by(model: &Model, flow: &[f64], (per_mac, per_byte): (f64, f64)) -> f64 {
    // Rounded up: what each layer keeps, and what it passes forwards.
    let mut kept = vec![0.0; model.layers()];
    let mut passed = vec![0.0; model.layers()];
    let mut leaves = 0.0;
    for ((from, to), flow) in model.edges.iter().zip(flow) {
        let (from, to) = (*from as usize, *to as usize);
        kept[to] = add_up(kept[to], *flow);
        kept[from] = add_up(kept[from], -flow);
        passed[from] = add_up(passed[from], flow.max(0.0));
        if from == 0 {
            leaves = add_down(leaves, *flow);
        }
    }
    let allowed = |weight: f64, amount: f64| (Interval::point(weight) * Interval::point(amount)).low();
    let mut exceeded = 0.0;
    for v in 0..model.layers() {
        if v > 0 {
            exceeded = add_up(exceeded, add_up(kept[v], -allowed(per_mac, model.macs[v])).max(0.0));
        }
        exceeded = add_up(exceeded, add_up(passed[v], -allowed(per_byte, model.out_bytes[v])).max(0.0));
    }
    add_down(leaves, -exceeded)
}

/// More than the relative error of a sum of three products of a few factors each, all of them >= 0, in plain floats.
const ROUNDING: f64 = 1e-14;

/// A request with what every cloudlet asks of it.
struct RequestDemand {
    /// A delay in plain floats above this breaks the deadline for certain.
    limit: f64,
    /// Whether the device alone could meet the deadline.
    is_local: bool,
    /// Per corner: seconds on the device.
    device_s: Vec<f64>,
}

/// An instance with its envelopes.
struct Checker<'a> {
    instance: &'a Instance,
    corners: Vec<HullVertices>,
    /// Per cloudlet and k-1: no more than the seconds per MAC of k threads.
    seconds_per_mac: Vec<Vec<f64>>,
    has_whole_profits: bool,
}

impl<'a> Checker<'a> {
    fn new(instance: &'a Instance, envelopes: &[Envelope]) -> Result<Self, Violation> {
        if envelopes.len() != instance.models.len() {
            let off = envelopes.len().abs_diff(instance.models.len()) as f64;
            return Err(Violation::new("one envelope per model", "envelopes", off, "too many or too few"));
        }
        let corners = (instance.models.iter().zip(envelopes).enumerate())
            .map(|(m, (model, envelope))| {
                HullVertices::new(model, envelope)
                    .map_err(|what| Violation::new(what, format!("envelopes[{m}]"), 1.0, "envelope"))
            })
            .collect::<Result<_, _>>()?;
        let of_cloudlet = |cloudlet: &offcut_instances::throughput::Cloudlet| {
            let speed = Interval::point(cloudlet.thread_macs_per_s);
            let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
            (1..=most).map(|k| (slowness(&cloudlet.speedup, k) / speed).low()).collect()
        };
        Ok(Self {
            instance,
            corners,
            seconds_per_mac: instance.cloudlets.iter().map(of_cloudlet).collect(),
            has_whole_profits: instance.requests.iter().all(|request| request.profit.fract() == 0.0),
        })
    }

    fn demand(&self, i: usize) -> RequestDemand {
        let request = &self.instance.requests[i];
        let of_model = &self.corners[request.model as usize];
        let limit = latest(request) * (1.0 + ROUNDING) / (1.0 - of_model.slack);
        RequestDemand {
            limit: limit.next_up(),
            is_local: (of_model.macs / request.device_macs_per_s).next_down() <= latest(request),
            device_s: of_model.corners.iter().map(|corner| corner[0] / request.device_macs_per_s).collect(),
        }
    }

    /// Whether k threads of cloudlet j are too few for request i for certain; it falls as k rises.
    fn is_too_few(&self, i: usize, demand: &RequestDemand, j: usize, k: u32) -> bool {
        let request = &self.instance.requests[i];
        let per_byte = 1.0 / request.uplink_bytes_per_s + self.instance.hops(i)[j];
        let per_mac = self.seconds_per_mac[j][k as usize - 1];
        let corners = &self.corners[request.model as usize].corners;
        let delay = |(corner, device_s): (&[f64; 3], &f64)| device_s + corner[1] * per_byte + corner[2] * per_mac;
        !demand.is_local && corners.iter().zip(&demand.device_s).map(delay).all(|delay| delay > demand.limit)
    }

    /// The least number of threads of cloudlet j, up to `most`, with which request i could meet its deadline.
    fn least(&self, i: usize, demand: &RequestDemand, j: usize, most: u32) -> Option<u32> {
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

    fn replay(&self, nodes: &[PriceNode], budget: &Budget) -> Result<f64, Violation> {
        let (requests, cloudlets) = (self.instance.requests.len(), self.instance.cloudlets.len());
        let tree = Tree::new(nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(""))?;
        let table = match nodes.len() {
            1 => None,
            _ if requests.saturating_mul(cloudlets) > MAX_PAIRS => {
                let what = "a tree is replayed for at most 2e8 pairs of requests and cloudlets";
                return Err(Flaw { node: 0, what }.violation(""));
            }
            _ => Some(self.table(budget)?),
        };
        let mut walk = Walk { state: State::new(self, table, budget)?, largest: 0.0 };
        tree.walk(&mut walk)?;
        Ok(walk.largest)
    }

    /// The children of a split, none for a leaf; or what is wrong with a node.
    fn children(&self, node: &PriceNode) -> Result<Option<[u32; 2]>, &'static str> {
        let (requests, cloudlets) = (self.instance.requests.len(), self.instance.cloudlets.len());
        match node {
            PriceNode::Split { request, cloudlet, served, elsewhere } => {
                if *request as usize >= requests || *cloudlet as usize >= cloudlets {
                    return Err("a split names a request and a cloudlet");
                }
                return Ok(Some([*served, *elsewhere]));
            }
            PriceNode::Leaf { prices } => {
                if prices.len() != cloudlets {
                    return Err("a leaf has a price >= 0 for every cloudlet");
                }
            }
            PriceNode::Values { values } => {
                let is_ascending = values.windows(2).all(|pair| pair[0].0 < pair[1].0);
                if !is_ascending || !values.iter().all(|(i, _)| (*i as usize) < requests) {
                    return Err("a leaf has values >= 0 of requests, ascending");
                }
                let threads: u64 = self.instance.cloudlets.iter().map(|c| u64::from(c.threads) + 1).sum();
                if threads > MAX_THREADS || threads.saturating_mul(requests as u64) > MAX_STEPS {
                    return Err("knapsacks are replayed for at most 1e7 threads and 1e9 steps");
                }
            }
        }
        Ok(None)
    }

    /// The least threads of every pair, 0 for none. Shape (requests, cloudlets).
    fn table(&self, budget: &Budget) -> Result<Vec<u16>, Violation> {
        let cloudlets = self.instance.cloudlets.len();
        let mut table = filled(0, self.instance.requests.len() * cloudlets)?;
        for i in 0..self.instance.requests.len() {
            let demand = self.demand(i);
            budget.spend(cloudlets as u64 * least_steps(demand.device_s.len()))?;
            for j in 0..cloudlets {
                table[i * cloudlets + j] = self.least(i, &demand, j, u32::MAX).unwrap_or(0) as u16;
            }
        }
        Ok(table)
    }

    /// The bound of one leaf, rounded up; 0 if no solution agrees with what is decided (profits are above 0, so 0 bounds nothing).
    fn leaf(&self, proof: Proof, state: &State) -> Result<f64, Violation> {
        if state.is_impossible() {
            return Ok(0.0);
        }
        let (cloudlets, budget) = (self.instance.cloudlets.len(), state.budget);
        let table = state.table.as_deref();
        let looked_up = |i: usize, j: usize| table.map(|table| u32::from(table[i * cloudlets + j]));
        let allows = |i: usize, j: usize| looked_up(i, j) != Some(0);
        let is_served = |i: usize| state.served.get(i).is_some_and(|served| *served > 0);
        let left: Vec<u64> = self
            .instance
            .cloudlets
            .iter()
            .zip(&state.used)
            .map(|(cloudlet, used)| u64::from(cloudlet.threads) - used)
            .collect();
        // What a pass takes for a request.
        let pass = |demand: &RequestDemand| match table {
            None => cloudlets as u64 * least_steps(demand.device_s.len()) + 1,
            Some(_) => cloudlets as u64 + 1,
        };

        // First pass: which cloudlets belong together, and which sums of threads there are.
        let mut groups = Groups::new(cloudlets);
        let mut sums: Vec<Sums> = left.iter().map(|left| Sums::up_to(*left)).collect();
        for i in 0..self.instance.requests.len() {
            if is_served(i) {
                continue;
            }
            if groups.is_one() && sums.iter().all(Sums::is_full) {
                break; // nothing changes any more
            }
            let demand = self.demand(i);
            budget.spend(pass(&demand))?;
            if demand.is_local {
                continue;
            }
            let mut first = None;
            for j in (0..cloudlets).filter(|j| allows(i, *j)) {
                if groups.is_one() && sums[j].is_full() {
                    continue;
                }
                let least = looked_up(i, j).or_else(|| self.least(i, &demand, j, u32::MAX)).filter(|k| *k > 0);
                let Some(k) = least else { continue };
                sums[j].with(k, budget)?;
                groups.join(*first.get_or_insert(j), j);
            }
        }

        // Second pass: what requests and cloudlets are worth, group by group.
        let mut apart = Accumulator::default();
        let mut of_group = vec![Accumulator::default(); cloudlets];
        let mut knapsacks: Vec<Knapsack> = match proof {
            Proof::Prices(_) => Vec::new(),
            Proof::Values(_) => left.iter().map(|left| Knapsack::of(*left)).collect::<Result<_, _>>()?,
        };
        let mut order: Vec<usize> = (0..cloudlets).collect();
        if let Proof::Prices(prices) = proof {
            order.sort_by(|a, b| prices[*a].total_cmp(&prices[*b]));
        }
        for (i, request) in self.instance.requests.iter().enumerate() {
            let demand = self.demand(i);
            budget.spend(pass(&demand))?;
            if demand.is_local || is_served(i) {
                apart.add(Interval::point(request.profit));
                continue;
            }
            let least = |j: usize, most: u32| match looked_up(i, j) {
                Some(k) => Some(k).filter(|k| *k > 0),
                None => self.least(i, &demand, j, most),
            };
            match proof {
                Proof::Prices(prices) => {
                    // The cheapest way to serve it, no more than the truth; cloudlets from the cheapest on.
                    let mut cheapest = request.profit;
                    let mut of = None;
                    for j in order.iter().copied().filter(|j| allows(i, *j)) {
                        if prices[j] >= cheapest {
                            break;
                        }
                        let Some(k) = least(j, worth_it(cheapest, prices[j])) else { continue };
                        let cost = (Interval::point(prices[j]) * Interval::point(k.into())).low();
                        if cost < cheapest {
                            (cheapest, of) = (cost, Some(j));
                        }
                    }
                    if let Some(j) = of {
                        of_group[groups.of(j)].add(Interval::point(add_up(request.profit, -cheapest)));
                    }
                }
                Proof::Values(values) => {
                    let mut of = None;
                    for j in (0..cloudlets).filter(|j| allows(i, *j)) {
                        if let Some(k) = least(j, u32::MAX) {
                            budget.spend(knapsacks[j].steps(k))?;
                            knapsacks[j].item(k, add_up(request.profit, -values[i]));
                            of = Some(j);
                        }
                    }
                    if let Some(j) = of {
                        of_group[groups.of(j)].add(Interval::point(values[i]));
                    }
                }
            }
        }
        for j in 0..cloudlets {
            let worth = match proof {
                Proof::Prices(prices) => Interval::point(prices[j]) * Interval::point(sums[j].largest(budget)? as f64),
                Proof::Values(_) => Interval::point(knapsacks[j].largest()),
            };
            of_group[groups.of(j)].add(worth);
        }
        let rounded = |value: f64| if self.has_whole_profits { value.floor() } else { value };
        let bounds = of_group.iter().map(|group| Interval::point(rounded(group.total().high())));
        Ok(rounded((apart.total() + sum(bounds)).high()))
    }
}

/// What is decided on the way to a leaf.
struct State<'a> {
    jury: &'a Checker<'a>,
    budget: &'a Budget,
    /// The least threads of every pair, 0 for none and for those ruled out; none if nothing can be decided. Shape (requests, cloudlets).
    table: Option<Vec<u16>>,
    /// How many cloudlets serve every request, and the threads they use. Shapes (requests,), empty without a table, and (cloudlets,).
    served: Vec<u32>,
    used: Vec<u64>,
    /// How often each decision was made.
    made: HashMap<Decision, u32>,
    /// Served with no threads or where it was ruled out; ruled out where it is served; served a second time; cloudlets whose threads do not do.
    conflicts: usize,
    /// What every decision has changed, in order.
    before: Vec<(Decision, Change)>,
}

/// What a decision changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It was made before.
    Nothing,
    /// A pair of so many threads is ruled out.
    RuledOut { threads: u16, is_conflict: bool },
    /// A pair is served.
    Served { threads: u16, conflicts: usize },
}

impl<'a> State<'a> {
    fn new(jury: &'a Checker<'a>, table: Option<Vec<u16>>, budget: &'a Budget) -> Result<Self, Violation> {
        let requests = if table.is_some() { jury.instance.requests.len() } else { 0 };
        let used = vec![0; jury.instance.cloudlets.len()];
        let served = filled(0, requests)?;
        Ok(Self { jury, budget, table, served, used, made: HashMap::new(), conflicts: 0, before: Vec::new() })
    }

    fn is_impossible(&self) -> bool {
        self.conflicts > 0
    }

    fn decide(&mut self, decision: Decision) {
        let times = self.made.entry(decision).or_default();
        *times += 1;
        let change = if *times > 1 { Change::Nothing } else { self.make(decision) };
        self.before.push((decision, change));
    }

    /// A decision is made for the first time.
    fn make(&mut self, Decision { pair: (i, j), is_served }: Decision) -> Change {
        let served_here = self.made.contains_key(&Decision { pair: (i, j), is_served: true });
        let cloudlets = self.used.len();
        let entry = &mut self.table.as_mut().expect("whatever is decided has a table")[i * cloudlets + j];
        let threads = *entry;
        if !is_served {
            *entry = 0;
            self.conflicts += usize::from(served_here);
            return Change::RuledOut { threads, is_conflict: served_here };
        }
        let capacity = u64::from(self.jury.instance.cloudlets[j].threads);
        let did = self.used[j] <= capacity;
        self.used[j] += u64::from(threads);
        self.served[i] += 1;
        let conflicts = [threads == 0, self.served[i] > 1, did && self.used[j] > capacity];
        let conflicts = conflicts.into_iter().filter(|is| *is).count();
        self.conflicts += conflicts;
        Change::Served { threads, conflicts }
    }

    /// The last decision is taken back.
    fn take_back(&mut self) {
        let (decision, change) = self.before.pop().expect("decisions come before");
        let times = self.made.get_mut(&decision).expect("it was made");
        *times -= 1;
        if *times == 0 {
            self.made.remove(&decision);
        }
        let (i, j) = decision.pair;
        match change {
            Change::Nothing => {}
            Change::RuledOut { threads, is_conflict } => {
                let cloudlets = self.used.len();
                self.table.as_mut().expect("whatever is decided has a table")[i * cloudlets + j] = threads;
                self.conflicts -= usize::from(is_conflict);
            }
            Change::Served { threads, conflicts } => {
                self.used[j] -= u64::from(threads);
                self.served[i] -= 1;
                self.conflicts -= conflicts;
            }
        }
    }
}

/// On the way through a price tree.
struct Walk<'a> {
    state: State<'a>,
    largest: f64,
}

impl<'a> Walker<'a, PriceNode> for Walk<'_> {
    fn down(&mut self, split: &'a PriceNode, is_served: bool) -> Result<(), Violation> {
        self.state.decide(Decision::of(split, is_served));
        self.state.budget.spend(1)
    }

    fn up(&mut self) {
        self.state.take_back();
    }

    fn leaf(&mut self, _: usize, leaf: &'a PriceNode) -> Result<(), Violation> {
        let jury = self.state.jury;
        let bound = match leaf {
            PriceNode::Leaf { prices } => jury.leaf(Proof::Prices(prices), &self.state),
            PriceNode::Values { values } => {
                let mut all = vec![0.0; jury.instance.requests.len()];
                values.iter().for_each(|(i, value)| all[*i as usize] = *value);
                jury.leaf(Proof::Values(&all), &self.state)
            }
            PriceNode::Split { .. } => unreachable!("leaves only"),
        };
        self.largest = self.largest.max(bound?);
        Ok(())
    }
}

/// At least the most threads that cost no more than `most` at a price, both above 0 or the price 0: where threads are free, all that there may be.
///
/// More threads k than this cost more: k is above the quotient, rounded up, so `price k > most`.
fn worth_it(most: f64, price: f64) -> u32 {
    debug_assert!(most > 0.0 && price >= 0.0);
    if price > 0.0 {
        let quotient = (most / price).next_up();
        if quotient < f64::from(u32::MAX) {
            return quotient as u32;
        }
    }
    u32::MAX
}

/// What a leaf proves its bound with.
#[derive(Clone, Copy)]
enum Proof<'a> {
    /// Shape (cloudlets,).
    Prices(&'a [f64]),
    /// Shape (requests,).
    Values(&'a [f64]),
}

/// The best set of requests for a cloudlet, by dynamic programming: the most that fits so many threads, rounded up.
struct Knapsack(Vec<f64>);

impl Knapsack {
    fn of(threads: u64) -> Result<Self, Violation> {
        filled(0.0, threads as usize + 1).map(Self)
    }

    /// What an offer of so many threads takes.
    fn steps(&self, threads: u32) -> u64 {
        (self.0.len() as u64).saturating_sub(threads.into()) + 1
    }

    /// One more request may be taken.
    fn item(&mut self, threads: u32, gain: f64) {
        let threads = threads as usize;
        if gain > 0.0 {
            for room in (threads..self.0.len()).rev() {
                self.0[room] = self.0[room].max(add_up(self.0[room - threads], gain));
            }
        }
    }

    fn largest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

/// A decision on the way to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Decision {
    pair: (usize, usize),
    is_served: bool,
}

impl Decision {
    fn of(split: &PriceNode, is_served: bool) -> Self {
        let PriceNode::Split { request, cloudlet, .. } = split else { unreachable!("only splits have children") };
        Self { pair: (*request as usize, *cloudlet as usize), is_served }
    }
}

/// Cloudlets that some request connects.
struct Groups {
    parent: Vec<usize>,
    count: usize,
}

impl Groups {
    fn new(cloudlets: usize) -> Self {
        Self { parent: (0..cloudlets).collect(), count: cloudlets }
    }

    fn of(&self, mut j: usize) -> usize {
        while self.parent[j] != j {
            j = self.parent[j];
        }
        j
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.parent[a.max(b)] = a.min(b);
            self.count -= 1;
        }
    }

    fn is_one(&self) -> bool {
        self.count <= 1
    }
}

/// The sums of some whole numbers, each taken as often as one likes, up to a limit.
struct Sums {
    limit: u64,
    parts: BTreeSet<u32>,
    is_full: bool,
}

impl Sums {
    fn up_to(limit: u64) -> Self {
        Self { limit, parts: BTreeSet::new(), is_full: limit == 0 }
    }

    /// One more number may be taken.
    fn with(&mut self, part: u32, budget: &Budget) -> Result<(), Violation> {
        if !self.is_full && self.parts.insert(part) {
            self.is_full = self.largest(budget)? == self.limit;
        }
        Ok(())
    }

    /// Whether the limit itself is such a sum: more numbers change nothing then.
    fn is_full(&self) -> bool {
        self.is_full
    }

    /// The largest sum within the limit. Modulo the smallest part a, each remainder has a least sum from which on every a-th number
    /// is one: found by going through the remainders until nothing falls any more.
    fn largest(&self, budget: &Budget) -> Result<u64, Violation> {
        let Some(least) = self.parts.first().map(|part| u64::from(*part)) else { return Ok(0) };
        if self.is_full {
            return Ok(self.limit);
        }
        let mut first = vec![u64::MAX; least as usize];
        first[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            budget.spend(least * (self.parts.len() as u64 + 1))?;
            for remainder in 0..least as usize {
                if first[remainder] == u64::MAX {
                    continue;
                }
                for part in &self.parts {
                    let next = first[remainder] + u64::from(*part);
                    let slot = &mut first[(next % least) as usize];
                    if next < *slot {
                        (*slot, changed) = (next, true);
                    }
                }
            }
        }
        let reached = |sum: &u64| first[(sum % least) as usize] <= *sum;
        Ok((self.limit.saturating_sub(least)..=self.limit).rev().find(reached).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
