//! The registry of problems (`instances/src/problems.rs`) and the files of each of them: all are there, or the missing one is named.

use std::path::{Path, PathBuf};

use offcut_instances::problems::NAMES;

/// Files that every problem has, with PROBLEM for its name; one of several where a module may be a file or a folder.
const FILES: [&[&str]; 22] = [
    &["instances/src/PROBLEM/mod.rs"],
    &["instances/src/PROBLEM/mutate.rs"],
    &["instances/src/PROBLEM/found.rs"],
    &["instances/data/PROBLEM/toy.json"],
    &["instances/data/PROBLEM/toy_optimum.txt"],
    &["instances/data/PROBLEM/library/index.json"],
    &["formulations/src/PROBLEM/mod.rs"],
    &["heuristics/src/PROBLEM/mod.rs"],
    &["bench/checker/src/PROBLEM/mod.rs", "bench/checker/src/PROBLEM.rs"],
    &["bench/runner/src/PROBLEM/mod.rs", "bench/runner/src/PROBLEM.rs"],
    &["bench/runner/tests/conformance/PROBLEM.rs"],
    &["bench/suites/PROBLEM/demo.json"],
    &["bench/suites/PROBLEM/bounded.json"],
    &["bench/suites/PROBLEM/full.json"],
    &["bench/suites/PROBLEM/scale.json"],
    &["bench/suites/PROBLEM/library.json"],
    &["bench/cli/templates/PROBLEM.py"],
    &["bench/cli/tests/library_heads/PROBLEM.json"],
    &["bench/cli/templates/PROBLEM.js"],
    &["bench/benches/benches/PROBLEM.rs"],
    &["bench/peers/suites/PROBLEM.json"],
    &["reports/src/problems/PROBLEM/mod.rs", "reports/src/problems/PROBLEM.rs"],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a problem that are missing.
fn missing(problem: &str) -> Vec<String> {
    let named = |text: &str| text.replace("PROBLEM", problem);
    let missing = FILES.iter().filter(|places| !places.iter().any(|place| root().join(named(place)).is_file()));
    missing.map(|places| format!("{problem}: there is no {}", named(&places.join(" nor ")))).collect()
}

#[test]
fn every_problem_has_all_its_files() {
    let missing: Vec<String> = NAMES.iter().flat_map(|problem| missing(problem)).collect();
    assert!(missing.is_empty(), "a problem of the registry is incomplete:\n{}", missing.join("\n"));
}

#[test]
fn a_problem_that_is_nowhere_is_missing_everywhere() {
    let missing = missing("fifth");
    assert_eq!(missing.len(), FILES.len(), "{missing:#?}");
    assert!(missing.contains(&"fifth: there is no bench/suites/fifth/demo.json".to_owned()), "{missing:#?}");
}

/// A problem whose results are in the README has a row there that says what it is.
#[test]
fn every_problem_with_results_is_described() {
    let text = |file: &str| std::fs::read_to_string(root().join(file)).expect("text");
    let (readme, papers) = (text("README.md"), text("reports/data/papers.json"));
    let described = |name: &&&str| readme.contains(&format!("| `{name}`: "));
    let with_results = || NAMES.iter().filter(|name| papers.contains(&format!("\"{name}\"")));
    assert!(with_results().count() >= 4, "the results are there");
    assert_eq!(with_results().filter(described).count(), with_results().count(), "README.md");
}

#[test]
fn no_folder_belongs_to_a_problem_that_is_not_there() {
    for folder in ["bench/suites", "instances/data"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_known = NAMES.contains(&name.as_str()) || name == "machines";
            assert!(!entry.path().is_dir() || is_known, "{folder}/{name} belongs to no problem");
        }
    }
}
