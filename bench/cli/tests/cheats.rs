//! Programs that make themselves look faster or better than they are, each beside its honest twin: the twin's times and primal integrals are never worse.

mod common;
#[allow(dead_code)]
#[path = "common/rows.rs"]
mod rows;

use std::path::Path;

use predicates::str::contains;
use serde_json::{Value, json};

use common::offcut;
use rows::Rows;

/// The time limit in seconds.
const LIMIT_S: f64 = 20.0;

/// Two answers: everything local, and the best one, which is in a file. Both are honest about their objectives.
const SOLVER: &str = r#"
import json, sys, time
body = json.load(open(sys.argv[1]))["body"]
models, users = body["models"], body["users"]
cut = [len(models[user["model"]]["macs"]) for user in users]
took = [sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users]
local = {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": max(took)}
best = json.load(open("best.json"))["body"]["found"]
def line(**what):
    print(json.dumps(what), flush=True)
def compute(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until: pass
def ready():
    line(ready=True)
def bound(value):
    return {"value": value, "evidence": {"solver_word": "mine"}}
def done(found=best, proved=None, **trace):
    body = {"stop": "completed", "found": found, "proved": proved, "trace": trace}
    print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body}), flush=True)
"#;

/// Names and what they do.
const PROGRAMS: [(&str, &str); 11] = [
    // What is honest: each step is told when it is done.
    ("honest", "ready(); line(incumbent=local); time.sleep(1); line(incumbent=best); done()"),
    // A better objective than its solution has.
    ("claims", "ready(); line(incumbent={**local, 'objective': best['objective']}); time.sleep(1); done()"),
    // One that nothing can have.
    ("impossible", "ready(); line(incumbent={**best, 'objective': 0.01 * best['objective']}); time.sleep(1); done()"),
    // A history that nobody has timed.
    ("before", "ready(); time.sleep(1); done(incumbents=[{'at_s': -100, 'objective': best['objective']}])"),
    ("at-once", "ready(); time.sleep(1); done(incumbents=[{'at_s': 0, 'objective': best['objective']}])"),
    (
        "measures",
        "line(measured={'solve_s': 0.001, 'solve_cpu_s': 0.001, 'peak_memory_bytes': 1}); ready(); time.sleep(1); done(incumbents=[{'at_s': 0, 'objective': best['objective']}])",
    ),
    // Work before it says that it is ready.
    ("slow", "ready(); compute(2.5); line(incumbent=best); done()"),
    ("slow-reader", "compute(2.5); ready(); line(incumbent=best); done()"),
    ("ready-again", "line(incumbent=local); time.sleep(1); ready(); line(incumbent=best); done()"),
    ("late", "ready(); line(incumbent=local); time.sleep(20.5); line(incumbent=best); done()"),
    // The strongest bound is the first one.
    (
        "bounds",
        "ready(); [line(bound=bound(part * best['objective'])) for part in (0.5, 0.75, 0.25)]; done(proved=bound(0.1 * best['objective']))",
    ),
];

