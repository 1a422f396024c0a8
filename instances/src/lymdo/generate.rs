//! Families of instances. Same family, parameters and seed: same bytes, on every platform.
//!
//! | family | DNNs | channels | arrivals | what it is for |
//! |---|---|---|---|---|
//! | `rayleigh` | of the zoo | Rayleigh fading, independent from slot to slot | vary by a fifth | the tables |
//! | `markov` | of the zoo | good and bad periods of 10 and 5 slots (Gilbert), bad 13 dB lower | vary by a fifth | channels that remember |
//! | `bursty` | of the zoo | Rayleigh fading | calm and busy periods of 10 slots, busy four times calm | arrivals that remember |
//! | `tight` | of the zoo | Rayleigh fading | vary by a fifth | half the energy, two fifths of the bandwidth |
//! | `steady` | of the zoo | no fading | constant | every slot is the same: the optimum over time is that of one slot |
//! | `synthetic` | random chains | Rayleigh fading | vary by a fifth | what does not depend on our zoo |
//!
//! Families with the zoo's DNNs have the same users for the same seed, and a longer horizon begins with the shorter one's slots.
//!
//! | what | is drawn from | source |
//! |---|---|---|
//! | device | 4.5e9 to 1.2e10 MAC/s; 0.18 to 0.35 nJ a MAC at full speed, so 0.8 to 4.2 W | ours, phones |
//! | transmitter | 0.1 to 0.5 W | ours |
//! | place | evenly over a disc of 250 m, no nearer than 20 m; path loss 128.1 + 37.6 log10(km) dB | 3GPP TR 36.814, urban macro |
//! | noise | 4e-21 W/Hz, -174 dBm/Hz | room temperature |
//!
//! **Traces.** Families with the zoo's DNNs take arrivals and channels from measured files instead, see `arrivals` and `throughputs` of [`Parameters`].
//! Arrivals are the tasks in each slot over its length, from a start of each user's own, times the factor that makes the mean over the whole trace what the
//! user's is. Channels are such that with an equal share of the bandwidth the rate varies as the throughputs do, around the rate without fading. Budgets and
//! backlogs stay as they are. A burst may be more than any allocation carries: that slot, and so the instance, has no solution.
//!
//! **Yardsticks.** A user's energy budget is the share `budget` of what its mean arrivals take if its device computes them alone at full speed. So
//! computing alone at `sqrt(budget)` of full speed keeps the budget, wherever it is stable. There a joule a slot more would save `time / (2 budget)`
//! seconds, queues aside: the *exchange*, in s/J. What is above a budget is charged `overdraft` times the exchange, and V times it is the backlog that
//! computing alone settles at. `v` is in units of the mean budget squared over the slot's length: at `v` = 30 backlogs
//! settle at a few budgets within some tens of slots, at 1000 at some tens of budgets within some hundreds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::{Instance, RateLaw, Service, Slot, User};
use super::traces::{self, Channel};
use crate::dnn::{Chain, Graph};
use crate::error::InputError;
use crate::family::{Family, Settable};
use crate::machine::{Machine, OfKind};
use crate::measured::{self, Work};
use crate::model::Model;
use crate::parameters::{self, place};
use crate::problem::Valid;
use crate::random::Stream;
use crate::range;

/// All families.
pub const FAMILIES: [Family; 6] = [
    Family { name: "rayleigh", about: "real DNNs, Rayleigh fading" },
    Family { name: "markov", about: "real DNNs, channels with good and bad periods" },
    Family { name: "bursty", about: "real DNNs, Rayleigh fading, arrivals with calm and busy periods" },
    Family { name: "tight", about: "as rayleigh with half the energy and two fifths of the bandwidth" },
    Family { name: "steady", about: "real DNNs, every slot the same" },
    Family { name: "synthetic", about: "random chains, Rayleigh fading" },
];

/// The rate law, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// [`RateLaw::Shannon`].
    Shannon,
    /// [`RateLaw::Fixed`].
    Fixed,
}

