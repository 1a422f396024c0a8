//! The noise of the machine, from the cell that is repeated through a run.

use std::collections::BTreeMap;

use offcut_ledger::{Reference, Row};

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

/// The nodes of a cluster on which rows were made, with the reference cell's time on each, for the head of the report: nodes are not the same by their name alone.
/// None if no row was made on a cluster.
pub(crate) fn nodes(reference: &Reference, rows: &[Row]) -> Option<String> {
    const SHOWN: usize = 12;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for node in rows.iter().filter_map(Row::node) {
        *counts.entry(node).or_default() += 1;
    }
    if counts.is_empty() {
        return None;
    }
    let times = reference.by_node();
    let median = |node: &str| {
        let mut times_s = times.get(node)?.clone();
        times_s.sort_by(f64::total_cmp);
        Some(quantile(&times_s, 0.5))
    };
    let told = |(node, rows): (&&str, &usize)| {
        let time = median(node).map_or_else(|| "not measured".to_owned(), duration);
        format!("{rows} rows on {node} (reference cell {time})")
    };
    let mut parts: Vec<String> = counts.iter().take(SHOWN).map(told).collect();
    if counts.len() > SHOWN {
        parts.push(format!("{} further nodes", counts.len() - SHOWN));
    }
    let medians: Vec<f64> = counts.keys().filter_map(|node| median(node)).collect();
    let (least, most) = medians.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), m| (least.min(*m), most.max(*m)));
    if medians.len() > 1 && least > 0.0 {
        parts.push(format!("slowest over fastest node {}", significant(most / least, 3)));
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_told_only_of_a_cluster() {
        assert_eq!(nodes(&Reference { times_s: vec![1.0], ..Reference::default() }, &[]), None);
        let reference = Reference {
            times_s: vec![1.0, 2.0, 3.0, 5.0],
            cpu_s: Vec::new(),
            nodes: ["a", "b", "b", ""].map(Into::into).into(),
        };
        assert_eq!(reference.by_node(), BTreeMap::from([("a", vec![1.0]), ("b", vec![2.0, 3.0])]));
    }
}
