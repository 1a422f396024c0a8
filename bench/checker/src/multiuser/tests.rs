//! The toy by hand, each constraint broken alone, and the intervals against exact rationals.

use dashu_ratio::RBig;
use offcut_instances::document::parse_instance;
use offcut_instances::multiuser::strategy::{allocations, instances};
use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode, Solution, Speedup, User};
use offcut_instances::problem::Answer;
use proptest::prelude::*;

use super::evaluate::Latencies;
use super::replay::{Replay, Walk, least_above_0};
use super::user_terms::{Range, UserTerms};
use crate::{Budget, Checkable, Interval, Proof, Tolerance, Verdict, check_answer};

fn toy(objective: Objective) -> Instance {
    let bytes = include_bytes!("../../../../instances/data/multiuser/toy.json");
    Instance { objective, ..parse_instance::<Multiuser>(bytes).expect("the toy is valid") }
}

/// The toy's latencies by hand. Blocks of 2 and 4 MACs, a unit does 1 MAC/s, 4 units, linear:
///
/// ```text
/// user 0 (1 MAC/s, 2 B/s, rtt .5)    cut 0: .5 + 8/2 + 6/f      cut 1: 2 + .5 + 1/2 + 4/f     cut 2: 6
/// user 1 (.5 MAC/s, 4 B/s, no rtt)   cut 0: 8/4 + 6/f           cut 1: 4 + 1/4 + 4/f          cut 2: 12
/// best with f =    0     1     2     3       4
/// user 0           6     6     5     4.333   4
/// user 1          12     8     5     4       3.5
/// ```
///
/// `max`: (2,2) gives 5, anything else leaves one user above. `sum`: (0,4) gives 9.5, (2,2) and (1,3) give 10.
#[test]
fn the_toy_is_what_the_hand_says() {
    let instance = toy(Objective::Max);
    let value = |cut: [u32; 2], units: [u32; 2]| {
        let solution = Solution { cut: cut.into(), units: units.into() };
        let (objective, violations) = Multiuser::evaluate(&instance, &solution);
        assert_eq!(violations, []);
        objective.expect("feasible").middle()
    };
    assert_eq!(value([1, 0], [2, 2]), 5.0);
    assert_eq!(value([2, 2], [0, 0]), 12.0);
    assert_eq!(value([0, 1], [1, 1]), 10.5);
    assert_eq!(value([2, 0], [0, 4]), 6.0);

    let sum = toy(Objective::Sum);
    let (objective, _) = Multiuser::evaluate(&sum, &Solution { cut: vec![2, 0], units: vec![0, 4] });
    assert_eq!(objective.expect("feasible").middle(), 9.5);
}

#[test]
fn the_toys_optimum_is_a_threshold_and_nothing_above_it_is() {
    let instance = toy(Objective::Max);
    let replay = |latency_s: f64| Multiuser::replay(&instance, &Certificate::Threshold { latency_s });
    assert_eq!(replay(5.0 - 1e-12), Ok(5.0 - 1e-12));
    let rejected = replay(5.000_001).expect_err("5 is within reach");
    assert_eq!(rejected[0].constraint, "below a threshold more units are needed than there are");
    assert_eq!(rejected[0].amount, 1.0);
    assert!(replay(f64::NAN).is_err() && replay(-1.0).is_err() && replay(f64::INFINITY).is_err());
}

