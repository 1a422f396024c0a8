use offcut_instances::jpdra::strategy::{Shares, instances};
use offcut_instances::jpdra::{
    Allocation, Flow, Instance, Jpdra, Origin, Parameters, Partition, Server, Speeds, generate,
};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop};
use offcut_instances::random::Stream;
use proptest::prelude::*;

use super::branch::Branch;
use super::brute_force::Exhaustive;
use super::milp::{OuterApproximation, Units};
use super::model::Model;
use super::price::{Price, relaxed};
use super::server_subproblem::{Servers, SubproblemObjective};
use super::socp::{self, Socp};

/// One server, one flow: w = (.8, 1.5, 2.2, 1.1), lambda = .9, F = 10, unit .25.
fn golden(allocation: Allocation) -> Instance {
    let partitions = [0.8, 1.5, 2.2, 1.1].map(|macs| Partition { macs, out_bytes: 0.0 }).to_vec();
    let flow = Flow {
        rate_per_s: 0.9,
        input_bytes: 0.0,
        partitions,
        work_s: Vec::new(),
        result_bytes: None,
        uplink_bytes_per_s: vec![1.0],
        downlink_bytes_per_s: Vec::new(),
    };
    Instance {
        origin: Origin::default(),
        machine_kinds: Vec::new(),
        flows: vec![flow],
        servers: vec![Server::of_macs(10.0)],
        link_bytes_per_s: vec![vec![0.0]],
        allocation,
    }
}

fn solve(algorithm: &dyn Algorithm<Jpdra>, instance: &Instance) -> Answer<Jpdra> {
    algorithm.solve(instance, &Budget::seconds(60.0))
}

fn objective(answer: &Answer<Jpdra>) -> Option<f64> {
    answer.found.as_ref().map(|claim| claim.objective)
}

fn bound(answer: &Answer<Jpdra>) -> f64 {
    answer.proved.as_ref().expect("a bound").value
}

fn is_close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

#[test]
fn the_golden_case() {
    let continuous = golden(Allocation::Continuous);
    for algorithm in
        [&Branch::default() as &dyn Algorithm<Jpdra>, &OuterApproximation::default(), &Socp, &Price, &Exhaustive]
    {
        let answer = solve(algorithm, &continuous);
        assert!(is_close(objective(&answer).expect("feasible"), 4.361_664, 1e-6), "{}", algorithm.id());
        assert!(is_close(bound(&answer), 4.361_664, 1e-6), "{}", algorithm.id());
    }
    let units = golden(Allocation::Units { macs_per_s: 0.25 });
    for algorithm in [&Branch::default() as &dyn Algorithm<Jpdra>, &Units, &Exhaustive] {
        let answer = solve(algorithm, &units);
        assert!(is_close(objective(&answer).expect("feasible"), 4.384_605, 1e-6), "{}", algorithm.id());
        assert!(is_close(bound(&answer), 4.384_605, 1e-6), "{}", algorithm.id());
        let Some(Speeds::Units(units)) = answer.found.map(|claim| claim.solution.speeds) else { panic!("units") };
        assert_eq!(units[0].iter().sum::<u64>(), 40);
    }
}

/// Ending early at a gap, and freeing flows on a thread of its own: the bound stays below the optimum, the gap is what was asked for.
#[test]
fn a_near_enough_end_is_near_enough() {
    for seed in 1..=3 {
        let parameters = Parameters { flows: 8, partitions: 5, servers: 6, ..Parameters::default() };
        let instance = generate("synthetic", &parameters, seed).expect("legal");
        let exact = solve(&Branch::default(), &instance);
        let optimum = objective(&exact).expect("feasible");
        for (gap, threads) in [(1e-2, 1), (1e-3, 1), (1e-3, 2), (2e-10, 2)] {
            let near = Branch { gap };
            let answer = near.solve(&instance, &Budget { threads, ..Budget::seconds(60.0) });
            let found = objective(&answer).expect("feasible");
            assert_eq!(answer.stop, Stop::Completed);
            assert!(bound(&answer) <= optimum * (1.0 + 1e-12) && found >= optimum * (1.0 - 1e-12), "seed {seed}");
            assert!(found <= bound(&answer) * (1.0 + gap + 1e-11), "seed {seed}: {found} {}", bound(&answer));
        }
    }
}

/// The best set of a server, by looking at all of them.
fn brute(model: &Model, objective: SubproblemObjective, m: usize, domain: &[u64], prices: &[f64]) -> f64 {
    brute_where(model, objective, m, domain, prices, |set| model.server_delay(m, set))
}

