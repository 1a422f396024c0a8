//! Measured arrivals, rates and topologies: `offcut traces`, and its files where parameters and `simulate` take them.

mod common;

use std::path::Path;

use common::offcut;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value as Json;

/// Requests as a log has them: gaps of 1, 3, 0 and 4 s.
const REQUESTS: &str = "TIMESTAMP,tokens\n2023-11-16 18:00:00.0000000,5\n2023-11-16 18:00:01.0000000,7\n\
                        2023-11-16 18:00:04.0000000,1\n2023-11-16 18:00:04.0000000,1\n2023-11-16 18:00:08.0000000,2\n";

/// A line of three nodes with 8 and 4 Gbit/s, and a fourth node on an edge without a rate.
const NET: &str = r#"<graphml><key attr.name="LinkSpeedRaw" for="edge" id="s" /><graph edgedefault="undirected">
<node id="a" /><node id="b" /><node id="c" /><node id="d" />
<edge source="a" target="b"><data key="s">8e9</data></edge>
<edge source="b" target="c"><data key="s">4e9</data></edge>
<edge source="c" target="d" />
</graph></graphml>"#;

/// The time stamps of [`REQUESTS`] alone.
fn stamps() -> String {
    REQUESTS.lines().map(|line| format!("{}\n", line.split(',').next().unwrap_or_default())).collect()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("room");
}

fn json(folder: &Path, arguments: &[&str]) -> Json {
    let output = offcut(folder).args(arguments).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("JSON")
}

fn read(folder: &Path, name: &str) -> Json {
    serde_json::from_slice(&std::fs::read(folder.join(name)).expect("written")).expect("JSON")
}

#[test]
fn arrivals_are_told_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "requests.csv", REQUESTS);
    write(path, "mixed.csv", "at\n8\n0\n4\n");
    let told =
        contains("mean rate    0.5000 tasks/s").and(contains("SCV of gaps  0.6250")).and(contains("gaps of 0 s  1"));
    offcut(path).args(["traces", "arrivals", "requests.csv", "--column", "TIMESTAMP"]).assert().success().stdout(told);
    let column = ["traces", "arrivals", "requests.csv", "--column", "TIMESTAMP", "--name", "log", "-o", "log.json"];
    offcut(path).args(column).assert().success().stderr(contains("wrote log.json"));
    assert_eq!(read(path, "log.json"), serde_json::json!({"id": "log", "gaps_s": [1.0, 3.0, 0.0, 4.0]}));
    let summary = json(path, &["traces", "arrivals", "log.json", "--json"]);
    assert_eq!((&summary["tasks"], &summary["scv"], &summary["rate_per_s"]), (&5.into(), &0.625.into(), &0.5.into()));
    let sorted = contains("mixed.csv: 2 time stamps were earlier than one above them; all are sorted");
    offcut(path).args(["traces", "arrivals", "mixed.csv"]).assert().success().stderr(sorted);
    offcut(path).args(column).assert().code(2).stderr(contains("remove the file first"));
}

