//! `branch`: branch and bound on the price bound, exact.
//!
//! The root is what `price` does. Where its admission stays below the bound, knapsacks sharpen the bound and find admissions (module
//! `knapsacks`); that mostly closes the gap. Otherwise the request whose fractional admission is most undecided is split: a cloudlet serves it, or
//! it does not. Each node has prices and values of its own, found from its parent's, and ends as a leaf when its bound is no better than
//! the best admission known. The certificate is the tree with the leaves' prices or values.

use std::time::Instant;

use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};
use offcut_instances::throughput::{Instance, PriceNode, Throughput};

use super::bound::{LARGE, LARGE_GAP, PriceTarget, Prices, handed_over, least_bound, shares};
use super::knapsacks::{self, is_small};
use super::model::Admission;
use super::price::rounded;
use super::round::Rounding;
use super::thread_pool::with_threads;
use super::threads::Needs;

/// Branch and bound on the price bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch;

/// A certificate with more nodes is too large to be emitted.
const MAX_NODES: usize = 200_000;

/// The checker replays trees for at most so many pairs.
const MAX_PAIRS: usize = 200_000_000;

/// Open nodes hold tables of their own: at most this many bytes in all, or half of the budget's.
const MAX_BYTES: u64 = 2 << 30;

/// An open node: what is left to admit, what is decided, and the parent's prices.
struct Open<'a> {
    node: usize,
    admission: Option<Admission<'a>>,
    /// Open requests served so far, and where.
    served: Vec<(u32, u32)>,
    profit: f64,
    prices: Vec<f64>,
    /// The parent's values by open request, if its knapsacks were solved.
    values: Option<Vec<f64>>,
}

impl Algorithm<Throughput> for Branch {
    fn id(&self) -> &str {
        "branch"
    }

    fn about(&self) -> &str {
        "branch and bound on the price bound (exact, certified by a tree of prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        with_threads(budget, || search(instance, budget))
    }
}

fn search(instance: &Instance, budget: &Budget) -> Answer<Throughput> {
    let began = Instant::now();
    let is_out_of_time = || budget.is_spent(began);
    let needs = Needs::new(instance);
    let build_s = began.elapsed().as_secs_f64();
    let mut search = Search::new(&needs, budget, &is_out_of_time);
    while let Some(open) = search.waiting.pop() {
        search.process(open);
    }
    search.answer(build_s)
}

/// The state of a search.
struct Search<'a> {
    needs: &'a Needs<'a>,
    is_out_of_time: &'a (dyn Fn() -> bool + Sync),
    /// Bytes that open nodes may take.
    max_bytes: u64,
    /// The relative gap at which the search for prices of a node ends.
    gap: f64,
    /// Whether the checker can replay a tree for so many pairs.
    may_split: bool,
    /// Whether all profits are whole numbers.
    is_whole: bool,
    /// The best admission: its profit, and the cloudlet of every open request.
    best: (f64, Vec<Option<u32>>),
    nodes: Vec<PriceNode>,
    waiting: Vec<Open<'a>>,
    /// The largest bound of all leaves.
    bound: f64,
    is_cut_short: bool,
    opened: u64,
    leaves: u64,
    knapsack_rounds: u64,
}

/// A node at its prices.
struct Bounded {
    prices: Prices,
    bound: f64,
    /// Values by item, if knapsacks gave a better bound than the prices.
    values: Option<Vec<f64>>,
}

impl<'a> Search<'a> {
    fn new(needs: &'a Needs<'a>, budget: &Budget, is_out_of_time: &'a (dyn Fn() -> bool + Sync)) -> Self {
        let instance = needs.instance;
        let root = Admission::new(needs);
        Self {
            needs,
            is_out_of_time,
            max_bytes: budget.memory_bytes.map_or(MAX_BYTES, |bytes| bytes / 2),
            gap: if root.items.len() > LARGE { LARGE_GAP } else { 1e-11 },
            may_split: instance.requests.len().saturating_mul(instance.cloudlets.len()) <= MAX_PAIRS,
            is_whole: root.is_whole,
            best: (0.0, vec![None; needs.open.len()]),
            nodes: vec![PriceNode::Leaf { prices: vec![0.0; root.cloudlets()] }],
            waiting: vec![Open {
                node: 0,
                admission: Some(root),
                served: Vec::new(),
                profit: 0.0,
                prices: Vec::new(),
                values: None,
            }],
            bound: 0.0,
            is_cut_short: false,
            opened: 0,
            leaves: 0,
            knapsack_rounds: 0,
        }
    }

