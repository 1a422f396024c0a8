//! Resource allocation for fixed cuts, by Newton's method on the two prices.
//!
//! ```text
//! max over nu, eta >= 0    g = sum_n phi_n(nu, eta) - nu - eta       gradient: sum of x - 1, sum of y - 1
//! ```
//!
//! Demands are nearly linear in 1/sqrt(price) (Kleinrock: exactly), so Newton's method solves for the root of the gradient in 1/sqrt(nu) and
//! 1/sqrt(eta), damped where g would fall, with nested bisection as the fallback. At the end shares are scaled to the capacities. g is a lower bound
//! on their objective value: the gap certifies the result, however it was found.

use super::slot::Slot;
use super::stage_roots::Warm;
use super::user_subproblem::Point;

/// Newton steps; the bisections take over after that.
const STEPS: u32 = 60;

/// The part of what stability leaves free by which sums may differ from 1 before shares are moved.
const CONVERGENCE_TOL: f64 = 1e-11;

/// The gap, relative, that Newton's result has to keep.
const GAP: f64 = 1e-9;

/// Shares for fixed cuts, and what proves them.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// What the users cost with these shares, in seconds.
    pub(super) value: f64,
    /// g at the prices.
    pub(super) bound: f64,
    /// nu, eta.
    pub(super) prices: [f64; 2],
    /// Speeds of devices, shares of the bandwidth and of the edge. Shape (users,).
    pub(super) local: Vec<f64>,
    pub(super) bandwidth: Vec<f64>,
    pub(super) edge: Vec<f64>,
    /// Evaluations of g.
    pub(super) rounds: u64,
}

/// Room for the searches, kept from call to call.
#[derive(Clone, Debug, Default)]
pub(super) struct Convex {
    points: Vec<Point>,
    /// Shape (pairs,).
    warm: Vec<Warm>,
}

/// g's gradient and second derivatives.
#[derive(Clone, Copy, Debug, Default)]
struct Slope {
    value: f64,
    excess: [f64; 2],
    curvature: [f64; 3],
}

impl Convex {
    pub(super) fn new(slot: &Slot) -> Self {
        Self { points: vec![Point::default(); slot.users()], warm: vec![Warm::default(); slot.pair_count()] }
    }

    fn slope(&mut self, slot: &Slot, pairs: &[u32], [nu, eta]: [f64; 2]) -> Slope {
        let mut slope = Slope { value: -nu - eta, excess: [-1.0; 2], curvature: [0.0; 3] };
        for (point, pair) in self.points.iter_mut().zip(pairs) {
            let pair = *pair as usize;
            *point = slot.at(pair, nu, eta, &mut self.warm[pair]);
            slope.value += point.value;
            slope.excess[0] += point.bandwidth;
            slope.excess[1] += point.edge;
            (0..3).for_each(|at| slope.curvature[at] += point.curvature[at]);
        }
        slope
    }

    /// The best shares for the cuts of `pairs`, one per user, which stability has to allow ([`Slot::is_stable`]). The search starts at `start`.
    pub(super) fn solve(&mut self, slot: &Slot, pairs: &[u32], start: Option<[f64; 2]>, shares: &mut Shares) {
        debug_assert!(slot.is_stable(pairs));
        let problem = Problem::new(slot, pairs);
        let start = problem.start(start);
        shares.rounds = 0;
        let prices = self.newton(&problem, start, &mut shares.rounds);
        self.keep(&problem, prices, shares);
        if shares.value - shares.bound > GAP * shares.value {
            let (value, bound) = (shares.value, shares.bound);
            let prices = self.nested(&problem, start, &mut shares.rounds);
            self.keep(&problem, prices, shares);
            if shares.value - shares.bound > value - bound {
                let prices = self.newton(&problem, start, &mut shares.rounds);
                self.keep(&problem, prices, shares);
            }
        }
    }

