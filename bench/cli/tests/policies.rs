//! Policies of `lymdo` in other languages, asked slot by slot: good ones come to what ours come to, bad ones become the right row, and none sees the future.

mod common;
#[path = "common/rows.rs"]
mod rows;

use std::path::Path;
use std::process::{Command as Plain, Stdio};
use std::time::{Duration, Instant};

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use common::offcut;
use rows::{Misbehaving, Rows};

/// Everybody computes everything. What a program does otherwise is in `at_3`, called at slot 3 before it decides, and `in_the_end`.
const POLICY: &str = r#"
import json, os, signal, sys, time
def say(line):
    print(json.dumps(line), flush=True)
def at_3(): pass
def in_the_end(): pass
def policy(decide):
    system = json.loads(sys.stdin.readline())["body"]
    say({"ready": True})
    for line in sys.stdin:
        state = json.loads(line)
        if state["slot"] == 3:
            at_3()
        say(decide(system, state))
    in_the_end()
def blocks(system, user):
    return system["models"][user["model"]]["macs"]
def everything(system, state=None):
    return {"cuts": [len(blocks(system, user)) for user in system["users"]]}
def with_speeds(system, state, bandwidth_hz=0.0):
    none = [0.0] * len(system["users"])
    speeds = [user["max_macs_per_s"] for user in system["users"]]
    hertz = [bandwidth_hz] * len(none)
    return {**everything(system), "local_macs_per_s": speeds, "bandwidth_hz": hertz, "edge_macs_per_s": none}
"#;

fn write(folder: &Path, name: &str, program: &str) {
    std::fs::write(folder.join(format!("{name}.py")), format!("{POLICY}{program}\n")).expect("room");
}

fn json_of(output: &[u8]) -> Value {
    serde_json::from_slice(output).expect("JSON")
}

/// The row of solving `instance` with what `arguments` ask for, whatever becomes of it.
fn row(folder: &Path, instance: &str, arguments: &[&str]) -> Value {
    let mut command = offcut(folder);
    let output = command.args(["solve", instance, "--json"]).args(arguments).output().expect("started");
    json_of(&output.stdout)
}

fn generate(folder: &Path, name: &str, arguments: &[&str]) {
    offcut(folder).args(["generate", "lymdo", "-o", name]).args(arguments).assert().success();
}

#[test]
fn cuts_alone_get_the_resources_that_our_policies_get() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "everything", "policy(everything)");
    write(path, "speeds", "policy(with_speeds)");
    write(path, "nothing", "policy(lambda system, state: {'cuts': [0] * len(system['users'])})");
    offcut(path).args(["new-solver", "python", "lymdo"]).assert().success();
    for (name, arguments) in [
        ("deterministic.json", vec!["--set", "slots=60"]),
        ("exponential.json", vec!["--set", "slots=40", "--set", "service=\"exponential\"", "--seed", "2"]),
        ("slot.json", vec!["--set", "slots=1"]),
    ] {
        generate(path, name, &arguments);
        let ours = row(path, name, &["--method", "local-only"]);
        let theirs = row(path, name, &["--policy", "python3 everything.py"]);
        assert_eq!(theirs["status"], "feasible", "{theirs}");
        // To the last digit.
        for field in ["checked_objective", "claimed_objective", "measures", "series", "status", "stop"] {
            assert_eq!(theirs[field], ours[field], "{name}: {field}");
        }
        assert_eq!(theirs["counts"]["slots_repaired"], 0);
        // With resources of its own: as a program that is given the whole instance and chooses the same.
        let whole = row(path, name, &["--solver", "python3 lymdo_solver.py"]);
        let by_slots = row(path, name, &["--policy", "python3 speeds.py"]);
        assert_eq!(by_slots["checked_objective"], whole["checked_objective"], "{name}");
        assert_ne!(by_slots["checked_objective"], ours["checked_objective"], "{name}");
    }
    // Cuts that cannot be kept stable are repaired, as our learned policy's are, and that is told.
    generate(path, "fading.json", &["--set", "slots=300"]);
    assert_eq!(row(path, "fading.json", &["--method", "edge-only"])["status"], "declined");
    let repaired = row(path, "fading.json", &["--policy", "python3 nothing.py"]);
    assert_eq!(repaired["status"], "feasible", "{repaired}");
    assert!(repaired["counts"]["slots_repaired"].as_u64().expect("a count") > 0, "{repaired}");
}

