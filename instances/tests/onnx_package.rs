//! The nine networks of the Python package onnx against the zoo, against the papers' tables, and against the package's own shape inference.
//!
//! `bench/onnx/install` installs the package; without it these tests say that they were skipped. The networks are Caffe's and Caffe2's, exported without weights:
//! contents are filled from a stored shape. What differs from the zoo, which has torchvision's definitions, is built here from the definition, or is counted apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use offcut_instances::dnn::{Builder, Chain, Conv, Graph, Node, Op, Window, onnx, zoo};

/// The nine, without `light_` and `.onnx`.
const NINE: [&str; 9] = [
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
];

/// The package's Python, if it is installed; if not, says so.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/onnx/bin/python");
    if python.is_file() {
        return Some(python);
    }
    eprintln!(
        "SKIPPED: no Python package onnx, so its nine networks were not imported (bench/onnx/install installs it)."
    );
    None
}

fn count(python: &Path, arguments: &[&Path]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/onnx/count.py");
    let output = Command::new(python).arg(script).args(arguments).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The file of one of the nine.
fn file(python: &Path, name: &str) -> PathBuf {
    Path::new(count(python, &[]).trim()).join(format!("light_{name}.onnx"))
}

fn import(path: &Path) -> Graph {
    let import = onnx::read(path, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(import.left_out, [] as [&str; 0], "{}", path.display());
    import.graph
}

/// What cuts of a chain offer: work on the device, and bytes sent. Layers without work that keep the size offer nothing new, nor does what comes after all work (a softmax).
fn choices(chain: &Chain) -> Vec<(u64, u64)> {
    let mut done = 0;
    let work = chain.blocks.iter().map(|block| {
        done += block.macs;
        done
    });
    let mut choices: Vec<_> = std::iter::once(0).chain(work).zip(chain.cut_bytes.iter().copied()).collect();
    choices.retain(|(macs, _)| *macs < chain.macs());
    choices.dedup();
    choices
}

fn params_of(graph: &Graph, ops: &[Op]) -> u64 {
    graph.layers().iter().filter(|layer| ops.contains(&layer.op)).map(|layer| layer.params).sum()
}

/// All shapes of all layers, MACs and parameters are those counted from the package's shape inference; Inception-v2 and ShuffleNet, which are not in the zoo, are held to nothing else.
#[test]
fn the_nine_have_the_numbers_of_the_packages_inference() {
    let Some(python) = python() else { return };
    for name in NINE {
        let path = file(&python, name);
        let graph = import(&path);
        let counted: serde_json::Value = serde_json::from_str(&count(&python, &[&path])).expect("JSON");
        assert_eq!(Some(graph.macs()), counted["macs"].as_u64(), "{name}");
        assert_eq!(Some(graph.params()), counted["params"].as_u64(), "{name}");
        let shapes: BTreeMap<String, Vec<usize>> =
            serde_json::from_value(counted["shapes"].clone()).expect("shapes by name");
        for layer in &graph.layers()[1..] {
            let shape = shapes.get(&layer.name).unwrap_or_else(|| panic!("{name}: {} has no shape", layer.name));
            assert_eq!((shape[0], &shape[1..]), (1, &layer.shape[..]), "{name}: {}", layer.name);
            assert_eq!(layer.out_bytes, shape.iter().product::<usize>() as u64 * 4, "{name}: {}", layer.name);
        }
    }
}

/// VGG-19, ResNet-50 and SqueezeNet 1.1: parameters, MACs and what cuts offer are the zoo's.
#[test]
fn three_of_the_nine_are_the_zoos() {
    let Some(python) = python() else { return };
    for (name, ours) in [("vgg19", "vgg19"), ("resnet50", "resnet50"), ("squeezenet", "squeezenet1_1")] {
        let (graph, ours) = (import(&file(&python, name)), zoo::graph(ours).expect("it is in the zoo"));
        assert_eq!((graph.params(), graph.macs()), (ours.params(), ours.macs()), "{name}");
        assert_eq!(choices(&graph.chain()), choices(&ours.chain()), "{name}");
    }
}

/// Caffe writes a batch normalisation as two layers, the second of which scales and shifts again, as `Mul` and `Add`. Without them, DenseNet-121 is the zoo's.
#[test]
fn densenet_has_a_second_scale_and_shift_for_each_normalisation() {
    let Some(python) = python() else { return };
    let (graph, ours) = (import(&file(&python, "densenet121")), zoo::graph("densenet121").expect("it is in the zoo"));
    let again = params_of(&graph, &[Op::Mul, Op::Add]);
    assert_eq!(again, params_of(&graph, &[Op::Norm]));
    assert_eq!(again, params_of(&ours, &[Op::Norm]));
    assert_eq!(graph.params() - again, ours.params());
    assert_eq!(graph.macs(), ours.macs());
    let (more, fewer) = (choices(&graph.chain()), choices(&ours.chain()));
    assert!(fewer.iter().all(|choice| more.contains(choice)));
    // Caffe puts the features of each layer beside those before, which are one tensor then; the zoo, as torchvision, keeps a dense block's features apart up to the end of the block.
    let concatenations = graph.layers().iter().filter(|layer| layer.op == Op::Concat).count();
    assert_eq!((concatenations, more.len() - fewer.len()), (58, 58 - 4));
}

/// Caffe's AlexNet is the paper's, in two groups; the zoo's is torchvision's, in one group, with fewer filters and a padding.
#[test]
fn alexnet_is_that_of_its_paper() {
    let Some(python) = python() else { return };
    let mut b = Builder::new("alexnet", &[3, 224, 224]);
    let pool = Window::new(3).stride(2);
    let mut x = b.conv("conv1", b.input(), Conv::new(96, 11).stride(4));
    x = b.max_pool("pool1", x, pool);
    x = b.conv("conv2", x, Conv::new(256, 5).padding(2).groups(2));
    x = b.max_pool("pool2", x, pool);
    x = b.conv("conv3", x, Conv::new(384, 3).padding(1));
    x = b.conv("conv4", x, Conv::new(384, 3).padding(1).groups(2));
    x = b.conv("conv5", x, Conv::new(256, 3).padding(1).groups(2));
    x = b.max_pool("pool5", x, pool.ceil());
    is_classified_as(b, x, [4096, 4096, 1000], &import(&file(&python, "bvlc_alexnet")));
}

/// ZFNet with 512 channels in its last convolutions, and the second linear layer of 1024: not in the zoo.
#[test]
fn zfnet_is_as_defined() {
    let Some(python) = python() else { return };
    let mut b = Builder::new("zfnet512", &[3, 224, 224]);
    let pool = Window::new(3).stride(2);
    let mut x = b.conv("conv1", b.input(), Conv::new(96, 7).stride(2));
    x = b.max_pool("pool1", x, pool);
    x = b.conv("conv2", x, Conv::new(256, 5).stride(2));
    x = b.max_pool("pool2", x, pool);
    for name in ["conv3", "conv4", "conv5"] {
        x = b.conv(name, x, Conv::new(512, 3).padding(1));
    }
    x = b.max_pool("pool5", x, Window::new(2).stride(2));
    is_classified_as(b, x, [4096, 1024, 1000], &import(&file(&python, "zfnet512")));
}

/// Three linear layers follow, and the whole is `graph`.
fn is_classified_as(mut b: Builder, x: Node, widths: [usize; 3], graph: &Graph) {
    let mut x = b.flatten("flatten", x);
    for (i, width) in (6..).zip(widths) {
        x = b.linear(&format!("fc{i}"), x, width);
    }
    let ours = b.finish();
    assert_eq!((graph.params(), graph.macs()), (ours.params(), ours.macs()));
    assert_eq!(choices(&graph.chain()), choices(&ours.chain()));
}

/// The paper's GoogLeNet: with 5 x 5 convolutions and biases. The zoo's is torchvision's, with 3 x 3 instead and batch normalisations. The
/// file's poolings round sizes down, to 55, 27, 13 and 6; the paper's and torchvision's round up, to 56, 28, 14 and 7.
#[test]
fn inception_v1_is_that_of_its_paper() {
    let Some(python) = python() else { return };
    let graph = import(&file(&python, "inception_v1"));
    let pool = Window::new(3).stride(2);
    let mut b = Builder::new("inception_v1", &[3, 224, 224]);
    let mut x = b.conv("conv1", b.input(), Conv::new(64, 7).stride(2).padding(3));
    x = b.max_pool("pool1", x, pool);
    x = b.conv("conv2.reduce", x, Conv::new(64, 1));
    x = b.conv("conv2", x, Conv::new(192, 3).padding(1));
    x = b.max_pool("pool2", x, pool);
    for (i, widths) in TABLE_1.into_iter().enumerate() {
        x = inception(&mut b, i, x, widths);
        if [1, 6].contains(&i) {
            x = b.max_pool(&format!("inception{i}.last"), x, pool);
        }
    }
    x = b.adaptive_pool("pool", x, 1);
    x = b.flatten("flatten", x);
    b.linear("fc", x, 1000);
    let ours = b.finish();
    assert_eq!((graph.params(), graph.macs()), (ours.params(), ours.macs()));
    assert_eq!(choices(&graph.chain()), choices(&ours.chain()));
}

/// Szegedy et al. 2015, table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
const TABLE_1: [[usize; 6]; 9] = [
    [64, 96, 128, 16, 32, 32],
    [128, 128, 192, 32, 96, 64],
    [192, 96, 208, 16, 48, 64],
    [160, 112, 224, 24, 64, 64],
    [128, 128, 256, 24, 64, 64],
    [112, 144, 288, 32, 64, 64],
    [256, 160, 320, 32, 128, 128],
    [256, 160, 320, 32, 128, 128],
    [384, 192, 384, 48, 128, 128],
];

fn inception(b: &mut Builder, i: usize, x: Node, widths: [usize; 6]) -> Node {
    let at = |what: &str| format!("inception{i}.{what}");
    let one = b.conv(&at("1x1"), x, Conv::new(widths[0], 1));
    let three = b.conv(&at("3x3.reduce"), x, Conv::new(widths[1], 1));
    let three = b.conv(&at("3x3"), three, Conv::new(widths[2], 3).padding(1));
    let five = b.conv(&at("5x5.reduce"), x, Conv::new(widths[3], 1));
    let five = b.conv(&at("5x5"), five, Conv::new(widths[4], 5).padding(2));
    let pooled = b.max_pool(&at("pool"), x, Window::new(3).padding(1));
    let pooled = b.conv(&at("pool.proj"), pooled, Conv::new(widths[5], 1));
    b.concat(&at("concat"), &[one, three, five, pooled])
}

/// What is refused of operators that are counted, by the words of the message.
const REFUSED: [&str; 14] = [
    "is version 1, which is not read here",
    "names no version of the standard operators",
    "depends on no input",
    "depends on the data",
    "which is empty",
    "an output of node 1",
    "has a cache of keys and values",
    "attribute 'qk_matmul_output_mode': is not known",
    "attribute 'left_window_size': is not known",
    "attribute 'training_mode': is not 0",
    "attribute 'layout': is not 0",
    "attribute 'keep_aspect_ratio_policy': is not 'stretch'",
    "a term needs a letter for each axis",
    "which is not counted; export the model",
];

/// The package's own cases of every operator: the shapes of all results are those that the package computed, because a file whose outputs differ from what it declares is refused.
#[test]
fn operators_give_the_shapes_of_the_packages_cases() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/onnx/operators.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut good, mut refused, mut wrong) = (0, 0, Vec::new());
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let (case, _) = line.split_once(' ').expect("a case and its operator");
        match onnx::read(&folder.path().join(format!("{case}.onnx")), &[]).map_err(|error| error.to_string()) {
            Ok(_) => good += 1,
            Err(error) if REFUSED.iter().any(|words| error.contains(words)) => refused += 1,
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{good} good, {refused} refused, wrong:\n{}", wrong.join("\n"));
    assert!(good >= 767, "only {good} good");
}
