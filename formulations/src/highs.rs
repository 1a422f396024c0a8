//! The only file that talks to HiGHS.
//!
//! `good_lp` builds the model; its solution, though, has values and a merged status only. So the model is taken out of it and solved
//! here, where HiGHS's own status, dual bound and node count can be read:
//!
//! - options set on the `good_lp` problem are lost on the way out, so they are set here;
//! - a constant in the objective is lost too, also in the bound, so it is given apart and added to both;
//! - the default gap of 1e-4 stops early, so it is set to what is asked for;
//! - a limit without an incumbent keeps its bound;
//! - `mip_dual_bound` is 0 for a pure LP, so models without integers get no bound rather than a false one.
//!
//! HiGHS's tolerances are absolute: rows are scaled, what they cannot hold is declined, and bounds are relaxed by what they can falsify (module
//! `conditioning`). A bound that a solution known to the same solve contradicts is withdrawn.
//!
//! A seed other than 0 puts columns and rows into another order, too: the variation of HiGHS's times over seeds is performance variability, reported beside them.
//!
//! Here, too, models are written to files for other solvers: [`exporting`] writes the first model that is handed over in place of solving it, so that no
//! model written can differ from the one that is solved otherwise.

use std::cell::RefCell;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::highs::{HighsModelStatus, HighsOptionValue, HighsSolutionStatus, Model, Sense as HighsSense, SolvedModel};
use good_lp::{Constraint, Expression, ProblemVariables, SolverModel};
use offcut_instances::incumbents;
use offcut_instances::problem::{Answer, Bound, Budget, Claim, Evidence, Problem, Sense, Stop, Trace};
use offcut_instances::random::Stream;

use crate::conditioning::{self, DUAL, FEASIBILITY};

/// What a solve may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Wall-clock limit in seconds. HiGHS overshoots it; whoever needs a hard limit enforces it from outside.
    pub time_s: Option<f64>,
    /// Relative gap at which to stop.
    pub relative_gap: f64,
    /// HiGHS is deterministic for each seed. One other than 0 also permutes columns and rows.
    pub seed: u64,
}

impl Limits {
    /// What `budget` leaves after `spent_s` seconds, for a solve to the gap that counts as none.
    pub fn exact(budget: &Budget, spent_s: f64) -> Self {
        let time_s = budget.time_s.map(|time_s| (time_s - spent_s).max(0.0));
        Self { time_s, relative_gap: 1e-9, seed: budget.seed }
    }
}

/// A model as `good_lp` states it, before HiGHS sees it.
pub struct Program {
    sense: Sense,
    variables: ProblemVariables,
    objective: Expression,
    rows: Vec<Constraint>,
    size: f64,
    start: Option<Vec<f64>>,
    scaling: Option<Scaling>,
    is_relaxation: bool,
}

/// What a model's objective is in the problem: problem objective = factor * model objective + offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// Units of the problem's objective for one of the model's.
    pub factor: f64,
    /// The part of the problem's objective that the model leaves out.
    pub offset: f64,
}

impl Program {
    /// A model with the part of the objective that has variables. `size` is the most that the absolute values of the columns of a solution can sum up to:
    /// HiGHS's error grows with it.
    pub fn new(
        sense: Sense,
        variables: ProblemVariables,
        objective: Expression,
        rows: Vec<Constraint>,
        size: f64,
    ) -> Self {
        Self { sense, variables, objective, rows, size, start: None, scaling: None, is_relaxation: false }
    }

    /// The same model as a statement of the problem, whose objective is `factor` times the model's plus `offset`. Only such models can be exported.
    #[must_use]
    pub fn scaled(self, factor: f64, offset: f64) -> Self {
        Self { scaling: Some(Scaling { factor, offset }), ..self }
    }

    /// The same model, known to be a relaxation: its optimum bounds the problem's.
    #[must_use]
    pub fn relaxing(self) -> Self {
        Self { is_relaxation: true, ..self }
    }

    /// The same model with a known solution, from which HiGHS starts: values of the variables in the order they were added.
    #[must_use]
    pub fn starting_at(self, start: Option<Vec<f64>>) -> Self {
        Self { start, ..self }
    }
}

/// Why HiGHS stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Solved to the gap asked for.
    Optimal,
    /// No point satisfies the constraints.
    Infeasible,
    /// The objective is unbounded, or no point satisfies the constraints: presolve could not tell which.
    UnboundedOrInfeasible,
    /// The objective is unbounded.
    Unbounded,
    /// Out of time.
    TimeLimit,
    /// Any other status, as HiGHS reports it.
    Failed(String),
}

