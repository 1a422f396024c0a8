//! A network of the zoo as an ONNX model with random weights.

use offcut_instances::dnn::{Conv, Function, Layer, Network, Step, Window};
use offcut_instances::random::Stream;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::proto::{float, floats, int, ints, longs, mark, node, value};
use super::weights::{uniform, weights};

/// The version of the operators that are written.
const OPERATORS: i64 = 17;

/// The model, with weights of the given seed. Every node carries the mark of its layer.
pub(super) fn model(network: &Network, seed: u64) -> pb::ModelProto {
    let layers = network.graph.layers();
    let mut writer =
        Writer { layers, steps: &network.steps, graph: pb::GraphProto::default(), seed, layer: 0, unique: 0 };
    for v in 0..layers.len() {
        writer.write(v);
    }
    let of = if network.steps.iter().any(|step| matches!(step, Step::Embedding { .. })) {
        DataType::Int32
    } else {
        DataType::Float
    };
    let sink = layers.len() - 1;
    let mut graph = writer.graph;
    graph.name = network.graph.name().to_owned();
    graph.input = vec![value(&tensor(0), of, &batched(&layers[0]))];
    graph.output = vec![value(&tensor(sink), DataType::Float, &batched(&layers[sink]))];
    pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
        graph: Some(graph),
        ..Default::default()
    }
}

/// The name of a layer's output.
fn tensor(layer: usize) -> String {
    format!("t{layer}")
}

/// The shape of a layer's output with the batch.
fn batched(layer: &Layer) -> Vec<usize> {
    [1].into_iter().chain(layer.shape.iter().copied()).collect()
}

struct Writer<'a> {
    layers: &'a [Layer],
    steps: &'a [Step],
    graph: pb::GraphProto,
    seed: u64,
    /// The layer being written.
    layer: usize,
    /// Names given so far.
    unique: usize,
}

