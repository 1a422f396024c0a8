use std::collections::BTreeSet;

use offcut_instances::document::parse_instance;
use offcut_instances::jpdra::strategy::{Shares, deployments, instances, solutions};
use offcut_instances::jpdra::{Allocation, Certificate, Instance, Jpdra, Node, Prices, Solution, Speeds};
use offcut_instances::problem::{Answer, Stop};
use offcut_instances::random::Stream;
use proptest::prelude::*;

use crate::{Judged, Proof, Tolerance, judge};

/// One flow, rate 1: w = (1, 4) on servers of 5 and 8. By hand:
///
/// | servers | ways | queues | delay |
/// |---|---|---|---|
/// | 0, 0 | | 1 + 4 = 5: full | - |
/// | 0, 1 | 2/4 + 1/4 + 1/4 | 1/(5-1) + 4/(8-4) | 2.25 |
/// | 1, 0 | 2/2 + 1/4 + 1/1 | 1/(8-1) + 4/(5-4) | 6.39 |
/// | 1, 1 | 2/2 + 1/4 | (1+2)^2/(8-5) | 4.25 |
fn toy() -> Instance {
    parse_instance::<Jpdra>(include_bytes!("../../../../instances/data/jpdra/toy.json")).expect("legal")
}

fn solution(servers: [u32; 2], speeds: [f64; 2]) -> Solution {
    Solution { servers: vec![servers.to_vec()], speeds: Speeds::MacsPerS(vec![speeds.to_vec()]) }
}

fn objective(instance: &Instance, solution: &Solution) -> f64 {
    let (objective, violations) = Jpdra::evaluate(instance, solution);
    assert!(violations.is_empty(), "{violations:?}");
    let objective = objective.expect("defined");
    assert!(objective.high() - objective.low() < 1e-12 * objective.high());
    objective.middle()
}

#[test]
fn the_toy_is_worth_what_it_is_worth_by_hand() {
    let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    close(objective(&toy(), &solution([0, 1], [5.0, 8.0])), 2.25);
    close(objective(&toy(), &solution([1, 0], [8.0, 5.0])), 2.25 + 1.0 / 7.0 + 4.0);
    // (R = 3, shared 1 : 2)
    close(objective(&toy(), &solution([1, 1], [2.0, 6.0])), 4.25);
    let units = Instance { allocation: Allocation::Units { macs_per_s: 2.0 }, ..toy() };
    let speeds = Speeds::Units(vec![vec![2, 4]]);
    close(objective(&units, &Solution { servers: vec![vec![0, 1]], speeds }), 1.0 + 1.0 / 3.0 + 1.0);
}

/// The names of what is broken.
fn broken(instance: &Instance, solution: &Solution) -> Vec<String> {
    Jpdra::evaluate(instance, solution).1.into_iter().map(|violation| violation.constraint).collect()
}

