//! The conformance suite that every method of `jpdra` passes: all methods on random instances, checked from their answers' bytes, against
//! each other and against every certified bound.

use crate::common::{assert_no_failure, objective, of, rows};
use offcut_checker::Tolerance;
use offcut_instances::jpdra::strategy::{Shares, instances};
use offcut_instances::jpdra::{Allocation, FAMILIES, Instance, Jpdra, Parameters, generate};
use offcut_instances::problem::Sense;
use offcut_ledger::{Row, Status, contradictions};
use proptest::prelude::*;

fn has_solution(row: &Row) -> bool {
    row.checked_objective.is_some()
}

/// What holds on every instance. The word of a MILP solver is good to 1e-6; all else to rounding.
fn assert_conformance(instance: &Instance, seed: u64) {
    let rows = rows::<Jpdra>(instance, seed);
    assert_no_failure(&rows);
    assert_eq!(contradictions(Sense::Minimise, &rows, &Tolerance::default()), []);
    let exact = of(&rows, "branch");
    let milp = match instance.allocation {
        Allocation::Continuous => "milp-oa",
        Allocation::Units { .. } => "milp-units",
    };
    let same = ["exhaustive", milp].map(|method| of(&rows, method));
    for row in same {
        assert_ne!(row.status, Status::Declined, "{}", row.key.method);
    }
    if exact.status == Status::InfeasibleCertified {
        for row in &rows {
            assert!(!has_solution(row), "{} finds what cannot be", row.key.method);
        }
        for row in same {
            let says_so = [Status::InfeasibleClaimed, Status::InfeasibleCertified].contains(&row.status);
            assert!(says_so, "{}: {:?}", row.key.method, row.status);
        }
        return;
    }
    assert_eq!(exact.status, Status::OptimalCertified, "{exact:?}");
    let optimum = objective(exact);
    for row in same {
        let value = objective(row);
        assert!((value - optimum).abs() <= 1e-6 * optimum, "{}: {value}, branch: {optimum}", row.key.method);
    }
    for row in &rows {
        if let Some(value) = row.certified_bound(Sense::Minimise) {
            assert!(value <= optimum * (1.0 + 1e-12), "{} proves {value} above {optimum}", row.key.method);
        }
        if has_solution(row) {
            assert!(objective(row) >= optimum * (1.0 - 1e-12), "{} is below the optimum {optimum}", row.key.method);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn continuous_on_random_instances(instance in instances(2, 3, 3, Shares::Continuous), seed in any::<u64>()) {
        assert_conformance(&instance, seed);
    }

    #[test]
    fn units_on_random_instances(instance in instances(2, 3, 3, Shares::Units), seed in any::<u64>()) {
        assert_conformance(&instance, seed);
    }
}

#[test]
fn every_family_load_and_allocation() {
    for family in FAMILIES {
        for (seed, load) in [0.3, 0.6, 0.9].into_iter().enumerate() {
            for units in [0, 12] {
                let (flows, partitions, servers) = (3, 2 + seed as u32 % 2, 3);
                let parameters = Parameters { flows, partitions, servers, load, units, ..Parameters::default() };
                let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                assert_conformance(&instance, seed as u64);
            }
        }
    }
}
