//! `offcut compare`: two runs side by side.

use std::path::{Path, PathBuf};

use clap::Args;
use offcut_instances::document::InputError;
use offcut_ledger::{Gate, Manifest, Row};
use offcut_reports::compare::{Change, Clock, Comparison, Machine, MethodComparison, Shown, compare, methods};
use offcut_reports::numbers::significant;
use offcut_runner::{BenchmarkAdapter, Folder};
use serde::Serialize;

use super::{gate, with_problem};
use crate::exit::Ending;
use crate::output::{self, err, out};
use crate::text;

/// How many changes of a kind are told one by one.
const SHOWN: usize = 20;

/// From this factor on it is told that the noise of the machine hides slowdowns.
const TOLD_NOISE: f64 = 1.2;

/// What `offcut compare` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the first run: how it was
    first: PathBuf,
    /// Folder of the second run: how it is. The same folder again, to compare methods of one run
    second: PathBuf,
    /// Compare a method of the first run with another of the second: FIRST/SECOND; as often as you like
    #[arg(long = "methods", value_name = "FIRST/SECOND")]
    methods: Vec<String>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// The rule, for `--help`.
pub(crate) const ABOUT: &str = "\
Rows are paired by instance, method and seed. Times are CPU seconds of the method where all its rows have them, on one
thread; else (programs in other languages) wall-clock seconds. Of every instance the ratio of both runs: of the least
seconds over seeds, or for random methods the median of the ratios with the same seed. A slowdown is shown if the 95 % bootstrap interval, over instances, of the geometric mean ratio lies above the
noise margin of 1.05, with 6 or more instances on which either run took 1 ms or longer and both have a result; and so
does the interval of that ratio over the one of the reference cell, which every run repeats: how much slower the machine
was, and how sure that is. The margin is 1.1 if the reference cell was not measured in both runs. p is that of
Wilcoxon's signed-rank test of the ratios, corrected by Holm over the methods; it decides
nothing.

Regressions are: a slowdown that is shown; an answer that is rejected and was not; a solution that vanished; an objective
worse by more than 1e-9 (relative); a lesser status. Where a row ended at its time limit, objective and status depend on
the machine: they are told, and are no regressions. Exit code 1 if there is a regression, or a row does not hold to its
answer; 0 if not.

Examples: offcut compare runs/before runs/after
          offcut compare runs/mine runs/mine --methods v1/v2";

