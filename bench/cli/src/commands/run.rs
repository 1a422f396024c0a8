//! `offcut run`, `report`, `reproduce` and `demo`.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use offcut_instances::document::{InputError, read_bytes};
use offcut_instances::problem::Problem;
use offcut_instances::terminal::one_line;
use offcut_ledger::{Gate, Row};
use offcut_reports::overview::{Part, overview};
use offcut_reports::{Options, Report};
use offcut_runner::process::end_on_signals;
use offcut_runner::solver::External;
use offcut_runner::{BenchmarkAdapter, Folder, Progress, RunOptions, Shard, Suite, for_each_problem, run};

use super::{PROBLEMS, known_problem_of, this_program, unknown_problem, with_problem};
use crate::exit::Ending;
use crate::output::{err, out};

/// The suites of a problem that are part of the program.
struct Suites {
    problem: &'static str,
    demo: &'static [u8],
    bounded: &'static [u8],
    full: &'static [u8],
}

/// The suite `$name` of `$problem`, from the problem's folder.
macro_rules! suite {
    ($problem:ident, $name:literal) => {
        include_bytes!(concat!("../../../suites/", stringify!($problem), "/", $name, ".json"))
    };
}

/// Those of every problem.
macro_rules! all_suites {
    ([] $($module:ident: $type:path,)*) => {
        &[$(Suites {
            problem: <$type as Problem>::NAME,
            demo: suite!($module, "demo"),
            bounded: suite!($module, "bounded"),
            full: suite!($module, "full"),
        }),*]
    };
}

/// The suites of every problem.
const SUITES: &[Suites] = for_each_problem!([] all_suites);

/// Options of a run besides its suite.
pub(crate) struct Asked {
    /// Programs to run as well, with their names if they were given any.
    pub(crate) solvers: Vec<(Option<String>, External)>,
    /// Which share of the cells.
    pub(crate) shard: Shard,
    /// Cells at a time.
    pub(crate) jobs: u16,
}

impl Asked {
    /// Nothing special, so many cells at a time.
    fn plain(jobs: u16) -> Self {
        Self { solvers: Vec::new(), shard: Shard::ALL, jobs }
    }
}

/// Programs as they are given: those that answer whole instances, then policies.
///
/// # Errors
/// [`InputError`] if one is not there.
pub(crate) fn named_all(
    solvers: &[String],
    policies: &[String],
    is_random: bool,
) -> Result<Vec<(Option<String>, External)>, InputError> {
    let solvers = solvers.iter().map(|text| named(text, is_random, false));
    solvers.chain(policies.iter().map(|text| named(text, is_random, true))).collect()
}

pub(crate) fn suite(path: &Path, folder: Option<&Path>, asked: &Asked) -> Result<Ending, InputError> {
    let bytes = read_bytes(path).map_err(|error| error.in_file(path))?;
    let name = path.file_stem().map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
    let folder = folder.map_or_else(|| PathBuf::from("runs").join(name), Path::to_owned);
    run_and_report(&bytes, path.parent(), &folder, asked)
        .map_err(|error| if error.file.is_none() { error.in_file(path) } else { error })
}

/// A program as it is given: `COMMAND` or `NAME=COMMAND`.
///
/// # Errors
/// [`InputError`] if it is not there.
pub(super) fn named(text: &str, is_random: bool, is_policy: bool) -> Result<(Option<String>, External), InputError> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let (name, command) = match text.split_once('=') {
        Some((name, command)) if is_name(name) => (Some(name.to_owned()), command),
        _ => (None, text),
    };
    let external = External { command: command.to_owned(), is_random, is_policy };
    external.is_there()?;
    Ok((name, external))
}

/// Merges runs of shards and reports on the whole.
pub(crate) fn merge(folder: &Path, parts: &[PathBuf]) -> Result<Ending, InputError> {
    let parts: Vec<Folder> = parts.iter().map(|part| Folder::at(part)).collect();
    let problem = parts[0].problem()?;
    let merged = with_problem!(&problem, P => offcut_runner::merge::<P>(&Folder::at(folder), &parts))?;
    let gate = Gate { mismatches: merged.mismatches, ..Gate::default() };
    let told = super::gate::tell(&gate, &[], false);
    out!("{} rows are new in {}", merged.new, folder.display());
    if !gate.mismatches.is_empty() {
        out!("{} rows differ from their answers and were not merged", gate.mismatches.len());
    }
    Ok(told.and(report(folder)?))
}