/// What a family can be asked for. Every number can be swept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Users.
    pub users: u32,
    /// Slots; one slot alone begins with backlogs, a horizon without.
    pub slots: u32,
    /// Blocks of a chain: at most so many (real DNNs), or so many (`synthetic`).
    pub blocks: u32,
    /// Service times of the stages.
    pub service: Service,
    /// What rate a share of the bandwidth gives.
    pub rate_law: Law,
    /// Spectral efficiency, in bit/s/Hz (`rate_law` fixed).
    pub bit_per_s_per_hz: f64,
    /// The Lyapunov weight, in units of the mean energy budget squared over the slot's length.
    pub v: f64,
    /// Energy budgets, as a share of what mean arrivals take at full speed of the device alone.
    pub budget: f64,
    /// Backlogs of one slot alone, on average, in units of what computing alone settles at; users' differ by up to all of it.
    pub backlog: f64,
    /// What the mean spent above the budget is charged, in units of the exchange.
    pub overdraft: f64,
    /// Mean arrivals of a user, in tasks per second; users differ by a factor of two.
    pub arrivals_per_s: f64,
    /// Length of a slot, in seconds.
    pub slot_s: f64,
    /// Bandwidth that users share, in Hz.
    pub bandwidth_hz: f64,
    /// Speed of the edge that users share, in MAC/s.
    pub edge_macs_per_s: f64,
    /// Models users draw from, by name in the zoo (all but `synthetic`).
    pub models: Vec<String>,
    /// Devices users draw from if work is in seconds, by name in the catalogue or by path (all but `synthetic`).
    pub devices: Vec<String>,
    /// The machine that the edge is if work is in seconds, by name in the catalogue or by path (all but `synthetic`).
    pub server: String,
    /// Whether work is in MACs, or in seconds of every layer on every kind of machine (all but `synthetic`).
    pub work: Work,
    /// Trace of arrivals, by the path of a CSV of time stamps or of what `offcut traces arrivals` made of one; none if empty. Users begin at places of
    /// their own in it; scaled so that means stay as they are (all but `synthetic`).
    pub arrivals: String,
    /// Series of throughputs, one a slot, by the path of a CSV or of what `offcut traces rates` made of one; none if empty. A user's rate varies as
    /// they do, around its rate without fading (all but `synthetic`; `rate_law` shannon).
    pub throughputs: String,
}

impl Default for Parameters {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            users: 5,
            slots: 1,
            blocks: 15,
            service: Service::Deterministic,
            rate_law: Law::Shannon,
            bit_per_s_per_hz: 6.0,
            v: 30.0,
            budget: 0.3,
            backlog: 1.0,
            overdraft: 10.0,
            arrivals_per_s: 1.0,
            slot_s: 1.0,
            bandwidth_hz: 1e7,
            edge_macs_per_s: 5e11,
            models: names(&["alexnet", "nin", "resnet18", "googlenet", "squeezenet1_0"]),
            devices: names(&["raspberry-pi-4", "phone"]),
            server: "edge-gpu".into(),
            work: Work::Macs,
            arrivals: String::new(),
            throughputs: String::new(),
        }
    }
}

impl Settable for Parameters {}

