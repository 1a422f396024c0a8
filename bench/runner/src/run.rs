//! A whole suite into a folder, resuming by key.
//!
//! ```text
//! runs/<id>/manifest.json  rows.jsonl  reference.jsonl  instances/<hash>.json  answers/<key's hash>.json  logs/<key's hash>.txt
//!           started/<key's hash>.json  suite.json
//! ```
//!
//! A folder may be run in several times, with other methods or studies: the manifest keeps the cells that have a row, unless they are of another program or
//! budget, or the new suite has the same method, instance and seed. `suite.json` is there if the suite came from a command line.
//!
//! Certificates are in the answers, so `offcut check RUN` can check a run again without anything else. Logs hold what a cell's process wrote
//! to its error output. A cell that has its row is not run again; ending the program at any moment loses at most the cell it was in: files are
//! written beside and renamed, and on the disk before the row that speaks of them is appended.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use offcut_checker::{Checkable, Tolerance};
use offcut_instances::document::{InputError, answer_bytes, hash, instance_bytes, parse_instance};
use offcut_instances::family::Generated;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Answer, Budget, MethodSpec, Problem};
use offcut_instances::random::Stream;
use offcut_ledger::evidence::{Mismatch, hold, manifest_mismatches, reread};
use offcut_ledger::{Contradiction, Evidence, Key, Manifest, Reference, Row, Store, StudyCell, contradictions, store};

use crate::cell::{Executed, GRACE_S, Launcher, Source};
use crate::choice::recipe_with;
use crate::environment::{code_version, environment, node};
use crate::isolation::results_around;
use crate::process::PutBack;
use crate::solver::Solver;
use crate::suite::{Cell, Grid, Recipe};
use crate::{BenchmarkAdapter, Suite, method};

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path, whether or not it is there yet.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads what is in it.
    ///
    /// # Errors
    /// [`InputError`] if it is not the folder of a run.
    pub fn read(&self) -> Result<(Manifest, Vec<Row>), InputError> {
        let mut manifest = self.manifest()?;
        manifest.reference = Reference::read(&self.reference())?;
        let wanted = keys(&manifest);
        // Rows of earlier code, of another budget or of programs that were changed stay in the file and out of the report.
        let mut rows = store::read(&self.rows())?;
        rows.retain(|row| wanted.contains(row.key.line().as_str()));
        Ok((manifest, rows))
    }

    /// Reads what is in it, and keeps the rows that hold to their answers, see [`offcut_ledger::evidence`]. No answer is checked.
    ///
    /// # Errors
    /// [`InputError`] if it is not the folder of a run.
    pub fn held<P: Checkable>(&self) -> Result<(Manifest, Vec<Row>, Evidence), InputError> {
        let (manifest, rows) = self.read()?;
        let (rows, mut evidence) = hold::<P>(rows, |row| self.answer(&row.key.line()));
        evidence.mismatches.extend(manifest_mismatches::<P>(&manifest));
        Ok((manifest, rows, evidence))
    }

    /// All rows of its file, those of no study included.
    ///
    /// # Errors
    /// [`InputError`] if the file cannot be read.
    pub fn all_rows(&self) -> Result<Vec<Row>, InputError> {
        store::read(&self.rows())
    }

    /// The problem its manifest names.
    ///
    /// # Errors
    /// [`InputError`] if it is not the folder of a run.
    pub fn problem(&self) -> Result<String, InputError> {
        Ok(self.manifest()?.problem)
    }

    pub(crate) fn manifest(&self) -> Result<Manifest, InputError> {
        let path = self.0.join("manifest.json");
        let text = std::fs::read(&path).map_err(|error| {
            InputError::at("", format!("cannot be read: {error}"), "give the folder of a run, e.g. runs/demo/multiuser")
                .in_file(&path)
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            InputError::at("", format!("is not a manifest: {error}"), "run the suite again").in_file(&path)
        })
    }

    /// Rejects to mix problems: a folder with a run of another one.
    fn is_for(&self, problem: &str) -> Result<(), InputError> {
        match self.manifest() {
            Ok(there) if there.problem != problem => {
                let what = format!("holds a run of {}, and this one is of {problem}", there.problem);
                Err(InputError::at("", what, "give another folder (--folder), or remove it first").in_file(&self.0))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn rows(&self) -> PathBuf {
        self.0.join("rows.jsonl")
    }

    pub(crate) fn reference(&self) -> PathBuf {
        self.0.join("reference.jsonl")
    }

    /// The file that holds the instance of this hash.
    pub fn instance(&self, hash: &str) -> PathBuf {
        self.0.join("instances").join(format!("{hash}.json"))
    }

    /// The file that holds the answer of the cell with this key.
    pub fn answer(&self, key: &str) -> PathBuf {
        self.0.join("answers").join(answer_name(key))
    }

    pub(crate) fn log(&self, key: &str) -> PathBuf {
        self.0.join("logs").join(answer_name(key)).with_extension("txt")
    }

    pub(crate) fn started(&self, key: &str) -> PathBuf {
        self.0.join("started").join(answer_name(key))
    }

    pub(crate) fn create(&self) -> Result<(), InputError> {
        for part in ["instances", "answers", "logs", "started"] {
            let path = self.0.join(part);
            std::fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }
}

fn keys(manifest: &Manifest) -> HashSet<&str> {
    manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect()
}

pub(crate) fn unusable(path: &Path, error: &std::io::Error) -> InputError {
    InputError::at("", format!("cannot be used: {error}"), "give a folder that can be written to").in_file(path)
}

/// What a run tells while it goes on.
pub trait Progress {
    /// So many cells are to be run, and so many were there before.
    fn begins(&mut self, cells: usize, there: usize);
    /// A cell begins.
    fn cell(&mut self, method: &str, instance: &str);
    /// A cell has its row.
    fn row(&mut self, row: &Row);
    /// Something is to be known that stops nothing.
    fn notes(&mut self, line: &str) {
        eprintln!("offcut: {line}");
    }
    /// All is done.
    fn ends(&mut self);
}

/// A share of the cells of a suite, for one of several machines: they are told apart by their place in the order, so every machine finds the same shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub number: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Everything.
    pub const ALL: Self = Self { number: 1, of: 1 };
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("give i/n with i from 1 to n, e.g. 2/4".into()),
        }
    }
}

