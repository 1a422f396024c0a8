//! A whole suite into a folder, resuming by key.
//!
//! ```text
//! runs/<id>/manifest.json  rows.jsonl  reference.jsonl  instances/<hash>.json  answers/<key's hash>.json  logs/<key's hash>.txt
//! ```
//!
//! Certificates are in the answers, so `offcut check` can judge a run again without anything else. Logs hold what a cell's process wrote
//! to its error output. A cell that has its row is not run again; ending the program at any moment loses at most the cell it was in: files are
//! written beside and renamed, and on the disk before the row that speaks of them is appended.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use offcut_checker::Tolerance;
use offcut_instances::document::{Trouble, hash, instance_bytes};
use offcut_instances::family::Generated;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Budget, MethodSpec};
use offcut_instances::random::Stream;
use offcut_ledger::{Contradiction, Manifest, Reference, Row, Store, contradictions, store};

use crate::cell::{GRACE_S, Launcher};
use crate::environment::{code_version, environment};
use crate::solver::Solver;
use crate::suite::{Cell, Grid};
use crate::{Contest, Suite, method};

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
    /// [`Trouble`] if it is not the folder of a run.
    pub fn read(&self) -> Result<(Manifest, Vec<Row>), Trouble> {
        let mut manifest = self.manifest()?;
        manifest.reference = Reference::read(&self.reference())?;
        let wanted = keys(&manifest);
        // Rows of earlier code or of studies that are gone stay in the file and out of the report.
        let mut rows = store::read(&self.rows())?;
        rows.retain(|row| wanted.contains(row.key.line().as_str()));
        Ok((manifest, rows))
    }

    fn manifest(&self) -> Result<Manifest, Trouble> {
        let path = self.0.join("manifest.json");
        let text = std::fs::read(&path).map_err(|error| {
            Trouble::at("", format!("cannot be read: {error}"), "give the folder of a run, e.g. runs/demo/multiuser")
                .in_file(&path)
        })?;
        serde_json::from_slice(&text).map_err(|error| {
            Trouble::at("", format!("is not a manifest: {error}"), "run the suite again").in_file(&path)
        })
    }

    /// Refuses to mix problems: a folder with a run of another one.
    fn is_for(&self, problem: &str) -> Result<(), Trouble> {
        match self.manifest() {
            Ok(there) if there.problem != problem => {
                let what = format!("holds a run of {}, and this one is of {problem}", there.problem);
                Err(Trouble::at("", what, "give another folder (--folder), or remove it first").in_file(&self.0))
            }
            _ => Ok(()),
        }
    }

    fn rows(&self) -> PathBuf {
        self.0.join("rows.jsonl")
    }

    fn reference(&self) -> PathBuf {
        self.0.join("reference.jsonl")
    }

    fn instance(&self, hash: &str) -> PathBuf {
        self.0.join("instances").join(format!("{hash}.json"))
    }

    /// The file that holds the answer of the cell with this key.
    pub fn answer(&self, key: &str) -> PathBuf {
        self.0.join("answers").join(answer_name(key))
    }

    fn log(&self, key: &str) -> PathBuf {
        self.0.join("logs").join(answer_name(key)).with_extension("txt")
    }

    fn create(&self) -> Result<(), Trouble> {
        for part in ["instances", "answers", "logs"] {
            let path = self.0.join(part);
            std::fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }
}

fn keys(manifest: &Manifest) -> HashSet<&str> {
    manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect()
}

fn unusable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::at("", format!("cannot be used: {error}"), "give a folder that can be written to").in_file(path)
}

/// What a run tells while it goes on.
pub trait Progress {
    /// So many cells are to be run, and so many were there before.
    fn begins(&mut self, cells: usize, there: usize);
    /// A cell begins.
    fn cell(&mut self, method: &str, instance: &str);
    /// A cell has its row.
    fn row(&mut self, row: &Row);
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
pub struct How<'a> {
    /// The program that cells are processes of, see [`Launcher`].
    pub program: &'a Path,
    /// Which share of the cells.
    pub shard: Shard,
    /// How many cells at a time. With more than one they get into each other's way, and times say so: compare times of runs with the same number.
    pub jobs: usize,
}

