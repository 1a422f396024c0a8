//! Kinds of machines (version 2 of instances). Work that is proportional to MACs gives the optimum of version 1; work that is not is the same to every
//! method, by a certificate that is replayed.
//!
//! Random instances of the conformance suites have kinds with unrelated work in one of two cases, so all that is tested there is tested for them.

mod common;

use common::{of, rows};
use offcut_checker::Tolerance;
use offcut_instances::document::{hash, instance_bytes, parse_instance};
use offcut_instances::jpdra::{self, Jpdra};
use offcut_instances::lymdo::{self, Lymdo};
use offcut_instances::machine::{Machine, MachineKind, OfKind};
use offcut_instances::multiuser::{self, Multiuser, Objective};
use offcut_instances::problem::Valid;
use offcut_ledger::{Row, contradictions};
use offcut_runner::BenchmarkAdapter;
use proptest::prelude::*;

/// Seconds per MAC of a kind.
const NOMINAL_S_PER_MAC: [f64; 2] = [0.25, 3.0];

/// The two kinds: of devices, and of servers.
fn kinds() -> Vec<MachineKind> {
    ["device", "server"].map(|name| MachineKind { name: name.into(), about: String::new() }).into()
}

/// The machine of this kind that is as fast as one of so many MAC/s.
fn twin_machine(machine: Machine, kind: u32) -> Machine {
    Machine::of_kind(kind, machine.speed * NOMINAL_S_PER_MAC[kind as usize])
}

/// Seconds on both kinds.
fn twin_work(macs: &[f64]) -> Vec<Option<Vec<f64>>> {
    NOMINAL_S_PER_MAC.iter().map(|nominal| Some(macs.iter().map(|macs| macs * nominal).collect())).collect()
}

/// Every objective and certified bound of one is that of the other, to rounding; a solver's word to its tolerance.
fn assert_twins<P: BenchmarkAdapter>(instance: &P::Instance, twin: &P::Instance, seed: u64, exact: &[&str]) {
    twin.validate().expect("legal");
    let again = parse_instance::<P>(&instance_bytes::<P>(twin)).expect("it can be read");
    assert_eq!(hash::<P>(&again), hash::<P>(twin));
    assert_eq!((P::version_of(instance), P::version_of(twin)), (1, 2));
    let (rows, twins) = (rows::<P>(instance, seed), rows::<P>(twin, seed));
    for all in [&rows, &twins] {
        assert_eq!(contradictions(P::SENSE, all, &Tolerance::default()), []);
    }
    for method in exact {
        let (one, other) = (of(&rows, method), of(&twins, method));
        assert_eq!(one.status, other.status, "{method}");
        let value = |row: &Row| row.checked_objective.map(|objective| objective.middle());
        match (value(one), value(other)) {
            (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-6 * a.abs(), "{method}: {a} with MACs, {b} with kinds"),
            (a, b) => assert_eq!(a.is_some(), b.is_some(), "{method}"),
        }
    }
}

fn multiuser_twin(instance: &multiuser::Instance) -> multiuser::Instance {
    let mut twin = instance.clone();
    twin.machine_kinds = kinds();
    for model in &mut twin.models {
        model.work_s = twin_work(&model.macs);
        model.macs.clear();
    }
    for user in &mut twin.users {
        user.device = twin_machine(user.device, 0);
    }
    twin.server.unit = twin_machine(twin.server.unit, 1);
    twin
}