/// A run as it was read.
struct Read {
    manifest: Manifest,
    rows: Vec<Row>,
    gate: Gate,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Ending, InputError> {
    let Arguments { first: first_path, second: second_path, .. } = arguments;
    let (first, second) = (read(first_path)?, read(second_path)?);
    if first.manifest.problem != second.manifest.problem {
        let what = format!("is of {}, the other of {}", second.manifest.problem, first.manifest.problem);
        return Err(InputError::at("", what, "compare two runs of one problem").in_file(second_path));
    }
    let renamed = renamed(arguments, &first.rows, &second.rows)?;
    let comparison = compare((&first.manifest, &first.rows), (&second.manifest, &second.rows), &renamed);
    if comparison.methods.iter().all(|method| method.pairs == 0) {
        let what = format!("has no instance, method and seed in common with {}", first_path.display());
        let remedy = "compare runs of the same suite, or name methods: --methods FIRST/SECOND";
        return Err(InputError::at("", what, remedy).in_file(second_path));
    }
    let held = [&first, &second].map(|run| gate::tell(&run.gate, &[], true));
    if arguments.json {
        output::json(&Told { has_regression: comparison.has_regression(), comparison: &comparison });
    } else {
        tell(&comparison);
    }
    if first.manifest.environment.processor != second.manifest.environment.processor {
        err!("the runs were made on different processors");
    }
    let found = if comparison.has_regression() { Ending::Rejected } else { Ending::Good };
    Ok(held.into_iter().fold(found, Ending::and))
}

fn read(path: &Path) -> Result<Read, InputError> {
    let problem = Folder::at(path).problem()?;
    with_problem!(&problem, P => read_for::<P>(path))
}

fn read_for<P: BenchmarkAdapter>(path: &Path) -> Result<Read, InputError> {
    let (manifest, rows, evidence) = Folder::at(path).held::<P>()?;
    Ok(Read { manifest, rows, gate: Gate { mismatches: evidence.mismatches, ..Gate::default() } })
}

/// The pairs of methods that were asked for.
fn renamed(arguments: &Arguments, first: &[Row], second: &[Row]) -> Result<Vec<(String, String)>, InputError> {
    let known = |path: &Path, rows: &[Row], name: &str| -> Result<String, InputError> {
        let known = methods(rows);
        if known.contains(name) {
            return Ok(name.to_owned());
        }
        let remedy = format!("its methods are: {}", known.into_iter().collect::<Vec<_>>().join(", "));
        Err(InputError::at(format!("method '{name}'"), "is not in the run", remedy).in_file(path))
    };
    let pair = |text: &String| -> Result<(String, String), InputError> {
        let (a, b) = text
            .split_once('/')
            .ok_or_else(|| InputError::at(format!("--methods {text}"), "has no '/'", "write --methods FIRST/SECOND"))?;
        Ok((known(&arguments.first, first, a)?, known(&arguments.second, second, b)?))
    };
    arguments.methods.iter().map(pair).collect()
}

/// A comparison and what it comes to.
#[derive(Serialize)]
struct Told<'a> {
    has_regression: bool,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

fn tell(comparison: &Comparison) {
    let slower = comparison.methods.iter().filter(|method| method.times.shown == Shown::Slower);
    slower.for_each(|method| out!("REGRESSION {}", time_line(method, "slower")));
    let (regressions, others): (Vec<&Change>, Vec<&Change>) =
        comparison.changes.iter().partition(|change| change.is_regression());
    changes("REGRESSION", &regressions);
    let faster = comparison.methods.iter().filter(|method| method.times.shown == Shown::Faster);
    faster.for_each(|method| out!("faster     {}", time_line(method, "faster")));
    changes("changed   ", &others);
    let header = ["method", "pairs", "instances", "clock", "first", "second", "ratio", "95 % interval", "p", "times"];
    output::block(&text::table(&header, 1, comparison.methods.iter().map(line).collect()).to_string());
    let machines = [(Clock::Cpu, comparison.machine_cpu), (Clock::Wall, comparison.machine)];
    for (clock, machine) in machines {
        let Some(Machine { ratio, interval: (low, high) }) = machine else { continue };
        let clock = clock.name();
        out!("reference cell, {clock}: {ratio:.3} times the first run's seconds ({low:.3} to {high:.3})");
        let least = comparison.margin * high / ratio;
        if least > TOLD_NOISE {
            out!("by {clock} seconds the machine was too noisy to show a slowdown of less than {least:.2} times");
        }
    }
    if machines.iter().all(|(_, machine)| machine.is_none()) {
        out!("reference cell: not measured in both runs");
    }
    out!("noise margin: {}", comparison.margin);
    let count = |of: fn(&MethodComparison) -> usize| comparison.methods.iter().map(of).sum::<usize>();
    let (only_first, only_second) = (count(|method| method.only_first), count(|method| method.only_second));
    if only_first + only_second > 0 {
        out!("rows without a partner: {only_first} of the first run, {only_second} of the second");
    }
    if count(|method| method.other_budgets) > 0 {
        out!("{} pairs have different budgets (time, memory, threads)", count(|method| method.other_budgets));
    }
    out!("{}", if comparison.has_regression() { "there are regressions" } else { "no regression is shown" });
}

fn name(method: &MethodComparison) -> String {
    if method.first == method.second { method.second.clone() } else { format!("{} / {}", method.first, method.second) }
}

fn time_line(method: &MethodComparison, word: &str) -> String {
    let times = &method.times;
    let (Some(ratio), Some((low, high))) = (times.ratio, times.interval) else { return name(method) };
    // A speedup is told as a factor above 1, too.
    let turned = |ratio: f64| if word == "faster" { 1.0 / ratio } else { ratio };
    let (least, most) = (turned(low).min(turned(high)), turned(low).max(turned(high)));
    let factor = turned(ratio);
    format!("{}: {factor:.3} times {word} ({least:.3} to {most:.3}, {} instances)", name(method), times.instances)
}

fn changes(word: &str, all: &[&Change]) {
    for kind in all.chunk_by(|a, b| a.what == b.what) {
        for change in kind.iter().take(SHOWN) {
            let Change { what, method, instance, seed, first, second, at_time_limit } = change;
            let limit = if *at_time_limit { " (at the time limit)" } else { "" };
            out!("{word} {}: {method} on {instance}, seed {seed}: {first} -> {second}{limit}", what.name());
        }
        if kind.len() > SHOWN {
            out!("{word} {}: and {} more", kind[0].what.name(), kind.len() - SHOWN);
        }
    }
}

fn line(method: &MethodComparison) -> Vec<String> {
    let times = &method.times;
    let seconds = |time: Option<f64>| time.map_or_else(String::new, text::seconds);
    let interval = times.interval.map_or_else(String::new, |(low, high)| format!("{low:.3} to {high:.3}"));
    let shown = match times.shown {
        Shown::Slower => "slower",
        Shown::Faster => "faster",
        Shown::Same => "no change shown",
        Shown::TooFew => "too few to compare",
    };
    vec![
        name(method),
        method.pairs.to_string(),
        times.instances.to_string(),
        times.clock.name().into(),
        seconds(times.first_s),
        seconds(times.second_s),
        times.ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}")),
        interval,
        times.p_holm.map_or_else(String::new, |p| significant(p, 2)),
        shown.into(),
    ]
}
