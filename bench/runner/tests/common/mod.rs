//! What the conformance suites of all problems share.

use offcut_checker::Tolerance;
use offcut_instances::document::hash;
use offcut_instances::problem::{Algorithm, Budget};
use offcut_ledger::{Key, Row};
use offcut_runner::Contest;
use offcut_runner::cell::{execute, judged};

/// Every method on an instance, judged from its answer's bytes.
pub fn rows<P: Contest>(instance: &P::Instance, seed: u64) -> Vec<Row> {
    let budget = Budget { seed, ..Budget::seconds(20.0) };
    let row = |algorithm: &dyn Algorithm<P>| {
        let executed = execute::<P>(algorithm, instance, &budget);
        let key = Key {
            instance: hash::<P>(instance),
            method: algorithm.id().into(),
            budget: budget.clone(),
            code: String::new(),
        };
        judged::<P>(instance, key, &executed, &Tolerance::default()).0
    };
    P::algorithms().iter().map(|algorithm| row(algorithm.as_ref())).collect()
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
