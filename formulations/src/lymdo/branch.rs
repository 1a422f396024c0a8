//! `branch`: a single slot, exactly, by branch and bound on the price bound.
//!
//! At every node the best prices bound the slot from below (module `bound`): at given prices the users are independent. The gap is closed by
//!
//! 1. *Incumbents*: every user's cheapest cut at the prices, improved by exchanges of one or two users' cuts, evaluated
//!    by the curves of `bound`; the shares of the best are then computed by `fixed_cuts`.
//! 2. *Fixing by reduced costs*: cuts whose extra cost over their user's cheapest raises the bound above the incumbent become a split of the tree with
//!    one leaf at the same prices.
//! 3. *Branching* on the user with the largest ratio of the difference in demands to the difference in costs, or one of its class (module
//!    `symmetry`). The node with the least bound is next.

use std::cell::Cell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::time::Instant;

use offcut_instances::lymdo::{Allocation, Certificate, Instance, Lymdo, Node, Prices, Solution, Tree};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Stop, Trace};

use super::bound::{Ascent, BOUND_RELAXATION, Curves, Dual, Sums, Until, natural, per_unit, units};
use super::feasibility::{Feasibility, feasibility};
use super::fixed_cuts::{Convex, Shares};
use super::model::{allocation, slot_objective};
use super::slot::Slot;
use super::symmetry::{SymmetryClasses, is_complete};
use crate::best_first::{BestFirst, Ordered, Ranked};

/// A slot exactly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch;

/// The gap at which a slot counts as solved, relative.
pub(super) const GAP: f64 = 1e-9;

/// A certificate with more nodes is too large to be handed over.
const MAX_NODES: usize = 4_000_000;

impl Algorithm<Lymdo> for Branch {
    fn id(&self) -> &str {
        "branch"
    }

    fn about(&self) -> &str {
        "a single slot exactly: prices of bandwidth and edge, branching on cuts (certified by a tree of prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
        let began = Instant::now();
        if instance.slots.len() > 1 {
            return Answer::declined("takes single slots only; clairvoyant bounds a horizon");
        }
        let slot = Slot::new(instance);
        let mut solver = Solver::new(&slot);
        let solved = solver.solve(&slot, instance, None, budget, began);
        let trace = solved.trace.clone();
        let certificate = |tree: Tree| Certificate { energy_s_per_j: Vec::new(), slots: vec![tree] };
        let Some(decided) = solver.decisions(&slot, instance).filter(|_| solved.is_feasible) else {
            let answer = Answer::nothing(solved.stop).traced(trace);
            return match solved.tree {
                Some(tree) => answer.certified(0.0, certificate(tree)),
                None => answer,
            };
        };
        let (objective, decisions) = decided;
        let answer = Answer::found(Solution { slots: vec![decisions] }, objective);
        let answer = Answer { stop: solved.stop, ..answer }.traced(trace);
        let mut answer = match solved.tree {
            Some(tree) => answer.certified((solved.bound * instance.v).min(objective), certificate(tree)),
            None => answer,
        };
        answer.trace.incumbents.iter_mut().for_each(|incumbent| incumbent.objective *= instance.v);
        answer
    }
}

/// The outcome of a slot. The decisions stay in the solver.
#[derive(Clone, Debug)]
pub(super) struct Solved {
    pub(super) stop: Stop,
    pub(super) is_feasible: bool,
    /// In seconds.
    pub(super) bound: f64,
    pub(super) tree: Option<Tree>,
    pub(super) trace: Trace,
}

/// Prices that several leaves share.
struct Shared {
    prices: [f64; 2],
    /// Their index in the certificate, once a leaf needs them.
    index: Cell<Option<u32>>,
}

impl Shared {
    fn new(prices: [f64; 2]) -> Rc<Self> {
        Rc::new(Self { prices, index: Cell::new(None) })
    }
}

/// An open node.
struct Open {
    bound: f64,
    depth: u32,
    node: usize,
    domain: Rc<[u32]>,
    prices: Rc<Shared>,
}

impl Ranked for Open {
    type Rank = (Reverse<Ordered>, u32, Reverse<usize>);

    /// The least bound first, then the deepest, then the oldest.
    fn rank(&self) -> Self::Rank {
        (Reverse(Ordered(self.bound)), self.depth, Reverse(self.node))
    }
}

