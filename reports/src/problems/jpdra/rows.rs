//! Rows of `jpdra` as its claims and sections take them.

use std::collections::BTreeMap;

use crate::results::{Result, Results};
use crate::statistics::mean;

/// The problem's name in manifests, and the id of the paper's algorithm.
pub const PROBLEM: &str = "jpdra";

/// The rows of exactly this method, its parameters included, with continuous speeds.
pub(super) fn of<'r, 'a>(results: &'r Results<'a>, method: &str) -> Vec<&'r Result<'a>> {
    let is_it = |r: &&Result| r.row.key.method == method && r.row.instance.variant != "units" && r.is_attempted();
    results.results.iter().filter(is_it).collect()
}

/// The hash of a row's instance.
pub(super) fn instance_of<'a>(result: &Result<'a>) -> &'a str {
    &result.row.key.instance
}

/// The mean objective of every instance, over the rows that have one.
pub(super) fn objectives<'a>(rows: &[&Result<'a>]) -> BTreeMap<&'a str, f64> {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for result in rows {
        if let Some(objective) = result.objective {
            values.entry(instance_of(result)).or_default().push(objective);
        }
    }
    values.into_iter().map(|(instance, values)| (instance, mean(&values).expect("one or more"))).collect()
}
