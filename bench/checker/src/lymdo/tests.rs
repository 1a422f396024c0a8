use offcut_instances::document::parse_instance;
use offcut_instances::lymdo::strategy::{cuts, instances, solutions};
use offcut_instances::lymdo::{
    Allocation, Certificate, FAMILIES, Instance, Law, Lymdo, Node, Parameters, Prices, RateLaw, Service, Slot,
    Solution, Tree, User, generate,
};
use offcut_instances::problem::{Answer, Stop};
use offcut_instances::random::Stream;
use proptest::prelude::*;

use super::outcome;
use super::stage::WorkOfCuts;
use super::user_slot::phi;
use crate::{Checkable, Proof, Tolerance, check_answer};

/// Two users, one task a second each, V = 2, Q = 1.25; at full speed of the device a task of 2 MACs takes 1/4 s. The heavy one cannot send (8000
/// bits, 16 bit/s). By hand, with d the time of the longest stage:
///
/// | user, cut | f, b, F | D | E | V D + Q E |
/// |---|---|---|---|---|
/// | light, 0 | -, 16, 8 | 1/2 + 1/4 + (1/4)/(2 (1 - 1/2)) = 1 | 1/2 | 2.625 |
/// | either, 1 | 4, -, - | 1/2 + (1/4)/(2 (1 - 1/2)) = 3/4 | 4^2 2/32 = 1 | 2.75 |
///
/// f = 4 is best: V (1 + h'(1/2)) = 5 = Q 2 kappa f^3 2 / 2. Alone on the channel and the edge, more of either is better.
fn toy() -> Instance {
    parse_instance::<Lymdo>(include_bytes!("../../../../instances/data/lymdo/toy.json")).expect("legal")
}

fn allocation(cuts: [u32; 2], local: [f64; 2], bandwidth: [f64; 2], edge: [f64; 2]) -> Allocation {
    Allocation {
        cuts: cuts.to_vec(),
        local_macs_per_s: local.to_vec(),
        bandwidth_hz: bandwidth.to_vec(),
        edge_macs_per_s: edge.to_vec(),
    }
}

/// The light user sends, the heavy one computes.
fn best() -> Allocation {
    allocation([0, 1], [0.0, 4.0], [16.0, 0.0], [8.0, 0.0])
}

fn one(allocation: Allocation) -> Solution {
    Solution { slots: vec![allocation] }
}

fn objective(instance: &Instance, solution: &Solution) -> f64 {
    let (objective, violations) = Lymdo::evaluate(instance, solution);
    assert!(violations.is_empty(), "{violations:?}");
    let objective = objective.expect("defined");
    assert!(objective.high() - objective.low() < 1e-12 * objective.high());
    objective.middle()
}

fn close(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-12 * expected.abs().max(1.0), "{value}, not {expected}");
}

#[test]
fn the_toy_is_worth_what_it_is_worth_by_hand() {
    close(objective(&toy(), &one(best())), 2.625 + 2.75);
    close(objective(&toy(), &one(allocation([1, 1], [4.0, 4.0], [0.0; 2], [0.0; 2]))), 5.5);
    // A device at full speed: D = 1/4 + (1/16)/(2 3/4) = 7/24, E = 64/32 2 = 4.
    close(objective(&toy(), &one(allocation([0, 1], [8.0, 8.0], [16.0, 0.0], [8.0, 0.0]))), 2.625 + 7.0 / 12.0 + 5.0);
    // Exponential: 1/(2-1) + 1/(4-1) in the network, 1/(2-1) at the device.
    let exponential = Instance { service: Service::Exponential, ..toy() };
    close(objective(&exponential, &one(best())), 2.0 * (1.0 + 1.0 / 3.0 + 1.0) + 1.25 * 1.5);
    // Shannon: r = 16 log2(1 + 48/16) = 32.
    let mut shannon = Instance { rate_law: RateLaw::Shannon, noise_w_per_hz: 0.25, ..toy() };
    shannon.slots[0].gains[0] = 12.0;
    let (stage, waiting) = (0.25, 0.0625 / (2.0 * 0.75));
    close(objective(&shannon, &one(best())), 2.0 * (2.0 * stage + waiting) + 1.25 * 0.25 + 2.75);
    let outcome = outcome(&toy(), &best()).expect("feasible");
    assert_eq!(outcome.stages_s.len(), 2);
    for (stage, expected) in outcome.stages_s.iter().flatten().zip([0.0, 0.5, 0.25, 0.5, 0.0, 0.0]) {
        close(*stage, expected);
    }
    close(outcome.delays_s[0], 1.0);
    close(outcome.energies_j[0], 0.5);
    close(outcome.energies_j[1], 1.0);
}

/// The exact tandem: a Poisson process of 8 a second through three constant stages.
#[test]
fn a_deterministic_tandem_takes_what_the_formula_says() {
    for ([d1, d2, d3], expected) in [([0.05, 0.10, 0.02], 0.3700), ([0.03, 0.06, 0.11], 0.6033), ([0.10; 3], 0.5000)] {
        let mut instance = toy();
        instance.models[0].macs = vec![1.0, 1.0];
        instance.models[0].cut_bytes = vec![9.0, 1.0, 0.0];
        instance.users.truncate(1);
        instance.users[0].device.speed = 100.0;
        instance.slots = vec![Slot { arrivals_per_s: vec![8.0], gains: vec![0.0] }];
        instance.bandwidth_hz = 1000.0;
        instance.set_edge_speed(100.0);
        let given = Allocation {
            cuts: vec![1],
            local_macs_per_s: vec![1.0 / d1],
            bandwidth_hz: vec![8.0 / d2],
            edge_macs_per_s: vec![1.0 / d3],
        };
        let delay = outcome(&instance, &given).expect("feasible").delays_s[0];
        assert_eq!(format!("{delay:.4}"), format!("{expected:.4}"));
    }
}

/// Two slots; the second has no tasks of the heavy user, so nothing but its delay of a single task.
///
/// | slot | light: D, E | heavy: D, E |
/// |---|---|---|
/// | 0 | 1, 1/2 | 3/4, 1 |
/// | 1 | 3/4, 1 | 1/2, 0 |
fn horizon() -> (Instance, Solution) {
    let mut instance = toy();
    instance.slots.push(Slot { arrivals_per_s: vec![1.0, 0.0], gains: vec![0.0; 2] });
    let second = allocation([1, 1], [4.0, 4.0], [0.0; 2], [0.0; 2]);
    (instance, Solution { slots: vec![best(), second] })
}

/// Means: delay (1 + 3/4 + 3/4 + 1/2)/2 = 1.5; energies 3/4 and 1/2. Budgets 1/2 and 1: the light user is 1/4 above, at 4 s/J.
#[test]
fn a_horizon_charges_what_is_above_budgets() {
    let (instance, solution) = horizon();
    close(objective(&instance, &solution), 1.5 + 4.0 * 0.25);
    let measures = Lymdo::measures(&instance, &solution);
    // Backlogs: light 1.25, 1.25 + .5 - .5, 1.25 + 1 - .5; heavy 1.25, 1.25 + 1 - 1, 1.25 + 0 - 1.
    for (name, expected) in [
        ("delay_s", 0.75),
        ("energy_j", (0.75 + 0.5) / 2.0),
        ("overdraft_j", 0.25),
        ("overdraft", 0.5),
        ("charge_s", 1.0),
        ("backlog_j", (1.25 + 1.25 + 1.75 + 0.25) / 4.0),
        ("final_backlog_j", (1.75 + 0.25) / 2.0),
        ("spent", (0.75 + 0.5) / 1.5),
        // Beside budgets: light 0 and 1/2, heavy 0 and -1; V is 2.
        ("drift_s", 0.5 * (0.25 + 1.0) / 2.0 / 2.0 / 2.0),
    ] {
        close(measures[name], expected);
    }
    assert_eq!(measures.len(), 9);
    // Within budgets nothing is charged.
    let mut rich = instance;
    rich.users[0].energy_budget_j_per_slot = 0.75;
    close(objective(&rich, &solution), 1.5);
}

