//! The part of the published ONNX schema that a graph of layers needs, declared for prost.
//!
//! Source: `onnx.proto` of <https://github.com/onnx/onnx>; numbers and names of fields are its. What is not declared is skipped without a copy: documentation, annotations,
//! subgraphs. Contents of tensors are not copied either: they stay slices of the file. Packed numbers are declared as `bytes`, which have the same wire format, and are
//! decoded only where a value is needed.

use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};

/// A file: the graph and the versions of the operators.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub(super) ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSet>,
}

/// Which version of the operators of a domain the file uses.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

/// Nodes in topological order, and the tensors that are stored.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub(super) sparse_initializer: Vec<Bytes>,
}

/// One application of an operator.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

/// A named constant of a node. Subgraphs are not declared: operators that have them are refused.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(float, tag = "2")]
    pub(super) f: f32,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) s: Bytes,
    #[prost(message, optional, tag = "5")]
    pub(super) t: Option<Tensor>,
    #[prost(float, repeated, tag = "7")]
    pub(super) floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub(super) r#type: i32,
}

/// A stored tensor. `float_data` to `uint64_data` are packed numbers, declared as bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(super) float_data: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub(super) int32_data: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub(super) int64_data: Vec<Bytes>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(super) raw_data: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "10")]
    pub(super) double_data: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub(super) uint64_data: Vec<Bytes>,
    /// 1 if the contents are in another file.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

/// The name and type of an input or output.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) r#type: Option<Type>,
}

/// A type; only tensors are declared.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor_type: Option<TensorType>,
}

/// The type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
}

/// The axes of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(super) dim: Vec<Dimension>,
}

/// One axis: of fixed size, or dynamic with or without a name.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub(super) dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub(super) dim_param: Option<String>,
}

/// What `bytes` say.
///
/// # Errors
/// If they are no message of this schema, or have more than `largest` fields.
pub(super) fn decode(bytes: Bytes, largest: usize) -> Result<Model, Failure> {
    let mut fields = 0;
    count(bytes.clone(), MODEL, largest, &mut fields)?;
    Model::decode(bytes).map_err(Failure::Malformed)
}

/// Why bytes are not decoded.
#[derive(Debug)]
pub(super) enum Failure {
    /// They are no message of this schema.
    Malformed(DecodeError),
    /// They have too many fields.
    TooManyFields,
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// The messages in a message of one kind: (number of the field, their kind). The kind of packed numbers is [`PACKED`].
type Kind = &'static [(u32, Inner)];

/// What is in a field that has a length.
#[derive(Clone, Copy)]
enum Inner {
    /// A message.
    Message(Kind),
    /// Numbers, each of at least one byte.
    Packed,
}

const TENSOR: Kind = &[(1, Inner::Packed)];
const ATTRIBUTE: Kind = &[(5, Inner::Message(TENSOR)), (7, Inner::Packed), (8, Inner::Packed)];
const NODE: Kind = &[(5, Inner::Message(ATTRIBUTE))];
const SHAPE: Kind = &[(1, Inner::Message(&[]))];
const TYPE: Kind = &[(1, Inner::Message(&[(2, Inner::Message(SHAPE))]))];
const VALUE_INFO: Kind = &[(2, Inner::Message(TYPE))];
const GRAPH: Kind = &[
    (1, Inner::Message(NODE)),
    (5, Inner::Message(TENSOR)),
    (11, Inner::Message(VALUE_INFO)),
    (12, Inner::Message(VALUE_INFO)),
];
const MODEL: Kind = &[(7, Inner::Message(GRAPH)), (8, Inner::Message(&[]))];

/// Counts the fields of a message and of all messages in it. A decoded message takes memory for each of its fields, up to a hundred times its bytes, so they are counted
/// before anything is decoded. What is skipped costs time and no memory.
fn count(mut bytes: Bytes, kind: Kind, largest: usize, fields: &mut usize) -> Result<(), Failure> {
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        *fields += 1;
        if wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut bytes)?;
            let length = usize::try_from(length).ok().filter(|&length| length <= bytes.len());
            // Prost says better what is wrong with it.
            let Some(length) = length else { return Ok(()) };
            let content = bytes.split_to(length);
            match kind.iter().find(|(number, _)| *number == tag) {
                Some((_, Inner::Message(inner))) => count(content, inner, largest, fields)?,
                Some((_, Inner::Packed)) => *fields += length,
                None => {}
            }
        } else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
        }
        if *fields > largest {
            return Err(Failure::TooManyFields);
        }
    }
    Ok(())
}