/// The same with another delay of a set; none if the set does not fit.
fn brute_where(
    model: &Model,
    objective: SubproblemObjective,
    m: usize,
    domain: &[u64],
    prices: &[f64],
    delay: impl Fn(&[usize]) -> Option<f64>,
) -> f64 {
    let (servers, partitions) = (model.servers(), model.partitions());
    let mut least = f64::INFINITY;
    for bits in 0u32..1 << partitions {
        let is_in = |i: usize| bits >> i & 1 == 1;
        let allowed = |i: usize| if is_in(i) { domain[i] >> m & 1 == 1 } else { domain[i] != 1 << m };
        let set: Vec<usize> = (0..partitions).filter(|i| is_in(*i)).collect();
        let delay = (0..partitions).all(allowed).then(|| delay(&set)).flatten();
        let Some(delay) = delay else { continue };
        let stays = set.iter().filter(|i| model.follows[**i] && is_in(*i - 1));
        let earned = set.iter().map(|i| prices[i * servers + m]).sum::<f64>()
            + stays.map(|i| prices[(partitions + i) * servers + m]).sum::<f64>();
        least = least.min(if objective == SubproblemObjective::Feasibility { 0.0 } else { delay } - earned);
    }
    least
}

fn any_instances() -> impl Strategy<Value = Instance> {
    prop_oneof![instances(2, 4, 3, Shares::Continuous), instances(2, 4, 3, Shares::Units)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_finds_its_best_set(instance in any_instances(), seed in any::<u64>()) {
        let model = Model::new(&instance);
        let mut stream = Stream::new(&["prices"], seed);
        let all = (1u64 << model.servers()) - 1;
        let domain: Vec<u64> = (0..model.partitions()).map(|_| 1 + stream.below(all)).collect();
        for objective in [SubproblemObjective::Delay, SubproblemObjective::Feasibility] {
            let mut servers = Servers::new(&model, objective);
            // From call to call rates are remembered: poor ones must not matter.
            for _ in 0..3 {
                let scale = stream.log_uniform(0.1, 10.0);
                let price = |_| scale * stream.uniform(-0.3, 1.0);
                let prices: Vec<f64> = (0..2 * model.partitions() * model.servers()).map(price).collect();
                for m in 0..model.servers() {
                    let best = servers.best(m, &domain, &prices, f64::INFINITY, 1e-12 * scale);
                    let least = brute(&model, objective, m, &domain, &prices);
                    // Feasibility leaves out only what does not fit in exact arithmetic.
                    let may_fit = |set: &[usize]| model.may_fit(m, set.iter().copied()).then_some(0.0);
                    let lowest = match objective {
                        SubproblemObjective::Delay => least,
                        SubproblemObjective::Feasibility => {
                            brute_where(&model, objective, m, &domain, &prices, may_fit)
                        }
                    };
                    let slack = 1e-9 * scale.max(if least.is_finite() { least.abs() } else { 0.0 });
                    prop_assert!(
                        best.low >= lowest - slack && best.low <= least + slack,
                        "{:?} {} {} {}", objective, best.low, lowest, least
                    );
                    // No alternative is bounded above its exact value.
                    for (i, [out, within]) in servers.alternatives(m, &domain, &prices) {
                        for (without, bound) in [(true, out), (false, within)] {
                            let mut one = domain.clone();
                            one[i] = if without { domain[i] & !(1 << m) } else { 1 << m };
                            let exact = brute(&model, objective, m, &one, &prices);
                            let is_forced = without && domain[i] == 1 << m;
                            prop_assert!(is_forced || bound <= exact + 1e-9 * scale.max(exact.abs()));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn exact_search_finds_what_exhaustion_finds(instance in any_instances()) {
        let (exact, all) = (solve(&Branch::default(), &instance), solve(&Exhaustive, &instance));
        match objective(&all) {
            None => prop_assert_eq!(&exact.stop, &Stop::Infeasible),
            Some(least) => {
                let found = objective(&exact).expect("feasible");
                prop_assert!(is_close(found, least, 1e-9), "{} {}", found, least);
                prop_assert!(is_close(bound(&exact), least, 1e-9), "{} {}", bound(&exact), least);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn models_find_what_exhaustion_finds(instance in any_instances()) {
        let all = solve(&Exhaustive, &instance);
        let oa = solve(&OuterApproximation::default(), &instance);
        let units = solve(&Units, &instance);
        let is_continuous = instance.allocation == Allocation::Continuous;
        match objective(&all) {
            None => {
                prop_assert_eq!(objective(&oa), None);
                prop_assert!(is_continuous || units.stop == Stop::Infeasible);
                prop_assert!(!is_continuous || oa.stop == Stop::Infeasible, "{:?}", oa.stop);
            }
            Some(least) => {
                prop_assert!(bound(&oa) <= least * (1.0 + 1e-6));
                if is_continuous {
                    prop_assert!(is_close(objective(&oa).expect("feasible"), least, 1e-6));
                    prop_assert!(is_close(bound(&oa), least, 1e-6), "{} {}", bound(&oa), least);
                } else {
                    prop_assert!(is_close(objective(&units).expect("feasible"), least, 1e-6));
                    prop_assert!(is_close(bound(&units), least, 1e-6));
                }
            }
        }
    }

    #[test]
    fn the_price_bound_is_the_cone_program(instance in instances(4, 4, 4, Shares::Continuous)) {
        let model = Model::new(&instance);
        // (Where servers are nearly full the mixture takes long; what it has proved by then is a bound all the same.)
        let rounds = std::cell::Cell::new(0);
        let is_over = || rounds.replace(rounds.get() + 1) >= 1000;
        let prices = relaxed(&model, 1e-8, &is_over);
        // Where servers are full to within thousandths Clarabel loses digits, or says that it does.
        let is_nearly_full = prices.as_ref().is_some_and(|prices| prices.bound > 100.0);
        let cones = socp::relaxed(&model, &super::arcs::arcs(&model), None);
        prop_assume!(cones.is_ok() && !is_nearly_full);
        let cones = cones.expect("an answer");
        if let (Some(prices), Some(cones)) = (&prices, &cones) {
            prop_assert!(prices.bound <= cones.value * (1.0 + 1e-7), "{} {}", prices.bound, cones.value);
            let is_done = rounds.get() < 1000;
            prop_assert!(!is_done || is_close(prices.bound, cones.value, 1e-6), "{} {}", prices.bound, cones.value);
        }
        // Without a path there is neither; a relaxation that is overfull has a bound beyond all delays, or none.
        prop_assert!(cones.is_none() || prices.is_some());
    }

    #[test]
    fn no_bound_is_above_the_optimum(instance in any_instances()) {
        if let Some(least) = objective(&solve(&Exhaustive, &instance)) {
            for algorithm in [&Price as &dyn Algorithm<Jpdra>, &Socp] {
                let answer = solve(algorithm, &instance);
                prop_assert!(bound(&answer) <= least * (1.0 + 1e-7), "{}", algorithm.id());
                prop_assert!(objective(&answer).is_none_or(|found| found >= least * (1.0 - 1e-12)));
            }
        }
    }
}

#[test]
fn families_are_solved_to_the_end() {
    for family in ["zoo", "synthetic", "queue", "transfer", "missing", "equal"] {
        for (seed, load, units) in [(1, 0.3, 0), (2, 0.6, 0), (3, 0.9, 0), (4, 0.6, 30)] {
            let parameters = Parameters { flows: 3, partitions: 3, servers: 3, load, units, ..Parameters::default() };
            let instance = generate(family, &parameters, seed).expect("legal");
            let (exact, all) = (solve(&Branch::default(), &instance), solve(&Exhaustive, &instance));
            let gap = |found: f64| (found - bound(&exact)) / found;
            match objective(&all) {
                Some(least) => {
                    let found = objective(&exact).expect("feasible");
                    assert!(
                        is_close(found, least, 1e-9) && gap(found) < 1e-9,
                        "{family} {seed}: {found} {least} {} {:?}",
                        bound(&exact),
                        exact.stop
                    );
                }
                None => assert_eq!(exact.stop, Stop::Infeasible, "{family} {seed}"),
            }
        }
    }
}

/// The work of two servers, in partitions that cannot be divided so: three of 4 on two servers of 7.
#[test]
fn an_infeasible_packing_is_proved_infeasible() {
    let mut instance = golden(Allocation::Continuous);
    instance.flows[0].rate_per_s = 1.0;
    instance.flows[0].partitions = vec![Partition { macs: 4.0, out_bytes: 0.0 }; 3];
    instance.flows[0].uplink_bytes_per_s = vec![1.0; 2];
    instance.servers = vec![Server::of_macs(7.0); 2];
    instance.link_bytes_per_s = vec![vec![1.0; 2]; 2];
    for algorithm in super::algorithms() {
        let answer = solve(algorithm.as_ref(), &instance);
        let is_exact = ["branch", "milp-oa", "exhaustive"].contains(&algorithm.id());
        assert_eq!(objective(&answer), None, "{}", algorithm.id());
        assert!(!is_exact || answer.stop == Stop::Infeasible, "{}: {:?}", algorithm.id(), answer.stop);
    }
}

/// 36 units of 1 exceed the load (1 + e) 36 (1 - e) by 36 e^2, e = 2^-49: the delay is (1 - e) / e^2. On two such servers, to choose one.
#[test]
fn a_difference_that_cancels_keeps_its_digits() {
    let near = 8.0 * f64::EPSILON;
    let mut instance = golden(Allocation::Units { macs_per_s: 1.0 });
    let flow = &mut instance.flows[0];
    flow.rate_per_s = 1.0 + near;
    flow.partitions = vec![Partition { macs: 36.0 * (1.0 - near), out_bytes: 0.0 }];
    flow.uplink_bytes_per_s = vec![1.0; 2];
    instance.servers = vec![Server::of_macs(36.0); 2];
    instance.link_bytes_per_s = vec![vec![0.0; 2]; 2];
    let expected = (1.0 - near) / (near * near);
    for algorithm in [&Branch::default() as &dyn Algorithm<Jpdra>, &Exhaustive] {
        let answer = solve(algorithm, &instance);
        let found = objective(&answer).expect("stable");
        assert!(is_close(found, expected, 1e-14), "{}: {found:e}", algorithm.id());
        assert!(is_close(bound(&answer), expected, 2e-12), "{}: {:e}", algorithm.id(), bound(&answer));
    }
    // One unit less is not stable.
    instance.servers = vec![Server::of_macs(35.0); 2];
    assert_eq!(solve(&Exhaustive, &instance).stop, Stop::Infeasible);
}
