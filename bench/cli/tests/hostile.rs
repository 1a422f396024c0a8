//! Programs that change what they are checked on, or end who runs them: each becomes a row, the run goes on, and the other methods' rows are as without them.

mod common;
#[path = "common/left.rs"]
mod left;
#[allow(dead_code)]
#[path = "common/rows.rs"]
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use predicates::str::contains;
use serde_json::{Value, json};

use left::left_with;
use rows::Rows;

/// The command with programs that are not kept to themselves: here is what holds without that. What holds with it is in `isolation.rs`.
fn offcut(folder: &Path) -> assert_cmd::Command {
    let mut command = common::offcut(folder);
    command.env("OFFCUT_ISOLATION", "off");
    command
}

/// Everything local, and how long that takes.
const ANSWER: &str = r#"
import glob, json, os, signal, subprocess, sys, time
def answer():
    body = json.load(open(sys.argv[1]))["body"]
    models, users = body["models"], body["users"]
    cut = [len(models[user["model"]]["macs"]) for user in users]
    took = [sum(models[user["model"]]["macs"]) / user["device_macs_per_s"] for user in users]
    objective = max(took) if body["objective"] == "max" else sum(took)
    return {"solution": {"cut": cut, "units": [0] * len(users)}, "objective": objective}
def say():
    body = {"stop": "completed", "found": answer(), "proved": None}
    print(json.dumps({"offcut": "answer", "problem": "multiuser", "version": 1, "body": body}), flush=True)
def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
def ancestors():
    # Not whoever started the tests.
    pid = os.getpid()
    while b"offcut" in open(f"/proc/{(pid := parent(pid))}/cmdline", "rb").read():
        yield pid
def leave():
    # A child, and a grandchild in a session of its own whose parent is gone.
    subprocess.Popen(["sleep", "1000"])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(1), os.close(2)
            os.execvp("sleep", ["sleep", "1000"])
        os._exit(0)
    os.wait()
"#;

/// Makes every device fast in whatever instance it finds, and answers that all is local.
const TAMPER: &str = r#"
for path in [sys.argv[1], *glob.glob("**/instances/*.json", recursive=True)]:
    document = json.load(open(path))
    for user in document["body"]["users"]:
        user["device_macs_per_s"] = 1e18
    json.dump(document, open(path, "w"))
say()
"#;

fn program(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(format!("{name}.py")), format!("{ANSWER}\n{text}\n")).expect("room");
}

/// A suite of two instances with these methods; all but Offcut's own are programs.
fn suite(folder: &Path, methods: &[&str]) {
    let own = ["threshold", "iao"];
    let solvers: BTreeMap<&str, Value> = methods
        .iter()
        .filter(|name| !own.contains(name))
        .map(|name| (*name, json!({ "command": format!("python3 {name}.py") })))
        .collect();
    let suite = json!({ "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
        "title": "Hostile", "budget": { "time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0 }, "solvers": solvers,
        "studies": [{ "name": "a", "title": "A", "families": ["zoo"], "set": { "users": 4 }, "seeds": [1, 2], "methods": methods }],
    }});
    std::fs::write(folder.join("s.json"), suite.to_string()).expect("room");
}

/// By method and instance, what does not depend on the moment.
fn results(run: &Path, methods: &[&str]) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(run.join("rows.jsonl")).expect("there");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let mut found = BTreeMap::new();
    for row in rows.filter(|row| methods.contains(&row["key"]["method"].as_str().expect("a name"))) {
        let kept = json!([
            row["status"],
            row["stop"],
            row["claimed_objective"],
            row["checked_objective"],
            row["proof"],
            row["instance"],
            row["process"]["ended"]
        ]);
        let name = format!("{} on {}", row["key"]["method"], row["key"]["instance"]);
        assert!(found.insert(name, kept).is_none(), "doubled");
    }
    found
}

/// The files of a run's instances, by name.
fn instances(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(run.join("instances")).expect("there").map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.file_name().expect("a name").into(), std::fs::read(&path).expect("there"))).collect()
}

const HONEST: [&str; 3] = ["threshold", "iao", "honest"];

/// A folder with the programs and a run, `alone`, of the honest methods.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    program(path, "honest", "say()");
    program(path, "tamper", TAMPER);
    suite(path, &HONEST);
    offcut(path).args(["run", "s.json", "--folder", "alone"]).assert().success();
    folder
}