/// By hand, price p on the toy: user 0 pays least with f in 0..4 of 6, 6+p, 5+2p, 4.33+3p, 4+4p; user 1 of 12, 8+p, 5+2p, 4+3p, 3.5+4p.
/// At p = .75: 6 + min(12, 8.75, 6.5, 6.25, 6.5) - 3 = 6 + 6.25 - 3 = 9.25.
#[test]
fn the_toys_price_bound_is_what_the_hand_says() {
    let instance = toy(Objective::Sum);
    let leaf = |price_s: f64| PriceNode::Leaf { price_s };
    let replay = |nodes: Vec<PriceNode>| Multiuser::replay(&instance, &Certificate::Prices { nodes });
    let plain = replay(vec![leaf(0.75)]).expect("a leaf is a tree");
    assert!((plain - 9.25).abs() < 1e-12 && plain <= 9.25, "{plain}");
    // Split user 1 at 3 units: below, at p = 1: 6 + 7 - 4 = 9; above, it has 4 units and nobody else any: 6 + 3.5 = 9.5 at any p.
    let split = PriceNode::Split { user: 1, units: 3, at_most: 1, above: 2 };
    let tree = replay(vec![split.clone(), leaf(1.0), leaf(5.0)]).expect("a tree");
    assert!((tree - 9.0).abs() < 1e-12, "{tree}");
    for broken in [
        vec![],
        vec![split.clone()],
        vec![split.clone(), leaf(1.0)],
        vec![leaf(1.0), leaf(1.0)],
        vec![leaf(-1.0)],
        vec![leaf(f64::NAN)],
        vec![PriceNode::Split { user: 1, units: 3, at_most: 1, above: 1 }, leaf(1.0)],
        vec![PriceNode::Split { user: 1, units: 3, at_most: 0, above: 1 }, leaf(1.0)],
        vec![PriceNode::Split { user: 2, units: 3, at_most: 1, above: 2 }, leaf(1.0), leaf(1.0)],
        vec![PriceNode::Split { user: 1, units: 4, at_most: 1, above: 2 }, leaf(1.0), leaf(1.0)],
    ] {
        assert!(replay(broken.clone()).is_err(), "{broken:?} is not a price tree");
    }
}

/// With one unit the server takes 1 s, with 100 hardly less, with 101 units 1e-9 s. By hand, price p = .009999: one unit costs 1 + p = 1.009999, 101 units 101 p + 1e-9 = 1.009899, which
/// is the least; the bound is this less 101 p, 1e-9. What 100 units cost alone, .9999, is within a hundredth of the least before.
#[test]
fn a_rise_is_found_behind_units_that_alone_cost_nearly_the_least() {
    let speedups: Vec<String> = (1..=99).map(|_| "1.0").chain(["1.0001", "1e9"]).map(String::from).collect();
    let bytes = format!(
        r#"{{"offcut": "instance", "problem": "multiuser", "version": 1, "body": {{"origin": {{"name": "rise", "family": "hand"}}, "objective": "sum",
        "models": [{{"name": "one block", "macs": [1], "cut_bytes": [0, 0]}}],
        "server": {{"units": 101, "unit_macs_per_s": 1, "speedup": {{"law": "table", "speedups": [{}]}}}},
        "users": [{{"model": 0, "device_macs_per_s": 0.001, "uplink_bytes_per_s": 1, "rtt_s": 0}}]}}}}"#,
        speedups.join(", ")
    );
    let instance = parse_instance::<Multiuser>(bytes.as_bytes()).expect("legal");
    let nodes = vec![PriceNode::Leaf { price_s: 0.009_999 }];
    let bound = Multiuser::replay(&instance, &Certificate::Prices { nodes }).expect("a leaf is a tree");
    assert!((0.99e-9..=1e-9).contains(&bound), "{bound}");
}

fn claim(cut: [u32; 2], units: [u32; 2], objective: f64) -> Answer<Multiuser> {
    Answer::found(Solution { cut: cut.into(), units: units.into() }, objective)
}

fn verdict(answer: &Answer<Multiuser>) -> Verdict {
    check_answer(&toy(Objective::Max), answer, &Tolerance::default())
}

/// The one violation of an answer in which only one thing is broken: (constraint, place, amount).
fn only_violation(answer: &Answer<Multiuser>) -> (String, String, f64) {
    let verdict = verdict(answer);
    assert!(verdict.is_rejected() && !verdict.is_feasible());
    let [violation] = verdict.violations() else { panic!("one violation, not {:?}", verdict.violations()) };
    (violation.constraint.clone(), violation.at.clone(), violation.amount)
}

