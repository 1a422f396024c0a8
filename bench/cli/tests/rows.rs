//! Rows for other programs: what is computed from them is what the report says.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use common::offcut;

/// A run of a random and two other methods on families with an axis; `declines` takes none of it.
fn run_in(path: &Path) {
    let suite = r#"{"offcut":"suite","problem":"multiuser","version":1,"body":{"title":"t",
        "budget":{"time_s":5,"memory_bytes":null,"threads":1,"seed":0},"studies":[
        {"name":"users","title":"U","families":["zoo"],"seeds":[1,2,3],"method_seeds":[0,1],
         "axis":{"parameter":"users","label":"users","values":[3,4]},
         "methods":["threshold","iao:error=0.3","equal-split","local-only"]},
        {"name":"again","title":"A","families":["zoo"],"set":{"users":3},"seeds":[1],"methods":["threshold"]}]}}"#;
    std::fs::write(path.join("s.json"), suite).expect("room");
    offcut(path).args(["run", "s.json", "--folder", "run"]).assert().success();
}

/// The mean over instances of `gap_high`, the rows of an instance averaged first, by method.
fn means(rows: &[(String, String, Option<f64>)]) -> BTreeMap<String, f64> {
    let mut instances: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for (method, instance, gap) in rows {
        instances.entry((method, instance)).or_default().extend(gap);
    }
    let mut methods: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for ((method, _), gaps) in instances.into_iter().filter(|(_, gaps)| !gaps.is_empty()) {
        methods.entry(method.into()).or_default().push(gaps.iter().sum::<f64>() / gaps.len() as f64);
    }
    methods.into_iter().map(|(method, gaps)| (method, gaps.iter().sum::<f64>() / gaps.len() as f64)).collect()
}

/// The same from the report's table, as it is printed there.
fn means_of_report(path: &Path) -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_path(path.join("run/report/tables/gaps.csv")).expect("a table");
    let header = reader.headers().expect("a header").clone();
    let at = |name: &str| header.iter().position(|column| column == name).expect(name);
    let (method, gap) = (at("method"), at("mean_gap_percent"));
    reader.records().map(|line| line.expect("a line")).map(|line| (line[method].into(), line[gap].into())).collect()
}

fn printed(means: &BTreeMap<String, f64>) -> BTreeMap<String, String> {
    let percent = |mean: &f64| offcut_reports::numbers::data(mean * 100.0);
    means.iter().map(|(method, mean)| (method.clone(), percent(mean))).collect()
}

fn text(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        other => panic!("not a text: {other:?}"),
    }
}

#[test]
fn gaps_from_the_rows_are_those_of_the_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    run_in(path);
    let expected = means_of_report(path);
    assert_eq!(expected.len(), 4);
    assert!(expected.values().any(|gap| gap.len() > 6), "some gap has digits: {expected:?}");

    let mut reader = csv::Reader::from_path(path.join("run/report/rows.csv")).expect("beside the report");
    let header = reader.headers().expect("a header").clone();
    let at = |name: &str| header.iter().position(|column| column == name).expect(name);
    let lines: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("lines");
    // Six instances; the random method has two seeds.
    assert_eq!(lines.len(), 6 * (1 + 2 + 1 + 1));
    let of_csv: Vec<(String, String, Option<f64>)> = lines
        .iter()
        .map(|line| (line[at("method")].into(), line[at("instance_hash")].into(), line[at("gap_high")].parse().ok()))
        .collect();
    assert_eq!(printed(&means(&of_csv)), expected);
    for line in &lines {
        assert_eq!(line[at("method_error")].is_empty(), &line[at("algorithm")] != "iao");
        assert_eq!((&line[at("objective_unit")], &line[at("instance_proved_infeasible")]), ("s", "false"));
        assert!(line[at("solve_s")].parse::<f64>().is_ok() && line[at("family_users")].parse::<f64>().is_ok());
    }
    assert!(lines.iter().any(|line| &line[at("studies")] == "users;again"));

    offcut(path).args(["rows", "run", "-o", "rows.parquet"]).assert().success();
    let file = std::fs::File::open(path.join("rows.parquet")).expect("written");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let of_parquet: Vec<(String, String, Option<f64>)> = reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row| {
            let columns: BTreeMap<String, Field> =
                row.expect("a row").get_column_iter().map(|(n, f)| (n.clone(), f.clone())).collect();
            assert!(matches!(columns["seed"], Field::ULong(_)) && matches!(columns["solve_s"], Field::Double(_)));
            assert!(matches!(columns["gap_certified"], Field::Bool(_) | Field::Null));
            let gap = match columns["gap_high"] {
                Field::Double(gap) => Some(gap),
                _ => None,
            };
            (text(&columns["method"]), text(&columns["instance_hash"]), gap)
        })
        .collect();
    assert_eq!(of_parquet, of_csv, "the same numbers, to the last bit");
}

#[test]
fn json_fields_have_one_type_and_studies_lines_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    run_in(path);
    let json = |arguments: &[&str]| -> Vec<serde_json::Map<String, Value>> {
        let output = offcut(path).args(["rows", "run", "--format", "json"]).args(arguments).assert().success();
        serde_json::from_slice(&output.get_output().stdout).expect("JSON")
    };
    let rows = json(&[]);
    let kind = |value: &Value| match value {
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "text",
        Value::Bool(_) => "flag",
        Value::Null => "null",
        _ => "other",
    };
    for name in rows[0].keys() {
        let mut kinds: Vec<&str> = rows.iter().map(|row| kind(&row[name])).filter(|kind| *kind != "null").collect();
        kinds.dedup();
        assert!(kinds.len() <= 1 && kinds != ["other"], "{name}: {kinds:?}");
    }
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let by_study = json(&["--by-study"]);
    assert_eq!(by_study.len(), rows.len() + 1);
    let again: Vec<_> = by_study.iter().filter(|row| row["study"] == "again").collect();
    assert!(again.len() == 1 && again[0]["x"].is_null() && again[0]["series"] == "threshold", "{again:?}");
    assert!(
        by_study.iter().filter(|row| row["study"] == "users").all(|row| row["x"].is_f64() && row["axis"] == "users")
    );
    // Two runs in one table.
    let output = offcut(path).args(["rows", "run", "run"]).assert().success();
    let lines = String::from_utf8_lossy(&output.get_output().stdout).lines().count();
    assert_eq!(lines, 1 + 2 * rows.len());
}

#[test]
fn rows_that_do_not_hold_to_their_answers_are_left_out_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    run_in(path);
    let answer = std::fs::read_dir(path.join("run/answers")).expect("there").next().expect("one").expect("an entry");
    std::fs::write(answer.path(), "{}").expect("room");
    let output = offcut(path).args(["rows", "run"]).assert().code(1).stderr(contains("MISMATCH"));
    assert_eq!(String::from_utf8_lossy(&output.get_output().stdout).lines().count(), 1 + 6 * 5 - 1);
    let one_line = || predicate::function(|text: &str| text.lines().count() == 1);
    for (arguments, words) in [
        (vec!["rows", "nowhere"], "cannot be read"),
        (vec!["rows", "run", "-o", "rows.txt"], "--format"),
        (vec!["rows", "run", "-o", "s.json"], "remove the file first"),
    ] {
        offcut(path).args(&arguments).assert().code(2).stderr(contains(words).and(one_line().or(contains("MISMATCH"))));
    }
}
