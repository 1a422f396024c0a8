//! A quantity over the axis of a study.

use offcut_instances::problem::Sense;
use offcut_ledger::Study;
use offcut_ledger::manifest::Quantity;

use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape, is_log};
use crate::names::{identifier, mean_of};
use crate::numbers::Scale;
use crate::problem_report::{ProblemReport, StudyQuantity};
use crate::results::{Point, Result, Results, Series, shared_counts};
use crate::statistics::{bootstrap_mean, mean, range};

/// The figure of a study over its axis; none if no point has a value.
pub(super) fn figure(
    results: &Results,
    problem: &ProblemReport,
    study: &Study,
    series: &[Series],
    axis: &Quantity,
) -> Option<Figure> {
    let x = Axis { label: Scale { factor: 1.0, unit: axis.unit.clone() }.label(&axis.name), log: study.log_axis };
    let own = (problem.study_quantity)(results, study);
    let (name, unit, band, lines) = measured(results, study, series, own.as_ref());
    if lines.iter().all(|line| line.points.is_empty()) {
        return None;
    }
    let limit = own.as_ref().and_then(|own| limit(own, &lines));
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|mark| mark.y).collect();
    let scale = Scale::fitting(&values, &unit);
    // What is maximised is read at its upper end, which a logarithm squeezes.
    let is_maximised = results.manifest.sense == Sense::Maximise && study.name != "time";
    let is_gap = name.ends_with("gap (%)");
    // Gaps of 0 have a place of their own on a logarithmic axis.
    let positive = values.iter().copied().filter(|value| *value > 0.0 || !is_gap);
    let log = is_log(positive) && own.is_none() && (is_gap || !is_maximised);
    let lines = lines.into_iter().map(|line| scaled(line, scale.factor)).collect();
    let bands = match band {
        Band::Range => "band: smallest to largest row",
        Band::Bootstrap => "band: 95 % bootstrap interval over instances",
    };
    let reading = own.map_or(String::new(), |own| format!(" {}", own.reading));
    let logarithmic = match (log, is_gap) {
        (true, true) => " Logarithmic vertical axis, with a gap of 0 below it.",
        (true, false) => " Logarithmic vertical axis.",
        _ => "",
    };
    Some(Figure {
        id: format!("{}-figure", identifier(&study.name)),
        title: study.title.clone(),
        caption: format!(
            "Line: mean over instances; {bands}. Series that coincide share a line; a point is left out where some \
             row of it has no value.{reading}{logarithmic}"
        ),
        plot: Plot::Lines(Lines { x, y: Axis { label: scale.label(&name), log }, lines, limit, shape: Shape::Joined }),
    })
}

/// What a study's figure shows: its name, its unit, what the bands are, and the lines.
fn measured(
    results: &Results,
    study: &Study,
    series: &[Series],
    own: Option<&StudyQuantity>,
) -> (String, String, Band, Vec<Line>) {
    let band = Band::Bootstrap;
    if let Some(own) = own {
        let value = |r: &Result| (own.value)(results, r);
        return (own.name.clone(), String::new(), Band::Range, lines(series, Band::Range, &value));
    }
    if shared_counts(series).contains(&study.name) {
        let count = |r: &Result| r.row.counts.get(&study.name).map(|count| *count as f64);
        return (format!("mean {}", study.name), String::new(), band, lines(series, band, &count));
    }
    if study.name == "time" {
        let time = |r: &Result| r.measured_s();
        return ("mean solution time".to_owned(), "s".to_owned(), band, lines(series, band, &time));
    }
    let quantity = results.objective(series.iter().flat_map(|s| &s.points).flat_map(|p| &p.results).copied());
    let objective = |r: &Result| r.objective.or_else(|| r.bound_only());
    let objectives = lines(series, band, &objective);
    let gaps = gap_lines(results, series);
    if !gaps.is_empty() && coincide(&objectives) {
        return ("mean gap (%)".to_owned(), String::new(), band, gaps);
    }
    (mean_of(&quantity.name), quantity.unit, band, objectives)
}

/// Whether lines lie on each other, or so far apart that an axis for all of them shows no difference: gaps tell them apart.
fn coincide(lines: &[Line]) -> bool {
    let values = || lines.iter().flat_map(|line| &line.points).map(|mark| mark.y);
    lines.iter().any(|line| line.names.len() > 1) || is_log(values())
}

/// The gaps in percent, 0 where they count as 0; methods that compute bounds only have none.
fn gap_lines(results: &Results, series: &[Series]) -> Vec<Line> {
    let gap = |r: &Result| r.gap.map(|gap| if results.is_zero(gap) { 0.0 } else { 100.0 * gap.high });
    lines(series, Band::Bootstrap, &gap)
}

/// The proven limit over the places of the lines for which there is one, at 61 places.
fn limit(own: &StudyQuantity, lines: &[Line]) -> Option<(String, Vec<(f64, f64)>)> {
    let places = lines.iter().flat_map(|line| &line.points).map(|mark| mark.x);
    let (low, high) = range(&places.filter(|x| (own.limit)(*x).is_some()).collect::<Vec<_>>())?;
    let place = |at: u32| low + (high - low) * f64::from(at) / 60.0;
    let points = (0..=60).filter_map(|at| Some((place(at), (own.limit)(place(at))?))).collect();
    Some((own.limit_name.to_owned(), points))
}

#[derive(Clone, Copy)]
enum Band {
    Range,
    Bootstrap,
}

fn lines(series: &[Series], band: Band, quantity: &dyn Fn(&Result) -> Option<f64>) -> Vec<Line> {
    let mark = |name: &str, point: &Point| {
        let values = point.per_instance(quantity);
        // A mean over the rows that are left would be over easier instances, and could lie beyond the optimum's.
        let rows: Option<Vec<f64>> = point.results.iter().map(|result| quantity(result)).collect();
        let band = match band {
            Band::Range => range(&rows?),
            Band::Bootstrap => {
                rows?;
                bootstrap_mean(name, &values)
            }
        };
        Some(Mark { x: point.x?, y: mean(&values)?, band })
    };
    let mut lines: Vec<Line> = Vec::new();
    for series in series {
        let points: Vec<Mark> = series.points.iter().filter_map(|point| mark(series.name, point)).collect();
        if points.is_empty() {
            continue;
        }
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let same = |line: &&mut Line| {
            line.points.len() == points.len()
                && line.points.iter().zip(&points).all(|(a, b)| near(a.x, b.x) && near(a.y, b.y))
        };
        match lines.iter_mut().find(same) {
            Some(line) => line.names.push(series.label()),
            None => lines.push(Line { names: vec![series.label()], points, limit: None }),
        }
    }
    lines
}

fn scaled(mut line: Line, factor: f64) -> Line {
    for mark in &mut line.points {
        mark.y *= factor;
        mark.band = mark.band.map(|(low, high)| (low * factor, high * factor));
    }
    line
}