#[test]
fn rates_become_a_link_and_a_series() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "uplink.csv", "second,up\n1,8\n2,24\n3,12\n");
    let made = ["traces", "rates", "uplink.csv", "--column", "up", "--unit", "Mbit/s", "--rtt", "0.02"];
    let files = ["-o", "uplink.json", "--series", "slots.json"];
    let told = contains("harmonic mean  12 Mbit/s, 1,500,000 bytes/s").or(contains("harmonic mean  12.00 Mbit/s"));
    offcut(path).args(made).args(files).assert().success().stdout(told);
    let link = read(path, "uplink.json");
    assert!((link["uplink_bytes_per_s"].as_f64().expect("a number") - 1.5e6).abs() < 1e-3, "{link}");
    assert_eq!(link["rtt_s"], 0.02);
    assert_eq!(read(path, "slots.json")["bytes_per_s"], serde_json::json!([1e6, 3e6, 1.5e6]));
    // The link stands for a name of the catalogue, the series for channels.
    let user = json(path, &["generate", "multiuser", "--set", "users=3", "--set", r#"links=["uplink.json"]"#]);
    assert_eq!(user["body"]["users"].as_array().map(Vec::len), Some(3));
    write(path, "up.csv", "up\n8\n24\n12\n");
    for file in ["slots.json", "up.csv"] {
        let setting = format!("throughputs={file}");
        let horizon = json(path, &["generate", "lymdo", "--set", "slots=6", "--set", &setting]);
        let gain = |t: usize| horizon["body"]["slots"][t]["gains"][0].as_f64().expect("a gain");
        assert_eq!(gain(0), gain(3), "three slots are a cycle");
        assert_ne!(gain(0), gain(1));
    }
    write(path, "zeros.csv", "up\n8\n0\n8\n");
    let zeros = ["traces", "rates", "zeros.csv", "--unit", "bit/s"];
    offcut(path).args(zeros).assert().code(2).stderr(contains("zeros.csv: has 1 of 3 throughputs of 0"));
    offcut(path).args(zeros).arg("--drop-zeros").assert().success().stdout(contains("zeros          1, left out"));
    offcut(path).args(zeros).args(["--series", "s.json"]).assert().success().stdout(contains("kept in the series"));
}

#[test]
fn a_topology_stands_for_the_ways_between_servers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "net.graphml", NET);
    let bad = "net.graphml: line 5: edge 'c' to 'd' has no LinkSpeedRaw; give such edges one rate: offcut traces topology FILE --rate";
    offcut(path).args(["traces", "topology", "net.graphml"]).assert().code(2).stderr(contains(bad));
    let made = ["traces", "topology", "net.graphml", "--rate", "4e9", "-o", "net.json"];
    let told = contains("nodes       4").and(contains("links       6")).and(contains("12 of 12 ordered pairs"));
    offcut(path).args(made).assert().success().stdout(told);
    let flows = |settings: &[&str]| {
        let mut arguments = vec!["generate", "jpdra", "--seed", "1"];
        settings.iter().for_each(|setting| arguments.extend(["--set", setting]));
        json(path, &arguments)
    };
    let all = flows(&["servers=4", "topology=net.json"]);
    // a to d: 1/1e9 + 1/5e8 + 1/5e8 a byte.
    let speed = all["body"]["link_bytes_per_s"][0][3].as_f64().expect("a speed");
    assert!((speed - 2e8).abs() < 1e-3, "{speed}");
    write(path, "all.graphml", &NET.replace("<edge source=\"c\" target=\"d\" />", ""));
    let apart = flows(&["servers=4", "topology=all.graphml"]);
    assert_eq!(apart["body"]["link_bytes_per_s"][3], serde_json::json!([0.0, 0.0, 0.0, 0.0]));
    let drawn = [1, 2].map(|_| flows(&["servers=2", "topology=net.json"]));
    assert_eq!(drawn[0], drawn[1]);
    // It is solved and checked as any other.
    write(path, "apart.json", &apart.to_string());
    offcut(path).args(["solve", "apart.json", "--method", "jpdra", "--time", "5"]).assert().success();
    for (problem, family, name) in
        [("jpdra", "synthetic", "topology"), ("lymdo", "synthetic", "arrivals"), ("lymdo", "synthetic", "throughputs")]
    {
        let setting = format!("{name}=net.json");
        let refused = contains(format!("parameter '{name}': is given, and family '{family}' draws its own"));
        let made = offcut(path).args(["generate", problem, "--family", family, "--set", &setting]).assert();
        made.code(2).stderr(refused);
    }
}

