//! Reading files that are no documents of ours: within a size, and JSON strictly.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::InputError;
use crate::problem::Valid;
use crate::strict::Strict;

/// The bytes of a file of at most `most_bytes`.
///
/// # Errors
/// [`InputError`] with `remedy` if it cannot be read or is no file; `too_large`, before the file is read, if it is larger.
pub fn limited(
    path: &Path,
    most_bytes: u64,
    remedy: &str,
    too_large: impl Fn() -> InputError,
) -> Result<Vec<u8>, InputError> {
    let unreadable = |error: std::io::Error| InputError::at("", format!("cannot be read: {error}"), remedy);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(InputError::at("", "is not a file", remedy));
    }
    if metadata.len() > most_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(most_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most_bytes {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads JSON strictly and validates the value.
///
/// # Errors
/// [`InputError`] naming the place; `remedy` says what to give where the JSON is of another type.
pub(crate) fn valid<T: DeserializeOwned + Valid>(bytes: &[u8], remedy: &str) -> Result<T, InputError> {
    let value: T = strict(bytes, remedy, "end the document there")?;
    value.validate().map(|()| value)
}

/// Reads JSON strictly.
///
/// # Errors
/// [`InputError`] naming the place, with `remedy`; with `end` if something follows the value.
pub(crate) fn strict<T: DeserializeOwned>(bytes: &[u8], remedy: &str, end: &str) -> Result<T, InputError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(Strict(&mut reader)).map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { String::new() } else { place };
        InputError::at(place, error.inner().to_string(), remedy)
    })?;
    reader.end().map_err(|error| InputError::at("", error.to_string(), end))?;
    Ok(value)
}
