//! Which task has which cell.
//!
//! A claim is a file of the cell's name that can be made once (`O_EXCL`). What is in it says who made it. It stays when the cell has its row.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use offcut_instances::document::InputError;
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::run::unusable;

/// Who has a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The task's name.
    pub task: String,
    /// How often it was started before.
    pub attempt: u32,
    /// Where it runs.
    pub node: String,
    /// Since when: seconds since 1970, UTC.
    pub at_unix_s: u64,
}

/// A claim as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The cell's name.
    pub name: String,
    /// Who made it; none if that cannot be read: it is being written, or there was no room to.
    pub claim: Option<Claim>,
    /// How long it is there, in seconds.
    pub for_s: u64,
}

/// The claims of a run.
#[derive(Clone, Debug)]
pub struct Claims {
    folder: PathBuf,
    lost: PathBuf,
}

/// Seconds since 1970, UTC.
pub fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Claims {
    /// Those of a run.
    pub fn of(layout: &Layout) -> Self {
        Self { folder: layout.claims(), lost: layout.lost() }
    }

    /// The file of a cell's claim.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes a cell. The answer says whether nobody had it.
    ///
    /// # Errors
    /// [`InputError`] if the folder cannot be written to; there is no claim then.
    pub fn take(&self, name: &str, claim: &Claim) -> Result<bool, InputError> {
        let path = self.path(name);
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(unusable(&path, &error)),
        };
        let text = serde_json::to_string(claim).expect("plain data") + "\n";
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            let _ = std::fs::remove_file(&path);
            return Err(unusable(&path, &error));
        }
        Ok(true)
    }

    /// The names of all cells that are taken.
    ///
    /// # Errors
    /// [`InputError`] if the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, InputError> {
        let entries = std::fs::read_dir(&self.folder).map_err(|error| unusable(&self.folder, &error))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<_>>().map_err(|error| unusable(&self.folder, &error))
    }

    /// All claims.
    ///
    /// # Errors
    /// [`InputError`] if the folder cannot be read.
    pub fn all(&self) -> Result<Vec<Found>, InputError> {
        let found = |name: String| self.read(&name);
        Ok(self.names()?.into_iter().filter_map(found).collect())
    }

    /// A cell's claim, if it is there.
    fn read(&self, name: &str) -> Option<Found> {
        let path = self.path(name);
        let bytes = std::fs::read(&path).ok()?;
        let claim: Option<Claim> = serde_json::from_slice(&bytes).ok();
        let since = match &claim {
            Some(claim) => claim.at_unix_s,
            None => changed_unix_s(&path)?,
        };
        Some(Found { name: name.to_owned(), claim, for_s: now_unix_s().saturating_sub(since) })
    }

    /// Takes a claim away, and keeps it where it is counted.
    ///
    /// # Errors
    /// [`InputError`] if it cannot be moved.
    pub fn release(&self, name: &str) -> Result<(), InputError> {
        let to = (1..).map(|number| self.lost.join(format!("{name}.{number}"))).find(|to| !to.exists());
        let path = self.path(name);
        match std::fs::rename(&path, to.expect("numbers do not end")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(&path, &error)),
            _ => Ok(()),
        }
    }

    /// How often each cell was lost.
    pub fn losses(&self) -> HashMap<String, u64> {
        let mut losses = HashMap::new();
        for entry in std::fs::read_dir(&self.lost).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if let Some((name, _)) = file.rsplit_once('.') {
                *losses.entry(name.to_owned()).or_default() += 1;
            }
        }
        losses
    }
}

fn changed_unix_s(path: &Path) -> Option<u64> {
    let changed = std::fs::metadata(path).ok()?.modified().ok()?;
    Some(changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Folder;

    fn claim(task: &str) -> Claim {
        Claim { task: task.into(), attempt: 0, node: "n1".into(), at_unix_s: now_unix_s() }
    }

    #[test]
    fn a_cell_is_taken_once_until_it_is_released() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(&Folder::at(folder.path()));
        layout.create().expect("room");
        let claims = Claims::of(&layout);
        assert_eq!(claims.take("a.json", &claim("1_0")), Ok(true));
        assert_eq!(claims.take("a.json", &claim("1_1")), Ok(false));
        assert_eq!(claims.all().expect("there")[0].claim.as_ref().map(|claim| claim.task.as_str()), Some("1_0"));
        claims.release("a.json").expect("there");
        assert_eq!(claims.take("a.json", &claim("1_1")), Ok(true));
        claims.release("a.json").expect("there");
        claims.release("a.json").expect("it is gone already, and that is no error");
        assert_eq!(claims.losses().get("a.json"), Some(&2));
        std::fs::write(claims.path("b.json"), "").expect("room");
        assert!(claims.all().expect("there")[0].claim.is_none(), "who made it is not known");
    }

    #[test]
    fn of_many_at_once_one_takes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(&Folder::at(folder.path()));
        layout.create().expect("room");
        let claims = Claims::of(&layout);
        let took: usize = std::thread::scope(|scope| {
            let take = |task: usize| {
                (0..200)
                    .filter(|cell| claims.take(&format!("{cell}.json"), &claim(&format!("1_{task}"))) == Ok(true))
                    .count()
            };
            let threads: Vec<_> = (0..8).map(|task| scope.spawn(move || take(task))).collect();
            threads.into_iter().map(|thread| thread.join().expect("good")).sum()
        });
        assert_eq!(took, 200);
    }
}
