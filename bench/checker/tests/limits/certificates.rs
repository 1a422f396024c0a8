//! Certificates that ask for much work or memory for their size: chains of splits and bushy trees of all four problems, leaves whose knapsacks are long,
//! prices that nobody uses. Instances are the toys, made larger. Nothing here is random.

#![allow(missing_docs, dead_code)]

use offcut_instances::document::parse_instance;
use offcut_instances::machine::Machine;
use offcut_instances::{jpdra, lymdo, multiuser, throughput};

/// How splits hang below each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every second child is the next split.
    Chain,
    /// As in a heap: as deep as the logarithm of the number of splits.
    Bushy,
}

/// The children of the k-th split, and none for leaves; `splits` splits and one leaf more.
fn links(shape: Shape, splits: u32) -> Vec<Option<(u32, [u32; 2])>> {
    match shape {
        Shape::Chain => (0..splits).flat_map(|k| [Some((k, [2 * k + 1, 2 * k + 2])), None]).chain([None]).collect(),
        Shape::Bushy => {
            let split = |k| Some((k, [2 * k + 1, 2 * k + 2]));
            (0..splits).map(split).chain((0..=splits).map(|_| None)).collect()
        }
    }
}

/// The level of a node in a heap.
fn level(k: u32) -> u32 {
    (k + 1).ilog2()
}

/// What leaves share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// All have the same prices.
    Same,
    /// Each has its own.
    Own,
    /// `throughput` only: each solves its knapsacks.
    Knapsacks,
}

pub fn multiuser_instance(users: u32) -> multiuser::Instance {
    let bytes = include_bytes!("../../../../instances/data/multiuser/toy.json");
    let mut instance = parse_instance::<multiuser::Multiuser>(bytes).expect("the toy is valid");
    instance.objective = multiuser::Objective::Sum;
    instance.models[0].macs = (1..11).map(f64::from).collect();
    instance.models[0].cut_bytes = (0..11).rev().map(f64::from).collect();
    instance.server.units = 100_000;
    let user = instance.users[0];
    let varied = |i: u32| multiuser::User { device: Machine::of_macs(0.5 + f64::from(i % 97) / 97.0), ..user };
    instance.users = (0..users).map(varied).collect();
    instance
}

/// On a chain, user after user may have a unit less; no leaf is empty.
pub fn multiuser(shape: Shape, leaves: Leaves, splits: u32, users: u32) -> multiuser::Certificate {
    use multiuser::PriceNode;
    let capacity = 100_000;
    let node = |(at, links): (usize, Option<(u32, [u32; 2])>)| match links {
        Some((k, [above, at_most])) => {
            let turn = if shape == Shape::Chain { k } else { level(k) };
            PriceNode::Split { user: turn % users, units: capacity - 1 - turn / users, at_most, above }
        }
        None => PriceNode::Leaf { price_s: if leaves == Leaves::Same { 0.01 } else { 0.01 + 1e-9 * at as f64 } },
    };
    multiuser::Certificate::Prices { nodes: links(shape, splits).into_iter().enumerate().map(node).collect() }
}

pub fn throughput_instance(requests: u32, cloudlets: usize, threads: u32) -> throughput::Instance {
    let bytes = include_bytes!("../../../../instances/data/throughput/toy.json");
    let mut instance = parse_instance::<throughput::Throughput>(bytes).expect("the toy is valid");
    instance.cloudlets[0].threads = threads;
    instance.cloudlets = vec![instance.cloudlets[0].clone(); cloudlets];
    instance.hop_s_per_byte = vec![vec![0.0; cloudlets]];
    let request = instance.requests[1];
    instance.requests = vec![request; requests as usize];
    instance
}

/// Pair after pair is served, or not.
pub fn throughput(shape: Shape, leaves: Leaves, splits: u32, requests: u32, cloudlets: u32) -> throughput::Certificate {
    use throughput::PriceNode;
    // The toy's envelope: 2 MACs more on the device save 3 bytes, 4 more save 1.
    let envelope = throughput::Envelope {
        corners: vec![(0.0, 4.0), (2.0, 1.0), (6.0, 0.0)],
        flows: vec![vec![8.0, 2.0], vec![6.0, 4.0]],
    };
    let node = |(at, links): (usize, Option<(u32, [u32; 2])>)| match links {
        Some((k, [served, elsewhere])) => {
            let turn = if shape == Shape::Chain { k } else { level(k) };
            PriceNode::Split { request: turn % requests, cloudlet: turn / requests % cloudlets, served, elsewhere }
        }
        None if leaves == Leaves::Knapsacks => PriceNode::Values { values: Vec::new(), multipliers: Vec::new() },
        None => {
            let price = if leaves == Leaves::Same { 0.5 } else { 0.5 + 1e-9 * at as f64 };
            PriceNode::Leaf { prices: vec![price; cloudlets as usize] }
        }
    };
    let nodes = links(shape, splits).into_iter().enumerate().map(node).collect();
    throughput::Certificate { envelopes: vec![envelope], hulls: Vec::new(), cuts: Vec::new(), nodes }
}

