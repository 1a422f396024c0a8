//! Where output goes does not change what a command says by its exit code, and what is in names does not change what it says on the terminal.

mod common;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use common::offcut;

/// Runs the command with its standard output going to `out`.
fn into(folder: &Path, arguments: &[&str], out: impl Into<Stdio>) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("offcut"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(out).stderr(Stdio::piped());
    command.spawn().and_then(std::process::Child::wait_with_output).expect("it runs")
}

/// The writing end of a pipe whose reader has gone.
fn broken() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer
}

fn full() -> File {
    File::options().write(true).open("/dev/full").expect("there")
}

/// A folder with an instance, good answers and rejected ones, and a good and a bad run.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    offcut(path)
        .args(["generate", "jpdra", "--set", "flows=2", "--set", "servers=2", "-o", "i.json"])
        .assert()
        .success();
    offcut(path).args(["solve", "i.json", "--method", "jpdra", "-o", "good.json"]).assert().success();
    let text = std::fs::read_to_string(path.join("good.json")).expect("there");
    let mut bad: Value = serde_json::from_str(&text).expect("JSON");
    let objective = bad["body"]["found"]["objective"].as_f64().expect("a number");
    bad["body"]["found"]["objective"] = (objective * 0.5).into();
    std::fs::write(path.join("bad.json"), bad.to_string()).expect("room");
    let suite = r#"{"offcut":"suite","problem":"jpdra","version":1,"body":{"title":"t",
        "budget":{"time_s":20,"memory_bytes":null,"threads":1,"seed":0},
        "studies":[{"name":"a","title":"","files":["i.json"],"methods":["jpdra"],"method_seeds":[0]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    for run in ["run", "off"] {
        offcut(path).args(["run", "s.json", "--folder", run]).assert().success();
    }
    let rows = std::fs::read_to_string(path.join("off/rows.jsonl")).expect("there");
    let mut row: Value = serde_json::from_str(rows.trim_end()).expect("a row");
    row["claimed_objective"] = (objective * 0.5).into();
    std::fs::write(path.join("off/rows.jsonl"), format!("{row}\n")).expect("room");
    // A library with a flaw: there is no ledger.
    let library = path.join("data/jpdra/library");
    std::fs::create_dir_all(&library).expect("room");
    let index = r#"{"offcut":"library","problem":"jpdra","version":1,"body":{"instances":[]}}"#;
    std::fs::write(library.join("index.json"), index).expect("room");
    folder
}

/// Commands and what they come to, whoever reads what they print.
const COMMANDS: [(&[&str], i32); 25] = [
    (&["check", "i.json", "good.json"], 0),
    (&["check", "i.json", "bad.json"], 1),
    (&["check", "i.json", "good.json", "bad.json"], 1),
    (&["check", "i.json", "bad.json", "--json"], 1),
    (&["check", "run"], 0),
    (&["check", "off"], 1),
    (&["check", "off", "--json"], 1),
    (&["solve", "i.json", "--method", "jpdra"], 0),
    (&["solve", "i.json", "--method", "jpdra", "--json"], 0),
    (&["run", "s.json", "--folder", "run"], 0),
    (&["run", "s.json", "--folder", "off"], 1),
    (&["report", "run"], 0),
    (&["report", "off"], 1),
    (&["merge", "merged", "run"], 0),
    (&["methods"], 0),
    (&["methods", "jpdra", "--json"], 0),
    (&["schema", "jpdra", "instance"], 0),
    (&["models"], 0),
    (&["models", "resnet50"], 0),
    (&["models", "resnet50", "--json"], 0),
    (&["generate", "jpdra"], 0),
    (&["generate", "jpdra", "--list"], 0),
    (&["simulate", "i.json", "good.json", "--tasks", "1000"], 0),
    (&["verify-library", "jpdra", "--folder", "data"], 1),
    (&["completions", "bash"], 0),
];

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let folder = prepared();
    for (arguments, code) in COMMANDS {
        let output = into(folder.path(), arguments, broken());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked") && !errors.contains("cannot be written"), "{arguments:?}: {errors}");
    }
    for arguments in [&["--help"][..], &["--version"], &["check", "--help"]] {
        assert_eq!(into(folder.path(), arguments, broken()).status.code(), Some(0), "{arguments:?}");
    }
    // What is wrong with the input is told as ever.
    let output = into(folder.path(), &["check", "i.json", "missing.json"], broken());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.json"));
}

#[test]
fn a_full_disk_is_told_in_a_line() {
    let folder = prepared();
    let told = |arguments: &[&str], code: i32| {
        let output = into(folder.path(), arguments, full());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        let lines = errors.lines().filter(|line| line.contains("standard output: cannot be written to")).count();
        assert!(lines == 1 && !errors.contains("panicked"), "{arguments:?}: {errors}");
    };
    for (arguments, code) in COMMANDS {
        told(arguments, if code == 0 { 2 } else { code });
    }
    for arguments in [&["--help"][..], &["--version"], &["check", "--help"]] {
        told(arguments, 2);
    }
}

