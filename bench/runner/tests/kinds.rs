//! Kinds of machines (version 2 of instances). Work that is proportional to MACs gives the optimum of version 1; work that is not is the same to every
//! method, by a certificate that is replayed.
//!
//! Random instances of the conformance suites have kinds with unrelated work in one of two cases, so all that is tested there is tested for them.

use crate::common::{of, rows};
use offcut_checker::Tolerance;
use offcut_checker::check_answer;
use offcut_instances::dnn::{Profile, catalogue, zoo};
use offcut_instances::document::{hash, instance_bytes, parse_instance};
use offcut_instances::jpdra::{self, Jpdra};
use offcut_instances::lymdo::{self, Lymdo};
use offcut_instances::machine::{Machine, MachineKind, OfKind};
use offcut_instances::multiuser::{self, Multiuser, Objective};
use offcut_instances::problem::{Budget, Evidence, Problem, Valid};
use offcut_instances::random::Stream;
use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::strategy::{Profits, device_sets};
use offcut_instances::throughput::{self, Throughput};
use offcut_ledger::{Row, Status, contradictions};
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

/// Every objective and certified bound of one is that of the other, to rounding; a solver-reported bound to its tolerance.
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
        model.work_s = twin_work(&std::mem::take(&mut model.macs));
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
        model.work_s = twin_work(&std::mem::take(&mut model.macs));
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

fn throughput_twin(instance: &throughput::Instance) -> throughput::Instance {
    let mut twin = instance.clone();
    twin.machine_kinds = kinds();
    for model in &mut twin.models {
        model.work_s = twin_work(&std::mem::take(&mut model.macs));
    }
    for request in &mut twin.requests {
        request.device = twin_machine(request.device, 0);
    }
    for cloudlet in &mut twin.cloudlets {
        cloudlet.thread = twin_machine(cloudlet.thread, 1);
    }
    twin
}

/// The most profit, straight from the definition: the least threads of every pair by trying all device sets, then all assignments.
fn throughput_optimum(instance: &throughput::Instance) -> f64 {
    let sum_over = |of: &[f64], is: &dyn Fn(u32) -> bool| -> f64 {
        of.iter().zip(0..).filter(|(_, v)| is(*v)).map(|(value, _)| value).sum()
    };
    let meets = |i: usize, remote: Option<(usize, u32)>, set: &[u32]| {
        let request = &instance.requests[i];
        let model = &instance.models[request.model as usize];
        let has = |v: u32| set.contains(&v);
        let on_device = model.work(request.device.kind).expect("a device runs its model");
        let mut delay = sum_over(on_device, &has) / request.device.speed;
        if let Some((j, k)) = remote {
            let cloudlet = &instance.cloudlets[j];
            let Some(on_cloudlet) = model.work(cloudlet.thread.kind) else { return false };
            let sends = |v: u32| has(v) && model.edges.iter().any(|(from, to)| *from == v && !has(*to));
            let speedup = match &cloudlet.speedup {
                Speedup::Linear => f64::from(k),
                Speedup::Amdahl { parallel_fraction: p } => 1.0 / (1.0 - p + p / f64::from(k)),
                Speedup::Table { speedups } => speedups[(k as usize).min(speedups.len()) - 1],
            };
            let bytes = sum_over(&model.out_bytes, &sends);
            delay += bytes * (1.0 / request.uplink_bytes_per_s + instance.hops(i)[j]);
            delay += sum_over(on_cloudlet, &|v| !has(v)) / (cloudlet.thread.speed * speedup);
        }
        delay <= request.deadline_s * (1.0 + 5e-10)
    };
    let sets: Vec<Vec<Vec<u32>>> = instance.models.iter().map(device_sets).collect();
    let option = |i: usize, j: usize| {
        let sets = &sets[instance.requests[i].model as usize];
        let most = instance.cloudlets[j].max_threads_per_request;
        (1..=most).find(|k| sets.iter().any(|set| meets(i, Some((j, *k)), set)))
    };
    let cloudlets = 0..instance.cloudlets.len();
    let (mut optimum, mut open) = (0.0, Vec::new());
    for (i, request) in instance.requests.iter().enumerate() {
        let all: Vec<u32> = (0..instance.models[request.model as usize].layers() as u32).collect();
        if meets(i, None, &all) {
            optimum += request.profit;
        } else {
            open.push((request.profit, cloudlets.clone().map(|j| option(i, j)).collect::<Vec<_>>()));
        }
    }
    let mut left: Vec<u32> = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
    optimum + best(&open, &mut left)
}

