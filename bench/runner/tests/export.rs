//! Exported programs, read back and solved by a solver that is not HiGHS: with the factor and offset of their comment the optimum is the problem's, or bounds it.

use std::collections::HashMap;
use std::path::Path;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use offcut_instances::family::Generated;
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Budget, MethodSpec, Sense};
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

/// The numbers of `problem objective = FACTOR * file objective + OFFSET` in a comment.
fn scaling(path: &Path) -> (f64, f64) {
    let text = std::fs::read_to_string(path).expect("there");
    let line = text.lines().find_map(|line| line.split_once("problem objective = ")).expect("a comment").1;
    let (factor, offset) = line.split_once(" * file objective + ").expect("a factor and an offset");
    (factor.parse().expect("a factor"), offset.parse().expect("an offset"))
}

/// Exports the programs of methods, solves them elsewhere and compares with the optimum that `exact` certifies. Of a relaxation the optimum is a bound, and within
/// `slack`, relative.
fn read_back<P: BenchmarkAdapter>(exact: &str, methods: &[(&str, f64)], instance: &P::Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    let solver = |id: &str| method::<P>(&id.parse::<MethodSpec>().expect("good")).expect("known");
    let answer = solver(exact).solve(instance, &Budget::seconds(60.0));
    let optimum_s = answer.found.expect("solved").objective;
    let proved = answer.proved.expect("a bound").value;
    assert!((proved - optimum_s).abs() <= 1e-8 * optimum_s.abs(), "{exact} closes this instance");
    for (at, (id, slack)) in methods.iter().enumerate() {
        let algorithm = solver(id);
        let export_to = |name: String| {
            let file = folder.path().join(name);
            let exported = export::<P>(algorithm.as_ref(), instance, &Budget::seconds(60.0), &file);
            (file, exported)
        };
        let (file, exported) = export_to(format!("{at}.mps"));
        let exported = exported.expect("exported");
        let (factor, offset) = scaling(&file);
        assert_eq!((factor, offset), (exported.scaling.factor, exported.scaling.offset));
        let found = factor * optimum(&file) + offset;
        assert_eq!(exported.is_relaxation, *slack > 0.0, "{} {id}", P::NAME);
        let beyond = if P::SENSE == Sense::Minimise { optimum_s - found } else { found - optimum_s };
        let rounding = 1e-6 * optimum_s.abs();
        assert!(
            beyond >= -rounding && beyond <= slack * optimum_s.abs() + rounding,
            "{} {id}: {factor:e} * file + {offset:e} gives {found}, the optimum is {optimum_s}",
            P::NAME
        );
        assert!(exported.columns > 0 && exported.rows > 0);
        let (lp, exported) = export_to(format!("{at}.lp"));
        assert!(exported.is_ok() && scaling(&lp) == (factor, offset));
        assert!(export_to(format!("{at}.mps")).1.expect_err("there already").to_string().contains("exists"));
        assert!(export_to(format!("{at}.txt")).1.expect_err("no format").to_string().contains(".mps"));
    }
}

fn generated<P: BenchmarkAdapter>(settings: &[(&str, Value)], seed: u64) -> P::Instance {
    let settings: Map<String, Value> = settings.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    P::generate_with(P::FAMILIES[0].name, &settings, seed).expect("legal")
}

#[test]
fn the_scaled_optimum_of_the_file_is_the_problem_s() {
    for seed in 1..4 {
        let objectives = [("threshold", "max"), ("branch", "sum")];
        for (exact, objective) in objectives {
            let settings = [("users", 3.into()), ("units", 4.into()), ("objective", objective.into())];
            read_back::<Multiuser>(exact, &[("milp", 0.0)], &generated::<Multiuser>(&settings, seed));
        }
        let instance = generated::<Throughput>(&[("requests", 8.into()), ("cloudlets", 2.into())], seed);
        read_back::<Throughput>("branch", &[("milp", 0.0), ("lp", 0.5)], &instance);
        let sizes = [("flows", 1.into()), ("partitions", 2.into()), ("servers", 2.into())];
        read_back::<Jpdra>("branch", &[("milp-oa", 0.02)], &generated::<Jpdra>(&sizes, seed));
        let units = [sizes.as_slice(), &[("units", 6.into())]].concat();
        read_back::<Jpdra>("branch", &[("milp-units", 0.0)], &generated::<Jpdra>(&units, seed));
        let instance = generated::<Lymdo>(&[("users", 2.into()), ("slots", 1.into())], seed);
        read_back::<Lymdo>("branch", &[("milp-oa", 0.05)], &instance);
    }
    let instance = generated::<Throughput>(&[("requests", 2.into()), ("cloudlets", 1.into())], 1);
    read_back::<Throughput>("branch", &[("milp-joint", 0.0)], &instance);
}

#[test]
fn every_program_of_the_list_is_a_method() {
    fn check<P: BenchmarkAdapter>() {
        for id in P::PROGRAMS {
            assert!(offcut_runner::methods::<P>().iter().any(|method| method == id), "{} {id}", P::NAME);
        }
    }
    check::<Multiuser>();
    check::<Throughput>();
    check::<Jpdra>();
    check::<Lymdo>();
}

#[test]
fn methods_without_a_program_say_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = Multiuser::generate("zoo", &Default::default(), 1).expect("legal");
    let algorithm = method::<Multiuser>(&"iao".parse().expect("good")).expect("known");
    let declined = export::<Multiuser>(algorithm.as_ref(), &instance, &Budget::default(), &folder.path().join("a.mps"));
    assert!(declined.expect_err("no program").to_string().contains("milp"));
}