/// Without budgets nothing is above them by a share, and one slot charges nothing.
#[test]
fn measures_are_of_what_there_is() {
    let (mut instance, solution) = horizon();
    instance.users.iter_mut().for_each(|user| user.energy_budget_j_per_slot = 0.0);
    let names = |measures: std::collections::BTreeMap<String, f64>| measures.into_keys().collect::<Vec<_>>();
    let always = ["backlog_j", "delay_s", "drift_s", "energy_j", "final_backlog_j", "overdraft_j"];
    let with = |more: &[&'static str]| {
        let mut names = [&always[..], more].concat();
        names.sort_unstable();
        names
    };
    assert_eq!(names(Lymdo::measures(&instance, &solution)), with(&["charge_s"]));
    instance.users[1].energy_budget_j_per_slot = 1.0;
    let measures = Lymdo::measures(&instance, &solution);
    close(measures["overdraft"], 0.0);
    close(measures["overdraft_j"], 0.75);
    assert_eq!(names(measures), with(&["charge_s", "overdraft", "spent"]));
    assert_eq!(names(Lymdo::measures(&toy(), &one(best()))), with(&["overdraft", "spent"]));
}

#[test]
fn violations_have_amounts() {
    let only = |change: &dyn Fn(&mut Allocation)| {
        let mut changed = best();
        change(&mut changed);
        let (_, violations) = Lymdo::evaluate(&toy(), &one(changed));
        assert_eq!(violations.len(), 1, "{violations:?}");
        violations[0].amount
    };
    assert_eq!(only(&|a| a.bandwidth_hz[1] = 3.0), 3.0);
    assert_eq!(only(&|a| a.edge_macs_per_s[1] = 0.5), 0.5);
    assert_eq!(only(&|a| a.local_macs_per_s[1] = 10.5), 2.5);
    // 2 MACs a second arrive.
    assert_eq!(only(&|a| a.local_macs_per_s[1] = 0.75), 1.25);
}

/// What is left of the channel is 2^-30 of it: a rounding of its rate would be a millionth of the delay.
#[test]
fn a_channel_that_is_filled_exactly_is_known_exactly() {
    let mut instance = Instance { service: Service::Exponential, ..toy() };
    // Of 16 bit/s, all but 2^-26 arrive: 16 (1 - 2^-30) / 2^-26 s in the channel, 2 / (8 - 2) at the edge.
    instance.models[0].cut_bytes[0] = 2.0 * (1.0 - 2f64.powi(-30));
    let delay = outcome(&instance, &best()).expect("stable").delays_s[0];
    close(delay, 2f64.powi(30) - 1.0 + 1.0 / 3.0);
    let (objective, violations) = Lymdo::evaluate(&instance, &one(best()));
    assert!(violations.is_empty(), "{violations:?}");
    let objective = objective.expect("defined");
    assert!(objective.high() - objective.low() < 1e-12 * objective.high(), "{objective:?}");
}

/// The names of what is broken.
fn broken(instance: &Instance, solution: &Solution) -> Vec<String> {
    Lymdo::evaluate(instance, solution).1.into_iter().map(|violation| violation.constraint).collect()
}

#[test]
fn every_constraint_is_seen_alone() {
    let instance = toy();
    let broken = |change: &dyn Fn(&mut Allocation)| {
        let mut changed = best();
        change(&mut changed);
        assert_eq!(outcome(&instance, &changed).is_err(), !broken(&instance, &one(changed.clone())).is_empty());
        broken(&instance, &one(changed))
    };
    assert_eq!(broken(&|_| ()), [""; 0]);
    assert_eq!(broken(&|a| a.cuts.truncate(1)), ["shape"]);
    assert_eq!(broken(&|a| a.local_macs_per_s.push(1.0)), ["shape"]);
    assert_eq!(broken(&|a| a.bandwidth_hz.truncate(1)), ["shape"]);
    assert_eq!(broken(&|a| a.edge_macs_per_s.truncate(1)), ["shape"]);
    assert_eq!(self::broken(&instance, &Solution { slots: vec![] }), ["shape"]);
    assert_eq!(self::broken(&instance, &Solution { slots: vec![best(); 2] }), ["shape"]);
    assert_eq!(broken(&|a| a.cuts[1] = 2), ["indices exist"]);
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e-70, 1e70] {
        assert_eq!(broken(&|a| a.local_macs_per_s[0] = bad), ["a resource is a number"], "{bad}");
        assert_eq!(broken(&|a| a.bandwidth_hz[1] = bad), ["a resource is a number"], "{bad}");
        assert_eq!(broken(&|a| a.edge_macs_per_s[1] = bad), ["a resource is a number"], "{bad}");
    }
    assert_eq!(broken(&|a| a.local_macs_per_s[1] = 8.0 * (1.0 + 1.01e-9)), ["device speed"]);
    // What nobody needs counts as well.
    assert_eq!(broken(&|a| a.local_macs_per_s[0] = 9.0), ["device speed"]);
    assert_eq!(broken(&|a| a.bandwidth_hz[0] = 16.0 * (1.0 + 1.01e-9)), ["bandwidth within capacity"]);
    assert_eq!(broken(&|a| a.bandwidth_hz[1] = 1.0), ["bandwidth within capacity"]);
    assert_eq!(broken(&|a| a.edge_macs_per_s[0] = 8.0 * (1.0 + 1.01e-9)), ["edge speed within capacity"]);
    assert_eq!(broken(&|a| a.edge_macs_per_s[1] = 1.0), ["edge speed within capacity"]);
    for speed in [0.0, 1.0, 2.0] {
        assert_eq!(broken(&|a| a.local_macs_per_s[1] = speed), ["stability"]);
        assert_eq!(broken(&|a| a.bandwidth_hz[0] = 4.0 * speed), ["stability"]);
        assert_eq!(broken(&|a| a.edge_macs_per_s[0] = speed), ["stability"]);
    }
    assert_eq!(broken(&|a| a.local_macs_per_s[1] = 2.0f64.next_up()), [""; 0]);
    // Without tasks a stage still has to get somewhere.
    let mut idle = toy();
    idle.slots[0].arrivals_per_s = vec![0.0; 2];
    assert_eq!(self::broken(&idle, &one(best())), [""; 0]);
    assert_eq!(self::broken(&idle, &one(allocation([0, 1], [0.0, 0.0], [16.0, 0.0], [8.0, 0.0]))), ["stability"]);
    // No channel, no rate.
    let mut deaf = Instance { rate_law: RateLaw::Shannon, ..idle };
    assert_eq!(self::broken(&deaf, &one(best())), [""; 0]);
    deaf.slots[0].gains[0] = 0.0;
    assert_eq!(self::broken(&deaf, &one(best())), ["stability"]);
    // Cuts that hand nothing over, and blocks without work, need nothing.
    let mut free = toy();
    free.models[0].cut_bytes[0] = 0.0;
    assert_eq!(self::broken(&free, &one(allocation([0, 1], [0.0, 4.0], [0.0; 2], [8.0, 0.0]))), [""; 0]);
    free.models[0].macs[0] = 0.0;
    assert_eq!(self::broken(&free, &one(allocation([0, 1], [0.0, 4.0], [0.0; 2], [0.0; 2]))), [""; 0]);
}