impl Writer<'_> {
    fn write(&mut self, v: usize) {
        self.layer = v;
        let layer = &self.layers[v];
        let inputs: Vec<String> = layer.inputs.iter().map(|&from| tensor(from)).collect();
        let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let shape = batched(layer);
        let from = layer.inputs.first().map_or(&[][..], |&from| &self.layers[from].shape[..]);
        match &self.steps[v].clone() {
            Step::Input => {}
            Step::Conv(conv) => self.conv(names[0], from, &shape, conv),
            Step::MaxPool(window) => self.pool("MaxPool", names[0], (from, &shape), window),
            Step::AvgPool(window) => self.pool("AveragePool", names[0], (from, &shape), window),
            Step::AdaptivePool => {
                let size = |d: usize| from[d] / shape[d + 1];
                let window = Window::new([size(1), size(2)]).stride([size(1), size(2)]);
                self.pool("AveragePool", names[0], (from, &shape), &window);
            }
            Step::BatchNorm => self.batch_norm(names[0], shape[1]),
            Step::LayerNorm => {
                let width = shape[shape.len() - 1];
                let [scale, shift] = [self.stored(&[width], 0.5, 1.5), self.stored(&[width], -0.1, 0.1)];
                self.last("LayerNormalization", &[names[0], &scale, &shift], vec![int("axis", -1)]);
            }
            Step::Function(function) => self.function(*function, names[0]),
            Step::Linear | Step::TiedLinear => self.linear(v, names[0], from[from.len() - 1], shape[shape.len() - 1]),
            Step::Add => self.last(if names.len() == 2 { "Add" } else { "Sum" }, &names, Vec::new()),
            Step::Scale => self.last("Mul", &names, Vec::new()),
            Step::Concat => self.last("Concat", &names, vec![int("axis", 1)]),
            Step::Reshape => self.reshape(names[0], &shape),
            Step::Patches => {
                let columns = self.numbers_of(&[1, shape[2], shape[1]]);
                let rows = self.inner("Reshape", &[names[0], &columns], Vec::new());
                self.last("Transpose", &[&rows], vec![ints("perm", &[0, 2, 1])]);
            }
            step => self.tokens(v, step, &names, &shape),
        }
    }

    /// The steps of transformers: positions x width.
    fn tokens(&mut self, v: usize, step: &Step, names: &[&str], shape: &[usize]) {
        let layers = self.layers;
        let of = |input: usize| &layers[layers[v].inputs[input]].shape[..];
        match step {
            Step::Columns(columns) => {
                let [start, end, axis] =
                    [columns.start, columns.end, 2].map(|number| self.longs(&[1], &[number as i64]));
                self.last("Slice", &[names[0], &start, &end, &axis], Vec::new());
            }
            Step::FirstPosition => {
                let first = self.longs(&[], &[0]);
                self.last("Gather", &[names[0], &first], vec![int("axis", 1)]);
            }
            Step::Embedding { rows } => {
                let table = self.table(v, *rows, shape[2]);
                self.last("Gather", &[&table, names[0]], vec![int("axis", 0)]);
            }
            Step::AddRows { rows } => {
                let rows = if *rows < shape[1] { 1 } else { shape[1] };
                let table = self.stored(&[rows, shape[2]], -0.1, 0.1);
                self.last("Add", &[names[0], &table], Vec::new());
            }
            Step::PrependRow => {
                let row = self.stored(&[1, 1, shape[2]], -1.0, 1.0);
                self.last("Concat", &[&row, names[0]], vec![int("axis", 1)]);
            }
            Step::Scores { heads } => self.scores(names, (of(0), of(1)), *heads),
            Step::Context { heads } => self.context(names, of(1), shape, *heads),
            other => unreachable!("{other:?} is written before"),
        }
    }

    /// A convolution. Its input has the shape `from`, its output, with the batch, `shape`.
    fn conv(&mut self, x: &str, from: &[usize], shape: &[usize], conv: &Conv) {
        let Conv { channels, window, groups, bias } = *conv;
        let filter = [channels, from[0] / groups, window.kernel.0, window.kernel.1];
        let fan_in = filter[1..].iter().product();
        let filters = weights(&mut self.stream(0), channels * fan_in, fan_in);
        let mut inputs = vec![x.to_owned(), self.initializer(&filter, filters)];
        if bias {
            inputs.push(self.stored(&[channels], -0.1, 0.1));
        }
        let mut attributes = sliding(from, shape, &window);
        attributes.extend([int("group", groups as i64), ints("dilations", &[window.dilation.0, window.dilation.1])]);
        self.last("Conv", &inputs.iter().map(String::as_str).collect::<Vec<_>>(), attributes);
    }

    fn pool(&mut self, op: &str, x: &str, (from, shape): (&[usize], &[usize]), window: &Window) {
        let mut attributes = sliding(from, shape, window);
        if op == "AveragePool" {
            attributes.push(int("count_include_pad", 1));
        }
        self.last(op, &[x], attributes);
    }

    fn batch_norm(&mut self, x: &str, channels: usize) {
        let ranges = [(0.5, 1.5), (-0.1, 0.1), (-0.1, 0.1), (0.5, 1.5)];
        let stored = ranges.map(|(low, high)| self.stored(&[channels], low, high));
        let [scale, shift, mean, variance] = stored.each_ref().map(String::as_str);
        self.last("BatchNormalization", &[x, scale, shift, mean, variance], Vec::new());
    }

    fn function(&mut self, function: Function, x: &str) {
        match function {
            Function::Relu => self.last("Relu", &[x], Vec::new()),
            Function::LeakyRelu => self.last("LeakyRelu", &[x], vec![float("alpha", 0.1)]),
            Function::Relu6 => {
                let [low, high] = [0.0, 6.0].map(|number| self.initializer(&[], vec![number]));
                self.last("Clip", &[x, &low, &high], Vec::new());
            }
            Function::Silu => {
                let gate = self.inner("Sigmoid", &[x], Vec::new());
                self.last("Mul", &[x, &gate], Vec::new());
            }
            Function::HardSwish => self.last("HardSwish", &[x], Vec::new()),
            Function::HardSigmoid => {
                self.last("HardSigmoid", &[x], vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]);
            }
            Function::Sigmoid => self.last("Sigmoid", &[x], Vec::new()),
            Function::Gelu => {
                let [root, one, half] =
                    [std::f32::consts::SQRT_2, 1.0, 0.5].map(|number| self.initializer(&[1], vec![number]));
                let y = self.inner("Div", &[x, &root], Vec::new());
                let y = self.inner("Erf", &[&y], Vec::new());
                let y = self.inner("Add", &[&y, &one], Vec::new());
                let y = self.inner("Mul", &[x, &y], Vec::new());
                self.last("Mul", &[&y, &half], Vec::new());
            }
            Function::Tanh => self.last("Tanh", &[x], Vec::new()),
            Function::Softmax => self.last("Softmax", &[x], vec![int("axis", -1)]),
        }
    }

    fn linear(&mut self, v: usize, x: &str, inputs: usize, outputs: usize) {
        let embedding = self.steps.iter().position(|step| matches!(step, Step::Embedding { .. }));
        if let (Step::TiedLinear, Some(table)) = (&self.steps[v], embedding) {
            let table = format!("table{table}");
            let matrix = self.inner("Transpose", &[&table], vec![ints("perm", &[1, 0])]);
            return self.last("MatMul", &[x, &matrix], Vec::new());
        }
        let numbers = weights(&mut self.stream(0), inputs * outputs, inputs);
        let matrix = self.initializer(&[inputs, outputs], numbers);
        let bias = self.stored(&[outputs], -0.1, 0.1);
        let product = self.inner("MatMul", &[x, &matrix], Vec::new());
        self.last("Add", &[&product, &bias], Vec::new());
    }

    fn scores(&mut self, names: &[&str], (queries, keys): (&[usize], &[usize]), heads: usize) {
        let width = queries[1] / heads;
        let q = self.heads(names[0], queries, heads, &[0, 2, 1, 3]);
        let k = self.heads(names[1], keys, heads, &[0, 2, 3, 1]);
        let product = self.inner("MatMul", &[&q, &k], Vec::new());
        let factor = self.initializer(&[1], vec![1.0 / (width as f32).sqrt()]);
        self.last("Mul", &[&product, &factor], Vec::new());
    }

    fn context(&mut self, names: &[&str], values: &[usize], shape: &[usize], heads: usize) {
        let v = self.heads(names[1], values, heads, &[0, 2, 1, 3]);
        let product = self.inner("MatMul", &[names[0], &v], Vec::new());
        let rows = self.inner("Transpose", &[&product], vec![ints("perm", &[0, 2, 1, 3])]);
        self.reshape(&rows, shape);
    }

    /// Positions x width as heads: positions x heads x width of one, then in the given order.
    fn heads(&mut self, x: &str, shape: &[usize], heads: usize, order: &[usize]) -> String {
        let apart = self.numbers_of(&[1, shape[0], heads, shape[1] / heads]);
        let apart = self.inner("Reshape", &[x, &apart], Vec::new());
        self.inner("Transpose", &[&apart], vec![ints("perm", order)])
    }

    fn reshape(&mut self, x: &str, shape: &[usize]) {
        let shape = self.numbers_of(shape);
        self.last("Reshape", &[x, &shape], Vec::new());
    }

    /// The node whose output is the layer's.
    fn last(&mut self, op: &str, inputs: &[&str], attributes: Vec<pb::AttributeProto>) {
        self.push(op, inputs, &tensor(self.layer), attributes);
    }

    /// A node within the layer: the name of its output.
    fn inner(&mut self, op: &str, inputs: &[&str], attributes: Vec<pb::AttributeProto>) -> String {
        let name = self.name("i");
        self.push(op, inputs, &name, attributes);
        name
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: &str, attributes: Vec<pb::AttributeProto>) {
        let mut node = node(op, inputs, output, attributes);
        self.unique += 1;
        node.name = mark(self.layer, self.unique);
        self.graph.node.push(node);
    }

    fn name(&mut self, prefix: &str) -> String {
        self.unique += 1;
        format!("{prefix}{}_{}", self.layer, self.unique)
    }

    /// The random stream of the layer's `part`.
    fn stream(&self, part: usize) -> Stream {
        Stream::new(&["measure", &self.layers[self.layer].name, &part.to_string()], self.seed)
    }

    /// A stored tensor of random numbers in [low, high): its name.
    fn stored(&mut self, shape: &[usize], low: f32, high: f32) -> String {
        let mut stream = self.stream(self.unique + 1);
        self.initializer(shape, uniform(&mut stream, shape.iter().product(), low, high))
    }

    fn initializer(&mut self, shape: &[usize], numbers: Vec<f32>) -> String {
        let name = self.name("w");
        self.graph.initializer.push(floats(&name, shape, numbers));
        name
    }

    fn longs(&mut self, shape: &[usize], numbers: &[i64]) -> String {
        let name = self.name("n");
        self.graph.initializer.push(longs(&name, shape, numbers));
        name
    }

    fn numbers_of(&mut self, shape: &[usize]) -> String {
        let numbers: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        self.longs(&[shape.len()], &numbers)
    }

    /// The table of an embedding: its name is known to a tied linear layer.
    fn table(&mut self, v: usize, rows: usize, width: usize) -> String {
        let name = format!("table{v}");
        let numbers = uniform(&mut self.stream(0), rows * width, -0.1, 0.1);
        self.graph.initializer.push(floats(&name, &[rows, width], numbers));
        name
    }
}

/// Kernel, steps and padding of a window. Padding after the image is what the output's size needs, so that rounding up or down needs no attribute.
fn sliding(from: &[usize], shape: &[usize], window: &Window) -> Vec<pb::AttributeProto> {
    let Window { kernel, stride, padding, dilation, .. } = *window;
    let after = |size: usize, out: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
        ((out - 1) * stride + dilation * (kernel - 1) + 1).saturating_sub(size + padding)
    };
    let below = after(from[1], shape[2], kernel.0, stride.0, padding.0, dilation.0);
    let right = after(from[2], shape[3], kernel.1, stride.1, padding.1, dilation.1);
    vec![
        ints("kernel_shape", &[kernel.0, kernel.1]),
        ints("strides", &[stride.0, stride.1]),
        ints("pads", &[padding.0, padding.1, below, right]),
    ]
}
