//! The bound of a leaf, from prices of threads or values of requests (derived in the module [`super::replay`]).

use std::collections::BTreeSet;

use super::cuts::ProvedCut;
use super::knapsack::Knapsack;
use super::node_state::State;
use super::relaxation::{Relaxation, RequestDemand, least_steps};
use crate::budget::Budget;
use crate::interval::{Accumulator, Interval, add_up, sum};
use crate::verdict::Violation;

/// What a leaf proves its bound with.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// Prices of threads. Shape (cloudlets,).
    Prices(&'a [f64]),
    /// Values of requests, those that are not admitted >= 0, shape (requests,); and multipliers >= 0 of some cuts.
    Values { values: &'a [f64], multipliers: &'a [(u32, f64)], cuts: &'a [ProvedCut<'a>] },
}

/// The bound of a leaf, rounded up; 0 if no solution agrees with its decisions (profits are above 0, so 0 is below every positive profit).
pub(super) fn leaf_bound(relaxation: &Relaxation, proof: Proof, state: &State) -> Result<f64, Violation> {
    if state.is_impossible() {
        return Ok(0.0);
    }
    let leaf = Leaf::new(relaxation, state);
    let (mut groups, sums) = leaf.connect()?;
    let mut totals = Totals::new(leaf.cloudlets);
    match proof {
        Proof::Prices(prices) => leaf.add_priced(prices, &groups, &sums, &mut totals)?,
        Proof::Values { values, multipliers, cuts } => {
            let used: Vec<(&ProvedCut, f64)> = multipliers.iter().map(|(c, by)| (&cuts[*c as usize], *by)).collect();
            leaf.add_cuts(&used, &mut groups, &mut totals)?;
            leaf.add_valued(values, &used, &groups, &mut totals)?;
        }
    }
    Ok(totals.bound(relaxation.has_whole_profits))
}

/// A leaf with solutions.
struct Leaf<'a> {
    relaxation: &'a Relaxation<'a>,
    state: &'a State<'a>,
    cloudlets: usize,
    /// Threads that the decisions leave. Shape (cloudlets,).
    left: Vec<u64>,
}

/// Terms of a bound, summed up.
struct Totals {
    /// Profits of requests that use no free threads.
    apart: Accumulator,
    /// The rest by group of cloudlets. Shape (cloudlets,), at the group's first cloudlet.
    of_group: Vec<Accumulator>,
}

impl Totals {
    fn new(cloudlets: usize) -> Self {
        Self { apart: Accumulator::default(), of_group: vec![Accumulator::default(); cloudlets] }
    }

    /// The sum, with every group rounded down if profits are whole.
    fn bound(&self, has_whole_profits: bool) -> f64 {
        let rounded = |value: f64| if has_whole_profits { value.floor() } else { value };
        let bounds = self.of_group.iter().map(|group| Interval::point(rounded(group.total().high())));
        rounded((self.apart.total() + sum(bounds)).high())
    }
}

impl<'a> Leaf<'a> {
    fn new(relaxation: &'a Relaxation<'a>, state: &'a State<'a>) -> Self {
        let cloudlets = relaxation.instance.cloudlets.iter().zip(&state.used);
        let left: Vec<u64> = cloudlets.map(|(cloudlet, used)| u64::from(cloudlet.threads) - used).collect();
        Self { relaxation, state, cloudlets: left.len(), left }
    }

    /// The least threads of a pair from the table, 0 for none; `None` without a table.
    fn looked_up(&self, i: usize, j: usize) -> Option<u32> {
        if self.state.is_rejected(i) {
            return Some(0);
        }
        self.state.table.as_deref().map(|table| u32::from(table[i * self.cloudlets + j]))
    }

    /// The cloudlets that may serve request i, as far as the table says.
    fn allows(&self, i: usize, j: usize) -> bool {
        self.looked_up(i, j) != Some(0)
    }

    /// The least threads of a pair, looked up or searched up to `most`.
    fn least_threads(&self, i: usize, demand: &RequestDemand, j: usize, most: u32) -> Option<u32> {
        match self.looked_up(i, j) {
            Some(k) => Some(k).filter(|k| *k > 0),
            None => self.relaxation.least_threads(i, demand, j, most),
        }
    }

    /// Takes the steps of a pass over a request's cloudlets.
    fn spend_on_pass(&self, demand: &RequestDemand) -> Result<(), Violation> {
        let each = if self.state.table.is_none() { least_steps(demand.device_s.len()) } else { 1 };
        self.state.budget.spend(self.cloudlets as u64 * each + 1)
    }

