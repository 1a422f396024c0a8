//! `--second`: the second checker is asked, agrees on what stands, and a disagreement is a rejection. Documents that are lists are bad input.

mod common;

use std::path::{Path, PathBuf};

use predicates::prelude::*;
use predicates::str::contains;

use common::offcut;
use offcut_instances::problems::NAMES as PROBLEMS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("there")
}

fn toy(problem: &str) -> PathBuf {
    root().join(format!("instances/data/{problem}/toy.json"))
}

fn solved(folder: &Path, problem: &str, name: &str) -> PathBuf {
    let answer = folder.join(name);
    let method = match problem {
        "multiuser" => "threshold",
        "lymdo" => "branch",
        _ => "price",
    };
    offcut(folder).arg("solve").arg(toy(problem)).args(["-m", method, "-o"]).arg(&answer).assert().success();
    answer
}

/// A program that says this instead of the second checker's verdict.
fn said(folder: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("said");
    std::fs::write(&path, format!("#!/bin/sh\necho '{text}'\n")).expect("room");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
    path
}

#[test]
fn both_agree_on_the_toys() {
    let folder = tempfile::tempdir().expect("room");
    for problem in PROBLEMS {
        let answer = solved(folder.path(), problem, &format!("{problem}.json"));
        let mut check = offcut(folder.path());
        check.arg("check").arg(toy(problem)).arg(&answer).arg("--second");
        check.assert().success().stdout(contains("second     agrees: objective").and(contains(" proved")));
        // Tampered, both reject, and that is no disagreement; the exit code is that of the rejection.
        let text = std::fs::read_to_string(&answer).expect("there");
        let tampered = text.replacen("\"objective\":", "\"objective\":1", 1);
        assert_ne!(text, tampered);
        std::fs::write(&answer, tampered).expect("room");
        let mut check = offcut(folder.path());
        check.arg("check").arg(toy(problem)).arg(&answer).arg("--second");
        check.assert().code(1).stdout(contains("second     agrees: rejected").and(contains("DISAGREES").not()));
    }
}

#[test]
fn a_disagreement_is_a_rejection() {
    let folder = tempfile::tempdir().expect("room");
    let answer = solved(folder.path(), "jpdra", "answer.json");
    let checked = |text: &str, arguments: &[&str]| {
        let mut check = offcut(folder.path());
        check.env("OFFCUT_PYTHON", said(folder.path(), text)).arg("check").arg(toy("jpdra")).arg(&answer);
        check.arg("--second").args(arguments).assert()
    };
    let cases = [
        (r#"{"rejected": ["servers 0: capacity"]}"#, "only the second checker rejects: servers 0: capacity"),
        (r#"{"bad": "answer", "why": "body.found: missing"}"#, "cannot read the answer: body.found: missing"),
        (r#"{"objective": {"low": "2251e-3", "high": "2252e-3"}}"#, "by the second checker"),
        (r#"{"proof": "certified", "proved": "inf"}"#, "bound"),
        (r#"{"proof": "certified", "proved": "21e-1"}"#, "bound"),
    ];
    for (text, expected) in cases {
        checked(text, &[]).code(1).stdout(contains("second     DISAGREES: ").and(contains(expected)));
        checked(text, &["--json"]).code(1).stdout(contains("\"disagreements\"").and(contains(expected)));
    }
    // Nothing to compare is no disagreement; no verdict is bad input.
    checked(r#"{"not_taken": ["knapsack"]}"#, &[]).success().stdout(contains("not taken in the time: knapsack"));
    checked("", &[]).code(2).stderr(contains("without a verdict").and(predicate::function(one_line)));
}

#[test]
fn what_does_not_fit_the_time_is_told() {
    let folder = tempfile::tempdir().expect("room");
    let answer = solved(folder.path(), "jpdra", "answer.json");
    let mut check = offcut(folder.path());
    check.arg("check").arg(toy("jpdra")).arg(&answer).args(["--second", "--second-seconds", "1e-9"]);
    check.assert().success().stdout(contains("second     not taken in the time: "));
    for bad in ["0", "-1", "inf", "NaN"] {
        let mut check = offcut(folder.path());
        check.arg("check").arg(toy("jpdra")).arg(&answer).arg("--second").arg(format!("--second-seconds={bad}"));
        check.assert().code(2);
    }
    let mut check = offcut(folder.path());
    check.env("OFFCUT_PYTHON", "no-such-python").arg("check").arg(toy("jpdra")).arg(&answer).arg("--second");
    check.assert().code(2).stderr(contains("OFFCUT_PYTHON").and(predicate::function(one_line)));
}

#[test]
fn the_library_is_verified_by_both() {
    let folder = tempfile::tempdir().expect("room");
    let arguments = ["verify-library", "multiuser", "--second", "--second-seconds", "20"];
    let mut verify = offcut(&root());
    verify.args(arguments).assert().success().stdout(contains("second checker: took everything"));
    let mut verify = offcut(&root());
    verify.env("OFFCUT_PYTHON", said(folder.path(), r#"{"rejected": ["no"]}"#)).args(arguments);
    verify.assert().code(1).stdout(contains("FLAW multiuser: ").and(contains("only the second checker rejects: no")));
}

fn one_line(text: &str) -> bool {
    text.lines().count() == 1
}

/// A list where an object is meant: in an instance and a suite bad input, in one line; in an answer a rejection.
#[test]
fn lists_are_no_documents() {
    let folder = tempfile::tempdir().expect("room");
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("room");
        path
    };
    for problem in PROBLEMS {
        let instance = std::fs::read_to_string(toy(problem)).expect("there");
        let list = written("list.json", &format!(r#"["instance", "{problem}", 1, {instance}]"#));
        let origin = written(
            "origin.json",
            &instance.replace(r#"{ "name": "toy", "family": "hand" }"#, r#"["toy", "hand", 0, {}]"#),
        );
        for bad in [list, origin] {
            let mut solve = offcut(folder.path());
            solve.arg("solve").arg(&bad).args(["-m", "price"]);
            solve.assert().code(2).stderr(predicate::function(one_line));
        }
        let body = r#"["a title", [], {"time_s": 1}]"#;
        let text = format!(r#"{{"offcut": "suite", "problem": "{problem}", "version": 1, "body": {body}}}"#);
        let suite = written("suite.json", &text);
        offcut(folder.path())
            .arg("run")
            .arg(&suite)
            .assert()
            .code(2)
            .stderr(contains("body").and(predicate::function(one_line)));
        let text = format!(
            r#"{{"offcut": "answer", "problem": "{problem}", "version": 1, "body": ["completed", null, null]}}"#
        );
        let answer = written("answer.json", &text);
        offcut(folder.path())
            .arg("check")
            .arg(toy(problem))
            .arg(&answer)
            .arg("--second")
            .assert()
            .code(1)
            .stdout(contains("invalid"));
    }
}
