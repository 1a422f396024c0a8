//! `price`: the best price bound (module `bound`) and a solution repaired from its demands, for `sum`.
//!
//! The demands just above the best price fit. The remaining units go where they save most per unit, several at once where latency does not fall
//! with the next unit.

use std::cmp::Reverse;
use std::time::Instant;

use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};

use super::bound::best_price;
use super::classes::Classes;
use super::model::Latencies;
use crate::best_first::{BestFirst, Ordered, Ranked};

/// How far ahead the repair looks for a fall in latency.
const JUMP: u32 = 64;

/// One price for a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price;

impl Algorithm<Multiuser> for Price {
    fn id(&self) -> &str {
        "price"
    }

    fn about(&self) -> &str {
        "best single price for a unit, then repair (sum: certified bound at any size)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Max {
            return Answer::declined("this method minimises the sum; threshold minimises the maximum");
        }
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let bound = best_price(&latencies, &Classes::new(instance), &[], || budget.is_spent(began));
        let (value, certificate) = bound.certificate();
        let units = repaired(&latencies, bound.units);
        let objective = latencies.objective(&units);
        let answer = Answer::found(latencies.with_best_cuts(units), objective)
            .certified(value, certificate)
            .traced(Trace::counting([("prices tried", bound.tried)]));
        if budget.is_spent(began) { Answer { stop: Stop::TimeLimit, ..answer } } else { answer }
    }
}

/// A step up for one user, ordered by what it saves per unit.
#[derive(Clone, Copy, Debug)]
struct Step {
    saves_per_unit: f64,
    user: usize,
    from: u32,
    to: u32,
}

impl Ranked for Step {
    type Rank = (Ordered, Reverse<usize>);

    /// What saves most first, then the first user.
    fn rank(&self) -> Self::Rank {
        (Ordered(self.saves_per_unit), Reverse(self.user))
    }
}

/// Hands out the units that are left over, each time to the step that saves most per unit and still fits.
pub(super) fn repaired(latencies: &Latencies, mut units: Vec<u32>) -> Vec<u32> {
    let used: u64 = units.iter().map(|units| u64::from(*units)).sum();
    let mut left = u64::from(latencies.units()).saturating_sub(used) as u32;
    let best_step = |user: usize, from: u32, left: u32| {
        let now = latencies.best(user, from);
        (1..=left.min(JUMP))
            .map(|jump| {
                let saves_per_unit = (now - latencies.best(user, from + jump)) / f64::from(jump);
                Step { saves_per_unit, user, from, to: from + jump }
            })
            .filter(|step| step.saves_per_unit > 0.0)
            .max_by_key(Ranked::rank)
    };
    if left == 0 {
        return units;
    }
    let mut steps: BestFirst<Step> = (0..units.len()).filter_map(|user| best_step(user, units[user], left)).collect();
    while left > 0 {
        let Some(step) = steps.pop() else { break };
        if step.to - step.from > left {
            best_step(step.user, step.from, left).into_iter().for_each(|step| steps.push(step)); // too far by now: look again, nearer
            continue;
        }
        units[step.user] = step.to;
        left -= step.to - step.from;
        best_step(step.user, step.to, left).into_iter().for_each(|step| steps.push(step));
    }
    units
}
