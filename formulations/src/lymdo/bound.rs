//! The best prices where cuts are free: the price bound of a slot.
//!
//! ```text
//! g(nu, eta) = sum_n min over cuts phi_nm(nu, eta) - nu - eta,     concave; its supergradient is demand less capacity
//! ```
//!
//! Around prices where it was evaluated, each pair is approximated by a curve with the same value and first and second derivatives,
//!
//! ```text
//! phi_nm ~ k + a nu + 2 c sqrt(nu) + b eta + 2 d sqrt(eta)
//! ```
//!
//! (Kleinrock's form: exact for the edge in exponential service). The approximation of g is maximised by cutting planes through centres of
//! gravity, each a thousand times cheaper than an evaluation of g; then g is evaluated there, and so on. The supergradients of g itself keep the
//! search in a polygon; its centre is taken where the approximation gives no progress.

use offcut_instances::lymdo::{Instance, Prices};

use super::centre_of_gravity::Polygon;
use super::slot::Slot;
use super::stage_roots::Warm;
use super::user_subproblem::Point;

/// Bounds are relaxed by this, relative to the sum of the absolute values of their terms, to absorb the checker's outward rounding.
pub(super) const BOUND_RELAXATION: f64 = 1e-12;

/// Evaluations of g in one ascent, at most.
const ROUNDS: u32 = 40;

/// Cuts through the curves, at most.
const CUTS: u32 = 150;

/// Curves of the pairs of a domain, side by side.
#[derive(Clone, Debug, Default)]
pub(super) struct Curves {
    /// Where each user's begin, and where the last one's end. Shape (users+1,).
    pub(super) first: Vec<u32>,
    pub(super) pairs: Vec<u32>,
    k: Vec<f64>,
    a: Vec<f64>,
    c: Vec<f64>,
    b: Vec<f64>,
    d: Vec<f64>,
}

impl Curves {
    fn clear(&mut self) {
        self.first.clear();
        self.pairs.clear();
        [&mut self.k, &mut self.a, &mut self.c, &mut self.b, &mut self.d].into_iter().for_each(Vec::clear);
    }

    fn push(&mut self, pair: u32, point: &Point, [nu, eta]: [f64; 2]) {
        let (c, d) = (-2.0 * nu * nu.sqrt() * point.curvature[0], -2.0 * eta * eta.sqrt() * point.curvature[1]);
        let (a, b) = (
            point.bandwidth - if nu > 0.0 { c / nu.sqrt() } else { 0.0 },
            point.edge - if eta > 0.0 { d / eta.sqrt() } else { 0.0 },
        );
        self.pairs.push(pair);
        self.k.push(point.value - a * nu - 2.0 * c * nu.sqrt() - b * eta - 2.0 * d * eta.sqrt());
        self.a.push(a);
        self.c.push(c);
        self.b.push(b);
        self.d.push(d);
    }

    /// The approximation of g at prices, and its supergradient.
    fn at(&self, [nu, eta]: [f64; 2]) -> (f64, [f64; 2]) {
        let (p, s) = (nu.sqrt(), eta.sqrt());
        let (mut value, mut a, mut b, mut c, mut d) = (-nu - eta, 0.0, 0.0, 0.0, 0.0);
        for range in self.first.windows(2) {
            let range = range[0] as usize..range[1] as usize;
            let (mut least, mut which) = (f64::INFINITY, range.start);
            for at in range {
                let cost =
                    self.k[at] + p * (self.a[at] * p + 2.0 * self.c[at]) + s * (self.b[at] * s + 2.0 * self.d[at]);
                if cost < least {
                    (least, which) = (cost, at);
                }
            }
            value += least;
            a += self.a[which];
            b += self.b[which];
            c += self.c[which];
            d += self.d[which];
        }
        let steep = |c: f64, root: f64| if c > 0.0 { c / root } else { 0.0 };
        (value, [a + steep(c, p) - 1.0, b + steep(d, s) - 1.0])
    }

    /// The maximum over prices of the sum of the given curves less the prices, in closed form.
    pub(super) fn together(&self, sums: &Sums) -> f64 {
        let block = |linear: f64, root: f64| {
            if root <= 0.0 {
                return if linear <= 1.0 { 0.0 } else { f64::INFINITY };
            }
            if linear < 1.0 { root * root / (1.0 - linear) } else { f64::INFINITY }
        };
        sums.0[0] + block(sums.0[1], sums.0[2]) + block(sums.0[3], sums.0[4])
    }

