//! The parts of reports that only one problem has: claims and verdicts, sections, figures.

pub mod jpdra;
pub mod lymdo;
pub mod multiuser;
pub mod throughput;

use crate::problem_report::ProblemReport;

/// All problems with parts of their own.
static ALL: &[ProblemReport] = &[multiuser::REPORT, throughput::REPORT, jpdra::REPORT, lymdo::REPORT];

static PLAIN: ProblemReport = ProblemReport::PLAIN;

/// The part of a problem's reports that only it has; [`ProblemReport::PLAIN`] for one that is not known here.
pub fn of(problem: &str) -> &'static ProblemReport {
    ALL.iter().find(|report| report.problem == problem).unwrap_or(&PLAIN)
}
