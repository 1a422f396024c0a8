//! Primal integrals of methods that report their incumbents.

use offcut_instances::problem::Sense;
use offcut_ledger::Status;

use super::class::Class;
use super::entrant::Entrant;
use crate::numbers::{duration, percent};
use crate::results::{Result, Results};
use crate::statistics::{bootstrap_mean, mean, primal_integral};
use crate::table::{Cell, Column, Table};

/// The primal integral of a row over its time limit, as a share of it; none without a limit, or where there is nothing to find.
fn of_row(results: &Results, result: &Result) -> Option<f64> {
    let limit = result.row.key.budget.time_s?;
    if matches!(result.row.status, Status::InfeasibleCertified | Status::Bounded) {
        return None;
    }
    let best = results.best[&result.row.key.instance].objective?;
    let Some(end) = result.objective else { return Some(1.0) };
    // Incumbents are not checked: none counts as better than the checked final objective.
    let limited = |claim: f64| match results.manifest.sense {
        Sense::Minimise => claim.max(end),
        Sense::Maximise => claim.min(end),
    };
    let mut steps: Vec<(f64, f64)> = result.row.incumbents.iter().map(|i| (i.at_s, limited(i.objective))).collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    steps.push((result.row.times.solve_s, end));
    Some(primal_integral(&steps, best, limit))
}

pub(super) fn table(results: &Results, class: Class, entrants: &[&Entrant]) -> Option<Table> {
    let mut table = Table::new(
        &format!("statistics-{}-primal", class.id()),
        format!(
            "{}, anytime: primal integral, the mean over the time limit of |H(t) - H*| / max(|H(t)|, |H*|)",
            class.title()
        ),
        "H(t): the best objective found up to time t; before the first solution the quotient is 1. H*: the best \
         objective known in this run. The final objective holds until the time limit. Only methods that report their \
         incumbents; reported objectives better than the checked final one are replaced by it. 0 %: the best known \
         objective from the start; 100 %: no solution. Mean over instances, after averaging seeds; 95 % bootstrap interval.",
        vec![
            Column::words("method", "method"),
            Column::numbers("instances", "instances"),
            Column::numbers("integral (% of the limit)", "integral_percent"),
            Column::numbers("95 % from", "low_percent"),
            Column::numbers("to", "high_percent"),
            Column::numbers("first solution", "first_s"),
            Column::numbers("last improvement", "last_s"),
        ],
    );
    for entrant in entrants {
        let rows = || entrant.cells.values().flat_map(|cell| &cell.rows);
        if rows().all(|r| r.row.incumbents.is_empty()) {
            continue;
        }
        let values: Vec<f64> = entrant.cells.values().filter_map(|cell| cell.mean(|r| of_row(results, r))).collect();
        let Some(integral) = mean(&values) else { continue };
        let at = |of: fn(&[offcut_instances::problem::Incumbent]) -> Option<&offcut_instances::problem::Incumbent>| {
            let times = entrant.cells.values().filter_map(|cell| cell.mean(|r| of(&r.row.incumbents).map(|i| i.at_s)));
            let mean = mean(&times.collect::<Vec<_>>());
            mean.map_or_else(Cell::absent, |s| Cell::number(duration(s), s))
        };
        let share = |of: Option<f64>| of.map_or_else(Cell::absent, |of| Cell::number(percent(of, 0.0), 100.0 * of));
        let interval = bootstrap_mean(&entrant.name, &values);
        table.push(vec![
            Cell::text(&entrant.name),
            Cell::count(values.len()),
            share(Some(integral)),
            share(interval.map(|(low, _)| low)),
            share(interval.map(|(_, high)| high)),
            at(<[_]>::first),
            at(<[_]>::last),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
