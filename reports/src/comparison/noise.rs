//! The noise of the machine, from the cell that is repeated through a run.

use offcut_ledger::Reference;

use crate::numbers::{duration, significant};
use crate::statistics::quantile;

/// By what factor times of the same cell differ for no reason: upper quartile over lower quartile. None if it was not run twice.
pub(super) fn factor(reference: &Reference) -> Option<f64> {
    let mut times = reference.times_s.clone();
    if times.len() < 2 {
        return None;
    }
    times.sort_by(f64::total_cmp);
    let factor = quantile(&times, 0.75) / quantile(&times, 0.25);
    factor.is_finite().then_some(factor)
}

/// The same in words, for the head of the report.
pub(crate) fn description(reference: &Reference) -> Option<String> {
    let factor = factor(reference)?;
    let [least, median, most] = reference.spread_s()?;
    Some(format!(
        "one cell, repeated {} times during the run, took {} (median), {} to {}; ratio of upper to lower quartile {}",
        reference.times_s.len(),
        duration(median),
        duration(least),
        duration(most),
        significant(factor, 3)
    ))
}