fn lymdo_twin(instance: &lymdo::Instance) -> lymdo::Instance {
    let mut twin = instance.clone();
    twin.machine_kinds = kinds();
    for model in &mut twin.models {
        model.work_s = twin_work(&model.macs);
        model.macs.clear();
    }
    for user in &mut twin.users {
        user.device = twin_machine(user.device, 0);
        // Energy is kappa f^2 a unit of work: f and the work are `nominal` times as large.
        user.energy_per_mac_coeff /= NOMINAL_S_PER_MAC[0].powi(3);
    }
    let Machine { speed, .. } = twin_machine(twin.edge(), 1);
    (twin.edge_macs_per_s, twin.edge) = (None, Some(OfKind { kind: 1, speed }));
    twin
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proportional_work_is_version_1_in_multiuser(
        max in multiuser::strategy::instances(4, 8, Objective::Max),
        sum in multiuser::strategy::instances(4, 8, Objective::Sum),
        seed in any::<u64>(),
    ) {
        for instance in [max, sum].iter().filter(|instance| instance.machine_kinds.is_empty()) {
            assert_twins::<Multiuser>(instance, &multiuser_twin(instance), seed, match instance.objective {
                Objective::Max => &["threshold", "milp"],
                Objective::Sum => &["branch", "dp", "milp"],
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proportional_work_is_version_1_in_lymdo(instance in lymdo::strategy::instances(3, 3, 1), seed in any::<u64>()) {
        prop_assume!(instance.machine_kinds.is_empty());
        assert_twins::<Lymdo>(&instance, &lymdo_twin(&instance), seed, &["branch", "enumerate", "milp-oa"]);
    }
}

fn jpdra_twin(instance: &jpdra::Instance) -> jpdra::Instance {
    let mut twin = instance.clone();
    twin.machine_kinds = kinds();
    for flow in &mut twin.flows {
        let macs: Vec<f64> = flow.partitions.iter().map(|partition| partition.macs).collect();
        flow.work_s = twin_work(&macs).into_iter().flatten().collect();
        flow.partitions.iter_mut().for_each(|partition| partition.macs = 0.0);
    }
    // Whole units have one size; continuous shares take any mixture of kinds.
    let is_continuous = twin.allocation == jpdra::Allocation::Continuous;
    for (m, server) in twin.servers.iter_mut().enumerate() {
        server.machine = twin_machine(server.machine, if is_continuous { (m % 2) as u32 } else { 1 });
    }
    if let jpdra::Allocation::Units { macs_per_s } = &mut twin.allocation {
        *macs_per_s *= NOMINAL_S_PER_MAC[1];
    }
    twin
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_global_rejects: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proportional_work_is_version_1_in_jpdra(
        continuous in jpdra::strategy::instances(2, 3, 3, jpdra::strategy::Shares::Continuous),
        units in jpdra::strategy::instances(2, 2, 2, jpdra::strategy::Shares::Units),
        seed in any::<u64>(),
    ) {
        for instance in [continuous, units].iter().filter(|instance| instance.machine_kinds.is_empty()) {
            let exact = match instance.allocation {
                jpdra::Allocation::Continuous => &["branch", "exhaustive", "milp-oa"],
                // Units that a rounding of their size adds or takes away are another instance.
                jpdra::Allocation::Units { .. } => &["branch", "exhaustive", "milp-units"],
            };
            let twin = jpdra_twin(instance);
            let has_same_units = match (instance.allocation, twin.allocation) {
                (jpdra::Allocation::Units { macs_per_s: one }, jpdra::Allocation::Units { macs_per_s: other }) => {
                    (0..instance.servers.len()).all(|m| instance.units(m, one) == twin.units(m, other))
                }
                _ => true,
            };
            if has_same_units {
                assert_twins::<Jpdra>(instance, &twin, seed, exact);
            }
        }
    }
}

/// A document says version 2 if it has kinds, and is then read as such only; without kinds it has the bytes and the hash of version 1.
#[test]
fn versions_of_documents() {
    let toy = include_bytes!("../../../instances/data/multiuser/toy.json");
    let instance = parse_instance::<Multiuser>(toy).expect("the toy is good");
    let text = String::from_utf8(instance_bytes::<Multiuser>(&instance)).expect("text");
    assert!(text.contains("\"version\":1") && !text.contains("machine_kinds"));
    let later = parse_instance::<Multiuser>(text.replace("\"version\":1", "\"version\":2").as_bytes()).expect("read");
    assert_eq!(hash::<Multiuser>(&later), hash::<Multiuser>(&instance));

    let twin = multiuser_twin(&instance);
    let text = String::from_utf8(instance_bytes::<Multiuser>(&twin)).expect("text");
    assert!(text.contains("\"version\":2"));
    let error = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        parse_instance::<Multiuser>(text.replacen(from, to, 1).as_bytes()).expect_err(to).to_string()
    };
    for (from, to, expected) in [
        ("\"version\":2", "\"version\":1", "say version 2"),
        ("\"version\":2", "\"version\":3", "update offcut"),
        ("\"device\":{\"kind\":0", "\"device\":{\"kind\":2", "there are 2 machine kinds"),
        ("\"device\":{\"kind\":0,", "\"device_macs_per_s\":1,\"device\":{\"kind\":0,", "has both"),
        ("\"name\":\"server\"", "\"name\":\"device\"", "is the name of an earlier kind"),
        ("\"name\":\"server\"", "\"name\":\"\"", "is empty"),
        ("\"work_s\":[[", "\"work_s\":[[1,", "has"),
        ("\"work_s\":[[", "\"work_s\":[null,[", "machine kinds"),
    ] {
        let error = error(from, to);
        assert!(error.contains(expected), "{error}");
    }
    // A kind that a model has no work for.
    let mut lacking = twin.clone();
    for model in &mut lacking.models {
        model.work_s[0] = None;
    }
    let error = lacking.validate().expect_err("no work").to_string();
    assert!(error.contains("no work for it") && error.contains("'device'"), "{error}");
}