    /// First pass: the groups of cloudlets that requests connect, and the sums of threads on every cloudlet.
    fn connect(&self) -> Result<(Groups, Vec<Sums>), Violation> {
        let mut groups = Groups::new(self.cloudlets);
        let mut sums: Vec<Sums> = self.left.iter().map(|left| Sums::up_to(*left)).collect();
        for i in 0..self.relaxation.instance.requests.len() {
            if self.state.is_served(i) {
                continue;
            }
            if groups.is_one() && sums.iter().all(Sums::is_full) {
                break; // no further request changes anything
            }
            let demand = self.relaxation.demand(i);
            self.spend_on_pass(&demand)?;
            if demand.is_local {
                continue;
            }
            let mut first = None;
            for j in (0..self.cloudlets).filter(|j| self.allows(i, *j)) {
                if groups.is_one() && sums[j].is_full() {
                    continue;
                }
                let Some(k) = self.least_threads(i, &demand, j, u32::MAX) else { continue };
                sums[j].with(k, self.state.budget)?;
                groups.join(*first.get_or_insert(j), j);
            }
        }
        Ok((groups, sums))
    }

    /// The demand of a request that may use free threads; the profit of any other is added to `totals`.
    fn open_demand(&self, i: usize, totals: &mut Totals) -> Result<Option<RequestDemand>, Violation> {
        let demand = self.relaxation.demand(i);
        self.spend_on_pass(&demand)?;
        if demand.is_local || self.state.is_served(i) {
            totals.apart.add(Interval::point(self.relaxation.instance.requests[i].profit));
            return Ok(None);
        }
        Ok(Some(demand))
    }

    /// Second pass with prices: every request's profit less its cheapest threads, and the price of every cloudlet's capacity.
    fn add_priced(&self, prices: &[f64], groups: &Groups, sums: &[Sums], totals: &mut Totals) -> Result<(), Violation> {
        let mut order: Vec<usize> = (0..self.cloudlets).collect();
        order.sort_by(|a, b| prices[*a].total_cmp(&prices[*b]));
        for (i, request) in self.relaxation.instance.requests.iter().enumerate() {
            let Some(demand) = self.open_demand(i, totals)? else { continue };
            // The least cost of serving it, from below; cloudlets from the cheapest on.
            let mut cheapest = request.profit;
            let mut of = None;
            for j in order.iter().copied().filter(|j| self.allows(i, *j)) {
                if prices[j] >= cheapest {
                    break;
                }
                let most = max_threads_within(cheapest, prices[j]);
                let Some(k) = self.least_threads(i, &demand, j, most) else { continue };
                let cost = (Interval::point(prices[j]) * Interval::point(k.into())).low();
                if cost < cheapest {
                    (cheapest, of) = (cost, Some(j));
                }
            }
            if let Some(j) = of {
                totals.of_group[groups.of(j)].add(Interval::point(add_up(request.profit, -cheapest)));
            }
        }
        for j in 0..self.cloudlets {
            let capacity = sums[j].largest(self.state.budget)? as f64;
            totals.of_group[groups.of(j)].add(Interval::point(prices[j]) * Interval::point(capacity));
        }
        Ok(())
    }

    /// Joins the cloudlets of every cut to one group, and adds its constant.
    fn add_cuts(&self, cuts: &[(&ProvedCut, f64)], groups: &mut Groups, totals: &mut Totals) -> Result<(), Violation> {
        for (cut, _) in cuts {
            cut.cloudlets().windows(2).for_each(|pair| groups.join(pair[0] as usize, pair[1] as usize));
        }
        for (cut, multiplier) in cuts {
            let Some(first) = cut.cloudlets().first() else { continue };
            self.state.budget.spend(cut.cloudlets().len() as u64 + self.state.decisions() as u64)?;
            let rest = Interval::point(cut.rest(self.relaxation, self.state));
            totals.of_group[groups.of(*first as usize)].add(Interval::point(*multiplier) * rest);
        }
        Ok(())
    }

