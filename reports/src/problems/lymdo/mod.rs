//! The parts of reports that only `lymdo` has: policies over time, delay against V, gaps of learned cuts in single slots, and training.
//!
//! | studies named | give |
//! |---|---|
//! | `policies` | policies over time, and verdict 2 |
//! | `horizon` | energy against the budgets over the length of the horizon, histories, verdict 1 |
//! | `v`, `v-...` | delay and backlog against V; where every slot is the same (family `steady`), verdict 4 |
//! | `slot`, `slot-...` | gaps of single slots, verdict 3 |

mod learning;
mod policies;
mod rows;
mod single_slots;
mod tradeoff;

use offcut_ledger::{Manifest, Row};

use crate::options::Options;
use crate::problem_report::{ProblemReport, by_family};
use crate::results::Results;
use crate::section::Section;
use crate::verdict::Verdict;
use rows::{POLICY, is_slot};

pub use rows::PROBLEM;

/// The paper, and what is known of it.
pub const PAPER: &str = "LyMDO, by its abstract: tasks arrive continuously, a serial queueing model gives the \
    end-to-end delay of inference between devices and an edge server; a stochastic problem over many slots, with \
    partitions and several resources, is turned by Lyapunov optimisation into deterministic problems slot by slot, which \
    deep reinforcement learning (cuts) and convex optimisation (resources) solve, balancing long-term resource \
    constraints. Instances, formulation, network, training, baselines and all numbers here are Offcut's own.";

/// The part of reports that only this problem has.
pub const REPORT: ProblemReport = ProblemReport {
    problem: PROBLEM,
    paper: Some(PAPER),
    reference: Some(POLICY),
    claims: verdicts_of,
    sections: sections_of,
    limitation: Some(
        "The paper is known by its abstract. What the network sees, how it is trained, all baselines and the charge \
         for energy above budgets, which makes trajectories comparable that slightly exceed their budgets, are \
         reconstructions. The bound on a horizon uses the whole sample path: part of a policy's gap is due to unknown future slots.",
    ),
    has_measures: |variant| !is_slot(variant),
    ..ProblemReport::PLAIN
};

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    verdicts_of(&Results::new(manifest, rows))
}

fn verdicts_of(results: &Results) -> Vec<Verdict> {
    by_family(results, &[policies::balanced, policies::better, single_slots::near_optimum, tradeoff::within])
}

fn sections_of(results: &Results, _: &Options) -> Vec<Section> {
    let sections = [
        policies::section(results),
        policies::over_time(results),
        tradeoff::section(results),
        single_slots::section(results),
        learning::section(results),
    ];
    sections.into_iter().flatten().collect()
}
