//! A model by a name of the zoo or by the path of a file.

use std::io::Read;
use std::path::Path;

use super::graph::Graph;
use super::{onnx, zoo};
use crate::error::InputError;

/// Larger graphs are refused before they are read.
const LARGEST_JSON_BYTES: u64 = 256 << 20;

/// Whether a name is the path of a file: it ends in `.onnx` or `.json`.
pub fn is_path(name: &str) -> bool {
    kind(name).is_some()
}

/// The graph of the given name: of the zoo, or of an ONNX file (`.onnx`), or of a graph as JSON (`.json`). Paths are relative to the working directory.
///
/// # Errors
/// [`InputError`] naming what is not known, or file, place and remedy.
/// ```
/// use offcut_instances::dnn::file;
/// assert_eq!(file::graph("alexnet").map(|graph| graph.params()), Ok(61_100_840));
/// assert!(file::graph("alexnet.onnx").is_err_and(|error| error.to_string().contains("cannot be read")));
/// ```
pub fn graph(name: &str) -> Result<Graph, InputError> {
    let path = Path::new(name);
    match kind(name) {
        Some(Kind::Onnx) => onnx::read(path, &[]).map(|import| import.graph),
        Some(Kind::Json) => json(path).and_then(|bytes| Graph::parse(&bytes)).map_err(|error| error.in_file(path)),
        None => zoo::graph(name).ok_or_else(|| {
            let remedy =
                format!("choose from: {}; or give the path of an .onnx or .json file", zoo::names().join(", "));
            InputError::at("", format!("'{name}' is not known"), remedy)
        }),
    }
}

/// The same; a graph of a file has a part of its hash in its name, as in `net@1f0c9a5b`, so that what is made of it tells which graph it was. Equal graphs have equal names
/// wherever their files are, and whether they are ONNX or JSON.
///
/// # Errors
/// As [`graph`].
pub fn named_graph(name: &str) -> Result<Graph, InputError> {
    let graph = graph(name)?;
    if !is_path(name) {
        return Ok(graph);
    }
    let bytes = serde_json::to_vec(&graph).expect("a graph is plain data");
    let hash = blake3::hash(&bytes).to_hex();
    Graph::new(format!("{}@{}", graph.name(), &hash[..8]), graph.layers().to_vec())
}

enum Kind {
    Onnx,
    Json,
}

fn kind(name: &str) -> Option<Kind> {
    let end = Path::new(name).extension()?;
    match end.to_str()? {
        "onnx" => Some(Kind::Onnx),
        "json" => Some(Kind::Json),
        _ => None,
    }
}

/// The bytes of a graph as JSON.
fn json(path: &Path) -> Result<Vec<u8>, InputError> {
    let unreadable = |error: std::io::Error| {
        let remedy = "give the path of a graph, as offcut models import writes it";
        InputError::at("", format!("cannot be read: {error}"), remedy)
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST_JSON_BYTES {
        let what = format!("is not a file of at most {} MiB", LARGEST_JSON_BYTES >> 20);
        return Err(InputError::at("", what, "give the path of a graph, as offcut models import writes it"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(LARGEST_JSON_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
