//! No queues: every slot keeps within its own share of the budget, as far as that pays.
//!
//! A slot is decided as if it were the whole horizon: minimise
//!
//! ```text
//! sum_n D_n + overdraft_n max(0, E_n - budget_n)  =  max over 0 <= mu <= overdraft of  sum_n D_n + mu_n (E_n - budget_n)
//! ```
//!
//! so a user spends more than its budget in a slot only where stability, or a delay dearer than the charge, asks for
//! it. What it saved in good slots is lost: that is what the virtual queue is for. For given mu this is the slot
//! problem with V = 1 and Q = mu. In turn, until still:
//!
//! 1. At the prices of bandwidth and edge speed every user takes the cut, and the mu, of its own max-min: the mu at
//!    which E is the budget, if it lies below the charge; E falls in mu.
//! 2. The best resources for these cuts and mu, and their prices (`resources`).
//!
//! Prices move, so budgets are kept to within [`CLOSE`] of themselves, relative. Where rounds do not come to rest, the
//! best plan seen counts, with the mu that went with it. The instance's V and backlogs are not used.

use offcut_instances::lymdo::{Allocation, Decide, Instance, Policy, Prices};
use offcut_instances::problem::{Budget, Stop};

use super::alternating::fair;
use super::delay::{Costs, allocation};
use super::repair::Needs;
use super::resources::{Plan, allocate, clear};

/// What an energy may differ from its budget, relative.
const CLOSE: f64 = 1e-4;

/// Rounds of cuts, charges and resources, at most.
const MOST_ROUNDS: usize = 30;

/// Rounds after which only charges change.
const CUTTING_ROUNDS: usize = 15;

/// The policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Myopic;

impl Policy for Myopic {
    fn id(&self) -> &str {
        "myopic"
    }

    fn about(&self) -> &str {
        "no queues: every slot keeps its users' budgets on its own, as far as that pays"
    }

    fn begin(&self, _: &Budget) -> Box<dyn Decide> {
        Box::new(Run { charges: Vec::new(), prices: None })
    }
}

struct Run {
    /// mu of the slot before.
    charges: Vec<f64>,
    prices: Option<Prices>,
}

impl Decide for Run {
    fn decide(&mut self, slot: &Instance) -> Result<Allocation, Stop> {
        let mut costs = Costs::new(slot);
        let overdrafts: Vec<f64> = slot.users.iter().map(|user| user.overdraft_s_per_j).collect();
        self.charges.resize(costs.users(), 0.0);
        for (load, charge) in costs.loads.iter_mut().zip(&self.charges) {
            (load.delay_weight, load.energy_weight) = (1.0, *charge);
        }
        let needs = Needs::new(&costs);
        let mut cuts = needs.repaired(&costs, &fair(&costs))?;
        let mut best: Option<(f64, Vec<u32>, Plan)> = None;
        for round in 0..MOST_ROUNDS {
            let Some(plan) = allocate(&costs, &cuts, self.prices) else { break };
            self.prices = Some(plan.prices);
            let mut next = cuts.clone();
            let mut is_still = true;
            for n in 0..costs.users() {
                let only = (round >= CUTTING_ROUNDS).then_some(cuts[n]);
                if let Some((cut, charge)) = best_cut(&mut costs, &needs, n, only, plan.prices, overdrafts[n]) {
                    is_still &= cut == cuts[n] && (charge - self.charges[n]).abs() <= CLOSE * charge;
                    (next[n], self.charges[n]) = (cut, charge);
                }
                costs.loads[n].energy_weight = self.charges[n];
            }
            if let Some(value) = charged(&costs, &cuts, &plan, &overdrafts)
                && best.as_ref().is_none_or(|(least, _, _)| value < *least)
            {
                best = Some((value, cuts, plan));
            }
            if is_still {
                break;
            }
            cuts = needs.repaired(&costs, &next)?;
        }
        let failed = || Stop::Failed("no resources found for cuts that can be kept stable".into());
        let (_, cuts, plan) = best.ok_or_else(failed)?;
        Ok(allocation(&cuts, &plan.shares))
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

/// The cut of user `n` with the least max-min, or `only` that one, and its mu; none if no cut is stable.
fn best_cut(
    costs: &mut Costs,
    needs: &Needs,
    n: usize,
    only: Option<u32>,
    prices: Prices,
    overdraft: f64,
) -> Option<(u32, f64)> {
    // The last mu gives every cut a value that its max-min cannot be below: most cuts need no search.
    let mut options: Vec<(f64, u32)> = Vec::new();
    for m in 0..costs.works(n).len() as u32 {
        if only.is_none_or(|only| only == m)
            && let Some((value, _)) = lagrangian(costs, needs, n, m, prices)
        {
            options.push((value, m));
        }
    }
    options.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best: Option<(f64, u32, f64)> = None;
    for (least, m) in options {
        if best.is_some_and(|(value, _, _)| value <= least) {
            break;
        }
        if let Some((value, charge)) = max_min(costs, needs, n, m, prices, overdraft)
            && best.is_none_or(|(least, _, _)| value < least)
        {
            best = Some((value, m, charge));
        }
    }
    best.map(|(_, m, charge)| (m, charge))
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
    let charge = clear(start, 0.1 * CLOSE, |charge| Some((at(charge.min(overdraft))?.1 / budget_j).ln()))?;
    let charge = charge.min(overdraft);
    Some((at(charge)?.0, charge))
}
