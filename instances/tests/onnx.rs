//! ONNX files written by hand: what their graphs are, and that bad ones are told in one line.

mod onnx_writer;

use offcut_instances::dnn::onnx::{self, Import};
use offcut_instances::dnn::{Graph, Op};
use proptest::prelude::*;

use onnx_writer::{FLOAT, FLOAT16, INT8, INT64, Net, UINT8, Value, field, node, number, tensor, value_info};

fn import(net: &Net, axes: &[(&str, u64)]) -> Result<Import, String> {
    let axes: Vec<_> = axes.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect();
    onnx::parse("net", net.bytes(), &axes).map_err(|error| error.to_string())
}

fn graph(net: &Net) -> Graph {
    import(net, &[]).unwrap_or_else(|error| panic!("{error}")).graph
}

/// Shape, MACs, parameters and bytes of the last layer.
fn last(net: &Net) -> (Vec<usize>, u64, u64, u64) {
    let graph = graph(net);
    let layer = graph.layers().last().expect("a layer");
    (layer.shape.clone(), layer.macs, layer.params, layer.out_bytes)
}

fn refused(net: &Net) -> String {
    import(net, &[]).expect_err("refused")
}

fn ints(numbers: &[i64]) -> Value {
    Value::Ints(numbers.to_vec())
}

/// x -> conv1 -> r, and r goes into conv2, into the addition and into the multiplication with itself.
fn residual() -> Net {
    Net::new(&[1, 3, 8, 8])
        .weight("w1", &[4, 3, 3, 3])
        .weight("b1", &[4])
        .weight("w2", &[4, 4, 1, 1])
        .node("Conv", "x w1 b1", "c1", &[("pads", ints(&[1, 1, 1, 1]))])
        .node("Relu", "c1", "r", &[])
        .node("Conv", "r w2", "c2", &[])
        .node("Mul", "r r", "m", &[])
        .node("Add", "c2 r", "s", &[])
        .node("Add", "s m", "y", &[])
        .output("y")
}

/// A tensor that several layers read crosses a cut once: an edge for each reader, one size for the tensor, and none twice where a layer reads it twice.
#[test]
fn a_residual_branch_sends_its_tensor_once() {
    let graph = graph(&residual());
    let names: Vec<_> = graph.layers().iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["x", "c1", "r", "c2", "m", "s", "y"]);
    assert_eq!(graph.edges(), [(0, 1), (1, 2), (2, 3), (2, 4), (2, 5), (3, 5), (4, 6), (5, 6)]);
    let chain = graph.chain();
    let last_layers: Vec<_> = chain.blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(last_layers, ["c1", "r", "y"]);
    // After r three layers on the other side read its 4 x 8 x 8 numbers, which are sent once.
    assert_eq!(chain.cut_bytes, [3 * 64 * 4, 4 * 64 * 4, 4 * 64 * 4, 0]);
    assert_eq!(graph.macs(), 64 * (4 * 27 + 4 * 4));
    assert_eq!(graph.params(), 4 * 27 + 4 + 16);
}

#[test]
fn convolutions_are_counted_by_hand() {
    let conv = |x: &[i64], w: &[i64], op: &str, attributes: &[(&str, Value)]| {
        last(&Net::new(x).weight("w", w).node(op, "x w", "y", attributes).output("y"))
    };
    let group = |groups| [("group", Value::Int(groups))];
    assert_eq!(conv(&[1, 3, 10], &[5, 3, 4], "Conv", &[]), (vec![5, 7], 7 * 60, 60, 140));
    assert_eq!(conv(&[1, 2, 4, 4, 4], &[3, 2, 2, 2, 2], "Conv", &[]), (vec![3, 3, 3, 3], 27 * 48, 48, 324));
    assert_eq!(conv(&[1, 4, 5, 5], &[6, 2, 1, 1], "Conv", &group(2)), (vec![6, 5, 5], 25 * 12, 12, 600));
    assert_eq!(conv(&[1, 4, 5, 5], &[4, 1, 5, 5], "Conv", &group(4)), (vec![4, 1, 1], 100, 100, 16));
    // Each of the 9 numbers of an input channel is spread over 4 places for each output channel.
    let strides = [("strides", ints(&[2, 2]))];
    assert_eq!(conv(&[1, 4, 3, 3], &[4, 5, 2, 2], "ConvTranspose", &strides), (vec![5, 6, 6], 9 * 80, 80, 720));
    let same = [("auto_pad", Value::Text("SAME_UPPER")), ("strides", ints(&[2, 2]))];
    assert_eq!(conv(&[1, 1, 5, 5], &[1, 1, 3, 3], "Conv", &same).0, [1, 3, 3]);
    let depthwise = Net::new(&[1, 4, 5, 5]).weight("w", &[4, 1, 3, 3]).node("Conv", "x w", "y", &group(4)).output("y");
    assert_eq!(graph(&depthwise).layers()[1].op, Op::DepthwiseConv);
}

