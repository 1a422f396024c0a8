//! The best prices: a proximal bundle method.
//!
//! Flows pay prices and servers earn them; what both make of it apart is a concave, piecewise linear lower bound L of the prices, and its maximum is what
//! the certificate wants. Each flow's path and each server's set found so far is kept (an *atom*), flow by flow and server by server.
//! With centre p and step t the next prices are those that maximise the bound over all atoms known, less |prices - p|^2 / 2t. Its dual mixes each
//! flow's and each server's atoms:
//!
//! ```text
//! min over mixtures y  sum of costs + p G + t/2 |G|^2,   G = mixed paths - mixed sets,   prices = p + t G
//! ```
//!
//! solved by moving weight from the worst to the best atom, block by block. If the bound at the new prices keeps a tenth of what the atoms
//! promised, they become the centre. The mixture is a fractional deployment: where to branch, and what to round.

use super::model::Model;
use super::path::Paths;
use super::server::{Aim, Servers};

/// A path of a flow or a set of a server: its cost, and which prices it pays or earns.
#[derive(Clone, Debug)]
struct Atom {
    cost: f64,
    /// Indices into prices, ascending.
    at: Vec<u32>,
    weight: f64,
    /// Rounds in which it had no weight.
    idle: u32,
}

/// Prices, flat: of places (partitions, servers), then of staying (partitions, servers).
pub(super) struct Dual<'m> {
    model: &'m Model<'m>,
    aim: Aim,
    pub(super) servers: Servers<'m>,
    pub(super) paths: Paths<'m>,
    /// Flows' blocks first, then servers'.
    blocks: Vec<Vec<Atom>>,
    /// The length of steps, kept from node to node.
    step: f64,
    /// Evaluations of the bound.
    pub(super) rounds: u64,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// The bound is as good as needed.
    pub(super) enough: f64,
    /// Improvements of the bound that no longer count, relative to what is missing, over eight rounds.
    pub(super) stall: f64,
    pub(super) rounds: u64,
    /// Rounds before the bound may stall.
    pub(super) warm: u64,
}

/// The share of what is missing that a pass over all atoms has to move, or it is the last.
const ENOUGH: f64 = 3e-5;

/// The longest step, in incumbents: much larger prices would lose digits.
const LONGEST: f64 = 100.0;

/// The share of what is missing that servers' bounds may lose.
pub(super) const CARE: f64 = 0.02;

/// Where an ascent ended.
pub(super) struct Ascent {
    pub(super) bound: f64,
    pub(super) prices: Vec<f64>,
}

