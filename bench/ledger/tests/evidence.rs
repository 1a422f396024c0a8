//! What reading an answer again can tell of its row, and what only checking it can.

use offcut_checker::{Interval, Proof, Tolerance, Violation, check_answer};
use offcut_instances::document::{answer_bytes, parse_answer, parse_instance};
use offcut_instances::multiuser::{Certificate, Multiuser, Solution};
use offcut_instances::problem::{Answer, Bound, Budget, Evidence as Behind, Sense, Stop};
use offcut_ledger::evidence::{answer_hash, hold, reread, verify};
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Key, Row, Status, Times};

/// The row that the checker makes of an answer to the toy.
fn row_of(bytes: &[u8]) -> Row {
    let toy = parse_instance::<Multiuser>(include_bytes!("../../../instances/data/multiuser/toy.json")).expect("valid");
    let answer = parse_answer::<Multiuser>(bytes).unwrap_or_else(|input_error| Answer::failed(input_error.to_string()));
    let verdict = check_answer::<Multiuser>(&toy, &answer, &Tolerance::default());
    Row {
        key: Key { instance: "i".into(), method: "m".into(), budget: Budget::default(), code: "test".into() },
        problem: "multiuser".into(),
        answer_hash: Some(answer_hash(bytes)),
        instance: InstanceLabel::default(),
        status: Status::of(&answer.stop, &verdict, &Tolerance::default()),
        stop: answer.stop,
        claimed_objective: answer.found.map(|claim| claim.objective),
        checked_objective: verdict.objective(),
        measures: verdict.measures().clone(),
        proof: verdict.proof().clone(),
        certified: verdict.certified().clone(),
        violations: verdict.violations().to_vec(),
        times: Times { build_s: answer.trace.build_s, ..Times::default() },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: answer.trace.counts,
        incumbents: answer.trace.incumbents,
        history_rejected: None,
        series: answer.trace.series,
    }
}

fn worded(value: f64) -> Vec<u8> {
    let mut answer = Answer::<Multiuser>::found(Solution { cut: vec![1, 0], units: vec![2, 2] }, 5.0);
    answer.proved = Some(Bound { value, evidence: Behind::SolverReported("a dual bound".into()) });
    answer_bytes::<Multiuser>(&answer)
}

#[test]
fn honest_rows_hold() {
    let lying = Answer::<Multiuser>::found(Solution { cut: vec![1, 0], units: vec![2, 2] }, 4.0);
    let failed = Answer::<Multiuser>::failed("no idea");
    let declined = Answer::<Multiuser>::declined("too small");
    let documents = [lying, failed, declined].map(|answer| answer_bytes::<Multiuser>(&answer));
    for bytes in documents.into_iter().chain([worded(4.0), worded(5.0), worded(6.0), b"garbage".to_vec()]) {
        let row = row_of(&bytes);
        let found = reread::<Multiuser>(&row, &bytes);
        assert_eq!((&found.differences, found.is_unchecked), (&Vec::new(), false), "{row:?}");
        assert!(verify(&row, &row_of(&bytes)).is_empty());
    }
}

#[test]
fn what_is_changed_is_named() {
    let bytes = worded(4.0);
    let changed = |words: &str, change: &dyn Fn(&mut Row)| {
        let mut row = row_of(&bytes);
        change(&mut row);
        for (row, who) in [(row.clone(), "bound"), (Row { answer_hash: None, ..row.clone() }, "not bound")] {
            let found = reread::<Multiuser>(&row, &bytes).differences.join("; ");
            assert!(if words.is_empty() { found.is_empty() } else { found.contains(words) }, "{who}, {words}: {found}");
        }
        let differs = verify(&row, &row_of(&bytes));
        assert!(!differs.is_empty(), "{words}");
    };
    changed("objective", &|row| row.checked_objective = Some(Interval::point(4.5)));
    changed("claimed objective", &|row| {
        row.claimed_objective = Some(4.5);
        row.checked_objective = Some(Interval::point(4.5));
    });
    changed("none claimed", &|row| row.claimed_objective = None);
    changed("none checked", &|row| row.checked_objective = None);
    changed("bound", &|row| row.proof = Proof::Nothing);
    changed("bound", &|row| row.proof = Proof::Certified { value: 4.0 });
    changed("bound", &|row| row.proof = Proof::Infeasible);
    changed("bound", &|row| row.proof = Proof::SolverReported { value: 4.5, word: "a dual bound".into() });
    changed("bound", &|row| row.proof = Proof::SolverReported { value: 4.0, word: "another's".into() });
    changed("status", &|row| row.status = Status::OptimalCertified);
    changed("stop", &|row| row.stop = Stop::TimeLimit);
    changed("counts", &|row| row.counts = [("moves".to_owned(), 7)].into());
    // What the checker alone can say: measures, and that something is wrong.
    changed("", &|row| row.measures = [("made up".to_owned(), 7.0)].into());
    let lying = answer_bytes::<Multiuser>(&Answer::found(Solution { cut: vec![1, 0], units: vec![2, 2] }, 4.0));
    let violations: Vec<Violation> = row_of(&lying).violations;
    changed("", &|row| (row.violations, row.status) = (violations.clone(), Status::Wrong));
    // Other bytes are another answer, whatever they say.
    let found = reread::<Multiuser>(&row_of(&bytes), &[&bytes[..], b"\n"].concat()).differences;
    assert!(found.len() == 1 && found[0].contains("has hash"), "{found:?}");
    // That it failed can be said of any answer; it is counted.
    let row = Row {
        stop: Stop::Failed("the checker did not come to an end".into()),
        status: Status::Crash,
        claimed_objective: None,
        checked_objective: None,
        proof: Proof::Nothing,
        ..row_of(&bytes)
    };
    let found = reread::<Multiuser>(&row, &bytes);
    assert!(found.differences.is_empty() && found.is_unchecked);
    assert!(!verify(&row, &row_of(&bytes)).is_empty());
}