/// The result of a solve.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it stopped.
    pub status: Status,
    /// Values of the variables in the order they were added; none without a feasible point.
    pub values: Option<Vec<f64>>,
    /// Dual bound with the constant, as HiGHS states it; none if there is none yet.
    pub stated: Option<f64>,
    /// The same, relaxed by what HiGHS's tolerances can falsify.
    pub bound: Option<f64>,
    /// Nodes of the branch-and-bound tree.
    pub nodes: u64,
    /// Columns of the model.
    pub columns: usize,
    /// Rows of the model.
    pub rows: usize,
    /// Seconds handing the model over.
    pub build_s: f64,
}

impl Outcome {
    /// Why the method that asked stopped.
    ///
    /// # Errors
    /// HiGHS's status, if it is neither optimal nor a time limit: our models are feasible and bounded.
    pub fn stop(&self) -> Result<Stop, String> {
        match &self.status {
            Status::Optimal => Ok(Stop::Completed),
            Status::TimeLimit => Ok(Stop::TimeLimit),
            other => Err(format!("HiGHS reports {other:?} for a feasible, bounded model")),
        }
    }

    /// Counts for the tables; `built_s` is the time spent on building the model, in seconds.
    pub fn trace(&self, built_s: f64) -> Trace {
        Trace {
            build_s: Some(built_s + self.build_s),
            ..Trace::counting([("nodes", self.nodes), ("columns", self.columns as u64), ("rows", self.rows as u64)])
        }
    }
}

/// A solver-reported bound, in the objective's unit; `None` if it is beyond `objective`, the value of a solution known to the same solve.
pub fn solver_reported<C>(sense: Sense, value: f64, objective: Option<f64>) -> Option<Bound<C>> {
    let is_beyond = objective.is_some_and(|objective| sense.is_stronger(value, objective));
    (!is_beyond).then(|| Bound { value, evidence: Evidence::SolverReported("HiGHS mip_dual_bound".into()) })
}

/// The answer with a solver-reported bound. A bound that contradicts the answer's own solution is withdrawn, and counted.
pub fn bounded<P: Problem>(mut answer: Answer<P>, bound: Option<f64>) -> Answer<P> {
    let Some(bound) = bound else { return answer };
    answer.proved = solver_reported(P::SENSE, bound, answer.found.as_ref().map(|claim| claim.objective));
    if answer.proved.is_none() {
        answer.trace.counts.insert("bounds withdrawn".into(), 1);
    }
    answer
}

/// The share of its time that a method may spend on the duals of its root relaxation, for a certified bound beside HiGHS's.
const ROOT_SHARE: f64 = 0.1;

/// Seconds that the root relaxation may take: a tenth of what is left; none without a limit.
pub fn root_time_s(budget: &Budget, began: Instant) -> Option<f64> {
    budget.time_s.map(|time_s| ROOT_SHARE * (time_s - began.elapsed().as_secs_f64()).max(0.0))
}

/// Whether what replaces the duals of a root relaxation has to end. What takes HiGHS too long has as much again.
pub fn is_root_out_of_time(budget: &Budget, began: Instant) -> bool {
    budget.time_s.is_some_and(|time_s| began.elapsed().as_secs_f64() >= 2.0 * ROOT_SHARE * time_s)
}

/// The certified bound that a method has before HiGHS starts, reported in case the method is ended. None while a model is exported, which needs no bound.
pub fn root_bound<P: Problem>(
    certified: impl FnOnce() -> Option<(f64, P::Certificate)>,
) -> Option<(f64, P::Certificate)> {
    if is_exporting() {
        return None;
    }
    let (value, certificate) = certified()?;
    incumbents::report_bound::<P>(value, || certificate.clone());
    Some((value, certificate))
}

/// The answer with a certified bound beside what HiGHS reports. A method that takes no part has no bound either.
pub fn beside<P: Problem>(answer: Answer<P>, certified: Option<(f64, P::Certificate)>) -> Answer<P> {
    match certified {
        Some((value, certificate)) if !matches!(answer.stop, Stop::Declined(_) | Stop::Failed(_)) => {
            answer.certified_beside(value, certificate)
        }
        _ => answer,
    }
}

/// A solution and its objective.
pub type Known<P> = (<P as Problem>::Solution, f64);