    /// The same by bisections alone.
    #[cfg(test)]
    pub(super) fn bisect(&mut self, slot: &Slot, pairs: &[u32], shares: &mut Shares) {
        let problem = Problem::new(slot, pairs);
        shares.rounds = 0;
        let prices = self.nested(&problem, problem.start(None), &mut shares.rounds);
        self.keep(&problem, prices, shares);
    }

    fn newton(&mut self, problem: &Problem, start: [f64; 2], rounds: &mut u64) -> [f64; 2] {
        let Problem { slot, pairs, is_priced, free } = *problem;
        let mut prices = start;
        let mut here = self.slope(slot, pairs, prices);
        *rounds += 1;
        for _ in 0..STEPS {
            if (0..2).all(|of| !is_priced[of] || here.excess[of].abs() <= CONVERGENCE_TOL * free[of]) {
                break;
            }
            let mut next = step(&prices, &here, is_priced, true);
            let rise =
                |next: &[f64; 2], at: &Slope| (0..2).map(|of| at.excess[of] * (next[of] - prices[of])).sum::<f64>();
            if rise(&next, &here) <= 0.0 {
                next = step(&prices, &here, is_priced, false);
            }
            let promised = rise(&next, &here);
            let mut there = self.slope(slot, pairs, next);
            *rounds += 1;
            for _ in 0..12 {
                // g falls at the end of the step nearly as steeply as it rose at its beginning: too far.
                if rise(&next, &there) >= -0.7 * promised {
                    break;
                }
                for of in 0..2 {
                    if is_priced[of] {
                        let mean = 0.5 * (1.0 / prices[of].sqrt() + 1.0 / next[of].sqrt());
                        next[of] = 1.0 / (mean * mean);
                    }
                }
                there = self.slope(slot, pairs, next);
                *rounds += 1;
            }
            if next == prices {
                break;
            }
            (prices, here) = (next, there);
        }
        prices
    }

    /// The price of bandwidth by bisection, and within it that of the edge.
    fn nested(&mut self, problem: &Problem, start: [f64; 2], rounds: &mut u64) -> [f64; 2] {
        let mut edge = start[1];
        let mut excess = |nu: f64| {
            let mut within = |eta: f64| {
                *rounds += 1;
                self.slope(problem.slot, problem.pairs, [nu, eta]).excess
            };
            if problem.is_priced[1] {
                edge = root(edge, |eta| within(eta)[1]);
            }
            within(edge)[0]
        };
        let bandwidth = if problem.is_priced[0] { root(start[0], &mut excess) } else { 0.0 };
        excess(bandwidth);
        [bandwidth, edge]
    }

    /// Shares at `prices`, moved onto what there is.
    fn keep(&mut self, problem: &Problem, prices: [f64; 2], shares: &mut Shares) {
        let Problem { slot, pairs, is_priced, free } = *problem;
        let here = self.slope(slot, pairs, prices);
        shares.prices = prices;
        shares.bound = here.value;
        // What is above the need of stability is stretched, or shrunk.
        let by = [0, 1].map(|of| if is_priced[of] { free[of] / (here.excess[of] + free[of]) } else { 1.0 });
        shares.local.clear();
        shares.bandwidth.clear();
        shares.edge.clear();
        shares.value = 0.0;
        for (point, pair) in self.points.iter().zip(pairs) {
            let pair = *pair as usize;
            let stretch = |share: f64, least: f64, by: f64| {
                if share > 0.0 { (least + (share - least) * by).min(1.0) } else { 0.0 }
            };
            let x = stretch(point.bandwidth, slot.least_bandwidth[pair], by[0]);
            let y = stretch(point.edge, slot.least_edge[pair], by[1]);
            shares.local.push(point.local);
            shares.bandwidth.push(x);
            shares.edge.push(y);
            shares.value += slot.cost(pair, point.local, x, y).unwrap_or(f64::INFINITY);
        }
    }
}