impl Parameters {
    fn validate(&self) -> Result<(), InputError> {
        for (name, value, most) in
            [("users", self.users, 1_000_000), ("slots", self.slots, 10_000_000), ("blocks", self.blocks, 10_000)]
        {
            if !(1..=most).contains(&value) {
                return Err(InputError::at(place(name), format!("is {value}"), format!("give 1 to {most}")));
            }
        }
        if u64::from(self.users) * u64::from(self.slots) > MAX_USER_SLOTS {
            let what = format!("is {} for {} users", self.slots, self.users);
            return Err(InputError::at(
                place("slots"),
                what,
                format!("give at most {MAX_USER_SLOTS} users times slots"),
            ));
        }
        for (name, value) in [
            ("bit_per_s_per_hz", self.bit_per_s_per_hz),
            ("v", self.v),
            ("budget", self.budget),
            ("arrivals_per_s", self.arrivals_per_s),
            ("slot_s", self.slot_s),
        ] {
            parameters::factor(name, value)?;
        }
        for (name, value) in [("bandwidth_hz", self.bandwidth_hz), ("edge_macs_per_s", self.edge_macs_per_s)] {
            range::positive(|| place(name), value)?;
        }
        for (name, value) in [("backlog", self.backlog), ("overdraft", self.overdraft)] {
            range::not_negative(|| place(name), value)?;
        }
        if self.rate_law == Law::Fixed && !self.throughputs.is_empty() {
            let what = "is given, and rate_law fixed uses no gains";
            return Err(InputError::at(place("throughputs"), what, "leave it out, or set rate_law=shannon"));
        }
        Ok(())
    }
}

/// The most users times slots that are generated: some gigabytes as a file.
const MAX_USER_SLOTS: u64 = 50_000_000;

/// Density of thermal noise at room temperature.
const NOISE_W_PER_HZ: f64 = 4e-21;

/// How channels change from slot to slot.
#[derive(Clone, Copy)]
enum Fading {
    None,
    Rayleigh,
    TwoStateChain,
}

/// How arrivals change from slot to slot.
#[derive(Clone, Copy)]
enum Arrivals {
    Constant,
    Even,
    TwoStateChain,
}

/// Generates an instance.
///
/// # Errors
/// [`InputError`] for an unknown family or model, or a parameter out of range.
pub fn generate(family: &str, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    parameters.validate()?;
    if family == "synthetic" {
        parameters::refused("arrivals", &parameters.arrivals, family)?;
        parameters::refused("throughputs", &parameters.throughputs, family)?;
    }
    let mut asked = parameters.clone();
    let (fading, arrivals) = match family {
        "rayleigh" | "synthetic" => (Fading::Rayleigh, Arrivals::Even),
        "markov" => (Fading::TwoStateChain, Arrivals::Even),
        "bursty" => (Fading::Rayleigh, Arrivals::TwoStateChain),
        "steady" => (Fading::None, Arrivals::Constant),
        "tight" => {
            asked.budget *= 0.5;
            asked.bandwidth_hz *= 0.4;
            (Fading::Rayleigh, Arrivals::Even)
        }
        _ => return Err(Family::unknown(&FAMILIES, family)),
    };
    let models = if family == "synthetic" { synthetic(asked.blocks as usize, seed) } else { zoo(&asked)? };
    let homes = homes(&models, &asked, if family == "synthetic" { family } else { "zoo" }, seed);
    let mean_budget = homes.iter().map(|home| home.budget_j).sum::<f64>() / homes.len() as f64;
    let v = asked.v * mean_budget * mean_budget / asked.slot_s;
    let Parameters { users, slots, .. } = parameters;
    let instance = Instance {
        origin: parameters::origin(format!("{family}-n{users}-h{slots}-s{seed}"), family, parameters, seed),
        service: asked.service,
        rate_law: match asked.rate_law {
            Law::Shannon => RateLaw::Shannon,
            Law::Fixed => RateLaw::Fixed { bit_per_s_per_hz: asked.bit_per_s_per_hz },
        },
        slot_s: asked.slot_s,
        bandwidth_hz: asked.bandwidth_hz,
        noise_w_per_hz: NOISE_W_PER_HZ,
        edge_macs_per_s: Some(asked.edge_macs_per_s),
        edge: None,
        v,
        machine_kinds: Vec::new(),
        users: homes.iter().map(|home| home.user(&models, &asked, v)).collect(),
        slots: with_traces(sample_path(&homes, fading, arrivals, asked.slots, seed), &homes, &asked, seed)?,
        models,
    };
    let instance = match asked.work {
        Work::Seconds if family != "synthetic" => in_seconds(instance, &asked, seed)?,
        _ => instance,
    };
    instance.validate()?;
    Ok(instance)
}

