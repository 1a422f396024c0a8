//! Offcut's exact methods compared with general solvers, from rows of runs that have both.

use std::collections::BTreeMap;

use offcut_ledger::{Row, Status};

use crate::comparison::Class;
use crate::numbers::{data, duration, significant};
use crate::results::{Result, Results};
use crate::statistics::shifted_geometric_mean;
use crate::table::{Cell, Column, Style, Table};

/// The shift of the shifted geometric means, in seconds.
const SHIFT_S: f64 = 0.01;

/// Rows of one method on one variant of a problem, by instance and seed.
type RowsByRun<'r, 'a> = BTreeMap<(&'a str, u64), &'r Result<'a>>;

/// Whether a row is of a program that is not Offcut's: the version of its code says so.
fn is_external(row: &Row) -> bool {
    row.key.code.contains('+')
}

/// Ratios of times for every exact method of Offcut's and every other program on the same instances; none if there are no such programs.
pub(crate) fn table(runs: &[Results]) -> Option<Table> {
    let mut table = Table::new(
        "peers",
        "Offcut's exact methods compared with general solvers on their best models: the peer's time over the time of Offcut's method",
        format!(
            "Over the instances that neither method declined, without those that are proved infeasible. Times are shifted geometric means, s = {} s. A method \
             that does not solve an instance counts with the time limit, and the ratio is then only a bound: ≥ if \
             the peer has unsolved instances, ≤ if Offcut's method has, ~ if both have. Shifted: the ratio of the \
             means with the shift added to both, which ignores differences of milliseconds. Offcut's methods measure \
             their own time. A peer is measured from outside, from the moment it has read the instance, so its model \
             building counts. Certified: solved with a replayed certificate. A peer's bounds are solver-reported (unchecked).",
            data(SHIFT_S)
        ),
        vec![
            Column::words("problem", "problem"),
            Column::words("Offcut", "method"),
            Column::words("peer", "peer"),
            Column::numbers("instances", "instances"),
            Column::numbers("certified", "certified"),
            Column::numbers("solved", "solved"),
            Column::numbers("peer solved", "peer_solved"),
            Column::numbers("time", "seconds"),
            Column::numbers("peer's time", "peer_seconds"),
            Column::numbers("ratio", "ratio"),
            Column::numbers("shifted", "ratio_shifted"),
        ],
    ).in_print(&["problem", "method", "peer", "instances", "solved", "peer_solved", "ratio"]);
    for results in runs {
        let mut methods: BTreeMap<(&str, &str), RowsByRun> = BTreeMap::new();
        for result in results.results.iter().filter(|r| r.is_attempted()) {
            let Row { key, instance, .. } = result.row;
            let rows = methods.entry((&instance.variant, &key.method)).or_default();
            rows.insert((&key.instance, key.budget.seed), result);
        }
        let is_peer = |rows: &RowsByRun| rows.values().any(|r| is_external(r.row));
        let proves = |rows: &RowsByRun| rows.values().any(|r| Class::Exact.is_solved(r));
        let own = || methods.iter().filter(|(_, rows)| !is_peer(rows) && proves(rows));
        for ((variant, method), rows) in own() {
            let peers = methods.iter().filter(|((of, _), other)| of == variant && is_peer(other));
            for ((_, peer), other) in peers {
                let pairs: Vec<_> = rows.iter().filter_map(|(at, own)| Some((*own, *other.get(at)?))).collect();
                let problem = [results.manifest.problem.as_str(), variant].join(" ").trim_end().to_owned();
                table.rows.extend(line(&problem, method, peer, &pairs));
            }
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// One pair; none if the two share no instance.
fn line(problem: &str, method: &str, peer: &str, pairs: &[(&Result, &Result)]) -> Option<Vec<Cell>> {
    let (own, others): (Vec<&Result>, Vec<&Result>) = pairs.iter().copied().unzip();
    let (time, peers_time) = (mean(&own)?, mean(&others)?);
    let solved = |rows: &[&Result]| rows.iter().filter(|r| Class::Exact.is_solved(r)).count();
    let is_certified = |r: &&&Result| r.row.status == Status::OptimalCertified;
    let certified = own.iter().filter(is_certified).count();
    let has_unsolved = |rows: &[&Result]| solved(rows) < rows.len();
    let mark = match (has_unsolved(&own), has_unsolved(&others)) {
        (false, false) => "",
        (false, true) => "≥ ",
        (true, false) => "≤ ",
        (true, true) => "~ ",
    };
    let ratio = |ratio: f64| Cell::number(format!("{mark}{}", significant(ratio, 3)), ratio);
    let count = |rows: &[&Result]| {
        Cell::count(solved(rows)).styled(if has_unsolved(rows) { Style::Failure } else { Style::Plain })
    };
    Some(vec![
        Cell::text(problem),
        Cell::text(method),
        Cell::text(peer),
        Cell::count(pairs.len()),
        Cell::count(certified),
        count(&own),
        count(&others),
        Cell::number(duration(time), time),
        Cell::number(duration(peers_time), peers_time),
        ratio(peers_time / time),
        ratio((peers_time + SHIFT_S) / (time + SHIFT_S)),
    ])
}

/// The mean of the rows' seconds; an instance that is not solved counts with the limit.
fn mean(rows: &[&Result]) -> Option<f64> {
    let seconds: Vec<f64> = rows.iter().map(|r| Class::Exact.counted_s(r)).collect();
    shifted_geometric_mean(&seconds, SHIFT_S)
}
