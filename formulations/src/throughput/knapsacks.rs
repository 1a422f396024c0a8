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
//! request per cloudlet. L falls along `u_i <- u_i + step (times i is chosen - 1)`, Polyak's step towards the best known admission. The
//! knapsacks' choices, each request kept once, also start a good admission.

use super::model::Admission;
use super::round::Rounding;
use super::threads::Needs;

/// Above this many cells (pairs times capacity) knapsacks are not solved.
const MAX_CELLS: u64 = 20_000_000;

/// A value this little, relative, below a whole number counts as that number: the checker rounds its sums up before it rounds them down.
const KNAPSACK_TOL: f64 = 1e-11;

/// Values of requests, and what they prove.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// Shape (items,).
    pub(super) values: Vec<f64>,
    pub(super) bound: f64,
    /// How often knapsacks were solved.
    pub(super) rounds: u64,
}

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

/// Values with a low bound, from those that belong to `prices` or `start`. Stops as soon as no admission can be better than `best`, which rises
/// with the admissions that are passed to `found`.
pub(super) fn lowered(
    admission: &Admission,
    prices: &[f64],
    start: Option<Vec<f64>>,
    mut best: f64,
    most: u64,
    mut found: impl FnMut(&Rounding) -> f64,
    is_out_of_time: &dyn Fn() -> bool,
) -> Values {
    let value_at = |item| admission.cheapest(item, prices).map_or(0.0, |(cost, _)| item.profit - cost);
    let mut values = start.unwrap_or_else(|| admission.items.iter().map(value_at).collect());
    let mut lowest = Values { values: values.clone(), bound: f64::INFINITY, rounds: 0 };
    let mut knapsacks = Knapsacks::new(admission);
    let (mut least_raw, mut since, mut pace) = (f64::INFINITY, 0, 1.0);
    // A whole bound has to come below the next whole number.
    let gain = if admission.is_whole { 1.0 } else { 1e-9 * best.max(1.0) };
    for round in 1..=most {
        let (raw, bound) = knapsacks.solve(&values);
        lowest.rounds = round;
        if bound < lowest.bound {
            (lowest.bound, lowest.values) = (bound, values.clone());
        }
        if round % 8 == 1 {
            let mut rounding = knapsacks.admitted();
            rounding.mend_and_fill(prices, 20_000);
            best = best.max(found(&rounding));
        }
        if lowest.bound < best + gain * 0.5 || is_out_of_time() {
            break;
        }
        if raw < least_raw - 1e-9 * raw {
            (least_raw, since) = (raw, 0);
        } else {
            since += 1;
            if since > 20 {
                (pace, since) = (pace * 0.7, 0);
            }
        }
        let slope = |(times, value): (&u32, &f64)| {
            let slope = f64::from(*times) - 1.0;
            if slope < 0.0 && *value <= 0.0 { 0.0 } else { slope }
        };
        let norm: f64 = knapsacks.times.iter().zip(&values).map(|of| slope(of).powi(2)).sum();
        if norm == 0.0 || pace < 1e-3 {
            break;
        }
        let step = pace * (raw - (best + 0.5 * gain)).max(0.05 * gain) / norm;
        for (times, value) in knapsacks.times.iter().zip(&mut values) {
            *value = (*value + step * (f64::from(*times) - 1.0)).max(0.0);
        }
    }
    lowest
}

/// The knapsacks of all cloudlets.
struct Knapsacks<'a> {
    admission: &'a Admission<'a>,
    /// Per cloudlet: requests that it can serve, and their threads.
    users: Vec<Vec<(u32, u32)>>,
    /// Per cloudlet: the chosen requests.
    chosen: Vec<Vec<u32>>,
    /// How often each item is chosen.
    times: Vec<u32>,
    best: Vec<f64>,
    takes: Vec<bool>,
}

impl<'a> Knapsacks<'a> {
    fn new(admission: &'a Admission<'a>) -> Self {
        let cloudlets = admission.cloudlets();
        let mut users = vec![Vec::new(); cloudlets];
        for (at, item) in admission.items.iter().enumerate() {
            for (j, k) in admission.row(item).iter().enumerate().filter(|(_, k)| **k > 0) {
                if u64::from(*k) <= admission.capacities[j] {
                    users[j].push((at as u32, u32::from(*k)));
                }
            }
        }
        let (chosen, times) = (vec![Vec::new(); cloudlets], vec![0; admission.items.len()]);
        Self { admission, users, chosen, times, best: Vec::new(), takes: Vec::new() }
    }

    /// L at some values, and the bound it proves.
    fn solve(&mut self, values: &[f64]) -> (f64, f64) {
        self.times.fill(0);
        let mut of_group = vec![0.0; self.admission.cloudlets()];
        for (item, value) in self.admission.items.iter().zip(values) {
            if let Some(group) = self.admission.group_of(item) {
                of_group[group] += value;
            }
        }
        for j in 0..self.users.len() {
            of_group[self.admission.group(j)] += self.knapsack(j, values);
        }
        let raw: f64 = of_group.iter().sum();
        let whole = |value: &f64| if self.admission.is_whole { (value * (1.0 + KNAPSACK_TOL)).floor() } else { *value };
        (raw, of_group.iter().map(whole).sum())
    }

    /// One cloudlet's knapsack, by dynamic programming over threads.
    fn knapsack(&mut self, j: usize, values: &[f64]) -> f64 {
        let width = self.admission.capacities[j] as usize + 1;
        let gain = |at: u32| self.admission.items[at as usize].profit - values[at as usize];
        let users: Vec<(u32, usize, f64)> = self.users[j]
            .iter()
            .map(|(at, k)| (*at, *k as usize, gain(*at)))
            .filter(|(_, _, gain)| *gain > 0.0)
            .collect();
        self.best.clear();
        self.best.resize(width, 0.0);
        self.takes.clear();
        self.takes.resize(width * users.len(), false);
        for ((_, threads, gain), takes) in users.iter().zip(self.takes.chunks_mut(width)) {
            for room in (*threads..width).rev() {
                let with = self.best[room - threads] + gain;
                if with > self.best[room] {
                    self.best[room] = with;
                    takes[room] = true;
                }
            }
        }
        let mut room = width - 1;
        self.chosen[j].clear();
        for ((at, threads, _), takes) in users.iter().zip(self.takes.chunks(width)).rev() {
            if takes[room] {
                self.chosen[j].push(*at);
                self.times[*at as usize] += 1;
                room -= threads;
            }
        }
        self.best[width - 1]
    }

    /// What is chosen, each request once.
    fn admitted(&self) -> Rounding<'a> {
        let mut rounding = Rounding::empty(self.admission);
        for (j, chosen) in self.chosen.iter().enumerate() {
            for at in chosen {
                if rounding.chosen[*at as usize].is_none() {
                    rounding.choose(*at as usize, Some(j as u32));
                }
            }
        }
        rounding
    }
}
