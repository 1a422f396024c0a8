//! The least price bound, by Newton's method on a smoothed one. A price is the dual multiplier of a cloudlet's threads.
//!
//! ```text
//! F_T(pi) = sum_j pi_j C_j - T sum_j ln pi_j + T sum_i ln(1 + sum_j exp((profit_i - pi_j k_ij) / T))
//! gradient_j  C_j - T/pi_j - sum_i k_ij x_ij         x_ij = exp((profit_i - pi_j k_ij) / T) / (1 + sum_j ...)
//! Hessian     1/T sum_i (diag(k_i^2 x_i) - (k_i x_i)(k_i x_i)') + T diag(1/pi^2)
//! ```
//!
//! F_T is smooth and convex and lies within `T (items ln(cloudlets + 1) + ...)` of the bound; its minimiser is the point at temperature T of a
//! central path, and the x_ij there are a fractional admission that fills every cloudlet to C_j - T/pi_j: it needs no extra work. T
//! falls by a constant factor, each time a few Newton steps follow. A pass over the items costs one multiplication a pair; exponentials
//! are taken only where they are not negligible. Large instances start from the prices of a sample of their items.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::model::{Admission, Item, TASK};
use super::threads::Needs;

/// Bounds are relaxed by this, relative, to absorb the checker's outward rounding. Whole bounds are exact.
pub(super) const BOUND_RELAXATION: f64 = 1e-12;

/// Above this many open requests a smaller gap than [`LARGE_GAP`] between bound and fractional admission takes too long.
pub(super) const LARGE: usize = 200_000;
pub(super) const LARGE_GAP: f64 = 1e-4;

/// Below this many temperatures a term is negligible: exp(-36) is about 1e-16.
const NEGLIGIBLE: f64 = -36.0;

/// Factor by which the temperature falls.
const COOLING: f64 = 0.25;

/// Above this many items the first prices are those of a sample.
const SAMPLED: usize = 100_000;

/// Items of a sample, about.
const SAMPLE: usize = 25_000;

/// Prices, and the fractional admission that belongs to them.
#[derive(Clone, Debug)]
pub(super) struct Prices {
    /// Shape (cloudlets,).
    pub(super) prices: Vec<f64>,
    /// The temperature they belong to.
    pub(super) temperature: f64,
    /// Passes over all items (of the sample: in proportion).
    pub(super) passes: f64,
}

/// How a search for prices ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct PriceTarget {
    /// Stop when bound and fractional profit are this close, relative.
    pub(super) gap: f64,
    /// Lowest temperature, relative to the largest profit.
    pub(super) coldest: f64,
}

/// The prices with about the least bound.
pub(super) fn least_bound(
    admission: &Admission,
    aim: PriceTarget,
    start: Option<&[f64]>,
    is_out_of_time: &dyn Fn() -> bool,
) -> Prices {
    let unit = admission.items.iter().map(|item| item.profit).fold(0.0, f64::max);
    let capacities: Vec<f64> = admission.capacities.iter().map(|capacity| *capacity as f64).collect();
    if admission.items.is_empty() || unit == 0.0 {
        let prices = vec![0.0; capacities.len()];
        return Prices { prices, temperature: 0.0, passes: 0.0 };
    }
    let load_tol = 0.2 * aim.gap * admission.items.iter().map(|item| item.profit).sum::<f64>();
    let mut search = Search { admission, every: 1, capacities, load_tol, passes: 0.0, prices: Vec::new() };
    let mut temperature = 0.25 * unit;
    match start {
        Some(prices) => {
            // Where a neighbour's prices are known the path is joined late.
            search.prices = prices.iter().map(|price| price.max(1e-6 * unit)).collect();
            temperature = 0.02 * unit;
        }
        None => search.prices = first_prices(admission, unit),
    }
    if admission.items.len() > SAMPLED {
        let every = admission.items.len().div_ceil(SAMPLE);
        let share = admission.items.len().div_ceil(every) as f64 / admission.items.len() as f64;
        let full = std::mem::replace(&mut search.every, every);
        let capacities = search.capacities.clone();
        search.capacities.iter_mut().for_each(|capacity| *capacity *= share);
        while temperature > 1e-3 * unit && !is_out_of_time() {
            search.settle(temperature, 8, is_out_of_time);
            temperature *= COOLING;
        }
        (search.every, search.capacities) = (full, capacities);
    }
    loop {
        let fractional = search.settle(temperature, 12, is_out_of_time);
        let bound = admission.raw_bound(&search.prices);
        search.passes += 1.0;
        let is_close = bound - fractional <= aim.gap * bound
            || admission.is_whole && (bound * (1.0 + 1e-12)).floor() <= fractional + 1e-3;
        if is_close || temperature * COOLING < aim.coldest * unit || is_out_of_time() {
            // A price that is nothing beside the profits is 0.
            let prices = search.prices.iter().map(|price| if *price < 1e-14 * unit { 0.0 } else { *price }).collect();
            return Prices { prices, temperature, passes: search.passes };
        }
        temperature *= COOLING;
    }
}

