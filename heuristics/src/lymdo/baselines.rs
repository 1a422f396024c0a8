//! Baselines: cuts by a fixed or random rule, resources by `resources`.
//!
//! | policy | cuts | if they are unstable |
//! |---|---|---|
//! | `local-only` | everything on the device | declines, naming the user |
//! | `edge-only` | everything on the edge | declines, naming the user |
//! | `random` | every cut of a user equally likely, drawn anew each slot | drawn again, then repaired (`repair`) |

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy, Prices};
use offcut_instances::problem::{Budget, Stop};
use offcut_instances::random::Stream;

use super::delay::{Costs, allocation};
use super::repair::Needs;
use super::resources::allocate;

/// Draws of cuts for a slot before the last one is repaired.
const DRAWS: usize = 10;

/// One cut for everybody: the last, or the first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Constant {
    LocalOnly,
    EdgeOnly,
}

impl Policy for Constant {
    fn id(&self) -> &str {
        match self {
            Self::LocalOnly => "local-only",
            Self::EdgeOnly => "edge-only",
        }
    }

    fn about(&self) -> &str {
        match self {
            Self::LocalOnly => "every device computes everything; best speeds",
            Self::EdgeOnly => "every device sends its input; best resources",
        }
    }

    fn begin(&self, _: &Budget) -> Box<dyn Decide> {
        Box::new(ConstantRun { cuts: *self, prices: None })
    }
}

struct ConstantRun {
    cuts: Constant,
    prices: Option<Prices>,
}

impl Decide for ConstantRun {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let costs = Costs::new(slot);
        let cut = |n: usize| match self.cuts {
            Constant::LocalOnly => costs.works(n).len() as u32 - 1,
            Constant::EdgeOnly => 0,
        };
        let cuts: Vec<u32> = (0..costs.users()).map(cut).collect();
        if let Some(n) = Needs::new(&costs).unstable_alone(&cuts) {
            let what = match self.cuts {
                Constant::LocalOnly => "is too slow to compute everything",
                Constant::EdgeOnly => "cannot send its input fast enough, or the edge is too slow for it",
            };
            return Err(Stop::Declined(format!("user {n} {what}")));
        }
        let short = || Stop::Declined("bandwidth or edge speed is too low for all users together".into());
        let plan = allocate(&costs, &cuts, self.prices).ok_or_else(short)?;
        self.prices = Some(plan.prices);
        Ok(allocation(&cuts, &plan.shares))
    }
}

/// Random cuts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random;

impl Policy for Random {
    fn id(&self) -> &str {
        "random"
    }

    fn about(&self) -> &str {
        "random cuts, drawn again or repaired if they are unstable; best resources"
    }

    fn is_random(&self) -> bool {
        true
    }

    fn begin(&self, budget: &Budget) -> Box<dyn Decide> {
        Box::new(RandomRun { stream: Stream::new(&["lymdo", "random"], budget.seed), prices: None })
    }
}

struct RandomRun {
    stream: Stream,
    prices: Option<Prices>,
}

impl Decide for RandomRun {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let costs = Costs::new(slot);
        let needs = Needs::new(&costs);
        let mut cuts = Vec::new();
        for _ in 0..DRAWS {
            cuts = (0..costs.users()).map(|n| self.stream.below(costs.works(n).len() as u64) as u32).collect();
            if needs.fit(&costs, &cuts) {
                break;
            }
        }
        let cuts = needs.repaired(&costs, &cuts)?;
        let failed = || Stop::Failed("no resources found for cuts whose needs fit the capacities".into());
        let plan = allocate(&costs, &cuts, self.prices).ok_or_else(failed)?;
        self.prices = Some(plan.prices);
        Ok(allocation(&cuts, &plan.shares))
    }
}