#[test]
fn each_constraint_is_rejected_alone_with_place_and_amount() {
    assert!(verdict(&claim([1, 0], [2, 2], 5.0)).is_feasible());

    let off = only_violation(&claim([1, 0], [2, 2], 5.0 * (1.0 + 1e-6)));
    assert_eq!(off.0, "claimed objective");
    assert!((off.2 - 5e-6).abs() < 1e-12);
    assert!(verdict(&claim([1, 0], [2, 2], 5.0 * (1.0 - 1e-6))).is_rejected());
    assert!(verdict(&claim([1, 0], [2, 2], f64::NAN)).is_rejected());

    // Three units for user 0: 4 1/3 s, two for user 1: 5 s.
    let over = only_violation(&claim([1, 0], [3, 2], 5.0));
    assert_eq!(over, ("units within capacity".into(), "server: 5 of 4 units used".into(), 1.0));

    let without = only_violation(&claim([1, 2], [0, 0], 12.0));
    assert_eq!(without, ("remote work needs units".into(), "users[0]: cut 1 of 2 with 0 units".into(), 1.0));

    let beyond = only_violation(&claim([3, 0], [2, 2], 5.0));
    assert_eq!(beyond, ("cut within the chain".into(), "cut[0]: cut 3 of 2 blocks".into(), 1.0));

    // By how much, where it is more than one.
    assert_eq!(only_violation(&claim([1, 0], [4, 2], 5.0)).2, 2.0);
    assert_eq!(only_violation(&claim([5, 0], [2, 2], 5.0)).2, 3.0);
    assert_eq!(only_violation(&claim([0, 2], [0, 0], 12.0)).2, 2.0);

    let short = Answer::found(Solution { cut: vec![2], units: vec![0, 0] }, 12.0);
    assert_eq!(only_violation(&short), ("one decision per user".into(), "cut".into(), 1.0));
}

#[test]
fn a_certificate_with_one_number_changed_is_rejected() {
    let honest = 5.0 * (1.0 - 1e-12);
    let with = |value: f64, latency_s: f64| {
        verdict(&claim([1, 0], [2, 2], 5.0).certified(value, Certificate::Threshold { latency_s }))
    };
    assert_eq!(*with(honest, honest).proof(), Proof::Certified { value: honest });
    assert!(!with(honest, honest).is_rejected());
    for (value, latency_s) in
        [(honest, honest * 1.000_001), (honest, honest * 0.999_999), (honest * 1.000_001, honest), (5.5, 5.5)]
    {
        let verdict = with(value, latency_s);
        assert!(matches!(verdict.proof(), Proof::Rejected { .. }) && verdict.is_rejected());
    }
    // Who says less than is proved says the truth; what was proved counts.
    assert_eq!(*with(honest * 0.999_999, honest).proof(), Proof::Certified { value: honest });
}

#[test]
fn an_answer_that_contradicts_itself_is_rejected() {
    use offcut_instances::problem::{Bound, Evidence, Stop};
    let mut answer = claim([1, 0], [2, 2], 5.0);
    answer.proved = Some(Bound { value: 5.1, evidence: Evidence::SolverReported("a solver's".into()) });
    assert_eq!(only_violation(&answer).0, "no objective lies beyond a bound");
    answer.proved = None;
    answer.stop = Stop::Infeasible;
    assert!(verdict(&answer).is_rejected());
}

/// The optimum of the toy is 5.
#[test]
fn a_certified_bound_beside_a_reported_one_is_replayed() {
    use offcut_instances::problem::{Bound, CertifiedBound, Evidence};
    let weaker = 4.0 * (1.0 - 1e-12);
    let beside = |value: f64, latency_s: f64| {
        let mut answer = claim([1, 0], [2, 2], 5.0);
        answer.proved = Some(Bound { value: 4.999, evidence: Evidence::SolverReported("a solver's".into()) });
        verdict(&answer.certified_beside(value, Certificate::Threshold { latency_s }))
    };
    let good = beside(weaker, weaker);
    assert_eq!(good.proof(), &Proof::SolverReported { value: 4.999, word: "a solver's".into() });
    assert_eq!((good.certified(), good.certified_bound()), (&Proof::Certified { value: weaker }, Some(weaker)));
    assert!(good.is_feasible() && !good.is_rejected());
    // A weaker claim is true; one beyond what is proved, and a certificate that proves nothing, are rejected.
    assert_eq!(beside(3.0, weaker).certified_bound(), Some(weaker));
    for (value, latency_s) in [(weaker * 1.000_001, weaker), (4.5, weaker), (5.5, 5.5), (f64::NAN, weaker)] {
        let bad = beside(value, latency_s);
        assert!(matches!(bad.certified(), Proof::Rejected { .. }) && bad.is_rejected(), "{value} {latency_s}");
        assert!(matches!(bad.proof(), Proof::SolverReported { .. }) && bad.certified_bound().is_none());
    }
    // Without a reported bound it is the answer's own; with another certificate the stronger counts.
    let own = claim([1, 0], [2, 2], 5.0).certified_beside(weaker, Certificate::Threshold { latency_s: weaker });
    assert!(own.certified.is_none() && verdict(&own).proof() == &Proof::Certified { value: weaker });
    let both = Answer {
        certified: Some(CertifiedBound { value: 3.0, certificate: Certificate::Threshold { latency_s: 3.0 } }),
        ..own
    };
    assert_eq!(verdict(&both).certified_bound(), Some(weaker));
    assert_eq!(both.certificates().map(|(value, _)| value).collect::<Vec<_>>(), [weaker, 3.0]);
}

