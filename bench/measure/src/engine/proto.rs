//! Parts of ONNX models as the engine's reader takes them.

use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// The name of a node that belongs to a layer: the engine keeps it in the names of all operators that it makes of the node.
pub(super) fn mark(layer: usize, unique: usize) -> String {
    format!("@{layer}@{unique}")
}

/// The layer that an operator of the engine belongs to, by its name.
pub(super) fn marked(name: &str) -> Option<usize> {
    let mut parts = name.split('@').skip(1);
    parts.next()?.parse().ok()
}

/// A node with its attributes.
pub(super) fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<pb::AttributeProto>) -> pb::NodeProto {
    pb::NodeProto {
        op_type: op.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..Default::default()
    }
}

/// A whole number as an attribute.
pub(super) fn int(name: &str, i: i64) -> pb::AttributeProto {
    pb::AttributeProto { name: name.to_owned(), r#type: AttributeType::Int as i32, i, ..Default::default() }
}

/// Whole numbers as an attribute.
pub(super) fn ints(name: &str, ints: &[usize]) -> pb::AttributeProto {
    let ints = ints.iter().map(|&i| i as i64).collect();
    pb::AttributeProto { name: name.to_owned(), r#type: AttributeType::Ints as i32, ints, ..Default::default() }
}

/// A number as an attribute.
pub(super) fn float(name: &str, f: f32) -> pb::AttributeProto {
    pb::AttributeProto { name: name.to_owned(), r#type: AttributeType::Float as i32, f, ..Default::default() }
}

/// Stored float32 numbers.
pub(super) fn floats(name: &str, shape: &[usize], numbers: Vec<f32>) -> pb::TensorProto {
    pb::TensorProto {
        name: name.to_owned(),
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: DataType::Float as i32,
        float_data: numbers,
        ..Default::default()
    }
}

/// Stored int64 numbers; a scalar without a shape.
pub(super) fn longs(name: &str, shape: &[usize], numbers: &[i64]) -> pb::TensorProto {
    pb::TensorProto {
        name: name.to_owned(),
        dims: shape.iter().map(|&d| d as i64).collect(),
        data_type: DataType::Int64 as i32,
        int64_data: numbers.to_vec(),
        ..Default::default()
    }
}

/// A named tensor of a type and a shape.
pub(super) fn value(name: &str, of: DataType, shape: &[usize]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dim = |&size: &usize| Dimension { value: Some(Value::DimValue(size as i64)), ..Default::default() };
    let shape = pb::TensorShapeProto { dim: shape.iter().map(dim).collect() };
    let tensor = pb::type_proto::Tensor { elem_type: of as i32, shape: Some(shape) };
    let r#type = pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() };
    pb::ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..Default::default() }
}
