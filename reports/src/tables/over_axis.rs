//! The tables of a study over its axis.

use offcut_ledger::Study;
use offcut_ledger::manifest::Quantity;

use super::cells::{counted, gap_cell, missing_note, partial};
use super::measures::{measured, measures, of_measure, parts, split};
use crate::numbers::{self, Scale};
use crate::problem_report::ProblemReport;
use crate::results::{MeanGap, Point, Results, Series, has_count, shared_counts};
use crate::statistics::mean;
use crate::table::{Cell, Column, Style, Table};

/// The tables of a study over its axis: objective, gap, measures, counts, times.
pub(super) fn tables(results: &Results, problem: &ProblemReport, study: &Study, series: &[Series]) -> Vec<Table> {
    let axis = study.axis.as_ref().expect("asked for");
    let axis_scale = Scale { factor: 1.0, unit: axis.unit.clone() };
    let quantity = results.objective(series.iter().flat_map(|s| &s.points).flat_map(|p| &p.results).copied());
    let mut places: Vec<f64> = series.iter().flat_map(|s| &s.points).filter_map(|point| point.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let all: Vec<&Series> = series.iter().collect();
    let candidates: Vec<&Series> = series.iter().filter(|s| !s.is_bound_only()).collect();
    let columns = |of: &[&Series], column: &dyn Fn(&Series) -> Column| -> Vec<Column> {
        let first = Column::numbers(axis_scale.label(&axis.name), &axis.name);
        std::iter::once(first).chain(of.iter().map(|series| column(series))).collect()
    };
    let fill = |table: &mut Table, of: &[&Series], cell: &dyn Fn(&Point) -> Cell| {
        for x in &places {
            let of = of.iter().map(|series| {
                let point = series.points.iter().find(|point| point.x == Some(*x));
                point.map_or_else(Cell::absent, cell)
            });
            table.push(std::iter::once(Cell::number(numbers::tick(*x), *x)).chain(of).collect());
        }
    };

    let values: Vec<f64> = series.iter().flat_map(|s| &s.points).flat_map(Point::objectives).collect();
    let scale = Scale::fitting(&values, &quantity.unit);
    let unit = if quantity.unit.is_empty() { "mean".into() } else { quantity.unit.clone() };
    let mut objective = Table::new(
        &format!("{}-objective", study.name),
        format!("{}: mean {}", study.title, scale.label(&quantity.name)),
        missing_note(series),
        columns(&all, &|s| Column::numbers(s.label(), format!("{}_{unit}", s.name))),
    );
    let measures = measures(results, problem, series);
    if let Some(parts) = parts(problem, &measures) {
        objective.note = format!("{} {}", objective.note, parts.note).trim().to_owned();
    }
    fill(&mut objective, &all, &|point| match mean(&point.objectives()) {
        Some(value) => Cell::number(
            format!(
                "{}{}{}",
                numbers::significant(value * scale.factor, 4),
                split(problem, point),
                partial(point.feasible())
            ),
            value,
        ),
        None if point.results.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
        None => Cell::text(format!("none{}", partial(point.feasible()))).styled(Style::Failure),
    });

    let mut gap = Table::new(
        &format!("{}-gap", study.name),
        format!("{}: mean gap (%)", study.title),
        "",
        columns(&candidates, &|s| Column::bounded(s.name, format!("{}_percent", s.name))),
    );
    fill(&mut gap, &candidates, &|point| {
        let certified = MeanGap::of(&point.gaps()).is_some_and(|gap| gap.certified);
        let mean = mean(&point.per_instance(|r| r.gap.map(|gap| gap.high)));
        mean.map_or_else(Cell::absent, |mean| gap_cell(results, mean, certified))
    });

    let mut times = Table::new(
        &format!("{}-seconds", study.name),
        format!("{}: mean solution time", study.title),
        "A failure counts as the time limit.",
        columns(&all, &|s| Column::numbers(s.name, format!("{}_s", s.name))),
    );
    fill(&mut times, &all, &|point| {
        let mean = mean(&point.per_instance(counted));
        mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
    });

    let mut tables = vec![objective, gap];
    for measure in &measures {
        let Quantity { name, unit } = measured(results, measure);
        let values: Vec<f64> = candidates.iter().flat_map(|s| &s.points).flat_map(|p| of_measure(p, measure)).collect();
        let scale = Scale::fitting(&values, &unit);
        let mut table = Table::new(
            &format!("{}-{measure}", study.name),
            format!("{}: mean {}", study.title, scale.label(&name)),
            "Measured by the checker.",
            columns(&candidates, &|s| Column::numbers(s.name, format!("{}_{measure}", s.name))),
        );
        fill(&mut table, &candidates, &|point| {
            let mean = mean(&of_measure(point, measure));
            mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m * scale.factor, 4), m))
        });
        tables.push(table);
    }
    tables.extend(shared_counts(series).into_iter().map(|count| {
        let having: Vec<&Series> = series.iter().filter(|s| has_count(s, &count)).collect();
        let mut table = Table::new(
            &format!("{}-{count}", study.name),
            format!("{}: mean {count}", study.title),
            "Reported by the methods, not checked.",
            std::iter::once(Column::numbers(axis_scale.label(&axis.name), &axis.name))
                .chain(having.iter().map(|s| Column::numbers(s.name, format!("{}_{count}", s.name))))
                .collect(),
        );
        for x in &places {
            let of = |series: &&Series| {
                let point = series.points.iter().find(|point| point.x == Some(*x));
                let values = point.map(|p| p.per_instance(|r| r.row.counts.get(&count).map(|c| *c as f64)));
                let mean = values.and_then(|values| mean(&values));
                mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m))
            };
            let first = Cell::number(numbers::tick(*x), *x);
            table.push(std::iter::once(first).chain(having.iter().map(of)).collect());
        }
        table
    }));
    tables.push(times);
    tables
}
