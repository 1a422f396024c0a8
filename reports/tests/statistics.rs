//! Statistics of a run small enough for numbers by hand.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Incumbent, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Row, Status, Study, StudyCell, Times};
use offcut_reports::drawing::svg;
use offcut_reports::figure::Plot;
use offcut_reports::table::Table;
use offcut_reports::{Options, Report, csv, html, markdown};

const LIMIT_S: f64 = 10.0;

/// A row on instance `at`: its optimum is 1, its size 10 (at + 1).
fn row(method: &str, at: usize, seed: u64, objective: Option<f64>, solve_s: f64) -> Row {
    Row {
        key: Key {
            instance: format!("hash-{at}"),
            method: method.into(),
            budget: Budget { time_s: Some(LIMIT_S), seed, ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: "another".into(),
        answer_hash: None,
        instance: InstanceLabel { name: format!("i{at}"), ..InstanceLabel::default() },
        status: if objective.is_some() { Status::Feasible } else { Status::Time },
        stop: Stop::Completed,
        claimed_objective: objective,
        checked_objective: objective.map(Interval::point),
        measures: BTreeMap::new(),
        proof: Proof::Nothing,
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times { build_s: None, solve_s, solve_cpu_s: None, check_s: 0.0 },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: BTreeMap::new(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

fn certified(mut row: Row) -> Row {
    row.status = Status::OptimalCertified;
    row.proof = Proof::Certified { value: 1.0 };
    row
}

fn claimed(mut row: Row) -> Row {
    row.status = Status::OptimalClaimed;
    row.proof = Proof::SolverReported { value: 1.0, word: "a solver".into() };
    row
}

fn declined(mut row: Row) -> Row {
    row.status = Status::Declined;
    row.stop = Stop::Declined("too large".into());
    (row.claimed_objective, row.checked_objective) = (None, None);
    row
}

/// Eight instances. `quick` certifies in 1 s, `slow` claims in 4 s but not the last two, and declines a ninth that only `quick` takes; `good` finds
/// the optimum, `varying` on three seeds 1.1, 1.2 and 1.3 times it and on the last instance nothing.
fn run() -> (Manifest, Vec<Row>) {
    let mut rows = Vec::new();
    for at in 0..8 {
        rows.push(certified(row("quick", at, 0, Some(1.0), 1.0)));
        rows.push(if at < 6 { claimed(row("slow", at, 0, Some(1.0), 4.0)) } else { row("slow", at, 0, None, 0.5) });
        let mut good = row("good", at, 0, Some(1.0), 0.003);
        good.incumbents = vec![
            Incumbent { at_s: 1.0, objective: 2.0 },
            Incumbent { at_s: 2.0, objective: if at == 0 { 0.5 } else { 1.0 } },
        ];
        good.times.solve_s = 2.0;
        rows.push(good);
        for seed in 0..3 {
            let objective = (at < 7).then_some(1.1 + 0.1 * seed as f64);
            rows.push(row("varying", at, seed, objective, 0.001));
        }
    }
    rows.push(certified(row("quick", 8, 0, Some(1.0), 1.0)));
    rows.push(declined(row("slow", 8, 0, None, 0.0)));
    let cells = rows.iter().filter(|r| r.key.instance != "hash-8").map(|r| {
        let at: f64 = r.key.instance["hash-".len()..].parse().expect("a number");
        StudyCell { series: r.key.method.clone(), x: Some(10.0 * (at + 1.0)), key: r.key.line() }
    });
    let study = Study {
        name: "size".into(),
        title: "Over the size".into(),
        axis: Some(Quantity { name: "users".into(), unit: String::new() }),
        log_axis: false,
        beside: None,
        cells: cells.collect(),
    };
    let manifest = Manifest {
        id: "fixture".into(),
        title: "Statistics".into(),
        problem: "another".into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "latency".into(), unit: "s".into() },
        variant_objectives: Default::default(),
        measures: Default::default(),
        random_methods: Default::default(),
        studies: vec![study],
        order_seed: 0,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment::default(),
        reference: Default::default(),
    };
    (manifest, rows)
}

fn report(run: &(Manifest, Vec<Row>)) -> Report {
    Report::new(&run.0, &run.1, &Options::default())
}

fn table<'r>(report: &'r Report, id: &str) -> &'r Table {
    report.tables().find(|table| table.id == id).unwrap_or_else(|| panic!("no table {id}"))
}

fn place(table: &Table, column: &str) -> usize {
    table.columns.iter().position(|c| c.name == column).unwrap_or_else(|| panic!("no column {column}"))
}

/// The number in the row that begins with these words.
fn value(table: &Table, begins: &[&str], column: &str) -> Option<f64> {
    let is_it = |row: &&Vec<offcut_reports::table::Cell>| row.iter().zip(begins).all(|(cell, word)| cell.text == *word);
    table.rows.iter().find(is_it).unwrap_or_else(|| panic!("no row {begins:?}"))[place(table, column)].value
}

fn near(value: Option<f64>, expected: f64) -> bool {
    value.is_some_and(|value| (value - expected).abs() <= 1e-9 * expected.abs().max(1e-3))
}

#[test]
fn times_by_hand() {
    let report = report(&run());
    let exact = table(&report, "statistics_exact");
    assert!(exact.title.contains("exp(mean ln(t + s)) - s, s = 10 s"));
    let of = |method: &str, column: &str| value(exact, &[method], column);
    // Nine instances of 1 s. Of slow: six of 4 s and two that count as the limit, though they ended after half a second.
    let counts = |method| ["certified", "solver_reported", "unsolved", "declined"].map(|column| of(method, column));
    assert_eq!(counts("quick"), [9.0, 0.0, 0.0, 0.0].map(Some));
    assert_eq!(counts("slow"), [0.0, 6.0, 2.0, 1.0].map(Some));
    assert!(near(of("quick", "all_s"), 1.0) && near(of("quick", "par10_s"), 1.0));
    let all = ((6.0 * 14f64.ln() + 2.0 * 20f64.ln()) / 8.0).exp() - 10.0;
    assert!(near(of("slow", "all_s"), all), "{:?} {all}", of("slow", "all_s"));
    assert!(near(of("slow", "by_all_s"), 4.0) && near(of("slow", "by_any_s"), all));
    assert!(near(of("slow", "par10_s"), (6.0 * 4.0 + 2.0 * 100.0) / 8.0));
    assert_eq!(exact.rows[place_of(exact, "slow")][place(exact, "by_all_s")].text, "4.00 s (6)");

    let heuristics = table(&report, "statistics_heuristics");
    assert!(heuristics.title.contains("s = 0.001 s"));
    let of = |column: &str| value(heuristics, &["varying"], column);
    // Seven of 1 ms and one at the limit, in units of the shift: ln 2 and ln 10001.
    let all = 1e-3 * (((7.0 * 2f64.ln() + 10_001f64.ln()) / 8.0).exp() - 1.0);
    assert!(near(of("all_s"), all) && of("unsolved") == Some(1.0), "{:?} {all}", of("all_s"));
}

#[test]
fn solved_by_all_excepts_methods_that_solve_few() {
    let mut run = run();
    for at in 0..8 {
        let mut weak = row("weak", at, 0, Some(1.0), 0.5);
        weak.proof = Proof::Certified { value: if at == 0 { 1.0 } else { 0.9 } };
        weak.status = if at == 0 { Status::OptimalCertified } else { Status::Feasible };
        run.1.push(weak);
    }
    let report = report(&run);
    let exact = table(&report, "statistics_exact");
    assert_eq!(exact.rows[place_of(exact, "slow")][place(exact, "by_all_s")].text, "4.00 s (6)");
    assert_eq!(value(exact, &["weak"], "by_all_s"), None);
    assert_eq!(value(exact, &["weak"], "unsolved"), Some(7.0));
    assert!(
        markdown::page(&report)
            .contains("Not required in \"solved by all\", because they solve fewer than half of these instances: weak")
    );
}

fn place_of(table: &Table, method: &str) -> usize {
    table.rows.iter().position(|row| row[0].text == method).expect("a row")
}

#[test]
fn pairs_by_hand() {
    let report = report(&run());
    let pairs = table(&report, "statistics_exact_pairs");
    let of = |column: &str| value(pairs, &["quick", "slow"], column);
    assert_eq!([of("instances"), of("first_better"), of("equal"), of("first_worse")], [8.0, 8.0, 0.0, 0.0].map(Some));
    // Six times 1/4, twice 1/10; all eight signs alike has a probability of 2/256.
    assert!(near(of("ratio"), ((6.0 * 0.25f64.ln() + 2.0 * 0.1f64.ln()) / 8.0).exp()));
    assert!(near(of("p"), 1.0 / 128.0) && near(of("p_holm"), 1.0 / 128.0));
    let pairs = table(&report, "statistics_heuristics_pairs");
    let of = |column: &str| value(pairs, &["good", "varying"], column);
    // Seeds averaged first: 1.2. The last instance has no ratio but counts.
    assert!(near(of("ratio"), 1.0 / 1.2) && near(of("p"), 1.0 / 128.0), "{:?}", of("ratio"));
    assert_eq!([of("instances"), of("first_better")], [8.0, 8.0].map(Some));
    assert_eq!(pairs.rows[0][place(pairs, "shown_better")].text, "first");
}

#[test]
fn anytime_and_frontier_by_hand() {
    let report = report(&run());
    let primal = table(&report, "statistics_heuristics_primal");
    // Nothing for 1 s, half off for 1 s, then the best: 1.5 of 10 s, on seven instances. A history that goes below the checked final objective counts as 100 %.
    assert!(near(value(primal, &["good"], "integral_percent"), (7.0 * 15.0 + 100.0) / 8.0));
    assert!(near(value(primal, &["good"], "first_s"), 1.0) && primal.rows.len() == 1);
    assert_eq!(value(primal, &["good"], "instances"), Some(8.0));
    assert!(primal.note.contains("have no anytime curve and count as 100 %: 1."));
    let frontier = table(&report, "statistics_exact_frontier");
    let of = |method: &str, column: &str| value(frontier, &["size", "users", method], column);
    assert_eq!([of("quick", "within_1_s"), of("slow", "within_1_s")], [Some(80.0), None]);
    assert_eq!(of("slow", "within_10_s"), Some(60.0));
    assert_eq!(frontier.rows[0].last().expect("a cell").text, "≥ 80");
    let frontier = table(&report, "statistics_heuristics_frontier");
    assert!(frontier.rows.len() == 1 && frontier.note.contains("varying"), "{}", frontier.note);
}

#[test]
fn what_is_missing_is_said() {
    let report = report(&run());
    let text = markdown::page(&report);
    assert!(
        text.contains("Random methods with fewer than 5 seeds on some instance, whose numbers are subject to performance variability (method: seeds): varying: 3")
    );
    assert!(text.contains("No cell was repeated during this run"));
    assert!(text.contains("quick, slow on 8 instances") && text.contains("good, varying on 8 instances"));
}

#[test]
fn curves_end_where_the_methods_do() {
    let report = report(&run());
    let panels = |id: &str| match &report.figures().find(|figure| figure.id == id).expect(id).plot {
        Plot::Panels(panels) => panels.clone(),
        _ => panic!("panels"),
    };
    let shares = &panels("statistics-exact-figure")[0];
    let ends: Vec<_> =
        shares.lines.iter().map(|line| (&line.names[0][..], line.points.last().expect("points").y)).collect();
    assert_eq!(ends, [("quick", 100.0), ("slow†", 75.0)]);
    let (name, best) = shares.limit.as_ref().expect("the virtual best");
    assert_eq!((&name[..], best.last().expect("points").1), ("virtual best", 100.0));
    let profile = &panels("statistics-exact-profile")[0];
    assert_eq!((profile.lines[0].points[0].x, profile.lines[0].points[0].y), (1.0, 100.0));
    // Slow begins at 4 times; what it does not solve it never gets.
    let slow = &profile.lines[1].points;
    assert!((slow[0].x - 4.0).abs() < 1e-9 && slow[0].y == 0.0 && slow.last().expect("points").y == 75.0);
    for figure in report.figures() {
        assert!(!svg(figure).contains("NaN"), "{}", figure.id);
    }
}

#[test]
fn the_repeated_cell_is_the_noise() {
    let mut run = run();
    // 1 to 5 s: quartiles at 2 and 4 s. Slow is 4 times slower in the median, which is more.
    run.0.reference.times_s = vec![1.0, 5.0, 2.0, 4.0, 3.0];
    let first = report(&run);
    let told = "one cell, repeated 5 times during the run, took 3.00 s (median), 1.00 s to 5.00 s; ratio of upper to lower quartile 2.00";
    assert!(markdown::page(&first).contains(told), "{}", markdown::page(&first));
    let shown = |report: &Report| {
        let pairs = table(report, "statistics_exact_pairs");
        pairs.rows[0][place(pairs, "shown_better")].text.clone()
    };
    assert_eq!(shown(&first), "first");
    assert!(!markdown::page(&first).contains("No cell was repeated during this run"));
    for row in run.1.iter_mut().filter(|row| row.key.method == "slow" && row.status == Status::OptimalClaimed) {
        row.times.solve_s = 1.5;
    }
    assert_eq!(shown(&report(&run)), "noise");
}

#[test]
fn an_infeasible_instance_is_left_out_for_heuristics() {
    let mut run = run();
    let before = report(&run);
    let mut none = row("quick", 9, 0, None, 1.0);
    (none.status, none.stop, none.proof) = (Status::InfeasibleCertified, Stop::Infeasible, Proof::Infeasible);
    run.1.push(none);
    run.1.push(row("good", 9, 0, None, 0.1));
    let after = report(&run);
    let csv = |report: &Report| csv::table(table(report, "statistics_heuristics"));
    assert_eq!(csv(&before), csv(&after));
    assert!(markdown::page(&after).contains("proved infeasible (1)"));
    assert_eq!(value(table(&after, "statistics_exact"), &["quick"], "certified"), Some(9.0));
}

#[test]
fn the_same_rows_give_the_same_bytes_in_any_order() {
    let mut run = run();
    let first = html::page(&report(&run));
    run.1.reverse();
    assert_eq!(html::page(&report(&run)), first);
}
