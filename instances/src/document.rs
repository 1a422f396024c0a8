//! Versioned JSON documents, read strictly.
//!
//! Every file is `{"offcut": <kind>, "problem": <name>, "version": <n>, "body": {...}}`. A reader rejects unknown
//! fields, missing fields, numbers that are not finite, values out of range, and versions it does not know, with
//! a line for each error that names file, place and remedy (up to [`MAX_ERRORS`]). Nothing is repaired silently. Text is
//! UTF-8, with or without a byte order mark; other encodings are named as such.

mod documents;
mod further;

use std::fs::File;
use std::io::{Read, Write};
use std::ops::RangeInclusive;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::documents::documents;
pub use self::further::MAX_ERRORS;
pub use crate::error::InputError;
use crate::problem::{Answer, Problem};
use crate::strict::{self, Strict};

/// Files above this many bytes are rejected before they fill the memory.
pub const LARGEST_FILE_BYTES: u64 = 4 << 30;

/// How much of a file is looked at before the rest of it is read.
const PREVIEW_BYTES: u64 = 1 << 20;

/// Which kind of document a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An instance of a problem.
    Instance,
    /// What an algorithm answered to an instance.
    Answer,
    /// A grid of instances and methods to run.
    Suite,
    /// A learned policy.
    Policy,
    /// What a policy that is a program is told of a system.
    System,
    /// The index of a library of frozen instances.
    Library,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Answer => "answer",
            Self::Suite => "suite",
            Self::Policy => "policy",
            Self::System => "system",
            Self::Library => "library",
        }
    }

    fn with_article(self) -> &'static str {
        match self {
            Self::Instance => "an instance",
            Self::Answer => "an answer",
            Self::Suite => "a suite",
            Self::Policy => "a policy",
            Self::System => "a system",
            Self::Library => "a library",
        }
    }
}

/// The envelope around every body.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document<T> {
    /// The kind of document.
    pub offcut: Kind,
    /// The problem's name.
    pub problem: String,
    /// The version of the problem's documents.
    pub version: u32,
    /// The content.
    pub body: T,
}

/// Just the envelope, whatever the body is.
#[derive(Deserialize)]
struct Envelope {
    offcut: Kind,
    problem: String,
    version: u32,
}

/// Reads an instance file.
///
/// # Errors
/// [`InputError`] naming file, place and remedy.
pub fn read_instance<P: Problem>(path: &Path) -> Result<P::Instance, InputError> {
    read_bytes(path).and_then(|bytes| parse_instance::<P>(&bytes)).map_err(|input_error| input_error.in_file(path))
}

/// Reads an answer file. Whether the answer is any good is the checker's business.
///
/// # Errors
/// [`InputError`] naming file, place and remedy.
pub fn read_answer<P: Problem>(path: &Path) -> Result<Answer<P>, InputError> {
    read_bytes(path).and_then(|bytes| parse_answer::<P>(&bytes)).map_err(|input_error| input_error.in_file(path))
}

/// Parses an instance document.
///
/// # Errors
/// [`InputError`] naming place and remedy.
pub fn parse_instance<P: Problem>(bytes: &[u8]) -> Result<P::Instance, InputError> {
    (P::documents().parse_instance)(bytes)
}

/// Parses an answer document.
///
/// # Errors
/// [`InputError`] naming place and remedy.
pub fn parse_answer<P: Problem>(bytes: &[u8]) -> Result<Answer<P>, InputError> {
    (P::documents().parse_answer)(bytes)
}

/// The name of the problem a document belongs to, read from its envelope alone.
///
/// # Errors
/// [`InputError`] if the bytes are not an Offcut document.
pub fn problem_of(bytes: &[u8]) -> Result<String, InputError> {
    envelope(bytes).map(|envelope| envelope.problem)
}

