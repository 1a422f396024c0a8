//! Instances that are proved infeasible: what every method says of them.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Status;

use crate::numbers;
use crate::results::{Result, Results};
use crate::statistics::{median, range};
use crate::table::{Cell, Column, Table};

/// The rows on instances that a replayed certificate proves infeasible, by method and family; none if there is no such instance.
pub fn infeasible(results: &Results) -> Option<Table> {
    let mut groups: BTreeMap<(String, &str), Vec<&Result>> = BTreeMap::new();
    for result in results.results.iter().filter(|r| r.is_proved_infeasible) {
        let group = (results.method_name(result.row), result.row.instance.family.as_str());
        groups.entry(group).or_default().push(result);
    }
    let mut table = Table::new(
        "infeasible",
        "Instances proved infeasible",
        "Instances for which a certificate of some method, replayed by the checker, proves that there is no solution. Their rows \
         are in no other table but the outcome of every row: they are neither attempted nor failures, and in no mean. \
         Certified: the row carries such a certificate. Claimed: the method says so without one. Other: time limit, \
         nothing found, failed or declined. Rejected: the checker rejects the answer. Times as measured, over rows.",
        vec![
            Column::words("method", "method"),
            Column::words("family", "family"),
            Column::numbers("instances", "instances"),
            Column::numbers("rows", "rows"),
            Column::numbers("certified", "certified"),
            Column::numbers("claimed", "claimed"),
            Column::numbers("other", "other"),
            Column::numbers("rejected", "rejected"),
            Column::numbers("median time", "median_s"),
            Column::numbers("max time", "max_s"),
        ],
    ).in_print(&["method", "family", "instances", "certified", "claimed", "rejected", "median_s"]);
    for ((method, family), rows) in groups {
        let instances: BTreeSet<&str> = rows.iter().map(|r| r.row.key.instance.as_str()).collect();
        let count = |status: Status| rows.iter().filter(|r| r.row.status == status).count();
        let [certified, claimed, rejected] =
            [Status::InfeasibleCertified, Status::InfeasibleClaimed, Status::Wrong].map(count);
        let seconds = rows.iter().filter(|r| r.row.status != Status::Declined).map(|r| r.row.times.solve_s);
        let seconds: Vec<f64> = seconds.collect();
        let time = |s: Option<f64>| s.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s));
        table.push(vec![
            Cell::text(method),
            Cell::text(family),
            Cell::count(instances.len()),
            Cell::count(rows.len()),
            Cell::count(certified),
            Cell::count(claimed),
            Cell::count(rows.len() - certified - claimed - rejected),
            Cell::failures(rejected),
            time(median(&seconds)),
            time(range(&seconds).map(|(_, high)| high)),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
