//! Programs that leave processes behind, take more than they may, or look and write where they should not: each becomes the right row or flag, and nothing of
//! them stays.

mod common;
#[path = "common/left.rs"]
mod left;
#[allow(dead_code)]
#[path = "common/rows.rs"]
mod rows;

use std::path::Path;

use predicates::str::contains;
use serde_json::{Value, json};

use common::offcut;
use left::{left_with, marked};
use rows::Rows;

const SOLVER: &str = r#"
import glob, json, os, signal, socket, subprocess, sys, time
def say():
    body = json.load(open(sys.argv[1]))["body"]
    models, users = body["models"], body["users"]
    cut = [len(models[user["model"]]["macs"]) for user in users]
    took = [sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users]
    found = {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": max(took)}
    body = {"stop": "completed", "found": found, "proved": None}
    print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body}), flush=True)
def detached(sessions):
    # Its parent is gone, and so are its session and its group.
    for _ in range(sessions):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.close(0), os.close(1), os.close(2)
                time.sleep(1000)
            os._exit(0)
        os.wait()
def denied(what):
    try:
        what()
    except OSError:
        return True
    return False
def tried(**what):
    # True is denied.
    print(json.dumps({name: denied(call) for name, call in what.items()}), file=sys.stderr, flush=True)
def write(path):
    open(path, "w").write("0")
def connect():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname(), timeout=5)
"#;

fn program(path: &Path, name: &str, text: &str) {
    std::fs::write(path.join(format!("{name}.py")), format!("{SOLVER}{text}\n")).expect("room");
}

/// Runs programs on one instance with so much memory; the command's standard error.
fn run(path: &Path, programs: &[(&str, &str)], memory_bytes: Option<u64>, set: &[(&str, &str)]) -> String {
    let mut solvers = serde_json::Map::new();
    for (name, text) in programs {
        program(path, name, text);
        solvers.insert((*name).into(), json!({ "command": format!("python3 {name}.py") }));
    }
    let methods: Vec<&str> = programs.iter().map(|(name, _)| *name).collect();
    let suite = json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Isolation", "budget": { "time_s": 20, "memory_bytes": memory_bytes, "threads": 1, "seed": 0 }, "solvers": solvers,
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": { "users": 4 }, "seeds": [1], "methods": methods }],
    }});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    let mark = format!("OFFCUT_TEST={}", path.display());
    let (name, value) = mark.split_once('=').expect("put there");
    let mut command = offcut(path);
    let command = command.env(name, value).args(["run", "s.json", "--folder", "run"]);
    command.envs(set.iter().copied());
    let output = command.timeout(std::time::Duration::from_secs(300)).output().expect("started");
    assert_eq!(left_with(&mark), Vec::<String>::new());
    assert_eq!(marked(&mark).len(), 0);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn words(row: &Value) -> Vec<&str> {
    row["process"]["isolation"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Control groups that this test's runners have left, of all there are.
fn groups_of(runners: &str) -> Vec<std::path::PathBuf> {
    let mut open = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in below.filter(|path| path.is_dir() && !path.is_symlink()) {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(runners)) {
                found.push(path.clone());
            }
            open.push(path);
        }
    }
    found
}