impl<'m> Dual<'m> {
    pub(super) fn new(model: &'m Model<'m>, aim: Aim) -> Self {
        let blocks = vec![Vec::new(); model.flows.len() + model.servers()];
        Self {
            model,
            aim,
            servers: Servers::new(model, aim),
            paths: Paths::new(model, aim),
            blocks,
            step: 0.0,
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
        let (servers, partitions) = (model.servers(), model.partitions());
        let mut total = 0.0;
        for s in 0..model.flows.len() {
            let (low, path) = self.paths.cheapest(s, domain, prices);
            if low == f64::INFINITY {
                return low;
            }
            total += low;
            let first = model.flows[s].start;
            let mut at: Vec<u32> = path.iter().enumerate().map(|(n, m)| ((first + n) * servers) as u32 + m).collect();
            let stays = (1..path.len()).filter(|n| path[*n] == path[n - 1]);
            at.extend(stays.map(|n| ((partitions + first + n) * servers) as u32 + path[n]));
            let paid: f64 = at.iter().map(|at| prices[*at as usize]).sum();
            self.add(s, low - paid, at);
        }
        for m in 0..servers {
            let best = self.servers.best(m, domain, prices, self.known(m, prices), close);
            if best.low == f64::INFINITY {
                return best.low;
            }
            total += best.low;
            if best.delay < f64::INFINITY {
                let at = self.earned(m, &best.set);
                self.add(model.flows.len() + m, best.delay, at);
            }
        }
        total
    }

    /// What the best set known is worth to a server: mostly as good as any.
    pub(super) fn known(&self, m: usize, prices: &[f64]) -> f64 {
        let worth = |atom: &Atom| atom.cost - atom.at.iter().map(|at| prices[*at as usize]).sum::<f64>();
        self.blocks[self.model.flows.len() + m].iter().map(worth).fold(f64::INFINITY, f64::min)
    }

    /// The prices that a server earns with a set.
    fn earned(&self, m: usize, set: &[u32]) -> Vec<u32> {
        let (servers, partitions) = (self.model.servers(), self.model.partitions());
        let mut at: Vec<u32> = set.iter().map(|i| i * servers as u32 + m as u32).collect();
        let stays = set.windows(2).filter(|pair| pair[0] + 1 == pair[1] && self.model.follows[pair[1] as usize]);
        at.extend(stays.map(|pair| ((partitions + pair[1] as usize) * servers + m) as u32));
        at
    }

    fn add(&mut self, block: usize, cost: f64, at: Vec<u32>) {
        let atoms = &mut self.blocks[block];
        if atoms.iter().any(|atom| atom.at == at) {
            return;
        }
        let weight = if atoms.is_empty() { 1.0 } else { 0.0 };
        atoms.push(Atom { cost, at, weight, idle: 0 });
    }

    /// Adds the paths and sets of a deployment.
    pub(super) fn know(&mut self, on: &[u32]) {
        let model = self.model;
        let (servers, partitions) = (model.servers(), model.partitions());
        for (s, range) in model.flows.iter().enumerate() {
            let mut at: Vec<u32> = range.clone().map(|i| (i * servers) as u32 + on[i]).collect();
            let stays = range.clone().skip(1).filter(|i| on[*i] == on[i - 1]);
            at.extend(stays.map(|i| ((partitions + i) * servers) as u32 + on[i]));
            let cost = if self.aim == Aim::Room { 0.0 } else { model.ways(s, on) };
            self.add(s, cost, at);
        }
        for (m, set) in model.sets(on).into_iter().enumerate() {
            let Some(delay) = model.server_delay(m, &set) else { continue };
            let set: Vec<u32> = set.into_iter().map(|i| i as u32).collect();
            let at = self.earned(m, &set);
            self.add(model.flows.len() + m, if self.aim == Aim::Room { 0.0 } else { delay }, at);
        }
    }

    /// Forgets the atoms that a domain forbids; every block's weights add up to 1 again.
    pub(super) fn restrict(&mut self, domain: &[u64]) {
        let (model, flows) = (self.model, self.model.flows.len());
        let (servers, places) = (model.servers(), model.partitions() * model.servers());
        for (block, atoms) in self.blocks.iter_mut().enumerate() {
            let allows = |at: u32| domain[at as usize / servers] >> (at as usize % servers) & 1 == 1;
            atoms.retain(|atom| {
                let mut places_of = atom.at.iter().copied().take_while(|at| (*at as usize) < places);
                if !places_of.clone().all(allows) {
                    return false;
                }
                // A server must hold what may run nowhere else.
                let is_forced = |i: &usize| block >= flows && domain[*i] == 1 << (block - flows);
                let mut forced = (0..domain.len()).filter(is_forced);
                block < flows || forced.all(|i| places_of.any(|at| at as usize / servers == i))
            });
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
        // How exact servers have to be: the less is missing, the more. What is lost is lost to the bound alone.
        let servers = self.model.servers() as f64;
        let close = |bound: f64| (CARE * (until.enough - bound).min(scale) / servers).max(1e-12 * scale);
        let mut centre = start.to_vec();
        let mut bound = self.bound(domain, &centre, close(known));
        // Promises of atoms are only such if every block has one.
        let mut history = vec![bound];
        let mut failures = 0;
        let mut rounds = 0;
        while bound < until.enough && rounds < until.rounds && !is_out_of_time() {
            rounds += 1;
            if self.step == 0.0 {
                let gradient = self.gradient();
                let norm: f64 = gradient.iter().map(|g| g * g).sum();
                self.step = (until.enough.min(scale) - bound).max(0.01 * scale) / norm.max(1.0);
            }
            let missing = (until.enough - bound).min(scale);
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
            if reached >= bound + 0.1 * rise {
                if reached >= bound + 0.5 * rise {
                    self.step = (2.0 * self.step).min(LONGEST * scale);
                }
                centre = prices;
                bound = reached;
                failures = 0;
            } else {
                failures += 1;
                if reached > bound {
                    centre = prices;
                    bound = reached;
                } else if failures >= 3 {
                    self.step *= 0.6;
                    failures = 0;
                }
            }
            history.push(bound);
            if bound == f64::INFINITY {
                break;
            }
            let missing = until.enough - bound;
            // The first rounds only gather atoms.
            if let Some(before) = history.len().checked_sub(9).filter(|_| rounds >= until.warm)
                && bound - history[before] < until.stall * missing
            {
                break;
            }
        }
        Ascent { bound, prices: centre }
    }

    /// Mixed paths less mixed sets.
    fn gradient(&self) -> Vec<f64> {
        let mut gradient = self.no_prices();
        for (block, atoms) in self.blocks.iter().enumerate() {
            let sign = if block < self.model.flows.len() { 1.0 } else { -1.0 };
            for atom in atoms.iter().filter(|atom| atom.weight > 0.0) {
                atom.at.iter().for_each(|at| gradient[*at as usize] += sign * atom.weight);
            }
        }
        gradient
    }

    /// The next prices, and the bound there that the atoms promise; to within about `close`.
    fn propose(&mut self, centre: &[f64], close: f64) -> (Vec<f64>, f64) {
        let flows = self.model.flows.len();
        let step = self.step;
        let mut prices = self.gradient();
        prices.iter_mut().zip(centre).for_each(|(g, p)| *g = p + step * *g);
        let score = |atom: &Atom, sign: f64, prices: &[f64]| {
            atom.cost + sign * atom.at.iter().map(|at| prices[*at as usize]).sum::<f64>()
        };
        let mut scores = Vec::new();
        for pass in 0..40 {
            let mut moved = 0.0;
            for (block, atoms) in self.blocks.iter_mut().enumerate().filter(|(_, atoms)| atoms.len() > 1) {
                let sign = if block < flows { 1.0 } else { -1.0 };
                // Scores rise where weight goes, by a known amount: a few moves a visit.
                for _ in 0..3 {
                    scores.clear();
                    scores.extend(atoms.iter().map(|atom| score(atom, sign, &prices)));
                    let mut all = 0..atoms.len();
                    let Some(best) = all.clone().min_by(|a, b| scores[*a].total_cmp(&scores[*b])) else { break };
                    let weighted = all.by_ref().filter(|at| atoms[*at].weight > 0.0);
                    let Some(worst) = weighted.max_by(|a, b| scores[*a].total_cmp(&scores[*b])) else { break };
                    let gap = scores[worst] - scores[best];
                    if best == worst || gap <= 0.0 {
                        break;
                    }
                    let apart = apart(&atoms[best].at, &atoms[worst].at);
                    let length = (gap / (step * f64::from(apart))).min(atoms[worst].weight);
                    moved += gap * length;
                    atoms[best].weight += length;
                    atoms[worst].weight -= length;
                    let shift = sign * step * length;
                    atoms[best].at.iter().for_each(|at| prices[*at as usize] += shift);
                    atoms[worst].at.iter().for_each(|at| prices[*at as usize] -= shift);
                }
            }
            if pass > 0 && moved <= close {
                break;
            }
        }
        let promised = self.promise(&prices);
        for atoms in &mut self.blocks {
            for atom in atoms.iter_mut() {
                atom.idle = if atom.weight > 0.0 { 0 } else { atom.idle + 1 };
            }
            if atoms.len() > 24 {
                atoms.retain(|atom| atom.idle < 12);
            }
        }
        (prices, promised)
    }

    /// What the atoms make of prices: never below the bound there.
    fn promise(&self, prices: &[f64]) -> f64 {
        let flows = self.model.flows.len();
        let of = |(block, atoms): (usize, &Vec<Atom>)| {
            let sign = if block < flows { 1.0 } else { -1.0 };
            let score = |atom: &Atom| atom.cost + sign * atom.at.iter().map(|at| prices[*at as usize]).sum::<f64>();
            atoms.iter().map(score).fold(f64::INFINITY, f64::min)
        };
        self.blocks.iter().enumerate().map(of).sum()
    }

    /// How much of every partition is on every server in the mixture of paths. Shape (partitions, servers), flat.
    pub(super) fn shares(&self) -> Vec<f64> {
        let places = self.model.partitions() * self.model.servers();
        let mut shares = vec![0.0; places];
        for atom in self.blocks[..self.model.flows.len()].iter().flatten() {
            let places_of = atom.at.iter().filter(|at| (**at as usize) < places);
            places_of.for_each(|at| shares[*at as usize] += atom.weight);
        }
        shares
    }
}

/// How many prices two atoms do not share.
fn apart(a: &[u32], b: &[u32]) -> u32 {
    let (mut x, mut y, mut shared) = (0, 0, 0);
    while x < a.len() && y < b.len() {
        match a[x].cmp(&b[y]) {
            std::cmp::Ordering::Less => x += 1,
            std::cmp::Ordering::Greater => y += 1,
            std::cmp::Ordering::Equal => (x, y, shared) = (x + 1, y + 1, shared + 1),
        }
    }
    (a.len() + b.len()) as u32 - 2 * shared
}
