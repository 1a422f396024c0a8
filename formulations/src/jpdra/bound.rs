//! The best prices: a proximal bundle method.
//!
//! Prices are dual multipliers: flows pay them, servers earn them. The subproblems of flows and servers give a lower bound L, concave and piecewise linear
//! in the prices, and its maximum is certified. Each flow's path and each server's set found so far is kept (an *atom*), flow by flow and server by server.
//! With centre p and step t the next prices are those that maximise the bound over all atoms known, less |prices - p|^2 / 2t. The dual of that
//! problem is over mixtures (convex combinations) of each block's atoms:
//!
//! ```text
//! min over mixtures y  sum of costs + p G + t/2 |G|^2,   G = mixed paths - mixed sets,   prices = p + t G
//! ```
//!
//! solved by moving weight from the worst to the best atom, block by block. If the bound at the new prices keeps a tenth of what the atoms
//! promised, they become the centre. The mixture is a fractional deployment: where to branch, and what to round.

use super::model::Model;
use super::server_subproblem::{Servers, SubproblemObjective};
use super::shortest_path::Paths;

/// Bounds are relaxed by this, relative, to absorb the checker's outward rounding.
pub(super) const BOUND_RELAXATION: f64 = 1e-12;

/// A path of a flow or a set of a server: its cost, and which prices it pays or earns.
#[derive(Clone, Debug)]
struct Atom {
    cost: f64,
    /// Indices into prices, ascending.
    at: Vec<u32>,
    weight: f64,
    /// Rounds in which it had no weight.
    idle: u32,
    /// Names it among the atoms of its block for as long as it lives: its row in the table of what atoms share.
    row: usize,
}

impl Atom {
    /// Its cost with prices paid (`sign` 1, a path) or earned (-1, a set).
    fn score(&self, sign: f64, prices: &[f64]) -> f64 {
        self.cost + sign * self.at.iter().map(|at| prices[*at as usize]).sum::<f64>()
    }
}

/// The atoms of a flow or a server; their weights add up to 1.
#[derive(Debug)]
struct Block {
    sign: f64,
    atoms: Vec<Atom>,
    /// How many prices atoms share. Shape (rows, rows), flat; rows are `MAX_ATOMS`.
    shared: Vec<u16>,
    /// Rows that no atom has.
    vacant: Vec<usize>,
}

/// The most atoms of a block.
const MAX_ATOMS: usize = 64;

impl Block {
    fn new(sign: f64) -> Self {
        Self { sign, atoms: Vec::new(), shared: vec![0; MAX_ATOMS * MAX_ATOMS], vacant: (0..MAX_ATOMS).collect() }
    }

    fn add(&mut self, cost: f64, at: &[u32]) {
        if self.atoms.iter().any(|atom| atom.at == at) {
            return;
        }
        if self.vacant.is_empty() {
            // The one that was idle longest goes.
            let oldest = (0..self.atoms.len()).max_by_key(|at| self.atoms[*at].idle).expect("there are many");
            if self.atoms[oldest].weight > 0.0 {
                return;
            }
            self.vacant.push(self.atoms.swap_remove(oldest).row);
        }
        let row = self.vacant.pop().expect("a row is vacant");
        for other in &self.atoms {
            let shared = shared(&other.at, at);
            self.shared[row * MAX_ATOMS + other.row] = shared;
            self.shared[other.row * MAX_ATOMS + row] = shared;
        }
        self.shared[row * MAX_ATOMS + row] = at.len() as u16;
        let weight = if self.atoms.is_empty() { 1.0 } else { 0.0 };
        self.atoms.push(Atom { cost, at: at.to_vec(), weight, idle: 0, row });
    }

    fn retain(&mut self, is_kept: impl Fn(&Atom) -> bool) {
        let vacant = &mut self.vacant;
        self.atoms.retain(|atom| {
            let is_kept = is_kept(atom);
            if !is_kept {
                vacant.push(atom.row);
            }
            is_kept
        });
    }

    /// The least score.
    fn least(&self, prices: &[f64]) -> f64 {
        self.atoms.iter().map(|atom| atom.score(self.sign, prices)).fold(f64::INFINITY, f64::min)
    }

