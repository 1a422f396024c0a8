//! Random small instances for property tests (feature `proptest`): ties, missing ways, zero bytes, overload, packings that do not fit,
//! units too coarse; in one of two, servers are of kinds with unrelated work.

use proptest::prelude::*;

use super::instance::{Allocation, Flow, Instance, Partition, Server};
use super::solution::{Solution, Speeds};
use crate::machine::strategy::measured;
use crate::origin::Origin;
use crate::problem::Valid;

/// Which allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Continuous.
    Continuous,
    /// Whole units, a few a server.
    Units,
}

/// Instances with at most so many flows, partitions of a flow, and servers.
pub fn instances(flows: usize, partitions: usize, servers: usize, shares: Shares) -> impl Strategy<Value = Instance> {
    (1..=servers).prop_flat_map(move |servers| {
        let of_flows = prop::collection::vec(self::flows(partitions, servers), 1..=flows);
        let speeds = prop::collection::vec(amounts(2.0, 12.0), servers);
        let links = prop::collection::vec(prop::collection::vec(ways(), servers), servers);
        let allocation = match shares {
            Shares::Continuous => Just(Allocation::Continuous).boxed(),
            Shares::Units => {
                prop_oneof![Just(0.5), Just(1.0), 0.3f64..3.0].prop_map(|unit| Allocation::Units { macs_per_s: unit })
            }
            .boxed(),
        };
        let instances = (of_flows, speeds, links, allocation, any::<u64>());
        instances.prop_map(|(flows, speeds, link_bytes_per_s, allocation, seed)| {
            let servers = speeds.into_iter().map(Server::of_macs).collect();
            let origin = Origin::default();
            let mut instance =
                Instance { origin, machine_kinds: Vec::new(), flows, servers, link_bytes_per_s, allocation };
            give_kinds(&mut instance, seed);
            instance.validate().expect("a legal instance");
            instance
        })
    })
}

/// In one of two instances servers are of kinds, with work that has nothing to do with MACs. Units are then of servers all of which are.
fn give_kinds(instance: &mut Instance, seed: u64) {
    let servers = instance.servers.clone();
    let machines = instance.servers.iter_mut().map(|server| &mut server.machine);
    let Some(mut measured) = measured(seed, machines) else { return };
    if measured.needs_macs && instance.allocation != Allocation::Continuous {
        instance.servers = servers;
        return;
    }
    let leaves_macs_out = measured.leaves_macs_out();
    for flow in &mut instance.flows {
        let work_s = measured.work_s(flow.partitions.len(), 0.2);
        // Of the order of MACs.
        let of_kind = |work: Option<Vec<f64>>| -> Vec<f64> {
            work.expect("all kinds run all flows").iter().map(|work| (0.3 * work).clamp(0.2, 3.0)).collect()
        };
        flow.work_s = work_s.into_iter().map(of_kind).collect();
        if leaves_macs_out {
            flow.partitions.iter_mut().for_each(|partition| partition.macs = 0.0);
        }
    }
    instance.machine_kinds = measured.kinds;
}

fn flows(partitions: usize, servers: usize) -> impl Strategy<Value = Flow> {
    let partition = (amounts(0.2, 3.0), bytes()).prop_map(|(macs, out_bytes)| Partition { macs, out_bytes });
    let partitions = prop::collection::vec(partition, 1..=partitions);
    let ways = || prop::collection::vec(self::ways(), servers);
    (amounts(0.1, 1.5), bytes(), partitions, prop::option::of(bytes()), ways(), ways()).prop_map(
        |(rate_per_s, input_bytes, partitions, result_bytes, uplink_bytes_per_s, downlinks)| Flow {
            rate_per_s,
            input_bytes,
            partitions,
            work_s: Vec::new(),
            result_bytes,
            uplink_bytes_per_s,
            downlink_bytes_per_s: if result_bytes.is_some() { downlinks } else { Vec::new() },
        },
    )
}

/// Whole numbers, which make ties, or any.
fn amounts(low: f64, high: f64) -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(1.0f64.clamp(low, high)), 1 => Just(2.0f64.clamp(low, high)), 4 => low..high]
}

fn bytes() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 1 => Just(1.0), 3 => 0.1f64..4.0]
}

/// One in eight is missing.
fn ways() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 2 => Just(1.0), 5 => 0.2f64..10.0]
}

/// Every deployment: the oracle of small tests. Shape of each: (flows, partitions).
pub fn deployments(instance: &Instance) -> impl Iterator<Item = Vec<Vec<u32>>> + '_ {
    let servers = instance.servers.len() as u64;
    let count = servers.checked_pow(instance.partitions() as u32).filter(|count| *count <= 1 << 24);
    let count = count.expect("an oracle for small instances");
    (0..count).map(move |mut code| {
        let mut next = || {
            let server = (code % servers) as u32;
            code /= servers;
            server
        };
        instance.flows.iter().map(|flow| flow.partitions.iter().map(|_| next()).collect()).collect()
    })
}

/// Random speeds for a deployment, possibly overfull or unstable: for tests of the checker.
pub fn solutions(instance: &Instance) -> impl Strategy<Value = Solution> + use<> {
    let shape: Vec<usize> = instance.flows.iter().map(|flow| flow.partitions.len()).collect();
    let (partitions, servers, allocation) = (instance.partitions(), instance.servers.len() as u32, instance.allocation);
    let server = prop::collection::vec(0..servers, partitions);
    let speed = prop::collection::vec(0.05f64..6.0, partitions);
    (server, speed).prop_map(move |(server, speed)| {
        fn cut<T: Clone>(flat: &[T], shape: &[usize]) -> Vec<Vec<T>> {
            let mut rest = flat;
            let row = |len: &usize| {
                let (row, after) = rest.split_at(*len);
                rest = after;
                row.to_vec()
            };
            shape.iter().map(row).collect()
        }
        let speeds = match allocation {
            Allocation::Continuous => Speeds::MacsPerS(cut(&speed, &shape)),
            Allocation::Units { macs_per_s } => {
                let units: Vec<u64> = speed.iter().map(|speed| (speed / macs_per_s).ceil() as u64).collect();
                Speeds::Units(cut(&units, &shape))
            }
        };
        Solution { servers: cut(&server, &shape), speeds }
    })
}
