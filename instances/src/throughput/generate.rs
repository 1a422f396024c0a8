//! Families of instances. Same family, parameters and seed: same bytes, on every platform.
//!
//! | family | requests | what it is for |
//! |---|---|---|
//! | `zoo` | real DNNs, as layer graphs or as chains of blocks, on catalogue devices and links, with a spread of a factor of 2 around the catalogue's figures; cloudlets and access points at random places of a square | the tables |
//! | `synthetic` | random layer graphs with branches and shortcuts, devices and links over an order of magnitude | what does not depend on our zoo |
//! | `tight` | pairs A, B with two cloudlets of one thread: A fits both, B only the first | local ratio gets exactly half |
//! | `equal` | all alike: every request takes 3 threads everywhere, and meets its deadline with equality | ties; threads that no request can use |
//! | `single` | every request reaches one cloudlet only | many knapsacks in one instance: a bound has to see it |
//!
//! Deadlines of `zoo` and `synthetic`: what sending the raw input to four threads of a mean cloudlet takes without any hop, times `deadline`,
//! times a factor in [1/2, 3/2), every ratio equally likely: some meet it on their device, some need a few threads, some many, some
//! cannot be served.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::{Cloudlet, Instance, Model, Request};
use crate::dnn::Graph;
use crate::dnn::machine_file::LayerTimes;
use crate::error::InputError;
use crate::family::{Family, Settable};
use crate::machine::Machine;
use crate::measured::{self, Kinds, Work};
use crate::origin::Origin;
use crate::parameters::{self, place};
use crate::problem::Valid;
use crate::random::Stream;
use crate::range;
use crate::speedup::{Law, Speedup};

/// All families.
pub const FAMILIES: [Family; 5] = [
    Family { name: "zoo", about: "real DNNs on mixed devices and links, cloudlets in a square" },
    Family { name: "synthetic", about: "random layer graphs, devices and links" },
    Family { name: "tight", about: "adversarial: pairs on which local ratio gets exactly half" },
    Family { name: "equal", about: "adversarial: every request takes 3 threads everywhere" },
    Family { name: "single", about: "adversarial: every request reaches one cloudlet only" },
];

/// What a family can be asked for. Every number can be swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Requests.
    pub requests: u32,
    /// Cloudlets (`tight` has as many as requests).
    pub cloudlets: u32,
    /// Threads of a cloudlet, on average; half as many to one and a half times as many (`zoo`, `synthetic`).
    pub threads: u32,
    /// The most threads one request may get.
    pub max_threads: u32,
    /// Factor on every deadline (`zoo`, `synthetic`).
    pub deadline: f64,
    /// Factor on every uplink (`zoo`, `synthetic`).
    pub bandwidth: f64,
    /// Factor on the speed of every device (`zoo`, `synthetic`).
    pub device_speed: f64,
    /// Factor on the speed of every thread (`zoo`, `synthetic`).
    pub cloudlet_speed: f64,
    /// The speed-up law of threads.
    pub speedup: Law,
    /// Parallel fraction p of Amdahl's law.
    pub parallel_fraction: f64,
    /// Profits are whole numbers from 1 to this; 1 counts requests (`zoo`, `synthetic`, `single`).
    pub most_profit: u32,
    /// Access points (`zoo`, `synthetic`).
    pub access_points: u32,
    /// Speed of one hop between an access point and a cloudlet, in bytes/s (`zoo`, `synthetic`).
    pub hop_bytes_per_s: f64,
    /// Layer graphs or chains of blocks (`zoo`).
    pub view: View,
    /// Models requests draw from, by name in the zoo (`zoo`).
    pub models: Vec<String>,
    /// Devices requests draw from, by name in the catalogue or by path (`zoo`).
    pub devices: Vec<String>,
    /// Links requests draw from, by name in the catalogue or by path (`zoo`).
    pub links: Vec<String>,
    /// Machines that one thread of a cloudlet is, by name in the catalogue or by path; cloudlets draw from them (`zoo`).
    pub machines: Vec<String>,
    /// Whether work is in MACs, or in seconds of every layer on every kind of machine (`zoo`).
    pub work: Work,
    /// Layers of a random graph, the input apart (`synthetic`, `single`).
    pub layers: u32,
}

