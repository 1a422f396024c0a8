//! The toy by hand, each constraint broken alone, garbage certificates, and bounds against brute force.

use std::collections::HashMap;

use offcut_instances::document::parse_instance;
use offcut_instances::machine::{Machine, MachineKind};
use offcut_instances::problem::Answer;
use offcut_instances::throughput::strategy::{Profits, device_sets, instances, models};
use offcut_instances::throughput::{
    Cell, Cloudlet, Cut, DEADLINE_TOLERANCE, Envelope, Hull, HullNode, Model, Part, Request,
};
use proptest::prelude::*;

use super::envelope::{HullVertices, proved_by};
use super::evaluate::{latest, points};
use super::hull::proved_at;
use super::knapsack::Knapsack;
use super::leaf_bound::{Groups, Proof as LeafProof, Sums, leaf_bound, max_threads_within};
use super::node_state::{Decision, State};
use super::relaxation::Relaxation;
use super::replay::Replay;
use super::*;
use crate::{Proof, Tolerance, Verdict, check_answer, sum};

fn toy() -> Instance {
    let bytes = include_bytes!("../../../../instances/data/throughput/toy.json");
    parse_instance::<Throughput>(bytes).expect("the toy is valid")
}

/// The toy by hand. A chain: input of 4 bytes, layers of 2 and 4 MACs, 1 byte between them. Devices do 1 MAC/s and send 1 byte/s; a thread
/// does 2 MAC/s, two of them 4.
///
/// ```text
/// on the device   delay with 1 thread    2 threads
/// the input       4 + 6/2      = 7       4 + 6/4     = 5.5
/// and layer 1     2 + 1 + 4/2  = 5       2 + 1 + 4/4 = 4
/// all             6
/// ```
///
/// Deadlines 6, 5, 4.5, 4, 3 s: locally feasible; 1 thread; 2 threads; 2 threads, with equality; out of reach. Of 3 threads 1 + 2 serve
/// two requests besides the local one: 3 admitted. At 1/2 a thread the bound is 3/2 + 1 (local) + 1/2 (the second) = 3.
fn solution(services: [Service; 5]) -> Solution {
    let parts = vec![Part { model: 0, device_layers: vec![0, 1] }, Part { model: 0, device_layers: vec![0] }];
    Solution { parts, service: services.into() }
}

const REJECTED: Service = Service::Rejected;

fn remote(threads: u32) -> Service {
    Service::Remote { cloudlet: 0, threads, part: 0 }
}

fn optimum() -> Solution {
    solution([Service::Local, remote(1), REJECTED, remote(2), REJECTED])
}

/// Corners (0,4), (2,1), (6,0). Weights 3 and 2 between the first two: 8 leave the input, 6 are kept by layer 1, 2 by layer 2. Weights 1 and 4
/// between the others: 6 leave, 2 and 4 are kept.
fn certificate(price: f64) -> Certificate {
    let corners = vec![(0.0, 4.0), (2.0, 1.0), (6.0, 0.0)];
    let envelope = Envelope { corners, flows: vec![vec![8.0, 2.0], vec![6.0, 4.0]] };
    let nodes = vec![PriceNode::Leaf { prices: vec![price] }];
    Certificate { envelopes: vec![envelope], hulls: Vec::new(), cuts: Vec::new(), nodes }
}

#[test]
fn the_toy_is_what_the_hand_says() {
    let (objective, violations) = Throughput::evaluate(&toy(), &optimum());
    assert_eq!((objective, violations), (Some(Interval::point(3.0)), vec![]));
    let measures = Throughput::measures(&toy(), &optimum());
    assert_eq!((measures["local"], measures["remote"], measures["threads"]), (1.0, 2.0, 3.0));
    assert_eq!(Throughput::replay(&toy(), &certificate(0.5)), Ok(3.0));
    // 3 p + 1 + max(0, 1-p) + 2 max(0, 1-2p), rounded down.
    for (price, bound) in [(0.0, 4.0), (0.25, 3.0), (0.4, 3.0), (1.0, 4.0), (1.5, 5.0)] {
        assert_eq!(Throughput::replay(&toy(), &certificate(price)), Ok(bound), "{price}");
    }
    let verdict = |certificate, value| {
        check_answer::<Throughput>(
            &toy(),
            &Answer::found(optimum(), 3.0).certified(value, certificate),
            &Tolerance::default(),
        )
    };
    assert_eq!(verdict(certificate(0.5), 3.0).proof(), &Proof::Certified { value: 3.0 });
    assert!(verdict(certificate(0.5), 2.0).is_rejected() && verdict(certificate(0.0), 3.0).is_rejected());
}

/// Values on the toy, 3 threads for requests of 1, 2 and 2: with value 0 the knapsack holds 1 + 2, two requests. With 1/2 each it is worth
/// 1 and the values 3/2; in all 2.5, and with the local request 3, rounded down. Too little for a request is no bound too small.
#[test]
fn knapsacks_bound_the_toy() {
    let with = |values: &[(u32, f64)]| {
        let mut changed = certificate(0.0);
        changed.nodes = vec![PriceNode::Values { values: values.to_vec(), multipliers: vec![] }];
        Throughput::replay(&toy(), &changed)
    };
    assert_eq!(with(&[]), Ok(3.0));
    assert_eq!(with(&[(1, 0.5), (2, 0.5), (3, 0.5)]), Ok(3.0));
    assert_eq!(with(&[(1, 1.0), (2, 1.0), (3, 1.0)]), Ok(4.0));
    for rejected in [&[(9, 0.5)][..], &[(5, 0.5)], &[(1, f64::NAN)], &[(2, 0.5), (1, 0.5)], &[(1, 0.5), (1, 0.5)]] {
        assert_eq!(with(rejected).expect_err("garbage")[0].constraint, "a leaf has values of requests, ascending");
    }
    let violation = &with(&[(1, -0.5)]).expect_err("nobody says that it is admitted")[0];
    assert_eq!(violation.constraint, "a value below 0 is of a request that is admitted");
    // Two requests of 2 threads and 3 threads: prices prove 1.5, so 1 only after rounding 3 down to 2; of 5 threads and requests of 2 and
    // 3, one of each, the price bound is 2 and so is the knapsack's.
    let mut instance = toy();
    instance.requests = vec![instance.requests[3]; 2];
    instance.requests[0].profit = 1.5;
    let mut changed = certificate(0.0);
    changed.nodes = vec![PriceNode::Values { values: vec![], multipliers: vec![] }];
    assert_eq!(Throughput::replay(&instance, &changed), Ok(1.5));
}

