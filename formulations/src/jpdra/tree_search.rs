//! Tree search on the price bound: bounds from prices, incumbents, fixing and branching.
//!
//! At every node the best prices are sought (module `bound`). The subproblems of flows and servers then bound the delay from below, mostly to within
//! a tenth of a percent. The gap is closed by
//!
//! 1. *Incumbents*: the mixture of paths is rounded, and the deployment improved by local search (module `local_search`), by perturbation, and by an
//!    [`Improver`].
//! 2. *Fixing by reduced costs*: an assignment is forbidden if the bound plus its reduced costs, of the flow through it and of the servers with and
//!    without it, exceeds the incumbent. It becomes a split of the tree with one leaf at the same prices.
//! 3. *Branching* on the assignment that the mixture leaves most undecided. The node with the least bound is next, except while diving.

use std::cell::Cell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Instant;

use offcut_instances::jpdra::{Certificate, Node, Prices};
use offcut_instances::problem::{Budget, Incumbent, Stop, Trace};
use offcut_instances::random::Stream;

use super::bound::{CARE, Dual, Until};
use super::local_search::{Local, drawn};
use super::model::{Deployed, Model};
use super::server_subproblem::SubproblemObjective;
use crate::best_first::{BestFirst, Ordered, Ranked};

/// A certificate with more numbers is too large to be emitted.
const MAX_NUMBERS: usize = 8_000_000;

/// The share of the work that goes into perturbation. Work is counted, not timed, so that a run is reproducible: an item priced for a server counts
/// once, a server evaluated in local search [`ITEMS_PER_TRY`] times.
const PERTURBATION_SHARE: f64 = 0.15;
pub(super) const ITEMS_PER_TRY: u64 = 4;

/// A dive starts once per this many nodes.
const DIVING_INTERVAL: u64 = 40;

/// The price of an assignment that fills a server, in incumbents.
const FULL_PRICE: f64 = 100.0;

/// The default relative gap between incumbent and leaves.
pub(super) const CONVERGENCE_TOL: f64 = 2e-10;

/// A further source of incumbents, run after rounding and perturbation.
pub(super) trait Improver {
    /// Improves the incumbent of `search`, if it can.
    fn improve(&mut self, search: &mut Search<'_>, stream: &mut Stream);
}

/// Whether every partition has one server left.
fn is_decided(domain: &[u64]) -> bool {
    domain.iter().all(|allowed| allowed.count_ones() == 1)
}

/// Prices that several leaves share.
struct Shared {
    prices: Vec<f64>,
    /// Their index in the certificate, once a leaf needs them.
    index: Cell<Option<u32>>,
}

/// An open node.
struct Open {
    bound: f64,
    depth: u32,
    node: usize,
    domain: Vec<u64>,
    prices: Rc<Shared>,
    /// Whether it continues a dive.
    is_dive: bool,
}

impl Ranked for Open {
    type Rank = (Reverse<Ordered>, u32, Reverse<usize>);

    /// The least bound first, then the deepest, then the oldest.
    fn rank(&self) -> Self::Rank {
        (Reverse(Ordered(self.bound)), self.depth, Reverse(self.node))
    }
}

/// The tree of the certificate.
struct Tree {
    nodes: Vec<Node>,
    prices: Vec<Prices>,
    /// What rounding can make of a bound at each of `prices`, in the objective's unit, see [`rounding`].
    roundings: Vec<f64>,
    /// The least bound of all leaves, each less its rounding.
    bound: f64,
}

/// What the roundings of a bound at these prices add up to, roughly. Prices cancel in exact arithmetic only: a bound far below them keeps few of their
/// digits.
fn rounding(prices: &Prices) -> f64 {
    let largest = |row: &Vec<f64>| row.iter().fold(0.0, |most: f64, price| most.max(price.abs()));
    let magnitude: f64 = prices.place.iter().chain(&prices.stay).map(largest).sum::<f64>();
    let terms = prices.place.len() + prices.place.first().map_or(0, Vec::len);
    32.0 * f64::EPSILON * terms as f64 * magnitude
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: Vec::new(), prices: Vec::new(), roundings: Vec::new(), bound: f64::INFINITY }
    }
}

