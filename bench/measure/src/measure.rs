//! Seconds of every layer of a model, and of the whole with several threads.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use offcut_instances::dnn::machine_file::{MachineProfile, Provenance};
use offcut_instances::dnn::{Graph, Measurement, Measurements, Whole};
use offcut_instances::problem::Valid;

use crate::engine::{self, ENGINE, Network};
use crate::machine;
use crate::pass::{Pass, Samples};
use crate::statistics::{Summary, geometric_mean, of_processes, rounded};

/// How to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Numbers of threads, the layers' first. At least one, each at least 1.
    pub threads: Vec<usize>,
    /// Processes one after the other, each with a part of the repetitions, at least 1.
    pub processes: usize,
    /// Most repetitions for each number of threads, all processes together, at least 1.
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

/// Measures a model, by its name in the zoo or the path of its ONNX file; `machine` names the machine. `program` is the program that is started once more for each process, with the argument
/// [`crate::pass::PASS`].
///
/// # Errors
/// If settings are out of range, the model is not known, cannot be read or has an operator that the engine cannot run.
pub fn model(program: &Path, name: &str, machine: &str, settings: &Settings) -> Result<Measured> {
    ensure!(settings.repetitions > 0, "0 repetitions: give at least 1");
    ensure!(settings.processes > 0, "0 processes: give at least 1");
    ensure!(!settings.threads.is_empty() && !settings.threads.contains(&0), "0 threads: give at least 1");
    ensure!(settings.seconds.is_finite() && settings.seconds > 0.0, "{} seconds: give more than 0", settings.seconds);
    let graph = Network::open(name, settings.seed)?.graph().clone();
    let processes = settings.processes.min(settings.repetitions);
    let pass = Pass {
        parent: std::process::id(),
        model: name.to_owned(),
        threads: settings.threads.clone(),
        repetitions: settings.repetitions.div_ceil(processes),
        seconds: settings.seconds / processes as f64,
        seed: settings.seed,
    };
    // A single inference cannot be interrupted, but its process can.
    let most = Duration::from_secs_f64(120.0 + 4.0 * pass.seconds);
    let passes: Vec<Samples> = (0..processes).map(|_| pass.run_apart(program, most)).collect::<Result<_>>()?;
    let whole = settings.threads.iter().enumerate().map(|(i, &threads)| {
        let by_process: Vec<Vec<f64>> = passes.iter().map(|samples| samples.whole[i].clone()).collect();
        entry(threads, by_process)
    });
    let layers = graph.layers().iter().enumerate().map(|(v, layer)| {
        let Summary { median, spread } = of_processes(passes.iter().map(|samples| samples.layers[v].clone()).collect());
        let spread_s = Some(spread.map(rounded));
        Measurement { layer: layer.name.clone(), time_s: rounded(median), spread_s }
    });
    let table = Measurements {
        model: graph.name().to_owned(),
        device: machine.to_owned(),
        layers: layers.collect(),
        whole: whole.collect(),
    };
    Ok(Measured { table, own_layers: passes[0].own_layers.clone(), graph })
}

fn entry(threads: usize, by_process: Vec<Vec<f64>>) -> Whole {
    let repetitions = by_process.iter().map(Vec::len).sum::<usize>() as u32;
    let Summary { median, spread } = of_processes(by_process);
    Whole { threads: threads as u32, repetitions, time_s: rounded(median), spread_s: spread.map(rounded) }
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