/// Runs what is missing of `suite` in `folder`. The answer is every contradiction among its rows.
///
/// # Errors
/// [`Trouble`] if the suite asks for something unknown or the folder cannot be used.
pub fn run<P: Contest>(
    suite: &Suite,
    folder: &Folder,
    how: &How<'_>,
    progress: &mut (dyn Progress + Send),
) -> Result<Vec<Contradiction>, Trouble> {
    // What the suite asks for is looked at before anything is written.
    let grid = suite.expand::<P>(&code_version(), |_, _| Ok(()))?;
    folder.is_for(P::NAME)?;
    folder.create()?;
    let (rows, there) = Store::open(&folder.rows())?;
    let manifest = manifest::<P>(suite, folder, how, &grid);
    let bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    replace(&folder.0.join("manifest.json"), &bytes)?;

    let done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let mut order: Vec<&Cell> = grid.cells.iter().collect();
    Stream::new(&["run", "order"], suite.order_seed).shuffle(&mut order);
    let Shard { number, of } = how.shard;
    let mine = order.into_iter().skip(number - 1).step_by(of);
    let (there, missing): (Vec<_>, Vec<_>) = mine.partition(|cell| done.contains(&cell.key.line()));
    progress.begins(missing.len(), there.len());
    let launcher = Launcher { program: how.program, grace_s: GRACE_S };
    let noise = Noise::new(folder, launcher.clone(), missing.len())?;
    let (cells, rows, progress) = (missing.len(), Mutex::new(rows), Mutex::new(progress));
    let missing = Mutex::new(missing.into_iter().enumerate());
    let next = || missing.lock().expect("no thread panics with it").next();
    let work = || -> Result<(), Trouble> {
        while let Some((at, cell)) = next() {
            if at.is_multiple_of(noise.every) {
                noise.measure()?;
            }
            let label = &grid.labels[cell.recipe];
            progress.lock().expect("no thread panics with it").cell(&cell.key.method, &label.name);
            let instance = folder.instance(&cell.key.instance);
            if !instance.exists() {
                let recipe = &grid.recipes[cell.recipe];
                let made = recipe.make::<P>()?;
                if hash::<P>(&made) != cell.key.instance {
                    let what = format!("{} has changed since the run began", label.name);
                    return Err(Trouble::at("instance", what, "leave instance files as they are during a run"));
                }
                replace(&instance, &instance_bytes::<P>(&made))?;
            }
            let solver = Solver::<P>::of(&cell.method, &suite.solvers)?;
            let key = cell.key.line();
            let executed = launcher.execute::<P>(&solver, &cell.method, &instance, &cell.key.budget)?;
            let answer = folder.answer(&key);
            replace(&answer, &executed.answer)?;
            if !executed.errors.is_empty() {
                replace(&folder.log(&key), &executed.errors)?;
            }
            let row = launcher.judge::<P>(&instance, &answer, &cell.key, label, &executed)?;
            rows.lock().expect("no thread panics with it").append(&row)?;
            progress.lock().expect("no thread panics with it").row(&row);
        }
        Ok(())
    };
    // Cells end when the thread that started them does; every thread waits for its own.
    std::thread::scope(|scope| -> Result<(), Trouble> {
        let threads: Vec<_> = (1..how.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let others = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        others.fold(mine, |all, one| all.and(one))
    })?;
    if cells > 0 {
        noise.measure()?;
    }
    progress.into_inner().expect("no thread panicked with it").ends();
    drop(rows);
    let (manifest, rows) = folder.read()?;
    Ok(contradictions(P::SENSE, &rows, &manifest.tolerance))
}

/// Merges runs of shards of one suite into a folder: rows, answers, instances and logs. Where several have a row of the same key the
/// first counts. The answer is the number of rows that were new.
///
/// # Errors
/// [`Trouble`] if the runs are not of the same suite and program, or a folder cannot be used.
pub fn merge(folder: &Folder, parts: &[Folder]) -> Result<usize, Trouble> {
    let manifests = parts.iter().map(Folder::manifest).collect::<Result<Vec<_>, _>>()?;
    let (first, others) =
        manifests.split_first().ok_or_else(|| Trouble::at("", "nothing to merge", "name the folders of the runs"))?;
    let into = folder.0.join("manifest.json").exists().then(|| folder.manifest()).transpose()?;
    for (manifest, part) in others.iter().zip(&parts[1..]).chain(into.iter().map(|manifest| (manifest, folder))) {
        if (&manifest.problem, &manifest.studies) != (&first.problem, &first.studies) {
            let what =
                format!("is another run than {}: not the same suite, or not the same program", parts[0].0.display());
            return Err(
                Trouble::at("", what, "merge shards of one suite, run by copies of one program").in_file(&part.0)
            );
        }
    }
    folder.create()?;
    let (mut store, there) = Store::open(&folder.rows())?;
    let mut done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let name = folder.0.file_name().map(|name| name.to_string_lossy().into_owned());
    let manifest = Manifest { id: name.unwrap_or_else(|| "run".into()), ..first.clone() };
    replace(&folder.0.join("manifest.json"), &serde_json::to_vec_pretty(&manifest).expect("plain data"))?;
    let mut new = 0;
    for part in parts {
        for measured in Reference::read(&part.reference())?.times_s {
            Reference::append(&folder.reference(), measured)?;
        }
        for row in store::read(&part.rows())? {
            let key = row.key.line();
            if !done.insert(key.clone()) {
                continue;
            }
            let answer = (part.answer(&key), folder.answer(&key));
            let instance = (part.instance(&row.key.instance), folder.instance(&row.key.instance));
            for (from, to) in [answer, instance] {
                if !to.exists() {
                    let bytes = std::fs::read(&from).map_err(|error| unusable(&from, &error))?;
                    replace(&to, &bytes)?;
                }
            }
            if let Ok(log) = std::fs::read(part.log(&key)) {
                replace(&folder.log(&key), &log)?;
            }
            store.append(&row)?;
            new += 1;
        }
    }
    Ok(new)
}

/// How noisy the machine is: the same cell again and again through a run, some ten times in all.
struct Noise<'a> {
    folder: &'a Folder,
    launcher: Launcher<'a>,
    instance: PathBuf,
    spec: MethodSpec,
    /// How many cells lie between two measurements.
    every: usize,
}

