//! A Lagrangian bound sharper than the price bound: every cloudlet solves its knapsack.
//!
//! With a value u_i >= 0 for every request, the profit of any admission is at most
//!
//! ```text
//! L(u) = sum_i u_i + sum_j max { sum_{i in S} (profit_i - u_i) : sum_{i in S} k_ij <= C_j }
//! ```
//!
//! With u_i = max(0, max_j (profit_i - pi_j k_ij)) the optimum of each knapsack is at most pi_j C_j, so L is at most the price bound, and
//! lower by the capacity that whole requests cannot fill. With few requests per cloudlet the difference is large: the price bound loses up to one
//! request per cloudlet. The module `bundle` looks for the values with the least L.

use super::cuts::NodeCut;
use super::model::Admission;
use super::threads::Needs;

/// Above this many cells (pairs times capacity) knapsacks are not solved.
const MAX_CELLS: u64 = 20_000_000;

/// A value this little, relative, below a whole number counts as that number: the checker rounds its sums up before it rounds them down.
pub(super) const KNAPSACK_TOL: f64 = 1e-11;

/// The checker replays knapsacks up to so many steps, and threads.
const MAX_STEPS: u64 = 1_000_000_000;
const MAX_THREADS: u64 = 10_000_000;

/// Whether the admission is small enough for knapsacks, here and in the checker.
pub(super) fn is_small(needs: &Needs, admission: &Admission) -> bool {
    let threads: u64 = needs.instance.cloudlets.iter().map(|cloudlet| u64::from(cloudlet.threads) + 1).sum();
    let steps = threads.saturating_mul(needs.instance.requests.len() as u64);
    threads <= MAX_THREADS && steps <= MAX_STEPS && cells(admission) <= MAX_CELLS
}

fn cells(admission: &Admission) -> u64 {
    let of = |item| {
        admission.row(item).iter().zip(&admission.capacities).filter(|(k, _)| **k > 0).map(|(_, c)| c + 1).sum::<u64>()
    };
    admission.items.iter().map(of).sum()
}

/// Terms of a bound by group of cloudlets, without and with rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) raw: f64,
    /// Rounded down where profits are whole.
    pub(super) rounded: f64,
}

/// The knapsacks of all cloudlets.
pub(super) struct Knapsacks<'a> {
    pub(super) admission: &'a Admission<'a>,
    /// Per cloudlet: requests that it can serve, and their threads.
    users: Vec<Vec<(u32, u32)>>,
    /// Per cloudlet: the chosen requests, descending.
    pub(super) chosen: Vec<Vec<u32>>,
    /// The group of the cloudlets that an item can use; none if there is no such cloudlet.
    groups: Vec<Option<usize>>,
    /// The largest gain by number of items and of threads.
    table: Vec<f64>,
}

impl<'a> Knapsacks<'a> {
    pub(super) fn new(admission: &'a Admission<'a>) -> Self {
        let cloudlets = admission.cloudlets();
        let mut users = vec![Vec::new(); cloudlets];
        for (at, item) in admission.items.iter().enumerate() {
            for (j, k) in admission.row(item).iter().enumerate().filter(|(_, k)| **k > 0) {
                if u64::from(*k) <= admission.capacities[j] {
                    users[j].push((at as u32, u32::from(*k)));
                }
            }
        }
        let groups = admission.items.iter().map(|item| admission.group_of(item)).collect();
        Self { admission, users, chosen: vec![Vec::new(); cloudlets], groups, table: Vec::new() }
    }

    /// The bound of some terms by group.
    pub(super) fn bound_of(&self, of_group: &[f64]) -> Bound {
        let whole = |value: &f64| if self.admission.is_whole { (value * (1.0 + KNAPSACK_TOL)).floor() } else { *value };
        Bound { raw: of_group.iter().sum(), rounded: of_group.iter().map(whole).sum() }
    }

    /// Adds a number for every item to its group.
    pub(super) fn add_by_group(&self, of_items: impl Iterator<Item = f64>, of_group: &mut [f64]) {
        for (group, value) in self.groups.iter().zip(of_items) {
            if let Some(group) = group {
                of_group[*group] += value;
            }
        }
    }

    /// L at some values, and multipliers of cuts. With cuts all cloudlets are bounded as one group.
    pub(super) fn solve(&mut self, values: &[f64], cuts: &[NodeCut], multipliers: &[f64]) -> Bound {
        let mut of_group = vec![0.0; self.admission.cloudlets()];
        self.add_by_group(values.iter().copied(), &mut of_group);
        let mut dearer = values.to_vec();
        for j in 0..self.users.len() {
            let with_it = |(cut, multiplier): &(&NodeCut, &f64)| {
                **multiplier > 0.0 && cut.cloudlets.binary_search(&(j as u32)).is_ok()
            };
            let mut is_changed = false;
            for (cut, multiplier) in cuts.iter().zip(multipliers).filter(with_it) {
                is_changed = true;
                for (at, _) in &self.users[j] {
                    if cut.members[*at as usize] {
                        dearer[*at as usize] += multiplier * self.admission.items[*at as usize].profit;
                    }
                }
            }
            of_group[self.admission.group(j)] += self.knapsack(j, &dearer);
            if is_changed {
                dearer.copy_from_slice(values);
            }
        }
        if cuts.is_empty() {
            return self.bound_of(&of_group);
        }
        let of_cuts: f64 = cuts.iter().zip(multipliers).map(|(cut, multiplier)| cut.rest * multiplier).sum();
        let all = of_group.iter().sum::<f64>() + of_cuts;
        self.bound_of(&[all])
    }

    /// One cloudlet's knapsack, by dynamic programming over threads.
    pub(super) fn knapsack(&mut self, j: usize, values: &[f64]) -> f64 {
        let width = self.admission.capacities[j] as usize + 1;
        let gain = |at: u32| self.admission.items[at as usize].profit - values[at as usize];
        self.table.clear();
        self.table.resize(width, 0.0);
        let mut taken: Vec<(u32, usize)> = Vec::with_capacity(self.users[j].len());
        for (at, k) in &self.users[j] {
            let (gain, k) = (gain(*at), *k as usize);
            if gain <= 0.0 {
                continue;
            }
            let start = self.table.len();
            self.table.extend_from_within(start - width..);
            let (before, row) = self.table.split_at_mut(start);
            let before = &before[start - width..];
            for (with, without) in row[k..].iter_mut().zip(before) {
                *with = with.max(without + gain);
            }
            taken.push((*at, k));
        }
        let largest = self.table[self.table.len() - 1];
        let mut room = width - 1;
        self.chosen[j].clear();
        for (row, (at, k)) in taken.iter().enumerate().rev() {
            if self.table[(row + 1) * width + room] > self.table[row * width + room] {
                self.chosen[j].push(*at);
                room -= k;
            }
        }
        largest
    }
}
