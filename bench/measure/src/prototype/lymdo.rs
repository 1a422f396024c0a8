//! Routes of `lymdo`: in a slot, tasks of a user arrive as a Poisson process and pass through its device, its share of the channel, and its share of the edge; each is a queue.
//!
//! Slots are run one after the other, each as long as it takes to see a mean: what a slot's allocation gives if it lasted. A user without arrivals is not run.

use anyhow::{Context, Result, ensure};
use offcut_checker::lymdo::outcome;
use offcut_instances::lymdo::{Allocation, Instance, RateLaw, Slot, Solution};
use offcut_instances::machine::Machine;
use offcut_instances::prototype::Objective;

use super::answer::SAME;
use super::networks::{Source, Sources, chain_ends};
use super::plan::{Arrivals, Link, Plan, Route, Side, Stage};

/// So many slots are run if nobody says which.
const SLOTS: usize = 4;

/// What the solution asks for in the given slots, or in some evenly spread ones. Every predicted delay is held to the checker's.
///
/// # Errors
/// If there is no such slot, a model is no network that can be run, no task arrives, or a delay is not that of the checker.
pub fn plan(instance: &Instance, solution: &Solution, sources: &Sources, slots: Option<&[usize]>) -> Result<Plan> {
    let slots = chosen(slots, instance.slots.len())?;
    let found = instance.models.iter().map(|model| {
        let source = sources.named(&model.name)?;
        let ends = chain_ends(model, &source.graph.chain())?;
        Ok((source, ends))
    });
    let found: Vec<(Source, Vec<usize>)> = found.collect::<Result<_>>()?;
    let total = |work: &Option<Vec<f64>>| work.as_ref().map(|work| work.iter().sum());
    let networks = found.iter().zip(&instance.models);
    let networks =
        networks.map(|((source, _), model)| source.whole(model.work_s.iter().map(total).collect())).collect();
    let users = instance.users.len();
    let mut places: Vec<String> = (0..users).map(|n| format!("device of user {n}")).collect();
    places.push("edge".into());
    let mut routes = Vec::new();
    for (period, &t) in slots.iter().enumerate() {
        let allocation = scaled(instance, &solution.slots[t]);
        let of_slot = (0..users).filter(|&n| instance.slots[t].arrivals_per_s[n] > 0.0).map(|n| {
            let (source, ends) = &found[instance.users[n].model as usize];
            let mut route = route(instance, &instance.slots[t], &allocation, n, (source, ends));
            route.name = format!("slot {t}, user {n}");
            route.weight = 1.0 / slots.len() as f64;
            route.arrivals = route.arrivals.map(|arrivals| Arrivals { period, ..arrivals });
            (n, route)
        });
        let of_slot: Vec<(usize, Route)> = of_slot.collect();
        check(instance, t, &solution.slots[t], &of_slot)?;
        routes.extend(of_slot.into_iter().map(|(_, route)| route));
    }
    ensure!(!routes.is_empty(), "no task arrives in the slots {slots:?}: give others, --slots");
    Ok(Plan {
        problem: "lymdo",
        instance: instance.origin.name.clone(),
        kinds: instance.machine_kinds.iter().map(|kind| kind.name.clone()).collect(),
        places,
        networks,
        routes,
        objective: Objective::Sum,
        periods: slots.len(),
    })
}

/// The slots to run, in their order.
fn chosen(given: Option<&[usize]>, count: usize) -> Result<Vec<usize>> {
    let Some(given) = given else {
        let some = SLOTS.min(count);
        return Ok((0..some).map(|k| k * (count - 1) / (some - 1).max(1)).collect());
    };
    let mut slots = given.to_vec();
    slots.sort_unstable();
    slots.dedup();
    ensure!(!slots.is_empty(), "--slots: give at least one slot");
    if let Some(t) = slots.iter().find(|t| **t >= count) {
        anyhow::bail!("--slots {t}: the instance has {count} slots, counted from 0");
    }
    Ok(slots)
}

/// The allocation with shares scaled back into capacities, as the checker takes them.
fn scaled(instance: &Instance, allocation: &Allocation) -> Allocation {
    let within = |shares: &[f64], most: f64| {
        let factor = (most / shares.iter().sum::<f64>()).min(1.0);
        shares.iter().map(|share| share * factor).collect()
    };
    let speeds = allocation.local_macs_per_s.iter().zip(&instance.users);
    Allocation {
        cuts: allocation.cuts.clone(),
        local_macs_per_s: speeds.map(|(speed, user)| speed.min(user.device.speed)).collect(),
        bandwidth_hz: within(&allocation.bandwidth_hz, instance.bandwidth_hz),
        edge_macs_per_s: within(&allocation.edge_macs_per_s, instance.edge().speed),
    }
}