/// What of a DNN an instance carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Every layer: cuts may run through several tensors.
    Dag,
    /// Blocks between layers where exactly one tensor crosses.
    Chain,
}

impl Default for Parameters {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            requests: 200,
            cloudlets: 10,
            threads: 16,
            max_threads: 8,
            deadline: 1.0,
            bandwidth: 1.0,
            device_speed: 1.0,
            cloudlet_speed: 1.0,
            speedup: Law::Amdahl,
            parallel_fraction: 0.9,
            most_profit: 1,
            access_points: 20,
            hop_bytes_per_s: 1.25e7,
            view: View::Dag,
            models: names(&[
                "alexnet",
                "vgg16",
                "resnet18",
                "resnet50",
                "googlenet",
                "mobilenet_v2",
                "inception_v3",
                "tiny_yolov2",
            ]),
            devices: names(&["raspberry-pi-3b-plus", "phone-budget", "raspberry-pi-4"]),
            links: names(&["wifi", "5g", "wifi4", "wifi5"]),
            machines: names(&["server-core"]),
            work: Work::Macs,
            layers: 12,
        }
    }
}

impl Settable for Parameters {}

impl Parameters {
    fn validate(&self) -> Result<(), InputError> {
        let at_least_one =
            [("requests", self.requests), ("access_points", self.access_points), ("max_threads", self.max_threads)];
        for (name, value) in at_least_one.into_iter().chain([("most_profit", self.most_profit)]) {
            if value == 0 {
                return Err(InputError::at(place(name), "is 0", "give at least 1"));
            }
        }
        for (name, value, most) in [
            ("layers", self.layers, 10_000),
            ("cloudlets", self.cloudlets, 100_000),
            ("access_points", self.access_points, 100_000),
            ("threads", self.threads, 1_000_000_000),
            ("most_profit", self.most_profit, 1_000_000),
        ] {
            if value > most || name == "layers" && value == 0 {
                return Err(InputError::at(
                    place(name),
                    format!("is {value}"),
                    format!("give at most {most}, and a layer"),
                ));
            }
        }
        parameters::factor("deadline", self.deadline)?;
        parameters::factor("bandwidth", self.bandwidth)?;
        parameters::factor("device_speed", self.device_speed)?;
        parameters::factor("cloudlet_speed", self.cloudlet_speed)?;
        parameters::share("parallel_fraction", self.parallel_fraction)?;
        range::positive(|| place("hop_bytes_per_s"), self.hop_bytes_per_s)
    }
}

/// Generates an instance.
///
/// # Errors
/// [`InputError`] for an unknown family, model, device or link, or a parameter out of range.
pub fn generate(family: &str, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    parameters.validate()?;
    let name = match (&parameters.models[..], family) {
        ([model], "zoo") => model.clone(),
        _ => format!("{family}-n{}-m{}-s{seed}", parameters.requests, parameters.cloudlets),
    };
    let origin = parameters::origin(name, family, parameters, seed);
    let instance = match family {
        "zoo" => zoo(origin, parameters, seed)?,
        "synthetic" => synthetic(origin, parameters, seed),
        "tight" => tight(origin, parameters, seed),
        "equal" => equal(origin, parameters),
        "single" => single(origin, parameters, seed),
        _ => return Err(Family::unknown(&FAMILIES, family)),
    };
    instance.validate()?;
    Ok(instance)
}

/// A factor in [1/sqrt 2, sqrt 2), every ratio equally likely.
fn spread(stream: &mut Stream) -> f64 {
    stream.log_uniform(core::f64::consts::FRAC_1_SQRT_2, core::f64::consts::SQRT_2)
}

/// A whole profit.
fn profit(parameters: &Parameters, stream: &mut Stream) -> f64 {
    match parameters.most_profit {
        1 => 1.0,
        most => (1 + stream.below(most.into())) as f64,
    }
}

/// The layers of a DNN, or its blocks.
fn model_of(graph: &Graph, view: View) -> Model {
    match view {
        View::Dag => {
            let bare = graph.view();
            let macs = bare.macs.iter().map(|macs| *macs as f64).collect();
            let out_bytes = bare.out_bytes.iter().map(|bytes| *bytes as f64).collect();
            Model::of_macs(graph.name(), macs, out_bytes, bare.edges)
        }
        View::Chain => {
            let chain = graph.chain();
            let blocks = chain.blocks.len();
            let mut out_bytes: Vec<f64> = chain.cut_bytes.iter().map(|bytes| *bytes as f64).collect();
            out_bytes[blocks] = graph.output_bytes() as f64;
            let macs = std::iter::once(0.0).chain(chain.blocks.iter().map(|block| block.macs as f64)).collect();
            Model::of_macs(chain.name, macs, out_bytes, (0..blocks as u32).map(|v| (v, v + 1)).collect())
        }
    }
}

