//! Resource allocation for fixed cuts as a cone program, through Clarabel: a reference for `fixed_cuts`.
//!
//! ```text
//! rate      fixed: P = X;   shannon: (e P, X, X + s n) in the exponential cone, X = n x, e = ln(1 + s n)
//! stages    k1 u, k2 P, k3 Y with k3 Y = n y ...: with T the seconds of a stage at an equal share (the device: at its greatest speed)
//!           exponential    tau (speed - lambda T) >= 1, delta speed >= 1:  t = T tau, d = T delta
//!           deterministic  delta speed >= 1,  d >= T delta,  w (1 - lambda d) >= d^2:  h(d) = lambda w / 2
//! products  a b >= k^2  as  |(a - b, 2 k)| <= a + b
//! minimise  D + a u^2 + q d2   with   sum X <= n, sum Y <= n, u <= 1
//! ```
//!
//! Everything is in units of what an equal share gives, so that data are about 1 as Clarabel wants them.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use offcut_instances::lymdo::Service;

use super::slot::Slot;

/// What Clarabel says.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConicResult {
    /// The objective, in seconds.
    pub(super) value: f64,
    /// Whether it reached the tolerances asked for.
    pub(super) is_sure: bool,
}

/// The program as it grows: every row says that a linear expression is in a cone.
#[derive(Default)]
struct Program {
    costs: Vec<f64>,
    squares: Vec<f64>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    right: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

impl Program {
    fn variable(&mut self, cost: f64) -> usize {
        self.costs.push(cost);
        self.squares.push(0.0);
        self.costs.len() - 1
    }

    /// Adds a component: `constant` and terms of variables.
    fn row(&mut self, constant: f64, terms: &[(usize, f64)]) {
        for (variable, factor) in terms {
            self.rows.push(self.right.len());
            self.columns.push(*variable);
            self.values.push(-factor);
        }
        self.right.push(constant);
    }

    /// An expression that is not below 0.
    fn nonnegative(&mut self, constant: f64, terms: &[(usize, f64)]) {
        self.row(constant, terms);
        self.cones.push(SupportedConeT::NonnegativeConeT(1));
    }