/// Solves a feasible, bounded model as [`solve`] does and answers, `built_s` being the seconds spent on the model before and `known` a solution
/// known before. `read` makes a solution and its objective of the variables' values, none if they do not stand for one; `bound` puts a dual bound in
/// the objective's unit.
pub fn answer<P: Problem>(
    program: Program,
    limits: Limits,
    built_s: f64,
    known: Option<Known<P>>,
    read: impl Fn(&[f64]) -> Option<Known<P>>,
    bound: impl FnOnce(f64) -> f64,
) -> Answer<P> {
    if let Some((solution, objective)) = &known {
        incumbents::report::<P>(*objective, || solution.clone());
    }
    let report = |values: &[f64]| {
        if let Some((solution, objective)) = read(values) {
            incumbents::report::<P>(objective, || solution);
        }
    };
    let outcome = match solve_with_callback(program, 0.0, limits, &report) {
        Ok(outcome) => outcome,
        Err(stop) => return claiming(known, Answer::nothing(stop)),
    };
    let trace = outcome.trace(built_s);
    let stop = match outcome.stop() {
        Ok(stop) => stop,
        Err(words) => return claiming(known, Answer::failed(words)).traced(trace),
    };
    let best = better::<P>(known, outcome.values.as_deref().and_then(read));
    let answer = claiming(best, Answer::nothing(stop)).traced(trace);
    bounded(answer, outcome.bound.map(bound))
}

/// The better of two solutions.
pub fn better<P: Problem>(a: Option<Known<P>>, b: Option<Known<P>>) -> Option<Known<P>> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let is_second = if P::SENSE == Sense::Minimise { b.1 < a.1 } else { b.1 > a.1 };
            Some(if is_second { b } else { a })
        }
        (a, b) => a.or(b),
    }
}

/// The same answer with a solution, if there is one.
pub fn claiming<P: Problem>(found: Option<Known<P>>, answer: Answer<P>) -> Answer<P> {
    // (A sum with 0 is no negative zero, which an empty sum is.)
    Answer { found: found.map(|(solution, objective)| Claim { solution, objective: objective + 0.0 }), ..answer }
}

/// Solves a model with integer variables. `constant` is the part of the objective without variables.
///
/// # Errors
/// [`Stop::Declined`] if HiGHS's tolerances cannot hold the model, [`Stop::Failed`] with HiGHS's message if it does not take the model or an option.
pub fn solve(program: Program, constant: f64, limits: Limits) -> Result<Outcome, Stop> {
    solve_with_callback(program, constant, limits, &|_| {})
}

/// As [`solve`]; if incumbents are asked for ([`incumbents::has_listener`]), every better solution goes to `report` during the solve: values of the variables
/// in the order they were added.
///
/// # Errors
/// As [`solve`].
pub fn solve_with_callback(
    program: Program,
    constant: f64,
    limits: Limits,
    report: &dyn Fn(&[f64]),
) -> Result<Outcome, Stop> {
    let report = incumbents::has_listener().then_some(report);
    let (sense, size, scaling, is_relaxation) = (program.sense, program.size, program.scaling, program.is_relaxation);
    let began = Instant::now();
    let Prepared { mut model, positions, outlasts } = prepared(program, limits.seed, limits.time_s)?;
    if is_exporting() {
        return Err(export(&mut model, scaling, is_relaxation));
    }
    let (columns, rows) = (model.num_cols(), model.num_rows());
    let seed = i32::try_from(limits.seed % (1 << 31)).expect("below 2^31");
    set(&mut model, "random_seed", seed)?;
    set(&mut model, "mip_rel_gap", limits.relative_gap)?;
    set(&mut model, "mip_abs_gap", 0.0)?;
    set(&mut model, "mip_feasibility_tolerance", FEASIBILITY)?;
    set(&mut model, "primal_feasibility_tolerance", FEASIBILITY)?;
    // Presolve takes a cost below this for none.
    set(&mut model, "dual_feasibility_tolerance", DUAL)?;
    if outlasts {
        set(&mut model, "presolve", "off")?;
    }
    let build_s = began.elapsed().as_secs_f64();
    if let Some(time_s) = limits.time_s {
        set(&mut model, "time_limit", (time_s - build_s).max(0.0))?;
    }

    // It outlives the solve below, the only time that HiGHS calls it.
    let mut callback = report.map(|report| SolutionCallback { report, positions: &positions });
    if let Some(callback) = &mut callback {
        callback.register(&mut model).map_err(Stop::Failed)?;
    }
    let solved = solved(model)?;
    let status = match solved.status() {
        HighsModelStatus::Optimal => Status::Optimal,
        HighsModelStatus::Infeasible => Status::Infeasible,
        HighsModelStatus::UnboundedOrInfeasible => Status::UnboundedOrInfeasible,
        HighsModelStatus::Unbounded => Status::Unbounded,
        HighsModelStatus::ReachedTimeLimit => Status::TimeLimit,
        other => Status::Failed(format!("{other:?}")),
    };
    // -1 where no branch-and-bound was run: then mip_dual_bound means nothing.
    let nodes = node_count(&solved);
    let stated = solved.double_info_value(c"mip_dual_bound").ok().filter(|bound| nodes >= 0 && bound.abs() < 1e30);
    let relaxed = stated.map(|stated| match sense {
        Sense::Minimise => stated - conditioning::error(stated, size),
        Sense::Maximise => stated + conditioning::error(stated, size),
    });
    let is_feasible = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
    Ok(Outcome {
        status,
        values: is_feasible.then(|| in_order(solved.get_solution().columns(), &positions)),
        stated: stated.map(|bound| bound + constant),
        bound: relaxed.map(|bound| bound + constant),
        nodes: u64::try_from(nodes).unwrap_or(0),
        columns,
        rows,
        build_s,
    })
}

