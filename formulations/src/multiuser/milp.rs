//! Multiple choice through HiGHS.
//!
//! An option of user i is a unit count f at which T_i*(f) strictly falls, with its best cut; the others are dominated.
//!
//! ```text
//! x_io in {0,1}     user i takes option o = (units f_io, latency T_io)
//! sum_o x_io = 1    for every user
//! sum_io f_io x_io <= beta
//! max:  minimise t  with  t >= sum_o T_io x_io for every user
//! sum:  minimise sum_io T_io x_io
//! ```
//!
//! Latencies are divided by the largest all-local one, so that coefficients are at most 1. For `max` no user needs more than what gets it
//! to the largest T_i*(beta), below which the maximum cannot fall; options beyond are left out. That changes no optimum.

use std::time::Instant;

use good_lp::{Expression, ProblemVariables, Variable, constraint, variable};
use offcut_instances::multiuser::{Instance, Multiuser, Objective};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop};

use super::latency::Latencies;
use crate::highs::{self, Limits};

/// Above this many binaries the model is not built: HiGHS then no longer minds its time limit while it presolves.
const MOST_BINARIES: usize = 200_000;

/// Multiple choice through HiGHS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milp;

/// The model's variables, in the order HiGHS has them.
struct Variables {
    problem: ProblemVariables,
    /// Per user, its options.
    choices: Vec<Vec<Variable>>,
    /// For `max`, the maximum.
    worst: Option<Variable>,
}

impl Variables {
    fn new(options: &[Vec<(u32, f64)>], objective: Objective) -> Self {
        let mut problem = ProblemVariables::new();
        let choices = options.iter().map(|options| problem.add_vector(variable().binary(), options.len())).collect();
        let worst = (objective == Objective::Max).then(|| problem.add(variable().min(0.0)));
        Self { problem, choices, worst }
    }
}

impl Algorithm<Multiuser> for Milp {
    fn id(&self) -> &str {
        "milp"
    }

    fn about(&self) -> &str {
        "multiple-choice MILP through good_lp and HiGHS (max and sum; bound on HiGHS's word)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let enough = match instance.objective {
            Objective::Max => {
                let alone = (0..latencies.users()).map(|user| latencies.best(user, latencies.units()));
                alone.fold(0.0, f64::max)
            }
            Objective::Sum => f64::NEG_INFINITY,
        };
        let mut binaries = 0;
        let mut options = Vec::with_capacity(latencies.users());
        for user in 0..latencies.users() {
            let Some(falls) = latencies.falls(user, enough, MOST_BINARIES - binaries) else {
                return Answer::declined(format!("the model would have more than {MOST_BINARIES} binaries"));
            };
            binaries += falls.len();
            options.push(falls);
        }
        let scale = (0..latencies.users()).map(|user| latencies.local(user)).fold(0.0, f64::max);
        let scale = if scale > 0.0 { scale } else { 1.0 };

        let Variables { problem, choices, worst } = Variables::new(&options, instance.objective);
        let mut capacity = Expression::with_capacity(binaries);
        let mut total = Expression::with_capacity(if worst.is_some() { 1 } else { binaries });
        let mut rows = Vec::with_capacity(2 * options.len() + 1);
        for (options, choices) in options.iter().zip(&choices) {
            let mut one = Expression::with_capacity(options.len());
            let mut latency = Expression::with_capacity(options.len() + 1);
            for ((units, latency_s), choice) in options.iter().zip(choices) {
                one.add_mul(1.0, *choice);
                latency.add_mul(latency_s / scale, *choice);
                capacity.add_mul(f64::from(*units), *choice);
            }
            rows.push(constraint!(one == 1.0));
            match worst {
                Some(worst) => rows.push(constraint!(latency <= worst)),
                None => total += latency,
            }
        }
        rows.push(constraint!(capacity <= f64::from(latencies.units())));
        if let Some(worst) = worst {
            total.add_mul(1.0, worst);
        }
        if budget.is_spent(began) {
            return Answer::nothing(Stop::TimeLimit);
        }
        let model = problem.minimise(total);
        let built_s = began.elapsed().as_secs_f64();
        let read = |values: &[f64]| {
            let mut first = 0;
            let units: Vec<u32> = options
                .iter()
                .map(|options| {
                    let chosen = &values[first..first + options.len()];
                    first += options.len();
                    let most = (0..chosen.len()).max_by(|a, b| chosen[*a].total_cmp(&chosen[*b]));
                    options[most.expect("all local is an option")].0
                })
                .collect();
            let objective = latencies.objective(&units);
            (latencies.with_best_cuts(units), objective)
        };
        // Latencies are at least 0, so no bound below 0 says anything.
        let bound = |bound: f64| (bound * scale).max(0.0);
        highs::answer(model, rows, Limits::exact(budget, built_s), built_s, read, bound)
    }
}