/// Splits on whether a request is admitted. On the toy, 3 threads for requests 1, 2, 3 of 1, 2 and 2 threads, and a local one.
#[test]
fn admitted_requests_have_values_of_any_sign() {
    let split = |request| PriceNode::Service { request, admitted: 1, rejected: 2 };
    let leaf = |values: &[(u32, f64)]| PriceNode::Values { values: values.to_vec(), multipliers: vec![] };
    let replay = |nodes: Vec<PriceNode>| Throughput::replay(&toy(), &Certificate { nodes, ..certificate(0.0) });
    // Request 2 admitted: -1 for its value, and its gain of 2 beside that of request 1. Rejected: one of 2 threads and one of 1.
    assert_eq!(replay(vec![split(2), leaf(&[(2, -1.0)]), leaf(&[])]), Ok(3.0));
    // 3 values are no admission of all three: with -5 the knapsack gains 6 and one more.
    assert_eq!(replay(vec![split(2), leaf(&[(2, -5.0)]), leaf(&[])]), Ok(3.0));
    // Rejecting 2 after 3 leaves request 1, and rejecting one that is admitted leaves nothing.
    let nodes = |second: u32| {
        vec![
            split(3),
            leaf(&[(3, 9.0)]),
            PriceNode::Service { request: second, admitted: 3, rejected: 4 },
            leaf(&[]),
            leaf(&[]),
        ]
    };
    assert_eq!(replay(nodes(2)), Ok(12.0));
    let chain = |request| {
        vec![
            split(3),
            PriceNode::Service { request, admitted: 3, rejected: 4 },
            leaf(&[]),
            leaf(&[]),
            leaf(&[(1, 9.0)]),
        ]
    };
    assert_eq!((replay(chain(3)), replay(chain(2))), (Ok(3.0), Ok(11.0)));
    // Only the admitted request may have a value below 0, and only where it is admitted.
    for nodes in [vec![split(2), leaf(&[(1, -1.0)]), leaf(&[])], vec![split(2), leaf(&[]), leaf(&[(2, -1.0)])]] {
        let violation = &replay(nodes).expect_err("a value below 0")[0];
        assert_eq!(violation.constraint, "a value below 0 is of a request that is admitted");
    }
    let violation = &replay(vec![split(9), leaf(&[]), leaf(&[])]).expect_err("no request 9")[0];
    assert_eq!(violation.constraint, "a split names a request");
}

/// Decisions on services and on pairs of the same request.
#[test]
fn services_and_pairs_rule_each_other_out() {
    let instance = toy();
    let relaxation = relaxation(&instance);
    let admit = |is_admitted| Decision::Service { request: 2, is_admitted };
    let serve = |is_served| Decision::Pair { pair: (2, 0), is_served };
    let leaf = |decisions: &[Decision]| leaf_after_all(&relaxation, 0.5, decisions);
    assert_eq!(leaf(&[admit(true), serve(true)]), 3.0);
    assert_eq!(leaf(&[admit(false), serve(true)]), 0.0);
    assert_eq!(leaf(&[admit(false), admit(true)]), 0.0);
    assert_eq!(leaf(&[admit(false), serve(false)]), 3.0);
    assert_eq!(leaf(&[admit(false), serve(false), admit(true)]), 0.0);
}

/// On the toy, 3 threads for requests 1, 2, 3 of 1, 2 and 2 threads: two of them at most, which a cut says.
#[test]
fn cuts_bound_the_toy() {
    let with = |cuts: Vec<Cut>, multipliers: &[(u32, f64)]| {
        let values = vec![(1, 0.0)];
        let nodes = vec![PriceNode::Values { values, multipliers: multipliers.to_vec() }];
        Throughput::replay(&toy(), &Certificate { cuts, nodes, ..certificate(0.0) })
    };
    let cut = |values: &[(u32, f64)]| vec![Cut { cloudlets: vec![0], values: values.to_vec() }];
    let all = |value| cut(&[(0, value), (1, value), (2, value), (3, value)]);
    // The local request is in no cut. Multiplier 1: nothing is gained in knapsacks. 1.5 from values and 1 from the knapsack are 2.5, rounded down.
    for value in [0.0, 0.5] {
        assert_eq!(with(all(value), &[(0, 1.0)]), Ok(3.0));
        assert_eq!(with(all(value), &[(0, 0.5)]), Ok(3.0));
        assert_eq!(with(all(value), &[(0, 7.0)]), Ok(15.0));
        assert_eq!(with(all(value), &[]), Ok(3.0));
    }
    // Only the cut is wrong: its values prove 3, and the claim of 3 is 1 too low.
    assert_eq!(with(all(1.0), &[(0, 1.0)]), Ok(4.0));
    // A request that is not in the cut is gained in full.
    assert_eq!(with(cut(&[(1, 0.0), (2, 0.0)]), &[(0, 1.0)]), Ok(4.0));
    // What is decided takes its part of the cut.
    let leaf = || PriceNode::Values { values: vec![], multipliers: vec![(0, 4.0)] };
    let nodes = vec![PriceNode::Split { request: 1, cloudlet: 0, served: 1, elsewhere: 2 }, leaf(), leaf()];
    let served = Throughput::replay(&toy(), &Certificate { cuts: all(0.0), nodes, ..certificate(0.0) });
    assert_eq!(served, Ok(9.0));
    let rejected = |cuts: Vec<Cut>, multipliers: &[(u32, f64)]| {
        with(cuts, multipliers).expect_err("garbage")[0].constraint.clone()
    };
    let of = |cloudlets: &[u32]| vec![Cut { cloudlets: cloudlets.to_vec(), values: vec![] }];
    assert_eq!(rejected(of(&[1]), &[]), "a cut names cloudlets, ascending");
    assert_eq!(rejected(of(&[0, 0]), &[]), "a cut names cloudlets, ascending");
    assert_eq!(rejected(cut(&[(9, 0.0)]), &[]), "a cut names requests, ascending");
    assert_eq!(rejected(cut(&[(2, 0.0), (1, 0.0)]), &[]), "a cut names requests, ascending");
    assert_eq!(rejected(cut(&[(1, -0.5)]), &[]), "a cut has values >= 0 of requests");
    assert_eq!(rejected(all(0.0), &[(0, -1.0)]), "multipliers of cuts are numbers >= 0");
    assert_eq!(rejected(all(0.0), &[(1, 1.0)]), "a leaf has multipliers of cuts, ascending");
    assert_eq!(rejected(all(0.0), &[(0, 1.0), (0, 1.0)]), "a leaf has multipliers of cuts, ascending");
}

/// One cloudlet with 5 threads and requests of 2 threads only: 5 is no sum of twos.
#[test]
fn capacities_are_rounded_down_to_sums() {
    let mut instance = toy();
    instance.cloudlets[0].threads = 5;
    let twos = instance.requests[3];
    instance.requests = vec![twos; 10];
    assert_eq!(Throughput::replay(&instance, &certificate(0.5)), Ok(2.0));
    instance.requests[0] = instance.requests[1];
    instance.requests[0].deadline_s = 5.0;
    // A single thread is of use now: 2.5 + .5.
    assert_eq!(Throughput::replay(&instance, &certificate(0.5)), Ok(3.0));
}

