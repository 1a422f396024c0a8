//! Mixed-integer programs through HiGHS.
//!
//! `milp-oa` (speeds shared continuously; with units its bound holds, being below):
//!
//! ```text
//! x_im in {0,1}, sum_m x_im = 1;  arcs of the layered graphs (module `arcs`)
//! A_m = sum a_i x_im,  R_m = F_m - sum rho_i x_im >= 0
//! t_m >= 2 r A_m - r^2 R_m     for slopes r: a geometric grid, then A_m/R_m of every solution found
//! minimise transfers + sum t_m
//! ```
//!
//! `milp-units`: a binary for every partition, server and number of units, and no tangents: the delay of k units is a number.
//!
//! Both solve their first model's relaxation once before, for at most a tenth of the time: its duals become rates of servers, the certified bound beside HiGHS's
//! (module `rates`).
//!
//! HiGHS's tolerances are absolute: delays are in units of a known deployment's, where there is one, and what alone would take longer than that (an
//! arc, a number of units) is left out; no server's delay is longer either.

use std::time::Instant;

use good_lp::{Constraint, Expression, ProblemVariables, Variable, VariableDefinition, constraint, variable};
use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Budget, Parameter, Problem, Setting, Stop};
use offcut_instances::random::Stream;

use super::arcs::{Arc, arcs};
use super::local_search::{improved, keep};
use super::model::{Deployed, Model};
use super::rates::{bound_of_root, fits_nowhere};
use crate::highs::{self, Limits, Program, Status};
use crate::outer_approximation::{Tangents, grid, grid_error, run};

/// Above this many variables no model is built: HiGHS then no longer minds its time limit while it presolves.
const MAX_VARIABLES: usize = 100_000;

/// Outer approximation.
#[derive(Clone, Copy, Debug)]
pub(super) struct OuterApproximation {
    /// Error of the grid, relative.
    error: f64,
}

impl Default for OuterApproximation {
    fn default() -> Self {
        Self { error: 0.01 }
    }
}

/// The largest delay of a single term, in units of a known deployment's delay: a little above 1, for rounding.
pub(super) const CUTOFF: f64 = 1.0 + 1e-6;

/// What the columns of a solution sum up to, at most: assignments and arcs, and delays in units of the whole.
pub(super) fn size(model: &Model) -> f64 {
    (4 * model.partitions() + model.flows.len() + 1) as f64
}

/// The model: assignments, arcs and delays; loads in units of the mean speed, delays in units of `scale`.
struct Oa<'m> {
    model: &'m Model<'m>,
    arcs: Vec<Arc>,
    /// Slopes of every server, in units of `rate`.
    slopes: Vec<Vec<f64>>,
    scale: f64,
    /// The longest delay of interest, in units of `scale`: infinite without a known deployment.
    cutoff: f64,
    best: Option<Deployed>,
}

/// The first variables of every model: assignments, then arcs.
struct Variables {
    problem: ProblemVariables,
    assignments: Vec<Option<Variable>>,
    transfers: Expression,
    rows: Vec<Constraint>,
}

/// What assignments are in a model, and in its relaxation.
type VariableKind = fn() -> VariableDefinition;

const INTEGER: VariableKind = || variable().binary();
const RELAXED: VariableKind = || variable().min(0.0).max(1.0);

/// Assignments, arcs and what binds them; delays in units of `scale`.
fn layered(model: &Model, arcs: &[Arc], scale: f64, kind: VariableKind) -> Variables {
    let servers = model.servers();
    let mut problem = ProblemVariables::new();
    let assignments: Vec<Option<Variable>> = (0..model.partitions() * servers)
        .map(|at| model.fits(at / servers, at % servers).then(|| problem.add(kind())))
        .collect();
    let mut transfers = Expression::with_capacity(arcs.len());
    let (mut ins, mut outs) =
        (vec![Expression::default(); assignments.len()], vec![Expression::default(); assignments.len()]);
    for arc in arcs {
        let flow = problem.add(variable().min(0.0).max(1.0));
        if arc.cost > 0.0 {
            transfers.add_mul(arc.cost / scale, flow);
        }
        if let Some((i, m)) = arc.from {
            outs[i * servers + m].add_mul(1.0, flow);
        }
        if let Some((i, m)) = arc.to {
            ins[i * servers + m].add_mul(1.0, flow);
        }
    }
    let mut rows = Vec::with_capacity(3 * assignments.len());
    for ((assignment, into), out) in assignments.iter().zip(ins).zip(outs) {
        if let Some(x) = assignment {
            rows.push(constraint!(into == *x));
            rows.push(constraint!(out == *x));
        }
    }
    for i in 0..model.partitions() {
        let mut once = Expression::with_capacity(servers);
        assignments[i * servers..][..servers].iter().flatten().for_each(|x| once.add_mul(1.0, *x));
        rows.push(constraint!(once == 1.0));
    }
    Variables { problem, assignments, transfers, rows }
}

