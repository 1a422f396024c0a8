//! The tables of a report.

mod cells;
mod counts;
mod gaps;
mod infeasible;
mod measures;
mod over_axis;
mod own_bounds;
mod ranks;
mod reasons;
mod side_by_side;
mod statuses;
mod times;

use offcut_ledger::Study;

use crate::problem_report::ProblemReport;
use crate::results::Results;
use crate::table::Table;

pub use counts::counts;
pub use gaps::{gap_definition, gaps};
pub use infeasible::infeasible;
pub use own_bounds::{own_bounds, without_own_bound};
pub use ranks::beside;
pub use reasons::reasons;
pub use statuses::statuses;
pub use times::times;

/// The tables of one study.
pub fn of_study(results: &Results, problem: &ProblemReport, study: &Study) -> Vec<Table> {
    let series = results.series(study);
    if study.axis.is_some() {
        over_axis::tables(results, problem, study, &series)
    } else {
        side_by_side::tables(results, problem, study, &series)
    }
}