/// Two cloudlets that share no request: each is bounded apart, 1.5 + 1.5 becomes 1 + 1.
#[test]
fn cloudlets_that_nothing_connects_are_bounded_apart() {
    let mut instance = toy();
    instance.cloudlets.push(instance.cloudlets[0].clone());
    instance.hop_s_per_byte = vec![vec![0.0, 100.0], vec![100.0, 0.0]];
    let one_and_two = [instance.requests[1], instance.requests[3]];
    let at = |access_point: u32| one_and_two.map(|request| Request { access_point, ..request });
    instance.cloudlets.iter_mut().for_each(|cloudlet| cloudlet.threads = 2);
    instance.requests = at(0).into_iter().chain(at(1)).collect();
    let mut certificate = certificate(0.0);
    certificate.nodes = vec![PriceNode::Leaf { prices: vec![0.5, 0.5] }];
    assert_eq!(Throughput::replay(&instance, &certificate), Ok(2.0));
    // A request that reaches both connects them.
    instance.hop_s_per_byte[0][1] = 0.0;
    assert_eq!(Throughput::replay(&instance, &certificate), Ok(3.0));
}

fn violations(solution: &Solution) -> Vec<String> {
    let (_, violations) = Throughput::evaluate(&toy(), solution);
    violations.into_iter().map(|violation| violation.constraint).collect()
}

#[test]
fn every_constraint_broken_alone_is_named() {
    let with = |at: usize, service: Service| {
        let mut solution = optimum();
        solution.service[at] = service;
        solution
    };
    assert_eq!(violations(&optimum()), [] as [&str; 0]);
    assert_eq!(violations(&with(1, Service::Local)), ["deadline"]);
    assert_eq!(violations(&with(3, remote(1))), ["deadline"]);
    assert_eq!(violations(&with(1, Service::Remote { cloudlet: 0, threads: 1, part: 1 })), ["deadline"]);
    assert_eq!(violations(&with(1, remote(2))), ["threads within capacity"]);
    assert_eq!(violations(&with(1, remote(0))), ["threads per request"]);
    assert_eq!(violations(&with(1, remote(3))), ["threads per request"]);
    assert_eq!(violations(&with(1, Service::Remote { cloudlet: 1, threads: 1, part: 0 })), ["indices exist"]);
    assert_eq!(violations(&with(1, Service::Remote { cloudlet: 0, threads: 1, part: 2 })), ["indices exist"]);
    let with_part = |device_layers: Vec<u32>| {
        let mut solution = optimum();
        solution.parts[1].device_layers = device_layers;
        solution
    };
    assert_eq!(violations(&with_part(vec![1, 2])), ["a device set has the input"]);
    assert_eq!(violations(&with_part(vec![0, 2])), ["a device set is closed"]);
    assert_eq!(violations(&with_part(vec![0, 0])), ["a device set is ascending"]);
    assert_eq!(violations(&with_part(vec![0, 3])), ["indices exist"]);
    let mut other = optimum();
    other.parts[1].model = 1;
    assert_eq!(violations(&other), ["indices exist"]);
    let mut short = optimum();
    short.service.pop();
    assert_eq!(violations(&short), ["one decision per request"]);

    let mut instance = toy();
    instance.models.push(instance.models[0].clone());
    let mut other = optimum();
    other.parts[0].model = 1;
    let (_, violations) = Throughput::evaluate(&instance, &other);
    assert_eq!(violations[0].constraint, "a part of the request's model");

    // An objective off by 1e-6.
    let verdict: Verdict =
        check_answer::<Throughput>(&toy(), &Answer::found(optimum(), 3.0 + 3e-6), &Tolerance::default());
    assert_eq!(verdict.violations()[0].constraint, "claimed objective");
}

#[test]
fn garbage_certificates_are_rejected() {
    let rejected = |change: &dyn Fn(&mut Certificate)| {
        let mut changed = certificate(0.5);
        change(&mut changed);
        Throughput::replay(&toy(), &changed).expect_err("garbage")[0].constraint.clone()
    };
    assert_eq!(rejected(&|c| c.envelopes.clear()), "one envelope per model");
    assert_eq!(rejected(&|c| c.envelopes[0].corners.clear()), "corners reach from no MACs to no bytes");
    assert_eq!(rejected(&|c| c.envelopes[0].corners[0].0 = 0.5), "corners reach from no MACs to no bytes");
    assert_eq!(rejected(&|c| c.envelopes[0].corners[1].1 = 5.0), "corners rise in MACs and fall in bytes");
    assert_eq!(rejected(&|c| c.envelopes[0].corners[1].0 = f64::NAN), "corners are numbers >= 0");
    assert_eq!(
        rejected(&|c| drop(c.envelopes[0].flows.pop())),
        "a flow on every edge for every two neighbouring corners"
    );
    assert_eq!(rejected(&|c| c.envelopes[0].flows[0][0] = f64::INFINITY), "flows are numbers");
    assert_eq!(rejected(&|c| c.envelopes[0].flows[0] = vec![0.0; 2]), "flows prove at least half of what corners cost");
    assert_eq!(rejected(&|c| c.nodes.clear()), "a price tree has a root");
    let leaf = |prices: &[f64]| vec![PriceNode::Leaf { prices: prices.to_vec() }];
    assert_eq!(rejected(&|c| c.nodes = leaf(&[])), "a leaf has a price >= 0 for every cloudlet");
    assert_eq!(rejected(&|c| c.nodes = leaf(&[-1.0])), "a leaf has a price >= 0 for every cloudlet");
    let split = |request, cloudlet, served, elsewhere| PriceNode::Split { request, cloudlet, served, elsewhere };
    let tree = |root: PriceNode| vec![root, leaf(&[0.5])[0].clone(), leaf(&[0.5])[0].clone()];
    assert_eq!(rejected(&|c| c.nodes = tree(split(9, 0, 1, 2))), "a split names a request and a cloudlet");
    assert_eq!(rejected(&|c| c.nodes = tree(split(1, 0, 1, 1))), "children come after their parent and have no other");
    assert_eq!(rejected(&|c| c.nodes = tree(split(1, 0, 0, 1))), "children come after their parent and have no other");
    assert_eq!(rejected(&|c| c.nodes = tree(split(1, 0, 1, 3))), "children come after their parent and have no other");
    assert_eq!(
        rejected(&|c| c.nodes = vec![leaf(&[0.5])[0].clone(), leaf(&[0.5])[0].clone()]),
        "every node but the root hangs below an earlier one"
    );
}

/// Too good a corner costs the proof: the flow no longer reaches what the corners claim, and the bound gets weaker, never wrong.
#[test]
fn a_corner_moved_inwards_or_outwards_never_gives_a_false_bound() {
    for (macs, bytes) in [(2.0, 1.5), (2.0, 0.5), (1.0, 1.0), (3.0, 1.0), (5.9, 0.001), (1e-3, 3.999)] {
        let mut changed = certificate(0.5);
        changed.envelopes[0].corners[1] = (macs, bytes);
        if let Ok(bound) = Throughput::replay(&toy(), &changed) {
            assert!(bound >= 3.0, "({macs}, {bytes}) proves {bound}");
        }
    }
}

