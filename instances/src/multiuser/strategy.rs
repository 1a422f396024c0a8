//! Random small instances for property tests (feature `proptest`): plateaus, ties, zero MACs, zero bytes, no round-trip time, no units, one
//! user, magnitudes from awkward to plain; in one of two, machines are of kinds with unrelated work.

use proptest::prelude::*;

use super::instance::{Instance, Objective, Server, User};
use crate::machine::Machine;
use crate::machine::strategy::measured;
use crate::model::Model;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::speedup::strategy::speedups;

/// Instances with at most so many users and units and up to four blocks.
pub fn instances(users: usize, units: u32, objective: Objective) -> impl Strategy<Value = Instance> {
    let server = (0..=units, speeds(), speedups()).prop_map(|(units, speed, speedup)| Server {
        units,
        unit: Machine::of_macs(speed),
        speedup,
    });
    let models = prop::collection::vec(models(), 2);
    let instances =
        (models, prop::collection::vec(self::users(), 1..=users), server).prop_map(move |(models, users, server)| {
            let origin = Origin::default();
            Instance { origin, objective, machine_kinds: Vec::new(), models, server, users }
        });
    (instances, any::<u64>()).prop_map(|(mut instance, seed)| {
        let machines = instance.users.iter_mut().map(|user| &mut user.device).chain([&mut instance.server.unit]);
        if let Some(mut measured) = measured(seed, machines) {
            for model in &mut instance.models {
                model.work_s = measured.work_s(model.blocks(), 0.0);
                if measured.leaves_macs_out() {
                    model.macs.clear();
                }
            }
            instance.machine_kinds = measured.kinds;
        }
        instance.validate().expect("a legal instance");
        instance
    })
}

fn models() -> impl Strategy<Value = Model> {
    (1usize..5).prop_flat_map(|blocks| {
        let amounts = || prop::collection::vec(amounts(), blocks);
        (amounts(), amounts()).prop_map(|(macs, mut cut_bytes)| {
            cut_bytes.push(0.0);
            Model::of_macs("", macs, cut_bytes)
        })
    })
}

fn users() -> impl Strategy<Value = User> {
    (0u32..2, speeds(), speeds(), prop_oneof![Just(0.0), 1e-3f64..2.0]).prop_map(
        |(model, speed, uplink_bytes_per_s, rtt_s)| User {
            model,
            device: Machine::of_macs(speed),
            uplink_bytes_per_s,
            rtt_s,
        },
    )
}

/// Work and bytes: whole numbers make ties; now and then something tiny or huge.
fn amounts() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => Just(0.0),
        6 => (1u32..6).prop_map(f64::from),
        6 => 0.1f64..10.0,
        1 => 1e-9f64..1e-6,
        1 => 1e6f64..1e9,
    ]
}

fn speeds() -> impl Strategy<Value = f64> {
    prop_oneof![(1u32..4).prop_map(f64::from), 0.1f64..5.0]
}

/// Every way to hand out at most `units` units to `users` users: the oracle of small tests.
pub fn allocations(users: usize, units: u32) -> Vec<Vec<u32>> {
    if users == 0 {
        return vec![vec![]];
    }
    let extend = |first: u32| {
        allocations(users - 1, units - first).into_iter().map(move |mut rest| {
            rest.push(first);
            rest
        })
    };
    (0..=units).flat_map(extend).collect()
}
