//! A graph from an ONNX file: shapes by inference, MACs, parameters, bytes by the type of each tensor.
//!
//! | file | holds |
//! |---|---|
//! | `schema` | the part of the published schema that is read, for prost |
//! | `tensor` | types, shapes, constants |
//! | `node` | a node as the rules see it, and what a rule says |
//! | `operators` | a rule for every operator that is counted |
//! | `fold` | shape arithmetic on constants |
//! | `weights` | stored tensors, each counted once |
//! | `read` | from nodes to layers |
//!
//! Source: the Open Neural Network Exchange, <https://github.com/onnx/onnx>. Its operators' specifications say what is a shape; MACs are those of [`crate::dnn`]. The reader takes no inference
//! engine: tract-onnx infers shapes as well, but counts nothing and takes minutes to build.
//!
//! **Layers.** A node is a layer, nothing is fused. `Identity` and `Dropout` are left out, and so is everything that is the same for every input: weights and shape arithmetic.
//! A first axis of size 1 is the batch and left out of shapes. A node of which several outputs are read is a layer that does the work and one `reshape` layer for each output; a `Split` is only
//! these.
//!
//! **Several inputs or outputs.** A graph has one source and one sink. Several inputs are layer 0 together, and a `reshape` layer hands on each of them; several outputs are
//! read by one last `reshape` layer. Neither takes time, and what is sent over a cut is still each tensor once.
//!
//! **Parameters** are the weights and biases of operators that have them, and stored tensors of floating-point numbers with at least one axis that are added, multiplied or concatenated.
//! Running statistics, masks, indices, scalars, and what `Constant` nodes add or multiply do not count. A tensor counts once, at the first layer that reads it. Contents of weights are never needed, so
//! they may be missing.
//!
//! **Limits.** A file may have 2 GiB, as much as protobuf allows, and a million fields besides the contents of tensors; it is held in memory once.

mod fold;
mod node;
mod operators;
mod read;
mod schema;
mod tensor;
mod weights;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use prost::bytes::Bytes;

pub use read::Import;

use crate::error::InputError;

/// Larger files are refused before they are read. Protobuf allows no larger message.
pub const LARGEST_FILE_BYTES: u64 = (1 << 31) - 1;

/// Fields of the file besides the contents of tensors: a hundred times those of large exported networks.
const MOST_FIELDS: usize = 1_000_000;

/// Reads the graph of an ONNX file; it is named for the file. `axes` are the sizes of dynamic axes, by their names or as `INPUT.INDEX`.
///
/// # Errors
/// [`InputError`] naming file, place and remedy.
pub fn read(path: &Path, axes: &[(String, u64)]) -> Result<Import, InputError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    read_bytes(path).and_then(|bytes| parse(&name, bytes, axes)).map_err(|error| error.in_file(path))
}

/// The graph of an ONNX file's bytes, with the given name.
///
/// # Errors
/// [`InputError`] naming place and remedy.
pub fn parse(name: &str, bytes: Vec<u8>, axes: &[(String, u64)]) -> Result<Import, InputError> {
    let mut axes = read::Axes::new(axes)?;
    let model = schema::decode(Bytes::from(bytes), MOST_FIELDS).map_err(|failure| match failure {
        schema::Failure::Malformed(error) => {
            InputError::at("", format!("is not an ONNX model: {error}"), "give a whole file that an exporter wrote")
        }
        schema::Failure::TooManyFields => {
            let what = format!("has more than {MOST_FIELDS} fields besides the contents of tensors");
            InputError::at("", what, "split the model, or store numbers as contents of tensors")
        }
    })?;
    read::graph(name, &model, &mut axes)
}

/// The bytes of a file that may be an ONNX model.
fn read_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let unreadable = |error: std::io::Error| {
        InputError::at("", format!("cannot be read: {error}"), "give the path of a readable ONNX file")
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(InputError::at("", "is not a file", "give the path of an ONNX file"));
    }
    if metadata.len() > LARGEST_FILE_BYTES {
        let what = format!("is larger than {LARGEST_FILE_BYTES} bytes, which no ONNX file is");
        return Err(InputError::at("", what, "save the weights in a file beside the model (external data)"));
    }
    let mut file = File::open(path).map_err(unreadable)?.take(LARGEST_FILE_BYTES);
    let mut bytes = vec![0];
    // A model begins with the key of one of its fields; no file that does not is read to its end.
    match file.read_exact(&mut bytes) {
        Ok(()) if matches!((bytes[0] >> 3, bytes[0] & 7), (1 | 5, 0) | (2..=4 | 6..=8 | 14, 2)) => {}
        Ok(()) => {
            let what = "is not an ONNX model: it does not begin as one";
            return Err(InputError::at("", what, "give a file that an exporter wrote"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(InputError::at("", "is empty", "give a file that an exporter wrote"));
        }
        Err(error) => return Err(unreadable(error)),
    }
    bytes.reserve(usize::try_from(metadata.len()).unwrap_or_default());
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
