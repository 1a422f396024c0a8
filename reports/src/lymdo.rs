//! What only reports on `lymdo` say: policies over time, delay against V, how near learned cuts come to a slot's optimum, and how they were learned.
//!
//! | studies named | give |
//! |---|---|
//! | `policies` | policies over time, and verdict 2 |
//! | `horizon` | energy against the budgets over the length of the horizon, courses, verdict 1 |
//! | `v`, `v-...` | delay and backlog against V; where every slot is the same (family `steady`), verdict 4 |
//! | `slot`, `slot-...` | gaps of single slots, verdict 3 |

mod learning;
mod policies;
mod single;
mod tradeoff;

use offcut_ledger::{Manifest, Row, Study};

use crate::Options;
use crate::report::{About, Section};
use crate::results::{Result, Results};
use crate::verdict::Verdict;

/// The problem's name in manifests.
pub const PROBLEM: &str = "lymdo";

/// The paper, and what is known of it.
pub const PAPER: &str = "LyMDO, by its abstract: tasks arrive continuously, a serial queueing model gives the end-to-end delay of inference \
                         between devices and an edge server; a stochastic problem over many slots, with partitions and several resources, is \
                         turned by Lyapunov optimisation into deterministic problems slot by slot, which deep reinforcement learning (cuts) and \
                         convex optimisation (resources) solve, balancing long-term resource constraints. Instances, formulation, network, \
                         training, baselines and all numbers here are Offcut's own.";

/// The paper's policy, as reconstructed.
const POLICY: &str = "lymdo";

/// Drift plus penalty with slots solved exactly.
const EXACT: &str = "lymdo-exact";

/// What tables over axes tell of a horizon besides its objective, as the checker measures it: the measure, its words, its unit.
pub(crate) const MEASURES: [(&str, &str, &str); 4] = [
    ("delay_s", "delay of a user", "s"),
    ("spent", "energy of all users over their budgets", ""),
    ("overdraft", "energy of the worst user above its budget, over the budget", ""),
    ("final_backlog_j", "backlog of a user in the end", "J"),
];

/// What only these reports say.
pub(crate) const ABOUT: About = About {
    problem: PROBLEM,
    paper: PAPER,
    reference: POLICY,
    random: &["random"],
    verdicts: verdicts_of,
    sections: sections_of,
    limitation: "The paper is known by its abstract. What the network sees, how it is trained, all baselines and the charge for energy above \
                 budgets, which makes trajectories comparable that miss their budgets by a little, are reconstructions. The bound on a horizon \
                 knows the whole sample path: part of a policy's gap to it is what nobody can know.",
};

/// The verdicts on the claims of the abstract.
pub fn verdicts(manifest: &Manifest, rows: &[Row]) -> Vec<Verdict> {
    verdicts_of(&Results::new(manifest, rows))
}

fn verdicts_of(results: &Results) -> Vec<Verdict> {
    vec![
        policies::balanced(results),
        policies::better(results),
        single::near_optimum(results),
        tradeoff::within(results),
    ]
}

fn sections_of(results: &Results, _: &Options) -> Vec<Section> {
    let sections = [
        policies::section(results),
        policies::over_time(results),
        tradeoff::section(results),
        single::section(results),
        learning::section(results),
    ];
    sections.into_iter().flatten().collect()
}

/// Whether a variant's instances are single slots, whose objective is `V delay + backlog energy`.
pub(crate) fn is_slot(variant: &str) -> bool {
    variant.starts_with("slot")
}

/// The studies with this name, or this and a word after it.
fn studies<'r>(results: &'r Results, name: &str) -> impl Iterator<Item = &'r Study> {
    let is_it = move |study: &&Study| {
        study.name == name || study.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    };
    let is_it: Vec<&Study> = results.manifest.studies.iter().filter(is_it).collect();
    is_it.into_iter()
}

/// Users of a row's instance.
fn users(result: &Result) -> Option<f64> {
    result.row.instance.parameters.get("users").copied()
}

/// The certified bound on a user's mean delay with charged energy, in seconds.
fn bound_s(results: &Results, result: &Result) -> Option<f64> {
    Some(results.best[&result.row.key.instance].certified? / users(result)?)
}

/// A measure of a row with a solution.
fn measure(result: &Result, name: &str) -> Option<f64> {
    result.objective?;
    result.row.measures.get(name).copied()
}