/// The version a document says it is of, read from its envelope alone.
///
/// # Errors
/// [`InputError`] if the bytes are not an Offcut document.
pub fn version_of(bytes: &[u8]) -> Result<u32, InputError> {
    envelope(bytes).map(|envelope| envelope.version)
}

/// The bytes of an instance's document, in the earliest version that can express it. They are what [`hash`] hashes.
pub fn instance_bytes<P: Problem>(instance: &P::Instance) -> Vec<u8> {
    (P::documents().instance_bytes)(instance)
}

/// What a file must hold to be the instance's document, to the byte: what [`write_new`] writes of [`instance_bytes`].
pub fn instance_file<P: Problem>(instance: &P::Instance) -> Vec<u8> {
    let mut bytes = instance_bytes::<P>(instance);
    bytes.push(b'\n');
    bytes
}

/// The bytes of an answer's document.
pub fn answer_bytes<P: Problem>(answer: &Answer<P>) -> Vec<u8> {
    (P::documents().answer_bytes)(answer)
}

/// The identity of an instance: the first 128 bits of the BLAKE3 hash of its document, in hexadecimal.
pub fn hash<P: Problem>(instance: &P::Instance) -> String {
    (P::documents().hash)(instance)
}

/// Writes `bytes` to a file that must not exist yet, whole or not at all.
///
/// # Errors
/// [`InputError`] if the file exists or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), InputError> {
    let input_error = |error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "choose another name or remove the file first",
            std::io::ErrorKind::NotFound => "create the folder first",
            _ => "choose a place that can be written to",
        };
        InputError::at("", format!("cannot be written: {error}"), remedy).in_file(path)
    };
    let mut file = File::create_new(path).map_err(input_error)?;
    file.write_all(bytes).and_then(|()| file.write_all(b"\n")).map_err(|error| {
        let _ = std::fs::remove_file(path);
        input_error(error)
    })
}

/// The JSON Schema of an instance document, generated from the types.
pub fn instance_schema<P: Problem>() -> serde_json::Value {
    (P::documents().instance_schema)()
}

/// The JSON Schema of an answer document, generated from the types.
pub fn answer_schema<P: Problem>() -> serde_json::Value {
    (P::documents().answer_schema)()
}

/// The JSON Schema of a document of any kind.
pub fn schema<T: JsonSchema>(problem: &str, version: u32, kind: Kind) -> serde_json::Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(Document<T>)).expect("a schema is JSON");
    schema["title"] = format!("Offcut {problem} {}", kind.noun()).into();
    schema["properties"]["offcut"] = serde_json::json!({"const": kind.noun()});
    schema["properties"]["problem"] = serde_json::json!({"const": problem});
    schema["properties"]["version"] = serde_json::json!({"const": version});
    schema
}

/// The bytes of a document of any kind.
pub fn to_bytes<T: Serialize>(kind: Kind, problem: &str, version: u32, body: &T) -> Vec<u8> {
    let document = Document { offcut: kind, problem: problem.to_owned(), version, body };
    serde_json::to_vec(&document).expect("a document of plain data can be written")
}

/// Reads a file whole, up to [`LARGEST_FILE_BYTES`], after a look at its beginning: gigabytes of brackets are rejected after the first megabyte.
///
/// # Errors
/// [`InputError`] if it cannot be read, is too large, or is not the beginning of JSON.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let input_error = |error: std::io::Error| {
        InputError::at("", format!("cannot be read: {error}"), "give the path of a readable JSON file")
    };
    let mut file = File::open(path).map_err(input_error)?;
    let mut bytes = Vec::new();
    (&mut file).take(PREVIEW_BYTES).read_to_end(&mut bytes).map_err(input_error)?;
    let is_whole = (bytes.len() as u64) < PREVIEW_BYTES;
    strip_mark(&mut bytes)?;
    if !is_whole {
        // A document's envelope comes first; anything but running out of bytes in its body is a reason to stop here.
        match strict::from_slice::<Envelope>(before_cut_number(&bytes)) {
            Err(error) if !error.is_eof() => return Err(not_a_document(&error)),
            _ => {}
        }
        (&mut file).take(LARGEST_FILE_BYTES).read_to_end(&mut bytes).map_err(input_error)?;
        if bytes.len() as u64 > LARGEST_FILE_BYTES {
            return Err(InputError::at(
                "",
                format!("is larger than {} GiB", LARGEST_FILE_BYTES >> 30),
                "split the instance; no single document may be larger",
            ));
        }
    }
    Ok(bytes)
}