#[test]
fn every_constraint_is_seen_alone() {
    let instance = toy();
    assert_eq!(broken(&instance, &solution([0, 1], [5.0, 8.0])), [""; 0]);
    let short = Solution { servers: vec![vec![0]], speeds: Speeds::MacsPerS(vec![vec![5.0, 8.0]]) };
    assert_eq!(broken(&instance, &short), ["shape"]);
    let short = Solution { servers: vec![vec![0, 1]], speeds: Speeds::MacsPerS(vec![vec![5.0]]) };
    assert_eq!(broken(&instance, &short), ["shape"]);
    assert_eq!(broken(&instance, &solution([0, 2], [5.0, 8.0])), ["indices exist"]);
    assert_eq!(broken(&instance, &solution([0, 1], [f64::NAN, 8.0])), ["a speed is a number"]);
    assert_eq!(broken(&instance, &solution([0, 1], [5.0, 0.0])), ["a speed is a number"]);
    assert_eq!(broken(&instance, &solution([0, 1], [5.0f64.next_up(), 8.0])), ["speeds within capacity"]);
    assert_eq!(broken(&instance, &solution([1, 1], [2.1, 6.0])), ["speeds within capacity"]);
    assert_eq!(broken(&instance, &solution([0, 1], [1.0, 8.0])), ["stability"]);
    assert_eq!(broken(&instance, &solution([0, 1], [5.0, 3.9])), ["stability"]);
    let units = Solution { servers: vec![vec![0, 1]], speeds: Speeds::Units(vec![vec![2, 4]]) };
    assert_eq!(broken(&instance, &units), ["speeds of the kind the instance asks for"]);
    let cut_in_units = Instance { allocation: Allocation::Units { macs_per_s: 2.0 }, ..toy() };
    let units = Solution { servers: vec![vec![0, 1]], speeds: Speeds::Units(vec![vec![3, 4]]) };
    assert_eq!(broken(&cut_in_units, &units), ["speeds within capacity"]);
    let units = Solution { servers: vec![vec![0, 1]], speeds: Speeds::Units(vec![vec![2, 2]]) };
    assert_eq!(broken(&cut_in_units, &units), ["stability"]);
    let lost = |change: fn(&mut Instance)| {
        let mut instance = toy();
        // Nothing would be carried, and yet there is no way.
        instance.flows[0].input_bytes = 0.0;
        instance.flows[0].partitions[0].out_bytes = 0.0;
        instance.flows[0].result_bytes = Some(0.0);
        change(&mut instance);
        assert_eq!(broken(&instance, &solution([0, 1], [5.0, 8.0])), ["a way exists"]);
        assert_eq!(broken(&instance, &solution([1, 1], [2.0, 6.0])).is_empty(), instance.leaves(0, 1));
    };
    lost(|instance| instance.flows[0].uplink_bytes_per_s[0] = 0.0);
    lost(|instance| instance.link_bytes_per_s[0][1] = 0.0);
    lost(|instance| instance.flows[0].downlink_bytes_per_s[1] = 0.0);
    // If nothing returns, downlinks do not matter.
    let mut instance = toy();
    instance.flows[0].downlink_bytes_per_s = vec![0.0, 0.0];
    instance.flows[0].result_bytes = None;
    assert_eq!(broken(&instance, &solution([0, 1], [5.0, 8.0])), [""; 0]);
}

fn verdict(certificate: Certificate, value: f64, stop: Stop) -> crate::Verdict {
    let answer = Answer::<Jpdra>::nothing(stop).certified(value, certificate);
    judge::<Jpdra>(&toy(), &answer, &Tolerance::default())
}

fn one(node: Node, prices: Vec<Prices>) -> Certificate {
    Certificate { prices, nodes: vec![node] }
}

