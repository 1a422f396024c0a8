//! `offcut run`, `report`, `reproduce` and `demo`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use offcut_instances::document::{InputError, read_bytes};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::problem::Problem;
use offcut_instances::prototype::Prototype;
use offcut_instances::terminal::one_line;
use offcut_ledger::{Gate, Manifest, Mismatch, Row};
use offcut_reports::overview::{Part, overview};
use offcut_reports::papers::{self, Papers};
use offcut_reports::{Options, Report};
use offcut_runner::choice::{Choice, GridRequest, separated};
use offcut_runner::process::end_on_signals;
use offcut_runner::solver::External;
use offcut_runner::{BenchmarkAdapter, Folder, Progress, RunOptions, Shard, Suite, run};

use super::{PROBLEMS, known_problem_of, processors, this_program, unknown_problem, with_problem};
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
const SUITES: &[Suites] = offcut_instances::for_each_problem!([] all_suites);

/// What `offcut run` takes.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("programs").multiple(true))]
pub(crate) struct Arguments {
    /// Suite file; without one, give --family
    #[arg(required_unless_present = "families")]
    suite: Option<PathBuf>,
    /// Folder of the run; runs/NAME after the suite file by default, or runs/PROBLEM-FAMILY. What has its row there is not run again
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also run this program on every instance: COMMAND or NAME=COMMAND; as often as you like
    #[arg(long = "solver", value_name = "COMMAND", group = "programs")]
    solvers: Vec<String>,
    /// Also run this policy of lymdo, a program that is asked slot by slot: COMMAND or NAME=COMMAND; as often as you like
    #[arg(long = "policy", value_name = "COMMAND", group = "programs")]
    policies: Vec<String>,
    /// The programs are random: run each with all seeds of the suite
    #[arg(long, requires = "programs")]
    random: bool,
    /// Run a share of the cells only, i/n; `offcut merge` puts the shares together
    #[arg(long, default_value = "1/1")]
    shard: Shard,
    /// Cells at a time: with more than one, cells slow each other down, and times include that
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    #[command(flatten)]
    cluster: super::cluster::Arguments,
    /// Run these methods of the suite only, by id or with their parameters: METHOD,METHOD
    #[arg(long, value_name = "METHODS", conflicts_with = "families", help_heading = "A part of a suite")]
    only: Vec<String>,
    /// Run this study of the suite only; as often as you like
    #[arg(long = "study", value_name = "NAME", conflicts_with = "families", help_heading = "A part of a suite")]
    studies: Vec<String>,
    /// Seconds for every cell, instead of the suite's
    #[arg(long, value_name = "S", help_heading = "A part of a suite")]
    time: Option<f64>,
    /// Threads for every cell, instead of the suite's
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "A part of a suite")]
    threads: Option<u32>,
    /// Instances of every family and setting: generator seeds 1 to N, instead of the suite's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "A part of a suite")]
    seeds: Option<u64>,
    /// Seeds of random methods: 0 to N-1, instead of the suite's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000), help_heading = "A part of a suite")]
    method_seeds: Option<u64>,
    /// Family of instances, instead of a suite file; as often as you like
    #[arg(long = "family", value_name = "NAME", conflicts_with = "suite", help_heading = "A suite without a file")]
    families: Vec<String>,
    /// Set a parameter of the families, NAME=VALUE, or vary it, NAME=VALUE,VALUE: the first that varies over numbers is the axis
    #[arg(
        long = "set",
        value_name = "NAME=VALUES",
        requires = "families",
        conflicts_with = "suite",
        help_heading = "A suite without a file"
    )]
    settings: Vec<String>,
    /// Methods: METHOD,METHOD; all of the problem if left out
    #[arg(
        long,
        value_name = "METHODS",
        requires = "families",
        conflicts_with = "suite",
        help_heading = "A suite without a file"
    )]
    methods: Vec<String>,
    /// The problem, where families and methods do not tell it
    #[arg(
        long,
        value_name = "NAME",
        requires = "families",
        conflicts_with = "suite",
        help_heading = "A suite without a file"
    )]
    problem: Option<String>,
}