    pub(super) fn of(&self, at: usize) -> Sums {
        Sums([self.k[at], self.a[at], self.c[at], self.b[at], self.d[at]])
    }
}

/// Sums of curves: k, a, c, b, d.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums([f64; 5]);

impl std::ops::Add for Sums {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] + other.0[at]))
    }
}

impl std::ops::Sub for Sums {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] - other.0[at]))
    }
}

/// g at prices.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Height {
    pub(super) value: f64,
    /// Sum of the absolute values of its terms: rounding errors are relative to this.
    pub(super) size: f64,
    excess: [f64; 2],
}

/// Where an ascent ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ascent {
    pub(super) prices: [f64; 2],
    pub(super) height: Height,
}

/// When an ascent may end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// The bound is as good as needed.
    pub(super) cutoff: f64,
    /// What is promised is no more than this share of what is missing.
    pub(super) stall: f64,
    /// What is promised is no more than this, relative to the bound.
    pub(super) close: f64,
}

/// A nearly cheapest cut of a user, in a mixture.
#[derive(Clone, Copy, Debug)]
struct Part {
    pair: u32,
    user: u32,
    /// Its cost less that of the cheapest.
    more: f64,
    /// Its demands less those of the cheapest.
    apart: [f64; 2],
    weight: f64,
}

/// Sweeps over the parts of a mixture, at most.
const SWEEPS: u32 = 50;

/// The search for prices, with its state from call to call.
#[derive(Clone, Debug, Default)]
pub(super) struct Dual {
    warm: Vec<Warm>,
    /// Shape (pairs,); those of the last evaluation's domain are of its prices.
    pub(super) points: Vec<Point>,
    pub(super) curves: Curves,
    /// Each user's cheapest pair at the last evaluation. Shape (users,).
    pub(super) cheapest: Vec<u32>,
    outer: Polygon,
    inner: Polygon,
    mixture: Vec<Part>,
    /// Evaluations of g.
    pub(super) rounds: u64,
}

impl Dual {
    pub(super) fn new(slot: &Slot) -> Self {
        Self {
            warm: vec![Warm::default(); slot.pair_count()],
            points: vec![Point::default(); slot.pair_count()],
            cheapest: vec![0; slot.users()],
            ..Self::default()
        }
    }

    /// Swaps in a slot's warm starts, or back out; resizes the buffers to the slot.
    pub(super) fn lend(&mut self, slot: &Slot, warm: &mut Vec<Warm>) {
        std::mem::swap(&mut self.warm, warm);
        self.points.resize(slot.pair_count(), Point::default());
        self.cheapest.resize(slot.users(), 0);
    }

    /// What every user takes of something at the prices last evaluated, `of` saying what a pair takes. Where users waver between
    /// cuts they are mixed so that what is shared is used up: what a supergradient of the best g, seen as a function of something else than prices, wants.
    pub(super) fn mixed(&mut self, slot: &Slot, domain: &[u32], of: impl Fn(usize, &Point) -> f64) -> Vec<f64> {
        let is_priced = priced(slot, domain);
        let (mut excess, mut curvature, mut value) = ([-1.0; 2], [0.0; 2], 0.0);
        let mut taken: Vec<f64> = Vec::with_capacity(self.cheapest.len());
        for pair in &self.cheapest {
            let point = &self.points[*pair as usize];
            value += point.value;
            excess = [excess[0] + point.bandwidth, excess[1] + point.edge];
            curvature = [curvature[0] - point.curvature[0], curvature[1] - point.curvature[1]];
            taken.push(of(*pair as usize, point));
        }
        // What excess costs: smooth curves would give way to it so.
        let cost = [0, 1].map(|of| if is_priced[of] && curvature[of] > 0.0 { 1.0 / curvature[of] } else { 0.0 });
        self.mixture.clear();
        let near = 0.01 * value / self.cheapest.len() as f64;
        for pair in domain {
            let n = slot.user[*pair as usize];
            let (own, other) = (&self.points[self.cheapest[n as usize] as usize], &self.points[*pair as usize]);
            let more = other.value - own.value;
            if *pair != self.cheapest[n as usize] && more <= near {
                let apart = [other.bandwidth - own.bandwidth, other.edge - own.edge];
                self.mixture.push(Part { pair: *pair, user: n, more, apart, weight: 0.0 });
            }
        }
        for _ in 0..SWEEPS {
            let mut moved = 0.0f64;
            for at in 0..self.mixture.len() {
                let Part { user, more, apart, weight, .. } = self.mixture[at];
                let residual = (0..2).map(|of| cost[of] * excess[of] * apart[of]).sum::<f64>() + more;
                let stiff: f64 = (0..2).map(|of| cost[of] * apart[of] * apart[of]).sum();
                if stiff <= 0.0 {
                    continue;
                }
                // (Parts of a user are side by side.)
                let others: f64 =
                    self.mixture.iter().filter(|part| part.user == user).map(|part| part.weight).sum::<f64>() - weight;
                let next = (weight - residual / stiff).clamp(0.0, (1.0 - others).max(0.0));
                let step = next - weight;
                excess = [excess[0] + step * apart[0], excess[1] + step * apart[1]];
                self.mixture[at].weight = next;
                moved = moved.max(step.abs());
            }
            if moved < 1e-6 {
                break;
            }
        }
        for part in self.mixture.iter().filter(|part| part.weight > 0.0) {
            let own = self.cheapest[part.user as usize] as usize;
            let apart = of(part.pair as usize, &self.points[part.pair as usize]) - of(own, &self.points[own]);
            taken[part.user as usize] += part.weight * apart;
        }
        taken
    }