#[test]
fn processes_left_behind_are_ended_and_named() {
    let leaves = [
        ("child", "subprocess.Popen(['sleep', '1000']); say()"),
        ("double-fork", "detached(1); say()"),
        ("storm", "detached(50); say()"),
        ("storm-and-hang", "detached(50); os.kill(os.getpid(), signal.SIGSTOP)"),
    ];
    for (set, has_groups) in [(&[][..], true), (&[("OFFCUT_ISOLATION", "off")][..], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        // Fifty interpreters share most of their pages, and hold less than this together.
        let told = run(path, &leaves[..3], Some(300 << 20), set);
        let rows = Rows::read(&path.join("run"));
        for ((name, _), count) in leaves.iter().zip([1, 1, 50]) {
            let row = rows.of(name);
            assert_eq!(
                (&row["status"], &row["process"]["ended"]),
                (&json!("feasible"), &json!("exit code 0")),
                "{row}"
            );
            let left: u64 =
                row["process"]["orphans"].as_object().expect("some").values().filter_map(Value::as_u64).sum();
            assert_eq!(left, count, "{name}: {row}");
            assert!(words(row).contains(&"subreaper"), "{row}");
            assert!(has_groups || words(row) == ["subreaper"], "{row}");
        }
        assert!(
            told.contains("storm on ") && told.contains(" left processes behind, which were ended: 50 python3"),
            "{told}"
        );
    }
}

#[test]
fn children_that_take_three_times_the_memory_are_out_of_memory() {
    const LIMIT: u64 = 300 << 20;
    let takes = [(
        "children",
        "for _ in range(3):\n    if os.fork() == 0:\n        kept = bytearray(os.urandom(1 << 20)) * 290\n        time.sleep(1000)\ntime.sleep(1000)",
    )];
    for set in [&[][..], &[("OFFCUT_ISOLATION", "off")][..]] {
        let folder = tempfile::tempdir().expect("a folder");
        run(folder.path(), &takes, Some(LIMIT), set);
        let rows = Rows::read(&folder.path().join("run"));
        let row = rows.of("children");
        assert_eq!((&row["status"], &row["stop"]), (&json!("memory"), &json!("memory_limit")), "{row}");
        assert!(row["process"]["ended"].as_str().is_some_and(|ended| ended.contains("out of memory")), "{row}");
    }
}

#[test]
fn more_processors_than_threads_are_not_to_be_had_or_told() {
    let busy = [(
        "busy",
        "def work():\n    until = time.time() + 3\n    while time.time() < until: pass\nfor _ in range(3):\n    if os.fork() == 0:\n        os.sched_setaffinity(0, range(os.cpu_count()))\n        work()\n        os._exit(0)\nwork()\nfor _ in range(3): os.wait()\nsay()",
    )];
    for set in [&[][..], &[("OFFCUT_ISOLATION", "off")][..]] {
        let folder = tempfile::tempdir().expect("a folder");
        run(folder.path(), &busy, None, set);
        let rows = Rows::read(&folder.path().join("run"));
        let row = rows.of("busy");
        let of = |field: &str| row["process"][field].as_f64().expect("seconds");
        let is_beyond = of("cpu_s") > 1.05 * of("wall_s") + 0.1;
        assert_eq!(row["process"]["exceeds_threads"].as_bool().unwrap_or(false), is_beyond, "{row}");
        if words(row).contains(&"cgroup-cpuset") {
            assert!(!is_beyond, "{row}");
        }
        let report = std::fs::read_to_string(folder.path().join("run/report/report.md")).expect("a report");
        assert_eq!(report.contains("CPU beyond threads x wall"), is_beyond, "{report}");
        assert!(report.contains("isolation of cells"), "{report}");
    }
}

#[test]
fn programs_write_to_their_scratch_folder_only_and_see_no_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::create_dir_all(path.join("runs/other/answers")).expect("room");
    std::fs::write(path.join("runs/other/answers/a.json"), "{}").expect("room");
    std::fs::create_dir_all(path.join("instances/data/multiuser/library/answers")).expect("room");
    std::fs::write(path.join("instances/data/multiuser/library/answers/a.json"), "{}").expect("room");
    std::fs::write(path.join("mine.txt"), "mine").expect("room");
    let tries = r#"
scratch = os.path.dirname(sys.argv[1])
def first(pattern):
    found = sorted(glob.glob(pattern))
    open(found[0] if found else "/nowhere").read()
def uncovered():
    if subprocess.run(["umount", os.path.abspath("run")], stderr=subprocess.DEVNULL).returncode: raise OSError()
tried(
    scratch=lambda: write(scratch + "/x"), temporary=lambda: __import__("tempfile").TemporaryFile(), null=lambda: write("/dev/null"),
    own=lambda: open("mine.txt").read(),
    beside=lambda: write("x.txt"), change=lambda: write("mine.txt"), truncate=lambda: os.truncate("mine.txt", 0), remove=lambda: os.remove("mine.txt"),
    rename=lambda: os.rename("mine.txt", scratch + "/mine.txt"), folder=lambda: os.mkdir("new"), home=lambda: write(os.path.expanduser("~/offcut-x")),
    answers=lambda: first("run/answers/*.json"), rows=lambda: open("run/rows.jsonl").read(), instances=lambda: first("run/instances/*.json"),
    others=lambda: first("runs/other/answers/*.json"), library=lambda: first("instances/data/multiuser/library/answers/*.json"),
    uncover=uncovered, root=lambda: os.listdir(f"/proc/{os.getppid()}/root/tmp"), group=lambda: write("/sys/fs/cgroup/cgroup.procs"),
    signal=lambda: os.kill(os.getppid(), 0), network=connect)
say()
"#;
    // The first has an answer when the second looks for one, whichever of them is first.
    let told = run(path, &[("first", tries), ("second", tries)], None, &[]);
    assert!(!told.contains("was changed"), "{told}");
    let rows = Rows::read(&path.join("run"));
    let logs: Vec<Value> = std::fs::read_dir(path.join("run/logs"))
        .expect("there")
        .map(|log| serde_json::from_slice(&std::fs::read(log.expect("a log").path()).expect("text")).expect("JSON"))
        .collect();
    assert_eq!(logs.len(), 2);
    for (log, name) in logs.iter().zip(["first", "second"]) {
        let words = words(rows.of(name));
        assert_eq!(rows.of(name)["status"], "feasible");
        let assert_denied = |names: &[&str], is_denied: bool| {
            names.iter().for_each(|name| assert_eq!(log[*name], json!(is_denied), "{name}: {log} {words:?}"));
        };
        assert_denied(&["scratch", "temporary", "null", "own"], false);
        if words.contains(&"landlock-fs") {
            assert_denied(
                &["beside", "change", "truncate", "remove", "rename", "folder", "home", "uncover", "group"],
                true,
            );
        }
        if words.contains(&"mount-namespace") {
            assert_denied(&["answers", "rows", "instances", "others", "library"], true);
        }
        if words.contains(&"network-namespace") || words.contains(&"landlock-net") {
            assert_denied(&["network"], true);
        }
        if words.contains(&"landlock-signal") {
            assert_denied(&["signal", "root"], true);
        }
    }
    assert_eq!(std::fs::read_to_string(path.join("mine.txt")).expect("there"), "mine");
    assert!(path.join("runs/other/answers/a.json").exists());
    let left = std::fs::read_dir(std::env::temp_dir()).expect("there").flatten();
    let copies = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("offcut-cell-"));
    // Those of other runners may be there.
    for copy in copies {
        let name = copy.file_name().to_string_lossy().into_owned();
        let runner = name.split('-').nth(2).expect("a number").to_owned();
        assert!(Path::new("/proc").join(runner).exists(), "{name} was left");
    }
}