/// Everything wrong in several slots is told at once.
#[test]
fn violations_are_collected() {
    let (instance, mut solution) = horizon();
    solution.slots[0].local_macs_per_s[1] = 9.0;
    solution.slots[0].bandwidth_hz[0] = 4.0;
    solution.slots[1].cuts[0] = 9;
    assert_eq!(broken(&instance, &solution), ["stability", "device speed", "indices exist"]);
}

/// Shares that sum to less than a rounding too much stand, but what they are worth is known to what there is for certain.
#[test]
fn a_rounding_too_much_is_not_worth_anything() {
    let given = one(allocation([0, 1], [0.0, 4.0], [16.0, 1e-17], [8.0, 1e-17]));
    let (objective, violations) = Lymdo::evaluate(&toy(), &given);
    assert!(violations.is_empty(), "{violations:?}");
    let objective = objective.expect("defined");
    let without = Lymdo::evaluate(&toy(), &one(best())).0.expect("defined");
    assert!(objective.low() <= without.low() && without.high() < objective.high());
    assert!(objective.high() - objective.low() < 1e-13 * objective.high());
}

/// Up to 1e-9 of a capacity, relative, is scaled back, and everything is checked as if that had been given; above that it is a violation.
#[test]
fn a_small_excess_is_scaled_back() {
    let instance = toy();
    let full = allocation([0, 1], [0.0, 8.0], [16.0, 0.0], [8.0, 0.0]);
    let expected = Lymdo::evaluate(&instance, &one(full.clone())).0.expect("defined");
    let (energy, delay) = (outcome(&instance, &full).expect("feasible").energies_j, expected.middle());
    for (excess, stands) in [(1e-15, true), (0.99e-9, true), (1.01e-9, false), (1e-6, false)] {
        let more = 1.0 + excess;
        for (constraint, change) in [
            ("device speed", (|a, more| a.local_macs_per_s[1] *= more) as fn(&mut Allocation, f64)),
            ("bandwidth within capacity", |a, more| a.bandwidth_hz[0] *= more),
            // What nobody needs counts as well.
            ("bandwidth within capacity", |a, more| a.bandwidth_hz[1] = 16.0 * (more - 1.0)),
            ("edge speed within capacity", |a, more| a.edge_macs_per_s[0] *= more),
        ] {
            let mut given = full.clone();
            change(&mut given, more);
            let (objective, violations) = Lymdo::evaluate(&instance, &one(given.clone()));
            if stands {
                assert_eq!(violations, [], "{constraint} {excess}");
                let objective = objective.expect("defined");
                // (Where the excess is nobody's, what is somebody's is scaled too, and falls below what there is.)
                assert!(objective.high() >= expected.low(), "{constraint} {excess}: {objective:?}");
                assert!((objective.middle() - delay).abs() < 1e-8 * delay && objective.low() > 0.0);
                assert!(objective.high() - objective.low() < 1e-13 * delay, "{constraint} {excess}: {objective:?}");
                let outcome = outcome(&instance, &given).expect("feasible");
                assert!(outcome.energies_j.iter().zip(&energy).all(|(a, b)| (a - b).abs() <= 1e-8 * b));
                if constraint == "device speed" {
                    assert_eq!(objective, expected);
                }
            } else {
                let broken: Vec<_> = violations.iter().map(|violation| &violation.constraint[..]).collect();
                assert_eq!(broken, [constraint], "{excess}");
                assert!(outcome(&instance, &given).is_err());
            }
        }
    }
    // What is stable as it is given, and not once it is scaled, is not stable.
    let mut full = toy();
    full.set_edge_speed(2.0);
    let given = allocation([0, 1], [0.0, 4.0], [16.0, 0.0], [2.0 * (1.0 + 0.9e-9), 0.0]);
    assert_eq!(broken(&full, &one(given)), ["stability"]);
}

/// Exponential, with 2^-20 of the edge left: who claims the value of the speeds as they were given is not wrong, and has the objective of the scaled ones.
#[test]
fn a_claim_may_be_of_what_was_given() {
    let speed = 2.0 * (1.0 + 2f64.powi(-20));
    let instance = Instance { service: Service::Exponential, edge_macs_per_s: Some(speed), ..toy() };
    let with = |edge: f64| one(allocation([0, 1], [0.0, 4.0], [16.0, 0.0], [edge, 0.0]));
    let given = with(speed * (1.0 + 1e-10));
    let scaled = objective(&instance, &with(speed));
    let as_given = objective(&Instance { edge_macs_per_s: Some(3.0), ..instance.clone() }, &given);
    assert!(as_given < scaled * (1.0 - 1e-5));
    for (claimed, is_right) in [(scaled, true), (as_given, true), (0.5 * (scaled + as_given), false)] {
        let verdict = check_answer::<Lymdo>(&instance, &Answer::found(given.clone(), claimed), &Tolerance::default());
        assert_eq!(verdict.is_feasible(), is_right, "{claimed}: {verdict:?}");
        let objective = verdict.objective().expect("defined");
        assert!((objective.middle() / scaled - 1.0).abs() < 1e-9 && objective.low() > as_given, "{objective:?}");
    }
}

fn verdict(instance: &Instance, certificate: Certificate, value: f64, stop: Stop) -> crate::Verdict {
    let answer = Answer::<Lymdo>::nothing(stop).certified(value, certificate);
    check_answer::<Lymdo>(instance, &answer, &Tolerance::default())
}

fn single(prices: Vec<Prices>, nodes: Vec<Node>) -> Certificate {
    Certificate { energy_s_per_j: Vec::new(), slots: vec![Tree { prices, nodes }] }
}

const NOTHING: Prices = Prices { bandwidth: 0.0, edge: 0.0 };

