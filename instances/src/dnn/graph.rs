//! What a DNN is here: layers in topological order, each with its work, its parameters and its output.

use std::collections::HashSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::input;
use crate::problem::Valid;

/// Totals of MACs, parameters and bytes stay at or below this, so that they are exact as `f64`.
pub const LARGEST_TOTAL: u64 = 1 << 53;

/// The kinds of layers that profiles tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The input of the network: no work, on the device by definition.
    Input,
    /// A convolution, also a grouped one.
    Conv,
    /// A convolution with one group per input channel.
    DepthwiseConv,
    /// A fully connected layer, applied to each position.
    Linear,
    /// A product of two computed matrices: the scores and the weighted sums of attention.
    #[serde(rename = "matmul")]
    MatMul,
    /// A table looked up or added: words, positions.
    Embedding,
    /// Maximum or mean over windows.
    Pool,
    /// A normalisation: batch, layer or local response.
    Norm,
    /// An element-wise function, or a softmax.
    Activation,
    /// An element-wise sum of several tensors.
    Add,
    /// An element-wise product of several tensors.
    Mul,
    /// Several tensors side by side.
    Concat,
    /// The same numbers in another shape, or some of them: flatten, permute, slice.
    Reshape,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Input => "input",
            Self::Conv => "conv",
            Self::DepthwiseConv => "depthwise_conv",
            Self::Linear => "linear",
            Self::MatMul => "matmul",
            Self::Embedding => "embedding",
            Self::Pool => "pool",
            Self::Norm => "norm",
            Self::Activation => "activation",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Concat => "concat",
            Self::Reshape => "reshape",
        })
    }
}

/// One layer: what it does, what that costs, what comes out, where its inputs come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// A name that no other layer of the graph has, e.g. `layer1.0.conv2`.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Work, in MACs.
    pub macs: u64,
    /// Learned parameters. Running statistics of a normalisation are not learned and do not count.
    pub params: u64,
    /// Shape of the output, without the batch: channels first for images, positions first for tokens.
    pub shape: Vec<usize>,
    /// Size of the output, in bytes.
    pub out_bytes: u64,
    /// The layers whose outputs it reads, each once and each before this one.
    pub inputs: Vec<usize>,
}

/// A DNN: layers in topological order, one source (layer 0, the input) and one sink (the last layer).
///
/// Every value of this type is sound: [`Graph::new`] is the only way to make one, also when reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Draft")]
pub struct Graph {
    name: String,
    layers: Vec<Layer>,
}

/// A graph as it is written, before anybody has looked at it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Graph")]
struct Draft {
    /// Its name, for people.
    name: String,
    /// Its layers in topological order.
    layers: Vec<Layer>,
}

impl TryFrom<Draft> for Graph {
    type Error = InputError;

    fn try_from(draft: Draft) -> Result<Self, InputError> {
        Self::new(draft.name, draft.layers)
    }
}

/// The bare DAG, as `throughput` takes it: vertex 0 is the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Work of each layer, in MACs; 0 for the input. Shape (layers,).
    pub macs: Vec<u64>,
    /// Size of each output, in bytes; the raw input first. Shape (layers,).
    pub out_bytes: Vec<u64>,
    /// Edges (from, to), from < to, each once, sorted.
    pub edges: Vec<(u32, u32)>,
}

impl Graph {
    /// A graph of the given layers.
    ///
    /// # Errors
    /// The first offence: an edge against the order (a cycle or a wrong order), a layer that does not exist, a second
    /// source or sink, an input with work, an empty shape or a dimension of 0, no output bytes, a name used twice,
    /// totals above [`LARGEST_TOTAL`].
    pub fn new(name: impl Into<String>, layers: Vec<Layer>) -> Result<Self, InputError> {
        let graph = Self { name: name.into(), layers };
        graph.validate()?;
        Ok(graph)
    }

    /// Reads a graph from JSON: `{"name": ..., "layers": [...]}` with the fields of [`Layer`], none more, none less.
    ///
    /// # Errors
    /// [`InputError`] naming the place and the remedy.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let remedy = "give a graph: a name and layers, see the schema of Graph";
        input::strict::<Draft>(bytes, remedy, "end the document after the graph")?.try_into()
    }

    /// Its name, e.g. `resnet50`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layers in topological order; layer 0 is the input.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Work of one inference, in MACs.
    pub fn macs(&self) -> u64 {
        self.layers.iter().map(|layer| layer.macs).sum()
    }

    /// Learned parameters; shared ones count once, at the layer that owns them.
    pub fn params(&self) -> u64 {
        self.layers.iter().map(|layer| layer.params).sum()
    }

    /// Size of the raw input, in bytes.
    pub fn input_bytes(&self) -> u64 {
        self.layers[0].out_bytes
    }

    /// Size of the result, in bytes.
    pub fn output_bytes(&self) -> u64 {
        self.layers[self.layers.len() - 1].out_bytes
    }

    /// For each layer, the layers that read its output, in ascending order. Shape (layers,), ragged.
    pub fn successors(&self) -> Vec<Vec<usize>> {
        let mut successors = vec![Vec::new(); self.layers.len()];
        for (to, layer) in self.layers.iter().enumerate() {
            for &from in &layer.inputs {
                successors[from].push(to);
            }
        }
        successors
    }

    /// The edges (from, to), from < to, each once, sorted.
    pub fn edges(&self) -> Vec<(u32, u32)> {
        let successors = self.successors();
        let pairs = successors.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |&to| (from, to)));
        pairs.map(|(from, to)| (from as u32, to as u32)).collect()
    }

    /// The bare DAG: work, output sizes, edges.
    pub fn view(&self) -> View {
        View {
            macs: self.layers.iter().map(|layer| layer.macs).collect(),
            out_bytes: self.layers.iter().map(|layer| layer.out_bytes).collect(),
            edges: self.edges(),
        }
    }
}