/// The deployment that the assignments' values stand for.
fn deployment(model: &Model, positions: &[Option<usize>], values: &[f64]) -> Vec<u32> {
    let servers = model.servers();
    let value = |i: usize, m: usize| positions[i * servers + m].map_or(0.0, |at| values[at]);
    let on = |i: usize| (0..servers).max_by(|a, b| value(i, *a).total_cmp(&value(i, *b))).expect("servers") as u32;
    (0..model.partitions()).map(on).collect()
}

/// The columns of assignments.
fn positions(model: &Model) -> Vec<Option<usize>> {
    let servers = model.servers();
    let mut next = 0;
    (0..model.partitions() * servers)
        .map(|at| {
            model.fits(at / servers, at % servers).then(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}

impl Oa<'_> {
    /// The program with all tangents known, and the first row of each server's tangents.
    fn program(&self, kind: VariableKind) -> (Program, Vec<usize>) {
        let model = self.model;
        let servers = model.servers();
        let Variables { mut problem, assignments, transfers, mut rows } = layered(model, &self.arcs, self.scale, kind);
        let mut first_tangents = Vec::with_capacity(servers);
        let mut objective = transfers;
        for m in 0..servers {
            let delay = problem.add(variable().min(0.0).max(self.cutoff));
            objective.add_mul(1.0, delay);
            let mut load = Expression::with_capacity(model.partitions());
            let on = || (0..model.partitions()).filter_map(|i| assignments[i * servers + m].map(|x| (i, x)));
            on().for_each(|(i, x)| load.add_mul(model.load(i, m) / model.typical_speed(m), x));
            rows.push(constraint!(load <= model.speed(m) / model.typical_speed(m)));
            first_tangents.push(rows.len());
            for slope in &self.slopes[m] {
                // 2 r A - r^2 R, in units of the scale.
                let (twice, squared) = (2.0 * slope / self.scale, slope * slope / self.scale);
                let mut tangent = Expression::with_capacity(model.partitions() + 1);
                on().for_each(|(i, x)| tangent.add_mul(twice * model.root(i, m) + squared * model.load(i, m), x));
                tangent.add_mul(-1.0, delay);
                rows.push(constraint!(tangent <= squared * model.speed(m)));
            }
        }
        (Program::new(Jpdra::SENSE, problem, objective, rows, size(model)), first_tangents)
    }

    /// Rates of servers from the duals of the tangents in the relaxation; none if HiGHS does not solve it in time.
    fn dual_rates(&self, time_s: Option<f64>) -> Option<Vec<f64>> {
        let (program, first) = self.program(RELAXED);
        let relaxed = highs::relax(program, time_s).ok()??;
        let rate = |(slopes, first): (&Vec<f64>, &usize)| {
            slopes.iter().zip(&relaxed.row_duals[*first..]).map(|(slope, dual)| slope * dual.abs()).sum()
        };
        Some(self.slopes.iter().zip(&first).map(rate).collect())
    }
}

impl Tangents for Oa<'_> {
    fn model(&self) -> Program {
        self.program(INTEGER).0.scaled(self.scale, 0.0)
    }

    fn refine(&mut self, values: &[f64]) -> (Option<f64>, usize) {
        let model = self.model;
        let on = deployment(model, &positions(model), values);
        let mut new = 0;
        for (m, set) in model.sets(&on).iter().enumerate().filter(|(_, set)| !set.is_empty()) {
            let (load, roots) = model.sums(m, set);
            let left = model.speed(m) - load;
            // A set that is full to within a rounding has no slope; a steep one keeps it away.
            let slope = if left > 1e-9 * model.speed(m) { roots / left } else { 1e9 * roots / model.speed(m) };
            if self.slopes[m].iter().all(|known| (known / slope - 1.0).abs() > 1e-6) {
                self.slopes[m].push(slope);
                new += 1;
            }
        }
        // The solution as it is, and improved.
        let improved = improved(model, on.clone(), &|| false);
        keep(&mut self.best, model.delay(&on).map(|delay| (delay, on)));
        keep(&mut self.best, improved);
        (self.best.as_ref().map(|(delay, _)| delay / self.scale), new)
    }
}

impl Algorithm<Jpdra> for OuterApproximation {
    fn id(&self) -> &str {
        "milp-oa"
    }

    fn about(&self) -> &str {
        "outer approximation of the square-root rule through good_lp and HiGHS (bound reported by HiGHS, certified by the root's duals)"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![grid_error(Self::default().error)]
    }

    fn set(&mut self, setting: &Setting) {
        self.error = setting.value();
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let model = Model::new(instance);
        if !fits_everywhere(&model) {
            return fits_nowhere(&model);
        }
        let arcs = arcs(&model);
        let variables = model.partitions() * model.servers() + arcs.len();
        if variables > MAX_VARIABLES {
            return Answer::declined(format!("the model would have more than {MAX_VARIABLES} variables"));
        }
        let mut stream = Stream::new(&["jpdra", "milp-oa"], budget.seed);
        let first = super::local_search::first_deployment(&model, &mut stream, &|| budget.is_spent(began));
        if let Some((_, on)) = &first {
            model.report(on);
        }
        // Slopes that matter: from the least partition alone on a server to where one server's delay is the whole incumbent.
        let (scale, cutoff) =
            first.as_ref().map_or((model.pooled_delay(), f64::INFINITY), |(delay, _)| (*delay, CUTOFF));
        let mut arcs = arcs;
        arcs.retain(|arc| arc.cost / scale <= cutoff);
        let slopes = (0..model.servers()).map(|m| {
            let least = model.least_root(m);
            let low = least / model.speed(m);
            let high = (scale / least).min(1e6 * low).max(low);
            grid(low, high, self.error)
        });
        let slopes = slopes.collect();
        let mut oa = Oa { model: &model, arcs, slopes, scale, cutoff, best: first };
        let known = oa.best.as_ref().map(|(delay, _)| delay / scale);
        let certified = bound_of_root(&model, oa.best.as_ref(), budget, began, |time_s| oa.dual_rates(time_s));
        let left =
            Budget { time_s: budget.time_s.map(|s| (s - began.elapsed().as_secs_f64()).max(0.0)), ..budget.clone() };
        // With units the true delay is above what tangents reach: a gap remains, and no new tangent ends it.
        let ended = match run(&mut oa, known, 1e-7, &left) {
            Ok(ended) => ended,
            Err(stop) => return highs::beside(Answer::nothing(stop), certified),
        };
        let mut trace = ended.trace;
        trace.incumbents.iter_mut().for_each(|incumbent| incumbent.objective *= scale);
        // Tangents only know what is stable to within HiGHS's tolerance; what they say infeasible is.
        let stop = if oa.best.is_some() && ended.stop == Stop::Infeasible { Stop::Completed } else { ended.stop };
        let answer = model.answer(stop, oa.best.as_ref()).traced(trace);
        highs::beside(highs::bounded(answer, ended.bound.map(|bound| (bound * scale).max(0.0))), certified)
    }
}

/// Whether every partition fits some server.
pub(super) fn fits_everywhere(model: &Model) -> bool {
    (0..model.partitions()).all(|i| (0..model.servers()).any(|m| model.fits(i, m)))
}

/// A binary for every number of units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units;

impl Algorithm<Jpdra> for Units {
    fn id(&self) -> &str {
        "milp-units"
    }

    fn about(&self) -> &str {
        "whole units as binaries, exactly linear, through good_lp and HiGHS (bound reported by HiGHS, certified by the root's duals)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let model = Model::new(instance);
        if model.unit.is_none() {
            return Answer::declined("takes instances with whole units only");
        }
        if !fits_everywhere(&model) {
            return fits_nowhere(&model);
        }
        let mut stream = Stream::new(&["jpdra", "milp-units"], budget.seed);
        let first = super::local_search::first_deployment(&model, &mut stream, &|| budget.is_spent(began));
        let (scale, cutoff) =
            first.as_ref().map_or((model.pooled_delay(), f64::INFINITY), |(delay, _)| (*delay, CUTOFF));
        let levels = Levels { model: &model, scale, cutoff };
        let mut arcs = arcs(&model);
        arcs.retain(|arc| arc.cost / scale <= cutoff);
        if levels.assignments().map(|(i, m)| levels.count(i, m)).fold(arcs.len(), usize::saturating_add) > MAX_VARIABLES
        {
            return Answer::declined(format!("the model would have more than {MAX_VARIABLES} variables"));
        }
        let program = levels.program(&arcs, INTEGER).scaled(scale, 0.0);
        let built_s = began.elapsed().as_secs_f64();
        let certified = bound_of_root(&model, first.as_ref(), budget, began, |time_s| levels.dual_rates(&arcs, time_s));
        if budget.is_spent(began) {
            return highs::beside(model.answer(Stop::TimeLimit, first.as_ref()), certified);
        }
        let outcome = match highs::solve(program, 0.0, Limits::exact(budget, began.elapsed().as_secs_f64())) {
            Ok(outcome) => outcome,
            Err(stop) => return highs::beside(Answer::nothing(stop), certified),
        };
        let trace = outcome.trace(built_s);
        if first.is_none() && matches!(outcome.status, Status::Infeasible | Status::UnboundedOrInfeasible) {
            return highs::beside(Answer::nothing(Stop::Infeasible).traced(trace), certified);
        }
        let stop = match outcome.stop() {
            Ok(stop) => stop,
            Err(words) => return Answer::failed(words),
        };
        let found = outcome.values.as_ref().map(|values| deployment(&model, &positions(&model), values));
        let mut best = first;
        keep(&mut best, found.and_then(|on| Some((model.delay(&on)?, on))));
        let answer = model.answer(stop, best.as_ref()).traced(trace);
        highs::beside(highs::bounded(answer, outcome.bound.map(|bound| (bound * scale).max(0.0))), certified)
    }
}

/// The units that partitions may have; delays in units of `scale`, and those above `cutoff` are of no interest.
struct Levels<'m> {
    model: &'m Model<'m>,
    scale: f64,
    cutoff: f64,
}

