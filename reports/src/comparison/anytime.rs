//! Primal integrals of methods that report their incumbents.

use offcut_instances::problem::Sense;

use super::class::Class;
use super::entrant::Entrant;
use crate::numbers::{duration, percent, whole};
use crate::results::{Result, Results};
use crate::statistics::{bootstrap_mean, mean, primal_integral};
use crate::table::{Cell, Column, Table};

/// Whether a row's history may be used: it was not rejected, and no incumbent is better than the checked final objective by more than solvers' tolerances.
/// Older rows have histories that nobody looked at.
fn is_usable(results: &Results, result: &Result) -> bool {
    if result.row.history_rejected.is_some() {
        return false;
    }
    let tolerance = results.manifest.tolerance.word_relative;
    let Some(end) = result.objective else { return result.row.incumbents.is_empty() };
    let is_better = |claim: f64| {
        let ahead = match results.manifest.sense {
            Sense::Minimise => end - claim,
            Sense::Maximise => claim - end,
        };
        ahead > tolerance * end.abs()
    };
    !result.row.incumbents.iter().any(|incumbent| is_better(incumbent.objective))
}

/// The primal integral of a row over its time limit, as a share of it; none without a limit, or where there is nothing to find. If the row's history may not
/// be used it is that of a row that found nothing: leaving it out would let a method choose its instances.
fn of_row(results: &Results, result: &Result) -> Option<f64> {
    let limit = result.row.key.budget.time_s?;
    if result.is_bound_only() {
        return None;
    }
    if !is_usable(results, result) {
        return Some(1.0);
    }
    let best = results.best[&result.row.key.instance].objective?;
    let Some(end) = result.objective else { return Some(1.0) };
    let mut steps: Vec<(f64, f64)> = result.row.incumbents.iter().map(|i| (i.at_s, i.objective)).collect();
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
         incumbents; those of programs were checked, those of Offcut's own methods are held to the checked final objective. 0 %: the best known \
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
    let mut rejected = 0;
    for entrant in entrants {
        let rows = || entrant.cells.values().flat_map(|cell| &cell.rows);
        if rows().all(|r| r.row.incumbents.is_empty() && r.row.history_rejected.is_none()) {
            continue;
        }
        let values: Vec<f64> = entrant.cells.values().filter_map(|cell| cell.mean(|r| of_row(results, r))).collect();
        rejected += rows().filter(|r| !is_usable(results, r)).count();
        let Some(integral) = mean(&values) else { continue };
        let at = |of: fn(&[offcut_instances::problem::Incumbent]) -> Option<&offcut_instances::problem::Incumbent>| {
            let time =
                |r: &Result| of(&r.row.incumbents).map(|incumbent| incumbent.at_s).filter(|_| is_usable(results, r));
            let times = entrant.cells.values().filter_map(|cell| cell.mean(time));
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
    if rejected > 0 {
        table.note += &format!(
            " Rows whose history is rejected, e.g. for an incumbent that is better than the checked final objective, or that \
             have incumbents and no final objective, have no anytime curve and count as 100 %: {}.",
            whole(rejected as u64)
        );
    }
    (!table.rows.is_empty()).then_some(table)
}
