//! The outcome of every row.

use std::collections::{BTreeMap, BTreeSet};

use offcut_ledger::Status;

use crate::names::identifier;
use crate::results::Results;
use crate::table::{Cell, Column, Style, Table};

const STATUSES: [Status; 13] = [
    Status::OptimalCertified,
    Status::OptimalClaimed,
    Status::Feasible,
    Status::Bounded,
    Status::InfeasibleCertified,
    Status::InfeasibleClaimed,
    Status::Declined,
    Status::NothingFound,
    Status::Time,
    Status::Memory,
    Status::Crash,
    Status::Invalid,
    Status::Wrong,
];

/// The outcome of every row, by method: the counts add up to the number of rows.
pub fn statuses(results: &Results) -> Table {
    let mut counts: BTreeMap<(Status, String), usize> = BTreeMap::new();
    let mut methods: BTreeSet<String> = BTreeSet::new();
    for row in results.rows {
        *counts.entry((row.status, results.method_name(row))).or_default() += 1;
        methods.insert(results.method_name(row));
    }
    let seen: Vec<Status> =
        STATUSES.into_iter().filter(|status| counts.keys().any(|(other, _)| other == status)).collect();
    let mut columns = vec![Column::words("method", "method")];
    columns.extend(seen.iter().map(|status| Column::numbers(status.name(), status.name())));
    columns.push(Column::numbers("rows", "rows"));
    let mut table = Table::new("status", "Outcome of every row", "Every row of the ledger is counted once.", columns);
    // On paper the worst outcomes come first.
    let worst = seen.iter().rev().take(5).map(|status| identifier(status.name()));
    table.in_print = ["method".to_owned(), "rows".to_owned()].into_iter().chain(worst).collect();
    let mut line = |name: &str, of: &dyn Fn(Status) -> usize| {
        let cell = |status: &Status| {
            let count = of(*status);
            let is_bad = count > 0 && status.is_failure();
            Cell::count(count).styled(if is_bad { Style::Failure } else { Style::Plain })
        };
        let all = seen.iter().map(|status| of(*status)).sum();
        table.push(
            std::iter::once(Cell::text(name))
                .chain(seen.iter().map(cell))
                .chain(std::iter::once(Cell::count(all)))
                .collect(),
        );
    };
    for (method, _) in results.by_method() {
        line(&method, &|status| counts.get(&(status, method.clone())).copied().unwrap_or(0));
    }
    line("all", &|status| methods.iter().filter_map(|method| counts.get(&(status, method.clone()))).sum());
    table
}