#[test]
fn products_are_counted_by_hand() {
    let linear = Net::new(&[1, 6]).weight("w", &[4, 6]).weight("b", &[4]);
    let linear = linear.node("Gemm", "x w b", "y", &[("transB", Value::Int(1))]).output("y");
    assert_eq!(last(&linear), (vec![4], 24, 28, 16));
    assert_eq!(graph(&linear).layers()[1].op, Op::Linear);
    let tokens = Net::new(&[1, 5, 6]).weight("w", &[6, 4]).weight("b", &[4]);
    let tokens = tokens.node("MatMul", "x w", "m", &[]).node("Add", "m b", "y", &[]).output("y");
    assert_eq!((graph(&tokens).macs(), graph(&tokens).params()), (5 * 24, 24 + 4));
    let scores = Net::new(&[1, 5, 6]).node("Transpose", "x", "t", &[("perm", ints(&[0, 2, 1]))]);
    let scores = scores.node("MatMul", "x t", "y", &[]).output("y");
    assert_eq!(last(&scores), (vec![5, 5], 150, 0, 100));
    assert_eq!(graph(&scores).layers()[2].op, Op::MatMul);
    let einsum = Net::new(&[1, 5, 6]).weight("w", &[6, 2, 3]);
    let einsum = einsum.node("Einsum", "x w", "y", &[("equation", Value::Text("bte,ehd -> bhtd"))]).output("y");
    assert_eq!(last(&einsum), (vec![2, 5, 3], 5 * 36, 36, 120));
    let heads = [("q_num_heads", Value::Int(2)), ("kv_num_heads", Value::Int(2))];
    let attention = Net::new(&[1, 5, 6]).node("Attention", "x x x", "y", &heads).output("y");
    assert_eq!(last(&attention), (vec![5, 6], 2 * 5 * 5 * 6, 0, 120));
}

/// An LSTM of 2 ways with 3 numbers of state: 7 steps of 4 x 3 x (5 + 3) weights each way. Its sequence and its state are both read, so two layers hand them on.
#[test]
fn a_layer_with_several_outputs_hands_them_on() {
    let net = Net::new(&[7, 1, 5]).weight("w", &[2, 12, 5]).weight("r", &[2, 12, 3]).weight("b", &[2, 24]);
    let hand = |net: Net| net.node("LSTM", "x w r b", "all h", &[]).output("all").output("h");
    let error = refused(&hand(net.clone()));
    assert!(error.contains("first axis of size 7; a batch holds one sample"), "{error}");
    let net = Net::new(&[1, 35]).numbers("shape", &[7, 1, 5]).weight("w", &[2, 12, 5]).weight("r", &[2, 12, 3]);
    let net = net.weight("b", &[2, 24]).node("Reshape", "x shape", "s", &[]);
    let graph = graph(&net.node("LSTM", "s w r b", "all h", &[]).output("all").output("h"));
    let layers: Vec<_> =
        graph.layers().iter().map(|layer| (&layer.name[..], layer.out_bytes, &layer.inputs[..])).collect();
    let (all, state) = (7 * 2 * 3 * 4, 2 * 3 * 4);
    assert_eq!(
        layers,
        [
            ("x", 140, &[][..]),
            ("s", 140, &[0]),
            ("all", all + state, &[1]),
            ("all#2", all, &[2]),
            ("h", state, &[2]),
            ("outputs", all + state, &[3, 4]),
        ]
    );
    assert_eq!((graph.macs(), graph.params()), (7 * 2 * 12 * 8, 2 * 12 * 8 + 48));
}