#[test]
fn isolation_can_be_turned_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let writes = [("writes", "write('x.txt'); connect(); say()")];
    run(path, &writes, None, &[("OFFCUT_ISOLATION", "no-sandbox")]);
    let rows = Rows::read(&path.join("run"));
    assert_eq!(rows.of("writes")["status"], "feasible", "{}", rows.of("writes"));
    assert!(path.join("x.txt").exists());
    let sandbox = |word: &&str| word.starts_with("landlock") || word.ends_with("namespace");
    assert_eq!(words(rows.of("writes")).iter().filter(|word| sandbox(word)).count(), 0);
}

#[test]
fn a_runner_that_is_interrupted_leaves_no_control_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    offcut(path).args(["generate", "multiuser", "--set", "users=3", "-o", "i.json"]).assert().success();
    program(path, "hangs", "detached(3); time.sleep(1000)");
    for signal in ["-TERM", "-KILL"] {
        let mark = format!("OFFCUT_TEST={}", path.display());
        let (name, value) = mark.split_once('=').expect("put there");
        let offcut_program = assert_cmd::cargo::cargo_bin("offcut");
        let mut child = std::process::Command::new(offcut_program)
            .current_dir(path)
            .env(name, value)
            .args(["solve", "i.json", "--solver", "python3 hangs.py"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("started");
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while marked(&mark).len() < 6 && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("started");
        child.wait().expect("it ends");
        assert_eq!(left_with(&mark), Vec::<String>::new(), "{signal}");
        if signal == "-KILL" {
            // The next runner removes its groups.
            offcut(path)
                .args(["solve", "i.json", "--method", "threshold"])
                .assert()
                .success()
                .stdout(contains("optimal"));
        }
        assert_eq!(groups_of(&format!("offcut-{}-", child.id())), Vec::<std::path::PathBuf>::new(), "{signal}");
    }
}
