//! Reports on `jpdra`: verdicts, delay reductions against baselines, the table of exact search.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Row, Status, Study, StudyCell, Times};
use offcut_reports::figure::Plot;
use offcut_reports::problems::jpdra;
use offcut_reports::simulated::{Order, Setting, Simulated, SimulatedDelay, SimulatedOrder};
use offcut_reports::{Options, Outcome, Report, csv, markdown};

struct Run {
    manifest: Manifest,
    rows: Vec<Row>,
}

/// A row with `objective` seconds, if there is one; proved optimal if `bound` says so.
fn row(method: &str, family: &str, load: f64, seed: u64, objective: Option<f64>, bound: Option<f64>) -> Row {
    let sizes = [("flows", 5.0), ("partitions", 4.0), ("servers", 4.0), ("load", load), ("transfer", 1.0)];
    Row {
        key: Key {
            instance: format!("{family}-{load}-{seed}"),
            method: method.into(),
            budget: Budget { time_s: Some(20.0), ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: jpdra::PROBLEM.into(),
        answer_hash: None,
        instance: InstanceLabel {
            name: format!("{family}-5x4x4-s{seed}"),
            family: family.into(),
            variant: if family == "units" { "units".into() } else { "continuous".into() },
            seed,
            parameters: sizes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..InstanceLabel::default()
        },
        status: match (objective, bound) {
            (Some(objective), Some(bound)) if objective <= bound => Status::OptimalCertified,
            (Some(_), _) => Status::Feasible,
            (None, _) => Status::Time,
        },
        stop: Stop::Completed,
        claimed_objective: objective,
        checked_objective: objective.map(Interval::point),
        measures: BTreeMap::new(),
        proof: bound.map_or(Proof::Nothing, |value| Proof::Certified { value }),
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times {
            build_s: None,
            solve_s: if method == "branch" { 0.5 } else { 1e-3 },
            solve_cpu_s: None,
            check_s: 0.0,
        },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: BTreeMap::new(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

/// Two loads of real DNNs, an exact study in which the family `equal` stays open, and chains.
fn run() -> Run {
    let study = |name: &str, axis: Option<&str>| Study {
        name: name.into(),
        title: format!("Study {name}"),
        axis: axis.map(|name| Quantity { name: name.into(), unit: String::new() }),
        log_axis: false,
        beside: None,
        cells: Vec::new(),
    };
    let (mut load, mut exact, mut markov) =
        (study("load", Some("load")), study("exact-5x4x4", None), study("markov", None));
    let mut rows = Vec::new();
    let mut put = |study: &mut Study, row: Row, x: Option<f64>| {
        study.cells.push(StudyCell { series: row.key.method.clone(), x, key: row.key.line() });
        rows.push(row);
    };
    for at in [0.3, 0.6] {
        for seed in 1..=3 {
            put(&mut load, row("branch", "zoo", at, seed, Some(1.0), Some(1.0)), Some(at));
            let factors =
                [("jpdra", 1.005), ("dpd", 1.02), ("greedy", 1.5), ("greedy-equal", 2.0), ("proportional-split", 1.1)];
            for (method, factor) in factors {
                let mut row = row(method, "zoo", at, seed, Some(factor), None);
                row.counts.insert("moves".into(), 10);
                put(&mut load, row, Some(at));
            }
            // Nothing at load 0.6, and at 0.3 nothing on one instance.
            let answers = at < 0.5 && seed < 3;
            put(&mut load, row("equal-split", "zoo", at, seed, answers.then_some(1.25), None), Some(at));
        }
    }
    for (family, bound) in [("synthetic", 1.0), ("equal", 0.98)] {
        for seed in 1..=2 {
            let bound = if seed == 1 { 1.0 } else { bound };
            let mut branch = row("branch", family, 0.9, seed, Some(1.0), Some(bound));
            branch.counts =
                [("nodes", 100 * seed), ("root gap, 1e-9", 5_000_000)].map(|(n, c)| (n.to_owned(), c)).into();
            put(&mut exact, branch, None);
            let mut milp = row("milp-oa", family, 0.9, seed, Some(1.0), None);
            milp.proof = Proof::SolverReported { value: 0.8, word: "HiGHS".into() };
            put(&mut exact, milp, None);
        }
    }
    for (beta, mean) in [(5.0, 1.1), (50.0, 1.01)] {
        put(&mut markov, row("dpd", "units", 0.6, 1, Some(1.0), None), None);
        let mut chain = row(&format!("cra-markov:beta={beta}"), "units", 0.6, 1, Some(1.0), None);
        let series = [("mean", mean), ("envelope", 1.0 + 1.0 / beta), ("optimum", 1.0)];
        chain.series = series.map(|(name, value)| (name.to_owned(), vec![(1.0, 2.0), (100.0, value)])).into();
        put(&mut markov, chain, None);
    }
    Run { manifest: manifest(vec![load, exact, markov]), rows }
}

fn manifest(studies: Vec<Study>) -> Manifest {
    Manifest {
        id: "fixture".into(),
        title: "JPDRA".into(),
        problem: jpdra::PROBLEM.into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "mean end-to-end delay".into(), unit: "s".into() },
        variant_objectives: Default::default(),
        measures: Default::default(),
        random_methods: Default::default(),
        studies,
        order_seed: 1,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment::default(),
        reference: Default::default(),
    }
}

fn outcomes(run: &Run) -> Vec<Outcome> {
    jpdra::verdicts(&run.manifest, &run.rows).into_iter().map(|verdict| verdict.outcome).collect()
}

#[test]
fn verdicts_follow_the_rows() {
    let mut fixture = run();
    assert_eq!(outcomes(&fixture), [Outcome::Shown; 4]);
    let told = jpdra::verdicts(&fixture.manifest, &fixture.rows);
    // 1 - 1.005/1.5, and 1 - 1.005/1.25 where equal-split answers.
    assert!(told[0].numbers.contains("33.0 % against greedy (6 instances)"), "{}", told[0].numbers);
    let alone = "19.6 % against equal-split (2 instances; no solution on 4 more instances that jpdra solves)";
    assert!(told[0].numbers.contains(alone), "{}", told[0].numbers);
    assert!(told[0].why.contains("between 8.6 % and 49.8 %"), "{}", told[0].why);
    assert!(told[1].numbers.contains("0.500 %") && told[1].numbers.contains("2.000 %"), "{}", told[1].numbers);
    assert!(told[2].numbers.contains("500"), "{}", told[2].numbers);
    assert!(told[3].numbers.contains("10.000 %, with 20.000 % allowed"), "{}", told[3].numbers);
    let cells: Vec<[&str; 4]> = told.iter().map(|v| [&v.group[..], &v.number, &v.place, v.rule.name()]).collect();
    let expected = [
        ["zoo", "33.0 % against greedy", "reduction", "Offcut's threshold"],
        ["zoo", "0.500 %", "gaps", "Offcut's threshold"],
        ["zoo", "500 times as long", "times", "Offcut's threshold"],
        ["units", "10.000 %", "gaps", "Offcut's theorem"],
    ];
    assert_eq!(cells, expected);
    assert_eq!(told.iter().map(|v| v.rows).collect::<Vec<_>>(), [6, 6, 6, 2]);

    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "greedy") {
        row.checked_objective = Some(Interval::point(1.2));
    }
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "branch") {
        row.times.solve_s = 2e-3;
    }
    for row in &mut fixture.rows {
        if let Some(mean) = row.series.get_mut("mean") {
            mean.push((200.0, 1.5));
        }
    }
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "jpdra" && row.instance.seed == 1) {
        row.checked_objective = None;
    }
    assert_eq!(outcomes(&fixture), [Outcome::NotShown; 4]);

    fixture.rows.retain(|row| row.key.method == "branch");
    assert_eq!(outcomes(&fixture), [Outcome::NotTested; 4]);
}

#[test]
fn tables_show_reductions_and_open_families() {
    let run = run();
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    let table = |id: &str| report.tables().find(|table| table.id == id).expect(id);
    insta::assert_snapshot!("jpdra_reduction", csv::table(table("reduction")));
    insta::assert_snapshot!("jpdra_exact", csv::table(table("exact")));
    assert_eq!(table("load_reduction").rows.len(), 2);
    assert!(csv::table(table("exact_methods")).contains("equal,5×4×4,0.9,0,"));
    let bounds = csv::table(table("exact_bounds"));
    assert!(bounds.contains("synthetic,5×4×4,0.9,1,0,certified,,") && !bounds.contains("25"), "{bounds}");
    let reported = csv::table(table("exact_reported"));
    assert!(reported.contains("synthetic,5×4×4,0.9,1,,") && reported.contains(",25,unchecked"), "{reported}");
    let text = markdown::page(&report);
    assert!(text.contains("branch certifies every row within 20 s of these families: synthetic (2 rows)."), "{text}");
    assert!(text.contains("equal (1 of 2 rows open, largest final gap 2.041 % at 5×4×4 and load 0.9)"), "{text}");
    // The 25.7 % of the abstract beside every baseline, in one figure.
    let all = report.figures().find(|figure| figure.id == "reduction-figure").expect("there");
    let Plot::Dots(all) = &all.plot else { panic!("dots") };
    let names: Vec<&str> = all.dots.iter().map(|dot| dot.name.as_str()).collect();
    let with_dpd = ["equal-split (with DPD's deployment)", "proportional-split (with DPD's deployment)"];
    assert_eq!(names, ["greedy-equal", "greedy", "the abstract's 25.7 %", with_dpd[0], with_dpd[1]]);
    // Every title says "mean" once.
    assert!(report.tables().all(|table| !table.title.contains("mean mean")));
    let figure = report.figures().find(|figure| figure.id == "load_reduction-figure");
    assert!(figure.is_some_and(|figure| figure.title.contains("delay reduction of jpdra")));
}

#[test]
fn without_baselines_and_exact_studies_there_are_no_such_tables() {
    let mut run = run();
    run.rows.retain(|row| row.key.method == "jpdra");
    run.manifest.studies.retain(|study| study.name == "load");
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    assert!(report.tables().all(|table| !table.id.contains("reduction") && table.id != "exact"));
}

/// One instance under SCV 1 and 100: kept and reversed orders, equal deployments, an interval that says nothing.
#[test]
fn delays_under_bursts_are_shown_as_they_were_simulated() {
    let run = run();
    let setting = |scv: f64, is_reliable| Setting { instance: "zoo-0.3-1".into(), scv, tasks: 1000, is_reliable };
    let delay = |scv: f64, simulated_s: f64, is_best| SimulatedDelay {
        setting: setting(scv, true),
        method: "branch".into(),
        is_best,
        formula_s: 2.0,
        simulated_s,
        interval_s: (simulated_s - 0.5, simulated_s + 0.5),
    };
    let order = |scv: f64, formula: f64, interval, is_reliable| SimulatedOrder {
        setting: setting(scv, is_reliable),
        methods: ["branch".into(), "dpd".into()],
        formula,
        interval,
    };
    let simulated = Simulated {
        delays: vec![delay(1.0, 2.0, true), delay(100.0, 9.0, true), delay(100.0, 50.0, false)],
        orders: vec![
            order(1.0, 0.02, (0.01, 0.03), true),
            order(100.0, 0.02, (0.01, 0.03), true),
            order(100.0, 0.02, (-0.03, -0.01), true),
            order(100.0, 0.02, (-0.03, -0.01), false),
            order(100.0, 0.02, (-0.03, 0.01), true),
            order(100.0, 1e-9, (-0.03, -0.01), true),
            order(100.0, -0.02, (-0.03, -0.01), true),
        ],
        confidence: 0.99,
    };
    let words: Vec<Order> = simulated.orders.iter().map(SimulatedOrder::order).collect();
    let (kept, open) = (Order::Kept, Order::NotResolved);
    assert_eq!(words, [kept, kept, Order::Reversed, open, open, Order::Equal, kept]);
    let options = Options { simulated, ..Options::default() };
    let report = Report::new(&run.manifest, &run.rows, &options);
    let section = report.sections.iter().find(|section| section.title == "How wrong is Poisson").expect("there");
    let found = "At SCV 100 the best known deployments take 4.50 to 4.50 times the delay of the formula; 0 of these 1 intervals are not reliable. Under bursty \
                 arrivals, of 5 pairs of deployments that differ by the formula, 2 keep their order, 1 reverse it, and 2 \
                 are not resolved.";
    assert_eq!(section.paragraphs[0], found);
    let table = |id: &str| csv::table(report.tables().find(|table| table.id == id).expect(id));
    assert!(
        table("poisson").contains("zoo-5x4x4-s1,0.3,100,branch,2,9,4.5,4.25,4.75,1000,yes"),
        "{}",
        table("poisson")
    );
    assert_eq!(table("poisson").lines().count(), 3, "the best known deployments alone");
    assert!(table("poisson_order").contains("branch,dpd,2,-3,-1,reversed"), "{}", table("poisson_order"));
    // Nothing was simulated: no section.
    let report = Report::new(&run.manifest, &run.rows, &Options::default());
    assert!(report.sections.iter().all(|section| section.title != "How wrong is Poisson"));
}