    /// g at `prices`, where user n has the pairs of `domain` that are its own: usable ones, ascending, at least one each.
    pub(super) fn evaluate(&mut self, slot: &Slot, domain: &[u32], [nu, eta]: [f64; 2]) -> Height {
        self.rounds += 1;
        let mut height = Height { value: 0.0, size: nu + eta, excess: [-1.0; 2] };
        self.curves.clear();
        let (mut n, mut least) = (usize::MAX, f64::INFINITY);
        for pair in domain {
            let i = *pair as usize;
            let point = slot.at(i, nu, eta, &mut self.warm[i]);
            let user = slot.user[i] as usize;
            if user != n {
                (n, least) = (user, f64::INFINITY);
                self.curves.first.push(self.curves.pairs.len() as u32);
            }
            if point.value < least {
                (least, self.cheapest[n]) = (point.value, *pair);
            }
            self.curves.push(*pair, &point, [nu, eta]);
            self.points[i] = point;
        }
        self.curves.first.push(self.curves.pairs.len() as u32);
        debug_assert_eq!(self.curves.first.len(), slot.users() + 1);
        for pair in &self.cheapest {
            let point = &self.points[*pair as usize];
            height.value += point.value;
            height.excess[0] += point.bandwidth;
            height.excess[1] += point.edge;
        }
        height.size += height.value;
        height.value -= nu + eta;
        height
    }

    /// Prices that make g large, sought from `start`, first among those up to `width` times as high. What was evaluated last is at the prices
    /// handed back.
    pub(super) fn ascend(&mut self, slot: &Slot, domain: &[u32], start: [f64; 2], width: f64, until: Until) -> Ascent {
        let is_priced = priced(slot, domain);
        let natural = natural(slot, domain);
        let start = [0, 1].map(|of| if is_priced[of] { start[of] } else { 0.0 });
        let mut best = Ascent { prices: start, height: self.evaluate(slot, domain, start) };
        let (mut is_last, mut failures) = (true, 0);
        let mut high = [0, 1].map(|of| if is_priced[of] { width * start[of].max(1e-3 * natural[of]) } else { 1.0 });
        self.outer.set_box([0.0; 2], high);
        let mut here = best;
        let mut area = high[0] * high[1];
        for _ in 0..ROUNDS {
            if best.height.value >= until.cutoff {
                break;
            }
            let slope = [0, 1].map(|of| if is_priced[of] { here.height.excess[of] } else { 0.0 });
            self.outer.cut(here.prices, slope);
            let Some((left, centre)) = self.outer.centre() else { break };
            let missing = until.stall * (until.cutoff - best.height.value);
            let aim = missing.min(until.close * best.height.value).max(1e-13 * best.height.size);
            // (The curves are those of the last evaluation.)
            let (mut next, promised) = self.climb(centre, is_priced, 0.05 * aim);
            let is_outside = |of: usize| is_priced[of] && next[of] > 0.8 * high[of];
            if is_outside(0) || is_outside(1) {
                high = [0, 1].map(|of| if is_priced[of] { 64.0 * next[of].max(1e-3 * natural[of]) } else { 1.0 });
                self.outer.set_box([0.0; 2], high);
                area = high[0] * high[1];
            } else if promised - best.height.value <= aim {
                break;
            } else {
                if failures > 1 && left > 0.8 * area {
                    // Curves that mislead and do not narrow the search down either are not followed.
                    next = [0, 1].map(|of| if is_priced[of] { centre[of] } else { 0.0 });
                }
                area = left;
            }
            here = Ascent { prices: next, height: self.evaluate(slot, domain, next) };
            is_last = here.height.value > best.height.value;
            let kept = here.height.value - best.height.value >= 0.1 * (promised - best.height.value);
            failures = if kept { 0 } else { failures + 1 };
            if is_last {
                best = here;
            }
        }
        if !is_last {
            best.height = self.evaluate(slot, domain, best.prices);
        }
        best
    }

