//! Families of instances. Same family, parameters and seed: same bytes, on every platform.
//!
//! | family | users | speed-up | what it is for |
//! |---|---|---|---|
//! | `zoo` | real DNNs of the zoo on catalogue devices and links, with a spread of a factor of 2 around the catalogue's figures | as asked, Amdahl by default | the tables |
//! | `synthetic` | random chains whose cut sizes mostly fall, devices and links over two orders of magnitude | as asked | what does not depend on our zoo |
//! | `plateau` | few kinds of users, so many ties; zero MACs, zero bytes and zero round-trip times among them | a table that rises in steps, far apart | adversarial: where careless algorithms stop early |

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::{Instance, Objective, Server, User};
use crate::dnn::{Chain, Graph};
use crate::error::InputError;
use crate::family::{Family, Settable};
use crate::machine::{Machine, MachineKind};
use crate::measured::{self, Work};
use crate::model::Model;
use crate::parameters::{self, place};
use crate::problem::Valid;
use crate::random::Stream;
use crate::speedup::{Law, Speedup};

/// All families.
pub const FAMILIES: [Family; 3] = [
    Family { name: "zoo", about: "real DNNs on mixed devices and links" },
    Family { name: "synthetic", about: "random chains, devices and links" },
    Family { name: "plateau", about: "adversarial: ties, zeros, and a speed-up that rises in far steps" },
];

/// What a family can be asked for. Every number can be swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Users (n).
    pub users: u32,
    /// Units of the server (beta).
    pub units: u32,
    /// Worst latency or sum.
    pub objective: Objective,
    /// Factor on every uplink.
    pub bandwidth: f64,
    /// Factor on the speed of every device.
    pub device_speed: f64,
    /// The speed-up law; the family `plateau` has its own.
    pub speedup: Law,
    /// Parallel fraction p of Amdahl's law.
    pub parallel_fraction: f64,
    /// Models users draw from, by name in the zoo (`zoo` only).
    pub models: Vec<String>,
    /// Devices users draw from, by name in the catalogue or by path (`zoo` only).
    pub devices: Vec<String>,
    /// Links users draw from, by name in the catalogue or by path (`zoo` only).
    pub links: Vec<String>,
    /// The machine that one unit of the server is, by name in the catalogue or by path (`zoo` only). If its speed-up over threads was measured, the law
    /// `table` is that.
    pub server: String,
    /// Whether work is in MACs, or in seconds of every layer on every kind of machine (`zoo` only).
    pub work: Work,
    /// Blocks per chain (`synthetic` and `plateau`).
    pub blocks: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            users: 20,
            units: 40,
            objective: Objective::Max,
            bandwidth: 1.0,
            device_speed: 1.0,
            speedup: Law::Amdahl,
            parallel_fraction: 0.95,
            models: names(&[
                "alexnet",
                "vgg16",
                "nin",
                "resnet18",
                "resnet50",
                "googlenet",
                "mobilenet_v2",
                "tiny_yolov2",
            ]),
            devices: names(&["raspberry-pi-4", "phone-budget", "phone", "jetson-nano"]),
            links: names(&["4g", "wifi", "5g", "wifi4"]),
            server: "server-core".into(),
            work: Work::Macs,
            blocks: 8,
        }
    }
}

impl Settable for Parameters {}

impl Parameters {
    fn validate(&self) -> Result<(), InputError> {
        if self.users == 0 {
            return Err(InputError::at(place("users"), "is 0", "give at least one user"));
        }
        if self.blocks == 0 || self.blocks > 10_000 {
            return Err(InputError::at(place("blocks"), format!("is {}", self.blocks), "give 1 to 10000 blocks"));
        }
        parameters::factor("bandwidth", self.bandwidth)?;
        parameters::factor("device_speed", self.device_speed)?;
        parameters::share("parallel_fraction", self.parallel_fraction)
    }
}

/// Generates an instance.
///
/// # Errors
/// [`InputError`] for an unknown family, model, device or link, or a parameter out of range.
pub fn generate(family: &str, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    parameters.validate()?;
    let Drawn { machine_kinds, models, unit, users, speedup } = match family {
        "zoo" => zoo_users(parameters, seed)?,
        "synthetic" => synthetic_users(parameters, seed),
        "plateau" => plateau_users(parameters, seed),
        _ => return Err(Family::unknown(&FAMILIES, family)),
    };
    let name = match (&parameters.models[..], family) {
        ([model], "zoo") => model.clone(),
        _ => format!("{family}-n{}-b{}-s{seed}", parameters.users, parameters.units),
    };
    let instance = Instance {
        origin: parameters::origin(name, family, parameters, seed),
        objective: parameters.objective,
        machine_kinds,
        models,
        server: Server { units: parameters.units, unit, speedup },
        users,
    };
    instance.validate()?;
    Ok(instance)
}

