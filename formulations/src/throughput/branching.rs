//! What a node of `branch` is split on.

use super::bound::{Prices, shares};
use super::bundle::Bundle;
use super::model::Admission;

/// What a node is split on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Branching {
    /// Whether a cloudlet serves an item.
    Pair(usize, u32),
    /// Whether an item is admitted.
    Service(usize),
}

/// What a bundle leaves most open: whether a request is admitted, then by which cloudlet; if it leaves nothing open, whatever could still be served.
pub(super) fn most_open(admission: &Admission, bundle: &Bundle) -> Option<Branching> {
    let shares = bundle.shares();
    let services = (shares.iter().enumerate()).filter(|(at, _)| !admission.items[*at].is_admitted);
    let mut services =
        services.map(|(at, options)| (at, options.iter().map(|(_, share)| share).sum(), Branching::Service(at)));
    let mut pairs = (shares.iter().enumerate())
        .flat_map(|(at, options)| options.iter().map(move |(j, share)| (at, *share, Branching::Pair(at, *j))));
    let most = |all: &mut dyn Iterator<Item = (usize, f64, Branching)>| {
        let open = all.filter(|(_, share, _)| (1e-2..=1.0 - 1e-2).contains(share));
        let scored =
            open.map(|(at, share, branching)| (share.min(1.0 - share) * admission.items[at].profit, branching));
        scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, branching)| branching)
    };
    most(&mut services)
        .or_else(|| most(&mut pairs))
        .or_else(|| first_option(admission).map(|(at, j)| Branching::Pair(at, j)))
}

/// Any request and cloudlet that could serve it.
fn first_option(admission: &Admission) -> Option<(usize, u32)> {
    let mut all = admission.items.iter().enumerate();
    all.find_map(|(at, item)| Some((at, admission.row(item).iter().position(|k| *k > 0)? as u32)))
}

/// The request and cloudlet that the fractional admission leaves most open; if it leaves none, any that could still be served.
pub(super) fn undecided(admission: &Admission, here: &Prices) -> Option<(usize, u32)> {
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
    best.map(|(_, at, j)| (at, j)).or_else(|| first_option(admission))
}