/// The emitted bound: that of the admission, plus the profit of locally served requests. `is_whole`: all profits are whole numbers, and no relaxation is needed.
pub(super) fn handed_over(needs: &Needs, is_whole: bool, bound: f64) -> f64 {
    let local: f64 = needs.local.iter().map(|i| needs.instance.requests[*i as usize].profit).sum();
    if is_whole { local + bound } else { (local + bound) * (1.0 + BOUND_RELAXATION) }
}

/// Half the mean profit per thread.
fn first_prices(admission: &Admission, unit: f64) -> Vec<f64> {
    let cloudlets = admission.cloudlets();
    let (mut sum, mut count) = (vec![0.0; cloudlets], vec![0.0; cloudlets]);
    let every = admission.items.len().div_ceil(1000);
    for item in admission.items.iter().step_by(every) {
        for (j, k) in admission.row(item).iter().enumerate().filter(|(_, k)| **k > 0) {
            sum[j] += f64::from(*k);
            count[j] += 1.0;
        }
    }
    let price = |(sum, count): (&f64, &f64)| if *count > 0.0 { 0.5 * unit * count / sum } else { 0.5 * unit };
    sum.iter().zip(&count).map(price).collect()
}

struct Search<'a> {
    admission: &'a Admission<'a>,
    /// Every so many items are looked at.
    every: usize,
    capacities: Vec<f64>,
    prices: Vec<f64>,
    /// A temperature is settled when loads are off by less than this, at their prices.
    load_tol: f64,
    passes: f64,
}

/// F_T and its derivatives, and the profit of the fractional admission, less what gives back the threads it has too many.
struct Smooth {
    value: f64,
    gradient: DVector<f64>,
    hessian: DMatrix<f64>,
    fractional: f64,
}

impl Search<'_> {
    /// Newton steps at one temperature. The answer is the fractional profit.
    fn settle(&mut self, temperature: f64, most: u32, is_out_of_time: &dyn Fn() -> bool) -> f64 {
        let mut here = self.smooth(&self.prices, temperature);
        self.passes += 1.0 / self.every as f64;
        for _ in 0..most {
            let Some(step) = newton_step(&here) else { break };
            let decrease = -here.gradient.dot(&step);
            let astray: f64 = here.gradient.iter().zip(&self.prices).map(|(g, price)| g.abs() * price).sum();
            if decrease <= 0.02 * temperature || astray <= self.load_tol || is_out_of_time() {
                break;
            }
            // Prices stay above 0; then half the step until the value falls.
            let longest = step.iter().zip(&self.prices).map(|(d, price)| if *d < 0.0 { -0.9 * price / d } else { 1.0 });
            let mut length = longest.fold(1.0, f64::min);
            let mut next = None;
            for _ in 0..40 {
                let prices: Vec<f64> = self.prices.iter().zip(&step).map(|(price, d)| price + length * d).collect();
                let there = self.smooth(&prices, temperature);
                self.passes += 1.0 / self.every as f64;
                if there.value <= here.value - 0.1 * length * decrease {
                    next = Some((prices, there));
                    break;
                }
                length *= 0.4;
            }
            let Some((prices, there)) = next else { break };
            (self.prices, here) = (prices, there);
        }
        here.fractional
    }

    fn smooth(&self, prices: &[f64], temperature: f64) -> Smooth {
        let cloudlets = prices.len();
        let task = |items: &[Item]| {
            let mut sums = Sums::new(cloudlets);
            let mut costs = vec![0.0; cloudlets];
            let mut terms = Vec::with_capacity(cloudlets);
            for item in items.iter().step_by(self.every) {
                sums.add(self.admission.row(item), item.profit, prices, temperature, &mut costs, &mut terms);
            }
            sums
        };
        // A task's length is a multiple of the step, so that a sample takes every so many items of all.
        let length = TASK.div_ceil(self.every) * self.every;
        let items = &self.admission.items;
        let mut total = Sums::new(cloudlets);
        let tasks: Vec<Sums> = items.par_chunks(length.max(items.len().div_ceil(256))).map(task).collect();
        tasks.iter().for_each(|sums| total.append(sums));

        let mut smooth = Smooth {
            value: total.value,
            gradient: DVector::from_vec(total.loads).map(|load| -load),
            hessian: DMatrix::from_row_slice(cloudlets, cloudlets, &total.curvature) / temperature,
            fractional: total.fractional,
        };
        for (j, (price, capacity)) in prices.iter().zip(&self.capacities).enumerate() {
            // What is over capacity has to be given back, at its price.
            smooth.fractional -= 2.0 * price * (-smooth.gradient[j] - capacity).max(0.0);
            smooth.value += price * capacity - temperature * price.ln();
            smooth.gradient[j] += capacity - temperature / price;
            smooth.hessian[(j, j)] += temperature / (price * price);
        }
        smooth
    }
}

