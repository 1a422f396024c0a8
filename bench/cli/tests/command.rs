//! The command as a user meets it.

mod common;

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

use common::offcut;

/// A folder with an instance and the answers of `threshold` and `iao`.
fn solved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    offcut(path).args(["generate", "multiuser", "--set", "users=8", "-o", "i.json"]).assert().success();
    for method in ["threshold", "iao"] {
        let answer = format!("{method}.json");
        offcut(path).args(["solve", "i.json", "--method", method, "-o", &answer]).assert().success();
    }
    folder
}

/// Replaces the first number after `field` in an answer by what `change` makes of it.
fn change(folder: &Path, from: &str, to: &str, field: &str, change: impl Fn(f64) -> String) {
    let text = std::fs::read_to_string(folder.join(from)).expect("there");
    let start = text.find(field).expect("the field") + field.len();
    let start = start + text[start..].find(|c: char| c.is_ascii_digit()).expect("a number");
    let end = start + text[start..].find([',', '}', ']']).expect("an end");
    let number: f64 = text[start..end].parse().expect("a number");
    let changed = format!("{}{}{}", &text[..start], change(number), &text[end..]);
    std::fs::write(folder.join(to), changed).expect("room");
}

#[test]
fn check_stands_by_honest_answers_and_measures_them() {
    let folder = solved();
    offcut(folder.path())
        .args(["check", "i.json", "iao.json", "threshold.json"])
        .assert()
        .success()
        .stdout(contains("certified: the certificate was replayed").and(contains("gap        0 (certified) iao.json")));
}

#[test]
fn check_refuses_what_is_off_and_names_constraint_place_and_amount() {
    let folder = solved();
    let path = folder.path();
    let refused = |file: &str, words: &str| {
        offcut(path).args(["check", "i.json", file]).assert().code(1).stdout(contains("REJECTED").and(contains(words)));
    };
    change(path, "iao.json", "off.json", "\"objective\"", |objective| format!("{:e}", objective * (1.0 + 1e-6)));
    refused("off.json", "claimed objective");
    // 40 units are all in use, so one more for the first user is one too many.
    change(path, "iao.json", "over.json", "\"units\"", |units| format!("{}", units + 1.0));
    refused("over.json", "units within capacity (server: 41 of 40 units used): 1 units over");
    change(path, "threshold.json", "latency.json", "\"latency_s\"", |latency| format!("{:e}", latency * 1.000_001));
    refused("latency.json", "below a threshold more units are needed than there are");
    change(path, "threshold.json", "lower.json", "\"latency_s\"", |latency| format!("{:e}", latency * 0.999_999));
    refused("lower.json", "claimed bound");

    let instance = r#"{"offcut":"instance","problem":"multiuser","version":1,"body":{"origin":{},"models":[{"name":"m",
        "macs":[1,1],"cut_bytes":[1,1,0]}],"server":{"units":1,"unit_macs_per_s":1,"speedup":{"law":"linear"}},
        "users":[{"model":0,"device_macs_per_s":1,"uplink_bytes_per_s":1,"rtt_s":0}]}}"#;
    let answer = r#"{"offcut":"answer","problem":"multiuser","version":1,"body":{"stop":"completed",
        "found":{"solution":{"cut":[1],"units":[0]},"objective":2},"proved":null}}"#;
    std::fs::write(path.join("one.json"), instance).expect("room");
    std::fs::write(path.join("remote.json"), answer).expect("room");
    offcut(path)
        .args(["check", "one.json", "remote.json"])
        .assert()
        .code(1)
        .stdout(contains("remote work needs units (users[0]: cut 1 of 2 with 0 units): 1 blocks without a server"));
}

/// An answer that is none is the answer's fault, exit code 1; a file that is not there, or is something else, is that of whoever gave it, exit code 2.
#[test]
fn answers_that_are_none_are_invalid() {
    let folder = solved();
    let path = folder.path();
    let good = std::fs::read_to_string(path.join("iao.json")).expect("there");
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).expect("room");
    write("words.json", "hello");
    write("empty.json", "");
    write("short.json", &good[..good.len() / 2]);
    write("nan.json", &good.replacen("\"objective\":", "\"objective\":NaN,\"x\":", 1));
    write("text.json", &good.replacen("\"objective\":", "\"objective\":\"1\",\"x\":", 1));
    write("other.json", &good.replacen("\"problem\":\"multiuser\"", "\"problem\":\"jpdra\"", 1));
    for file in ["words.json", "empty.json", "short.json", "nan.json", "text.json"] {
        offcut(path).args(["check", "i.json", file]).assert().code(1).stdout(contains("verdict    invalid: "));
        offcut(path).args(["check", "i.json", file, "--json"]).assert().code(1);
        let both = offcut(path).args(["check", "i.json", "iao.json", file]).assert().code(1);
        both.stdout(contains("verdict    stands").and(contains("verdict    invalid: ")));
    }
    for file in ["missing.json", "i.json", "other.json", "."] {
        offcut(path).args(["check", "i.json", file]).assert().code(2).stdout("");
    }
}

