//! The prototype: an answer to an instance, run for real on this machine.
//!
//! | file | holds |
//! |---|---|
//! | `answer` | an instance and its checked answer |
//! | `networks` | the networks of an instance, by name or by their partitions |
//! | `plan` | what an answer asks of machines and links, and the latency that it predicts |
//! | `multiuser`, `throughput`, `jpdra`, `lymdo` | the plan of an answer to each problem |
//! | `reference` | how fast a core of this machine is |
//! | `limits` | what is refused before any process is started |
//! | `cluster` | the processes, as their parent sees them |
//! | `node` | such a process: a device or a server |
//! | `wire` | what they send each other, at the pace of a link |
//! | `clock` | their one clock |
//! | `run` | tasks run through the processes |
//! | `results`, `print`, `figure` | predicted against measured |
//!
//! Networks are really split: prefix and suffix run in different processes, the tensors at the cut are sent over a socket of the loopback interface, and outputs are compared with those of the uncut
//! network. A device or a server is one core of this machine. Where it is slower than that in the instance, a stage waits after its computation until its processor time,
//! times the slow-down, has passed.
//!
//! What the model leaves out is left out here: in `multiuser` and `throughput` tasks come one at a time, and in `jpdra` tasks on a link do not wait for each other. Some slots of a `lymdo` horizon are run one after the other, each as if it lasted.

pub mod answer;
pub mod clock;
pub mod cluster;
pub mod figure;
mod jpdra;
pub mod limits;
mod lymdo;
mod multiuser;
pub mod networks;
pub mod node;
pub mod plan;
pub mod print;
pub mod reference;
pub mod results;
pub mod run;
mod throughput;
pub mod wire;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::{engine, machine};
use cluster::{Cluster, Start, deadline_ns};
use networks::Sources;
use offcut_instances::prototype::{Outcome, Prototype};
use plan::Plan;
use reference::Reference;
use results::{kind, median_error, outcome};

/// What is left of a run's time beyond what it should take, in seconds, before all processes end in any case.
const SLACK_S: f64 = 900.0;

/// How to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Tasks of each user or request.
    pub repetitions: usize,
    /// Seconds of arrivals, by the clock.
    pub seconds: f64,
    /// Every duration is so many times as long as in the instance.
    pub dilation: f64,
    /// The kind of machine that this core is.
    pub kind: Option<String>,
    /// Paths of ONNX files that the instance uses.
    pub models: Vec<String>,
    /// Slots of a `lymdo` horizon, from 0; some evenly spread ones if nothing is said.
    pub slots: Option<Vec<usize>>,
    /// Seed of weights, inputs, the order of tasks and arrivals.
    pub seed: u64,
}

/// Runs answers to an instance one after the other. `program` is the program that is started once more for each process, with the argument [`cluster::NODE`]; `tell` is told how it goes on.
///
/// # Errors
/// If an answer is rejected or cannot be run on this machine, before any process is started; or a process ends. One line says why.
pub fn run(
    program: &Path,
    instance: &Path,
    answers: &[PathBuf],
    settings: &Settings,
    tell: impl Fn(&str),
) -> Result<Prototype> {
    ensure!((1..=100_000).contains(&settings.repetitions), "--repetitions: give 1 to 100000");
    ensure!((1.0..=1e4).contains(&settings.dilation), "--dilation: give 1 to 10000");
    ensure!(settings.seconds > 0.0, "--seconds: give more than 0");
    let sources = Sources::new(&settings.models)?;
    let read = |answer: &PathBuf| answer::read(instance, answer, &sources, settings.slots.as_deref());
    let plans = answers.iter().map(read).collect::<Result<Vec<Plan>>>()?;
    let first = plans.first().ok_or_else(|| anyhow::anyhow!("no answer is given"))?;
    plans.iter().try_for_each(limits::size)?;
    let before = machine::load();
    tell("running the networks whole");
    let reference = Reference::measure(first, settings.kind.as_deref(), settings.seed)?;
    let mut lengths = Vec::new();
    for plan in &plans {
        limits::speeds(plan, &reference, settings.dilation)?;
        if plan.arrives() {
            limits::arrivals(plan, &reference, settings.dilation, settings.seconds)?;
            lengths.push(settings.seconds);
        } else {
            lengths.push(limits::one_at_a_time(plan, settings.dilation, settings.repetitions)?);
        }
    }
    let mut outcomes = Vec::new();
    for ((plan, answer), length_s) in plans.iter().zip(answers).zip(lengths) {
        tell(&format!("{}: about {length_s:.0} s", answer.display()));
        let deadline_ns = deadline_ns(2.0 * length_s + SLACK_S);
        let start = Start { program, dilation: settings.dilation, seed: settings.seed, deadline_ns };
        outcomes.push(one(plan, answer, &reference, settings, start)?);
    }
    Ok(gather(first, instance, settings, &reference, [before, machine::load()], outcomes))
}

fn one(plan: &Plan, answer: &Path, reference: &Reference, settings: &Settings, start: Start) -> Result<Outcome> {
    let mut cluster = Cluster::start(plan, reference, start)?;
    let samples = if plan.arrives() {
        run::arriving(plan, &mut cluster, settings.dilation, settings.seconds, settings.seed)?
    } else {
        run::one_at_a_time(plan, &mut cluster, settings.dilation, settings.repetitions, settings.seed)?
    };
    let name = answer.display().to_string();
    Ok(outcome(name, plan, cluster.processes(), &samples))
}

fn gather(
    plan: &Plan,
    instance: &Path,
    settings: &Settings,
    reference: &Reference,
    load: [Option<f64>; 2],
    outcomes: Vec<Outcome>,
) -> Prototype {
    let rows = || outcomes.iter().flat_map(|outcome| &outcome.rows);
    let arrives = plan.arrives();
    Prototype {
        offcut: Prototype::KIND.to_owned(),
        version: Prototype::VERSION,
        problem: plan.problem.to_owned(),
        instance: plan.instance.clone(),
        file: instance.display().to_string(),
        objective: plan.objective,
        processor: machine::processor(),
        logical_processors: machine::logical_processors(),
        load,
        engine: format!("{} {}", engine::ENGINE, engine::version()),
        date: machine::date(),
        seed: settings.seed,
        dilation: settings.dilation,
        repetitions: (!arrives).then_some(settings.repetitions),
        seconds: arrives.then_some(settings.seconds),
        service: plan.service(),
        kind: kind(plan, reference),
        macs_per_s: reference.macs_per_s,
        calibrations: reference.calibrations(plan),
        median_error: median_error(rows().map(|row| Some(row.error))).unwrap_or(0.0),
        median_error_by_macs: median_error(rows().map(|row| row.by_macs_error)),
        median_error_same_draws: median_error(rows().map(|row| row.same_draws_error)),
        largest_difference: rows().map(|row| row.largest_difference).fold(0.0, f64::max),
        outcomes,
    }
}