/// All cuts of a model as (MACs on the device, bytes sent).
fn cuts(model: &Model) -> Vec<(f64, f64)> {
    let cut = |layers: Vec<u32>| {
        let has = |v: u32| layers.contains(&v);
        let sends = |v: u32| has(v) && model.edges.iter().any(|(from, to)| *from == v && !has(*to));
        let all = 0..model.layers() as u32;
        let macs = all.clone().filter(|v| has(*v)).map(|v| model.macs[v as usize]).sum();
        (macs, all.filter(|v| sends(*v)).map(|v| model.out_bytes[v as usize]).sum())
    };
    device_sets(model).into_iter().map(cut).collect()
}

/// The corners of all cuts by brute force, as if flows had proved them.
fn proved_corners(model: &Model) -> HullVertices {
    let mut all = cuts(model);
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for cut in all {
        if corners.last().is_none_or(|last| cut.1 < last.1) {
            corners.push(cut);
        }
    }
    let macs: f64 = sum(points(&model.macs)).low();
    let with_rest = |(device, bytes): (f64, f64)| [device, bytes, (macs - device).next_down().max(0.0)];
    HullVertices { vertices: corners.into_iter().map(with_rest).collect(), slack: 0.0 }
}

/// All cuts of a model on kinds of machines, as if flows had proved them: work on the device, bytes, and a little less than the work elsewhere.
fn proved_cuts(model: &Model, device: Option<u32>, cloudlet: Option<u32>) -> Option<HullVertices> {
    let (on_device, on_cloudlet) = (model.work(device)?, model.work(cloudlet)?);
    let cut = |layers: Vec<u32>| {
        let has = |v: usize| layers.contains(&(v as u32));
        let sends = |v: usize| has(v) && model.edges.iter().any(|(from, to)| *from as usize == v && !has(*to as usize));
        let total = |of: &[f64], is: &dyn Fn(usize) -> bool| -> f64 {
            (0..model.layers()).filter(|v| is(*v)).map(|v| of[v]).sum::<f64>() * (1.0 - 1e-15)
        };
        [total(on_device, &has), total(&model.out_bytes, &sends), total(on_cloudlet, &|v| !has(v))]
    };
    Some(HullVertices { vertices: device_sets(model).into_iter().map(cut).collect(), slack: 0.0 })
}

/// The least threads of every pair as `evaluate` sees them, by brute force over all device sets; 0 for local, none for out of reach.
fn least_threads(instance: &Instance) -> Vec<Vec<Option<u32>>> {
    let accepts = |i: usize, service: Service, part: &Part| {
        let mut alone = instance.clone();
        alone.requests = vec![instance.requests[i]];
        alone.cloudlets.iter_mut().for_each(|cloudlet| cloudlet.threads = u32::MAX);
        let solution = Solution { parts: vec![part.clone()], service: vec![service] };
        Throughput::evaluate(&alone, &solution).1.is_empty()
    };
    (0..instance.requests.len())
        .map(|i| {
            let model = instance.requests[i].model;
            let parts: Vec<Part> = device_sets(&instance.models[model as usize])
                .into_iter()
                .map(|device_layers| Part { model, device_layers })
                .collect();
            (0..instance.cloudlets.len() as u32)
                .map(|cloudlet| {
                    let most = instance.cloudlets[cloudlet as usize].max_threads_per_request;
                    if accepts(i, Service::Local, &parts[0]) {
                        return Some(0);
                    }
                    let serves = |threads| Service::Remote { cloudlet, threads, part: 0 };
                    (1..=most).find(|k| parts.iter().any(|part| accepts(i, serves(*k), part)))
                })
                .collect()
        })
        .collect()
}

/// The best total profit, by trying everything.
fn best(instance: &Instance, threads: &[Vec<Option<u32>>], i: usize, left: &mut [u32]) -> f64 {
    let Some(request) = instance.requests.get(i) else { return 0.0 };
    if threads[i].first() == Some(&Some(0)) || threads[i].is_empty() && is_local(instance, i) {
        return request.profit + best(instance, threads, i + 1, left);
    }
    let mut most = best(instance, threads, i + 1, left);
    for j in 0..left.len() {
        if let Some(k) = threads[i][j].filter(|k| *k <= left[j]) {
            left[j] -= k;
            most = most.max(request.profit + best(instance, threads, i + 1, left));
            left[j] += k;
        }
    }
    most
}

fn is_local(instance: &Instance, i: usize) -> bool {
    let service = |at| if at == i { Service::Local } else { Service::Rejected };
    let service = (0..instance.requests.len()).map(service).collect();
    Throughput::evaluate(instance, &Solution { parts: vec![], service }).1.is_empty()
}

fn relaxation(instance: &Instance) -> Relaxation<'_> {
    let mut hulls = HashMap::new();
    let kinds = || [None].into_iter().chain((0..instance.machine_kinds.len() as u32).map(Some));
    for (m, model) in instance.models.iter().enumerate() {
        for (device, cloudlet) in kinds().flat_map(|device| kinds().map(move |cloudlet| (device, cloudlet))) {
            let hull = match (device, cloudlet) {
                (None, None) => (!model.macs.is_empty()).then(|| proved_corners(model)),
                _ => proved_cuts(model, device, cloudlet),
            };
            hull.map(|hull| hulls.insert((m as u32, device, cloudlet), hull));
        }
    }
    Relaxation::with(instance, |model, device, cloudlet| Ok(hulls.get(&(model, device, cloudlet))))
        .unwrap_or_else(|_| unreachable!())
}

