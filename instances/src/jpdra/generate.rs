//! Families of instances. Same family, parameters and seed: same bytes, on every platform.
//!
//! | family | flows | servers and links | what it is for |
//! |---|---|---|---|
//! | `zoo` | real DNNs, their blocks gathered into partitions of about equal work; results return | GPUs at the edge over an order of magnitude, wired links, catalogue uplinks | the tables |
//! | `synthetic` | random partitions over an order of magnitude | speeds and links over the heterogeneity asked for; hops take about `transfer` times what a stage takes | what does not depend on our zoo |
//! | `queue` | as `synthetic`, nothing to transfer | as `synthetic` | delays in queues alone: packing |
//! | `transfer` | as `synthetic`, ten times as much to transfer | as `synthetic` | hops decide |
//! | `missing` | as `synthetic` | three in ten ways between servers are missing, if `missing` says nothing else | forbidden hops |
//! | `equal` | as `synthetic`, nothing to transfer | equal servers | symmetry: every solution stands for many |
//!
//! With a `topology` the servers of `zoo` are nodes of a network from a file, and the ways between them its best paths. They are as fast as the file says:
//! `bandwidth` acts on the ways of flows alone.
//!
//! Arrival rates are scaled so that all work arriving is `load` times all servers' speed. High loads of few, large partitions may have no
//! solution: that is an instance too.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::{Allocation, Flow, Instance, Partition, Server};
use super::topology;
use crate::dnn::machine_file::LayerTimes;
use crate::dnn::{Chain, Graph};
use crate::error::InputError;
use crate::family::{Family, Settable};
use crate::machine::Machine;
use crate::measured::{self, Kinds, Work};
use crate::origin::Origin;
use crate::parameters::{self, place};
use crate::problem::Valid;
use crate::random::Stream;
use crate::range;

/// All families.
pub const FAMILIES: [Family; 6] = [
    Family { name: "zoo", about: "real DNNs in partitions of equal work, edge GPUs, wired links" },
    Family { name: "synthetic", about: "random partitions, servers and links" },
    Family { name: "queue", about: "nothing to transfer: queues alone" },
    Family { name: "transfer", about: "ten times as much to transfer: hops decide" },
    Family { name: "missing", about: "three in ten ways between servers are missing" },
    Family { name: "equal", about: "adversarial: equal servers and nothing to transfer" },
];

/// What a family can be asked for. Every number can be swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Flows.
    pub flows: u32,
    /// Partitions of every flow (`zoo`: at most; a DNN has no more than it has blocks with work).
    pub partitions: u32,
    /// Servers.
    pub servers: u32,
    /// All arriving work over all servers' speed.
    pub load: f64,
    /// Speed of the fastest server over that of the slowest, at most; 1 makes them equal.
    pub heterogeneity: f64,
    /// Mean time of a hop over mean time in a stage (all but `zoo`).
    pub transfer: f64,
    /// Factor on the speed of every way; with a topology, of the ways of flows to servers and back alone.
    pub bandwidth: f64,
    /// Share of ways between servers that are missing.
    pub missing: f64,
    /// Units of a server's speed, on average; 0 shares speeds continuously.
    pub units: u32,
    /// Models flows draw from, by name in the zoo (`zoo`).
    pub models: Vec<String>,
    /// Uplinks flows draw from, by name in the catalogue or by path (`zoo`).
    pub links: Vec<String>,
    /// Machines that servers draw from, by name in the catalogue or by path (`zoo`).
    pub machines: Vec<String>,
    /// Whether work is in MACs, or in seconds of every layer on every kind of machine (`zoo`).
    pub work: Work,
    /// Topology whose nodes the servers are, drawn by the seed, by the path of a `.graphml` or `.json` file; none if empty. The speed between two servers
    /// is that of the path that takes the least time per byte, store and forward, as the file has it (`zoo`).
    pub topology: String,
}

impl Default for Parameters {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            flows: 5,
            partitions: 4,
            servers: 4,
            load: 0.6,
            heterogeneity: 4.0,
            transfer: 1.0,
            bandwidth: 1.0,
            missing: 0.0,
            units: 0,
            models: names(&["alexnet", "vgg16", "resnet18", "resnet50", "mobilenet_v2", "googlenet", "tiny_yolov2"]),
            links: names(&["5g", "wifi5", "wifi6"]),
            machines: names(&["edge-gpu"]),
            work: Work::Macs,
            topology: String::new(),
        }
    }
}

impl Settable for Parameters {}