impl Tree {
    fn leaves(&self) -> u64 {
        self.nodes.iter().filter(|node| !matches!(node, Node::Split { .. })).count() as u64
    }

    /// Ends a node as a leaf with these prices.
    /// `full` is the price of an assignment that takes all of a server up to less than a rounding: more than a solution costs.
    fn leaf(&mut self, dual: &Dual, node: usize, bound: f64, prices: &Shared, full: f64) {
        let (model, objective) = (dual.model, dual.objective);
        let index = prices.index.get().unwrap_or_else(|| {
            let servers = model.servers();
            let (place, stay) = prices.prices.split_at(model.partitions() * servers);
            // (Adding 0 turns a negative zero into 0.)
            let row = |prices: &[f64]| prices.iter().map(|price| price + 0.0).collect();
            let rows = |of: &[f64]| -> Vec<Vec<f64>> { of.chunks(servers).map(row).collect() };
            let (mut place, mut stay) = (rows(place), rows(stay));
            for (i, row) in place.iter_mut().enumerate() {
                let is_full =
                    |(m, _): &(usize, &mut f64)| objective == SubproblemObjective::Delay && model.is_full(i, *m);
                row.iter_mut().enumerate().filter(is_full).for_each(|(_, price)| *price = full);
            }
            for (row, follows) in stay.iter_mut().zip(&model.follows) {
                if !follows {
                    row.clear();
                }
            }
            let prices_of_leaf = Prices { place, stay };
            self.roundings.push(rounding(&prices_of_leaf));
            self.prices.push(prices_of_leaf);
            let index = self.prices.len() as u32 - 1;
            prices.index.set(Some(index));
            index
        });
        self.bound = self.bound.min(bound - self.roundings[index as usize]);
        self.nodes[node] = match objective {
            SubproblemObjective::Delay => Node::Priced { prices: index },
            SubproblemObjective::Feasibility => Node::Empty { prices: index },
        };
    }

    /// Splits a node on whether partition `i` is on one of `servers`, a bit set. The answer is the nodes for yes and no.
    fn split(&mut self, model: &Model, node: usize, i: usize, servers: u64) -> (usize, usize) {
        let flow = model.flow_of[i];
        let inside = self.nodes.len();
        self.nodes[node] = Node::Split {
            flow: flow as u32,
            partition: (i - model.flows[flow].start) as u32,
            servers: (0..64).filter(|m| servers >> m & 1 == 1).collect(),
            inside: inside as u32,
            outside: inside as u32 + 1,
        };
        let placeholder = || Node::Marginal { rates: Vec::new() };
        self.nodes.extend([placeholder(), placeholder()]);
        (inside, inside + 1)
    }
}

/// The state of a tree search.
pub(super) struct Search<'m> {
    pub(super) model: &'m Model<'m>,
    objective: SubproblemObjective,
    dual: Dual<'m>,
    pub(super) best: Option<Deployed>,
    /// The magnitude of the objective, for tolerances.
    scale: f64,
    tree: Tree,
    waiting: BestFirst<Open>,
    /// The bound of the root.
    root: f64,
    pub(super) budget: &'m Budget,
    pub(super) began: Instant,
    opened: u64,
    fixed: u64,
    incumbents: Vec<Incumbent>,
    /// Servers evaluated in local search.
    pub(super) tried: u64,
    /// The relative gap at which a node is a leaf.
    pub(super) gap: f64,
    /// The search ends after this many nodes.
    pub(super) max_nodes: u64,
    pub(super) improver: Option<Box<dyn Improver + 'm>>,
}

impl<'m> Search<'m> {
    pub(super) fn new(
        model: &'m Model<'m>,
        objective: SubproblemObjective,
        best: Option<Deployed>,
        budget: &'m Budget,
        began: Instant,
    ) -> Self {
        let at_s = began.elapsed().as_secs_f64();
        Self {
            model,
            objective,
            dual: Dual::new(model, objective),
            scale: best.as_ref().map_or(1.0, |(delay, _)| *delay),
            incumbents: best.iter().map(|(objective, _)| Incumbent { at_s, objective: *objective }).collect(),
            best,
            tree: Tree::default(),
            waiting: BestFirst::default(),
            root: 0.0,
            budget,
            began,
            opened: 0,
            fixed: 0,
            tried: 0,
            gap: CONVERGENCE_TOL,
            max_nodes: u64::MAX,
            improver: None,
        }
    }