    /// Moves weight from bad atoms to good ones, which moves the prices by `step` times what moves; returns the gain.
    fn settle(&mut self, prices: &mut [f64], step: f64, scores: &mut Vec<f64>) -> f64 {
        let atoms = &mut self.atoms;
        scores.clear();
        scores.extend(atoms.iter().map(|atom| atom.score(self.sign, prices)));
        let mut moved = 0.0;
        for _ in 0..MOVES {
            let (mut best, mut worst) = (0, usize::MAX);
            for at in 0..atoms.len() {
                if scores[at] < scores[best] {
                    best = at;
                }
                if atoms[at].weight > 0.0 && (worst == usize::MAX || scores[at] > scores[worst]) {
                    worst = at;
                }
            }
            if worst == usize::MAX || scores[worst] <= scores[best] {
                break;
            }
            let (to, from) = (atoms[best].row * MAX_ATOMS, atoms[worst].row * MAX_ATOMS);
            let shared = |row: usize, atom: &Atom| f64::from(self.shared[row + atom.row]);
            let apart = shared(to, &atoms[best]) + shared(from, &atoms[worst]) - 2.0 * shared(to, &atoms[worst]);
            let gap = scores[worst] - scores[best];
            let length = (gap / (step * apart)).min(atoms[worst].weight);
            moved += gap * length;
            atoms[best].weight += length;
            atoms[worst].weight -= length;
            let shift = self.sign * step * length;
            atoms[best].at.iter().for_each(|at| prices[*at as usize] += shift);
            atoms[worst].at.iter().for_each(|at| prices[*at as usize] -= shift);
            // Who shares prices with the one gets worse, with the other better.
            for (score, atom) in scores.iter_mut().zip(atoms.iter()) {
                *score += step * length * (shared(to, atom) - shared(from, atom));
            }
        }
        moved
    }
}

/// So many moves of weight a visit to a block.
const MOVES: usize = 2;

/// Prices, flat: of assignments (partitions, servers), then of staying (partitions, servers).
pub(super) struct Dual<'m> {
    pub(super) model: &'m Model<'m>,
    pub(super) objective: SubproblemObjective,
    pub(super) servers: Servers<'m>,
    pub(super) paths: Paths<'m>,
    /// Flows' blocks first, then servers'.
    blocks: Vec<Block>,
    /// Scores of a block's atoms; kept for its memory.
    scores: Vec<f64>,
    /// The length of steps, and of the last one that did well: from node to node.
    step: f64,
    good_step: f64,
    /// Evaluations of the bound.
    pub(super) rounds: u64,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// The bound is as good as needed.
    pub(super) cutoff: f64,
    /// Improvements of the bound that no longer count, relative to what is missing, over eight rounds.
    pub(super) stall: f64,
    pub(super) rounds: u64,
    /// Rounds before the bound may stall.
    pub(super) warm: u64,
}

/// The share of what is missing that a pass over all atoms has to move, or it is the last.
const ENOUGH: f64 = 5e-4;

/// So many passes over all atoms at most.
const PASSES: usize = 40;

/// The longest step, in incumbents: much larger prices would lose digits.
const LONGEST: f64 = 100.0;

/// The share of what is missing that servers' bounds may lose.
pub(super) const CARE: f64 = 0.03;

/// Where an ascent ended.
pub(super) struct Ascent {
    pub(super) bound: f64,
    pub(super) prices: Vec<f64>,
}

impl<'m> Dual<'m> {
    pub(super) fn new(model: &'m Model<'m>, objective: SubproblemObjective) -> Self {
        let flows = model.flows.iter().map(|_| Block::new(1.0));
        let blocks = flows.chain((0..model.servers()).map(|_| Block::new(-1.0))).collect();
        Self {
            model,
            objective,
            servers: Servers::new(model, objective),
            paths: Paths::new(model, objective),
            blocks,
            scores: Vec::new(),
            step: 0.0,
            good_step: 0.0,
            rounds: 0,
        }
    }

    /// Prices with as many numbers as there are.
    pub(super) fn no_prices(&self) -> Vec<f64> {
        vec![0.0; 2 * self.model.partitions() * self.model.servers()]
    }

    /// The bound at `prices` in a domain that all atoms keep to, with what flows and servers choose there added to the atoms.
    pub(super) fn bound(&mut self, domain: &[u64], prices: &[f64], close: f64) -> f64 {
        self.rounds += 1;
        let model = self.model;
        let servers = model.servers();
        let mut total = 0.0;
        for s in 0..model.flows.len() {
            let (low, path) = self.paths.cheapest(s, domain, prices);
            if low == f64::INFINITY {
                return low;
            }
            total += low;
            let at = self.paid(s, &path);
            let paid: f64 = at.iter().map(|at| prices[*at as usize]).sum();
            self.blocks[s].add(low - paid, &at);
        }
        for m in 0..servers {
            let best = self.servers.best(m, domain, prices, self.known(m, prices), close);
            if best.low == f64::INFINITY {
                return best.low;
            }
            total += best.low;
            if best.delay < f64::INFINITY {
                let at = self.earned(m, &best.set);
                self.blocks[model.flows.len() + m].add(best.delay, &at);
            }
        }
        total
    }

    /// The value of a server's best known set: mostly as good as any.
    pub(super) fn known(&self, m: usize, prices: &[f64]) -> f64 {
        self.blocks[self.model.flows.len() + m].least(prices)
    }

