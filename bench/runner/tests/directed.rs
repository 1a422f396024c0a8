//! A directed search for certificates that prove too much.
//!
//! Certificates of every kind, of every problem, are changed number by number and pair by pair: to zeros of both signs, to the least and the largest
//! numbers there are, to their negatives and neighbours. Whatever comes out is a certificate, too. The checker may reject it; what it proves of it must
//! be true. The truth is a solution's objective, found by enumeration.
//!
//! `OFFCUT_CASES=1000 cargo test --release -p offcut-runner directed` looks at more instances, and at every number of each certificate.

use std::collections::BTreeMap;

use offcut_checker::{Tolerance, check_answer};
use offcut_instances::jpdra::strategy::{Shares, instances as jpdra_instances};
use offcut_instances::jpdra::{self, Jpdra};
use offcut_instances::lymdo::strategy::instances as lymdo_instances;
use offcut_instances::lymdo::{self, Lymdo};
use offcut_instances::multiuser::strategy::{allocations, instances as multiuser_instances};
use offcut_instances::multiuser::{self, Multiuser, Objective, Speedup};
use offcut_instances::problem::{Answer, Budget, Evidence, Sense};
use offcut_instances::random::Stream;
use offcut_instances::throughput::strategy::{Profits, device_sets, instances as throughput_instances};
use offcut_instances::throughput::{self, Throughput};
use offcut_runner::{BenchmarkAdapter, method};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::Value;

/// Instances of each kind, and how many numbers of a certificate are changed.
fn effort() -> (usize, usize) {
    match std::env::var("OFFCUT_CASES").ok().and_then(|cases| cases.parse().ok()) {
        Some(cases) => (cases, usize::MAX),
        None => (200, 8),
    }
}

/// What stands in a number's place.
fn replacements(number: f64) -> Vec<f64> {
    let ends = [0.0, -0.0, 5e-324, -5e-324, f64::MIN_POSITIVE, 1e-60, -1e-60, 1e60, 1e120, f64::MAX];
    let near = [-number, number.next_up(), number.next_down(), 2.0 * number, 0.5 * number];
    ends.into_iter().chain(near).collect()
}

/// The places of all numbers that are floats.
fn floats(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Number(number) if number.is_f64() => found.push(at),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| floats(value, format!("{at}/{i}"), found))
        }
        Value::Object(values) => values.iter().for_each(|(key, value)| floats(value, format!("{at}/{key}"), found)),
        _ => {}
    }
}

fn number(certificate: &Value, at: &str) -> f64 {
    certificate.pointer(at).and_then(Value::as_f64).expect("a float")
}

fn set(certificate: &mut Value, at: &str, number: f64) {
    // What is not finite cannot be written.
    if number.is_finite() {
        *certificate.pointer_mut(at).expect("it was there") = number.into();
    }
}

/// What was looked at.
#[derive(Default)]
struct Search {
    /// Instances by kind of certificate.
    instances: BTreeMap<String, usize>,
    checked_answer: usize,
    proved: usize,
}

impl Search {
    /// Nothing that `certificate` becomes proves more than `optimum`; none if the instance has no solution.
    fn changed<P: BenchmarkAdapter>(
        &mut self,
        kind: &str,
        instance: &P::Instance,
        optimum: Option<f64>,
        certificate: &P::Certificate,
        stream: &mut Stream,
    ) {
        *self.instances.entry(kind.into()).or_default() += 1;
        let original = serde_json::to_value(certificate).expect("plain data");
        self.check_answer::<P>(kind, instance, optimum, &original, true);
        let mut places = Vec::new();
        floats(&original, String::new(), &mut places);
        // All at once.
        for all in [0.0, -0.0, 5e-324, 1e-60, 1e60] {
            let mut changed = original.clone();
            places.iter().for_each(|place| set(&mut changed, place, all));
            self.check_answer::<P>(kind, instance, optimum, &changed, false);
        }
        stream.shuffle(&mut places);
        let (_, most) = effort();
        for (at, place) in places.iter().enumerate().take(most) {
            for replaced in replacements(number(&original, place)) {
                let mut changed = original.clone();
                set(&mut changed, place, replaced);
                self.check_answer::<P>(kind, instance, optimum, &changed, false);
                // And with another one.
                let other = &places[(at + 1 + stream.below(places.len() as u64) as usize) % places.len()];
                let others = replacements(number(&changed, other));
                set(&mut changed, other, others[stream.below(others.len() as u64) as usize]);
                self.check_answer::<P>(kind, instance, optimum, &changed, false);
            }
        }
        // A leaf that bounds is no leaf without solutions.
        let text = original.to_string();
        for (from, to) in [("\"priced\"", "\"empty\""), ("\"empty\"", "\"priced\"")] {
            if text.contains(from) {
                let changed = serde_json::from_str(&text.replace(from, to)).expect("JSON still");
                self.check_answer::<P>(kind, instance, optimum, &changed, false);
            }
        }
    }

