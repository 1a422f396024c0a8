//! The registry of problems (`instances/src/problems.rs`) and what has to be written by hand for each of them: all of it is there, or the missing
//! place is named.

use std::path::{Path, PathBuf};

use offcut_instances::problems::NAMES;

/// Files that every problem has, with PROBLEM for its name; one of several where a module may be a file or a folder.
const FILES: [&[&str]; 18] = [
    &["instances/src/PROBLEM/mod.rs"],
    &["instances/data/PROBLEM/toy.json"],
    &["instances/data/PROBLEM/library/index.json"],
    &["formulations/src/PROBLEM/mod.rs"],
    &["heuristics/src/PROBLEM/mod.rs"],
    &["bench/checker/src/PROBLEM/mod.rs", "bench/checker/src/PROBLEM.rs"],
    &["bench/runner/src/PROBLEM/mod.rs", "bench/runner/src/PROBLEM.rs"],
    &["bench/runner/tests/conformance_PROBLEM.rs"],
    &["bench/suites/PROBLEM/demo.json"],
    &["bench/suites/PROBLEM/bounded.json"],
    &["bench/suites/PROBLEM/full.json"],
    &["bench/suites/PROBLEM/scale.json"],
    &["bench/suites/PROBLEM/library.json"],
    &["bench/cli/templates/PROBLEM.py"],
    &["bench/cli/templates/PROBLEM.js"],
    &["bench/benches/benches/PROBLEM.rs"],
    &["bench/peers/suites/PROBLEM.json"],
    &["reports/src/problems/PROBLEM/mod.rs", "reports/src/problems/PROBLEM.rs"],
];

/// Lists that are kept by hand: a file, and what stands in it for every problem.
const LISTS: [(&str, &str); 6] = [
    ("bench/runner/tests/all.rs", "mod conformance_PROBLEM;"),
    ("bench/benches/Cargo.toml", "name = \"PROBLEM\""),
    ("bench/fuzz/fuzz_targets/certificate.rs", "\"PROBLEM\""),
    ("bench/fuzz/seeds", "PROBLEM"),
    ("bench/cli/tests/library.rs", "\"PROBLEM\""),
    ("README.md", "| `PROBLEM`: "),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether `words` stand in a text and are no part of longer ones.
fn stands(text: &str, words: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_open = |words: &str| words.starts_with(is_part);
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        !(is_open(words) && before.ends_with(is_part) || words.ends_with(is_part) && after.starts_with(is_part))
    })
}

/// The places where a problem is missing.
fn missing(problem: &str) -> Vec<String> {
    let named = |text: &str| text.replace("PROBLEM", problem);
    let files = FILES.iter().filter(|places| !places.iter().any(|place| root().join(named(place)).is_file()));
    let files = files.map(|places| format!("{problem}: there is no {}", named(&places.join(" nor "))));
    let lists = LISTS
        .iter()
        .filter(|(file, words)| !stands(&std::fs::read_to_string(root().join(file)).expect("text"), &named(words)));
    let lists = lists.map(|(file, words)| format!("{problem}: {file} has no {}", named(words)));
    files.chain(lists).collect()
}

#[test]
fn every_problem_has_all_that_is_written_by_hand() {
    let missing: Vec<String> = NAMES.iter().flat_map(|problem| missing(problem)).collect();
    assert!(missing.is_empty(), "a problem of the registry is missing in\n{}", missing.join("\n"));
}

#[test]
fn a_problem_that_is_nowhere_is_missing_everywhere() {
    let missing = missing("fifth");
    assert_eq!(missing.len(), FILES.len() + LISTS.len(), "{missing:#?}");
    assert!(missing.contains(&"fifth: bench/fuzz/seeds has no fifth".to_owned()), "{missing:#?}");
    assert!(stands("a, b; c", "b") && !stands("ab", "b") && !stands("b-policy", "b"));
}

/// Nothing that stays by hand names a problem that is not in the registry.
#[test]
fn no_folder_belongs_to_a_problem_that_is_not_there() {
    for folder in ["bench/suites", "instances/data"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!entry.path().is_dir() || NAMES.contains(&name.as_str()), "{folder}/{name} is no problem's");
        }
    }
}
