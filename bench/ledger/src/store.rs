//! Rows on disk: one JSON line each, appended durably.
//!
//! A row counts once its line is on the disk with its line feed. A process ended in the middle of a line leaves a torn last line,
//! which is cut off when the file is opened for appending and skipped when it is only read; a broken line anywhere else is an error,
//! because rows are never repaired silently.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use offcut_instances::document::Trouble;

use crate::row::Row;

/// A file of rows, open for appending.
#[derive(Debug)]
pub struct Store {
    file: File,
}

impl Store {
    /// Opens a file of rows, or begins one, and gives the rows that are in it.
    ///
    /// # Errors
    /// [`Trouble`] if the file cannot be read or written, or a line that is not the torn last one is broken.
    pub fn open(path: &Path) -> Result<(Self, Vec<Row>), Trouble> {
        let trouble = |error: std::io::Error| {
            Trouble::at("", format!("cannot be opened: {error}"), "give a place that can be written to").in_file(path)
        };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(trouble)?;
        file.try_lock().map_err(|_| {
            Trouble::at("", "is in use by another run", "wait for it or give the run another name").in_file(path)
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(trouble)?;
        let whole = whole_lines(&text);
        let rows = parse(whole, path)?;
        file.set_len(whole.len() as u64).and_then(|()| file.seek(SeekFrom::End(0))).map_err(trouble)?;
        Ok((Self { file }, rows))
    }

    /// Appends a row. When this returns, the row survives whatever happens next.
    ///
    /// # Errors
    /// [`Trouble`] if the disk refuses.
    pub fn append(&mut self, row: &Row) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(row).expect("a row is plain data");
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(|error| {
            Trouble::at("rows.jsonl", format!("cannot be appended to: {error}"), "make room on the disk and run again")
        })
    }
}

/// Reads the rows of a file, without a torn last line.
///
/// # Errors
/// [`Trouble`] naming file and line.
pub fn read(path: &Path) -> Result<Vec<Row>, Trouble> {
    let text = std::fs::read(path).map_err(|error| {
        Trouble::at("", format!("cannot be read: {error}"), "give the folder of a run").in_file(path)
    })?;
    parse(whole_lines(&text), path)
}

fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &text[..end]
}

fn parse(text: &[u8], path: &Path) -> Result<Vec<Row>, Trouble> {
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let what = format!("is not a row: {error}");
                Trouble::at(format!("line {}", number + 1), what, "restore the file or begin a new run").in_file(path)
            })
        })
        .collect()
}