/// State kept from slot to slot, with the best cuts and shares of the last slot.
pub(super) struct Solver {
    pub(super) dual: Dual,
    convex: Convex,
    /// The best shares known, and the pairs they are for.
    pub(super) shares: Shares,
    pub(super) pairs: Vec<u32>,
    /// Buffer for a candidate.
    trial: Shares,
    chosen: Vec<u32>,
    near: Vec<(u32, u32)>,
    /// The last root's prices.
    pub(super) prices: Option<[f64; 2]>,
    /// Nodes that may be opened; what is open then ends as it is bounded.
    pub(super) most_opened: u64,
}

impl Solver {
    pub(super) fn new(slot: &Slot) -> Self {
        Self {
            dual: Dual::new(slot),
            convex: Convex::new(slot),
            shares: Shares::default(),
            pairs: Vec::new(),
            trial: Shares::default(),
            chosen: Vec::new(),
            near: Vec::new(),
            prices: None,
            most_opened: u64::MAX,
        }
    }

    /// The best decisions known, and their objective.
    pub(super) fn decisions(&self, slot: &Slot, instance: &Instance) -> Option<(f64, Allocation)> {
        let cuts = self.pairs.iter().map(|pair| slot.cut(*pair as usize)).collect();
        let Shares { local, bandwidth, edge, .. } = &self.shares;
        if local.len() != slot.users() {
            return None;
        }
        let decisions = allocation(instance, cuts, local, bandwidth, edge);
        slot_objective(instance, &decisions).map(|objective| (objective, decisions))
    }

    /// Solves a slot, the only one of `instance`. Prices are sought from `start`, if it is given.
    pub(super) fn solve(
        &mut self,
        slot: &Slot,
        instance: &Instance,
        start: Option<[f64; 2]>,
        budget: &Budget,
        began: Instant,
    ) -> Solved {
        self.shares.value = f64::INFINITY;
        self.shares.local.clear();
        self.dual.rounds = 0;
        let domain: Vec<u32> = (0..slot.pair_count() as u32).filter(|pair| slot.is_usable(*pair as usize)).collect();
        let (units, symmetry) = (units(instance, instance.v), SymmetryClasses::now(instance));
        if !is_complete(slot, &domain) {
            return self.prove_infeasible(slot, &symmetry, units, budget, began);
        }
        // (A price of 0 from another slot is no useful start.)
        let natural = natural(slot, &domain);
        let start =
            start.map_or(natural, |start| [0, 1].map(|of| if start[of] > 0.0 { start[of] } else { natural[of] }));
        // Roughly at first: the later steps need an incumbent.
        let until = Until { cutoff: f64::INFINITY, stall: 1.0, close: 1e-3 };
        let Ascent { prices, height } = self.dual.ascend(slot, &domain, start, 64.0, until);
        let mut search = Search::new(slot, self, &symmetry, units, budget, began);
        search.improve(height.value);
        if search.solver.shares.value == f64::INFINITY {
            // The cheapest cuts are unstable together: any feasible cuts, or a proof that there are none.
            match feasibility(slot, &symmetry, units, budget, began) {
                Ok(Feasibility::Found(pairs)) => search.take(&pairs, None),
                Ok(Feasibility::None(tree)) => return infeasible(tree),
                Err(stop) => return nothing(stop),
            }
            if search.solver.shares.value == f64::INFINITY {
                return nothing(Stop::Declined(
                    "the feasible decisions are stable by less than the precision of doubles".into(),
                ));
            }
        }
        let stop = search.run(&domain, prices);
        let Search { bound, prices, nodes, opened, fixed, incumbents, .. } = search;
        let trace = Trace {
            incumbents,
            ..Trace::counting([
                ("nodes", opened),
                ("leaves", nodes.iter().filter(|node| !matches!(node, Node::Split { .. })).count() as u64),
                ("fixed cuts", fixed),
                ("price rounds", self.dual.rounds),
            ])
        };
        Solved { stop, is_feasible: true, bound, tree: Some(Tree { prices, nodes }), trace }
    }

    /// A proof of infeasibility where some user has no usable cut.
    fn prove_infeasible(
        &self,
        slot: &Slot,
        symmetry: &SymmetryClasses,
        units: [f64; 2],
        budget: &Budget,
        began: Instant,
    ) -> Solved {
        match feasibility(slot, symmetry, units, budget, began) {
            Ok(Feasibility::Found(_)) => {
                nothing(Stop::Failed("contradiction: a user without a usable cut, and feasible cuts for all".into()))
            }
            Ok(Feasibility::None(tree)) => infeasible(tree),
            Err(stop) => nothing(stop),
        }
    }
}

fn infeasible(tree: Tree) -> Solved {
    Solved { stop: Stop::Infeasible, is_feasible: false, bound: 0.0, tree: Some(tree), trace: Trace::default() }
}

fn nothing(stop: Stop) -> Solved {
    Solved { stop, is_feasible: false, bound: 0.0, tree: None, trace: Trace::default() }
}

