//! How fast one core of this machine is, and how much slower than it every stage must be.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use offcut_instances::prototype::Calibration;

use super::clock::{cpu_ns, now_ns, seconds};
use super::plan::{Plan, Route, Stage};
use crate::engine::{Network, Tensor, Wire};
use crate::statistics::summary;

/// Repetitions of a whole network, at most, and seconds of them, at most.
const REPETITIONS: usize = 20;
const MOST_S: f64 = 3.0;

/// A whole network, uncut, as it ran here.
#[derive(Clone, Debug)]
pub struct Uncut {
    /// Its outputs for the input that all tasks have.
    pub outputs: Vec<Arc<Tensor>>,
    /// What they are.
    pub wires: Vec<Wire>,
    /// Processor time of an inference, in seconds: the median.
    pub whole_s: f64,
}

/// This core, measured, and what the plan takes it for.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Networks of the plan, uncut. Shape (networks,).
    pub uncut: Vec<Arc<Uncut>>,
    /// The kind that this core is, if the plan has kinds.
    pub here: Option<u32>,
    /// Speed of this core over all networks, in MAC/s.
    pub macs_per_s: f64,
}

impl Reference {
    /// Runs every network whole. `kind` is the kind of machine that this core is; it may be left out if the plan has one kind or none.
    ///
    /// # Errors
    /// If the kind is not one of the plan's or left out with several, or a network cannot be run.
    pub fn measure(plan: &Plan, kind: Option<&str>, seed: u64) -> Result<Self> {
        let here = here(&plan.kinds, kind)?;
        let mut uncut: Vec<Arc<Uncut>> = Vec::new();
        for (n, network) in plan.networks.iter().enumerate() {
            let known = plan.networks[..n].iter().position(|other| other.source == network.source);
            let run = match known {
                Some(known) => Arc::clone(&uncut[known]),
                None => Arc::new(run(&network.source, seed).with_context(|| network.name.clone())?),
            };
            uncut.push(run);
        }
        let seconds: f64 = uncut.iter().map(|uncut| uncut.whole_s).sum();
        let macs: f64 = plan.networks.iter().map(|network| network.macs).sum();
        Ok(Self { uncut, here, macs_per_s: macs / seconds })
    }

    /// How much longer than on this core a stage takes: the slow-down, at least 1 if one core is fast enough for it.
    ///
    /// On machines of the kind that this core is it is 1 over the speed. Other kinds are so many times as slow as they are with the whole network; speeds in MAC/s are
    /// compared with this core's.
    pub fn slow_down(&self, plan: &Plan, route: &Route, stage: &Stage) -> f64 {
        let n = route.network;
        let nominal = match stage.machine.kind {
            None => self.macs_per_s,
            Some(kind) if Some(kind) == self.here => 1.0,
            Some(kind) => plan.networks[n].work_s[kind as usize].unwrap_or(0.0) / self.uncut[n].whole_s,
        };
        nominal / stage.machine.speed
    }

    /// What was measured, each network once.
    pub fn calibrations(&self, plan: &Plan) -> Vec<Calibration> {
        let mut told: Vec<Calibration> = Vec::new();
        for (network, uncut) in plan.networks.iter().zip(&self.uncut) {
            if told.iter().all(|known| known.model != network.name) {
                let instance_s = self.here.and_then(|kind| network.work_s[kind as usize]);
                told.push(Calibration { model: network.name.clone(), whole_s: uncut.whole_s, instance_s });
            }
        }
        told
    }
}

/// The kind that this core is.
fn here(kinds: &[String], given: Option<&str>) -> Result<Option<u32>> {
    match (kinds, given) {
        ([], None) => Ok(None),
        ([], Some(_)) => bail!("--kind: the instance has speeds in MAC/s and no kinds of machines"),
        ([_], None) => Ok(Some(0)),
        (_, None) => bail!(
            "the instance has several kinds of machines: say which one this core is, --kind {}",
            kinds.join(" or ")
        ),
        (_, Some(name)) => match kinds.iter().position(|kind| kind == name) {
            Some(kind) => Ok(Some(kind as u32)),
            None => bail!("--kind {name}: the instance has the kinds {}", kinds.join(", ")),
        },
    }
}

fn run(source: &str, seed: u64) -> Result<Uncut> {
    let mut part = Network::open(source, seed)?.whole()?;
    let inputs = Network::random_inputs(&part, seed)?;
    let outputs = part.run(&inputs)?;
    ensure!(!outputs.is_empty(), "has no outputs");
    let begin = now_ns();
    let mut times = Vec::new();
    while times.is_empty() || times.len() < REPETITIONS && seconds(begin, now_ns()) < MOST_S {
        let begin = cpu_ns();
        part.run(&inputs)?;
        times.push(seconds(begin, cpu_ns()));
    }
    Ok(Uncut { outputs, wires: part.outputs().to_vec(), whole_s: summary(&mut times).median })
}
