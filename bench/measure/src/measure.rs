//! Seconds of every layer of a model, and of the whole with several threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use offcut_instances::dnn::machine_file::{MachineProfile, Provenance};
use offcut_instances::dnn::{Graph, Measurement, Measurements, Whole};
use offcut_instances::problem::Valid;

use crate::engine::{self, ENGINE, Network, Part, Tensor};
use crate::machine;
use crate::statistics::{Summary, geometric_mean, rounded, summary};

/// Runs before the first one that counts.
const WARM_UP: usize = 2;

/// So many times a network is made anew for the times of its layers: where its memory lies changes times by more than repetitions do.
const PASSES: usize = 4;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Numbers of threads, the layers' first. At least one, each at least 1.
    pub threads: Vec<usize>,
    /// Most repetitions for each number of threads, at least 1.
    pub repetitions: usize,
    /// Most seconds of repetitions for each model, all numbers of threads together. At least one repetition is made.
    pub seconds: f64,
    /// The seed of random weights and inputs.
    pub seed: u64,
}

/// A measured model.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its graph.
    pub graph: Graph,
    /// Seconds of its layers and of the whole.
    pub table: Measurements,
    /// Layers that have operators of their own in the engine, ascending; the others are fused into them or are no work.
    pub own_layers: Vec<usize>,
}

impl Measured {
    /// The sum of the layers' medians, in seconds.
    pub fn sum_s(&self) -> f64 {
        self.table.layers.iter().map(|layer| layer.time_s).sum()
    }

    /// Speed-ups over the first number of threads: threads and times faster.
    pub fn speedups(&self) -> Vec<(usize, f64)> {
        let first = self.table.whole[0].time_s;
        self.table.whole.iter().map(|whole| (whole.threads as usize, first / whole.time_s)).collect()
    }
}

/// Measures a model, by its name in the zoo or the path of its ONNX file; `machine` names the machine.
///
/// # Errors
/// If settings are out of range, the model is not known, cannot be read or has an operator that the engine cannot run.
pub fn model(name: &str, machine: &str, settings: &Settings) -> Result<Measured> {
    ensure!(settings.repetitions > 0, "0 repetitions: give at least 1");
    ensure!(!settings.threads.is_empty() && !settings.threads.contains(&0), "0 threads: give at least 1");
    ensure!(settings.seconds.is_finite() && settings.seconds > 0.0, "{} seconds: give more than 0", settings.seconds);
    let network = Network::open(name, settings.seed)?;
    let mut part = network.whole().with_context(|| name.to_owned())?;
    let inputs = Network::random_inputs(&part, settings.seed)?;
    let budget = Duration::from_secs_f64(settings.seconds / settings.threads.len() as f64);
    part.set_threads(settings.threads[0]);
    let mut samples = Samples::default();
    let passes = PASSES.min(settings.repetitions);
    for pass in 1..=passes {
        if pass > 1 {
            part = network.whole().with_context(|| name.to_owned())?;
            part.set_threads(settings.threads[0]);
        }
        let repetitions = (settings.repetitions * pass).div_ceil(passes);
        alternate(&mut part, &inputs, &mut samples, repetitions, budget / passes as u32)
            .with_context(|| name.to_owned())?;
    }
    let mut whole = vec![entry(settings.threads[0], samples.whole)];
    for &threads in &settings.threads[1..] {
        part.set_threads(threads);
        whole.push(entry(threads, repeat(&mut part, &inputs, settings.repetitions, budget)?));
    }
    let layers = network.graph().layers().iter().zip(samples.layers).map(|(layer, mut times)| {
        let Summary { median, spread } = summary(&mut times);
        let spread_s = Some(spread.map(rounded));
        Measurement { layer: layer.name.clone(), time_s: rounded(median), spread_s }
    });
    let table = Measurements {
        model: network.graph().name().to_owned(),
        device: machine.to_owned(),
        layers: layers.collect(),
        whole,
    };
    Ok(Measured { graph: network.graph().clone(), table, own_layers: part.own_layers() })
}