impl<'a> Noise<'a> {
    /// Measurements in a run.
    const TIMES: usize = 10;

    fn new(folder: &'a Folder, launcher: Launcher<'a>, cells: usize) -> Result<Self, Trouble> {
        let spec = MethodSpec { id: "iao-ds".into(), parameters: Default::default() };
        let mut settings = serde_json::Map::new();
        settings.insert("users".into(), 40_000.into());
        settings.insert("units".into(), 400_000.into());
        let path = folder.0.join("reference.json");
        if cells > 0 && !path.exists() {
            let instance = Multiuser::generate_with("zoo", &settings, 1)?;
            replace(&path, &instance_bytes::<Multiuser>(&instance))?;
        }
        Ok(Self { folder, launcher, instance: path, spec, every: cells.div_ceil(Self::TIMES).max(1) })
    }

    fn measure(&self) -> Result<(), Trouble> {
        let solver = Solver::<Multiuser>::Own(method::<Multiuser>(&self.spec)?);
        let executed = self.launcher.execute(&solver, &self.spec, &self.instance, &Budget::default())?;
        Reference::append(&self.folder.reference(), executed.solve_s)
    }
}

/// The name of the file that holds a cell's answer.
pub fn answer_name(key: &str) -> String {
    format!("{}.json", &blake3::hash(key.as_bytes()).to_hex()[..32])
}

fn manifest<P: Contest>(suite: &Suite, folder: &Folder, how: &How<'_>, grid: &Grid) -> Manifest {
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
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
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
