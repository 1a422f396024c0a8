//! The figures of a report: what they show. How they are drawn is in `draw`.

mod draw;
pub mod markov;

use offcut_ledger::Study;
use offcut_ledger::manifest::Quantity;

use crate::multiuser;
use crate::numbers::Scale;
use crate::results::{Point, Result, Results, Series};
use crate::statistics::{bootstrap_mean, mean, range};
use crate::tables;

pub use draw::{png, svg};

/// A figure: what it shows, not yet drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The name of its files.
    pub id: String,
    /// Its title, for the caption.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// What is in it.
    pub plot: Plot,
}

/// The kinds of figures.
#[derive(Clone, Debug, PartialEq)]
pub enum Plot {
    /// A quantity over an axis, one line a series.
    Lines(Lines),
    /// Line charts one under the other, over the same axis.
    Panels(Vec<Lines>),
    /// One value a method, with an interval, side by side.
    Dots(Dots),
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its name with its unit.
    pub label: String,
    /// Whether it is logarithmic.
    pub log: bool,
}

/// A line chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// What is varied.
    pub x: Axis,
    /// What is measured.
    pub y: Axis,
    /// The lines; series that coincide are one line with several names.
    pub lines: Vec<Line>,
    /// A proven limit, or what nobody beats, drawn as a line of its own: its name and its points.
    pub limit: Option<(String, Vec<(f64, f64)>)>,
    /// What lies between points.
    pub shape: Shape,
}

/// What lies between the points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// They are joined, and marked.
    Joined,
    /// Shares in percent that hold until the next place.
    Stairs {
        /// Whether places are seconds, to be written with a unit that fits each.
        over_seconds: bool,
    },
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series it stands for.
    pub names: Vec<String>,
    /// Its points by place on the axis.
    pub points: Vec<Mark>,
    /// A proven limit of its own, one value for all places, dashed in the line's colour.
    pub limit: Option<f64>,
}

/// One point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// The place on the axis.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The band around it.
    pub band: Option<(f64, f64)>,
}

/// A dot chart of gaps in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Dots {
    /// The axis of the gaps; if logarithmic, gaps that count as 0 have a place of their own left of it.
    pub axis: Axis,
    /// The dots from top to bottom.
    pub dots: Vec<Dot>,
}

/// One method's gap in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// The method.
    pub name: String,
    /// The mean; exactly 0 if it counts as 0.
    pub mean: f64,
    /// A 95 % interval of the mean.
    pub interval: Option<(f64, f64)>,
    /// The largest.
    pub max: f64,
    /// Whether it rests on certificates: a filled dot. A hollow one rests on a solver's word.
    pub certified: bool,
}

/// Beyond this ratio of largest to smallest value an axis is logarithmic.
const LOG_RATIO: f64 = 20.0;

fn wants_log(values: impl Iterator<Item = f64>) -> bool {
    let values: Vec<f64> = values.collect();
    range(&values).is_some_and(|(low, high)| low > 0.0 && high / low > LOG_RATIO)
}

/// The gaps of all methods side by side; none if no row has a gap.
pub fn gaps(results: &Results) -> Option<Figure> {
    let dots: Vec<Dot> = tables::method_gaps(results)
        .into_iter()
        .filter_map(|of| {
            let tolerance = results.tolerance(of.certified);
            let percent = |gap: f64| if gap <= tolerance { 0.0 } else { gap * 100.0 };
            Some(Dot {
                mean: percent(mean(&of.gaps)?),
                interval: of.interval.map(|(low, high)| (percent(low), percent(high))),
                max: percent(range(&of.gaps)?.1),
                certified: of.certified,
                name: of.method,
            })
        })
        .collect();
    side_by_side("gaps", "Mean gap of every method over all instances of the run", dots)
}

fn side_by_side(id: &str, title: &str, mut dots: Vec<Dot>) -> Option<Figure> {
    if dots.is_empty() {
        return None;
    }
    dots.sort_by(|a, b| a.mean.total_cmp(&b.mean).then_with(|| a.name.cmp(&b.name)));
    let log = wants_log(dots.iter().flat_map(|dot| [dot.mean, dot.max]).filter(|gap| *gap > 0.0));
    let words = if dots.iter().all(|dot| dot.certified) { "" } else { " Hollow: rests on a solver's word." };
    let zero = if log { " The place left of the logarithmic axis is a gap of 0." } else { "" };
    Some(Figure {
        id: format!("{}-figure", crate::table::identifier(id)),
        title: title.to_owned(),
        caption: format!(
            "Dot: mean over instances; bar: 95 % bootstrap interval of the mean; small tick: the instance with the largest mean gap. Further left is better.{words}{zero}"
        ),
        plot: Plot::Dots(Dots { axis: Axis { label: "gap (%)".into(), log }, dots }),
    })
}