#[test]
fn a_solver_that_changes_instances_is_checked_on_what_they_were() {
    let folder = prepared();
    let path = folder.path();
    let (alone, files) = (results(&path.join("alone"), &HONEST), instances(&path.join("alone")));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let name = format!("{order:?}").replace([' ', '[', ']', ','], "");
        let run = path.join(&name);
        let all = ["tamper", "threshold", "honest"];
        let mut told = String::new();
        for methods in [&order[..1], &order[..2], &order[..]] {
            let methods: Vec<&str> = methods.iter().map(|at| all[*at]).collect();
            suite(path, &methods);
            let output = offcut(path).args(["run", "s.json", "--folder", &name]).assert();
            told.push_str(&String::from_utf8_lossy(&output.get_output().stderr));
        }
        suite(path, &["tamper", "threshold", "iao", "honest"]);
        // Exit code 1: its objective is not what the checker finds.
        offcut(path).args(["run", "s.json", "--folder", &name]).assert().code(1);
        assert_eq!(results(&run, &HONEST), alone, "{name}");
        for (method, row) in results(&run, &["tamper"]) {
            assert_eq!(row[0], "wrong", "{method}: {row}");
            assert!(row[2].as_f64() < Some(1e-3), "it claims what its own file says: {row}");
        }
        assert!(told.contains("was changed; it is written again from its recipe"), "{name}: {told}");
        assert_eq!(instances(&run), files, "{name}");
    }
}

