//! The tables of a study over its axis: a row a place, a column a series.

use offcut_ledger::Study;
use offcut_ledger::manifest::Quantity;

use super::cells::{MEASURED, gap_cell, missing_note, partial};
use super::measures::{measured, measures, of_measure, parts, split};
use crate::numbers::{self, Scale};
use crate::problem_report::ProblemReport;
use crate::results::{MeanGap, Point, Results, Series, has_count, shared_counts};
use crate::statistics::mean;
use crate::table::{Cell, Column, Style, Table};

/// The tables of a study over its axis: objective, gap, measures, counts, times.
pub(super) fn tables(results: &Results, problem: &ProblemReport, study: &Study, series: &[Series]) -> Vec<Table> {
    let grid = Grid::new(study, series);
    let all: Vec<&Series> = series.iter().collect();
    let candidates: Vec<&Series> = series.iter().filter(|s| !s.is_bound_only()).collect();
    let shown = measures(results, problem, series);
    let mut objective = objectives(results, problem, &grid, &all);
    objective.note = missing_note(series);
    if let Some(parts) = parts(problem, &shown) {
        objective.note = format!("{} {}", objective.note, parts.note).trim().to_owned();
    }
    let mut tables = vec![objective, gaps(results, &grid, &candidates)];
    tables.extend(shown.iter().map(|measure| of_one_measure(results, &grid, &candidates, measure)));
    tables.extend(shared_counts(series).iter().map(|count| counts(&grid, series, count)));
    tables.push(times(&grid, &all));
    tables
}

/// What the tables of a study have in common: a first column with the places on the axis.
struct Grid<'s> {
    study: &'s Study,
    axis: &'s Quantity,
    /// Ascending.
    places: Vec<f64>,
}

impl<'s> Grid<'s> {
    fn new(study: &'s Study, series: &[Series]) -> Self {
        let mut places: Vec<f64> = series.iter().flat_map(|s| &s.points).filter_map(|point| point.x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        Self { study, axis: study.axis.as_ref().expect("a study over an axis has one"), places }
    }

    /// A table named after the study, with a column and a cell for every series.
    fn table(
        &self,
        (id, what): (&str, &str),
        note: &str,
        of: &[&Series],
        column: impl Fn(&Series) -> Column,
        cell: impl Fn(&Point) -> Cell,
    ) -> Table {
        let label = Scale { factor: 1.0, unit: self.axis.unit.clone() }.label(&self.axis.name);
        let columns = std::iter::once(Column::numbers(label, &self.axis.name)).chain(of.iter().map(|s| column(s)));
        let (id, title) =
            (format!("{}-{id}", self.study.name), format!("{}: {}", self.study.title, numbers::mean_of(what)));
        let mut table = Table { turns: true, ..Table::new(&id, title, note, columns.collect()) };
        for x in &self.places {
            let cells = of.iter().map(|series| {
                let point = series.points.iter().find(|point| point.x == Some(*x));
                point.map_or_else(Cell::absent, &cell)
            });
            table.push(std::iter::once(Cell::number(numbers::tick(*x), *x)).chain(cells).collect());
        }
        table
    }
}

fn objectives(results: &Results, problem: &ProblemReport, grid: &Grid, all: &[&Series]) -> Table {
    let points = || all.iter().flat_map(|s| &s.points);
    let quantity = results.objective(points().flat_map(|p| &p.results).copied());
    let scale = Scale::fitting(&points().flat_map(Point::objectives).collect::<Vec<_>>(), &quantity.unit);
    let unit = if quantity.unit.is_empty() { "mean" } else { &quantity.unit };
    let column = |s: &Series| Column::numbers(s.label(), format!("{}_{unit}", s.name));
    let cell = |point: &Point| match mean(&point.objectives()) {
        Some(value) => {
            let number = numbers::significant(value * scale.factor, 4);
            Cell::number(format!("{number}{}{}", split(problem, point), partial(point.feasible())), value)
        }
        None if point.results.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
        None => Cell::text(format!("none{}", partial(point.feasible()))).styled(Style::Failure),
    };
    grid.table(("objective", &scale.label(&quantity.name)), "", all, column, cell)
}

fn gaps(results: &Results, grid: &Grid, candidates: &[&Series]) -> Table {
    let column = |s: &Series| Column::bounded(s.name, format!("{}_percent", s.name));
    let cell = |point: &Point| {
        let certified = MeanGap::of(&point.gaps()).is_some_and(|gap| gap.certified);
        let mean = mean(&point.per_instance(|r| r.gap.map(|gap| gap.high)));
        mean.map_or_else(Cell::absent, |mean| gap_cell(results, mean, certified))
    };
    grid.table(("gap", "gap (%)"), "", candidates, column, cell)
}

fn of_one_measure(results: &Results, grid: &Grid, candidates: &[&Series], measure: &str) -> Table {
    let Quantity { name, unit } = measured(results, measure);
    let values: Vec<f64> = candidates.iter().flat_map(|s| &s.points).flat_map(|p| of_measure(p, measure)).collect();
    let scale = Scale::fitting(&values, &unit);
    let column = |s: &Series| Column::numbers(s.name, format!("{}_{measure}", s.name));
    let cell = |point: &Point| {
        let mean = mean(&of_measure(point, measure));
        mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m * scale.factor, 4), m))
    };
    grid.table((measure, &scale.label(&name)), "Measured by the checker.", candidates, column, cell)
}

fn counts(grid: &Grid, series: &[Series], count: &str) -> Table {
    let of: Vec<&Series> = series.iter().filter(|s| has_count(s, count)).collect();
    let column = |s: &Series| Column::numbers(s.name, format!("{}_{count}", s.name));
    let cell = |point: &Point| {
        let mean = mean(&point.per_instance(|r| r.row.counts.get(count).map(|c| *c as f64)));
        mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m))
    };
    grid.table((count, count), "Reported by the methods, not checked.", &of, column, cell)
}

fn times(grid: &Grid, all: &[&Series]) -> Table {
    let column = |s: &Series| Column::numbers(s.name, format!("{}_s", s.name));
    let cell = |point: &Point| {
        let mean = mean(&point.per_instance(|r| r.measured_s()));
        mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
    };
    grid.table(("seconds", "solution time"), MEASURED, all, column, cell)
}
