//! All exact methods against brute force and each other.

use offcut_instances::document::parse_instance;
use offcut_instances::multiuser::strategy::{allocations, instances};
use offcut_instances::multiuser::{Instance, Multiuser, Objective, Parameters, Speedup, generate};
use offcut_instances::problem::{Answer, Budget, Evidence, Stop};
use proptest::prelude::*;

use super::algorithms;
use super::model::Latencies;

fn solve(id: &str, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
    algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("known").solve(instance, budget)
}

fn value(answer: &Answer<Multiuser>) -> f64 {
    answer.found.as_ref().expect("multiuser always has a solution").objective
}

/// The definition, plainly.
fn latency(instance: &Instance, user: usize, cut: usize, units: u32) -> f64 {
    let user = &instance.users[user];
    let model = &instance.models[user.model as usize];
    let local: f64 = model.work(user.device.kind)[..cut].iter().map(|work| work / user.device.speed).sum();
    if cut == model.blocks() {
        return local;
    }
    let lambda = match &instance.server.speedup {
        Speedup::Linear => f64::from(units),
        Speedup::Amdahl { parallel_fraction: p } => 1.0 / ((1.0 - p) + p / f64::from(units)),
        Speedup::Table { speedups } => speedups[(units as usize).min(speedups.len()) - 1],
    };
    let speed = instance.server.unit.speed * lambda;
    let remote: f64 = model.work(instance.server.unit.kind)[cut..].iter().map(|work| work / speed).sum();
    local + user.rtt_s + model.cut_bytes[cut] / user.uplink_bytes_per_s + remote
}

fn best(instance: &Instance, user: usize, units: u32) -> f64 {
    let blocks = instance.models[instance.users[user].model as usize].blocks();
    let first = if units == 0 { blocks } else { 0 };
    (first..=blocks).map(|cut| latency(instance, user, cut, units)).fold(f64::INFINITY, f64::min)
}

fn optimum(instance: &Instance) -> f64 {
    let beta = instance.server.units;
    let table: Vec<Vec<f64>> =
        (0..instance.users.len()).map(|user| (0..=beta).map(|units| best(instance, user, units)).collect()).collect();
    let value = |units: Vec<u32>| {
        let latencies = units.iter().zip(&table).map(|(units, row)| row[*units as usize]);
        match instance.objective {
            Objective::Max => latencies.fold(0.0, f64::max),
            Objective::Sum => latencies.sum::<f64>(),
        }
    };
    allocations(instance.users.len(), beta).into_iter().map(value).fold(f64::INFINITY, f64::min)
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs().max(a.abs())
}

/// What every answer must satisfy: a feasible solution value what it says, no bound above the optimum.
fn assert_sound(instance: &Instance, answer: &Answer<Multiuser>, optimum: f64) {
    let claim = answer.found.as_ref().expect("all local is feasible");
    assert!(claim.solution.units.iter().sum::<u32>() <= instance.server.units);
    let latencies = (0..instance.users.len()).map(|user| {
        let (cut, units) = (claim.solution.cut[user] as usize, claim.solution.units[user]);
        let blocks = instance.models[instance.users[user].model as usize].blocks();
        assert!(units > 0 || cut == blocks);
        latency(instance, user, cut, units)
    });
    let value = match instance.objective {
        Objective::Max => latencies.fold(0.0, f64::max),
        Objective::Sum => latencies.sum(),
    };
    assert!(close(claim.objective, value, 1e-12), "{} has an objective of {value}", claim.objective);
    assert!(value >= optimum * (1.0 - 1e-12));
    if let Some(bound) = &answer.proved {
        let slack = if matches!(bound.evidence, Evidence::SolverReported(_)) { 1e-6 } else { 0.0 };
        assert!(bound.value <= optimum * (1.0 + slack) + slack * 1e-6, "bound {} of optimum {optimum}", bound.value);
    }
}

