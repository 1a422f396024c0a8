//! The frozen library: what is shipped stands, and whatever is changed is found.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};

use common::offcut;
use offcut_instances::problems::NAMES as PROBLEMS;

/// How a problem's shipped ledger ends: its number of lines and the hash of the last. Whoever adds lines changes the file with them; nobody takes lines away.
fn head_of(problem: &str) -> Value {
    json_of(&root().join(format!("bench/cli/tests/library_heads/{problem}.json")))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON")
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn the_shipped_library_stands() {
    // Some seconds; the limit is for a replay that does not come to an end.
    let output =
        offcut(&root()).args(["verify-library", "--json"]).timeout(Duration::from_secs(300)).assert().success();
    let all: Value = serde_json::from_slice(&output.get_output().stdout).expect("JSON");
    for (problem, verified) in PROBLEMS.iter().zip(all.as_array().expect("an array")) {
        assert_eq!(verified["problem"], *problem);
        let pinned = head_of(problem);
        assert_eq!((&verified["lines"], &verified["head"]), (&pinned["lines"], &pinned["head"]), "{problem}");
        let instances = verified["instances"].as_array().expect("an array");
        for size in ["small", "medium", "large", "open"] {
            let of_size = instances.iter().filter(|known| known["size"] == size).count();
            assert!(of_size >= 2, "{problem} has {of_size} {size} instances");
        }
        for known in instances {
            assert!(!known["best"]["objective"].is_null(), "{problem}: {known}");
        }
    }
    // Every problem has a suite that runs exactly what is in its library.
    for &problem in PROBLEMS {
        let suites = root().join("bench/suites").join(problem);
        let library = root().join("instances/data").join(problem).join("library");
        let path = |file: PathBuf| file.canonicalize().expect("there");
        let suite = json_of(&suites.join("library.json"));
        let studies = suite["body"]["studies"].as_array().expect("an array");
        let files = studies.iter().flat_map(|study| study["files"].as_array().expect("an array"));
        let run: BTreeSet<PathBuf> = files.map(|file| path(suites.join(file.as_str().expect("text")))).collect();
        let index = json_of(&library.join("index.json"));
        let instances = index["body"]["instances"].as_array().expect("an array");
        let kept = instances.iter().map(|entry| path(library.join(entry["file"].as_str().expect("text")))).collect();
        assert_eq!(run, kept, "{problem}");
    }
}

/// A copy of the library of a problem that may be spoiled.
struct Copy {
    folder: tempfile::TempDir,
    problem: &'static str,
}

impl Copy {
    fn of(problem: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = Self { folder, problem };
        for part in ["", "instances", "answers"] {
            let from = root().join("instances/data").join(problem).join("library").join(part);
            std::fs::create_dir_all(copy.path(part)).expect("room");
            for entry in std::fs::read_dir(from).expect("there").map(|entry| entry.expect("an entry").path()) {
                if entry.is_file() {
                    std::fs::copy(&entry, copy.path(part).join(entry.file_name().expect("a name"))).expect("room");
                }
            }
        }
        copy
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(self.problem).join("library").join(part)
    }

    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("ledger.jsonl")).expect("there");
        text.lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        std::fs::write(self.path("ledger.jsonl"), lines.join("\n") + "\n").expect("room");
    }

    /// Lines chained anew, as somebody would who knows how.
    fn forge(&self, change: impl Fn(&mut Vec<Value>)) {
        let mut lines = self.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        change(&mut lines);
        let mut previous = hash(b"");
        let fields = [
            "previous",
            "instance",
            "what",
            "value",
            "evidence",
            "answer",
            "method",
            "budget",
            "solve_s",
            "solve_cpu_s",
            "code",
            "made_on",
            "date",
        ];
        let mut written = Vec::new();
        for mut line in lines {
            line["previous"] = previous.into();
            // A JSON object here is sorted; a line is not.
            let budget = ["time_s", "memory_bytes", "threads", "seed"];
            let plain = |of: &Value, fields: &[&str]| -> Vec<String> {
                fields
                    .iter()
                    // Lines older than the seconds of CPU time are without them.
                    .filter(|field| **field != "budget" && of.get(**field).is_some())
                    .map(|field| format!("\"{field}\":{}", of[*field]))
                    .collect()
            };
            let limits = format!("\"budget\":{{{}}}", plain(&line["budget"], &budget).join(","));
            let mut parts = plain(&line, &fields);
            parts.insert(7, limits);
            let text = format!("{{{}}}", parts.join(","));
            previous = hash(text.as_bytes());
            written.push(text);
        }
        self.write(&written);
    }

    fn verify(&self) -> assert_cmd::assert::Assert {
        offcut(self.folder.path()).args(["verify-library", self.problem, "--folder", "."]).assert()
    }

    fn is_found(&self, words: &str) {
        let flaw = format!("FLAW {}: ", self.problem);
        let flaw = predicate::function(move |text: &str| text.lines().any(|line| line.starts_with(&flaw)));
        self.verify().code(1).stdout(contains(words).and(flaw)).stderr("");
    }
}