    /// Whether a node with this bound cannot improve the best admission.
    fn is_settled(&self, bound: f64) -> bool {
        if self.is_whole { bound <= self.best.0 } else { bound <= self.best.0 * (1.0 + 1e-10) }
    }

    /// Bounds a node, then ends it as a leaf or splits it.
    fn process(&mut self, open: Open<'a>) {
        let Open { node, admission, served, profit, prices, values } = open;
        let Some(admission) = admission else {
            // The decisions exceed a capacity: any prices prove it.
            self.nodes[node] = PriceNode::Leaf { prices };
            self.leaves += 1;
            return;
        };
        self.opened += 1;
        let is_root = node == 0;
        let is_full = self.waiting.len() as u64 * admission.bytes() > self.max_bytes;
        self.is_cut_short |= !is_root && ((self.is_out_of_time)() || is_full || self.nodes.len() + 2 > MAX_NODES);
        let at = Decided { is_root, served: &served, profit };
        let mut here = self.bound_by_prices(&admission, prices, &at);
        self.bound_by_knapsacks(&admission, &mut here, values, &at);
        let split = if self.is_settled(here.bound) || self.is_cut_short || !self.may_split {
            None
        } else {
            undecided(&admission, &here.prices)
        };
        match split {
            Some((item, cloudlet)) => self.split(node, &admission, (item, cloudlet), served, profit, here),
            None => self.leaf(node, &admission, here),
        }
    }

    /// The price bound of a node; below the root its prices are sought from the parent's. Admissions are rounded where a gap is left.
    fn bound_by_prices(&mut self, admission: &Admission, prices: Vec<f64>, at: &Decided) -> Bounded {
        let prices = if self.is_cut_short {
            Prices { prices, temperature: 0.0, passes: 0.0 }
        } else {
            let start = (!at.is_root).then_some(&prices[..]);
            least_bound(admission, PriceTarget { gap: self.gap, coldest: 1e-11 }, start, &self.is_out_of_time)
        };
        let bound = at.profit + admission.bound(&prices.prices);
        if !self.is_settled(bound) && !self.is_cut_short {
            let restarts = if at.is_root { 400 } else { 3 };
            let (found, _) = rounded(admission, &prices, bound - at.profit, restarts, &self.is_out_of_time);
            keep(&mut self.best, self.needs, admission, &found, at);
        }
        Bounded { prices, bound, values: None }
    }

    /// Improves the bound of a node by knapsacks, where prices leave a gap. Once the search is cut short, only the parent's values are evaluated.
    fn bound_by_knapsacks(
        &mut self,
        admission: &Admission,
        here: &mut Bounded,
        parents: Option<Vec<f64>>,
        at: &Decided,
    ) {
        let inherited: Option<Vec<f64>> =
            parents.map(|values| admission.items.iter().map(|item| values[item.open as usize]).collect());
        let is_possible = !self.is_cut_short || inherited.is_some();
        if self.is_settled(here.bound) || !is_possible || !is_small(self.needs, admission) {
            return;
        }
        let max_rounds = match (self.is_cut_short, at.is_root) {
            (true, _) => 1,
            (_, true) => 3000,
            _ => 150,
        };
        let known = self.best.0 - at.profit;
        let (best, needs) = (&mut self.best, self.needs);
        let found = |rounding: &Rounding| {
            keep(best, needs, admission, rounding, at);
            rounding.profit
        };
        let prices = &here.prices.prices;
        let values = knapsacks::lowered(admission, prices, inherited, known, max_rounds, found, &self.is_out_of_time);
        self.knapsack_rounds += values.rounds;
        if at.profit + values.bound < here.bound {
            here.bound = at.profit + values.bound;
            here.values = Some(values.values);
        }
    }

    fn leaf(&mut self, node: usize, admission: &Admission, here: Bounded) {
        self.bound = self.bound.max(here.bound);
        self.nodes[node] = match here.values {
            Some(values) => leaf_of(self.needs, admission, &values),
            None => PriceNode::Leaf { prices: here.prices.prices },
        };
        self.leaves += 1;
    }

