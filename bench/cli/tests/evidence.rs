//! Rows are bound to their answers: what is changed in a run's folder is found, by `report` and `merge` where reading is enough, by `check RUN` otherwise.

mod common;

use std::path::{Path, PathBuf};

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use common::offcut;

/// A small run of every problem: settings of its generator and methods, the first of which certifies an optimum. Those that end with a solver-reported
/// bound and without any are among them.
const RUNS: [(&str, &str, &str, &str); 4] = [
    ("multiuser", "zoo", r#"{"users": 4, "units": 8}"#, r#"["threshold", "milp", "iao"]"#),
    ("throughput", "zoo", r#"{"requests": 12, "cloudlets": 2, "threads": 6}"#, r#"["branch", "price", "local-ratio"]"#),
    ("jpdra", "zoo", r#"{"flows": 2, "partitions": 2, "servers": 2}"#, r#"["branch", "price", "jpdra"]"#),
    ("lymdo", "rayleigh", r#"{"users": 2}"#, r#"["branch", "lymdo", "alternating"]"#),
];

/// A run in a folder of its own, and copies of it to be spoiled.
struct Run {
    folder: tempfile::TempDir,
    problem: &'static str,
}

impl Run {
    fn of((problem, family, set, methods): (&'static str, &str, &str, &str)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let suite = format!(
            r#"{{"offcut":"suite","problem":"{problem}","version":1,"body":{{"title":"t",
                "budget":{{"time_s":20,"memory_bytes":null,"threads":1,"seed":0}},
                "studies":[{{"name":"a","title":"","families":["{family}"],"set":{set},"seeds":[1,2],"method_seeds":[0],"methods":{methods}}}]}}}}"#
        );
        std::fs::write(folder.path().join("s.json"), suite).expect("room");
        let run = Self { folder, problem };
        offcut(run.path()).args(["run", "s.json", "--folder", "good"]).assert().success();
        run
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A copy of the run, for one change.
    fn copy(&self) -> Copy<'_> {
        let to = self.path().join("bad");
        let _ = std::fs::remove_dir_all(&to);
        for part in ["", "instances", "answers"] {
            let from = self.path().join("good").join(part);
            std::fs::create_dir_all(to.join(part)).expect("room");
            for entry in std::fs::read_dir(from).expect("there").map(|entry| entry.expect("an entry").path()) {
                if entry.is_file() {
                    std::fs::copy(&entry, to.join(part).join(entry.file_name().expect("a name"))).expect("room");
                }
            }
        }
        Copy { run: self, to }
    }
}

struct Copy<'a> {
    run: &'a Run,
    to: PathBuf,
}

impl Copy<'_> {
    fn rows(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.to.join("rows.jsonl")).expect("there");
        text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
    }

    fn write(&self, rows: &[Value]) {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        std::fs::write(self.to.join("rows.jsonl"), text).expect("room");
    }

    /// The answer of a row: the only one with its hash, but for answers that are the same.
    fn answer(&self, row: &Value) -> PathBuf {
        let entries = std::fs::read_dir(self.to.join("answers")).expect("there");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let has = |path: &PathBuf| {
            let hash = blake3::hash(&std::fs::read(path).expect("there")).to_hex().to_string();
            row["answer_hash"] == hash.as_str()
        };
        paths.into_iter().find(has).expect("the row's answer")
    }

    /// Changes the first row that `is` one.
    fn change(&self, is: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) {
        let mut rows = self.rows();
        let row = rows.iter_mut().find(|row| is(row)).expect("a row");
        let before = row.clone();
        change(row);
        assert_ne!(*row, before, "the change changes something");
        self.write(&rows);
    }

    /// What `report` and `merge` have to say, if anything, and `check RUN`.
    fn told(&self, cheaply: Option<&str>, checked_answer: &str) {
        let path = self.run.path();
        let told = |words: &str| contains("MISMATCH ").and(contains(words.to_owned()));
        let report = offcut(path).args(["report", "bad"]).assert();
        let _ = std::fs::remove_dir_all(path.join("merged"));
        let merge = offcut(path).args(["merge", "merged", "bad"]).assert();
        match cheaply {
            Some(words) => {
                report.code(1).stdout(told(words));
                let page = std::fs::read_to_string(self.to.join("report/report.md")).expect("there");
                assert!(
                    page.contains("## MISMATCHES") && !page.contains("the checker replayed the bound's certificate"),
                    "{words}"
                );
                merge.code(1).stdout(told(words).and(contains("were not merged")));
            }
            None => {
                report.stdout(contains("checked again by `offcut check RUN` only"));
                merge.stdout(contains("MISMATCH").not());
            }
        }
        let check = offcut(path).args(["check", "bad", "--jobs", "2"]).assert();
        check.code(1).stdout(told(checked_answer)).stderr(contains("panicked").not());
    }
}

