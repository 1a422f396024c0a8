//! The main findings.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::comparison::{Class, MethodTime, mean_times};
use crate::method_gaps::{MethodGaps, method_gaps};
use crate::numbers::{self, duration, whole};
use crate::options::Options;
use crate::own_bounds::OwnBounds;
use crate::results::{Results, RowCounts};
use crate::statistics::mean;

/// The main findings, a line each, computed from the rows. Only the last, on times, changes from run to run.
pub(super) fn lines(results: &Results, options: &Options) -> Vec<String> {
    let methods = method_gaps(results);
    let mut lines = vec![optimal(&methods)];
    lines.extend(others(results, &methods));
    lines.push(outcomes(results));
    lines.push(OwnBounds::of(results).told());
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
    let counts = RowCounts::of(results);
    let [nothing_found, broken, rejected, declined] =
        [counts.nothing_found, counts.broken, counts.rejected, counts.declined].map(|count| whole(count as u64));
    let infeasible = match counts.proved_infeasible {
        0 => String::new(),
        rows => {
            let instances = results.instances().len() - results.counted_instances();
            let (rows, instances) = (whole(rows as u64), numbers::instances(instances));
            format!(" {rows} rows on {instances} that are proved infeasible are counted apart.")
        }
    };
    format!(
        "Of {} rows: {nothing_found} found no solution within their limits, {broken} failed, {rejected} were rejected \
         by the checker, {declined} declined.{infeasible}",
        whole(results.results.len() as u64),
    )
}

/// The range of the mean times of the exact methods that are optimal on all instances; none of fewer than two.
fn times(results: &Results, options: &Options, methods: &[MethodGaps]) -> Option<String> {
    let all = results.counted_instances();
    let is_whole = |of: &MethodGaps| is_optimal(of) && of.attempted == all;
    let is_shown = |of: &MethodTime| {
        of.class == Class::Exact && methods.iter().any(|gaps| gaps.method == of.method && is_whole(gaps))
    };
    let shown = mean_times(results, options).into_iter().filter(is_shown);
    let mut times: Vec<(f64, String)> = shown.map(|of| (of.mean_s, of.method)).collect();
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