    fn check_answer<P: BenchmarkAdapter>(
        &mut self,
        kind: &str,
        instance: &P::Instance,
        optimum: Option<f64>,
        certificate: &Value,
        is_original: bool,
    ) {
        self.checked_answer += 1;
        let Ok(parsed) = serde_json::from_value::<P::Certificate>(certificate.clone()) else { return };
        let proved = P::replay(instance, &parsed);
        assert!(!is_original || proved.is_ok(), "{kind}: {proved:?} of {certificate}");
        let Ok(value) = proved else { return };
        self.proved += 1;
        let told = || serde_json::to_string(instance).expect("plain data");
        let is_negative_zero = value == 0.0 && value.is_sign_negative();
        assert!(!is_negative_zero && !value.is_nan(), "{kind}: {value}");
        match (optimum, P::SENSE) {
            // Whatever is proved of an instance without solutions is true.
            (None, _) => {}
            (Some(optimum), Sense::Minimise) => {
                assert!(value <= optimum, "{kind}: {value} of {optimum}: {certificate} {}", told());
            }
            (Some(optimum), Sense::Maximise) => {
                assert!(value >= optimum, "{kind}: {value} of {optimum}: {certificate} {}", told());
            }
        }
    }

    /// Every kind was seen on as many instances as there are to be.
    fn assert_seen(&self, kinds: &[&str]) {
        println!("{} checked, {} proved something: {:?}", self.checked_answer, self.proved, self.instances);
        let (wanted, _) = effort();
        for kind in kinds {
            let seen = self.instances.get(*kind).copied().unwrap_or(0);
            assert!(seen >= wanted, "{kind}: {seen} of {wanted}");
        }
    }
}

/// What a method answers.
fn answer<P: BenchmarkAdapter>(id: &str, instance: &P::Instance) -> Answer<P> {
    let spec = id.parse().expect("a method");
    method::<P>(&spec).expect("known").solve(instance, &Budget::seconds(20.0))
}

/// The certificate of an answer, if it has one.
fn certificate<P: BenchmarkAdapter>(answer: &Answer<P>) -> Option<P::Certificate> {
    match &answer.proved.as_ref()?.evidence {
        Evidence::Certificate(certificate) => Some(certificate.clone()),
        Evidence::SolverReported(_) => None,
    }
}

/// The end of the checked objective that a bound must not be beyond; none without a solution.
fn checked<P: BenchmarkAdapter>(instance: &P::Instance, answer: &Answer<P>) -> Option<f64> {
    let claim = answer.found.as_ref()?;
    let alone = Answer::<P>::found(claim.solution.clone(), claim.objective);
    let verdict = check_answer::<P>(instance, &alone, &Tolerance::default());
    verdict.objective().filter(|_| verdict.is_feasible()).map(|objective| match P::SENSE {
        Sense::Minimise => objective.high(),
        Sense::Maximise => objective.low(),
    })
}

/// Instances of a strategy, seeded.
fn drawn<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("it draws").current()).collect()
}