fn is_solved(row: &Value) -> bool {
    !row["checked_objective"].is_null()
}

fn is_certified(row: &Value) -> bool {
    is_solved(row) && !row["proof"]["certified"].is_null()
}

fn scale(value: &mut Value, factor: f64) {
    *value = json!(value.as_f64().expect("a number") * factor);
}

#[test]
fn whatever_is_changed_in_a_run_is_found() {
    for settings in RUNS {
        let run = Run::of(settings);
        let path = run.path();
        // As it is, everything holds.
        let whole = contains("6 rows hold to the hash of their answer and to what it claims");
        offcut(path).args(["report", "good"]).assert().success().stdout(whole.clone());
        let checked_answer = contains("6 rows checked again from their answers: 6 agree, 0 differ");
        offcut(path).args(["check", "good"]).assert().success().stdout(checked_answer);
        let output = offcut(path).args(["check", "good", "--json"]).assert().success().get_output().stdout.clone();
        let json: Value = serde_json::from_slice(&output).expect("JSON");
        assert_eq!((&json["rows"], &json["same"], &json["unbound"]), (&json!(6), &json!(6), &json!(0)));
        offcut(path).args(["merge", "all", "good"]).assert().success().stdout(contains("6 rows are new").and(whole));
        offcut(path).args(["check", "all"]).assert().success();

        let copy = |is: fn(&Value) -> bool, change: &dyn Fn(&mut Value)| {
            let copy = run.copy();
            copy.change(is, change);
            copy
        };
        // What the checker found, and what was claimed.
        for factor in [0.5, 2.0, 1.0 + 1e-8] {
            let scaled = copy(is_solved, &|row| {
                ["low", "high"].iter().for_each(|side| scale(&mut row["checked_objective"][side], factor));
            });
            scaled.told(Some("objective"), "checked objective: the row says");
        }
        // Within the tolerance of claims only the checker can tell.
        let close = copy(is_solved, &|row| {
            ["low", "high"].iter().for_each(|side| scale(&mut row["checked_objective"][side], 1.0 + 1e-11));
        });
        close.told(None, "checked objective: the row says");
        let both = copy(is_solved, &|row| {
            scale(&mut row["claimed_objective"], 0.9);
            ["low", "high"].iter().for_each(|side| scale(&mut row["checked_objective"][side], 0.9));
        });
        both.told(Some("claimed objective: the row says"), "claimed objective: the row says");
        // A weaker bound than is claimed; a stronger one only the checker can deny.
        let is_less = if run.problem == "throughput" { 1.0 } else { -1.0 };
        let weaker = copy(is_certified, &|row| scale(&mut row["proof"]["certified"]["value"], 1.0 + is_less * 1e-3));
        weaker.told(Some("bound: the row says"), "bound: the row says");
        let stronger = copy(is_certified, &|row| {
            scale(&mut row["proof"]["certified"]["value"], 1.0 - is_less * 1e-12);
        });
        stronger.told(None, "bound: the row says");
        // A status that its parts do not make, and parts that its answer does not have.
        let status = copy(is_certified, &|row| row["status"] = json!("feasible"));
        status.told(Some("status: the row says feasible"), "status: the row says feasible");
        let bold = copy(|row| row["proof"] == "nothing", &|row| {
            row["proof"] = json!({"certified": {"value": row["checked_objective"]["low"]}});
            row["status"] = json!("optimal-certified");
        });
        bold.told(Some("bound: the row says"), "status: the row says optimal-certified");
        let counts = copy(|_| true, &|row| row["counts"]["made-up"] = json!(7));
        counts.told(Some("counts"), "counts: the row says");
        let measured = copy(is_solved, &|row| row["measures"]["made-up"] = json!(7.0));
        measured.told(None, "measures: the row says");
        let renamed = copy(|_| true, &|row| row["instance"]["seed"] = json!(77));
        renamed.told(None, "instance: the row calls it otherwise");
        // Failing is told by nobody but the answer.
        let failed = copy(is_certified, &|row| {
            row["stop"] = json!({"failed": "its answer cannot be read: no"});
            row["status"] = json!("crash");
            row["proof"] = json!("nothing");
            for part in ["claimed_objective", "checked_objective"] {
                row[part] = Value::Null;
            }
        });
        failed.told(None, "status: the row says crash");
        offcut(path)
            .args(["report", "bad"])
            .assert()
            .stdout(contains("1 of them say that their answer was not checked"));

        // Answers: gone, exchanged, changed, garbage.
        let gone = run.copy();
        std::fs::remove_file(gone.answer(&gone.rows()[0])).expect("there");
        gone.told(Some("its answer cannot be read"), "its answer cannot be read");
        let swapped = run.copy();
        let rows = swapped.rows();
        let other = rows.iter().find(|row| row["answer_hash"] != rows[0]["answer_hash"]).expect("another");
        let (one, two) = (swapped.answer(&rows[0]), swapped.answer(other));
        let bytes = std::fs::read(&one).expect("there");
        std::fs::copy(&two, &one).expect("room");
        std::fs::write(&two, bytes).expect("room");
        swapped.told(Some("its answer has hash"), "its answer has hash");
        for spoil in [|_: &[u8]| b"garbage".to_vec(), |good: &[u8]| [good, b" "].concat()] {
            let spoiled = run.copy();
            let file = spoiled.answer(&spoiled.rows()[0]);
            let bytes = std::fs::read(&file).expect("there");
            std::fs::write(&file, spoil(&bytes)).expect("room");
            spoiled.told(Some("its answer has hash"), "its answer has hash");
        }
        // A row twice.
        let twice = run.copy();
        let rows = twice.rows();
        twice.write(&[&rows[..], &rows[..1]].concat());
        let key = "it has the key of an earlier row";
        offcut(path).args(["report", "bad"]).assert().code(1).stdout(contains(key));
        offcut(path).args(["check", "bad"]).assert().code(1).stdout(contains(key));
        // A manifest that lets contradictions pass.
        let lax = run.copy();
        let manifest = lax.to.join("manifest.json");
        let text = std::fs::read_to_string(&manifest).expect("there");
        let text = text.replace("\"word_relative\": 1e-6", "\"word_relative\": 1e6");
        std::fs::write(&manifest, text).expect("room");
        for command in ["report", "check"] {
            offcut(path).args([command, "bad"]).assert().code(1).stdout(contains("tolerances are not those"));
        }
        // An instance: known by its hash.
        let eased = run.copy();
        let instance = std::fs::read_dir(eased.to.join("instances")).expect("there").next().expect("one");
        let instance = instance.expect("an entry").path();
        let text = std::fs::read_to_string(&instance).expect("there");
        std::fs::write(&instance, text.replacen("\"seed\":", "\"seed\":7", 1)).expect("room");
        offcut(path).args(["check", "bad"]).assert().code(1).stdout(contains("its instance has hash"));
        let _ = std::fs::remove_dir_all(path.join("merged"));
        let merge = offcut(path).args(["merge", "merged", "bad"]).assert().code(1);
        merge.stdout(contains("its instance has hash").and(contains("3 rows are new")));
    }
}

