//! `milp`: generalised assignment through HiGHS.
//!
//! ```text
//! x_ij in {0,1}                    request i on cloudlet j, wherever there is a k_ij
//! sum_j x_ij <= 1                  for every open request
//! sum_i k_ij x_ij <= threads_j     for every cloudlet
//! maximise sum_ij profit_i x_ij    and the profit of locally feasible requests, a constant
//! ```
//!
//! The relaxation is solved once before, for at most a tenth of the time: its duals are prices of threads, the certified bound beside HiGHS's (module `root`).

use std::time::Instant;

use good_lp::variable;
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop};
use offcut_instances::throughput::{Instance, Throughput};

use super::assignment::{MAX_BINARIES, Model};
use super::bound::BOUND_RELAXATION;
use super::root;
use super::threads::Needs;
use crate::highs::{self, Limits};

/// Generalised assignment through HiGHS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milp;

/// The emitted bound: relaxed by 1e-12 (relative) for the rounding of sums. Whole profits have whole sums, and what is less than the least is nothing.
pub(super) fn whole(instance: &Instance, bound: f64) -> f64 {
    let bound = bound.max(0.0) * (1.0 + BOUND_RELAXATION);
    let profits = || instance.requests.iter().map(|request| request.profit);
    if profits().all(|profit| profit.fract() == 0.0) {
        bound.floor()
    } else if bound < profits().fold(f64::INFINITY, f64::min) {
        0.0
    } else {
        bound
    }
}

impl Algorithm<Throughput> for Milp {
    fn id(&self) -> &str {
        "milp"
    }

    fn about(&self) -> &str {
        "generalised-assignment MILP through good_lp and HiGHS (bound reported by HiGHS, certified by the root's dual prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        let began = Instant::now();
        let needs = Needs::new(instance);
        if needs.pairs() > MAX_BINARIES {
            return Answer::declined(format!("the model would have more than {MAX_BINARIES} binaries"));
        }
        let Model { program, pairs, constant, unit } = Model::new(&needs, || variable().binary());
        let built_s = began.elapsed().as_secs_f64();
        let certified = root::certified(&needs, budget, began);
        if budget.is_spent(began) {
            return highs::beside(Answer::nothing(Stop::TimeLimit), certified);
        }
        // A model without variables is no model to HiGHS.
        if pairs.is_empty() {
            let (solution, objective) = needs.solution(&vec![None; needs.open.len()]);
            return highs::beside(highs::bounded(Answer::found(solution, objective), Some(objective)), certified);
        }
        let read = |values: &[f64]| {
            let mut chosen = vec![None; needs.open.len()];
            for ((at, j), _) in pairs.iter().zip(values).filter(|(_, value)| **value > 0.5) {
                chosen[*at as usize] = Some(*j);
            }
            needs.fits(&chosen).then(|| needs.solution(&chosen))
        };
        let limits = Limits::exact(budget, began.elapsed().as_secs_f64());
        let bound = |bound: f64| whole(instance, constant + unit * bound);
        highs::beside(highs::answer(program, limits, built_s, None, read, bound), certified)
    }
}
