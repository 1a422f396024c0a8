//! Where the files of a run on a cluster are.

use std::path::{Path, PathBuf};

use offcut_instances::document::InputError;

use crate::run::{Folder, answer_name, unusable};

/// The folder `cluster` in the folder of a run.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// That of a run.
    pub fn of(folder: &Folder) -> Self {
        Self(folder.path().join("cluster"))
    }

    /// Whether the run was ever on a cluster.
    pub fn is_there(&self) -> bool {
        self.0.is_dir()
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes all folders.
    ///
    /// # Errors
    /// [`InputError`] naming the one that cannot be made.
    pub fn create(&self) -> Result<(), InputError> {
        for part in ["submissions", "jobs", "scripts", "logs", "claims", "lost", "parts"] {
            let path = self.0.join(part);
            std::fs::create_dir_all(&path).map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }

    /// Only one process at a time changes what is common: submissions and the run's own rows. It is free again when the file is closed.
    ///
    /// # Errors
    /// [`InputError`] if the file system has no locks.
    pub fn lock(&self) -> Result<std::fs::File, InputError> {
        let path = self.0.join("lock");
        let lock = || {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error: std::io::Error| {
            let what = format!("cannot be locked: {error}");
            InputError::at("", what, "give a folder on a file system that has locks (flock)").in_file(&path)
        })
    }

    /// A copy of the program with this hash: tasks are run by the program that submitted them.
    pub fn program(&self, hash: &str) -> PathBuf {
        self.0.join(format!("program-{hash}"))
    }

    /// What the tasks of a submission are told.
    pub fn submission(&self, number: u32) -> PathBuf {
        self.0.join("submissions").join(format!("{number}.json"))
    }

    /// What the engine called its jobs.
    pub fn jobs(&self, number: u32) -> PathBuf {
        self.0.join("jobs").join(format!("{number}.json"))
    }

    /// Batch scripts.
    pub fn scripts(&self) -> PathBuf {
        self.0.join("scripts")
    }

    /// What tasks print.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Which task has which cell.
    pub fn claims(&self) -> PathBuf {
        self.0.join("claims")
    }

    /// Claims that were taken away.
    pub fn lost(&self) -> PathBuf {
        self.0.join("lost")
    }

    /// The rows of one attempt of a task.
    pub fn part(&self, task: &str, attempt: u32) -> PathBuf {
        self.0.join("parts").join(format!("{task}-{attempt}"))
    }

    /// All of them, in the order of their names.
    pub fn parts(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.join("parts")).into_iter().flatten().flatten();
        let mut parts: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        parts.sort();
        parts
    }

    /// Measurements of the reference cell that the run had before it was on a cluster.
    pub fn reference_before(&self) -> PathBuf {
        self.0.join("reference-before.jsonl")
    }

    /// The numbers of all submissions, in order.
    pub fn submissions(&self) -> Vec<u32> {
        let entries = std::fs::read_dir(self.0.join("submissions")).into_iter().flatten().flatten();
        let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok();
        let mut numbers: Vec<u32> = entries.filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// What jobs of a run are called: the same for the same folder, and no other's.
pub fn job_name(folder: &Path) -> String {
    let path = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(40).collect();
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    format!("offcut-{plain}-{}", &hash[..8])
}

/// The name of a cell's claim.
pub fn claim_name(key: &str) -> String {
    answer_name(key)
}