pub fn jpdra_instance(flows: usize, servers: usize) -> jpdra::Instance {
    let bytes = include_bytes!("../../../../instances/data/jpdra/toy.json");
    let mut instance = parse_instance::<jpdra::Jpdra>(bytes).expect("the toy is valid");
    let mut flow = instance.flows[0].clone();
    flow.uplink_bytes_per_s = (0..servers).map(|m| 2.0 + m as f64).collect();
    flow.downlink_bytes_per_s = flow.uplink_bytes_per_s.clone();
    instance.flows = vec![flow; flows];
    instance.servers = vec![jpdra::Server::of_macs(3.0 * flows as f64); servers];
    let link = |a: usize| (0..servers).map(|b| if a == b { 0.0 } else { 4.0 }).collect();
    instance.link_bytes_per_s = (0..servers).map(link).collect();
    instance
}

/// Partition after partition runs on a server, or not; on a chain the first turns take something away, and all others nothing.
pub fn jpdra(shape: Shape, leaves: Leaves, splits: u32, flows: u32, servers: u32) -> jpdra::Certificate {
    use jpdra::Node;
    let partitions = 2 * flows;
    let mut prices = Vec::new();
    let of = |at: usize| {
        let price = 0.1 + 1e-9 * at as f64;
        jpdra::Prices { place: vec![vec![price; servers as usize]; partitions as usize], stay: Vec::new() }
    };
    let node = |(at, links): (usize, Option<(u32, [u32; 2])>)| match links {
        Some((k, [inside, outside])) => {
            let turn = if shape == Shape::Chain { k % (partitions * (servers - 1)) } else { level(k) };
            let servers = vec![turn / partitions % (servers - 1)];
            Node::Split { flow: turn % partitions / 2, partition: turn % 2, servers, inside, outside }
        }
        None => {
            if prices.is_empty() || leaves == Leaves::Own {
                prices.push(of(at));
            }
            Node::Priced { prices: prices.len() as u32 - 1 }
        }
    };
    let nodes = links(shape, splits).into_iter().enumerate().map(node).collect();
    jpdra::Certificate { prices, nodes }
}

pub fn lymdo_instance(users: usize, blocks: usize) -> lymdo::Instance {
    let bytes = include_bytes!("../../../../instances/data/lymdo/toy.json");
    let mut instance = parse_instance::<lymdo::Lymdo>(bytes).expect("the toy is valid");
    instance.models.truncate(1);
    instance.models[0].macs = vec![2.0 / blocks as f64; blocks];
    instance.models[0].cut_bytes = (0..=blocks).rev().map(|left| left as f64 / blocks as f64).collect();
    let user = instance.users[0];
    instance.users = (0..users).map(|n| lymdo::User { backlog_j: 1.0 + n as f64 / 64.0, ..user }).collect();
    instance.bandwidth_hz = 16.0 * users as f64;
    instance.set_edge_speed(8.0 * users as f64);
    instance.slots = vec![lymdo::Slot { arrivals_per_s: vec![1.0; users], gains: vec![1.0; users] }];
    instance
}

/// User after user has a cut, or another one; on a chain the first turns take something away, and all others nothing. And `unused` prices of which nobody
/// asks.
pub fn lymdo(shape: Shape, leaves: Leaves, splits: u32, users: u32, blocks: u32, unused: usize) -> lymdo::Certificate {
    use lymdo::{Node, Prices};
    let mut prices = Vec::new();
    let node = |(at, links): (usize, Option<(u32, [u32; 2])>)| match links {
        Some((k, [inside, outside])) => {
            let turn = if shape == Shape::Chain { k % (users * blocks) } else { level(k) };
            Node::Split { user: turn % users, cuts: vec![turn / users % blocks], inside, outside }
        }
        None => {
            if prices.is_empty() || leaves == Leaves::Own {
                prices.push(Prices { bandwidth: 0.1, edge: 0.1 + 1e-9 * at as f64 });
            }
            Node::Priced { prices: prices.len() as u32 - 1 }
        }
    };
    let nodes = links(shape, splits).into_iter().enumerate().map(node).collect();
    prices.extend(vec![Prices { bandwidth: 0.1, edge: 0.1 }; unused]);
    lymdo::Certificate { energy_s_per_j: Vec::new(), slots: vec![lymdo::Tree { prices, nodes }] }
}
