//! Shape inference: from an architecture's definition to shapes, MACs, parameters and bytes.
//!
//! A wrong shape here is a mistake in our own zoo, so it is an `assert!`; graphs from outside come through
//! [`Graph::parse`] and are told what is wrong with them.
//!
//! With C, H, W channels, height and width of the output, c channels of the input, kernel a x b, g groups:
//!
//! | layer | MACs | parameters |
//! |---|---|---|
//! | convolution | H W C (c/g) a b | C (c/g) a b, + C for the bias |
//! | linear, p positions | p in out | in out, + out for the bias |
//! | batch or layer norm | 0 | 2 C |
//! | scores, weighted sums | heads q k (width/heads), each | 0 |
//! | table | 0 | rows width |

use std::ops::Range;

use super::graph::{Graph, Layer, Op};
use super::step::{Function, Network, Step};
pub use super::window::{Conv, Pair, Window};

/// Bytes of one number: float32 activations, int32 token ids.
pub const ELEMENT_BYTES: u64 = 4;

/// A layer of the graph being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node(usize);

/// A graph being built, layer after layer.
///
/// All methods that add a layer panic if the shapes do not fit: a mistake in the architecture's definition.
/// ```
/// use offcut_instances::dnn::{Builder, Conv};
/// let mut b = Builder::new("tiny", &[3, 32, 32]);
/// let x = b.conv("conv1", b.input(), Conv::new(8, 3).padding(1));
/// let y = b.conv("conv2", x, Conv::new(8, 3).padding(1).no_bias());
/// b.add("add", &[x, y]);
/// let graph = b.finish();
/// assert_eq!(graph.layers()[1].shape, [8, 32, 32]);
/// assert_eq!(graph.params(), (3 * 8 * 9 + 8) + 8 * 8 * 9);
/// assert_eq!(graph.macs(), 32 * 32 * (3 + 8) * 8 * 9);
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    layers: Vec<Layer>,
    steps: Vec<Step>,
}

impl Builder {
    /// A graph with nothing but its input, of the given shape.
    pub fn new(name: &str, input: &[usize]) -> Self {
        let mut builder = Self { name: name.to_owned(), layers: Vec::new(), steps: Vec::new() };
        builder.push("input", (Op::Input, Step::Input), &[], input.to_vec(), 0, 0);
        builder
    }

    /// The input.
    pub fn input(&self) -> Node {
        Node(0)
    }

    /// The shape of a layer's output, without the batch.
    pub fn shape(&self, x: Node) -> &[usize] {
        &self.layers[x.0].shape
    }

    /// The channels of an image-like output.
    pub fn channels(&self, x: Node) -> usize {
        self.image(x)[0]
    }

    /// The finished graph; its sink is the layer added last.
    pub fn finish(self) -> Graph {
        self.network().graph
    }

    /// The finished graph with what its layers compute.
    pub fn network(self) -> Network {
        let name = self.name.clone();
        let graph = Graph::new(self.name, self.layers);
        Network { graph: graph.unwrap_or_else(|input_error| panic!("{name}: {input_error}")), steps: self.steps }
    }

    /// A convolution of an image.
    pub fn conv(&mut self, name: &str, x: Node, conv: Conv) -> Node {
        let [c, h, w] = self.image(x);
        let Conv { channels, window, groups, bias } = conv;
        assert!(groups > 0 && c % groups == 0 && channels % groups == 0, "{name}: {groups} groups, {c} -> {channels}");
        let (height, width) = window.slide(h, w);
        let filter = (c / groups * window.kernel.0 * window.kernel.1) as u64;
        let weights = channels as u64 * filter;
        let op = if groups > 1 && groups == c { Op::DepthwiseConv } else { Op::Conv };
        let macs = (height * width) as u64 * weights;
        let params = weights + if bias { channels as u64 } else { 0 };
        self.push(name, (op, Step::Conv(conv)), &[x], vec![channels, height, width], macs, params)
    }

    /// A maximum over windows.
    pub fn max_pool(&mut self, name: &str, x: Node, window: Window) -> Node {
        self.pool(name, x, window, Step::MaxPool(window))
    }

    /// A mean over windows.
    pub fn avg_pool(&mut self, name: &str, x: Node, window: Window) -> Node {
        self.pool(name, x, window, Step::AvgPool(window))
    }