/// Rows of before they had the hash of their answer are read, told apart, and held to what their answer claims.
#[test]
fn rows_without_a_hash_are_told() {
    let run = Run::of(RUNS[0]);
    let path = run.path();
    let old = run.copy();
    let strip = |copy: &Copy<'_>| {
        let mut rows = copy.rows();
        for row in &mut rows {
            row.as_object_mut().expect("an object").remove("answer_hash");
        }
        copy.write(&rows);
    };
    strip(&old);
    let told = "6 rows are not bound to an answer, written before rows had its hash";
    offcut(path).args(["report", "bad"]).assert().success().stdout(contains(told));
    let page = std::fs::read_to_string(old.to.join("report/report.md")).expect("there");
    assert!(page.contains(told) && !page.contains("the checker replayed the bound's certificate"));
    let checked_answer = contains("6 rows carry no hash").and(contains("6 agree, 0 differ"));
    offcut(path).args(["check", "bad"]).assert().success().stdout(checked_answer);
    // Resumed they stay as they are.
    offcut(path).args(["run", "s.json", "--folder", "bad"]).assert().success().stderr(contains("0 to run"));
    offcut(path).args(["merge", "merged", "bad"]).assert().success().stdout(contains("6 rows are new"));
    // Without the hash a claim is held against the answer all the same.
    let changed = run.copy();
    changed.change(is_solved, |row| scale(&mut row["claimed_objective"], 0.5));
    strip(&changed);
    changed.told(Some("objective"), "claimed objective: the row says");
    let gone = run.copy();
    std::fs::remove_file(gone.answer(&gone.rows()[0])).expect("there");
    strip(&gone);
    gone.told(Some("its answer cannot be read"), "its answer cannot be read");
}