/// The least value of an allocation, straight from the definition.
fn multiuser_optimum(instance: &multiuser::Instance) -> f64 {
    let speed = |units: u32| match &instance.server.speedup {
        Speedup::Linear => f64::from(units),
        Speedup::Amdahl { parallel_fraction: p } => 1.0 / (1.0 - p + p / f64::from(units)),
        Speedup::Table { speedups } => speedups[(units as usize).min(speedups.len()) - 1],
    };
    let latency = |i: usize, units: u32| {
        let user = &instance.users[i];
        let model = &instance.models[user.model as usize];
        let blocks = model.blocks();
        let of_cut = |cut: usize| {
            let local: f64 = model.work(user.device.kind)[..cut].iter().sum::<f64>() / user.device.speed;
            if cut == blocks {
                return local;
            }
            let unit = instance.server.unit;
            let remote: f64 = model.work(unit.kind)[cut..].iter().sum::<f64>() / (unit.speed * speed(units));
            local + user.rtt_s + model.cut_bytes[cut] / user.uplink_bytes_per_s + remote
        };
        (if units == 0 { blocks } else { 0 }..=blocks).map(of_cut).fold(f64::INFINITY, f64::min)
    };
    let value = |allocation: &Vec<u32>| {
        let latencies = allocation.iter().enumerate().map(|(i, units)| latency(i, *units));
        match instance.objective {
            Objective::Max => latencies.fold(0.0, f64::max),
            Objective::Sum => latencies.sum(),
        }
    };
    allocations(instance.users.len(), instance.server.units).iter().map(value).fold(f64::INFINITY, f64::min)
}

#[test]
fn multiuser() {
    let mut search = Search::default();
    let mut stream = Stream::new(&["directed", "multiuser"], 0);
    for objective in [Objective::Max, Objective::Sum] {
        for instance in drawn(multiuser_instances(3, 6, objective), effort().0 * 3 / 2) {
            if instance.server.units == 0 {
                continue;
            }
            let optimum = Some(multiuser_optimum(&instance) * (1.0 + 1e-12));
            if objective == Objective::Max {
                let found = certificate(&answer::<Multiuser>("threshold", &instance)).expect("it proves");
                search.changed::<Multiuser>("threshold", &instance, optimum, &found, &mut stream);
                continue;
            }
            let found = certificate(&answer::<Multiuser>("price", &instance)).expect("it proves");
            search.changed::<Multiuser>("leaf", &instance, optimum, &found, &mut stream);
            // A tree of `branch`, or the leaf split by hand.
            let tree = certificate(&answer::<Multiuser>("branch", &instance)).expect("it proves");
            let multiuser::Certificate::Prices { nodes } = tree else { panic!("prices") };
            let nodes = if nodes.len() > 1 {
                nodes
            } else {
                let user = stream.below(instance.users.len() as u64) as u32;
                let units = stream.below(u64::from(instance.server.units)) as u32;
                let split = multiuser::PriceNode::Split { user, units, at_most: 1, above: 2 };
                vec![split, nodes[0].clone(), nodes[0].clone()]
            };
            let tree = multiuser::Certificate::Prices { nodes };
            search.changed::<Multiuser>("tree", &instance, optimum, &tree, &mut stream);
        }
    }
    search.assert_seen(&["threshold", "leaf", "tree"]);
}

