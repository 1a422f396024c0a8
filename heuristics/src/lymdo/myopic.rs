//! A baseline without queues: every slot keeps within its own share of the budget, unless a violation costs less.
//!
//! A slot is decided as if it were the whole horizon: minimise
//!
//! ```text
//! sum_n D_n + overdraft_n max(0, E_n - budget_n)  =  max over 0 <= mu <= overdraft of  sum_n D_n + mu_n (E_n - budget_n)
//! ```
//!
//! so a user spends more than its budget in a slot only where stability, or a delay dearer than the charge, asks for
//! it. Energy saved in good slots is not carried over, as a virtual queue would. For given mu this is the slot
//! problem with V = 1 and Q = mu.
//!
//! 1. *Fixed cuts*, in turn until still: the best resources and their prices (`resources`), then for every user the mu
//!    of its own max-min at these prices: the one at which E is the budget, if it lies below the charge; E falls in mu.
//! 2. *Cuts*: with L the user's part of the dual function at these prices, at its best mu, the slot with another cut
//!    costs at least `L(other) - L(own)` more. So only cuts with a smaller L can help. Every user moves to its least L;
//!    if the slot then costs no less, only the half that gains most, and so on to one; then every other such cut, one
//!    at a time.
//! 3. The best of the starts of `alternating`.
//!
//! Moving all users at once and keeping the best of what was seen is not enough: where nobody sends, bandwidth costs
//! nothing, everybody wants it, and the search goes back and forth between all and nobody.
//!
//! Budgets are kept to within [`CONVERGENCE_TOL`] of themselves, relative. The instance's V and backlogs are not used.

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy, Prices};
use offcut_instances::problem::{Budget, Stop};

use super::alternating::starts;
use super::delay::{Costs, allocation};
use super::repair::Needs;
use super::resources::{Plan, allocate, clear};

/// What an energy may differ from its budget, relative.
const CONVERGENCE_TOL: f64 = 1e-4;

/// Rounds of charges and resources for fixed cuts, at most.
const CHARGE_ROUNDS: usize = 20;

/// Rounds of cuts, at most.
const CUT_ROUNDS: usize = 50;

/// Single changes of a cut that are tried before a search is over.
const MAX_SINGLES: usize = 32;

/// Relative gain below which a change of cuts is no progress.
const LEAST_GAIN: f64 = 1e-9;

/// The policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Myopic;

impl Policy for Myopic {
    fn id(&self) -> &str {
        "myopic"
    }

    fn about(&self) -> &str {
        "no queues: every slot keeps its users' budgets on its own, unless a violation costs less"
    }

    fn begin(&self, _: &Budget) -> Box<dyn Decide> {
        Box::new(Run { last: None })
    }
}

struct Run {
    /// The slot before.
    last: Option<State>,
}

/// Cuts with their best charges and resources.
#[derive(Clone, Debug)]
struct State {
    cuts: Vec<u32>,
    charges: Vec<f64>,
    plan: Plan,
    /// What the slot costs as its own horizon.
    value: f64,
}

impl Decide for Run {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let mut search = Search::new(slot);
        let last = self.last.take();
        let (charges, prices) = match &last {
            Some(last) => (last.charges.clone(), Some(last.plan.prices)),
            None => (vec![0.0; search.overdrafts.len()], None),
        };
        let mut best: Option<State> = None;
        let (mut seen, mut error): (Vec<Vec<u32>>, Option<Stop>) = (Vec::new(), None);
        for start in starts(&search.costs, last.as_ref().map(|last| &last.cuts[..])) {
            let start = match search.needs.repaired(&search.costs, &start) {
                Ok(start) if seen.contains(&start) => continue,
                Ok(start) => start,
                Err(stop) => {
                    error = Some(stop);
                    continue;
                }
            };
            seen.push(start.clone());
            let Some(state) = search.settle(start, &charges, prices, f64::INFINITY) else { continue };
            let state = search.descend(state, &mut seen);
            if best.as_ref().is_none_or(|best| state.value < best.value) {
                best = Some(state);
            }
        }
        let failed = || Stop::Failed("no resources found for cuts whose needs fit the capacities".into());
        let best = best.ok_or_else(|| error.unwrap_or_else(failed))?;
        let allocation = allocation(&best.cuts, &best.plan.shares);
        self.last = Some(best);
        Ok(allocation)
    }
}

