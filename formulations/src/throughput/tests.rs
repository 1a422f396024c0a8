//! All methods against brute force over assignments, and against each other.

use offcut_instances::problem::{Algorithm, Budget, Evidence, Stop};
use offcut_instances::throughput::strategy::{Profits, instances};
use offcut_instances::throughput::{Instance, Parameters, Throughput, generate};
use proptest::prelude::*;

use super::bound::{PriceTarget, least_bound};
use super::model::Admission;
use super::threads::Needs;

fn method(id: &str) -> Box<dyn Algorithm<Throughput>> {
    super::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("known")
}

/// The best profit over all assignments, by trying all.
fn brute_force(needs: &Needs) -> f64 {
    fn rest(needs: &Needs, at: usize, left: &mut [u32]) -> f64 {
        let Some(open) = needs.open.get(at) else { return 0.0 };
        let mut best = rest(needs, at + 1, left);
        for j in 0..left.len() {
            if let Some(k) = needs.least(open, j).filter(|k| *k <= left[j]) {
                left[j] -= k;
                best = best.max(open.profit + rest(needs, at + 1, left));
                left[j] += k;
            }
        }
        best
    }
    let mut left: Vec<u32> = needs.instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
    let local: f64 = needs.local.iter().map(|i| needs.instance.requests[*i as usize].profit).sum();
    local + rest(needs, 0, &mut left)
}

/// What a method finds and proves.
fn found_and_proved(id: &str, instance: &Instance) -> (f64, f64) {
    let answer = method(id).solve(instance, &Budget::seconds(20.0));
    assert_eq!(answer.stop, Stop::Completed, "{id}");
    (answer.found.expect(id).objective, answer.proved.expect(id).value)
}

fn is_near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within * b.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exact_methods_find_the_optimum(
        instance in prop_oneof![instances(7, 3, Profits::Unit), instances(7, 3, Profits::Whole), instances(6, 3, Profits::Any)],
    ) {
        let optimum = brute_force(&Needs::new(&instance));
        let (found, proved) = found_and_proved("branch", &instance);
        prop_assert!(is_near(found, optimum, 1e-12), "branch {found}, optimum {optimum}");
        prop_assert!(is_near(proved, optimum, 1e-9), "branch proves {proved}, optimum {optimum}");
        let (found, _) = found_and_proved("milp", &instance);
        prop_assert!(is_near(found, optimum, 1e-6), "milp {found}, optimum {optimum}");
        for id in ["price", "lp"] {
            let (found, proved) = found_and_proved(id, &instance);
            prop_assert!(found <= optimum * (1.0 + 1e-12) && proved >= optimum * (1.0 - 1e-12), "{id}: {found} {optimum} {proved}");
        }
    }

    /// Two ways to the least price bound: Newton's path and HiGHS's duals.
    #[test]
    fn prices_reach_the_relaxation(instance in prop_oneof![instances(9, 3, Profits::Unit), instances(9, 3, Profits::Any)]) {
        let needs = Needs::new(&instance);
        let admission = Admission::new(&needs);
        let prices = least_bound(&admission, PriceTarget { gap: 1e-12, coldest: 1e-11 }, None, &|| false);
        let answer = method("lp").solve(&instance, &Budget::default());
        let Evidence::Certificate(certificate) = answer.proved.expect("a bound").evidence else { panic!("a certificate") };
        let offcut_instances::throughput::PriceNode::Leaf { prices: duals } = &certificate.nodes[0] else { panic!("a leaf") };
        // HiGHS has the capacities as they are; ours may be smaller, and then so is our bound. Whole bounds are not lowered within 1.
        let bound = |prices: &[f64]| admission.bound(prices);
        let (ours, theirs) = (bound(&prices.prices), bound(duals));
        prop_assert!(ours <= theirs + 1e-7, "{ours} > {theirs}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// The reduction to least threads: deciding cuts and threads inside the model gains nothing.
    #[test]
    fn the_joint_model_has_the_same_optimum(instance in instances(4, 2, Profits::Unit)) {
        let (joint, _) = found_and_proved("milp-joint", &instance);
        let (reduced, _) = found_and_proved("milp", &instance);
        prop_assert_eq!(joint, reduced);
    }

    #[test]
    fn more_threads_never_admit_fewer(instance in instances(7, 3, Profits::Unit), which in any::<prop::sample::Index>()) {
        prop_assume!(!instance.cloudlets.is_empty());
        let (before, _) = found_and_proved("branch", &instance);
        let mut more = instance.clone();
        let j = which.index(more.cloudlets.len());
        more.cloudlets[j].threads += 1;
        prop_assert!(found_and_proved("branch", &more).0 >= before);
    }
}

/// Every family at a size that takes milliseconds: certified optimal, as HiGHS says.
#[test]
fn families_are_solved_to_optimality() {
    for family in ["zoo", "synthetic", "tight", "equal", "single"] {
        for most_profit in [1, 9] {
            let parameters =
                Parameters { requests: 60, cloudlets: 5, threads: 8, most_profit, ..Parameters::default() };
            let instance = generate(family, &parameters, 3).expect("legal");
            let (found, proved) = found_and_proved("branch", &instance);
            let (milp, _) = found_and_proved("milp", &instance);
            assert!(is_near(found, milp, 1e-9), "{family}: branch {found}, milp {milp}");
            assert!(is_near(found, proved, 1e-9), "{family}: found {found}, proved {proved}");
        }
    }
}

#[test]
fn time_that_is_up_leaves_a_bound_that_holds() {
    let parameters = Parameters { requests: 400, cloudlets: 8, threads: 30, most_profit: 50, ..Parameters::default() };
    let instance = generate("synthetic", &parameters, 1).expect("legal");
    let answer = method("branch").solve(&instance, &Budget::seconds(0.0));
    assert_eq!(answer.stop, Stop::TimeLimit);
    assert!(answer.found.expect("something").objective <= answer.proved.expect("a bound").value);
}
