//! The runner is killed at random instants, again and again. No finished row is lost or doubled, and the run that goes on comes to the same as
//! one that was left alone.
//!
//! A few kills here; `OFFCUT_KILLS=200 cargo test --release -p offcut --test kills` for many.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use offcut_instances::random::Stream;
use serde_json::Value;

fn start(folder: &Path, name: &str) -> std::process::Child {
    Command::new(assert_cmd::cargo::cargo_bin("offcut"))
        .current_dir(folder)
        .args(["run", "s.json", "--folder", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

fn whole_lines(file: &Path) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    String::from_utf8(text[..end].to_vec()).expect("text")
}

/// By key, what does not depend on the moment.
fn results(folder: &Path) -> BTreeMap<String, Value> {
    let text = whole_lines(&folder.join("rows.jsonl"));
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let kept = serde_json::json!([
            row["status"],
            row["stop"],
            row["claimed_objective"],
            row["checked_objective"],
            row["proof"],
            row["counts"],
            row["instance"],
            row["measures"],
            row["process"]["ended"],
        ]);
        assert!(found.insert(row["key"].to_string(), kept).is_none(), "doubled: {}", row["key"]);
    }
    found
}

#[test]
fn killing_the_runner_loses_and_doubles_nothing() {
    let kills: u64 = std::env::var("OFFCUT_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let seeds: Vec<u64> = (1..=kills.max(4)).collect();
    let suite = serde_json::json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Kills", "budget": { "time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0 },
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": { "users": 5 }, "seeds": seeds,
            "methods": ["threshold", "iao", "local-only", "milp"] }],
    }});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    let mut stream = Stream::new(&["kills"], 1);
    let mut before = String::new();
    let mut interrupted = 0;
    for _ in 0..kills {
        let mut child = start(path, "killed");
        std::thread::sleep(Duration::from_secs_f64(stream.uniform(0.0, 0.2)));
        interrupted += u64::from(child.try_wait().expect("told").is_none());
        child.kill().expect("killed");
        child.wait().expect("gone");
        let now = whole_lines(&path.join("killed/rows.jsonl"));
        assert!(now.starts_with(&before), "what was finished is there still");
        before = now;
    }
    assert!(interrupted > kills / 2, "{interrupted} of {kills} were still running");
    assert!(start(path, "killed").wait().expect("gone").success());
    assert!(start(path, "alone").wait().expect("gone").success());
    let (killed, alone) = (results(&path.join("killed")), results(&path.join("alone")));
    assert_eq!(killed.len(), 4 * seeds.len());
    assert_eq!(killed, alone);
    // Every answer is there, whole, and judged as the row says.
    for kind in ["answers", "instances"] {
        let names = |run: &str| -> Vec<_> {
            let entries = std::fs::read_dir(path.join(run).join(kind)).expect("there");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            names.retain(|name| !name.to_string_lossy().ends_with(".part"));
            names.sort();
            names
        };
        assert_eq!(names("killed"), names("alone"));
        for name in names("killed") {
            let text = std::fs::read(path.join("killed").join(kind).join(name)).expect("there");
            serde_json::from_slice::<Value>(&text).expect("whole");
        }
    }
    // Nobody the killed runners started is still at work.
    std::thread::sleep(Duration::from_millis(200));
    let ours = path.to_string_lossy().into_owned();
    for entry in std::fs::read_dir("/proc").expect("there").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().chars().all(|c| c.is_ascii_digit()) {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let is_ours = cwd == path && String::from_utf8_lossy(&words).contains("cell");
            assert!(!is_ours, "{} is left of {ours}", String::from_utf8_lossy(&words));
        }
    }
}

#[test]
fn shards_merge_into_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let suite = r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"Shards",
        "budget":{"time_s":10,"memory_bytes":null,"threads":1,"seed":0},
        "studies":[{"name":"a","title":"A","families":["zoo","plateau"],"set":{"users":4},"seeds":[1,2,3],"methods":["threshold","iao"]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    let run = |arguments: &[&str]| {
        assert_cmd::Command::new(assert_cmd::cargo::cargo_bin("offcut")).current_dir(path).args(arguments).assert()
    };
    for shard in ["1", "2", "3"] {
        run(&["run", "s.json", "--shard", &format!("{shard}/3"), "--folder", shard]).success();
        assert_eq!(results(&path.join(shard)).len(), 4);
    }
    run(&["run", "s.json", "--folder", "all"]).success();
    run(&["merge", "merged", "1", "2"]).success();
    assert_eq!(results(&path.join("merged")).len(), 8);
    run(&["merge", "merged", "1", "2", "3"]).success();
    run(&["merge", "merged", "all"]).success();
    assert_eq!(results(&path.join("merged")), results(&path.join("all")));
    assert!(path.join("merged/report/report.html").exists());
    run(&["run", "s.json", "--folder", "merged"]).success().stderr(predicates::str::contains("0 to run"));
    std::fs::write(path.join("t.json"), suite.replace("[1,2,3]", "[1,2]")).expect("room");
    run(&["run", "t.json", "--folder", "other"]).success();
    run(&["merge", "merged", "other"]).code(2).stderr(predicates::str::contains("another run"));
    for shard in ["0/3", "4/3", "1", "a/b"] {
        run(&["run", "s.json", "--shard", shard]).code(2);
    }
}
