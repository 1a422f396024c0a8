//! The program as a user meets it: the file it writes, and one line with exit code 2 for bad input.

use std::path::Path;
use std::process::{Command, Output};

use offcut_instances::dnn::machine_file::LayerTimes;
use offcut_instances::dnn::{file, zoo};
use prost::Message;
use tract_onnx::pb;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_offcut-measure");
    Command::new(program).args(arguments).current_dir(folder).output().expect("starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// One line on standard error that is not about progress, exit code 2.
fn refused(folder: &Path, arguments: &[&str], expected: &str) {
    let output = run(folder, arguments);
    let error = text(&output.stderr);
    let is_progress = |line: &&str| line.contains(" of ") && line.contains(": ") && !line.starts_with("error");
    let lines: Vec<&str> = error.lines().filter(|line| !line.starts_with("warning") && !is_progress(line)).collect();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(lines.len() == 1 && lines[0].contains(expected), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
}

/// An image of one channel.
fn value(name: &str) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dim = [1, 1, 4, 4].map(|size| Dimension { value: Some(Value::DimValue(size)), ..Default::default() }).to_vec();
    let elem_type = pb::tensor_proto::DataType::Float as i32;
    let tensor = pb::type_proto::Tensor { elem_type, shape: Some(pb::TensorShapeProto { dim }) };
    let of = pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() };
    pb::ValueInfoProto { name: name.into(), r#type: Some(of), ..Default::default() }
}

/// A model of one operator, as a file.
fn write_model(path: &Path, op: &str) {
    let kernel = pb::AttributeProto {
        name: "kernel_shape".into(),
        r#type: pb::attribute_proto::AttributeType::Ints as i32,
        ints: vec![1, 1],
        ..Default::default()
    };
    let node = pb::NodeProto {
        op_type: op.into(),
        name: "only".into(),
        input: vec!["x".into()],
        output: vec!["y".into()],
        attribute: if op.ends_with("Pool") { vec![kernel] } else { Vec::new() },
        ..Default::default()
    };
    let graph = pb::GraphProto {
        node: vec![node],
        input: vec![value("x")],
        output: vec![value("y")],
        name: "one".into(),
        ..Default::default()
    };
    let model = pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
        ..Default::default()
    };
    std::fs::write(path, model.encode_to_vec()).expect("room");
}

#[test]
fn a_machine_is_written_and_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write_model(&path.join("one.onnx"), "Relu");
    let limits = ["--repetitions", "3", "--seconds", "20", "--threads", "1,2", "--name", "mine"];
    let arguments: Vec<&str> = ["squeezenet1_1", "one.onnx", "-o", "m.json"].into_iter().chain(limits).collect();
    let output = run(path, &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    for expected in ["squeezenet1_1", "sum / whole", "s per GMAC", "parallel fraction", "wrote m.json"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
    let machine = LayerTimes::named(path.join("m.json").to_str().expect("UTF-8")).expect("valid");
    let graph = zoo::graph("squeezenet1_1").expect("in the zoo");
    let seconds = machine.layer_s(&graph).expect("measured");
    let working = graph.layers().iter().zip(&seconds).filter(|(layer, _)| layer.macs > 0);
    assert!(working.clone().count() == 26 && working.clone().all(|(_, seconds)| *seconds > 0.0), "{seconds:?}");
    let one = file::named_graph(path.join("one.onnx").to_str().expect("UTF-8")).expect("read");
    assert!(machine.layer_s(&one).is_ok_and(|seconds| seconds.len() == 2));
    assert_eq!(machine.speedups().map(<[f64]>::len), Some(2));
    let LayerTimes::Measured(profile) = machine else { panic!("measured") };
    let provenance = profile.provenance.expect("measured here");
    assert_eq!((profile.machine.as_str(), provenance.engine.as_str(), provenance.threads), ("mine", "tract", 1));
    assert!(profile.models.iter().all(|model| model.whole.len() == 2 && model.whole[0].repetitions == 3));
    let compared = run(path, &["compare", "m.json", "m.json"]);
    assert!(compared.status.success());
    assert!(text(&compared.stdout).contains("(100.0 %)"), "{}", text(&compared.stdout));
    refused(path, &arguments, "m.json");
}

#[test]
fn bad_input_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("text.onnx"), "this is text").expect("room");
    std::fs::write(path.join("cut.onnx"), [8, 8, 58, 200]).expect("room");
    std::fs::write(path.join("graph.json"), "{}").expect("room");
    write_model(&path.join("operator.onnx"), "Thingummy");
    for (arguments, expected) in [
        (&["nonet", "-o", "m.json"][..], "nonet"),
        (&["missing.onnx", "-o", "m.json"], "missing.onnx"),
        (&["text.onnx", "-o", "m.json"], "text.onnx"),
        (&["cut.onnx", "-o", "m.json"], "cut.onnx"),
        (&["operator.onnx", "-o", "m.json"], "Thingummy"),
        (&["graph.json", "-o", "m.json"], "graph.json"),
        (&["alexnet", "-o", "no/folder/m.json"], "no/folder"),
        (&["alexnet"], "--output"),
        (&["-o", "m.json"], "MODEL"),
        (&["alexnet", "-o", "m.json", "--repetitions", "0"], "repetitions"),
        (&["alexnet", "-o", "m.json", "--repetitions", "-1"], "-1"),
        (&["alexnet", "-o", "m.json", "--threads", "0"], "threads"),
        (&["alexnet", "-o", "m.json", "--threads", "1,1000000"], "threads"),
        (&["alexnet", "-o", "m.json", "--threads", "2,1,2"], "once"),
        (&["alexnet", "-o", "m.json", "--seconds", "0"], "seconds"),
        (&["alexnet", "-o", "m.json", "--seconds", "nan"], "seconds"),
        (&["alexnet", "-o", "m.json", "--name", ""], "name"),
        (&["compare", "graph.json", "graph.json"], "graph.json"),
        (&["compare", "none.json", "none.json"], "none.json"),
        (&["compare", "raspberry-pi-4", "raspberry-pi-4"], "not measured"),
    ] {
        refused(path, arguments, expected);
        assert!(!path.join("m.json").exists());
    }
    let same = ["squeezenet1_1", "squeezenet1_1", "-o", "m.json", "--repetitions", "1"];
    refused(path, &same, "twice");
}

#[test]
fn an_operator_that_the_engine_cannot_run_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    // Offcut counts it, the engine does not know it.
    write_model(&folder.path().join("one.onnx"), "LpPool");
    refused(folder.path(), &["one.onnx", "-o", "m.json"], "LpPool");
}
