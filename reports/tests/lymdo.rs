//! Reports on `lymdo`: verdicts, policies over time beside the clairvoyant bound, delay against V, gaps of single slots.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Row, Status, Study, StudyCell, Times};
use offcut_reports::drawing::svg;
use offcut_reports::figure::Plot;
use offcut_reports::problems::lymdo;
use offcut_reports::{Options, Outcome, Report, csv, markdown};

struct Run {
    manifest: Manifest,
    rows: Vec<Row>,
}

/// A row of two users.
fn row(method: &str, instance: &str, family: &str, variant: &str, objective: Option<f64>) -> Row {
    Row {
        key: Key {
            instance: instance.into(),
            method: method.into(),
            budget: Budget { time_s: Some(20.0), ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: lymdo::PROBLEM.into(),
        answer_hash: None,
        instance: InstanceLabel {
            name: instance.into(),
            family: family.into(),
            variant: variant.into(),
            seed: 1,
            parameters: [("users".to_owned(), 2.0)].into(),
            ..InstanceLabel::default()
        },
        status: if objective.is_some() { Status::Feasible } else { Status::Crash },
        stop: Stop::Completed,
        claimed_objective: objective,
        checked_objective: objective.map(Interval::point),
        measures: BTreeMap::new(),
        proof: Proof::Nothing,
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times { build_s: None, solve_s: 1e-3, solve_cpu_s: None, check_s: 0.0 },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: [("slots".to_owned(), 100)].into(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

/// A bound and nothing else.
fn clairvoyant(instance: &str, family: &str, bound: f64) -> Row {
    let row = row("clairvoyant", instance, family, "horizon", None);
    Row { status: Status::Bounded, proof: Proof::Certified { value: bound }, counts: BTreeMap::new(), ..row }
}

/// What the checker measures: a user's delay; the energy of all, and of the worst above its budget, over budgets; B/V; the backlog.
fn measured(mut row: Row, [delay, spent, overdraft, drift, backlog]: [f64; 5]) -> Row {
    let measures = [
        ("delay_s", delay),
        ("energy_j", 0.2 * spent),
        ("spent", spent),
        ("overdraft", overdraft),
        ("drift_s", drift),
        ("backlog_j", backlog),
        ("final_backlog_j", 1.5 * backlog),
        ("charge_s", 0.1 * overdraft),
    ];
    row.measures = measures.map(|(name, value)| (name.to_owned(), value)).into();
    row
}

/// Policies on two families, of which one is no place for edge-only; delay over V; horizons of three lengths; single slots.
fn run() -> Run {
    let study = |name: &str, axis: Option<&str>| Study {
        name: name.into(),
        title: format!("Study {name}"),
        axis: axis.map(|name| Quantity { name: name.into(), unit: String::new() }),
        log_axis: axis.is_some(),
        beside: None,
        cells: Vec::new(),
    };
    let mut rows = Vec::new();
    let mut put = |study: &mut Study, row: Row, x: Option<f64>| {
        study.cells.push(StudyCell { series: row.key.method.clone(), x, key: row.key.line() });
        rows.push(row);
    };
    let mut policies = study("policies", None);
    for (family, scale) in [("rayleigh", 1.0), ("tight", 2.0)] {
        put(&mut policies, clairvoyant(&format!("{family}-h"), family, 0.2 * scale), None);
        for (method, objective, delay, spent) in
            [("lymdo-exact", 0.21, 0.1, 1.0), ("lymdo", 0.22, 0.105, 0.99), ("myopic", 0.24, 0.12, 0.8)]
        {
            let row = row(method, &format!("{family}-h"), family, "horizon", Some(objective * scale));
            put(&mut policies, measured(row, [delay * scale, spent, 0.01, 0.05, 0.3]), None);
        }
        let answers = (family == "rayleigh").then_some(0.5);
        let edge = row("edge-only", &format!("{family}-h"), family, "horizon", answers);
        put(&mut policies, if answers.is_some() { measured(edge, [0.25, 1.1, 0.4, 0.1, 0.9]) } else { edge }, None);
    }
    let mut v = study("v", Some("V"));
    for (at, delay, drift, backlog) in [(1.0, 0.2, 0.3, 0.1), (10.0, 0.11, 0.03, 0.2), (100.0, 0.099, 0.003, 1.0)] {
        let name = format!("steady-{at}");
        put(&mut v, clairvoyant(&name, "steady", 0.2), Some(at));
        let exact = row("lymdo-exact", &name, "steady", "horizon", Some(2.0 * delay + 0.01));
        put(&mut v, measured(exact, [delay, 1.0, 0.0, drift, backlog]), Some(at));
    }
    let mut horizon = study("horizon", Some("slots"));
    for (at, overdraft) in [(30.0, 0.2), (100.0, 0.06), (300.0, 0.02)] {
        let row = row("lymdo", &format!("rayleigh-{at}"), "rayleigh", "horizon", Some(0.22));
        let mut row = measured(row, [0.1, 1.0, overdraft, 0.1, 0.3]);
        let course = |end: f64| vec![(1.0, 0.5 * end), (at, end)];
        row.series = [("delay_s", 0.1), ("energy_j", 0.2), ("backlog_j", 0.3)]
            .map(|(name, end)| (name.to_owned(), course(end)))
            .into();
        put(&mut horizon, row, Some(at));
    }
    let mut slot = study("slot", None);
    slots().into_iter().for_each(|row| put(&mut slot, row, None));
    Run { manifest: manifest(vec![policies, v, horizon, slot]), rows }
}

/// Single slots: `lymdo` is above the optimum of `branch` on five of twenty, `random` on all.
fn slots() -> Vec<Row> {
    let mut rows = Vec::new();
    for n in 0..20 {
        let name = format!("slot-{n}");
        let mut branch = row("branch", &name, "rayleigh", "slot", Some(1.0));
        branch.proof = Proof::Certified { value: 1.0 };
        branch.status = Status::OptimalCertified;
        let above = if n < 15 { 0.0 } else { 1e-3 * f64::from(n - 14) };
        rows.push(branch);
        rows.push(row("lymdo", &name, "rayleigh", "slot", Some(1.0 + above)));
        rows.push(row("random", &name, "rayleigh", "slot", Some(1.5 + 0.1 * f64::from(n))));
    }
    rows
}

fn manifest(studies: Vec<Study>) -> Manifest {
    Manifest {
        id: "fixture".into(),
        title: "LyMDO".into(),
        problem: lymdo::PROBLEM.into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "delay with charged energy".into(), unit: "s".into() },
        variant_objectives: [(
            "slot".to_owned(),
            Quantity { name: "V delay + backlog energy".into(), unit: "J²".into() },
        )]
        .into(),
        measures: [
            ("delay_s", "delay of a user", "s"),
            ("spent", "energy of all users over their budgets", ""),
            ("overdraft", "energy of the worst user above its budget, over the budget", ""),
            ("final_backlog_j", "backlog of a user in the end", "J"),
        ]
        .map(|(key, name, unit)| (key.to_owned(), Quantity { name: name.into(), unit: unit.into() }))
        .into(),
        random_methods: ["random".to_owned()].into(),
        studies,
        order_seed: 1,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment::default(),
        reference: Default::default(),
    }
}

fn outcomes(run: &Run) -> Vec<Outcome> {
    lymdo::verdicts(&run.manifest, &run.rows).into_iter().map(|verdict| verdict.outcome).collect()
}

fn of<'r>(run: &'r mut Run, method: &'r str) -> impl Iterator<Item = &'r mut Row> {
    run.rows.iter_mut().filter(move |row| row.key.method == method)
}

#[test]
fn verdicts_follow_the_rows() {
    let mut fixture = run();
    assert_eq!(outcomes(&fixture), [Outcome::Shown; 5]);
    let told = lymdo::verdicts(&fixture.manifest, &fixture.rows);
    assert!(told[0].numbers.contains("20 % after 30 slots, 6.0 % after 100 slots, 2.0 % after 300 slots"), "{told:?}");
    let groups: Vec<&str> = told.iter().map(|verdict| verdict.group.as_str()).collect();
    assert_eq!(groups, ["rayleigh", "rayleigh", "tight", "rayleigh", "steady"]);
    // 1 - .22/.24, and 1 - .22/.5 where edge-only answers.
    for family in [&told[1], &told[2]] {
        assert!(family.numbers.contains("8.3 % against myopic (1 instance)"), "{}", family.numbers);
    }
    assert!(told[1].numbers.contains("56 % against edge-only (1 instance)"), "{}", told[1].numbers);
    assert!(told[2].numbers.contains("edge-only has no trajectory"), "{}", told[2].numbers);
    // .1 to .5 % on 5 of 20 slots.
    assert!(told[3].numbers.contains("mean 0.075 %, median 0 %"), "{}", told[3].numbers);
    assert!(told[4].numbers.contains("V 1: 100 of 300 ms, V 10: 10 of 30 ms, V 100: -1.0 of 3.0 ms"), "{told:?}");
    assert!(told[4].numbers.contains("backlogs grow by a factor of 10 while V grows by 100"), "{}", told[4].numbers);
    let cells: Vec<(&str, &str, usize)> =
        told.iter().map(|verdict| (verdict.number.as_str(), verdict.place.as_str(), verdict.rows)).collect();
    let expected = [
        ("2.0 % after 300 slots", "horizon_overdraft", 3),
        ("8.3 % against myopic", "policies_over_time", 1),
        ("8.3 % against myopic", "policies_over_time", 1),
        ("0.075 %", "slot_gaps", 20),
        ("0.33 of B/V", "v_tradeoff", 3),
    ];
    assert_eq!(cells, expected);

    for row in of(&mut fixture, "lymdo-exact").filter(|row| row.instance.name == "steady-10") {
        row.measures.insert("drift_s".into(), 0.009);
    }
    for row in of(&mut fixture, "lymdo") {
        // Budgets are exceeded by more and more, slots cost more, and myopic is as good.
        row.measures.entry("overdraft".into()).and_modify(|over| *over = 0.3 - *over);
        row.checked_objective = row.checked_objective.map(|objective| Interval::point(1.1 * objective.middle()));
    }
    assert_eq!(outcomes(&fixture), [Outcome::NotShown; 5]);

    // A slot without an answer has no gap, however good the others are.
    let mut lacking = run();
    of(&mut lacking, "lymdo").find(|row| row.instance.variant == "slot").expect("slots").checked_objective = None;
    assert_eq!(outcomes(&lacking)[3], Outcome::NotShown);

    fixture.rows.retain(|row| row.key.method == "branch");
    assert_eq!(outcomes(&fixture), [Outcome::NotTested; 4]);
}

#[test]
fn tables_show_policies_and_the_trade_off() {
    let run = run();
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    let table = |id: &str| report.tables().find(|table| table.id == id).expect(id);
    insta::assert_snapshot!("lymdo_policies", csv::table(table("policies_over_time")));
    insta::assert_snapshot!("lymdo_tradeoff", csv::table(table("v_tradeoff")));
    insta::assert_snapshot!("lymdo_slots", csv::table(table("slot_gaps")));
    insta::assert_snapshot!("lymdo_families", csv::table(table("policies_energy_by_family")));
    assert_eq!(table("policies_clairvoyant_by_family").rows.len(), 2);
    assert!(table("learning").rows.len() > 3);
    let has = |id: &str| report.tables().any(|table| table.id == id) || report.figures().any(|figure| figure.id == id);
    assert!(report.verdicts.iter().all(|verdict| has(&verdict.place)), "every verdict names its table or figure");
    // A count that is the same for all methods has no table.
    assert!(report.tables().all(|table| !table.id.ends_with("_slots")));
}

#[test]
fn a_bound_is_no_method_to_compare_with() {
    let run = run();
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    let text = |id: &str| csv::table(report.tables().find(|table| table.id == id).expect(id));
    assert!(!text("gaps").contains("clairvoyant"));
    assert!(!text("policies_gap").contains("clairvoyant_percent"));
    assert!(!text("v_gap").contains("clairvoyant"));
    // Its bound stands beside the objectives, and its rows are no failures.
    assert!(text("v_objective").starts_with("v,clairvoyant_s,lymdo_exact_s\n1,0.2,0.41\n"), "{}", text("v_objective"));
    assert!(
        report.summary.iter().any(|line| line.contains(" 0 found no solution within their limits, 1 failed, 0 were")),
        "{:?}",
        report.summary
    );
    assert!(markdown::page(&report).contains("clairvoyant (bound)"));
    assert!(text("status").contains("bounded"));
}

#[test]
fn single_slots_have_another_objective_than_horizons() {
    let run = run();
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    let title = |id: &str| {
        let table = report.tables().find(|table| table.id == id).expect(id);
        table.columns.iter().map(|column| column.title.clone()).collect::<Vec<_>>().join("; ")
    };
    assert!(title("slot_gap").contains("best V delay + backlog energy (J²)"), "{}", title("slot_gap"));
    assert!(title("policies_gap").contains("best delay with charged energy (ms)"), "{}", title("policies_gap"));
}

#[test]
fn figures_have_what_they_promise() {
    let run = run();
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    let figure = |id: &str| report.figures().find(|figure| figure.id == id).expect(id);
    let Plot::Panels(panels) = &figure("v-tradeoff-figure").plot else { panic!("panels") };
    let labels: Vec<&str> = panels.iter().map(|panel| panel.y.label.as_str()).collect();
    assert_eq!(labels, ["delay of a user (ms)", "delay above the bound (ms)", "mean backlog (mJ)"]);
    // At V = 100 delay is below the bound, which a logarithm cannot show.
    assert_eq!(panels[1].lines[0].points.len(), 2);
    let allowed: Vec<f64> = panels[1].limit.iter().flat_map(|(_, points)| points).map(|(_, y)| y.round()).collect();
    assert_eq!(allowed, [300.0, 30.0, 3.0]);
    let drawing = svg(figure("v-tradeoff-figure"));
    assert_eq!(drawing.matches("proportional to V").count(), 1);
    assert!(labels.iter().all(|label| drawing.contains(label)));

    let Plot::Panels(panels) = &figure("policies-history-figure").plot else { panic!("panels") };
    assert_eq!(panels.len(), 3);
    let (_, budget) = panels[1].limit.as_ref().expect("a budget");
    assert!((budget[0].1 - 200.0).abs() < 1e-9, "{budget:?}");

    let Plot::Lines(slots) = &figure("slot-gaps-figure").plot else { panic!("lines") };
    let ours = slots.lines.iter().find(|line| line.names == ["lymdo"]).expect("lymdo");
    assert_eq!((ours.points[0].y, ours.points.last().map(|mark| mark.y)), (75.0, Some(100.0)));
}
