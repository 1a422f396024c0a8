//! The bound at rates of servers: the certificate that methods hand over beside what a solver reports.
//!
//! Whatever the rates r >= 0, `A^2/R >= 2 r A - r^2 R` makes flows' shortest paths a bound (module `price`). Rates come from duals:
//!
//! | method | duals | rate of a server |
//! |---|---|---|
//! | `milp-oa` | y_k of its tangents with slopes r_k, in the root relaxation | sum_k y_k r_k: by convexity its tangent is no lower than the mixture |
//! | `milp-units` | p of its units, in the root relaxation | sqrt(p / unit): min over f of a^2/f + p f |
//! | `socp` | (z_0, z_1, z_2) of its cone | -z_2, as z_0 + z_1 = 1 and z_0^2 >= z_1^2 + z_2^2 |
//! | `exhaustive`, and where there are no duals | the continuous relaxation of module `price` | A/R |

use std::time::Instant;

use offcut_instances::jpdra::{Certificate, Jpdra, Node};
use offcut_instances::problem::{Answer, Budget, Stop};

use super::model::{Deployed, MAX_SERVERS, Model};
use super::price::relaxed;
use crate::highs;

/// How close the rates of module `price` have to be to the best ones, relative to the bound.
const CONVERGENCE_TOL: f64 = 1e-6;

/// A bound as it is handed over, with its certificate.
pub(super) type Certified = (f64, Certificate);

/// The bound at some rates; none if a flow has no path.
pub(super) fn bound_at(model: &Model, mut rates: Vec<f64>) -> Option<Certified> {
    // (Numbers below 1e-60 are outside the range of certificates.)
    rates.iter_mut().filter(|rate| !(rate.is_finite() && **rate >= 1e-60)).for_each(|rate| *rate = 0.0);
    let paid: f64 = rates.iter().enumerate().map(|(m, rate)| rate * rate * model.speed(m)).sum();
    let paths: f64 = (0..model.flows.len()).map(|s| shortest(model, s, &rates)).sum();
    // What is rounded is relative to what is added up, not to what is left.
    let value = (paths - paid - 1e-12 * (paths + paid)).max(0.0);
    (paths < f64::INFINITY).then(|| (value, certificate(rates)))
}

fn certificate(rates: Vec<f64>) -> Certificate {
    Certificate { prices: Vec::new(), nodes: vec![Node::Marginal { rates }] }
}

/// Whether a partition fits a server in exact arithmetic, which is what the checker asks.
fn may_fit(model: &Model, i: usize, m: usize) -> bool {
    model.fits(i, m) || model.is_full(i, m)
}

/// The cost of the shortest path of flow `s`; infinite if it has none.
fn shortest(model: &Model, s: usize, rates: &[f64]) -> f64 {
    let range = model.flows[s].clone();
    let servers = || 0..model.servers();
    let cost = |i: usize, m: usize| {
        let rate = rates[m];
        if may_fit(model, i, m) { rate * (2.0 * model.root(i, m) + rate * model.load(i, m)) } else { f64::INFINITY }
    };
    let mut reached: Vec<f64> = servers().map(|m| model.enter(s)[m] + cost(range.start, m)).collect();
    for i in range.clone().skip(1) {
        let from = |to: usize| servers().map(|m| reached[m] + model.hop(i - 1, m, to)).fold(f64::INFINITY, f64::min);
        reached = servers().map(|to| from(to) + cost(i, to)).collect();
    }
    servers().map(|m| reached[m] + model.leave(s)[m]).fold(f64::INFINITY, f64::min)
}

/// The bound at the rates of the continuous relaxation; where that cannot be solved, at those of a deployment, or at none.
pub(super) fn bound_of_relaxation(
    model: &Model,
    known: Option<&Deployed>,
    is_out_of_time: &dyn Fn() -> bool,
) -> Option<Certified> {
    let is_full = |i: usize| (0..model.servers()).any(|m| model.is_full(i, m));
    let can_solve = model.servers() <= MAX_SERVERS && !(0..model.partitions()).any(is_full);
    let rates = can_solve.then(|| relaxed(model, CONVERGENCE_TOL, is_out_of_time)).flatten().map(|found| found.rates);
    bound_at(model, rates.unwrap_or_else(|| rates_of(model, known)))
}

/// A/R of every server in a deployment.
fn rates_of(model: &Model, known: Option<&Deployed>) -> Vec<f64> {
    let Some((_, on)) = known else { return vec![0.0; model.servers()] };
    let rate = |(m, set): (usize, &Vec<usize>)| {
        let (load, roots) = model.sums(m, set);
        roots / (model.speed(m) - load)
    };
    model.sets(on).iter().enumerate().map(rate).collect()
}

/// The bound at rates made of the duals of a root relaxation; where there are none, that of [`bound_of_relaxation`]. `duals` may take so many seconds. None
/// while a model is exported.
pub(super) fn bound_of_root(
    model: &Model,
    known: Option<&Deployed>,
    budget: &Budget,
    began: Instant,
    duals: impl FnOnce(Option<f64>) -> Option<Vec<f64>>,
) -> Option<Certified> {
    highs::root_bound::<Jpdra>(|| match duals(highs::root_time_s(budget, began)) {
        Some(rates) => bound_at(model, rates),
        None => bound_of_relaxation(model, known, &|| highs::is_root_out_of_time(budget, began)),
    })
}

/// The answer that a partition fits no server: any rates prove it, unless only a rounding says so.
pub(super) fn fits_nowhere(model: &Model) -> Answer<Jpdra> {
    let answer = Answer::nothing(Stop::Infeasible);
    let is_proved = (0..model.partitions()).any(|i| !(0..model.servers()).any(|m| may_fit(model, i, m)));
    if is_proved { answer.certified(0.0, certificate(vec![0.0; model.servers()])) } else { answer }
}