/// A solution below a certified bound: the contradiction is named by the bound's place.
#[test]
fn a_certified_bound_beyond_the_own_solution_is_a_contradiction() {
    // A solution of 5 in an instance in which a certificate proves more cannot be: the solution's claim is checked first. So the claim is off.
    let mut verdict = verdict(&claim([1, 0], [2, 2], 5.0));
    verdict.certified = Proof::Certified { value: 5.1 };
    assert!(verdict.is_feasible());
    let found = crate::check_answer::contradictions(&verdict, &Tolerance::default());
    assert_eq!((found.len(), found[0].at.as_str()), (1, "certified.value"));
    verdict.certified = Proof::Infeasible;
    assert_eq!(crate::check_answer::contradictions(&verdict, &Tolerance::default()).len(), 1);
}

// --- against exact rationals -----------------------------------------------------------------------------------

fn exact(value: f64) -> RBig {
    RBig::try_from(value).expect("finite")
}

fn whole(value: u64) -> RBig {
    RBig::from(value)
}

/// The definition once more, in exact rationals.
fn exact_latency(instance: &Instance, i: usize, cut: usize, units: u32) -> RBig {
    let user = &instance.users[i];
    let model = &instance.models[user.model as usize];
    let total = |macs: &[f64]| macs.iter().fold(RBig::ZERO, |total, macs| total + exact(*macs));
    let mut latency = total(&model.work(user.device.kind)[..cut]) / exact(user.device.speed);
    if cut < model.blocks() {
        let speedup = match &instance.server.speedup {
            Speedup::Linear => whole(units.into()),
            Speedup::Amdahl { parallel_fraction } => {
                let p = exact(*parallel_fraction);
                whole(1) / (whole(1) - p.clone() + p / whole(units.into()))
            }
            Speedup::Table { speedups } => exact(speedups[(units as usize).min(speedups.len()) - 1]),
        };
        latency += exact(user.rtt_s) + exact(model.cut_bytes[cut]) / exact(user.uplink_bytes_per_s);
        let unit = instance.server.unit;
        latency += total(&model.work(unit.kind)[cut..]) / (exact(unit.speed) * speedup);
    }
    latency
}

fn exact_best(instance: &Instance, i: usize, units: u32) -> RBig {
    let blocks = instance.models[instance.users[i].model as usize].blocks();
    let first = if units == 0 { blocks } else { 0 };
    (first..=blocks).map(|cut| exact_latency(instance, i, cut, units)).min().expect("all local is a cut")
}

fn exact_optimum(instance: &Instance) -> RBig {
    let users = instance.users.len();
    let table: Vec<Vec<RBig>> =
        (0..users).map(|i| (0..=instance.server.units).map(|units| exact_best(instance, i, units)).collect()).collect();
    let value = |units: Vec<u32>| {
        let latencies = units.iter().enumerate().map(|(i, units)| table[i][*units as usize].clone());
        match instance.objective {
            Objective::Max => latencies.max().expect("there are users"),
            Objective::Sum => latencies.fold(RBig::ZERO, |total, latency| total + latency),
        }
    };
    allocations(users, instance.server.units).into_iter().map(value).min().expect("all local is an allocation")
}