/// With standard error full or gone as well the exit code is still what it is.
#[test]
fn errors_that_cannot_be_told_are_no_panics() {
    let folder = prepared();
    for (arguments, code) in [(&["check", "i.json", "missing.json"][..], 2), (&["check", "i.json", "bad.json"], 1)] {
        for (out, errors) in
            [(Stdio::from(full()), Stdio::from(full())), (Stdio::from(broken()), Stdio::from(broken()))]
        {
            let mut command = Command::new(assert_cmd::cargo::cargo_bin("offcut"));
            let status = command.current_dir(folder.path()).args(arguments).stdout(out).stderr(errors).status();
            assert_eq!(status.expect("it runs").code(), Some(code), "{arguments:?}");
        }
    }
}

/// A line feed, what ends up as a line of its own, an escape sequence that wipes the line before, a reversal of direction.
const NAME: &str = "x\nstatus     optimal-certified\u{1b}[1A\u{1b}[2K\r\u{202e}\u{9b}1m";

/// Every line is one that Offcut wrote.
fn is_plain(output: &Output) {
    for text in [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()) {
        let plain = |letter: char| letter == '\n' || !letter.is_control() && letter != '\u{202e}';
        assert!(text.chars().all(plain), "{text:?}");
        let faked = text.lines().filter(|line| line.starts_with("status     optimal-certified")).count();
        assert_eq!(faked, 0, "{text}");
    }
}

#[test]
fn names_cannot_imitate_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let settings = ["--set", "users=2", "--set", "units=2"];
    offcut(path).args(["generate", "multiuser", "-o", "plain.json"]).args(settings).assert().success();
    let text = std::fs::read_to_string(path.join("plain.json")).expect("there");
    let mut instance: Value = serde_json::from_str(&text).expect("JSON");
    instance["body"]["origin"]["name"] = NAME.into();
    instance["body"]["origin"]["family"] = NAME.into();
    std::fs::write(path.join("i.json"), instance.to_string()).expect("room");
    std::fs::write(path.join(NAME), instance.to_string()).expect("room");
    let escaped = "x\\nstatus     optimal-certified\\u{1b}[1A\\u{1b}[2K\\r\\u{202e}\\u{9b}1m";

    let run = |arguments: &[&str]| {
        let output = into(path, arguments, Stdio::piped());
        is_plain(&output);
        output
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let solved = said(&run(&["solve", "i.json", "--method", "local-only", "-o", "a.json"]));
    assert!(solved.contains(escaped) && solved.contains("status     feasible"), "{solved}");
    run(&["solve", "i.json", "--method", "local-only", "--json"]);
    run(&["solve", NAME, "--method", "local-only"]);
    run(&["solve", "i.json", "--method", NAME]);
    run(&["check", "i.json", "a.json"]);
    run(&["check", NAME, "a.json", "a.json"]);
    run(&["check", "i.json", NAME]);
    run(&["report", NAME]);

    // A run: the instance's name, the study's, the title, and a solver that answers with such words.
    let reply = serde_json::json!({"offcut": "answer", "problem": "multiuser", "version": 1,
        "body": {"stop": {"declined": NAME}, "found": null, "proved": null}});
    std::fs::write(path.join("reply.json"), format!("{reply}\n")).expect("room");
    let shout =
        format!("cat {}; printf 'x\\033[2K\\nstatus     optimal-certified\\n' >&2", path.join("reply.json").display());
    std::fs::write(path.join("solver.sh"), shout).expect("room");
    let told = run(&["solve", "i.json", "--solver", "sh solver.sh"]);
    assert!(said(&told).contains(&format!("declined: {escaped}")), "{}", said(&told));
    assert!(String::from_utf8_lossy(&told.stderr).contains("solver | status     optimal-certified"));
    run(&["conform", "multiuser", "--solver", "sh solver.sh"]);
    let suite = serde_json::json!({"offcut": "suite", "problem": "multiuser", "version": 1, "body": {"title": NAME,
        "budget": {"time_s": 5, "memory_bytes": null, "threads": 1, "seed": 0},
        "studies": [{"name": NAME, "title": NAME, "files": ["i.json"], "methods": ["local-only", "iao"]}]}});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    run(&["run", "s.json", "--folder", "run", "--solver", "shout=sh solver.sh"]);
    let rows = std::fs::read_to_string(path.join("run/rows.jsonl")).expect("there");
    std::fs::write(path.join("run/rows.jsonl"), rows.replace("\"status\":\"feasible\"", "\"status\":\"bounded\""))
        .expect("room");
    for command in ["report", "check"] {
        let output = run(&[command, "run"]);
        assert!(output.status.code() == Some(1) && said(&output).contains(escaped), "{}", said(&output));
    }
    run(&["check", "run", "--json"]);
    run(&["merge", "merged", "run"]);
    // Messages of readers quote what they read.
    let field = text.replacen("\"rtt_s\"", &format!("{}:1,\"rtt_s\"", Value::from(NAME)), 1);
    std::fs::write(path.join("field.json"), field).expect("room");
    let output = run(&["check", "field.json", "a.json"]);
    assert_eq!(output.status.code(), Some(2));
    offcut(path)
        .args(["check", "field.json", "a.json"])
        .assert()
        .stderr(contains("unknown field").and(contains(NAME).not()));
}