/// How a suite is run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The program that cells are processes of, see [`Launcher`].
    pub program: &'a Path,
    /// Which share of the cells.
    pub shard: Shard,
    /// Whether to write the suite into the folder, as `suite.json`: it is in no file yet.
    pub keeps_suite: bool,
    /// How many cells at a time. With more than one they get into each other's way, and times say so: compare times of runs with the same number.
    pub jobs: usize,
}

/// Runs what is missing of `suite` in `folder`. The answer is every contradiction among its rows.
///
/// # Errors
/// [`InputError`] if the suite asks for something unknown or the folder cannot be used.
pub fn run<P: BenchmarkAdapter>(
    suite: &Suite,
    folder: &Folder,
    how: &RunOptions<'_>,
    progress: &mut (dyn Progress + Send),
) -> Result<Vec<Contradiction>, InputError> {
    // What the suite asks for is looked at before anything is written.
    let grid = suite.expand::<P>(&code_version(), |_, _| Ok(()))?;
    let begun = begin::<P>(suite, folder, how, &grid)?;
    let Shard { number, of } = how.shard;
    let mine = in_order(suite, &grid).into_iter().skip(number - 1).step_by(of);
    let (there, missing): (Vec<_>, Vec<_>) = mine.partition(|cell| begun.done.contains(&cell.key.line()));
    progress.begins(missing.len(), there.len());
    let cells = missing.len();
    let missing = Mutex::new(missing.into_iter());
    let next = || Ok(missing.lock().expect("no thread panics with it").next());
    run_cells::<P>(
        &Cells { suite, folder, grid: &grid, how, expected: cells, references: Noise::TIMES },
        begun,
        &next,
        progress,
    )?;
    let (manifest, rows) = folder.read()?;
    Ok(contradictions(P::SENSE, &rows, &manifest.tolerance))
}