/// Cloudlets around `thread_macs_per_s`, and access points among them: a hop for every fifth of the square's side.
fn cloudlets(
    parameters: &Parameters,
    seed: u64,
    family: &str,
    thread_macs_per_s: f64,
) -> (Vec<Cloudlet>, Vec<Vec<f64>>) {
    let mut stream = Stream::new(&["throughput", family, "cloudlets"], seed);
    let mut law = Stream::new(&["throughput", family, "speedup"], seed);
    let speedup = parameters.speedup.speedup(parameters.parallel_fraction, &mut law);
    let cloudlets: Vec<Cloudlet> = (0..parameters.cloudlets)
        .map(|_| Cloudlet {
            threads: (f64::from(parameters.threads) * stream.uniform(0.5, 1.5)).round() as u32,
            thread: Machine::of_macs(thread_macs_per_s * parameters.cloudlet_speed * spread(&mut stream)),
            max_threads_per_request: parameters.max_threads,
            speedup: speedup.clone(),
        })
        .collect();
    let mut stream = Stream::new(&["throughput", family, "places"], seed);
    let mut places = |count: usize| -> Vec<(f64, f64)> { (0..count).map(|_| (stream.unit(), stream.unit())).collect() };
    let (of_cloudlets, of_access_points) = (places(cloudlets.len()), places(parameters.access_points as usize));
    let hops = |a: &(f64, f64), c: &(f64, f64)| {
        let distance = ((a.0 - c.0) * (a.0 - c.0) + (a.1 - c.1) * (a.1 - c.1)).sqrt();
        (distance * 5.0).floor() / parameters.hop_bytes_per_s
    };
    let row = |a: &(f64, f64)| of_cloudlets.iter().map(|c| hops(a, c)).collect();
    (cloudlets, of_access_points.iter().map(row).collect())
}

/// What is drawn for a request besides its model, device and link.
fn request(
    parameters: &Parameters,
    stream: &mut Stream,
    model: (u32, &Model),
    device: Machine,
    uplink_bytes_per_s: f64,
    thread_macs_per_s: f64,
) -> Request {
    let macs: f64 = model.1.macs.iter().sum();
    let remote_s = model.1.out_bytes[0] / uplink_bytes_per_s + macs / (4.0 * thread_macs_per_s);
    let access_point = stream.below(parameters.access_points.into()) as u32;
    Request {
        model: model.0,
        access_point,
        device,
        uplink_bytes_per_s,
        deadline_s: remote_s * parameters.deadline * stream.log_uniform(0.5, 1.5),
        profit: profit(parameters, stream),
    }
}

