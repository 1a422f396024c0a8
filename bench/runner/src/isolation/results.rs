//! Folders that hold answers, rows and best known solutions: programs do not see them.

use std::path::{Path, PathBuf};

/// What of a run's folder is hidden if the folder itself cannot be, because a program needs something in it.
const PARTS: [&str; 8] =
    ["answers", "instances", "logs", "started", "report", "rows.jsonl", "reference.jsonl", "manifest.json"];

/// The run's own folder, those beside it and those of `runs` in the current folder, and the library's solutions.
pub fn results_around(run: Option<&Path>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut add = |path: PathBuf| {
        if let Ok(path) = path.canonicalize()
            && !found.contains(&path)
        {
            found.push(path);
        }
    };
    let is_run = |path: &PathBuf| path.join("answers").is_dir() || path.join("rows.jsonl").is_file();
    if let Some(run) = run {
        add(run.to_owned());
        let beside = run.canonicalize().ok().and_then(|run| run.parent().map(Path::to_owned));
        beside.iter().flat_map(|folder| folders_in(folder)).filter(is_run).for_each(&mut add);
    }
    let runs = folders_in(Path::new("runs"));
    let below: Vec<PathBuf> = runs.iter().flat_map(|folder| folders_in(folder)).collect();
    runs.into_iter().chain(below).filter(is_run).for_each(&mut add);
    for problem in folders_in(Path::new("instances/data")) {
        let library = problem.join("library");
        add(library.join("answers"));
        add(library.join("ledger.jsonl"));
    }
    found
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// What of `results` is hidden from a program that needs some files and folders: nothing that holds them.
pub(crate) fn hidden_from(results: &[PathBuf], needed: &[PathBuf]) -> Vec<PathBuf> {
    let is_needed = |path: &Path| needed.iter().any(|file| file.starts_with(path));
    let hidden = |path: &PathBuf| match is_needed(path) {
        false => vec![path.clone()],
        true => PARTS.iter().map(|part| path.join(part)).filter(|part| part.exists() && !is_needed(part)).collect(),
    };
    results.iter().flat_map(hidden).collect()
}