/// As many cells at a time as there are processors.
pub(crate) fn processors() -> u16 {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(64) as u16)
}

/// Every problem's demo, each in a folder of its own.
pub(crate) fn demo(folder: &Path) -> Result<Ending, InputError> {
    let mut ending = Ending::Good;
    for Suites { problem, demo, .. } in SUITES {
        out!("{problem}");
        if run_and_report(demo, None, &folder.join(problem), &Asked::plain(processors()))? == Ending::Rejected {
            ending = Ending::Rejected;
        }
        out!();
    }
    Ok(ending)
}

pub(crate) fn reproduce(
    problem: &str,
    full: bool,
    peers: bool,
    folder: Option<&Path>,
    jobs: Option<u16>,
) -> Result<Ending, InputError> {
    let name = if full { format!("runs/reproduce-{problem}-full") } else { format!("runs/reproduce-{problem}") };
    let folder = folder.map_or_else(|| PathBuf::from(name), Path::to_owned);
    if problem == "all" {
        return reproduce_all(full, peers, &folder, jobs.unwrap_or_else(processors));
    }
    if peers {
        return Err(InputError::at(
            "--peers",
            "goes with all problems",
            "reproduce all, or run bench/peers/suites/PROBLEM.json",
        ));
    }
    let Some(suites) = SUITES.iter().find(|suites| suites.problem == problem) else {
        return Err(unknown_problem(problem));
    };
    let suite = if full { suites.full } else { suites.bounded };
    run_and_report(suite, None, &folder, &Asked::plain(jobs.unwrap_or(1)))
}

/// Every paper, each in a folder of its own, and an overview of them; with `peers` general solvers beside Offcut's exact methods, too.
fn reproduce_all(full: bool, peers: bool, folder: &Path, jobs: u16) -> Result<Ending, InputError> {
    // The suites with their names, and whether they are a paper's own.
    let mut suites: Vec<(String, Vec<u8>, bool)> = SUITES
        .iter()
        .map(|suites| {
            let suite = if full { suites.full } else { suites.bounded };
            (suites.problem.to_owned(), suite.to_vec(), true)
        })
        .collect();
    if peers {
        let beside = peers_suites()?.into_iter().map(|(problem, suite)| (format!("peers/{problem}"), suite, false));
        suites.extend(beside);
    }
    let mut ending = Ending::Good;
    let mut runs = Vec::new();
    for (name, suite, is_papers) in suites {
        out!("{name}");
        // Beside peers one cell at a time: there times are compared.
        let jobs = if is_papers { jobs } else { 1 };
        let place = folder.join(&name);
        if run_and_report(&suite, None, &place, &Asked::plain(jobs))? == Ending::Rejected {
            ending = Ending::Rejected;
        }
        out!();
        let problem = Folder::at(&place).problem()?;
        runs.push((name, is_papers, with_problem!(&problem, P => Folder::at(&place).held::<P>())?));
    }
    let parts: Vec<Part> = runs
        .iter()
        .map(|(name, is_papers, (manifest, rows, evidence))| Part {
            name: name.clone(),
            has_claims: *is_papers,
            manifest,
            rows,
            mismatches: &evidence.mismatches,
            place: format!("../{name}/report/report.html"),
        })
        .collect();
    let options = Options::default();
    let report = overview("All papers", &parts, &options);
    let beside = folder.join("report");
    let written = offcut_reports::write_report(&report, &beside, &options)?;
    for line in &report.summary {
        out!("{line}");
    }
    out!("overview: open {}", beside.join(&written.files[0]).display());
    Ok(ending)
}