/// A user before budgets and backlogs are known.
struct Home {
    model: u32,
    max_macs_per_s: f64,
    energy_per_mac_coeff: f64,
    tx_power_w: f64,
    /// Mean arrivals, per second.
    arrivals_per_s: f64,
    /// Gain of the channel without fading.
    gain: f64,
    budget_j: f64,
    /// Backlog, in units of what computing alone settles at.
    backlog: f64,
}

impl Home {
    fn user(&self, models: &[Model], parameters: &Parameters, v: f64) -> User {
        let macs: f64 = models[self.model as usize].macs.iter().sum();
        let alone_s = macs / (self.max_macs_per_s * libm::sqrt(parameters.budget));
        let exchange_s_per_j = alone_s / (2.0 * self.budget_j);
        User {
            model: self.model,
            device: Machine::of_macs(self.max_macs_per_s),
            energy_per_mac_coeff: self.energy_per_mac_coeff,
            tx_power_w: self.tx_power_w,
            energy_budget_j_per_slot: self.budget_j,
            overdraft_s_per_j: parameters.overdraft * exchange_s_per_j,
            backlog_j: if parameters.slots == 1 {
                parameters.backlog * self.backlog * v * exchange_s_per_j
            } else {
                0.0
            },
        }
    }
}

/// Every user draws a model, a device, a transmitter, a place, a rate and a backlog.
fn homes(models: &[Model], parameters: &Parameters, family: &str, seed: u64) -> Vec<Home> {
    let mut stream = Stream::new(&["lymdo", family, "users"], seed);
    let (least, most) = (core::f64::consts::FRAC_1_SQRT_2, core::f64::consts::SQRT_2);
    let home = |_| {
        let model = stream.below(models.len() as u64) as u32;
        let max_macs_per_s = stream.log_uniform(4.5e9, 1.2e10);
        let full_j_per_mac = 2.5e-10 * stream.log_uniform(least, most);
        let tx_power_w = stream.uniform(0.1, 0.5);
        // Evenly over the disc: the square of the distance is uniform.
        let metres = libm::sqrt(stream.uniform(20.0 * 20.0, 250.0 * 250.0));
        let loss_db = 128.1 + 37.6 * libm::log10(metres / 1000.0);
        let arrivals_per_s = parameters.arrivals_per_s * stream.log_uniform(least, most);
        let macs: f64 = models[model as usize].macs.iter().sum();
        Home {
            model,
            max_macs_per_s,
            energy_per_mac_coeff: full_j_per_mac / (max_macs_per_s * max_macs_per_s),
            tx_power_w,
            arrivals_per_s,
            gain: libm::pow(10.0, -loss_db / 10.0),
            budget_j: parameters.budget * parameters.slot_s * arrivals_per_s * full_j_per_mac * macs,
            backlog: stream.uniform(0.0, 2.0),
        }
    };
    (0..parameters.users).map(home).collect()
}

/// A chain that is in one of two states, each kept with its own probability.
struct TwoStateChain {
    is_second: Vec<bool>,
    stay: [f64; 2],
}

impl TwoStateChain {
    /// One chain per user, in equilibrium.
    fn new(users: usize, stay: [f64; 2], stream: &mut Stream) -> Self {
        let second = (1.0 - stay[0]) / (2.0 - stay[0] - stay[1]);
        Self { is_second: (0..users).map(|_| stream.unit() < second).collect(), stay }
    }

    /// The state of user `n` now; then its chain goes on by a slot.
    fn step(&mut self, n: usize, stream: &mut Stream) -> bool {
        let now = self.is_second[n];
        let leaves = stream.unit() >= self.stay[usize::from(now)];
        self.is_second[n] = now != leaves;
        now
    }
}