/// Options of a run besides its suite.
pub(crate) struct Asked {
    /// Programs to run as well, with their names if they were given any.
    pub(crate) solvers: Vec<(Option<String>, External)>,
    /// What of the suite is run.
    pub(crate) choice: Choice,
    /// Which share of the cells.
    pub(crate) shard: Shard,
    /// Cells at a time.
    pub(crate) jobs: u16,
    /// The cluster on which it is run, if it is.
    pub(crate) on: Option<super::cluster::On>,
}

impl Asked {
    /// Nothing special, so many cells at a time.
    fn plain(jobs: u16) -> Self {
        Self { solvers: Vec::new(), choice: Choice::default(), shard: Shard::ALL, jobs, on: None }
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

pub(crate) fn run_suite(arguments: &Arguments) -> Result<Ending, InputError> {
    if arguments.time.is_some_and(|time| !(time.is_finite() && time >= 0.0)) {
        return Err(InputError::at("--time", "is not a time", "give seconds, 0 or above"));
    }
    let all = |texts: &[String]| texts.iter().flat_map(|text| separated(text)).collect();
    let asked = Asked {
        solvers: named_all(&arguments.solvers, &arguments.policies, arguments.random)?,
        choice: Choice {
            only: all(&arguments.only),
            studies: arguments.studies.clone(),
            time_s: arguments.time,
            threads: arguments.threads,
            seeds: arguments.seeds,
            method_seeds: arguments.method_seeds,
        },
        shard: arguments.shard,
        jobs: arguments.jobs,
        on: arguments.cluster.asked(arguments.jobs),
    };
    let Some(path) = &arguments.suite else { return grid(arguments, &all(&arguments.methods), &asked) };
    let bytes = read_bytes(path).map_err(|error| error.in_file(path))?;
    let name = path.file_stem().map_or("run".into(), |stem| stem.to_string_lossy().into_owned());
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
    run_and_report(&bytes, path.parent(), &folder, &asked)
        .map_err(|error| if error.file.is_none() { error.in_file(path) } else { error })
}

/// Runs a suite that is on the command line.
fn grid(arguments: &Arguments, methods: &[String], asked: &Asked) -> Result<Ending, InputError> {
    let (families, methods) = (arguments.families.clone(), methods.to_vec());
    let mut request = GridRequest { families, methods, settings: Vec::new() };
    for text in &arguments.settings {
        request.set(text)?;
    }
    let problem = match &arguments.problem {
        Some(problem) => problem.clone(),
        None => problem_of_request(&request)?.to_owned(),
    };
    let name = format!("{problem}-{}", request.families.join("-"));
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from("runs").join(name));
    match with_problem!(&problem, P => run_for::<P>(request.suite::<P>(), &folder, asked, true))? {
        Some(ending) => Ok(ending),
        None => report(&folder),
    }
}

/// The only problem that has all families and methods of a request.
fn problem_of_request(request: &GridRequest) -> Result<&'static str, InputError> {
    let fitting = |request: &GridRequest| -> Vec<&'static str> {
        let fits = |name: &&str| with_problem!(name, P => Ok(request.fits::<P>())).unwrap_or(false);
        PROBLEMS.iter().copied().filter(fits).collect()
    };
    let mut fitting_all = fitting(request);
    // Where the families are those of one problem, its methods are what is to be named.
    if let (true, [only]) =
        (fitting_all.is_empty(), &fitting(&GridRequest { methods: Vec::new(), ..request.clone() })[..])
    {
        fitting_all.push(only);
    }
    match &fitting_all[..] {
        [only] => Ok(only),
        [] => {
            let at = format!("families {}, methods {}", request.families.join(", "), request.methods.join(", "));
            let has = |name: &&str| with_problem!(name, P => Ok(families_of::<P>())).unwrap_or_default();
            let known: Vec<String> = PROBLEMS.iter().map(has).collect();
            Err(InputError::at(
                at,
                "no problem has all of them",
                format!("families are: {}; see offcut methods", known.join("; ")),
            ))
        }
        several => {
            let at = format!("families {}", request.families.join(", "));
            let what = format!("are there in {}", several.join(", "));
            Err(InputError::at(at, what, "name the problem: --problem NAME"))
        }
    }
}

