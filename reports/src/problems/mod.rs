//! The parts of reports that only one problem has: claims and verdicts, sections, figures.

offcut_instances::for_each_problem!([pub] offcut_instances::problem_modules);

use crate::problem_report::ProblemReport;

macro_rules! reports {
    ([] $($module:ident: $problem:path,)*) => { &[$($module::REPORT),*] };
}

/// The parts of all problems.
static ALL: &[ProblemReport] = offcut_instances::for_each_problem!([] reports);

static PLAIN: ProblemReport = ProblemReport::PLAIN;

/// The part of a problem's reports that only it has; [`ProblemReport::PLAIN`] for one that is not known here.
pub fn of(problem: &str) -> &'static ProblemReport {
    ALL.iter().find(|report| report.problem == problem).unwrap_or(&PLAIN)
}