/// Slot by slot: arrivals and channels of all users. Either has a stream of its own, so that neither changes with the other.
fn sample_path(homes: &[Home], fading: Fading, arrivals: Arrivals, slots: u32, seed: u64) -> Vec<Slot> {
    let mut of_gains = Stream::new(&["lymdo", "gains"], seed);
    let mut of_arrivals = Stream::new(&["lymdo", "arrivals"], seed);
    let mut channels = TwoStateChain::new(homes.len(), [0.9, 0.8], &mut of_gains);
    let mut regimes = TwoStateChain::new(homes.len(), [0.9, 0.9], &mut of_arrivals);
    let mut slot = || {
        let mut gain = |(n, home): (usize, &Home)| {
            home.gain
                * match fading {
                    Fading::None => 1.0,
                    Fading::Rayleigh => -libm::log1p(-of_gains.unit()),
                    Fading::TwoStateChain if channels.step(n, &mut of_gains) => 0.05,
                    Fading::TwoStateChain => 1.0,
                }
        };
        let mut rate = |(n, home): (usize, &Home)| {
            home.arrivals_per_s
                * match arrivals {
                    Arrivals::Constant => 1.0,
                    Arrivals::Even => of_arrivals.uniform(0.8, 1.2),
                    Arrivals::TwoStateChain if regimes.step(n, &mut of_arrivals) => 1.6,
                    Arrivals::TwoStateChain => 0.4,
                }
        };
        Slot {
            arrivals_per_s: homes.iter().enumerate().map(&mut rate).collect(),
            gains: homes.iter().enumerate().map(&mut gain).collect(),
        }
    };
    (0..slots).map(|_| slot()).collect()
}

/// The sample path with arrivals and gains of measured traces, where these are asked for.
fn with_traces(
    mut slots: Vec<Slot>,
    homes: &[Home],
    parameters: &Parameters,
    seed: u64,
) -> Result<Vec<Slot>, InputError> {
    if !parameters.arrivals.is_empty() {
        let means_per_s: Vec<f64> = homes.iter().map(|home| home.arrivals_per_s).collect();
        traces::set_arrivals(&mut slots, &parameters.arrivals, &means_per_s, parameters.slot_s, seed)?;
    }
    if !parameters.throughputs.is_empty() {
        let noise_w = NOISE_W_PER_HZ * parameters.bandwidth_hz / homes.len() as f64;
        let channel = |home: &Home| Channel { gain: home.gain, snr_at_gain_1: home.tx_power_w / noise_w };
        let channels: Vec<Channel> = homes.iter().map(channel).collect();
        traces::set_gains(&mut slots, &parameters.throughputs, &channels, seed)?;
    }
    Ok(slots)
}

fn zoo(parameters: &Parameters) -> Result<Vec<Model>, InputError> {
    let graphs = parameters::graphs(&parameters.models)?;
    let model = |graph: &Graph| {
        let chain = graph.chain();
        gathered(&chain, &kept_cuts(&chain, parameters.blocks as usize))
    };
    Ok(graphs.iter().map(model).collect())
}

