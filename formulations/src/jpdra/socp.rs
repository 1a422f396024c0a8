//! The continuous relaxation as a second-order cone program, through Clarabel.
//!
//! ```text
//! arcs of the layered graphs in [0, 1], a unit through every flow (module `arcs`)
//! A_m = sum a_i x_im,  R_m = F_m - sum rho_i x_im,   t_m R_m >= A_m^2  as  |(2 A_m, t_m - R_m)| <= t_m + R_m
//! minimise transfers + sum t_m
//! ```
//!
//! Its value is the best price bound (module `price`), found in another way. Loads are in units of the mean speed, delays in units of what all
//! would take on one server: Clarabel wants data of about 1. Its mixture is rounded and improved. The duals of its cones are rates of servers, which certify
//! the bound (module `rates`).

use std::time::Instant;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettingsBuilder, DefaultSolution, DefaultSolver, IPSolver, SolverStatus, SupportedConeT,
};
use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Stop, Trace};
use offcut_instances::random::Stream;

use super::arcs::{Arc, arcs};
use super::local_search::{first_deployment, keep, rounded};
use super::milp::{CUTOFF, fits_everywhere, size};
use super::model::Model;
use super::rates::{bound_at, fits_nowhere};
use crate::highs;

/// The continuous relaxation through Clarabel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socp;

/// Above this many arcs no model is built.
const MAX_ARCS: usize = 500_000;

/// Clarabel's tolerances.
const TOLERANCE: f64 = 1e-10;

/// With an arc that costs this many times the scale of all, arcs that cost more than a known deployment are left out.
const DEAR: f64 = 1e3;

/// What Clarabel says: its dual objective, as a bound relaxed by what its residuals can falsify, and the shares of assignments. Shape (partitions, servers), flat.
pub(super) struct Relaxed {
    /// The dual objective as Clarabel states it.
    #[cfg(test)]
    pub(super) value: f64,
    pub(super) bound: f64,
    pub(super) shares: Vec<f64>,
    /// Rates of servers, from the duals of their cones.
    pub(super) rates: Vec<f64>,
    pub(super) iterations: u64,
}

/// The relaxation; `None` if it has no solution.
///
/// # Errors
/// Clarabel's message if it neither solves it nor reports infeasible.
pub(super) fn relaxed(model: &Model, arcs: &[Arc], time_s: Option<f64>) -> Result<Option<Relaxed>, String> {
    let (servers, partitions) = (model.servers(), model.partitions());
    let scale = model.pooled_delay();
    let mut program = ConeProgram::new(model, arcs, scale);
    program.conserve_flow();
    program.bound_arcs();
    program.bound_delays();
    let costs = program.costs.clone();
    let first_cone = program.right.len() - 3 * servers;
    let solver = program.solved(time_s)?;
    let solution = &solver.solution;
    let Some(error) = dual_error(model, &costs, solution)? else { return Ok(None) };
    let mut shares = vec![0.0f64; partitions * servers];
    for (arc, value) in arcs.iter().zip(&solution.x) {
        if let Some((i, m)) = arc.to {
            shares[i * servers + m] += value.max(0.0);
        }
    }
    // In the program's units A and R are divided by sqrt(scale * typical) and typical, delays by the scale.
    let rate = |m: usize| -solution.z[first_cone + 3 * m + 2] * (scale / model.typical_speed(m)).sqrt();
    let rates = (0..servers).map(rate).collect();
    let bound = ((solution.obj_val_dual - error) * scale).max(0.0);
    Ok(Some(Relaxed {
        #[cfg(test)]
        value: solution.obj_val_dual * scale,
        bound,
        shares,
        rates,
        iterations: solution.iterations.into(),
    }))
}

/// Minimise `costs x` with `right - A x` in the cones; A is kept by triplets. Arcs are the first variables, delays of servers the others.
struct ConeProgram<'a> {
    model: &'a Model<'a>,
    arcs: &'a [Arc],
    /// A delay of the right size. With speeds in units of a server's, a delay is a'^2/R' with a' = a / sqrt(scale * speed).
    scale: f64,
    costs: Vec<f64>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    right: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

impl<'a> ConeProgram<'a> {
    fn new(model: &'a Model<'a>, arcs: &'a [Arc], scale: f64) -> Self {
        let mut costs: Vec<f64> = arcs.iter().map(|arc| arc.cost / scale).collect();
        costs.resize(arcs.len() + model.servers(), 1.0);
        Self {
            model,
            arcs,
            scale,
            costs,
            rows: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
            right: Vec::new(),
            cones: Vec::new(),
        }
    }

    fn put(&mut self, row: usize, column: usize, value: f64) {
        self.rows.push(row);
        self.columns.push(column);
        self.values.push(value);
    }

    /// What enters an assignment leaves it; one unit enters each flow.
    fn conserve_flow(&mut self) {
        let (model, arcs, servers) = (self.model, self.arcs, self.model.servers());
        for (at, arc) in arcs.iter().enumerate() {
            if let Some((i, m)) = arc.to {
                self.put(i * servers + m, at, 1.0);
            }
            if let Some((i, m)) = arc.from {
                self.put(i * servers + m, at, -1.0);
            }
        }
        self.right.resize(model.partitions() * servers, 0.0);
        for range in &model.flows {
            let enters = |arc: &Arc| arc.from.is_none() && arc.to.is_some_and(|(i, _)| i == range.start);
            let row = self.right.len();
            arcs.iter().enumerate().filter(|(_, arc)| enters(arc)).for_each(|(at, _)| self.put(row, at, 1.0));
            self.right.push(1.0);
        }
        self.cones.push(SupportedConeT::ZeroConeT(self.right.len()));
    }

