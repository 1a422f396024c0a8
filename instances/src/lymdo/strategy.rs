//! Random small instances for property tests (feature `proptest`): both services, both rate laws, no arrivals, no backlog, cuts without bytes,
//! blocks without work, no channel, devices that compute for nothing, slots that no allocation keeps stable; in one
//! of two, machines are of kinds with unrelated work.

use proptest::prelude::*;

use super::instance::{Instance, RateLaw, Service, Slot, User};
use super::solution::{Allocation, Solution};
use crate::machine::Machine;
use crate::machine::strategy::measured;
use crate::model::Model;
use crate::origin::Origin;
use crate::problem::Valid;

/// Instances with at most so many users, blocks of a chain, and slots. Magnitudes are around 1.
pub fn instances(users: usize, blocks: usize, slots: usize) -> impl Strategy<Value = Instance> {
    let shape = (1..=users, 1..=slots);
    let laws = (services(), rate_laws(), prop::collection::vec(models(blocks), 1..=3));
    (shape, laws).prop_flat_map(|((users, slots), (service, rate_law, models))| {
        let of_users = prop::collection::vec(self::users(models.len()), users);
        let of_slots = prop::collection::vec(self::slots(users), slots);
        let shared = (amounts(0.5, 10.0), amounts(0.5, 10.0), prop_oneof![Just(0.1), 1e-3f64..1.0]);
        (of_users, of_slots, shared, amounts(0.1, 10.0), amounts(0.2, 3.0), any::<u64>()).prop_map(
            move |(users, slots, (bandwidth_hz, edge_macs_per_s, noise_w_per_hz), v, slot_s, seed)| {
                let mut instance = Instance {
                    origin: Origin::default(),
                    service,
                    rate_law,
                    slot_s,
                    bandwidth_hz,
                    noise_w_per_hz,
                    edge_macs_per_s: Some(edge_macs_per_s),
                    edge: None,
                    v,
                    machine_kinds: Vec::new(),
                    models: models.clone(),
                    users,
                    slots,
                };
                let mut edge = instance.edge();
                let machines = instance.users.iter_mut().map(|user| &mut user.device).chain([&mut edge]);
                if let Some(mut measured) = measured(seed, machines) {
                    (instance.edge_macs_per_s, instance.edge) = edge.fields();
                    for model in &mut instance.models {
                        // Of the order of MACs above.
                        model.work_s = measured.work_s(model.blocks(), 0.0);
                        model.work_s.iter_mut().flatten().flatten().for_each(|work| *work *= 0.2);
                        if measured.leaves_macs_out() {
                            model.macs.clear();
                        }
                    }
                    instance.machine_kinds = measured.kinds;
                }
                instance.validate().expect("a legal instance");
                instance
            },
        )
    })
}

/// Either kind of service.
pub fn services() -> impl Strategy<Value = Service> {
    prop_oneof![Just(Service::Deterministic), Just(Service::Exponential)]
}

/// Either rate law.
pub fn rate_laws() -> impl Strategy<Value = RateLaw> {
    prop_oneof![
        2 => Just(RateLaw::Shannon),
        1 => amounts(0.3, 5.0).prop_map(|bit_per_s_per_hz| RateLaw::Fixed { bit_per_s_per_hz }),
    ]
}

fn models(blocks: usize) -> impl Strategy<Value = Model> {
    let block = (zero_or(0.1, 2.0), zero_or(0.02, 1.0));
    prop::collection::vec(block, 1..=blocks).prop_map(|blocks| {
        let (macs, mut cut_bytes): (Vec<f64>, Vec<f64>) = blocks.into_iter().unzip();
        cut_bytes.push(0.0);
        Model::of_macs("", macs, cut_bytes)
    })
}

fn users(models: usize) -> impl Strategy<Value = User> {
    (
        0..models as u32,
        amounts(0.5, 5.0),
        (zero_or(0.01, 1.0), zero_or(0.05, 3.0)),
        (zero_or(0.05, 2.0), zero_or(0.1, 10.0), zero_or(0.1, 5.0)),
    )
        .prop_map(|(model, max_macs_per_s, (energy_per_mac_coeff, tx_power_w), (budget, overdraft, backlog))| {
            User {
                model,
                device: Machine::of_macs(max_macs_per_s),
                energy_per_mac_coeff,
                tx_power_w,
                energy_budget_j_per_slot: budget,
                overdraft_s_per_j: overdraft,
                backlog_j: backlog,
            }
        })
}

fn slots(users: usize) -> impl Strategy<Value = Slot> {
    // Now and then more tasks than anything can take.
    let rate = prop_oneof![2 => Just(0.0), 2 => Just(1.0), 10 => 0.05f64..2.0, 1 => 2.0f64..20.0];
    let gain = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 6 => 1e-3f64..10.0];
    (prop::collection::vec(rate, users), prop::collection::vec(gain, users))
        .prop_map(|(arrivals_per_s, gains)| Slot { arrivals_per_s, gains })
}

/// Whole numbers, which make ties, or any.
fn amounts(low: f64, high: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(1.0f64.clamp(low, high)), 1 => Just(2.0f64.clamp(low, high)), 4 => low..high]
}

/// One in six is 0.
fn zero_or(low: f64, high: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 5 => amounts(low, high)]
}

/// Every combination of cuts in one slot: the oracle of small tests. Shape of each: (users,).
pub fn cuts(instance: &Instance) -> impl Iterator<Item = Vec<u32>> + '_ {
    let choices = |user: &User| instance.models[user.model as usize].blocks() as u64 + 1;
    let count = instance.users.iter().try_fold(1u64, |count, user| count.checked_mul(choices(user)));
    let count = count.filter(|count| *count <= 1 << 24).expect("an oracle for small instances");
    (0..count).map(move |mut code| {
        let mut next = |user: &User| {
            let cut = (code % choices(user)) as u32;
            code /= choices(user);
            cut
        };
        instance.users.iter().map(&mut next).collect()
    })
}

/// Random decisions, possibly too much of something or unstable: for tests of the checker.
pub fn solutions(instance: &Instance) -> impl Strategy<Value = Solution> + use<> {
    let users = instance.users.len();
    let blocks: Vec<usize> = instance.users.iter().map(|user| instance.models[user.model as usize].blocks()).collect();
    let most: Vec<f64> = instance.users.iter().map(|user| user.device.speed).collect();
    let (bandwidth, edge) = (instance.bandwidth_hz, instance.edge().speed);
    let shares = || prop::collection::vec(0.01f64..1.0, users);
    let slot = (prop::collection::vec(any::<prop::sample::Index>(), users), shares(), shares(), shares(), 0.5f64..1.02);
    let slot = slot.prop_map(move |(cuts, local, radio, edges, filled)| {
        let shared = |shares: &[f64], whole: f64| -> Vec<f64> {
            let sum: f64 = shares.iter().sum();
            shares.iter().map(|share| share / sum * whole * filled).collect()
        };
        Allocation {
            cuts: cuts.iter().zip(&blocks).map(|(cut, blocks)| cut.index(blocks + 1) as u32).collect(),
            local_macs_per_s: local.iter().zip(&most).map(|(share, most)| share * most).collect(),
            bandwidth_hz: shared(&radio, bandwidth),
            edge_macs_per_s: shared(&edges, edge),
        }
    });
    prop::collection::vec(slot, instance.slots.len()).prop_map(|slots| Solution { slots })
}