/// The same system in seconds. Users draw a device, so many times as fast as its nominal speed as a device of 7.35e9 MAC/s would be; a task at full
/// speed takes the energy that it takes there, and exchange rates between joules and seconds follow the device. The edge is so many times as fast
/// as its machine.
fn in_seconds(mut instance: Instance, parameters: &Parameters, seed: u64) -> Result<Instance, InputError> {
    /// The middle of the speeds that users draw, in MAC/s.
    const MIDDLE_MACS_PER_S: f64 = 7.35e9;
    let graphs = parameters::graphs(&parameters.models)?;
    let devices = parameters::machines("devices", &parameters.devices)?;
    let server = parameters::machine("server", &parameters.server)?;
    let kinds = measured::kinds(Work::Seconds, (&devices[..], "devices"), (&server, "server"), &graphs)?;
    let kinds = kinds.expect("work is in seconds");
    let mut stream = Stream::new(&["lymdo", "zoo", "devices"], seed);
    for user in &mut instance.users {
        let graph = &graphs[user.model as usize];
        let device = stream.pick(&devices);
        let (macs, total_s, macs_per_s) = (graph.macs() as f64, device.total_s(graph)?, user.device.speed);
        range::positive(|| place("devices"), total_s)?;
        let factor = macs_per_s / MIDDLE_MACS_PER_S;
        let full_j = user.energy_per_mac_coeff * macs_per_s * macs_per_s * macs;
        let slower = (total_s / factor) / (macs / macs_per_s);
        user.energy_per_mac_coeff = full_j / (factor * factor * total_s);
        user.overdraft_s_per_j *= slower;
        user.backlog_j *= slower;
        user.device = Machine::of_kind(kinds.of(device), factor);
    }
    for (m, (model, graph)) in instance.models.iter_mut().zip(&graphs).enumerate() {
        let chain = graph.chain();
        let cuts = kept_cuts(&chain, parameters.blocks as usize);
        let of_kind =
            |seconds: Vec<f64>| Some(cuts.windows(2).map(|ends| seconds[ends[0]..ends[1]].iter().sum()).collect());
        model.work_s = kinds.blocks(m, &chain).into_iter().map(of_kind).collect();
    }
    let speed = parameters.edge_macs_per_s / measured::mean_speed("server", &server, &graphs)?;
    (instance.edge_macs_per_s, instance.edge) = (None, Some(OfKind { kind: kinds.of(&server), speed }));
    instance.machine_kinds = measured::of(Some(kinds));
    Ok(instance)
}

/// The cuts of a DNN's chain with its blocks gathered into at most so many: of the cuts within each equal share of the work the one that sends
/// least is kept, and the ends.
fn kept_cuts(chain: &Chain, most: usize) -> Vec<usize> {
    let total = chain.macs() as f64;
    let shares = most - 1;
    let mut kept: Vec<Option<usize>> = vec![None; shares];
    let mut before = 0u64;
    for cut in 1..chain.blocks.len() {
        before += chain.blocks[cut - 1].macs;
        let share = (before as f64 / total * shares as f64) as usize;
        // Behind a cut without work left there is nothing to send for.
        if before == chain.macs() || share >= shares {
            continue;
        }
        let sends_less = |kept: usize| chain.cut_bytes[cut] < chain.cut_bytes[kept];
        if kept[share].is_none_or(sends_less) {
            kept[share] = Some(cut);
        }
    }
    std::iter::once(0).chain(kept.into_iter().flatten()).chain([chain.blocks.len()]).collect()
}

/// The chain with these cuts.
fn gathered(chain: &Chain, cuts: &[usize]) -> Model {
    let work = |ends: &[usize]| chain.blocks[ends[0]..ends[1]].iter().map(|block| block.macs).sum::<u64>() as f64;
    let cut_bytes = cuts.iter().map(|cut| chain.cut_bytes[*cut] as f64).collect();
    Model::of_macs(chain.name.clone(), cuts.windows(2).map(work).collect(), cut_bytes)
}