/// The cells of a suite in the order in which they are run.
pub(crate) fn in_order<'a>(suite: &Suite, grid: &'a Grid) -> Vec<&'a Cell> {
    let mut order: Vec<&Cell> = grid.cells.iter().collect();
    Stream::new(&["run", "order"], suite.order_seed).shuffle(&mut order);
    order
}

/// A folder that is ready for the cells of a suite.
pub(crate) struct Begun {
    rows: Store,
    /// Keys that have their row, a line each.
    pub(crate) done: HashSet<String>,
    /// The manifest's bytes.
    manifest: Vec<u8>,
}

/// Writes the manifest of a suite into a folder, and opens its rows.
pub(crate) fn begin<P: BenchmarkAdapter>(
    suite: &Suite,
    folder: &Folder,
    how: &RunOptions<'_>,
    grid: &Grid,
) -> Result<Begun, InputError> {
    folder.is_for(P::NAME)?;
    let recipe = folder.0.join("suite.json");
    let described = how.keeps_suite.then(|| recipe_with::<P>(suite, &recipe)).transpose()?;
    folder.create()?;
    let (rows, there) = Store::open(&folder.rows())?;
    let done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let mut manifest = manifest::<P>(suite, folder, how, grid);
    // One that cannot be read is of another version, and its run is begun anew.
    if let Ok(earlier) = folder.manifest() {
        take_over(&mut manifest, earlier, &suite.budget, &done);
    }
    let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    replace(&folder.0.join("manifest.json"), &manifest)?;
    if let Some(bytes) = described {
        replace(&recipe, &bytes)?;
    }
    Started::forget(folder, &done);
    Ok(Begun { rows, done, manifest })
}

/// What cells are run of, where and how.
pub(crate) struct Cells<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) folder: &'a Folder,
    pub(crate) grid: &'a Grid,
    pub(crate) how: &'a RunOptions<'a>,
    /// About how many cells there will be.
    pub(crate) expected: usize,
    /// About how often the reference cell is measured among them.
    pub(crate) references: usize,
}

/// Runs cells until `next` has no more.
pub(crate) fn run_cells<'a, P: BenchmarkAdapter>(
    cells: &Cells<'_>,
    begun: Begun,
    next: &(dyn Fn() -> Result<Option<&'a Cell>, InputError> + Sync),
    progress: &mut (dyn Progress + Send),
) -> Result<(), InputError> {
    let Cells { suite, folder, grid, how, expected, references } = *cells;
    let Begun { rows, manifest, .. } = begun;
    let results = results_around(Some(folder.path()));
    let launcher = Launcher { program: how.program, grace_s: GRACE_S, results: &results };
    let noise = Noise::new(folder, launcher.clone(), expected, references)?;
    let taken = AtomicUsize::new(0);
    let work = Work { suite, folder, grid, launcher, rows: Mutex::new(rows), progress: Mutex::new(progress) };
    let work_on = || -> Result<(), InputError> {
        while let Some(cell) = next()? {
            if taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(noise.every) {
                noise.measure()?;
            }
            work.cell::<P>(cell)?;
        }
        Ok(())
    };
    // Cells end when the thread that started them does; every thread waits for its own.
    std::thread::scope(|scope| -> Result<(), InputError> {
        let threads: Vec<_> = (1..how.jobs.max(1)).map(|_| scope.spawn(work_on)).collect();
        let mine = work_on();
        let others = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        others.fold(mine, |all, one| all.and(one))
    })?;
    if taken.into_inner() > 0 {
        noise.measure()?;
    }
    work.ends(&manifest)
}