/// What programs do, and what becomes of it.
const PROGRAMS: [Misbehaving; 24] = [
    ("honest", "policy(everything)", "feasible", "completed", "exit code 0"),
    ("hangs", "def at_3(): time.sleep(1000)\npolicy(everything)", "time", "time_limit", "ended after its time"),
    (
        "hangs-on",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef at_3():\n    while True: time.sleep(1000)\npolicy(everything)",
        "time",
        "time_limit",
        "ended after its time",
    ),
    ("never-ready", "time.sleep(1000)", "time", "time_limit", "ended after its time"),
    // It answers every slot, and is stopped between two of them.
    (
        "slow",
        "def slow(s, _): time.sleep(0.4); return everything(s)\npolicy(slow)",
        "time",
        "time_limit",
        "exit code 0",
    ),
    (
        "dies",
        "def at_3(): raise ValueError('no idea')\npolicy(everything)",
        "crash",
        "slot 3: it ended instead of answering: exit code 1: ValueError: no idea",
        "exit code 1",
    ),
    (
        "aborts",
        "def at_3(): print('the end is near', file=sys.stderr, flush=True); os.abort()\npolicy(everything)",
        "crash",
        "slot 3: it ended instead of answering: signal 6, ",
        "signal 6",
    ),
    ("dies-early", "raise ValueError('no start')", "crash", "before it was ready it ended", "exit code 1"),
    ("leaves", "def at_3(): sys.exit(0)\npolicy(everything)", "crash", "slot 3: it ended instead", "exit code 0"),
    ("half", "def at_3(): sys.stdout.write('{\"cu'); sys.exit(0)\npolicy(everything)", "crash", "it ended", "exit"),
    ("closes", "def at_3(): os.close(1); time.sleep(1000)\npolicy(everything)", "crash", "closed its output", "exit"),
    ("rubbish", "def at_3(): print('hello')\npolicy(everything)", "invalid", "it said 'hello'", "exit code 0"),
    ("greets", "print('hello', flush=True)\npolicy(everything)", "crash", "its first line is not", "exit code 0"),
    ("brackets", "def at_3(): print('[' * 10 ** 6)\npolicy(everything)", "invalid", "is not a decision", "exit code 0"),
    ("beyond", "def far(s, _): return {'cuts': [99] * 5}\npolicy(far)", "invalid", "is beyond its", "exit code 0"),
    (
        "overdraws",
        "def much(s, t): return with_speeds(s, t, s['bandwidth_hz'] if t['slot'] == 3 else 0.0)\npolicy(much)",
        "crash",
        "slot 3: bandwidth",
        "exit code 0",
    ),
    (
        "floods",
        "def at_3():\n    while True: sys.stdout.write('x' * 10 ** 6)\npolicy(everything)",
        "crash",
        "slot 3: it wrote a line of more than",
        "exit code 0",
    ),
    (
        "floods-errors",
        "def at_3():\n    for _ in range(100): sys.stderr.write('x' * 10 ** 6)\npolicy(everything)",
        "feasible",
        "completed",
        "exit code 0",
    ),
    ("says-twice", "def at_3(): say({'cuts': [0] * 5})\npolicy(everything)", "crash", "said more than", "exit code 0"),
    (
        "says-on",
        "def on(s, _):\n    while True: say(everything(s))\npolicy(on)",
        "crash",
        "said more than it was asked",
        "exit code 0",
    ),
    (
        "allocates",
        "kept = []\ndef at_3():\n    while True: kept.append(bytearray(10 ** 7))\npolicy(everything)",
        "memory",
        "memory_limit",
        "out of memory",
    ),
    (
        "declines",
        "policy(lambda s, t: {'stop': {'declined': 'not mine'}})",
        "declined",
        "slot 0: not mine",
        "exit code 0",
    ),
    (
        "gives-up",
        "policy(lambda s, t: {'stop': 'infeasible'} if t['slot'] == 3 else everything(s))",
        "infeasible-claimed",
        "infeasible",
        "exit code 0",
    ),
    // Nobody waits for it: all is said.
    ("stays", "def in_the_end(): time.sleep(1000)\npolicy(everything)", "feasible", "completed", "exit code 0"),
];

