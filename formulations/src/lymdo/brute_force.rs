//! `enumerate`: every combination of cuts, the reference of the tests. That all were looked at is no certificate; the bound of prices has one.

use std::time::Instant;

use offcut_instances::lymdo::{Instance, Lymdo, Solution};
use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Stop, Trace};

use super::fixed_cuts::{Convex, Shares};
use super::model::{allocation, slot_objective};
use super::price_bound::{claimed_infeasible, price_bound};
use super::slot::Slot;
use crate::highs;

/// Every combination of cuts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enumerate;

/// Combinations evaluated, at most.
const MAX_COMBINATIONS: u64 = 2_000_000;

impl Algorithm<Lymdo> for Enumerate {
    fn id(&self) -> &str {
        "enumerate"
    }

    fn about(&self) -> &str {
        "every combination of cuts of a single slot, at most 2e6, each with its best shares (bound reported by the method, and certified by prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
        let began = Instant::now();
        if instance.slots.len() > 1 {
            return Answer::declined("takes single slots only");
        }
        let slot = Slot::new(instance);
        let usable: Vec<Vec<u32>> = (0..slot.users())
            .map(|n| slot.pairs(n).filter(|pair| slot.is_usable(*pair)).map(|pair| pair as u32).collect())
            .collect();
        let count = usable.iter().try_fold(1u64, |count, pairs| count.checked_mul(pairs.len() as u64));
        let Some(count) = count.filter(|count| *count <= MAX_COMBINATIONS) else {
            return Answer::declined(format!("evaluates at most {MAX_COMBINATIONS} combinations of cuts"));
        };
        let mut convex = Convex::new(&slot);
        let (mut shares, mut best) = (Shares::default(), Shares { value: f64::INFINITY, ..Shares::default() });
        let mut cuts = Vec::new();
        let mut bound = f64::INFINITY;
        let mut stop = Stop::Completed;
        let mut pairs = vec![0; slot.users()];
        for code in 0..count {
            if code % 256 == 0 && budget.is_spent(began) {
                stop = Stop::TimeLimit;
                break;
            }
            let mut rest = code;
            for (pair, usable) in pairs.iter_mut().zip(&usable) {
                *pair = usable[(rest % usable.len() as u64) as usize];
                rest /= usable.len() as u64;
            }
            if !slot.is_stable(&pairs) {
                continue;
            }
            convex.solve(&slot, &pairs, None, &mut shares);
            bound = bound.min(shares.bound);
            if shares.value < best.value {
                std::mem::swap(&mut shares, &mut best);
                cuts = pairs.iter().map(|pair| slot.cut(*pair as usize)).collect();
            }
        }
        let trace = Trace::counting([("combinations", count)]);
        if best.value == f64::INFINITY {
            let answer = match stop {
                Stop::Completed => claimed_infeasible(&slot, instance, budget, began),
                stop => highs::beside(Answer::nothing(stop), price_bound(&slot, instance, None, true)),
            };
            return answer.traced(trace);
        }
        let decisions = allocation(instance, cuts, &best.local, &best.bandwidth, &best.edge);
        let Some(objective) = slot_objective(instance, &decisions) else {
            return Answer::declined("the best shares are stable by less than the precision of doubles");
        };
        let mut answer = Answer::found(Solution { slots: vec![decisions] }, objective).traced(trace);
        if stop == Stop::Completed {
            let evidence = Evidence::SolverReported("every combination of cuts was looked at".into());
            answer.proved = Some(Bound { value: bound * instance.v, evidence });
        }
        let certified = price_bound(&slot, instance, Some(best.prices), stop == Stop::TimeLimit);
        let certified = certified.map(|(value, certificate)| (value.min(objective), certificate));
        highs::beside(Answer { stop, ..answer }, certified)
    }
}