/// Every request draws a model, a device, a link, and a factor in [1/sqrt 2, sqrt 2) on the speed of either.
fn zoo(origin: Origin, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    let graphs = parameters::graphs(&parameters.models)?;
    let devices = parameters::machines("devices", &parameters.devices)?;
    let links = parameters::links(&parameters.links)?;
    let servers = parameters::machines("machines", &parameters.machines)?;
    let kinds = zoo_kinds(parameters.work, &devices, &servers, &graphs)?;
    let mut models: Vec<Model> = graphs.iter().map(|graph| model_of(graph, parameters.view)).collect();
    if let Some(kinds) = &kinds {
        let work_s = |(m, graph)| work_of(kinds, m, graph, parameters.view);
        let all: Vec<_> = graphs.iter().enumerate().map(work_s).collect();
        models.iter_mut().zip(all).for_each(|(model, work_s)| model.work_s = work_s);
    }
    let machines = measured::nominal(kinds.as_ref(), (&devices[..], "devices"), &graphs)?;
    // One thread is one machine, at its mean speed over the models in play.
    let speeds = servers.iter().map(|server| measured::mean_speed("machines", server, &graphs));
    let speeds: Vec<f64> = speeds.collect::<Result<_, InputError>>()?;
    let thread_macs_per_s = speeds[0];
    let (mut cloudlets, hop_s_per_byte) = cloudlets(parameters, seed, "zoo", thread_macs_per_s);
    let mut of_cloudlet = Stream::new(&["throughput", "zoo", "machines"], seed);
    for cloudlet in &mut cloudlets {
        let at = of_cloudlet.below(servers.len() as u64) as usize;
        cloudlet.thread = match &kinds {
            Some(kinds) => Machine::of_kind(kinds.of(&servers[at]), cloudlet.thread.speed / thread_macs_per_s),
            None if at > 0 => cloudlet.thread.times(speeds[at] / thread_macs_per_s),
            None => cloudlet.thread,
        };
        if let (Some(speedups), Law::Table) = (servers[at].speedups(), parameters.speedup) {
            cloudlet.speedup = Speedup::Table { speedups: speedups.to_vec() };
        }
    }

    let mut stream = Stream::new(&["throughput", "zoo", "requests"], seed);
    let requests = (0..parameters.requests)
        .map(|_| {
            let m = stream.below(models.len() as u64) as usize;
            let device = stream.below(devices.len() as u64) as usize;
            let link = stream.pick(&links);
            let machine = machines[m][device].times(parameters.device_speed).times(spread(&mut stream));
            let uplink = link.uplink_bytes_per_s * parameters.bandwidth * spread(&mut stream);
            request(parameters, &mut stream, (m as u32, &models[m]), machine, uplink, thread_macs_per_s)
        })
        .collect();
    Ok(Instance { origin, machine_kinds: measured::of(kinds), models, cloudlets, hop_s_per_byte, requests })
}

/// The kinds of devices and cloudlets, if work is in seconds.
fn zoo_kinds(
    work: Work,
    devices: &[LayerTimes],
    servers: &[LayerTimes],
    graphs: &[Graph],
) -> Result<Option<Kinds>, InputError> {
    let all: Vec<LayerTimes> = devices.iter().chain(&servers[1..]).cloned().collect();
    measured::kinds(work, (&all[..], "devices"), (&servers[0], "machines"), graphs)
}

/// Seconds of the layers of model `m`, or of the blocks of its chain, on every kind; the input comes first.
fn work_of(kinds: &Kinds, m: usize, graph: &Graph, view: View) -> Vec<Option<Vec<f64>>> {
    match view {
        View::Dag => kinds.layers(m).iter().cloned().map(Some).collect(),
        View::Chain => {
            let with_input = |blocks: Vec<f64>| Some(std::iter::once(0.0).chain(blocks).collect());
            kinds.blocks(m, &graph.chain()).into_iter().map(with_input).collect()
        }
    }
}

/// A random layer graph: mostly a chain, with branches and shortcuts; outputs shrink along the way.
fn random_model(name: String, layers: usize, stream: &mut Stream) -> Model {
    let input = stream.log_uniform(1e5, 1e6).round();
    let mut macs = vec![0.0];
    let mut out_bytes = vec![input];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    for v in 1..=layers {
        macs.push(stream.log_uniform(1e7, 1e9).round());
        let shrink = libm::pow(0.02, v as f64 / layers as f64);
        out_bytes.push((input * shrink * stream.log_uniform(0.3, 3.0)).round().max(1.0));
        // The layer before, or one up to four back: a branch. Then perhaps one more: a shortcut.
        let back = |stream: &mut Stream| (v as u64 - 1).saturating_sub(stream.below(4)) as u32;
        let first = if stream.below(3) == 0 { back(stream) } else { v as u32 - 1 };
        edges.push((first, v as u32));
        if stream.below(3) == 0 {
            let second = back(stream);
            if second != first {
                edges.push((second, v as u32));
            }
        }
    }
    // One result: what nobody reads goes to the last layer.
    let is_read = |v: u32| edges.iter().any(|(from, _)| *from == v);
    let idle: Vec<u32> = (0..layers as u32).filter(|v| !is_read(*v)).collect();
    edges.extend(idle.into_iter().map(|v| (v, layers as u32)));
    edges.sort_unstable();
    Model::of_macs(name, macs, out_bytes, edges)
}

