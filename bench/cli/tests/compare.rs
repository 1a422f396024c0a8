//! Two runs side by side, as a user meets it. When times differ is tested where no clock is involved, in `reports/tests/compare.rs`.

mod common;

use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use common::offcut;

fn run_of(path: &Path, folder: &str, solver: &str) {
    let suite = r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"t",
        "budget":{"time_s":5,"memory_bytes":null,"threads":1,"seed":0},"studies":[
        {"name":"a","title":"A","families":["zoo"],"set":{"users":3},"seeds":[1,2],"methods":["threshold","local-only"]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    let _ = offcut(path).args(["run", "s.json", "--folder", folder, "--solver", solver]).assert();
}

/// A solver that gives what another method answered before, to the instances of the run `from`.
fn copies(path: &Path, from: &str, method: &str, change: impl Fn(&str) -> String) {
    let rows = std::fs::read_to_string(path.join(from).join("rows.jsonl")).expect("there");
    std::fs::create_dir_all(path.join("copied")).expect("room");
    for line in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        if row["key"]["method"] == method {
            let instance = row["key"]["instance"].as_str().expect("a hash");
            let folder = path.join(from).join("answers");
            let hash = row["answer_hash"].as_str().expect("a hash");
            let is_it = |bytes: &Vec<u8>| blake3::hash(bytes).to_hex().as_str() == hash;
            let mut files = std::fs::read_dir(folder).expect("there").map(|file| file.expect("an entry").path());
            let answer = files.find_map(|file| std::fs::read(file).ok().filter(is_it)).expect("its answer");
            let answer = change(&String::from_utf8(answer).expect("text"));
            std::fs::write(path.join("copied").join(instance), answer).expect("room");
        }
    }
    let program = format!("cat {}/$(basename \"$1\" .json)", path.join("copied").display());
    std::fs::write(path.join("copy.sh"), program).expect("room");
}

#[test]
fn what_changed_is_told_and_decides_the_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("nothing.sh"), "exit 3").expect("room");
    run_of(path, "crashes", "mine=sh nothing.sh");
    copies(path, "crashes", "local-only", str::to_owned);
    run_of(path, "works", "mine=sh copy.sh");
    let compare = |arguments: &[&str]| offcut(path).arg("compare").args(arguments).assert();
    compare(&["works", "works"]).success().stdout(contains("no regression is shown"));
    compare(&["crashes", "works"]).success().stdout(contains("new solution: mine on").and(contains("crash -> ")));
    let worse = compare(&["works", "crashes"]).code(1);
    worse.stdout(contains("REGRESSION solution vanished: mine on").and(contains("there are regressions")));
    let json = compare(&["works", "crashes", "--json"]).code(1).get_output().stdout.clone();
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!((&json["has_regression"], &json["changes"][0]["what"]), (&true.into(), &"solution-vanished".into()));
    // Methods against each other, in one run.
    let better = compare(&["works", "works", "--methods", "local-only/threshold"]);
    better.success().stdout(contains("objective better: threshold on"));
    compare(&["works", "works", "--methods", "threshold/local-only"])
        .code(1)
        .stdout(contains("REGRESSION objective worse"));
    let one_line = || predicate::function(|text: &str| text.lines().count() == 1);
    for (arguments, words) in [
        (vec!["works", "nowhere"], "cannot be read"),
        (vec!["works", "works", "--methods", "magic/iao"], "its methods are: local-only, mine, threshold"),
        (vec!["works", "works", "--methods", "magic"], "FIRST/SECOND"),
    ] {
        compare(&arguments).code(2).stderr(contains(words).and(one_line()));
    }
    // A row that does not hold to its answer is not compared, and ends with 1.
    for answer in std::fs::read_dir(path.join("works/answers")).expect("there").take(1) {
        std::fs::write(answer.expect("an entry").path(), "{}").expect("room");
    }
    compare(&["works", "works"]).code(1).stderr(contains("MISMATCH"));
}