#[test]
fn whatever_is_changed_in_a_library_is_found() {
    let copy = Copy::of("multiuser");
    copy.verify().success();
    // Chained anew but unchanged it is the same to the byte: what follows is found for what it changes.
    let lines = copy.lines();
    copy.forge(|_| {});
    assert_eq!(copy.lines(), lines);
    let index = json_of(&copy.path("index.json"));
    let first = |field: &str| index["body"]["instances"][0][field].as_str().expect("text").to_owned();

    // An instance: a number, and a blank that changes nothing.
    let file = copy.path(&first("file"));
    let good = std::fs::read_to_string(&file).expect("there");
    let at = good.find("\"rtt_s\":").expect("a field") + "\"rtt_s\":".len();
    for (changed, words) in [
        (format!("{}1{}", &good[..at], &good[at..]), "has hash"),
        (good.replacen("\"rtt_s\":", "\"rtt_s\": ", 1), "is not written as Offcut writes it"),
        (good[..good.len() / 2].to_owned(), "cut short"),
    ] {
        std::fs::write(&file, changed).expect("room");
        copy.is_found(words);
    }
    std::fs::remove_file(&file).expect("there");
    copy.is_found("cannot be read");
    std::fs::write(&file, &good).expect("room");
    std::fs::write(copy.path("instances/mine.json"), &good).expect("room");
    copy.is_found("the index does not name it");
    std::fs::remove_file(copy.path("instances/mine.json")).expect("there");

    // The index: another seed, another class, a field nobody knows.
    let text = index.to_string();
    for (from, to, words) in [
        ("\"seed\":", "\"seed\":7", "its recipe makes another instance"),
        ("\"hardness\":\"easy\"", "\"hardness\":\"open\"", "is called open"),
        ("\"hardness\":\"open\"", "\"hardness\":\"easy\"", "no certified bound meets"),
        ("\"hardness\":", "\"colour\":1,\"hardness\":", "unknown field"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(copy.path("index.json"), text.replacen(from, to, 1)).expect("room");
        copy.is_found(words);
    }
    std::fs::write(copy.path("index.json"), &text).expect("room");

    // The ledger: a value, a line out of the middle, a line twice, a torn end, the order.
    let value_of = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["value"].to_string();
    let spoil = |change: &dyn Fn(&mut Vec<String>), words: &str| {
        let mut changed = lines.clone();
        change(&mut changed);
        copy.write(&changed);
        copy.is_found(words);
    };
    let raised = |line: &String| {
        let value = value_of(line);
        let more = serde_json::to_string(&(value.parse::<f64>().expect("a number") * 1.001)).expect("a number");
        line.replacen(&format!("\"value\":{value}"), &format!("\"value\":{more}"), 1)
    };
    spoil(&|lines| lines[1] = raised(&lines[1]), "does not follow the line before it");
    spoil(&|lines| *lines.last_mut().expect("a line") = raised(&lines[lines.len() - 1]), "and its answer has");
    spoil(&|lines| drop(lines.remove(lines.len() / 2)), "does not follow the line before it");
    spoil(&|lines| drop(lines.remove(0)), "does not follow the line before it");
    spoil(&|lines| lines.swap(1, 2), "does not follow the line before it");
    spoil(&|lines| lines.push(lines[lines.len() - 1].clone()), "does not improve");
    spoil(&|lines| lines.push("{}".into()), "is not a line of a ledger");
    std::fs::write(copy.path("ledger.jsonl"), lines.join("\n")).expect("room");
    copy.is_found("is torn");

    // Chained anew: the chain holds, what it says does not.
    copy.write(&lines);
    copy.forge(|lines| lines[0]["value"] = json!(lines[0]["value"].as_f64().expect("a number") * (1.0 - 1e-9)));
    copy.is_found("and its answer has");
    copy.write(&lines);
    copy.forge(|lines| lines[0]["instance"] = json!("00112233445566778899aabbccddeeff"));
    copy.is_found("is not in the index");
    copy.write(&lines);
    copy.forge(|lines| drop(lines.remove(0)));
    copy.is_found("no certified bound meets its best objective");
    copy.write(&lines);
    std::fs::write(copy.path("answers/mine.json"), "{}").expect("room");
    copy.is_found("no line of the ledger names it");
    std::fs::remove_file(copy.path("answers/mine.json")).expect("there");
    copy.verify().success();

    // Answers: changed, exchanged, and one that claims more than it has under a name and in a chain of its own.
    let line: Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!(line["what"], "objective");
    let named = |name: &str| copy.path("answers").join(name);
    let name = line["answer"].as_str().expect("text").to_owned();
    let answer = std::fs::read(named(&name)).expect("there");
    let mut bold: Value = serde_json::from_slice(&answer).expect("JSON");
    let objective = bold["body"]["found"]["objective"].as_f64().expect("a number") * (1.0 - 1e-6);
    bold["body"]["found"]["objective"] = objective.into();
    let bold = bold.to_string();
    std::fs::write(named(&name), &bold).expect("room");
    copy.is_found("it was changed");
    let other = lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["answer"].clone());
    let other =
        other.filter_map(|other| Some(other.as_str()?.to_owned())).find(|other| *other != name).expect("another");
    std::fs::copy(named(&other), named(&name)).expect("room");
    copy.is_found("it was changed");
    std::fs::remove_file(named(&name)).expect("there");
    let new = format!("{}.json", hash(bold.as_bytes()));
    std::fs::write(named(&new), &bold).expect("room");
    copy.forge(|lines| {
        for line in lines.iter_mut().filter(|line| line["answer"] == name.as_str()) {
            line["answer"] = new.as_str().into();
            if line["what"] == "objective" {
                line["value"] = objective.into();
            }
        }
    });
    copy.is_found("its answer is rejected: claimed objective");
}

