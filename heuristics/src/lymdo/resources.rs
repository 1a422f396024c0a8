//! The best resources for fixed cuts: two prices (dual multipliers) at which demand equals capacity.
//!
//! The slot problem for fixed cuts is convex, and without the two sums it falls apart into its users (`response`). So
//! the best shares are those that users take at prices (nu, eta) which clear both markets. Nested: for every nu the eta
//! that clears the edge's, outside the nu that clears the band's; with exponential service the two markets know nothing
//! of each other. Both demands above what stability needs are near powers of the price, so each search is a secant on
//! logarithms inside a bracket.
//!
//! What users take is then scaled, above their needs, to exactly what there is. Prices are found to 1e-10, relative: by
//! the envelope theorem that moves the value by much less.

use offcut_instances::lymdo::{Prices, Service};

use super::delay::{Costs, Share};
use super::response::{Need, Response};

/// ln(demand/supply) that clears a market; the inner one closer, because the outer search looks through it.
const OUTER: f64 = 1e-10;
const INNER: f64 = 1e-11;

/// Steps after which a search takes what it has.
const MAX_STEPS: usize = 200;

/// Of what is shared, what must be left above needs: with less, rounding decides who is stable.
pub(super) const LEAST_ROOM: f64 = 1e-9;

/// Resources for fixed cuts.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) shares: Vec<Share>,
    pub(super) value: f64,
    /// What clears the markets; 0 for one that nobody uses.
    pub(super) prices: Prices,
}

/// Users at prices.
struct Market<'a> {
    costs: &'a Costs,
    cuts: &'a [u32],
    needs: Vec<Need>,
    responses: Vec<Response>,
    /// Bandwidth and edge speed above all needs.
    spare: Need,
    /// Whether anybody uses them.
    is_used: [bool; 2],
}

/// The best resources for `cuts`, by default from prices of its own guessing; none if they cannot be kept stable.
pub(super) fn allocate(costs: &Costs, cuts: &[u32], start: Option<Prices>) -> Option<Plan> {
    let mut market = Market::new(costs, cuts)?;
    let guess = market.guess();
    let from = |start: Option<f64>, guess: f64| start.filter(|price| *price > 0.0).unwrap_or(guess);
    let mut prices = Prices {
        bandwidth: from(start.map(|prices| prices.bandwidth), guess.bandwidth),
        edge: from(start.map(|prices| prices.edge), guess.edge),
    };
    match costs.service {
        Service::Exponential => {
            prices.edge = market.clear_edge(prices)?;
            prices.bandwidth = market.clear_bandwidth(prices, OUTER)?;
        }
        Service::Deterministic if !market.is_used[0] => prices.edge = market.clear_edge(prices)?,
        Service::Deterministic if !market.is_used[1] => prices.bandwidth = market.clear_bandwidth(prices, OUTER)?,
        Service::Deterministic => {
            let mut edge = prices.edge;
            let bandwidth = clear(prices.bandwidth, OUTER, |bandwidth| {
                edge = market.clear_edge(Prices { bandwidth, edge })?;
                market.excess_of_bandwidth()
            })?;
            prices = Prices { bandwidth, edge };
        }
    }
    market.respond(prices)?;
    for (price, is_used) in [&mut prices.bandwidth, &mut prices.edge].into_iter().zip(market.is_used) {
        if !is_used {
            *price = 0.0;
        }
    }
    let shares = market.scaled();
    let value = costs.value(cuts, &shares)?;
    value.is_finite().then_some(Plan { shares, value, prices })
}

impl<'a> Market<'a> {
    /// None if needs exceed what there is.
    fn new(costs: &'a Costs, cuts: &'a [u32]) -> Option<Self> {
        let needs: Option<Vec<Need>> = (0..costs.users()).map(|n| costs.need(n, costs.work(n, cuts[n]))).collect();
        let needs = needs?;
        let spare = spare(costs, needs.iter())?;
        let is_used = |has_work: fn(&Costs, usize, u32) -> bool| (0..cuts.len()).any(|n| has_work(costs, n, cuts[n]));
        let sends = is_used(|costs, n, cut| costs.work(n, cut).bits > 0.0);
        let offloads = is_used(|costs, n, cut| costs.work(n, cut).remote_macs > 0.0);
        let responses = vec![Response::default(); costs.users()];
        Some(Self { costs, cuts, needs, responses, spare, is_used: [sends, offloads] })
    }

    /// The prices that clear the markets if stages were alone and rates in proportion to bandwidth.
    fn guess(&self) -> Prices {
        let (mut sending, mut computing) = (0.0, 0.0);
        let fair_hz = self.costs.bandwidth_hz / self.costs.users() as f64;
        for (n, load) in self.costs.loads.iter().enumerate() {
            let work = self.costs.work(n, self.cuts[n]);
            if work.bits > 0.0 {
                let weight = load.delay_weight + load.energy_weight * load.tasks * load.tx_power_w;
                sending += (weight * work.bits * fair_hz / load.link.rate(fair_hz)).sqrt();
            }
            computing += (load.delay_weight * work.remote_macs).sqrt();
        }
        Prices {
            bandwidth: (sending / self.spare.bandwidth_hz).powi(2),
            edge: (computing / self.spare.edge_macs_per_s).powi(2),
        }
    }