fn encloses(interval: Interval, value: &RBig) -> bool {
    exact(interval.low()) <= *value && *value <= exact(interval.high())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn latencies_enclose_the_exact_ones_narrowly(instance in instances(3, 5, Objective::Max), units in 1u32..9) {
        let latencies = Latencies::new(&instance);
        for (i, user) in instance.users.iter().enumerate() {
            for cut in 0..=instance.models[user.model as usize].blocks() {
                let enclosed = latencies.latency(user, cut, units);
                prop_assert!(encloses(enclosed, &exact_latency(&instance, i, cut, units)));
                prop_assert!(enclosed.high() - enclosed.low() <= 1e-14 * enclosed.high());
            }
        }
    }

    /// A certificate at the optimum less a hair is accepted, one a hair above is rejected: sound and tight.
    #[test]
    fn thresholds_prove_the_optimum_and_no_more(instance in instances(3, 5, Objective::Max)) {
        let optimum = exact_optimum(&instance);
        let near = optimum.to_f64().value();
        let replay = |latency_s: f64| Multiuser::replay(&instance, &Certificate::Threshold { latency_s });
        prop_assert!(replay(near * (1.0 - 1e-12)).is_ok());
        if near > 0.0 {
            prop_assert!(replay(near * (1.0 + 1e-12)).is_err());
        }
    }

    /// A random price tree never proves more than the optimum, and a leaf proves the formula's value.
    #[test]
    fn price_trees_never_prove_too_much(instance in instances(3, 5, Objective::Sum), prices in prop::collection::vec(prop_oneof![Just(0.0), 1e-3f64..1e3], 3), user in 0u32..3, units in 0u32..5) {
        let beta = instance.server.units;
        let optimum = exact_optimum(&instance);
        let leaf = |at: usize| PriceNode::Leaf { price_s: prices[at] };
        let plain = Multiuser::replay(&instance, &Certificate::Prices { nodes: vec![leaf(0)] }).expect("a leaf");
        prop_assert!(exact(plain) <= optimum);

        let price = exact(prices[0]);
        let formula = (0..instance.users.len()).fold(RBig::ZERO, |total, i| {
            total + (0..=beta).map(|f| exact_best(&instance, i, f) + price.clone() * whole(f.into())).min().expect("0 is a choice")
        }) - price * whole(beta.into());
        let formula = formula.to_f64().value();
        let scale = formula.abs() + prices[0] * f64::from(beta);
        prop_assert!((plain - formula).abs() <= 1e-12 * scale, "{plain} {formula}");

        if units < beta && (user as usize) < instance.users.len() {
            let split = PriceNode::Split { user, units, at_most: 1, above: 2 };
            let tree = Multiuser::replay(&instance, &Certificate::Prices { nodes: vec![split, leaf(1), leaf(2)] });
            prop_assert!(exact(tree.expect("a tree")) <= optimum);
        }
    }
}

// --- many units ------------------------------------------------------------------------------------------------

/// Whatever is guessed, and wherever the answer lies.
#[test]
fn the_least_number_above_0_is_found_from_any_guess() {
    for most in 0..20 {
        for least in 1..22 {
            for approximate_units in [0, 1, 2, 3, 5, 8, 13, 19, 20, 21, 1000, u32::MAX] {
                let found = least_above_0(approximate_units, most, |number| number >= least);
                assert_eq!(found, (least <= most).then_some(least), "{least} of {most} from {approximate_units}");
            }
        }
    }
    assert_eq!(least_above_0(u32::MAX, u32::MAX, |number| number >= 3), Some(3));
    assert_eq!(least_above_0(0, u32::MAX, |number| number == u32::MAX), Some(u32::MAX));
}

/// Blocks of 2 and 4 MACs at 2 MAC/s a unit. User 0, cut 1: 3 s and 2 s of work; user 1, cut 0: 2 s and 3 s.
#[test]
fn units_are_guessed_within_one() {
    let with = |speedup: Speedup| {
        let mut instance = toy(Objective::Max);
        (instance.server.unit.speed, instance.server.speedup) = (2.0, speedup);
        instance
    };
    let approximate_units = |instance: &Instance, user: usize, threshold: f64| {
        Replay::new(instance).approximate_units(&instance.users[user], threshold)
    };
    // 2/.6 = 3.3; 2/1.3 = 1.5; any; none. (All local is no matter of units.)
    let linear = with(Speedup::Linear);
    assert_eq!(approximate_units(&linear, 0, 3.6), 4);
    assert_eq!(approximate_units(&linear, 0, 4.3), 2);
    assert_eq!(approximate_units(&linear, 0, 7.0), 1);
    assert_eq!(approximate_units(&linear, 0, 3.0), u32::MAX);
    // With half of the work in one piece: 3 + 1, and 1 s to be shared: 1/.3 = 3.3.
    assert_eq!(approximate_units(&with(Speedup::Amdahl { parallel_fraction: 0.5 }), 0, 4.3), 4);
    // At most four times as fast: 2 + 3/4 for user 1; 3/(4.1 - 2) = 1.4 is reached by 2 units, 3/(3 - 2) = 3 by 4, 3/(2.8 - 2) = 3.75 as well.
    let table = with(Speedup::Table { speedups: vec![1.0, 2.0, 2.0, 4.0] });
    assert_eq!([4.1, 3.1, 2.8, 2.7].map(|threshold| approximate_units(&table, 1, threshold)), [2, 4, 4, u32::MAX]);
    assert_eq!(approximate_units(&table, 1, 6.0), 1);
}

