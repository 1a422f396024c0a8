//! Prefix and suffix of a network give what the whole gives: a chain, a network with residual branches, an ONNX file.

use std::path::PathBuf;
use std::sync::Arc;

use offcut_instances::dnn::{Builder, Conv, Function, Graph, Network as Definition, Op, Window};
use offcut_measure::engine::{Network, Tensor, bytes, largest_difference, tensor};

const CLOSE: f64 = 1e-5;

fn chain() -> Definition {
    let mut b = Builder::new("chain", &[3, 32, 32]);
    let x = b.conv("conv1", b.input(), Conv::new(8, 3).padding(1));
    let x = b.relu("relu1", x);
    let x = b.max_pool("pool1", x, Window::new(3).stride(2).ceil());
    let x = b.conv("conv2", x, Conv::new(16, [1, 3]).padding([0, 1]).stride(2));
    let x = b.batch_norm("norm2", x);
    let x = b.activation("act2", x, Function::HardSwish);
    let x = b.adaptive_pool("pool", x, 1);
    let x = b.flatten("flatten", x);
    b.linear("fc", x, 10);
    b.network()
}

fn residual() -> Definition {
    let mut b = Builder::new("residual", &[3, 24, 24]);
    let x = b.conv("stem", b.input(), Conv::new(8, 3).padding(1));
    let y = b.conv("left", x, Conv::new(8, 3).padding(1).groups(8));
    let y = b.activation("left.act", y, Function::Silu);
    let z = b.conv("right", x, Conv::new(8, 1));
    let x = b.add("add", &[y, z, x]);
    let w = b.avg_pool("branch", x, Window::new(3).padding(1));
    let x = b.concat("concat", &[x, w]);
    let gate = b.adaptive_pool("gate.pool", x, 1);
    let gate = b.conv("gate.conv", gate, Conv::new(16, 1));
    let gate = b.activation("gate", gate, Function::Sigmoid);
    let x = b.scale("scale", x, gate);
    b.flatten("flatten", x);
    b.network()
}

fn attention() -> Definition {
    let mut b = Builder::new("attention", &[6]);
    let x = b.embedding("words", b.input(), 50, 16);
    let x = b.add_rows("positions", x, 6);
    let y = b.layer_norm("norm", x);
    let y = b.linear("qkv", y, 48);
    let qkv = [("q", 0..16), ("k", 16..32), ("v", 32..48)].map(|(name, columns)| b.columns(name, y, columns));
    let y = b.attention("attention", qkv, 4);
    let x = b.add("add", &[x, y]);
    let x = b.activation("gelu", x, Function::Gelu);
    b.tied_linear("head", x, 50);
    b.network()
}

/// Runs prefix and suffix of every cut, the tensors sent as bytes; the largest difference to the whole.
fn worst_cut(network: &Network, cuts: impl IntoIterator<Item = usize>) -> f64 {
    // A softmax at the end hides differences.
    let layers = network.graph().layers().len();
    let is_softmax = network.graph().layers()[layers - 1].op == Op::Activation;
    let layers = if is_softmax { layers - 1 } else { layers };
    let mut whole = network.part(0..layers).expect("runs");
    let inputs = Network::random_inputs(&whole, 1).expect("numbers");
    let expected = whole.run(&inputs).expect("runs");
    // Random weights neither vanish nor overflow: another input has another output.
    let others = Network::random_inputs(&whole, 2).expect("numbers");
    let other = largest_difference(&expected[0], &whole.run(&others).expect("runs")[0]).expect("numbers");
    assert!((10.0 * CLOSE..1e3).contains(&other), "{}: {other}", network.graph().name());
    let mut worst = 0.0f64;
    for cut in cuts {
        let (mut prefix, mut suffix) =
            (network.part(0..cut).expect("prefix"), network.part(cut..layers).expect("suffix"));
        assert_eq!(prefix.outputs(), suffix.inputs(), "cut {cut}");
        assert!(prefix.outputs().iter().all(|wire| wire.layer < cut), "cut {cut}");
        assert_eq!(prefix.inputs(), whole.inputs(), "cut {cut}");
        let sent: Vec<Vec<u8>> = prefix.run(&inputs).expect("runs").iter().map(|t| bytes(t).expect("plain")).collect();
        let received = suffix.inputs().iter().zip(&sent).map(|(wire, sent)| tensor(wire, sent).expect("fits"));
        let received: Vec<Arc<Tensor>> = received.collect();
        let outputs = suffix.run(&received).expect("runs");
        assert_eq!(outputs.len(), expected.len());
        for (one, other) in expected.iter().zip(&outputs) {
            worst = worst.max(largest_difference(one, other).expect("numbers"));
        }
    }
    worst
}

#[test]
fn a_chain_is_cut_everywhere() {
    let network = Network::of(&chain(), 7).expect("runs");
    assert!(worst_cut(&network, 1..10) <= CLOSE);
    let sent = network.part(0..4).expect("prefix").outputs()[0].bytes as u64;
    assert_eq!(sent, network.graph().layers()[3].out_bytes);
}

