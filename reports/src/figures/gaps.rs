//! Gaps of methods side by side.

use offcut_ledger::Study;

use crate::figure::{Axis, Dot, Dots, Figure, Plot, Role, is_log};
use crate::method_gaps::method_gaps;
use crate::names::identifier;
use crate::results::{Result, Results, Series, per_instance};
use crate::statistics::{mean, range};

/// The gaps of all methods side by side; none if no row has a gap.
pub fn gaps(results: &Results) -> Option<Figure> {
    let dots: Vec<Dot> = method_gaps(results)
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
                time_s: None,
                role: Role::Heuristic,
            })
        })
        .collect();
    side_by_side("gaps", "Mean gap of every method over all instances of the run", dots)
}

pub(super) fn of_study(results: &Results, study: &Study, series: &[Series]) -> Option<Figure> {
    let dot = |series: &Series| {
        let all: Vec<&Result> = series.points.iter().flat_map(|point| &point.results).copied().collect();
        let gaps = per_instance(all.iter().copied(), |r| r.gap.map(|gap| gap.high));
        let certified = all.iter().filter_map(|r| r.gap).all(|gap| gap.certified);
        let percent = |gap: f64| if gap <= results.tolerance(certified) { 0.0 } else { gap * 100.0 };
        Some(Dot {
            name: series.name.to_owned(),
            mean: percent(mean(&gaps)?),
            interval: results.interval(series.name, &gaps).map(|(low, high)| (percent(low), percent(high))),
            max: percent(range(&gaps)?.1),
            certified,
            time_s: None,
            role: Role::Heuristic,
        })
    };
    side_by_side(&study.name, &study.title, series.iter().filter_map(dot).collect())
}

fn side_by_side(id: &str, title: &str, mut dots: Vec<Dot>) -> Option<Figure> {
    dots.sort_by(|a, b| a.mean.total_cmp(&b.mean).then_with(|| a.name.cmp(&b.name)));
    dot_chart(id, title, dots, None)
}

/// A chart of gaps, the dots from top to bottom as they come; with `times` the label of an axis for their times.
pub(crate) fn dot_chart(id: &str, title: &str, dots: Vec<Dot>, times: Option<String>) -> Option<Figure> {
    if dots.is_empty() {
        return None;
    }
    let log = is_log(dots.iter().flat_map(|dot| [dot.mean, dot.max]).filter(|gap| *gap > 0.0));
    let words = if dots.iter().all(|dot| dot.certified) {
        ""
    } else {
        " Hollow: rests on a solver-reported bound (unchecked)."
    };
    let zero = if log { " Left of the logarithmic axis: a gap of 0." } else { "" };
    Some(Figure {
        id: format!("{}-figure", identifier(id)),
        title: title.to_owned(),
        caption: format!(
            "Dot: mean over instances; bar: 95 % bootstrap interval of the mean; small tick: largest mean gap of an \
             instance. Further left is better.{words}{zero}"
        ),
        plot: Plot::Dots(Dots { axis: Axis { label: "gap (%)".into(), log }, dots, times }),
    })
}