/// Chains whose work is spread over an order of magnitude and whose tensors shrink along the way, mostly.
fn synthetic(blocks: usize, seed: u64) -> Vec<Model> {
    let mut stream = Stream::new(&["lymdo", "synthetic", "models"], seed);
    let mut model = |m: usize| {
        let shares: Vec<f64> = (0..blocks).map(|_| stream.log_uniform(1.0, 10.0)).collect();
        let total = stream.log_uniform(3e8, 2e9);
        let sum: f64 = shares.iter().sum();
        let input = stream.log_uniform(3e5, 1e6);
        let mut bytes = |s: usize| {
            let shrink = libm::pow(0.02, s as f64 / blocks as f64);
            (input * shrink * stream.log_uniform(0.5, 2.0)).round().max(1.0)
        };
        let mut cut_bytes: Vec<f64> = (0..blocks).map(&mut bytes).collect();
        cut_bytes.push(0.0);
        let macs = shares.iter().map(|share| (share / sum * total).round().max(1.0)).collect();
        Model::of_macs(format!("synthetic-{m}"), macs, cut_bytes)
    };
    (0..8).map(&mut model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{hash, instance_bytes, parse_instance};
    use crate::lymdo::Lymdo;

    /// Golden hashes: if this test fails, every published instance has changed.
    #[test]
    fn same_seed_same_bytes() {
        let parameters = Parameters { slots: 3, ..Parameters::default() };
        let hashes: Vec<String> = FAMILIES
            .iter()
            .map(|family| hash::<Lymdo>(&generate(family.name, &parameters, 1).expect("legal")))
            .collect();
        assert_eq!(hashes, GOLDEN);
    }
    const GOLDEN: [&str; 6] = [
        "38aa57d96dbab4aea4d6031fb79dd1c8",
        "012d05edaaffa39f6a07776f7ab8079c",
        "586b86615a308f205c4fb1102f62d029",
        "f9f26e538beffe749960722046c3946d",
        "6d3af007d7ed83a353022fae20a812ff",
        "ac5b33a5d1bfe1a18934e3a271b2149e",
    ];

    #[test]
    fn every_family_is_legal_and_survives_its_file() {
        for family in FAMILIES {
            for (seed, (users, slots, blocks)) in [(1, 1, 1), (3, 50, 2), (20, 7, 30)].into_iter().enumerate() {
                for (rate_law, service) in [(Law::Shannon, Service::Exponential), (Law::Fixed, Service::Deterministic)]
                {
                    let parameters = Parameters { users, slots, blocks, rate_law, service, ..Parameters::default() };
                    let instance = generate(family.name, &parameters, seed as u64).expect("legal");
                    let bytes = instance_bytes::<Lymdo>(&instance);
                    assert_eq!(instance, parse_instance::<Lymdo>(&bytes).expect("readable"));
                    assert_eq!((instance.users.len(), instance.slots.len()), (users as usize, slots as usize));
                    assert!(instance.models.iter().all(|model| model.blocks() <= blocks as usize));
                }
            }
        }
    }

    /// Whatever the channel, users whose devices compute alone are stable: no slot is without an allocation.
    #[test]
    fn at_defaults_no_slot_is_infeasible() {
        for family in FAMILIES {
            for seed in 0..20 {
                let parameters = Parameters { slots: 50, ..Parameters::default() };
                let instance = generate(family.name, &parameters, seed).expect("legal");
                for slot in &instance.slots {
                    for (user, arrivals_per_s) in instance.users.iter().zip(&slot.arrivals_per_s) {
                        let macs: f64 = instance.models[user.model as usize].macs.iter().sum();
                        assert!(arrivals_per_s * macs < user.device.speed, "{} {seed}", family.name);
                    }
                }
            }
        }
    }

    #[test]
    fn means_are_what_was_asked_for_and_a_longer_horizon_begins_with_the_shorter() {
        let parameters = Parameters { users: 50, slots: 4000, ..Parameters::default() };
        for family in FAMILIES {
            let instance = generate(family.name, &parameters, 3).expect("legal");
            let short = generate(family.name, &Parameters { slots: 10, ..parameters.clone() }, 3).expect("legal");
            assert_eq!(short.users, instance.users);
            assert_eq!(short.slots, instance.slots[..10]);
            // The same place and rate without fading and periods.
            let still =
                homes(&instance.models, &parameters, if family.name == "synthetic" { "synthetic" } else { "zoo" }, 3);
            let mean = |of: &dyn Fn(&Slot, usize) -> f64| {
                let sums = (0..50).map(|n| instance.slots.iter().map(|slot| of(slot, n)).sum::<f64>() / 4000.0);
                sums.sum::<f64>() / 50.0
            };
            let arrivals = mean(&|slot, n| slot.arrivals_per_s[n] / still[n].arrivals_per_s);
            assert!((arrivals - 1.0).abs() < 0.02, "{}: {arrivals}", family.name);
            let gains = mean(&|slot, n| slot.gains[n] / still[n].gain);
            // Two thirds of the time good, otherwise a twentieth.
            let expected = if family.name == "markov" { (2.0 + 0.05) / 3.0 } else { 1.0 };
            assert!((gains / expected - 1.0).abs() < 0.02, "{}: {gains}", family.name);
        }
    }

    #[test]
    fn one_slot_alone_has_backlogs_and_a_horizon_begins_without() {
        let one = generate("rayleigh", &Parameters::default(), 1).expect("legal");
        assert!(one.users.iter().all(|user| user.backlog_j > 0.0));
        let many = generate("rayleigh", &Parameters { slots: 2, ..Parameters::default() }, 1).expect("legal");
        assert!(many.users.iter().all(|user| user.backlog_j == 0.0));
    }

    #[test]
    fn gathered_chains_keep_all_work_and_the_smallest_cuts() {
        for name in crate::dnn::zoo::names() {
            let chain = crate::dnn::zoo::graph(name).expect("known").chain();
            for most in [1, 2, 5, 15, 1000] {
                let model = gathered(&chain, &kept_cuts(&chain, most));
                model.validate(&[]).expect("legal");
                assert_eq!(model.macs.iter().sum::<f64>(), chain.macs() as f64, "{name}");
                assert!(model.blocks() <= most, "{name} {most}");
                assert!(model.macs.iter().all(|macs| *macs > 0.0 || most > 1), "{name} {most}");
                assert_eq!(model.cut_bytes[0], chain.cut_bytes[0] as f64);
            }
        }
        // AlexNet with three blocks: the least within the first and the second half of its work.
        let chain = crate::dnn::zoo::graph("alexnet").expect("known").chain();
        let model = gathered(&chain, &kept_cuts(&chain, 3));
        let mut before = 0;
        let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
        for cut in 1..chain.blocks.len() {
            before += chain.blocks[cut - 1].macs;
            if before < chain.macs() {
                let half = if 2 * before < chain.macs() { &mut first } else { &mut second };
                *half = half.min(chain.cut_bytes[cut] as f64);
            }
        }
        assert_eq!(model.cut_bytes[1..3], [first, second]);
    }

    #[test]
    fn parameters_are_set_by_name_and_rejected_with_a_remedy() {
        let base = Parameters::default();
        assert_eq!(base.with("users", 7.0.into()).expect("known").users, 7);
        assert_eq!(base.with("service", "exponential".into()).expect("known").service, Service::Exponential);
        assert_eq!(base.with("rate_law", "fixed".into()).expect("known").rate_law, Law::Fixed);
        assert!(base.with("user", 7.into()).is_err());
        assert!(base.with("rate_law", "linear".into()).is_err());
        for (name, value) in [
            ("users", 0.into()),
            ("slots", 0.into()),
            ("blocks", 0.into()),
            ("v", 0.0.into()),
            ("budget", 0.0.into()),
            ("backlog", (-1.0).into()),
            ("overdraft", (-1.0).into()),
            ("arrivals_per_s", 0.0.into()),
            ("slot_s", 1e10.into()),
            ("bandwidth_hz", 0.0.into()),
            ("edge_macs_per_s", 1e31.into()),
            ("bit_per_s_per_hz", 0.0.into()),
            ("models", serde_json::json!(["lenet"])),
        ] {
            let parameters = base.with(name, value).expect("the right type");
            assert!(generate("rayleigh", &parameters, 0).expect_err(name).to_string().contains(name));
        }
        let parameters = Parameters { users: 1_000_000, slots: 1_000_000, ..base.clone() };
        assert!(generate("rayleigh", &parameters, 0).expect_err("too large").to_string().contains("slots"));
        assert!(generate("ray", &base, 0).expect_err("unknown").to_string().contains("rayleigh, markov, bursty"));
    }
}
