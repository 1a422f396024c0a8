//! The certified bound that methods hand over beside what a solver reports: one pair of prices for a slot.
//!
//! The duals of bandwidth and edge in the resource allocation of a known solution are prices at which every user may still choose its cut; where users waver
//! between cuts there are better ones nearby (module `bound`). These are the prices of the relaxation that mixes each user's cuts, the root of `branch`. The root of
//! HiGHS's program mixes copies, by tangents, and its duals are no better.

use std::time::Instant;

use offcut_instances::lymdo::{Certificate, Instance, Lymdo, Node, Tree};
use offcut_instances::problem::{Answer, Budget, Stop};

use super::bound::{Ascent, BOUND_RELAXATION, Dual, Until, natural, per_unit, units};
use super::feasibility::{Feasibility, feasibility};
use super::slot::Slot;
use super::symmetry::{SymmetryClasses, is_complete};

/// The search for prices ends when it promises no more than this, relative to the bound.
const CONVERGENCE_TOL: f64 = 1e-6;

/// Prices up to this many times as high as the first ones are looked at first.
const WIDTH: f64 = 4.0;

/// The bound of all cuts at about the best prices, sought from `start`, as it is handed over, with its certificate. None if a user has no cut that is stable
/// alone. Without time the bound is that of `start`.
pub(super) fn price_bound(
    slot: &Slot,
    instance: &Instance,
    start: Option<[f64; 2]>,
    is_out_of_time: bool,
) -> Option<(f64, Certificate)> {
    let domain: Vec<u32> = (0..slot.pair_count() as u32).filter(|pair| slot.is_usable(*pair as usize)).collect();
    if !is_complete(slot, &domain) {
        return None;
    }
    let start = start.unwrap_or_else(|| natural(slot, &domain));
    let mut dual = Dual::new(slot);
    let Ascent { prices, height } = if is_out_of_time {
        Ascent { prices: start, height: dual.evaluate(slot, &domain, start) }
    } else {
        let until = Until { cutoff: f64::INFINITY, stall: 1.0, close: CONVERGENCE_TOL };
        dual.ascend(slot, &domain, start, WIDTH, until)
    };
    let prices = vec![per_unit(prices, units(instance, instance.v))];
    let tree = Tree { prices, nodes: vec![Node::Priced { prices: 0 }] };
    Some(((height.value - BOUND_RELAXATION * height.size) * instance.v, certificate(tree)))
}

fn certificate(tree: Tree) -> Certificate {
    Certificate { energy_s_per_j: Vec::new(), slots: vec![tree] }
}

/// The answer that there is no solution, with its proof.
pub(super) fn infeasible(tree: Tree) -> Answer<Lymdo> {
    Answer::nothing(Stop::Infeasible).certified(0.0, certificate(tree))
}

/// The answer that there is no solution, with a proof if one is found in time.
pub(super) fn claimed_infeasible(slot: &Slot, instance: &Instance, budget: &Budget, began: Instant) -> Answer<Lymdo> {
    match feasibility(slot, &SymmetryClasses::now(instance), units(instance, instance.v), budget, began) {
        Ok(Feasibility::None(tree)) => infeasible(tree),
        _ => Answer::nothing(Stop::Infeasible),
    }
}