/// A tree of some depth over random pairs and requests, with random prices, values and multipliers of two cuts.
fn tree(
    instance: &Instance,
    splits: &[(prop::sample::Index, prop::sample::Index)],
    prices: &[f64],
) -> (Vec<Cut>, Vec<PriceNode>) {
    let requests = instance.requests.len() as u32;
    let leaf = |shift: usize, admitted: Option<u32>| {
        let number = |at: usize| prices[(at + shift) % prices.len()];
        if shift.is_multiple_of(2) && admitted.is_none() {
            return PriceNode::Leaf { prices: (0..instance.cloudlets.len()).map(number).collect() };
        }
        let value = |i: u32| if admitted == Some(i) { -number(i as usize) } else { number(i as usize) };
        let multipliers = if shift.is_multiple_of(3) { vec![] } else { vec![(0, number(1)), (1, number(2))] };
        PriceNode::Values { values: (0..requests).map(|i| (i, value(i))).collect(), multipliers }
    };
    let mut nodes = Vec::new();
    for (at, (request, cloudlet)) in splits.iter().enumerate().filter(|_| !instance.cloudlets.is_empty()) {
        let first = nodes.len() as u32 + 1;
        let request = request.index(instance.requests.len()) as u32;
        if at.is_multiple_of(2) {
            let cloudlet = cloudlet.index(instance.cloudlets.len()) as u32;
            nodes.push(PriceNode::Split { request, cloudlet, served: first, elsewhere: first + 1 });
            nodes.push(leaf(nodes.len(), None));
        } else {
            nodes.push(PriceNode::Service { request, admitted: first, rejected: first + 1 });
            nodes.push(leaf(nodes.len(), Some(request)));
        }
    }
    nodes.push(leaf(nodes.len(), None));
    let all = 0..instance.cloudlets.len() as u32;
    let value = |i: u32| (i, prices[i as usize % prices.len()]);
    let some = Cut {
        cloudlets: all.clone().filter(|j| j.is_multiple_of(2)).collect(),
        values: (0..requests).filter(|i| !i.is_multiple_of(3)).map(value).collect(),
    };
    (vec![some, Cut { cloudlets: all.collect(), values: (0..requests).map(value).collect() }], nodes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever numbers stand in a flow, no cut is cheaper than what they prove.
    #[test]
    fn no_flow_proves_too_much(
        model in models(7),
        numbers in prop::collection::vec(prop_oneof![-8.0f64..20.0, Just(0.0)], 64),
        weights in (0.0f64..4.0, 0.0f64..4.0),
    ) {
        let flow: Vec<f64> = numbers.iter().copied().cycle().take(model.edges.len()).collect();
        let proved = proved_by(&model, &flow, weights);
        let cheapest = cuts(&model).iter().map(|(macs, bytes)| weights.0 * macs + weights.1 * bytes).fold(f64::INFINITY, f64::min);
        prop_assert!(proved <= cheapest * (1.0 + 1e-12), "{proved} > {cheapest}");
    }

    /// The same with work of its own on the cloudlet.
    #[test]
    fn no_flow_proves_too_much_on_kinds(
        model in models(7),
        work in prop::collection::vec(prop_oneof![Just(0.0), 0.1f64..6.0], 8),
        numbers in prop::collection::vec(prop_oneof![-8.0f64..20.0, Just(0.0)], 64),
        weights in prop::array::uniform3(prop_oneof![4 => 0.01f64..4.0, 1 => Just(0.0)]),
    ) {
        let mut model = model;
        model.work_s = vec![Some(work[..model.layers()].to_vec())];
        let flow: Vec<f64> = numbers.iter().copied().cycle().take(model.edges.len()).collect();
        let (device, cloudlet) = (model.work(None).expect("MACs"), model.work(Some(0)).expect("seconds"));
        let proved = proved_at(&model, [device, cloudlet], &flow, weights);
        let cuts = proved_cuts(&model, None, Some(0)).expect("both").vertices;
        let cost = |cut: &[f64; 3]| weights[0] * cut[0] + weights[1] * cut[1] + weights[2] * cut[2];
        // (Layer 0 is never on the cloudlet, so its work there counts for no cut.)
        let cheapest = cuts.iter().map(cost).fold(f64::INFINITY, f64::min);
        prop_assert!(proved <= cheapest * (1.0 + 1e-12) + 1e-12, "{proved} > {cheapest}");
    }

    /// With proved corners the least threads are those of `evaluate`, and every tree with any prices bounds the optimum.
    #[test]
    fn every_tree_bounds_the_optimum(
        instance in prop_oneof![instances(6, 3, Profits::Unit), instances(6, 3, Profits::Whole), instances(5, 2, Profits::Any)],
        splits in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..5),
        prices in prop::collection::vec(prop_oneof![Just(0.0), 0.0f64..3.0, Just(0.5), Just(1.0)], 1..4),
    ) {
        let threads = least_threads(&instance);
        let relaxation = relaxation(&instance);
        for (i, row) in threads.iter().enumerate() {
            let demand = relaxation.demand(i);
            for (j, k) in row.iter().enumerate() {
                if *k == Some(0) {
                    prop_assert!(demand.is_local);
                } else {
                    let most = instance.cloudlets[j].threads;
                    prop_assert_eq!(k.filter(|k| *k <= most), relaxation.least_threads(i, &demand, j, u32::MAX));
                }
            }
        }
        let mut left: Vec<u32> = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
        let optimum = best(&instance, &threads, 0, &mut left);
        let (cuts, nodes) = tree(&instance, &splits, &prices);
        let bound = Replay(relaxation).bound(&cuts, &nodes, &Budget::of(0, 0)).expect("a tree");
        // The optimum is added up in plain floats, in another order.
        prop_assert!(bound >= optimum * (1.0 - 1e-12), "{bound} < {optimum}");
    }
}

#[test]
fn the_largest_sum_is_the_largest_sum() {
    for parts in [&[3][..], &[2, 3], &[4, 6], &[5, 7, 9], &[6, 10, 15], &[1], &[]] {
        for limit in 0..60u64 {
            let budget = Budget::of(0, 0);
            let mut sums = Sums::up_to(limit);
            parts.iter().for_each(|part| sums.with(*part, &budget).expect("few steps"));
            let mut reached = vec![false; limit as usize + 1];
            reached[0] = true;
            for sum in 0..=limit as usize {
                reached[sum] |= parts.iter().any(|part| sum >= *part as usize && reached[sum - *part as usize]);
            }
            let largest = reached.iter().rposition(|is| *is).expect("0 is") as u64;
            assert_eq!(
                (sums.largest(&budget).expect("few steps"), sums.is_full()),
                (largest, largest == limit),
                "{parts:?} up to {limit}"
            );
        }
    }
}

/// By how much something is broken, where more than one is.
#[test]
fn violations_have_amounts() {
    let amounts = |services: [Service; 5]| -> Vec<f64> {
        let (_, violations) = Throughput::evaluate(&toy(), &solution(services));
        violations.into_iter().map(|violation| violation.amount).collect()
    };
    // 6 s instead of 3.
    let late = amounts([Service::Local, REJECTED, REJECTED, REJECTED, Service::Local]);
    assert!(late.len() == 1 && (late[0] - 3.0).abs() < 1e-12, "{late:?}");
    assert_eq!(amounts([REJECTED, remote(2), remote(2), remote(2), REJECTED]), [3.0]);
    assert_eq!(amounts([REJECTED, remote(5), REJECTED, REJECTED, REJECTED]), [3.0]);
    assert_eq!(amounts([REJECTED, remote(0), REJECTED, REJECTED, REJECTED]), [1.0]);
}

/// The device alone takes 6 s, enclosed by one float on either side.
#[test]
fn a_delay_that_is_the_latest_is_in_time() {
    let mut instance = toy();
    instance.requests.truncate(1);
    let alone = Solution { parts: vec![], service: vec![Service::Local] };
    let within = |instance: &Instance| Throughput::evaluate(instance, &alone).1.is_empty();
    let deadline = &mut instance.requests[0].deadline_s;
    *deadline = 6.0 / (1.0 + DEADLINE_TOLERANCE) * (1.0 - 1e-14);
    while latest(&instance.requests[0]) < 6f64.next_down() {
        let deadline = &mut instance.requests[0].deadline_s;
        *deadline = deadline.next_up();
    }
    assert_eq!(latest(&instance.requests[0]), 6f64.next_down());
    assert!(within(&instance));
    let deadline = &mut instance.requests[0].deadline_s;
    *deadline = deadline.next_down();
    assert!(latest(&instance.requests[0]) < 6f64.next_down() && !within(&instance));
}