struct Search<'a> {
    slot: &'a Slot,
    solver: &'a mut Solver,
    symmetry: &'a SymmetryClasses,
    units: [f64; 2],
    /// The least bound of all leaves.
    bound: f64,
    nodes: Vec<Node>,
    prices: Vec<Prices>,
    waiting: BestFirst<Open>,
    budget: &'a Budget,
    began: Instant,
    opened: u64,
    fixed: u64,
    incumbents: Vec<Incumbent>,
}

impl<'a> Search<'a> {
    fn new(
        slot: &'a Slot,
        solver: &'a mut Solver,
        symmetry: &'a SymmetryClasses,
        units: [f64; 2],
        budget: &'a Budget,
        began: Instant,
    ) -> Self {
        Self {
            slot,
            solver,
            symmetry,
            units,
            bound: f64::INFINITY,
            nodes: vec![Node::Empty { prices: 0 }],
            prices: Vec::new(),
            waiting: BestFirst::default(),
            budget,
            began,
            opened: 0,
            fixed: 0,
            incumbents: Vec::new(),
        }
    }

    /// A node whose bound is at least this is a leaf.
    fn cutoff(&self) -> f64 {
        self.solver.shares.value * (1.0 - 0.999 * GAP)
    }

    /// Ends a node as a leaf with these prices.
    fn leaf(&mut self, node: usize, bound: f64, shared: &Shared) {
        let index = shared.index.get().unwrap_or_else(|| {
            self.prices.push(per_unit(shared.prices, self.units));
            self.prices.len() as u32 - 1
        });
        shared.index.set(Some(index));
        self.bound = self.bound.min(bound);
        self.nodes[node] = Node::Priced { prices: index };
    }

    fn split(&mut self, node: usize, user: usize, cuts: Vec<u32>) -> (usize, usize) {
        let inside = self.nodes.len();
        self.nodes[node] = Node::Split { user: user as u32, cuts, inside: inside as u32, outside: inside as u32 + 1 };
        self.nodes.extend([Node::Empty { prices: 0 }, Node::Empty { prices: 0 }]);
        (inside, inside + 1)
    }

