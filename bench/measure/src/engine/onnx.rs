//! An ONNX file, with marks that tell which layer of Offcut's graph a node belongs to, and with random numbers in place of weights that are missing.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use offcut_instances::dnn::Graph;
use offcut_instances::random::Stream;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::prelude::Framework;

use super::proto::{floats, mark};
use super::weights::{uniform, weights};

/// Reads the model of a file whose graph is `graph`; missing weights are drawn with the given seed.
///
/// # Errors
/// If the file cannot be read or decoded.
pub(super) fn model(path: &Path, graph: &Graph, seed: u64) -> Result<pb::ModelProto> {
    let mut file = std::fs::File::open(path).context("cannot be opened")?;
    let mut model = tract_onnx::onnx().proto_model_for_read(&mut file).context("is not an ONNX model")?;
    let of = model.graph.as_mut().context("holds no graph")?;
    let folder = path.parent().unwrap_or(Path::new(""));
    fill(of, folder, seed);
    mark_nodes(of, graph);
    Ok(model)
}

/// Replaces weights that are missing: stored tensors without contents, those whose file is missing, and those that `ConstantOfShape` makes of a stored shape.
fn fill(graph: &mut pb::GraphProto, folder: &Path, seed: u64) {
    let uses = uses(graph);
    let shapes: HashMap<String, Vec<usize>> =
        graph.initializer.iter().filter_map(|tensor| Some((tensor.name.clone(), stored_shape(tensor)?))).collect();
    let stream = |name: &str| Stream::new(&["measure", name], seed);
    for tensor in graph.initializer.iter_mut().filter(|tensor| is_missing(tensor, folder)) {
        let shape: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
        *tensor = random(&tensor.name, &shape, uses.get(&tensor.name).copied(), &mut stream(&tensor.name));
    }
    let mut drawn = Vec::new();
    graph.node.retain(|node| {
        let shape = node.input.first().and_then(|input| shapes.get(input));
        let (true, Some(shape), Some(name)) = (node.op_type == "ConstantOfShape", shape, node.output.first()) else {
            return true;
        };
        let is_float =
            node.attribute.iter().filter_map(|a| a.t.as_ref()).all(|t| t.data_type == DataType::Float as i32);
        if shape.is_empty() || !is_float {
            return true;
        }
        drawn.push(random(name, shape, uses.get(name).copied(), &mut stream(name)));
        false
    });
    graph.initializer.extend(drawn);
}

/// What a stored tensor is used for that restricts its numbers: scales, and variances of normalisations, are positive. By name of tensor.
fn uses(graph: &pb::GraphProto) -> HashMap<String, Use> {
    // Tensors that are another one in another shape.
    let reshaped: HashMap<&str, &str> = graph
        .node
        .iter()
        .filter(|node| ["Unsqueeze", "Reshape", "Identity"].contains(&node.op_type.as_str()))
        .filter_map(|node| Some((node.output.first()?.as_str(), node.input.first()?.as_str())))
        .collect();
    let mut uses = HashMap::new();
    for node in &graph.node {
        for (at, input) in node.input.iter().enumerate() {
            let of = match (node.op_type.as_str(), at) {
                (op, 1) if op.ends_with("Normalization") => Use::Positive,
                ("BatchNormalization", 4) => Use::Positive,
                ("Mul", _) => Use::Positive,
                // A matrix product counts the inputs of an output along its first axis.
                ("MatMul" | "Gemm", 1) => Use::Matrix,
                _ => continue,
            };
            let stored = reshaped.get(input.as_str()).map_or(input.as_str(), |stored| stored);
            uses.insert(stored.to_owned(), of);
        }
    }
    uses
}

#[derive(Clone, Copy)]
enum Use {
    Positive,
    Matrix,
}

fn random(name: &str, shape: &[usize], of: Option<Use>, stream: &mut Stream) -> pb::TensorProto {
    let count = shape.iter().product();
    let numbers = match (of, shape) {
        (Some(Use::Positive), _) => uniform(stream, count, 0.5, 1.5),
        (Some(Use::Matrix), [rows, columns]) => weights(stream, count, *rows.max(columns)),
        (_, [_, inner @ ..]) if !inner.is_empty() => weights(stream, count, inner.iter().product()),
        _ => uniform(stream, count, -0.1, 0.1),
    };
    floats(name, shape, numbers)
}

/// The numbers of a stored shape.
fn stored_shape(tensor: &pb::TensorProto) -> Option<Vec<usize>> {
    if tensor.data_type != DataType::Int64 as i32 || tensor.dims.len() != 1 {
        return None;
    }
    let raw = tensor.raw_data.chunks_exact(8).map(|bytes| i64::from_le_bytes(bytes.try_into().expect("8 bytes")));
    let numbers: Vec<i64> = tensor.int64_data.iter().copied().chain(raw).collect();
    numbers.iter().map(|&number| usize::try_from(number).ok()).collect()
}

fn is_missing(tensor: &pb::TensorProto, folder: &Path) -> bool {
    if tensor.data_type != DataType::Float as i32 {
        return false;
    }
    if tensor.data_location == Some(DataLocation::External as i32) {
        let location = tensor.external_data.iter().find(|entry| entry.key == "location");
        return location.is_none_or(|location| !folder.join(&location.value).exists());
    }
    tensor.raw_data.is_empty() && tensor.float_data.is_empty() && tensor.dims.iter().all(|&size| size > 0)
}

/// Names every node for the layer it belongs to. A node that is no layer belongs to the latest layer it reads; one that reads no layer is constant and keeps its name.
fn mark_nodes(of: &mut pb::GraphProto, graph: &Graph) {
    let mut layers: HashMap<&str, usize> =
        graph.layers().iter().enumerate().map(|(v, layer)| (layer.name.as_str(), v)).collect();
    let constants: HashSet<&str> = of.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut makers: HashMap<String, usize> = HashMap::new();
    for input in of.input.iter().filter(|input| !constants.contains(input.name.as_str())) {
        // One of several inputs is handed on by a layer of its own.
        makers.insert(input.name.clone(), layers.remove(input.name.as_str()).unwrap_or(0));
    }
    for (unique, node) in of.node.iter_mut().enumerate() {
        let read = node.input.iter().filter_map(|input| makers.get(input)).max().copied();
        let Some(read) = read else { continue };
        let outputs = node.output.iter().filter(|output| !output.is_empty());
        let own = if node.name.is_empty() { outputs.clone().next() } else { Some(&node.name) };
        let own = own.and_then(|name| layers.remove(name.as_str()));
        let parts = outputs.filter_map(|output| layers.remove(output.as_str())).min();
        let layer = own.or(parts).unwrap_or(read);
        node.output.iter().for_each(|output| {
            makers.insert(output.clone(), layer);
        });
        node.name = mark(layer, unique);
    }
}