fn families_of<P: BenchmarkAdapter>() -> String {
    let names: Vec<&str> = P::families().iter().map(|family| family.name).collect();
    format!("{} {}", P::NAME, names.join(", "))
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

/// Every problem's demo, each in a folder of its own, and an overview of them.
pub(crate) fn demo(folder: &Path) -> Result<Ending, InputError> {
    let suites = SUITES.iter().map(|suites| Listed {
        name: suites.problem.to_owned(),
        suite: suites.demo.to_vec(),
        is_papers: true,
        jobs: processors(),
    });
    run_all("Offcut demo: four papers", &suites.collect::<Vec<_>>(), folder)
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
    let mut suites: Vec<Listed> = SUITES
        .iter()
        .map(|suites| {
            let suite = if full { suites.full } else { suites.bounded };
            Listed { name: suites.problem.to_owned(), suite: suite.to_vec(), is_papers: true, jobs }
        })
        .collect();
    if peers {
        // Beside peers one cell at a time: there times are compared.
        let beside = peers_suites()?.into_iter().map(|(problem, suite)| Listed {
            name: format!("peers/{problem}"),
            suite,
            is_papers: false,
            jobs: 1,
        });
        suites.extend(beside);
    }
    run_all("All papers", &suites, folder)
}

/// One of several suites that are run one after the other.
struct Listed {
    /// What the overview calls it, and its folder.
    name: String,
    suite: Vec<u8>,
    /// Whether it is a paper's own.
    is_papers: bool,
    /// Cells at a time.
    jobs: u16,
}

/// Runs suites, each in a folder of its own, and reports on each and on all.
fn run_all(title: &str, suites: &[Listed], folder: &Path) -> Result<Ending, InputError> {
    let mut ending = Ending::Good;
    let mut runs = Vec::new();
    for Listed { name, suite, is_papers, jobs } in suites {
        out!("{name}");
        let place = folder.join(name);
        let problem = known_problem_of(suite)?;
        with_problem!(&problem, P => run_for::<P>(Suite::parse(suite, P::NAME)?, &place, &Asked::plain(*jobs), false))?;
        let up = "../".repeat(Path::new(name).components().count() + 1);
        let options = Options { overview: Some(format!("{up}report/report.html")), ..Options::default() };
        let reported = with_problem!(&problem, P => report_for::<P>(&place, None, options))?;
        ending = ending.and(reported.ending);
        out!();
        runs.push((name, is_papers, reported));
    }
    let parts: Vec<Part> = runs
        .iter()
        .map(|(name, is_papers, reported)| Part {
            name: (*name).clone(),
            has_claims: **is_papers,
            manifest: &reported.manifest,
            rows: &reported.rows,
            mismatches: &reported.mismatches,
            report: &reported.report,
            place: format!("../{name}/report/report.html"),
        })
        .collect();
    let options = Options::default();
    let report = overview(title, &parts, &options);
    let beside = folder.join("report");
    let written = offcut_reports::write_report(&report, &beside, &options)?;
    for line in &report.summary {
        out!("{line}");
    }
    let hash = |suite: &[u8]| blake3::hash(suite).to_hex().to_string();
    let of_papers = suites.iter().filter(|listed| listed.is_papers);
    let hashes = of_papers.map(|listed| (listed.name.clone(), hash(&listed.suite))).collect();
    let own = runs.iter().filter(|(_, is_papers, _)| **is_papers);
    let lines = own.flat_map(|(_, _, reported)| papers::lines(&reported.manifest, &reported.rows)).collect();
    write_papers(&Papers { suites: hashes, lines }, &beside)?;
    out!("overview: open {}", beside.join(&written.files[0]).display());
    Ok(ending)
}

/// Writes and prints the table of all papers' algorithms; the README's is made of it.
fn write_papers(papers: &Papers, beside: &Path) -> Result<(), InputError> {
    let table = papers::markdown(&papers.lines);
    let json = serde_json::to_string_pretty(papers).expect("plain data") + "\n";
    for (name, content) in [("papers.md", &table), ("papers.json", &json)] {
        let path = beside.join(name);
        std::fs::write(&path, content).map_err(|error| {
            let what = format!("cannot be written: {error}");
            InputError::at("", what, "give a folder that can be written to").in_file(&path)
        })?;
    }
    for line in table.lines() {
        out!("{line}");
    }
    Ok(())
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
    let submitted = with_problem!(&problem, P => {
        let mut suite = Suite::parse(suite, P::NAME)?;
        if let Some(beside) = beside {
            suite.is_in(beside);
        }
        run_for::<P>(suite, folder, asked, false)
    })?;
    match submitted {
        Some(ending) => Ok(ending),
        None => report(folder),
    }
}

/// Runs a suite, or submits it to a cluster. The answer is how the command ends if there is nothing to report on yet.
fn run_for<P: BenchmarkAdapter>(
    mut suite: Suite,
    folder: &Path,
    asked: &Asked,
    keeps_suite: bool,
) -> Result<Option<Ending>, InputError> {
    suite.choose(&asked.choice)?;
    for (name, external) in &asked.solvers {
        suite.add(name.as_deref(), external.clone())?;
    }
    if let Some(on) = &asked.on {
        return super::cluster::submit_for::<P>(&suite, folder, on, keeps_suite);
    }
    let program = this_program()?;
    end_on_signals();
    run::<P>(
        &suite,
        &Folder::at(folder),
        &RunOptions { program: &program, shard: asked.shard, jobs: asked.jobs.into(), keeps_suite },
        &mut Bar::default(),
    )?;
    Ok(None)
}

/// Writes the report of a run beside its rows, and tells rejections, contradictions and mismatches.
pub(crate) fn report(folder: &Path) -> Result<Ending, InputError> {
    report_against(folder, None)
}

/// The same, with gaps measured against a library as well.
pub(crate) fn report_against(folder: &Path, library: Option<&Path>) -> Result<Ending, InputError> {
    let problem = Folder::at(folder).problem()?;
    Ok(with_problem!(&problem, P => report_for::<P>(folder, library, Options::default()))?.ending)
}

/// A run that was reported on.
struct Reported {
    report: Report,
    manifest: Manifest,
    rows: Vec<Row>,
    mismatches: Vec<Mismatch>,
    ending: Ending,
}

fn report_for<P: BenchmarkAdapter>(
    folder: &Path,
    library: Option<&Path>,
    mut options: Options,
) -> Result<Reported, InputError> {
    let (manifest, rows, evidence) = Folder::at(folder).held::<P>()?;
    let beside = folder.join("report");
    if let Some(data) = library {
        options.library = super::library::best_known::<P>(data)?;
    }
    let gate = Gate { mismatches: evidence.mismatches.clone(), ..Gate::of(P::SENSE, &rows, &options.library) };
    let told = evidence.told();
    options.evidence = Some(evidence);
    if P::NAME == Jpdra::NAME {
        options.simulated = super::bursts::simulated(&Folder::at(folder), &rows)?;
    }
    options.prototypes = prototypes(folder, P::NAME)?;
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
    Ok(Reported { report, manifest, rows, mismatches: gate.mismatches, ending })
}

/// Answers that were run for real: the files in the run's folder `prototype`, in the order of their names.
fn prototypes(folder: &Path, problem: &str) -> Result<Vec<Prototype>, InputError> {
    let Ok(entries) = std::fs::read_dir(folder.join("prototype")) else { return Ok(Vec::new()) };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let prototype = Prototype::read(path)?;
        if prototype.problem != problem {
            let what = format!("is of the problem '{}', the run of '{problem}'", prototype.problem);
            return Err(InputError::at("problem", what, "move it to a run of its problem").in_file(path));
        }
        Ok(prototype)
    };
    paths.iter().map(read).collect()
}

