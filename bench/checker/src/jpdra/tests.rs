use std::collections::BTreeSet;

use offcut_instances::document::parse_instance;
use offcut_instances::jpdra::strategy::{Shares, deployments, instances, solutions};
use offcut_instances::jpdra::{Allocation, Certificate, Instance, Jpdra, Node, Prices, Server, Solution, Speeds};
use offcut_instances::machine::Machine;
use offcut_instances::problem::{Answer, Stop, Valid};
use offcut_instances::random::Stream;
use proptest::prelude::*;

use super::replay::{Replay, SearchEffort};
use super::server_subproblem::SubproblemObjective;
use crate::{Budget, Checkable, Proof, Tolerance, check_answer};

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
fn the_toy_has_its_objective_by_hand() {
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
    assert_eq!(broken(&instance, &solution([0, 1], [5.0 * (1.0 + 1.01e-9), 8.0])), ["speeds within capacity"]);
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
        assert_eq!(broken(&instance, &solution([0, 1], [5.0, 8.0])), ["a link exists"]);
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

#[test]
fn violations_have_amounts() {
    let only = |instance: &Instance, solution: &Solution| {
        let (_, violations) = Jpdra::evaluate(instance, solution);
        assert_eq!(violations.len(), 1);
        violations[0].amount
    };
    assert_eq!(only(&toy(), &solution([0, 1], [7.5, 8.0])), 2.5);
    assert_eq!(only(&toy(), &solution([0, 1], [5.0, 3.5])), 0.5);
    let cut_in_units = Instance { allocation: Allocation::Units { macs_per_s: 2.0 }, ..toy() };
    let units = |speeds: [u64; 2]| Solution { servers: vec![vec![0, 1]], speeds: Speeds::Units(vec![speeds.to_vec()]) };
    assert_eq!(only(&cut_in_units, &units([5, 4])), 3.0);
    assert_eq!(only(&cut_in_units, &units([2, 1])), 2.0);
}

/// What is left of server 1 is 2^-28: a rounding of its speed would be a ten-millionth of the delay.
#[test]
fn a_server_that_is_filled_exactly_is_known_exactly() {
    let mut instance = toy();
    let speed = 4.0 * (1.0 + 2f64.powi(-30));
    instance.servers[1].machine.speed = speed;
    let delay = 1.25 + 4.0 * 2f64.powi(28);
    assert!((objective(&instance, &solution([0, 1], [5.0, speed])) - delay).abs() < 1e-12 * delay);
}

/// Up to 1e-9 of a capacity, relative, is scaled back, server by server, and the objective is that of what is left; above that it is a violation.
#[test]
fn a_small_excess_is_scaled_back() {
    let instance = toy();
    for (excess, stands) in [(1e-15, true), (0.99e-9, true), (1.01e-9, false), (1e-6, false)] {
        let more = 1.0 + excess;
        for (servers, speeds, over, expected) in [
            ([0, 1], [5.0 * more, 8.0], vec!["servers[0]"], 2.25),
            ([0, 1], [5.0, 8.0 * more], vec!["servers[1]"], 2.25),
            ([0, 1], [5.0 * more, 8.0 * more], vec!["servers[0]", "servers[1]"], 2.25),
            ([1, 1], [2.0 * more, 6.0 * more], vec!["servers[1]"], 4.25),
        ] {
            let given = solution(servers, speeds);
            let (objective, violations) = Jpdra::evaluate(&instance, &given);
            if stands {
                assert_eq!(violations, [], "{excess} {servers:?}");
                let objective = objective.expect("defined");
                assert!(objective.low() <= expected && expected <= objective.high(), "{excess}: {objective:?}");
                assert!(objective.high() - objective.low() < 1e-13, "{excess}: {objective:?}");
            } else {
                let at: Vec<_> = violations.iter().map(|violation| &violation.at[..]).collect();
                assert_eq!(at, over, "{excess} {servers:?}");
                assert!(violations.iter().all(|violation| violation.constraint == "speeds within capacity"));
            }
        }
    }
    // What is stable as it is given, and not once it is scaled, is not stable.
    let mut full = toy();
    full.servers[1].machine.speed = 4.0;
    assert_eq!(broken(&full, &solution([0, 1], [5.0, 4.0 * (1.0 + 0.9e-9)])), ["stability"]);
    // Units are whole: one too many is one too many, however many there are.
    let mut units = Instance { allocation: Allocation::Units { macs_per_s: 8e-12 }, ..toy() };
    units.servers[1].machine.speed = 8.0;
    let most = units.units(1, 8e-12);
    let speeds = |k: u64| Solution { servers: vec![vec![0, 1]], speeds: Speeds::Units(vec![vec![600_000_000_000, k]]) };
    assert_eq!(broken(&units, &speeds(most)), [""; 0]);
    assert_eq!(broken(&units, &speeds(most + 1)), ["speeds within capacity"]);
}

/// On a server with 2^-20 of it left, 1e-10 of its speed is 1e-4 of the delay. Who claims the value of the speeds as they were given is not wrong, and
/// has the objective of the scaled ones; a better one is wrong.
#[test]
fn a_claim_may_be_of_what_was_given() {
    let mut instance = toy();
    let speed = 4.0 * (1.0 + 2f64.powi(-20));
    instance.servers[1].machine.speed = speed;
    let given = solution([0, 1], [5.0, speed * (1.0 + 1e-10)]);
    let scaled = 1.25 + 4.0 / (speed - 4.0);
    let as_given = 1.25 + 4.0 / (speed * (1.0 + 1e-10) - 4.0);
    assert!(as_given < scaled * (1.0 - 1e-5));
    for (claimed, is_right) in [(scaled, true), (as_given, true), (0.5 * (scaled + as_given), false), (2.25, false)] {
        let verdict = check_answer::<Jpdra>(&instance, &Answer::found(given.clone(), claimed), &Tolerance::default());
        assert_eq!(verdict.is_feasible(), is_right, "{claimed}: {verdict:?}");
        let objective = verdict.objective().expect("defined");
        assert!((objective.middle() / scaled - 1.0).abs() < 1e-9, "{objective:?}");
        assert!(objective.low() > as_given, "{objective:?}");
    }
}

fn verdict(certificate: Certificate, value: f64, stop: Stop) -> crate::Verdict {
    let answer = Answer::<Jpdra>::nothing(stop).certified(value, certificate);
    check_answer::<Jpdra>(&toy(), &answer, &Tolerance::default())
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
    assert!(matches!(verdict(split, 2.26, Stop::Completed).proof(), Proof::Rejected { .. }));
}

#[test]
fn malformed_certificates_are_rejected() {
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
        (vec![prices.clone()], vec![split(1, 2, &[0, 0], 0), priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![priced.clone(), priced.clone()]),
        (vec![prices.clone()], vec![split(0, 1, &[0], 0), priced.clone()]),
        // Prices that prove nothing of emptiness.
        (vec![prices.clone()], vec![Node::Empty { prices: 0 }]),
    ] {
        let verdict = verdict(Certificate { prices, nodes: nodes.clone() }, 0.0, Stop::Completed);
        assert!(matches!(verdict.proof(), Proof::Rejected { .. }), "{nodes:?}");
    }
}

/// A single server of 4 cannot take 1 + 4: prices of 1 and 4 are paid by any path, and the server can earn 4 at most.
#[test]
fn an_instance_without_solutions_is_proved_to_have_none() {
    let mut instance = toy();
    instance.servers[1].machine.speed = 4.5;
    let answer = |prices: Prices| {
        let nodes = vec![Node::Empty { prices: 0 }];
        Answer::<Jpdra>::nothing(Stop::Infeasible).certified(0.0, Certificate { prices: vec![prices], nodes })
    };
    // Both servers could take the first; the second fits server 1 alone. So only 0,1 is left: feasible.
    let by_load = Prices { place: vec![vec![1.0; 2], vec![4.0; 2]], stay: Vec::new() };
    let verdict = check_answer::<Jpdra>(&instance, &answer(by_load.clone()), &Tolerance::default());
    assert!(matches!(verdict.proof(), Proof::Rejected { .. }));
    instance.servers[0].machine.speed = 0.5;
    let verdict = check_answer::<Jpdra>(&instance, &answer(by_load), &Tolerance::default());
    assert_eq!(verdict.proof(), &Proof::Infeasible);
    // And a solution beside such a proof is a contradiction, whoever claims it.
    assert!(!verdict.is_rejected());
}

/// Three partitions of 3 and two servers of 5 that take one each. Prices of 3 are paid three times; if a server could take parts of them it would earn 5,
/// and both more than is paid; in truth it earns 3.
#[test]
fn infeasibility_is_proved_by_a_close_search_where_a_quick_bound_is_not_enough() {
    let mut instance = toy();
    let partition = offcut_instances::jpdra::Partition { macs: 3.0, out_bytes: 1.0 };
    instance.flows[0].partitions = vec![partition; 3];
    instance.servers.iter_mut().for_each(|server| server.machine.speed = 5.0);
    let prices = vec![Prices { place: vec![vec![3.0; 2]; 3], stay: Vec::new() }];
    let certificate = one(Node::Empty { prices: 0 }, prices);
    let budget = Budget::of(0, 0);
    let mut replay = Replay::new(&instance, &certificate, &budget);
    let allowed = vec![vec![true; 2]; 3];
    let mut priced =
        |effort| replay.priced(0, SubproblemObjective::Feasibility, &allowed, effort).expect("within the budget");
    assert!(priced(SearchEffort::Quick) <= 0.0);
    assert!((priced(SearchEffort::Close) - 3.0).abs() < 1e-9);
    assert_eq!(Jpdra::replay(&instance, &certificate), Ok(f64::INFINITY));
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
        for n in 0..flow.partitions.len() {
            let work = instance.work_on(s, n, at(n));
            on[at(n)].push((flow.rate_per_s * work, weight * work));
        }
    }
    for (m, on) in on.iter().enumerate() {
        delay += match instance.allocation {
            Allocation::Continuous => {
                let left = instance.servers[m].machine.speed - on.iter().map(|(load, _)| load).sum::<f64>();
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
        let load = instance.flows[s].rate_per_s * instance.work_on(s, n, m);
        match instance.allocation {
            Allocation::Continuous => load < instance.servers[m].machine.speed,
            Allocation::Units { macs_per_s } => ((load / macs_per_s).floor() as u64) < instance.units(m, macs_per_s),
        }
    };
    let limitless = |server: &Server| Server { machine: Machine { speed: 1e30, ..server.machine } };
    let mut bound = 0.0;
    for (s, flow) in instance.flows.iter().enumerate() {
        // The flow alone, servers without limits: only ways and prices.
        let alone = Instance {
            flows: vec![flow.clone()],
            allocation: Allocation::Continuous,
            servers: instance.servers.iter().map(limitless).collect(),
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
                    let load = flow.rate_per_s * instance.work_on(*s, *n, m);
                    (load, load / total)
                })
                .collect();
            let delay = match instance.allocation {
                Allocation::Continuous => {
                    let left = instance.servers[m].machine.speed - taken.iter().map(|(load, _)| load).sum::<f64>();
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

/// All partitions, as flow and place in it.
fn partitions_of(instance: &Instance) -> Vec<(usize, usize)> {
    let of_flow = |s: usize| (0..instance.flows[s].partitions.len()).map(move |n| (s, n));
    (0..instance.flows.len()).flat_map(of_flow).collect()
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
            let load = |s: usize, n: usize, m: usize| instance.flows[s].rate_per_s * instance.work_on(s, n, m);
            let row = |(s, n)| (0..instance.servers.len()).map(|m| load(s, n, m)).collect();
            leaf.prices[0].place = partitions_of(&instance).into_iter().map(row).collect();
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

/// Against exact rationals: extreme magnitudes, servers filled to the last bit, prices far from what delays are.
mod to_the_last_bit {
    use dashu_ratio::RBig;

    use super::*;

    fn exact(value: f64) -> RBig {
        RBig::try_from(value).expect("finite")
    }

    /// A root from above, 1e-31 too large at most: Newton's step from any side ends above.
    fn root(square: &RBig) -> RBig {
        let near = exact(square.to_f64_fast().sqrt());
        (square / &near + near) / exact(2.0)
    }

    /// What the best speeds for a deployment are worth, from above by some 1e-31; none if it is not feasible, exactly.
    fn objective_value(instance: &Instance, servers: &[Vec<u32>]) -> Option<RBig> {
        let total = instance.flows.iter().fold(RBig::ZERO, |total, flow| total + exact(flow.rate_per_s));
        let mut objective_value = RBig::ZERO;
        let mut on: Vec<Vec<(RBig, RBig)>> = vec![Vec::new(); instance.servers.len()];
        for (s, (flow, row)) in instance.flows.iter().zip(servers).enumerate() {
            let weight = exact(flow.rate_per_s) / &total;
            let at = |n: usize| row[n] as usize;
            let last = row.len() - 1;
            let connected = (0..last).all(|n| instance.connects(at(n), at(n + 1)));
            if !instance.enters(s, at(0)) || !connected || !instance.leaves(s, at(last)) {
                return None;
            }
            objective_value += &weight * exact(flow.input_bytes) / exact(flow.uplink_bytes_per_s[at(0)]);
            for n in (0..last).filter(|n| at(*n) != at(n + 1)) {
                objective_value +=
                    &weight * exact(flow.partitions[n].out_bytes) / exact(instance.link_bytes_per_s[at(n)][at(n + 1)]);
            }
            if let Some(bytes) = flow.result_bytes {
                objective_value += &weight * exact(bytes) / exact(flow.downlink_bytes_per_s[at(last)]);
            }
            for n in 0..flow.partitions.len() {
                let work = exact(instance.work_on(s, n, at(n)));
                on[at(n)].push((exact(flow.rate_per_s) * &work, &weight * &work));
            }
        }
        for (m, on) in on.iter().enumerate().filter(|(_, on)| !on.is_empty()) {
            match instance.allocation {
                Allocation::Continuous => {
                    let load = on.iter().fold(RBig::ZERO, |sum, (load, _)| sum + load);
                    let left = exact(instance.servers[m].machine.speed) - load;
                    if left <= RBig::ZERO {
                        return None;
                    }
                    let roots = on.iter().fold(RBig::ZERO, |sum, (_, square)| sum + root(square));
                    objective_value += &roots * &roots / left;
                }
                Allocation::Units { macs_per_s } => {
                    let unit = exact(macs_per_s);
                    let mut given: Vec<u64> = Vec::new();
                    for (load, _) in on {
                        given.push(u64::try_from((load / &unit).floor()).ok()?.checked_add(1)?);
                    }
                    let mut left =
                        given.iter().try_fold(instance.units(m, macs_per_s), |left, k| left.checked_sub(*k))?;
                    let delay = |at: usize, k: u64| &on[at].1 / (&unit * RBig::from(k) - &on[at].0);
                    while left > 0 {
                        let gain = |at: &usize| delay(*at, given[*at]) - delay(*at, given[*at] + 1);
                        let best = (0..on.len()).max_by(|a, b| gain(a).cmp(&gain(b))).expect("some");
                        given[best] += 1;
                        left -= 1;
                    }
                    objective_value = (0..on.len()).fold(objective_value, |sum, at| sum + delay(at, given[at]));
                }
            }
        }
        Some(objective_value)
    }

    fn least(instance: &Instance) -> Option<(RBig, Vec<Vec<u32>>)> {
        let all = deployments(instance).filter_map(|on| Some((objective_value(instance, &on)?, on)));
        all.min_by(|a, b| a.0.cmp(&b.0))
    }

    /// Other magnitudes, up to what is legal, each flow and way its own; now and then a server that some partitions fill to the last bits.
    fn stretched(mut instance: Instance, stream: &mut Stream) -> Instance {
        let power = |stream: &mut Stream, low: f64, high: f64| 10f64.powi(stream.uniform(low, high) as i32);
        let speed = power(stream, -20.0, 20.0);
        let clamp = |value: f64| if value == 0.0 { 0.0 } else { value.clamp(1e-30, 1e30) };
        let is_wild = stream.below(3) == 0;
        for flow in &mut instance.flows {
            let rate = power(stream, -20.0, 20.0);
            flow.rate_per_s = clamp(flow.rate_per_s * rate);
            let bytes = power(stream, -20.0, 20.0);
            flow.input_bytes = clamp(flow.input_bytes * bytes);
            flow.result_bytes = flow.result_bytes.map(|result| clamp(result * bytes));
            let mut lesses = Vec::new();
            for partition in &mut flow.partitions {
                let less = if is_wild { power(stream, -20.0, 0.5) } else { 1.0 };
                partition.macs = clamp(partition.macs * speed / rate * less);
                lesses.push(less);
                partition.out_bytes = clamp(partition.out_bytes * bytes);
            }
            for work in &mut flow.work_s {
                work.iter_mut().zip(&lesses).for_each(|(work, less)| *work = clamp(*work * speed / rate * less));
            }
            let ways = flow.uplink_bytes_per_s.iter_mut().chain(&mut flow.downlink_bytes_per_s);
            ways.for_each(|way| *way = clamp(*way * power(stream, -25.0, 25.0)));
        }
        for way in instance.link_bytes_per_s.iter_mut().flatten() {
            *way = clamp(*way * power(stream, -25.0, 25.0));
        }
        let loads_on = |instance: &Instance, m: usize| -> Vec<f64> {
            let load = |(s, n): (usize, usize)| instance.work_on(s, n, m) * instance.flows[s].rate_per_s;
            partitions_of(instance).into_iter().map(load).collect()
        };
        for m in 0..instance.servers.len() {
            let loads = loads_on(&instance, m);
            let server = &mut instance.servers[m];
            server.machine.speed = clamp(server.machine.speed * speed);
            if stream.below(2) == 0 {
                let sum: f64 = loads.iter().filter(|_| stream.below(2) == 0).sum();
                let bits = stream.below(8) as f64 - 2.0;
                let more = if stream.below(2) == 0 { power(stream, -15.0, -1.0) } else { bits * f64::EPSILON };
                server.machine.speed = (sum * (1.0 + more)).clamp(1e-30, 1e30);
            }
        }
        if matches!(instance.allocation, Allocation::Units { .. }) {
            let most = instance.servers.iter().map(|server| server.machine.speed).fold(0.0, f64::max);
            let loads = loads_on(&instance, 0);
            // Units that divide a load, exactly or nearly, are the ones to go wrong.
            let whole = loads[stream.below(loads.len() as u64) as usize] / (1 + stream.below(4)) as f64;
            let unit = if stream.below(2) == 0 { most / 12.0 } else { whole.max(most / 40.0) };
            instance.allocation = Allocation::Units { macs_per_s: unit.clamp(1e-30, 1e30) };
        }
        instance
    }

    /// A tree that decides much, with prices of any size; and those that fit `best`.
    fn certificate(instance: &Instance, best: Option<&(RBig, Vec<Vec<u32>>)>, stream: &mut Stream) -> Certificate {
        let servers = instance.servers.len();
        let size = best.map_or(1.0, |(objective_value, _)| objective_value.to_f64_fast());
        let shape = || instance.flows.iter().flat_map(|flow| 0..flow.partitions.len());
        let any = |stream: &mut Stream| {
            let scale = (size * 10f64.powi(stream.uniform(-20.0, 12.0) as i32)).min(1e50);
            let mut row = || (0..servers).map(|_| scale * stream.uniform(-0.5, 1.0)).collect::<Vec<f64>>();
            let place = shape().map(|_| row()).collect();
            let stay = shape().map(|n| if n == 0 { Vec::new() } else { row() }).collect();
            Prices { place, stay }
        };
        let mut prices: Vec<Prices> = (0..4).map(|_| any(stream)).collect();
        let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
        let item = |(s, n): (usize, usize), m: usize| {
            let (rate, work) = (instance.flows[s].rate_per_s, instance.work_on(s, n, m));
            (rate * work, (rate / total * work).sqrt())
        };
        let all = partitions_of(instance);
        let items_on = |m: usize| -> Vec<(f64, f64)> { all.iter().map(|at| item(*at, m)).collect() };
        let mut rates = vec![0.0; servers];
        if let Some((_, on)) = best {
            let on: Vec<u32> = on.iter().flatten().copied().collect();
            for (m, rate) in rates.iter_mut().enumerate() {
                let items = items_on(m);
                let here = || items.iter().zip(&on).filter(|(_, at)| **at as usize == m).map(|(item, _)| item);
                let left = instance.servers[m].machine.speed - here().map(|(load, _)| load).sum::<f64>();
                *rate = here().map(|(_, root)| root).sum::<f64>()
                    / left.max(f64::EPSILON * instance.servers[m].machine.speed);
            }
        }
        rates.iter_mut().for_each(|rate| *rate = if *rate == 0.0 { 0.0 } else { rate.clamp(1e-60, 1e60) });
        let row = |at: &(usize, usize), of: &dyn Fn(f64, (f64, f64)) -> f64| -> Vec<f64> {
            rates.iter().enumerate().map(|(m, rate)| of(*rate, item(*at, m))).collect()
        };
        let marginal = |r: f64, (load, root): (f64, f64)| (2.0 * r * root + r * r * load).min(1e60);
        prices[0] = Prices { place: all.iter().map(|at| row(at, &marginal)).collect(), stay: Vec::new() };
        prices[1] = Prices { place: all.iter().map(|at| row(at, &|_, (load, _)| load)).collect(), stay: Vec::new() };
        let leaf = |stream: &mut Stream| match stream.below(5) {
            4 => Node::Marginal { rates: Vec::clone(&rates) },
            prices => Node::Priced { prices: prices as u32 },
        };
        let mut nodes = vec![leaf(stream)];
        let most = [1, 9, 60][stream.below(3) as usize];
        for _ in 0..4 * most {
            let at = stream.below(nodes.len() as u64) as usize;
            if nodes.len() >= most || matches!(nodes[at], Node::Split { .. }) {
                continue;
            }
            let flow = stream.below(instance.flows.len() as u64) as u32;
            let partition = stream.below(instance.flows[flow as usize].partitions.len() as u64) as u32;
            let some: BTreeSet<u32> = (0..servers as u32).filter(|_| stream.below(2) == 0).collect();
            let inside = nodes.len() as u32;
            let servers = some.into_iter().collect();
            nodes[at] = Node::Split { flow, partition, servers, inside, outside: inside + 1 };
            nodes.push(leaf(stream));
            nodes.push(leaf(stream));
        }
        Certificate { prices, nodes }
    }

    fn small() -> impl Strategy<Value = Instance> {
        let of = |shares| {
            prop_oneof![
                instances(2, 2, 2, shares),
                instances(1, 4, 2, shares),
                instances(4, 1, 2, shares),
                instances(1, 2, 4, shares)
            ]
        };
        prop_oneof![of(Shares::Continuous), of(Shares::Units)]
    }

    fn cases() -> u32 {
        std::env::var("OFFCUT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_certificate_proves_more_than_the_optimum(instance in small(), seed in any::<u64>()) {
            let mut stream = Stream::new(&["stretched"], seed);
            let instance = stretched(instance, &mut stream);
            instance.validate().expect("legal");
            let best = least(&instance);
            let certificate = certificate(&instance, best.as_ref(), &mut stream);
            let proved = Jpdra::replay(&instance, &certificate).expect("well formed");
            let Some((optimum, _)) = &best else { return Ok(()) };
            prop_assert!(proved.is_finite() && exact(proved) <= *optimum, "{} {}", proved, optimum.to_f64_fast());
            // A leaf that is said to be empty is none that the optimum needs.
            for at in 0..certificate.nodes.len() {
                for prices in 0..4 {
                    let mut emptied = certificate.clone();
                    if !matches!(emptied.nodes[at], Node::Split { .. }) {
                        emptied.nodes[at] = Node::Empty { prices };
                        if let Ok(proved) = Jpdra::replay(&instance, &emptied) {
                            prop_assert!(proved.is_finite() && exact(proved) <= *optimum, "empty {}: {} {}", at, proved, optimum.to_f64_fast());
                        }
                    }
                }
            }
        }

        /// Speeds that sum to a rounding too much stand, but are worth no less than what is best, exactly.
        #[test]
        fn no_solution_that_stands_is_better_than_the_optimum(instance in small(), seed in any::<u64>()) {
            let mut stream = Stream::new(&["stretched"], seed);
            let instance = Instance { allocation: Allocation::Continuous, ..stretched(instance, &mut stream) };
            for on in deployments(&instance) {
                let mut solution = plain(&instance, &on, &mut stream);
                // Half of them with an excess on one side of the tolerance or the other.
                if stream.below(2) == 0
                    && let Speeds::MacsPerS(rows) = &mut solution.speeds
                {
                    let more = 1.0 + stream.log_uniform(1e-16, 2e-9);
                    rows.iter_mut().flatten().for_each(|speed| *speed *= more);
                }
                let (objective, violations) = Jpdra::evaluate(&instance, &solution);
                if violations.is_empty() {
                    let Some(objective_value) = objective_value(&instance, &on) else { panic!("accepted, and does not fit: {solution:?}") };
                    let high = objective.expect("defined").high();
                    // (The oracle is up to 1e-31 too high.)
                    let is_no_better = exact(high) * (exact(1.0) + exact(1e-30)) >= objective_value;
                    prop_assert!(is_no_better, "{high} {}: {solution:?}", objective_value.to_f64_fast());
                }
            }
        }
    }

    /// The square-root rule in plain floats: speeds sum to a few roundings more or less than there is.
    fn plain(instance: &Instance, on: &[Vec<u32>], stream: &mut Stream) -> Solution {
        let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
        let load = |s: usize, n: usize| instance.flows[s].rate_per_s * instance.work_on(s, n, on[s][n] as usize);
        let mut loads = vec![0.0; instance.servers.len()];
        let mut roots = vec![0.0; instance.servers.len()];
        for (s, n, m) in on.iter().enumerate().flat_map(|(s, row)| row.iter().enumerate().map(move |(n, m)| (s, n, *m)))
        {
            loads[m as usize] += load(s, n);
            roots[m as usize] += (load(s, n) / total).sqrt();
        }
        let speeds = on.iter().enumerate().map(|(s, row)| {
            let speed = |(n, m): (usize, &u32)| {
                let m = *m as usize;
                let left = instance.servers[m].machine.speed - loads[m];
                let bits = stream.below(3) as f64 - 1.0;
                (load(s, n) + left * (load(s, n) / total).sqrt() / roots[m]) * (1.0 + bits * f64::EPSILON)
            };
            row.iter().enumerate().map(speed).collect()
        });
        let speeds = speeds.collect();
        Solution { servers: on.to_vec(), speeds: Speeds::MacsPerS(speeds) }
    }

    /// Speeds that sum to a quarter of an ulp more than there is, where all that is left are 12 ulps: 1/4.25 + 4/8 = .735 by the speeds given, and
    /// 9/12 = .75 is best.
    #[test]
    fn a_rounding_too_much_is_not_worth_anything() {
        let ulp = 4.0 * f64::EPSILON;
        let mut instance = toy();
        instance.servers[1].machine.speed = 5.0 + 12.0 * ulp;
        let given = solution([1, 1], [1.0 + 4.25 * ulp, 4.0 + 8.0 * ulp]);
        let least = objective_value(&instance, &given.servers).expect("fits");
        let evaluated = |instance: &Instance, given: &Solution| {
            let (objective, violations) = Jpdra::evaluate(instance, given);
            assert!(violations.is_empty(), "{violations:?}");
            let objective = objective.expect("defined");
            assert!(objective.high() - objective.low() <= 1e-14 * objective.high(), "{objective:?}");
            objective
        };
        assert!(least <= exact(evaluated(&instance, &given).low()));
        // Where all that is left is one ulp, 4 e: speeds of 1 + e and 4 + 4 e are scaled by 1 - e/5, which leaves 4/5 e and 16/5 e, and transfers
        // are nothing beside 1/(4/5 e) + 4/(16/5 e).
        instance.servers[1].machine.speed = 5.0 + ulp;
        let found = evaluated(&instance, &solution([1, 1], [1.0 + 0.25 * ulp, 4.0 + ulp]));
        let expected = 2.5 / f64::EPSILON;
        assert!((found.middle() - expected).abs() <= 1e-14 * expected, "{found:?}");
        // What is not stable by its own numbers stays so.
        assert_eq!(broken(&instance, &solution([1, 1], [1.0, 4.0 + ulp])), ["stability"]);
    }
}

/// One partition with lambda = 1 + e, w = 36 (1 - e), e = 2^-49, on one server: its load is 36 (1 - e^2), which 36 units of 1 exceed by 36 e^2. The delay
/// is w / (36 e^2) = (1 - e) / e^2, of which rounded products keep no digit.
fn near_full(allocation: Allocation) -> Instance {
    let mut instance = toy();
    let flow = &mut instance.flows[0];
    (flow.rate_per_s, flow.input_bytes, flow.result_bytes) = (1.0 + NEAR, 0.0, None);
    flow.partitions.truncate(1);
    flow.partitions[0].macs = 36.0 * (1.0 - NEAR);
    flow.uplink_bytes_per_s.truncate(1);
    flow.downlink_bytes_per_s.clear();
    instance.servers = vec![Server { machine: Machine::of_macs(36.0) }];
    instance.link_bytes_per_s = vec![vec![0.0]];
    instance.allocation = allocation;
    instance.validate().expect("legal");
    instance
}

const NEAR: f64 = 8.0 * f64::EPSILON;
const NEAR_FULL_S: f64 = (1.0 - NEAR) / (NEAR * NEAR);

#[test]
fn a_delay_whose_difference_cancels_is_narrow_and_proved() {
    let narrow = |instance: &Instance, solution: &Solution| {
        let (found, violations) = Jpdra::evaluate(instance, solution);
        assert!(violations.is_empty(), "{violations:?}");
        let found = found.expect("defined");
        assert!(found.low() <= NEAR_FULL_S && NEAR_FULL_S <= found.high(), "{found:?}");
        assert!(found.high() - found.low() <= 1e-14 * found.high(), "{found:?}");
    };
    let units = near_full(Allocation::Units { macs_per_s: 1.0 });
    let solution = Solution { servers: vec![vec![0]], speeds: Speeds::Units(vec![vec![36]]) };
    narrow(&units, &solution);
    let prices = Prices { place: vec![vec![0.0]], stay: Vec::new() };
    let certificate = Certificate { prices: vec![prices], nodes: vec![Node::Priced { prices: 0 }] };
    let bound = |value: f64| {
        let answer = Answer::found(solution.clone(), NEAR_FULL_S);
        check_answer::<Jpdra>(&units, &answer.certified(value, certificate.clone()), &Tolerance::default())
    };
    let Proof::Certified { value } = *bound(NEAR_FULL_S * (1.0 - 1e-12)).proof() else { panic!("a bound") };
    assert!((NEAR_FULL_S * (1.0 - 1e-13)..=NEAR_FULL_S).contains(&value), "{value}");
    assert!(bound(NEAR_FULL_S * (1.0 + 1e-8)).is_rejected());
    // One unit less is not stable, and the claim counts to its ninth digit.
    let less = Solution { servers: vec![vec![0]], speeds: Speeds::Units(vec![vec![35]]) };
    assert_eq!(broken(&units, &less), ["stability"]);
    let claim = Answer::found(solution.clone(), NEAR_FULL_S * (1.0 + 2e-9));
    assert!(check_answer::<Jpdra>(&units, &claim, &Tolerance::default()).is_rejected());

    // The same with continuous speeds, as they are and scaled back from a sum that is one rounding beyond the capacity.
    let continuous = near_full(Allocation::Continuous);
    for speed in [36.0, 36f64.next_up()] {
        narrow(&continuous, &Solution { servers: vec![vec![0]], speeds: Speeds::MacsPerS(vec![vec![speed]]) });
    }
    let below = Solution { servers: vec![vec![0]], speeds: Speeds::MacsPerS(vec![vec![36f64.next_down()]]) };
    assert_eq!(broken(&continuous, &below), ["stability"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against exact rationals, with speeds whose sum is at, below or a few roundings beyond the capacity, and loads near the speeds.
    #[test]
    fn delays_enclose_the_exact_ones(
        rate in 0.1f64..10.0,
        parts in prop::collection::vec((0.1f64..10.0, 0u32..50), 1..5),
        excess in prop::sample::select(vec![-1e-3, -2e-16, 0.0, 3e-16, 1e-13, 0.9e-9]),
    ) {
        use dashu_ratio::RBig;
        let exact = |value: f64| RBig::try_from(value).expect("finite");
        let mut instance = near_full(Allocation::Continuous);
        let flow = &mut instance.flows[0];
        flow.rate_per_s = rate;
        flow.partitions = parts.iter().map(|(macs, _)| offcut_instances::jpdra::Partition { macs: *macs, out_bytes: 0.0 }).collect();
        // Each partition has a little more than its load, from 2^-50 of it on.
        let speeds: Vec<f64> = parts.iter().map(|(macs, bits)| rate * macs * (1.0 + 2f64.powi(-(*bits as i32)))).collect();
        let total = speeds.iter().map(|speed| exact(*speed)).fold(RBig::ZERO, |a, b| a + b);
        let capacity = total.to_f64().value() / (1.0 + excess);
        instance.servers = vec![Server { machine: Machine::of_macs(capacity) }];
        let (found, violations) = Jpdra::evaluate(&instance, &Solution {
            servers: vec![vec![0; parts.len()]], speeds: Speeds::MacsPerS(vec![speeds.clone()]),
        });
        let factor = if total > exact(capacity) { exact(capacity) / &total } else { RBig::ONE };
        let left: Vec<RBig> = parts.iter().zip(&speeds).map(|((macs, _), speed)| exact(*speed) * &factor - exact(rate) * exact(*macs)).collect();
        let is_stable = left.iter().all(|left| *left > RBig::ZERO);
        prop_assert_eq!(violations.is_empty(), is_stable, "{:?}", violations);
        prop_assert_eq!(found.is_some(), is_stable);
        if let Some(found) = found {
            let truth = parts.iter().zip(&left).fold(RBig::ZERO, |sum, ((macs, _), left)| sum + exact(*macs) / left);
            prop_assert!(exact(found.low()) <= truth && truth <= exact(found.high()));
            prop_assert!(found.high() - found.low() <= 1e-14 * found.high(), "{:?}", found);
        }
    }
}
