//! What seeds alone change: the same method on the same instance.

use super::class::Class;
use super::entrant::{self, Entrant};
use crate::numbers::{data, percent, significant};
use crate::statistics::{bootstrap_mean, mean};
use crate::table::{Cell, Column, Mark, Table};

/// Seconds added to both times of a ratio: below them a machine's own jitter is all there is.
const SHIFT_S: f64 = 0.01;

/// How far seeds are apart, for every method that was run with several on some instance; none if there is no such method.
pub(super) fn table(class: Class, entrants: &[&Entrant]) -> Option<Table> {
    let mut table = Table::new(
        &format!("statistics-{}-variability", class.id()),
        format!("{}: what the seed alone changes, the slowest seed of an instance over its fastest", class.title()),
        format!(
            "Factor: (slowest + s) / (fastest + s), s = {} s, what is not solved counting as the limit: geometric mean over instances with its 95 % bootstrap \
             interval, and the largest. Objective: worst over best seed, less one, the mean and the largest. For HiGHS a seed permutes columns and rows of the \
             model, and seeds HiGHS itself. By luck: instances solved on some seeds and not on others. Two methods that differ by less than such factors differ by luck.",
            data(SHIFT_S)
        ),
        vec![
            Column::words("method", "method"),
            Column::numbers("instances", "instances"),
            Column::numbers("seeds", "seeds"),
            Column::numbers("factor", "factor"),
            Column::numbers("95 % from", "factor_low"),
            Column::numbers("to", "factor_high"),
            Column::numbers("largest", "factor_most"),
            Column::numbers("objective (%)", "objective_percent"),
            Column::numbers("largest (%)", "objective_most_percent"),
            Column::numbers("by luck", "by_luck"),
        ],
    );
    for entrant in entrants {
        let cells: Vec<&entrant::Cell> = entrant.cells.values().filter(|cell| cell.seeds() > 1).collect();
        let Some(seeds) = cells.iter().map(|cell| cell.seeds()).min() else { continue };
        let logs: Vec<f64> = cells.iter().filter_map(|cell| apart(&cell.each_seconds(), SHIFT_S)).collect();
        let objectives = cells.iter().filter_map(|cell| {
            let values: Vec<f64> = cell.rows.iter().filter_map(|r| r.objective).collect();
            Some(apart(&values, 0.0).filter(|_| values.iter().all(|value| *value > 0.0))?.exp_m1())
        });
        let objectives: Vec<f64> = objectives.collect();
        let most = |values: &[f64]| values.iter().copied().max_by(f64::total_cmp);
        let by_luck = cells.iter().filter(|cell| !cell.is_solved() && cell.rows.iter().any(|r| class.is_solved(r)));
        let by_luck = by_luck.count();
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
            Cell::count(by_luck).marked(if by_luck > 0 { Mark::Failure } else { Mark::Plain }),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The logarithm of the largest over the smallest, both shifted; none of fewer than two.
fn apart(values: &[f64], shift: f64) -> Option<f64> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    (values.len() > 1).then(|| ((most + shift) / (least + shift)).ln())
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn factors_are_of_the_largest_and_the_smallest() {
        assert_eq!((apart(&[], 1.0), apart(&[3.0], 1.0)), (None, None));
        assert!((apart(&[3.0, 1.0, 2.0], 0.0).expect("two or more") - 3.0_f64.ln()).abs() < 1e-15);
        assert!((apart(&[0.0, 0.03], 0.01).expect("two or more") - 4.0_f64.ln()).abs() < 1e-15);
    }
}
