//! Resources are the optimum, responses are least, repairs are right, and every policy's decisions are feasible.

use offcut_instances::document::{Kind, to_bytes};
use offcut_instances::lymdo::{
    Allocation, Decide, FAMILIES, Instance, Model, Origin, Parameters, Policy, Prices, RateLaw, Service, Slot, User,
    generate,
};
use offcut_instances::machine::Machine;
use offcut_instances::problem::{Budget, Setting, Stop};
use offcut_instances::random::Stream;

use super::alternating::{descend, fair};
use super::delay::{Costs, Share};
use super::link::Link;
use super::repair::Needs;
use super::resources::{Plan, allocate};
use super::{Arena, Trained, VERSION, WIDTH, policies, shipped};

const SERVICES: [Service; 2] = [Service::Deterministic, Service::Exponential];
const LAWS: [RateLaw; 2] = [RateLaw::Shannon, RateLaw::Fixed { bit_per_s_per_hz: 2.0 }];

/// A random slot: phones, a cell, an edge server. Some users idle, without backlog, without channel; some cuts without
/// bytes, some blocks without work.
fn slot(stream: &mut Stream, users: usize, blocks: usize, service: Service, rate_law: RateLaw) -> Instance {
    let rarely = |stream: &mut Stream, one_in: u64, value: f64| if stream.below(one_in) == 0 { 0.0 } else { value };
    let models: Vec<Model> = (0..2)
        .map(|_| {
            let macs = (0..blocks).map(|_| {
                let macs = stream.log_uniform(1e7, 1e9);
                rarely(stream, 10, macs)
            });
            let macs = macs.collect();
            let mut cut_bytes: Vec<f64> = (0..blocks)
                .map(|_| {
                    let bytes = stream.log_uniform(1e4, 1e6);
                    rarely(stream, 15, bytes)
                })
                .collect();
            cut_bytes.push(0.0);
            Model::of_macs("chain", macs, cut_bytes)
        })
        .collect();
    let people = (0..users).map(|_| {
        let fastest = stream.log_uniform(2e9, 4e10);
        let backlog = stream.log_uniform(1e-2, 1e2);
        User {
            model: stream.below(2) as u32,
            device: Machine::of_macs(fastest),
            energy_per_mac_coeff: 1e-10 / fastest.powi(2),
            tx_power_w: stream.uniform(0.1, 0.5),
            energy_budget_j_per_slot: stream.log_uniform(0.05, 2.0),
            overdraft_s_per_j: stream.log_uniform(0.1, 10.0),
            backlog_j: rarely(stream, 5, backlog),
        }
    });
    let users_ = people.collect();
    let (mut arrivals_per_s, mut gains) = (Vec::new(), Vec::new());
    for _ in 0..users {
        let (arrivals, gain) = (stream.log_uniform(0.2, 20.0), stream.log_uniform(1e-11, 1e-7));
        arrivals_per_s.push(rarely(stream, 8, arrivals));
        gains.push(rarely(stream, 30, gain));
    }
    Instance {
        origin: Origin::default(),
        service,
        rate_law,
        slot_s: 1.0,
        bandwidth_hz: stream.log_uniform(5e6, 4e7),
        noise_w_per_hz: 4e-21,
        edge_macs_per_s: Some(stream.log_uniform(2e10, 1e12)),
        edge: None,
        machine_kinds: Vec::new(),
        v: stream.log_uniform(0.1, 100.0),
        models,
        users: users_,
        slots: vec![Slot { arrivals_per_s, gains }],
    }
}

/// So many slots of every service and law.
fn slots(label: &str, count: usize, users: usize, blocks: usize) -> impl Iterator<Item = Instance> {
    let mut stream = Stream::new(&["lymdo", "tests", label], 1);
    (0..count).map(move |i| {
        let users = 1 + stream.below(users as u64) as usize;
        let blocks = 1 + stream.below(blocks as u64) as usize;
        slot(&mut stream, users, blocks, SERVICES[i % 2], LAWS[i / 2 % 2])
    })
}

fn is_close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

