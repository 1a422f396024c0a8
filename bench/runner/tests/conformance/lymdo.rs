//! The conformance suite that every method of `lymdo` passes: all methods on random slots and horizons, checked from their answers' bytes,
//! against each other and against every certified bound.

use crate::common::{assert_no_failure, objective, of, rows};
use offcut_checker::{Proof, Tolerance, check_answer};
use offcut_instances::lymdo::strategy::instances;
use offcut_instances::lymdo::{FAMILIES, Instance, Law, Lymdo, Parameters, Service, generate};
use offcut_instances::problem::{Budget, Sense};
use offcut_ledger::{Row, Status, contradictions};
use offcut_runner::BenchmarkAdapter;
use proptest::prelude::*;

/// What holds on every instance. Policies without thought decline where their only cut is not stable.
fn conforming(instance: &Instance, seed: u64) -> Vec<Row> {
    let rows = rows::<Lymdo>(instance, seed);
    assert_no_failure(&rows);
    assert_eq!(contradictions(Sense::Minimise, &rows, &Tolerance::default()), []);
    for row in &rows {
        let Some(value) = row.certified_bound(Sense::Minimise) else { continue };
        for other in rows.iter().filter(|other| other.checked_objective.is_some()) {
            let found = objective(other);
            let methods = [&row.key.method, &other.key.method];
            assert!(value <= found * (1.0 + 1e-12), "{methods:?}: {value} is proved, {found} was found");
        }
    }
    rows
}

/// A slot is solved exactly, or proved to have no allocation.
fn assert_slot(instance: &Instance, seed: u64) {
    let rows = conforming(instance, seed);
    let exact = of(&rows, "branch");
    if exact.status == Status::InfeasibleCertified {
        assert!(rows.iter().all(|row| row.checked_objective.is_none()));
        return;
    }
    assert_eq!(exact.status, Status::OptimalCertified, "{exact:?}");
    let (optimum, oracle) = (objective(exact), objective(of(&rows, "enumerate")));
    assert!((optimum - oracle).abs() <= 1e-8 * oracle, "branch {optimum}, enumerate {oracle}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_slots(instance in instances(3, 3, 1), seed in any::<u64>()) {
        assert_slot(&instance, seed);
    }

    /// Some users are the same: certificates then take them in order, and are replayed so.
    #[test]
    fn random_slots_with_twins(mut instance in instances(4, 3, 1), seed in any::<u64>()) {
        for n in 1..instance.users.len() {
            let of = (seed as usize >> n) % n;
            instance.users[n] = instance.users[of];
            let slot = &mut instance.slots[0];
            (slot.arrivals_per_s[n], slot.gains[n]) = (slot.arrivals_per_s[of], slot.gains[of]);
        }
        let verdict = |id: &str| {
            let method = Lymdo::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("there");
            check_answer::<Lymdo>(&instance, &method.solve(&instance, &Budget::seconds(20.0)), &Tolerance::default())
        };
        let (exact, all) = (verdict("branch"), verdict("enumerate"));
        prop_assert!(!exact.is_rejected() && !all.is_rejected(), "{:?} {:?}", exact, all);
        match (exact.proof(), all.objective()) {
            (Proof::Infeasible, None) => {}
            (Proof::Certified { value }, Some(least)) => {
                let found = exact.objective().expect("a solution").middle();
                prop_assert!((found - least.middle()).abs() <= 1e-8 * found && *value >= found * (1.0 - 1e-8));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn random_horizons(instance in instances(3, 3, 5), seed in any::<u64>()) {
        conforming(&instance, seed);
    }
}

#[test]
fn every_family_service_and_law() {
    for (seed, family) in FAMILIES.into_iter().enumerate() {
        for service in [Service::Deterministic, Service::Exponential] {
            for rate_law in [Law::Shannon, Law::Fixed] {
                let parameters = Parameters { users: 3, blocks: 4, service, rate_law, ..Parameters::default() };
                let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                assert_slot(&instance, seed as u64);
                let parameters = Parameters { slots: 30, ..parameters };
                let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                conforming(&instance, seed as u64);
            }
        }
    }
}