/// The suites that put general solvers beside Offcut's exact methods, of every problem.
fn peers_suites() -> Result<Vec<(&'static str, Vec<u8>)>, InputError> {
    let python = Path::new(".tools/peers/bin/python");
    if !python.exists() {
        return Err(
            InputError::at("", "is not there", "run bench/peers/install in Offcut's folder first").in_file(python)
        );
    }
    let read = |problem: &'static str| {
        let path = Path::new("bench/peers/suites").join(problem).with_extension("json");
        Ok((problem, read_bytes(&path).map_err(|error| error.in_file(&path))?))
    };
    PROBLEMS.iter().copied().map(read).collect()
}

/// Runs a suite that is read from a file in the folder `beside`, or is part of the program, and reports on it.
fn run_and_report(suite: &[u8], beside: Option<&Path>, folder: &Path, asked: &Asked) -> Result<Ending, InputError> {
    let problem = known_problem_of(suite)?;
    with_problem!(&problem, P => run_for::<P>(suite, beside, folder, asked))?;
    report(folder)
}

fn run_for<P: BenchmarkAdapter>(
    suite: &[u8],
    beside: Option<&Path>,
    folder: &Path,
    asked: &Asked,
) -> Result<(), InputError> {
    let mut suite = Suite::parse(suite, P::NAME)?;
    if let Some(beside) = beside {
        suite.is_in(beside);
    }
    for (name, external) in &asked.solvers {
        suite.add(name.as_deref(), external.clone())?;
    }
    let program = this_program()?;
    end_on_signals();
    run::<P>(
        &suite,
        &Folder::at(folder),
        &RunOptions { program: &program, shard: asked.shard, jobs: asked.jobs.into() },
        &mut Bar::default(),
    )?;
    Ok(())
}

/// Writes the report of a run beside its rows, and tells rejections, contradictions and mismatches.
pub(crate) fn report(folder: &Path) -> Result<Ending, InputError> {
    report_against(folder, None)
}

/// The same, with gaps measured against a library as well.
pub(crate) fn report_against(folder: &Path, library: Option<&Path>) -> Result<Ending, InputError> {
    let problem = Folder::at(folder).problem()?;
    with_problem!(&problem, P => report_for::<P>(folder, library))
}

fn report_for<P: BenchmarkAdapter>(folder: &Path, library: Option<&Path>) -> Result<Ending, InputError> {
    let (manifest, rows, evidence) = Folder::at(folder).held::<P>()?;
    let beside = folder.join("report");
    let mut options = Options::default();
    if let Some(data) = library {
        options.library = super::library::best_known::<P>(data)?;
    }
    let gate = Gate { mismatches: evidence.mismatches.clone(), ..Gate::of(P::SENSE, &rows, &options.library) };
    let told = evidence.told();
    options.evidence = Some(evidence);
    let report = Report::new(&manifest, &rows, &options);
    let written = offcut_reports::write_report(&report, &beside, &options)?;
    let flat = beside.join("rows.csv");
    let run = offcut_ledger::table::Run { manifest: &manifest, rows: &rows, library: &options.library };
    std::fs::write(&flat, super::rows::csv_of(&run)).map_err(|error| {
        InputError::at("", format!("cannot be written: {error}"), "give a folder that can be written to").in_file(&flat)
    })?;
    let ending = super::gate::tell(&gate, &rows, false);
    if gate.rejected > 0 {
        out!("{} of {} answers were rejected by the checker", gate.rejected, rows.len());
    }
    for line in &report.summary {
        out!("{line}");
    }
    out!("evidence: {told}");
    out!("{} rows; report: open {}", rows.len(), beside.join(&written.files[0]).display());
    Ok(ending)
}

/// A progress bar on the terminal; quiet when there is none.
#[derive(Default)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Progress for Bar {
    fn begins(&mut self, cells: usize, there: usize) {
        if there > 0 {
            err!("{there} cells have their row already; {cells} to run");
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (about {eta} left) {msg}");
        let bar = ProgressBar::new(cells as u64).with_style(style.expect("a template"));
        self.0 = Some(bar);
    }

    fn cell(&mut self, method: &str, instance: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(one_line(format_args!("{method} on {instance}")));
        }
    }

    fn notes(&mut self, line: &str) {
        let note = || err!("offcut: {line}");
        match &self.0 {
            Some(bar) => bar.suspend(note),
            None => note(),
        }
    }

    fn row(&mut self, _: &Row) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }

    fn ends(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}
