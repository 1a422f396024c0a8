//! What the figures of a report show. How they are drawn is in `drawing`.

mod gaps;
mod over_axis;

use offcut_ledger::Study;

pub(crate) use gaps::dot_chart;
pub use gaps::gaps;

use crate::figure::Figure;
use crate::problem_report::ProblemReport;
use crate::results::Results;

/// The figures of a study: over its axis the objective, or, in a study named after a count (`moves`) or after `time`, that, or what the problem hands
/// in for it. Without an axis: the gaps. Then the figures that only the problem has.
pub fn of_study(results: &Results, problem: &ProblemReport, study: &Study) -> Vec<Figure> {
    let series = results.series(study);
    let mut figures: Vec<Figure> = match &study.axis {
        Some(axis) => over_axis::figure(results, problem, study, &series, axis).into_iter().collect(),
        None => gaps::of_study(results, study, &series).into_iter().collect(),
    };
    figures.extend((problem.study_figures)(results, study));
    figures
}