/// 4 units: 3 for one and 2 for the other are too many; and from 3 to 2 there is nothing.
#[test]
fn a_leaf_without_an_allocation_is_empty() {
    let instance = toy(Objective::Sum);
    let replay = Replay::new(&instance);
    let bound = |ranges: &[(u32, Range)]| {
        let budget = Budget::of(0, 0);
        let mut walk = Walk::new(&replay, &[], &budget);
        for (user, range) in ranges {
            walk.change(*user, *range);
        }
        walk.bound(1.0, None).expect("within the budget")
    };
    assert_eq!(bound(&[(0, (3, 4)), (1, (2, 4))]), f64::INFINITY);
    assert_eq!(bound(&[(0, (3, 2))]), f64::INFINITY);
    // 5 + 2 each, less 4.
    assert!((bound(&[(0, (2, 2)), (1, (2, 4))]) - (7.0 + 7.0 - 4.0)).abs() < 1e-12);
}

/// Speed-ups by up to 300 units: in proportion, in part, and by a table with steps.
fn laws() -> [Speedup; 4] {
    let steps = (0..300).map(|f| f64::from(1 + f / 7) * (1.0 + f64::from(f / 50))).collect();
    [
        Speedup::Linear,
        Speedup::Amdahl { parallel_fraction: 0.9 },
        Speedup::Amdahl { parallel_fraction: 0.0 },
        Speedup::Table { speedups: steps },
    ]
}

