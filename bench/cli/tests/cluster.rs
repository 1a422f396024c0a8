//! A run on a cluster, with processes of this machine as its engine: tasks are ended at random instants, the folder is out of reach for a while, and the run comes to the
//! same as one that was left alone. The same with a real Slurm is `bench/slurm/test`.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::offcut;
use offcut_instances::random::Stream;
use predicates::str::contains;
use serde_json::Value;

/// A suite of so many instances, with methods and programs beside.
fn write_suite(folder: &Path, seeds: u64, methods: &[&str], solvers: &Value) {
    let seeds: Vec<u64> = (1..=seeds).collect();
    let suite = serde_json::json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Tasks", "budget": { "time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0 },
        "solvers": solvers,
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": { "users": 5 }, "seeds": seeds, "methods": methods }],
    }});
    std::fs::write(folder.join("s.json"), suite.to_string()).expect("room");
}

/// By key, what does not depend on the moment. No key has two rows.
fn results(run: &Path) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(run.join("rows.jsonl")).expect("there");
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let parts =
            ["status", "stop", "claimed_objective", "checked_objective", "proof", "counts", "instance", "measures"];
        let kept: Vec<Value> = parts.iter().map(|part| row[part].clone()).collect();
        assert!(found.insert(row["key"].to_string(), kept.into()).is_none(), "doubled: {}", row["key"]);
    }
    found
}

fn submit(folder: &Path, jobs: &str) {
    offcut(folder).args(["run", "s.json", "--folder", "run", "--on", "local", "--jobs", jobs]).assert().success();
}

fn status(folder: &Path) -> Value {
    let output = offcut(folder).args(["status", "run", "--json"]).output().expect("started");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_array().expect("a list or a number").len() as u64)
}

/// Waits until no task and no last job is at work, and tells where the run stands then.
fn wait(folder: &Path) -> Value {
    let until = Instant::now() + Duration::from_secs(300);
    loop {
        let is_at_work = groups(folder).iter().any(|(lock, _)| is_locked(lock));
        if !is_at_work {
            return status(folder);
        }
        assert!(Instant::now() < until, "tasks come to an end: {}", status(folder));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_locked(lock: &Path) -> bool {
    let file = std::fs::File::open(lock).expect("there");
    matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

/// Locks and process groups of all tasks and last jobs.
fn groups(folder: &Path) -> Vec<(PathBuf, String)> {
    let jobs = std::fs::read_dir(folder.join("run/cluster/local")).expect("there").flatten();
    let files = jobs.flat_map(|job| std::fs::read_dir(job.path()).expect("a folder").flatten());
    let pids = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "pid"));
    pids.map(|path| (path.with_extension("lock"), std::fs::read_to_string(&path).expect("text"))).collect()
}

#[test]
fn tasks_that_are_killed_lose_and_double_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write_suite(path, 12, &["threshold", "iao", "local-only", "milp"], &serde_json::json!({}));
    let mut stream = Stream::new(&["cluster", "kills"], 1);
    let mut ended = 0;
    for round in 0..4 {
        submit(path, "3");
        for _ in 0..2 {
            std::thread::sleep(Duration::from_secs_f64(stream.uniform(0.1, 0.6)));
            let alive: Vec<_> = groups(path)
                .into_iter()
                .filter(|(lock, _)| is_locked(lock) && lock.file_stem().is_some_and(|stem| stem != "job"))
                .collect();
            let Some((_, group)) = alive.first() else { continue };
            let signal = if round % 2 == 0 { "KILL" } else { "TERM" };
            let killed =
                Command::new("kill").args(["-s", signal, "--", &format!("-{group}")]).stderr(Stdio::null()).status();
            ended += u64::from(killed.expect("there is a program called kill").success());
        }
        let now = wait(path);
        assert_eq!(number(&now["running"]) + number(&now["waiting"]), 0, "{now}");
        assert_eq!(
            number(&now["done"]) + number(&now["lost"]) + number(&now["missing"]),
            48,
            "nothing is silent: {now}"
        );
    }
    assert!(ended > 0, "a task was at work when it was ended");
    submit(path, "3");
    let now = wait(path);
    assert_eq!((number(&now["done"]), number(&now["lost"]), number(&now["not_gathered"])), (48, 0, 0), "{now}");
    offcut(path).args(["run", "s.json", "--folder", "alone"]).assert().success();
    assert_eq!(results(&path.join("run")), results(&path.join("alone")));
    assert!(path.join("run/report/report.html").exists(), "the last job wrote a report");
    // Nothing is missing: the report is written here.
    offcut(path)
        .args(["run", "s.json", "--folder", "run", "--on", "local"])
        .assert()
        .success()
        .stdout(contains("nothing to submit"))
        .stdout(contains("report: open"));
    offcut(path).args(["check", "run"]).assert().success();
    offcut(path).args(["status", "run"]).assert().success().stdout(contains("48 cells: 48 done"));
    let rows = std::fs::read_to_string(path.join("run/rows.jsonl")).expect("there");
    assert!(rows.lines().all(|line| line.contains("; node ")), "every row names its node");
    let reference = std::fs::read_to_string(path.join("run/reference.jsonl")).expect("there");
    assert!(!reference.is_empty() && reference.lines().all(|line| line.split(' ').count() == 3), "{reference}");
}