/// Removes the byte order mark of UTF-8.
///
/// # Errors
/// [`InputError`] if the text is UTF-16 or UTF-32, with a mark or without.
fn strip_mark(bytes: &mut Vec<u8>) -> Result<(), InputError> {
    let encoding = match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => {
            bytes.drain(..3);
            return Ok(());
        }
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, b'{', ..] | [b'{', 0, 0, 0, ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{', ..] | [b'{', 0, ..] => "UTF-16",
        _ => return Ok(()),
    };
    let has_mark = matches!(bytes.as_slice(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..]);
    let mark = if has_mark { ", by its byte order mark" } else { "" };
    Err(InputError::at("", format!("is {encoding} text{mark}"), "save it as UTF-8"))
}

/// The beginning of a document without the number that it may end in the middle of: `1.` and `-` are no numbers, and yet the beginning of one.
fn before_cut_number(bytes: &[u8]) -> &[u8] {
    /// Longer than any number that is written for a float or an integer.
    const LONGEST: usize = 400;
    let of_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let cut = bytes.iter().rev().take(LONGEST).take_while(of_number).count();
    &bytes[..bytes.len() - cut]
}

fn envelope(bytes: &[u8]) -> Result<Envelope, InputError> {
    strict::from_slice(bytes).map_err(|error| not_a_document(&error))
}

fn not_a_document(error: &serde_json::Error) -> InputError {
    if !error.is_data() {
        return syntax(error);
    }
    InputError::at(
        "",
        format!("is not an Offcut document: {error}"),
        "start it with {\"offcut\": \"instance\", \"problem\": ..., \"version\": ..., \"body\": ...}",
    )
}

/// Parses the body of a document of any kind.
///
/// # Errors
/// [`InputError`] naming place and remedy.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], kind: Kind, problem: &str, version: u32) -> Result<T, InputError> {
    parse_version(bytes, kind, problem, version..=version).map(|(body, _)| body)
}

/// As [`parse`], with the version that the document has, one of those given.
fn parse_version<T: DeserializeOwned>(
    bytes: &[u8],
    kind: Kind,
    problem: &str,
    versions: RangeInclusive<u32>,
) -> Result<(T, u32), InputError> {
    // The fast path first; only a document that fails is read again to say where.
    let parsed: Result<Document<T>, _> = strict::from_slice(bytes);
    let head = match &parsed {
        Ok(document) => {
            Envelope { offcut: document.offcut, problem: document.problem.clone(), version: document.version }
        }
        Err(_) => envelope(bytes)?,
    };
    if head.offcut != kind {
        return Err(InputError::at(
            "offcut",
            format!("this is {}", head.offcut.with_article()),
            format!("give {}", kind.with_article()),
        ));
    }
    if head.problem != problem {
        return Err(InputError::at(
            "problem",
            format!("this is for problem '{}'", head.problem),
            format!("give {} of '{problem}'", kind.with_article()),
        ));
    }
    if !versions.contains(&head.version) {
        let (first, last) = versions.into_inner();
        let remedy = if head.version > last { "update offcut" } else { "regenerate the file" };
        let known = if first == last { format!("version {last}") } else { format!("versions {first} to {last}") };
        let what = format!("version {} is not known here (this program reads {known})", head.version);
        return Err(InputError::at("version", what, remedy));
    }
    match parsed {
        Ok(document) => Ok((document.body, document.version)),
        Err(_) => Err(locate::<T>(bytes, kind, problem)),
    }
}