    /// The prices that flow `s` pays on a path.
    fn paid(&self, s: usize, path: &[u32]) -> Vec<u32> {
        let (servers, partitions) = (self.model.servers(), self.model.partitions());
        let first = self.model.flows[s].start;
        let mut at: Vec<u32> = path.iter().enumerate().map(|(n, m)| ((first + n) * servers) as u32 + m).collect();
        let stays = (1..path.len()).filter(|n| path[*n] == path[n - 1]);
        at.extend(stays.map(|n| ((partitions + first + n) * servers) as u32 + path[n]));
        at
    }

    /// The prices that a server earns with a set.
    fn earned(&self, m: usize, set: &[u32]) -> Vec<u32> {
        let (servers, partitions) = (self.model.servers(), self.model.partitions());
        let mut at: Vec<u32> = set.iter().map(|i| i * servers as u32 + m as u32).collect();
        let stays = set.windows(2).filter(|pair| pair[0] + 1 == pair[1] && self.model.follows[pair[1] as usize]);
        at.extend(stays.map(|pair| ((partitions + pair[1] as usize) * servers + m) as u32));
        at
    }

    /// Adds the paths and sets of a deployment.
    pub(super) fn know(&mut self, on: &[u32]) {
        let model = self.model;
        for (s, range) in model.flows.iter().enumerate() {
            let path = &on[range.clone()];
            let at = self.paid(s, path);
            self.blocks[s].add(
                if self.objective == SubproblemObjective::Feasibility { 0.0 } else { model.transfers(s, path) },
                &at,
            );
        }
        for (m, set) in model.sets(on).into_iter().enumerate() {
            let Some(delay) = model.server_delay(m, &set) else { continue };
            let set: Vec<u32> = set.into_iter().map(|i| i as u32).collect();
            let at = self.earned(m, &set);
            self.blocks[model.flows.len() + m]
                .add(if self.objective == SubproblemObjective::Feasibility { 0.0 } else { delay }, &at);
        }
    }

    /// Forgets the atoms that a domain forbids; every block's weights add up to 1 again.
    pub(super) fn restrict(&mut self, domain: &[u64]) {
        let (model, flows) = (self.model, self.model.flows.len());
        let (servers, assignments) = (model.servers(), model.partitions() * model.servers());
        for (number, block) in self.blocks.iter_mut().enumerate() {
            let allows = |at: u32| domain[at as usize / servers] >> (at as usize % servers) & 1 == 1;
            // A server must hold what may run nowhere else.
            let is_forced = |i: &usize| number >= flows && domain[*i] == 1 << (number - flows);
            let forced: Vec<usize> = (0..domain.len()).filter(is_forced).collect();
            block.retain(|atom| {
                let mut assignments_of = atom.at.iter().copied().take_while(|at| (*at as usize) < assignments);
                assignments_of.clone().all(allows)
                    && forced.iter().all(|i| assignments_of.any(|at| at as usize / servers == *i))
            });
            let atoms = &mut block.atoms;
            let total: f64 = atoms.iter().map(|atom| atom.weight).sum();
            if total > 1e-9 {
                atoms.iter_mut().for_each(|atom| atom.weight /= total);
            } else if let Some(first) = atoms.first_mut() {
                first.weight = 1.0;
            }
        }
    }

    /// Improves prices from `start` on, where the bound is about `known`.
    pub(super) fn ascend(
        &mut self,
        domain: &[u64],
        start: &[f64],
        known: f64,
        scale: f64,
        until: Until,
        is_out_of_time: &dyn Fn() -> bool,
    ) -> Ascent {
        self.restrict(domain);
        self.step = self.good_step;
        // How exact servers have to be: the less is missing, the more. What is lost is lost to the bound alone.
        let servers = self.model.servers() as f64;
        let close = |bound: f64| (CARE * (until.cutoff - bound).min(scale) / servers).max(1e-12 * scale);
        let mut centre = start.to_vec();
        let mut bound = self.bound(domain, &centre, close(known));
        // Promises of atoms are only such if every block has one.
        let mut history = vec![bound];
        let mut failures = 0;
        let mut rounds = 0;
        while bound < until.cutoff && rounds < until.rounds && !is_out_of_time() {
            rounds += 1;
            if self.step == 0.0 {
                self.choose_first_step(bound, until.cutoff, scale);
            }
            let missing = (until.cutoff - bound).min(scale);
            let (mut prices, promised) = self.propose(&centre, ENOUGH * missing);
            // A grid of 1e-12: prices are handed over in few digits.
            let grid = 1e12 / scale;
            prices.iter_mut().for_each(|price| *price = (*price * grid).round() / grid);
            let rise = promised - bound;
            if rise <= 1e-13 * scale {
                if failures > 12 || self.step >= LONGEST * scale {
                    break;
                }
                // Nothing to gain this near: look farther.
                self.step = (10.0 * self.step).min(LONGEST * scale);
                failures += 4;
                continue;
            }
            let reached = self.bound(domain, &prices, close(bound));
            if self.adapt_step(bound, reached, rise, missing, LONGEST * scale, &mut failures) {
                (centre, bound) = (prices, reached);
            }
            history.push(bound);
            // What is short of the promise may all be what servers' bounds lose: no price does better.
            if bound == f64::INFINITY || promised - bound <= servers * close(bound) {
                break;
            }
            if rounds >= until.warm && is_stalled(&history, until) {
                break;
            }
        }
        Ascent { bound, prices: centre }
    }