    /// A mean over as many windows as it takes to get the given height and width.
    pub fn adaptive_pool(&mut self, name: &str, x: Node, size: impl Into<Pair>) -> Node {
        let [c, _, _] = self.image(x);
        let Pair(height, width) = size.into();
        self.push(name, (Op::Pool, Step::AdaptivePool), &[x], vec![c, height, width], 0, 0)
    }

    /// A batch normalisation: scale and shift per channel.
    pub fn batch_norm(&mut self, name: &str, x: Node) -> Node {
        let [c, _, _] = self.image(x);
        self.unary(name, (Op::Norm, Step::BatchNorm), x, 2 * c as u64)
    }

    /// A layer normalisation over the last dimension, with scale and shift.
    pub fn layer_norm(&mut self, name: &str, x: Node) -> Node {
        let [_, width] = self.tokens(x);
        self.unary(name, (Op::Norm, Step::LayerNorm), x, 2 * width as u64)
    }

    /// A function of each number, or a softmax.
    pub fn activation(&mut self, name: &str, x: Node, function: Function) -> Node {
        self.unary(name, (Op::Activation, Step::Function(function)), x, 0)
    }

    /// A rectifier, the commonest activation.
    pub fn relu(&mut self, name: &str, x: Node) -> Node {
        self.activation(name, x, Function::Relu)
    }

    /// A fully connected layer on the last dimension, with a bias.
    pub fn linear(&mut self, name: &str, x: Node, out: usize) -> Node {
        let inputs = self.last(x);
        self.dense(name, Step::Linear, x, out, (inputs * out + out) as u64)
    }

    /// A fully connected layer whose weights are an earlier layer's, without a bias: its parameters count there.
    pub fn tied_linear(&mut self, name: &str, x: Node, out: usize) -> Node {
        self.dense(name, Step::TiedLinear, x, out, 0)
    }

    /// An element-wise sum of outputs of the same shape.
    pub fn add(&mut self, name: &str, xs: &[Node]) -> Node {
        assert!(xs.len() > 1 && xs.iter().all(|&x| self.shape(x) == self.shape(xs[0])), "{name}: shapes differ");
        self.push(name, (Op::Add, Step::Add), xs, self.shape(xs[0]).to_vec(), 0, 0)
    }

    /// An image times a factor per channel.
    pub fn scale(&mut self, name: &str, x: Node, factor: Node) -> Node {
        let [c, _, _] = self.image(x);
        assert_eq!(self.image(factor), [c, 1, 1], "{name}: one factor per channel");
        self.push(name, (Op::Mul, Step::Scale), &[x, factor], self.shape(x).to_vec(), 0, 0)
    }

    /// Images of the same height and width, channels side by side.
    pub fn concat(&mut self, name: &str, xs: &[Node]) -> Node {
        let [_, height, width] = self.image(xs[0]);
        assert!(xs.iter().all(|&x| self.image(x)[1..] == [height, width]), "{name}: sizes differ");
        let channels = xs.iter().map(|&x| self.channels(x)).sum();
        self.push(name, (Op::Concat, Step::Concat), xs, vec![channels, height, width], 0, 0)
    }

    /// All numbers of `x` in one row.
    pub fn flatten(&mut self, name: &str, x: Node) -> Node {
        let size = self.shape(x).iter().product();
        self.reshape(name, x, &[size])
    }

    /// The numbers of `x` in another shape or order.
    pub fn reshape(&mut self, name: &str, x: Node, shape: &[usize]) -> Node {
        let numbers: [usize; 2] = [self.shape(x), shape].map(|shape| shape.iter().product());
        assert_eq!(numbers[0], numbers[1], "{name}: numbers lost or made up");
        self.push(name, (Op::Reshape, Step::Reshape), &[x], shape.to_vec(), 0, 0)
    }

    /// An image as positions x channels.
    pub fn patches(&mut self, name: &str, x: Node) -> Node {
        let [c, height, width] = self.image(x);
        self.push(name, (Op::Reshape, Step::Patches), &[x], vec![height * width, c], 0, 0)
    }

    /// Some columns of the last dimension.
    pub fn columns(&mut self, name: &str, x: Node, columns: Range<usize>) -> Node {
        let [positions, all] = self.tokens(x);
        assert!(columns.start < columns.end && columns.end <= all, "{name}: {columns:?} of {all} columns");
        let shape = vec![positions, columns.len()];
        self.push(name, (Op::Reshape, Step::Columns(columns)), &[x], shape, 0, 0)
    }