/// A run of all programs on one instance.
fn run(path: &Path) -> Rows {
    offcut(path).args(["generate", "multiuser", "--set", "users=4", "-o", "i.json"]).assert().success();
    offcut(path).args(["solve", "i.json", "--method", "threshold", "-o", "best.json"]).assert().success();
    let mut solvers = serde_json::Map::new();
    for (name, program) in PROGRAMS {
        std::fs::write(path.join(format!("{name}.py")), format!("{SOLVER}{program}\n")).expect("room");
        solvers.insert(name.into(), json!({ "command": format!("python3 {name}.py") }));
    }
    let methods: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    let suite = json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Cheats", "budget": { "time_s": LIMIT_S, "memory_bytes": null, "threads": 1, "seed": 0 },
        "solvers": solvers, "studies": [{ "name": "a", "title": "A", "files": ["i.json"], "methods": methods }],
    }});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    offcut(path).args(["run", "s.json", "--folder", "run"]).assert().success();
    Rows::read(&path.join("run"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// The primal integral of a row as reports have it, in seconds.
fn integral(row: &Value, best: f64) -> f64 {
    if !row["history_rejected"].is_null() {
        return LIMIT_S;
    }
    let mut steps: Vec<(f64, f64)> = row["incumbents"]
        .as_array()
        .expect("incumbents")
        .iter()
        .map(|incumbent| (number(&incumbent["at_s"]), number(&incumbent["objective"])))
        .collect();
    steps.push((number(&row["times"]["solve_s"]), number(&row["claimed_objective"])));
    let (mut area, mut since, mut level) = (0.0, 0.0, 1.0);
    for (at, objective) in steps {
        let at = at.clamp(since, LIMIT_S);
        area += level * (at - since);
        (since, level) = (at, (objective - best) / objective);
    }
    area + level * (LIMIT_S - since)
}

#[test]
fn no_cheat_is_better_than_its_honest_twin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let rows = run(path);
    let solve_s = |name: &str| number(&rows.of(name)["times"]["solve_s"]);
    let best = number(&rows.of("honest")["claimed_objective"]);
    let of = |name: &str| integral(rows.of(name), best);

    let honest = rows.of("honest");
    assert!(honest["history_rejected"].is_null() && honest["status"] == "feasible", "{honest}");
    assert_eq!(honest["incumbents"].as_array().map(Vec::len), Some(2), "{honest}");
    assert!(number(&honest["process"]["ready_s"]) > 0.0, "{honest}");
    let rejected = [
        ("claims", "incumbent 1: "),
        ("impossible", "incumbent 1: "),
        ("before", "it is in the answer"),
        ("at-once", "it is in the answer"),
        ("measures", "it is in the answer"),
    ];
    for (name, why) in rejected {
        let row = rows.of(name);
        assert_eq!(row["status"], "feasible", "{name}: {row}");
        assert_eq!(row["incumbents"], json!([]), "{name}: {row}");
        assert!(row["history_rejected"].as_str().is_some_and(|told| told.contains(why)), "{name}: {row}");
        assert!(of("honest") <= of(name) && solve_s(name) >= 1.0, "{name}: {row}");
    }

    // Both took 2.5 s; whoever reads as long is charged for it, and for its start.
    assert!(solve_s("slow") >= 2.5 && solve_s("slow-reader") >= 2.5, "{} {}", solve_s("slow"), solve_s("slow-reader"));
    let first_s = |name: &str| number(&rows.of(name)["incumbents"][0]["at_s"]);
    assert!(first_s("slow") >= 2.5 && first_s("slow-reader") >= 2.5);
    assert!(solve_s("ready-again") >= 1.0, "{}", rows.of("ready-again"));

    let late = rows.of("late");
    assert_eq!((&late["stop"], &late["status"]), (&json!("time_limit"), &json!("feasible")), "{late}");
    assert_eq!(late["incumbents"].as_array().map(Vec::len), Some(1), "{late}");
    assert!(of("honest") <= of("late"));

    let bound = number(&rows.of("bounds")["proof"]["solver_word"]["value"]);
    assert!((bound - 0.75 * best).abs() < 1e-9 * best, "{}", rows.of("bounds"));

    // All of it is in the answers: checked again, nothing differs.
    offcut(path).args(["check", "run"]).assert().success();
    let table = std::fs::read_to_string(path.join("run/report/report.md")).expect("a report");
    assert!(table.contains("have no anytime curve and count as 100 %: 5."), "{table}");
}

#[test]
fn solve_says_by_its_exit_code_that_there_is_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    offcut(path).args(["generate", "multiuser", "--set", "users=3", "-o", "i.json"]).assert().success();
    for (name, program, status) in
        [("fails", "raise ValueError('no idea')", "crash"), ("says", "print('hello')", "invalid")]
    {
        std::fs::write(path.join(format!("{name}.py")), program).expect("room");
        let solver = format!("python3 {name}.py");
        offcut(path).args(["solve", "i.json", "--solver", &solver]).assert().code(1).stdout(contains(status));
    }
}
