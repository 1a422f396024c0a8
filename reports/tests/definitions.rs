//! One definition of what a row counts as, in headline, tables and statistics: failures that end early, declined rows, instances without a solution.

use std::collections::{BTreeMap, BTreeSet};

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Row, Status, Study, StudyCell, Times};
use offcut_reports::results::{Results, RowCounts};
use offcut_reports::table::Table;
use offcut_reports::{Options, Report};

const LIMIT_S: f64 = 20.0;

fn row(method: &str, instance: &str, status: Status, solve_s: f64) -> Row {
    let has_solution = matches!(status, Status::Feasible | Status::OptimalCertified);
    Row {
        key: Key {
            instance: format!("hash-{instance}"),
            method: method.into(),
            budget: Budget { time_s: Some(LIMIT_S), ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: "jpdra".into(),
        answer_hash: None,
        instance: InstanceLabel { name: instance.into(), family: "synthetic".into(), ..InstanceLabel::default() },
        status,
        stop: match status {
            Status::Declined => Stop::Declined("too large".into()),
            Status::InfeasibleCertified | Status::InfeasibleClaimed => Stop::Infeasible,
            _ => Stop::Completed,
        },
        claimed_objective: has_solution.then_some(1.0),
        checked_objective: has_solution.then(|| Interval::point(1.0)),
        measures: BTreeMap::new(),
        proof: match status {
            Status::OptimalCertified => Proof::Certified { value: 1.0 },
            Status::InfeasibleCertified => Proof::Infeasible,
            _ => Proof::Nothing,
        },
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times { build_s: Some(0.1 * solve_s), solve_s, solve_cpu_s: None, check_s: 1e-5 },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: [("moves".to_owned(), 3)].into(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

/// Six instances with a solution and two without. `branch` certifies everything; `dp` proves the same optima and claims the rest; `greedy` finds
/// nothing on one instance, after half a millisecond, is rejected on an instance without a solution, and declines one.
pub(crate) fn run() -> (Manifest, Vec<Row>) {
    let mut rows = Vec::new();
    for at in 0..8 {
        let name = format!("i{at}");
        let is_empty = at >= 6;
        let (proved, claimed) = if is_empty {
            (Status::InfeasibleCertified, Status::InfeasibleClaimed)
        } else {
            (Status::OptimalCertified, Status::OptimalCertified)
        };
        let heuristic = match at {
            0 => Status::NothingFound,
            1 => Status::Declined,
            6 => Status::Wrong,
            7 => Status::Time,
            _ => Status::Feasible,
        };
        rows.push(row("branch", &name, proved, if is_empty { 9.0 } else { 1.0 }));
        rows.push(row("dp", &name, claimed, if is_empty { 7.0 } else { 2.0 }));
        rows.push(row("greedy", &name, heuristic, if is_empty { 5.0 } else { 5e-4 }));
    }
    let cell = |axis: bool| {
        move |row: &Row| {
            let at: f64 = row.instance.name[1..].parse().expect("a number");
            StudyCell { series: row.key.method.clone(), x: axis.then_some(at), key: row.key.line() }
        }
    };
    let study = |name: &str, axis: bool| Study {
        name: name.into(),
        title: format!("Study {name}"),
        axis: axis.then(|| Quantity { name: "flows".into(), unit: String::new() }),
        log_axis: false,
        beside: None,
        cells: rows.iter().map(cell(axis)).collect(),
    };
    let studies = vec![study("size", true), study("exact-small", false), study("time", true)];
    let manifest = Manifest {
        id: "fixture".into(),
        title: "Definitions".into(),
        problem: "jpdra".into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "mean end-to-end delay".into(), unit: "s".into() },
        variant_objectives: Default::default(),
        measures: Default::default(),
        random_methods: Default::default(),
        studies,
        order_seed: 0,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment::default(),
        reference: Default::default(),
    };
    (manifest, rows)
}

fn report((manifest, rows): &(Manifest, Vec<Row>)) -> Report {
    Report::new(manifest, rows, &Options::default())
}

fn table<'r>(report: &'r Report, id: &str) -> &'r Table {
    report.tables().find(|table| table.id == id).unwrap_or_else(|| panic!("no table {id}"))
}

fn text<'t>(table: &'t Table, method: &str, column: &str) -> &'t str {
    let row = table.rows.iter().find(|row| row[0].text == method).unwrap_or_else(|| panic!("{method} in {}", table.id));
    let at = table.columns.iter().position(|c| c.name == column).unwrap_or_else(|| panic!("{column} in {}", table.id));
    &row[at].text
}