/// Seconds by repetition.
#[derive(Default)]
struct Samples {
    whole: Vec<f64>,
    /// Shape (layers, repetitions).
    layers: Vec<Vec<f64>>,
}

/// Runs the whole and layer by layer in turn, so that both meet the same state of the machine, until there are so many repetitions or the budget is spent; once at least.
fn alternate(
    part: &mut Part,
    inputs: &[Arc<Tensor>],
    samples: &mut Samples,
    repetitions: usize,
    budget: Duration,
) -> Result<()> {
    for _ in 0..WARM_UP {
        part.timed(inputs)?;
    }
    let (begin, before) = (Instant::now(), samples.whole.len());
    while samples.whole.len() == before || samples.whole.len() < repetitions && begin.elapsed() < budget {
        samples.whole.push(once(part, inputs)?);
        let layer_s = part.timed(inputs)?.layer_s;
        samples.layers.resize(layer_s.len(), Vec::new());
        samples.layers.iter_mut().zip(layer_s).for_each(|(times, time)| times.push(time));
    }
    Ok(())
}

/// Seconds of whole runs.
fn repeat(part: &mut Part, inputs: &[Arc<Tensor>], repetitions: usize, budget: Duration) -> Result<Vec<f64>> {
    for _ in 0..WARM_UP {
        part.run(inputs)?;
    }
    let mut samples = Vec::new();
    let begin = Instant::now();
    while samples.is_empty() || samples.len() < repetitions && begin.elapsed() < budget {
        samples.push(once(part, inputs)?);
    }
    Ok(samples)
}

fn once(part: &mut Part, inputs: &[Arc<Tensor>]) -> Result<f64> {
    let begin = Instant::now();
    part.run(inputs)?;
    Ok(begin.elapsed().as_secs_f64())
}

fn entry(threads: usize, mut samples: Vec<f64>) -> Whole {
    let Summary { median, spread } = summary(&mut samples);
    Whole {
        threads: threads as u32,
        repetitions: samples.len() as u32,
        time_s: rounded(median),
        spread_s: spread.map(rounded),
    }
}

/// The file of a machine: all models, and how they were measured. `loads` are those at the start and at the end.
///
/// # Errors
/// If two models have one name.
pub fn profile(
    name: &str,
    models: &[Measured],
    settings: &Settings,
    loads: [Option<f64>; 2],
) -> Result<MachineProfile> {
    let processor = machine::processor();
    let threads = settings.threads[0];
    let provenance = Provenance {
        engine: ENGINE.to_owned(),
        engine_version: engine::version().to_owned(),
        offcut_version: env!("CARGO_PKG_VERSION").to_owned(),
        processor: processor.clone(),
        logical_processors: machine::logical_processors(),
        threads: threads as u32,
        date: machine::date(),
        load_at_start: loads[0].map(rounded),
        load_at_end: loads[1].map(rounded),
        seed: settings.seed,
    };
    let profile = MachineProfile {
        machine: name.to_owned(),
        about: format!(
            "{processor}, {threads} thread{}, {ENGINE} {}",
            if threads == 1 { "" } else { "s" },
            engine::version()
        ),
        speedups: speedups(models, settings),
        models: models.iter().map(|model| model.table.clone()).collect(),
        provenance: Some(provenance),
    };
    profile.validate().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(profile)
}

/// Speed-ups of 1, 2, ... threads, geometric means over the models; empty unless these were measured. A speed-up below that of fewer threads counts as that: who has more threads
/// need not use them.
pub fn speedups(models: &[Measured], settings: &Settings) -> Vec<f64> {
    let consecutive = settings.threads.iter().enumerate().all(|(i, &threads)| threads == i + 1);
    if !consecutive || settings.threads.len() < 2 {
        return Vec::new();
    }
    let mean = |i: usize| geometric_mean(models.iter().map(|model| model.speedups()[i].1));
    let mut best: f64 = 1.0;
    let table = (0..settings.threads.len()).map(|i| {
        best = best.max(if i == 0 { 1.0 } else { mean(i) });
        rounded(best)
    });
    table.collect()
}