/// The receiver of HiGHS's solution callback.
struct SolutionCallback<'a> {
    report: &'a dyn Fn(&[f64]),
    /// Where each variable is among the columns.
    positions: &'a [usize],
}

impl SolutionCallback<'_> {
    #[allow(unsafe_code)]
    fn register(&mut self, model: &mut Model) -> Result<(), String> {
        let kind = highs_sys::kHighsCallbackMipImprovingSolution;
        // SAFETY: the pointer is to a live HiGHS object, and this object outlives the solve, during which alone it is used.
        let statuses = unsafe {
            [
                highs_sys::Highs_setCallback(model.as_mut_ptr(), Some(improved), (&raw mut *self).cast()),
                highs_sys::Highs_startCallback(model.as_mut_ptr(), kind),
            ]
        };
        let is_taken = statuses.iter().all(|status| *status == highs_sys::STATUS_OK);
        if is_taken { Ok(()) } else { Err("HiGHS does not accept the callback for solutions".into()) }
    }
}

/// HiGHS's callback for a better solution.
#[allow(unsafe_code)]
unsafe extern "C" fn improved(
    kind: std::ffi::c_int,
    _: *const std::ffi::c_char,
    data: *const highs_sys::HighsCallbackDataOut,
    _: *mut highs_sys::HighsCallbackDataIn,
    callback: *mut std::ffi::c_void,
) {
    if kind != highs_sys::kHighsCallbackMipImprovingSolution || data.is_null() || callback.is_null() {
        return;
    }
    // SAFETY: HiGHS hands over its own live object and the pointer that it was given in `register`, to a `SolutionCallback` that is still there.
    let (data, callback) = unsafe { (&*data, &*callback.cast::<SolutionCallback<'_>>()) };
    let size = usize::try_from(data.mip_solution_size).unwrap_or(0);
    if data.mip_solution.is_null() || size != callback.positions.len() {
        return;
    }
    // SAFETY: HiGHS says that so many values are there, and they stay during this call.
    let values = unsafe { std::slice::from_raw_parts(data.mip_solution, size) };
    // No panic may reach HiGHS.
    let report = || (callback.report)(&in_order(values, callback.positions));
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(report));
}

thread_local! {
    /// Where a model of this thread is written to, while one is asked for.
    static EXPORT: RefCell<Option<Export>> = const { RefCell::new(None) };
}

struct Export {
    file: PathBuf,
    written: Option<Exported>,
    error: Option<String>,
}

/// A model in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exported {
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Its objective in the problem.
    pub scaling: Scaling,
    /// Whether it is a relaxation: its optimum then bounds the problem's.
    pub is_relaxation: bool,
}