/// Several inputs are one layer, and each is handed on with its own size.
#[test]
fn several_inputs_are_one_source() {
    let net =
        Net::default().input("ids", INT64, &[1, 4]).input("mask", FLOAT, &[1, 4, 2]).input("idle", FLOAT, &[1, 9]);
    let net = net.weight("table", &[10, 2]).node("Gather", "table ids", "e", &[]).node("Mul", "e mask", "y", &[]);
    let import = import(&net.output("y"), &[]).expect("legal");
    assert_eq!(import.left_out, ["input 'idle', which no output depends on"]);
    let layers = import.graph.layers();
    assert_eq!(
        layers.iter().map(|l| l.op).collect::<Vec<_>>(),
        [Op::Input, Op::Reshape, Op::Reshape, Op::Embedding, Op::Mul]
    );
    assert_eq!(layers.iter().map(|layer| layer.out_bytes).collect::<Vec<_>>(), [32 + 32, 32, 32, 32, 32]);
    assert_eq!((layers[3].params, import.graph.macs()), (20, 0));
    assert_eq!(layers[4].inputs, [3, 2]);
}

/// What an exporter writes for x.view(x.shape[0], -1): the shape is computed from the input's.
#[test]
fn shape_arithmetic_is_folded() {
    let net = Net::default()
        .dynamic_input("x", FLOAT, &["batch", "channels", "side", "side"])
        .numbers("zero", &[0])
        .numbers("one", &[1])
        .numbers("four", &[4])
        .numbers("minus", &[-1])
        .node("Shape", "x", "shape", &[])
        .node("Gather", "shape zero", "n", &[("axis", Value::Int(0))])
        .node("Slice", "shape one four", "rest", &[])
        .node("ReduceProd", "rest", "all", &[("keepdims", Value::Int(1))])
        .node("Div", "all four", "quarter", &[])
        .node("Concat", "n four quarter", "target", &[("axis", Value::Int(0))])
        .node("Reshape", "x target", "r", &[])
        .node("Concat", "n minus", "flat", &[("axis", Value::Int(0))])
        .node("Reshape", "r flat", "y", &[])
        .output("y");
    let sizes = [("batch", 1), ("channels", 3), ("side", 6)];
    let shapes: Vec<_> = import(&net, &sizes).expect("legal").graph.layers().iter().map(|l| l.shape.clone()).collect();
    assert_eq!(shapes, [vec![3, 6, 6], vec![4, 27], vec![108]]);
    for (sizes, words) in [
        (
            &sizes[..2],
            "input 'x', axis 2: 'side' is dynamic; fix it: offcut models import --axis 'side=SIZE' or 'x.2=SIZE'",
        ),
        (&[("batch", 1), ("depth", 2)], "--axis"),
        (&[("batch", 2), ("channels", 3), ("side", 6)], "first axis of size 2; a batch holds one sample"),
        (&[("batch", 0)], "give a size of at least 1"),
        (&[("batch", 1), ("batch", 1)], "give each axis one size"),
        (&[("batch", 1), ("channels", 3), ("side", 6), ("deep", 6)], "the dynamic axes are: batch, channels, side"),
        (&[("batch", 1), ("channels", 3), ("side", 1 << 40)], "more than 2^50 numbers"),
    ] {
        let error = import(&net, sizes).expect_err("refused");
        assert!(error.contains(words), "{error}");
    }
    // Two axes of one name have two sizes.
    let sizes = [("x.0", 1), ("channels", 3), ("side", 6), ("x.3", 12)];
    assert_eq!(import(&net, &sizes).expect("legal").graph.input_bytes(), 3 * 6 * 12 * 4);
    // Without a name, or as Paddle writes it.
    for size in [0, -1] {
        let unnamed = Net::new(&[size, 3]).node("Relu", "x", "y", &[]).output("y");
        assert!(refused(&unnamed).contains("'x.0' is dynamic"));
        assert_eq!(import(&unnamed, &[("x.0", 1)]).expect("legal").graph.input_bytes(), 12);
    }
}