/// Rates A/R of the optimum, 1/4 and 1/2: places cost .5 + 1/16 and 1 + .25 on server 0, 1 + .25 and 2 + 1 on server 1; the best path runs all
/// on server 0 (.5 + .5625 + 1.25 + 1 = 3.3125), less 5/16 and 8/4 leaves 1. Prices that pay server 0 for what it must do, by hand: .75 for the
/// first partition there and 1.25 for the second on 1 make the paths cost nothing but ways.
#[test]
fn bounds_are_replayed() {
    let marginal = one(Node::Marginal { rates: vec![0.25, 0.5] }, Vec::new());
    let Proof::Certified { value } = verdict(marginal, 1.0, Stop::Completed).proof().clone() else { panic!() };
    assert!((value - 1.0).abs() < 1e-12);
    // Server 0 is paid .25 for the first and 100 for the second, which it cannot run; server 1 is paid 1/7 and 1 alone, 3 together.
    let place = vec![vec![0.25, 1.0], vec![100.0, 1.0]];
    let prices = Prices { place, stay: vec![vec![], vec![0.0, 1.0]] };
    let priced = |prices| one(Node::Priced { prices: 0 }, vec![prices]);
    // Paths: 0,1 costs 1 + .25 + 1; 1,1 costs 1.25 + 1 + 1 + 1. Server 0: nothing, or -.25 + .25, or too much (100 is out of reach: 4/(5-4) - 100).
    let Proof::Certified { value } = verdict(priced(prices.clone()), -93.75, Stop::Completed).proof().clone() else {
        panic!("{:?}", verdict(priced(prices.clone()), -93.75, Stop::Completed))
    };
    assert_eq!(value, 0.0);
    // With the second partition kept off server 0 the same prices prove the optimum.
    let split = Certificate {
        prices: vec![prices.clone(), Prices { place: vec![vec![1.0, 0.0], vec![4.0, 0.0]], stay: Vec::new() }],
        nodes: vec![
            Node::Split { flow: 0, partition: 1, servers: vec![0], inside: 1, outside: 2 },
            Node::Split { flow: 0, partition: 0, servers: vec![0], inside: 3, outside: 4 },
            Node::Priced { prices: 0 },
            Node::Empty { prices: 1 },
            Node::Priced { prices: 0 },
        ],
    };
    let Proof::Certified { value } = verdict(split.clone(), 2.25, Stop::Completed).proof().clone() else {
        panic!("{:?}", verdict(split.clone(), 2.25, Stop::Completed))
    };
    assert!((value - 2.25).abs() < 1e-12, "{value}");
    assert!(matches!(verdict(split, 2.26, Stop::Completed).proof(), Proof::Refused { .. }));
}

