//! What each layer of an architecture of the zoo computes, besides what its costs need: enough to run it on an inference engine.
//!
//! A [`Graph`] holds work, shapes and edges, which is all that splitting needs. A [`Network`] adds a [`Step`] for every layer.

use std::ops::Range;

use super::graph::Graph;
use super::window::{Conv, Window};

/// A graph and what each of its layers computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The graph.
    pub graph: Graph,
    /// What each layer computes. Shape (layers,).
    pub steps: Vec<Step>,
}

/// What a layer computes from the outputs of its inputs. Shapes of outputs are those of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The input of the network.
    Input,
    /// A convolution.
    Conv(Conv),
    /// A maximum over windows.
    MaxPool(Window),
    /// A mean over windows; padding counts as zeros.
    AvgPool(Window),
    /// A mean over as many windows as the output has positions.
    AdaptivePool,
    /// A normalisation by stored means and variances, with scale and shift per channel.
    BatchNorm,
    /// A normalisation of the last dimension, with scale and shift.
    LayerNorm,
    /// A function of each number, or a softmax over the last dimension.
    Function(Function),
    /// A fully connected layer on the last dimension, with a bias.
    Linear,
    /// A fully connected layer without a bias; its weights are the table of the embedding.
    TiedLinear,
    /// A sum.
    Add,
    /// The first input times a factor per channel, the second input.
    Scale,
    /// Side by side: channels of images.
    Concat,
    /// The same numbers in the same order.
    Reshape,
    /// An image as positions x channels.
    Patches,
    /// Columns of the last dimension.
    Columns(Range<usize>),
    /// The first position.
    FirstPosition,
    /// A row of a learned table for each id.
    Embedding {
        /// Rows of the table.
        rows: usize,
    },
    /// A sum with rows of a learned table: the first ones, or one row for all positions if there are fewer rows than positions.
    AddRows {
        /// Rows of the table.
        rows: usize,
    },
    /// A learned position, and the input after it.
    PrependRow,
    /// Products of queries (first input) and keys (second) over the square root of a head's width.
    Scores {
        /// Heads of the attention.
        heads: usize,
    },
    /// Values (second input) weighed by the first input.
    Context {
        /// Heads of the attention.
        heads: usize,
    },
}

/// A function of each number; softmax is one of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// max(x, 0.1 x).
    LeakyRelu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x sigmoid(x).
    Silu,
    /// x min(max(x + 3, 0), 6) / 6.
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// x (1 + erf(x / sqrt 2)) / 2.
    Gelu,
    /// The hyperbolic tangent.
    Tanh,
    /// exp(x) over its sum along the last dimension.
    Softmax,
}
