//! The law of ARCHITECTURE.md, read off `cargo metadata`: who may depend on whom, tests included.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, MetadataCommand};

/// What each of our packages may depend on, in code, tests and build scripts alike.
const LAW: [(&str, &[&str]); 11] = [
    ("offcut-instances", &[]),
    ("offcut-formulations", &["offcut-instances"]),
    ("offcut-heuristics", &["offcut-instances"]),
    ("offcut-checker", &["offcut-instances"]),
    ("offcut-ledger", &["offcut-instances", "offcut-checker"]),
    (
        "offcut-runner",
        &["offcut-instances", "offcut-formulations", "offcut-heuristics", "offcut-checker", "offcut-ledger"],
    ),
    ("offcut-reports", &["offcut-instances", "offcut-checker", "offcut-ledger"]),
    ("offcut-simulator", &["offcut-instances"]),
    ("offcut-trainer", &["offcut-instances", "offcut-heuristics"]),
    (
        "offcut",
        &["offcut-instances", "offcut-checker", "offcut-ledger", "offcut-runner", "offcut-reports", "offcut-simulator"],
    ),
    (
        "offcut-benches",
        &[
            "offcut-instances",
            "offcut-formulations",
            "offcut-heuristics",
            "offcut-checker",
            "offcut-runner",
            "offcut-simulator",
        ],
    ),
];

/// What takes minutes to compile, and the only packages that may name it.
const HEAVY: [(&str, &str); 5] = [
    ("good_lp", "offcut-formulations"),
    ("highs", "offcut-formulations"),
    ("highs-sys", "offcut-formulations"),
    ("candle-core", "offcut-trainer"),
    ("candle-nn", "offcut-trainer"),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata")
}

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata().packages;
    let named = |package: &cargo_metadata::Package| package.dependencies.iter().map(|d| d.name.clone()).collect();
    packages.iter().map(|package| (package.name.to_string(), named(package))).collect()
}

#[test]
fn every_package_depends_only_on_what_the_law_allows() {
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(ours, LAW.iter().map(|(name, _)| *name).collect(), "the law names every package of the workspace");
    for (name, allowed) in LAW {
        let named = dependencies[name].iter().map(String::as_str).filter(|dependency| ours.contains(dependency));
        for dependency in named.filter(|dependency| *dependency != name) {
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn solvers_are_named_by_formulations_only_and_tensors_by_the_trainer() {
    for (name, dependencies) in dependencies() {
        for (heavy, home) in HEAVY {
            assert!(name == home || !dependencies.contains(heavy), "{name} must not depend on {heavy}");
        }
    }
}

#[test]
fn only_one_file_talks_to_highs() {
    let root = metadata().workspace_root;
    let mut talking = Vec::new();
    let mut folders = vec![root.join("formulations/src").into_std_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).expect("text");
            if ["good_lp::highs", "good_lp::solvers", "highs_sys", " ::highs::"].iter().any(|name| text.contains(name))
            {
                talking.push(entry.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(talking, ["highs.rs"]);
}
