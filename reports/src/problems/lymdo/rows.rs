//! Rows and studies of `lymdo` as its claims and sections take them.

use offcut_ledger::Study;

use crate::results::{Result, Results};

/// The problem's name in manifests.
pub const PROBLEM: &str = "lymdo";

/// The paper's policy, as reconstructed.
pub(super) const POLICY: &str = "lymdo";

/// Drift plus penalty with slots solved exactly.
pub(super) const EXACT: &str = "lymdo-exact";

/// Whether a variant's instances are single slots, whose objective is `V delay + backlog energy`.
pub(super) fn is_slot(variant: &str) -> bool {
    variant.starts_with("slot")
}

/// The studies with this name, or this and a word after it.
pub(super) fn studies<'r>(results: &'r Results, name: &str) -> impl Iterator<Item = &'r Study> {
    let is_it = move |study: &&Study| {
        study.name == name || study.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    };
    let is_it: Vec<&Study> = results.manifest.studies.iter().filter(is_it).collect();
    is_it.into_iter()
}

/// Users of a row's instance.
fn users(result: &Result) -> Option<f64> {
    result.row.instance.parameters.get("users").copied()
}

/// The certified bound on a user's mean delay with charged energy, in seconds.
pub(super) fn bound_s(results: &Results, result: &Result) -> Option<f64> {
    Some(results.best[&result.row.key.instance].certified? / users(result)?)
}

/// A measure of a row with a solution.
pub(super) fn measure(result: &Result, name: &str) -> Option<f64> {
    result.objective?;
    result.row.measures.get(name).copied()
}