impl Parameters {
    fn validate(&self) -> Result<(), InputError> {
        for (name, value, most) in
            [("flows", self.flows, 100_000), ("partitions", self.partitions, 1000), ("servers", self.servers, 1000)]
        {
            if !(1..=most).contains(&value) {
                return Err(InputError::at(place(name), format!("is {value}"), format!("give 1 to {most}")));
            }
        }
        if self.units > 1_000_000_000 {
            return Err(InputError::at(place("units"), format!("is {}", self.units), "give at most 1000000000"));
        }
        parameters::factor("load", self.load)?;
        parameters::factor("bandwidth", self.bandwidth)?;
        parameters::factor("heterogeneity", self.heterogeneity)?;
        if self.heterogeneity < 1.0 {
            let what = format!("is {}", self.heterogeneity);
            return Err(InputError::at(
                place("heterogeneity"),
                what,
                "give the fastest speed over the slowest, 1 or more",
            ));
        }
        parameters::share("missing", self.missing)?;
        if self.missing > 0.0 && !self.topology.is_empty() {
            let what = format!("is {} beside a topology", self.missing);
            let remedy = "leave one out: where the topology has no path there is no way";
            return Err(InputError::at(place("missing"), what, remedy));
        }
        range::not_negative(|| place("transfer"), self.transfer)?;
        if self.transfer > 0.0 { parameters::factor("transfer", self.transfer) } else { Ok(()) }
    }
}

/// Generates an instance.
///
/// # Errors
/// [`InputError`] for an unknown family, model or link, or a parameter out of range.
pub fn generate(family: &str, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    parameters.validate()?;
    if family != "zoo" {
        parameters::refused("topology", &parameters.topology, family)?;
    }
    let Parameters { flows, partitions, servers, .. } = parameters;
    let name = match (&parameters.models[..], family) {
        ([model], "zoo") => model.clone(),
        _ => format!("{family}-{flows}x{partitions}x{servers}-s{seed}"),
    };
    let origin = parameters::origin(name, family, parameters, seed);
    let base = parameters.clone();
    let instance = match family {
        "zoo" => zoo(origin, parameters, seed)?,
        "synthetic" => synthetic(origin, &base, seed),
        "queue" => synthetic(origin, &Parameters { transfer: 0.0, ..base }, seed),
        "transfer" => synthetic(origin, &Parameters { transfer: 10.0 * base.transfer, ..base }, seed),
        "missing" => {
            let missing = if base.missing == 0.0 { 0.3 } else { base.missing };
            synthetic(origin, &Parameters { missing, ..base }, seed)
        }
        "equal" => synthetic(origin, &Parameters { transfer: 0.0, heterogeneity: 1.0, ..base }, seed),
        _ => return Err(Family::unknown(&FAMILIES, family)),
    };
    instance.validate()?;
    Ok(instance)
}

/// A factor in [1/sqrt `range`, sqrt `range`), every ratio equally likely; 1 if the range is 1.
fn spread(stream: &mut Stream, range: f64) -> f64 {
    let half = libm::sqrt(range);
    stream.log_uniform(1.0 / half, half)
}

/// Servers around `macs_per_s`.
fn servers(parameters: &Parameters, seed: u64, family: &str, macs_per_s: f64) -> Vec<Server> {
    let mut stream = Stream::new(&["jpdra", family, "servers"], seed);
    let server = |_| Server::of_macs(macs_per_s * spread(&mut stream, parameters.heterogeneity));
    (0..parameters.servers).map(server).collect()
}

/// Ways between servers, the same in both directions, a factor of 2 around `bytes_per_s`; some of them missing.
fn links(parameters: &Parameters, seed: u64, family: &str, bytes_per_s: f64) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(&["jpdra", family, "links"], seed);
    let servers = parameters.servers as usize;
    let mut links = vec![vec![0.0; servers]; servers];
    let pairs = (0..servers).flat_map(|from| (from + 1..servers).map(move |to| (from, to)));
    for (from, to) in pairs {
        let speed = bytes_per_s * spread(&mut stream, 2.0);
        let is_missing = stream.unit() < parameters.missing;
        let speed = if is_missing { 0.0 } else { speed };
        (links[from][to], links[to][from]) = (speed, speed);
    }
    links
}