    /// Splits a node on whether an item is served by a cloudlet.
    fn split(
        &mut self,
        node: usize,
        admission: &Admission<'a>,
        (at, j): (usize, u32),
        served: Vec<(u32, u32)>,
        profit: f64,
        here: Bounded,
    ) {
        let item = admission.items[at];
        let values = here.values.map(|values| {
            let mut by_open = vec![0.0; self.needs.open.len()];
            admission.items.iter().zip(values).for_each(|(item, value)| by_open[item.open as usize] = value);
            by_open
        });
        let prices = here.prices.prices;
        let first = self.nodes.len() as u32;
        let request = self.needs.open[item.open as usize].request;
        self.nodes[node] = PriceNode::Split { request, cloudlet: j, served: first, elsewhere: first + 1 };
        self.nodes.extend((0..2).map(|_| PriceNode::Leaf { prices: Vec::new() }));
        let elsewhere = Open {
            node: first as usize + 1,
            admission: Some(admission.banning(at, j as usize).sharpened()),
            served: served.clone(),
            profit,
            prices: prices.clone(),
            values: values.clone(),
        };
        let mut with_it = served;
        with_it.push((item.open, j));
        let there = Open {
            node: first as usize,
            admission: admission.serving(at, j as usize).map(Admission::sharpened),
            served: with_it,
            profit: profit + item.profit,
            prices,
            values,
        };
        // Serving first: it leads to admissions.
        self.waiting.extend([elsewhere, there]);
    }

    fn answer(self, build_s: f64) -> Answer<Throughput> {
        let (solution, objective) = self.needs.solution(&self.best.1);
        let trace = Trace {
            build_s: Some(build_s),
            ..Trace::counting([
                ("pairs", self.needs.pairs() as u64),
                ("nodes", self.opened),
                ("leaves", self.leaves),
                ("knapsack rounds", self.knapsack_rounds),
            ])
        };
        let value = handed_over(self.needs, self.is_whole, self.bound);
        let certificate = self.needs.certificate(self.nodes);
        let stop = if self.is_cut_short { Stop::TimeLimit } else { Stop::Completed };
        Answer { stop, ..Answer::found(solution, objective).certified(value, certificate).traced(trace) }
    }
}

/// The decisions above a node.
struct Decided<'a> {
    is_root: bool,
    /// Open requests served, and their cloudlets.
    served: &'a [(u32, u32)],
    /// Their profit.
    profit: f64,
}

/// Keeps a rounded admission, with the decisions above it, if it is the best.
fn keep(best: &mut (f64, Vec<Option<u32>>), needs: &Needs, admission: &Admission, rounding: &Rounding, at: &Decided) {
    if at.profit + rounding.profit > best.0 {
        *best = (at.profit + rounding.profit, complete(needs, admission, at.served, rounding));
    }
}

/// A rounded admission with what was decided before, by open request.
fn complete(needs: &Needs, admission: &Admission, served: &[(u32, u32)], rounding: &Rounding) -> Vec<Option<u32>> {
    let mut chosen = vec![None; needs.open.len()];
    served.iter().for_each(|(open, j)| chosen[*open as usize] = Some(*j));
    let items = admission.items.iter().zip(&rounding.chosen);
    items.for_each(|(item, cloudlet)| chosen[item.open as usize] = *cloudlet);
    chosen
}

/// A leaf with values by request.
fn leaf_of(needs: &Needs, admission: &Admission, values: &[f64]) -> PriceNode {
    let by_request = admission.items.iter().zip(values).filter(|(_, value)| **value > 0.0);
    let by_request = by_request.map(|(item, value)| (needs.open[item.open as usize].request, *value));
    PriceNode::Values { values: by_request.collect() }
}

/// The request and cloudlet that the fractional admission leaves most open; if it leaves none, any that could still be served.
fn undecided(admission: &Admission, here: &Prices) -> Option<(usize, u32)> {
    let mut best: Option<(f64, usize, u32)> = None;
    let mut options = Vec::new();
    for (at, item) in admission.items.iter().enumerate() {
        shares(admission, item, &here.prices, here.temperature, &mut options);
        for (j, share) in &options {
            let branching_score = share.min(1.0 - share) * item.profit;
            if best.is_none_or(|(most, _, _)| branching_score > most) {
                best = Some((branching_score, at, *j));
            }
        }
    }
    best.map(|(_, at, j)| (at, j)).or_else(|| {
        let mut all = admission.items.iter().enumerate();
        all.find_map(|(at, item)| Some((at, admission.row(item).iter().position(|k| *k > 0)? as u32)))
    })
}
