//! `branch`: branch and bound on the price bound, `sum` solved exactly with a certificate.
//!
//! The price bound leaves a gap where T_i*(f) is not convex: at the best price some users are indifferent between few and many units. A dynamic program over
//! the core (module `core_program`) closes it where few unit counts matter, or few kinds of users, which is nearly always. Where that takes too much, splitting such a user's
//! range between the two unit counts takes the mixture away. Every node is a set of ranges with its own best price; the tree of splits with the prices at its
//! leaves, and the cutoffs of the dynamic programs there, is the certificate. Its value is the least over the leaves.
//!
//! Nodes are taken best first, so the bound rises as the search goes on and is valid whenever the budget is spent.

use std::cmp::Reverse;
use std::time::Instant;

use offcut_instances::incumbents;
use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Stop, Trace};

use super::bound::{PriceBound, Restriction, best_price, relaxed};
use super::classes::Classes;
use super::core_program::{Core, Outcome};
use super::model::Latencies;
use super::price::repaired;
use crate::best_first::{BestFirst, Ordered, Ranked};

/// A leaf whose bound is this close to the best solution, relative, is closed: well below the tolerance at which bounds meet objectives.
const CLOSED: f64 = 1e-10;

/// Cutoffs are below the best objective by this, relative, so that solutions as good as the best one need not be told from it by roundings.
const CUTOFF_RELAXATION: f64 = 1e-11;

/// States that the dynamic program of one node may make.
const EFFORT: u64 = 4_000_000;

/// Above this many nodes the tree is handed over as it is.
const MAX_NODES: usize = 1 << 20;

/// Branch and bound on the price bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch;

/// An open node.
struct Open {
    bound: f64,
    node: usize,
    ranges: Vec<Restriction>,
    /// The user to split and the last unit count of the lower part; none if no split would change anything.
    split: Option<(u32, u32)>,
}

impl Ranked for Open {
    type Rank = (Reverse<Ordered>, Reverse<usize>);

    /// The least bound first, then the oldest.
    fn rank(&self) -> Self::Rank {
        (Reverse(Ordered(self.bound)), Reverse(self.node))
    }
}

impl Algorithm<Multiuser> for Branch {
    fn id(&self) -> &str {
        "branch"
    }

    fn about(&self) -> &str {
        "branch and bound on the price bound (sum: exact, certified by a tree of prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        if instance.objective == Objective::Max {
            return Answer::declined("this method minimises the sum; threshold minimises the maximum");
        }
        Search::run(instance, budget, EFFORT)
    }
}

struct Search<'a> {
    latencies: &'a Latencies<'a>,
    classes: &'a Classes,
    /// States that the dynamic program of one node may make.
    effort: u64,
    began: Instant,
    nodes: Vec<PriceNode>,
    /// Bounds of the leaves; infinite for what was split, and for what the dynamic program closed.
    bounds: Vec<f64>,
    /// What rounding may take from the bound of a leaf that the dynamic program closed, in the checker. In seconds.
    rounding_s: f64,
    open: BestFirst<Open>,
    best: (f64, Vec<u32>),
    incumbents: Vec<Incumbent>,
}

/// Solves an instance; the dynamic program of one node may make `effort` states.
#[cfg(test)]
pub(super) fn solve_with(instance: &Instance, effort: u64) -> Answer<Multiuser> {
    Search::run(instance, &Budget::default(), effort)
}