/// Scales arrival rates to the load asked for, and cuts servers into units.
fn scaled(mut instance: Instance, parameters: &Parameters) -> Instance {
    let speed: f64 = instance.servers.iter().map(|server| server.machine.speed).sum();
    let macs = |flow: &Flow| flow.partitions.iter().map(|partition| partition.macs).sum::<f64>();
    let work: f64 = instance.flows.iter().map(|flow| flow.rate_per_s * macs(flow)).sum();
    let factor = parameters.load * speed / work;
    instance.flows.iter_mut().for_each(|flow| flow.rate_per_s *= factor);
    if parameters.units > 0 {
        let mean = speed / instance.servers.len() as f64;
        instance.allocation = Allocation::Units { macs_per_s: mean / f64::from(parameters.units) };
    }
    instance
}

/// The blocks of a DNN, gathered into up to `most` partitions of about equal work, each with its blocks; each has some work.
fn gathered(chain: &Chain, output_bytes: u64, most: usize) -> Vec<(Partition, Range<usize>)> {
    let total = chain.macs() as f64;
    let mut gathered: Vec<(Partition, Range<usize>)> = Vec::with_capacity(most);
    let (mut macs, mut before, mut first) = (0u64, 0u64, 0);
    for (b, block) in chain.blocks.iter().enumerate() {
        macs += block.macs;
        let is_last = b + 1 == chain.blocks.len();
        let is_enough = (before + macs) as f64 >= total * (gathered.len() + 1) as f64 / most as f64;
        if macs > 0 && is_enough && !is_last {
            let partition = Partition { macs: macs as f64, out_bytes: chain.cut_bytes[b + 1] as f64 };
            gathered.push((partition, first..b + 1));
            (macs, before, first) = (0, before + macs, b + 1);
        } else if is_last {
            match gathered.last_mut() {
                // Blocks without work at the end (a lone activation) go with what is before them.
                Some((last, blocks)) if macs == 0 => {
                    last.out_bytes = output_bytes as f64;
                    blocks.end = b + 1;
                }
                _ => {
                    let partition = Partition { macs: macs.max(1) as f64, out_bytes: output_bytes as f64 };
                    gathered.push((partition, first..b + 1));
                }
            }
        }
    }
    gathered
}

/// Ways between servers: those of the topology, whose name then is in the instance's, or drawn ones.
fn links_of_zoo(origin: &mut Origin, parameters: &Parameters, seed: u64) -> Result<Vec<Vec<f64>>, InputError> {
    if parameters.topology.is_empty() {
        return Ok(links(parameters, seed, "zoo", WIRED_BYTES_PER_S * parameters.bandwidth));
    }
    let (id, speeds) = topology::speeds(&parameters.topology, parameters.servers, seed)?;
    origin.name = format!("{} on {id}", origin.name);
    Ok(speeds)
}

/// Every flow draws a model, an uplink, and factors on the speed of the uplink and on its rate.
fn zoo(mut origin: Origin, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    let graphs: Vec<Graph> = parameters::graphs(&parameters.models)?;
    let uplinks = parameters::links(&parameters.links)?;
    // Servers are around the speed of their machines, its mean over the models in play.
    let machines = parameters::machines("machines", &parameters.machines)?;
    let kinds = measured::kinds(parameters.work, (&machines[1..], "machines"), (&machines[0], "machines"), &graphs)?;
    let speeds = machines.iter().map(|machine| measured::mean_speed("machines", machine, &graphs));
    let speeds: Vec<f64> = speeds.collect::<Result<_, InputError>>()?;
    let mut servers = servers(parameters, seed, "zoo", speeds[0]);
    let mut of_server = Stream::new(&["jpdra", "zoo", "machines"], seed);
    let drawn: Vec<usize> = servers.iter().map(|_| of_server.below(machines.len() as u64) as usize).collect();
    for (server, at) in servers.iter_mut().zip(&drawn).filter(|(_, at)| **at > 0) {
        server.machine.speed *= speeds[*at] / speeds[0];
    }
    let link_bytes_per_s = links_of_zoo(&mut origin, parameters, seed)?;
    let mut stream = Stream::new(&["jpdra", "zoo", "flows"], seed);
    let mut blocks: Vec<Blocks> = Vec::new();
    let flows = (0..parameters.flows)
        .map(|_| {
            let m = stream.below(graphs.len() as u64) as usize;
            let graph = &graphs[m];
            let link = stream.pick(&uplinks);
            let chain = graph.chain();
            let (partitions, ranges): (Vec<_>, Vec<_>) =
                gathered(&chain, graph.output_bytes(), parameters.partitions as usize).into_iter().unzip();
            let mut ways = |bytes_per_s: f64| -> Vec<f64> {
                let own = bytes_per_s * parameters.bandwidth * spread(&mut stream, 2.0);
                servers.iter().map(|_| own * spread(&mut stream, 2.0)).collect()
            };
            let (uplink_bytes_per_s, downlink_bytes_per_s) =
                (ways(link.uplink_bytes_per_s), ways(link.uplink_bytes_per_s));
            let flow = Flow {
                rate_per_s: spread(&mut stream, 4.0),
                input_bytes: chain.cut_bytes[0] as f64,
                partitions,
                work_s: Vec::new(),
                result_bytes: Some(graph.output_bytes() as f64),
                uplink_bytes_per_s,
                downlink_bytes_per_s,
            };
            blocks.push((m, chain, ranges));
            flow
        })
        .collect();
    let instance = Instance {
        origin,
        machine_kinds: Vec::new(),
        flows,
        servers,
        link_bytes_per_s,
        allocation: Allocation::Continuous,
    };
    let instance = scaled(instance, parameters);
    let machines: Vec<_> = drawn.iter().map(|at| (&machines[*at], speeds[*at])).collect();
    Ok(match kinds {
        Some(kinds) => in_seconds(instance, kinds, &machines, speeds[0], &blocks),
        None => instance,
    })
}

