//! Two runs side by side: a slowdown is found, and nothing where nothing changed.

use std::collections::BTreeMap;

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_instances::random::Stream;
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::{InstanceLabel, ProcessFacts};
use offcut_ledger::{Environment, Key, Manifest, Reference, Row, Status, Times};
use offcut_reports::compare::{Clock, Comparison, MIN_INSTANCES, Shown, What, compare};

const METHODS: [&str; 4] = ["a", "b", "c", "d"];

fn row(method: &str, at: usize, seed: u64, objective: f64, solve_s: f64) -> Row {
    Row {
        key: Key {
            instance: format!("hash-{at}"),
            method: method.into(),
            budget: Budget { time_s: Some(10.0), seed, ..Budget::default() },
            code: "0.1.0".into(),
        },
        problem: "another".into(),
        answer_hash: None,
        instance: InstanceLabel { name: format!("i{at}"), ..InstanceLabel::default() },
        status: Status::Feasible,
        stop: Stop::Completed,
        claimed_objective: Some(objective),
        checked_objective: Some(Interval::point(objective)),
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

fn manifest(times_s: Vec<f64>) -> Manifest {
    Manifest {
        id: "fixture".into(),
        title: String::new(),
        problem: "another".into(),
        sense: Sense::Minimise,
        objective: Quantity { name: "latency".into(), unit: "s".into() },
        variant_objectives: BTreeMap::new(),
        measures: BTreeMap::new(),
        random_methods: Default::default(),
        studies: Vec::new(),
        order_seed: 0,
        jobs: 1,
        tolerance: Tolerance::default(),
        environment: Environment::default(),
        reference: Reference { times_s, cpu_s: Vec::new(), nodes: Vec::new() },
    }
}

/// A factor: a tenth up or down; on a busy machine (`tail`) with a long tail upwards, every tenth time up to twice as much.
fn noise(stream: &mut Stream, tail: bool) -> f64 {
    let tail = if tail && stream.below(10) == 0 { stream.uniform(1.0, 2.0) } else { 1.0 };
    stream.log_uniform(0.9, 1.1) * tail
}

/// A run of four methods on twelve instances with three seeds, from milliseconds to seconds, on a machine that is a little slower or faster than on other days.
fn run(label: &str, repetition: u64, factor_of_a: f64) -> (Manifest, Vec<Row>) {
    run_with(label, repetition, factor_of_a, true)
}

fn run_with(label: &str, repetition: u64, factor_of_a: f64, tail: bool) -> (Manifest, Vec<Row>) {
    let mut stream = Stream::new(&["compare", label], repetition);
    let day = stream.log_uniform(0.97, 1.03);
    let mut rows = Vec::new();
    for method in METHODS {
        for at in 0..12 {
            let base = 0.004 * 1.7_f64.powi(at) * day * if method == "a" { factor_of_a } else { 1.0 };
            for seed in 0..3 {
                rows.push(row(method, at as usize, seed, 1.0, base * noise(&mut stream, tail)));
            }
        }
    }
    let reference = (0..11).map(|_| 0.5 * day * noise(&mut stream, tail)).collect();
    (manifest(reference), rows)
}

fn compared(first: &(Manifest, Vec<Row>), second: &(Manifest, Vec<Row>)) -> Comparison {
    compare((&first.0, &first.1), (&second.0, &second.1), &[])
}

fn slower(comparison: &Comparison) -> Vec<&str> {
    let is_slower = |method: &&offcut_reports::compare::MethodComparison| method.times.shown == Shown::Slower;
    comparison.methods.iter().filter(is_slower).map(|method| method.second.as_str()).collect()
}

#[test]
fn nothing_is_shown_where_nothing_changed() {
    for repetition in 0..20 {
        let comparison = compared(&run("before", repetition, 1.0), &run("after", repetition, 1.0));
        assert!(comparison.machine.is_some());
        assert!(!comparison.has_regression(), "repetition {repetition}: {:?}", comparison.methods);
        assert!(comparison.methods.iter().all(|method| method.times.shown == Shown::Same));
    }
}

/// How often a method that was made 1.3 times slower is found in 20 repetitions; no other ever is.
fn found(tail: bool) -> usize {
    let is_found = |repetition: &u64| {
        let (before, after) = (run_with("before", *repetition, 1.0, tail), run_with("after", *repetition, 1.3, tail));
        let comparison = compared(&before, &after);
        let found = slower(&comparison);
        assert!(found.iter().all(|method| *method == "a"), "repetition {repetition}: {found:?}");
        found == ["a"]
    };
    (0..20).filter(is_found).count()
}

/// Eleven times of a reference cell with a long tail do not always show that the machine was not 1.2 times slower.
#[test]
fn a_method_made_1_3_times_slower_is_found_and_no_other() {
    assert_eq!(found(false), 20);
    let on_a_busy_machine = found(true);
    assert!(on_a_busy_machine >= 16, "{on_a_busy_machine}");
}

/// A run on a loaded machine: cells wait for a processor for up to twice as long as they run, and their CPU seconds vary by a twentieth.
fn loaded(label: &str, repetition: u64, factor_of_a: f64) -> (Manifest, Vec<Row>) {
    let mut stream = Stream::new(&["compare", "loaded", label], repetition);
    let load = stream.uniform(1.0, 2.0);
    let mut seconds = |base: f64| {
        let cpu_s = base * stream.log_uniform(0.95, 1.05);
        (cpu_s, cpu_s * stream.uniform(1.0, 1.0 + 2.0 * load))
    };
    let mut rows = Vec::new();
    for method in METHODS {
        for at in 0..12 {
            let base = 0.004 * 1.7_f64.powi(at) * if method == "a" { factor_of_a } else { 1.0 };
            let (cpu_s, wall_s) = seconds(base);
            let mut row = row(method, at as usize, 0, 1.0, wall_s);
            row.times.solve_cpu_s = Some(cpu_s);
            rows.push(row);
        }
    }
    let (cpu_s, times_s) = (0..20).map(|_| seconds(0.5)).unzip();
    let manifest = manifest(times_s);
    (Manifest { reference: Reference { cpu_s, ..manifest.reference }, ..manifest }, rows)
}

#[test]
fn waiting_for_a_processor_is_no_time_of_a_method() {
    for repetition in 0..20 {
        let before = loaded("before", repetition, 1.0);
        let same = compared(&before, &loaded("after", repetition, 1.0));
        assert!(same.methods.iter().all(|method| method.times.clock == Clock::Cpu));
        assert!(!same.has_regression(), "repetition {repetition}: {:?}", same.methods);
        assert_eq!(slower(&compared(&before, &loaded("after", repetition, 1.3))), ["a"], "repetition {repetition}");
    }
}

/// Of a program in another language the CPU seconds are those of its process, which starts and reads as well.
#[test]
fn programs_are_compared_by_the_wall_clock() {
    let with_process = |run: (Manifest, Vec<Row>)| {
        let (manifest, mut rows) = run;
        for row in rows.iter_mut().filter(|row| row.key.method == "b") {
            let cpu_s = row.times.solve_cpu_s.expect("set");
            row.process = Some(ProcessFacts { cpu_s, ..ProcessFacts::default() });
        }
        (manifest, rows)
    };
    let comparison = compared(&with_process(loaded("before", 0, 1.0)), &with_process(loaded("after", 0, 1.0)));
    let clocks: Vec<Clock> = comparison.methods.iter().map(|method| method.times.clock).collect();
    assert_eq!(clocks, [Clock::Cpu, Clock::Wall, Clock::Cpu, Clock::Cpu]);
}

/// Repetitions of the same work are compared by the least seconds, seeds of a random method by the median ratio.
#[test]
fn seeds_are_repetitions_or_random_work() {
    let run = |seconds: [f64; 3]| {
        let rows = (0..8).flat_map(|at| (0..3).map(move |seed| row("a", at, seed, 1.0, seconds[seed as usize])));
        (manifest(Vec::new()), rows.collect::<Vec<_>>())
    };
    let (mut before, after) = (run([1.0, 8.0, 3.0]), run([1.5, 1.25, 9.0]));
    let ratio = |before: &(Manifest, Vec<Row>)| compared(before, &after).methods[0].times.ratio.expect("compared");
    assert!((ratio(&before) - 1.25).abs() < 1e-9);
    before.0.random_methods.insert("a".into());
    assert!((ratio(&before) - 1.5).abs() < 1e-9);
}

#[test]
fn a_speedup_is_shown_and_is_no_regression() {
    let comparison = compared(&run("before", 0, 1.3), &run("after", 0, 1.0));
    assert_eq!(comparison.methods[0].times.shown, Shown::Faster);
    assert!(!comparison.has_regression());
}

/// A whole machine that is half as fast slows the reference cell as well.
#[test]
fn a_slower_machine_is_no_slower_method() {
    let (mut manifest, mut rows) = run("after", 0, 1.0);
    manifest.reference.times_s.iter_mut().for_each(|time| *time *= 2.0);
    rows.iter_mut().for_each(|row| row.times.solve_s *= 2.0);
    let comparison = compared(&run("before", 0, 1.0), &(manifest, rows));
    assert!(comparison.machine.is_some_and(|machine| machine.ratio > 1.8), "{:?}", comparison.machine);
    assert!(comparison.methods.iter().all(|method| method.times.ratio.is_some_and(|ratio| ratio > 1.7)));
    assert!(!comparison.has_regression(), "{:?}", comparison.methods);
}

#[test]
fn few_instances_and_short_times_show_nothing() {
    let of = |count: usize, factor: f64| {
        let rows = (0..count).map(|at| row("a", at, 0, 1.0, factor * (1.0 + at as f64))).collect::<Vec<_>>();
        (manifest(vec![1.0; 5]), rows)
    };
    let shown = |count, first, second| compared(&of(count, first), &of(count, second)).methods[0].times;
    assert_eq!(shown(MIN_INSTANCES, 1.0, 3.0).shown, Shown::Slower);
    assert_eq!(shown(MIN_INSTANCES - 1, 1.0, 3.0).shown, Shown::TooFew);
    let short = shown(20, 1e-6, 3e-6);
    assert_eq!((short.shown, short.instances, short.below_floor), (Shown::TooFew, 0, 20));
}

#[test]
fn changes_are_told_regressions_first() {
    let before: Vec<Row> = (0..7).map(|at| row("a", at, 0, 1.0, 1.0)).collect();
    let mut after = before.clone();
    let nothing = |row: &mut Row, stop: Stop, status: Status| {
        (row.stop, row.status, row.claimed_objective, row.checked_objective) = (stop, status, None, None);
    };
    after[0].checked_objective = Some(Interval::point(1.0 + 1e-8));
    after[1].checked_objective = Some(Interval::point(0.9));
    nothing(&mut after[2], Stop::Completed, Status::NothingFound);
    after[3].status = Status::Wrong;
    nothing(&mut after[4], Stop::TimeLimit, Status::Time);
    after[5].status = Status::OptimalCertified;
    after[6].checked_objective = Some(Interval::point(1.0 + 1e-10));
    let (first, second) = ((manifest(Vec::new()), before), (manifest(Vec::new()), after));
    let comparison = compared(&first, &second);
    let told: Vec<(What, &str, bool)> = comparison
        .changes
        .iter()
        .map(|change| (change.what, change.instance.as_str(), change.is_regression()))
        .collect();
    let expected = [
        (What::NewRejection, "i3", true),
        (What::SolutionVanished, "i2", true),
        (What::ObjectiveWorse, "i0", true),
        (What::SolutionVanished, "i4", false),
        (What::ObjectiveBetter, "i1", false),
        (What::StatusBetter, "i5", false),
    ];
    assert_eq!(told, expected);
    assert!(comparison.has_regression() && comparison.machine.is_none());
    // The other way round what was lost is won.
    let back = compared(&second, &first);
    let regressions: Vec<What> =
        back.changes.iter().filter(|change| change.is_regression()).map(|change| change.what).collect();
    assert_eq!(regressions, [What::ObjectiveWorse, What::StatusWorse]);
}

#[test]
fn methods_are_compared_with_others_if_asked() {
    let before: Vec<Row> = (0..8).map(|at| row("old", at, 0, 1.0, 1.0)).collect();
    let after: Vec<Row> = (0..7).map(|at| row("new", at, 0, 1.0, 2.0)).collect();
    let (first, second) = (manifest(Vec::new()), manifest(Vec::new()));
    assert!(compare((&first, &before), (&second, &after), &[]).methods.is_empty());
    let renamed = [("old".to_owned(), "new".to_owned())];
    let comparison = compare((&first, &before), (&second, &after), &renamed);
    let method = &comparison.methods[0];
    assert_eq!((method.pairs, method.only_first, method.only_second), (7, 1, 0));
    assert_eq!((method.times.shown, method.times.ratio), (Shown::Slower, Some(2.0_f64.ln().exp())));
}