fn random_models(parameters: &Parameters, seed: u64, family: &str) -> Vec<Model> {
    let mut stream = Stream::new(&["throughput", family, "models"], seed);
    (0..8).map(|m| random_model(format!("{family}-{m}"), parameters.layers as usize, &mut stream)).collect()
}

/// Random layer graphs; devices and links over an order of magnitude.
fn synthetic(origin: Origin, parameters: &Parameters, seed: u64) -> Instance {
    let models = random_models(parameters, seed, "synthetic");
    let thread_macs_per_s = 1e10;
    let (cloudlets, hop_s_per_byte) = cloudlets(parameters, seed, "synthetic", thread_macs_per_s);
    let mut stream = Stream::new(&["throughput", "synthetic", "requests"], seed);
    let requests = (0..parameters.requests)
        .map(|_| {
            let m = stream.below(8) as usize;
            let device_macs_per_s = parameters.device_speed * stream.log_uniform(1e9, 1e10);
            let uplink = parameters.bandwidth * stream.log_uniform(5e5, 5e6);
            request(
                parameters,
                &mut stream,
                (m as u32, &models[m]),
                Machine::of_macs(device_macs_per_s),
                uplink,
                thread_macs_per_s,
            )
        })
        .collect();
    Instance { origin, machine_kinds: Vec::new(), models, cloudlets, hop_s_per_byte, requests }
}

/// One byte sent in 1 s, and work that a device would take far too long for.
fn simple_request(access_point: u32, deadline_s: f64) -> Request {
    let device = Machine::of_macs(1e-3);
    Request { model: 0, access_point, device, uplink_bytes_per_s: 1.0, deadline_s, profit: 1.0 }
}

fn simple_model(macs: f64) -> Model {
    Model::of_macs("simple", vec![0.0, macs], vec![1.0, 1.0], vec![(0, 1)])
}

/// A hop nobody waits for.
const FAR_S_PER_BYTE: f64 = 1e6;

/// Pairs in a random order. Pair t has cloudlets 2t and 2t+1; its A reaches both, its B, which comes later, only the first.
fn tight(origin: Origin, parameters: &Parameters, seed: u64) -> Instance {
    let mut stream = Stream::new(&["throughput", "tight"], seed);
    let pairs = parameters.requests.div_ceil(2) as usize;
    let thread = Machine::of_macs(1.0);
    let one = Cloudlet { threads: 1, thread, max_threads_per_request: 1, speedup: Speedup::Linear };
    let reaches = |near: &dyn Fn(usize) -> bool| -> Vec<f64> {
        (0..2 * pairs).map(|j| if near(j) { 0.0 } else { FAR_S_PER_BYTE }).collect()
    };
    // Access points 2t and 2t+1 are those of A and B.
    let hop_s_per_byte = (0..pairs).flat_map(|t| [reaches(&|j| j / 2 == t), reaches(&|j| j == 2 * t)]).collect();
    let mut order: Vec<u32> = (0..pairs as u32).collect();
    stream.shuffle(&mut order);
    let first = order.iter().map(|t| simple_request(2 * t, 2.0));
    let second = order.iter().map(|t| simple_request(2 * t + 1, 2.0));
    Instance {
        origin,
        machine_kinds: Vec::new(),
        models: vec![simple_model(1.0)],
        cloudlets: vec![one; 2 * pairs],
        hop_s_per_byte,
        requests: first.chain(second).take(parameters.requests as usize).collect(),
    }
}

/// Sending takes 1 s, the work 3 s of one thread, the deadline is 2 s.
fn equal(origin: Origin, parameters: &Parameters) -> Instance {
    let cloudlet = Cloudlet {
        threads: parameters.threads,
        thread: Machine::of_macs(1.0),
        max_threads_per_request: parameters.max_threads.max(3),
        speedup: Speedup::Linear,
    };
    Instance {
        origin,
        machine_kinds: Vec::new(),
        models: vec![simple_model(3.0)],
        cloudlets: vec![cloudlet; parameters.cloudlets as usize],
        hop_s_per_byte: vec![vec![0.0; parameters.cloudlets as usize]],
        requests: vec![simple_request(0, 2.0); parameters.requests as usize],
    }
}