/// At b = 16 a hertz less costs (V (1 + h'(1/2)) + Q p) / 32 = (2 2.5 + 1.25)/32 = 25/128; at F = 8 a MAC/s less V 2/64 = 1/16. (The longest stage is
/// the channel, so the edge makes nobody wait.) At these prices sending costs 2.625 + 25/8 + 1/2 and computing 2.75: the root's bound is
/// 5.5 - 25/8 - 1/2. Without prices both computing is 5.5. So a split proves the optimum.
#[test]
fn bounds_are_replayed() {
    let exact = Prices { bandwidth: 25.0 / 128.0, edge: 1.0 / 16.0 };
    let root = single(vec![exact], vec![Node::Priced { prices: 0 }]);
    let value = |certificate: Certificate, value: f64| {
        let verdict = verdict(&toy(), certificate, value, Stop::Completed);
        let Proof::Certified { value } = verdict.proof().clone() else { panic!("{verdict:?}") };
        value
    };
    close(value(root, 5.5 - 29.0 / 8.0), 5.5 - 29.0 / 8.0);
    let split = |cuts: &[u32]| Node::Split { user: 0, cuts: cuts.to_vec(), inside: 1, outside: 2 };
    let leaves = [Node::Priced { prices: 0 }, Node::Priced { prices: 1 }];
    let proof = single(vec![exact, NOTHING], [&[split(&[0])], &leaves[..]].concat());
    close(value(proof.clone(), 5.375), 5.375);
    assert!(value(proof.clone(), 5.375) <= 5.375);
    assert!(matches!(verdict(&toy(), proof, 5.376, Stop::Completed).proof(), Proof::Rejected { .. }));
    // Alone in its leaf, the heavy user has no cut if it must send.
    let heavy = |inside, outside| Node::Split { user: 1, cuts: vec![0], inside, outside };
    let proof = single(
        vec![exact, NOTHING],
        vec![
            heavy(1, 2),
            Node::Empty { prices: 1 },
            Node::Split { user: 0, cuts: vec![0], inside: 3, outside: 4 },
            leaves[0].clone(),
            leaves[1].clone(),
        ],
    );
    close(value(proof, 5.375), 5.375);
}

/// Both slots as one slot with V = 1 and Q = mu. With mu = 1/2 the light user computes at 1 + h'(d) = 2 (1/2) kappa f^3, whatever it is; by the
/// checker's own single slots.
#[test]
fn a_horizon_is_bounded_by_its_slots() {
    let (instance, solution) = horizon();
    let tree = Tree { prices: vec![NOTHING], nodes: vec![Node::Priced { prices: 0 }] };
    let energy_s_per_j = vec![0.5, 0.25];
    let certificate = Certificate { energy_s_per_j: energy_s_per_j.clone(), slots: vec![tree.clone(); 2] };
    let proved = Lymdo::replay(&instance, &certificate).expect("well formed");
    let slots = instance.slots.iter().map(|slot| {
        let mut alone = Instance { v: 1.0, slots: vec![slot.clone()], ..instance.clone() };
        for (user, price) in alone.users.iter_mut().zip(&energy_s_per_j) {
            user.backlog_j = *price;
        }
        Lymdo::replay(&alone, &Certificate { energy_s_per_j: Vec::new(), slots: vec![tree.clone()] })
            .expect("well formed")
    });
    let expected = slots.sum::<f64>() / 2.0 - 0.5 * 0.5 - 0.25 * 1.0;
    close(proved, expected);
    assert!(0.5 < proved && proved < objective(&instance, &solution));
}

#[test]
fn malformed_certificates_are_rejected() {
    let priced = Node::Priced { prices: 0 };
    let split = |inside, outside, cuts: &[u32], user| Node::Split { user, cuts: cuts.to_vec(), inside, outside };
    let rejected = |instance: &Instance, certificate: Certificate| {
        let verdict = verdict(instance, certificate, 0.0, Stop::Completed);
        let Proof::Rejected { violations } = verdict.proof() else { panic!("{verdict:?}") };
        violations[0].at.clone()
    };
    for (prices, nodes, at) in [
        (vec![], vec![], "slots[0].nodes[0]"),
        (vec![], vec![priced.clone()], "slots[0].nodes[0]"),
        (vec![Prices { bandwidth: -1.0, ..NOTHING }], vec![priced.clone()], "slots[0].prices[0]"),
        (vec![Prices { edge: f64::NAN, ..NOTHING }], vec![priced.clone()], "slots[0].prices[0]"),
        (vec![Prices { edge: 1e70, ..NOTHING }], vec![priced.clone()], "slots[0].prices[0]"),
        (vec![NOTHING], vec![split(1, 1, &[0], 0), priced.clone()], "slots[0].nodes[0]"),
        (vec![NOTHING], vec![split(1, 2, &[0], 2), priced.clone(), priced.clone()], "slots[0].nodes[0]"),
        (vec![NOTHING], vec![split(1, 2, &[2], 0), priced.clone(), priced.clone()], "slots[0].nodes[0]"),
        (vec![NOTHING], vec![split(1, 2, &[1, 0], 0), priced.clone(), priced.clone()], "slots[0].nodes[0]"),
        (vec![NOTHING], vec![split(1, 2, &[0, 0], 0), priced.clone(), priced.clone()], "slots[0].nodes[0]"),
        (vec![NOTHING], vec![priced.clone(), priced.clone()], "slots[0].nodes[1]"),
        (vec![NOTHING], vec![split(0, 1, &[0], 0), priced.clone()], "slots[0].nodes[0]"),
        // Prices that prove nothing of emptiness.
        (vec![NOTHING], vec![Node::Empty { prices: 0 }], "slots[0].nodes[0]"),
        (vec![Prices { bandwidth: 1.0, edge: 1.0 }], vec![Node::Empty { prices: 0 }], "slots[0].nodes[0]"),
    ] {
        assert_eq!(rejected(&toy(), single(prices, nodes.clone())), at, "{nodes:?}");
    }
    let tree = Tree { prices: vec![NOTHING], nodes: vec![priced.clone()] };
    let certificate =
        |energy: &[f64], slots| Certificate { energy_s_per_j: energy.to_vec(), slots: vec![tree.clone(); slots] };
    let (horizon, _) = horizon();
    for (instance, certificate, at) in [
        (&toy(), certificate(&[], 0), "a tree per slot"),
        (&toy(), certificate(&[], 2), "a tree per slot"),
        (&toy(), certificate(&[0.0; 2], 1), "a tree per slot"),
        (&horizon, certificate(&[], 2), "a tree per slot"),
        (&horizon, certificate(&[0.0; 2], 1), "a tree per slot"),
        (&horizon, certificate(&[0.0, -0.1], 2), "energy_s_per_j[1]"),
        (&horizon, certificate(&[4.0f64.next_up(), 0.0], 2), "energy_s_per_j[0]"),
        (&horizon, certificate(&[0.0, f64::NAN], 2), "energy_s_per_j[1]"),
    ] {
        let found = rejected(instance, certificate);
        assert!(found.starts_with(at), "{found}, not {at}");
    }
    assert!(Lymdo::replay(&horizon, &certificate(&[4.0, 4.0], 2)).is_ok());
    // A flaw behind a slot without solutions is still one.
    let mut overfull = horizon.clone();
    overfull.slots[0].arrivals_per_s[1] = 100.0;
    let flawed = Tree { prices: Vec::new(), ..tree.clone() };
    let both = Certificate { energy_s_per_j: vec![0.0; 2], slots: vec![tree.clone(), flawed] };
    assert_eq!(rejected(&overfull, both), "slots[1].nodes[0]");
}