/// A slot with fixed cuts.
struct Problem<'a> {
    slot: &'a Slot,
    pairs: &'a [u32],
    /// Whether two or more want it: one alone takes all, for nothing.
    is_priced: [bool; 2],
    /// What stability leaves free.
    free: [f64; 2],
}

impl<'a> Problem<'a> {
    fn new(slot: &'a Slot, pairs: &'a [u32]) -> Self {
        let of = |work: &[f64], least: &[f64]| {
            let wanting = pairs.iter().filter(|pair| work[**pair as usize] > 0.0).count();
            (wanting > 1, 1.0 - pairs.iter().map(|pair| least[*pair as usize]).sum::<f64>())
        };
        let ((bandwidth, x), (edge, y)) = (of(&slot.air, &slot.least_bandwidth), of(&slot.edge, &slot.least_edge));
        Self { slot, pairs, is_priced: [bandwidth, edge], free: [x, y] }
    }

    /// Prices to begin with: Kleinrock's, as if everybody's spectral efficiency were that of an equal share.
    fn start(&self, known: Option<[f64; 2]>) -> [f64; 2] {
        let slot = self.slot;
        let equal = 1.0 / self.pairs.len() as f64;
        let mut roots = [0.0; 2];
        for pair in self.pairs {
            let pair = *pair as usize;
            let n = slot.user[pair] as usize;
            if slot.air[pair] > 0.0 {
                let efficiency = if slot.is_shannon { (slot.snr[n] / equal).ln_1p() } else { 1.0 };
                roots[0] += (slot.airtime[n] * slot.air[pair] / efficiency).sqrt();
            }
            roots[1] += slot.edge[pair].sqrt();
        }
        let of = |of: usize| match known.map(|known| known[of]).filter(|price| *price > 0.0) {
            _ if !self.is_priced[of] => 0.0,
            Some(price) => price,
            None => (roots[of] / self.free[of]).powi(2),
        };
        [of(0), of(1)]
    }
}

/// Newton's step in one over the roots of prices; each by itself if not `is_joint`.
fn step(prices: &[f64; 2], here: &Slope, is_priced: [bool; 2], is_joint: bool) -> [f64; 2] {
    let by = [0, 1].map(|of| -2.0 * prices[of] * prices[of].sqrt());
    // d excess_i / d (1/sqrt(price_j)).
    let own = [here.curvature[0] * by[0], here.curvature[1] * by[1]];
    let cross = [here.curvature[2] * by[1], here.curvature[2] * by[0]];
    let alone =
        |of: usize| if here.excess[of] == 0.0 { 0.0 } else { -here.excess[of] / own[of].max(f64::MIN_POSITIVE) };
    let mut delta = [alone(0), alone(1)];
    let determinant = own[0] * own[1] - cross[0] * cross[1];
    if is_joint && is_priced == [true; 2] && determinant > 0.0 {
        delta[0] = (-here.excess[0] * own[1] + here.excess[1] * cross[0]) / determinant;
        delta[1] = (-here.excess[1] * own[0] + here.excess[0] * cross[1]) / determinant;
    }
    [0, 1].map(|of| {
        if !is_priced[of] {
            return 0.0;
        }
        let root = 1.0 / prices[of].sqrt();
        let next = (root + delta[of]).clamp(root / 8.0, root * 8.0);
        if next == root { prices[of] } else { 1.0 / (next * next) }
    })
}

/// The price at which `excess` is 0, by bisection of its logarithm.
fn root(start: f64, mut excess: impl FnMut(f64) -> f64) -> f64 {
    let (mut low, mut high) = (start, start);
    while low > 1e-280 && excess(low) < 0.0 {
        (low, high) = (low / 16.0, low);
    }
    while high < 1e280 && excess(high) > 0.0 {
        (low, high) = (high, high * 16.0);
    }
    loop {
        let middle = (low * high).sqrt();
        if middle <= low || middle >= high {
            return low;
        }
        if excess(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}