#[test]
fn branches_are_cut_everywhere() {
    let network = Network::of(&residual(), 7).expect("runs");
    let layers = network.graph().layers().len();
    assert!(worst_cut(&network, 1..layers) <= CLOSE);
    // Between the branches, both tensors cross; each once, though three layers read them.
    let prefix = network.part(0..4).expect("prefix");
    assert_eq!(prefix.outputs().iter().map(|wire| wire.layer).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn attention_is_cut_everywhere() {
    let network = Network::of(&attention(), 7).expect("runs");
    let layers = network.graph().layers().len();
    assert!(worst_cut(&network, 1..layers) <= CLOSE);
}

#[test]
fn three_parts_in_a_row() {
    let network = Network::of(&chain(), 7).expect("runs");
    let layers = network.graph().layers().len();
    let mut whole = network.whole().expect("runs");
    let mut tensors = Network::random_inputs(&whole, 1).expect("numbers");
    let expected = whole.run(&tensors).expect("runs");
    for range in [0..3, 3..6, 6..layers] {
        tensors = network.part(range).expect("part").run(&tensors).expect("runs");
    }
    assert!(largest_difference(&expected[0], &tensors[0]).expect("numbers") <= CLOSE);
}

#[test]
fn the_zoo_is_cut() {
    for name in ["squeezenet1_1", "mobilenet_v3_large"] {
        let network = Network::open(name, 0).expect("in the zoo");
        let cuts: Vec<usize> = network.graph().cut_points().iter().map(|v| v + 1).step_by(9).collect();
        let cuts = cuts.into_iter().filter(|&cut| cut < network.graph().layers().len());
        assert!(worst_cut(&network, cuts) <= CLOSE, "{name}");
    }
}

/// The networks of the Python package onnx, or `None` if it is not installed.
fn onnx_networks() -> Option<Vec<PathBuf>> {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.tools/onnx/lib");
    let packages = std::fs::read_dir(std::env::var_os("OFFCUT_ONNX_LIB").map_or(tools, PathBuf::from)).ok()?;
    let folder = packages
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages/onnx/backend/test/data/light")))
        .find(|folder| folder.exists())?;
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    files.sort();
    Some(files)
}

#[test]
fn onnx_files_without_weights_are_cut() {
    let Some(files) = onnx_networks() else {
        eprintln!("SKIPPED: the Python package onnx is not installed; bench/onnx/install does it");
        return;
    };
    assert_eq!(files.len(), 9);
    for path in files {
        let network = Network::open(path.to_str().expect("UTF-8"), 0).unwrap_or_else(|error| panic!("{error:#}"));
        let points: Vec<usize> = network.graph().cut_points().iter().map(|v| v + 1).collect();
        let cuts = [1, points[points.len() / 3], points[2 * points.len() / 3]];
        let worst = worst_cut(&network, cuts);
        assert!(worst <= CLOSE, "{}: {worst}", path.display());
    }
}

#[test]
fn layers_have_operators_and_times() {
    let network = Network::of(&residual(), 7).expect("runs");
    let mut whole = network.whole().expect("runs");
    let inputs = Network::random_inputs(&whole, 1).expect("numbers");
    let run = whole.timed(&inputs).expect("runs");
    let graph: &Graph = network.graph();
    assert_eq!(run.layer_s.len(), graph.layers().len());
    assert!(run.layer_s.iter().sum::<f64>() <= run.total_s);
    let own = whole.own_layers();
    for (v, layer) in graph.layers().iter().enumerate().filter(|(_, layer)| layer.macs > 0) {
        assert!(own.contains(&v) && run.layer_s[v] > 0.0, "{}", layer.name);
    }
    let again = whole.run(&inputs).expect("runs");
    assert_eq!(largest_difference(&run.outputs[0], &again[0]).expect("numbers"), 0.0);
    whole.set_threads(2);
    let parallel = whole.run(&inputs).expect("runs");
    assert!(largest_difference(&again[0], &parallel[0]).expect("numbers") <= CLOSE);
    assert!(whole.run(&[]).is_err());
}

#[test]
fn sets_that_are_no_ranges_are_cut() {
    let network = Network::of(&residual(), 7).expect("runs");
    let layers = network.graph().layers();
    let mut whole = network.whole().expect("runs");
    let inputs = Network::random_inputs(&whole, 1).expect("numbers");
    let expected = whole.run(&inputs).expect("runs");
    // One layer at a time is left out, with all that depend on it.
    for left_out in 1..layers.len() {
        let mut is_in = vec![true; layers.len()];
        for (v, layer) in layers.iter().enumerate() {
            is_in[v] = v != left_out && layer.inputs.iter().all(|&from| is_in[from]);
        }
        let others: Vec<bool> = is_in.iter().map(|is| !is).collect();
        let mut first = network.part_of(&is_in).expect("first");
        let mut second = network.part_of(&others).expect("second");
        assert_eq!(first.outputs(), second.inputs(), "{left_out}");
        let outputs = second.run(&first.run(&inputs).expect("runs")).expect("runs");
        assert!(largest_difference(&expected[0], &outputs[0]).expect("numbers") <= CLOSE, "{left_out}");
    }
}