#[test]
fn malformed_certificates_are_refused() {
    let prices = Prices { place: vec![vec![0.0; 2]; 2], stay: Vec::new() };
    let priced = Node::Priced { prices: 0 };
    let split = |inside, outside, servers: &[u32], partition| Node::Split {
        flow: 0,
        partition,
        servers: servers.to_vec(),
        inside,
        outside,
    };
    for (prices, nodes) in [
        (vec![], vec![]),
        (vec![], vec![priced.clone()]),
        (vec![Prices { place: vec![vec![0.0; 2]], stay: Vec::new() }], vec![priced.clone()]),
        (vec![Prices { place: vec![vec![0.0; 3]; 2], stay: Vec::new() }], vec![priced.clone()]),
        (vec![Prices { place: vec![vec![f64::NAN; 2]; 2], stay: Vec::new() }], vec![priced.clone()]),
        (vec![Prices { stay: vec![vec![0.0; 2]; 2], ..prices.clone() }], vec![priced.clone()]),
        (vec![], vec![Node::Marginal { rates: vec![1.0] }]),
        (vec![], vec![Node::Marginal { rates: vec![-1.0, 1.0] }]),
        (vec![prices.clone()], vec![split(1, 1, &[0], 0), priced.clone()]),
        (vec![prices.clone()], vec![split(1, 2, &[0], 2), priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![split(1, 2, &[2], 0), priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![split(1, 2, &[1, 0], 0), priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![split(0, 1, &[0], 0), priced.clone()]),
        // Prices that prove nothing of emptiness.
        (vec![prices.clone()], vec![Node::Empty { prices: 0 }]),
    ] {
        let verdict = verdict(Certificate { prices, nodes: nodes.clone() }, 0.0, Stop::Completed);
        assert!(matches!(verdict.proof(), Proof::Refused { .. }), "{nodes:?}");
    }
}

/// A single server of 4 cannot take 1 + 4: prices of 1 and 4 are paid by any path, and the server can earn 4 at most.
#[test]
fn an_instance_without_solutions_is_proved_to_have_none() {
    let mut instance = toy();
    instance.servers[1].macs_per_s = 4.5;
    let answer = |prices: Prices| {
        let nodes = vec![Node::Empty { prices: 0 }];
        Answer::<Jpdra>::nothing(Stop::Infeasible).certified(0.0, Certificate { prices: vec![prices], nodes })
    };
    // Both servers could take the first; the second fits server 1 alone. So only 0,1 is left: feasible.
    let by_load = Prices { place: vec![vec![1.0; 2], vec![4.0; 2]], stay: Vec::new() };
    let verdict = judge::<Jpdra>(&instance, &answer(by_load.clone()), &Tolerance::default());
    assert!(matches!(verdict.proof(), Proof::Refused { .. }));
    instance.servers[0].macs_per_s = 0.5;
    let verdict = judge::<Jpdra>(&instance, &answer(by_load), &Tolerance::default());
    assert_eq!(verdict.proof(), &Proof::Infeasible);
    // And a solution beside such a proof is a contradiction, whoever claims it.
    assert!(!verdict.is_refuted());
}

/// The least weighted delay of a deployment, by this test's own arithmetic; none if something does not fit.
fn delay(instance: &Instance, servers: &[Vec<u32>]) -> Option<f64> {
    let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
    let mut delay = 0.0;
    let mut on: Vec<Vec<(f64, f64)>> = vec![Vec::new(); instance.servers.len()];
    for (s, (flow, row)) in instance.flows.iter().zip(servers).enumerate() {
        let weight = flow.rate_per_s / total;
        let at = |n: usize| row[n] as usize;
        let last = row.len() - 1;
        let connected = (0..last).all(|n| instance.connects(at(n), at(n + 1)));
        if !instance.enters(s, at(0)) || !connected || !instance.leaves(s, at(last)) {
            return None;
        }
        delay += weight * flow.input_bytes / flow.uplink_bytes_per_s[at(0)];
        for n in (0..last).filter(|n| at(*n) != at(n + 1)) {
            delay += weight * flow.partitions[n].out_bytes / instance.link_bytes_per_s[at(n)][at(n + 1)];
        }
        delay += flow.result_bytes.map_or(0.0, |bytes| weight * bytes / flow.downlink_bytes_per_s[at(last)]);
        for (n, partition) in flow.partitions.iter().enumerate() {
            on[at(n)].push((flow.rate_per_s * partition.macs, weight * partition.macs));
        }
    }
    for (m, on) in on.iter().enumerate() {
        delay += match instance.allocation {
            Allocation::Continuous => {
                let left = instance.servers[m].macs_per_s - on.iter().map(|(load, _)| load).sum::<f64>();
                let roots: f64 = on.iter().map(|(_, square)| square.sqrt()).sum();
                (left > 0.0 || on.is_empty()).then(|| if on.is_empty() { 0.0 } else { roots * roots / left })?
            }
            Allocation::Units { macs_per_s } => brute_units(on, instance.units(m, macs_per_s), macs_per_s)?,
        };
    }
    Some(delay)
}

/// The least delay over all unit vectors.
fn brute_units(on: &[(f64, f64)], units: u64, unit: f64) -> Option<f64> {
    let Some(((load, square), rest)) = on.split_first() else { return Some(0.0) };
    let first = (load / unit).floor() as u64 + 1;
    let with = |k: u64| Some(square / (k as f64 * unit - load) + brute_units(rest, units - k, unit)?);
    (first..=units).filter_map(with).reduce(f64::min)
}

/// The best of all deployments.
fn optimum(instance: &Instance) -> Option<f64> {
    deployments(instance).filter_map(|servers| delay(instance, &servers)).reduce(f64::min)
}

/// Random prices, and a random tree.
fn certificate(instance: &Instance, seed: u64, with_splits: bool) -> Certificate {
    let mut stream = Stream::new(&["certificate"], seed);
    let servers = instance.servers.len();
    let scale = stream.log_uniform(0.1, 10.0);
    let mut prices = || {
        let mut row = || (0..servers).map(|_| scale * stream.uniform(-0.3, 1.0)).collect::<Vec<f64>>();
        let place = (0..instance.partitions()).map(|_| row()).collect();
        let stay = instance.flows.iter().flat_map(|flow| 0..flow.partitions.len());
        let stay = stay.map(|n| if n == 0 { Vec::new() } else { row() }).collect();
        Prices { place, stay }
    };
    let all = (0..4).map(|_| prices()).collect();
    let rates = (0..servers).map(|_| stream.log_uniform(0.01, 10.0)).collect();
    let leaf = |stream: &mut Stream| match stream.below(5) {
        4 => Node::Marginal { rates: Vec::clone(&rates) },
        prices => Node::Priced { prices: prices as u32 },
    };
    let mut nodes = vec![leaf(&mut stream)];
    while with_splits && nodes.len() < 9 {
        let at = stream.below(nodes.len() as u64) as usize;
        if matches!(nodes[at], Node::Split { .. }) {
            continue;
        }
        let flow = stream.below(instance.flows.len() as u64) as u32;
        let partition = stream.below(instance.flows[flow as usize].partitions.len() as u64) as u32;
        let some: BTreeSet<u32> = (0..servers as u32).filter(|_| stream.below(2) == 0).collect();
        let inside = nodes.len() as u32;
        nodes[at] = Node::Split { flow, partition, servers: some.into_iter().collect(), inside, outside: inside + 1 };
        nodes.push(leaf(&mut stream));
        nodes.push(leaf(&mut stream));
    }
    Certificate { prices: all, nodes }
}

/// What a single leaf with prices proves, by looking at every path and every set.
fn brute_priced(instance: &Instance, prices: &Prices) -> f64 {
    let first: Vec<usize> = instance
        .flows
        .iter()
        .scan(0, |next, flow| {
            let first = *next;
            *next += flow.partitions.len();
            Some(first)
        })
        .collect();
    let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
    let fits = |s: usize, n: usize, m: usize| {
        let load = instance.flows[s].rate_per_s * instance.flows[s].partitions[n].macs;
        match instance.allocation {
            Allocation::Continuous => load < instance.servers[m].macs_per_s,
            Allocation::Units { macs_per_s } => (load / macs_per_s).floor() as u64 + 1 <= instance.units(m, macs_per_s),
        }
    };
    let mut bound = 0.0;
    for (s, flow) in instance.flows.iter().enumerate() {
        // The flow alone, servers without limits: only ways and prices.
        let alone = Instance {
            flows: vec![flow.clone()],
            allocation: Allocation::Continuous,
            servers: instance.servers.iter().map(|_| offcut_instances::jpdra::Server { macs_per_s: 1e30 }).collect(),
            ..instance.clone()
        };
        let cost = |servers: &Vec<Vec<u32>>| {
            let row = &servers[0];
            if (0..row.len()).any(|n| !fits(s, n, row[n] as usize)) {
                return None;
            }
            let ways = delay(&alone, servers)? * flow.rate_per_s / total;
            let places = (0..row.len()).map(|n| prices.place[first[s] + n][row[n] as usize]).sum::<f64>();
            let stays = (1..row.len()).filter(|n| row[*n] == row[n - 1]);
            Some(ways + places + stays.map(|n| prices.stay[first[s] + n][row[n] as usize]).sum::<f64>())
        };
        match deployments(&alone).filter_map(|servers| cost(&servers)).reduce(f64::min) {
            Some(least) => bound += least,
            None => return f64::INFINITY,
        }
    }
    for m in 0..instance.servers.len() {
        let items: Vec<(usize, usize)> = (0..instance.flows.len())
            .flat_map(|s| (0..instance.flows[s].partitions.len()).map(move |n| (s, n)))
            .collect();
        let mut least = f64::INFINITY;
        for set in 0u32..1 << items.len() {
            let is_in = |s: usize, n: usize| set >> (first[s] + n) & 1 == 1;
            // What fits nowhere else must be here, and what does not fit alone must not.
            let servers = || 0..instance.servers.len();
            let must = |s: usize, n: usize| servers().all(|other| fits(s, n, other) == (other == m));
            if items.iter().any(|(s, n)| if is_in(*s, *n) { !fits(*s, *n, m) } else { must(*s, *n) }) {
                continue;
            }
            let taken: Vec<(f64, f64)> = (items.iter().filter(|(s, n)| is_in(*s, *n)))
                .map(|(s, n)| {
                    let flow = &instance.flows[*s];
                    let load = flow.rate_per_s * flow.partitions[*n].macs;
                    (load, load / total)
                })
                .collect();
            let delay = match instance.allocation {
                Allocation::Continuous => {
                    let left = instance.servers[m].macs_per_s - taken.iter().map(|(load, _)| load).sum::<f64>();
                    let roots: f64 = taken.iter().map(|(_, square)| square.sqrt()).sum();
                    (left > 0.0).then(|| roots * roots / left)
                }
                Allocation::Units { macs_per_s } => brute_units(&taken, instance.units(m, macs_per_s), macs_per_s),
            };
            let Some(delay) = delay else { continue };
            let mut earned = 0.0;
            for (s, n) in items.iter().filter(|(s, n)| is_in(*s, *n)) {
                earned += prices.place[first[*s] + n][m];
                if *n > 0 && is_in(*s, n - 1) {
                    earned += prices.stay[first[*s] + n][m];
                }
            }
            least = least.min(delay - earned);
        }
        bound += least;
    }
    bound.max(0.0)
}

fn shares() -> impl Strategy<Value = Instance> {
    prop_oneof![instances(2, 3, 3, Shares::Continuous), instances(2, 3, 3, Shares::Units)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_certificate_proves_more_than_the_optimum(instance in shares(), seed in any::<u64>()) {
        let proved = Jpdra::replay(&instance, &certificate(&instance, seed, true)).expect("well formed");
        if let Some(optimum) = optimum(&instance) {
            prop_assert!(proved <= optimum * (1.0 + 1e-12), "{proved} {optimum}");
        }
    }

    #[test]
    fn a_priced_leaf_proves_all_it_can(instance in shares(), seed in any::<u64>()) {
        let Certificate { prices, .. } = certificate(&instance, seed, false);
        let expected = brute_priced(&instance, &prices[0]);
        let leaf = Certificate { prices, nodes: vec![Node::Priced { prices: 0 }] };
        let proved = Jpdra::replay(&instance, &leaf).expect("well formed");
        if expected == f64::INFINITY {
            prop_assert_eq!(proved, expected);
        } else {
            prop_assert!((proved - expected).abs() <= 1e-9 * expected.max(1.0), "{} {}", proved, expected);
        }
    }

    #[test]
    fn emptiness_is_proved_only_where_it_is_so(instance in shares(), seed in any::<u64>()) {
        let mut leaf = certificate(&instance, seed, false);
        leaf.nodes = vec![Node::Empty { prices: 0 }];
        if seed % 2 == 0 {
            // Loads as prices: the sharpest there are against overload.
            let loads = instance.flows.iter().flat_map(|flow| flow.partitions.iter().map(|p| p.macs * flow.rate_per_s));
            leaf.prices[0].place = loads.map(|load| vec![load; instance.servers.len()]).collect();
            leaf.prices[0].stay = Vec::new();
        }
        if Jpdra::replay(&instance, &leaf).is_ok() {
            prop_assert_eq!(optimum(&instance), None);
        }
    }

    #[test]
    fn what_fits_is_never_better_than_the_optimum(
        (instance, solution) in shares().prop_flat_map(|i| { let s = solutions(&i); (Just(i), s) }),
    ) {
        let (objective, violations) = Jpdra::evaluate(&instance, &solution);
        if violations.is_empty() {
            let optimum = optimum(&instance).expect("there is a solution");
            prop_assert!(objective.expect("defined").high() >= optimum * (1.0 - 1e-12));
        }
    }
}
