//! The bounds that exact methods have of their own: certified ones beside solver-reported ones.

use offcut_ledger::BestKnown;

use crate::numbers;
use crate::own_bounds::{OwnBounds, exact, reason};
use crate::results::{Result, Results};
use crate::statistics::mean;
use crate::table::{Cell, Column, Style, Table};

/// So many rows without a certified bound are listed.
const MAX_LISTED: usize = 100;

/// By method: how many rows have a certified bound of their own, and how far from it their solutions are, beside the solver-reported bound. None without
/// exact methods.
pub fn own_bounds(results: &Results) -> Option<Table> {
    let mut table = Table::new(
        "own-bounds",
        "Own bounds of exact methods",
        "Rows of methods that returned a bound on some row, declined rows left out. Certified: a certificate of the row's own bound, or of there being no \
         solution, was replayed. Gaps: from the row's solution to its own bound, certified and solver-reported (unchecked), mean over the rows that have both \
         a solution and such a bound. What other methods prove of the same instance does not count here.",
        vec![
            Column::words("method", "method"),
            Column::numbers("rows", "rows"),
            Column::numbers("certified", "certified"),
            Column::numbers("certified (%)", "certified_percent"),
            Column::numbers("solver-reported only", "solver_reported"),
            Column::numbers("no bound", "no_bound"),
            Column::numbers("certified gap (%)", "certified_gap_percent"),
            Column::bounded("solver-reported gap (%)", "reported_gap_percent"),
        ],
    )
    .in_print(&["method", "rows", "certified", "certified_percent", "certified_gap_percent", "reported_gap_percent"]);
    let rows = exact(results);
    let name = |result: &&Result| results.method_name(result.row);
    for of_method in rows.chunk_by(|a, b| name(a) == name(b)) {
        table.push(line(results, &name(&of_method[0]), of_method));
    }
    if table.rows.len() > 1 {
        table.push(line(results, "all", &rows));
    }
    (!table.rows.is_empty()).then_some(table)
}

fn line(results: &Results, name: &str, rows: &[&Result]) -> Vec<Cell> {
    let sense = results.manifest.sense;
    let counts = OwnBounds::of_rows(rows.iter().map(|result| result.row));
    let gap = |bound: &dyn Fn(&Result) -> Option<f64>, is_certified: bool| {
        let of_row = |r: &&Result| {
            let own = BestKnown { certified: Some(bound(r)?), ..BestKnown::default() };
            Some(own.gap(sense, r.objective?)?.high)
        };
        let style = if is_certified { Style::Plain } else { Style::Unchecked };
        mean(&rows.iter().filter_map(of_row).collect::<Vec<_>>()).map_or_else(Cell::absent, |gap| {
            Cell::number(numbers::percent(gap, results.tolerance(is_certified)), 100.0 * gap).styled(style)
        })
    };
    vec![
        Cell::text(name),
        Cell::count(counts.rows()),
        Cell::count(counts.certified),
        counts.share_cell(),
        Cell::count(counts.reported),
        Cell::count(counts.none),
        gap(&|r| r.row.certified_bound(sense), true),
        gap(&|r| r.row.proof.solver_reported(), false),
    ]
}

/// The rows of exact methods that have no certified bound of their own, one by one, with the reason; none if all have one.
pub fn without_own_bound(results: &Results) -> Option<Table> {
    let without: Vec<_> = exact(results).into_iter().filter(|result| !result.row.is_certified()).collect();
    let more = match without.len().saturating_sub(MAX_LISTED) {
        0 => String::new(),
        more => format!(" The first {MAX_LISTED}; {more} more are not listed."),
    };
    let mut table = Table::new(
        "without-own-bound",
        "Rows of exact methods without a certified bound of their own",
        format!("Whatever other methods prove of the same instance.{more}"),
        vec![
            Column::words("method", "method"),
            Column::words("instance", "instance"),
            Column::numbers("seed", "seed"),
            Column::words("outcome", "status"),
            Column::words("why", "reason"),
        ],
    );
    for row in without.into_iter().take(MAX_LISTED).map(|result| result.row) {
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        table.push(vec![
            Cell::text(results.method_name(row)),
            Cell::text(name),
            Cell::number(row.key.budget.seed.to_string(), row.key.budget.seed as f64),
            Cell::text(row.status.name()),
            Cell::text(reason(row)),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
