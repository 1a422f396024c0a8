//! Feasibility of a slot: cuts that are stable together, or a proof that there are none.
//!
//! A share t of the bandwidth's needs and 1 - t of the edge's: whatever the cuts, they need at least
//!
//! ```text
//! R(t) = sum_n min over cuts (t need_b + (1 - t) need_e)    of    t + (1 - t) = 1
//! ```
//!
//! so that R(t) >= 1 proves infeasibility: stability takes strictly more than these needs. Otherwise the cheapest cuts at the best t mostly fit; if
//! they do not, the search splits the user between whose cuts t decides.

use std::time::Instant;

use offcut_instances::lymdo::{Node, Prices, Tree};
use offcut_instances::problem::{Budget, Stop};

use super::slot::Slot;
use super::symmetry::{SymmetryClasses, is_complete};

/// What was found.
pub(super) enum Feasibility {
    /// Pairs that fit together. Shape (users,).
    Found(Vec<u32>),
    /// A proof that there are none.
    None(Tree),
}

/// What is needed has to be so much more than what there is: the checker rounds.
const FEASIBILITY_TOL: f64 = 1e-10;

/// More nodes are not opened.
const MOST: usize = 1_000_000;

struct Search<'s> {
    slot: &'s Slot,
    units: [f64; 2],
    prices: Vec<Prices>,
    nodes: Vec<Node>,
}

/// Looks for pairs that fit together. `units` is what there is of bandwidth and edge speed: prices are per unit.
///
/// # Errors
/// Why there is no answer: out of time, or what is needed and what there is differ by less than roundings.
pub(super) fn feasibility(
    slot: &Slot,
    symmetry: &SymmetryClasses,
    units: [f64; 2],
    budget: &Budget,
    began: Instant,
) -> Result<Feasibility, Stop> {
    let mut search = Search { slot, units, prices: Vec::new(), nodes: vec![Node::Empty { prices: 0 }] };
    let possible = |pair: &u32| {
        let i = *pair as usize;
        slot.local_time_s[i] < f64::INFINITY && slot.least_bandwidth[i] < f64::INFINITY
    };
    let domain: Vec<u32> = (0..slot.pair_count() as u32).filter(possible).collect();
    let mut waiting = vec![(0, domain)];
    while let Some((node, domain)) = waiting.pop() {
        if budget.is_spent(began) || search.nodes.len() > MOST {
            return Err(Stop::TimeLimit);
        }
        if !is_complete(slot, &domain) {
            search.empty(node, 0.5);
            continue;
        }
        let (t, need) = search.best(&domain);
        // (With one price only there is nothing to round where nothing was rounded.)
        if need >= 1.0 + FEASIBILITY_TOL || need >= 1.0 && (t == 0.0 || t == 1.0) {
            search.empty(node, t);
            continue;
        }
        let cheapest = search.cheapest(&domain, t);
        if slot.is_stable(&cheapest) {
            return Ok(Feasibility::Found(cheapest));
        }
        let Some((n, threshold)) = search.split(&domain, &cheapest, t) else {
            return Err(Stop::Failed("what stability needs and what there is differ by less than roundings".into()));
        };
        let n = symmetry.middle(slot, &domain, n, threshold);
        let [inside, rest] = symmetry.halves(slot, &domain, n, threshold);
        let next = search.nodes.len();
        search.nodes[node] = Node::Split {
            user: n as u32,
            cuts: (0..=threshold).collect(),
            inside: next as u32,
            outside: next as u32 + 1,
        };
        search.nodes.extend([Node::Empty { prices: 0 }, Node::Empty { prices: 0 }]);
        waiting.extend([(next, inside), (next + 1, rest)]);
    }
    Ok(Feasibility::None(Tree { prices: search.prices, nodes: search.nodes }))
}

impl Search<'_> {
    fn need(&self, pair: u32, t: f64) -> f64 {
        t * self.slot.least_bandwidth[pair as usize] + (1.0 - t) * self.slot.least_edge[pair as usize]
    }

    /// Each user's cheapest pair.
    fn cheapest(&self, domain: &[u32], t: f64) -> Vec<u32> {
        let mut cheapest = vec![u32::MAX; self.slot.users()];
        for pair in domain {
            let known = &mut cheapest[self.slot.user[*pair as usize] as usize];
            if *known == u32::MAX || self.need(*pair, t) < self.need(*known, t) {
                *known = *pair;
            }
        }
        cheapest
    }

    /// The t with the most need, and the need: R is concave.
    fn best(&self, domain: &[u32]) -> (f64, f64) {
        let needs = |t: f64| {
            let cheapest = self.cheapest(domain, t);
            let sum = |of: &[f64]| cheapest.iter().map(|pair| of[*pair as usize]).sum::<f64>();
            (sum(&self.slot.least_bandwidth), sum(&self.slot.least_edge))
        };
        let (mut low, mut high) = (0.0, 1.0);
        let mut best = (0.0, f64::NEG_INFINITY);
        for t in [0.0, 1.0] {
            let (b, e) = needs(t);
            let need = t * b + (1.0 - t) * e;
            if need > best.1 {
                best = (t, need);
            }
        }
        if best.1 >= 1.0 {
            return best;
        }
        for _ in 0..60 {
            let t = 0.5 * (low + high);
            let (b, e) = needs(t);
            let need = t * b + (1.0 - t) * e;
            if need > best.1 {
                best = (t, need);
            }
            if best.1 >= 1.0 + FEASIBILITY_TOL || b == e {
                break;
            }
            if b > e {
                low = t;
            } else {
                high = t;
            }
        }
        best
    }

    /// A leaf without solutions.
    fn empty(&mut self, node: usize, t: f64) {
        self.prices.push(match t {
            0.0 => Prices { bandwidth: 0.0, edge: 1.0 },
            1.0 => Prices { bandwidth: 1.0, edge: 0.0 },
            _ => Prices { bandwidth: t / self.units[0], edge: (1.0 - t) / self.units[1] },
        });
        self.nodes[node] = Node::Empty { prices: self.prices.len() as u32 - 1 };
    }

    /// The user whose cuts differ most for how little they differ at t, and the largest cut of its lower half; none if all is decided.
    fn split(&self, domain: &[u32], cheapest: &[u32], t: f64) -> Option<(usize, u32)> {
        let slot = self.slot;
        let mut best: Option<(f64, usize, u32)> = None;
        for pair in domain {
            let n = slot.user[*pair as usize] as usize;
            let (a, b) = (cheapest[n] as usize, *pair as usize);
            if a == b {
                continue;
            }
            let apart = (slot.least_bandwidth[a] - slot.least_bandwidth[b]).abs()
                + (slot.least_edge[a] - slot.least_edge[b]).abs();
            let score = apart / (1e-3 + self.need(*pair, t) - self.need(cheapest[n], t));
            if best.is_none_or(|(most, ..)| score > most) {
                best = Some((score, n, (slot.cut(a) + slot.cut(b)) / 2));
            }
        }
        best.map(|(_, n, threshold)| (n, threshold))
    }
}