#[test]
fn solve_ends_with_1_for_a_crash_and_an_answer_that_is_none() {
    let folder = solved();
    let path = folder.path();
    for (program, status) in [("exit 3", "crash"), ("echo hello", "invalid"), ("true", "invalid")] {
        std::fs::write(path.join("solver.sh"), program).expect("room");
        let solve = ["solve", "i.json", "--solver", "sh solver.sh"];
        offcut(path).args(solve).assert().code(1).stdout(contains(format!("status     {status}")));
        offcut(path).args(solve).arg("--json").assert().code(1).stdout(contains(format!("\"status\":\"{status}\"")));
    }
    let declines = r#"echo '{"offcut":"answer","problem":"multiuser","version":1,"body":{"stop":{"declined":"no"},"found":null,"proved":null}}'"#;
    std::fs::write(path.join("solver.sh"), declines).expect("room");
    offcut(path).args(["solve", "i.json", "--solver", "sh solver.sh"]).assert().success();
}

#[test]
fn bad_input_is_one_clear_line_and_exit_2() {
    let folder = solved();
    let path = folder.path();
    let good = std::fs::read_to_string(path.join("i.json")).expect("there");
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).expect("room");
    write("unknown.json", &good.replacen("\"rtt_s\"", "\"colour\":1,\"rtt_s\"", 1));
    write("nan.json", &good.replacen("\"rtt_s\":0", "\"rtt_s\":NaN,\"x\":0", 1));
    write("negative.json", &good.replacen("\"rtt_s\":0", "\"rtt_s\":-0", 1));
    write("future.json", &good.replacen("\"version\":1", "\"version\":3", 1));
    write("other.json", &good.replacen("\"problem\":\"multiuser\"", "\"problem\":\"knapsack\"", 1));
    write("short.json", &good[..good.len() / 2]);
    write("brackets.json", &"[".repeat(3 << 20));
    write("words.json", "hello");
    write("empty.json", "");
    for (file, words) in [
        ("unknown.json", "unknown field `colour`"),
        ("nan.json", "is not valid JSON"),
        ("negative.json", "users[0].rtt_s"),
        ("future.json", "update offcut"),
        ("other.json", "the problems are: multiuser"),
        ("short.json", "cut short"),
        ("brackets.json", "is not an Offcut document"),
        ("words.json", "is not valid JSON"),
        ("empty.json", "cut short"),
        ("missing.json", "cannot be read"),
        (".", "cannot be read"),
    ] {
        for command in [vec!["solve", file, "--method", "iao"], vec!["check", file, "iao.json"]] {
            let one_line = predicate::function(|text: &str| text.lines().count() == 1);
            offcut(path)
                .args(&command)
                .assert()
                .code(2)
                .stderr(contains(words).and(contains(file)).and(one_line))
                .stdout("");
        }
    }
    for (arguments, words) in [
        (vec!["solve", "i.json", "--method", "magic"], "the methods are"),
        (vec!["solve", "i.json", "--method", "iao:error=2"], "give a number from 0 to 0.999"),
        (vec!["solve", "i.json", "--method", "iao", "--time", "nan"], "--time"),
        (vec!["solve", "i.json", "--method", "iao", "-o", "i.json"], "remove the file first"),
        (vec!["generate", "multiuser", "--set", "users=0"], "at least one user"),
        (vec!["generate", "multiuser", "--set", "user=1"], "the parameters are"),
        (vec!["generate", "multiuser", "--family", "x"], "the families are"),
        (vec!["generate", "x"], "the problems are"),
        (vec!["models", "lenet"], "choose from"),
        (vec!["check", "i.json", "i.json"], "give an answer"),
        (vec!["run", "i.json"], "give a suite"),
        (vec!["report", "nowhere"], "cannot be read"),
        (vec!["reproduce", "x"], "the problems are"),
        (vec!["frobnicate"], "unrecognized subcommand"),
    ] {
        offcut(path).args(&arguments).assert().code(2).stderr(contains(words));
    }
    assert_eq!(std::fs::read_to_string(path.join("i.json")).expect("there"), good, "nothing was written over");
}

