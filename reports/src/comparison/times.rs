//! Shifted geometric means and PAR10, for all instances, those all solve, and those at least one solves.

use std::collections::BTreeSet;

use super::class::Class;
use super::entrant::{self, Entrant};
use super::field::Field;
use crate::numbers::{data, duration};
use crate::options::Options;
use crate::statistics::{bootstrap_shifted, mean, shifted_geometric_mean};
use crate::table::{Cell, Column, Mark, Table};

pub(super) fn table(options: &Options, class: Class, entrants: &[&Entrant], fields: &[Field]) -> Table {
    let shift = class.shift_s(options);
    let mut table = Table::new(
        &format!("statistics-{}", class.id()),
        format!(
            "{}: time to solve, shifted geometric mean exp(mean ln(t + s)) - s, s = {} s",
            class.title(),
            data(shift)
        ),
        format!(
            "t: wall-clock time of an instance, seeds averaged, what is not solved counting as the limit. Interval: 95 % bootstrap over instances. All: every instance \
         the method took; in brackets how many. By all, by one: those of the common ground that every method there solves (but those that solve fewer than half), and those \
         that at least one does; empty for methods outside it or not asked.{} Unsolved: instances not solved on every seed. PAR10: arithmetic mean over all, what is not solved \
         counting as ten times the limit. Declined instances are counted and in no mean.",
            match class {
                Class::Exact =>
                    " Certified, by word: solved with a replayed certificate, and on some seed by a solver's word.",
                Class::Heuristic => "",
            }
        ),
        std::iter::once(Column::words("method", "method"))
            .chain((class == Class::Exact).then(|| Column::numbers("certified", "certified")))
            .chain((class == Class::Exact).then(|| Column::numbers("by word", "by_word")))
            .chain([
                Column::numbers("unsolved", "unsolved"),
                Column::numbers("declined", "declined"),
                Column::numbers("all", "all_s"),
                Column::numbers("95 % from", "all_low_s"),
                Column::numbers("to", "all_high_s"),
                Column::numbers("by all", "by_all_s"),
                Column::numbers("by one", "by_one_s"),
                Column::numbers("PAR10", "par10_s"),
            ])
            .collect(),
    );
    let solved: Vec<_> = fields.iter().map(|field| (field, field.solved())).collect();
    for entrant in entrants {
        let of = |set: Option<&BTreeSet<&str>>| -> Vec<f64> {
            let counts = |instance: &&str| set.is_none_or(|set| set.contains(instance));
            entrant.cells.iter().filter(|(instance, _)| counts(instance)).map(|(_, cell)| cell.seconds()).collect()
        };
        let cell = |times: Vec<f64>| {
            let mean = shifted_geometric_mean(&times, shift);
            mean.map_or_else(Cell::absent, |s| Cell::number(format!("{} ({})", duration(s), times.len()), s))
        };
        let field = solved.iter().find(|(field, _)| field.has(entrant));
        let all = of(None);
        let unsolved = entrant.cells.len() - entrant.solved().len();
        let interval = bootstrap_shifted(&entrant.name, &all, shift);
        let par10: Option<Vec<f64>> = entrant.cells.values().map(entrant::Cell::par10).collect();
        let par10 = par10.and_then(|values| mean(&values));
        let seconds = |s: Option<f64>| s.map_or_else(Cell::absent, |s| Cell::number(duration(s), s));
        let mut row = vec![Cell::text(&entrant.name)];
        if class == Class::Exact {
            let by_word = entrant.by_word();
            row.push(Cell::count(entrant.solved().len() - by_word));
            row.push(Cell::count(by_word));
        }
        row.extend([
            Cell::count(unsolved).marked(if unsolved > 0 { Mark::Failure } else { Mark::Plain }),
            Cell::count(entrant.declined),
            cell(all),
            seconds(interval.map(|(low, _)| low)),
            seconds(interval.map(|(_, high)| high)),
            field
                .filter(|(field, _)| field.is_solver(entrant))
                .map_or_else(Cell::absent, |(_, (by_all, _))| cell(of(Some(by_all)))),
            field.map_or_else(Cell::absent, |(_, (_, by_one))| cell(of(Some(by_one)))),
            seconds(par10),
        ]);
        table.push(row);
    }
    table
}