/// Does `work` and writes the first statement of the problem that it hands to HiGHS on this thread to `file`; the ending says as what, `.mps` or `.lp`.
/// HiGHS solves nothing: `work` gets [`Stop::Completed`] instead of a result. None if there was no such model.
///
/// # Errors
/// What HiGHS cannot write.
pub fn exporting(file: &Path, work: impl FnOnce()) -> Result<Option<Exported>, String> {
    let export = Export { file: file.to_owned(), written: None, error: None };
    EXPORT.with(|slot| slot.replace(Some(export)));
    work();
    let export = EXPORT.with(RefCell::take).expect("put there above");
    export.error.map_or(Ok(export.written), Err)
}

/// Whether a model of this thread is written to a file: then even a model whose optimum is known is to be built.
pub fn is_exporting() -> bool {
    EXPORT.with(|slot| slot.borrow().is_some())
}

/// Writes a model that states the problem, if it is the first; this is what the method is told instead of a result.
#[allow(unsafe_code)]
fn export(model: &mut Model, scaling: Option<Scaling>, is_relaxation: bool) -> Stop {
    EXPORT.with(|slot| {
        let mut slot = slot.borrow_mut();
        let Some(export) = slot.as_mut().filter(|export| export.written.is_none()) else { return };
        let Some(scaling) = scaling else { return };
        export.written = Some(Exported { columns: model.num_cols(), rows: model.num_rows(), scaling, is_relaxation });
        let Ok(name) = CString::new(export.file.as_os_str().as_encoded_bytes()) else {
            export.error = Some("a name with a zero byte".into());
            return;
        };
        // SAFETY: the pointer is to a live HiGHS object, and the name ends in a zero and outlives the call.
        let status = unsafe { highs_sys::Highs_writeModel(model.as_mut_ptr(), name.as_ptr()) };
        // A warning is that there are no names: HiGHS then makes some.
        if status != highs_sys::STATUS_OK && status != highs_sys::STATUS_WARNING {
            export.error = Some(format!("HiGHS cannot write {}", export.file.display()));
        }
    });
    Stop::Completed
}

/// The optimum of a model without integers.
#[derive(Clone, Debug)]
pub struct Relaxed {
    /// Values of the variables in the order they were added.
    pub values: Vec<f64>,
    /// Duals of the rows as they were given, in the order they were added, in HiGHS's signs.
    pub row_duals: Vec<f64>,
    /// Simplex iterations.
    pub iterations: u64,
}

/// Solves a model without integer variables; none if time runs out.
///
/// # Errors
/// [`Stop::Declined`] if HiGHS's tolerances cannot hold the model, [`Stop::Failed`] with HiGHS's message if it does not take the model or an
/// option, or finds no optimum.
pub fn relax(program: Program, time_s: Option<f64>) -> Result<Option<Relaxed>, Stop> {
    let scaling = program.scaling;
    // (Rows that HiGHS cannot hold are declined below.)
    let scales: Vec<f64> = program.rows.iter().map(|row| conditioning::scale(row).unwrap_or(1.0)).collect();
    let Prepared { mut model, .. } = prepared(program, 0, None)?;
    if is_exporting() {
        return Err(export(&mut model, scaling, true));
    }
    if let Some(time_s) = time_s {
        set(&mut model, "time_limit", time_s)?;
    }
    let solved = solved(model)?;
    match solved.status() {
        HighsModelStatus::Optimal => {
            let solution = solved.get_solution();
            let iterations = solved.int_info_value(c"simplex_iteration_count").unwrap_or(0);
            Ok(Some(Relaxed {
                values: solution.columns().to_vec(),
                row_duals: solution.dual_rows().iter().zip(scales).map(|(dual, scale)| dual * scale).collect(),
                iterations: u64::try_from(iterations).unwrap_or(0),
            }))
        }
        HighsModelStatus::ReachedTimeLimit => Ok(None),
        other => Err(Stop::Failed(format!("HiGHS reports {other:?} for the relaxation"))),
    }
}

/// A model in HiGHS.
struct Prepared {
    model: Model,
    /// The position of each variable's column.
    positions: Vec<usize>,
    /// Whether presolving it would outlast the limit.
    outlasts: bool,
}