/// The chain of a DNN as an instance carries it.
pub(crate) fn model(chain: &Chain) -> Model {
    let macs = chain.blocks.iter().map(|block| block.macs as f64).collect();
    let cut_bytes = chain.cut_bytes.iter().map(|bytes| *bytes as f64).collect();
    Model::of_macs(chain.name.clone(), macs, cut_bytes)
}

/// What a family draws.
struct Drawn {
    machine_kinds: Vec<MachineKind>,
    models: Vec<Model>,
    unit: Machine,
    users: Vec<User>,
    speedup: Speedup,
}

impl Drawn {
    /// Work is in MACs.
    fn of_macs(models: Vec<Model>, unit_macs_per_s: f64, users: Vec<User>, speedup: Speedup) -> Self {
        Self { machine_kinds: Vec::new(), models, unit: Machine::of_macs(unit_macs_per_s), users, speedup }
    }
}

/// Every user draws a model, a device, a link, and a factor in [1/sqrt 2, sqrt 2) on the speed of either.
fn zoo_users(parameters: &Parameters, seed: u64) -> Result<Drawn, InputError> {
    let graphs = parameters::graphs(&parameters.models)?;
    let devices = parameters::machines("devices", &parameters.devices)?;
    let links = parameters::links(&parameters.links)?;
    let server = parameters::machine("server", &parameters.server)?;
    let kinds = measured::kinds(parameters.work, (&devices[..], "devices"), (&server, "server"), &graphs)?;
    let machines = measured::nominal(kinds.as_ref(), (&devices[..], "devices"), &graphs)?;
    let unit = match &kinds {
        Some(kinds) => Machine::of_kind(kinds.of(&server), 1.0),
        None => Machine::of_macs(measured::mean_speed("server", &server, &graphs)?),
    };

    let mut stream = Stream::new(&["multiuser", "zoo", "users"], seed);
    let (least, most) = (core::f64::consts::FRAC_1_SQRT_2, core::f64::consts::SQRT_2);
    let users = (0..parameters.users)
        .map(|_| {
            let model = stream.below(graphs.len() as u64) as usize;
            let device = stream.below(devices.len() as u64) as usize;
            let link = stream.pick(&links);
            let device_factor = parameters.device_speed * stream.log_uniform(least, most);
            let link_factor = parameters.bandwidth * stream.log_uniform(least, most);
            User {
                model: model as u32,
                device: machines[model][device].times(device_factor),
                uplink_bytes_per_s: link.uplink_bytes_per_s * link_factor,
                rtt_s: link.rtt_s,
            }
        })
        .collect();
    let model = |(m, graph): (usize, &Graph)| {
        let chain = graph.chain();
        let work_s =
            kinds.as_ref().map_or_else(Vec::new, |kinds| kinds.blocks(m, &chain).into_iter().map(Some).collect());
        Model { work_s, ..model(&chain) }
    };
    let models = graphs.iter().enumerate().map(model).collect();
    let speedup = match server.speedups() {
        Some(speedups) if parameters.speedup == Law::Table => Speedup::Table { speedups: speedups.to_vec() },
        _ => speedup(parameters, seed),
    };
    Ok(Drawn { machine_kinds: measured::of(kinds), models, unit, users, speedup })
}

/// Chains with MACs around 1e8 per block and tensors that shrink along the way; devices and links over two orders of magnitude.
fn synthetic_users(parameters: &Parameters, seed: u64) -> Drawn {
    let mut stream = Stream::new(&["multiuser", "synthetic", "models"], seed);
    let blocks = parameters.blocks as usize;
    let models = (0..8)
        .map(|m| {
            let macs = (0..blocks).map(|_| stream.log_uniform(1e7, 1e9).round()).collect();
            let input = stream.log_uniform(1e5, 1e6);
            let mut cut_bytes: Vec<f64> = (0..blocks)
                .map(|s| {
                    let shrink = libm::pow(0.02, s as f64 / blocks as f64);
                    (input * shrink * stream.log_uniform(0.3, 3.0)).round().max(1.0)
                })
                .collect();
            cut_bytes.push(0.0);
            Model::of_macs(format!("synthetic-{m}"), macs, cut_bytes)
        })
        .collect();
    let mut stream = Stream::new(&["multiuser", "synthetic", "users"], seed);
    let users = (0..parameters.users)
        .map(|_| User {
            model: stream.below(8) as u32,
            device: Machine::of_macs(parameters.device_speed * stream.log_uniform(1e9, 1e11)),
            uplink_bytes_per_s: parameters.bandwidth * stream.log_uniform(1e5, 1e7),
            rtt_s: stream.uniform(0.001, 0.05),
        })
        .collect();
    Drawn::of_macs(models, 2e10, users, speedup(parameters, seed))
}