/// A slot as its own horizon.
struct Search {
    /// Delays weigh 1; energies weigh what was looked at last.
    costs: Costs,
    needs: Needs,
    overdrafts: Vec<f64>,
}

impl Search {
    fn new(slot: &Instance) -> Self {
        let mut costs = Costs::new(slot);
        costs.loads.iter_mut().for_each(|load| load.delay_weight = 1.0);
        let overdrafts = slot.users.iter().map(|user| user.overdraft_s_per_j).collect();
        Self { needs: Needs::new(&costs), costs, overdrafts }
    }

    fn charge(&mut self, charges: &[f64]) {
        self.costs.loads.iter_mut().zip(charges).for_each(|(load, charge)| load.energy_weight = *charge);
    }

    /// Step 1 for these cuts, from these charges and prices; none if they cannot be kept stable or certainly cost `cutoff` or more.
    fn settle(&mut self, cuts: Vec<u32>, charges: &[f64], mut prices: Option<Prices>, cutoff: f64) -> Option<State> {
        let mut charges = charges.to_vec();
        let mut best: Option<(f64, Vec<f64>, Plan)> = None;
        for _ in 0..CHARGE_ROUNDS {
            self.charge(&charges);
            let Some(plan) = allocate(&self.costs, &cuts, prices) else { break };
            prices = Some(plan.prices);
            // For these charges the resources are best: the dual function of these cuts.
            let budgets: f64 = self.costs.loads.iter().zip(&charges).map(|(load, charge)| load.budget_j * charge).sum();
            if plan.value - budgets >= cutoff {
                return None;
            }
            let mut next = charges.clone();
            for n in 0..cuts.len() {
                if let Some((_, charge)) = self.max_min(n, cuts[n], plan.prices) {
                    next[n] = charge;
                }
            }
            let is_still = next.iter().zip(&charges).all(|(next, now)| (next - now).abs() <= CONVERGENCE_TOL * next);
            let value = charged(&self.costs, &cuts, &plan, &self.overdrafts);
            if let Some(value) = value.filter(|value| best.as_ref().is_none_or(|(least, ..)| value < least)) {
                best = Some((value, charges, plan));
            }
            if is_still {
                break;
            }
            charges = next;
        }
        best.map(|(value, charges, plan)| State { cuts, charges, plan, value })
    }

    /// Step 2 until no cut that could help does, or the search is where another one was (`seen`).
    fn descend(&mut self, mut state: State, seen: &mut Vec<Vec<u32>>) -> State {
        for _ in 0..CUT_ROUNDS {
            self.charge(&state.charges);
            // Who gains how much by which cut at these prices, most first.
            let mut moves: Vec<(f64, usize, u32)> = Vec::new();
            for n in 0..state.cuts.len() {
                moves.extend(self.gains(n, state.cuts[n], state.plan.prices).map(|(gain, cut)| (gain, n, cut)));
            }
            moves.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            let mut firsts: Vec<(usize, u32)> = Vec::new();
            for (_, n, cut) in &moves {
                if firsts.iter().all(|(other, _)| other != n) {
                    firsts.push((*n, *cut));
                }
            }
            let halves = std::iter::successors(Some(firsts.len()), |count| Some(count / 2));
            let together = halves.take_while(|count| *count > 1).map(|count| firsts[..count].to_vec());
            let singles = moves.iter().take(MAX_SINGLES).map(|(_, n, cut)| vec![(*n, *cut)]);
            let better = together.chain(singles).find_map(|changes| {
                let mut cuts = state.cuts.clone();
                changes.into_iter().for_each(|(n, cut)| cuts[n] = cut);
                let cutoff = state.value * (1.0 - LEAST_GAIN);
                let found = self.needs.fit(&self.costs, &cuts);
                let found = found.then(|| self.settle(cuts, &state.charges, Some(state.plan.prices), cutoff));
                found.flatten().filter(|found| found.value < cutoff)
            });
            let Some(better) = better else { break };
            state = better;
            if seen.contains(&state.cuts) {
                break;
            }
            seen.push(state.cuts.clone());
        }
        state
    }