/// A progress bar on a terminal; elsewhere a line on standard error every ten seconds.
#[derive(Default)]
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    lines: Option<Lines>,
}

impl Progress for Bar {
    fn begins(&mut self, cells: usize, there: usize) {
        if there > 0 {
            err!("{there} cells have their row already; {cells} to run");
        }
        if !std::io::stderr().is_terminal() {
            self.lines = Some(Lines::begin(cells));
            return;
        }
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (about {eta} left) {msg}");
        let bar = ProgressBar::new(cells as u64).with_style(style.expect("a template"));
        self.bar = Some(bar);
    }

    fn cell(&mut self, method: &str, instance: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(one_line(format_args!("{method} on {instance}")));
        }
    }

    fn notes(&mut self, line: &str) {
        let note = || err!("offcut: {line}");
        match &self.bar {
            Some(bar) => bar.suspend(note),
            None => note(),
        }
    }

    fn row(&mut self, row: &Row) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(lines) = &self.lines {
            let mut count = lines.count.lock().expect("no thread panics with it");
            count.done += 1;
            count.failed += usize::from(row.status.is_failure());
        }
    }

    fn ends(&mut self) {
        self.lines = None;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
struct Count {
    cells: usize,
    done: usize,
    failed: usize,
}

impl Count {
    /// Where a run is after `elapsed_s` seconds, in a line. The rest is estimated from the cells that are done.
    fn line(self, elapsed_s: f64) -> String {
        let Self { cells, done, failed } = self;
        let rest = match done {
            0 => "unknown".to_owned(),
            _ => format!("about {:.0} s", elapsed_s / done as f64 * (cells - done) as f64),
        };
        format!("{done} of {cells} cells done, {failed} failed; {elapsed_s:.0} s so far, {rest} left")
    }
}

/// A thread that tells every ten seconds how far a run is, until this is dropped.
struct Lines {
    count: Arc<Mutex<Count>>,
    /// Closed when this is dropped.
    open: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    const EVERY: Duration = Duration::from_secs(10);

    fn begin(cells: usize) -> Self {
        let count = Arc::new(Mutex::new(Count { cells, done: 0, failed: 0 }));
        let (open, closed) = channel::<()>();
        let (counted, began) = (Arc::clone(&count), Instant::now());
        let thread = std::thread::spawn(move || {
            while closed.recv_timeout(Self::EVERY) == Err(RecvTimeoutError::Timeout) {
                let count = *counted.lock().expect("no thread panics with it");
                err!("{}", count.line(began.elapsed().as_secs_f64()));
            }
        });
        Self { count, open: Some(open), thread: Some(thread) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.open = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_a_run_is() {
        let count = Count { cells: 40, done: 10, failed: 2 };
        assert_eq!(count.line(20.0), "10 of 40 cells done, 2 failed; 20 s so far, about 60 s left");
        let count = Count { cells: 4, done: 0, failed: 0 };
        assert_eq!(count.line(10.2), "0 of 4 cells done, 0 failed; 10 s so far, unknown left");
    }

    #[test]
    fn a_problem_is_told_from_families_and_methods() {
        let request = |families: &[&str], methods: &[&str]| GridRequest {
            families: families.iter().map(|name| (*name).to_owned()).collect(),
            methods: methods.iter().map(|name| (*name).to_owned()).collect(),
            settings: Vec::new(),
        };
        assert_eq!(problem_of_request(&request(&["rayleigh"], &[])), Ok("lymdo"));
        assert_eq!(problem_of_request(&request(&["zoo"], &["iao:error=0.1"])), Ok("multiuser"));
        let several = problem_of_request(&request(&["zoo"], &[])).expect_err("several problems have it");
        assert!(several.remedy.contains("--problem"), "{several}");
        let none = problem_of_request(&request(&["zoo"], &["magic"])).expect_err("nobody has it");
        assert!(none.remedy.contains("rayleigh") && !none.to_string().contains('\n'), "{none}");
    }
}