    /// Computes the best shares for pairs, and keeps both if they are the best.
    fn take(&mut self, pairs: &[u32], start: Option<[f64; 2]>) {
        let solver = &mut *self.solver;
        solver.convex.solve(self.slot, pairs, start, &mut solver.trial);
        if solver.trial.value < solver.shares.value {
            std::mem::swap(&mut solver.trial, &mut solver.shares);
            solver.pairs.clear();
            solver.pairs.extend_from_slice(pairs);
            let objective = solver.shares.value;
            self.incumbents.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective });
        }
    }

    /// Local search from every user's cheapest pair at the last prices: exchanges of one or two users' pairs, evaluated by the curves. The best shares of
    /// the result are then computed. `bound` is the bound at these prices: a pair whose extra cost exceeds the gap cannot improve.
    fn improve(&mut self, bound: f64) {
        let slot = self.slot;
        let Solver { dual, chosen, near, .. } = &mut *self.solver;
        let (curves, points) = (&dual.curves, &dual.points);
        chosen.clear();
        let mut sums = Sums::default();
        for n in 0..slot.users() {
            let mut own = curves.first[n] as usize..curves.first[n + 1] as usize;
            let at = own.find(|at| curves.pairs[*at] == dual.cheapest[n]).expect("evaluated");
            chosen.push(at as u32);
            sums = sums + curves.of(at);
        }
        let mut value = curves.together(&sums);
        loop {
            near.clear();
            for (n, range) in curves.first.windows(2).enumerate() {
                let least = points[dual.cheapest[n] as usize].value;
                let may = |at: &u32| points[curves.pairs[*at as usize] as usize].value - least <= value - bound;
                near.extend((range[0]..range[1]).filter(may).map(|at| (n as u32, at)));
            }
            let less = if value.is_finite() { value - 1e-12 * value.abs() } else { value };
            let Some(changes) = best_exchange(curves, near, chosen, &sums, less) else { break };
            let before = changes.map(|(n, _)| (n, chosen[n as usize]));
            changes.into_iter().for_each(|(n, at)| chosen[n as usize] = at);
            // (Summed again, so that rounding errors do not accumulate.)
            sums = chosen.iter().fold(Sums::default(), |sums, at| sums + curves.of(*at as usize));
            let now = curves.together(&sums);
            if now.is_nan() || now >= value {
                // The improvement was rounding error: without this check the exchanges could cycle.
                before.into_iter().for_each(|(n, at)| chosen[n as usize] = at);
                break;
            }
            value = now;
        }
        for at in chosen.iter_mut() {
            *at = curves.pairs[*at as usize];
        }
        let is_new = self.solver.shares.value == f64::INFINITY || self.solver.chosen != self.solver.pairs;
        if is_new && slot.is_stable(&self.solver.chosen) {
            let pairs = std::mem::take(&mut self.solver.chosen);
            let start = self.solver.prices;
            self.take(&pairs, start);
            self.solver.chosen = pairs;
        }
    }

    fn run(&mut self, domain: &[u32], prices: [f64; 2]) -> Stop {
        self.waiting.push(Open { bound: 0.0, depth: 0, node: 0, domain: domain.into(), prices: Shared::new(prices) });
        while let Some(open) = self.waiting.pop() {
            if open.bound >= self.cutoff() {
                self.leaf(open.node, open.bound, &open.prices);
                continue;
            }
            let is_over = self.nodes.len() > MAX_NODES || self.opened >= self.solver.most_opened;
            if self.opened > 0 && (is_over || self.budget.is_spent(self.began)) {
                let rest: Vec<Open> = std::iter::once(open).chain(self.waiting.drain()).collect();
                for open in rest {
                    self.leaf(open.node, open.bound, &open.prices);
                }
                return Stop::TimeLimit;
            }
            self.opened += 1;
            self.open(open);
        }
        Stop::Completed
    }

    /// Bounds a node, and ends it or splits it.
    fn open(&mut self, open: Open) {
        let Open { bound: inherited, depth, mut node, mut domain, prices: mut shared } = open;
        let slot = self.slot;
        let is_root = depth == 0;
        let mut bound = inherited;
        let mut here;
        loop {
            if domain.len() == slot.users() {
                return self.decided(node, bound, &domain, &shared);
            }
            let until = Until { cutoff: self.cutoff(), stall: if is_root { 0.01 } else { 0.1 }, close: 1e-2 };
            let width = if is_root { 16.0 } else { 8.0 };
            let ascent = self.solver.dual.ascend(slot, &domain, shared.prices, width, until);
            if ascent.prices != shared.prices {
                shared = Shared::new(ascent.prices);
            }
            here = ascent.height.value - BOUND_RELAXATION * ascent.height.size;
            if is_root {
                self.solver.prices = Some(ascent.prices);
            }
            bound = bound.max(here);
            if here >= self.cutoff() {
                break;
            }
            self.improve(here);
            let before = domain.len();
            if !self.fix_by_reduced_costs(&mut node, &mut domain, here, &shared) {
                break;
            }
            if domain.len() > slot.users() && before - domain.len() < before / 4 {
                break;
            }
        }
        if here >= self.cutoff() {
            self.leaf(node, here, &shared);
        } else {
            self.branch(Open { bound, depth, node, domain, prices: shared }, here);
        }
    }

    /// Removes the cuts that raise the bound `here` above the incumbent; they become splits of the tree with one leaf each. The answer is whether there
    /// were any.
    fn fix_by_reduced_costs(&mut self, node: &mut usize, domain: &mut Rc<[u32]>, here: f64, shared: &Shared) -> bool {
        let slot = self.slot;
        let Dual { points, cheapest, .. } = &self.solver.dual;
        let cutoff = self.cutoff();
        let extra = |pair: u32| {
            points[pair as usize].value - points[cheapest[slot.user[pair as usize] as usize] as usize].value
        };
        let fixed: Vec<(u32, f64)> =
            domain.iter().map(|pair| (*pair, here + extra(*pair))).filter(|(_, with)| *with >= cutoff).collect();
        if fixed.is_empty() {
            return false;
        }
        *domain = domain.iter().copied().filter(|pair| here + extra(*pair) < cutoff).collect();
        for same in fixed.chunk_by(|a, b| slot.user[a.0 as usize] == slot.user[b.0 as usize]) {
            let cuts = same.iter().map(|(pair, _)| slot.cut(*pair as usize)).collect();
            let least = same.iter().map(|(_, with)| *with).fold(f64::INFINITY, f64::min);
            let (inside, outside) = self.split(*node, slot.user[same[0].0 as usize] as usize, cuts);
            self.leaf(inside, least, shared);
            *node = outside;
            self.fixed += same.len() as u64;
        }
        true
    }

    /// Splits a node in two, whose bound at the last prices is `here`.
    fn branch(&mut self, open: Open, here: f64) {
        let Open { bound, depth, node, domain, prices: shared } = open;
        let slot = self.slot;
        // (Fixing removed curves; the points are still those of the last prices.)
        let (n, threshold) = self.undecided(&domain);
        let Dual { points, cheapest, .. } = &self.solver.dual;
        let least = points[cheapest[n] as usize].value;
        let halves = self.symmetry.halves(slot, &domain, n, threshold).map(|half| {
            let own = half.iter().filter(|pair| slot.user[**pair as usize] as usize == n);
            let extra = own.map(|pair| points[*pair as usize].value).fold(f64::INFINITY, f64::min) - least;
            (half, bound.max(here + extra))
        });
        let (inside, outside) = self.split(node, n, (0..=threshold).collect());
        for ((domain, bound), node) in halves.into_iter().zip([inside, outside]) {
            if is_complete(slot, &domain) {
                let (domain, prices) = (domain.into(), Rc::clone(&shared));
                self.waiting.push(Open { bound, depth: depth + 1, node, domain, prices });
            } else {
                // A user of the same class has no cut left.
                self.leaf(node, f64::INFINITY, &shared);
            }
        }
    }

    /// Ends a node in which every user has one cut left.
    fn decided(&mut self, node: usize, inherited: f64, pairs: &[u32], shared: &Shared) {
        if self.slot.is_stable(pairs) {
            self.take(pairs, Some(shared.prices));
            let Solver { trial, shares, pairs: best, .. } = &*self.solver;
            let Shares { bound, prices, .. } = if best == pairs { shares } else { trial };
            let own = bound - BOUND_RELAXATION * (bound.abs() + 2.0 * (prices[0] + prices[1]));
            if own >= inherited {
                let prices = Shared::new(*prices);
                return self.leaf(node, own, &prices);
            }
        }
        // (Unstable together, up to rounding: high enough prices prove it.)
        let until = Until { cutoff: self.cutoff(), stall: 1e-3, close: 1e-3 };
        let ascent = self.solver.dual.ascend(self.slot, pairs, shared.prices, 64.0, until);
        let own = ascent.height.value - BOUND_RELAXATION * ascent.height.size;
        if own >= inherited {
            self.leaf(node, own, &Shared::new(ascent.prices));
        } else {
            self.leaf(node, inherited, shared);
        }
    }

    /// The user to split, and the largest cut of its lower half. Some user has two pairs.
    fn undecided(&self, domain: &[u32]) -> (usize, u32) {
        let slot = self.slot;
        let Dual { points, cheapest, .. } = &self.solver.dual;
        let missing = (self.solver.shares.value * GAP).max(1e-300);
        let mut best: Option<(f64, usize, u32)> = None;
        for pair in domain {
            let n = slot.user[*pair as usize] as usize;
            if *pair == cheapest[n] {
                continue;
            }
            let (a, b) = (&points[cheapest[n] as usize], &points[*pair as usize]);
            let prices = self.solver.prices.unwrap_or([1.0; 2]);
            let apart = prices[0] * (a.bandwidth - b.bandwidth).abs() + prices[1] * (a.edge - b.edge).abs();
            let score = (apart + missing) / (missing + b.value - a.value);
            if best.is_none_or(|(most, ..)| score > most) {
                best = Some((score, n, (slot.cut(cheapest[n] as usize) + slot.cut(*pair as usize)) / 2));
            }
        }
        let (_, n, threshold) = best.expect("a second pair");
        (self.symmetry.middle(slot, domain, n, threshold), threshold)
    }
}