/// As many access points as cloudlets, each with its own; all other cloudlets are too far.
fn single(origin: Origin, parameters: &Parameters, seed: u64) -> Instance {
    let one_point = Parameters { access_points: 1, ..parameters.clone() };
    let mut instance = synthetic(origin, &one_point, seed);
    instance.models = random_models(parameters, seed, "synthetic");
    let cloudlets = instance.cloudlets.len();
    let mut stream = Stream::new(&["throughput", "single", "places"], seed);
    let reaches = |a: usize| (0..cloudlets).map(|j| if j == a { 0.0 } else { FAR_S_PER_BYTE }).collect();
    instance.hop_s_per_byte = (0..cloudlets.max(1)).map(reaches).collect();
    for request in &mut instance.requests {
        request.access_point = stream.below(cloudlets.max(1) as u64) as u32;
    }
    instance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{hash, instance_bytes, parse_instance};
    use crate::throughput::Throughput;

    /// Golden hashes: if this test fails, every published instance has changed.
    #[test]
    fn same_seed_same_bytes() {
        let hashes: Vec<String> = FAMILIES
            .iter()
            .map(|family| hash::<Throughput>(&generate(family.name, &Parameters::default(), 1).expect("legal")))
            .collect();
        assert_eq!(hashes, GOLDEN);
    }
    const GOLDEN: [&str; 5] = [
        "51a413dbcb6d960f98c04c47e557a055",
        "342182be9e455b2bf6545b0d576e57d7",
        "42140d503e6e8721c101d7993bb9e16c",
        "c6e09ac63e10f6a06e5a8f0f891946e3",
        "67d4940f9795ca41511e27bfa92fc14c",
    ];

    #[test]
    fn every_family_is_legal_and_survives_its_file() {
        for family in FAMILIES {
            for (seed, (requests, cloudlets)) in [(1, 0), (2, 1), (31, 7), (500, 20)].into_iter().enumerate() {
                for (speedup, view) in [(Law::Linear, View::Dag), (Law::Amdahl, View::Chain), (Law::Table, View::Dag)] {
                    let most_profit = seed as u32 + 1;
                    let parameters =
                        Parameters { requests, cloudlets, speedup, view, most_profit, ..Parameters::default() };
                    let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                    let bytes = instance_bytes::<Throughput>(&instance);
                    assert_eq!(instance, parse_instance::<Throughput>(&bytes).expect("readable"));
                    assert_eq!(instance.requests.len(), requests as usize);
                }
            }
        }
        let one = generate("zoo", &Parameters::default(), 1).expect("legal");
        let two = generate("zoo", &Parameters::default(), 2).expect("legal");
        assert_ne!(one.requests, two.requests);
    }

    #[test]
    fn chains_and_graphs_have_the_same_work() {
        let view = |view| generate("zoo", &Parameters { view, ..Parameters::default() }, 1).expect("legal");
        let (graphs, chains) = (view(View::Dag), view(View::Chain));
        for (graph, chain) in graphs.models.iter().zip(&chains.models) {
            assert_eq!(graph.macs.iter().sum::<f64>(), chain.macs.iter().sum::<f64>());
            assert_eq!(graph.out_bytes[0], chain.out_bytes[0]);
            assert!(graph.layers() > chain.layers() || graph.edges.len() == graph.layers() - 1);
        }
        assert_eq!(graphs.requests, chains.requests);
    }

    #[test]
    fn parameters_are_set_by_name_and_rejected_with_a_remedy() {
        let base = Parameters::default();
        assert_eq!(base.with("requests", 7.0.into()).expect("known").requests, 7);
        assert_eq!(base.with("view", "chain".into()).expect("known").view, View::Chain);
        assert!(base.with("request", 7.into()).is_err());
        for (name, value) in [
            ("requests", 0.into()),
            ("layers", 0.into()),
            ("max_threads", 0.into()),
            ("max_threads", 70_000.into()),
            ("deadline", 0.0.into()),
            ("parallel_fraction", 1.5.into()),
            ("models", serde_json::json!(["lenet"])),
        ] {
            let parameters = base.with(name, value).expect("the right type");
            let input_error = generate("zoo", &parameters, 0).or(generate("synthetic", &parameters, 0)).map(|_| ());
            assert!(input_error.is_err() || name == "models", "{name}");
            assert!(generate("zoo", &parameters, 0).expect_err(name).to_string().contains(name));
        }
        assert!(generate("zo", &base, 0).expect_err("unknown").to_string().contains("zoo, synthetic, tight"));
    }
}