/// Half precision takes half the bytes, and a quantised convolution a quarter; its weights are parameters all the same.
#[test]
fn bytes_are_those_of_the_type() {
    let half = Net::default().input("x", FLOAT16, &[1, 3, 4, 4]).node("Relu", "x", "y", &[]).output("y");
    assert_eq!(last(&half).3, 3 * 16 * 2);
    let net = Net::new(&[1, 3, 4, 4])
        .weight("scale", &[])
        .with(5, tensor("zero", UINT8, &[], &[0]))
        .with(5, tensor("w", INT8, &[2, 3, 1, 1], &[0; 6]))
        .with(5, tensor("wz", INT8, &[], &[0]))
        .node("QuantizeLinear", "x scale zero", "q", &[])
        .node("QLinearConv", "q scale zero w scale wz scale zero", "c", &[])
        .node("DequantizeLinear", "c scale zero", "y", &[])
        .output("y");
    let graph = graph(&net);
    let bytes: Vec<_> = graph.layers().iter().map(|layer| layer.out_bytes).collect();
    assert_eq!((bytes, graph.macs(), graph.params()), (vec![192, 48, 32, 128], 16 * 6, 6));
}

/// Weights that several layers read count once; running statistics, scalars and masks never do.
#[test]
fn parameters_count_once() {
    let net = Net::new(&[1, 4, 2, 2])
        .weight("w", &[4, 4, 1, 1])
        .weight("s", &[4])
        .weight("b", &[4])
        .weight("mean", &[4])
        .weight("var", &[4])
        .weight("scalar", &[])
        .weight("plane", &[4, 1, 1])
        .node("Conv", "x w", "c", &[])
        .node("Conv", "c w", "d", &[])
        .node("BatchNormalization", "d s b mean var", "n", &[])
        .node("Mul", "n scalar", "m", &[])
        .node("Constant", "", "k", &[("value", Value::Tensor(tensor("", FLOAT, &[4, 1, 1], &[])))])
        .node("Add", "m k", "a", &[])
        .node("Add", "a plane", "y", &[])
        .output("y");
    let graph = graph(&net);
    let params: Vec<_> = graph.layers().iter().map(|layer| layer.params).collect();
    assert_eq!(params, [0, 16, 0, 8, 0, 0, 4]);
}

/// Dropout and Identity are no layers, a split is a layer for each part that is read, and what no output needs is left out.
#[test]
fn layers_are_what_computes() {
    let net = Net::new(&[1, 6, 2])
        .node("Identity", "x", "i", &[])
        .node("Dropout", "i", "d", &[])
        .node("Split", "d", "a b c", &[("axis", Value::Int(1))])
        .node("Magic", "c", "unused", &[])
        .node("Add", "a b", "y", &[])
        .output("y");
    let import = import(&net, &[]).expect("legal");
    assert_eq!(import.left_out, ["1 nodes that no output depends on"]);
    let layers: Vec<_> = import.graph.layers().iter().map(|layer| (&layer.name[..], &layer.inputs[..])).collect();
    assert_eq!(layers, [("x", &[][..]), ("a", &[0]), ("b", &[0]), ("y", &[1, 2])]);
}