/// The most profit of requests with the threads they need of every cloudlet.
fn best(open: &[(f64, Vec<Option<u32>>)], left: &mut [u32]) -> f64 {
    let Some(((profit, needs), rest)) = open.split_first() else { return 0.0 };
    let mut most = best(rest, left);
    for (j, k) in needs.iter().enumerate().filter_map(|(j, k)| Some((j, (*k)?))) {
        if k <= left[j] {
            left[j] -= k;
            most = most.max(profit + best(rest, left));
            left[j] += k;
        }
    }
    most
}

/// Requests with four kinds of devices and cloudlets of three kinds, on the zoo's layer graphs with estimated times. (Each kind of cloudlet is as fast as
/// a server core in all, but not on each layer.)
fn measured_zoo(requests: u32, cloudlets: u32, threads: u32, seed: u64) -> throughput::Instance {
    let parameters = throughput::Parameters { requests, cloudlets, threads, ..throughput::Parameters::default() };
    let mut instance = throughput::generate("zoo", &parameters, seed).expect("legal");
    let core = catalogue::SERVER_CORE;
    let devices =
        [catalogue::RASPBERRY_PI_3B_PLUS, catalogue::PHONE_BUDGET, catalogue::RASPBERRY_PI_4, catalogue::PHONE];
    let servers = [core.clone(), catalogue::JETSON_XAVIER, catalogue::EDGE_GPU];
    let machines: Vec<_> = devices.iter().chain(&servers).collect();
    instance.machine_kinds =
        machines.iter().map(|machine| MachineKind { name: machine.id.to_string(), about: String::new() }).collect();
    let mut totals = vec![0.0; machines.len()];
    for model in &mut instance.models {
        let graph = zoo::graph(&model.name).expect("a model of the zoo");
        model.work_s = machines.iter().map(|machine| Some(Profile::estimate(&graph, machine).layer_s)).collect();
        model.macs.clear();
        for (total, work) in totals.iter_mut().zip(&model.work_s) {
            *total += work.iter().flatten().sum::<f64>();
        }
    }
    let mut stream = Stream::new(&["kinds", "measured zoo"], seed);
    for request in &mut instance.requests {
        request.device = Machine::of_kind(stream.below(4) as u32, stream.log_uniform(0.7, 1.4));
    }
    for cloudlet in &mut instance.cloudlets {
        let kind = 4 + stream.below(3) as usize;
        let as_fast = totals[kind] / totals[4];
        cloudlet.thread = Machine::of_kind(kind as u32, as_fast * stream.log_uniform(0.7, 1.4));
    }
    instance.validate().expect("legal");
    instance
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn proportional_work_is_version_1_in_throughput(
        counts in throughput::strategy::instances(5, 3, Profits::Unit),
        profits in throughput::strategy::instances(5, 3, Profits::Any),
        seed in any::<u64>(),
    ) {
        for instance in [counts, profits].iter().filter(|instance| instance.machine_kinds.is_empty()) {
            let exact = ["branch", "price", "lp", "milp", "milp-joint"];
            assert_twins::<Throughput>(instance, &throughput_twin(instance), seed, &exact);
        }
    }

    /// Unrelated times, and models that some cloudlets do not run: what exact methods find and prove is the optimum by brute force.
    #[test]
    fn unrelated_work_has_the_optimum_of_brute_force_in_throughput(
        counts in throughput::strategy::instances(5, 3, Profits::Unit),
        profits in throughput::strategy::instances(5, 3, Profits::Any),
        seed in any::<u64>(),
    ) {
        for instance in [counts, profits].iter().filter(|instance| !instance.machine_kinds.is_empty()) {
            let optimum = throughput_optimum(instance);
            let rows = rows::<Throughput>(instance, seed);
            for method in ["branch", "milp", "milp-joint"] {
                let row = of(&rows, method);
                let found = row.checked_objective.expect("a solution").middle();
                prop_assert!((found - optimum).abs() <= 1e-6 * optimum.max(1.0), "{method}: {found}, optimum {optimum}");
            }
            prop_assert_eq!(of(&rows, "branch").status, Status::OptimalCertified);
            prop_assert_eq!(contradictions(Throughput::SENSE, &rows, &Tolerance::default()), []);
        }
    }
}

