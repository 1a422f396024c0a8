//! The relaxation of the generalised assignment problem through HiGHS, and the integral part of its solution.
//!
//! The duals of the capacity rows are prices: as a certificate they prove the LP bound, or better, whatever HiGHS's accuracy. The solution keeps
//! the requests that the relaxation serves entirely by one cloudlet; a vertex splits at most as many as there are cloudlets. If time runs out, there are no
//! duals, and the bound is that of other prices (module `bound`).

use std::time::Instant;

use good_lp::variable;
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};
use offcut_instances::throughput::{Instance, Throughput};

use super::assignment::{MAX_BINARIES, Model};
use super::root::{self, Duals};
use super::threads::Needs;

/// The relaxation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lp;

impl Algorithm<Throughput> for Lp {
    fn id(&self) -> &str {
        "lp"
    }

    fn about(&self) -> &str {
        "LP relaxation through good_lp and HiGHS: the integral part of its solution, and its dual prices as certificate"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        let began = Instant::now();
        let needs = Needs::new(instance);
        if needs.pairs() > 5 * MAX_BINARIES {
            return Answer::declined(format!("the model would have more than {} variables", 5 * MAX_BINARIES));
        }
        let Model { program, pairs, unit, .. } = Model::new(&needs, || variable().min(0.0));
        let mut prices = vec![0.0; needs.cloudlets()];
        let mut chosen = vec![None; needs.open.len()];
        let mut trace = Trace { build_s: Some(began.elapsed().as_secs_f64()), ..Trace::default() };
        if !pairs.is_empty() {
            let time_s = budget.time_s.map(|time_s| (time_s - began.elapsed().as_secs_f64()).max(0.0));
            let relaxed = match root::duals(&needs, program, unit, time_s) {
                Ok(Some(Duals { relaxed, prices: of_rows })) => {
                    prices = of_rows;
                    relaxed
                }
                Ok(None) => {
                    let prices = root::prices_without_highs(&needs, &|| budget.is_spent(began));
                    let (value, certificate) = root::bound_at(&needs, prices);
                    return Answer::nothing(Stop::TimeLimit).certified(value, certificate).traced(trace);
                }
                Err(stop) => return Answer::nothing(stop).traced(trace),
            };
            for ((at, j), _) in pairs.iter().zip(&relaxed.values).filter(|(_, value)| **value > 1.0 - 1e-7) {
                chosen[*at as usize] = Some(*j);
            }
            trace.counts.insert("iterations".into(), relaxed.iterations);
            trace.counts.insert("columns".into(), pairs.len() as u64);
        }
        // (Values are whole to within HiGHS's tolerance: what they stand for can be more than fits.)
        if !needs.fits(&chosen) {
            chosen.fill(None);
        }
        let (solution, objective) = needs.solution(&chosen);
        let (value, certificate) = root::bound_at(&needs, prices);
        Answer::found(solution, objective).certified(value, certificate).traced(trace)
    }
}
