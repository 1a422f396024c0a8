//! Why rows failed.

use std::collections::BTreeMap;

use offcut_checker::Proof;
use offcut_instances::problem::Stop;
use offcut_ledger::Status;

use crate::results::Results;
use crate::table::{Cell, Column, Mark, Table};

/// Why rows were refuted, failed or were declined, with an example each; none if there is no such row.
pub fn reasons(results: &Results) -> Option<Table> {
    let mut found: BTreeMap<(Status, &str, String), (usize, &str)> = BTreeMap::new();
    for row in results.rows {
        let refused = match &row.proof {
            Proof::Refused { violations } => &violations[..],
            _ => &[],
        };
        let reason = match (row.status, &row.stop) {
            (Status::Wrong, _) => row
                .violations
                .iter()
                .chain(refused)
                .next()
                .map_or_else(|| "refuted by the checker".into(), |violation| violation.constraint.clone()),
            (Status::Declined, Stop::Declined(why))
            | (Status::Crash | Status::Memory | Status::Time, Stop::Failed(why)) => why.clone(),
            (Status::Time, _) => "nothing found within the limits".into(),
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
        "Why rows were refuted, failed or were declined",
        "For a refuted row: the first constraint that the checker found broken.",
        vec![
            Column::words("method", "method"),
            Column::words("status", "status"),
            Column::numbers("rows", "rows"),
            Column::words("reason", "reason"),
            Column::words("e.g. instance", "instance"),
        ],
    );
    for ((status, method, reason), (count, example)) in found {
        let mark = if status == Status::Declined { Mark::Plain } else { Mark::Failure };
        table.push(vec![
            Cell::text(method),
            Cell::text(status.name()).marked(mark),
            Cell::count(count),
            Cell::text(reason),
            Cell::text(example),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
