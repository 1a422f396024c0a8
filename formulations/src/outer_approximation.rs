//! Outer approximation: a convex term is replaced by tangents from below, and tangents are added where the last solution needs them.
//!
//! ```text
//! repeat   solve the MILP with all tangents known: its bound is a bound of the convex problem
//!          evaluate its solution as it is: an incumbent
//!          add the tangents at that solution
//! until    incumbent and bound meet, or no new tangent cuts the solution off
//! ```
//!
//! Tangents of a function t(z) that is convex and positively homogeneous, as A^2/R is, depend on one number r, its slope; a geometric grid of
//! slopes with ratio q makes the error of the first round at most ((q-1)/(q+1))^2, relative: see [`grid`].

use std::time::Instant;

use offcut_instances::problem::{Budget, Incumbent, Parameter, ParameterRange, Stop, Trace};

use crate::highs::{self, Limits, Outcome, Program, Status};

/// A convex problem, approximated by tangents.
pub trait Tangents {
    /// The MILP with all tangents known so far.
    fn model(&self) -> Program;

    /// Evaluates a solution of the MILP, given the values of its variables: its true objective, if it is feasible. Adds the tangents
    /// at it and says how many are new.
    fn refine(&mut self, values: &[f64]) -> (Option<f64>, usize);
}

/// The parameter of methods that begin with a grid of tangents.
pub fn grid_error(default: f64) -> Parameter {
    let about = "relative error of the grid of tangents before the first solution";
    Parameter { name: "error", default, range: ParameterRange::reals(1e-6, 0.999), about }
}

/// How a loop ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why it stopped.
    pub stop: Stop,
    /// The best bound that HiGHS stated, relaxed by what its tolerances can falsify.
    pub bound: Option<f64>,
    /// Rounds, nodes, the last model's size, and the incumbents.
    pub trace: Trace,
}

/// Runs the loop until incumbent and bound are within `gap`, relative. `known` is the objective of an incumbent known before, if any.
///
/// # Errors
/// [`Stop::Declined`] if HiGHS's tolerances cannot hold the first model, [`Stop::Failed`] with HiGHS's message if it fails.
pub fn run(tangents: &mut impl Tangents, known: Option<f64>, gap: f64, budget: &Budget) -> Result<Ended, Stop> {
    let began = Instant::now();
    let mut best = known;
    let (mut bound, mut stated): (Option<f64>, Option<f64>) = (None, None);
    let raised = |known: Option<f64>, bound: f64| Some(known.map_or(bound, |known| known.max(bound)));
    let mut trace = Trace::counting([("rounds", 0), ("nodes", 0)]);
    trace.build_s = Some(0.0);
    let stop = loop {
        let built = Instant::now();
        let program = tangents.model().relaxing();
        let built_s = built.elapsed().as_secs_f64();
        if budget.is_spent(began) {
            break Stop::TimeLimit;
        }
        let left = budget.time_s.map(|time_s| (time_s - began.elapsed().as_secs_f64()).max(0.0));
        // A tenth of the gap is left to HiGHS, the rest to the tangents.
        let limits = Limits { time_s: left, relative_gap: gap / 10.0, seed: budget.seed };
        let outcome = match highs::solve(program, 0.0, limits) {
            Ok(outcome) => outcome,
            // The tangents have become too steep for HiGHS: the results of the rounds before stand.
            Err(Stop::Declined(_)) if bound.is_some() => break Stop::Completed,
            Err(stop) => return Err(stop),
        };
        count_round(&mut trace, &outcome, built_s);
        if let Some((of_round, relaxed)) = outcome.stated.zip(outcome.bound).filter(|(stated, _)| stated.is_finite()) {
            (stated, bound) = (raised(stated, of_round), raised(bound, relaxed));
        }
        let is_timed_out = match &outcome.status {
            Status::Optimal => false,
            Status::TimeLimit => true,
            Status::Infeasible | Status::UnboundedOrInfeasible if best.is_some() => {
                // A solution is known: HiGHS's earlier bounds are as unreliable as this status.
                bound = None;
                trace.counts.insert("bounds withdrawn".into(), 1);
                break Stop::Completed;
            }
            Status::Infeasible | Status::UnboundedOrInfeasible if bound.is_none() => break Stop::Infeasible,
            other => return Err(Stop::Failed(format!("HiGHS reports {other:?} for a bounded model"))),
        };
        let mut new = 0;
        if let Some(values) = &outcome.values {
            let (objective, cuts) = tangents.refine(values);
            new = cuts;
            if let Some(objective) = objective.filter(|objective| best.is_none_or(|best| *objective < best)) {
                best = Some(objective);
                trace.incumbents.push(Incumbent { at_s: began.elapsed().as_secs_f64(), objective });
            }
        }
        let meets = best.zip(stated).is_some_and(|(best, bound)| best - bound <= gap * best.abs());
        if meets || !is_timed_out && new == 0 {
            break Stop::Completed;
        }
        if is_timed_out {
            break Stop::TimeLimit;
        }
    };
    Ok(Ended { stop, bound, trace })
}

/// Adds a round to the trace; its model took `built_s` seconds before HiGHS had it.
fn count_round(trace: &mut Trace, outcome: &Outcome, built_s: f64) {
    *trace.counts.get_mut("rounds").expect("there") += 1;
    *trace.counts.get_mut("nodes").expect("there") += outcome.nodes;
    trace.counts.insert("columns".into(), outcome.columns as u64);
    trace.counts.insert("rows".into(), outcome.rows as u64);
    trace.build_s = trace.build_s.map(|s| s + built_s + outcome.build_s);
}

/// Slopes from `low` to `high` in a geometric grid whose tangents miss A^2/R by at most `error`, relative, wherever A/R is between them.
///
/// With slope s between r and q r the nearer tangent misses (1 - r/s)^2 or (q r/s - 1)^2 of it: at worst ((q-1)/(q+1))^2.
/// ```
/// use offcut_formulations::outer_approximation::grid;
/// let slopes = grid(1.0, 100.0, 0.01);
/// let miss = |s: f64| slopes.iter().map(|r| (1.0 - r / s).powi(2)).fold(f64::INFINITY, f64::min);
/// assert!((0..1000).all(|at| miss(1.0 + 0.099 * f64::from(at)) <= 0.01));
/// assert_eq!(slopes.len(), 24);
/// ```
pub fn grid(low: f64, high: f64, error: f64) -> Vec<f64> {
    let root = error.sqrt();
    let ratio = (1.0 + root) / (1.0 - root);
    let steps = ((high / low).ln() / ratio.ln()).ceil().max(0.0) as i32;
    (0..=steps).map(|step| low * ratio.powi(step)).collect()
}