    /// The least bound of all leaves.
    pub(super) fn bound(&self) -> f64 {
        self.tree.bound
    }

    /// Items priced for servers so far.
    pub(super) fn priced(&self) -> u64 {
        self.dual.servers.priced
    }

    /// A node whose bound is at least this is a leaf.
    fn cutoff(&self) -> f64 {
        match (self.objective, &self.best) {
            (SubproblemObjective::Feasibility, _) => 1e-3,
            (SubproblemObjective::Delay, Some((delay, _))) => delay / (1.0 + self.gap),
            (SubproblemObjective::Delay, None) => f64::INFINITY,
        }
    }

    /// Incumbents and counts.
    pub(super) fn trace(&self) -> Trace {
        let root_gap = match (&self.best, self.objective) {
            (Some((delay, _)), SubproblemObjective::Delay) if *delay > 0.0 => {
                ((delay - self.root) / delay * 1e9).max(0.0) as u64
            }
            _ => 0,
        };
        Trace {
            incumbents: self.incumbents.clone(),
            ..Trace::counting([
                ("nodes", self.opened),
                ("leaves", self.tree.leaves()),
                ("fixed places", self.fixed),
                ("price rounds", self.dual.rounds),
                ("server nodes", self.dual.servers.nodes),
                ("root gap, 1e-9", root_gap),
            ])
        }
    }

    /// The certificate: all leaves with their prices.
    pub(super) fn certificate(self) -> Certificate {
        Certificate { prices: self.tree.prices, nodes: self.tree.nodes }
    }

    /// Rounds a mixture (`shares`, of shape (partitions, servers), flat) `tries` times, first to its largest shares, then at random.
    fn round(&mut self, shares: &[f64], tries: u32, stream: &mut Stream) {
        let model = self.model;
        for attempt in 0..tries {
            let on = if attempt == 0 {
                let servers = model.servers();
                let row = |i: usize| &shares[i * servers..][..servers];
                let largest = |i: usize| (0..servers).max_by(|a, b| row(i)[*a].total_cmp(&row(i)[*b]));
                (0..model.partitions()).map(|i| largest(i).expect("there are servers") as u32).collect()
            } else {
                drawn(model, shares, stream)
            };
            self.improve(Local::new(model, on));
        }
    }

