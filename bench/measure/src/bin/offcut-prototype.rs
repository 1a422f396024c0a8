//! `offcut-prototype`: answers run for real on this machine, predicted against measured latency.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use offcut_instances::terminal::one_line;
use offcut_measure::command;
use offcut_measure::prototype::{self, Settings, cluster::NODE, figure, node, print};

/// Run answers for real on this machine: predicted against measured latency
///
/// A process for each device and server; networks are split at the answer's cuts and run by the inference engine tract, tensors go over loopback sockets held to the instance's links
#[derive(Parser)]
#[command(
    name = "offcut prototype",
    version,
    after_help = "Examples: offcut prototype instance.json iao.json edge-only.json --figure latencies.svg\n          offcut prototype queues.json jpdra.json --seconds 300 --dilation 4 -o rows.json"
)]
struct Cli {
    /// The instance
    instance: PathBuf,
    /// Answers to it; each is checked first, then run
    #[arg(required = true)]
    answers: Vec<PathBuf>,
    /// Tasks of each user or request, one at a time (multiuser, throughput)
    #[arg(long, default_value_t = 20)]
    repetitions: usize,
    /// Seconds of arrivals, by the clock, all slots together (jpdra, lymdo)
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Make all durations so many times as long: for machines faster than one core of this one
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    dilation: f64,
    /// The kind of machine of the instance that one core of this machine is; the only one, if nothing is said
    #[arg(long)]
    kind: Option<String>,
    /// An ONNX file that the instance was made of; may be repeated
    #[arg(long = "model", value_name = "NET.onnx")]
    models: Vec<String>,
    /// Slots to run, one after the other; up to four evenly spread ones, if nothing is said (lymdo)
    #[arg(long, value_delimiter = ',', value_name = "0,1,...")]
    slots: Option<Vec<usize>>,
    /// Seed of weights, inputs, the order of tasks and arrivals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write rows as JSON to a new file
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Draw predicted against measured latencies as SVG to a new file
    #[arg(long, value_name = "FIGURE.svg")]
    figure: Option<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == NODE) {
        return if node::run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    command::main(run)
}

fn run(cli: Cli) -> Result<()> {
    for path in cli.output.iter().chain(&cli.figure) {
        command::can_be_written(path)?;
    }
    let program = std::env::current_exe().context("this program cannot be found")?;
    let Cli { repetitions, seconds, dilation, kind, models, slots, seed, .. } = cli;
    let settings = Settings { repetitions, seconds, dilation, kind, models, slots, seed };
    let results = prototype::run(&program, &cli.instance, &cli.answers, &settings, command::say)?;
    let mut text = print::text(&results);
    if let Some(path) = &cli.output {
        let rows = serde_json::to_string_pretty(&results)? + "\n";
        command::write(path, &rows)?;
        text += &format!("wrote {}\n", one_line(path.display()));
    }
    if let Some(path) = &cli.figure {
        figure::write(&results, path)?;
        text += &format!("wrote {}\n", one_line(path.display()));
    }
    command::print(&text)
}
