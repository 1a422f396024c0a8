//! The conformance suite that every method of `throughput` passes: all methods on hundreds of random instances, checked from their
//! answers' bytes, against each other and against every certified bound.

use crate::common::{is_reported_alone, objective, of, rows};
use offcut_checker::Tolerance;
use offcut_instances::problem::Sense;
use offcut_instances::throughput::strategy::{Profits, instances};
use offcut_instances::throughput::{Instance, Parameters, Throughput, View, generate};
use offcut_ledger::{Status, contradictions};
use proptest::prelude::*;

/// What holds on every instance.
fn assert_conformance(instance: &Instance, seed: u64) {
    let rows = rows::<Throughput>(instance, seed);
    for row in &rows {
        let fine = [Status::Feasible, Status::OptimalClaimed, Status::OptimalCertified, Status::Declined];
        assert!(fine.contains(&row.status), "{}: {:?}", row.key.method, row);
        assert!(!is_reported_alone(row), "{}: {:?}", row.key.method, row);
    }
    assert_eq!(contradictions(Sense::Maximise, &rows, &Tolerance::default()), []);
    let exact = of(&rows, "branch");
    assert_eq!(exact.status, Status::OptimalCertified);
    let optimum = objective(exact);
    for method in ["milp", "milp-joint"] {
        let row = of(&rows, method);
        if row.status != Status::Declined {
            let value = objective(row);
            assert!((value - optimum).abs() <= 1e-6 * optimum.max(1.0), "{method}: {value}, branch: {optimum}");
        }
    }
    for row in &rows {
        if let Some(value) = row.certified_bound(Sense::Maximise) {
            assert!(value >= optimum * (1.0 - 1e-12), "{} proves {value} below {optimum}", row.key.method);
        }
        if row.status != Status::Declined {
            assert!(objective(row) <= optimum * (1.0 + 1e-12), "{} is above the optimum", row.key.method);
            let served = row.measures["local"] + row.measures["remote"];
            assert!(!instance.has_unit_profits() || served == objective(row));
        }
    }
    // The proven bound: knapsacks of this size are solved exactly.
    assert!(objective(of(&rows, "local-ratio")) >= optimum / 2.0 * (1.0 - 1e-12));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_on_random_instances(instance in instances(6, 3, Profits::Unit), seed in any::<u64>()) {
        assert_conformance(&instance, seed);
    }

    #[test]
    fn profits_on_random_instances(
        instance in prop_oneof![instances(6, 3, Profits::Whole), instances(6, 3, Profits::Any)],
        seed in any::<u64>(),
    ) {
        assert_conformance(&instance, seed);
    }
}

#[test]
fn every_family_and_view() {
    for family in ["zoo", "synthetic", "tight", "equal", "single"] {
        for (seed, view, most_profit) in [(1, View::Dag, 1), (2, View::Chain, 1), (3, View::Dag, 9)] {
            let parameters =
                Parameters { requests: 60, cloudlets: 4, threads: 12, view, most_profit, ..Parameters::default() };
            let instance = generate(family, &parameters, seed).expect("legal");
            assert_conformance(&instance, seed);
        }
    }
}