/// Every line of a chain stands for the lines before it, and the index for the last: none can be cut off the end, in any problem.
#[test]
fn lines_cut_off_the_end_are_missed() {
    for &problem in PROBLEMS {
        let copy = Copy::of(problem);
        let lines = copy.lines();
        let cut_off = "lines were cut off its end";
        for kept in [lines.len() - 1, 1] {
            copy.write(&lines[..kept]);
            copy.is_found(cut_off);
        }
        std::fs::write(copy.path("ledger.jsonl"), "").expect("room");
        copy.is_found(cut_off);
        std::fs::remove_file(copy.path("ledger.jsonl")).expect("there");
        copy.is_found(cut_off);
        // Nor does a report or `library add` take what is left for the whole.
        let suite = json!({"offcut": "suite", "problem": problem, "version": 1, "body": {"title": "t",
            "budget": {"time_s": 1, "memory_bytes": null, "threads": 1, "seed": 0}, "studies": [{"name": "a", "title": "",
            "files": [json_of(&copy.path("index.json"))["body"]["instances"][0]["file"].as_str().map(|file| copy.path(file))],
            "methods": [if problem == "multiuser" { "iao" } else if problem == "throughput" { "local-ratio" } else { problem }]}]}});
        std::fs::write(copy.folder.path().join("s.json"), suite.to_string()).expect("room");
        offcut(copy.folder.path()).args(["run", "s.json"]).assert().success();
        let missing = || contains("does not have the line that index.json names as its last");
        for kept in [Some(lines.len() - 1), None] {
            if let Some(kept) = kept {
                copy.write(&lines[..kept]);
            } else {
                std::fs::remove_file(copy.path("ledger.jsonl")).expect("there");
            }
            for arguments in [["report", "runs/s", "--library", "."], ["library", "add", "runs/s", "--folder=."]] {
                offcut(copy.folder.path()).args(arguments).assert().code(2).stderr(missing());
            }
        }
        assert!(!copy.path("ledger.jsonl").exists(), "nothing is made where something is missing");
        copy.write(&lines);
        // An index of version 1 named no line: it is read, and told.
        let index = std::fs::read_to_string(copy.path("index.json")).expect("there");
        let at = index.find("  \"ledger_head\"").expect("a field");
        let end = at + index[at..].find('\n').expect("a line") + 1;
        let old = format!("{}{}", &index[..at], &index[end..]).replacen("\"version\": 2", "\"version\": 1", 1);
        std::fs::write(copy.path("index.json"), &old).expect("room");
        copy.is_found("does not name the ledger's last line");
        offcut(copy.folder.path()).args(["report", "runs/s", "--library", "."]).assert().success();
        offcut(copy.folder.path()).args(["library", "add", "runs/s", "--folder", "."]).assert().success();
        copy.verify().success();
        if copy.lines() == lines {
            assert_eq!(std::fs::read_to_string(copy.path("index.json")).expect("there"), index, "to the byte");
        }
        // A program ended between a line and the index: the next one names the line.
        std::fs::write(
            copy.path("index.json"),
            index.replace(head_of(problem)["head"].as_str().expect("text"), &hash(lines[0].as_bytes())),
        )
        .expect("room");
        copy.is_found("or added to it without");
        offcut(copy.folder.path()).args(["library", "add", "runs/s", "--folder", "."]).assert().success();
        copy.verify().success();
    }
}