    /// `(a + b)`, `(a - b)` and `k`, doubled: a b >= k^2.
    fn product(&mut self, a: usize, b: (f64, usize, f64), k: (f64, Option<usize>)) {
        let (constant, variable, factor) = b;
        self.row(constant, &[(a, 1.0), (variable, factor)]);
        self.row(-constant, &[(a, 1.0), (variable, -factor)]);
        match k.1 {
            Some(variable) => self.row(0.0, &[(variable, 2.0 * k.0)]),
            None => self.row(2.0 * k.0, &[]),
        }
        self.cones.push(SupportedConeT::SecondOrderConeT(3));
    }
}

/// A stage with work: seconds at an equal share, the variable that is its speed, and the price of a second.
type Stage = (f64, usize, f64);

/// The optimum for the cuts of `pairs`, one per user; none if Clarabel says that there is no solution.
///
/// # Errors
/// Clarabel's message if it neither solves it nor reports infeasible.
pub(super) fn solve(slot: &Slot, pairs: &[u32]) -> Result<Option<ConicResult>, String> {
    let users = pairs.len() as f64;
    let mut program = Program::default();
    // Terms of what all users share: bandwidth, edge.
    let mut shared = [Vec::new(), Vec::new()];
    for pair in pairs {
        let pair = *pair as usize;
        let lambda = slot.lambda[slot.user[pair] as usize];
        let stages = add_stages(&mut program, slot, pair, users, &mut shared);
        match slot.service {
            Service::Exponential => add_exponential(&mut program, lambda, stages),
            Service::Deterministic => add_deterministic(&mut program, lambda, stages),
        }
    }
    for shares in shared {
        if !shares.is_empty() {
            program.nonnegative(1.0, &shares);
        }
    }
    if program.costs.is_empty() {
        return Ok(Some(ConicResult { value: 0.0, is_sure: true }));
    }
    solved(program)
}

/// Adds the speeds of a pair's stages; what it takes of the bandwidth and the edge goes to `shared`.
fn add_stages(
    program: &mut Program,
    slot: &Slot,
    pair: usize,
    users: f64,
    [bandwidth, edge]: &mut [Vec<(usize, f64)>; 2],
) -> Vec<Stage> {
    let n = slot.user[pair] as usize;
    let mut stages = Vec::new();
    if slot.local[pair] > 0.0 {
        let speed = program.variable(0.0);
        program.squares[speed] = slot.heat[pair];
        program.nonnegative(1.0, &[(speed, -1.0)]);
        stages.push((slot.local[pair], speed, 0.0));
    }
    if slot.air[pair] > 0.0 {
        let share = program.variable(0.0);
        bandwidth.push((share, -1.0 / users));
        let price = slot.airtime[n] - 1.0;
        if slot.is_shannon {
            let noise = slot.snr[n] * users;
            let efficiency = noise.ln_1p();
            let rate = program.variable(0.0);
            program.row(0.0, &[(rate, efficiency)]);
            program.row(0.0, &[(share, 1.0)]);
            program.row(noise, &[(share, 1.0)]);
            program.cones.push(SupportedConeT::ExponentialConeT());
            stages.push((slot.air[pair] * users / efficiency, rate, price));
        } else {
            stages.push((slot.air[pair] * users, share, price));
        }
    }
    if slot.edge[pair] > 0.0 {
        let share = program.variable(0.0);
        edge.push((share, -1.0 / users));
        stages.push((slot.edge[pair] * users, share, 0.0));
    }
    stages
}

/// Adds a user's delay and energy under exponential service.
fn add_exponential(program: &mut Program, lambda: f64, stages: Vec<Stage>) {
    for (unit, speed, price) in stages {
        let time = program.variable(unit);
        program.product(time, (-lambda * unit, speed, 1.0), (1.0, None));
        if price > 0.0 {
            let sent = program.variable(unit * price);
            program.product(sent, (0.0, speed, 1.0), (1.0, None));
        }
    }
}

/// Adds a user's delay and energy under deterministic service: only the slowest stage has a queue.
fn add_deterministic(program: &mut Program, lambda: f64, stages: Vec<Stage>) {
    let longest = stages.iter().map(|(unit, ..)| *unit).fold(0.0, f64::max);
    let waits = lambda > 0.0 && longest > 0.0;
    let slowest = waits.then(|| program.variable(0.0));
    for (unit, speed, price) in stages {
        let time = program.variable(unit * (1.0 + price));
        program.product(time, (0.0, speed, 1.0), (1.0, None));
        if let Some(slowest) = slowest {
            program.nonnegative(0.0, &[(slowest, 1.0), (time, -unit / longest)]);
        }
    }
    if let Some(slowest) = slowest {
        let waiting = program.variable(0.5 * lambda * longest * longest);
        program.product(waiting, (1.0, slowest, -lambda * longest), (1.0, Some(slowest)));
    }
}

fn solved(program: Program) -> Result<Option<ConicResult>, String> {
    let Program { mut costs, mut squares, rows, columns, values, right, cones } = program;
    let variables = costs.len();
    let scale = costs.iter().chain(&squares).sum::<f64>() / variables as f64;
    costs.iter_mut().for_each(|cost| *cost /= scale);
    squares.iter_mut().for_each(|square| *square *= 2.0 / scale);
    let all: Vec<usize> = (0..variables).collect();
    let quadratic = CscMatrix::new_from_triplets(variables, variables, all.clone(), all, squares);
    let matrix = CscMatrix::new_from_triplets(right.len(), variables, rows, columns, values);
    let settings = DefaultSettingsBuilder::default()
        .verbose(false)
        .max_iter(200)
        .tol_gap_abs(1e-8)
        .tol_gap_rel(1e-8)
        .tol_feas(1e-8)
        .build()
        .map_err(|error| format!("Clarabel rejects a setting: {error}"))?;
    let mut solver = DefaultSolver::new(&quadratic, &costs, &matrix, &right, &cones, settings)
        .map_err(|error| format!("Clarabel rejects the model: {error}"))?;
    solver.solve();
    let solution = &solver.solution;
    match solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            Ok(Some(ConicResult { value: solution.obj_val * scale, is_sure: solution.status == SolverStatus::Solved }))
        }
        SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Ok(None),
        status => Err(format!("Clarabel says {status:?}")),
    }
}
