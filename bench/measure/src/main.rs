//! `offcut-measure`: seconds of every layer of networks on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use offcut_instances::dnn::machine_file::{LayerTimes, MachineProfile};
use offcut_instances::dnn::zoo;
use offcut_measure::command::{self, can_be_written, print, say, write};
use offcut_measure::measure::{self, Measured, Settings};
use offcut_measure::pass::{self, PASS};
use offcut_measure::{compare, machine, report};

/// Measure networks on this machine, layer by layer, on the inference engine tract
///
/// The file is a machine: it stands wherever the name of a device does, as in `offcut machines this-machine.json` and `--set 'devices=["this-machine.json"]'`
#[derive(Parser)]
#[command(
    name = "offcut measure",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples: offcut measure resnet50 net.onnx -o this-machine.json\n          offcut measure zoo -o this-machine.json --threads 1,2,4\n          offcut measure compare this-machine.json again.json"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    arguments: Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Is a second measurement within the spread of the first?
    Compare {
        /// The first file; its spread counts
        first: PathBuf,
        /// The second file
        second: PathBuf,
    },
}

#[derive(Args)]
struct Arguments {
    /// Names of the zoo, or paths of .onnx files; `zoo` is all of the zoo
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// The file to write, which must not exist yet
    #[arg(short, long, required = true)]
    output: Option<PathBuf>,
    /// The machine's name
    #[arg(long, default_value = "this-machine", value_name = "KIND")]
    name: String,
    /// Threads of the engine; layers are timed with the first number, whole networks with all
    #[arg(long, value_delimiter = ',', default_value = "1", value_name = "1,2,...")]
    threads: Vec<usize>,
    /// Most repetitions, all processes together
    #[arg(long, default_value_t = 60)]
    repetitions: usize,
    /// Processes for each model, one after the other: times differ more from process to process than within one
    #[arg(long, default_value_t = 6)]
    processes: usize,
    /// Most seconds of repetitions for each model
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Seed of random weights and inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == PASS) {
        return pass::run();
    }
    command::main(|cli: Cli| match &cli.command {
        Some(Command::Compare { first, second }) => compared(first, second),
        None => measured(&cli.arguments),
    })
}

fn compared(first: &Path, second: &Path) -> Result<()> {
    let comparison = compare::compare(&profile(first)?, &profile(second)?)?;
    print(&comparison.text())
}

fn profile(path: &Path) -> Result<MachineProfile> {
    let name = path.to_str().context("a path is not UTF-8")?;
    let machine = LayerTimes::named(name).map_err(|error| match error.file {
        Some(_) => anyhow::anyhow!("{error}"),
        None => anyhow::anyhow!("{name}: {error}"),
    });
    match machine? {
        LayerTimes::Measured(profile) => Ok(profile),
        LayerTimes::Estimated(_) => bail!("{name}: is not measured: give a file that offcut measure wrote"),
    }
}

fn measured(arguments: &Arguments) -> Result<()> {
    let path = arguments.output.as_deref().context("no output: give --output FILE")?;
    let settings = settings(arguments)?;
    let names: Vec<String> = match &arguments.models[..] {
        [all] if all == "zoo" => zoo::names().iter().map(|&name| name.to_owned()).collect(),
        names => names.to_vec(),
    };
    can_be_written(path)?;
    ensure!(!arguments.name.is_empty(), "the machine's name is empty: give --name KIND");
    let program = std::env::current_exe().context("this program cannot be found")?;
    let start = machine::load();
    if let Some(load) = start.filter(|load| *load > machine::IDLE) {
        say(&format!("warning: this machine is not idle (load {load:.2}): times are longer and spread more"));
    }
    let mut models: Vec<Measured> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        say(&format!("{} of {}: {name}", i + 1, names.len()));
        let one = measure::model(&program, name, &arguments.name, &settings)?;
        ensure!(models.iter().all(|known| known.table.model != one.table.model), "'{name}' is given twice");
        models.push(one);
    }
    let profile = measure::profile(&arguments.name, &models, &settings, [start, machine::load()])?;
    let text = serde_json::to_string(&profile)?;
    write(path, &text)?;
    print(&format!("{}: {}\n\n{}wrote {}\n", profile.machine, profile.about, report::tables(&models), path.display()))
}

fn settings(arguments: &Arguments) -> Result<Settings> {
    const MOST: usize = 1024;
    let mut threads = arguments.threads.clone();
    threads.dedup();
    ensure!(arguments.repetitions > 0, "--repetitions 0: give at least 1");
    ensure!(threads.iter().all(|count| (1..=MOST).contains(count)), "--threads: give numbers from 1 to {MOST}");
    ensure!((1..=MOST).contains(&arguments.processes), "--processes {}: give 1 to {MOST}", arguments.processes);
    let mut sorted = threads.clone();
    sorted.sort_unstable();
    sorted.dedup();
    ensure!(sorted.len() == threads.len(), "--threads: give each number once");
    let range = 1e-3..=86_400.0;
    ensure!(range.contains(&arguments.seconds), "--seconds {}: give a number from 0.001 to 86400", arguments.seconds);
    let processors = machine::logical_processors() as usize;
    if let Some(count) = threads.iter().find(|&&count| count > processors) {
        say(&format!("warning: {count} threads on {processors} logical processors"));
    }
    let Arguments { processes, repetitions, seconds, seed, .. } = *arguments;
    Ok(Settings { threads, processes, repetitions, seconds, seed })
}