/// The same with a certified bound beside the solver-reported one: the toy's optimum is 5.
#[test]
fn a_certified_bound_beside_a_reported_one_is_held_to_its_answer() {
    let parsed = parse_answer::<Multiuser>(&worded(4.999)).expect("valid");
    let latency_s = 4.0;
    let bytes = answer_bytes::<Multiuser>(&parsed.certified_beside(latency_s, Certificate::Threshold { latency_s }));
    let row = row_of(&bytes);
    assert_eq!((row.certified_bound(Sense::Minimise), row.is_certified()), (Some(4.0), true));
    assert_eq!(reread::<Multiuser>(&row, &bytes).differences, Vec::<String>::new());
    assert!(verify(&row, &row_of(&bytes)).is_empty());
    let text = serde_json::to_string(&row).expect("plain data");
    assert_eq!(serde_json::from_str::<Row>(&text).expect("a row"), row);
    // A row without one is written as before, and read.
    let without = row_of(&worded(4.999));
    let text = serde_json::to_string(&without).expect("plain data");
    assert!(!text.contains(r#""certified""#) && without.certified == Proof::Nothing);
    assert_eq!(serde_json::from_str::<Row>(&text).expect("a row"), without);
    for certified in [Proof::Nothing, Proof::Certified { value: 3.9 }, Proof::Infeasible] {
        let changed = Row { certified: certified.clone(), ..row.clone() };
        let found = reread::<Multiuser>(&changed, &bytes).differences.join("; ");
        // (What proves a bound could as well prove that there is no solution: only the checker can tell. But the status does not follow.)
        assert!(found.contains(if certified == Proof::Infeasible { "status" } else { "certified bound" }), "{found}");
        assert!(!verify(&changed, &row).is_empty());
    }
    let only = Row { certified: Proof::Certified { value: 4.0 }, ..without };
    let found = reread::<Multiuser>(&only, &worded(4.999)).differences.join("; ");
    assert!(found.contains("certified bound: the row says 4, certified, and its answer has none"), "{found}");
}

#[test]
fn rows_are_sorted_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = worded(4.0);
    let row = |method: &str, hash: Option<String>| {
        let mut row = row_of(&bytes);
        row.key.method = method.into();
        row.answer_hash = hash;
        std::fs::write(folder.path().join(method), &bytes).expect("room");
        row
    };
    let own = Some(answer_hash(&bytes));
    let rows = vec![
        row("a", own.clone()),
        row("b", None),
        row("c", Some("0".repeat(64))),
        row("a", own.clone()),
        row("d", own),
    ];
    std::fs::remove_file(folder.path().join("d")).expect("there");
    let (kept, found) = hold::<Multiuser>(rows, |row| folder.path().join(&row.key.method));
    let names: Vec<&str> = kept.iter().map(|row| row.key.method.as_str()).collect();
    assert_eq!((names, found.bound, found.unbound), (vec!["a", "b"], 1, 1));
    let told: Vec<String> = found.mismatches.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3);
    for (told, words) in told.iter().zip(["has hash", "has the key of an earlier row", "cannot be read"]) {
        assert!(told.contains(words), "{told}");
    }
    assert!(!found.is_whole() && found.told().contains("1 rows are not bound to an answer"));
}
