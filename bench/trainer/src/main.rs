//! `offcut-trainer`, which `offcut train` starts.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use offcut_heuristics::lymdo::VERSION;
use offcut_instances::document::{InputError, Kind, to_bytes, write_new};
use offcut_trainer::Error;
use offcut_trainer::train::{Plan, csv, train};

/// What candle, and rayon beneath it, take their number of threads from.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Tensors of a step are as large as those of the step before: glibc is to keep their memory instead of asking the
/// kernel each time, which took a quarter of the time.
const MEMORY: [(&str, &str); 2] = [("MALLOC_MMAP_THRESHOLD_", "1073741824"), ("MALLOC_TRIM_THRESHOLD_", "2147483648")];

/// Train the policy of a problem: a document with its weights, and the learning curve beside it.
#[derive(Parser)]
#[command(name = "offcut train", after_help = "Example: offcut train lymdo --seed 1 --out policy.json")]
struct Arguments {
    /// The problem
    #[arg(value_parser = ["lymdo"])]
    problem: String,
    /// Seed of everything random
    #[arg(long, default_value_t = Plan::default().seed)]
    seed: u64,
    /// Slots to play
    #[arg(long, value_name = "N", default_value_t = Plan::default().slots)]
    steps: u64,
    /// File to write; it must not exist. The learning curve goes beside it, as CSV
    #[arg(long, default_value = "policy.json")]
    out: PathBuf,
    /// First learning rate
    #[arg(long, default_value_t = Plan::default().rate)]
    rate: f64,
    /// Weight of the entropy at first
    #[arg(long, default_value_t = Plan::default().ppo.entropy)]
    entropy: f64,
    /// Discount of later slots
    #[arg(long, default_value_t = Plan::default().ppo.discount)]
    discount: f64,
    /// Width of the hidden layers
    #[arg(long, default_value_t = Plan::default().width)]
    width: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Products split over threads may round otherwise on another machine; and the variable must be there before the
    // first of them.
    if std::env::var(THREADS).as_deref() != Ok("1") {
        return alone();
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("offcut: {error}");
            ExitCode::from(2)
        }
    }
}

/// The same program on one thread, which keeps its memory.
fn alone() -> ExitCode {
    let program = std::env::current_exe().expect("a running program has a file");
    let status = Command::new(program).args(std::env::args_os().skip(1)).env(THREADS, "1").envs(MEMORY).status();
    match status {
        Ok(status) => status.code().map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)),
        Err(error) => {
            eprintln!("offcut: cannot start itself: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { seed, steps: slots, rate, width, .. } = *arguments;
    let mut plan = Plan { seed, slots, rate, width, ..Plan::default() };
    plan.ppo.entropy = arguments.entropy;
    plan.ppo.discount = arguments.discount;
    plan.validate()?;
    let beside = curve_of(&arguments.out);
    // Found out before the training, not after it.
    for path in [&arguments.out, &beside] {
        if path.exists() {
            let remedy = "choose another name or remove the file first";
            return Err(InputError::at("", "exists already", remedy).in_file(path).into());
        }
    }
    let bar = ProgressBar::new(plan.slots);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} slots, {elapsed} of about {duration}  {msg}");
    bar.set_style(style.expect("a good template"));
    let (trained, curve) = train(&plan, |slots, dearer| {
        bar.set_position(slots);
        if let Some(dearer) = dearer {
            bar.set_message(format!("{:+.2} % against alternating", 100.0 * dearer));
        }
    })?;
    bar.finish();
    write_new(&arguments.out, &to_bytes(Kind::Policy, &arguments.problem, VERSION, &trained))?;
    write_new(&beside, csv(&curve).trim_end().as_bytes())?;
    println!("mean cost of a slot against alternating, on channels not trained on:");
    println!(
        "{:<22} {:>6} {:>9} {:>10} {:>10} {:>9}",
        "family", "slots", "trained", "untrained", "reference", "random"
    );
    for field in &trained.training.evaluation {
        let percent = |x: f64| format!("{:+.2} %", 100.0 * x);
        println!(
            "{:<22} {:>6} {:>9} {:>10} {:>10} {:>9}",
            field.family,
            field.slots,
            percent(field.trained),
            percent(field.untrained),
            percent(field.reference),
            percent(field.random)
        );
    }
    println!("policy     {}\ncurve      {}", arguments.out.display(), beside.display());
    Ok(())
}

/// The learning curve's file.
fn curve_of(policy: &Path) -> PathBuf {
    policy.with_extension("curve.csv")
}