/// The exchange of one user's pair, or else of two users', that brings the cost furthest below `less`; positions in the curves, by user. None if there is
/// none. `near` holds the pairs to try, and `sums` the curves of the `chosen`.
fn best_exchange(
    curves: &Curves,
    near: &[(u32, u32)],
    chosen: &[u32],
    sums: &Sums,
    less: f64,
) -> Option<[(u32, u32); 2]> {
    let mut best = (less, None);
    for (n, at) in near {
        let next = curves.together(&(*sums - curves.of(chosen[*n as usize] as usize) + curves.of(*at as usize)));
        if next < best.0 {
            best = (next, Some([(*n, *at); 2]));
        }
    }
    if best.1.is_some() {
        return best.1;
    }
    for (i, (n, at)) in near.iter().enumerate().filter(|(_, (n, at))| chosen[*n as usize] != *at) {
        let with = *sums - curves.of(chosen[*n as usize] as usize) + curves.of(*at as usize);
        for (other, to) in near[i + 1..].iter().filter(|(other, _)| other != n) {
            let next = curves.together(&(with - curves.of(chosen[*other as usize] as usize) + curves.of(*to as usize)));
            if next < best.0 {
                best = (next, Some([(*n, *at), (*other, *to)]));
            }
        }
    }
    best.1
}
