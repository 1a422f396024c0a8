//! A report of a synthetic run: several methods and seeds, failures, declined rows, a rejected row, a solver-reported bound.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance, Violation};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Environment, Key, Manifest, Reference, Row, Status, Study, StudyCell, Times};
use offcut_reports::drawing::{self, svg};
use offcut_reports::figure::{Axis, Dot, Dots, Figure, Line, Lines, Mark, Plot, Role, Shape, Styles};
use offcut_reports::overview::{Part, overview};
use offcut_reports::problems::{multiuser, throughput};
use offcut_reports::{Options, Outcome, Report, csv, html, latex, markdown, write};

const NASTY: &str = "a_b & 50% <script>";

struct Fixture {
    manifest: Manifest,
    rows: Vec<Row>,
}

/// A row of `method` on instance `name`, `factor` times the optimum of `optimum` seconds.
fn row(method: &str, name: &str, seed: u64, optimum: f64, factor: f64) -> Row {
    let objective = optimum * factor;
    Row {
        key: Key {
            instance: format!("hash-of-{name}"),
            method: method.into(),
            budget: Budget { time_s: Some(10.0), seed, ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: "multiuser".into(),
        answer_hash: None,
        instance: InstanceLabel { name: name.into(), family: "zoo".into(), ..InstanceLabel::default() },
        status: Status::Feasible,
        stop: Stop::Completed,
        claimed_objective: Some(objective),
        checked_objective: Some(Interval::point(objective)),
        measures: Default::default(),
        proof: Proof::Nothing,
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times { build_s: None, solve_s: 1e-4 * factor, solve_cpu_s: None, check_s: 1e-5 },
        made_on: String::new(),
        peak_memory_bytes: Some(5 << 20),
        process: None,
        counts: BTreeMap::new(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

fn study(name: &str, title: &str, axis: Option<(&str, &str)>, log_axis: bool) -> Study {
    Study {
        name: name.into(),
        title: title.into(),
        axis: axis.map(|(name, unit)| Quantity { name: name.into(), unit: unit.into() }),
        log_axis,
        beside: None,
        cells: Vec::new(),
    }
}

fn place(row: &Row, series: &str, x: Option<f64>) -> StudyCell {
    StudyCell { series: series.into(), x, key: row.key.line() }
}

/// What some methods' rows over the number of users have besides their objective.
fn adapt(row: &mut Row, n: u64, s: u64, optimum: f64) {
    match row.key.method.as_str() {
        "threshold" => {
            row.proof = Proof::Certified { value: optimum };
            row.status = Status::OptimalCertified;
        }
        "iao" => {
            row.counts.insert("moves".into(), 10 * n * (s + 1));
            row.instance.parameters.insert("units".into(), 40.0 * n as f64);
        }
        "iao-ds" => {
            row.counts.insert("moves".into(), 4 * n);
        }
        "milp" => {
            row.proof = Proof::SolverReported { value: optimum, word: "HiGHS, dual bound".into() };
            row.status = Status::OptimalClaimed;
            row.times.solve_s = 0.02 * n as f64;
            if n == 64 && s > 1 {
                row.status = Status::Time;
                row.stop = Stop::TimeLimit;
                row.checked_objective = None;
                row.proof = Proof::Nothing;
            }
        }
        _ => {}
    }
}

/// Methods over the number of users: latency, and moves.
fn over_users(rows: &mut Vec<Row>) -> [Study; 2] {
    let mut users = study("users", "Latency against the number of users", Some(("users", "")), true);
    for n in [2u64, 4, 8, 16, 32, 64] {
        for s in 0..4u64 {
            let name = format!("n{n}-s{s}");
            let optimum = 0.05 * (n as f64).powf(0.6) * (1.0 + 0.1 * s as f64);
            let methods = [
                ("threshold", 1.0),
                ("iao", 1.0),
                ("iao-ds", 1.0),
                ("greedy-units", 1.0),
                ("equal-split", 1.15 + 0.01 * n as f64),
                ("proportional", 1.1 + 0.02 * s as f64),
                ("edge-only", 2.0 + 0.1 * n as f64),
                ("local-only", 60.0 / (n as f64).powf(0.5)),
                ("milp", 1.0),
            ];
            for (method, factor) in methods {
                let mut row = row(method, &name, s, optimum, factor);
                adapt(&mut row, n, s, optimum);
                users.cells.push(place(&row, method, Some(n as f64)));
                rows.push(row);
            }
        }
    }
    let mut moves = study("moves", "Moves of IAO against IAO with decreasing steps", Some(("users", "")), true);
    moves.cells = users.cells.iter().filter(|cell| cell.series.starts_with("iao")).cloned().collect();
    [users, moves]
}

/// `iao` over the estimation error.
fn over_error(rows: &mut Vec<Row>) -> Study {
    let mut error = study("error", "Latency against estimation error", Some(("estimation error e", "")), false);
    for e in [0.0, 0.05, 0.1, 0.2, 0.3] {
        for seed in 0..5u64 {
            let method = if e == 0.0 { "iao".to_owned() } else { format!("iao:error={e}") };
            let row = row(&method, "n8-s1", 100 + seed, 0.05 * 8f64.powf(0.6) * 1.1, 1.0 + 0.2 * e * seed as f64);
            error.cells.push(place(&row, "iao", Some(e)));
            rows.push(row);
        }
    }
    error
}

/// Methods on real DNNs: a declined and a rejected row, a failure, a cell that was not run.
fn on_real_dnns(rows: &mut Vec<Row>) -> Study {
    let mut real = study("zoo", "Real DNNs", None, false);
    for (at, name) in ["resnet50", "vgg16", NASTY].into_iter().enumerate() {
        let optimum = 0.1 + 0.05 * at as f64;
        let mut dp = row("dp", name, 0, optimum, 1.0);
        if at == 1 {
            // Only a solver-reported bound here.
            dp.status = Status::Declined;
            dp.stop = Stop::Declined("takes the sum objective only".into());
            (dp.checked_objective, dp.claimed_objective) = (None, None);
        } else {
            dp.proof = Proof::Certified { value: optimum };
            dp.status = Status::OptimalCertified;
        }
        let mut milp = row("milp", name, 0, optimum, 1.0);
        milp.proof = Proof::SolverReported { value: optimum * (1.0 - 1e-4), word: "HiGHS, dual bound".into() };
        let mut binary = row("binary", name, 0, optimum, 1.3);
        if at == 2 {
            binary.status = Status::Wrong;
            binary.violations =
                vec![Violation { constraint: "units".into(), at: "users".into(), amount: 1.0, unit: "units".into() }];
        }
        let mut random = row("iao-random", name, 0, optimum, 1.0);
        if at == 0 {
            random.status = Status::Crash;
            random.stop = Stop::Failed("index | out of bounds".into());
            random.checked_objective = None;
        }
        for row in [dp, milp, binary, random] {
            real.cells.push(place(&row, &row.key.method, None));
            rows.push(row);
        }
    }
    real.cells.push(StudyCell { series: "price".into(), x: None, key: "never run".into() });
    real
}

fn fixture() -> Fixture {
    let mut rows = Vec::new();
    let mut studies = Vec::from(over_users(&mut rows));
    studies.push(over_error(&mut rows));
    studies.push(on_real_dnns(&mut rows));
    let manifest = Manifest {
        id: "fixture".into(),
        title: format!("Many users, one server {NASTY}"),
        problem: "multiuser".into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "latency".into(), unit: "s".into() },
        variant_objectives: Default::default(),
        measures: Default::default(),
        random_methods: ["iao-random".to_owned()].into(),
        studies,
        order_seed: 7,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment {
            version: "0.1.0".into(),
            commit: "0123abcd".into(),
            processor: "Example CPU".into(),
            processors: 2,
            memory_bytes: 8 << 30,
            system: "Linux x86_64".into(),
            began_unix_s: 1_795_228_209,
        },
        reference: Reference { times_s: vec![0.024, 0.031, 0.025, 0.024], cpu_s: Vec::new(), nodes: Vec::new() },
    };
    Fixture { manifest, rows }
}

fn report(fixture: &Fixture) -> Report {
    Report::new(&fixture.manifest, &fixture.rows, &Options::default())
}

#[test]
fn the_report_as_markdown() {
    insta::assert_snapshot!(markdown::page(&report(&fixture())));
}

#[test]
fn the_gap_table_as_data_and_latex() {
    let report = report(&fixture());
    let table = |id: &str| report.tables().find(|table| table.id == id).expect("there");
    insta::assert_snapshot!("gaps_csv", csv::table(table("gaps")));
    insta::assert_snapshot!("zoo_gap_tex", latex::table(table("zoo_gap")));
}

#[test]
fn every_row_is_counted_and_order_does_not_matter() {
    let mut fixture = fixture();
    let first = report(&fixture);
    let status = first.tables().find(|table| table.id == "status").expect("there");
    let last = status.rows.last().expect("a total");
    assert_eq!(last.last().and_then(|cell| cell.value), Some(fixture.rows.len() as f64));
    let sum: f64 = status.rows[..status.rows.len() - 1].iter().filter_map(|row| row.last()?.value).sum();
    assert_eq!(sum, fixture.rows.len() as f64);
    let gaps = first.tables().find(|table| table.id == "gaps").expect("there");
    let methods: std::collections::BTreeSet<_> = fixture.rows.iter().map(|row| &row.key.method).collect();
    assert_eq!(gaps.rows.len(), methods.len());
    fixture.rows.reverse();
    assert_eq!(markdown::page(&report(&fixture)), markdown::page(&first));
}

#[test]
fn the_folder_is_whole_and_needs_nothing_from_outside() {
    let fixture = fixture();
    // OFFCUT_REPORT_FOLDER keeps the report, to look at.
    let temporary = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("OFFCUT_REPORT_FOLDER").map(std::path::PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().join("new"));
    let written = write(&fixture.manifest, &fixture.rows, &folder, &Options::default()).expect("written");
    assert_eq!(written.files[0], "report.html");
    for name in &written.files {
        let content = std::fs::read(folder.join(name)).expect("there");
        assert!(!content.is_empty(), "{name}");
        if name.ends_with(".png") {
            assert_eq!(&content[..8], b"\x89PNG\r\n\x1a\n", "{name}");
        } else if name.ends_with(".svg") {
            let text = String::from_utf8(content).expect("text");
            assert!(
                text.starts_with("<svg") && text.trim_end().ends_with("</svg>") && text.contains("<text"),
                "{name}"
            );
            assert!(!text.contains("<script") && !text.contains("NaN"), "{name}");
        }
    }
    let page = std::fs::read_to_string(folder.join("report.html")).expect("there");
    for outside in ["src=", "@import", "url(", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Links lead to anchors and to the files beside it.
    let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for target in targets {
        let is_there = match target.strip_prefix('#') {
            Some(anchor) => page.contains(&format!("id=\"{anchor}\"")),
            None => written.files.iter().any(|file| file == target),
        };
        assert!(is_there, "{target}");
    }
    assert_eq!(page.matches("<script").count(), 1, "only its own");
    assert!(page.contains("a_b &amp; 50% &lt;script&gt;"));
    let drawn = written.files.iter().filter(|file| file.ends_with(".svg")).count();
    assert_eq!(page.matches("<svg").count(), 2 * drawn, "every figure wide and narrow");
}

#[test]
fn a_contradiction_comes_first_and_loud() {
    let mut fixture = fixture();
    let mut liar = row("iao", "resnet50", 9, 0.05, 1.0);
    liar.status = Status::Feasible;
    fixture.rows.push(liar);
    let report = report(&fixture);
    assert_eq!(report.contradictions.len(), 2, "a certified and a solver-reported bound");
    let (page, text) = (html::page(&report), markdown::page(&report));
    assert!(page.find("class=\"alarm\"").expect("loud") < page.find("<h1>").expect("headline"));
    assert!(text.find("CONTRADICTIONS").expect("loud") < text.find("Methods by their mean gap").expect("headline"));
}

#[test]
fn verdicts_follow_the_rows() {
    let outcomes = |fixture: &Fixture| {
        multiuser::verdicts(&fixture.manifest, &fixture.rows).into_iter().map(|v| v.outcome).collect::<Vec<_>>()
    };
    let mut fixture = fixture();
    assert_eq!(outcomes(&fixture), [Outcome::Shown; 3]);
    for row in &mut fixture.rows {
        if row.key.method == "iao:error=0.1" {
            row.checked_objective = row.checked_objective.map(|objective| Interval::point(objective.middle() * 1.3));
        }
    }
    assert_eq!(outcomes(&fixture), [Outcome::Shown, Outcome::Shown, Outcome::NotShown]);
    for row in &mut fixture.rows {
        row.instance.parameters.insert("units".into(), 1.0);
    }
    assert_eq!(outcomes(&fixture)[1], Outcome::NotShown);
    fixture.rows.push(row("iao-ds", "n8-s1", 5, 1.0, 1.0));
    assert_eq!(outcomes(&fixture)[0], Outcome::NotShown);
    fixture.rows.retain(|row| row.key.method == "milp");
    fixture.manifest.studies.clear();
    assert_eq!(outcomes(&fixture), [Outcome::NotTested; 3]);
}

#[test]
fn an_empty_run_has_a_report_too_and_so_has_one_that_maximises() {
    let Fixture { mut manifest, rows } = fixture();
    let empty = Report::new(&manifest, &[], &Options::default());
    assert!(html::page(&empty).contains("0 on 0 instances"));
    manifest.sense = Sense::Maximise;
    manifest.problem = "another".into();
    let report = Report::new(&manifest, &rows, &Options::default());
    assert!(report.verdicts.is_empty() && markdown::page(&report).contains("1 - H/UB"));
}

/// A run of `throughput`: branch knows the optimum, local ratio admits nine tenths of it, half in the family `tight`.
fn admissions() -> Fixture {
    let Fixture { mut manifest, .. } = fixture();
    manifest.sense = Sense::Maximise;
    manifest.problem = throughput::PROBLEM.into();
    manifest.objective = Quantity { name: "admitted requests".into(), unit: String::new() };
    let mut study = Study { cells: Vec::new(), ..manifest.studies[0].clone() };
    study.title = "Admitted requests against their number".into();
    study.axis = Some(Quantity { name: "requests".into(), unit: String::new() });
    let mut rows = Vec::new();
    for (family, n) in [("zoo", 100.0), ("zoo", 200.0), ("tight", 40.0)] {
        let share = if family == "tight" { 0.5 } else { 0.9 };
        for (method, factor) in [("branch", 1.0), ("local-ratio", share), ("online-primal-dual", 0.4)] {
            let mut row = row(method, &format!("{family}-{n}"), 0, n, factor);
            row.instance.family = family.into();
            row.instance.variant = "count".into();
            row.instance.parameters = [("threads", 100.0), ("max_threads", 4.0)].map(|(k, v)| (k.to_owned(), v)).into();
            let local = if family == "tight" { 0.0 } else { 0.3 * n };
            let measures = [("local", local), ("remote", n * factor - local), ("threads", 2.0 * n)];
            row.measures = measures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            if method == "branch" {
                row.proof = Proof::Certified { value: n };
                row.status = Status::OptimalCertified;
            }
            if family == "zoo" {
                study.cells.push(StudyCell { series: method.into(), x: Some(n), key: row.key.line() });
            }
            rows.push(row);
        }
    }
    manifest.studies = vec![study];
    Fixture { manifest, rows }
}

#[test]
fn admitted_requests_are_told_apart_and_claims_are_checked() {
    let mut fixture = admissions();
    let report = Report::new(&fixture.manifest, &fixture.rows, &Options::default());
    let text = markdown::page(&report);
    assert!(text.contains("180.0 (60.0 + 120)") && text.contains("on their device alone + on cloudlets"), "{text}");
    let table = |id: &str| csv::table(report.tables().find(|table| table.id.ends_with(id)).expect(id));
    assert!(table("_local").contains("60") && table("_remote").contains("120"));
    let outcomes = |fixture: &Fixture| {
        throughput::verdicts(&fixture.manifest, &fixture.rows).into_iter().map(|v| v.outcome).collect::<Vec<_>>()
    };
    // Tight, then zoo: local ratio; the online algorithm, whose theorem promises nothing for cloudlets of one thread; tightness.
    let (shown, not_shown, nothing) = (Outcome::Shown, Outcome::NotShown, Outcome::NothingPromised);
    assert_eq!(outcomes(&fixture), [shown, shown, nothing, shown, shown]);
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "local-ratio") {
        row.checked_objective = Some(Interval::point(15.0));
    }
    assert_eq!(outcomes(&fixture), [not_shown, not_shown, nothing, shown, not_shown]);
    // C' of 50 threads, the least of the family, for 4 a request: 26.6, and half of 26.6 / 50 is promised.
    let told = throughput::verdicts(&fixture.manifest, &fixture.rows);
    let online = &told[3];
    assert_eq!((&online.number[..], &online.limit[..], online.rows), ("0.4000", "0.266 of the optimum", 2));
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "online-primal-dual") {
        row.checked_objective = Some(Interval::point(20.0));
    }
    assert_eq!(outcomes(&fixture)[3], not_shown);
    // With more threads a request than any cloudlet has it admits nobody, and nothing is shown by that.
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "online-primal-dual") {
        row.checked_objective = Some(Interval::point(0.0));
        row.instance.parameters.insert("max_threads".into(), 200.0);
    }
    assert_eq!(outcomes(&fixture)[2..4], [nothing, nothing]);
    fixture.rows.retain(|row| row.key.method == "branch");
    assert_eq!(outcomes(&fixture), [Outcome::NotTested; 2]);
}

/// A run of `jpdra` in which chains report their histories; on the instance that is last by name they are wrong.
fn histories() -> Fixture {
    let Fixture { mut manifest, .. } = fixture();
    manifest.problem = "jpdra".into();
    manifest.objective = Quantity { name: "mean delay".into(), unit: "s".into() };
    let mut study =
        Study { name: "markov".into(), title: "Chains".into(), cells: Vec::new(), ..manifest.studies[3].clone() };
    let mut rows = Vec::new();
    for (name, seed) in [("z", 0), ("a", 2), ("a", 1)] {
        let optimum = if (name, seed) == ("a", 1) { 2.0 } else { 1e9 };
        let level = |value: f64| vec![(1.0, value), (1e4, value)];
        let falling = |end: f64| -> Vec<(f64, f64)> {
            (0..=40).map(|at| 10f64.powf(f64::from(at) / 10.0)).map(|x| (x, optimum * (1.0 + end + 0.5 / x))).collect()
        };
        for (method, beta) in
            [("cra-markov:beta=50", 50.0), ("cra-markov:beta=5", 5.0), ("cra-anneal", 0.0), ("dpd", 0.0)]
        {
            let mut row = row(method, &format!("{name}{seed}"), 0, optimum, 1.0);
            row.instance = InstanceLabel { name: name.into(), seed, ..row.instance };
            let mut tell = |name: &str, points: Vec<(f64, f64)>| row.series.insert(name.into(), points);
            if method != "dpd" {
                tell("optimum", level(optimum));
            }
            if method == "cra-anneal" {
                tell("mean", [falling(0.0), vec![(2e4, optimum)]].concat());
            }
            if beta > 0.0 {
                tell("mean", falling(0.2 / beta));
                tell("envelope", level(optimum + 7.0 / beta));
            }
            study.cells.push(StudyCell { series: method.into(), x: None, key: row.key.line() });
            rows.push(row);
        }
    }
    manifest.studies = vec![study];
    Fixture { manifest, rows }
}

#[test]
fn histories_of_chains_are_drawn() {
    let mut fixture = histories();
    let report = Report::new(&fixture.manifest, &fixture.rows, &Options::default());
    let figure = report.figures().find(|figure| figure.id == "markov-history-figure").expect("there");
    assert!(figure.caption.contains(": a, generator seed 1, run seed 0."), "{}", figure.caption);
    let text = svg(figure);
    assert!(text.contains("moves") && !text.contains("NaN"));
    let Plot::Lines(lines) = &figure.plot else { panic!("a line chart") };
    let names: Vec<&str> = lines.lines.iter().flat_map(|line| &line.names).map(String::as_str).collect();
    assert_eq!(names, ["cra-anneal", "cra-markov:beta=5", "cra-markov:beta=50"]);
    // 7/5 and 7/50 of 2, in percent; and means of 4 and 0.4 % besides what is left of the start.
    let [anneal, five, fifty] = &lines.lines[..] else { panic!("three") };
    let is = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
    assert!(anneal.limit.is_none() && is(five.limit.expect("told"), 70.0) && is(fifty.limit.expect("told"), 7.0));
    assert!(is(five.points[0].y, 54.0) && is(fifty.points[40].y, 0.405) && is(anneal.points[0].y, 50.0));
    // Below a fifth of where the lowest mean ends is the lower edge.
    assert!(anneal.points.iter().all(|mark| mark.y == 0.0 || mark.y >= 0.2 * 0.405));
    assert_eq!(anneal.points.last().map(|mark| mark.y), Some(0.0));

    // Another study's rows may tell a course too, and a study of chains may have rows that tell none.
    let ids = |fixture: &Fixture| {
        let report = Report::new(&fixture.manifest, &fixture.rows, &Options::default());
        report.figures().filter(|figure| figure.id.ends_with("-history-figure")).count()
    };
    assert_eq!(ids(&fixture), 1);
    fixture.manifest.studies[0].name = "chains".into();
    assert_eq!(ids(&fixture), 0);
    fixture.manifest.studies[0].name = "markov".into();
    fixture.rows.iter_mut().for_each(|row| row.series.clear());
    assert_eq!(ids(&fixture), 0);
}

#[test]
fn the_overview_counts_every_row_once_and_names_every_claim() {
    let fixture = fixture();
    let of_part = report(&fixture);
    let part = |name: &str| {
        let place = format!("../{name}/report/report.html");
        Part {
            name: name.into(),
            has_claims: true,
            manifest: &fixture.manifest,
            rows: &fixture.rows,
            mismatches: &[],
            report: &of_part,
            place,
        }
    };
    let parts = [part("a"), part("b")];
    let overview = overview("All", &parts, &Options::default());
    let keys: std::collections::BTreeSet<String> = fixture.rows.iter().map(|row| row.key.line()).collect();
    let table = overview.tables().find(|table| table.id == "overview").expect("there");
    let value = |row: usize, name: &str| {
        let at = table.columns.iter().position(|column| column.name == name).expect("a column");
        table.rows[row][at].value.expect("a number") as usize
    };
    // All problems in one figure and one table first.
    let headline = overview.headline.as_ref().expect("there are rows");
    let ranked: Vec<[&str; 2]> =
        headline.table.rows.iter().map(|row| [row[0].text.as_str(), row[1].text.as_str()]).collect();
    assert_eq!(ranked, [["a", "iao"], ["b", "iao"]]);
    let Some(Plot::Dots(dots)) = headline.figure.as_ref().map(|figure| &figure.plot) else { panic!("a figure") };
    assert!(dots.dots.iter().any(|dot| dot.name == "a: iao") && dots.dots.iter().any(|dot| dot.name == "b: threshold"));
    for (row, times) in [(0, 1), (1, 1), (2, 2)] {
        assert_eq!(value(row, "rows"), times * keys.len());
        let kinds = ["certified", "unchecked", "unbounded", "declined", "no_result", "rejected"];
        assert_eq!(kinds.iter().map(|kind| value(row, kind)).sum::<usize>(), value(row, "rows"));
        let wrong = fixture.rows.iter().filter(|row| row.status == Status::Wrong).count();
        assert_eq!(value(row, "rejected"), times * wrong);
    }
    let own = report(&fixture);
    assert_eq!(overview.verdicts.len(), 2 * own.verdicts.len());
    assert_eq!(overview.contradictions.len(), 2 * own.contradictions.len());
    let page = html::page(&overview);
    assert!(page.contains("<a href=\"../a/report/report.html\">") || page.contains("..&#x2f;a"), "links to its parts");
    assert!(markdown::page(&overview).contains("(../b/report/report.html)"));
    assert!(overview.tables().all(|table| table.id != "peers"));
}

#[test]
fn peers_are_compared_on_what_they_share() {
    let mut fixture = fixture();
    // `milp` becomes an external program, ten times slower.
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "milp") {
        row.key.code.push_str("+abc");
        row.times.solve_s = 10.0 * row.times.solve_s + 1.0;
    }
    let place = String::new();
    let of_part = report(&fixture);
    let part = Part {
        name: "a".into(),
        has_claims: false,
        manifest: &fixture.manifest,
        rows: &fixture.rows,
        mismatches: &[],
        report: &of_part,
        place,
    };
    let overview = overview("All", &[part], &Options::default());
    assert!(overview.verdicts.is_empty());
    let table = overview.tables().find(|table| table.id == "peers").expect("there is a peer");
    let of = |method: &str| table.rows.iter().find(|row| row[1].text == method && row[2].text == "milp");
    let line = of("threshold").expect("threshold is exact");
    assert!(line[9].value.expect("a ratio") > 1.0, "{line:?}");
    assert!(of("iao").is_none(), "heuristics solve nothing");
    assert!(table.rows.iter().all(|row| row[1].text != "milp"), "a peer is no method of Offcut's");
}

#[test]
fn the_first_screen_answers_for_the_papers_algorithm() {
    let mut fixture = fixture();
    // A program from outside: the runner adds its hash to the version of the code.
    for mut row in fixture.rows.clone().into_iter().filter(|row| row.key.method == "proportional") {
        row.key.method = "mine".into();
        row.key.code += "+0123456789ab";
        row.checked_objective = row.checked_objective.map(|objective| Interval::point(objective.middle() * 0.98));
        fixture.rows.push(row);
    }
    let report = report(&fixture);
    let headline = report.headline.as_ref().expect("there are rows");
    assert_eq!(headline.question, "How far from optimal is iao, and how fast?");
    let rows: Vec<[&str; 4]> =
        headline.table.rows.iter().map(|row| [0, 1, 2, 3].map(|at| row[at].text.as_str())).collect();
    let of = |method: &str| *rows.iter().find(|row| row[1] == method).expect("there");
    assert_eq!(of("iao")[..3], ["1", "iao", "paper\u{2019}s algorithm"]);
    assert_eq!(of("mine")[2], "plug-in");
    assert_eq!(rows[0][1], "iao", "methods with the same gap: the paper's algorithm first");
    let kinds: Vec<&str> = rows.iter().map(|row| row[2]).collect();
    assert_eq!(kinds.last(), Some(&"exact"), "{kinds:?}");
    assert!(of("mine")[0] < of("proportional")[0], "{rows:?}");
    assert!(rows.iter().all(|row| !row[1].contains(':')), "variations are elsewhere");
    let page = html::page(&report);
    assert!(page.contains("<tr class=\"paper\" data-m=\"iao\"") && page.contains("<tr class=\"plug\" data-m=\"mine\""));
    assert!(page.find("<h1>").expect("a question") < page.find("id=\"claims\"").expect("claims"));
    assert!(page.find("id=\"claims\"").expect("claims") < page.find("id=\"contents\"").expect("contents"));
    assert!(page.find("Known limitations</h2>").expect("limits") < page.find("Provenance</h2>").expect("the end"));
}

/// A method that was run on fewer instances is not ranked. Where it is nearer on those that it shares with the paper's algorithm, the answer says so.
#[test]
fn the_first_screen_names_better_methods_of_fewer_instances() {
    let mut fixture = fixture();
    fixture.rows.retain(|row| row.key.method != "greedy-units" || row.instance.name.starts_with("n2-"));
    for row in fixture.rows.iter_mut().filter(|row| row.key.method == "iao") {
        row.checked_objective = row.checked_objective.map(|objective| Interval::point(objective.middle() * 1.25));
    }
    let report = report(&fixture);
    let headline = report.headline.as_ref().expect("there are rows");
    let answer = headline.answer.join(" ");
    let expected = "On fewer instances one method that is not ranked has a smaller mean gap than iao: \
        greedy-units (0 against 25.000 % on 4 instances).";
    assert!(answer.contains(expected), "{answer}");
    let caption = &headline.figure.as_ref().expect("a figure").caption;
    assert!(caption.contains("On fewer instances, so not ranked: ") && caption.contains("greedy-units"), "{caption}");
}

#[test]
fn a_method_has_one_look_in_all_figures() {
    let report = report(&fixture());
    let colors = |name: &str| -> std::collections::BTreeSet<String> {
        let drawn = report.figures().map(|figure| drawing::svg_styled(figure, &report.styles));
        let of_label = |text: String| -> Vec<String> {
            let at = format!("\n{name}\n");
            text.split("<text")
                .filter(|text| text.contains(&at))
                .filter_map(|text| Some(text.split("fill=\"").nth(1)?[..7].to_owned()))
                .collect()
        };
        drawn.flat_map(of_label).collect()
    };
    for name in ["edge-only", "local-only", "proportional"] {
        assert_eq!(colors(name).len(), 1, "{name}: {:?}", colors(name));
    }
    assert_ne!(colors("edge-only"), colors("local-only"));
}

#[test]
fn columns_of_intervals_sort_by_number_and_no_mean_is_of_a_mean() {
    let mut fixture = fixture();
    fixture.manifest.objective.name = "mean delay".into();
    let report = report(&fixture);
    let figures: String = report.figures().map(svg).collect();
    assert!(!figures.contains("mean mean"));
    let page = html::page(&report);
    let ranking = &page[page.find("<table").expect("the ranking")..];
    let head = ranking.split("</thead>").next().expect("a head");
    assert!(head.contains("<th scope=\"col\" tabindex=\"0\" class=\"n\">95 % interval</th>"), "{head}");
}

#[test]
fn curves_that_coincide_are_drawn_as_gaps() {
    let report = report(&fixture());
    let figure = report.figures().find(|figure| figure.id == "users-figure").expect("there");
    let Plot::Lines(lines) = &figure.plot else { panic!("lines") };
    assert_eq!((lines.y.label.as_str(), lines.y.log), ("mean gap (%)", true));
    let optimal = lines.lines.iter().find(|line| line.names.contains(&"iao".to_owned())).expect("there");
    assert!(optimal.points.iter().all(|mark| mark.y == 0.0) && optimal.names.contains(&"threshold".to_owned()));
    // A gap of 0 has a place of its own, below the smallest other one, and all optimal methods share it.
    let drawn = svg(figure);
    let ticks: Vec<&str> = drawn.split("<text").filter_map(|text| text.split('\n').nth(1)).collect();
    assert!(ticks.contains(&"0"), "{ticks:?}");
    // Counts and quantities that a problem hands in stay what they are.
    let label = |id: &str| match &report.figures().find(|figure| figure.id == id).expect("there").plot {
        Plot::Lines(lines) => lines.y.label.clone(),
        _ => panic!("lines"),
    };
    assert_eq!(label("moves-figure"), "mean moves");
    assert!(label("error-figure").contains("latency"));
}

#[test]
fn a_line_that_ends_early_has_no_leader_across_the_others() {
    let line = |name: &str, ends: f64| Line {
        names: vec![name.into()],
        points: [1.0, 2.0, ends].into_iter().map(|x| Mark { x, y: x, band: None }).collect(),
        limit: None,
    };
    let axis = |label: &str| Axis { label: label.into(), log: false };
    let leaders = |ends: f64| {
        let lines = vec![line("whole", 9.0), line("short", ends)];
        let lines = Lines { x: axis("x"), y: axis("y"), lines, limit: None, shape: Shape::Joined };
        let figure = Figure { id: "f".into(), title: "f".into(), caption: String::new(), plot: Plot::Lines(lines) };
        svg(&figure).matches("stroke=\"#969696\"").count()
    };
    assert_eq!((leaders(9.0), leaders(3.0)), (2, 1));
}

#[test]
fn a_figure_of_a_page_says_what_stands_at_its_marks() {
    let report = report(&fixture());
    let figure = report.figures().find(|figure| figure.id == "users-figure").expect("there");
    for width in [drawing::Width::Wide, drawing::Width::Narrow] {
        let drawn = drawing::svg_for_page(figure, &report.styles, width);
        assert!(drawn.contains("role=\"img\" aria-label=\"Latency against the number of users\""));
        assert!(drawn.contains("<title>edge-only: users 64, mean gap (%) 740.0"), "{drawn}");
        let marks = drawn.matches("<circle class=\"h\"").count();
        assert!(marks >= 6 * 5, "{marks}");
    }
    assert!(!drawing::svg_styled(figure, &report.styles).contains("<title>"), "a figure's file is the figure alone");
}

#[test]
fn a_chart_of_dots_has_room_for_negative_values() {
    let dot = |name: &str, mean: f64| Dot {
        name: name.into(),
        mean,
        interval: Some((mean - 5.0, mean + 5.0)),
        max: mean + 8.0,
        certified: true,
        time_s: None,
        role: Role::Heuristic,
    };
    let axis = Axis { label: "reduction (%)".into(), log: false };
    let dots = Dots { axis, dots: vec![dot("worse", -15.0), dot("better", 15.0)], times: None };
    let figure = Figure { id: "f".into(), title: "f".into(), caption: String::new(), plot: Plot::Dots(dots) };
    let drawn = svg(&figure);
    let ticks: Vec<&str> = drawn.split("<text").filter_map(|text| text.split('\n').nth(1)).collect();
    assert!(ticks.contains(&"-10") && ticks.contains(&"20"), "{ticks:?}");
    let page = drawing::svg_for_page(&figure, &Styles::default(), drawing::Width::Wide);
    assert!(page.contains("<title>worse: reduction -15.000 % [-20.000, -10.000], at most -7.000 %</title>"), "{page}");
}