#[test]
fn a_library_takes_in_what_improves_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let library = path.join("data/jpdra/library");
    std::fs::create_dir_all(library.join("instances")).expect("room");
    let small = ["--set", "flows=3", "--set", "partitions=3", "--set", "servers=3", "--seed", "5"];
    let file = "data/jpdra/library/instances/i.json";
    offcut(path).args(["generate", "jpdra", "-o", file]).args(small).assert().success();
    let text = std::fs::read(path.join(file)).expect("there");
    let index = |hardness: &str| {
        let path = library.join("index.json");
        if path.exists() {
            let mut index = json_of(&path);
            index["body"]["instances"][0]["hardness"] = hardness.into();
            return std::fs::write(&path, index.to_string()).expect("room");
        }
        let index = json!({"offcut": "library", "problem": "jpdra", "version": 1, "body": {"instances": [{
            "name": "i", "file": "instances/i.json", "hash": &hash(&text[..text.len() - 1])[..32], "size": "small",
            "hardness": hardness, "generated": {"family": "zoo", "parameters": {"flows": 3, "partitions": 3, "servers": 3},
            "seed": 5, "generators": "0.1.0"}}]}});
        std::fs::write(&path, index.to_string()).expect("room");
    };
    index("open");
    let suite = |method: &str| {
        let suite = json!({"offcut": "suite", "problem": "jpdra", "version": 1, "body": {"title": "t",
            "budget": {"time_s": 20, "memory_bytes": null, "threads": 1, "seed": 0},
            "studies": [{"name": "a", "title": "", "files": ["../data/jpdra/library/instances/i.json"],
                "methods": [method], "method_seeds": [0]}]}});
        std::fs::create_dir_all(path.join("suites")).expect("room");
        std::fs::write(path.join(format!("suites/{method}.json")), suite.to_string()).expect("room");
        offcut(path).args(["run", &format!("suites/{method}.json")]).assert().success();
        offcut(path).args(["library", "add", &format!("runs/{method}"), "--folder", "data"]).assert().success()
    };
    let ledger = || std::fs::read_to_string(library.join("ledger.jsonl")).unwrap_or_default();
    let verify = || offcut(path).args(["verify-library", "--folder", "data"]).assert();
    // No ledger is a flaw; the first line begins one.
    verify().code(1).stdout(contains("ledger.jsonl cannot be read"));
    suite("random-server").stdout(contains("i: objective").and(contains("1 lines appended")));
    verify().success().stdout(contains("unknown"));
    let first = ledger();
    suite("price").stdout(contains("i: objective").and(contains("i: bound")).and(contains("(certificate)")));
    verify().success();
    let second = ledger();
    assert!(second.starts_with(&first) && second.len() > first.len());
    let added = suite("branch");
    added.stdout(contains("i: bound").and(contains("the index calls it open")));
    let third = ledger();
    assert!(third.starts_with(&second) && third.len() > second.len());
    verify().code(1).stdout(contains("is called open, and branch closed it"));
    index("hard");
    verify().code(1).stdout(contains("is called hard, and branch closed it"));
    index("easy");
    verify().success();
    // What is known already is not added again, and what is worse never.
    for method in ["branch", "price", "random-server"] {
        suite(method).stdout(contains("0 lines appended"));
    }
    assert_eq!(ledger(), third);
    // A report may measure gaps against it: what is optimal is not known in its own run.
    let gap = |more: &[&str]| {
        offcut(path).args(["report", "runs/random-server"]).args(more).assert().success();
        let page = std::fs::read_to_string(path.join("runs/random-server/report/report.md")).expect("there");
        page.contains("a frozen library for 1 of its instances")
    };
    assert!(gap(&["--library", "data"]) && !gap(&[]));
    offcut(path).args(["report", "runs/random-server", "--library", "."]).assert().code(2);
    // Nothing is appended to what is not whole.
    std::fs::write(library.join("ledger.jsonl"), &third[..third.len() - 9]).expect("room");
    let add = ["library", "add", "runs/branch", "--folder", "data"];
    offcut(path).args(add).assert().code(2).stderr(contains("is torn").and(contains("ledger.jsonl")));
    offcut(path).args(["verify-library", "jpdra"]).assert().code(2).stderr(contains("there is no library"));
    offcut(path).args(["verify-library"]).assert().code(2).stderr(contains("there is no library"));
    offcut(path).args(["library", "--help"]).assert().success().stdout(contains("closes it in 10 s"));
}
