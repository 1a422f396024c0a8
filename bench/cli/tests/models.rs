//! Models from files: `offcut models import`, and files wherever a name of the zoo stands.

mod common;
#[path = "../../../instances/tests/onnx_writer/mod.rs"]
mod onnx_writer;

use std::path::Path;

use common::offcut;
use onnx_writer::{FLOAT, Net, Value};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value as Json;

/// Two convolutions with a shortcut, a mean and a linear layer; the batch is dynamic if a name is given.
fn network(batch: Option<&str>) -> Net {
    let net = match batch {
        Some(name) => Net::default().dynamic_input("x", FLOAT, &[name, "channels", "side", "side"]),
        None => Net::new(&[1, 3, 32, 32]),
    };
    let same = [("pads", Value::Ints(vec![1; 4]))];
    net.weight("w1", &[16, 3, 3, 3])
        .weight("w2", &[16, 16, 3, 3])
        .weight("fc", &[10, 16])
        .node("Conv", "x w1", "c1", &same)
        .node("Relu", "c1", "r", &[])
        .node("Conv", "r w2", "c2", &same)
        .node("Add", "c2 r", "s", &[])
        .node("GlobalAveragePool", "s", "p", &[])
        .node("Flatten", "p", "f", &[])
        .node("Gemm", "f fc", "y", &[("transB", Value::Int(1))])
        .output("y")
}

fn write(folder: &Path, name: &str, net: &Net) {
    std::fs::write(folder.join(name), net.bytes()).expect("room");
}

/// What a command prints that succeeds.
fn printed(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    offcut(folder).args(arguments).assert().success().get_output().stdout.clone()
}

#[test]
fn a_file_is_imported_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.onnx", &network(None));
    write(path, "open.onnx", &network(Some("batch")));
    let macs = 1024 * 16 * 27 + 1024 * 16 * 144 + 160;
    let told = contains("net.json: 8 layers, 7 cut points, 2,896 params, 2,801,824 MACs, input 12.0 KiB");
    assert_eq!(macs, 2_801_824);
    offcut(path).args(["models", "import", "net.onnx", "-o", "net.json"]).assert().success().stderr(told);
    let graph: Json = serde_json::from_slice(&std::fs::read(path.join("net.json")).expect("written")).expect("JSON");
    assert_eq!(graph["layers"][4]["inputs"], serde_json::json!([3, 2]));
    for arguments in
        [&["models", "import", "net.onnx"][..], &["models", "net.onnx", "--json"], &["models", "net.json", "--json"]]
    {
        assert_eq!(serde_json::from_slice::<Json>(&printed(path, arguments)).expect("JSON"), graph, "{arguments:?}");
    }
    let axes = ["--axis", "batch=1", "--axis", "channels=3", "--axis", "side=32"];
    let open: Json = serde_json::from_slice(&printed(path, &[&["models", "import", "open.onnx"], &axes[..]].concat()))
        .expect("JSON");
    assert_eq!(open["layers"], graph["layers"]);
    offcut(path).args(["models", "net.json"]).assert().success().stdout(contains("after block").and(contains("pay")));
    offcut(path).args(["models", "net.onnx", "--layers"]).assert().success().stdout(contains("linear"));
    offcut(path)
        .args(["models", "import", "net.onnx", "-o", "net.json"])
        .assert()
        .code(2)
        .stderr(contains("remove the file first"));
    offcut(path).args(["models", "--help"]).assert().success().stdout(contains("models import net.onnx -o net.json"));
}

