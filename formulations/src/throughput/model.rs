//! The generalised assignment problem that the least threads leave: the size of a request depends on the cloudlet.
//!
//! ```text
//! maximise sum_ij profit_i x_ij    sum_j x_ij <= 1,   sum_i k_ij x_ij <= C_j,   x_ij in {0, 1}
//! price bound  g(pi) = sum_j pi_j C_j + sum_i max(0, max_j (profit_i - pi_j k_ij)),   pi >= 0
//! ```
//!
//! Its least value over prices is the LP bound. Three facts sharpen it, here as in the checker: a capacity can be lowered to the
//! largest sum of threads that fits; cloudlets not connected by requests are bounded separately; integer profits give integer bounds.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::threads::Needs;

/// Requests per task of a parallel pass. Sums are added up in the tasks' order, so results do not depend on the number of threads.
pub(super) const TASK: usize = 8192;

/// A request to be admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Its row of threads.
    row: u32,
    /// Its place in [`Needs::open`].
    pub(super) open: u32,
    pub(super) profit: f64,
    /// Whether it has to be admitted.
    pub(super) is_admitted: bool,
}

/// Requests, what they ask of every cloudlet, and capacities.
#[derive(Clone, Debug)]
pub(super) struct Admission<'a> {
    pub(super) items: Vec<Item>,
    /// Threads left, rounded down to sums that exist. Shape (cloudlets,).
    pub(super) capacities: Vec<u64>,
    /// The least cloudlet of the group each cloudlet is in. Shape (cloudlets,).
    groups: Vec<u32>,
    /// Whether all profits are whole.
    pub(super) is_whole: bool,
    /// Shape (rows, cloudlets); 0 is none.
    threads: Cow<'a, [u16]>,
}

impl<'a> Admission<'a> {
    /// All open requests, all threads.
    pub(super) fn new(needs: &'a Needs) -> Self {
        let item = |(at, open): (usize, &super::threads::Open)| Item {
            row: open.row,
            open: at as u32,
            profit: open.profit,
            is_admitted: false,
        };
        let capacities = needs.instance.cloudlets.iter().map(|cloudlet| cloudlet.threads.into()).collect();
        let admission = Self {
            items: needs.open.iter().enumerate().map(item).collect(),
            capacities,
            groups: Vec::new(),
            is_whole: needs.instance.requests.iter().all(|request| request.profit.fract() == 0.0),
            threads: Cow::Borrowed(needs.table()),
        };
        admission.sharpened()
    }

    /// The same without the item at `at`, which takes its threads from `cloudlet`; none if they are not left.
    pub(super) fn serving(&self, at: usize, cloudlet: usize) -> Option<Self> {
        let threads = u64::from(self.row(&self.items[at])[cloudlet]);
        let mut served = self.clone();
        served.capacities[cloudlet] = self.capacities[cloudlet].checked_sub(threads)?;
        served.items.remove(at);
        Some(served)
    }

    /// The same without some items, which take their threads from cloudlets, as far as these are left. The answer names those served: item and cloudlet.
    pub(super) fn serving_all(&self, pairs: &[(usize, u32)]) -> (Self, Vec<(usize, u32)>) {
        let mut served = self.clone();
        let mut is_left = vec![true; self.items.len()];
        let mut taken = Vec::new();
        for (at, j) in pairs {
            let threads = u64::from(self.row(&self.items[*at])[*j as usize]);
            if let Some(left) = served.capacities[*j as usize].checked_sub(threads).filter(|_| is_left[*at]) {
                served.capacities[*j as usize] = left;
                is_left[*at] = false;
                taken.push((*at, *j));
            }
        }
        served.items = self.items.iter().zip(is_left).filter(|(_, is_left)| *is_left).map(|(item, _)| *item).collect();
        (served, taken)
    }

    /// The same with the item at `at` not served by `cloudlet`.
    pub(super) fn banning(&self, at: usize, cloudlet: usize) -> Self {
        let mut banned = self.clone();
        let row = self.row(&self.items[at]).to_vec();
        banned.items[at].row = (self.threads.len() / self.cloudlets()) as u32;
        let threads = banned.threads.to_mut();
        threads.extend(row);
        let last = threads.len() - self.capacities.len();
        threads[last + cloudlet] = 0;
        banned
    }

    /// The same with the item at `at` admitted, by whatever cloudlet.
    pub(super) fn admitting(&self, at: usize) -> Self {
        let mut admitted = self.clone();
        admitted.items[at].is_admitted = true;
        admitted
    }

