//! Files of traces: their bytes, their names, their kinds.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::InputError;
use crate::input;
use crate::problem::Valid;

/// Larger files are refused before they are read.
const LARGEST_BYTES: u64 = 512 << 20;

/// Reads a file by `parse`, which gets its bytes without the byte order mark of UTF-8.
///
/// # Errors
/// [`InputError`] with the file if it cannot be read, is no file, is larger than 512 MiB or is empty, or what `parse` says.
pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, InputError>) -> Result<T, InputError> {
    bytes(path).and_then(|bytes| parse(&bytes)).map_err(|error| error.in_file(path))
}

/// Reads a value as JSON, strictly; `remedy` says what to give instead of JSON of another type.
///
/// # Errors
/// As [`read`].
pub(super) fn json<T: DeserializeOwned + Valid>(path: &Path, remedy: &str) -> Result<T, InputError> {
    read(path, |bytes| input::valid(bytes, remedy))
}

fn bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let too_large = || {
        let what = format!("is larger than {} MiB", LARGEST_BYTES >> 20);
        InputError::at("", what, "cut out the rows or the hours that matter")
    };
    let mut bytes = input::limited(path, LARGEST_BYTES, "give the path of a readable file", too_large)?;
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(InputError::at("", "is empty", "give a file with measurements"));
    }
    Ok(bytes)
}

/// The name of a file without folder and ending, e.g. `abilene` of `data/abilene.graphml`.
pub fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy().into_owned())
}

/// Whether a path is that of JSON, by its ending.
pub fn is_json(path: &Path) -> bool {
    ends_in(path, "json")
}

/// Whether a path ends so, in any case.
pub(super) fn ends_in(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// The beginning of a cell, for messages.
pub(super) fn short(cell: &str) -> String {
    let mut letters = cell.chars();
    let begin: String = letters.by_ref().take(40).collect();
    if letters.next().is_some() { format!("{begin}...") } else { begin }
}