impl Levels<'_> {
    fn assignments(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let servers = self.model.servers();
        (0..self.model.partitions()).flat_map(move |i| (0..servers).map(move |m| (i, m)))
    }

    /// The least units whose delay alone is of interest; delays fall with units.
    fn least(&self, i: usize, m: usize) -> u64 {
        let model = self.model;
        let (mut low, mut high) = (model.least(i, m), model.units[m].saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            if model.unit_delay(i, m, middle) / self.scale <= self.cutoff { high = middle } else { low = middle + 1 }
        }
        low
    }

    fn count(&self, i: usize, m: usize) -> usize {
        (self.model.units[m] + 1).saturating_sub(self.least(i, m)) as usize
    }

    /// Rates of servers from the duals of their units in the relaxation; none if HiGHS does not solve it in time.
    fn dual_rates(&self, arcs: &[Arc], time_s: Option<f64>) -> Option<Vec<f64>> {
        let relaxed = highs::relax(self.program(arcs, RELAXED), time_s).ok()??;
        let unit = self.model.unit?;
        // The units' rows are the last ones.
        let of_units = relaxed.row_duals.len() - self.model.servers();
        Some(relaxed.row_duals[of_units..].iter().map(|dual| (dual.abs() * self.scale / unit).sqrt()).collect())
    }

    /// The model: assignments and arcs, then a binary for every number of units.
    fn program(&self, arcs: &[Arc], kind: VariableKind) -> Program {
        let (model, scale, servers) = (self.model, self.scale, self.model.servers());
        let Variables { mut problem, assignments: x, transfers, mut rows } = layered(model, arcs, scale, kind);
        let mut objective = transfers;
        let mut given = vec![Expression::default(); servers];
        for (i, m) in self.assignments() {
            let Some(x) = x[i * servers + m] else { continue };
            let mut one = Expression::with_capacity(self.count(i, m) + 1);
            for k in self.least(i, m)..=model.units[m] {
                let z = problem.add(kind());
                one.add_mul(1.0, z);
                given[m].add_mul(k as f64, z);
                objective.add_mul(model.unit_delay(i, m, k) / scale, z);
            }
            rows.push(constraint!(one == x));
        }
        for (m, given) in given.into_iter().enumerate() {
            rows.push(constraint!(given <= model.units[m] as f64));
        }
        Program::new(Jpdra::SENSE, problem, objective, rows, size(model))
    }
}