/// The model that `good_lp` builds; HiGHS is quiet and works on one thread.
fn prepared(program: Program, seed: u64, time_s: Option<f64>) -> Result<Prepared, Stop> {
    let Program { sense, variables, objective, rows, start, .. } = program;
    let rows = conditioning::held(&variables, &objective, rows).map_err(Stop::Declined)?;
    let outlasts = conditioning::outlasts(&rows, time_s);
    let problem = match sense {
        Sense::Minimise => variables.minimise(objective),
        Sense::Maximise => variables.maximise(objective),
    };
    let mut problem = problem.using(good_lp::highs);
    for row in rows {
        problem.add_constraint(row);
    }
    let mut model = problem.try_into_inner().map_err(|error| Stop::Failed(error.to_string()))?;
    let mut positions: Vec<usize> = (0..model.num_cols()).collect();
    if seed != 0 {
        let mut stream = Stream::new(&["highs", "order"], seed);
        let mut order: Vec<usize> = (0..model.num_rows()).collect();
        stream.shuffle(&mut positions);
        stream.shuffle(&mut order);
        model = permuted(&model, &positions, &order).map_err(Stop::Failed)?;
    }
    model.make_quiet();
    if let Some(start) = start {
        let mut placed = vec![0.0; start.len()];
        positions.iter().zip(start).for_each(|(position, value)| placed[*position] = value);
        // A start that HiGHS rejects is ignored.
        let _ = model.try_set_solution(Some(&placed), None, None, None);
    }
    set(&mut model, "threads", 1)?;
    set(&mut model, "parallel", "off")?;
    Ok(Prepared { model, positions, outlasts })
}

/// The values of columns in the order they were added in.
fn in_order(values: &[f64], positions: &[usize]) -> Vec<f64> {
    positions.iter().map(|position| values[*position]).collect()
}

/// The same model with column j at place `columns[j]` and row i at place `rows[i]`.
#[allow(unsafe_code)]
fn permuted(model: &Model, columns: &[usize], rows: &[usize]) -> Result<Model, String> {
    let (n, m) = (columns.len(), rows.len());
    // SAFETY: the pointer is to a live HiGHS object.
    let nonzeros = unsafe { highs_sys::Highs_getNumNz(model.as_ptr()) };
    let nonzeros =
        usize::try_from(nonzeros).map_err(|_| "HiGHS does not report its number of coefficients".to_owned())?;
    let [mut cost, mut lower, mut upper] = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
    let [mut least, mut most] = [vec![0.0; m], vec![0.0; m]];
    let (mut start, mut index, mut value) = (vec![0; n + 1], vec![0; nonzeros], vec![0.0; nonzeros]);
    let mut integrality = vec![0; n];
    let (mut counts, mut sense, mut offset) = ([0; 3], 0, 0.0);
    let [count_columns, count_rows, count_nonzeros] = &mut counts;
    // SAFETY: the pointer is to a live HiGHS object, and every array has the length that this object was asked for.
    let status = unsafe {
        highs_sys::Highs_getLp(
            model.as_ptr(),
            highs_sys::MATRIX_FORMAT_COLUMN_WISE,
            count_columns,
            count_rows,
            count_nonzeros,
            &raw mut sense,
            &raw mut offset,
            cost.as_mut_ptr(),
            lower.as_mut_ptr(),
            upper.as_mut_ptr(),
            least.as_mut_ptr(),
            most.as_mut_ptr(),
            start.as_mut_ptr(),
            index.as_mut_ptr(),
            value.as_mut_ptr(),
            integrality.as_mut_ptr(),
        )
    };
    if status != highs_sys::STATUS_OK {
        return Err("HiGHS does not return its model".into());
    }
    start[n] = *count_nonzeros;
    let inverse = |positions: &[usize]| {
        let mut at = vec![0; positions.len()];
        positions.iter().enumerate().for_each(|(from, to)| at[*to] = from);
        at
    };
    let mut other = ::highs::ColProblem::new();
    let handles: Vec<_> = inverse(rows).into_iter().map(|i| other.add_row(least[i]..=most[i])).collect();
    let place = |at: i32| usize::try_from(at).expect("HiGHS counts from 0");
    for j in inverse(columns) {
        let entries = place(start[j])..place(start[j + 1]);
        let entries = entries.map(|at| (handles[rows[place(index[at])]], value[at]));
        let is_integer = integrality[j] != 0;
        other.add_column_with_integrality(cost[j], lower[j]..=upper[j], entries, is_integer);
    }
    let is_maximised = sense == highs_sys::OBJECTIVE_SENSE_MAXIMIZE;
    let sense = if is_maximised { HighsSense::Maximise } else { HighsSense::Minimise };
    other.try_optimise(sense).map_err(|status| format!("HiGHS rejects the model: {status:?}"))
}

