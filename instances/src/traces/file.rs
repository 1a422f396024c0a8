//! Files of traces: their bytes, their names, their kinds.

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::InputError;

/// Larger files are refused before they are read.
const LARGEST_BYTES: u64 = 512 << 20;

/// The bytes of a file, without the byte order mark of UTF-8.
///
/// # Errors
/// [`InputError`] if it cannot be read, is no file, is larger than 512 MiB or is empty.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let remedy = "give the path of a readable file";
    let unreadable = |error: std::io::Error| InputError::at("", format!("cannot be read: {error}"), remedy);
    let read = || -> Result<Vec<u8>, InputError> {
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(InputError::at("", "is not a file", remedy));
        }
        let too_large = || {
            let what = format!("is larger than {} MiB", LARGEST_BYTES >> 20);
            InputError::at("", what, "cut out the rows or the hours that matter")
        };
        if metadata.len() > LARGEST_BYTES {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST_BYTES {
            return Err(too_large());
        }
        if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
            bytes.drain(..3);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(InputError::at("", "is empty", "give a file with measurements"));
        }
        Ok(bytes)
    };
    read().map_err(|error| error.in_file(path))
}

/// The name of a file without folder and ending, e.g. `abilene` of `data/abilene.graphml`.
pub fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(|| "trace".into(), |stem| stem.to_string_lossy().into_owned())
}

/// Whether a path ends so, in any case.
pub(super) fn ends_in(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// Reads JSON strictly; the place of an offence is named.
pub(super) fn strict<T: DeserializeOwned>(bytes: &[u8], remedy: &str) -> Result<T, InputError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { String::new() } else { place };
        InputError::at(place, error.inner().to_string(), remedy)
    })?;
    reader.end().map_err(|error| InputError::at("", error.to_string(), "end the document there"))?;
    Ok(value)
}

/// The beginning of a cell, for messages.
pub(super) fn short(cell: &str) -> String {
    let mut letters = cell.chars();
    let begin: String = letters.by_ref().take(40).collect();
    if letters.next().is_some() { format!("{begin}...") } else { begin }
}
