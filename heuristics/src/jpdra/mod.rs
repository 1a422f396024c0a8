//! Partitions of DNN flows on edge servers, and shares of the servers' speeds: the paper's algorithms and baselines.
//!
//! See the crate `offcut-instances`, module `jpdra`, for the problem and its symbols. Nothing is proved about any method's deployment,
//! here or by the abstract; for a deployment, closed form (Kleinrock) and Fox are exact. The abstract says Markov approximation, and no error: ln F/beta is the
//! standard property of the chain in `cra_markov`.
//!
//! | file | method | deployment | speeds |
//! |---|---|---|---|
//! | `dpd` | `jpdra` | local search from many starts | exact |
//! | `dpd` | `dpd` | local search from one start | exact |
//! | `cra_markov` | `cra-markov` | `dpd` | a Markov chain over whole units: in the mean ln F/beta from the best |
//! | `cra_anneal` | `cra-anneal` | `dpd` | simulated annealing over whole units |
//! | `baselines` | `fastest-server`, `random-server`, `greedy` | one after another | exact |
//! | `baselines` | `equal-split`, `proportional-split` | `dpd` | by rule |
//! | `baselines` | `greedy-equal` | `greedy` | by rule |
//! | `delay` | | the merit of a deployment and of a move | Fox |
//! | `cra` | | | closed form; from decisions to an answer |
//! | `log_sampling` | | | the steps at which a run is logged |
//! | `units` | | | the start of methods that move units |

mod baselines;
mod cra;
mod cra_anneal;
mod cra_markov;
mod delay;
mod dpd;
mod log_sampling;
mod units;

#[cfg(test)]
mod tests;

use offcut_instances::jpdra::Jpdra;
use offcut_instances::problem::Algorithm;

/// All heuristics for `jpdra`, with default parameters.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Jpdra>>> {
    vec![
        Box::new(dpd::Dpd::many_starts()),
        Box::new(dpd::Dpd::one_start()),
        Box::new(cra_markov::CraMarkov::default()),
        Box::new(cra_anneal::CraAnneal::default()),
        Box::new(baselines::FASTEST_SERVER),
        Box::new(baselines::RANDOM_SERVER),
        Box::new(baselines::GREEDY),
        Box::new(baselines::EQUAL_SPLIT),
        Box::new(baselines::PROPORTIONAL_SPLIT),
        Box::new(baselines::GREEDY_EQUAL),
    ]
}