    /// The same without the item at `at`.
    pub(super) fn rejecting(&self, at: usize) -> Self {
        let mut rejected = self.clone();
        rejected.items.remove(at);
        rejected
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.threads.len() * size_of::<u16>() + self.items.len() * size_of::<Item>()) as u64
    }

    pub(super) fn cloudlets(&self) -> usize {
        self.capacities.len()
    }

    /// The least threads of an item on every cloudlet, 0 for none.
    pub(super) fn row(&self, item: &Item) -> &[u16] {
        &self.threads[item.row as usize * self.cloudlets()..][..self.cloudlets()]
    }

    /// The group a cloudlet is in.
    pub(super) fn group(&self, cloudlet: usize) -> usize {
        self.groups[cloudlet] as usize
    }

    /// The group of the cloudlets that an item can use, if it can use any.
    pub(super) fn group_of(&self, item: &Item) -> Option<usize> {
        self.row(item).iter().position(|k| *k > 0).map(|j| self.group(j))
    }

    /// Rounds capacities down to sums of threads, and groups the cloudlets.
    pub(super) fn sharpened(mut self) -> Self {
        let cloudlets = self.cloudlets();
        let mut sums: Vec<Sums> = self.capacities.iter().map(|capacity| Sums::within(*capacity)).collect();
        let mut groups = Groups::of(cloudlets);
        for item in &self.items {
            if groups.left <= 1 && sums.iter().all(|sums| sums.largest == sums.limit) {
                break;
            }
            let mut first = None;
            for (j, k) in self.row(item).iter().enumerate().filter(|(_, k)| **k > 0) {
                sums[j].allow(*k);
                groups.join(*first.get_or_insert(j), j);
            }
        }
        self.capacities = sums.into_iter().map(|sums| sums.largest).collect();
        self.groups = (0..cloudlets).map(|j| groups.head(j) as u32).collect();
        self
    }

    /// The cheapest way to serve an item, if it costs less than its profit: the cost and the cloudlet.
    pub(super) fn cheapest(&self, item: &Item, prices: &[f64]) -> Option<(f64, usize)> {
        let mut best = (item.profit, usize::MAX);
        for (j, (k, price)) in self.row(item).iter().zip(prices).enumerate() {
            let cost = price * f64::from(*k);
            if *k > 0 && cost < best.0 {
                best = (cost, j);
            }
        }
        (best.1 != usize::MAX).then_some(best)
    }

    /// The price bound, per group and rounded down where profits are whole.
    pub(super) fn bound(&self, prices: &[f64]) -> f64 {
        let mut of_group = self.values(prices);
        for (j, (price, capacity)) in prices.iter().zip(&self.capacities).enumerate() {
            of_group[self.groups[j] as usize] += price * *capacity as f64;
        }
        if self.is_whole {
            // The checker rounds its sums up before it rounds down: relaxed by 1e-12, so that both agree.
            of_group.iter().map(|value| (value * (1.0 + 1e-12)).floor()).sum()
        } else {
            of_group.iter().sum()
        }
    }

    /// The price bound without rounding.
    pub(super) fn raw_bound(&self, prices: &[f64]) -> f64 {
        let capacities: f64 =
            prices.iter().zip(&self.capacities).map(|(price, capacity)| price * *capacity as f64).sum();
        capacities + self.values(prices).iter().sum::<f64>()
    }

    /// Profits of requests less the prices they pay, summed by the group of cloudlets that serves them.
    fn values(&self, prices: &[f64]) -> Vec<f64> {
        let task = |items: &[Item]| {
            let mut of_group = vec![0.0; prices.len()];
            for item in items {
                if let Some((cost, j)) = self.cheapest(item, prices) {
                    of_group[self.groups[j] as usize] += item.profit - cost;
                }
            }
            of_group
        };
        let tasks: Vec<Vec<f64>> = self.items.par_chunks(TASK).map(task).collect();
        let mut total = vec![0.0; prices.len()];
        for of_group in tasks {
            total.iter_mut().zip(of_group).for_each(|(total, value)| *total += value);
        }
        total
    }
}

/// Cloudlets joined by requests that could use either.
struct Groups {
    head: Vec<usize>,
    left: usize,
}

impl Groups {
    fn of(count: usize) -> Self {
        Self { head: (0..count).collect(), left: count }
    }

    fn head(&self, j: usize) -> usize {
        if self.head[j] == j { j } else { self.head(self.head[j]) }
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.head(a), self.head(b));
        if a != b {
            self.head[a.max(b)] = a.min(b);
            self.left -= 1;
        }
    }
}

/// The largest sum of some numbers within a limit.
struct Sums {
    limit: u64,
    largest: u64,
    is_allowed: Vec<bool>,
}

impl Sums {
    fn within(limit: u64) -> Self {
        Self { limit, largest: 0, is_allowed: Vec::new() }
    }

    /// Lets one more number be taken, as often as one likes.
    fn allow(&mut self, number: u16) {
        let number = usize::from(number);
        if self.largest == self.limit || self.is_allowed.get(number) == Some(&true) {
            return;
        }
        if self.is_allowed.len() <= number {
            self.is_allowed.resize(number + 1, false);
        }
        self.is_allowed[number] = true;
        self.largest = self.search();
    }

    /// Shortest paths through the remainders modulo the least number: from its shortest sum on, every remainder recurs.
    fn search(&self) -> u64 {
        let numbers: Vec<u64> = (1..self.is_allowed.len()).filter(|k| self.is_allowed[*k]).map(|k| k as u64).collect();
        let Some(modulus) = numbers.first().copied() else { return 0 };
        let mut shortest: Vec<Option<u64>> = vec![None; modulus as usize];
        let mut queue = BinaryHeap::from([Reverse(0u64)]);
        while let Some(Reverse(sum)) = queue.pop() {
            let slot = &mut shortest[(sum % modulus) as usize];
            if slot.is_none() {
                *slot = Some(sum);
                queue.extend(numbers.iter().map(|number| sum + number).filter(|next| *next <= self.limit).map(Reverse));
            }
        }
        let up_to_limit = |sum: u64| sum + (self.limit - sum) / modulus * modulus;
        shortest.into_iter().flatten().map(up_to_limit).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_counting() {
        for numbers in [&[3u16][..], &[2, 3], &[4, 6], &[5, 7, 9], &[6, 10, 15], &[1], &[]] {
            for limit in 0..60u64 {
                let mut sums = Sums::within(limit);
                numbers.iter().for_each(|number| sums.allow(*number));
                let mut is_sum = vec![true];
                for sum in 1..=limit as usize {
                    let one = |number: &u16| sum >= usize::from(*number) && is_sum[sum - usize::from(*number)];
                    is_sum.push(numbers.iter().any(one));
                }
                assert_eq!(
                    sums.largest,
                    is_sum.iter().rposition(|is| *is).expect("0 is") as u64,
                    "{numbers:?} {limit}"
                );
            }
        }
    }
}