fn set(model: &mut Model, option: &str, value: impl HighsOptionValue) -> Result<(), Stop> {
    model.try_set_option(option, value).map_err(|error| Stop::Failed(format!("HiGHS rejects an option: {error:?}")))
}

fn solved(model: Model) -> Result<SolvedModel, Stop> {
    model.try_solve().map_err(|status| Stop::Failed(format!("HiGHS rejects the model: {status:?}")))
}

/// Nodes of the branch-and-bound tree; -1 if there was none. `highs` reads 32-bit counts only, and this one has 64.
#[allow(unsafe_code)]
fn node_count(solved: &SolvedModel) -> i64 {
    let mut nodes = -1;
    // SAFETY: the pointer is to a live HiGHS object, the name ends in a zero, and `nodes` outlives the call.
    let status =
        unsafe { highs_sys::Highs_getInt64InfoValue(solved.as_ptr(), c"mip_node_count".as_ptr(), &raw mut nodes) };
    if status == highs_sys::STATUS_OK { nodes } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use good_lp::{constraint, variable};

    const LIMITS: Limits = Limits { time_s: Some(20.0), relative_gap: 1e-9, seed: 0 };

    fn program(
        (sense, variables, objective): (Sense, ProblemVariables, Expression),
        rows: impl IntoIterator<Item = Constraint>,
    ) -> Program {
        Program::new(sense, variables, objective, rows.into_iter().collect(), 100.0)
    }

    #[test]
    fn a_constant_survives_in_the_bound() {
        let mut variables = ProblemVariables::new();
        let x = variables.add(variable().integer().min(0).max(10));
        let problem = (Sense::Minimise, variables, 3.0 * x + 100.0);
        let outcome = solve(program(problem, [constraint!(2.0 * x >= 3.0)]), 100.0, LIMITS).expect("a model");
        assert_eq!(outcome.status, Status::Optimal);
        assert_eq!(outcome.values.expect("solved"), [2.0]);
        assert!((outcome.bound.expect("solved") - 106.0).abs() < 1e-6);
    }

    #[test]
    fn infeasible_and_unbounded_are_told_apart() {
        let mut variables = ProblemVariables::new();
        let x = variables.add(variable().integer().min(0).max(10));
        let problem = (Sense::Minimise, variables, Expression::from(x));
        let outcome = solve(program(problem, [constraint!(x >= 11.0)]), 0.0, LIMITS).expect("a model");
        assert_eq!((outcome.status, outcome.values), (Status::Infeasible, None));

        let mut variables = ProblemVariables::new();
        let x = variables.add(variable().integer().min(0));
        let y = variables.add(variable().integer().min(0));
        let problem = (Sense::Maximise, variables, x + y);
        let outcome = solve(program(problem, [constraint!(x - y <= 1.5)]), 0.0, LIMITS).expect("a model");
        assert!(matches!(outcome.status, Status::Unbounded | Status::UnboundedOrInfeasible), "{:?}", outcome.status);
        assert_eq!(outcome.bound, None);
    }

    /// maximise 5x + 4y + 3z - w with x, y integer: one optimum, whatever the order.
    #[test]
    fn a_seed_changes_the_order_and_nothing_else() {
        let file = std::env::temp_dir().join(format!("offcut-highs-order-{}.mps", std::process::id()));
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let mut variables = ProblemVariables::new();
            let x = variables.add(variable().integer().min(0).max(7));
            let y = variables.add(variable().binary());
            let z = variables.add(variable().min(-1.5).max(2.5));
            let w = variables.add(variable());
            let problem = (Sense::Maximise, variables, 5.0 * x + 4.0 * y + 3.0 * z - w);
            let rows = [
                constraint!(2.0 * x + 3.0 * y + z <= 9.75),
                constraint!(w >= 4.0 * z - 1.0),
                constraint!(x + y + w == 3.5),
                constraint!(w >= -2.0),
            ];
            let solve_it = |problem, rows: [Constraint; 4]| {
                solve(program(problem, rows).scaled(1.0, 0.0), 0.0, Limits { seed, ..LIMITS })
            };
            let work = || assert!(solve_it(problem.clone(), rows.clone()).is_err());
            exporting(&file, work).expect("written").expect("a model");
            orders.insert(std::fs::read_to_string(&file).expect("there"));
            let outcome = solve_it(problem, rows).expect("a model");
            assert_eq!((outcome.status, outcome.columns, outcome.rows), (Status::Optimal, 4, 4));
            let values = outcome.values.expect("solved");
            for (value, known) in values.iter().zip([5.0, 0.0, -0.25, -1.5]) {
                assert!((value - known).abs() < 1e-9, "seed {seed}: {values:?}");
            }
        }
        std::fs::remove_file(&file).expect("ours");
        assert!(orders.len() > 15, "{} different models", orders.len());
    }

    /// A market-split model: hard to find a point, easy to have a bound.
    #[test]
    fn a_limit_without_a_point_keeps_its_bound() {
        let mut variables = ProblemVariables::new();
        let x: Vec<_> = (0..40).map(|_| variables.add(variable().binary())).collect();
        let slack = variables.add(variable().min(0.0));
        let problem = (Sense::Minimise, variables, slack + 0.0);
        let mut number = 7u64;
        let rows: Vec<_> = (0..5)
            .map(|_| {
                let mut row = Expression::with_capacity(40);
                let mut total = 0.0;
                for x in &x {
                    number = number * 6_364_136_223_846_793_005 % 1_000_003;
                    let weight = (number % 99) as f64 + 1.0;
                    total += weight;
                    row.add_mul(weight, *x);
                }
                constraint!(row == (total / 2.0).floor())
            })
            .collect();
        let outcome = solve(program(problem, rows), 5.0, Limits { time_s: Some(0.5), ..LIMITS }).expect("a model");
        assert_eq!((&outcome.status, &outcome.values), (&Status::TimeLimit, &None));
        assert!(outcome.bound.is_some_and(|bound| bound >= 5.0 - 1e-6), "{outcome:?}");
    }

    /// maximise 3x + 2y, x + y <= 4, x <= 3: (3, 1), and the rows' dual values are 2 and 1.
    #[test]
    fn a_relaxation_has_duals() {
        let mut variables = ProblemVariables::new();
        let (x, y) = (variables.add(variable().min(0.0)), variables.add(variable().min(0.0)));
        let problem = (Sense::Maximise, variables, 3.0 * x + 2.0 * y);
        let relaxed = relax(program(problem, [constraint!(x + y <= 4.0), constraint!(x <= 3.0)]), None);
        let relaxed = relaxed.expect("a model").expect("in time");
        assert_eq!(relaxed.values, [3.0, 1.0]);
        assert_eq!(relaxed.row_duals.iter().map(|dual| dual.abs()).collect::<Vec<_>>(), [2.0, 1.0]);
    }

    #[test]
    fn the_first_statement_is_written_and_nothing_solved() {
        let folder = std::env::temp_dir().join(format!("offcut-highs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("room");
        let model = |most: f64| {
            let mut variables = ProblemVariables::new();
            let x: Vec<_> = (0..4).map(|_| variables.add(variable().binary())).collect();
            let all: Expression = x.iter().sum();
            program((Sense::Maximise, variables, all.clone()), [constraint!(all <= most)])
        };
        for (name, words) in [("m.mps", "ROWS"), ("m.lp", "bin")] {
            let file = folder.join(name);
            let exported = exporting(&file, || {
                // No statement of a problem; a relaxation that is one; and one more.
                for program in [model(1.5), model(2.5).scaled(3.0, 7.0).relaxing(), model(3.5).scaled(1.0, 0.0)] {
                    assert_eq!(solve(program, 0.0, LIMITS).err(), Some(Stop::Completed));
                }
            });
            let scaling = Scaling { factor: 3.0, offset: 7.0 };
            let expected = Exported { columns: 4, rows: 1, scaling, is_relaxation: true };
            assert_eq!(exported, Ok(Some(expected)));
            let text = std::fs::read_to_string(&file).expect("there");
            assert!(text.contains(words) && text.contains("2.5"), "{text}");
        }
        assert_eq!(exporting(&folder.join("none.mps"), || ()), Ok(None));
        let nowhere = folder.join("no/such/folder.mps");
        assert!(exporting(&nowhere, || drop(solve(model(1.5).scaled(1.0, 0.0), 0.0, LIMITS))).is_err());
        std::fs::remove_dir_all(&folder).expect("ours");
    }

    #[test]
    fn a_model_without_integers_gets_no_false_bound() {
        let mut variables = ProblemVariables::new();
        let x = variables.add(variable().min(2.0));
        let problem = (Sense::Minimise, variables, Expression::from(x));
        let outcome = solve(program(problem, []), 0.0, LIMITS).expect("a model");
        assert_eq!(outcome.bound, None);
    }
}