#[test]
fn a_suite_is_read_strictly_and_runs_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let suite = |study: &str| {
        let text = format!(
            r#"{{"offcut":"suite","problem":"multiuser","version":1,"body":{{"title":"t",
                "budget":{{"time_s":5,"memory_bytes":null,"threads":1,"seed":0}},"studies":[{study}]}}}}"#
        );
        std::fs::write(path.join("s.json"), text).expect("room");
    };
    for (study, words) in [
        (r#"{"name":"a","title":"","families":["zoo"],"seeds":[1],"methods":["magic"]}"#, "the methods are"),
        (r#"{"name":"a","title":"","families":["zo"],"seeds":[1],"methods":["iao"]}"#, "the families are"),
        (r#"{"name":"a","title":"","families":["zoo"],"seeds":[],"methods":["iao"]}"#, "is empty"),
        (r#"{"name":"a","title":"","families":["zoo"],"seeds":[1],"methods":["iao"],"colour":1}"#, "unknown field"),
        (r#"{"name":"a","title":"","families":["zoo"],"seeds":[1],"methods":["iao"],"vary":{"users":3}}"#, "list"),
        (
            r#"{"name":"a","title":"","families":["zoo"],"seeds":[1],"methods":["iao"],"axis":{"label":"x","values":[1]}}"#,
            "varies nothing",
        ),
        (r#"{"name":"a","title":"","methods":["iao"]}"#, "give families and seeds, or files"),
        (r#"{"name":"a","title":"","files":["no.json"],"methods":["iao"]}"#, "no.json: cannot be read"),
        (r#"{"name":"a","title":"","files":["no.json"],"methods":["iao"],"set":{"users":3}}"#, "cannot be changed"),
        (r#"{"name":"a","title":"","files":["no.json"],"seeds":[1],"methods":["iao"]}"#, "or files only"),
    ] {
        suite(study);
        offcut(path).args(["run", "s.json"]).assert().code(2).stderr(contains(words).and(contains("s.json")));
        assert!(!path.join("runs/s/rows.jsonl").exists());
    }
    // 2 families x 2 numbers of users x 2 seeds, threshold once and iao with errors at 2 seeds each.
    suite(
        r#"{"name":"a","title":"A","families":["zoo","plateau"],"set":{"units":6},"vary":{"users":[2,3]},"seeds":[1,2],
            "methods":["threshold","iao:error=0.2"],"method_seeds":[0,1]}"#,
    );
    offcut(path).args(["run", "s.json"]).assert().success();
    let rows = std::fs::read_to_string(path.join("runs/s/rows.jsonl")).expect("there");
    assert_eq!(rows.lines().count(), 8 * 3);
    for file in ["report.html", "report.md", "tables/gaps.csv", "tables/gaps.tex", "figures/gaps-figure.svg"] {
        assert!(path.join("runs/s/report").join(file).exists(), "{file}");
    }
    let page = std::fs::read_to_string(path.join("runs/s/report/report.html")).expect("there");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http") && !page.contains("@import"));
    // Every answer of the run stands before the checker alone, from files.
    for answer in std::fs::read_dir(path.join("runs/s/answers")).expect("there") {
        let answer = answer.expect("an entry").path();
        let instances = std::fs::read_dir(path.join("runs/s/instances")).expect("there");
        let stands = |instance: std::path::PathBuf| offcut(path).arg("check").arg(instance).arg(&answer).ok().is_ok();
        assert!(instances.map(|entry| entry.expect("an entry").path()).any(stands), "{}", answer.display());
    }
}

/// Instances of one's own: beside generated ones, with places on an axis, wherever the command is started.
#[test]
fn a_suite_runs_instance_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::create_dir_all(path.join("mine/instances")).expect("room");
    for users in [3, 5] {
        let (set, file) = (format!("users={users}"), format!("mine/instances/{users}.json"));
        offcut(path).args(["generate", "multiuser", "--set", &set, "-o", &file]).assert().success();
    }
    let toy = include_str!("../../../instances/data/multiuser/toy.json");
    let mut nameless: serde_json::Value = serde_json::from_str(toy).expect("JSON");
    nameless["body"]["origin"] = serde_json::json!({});
    std::fs::write(path.join("mine/instances/by-hand.json"), nameless.to_string()).expect("room");
    let suite = |studies: &str| {
        let text = format!(
            r#"{{"offcut":"suite","problem":"multiuser","version":1,"body":{{"title":"t",
                "budget":{{"time_s":5,"memory_bytes":null,"threads":1,"seed":0}},"studies":[{studies}]}}}}"#
        );
        std::fs::write(path.join("mine/s.json"), text).expect("room");
    };
    let axis = r#""axis":{"parameter":"users","label":"users","values":[2,4]}"#;
    let on_axis = r#"{"name":"b","title":"","files":["instances/3.json","instances/5.json"],"families":["zoo"],"seeds":[1],
        "methods":["iao"],"#;
    suite(&format!(
        r#"{{"name":"a","title":"","files":["instances/by-hand.json","instances/3.json"],"methods":["threshold","iao"]}},
            {on_axis}{axis}}}"#
    ));
    for place in [path, &path.join("mine/instances")] {
        let runs = path.join("runs/files");
        let file = path.join("mine/s.json");
        let run = offcut(place).arg("run").arg(&file).arg("--folder").arg(&runs).assert().success();
        if place != path {
            run.stderr(contains("0 to run"));
        }
    }
    // 2 methods on 2 files; iao on 2 files, one of which it has done, and on 2 generated instances.
    let rows = std::fs::read_to_string(path.join("runs/files/rows.jsonl")).expect("there");
    assert_eq!(rows.lines().count(), 4 + 3);
    let rows: Vec<serde_json::Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    assert!(rows.iter().any(|row| row["instance"]["name"] == "by-hand" && row["status"] == "optimal-certified"));
    let manifest = std::fs::read(path.join("runs/files/manifest.json")).expect("there");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let cells = manifest["studies"][1]["cells"].as_array().expect("an array");
    let mut places: Vec<f64> = cells.iter().map(|cell| cell["x"].as_f64().expect("a place")).collect();
    places.sort_by(f64::total_cmp);
    assert_eq!(places, [2.0, 3.0, 4.0, 5.0]);
    // What does not say where it is on the axis is not put there.
    suite(&format!(r#"{}{axis}}}"#, on_axis.replace("3.json", "by-hand.json")));
    let lost = contains("does not say what it has").and(contains("by-hand.json"));
    offcut(path).args(["run", "mine/s.json"]).assert().code(2).stderr(lost);
    // An instance of another problem, and one that is none.
    for (file, words) in [("../s.json", "give an instance"), ("other.json", "is for problem")] {
        let text = include_str!("../../../instances/data/jpdra/toy.json");
        std::fs::write(path.join("mine/instances/other.json"), text).expect("room");
        suite(&format!(r#"{{"name":"a","title":"","files":["instances/{file}"],"methods":["iao"]}}"#));
        let words = contains(words).and(contains(file)).and(contains("panicked").not());
        offcut(path).args(["run", "mine/s.json", "--folder", "runs/bad"]).assert().code(2).stderr(words);
    }
    assert!(!path.join("runs/bad").exists());
}

#[test]
fn the_zoo_is_listed_with_its_published_totals() {
    let folder = tempfile::tempdir().expect("a folder");
    let totals =
        contains("61,100,840").and(contains("25,557,032")).and(contains("3,504,872")).and(contains("vit_b_16"));
    offcut(folder.path()).arg("models").assert().success().stdout(totals);
    offcut(folder.path()).args(["models", "resnet50", "--link", "wifi6"]).assert().success().stdout(contains("->"));
    offcut(folder.path()).args(["models", "vgg16", "--layers"]).assert().success().stdout(contains("conv"));
}

#[test]
fn programs_can_read_what_is_printed() {
    let folder = solved();
    for arguments in [
        vec!["models", "--json"],
        vec!["methods", "--json"],
        vec!["solve", "i.json", "--method", "iao", "--json"],
        vec!["check", "i.json", "iao.json", "--json"],
        vec!["schema", "multiuser", "instance"],
        vec!["schema", "multiuser", "answer"],
        vec!["schema", "multiuser", "suite"],
        vec!["schema", "multiuser", "library"],
    ] {
        let output = offcut(folder.path()).args(&arguments).assert().success().get_output().stdout.clone();
        let _: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    }
}

/// The published schemas accept what Offcut writes and refuse what it would not read.
#[test]
fn documents_follow_their_schemas() {
    let folder = solved();
    let path = folder.path();
    let json = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).expect("JSON");
    let file = |name: &str| json(&std::fs::read(path.join(name)).expect("there"));
    let schema = |document: &str| {
        let output =
            offcut(path).args(["schema", "multiuser", document]).assert().success().get_output().stdout.clone();
        jsonschema::validator_for(&json(&output)).expect("a schema")
    };
    assert!(schema("instance").is_valid(&file("i.json")));
    assert!(schema("answer").is_valid(&file("iao.json")) && schema("answer").is_valid(&file("threshold.json")));
    let suite = json(include_bytes!("../../suites/multiuser/demo.json"));
    assert!(schema("suite").is_valid(&suite) && !schema("instance").is_valid(&suite));
    let toy = json(include_bytes!("../../../instances/data/multiuser/toy.json"));
    assert!(schema("instance").is_valid(&toy));
    for (pointer, value) in [
        ("/body/users/0/model", serde_json::json!(-1)),
        ("/body/users/0/rtt_s", serde_json::json!("soon")),
        ("/version", serde_json::json!(3)),
        ("/problem", serde_json::json!("knapsack")),
        ("/body/server/speedup/law", serde_json::json!("magic")),
    ] {
        let mut broken = toy.clone();
        *broken.pointer_mut(pointer).expect("there") = value;
        assert!(!schema("instance").is_valid(&broken), "{pointer}");
    }
    // With kinds of machines: a device has a speed in MAC/s or a kind, not both, and not neither.
    let mut kinds = toy.clone();
    kinds["version"] = 2.into();
    kinds["body"]["machine_kinds"] = serde_json::json!([{"name": "pi"}]);
    let user = kinds["body"]["users"][0].as_object_mut().expect("a user");
    user.insert("device".into(), serde_json::json!({"kind": 0, "speed": 1}));
    assert!(!schema("instance").is_valid(&kinds));
    let user = kinds["body"]["users"][0].as_object_mut().expect("a user");
    user.remove("device_macs_per_s");
    assert!(schema("instance").is_valid(&kinds));
    kinds["body"]["users"][0].as_object_mut().expect("a user").remove("device");
    assert!(!schema("instance").is_valid(&kinds));
}

/// `throughput` from generator to verdict, and what is off in an answer or a certificate.
#[test]
fn admissions_are_solved_checked_and_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let settings = ["--set", "requests=40", "--set", "cloudlets=3", "--set", "threads=6"];
    offcut(path).args(["generate", "throughput", "-o", "i.json"]).args(settings).assert().success();
    for method in ["price", "local-ratio"] {
        let answer = format!("{method}.json");
        offcut(path).args(["solve", "i.json", "--method", method, "-o", &answer]).assert().success();
    }
    offcut(path)
        .args(["solve", "i.json", "--method", "branch", "--threads", "2"])
        .assert()
        .success()
        .stdout(contains("optimal-certified").and(contains("checked    local")));
    offcut(path)
        .args(["check", "i.json", "local-ratio.json", "price.json"])
        .assert()
        .success()
        .stdout(contains("certified: the certificate was replayed").and(contains("(certified) local-ratio.json")));
    let refused = |file: &str, words: &str| {
        offcut(path).args(["check", "i.json", file]).assert().code(1).stdout(contains("REJECTED").and(contains(words)));
    };
    change(path, "local-ratio.json", "off.json", "\"objective\"", |objective| {
        format!("{:e}", objective * (1.0 + 1e-6))
    });
    refused("off.json", "claimed objective");
    change(path, "local-ratio.json", "over.json", "\"threads\"", |threads| format!("{}", threads + 100.0));
    refused("over.json", "threads per request");
    change(path, "local-ratio.json", "elsewhere.json", "\"cloudlet\"", |_| "3".into());
    refused("elsewhere.json", "indices exist (service[");
    // A bound one lower than proved, a price that proves less, a flow that does.
    change(path, "price.json", "bold.json", "\"value\"", |bound| format!("{}", bound - 1.0));
    refused("bold.json", "claimed bound");
    change(path, "price.json", "dear.json", "\"prices\"", |price| format!("{}", price + 3.0));
    refused("dear.json", "claimed bound");
    change(path, "price.json", "torn.json", "\"flows\"", |_| "0".into());
    refused("torn.json", "flows prove at least half of what corners cost");
    for (settings, words) in [("view=tree", "parameter 'view'"), ("requests=0", "give at least 1")] {
        let bad = offcut(path).args(["generate", "throughput", "--set", settings]).assert().code(2);
        bad.stderr(contains(words).and(contains("panicked").not()));
    }
}

/// `jpdra` from generator to verdict, and what is off in an answer or a certificate.
#[test]
fn deployments_are_solved_checked_and_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let small = ["--set", "flows=3", "--set", "partitions=3", "--set", "servers=3"];
    for (file, settings) in [("i.json", &["--set", "units=0"]), ("units.json", &["--set", "units=12"])] {
        offcut(path).args(["generate", "jpdra", "-o", file]).args(small).args(settings).assert().success();
        for method in ["branch", "jpdra"] {
            let answer = format!("{method}-{file}");
            offcut(path).args(["solve", file, "--method", method, "-o", &answer]).assert().success();
        }
        let answers = [format!("branch-{file}"), format!("jpdra-{file}")];
        offcut(path)
            .args(["check", file])
            .args(answers)
            .assert()
            .success()
            .stdout(contains("certified: the certificate was replayed").and(contains("(certified) jpdra-")));
    }
    offcut(path)
        .args(["solve", "i.json", "--method", "branch"])
        .assert()
        .success()
        .stdout(contains("optimal-certified"));
    let refused = |instance: &str, file: &str, words: &str| {
        offcut(path).args(["check", instance, file]).assert().code(1).stdout(contains("REJECTED").and(contains(words)));
    };
    for sign in [-1.0, 1.0] {
        change(path, "branch-i.json", "off.json", "\"objective\"", |objective| {
            format!("{:e}", objective * (1.0 + sign * 1e-6))
        });
        refused("i.json", "off.json", "claimed objective");
    }
    change(path, "branch-i.json", "over.json", "\"macs_per_s\"", |speed| format!("{:e}", speed * 1.001));
    refused("i.json", "over.json", "speeds within capacity (servers[");
    change(path, "branch-units.json", "over.json", "\"units\"", |units| format!("{}", units + 12.0));
    refused("units.json", "over.json", "speeds within capacity (servers[");
    refused("units.json", "branch-i.json", "speeds of the kind the instance asks for");
    change(path, "branch-i.json", "slow.json", "\"macs_per_s\"", |speed| format!("{:e}", speed * 1e-3));
    refused("i.json", "slow.json", "stability (speeds[0][0])");
    change(path, "branch-i.json", "elsewhere.json", "\"servers\"", |_| "3".into());
    refused("i.json", "elsewhere.json", "indices exist (servers[0][0])");
    // A bound above what is proved, and prices that prove less: a server that earns more than a flow pays.
    change(path, "branch-i.json", "bold.json", "\"value\"", |bound| format!("{:e}", bound * (1.0 + 1e-6)));
    refused("i.json", "bold.json", "claimed bound");
    // (Of the second partition: where the tree decides the first one's place, its price may be anything.)
    let text = std::fs::read_to_string(path.join("branch-i.json")).expect("there");
    let mut dear: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let price = &mut dear["body"]["proved"]["evidence"]["certificate"]["prices"][0]["place"][1][0];
    *price = (price.as_f64().expect("a price") + 1e3).into();
    std::fs::write(path.join("dear.json"), dear.to_string()).expect("room");
    refused("i.json", "dear.json", "claimed bound");
    // One that says less than is proved is true.
    change(path, "branch-i.json", "meek.json", "\"value\"", |bound| format!("{:e}", bound / 2.0));
    offcut(path).args(["check", "i.json", "meek.json"]).assert().success();

    // More work than speed: that there is no solution is an answer, proved and replayed.
    let settings = ["--set", "load=1.2"];
    offcut(path).args(["generate", "jpdra", "-o", "full.json"]).args(small).args(settings).assert().success();
    offcut(path)
        .args(["solve", "full.json", "--method", "branch", "-o", "none.json"])
        .assert()
        .success()
        .stdout(contains("infeasible-certified"));
    offcut(path).args(["check", "full.json", "none.json"]).assert().success();
    // The same proof says nothing of an instance that has solutions.
    offcut(path).args(["check", "i.json", "none.json"]).assert().code(1).stdout(contains("REJECTED"));
    for (settings, words) in [("load=0", "load"), ("partitions=0", "partitions"), ("transfer=-1", "transfer")] {
        let bad = offcut(path).args(["generate", "jpdra", "--set", settings]).assert().code(2);
        bad.stderr(contains(words).and(contains("panicked").not()));
    }
}

/// One flow, loads of 1 and 4 on servers of 5 and 8, a server each: queues busy by a fifth and a half.
#[test]
fn answers_are_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).expect("room");
    write("i.json", include_str!("../../../instances/data/jpdra/toy.json"));
    let answer = |problem: &str, found: &str| {
        format!(
            r#"{{"offcut":"answer","problem":"{problem}","version":1,"body":{{"stop":"completed","found":{found},"proved":null}}}}"#
        )
    };
    let found = |servers: &str, speeds: &str| {
        format!(r#"{{"solution":{{"servers":{servers},"speeds":{{{speeds}}}}},"objective":2.25}}"#)
    };
    let good = answer("jpdra", &found("[[0,1]]", r#""macs_per_s":[[5,8]]"#));
    write("good.json", &good);
    let simulate = |file: &str, more: &[&str]| {
        let tasks = if more.contains(&"--tasks") { &[][..] } else { &["--tasks", "50000"] };
        offcut(path).args(["simulate", "i.json", file]).args(more).args(tasks).assert()
    };
    simulate("good.json", &[]).code(0).stdout(contains("2.25").and(contains("verdict    the formula stands")));
    let too_much = contains("M/M/1      gives").and(contains("too much")).and(contains("the formula stands"));
    simulate("good.json", &["--service", "deterministic"]).code(0).stdout(too_much);
    // Too few tasks reject nothing.
    simulate("good.json", &["--tasks", "1000"]).code(0).stdout(contains("verdict    none"));
    let output = simulate("good.json", &["--json"]).code(0).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!((&json["rejected"], &json["enough_tasks"]), (&false.into(), &true.into()));

    write("garbage.json", "hello");
    write("other.json", &answer("multiuser", r#"{"solution":{"cut":[1],"units":[0]},"objective":2}"#));
    write("nothing.json", &answer("jpdra", "null"));
    write("unstable.json", &answer("jpdra", &found("[[0,1]]", r#""macs_per_s":[[5,4]]"#)));
    write("short.json", &answer("jpdra", &found("[[0]]", r#""macs_per_s":[[5]]"#)));
    write("nowhere.json", &answer("jpdra", &found("[[0,2]]", r#""macs_per_s":[[5,8]]"#)));
    write("units.json", &answer("jpdra", &found("[[0,1]]", r#""units":[[5,8]]"#)));
    for (file, words) in [
        ("garbage.json", "is not valid JSON"),
        ("other.json", "multiuser"),
        ("nothing.json", "there is no solution to simulate"),
        ("unstable.json", "its queue grows without end"),
        ("short.json", "give one entry per partition"),
        ("nowhere.json", "count servers from 0"),
        ("units.json", "give 'macs_per_s'"),
        ("i.json", "answer"),
        ("missing.json", "cannot be read"),
    ] {
        let one_line = predicate::function(|text: &str| text.lines().count() == 1);
        let words = contains(words).and(contains(file)).and(one_line).and(contains("panicked").not());
        simulate(file, &[]).code(2).stderr(words).stdout("");
    }
    // Formula and simulation follow from the same speeds, so an answer cannot make them differ. Chance can: of 99.9 % intervals some few miss.
    simulate("good.json", &["--tasks", "15000", "--seed", "420"]).code(0);
    simulate("good.json", &["--tasks", "15000", "--seed", "421"]).code(1).stdout(contains("verdict    REJECTED"));
    simulate("good.json", &["--tasks", "10"]).code(2).stderr(contains("1000"));
}

/// Slots and horizons of lymdo: solved, checked, rejected, simulated.
#[test]
fn lymdo_is_solved_checked_refused_and_simulated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let generate = |file: &str, settings: &[&str]| {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        offcut(path).args(["generate", "lymdo", "-o", file, "--set", "users=3"]).args(settings).assert().success();
    };
    let solve = |file: &str, method: &str, to: &str| {
        offcut(path).args(["solve", file, "--method", method, "-o", to]).assert().success()
    };
    generate("slot.json", &[]);
    generate("horizon.json", &["slots=20"]);
    solve("slot.json", "branch", "branch.json").stdout(contains("optimal-certified"));
    for method in ["lymdo", "alternating", "lymdo-exact"] {
        solve("slot.json", method, &format!("{method}.json"));
    }
    offcut(path)
        .args(["check", "slot.json", "lymdo-exact.json", "lymdo.json", "branch.json"])
        .assert()
        .success()
        .stdout(contains("certified: the certificate was replayed").and(contains("(certified) lymdo.json")));
    solve("horizon.json", "clairvoyant", "bound.json").stdout(contains("bounded"));
    solve("horizon.json", "lymdo", "path.json");
    offcut(path)
        .args(["check", "horizon.json", "path.json", "bound.json"])
        .assert()
        .success()
        .stdout(contains("(certified) path.json"));

    let refused = |instance: &str, file: &str, words: &str| {
        offcut(path).args(["check", instance, file]).assert().code(1).stdout(contains("REJECTED").and(contains(words)));
    };
    change(path, "lymdo.json", "off.json", "\"objective\"", |objective| format!("{:e}", objective * (1.0 + 1e-6)));
    refused("slot.json", "off.json", "claimed objective");
    change(path, "lymdo.json", "wide.json", "\"bandwidth_hz\"", |_| "1e9".into());
    refused("slot.json", "wide.json", "bandwidth within capacity (slots[0])");
    change(path, "path.json", "cut.json", "\"cuts\"", |_| "99".into());
    refused("horizon.json", "cut.json", "indices exist (slots[0].cuts[0])");
    change(path, "branch.json", "bold.json", "\"value\"", |bound| format!("{:e}", bound * (1.0 + 1e-6)));
    refused("slot.json", "bold.json", "claimed bound");
    // Prices of energy above what overdrafts are charged prove nothing.
    change(path, "bound.json", "dear.json", "\"energy_s_per_j\"", |_| "1e9".into());
    refused("horizon.json", "dear.json", "energy prices are between 0 and what overdrafts are charged");
    // More tasks than anything takes: proved, and no policy hides it.
    let text = std::fs::read_to_string(path.join("slot.json")).expect("there");
    let mut full: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    full["body"]["slots"][0]["arrivals_per_s"][0] = 1e6.into();
    std::fs::write(path.join("full.json"), full.to_string()).expect("room");
    solve("full.json", "branch", "none.json").stdout(contains("infeasible-certified"));
    offcut(path).args(["check", "full.json", "none.json"]).assert().success();
    refused("slot.json", "none.json", "prices prove that a leaf has no solution");
    let alone = offcut(path).args(["solve", "full.json", "--method", "local-only", "-o", "alone.json"]).assert();
    alone.stdout(contains("declined: slot 0: user 0 is too slow to compute everything"));

    // Service is the instance's, unless another is asked for; a horizon is simulated slot by slot.
    let simulate = |instance: &str, file: &str, more: &[&str]| {
        offcut(path).args(["simulate", instance, file, "--tasks", "200000"]).args(more).assert()
    };
    let stands = || contains("the formula stands");
    simulate("slot.json", "branch.json", &[]).code(0).stdout(contains("service    deterministic").and(stands()));
    simulate("slot.json", "branch.json", &["--service", "exponential"]).code(0).stdout(stands());
    simulate("horizon.json", "path.json", &["--slot", "19"]).code(0).stdout(contains("slot 19 of 20").and(stands()));
    let output = simulate("slot.json", "branch.json", &["--json"]).code(0).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&output).expect("JSON");
    assert_eq!((&json["rejected"], &json["users"][2]["user"]), (&false.into(), &2.into()));
    simulate("horizon.json", "path.json", &["--slot", "20"]).code(2).stderr(contains("--slot").and(contains("has 20")));
    simulate("slot.json", "path.json", &[]).code(2).stderr(contains("has 20 entries for 1 slots"));
    simulate("horizon.json", "bound.json", &[]).code(2).stderr(contains("there is no solution to simulate"));
    offcut(path).args(["generate", "multiuser", "-o", "other.json"]).assert().success();
    simulate("other.json", "path.json", &[]).code(2).stderr(contains("which has no queues"));
    for (settings, words) in [("users=0", "users"), ("slots=0", "slots"), ("v=-1", "v")] {
        let bad = offcut(path).args(["generate", "lymdo", "--set", settings]).assert().code(2);
        bad.stderr(contains(words).and(contains("panicked").not()));
    }
}

/// The trainer is a program of its own: without it `offcut train` says how to build it.
#[test]
fn training_needs_the_trainer() {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("offcut");
    std::fs::copy(assert_cmd::cargo::cargo_bin("offcut"), &alone).expect("room");
    let mut command = Command::new(&alone);
    command.args(["train", "lymdo", "--steps", "10"]).assert().code(2).stderr(contains("./offcut train"));
}

/// So is the program that measures.
#[test]
fn measuring_needs_its_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("offcut");
    std::fs::copy(assert_cmd::cargo::cargo_bin("offcut"), &alone).expect("room");
    let mut command = Command::new(&alone);
    command.env_remove("OFFCUT_MEASURE").args(["measure", "alexnet", "-o", "m.json"]);
    command.assert().code(2).stderr(contains("./offcut measure"));
}

#[test]
fn the_help_of_generate_lists_families_and_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = offcut(folder.path()).args(["generate", "--help"]).assert().success().get_output().stdout.clone();
    let help = String::from_utf8(output).expect("text");
    for problem in offcut_instances::problems::NAMES {
        let listed = offcut(folder.path()).args(["generate", problem, "--list"]).assert().success();
        let listed = String::from_utf8(listed.get_output().stdout.clone()).expect("text");
        let (families, parameters) = listed.split_once("parameters\n").expect("both");
        let names = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|line| line.starts_with("  "))
                .filter_map(|l| l.split_whitespace().next())
                .map(str::to_owned)
                .collect()
        };
        let of_problem = help.split_once(&format!("{problem}: families ")).expect("the problem").1;
        let (in_help, rest) = of_problem.split_once("parameters ").expect("parameters");
        let in_rest = rest.split(": families ").next().expect("the first");
        assert!(names(families).iter().all(|family| in_help.contains(family.as_str())), "{problem}: {in_help}");
        assert!(!names(parameters).is_empty());
        for parameter in names(parameters) {
            assert!(in_rest.contains(&format!("{parameter}=")), "{problem}: {parameter}");
        }
    }
}

#[test]
fn programs_are_exported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    offcut(path)
        .args(["generate", "multiuser", "--set", "users=3", "--set", "units=4", "-o", "i.json"])
        .assert()
        .success();
    let export =
        |method: &str, file: &str| offcut(path).args(["export", "i.json", "--method", method, "-o", file]).assert();
    export("milp", "m.lp")
        .success()
        .stdout(contains("columns").and(contains("problem objective = ")).and(contains("optimum gives the problem's")));
    let program = std::fs::read_to_string(path.join("m.lp")).expect("there");
    assert!(program.starts_with('\\') && program.contains("\\ problem objective = ") && program.contains("\nst\n"));
    export("milp", "m.lp").code(2).stderr(contains("exists already"));
    export("milp", "m.txt").code(2).stderr(contains(".mps"));
    export("iao", "m.mps").code(2).stderr(contains("milp"));
    assert!(!path.join("m.mps").exists());
}
