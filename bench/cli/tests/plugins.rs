//! Programs in other languages, good and bad: each becomes the right row, and the run goes on.

mod common;
#[path = "common/rows.rs"]
mod rows;

use std::process::Command as Plain;

use predicates::prelude::*;
use predicates::str::contains;

use common::offcut;
use rows::{Misbehaving, Rows};

const ANSWER: &str = r#"
import json, sys
def answer(latency_factor=1.0):
    users = json.load(open(sys.argv[1]))["body"]["users"]
    models = json.load(open(sys.argv[1]))["body"]["models"]
    cut = [len(models[user["model"]]["macs"]) for user in users]
    worst = max(sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users)
    return {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": worst * latency_factor}
def say(body):
    print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body}), flush=True)
def done(found):
    say({"stop": "completed", "found": found, "proved": None})
"#;

/// What programs do, and what becomes of it.
const PROGRAMS: [Misbehaving; 14] = [
    ("honest", "done(answer())", "feasible", "completed", "exit code 0"),
    ("sleeps", "import time; time.sleep(1000)", "time", "time_limit", "ended after its time"),
    (
        "sleeps-on",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1000)",
        "time",
        "time_limit",
        "ended after its time",
    ),
    (
        "improves",
        "import time; print(json.dumps({'ready': True})); print(json.dumps({'incumbent': answer()}), flush=True); time.sleep(1000)",
        "feasible",
        "time_limit",
        "ended after its time",
    ),
    ("allocates", "kept = []\nwhile True: kept.append(bytearray(10 ** 7))", "memory", "memory_limit", "out of memory"),
    (
        "aborts",
        "import os; print('the end is near', file=sys.stderr, flush=True); os.abort()",
        "crash",
        "the end is near",
        "signal 6",
    ),
    ("fails", "raise ValueError('no idea')", "crash", "no idea", "exit code 1"),
    (
        "rubbish",
        "print('hello'); done(answer())",
        "invalid",
        "line 1 of its output is not JSON: 'hello'",
        "exit code 0",
    ),
    ("brackets", "print('[' * 10 ** 7)", "invalid", "is not JSON", "exit code 0"),
    (
        "halves",
        "print(json.dumps({'incumbent': {'objective': 1}})); done(answer())",
        "invalid",
        "line 1 of its output is not understood: missing field `solution`",
        "exit code 0",
    ),
    ("not-a-number", "done(answer(float('nan')))", "invalid", "without NaN", "exit code 0"),
    ("silent", "pass", "invalid", "without an answer", "exit code 0"),
    ("lies", "done(answer(0.5))", "wrong", "completed", "exit code 0"),
    (
        "floods",
        "line = 'x' * 10 ** 6 + '\\n'\nfor _ in range(1000): sys.stdout.write(line)\ndone(answer())",
        "crash",
        "wrote more than",
        "wrote too much",
    ),
];

#[test]
fn programs_that_misbehave_become_rows_and_the_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut solvers = serde_json::Map::new();
    for (name, program, ..) in PROGRAMS {
        std::fs::write(path.join(format!("{name}.py")), format!("{ANSWER}{program}\n")).expect("room");
        solvers.insert(name.into(), serde_json::json!({ "command": format!("python3 {name}.py") }));
    }
    solvers.insert("absent".into(), serde_json::json!({ "command": "no-such-program-anywhere" }));
    let mut methods: Vec<&str> = PROGRAMS.iter().map(|(name, ..)| *name).collect();
    methods.extend(["absent", "threshold"]);
    let suite = serde_json::json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Rogues", "budget": { "time_s": 1, "memory_bytes": 400_000_000, "threads": 1, "seed": 0 },
        "solvers": solvers,
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": {"users": 4}, "seeds": [1], "methods": methods }],
    }});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    // Exit code 1: one answer was rejected.
    offcut(path).args(["run", "s.json"]).assert().code(1).stdout(contains("1 of 16 answers were rejected"));
    let rows = Rows::read(&path.join("runs/s"));
    assert_eq!(rows.len(), 16);
    rows.assert_told(&PROGRAMS);
    let row = |name: &str| rows.of(name);
    assert_eq!(row("threshold")["status"], "optimal-certified");
    // Times come from outside: the incumbent was timed when it arrived.
    assert!(row("improves")["incumbents"][0]["at_s"].as_f64().expect("a time") < 5.0);
    assert!(row("sleeps")["process"]["wall_s"].as_f64().expect("a time") >= 6.0);
    let logs = std::fs::read_dir(path.join("runs/s/logs")).expect("there");
    let said: Vec<String> =
        logs.map(|log| std::fs::read_to_string(log.expect("a log").path()).expect("text")).collect();
    assert!(said.iter().any(|log| log.contains("the end is near")));
    // Nothing is run again; a program that changed is another one.
    offcut(path).args(["run", "s.json"]).assert().code(1).stderr(contains("16 cells have their row already; 0 to run"));
    std::fs::write(path.join("lies.py"), format!("{ANSWER}done(answer())\n")).expect("room");
    offcut(path).args(["run", "s.json"]).assert().success().stderr(contains("; 1 to run"));
    // So is one that imports another that changed.
    std::fs::write(path.join("lies.py"), format!("{ANSWER}import helper\ndone(answer())\n")).expect("room");
    for lines in ["", "WORTH = 1"] {
        std::fs::write(path.join("helper.py"), lines).expect("room");
        offcut(path).args(["run", "s.json"]).assert().success().stderr(contains("; 1 to run"));
    }
}