/// The route of user `n` in a slot; the edge is the place after all devices. Block b of its model ends before layer `ends[b]` of its network.
fn route(
    instance: &Instance,
    slot: &Slot,
    allocation: &Allocation,
    n: usize,
    (source, ends): (&Source, &[usize]),
) -> Route {
    let user = &instance.users[n];
    let model = &instance.models[user.model as usize];
    let (cut, layers) = (allocation.cuts[n] as usize, source.graph.layers().len());
    // What comes before the first block is the input.
    let on_device = if cut == 0 { source.graph.chain().device_layers(0).end } else { ends[cut - 1] };
    let stage = |place, side, layers: std::ops::Range<usize>, machine: Machine, work: &[f64], macs: &[f64]| {
        let work: f64 = work.iter().sum();
        // Without work a share may be 0, which is no speed.
        let speed = if work > 0.0 { machine.speed } else { 1.0 };
        Stage {
            place,
            side,
            layers: layers.map(|v| v as u32).collect(),
            machine: Machine { speed, ..machine },
            work,
            macs: (!model.macs.is_empty()).then(|| macs.iter().sum()),
        }
    };
    let (before, after) = if model.macs.is_empty() { (&[][..], &[][..]) } else { model.macs.split_at(cut) };
    let device = Machine { speed: allocation.local_macs_per_s[n], ..user.device };
    let work = &instance.device_work(n)[..cut];
    let mut stages = vec![stage(n, Side::Device, 0..on_device, device, work, before)];
    let mut links = Vec::new();
    if cut < model.blocks() {
        let edge = Machine { speed: allocation.edge_macs_per_s[n], ..instance.edge() };
        let work = &instance.edge_work(n)[cut..];
        stages.push(stage(instance.users.len(), Side::Server, on_device..layers, edge, work, after));
        let bandwidth = allocation.bandwidth_hz[n];
        let bit_per_s = match instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => bandwidth * bit_per_s_per_hz,
            RateLaw::Shannon => {
                let ratio = user.tx_power_w * slot.gains[n] / (instance.noise_w_per_hz * bandwidth);
                bandwidth * ratio.ln_1p() / std::f64::consts::LN_2
            }
        };
        let bytes = model.cut_bytes[cut];
        let s_per_byte = if bytes > 0.0 { 8.0 / bit_per_s } else { 0.0 };
        links.push(Some(Link { fixed_s: 0.0, s_per_byte, bytes, queues: true }));
    }
    let rate_per_s = slot.arrivals_per_s[n];
    Route {
        name: String::new(),
        network: user.model as usize,
        cut: format!("{cut} of {}", model.blocks()),
        stages,
        links,
        arrivals: Some(Arrivals { rate_per_s, service: instance.service, period: 0 }),
        weight: 1.0,
        deadline_s: None,
    }
}

/// Holds the delays of a slot to the checker's. `routes` have their users.
fn check(instance: &Instance, t: usize, allocation: &Allocation, routes: &[(usize, Route)]) -> Result<()> {
    let alone = Instance { slots: vec![instance.slots[t].clone()], ..instance.without_slots() };
    let outcome = outcome(&alone, allocation).ok().context("the checker finds no delays")?;
    for (n, route) in routes {
        let (delay_s, predicted_s) = (outcome.delays_s[*n], route.predicted().total_s());
        ensure!(
            (delay_s - predicted_s).abs() <= SAME * delay_s,
            "{}: predicted {predicted_s} s, and the checker says {delay_s} s: this is a mistake in Offcut",
            route.name
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use offcut_instances::lymdo::{Parameters, Service, generate};
    use offcut_instances::measured::Work;
    use offcut_instances::random::Stream;

    use super::*;

    /// Random cuts and equal shares: a plan is made only if it predicts what the checker says.
    #[test]
    fn predictions_are_the_checkers() {
        let sources = Sources::new(&[]).expect("the zoo");
        let mut run = 0;
        for seed in 0..48 {
            let service = [Service::Deterministic, Service::Exponential][seed as usize % 2];
            let work = [Work::Macs, Work::Seconds][seed as usize / 2 % 2];
            let rate_law =
                [offcut_instances::lymdo::Law::Shannon, offcut_instances::lymdo::Law::Fixed][seed as usize / 4 % 2];
            let blocks = [4, 1000][seed as usize / 8 % 2];
            let parameters = Parameters {
                users: 3,
                slots: 5,
                arrivals_per_s: 0.2,
                bandwidth_hz: 1e8,
                service,
                work,
                rate_law,
                blocks,
                ..Parameters::default()
            };
            let instance = generate("rayleigh", &parameters, seed).expect("legal");
            let mut stream = Stream::new(&["test"], seed);
            let slots = instance.slots.iter().map(|_| Allocation {
                cuts: instance
                    .users
                    .iter()
                    .map(|user| stream.below(instance.models[user.model as usize].blocks() as u64 + 1) as u32)
                    .collect(),
                local_macs_per_s: instance.users.iter().map(|user| user.device.speed).collect(),
                bandwidth_hz: vec![instance.bandwidth_hz / 3.0; 3],
                edge_macs_per_s: vec![instance.edge().speed / 3.0; 3],
            });
            let solution = Solution { slots: slots.collect() };
            let is_stable = |t: usize| {
                let alone = Instance { slots: vec![instance.slots[t].clone()], ..instance.without_slots() };
                outcome(&alone, &solution.slots[t]).is_ok()
            };
            let stable: Vec<usize> = (0..5).filter(|&t| is_stable(t)).collect();
            if stable.is_empty() {
                continue;
            }
            run += 1;
            let plan = plan(&instance, &solution, &sources, Some(&stable)).expect("predicted as the checker says");
            assert_eq!(
                (plan.periods, plan.routes.len(), plan.service()),
                (stable.len(), 3 * stable.len(), Some(service))
            );
            for route in &plan.routes {
                let layers: usize = route.stages.iter().map(|stage| stage.layers.len()).sum();
                assert_eq!(layers, plan.networks[route.network].layers);
                assert!(plan.by_macs(route).is_none_or(|parts| parts.total_s() > 0.0));
            }
        }
        assert!(run > 24, "{run}");
    }

    #[test]
    fn slots_are_spread() {
        assert_eq!(chosen(None, 1).expect("one"), [0]);
        assert_eq!(chosen(None, 3).expect("three"), [0, 1, 2]);
        assert_eq!(chosen(None, 100).expect("four"), [0, 33, 66, 99]);
        assert_eq!(chosen(Some(&[5, 2, 5]), 6).expect("two"), [2, 5]);
        assert!(chosen(Some(&[6]), 6).is_err());
    }
}
