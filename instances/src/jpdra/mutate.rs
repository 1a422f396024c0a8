//! Numbers and parts of an instance, see [`crate::mutate`].

use serde_json::{Map, Value, json};

use super::Jpdra;
use super::instance::{Allocation, Flow, Instance, Partition, Server};
use crate::mutate::{Mutable, Number, Part, Size};
use crate::origin::Origin;
use crate::random::Stream;

const FLOWS: usize = 0;
const PARTITIONS: usize = 1;
const SERVERS: usize = 2;

impl Mutable for Jpdra {
    const SIZES: &'static [Size] =
        &[Size::new("flows", 1, 3), Size::new("partitions", 1, 3), Size::new("servers", 1, 3)];

    const VARIANTS: &'static [&'static str] = &["continuous", "units"];

    fn least() -> Instance {
        let flow = Flow {
            rate_per_s: 0.5,
            input_bytes: 1.0,
            partitions: vec![Partition { macs: 1.0, out_bytes: 1.0 }],
            work_s: Vec::new(),
            result_bytes: None,
            uplink_bytes_per_s: vec![1.0],
            downlink_bytes_per_s: Vec::new(),
        };
        Instance {
            origin: Origin::default(),
            machine_kinds: Vec::new(),
            flows: vec![flow],
            servers: vec![Server::of_macs(4.0)],
            link_bytes_per_s: vec![vec![0.0]],
            allocation: Allocation::Continuous,
        }
    }

    fn counts(instance: &Instance) -> Vec<usize> {
        let partitions = instance.flows.iter().map(|flow| flow.partitions.len()).max().unwrap_or(0);
        vec![instance.flows.len(), partitions, instance.servers.len()]
    }

    fn numbers(instance: &mut Instance) -> Vec<Number<'_>> {
        let mut numbers = Vec::new();
        for flow in &mut instance.flows {
            numbers.push(Number::positive(&mut flow.rate_per_s, 0));
            numbers.push(Number::not_negative(&mut flow.input_bytes, 1));
            let last = flow.partitions.len() - 1;
            for (n, partition) in flow.partitions.iter_mut().enumerate() {
                numbers.push(Number::positive(&mut partition.macs, 2));
                // Nobody reads what the last one hands on.
                if n < last {
                    numbers.push(Number::not_negative(&mut partition.out_bytes, 1));
                }
            }
            let ways = flow.uplink_bytes_per_s.iter_mut().chain(&mut flow.downlink_bytes_per_s);
            numbers.extend(ways.map(|way| Number::not_negative(way, 3)));
            numbers.extend(flow.result_bytes.iter_mut().map(|bytes| Number::not_negative(bytes, 1)));
        }
        numbers.extend(instance.servers.iter_mut().map(|server| Number::positive(&mut server.machine.speed, 4)));
        for (from, row) in instance.link_bytes_per_s.iter_mut().enumerate() {
            let ways = row.iter_mut().enumerate().filter(|(to, _)| *to != from);
            numbers.extend(ways.map(|(_, way)| Number::not_negative(way, 3)));
        }
        if let Allocation::Units { macs_per_s } = &mut instance.allocation {
            numbers.push(Number::positive(macs_per_s, 5));
        }
        numbers
    }

    fn parts(instance: &Instance) -> Vec<Part> {
        let several = |of: usize, count: usize| (0..count).filter(move |_| count > 1).map(move |at| Part::new(of, at));
        let mut parts: Vec<Part> = several(FLOWS, instance.flows.len()).collect();
        for (s, flow) in instance.flows.iter().enumerate().filter(|(_, flow)| flow.partitions.len() > 1) {
            parts.extend((0..flow.partitions.len()).map(|n| Part::within(PARTITIONS, s, n)));
        }
        parts.extend(several(SERVERS, instance.servers.len()));
        parts
    }

    fn remove(instance: &mut Instance, Part { of, at: [first, second] }: Part) {
        match of {
            FLOWS => drop(instance.flows.remove(first)),
            PARTITIONS => drop(instance.flows[first].partitions.remove(second)),
            _ => {
                instance.servers.remove(first);
                instance.link_bytes_per_s.remove(first);
                for row in &mut instance.link_bytes_per_s {
                    row.remove(first);
                }
                for flow in &mut instance.flows {
                    flow.uplink_bytes_per_s.remove(first);
                    if !flow.downlink_bytes_per_s.is_empty() {
                        flow.downlink_bytes_per_s.remove(first);
                    }
                }
            }
        }
    }

    fn grow(instance: &mut Instance, of: usize, stream: &mut Stream) {
        let s = stream.below(instance.flows.len() as u64) as usize;
        match of {
            FLOWS => instance.flows.push(instance.flows[s].clone()),
            PARTITIONS => {
                let partitions = &mut instance.flows[s].partitions;
                let n = stream.below(partitions.len() as u64) as usize;
                partitions.insert(n, partitions[n]);
            }
            _ => {
                let m = stream.below(instance.servers.len() as u64) as usize;
                instance.servers.push(instance.servers[m]);
                instance.link_bytes_per_s.iter_mut().for_each(|row| row.push(row[m]));
                // The ways of the copy are those of the server, and there is one between the two.
                let mut row = instance.link_bytes_per_s[m].clone();
                let new = row.len() - 1;
                (row[m], row[new]) = (1.0, 0.0);
                instance.link_bytes_per_s[m][new] = 1.0;
                instance.link_bytes_per_s.push(row);
                for flow in &mut instance.flows {
                    flow.uplink_bytes_per_s.push(flow.uplink_bytes_per_s[m]);
                    if !flow.downlink_bytes_per_s.is_empty() {
                        flow.downlink_bytes_per_s.push(flow.downlink_bytes_per_s[m]);
                    }
                }
            }
        }
    }

    fn twist(instance: &mut Instance, stream: &mut Stream) {
        let servers = instance.servers.len();
        let s = stream.below(instance.flows.len() as u64) as usize;
        match stream.below(4) {
            0 => {
                let flow = &mut instance.flows[s];
                let returns = flow.result_bytes.is_none();
                flow.result_bytes = returns.then_some(1.0);
                flow.downlink_bytes_per_s = if returns { vec![1.0; servers] } else { Vec::new() };
            }
            1 => {
                let other = stream.below(instance.flows.len() as u64) as usize;
                instance.flows.swap(s, other);
            }
            2 => {
                let partitions = &mut instance.flows[s].partitions;
                let (n, other) = (stream.below(partitions.len() as u64), stream.below(partitions.len() as u64));
                partitions.swap(n as usize, other as usize);
            }
            _ => {
                let (m, other) = (stream.below(servers as u64) as usize, stream.below(servers as u64) as usize);
                instance.servers.swap(m, other);
            }
        }
    }

    fn plainer(instance: &Instance) -> Vec<Instance> {
        let returning = instance.flows.iter().enumerate().filter(|(_, flow)| flow.result_bytes.is_some());
        let without = returning.map(|(s, _)| {
            let mut plainer = instance.clone();
            plainer.flows[s].result_bytes = None;
            plainer.flows[s].downlink_bytes_per_s.clear();
            plainer
        });
        without.collect()
    }

    fn set_variant(instance: &mut Instance, variant: &str) {
        let is_units = variant == "units";
        if is_units != matches!(instance.allocation, Allocation::Units { .. }) {
            let slowest = instance.servers.iter().map(|server| server.machine.speed).fold(f64::INFINITY, f64::min);
            let macs_per_s = slowest / 8.0;
            instance.allocation = if is_units { Allocation::Units { macs_per_s } } else { Allocation::Continuous };
        }
    }

    fn origin_mut(instance: &mut Instance) -> &mut Origin {
        &mut instance.origin
    }

    fn settings(sizes: &[usize]) -> Map<String, Value> {
        let settings = json!({"flows": sizes[FLOWS], "partitions": sizes[PARTITIONS], "servers": sizes[SERVERS]});
        settings.as_object().cloned().unwrap_or_default()
    }
}