    /// Everybody's answer to prices.
    fn respond(&mut self, prices: Prices) -> Option<()> {
        for (n, response) in self.responses.iter_mut().enumerate() {
            let work = self.costs.work(n, self.cuts[n]);
            *response = self.costs.response_above(n, work, self.needs[n], prices)?;
        }
        Some(())
    }

    /// ln of what is taken above needs over what there is above needs.
    fn excess_of_bandwidth(&self) -> Option<f64> {
        let above = self.responses.iter().zip(&self.needs);
        let taken: f64 = above.map(|(response, need)| response.share.bandwidth_hz - need.bandwidth_hz).sum();
        Some((taken / self.spare.bandwidth_hz).ln())
    }

    fn excess_of_edge(&self) -> Option<f64> {
        let above = self.responses.iter().zip(&self.needs);
        let taken: f64 = above.map(|(response, need)| response.share.edge_macs_per_s - need.edge_macs_per_s).sum();
        Some((taken / self.spare.edge_macs_per_s).ln())
    }

    /// The price of edge speed that clears its market at this price of bandwidth, from the one in `prices`.
    fn clear_edge(&mut self, prices: Prices) -> Option<f64> {
        if !self.is_used[1] {
            return Some(prices.edge);
        }
        clear(prices.edge, INNER, |edge| {
            self.respond(Prices { edge, ..prices })?;
            self.excess_of_edge()
        })
    }

    fn clear_bandwidth(&mut self, prices: Prices, close: f64) -> Option<f64> {
        if !self.is_used[0] {
            return Some(prices.bandwidth);
        }
        clear(prices.bandwidth, close, |bandwidth| {
            self.respond(Prices { bandwidth, ..prices })?;
            self.excess_of_bandwidth()
        })
    }

    /// What everybody takes, scaled above needs to what there is, but for what roundings can add up to.
    fn scaled(&self) -> Vec<Share> {
        let rounding = 1.0 - 4.0 * self.needs.len() as f64 * f64::EPSILON;
        let factor = |all: f64, spare: f64, taken: f64| (spare - all * (1.0 - rounding)) / taken;
        let above = || self.responses.iter().map(|response| response.share).zip(&self.needs);
        let taken_hz: f64 = above().map(|(share, need)| share.bandwidth_hz - need.bandwidth_hz).sum();
        let taken_macs: f64 = above().map(|(share, need)| share.edge_macs_per_s - need.edge_macs_per_s).sum();
        let bandwidth = factor(self.costs.bandwidth_hz, self.spare.bandwidth_hz, taken_hz);
        let edge = factor(self.costs.edge_macs_per_s, self.spare.edge_macs_per_s, taken_macs);
        let scale =
            |least: f64, taken: f64, factor: f64| if taken > 0.0 { least + (taken - least) * factor } else { 0.0 };
        above()
            .map(|(share, need)| Share {
                bandwidth_hz: scale(need.bandwidth_hz, share.bandwidth_hz, bandwidth),
                edge_macs_per_s: scale(need.edge_macs_per_s, share.edge_macs_per_s, edge),
                ..share
            })
            .collect()
    }
}

/// What is left above these needs; none if that is nothing, or so little that rounding decides who is stable.
pub(super) fn spare<'a>(costs: &Costs, needs: impl Iterator<Item = &'a Need>) -> Option<Need> {
    let mut spare = Need { bandwidth_hz: costs.bandwidth_hz, edge_macs_per_s: costs.edge_macs_per_s };
    for need in needs {
        spare.bandwidth_hz -= need.bandwidth_hz;
        spare.edge_macs_per_s -= need.edge_macs_per_s;
    }
    let has_room = spare.bandwidth_hz > LEAST_ROOM * costs.bandwidth_hz
        && spare.edge_macs_per_s > LEAST_ROOM * costs.edge_macs_per_s;
    has_room.then_some(spare)
}

/// The price at which `excess`, decreasing in it, is 0; none if it is none anywhere. Searches ln(price): secants inside
/// a bracket, halved where they do not help.
pub(super) fn clear(start: f64, close: f64, mut excess: impl FnMut(f64) -> Option<f64>) -> Option<f64> {
    let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
    let mut before: Option<(f64, f64)> = None;
    let mut at = start.ln();
    for steps in 0..MAX_STEPS {
        let here = excess(at.exp())?;
        if here.abs() <= close {
            break;
        }
        if here > 0.0 {
            low = Some(at)
        } else {
            high = Some(at)
        }
        // Demand falls with the square root of the price until there is something to say otherwise.
        let slope = before.map(|(place, value)| (here - value) / (at - place)).filter(|slope| *slope < 0.0);
        let next = at - (here / slope.unwrap_or(-0.5)).clamp(-8.0, 8.0);
        before = Some((at, here));
        at = match (low, high) {
            (Some(low), Some(high)) if high - low <= f64::EPSILON * high.abs() => break,
            (Some(low), Some(high)) if next <= low || next >= high || steps % 8 == 7 => 0.5 * (low + high),
            _ => next,
        };
    }
    Some(at.exp())
}