/// A name, and what is done to an instance's file.
type Edit = (&'static str, fn(&Path));

#[test]
fn an_instance_edited_in_a_run_s_folder_is_restored_before_anybody_reads_it() {
    let folder = prepared();
    let path = folder.path();
    let alone = results(&path.join("alone"), &HONEST);
    let edits: [Edit; 4] = [
        ("edited", |file| {
            let text = std::fs::read_to_string(file).expect("there");
            std::fs::write(file, text.replace("\"device_macs_per_s\":", "\"device_macs_per_s\":1")).expect("room");
        }),
        ("cut", |file| std::fs::write(file, "{}").expect("room")),
        ("removed", |file| std::fs::remove_file(file).expect("there")),
        ("linked", |file| {
            let other = file.with_extension("other");
            let text = std::fs::read_to_string(file).expect("there");
            std::fs::write(&other, text.replace("\"device_macs_per_s\":", "\"device_macs_per_s\":1")).expect("room");
            std::fs::remove_file(file).expect("there");
            std::os::unix::fs::symlink(&other, file).expect("room");
        }),
    ];
    for (name, edit) in edits {
        // Whoever is first after the edit reads it: one of our methods, a program, and the checker of neither.
        for first in ["threshold", "honest"] {
            let name = format!("{name}-{first}");
            suite(path, &["iao"]);
            offcut(path).args(["run", "s.json", "--folder", &name]).assert().success();
            let files: Vec<PathBuf> = instances(&path.join(&name)).into_keys().collect();
            for file in &files {
                edit(&path.join(&name).join("instances").join(file));
            }
            suite(path, &["iao", first]);
            let again = offcut(path).args(["run", "s.json", "--folder", &name]).assert().success();
            if !name.starts_with("removed") {
                again.stderr(contains("was changed; it is written again from its recipe"));
            }
            suite(path, &HONEST);
            offcut(path).args(["run", "s.json", "--folder", &name]).assert().success();
            assert_eq!(results(&path.join(&name), &HONEST), alone, "{name}");
            for (file, text) in instances(&path.join("alone")) {
                assert_eq!(
                    std::fs::read(path.join(&name).join("instances").join(&file)).expect("there"),
                    text,
                    "{name}"
                );
            }
        }
    }
    // Shards whose instances were edited do not merge.
    let file = instances(&path.join("alone")).into_keys().next().expect("one");
    std::fs::write(path.join("alone/instances").join(file), "{}").expect("room");
    offcut(path).args(["merge", "merged", "alone"]).assert().code(1).stdout(contains("MISMATCH"));
}

/// What is done to who runs it, and what its row says.
const HOSTILE: [(&str, &str, &str, &str); 12] = [
    ("parent", "leave(); os.kill(os.getppid(), 9); time.sleep(1000)", "crash", "supervised it was"),
    ("stops-parent", "os.kill(os.getppid(), signal.SIGSTOP); say()", "feasible", "exit code 0"),
    (
        "ancestors",
        "leave()\nfor pid in list(ancestors()): os.kill(pid, 9)\ntime.sleep(1000)",
        "crash",
        "supervised it was",
    ),
    // Its child does it, which is not ended with its parent.
    (
        "grandchild",
        "if os.fork() == 0:\n    os.setsid()\n    for pid in reversed(list(ancestors())): os.kill(pid, 9)\n    time.sleep(1000)\ntime.sleep(1000)",
        "crash",
        "supervised it was",
    ),
    ("leaves", "leave(); say()", "feasible", "exit code 0"),
    (
        "truncates",
        "[open(p, 'w').close() for p in glob.glob('**/rows.jsonl', recursive=True)]; say()",
        "feasible",
        "exit",
    ),
    ("removes", "[os.remove(p) for p in glob.glob('**/rows.jsonl', recursive=True)]; say()", "feasible", "exit code 0"),
    (
        "rewrites",
        "for p in glob.glob('**/rows.jsonl', recursive=True):\n    text = open(p).read().replace('\"wrong\"', '\"optimal-certified\"').replace('\"crash\"', '\"feasible\"')\n    open(p, 'w').write(text)\nsay()",
        "feasible",
        "exit code 0",
    ),
    (
        "adds",
        "for p in glob.glob('**/rows.jsonl', recursive=True): open(p, 'a').write('{}\\n' * 1000)\nsay()",
        "feasible",
        "exit",
    ),
    (
        "folders",
        "import shutil\nfor p in glob.glob('run/*ed') + glob.glob('run/logs'): shutil.rmtree(p)\nsay()",
        "feasible",
        "exit",
    ),
    (
        "manifest",
        "for p in glob.glob('**/manifest.json', recursive=True): open(p, 'w').write('{}')\nsay()",
        "feasible",
        "exit",
    ),
    ("group", "leave(); os.killpg(0, 9)", "crash", "signal 9"),
];

#[test]
fn programs_that_end_or_erase_become_rows_and_the_run_goes_on() {
    let folder = prepared();
    let path = folder.path();
    for (name, text, ..) in HOSTILE {
        program(path, name, text);
    }
    let alone = results(&path.join("alone"), &HONEST);
    let mut methods: Vec<&str> = HOSTILE.iter().map(|(name, ..)| *name).collect();
    methods.extend(HONEST);
    suite(path, &methods);
    let mark = format!("OFFCUT_TEST={}", path.display());
    let (name, value) = mark.split_once('=').expect("put there");
    offcut(path)
        .env(name, value)
        .args(["run", "s.json", "--folder", "run"])
        .timeout(std::time::Duration::from_secs(300))
        .assert()
        .success()
        .stderr(contains("rows.jsonl was changed during the run; it is written again"))
        .stderr(contains("manifest.json was changed during the run; it is written again"));
    assert_eq!(left_with(&mark), Vec::<String>::new());
    let run = path.join("run");
    let rows = Rows::read(&run);
    assert_eq!(rows.len(), 2 * methods.len());
    for (name, _, status, ended) in HOSTILE {
        let row = rows.of(name);
        assert_eq!(row["status"], status, "{name}: {row}");
        assert!(row["process"]["ended"].as_str().expect("text").contains(ended), "{name}: {row}");
    }
    assert_eq!(results(&run, &HONEST), alone);
    // All of it is done.
    offcut(path).args(["run", "s.json", "--folder", "run"]).assert().success().stderr(contains("; 0 to run"));
}

#[test]
fn a_program_that_ends_the_runner_is_a_row_in_the_end() {
    let folder = prepared();
    let path = folder.path();
    // It looks for the runner among all processes: by the folder it works in and what it was started with.
    let text = r#"
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if os.readlink(f"/proc/{pid}/cwd") == os.getcwd() and b"run\0s.json" in open(f"/proc/{pid}/cmdline", "rb").read():
            os.kill(int(pid), 9)
    except OSError: pass
time.sleep(1000)
"#;
    program(path, "hunter", text);
    suite(path, &["threshold", "iao", "honest", "hunter"]);
    let mark = format!("OFFCUT_TEST={}", path.display());
    let (name, value) = mark.split_once('=').expect("put there");
    let mut runs = 0;
    loop {
        let output =
            offcut(path).env(name, value).args(["run", "s.json", "--folder", "run"]).output().expect("started");
        assert_eq!(left_with(&mark), Vec::<String>::new());
        runs += 1;
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), None, "ended by a signal");
        assert!(runs < 20, "it goes on forever");
    }
    // Five times for each of its two cells.
    assert_eq!(runs, 11);
    let run = path.join("run");
    let rows = Rows::read(&run);
    assert_eq!(rows.of("hunter")["status"], "crash");
    assert!(rows.of("hunter")["stop"].to_string().contains("the runner was ended 5 times"));
    assert_eq!(results(&run, &HONEST), results(&path.join("alone"), &HONEST));
}