/// Above what counts as in time by more than the rounding of the delays that are compared with it, and by what the envelope does not prove.
#[test]
fn a_limit_leaves_room_for_roundings() {
    let instance = toy();
    let mut relaxation = relaxation(&instance);
    let limit = |relaxation: &Relaxation| relaxation.demand(1).limit / latest(&instance.requests[1]);
    assert!((1e-14..2e-14).contains(&(limit(&relaxation) - 1.0)), "{}", limit(&relaxation) - 1.0);
    relaxation.pairs[0].slack = 0.2;
    assert!((1e-14..3e-14).contains(&(limit(&relaxation) - 1.25)), "{}", limit(&relaxation) - 1.25);
}

/// As [`leaf_after_all`], for pairs that serve or do not.
fn leaf_after(relaxation: &Relaxation, price: f64, decisions: &[(usize, usize, bool)]) -> f64 {
    let pair = |(i, j, is_served): &(usize, usize, bool)| Decision::Pair { pair: (*i, *j), is_served: *is_served };
    leaf_after_all(relaxation, price, &decisions.iter().map(pair).collect::<Vec<Decision>>())
}

/// The bound of a leaf with the same price of all cloudlets, after some decisions in either order, and that all of it is undone on the way back.
fn leaf_after_all(relaxation: &Relaxation, price: f64, decisions: &[Decision]) -> f64 {
    let budget = Budget::of(0, 0);
    let prices = vec![price; relaxation.instance.cloudlets.len()];
    let table = relaxation.table(&budget).expect("within the budget");
    let mut state = State::new(relaxation, Some(table.clone()), &budget).expect("little memory");
    let mut bounds = Vec::new();
    for is_reversed in [false, true] {
        let mut decisions = decisions.to_vec();
        if is_reversed {
            decisions.reverse();
        }
        // Twice is no more than once.
        decisions.iter().chain(&decisions).for_each(|decision| state.decide(*decision));
        bounds.push(leaf_bound(relaxation, LeafProof::Prices(&prices), &state).expect("within the budget"));
        (0..2 * decisions.len()).for_each(|_| state.undo());
        assert_eq!(state.table.as_ref(), Some(&table));
        assert!(state.is_initial());
    }
    assert_eq!(bounds[0], bounds[1]);
    bounds[0]
}

/// 5 threads for requests of 1, 2 and 2, and one that is local; the last one is out of reach.
#[test]
fn decisions_take_threads_and_rule_each_other_out() {
    let mut instance = toy();
    instance.cloudlets[0].threads = 5;
    let relaxation = relaxation(&instance);
    assert_eq!(relaxation.table(&Budget::of(0, 0)), Ok(vec![1, 1, 2, 2, 0]));
    let leaf = |price: f64, decisions: &[(usize, usize, bool)]| leaf_after(&relaxation, price, decisions);
    assert_eq!(leaf(0.5, &[]), 4.0);
    // Besides the local one and what is decided: 1.5 + .5 with 3 threads; 2.5 + .5 with 5; of 3 threads only 2 are of use to a request of 2.
    assert_eq!(leaf(0.5, &[(2, 0, true)]), 4.0);
    assert_eq!(leaf(0.5, &[(2, 0, false)]), 4.0);
    assert_eq!(leaf(0.5, &[(2, 0, true), (1, 0, false)]), 3.0);
    assert_eq!(leaf(1.0, &[(1, 0, true), (2, 0, true)]), 5.0);
    assert_eq!(leaf(1.0, &[(1, 0, true), (2, 0, true), (3, 0, true)]), 4.0);
    // Out of reach; there and not there.
    assert_eq!(leaf(0.5, &[(4, 0, true)]), 0.0);
    assert_eq!(leaf(0.5, &[(1, 0, true), (1, 0, false)]), 0.0);
    // Too many threads.
    let instance = toy();
    let relaxation = self::relaxation(&instance);
    let leaf = |decisions: &[(usize, usize, bool)]| leaf_after(&relaxation, 0.5, decisions);
    assert_eq!(leaf(&[(1, 0, true), (2, 0, true)]), 3.0);
    assert_eq!(leaf(&[(2, 0, true), (3, 0, true)]), 0.0);
    // At two places.
    let mut instance = toy();
    instance.cloudlets.push(instance.cloudlets[0].clone());
    instance.hop_s_per_byte = vec![vec![0.0; 2]];
    let relaxation = self::relaxation(&instance);
    let leaf = |decisions: &[(usize, usize, bool)]| leaf_after(&relaxation, 0.5, decisions);
    assert_eq!(leaf(&[(1, 0, true), (1, 1, true)]), 0.0);
    assert_eq!(leaf(&[(1, 0, true), (2, 1, true)]), 4.0);
}

/// By looking at all sets of requests.
#[test]
fn a_knapsack_is_the_best_set() {
    let offers = [(2u32, 3.0), (3, 4.0), (1, 1.0), (4, 7.5), (2, -1.0), (7, 0.0), (5, 8.0)];
    for threads in 0..20u64 {
        let mut knapsack = Knapsack::of(threads).expect("little memory");
        offers.iter().for_each(|(threads, gain)| knapsack.add_item(*threads, *gain));
        let set = |set: u32| offers.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1).map(|(_, item)| item);
        let fits = |chosen: &u32| set(*chosen).map(|(threads, _)| u64::from(*threads)).sum::<u64>() <= threads;
        let best = (0..1u32 << offers.len()).filter(fits).map(|chosen| set(chosen).map(|(_, gain)| gain).sum());
        assert_eq!(knapsack.largest(), best.fold(0.0, f64::max), "{threads}");
    }
}

#[test]
fn groups_are_what_is_joined() {
    let mut groups = Groups::new(4);
    assert!(!groups.is_one());
    groups.join(3, 1);
    groups.join(1, 3);
    groups.join(2, 2);
    assert!(!groups.is_one());
    assert_eq!([0, 1, 2, 3].map(|j| groups.of(j)), [0, 1, 2, 1]);
    groups.join(2, 3);
    assert!(!groups.is_one());
    groups.join(0, 2);
    assert!(groups.is_one());
    assert_eq!([0, 1, 2, 3].map(|j| groups.of(j)), [0; 4]);
    assert!(Groups::new(1).is_one() && Groups::new(0).is_one());
}

/// Leaves with values are not replayed beyond 1e7 threads (and one more per cloudlet) and 1e9 steps, trees not beyond 2e8 pairs.
#[test]
fn what_would_take_too_long_is_rejected() {
    let rejected = |threads: &[u32], requests: usize| {
        let mut instance = toy();
        instance.requests = vec![instance.requests[1]; requests];
        let cloudlet = instance.cloudlets[0].clone();
        instance.cloudlets = threads.iter().map(|threads| Cloudlet { threads: *threads, ..cloudlet.clone() }).collect();
        Replay(relaxation(&instance)).children(&PriceNode::Values { values: vec![], multipliers: vec![] }, 0).is_err()
    };
    assert_eq!([9_999_999, 10_000_000, 10_000_001].map(|threads| rejected(&[threads], 1)), [false, true, true]);
    assert_eq!(
        [4_999_998, 4_999_999, 5_000_000].map(|threads| rejected(&[threads, 5_000_000], 1)),
        [false, true, true]
    );
    assert_eq!([999_999, 1_000_000, 1_000_001].map(|threads| rejected(&[threads], 1000)), [false, true, true]);
    let mut instance = toy();
    instance.requests = vec![instance.requests[1]; 15_000];
    instance.cloudlets = vec![instance.cloudlets[0].clone(); 15_000];
    instance.hop_s_per_byte = vec![vec![0.0; 15_000]];
    let leaf = PriceNode::Leaf { prices: vec![0.5; 15_000] };
    let tree = vec![PriceNode::Split { request: 0, cloudlet: 0, served: 1, elsewhere: 2 }, leaf.clone(), leaf];
    let violations =
        Throughput::replay(&instance, &Certificate { nodes: tree, ..certificate(0.5) }).expect_err("too many");
    assert_eq!(violations[0].constraint, "a tree or a cut is replayed for at most 2e8 pairs of requests and cloudlets");
}

