//! Exported programs, read back and solved by a solver that is not HiGHS: the optimum is the same.

use std::collections::HashMap;
use std::path::Path;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use offcut_instances::family::Generated;
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Budget, MethodSpec};
use offcut_instances::throughput::Throughput;
use offcut_runner::{BenchmarkAdapter, export, method};
use serde_json::{Map, Value};

#[derive(Default)]
struct Column {
    is_integer: bool,
    bounds: Option<(f64, f64)>,
    entries: Vec<(String, f64)>,
}

/// The optimum of a program in MPS, by microlp.
fn optimum(path: &Path) -> f64 {
    let text = std::fs::read_to_string(path).expect("there");
    let (mut section, mut is_integer, mut is_maximised) = (String::new(), false, false);
    let mut rows: Vec<(String, String)> = Vec::new();
    let (mut columns, mut names): (HashMap<String, Column>, Vec<String>) = Default::default();
    let (mut sides, mut ranges): (HashMap<String, f64>, HashMap<String, f64>) = Default::default();
    for line in text.lines().filter(|line| !line.starts_with('*') && !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !line.starts_with(' ') {
            section = words[0].to_owned();
            is_maximised |= words.contains(&"MAX");
            continue;
        }
        let number = |at: usize| words[at].parse::<f64>().expect("a number");
        match section.as_str() {
            "OBJSENSE" => is_maximised |= words[0].starts_with("MAX"),
            "ROWS" => rows.push((words[0].to_owned(), words[1].to_owned())),
            "COLUMNS" if words.contains(&"'MARKER'") => is_integer = words.contains(&"'INTORG'"),
            "COLUMNS" => {
                if !columns.contains_key(words[0]) {
                    names.push(words[0].to_owned());
                }
                let column = columns.entry(words[0].to_owned()).or_default();
                column.is_integer = is_integer;
                column.entries.extend((1..words.len()).step_by(2).map(|at| (words[at].to_owned(), number(at + 1))));
            }
            "RHS" | "RANGES" => {
                let into = if section == "RHS" { &mut sides } else { &mut ranges };
                into.extend((1..words.len()).step_by(2).map(|at| (words[at].to_owned(), number(at + 1))));
            }
            "BOUNDS" => {
                let column = columns.get_mut(words[2]).expect("a column");
                let (low, high) = column.bounds.unwrap_or((0.0, f64::INFINITY));
                column.bounds = Some(match words[0] {
                    "UP" => (low, number(3)),
                    "LO" => (number(3), high),
                    "FX" => (number(3), number(3)),
                    "BV" => (0.0, 1.0),
                    "MI" => (f64::NEG_INFINITY, high),
                    "PL" => (low, f64::INFINITY),
                    "FR" => (f64::NEG_INFINITY, f64::INFINITY),
                    other => panic!("bound {other}"),
                });
            }
            "NAME" | "ENDATA" => {}
            other => panic!("section {other}"),
        }
    }
    let objective = &rows.iter().find(|(kind, _)| kind == "N").expect("an objective").1;
    let direction = if is_maximised { OptimizationDirection::Maximize } else { OptimizationDirection::Minimize };
    let mut problem = Problem::new(direction);
    let mut of_row: HashMap<&str, Vec<(Variable, f64)>> = HashMap::new();
    for name in &names {
        let column = &columns[name];
        let cost = column.entries.iter().find(|(row, _)| row == objective).map_or(0.0, |(_, cost)| *cost);
        let (low, high) = column.bounds.unwrap_or((0.0, f64::INFINITY));
        let variable = if column.is_integer {
            problem.add_integer_var(cost, (low.max(-1e9) as i32, high.min(1e9) as i32))
        } else {
            problem.add_var(cost, (low, high))
        };
        for (row, value) in &column.entries {
            of_row.entry(row).or_default().push((variable, *value));
        }
    }
    for (kind, name) in rows.iter().filter(|(kind, _)| kind != "N") {
        let side = sides.get(name).copied().unwrap_or(0.0);
        let range = ranges.get(name).map(|range| range.abs());
        let terms = of_row.remove(name.as_str()).unwrap_or_default();
        let mut add = |operator, side| problem.add_constraint(terms.as_slice(), operator, side);
        match kind.as_str() {
            "E" => add(ComparisonOp::Eq, side),
            "L" => add(ComparisonOp::Le, side),
            "G" => add(ComparisonOp::Ge, side),
            other => panic!("row {other}"),
        }
        match (kind.as_str(), range) {
            ("L", Some(range)) => add(ComparisonOp::Ge, side - range),
            ("G", Some(range)) => add(ComparisonOp::Le, side + range),
            (_, None) => {}
            _ => panic!("a range of {kind}"),
        }
    }
    problem.solve().expect("solved").objective()
}

fn read_back<P: BenchmarkAdapter>(methods: &[&str], settings: &[(&str, u64)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings: Map<String, Value> = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    for (at, id) in methods.iter().enumerate() {
        let family = P::FAMILIES[0].name;
        let instance = P::generate_with(family, &settings, 1).expect("legal");
        let spec: MethodSpec = id.parse().expect("good");
        let algorithm = method::<P>(&spec).expect("known");
        let export_to = |name: String| {
            let file = folder.path().join(name);
            let copied = export::<P>(algorithm.as_ref(), &instance, &Budget::seconds(60.0), &file);
            (file, copied)
        };
        let (file, copied) = export_to(format!("{at}.mps"));
        let copied = copied.expect("exported");
        let expected = copied.objective.expect("solved");
        let found = optimum(&file);
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-3), "{} {id}: {found} {expected}", P::NAME);
        assert!(copied.columns > 0 && copied.rows > 0);
        assert!(export_to(format!("{at}.lp")).1.is_ok());
        assert!(export_to(format!("{at}.mps")).1.expect_err("there already").to_string().contains("exists"));
        assert!(export_to(format!("{at}.txt")).1.expect_err("no format").to_string().contains(".mps"));
    }
}

#[test]
fn another_solver_finds_the_same_optimum() {
    read_back::<Multiuser>(&["milp"], &[("users", 3), ("units", 4)]);
    read_back::<Throughput>(&["milp", "lp"], &[("requests", 8), ("cloudlets", 2)]);
    read_back::<Jpdra>(&["milp-oa"], &[("flows", 1), ("partitions", 2), ("servers", 2)]);
    read_back::<Lymdo>(&["milp-oa"], &[("users", 2), ("slots", 1)]);
}

#[test]
fn methods_without_a_program_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = Multiuser::generate("zoo", &Default::default(), 1).expect("legal");
    let algorithm = method::<Multiuser>(&"iao".parse().expect("good")).expect("known");
    let declined = export::<Multiuser>(algorithm.as_ref(), &instance, &Budget::default(), &folder.path().join("a.mps"));
    assert!(declined.expect_err("no program").to_string().contains("milp"));
}
