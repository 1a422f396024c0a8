//! Performance variability: how far the seeds of a method are apart on the same instance.

use super::class::Class;
use super::entrant::{self, Entrant};
use crate::numbers::{data, percent, significant};
use crate::statistics::{bootstrap_mean, mean};
use crate::table::{Cell, Column, Table};

/// Seconds added to both times of a ratio: below them differences are noise of the machine.
const SHIFT_S: f64 = 0.01;

/// How far seeds are log_spread, for every method that was run with several on some instance; none if there is no such method.
pub(super) fn table(class: Class, entrants: &[&Entrant]) -> Option<Table> {
    let mut table = Table::new(
        &format!("statistics-{}-variability", class.id()),
        format!("{}, performance variability: slowest over fastest seed of an instance", class.title()),
        format!(
            "Factor: (slowest + s) / (fastest + s), s = {} s; a seed that does not solve the instance counts as the \
             limit. Geometric mean over instances with its 95 % bootstrap interval, and largest factor. Objective: \
             worst over best seed, minus one, mean and largest. For HiGHS a seed permutes the columns and rows of the \
             model and seeds HiGHS itself. Seed-dependent: instances solved on some seeds and not on others. \
             Differences between two methods below these factors may be performance variability.",
            data(SHIFT_S)
        ),
        vec![
            Column::words("method", "method"),
            Column::numbers("instances", "instances"),
            Column::numbers("seeds", "seeds"),
            Column::numbers("factor", "factor"),
            Column::numbers("95 % from", "factor_low"),
            Column::numbers("to", "factor_high"),
            Column::numbers("largest", "factor_max"),
            Column::numbers("objective (%)", "objective_percent"),
            Column::numbers("largest (%)", "objective_max_percent"),
            Column::numbers("seed-dependent", "seed_dependent"),
        ],
    )
    .in_print(&["method", "instances", "seeds", "factor", "factor_max", "objective_percent", "seed_dependent"]);
    for entrant in entrants {
        let cells: Vec<&entrant::Cell> = entrant.cells.values().filter(|cell| cell.seeds() > 1).collect();
        let Some(seeds) = cells.iter().map(|cell| cell.seeds()).min() else { continue };
        let logs: Vec<f64> = cells.iter().filter_map(|cell| log_spread(&cell.each_seconds(), SHIFT_S)).collect();
        let objectives = cells.iter().filter_map(|cell| {
            let values: Vec<f64> = cell.rows.iter().filter_map(|r| r.objective).collect();
            Some(log_spread(&values, 0.0).filter(|_| values.iter().all(|value| *value > 0.0))?.exp_m1())
        });
        let objectives: Vec<f64> = objectives.collect();
        let most = |values: &[f64]| values.iter().copied().max_by(f64::total_cmp);
        let seed_dependent =
            cells.iter().filter(|cell| !cell.is_solved() && cell.rows.iter().any(|r| class.is_solved(r)));
        let seed_dependent = seed_dependent.count();
        let factor =
            |log: Option<f64>| log.map_or_else(Cell::absent, |log| Cell::number(significant(log.exp(), 3), log.exp()));
        let share = |of: Option<f64>| of.map_or_else(Cell::absent, |of| Cell::number(percent(of, 1e-9), 100.0 * of));
        let interval = bootstrap_mean(&entrant.name, &logs);
        table.push(vec![
            Cell::text(&entrant.name),
            Cell::count(cells.len()),
            Cell::count(seeds),
            factor(mean(&logs)),
            factor(interval.map(|(low, _)| low)),
            factor(interval.map(|(_, high)| high)),
            factor(most(&logs)),
            share(mean(&objectives)),
            share(most(&objectives)),
            Cell::failures(seed_dependent),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The logarithm of the largest over the smallest, both shifted; none of fewer than two.
fn log_spread(values: &[f64], shift: f64) -> Option<f64> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    (values.len() > 1).then(|| ((most + shift) / (least + shift)).ln())
}

#[cfg(test)]
mod tests {
    use super::log_spread;

    #[test]
    fn factors_are_of_the_largest_and_the_smallest() {
        assert_eq!((log_spread(&[], 1.0), log_spread(&[3.0], 1.0)), (None, None));
        assert!((log_spread(&[3.0, 1.0, 2.0], 0.0).expect("two or more") - 3.0_f64.ln()).abs() < 1e-15);
        assert!((log_spread(&[0.0, 0.03], 0.01).expect("two or more") - 4.0_f64.ln()).abs() < 1e-15);
    }
}