/// The most profit, straight from the definition: the least threads of every pair by trying all cuts, then all assignments.
fn throughput_optimum(instance: &throughput::Instance) -> f64 {
    let mut parts = instance.models.iter().map(device_sets).collect::<Vec<_>>();
    for (model, parts) in instance.models.iter().zip(&mut parts) {
        // All on the device is a cut, too.
        let all: Vec<u32> = (0..model.layers() as u32).collect();
        if !parts.contains(&all) {
            parts.push(all);
        }
    }
    let delay = |i: usize, remote: Option<(usize, u32)>, part: &[u32]| {
        let request = &instance.requests[i];
        let model = &instance.models[request.model as usize];
        let is_local = |v: usize| part.contains(&(v as u32));
        let work = |kind: Option<u32>, local: bool| {
            let work = model.work(kind)?;
            Some((0..work.len()).filter(|v| is_local(*v) == local).map(|v| work[v]).sum::<f64>())
        };
        let mut delay = work(request.device.kind, true).expect("a device runs its model") / request.device.speed;
        if let Some((j, k)) = remote {
            let cloudlet = &instance.cloudlets[j];
            let sends =
                |v: usize| model.edges.iter().any(|(a, b)| *a as usize == v && is_local(v) && !is_local(*b as usize));
            let bytes: f64 = (0..model.layers()).filter(|v| sends(*v)).map(|v| model.out_bytes[v]).sum();
            let speedup = match &cloudlet.speedup {
                Speedup::Linear => f64::from(k),
                Speedup::Amdahl { parallel_fraction: p } => 1.0 / (1.0 - p + p / f64::from(k)),
                Speedup::Table { speedups } => speedups[(k as usize).min(speedups.len()) - 1],
            };
            delay += bytes * (1.0 / request.uplink_bytes_per_s + instance.hops(i)[j]);
            // A cloudlet without work for the model does not run it.
            let Some(remote) = work(cloudlet.thread.kind, false) else { return f64::INFINITY };
            delay += remote / (cloudlet.thread.speed * speedup);
        }
        delay
    };
    // (A cut that meets its deadline by less than rounding counts as meeting it, so that the optimum is not above what is true.)
    let meets = |i: usize, remote: Option<(usize, u32)>, part: &[u32]| {
        delay(i, remote, part) <= instance.requests[i].deadline_s * (1.0 + 1e-12)
    };
    let least = |i: usize, j: usize| {
        let cloudlet = &instance.cloudlets[j];
        let parts = &parts[instance.requests[i].model as usize];
        (1..=cloudlet.max_threads_per_request).find(|k| parts.iter().any(|part| meets(i, Some((j, *k)), part)))
    };
    let is_local = |i: usize| {
        let all: Vec<u32> = (0..instance.models[instance.requests[i].model as usize].layers() as u32).collect();
        meets(i, None, &all)
    };
    fn best(
        at: usize,
        left: &mut Vec<u32>,
        instance: &throughput::Instance,
        least: &[Vec<Option<u32>>],
        local: &[bool],
    ) -> f64 {
        if at == instance.requests.len() {
            return 0.0;
        }
        let profit = instance.requests[at].profit;
        if local[at] {
            return profit + best(at + 1, left, instance, least, local);
        }
        let mut most = best(at + 1, left, instance, least, local);
        for j in 0..left.len() {
            if let Some(k) = least[at][j].filter(|k| *k <= left[j]) {
                left[j] -= k;
                most = most.max(profit + best(at + 1, left, instance, least, local));
                left[j] += k;
            }
        }
        most
    }
    let (requests, cloudlets) = (instance.requests.len(), instance.cloudlets.len());
    let table: Vec<Vec<_>> = (0..requests).map(|i| (0..cloudlets).map(|j| least(i, j)).collect()).collect();
    let local: Vec<bool> = (0..requests).map(is_local).collect();
    let mut left: Vec<u32> = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
    best(0, &mut left, instance, &table, &local)
}

#[test]
fn throughput() {
    use offcut_instances::throughput::{Certificate, PriceNode};
    let mut search = Search::default();
    let mut stream = Stream::new(&["directed", "throughput"], 0);
    let strategy = prop_oneof![throughput_instances(5, 3, Profits::Unit), throughput_instances(5, 3, Profits::Any)];
    for instance in drawn(strategy, effort().0 * 3 / 2) {
        if instance.requests.is_empty() || instance.cloudlets.is_empty() {
            continue;
        }
        let optimum = Some(throughput_optimum(&instance) * (1.0 - 1e-12));
        let found = certificate(&answer::<Throughput>("price", &instance)).expect("it proves");
        let of_branch = certificate(&answer::<Throughput>("branch", &instance)).expect("it proves");
        let mut changed = |kind: &str, nodes: Vec<PriceNode>| {
            let changed = Certificate { nodes, cuts: of_branch.cuts.clone(), ..found.clone() };
            search.changed::<Throughput>(kind, &instance, optimum, &changed, &mut Stream::new(&["numbers"], 0));
        };
        let leaf = found.nodes.last().expect("a leaf").clone();
        changed("leaf", vec![leaf.clone()]);
        let of_requests = 0..instance.requests.len() as u32;
        let values = of_requests.map(|i| (i, stream.log_uniform(1e-3, 1.0))).collect();
        let values = PriceNode::Values { values, multipliers: vec![] };
        changed("values", vec![values.clone()]);
        let tree = if of_branch.nodes.len() > 1 {
            of_branch.nodes.clone()
        } else {
            let request = stream.below(instance.requests.len() as u64) as u32;
            let cloudlet = stream.below(instance.cloudlets.len() as u64) as u32;
            vec![PriceNode::Split { request, cloudlet, served: 1, elsewhere: 2 }, leaf, values]
        };
        changed("tree", tree);
    }
    search.assert_seen(&["leaf", "values", "tree"]);
}