    /// Improves a deployment by local search, and keeps it if it is the best. The answer is whether it is.
    pub(super) fn improve(&mut self, mut local: Local<'m>) -> bool {
        let (budget, began) = (self.budget, self.began);
        local.improve(&|| budget.is_spent(began));
        self.tried += local.tried;
        let Some((delay, on)) = local.found() else { return false };
        let is_better = self.best.as_ref().is_none_or(|(least, _)| delay < *least * (1.0 - 1e-13));
        if is_better {
            self.dual.know(&on);
            if self.objective == SubproblemObjective::Delay {
                self.model.report(&on);
            }
            self.best = Some((delay, on));
            self.incumbents.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective: delay });
        }
        is_better
    }

    /// Perturbs the incumbent: some partitions, or all, are drawn from the mixture, and local search follows. Takes a share of the work done so far.
    fn perturb(&mut self, shares: &[f64], stream: &mut Stream) {
        let Some((_, on)) = self.best.clone() else { return };
        let model = self.model;
        let mut base = Local::at_rest(model, on);
        let mut failures = 0;
        let has_work_left = |search: &Self| {
            let local = (ITEMS_PER_TRY * search.tried) as f64;
            local < PERTURBATION_SHARE * (local + search.dual.servers.priced as f64)
                && !search.budget.is_spent(search.began)
        };
        while failures < 100 * model.partitions() && has_work_left(self) {
            let mut local = base.clone();
            if stream.below(8) == 0 {
                let other = drawn(model, shares, stream);
                local.put(other.into_iter().enumerate());
            } else {
                // A few consecutive or random partitions move to where the mixture assigns them.
                let other = drawn(model, shares, stream);
                let partitions = model.partitions() as u64;
                let (count, first) = (3 + stream.below(8) as usize, stream.below(partitions) as usize);
                let anywhere = stream.below(2) == 0;
                local.put((0..count).map(|step| {
                    let i = if anywhere { stream.below(partitions) as usize } else { first + step };
                    let i = i % model.partitions();
                    (i, other[i])
                }));
            }
            if self.improve(local) {
                failures = 0;
                base = Local::at_rest(model, self.best.as_ref().expect("there is one").1.clone());
            } else {
                failures += 1;
            }
        }
    }

    /// Prices to start from: a partition's marginal delay at the incumbent's rates, or its delay alone on an empty server. (The rates of the continuous
    /// relaxation give a better first bound, but leave all assignments undecided, and the search takes longer.)
    fn starting_prices(&self) -> Vec<f64> {
        let mut prices = self.dual.no_prices();
        let model = self.model;
        let servers = model.servers();
        let Some((_, on)) = self.best.as_ref().filter(|_| self.objective == SubproblemObjective::Delay) else {
            return prices;
        };
        for (m, set) in model.sets(on).iter().enumerate() {
            let (load, roots) = model.sums(m, set);
            let rate = (roots + model.fixed_roots(m)) / (model.speed(m) - load);
            for i in (0..model.partitions()).filter(|i| model.fits(*i, m)) {
                let (root, own) = (model.root(i, m), model.load(i, m));
                let alone = root * root / (model.speed(m) - own);
                prices[i * servers + m] = match set.is_empty() && model.fixed_roots(m) == 0.0 {
                    true if alone > 0.0 => alone,
                    _ => 2.0 * rate * root + rate * rate * own,
                };
            }
        }
        prices
    }

    /// Searches until the tree is closed, a limit is reached or, for feasibility, a deployment is found.
    pub(super) fn run(&mut self, stream: &mut Stream) -> Stop {
        let model = self.model;
        let domain = match self.objective {
            SubproblemObjective::Delay => model.domain(),
            SubproblemObjective::Feasibility => model.exact_domain(),
        };
        let start = Rc::new(Shared { prices: self.starting_prices(), index: Cell::new(None) });
        self.tree.nodes.push(Node::Marginal { rates: Vec::new() });
        self.waiting.push(Open { bound: 0.0, depth: 0, node: 0, domain, prices: start, is_dive: false });
        if let Some((_, on)) = self.best.clone() {
            self.dual.know(&on);
        }
        // Between nodes with the least bound the search dives: from child to child, towards a deployment.
        let (mut next, mut dives) = (None, 0);
        while let Some(open) = next.take().or_else(|| self.waiting.pop()) {
            if open.bound >= self.cutoff() {
                self.leaf(open.node, open.bound, &open.prices);
                continue;
            }
            if self.opened > 0 && self.is_at_a_limit() {
                self.cut_short(open);
                return Stop::TimeLimit;
            }
            self.opened += 1;
            let is_diving = open.is_dive || self.opened >= DIVING_INTERVAL * dives;
            dives += u64::from(is_diving && !open.is_dive);
            next = self.open(open, is_diving, stream);
            if self.is_feasibility_decided() {
                return Stop::Completed;
            }
        }
        Stop::Completed
    }

    fn is_at_a_limit(&self) -> bool {
        let numbers = self.tree.prices.len() * 2 * self.model.partitions() * self.model.servers();
        self.opened >= self.max_nodes || self.budget.is_spent(self.began) || numbers > MAX_NUMBERS
    }

    /// Whether the leaves prove that there is no deployment (for a tree that was searched to its end for feasibility alone).
    pub(super) fn proves_infeasibility(&self) -> bool {
        self.objective == SubproblemObjective::Feasibility && self.tree.bound > 0.0
    }

    /// Whether feasibility was asked for, and a deployment is known.
    fn is_feasibility_decided(&self) -> bool {
        self.objective == SubproblemObjective::Feasibility && self.best.is_some()
    }

    /// Ends all waiting nodes as leaves with their inherited prices.
    fn cut_short(&mut self, open: Open) {
        let rest: Vec<Open> = std::iter::once(open).chain(self.waiting.drain()).collect();
        for open in rest {
            self.leaf(open.node, open.bound, &open.prices);
        }
    }

    fn leaf(&mut self, node: usize, bound: f64, prices: &Shared) {
        self.tree.leaf(&self.dual, node, bound, prices, FULL_PRICE * self.scale);
    }

    /// Bounds a node, then ends or splits it. When diving, the answer is the child to go on with.
    fn open(&mut self, mut open: Open, is_diving: bool, stream: &mut Stream) -> Option<Open> {
        if open.domain.contains(&0) {
            self.leaf(open.node, f64::INFINITY, &open.prices);
            return None;
        }
        self.tighten(&mut open, stream);
        if self.is_feasibility_decided() {
            return None;
        }
        if open.bound >= self.cutoff() {
            self.leaf(open.node, open.bound, &open.prices);
            return None;
        }
        self.branch(open, is_diving)
    }

    /// Raises a node's bound by better prices and forbids assignments by reduced costs, in turn, with incumbents on the way. Forbidden assignments
    /// become leaves, and `open` is the node that is left.
    fn tighten(&mut self, open: &mut Open, stream: &mut Stream) {
        let is_root = open.depth == 0;
        for round in 0.. {
            let before = open.bound;
            self.ascend(open, is_root && round == 0);
            if open.bound >= self.cutoff() {
                return;
            }
            if round == 0 || is_root {
                self.find_incumbents(if is_root { 6 } else { 1 }, stream);
            }
            if self.is_feasibility_decided() {
                return;
            }
            if is_decided(&open.domain) {
                self.keep_decided(&open.domain);
                return;
            }
            let fixed = self.fix_by_reduced_costs(&open.domain, &open.prices.prices, open.bound);
            // At the root, again as long as the bound rises: with a better incumbent the prices are sought more closely.
            let pays = is_root && open.bound - before > 0.03 * (self.cutoff() - open.bound);
            if fixed.is_empty() {
                if pays {
                    continue;
                }
                return;
            }
            let allowed: usize = open.domain.iter().map(|allowed| allowed.count_ones() as usize).sum();
            let is_much = fixed.len() * 8 >= allowed;
            self.forbid(open, fixed);
            if !is_decided(&open.domain) && (!is_much && !pays && round > 0 || self.budget.is_spent(self.began)) {
                return;
            }
        }
    }

    /// Seeks better prices for a node. `is_first` takes the new ones in any case.
    fn ascend(&mut self, open: &mut Open, is_first: bool) {
        let is_root = open.depth == 0;
        let until = Until {
            cutoff: self.cutoff(),
            stall: if is_root { 0.005 } else { 0.1 },
            rounds: if is_root { 3000 } else { 60 },
            warm: if is_root { 30 } else { 0 },
        };
        let (budget, began) = (self.budget, self.began);
        let is_out_of_time = || budget.is_spent(began);
        let (domain, prices) = (&open.domain, &open.prices.prices);
        let ascent = self.dual.ascend(domain, prices, open.bound, self.scale, until, &is_out_of_time);
        if ascent.bound > open.bound || is_first {
            open.bound = ascent.bound;
            open.prices = Rc::new(Shared { prices: ascent.prices, index: Cell::new(None) });
        }
        if is_root {
            self.root = open.bound;
        }
    }

    /// Incumbents from the mixture of the last prices: rounding, perturbation, and the improver.
    fn find_incumbents(&mut self, tries: u32, stream: &mut Stream) {
        let shares = self.dual.shares();
        self.round(&shares, tries, stream);
        self.perturb(&shares, stream);
        if let Some(mut improver) = self.improver.take() {
            improver.improve(self, stream);
            self.improver = Some(improver);
        }
    }

    /// Keeps the only deployment of a decided domain if it is the best.
    fn keep_decided(&mut self, domain: &[u64]) {
        let on: Vec<u32> = domain.iter().map(|allowed| allowed.trailing_zeros()).collect();
        if let Some(delay) = self.model.delay(&on)
            && self.best.as_ref().is_none_or(|(least, _)| delay < *least)
        {
            self.best = Some((delay, on));
        }
    }

    /// Forbids assignments: for each a split with one leaf, at the node's prices.
    fn forbid(&mut self, open: &mut Open, fixed: Vec<(usize, usize, f64)>) {
        for (i, m, bound) in fixed {
            if open.domain[i].count_ones() == 1 {
                continue;
            }
            let (inside, outside) = self.tree.split(self.model, open.node, i, 1 << m);
            self.leaf(inside, bound, &open.prices);
            open.domain[i] &= !(1 << m);
            open.node = outside;
            self.fixed += 1;
        }
    }

    /// Splits a node on the assignment with the largest branching score. When diving, the answer is the child to go on with.
    fn branch(&mut self, open: Open, is_diving: bool) -> Option<Open> {
        let model = self.model;
        let Open { bound, depth, node, domain, prices, .. } = open;
        let shares = self.dual.shares();
        let servers = model.servers();
        // Diving follows what is nearly decided; otherwise what is most undecided is split.
        let rank = |(i, m): (usize, usize)| {
            let share = shares[i * servers + m];
            let branching_score = share.min(1.0 - share) + 1e-3 * model.load(i, m) / model.speed(m);
            if is_diving && share < 0.99 { share } else { branching_score / 100.0 }
        };
        let undecided = (0..model.partitions()).filter(|i| domain[*i].count_ones() > 1);
        let assignments =
            undecided.flat_map(|i| (0..servers).map(move |m| (i, m))).filter(|(i, m)| domain[*i] >> m & 1 == 1);
        let Some((i, m)) = assignments.max_by(|a, b| rank(*a).total_cmp(&rank(*b))) else {
            // Decided: the bound is that of the only deployment.
            self.leaf(node, bound, &prices);
            return None;
        };
        let (inside, outside) = self.tree.split(model, node, i, 1 << m);
        let child = |node: usize, allowed: u64, is_dive: bool| {
            let mut domain = domain.clone();
            domain[i] = allowed;
            Open { bound, depth: depth + 1, node, domain, prices: Rc::clone(&prices), is_dive }
        };
        let within = child(inside, 1 << m, is_diving);
        self.waiting.push(child(outside, domain[i] & !(1 << m), false));
        if is_diving {
            return Some(within);
        }
        self.waiting.push(within);
        None
    }

    /// Assignments that no deployment better than the incumbent has: partition, server, and the bound with that assignment.
    fn fix_by_reduced_costs(&mut self, domain: &[u64], prices: &[f64], bound: f64) -> Vec<(usize, usize, f64)> {
        let model = self.model;
        let servers = model.servers();
        let cutoff = self.cutoff();
        let close = (CARE / 4.0 * (cutoff - bound).min(self.scale) / servers as f64).max(1e-12 * self.scale);
        self.dual.restrict(domain);
        // Reduced costs by assignment: those of paths and servers, added.
        let mut reduced = vec![0.0f64; model.partitions() * servers];
        let mut total = 0.0;
        for (s, range) in model.flows.iter().enumerate() {
            let (low, _) = self.dual.paths.cheapest(s, domain, prices);
            total += low;
            let through = self.dual.paths.through(s, domain, prices);
            let part = &mut reduced[range.start * servers..range.end * servers];
            part.iter_mut().zip(through).for_each(|(reduced, through)| *reduced += through - low);
        }
        for m in 0..servers {
            let known = self.dual.known(m, prices);
            let low = self.dual.servers.best(m, domain, prices, known, close).low;
            total += low;
            for (i, [out, within]) in self.dual.servers.alternatives(m, domain, prices) {
                let others = (0..servers).filter(|other| *other != m && domain[i] >> other & 1 == 1);
                others.for_each(|other| reduced[i * servers + other] += (out - low).max(0.0));
                reduced[i * servers + m] += (within - low).max(0.0);
            }
        }
        // (The bound at these prices may be a little below the inherited one.)
        let total = total.min(bound);
        let mut fixed: Vec<(usize, usize, f64)> = Vec::new();
        for i in (0..model.partitions()).filter(|i| domain[*i].count_ones() > 1) {
            for m in (0..servers).filter(|m| domain[i] >> m & 1 == 1) {
                let with = total + reduced[i * servers + m];
                if with >= cutoff {
                    fixed.push((i, m, with));
                }
            }
        }
        fixed
    }
}
