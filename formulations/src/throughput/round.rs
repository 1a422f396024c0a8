//! From prices to an admission.
//!
//! With loss_i(o) = what option o of request i costs more than its best option at the prices, and left_j = C_j - load_j, every admission
//! satisfies
//!
//! ```text
//! profit = g(pi) - sum_i loss_i - sum_j pi_j left_j
//! ```
//!
//! so one within 1 of the bound wastes less than 1 in all: only options of small loss may be taken, and cloudlets have to be all but full. The
//! fractional admission has no loss and hardly any room, so it is rounded without letting errors add up:
//!
//! 1. *Spread*: request by request, each cloudlet's rounding error being carried on to the next request.
//! 2. *Mend*: what is over capacity moves or goes.
//! 3. *Fill*: unserved requests are added where they fit, or where they fit after one other request moves to another cloudlet.
//!
//! Each order of the requests gives another admission; a few random ones nearly always hold one that meets the bound.

use offcut_instances::random::Stream;

use super::bound::{Prices, shares};
use super::bundle::Bundle;
use super::model::Admission;

/// Admissions near the fractional one of a bundle.
pub(super) fn roundings<'a>(
    admission: &'a Admission<'a>,
    prices: &[f64],
    bundle: &Bundle,
    stream: &mut Stream,
) -> Vec<Rounding<'a>> {
    let mut order: Vec<u32> = (0..admission.items.len() as u32).collect();
    stream.shuffle(&mut order);
    let shares = bundle.shares();
    let mut spread = Rounding::spread_shares(admission, |at, options| options.clone_from(&shares[at]), &order);
    spread.mend_and_fill(prices, 20_000);
    let mut heaviest = Rounding::empty(admission);
    for (j, items) in bundle.heaviest() {
        for at in items {
            if heaviest.chosen[*at as usize].is_none() {
                heaviest.choose(*at as usize, Some(j));
            }
        }
    }
    heaviest.mend_and_fill(prices, 20_000);
    vec![spread, heaviest]
}

/// An admission under construction.
#[derive(Clone, Debug)]
pub(super) struct Rounding<'a> {
    admission: &'a Admission<'a>,
    /// Per item, its cloudlet.
    pub(super) chosen: Vec<Option<u32>>,
    /// Threads left, negative where there are too few. Shape (cloudlets,).
    left: Vec<i64>,
    pub(super) profit: f64,
}

impl<'a> Rounding<'a> {
    /// Nobody is served.
    pub(super) fn empty(admission: &'a Admission<'a>) -> Self {
        let left = admission.capacities.iter().map(|capacity| *capacity as i64).collect();
        Self { admission, chosen: vec![None; admission.items.len()], left, profit: 0.0 }
    }

    fn threads(&self, at: usize, cloudlet: u32) -> i64 {
        self.admission.row(&self.admission.items[at])[cloudlet as usize].into()
    }

    pub(super) fn choose(&mut self, at: usize, cloudlet: Option<u32>) {
        let profit = self.admission.items[at].profit;
        if let Some(before) = std::mem::replace(&mut self.chosen[at], cloudlet) {
            self.left[before as usize] += self.threads(at, before);
            self.profit -= profit;
        }
        if let Some(now) = cloudlet {
            self.left[now as usize] -= self.threads(at, now);
            self.profit += profit;
        }
    }

    /// Step 1, for the fractional admission of prices.
    pub(super) fn spread(admission: &'a Admission<'a>, prices: &Prices, order: &[u32]) -> Self {
        let options_of = |at: usize, options: &mut Vec<(u32, f64)>| {
            shares(admission, &admission.items[at], &prices.prices, prices.temperature, options);
        };
        Self::spread_shares(admission, options_of, order)
    }

    /// Step 1. `options_of` fills in the cloudlets and shares of an item.
    pub(super) fn spread_shares(
        admission: &'a Admission<'a>,
        options_of: impl Fn(usize, &mut Vec<(u32, f64)>),
        order: &[u32],
    ) -> Self {
        let mut rounding = Self::empty(admission);
        // Threads promised to a cloudlet and not yet given; the last entry counts requests turned away.
        let mut owed = vec![0.0; admission.cloudlets() + 1];
        let mut options = Vec::new();
        for at in order.iter().map(|at| *at as usize) {
            options_of(at, &mut options);
            let row = admission.row(&admission.items[at]);
            let away = 1.0 - options.iter().map(|(_, share)| share).sum::<f64>();
            let turned_away = admission.cloudlets();
            owed[turned_away] += away;
            let mut best = (if away > 0.01 { owed[turned_away] } else { f64::NEG_INFINITY }, None);
            for (j, share) in &options {
                let threads = f64::from(row[*j as usize]);
                owed[*j as usize] += share * threads;
                let claim = owed[*j as usize] / threads;
                if *share > 0.01 && claim > best.0 {
                    best = (claim, Some(*j));
                }
            }
            match best.1 {
                Some(j) => owed[j as usize] -= f64::from(row[j as usize]),
                None => owed[turned_away] -= 1.0,
            }
            rounding.choose(at, best.1);
        }
        rounding
    }

