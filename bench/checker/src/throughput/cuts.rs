//! Valid inequalities that leaves may use: what some cloudlets can gain from some requests.
//!
//! For requests I and cloudlets J, and values u_i >= 0, every solution of the relaxed problem has
//!
//! ```text
//! sum_{i in I, j in J} profit_i x_ij <= sum_{i in I} u_i + sum_{j in J} max { sum_{i in S} (profit_i - u_i) : S in I fits j }
//! ```
//!
//! because each request is served once and the requests on a cloudlet fit it. With whole profits the left side is whole, so the right side may be rounded down. No
//! decision of a tree enters, so cuts hold at all leaves. Requests that may be local are left out: leaves have them in no knapsack.

use offcut_instances::throughput::Cut;

use super::knapsack::Knapsack;
use super::node_state::State;
use super::relaxation::Relaxation;
use crate::budget::Budget;
use crate::interval::{Accumulator, Interval, add_up};
use crate::verdict::Violation;

/// A cut and its bound.
pub(super) struct ProvedCut<'a> {
    cut: &'a Cut,
    /// Its requests, ascending, without those that may be local: its bound does not cover them.
    requests: Vec<u32>,
    /// The largest profit in it, rounded up; rounded down to a whole number if profits are whole.
    bound: f64,
}

impl<'a> ProvedCut<'a> {
    /// `table`: the least threads of every pair, 0 for none. Shape (requests, cloudlets).
    pub(super) fn new(
        relaxation: &Relaxation,
        cut: &'a Cut,
        table: &[u16],
        budget: &Budget,
    ) -> Result<Result<Self, &'static str>, Violation> {
        let instance = relaxation.instance;
        let (requests, cloudlets) = (instance.requests.len(), instance.cloudlets.len());
        let is_ascending = cut.cloudlets.windows(2).all(|pair| pair[0] < pair[1]);
        if !is_ascending || cut.cloudlets.iter().any(|j| *j as usize >= cloudlets) {
            return Ok(Err("a cut names cloudlets, ascending"));
        }
        let is_ascending = cut.values.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !is_ascending || cut.values.iter().any(|(i, _)| *i as usize >= requests) {
            return Ok(Err("a cut names requests, ascending"));
        }
        let mut covered = Vec::new();
        let mut total = Accumulator::default();
        let threads = cut.cloudlets.iter().map(|j| u64::from(instance.cloudlets[*j as usize].threads));
        budget.spend(threads.clone().sum())?;
        let mut knapsacks = threads.map(Knapsack::of).collect::<Result<Vec<_>, _>>()?;
        for (i, value) in &cut.values {
            let i = *i as usize;
            let demand = relaxation.demand(i);
            budget.spend(demand.device_s.len() as u64 + 1)?;
            if demand.is_local {
                continue;
            }
            covered.push(i as u32);
            total.add(Interval::point(*value));
            let gain = add_up(instance.requests[i].profit, -value);
            for (j, knapsack) in cut.cloudlets.iter().zip(&mut knapsacks) {
                let k = u32::from(table[i * cloudlets + *j as usize]);
                if k > 0 {
                    budget.spend(knapsack.steps(k))?;
                    knapsack.add_item(k, gain);
                }
            }
        }
        knapsacks.iter().for_each(|knapsack| total.add(Interval::point(knapsack.largest())));
        let bound = total.total().high();
        Ok(Ok(Self { cut, requests: covered, bound: if relaxation.has_whole_profits { bound.floor() } else { bound } }))
    }

    /// Its cloudlets, ascending.
    pub(super) fn cloudlets(&self) -> &'a [u32] {
        &self.cut.cloudlets
    }

    /// Whether request i is in it.
    pub(super) fn has_request(&self, i: usize) -> bool {
        self.requests.binary_search(&(i as u32)).is_ok()
    }

    /// What is left of its bound if some pairs serve, rounded up; at least 0.
    pub(super) fn rest(&self, relaxation: &Relaxation, state: &State) -> f64 {
        let mut rest = self.bound;
        for (i, j) in state.served_pairs() {
            if self.has_request(i) && self.cut.cloudlets.binary_search(&(j as u32)).is_ok() {
                rest = add_up(rest, -relaxation.instance.requests[i].profit);
            }
        }
        rest.max(0.0)
    }
}