#[test]
fn the_toy_is_solved() {
    let toy = include_bytes!("../../../instances/data/multiuser/toy.json");
    let max = parse_instance::<Multiuser>(toy).expect("valid");
    let sum = Instance { objective: Objective::Sum, ..max.clone() };
    let budget = Budget::default();
    // By hand in the checker's tests: 5 s with two units each; 9.5 s in all with user 0 local and four units for user 1.
    for (id, instance, expected) in
        [("threshold", &max, 5.0), ("milp", &max, 5.0), ("milp", &sum, 9.5), ("dp", &sum, 9.5), ("branch", &sum, 9.5)]
    {
        let answer = solve(id, instance, &budget);
        assert_eq!(answer.stop, Stop::Completed);
        assert_eq!(value(&answer), expected, "{id}");
    }
    for (id, instance) in [("threshold", &sum), ("dp", &max), ("price", &max), ("branch", &max)] {
        assert!(matches!(solve(id, instance, &budget).stop, Stop::Declined(_)), "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn max_milp_and_threshold_reach_the_optimum(instance in instances(4, 8, Objective::Max)) {
        let optimum = optimum(&instance);
        let threshold = solve("threshold", &instance, &Budget::default());
        prop_assert!(close(value(&threshold), optimum, 1e-12), "{} {optimum}", value(&threshold));
        let bound = threshold.proved.as_ref().expect("certified").value;
        prop_assert!(close(bound, optimum, 2e-12), "{bound} {optimum}");
        assert_sound(&instance, &threshold, optimum);
        let milp = solve("milp", &instance, &Budget::default());
        prop_assert!(close(value(&milp), optimum, 1e-6), "{} {optimum}", value(&milp));
        assert_sound(&instance, &milp, optimum);
    }

    #[test]
    fn sum_milp_dp_and_branch_reach_the_optimum(instance in instances(4, 8, Objective::Sum)) {
        let optimum = optimum(&instance);
        for (id, within) in [("dp", 1e-12), ("branch", 1e-9), ("milp", 1e-6)] {
            let answer = solve(id, &instance, &Budget::default());
            prop_assert!(close(value(&answer), optimum, within), "{id}: {} {optimum}", value(&answer));
            assert_sound(&instance, &answer, optimum);
            if id == "branch" {
                let bound = answer.proved.as_ref().expect("certified").value;
                prop_assert!(close(bound, optimum, 1e-9), "{bound} {optimum}");
            }
        }
        assert_sound(&instance, &solve("price", &instance, &Budget::default()), optimum);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn latencies_are_the_least_over_all_cuts(instance in instances(3, 12, Objective::Max)) {
        let latencies = Latencies::new(&instance);
        for user in 0..instance.users.len() {
            for units in 0..=instance.server.units {
                let (least, cut) = latencies.best_cut(user, units);
                prop_assert!(close(least, best(&instance, user, units), 1e-12));
                prop_assert!(close(least, latency(&instance, user, cut as usize, units), 1e-12));
            }
        }
    }

    /// d_i(T) gets there, and one unit less does not.
    #[test]
    fn the_fewest_units_are_the_fewest(instance in instances(3, 40, Objective::Max), at in 0.0f64..1.0) {
        let latencies = Latencies::new(&instance);
        let beta = instance.server.units;
        for user in 0..instance.users.len() {
            let (low, high) = (latencies.best(user, beta), latencies.local(user));
            for wanted in [low, high, low + at * (high - low), latencies.best(user, beta / 2)] {
                let units = latencies.fewest(user, wanted).expect("within reach");
                prop_assert!(latencies.best(user, units) <= wanted);
                prop_assert!(units == 0 || latencies.best(user, units - 1) > wanted);
            }
            prop_assert_eq!(latencies.fewest(user, low * (1.0 - 1e-9) - 1e-300), None);
        }
    }

    #[test]
    fn the_least_with_a_price_is_the_least(instance in instances(3, 30, Objective::Sum), price in prop_oneof![Just(0.0), 1e-4f64..10.0], a in 0u32..31, b in 0u32..31) {
        let latencies = Latencies::new(&instance);
        let beta = instance.server.units;
        let (from, to) = (a.min(b).min(beta), a.max(b).min(beta));
        for user in 0..instance.users.len() {
            let with_price = |units: u32| best(&instance, user, units) + price * f64::from(units);
            let least = (from..=to).map(with_price).fold(f64::INFINITY, f64::min);
            let (value, units) = latencies.least_with_price(user, price, (from, to));
            prop_assert!(close(value, least, 1e-12), "{value} {least}");
            prop_assert!((from..=to).contains(&units) && close(with_price(units), least, 1e-12));
        }
    }
}

#[test]
fn more_units_never_hurt() {
    let solve_with = |units: u32| {
        let parameters = Parameters { users: 30, units, ..Parameters::default() };
        value(&solve("threshold", &generate("zoo", &parameters, 3).expect("legal"), &Budget::default()))
    };
    let values: Vec<f64> = (0..80).step_by(4).map(solve_with).collect();
    assert!(values.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)), "{values:?}");
    assert!(values[values.len() - 1] < values[0]);
}