/// The figures of a study: over its axis the objective, or, in a study named after a count (`moves`) or after `time`, that; for
/// the study of the estimation error its distance from the optimum with the proven envelope. Without an axis: the gaps. A study named
/// `markov` has the course of its chains besides.
pub fn of_study(results: &Results, study: &Study) -> Vec<Figure> {
    let series = results.series(study);
    let mut figures: Vec<Figure> = match &study.axis {
        Some(axis) => over_axis(results, study, &series, axis).into_iter().collect(),
        None => study_gaps(results, study, &series).into_iter().collect(),
    };
    if study.name == markov::STUDY {
        figures.extend(markov::figure(results, study));
    }
    figures
}

fn over_axis(results: &Results, study: &Study, series: &[Series], axis: &Quantity) -> Option<Figure> {
    let x = Axis { label: Scale { factor: 1.0, unit: axis.unit.clone() }.label(&axis.name), log: study.log_axis };
    let is_error = results.manifest.problem == multiuser::PROBLEM && study.name == multiuser::ERROR_STUDY;
    let band = if is_error { Band::Range } else { Band::Bootstrap };
    let (name, unit, lines) = if is_error {
        let ratio = |r: &Result| multiuser::ratio(results, r);
        (format!("{} / certified bound", results.manifest.objective.name), String::new(), lines(series, band, &ratio))
    } else if tables::shared_counts(series).contains(&study.name) {
        let count = |r: &Result| r.row.counts.get(&study.name).map(|count| *count as f64);
        (format!("mean {}", study.name), String::new(), lines(series, band, &count))
    } else if study.name == "time" {
        let time = |r: &Result| r.is_attempted().then(|| r.counted_s());
        ("mean solution time".to_owned(), "s".to_owned(), lines(series, band, &time))
    } else {
        let quantity = results.objective(series.iter().flat_map(|s| &s.points).flat_map(|p| &p.results).copied());
        let objective = |r: &Result| r.objective.or_else(|| r.bound_alone());
        (format!("mean {}", quantity.name), quantity.unit, lines(series, band, &objective))
    };
    if lines.iter().all(|line| line.points.is_empty()) {
        return None;
    }
    let places = lines.iter().flat_map(|line| &line.points).map(|mark| mark.x).filter(|x| *x < 1.0);
    let limit = is_error.then(|| range(&places.collect::<Vec<_>>())).flatten().map(|(low, high)| {
        let place = |at: u32| low + (high - low) * f64::from(at) / 60.0;
        let points = (0..=60).filter_map(|at| Some((place(at), multiuser::envelope(place(at))?))).collect();
        ("proven limit (1+e)/(1-e)".to_owned(), points)
    });
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|mark| mark.y).collect();
    let scale = Scale::fitting(&values, &unit);
    // What is maximised is read at its upper end, which a logarithm squeezes.
    let is_maximised = results.manifest.sense == offcut_instances::problem::Sense::Maximise && study.name != "time";
    let log = wants_log(values.iter().copied()) && !is_error && !is_maximised;
    let lines = lines.into_iter().map(|line| scaled(line, scale.factor)).collect();
    let bands = match band {
        Band::Range => "band: smallest to largest row",
        Band::Bootstrap => "band: 95 % bootstrap interval over instances",
    };
    let reading = if is_error { " Under the dashed line: within the proven limit; 1 is the optimum." } else { "" };
    let logarithmic = if log { " Logarithmic vertical axis." } else { "" };
    Some(Figure {
        id: format!("{}-figure", crate::table::identifier(&study.name)),
        title: study.title.clone(),
        caption: format!(
            "Line: mean over instances; {bands}. Series that coincide share a line; a point is left out where some row of it has no value.{reading}{logarithmic}"
        ),
        plot: Plot::Lines(Lines { x, y: Axis { label: scale.label(&name), log }, lines, limit, shape: Shape::Joined }),
    })
}

fn study_gaps(results: &Results, study: &Study, series: &[Series]) -> Option<Figure> {
    let dot = |series: &Series| {
        let all: Vec<&Result> = series.points.iter().flat_map(|point| &point.results).copied().collect();
        let gaps = crate::results::per_instance(all.iter().copied(), |r| r.gap.map(|gap| gap.high));
        let certified = all.iter().filter_map(|r| r.gap).all(|gap| gap.certified);
        let percent = |gap: f64| if gap <= results.tolerance(certified) { 0.0 } else { gap * 100.0 };
        Some(Dot {
            name: series.name.to_owned(),
            mean: percent(mean(&gaps)?),
            interval: bootstrap_mean(series.name, &gaps).map(|(low, high)| (percent(low), percent(high))),
            max: percent(range(&gaps)?.1),
            certified,
        })
    };
    side_by_side(&study.name, &study.title, series.iter().filter_map(dot).collect())
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