    /// A first step: along the gradient to what is missing, or to a hundredth of the scale.
    fn choose_first_step(&mut self, bound: f64, cutoff: f64, scale: f64) {
        let gradient = self.gradient();
        let norm: f64 = gradient.iter().map(|g| g * g).sum();
        self.step = (cutoff.min(scale) - bound).max(0.01 * scale) / norm.max(1.0);
        self.good_step = self.step;
    }

    /// Adapts the step to the bound that it `reached`, from `bound` where a `rise` was promised. The answer is whether its prices are the next centre.
    fn adapt_step(
        &mut self,
        bound: f64,
        reached: f64,
        rise: f64,
        missing: f64,
        longest: f64,
        failures: &mut u32,
    ) -> bool {
        if reached >= bound + 0.1 * rise {
            if reached >= bound + 0.5 * rise {
                self.step = (2.0 * self.step).min(longest);
            }
            *failures = 0;
            self.good_step = self.step;
            return true;
        }
        *failures += 1;
        if reached < bound - missing {
            // Far too long a step.
            self.step *= 0.25;
            *failures = 0;
        } else if reached > bound {
            return true;
        } else if *failures >= 3 {
            self.step *= 0.6;
            *failures = 0;
        }
        false
    }

    /// Mixed paths less mixed sets.
    fn gradient(&self) -> Vec<f64> {
        let mut gradient = self.no_prices();
        for block in &self.blocks {
            for atom in block.atoms.iter().filter(|atom| atom.weight > 0.0) {
                atom.at.iter().for_each(|at| gradient[*at as usize] += block.sign * atom.weight);
            }
        }
        gradient
    }

    /// The next prices, and the bound there that the atoms promise; to within about `close`.
    fn propose(&mut self, centre: &[f64], close: f64) -> (Vec<f64>, f64) {
        let step = self.step;
        let mut prices = self.gradient();
        prices.iter_mut().zip(centre).for_each(|(g, p)| *g = p + step * *g);
        for pass in 0..PASSES {
            let blocks = self.blocks.iter_mut().filter(|block| block.atoms.len() > 1);
            let moved: f64 = blocks.map(|block| block.settle(&mut prices, step, &mut self.scores)).sum();
            if pass > 0 && moved <= close {
                break;
            }
        }
        // What the atoms make of prices is never below the bound there.
        let promised = self.blocks.iter().map(|block| block.least(&prices)).sum();
        for block in &mut self.blocks {
            for atom in &mut block.atoms {
                atom.idle = if atom.weight > 0.0 { 0 } else { atom.idle + 1 };
            }
            if block.atoms.len() > 24 {
                block.retain(|atom| atom.idle < 12);
            }
        }
        (prices, promised)
    }

    /// How much of every partition is on every server in the mixture of paths. Shape (partitions, servers), flat.
    pub(super) fn shares(&self) -> Vec<f64> {
        let assignments = self.model.partitions() * self.model.servers();
        let mut shares = vec![0.0; assignments];
        for atom in self.blocks[..self.model.flows.len()].iter().flat_map(|block| &block.atoms) {
            let assignments_of = atom.at.iter().filter(|at| (**at as usize) < assignments);
            assignments_of.for_each(|at| shares[*at as usize] += atom.weight);
        }
        shares
    }
}

/// Whether the last eight rounds closed too little of what is missing.
fn is_stalled(history: &[f64], until: Until) -> bool {
    let bound = history.last().copied().unwrap_or(f64::NEG_INFINITY);
    let missing = until.cutoff - bound;
    // The first rounds only gather atoms.
    history.len().checked_sub(9).is_some_and(|before| bound - history[before] < until.stall * missing)
}

/// How many prices two atoms share.
fn shared(a: &[u32], b: &[u32]) -> u16 {
    let (mut x, mut y, mut shared) = (0, 0, 0);
    while x < a.len() && y < b.len() {
        match a[x].cmp(&b[y]) {
            std::cmp::Ordering::Less => x += 1,
            std::cmp::Ordering::Greater => y += 1,
            std::cmp::Ordering::Equal => (x, y, shared) = (x + 1, y + 1, shared + 1),
        }
    }
    shared
}
