//! The main findings.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use offcut_ledger::Status;

use crate::comparison;
use crate::method_gaps::{MethodGaps, method_gaps};
use crate::numbers::{self, duration, whole};
use crate::options::Options;
use crate::results::Results;
use crate::statistics::{mean, shifted_geometric_mean};

/// The main findings, a line each, computed from the rows. Only the last, on times, changes from run to run.
pub(super) fn lines(results: &Results, options: &Options) -> Vec<String> {
    let methods = method_gaps(results);
    let mut lines = vec![optimal(&methods)];
    lines.extend(others(results, &methods));
    lines.push(outcomes(results));
    lines.extend(times(results, options, &methods));
    lines
}

/// Whether every attempted row has a certified gap of 0.
fn is_optimal(of: &MethodGaps) -> bool {
    of.rows[0] > 0 && of.rows[2] == of.rows[0]
}

/// The methods that are optimal on every row, by the number of instances they attempted.
fn optimal(methods: &[MethodGaps]) -> String {
    let mut optimal: BTreeMap<Reverse<usize>, Vec<&str>> = BTreeMap::new();
    for of in methods.iter().filter(|of| is_optimal(of)) {
        optimal.entry(Reverse(of.attempted)).or_default().push(&of.method);
    }
    let group = |(instances, names): (&Reverse<usize>, &Vec<&str>)| {
        format!("{} on all {} instances attempted", names.join(", "), whole(instances.0 as u64))
    };
    let groups: Vec<String> = optimal.iter().map(group).collect();
    match &groups[..] {
        [] => "No method has a certified gap of 0 on every row.".into(),
        _ => format!("Certified gap of 0 on every row: {}.", groups.join("; ")),
    }
}

/// The range of the mean gaps of the other methods; none if there are none.
fn others(results: &Results, methods: &[MethodGaps]) -> Option<String> {
    let others = methods.iter().filter(|of| !is_optimal(of));
    let mut others: Vec<(f64, &MethodGaps)> = others.filter_map(|of| Some((mean(&of.gaps)?, of))).collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.method.cmp(&b.1.method)));
    let described = |(mean, of): &(f64, &MethodGaps)| {
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(of.certified));
        let interval =
            of.interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
        let dagger = if of.certified { "" } else { "†" };
        format!("{} {}{dagger} %{interval}", of.method, percent(*mean))
    };
    match &others[..] {
        [] => None,
        [only] => Some(format!("Mean gap of the other method: {}.", described(only))),
        [least, .., largest] => Some(format!(
            "Mean gap of the other {} methods: from {} to {}.",
            others.len(),
            described(least),
            described(largest)
        )),
    }
}

/// How many rows found nothing, failed, were rejected or declined.
fn outcomes(results: &Results) -> String {
    let count = |those: &[Status]| {
        let count = results.rows.iter().filter(|row| those.contains(&row.status)).count();
        whole(count as u64)
    };
    format!(
        "Of {} rows: {} found no solution within their limits, {} failed, {} were rejected by the checker, {} declined.",
        whole(results.results.len() as u64),
        count(&[Status::Time]),
        count(&[Status::Crash, Status::Memory]),
        count(&[Status::Wrong]),
        count(&[Status::Declined])
    )
}

/// The range of the mean times of the exact methods that are optimal on all instances; none of fewer than two.
fn times(results: &Results, options: &Options, methods: &[MethodGaps]) -> Option<String> {
    let exact = comparison::exact(results);
    let is_whole = |of: &MethodGaps| is_optimal(of) && of.attempted == results.best.len();
    let is_shown = |name: &String| exact.contains(name) && methods.iter().any(|of| of.method == *name && is_whole(of));
    let shown = results.by_method().into_iter().filter(|(name, _)| is_shown(name));
    let mut times: Vec<(f64, String)> = shown
        .filter_map(|(name, rows)| {
            let times: Vec<f64> = rows.iter().filter(|r| r.is_attempted()).map(|r| r.counted_s()).collect();
            Some((shifted_geometric_mean(&times, options.time_shift_s)?, name))
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [(fastest, first), .., (slowest, last)] = &times[..] else { return None };
    Some(format!(
        "Shifted geometric mean time (shift {} s) of the exact methods with a gap of 0 on all instances: from {} \
         ({first}) to {} ({last}).",
        numbers::data(options.time_shift_s),
        duration(*fastest),
        duration(*slowest)
    ))
}