/// 300 units, so that it matters where a search looks.
fn many_units(mut instance: Instance, law: usize) -> Instance {
    instance.server.units = 300;
    instance.server.speedup = laws()[law].clone();
    instance
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// By looking at all of them.
    #[test]
    fn the_least_units_below_a_threshold_are_the_least(
        instance in instances(2, 5, Objective::Max), law in 0usize..4, share in 0.0f64..1.0,
    ) {
        let instance = many_units(instance, law);
        let replay = Replay::new(&instance);
        for user in &instance.users {
            let [none, all] = [0, 300].map(|units| replay.least_latency(user, units));
            let threshold = all + share * share * share * (none - all);
            let least = (0..=300).find(|units| replay.least_latency(user, *units) < threshold);
            prop_assert_eq!(replay.least_units_below(user, threshold, 300), least);
        }
    }

    /// By looking at all units of a range.
    #[test]
    fn the_least_with_a_price_is_the_least(
        instance in instances(2, 5, Objective::Sum),
        law in 0usize..4,
        price in prop_oneof![1 => Just(0.0), 6 => -12.0f64..3.0],
        ends in (0u32..301, 0u32..301),
    ) {
        let instance = many_units(instance, law);
        let replay = Replay::new(&instance);
        let price = if price == 0.0 { 0.0 } else { price.exp() };
        let (from, to) = (ends.0.min(ends.1), ends.0.max(ends.1));
        for user in &instance.users {
            let all = (from..=to).map(|units| replay.least_latency(user, units) + price * f64::from(units));
            let expected = all.fold(f64::INFINITY, f64::min);
            let least = replay.terms.least_with_price(user, price, (from, to));
            prop_assert!((least - expected).abs() <= 1e-12 * expected, "{} {}", least, expected);
        }
    }

    /// Every unit count is there whose term is below the ceiling, or another one that needs no more units and is as fast; and no other.
    #[test]
    fn what_is_below_a_ceiling_is_all_there(
        instance in instances(2, 5, Objective::Sum),
        law in 0usize..4,
        price in prop_oneof![1 => Just(0.0), 6 => -12.0f64..3.0],
        ends in (0u32..301, 0u32..301),
        above in prop_oneof![Just(1e-9), 1e-6f64..1e-3, 1e-3f64..2.0],
    ) {
        let instance = many_units(instance, law);
        let replay = Replay::new(&instance);
        let price = if price == 0.0 { 0.0 } else { price.exp() };
        let (from, to) = (ends.0.min(ends.1), ends.0.max(ends.1));
        for user in &instance.users {
            let least = replay.terms.least_with_price(user, price, (from, to));
            let ceiling = least * (1.0 + above) + 1e-9 * above;
            let (mut found, mut steps) = (Vec::new(), 0);
            let spend = |some| {
                steps += some;
                Ok::<(), ()>(())
            };
            replay.terms.below(user, price, (from, to), ceiling, &mut found, spend).expect("nothing ends it");
            prop_assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0) && steps >= found.len() as u64);
            let term = |units: u32| replay.least_latency(user, units) + price * f64::from(units);
            for (units, value) in &found {
                prop_assert!((from..=to).contains(units) && *value < ceiling);
                let expected = term(*units);
                // (Above it where another cut is as fast with fewer units.)
                prop_assert!(*value >= expected * (1.0 - 1e-12), "{value} {expected}");
            }
            for units in (from..=to).filter(|units| term(*units) < ceiling * (1.0 - 1e-12)) {
                let latency = replay.least_latency(user, units);
                let is_as_good = |(few, value): &(u32, f64)| {
                    *few <= units && value - price * f64::from(*few) <= latency + 1e-12 * value
                };
                prop_assert!(found.iter().any(is_as_good), "{units} of {found:?}");
            }
        }
    }

    /// Any price and any cutoff: what is proved is no more than the optimum, and all of it, or the cutoff.
    #[test]
    fn cores_prove_the_optimum_or_the_cutoff(
        instance in instances(3, 5, Objective::Sum),
        copied in any::<bool>(),
        price_s in prop_oneof![1 => Just(0.0), 5 => 1e-3f64..1e1],
        part in prop_oneof![Just(1.0), 0.5f64..2.0],
    ) {
        let mut instance = instance;
        if copied {
            let user = instance.users[0];
            instance.users.iter_mut().for_each(|other| *other = user);
        }
        let optimum = exact_optimum(&instance);
        let near = optimum.to_f64().value();
        if near == 0.0 {
            return Ok(());
        }
        let cutoff_s = near * part;
        let nodes = vec![PriceNode::Core { price_s, cutoff_s }];
        let proved = Multiuser::replay(&instance, &Certificate::Prices { nodes }).expect("a leaf");
        prop_assert!(exact(proved) <= optimum || proved <= near * (1.0 + 1e-15));
        let scale = near + price_s * f64::from(instance.server.units);
        prop_assert!(proved >= near.min(cutoff_s) - 3e-12 * scale, "{proved} {near} {cutoff_s}");
    }

    /// Below splits as well: a core has the ranges that are left, and equal users with other ranges are others.
    #[test]
    fn cores_respect_the_splits_above_them(
        instance in instances(3, 5, Objective::Sum), user in 0u32..3, units in 0u32..5, price_s in 1e-3f64..1e1,
    ) {
        let mut instance = instance;
        let first = instance.users[0];
        instance.users.iter_mut().for_each(|other| *other = first);
        let capacity = instance.server.units;
        prop_assume!((user as usize) < instance.users.len() && units < capacity);
        // One part closed by a core, and of the other one nothing is asked.
        for is_above in [false, true] {
            let value = |allocation: Vec<u32>| {
                let latencies = allocation.iter().enumerate().map(|(i, units)| exact_best(&instance, i, *units));
                latencies.fold(RBig::ZERO, |total, latency| total + latency)
            };
            let is_inside = |allocation: &Vec<u32>| (allocation[user as usize] > units) == is_above;
            let all = allocations(instance.users.len(), capacity).into_iter().filter(is_inside);
            let optimum = all.map(value).min().expect("each part has one").to_f64().value();
            let replay = Replay::new(&instance);
            let budget = Budget::of(0, 0);
            let mut walk = Walk::new(&replay, &[], &budget);
            walk.change(user, if is_above { (units + 1, capacity) } else { (0, units) });
            let proved = walk.bound(price_s, Some(2.0 * optimum + 1.0)).expect("within the budget");
            let scale = 3.0 * optimum + 1.0 + price_s * f64::from(capacity);
            prop_assert!((proved - optimum).abs() <= 2e-12 * scale, "{proved} {optimum}");
        }
    }

    /// A leaf's ranges are what the splits above it leave; leaves without an allocation do not count.
    #[test]
    fn a_price_tree_proves_the_least_of_its_leaves(
        instance in instances(3, 5, Objective::Sum),
        splits in prop::collection::vec((0u32..3, 0u32..5, any::<bool>()), 0..5),
        prices in prop::collection::vec(prop_oneof![Just(0.0), 1e-2f64..1e2], 6),
    ) {
        let capacity = instance.server.units;
        let users = instance.users.len();
        // Every split splits the leaf that the one before has left open.
        let mut nodes = vec![PriceNode::Leaf { price_s: prices[0] }];
        let mut ranges = vec![vec![(0, capacity); users]];
        let mut open = 0;
        for (at, (user, units, is_above)) in splits.into_iter().enumerate() {
            if user as usize >= users || units >= capacity {
                continue;
            }
            let below = nodes.len() as u32;
            nodes[open] = PriceNode::Split { user, units, at_most: below, above: below + 1 };
            for is_above in [false, true] {
                nodes.push(PriceNode::Leaf { price_s: prices[at + 1] });
                let mut range: Vec<(u32, u32)> = ranges[open].clone();
                let (from, to) = range[user as usize];
                range[user as usize] = if is_above { (from.max(units + 1), to) } else { (from, to.min(units)) };
                ranges.push(range);
            }
            open = below as usize + usize::from(is_above);
        }
        let replay = Replay::new(&instance);
        let (mut expected, mut scale) = (f64::INFINITY, 0.0f64);
        for (node, ranges) in nodes.iter().zip(&ranges) {
            let PriceNode::Leaf { price_s } = node else { continue };
            if ranges.iter().any(|(from, to)| from > to) || ranges.iter().map(|(from, _)| from).sum::<u32>() > capacity {
                continue;
            }
            let spent = price_s * f64::from(capacity);
            let least = |(user, (from, to)): (_, &(u32, u32))| {
                let cost = |units: u32| replay.least_latency(user, units) + price_s * f64::from(units);
                (*from..=*to).map(cost).fold(f64::INFINITY, f64::min)
            };
            let total: f64 = instance.users.iter().zip(ranges).map(least).sum();
            expected = expected.min(total - spent);
            scale = scale.max(total + spent);
        }
        let proved = Multiuser::replay(&instance, &Certificate::Prices { nodes }).expect("a tree");
        prop_assert!((proved - expected).abs() <= 1e-12 * scale, "{} {}", proved, expected);
    }
}

