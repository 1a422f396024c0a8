//! Large-neighbourhood search: a few flows at a time are freed and assigned by tree search, all others fixed.

use std::time::Instant;

use offcut_instances::problem::Budget;
use offcut_instances::random::Stream;

use super::local_search::Local;
use super::model::Model;
use super::server_subproblem::SubproblemObjective;
use super::tree_search::{ITEMS_PER_TRY, Improver, Search};

/// Partitions freed together, at first and at most.
const MIN_PARTITIONS: usize = 24;
const MAX_PARTITIONS: usize = 64;

/// The share of the work that goes into neighbourhoods.
const SEARCH_SHARE: f64 = 0.5;

/// After this many neighbourhoods per flow without an improvement, the share is halved.
const STALL_LIMIT: f64 = 8.0;

/// The search of a neighbourhood ends after this many nodes.
const MAX_PART_NODES: u64 = 20;

/// The relative gap at which the search of a neighbourhood ends.
const PART_CONVERGENCE_TOL: f64 = 1e-5;

/// Whether the model is large enough for this search. Whole units are not supported.
pub(super) fn is_large(model: &Model) -> bool {
    model.unit.is_none() && model.partitions() > MIN_PARTITIONS
}

/// Large-neighbourhood search in turn with the tree search, for a share of the work done so far.
#[derive(Default)]
pub(super) struct Neighbourhoods {
    /// Work of these searches.
    work: u64,
    /// Searches since the last improvement.
    failures: usize,
}

impl Improver for Neighbourhoods {
    fn improve(&mut self, search: &mut Search<'_>, stream: &mut Stream) {
        let model = search.model;
        let flows = model.flows.len() as f64;
        loop {
            // The share falls as failures add up: bounds need the work more.
            let share = SEARCH_SHARE / (1.0 + (self.failures as f64 / (STALL_LIMIT * flows)).powi(2));
            let done = ITEMS_PER_TRY as f64 * search.tried as f64 + self.work as f64;
            if done >= share * (search.priced() + self.work) as f64 || search.budget.is_spent(search.began) {
                return;
            }
            let Some((delay, on)) = search.best.clone() else { return };
            let (found, work) = search_neighbourhood(model, &on, self.failures, stream, search.budget, search.began);
            self.work += work;
            self.failures += 1;
            let Some(on) = found else { continue };
            if search.improve(Local::at_rest(model, on))
                && search.best.as_ref().is_some_and(|(least, _)| *least < delay)
            {
                self.failures = 0;
            }
        }
    }
}

/// Frees a few flows of a deployment and assigns them by tree search, all others fixed. `failures` counts the neighbourhoods without an improvement
/// since the last one: the neighbourhood grows with it. The answer is the new deployment, if there is one, and the work done.
pub(super) fn search_neighbourhood(
    model: &Model,
    on: &[u32],
    failures: usize,
    stream: &mut Stream,
    budget: &Budget,
    began: Instant,
) -> (Option<Vec<u32>>, u64) {
    let chosen = chosen_flows(model, on, failures, stream);
    let part = model.part(&chosen, on);
    let own: Vec<u32> = chosen.iter().flat_map(|s| &on[model.flows[*s].clone()]).copied().collect();
    let before = part.delay(&own).map(|delay| (delay, own));
    let mut search = Search::new(&part, SubproblemObjective::Delay, before, budget, began);
    search.gap = PART_CONVERGENCE_TOL;
    search.max_nodes = MAX_PART_NODES;
    search.run(stream);
    let work = search.priced() + ITEMS_PER_TRY * search.tried;
    let found = search.best.map(|(_, own)| {
        let mut on = on.to_vec();
        let assignments = chosen.iter().flat_map(|s| model.flows[*s].clone());
        assignments.zip(own).for_each(|(i, m)| on[i] = m);
        on
    });
    (found, work)
}

/// Flows to free, ascending, with at most so many partitions in all as `failures` allow.
fn chosen_flows(model: &Model, on: &[u32], failures: usize, stream: &mut Stream) -> Vec<usize> {
    let flows = model.flows.len();
    let limit = (MIN_PARTITIONS + MIN_PARTITIONS * failures / (4 * flows)).min(MAX_PARTITIONS);
    let (mut chosen, mut partitions) = (Vec::new(), 0);
    // Every other time only flows that share a server with the first one.
    let first = stream.below(flows as u64) as usize;
    let is_related = stream.below(2) == 0;
    let shares_server =
        |s: usize| on[model.flows[s].clone()].iter().any(|m| on[model.flows[first].clone()].contains(m));
    for attempt in 0..4 * flows {
        let s = if attempt == 0 { first } else { stream.below(flows as u64) as usize };
        let added = model.flows[s].len();
        let fits = chosen.is_empty() || partitions + added <= limit;
        if !chosen.contains(&s) && fits && (!is_related || shares_server(s)) {
            chosen.push(s);
            partitions += added;
        }
    }
    chosen.sort_unstable();
    chosen
}
