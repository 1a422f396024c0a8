//! Parts of suites, suites on the command line, and several runs in one folder.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use common::offcut;

const SUITE: &str = r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"t",
    "budget":{"time_s":5,"memory_bytes":null,"threads":1,"seed":0},"studies":[
    {"name":"one","title":"O","families":["zoo"],"set":{"users":3},"seeds":[1,2],"methods":["threshold","iao:error=0.3","binary"]},
    {"name":"two","title":"T","families":["zoo"],"set":{"users":4},"seeds":[1],"methods":["local-only"]}]}}"#;

/// A solver that declines, so that it needs no knowledge of the problem.
const DECLINES: &str = r#"echo '{"offcut":"answer","problem":"multiuser","version":1,"body":{"stop":{"declined":"no"},"found":null,"proved":null}}'"#;

/// The methods of a run's report with the number of their rows.
fn reported(path: &Path, run: &str) -> BTreeMap<String, usize> {
    let mut reader = csv::Reader::from_path(path.join(run).join("report/rows.csv")).expect("beside the report");
    let header = reader.headers().expect("a header").clone();
    let at = header.iter().position(|column| column == "method").expect("a method");
    let mut methods = BTreeMap::new();
    for line in reader.records() {
        *methods.entry(line.expect("a line")[at].to_owned()).or_default() += 1;
    }
    methods
}

fn counts<const N: usize>(methods: [(&str, usize); N]) -> BTreeMap<String, usize> {
    methods.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn parts_of_a_suite_add_up_in_one_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("s.json"), SUITE).expect("room");
    std::fs::write(path.join("declines.sh"), DECLINES).expect("room");
    let run = |arguments: &[&str]| offcut(path).args(["run", "s.json", "--folder", "r"]).args(arguments).assert();
    run(&["--only", "threshold", "--study", "one", "--seeds", "1"]).success();
    assert_eq!(reported(path, "r"), counts([("threshold", 1)]));
    run(&["--only", "iao,local-only", "--method-seeds", "1"]).success();
    assert_eq!(reported(path, "r"), counts([("iao:error=0.3", 2), ("local-only", 1), ("threshold", 1)]));
    run(&["--study", "two", "--solver", "v1=sh declines.sh"])
        .success()
        .stderr(contains("1 cells have their row already; 1 to run"));
    run(&["--study", "two", "--solver", "v2=sh ./declines.sh"]).success();
    let all = counts([("iao:error=0.3", 2), ("local-only", 1), ("threshold", 1), ("v1", 1), ("v2", 1)]);
    assert_eq!(reported(path, "r"), all);
    // A changed program takes the place of its earlier rows.
    std::fs::write(path.join("declines.sh"), format!("# changed\n{DECLINES}")).expect("room");
    run(&["--study", "two", "--solver", "v1=sh declines.sh"]).success();
    assert_eq!(reported(path, "r"), all);
    // Another budget is another run: rows of both in one table would not compare.
    run(&["--study", "two", "--time", "4"]).success();
    assert_eq!(reported(path, "r"), counts([("local-only", 1)]));
    offcut(path).args(["check", "r"]).assert().success();
}

#[test]
fn unknown_names_are_one_line_with_those_that_are_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("s.json"), SUITE).expect("room");
    let one_line = || predicate::function(|text: &str| text.lines().count() == 1);
    for (arguments, words) in [
        (vec!["s.json", "--only", "magic"], "threshold, iao:error=0.3, binary, local-only"),
        (vec!["s.json", "--study", "three"], "one, two"),
        (vec!["s.json", "--study", "two", "--only", "binary"], "its methods are: local-only"),
        (vec!["s.json", "--time=-1"], "give seconds"),
        (vec!["--family", "zoo"], "--problem"),
        (vec!["--family", "zo"], "rayleigh"),
        (vec!["--family", "zoo", "--methods", "magic"], "no problem has all of them"),
        (vec!["--family", "rayleigh", "--methods", "magic"], "the methods are: "),
        (vec!["--family", "zoo", "--problem", "chess"], "the problems are"),
        (vec!["--family", "zoo", "--problem", "multiuser", "--methods", "magic"], "the methods are"),
        (vec!["--family", "zoo", "--problem", "multiuser", "--set", "user=3"], "the parameters are"),
        (vec!["--family", "zoo", "--problem", "multiuser", "--set", "users"], "has no '='"),
    ] {
        offcut(path).arg("run").args(&arguments).assert().code(2).stderr(contains(words).and(one_line()));
    }
    assert!(!path.join("runs").exists(), "nothing is begun");
    for arguments in [vec!["run"], vec!["run", "s.json", "--family", "zoo"], vec!["run", "s.json", "--set", "users=3"]]
    {
        offcut(path).args(&arguments).assert().code(2);
    }
}

#[test]
fn a_suite_on_the_command_line_is_kept_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let run = |arguments: &[&str]| {
        offcut(path).args(["run", "--family", "zoo", "--set", "users=3,4"]).args(arguments).assert()
    };
    run(&["--methods", "iao,threshold", "--seeds", "2"]).success();
    let report = std::fs::read_to_string(path.join("runs/multiuser-zoo/report/report.md")).expect("a report");
    assert!(report.contains("multiuser: zoo; users 3, 4"), "{report}");
    run(&["--methods", "binary", "--seeds", "2"]).success().stderr(contains("cells have their row").not());
    assert_eq!(reported(path, "runs/multiuser-zoo"), counts([("binary", 4), ("iao", 4), ("threshold", 4)]));
    let kept = ["run", "runs/multiuser-zoo/suite.json", "--folder", "runs/multiuser-zoo"];
    offcut(path).args(kept).assert().success().stderr(contains("12 cells have their row already; 0 to run"));
    // Another grid is another run.
    offcut(path)
        .args(["run", "--family", "zoo", "--set", "users=5", "--methods", "iao"])
        .assert()
        .code(2)
        .stderr(contains("--folder"));
}
