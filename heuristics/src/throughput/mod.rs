//! Requests with deadlines, cloudlets with threads: the paper's algorithms and baselines.
//!
//! See the crate `offcut-instances`, module `throughput`, for the problem and its symbols. Every method that partitions admits locally
//! feasible requests on their devices, with 0 threads.
//!
//! The abstract says that a constant approximation and a competitive ratio exist; it gives neither. The factors below are Offcut's, proved in the
//! modules for the algorithms as they are here.
//!
//! All of these proofs take the least threads k_ij as they are, any whole numbers, and use nothing of where they come from. So they hold with kinds of machines, too,
//! also where a cloudlet does not run a model: then there is no k_ij, as for one that is out of reach.
//!
//! | file | method | what is proved of it here |
//! |---|---|---|
//! | `local_ratio` | `local-ratio` | 1/2 of the optimum (unit profits, or exact knapsacks); 1/3 beyond |
//! | `lp_rounding` | `lp-rounding` | 1/2 of the LP bound; unit profits: the LP bound less one request a cloudlet |
//! | `online` | `online-primal-dual` | 1/(2 max(1, C/C')) of the optimum, knowing nothing of later requests |
//! | `online` | `online-greedy` | nothing |
//! | `baselines` | `device-only`, `cloudlet-only`, `one-thread`, `most-threads`, `random-cloudlet` | nothing |
//! | `cuts`, `threads` | | cheapest cuts, least threads |
//! | `admission` | | admissions, filled and turned into an answer |

mod admission;
mod baselines;
mod cuts;
mod local_ratio;
mod lp_rounding;
mod online;
mod threads;

#[cfg(test)]
mod tests;

use offcut_instances::problem::Algorithm;
use offcut_instances::throughput::Throughput;

/// All heuristics for `throughput`, with default parameters.
pub fn algorithms() -> Vec<Box<dyn Algorithm<Throughput>>> {
    vec![
        Box::new(local_ratio::LocalRatio),
        Box::new(lp_rounding::LpRounding),
        Box::new(online::OnlinePrimalDual),
        Box::new(online::OnlineGreedy),
        Box::new(baselines::DEVICE_ONLY),
        Box::new(baselines::CLOUDLET_ONLY),
        Box::new(baselines::ONE_THREAD),
        Box::new(baselines::MAX_THREADS),
        Box::new(baselines::RANDOM_CLOUDLET),
    ]
}
