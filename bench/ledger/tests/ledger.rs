//! Statuses, gaps, contradictions, and rows that survive.

use std::collections::BTreeMap;
use std::io::Write;

use offcut_checker::{Interval, Proof, Tolerance};
use offcut_instances::problem::{Budget, Sense, Stop};
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{
    BestKnown, Key, Row, Status, Store, Times, best_known, contradictions, contradictions_with, store,
};

fn row(method: &str, objective: f64, proof: Proof) -> Row {
    Row {
        key: Key { instance: "i".into(), method: method.into(), budget: Budget::default(), code: "test".into() },
        problem: "multiuser".into(),
        answer_hash: None,
        instance: InstanceLabel::default(),
        status: Status::Feasible,
        stop: Stop::Completed,
        claimed_objective: Some(objective),
        checked_objective: Some(Interval::point(objective)),
        measures: Default::default(),
        proof,
        certified: Proof::Nothing,
        violations: Vec::new(),
        times: Times::default(),
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: BTreeMap::new(),
        incumbents: Vec::new(),
        history_rejected: None,
        series: BTreeMap::new(),
    }
}

#[test]
fn a_gap_is_an_interval_between_best_objective_and_best_bound() {
    let best = BestKnown { objective: Some(5.0), certified: Some(4.0), word: Some(4.9) };
    let gap = best.gap(Sense::Minimise, 6.0).expect("known");
    assert_eq!((gap.low, gap.high, gap.certified), (0.2, 0.5, true));
    let best = BestKnown { objective: Some(8.0), certified: None, word: Some(10.0) };
    let gap = best.gap(Sense::Maximise, 6.0).expect("known");
    assert_eq!((gap.low, gap.high, gap.certified), (0.25, 0.4, false));
    assert_eq!(BestKnown::default().gap(Sense::Minimise, 1.0), None);
    let zero = BestKnown { objective: Some(0.0), certified: Some(0.0), word: None };
    assert_eq!(zero.gap(Sense::Minimise, 0.0).map(|gap| gap.high), Some(0.0));
    assert_eq!(zero.gap(Sense::Minimise, 1.0), None);
}

#[test]
fn what_a_library_knows_is_taken_in_and_held_against_rows() {
    let here = BestKnown { objective: Some(6.0), certified: Some(4.0), word: None };
    let there = BestKnown { objective: Some(5.0), certified: Some(3.0), word: Some(4.5) };
    let both = BestKnown { objective: Some(5.0), certified: Some(4.0), word: Some(4.5) };
    assert_eq!((here.and(there, Sense::Minimise), there.and(here, Sense::Minimise)), (both, both));
    let most = BestKnown { objective: Some(6.0), certified: Some(3.0), word: Some(4.5) };
    assert_eq!(here.and(there, Sense::Maximise), most);

    let known =
        BTreeMap::from([("i".to_owned(), BestKnown { objective: Some(5.0), certified: Some(4.5), word: None })]);
    let with = |rows: &[Row]| contradictions_with(Sense::Minimise, rows, &known);
    assert_eq!(with(&[row("a", 4.5, Proof::Nothing), row("b", 6.0, Proof::Certified { value: 5.0 })]), []);
    let low = with(&[row("a", 4.4, Proof::Nothing)]);
    assert_eq!((low.len(), &low[0].objective.0[..], &low[0].bound.0[..]), (1, "a", "the library"));
    let high = with(&[row("a", 6.0, Proof::Certified { value: 5.1 })]);
    assert_eq!((high.len(), &high[0].objective.0[..], &high[0].bound.0[..]), (1, "the library", "a"));
    let mut wrong = row("a", 4.4, Proof::SolverReported { value: 9.0, word: "w".into() });
    wrong.status = Status::Wrong;
    assert_eq!(with(&[wrong]), []);
}

#[test]
fn the_best_known_values_come_from_checked_rows_only() {
    let mut wrong = row("liar", 1.0, Proof::Rejected { violations: vec![] });
    wrong.status = Status::Wrong;
    let rows = [
        row("a", 6.0, Proof::Certified { value: 4.0 }),
        row("b", 5.0, Proof::SolverReported { value: 5.0, word: "w".into() }),
        row("c", 7.0, Proof::Certified { value: 4.5 }),
        wrong,
    ];
    let best = best_known(Sense::Minimise, &rows)["i"];
    assert_eq!(best, BestKnown { objective: Some(5.0), certified: Some(4.5), word: Some(5.0) });
    assert_eq!(contradictions(Sense::Minimise, &rows, &Tolerance::default()), []);
}