    /// Second pass with values: every request's value, and the best knapsack of every cloudlet.
    fn add_valued(
        &self,
        values: &[f64],
        cuts: &[(&ProvedCut, f64)],
        groups: &Groups,
        totals: &mut Totals,
    ) -> Result<(), Violation> {
        let mut of_cloudlet: Vec<Vec<usize>> = vec![Vec::new(); self.cloudlets];
        for (at, (cut, _)) in cuts.iter().enumerate() {
            cut.cloudlets().iter().for_each(|j| of_cloudlet[*j as usize].push(at));
        }
        let mut has_request = vec![false; cuts.len()];
        let mut knapsacks: Vec<Knapsack> =
            self.left.iter().map(|left| Knapsack::of(*left)).collect::<Result<_, _>>()?;
        for (i, request) in self.relaxation.instance.requests.iter().enumerate() {
            let Some(demand) = self.open_demand(i, totals)? else { continue };
            self.state.budget.spend(cuts.len() as u64)?;
            has_request.iter_mut().zip(cuts).for_each(|(has, (cut, _))| *has = cut.has_request(i));
            let mut of = None;
            for j in (0..self.cloudlets).filter(|j| self.allows(i, *j)) {
                if let Some(k) = self.least_threads(i, &demand, j, u32::MAX) {
                    self.state.budget.spend(knapsacks[j].steps(k))?;
                    self.state.budget.spend(of_cloudlet[j].len() as u64)?;
                    // The profit that cuts take, from below.
                    let taking = of_cloudlet[j].iter().filter(|at| has_request[**at]);
                    let multiplier = sum(taking.map(|at| Interval::point(cuts[*at].1)));
                    let taken = (multiplier * Interval::point(request.profit)).low();
                    knapsacks[j].add_item(k, add_up(add_up(request.profit, -values[i]), -taken));
                    of = Some(j);
                }
            }
            if let Some(j) = of {
                totals.of_group[groups.of(j)].add(Interval::point(values[i]));
            }
        }
        for (j, knapsack) in knapsacks.iter().enumerate() {
            totals.of_group[groups.of(j)].add(Interval::point(knapsack.largest()));
        }
        Ok(())
    }
}

/// An upper bound of the number of threads that cost no more than `most`, which is above 0, at a price >= 0. Free threads have no limit.
///
/// More threads k than this cost more: k is above the quotient, rounded up, so `price k > most`.
pub(super) fn max_threads_within(most: f64, price: f64) -> u32 {
    debug_assert!(most > 0.0 && price >= 0.0);
    if price > 0.0 {
        let quotient = (most / price).next_up();
        if quotient < f64::from(u32::MAX) {
            return quotient as u32;
        }
    }
    u32::MAX
}

/// Groups of cloudlets that requests connect, as disjoint sets.
pub(super) struct Groups {
    parent: Vec<usize>,
    count: usize,
}

impl Groups {
    pub(super) fn new(cloudlets: usize) -> Self {
        Self { parent: (0..cloudlets).collect(), count: cloudlets }
    }

    pub(super) fn of(&self, mut j: usize) -> usize {
        while self.parent[j] != j {
            j = self.parent[j];
        }
        j
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.parent[a.max(b)] = a.min(b);
            self.count -= 1;
        }
    }

    pub(super) fn is_one(&self) -> bool {
        self.count <= 1
    }
}

/// The sums of some whole numbers, each taken any number of times, up to a limit.
pub(super) struct Sums {
    limit: u64,
    parts: BTreeSet<u32>,
    is_full: bool,
}

impl Sums {
    pub(super) fn up_to(limit: u64) -> Self {
        Self { limit, parts: BTreeSet::new(), is_full: limit == 0 }
    }

    /// Adds a number that may be taken.
    pub(super) fn with(&mut self, part: u32, budget: &Budget) -> Result<(), Violation> {
        if !self.is_full && self.parts.insert(part) {
            self.is_full = self.largest(budget)? == self.limit;
        }
        Ok(())
    }

    /// Whether the limit itself is such a sum: then further numbers change nothing.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The largest sum within the limit. Modulo the smallest part a, each remainder has a least sum from which on every a-th number
    /// is one: found by going through the remainders until nothing falls any more.
    pub(super) fn largest(&self, budget: &Budget) -> Result<u64, Violation> {
        let Some(least) = self.parts.first().map(|part| u64::from(*part)) else { return Ok(0) };
        if self.is_full {
            return Ok(self.limit);
        }
        let mut first = vec![u64::MAX; least as usize];
        first[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            budget.spend(least * (self.parts.len() as u64 + 1))?;
            for remainder in 0..least as usize {
                if first[remainder] == u64::MAX {
                    continue;
                }
                for part in &self.parts {
                    let next = first[remainder] + u64::from(*part);
                    let slot = &mut first[(next % least) as usize];
                    if next < *slot {
                        (*slot, changed) = (next, true);
                    }
                }
            }
        }
        let reached = |sum: &u64| first[(sum % least) as usize] <= *sum;
        Ok((self.limit.saturating_sub(least)..=self.limit).rev().find(reached).unwrap_or(0))
    }
}