/// Weights in another file are not missed; a shape in another file is.
#[test]
fn contents_elsewhere_are_needed_for_shapes_only() {
    let elsewhere = |name: &str, dtype: u64, shape: &[i64]| {
        let entry = [field(1, "location"), field(2, "net.data")].concat();
        [tensor(name, dtype, shape, &[]), field(13, entry), number(14, 1)].concat()
    };
    let net = Net::new(&[1, 3, 4, 4]).with(5, elsewhere("w", FLOAT, &[2, 3, 1, 1])).node("Conv", "x w", "c", &[]);
    let net = net.with(5, elsewhere("shape", INT64, &[2]));
    assert_eq!(last(&net.clone().output("c")), (vec![2, 4, 4], 96, 6, 128));
    let error = refused(&net.node("Reshape", "c shape", "y", &[]).output("y"));
    assert!(error.starts_with("node 1 'y' (Reshape), input 1: is in another file"), "{error}");
}

/// One of each kind of bad file, and where the message says it is bad.
#[test]
fn bad_files_are_told_in_one_line() {
    let x = || Net::new(&[1, 3, 4, 4]);
    let relu = |net: Net| net.node("Relu", "x", "y", &[]).output("y");
    let named = |name: &str, inputs: &str, output: &str| node(name, "Relu", inputs, output, &[]);
    let foreign = |domain: &str| [named("", "x", "y"), field(7, domain)].concat();
    let conv =
        |w: &[i64], attributes: &[(&str, Value)]| x().weight("w", w).node("Conv", "x w", "y", attributes).output("y");
    let version = |version| Net { version: Some(version), ..relu(x()) };
    let huge = || x().weight("w", &[1 << 25, 3, 1, 1]).node("Conv", "x w", "c", &[]);
    for (net, words) in [
        (
            x().node("Magic", "x", "y", &[]).output("y"),
            "node 0 'y' (Magic): is operator 'Magic', which is not counted; export",
        ),
        (x().with(1, foreign("com.microsoft")).output("y"), "of domain 'com.microsoft', which is not counted"),
        (
            x().node("If", "x", "y", &[("then_branch", Value::Graph(Vec::new()))]).output("y"),
            "export the model without control flow",
        ),
        (x().node("Loop", "x", "y", &[]).output("y"), "export the model without control flow"),
        (x().node("Relu", "x", "y", &[("slope", Value::Int(1))]).output("y"), "attribute 'slope': is not known"),
        (conv(&[2, 4, 1, 1], &[]), "node 0 'y' (Conv): does not fit its weights in 1 groups: its inputs have shapes"),
        (conv(&[2, 3, 5, 5], &[]), "has a window of 5 on a padded size of 4"),
        (conv(&[2, 3, 1, 1], &[("group", Value::Int(0))]), "attribute 'group': is 0"),
        (conv(&[2, 3, 1, 1], &[("strides", ints(&[0, 1]))]), "attribute 'strides': is [0, 1]"),
        (conv(&[2, 3, 1, 1], &[("strides", ints(&[1]))]), "one for each axis"),
        (conv(&[2, 3, 1, 1], &[("pads", ints(&[1, 1]))]), "has 2 numbers for 2 axes"),
        (conv(&[2, 3, 1, 1], &[("pads", ints(&[i64::MAX; 4]))]), "computes a size"),
        (conv(&[2, 3, 1, 1], &[("group", Value::Text("1"))]), "attribute 'group': is not a whole number"),
        (conv(&[2, -3, 1, 1], &[]), "initializer 0 'w': has a shape with a size of -3"),
        (x().node("Add", "x z", "y", &[]).output("y"), "needs 'z', which nothing makes"),
        (
            x().node("Add", "x y", "z", &[]).node("Relu", "z", "y", &[]).output("y"),
            "a cycle, or a wrong order; list the nodes in topological order",
        ),
        (x().node("Relu", "a", "y", &[]).node("Relu", "x", "a", &[]).output("y"), "which node 1 'a' (Relu) makes"),
        (relu(x()).node("Relu", "x", "y", &[]), "node 1 'y' (Relu): makes 'y', which an earlier node makes"),
        (relu(x().weight("y", &[3])), "makes 'y', which is an input or stored"),
        (relu(x().weight("w", &[3]).weight("w", &[3])), "initializer 1 'w': has the name of an earlier one"),
        (relu(x().input("x", FLOAT, &[1])), "input 'x': names a tensor again"),
        (
            x().with(1, named("n", "x", "a")).with(1, named("n", "a", "y")).output("y"),
            "node 1 'n' (Relu): has the name of an earlier node",
        ),
        (relu(Net::new(&[8, 3])), "first axis of size 8; a batch holds one sample here; export"),
        (relu(Net::new(&[1, -3])), "axis 1: is -3"),
        (relu(Net::new(&[1, i64::MAX, 4])), "more than 2^50 numbers"),
        (relu(Net::new(&[1; 40])), "has a tensor of 40 axes"),
        (relu(Net::default().input("x", 8, &[1, 3])), "is a tensor of strings"),
        (relu(Net::default().input("x", 99, &[1, 3])), "has type 99"),
        (relu(Net::default().with(11, field(1, "x"))), "input 'x': is no tensor"),
        (
            huge().weight("v", &[1 << 25, 1 << 25, 1, 1]).node("Conv", "c v", "y", &[]).output("y"),
            "macs sum to more than 2^53",
        ),
        (huge().numbers("n", &[1, 1 << 30, 1, 1]).node("Tile", "c n", "y", &[]).output("y"), "more than 2^50 numbers"),
        (
            x().numbers("n", &[1, -1, 1, 1]).node("Tile", "x n", "y", &[]).output("y"),
            "computes a size that is negative",
        ),
        (x().numbers("s", &[5, -1]).node("Reshape", "x s", "y", &[]).output("y"), "cannot have shape [5, -1]"),
        (x().numbers("s", &[-1, -1]).node("Reshape", "x s", "y", &[]).output("y"), "cannot have shape [-1, -1]"),
        (x().node("Reshape", "x x", "y", &[]).output("y"), "input 1: depends on the data, and the shape depends on it"),
        (x().node("Transpose", "x", "y", &[("perm", ints(&[0, 0, 1, 2]))]).output("y"), "has a permutation"),
        (x().node("Concat", "x x", "y", &[("axis", Value::Int(9))]).output("y"), "names axis 9 of 4"),
        (x().node("NonZero", "x", "y", &[]).output("y"), "depends on the data"),
        (x().node("Shape", "x", "y", &[]).output("y"), "output 'y': depends on no input"),
        (
            relu(x()).with(12, value_info("y", FLOAT, &[1, 7])),
            "is declared as [1, 7], but its layers give [1, 3, 4, 4]",
        ),
        (x().output("x"), "layers: has 1 entries"),
        (x(), "graph.output: is empty"),
        (
            Net::default().weight("w", &[1, 3]).node("Relu", "w", "y", &[]).output("y"),
            "has no input that an output depends on",
        ),
        (relu(x().with(15, Vec::new())), "graph.sparse_initializer: is not read here"),
        (version(6), "is version 6, which is not read here; convert the model to a version from 7 to 28"),
        (version(99), "is version 99"),
        (
            x().with(5, tensor("s", INT64, &[3], &[0; 8])).node("Reshape", "x s", "y", &[]).output("y"),
            "does not hold the 3 numbers",
        ),
        (
            x().numbers("s", &[2]).node("Gather", "s s", "g", &[]).node("Reshape", "x g", "y", &[]).output("y"),
            "is 2, but the axis has size 1",
        ),
    ] {
        let error = refused(&net);
        assert!(error.contains(words) && !error.contains('\n'), "{error}\ninstead of: {words}");
    }
}