#[test]
fn an_instance_without_solutions_is_proved_to_have_none() {
    let leaf = |prices: Prices| single(vec![prices], vec![Node::Empty { prices: 0 }]);
    let proof =
        |instance: &Instance, certificate| verdict(instance, certificate, 0.0, Stop::Infeasible).proof().clone();
    // The heavy user alone is too much for its device: prices do not matter.
    let mut instance = toy();
    instance.slots[0].arrivals_per_s[1] = 4.0;
    assert_eq!(proof(&instance, leaf(NOTHING)), Proof::Infeasible);
    let priced = single(vec![NOTHING], vec![Node::Priced { prices: 0 }]);
    assert_eq!(proof(&instance, priced), Proof::Infeasible);
    // Two that must send: 8 Hz each are not enough, strictly. Neither is the edge's speed with 2 MAC/s each.
    let mut instance = toy();
    instance.users.iter_mut().for_each(|user| (user.model, user.device.speed) = (0, 2.0));
    let bandwidth = Prices { bandwidth: 1.0, edge: 0.0 };
    assert_eq!(proof(&instance, leaf(bandwidth)), Proof::Infeasible);
    assert!(matches!(proof(&instance, leaf(NOTHING)), Proof::Rejected { .. }));
    assert!(matches!(proof(&instance, leaf(Prices { edge: 1.0, ..NOTHING })), Proof::Rejected { .. }));
    instance.bandwidth_hz = 16.0f64.next_up();
    assert!(matches!(proof(&instance, leaf(bandwidth)), Proof::Rejected { .. }));
    instance.set_edge_speed(4.0);
    assert_eq!(proof(&instance, leaf(Prices { edge: 1.0, ..NOTHING })), Proof::Infeasible);
    // So for Shannon, a hair away: s = 48, and b = 16 gives 32 bit/s for one of them.
    let mut instance = toy();
    instance.users.iter_mut().for_each(|user| (user.model, user.device.speed) = (0, 8.0));
    (instance.rate_law, instance.noise_w_per_hz) = (RateLaw::Shannon, 0.25);
    instance.slots[0] = Slot { arrivals_per_s: vec![4.0; 2], gains: vec![12.0; 2] };
    instance.set_edge_speed(100.0);
    instance.bandwidth_hz = 32.0 * (1.0 - 1e-12);
    assert_eq!(proof(&instance, leaf(bandwidth)), Proof::Infeasible);
    instance.bandwidth_hz = 32.0 * (1.0 + 1e-12);
    assert!(matches!(proof(&instance, leaf(bandwidth)), Proof::Rejected { .. }));
    // One slot without a solution is enough.
    let (mut horizon, solution) = horizon();
    horizon.slots[1].arrivals_per_s[1] = 4.0;
    let tree = Tree { prices: vec![NOTHING], nodes: vec![Node::Priced { prices: 0 }] };
    let certificate = Certificate { energy_s_per_j: vec![0.0; 2], slots: vec![tree; 2] };
    assert_eq!(proof(&horizon, certificate), Proof::Infeasible);
    assert_eq!(broken(&horizon, &solution), ["stability"]);
}

/// The least over f, b, F of what a cut costs at some prices, by searches of this test's own; infinite if it is not stable.
struct Oracle<'a> {
    instance: &'a Instance,
    user: &'a User,
    arrivals: f64,
    gain: f64,
    local: f64,
    bits: f64,
    remote: f64,
    prices: Prices,
    v: f64,
    q: f64,
}

impl<'a> Oracle<'a> {
    fn new(instance: &'a Instance, n: usize, cut: usize, prices: Prices) -> Self {
        let user = &instance.users[n];
        let model = &instance.models[user.model as usize];
        Self {
            instance,
            user,
            arrivals: instance.slots[0].arrivals_per_s[n],
            gain: instance.slots[0].gains[n],
            local: instance.device_work(n)[..cut].iter().sum(),
            bits: 8.0 * model.cut_bytes[cut],
            remote: instance.edge_work(n)[cut..].iter().sum(),
            prices,
            v: instance.v,
            q: user.backlog_j,
        }
    }

    fn rate(&self, bandwidth: f64) -> f64 {
        match self.instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => bit_per_s_per_hz * bandwidth,
            RateLaw::Shannon => {
                let snr = self.user.tx_power_w * self.gain / (self.instance.noise_w_per_hz * bandwidth);
                bandwidth * snr.ln_1p() / std::f64::consts::LN_2
            }
        }
    }

    /// Time, and all that a share costs besides its delay.
    fn stages(&self, at: [f64; 3]) -> ([f64; 3], [f64; 3]) {
        let energy = self.q * self.instance.slot_s * self.arrivals;
        let time = |work: f64, speed: f64| if work == 0.0 { 0.0 } else { work / speed };
        let times = [time(self.local, at[0]), time(self.bits, self.rate(at[1])), time(self.remote, at[2])];
        let device = energy * self.user.energy_per_mac_coeff * at[0] * at[0] * self.local;
        let channel = energy * self.user.tx_power_w * times[1] + self.prices.bandwidth * at[1];
        (times, [device, channel, self.prices.edge * at[2]])
    }

    /// The longest a stage may take, with its share: by bisection.
    fn share(&self, stage: usize, time: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.most()[stage]);
        for _ in 0..200 {
            let middle = low + (high - low) / 2.0;
            let mut at = [1.0; 3];
            at[stage] = middle;
            if self.stages(at).0[stage] > time { low = middle } else { high = middle }
        }
        high
    }

    /// How busy the busiest stage is.
    fn busiest(&self, at: [f64; 3]) -> f64 {
        self.arrivals * self.stages(at).0.into_iter().fold(0.0, f64::max)
    }

    fn most(&self) -> [f64; 3] {
        [self.user.device.speed, self.instance.bandwidth_hz, self.instance.edge().speed]
    }

    /// Where it is least, and what it is. Nowhere if it is not stable.
    fn least(&self) -> Option<([f64; 3], f64)> {
        let works = [self.local, self.bits, self.remote];
        let fastest = self.stages(self.most()).0;
        if (0..3).any(|i| works[i] > 0.0 && !(self.arrivals * fastest[i] < 1.0 && fastest[i].is_finite())) {
            return None;
        }
        let has_work = |i: &usize| works[*i] > 0.0;
        let longest = (0..3).filter(has_work).map(|i| fastest[i]).fold(0.0, f64::max);
        let alone = |i: usize, x: f64, wait: &dyn Fn(f64) -> f64| {
            let mut at = [1.0; 3];
            at[i] = x;
            let (times, costs) = self.stages(at);
            self.v * wait(times[i]) + costs[i]
        };
        let at_most = |time: f64, wait: &dyn Fn(f64) -> f64| {
            let mut at = [0.0; 3];
            for i in (0..3).filter(has_work) {
                let low = self.share(i, time);
                at[i] = golden(low, self.most()[i], |x| alone(i, x, wait));
            }
            at
        };
        let exponential = |d: f64| if self.arrivals * d < 1.0 { d / (1.0 - self.arrivals * d) } else { f64::INFINITY };
        let at = match self.instance.service {
            Service::Exponential => {
                at_most(if self.arrivals > 0.0 { 1.0 / self.arrivals } else { f64::INFINITY }, &exponential)
            }
            Service::Deterministic if self.arrivals == 0.0 || longest == 0.0 => at_most(f64::INFINITY, &|d| d),
            Service::Deterministic => {
                let cost = |time: f64| self.cost(at_most(time, &|d| d));
                // Longer than if nobody waited it need not be.
                let free = self.stages(at_most(f64::INFINITY, &|d| d)).0.into_iter().fold(longest, f64::max);
                at_most(golden(longest, free.min(1.0 / self.arrivals), cost), &|d| d)
            }
        };
        Some((at, self.cost(at)))
    }

    fn cost(&self, at: [f64; 3]) -> f64 {
        let works = [self.local, self.bits, self.remote];
        let (times, costs) = self.stages(at);
        let longest = times.into_iter().fold(0.0, f64::max);
        if self.arrivals * longest >= 1.0 {
            return f64::INFINITY;
        }
        let delay: f64 = match self.instance.service {
            Service::Exponential => times.iter().map(|d| d / (1.0 - self.arrivals * d)).sum(),
            Service::Deterministic => {
                times.iter().sum::<f64>() + self.arrivals * longest * longest / (2.0 * (1.0 - self.arrivals * longest))
            }
        };
        self.v * delay + (0..3).filter(|i| works[*i] > 0.0).map(|i| costs[i]).sum::<f64>()
    }
}

