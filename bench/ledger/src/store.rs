//! Rows on disk: one JSON line each, appended durably.
//!
//! A row counts once its line is on the disk with its line feed. A process ended in the middle of a line leaves a torn last line,
//! which is cut off when the file is opened for appending and skipped when it is only read; a broken line anywhere else is an error,
//! because rows are never repaired silently.
//!
//! While it is open, the file may be changed by a program that is being run. What was read and appended is kept in memory too: before each append, and
//! at the end, the file is held to it, and written again if it differs. `append` reports it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use offcut_instances::document::InputError;

use crate::row::Row;

/// A file of rows, open for appending.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    /// All that is to be in it.
    text: Vec<u8>,
    /// How the operating system described it when it was last seen to hold just that.
    seen: Option<Seen>,
}

/// Which file it is, how long, and when it was last changed: the last of these is set by the operating system only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    device: u64,
    number: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Seen {
    fn of(file: &std::fs::Metadata) -> Self {
        Self { device: file.dev(), number: file.ino(), bytes: file.len(), changed: (file.ctime(), file.ctime_nsec()) }
    }

    fn is_same_file(self, other: Self) -> bool {
        (self.device, self.number) == (other.device, other.number)
    }
}

impl Store {
    /// Opens a file of rows, or begins one, and gives the rows that are in it.
    ///
    /// # Errors
    /// [`InputError`] if the file cannot be read or written, or a line that is not the torn last one is broken.
    pub fn open(path: &Path) -> Result<(Self, Vec<Row>), InputError> {
        let input_error = |error: std::io::Error| {
            InputError::at("", format!("cannot be opened: {error}"), "give a place that can be written to")
                .in_file(path)
        };
        let mut file = appending(path).map_err(input_error)?;
        file.try_lock().map_err(|_| {
            InputError::at("", "is in use by another run", "wait for it or give the run another name").in_file(path)
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(input_error)?;
        text.truncate(whole_lines(&text).len());
        let rows = parse(&text, path)?;
        file.set_len(text.len() as u64).map_err(input_error)?;
        let mut store = Self { path: path.to_owned(), file, text, seen: None };
        store.look().map_err(input_error)?;
        Ok((store, rows))
    }

    /// Appends a row. When this returns, the row survives whatever happens next. The answer says whether the file had been changed by somebody else, and was
    /// written again.
    ///
    /// # Errors
    /// [`InputError`] if the disk cannot be written.
    pub fn append(&mut self, row: &Row) -> Result<bool, InputError> {
        let mut line = serde_json::to_vec(row).expect("a row is plain data");
        line.push(b'\n');
        let mut append = || {
            let is_changed = self.is_changed()?;
            if is_changed {
                self.write_again()?;
            }
            self.file.write_all(&line)?;
            self.file.sync_data()?;
            self.text.extend_from_slice(&line);
            self.look()?;
            Ok(is_changed)
        };
        append().map_err(|error| self.not_appended(&error))
    }

    /// Holds all of the file to what was read and appended. The answer says whether it had been changed, and was written again.
    ///
    /// # Errors
    /// [`InputError`] if the disk cannot be written.
    pub fn hold(&mut self) -> Result<bool, InputError> {
        self.seen = None;
        let mut hold = || {
            let is_changed = self.is_changed()?;
            if is_changed {
                self.write_again()?;
            }
            Ok(is_changed)
        };
        hold().map_err(|error| self.not_appended(&error))
    }

    fn not_appended(&self, error: &std::io::Error) -> InputError {
        InputError::at("", format!("cannot be appended to: {error}"), "make room on the disk and run again")
            .in_file(&self.path)
    }

    /// Notes how the file is described now.
    fn look(&mut self) -> std::io::Result<()> {
        self.seen = Some(Seen::of(&self.file.metadata()?));
        Ok(())
    }

    /// Whether the file of this name is another one, or holds something else than it should.
    fn is_changed(&mut self) -> std::io::Result<bool> {
        let here = Seen::of(&self.file.metadata()?);
        let named = std::fs::metadata(&self.path).map(|file| Seen::of(&file));
        if !named.is_ok_and(|named| named.is_same_file(here)) {
            return Ok(true);
        }
        if self.seen == Some(here) {
            return Ok(false);
        }
        let is_changed = std::fs::read(&self.path)? != self.text;
        if !is_changed {
            self.seen = Some(here);
        }
        Ok(is_changed)
    }

    /// Writes it beside, whole, and puts it in its place.
    fn write_again(&mut self) -> std::io::Result<()> {
        let beside = self.path.with_extension(format!("{}.part", std::process::id()));
        let mut file = File::create(&beside)?;
        file.write_all(&self.text)?;
        file.sync_data()?;
        std::fs::rename(&beside, &self.path)?;
        self.file = appending(&self.path)?;
        let _ = self.file.try_lock();
        self.look()
    }
}

fn appending(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Reads the rows of a file, without a torn last line.
///
/// # Errors
/// [`InputError`] naming file and line.
pub fn read(path: &Path) -> Result<Vec<Row>, InputError> {
    let text = std::fs::read(path).map_err(|error| {
        InputError::at("", format!("cannot be read: {error}"), "give the folder of a run").in_file(path)
    })?;
    parse(whole_lines(&text), path)
}

fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &text[..end]
}

fn parse(text: &[u8], path: &Path) -> Result<Vec<Row>, InputError> {
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_slice(line).map(Row::with_status_of_today).map_err(|error| {
                let what = format!("is not a row: {error}");
                InputError::at(format!("line {}", number + 1), what, "restore the file or begin a new run")
                    .in_file(path)
            })
        })
        .collect()
}
