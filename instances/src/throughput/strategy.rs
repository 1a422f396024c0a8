//! Random small instances for property tests (feature `proptest`): branches and shortcuts, ties, zero MACs, zero bytes, no cloudlets, no
//! threads, deadlines met with equality, out of reach and loose. Half of them have kinds of machines with unrelated work; some models have no work for
//! some kinds of cloudlets.

use proptest::prelude::*;

use super::instance::{Cloudlet, Instance, Model, Request};
use crate::machine::Machine;
use crate::machine::strategy::measured;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::random::Stream;
use crate::speedup::strategy::speedups;

/// What profits requests have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profits {
    /// All 1.
    Unit,
    /// Whole numbers from 1 to 9.
    Whole,
    /// Between 0.1 and 10, whole or not.
    Any,
}

/// Instances with at most so many requests and cloudlets.
pub fn instances(requests: usize, cloudlets: usize, profits: Profits) -> impl Strategy<Value = Instance> {
    let of_requests = prop::collection::vec(self::requests(profits), 1..=requests);
    let of_cloudlets = prop::collection::vec(self::cloudlets(), 0..=cloudlets);
    let hops = prop::collection::vec(prop_oneof![3 => Just(0.0), 2 => 0.05f64..2.0, 1 => Just(1e6)], 2 * cloudlets);
    let models = prop::collection::vec(models(6), 2);
    (models, of_cloudlets, hops, of_requests, any::<u64>()).prop_map(
        move |(models, cloudlets, hops, requests, seed)| {
            let rows = hops.chunks(hops.len() / 2);
            let hop_s_per_byte = rows.map(|row| row[..cloudlets.len()].to_vec()).collect();
            let (origin, machine_kinds) = (Origin::default(), Vec::new());
            let mut instance = Instance { origin, machine_kinds, models, cloudlets, hop_s_per_byte, requests };
            with_kinds(&mut instance, seed);
            instance.validate().expect("a legal instance");
            instance
        },
    )
}

/// Gives an instance kinds of machines, in one of two cases. A model has work for every kind of its requests' devices, and now and then none for another.
fn with_kinds(instance: &mut Instance, seed: u64) {
    let devices = instance.requests.iter_mut().map(|request| &mut request.device);
    let machines = devices.chain(instance.cloudlets.iter_mut().map(|cloudlet| &mut cloudlet.thread));
    let Some(mut measured) = measured(seed, machines) else { return };
    let mut stream = Stream::new(&["throughput", "strategy", "kinds"], seed);
    for (m, model) in instance.models.iter_mut().enumerate() {
        model.work_s = measured.work_s(model.layers(), 0.0);
        for (kind, work) in model.work_s.iter_mut().enumerate() {
            let mut requests = instance.requests.iter().filter(|request| request.model as usize == m);
            let is_needed = requests.any(|request| request.device.kind == Some(kind as u32));
            match work {
                _ if !is_needed && stream.below(4) == 0 => *work = None,
                Some(work) => work[0] = 0.0,
                None => {}
            }
        }
        let mut requests = instance.requests.iter().filter(|request| request.model as usize == m);
        let needs_macs = requests.any(|request| request.device.kind.is_none());
        if !needs_macs && model.work_s.iter().any(Option::is_some) && stream.below(2) == 0 {
            model.macs.clear();
        }
    }
    instance.machine_kinds = measured.kinds;
}

/// Layer graphs with up to so many layers besides the input, in any shape: several branches, several results.
pub fn models(layers: usize) -> impl Strategy<Value = Model> {
    (1..=layers).prop_flat_map(|layers| {
        let per_layer = || prop::collection::vec(amounts(), layers + 1);
        let links = prop::collection::vec(0u8..4, layers * (layers + 1) / 2);
        let first = prop::collection::vec(any::<prop::sample::Index>(), layers);
        (per_layer(), per_layer(), links, first).prop_map(move |(mut macs, out_bytes, links, first)| {
            macs[0] = 0.0;
            let mut edges = Vec::new();
            for to in 1..=layers {
                let must = first[to - 1].index(to);
                let at = to * (to - 1) / 2;
                edges.extend(
                    (0..to).filter(|from| *from == must || links[at + from] == 0).map(|from| (from as u32, to as u32)),
                );
            }
            edges.sort_unstable();
            Model::of_macs("", macs, out_bytes, edges)
        })
    })
}

fn requests(profits: Profits) -> impl Strategy<Value = Request> {
    let profit = match profits {
        Profits::Unit => Just(1.0).boxed(),
        Profits::Whole => (1u32..10).prop_map(f64::from).boxed(),
        Profits::Any => prop_oneof![0.1f64..10.0, (1u32..4).prop_map(f64::from)].boxed(),
    };
    let deadline = prop_oneof![(1u32..8).prop_map(f64::from), 0.2f64..12.0];
    (0u32..2, 0u32..2, speeds(), speeds(), deadline, profit).prop_map(
        |(model, access_point, speed, uplink_bytes_per_s, deadline_s, profit)| Request {
            model,
            access_point,
            device: Machine::of_macs(speed),
            uplink_bytes_per_s,
            deadline_s,
            profit,
        },
    )
}

fn cloudlets() -> impl Strategy<Value = Cloudlet> {
    (0u32..9, speeds(), 1u32..6, speedups()).prop_map(|(threads, speed, max_threads_per_request, speedup)| Cloudlet {
        threads,
        thread: Machine::of_macs(speed),
        max_threads_per_request,
        speedup,
    })
}

/// Work and bytes: whole numbers make ties; zeros among them.
fn amounts() -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(0.0), 6 => (1u32..6).prop_map(f64::from), 4 => 0.1f64..6.0]
}

fn speeds() -> impl Strategy<Value = f64> {
    prop_oneof![(1u32..5).prop_map(f64::from), 0.2f64..5.0]
}

/// Every set of layers that may run on the device, ascending lists: the oracle of small tests.
pub fn device_sets(model: &Model) -> Vec<Vec<u32>> {
    let layers = model.layers();
    assert!(layers <= 16, "an oracle for small models");
    let holds = |set: u32, v: u32| set >> v & 1 == 1;
    let is_closed = |set: &u32| holds(*set, 0) && model.edges.iter().all(|(p, v)| !holds(*set, *v) || holds(*set, *p));
    let layers_of = |set: u32| (0..layers as u32).filter(|v| holds(set, *v)).collect();
    (0..1u32 << layers).filter(is_closed).map(layers_of).collect()
}
