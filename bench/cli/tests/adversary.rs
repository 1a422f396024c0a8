//! `offcut adversary`: a search is written, goes on, is checked without a solver; programs are searched against, too; a table of pairs.

use std::path::Path;

use assert_cmd::Command;
use predicates::str::contains;

fn offcut(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::new(assert_cmd::cargo::cargo_bin("offcut")).current_dir(folder).args(arguments).assert()
}

#[test]
fn a_search_is_written_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let search = |rounds: &'static str| {
        let arguments = ["adversary", "throughput", "--method", "online-greedy", "--seed", "3", "-o", "worst"];
        offcut(folder.path(), &[&arguments[..], &["--moves", "200", "--seconds", "100", "--rounds", rounds]].concat())
    };
    search("1").success().stdout(contains("searched   1 rounds"));
    search("3").success().stdout(contains("searched   3 rounds")).stdout(contains("proven     nothing"));
    let files = ["check", "worst/worst.json", "worst/worst.method.json", "worst/worst.reference.json"];
    offcut(folder.path(), &files).success();
    let other = ["adversary", "throughput", "--method", "local-ratio", "-o", "worst", "--seconds", "1"];
    offcut(folder.path(), &other).code(2).stderr(contains("is of another search"));
}

#[test]
fn a_program_is_searched_against() {
    let folder = tempfile::tempdir().expect("a folder");
    offcut(folder.path(), &["new-solver", "python", "multiuser"]).success();
    let arguments = ["adversary", "multiuser", "--solver", "mine=python3 multiuser_solver.py", "-o", "worst"];
    let limits = ["--moves", "5", "--rounds", "1", "--seconds", "60", "--time", "10"];
    offcut(folder.path(), &[&arguments[..], &limits].concat()).success().stdout(contains("method     mine"));
    assert!(!folder.path().join("worst/candidate.json").exists());
}

#[test]
fn pairs_make_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["adversary", "multiuser", "--matrix", "--methods", "iao,local-only", "--variant", "max"];
    let limits = ["--moves", "50", "--rounds", "1", "--seconds", "60", "-o", "pairs"];
    offcut(folder.path(), &[&arguments[..], &limits].concat()).success().stdout(contains("4 pairs"));
    let table = std::fs::read_to_string(folder.path().join("pairs/matrix.md")).expect("written");
    assert!(table.contains("| `iao` | 1.0000 | 1.0000 |"), "{table}");
    let picture = std::fs::read_to_string(folder.path().join("pairs/matrix.svg")).expect("written");
    assert!(picture.starts_with("<svg") && picture.contains(">local-only<"), "{picture}");
    let csv = std::fs::read_to_string(folder.path().join("pairs/matrix.csv")).expect("written");
    assert_eq!(csv.lines().count(), 5, "{csv}");
}

#[test]
fn what_is_unknown_is_told_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |arguments: &[&str], remedy: &'static str| {
        let head = ["adversary", "multiuser"];
        offcut(folder.path(), &[&head[..], arguments].concat()).code(2).stderr(contains(remedy));
    };
    told(&["--method", "iao", "--variant", "mean"], "max; sum");
    told(&["--method", "iao", "--size", "people=3"], "users, units, blocks, models");
    told(&["--method", "iao", "--start", "nowhere"], "random, family, worst, kept");
    told(&["--method", "nobody"], "iao");
    told(&["--method", "iao", "--seconds", "0"], "--seconds");
}