/// Where a function that falls and then rises is least: golden section on the logarithm.
fn golden(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let ratio = (5.0f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (low.max(high * 1e-12).ln(), high.ln());
    let (mut x, mut y) = (b - ratio * (b - a), a + ratio * (b - a));
    let (mut fx, mut fy) = (f(x.exp()), f(y.exp()));
    for _ in 0..70 {
        // Where both are infinite there is too little.
        if fx < fy {
            (b, y, fy) = (y, x, fx);
            x = b - ratio * (b - a);
            fx = f(x.exp());
        } else {
            (a, x, fx) = (x, y, fy);
            y = a + ratio * (b - a);
            fy = f(y.exp());
        }
    }
    let ends = [low, a.exp().clamp(low, high), ((a + b) / 2.0).exp().clamp(low, high), high];
    ends.into_iter().filter(|x| *x > 0.0).min_by(|x, y| f(*x).total_cmp(&f(*y))).expect("some")
}

/// What the checker says a cut costs at least: a leaf with that cut alone, of a user alone.
fn proved(instance: &Instance, n: usize, cut: usize, prices: Prices) -> f64 {
    let alone = Instance {
        users: vec![instance.users[n]],
        slots: vec![Slot {
            arrivals_per_s: vec![instance.slots[0].arrivals_per_s[n]],
            gains: vec![instance.slots[0].gains[n]],
        }],
        ..instance.clone()
    };
    let work = WorkOfCuts::new(&alone);
    let work = work.of(&alone.users[0]);
    phi(&alone, work, cut, &prices)
}

/// Prices around those at which shares of what there is would be bought.
fn some_prices(instance: &Instance, stream: &mut Stream) -> Prices {
    let scale = instance.v / instance.users.len() as f64;
    let mut price = |most: f64| if stream.below(6) == 0 { 0.0 } else { scale * stream.log_uniform(1e-4, 1e3) / most };
    Prices { bandwidth: price(instance.bandwidth_hz), edge: price(instance.edge().speed) }
}

/// A bound is no more than what it bounds, and no less by more than 1e-9 of it. Returns what is lost.
fn compare(instance: &Instance, prices: Prices) -> f64 {
    let mut worst = 0.0f64;
    for n in 0..instance.users.len() {
        for cut in 0..=instance.models[instance.users[n].model as usize].blocks() {
            let proved = proved(instance, n, cut, prices);
            match Oracle::new(instance, n, cut, prices).least() {
                None => assert_eq!(proved, f64::INFINITY, "user {n}, cut {cut}"),
                Some((at, least)) => {
                    // Where a stage is nearly full, roundings of speeds, the oracle's as well as ours, count so much more.
                    let busy = Oracle::new(instance, n, cut, prices).busiest(at);
                    let rounding = |of: f64| of.max(2e-5 * of / (1.0 - busy));
                    assert!(
                        proved <= least * (1.0 + rounding(1e-12)),
                        "user {n}, cut {cut}, {prices:?}: {proved} > {least} at {at:?}"
                    );
                    let lost = if least == 0.0 { 0.0 } else { 1.0 - proved / least };
                    assert!(
                        lost < rounding(1e-9),
                        "user {n}, cut {cut}, {prices:?}: {proved} < {least} at {at:?}, {instance:?}"
                    );
                    worst = worst.max(lost);
                }
            }
        }
    }
    worst
}

#[test]
fn bounds_of_generated_users_lose_nothing() {
    let mut stream = Stream::new(&["prices"], 0);
    for family in FAMILIES {
        for (service, rate_law) in [
            (Service::Deterministic, Law::Shannon),
            (Service::Exponential, Law::Shannon),
            (Service::Deterministic, Law::Fixed),
            (Service::Exponential, Law::Fixed),
        ] {
            let parameters = Parameters { service, rate_law, users: 3, blocks: 8, ..Parameters::default() };
            let instance = generate(family.name, &parameters, 7).expect("legal");
            compare(&instance, some_prices(&instance, &mut stream));
        }
    }
}

/// Where Newton's steps land next to a pole, they are short without being near the root.
#[test]
fn bounds_of_a_device_lose_nothing_at_any_price_of_energy() {
    let mut instance = toy();
    for step in 0..2000 {
        instance.users[1].backlog_j = libm::exp10(f64::from(step) / 500.0 - 2.0);
        let (at, least) = Oracle::new(&instance, 1, 1, NOTHING).least().expect("stable");
        let proved = proved(&instance, 1, 1, NOTHING);
        let q = instance.users[1].backlog_j;
        assert!(
            proved <= least * (1.0 + 1e-12) && least - proved < 1e-9 * least,
            "Q = {q}: {proved}, {least} at {at:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bounds_of_small_users_lose_nothing(instance in instances(2, 3, 1), seed in any::<u64>()) {
        compare(&instance, some_prices(&instance, &mut Stream::new(&["prices"], seed)));
    }
}

/// A random tree with random prices.
fn random_tree(instance: &Instance, stream: &mut Stream) -> Tree {
    let prices = (0..3).map(|_| some_prices(instance, stream)).collect();
    let leaf = |stream: &mut Stream| Node::Priced { prices: stream.below(3) as u32 };
    let mut nodes = vec![leaf(stream)];
    while nodes.len() < 9 {
        let at = stream.below(nodes.len() as u64) as usize;
        if matches!(nodes[at], Node::Split { .. }) {
            continue;
        }
        let user = stream.below(instance.users.len() as u64) as u32;
        let blocks = instance.models[instance.users[user as usize].model as usize].blocks() as u32;
        let cuts = (0..=blocks).filter(|_| stream.below(2) == 0).collect();
        let inside = nodes.len() as u32;
        nodes[at] = Node::Split { user, cuts, inside, outside: inside + 1 };
        nodes.push(leaf(stream));
        nodes.push(leaf(stream));
    }
    Tree { prices, nodes }
}

/// What a tree proves, going down with all combinations of cuts to the leaf that each belongs to; infinite if none is stable.
fn brute(instance: &Instance, tree: &Tree) -> f64 {
    let value = |cuts: Vec<u32>| {
        let mut at = 0;
        let prices = loop {
            match &tree.nodes[at] {
                Node::Split { user, cuts: some, inside, outside } => {
                    at = if some.contains(&cuts[*user as usize]) { *inside } else { *outside } as usize;
                }
                Node::Priced { prices } | Node::Empty { prices } => break tree.prices[*prices as usize],
            }
        };
        let all: Option<f64> = cuts
            .iter()
            .enumerate()
            .map(|(n, cut)| Some(Oracle::new(instance, n, *cut as usize, prices).least()?.1))
            .sum();
        Some(all? - prices.bandwidth * instance.bandwidth_hz - prices.edge * instance.edge().speed)
    };
    cuts(instance).filter_map(value).reduce(f64::min).map_or(f64::INFINITY, |least| least.max(0.0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_proves_what_all_combinations_of_cuts_say(instance in instances(2, 2, 1), seed in any::<u64>()) {
        let tree = random_tree(&instance, &mut Stream::new(&["tree"], seed));
        let expected = brute(&instance, &tree);
        let proved = Lymdo::replay(&instance, &Certificate { energy_s_per_j: Vec::new(), slots: vec![tree.clone()] });
        let proved = proved.expect("well formed");
        if expected == f64::INFINITY {
            prop_assert_eq!(proved, expected);
        } else {
            // (What is there to be had may be worth more than what is had; then differences count.)
            let most = tree.prices.iter().map(|p| p.bandwidth * instance.bandwidth_hz + p.edge * instance.edge().speed);
            let slack = 1e-9 * (expected + most.fold(0.0, f64::max));
            prop_assert!((proved - expected).abs() <= slack, "{} {}", proved, expected);
        }
    }

    /// Whatever is allocated and whatever is proved: no objective is below a bound.
    #[test]
    fn no_trajectory_is_better_than_a_bound((instance, solution) in instances(3, 3, 3).prop_flat_map(|instance| {
        let solutions = solutions(&instance);
        (Just(instance), solutions)
    }), seed in any::<u64>()) {
        let mut stream = Stream::new(&["certificate"], seed);
        let slots = instance.slots.iter().map(|_| random_tree(&instance, &mut stream)).collect();
        let energy = instance.users.iter().map(|user| user.overdraft_s_per_j * stream.unit()).collect();
        let energy = if instance.slots.len() == 1 { Vec::new() } else { energy };
        let proved = Lymdo::replay(&instance, &Certificate { energy_s_per_j: energy, slots }).expect("well formed");
        let (objective, violations) = Lymdo::evaluate(&instance, &solution);
        if violations.is_empty() {
            prop_assert!(proved <= objective.expect("defined").low(), "{} {:?}", proved, objective);
        }
    }
}

/// All users are the first one.
fn twins(mut instance: Instance) -> Instance {
    let first = instance.users[0];
    instance.users.fill(first);
    for slot in &mut instance.slots {
        let (arrivals, gain) = (slot.arrivals_per_s[0], slot.gains[0]);
        slot.arrivals_per_s.fill(arrivals);
        slot.gains.fill(gain);
    }
    instance
}

/// Two light users with room for one to send. A split of the second one's cut: if it sends (cut 0), so does the first; if it computes, the first may do
/// either. That both send is proved to be too much by the bandwidth, and nobody needs to look at who of both it is.
#[test]
fn users_that_are_alike_are_taken_in_order() {
    let mut instance = toy();
    instance.users[1] = instance.users[0];
    instance.slots[0].arrivals_per_s = vec![1.0; 2];
    // Needs of 9 Hz each, of 16.
    instance.models[0].cut_bytes[0] *= 9.0 / 8.0;
    let bandwidth = Prices { bandwidth: 1.0, edge: 0.0 };
    let tree = |user: u32| {
        let split = Node::Split { user, cuts: vec![0], inside: 1, outside: 2 };
        single(vec![NOTHING, bandwidth], vec![split, Node::Empty { prices: 1 }, Node::Priced { prices: 0 }])
    };
    let proof = |instance: &Instance, user| verdict(instance, tree(user), 0.0, Stop::Completed).proof().clone();
    assert!(matches!(proof(&instance, 1), Proof::Certified { .. }));
    // That the first one sends says nothing of the second.
    assert!(matches!(proof(&instance, 0), Proof::Rejected { .. }));
    // Whatever tells them apart, the order is no longer one that can be chosen.
    let others: [fn(&mut Instance); 7] = [
        |i| i.users[1].device.speed = i.users[1].device.speed.next_up(),
        |i| i.users[1].energy_per_mac_coeff = i.users[1].energy_per_mac_coeff.next_up(),
        |i| i.users[1].tx_power_w = i.users[1].tx_power_w.next_up(),
        |i| i.users[1].backlog_j = i.users[1].backlog_j.next_up(),
        |i| i.slots[0].arrivals_per_s[1] = i.slots[0].arrivals_per_s[1].next_up(),
        |i| i.slots[0].gains[1] = 1e-9,
        |i| {
            i.models.push(i.models[0].clone());
            i.users[1].model = i.models.len() as u32 - 1;
        },
    ];
    for (at, change) in others.into_iter().enumerate() {
        let mut other = instance.clone();
        change(&mut other);
        assert!(matches!(proof(&other, 1), Proof::Rejected { .. }), "{at}");
    }
    // Budgets do not tell them apart in one slot; on a horizon prices of energy do.
    instance.users[1].energy_budget_j_per_slot *= 2.0;
    assert!(matches!(proof(&instance, 1), Proof::Certified { .. }));
    instance.slots.push(instance.slots[0].clone());
    let on_horizon = |prices: [f64; 2]| {
        let Certificate { slots, .. } = tree(1);
        let slots = [slots.clone(), slots].concat();
        verdict(&instance, Certificate { energy_s_per_j: prices.to_vec(), slots }, 0.0, Stop::Completed)
    };
    assert!(matches!(on_horizon([0.5; 2]).proof(), Proof::Certified { .. }));
    assert!(matches!(on_horizon([0.5, 0.25]).proof(), Proof::Rejected { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the tree: with users that are alike it proves no more than what is least over all cuts, in whatever order.
    #[test]
    fn order_among_users_that_are_alike_loses_nothing(instance in instances(3, 2, 1), seed in any::<u64>()) {
        let instance = twins(instance);
        let mut tree = random_tree(&instance, &mut Stream::new(&["twins"], seed));
        // With one price everywhere a tree proves what its root alone proves, or more where that is infeasible.
        tree.nodes.iter_mut().for_each(|node| {
            if let Node::Priced { prices } = node {
                *prices = 0;
            }
        });
        let root = Tree { prices: tree.prices.clone(), nodes: vec![Node::Priced { prices: 0 }] };
        let replay = |tree: &Tree| {
            let certificate = Certificate { energy_s_per_j: Vec::new(), slots: vec![tree.clone()] };
            Lymdo::replay(&instance, &certificate).expect("well formed")
        };
        prop_assert_eq!(replay(&tree), replay(&root));
    }
}

/// Against arithmetic with ninety digits.
mod exact {
    use offcut_instances::problem::Valid;

    use super::*;

    type Big = dashu_float::FBig<dashu_float::round::mode::HalfAway, 2>;

    fn big(x: f64) -> Big {
        Big::try_from(x).expect("finite").with_precision(300).value()
    }

    /// `b log2(1 + p h / (N0 b))`, with ninety digits of a rate however small.
    fn rate(instance: &Instance, user: &User, gain: f64, bandwidth: f64) -> Big {
        match instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => big(bit_per_s_per_hz) * big(bandwidth),
            RateLaw::Shannon => {
                let snr = big(user.tx_power_w) * big(gain) / (big(instance.noise_w_per_hz) * big(bandwidth));
                big(bandwidth) * snr.ln_1p() / big(2.0).ln()
            }
        }
    }

    /// Delay and energy of user `n` in slot `t`; none if a stage is not stable.
    fn objective_value(instance: &Instance, t: usize, n: usize, cut: usize, at: [f64; 3]) -> Option<(Big, Big)> {
        let (user, slot) = (&instance.users[n], &instance.slots[t]);
        let model = &instance.models[user.model as usize];
        let arrivals = big(slot.arrivals_per_s[n]);
        let sum = |work: &[f64]| work.iter().fold(big(0.0), |sum, work| sum + big(*work));
        let (device, edge) = (instance.device_work(n), instance.edge_work(n));
        let works = [sum(&device[..cut]), big(8.0) * big(model.cut_bytes[cut]), sum(&edge[cut..])];
        let speed = |i: usize| match i {
            1 => rate(instance, user, slot.gains[n], at[1]),
            i => big(at[i]),
        };
        let (mut delay, mut longest, mut sending) = (big(0.0), big(0.0), big(0.0));
        for i in (0..3).filter(|i| works[*i] > big(0.0)) {
            if at[i] == 0.0 || speed(i) <= &arrivals * &works[i] {
                return None;
            }
            let time = &works[i] / speed(i);
            delay += match instance.service {
                Service::Deterministic => time.clone(),
                Service::Exponential => &works[i] / (speed(i) - &arrivals * &works[i]),
            };
            if i == 1 {
                sending = time.clone();
            }
            if time > longest {
                longest = time;
            }
        }
        if instance.service == Service::Deterministic {
            delay += &arrivals * &longest * &longest / (big(2.0) * (big(1.0) - &arrivals * &longest));
        }
        let computing = big(user.energy_per_mac_coeff) * big(at[0]) * big(at[0]) * &works[0];
        let energy = big(instance.slot_s) * arrivals * (computing + big(user.tx_power_w) * sending);
        Some((delay, energy))
    }

    fn objective(instance: &Instance, solution: &Solution) -> Option<Big> {
        let (users, slots) = (instance.users.len(), instance.slots.len());
        let (mut delays, mut energies) = (big(0.0), vec![big(0.0); users]);
        for (t, slot) in solution.slots.iter().enumerate() {
            for (n, total) in energies.iter_mut().enumerate() {
                let at = [slot.local_macs_per_s[n], slot.bandwidth_hz[n], slot.edge_macs_per_s[n]];
                let (delay, energy) = objective_value(instance, t, n, slot.cuts[n] as usize, at)?;
                delays += delay;
                *total += energy;
            }
        }
        let users = || instance.users.iter().zip(&energies);
        if slots == 1 {
            let priced = users().fold(big(0.0), |sum, (user, energy)| sum + big(user.backlog_j) * energy);
            return Some(big(instance.v) * delays + priced);
        }
        let charge = users().fold(big(0.0), |sum, (user, energy)| {
            let over = energy / big(slots as f64) - big(user.energy_budget_j_per_slot);
            if over > big(0.0) { sum + big(user.overdraft_s_per_j) * over } else { sum }
        });
        Some(delays / big(slots as f64) + charge)
    }

    /// Other magnitudes, as if other units were taken, and some numbers on top of that; now and then a stage that is full but for a few roundings.
    fn stretched(mut instance: Instance, stream: &mut Stream) -> Instance {
        let clamp = |value: f64| if value == 0.0 { 0.0 } else { value.clamp(1e-30, 1e30) };
        let mut power = |most: f64| libm::exp10(stream.uniform(-most, most));
        let [second, mac, bit, joule, wild] = [5.0, 6.0, 6.0, 5.0, 4.0].map(&mut power);
        instance.slot_s = clamp(instance.slot_s * second);
        instance.bandwidth_hz = clamp(instance.bandwidth_hz * bit / second);
        // p h / N0 is in units of bandwidth.
        instance.noise_w_per_hz = clamp(instance.noise_w_per_hz * joule / bit * wild);
        instance.set_edge_speed(clamp(instance.edge().speed * mac / second));
        instance.v = clamp(instance.v * joule * joule / second);
        for model in &mut instance.models {
            let work = model.macs.iter_mut().chain(model.work_s.iter_mut().flatten().flatten());
            work.for_each(|work| *work = clamp(*work * mac));
            model.cut_bytes.iter_mut().for_each(|bytes| *bytes = clamp(*bytes * bit));
        }
        for user in &mut instance.users {
            user.device.speed = clamp(user.device.speed * mac / second);
            user.energy_per_mac_coeff = clamp(user.energy_per_mac_coeff * joule / mac / mac / mac * second * second);
            user.tx_power_w = clamp(user.tx_power_w * joule / second);
            user.energy_budget_j_per_slot = clamp(user.energy_budget_j_per_slot * joule);
            user.overdraft_s_per_j = clamp(user.overdraft_s_per_j * second / joule);
            user.backlog_j = clamp(user.backlog_j * joule);
        }
        for slot in &mut instance.slots {
            slot.arrivals_per_s.iter_mut().for_each(|rate| *rate = clamp(*rate / second));
        }
        let n = stream.below(instance.users.len() as u64) as usize;
        let macs: f64 = instance.device_work(n).iter().sum();
        let (user, rate) = (&mut instance.users[n], instance.slots[0].arrivals_per_s[n]);
        if rate * macs > 0.0 && stream.below(3) == 0 {
            let bits = stream.below(8) as f64 - 2.0;
            user.device.speed = clamp(rate * macs * (1.0 + bits * f64::EPSILON));
        }
        instance.validate().expect("legal");
        instance
    }

    fn cases() -> u32 {
        std::env::var("OFFCUT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn objectives_are_enclosed((instance, solution) in instances(2, 3, 3).prop_flat_map(|instance| {
            let solutions = solutions(&instance);
            (Just(instance), solutions)
        })) {
            let truth = objective(&instance, &solution);
            let (enclosed, violations) = Lymdo::evaluate(&instance, &solution);
            let is_stable = violations.iter().all(|violation| violation.constraint != "stability");
            prop_assert_eq!(truth.is_some(), is_stable);
            prop_assert_eq!(truth.is_some(), enclosed.is_some());
            if let (Some(truth), Some(enclosed)) = (truth, enclosed) {
                prop_assert!(big(enclosed.low()) <= truth && truth <= big(enclosed.high()), "{:?}", enclosed);
                prop_assert!(enclosed.high() - enclosed.low() <= 1e-9 * enclosed.high(), "{:?}", enclosed);
            }
        }

        /// At the best point that the oracle finds, what is proved is no more than what it costs there, to the last digit.
        #[test]
        fn bounds_are_below(instance in instances(2, 2, 1), seed in any::<u64>()) {
            let mut stream = Stream::new(&["stretched"], seed);
            let instance = stretched(instance, &mut stream);
            let prices = some_prices(&instance, &mut stream);
            for n in 0..instance.users.len() {
                for cut in 0..=instance.models[instance.users[n].model as usize].blocks() {
                    let Some((at, _)) = Oracle::new(&instance, n, cut, prices).least() else { continue };
                    let Some((delay, energy)) = objective_value(&instance, 0, n, cut, at) else { continue };
                    let shared = big(prices.bandwidth) * big(at[1]) + big(prices.edge) * big(at[2]);
                    let cost = big(instance.v) * delay + big(instance.users[n].backlog_j) * energy + shared;
                    let proved = proved(&instance, n, cut, prices);
                    prop_assert!(proved.is_finite() && big(proved) <= cost, "user {}, cut {}: {} {}", n, cut, proved, cost);
                }
            }
        }
    }
}