/// A file of two bytes a field decodes to much more, so fields are counted first; a name as long as the file is cut in the message.
#[test]
fn time_and_memory_are_bounded() {
    let nodes: Vec<u8> = field(1, "").repeat(1_000_001);
    let net = Net { graph: nodes, version: None };
    assert!(refused(&net).starts_with("has more than 1000000 fields"), "{}", refused(&net));
    let sizes = [tensor("w", FLOAT, &[], &[]), field(1, vec![1; 1_000_001])].concat();
    assert!(refused(&Net::default().with(5, sizes)).contains("fields"));
    let long = "n".repeat(1 << 20);
    let error = refused(&Net::new(&[1, 3]).with(1, node(&long, "Magic", "x", "y", &[])).output("y"));
    assert!(error.len() < 1000 && error.contains("nnn..."));
    // A thousand constants of 2^16 numbers, each the sum of the one before and itself.
    let mut net = Net::new(&[1, 3]).numbers("size", &[1 << 16]).node("ConstantOfShape", "size", "k0", &[]);
    for at in 0..1000 {
        net = net.node("Add", &format!("k{at} k{at}"), &format!("k{}", at + 1), &[]);
    }
    let error = refused(&net.node("Add", "x k1000", "y", &[]).output("y"));
    assert!(error.contains("exceeds the arithmetic on constants"), "{error}");
}