/// Three kinds of users, small round numbers with zeros among them.
fn plateau_users(parameters: &Parameters, seed: u64) -> Drawn {
    let mut stream = Stream::new(&["multiuser", "plateau", "users"], seed);
    let blocks = parameters.blocks as usize;
    let models = (0..3)
        .map(|m| {
            let macs = (0..blocks).map(|_| *stream.pick(&[0.0, 1.0, 2.0, 4.0, 8.0])).collect();
            let mut cut_bytes: Vec<f64> = (0..blocks).map(|_| *stream.pick(&[0.0, 1.0, 1.0, 2.0, 4.0])).collect();
            cut_bytes.push(0.0);
            Model::of_macs(format!("plateau-{m}"), macs, cut_bytes)
        })
        .collect();
    let kinds: Vec<User> = (0..3)
        .map(|m| User {
            model: m,
            device: Machine::of_macs(parameters.device_speed * *stream.pick(&[0.5, 1.0, 2.0])),
            uplink_bytes_per_s: parameters.bandwidth * *stream.pick(&[1.0, 2.0, 4.0]),
            rtt_s: *stream.pick(&[0.0, 0.0, 0.5, 1.0]),
        })
        .collect();
    let users = (0..parameters.users).map(|_| *stream.pick(&kinds)).collect();
    Drawn::of_macs(models, 1.0, users, far_steps(seed))
}

fn speedup(parameters: &Parameters, seed: u64) -> Speedup {
    parameters.speedup.speedup(parameters.parallel_fraction, &mut Stream::new(&["multiuser", "speedup"], seed))
}

/// lambda stays where it is for 1 to 6 units, then doubles, up to 1024.
fn far_steps(seed: u64) -> Speedup {
    let mut stream = Stream::new(&["multiuser", "plateau", "speedup"], seed);
    let mut speedups = vec![1.0];
    let mut level = 1.0;
    while level < 1024.0 {
        let flat = stream.below(6) as usize;
        speedups.extend(std::iter::repeat_n(level, flat));
        level *= 2.0;
        speedups.push(level);
    }
    Speedup::Table { speedups }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{hash, instance_bytes, parse_instance};
    use crate::multiuser::Multiuser;

    /// Golden hashes: if this test fails, every published instance has changed.
    #[test]
    fn same_seed_same_bytes() {
        let hashes: Vec<String> = FAMILIES
            .iter()
            .map(|family| hash::<Multiuser>(&generate(family.name, &Parameters::default(), 1).expect("legal")))
            .collect();
        assert_eq!(hashes, GOLDEN);
    }
    const GOLDEN: [&str; 3] =
        ["e003e8eda93144f68f9e475c66119a9e", "127cd7b74e223818ea260653bb474c1f", "83763048000f809eba0819fed8c2e172"];

    #[test]
    fn every_family_is_legal_and_survives_its_file() {
        for family in FAMILIES {
            for (seed, (users, units)) in [(1, 0), (2, 5), (30, 7), (500, 1000)].into_iter().enumerate() {
                for law in [Law::Linear, Law::Amdahl, Law::Table] {
                    let parameters = Parameters { users, units, speedup: law, ..Parameters::default() };
                    let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                    let again = parse_instance::<Multiuser>(&instance_bytes::<Multiuser>(&instance)).expect("readable");
                    assert_eq!(instance, again);
                    assert_eq!(instance.users.len(), users as usize);
                }
            }
        }
        let one = generate("zoo", &Parameters::default(), 1).expect("legal");
        let two = generate("zoo", &Parameters::default(), 2).expect("legal");
        assert_ne!(one.users, two.users);
    }

    #[test]
    fn parameters_are_set_by_name_and_rejected_with_a_remedy() {
        let base = Parameters::default();
        assert_eq!(base.with("users", 7.0.into()).expect("known").users, 7);
        assert_eq!(base.with("speedup", "linear".into()).expect("known").speedup, Law::Linear);
        assert_eq!(base.with("models", serde_json::json!(["resnet50"])).expect("known").models, ["resnet50"]);
        for (name, value) in [
            ("user", 7.into()),
            ("users", (-1).into()),
            ("users", 1.5.into()),
            ("users", "many".into()),
            ("speedup", "fast".into()),
        ] {
            assert!(base.with(name, value).is_err(), "{name}");
        }
        for (name, value) in [
            ("users", 0.into()),
            ("bandwidth", 0.0.into()),
            ("parallel_fraction", 1.5.into()),
            ("models", serde_json::json!(["lenet"])),
            ("devices", serde_json::json!([])),
        ] {
            let parameters = base.with(name, value).expect("the right type");
            let input_error = generate("zoo", &parameters, 0).expect_err(name);
            assert!(input_error.to_string().contains(name), "{input_error}");
        }
        assert!(generate("zo", &base, 0).expect_err("unknown").to_string().contains("zoo, synthetic, plateau"));
    }
}