/// A file stands where a name of the zoo does, in all four problems, beside such names too. Instances tell the graph by name and hash, and are the same wherever the file is.
#[test]
fn a_file_stands_for_a_name_in_every_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.onnx", &network(None));
    printed(path, &["models", "import", "net.onnx", "-o", "net.json"]);
    let elsewhere = path.join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("room");
    for problem in ["multiuser", "throughput", "jpdra", "lymdo"] {
        let generate = |folder: &Path, models: &str| {
            printed(folder, &["generate", problem, "--seed", "3", "--set", &format!("models={models}")])
        };
        let bytes = generate(path, r#"["net.onnx"]"#);
        assert_eq!(bytes, generate(path, r#"["net.json"]"#), "{problem}");
        assert_eq!(bytes, generate(&elsewhere, r#"["../net.onnx"]"#), "{problem}");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(text.contains("net@") && !text.contains(".onnx") || problem == "lymdo", "{problem}: {text}");
        let mixed = String::from_utf8(generate(path, r#"["net.onnx","alexnet"]"#)).expect("UTF-8");
        assert!(!mixed.contains(".onnx"), "{problem}: {mixed}");
        let method = match problem {
            "multiuser" => "threshold",
            _ => "branch",
        };
        std::fs::write(path.join(format!("{problem}.json")), &text).expect("room");
        let file = format!("{problem}.json");
        let few = ["solve", &file, "--method", method, "--time", "2"];
        offcut(path).args(few).assert().success();
    }
}

/// A suite names files relative to the working directory.
#[test]
fn a_suite_takes_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.onnx", &network(None));
    let suite = r#"{"offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Mine", "budget": {"time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0}, "order_seed": 1,
        "studies": [{"name": "mine", "title": "Mine", "families": ["zoo"], "set": {"models": ["net.onnx"], "users": 4},
                     "seeds": [1], "methods": ["threshold", "iao"]}]}}"#;
    std::fs::write(path.join("suite.json"), suite).expect("room");
    offcut(path).args(["run", "suite.json", "--folder", "run"]).assert().success();
    let rows = std::fs::read_to_string(path.join("run/rows.jsonl")).expect("rows");
    assert_eq!(rows.lines().count(), 2);
    offcut(path).args(["check", "run"]).assert().success();
}

/// Bad input is one line with the file, the place and the remedy, exit code 2.
#[test]
fn bad_models_are_told_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let net = network(None);
    write(path, "net.onnx", &net);
    write(path, "open.onnx", &network(Some("batch")));
    write(path, "magic.onnx", &Net::new(&[1, 3]).node("Magic", "x", "y", &[]).output("y"));
    write(path, "idle.onnx", &Net::new(&[1, 3]).node("Relu", "x", "y", &[]).output("y"));
    let bytes = net.bytes();
    std::fs::write(path.join("short.onnx"), &bytes[..bytes.len() - 9]).expect("room");
    std::fs::write(path.join("text.onnx"), "hello, world\n").expect("room");
    std::fs::write(path.join("empty.onnx"), "").expect("room");
    std::fs::write(path.join("bad.json"), r#"{"name": "x", "layers": [], "more": 1}"#).expect("room");
    std::fs::create_dir(path.join("folder.onnx")).expect("room");
    // Holes take no room: 3 GiB that begin as a model does.
    std::fs::write(path.join("large.onnx"), &bytes).expect("room");
    let large = std::fs::File::options().write(true).open(path.join("large.onnx")).expect("there");
    large.set_len(3 << 30).expect("room");
    for (arguments, words) in [
        (&["models", "magic.onnx"][..], "magic.onnx: node 0 'y' (Magic): is operator 'Magic', which is not counted"),
        (
            &["models", "import", "open.onnx"],
            "open.onnx: input 'x', axis 0: 'batch' is dynamic; fix it: offcut models import",
        ),
        (&["models", "import", "open.onnx", "--axis", "batch"], "write --axis NAME=SIZE"),
        (&["models", "import", "net.onnx", "--axis", "batch=1"], "leave it out: all axes have fixed sizes"),
        (&["models", "short.onnx"], "short.onnx: is not an ONNX model"),
        (&["models", "text.onnx"], "text.onnx: is not an ONNX model"),
        (&["models", "empty.onnx"], "empty.onnx: is empty"),
        (&["models", "large.onnx"], "large.onnx: is larger than 2147483647 bytes"),
        (&["models", "folder.onnx"], "folder.onnx: is not a file"),
        (&["models", "none.onnx"], "none.onnx: cannot be read"),
        (&["models", "none.json"], "none.json: cannot be read"),
        (&["models", "bad.json"], "bad.json: more: unknown field `more`"),
        (&["models", "net"], "or give the path of an .onnx or .json file"),
        (
            &["generate", "multiuser", "--set", r#"models=["open.onnx"]"#],
            "open.onnx: parameter 'models': input 'x', axis 0",
        ),
        (&["generate", "jpdra", "--set", r#"models=["idle.onnx"]"#], "'idle.onnx' has no MACs"),
        (&["generate", "lymdo", "--set", r#"models=[]"#], "parameter 'models': is empty"),
        (
            &["generate", "throughput", "--set", r#"models=["none.json"]"#],
            "none.json: parameter 'models': cannot be read",
        ),
    ] {
        let one_line = predicate::function(|text: &str| text.trim_end().lines().count() == 1);
        let told = contains(words).and(contains("panicked").not()).and(one_line);
        offcut(path).args(arguments).assert().code(2).stderr(told);
    }
}

/// A machine with a time of every layer of `net.onnx` that has work.
fn machine(folder: &Path, name: &str, file: &str, seconds: f64) {
    let rows: String = ["c1", "c2", "y"].iter().map(|layer| format!("{layer},{seconds}\n")).collect();
    std::fs::write(folder.join("times.csv"), format!("layer,seconds\n{rows}")).expect("room");
    let import = ["machines", "import", "net.onnx=times.csv", "--name", name, "-o", file];
    offcut(folder).args(import).assert().success();
}

#[test]
fn machines_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.onnx", &network(None));
    machine(path, "mine", "slow.json", 0.5);
    machine(path, "mine", "fast.json", 0.25);
    // Two machines of one name: whose times would count?
    let generate = |devices: &str, server: &str| {
        let set = [format!("devices={devices}"), format!("server={server}")];
        let fixed =
            ["generate", "multiuser", "--set", "models=[\"net.onnx\"]", "--set", "work=seconds", "-o", "made.json"];
        offcut(path).args(fixed).args(["--set", &set[0], "--set", &set[1]]).assert()
    };
    let told = || contains("'mine' is the name of another machine").and(contains("--name"));
    generate(r#"["slow.json","fast.json"]"#, "edge-gpu").code(2).stderr(told());
    generate(r#"["slow.json"]"#, "fast.json").code(2).stderr(told());
    generate(r#"["slow.json","slow.json"]"#, "slow.json").success();
    // Times of every cut: 1.5 s on the one, .75 s on the other.
    let told = contains("mine (measured) -> ").and(contains("750.00 ms")).and(contains("1.500 s"));
    offcut(path)
        .args(["models", "net.onnx", "--device", "slow.json", "--server", "fast.json"])
        .assert()
        .success()
        .stdout(told);
}

#[test]
fn times_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.onnx", &network(None));
    for (rows, told) in [
        ("c1,0\nc2,0\ny,0\n", "all times of 'net"),
        ("x,1\nc1,1\nc2,1\ny,1\n", "has a time of 'x', which is the input"),
        ("c1,1\nc2,1\nfused,1\n", "has no time of 1 layers with work ('y'), but 1 rows that match no layer ('fused')"),
    ] {
        std::fs::write(path.join("times.csv"), format!("layer,seconds\n{rows}")).expect("room");
        let import = ["machines", "import", "net.onnx=times.csv", "--name", "mine", "-o", "mine.json"];
        offcut(path).args(import).assert().code(2).stderr(contains(told));
    }
}