    /// The first position only.
    pub fn first_position(&mut self, name: &str, x: Node) -> Node {
        let [_, width] = self.tokens(x);
        self.push(name, (Op::Reshape, Step::FirstPosition), &[x], vec![width], 0, 0)
    }

    /// A row of a learned table for each id: positions become positions x width.
    pub fn embedding(&mut self, name: &str, ids: Node, rows: usize, width: usize) -> Node {
        let &[positions] = self.shape(ids) else { panic!("{name}: ids are one row") };
        let step = (Op::Embedding, Step::Embedding { rows });
        self.push(name, step, &[ids], vec![positions, width], 0, (rows * width) as u64)
    }

    /// The sum of `x` and rows of a learned table that depend on the position alone.
    pub fn add_rows(&mut self, name: &str, x: Node, rows: usize) -> Node {
        let [_, width] = self.tokens(x);
        self.unary(name, (Op::Embedding, Step::AddRows { rows }), x, (rows * width) as u64)
    }

    /// `x` after one learned position.
    pub fn prepend_row(&mut self, name: &str, x: Node) -> Node {
        let [positions, width] = self.tokens(x);
        self.push(name, (Op::Concat, Step::PrependRow), &[x], vec![positions + 1, width], 0, width as u64)
    }

    /// Multi-head attention of queries over keys and values, all positions x width: three layers, `scores`,
    /// `softmax` and `context` below `name`.
    pub fn attention(&mut self, name: &str, [q, k, v]: [Node; 3], heads: usize) -> Node {
        let ([queries, width], [keys, _]) = (self.tokens(q), self.tokens(k));
        assert!(width % heads == 0, "{name}: {width} columns for {heads} heads");
        assert!(self.tokens(k) == [keys, width] && self.tokens(v) == [keys, width], "{name}: shapes differ");
        let macs = (queries * keys * width) as u64;
        let step = (Op::MatMul, Step::Scores { heads });
        let scores = self.push(&format!("{name}.scores"), step, &[q, k], vec![heads, queries, keys], macs, 0);
        let weights = self.activation(&format!("{name}.softmax"), scores, Function::Softmax);
        let step = (Op::MatMul, Step::Context { heads });
        self.push(&format!("{name}.context"), step, &[weights, v], vec![queries, width], macs, 0)
    }

    fn pool(&mut self, name: &str, x: Node, window: Window, step: Step) -> Node {
        let [c, h, w] = self.image(x);
        let (height, width) = window.slide(h, w);
        self.push(name, (Op::Pool, step), &[x], vec![c, height, width], 0, 0)
    }

    fn dense(&mut self, name: &str, step: Step, x: Node, out: usize, params: u64) -> Node {
        let mut shape = self.shape(x).to_vec();
        let macs = (shape.iter().product::<usize>() * out) as u64;
        *shape.last_mut().expect("shapes are not empty") = out;
        self.push(name, (Op::Linear, step), &[x], shape, macs, params)
    }

    fn unary(&mut self, name: &str, op: (Op, Step), x: Node, params: u64) -> Node {
        self.push(name, op, &[x], self.shape(x).to_vec(), 0, params)
    }

    fn push(
        &mut self,
        name: &str,
        (op, step): (Op, Step),
        xs: &[Node],
        shape: Vec<usize>,
        macs: u64,
        params: u64,
    ) -> Node {
        let out_bytes = shape.iter().product::<usize>() as u64 * ELEMENT_BYTES;
        let inputs = xs.iter().map(|x| x.0).collect();
        self.steps.push(step);
        self.layers.push(Layer { name: name.to_owned(), op, macs, params, shape, out_bytes, inputs });
        Node(self.layers.len() - 1)
    }

    fn last(&self, x: Node) -> usize {
        *self.shape(x).last().expect("shapes are not empty")
    }

    fn image(&self, x: Node) -> [usize; 3] {
        self.shape(x).try_into().unwrap_or_else(|_| panic!("{}: not an image", self.layers[x.0].name))
    }

    fn tokens(&self, x: Node) -> [usize; 2] {
        self.shape(x).try_into().unwrap_or_else(|_| panic!("{}: not positions x width", self.layers[x.0].name))
    }
}