/// What is wrong with an allocation, straight from the definition; what it costs, and everybody's energy.
fn checked_answer(slot: &Instance, allocation: &Allocation) -> (Vec<String>, f64, Vec<f64>) {
    let mut faults = Vec::new();
    let (mut value, mut energies) = (0.0, Vec::new());
    for (n, user) in slot.users.iter().enumerate() {
        let model = &slot.models[user.model as usize];
        let cut = allocation.cuts[n] as usize;
        let lambda = slot.slots[0].arrivals_per_s[n];
        let (f, b, e) = (allocation.local_macs_per_s[n], allocation.bandwidth_hz[n], allocation.edge_macs_per_s[n]);
        if f > user.device.speed || f < 0.0 || b < 0.0 || e < 0.0 {
            faults.push(format!("user {n}: {f} MAC/s, {b} Hz, {e} MAC/s"));
        }
        let rate = match slot.rate_law {
            RateLaw::Shannon if b > 0.0 => {
                b * (1.0 + user.tx_power_w * slot.slots[0].gains[n] / (slot.noise_w_per_hz * b)).log2()
            }
            RateLaw::Shannon => 0.0,
            RateLaw::Fixed { bit_per_s_per_hz } => bit_per_s_per_hz * b,
        };
        let (local, remote) = (&slot.device_work(n)[..cut], &slot.edge_work(n)[cut..]);
        let works = [(local.iter().sum::<f64>(), f), (8.0 * model.cut_bytes[cut], rate), (remote.iter().sum(), e)];
        let times: Vec<f64> = works.iter().filter(|(work, _)| *work > 0.0).map(|(work, speed)| work / speed).collect();
        if times.iter().any(|time| lambda * time >= 1.0 || !time.is_finite()) {
            faults.push(format!("user {n}: {times:?} s at {lambda} tasks/s"));
        }
        let delay = match slot.service {
            Service::Exponential => times.iter().map(|d| d / (1.0 - lambda * d)).sum::<f64>(),
            Service::Deterministic => {
                let d = times.iter().copied().fold(0.0, f64::max);
                times.iter().sum::<f64>() + lambda * d * d / (2.0 * (1.0 - lambda * d))
            }
        };
        let sending = if works[1].0 > 0.0 { works[1].0 / rate } else { 0.0 };
        let energy =
            slot.slot_s * lambda * (user.energy_per_mac_coeff * f * f * works[0].0 + user.tx_power_w * sending);
        value += slot.v * delay + user.backlog_j * energy;
        energies.push(energy);
    }
    for (name, used, all) in [
        ("bandwidth", &allocation.bandwidth_hz, slot.bandwidth_hz),
        ("edge", &allocation.edge_macs_per_s, slot.edge().speed),
    ] {
        if used.iter().sum::<f64>() > all {
            faults.push(format!("{name}: {} of {all}", used.iter().sum::<f64>()));
        }
    }
    (faults, value, energies)
}

/// Random cuts that can be kept stable, with their best resources.
fn planned(stream: &mut Stream, costs: &Costs) -> Option<(Vec<u32>, Plan)> {
    let needs = Needs::new(costs);
    let cuts: Vec<u32> = (0..costs.users()).map(|n| stream.below(costs.works(n).len() as u64) as u32).collect();
    let cuts = needs.repaired(costs, &cuts).ok()?;
    let plan = allocate(costs, &cuts, None).expect("repaired cuts have resources");
    Some((cuts, plan))
}

/// At its own prices a plan costs what the slot's price bound is: nothing is cheaper with these cuts.
#[test]
fn resources_meet_their_price_bound() {
    let mut stream = Stream::new(&["lymdo", "tests", "price bound"], 2);
    let (mut checked, mut worst) = (0, 0.0f64);
    for slot in slots("resources", 2000, 12, 8) {
        let costs = Costs::new(&slot);
        let Some((cuts, plan)) = planned(&mut stream, &costs) else { continue };
        let at_prices = |n: usize| costs.response(n, costs.work(n, cuts[n]), plan.prices).expect("stable").cost;
        let bound = (0..costs.users()).map(at_prices).sum::<f64>()
            - plan.prices.bandwidth * slot.bandwidth_hz
            - plan.prices.edge * slot.edge().speed;
        let gap = plan.value - bound;
        assert!(gap >= -1e-9 * plan.value && gap <= 1e-7 * plan.value, "gap {gap:e}: {slot:?} {cuts:?} {plan:?}");
        worst = worst.max(gap / plan.value);
        checked += 1;
    }
    println!("{checked} plans, largest gap {worst:e}");
    assert!(checked > 1500, "{checked}");
}