/// What the threads of a run have in common.
struct Work<'a, 'p> {
    suite: &'a Suite,
    folder: &'a Folder,
    grid: &'a Grid,
    launcher: Launcher<'a>,
    rows: Mutex<Store>,
    progress: Mutex<&'p mut (dyn Progress + Send)>,
}

impl Work<'_, '_> {
    fn notes(&self, line: &str) {
        self.progress.lock().expect("no thread panics with it").notes(line);
    }

    /// Runs a cell and appends its row.
    fn cell<P: BenchmarkAdapter>(&self, cell: &Cell) -> Result<(), InputError> {
        let Self { suite, folder, grid, launcher, rows, progress } = self;
        let label = &grid.labels[cell.recipe];
        progress.lock().expect("no thread panics with it").cell(&cell.key.method, &label.name);
        let instance = folder.instance(&cell.key.instance);
        let write = || write_instance::<P>(&instance, &grid.recipes[cell.recipe], &cell.key.instance, &label.name);
        if !instance.exists() {
            write()?;
        }
        let restore = || {
            self.notes(&format!("{} was changed; it is written again from its recipe", instance.display()));
            // A folder may be gone, too.
            folder.create()?;
            write()
        };
        let source = Source { path: &instance, hash: &cell.key.instance, restore: &restore };
        let solver = Solver::<P>::of(&cell.method, &suite.solvers)?;
        let key = cell.key.line();
        let started = matches!(solver, Solver::External(_)).then(|| Started::begin(folder, &key)).transpose()?;
        let executed = match &started {
            Some(Started { before, .. }) if *before >= Started::MOST => ended_the_runner::<P>(*before),
            _ => launcher.execute::<P>(&solver, &cell.method, &source, &cell.key.budget)?,
        };
        folder.create()?;
        let answer = folder.answer(&key);
        replace(&answer, &executed.answer)?;
        if !executed.errors.is_empty() {
            replace(&folder.log(&key), &executed.errors)?;
        }
        let row = launcher.check_answer::<P>(&source, &answer, &cell.key, label, &executed)?;
        if rows.lock().expect("no thread panics with it").append(&row)? {
            self.notes(&format!("{} was changed during the run; it is written again", folder.rows().display()));
        }
        drop(started);
        if let Some(line) = left_behind(&row) {
            self.notes(&line);
        }
        progress.lock().expect("no thread panics with it").row(&row);
        Ok(())
    }

    /// Holds the files to what was written, `manifest` among it.
    fn ends(self, manifest: &[u8]) -> Result<(), InputError> {
        let mut rows = self.rows.into_inner().expect("no thread panicked with it");
        let progress = self.progress.into_inner().expect("no thread panicked with it");
        if rows.hold()? {
            let rows = self.folder.rows();
            progress.notes(&format!("{} was changed during the run; it is written again", rows.display()));
        }
        let path = self.folder.0.join("manifest.json");
        if !std::fs::read(&path).is_ok_and(|there| there == manifest) {
            progress.notes(&format!("{} was changed during the run; it is written again", path.display()));
            replace(&path, manifest)?;
        }
        progress.ends();
        Ok(())
    }
}

/// What there is to say of processes that a cell left behind.
fn left_behind(row: &Row) -> Option<String> {
    let orphans = &row.process.as_ref()?.orphans;
    let named: Vec<String> = orphans.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let Row { key, instance, .. } = row;
    (!named.is_empty()).then(|| {
        format!("{} on {} left processes behind, which were ended: {}", key.method, instance.name, named.join(", "))
    })
}

