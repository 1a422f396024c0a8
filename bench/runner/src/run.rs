//! A whole suite into a folder, resuming by key.
//!
//! ```text
//! runs/<id>/manifest.json  rows.jsonl  instances/<hash>.json  answers/<key's hash>.json  lock
//! ```
//!
//! Certificates are in the answers, so `offcut check` can judge a run again without anything else. A cell that has its row is not
//! run again; ending the program at any moment loses at most the cell it was in.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use offcut_checker::Tolerance;
use offcut_instances::document::{Trouble, instance_bytes};
use offcut_instances::random::Stream;
use offcut_ledger::{Contradiction, Manifest, Row, Store, contradictions, store};

use crate::cell::{execute, judged};
use crate::environment::{code_version, environment};
use crate::suite::Grid;
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
        let path = self.0.join("manifest.json");
        let text = std::fs::read(&path).map_err(|error| {
            Trouble::at("", format!("cannot be read: {error}"), "give the folder of a run, e.g. runs/demo")
                .in_file(&path)
        })?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
            Trouble::at("", format!("is not a manifest: {error}"), "run the suite again").in_file(&path)
        })?;
        let wanted: HashSet<&str> =
            manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect();
        // Rows of earlier code or of studies that are gone stay in the file and out of the report.
        let mut rows = store::read(&self.0.join("rows.jsonl"))?;
        rows.retain(|row| wanted.contains(row.key.line().as_str()));
        Ok((manifest, rows))
    }
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

/// Runs what is missing of `suite` in `folder`. The answer is every contradiction among its rows.
///
/// # Errors
/// [`Trouble`] if the suite asks for something unknown or the folder cannot be used.
pub fn run<P: Contest>(
    suite: &Suite,
    folder: &Folder,
    progress: &mut dyn Progress,
) -> Result<Vec<Contradiction>, Trouble> {
    let code = code_version();
    let grid = suite.expand::<P>(&code, |_| {})?;
    let trouble = |path: &Path, error: std::io::Error| {
        Trouble::at("", format!("cannot be used: {error}"), "give a folder that can be written to").in_file(path)
    };
    for part in ["instances", "answers"] {
        let path = folder.0.join(part);
        std::fs::create_dir_all(&path).map_err(|error| trouble(&path, error))?;
    }
    let (mut rows_file, there) = Store::open(&folder.0.join("rows.jsonl"))?;
    let manifest = manifest::<P>(suite, folder, &grid);
    let bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    replace(&folder.0.join("manifest.json"), &bytes).map_err(|error| trouble(&folder.0, error))?;

    let done: HashSet<String> = there.iter().map(|row| row.key.line()).collect();
    let mut missing: Vec<_> = grid.cells.iter().filter(|cell| !done.contains(&cell.key.line())).collect();
    Stream::new(&["run", "order"], suite.order_seed).shuffle(&mut missing);
    progress.begins(missing.len(), grid.cells.len() - missing.len());
    for cell in missing {
        let recipe = &grid.recipes[cell.recipe];
        let instance = P::generate_with(&recipe.family, &recipe.parameters, recipe.seed)?;
        let algorithm = method::<P>(&cell.method)?;
        progress.cell(&cell.key.method, &P::label(&instance).name);
        let path = folder.0.join("instances").join(format!("{}.json", cell.key.instance));
        if !path.exists() {
            replace(&path, &instance_bytes::<P>(&instance)).map_err(|error| trouble(&path, error))?;
        }
        let executed = execute::<P>(algorithm.as_ref(), &instance, &cell.key.budget);
        let path = folder.0.join("answers").join(answer_name(&cell.key.line()));
        replace(&path, &executed.answer).map_err(|error| trouble(&path, error))?;
        let (row, _) = judged::<P>(&instance, cell.key.clone(), &executed, &manifest.tolerance);
        rows_file.append(&row)?;
        progress.row(&row);
    }
    progress.ends();
    drop(rows_file);
    let (manifest, rows) = folder.read()?;
    Ok(contradictions(P::SENSE, &rows, &manifest.tolerance))
}

/// The name of the file that holds a cell's answer.
pub fn answer_name(key: &str) -> String {
    format!("{}.json", &blake3::hash(key.as_bytes()).to_hex()[..32])
}

fn manifest<P: Contest>(suite: &Suite, folder: &Folder, grid: &Grid) -> Manifest {
    let name = folder.0.file_name().map(|name| name.to_string_lossy().into_owned());
    Manifest {
        id: name.unwrap_or_else(|| "run".into()),
        title: suite.title.clone(),
        problem: P::NAME.into(),
        sense: P::SENSE,
        objective: P::objective(),
        studies: grid.studies.clone(),
        order_seed: suite.order_seed,
        tolerance: Tolerance::default(),
        environment: environment(),
    }
}

/// Writes a file whole or not at all, over what was there.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
