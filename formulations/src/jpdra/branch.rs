//! `branch`: exact search by branch and bound on the price bound.
//!
//! Without a known deployment the tree search (module `tree_search`) first looks for feasibility alone, with all delays 0: it finds a deployment, or
//! leaves that prove that there is none. Then it minimises the delay. Large instances are also improved by large-neighbourhood search (module
//! `neighbourhood`), in turn with the tree search, or with two threads beside it (module `shared_incumbent`).

use std::time::Instant;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Bound, Budget, Evidence, Parameter, ParameterRange, Setting, Stop};
use offcut_instances::random::Stream;

use super::bound::BOUND_RELAXATION;
use super::local_search::first_deployment;
use super::model::{Deployed, MAX_SERVERS, MAX_UNITS, Model};
use super::neighbourhood::{Neighbourhoods, is_large};
use super::server_subproblem::SubproblemObjective;
use super::shared_incumbent::{Exchange, SharedIncumbent};
use super::tree_search::{CONVERGENCE_TOL, Search};

/// Exact search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// The relative gap at which the search ends.
    pub(super) gap: f64,
}

impl Default for Branch {
    fn default() -> Self {
        Self { gap: CONVERGENCE_TOL }
    }
}

/// Certificates keep whole units where no server has more than this; beyond that they prove the bound of continuous speeds, which is lower.
const MAX_CERTIFIED_UNITS: u64 = 4096;

/// Tables by partition and server are kept: at most this many pairs.
const MAX_PAIRS: usize = 200_000;

impl Algorithm<Jpdra> for Branch {
    fn id(&self) -> &str {
        "branch"
    }

    fn about(&self) -> &str {
        "branch and bound on the price bound: flows and servers decomposed by prices (certified by a tree of prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let model = Model::new(instance);
        if model.servers() > MAX_SERVERS || model.partitions() * model.servers() > MAX_PAIRS {
            return Answer::declined(format!(
                "takes at most {MAX_SERVERS} servers, and {MAX_PAIRS} pairs of partition and server"
            ));
        }
        if model.units.iter().any(|units| *units > MAX_UNITS) {
            return Answer::declined(format!("takes at most {MAX_UNITS} units per server"));
        }
        search(&model, self.gap, budget)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let about = "relative gap at which the search ends: 0.001 is 0.1 %";
        vec![Parameter {
            name: "gap",
            default: CONVERGENCE_TOL,
            range: ParameterRange::reals(CONVERGENCE_TOL, 0.5),
            about,
        }]
    }

    fn set(&mut self, setting: &Setting) {
        self.gap = setting.value();
    }
}

fn search(model: &Model, gap: f64, budget: &Budget) -> Answer<Jpdra> {
    let began = Instant::now();
    let mut stream = Stream::new(&["jpdra", "branch"], budget.seed);
    let mut best = first_deployment(model, &mut stream, &|| budget.is_spent(began));
    if best.is_none() {
        match feasible(model, &mut stream, budget, began) {
            Ok(found) => best = found,
            Err(answer) => return *answer,
        }
    }
    if let Some((_, on)) = &best {
        model.report(on);
    }
    let shared = SharedIncumbent::default();
    shared.offer(&best);
    let mut search = Search::new(model, SubproblemObjective::Delay, best, budget, began);
    search.gap = gap;
    let stop = if budget.threads > 1 && is_large(model) {
        search.improver = Some(Box::new(Exchange(&shared)));
        std::thread::scope(|scope| {
            scope.spawn(|| shared.search_neighbourhoods(model, budget, began));
            let stop = search.run(&mut stream);
            shared.end();
            stop
        })
    } else {
        if is_large(model) {
            search.improver = Some(Box::new(Neighbourhoods::default()));
        }
        search.run(&mut stream)
    };
    let (delay, on) = search.best.clone().expect("a deployment was known before the search");
    let bound = search.bound().min(delay).max(0.0) * (1.0 - BOUND_RELAXATION);
    let answer = model.found(&on);
    let trace = search.trace();
    with_bound(Answer { stop, ..answer }, model, bound, search).traced(trace)
}

/// The answer with its bound: certified where the certificate proves it, and solver-reported where servers have too many units for that.
fn with_bound(mut answer: Answer<Jpdra>, model: &Model, value: f64, search: Search<'_>) -> Answer<Jpdra> {
    if model.units.iter().all(|units| *units <= MAX_CERTIFIED_UNITS) {
        return answer.certified(value, search.certificate());
    }
    let word = format!("branch, servers of more than {MAX_CERTIFIED_UNITS} units");
    answer.proved = Some(Bound { value, evidence: Evidence::SolverReported(word) });
    answer
}

/// A deployment by the search for feasibility.
///
/// # Errors
/// The method's answer, if there is none or the budget is spent.
fn feasible(
    model: &Model,
    stream: &mut Stream,
    budget: &Budget,
    began: Instant,
) -> Result<Option<Deployed>, Box<Answer<Jpdra>>> {
    let mut search = Search::new(model, SubproblemObjective::Feasibility, None, budget, began);
    let outcome = search.run(stream);
    let trace = search.trace();
    match search.best.take() {
        Some((_, on)) => Ok(model.delay(&on).map(|delay| (delay, on))),
        None if outcome == Stop::Completed && !search.proves_infeasibility() => {
            let reason = "whether there is a deployment depends on roundings: servers are loaded to their speed";
            Err(Box::new(Answer::declined(reason).traced(trace)))
        }
        None if outcome == Stop::Completed => {
            Err(Box::new(Answer::nothing(Stop::Infeasible).certified(0.0, search.certificate()).traced(trace)))
        }
        None => Err(Box::new(Answer::nothing(outcome).traced(trace))),
    }
}
