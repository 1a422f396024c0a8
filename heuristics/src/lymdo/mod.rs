//! Cuts and resources slot by slot under energy budgets: the paper's policy and baselines.
//!
//! See the crate `offcut-instances`, module `lymdo`, for the problem and its symbols. A policy sees one slot at a time;
//! the caller that rolls it out keeps the queues. The abstract claims no factor, and nothing is proved of any policy here. Every policy takes the best resources for its cuts.
//!
//! | file | policy | cuts |
//! |---|---|---|
//! | `learned` | `lymdo` | scored by a trained network |
//! | `alternating` | `alternating` | best at the resources' prices, in turn with the resources, from several starts |
//! | `myopic` | `myopic` | as `alternating`, and one cut at a time; every slot keeps the budgets on its own; no queues |
//! | `baselines` | `local-only`, `edge-only`, `random` | by a fixed or random rule |
//! | `resources` | | the best resources for fixed cuts: two prices |
//! | `response` | | a user's demands at given prices |
//! | `features`, `network` | | the network's inputs, and the network |
//! | `repair` | | cuts whose needs fit the capacities |
//! | `delay`, `link` | | what a slot costs; rates |

mod alternating;
mod baselines;
mod delay;
mod features;
mod learned;
mod link;
mod myopic;
mod network;
mod repair;
mod resources;
mod response;

#[cfg(test)]
mod tests;

pub use features::{Features, USER_WIDTH, WIDTH};
pub use learned::{Arena, Learned, SampledCuts, shipped};
pub use network::{Evaluation, Layer, Network, Trained, Training, VERSION, beginning};

use offcut_instances::lymdo::Policy;

/// All policies, with default parameters.
pub fn policies() -> Vec<Box<dyn Policy>> {
    vec![
        Box::new(learned::Lymdo::default()),
        Box::new(alternating::Alternating::default()),
        Box::new(myopic::Myopic),
        Box::new(baselines::Constant::LocalOnly),
        Box::new(baselines::Constant::EdgeOnly),
        Box::new(baselines::Random),
    ]
}
