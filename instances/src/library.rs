//! The index of a library of frozen instances.
//!
//! ```text
//! <problem>/library/index.json  ledger.jsonl  instances/<name>.json  answers/<hash>.json
//! ```
//!
//! An instance that is in a library stays as it is: its file is known by its hash, and how it was generated is written beside it. What is known
//! of its optimum is in `ledger.jsonl`, which `offcut_ledger::library` reads; the index names its last line, so that none can be cut off its end unnoticed.
//!
//! | version | what it has |
//! |---|---|
//! | 1 | instances; still read |
//! | 2 | `ledger_head` as well |

use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::document::{Kind, parse, read_bytes, schema, to_bytes, version_of};
use crate::error::InputError;

/// The version of the generators, as recipes name it: that of this package.
pub const GENERATORS: &str = env!("CARGO_PKG_VERSION");

/// The instances of a library.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// BLAKE3 of the ledger's last line, without its line feed; of nothing while there are no lines. An index of version 1 has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required)]
    pub ledger_head: Option<String>,
    /// Every instance once.
    pub instances: Vec<Entry>,
}

/// An instance of a library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, unique in the library.
    pub name: String,
    /// Its file, relative to the folder of the index.
    pub file: String,
    /// Its hash: the first 128 bits of BLAKE3 of its document, in hexadecimal.
    pub hash: String,
    /// Which set it was put in.
    pub size: Size,
    /// How hard it is to close.
    pub hardness: Hardness,
    /// How it was generated; none if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
}

/// How an instance was generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// The family.
    pub family: String,
    /// The parameters that differ from the default.
    pub parameters: Map<String, Value>,
    /// The generator's seed.
    pub seed: u64,
    /// The version of the generators, [`GENERATORS`] then.
    pub generators: String,
}

/// The set an instance was put in when it came into the library; it stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A file of some kilobytes; every method takes it.
    Small,
    /// Of the size that studies vary around.
    Medium,
    /// As large as a library can hold.
    Large,
    /// Of any size: no exact method here closed it when it came.
    Open,
}

/// How hard an instance is to close: a certified bound meets the objective of a solution, both checked by the checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hardness {
    /// An exact method closes it in 10 s of CPU time, one thread.
    Easy,
    /// An exact method closes it in 600 s of CPU time, but not in 10 s.
    Hard,
    /// Not closed yet.
    Open,
}

impl std::fmt::Display for Hardness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Easy => "easy",
            Self::Hard => "hard",
            Self::Open => "open",
        })
    }
}

impl Index {
    /// The version of index documents.
    pub const VERSION: u32 = 2;

    /// The JSON Schema of the index of a library of problem `problem`.
    pub fn schema(problem: &str) -> Value {
        schema::<Self>(problem, Self::VERSION, Kind::Library)
    }

    /// Reads the index of a library of problem `problem`.
    ///
    /// # Errors
    /// [`InputError`] naming file, place and remedy.
    pub fn read(path: &Path, problem: &str) -> Result<Self, InputError> {
        read_bytes(path).and_then(|bytes| Self::parse(&bytes, problem)).map_err(|input_error| input_error.in_file(path))
    }

    /// Parses the index of a library of problem `problem`.
    ///
    /// # Errors
    /// [`InputError`] naming place and remedy.
    pub fn parse(bytes: &[u8], problem: &str) -> Result<Self, InputError> {
        let version = if version_of(bytes)? == 1 { 1 } else { Self::VERSION };
        let index: Self = parse(bytes, Kind::Library, problem, version)?;
        let head = |what: &str, remedy: &str| Err(InputError::at("body.ledger_head", what, remedy));
        match &index.ledger_head {
            None if version > 1 => return head("missing field", "give the hash of the ledger's last line"),
            Some(_) if version == 1 => return head("is not known in version 1", "make it version 2"),
            Some(hash) if !is_hash(hash, 64) => {
                return head("is not a hash", "give 64 lower-case hexadecimal digits");
            }
            _ => {}
        }
        for (at, entry) in index.instances.iter().enumerate() {
            let input_error = |field: &str, what: &str, remedy: &str| {
                Err(InputError::at(format!("body.instances[{at}].{field}"), what, remedy))
            };
            let before = &index.instances[..at];
            if before.iter().any(|other| other.name == entry.name) {
                return input_error("name", "is that of an earlier instance", "give every instance its own");
            }
            if before.iter().any(|other| other.hash == entry.hash) {
                return input_error("hash", "is that of an earlier instance", "leave the second out");
            }
            if before.iter().any(|other| other.file == entry.file) {
                return input_error("file", "is that of an earlier instance", "give every instance its own");
            }
            let mut parts = Path::new(&entry.file).components();
            if entry.file.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
                return input_error(
                    "file",
                    "is not within the library's folder",
                    "give a path like instances/name.json",
                );
            }
            if !is_hash(&entry.hash, 32) {
                return input_error("hash", "is not a hash", "give 32 lower-case hexadecimal digits");
            }
        }
        Ok(index)
    }

    /// The bytes of an index's document made of those of `bytes`, with `head` as its ledger's. All else stays as it is written there, to the byte, if it is
    /// written in a way that can be kept.
    ///
    /// # Errors
    /// [`InputError`] naming place and remedy if `bytes` are no index of problem `problem`.
    pub fn with_head(bytes: &[u8], problem: &str, head: &str) -> Result<Vec<u8>, InputError> {
        let mut index = Self::parse(bytes, problem)?;
        let text = String::from_utf8_lossy(bytes);
        let edited = match &index.ledger_head {
            Some(old) => text.replacen(old, head, 1),
            None => {
                let after = |text: &str, name: &str, end: char| {
                    let name = text.find(name)?;
                    Some(name + text[name..].find(end)? + end.len_utf8())
                };
                let version =
                    after(&text, "\"version\"", '1').map(|end| format!("{}2{}", &text[..end - 1], &text[end..]));
                let body = version.and_then(|text| {
                    let (start, rest) = text.split_at(after(&text, "\"body\"", '{')?);
                    Some(format!("{start}\n  \"ledger_head\": \"{head}\",{rest}"))
                });
                body.unwrap_or_default()
            }
        };
        index.ledger_head = Some(head.to_owned());
        Ok(match Self::parse(edited.as_bytes(), problem) {
            Ok(again) if again == index => edited.into_bytes(),
            _ => to_bytes(Kind::Library, problem, Self::VERSION, &index),
        })
    }

    /// The instance with this hash.
    pub fn find(&self, hash: &str) -> Option<&Entry> {
        self.instances.iter().find(|entry| entry.hash == hash)
    }
}