/// Takes over the cells of an earlier manifest of the same folder that have a row, `done`, and belong beside the new ones.
fn take_over(manifest: &mut Manifest, earlier: Manifest, budget: &Budget, done: &HashSet<String>) {
    let code = code_version();
    let place = |key: &Key| (key.instance.clone(), key.method.clone(), key.budget.seed);
    let parsed = |cell: &StudyCell| serde_json::from_str::<Key>(&cell.key).ok();
    let new: HashSet<String> = keys(manifest).into_iter().map(str::to_owned).collect();
    let places: HashSet<_> =
        manifest.studies.iter().flat_map(|study| &study.cells).filter_map(parsed).map(|key| place(&key)).collect();
    let is_beside = |key: &Key| {
        let is_ours = key.code == code || key.code.strip_prefix(&code).is_some_and(|rest| rest.starts_with('+'));
        is_ours && Budget { seed: budget.seed, ..key.budget.clone() } == *budget && !places.contains(&place(key))
    };
    manifest.take_over(earlier, |cell| {
        done.contains(&cell.key) && (new.contains(&cell.key) || parsed(cell).is_some_and(|key| is_beside(&key)))
    });
}

/// Writes the file of an instance.
fn write_instance<P: BenchmarkAdapter>(
    path: &Path,
    recipe: &Recipe,
    expected: &str,
    name: &str,
) -> Result<(), InputError> {
    let made = recipe.make::<P>()?;
    if hash::<P>(&made) != expected {
        let what = format!("{name} has changed since the run began");
        return Err(InputError::at("instance", what, "leave instance files as they are during a run"));
    }
    replace(path, &instance_bytes::<P>(&made))
}

/// Says on the disk that a program is at work, as long as this is there.
struct Started {
    file: PathBuf,
    /// How often the runner was ended meanwhile.
    before: u64,
    put_back: Option<PutBack>,
}

impl Started {
    /// So often the runner may be ended in the middle of a program.
    const MOST: u64 = 5;

    /// Removes what a runner that was ended between a row and this has left.
    fn forget(folder: &Folder, done: &HashSet<String>) {
        let left = std::fs::read_dir(folder.0.join("started")).into_iter().flatten().flatten();
        let left: HashSet<_> = left.map(|entry| entry.file_name()).collect();
        if !left.is_empty() {
            for key in done.iter().filter(|key| left.contains(std::ffi::OsStr::new(&answer_name(key)))) {
                let _ = std::fs::remove_file(folder.started(key));
            }
        }
    }

