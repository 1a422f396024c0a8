//! The README's table of papers is the one that `offcut reproduce all` made, of the suites as they are.

use std::path::Path;

use offcut_instances::problems::NAMES;
use offcut_reports::papers::{Papers, markdown};

fn read(place: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(place);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {error}"))
}

fn papers() -> Papers {
    serde_json::from_str(&read("reports/data/papers.json")).expect("what `offcut reproduce all` writes as papers.json")
}

const REMEDY: &str = "run `./offcut reproduce all`, copy its report/papers.json to reports/data/ and its report/papers.md into the README";

#[test]
fn the_table_in_the_readme_is_the_one_that_was_measured() {
    let table = markdown(&papers().lines);
    assert!(read("README.md").contains(&table), "the README has another table of papers than\n{table}\n{REMEDY}");
}

#[test]
fn the_table_is_of_the_suites_as_they_are() {
    let papers = papers();
    for problem in NAMES {
        let suite = read(&format!("bench/suites/{problem}/bounded.json"));
        let hash = blake3::hash(suite.as_bytes()).to_hex().to_string();
        assert_eq!(papers.suites.get(*problem), Some(&hash), "{problem}: the suite was changed; {REMEDY}");
        assert!(papers.lines.iter().any(|line| line.problem == *problem), "{problem} has no line; {REMEDY}");
    }
}