/// No other resources of a user are cheaper at prices, whatever they are.
#[test]
fn responses_are_least() {
    let mut stream = Stream::new(&["lymdo", "tests", "responses"], 3);
    let mut checked = 0;
    for slot in slots("responses", 400, 3, 4) {
        let costs = Costs::new(&slot);
        for n in 0..costs.users() {
            for work in costs.works(n) {
                let prices = Prices {
                    bandwidth: slot.v * stream.log_uniform(1e-12, 1e-5),
                    edge: slot.v * stream.log_uniform(1e-14, 1e-9),
                };
                let Some(response) = costs.response(n, work, prices) else { continue };
                let cost = |share: &Share| {
                    let value = costs.user(n, work, share)?;
                    Some(value + prices.bandwidth * share.bandwidth_hz + prices.edge * share.edge_macs_per_s)
                };
                for trial in 0..60 {
                    // Far away, then near.
                    let spread = if trial < 20 {
                        10.0
                    } else if trial < 40 {
                        1.1
                    } else {
                        1.001
                    };
                    let best = response.share;
                    let mut moved = |x: f64, most: f64| (x * stream.log_uniform(1.0 / spread, spread)).min(most);
                    let share = Share {
                        local_macs_per_s: moved(best.local_macs_per_s, costs.loads[n].max_macs_per_s),
                        bandwidth_hz: moved(best.bandwidth_hz, slot.bandwidth_hz),
                        edge_macs_per_s: moved(best.edge_macs_per_s, slot.edge().speed),
                    };
                    if let Some(cost) = cost(&share) {
                        assert!(
                            cost >= response.cost * (1.0 - 1e-10),
                            "{cost} below {}: {share:?} {best:?} {:?} {work:?} {prices:?} {:?}",
                            response.cost,
                            costs.loads[n],
                            slot.service
                        );
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 50_000, "{checked}");
}

/// The least of a convex function of one variable, by golden section.
fn golden(low: f64, high: f64, steps: usize, f: &mut dyn FnMut(f64) -> f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (low, high);
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_a, mut at_b) = (f(a), f(b));
    for _ in 0..steps {
        if at_a < at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - ratio * (high - low);
            at_a = f(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + ratio * (high - low);
            at_b = f(b);
        }
    }
    at_a.min(at_b)
}

/// Two users, three nested golden sections over what is shared and the devices' speeds, straight from the definition.
#[test]
fn resources_are_what_a_blind_search_finds() {
    let mut stream = Stream::new(&["lymdo", "tests", "blind"], 4);
    let mut checked = 0;
    for (i, service) in SERVICES.into_iter().cycle().take(60).enumerate() {
        let slot = slot(&mut stream, 2, 3, service, LAWS[i / 2 % 2]);
        let costs = Costs::new(&slot);
        let Some((cuts, plan)) = planned(&mut stream, &costs) else { continue };
        let user = |n: usize, bandwidth_hz: f64, edge_macs_per_s: f64| {
            let work = costs.work(n, cuts[n]);
            let value = |local_macs_per_s: f64| {
                let share = Share { local_macs_per_s, bandwidth_hz, edge_macs_per_s };
                costs.user(n, work, &share).unwrap_or(f64::INFINITY)
            };
            let least = costs.loads[n].arrivals_per_s * work.local_macs;
            golden(least, costs.loads[n].max_macs_per_s, 45, &mut |f| value(f))
                .min(value(costs.loads[n].max_macs_per_s))
        };
        // Ends of the ranges: what stability needs, and everything less what it needs of the other.
        let need = |n: usize| costs.need(n, costs.work(n, cuts[n])).expect("stable");
        let (w, e) = (slot.bandwidth_hz, slot.edge().speed);
        let mut with_bandwidth = |b: f64| {
            let mut with_edge = |x: f64| user(0, b, x) + user(1, w - b, e - x);
            let (low, high) = (need(0).edge_macs_per_s, e - need(1).edge_macs_per_s);
            golden(low, high, 45, &mut with_edge).min(with_edge(low)).min(with_edge(high))
        };
        let (low, high) = (need(0).bandwidth_hz, w - need(1).bandwidth_hz);
        let blind = golden(low, high, 45, &mut with_bandwidth).min(with_bandwidth(low)).min(with_bandwidth(high));
        assert!(plan.value <= blind * (1.0 + 1e-9), "{} and blind {blind}: {slot:?} {cuts:?}", plan.value);
        assert!(plan.value >= blind * (1.0 - 1e-5), "{} and blind {blind}: {slot:?} {cuts:?}", plan.value);
        checked += 1;
    }
    assert!(checked > 40, "{checked}");
}

/// Giving some of what one has to another helps nobody.
#[test]
fn no_exchange_helps() {
    let mut stream = Stream::new(&["lymdo", "tests", "exchange"], 5);
    let mut checked = 0;
    for slot in slots("exchange", 300, 6, 6) {
        let costs = Costs::new(&slot);
        let Some((cuts, plan)) = planned(&mut stream, &costs) else { continue };
        for _ in 0..30 {
            let (from, to) = (stream.below(cuts.len() as u64) as usize, stream.below(cuts.len() as u64) as usize);
            let part = stream.log_uniform(1e-6, 1e-1);
            let mut shares = plan.shares.clone();
            if stream.below(2) == 0 {
                let given = part * shares[from].bandwidth_hz;
                shares[from].bandwidth_hz -= given;
                shares[to].bandwidth_hz += given;
            } else {
                let given = part * shares[from].edge_macs_per_s;
                shares[from].edge_macs_per_s -= given;
                shares[to].edge_macs_per_s += given;
            }
            shares[to].local_macs_per_s *= 1.0 - stream.log_uniform(1e-6, 1e-1);
            if let Some(value) = costs.value(&cuts, &shares) {
                assert!(value >= plan.value * (1.0 - 1e-9), "{value} below {}", plan.value);
                checked += 1;
            }
        }
    }
    assert!(checked > 5000, "{checked}");
}

/// Prices to start from change where the search begins, not where it ends.
#[test]
fn starts_do_not_matter() {
    let mut stream = Stream::new(&["lymdo", "tests", "starts"], 6);
    for slot in slots("starts", 200, 8, 6) {
        let costs = Costs::new(&slot);
        let Some((cuts, plan)) = planned(&mut stream, &costs) else { continue };
        for _ in 0..5 {
            let start = Prices {
                bandwidth: plan.prices.bandwidth * stream.log_uniform(1e-6, 1e6),
                edge: plan.prices.edge * stream.log_uniform(1e-6, 1e6),
            };
            let again = allocate(&costs, &cuts, Some(start)).expect("stable");
            assert!(is_close(plan.value, again.value, 1e-9), "{} and {}", plan.value, again.value);
        }
    }
}

#[test]
fn rates_and_bandwidths_are_inverse() {
    let mut stream = Stream::new(&["lymdo", "tests", "link"], 7);
    for _ in 0..20_000 {
        let snr_hz = stream.log_uniform(1e2, 1e15);
        let bandwidth = stream.log_uniform(1.0, 1e9);
        for link in [Link::Shannon { snr_hz }, Link::Fixed { bit_per_s_per_hz: 3.0 }] {
            let rate = link.rate(bandwidth);
            let back = link.bandwidth_for(rate).expect("a rate that there is");
            // Near the limit s/ln 2 the rate hardly tells the bandwidth.
            let flat = link.expanded(bandwidth).slope * bandwidth / rate;
            assert!(is_close(bandwidth, back, 1e-12 / flat.min(1.0)), "{bandwidth} and {back}, {link:?}");
        }
        let limit = snr_hz / std::f64::consts::LN_2;
        assert_eq!(Link::Shannon { snr_hz }.bandwidth_for(limit * 1.000_001), None);
    }
    let link = Link::Shannon { snr_hz: 1e8 };
    for x in [1e-6, 1e-4, 9.99e-4, 1.001e-3, 0.1, 1.0, 100.0] {
        let b = 1e8 / x;
        let (low, high) = (link.expanded(b * (1.0 - 1e-4)), link.expanded(b * (1.0 + 1e-4)));
        let here = link.expanded(b);
        let slope = (high.bit_per_s - low.bit_per_s) / (2e-4 * b);
        let curvature = (high.slope - low.slope) / (2e-4 * b);
        assert!(is_close(here.slope, slope, 1e-6 + 1e-15 / (x * x)), "{} and {slope} at {x}", here.slope);
        assert!(is_close(here.curvature, curvature, 1e-6), "{} and {curvature} at {x}", here.curvature);
    }
}

/// All cuts of all users.
fn products(costs: &Costs) -> Vec<Vec<u32>> {
    let extend = |products: Vec<Vec<u32>>, n: usize| {
        let cuts = 0..costs.works(n).len() as u32;
        products.iter().flat_map(|product| cuts.clone().map(move |cut| [&product[..], &[cut]].concat())).collect()
    };
    (0..costs.users()).fold(vec![Vec::new()], extend)
}

/// A slot with little bandwidth and edge speed.
fn scarce(stream: &mut Stream, slot: &mut Instance) {
    slot.bandwidth_hz *= stream.log_uniform(0.01, 1.0);
    slot.set_edge_speed(slot.edge().speed * stream.log_uniform(0.001, 0.3));
}

/// Repaired cuts fit, what is called infeasible has no cuts that fit, and hardly ever is something missed.
#[test]
fn repairs_are_right() {
    let mut stream = Stream::new(&["lymdo", "tests", "repair"], 8);
    let (mut repaired, mut infeasible, mut missed) = (0, 0, 0);
    for mut slot in slots("repair", 1500, 4, 4) {
        scarce(&mut stream, &mut slot);
        let costs = Costs::new(&slot);
        let needs = Needs::new(&costs);
        let cuts: Vec<u32> = (0..costs.users()).map(|n| stream.below(costs.works(n).len() as u64) as u32).collect();
        let found = needs.repaired(&costs, &cuts);
        let exists = products(&costs).iter().any(|cuts| needs.fit(&costs, cuts));
        match found {
            Ok(found) => {
                assert!(needs.fit(&costs, &found));
                assert!(allocate(&costs, &found, None).is_some());
                repaired += usize::from(found != cuts);
            }
            Err(Stop::Infeasible) => {
                assert!(!exists, "{slot:?}");
                infeasible += 1;
            }
            Err(Stop::Failed(_)) => missed += usize::from(exists),
            Err(stop) => panic!("{stop:?}"),
        }
    }
    println!("{repaired} repaired, {infeasible} infeasible, {missed} missed");
    assert!(repaired > 300 && infeasible > 50 && missed <= 5, "{repaired} {infeasible} {missed}");
}

/// No step of `alternating` makes a slot dearer; on small slots it is near the best of all cuts.
#[test]
fn alternating_never_makes_it_worse() {
    let mut stream = Stream::new(&["lymdo", "tests", "alternating"], 9);
    let (mut sum, mut count) = (0.0, 0);
    for slot in slots("alternating", 300, 4, 3) {
        let costs = Costs::new(&slot);
        let needs = Needs::new(&costs);
        let Some((cuts, plan)) = planned(&mut stream, &costs) else { continue };
        let value = plan.value;
        let (better, plan) = descend(&costs, &needs, cuts.clone(), plan);
        assert!(plan.value <= value && (plan.value < value || better == cuts));
        let policy = policy("alternating", &[]);
        let allocation = policy.begin(&Budget::default()).decide(&slot).expect("feasible");
        let found = checked_answer(&slot, &allocation).1;
        let all = products(&costs);
        let best = all.iter().filter_map(|cuts| Some(allocate(&costs, cuts, None)?.value)).min_by(f64::total_cmp);
        let best = best.expect("somebody found one");
        assert!(found >= best * (1.0 - 1e-7), "{found} below {best}");
        for start in super::alternating::starts(&costs, None) {
            let start = needs.repaired(&costs, &start).expect("there are cuts that fit");
            let value = allocate(&costs, &start, None).expect("they fit").value;
            assert!(found <= value * (1.0 + 1e-7), "{found} above its start's {value}");
        }
        sum += if best > 0.0 { found / best - 1.0 } else { found };
        count += 1;
    }
    println!("{count} slots, mean gap {:.4} %", sum / f64::from(count) * 100.0);
    assert!(count > 200 && sum / f64::from(count) < 0.01, "{count}, {sum}");
}

fn policy(id: &str, settings: &[(&str, f64)]) -> Box<dyn Policy> {
    let mut policy = policies().into_iter().find(|policy| policy.id() == id).expect("known");
    for (name, value) in settings {
        let setting = Setting::new(id, &policy.parameters(), name, *value).expect("a parameter");
        policy.set(&setting);
    }
    policy
}

/// Every policy on hundreds of slots: what it decides is feasible, and what it does not decide has a reason that is
/// true.
#[test]
fn every_policy_is_feasible_or_says_why_not() {
    for policy in policies() {
        let mut stream = Stream::new(&["lymdo", "tests", "policies"], 10);
        let is_constant = ["local-only", "edge-only"].contains(&policy.id());
        let (mut decided, mut infeasible, mut failed) = (0, 0, 0);
        for mut slot in slots("policies", 400, 8, 6) {
            if stream.below(3) == 0 {
                scarce(&mut stream, &mut slot);
            }
            let costs = Costs::new(&slot);
            match policy.begin(&Budget::default()).decide(&slot) {
                Ok(allocation) => {
                    let (faults, value, _) = checked_answer(&slot, &allocation);
                    assert_eq!(faults, Vec::<String>::new(), "{}", policy.id());
                    let shares: Vec<Share> = (0..slot.users.len())
                        .map(|n| Share {
                            local_macs_per_s: allocation.local_macs_per_s[n],
                            bandwidth_hz: allocation.bandwidth_hz[n],
                            edge_macs_per_s: allocation.edge_macs_per_s[n],
                        })
                        .collect();
                    let own = costs.value(&allocation.cuts, &shares).expect("stable");
                    assert!(is_close(own, value, 1e-6), "{}: {own} and {value}", policy.id());
                    decided += 1;
                }
                Err(Stop::Infeasible) => {
                    let found = Needs::new(&costs).repaired(&costs, &fair(&costs));
                    assert_eq!(found, Err(Stop::Infeasible), "{}", policy.id());
                    infeasible += 1;
                }
                Err(Stop::Declined(_)) if is_constant => {}
                Err(Stop::Failed(_)) => failed += 1,
                Err(stop) => panic!("{}: {stop:?}", policy.id()),
            }
        }
        println!("{}: {decided} decided, {infeasible} infeasible, {failed} failed", policy.id());
        let (least, most) = if is_constant { (100, 0) } else { (300, 4) };
        assert!(decided > least && failed <= most, "{}", policy.id());
    }
}

/// Who cannot do what a constant policy asks is named.
#[test]
fn constant_policies_decline_what_they_cannot_do() {
    let mut stream = Stream::new(&["lymdo", "tests", "constant"], 11);
    let mut slot = slot(&mut stream, 2, 3, Service::Deterministic, RateLaw::Shannon);
    slot.slots[0].arrivals_per_s = vec![1.0, 1.0];
    slot.slots[0].gains = vec![1e-8, 1e-8];
    slot.users.iter_mut().for_each(|user| user.device.speed = 1e12);
    let reason = |run: &mut dyn Decide, slot: &Instance| match run.decide(slot) {
        Err(Stop::Declined(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let mut local = policy("local-only", &[]).begin(&Budget::default());
    let mut edge = policy("edge-only", &[]).begin(&Budget::default());
    assert!(local.decide(&slot).is_ok() && edge.decide(&slot).is_ok());
    slot.users[1].device.speed = 1.0;
    slot.slots[0].gains[1] = 0.0;
    assert_eq!(reason(&mut *local, &slot), "user 1 is too slow to compute everything");
    let why = reason(&mut *edge, &slot);
    assert_eq!(why, "user 1 cannot send its input fast enough, or the edge is too slow for it");
}

/// `myopic` keeps a budget wherever that costs less than the charge: one user, against a search over cuts and speeds.
#[test]
fn myopic_minimises_the_slot_as_its_own_horizon() {
    let mut stream = Stream::new(&["lymdo", "tests", "myopic"], 12);
    let (mut kept, mut charged) = (0, 0);
    for i in 0..60 {
        let mut slot = slot(&mut stream, 1, 4, SERVICES[i % 2], LAWS[i / 2 % 2]);
        // Small charges, so that some are worth paying.
        slot.users[0].overdraft_s_per_j *= stream.log_uniform(1e-3, 1.0);
        let Ok(allocation) = policy("myopic", &[]).begin(&Budget::default()).decide(&slot) else { continue };
        let user = &slot.users[0];
        let horizon = |allocation: &Allocation| {
            let (faults, _, energies) = checked_answer(&Instance { v: 1.0, ..slot.clone() }, allocation);
            let zero = User { backlog_j: 0.0, ..*user };
            let delay = checked_answer(&Instance { v: 1.0, users: vec![zero], ..slot.clone() }, allocation).1;
            let over = (energies[0] - user.energy_budget_j_per_slot).max(0.0);
            faults.is_empty().then_some((delay + user.overdraft_s_per_j * over, energies[0]))
        };
        let (found, energy) = horizon(&allocation).expect("feasible");
        let mut best = f64::INFINITY;
        for cut in 0..=slot.models[user.model as usize].blocks() as u32 {
            for step in 1..=4000 {
                let other = Allocation {
                    cuts: vec![cut],
                    local_macs_per_s: vec![user.device.speed * f64::from(step) / 4000.0],
                    bandwidth_hz: vec![slot.bandwidth_hz],
                    edge_macs_per_s: vec![slot.edge().speed],
                };
                best = best.min(horizon(&other).map_or(f64::INFINITY, |(value, _)| value));
            }
        }
        assert!(found <= best * (1.0 + 1e-3), "{found}, best {best}");
        assert!(found >= best * (1.0 - 1e-2), "{found}, best {best}");
        if energy <= user.energy_budget_j_per_slot * 1.001 { kept += 1 } else { charged += 1 }
    }
    println!("{kept} kept, {charged} charged");
    assert!(kept > 20 && charged > 3, "{kept} {charged}");
}

/// What a slot costs as its own horizon; none if something is not stable or beyond what there is.
fn own_horizon(slot: &Instance, allocation: &Allocation) -> Option<f64> {
    let idle = slot.users.iter().map(|user| User { backlog_j: 0.0, ..*user }).collect();
    let (faults, delay, energies) = checked_answer(&Instance { v: 1.0, users: idle, ..slot.clone() }, allocation);
    let over = slot
        .users
        .iter()
        .zip(energies)
        .map(|(user, energy)| user.overdraft_s_per_j * (energy - user.energy_budget_j_per_slot).max(0.0));
    faults.is_empty().then(|| delay + over.sum::<f64>())
}

/// The least that a slot of one or two users costs as its own horizon: for every combination of cuts the most over charges, by golden section, of
/// what is convex for fixed charges.
fn least_own_horizon(slot: &Instance) -> f64 {
    let mut costs = Costs::new(slot);
    costs.loads.iter_mut().for_each(|load| load.delay_weight = 1.0);
    let mut best = f64::INFINITY;
    for cuts in products(&costs) {
        if allocate(&costs, &cuts, None).is_none() {
            continue;
        }
        let mut value = |charges: [f64; 2]| {
            let mut budgets = 0.0;
            for (load, charge) in costs.loads.iter_mut().zip(charges) {
                load.energy_weight = charge;
                budgets += charge * load.budget_j;
            }
            allocate(&costs, &cuts, None).map_or(f64::INFINITY, |plan| plan.value - budgets)
        };
        let most = |n: usize| slot.users.get(n).map_or(0.0, |user| user.overdraft_s_per_j);
        let inner = |first: f64, value: &mut dyn FnMut([f64; 2]) -> f64| match most(1) > 0.0 {
            true => -golden_log(most(1), 24, &mut |second| -value([first, second])),
            false => value([first, 0.0]),
        };
        best = best.min(-golden_log(most(0), 24, &mut |first| -inner(first, &mut value)));
    }
    best
}

/// The least of a convex function between 0 and `most`, whatever its scale.
fn golden_log(most: f64, steps: usize, f: &mut dyn FnMut(f64) -> f64) -> f64 {
    let ends = f(0.0).min(f(most));
    ends.min(golden((1e-6 * most).ln(), most.ln(), steps, &mut |at| f(at.exp())))
}

/// One or two users against every combination of cuts, slot by slot. (Where all users moved at once, to and fro, 1 slot in 40 cost up to 48 % more.)
#[test]
fn myopic_finds_the_best_cuts_of_few_users() {
    let mut stream = Stream::new(&["lymdo", "tests", "myopic few"], 12);
    let mut checked = 0;
    for i in 0..200 {
        let slot = slot(&mut stream, 1 + i % 2, 2, SERVICES[i / 2 % 2], LAWS[i / 4 % 2]);
        let Ok(allocation) = policy("myopic", &[]).begin(&Budget::default()).decide(&slot) else { continue };
        let found = own_horizon(&slot, &allocation).expect("feasible");
        let best = least_own_horizon(&slot);
        assert!(found <= best * (1.0 + 1e-4), "{i}: {found}, best {best}");
        assert!(found >= best * (1.0 - 1e-3), "{i}: {found}, best {best}");
        checked += 1;
    }
    assert!(checked >= 150, "{checked}");
}

/// Same seed, same cuts; another seed, others.
#[test]
fn random_is_seeded() {
    let slot = slots("seeds", 1, 8, 8).next().expect("one");
    let cuts = |seed: u64| {
        let budget = Budget { seed, ..Budget::default() };
        policy("random", &[]).begin(&budget).decide(&slot).expect("feasible").cuts
    };
    assert_eq!(cuts(1), cuts(1));
    assert!((2..20).any(|seed| cuts(seed) != cuts(1)));
}

#[test]
fn fewer_starts_are_never_better() {
    let slot = slots("parameters", 1, 8, 8).next().expect("one");
    let value = |starts: f64| {
        let decided = policy("alternating", &[("starts", starts)]).begin(&Budget::default()).decide(&slot);
        checked_answer(&slot, &decided.expect("feasible")).1
    };
    assert!(value(3.0) <= value(1.0));
}

/// What a policy makes of a horizon: mean delay of all users, and everybody's mean energy. The queues follow their
/// recursion.
fn rolled_out(policy: &dyn Policy, instance: &Instance) -> Result<(f64, Vec<f64>), Stop> {
    let mut run = policy.begin(&Budget::default());
    let mut slot = Instance { slots: Vec::new(), ..instance.clone() };
    let (mut delay, mut energy) = (0.0, vec![0.0; instance.users.len()]);
    let slots = instance.slots.len() as f64;
    for now in &instance.slots {
        slot.slots = vec![now.clone()];
        let allocation = run.decide(&slot)?;
        let (faults, value, energies) = checked_answer(&slot, &allocation);
        assert_eq!(faults, Vec::<String>::new(), "{}", policy.id());
        let drift: f64 = slot.users.iter().zip(&energies).map(|(user, energy)| user.backlog_j * energy).sum();
        delay += (value - drift) / slot.v / slots;
        for ((user, energy_j), sum) in slot.users.iter_mut().zip(energies).zip(&mut energy) {
            user.backlog_j = (user.backlog_j + energy_j - user.energy_budget_j_per_slot).max(0.0);
            *sum += energy_j / slots;
        }
    }
    Ok((delay, energy))
}

/// Over a horizon queues do better than every slot on its own, and keep the budgets in the long run.
#[test]
fn queues_beat_slots_on_their_own() {
    for family in ["rayleigh", "markov"] {
        let parameters = Parameters { slots: 400, v: 20.0, ..Parameters::default() };
        let instance = generate(family, &parameters, 1).expect("legal");
        let told = |id: &str| {
            let (delay, energy) = rolled_out(&*policy(id, &[]), &instance).expect("feasible");
            let over = |(user, energy): (&User, f64)| energy / user.energy_budget_j_per_slot - 1.0;
            let over = instance.users.iter().zip(energy).map(over).fold(f64::NEG_INFINITY, f64::max);
            println!("{family} {id}: {delay:.4} s, at most {:.2} % over budget", 100.0 * over);
            (delay, over)
        };
        let ((queues, over), (alone, alone_over)) = (told("alternating"), told("myopic"));
        let (random, random_over) = told("random");
        assert!(queues < alone && queues < random, "{family}: {queues} with queues, {alone} without");
        assert!(over < 0.06 && alone_over < 1e-3 && random_over > over, "{family}: {over} and {alone_over} over");
    }
}

/// What training began as is no better than chance, and nothing but 0 and 1 says whether it happened.
#[test]
fn untrained_is_what_training_began_as() {
    let untrained = policy("lymdo", &[("trained", 0.0)]);
    let (mut dearer, count) = (0.0, 20);
    for seed in 0..count {
        let slot = generate("rayleigh", &Parameters::default(), 2_000_000 + seed).expect("legal");
        let value = |policy: &dyn Policy| {
            let decided = policy.begin(&Budget::default()).decide(&slot).expect("stable");
            checked_answer(&slot, &decided).1
        };
        dearer += value(&*untrained) / value(&*policy("lymdo", &[("trained", 1.0)])) - 1.0;
    }
    assert!(dearer > 0.5 * count as f64, "{}", dearer / count as f64);
}

/// The learned policy on slots of all families, none of which it was trained on: far better than random, near
/// `alternating`.
#[test]
fn the_learned_policy_is_near_alternating() {
    for (family, users) in FAMILIES.iter().flat_map(|family| [(family.name, 3), (family.name, 15)]) {
        let share = f64::from(users) / 5.0;
        let (bandwidth_hz, edge_macs_per_s) = (1e7 * share, 5e11 * share);
        let parameters = Parameters { users, bandwidth_hz, edge_macs_per_s, ..Parameters::default() };
        let mut sums = [0.0; 3];
        let mut count = 0.0;
        for seed in 0..20 {
            let slot = generate(family, &parameters, 2_000_000 + seed).expect("legal");
            let value = |id: &str| {
                let allocation = policy(id, &[]).begin(&Budget::default()).decide(&slot)?;
                Ok(checked_answer(&slot, &allocation).1)
            };
            let values: Result<Vec<f64>, Stop> = ["lymdo", "random", "alternating"].map(value).into_iter().collect();
            let Ok(values) = values else { continue };
            sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value / values[2] - 1.0);
            count += 1.0;
        }
        let [learned, random, _] = sums.map(|sum| sum / count);
        println!("{family}, {users} users: lymdo {:+.2} %, random {:+.1} %", 100.0 * learned, 100.0 * random);
        assert!(count >= 18.0 && learned < 0.05 && learned < 0.1 * random, "{family}: {learned} and {random}");
    }
}

/// What the network sees is finite and within bounds, whatever the slot; and it says which cuts can be chosen.
#[test]
fn what_is_seen_is_within_bounds() {
    let mut seen_closed = 0;
    for slot in slots("seen", 400, 8, 6) {
        let Ok(arena) = Arena::new(&slot, None) else { continue };
        let seen = arena.features();
        assert_eq!(seen.rows.dim(), (seen.is_open.len(), WIDTH));
        assert!(seen.rows.iter().all(|x| x.abs() <= 4.0), "{slot:?}");
        let costs = Costs::new(&slot);
        for n in 0..costs.users() {
            assert_eq!(seen.begins[n + 1] - seen.begins[n], costs.works(n).len());
            for (m, work) in costs.works(n).iter().enumerate() {
                assert_eq!(seen.is_open[seen.begins[n] + m], costs.need(n, work).is_some());
                seen_closed += usize::from(costs.need(n, work).is_none());
            }
        }
    }
    assert!(seen_closed > 100, "{seen_closed}");
}

/// A document with other shapes is rejected with its place.
#[test]
fn policies_are_read_strictly() {
    let bytes = |trained: &Trained| to_bytes(Kind::Policy, "lymdo", VERSION, trained);
    let good = shipped();
    assert_eq!(Trained::parse(&bytes(&good)).expect("good"), good);
    let mut narrow = good.clone();
    narrow.layers[1].weights[3].pop();
    let error = Trained::parse(&bytes(&narrow)).expect_err("a row too short").to_string();
    assert!(error.contains("body.layers[1]"), "{error}");
    let mut wide = good.clone();
    wide.layers.pop();
    assert!(Trained::parse(&bytes(&wide)).expect_err("many outputs").to_string().contains("outputs, not one"));
    let text = String::from_utf8(bytes(&good)).expect("text").replacen("\"seed\"", "\"sead\"", 1);
    assert!(Trained::parse(text.as_bytes()).is_err());
    assert!(good.training.width().is_ok());
    for width in [None, Some(0.0), Some(2.5), Some(-3.0), Some(1e9), Some(f64::NAN)] {
        let mut training = good.training.clone();
        training.settings.remove("width");
        training.settings.extend(width.map(|width| ("width".to_owned(), width)));
        let error = training.width().expect_err("no width").to_string();
        assert!(error.contains("settings.width") && error.contains("whole number"), "{error}");
    }
}