/// Reads a document that is known to be bad once more, to find the places.
fn locate<T: DeserializeOwned>(bytes: &[u8], kind: Kind, problem: &str) -> InputError {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match located::<T>(&mut reader, kind, problem) {
        Ok(_) => match reader.end() {
            Err(error) => syntax(&error),
            Ok(()) => InputError::at("", "could not be read", "report this file: reading it twice gave two answers"),
        },
        Err(first) => {
            let read = |document: &Value| located_in::<T>(document, kind, problem).map(drop);
            InputError { others: further::further(&first, bytes, read), ..first }
        }
    }
}

/// Reads the body of a document that was parsed as JSON; an error names its place, but no line. Its bytes are read, so that [`located`] is compiled for
/// one kind of reader.
fn located_in<T: DeserializeOwned>(document: &Value, kind: Kind, problem: &str) -> Result<T, InputError> {
    let bytes = serde_json::to_vec(document).expect("JSON can be written");
    located(&mut serde_json::Deserializer::from_slice(&bytes), kind, problem).map_err(|error| {
        let what = error.what.split(" at line ").next().unwrap_or_default().to_owned();
        InputError { what, ..error }
    })
}

/// Reads a document's body; an error names its place.
fn located<T: DeserializeOwned>(
    reader: &mut serde_json::Deserializer<serde_json::de::SliceRead>,
    kind: Kind,
    problem: &str,
) -> Result<T, InputError> {
    serde_path_to_error::deserialize::<_, Document<T>>(Strict(reader)).map(|document| document.body).map_err(|error| {
        let place = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return syntax(&inner);
        }
        let place = if place == "." { String::new() } else { place };
        let remedy = format!("see its JSON Schema: offcut schema {problem} {}", kind.noun());
        InputError::at(place, inner.to_string(), remedy)
    })
}