/// Real layer graphs and estimated times: certificates are replayed, and methods agree.
#[test]
fn measured_models_are_certified_in_throughput() {
    let instance = measured_zoo(300, 10, 16, 1);
    let rows = rows::<Throughput>(&instance, 1);
    assert_eq!(contradictions(Throughput::SENSE, &rows, &Tolerance::default()), []);
    assert_eq!(of(&rows, "branch").status, Status::OptimalCertified);
    for row in &rows {
        assert!(row.violations.is_empty(), "{}: {:?}", row.key.method, row.violations);
    }
}

/// `cargo test --release -p offcut-runner at_scale_in -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measured_models_at_scale_in_throughput() {
    let number = |name: &str, default: u32| std::env::var(name).map_or(default, |n| n.parse().expect("a number"));
    let (requests, cloudlets) = (number("REQUESTS", 1_000_000), number("CLOUDLETS", 100));
    let instance = measured_zoo(requests, cloudlets, 8 * requests / 1000, 1);
    let algorithms = Throughput::algorithms();
    let price = algorithms.iter().find(|algorithm| algorithm.id() == "price").expect("there");
    let began = std::time::Instant::now();
    let answer = price.solve(&instance, &Budget { threads: 2, ..Budget::default() });
    println!("solved in {:.1} s, {:?}", began.elapsed().as_secs_f64(), answer.trace);
    let Some(Evidence::Certificate(certificate)) = answer.proved.as_ref().map(|bound| &bound.evidence) else {
        panic!()
    };
    for hull in &certificate.hulls {
        let layers = instance.models[hull.model as usize].layers();
        let (vertices, nodes) = (hull.vertices.len(), hull.nodes.len());
        println!(
            "model {} of {layers} layers, kinds {:?} {:?}: {vertices} vertices, {nodes} nodes",
            hull.model, hull.device_kind, hull.cloudlet_kind
        );
    }
    let (began, bytes) = (std::time::Instant::now(), offcut_instances::document::answer_bytes::<Throughput>(&answer));
    println!("{} MB of answer, written in {:.1} s", bytes.len() / 1_000_000, began.elapsed().as_secs_f64());
    let began = std::time::Instant::now();
    let verdict = check_answer::<Throughput>(&instance, &answer, &Tolerance::default());
    println!("checked in {:.1} s", began.elapsed().as_secs_f64());
    let (found, proved) = (answer.found.expect("found").objective, answer.proved.expect("proved").value);
    println!("found {found}, proved {proved}, gap {:.4} %, {:?}", 100.0 * (proved - found) / proved, verdict.proof());
    assert!(!verdict.is_rejected(), "{:?}", verdict.violations());
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
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

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

/// A device runs the model of its request; a cloudlet need not.
#[test]
fn work_of_throughput() {
    let toy = include_bytes!("../../../instances/data/throughput/toy.json");
    let instance = parse_instance::<Throughput>(toy).expect("the toy is good");
    let text = String::from_utf8(instance_bytes::<Throughput>(&instance)).expect("text");
    assert!(text.contains("\"version\":1") && !text.contains("machine_kinds") && !text.contains("work_s"));
    let twin = throughput_twin(&instance);
    let text = String::from_utf8(instance_bytes::<Throughput>(&twin)).expect("text");
    for (from, to, expected) in [
        ("\"version\":2", "\"version\":1", "say version 2"),
        ("\"device\":{\"kind\":0", "\"device\":{\"kind\":2", "there are 2 machine kinds"),
        ("\"thread\":{\"kind\":1", "\"thread\":{\"kind\":2", "there are 2 machine kinds"),
        ("\"thread\":{\"kind\":1,", "\"thread_macs_per_s\":1,\"thread\":{\"kind\":1,", "has both"),
        ("\"work_s\":[[0.0,", "\"work_s\":[[1.0,", "give the input 0 seconds"),
        ("\"work_s\":[[", "\"work_s\":[[0.0,", "has 4 entries for 3"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let error = parse_instance::<Throughput>(text.replacen(from, to, 1).as_bytes()).expect_err(to).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let without = |kind: usize| {
        let mut lacking = twin.clone();
        lacking.models.iter_mut().for_each(|model| model.work_s[kind] = None);
        lacking
    };
    let error = without(0).validate().expect_err("no work").to_string();
    assert!(error.contains("no work for it") && error.contains("'device'"), "{error}");
    // Only who is served by the device is admitted.
    let lacking = without(1);
    lacking.validate().expect("legal");
    for row in rows::<Throughput>(&lacking, 1) {
        let found = row.checked_objective.expect("a solution").middle();
        assert!(found <= 1.0 && row.violations.is_empty(), "{}: {found}", row.key.method);
        assert!(row.key.method != "branch" || row.status == Status::OptimalCertified && found == 1.0);
    }
}