#[test]
fn methods_agree_on_real_models() {
    for seed in 0..5 {
        let parameters = Parameters { users: 12, units: 30, ..Parameters::default() };
        let instance = generate("zoo", &parameters, seed).expect("legal");
        let (milp, threshold) =
            (solve("milp", &instance, &Budget::default()), solve("threshold", &instance, &Budget::default()));
        assert!(close(value(&milp), value(&threshold), 1e-6));
        let instance = Instance { objective: Objective::Sum, ..instance };
        let values: Vec<f64> =
            ["milp", "dp", "branch"].iter().map(|id| value(&solve(id, &instance, &Budget::default()))).collect();
        assert!(close(values[0], values[1], 1e-6) && close(values[1], values[2], 1e-9), "{values:?}");
    }
}

#[test]
fn a_hundred_thousand_users_are_certified_by_their_own_arithmetic() {
    let parameters = Parameters { users: 100_000, units: 1_000_000, ..Parameters::default() };
    let instance = generate("zoo", &parameters, 1).expect("legal");
    let answer = solve("threshold", &instance, &Budget::default());
    let optimum = value(&answer);
    let latencies = Latencies::new(&instance);
    let needed = |threshold: f64| {
        let fewest = |user| latencies.fewest(user, threshold).map_or(u64::from(u32::MAX), u64::from);
        (0..latencies.users()).map(fewest).sum::<u64>()
    };
    assert!(needed(optimum) <= 1_000_000 && needed(optimum * (1.0 - 1e-12)) > 1_000_000);
}

#[test]
fn limits_are_respected_and_large_models_declined() {
    let parameters = Parameters { users: 2000, units: 4_000_000, ..Parameters::default() };
    let large = generate("zoo", &parameters, 1).expect("legal");
    assert!(matches!(solve("milp", &large, &Budget::default()).stop, Stop::Declined(_)));
    let sum = Instance { objective: Objective::Sum, ..large };
    assert!(matches!(solve("dp", &sum, &Budget::default()).stop, Stop::Declined(_)));
    let answer = solve("threshold", &Instance { objective: Objective::Max, ..sum }, &Budget::seconds(0.0));
    assert!(answer.stop == Stop::TimeLimit && answer.found.is_some() && answer.proved.is_none());
}

/// A large model starts from a known solution: whatever the limit, there is one, and no bound is above it.
#[test]
fn a_large_model_has_a_solution_at_the_limit() {
    let parameters = Parameters { users: 200, units: 1000, objective: Objective::Sum, ..Parameters::default() };
    let instance = generate("synthetic", &parameters, 1).expect("legal");
    let price = solve("price", &instance, &Budget::default());
    for seconds in [0.0, 1.0] {
        let answer = solve("milp", &instance, &Budget::seconds(seconds));
        assert!(matches!(answer.stop, Stop::TimeLimit | Stop::Completed), "{:?}", answer.stop);
        let bound = answer.proved.as_ref().map_or(0.0, |bound| bound.value);
        assert!(bound <= value(&price).min(value(&answer)));
        assert!(seconds == 0.0 || value(&answer) <= value(&price));
    }
}
