//! The parts of reports that only `jpdra` has: verdicts on the claims of the paper's abstract, delay reductions against every baseline, bursty
//! arrivals, and exact methods.

mod chains;
mod claims;
mod exact;
mod poisson;
mod rows;
mod saved;

use offcut_ledger::{Manifest, Row};

use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::results::Results;
use crate::section::Section;
use crate::verdict::Verdict;

pub use rows::PROBLEM;
pub use saved::REDUCTION;

/// The paper, and what is known of it.
pub const PAPER: &str = "W. He, S. Guo, S. Guo, X. Qiu, F. Qi, \"Joint DNN Partition Deployment and Resource \
    Allocation for Delay-Sensitive Deep Learning Inference in IoT\", IEEE IoT-J 7(10), 2020: a tandem queue gives the \
    end-to-end delay; allocation (CRA) by Markov approximation, deployment (DPD) over CRA's optimal delay; the average \
    delay falls by 25.7 %. The paper is known to Offcut by its abstract; instances, formulation, the algorithms' \
    details, the baselines and all numbers here but 25.7 % are Offcut's own.";

/// The part of reports that only this problem has.
pub const REPORT: ProblemReport = ProblemReport {
    problem: PROBLEM,
    paper: Some(PAPER),
    reference: Some("jpdra"),
    claims: claims::all,
    sections: sections_of,
    limitation: Some(
        "The paper is known by its abstract. DPD's moves, the chain's rates and all baselines are reconstructions; \
         the abstract names no baseline, so there is no single number to compare with 25.7 %.",
    ),
    study_figures: |results, study| chains::figure(results, study).into_iter().collect(),
    ..ProblemReport::PLAIN
};

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    claims::all(&Results::new(manifest, rows))
}

fn sections_of(results: &Results, options: &Options) -> Vec<Section> {
    let sections = [saved::section(results), poisson::section(results, options), exact::section(results, options)];
    sections.into_iter().flatten().collect()
}