impl Valid for Graph {
    fn validate(&self) -> Result<(), InputError> {
        let n = self.layers.len();
        if !(2..=u32::MAX as usize).contains(&n) {
            let remedy = "give the input and at least one layer after it, fewer than 2^32 in all";
            return Err(InputError::at("layers", format!("has {n} entries"), remedy));
        }
        let mut names = HashSet::new();
        for (v, layer) in self.layers.iter().enumerate() {
            layer.validate().and_then(|()| validate_place(v, layer, n)).map_err(|t| t.below(format!("layers[{v}]")))?;
            if !names.insert(layer.name.as_str()) {
                let what = format!("'{}' is the name of an earlier layer", layer.name);
                return Err(InputError::at(format!("layers[{v}].name"), what, "give each layer a name of its own"));
            }
        }
        let idle = self.successors().iter().take(n - 1).position(Vec::is_empty);
        if let Some(v) = idle {
            return Err(InputError::at(
                format!("layers[{v}]"),
                format!("'{}' is read by no layer, but it is not the last", self.layers[v].name),
                "give the graph one sink: let a later layer read it, or remove it",
            ));
        }
        for (what, of) in TOTALS {
            let total = self.layers.iter().try_fold(0u64, |sum, layer| sum.checked_add(of(layer)));
            if total.is_none_or(|total| total > LARGEST_TOTAL) {
                return Err(InputError::at("layers", format!("{what} sum to more than 2^53"), "check their units"));
            }
        }
        Ok(())
    }
}

/// A named quantity of a layer.
type Quantity = (&'static str, fn(&Layer) -> u64);
const TOTALS: [Quantity; 3] = [("macs", |l| l.macs), ("params", |l| l.params), ("out_bytes", |l| l.out_bytes)];

impl Valid for Layer {
    fn validate(&self) -> Result<(), InputError> {
        if self.name.is_empty() {
            return Err(InputError::at("name", "is empty", "name the layer"));
        }
        if self.shape.is_empty() {
            return Err(InputError::at(
                "shape",
                "is empty",
                "give the output's shape without the batch, e.g. [64, 56, 56]",
            ));
        }
        if let Some(d) = self.shape.iter().position(|&size| size == 0) {
            return Err(InputError::at(format!("shape[{d}]"), "is 0", "give sizes of at least 1"));
        }
        if self.shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64)).is_none() {
            return Err(InputError::at("shape", "holds more than 2^64 numbers", "check the sizes"));
        }
        if self.out_bytes == 0 {
            return Err(InputError::at("out_bytes", "is 0", "give the size of the output, at least 1 byte"));
        }
        Ok(())
    }
}

/// What holds for layer `v` of `n` because of its place.
fn validate_place(v: usize, layer: &Layer, n: usize) -> Result<(), InputError> {
    if (layer.op == Op::Input) != (v == 0) {
        let what = format!("is '{}' at index {v}", layer.op);
        return Err(InputError::at("op", what, "make layer 0, and no other, the input"));
    }
    if v == 0 {
        if layer.macs != 0 {
            return Err(InputError::at("macs", format!("is {}", layer.macs), "give the input 0 MACs: it is no work"));
        }
        if layer.params != 0 {
            return Err(InputError::at("params", format!("is {}", layer.params), "give the input no parameters"));
        }
        if !layer.inputs.is_empty() {
            return Err(InputError::at(
                "inputs",
                "is not empty",
                "let the input read nothing: an edge into it is a cycle",
            ));
        }
    } else if layer.inputs.is_empty() {
        return Err(InputError::at(
            "inputs",
            "is empty",
            "give the graph one source: let the layer read an earlier one",
        ));
    }
    let mut seen = HashSet::new();
    for (i, &from) in layer.inputs.iter().enumerate() {
        let place = format!("inputs[{i}]");
        if from >= n {
            let what = format!("is {from}, but there are {n} layers");
            return Err(InputError::at(place, what, "give an index into layers, counted from 0"));
        }
        if from >= v {
            return Err(InputError::at(
                place,
                format!("is {from}, which is not before layer {v}: a cycle, or a wrong order"),
                "list the layers so that every edge goes from a lower index to a higher one",
            ));
        }
        if !seen.insert(from) {
            return Err(InputError::at(place, format!("names layer {from} again"), "name each layer it reads once"));
        }
    }
    Ok(())
}