#[test]
fn policies_that_misbehave_become_rows_and_the_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut solvers = serde_json::Map::new();
    for (name, program, ..) in PROGRAMS {
        write(path, name, program);
        solvers.insert(name.into(), json!({ "command": format!("python3 {name}.py"), "is_policy": true }));
    }
    solvers.insert("absent".into(), json!({ "command": "no-such-program-anywhere", "is_policy": true }));
    let mut methods: Vec<&str> = PROGRAMS.iter().map(|(name, ..)| *name).collect();
    methods.extend(["absent", "local-only"]);
    let suite = json!({ "offcut": "suite", "problem": "lymdo", "version": 1, "body": {
        "title": "Rogues", "budget": { "time_s": 1, "memory_bytes": 400_000_000, "threads": 1, "seed": 0 },
        "solvers": solvers,
        "studies": [{ "name": "a", "title": "A", "families": ["rayleigh"], "set": {"slots": 6}, "seeds": [1], "methods": methods }],
    }});
    std::fs::write(path.join("s.json"), suite.to_string()).expect("room");
    // Exit code 1: who says that there is no solution is contradicted by who found one.
    offcut(path)
        .args(["run", "s.json", "--jobs", "2"])
        .assert()
        .code(1)
        .stdout(contains("gives-up says that there is no solution"));
    let rows = Rows::read(&path.join("runs/s"));
    assert_eq!(rows.len(), PROGRAMS.len() + 2);
    rows.assert_told(&PROGRAMS);
    let row = |name: &str| rows.of(name);
    for name in ["honest", "floods-errors", "stays"] {
        assert_eq!(row(name)["checked_objective"], row("local-only")["checked_objective"], "{name}");
    }
    // What they came to before is told of those that came to an end in between.
    assert_eq!(row("dies")["counts"]["slots"], 3);
    // Memory and CPU time are those of the program too; the second it was given to go is not in its time.
    assert!(row("honest")["peak_memory_bytes"].as_u64() > row("local-only")["peak_memory_bytes"].as_u64());
    assert!(row("stays")["times"]["solve_s"].as_f64().expect("a time") < 1.0, "{}", row("stays"));
    // Nothing is run again; what is no policy any more is another program.
    let there = format!("{} cells have their row already; 0 to run", PROGRAMS.len() + 2);
    offcut(path).args(["run", "s.json"]).assert().code(1).stderr(contains(there));
    let suite = suite
        .to_string()
        .replace(r#""command":"python3 greets.py","is_policy":true"#, r#""command":"python3 greets.py""#);
    std::fs::write(path.join("s.json"), suite).expect("room");
    offcut(path).args(["run", "s.json"]).assert().code(1).stderr(contains("; 1 to run"));
}

