//! `branch`: branch and bound on the price bound, exact.
//!
//! The root is what `price` does. Where its admission stays below the bound, knapsacks sharpen the bound (modules `knapsacks`, `bundle`), then cuts (module
//! `cuts`), and dives look for admissions: they serve what the fractional admission serves all but entirely and go on with the rest. That mostly closes the
//! gap. Otherwise a node is split (module `branching`): a request is admitted or not, or a cloudlet serves it or not. Each node starts from its parent's values and
//! columns, and ends as a leaf when its bound is no better than the best admission known. A child comes next after its parent, then the node with the largest
//! bound. The certificate is the tree with the leaves' prices or values, and the cuts that these use.

use std::rc::Rc;
use std::time::Instant;

use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};
use offcut_instances::random::Stream;
use offcut_instances::throughput::{Instance, PriceNode, Throughput};

use super::bound::{LARGE, LARGE_GAP, PriceTarget, Prices, handed_over, least_bound};
use super::branching::{Branching, most_open, undecided};
use super::bundle::{Aim, Bundle, Multipliers, Start};
use super::cuts::{Cut, NodeCut, used_cuts};
use super::knapsacks::is_small;
use super::model::Admission;
use super::price::rounded;
use super::round::{Rounding, roundings};
use super::separate::separated;
use super::thread_pool::with_threads;
use super::threads::Needs;

/// Branch and bound on the price bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch;

/// Cuts that are added at a time.
const MAX_CUTS: usize = 20;

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
    /// What the parent's knapsacks left, if they were solved.
    start: Option<Rc<Start>>,
    /// The parent's bound without rounding.
    bound: f64,
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
    while let Some(open) = search.next() {
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
    /// Whether the next node is the last one's child.
    is_diving: bool,
    /// Random orders.
    stream: Stream,
    /// The root, from which cuts are derived.
    root: Admission<'a>,
    cuts: Vec<Cut>,
}

/// Items that are served at once, and their cloudlets.
type Batch = Vec<(usize, u32)>;

/// A node of a dive.
struct Dive<'a> {
    admission: Admission<'a>,
    /// Open requests served so far, and where.
    served: Vec<(u32, u32)>,
    profit: f64,
    start: Rc<Start>,
}