    /// The best prices by the curves, inside the polygon, to within `close`; what they promise.
    fn climb(&mut self, centre: [f64; 2], is_priced: [bool; 2], close: f64) -> ([f64; 2], f64) {
        self.inner.set(&self.outer);
        let mut at = centre;
        let (mut best, mut prices) = (f64::NEG_INFINITY, centre);
        for _ in 0..CUTS {
            let masked = [0, 1].map(|of| if is_priced[of] { at[of] } else { 0.0 });
            let (value, mut slope) = self.curves.at(masked);
            (0..2).for_each(|of| slope[of] *= f64::from(u8::from(is_priced[of])));
            if value > best {
                (best, prices) = (value, masked);
            }
            if value + self.inner.most(at, slope) - best <= close {
                break;
            }
            self.inner.cut(at, slope);
            let Some((_, next)) = self.inner.centre() else { break };
            at = next;
        }
        // Nothing for a price is at a border that centres never reach.
        for none in [[true, false], [false, true], [true, true]] {
            let border = [0, 1].map(|of| if none[of] { 0.0 } else { prices[of] });
            let (value, _) = self.curves.at(border);
            if value > best && self.outer.contains(border) {
                (best, prices) = (value, border);
            }
        }
        (prices, best)
    }
}

/// Whether two users or more could want it; one alone has it for nothing.
fn priced(slot: &Slot, domain: &[u32]) -> [bool; 2] {
    [&slot.air, &slot.edge].map(|work| {
        let mut users = domain.iter().filter(|pair| work[**pair as usize] > 0.0).map(|pair| slot.user[*pair as usize]);
        let first = users.next();
        users.any(|user| Some(user) != first)
    })
}

/// Prices of the right magnitude: Kleinrock's, every user at its middling cut and at the spectral efficiency of an equal share.
pub(super) fn natural(slot: &Slot, domain: &[u32]) -> [f64; 2] {
    let users = slot.users() as f64;
    let mut roots = [0.0; 2];
    for pair in domain {
        let (i, n) = (*pair as usize, slot.user[*pair as usize] as usize);
        let efficiency = if slot.is_shannon { (slot.snr[n] * users).ln_1p() } else { 1.0 };
        if slot.air[i] > 0.0 {
            roots[0] += (slot.airtime[n] * slot.air[i] / efficiency).sqrt();
        }
        roots[1] += slot.edge[i].sqrt();
    }
    // The mean over each user's cuts, roughly.
    roots.map(|root| (root * users / domain.len() as f64).powi(2))
}

/// Divisors from prices in seconds for the whole bandwidth and edge to prices per Hz and per MAC/s; `per_second` is the weight of a second in the
/// objective.
pub(super) fn units(instance: &Instance, per_second: f64) -> [f64; 2] {
    [instance.bandwidth_hz / per_second, instance.edge().speed / per_second]
}

/// Prices per unit, as in certificates.
pub(super) fn per_unit(prices: [f64; 2], units: [f64; 2]) -> Prices {
    // (Numbers below 1e-60 are outside the range of certificates.)
    let of = |of: usize| Some(prices[of] / units[of]).filter(|price| *price >= 1e-60).unwrap_or(0.0);
    Prices { bandwidth: of(0), edge: of(1) }
}