/// Two horizons that differ after a slot, in what happens and how long it does, are told alike up to it.
#[test]
fn no_policy_is_shown_the_future() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let spy = "log = open(os.environ['LOG'], 'wb')\nfor line in sys.stdin.buffer:\n    log.write(line)\n    body = json.loads(line)\n    \
               if 'body' in body: system = body['body']; say({'ready': True})\n    else: say(everything(system))\n";
    write(path, "spy", spy);
    generate(path, "one.json", &["--set", "slots=12"]);
    let mut other = json_of(&std::fs::read(path.join("one.json")).expect("there"));
    let body = &mut other["body"];
    body["origin"]["name"] = "another".into();
    body["origin"]["seed"] = 77.into();
    let slots = body["slots"].as_array_mut().expect("slots");
    slots.truncate(9);
    for slot in &mut slots[5..] {
        for gain in slot["gains"].as_array_mut().expect("gains") {
            *gain = (gain.as_f64().expect("a gain") * 0.5).into();
        }
    }
    std::fs::write(path.join("other.json"), other.to_string()).expect("room");
    let told = |name: &str| -> Vec<String> {
        let log = path.join(name).with_extension("log");
        let mut command = offcut(path);
        command.env("LOG", &log).args(["solve", name, "--policy", "python3 spy.py"]);
        // It writes beside the instance.
        command.env("OFFCUT_ISOLATION", "no-sandbox");
        command.assert().success().stdout(contains("feasible"));
        std::fs::read_to_string(log).expect("written").lines().map(str::to_owned).collect()
    };
    let (one, other) = (told("one.json"), told("other.json"));
    assert_eq!((one.len(), other.len()), (1 + 12, 1 + 9), "the system, and every slot");
    assert_eq!(one[..=5], other[..=5]);
    for (line, other) in one.iter().zip(&other).skip(6) {
        assert_ne!(line, other);
    }
    // The lines follow the published schemas, and hold the slot of the instance.
    let schema = |line: &str| {
        let output = offcut(path).args(["schema", "lymdo", line]).assert().success().get_output().stdout.clone();
        jsonschema::validator_for(&json_of(&output)).expect("a schema")
    };
    let instance = json_of(&std::fs::read(path.join("one.json")).expect("there"));
    assert!(schema("system").is_valid(&json_of(one[0].as_bytes())));
    for (t, line) in one[1..].iter().enumerate() {
        let state = json_of(line.as_bytes());
        assert!(schema("state").is_valid(&state) && !schema("system").is_valid(&state));
        assert_eq!(state["slot"], t);
        for field in ["gains", "arrivals_per_s"] {
            assert_eq!(state[field], instance["body"]["slots"][t][field]);
        }
    }
    let decision = schema("decision");
    assert!(decision.is_valid(&json!({ "cuts": [0, 1] })) && decision.is_valid(&json!({ "stop": "infeasible" })));
    assert!(!decision.is_valid(&json!({ "cut": [0, 1] })) && !decision.is_valid(&json!({ "cuts": [0.5] })));
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
        offcut(path).args(["new-solver", language, "lymdo-policy"]).assert().success().stdout(contains("--policy"));
        let command = format!("{interpreter} lymdo_policy.{ending}");
        let kept = contains("it keeps to the protocol").and(contains("feasible"));
        offcut(path).args(["conform", "lymdo", "--policy", &command]).assert().success().stdout(kept);
    }
    write(path, "worse", "def at_3(): print('{}')\npolicy(everything)");
    let wrong = contains("WRONG").and(contains("slot 3: what it said is not a decision"));
    offcut(path).args(["conform", "lymdo", "--policy", "python3 worse.py"]).assert().code(1).stdout(wrong);
    let suite = r#"{"offcut":"suite","problem":"lymdo","version":1,"body":{"title":"Mine",
        "budget":{"time_s":10,"memory_bytes":null,"threads":1,"seed":0},
        "studies":[{"name":"policies","title":"Policies","families":["rayleigh"],"set":{"slots":30},"seeds":[1,2],"method_seeds":[0,1],
        "methods":["local-only","lymdo"]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    write(
        path,
        "seeded",
        "import random\nrandom.seed(int(os.environ['OFFCUT_SEED']))\npolicy(lambda s, t: {'cuts': [random.randrange(len(blocks(s, user)) + 1) for user in s['users']]})",
    );
    let run = ["run", "s.json", "--policy", "mine=python3 lymdo_policy.py"];
    offcut(path).args(run).args(["--folder", "runs/mine"]).assert().success();
    let page = std::fs::read_to_string(path.join("runs/mine/report/report.md")).expect("there");
    assert!(page.contains("mine"), "{page}");
    offcut(path).args(["run", "s.json", "--policy", "python3 seeded.py", "--random"]).assert().success();
    let rows = std::fs::read_to_string(path.join("runs/s/rows.jsonl")).expect("there");
    let rows = rows.lines().map(|line| json_of(line.as_bytes()));
    let objectives: Vec<Value> =
        rows.filter(|row| row["key"]["method"] == "seeded").map(|row| row["checked_objective"].clone()).collect();
    assert_eq!(objectives.len(), 4, "two instances, two seeds");
    assert!(objectives.iter().all(|objective| objectives.iter().filter(|other| *other == objective).count() == 1));
}

#[test]
fn only_problems_with_slots_take_policies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "mine", "policy(everything)");
    offcut(path).args(["generate", "multiuser", "--set", "users=3", "-o", "i.json"]).assert().success();
    let suite = |solvers: &str| {
        format!(
            r#"{{"offcut":"suite","problem":"multiuser","version":1,"body":{{"title":"Mine",
            "budget":{{"time_s":10,"memory_bytes":null,"threads":1,"seed":0}},"solvers":{solvers},
            "studies":[{{"name":"a","title":"A","families":["zoo"],"seeds":[1],"methods":["threshold"]}}]}}}}"#
        )
    };
    std::fs::write(path.join("plain.json"), suite("{}")).expect("room");
    let named = r#"{"mine":{"command":"python3 mine.py","is_policy":true}}"#;
    std::fs::write(path.join("named.json"), suite(named)).expect("room");
    let policy = ["--policy", "python3 mine.py"];
    for arguments in [
        ["solve", "i.json"].iter().chain(&policy).collect::<Vec<_>>(),
        ["conform", "multiuser"].iter().chain(&policy).collect(),
        ["run", "plain.json"].iter().chain(&policy).collect(),
        ["run", "named.json"].iter().collect(),
    ] {
        let one_line = predicate::function(|text: &str| text.lines().count() == 1);
        let why = contains("is a policy, and 'multiuser' has no slots");
        offcut(path).args(&arguments).assert().code(2).stderr(why.and(one_line));
    }
    assert!(!path.join("runs").exists(), "nothing is begun");
    for (arguments, words) in [
        (vec!["schema", "multiuser", "state"], "has no slots"),
        (vec!["new-solver", "python", "multiuser-policy"], "lymdo-policy is a policy"),
        (vec!["conform", "lymdo"], "--policy"),
        (vec!["run", "plain.json", "--random"], "--policy"),
        (vec!["solve", "i.json", "--method", "iao", "--policy", "x"], "cannot be used with"),
    ] {
        offcut(path).args(&arguments).assert().code(2).stderr(contains(words));
    }
}

#[test]
fn a_policy_goes_with_the_one_who_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "stays", "open('pid', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(1000)");
    generate(path, "i.json", &["--set", "slots=4"]);
    let mut solving = Plain::new(assert_cmd::cargo::cargo_bin("offcut"))
        .current_dir(path)
        .env("OFFCUT_ISOLATION", "no-sandbox")
        .args(["solve", "i.json", "--policy", "python3 stays.py"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let until = Instant::now() + Duration::from_secs(60);
    let within = |is_so: &dyn Fn() -> bool| {
        while !is_so() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        is_so()
    };
    let pid = || std::fs::read_to_string(path.join("pid")).unwrap_or_default();
    assert!(within(&|| pid().ends_with('\n')), "it has started");
    solving.kill().expect("it runs");
    solving.wait().expect("it ran");
    let is_gone = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid().trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z")
    };
    assert!(within(&is_gone), "process {} lives on", pid());
}