impl Search<'_> {
    fn run(instance: &Instance, budget: &Budget, effort: u64) -> Answer<Multiuser> {
        let began = Instant::now();
        let latencies = Latencies::new(instance);
        let mut search = Search {
            latencies: &latencies,
            classes: &Classes::new(instance),
            effort,
            began,
            nodes: Vec::new(),
            bounds: Vec::new(),
            rounding_s: 0.0,
            open: BestFirst::default(),
            best: (f64::INFINITY, Vec::new()),
            incumbents: Vec::new(),
        };
        search.add(Vec::new());
        let mut stop = Stop::Completed;
        while let Some(open) = search.open.pop() {
            if search.is_closed(open.bound) {
                break; // all others are at least as good
            }
            let Some((user, units)) = open.split else { continue };
            if budget.is_spent(began) || search.nodes.len() + 2 > MAX_NODES {
                stop = Stop::TimeLimit;
                break;
            }
            let beta = latencies.units();
            let lower = restricted(&open.ranges, user, (0, units), beta);
            let upper = restricted(&open.ranges, user, (units + 1, beta), beta);
            let at_most = search.add(lower) as u32;
            let above = search.add(upper) as u32;
            search.nodes[open.node] = PriceNode::Split { user, units, at_most, above };
            search.bounds[open.node] = f64::INFINITY;
        }
        let (value, nodes) = search.certificate();
        let (objective, units) = search.best;
        let trace = Trace { incumbents: search.incumbents, ..Trace::counting([("nodes", nodes.len() as u64)]) };
        let answer = Answer::found(latencies.with_best_cuts(units), objective)
            .certified(relaxed(value), Certificate::Prices { nodes })
            .traced(trace);
        Answer { stop, ..answer }
    }

    fn is_closed(&self, bound: f64) -> bool {
        bound >= self.best.0 * (1.0 - CLOSED)
    }

    /// Bounds a new leaf, closes it by the dynamic program over its core, or opens it.
    fn add(&mut self, ranges: Vec<Restriction>) -> usize {
        let node = self.nodes.len();
        let bound = best_price(self.latencies, self.classes, &ranges, || false);
        self.nodes.push(PriceNode::Leaf { price_s: bound.price_s });
        self.bounds.push(bound.value);
        if bound.value.is_infinite() {
            return node;
        }
        self.improve(bound.units.clone());
        if self.is_closed(bound.value) {
            return node;
        }
        let core = Core::new(self.latencies, self.classes, &ranges, (bound.price_s, bound.value));
        match core.solve(self.best.0, &mut { self.effort }) {
            Outcome::GivenUp => {
                self.improve(repaired(self.latencies, bound.units.clone()));
                if !self.is_closed(bound.value) {
                    let split = widest(&bound);
                    self.open.push(Open { bound: bound.value, node, ranges, split });
                }
                return node;
            }
            Outcome::Best(units) => self.improve(units),
            Outcome::NoneBelow => {}
        }
        // The cutoff is set at the end.
        self.nodes[node] = PriceNode::Core { price_s: bound.price_s, cutoff_s: f64::INFINITY };
        // Of the price bound, and of the reduced costs.
        self.rounding_s = self.rounding_s.max(2.0 * bound.rounding_s);
        self.bounds[node] = f64::INFINITY;
        node
    }

    /// Keeps an allocation if it is better than all before.
    fn improve(&mut self, units: Vec<u32>) {
        let objective = self.latencies.objective(&units);
        if objective < self.best.0 {
            self.best = (objective, units);
            incumbents::report::<Multiuser>(objective, || self.latencies.with_best_cuts(self.best.1.clone()));
            self.incumbents.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective });
        }
    }

    /// The least bound over the leaves, and the tree; no allocation in a leaf that the dynamic program closed is better than the best one.
    fn certificate(&mut self) -> (f64, Vec<PriceNode>) {
        let cutoff = self.best.0 * (1.0 - CUTOFF_RELAXATION);
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in &mut nodes {
            if let PriceNode::Core { cutoff_s, .. } = node {
                *cutoff_s = cutoff;
            }
        }
        (self.bounds.iter().copied().fold(cutoff - self.rounding_s, f64::min), nodes)
    }
}

/// The user whose demand jumps the furthest at the best price, split in the middle of its jump.
fn widest(bound: &PriceBound) -> Option<(u32, u32)> {
    let too_many = bound.too_many.as_ref()?;
    let jumps = bound.units.iter().zip(too_many).enumerate().filter(|(_, (few, many))| few < many);
    jumps.max_by_key(|(_, (few, many))| *many - *few).map(|(user, (few, many))| (user as u32, few + (many - few) / 2))
}

/// `ranges` with one user's range narrowed; sorted by user.
fn restricted(ranges: &[Restriction], user: u32, (from, to): (u32, u32), beta: u32) -> Vec<Restriction> {
    let mut ranges = ranges.to_vec();
    match ranges.binary_search_by_key(&user, |(user, _)| *user) {
        Ok(at) => {
            let (_, (old_from, old_to)) = ranges[at];
            ranges[at].1 = (old_from.max(from), old_to.min(to));
        }
        Err(at) => ranges.insert(at, (user, (from, to.min(beta)))),
    }
    ranges
}
