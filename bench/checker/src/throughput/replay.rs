//! Replays a certificate: envelopes and hulls of the models, and a tree of splits with prices or values at its leaves.
//!
//! **Prices.** See [`Certificate`]: for every solution, `sum profit = sum_i (profit_i - pi_j k_i) + sum_j pi_j load_j`, and k_i is at least the
//! least number of threads that the envelope allows. Replacing every k_i by that number keeps the solution feasible for the relaxed
//! problem, in which loads are sums of these numbers. So capacities may be rounded down to such sums, and cloudlets that no request
//! connects may be bounded apart; each bound may be rounded down if profits are whole.
//!
//! **Values.** For every solution of the relaxed problem, `sum profit = sum_{i admitted} u_i + sum_j sum_{i on j} (profit_i - u_i)`, and the requests on
//! a cloudlet fit its threads. So the sum of all u_i >= 0 and of every cloudlet's best knapsack is a bound. Below a split on whether a request is admitted,
//! the admitted request counts with its u_i in every solution, so this u_i may have any sign. Knapsacks are solved by dynamic programming over threads,
//! all sums rounded up.
//!
//! **Cuts.** See the module [`super::cuts`]. A cut `sum profit_i x_ij <= b` with multiplier mu >= 0 adds `mu (b - sum profit_i x_ij) >= 0` to the bound: the constant
//! `mu b`, less what pairs that are decided to serve take of b, and less profit in the knapsacks. Its cloudlets are bounded together.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` admits.
//!
//! 1. *Envelopes and hulls.* See the modules [`super::envelope`] and [`super::hull`].
//! 2. *Least threads.* `is_too_few` is true only for k that are certainly too few, and then fewer are too few as well. Where a search is cut off at
//!    [`max_threads_within`](super::leaf_bound), more threads cost more than the best alternative so far.
//! 3. *Leaf.* Prices and values are any numbers >= 0, values of admitted requests any numbers. A price of 0 makes threads free, and the search for a cheaper cloudlet goes through all of them: no
//!    quotient by 0 is formed. All sums and products of a leaf are rounded up.
//! 4. *Tree.* Of a split's two children one holds for each solution, so a solution's profit is at most the bound of its leaf, and the largest bound over
//!    the leaves is a bound. A leaf without solutions counts as 0, which is below every positive profit.
//!
//! **Steps** (see [`Budget`]). A look at all of an instance takes, for every pair of a request and a cloudlet, two searches for the least threads: by bisection,
//! 17 times all hull vertices each. A tree does that once, into a table, and its leaves look pairs up: one step each, two passes. The state of a node is kept up to
//! date on the way down and up: an excluded pair is 0 in the table until the way back. Knapsacks take a step for every thread that
//! they cover, sums of threads one for every sum that is tried; both are counted over the whole tree.

use std::collections::HashMap;

use offcut_instances::throughput::{Certificate, Cut, Envelope, Hull, Instance, PriceNode};

use super::cuts::ProvedCut;
use super::leaf_bound::{Proof, leaf_bound};
use super::node_state::{Decision, State};
use super::relaxation::{Relaxation, least_steps};
use crate::budget::Budget;
use crate::tree::{Flaw, Tree, Walker};
use crate::verdict::Violation;

/// The limits of knapsacks: steps per leaf, and threads of all cloudlets.
const MAX_STEPS: u64 = 1_000_000_000;
const MAX_THREADS: u64 = 10_000_000;

/// What larger knapsacks break.
const KNAPSACKS: &str = "knapsacks are replayed for at most 1e7 threads and 1e9 steps";

/// The limit of the table that trees with splits need: pairs of requests and cloudlets.
const MAX_PAIRS: usize = 200_000_000;

/// The steps that the replay of `certificate` may take.
pub(super) fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let of_envelope = |envelope: &Envelope| {
        envelope.corners.len() as u64 * 2 + envelope.flows.iter().map(|flow| flow.len() as u64).sum::<u64>()
    };
    let of_node = |node: &PriceNode| match node {
        PriceNode::Leaf { prices } => prices.len() as u64,
        PriceNode::Values { values, multipliers } => (values.len() + multipliers.len()) as u64 * 2,
        PriceNode::Split { .. } => 4,
        PriceNode::Service { .. } => 3,
    };
    let of_hull = |hull: &Hull| {
        let nodes = hull.nodes.iter().map(|node| 3 + node.flow.len() as u64).sum::<u64>();
        let cells = hull.cells.iter().map(|cell| 1 + cell.nodes.len() as u64).sum::<u64>();
        nodes + cells + hull.outline.len() as u64 + hull.vertices.len() as u64 * 3
    };
    let numbers = certificate.envelopes.iter().map(of_envelope).sum::<u64>()
        + certificate.hulls.iter().map(of_hull).sum::<u64>()
        + certificate.cuts.iter().map(|cut| cut.cloudlets.len() as u64 + cut.values.len() as u64 * 2).sum::<u64>()
        + certificate.nodes.iter().map(of_node).sum::<u64>();
    // A request looks at the vertices of its model and device for all kinds of cloudlets.
    let mut of_kinds: HashMap<(u32, Option<u32>), usize> = HashMap::new();
    for hull in &certificate.hulls {
        *of_kinds.entry((hull.model, hull.device_kind)).or_default() += hull.vertices.len();
    }
    let vertices = certificate.envelopes.iter().map(|envelope| envelope.corners.len()).max().unwrap_or(0)
        + of_kinds.into_values().max().unwrap_or(0);
    let (requests, cloudlets) = (instance.requests.len() as u64, instance.cloudlets.len() as u64);
    let look = requests.saturating_mul((cloudlets.saturating_mul(2 * least_steps(vertices))).saturating_add(2));
    Budget::of(numbers, look)
}

