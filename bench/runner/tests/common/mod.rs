//! What the conformance suites of all problems share; each uses its part.

#![allow(dead_code)]

use offcut_checker::Tolerance;
use offcut_instances::document::hash;
use offcut_instances::problem::{Algorithm, Budget};
use offcut_ledger::{Key, Row, Status};
use offcut_runner::BenchmarkAdapter;
use offcut_runner::cell::{checked_answer, execute};

/// Every method on an instance, checked from its answer's bytes.
pub fn rows<P: BenchmarkAdapter>(instance: &P::Instance, seed: u64) -> Vec<Row> {
    rows_of::<P>(instance, &P::algorithms(), &Budget { seed, ..Budget::seconds(20.0) })
}

/// Some methods on an instance, checked from their answers' bytes.
pub fn rows_of<P: BenchmarkAdapter>(
    instance: &P::Instance,
    algorithms: &[Box<dyn Algorithm<P>>],
    budget: &Budget,
) -> Vec<Row> {
    let row = |algorithm: &dyn Algorithm<P>| {
        let executed = execute::<P>(algorithm, instance, budget);
        assert_eq!(negative_zero(&executed.answer), None, "{}", algorithm.id());
        let key = Key {
            instance: hash::<P>(instance),
            method: algorithm.id().into(),
            budget: budget.clone(),
            code: String::new(),
        };
        checked_answer::<P>(instance, key, &executed, &Tolerance::default()).0
    };
    algorithms.iter().map(|algorithm| row(algorithm.as_ref())).collect()
}

/// Every method ends with a solution, a bound or a word, or within its limit: none breaks, the checker rejects none, and beside a word there is a certified bound.
pub fn assert_no_failure(rows: &[Row]) {
    let fine = [
        Status::Feasible,
        Status::OptimalClaimed,
        Status::OptimalCertified,
        Status::InfeasibleClaimed,
        Status::InfeasibleCertified,
        Status::Time,
        Status::NothingFound,
        Status::Bounded,
        Status::Declined,
    ];
    for row in rows {
        assert!(fine.contains(&row.status), "{}: {row:?}", row.key.method);
        assert!(!is_reported_alone(row), "{}: a solver-reported bound stands alone: {row:?}", row.key.method);
    }
}

/// Whether a row has a solver-reported bound and no certified one.
pub fn is_reported_alone(row: &Row) -> bool {
    row.proof.solver_reported().is_some() && !row.is_certified()
}

/// The row of a method.
pub fn of<'a>(rows: &'a [Row], method: &str) -> &'a Row {
    rows.iter().find(|row| row.key.method == method).expect("known")
}

/// The checked objective of a row without violations.
pub fn objective(row: &Row) -> f64 {
    assert!(row.violations.is_empty(), "{}: {:?}", row.key.method, row.violations);
    row.checked_objective.expect("a solution").middle()
}

/// A negative zero in an answer's bytes, with what is around it. No method of ours writes any.
fn negative_zero(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let ends = |rest: &str| rest.trim_start_matches(['0', '.']).starts_with([',', ']', '}', 'e']);
    let at = text.match_indices("-0").map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|letter| "[:, ".contains(letter)) && ends(&text[at + 2..])
    })?;
    Some(text[at.saturating_sub(60)..].chars().take(80).collect())
}

/// What a function makes of each problem's toy and the optimum beside it, in the order of the problems: `for_each_problem!([function] crate::common::all_toys)`.
macro_rules! all_toys {
    ([$each:ident] $($module:ident: $problem:path,)*) => {
        [$($each::<$problem>(
            include_bytes!(concat!("../../../instances/data/", stringify!($module), "/toy.json")),
            include_str!(concat!("../../../instances/data/", stringify!($module), "/toy_optimum.txt")),
        )),*]
    };
}
pub(crate) use all_toys;
