//! A whole run checked again from its answers: what `offcut check RUN` does.
//!
//! Every row of the run's studies is made anew, by a process of its own that checks the row's answer on the row's instance under the limits that answers
//! have in a run; no solver is started. Compared are the instance's hash and what tables call it, the answer's hash, and everything that [`verify`] names.
//! Seconds, memory and where a row was made are in no answer, and which cells belong to which study stands in the manifest alone: neither is compared.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use offcut_instances::document::{InputError, hash, read_instance};
use offcut_ledger::evidence::{Mismatch, answer_hash, manifest_mismatches, verify};
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Gate, Row};
use serde::Serialize;

use crate::cell::{Executed, GRACE_S, Launcher, Source};
use crate::{BenchmarkAdapter, Folder, Progress};

/// What became of the rows of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// Rows that were held against what the checker says now.
    pub rows: usize,
    /// Rows in which nothing differs.
    pub same: usize,
    /// Rows that carry no hash of their answer, as they were written before rows had it: whether the answer is the one they were made of is not known.
    pub unbound: usize,
    /// Cells of the run's studies without a row.
    pub missing: usize,
    /// Rows of the file that belong to no study, those of earlier code say: no report shows them, and they were not checked.
    pub others: usize,
    /// Answers without a row, of cells that a run was ended in or of rows that were taken out.
    pub without_row: Vec<String>,
    /// What stands against the rows as the checker makes them now.
    pub gate: Gate,
}

/// Checks every row of a run again, `jobs` at a time. `program` is what cells are processes of, see [`Launcher`].
///
/// # Errors
/// [`InputError`] if the folder is not that of a run, or no process can be started.
pub fn check<P: BenchmarkAdapter>(
    folder: &Folder,
    program: &Path,
    jobs: usize,
    progress: &mut (dyn Progress + Send),
) -> Result<Checked, InputError> {
    let (manifest, rows) = folder.read()?;
    let all = folder.all_rows()?;
    let labels = instances::<P>(folder, &rows);
    let launcher = Launcher { program, grace_s: GRACE_S, results: &[] };
    progress.begins(rows.len(), 0);
    let (next, progress) = (AtomicUsize::new(0), Mutex::new(progress));
    let again: Vec<Mutex<Option<Again>>> = rows.iter().map(|_| Mutex::new(None)).collect();
    let work = || -> Result<(), InputError> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(at) else { return Ok(()) };
            progress.lock().expect("no thread panics with it").cell(&row.key.method, &row.instance.name);
            let checked_answer = checked_again::<P>(folder, &launcher, &labels, row)?;
            *again[at].lock().expect("no thread panics with it") = Some(checked_answer);
            progress.lock().expect("no thread panics with it").row(row);
        }
    };
    std::thread::scope(|scope| -> Result<(), InputError> {
        let threads: Vec<_> = (1..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let others = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
        others.fold(mine, |all, one| all.and(one))
    })?;
    progress.into_inner().expect("no thread panicked with it").ends();

    let mut mismatches = manifest_mismatches::<P>(&manifest);
    let (mut same, mut keys, mut checked_answer) = (0, HashSet::new(), Vec::new());
    for (row, again) in rows.iter().zip(again) {
        let mut again = again.into_inner().expect("no thread panicked with it").expect("every row has one");
        if !keys.insert(row.key.line()) {
            again.differences.push("it has the key of an earlier row".into());
        }
        same += usize::from(again.differences.is_empty());
        let answer = folder.answer(&row.key.line());
        mismatches.extend(again.differences.into_iter().map(|what| Mismatch::of(row, &answer, what)));
        checked_answer.extend(again.row);
    }
    let cells: HashSet<&str> =
        manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect();
    Ok(Checked {
        rows: rows.len(),
        same,
        unbound: rows.iter().filter(|row| row.answer_hash.is_none()).count(),
        missing: cells.iter().filter(|key| !keys.contains(**key)).count(),
        others: all.len() - rows.len(),
        without_row: without_row(folder, &all),
        gate: Gate { mismatches, ..Gate::of(P::SENSE, &checked_answer, &BTreeMap::new()) },
    })
}

/// The result of checking a row's answer again.
struct Again {
    /// The row as the checker makes it now; none if there is no answer or no instance to check.
    row: Option<Row>,
    /// In what the row differs.
    differences: Vec<String>,
}

/// What tables call every instance of some rows, by hash, or what is wrong with its file.
fn instances<P: BenchmarkAdapter>(folder: &Folder, rows: &[Row]) -> BTreeMap<String, Result<InstanceLabel, String>> {
    let mut known = BTreeMap::new();
    for key in rows.iter().map(|row| &row.key.instance) {
        known.entry(key.clone()).or_insert_with(|| {
            let instance = read_instance::<P>(&folder.instance(key))
                .map_err(|error| format!("its instance cannot be read: {error}"))?;
            match hash::<P>(&instance) {
                is if is == *key => Ok(P::label(&instance)),
                is => Err(format!("its instance has hash {is}, and the row says {key}")),
            }
        });
    }
    known
}

fn checked_again<P: BenchmarkAdapter>(
    folder: &Folder,
    launcher: &Launcher<'_>,
    labels: &BTreeMap<String, Result<InstanceLabel, String>>,
    row: &Row,
) -> Result<Again, InputError> {
    let off = |difference: String| Ok(Again { row: None, differences: vec![difference] });
    let label = match &labels[&row.key.instance] {
        Ok(label) => label,
        Err(what) => return off(what.clone()),
    };
    let path = folder.answer(&row.key.line());
    let answer = match std::fs::read(&path) {
        Ok(answer) => answer,
        Err(error) => return off(format!("its answer cannot be read: {error}")),
    };
    let mut differences = Vec::new();
    let hash = answer_hash(&answer);
    if let Some(said) = row.answer_hash.as_ref().filter(|said| **said != hash) {
        differences.push(format!("its answer has hash {hash}, and the row says {said}"));
    }
    // An instance without a name of its own is called after its file, which a run does not keep; nor does an instance carry the suite's settings.
    let name = if label.name.is_empty() { &row.instance.name } else { &label.name }.clone();
    if row.instance != (InstanceLabel { name, settings: row.instance.settings.clone(), ..label.clone() }) {
        differences.push("instance: the row calls it otherwise than its file does".into());
    }
    let executed = Executed {
        answer,
        solve_s: row.times.solve_s,
        solve_cpu_s: row.times.solve_cpu_s.unwrap_or(0.0),
        peak_memory_bytes: row.peak_memory_bytes,
        process: row.process.clone(),
        history_rejected: row.history_rejected.clone(),
        errors: Vec::new(),
    };
    let instance = folder.instance(&row.key.instance);
    let changed = || {
        let what = "was changed while it was being checked";
        Err(InputError::at("", what, "leave the files of a run as they are meanwhile").in_file(&instance))
    };
    let source = Source { path: &instance, hash: &row.key.instance, restore: &changed };
    let again = launcher.check_answer::<P>(&source, &path, &row.key, &row.instance, &executed)?;
    differences.extend(verify(row, &again));
    Ok(Again { row: Some(again), differences })
}

/// The names of answers that no row of the file has.
fn without_row(folder: &Folder, rows: &[Row]) -> Vec<String> {
    let known: HashSet<_> = rows.iter().map(|row| folder.answer(&row.key.line())).collect();
    let entries = std::fs::read_dir(folder.path().join("answers")).into_iter().flatten();
    // Files that were being written when a run was ended have another ending.
    let is_answer = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let paths = paths.filter(|path| is_answer(path) && !known.contains(path));
    let mut names: Vec<String> =
        paths.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}