/// The replay of a certificate.
pub(super) struct Replay<'a>(pub(super) Relaxation<'a>);

impl<'a> Replay<'a> {
    pub(super) fn new(instance: &'a Instance, certificate: &Certificate) -> Result<Self, Violation> {
        Relaxation::new(instance, certificate).map(Self)
    }

    /// The largest bound over the leaves of a tree.
    pub(super) fn bound(&self, cuts: &[Cut], nodes: &[PriceNode], budget: &Budget) -> Result<f64, Violation> {
        let (requests, cloudlets) = (self.0.instance.requests.len(), self.0.instance.cloudlets.len());
        let tree = Tree::new(nodes, |node| self.children(node, cuts.len())).map_err(|flaw| flaw.violation(""))?;
        let table = match nodes.len() {
            1 if cuts.is_empty() => None,
            _ if requests.saturating_mul(cloudlets) > MAX_PAIRS => {
                let what = "a tree or a cut is replayed for at most 2e8 pairs of requests and cloudlets";
                return Err(Flaw { node: 0, what }.violation(""));
            }
            _ => Some(self.0.table(budget)?),
        };
        if !cuts.is_empty() && !self.are_knapsacks_small() {
            return Err(Flaw { node: 0, what: KNAPSACKS }.violation(""));
        }
        let table_of_cuts = table.as_deref().unwrap_or_default();
        let mut proved = Vec::new();
        for (c, cut) in cuts.iter().enumerate() {
            let cut = ProvedCut::new(&self.0, cut, table_of_cuts, budget)?;
            proved.push(cut.map_err(|what| Violation::new(what, format!("cuts[{c}]"), 1.0, "cut"))?);
        }
        let state = State::new(&self.0, table, budget)?;
        let mut walk = Walk { relaxation: &self.0, cuts: &proved, state, largest: 0.0 };
        tree.walk(&mut walk)?;
        Ok(walk.largest)
    }

    /// The children of a split, `None` for a leaf; or the constraint that the node breaks.
    pub(super) fn children(&self, node: &PriceNode, cuts: usize) -> Result<Option<[u32; 2]>, &'static str> {
        let (requests, cloudlets) = (self.0.instance.requests.len(), self.0.instance.cloudlets.len());
        match node {
            PriceNode::Split { request, cloudlet, served, elsewhere } => {
                if *request as usize >= requests || *cloudlet as usize >= cloudlets {
                    return Err("a split names a request and a cloudlet");
                }
                return Ok(Some([*served, *elsewhere]));
            }
            PriceNode::Service { request, admitted, rejected } => {
                if *request as usize >= requests {
                    return Err("a split names a request");
                }
                return Ok(Some([*admitted, *rejected]));
            }
            PriceNode::Leaf { prices } => {
                if prices.len() != cloudlets {
                    return Err("a leaf has a price >= 0 for every cloudlet");
                }
            }
            PriceNode::Values { values, multipliers } => {
                let is_ascending = multipliers.windows(2).all(|pair| pair[0].0 < pair[1].0);
                if !is_ascending || !multipliers.iter().all(|(c, _)| (*c as usize) < cuts) {
                    return Err("a leaf has multipliers of cuts, ascending");
                }
                let is_ascending = values.windows(2).all(|pair| pair[0].0 < pair[1].0);
                if !is_ascending || !values.iter().all(|(i, _)| (*i as usize) < requests) {
                    return Err("a leaf has values of requests, ascending");
                }
                if !self.are_knapsacks_small() {
                    return Err(KNAPSACKS);
                }
            }
        }
        Ok(None)
    }

    fn are_knapsacks_small(&self) -> bool {
        let threads: u64 = self.0.instance.cloudlets.iter().map(|c| u64::from(c.threads) + 1).sum();
        threads <= MAX_THREADS && threads.saturating_mul(self.0.instance.requests.len() as u64) <= MAX_STEPS
    }
}

/// The walk through the tree.
struct Walk<'a> {
    relaxation: &'a Relaxation<'a>,
    cuts: &'a [ProvedCut<'a>],
    state: State<'a>,
    largest: f64,
}

impl<'a> Walker<'a, PriceNode> for Walk<'_> {
    fn down(&mut self, split: &'a PriceNode, is_served: bool) -> Result<(), Violation> {
        self.state.decide(Decision::of(split, is_served));
        self.state.budget.spend(1)
    }

    fn up(&mut self) {
        self.state.undo();
    }

    fn leaf(&mut self, node: usize, leaf: &'a PriceNode) -> Result<(), Violation> {
        let bound = match leaf {
            PriceNode::Leaf { prices } => leaf_bound(self.relaxation, Proof::Prices(prices), &self.state),
            PriceNode::Values { values, multipliers } => {
                let mut all = vec![0.0; self.relaxation.instance.requests.len()];
                values.iter().for_each(|(i, value)| all[*i as usize] = *value);
                if values.iter().any(|(i, value)| *value < 0.0 && !self.state.is_admitted(*i as usize)) {
                    let what = "a value below 0 is of a request that is admitted";
                    return Err(Flaw { node, what }.violation(""));
                }
                leaf_bound(self.relaxation, Proof::Values { values: &all, multipliers, cuts: self.cuts }, &self.state)
            }
            PriceNode::Split { .. } | PriceNode::Service { .. } => unreachable!("leaves only"),
        };
        self.largest = self.largest.max(bound?);
        Ok(())
    }
}