fn syntax(error: &serde_json::Error) -> InputError {
    let remedy =
        if error.is_eof() { "it is cut short: write it again" } else { "give valid JSON, without NaN or Infinity" };
    InputError::at("", format!("is not valid JSON: {error}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let error = parse_instance::<crate::multiuser::Multiuser>(text.as_bytes()).expect_err("bad");
        error.in_file(Path::new("a.json")).all().map(ToString::to_string).collect()
    }

    const TOY: &str = r#"{"offcut": "instance", "problem": "multiuser", "version": 1, "body": {
        "origin": {"name": "toy", "family": "hand"}, "objective": "max",
        "models": [{"name": "two blocks", "macs": [2, 4], "cut_bytes": [8, 1, 0]}],
        "server": {"units": 4, "unit_macs_per_s": 1, "speedup": {"law": "linear"}},
        "users": [{"model": 0, "device_macs_per_s": 1, "uplink_bytes_per_s": 2, "rtt_s": 0.5},
                  {"model": 0, "device_macs_per_s": 0.5, "uplink_bytes_per_s": 4, "rtt_s": 0}]}}"#;

    #[test]
    fn all_wrong_fields_and_types_are_told() {
        let bad = TOY
            .replace(r#""objective": "max""#, r#""objective": "least", "colour": "red""#)
            .replace(r#""units": 4"#, r#""units": -4"#)
            .replace(r#""macs": [2, 4]"#, r#""macs": [2, "four"]"#)
            .replace(r#", "rtt_s": 0.5"#, r#", "rtt": 0.5"#)
            .replace(r#""device_macs_per_s": 0.5"#, r#""device_macs_per_s": null"#);
        let told = told(&bad);
        for expected in [
            "least",
            "colour",
            "models[0].macs[1]",
            "server.units",
            "unknown field `rtt`",
            "missing field `rtt_s`",
            "users[1]: missing field `device_macs_per_s`",
        ] {
            assert_eq!(told.iter().filter(|line| line.contains(expected)).count(), 1, "{expected}: {told:#?}");
        }
        assert_eq!(told.len(), 7, "{told:#?}");
        assert!(told.iter().all(|line| line.starts_with("a.json: body") && line.contains("; ")), "{told:#?}");
    }

    #[test]
    fn all_values_out_of_range_are_told() {
        let bad = TOY
            .replace(r#""unit_macs_per_s": 1"#, r#""unit_macs_per_s": -1"#)
            .replace(r#""uplink_bytes_per_s": 2"#, r#""uplink_bytes_per_s": 0"#)
            .replace(r#""rtt_s": 0}"#, r#""rtt_s": -3}"#);
        let told = told(&bad);
        let places = [
            "body.server.unit_macs_per_s: is -1",
            "body.users[0].uplink_bytes_per_s: is 0",
            "body.users[1].rtt_s: is -3",
        ];
        assert_eq!(told.len(), places.len(), "{told:#?}");
        assert!(told.iter().zip(places).all(|(line, place)| line.contains(place)), "{told:#?}");
    }

    #[test]
    fn no_more_than_so_many_errors_are_told() {
        let user = r#"{"model": 0, "device_macs_per_s": 0, "uplink_bytes_per_s": 4, "rtt_s": 0}"#;
        let users = vec![user; 50].join(",");
        let (head, _) = TOY.split_once(r#""users": "#).expect("there");
        assert_eq!(told(&format!(r#"{head}"users": [{users}]}}}}"#)).len(), MAX_ERRORS);
    }

    #[test]
    fn a_byte_order_mark_is_read_or_named() {
        let folder = tempfile_folder();
        let path = folder.join("marked.json");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("room");
            read_bytes(&path)
        };
        assert_eq!(read(format!("\u{feff}{TOY}").as_bytes()).expect("UTF-8"), TOY.as_bytes());
        let units = |mark: bool| mark.then_some(0xfeff).into_iter().chain(TOY.encode_utf16());
        for mark in [true, false] {
            let little: Vec<u8> = units(mark).flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = units(mark).flat_map(u16::to_be_bytes).collect();
            let wide: Vec<u8> = units(mark).flat_map(|unit| u32::from(unit).to_le_bytes()).collect();
            for (bytes, encoding) in [(little, "is UTF-16 text"), (big, "is UTF-16 text"), (wide, "is UTF-32 text")] {
                let error = read(&bytes).expect_err(encoding).to_string();
                assert!(error.contains(encoding) && error.contains("UTF-8"), "{error}");
                assert_eq!(error.contains("byte order mark"), mark, "{error}");
            }
        }
        std::fs::remove_dir_all(&folder).expect("there");
    }

    fn tempfile_folder() -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("offcut-marks-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("room");
        folder
    }

    /// The look at the beginning of a file ends anywhere, within a number too.
    #[test]
    fn a_large_file_is_read_wherever_its_first_megabyte_ends() {
        let head = r#"{"offcut":"suite","problem":"p","version":1,"body":["#;
        let folder = std::env::temp_dir().join(format!("offcut-document-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("room");
        for number in ["-1.25e-17", "12345.678", "true", "null", r#""\u00e9\n""#] {
            for before in 0..=number.len() {
                // So much of the number lies before the cut.
                let blank = " ".repeat(PREVIEW_BYTES as usize - head.len() - before);
                let text = format!("{head}{blank}{number},{number}]}}\n");
                let path = folder.join("large.json");
                std::fs::write(&path, &text).expect("room");
                assert_eq!(read_bytes(&path).expect(number), text.as_bytes(), "{number} cut after {before}");
            }
        }
        for bad in ["[", "1", "-", "{\"offcut\":[", "hello "] {
            let path = folder.join("large.json");
            std::fs::write(&path, bad.repeat(2 << 20)).expect("room");
            assert!(read_bytes(&path).is_err(), "{bad}");
        }
        std::fs::remove_dir_all(&folder).expect("there");
    }
}