fn networks() -> Vec<Net> {
    let heads = [("q_num_heads", Value::Int(2)), ("kv_num_heads", Value::Int(2))];
    let shaped = Net::new(&[1, 4, 6])
        .numbers("zero", &[0])
        .numbers("minus", &[-1])
        .node("Attention", "x x x", "a", &heads)
        .node("Shape", "a", "s", &[])
        .node("Gather", "s zero", "n", &[])
        .node("Concat", "n minus", "t", &[("axis", Value::Int(0))])
        .node("Reshape", "a t", "f", &[])
        .weight("w", &[24, 3])
        .node("Gemm", "f w", "g", &[])
        .node("Split", "g", "p q r", &[("axis", Value::Int(1))])
        .output("p")
        .output("r");
    vec![residual(), shaped]
}

/// Whatever is cut off a file, the rest is told in one line or is a file.
#[test]
fn files_cut_short_are_told() {
    for net in networks() {
        let bytes = net.bytes();
        assert!(onnx::parse("net", bytes.clone(), &[]).is_ok());
        for end in 0..bytes.len() {
            if let Err(error) = onnx::parse("net", bytes[..end].to_vec(), &[]) {
                assert!(!error.remedy.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Files with changed, inserted and removed bytes.
    #[test]
    fn changed_files_are_graphs_or_are_told(
        which in 0usize..2,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..6),
    ) {
        let mut bytes = networks()[which].bytes();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Err(error) = onnx::parse("net", bytes, &[]) {
            prop_assert!(!error.remedy.is_empty() && !error.to_string().contains('\n'));
        }
    }

    /// Attributes and stored numbers of any value: sizes that overflow are told.
    #[test]
    fn changed_numbers_are_graphs_or_are_told(
        numbers in prop::collection::vec(prop_oneof![-3i64..9, any::<i64>()], 4),
        op in prop::sample::select(vec!["Reshape", "Tile", "Expand", "Slice", "Pad", "Resize", "Split", "Unsqueeze", "TopK", "ConstantOfShape"]),
        attribute in prop::sample::select(vec!["strides", "pads", "dilations", "kernel_shape"]),
    ) {
        let with_inputs = match op {
            "Slice" => "x n n n n",
            "Resize" => "x - - n",
            _ => "x n",
        };
        let net = Net::new(&[1, 3, 4, 4]).numbers("n", &numbers).node(op, with_inputs, "y z", &[]).output("y");
        prop_assert!(import(&net, &[]).map_or_else(|error| !error.is_empty(), |_| true));
        let net = Net::new(&[1, 3, 4, 4]).weight("w", &[2, 3, 3, 3]);
        let given = if attribute == "pads" { &numbers[..] } else { &numbers[..2] };
        let net = net.node("Conv", "x w", "y", &[(attribute, ints(given))]).output("y");
        prop_assert!(import(&net, &[]).map_or_else(|error| !error.is_empty(), |_| true));
        let net = Net::new(&numbers).node("MaxPool", "x", "y", &[(attribute, ints(given))]).output("y");
        prop_assert!(import(&net, &[]).map_or_else(|error| !error.is_empty(), |_| true));
    }

    /// Bytes nobody meant.
    #[test]
    fn random_bytes_are_told(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(onnx::parse("net", bytes, &[]).is_err());
    }
}
