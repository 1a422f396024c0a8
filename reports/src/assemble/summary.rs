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

/// The main findings, a line each, computed from the rows.
pub(super) fn lines(results: &Results, options: &Options) -> Vec<String> {
    let methods = method_gaps(results);
    let all_zero = |of: &&MethodGaps| of.rows[0] > 0 && of.rows[2] == of.rows[0];
    let mut lines = Vec::new();

    let mut optimal: BTreeMap<Reverse<usize>, Vec<&str>> = BTreeMap::new();
    for of in methods.iter().filter(all_zero) {
        optimal.entry(Reverse(of.attempted)).or_default().push(&of.method);
    }
    let groups: Vec<String> = optimal
        .iter()
        .map(|(instances, names)| {
            let n = instances.0;
            format!("{} on all {} instances attempted", names.join(", "), whole(n as u64))
        })
        .collect();
    lines.push(match &groups[..] {
        [] => "No method has a certified gap of 0 on every row.".into(),
        _ => format!("Certified gap of 0 on every row: {}.", groups.join("; ")),
    });

    let mut rest: Vec<(f64, &MethodGaps)> =
        methods.iter().filter(|of| !all_zero(of)).filter_map(|of| Some((mean(&of.gaps)?, of))).collect();
    rest.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.method.cmp(&b.1.method)));
    let described = |(mean, of): &(f64, &MethodGaps)| {
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(of.certified));
        let interval =
            of.interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
        let word = if of.certified { "" } else { "†" };
        format!("{} {}{word} %{interval}", of.method, percent(*mean))
    };
    match &rest[..] {
        [] => {}
        [only] => lines.push(format!("Mean gap of the other method: {}.", described(only))),
        [nearest, .., farthest] => lines.push(format!(
            "Mean gap of the other {} methods: from {} to {}.",
            rest.len(),
            described(nearest),
            described(farthest)
        )),
    }

    let count = |those: &[Status]| {
        let count = results.rows.iter().filter(|row| those.contains(&row.status)).count();
        whole(count as u64)
    };
    lines.push(format!(
        "Of {} rows: {} found no solution within their limits, {} failed, {} were rejected by the checker, {} \
         declined.",
        whole(results.results.len() as u64),
        count(&[Status::Time]),
        count(&[Status::Crash, Status::Memory]),
        count(&[Status::Wrong]),
        count(&[Status::Declined])
    ));

    // The only line that changes from run to run.
    let exact = comparison::exact(results);
    let mut times: Vec<(f64, String)> = results
        .by_method()
        .into_iter()
        .filter(|(name, _)| {
            exact.contains(name)
                && methods.iter().any(|of| of.method == *name && all_zero(&of) && of.attempted == results.best.len())
        })
        .filter_map(|(name, rows)| {
            let times: Vec<f64> = rows.iter().filter(|r| r.is_attempted()).map(|r| r.counted_s()).collect();
            Some((shifted_geometric_mean(&times, options.time_shift_s)?, name))
        })
        .collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let ([(fastest, first), .., (slowest, last)], shift) = (&times[..], options.time_shift_s) {
        lines.push(format!(
            "Shifted geometric mean time (shift {2} s) of the exact methods with a gap of 0 on all instances: from \
             {0} ({first}) to {1} ({last}).",
            duration(*fastest),
            duration(*slowest),
            numbers::data(shift)
        ));
    }
    lines
}