#[test]
fn no_time_is_above_the_longest_cell_of_its_method() {
    let run = run();
    let report = report(&run);
    let mut longest: BTreeMap<&str, f64> = BTreeMap::new();
    for row in &run.1 {
        let of = longest.entry(&row.key.method).or_default();
        *of = of.max(row.times.solve_s);
    }
    let sections = report.sections.iter().filter(|section| !section.title.starts_with("Statistics"));
    let mut seen = BTreeSet::new();
    for table in sections.flat_map(|section| &section.tables) {
        for row in &table.rows {
            for (column, cell) in table.columns.iter().zip(row) {
                let Some(value) = cell.value else { continue };
                let is_time = column.name.ends_with("_s") || column.name.ends_with("seconds");
                // A column of a method, a row of a method, or the table of exact search.
                let of_column = column.name.strip_suffix("_s").unwrap_or(&column.name);
                let of_row = row[0].text.as_str();
                let limit = match (longest.get(of_column), longest.get(of_row), table.id.as_str()) {
                    (Some(limit), ..) => limit,
                    (_, Some(limit), _) if is_time => limit,
                    (.., "exact") if is_time => &longest["branch"],
                    _ => continue,
                };
                let is_seconds = is_time && !table.title.contains("delay") || table.id == "exact_methods";
                if is_seconds {
                    assert!(value <= *limit, "{}, {}: {value} of {of_row}", table.id, column.name);
                    seen.insert(table.id.as_str());
                }
            }
        }
    }
    let expected = ["counts", "exact", "exact_methods", "exact_small_seconds", "infeasible", "size_seconds", "times"];
    assert!(expected.iter().all(|id| seen.contains(id)), "{seen:?}");
}

#[test]
fn headline_tables_and_statistics_count_the_same_instances() {
    let run = run();
    let report = report(&run);
    let (gaps, exact) = (table(&report, "gaps"), table(&report, "statistics_exact"));
    for method in ["branch", "dp"] {
        assert_eq!(text(gaps, method, "instances"), "6");
        assert!(text(exact, method, "all_s").ends_with("(6)"), "{}", text(exact, method, "all_s"));
        assert_eq!([text(exact, method, "unsolved"), text(table(&report, "times"), method, "failures")], ["0", "0"]);
    }
    let headline = report.summary.join(" ");
    assert!(headline.contains("branch, dp on all 6 instances attempted"), "{headline}");
    // The times of the headline are those of the statistics: 1 s and 2 s, not 9 s of the instances without a solution.
    assert!(headline.contains("from 1.00 s (branch) to 2.00 s (dp)"), "{headline}");
    let heuristics = table(&report, "statistics_heuristics");
    assert_eq!(text(gaps, "greedy", "instances"), "5");
    assert!(text(heuristics, "greedy", "all_s").ends_with("(5)"));
    assert_eq!([text(heuristics, "greedy", "unsolved"), text(heuristics, "greedy", "declined")], ["1", "1"]);
    let times = table(&report, "times");
    let of_times = ["rows", "failures", "declined"].map(|column| text(times, "greedy", column));
    assert_eq!(of_times, ["5", "1", "1"]);
    // Only statistics count the failure as the limit.
    assert_eq!(text(times, "greedy", "max_s"), "500 µs");
    assert_eq!(text(heuristics, "greedy", "par10_s"), "40.0 s");
}

#[test]
fn instances_proved_infeasible_have_a_table_of_their_own() {
    let mut run = run();
    let with = report(&run);
    let infeasible = table(&with, "infeasible");
    let of = |method: &str| {
        ["instances", "certified", "claimed", "other", "rejected", "max_s"]
            .map(|column| text(infeasible, method, column))
    };
    assert_eq!(of("branch"), ["2", "2", "0", "0", "0", "9.00 s"]);
    assert_eq!(of("dp"), ["2", "0", "2", "0", "0", "7.00 s"]);
    assert_eq!(of("greedy"), ["2", "0", "0", "1", "1", "5.00 s"]);
    let counts = RowCounts::of(&Results::new(&run.0, &run.1));
    let sum = counts.solutions + counts.bounds + counts.nothing_found + counts.broken + counts.rejected;
    assert_eq!(sum + counts.declined + counts.proved_infeasible, run.1.len());
    assert_eq!((counts.proved_infeasible, counts.nothing_found, counts.rejected), (6, 1, 0));
    assert!(with.summary.join(" ").contains("6 rows on 2 instances that are proved infeasible are counted apart."));
    // All else is as if they had not been run.
    run.1.retain(|row| !["i6", "i7"].contains(&row.instance.name.as_str()));
    for study in &mut run.0.studies {
        study.cells.retain(|cell| !cell.key.contains("hash-i6") && !cell.key.contains("hash-i7"));
    }
    let without = report(&run);
    assert!(without.tables().all(|table| table.id != "infeasible"));
    // Tables of all rows count a proof that there is no solution, too.
    let of_all_rows = ["status", "reasons", "own_bounds"];
    for of_it in without.tables().filter(|table| !of_all_rows.contains(&table.id.as_str())) {
        assert_eq!(of_it.rows, table(&with, &of_it.id).rows, "{}", of_it.id);
    }
    // A claim that nobody proves is a failure.
    run.1.push(row("dp", "i9", Status::InfeasibleClaimed, 3.0));
    run.1.push(row("greedy", "i9", Status::Feasible, 3.0));
    let claimed = report(&run);
    assert_eq!(text(table(&claimed, "times"), "dp", "failures"), "1");
    assert_eq!(text(table(&claimed, "statistics_exact"), "dp", "unsolved"), "1");
}
