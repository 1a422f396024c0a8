//! `offcut verify-library` and `offcut library`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use offcut_checker::{Tolerance, check_answer};
use offcut_instances::document::{InputError, read_answer, read_instance};
use offcut_instances::library::Hardness;
use offcut_ledger::library::{Added, Verified};
use offcut_ledger::{BestKnown, Library as Frozen};
use offcut_runner::{BenchmarkAdapter, Folder};

use rayon::prelude::*;

use super::second::{Comparison, SecondArguments, SecondChecker};
use super::{PROBLEMS, with_problem};
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// What the terms mean; `instances/data/README.md` says the same and more.
pub(crate) const ABOUT: &str = "\
Hardness of an instance:
  easy  an exact method closes it in 10 s of CPU time, one thread: a bound whose certificate the checker
        replays meets the objective of a solution, to 1e-9
  hard  an exact method closes it in 600 s of CPU time, but not in 10 s
  open  not closed yet

The ledger is only ever appended to: every line carries the hash of the line before it, and names the answer that
shows what it says by its hash. See instances/data/README.md.

Example: offcut run bench/suites/jpdra/library.json --folder runs/library-jpdra
         offcut library add runs/library-jpdra
         offcut verify-library jpdra";

/// What `offcut verify-library` takes.
#[derive(Args)]
pub(crate) struct Verify {
    /// One problem only
    problem: Option<String>,
    /// Folder with PROBLEM/library for every problem
    #[arg(long, default_value = "instances/data")]
    folder: PathBuf,
    /// As JSON, with the best known values of every instance
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    second: SecondArguments,
}

/// What can be done with a library.
#[derive(Subcommand)]
pub(crate) enum Library {
    /// Append what a run improves on the best known values; nothing is ever changed
    #[command(after_help = ABOUT)]
    Add {
        /// Folder of the run
        run: PathBuf,
        /// Folder with PROBLEM/library for every problem
        #[arg(long, default_value = "instances/data")]
        folder: PathBuf,
    },
}

pub(crate) fn verify(arguments: &Verify) -> Result<Ending, InputError> {
    let Verify { problem, folder, json, second } = arguments;
    let second = second.checker()?;
    let mut all = Vec::new();
    let mut untaken = Vec::new();
    for name in problem.as_deref().map_or(PROBLEMS.to_vec(), |problem| vec![problem]) {
        with_problem!(name, P => {
            let library = Frozen::of::<P>(folder);
            if library.is_there() {
                let mut verified = library.verify::<P>();
                if let Some(second) = &second {
                    untaken.extend(compare::<P>(&library, second, &mut verified.flaws)?);
                }
                all.push(verified);
                Ok(())
            } else if problem.is_some() {
                Err(nowhere(library.folder()))
            } else {
                Ok(())
            }
        })?;
    }
    if all.is_empty() {
        return Err(nowhere(folder));
    }
    if *json {
        output::json(&all);
    } else {
        let header = ["problem", "instances", "easy", "hard", "open", "closed", "largest open gap", "lines", "head"];
        output::block(&text::table(&header, 1, all.iter().map(row).collect()).to_string());
        for verified in &all {
            for flaw in &verified.flaws {
                out!("FLAW {}: {}", verified.problem, flaw);
            }
        }
        if second.is_some() {
            out!("second checker: {}", told(&untaken));
        }
    }
    let is_good = all.iter().all(|verified| verified.flaws.is_empty());
    Ok(if is_good { Ending::Good } else { Ending::Rejected })
}

/// Adds to `flaws` what the checkers disagree about on the library's answers, and gives what the second did not take in its time.
fn compare<P: BenchmarkAdapter>(
    library: &Frozen,
    second: &SecondChecker,
    flaws: &mut Vec<String>,
) -> Result<Vec<String>, InputError> {
    let compared = |(name, instance, answer): &(String, PathBuf, PathBuf)| -> Result<_, InputError> {
        let judged = second.judge(instance, answer)?;
        let is_read = read_instance::<P>(instance).and_then(|read| Ok((read, read_answer::<P>(answer)?)));
        let Ok((read, given)) = is_read else { return Ok((Vec::new(), Vec::new())) };
        let verdict = check_answer::<P>(&read, &given, &Tolerance::default());
        let file = answer.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let comparison = Comparison::of(&verdict, false, judged);
        let flaws = comparison.disagreements().iter().map(|what| format!("{name}: answers/{file}: {what}"));
        let untaken = comparison.not_taken().iter().map(|what| format!("{} {name} ({what})", P::NAME));
        Ok((flaws.collect(), untaken.collect()))
    };
    let mut all = Vec::new();
    for found in library.pairs()?.par_iter().map(compared).collect::<Vec<_>>() {
        let (disagreements, untaken): (Vec<String>, Vec<String>) = found?;
        flaws.extend(disagreements);
        all.extend(untaken);
    }
    Ok(all)
}

/// What the second checker did not take, in one line.
fn told(untaken: &[String]) -> String {
    match untaken {
        [] => "took everything".into(),
        untaken => format!("took all but {} in its time: {}", untaken.len(), untaken.join(", ")),
    }
}

/// The best known values that a library tells.
pub(super) fn best_known<P: BenchmarkAdapter>(data: &Path) -> Result<BTreeMap<String, BestKnown>, InputError> {
    let library = Frozen::of::<P>(data);
    if library.is_there() { library.best_known(P::SENSE) } else { Err(nowhere(library.folder())) }
}

fn nowhere(folder: &Path) -> InputError {
    InputError::at("", "there is no library", "give the folder that has PROBLEM/library: --folder instances/data")
        .in_file(folder)
}

fn row(verified: &Verified) -> Vec<String> {
    let count = |hardness| verified.count(hardness).to_string();
    vec![
        verified.problem.clone(),
        verified.instances.len().to_string(),
        count(Hardness::Easy),
        count(Hardness::Hard),
        count(Hardness::Open),
        verified.closed().to_string(),
        match verified.largest_open_gap() {
            None => String::new(),
            Some(gap) if gap.is_finite() => text::gap(gap, 0.0),
            Some(_) => "unknown".into(),
        },
        verified.lines.to_string(),
        verified.head.chars().take(12).collect(),
    ]
}

pub(crate) fn library(command: &Library) -> Result<Ending, InputError> {
    let Library::Add { run, folder } = command;
    let (manifest, _) = Folder::at(run).read()?;
    with_problem!(&manifest.problem, P => add::<P>(run, folder))
}

fn add<P: BenchmarkAdapter>(run: &Path, folder: &Path) -> Result<Ending, InputError> {
    let run = Folder::at(run);
    let (manifest, rows) = run.read()?;
    let library = Frozen::of::<P>(folder);
    if !library.is_there() {
        return Err(nowhere(library.folder()));
    }
    let answer = |row: &offcut_ledger::Row| run.answer(&row.key.line());
    let began = manifest.environment.began_unix_s;
    let Added { rows, lines, notes, rejected } = library.add::<P>(&rows, answer, began)?;
    for (name, line) in &lines {
        let plain = |value: serde_json::Value| value.as_str().unwrap_or_default().replace('_', " ");
        let what = plain(serde_json::to_value(line.what).expect("plain data"));
        let shown = plain(serde_json::to_value(line.evidence).expect("plain data"));
        out!("{name}: {what} {} by {} ({shown})", line.value, line.method);
    }
    for note in &notes {
        out!("{note}");
    }
    for line in &rejected {
        out!("REJECTED {line}");
    }
    out!("{rows} rows of instances in the library; {} lines appended", lines.len());
    Ok(if rejected.is_empty() { Ending::Good } else { Ending::Rejected })
}