    fn begin(folder: &Folder, key: &str) -> Result<Self, InputError> {
        let file = folder.started(key);
        let text = std::fs::read(&file).ok();
        let before = text.as_ref().and_then(|text| String::from_utf8_lossy(text).trim().parse().ok()).unwrap_or(0);
        // A signal that the runner hears is not counted.
        let put_back = Some(PutBack::enter(file.clone(), text));
        // It has to outlive this process, not the machine: nothing waits for the disk.
        std::fs::write(&file, (before + 1).to_string()).map_err(|error| unusable(&file, &error))?;
        Ok(Self { file, before, put_back })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.put_back = None;
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The reason for a failed program during which the runner was ended so often.
fn ended_the_runner<P: BenchmarkAdapter>(times: u64) -> Executed {
    let why = format!(
        "the runner was ended {times} times while it ran, by it or from outside; to try again, remove its line from rows.jsonl"
    );
    Executed {
        answer: answer_bytes::<P>(&Answer::failed(why)),
        solve_s: 0.0,
        solve_cpu_s: 0.0,
        peak_memory_bytes: None,
        process: None,
        history_rejected: None,
        errors: Vec::new(),
    }
}

/// What became of the rows of merged runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// How many rows were new.
    pub new: usize,
    /// Rows that do not hold to their answer or instance, and were left where they are.
    pub mismatches: Vec<Mismatch>,
}

/// Merges runs of shards of one suite into a folder: rows, answers, instances and logs. Where several have a row of the same key the
/// first that holds to its answer counts; one that does not is not taken.
///
/// # Errors
/// [`InputError`] if the runs are not of the same suite and program, or a folder cannot be used.
pub fn merge<P: Checkable>(folder: &Folder, parts: &[Folder]) -> Result<Merged, InputError> {
    let first = common_manifest(folder, parts)?;
    folder.create()?;
    let (mut store, there) = Store::open(&folder.rows())?;
    let mut done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let name = folder.0.file_name().map(|name| name.to_string_lossy().into_owned());
    let manifest = Manifest { id: name.unwrap_or_else(|| "run".into()), ..first };
    replace(&folder.0.join("manifest.json"), &serde_json::to_vec_pretty(&manifest).expect("plain data"))?;
    let mut merged = Merged::default();
    let mut instances = Instances::new();
    for part in parts {
        let reference = Reference::read(&part.reference())?;
        for (at, time_s) in reference.times_s.iter().enumerate() {
            let node = reference.nodes.get(at).filter(|node| !node.is_empty());
            let cpu_s = reference.cpu_s.get(at).copied();
            Reference::append(&folder.reference(), *time_s, cpu_s, node.map(String::as_str))?;
        }
        for row in store::read(&part.rows())? {
            let key = row.key.line();
            if done.contains(&key) {
                continue;
            }
            let copied = copy_row::<P>(folder, part, &row, &mut instances)?;
            if let Err(what) = copied {
                let what = format!("{what}, in {}", part.0.display());
                merged.mismatches.push(Mismatch::of(&row, &part.answer(&key), what));
                continue;
            }
            done.insert(key.clone());
            if let Ok(log) = std::fs::read(part.log(&key)) {
                replace(&folder.log(&key), &log)?;
            }
            store.append(&row)?;
            merged.new += 1;
        }
    }
    Ok(merged)
}

/// The manifest of runs of one suite, by one program.
fn common_manifest(folder: &Folder, parts: &[Folder]) -> Result<Manifest, InputError> {
    let mut manifests = parts.iter().map(Folder::manifest).collect::<Result<Vec<_>, _>>()?;
    let (first, others) = manifests
        .split_first()
        .ok_or_else(|| InputError::at("", "nothing to merge", "name the folders of the runs"))?;
    let into = folder.0.join("manifest.json").exists().then(|| folder.manifest()).transpose()?;
    for (manifest, part) in others.iter().zip(&parts[1..]).chain(into.iter().map(|manifest| (manifest, folder))) {
        if (&manifest.problem, &manifest.studies) != (&first.problem, &first.studies) {
            let what =
                format!("is another run than {}: not the same suite, or not the same program", parts[0].0.display());
            return Err(
                InputError::at("", what, "merge shards of one suite, run by copies of one program").in_file(&part.0)
            );
        }
    }
    Ok(manifests.swap_remove(0))
}

/// The bytes of instances' files, or what is wrong with them.
pub(crate) type Instances = HashMap<PathBuf, Result<Vec<u8>, String>>;

/// Copies the answer and the instance of a row of `part`; or says in what the row does not hold to them.
pub(crate) fn copy_row<P: Checkable>(
    folder: &Folder,
    part: &Folder,
    row: &Row,
    instances: &mut Instances,
) -> Result<Result<(), String>, InputError> {
    let key = row.key.line();
    let instance = part.instance(&row.key.instance);
    let mut differences = Vec::new();
    let answer_bytes = std::fs::read(part.answer(&key));
    match &answer_bytes {
        Ok(bytes) => differences.extend(reread::<P>(row, bytes).differences),
        Err(error) => differences.push(format!("its answer cannot be read: {error}")),
    }
    let known = instances.entry(instance.clone()).or_insert_with(|| instance_of::<P>(&instance, row));
    if let Err(what) = &known {
        differences.push(what.clone());
    }
    let (Ok(answer_bytes), Ok(instance_bytes), true) = (answer_bytes, known, differences.is_empty()) else {
        return Ok(Err(differences.join("; ")));
    };
    for (bytes, to) in [(&answer_bytes, folder.answer(&key)), (&*instance_bytes, folder.instance(&row.key.instance))] {
        // What is there without a row is of a run that was ended.
        if std::fs::read(&to).ok().as_ref() != Some(bytes) {
            replace(&to, bytes)?;
        }
    }
    Ok(Ok(()))
}

/// The bytes of the file that holds a row's instance, if they are that instance.
fn instance_of<P: Problem>(path: &Path, row: &Row) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("its instance cannot be read: {error}"))?;
    let instance = parse_instance::<P>(&bytes).map_err(|error| format!("its instance: {error}"))?;
    match hash::<P>(&instance) {
        is if is == row.key.instance => Ok(bytes),
        is => Err(format!("its instance has hash {is}, and the row says {}", row.key.instance)),
    }
}

