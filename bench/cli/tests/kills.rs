//! The runner is ended at random instants, again and again, by SIGKILL and by signals it hears. No finished row is lost or doubled, the run that goes on comes
//! to the same as one that was left alone, and nobody it started is left: not the children and grandchildren of programs either.
//!
//! A few kills here; `OFFCUT_KILLS=200 cargo test --release -p offcut --test kills` for many.

#[path = "common/left.rs"]
mod left;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use left::{left_with, marked};
use offcut_instances::random::Stream;
use serde_json::Value;

/// A few, or as many as are asked for.
fn kills() -> u64 {
    std::env::var("OFFCUT_KILLS").map_or(8, |text| text.parse().expect("a number"))
}

/// Answers that all is local, and leaves a child, and a grandchild in a session of its own whose parent is gone; works for a while.
const PROGRAM: &str = r#"
import json, os, subprocess, sys, time
subprocess.Popen(["sleep", "1000"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(1), os.close(2)
        os.execvp("sleep", ["sleep", "1000"])
    os._exit(0)
os.wait()
time.sleep(0.05)
body = json.load(open(sys.argv[1]))["body"]
models, users = body["models"], body["users"]
cut = [len(models[user["model"]]["macs"]) for user in users]
took = [sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users]
objective = max(took) if body["objective"] == "max" else sum(took)
found = {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": objective}
body = {"stop": "completed", "found": found, "proved": None}
print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body}), flush=True)
"#;

/// The signals that end a runner, in turn: it hears all but the first.
const SIGNALS: [(&str, i32); 4] = [("KILL", 9), ("INT", 2), ("TERM", 15), ("HUP", 1)];

/// The variable by which everybody who was started in `folder` is found.
fn mark(folder: &Path) -> (&'static str, String) {
    ("OFFCUT_TEST", folder.display().to_string())
}

fn command(folder: &Path, arguments: &[&str]) -> std::process::Child {
    let (name, value) = mark(folder);
    // Whoever runs the tests in the background ignores some signals, and so would the command: `env` makes them those of a terminal's foreground.
    Command::new("env")
        .args(["--default-signal=HUP,INT,TERM"])
        .arg(assert_cmd::cargo::cargo_bin("offcut"))
        .current_dir(folder)
        .env(name, value)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started")
}

fn start(folder: &Path, name: &str) -> std::process::Child {
    command(folder, &["run", "s.json", "--folder", name])
}

/// Ends a command by a signal after a while; the answer says whether it was still running. Whoever hears the signal leaves nobody when it ends; otherwise the
/// others take a moment.
fn end(folder: &Path, mut child: std::process::Child, seconds: f64, (name, number): (&str, i32)) -> bool {
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let was_running = child.try_wait().expect("told").is_none();
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).stderr(Stdio::null()).status();
    assert!(sent.is_ok(), "there is a program called kill");
    let status = child.wait().expect("gone");
    let (variable, value) = mark(folder);
    let mark = format!("{variable}={value}");
    if was_running && status.signal() == Some(number) && number != 9 {
        // A process that is being ended by the operating system may be seen a little longer.
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(marked(&mark), Vec::<String>::new(), "SIG{name} after {seconds} s");
    }
    assert_eq!(left_with(&mark), Vec::<String>::new(), "SIG{name} after {seconds} s");
    was_running
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
    let kills = kills();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    // Enough cells that a fast machine is not through before the last kill.
    let seeds: Vec<u64> = (1..=(4 * kills).clamp(16, 400)).collect();
    let suite = serde_json::json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Kills", "budget": { "time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0 },
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": { "users": 5 }, "seeds": seeds,
            "methods": ["threshold", "iao", "local-only", "milp", "leaves"] }],
        "solvers": { "leaves": { "command": "python3 leaves.py" } },
    }});
    std::fs::write(path.join("leaves.py"), PROGRAM).expect("room");
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    let mut stream = Stream::new(&["kills"], 1);
    let mut before = String::new();
    let mut interrupted = 0;
    for kill in 0..kills {
        let child = start(path, "killed");
        let signal = SIGNALS[kill as usize % SIGNALS.len()];
        interrupted += u64::from(end(path, child, stream.uniform(0.0, 0.5), signal));
        let now = whole_lines(&path.join("killed/rows.jsonl"));
        assert!(now.starts_with(&before), "what was finished is there still");
        before = now;
    }
    assert!(interrupted > kills / 2, "{interrupted} of {kills} were still running");
    assert!(start(path, "killed").wait().expect("gone").success());
    assert!(start(path, "alone").wait().expect("gone").success());
    let (killed, alone) = (results(&path.join("killed")), results(&path.join("alone")));
    assert_eq!(killed.len(), 5 * seeds.len());
    assert_eq!(killed, alone);
    // Every answer is there, whole, and checked as the row says.
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
    assert_eq!(
        std::fs::read_dir(path.join("killed/started")).expect("there").count(),
        0,
        "all that was started has ended"
    );
}

#[test]
fn solve_and_conform_leave_nobody_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("leaves.py"), PROGRAM).expect("room");
    std::fs::write(path.join("stays.py"), PROGRAM.replace("time.sleep(0.05)", "time.sleep(1000)")).expect("room");
    assert!(
        command(path, &["generate", "multiuser", "--set", "users=3", "-o", "i.json"]).wait().expect("gone").success()
    );
    let mut stream = Stream::new(&["kills", "solve"], 1);
    let mut interrupted = 0;
    for kill in 0..kills() {
        let signal = SIGNALS[(kill as usize / 2) % SIGNALS.len()];
        let arguments: &[&str] = match kill % 4 {
            0 => &["solve", "i.json", "--solver", "python3 stays.py"],
            1 => &["conform", "multiuser", "--solver", "python3 leaves.py"],
            2 => &["solve", "i.json", "--solver", "python3 leaves.py", "--json"],
            _ => &["conform", "multiuser", "--solver", "python3 stays.py"],
        };
        interrupted += u64::from(end(path, command(path, arguments), stream.uniform(0.0, 0.8), signal));
    }
    assert!(interrupted > kills() / 2, "{interrupted} of {} were still running", kills());
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