/// Solves H d = -g. The Hessian is positive definite by its barrier; rounding is met by a growing diagonal.
fn newton_step(here: &Smooth) -> Option<DVector<f64>> {
    let cloudlets = here.gradient.len();
    let largest = (0..cloudlets).map(|j| here.hessian[(j, j)]).fold(0.0, f64::max);
    let mut damping = 1e-14 * largest;
    for _ in 0..12 {
        let mut damped = here.hessian.clone();
        (0..cloudlets).for_each(|j| damped[(j, j)] += damping);
        if let Some(factors) = damped.cholesky() {
            return Some(factors.solve(&(-&here.gradient)));
        }
        damping *= 100.0;
    }
    None
}

/// What one task adds up.
struct Sums {
    value: f64,
    fractional: f64,
    /// sum_i k_ij x_ij. Shape (cloudlets,).
    loads: Vec<f64>,
    /// The Hessian's sums, without 1/T. Shape (cloudlets, cloudlets).
    curvature: Vec<f64>,
}

/// An option of an item that is not negligible.
#[derive(Clone, Copy)]
struct Term {
    cloudlet: u32,
    threads: f64,
    weight: f64,
}

impl Sums {
    fn new(cloudlets: usize) -> Self {
        Self { value: 0.0, fractional: 0.0, loads: vec![0.0; cloudlets], curvature: vec![0.0; cloudlets * cloudlets] }
    }

    fn append(&mut self, other: &Self) {
        self.value += other.value;
        self.fractional += other.fractional;
        self.loads.iter_mut().zip(&other.loads).for_each(|(a, b)| *a += b);
        self.curvature.iter_mut().zip(&other.curvature).for_each(|(a, b)| *a += b);
    }

    fn add(
        &mut self,
        row: &[u16],
        profit: f64,
        prices: &[f64],
        temperature: f64,
        costs: &mut [f64],
        terms: &mut Vec<Term>,
    ) {
        let nothing = weights(row, profit, prices, temperature, costs, terms);
        let total: f64 = nothing.weight + terms.iter().map(|term| term.weight).sum::<f64>();
        self.value += nothing.top + temperature * total.ln();
        self.fractional += profit * (1.0 - nothing.weight / total);
        for term in terms.iter_mut() {
            term.weight *= term.threads / total; // k x from here on
            self.loads[term.cloudlet as usize] += term.weight;
        }
        let cloudlets = prices.len();
        for (at, a) in terms.iter().enumerate() {
            let row = &mut self.curvature[a.cloudlet as usize * cloudlets..][..cloudlets];
            row[a.cloudlet as usize] += a.weight * a.threads;
            // The lower triangle only, which is all that a Cholesky factorisation reads: terms come in the order of cloudlets.
            for b in &terms[..=at] {
                row[b.cloudlet as usize] -= a.weight * b.weight;
            }
        }
    }
}

/// The option of not being served.
struct Nothing {
    /// The largest exponent, times T: what all are measured from.
    top: f64,
    weight: f64,
}

/// Fills `terms` with the options of an item that are not negligible at this temperature.
fn weights(
    row: &[u16],
    profit: f64,
    prices: &[f64],
    temperature: f64,
    costs: &mut [f64],
    terms: &mut Vec<Term>,
) -> Nothing {
    let mut least = profit;
    for ((cost, k), price) in costs.iter_mut().zip(row).zip(prices) {
        let threads = f64::from(*k);
        *cost = if *k == 0 { f64::INFINITY } else { price * threads };
        least = least.min(*cost);
    }
    let top = profit - least;
    terms.clear();
    let limit = least - NEGLIGIBLE * temperature;
    for (j, (cost, k)) in costs.iter().zip(row).enumerate() {
        if *cost < limit {
            let weight = ((least - cost) / temperature).exp();
            terms.push(Term { cloudlet: j as u32, threads: f64::from(*k), weight });
        }
    }
    Nothing { top, weight: (-top / temperature).exp() }
}

/// The options of one item that are not negligible: cloudlet and share, which sum to at most 1.
pub(super) fn shares(admission: &Admission, item: &Item, prices: &[f64], temperature: f64, into: &mut Vec<(u32, f64)>) {
    let mut costs = vec![0.0; prices.len()];
    let mut terms = Vec::new();
    let nothing = weights(admission.row(item), item.profit, prices, temperature, &mut costs, &mut terms);
    let total: f64 = nothing.weight + terms.iter().map(|term| term.weight).sum::<f64>();
    into.clear();
    into.extend(terms.iter().map(|term| (term.cloudlet, term.weight / total)));
}