/// A flow's model, its chain, and the blocks of each partition.
type Blocks = (usize, Chain, Vec<Range<usize>>);

/// The same system in seconds: a server is so many times as fast as its machine. `machines` has that of every server with its speed in MAC/s; units
/// are of the speed `of_units`.
fn in_seconds(
    mut instance: Instance,
    kinds: Kinds,
    machines: &[(&LayerTimes, f64)],
    of_units: f64,
    blocks: &[Blocks],
) -> Instance {
    for (server, (machine, macs_per_s)) in instance.servers.iter_mut().zip(machines) {
        server.machine = Machine::of_kind(kinds.of(machine), server.machine.speed / macs_per_s);
    }
    if let Allocation::Units { macs_per_s } = &mut instance.allocation {
        *macs_per_s /= of_units;
    }
    for (flow, (m, chain, ranges)) in instance.flows.iter_mut().zip(blocks) {
        let of_kind = |seconds: Vec<f64>| ranges.iter().map(|range| seconds[range.clone()].iter().sum()).collect();
        flow.work_s = kinds.blocks(*m, chain).into_iter().map(of_kind).collect();
    }
    instance.machine_kinds = measured::of(Some(kinds));
    instance
}

/// Gigabit Ethernet between servers.
const WIRED_BYTES_PER_S: f64 = 1.25e8;