/// How noisy the machine is: the same cell again and again through a run, some twenty times in all.
struct Noise<'a> {
    folder: &'a Folder,
    launcher: Launcher<'a>,
    instance: PathBuf,
    spec: MethodSpec,
    /// How many cells lie between two measurements.
    every: usize,
}

impl<'a> Noise<'a> {
    /// Measurements in a run on one machine.
    const TIMES: usize = 20;

    /// The instance's hash.
    const HASH: &'static str = "b2f4dd8d1516a9f028b55362de28fc32";

    fn new(folder: &'a Folder, launcher: Launcher<'a>, cells: usize, times: usize) -> Result<Self, InputError> {
        let spec = MethodSpec { id: "iao-ds".into(), parameters: Default::default() };
        let path = folder.0.join("reference.json");
        if cells > 0 && !path.exists() {
            Self::write(&path)?;
        }
        Ok(Self { folder, launcher, instance: path, spec, every: cells.div_ceil(times).max(1) })
    }

    fn write(path: &Path) -> Result<(), InputError> {
        let mut settings = serde_json::Map::new();
        settings.insert("users".into(), 40_000.into());
        settings.insert("units".into(), 400_000.into());
        let instance = Multiuser::generate_with("zoo", &settings, 1)?;
        replace(path, &instance_bytes::<Multiuser>(&instance))
    }

    fn measure(&self) -> Result<(), InputError> {
        let solver = Solver::<Multiuser>::Own(method::<Multiuser>(&self.spec)?);
        let source = Source { path: &self.instance, hash: Self::HASH, restore: &|| Self::write(&self.instance) };
        let executed = self.launcher.execute(&solver, &self.spec, &source, &Budget::default())?;
        Reference::append(&self.folder.reference(), executed.solve_s, Some(executed.solve_cpu_s), node())
    }
}

/// The name of the file that holds a cell's answer.
pub fn answer_name(key: &str) -> String {
    format!("{}.json", &blake3::hash(key.as_bytes()).to_hex()[..32])
}

fn manifest<P: BenchmarkAdapter>(suite: &Suite, folder: &Folder, how: &RunOptions<'_>, grid: &Grid) -> Manifest {
    let name = folder.0.file_name().map(|name| name.to_string_lossy().into_owned());
    Manifest {
        id: name.unwrap_or_else(|| "run".into()),
        title: suite.title.clone(),
        problem: P::NAME.into(),
        sense: P::SENSE,
        objective: P::objective(),
        variant_objectives: grid.variant_objectives.clone(),
        measures: P::measured().into_iter().map(|(key, quantity)| (key.to_owned(), quantity)).collect(),
        random_methods: grid.random_methods.clone(),
        studies: grid.studies.clone(),
        order_seed: suite.order_seed,
        jobs: how.jobs,
        tolerance: Tolerance::default(),
        environment: environment(),
        reference: Reference::default(),
    }
}

/// Writes a file whole or not at all, over what was there, and has it on the disk before it comes back.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), InputError> {
    // A name of its own: two threads may write the same instance.
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = path.with_extension(format!("{}-{number}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        std::fs::rename(&beside, path)?;
        // The name is on the disk when the folder is.
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_data(),
            None => Ok(()),
        }
    };
    write().map_err(|error| unusable(path, &error))
}
