//! Why rows failed.

use std::collections::BTreeMap;

use offcut_checker::Proof;
use offcut_instances::problem::Stop;
use offcut_ledger::Status;

use crate::results::Results;
use crate::table::{Cell, Column, Style, Table};

/// Why rows were rejected, failed or were declined, with an example each; none if there is no such row.
pub fn reasons(results: &Results) -> Option<Table> {
    let mut found: BTreeMap<(Status, &str, String), (usize, &str)> = BTreeMap::new();
    for row in results.rows {
        let reason = match (row.status, &row.stop) {
            (Status::Wrong, _) => row
                .violations
                .iter()
                .chain(row.proofs().into_iter().flat_map(Proof::violations))
                .next()
                .map_or_else(|| "rejected by the checker".into(), |violation| violation.constraint.clone()),
            (Status::Declined, Stop::Declined(why))
            | (Status::Crash | Status::Memory | Status::Time, Stop::Failed(why))
            | (Status::Invalid, Stop::Invalid(why)) => why.clone(),
            (Status::Time, _) => "no solution within the limits".into(),
            (Status::NothingFound, _) => "ended by itself without a solution".into(),
            (Status::Crash | Status::Memory, stop) => format!("{stop:?}"),
            _ => continue,
        };
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        let (count, example) = found.entry((row.status, &row.key.method, reason)).or_insert((0, name));
        *count += 1;
        // The first by name, so that the order of the rows does not matter.
        *example = (*example).min(name);
    }
    let mut table = Table::new(
        "reasons",
        "Reasons for rejected, failed and declined rows",
        "For a rejected row: the first violated constraint that the checker found.",
        vec![
            Column::words("method", "method"),
            Column::words("status", "status"),
            Column::numbers("rows", "rows"),
            Column::words("reason", "reason"),
            Column::words("e.g. instance", "instance"),
        ],
    );
    for ((status, method, reason), (count, example)) in found {
        let style = if status == Status::Declined { Style::Plain } else { Style::Failure };
        table.push(vec![
            Cell::text(method),
            Cell::text(status.name()).styled(style),
            Cell::count(count),
            Cell::text(reason),
            Cell::text(example),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
