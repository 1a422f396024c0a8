//! Branch and bound on the price bound: exact.
//!
//! The root is what `price` does. Where its admission stays below the bound, knapsacks sharpen the bound and find admissions (module
//! `knapsacks`); that is mostly the end. Otherwise the request whose fractional admission is most undecided is split: a cloudlet serves it, or
//! it does not. Each node has prices and values of its own, found from its parent's, and ends as a leaf when its bound is no better than
//! the best admission known. The certificate is the tree with the leaves' prices or values.

use std::time::Instant;

use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};
use offcut_instances::throughput::{Certificate, Instance, PriceNode, Throughput};

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

/// A tree of more leaves is too large to be handed over.
const MAX_NODES: usize = 200_000;

/// The checker replays trees for at most so many pairs.
const MAX_PAIRS: usize = 200_000_000;

/// Waiting nodes hold tables of their own: this many bytes in all, if the budget does not say less.
const MAX_BYTES: u64 = 2 << 30;

/// A node that waits: what is left to admit, what is decided, and the parent's prices.
struct Waiting<'a> {
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
    let root = Admission::new(&needs);
    let may_split = instance.requests.len().saturating_mul(instance.cloudlets.len()) <= MAX_PAIRS;

    let room = budget.memory_bytes.map_or(MAX_BYTES, |bytes| bytes / 2);
    let gap = if root.items.len() > LARGE { LARGE_GAP } else { 1e-11 };

    let mut best: (f64, Vec<Option<u32>>) = (0.0, vec![None; needs.open.len()]);
    let mut nodes: Vec<PriceNode> = vec![PriceNode::Leaf { prices: vec![0.0; root.cloudlets()] }];
    let mut bound: f64 = 0.0;
    let mut is_cut_short = false;
    let (mut opened, mut leaves, mut rounds) = (0u64, 0u64, 0u64);
    let prices = Vec::new();
    let is_whole = root.is_whole;
    let mut waiting =
        vec![Waiting { node: 0, admission: Some(root), served: Vec::new(), profit: 0.0, prices, values: None }];
    while let Some(Waiting { node, admission, served, profit, prices, values }) = waiting.pop() {
        let Some(admission) = admission else {
            // Its decisions ask for more threads than there are: any prices will do.
            nodes[node] = PriceNode::Leaf { prices };
            leaves += 1;
            continue;
        };
        opened += 1;
        let is_root = node == 0;
        let is_full = waiting.len() as u64 * admission.bytes() > room;
        is_cut_short |= !is_root && (is_out_of_time() || is_full || nodes.len() + 2 > MAX_NODES);
        let here = if is_cut_short {
            Prices { prices, temperature: 0.0, passes: 0.0 }
        } else {
            let start = (!is_root).then_some(&prices[..]);
            least_bound(&admission, PriceTarget { gap, coldest: 1e-11 }, start, &is_out_of_time)
        };
        let mut of_node = profit + admission.bound(&here.prices);
        let is_settled = |bound: f64, best: f64| if is_whole { bound <= best } else { bound <= best * (1.0 + 1e-10) };
        if !is_settled(of_node, best.0) && !is_cut_short {
            let (found, _) =
                rounded(&admission, &here, of_node - profit, if is_root { 400 } else { 3 }, &is_out_of_time);
            if profit + found.profit > best.0 {
                best = (profit + found.profit, complete(&needs, &admission, &served, &found));
            }
        }
        // Knapsacks, where prices leave a gap; once the search is cut short the parent's values have to do.
        let mut sharper = None;
        let inherited = values.map(|values| admission.items.iter().map(|item| values[item.open as usize]).collect());
        if !is_settled(of_node, best.0) && (!is_cut_short || inherited.is_some()) && is_small(&needs, &admission) {
            let most = match (is_cut_short, is_root) {
                (true, _) => 1,
                (_, true) => 3000,
                _ => 150,
            };
            let known = best.0 - profit;
            let found = |rounding: &Rounding| {
                if profit + rounding.profit > best.0 {
                    best = (profit + rounding.profit, complete(&needs, &admission, &served, rounding));
                }
                rounding.profit
            };
            let values = knapsacks::lowered(&admission, &here.prices, inherited, known, most, found, &is_out_of_time);
            rounds += values.rounds;
            if profit + values.bound < of_node {
                of_node = profit + values.bound;
                sharper = Some(values.values);
            }
        }
        let split =
            if is_settled(of_node, best.0) || is_cut_short || !may_split { None } else { undecided(&admission, &here) };
        let Some((at, j)) = split else {
            bound = bound.max(of_node);
            nodes[node] = match sharper {
                Some(values) => leaf_of(&needs, &admission, &values),
                None => PriceNode::Leaf { prices: here.prices },
            };
            leaves += 1;
            continue;
        };
        let item = admission.items[at];
        let values = sharper.map(|values| {
            let mut by_open = vec![0.0; needs.open.len()];
            admission.items.iter().zip(values).for_each(|(item, value)| by_open[item.open as usize] = value);
            by_open
        });
        let first = nodes.len() as u32;
        let request = needs.open[item.open as usize].request;
        nodes[node] = PriceNode::Split { request, cloudlet: j, served: first, elsewhere: first + 1 };
        nodes.extend((0..2).map(|_| PriceNode::Leaf { prices: Vec::new() }));
        let elsewhere = Waiting {
            node: first as usize + 1,
            admission: Some(admission.banning(at, j as usize).sharpened()),
            served: served.clone(),
            profit,
            prices: here.prices.clone(),
            values: values.clone(),
        };
        let mut with_it = served;
        with_it.push((item.open, j));
        let there = Waiting {
            node: first as usize,
            admission: admission.serving(at, j as usize).map(Admission::sharpened),
            served: with_it,
            profit: profit + item.profit,
            prices: here.prices,
            values,
        };
        // Serving first: it leads to admissions.
        waiting.extend([elsewhere, there]);
    }
    let (solution, objective) = needs.solution(&best.1);
    let trace = Trace {
        build_s: Some(build_s),
        ..Trace::counting([
            ("pairs", needs.pairs() as u64),
            ("nodes", opened),
            ("leaves", leaves),
            ("knapsack rounds", rounds),
        ])
    };
    let value = handed_over(&needs, is_whole, bound);
    let certificate = Certificate { envelopes: needs.certificates(), nodes };
    let stop = if is_cut_short { Stop::TimeLimit } else { Stop::Completed };
    Answer { stop, ..Answer::found(solution, objective).certified(value, certificate).traced(trace) }
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
            let doubt = share.min(1.0 - share) * item.profit;
            if best.is_none_or(|(most, _, _)| doubt > most) {
                best = Some((doubt, at, *j));
            }
        }
    }
    best.map(|(_, at, j)| (at, j)).or_else(|| {
        let mut all = admission.items.iter().enumerate();
        all.find_map(|(at, item)| Some((at, admission.row(item).iter().position(|k| *k > 0)? as u32)))
    })
}