/// Threads that cost nothing cost nothing, whatever the sign of the zero; and so for values, corners and flows.
#[test]
fn the_sign_of_a_zero_does_not_count() {
    let replay = |certificate: &Certificate| Throughput::replay(&toy(), certificate);
    assert_eq!(replay(&certificate(-0.0)), Ok(4.0));
    assert_eq!(replay(&certificate(-5e-324)).expect_err("below 0")[0].at, "nodes[0]");
    assert_eq!(replay(&certificate(5e-324)).expect_err("subnormal")[0].at, "nodes[0]");
    let with = |zero: f64| {
        let mut changed = certificate(0.5);
        changed.envelopes[0].corners[0].0 = zero;
        changed.envelopes[0].corners[2].1 = zero;
        changed.nodes = vec![PriceNode::Values { values: vec![(1, zero), (2, zero)], multipliers: vec![] }];
        replay(&changed)
    };
    assert_eq!(with(-0.0), with(0.0));
    let without_flow = |zero: f64| {
        let mut changed = certificate(0.5);
        changed.envelopes[0].flows[0][0] = zero;
        replay(&changed)
    };
    assert_eq!(without_flow(-0.0), without_flow(0.0));
}

/// The instance and the certificate that were once certified to admit nobody.
#[test]
fn one_request_is_not_lost_to_a_negative_zero() {
    let mut instance = toy();
    instance.models[0] =
        Model { macs: vec![0.0, 3.0], out_bytes: vec![1.0; 2], edges: vec![(0, 1)], ..toy().models[0].clone() };
    instance.cloudlets[0].threads = 16;
    instance.requests.truncate(1);
    instance.requests[0].device = Machine::of_macs(1e-3);
    let envelope = Envelope { corners: vec![(0.0, 1.0), (3.0, 0.0)], flows: vec![vec![3.0]] };
    for zero in [0.0, -0.0] {
        let nodes = vec![PriceNode::Leaf { prices: vec![zero] }];
        let certificate = Certificate { envelopes: vec![envelope.clone()], hulls: Vec::new(), cuts: Vec::new(), nodes };
        assert_eq!(Throughput::replay(&instance, &certificate), Ok(1.0));
    }
}

/// Where a search for threads may end: never before what could be cheaper.
#[test]
fn threads_are_looked_for_as_far_as_they_can_be_cheaper() {
    assert_eq!(max_threads_within(1.0, 0.0), u32::MAX);
    assert_eq!(max_threads_within(1.0, -0.0), u32::MAX);
    assert_eq!(max_threads_within(1.0, 1e-60), u32::MAX);
    assert_eq!(max_threads_within(3.0, 0.5), 6);
    assert_eq!(max_threads_within(0.3, 0.1), 3);
    assert_eq!(max_threads_within(1e-60, 1.0), 0);
    // One thread more costs more, for certain.
    let mut stream = offcut_instances::random::Stream::new(&["threads"], 0);
    for _ in 0..10_000 {
        let (most, price) = (stream.log_uniform(1e-6, 1e6), stream.log_uniform(1e-6, 1e6));
        let next = f64::from(max_threads_within(most, price).saturating_add(1));
        assert!(crate::interval::product(price, next).low() >= most || next > 4e9, "{most} {price}");
    }
}

/// The toy on kinds: devices are as before, in seconds. A thread of the cloudlet takes 1 s for layer 1 and 1 s for layer 2, so layer 2 is the only one it is fast
/// at.
///
/// ```text
/// on the device   delay with 1 thread    2 threads
/// the input       4 + 2        = 6       4 + 1       = 5
/// and layer 1     2 + 1 + 1    = 4       2 + 1 + 1/2 = 3.5
/// all             6
/// ```
///
/// Deadlines 6, 5, 4.5, 4, 3 s: locally feasible, 1 thread, 1, 1, out of reach. Three threads serve all three: 4 admitted.
fn toy_of_kinds() -> Instance {
    let mut instance = toy();
    let kind = |name: &str| MachineKind { name: name.into(), about: String::new() };
    instance.machine_kinds = vec![kind("device"), kind("cloudlet"), kind("another")];
    let seconds = std::mem::take(&mut instance.models[0].macs);
    instance.models[0].work_s = vec![Some(seconds), Some(vec![0.0, 1.0, 1.0]), None];
    instance.requests.iter_mut().for_each(|request| request.device = Machine::of_kind(0, 1.0));
    instance.cloudlets[0].thread = Machine::of_kind(1, 1.0);
    instance
}

/// Cuts (0, 4, 2), (2, 1, 1), (6, 0, 0). Weights are 1 s per second on the device, 1 s per byte, and 1/2 to 1 s per second on the cloudlet. The second cut is the
/// fastest at both ends, by 4 and 3.5 s: layer 1 is kept for 2 s, layer 2 goes elsewhere for 1 or .5 s, 1 flows from one to the other, and 3 into layer 1.
fn certificate_of_kinds() -> Certificate {
    let (below, above) = (0.999, 1.001);
    let corners = [
        (above, below, 0.5 * below),
        (above, above, 0.5 * below),
        (below, above, 0.5 * below),
        (below, above, above),
        (below, below, above),
        (above, below, above),
    ];
    // Layer 1 keeps all that it may, and passes on what it may.
    let node = |weights: (f64, f64, f64)| HullNode { weights, flow: vec![2.0 * weights.0 + weights.1, weights.1] };
    let around = vec![0, 1, 2, 3, 4, 5];
    let hull = Hull {
        model: 0,
        device_kind: Some(0),
        cloudlet_kind: Some(1),
        vertices: vec![(2.0, 1.0, 1.0)],
        nodes: corners.map(node).into(),
        cells: vec![Cell { vertex: 0, nodes: around.clone() }],
        outline: around,
    };
    let nodes = vec![PriceNode::Leaf { prices: vec![0.0] }];
    Certificate { envelopes: vec![Envelope::default()], hulls: vec![hull], cuts: Vec::new(), nodes }
}

