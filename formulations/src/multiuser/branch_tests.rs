//! With and without the dynamic program, against the one over all units.

use offcut_instances::machine::Machine;
use offcut_instances::multiuser::strategy::instances;
use offcut_instances::multiuser::{Certificate, Instance, Law, Model, Multiuser, Objective, Parameters, PriceNode};
use offcut_instances::multiuser::{Server, Speedup, User, generate};
use offcut_instances::origin::Origin;
use offcut_instances::problem::{Algorithm, Answer, Budget, Evidence};
use proptest::prelude::*;

use super::classes::Classes;
use super::core_program::{Core, Outcome};
use super::model::Latencies;
use super::{bound, branch, dp};

fn value(answer: &Answer<Multiuser>) -> f64 {
    answer.found.as_ref().expect("there always is a solution").objective
}

/// All leaves, and those of them that the dynamic program closed.
fn leaves(answer: &Answer<Multiuser>) -> (usize, usize) {
    let Some(bound) = &answer.proved else { panic!("no bound") };
    let Evidence::Certificate(Certificate::Prices { nodes }) = &bound.evidence else { panic!("no prices") };
    let count = |is: fn(&&PriceNode) -> bool| nodes.iter().filter(is).count();
    (count(|node| !matches!(node, PriceNode::Split { .. })), count(|node| matches!(node, PriceNode::Core { .. })))
}

fn is_closed(answer: &Answer<Multiuser>) -> bool {
    answer.proved.as_ref().is_some_and(|bound| (value(answer) - bound.value).abs() <= 2e-10 * value(answer))
}

fn equal_users(users: usize, units: u32) -> Instance {
    let macs = vec![4.0, 1.0, 2.0, 3.0, 2.0, 3.0];
    let model = Model::of_macs("", macs, vec![2.0, 1.0, 2.0, 3.0, 4.0, 4.0, 0.0]);
    let user = User { model: 0, device: Machine::of_macs(3.0), uplink_bytes_per_s: 1.0, rtt_s: 0.0 };
    Instance {
        origin: Origin::default(),
        objective: Objective::Sum,
        machine_kinds: Vec::new(),
        models: vec![model],
        server: Server { units, unit: Machine::of_macs(3.0), speedup: Speedup::Linear },
        users: vec![user; users],
    }
}

/// Splitting tells equal users apart, and ends after tens of thousands of nodes; counting them, one is enough.
#[test]
fn equal_users_are_counted() {
    for (users, units) in [(16, 20), (28, 35), (1000, 1300)] {
        let instance = equal_users(users, units);
        let answer = branch::solve_with(&instance, 4_000_000);
        assert!(is_closed(&answer), "{users}");
        assert_eq!(leaves(&answer), (1, 1));
        if users < 100 {
            let optimum = value(&dp::Dp.solve(&instance, &Budget::default()));
            assert!((value(&answer) - optimum).abs() <= 1e-12 * optimum);
        }
    }
}

/// Every family and speed-up at a size at which prices alone leave a gap.
#[test]
fn one_node_closes_what_prices_leave_open() {
    for (family, law) in [("plateau", Law::Table), ("synthetic", Law::Table), ("zoo", Law::Table), ("zoo", Law::Amdahl)]
    {
        for seed in 1..4 {
            let parameters =
                Parameters { users: 60, units: 120, objective: Objective::Sum, speedup: law, ..Parameters::default() };
            let instance = generate(family, &parameters, seed).expect("legal");
            let answer = branch::solve_with(&instance, 4_000_000);
            assert!(is_closed(&answer) && leaves(&answer).0 == 1, "{family} {seed}");
            let optimum = value(&dp::Dp.solve(&instance, &Budget::default()));
            assert!((value(&answer) - optimum).abs() <= 1e-12 * optimum, "{family} {seed}");
        }
    }
}

#[test]
fn what_takes_too_much_is_given_up() {
    let instance = equal_users(16, 20);
    let (latencies, classes) = (Latencies::new(&instance), Classes::new(&instance));
    let price = bound::best_price(&latencies, &classes, &[], || false);
    let core = Core::new(&latencies, &classes, &[], (price.price_s, price.value));
    assert!(matches!(core.solve(100.0, &mut 3), Outcome::GivenUp));
    assert!(matches!(core.solve(100.0, &mut 1_000_000), Outcome::Best(_)));
    // 70.5 is the optimum.
    assert!(matches!(core.solve(70.499, &mut 1_000_000), Outcome::NoneBelow));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// However much of it the dynamic program does.
    #[test]
    fn branch_reaches_the_optimum_with_any_effort(
        instance in instances(4, 8, Objective::Sum), are_equal in any::<bool>(),
        effort in prop_oneof![Just(0u64), 1u64..60, Just(1_000_000)],
    ) {
        let mut instance = instance;
        if are_equal {
            let user = instance.users[0];
            instance.users.iter_mut().for_each(|other| *other = user);
        }
        let optimum = value(&dp::Dp.solve(&instance, &Budget::default()));
        let answer = branch::solve_with(&instance, effort);
        let found = value(&answer);
        prop_assert!((found - optimum).abs() <= 1e-9 * optimum, "{found} {optimum}");
        prop_assert!(is_closed(&answer));
        prop_assert!(answer.proved.as_ref().is_some_and(|bound| bound.value <= optimum));
    }
}