/// Whether a text is so many lower-case hexadecimal digits.
pub fn is_hash(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_strictly() {
        let text = |entry: &str| {
            let good = r#"{"name":"a","file":"instances/a.json","hash":"00112233445566778899aabbccddeeff","size":"small","hardness":"easy"}"#;
            format!(
                r#"{{"offcut":"library","problem":"multiuser","version":1,"body":{{"instances":[{good}{entry}]}}}}"#
            )
        };
        let parse = |entry: &str| Index::parse(text(entry).as_bytes(), "multiuser");
        assert_eq!(parse("").expect("good").instances.len(), 1);
        let second = |name: &str, file: &str, hash: &str, more: &str| {
            format!(r#",{{"name":"{name}","file":"{file}","hash":"{hash}","size":"open","hardness":"open"{more}}}"#)
        };
        let (other, hash) = ("instances/b.json", "10112233445566778899aabbccddeeff");
        assert!(parse(&second("b", other, hash, "")).is_ok());
        for (entry, words) in [
            (second("a", other, hash, ""), "body.instances[1].name"),
            (second("b", "instances/a.json", hash, ""), "body.instances[1].file"),
            (second("b", "../b.json", hash, ""), "within the library's folder"),
            (second("b", "/b.json", hash, ""), "within the library's folder"),
            (second("b", other, "00112233445566778899aabbccddeeff", ""), "body.instances[1].hash"),
            (second("b", other, "0011", ""), "32 lower-case"),
            (second("b", other, hash, r#","colour":1"#), "unknown field"),
            (second("b", other, hash, r#","generated":{"family":"zoo"}"#), "missing field"),
            (second("b", other, hash, "").replace("\"open\"", "\"huge\""), "unknown variant"),
        ] {
            let input_error = parse(&entry).expect_err(words).to_string();
            assert!(input_error.contains(words), "{input_error}");
        }
        assert!(Index::parse(text("").as_bytes(), "jpdra").is_err());
    }

    #[test]
    fn an_index_names_the_last_line_of_the_ledger_from_version_2_on() {
        let (one, two) = ("0a".repeat(32), "1b".repeat(32));
        let entry = r#"{"name": "a", "file": "instances/a.json", "hash": "00112233445566778899aabbccddeeff", "size": "small", "hardness": "easy"}"#;
        let text = |version: u32, head: &str| {
            format!(
                "{{\"offcut\": \"library\", \"problem\": \"multiuser\", \"version\": {version}, \"body\": {{{head}\n  \"instances\": [\n    {entry}\n  ]}}}}\n"
            )
        };
        let with = |head: &str| text(2, &format!("\n  \"ledger_head\": \"{head}\","));
        let parse = |text: &str| Index::parse(text.as_bytes(), "multiuser");
        assert_eq!(parse(&text(1, "")).expect("good").ledger_head, None);
        assert_eq!(parse(&with(&one)).expect("good").ledger_head, Some(one.clone()));
        for (bad, words) in [
            (text(2, ""), "body.ledger_head: missing field"),
            (with(&one).replace("\"version\": 2", "\"version\": 1"), "not known in version 1"),
            (with("0a"), "64 lower-case"),
            (text(3, ""), "update offcut"),
        ] {
            let input_error = parse(&bad).expect_err(words).to_string();
            assert!(input_error.contains(words), "{input_error}");
        }
        // Everything else stays as it is written, whatever the version was.
        let pinned = |text: &str, head: &str| {
            let bytes = Index::with_head(text.as_bytes(), "multiuser", head).expect("an index");
            String::from_utf8(bytes).expect("text")
        };
        assert_eq!(pinned(&text(1, ""), &one), with(&one));
        assert_eq!(pinned(&with(&one), &two), with(&two));
        // One whose fields stand in another order is written anew, with the same content.
        let turned = format!(
            "{{\"body\": {{\"instances\": [{entry}]}}, \"version\": 1, \"problem\": \"multiuser\", \"offcut\": \"library\"}}"
        );
        let again = parse(&pinned(&turned, &two)).expect("good");
        assert_eq!((again.ledger_head, again.instances), (Some(two), parse(&turned).expect("good").instances));
    }
}
