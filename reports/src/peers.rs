//! Offcut's exact methods beside general solvers, from rows of runs that have both.

use std::collections::BTreeMap;

use offcut_ledger::{Row, Status};

use crate::comparison::Class;
use crate::numbers::{data, duration, significant};
use crate::results::{Result, Results};
use crate::statistics::shifted_geometric_mean;
use crate::table::{Cell, Column, Mark, Table};

/// Seconds added to every time before it is averaged.
const SHIFT_S: f64 = 0.01;

/// Rows of one method on one variant of a problem, by instance and seed.
type Course<'r, 'a> = BTreeMap<(&'a str, u64), &'r Result<'a>>;

/// Whether a row is of a program that is not Offcut's: the version of its code says so.
fn is_external(row: &Row) -> bool {
    row.key.code.contains('+')
}

/// Ratios of times for every exact method of Offcut's and every other program on the same instances; none if there are no such programs.
pub(crate) fn table(runs: &[Results]) -> Option<Table> {
    let mut table = Table::new(
        "peers",
        "General solvers on their best models beside Offcut's exact methods: time of the peer over time of Offcut's",
        format!(
            "Over the instances that neither declined. Times are shifted geometric means, s = {} s; who does not close an instance counts with the limit, and then the ratio is \
             only a bound: ≥ if the peer is late, ≤ if Offcut's method is, ~ if both. Shifted: the same with the shift left in both times, which is what remains if nobody cares about \
             milliseconds. Offcut's methods measure themselves; a peer is measured from outside, from when it has read the instance, so that making its model counts. \
             Certified: closed by a replayed certificate; what a peer closes is its word.",
            data(SHIFT_S)
        ),
        vec![
            Column::words("problem", "problem"),
            Column::words("Offcut", "method"),
            Column::words("peer", "peer"),
            Column::numbers("instances", "instances"),
            Column::numbers("certified", "certified"),
            Column::numbers("closed", "closed"),
            Column::numbers("peer closed", "peer_closed"),
            Column::numbers("time", "seconds"),
            Column::numbers("peer's time", "peer_seconds"),
            Column::numbers("ratio", "ratio"),
            Column::numbers("shifted", "ratio_shifted"),
        ],
    );
    for results in runs {
        let mut courses: BTreeMap<(&str, &str), Course> = BTreeMap::new();
        for result in results.results.iter().filter(|r| r.is_attempted()) {
            let Row { key, instance, .. } = result.row;
            let course = courses.entry((&instance.variant, &key.method)).or_default();
            course.insert((&key.instance, key.budget.seed), result);
        }
        let is_peer = |course: &Course| course.values().any(|r| is_external(r.row));
        let proves = |course: &Course| course.values().any(|r| Class::Exact.is_solved(r));
        let own = || courses.iter().filter(|(_, course)| !is_peer(course) && proves(course));
        for ((variant, method), course) in own() {
            let peers = courses.iter().filter(|((of, _), other)| of == variant && is_peer(other));
            for ((_, peer), other) in peers {
                let pairs: Vec<_> = course.iter().filter_map(|(at, own)| Some((*own, *other.get(at)?))).collect();
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
    let closed = |rows: &[&Result]| rows.iter().filter(|r| Class::Exact.is_solved(r)).count();
    let is_certified = |r: &&&Result| matches!(r.row.status, Status::OptimalCertified | Status::InfeasibleCertified);
    let certified = own.iter().filter(is_certified).count();
    let late = |rows: &[&Result]| closed(rows) < rows.len();
    let mark = match (late(&own), late(&others)) {
        (false, false) => "",
        (false, true) => "≥ ",
        (true, false) => "≤ ",
        (true, true) => "~ ",
    };
    let ratio = |ratio: f64| Cell::number(format!("{mark}{}", significant(ratio, 3)), ratio);
    let count =
        |rows: &[&Result]| Cell::count(closed(rows)).marked(if late(rows) { Mark::Failure } else { Mark::Plain });
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

/// The mean of the rows' seconds; who did not close an instance counts with the limit.
fn mean(rows: &[&Result]) -> Option<f64> {
    let seconds: Vec<f64> = rows.iter().map(|r| Class::Exact.counted_s(r)).collect();
    shifted_geometric_mean(&seconds, SHIFT_S)
}
