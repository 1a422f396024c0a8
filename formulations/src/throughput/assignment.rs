//! The generalised assignment model as HiGHS gets it: `milp` solves it, `lp` and the root bound its relaxation. The mathematics is in module `milp`.

use good_lp::{Constraint, Expression, ProblemVariables, VariableDefinition, constraint};
use offcut_instances::problem::Problem;
use offcut_instances::throughput::Throughput;

use super::threads::Needs;
use crate::highs::Program;

/// Above this many binaries the model is not built: HiGHS then no longer minds its time limit while it presolves.
pub(super) const MAX_BINARIES: usize = 200_000;

/// The model, and what its variables stand for.
pub(super) struct Model {
    /// Capacities first, one a cloudlet; then one row for every open request.
    pub(super) program: Program,
    /// Open request and cloudlet of every variable.
    pub(super) pairs: Vec<(u32, u32)>,
    /// The profit of locally feasible requests.
    pub(super) constant: f64,
    /// The largest profit: the objective is in units of it, so that the optimum is at least 1, as every open request can be served alone.
    pub(super) unit: f64,
}

impl Model {
    pub(super) fn new(needs: &Needs, kind: fn() -> VariableDefinition) -> Self {
        let unit = needs.open.iter().map(|open| open.profit).fold(0.0, f64::max);
        let mut problem = ProblemVariables::new();
        let mut pairs = Vec::new();
        let mut capacities = vec![Expression::default(); needs.cloudlets()];
        let mut profit = Expression::with_capacity(needs.pairs());
        let mut once = Vec::with_capacity(needs.open.len());
        for (at, open) in needs.open.iter().enumerate() {
            let mut one = Expression::with_capacity(needs.cloudlets());
            for (j, k) in needs.row(open).iter().enumerate().filter(|(_, k)| **k > 0) {
                let x = problem.add(kind());
                pairs.push((at as u32, j as u32));
                one.add_mul(1.0, x);
                capacities[j].add_mul(f64::from(*k), x);
                profit.add_mul(open.profit / unit, x);
            }
            once.push(constraint!(one <= 1.0));
        }
        let threads = needs.instance.cloudlets.iter().map(|cloudlet| f64::from(cloudlet.threads));
        let mut rows: Vec<Constraint> =
            capacities.into_iter().zip(threads).map(|(load, threads)| constraint!(load <= threads)).collect();
        rows.extend(once);
        let constant: f64 = needs.local.iter().map(|i| needs.instance.requests[*i as usize].profit).sum();
        let size = needs.open.len() as f64;
        let program = Program::new(Throughput::SENSE, problem, profit, rows, size).scaled(unit, constant + 0.0);
        Self { program, pairs, constant, unit }
    }
}
