//! The continuous relaxation as a second-order cone program, through Clarabel.
//!
//! ```text
//! arcs of the layered graphs in [0, 1], a unit through every flow (module `arcs`)
//! A_m = sum a_i x_im,  R_m = F_m - sum rho_i x_im,   t_m R_m >= A_m^2  as  |(2 A_m, t_m - R_m)| <= t_m + R_m
//! minimise ways + sum t_m
//! ```
//!
//! Its value is the best price bound (module `price`), found in another way. Loads are in units of the mean speed, delays in units of what all
//! would take on one server: Clarabel wants data of about 1. Its mixture is rounded and improved.

use std::time::Instant;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Stop, Trace};
use offcut_instances::random::Stream;

use super::arcs::{Arc, arcs};
use super::local::rounded;
use super::milp::fits_everywhere;
use super::model::Model;

/// The continuous relaxation through Clarabel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socp;

/// Above this many arcs no model is built.
const MOST_ARCS: usize = 500_000;

/// What Clarabel says: its dual objective and the shares of places. Shape (partitions, servers), flat.
pub(super) struct Relaxed {
    pub(super) bound: f64,
    pub(super) shares: Vec<f64>,
    pub(super) iterations: u64,
}

/// The relaxation; `None` if it has no solution.
///
/// # Errors
/// Clarabel's words if it neither solves it nor says that there is none.
pub(super) fn relaxed(model: &Model, arcs: &[Arc], time_s: Option<f64>) -> Result<Option<Relaxed>, String> {
    let (servers, partitions) = (model.servers(), model.partitions());
    let speed = model.mean_speed();
    let scale = model.pooled_delay();
    // In these units a delay is a'^2/R' with a' = a / sqrt(scale * speed).
    let (unit_root, unit_load) = ((scale * speed).sqrt(), speed);
    let delays = arcs.len();
    let variables = delays + servers;
    let mut costs: Vec<f64> = arcs.iter().map(|arc| arc.cost / scale).collect();
    costs.resize(variables, 1.0);

    let (mut rows, mut columns, mut values, mut right) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut put = |row: usize, column: usize, value: f64| {
        rows.push(row);
        columns.push(column);
        values.push(value);
    };
    // What enters a place leaves it; one unit enters each flow.
    for (at, arc) in arcs.iter().enumerate() {
        if let Some((i, m)) = arc.to {
            put(i * servers + m, at, 1.0);
        }
        if let Some((i, m)) = arc.from {
            put(i * servers + m, at, -1.0);
        }
    }
    let mut row = partitions * servers;
    right.resize(row, 0.0);
    for range in &model.flows {
        let enters = |arc: &Arc| arc.from.is_none() && arc.to.is_some_and(|(i, _)| i == range.start);
        arcs.iter().enumerate().filter(|(_, arc)| enters(arc)).for_each(|(at, _)| put(row, at, 1.0));
        right.push(1.0);
        row += 1;
    }
    let equalities = row;
    // Arcs are not below 0.
    for at in 0..arcs.len() {
        put(row, at, -1.0);
        right.push(0.0);
        row += 1;
    }
    // Cones: s = b - A x = (t + R, t - R, 2 A).
    let mut cones = vec![SupportedConeT::ZeroConeT(equalities), SupportedConeT::NonnegativeConeT(arcs.len())];
    for m in 0..servers {
        let capacity = model.speed(m) / unit_load;
        put(row, delays + m, -1.0);
        put(row + 1, delays + m, -1.0);
        for (at, arc) in arcs.iter().enumerate() {
            if let Some((i, _)) = arc.to.filter(|(_, server)| *server == m) {
                put(row, at, model.loads[i] / unit_load);
                put(row + 1, at, -model.loads[i] / unit_load);
                put(row + 2, at, -2.0 * model.roots[i] / unit_root);
            }
        }
        right.extend([capacity, -capacity, 0.0]);
        row += 3;
        cones.push(SupportedConeT::SecondOrderConeT(3));
    }
    let matrix = CscMatrix::new_from_triplets(row, variables, rows, columns, values);
    let quadratic = CscMatrix::zeros((variables, variables));
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .time_limit(time_s.unwrap_or(f64::INFINITY))
        .tol_gap_abs(1e-10)
        .tol_gap_rel(1e-10)
        .tol_feas(1e-10)
        .build()
        .map_err(|error| format!("Clarabel refuses a setting: {error}"))?;
    let mut solver = DefaultSolver::new(&quadratic, &costs, &matrix, &right, &cones, settings)
        .map_err(|error| format!("Clarabel refuses the model: {error}"))?;
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {}
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => return Ok(None),
        status => return Err(format!("Clarabel says {status:?}")),
    }
    let mut shares = vec![0.0f64; partitions * servers];
    for (arc, value) in arcs.iter().zip(&solver.solution.x) {
        if let Some((i, m)) = arc.to {
            shares[i * servers + m] += value.max(0.0);
        }
    }
    let bound = solver.solution.obj_val_dual * scale;
    Ok(Some(Relaxed { bound, shares, iterations: solver.solution.iterations.into() }))
}

impl Algorithm<Jpdra> for Socp {
    fn id(&self) -> &str {
        "socp"
    }

    fn about(&self) -> &str {
        "the continuous relaxation through Clarabel (bound on its word), its mixture rounded and improved"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let is_out_of_time = || budget.is_spent(began);
        let model = Model::new(instance);
        if !fits_everywhere(&model) {
            return Answer::nothing(Stop::Infeasible);
        }
        let arcs = arcs(&model);
        if arcs.len() > MOST_ARCS {
            return Answer::declined(format!("the model would have more than {MOST_ARCS} arcs"));
        }
        let relaxed = match relaxed(&model, &arcs, budget.time_s) {
            Ok(Some(relaxed)) => relaxed,
            Ok(None) => return Answer::nothing(Stop::Infeasible),
            Err(words) => return Answer::failed(words),
        };
        let mut stream = Stream::new(&["jpdra", "socp"], budget.seed);
        let best = rounded(&model, &relaxed.shares, &mut stream, &is_out_of_time);
        let mut answer = model.answer(Stop::Completed, best.as_ref());
        let word = Evidence::SolverWord("Clarabel dual objective".into());
        answer.proved = Some(Bound { value: relaxed.bound, evidence: word });
        answer.traced(Trace::counting([("iterations", relaxed.iterations)]))
    }
}