/// Users that differ in one number are no equals.
#[test]
fn classes_are_of_equal_users() {
    let mut instance = toy(Objective::Sum);
    instance.models.push(instance.models[0].clone());
    let user = instance.users[0];
    let mut slower = user;
    slower.device.speed *= 0.5;
    let mut of_kind = user;
    of_kind.device.kind = Some(0);
    let nearer = User { rtt_s: 0.25, ..user };
    let faster = User { uplink_bytes_per_s: 7.0, ..user };
    instance.users = vec![user, slower, user, User { model: 1, ..user }, nearer, faster, of_kind, slower];
    let mut classes = instance.clone();
    classes.models.iter_mut().for_each(|model| model.work_s = vec![Some(model.macs.clone())]);
    let terms = UserTerms::new(&classes);
    assert_eq!((terms.classes().of.clone(), terms.classes().count), (vec![0, 1, 0, 2, 3, 4, 5, 1], 6));
}

/// A cutoff is a number of its domain.
#[test]
fn cutoffs_are_0_or_neither_small_nor_large() {
    let replay = |cutoff_s: f64| {
        let nodes = vec![PriceNode::Core { price_s: 0.75, cutoff_s }];
        Multiuser::replay(&toy(Objective::Sum), &Certificate::Prices { nodes })
    };
    for fine in [0.0, -0.0, 1e-60, 9.4, 1e60] {
        assert!(replay(fine).is_ok(), "{fine:e}");
    }
    for not in [-1.0, 5e-324, 1e61, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let constraint = replay(not).expect_err("not allowed")[0].constraint.clone();
        assert_eq!(constraint, "a cutoff is 0 or between 1e-60 and 1e60 seconds", "{not:e}");
    }
    let nodes = vec![PriceNode::Core { price_s: -1.0, cutoff_s: 9.4 }];
    assert!(Multiuser::replay(&toy(Objective::Sum), &Certificate::Prices { nodes }).is_err());
}