/// One flow, queues busy by a fifth and a half: the formula says 2.25 s.
#[test]
fn answers_are_simulated_under_bursts_and_traces() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "i.json", include_str!("../../../instances/data/jpdra/toy.json"));
    let good = r#"{"offcut":"answer","problem":"jpdra","version":1,"body":{"stop":"completed",
        "found":{"solution":{"servers":[[0,1]],"speeds":{"macs_per_s":[[5,8]]}},"objective":2.25},"proved":null}}"#;
    write(path, "good.json", good);
    write(path, "requests.csv", &stamps());
    let simulate = |more: &[&str]| offcut(path).args(["simulate", "i.json", "good.json"]).args(more).assert();
    let result =
        contains("result     the formula (Poisson) says 2.2").and(contains("ratio")).and(contains("verdict").not());
    simulate(&["--scv", "16", "--tasks", "400000"]).code(0).stdout(result.and(contains("not reliable").not()));
    simulate(&["--scv", "16", "--tasks", "2000"]).code(0).stdout(contains("the interval is not reliable"));
    let json = |more: &[&str]| -> Json {
        let output = simulate(&[more, &["--tasks", "200000", "--json"]].concat()).code(0).get_output().stdout.clone();
        serde_json::from_slice(&output).expect("JSON")
    };
    let ratio = |json: &Json| json["mean"]["ratio"].as_f64().expect("a ratio");
    let bursts = ["1", "4", "16"].map(|scv| ratio(&json(&["--scv", scv])));
    assert!((bursts[0] - 1.0).abs() < 0.05 && bursts[1] > 1.1 && bursts[2] > 1.3 * bursts[1], "{bursts:?}");
    // The trace's gaps vary less than those of a Poisson process.
    let trace = json(&["--arrivals", "requests.csv"]);
    assert!(ratio(&trace) < 1.0 && trace["rejected"] == false, "{trace}");
    assert!(trace["arrivals"].as_str().expect("text").contains("repeated 50000.0 times"), "{trace}");
    assert_eq!(json(&["--arrivals", "requests.csv"]), trace, "same seed, same result");
    simulate(&["--scv", "0.5"]).code(2).stderr(contains("--scv: is 0.5"));
    simulate(&["--scv", "2", "--arrivals", "requests.csv"]).code(2).stderr(contains("cannot be used with"));
    simulate(&["--arrivals", "none.csv"]).code(2).stderr(contains("none.csv: cannot be read"));
    // A slot of lymdo, too.
    offcut(path).args(["generate", "lymdo", "-o", "slot.json"]).assert().success();
    offcut(path).args(["solve", "slot.json", "--method", "branch", "-o", "cuts.json"]).assert().success();
    let slot = ["simulate", "slot.json", "cuts.json", "--arrivals", "requests.csv", "--tasks", "50000"];
    offcut(path).args(slot).assert().code(0).stdout(contains("trace requests: 4 gaps"));
}