/// Answers that all is local, after a while.
const SLOW: &str = r#"
import json, sys, time
time.sleep(0.4)
body = json.load(open(sys.argv[1]))["body"]
models, users = body["models"], body["users"]
cut = [len(models[user["model"]]["macs"]) for user in users]
took = [sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users]
found = {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": max(took) if body["objective"] == "max" else sum(took)}
print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": {"stop": "completed", "found": found, "proved": None}}), flush=True)
"#;

#[test]
fn a_folder_out_of_reach_is_told_and_run_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("slow.py"), SLOW).expect("room");
    write_suite(path, 8, &["slow"], &serde_json::json!({ "slow": { "command": "python3 slow.py" } }));
    submit(path, "2");
    std::thread::sleep(Duration::from_millis(600));
    let (claims, away) = (path.join("run/cluster/claims"), path.join("away"));
    std::fs::rename(&claims, &away).expect("it can be moved");
    while groups(path).iter().any(|(lock, _)| is_locked(lock)) {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::rename(&away, &claims).expect("it can be moved");
    let now = status(path);
    assert!(number(&now["done"]) < 8, "{now}");
    assert_eq!(number(&now["troubles"]), 3, "both tasks, and the last job, as rows are missing: {now}");
    assert!(now["troubles"].to_string().contains("claims"), "{now}");
    offcut(path).args(["status", "run"]).assert().code(1).stdout(contains("submit the run again"));
    // A program that was changed since is not run under the key of the other.
    submit(path, "2");
    let now = wait(path);
    assert_eq!((number(&now["done"]), number(&now["lost"])), (8, 0), "{now}");
    assert_eq!(results(&path.join("run")).len(), 8);
}

#[test]
fn a_second_command_beside_tasks_at_work_submits_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("slow.py"), SLOW).expect("room");
    write_suite(path, 6, &["slow"], &serde_json::json!({ "slow": { "command": "python3 slow.py" } }));
    submit(path, "2");
    let again = ["run", "s.json", "--folder", "run", "--on", "local", "--jobs", "2"];
    offcut(path).args(again).assert().success().stdout(contains("nothing submitted: 2 tasks run or wait"));
    offcut(path)
        .args(["run", "s.json", "--folder", "run", "--on", "local", "--jobs", "3"])
        .assert()
        .success()
        .stdout(contains("of 1 tasks"));
    let now = wait(path);
    assert_eq!((number(&now["done"]), number(&now["lost"])), (6, 0), "{now}");
    assert_eq!(results(&path.join("run")).len(), 6);
    submit(path, "1");
    // Cancelled tasks give back what they have.
    write_suite(path, 12, &["slow"], &serde_json::json!({ "slow": { "command": "python3 slow.py" } }));
    submit(path, "2");
    let _ = offcut(path).args(["status", "run", "--cancel"]).assert();
    let now = wait(path);
    assert!(number(&now["done"]) < 12 && number(&now["troubles"]) > 0, "{now}");
    submit(path, "2");
    assert_eq!(number(&wait(path)["done"]), 12);
}

#[test]
fn what_cannot_be_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write_suite(path, 1, &["iao"], &serde_json::json!({}));
    let run = |more: &[&str]| {
        let mut command = offcut(path);
        command.args(["run", "s.json", "--folder", "run"]).args(more).env("PATH", path);
        command.assert()
    };
    let absent = run(&["--on", "slurm"]).code(2).stderr(contains("squeue: is not on this machine"));
    assert_eq!(String::from_utf8_lossy(&absent.get_output().stderr).lines().count(), 1);
    assert!(!path.join("run/manifest.json").exists(), "nothing looks like a run under way");
    run(&["--on", "slurm", "--time-per-job", "soon"]).code(2).stderr(contains("is not a time"));
    run(&["--on", "slurm", "--time-per-job", "0:10"]).code(2).stderr(contains("shorter than a cell may take"));
    run(&["--on", "slurm", "--threads", "4", "--cpus-per-task", "2"])
        .code(2)
        .stderr(contains("fewer than the 4 threads"));
    run(&["--partition", "cpu"]).code(2).stderr(contains("--on"));
    run(&["--on", "local", "--shard", "1/2"]).code(2);
    offcut(path).args(["status", "run"]).assert().code(2);
    offcut(path).args(["cluster", "work", "--submission", "1", "run"]).assert().code(2);
}