    /// Arcs are not below 0.
    fn bound_arcs(&mut self) {
        for at in 0..self.arcs.len() {
            self.put(self.right.len(), at, -1.0);
            self.right.push(0.0);
        }
        self.cones.push(SupportedConeT::NonnegativeConeT(self.arcs.len()));
    }

    /// Cones: s = b - A x = (t + R, t - R, 2 A).
    fn bound_delays(&mut self) {
        let (model, arcs) = (self.model, self.arcs);
        for m in 0..model.servers() {
            let unit_load = model.typical_speed(m);
            let unit_root = (self.scale * unit_load).sqrt();
            let (row, delay) = (self.right.len(), arcs.len() + m);
            let capacity = model.speed(m) / unit_load;
            self.put(row, delay, -1.0);
            self.put(row + 1, delay, -1.0);
            for (at, arc) in arcs.iter().enumerate() {
                if let Some((i, _)) = arc.to.filter(|(_, server)| *server == m) {
                    self.put(row, at, model.load(i, m) / unit_load);
                    self.put(row + 1, at, -model.load(i, m) / unit_load);
                    self.put(row + 2, at, -2.0 * model.root(i, m) / unit_root);
                }
            }
            self.right.extend([capacity, -capacity, 0.0]);
            self.cones.push(SupportedConeT::SecondOrderConeT(3));
        }
    }

    fn solved(self, time_s: Option<f64>) -> Result<DefaultSolver<f64>, String> {
        let Self { costs, rows, columns, values, right, cones, .. } = self;
        let matrix = CscMatrix::new_from_triplets(right.len(), costs.len(), rows, columns, values);
        let quadratic = CscMatrix::zeros((costs.len(), costs.len()));
        let settings = DefaultSettingsBuilder::default()
            .verbose(false)
            .time_limit(time_s.unwrap_or(f64::INFINITY))
            .tol_gap_abs(TOLERANCE)
            .tol_gap_rel(TOLERANCE)
            .tol_feas(TOLERANCE)
            .build()
            .map_err(|error| format!("Clarabel rejects a setting: {error}"))?;
        let mut solver = DefaultSolver::new(&quadratic, &costs, &matrix, &right, &cones, settings)
            .map_err(|error| format!("Clarabel rejects the model: {error}"))?;
        solver.solve();
        Ok(solver)
    }
}

/// By how much Clarabel's dual objective may exceed a bound; `None` if it reports infeasible.
///
/// # Errors
/// Its status and the ratio of the costs, if it solved nothing.
fn dual_error(model: &Model, costs: &[f64], solution: &DefaultSolution<f64>) -> Result<Option<f64>, String> {
    // A dual residual is, relative to costs, as much for each unit that the columns of a solution sum up to.
    let dearest = costs.iter().copied().fold(1.0, f64::max);
    let residual = solution.r_dual.abs().max(TOLERANCE);
    match solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            Ok(Some(residual * dearest * size(model) + TOLERANCE * solution.obj_val_dual.abs()))
        }
        SolverStatus::PrimalInfeasible => Ok(None),
        status => {
            let cheapest = costs.iter().copied().filter(|cost| *cost > 0.0).fold(f64::INFINITY, f64::min);
            Err(format!("Clarabel ended with {status:?}; the ratio of the costs is {:.1e}", dearest / cheapest))
        }
    }
}

impl Algorithm<Jpdra> for Socp {
    fn id(&self) -> &str {
        "socp"
    }

    fn about(&self) -> &str {
        "the continuous relaxation through Clarabel (bound reported by Clarabel, certified by its duals), its solution rounded and improved"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let is_out_of_time = || budget.is_spent(began);
        let model = Model::new(instance);
        if !fits_everywhere(&model) {
            return fits_nowhere(&model);
        }
        let mut arcs = arcs(&model);
        if arcs.len() > MAX_ARCS {
            return Answer::declined(format!("the model would have more than {MAX_ARCS} arcs"));
        }
        let mut stream = Stream::new(&["jpdra", "socp"], budget.seed);
        let mut known = None;
        if arcs.iter().any(|arc| arc.cost > DEAR * model.pooled_delay()) {
            known = first_deployment(&model, &mut stream, &is_out_of_time);
            let cutoff = known.as_ref().map_or(f64::INFINITY, |(delay, _)| delay * CUTOFF);
            arcs.retain(|arc| arc.cost <= cutoff);
        }
        let left = budget.time_s.map(|time_s| (time_s - began.elapsed().as_secs_f64()).max(0.0));
        let relaxed = match relaxed(&model, &arcs, left) {
            Ok(Some(relaxed)) => relaxed,
            Ok(None) if known.is_some() => {
                return Answer::declined("Clarabel reports infeasible, but a solution is known");
            }
            Ok(None) => return Answer::nothing(Stop::Infeasible),
            Err(words) => return Answer::declined(words),
        };
        let mut best = rounded(&model, &relaxed.shares, &mut stream, &is_out_of_time);
        keep(&mut best, known);
        let mut answer = model.answer(Stop::Completed, best.as_ref());
        answer.trace = Trace::counting([("iterations", relaxed.iterations)]);
        // A bound that the answer's own solution contradicts is withdrawn.
        if answer.found.as_ref().is_some_and(|claim| claim.objective < relaxed.bound) {
            answer.trace.counts.insert("bounds withdrawn".into(), 1);
        } else if relaxed.bound > 0.0 {
            let word = Evidence::SolverReported("Clarabel dual objective".into());
            answer.proved = Some(Bound { value: relaxed.bound, evidence: word });
        }
        highs::beside(answer, bound_at(&model, relaxed.rates))
    }
}