#[test]
fn bad_files_are_told_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write(path, "one.csv", "at\n5\n");
    write(path, "word.csv", "at\n5\nsoon\n");
    write(path, "nan.csv", "at\n5\nNaN\n");
    write(path, "hole.csv", "at,x\n5,1\n,2\n");
    write(path, "empty.csv", "\n");
    write(path, "more.json", r#"{"id": "x", "gaps_s": [1], "rate": 3}"#);
    write(path, "negative.json", r#"{"id": "x", "gaps_s": [1, -1]}"#);
    write(path, "net.xml", NET);
    std::fs::create_dir(path.join("folder.csv")).expect("room");
    // Holes take no room: 2 GB that begin as a CSV does.
    write(path, "large.csv", "at\n1\n2\n");
    let large = std::fs::File::options().write(true).open(path.join("large.csv")).expect("there");
    large.set_len(2 << 30).expect("room");
    for (arguments, words) in [
        (&["traces", "arrivals", "one.csv"][..], "one.csv: has 1 time stamps; give at least two"),
        (&["traces", "arrivals", "word.csv"], "word.csv: line 3: 'soon' is not a time stamp; give seconds, or dates"),
        (&["traces", "arrivals", "nan.csv"], "nan.csv: line 3: 'NaN' is not a time stamp"),
        (&["traces", "arrivals", "hole.csv"], "hole.csv: line 1: has 2 columns: at, x; say which one by --column"),
        (
            &["traces", "arrivals", "hole.csv", "--column", "y"],
            "hole.csv: line 1: has no column 'y'; choose from: at, x",
        ),
        (&["traces", "arrivals", "empty.csv"], "empty.csv: is empty"),
        (&["traces", "arrivals", "folder.csv"], "folder.csv: is not a file"),
        (&["traces", "arrivals", "large.csv"], "large.csv: is larger than 512 MiB"),
        (&["traces", "rates", "large.csv", "--unit", "bit/s"], "large.csv: is larger than 512 MiB"),
        (&["traces", "arrivals", "none.csv"], "none.csv: cannot be read"),
        (&["traces", "arrivals", "more.json"], "more.json: rate: unknown field `rate`"),
        (&["traces", "arrivals", "negative.json"], "negative.json: gaps_s[1]: is -1"),
        (
            &["traces", "rates", "word.csv", "--unit", "Mbit/s"],
            "word.csv: line 3: 'soon' is not a number; give throughputs in Mbit/s",
        ),
        (&["traces", "topology", "one.csv"], "one.csv: line 1: is not XML"),
        (&["traces", "topology", "none.graphml"], "none.graphml: cannot be read"),
        (&["generate", "jpdra", "--set", "topology=net.xml"], "parameter 'topology': 'net.xml' is no topology"),
        (&["generate", "lymdo", "--set", "arrivals=word.csv"], "word.csv: parameter 'arrivals': line 3"),
        (&["generate", "lymdo", "--set", "throughputs=word.csv"], "word.csv: parameter 'throughputs': line 3"),
    ] {
        let one_line = predicate::function(|text: &str| text.trim_end().lines().count() == 1);
        let told = contains(words).and(contains("panicked").not()).and(one_line);
        offcut(path).args(arguments).assert().code(2).stderr(told);
    }
}

/// A report on flows simulates deployments under bursts: the same numbers each time.
#[test]
fn reports_say_how_wrong_poisson_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let grid = ["run", "--problem", "jpdra", "--family", "zoo", "--set", "flows=2", "--set", "load=0.3,0.5"];
    offcut(path).args(grid).args(["--methods", "branch,jpdra,dpd", "--folder", "run"]).assert().success();
    let tables = path.join("run/report/tables");
    let table = |name: &str| std::fs::read_to_string(tables.join(name)).expect("written");
    let (delays, orders) = (table("poisson.csv"), table("poisson_order.csv"));
    assert_eq!(delays.lines().count(), 1 + 2 * 4, "{delays}");
    assert!(delays.starts_with("instance,load,scv,method,formula_s,simulated_s,ratio,"), "{delays}");
    assert!(orders.lines().count() > 1 && !orders.contains("NaN"), "{orders}");
    let ratio = |line: &str| line.split(',').nth(6).expect("a ratio").parse::<f64>().expect("a number");
    let ratios: Vec<f64> = delays.lines().skip(1).map(ratio).collect();
    for of_instance in ratios.chunks(4) {
        // Poisson arrivals are what the formula says; the burstier, the longer.
        assert!((of_instance[0] - 1.0).abs() < 0.02 && of_instance.is_sorted() && of_instance[3] > 1.2, "{ratios:?}");
    }
    let page = std::fs::read_to_string(path.join("run/report/report.md")).expect("written");
    assert!(page.contains("How wrong is Poisson") && page.contains("times the delay of the formula"), "{page}");
    offcut(path).args(["report", "run"]).assert().success();
    assert_eq!((table("poisson.csv"), table("poisson_order.csv")), (delays, orders));
}