#[test]
fn jpdra() {
    use offcut_instances::jpdra::{Certificate, Node};
    let mut search = Search::default();
    let mut stream = Stream::new(&["directed", "jpdra"], 0);
    for (shares, count) in [(Shares::Continuous, 2), (Shares::Units, 1)] {
        for instance in drawn(jpdra_instances(2, 2, 3, shares), effort().0 * count) {
            let all = answer::<Jpdra>("exhaustive", &instance);
            let optimum = checked(&instance, &all);
            let mut changed = |kind: &str, certificate: &Certificate| {
                search.changed::<Jpdra>(kind, &instance, optimum, certificate, &mut stream);
            };
            if let Some(found) = certificate(&answer::<Jpdra>("price", &instance)) {
                changed("marginal", &found);
            }
            let found = certificate(&answer::<Jpdra>("branch", &instance)).expect("it proves");
            if optimum.is_none() {
                changed("without solutions", &found);
            }
            let Some(at) = found.nodes.iter().position(|node| matches!(node, Node::Priced { .. })) else { continue };
            let leaf = found.nodes[at].clone();
            changed("leaf", &Certificate { nodes: vec![leaf.clone()], ..found.clone() });
            let split = jpdra::Node::Split { flow: 0, partition: 0, servers: vec![0], inside: 1, outside: 2 };
            let tree = if found.nodes.len() > 1 { found.nodes.clone() } else { vec![split, leaf.clone(), leaf] };
            changed("tree", &Certificate { nodes: tree, ..found });
        }
    }
    search.assert_seen(&["marginal", "leaf", "tree"]);
}

#[test]
fn lymdo() {
    use offcut_instances::lymdo::{Certificate, Node, Tree};
    let mut search = Search::default();
    let mut stream = Stream::new(&["directed", "lymdo"], 0);
    for instance in drawn(lymdo_instances(2, 2, 1), effort().0 * 3) {
        let optimum = checked(&instance, &answer::<Lymdo>("enumerate", &instance));
        let mut changed = |kind: &str, certificate: &Certificate| {
            search.changed::<Lymdo>(kind, &instance, optimum, certificate, &mut stream);
        };
        let found = certificate(&answer::<Lymdo>("branch", &instance)).expect("it proves");
        if optimum.is_none() {
            changed("without solutions", &found);
        }
        let Tree { prices, nodes } = found.slots[0].clone();
        let Some(leaf) = nodes.iter().find(|node| matches!(node, Node::Priced { .. })).cloned() else { continue };
        let of = |nodes: Vec<Node>| Certificate {
            energy_s_per_j: Vec::new(),
            slots: vec![Tree { prices: prices.clone(), nodes }],
        };
        changed("leaf", &of(vec![leaf.clone()]));
        let split = lymdo::Node::Split { user: 0, cuts: vec![0], inside: 1, outside: 2 };
        changed("tree", &of(if nodes.len() > 1 { nodes } else { vec![split, leaf.clone(), leaf] }));
    }
    for instance in drawn(lymdo_instances(2, 2, 3), effort().0 * 3) {
        // No horizon is enumerated: the best trajectory there is stands for the optimum.
        let policies = ["lymdo-exact", "alternating", "myopic", "local-only", "edge-only"];
        let found = policies.map(|id| checked(&instance, &answer::<Lymdo>(id, &instance)));
        let Some(optimum) = found.into_iter().flatten().reduce(f64::min) else { continue };
        let Some(found) = certificate(&answer::<Lymdo>("clairvoyant", &instance)) else { continue };
        search.changed::<Lymdo>("horizon", &instance, Some(optimum), &found, &mut stream);
    }
    search.assert_seen(&["leaf", "tree", "horizon"]);
}