#[test]
fn processes_left_behind_are_ended_and_do_not_hold_the_run_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let program = format!(
        "{ANSWER}\nimport subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nopen('pid', 'w').write(str(child.pid))\ndone(answer())\n"
    );
    std::fs::write(path.join("leaves.py"), program).expect("room");
    offcut(path).args(["generate", "multiuser", "--set", "users=3", "-o", "i.json"]).assert().success();
    offcut(path)
        // It writes beside itself.
        .env("OFFCUT_ISOLATION", "no-sandbox")
        .args(["solve", "i.json", "--solver", "python3 leaves.py"])
        .timeout(std::time::Duration::from_secs(60))
        .assert()
        .success()
        .stdout(contains("feasible"));
    let pid = std::fs::read_to_string(path.join("pid")).expect("written");
    // Ended is not gone yet: the operating system takes its time on a busy machine.
    let is_gone = || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z")
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !is_gone() && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(is_gone(), "process {pid} lives on");
}

/// Every line of `conform` has the objective, a reference that is no worse, and the gap to it: those of `multiuser` are solved by an exact method first.
fn has_reference_and_gap(path: &std::path::Path) {
    let output = offcut(path).args(["conform", "multiuser", "--solver", "python3 multiuser_solver.py"]).output();
    let text = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let cells = |line: &str| -> Vec<String> {
        line.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect()
    };
    let header = cells(text.lines().next().expect("a header"));
    assert_eq!(header[..5], ["instance", "status", "objective", "reference", "gap"]);
    let lines: Vec<Vec<String>> = text.lines().filter(|line| line.contains(" seed ")).map(cells).collect();
    assert!(lines.len() > 3, "{text}");
    for line in lines {
        let number = |at: usize| line[at].trim_end_matches(" %").parse::<f64>().expect("a number");
        let (objective, reference, gap) = (number(2), number(3), number(4));
        // Printed with four digits.
        let expected = 100.0 * (objective - reference) / reference;
        assert!(gap >= 0.0 && (gap - expected).abs() <= 0.002 * (100.0 + expected), "{line:?}: {expected}");
    }
}

#[test]
fn what_new_solver_writes_keeps_to_the_protocol_and_is_in_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    for (language, ending, interpreter) in [("python", "py", "python3"), ("javascript", "js", "node")] {
        if Plain::new(interpreter).arg("--version").output().is_err() {
            assert_ne!(language, "python", "Python is asked for by the README");
            continue;
        }
        // At once: they wait for time limits most of the time.
        std::thread::scope(|scope| {
            for problem in offcut_instances::problems::NAMES {
                scope.spawn(move || {
                    offcut(path).args(["new-solver", language, problem]).assert().success();
                    let command = format!("{interpreter} {problem}_solver.{ending}");
                    offcut(path)
                        .args(["conform", problem, "--solver", &command])
                        .assert()
                        .success()
                        .stdout(contains("it keeps to the protocol").and(contains("feasible")));
                });
            }
        });
    }
    has_reference_and_gap(path);
    offcut(path).args(["new-solver", "python", "multiuser"]).assert().code(2).stderr(contains("exists"));
    offcut(path).args(["new-solver", "python", "chess"]).assert().code(2).stderr(contains("the problems are"));
    std::fs::write(path.join("worse.py"), "print('{}')").expect("room");
    offcut(path)
        .args(["conform", "multiuser", "--solver", "python3 worse.py"])
        .assert()
        .code(1)
        .stdout(contains("WRONG").and(contains("does not keep to the protocol")));
    // Who says that there is nothing is told of a solution, once for all instances.
    let nothing = r#"print('{"offcut":"answer","problem":"multiuser","version":1,"body":{"stop":"infeasible","found":null,"proved":null}}')"#;
    std::fs::write(path.join("nothing.py"), nothing).expect("room");
    offcut(path)
        .args(["conform", "multiuser", "--solver", "python3 nothing.py"])
        .assert()
        .code(1)
        .stdout(contains("it says that there is no solution; threshold has one"));
    let suite = r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"Mine",
        "budget":{"time_s":10,"memory_bytes":null,"threads":1,"seed":0},
        "studies":[{"name":"a","title":"A","families":["zoo"],"set":{"users":4},"seeds":[1,2],"methods":["threshold"]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    offcut(path).args(["run", "s.json", "--solver", "mine=python3 multiuser_solver.py"]).assert().success();
    let page = std::fs::read_to_string(path.join("runs/s/report/report.md")).expect("there");
    assert!(page.contains("mine"), "{page}");
    let page = std::fs::read_to_string(path.join("runs/s/report/report.html")).expect("there");
    assert!(page.contains(r#"<tr class="plug" data-m="mine""#), "its row is marked in the ranking");
    assert!(page.contains("a plug-in.") && page.contains(">plug-in<"), "its kind is told");
    // A folder holds runs of one problem.
    let other = suite.replace("multiuser", "jpdra").replace(r#""users":4"#, r#""flows":2"#).replace("threshold", "dpd");
    std::fs::write(path.join("other.json"), other).expect("room");
    offcut(path)
        .args(["run", "other.json", "--folder", "runs/s"])
        .assert()
        .code(2)
        .stderr(contains("runs/s: holds a run of multiuser, and this one is of jpdra"));
    std::fs::write(path.join("x.py"), "").expect("room");
    for (solver, words) in [
        ("threshold=python3 x.py", "has the name of one"),
        ("'", "quote"),
        ("", "is empty"),
        ("mine=no-such-program x.py", "'no-such-program' cannot be started"),
        ("python3 no-such.py", "there is no file 'no-such.py'"),
    ] {
        offcut(path).args(["run", "s.json", "--solver", solver]).assert().code(2).stderr(contains(words));
    }
}