    /// The cuts of user `n` that could help at these prices, and by how much at most.
    fn gains(&mut self, n: usize, own: u32, prices: Prices) -> impl Iterator<Item = (f64, u32)> + use<> {
        let now = self.max_min(n, own, prices).map_or(f64::INFINITY, |(value, _)| value);
        let mut gains = Vec::new();
        for cut in (0..self.costs.works(n).len() as u32).filter(|cut| *cut != own) {
            // What the last mu makes of a cut is no more than its max-min: most cuts need no search.
            let least = lagrangian(&self.costs, &self.needs, n, cut, prices).map(|(value, _)| value);
            if least.is_some_and(|least| least < now)
                && let Some((value, _)) = self.max_min(n, cut, prices)
                && value < now
            {
                gains.push((now - value, cut));
            }
        }
        gains.into_iter()
    }

    /// [`max_min`]; the weight of energies stays as it was.
    fn max_min(&mut self, n: usize, cut: u32, prices: Prices) -> Option<(f64, f64)> {
        let before = self.costs.loads[n].energy_weight;
        let found = max_min(&mut self.costs, &self.needs, n, cut, prices, self.overdrafts[n]);
        self.costs.loads[n].energy_weight = before;
        found
    }
}

/// What a slot costs as its own horizon.
fn charged(costs: &Costs, cuts: &[u32], plan: &Plan, overdrafts: &[f64]) -> Option<f64> {
    let user = |n: usize| {
        let (work, share) = (costs.work(n, cuts[n]), &plan.shares[n]);
        let over = costs.energy_j(n, work, share)? - costs.loads[n].budget_j;
        Some(costs.delay_s(n, work, share)? + overdrafts[n] * over.max(0.0))
    };
    (0..costs.users()).map(user).sum()
}

/// `D + mu (E - budget) + nu b + eta F` of user `n` at its best, mu being its energy's weight, and E.
fn lagrangian(costs: &Costs, needs: &Needs, n: usize, cut: u32, prices: Prices) -> Option<(f64, f64)> {
    let (load, work) = (&costs.loads[n], costs.work(n, cut));
    let response = costs.response_above(n, work, needs.of(n)[cut as usize]?, prices)?;
    let energy_j = costs.energy_j(n, work, &response.share)?;
    Some((response.cost - load.energy_weight * load.budget_j, energy_j))
}

/// The most of [`lagrangian`] over mu from 0 to `overdraft`, and where.
fn max_min(costs: &mut Costs, needs: &Needs, n: usize, cut: u32, prices: Prices, overdraft: f64) -> Option<(f64, f64)> {
    let budget_j = costs.loads[n].budget_j;
    let start = costs.loads[n].energy_weight;
    let mut at = |charge: f64| {
        costs.loads[n].energy_weight = charge;
        lagrangian(costs, needs, n, cut, prices)
    };
    let (value, energy_j) = at(0.0)?;
    if energy_j <= budget_j || overdraft == 0.0 {
        return Some((value, 0.0));
    }
    let (value, energy_j) = at(overdraft)?;
    if energy_j >= budget_j {
        return Some((value, overdraft));
    }
    let start = if start > 0.0 { start } else { 0.1 * overdraft };
    let charge = clear(start, 0.1 * CONVERGENCE_TOL, |charge| Some((at(charge.min(overdraft))?.1 / budget_j).ln()))?;
    let charge = charge.min(overdraft);
    Some((at(charge)?.0, charge))
}
