//! Cuts and resources in turn, until there is no improvement.
//!
//! 1. From cuts that can be kept stable, the best resources and their prices (`resources`).
//! 2. At these prices every user takes its best cut (`response`), all at once.
//! 3. The best resources for these cuts. If the slot costs less, on with 2; if not, only that half of the movers is
//!    moved that gains most at the prices, then half of them, and so on to one. If that is no improvement either, it ends.
//!
//! So a step never makes the slot dearer than its start. The starts: everybody's best cut if bandwidth and edge speed
//! were shared equally; everything local; everything sent; the cuts of the slot before, if there was one. The last
//! three are repaired if they cannot be kept stable.

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy, Prices};
use offcut_instances::problem::{Budget, Parameter, ParameterRange, Setting, Stop};

use super::delay::{Costs, allocation};
use super::repair::Needs;
use super::resources::{Plan, allocate};
use super::response::FREE;

/// Rounds of cuts and resources, at most.
const MAX_ROUNDS: usize = 50;

/// Relative gain below which a round is no progress.
const LEAST_GAIN: f64 = 1e-9;

/// Starts there are at most.
const MAX_STARTS: usize = 4;

/// The policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alternating {
    starts: usize,
}

impl Default for Alternating {
    fn default() -> Self {
        Self { starts: MAX_STARTS }
    }
}

impl Policy for Alternating {
    fn id(&self) -> &str {
        "alternating"
    }

    fn about(&self) -> &str {
        "best cut per user at the resources' prices, then the best resources, in turn until no improvement"
    }

    fn parameters(&self) -> Vec<Parameter> {
        let about = "number of starts, at most: equal shares, all local, all sent, cuts of the preceding slot";
        let most = MAX_STARTS as f64;
        vec![Parameter { name: "starts", default: most, range: ParameterRange::integers(1.0, most), about }]
    }

    fn set(&mut self, setting: &Setting) {
        self.starts = setting.integer();
    }

    fn begin(&self, _: &Budget) -> Box<dyn Decide> {
        Box::new(Run { starts: self.starts, last: None })
    }
}

struct Run {
    starts: usize,
    /// Cuts and prices of the slot before.
    last: Option<(Vec<u32>, Prices)>,
}

impl Decide for Run {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let costs = Costs::new(slot);
        let needs = Needs::new(&costs);
        let warm = self.last.as_ref().map(|(_, prices)| *prices);
        let mut best: Option<(Vec<u32>, Plan)> = None;
        let mut error = None;
        let mut seen: Vec<Vec<u32>> = Vec::new();
        for start in starts(&costs, self.last.as_ref().map(|(cuts, _)| &cuts[..])).into_iter().take(self.starts) {
            let start = match needs.repaired(&costs, &start) {
                Ok(start) if seen.contains(&start) => continue,
                Ok(start) => start,
                Err(stop) => {
                    error = Some(stop);
                    continue;
                }
            };
            let Some(plan) = allocate(&costs, &start, warm) else { continue };
            seen.push(start.clone());
            let (cuts, plan) = descend(&costs, &needs, start, plan);
            if best.as_ref().is_none_or(|(_, best)| plan.value < best.value) {
                best = Some((cuts, plan));
            }
        }
        let failed = || Stop::Failed("no resources found for cuts whose needs fit the capacities".into());
        let (cuts, plan) = best.ok_or_else(|| error.unwrap_or_else(failed))?;
        let allocation = allocation(&cuts, &plan.shares);
        self.last = Some((cuts, plan.prices));
        Ok(allocation)
    }
}

/// What to start from; not all of it can be kept stable.
pub(super) fn starts(costs: &Costs, last: Option<&[u32]>) -> Vec<Vec<u32>> {
    let users = 0..costs.users();
    let local = users.clone().map(|n| costs.works(n).len() as u32 - 1).collect();
    let sent = vec![0; costs.users()];
    let mut starts = vec![fair(costs), local, sent];
    starts.extend(last.map(<[u32]>::to_vec));
    starts
}

/// Everybody's best cut if bandwidth and edge speed were shared equally; where no cut is stable then, the last one.
pub(super) fn fair(costs: &Costs) -> Vec<u32> {
    let alone = costs.fair_share();
    let best = |n: usize| {
        let works = alone.works(n).iter().enumerate();
        let options = works.filter_map(|(m, work)| Some((alone.response(n, work, FREE)?.cost, m as u32)));
        let least = options.min_by(|a, b| a.0.total_cmp(&b.0));
        least.map_or(costs.works(n).len() as u32 - 1, |(_, m)| m)
    };
    (0..costs.users()).map(best).collect()
}

/// Steps 2 and 3, from a plan for `cuts`.
pub(super) fn descend(costs: &Costs, needs: &Needs, mut cuts: Vec<u32>, mut plan: Plan) -> (Vec<u32>, Plan) {
    for _ in 0..MAX_ROUNDS {
        // Who gains by another cut at these prices, most first.
        let mut movers: Vec<(f64, usize, u32)> = Vec::new();
        for (n, cut) in cuts.iter().enumerate() {
            let cost = |m: usize| {
                let need = needs.of(n)[m]?;
                Some(costs.response_above(n, &costs.works(n)[m], need, plan.prices)?.cost)
            };
            let Some(now) = cost(*cut as usize) else { continue };
            let others = (0..costs.works(n).len()).filter_map(|m| Some((cost(m)?, m as u32)));
            let Some((least, m)) = others.min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
            if least < now {
                movers.push((now - least, n, m));
            }
        }
        movers.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut moving = movers.len();
        let better = loop {
            if moving == 0 {
                break None;
            }
            let mut moved = cuts.clone();
            movers[..moving].iter().for_each(|(_, n, m)| moved[*n] = *m);
            let found = needs.fit(costs, &moved).then(|| allocate(costs, &moved, Some(plan.prices))).flatten();
            if let Some(found) = found.filter(|found| found.value < plan.value * (1.0 - LEAST_GAIN)) {
                break Some((moved, found));
            }
            moving /= 2;
        };
        let Some(better) = better else { break };
        (cuts, plan) = better;
    }
    (cuts, plan)
}