/// A node at its prices.
struct Bounded {
    prices: Prices,
    bound: f64,
    /// Values by item and multipliers of cuts, if knapsacks gave a better bound than the prices.
    values: Option<Multipliers>,
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
                start: None,
                bound: f64::INFINITY,
            }],
            bound: 0.0,
            is_cut_short: false,
            opened: 0,
            leaves: 0,
            knapsack_rounds: 0,
            is_diving: false,
            stream: Stream::new(&["throughput", "branch", "order"], 0),
            root: Admission::new(needs),
            cuts: Vec::new(),
        }
    }

    /// Whether a node with this bound cannot improve the best admission.
    fn is_settled(&self, bound: f64) -> bool {
        if self.is_whole { bound <= self.best.0 } else { bound <= self.best.0 * (1.0 + 1e-10) }
    }

    /// The next open node: a child of the last one, or the one with the largest bound.
    fn next(&mut self) -> Option<Open<'a>> {
        if std::mem::take(&mut self.is_diving) {
            return self.waiting.pop();
        }
        let largest =
            (0..self.waiting.len()).max_by(|a, b| self.waiting[*a].bound.total_cmp(&self.waiting[*b].bound))?;
        Some(self.waiting.remove(largest))
    }

    /// Bounds a node, then ends it as a leaf or splits it.
    fn process(&mut self, open: Open<'a>) {
        let Open { node, admission, served, profit, prices, start, .. } = open;
        let Some(admission) = admission else {
            // The decisions exceed a capacity: any prices prove it.
            self.nodes[node] = PriceNode::Leaf { prices };
            self.leaves += 1;
            return;
        };
        self.opened += 1;
        let is_root = node == 0;
        let bytes = admission.bytes() + start.as_ref().map_or(0, |start| start.bytes());
        let is_full = self.waiting.len() as u64 * bytes > self.max_bytes;
        self.is_cut_short |= !is_root && ((self.is_out_of_time)() || is_full || self.nodes.len() + 2 > MAX_NODES);
        let at = Decided { is_root, served: &served, profit };
        let mut here = match &start {
            Some(_) => {
                Bounded { prices: Prices { prices, temperature: 0.0, passes: 0.0 }, bound: f64::INFINITY, values: None }
            }
            None => self.bound_by_prices(&admission, prices, &at),
        };
        let bundle = self.bound_by_knapsacks(&admission, &mut here, start, &at);
        if let Some(bundle) = &bundle
            && !self.is_settled(here.bound)
            && !self.is_cut_short
            && self.opened.is_power_of_two()
        {
            self.dive(&admission, &here.prices.prices, bundle.left_behind(self.needs.open.len()), &at);
        }
        let split = if self.is_settled(here.bound) || self.is_cut_short || !self.may_split {
            None
        } else {
            match &bundle {
                Some(bundle) => most_open(&admission, bundle),
                None => undecided(&admission, &here.prices).map(|(at, j)| Branching::Pair(at, j)),
            }
        };
        match split {
            Some(branching) => {
                let start = bundle.map(|bundle| (bundle.left_behind(self.needs.open.len()), profit + bundle.raw()));
                self.split(node, &admission, branching, (served, profit), here, start);
            }
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
    fn bound_by_knapsacks<'b>(
        &mut self,
        admission: &'b Admission<'b>,
        here: &mut Bounded,
        start: Option<Rc<Start>>,
        at: &Decided,
    ) -> Option<Bundle<'b>> {
        let is_possible = !self.is_cut_short || start.is_some();
        if self.is_settled(here.bound) || !is_possible || !is_small(self.needs, admission) {
            return None;
        }
        let max_rounds = match (self.is_cut_short, at.is_root) {
            (true, _) => 0,
            (_, true) => 1000,
            _ => 150,
        };
        let prices = &here.prices.prices;
        let mut bundle = match start {
            Some(start) => self.resumed(admission, &start, at.served),
            None => {
                let value_at = |item| admission.cheapest(item, prices).map_or(0.0, |(cost, _)| item.profit - cost);
                Bundle::new(admission, admission.items.iter().map(value_at).collect())
            }
        };
        let turns = match (self.is_cut_short || !admission.is_whole, at.is_root) {
            (true, _) => 0,
            (_, true) => 30,
            _ => 1,
        };
        for turn in 0..=turns {
            let aim = Aim { best: self.best.0 - at.profit, max_rounds };
            let (best, needs, stream) = (&mut self.best, self.needs, &mut self.stream);
            let found = |bundle: &Bundle| {
                for rounding in roundings(admission, prices, bundle, stream) {
                    keep(best, needs, admission, &rounding, at);
                }
                best.0 - at.profit
            };
            bundle.lower(aim, found, &self.is_out_of_time);
            if self.is_settled(at.profit + bundle.bound) || turn == turns || !self.add_cuts(admission, &mut bundle, at)
            {
                break;
            }
        }
        self.knapsack_rounds += bundle.rounds;
        if at.profit + bundle.bound < here.bound {
            here.bound = at.profit + bundle.bound;
            here.values = Some(bundle.proof());
        }
        Some(bundle)
    }

    /// The search for values of a node that starts from what another one left.
    fn resumed<'b>(&self, admission: &'b Admission<'b>, start: &Start, served: &[(u32, u32)]) -> Bundle<'b> {
        let profit_of = |open: u32| self.needs.open[open as usize].profit;
        let served: Vec<(u32, f64, u32)> = served.iter().map(|(open, j)| (*open, profit_of(*open), *j)).collect();
        let cut = |(id, _): &(u32, f64)| NodeCut::new(*id, &self.cuts[*id as usize], admission, &served);
        Bundle::resumed(admission, start, start.multipliers.iter().map(cut).collect())
    }

    /// Looks for a better admission: serves what the fractional one serves all but entirely, searches for values of the rest, and so on, as long as the bound allows
    /// a better admission. Of a batch that costs too much a third is tried again.
    fn dive(&mut self, admission: &Admission<'a>, prices: &[f64], start: Rc<Start>, at: &Decided) {
        let mut node = Dive { admission: admission.clone(), served: at.served.to_vec(), profit: at.profit, start };
        let mut tried: Option<(Dive, Batch)> = None;
        let mut is_first = true;
        while !(self.is_out_of_time)() {
            let step = self.dive_step(&node, prices, is_first);
            is_first = false;
            let (before, batch) = match (step, tried.take()) {
                (Some((batch, start)), _) if !batch.is_empty() => {
                    node.start = start;
                    (node, batch)
                }
                (None, Some((before, mut batch))) if batch.len() > 1 => {
                    batch.truncate(batch.len() / 3);
                    (before, batch)
                }
                _ => return,
            };
            if batch.is_empty() {
                return;
            }
            let (admission, taken) = before.admission.serving_all(&batch);
            let items = &before.admission.items;
            let mut served = before.served.clone();
            served.extend(taken.iter().map(|(at, j)| (items[*at].open, *j)));
            let profit = before.profit + taken.iter().map(|(at, _)| items[*at].profit).sum::<f64>();
            node = Dive { admission: admission.sharpened(), served, profit, start: before.start.clone() };
            tried = Some((before, batch));
        }
    }

    /// Searches for values of a dive's node. The answer is what to serve next, and what was left; none if no better admission is possible.
    fn dive_step(&mut self, node: &Dive, prices: &[f64], is_first: bool) -> Option<(Batch, Rc<Start>)> {
        let at = Decided { is_root: false, served: &node.served, profit: node.profit };
        let mut bundle = self.resumed(&node.admission, &node.start, &node.served);
        let aim = Aim { best: self.best.0 - node.profit, max_rounds: if is_first { 4 } else { 16 } };
        let (best, needs, stream) = (&mut self.best, self.needs, &mut self.stream);
        let found = |bundle: &Bundle| {
            for rounding in roundings(&node.admission, prices, bundle, stream) {
                keep(best, needs, &node.admission, &rounding, &at);
            }
            best.0 - node.profit
        };
        bundle.lower(aim, found, &self.is_out_of_time);
        self.knapsack_rounds += bundle.rounds;
        if self.is_settled(node.profit + bundle.bound) {
            return None;
        }
        let shares = bundle.shares();
        let all = shares.iter().enumerate().flat_map(|(at, of)| of.iter().map(move |(j, share)| (*share, at, *j)));
        let mut all: Vec<(f64, usize, u32)> = all.collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let least = all.len().div_ceil(16);
        let batch = all.iter().enumerate().take_while(|(rank, (share, ..))| *share > 0.99 || *rank < least);
        Some((batch.map(|(_, (_, at, j))| (*at, *j)).collect(), bundle.left_behind(self.needs.open.len())))
    }

    /// Adds cuts that the fractional admission of a node violates, and says whether there are any.
    fn add_cuts(&mut self, admission: &Admission, bundle: &mut Bundle, at: &Decided) -> bool {
        let open = self.needs.open.len();
        let mut shares = vec![Vec::new(); open];
        admission.items.iter().zip(bundle.shares()).for_each(|(item, of_item)| shares[item.open as usize] = of_item);
        at.served.iter().for_each(|(open, j)| shares[*open as usize] = vec![(*j, 1.0)]);
        let cuts = separated(&self.root, &shares, &bundle.values(open), MAX_CUTS);
        let is_any = !cuts.is_empty();
        let first = self.cuts.len() as u32;
        let profit_of = |open: u32| self.needs.open[open as usize].profit;
        let served: Vec<(u32, f64, u32)> = at.served.iter().map(|(open, j)| (*open, profit_of(*open), *j)).collect();
        let node_cut = |(c, cut): (usize, &Cut)| NodeCut::new(first + c as u32, cut, admission, &served);
        let of_node: Vec<NodeCut> = cuts.iter().enumerate().map(node_cut).collect();
        let multipliers = vec![0.0; of_node.len()];
        bundle.add_cuts(of_node, multipliers);
        self.cuts.extend(cuts);
        is_any
    }

    fn leaf(&mut self, node: usize, admission: &Admission, here: Bounded) {
        self.bound = self.bound.max(here.bound);
        self.nodes[node] = match here.values {
            Some((values, multipliers)) => leaf_of(self.needs, admission, &values, multipliers),
            None => PriceNode::Leaf { prices: here.prices.prices },
        };
        self.leaves += 1;
    }

    /// Splits a node.
    fn split(
        &mut self,
        node: usize,
        admission: &Admission<'a>,
        branching: Branching,
        decided: (Vec<(u32, u32)>, f64),
        here: Bounded,
        start: Option<(Rc<Start>, f64)>,
    ) {
        let (served, profit) = decided;
        let (start, bound) = match start {
            Some((start, bound)) => (Some(start), bound),
            None => (None, here.bound),
        };
        let first = self.nodes.len() as u32;
        let request = |at: usize| self.needs.open[admission.items[at].open as usize].request;
        let mut with_it = served.clone();
        let (split, there, elsewhere, gained) = match branching {
            Branching::Pair(at, j) => {
                let item = admission.items[at];
                with_it.push((item.open, j));
                (
                    PriceNode::Split { request: request(at), cloudlet: j, served: first, elsewhere: first + 1 },
                    admission.serving(at, j as usize),
                    admission.banning(at, j as usize),
                    item.profit,
                )
            }
            Branching::Service(at) => (
                PriceNode::Service { request: request(at), admitted: first, rejected: first + 1 },
                Some(admission.admitting(at)),
                admission.rejecting(at),
                0.0,
            ),
        };
        self.nodes[node] = split;
        self.nodes.extend((0..2).map(|_| PriceNode::Leaf { prices: Vec::new() }));
        let prices = here.prices.prices;
        let elsewhere = Open {
            node: first as usize + 1,
            admission: Some(elsewhere.sharpened()),
            served,
            profit,
            prices: prices.clone(),
            start: start.clone(),
            bound,
        };
        let there = Open {
            node: first as usize,
            admission: there.map(Admission::sharpened),
            served: with_it,
            profit: profit + gained,
            prices,
            start,
            bound,
        };
        // Serving first: it leads to admissions.
        self.waiting.extend([elsewhere, there]);
        self.is_diving = true;
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
        let mut certificate = self.needs.certificate(self.nodes);
        certificate.cuts = used_cuts(self.needs, &self.cuts, &mut certificate.nodes);
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
        let mut chosen = vec![None; needs.open.len()];
        at.served.iter().for_each(|(open, j)| chosen[*open as usize] = Some(*j));
        let items = admission.items.iter().zip(&rounding.chosen);
        items.for_each(|(item, cloudlet)| chosen[item.open as usize] = *cloudlet);
        *best = (at.profit + rounding.profit, chosen);
    }
}

/// A leaf with values by request.
fn leaf_of(needs: &Needs, admission: &Admission, values: &[f64], multipliers: Vec<(u32, f64)>) -> PriceNode {
    let by_request = admission.items.iter().zip(values).filter(|(_, value)| **value != 0.0);
    let by_request = by_request.map(|(item, value)| (needs.open[item.open as usize].request, *value));
    PriceNode::Values { values: by_request.collect(), multipliers }
}