/// Random partitions; ways are as fast as makes a hop take `transfer` times what a stage takes.
fn synthetic(origin: Origin, parameters: &Parameters, seed: u64) -> Instance {
    let family = "synthetic";
    let servers = servers(parameters, seed, family, 1e10);
    let mut stream = Stream::new(&["jpdra", family, "flows"], seed);
    let mut flows: Vec<Flow> = (0..parameters.flows)
        .map(|_| {
            let mut partition = || Partition {
                macs: stream.log_uniform(1e8, 1e9).round(),
                out_bytes: stream.log_uniform(1e5, 1e6).round(),
            };
            let partitions = (0..parameters.partitions).map(|_| partition()).collect();
            Flow {
                rate_per_s: spread(&mut stream, 4.0),
                input_bytes: stream.log_uniform(1e5, 1e6).round(),
                partitions,
                work_s: Vec::new(),
                result_bytes: None,
                uplink_bytes_per_s: servers.iter().map(|_| spread(&mut stream, 4.0)).collect(),
                downlink_bytes_per_s: Vec::new(),
            }
        })
        .collect();
    let base = |flows, links, servers, origin| Instance {
        origin,
        flows,
        servers,
        link_bytes_per_s: links,
        machine_kinds: Vec::new(),
        allocation: Allocation::Continuous,
    };
    // What a stage takes if all servers were one, at the load asked for (or half of what is left at full load): the yardstick of hops.
    let probe = scaled(base(flows.clone(), Vec::new(), servers.clone(), Origin::default()), parameters);
    let speed: f64 = probe.servers.iter().map(|server| server.machine.speed).sum();
    let rate: f64 = probe.flows.iter().map(|flow| flow.rate_per_s).sum();
    let roots = |flow: &Flow| -> f64 {
        flow.partitions.iter().map(|partition| libm::sqrt(flow.rate_per_s * partition.macs / rate)).sum()
    };
    let roots: f64 = probe.flows.iter().map(roots).sum();
    let left = speed * (1.0 - parameters.load).max(0.05);
    let stage_s = roots * roots / left / f64::from(parameters.partitions);
    let mean_bytes = 9e5 / libm::log(10.0);
    if parameters.transfer == 0.0 {
        for flow in &mut flows {
            flow.input_bytes = 0.0;
            flow.partitions.iter_mut().for_each(|partition| partition.out_bytes = 0.0);
        }
    }
    let hop_s = if parameters.transfer == 0.0 { stage_s } else { stage_s * parameters.transfer };
    let bytes_per_s = parameters.bandwidth * mean_bytes / hop_s;
    flows.iter_mut().flat_map(|flow| &mut flow.uplink_bytes_per_s).for_each(|speed| *speed *= bytes_per_s);
    let links = links(parameters, seed, family, bytes_per_s);
    scaled(base(flows, links, servers, origin), parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{hash, instance_bytes, parse_instance};
    use crate::jpdra::Jpdra;

    /// Golden hashes: if this test fails, every published instance has changed.
    #[test]
    fn same_seed_same_bytes() {
        let hashes: Vec<String> = FAMILIES
            .iter()
            .map(|family| hash::<Jpdra>(&generate(family.name, &Parameters::default(), 1).expect("legal")))
            .collect();
        assert_eq!(hashes, GOLDEN);
    }
    const GOLDEN: [&str; 6] = [
        "74c3dc65a014a2781e76527fbf2d8dc3",
        "95ff65c17ee9865becbc6dddcf67a7d8",
        "14db84a8a38ac1df280ef652ff4d8f67",
        "e9cf9971e31406f8632167c0c84d1142",
        "8eaddce90878b45ad76c6504effd9d72",
        "a170da6735db3b1bfda0e7bf2ce13025",
    ];

    #[test]
    fn every_family_is_legal_and_survives_its_file() {
        for family in FAMILIES {
            for (seed, (flows, partitions, servers)) in [(1, 1, 1), (3, 5, 4), (20, 8, 10)].into_iter().enumerate() {
                for (load, units, missing) in [(0.3, 0, 0.0), (0.9, 40, 0.5), (1.5, 3, 1.0)] {
                    let parameters =
                        Parameters { flows, partitions, servers, load, units, missing, ..Parameters::default() };
                    let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                    let bytes = instance_bytes::<Jpdra>(&instance);
                    assert_eq!(instance, parse_instance::<Jpdra>(&bytes).expect("readable"));
                    let speed: f64 = instance.servers.iter().map(|server| server.machine.speed).sum();
                    let work = |flow: &Flow| flow.partitions.iter().map(|p| p.macs * flow.rate_per_s).sum::<f64>();
                    let work: f64 = instance.flows.iter().map(work).sum();
                    assert!((work / speed - load).abs() < 1e-9, "{}: load {}", family.name, work / speed);
                }
            }
        }
    }

    #[test]
    fn partitions_of_a_dnn_keep_all_of_its_work() {
        for model in ["alexnet", "vgg16", "resnet50", "tiny_yolov2", "gpt2"] {
            for partitions in [1, 2, 4, 8, 100] {
                let models = vec![model.to_owned()];
                let parameters = Parameters { models, partitions, ..Parameters::default() };
                let instance = generate("zoo", &parameters, 1).expect("legal");
                let graph = crate::dnn::zoo::graph(model).expect("known");
                for flow in &instance.flows {
                    let macs: f64 = flow.partitions.iter().map(|partition| partition.macs).sum();
                    assert_eq!(macs, graph.macs() as f64, "{model}");
                    assert!(flow.partitions.len() <= partitions as usize);
                    // The last block of gpt2 alone is a third of its work.
                    let is_full = flow.partitions.len() == partitions as usize;
                    assert!(partitions > 4 || model == "gpt2" || is_full, "{model} {partitions}");
                }
            }
        }
    }

    #[test]
    fn parameters_are_set_by_name_and_rejected_with_a_remedy() {
        let base = Parameters::default();
        assert_eq!(base.with("flows", 7.0.into()).expect("known").flows, 7);
        assert!(base.with("flow", 7.into()).is_err());
        for (name, value) in [
            ("flows", 0.into()),
            ("partitions", 0.into()),
            ("servers", 2000.into()),
            ("load", 0.0.into()),
            ("heterogeneity", 0.5.into()),
            ("transfer", (-1.0).into()),
            ("missing", 1.5.into()),
            ("models", serde_json::json!(["lenet"])),
        ] {
            let parameters = base.with(name, value).expect("the right type");
            assert!(generate("zoo", &parameters, 0).expect_err(name).to_string().contains(name));
        }
        assert!(generate("zo", &base, 0).expect_err("unknown").to_string().contains("zoo, synthetic, queue"));
    }
}