#[test]
fn an_objective_beyond_a_bound_is_a_contradiction() {
    let rows = [row("a", 6.0, Proof::Nothing), row("b", 7.0, Proof::Certified { value: 6.000_001 })];
    let found = contradictions(Sense::Minimise, &rows, &Tolerance::default());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].objective.0.as_str(), found[0].bound.0.as_str()), ("a", "b"));
    // A solver's word may be off by what solvers tolerate, and no more.
    let word = |value: f64| [row("a", 6.0, Proof::SolverReported { value, word: "w".into() })];
    assert_eq!(contradictions(Sense::Minimise, &word(6.000_001), &Tolerance::default()).len(), 0);
    assert_eq!(contradictions(Sense::Minimise, &word(6.1), &Tolerance::default()).len(), 1);
    assert_eq!(contradictions(Sense::Maximise, &word(5.9), &Tolerance::default()).len(), 1);
}

#[test]
fn rows_that_somebody_changes_meanwhile_are_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    let rows: Vec<_> = ["a", "b", "c"].iter().map(|name| row(name, 6.0, Proof::Nothing)).collect();
    let changes: [fn(&std::path::Path); 6] = [
        |path| drop(std::fs::File::create(path).expect("there")),
        |path| std::fs::remove_file(path).expect("there"),
        |path| {
            let text = std::fs::read_to_string(path).expect("there");
            std::fs::write(path, text.replacen("6.0", "5.0", 1)).expect("room");
        },
        |path| {
            let text = std::fs::read_to_string(path).expect("there");
            std::fs::write(path, text.lines().next().expect("a line")).expect("room");
        },
        |path| {
            let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("there");
            file.write_all(b"{}\n").expect("room");
        },
        |path| {
            let other = path.with_extension("other");
            std::fs::write(&other, "").expect("room");
            std::fs::rename(other, path).expect("room");
        },
    ];
    for change in changes {
        let _ = std::fs::remove_file(&path);
        let (mut open, _) = Store::open(&path).expect("new");
        assert!(!open.append(&rows[0]).expect("room"));
        assert!(!open.append(&rows[1]).expect("room"));
        change(&path);
        assert!(open.append(&rows[2]).expect("room"), "it is told");
        assert_eq!(store::read(&path).expect("readable"), rows);
        assert!(!open.hold().expect("room"));
        change(&path);
        assert!(open.hold().expect("room"), "it is told");
        drop(open);
        assert_eq!(store::read(&path).expect("readable"), rows);
    }
}

#[test]
fn rows_survive_a_torn_last_line_and_nothing_else_is_forgiven() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    let mut rows = [row("a", 6.0, Proof::Nothing), row("b", 0.1 + 0.2, Proof::Certified { value: 1.0 / 3.0 })];
    rows[1].series.insert("mean".into(), vec![(1.0, 0.1 + 0.2), (2.0, 1.0 / 3.0)]);
    let (mut open, before) = Store::open(&path).expect("new");
    assert!(before.is_empty());
    open.append(&rows[0]).expect("room");
    open.append(&rows[1]).expect("room");
    assert!(Store::open(&path).expect_err("locked").to_string().contains("in use by another run"));
    drop(open);

    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
    file.write_all(b"{\"key\":{\"inst").expect("room");
    drop(file);
    assert_eq!(store::read(&path).expect("readable"), rows);
    let (mut open, before) = Store::open(&path).expect("readable");
    assert_eq!(before, rows);
    open.append(&rows[0]).expect("room");
    drop(open);
    assert_eq!(store::read(&path).expect("readable").len(), 3);

    let text = std::fs::read_to_string(&path).expect("there");
    std::fs::write(&path, text.replacen("key", "kez", 1)).expect("room");
    let input_error = store::read(&path).expect_err("broken").to_string();
    assert!(input_error.contains("line 1") && input_error.contains("rows.jsonl"), "{input_error}");
}