#[test]
fn the_toy_on_kinds_is_what_the_hand_says() {
    let instance = toy_of_kinds();
    let best = solution([Service::Local, remote(1), remote(1), remote(1), REJECTED]);
    assert_eq!(Throughput::evaluate(&instance, &best), (Some(Interval::point(4.0)), vec![]));
    let late = solution([Service::Local, remote(1), remote(1), REJECTED, remote(1)]);
    assert_eq!(Throughput::evaluate(&instance, &late).1[0].constraint, "deadline");
    assert_eq!(Throughput::replay(&instance, &certificate_of_kinds()), Ok(4.0));
    // A cloudlet of a kind that the model has no work for does not serve it, however it is proved.
    let mut without = instance;
    without.cloudlets[0].thread = Machine::of_kind(2, 1.0);
    let (_, violations) = Throughput::evaluate(&without, &best);
    assert!(violations.len() == 3 && violations[0].constraint == "a cloudlet that runs the model", "{violations:?}");
    assert_eq!(Throughput::replay(&without, &Certificate { hulls: vec![], ..certificate_of_kinds() }), Ok(1.0));
}

#[test]
fn false_hulls_are_rejected() {
    let instance = toy_of_kinds();
    let rejected = |change: &dyn Fn(&mut Certificate)| {
        let mut changed = certificate_of_kinds();
        change(&mut changed);
        Throughput::replay(&instance, &changed).expect_err("false")[0].constraint.clone()
    };
    assert_eq!(rejected(&|c| c.hulls.clear()), "a hull for every model and the kinds that meet");
    assert_eq!(rejected(&|c| c.hulls.push(c.hulls[0].clone())), "a hull is the only one of its model and kinds");
    for (device, cloudlet) in [(Some(1), Some(1)), (Some(0), Some(0)), (None, Some(1)), (Some(9), Some(1))] {
        let change = |c: &mut Certificate| (c.hulls[0].device_kind, c.hulls[0].cloudlet_kind) = (device, cloudlet);
        assert_eq!(rejected(&change), "a hull is of a model and kinds that meet");
    }
    assert_eq!(rejected(&|c| c.hulls[0].model = 1), "a hull is of a model and kinds that meet");
    assert_eq!(rejected(&|c| c.hulls[0].cells[0].vertex = 1), "cells name vertices and nodes");
    assert_eq!(rejected(&|c| c.hulls[0].cells[0].nodes[2] = 6), "cells name vertices and nodes");
    assert_eq!(rejected(&|c| c.hulls[0].outline[2] = 6), "cells name vertices and nodes");
    assert_eq!(rejected(&|c| c.hulls[0].nodes[2].flow.truncate(1)), "a flow on every edge for every node");
    assert_eq!(rejected(&|c| c.hulls[0].nodes[2].weights = (0.0, 0.0, 0.0)), "a node has a weight above 0");
    assert_eq!(rejected(&|c| c.hulls[0].nodes[2].weights.1 = -1.0), "weights are numbers >= 0");
    assert_eq!(rejected(&|c| c.hulls[0].vertices[0].1 = f64::NAN), "vertices are numbers >= 0");
    assert_eq!(rejected(&|c| c.hulls[0].nodes[2].flow[0] = f64::INFINITY), "flows are numbers");
    // Cells that leave a hole, twist, or run around the wrong way.
    let side = "a side of a cell is a side of another or of the outline";
    assert_eq!(rejected(&|c| c.hulls[0].cells.clear()), "the outline is of nodes of cells");
    assert_eq!(rejected(&|c| c.hulls[0].cells[0].nodes.truncate(5)), "the outline is of nodes of cells");
    assert_eq!(rejected(&|c| c.hulls[0].cells[0].nodes.swap(1, 2)), side);
    assert_eq!(rejected(&|c| c.hulls[0].cells[0].nodes.reverse()), side);
    let twice = certificate_of_kinds().hulls.remove(0).cells.remove(0);
    assert_eq!(rejected(&|c| c.hulls[0].cells.push(twice.clone())), side);
    // An outline that does not surround all weights.
    let outline = "the outline surrounds all weights";
    let around = |change: &dyn Fn(&mut Hull)| {
        rejected(&|c| {
            change(&mut c.hulls[0]);
            c.hulls[0].outline = c.hulls[0].cells[0].nodes.clone();
        })
    };
    assert_eq!(around(&|hull| hull.cells[0].nodes = vec![0, 1, 2, 4, 5]), outline);
    assert_eq!(around(&|hull| hull.cells[0].nodes.reverse()), outline);
    assert_eq!(around(&|hull| hull.cells[0].nodes = vec![]), outline);
    assert_eq!(around(&|hull| hull.cells[0].nodes = vec![0]), outline);
    for n in 0..6 {
        assert_eq!(around(&|hull| hull.nodes[n].weights = (1.0, 1.0, 0.75)), outline);
    }
    // Flows that prove too little for a vertex that is too good.
    let flows = "flows prove at least half of what vertices cost";
    assert_eq!(rejected(&|c| c.hulls[0].nodes[2].flow = vec![0.0; 2]), flows);
    assert_eq!(rejected(&|c| c.hulls[0].vertices[0] = (6.0, 3.0, 3.0)), flows);
    // Other vertices cost slack: the bound gets weaker, never wrong.
    for vertex in [(2.0, 1.0, 2.0), (2.5, 1.0, 1.0), (2.0, 2.0, 1.0), (0.0, 4.0, 2.0), (6.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
    {
        let mut changed = certificate_of_kinds();
        changed.hulls[0].vertices[0] = vertex;
        if let Ok(bound) = Throughput::replay(&instance, &changed) {
            assert!(bound >= 4.0, "{vertex:?} proves {bound}");
        }
    }
}

/// Seconds on two kinds of machines, no MACs: corners would be of nothing.
#[test]
fn corners_of_a_model_without_macs_are_rejected() {
    let instance = r#"{"offcut": "instance", "problem": "throughput", "version": 2, "body": {"origin": {"name": "k", "family": "hand"}, "machine_kinds": [{"name": "phone"}, {"name": "box"}], "models": [{"name": "m", "out_bytes": [1, 1], "edges": [[0, 1]], "work_s": [[0, 1], [0, 1]]}], "cloudlets": [{"threads": 1, "thread": {"kind": 1, "speed": 4}, "max_threads_per_request": 1, "speedup": {"law": "linear"}}], "hop_s_per_byte": [[0]], "requests": [{"model": 0, "access_point": 0, "device": {"kind": 0, "speed": 1}, "uplink_bytes_per_s": 100, "deadline_s": 0.5}]}}"#;
    let answer = r#"{"offcut": "answer", "problem": "throughput", "version": 1, "body": {"stop": "completed", "proved": {"value": 1, "evidence": {"certificate": {"envelopes": [{"corners": [[0, 1], [1, 0]], "flows": [[1]]}], "hulls": [], "nodes": [{"leaf": {"prices": [0]}}]}}}}}"#;
    let instance = offcut_instances::document::parse_instance::<Throughput>(instance.as_bytes()).expect("legal");
    let answer = offcut_instances::document::parse_answer::<Throughput>(answer.as_bytes()).expect("reads");
    let verdict = crate::check_answer::<Throughput>(&instance, &answer, &crate::Tolerance::default());
    assert!(verdict.is_rejected(), "{verdict:?}");
}