/// A row whose answer is not there is not merged, the others are, and the shard that has it right is asked for it.
#[test]
fn merging_takes_what_holds() {
    let run = Run::of(RUNS[0]);
    let path = run.path();
    let bad = run.copy();
    std::fs::write(bad.answer(&bad.rows()[0]), "garbage").expect("room");
    let merge = offcut(path).args(["merge", "all", "bad"]).assert().code(1);
    merge.stdout(contains("5 rows are new").and(contains("1 rows differ from their answers")));
    offcut(path).args(["check", "all"]).assert().success().stdout(contains("1 cells of the run have no row"));
    offcut(path).args(["merge", "all", "good"]).assert().success().stdout(contains("1 rows are new"));
    offcut(path).args(["merge", "both", "bad", "good"]).assert().code(1).stdout(contains("6 rows are new"));
    offcut(path).args(["check", "both"]).assert().success().stdout(contains("6 agree"));
    // What a run that was ended left without a row does not stand in the way.
    let name = bad.answer(&bad.rows()[1]);
    let name = name.file_name().expect("a name");
    std::fs::create_dir_all(path.join("new/answers")).expect("room");
    std::fs::write(path.join("new/answers").join(name), "half").expect("room");
    offcut(path).args(["merge", "new", "good"]).assert().success();
    offcut(path).args(["check", "new"]).assert().success();
}

/// One gate: answers that `run` finds to contradict each other contradict each other for `check` as well.
#[test]
fn answers_that_contradict_each_other_do_not_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).expect("room");
    // One user, 7 units of 1 MAC/s: 1/7 s remote, and a solver-reported bound of .2.
    let instance = r#"{"offcut":"instance","problem":"multiuser","version":1,"body":{"origin":{"name":"scale"},
        "models":[{"name":"m","macs":[1],"cut_bytes":[1,0]}],"server":{"units":7,"unit_macs_per_s":1,"speedup":{"law":"linear"}},
        "users":[{"model":0,"device_macs_per_s":2.5e-6,"uplink_bytes_per_s":1e30,"rtt_s":0}]}}"#;
    write("i.json", instance);
    let answer = |units: u32, objective: f64, bound: &str| {
        format!(
            r#"{{"offcut":"answer","problem":"multiuser","version":1,"body":{{"stop":"completed",
                "found":{{"solution":{{"cut":[0],"units":[{units}]}},"objective":{objective}}},"proved":{bound}}}}}"#
        )
    };
    write("word.json", &answer(5, 0.2, r#"{"value":0.2,"evidence":{"solver_word":"a dual bound"}}"#));
    write("better.json", &answer(7, 1.0 / 7.0, "null"));
    offcut(path).args(["check", "i.json", "word.json"]).assert().success();
    offcut(path).args(["check", "i.json", "better.json"]).assert().success();
    for order in [["word.json", "better.json"], ["better.json", "word.json"]] {
        let check = offcut(path).args(["check", "i.json"]).args(order).assert().code(1);
        let line = "CONTRADICTION scale: word.json bounds objectives by 0.2; better.json has one of 0.142857";
        check.stdout(contains(line).and(contains("contradicted by another answer")).and(contains("stands").not()));
        let check = offcut(path).args(["check", "i.json", "--json"]).args(order).assert().code(1);
        check.stderr(contains("CONTRADICTION"));
    }
    // That there is no solution is contradicted by one, without a proof as well.
    write(
        "none.json",
        r#"{"offcut":"answer","problem":"multiuser","version":1,"body":{"stop":"infeasible","found":null,"proved":null}}"#,
    );
    let check = offcut(path).args(["check", "i.json", "none.json", "better.json"]).assert().code(1);
    check.stdout(contains("none.json says that there is no solution"));
    // A threshold's bound of the true optimum stands beside both solutions.
    offcut(path).args(["solve", "i.json", "--method", "threshold", "-o", "bound.json"]).assert().success();
    offcut(path).args(["check", "i.json", "bound.json", "better.json"]).assert().success();
    for (arguments, words) in [
        (vec!["check", "i.json"], "give answer files"),
        (vec!["check", "i.json", "bound.json", "--jobs", "2"], "--jobs"),
        (vec!["check", "."], "cannot be read"),
    ] {
        offcut(path).args(arguments).assert().code(2).stderr(contains(words));
    }
}
