//! What only one problem's reports say: claims and verdicts, sections, figures.

pub mod jpdra;
pub mod lymdo;
pub mod multiuser;
pub mod throughput;

use crate::problem_report::ProblemReport;

/// The problems whose reports say more than any report does, and one that does not.
static ALL: [ProblemReport; 5] =
    [multiuser::REPORT, throughput::REPORT, jpdra::REPORT, lymdo::REPORT, ProblemReport::PLAIN];

/// What only the reports of a problem say; [`ProblemReport::PLAIN`] for one that is not known here.
pub fn of(problem: &str) -> &'static ProblemReport {
    ALL.iter().find(|report| report.problem == problem).unwrap_or(&ALL[4])
}