    /// Steps 2 and 3. `effort` bounds the search for others that could move on.
    pub(super) fn mend_and_fill(&mut self, prices: &[f64], effort: u64) {
        let mut served: Vec<Vec<u32>> = vec![Vec::new(); self.left.len()];
        for (at, cloudlet) in self.chosen.iter().enumerate() {
            if let Some(j) = cloudlet {
                served[*j as usize].push(at as u32);
            }
        }
        for j in 0..self.left.len() {
            while self.left[j] < 0 {
                // Whoever costs least to move or to turn away, per thread that is too many. Far over capacity a rough order does.
                let over = -self.left[j];
                let cost = |at: u32| {
                    let threads = self.threads(at as usize, j as u32);
                    let to = self.room_for(at as usize, prices, j);
                    let price = |to: u32| prices[to as usize] * self.threads(at as usize, to) as f64;
                    let cost = to.map_or(self.admission.items[at as usize].profit, price);
                    let wasted = (threads - over).max(0) as f64 * prices[j];
                    (cost - price(j as u32) + wasted) / threads.min(over) as f64
                };
                let mut leaving: Vec<(f64, u32)> = served[j].iter().map(|at| (cost(*at), *at)).collect();
                leaving.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                for (_, at) in leaving.into_iter().take(1 + over as usize / 32) {
                    let to = self.room_for(at as usize, prices, j);
                    if let Some(to) = to {
                        served[to as usize].push(at);
                    }
                    self.choose(at as usize, to);
                }
                served[j].retain(|at| self.chosen[*at as usize] == Some(j as u32));
            }
        }
        // The worthiest first.
        let profit_per_thread = |at: u32| {
            let item = &self.admission.items[at as usize];
            item.profit - self.cost(at as usize, prices)
        };
        let unserved = (0..self.chosen.len() as u32).filter(|at| self.chosen[*at as usize].is_none());
        let mut unserved: Vec<(f64, u32)> = unserved.map(|at| (profit_per_thread(at), at)).collect();
        unserved.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut effort = effort;
        for (_, at) in unserved {
            if self.left.iter().all(|left| *left == 0) {
                break;
            }
            if let Some(j) = self.room_for(at as usize, prices, usize::MAX) {
                self.choose(at as usize, Some(j));
                served[j as usize].push(at);
            } else if effort > 0 {
                self.make_room_for(at, prices, &mut served, &mut effort);
            }
        }
    }

    /// What an item's cheapest option costs.
    fn cost(&self, at: usize, prices: &[f64]) -> f64 {
        let row = self.admission.row(&self.admission.items[at]).iter().zip(prices);
        row.filter(|(k, _)| **k > 0).map(|(k, price)| f64::from(*k) * price).fold(f64::INFINITY, f64::min)
    }

    /// The cheapest cloudlet with room for an item, `but` for one.
    fn room_for(&self, at: usize, prices: &[f64], but: usize) -> Option<u32> {
        let row = self.admission.row(&self.admission.items[at]).iter().enumerate();
        let fits = row.filter(|(j, k)| **k > 0 && i64::from(**k) <= self.left[*j] && *j != but);
        fits.map(|(j, k)| (f64::from(*k) * prices[j], j)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, j)| j as u32)
    }

    /// Lets one other request move on so that there is room for an item.
    fn make_room_for(&mut self, at: u32, prices: &[f64], served: &mut [Vec<u32>], effort: &mut u64) {
        let options: Vec<(usize, i64)> = (0..self.left.len())
            .map(|j| (j, self.threads(at as usize, j as u32)))
            .filter(|(j, k)| *k > 0 && self.left[*j] >= 0 && served[*j].len() as u64 * 4 < *effort)
            .collect();
        for (j, k) in options {
            *effort = effort.saturating_sub(served[j].len() as u64);
            let needed = k - self.left[j];
            let gives = |other: &&u32| self.threads(**other as usize, j as u32) >= needed;
            let moves = served[j].iter().filter(gives);
            let found = moves.copied().find_map(|other| Some((other, self.room_for(other as usize, prices, j)?)));
            if let Some((other, to)) = found {
                self.choose(other as usize, Some(to));
                served[j].retain(|there| *there != other);
                served[to as usize].push(other);
                self.choose(at as usize, Some(j as u32));
                served[j].push(at);
                return;
            }
        }
    }
}
