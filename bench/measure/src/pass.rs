//! A pass of a measurement, in a process of its own: where a process's memory lies changes times by more than repetitions in one process do.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::engine::{self, Network, Part, Tensor};
use crate::parent;

/// The argument with which the program becomes a pass.
pub const PASS: &str = "--as-pass";

/// Runs before the first one that counts.
const WARM_UP: usize = 2;

/// What a pass measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pass {
    /// The process that started it.
    pub parent: u32,
    /// A name of the zoo, or the path of an ONNX file.
    pub model: String,
    /// Numbers of threads, the layers' first; at least one.
    pub threads: Vec<usize>,
    /// Most repetitions for each number of threads.
    pub repetitions: usize,
    /// Most seconds of repetitions, all numbers of threads together. At least one repetition is made.
    pub seconds: f64,
    /// The seed of random weights and inputs.
    pub seed: u64,
}

/// Seconds by repetition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Of the whole network. Shape (threads, repetitions), ragged.
    pub whole: Vec<Vec<f64>>,
    /// Of its layers. Shape (layers, repetitions).
    pub layers: Vec<Vec<f64>>,
    /// Layers that have operators of their own in the engine, ascending.
    pub own_layers: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Samples(Samples),
    Failed(String),
}

impl Pass {
    /// Runs the pass in a process: `program` started once more with [`PASS`]. It is ended after `most`, and when this process ends. The thread that calls this must wait for it.
    ///
    /// # Errors
    /// If the model cannot be run, or not in this time.
    pub fn run_apart(&self, program: &Path, most: Duration) -> Result<Samples> {
        let mut process = Command::new(program);
        process.arg(PASS).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = process.spawn().context("a process cannot be started")?;
        let stdin = child.stdin.take().context("no input of a process")?;
        let mut stdout = child.stdout.take().context("no output of a process")?;
        // A process that has ended says so by saying nothing.
        let _ = serde_json::to_writer(stdin, self);
        let (done, is_done) = channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            let _ = done.send(text);
        });
        let text = is_done.recv_timeout(most);
        if text.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().context("a process cannot be waited for")?;
        match text {
            Err(RecvTimeoutError::Timeout) => {
                bail!("not measured after {most:.0?}: give a smaller model, or more --seconds")
            }
            Err(RecvTimeoutError::Disconnected) => bail!("its process has no output"),
            Ok(text) => match serde_json::from_str(&text) {
                Ok(Said::Samples(samples)) => Ok(samples),
                Ok(Said::Failed(why)) => bail!("{why}"),
                Err(_) => bail!("its process ended with {status}: is there memory enough?"),
            },
        }
    }

    /// Measures in this process.
    ///
    /// # Errors
    /// If the model is not known, cannot be read or has an operator that the engine cannot run.
    pub fn run(&self) -> Result<Samples> {
        let network = Network::open(&self.model, self.seed)?;
        let mut part = network.whole().with_context(|| self.model.clone())?;
        let inputs = Network::random_inputs(&part, self.seed)?;
        let budget = Duration::from_secs_f64(self.seconds / self.threads.len() as f64);
        part.set_threads(self.threads[0]);
        let mut samples = Samples { own_layers: part.own_layers(), ..Samples::default() };
        let whole = alternate(&mut part, &inputs, &mut samples.layers, self.repetitions, budget);
        samples.whole.push(whole.with_context(|| self.model.clone())?);
        for &threads in &self.threads[1..] {
            part.set_threads(threads);
            samples.whole.push(repeat(&mut part, &inputs, self.repetitions, budget)?);
        }
        Ok(samples)
    }
}

/// Becomes a pass: reads it from standard input, and says its samples on standard output.
pub fn run() -> ExitCode {
    let said = match within() {
        Ok(samples) => Said::Samples(samples),
        Err(error) => Said::Failed(format!("{error:#}")),
    };
    match serde_json::to_writer(std::io::stdout().lock(), &said) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn within() -> Result<Samples> {
    parent::die_with_parent()?;
    let pass: Pass = serde_json::from_reader(std::io::stdin().lock())?;
    anyhow::ensure!(parent::is_child_of(pass.parent), "its parent has ended");
    // The engine may panic on what it cannot run: its message is ours to give.
    std::panic::set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(|| pass.run())).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        bail!("{}: cannot be run by {} {}: {message}", pass.model, engine::ENGINE, engine::version())
    })
}

/// Runs the whole and layer by layer in turn, so that both meet the same state of the machine, until there are so many repetitions or the budget is spent; once at least.
/// Seconds of the whole.
fn alternate(
    part: &mut Part,
    inputs: &[Arc<Tensor>],
    layers: &mut Vec<Vec<f64>>,
    repetitions: usize,
    budget: Duration,
) -> Result<Vec<f64>> {
    for _ in 0..WARM_UP {
        part.timed(inputs)?;
    }
    let begin = Instant::now();
    let mut whole = Vec::new();
    while whole.is_empty() || whole.len() < repetitions && begin.elapsed() < budget {
        whole.push(once(part, inputs)?);
        let layer_s = part.timed(inputs)?.layer_s;
        layers.resize(layer_s.len(), Vec::new());
        layers.iter_mut().zip(layer_s).for_each(|(times, time)| times.push(time));
    }
    Ok(whole)
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
