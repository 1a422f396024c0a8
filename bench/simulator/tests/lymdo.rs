//! Queues of `lymdo`: the exact tandem's golden values, answers of generated slots, and what is rejected.

use offcut_instances::document::parse_instance;
use offcut_instances::lymdo::{Allocation, Instance, Lymdo, Parameters, RateLaw, Solution, generate};
use offcut_simulator::{Service, Tandem, simulate_tandems, slot_tandems};

/// One user with 8 tasks a second and stages that take these times: a MAC here, a byte, a MAC there.
fn golden(stages_s: [f64; 3]) -> (Instance, Solution) {
    let mut instance =
        parse_instance::<Lymdo>(include_bytes!("../../../instances/data/lymdo/toy.json")).expect("legal");
    (instance.models[0].macs, instance.models[0].cut_bytes) = (vec![1.0, 1.0], vec![9.0, 1.0, 0.0]);
    instance.users.truncate(1);
    (instance.slots[0].arrivals_per_s, instance.slots[0].gains) = (vec![8.0], vec![0.0]);
    let [device, channel, edge] = stages_s;
    let allocation = Allocation {
        cuts: vec![1],
        local_macs_per_s: vec![1.0 / device],
        bandwidth_hz: vec![8.0 / channel],
        edge_macs_per_s: vec![1.0 / edge],
    };
    (instance, Solution { slots: vec![allocation] })
}

fn tandem(instance: &Instance, solution: &Solution) -> Tandem {
    let [Some(tandem)] = &slot_tandems(instance, solution, 0).expect("stable")[..] else { panic!("one user") };
    tandem.clone()
}

/// Pollaczek-Khinchine at the slowest stage: .17 + 8 .01/(2 .2), .20 + 8 .0121/(2 .12), .30 + 8 .01/(2 .2).
#[test]
fn golden_values() {
    for (stages_s, expected) in
        [([0.05, 0.10, 0.02], "0.3700"), ([0.03, 0.06, 0.11], "0.6033"), ([0.10, 0.10, 0.10], "0.5000")]
    {
        let (instance, solution) = golden(stages_s);
        let tandem = tandem(&instance, &solution);
        for (stage, expected) in tandem.service_s.iter().zip(stages_s) {
            assert!((stage - expected).abs() < 1e-15);
        }
        let formula = tandem.mean_delay_s(Service::Deterministic);
        assert_eq!(format!("{formula:.4}"), expected);
        for service in [Service::Deterministic, Service::Exponential] {
            let tasks = 5 * tandem.fewest_tasks(service);
            let simulated = &simulate_tandems(vec![tandem.clone()], service, tasks, 0).expect("enough").flows[0].delay;
            let interval = simulated.interval(0.999);
            let formula = tandem.mean_delay_s(service);
            assert!(interval.holds(formula), "{stages_s:?} {service:?}: {formula} is not in {interval:?}");
            assert!(interval.high - interval.low < 0.15 * formula, "{stages_s:?} {service:?}: {interval:?}");
        }
    }
}

/// Everybody computes all, as fast as it can: one queue each. Who has no tasks, or tasks without work, is left out.
#[test]
fn users_of_a_slot() {
    let mut instance = generate("rayleigh", &Parameters { slots: 3, ..Parameters::default() }, 1).expect("legal");
    let users = instance.users.len();
    let chain = |n: usize| &instance.models[instance.users[n].model as usize];
    let local = Allocation {
        cuts: (0..users).map(|n| chain(n).blocks() as u32).collect(),
        local_macs_per_s: instance.users.iter().map(|user| user.device.speed).collect(),
        bandwidth_hz: vec![0.0; users],
        edge_macs_per_s: vec![0.0; users],
    };
    // In the last slot all send, through equal shares.
    let sent = Allocation {
        cuts: vec![0; users],
        local_macs_per_s: vec![0.0; users],
        bandwidth_hz: vec![instance.bandwidth_hz / users as f64; users],
        edge_macs_per_s: vec![instance.edge().speed / users as f64; users],
    };
    let solution = Solution { slots: vec![local.clone(), local, sent.clone()] };
    let at = |instance: &Instance, t: usize| slot_tandems(instance, &solution, t).expect("stable");
    for (n, tandem) in at(&instance, 1).into_iter().enumerate() {
        let tandem = tandem.expect("tasks");
        let macs: f64 = chain(n).macs.iter().sum();
        assert_eq!(tandem.rate_per_s, instance.slots[1].arrivals_per_s[n]);
        assert!((tandem.service_s[0] / (macs / instance.users[n].device.speed) - 1.0).abs() < 1e-12);
        assert_eq!((tandem.service_s.len(), tandem.hops_s), (1, vec![0.0; 2]));
    }
    for (n, tandem) in at(&instance, 2).into_iter().enumerate() {
        let [channel, _] = tandem.expect("tasks").service_s[..] else { panic!("channel and edge") };
        let bandwidth = sent.bandwidth_hz[n];
        let snr = instance.users[n].tx_power_w * instance.slots[2].gains[n] / (instance.noise_w_per_hz * bandwidth);
        let rate = bandwidth * (1.0 + snr).log2();
        assert!((channel * rate / (8.0 * chain(n).cut_bytes[0]) - 1.0).abs() < 1e-9);
    }
    instance.slots[1].arrivals_per_s[0] = 0.0;
    instance.slots[1].arrivals_per_s[3] = 0.0;
    let there: Vec<bool> = at(&instance, 1).iter().map(Option::is_some).collect();
    assert_eq!(there, [false, true, true, false, true]);
    instance.models.iter_mut().for_each(|model| model.macs.fill(0.0));
    assert_eq!(at(&instance, 1), vec![None; users]);
}

#[test]
fn what_has_no_delay_is_rejected_with_its_place() {
    let (instance, solution) = golden([0.05, 0.10, 0.02]);
    let rejected = |change: &dyn Fn(&mut Instance, &mut Solution), t: usize| {
        let (mut instance, mut solution) = (instance.clone(), solution.clone());
        change(&mut instance, &mut solution);
        slot_tandems(&instance, &solution, t).expect_err("no delay").to_string()
    };
    for (words, input_error) in [
        ("slots[0].local_macs_per_s[0]: user 0 gets 8e0", rejected(&|_, s| s.slots[0].local_macs_per_s[0] = 8.0, 0)),
        ("slots[0].bandwidth_hz[0]: user 0 gets 0e0", rejected(&|_, s| s.slots[0].bandwidth_hz[0] = 0.0, 0)),
        ("slots[0].edge_macs_per_s[0]", rejected(&|_, s| s.slots[0].edge_macs_per_s[0] = f64::INFINITY, 0)),
        ("slots[0].bandwidth_hz[0]", rejected(&|i, _| i.rate_law = RateLaw::Shannon, 0)),
        ("slots[0].cuts[0]: is cut 3", rejected(&|_, s| s.slots[0].cuts[0] = 3, 0)),
        ("slots[0].cuts: has 0 entries", rejected(&|_, s| s.slots[0].cuts.clear(), 0)),
        ("slots[0].bandwidth_hz: has 2 entries", rejected(&|_, s| s.slots[0].bandwidth_hz.push(1.0), 0)),
        ("slots: has 0 entries", rejected(&|_, s| s.slots.clear(), 0)),
        ("--slot: is 1", rejected(&|_, _| (), 1)),
    ] {
        assert!(input_error.contains(words), "'{input_error}' does not say '{words}'");
    }
    assert!(simulate_tandems(vec![tandem(&instance, &solution)], Service::Deterministic, 999, 0).is_err());
}
