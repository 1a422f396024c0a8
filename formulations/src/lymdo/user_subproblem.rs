//! What one user pays with one cut at prices nu of the bandwidth and eta of the edge, and what it takes of both.
//!
//! ```text
//! phi(nu, eta) = min over u, x, y   D + a u^2 + q d2 + nu x + eta y
//! ```
//!
//! It is concave in the prices, and its gradient is (x, y). Everything is a root of one monotone function of one variable, a balance of what
//! pushes towards less and towards more. Both sides are sums of powers, nearly, so roots are found by Newton's method on the logarithm
//! of their quotient over the logarithm of the variable, inside a bracket; mostly three steps from a poor guess, one from the last root.
//!
//! Sending is described by z = s/x, the signal to noise in the share x (fixed: s = 1):
//!
//! ```text
//! shannon   L = ln(1 + z),  d = c z / (s L),  rho' = L - z/(1+z),  d ln d / d ln z = eps = 1 - z/((1+z) L),  d ln rho' / d ln z = pi
//! fixed     d = c z,        rho' = 1,         eps = 1, pi = 0
//! ```
//!
//! **Exponential**: with t = d/(1 - lambda d), the time in the system, sending's balance is `rho' (t^2 + q d^2) / c = nu`; the edge takes
//! `lambda r + sqrt(r/eta)`, and the device does not depend on prices (Kleinrock).
//!
//! **Deterministic**: each stage has its own optimum, d1 = cbrt(2 a m^2), `rho' (1+q) d^2 / c = nu` and d3 = sqrt(eta r); then the slowest
//! are pulled to a common d < max(d1, d2, d3), where with t = d/(1 - lambda d), 1/d = 1/t + lambda,
//!
//! ```text
//! h'(d) = ((1 + lambda t)^2 - 1) / 2,    h'(d) + sum of weights of pulled stages  =  2 a m^2/d^3 + nu c/(rho' d^2) + eta r/d^2  of those
//! ```

use offcut_instances::lymdo::Service;

use super::model::Slot;

/// What a pair costs at prices, what it takes, and how that bends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// phi, in seconds.
    pub(super) value: f64,
    /// x: what phi gains with the price of bandwidth.
    pub(super) bandwidth: f64,
    /// y: what phi gains with the price of the edge.
    pub(super) edge: f64,
    /// Speed of the device.
    pub(super) local: f64,
    /// Second derivatives of phi: by nu twice, by eta twice, by both. The first two are not above 0.
    pub(super) convex_term: [f64; 3],
}

/// Roots found last, from which the next search starts. 0 where there is none yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warm {
    /// z of sending alone.
    own: f64,
    /// z of sending when it is pulled.
    pulled: f64,
    /// t of the slowest stage when sending is not pulled.
    slowest: f64,
}

/// Steps of a root search; the bracket halves, in logarithms, at every third step.
const STEPS: u32 = 200;

/// A quotient this close to 1 needs one more step.
const CONVERGENCE_TOL: f64 = 1e-6;

/// `base^power` for a base near 1, to third order; within a factor of 20 for any other.
fn near_power(base: f64, power: f64) -> f64 {
    // Beyond a square the rational function turns: large powers take the slow way.
    if power.abs() > 1.0 && (base - 1.0).abs() * power.abs() > 0.5 || !(0.2..=5.0).contains(&base) {
        return base.powf(power).clamp(0.02, 50.0);
    }
    ((1.0 + power) * base + (1.0 - power)) / ((1.0 - power) * base + (1.0 + power))
}

/// Sending at a z.
#[derive(Clone, Copy)]
struct TransmissionPoint {
    /// d / c.
    per_work: f64,
    /// rho'.
    slope: f64,
    /// d ln d / d ln z.
    eps: f64,
    /// d ln rho' / d ln z.
    pi: f64,
}

#[inline(always)]
fn air<const SHANNON: bool>(z: f64, snr: f64) -> TransmissionPoint {
    if !SHANNON {
        return TransmissionPoint { per_work: z, slope: 1.0, eps: 1.0, pi: 0.0 };
    }
    if z < 1e-3 {
        // Series: the differences below lose their digits.
        let log = z.ln_1p();
        let slope = z * z * (0.5 - z * (2.0 / 3.0 - z * (0.75 - z * (0.8 - z * (5.0 / 6.0)))));
        let eps = slope / log;
        return TransmissionPoint {
            per_work: z / (snr * log),
            slope,
            eps,
            pi: z * z / ((1.0 + z) * (1.0 + z) * slope),
        };
    }
    let log = if z > 0.5 { (1.0 + z).ln() } else { z.ln_1p() };
    let over = z / (1.0 + z);
    let slope = log - over;
    TransmissionPoint { per_work: z / (snr * log), slope, eps: slope / log, pi: over * over / slope }
}

/// z at which a unit of work takes `per_work` seconds; none if even no noise and all patience would not do.
fn z_of<const SHANNON: bool>(per_work: f64, snr: f64, guess: f64) -> Option<f64> {
    if !SHANNON {
        return Some(per_work);
    }
    // ln(1+z)/z = 1/(per_work s) =: g < 1.
    let inverse = per_work * snr;
    if inverse <= 1.0 {
        return None;
    }
    let mut z = if guess > 0.0 { guess } else { 2.0 * (inverse - 1.0) };
    for _ in 0..STEPS {
        let TransmissionPoint { per_work: here, eps, .. } = air::<true>(z, 1.0);
        let quotient = inverse / here;
        z *= if eps > 1e-3 { near_power(quotient, 1.0 / eps) } else { (inverse - 1.0) / (here - 1.0) };
        // (Where d hardly depends on z, its digits do not say more.)
        if (quotient - 1.0).abs() < (1e-3 * CONVERGENCE_TOL * eps).max(4.0 * f64::EPSILON) {
            break;
        }
    }
    Some(z)
}

/// The share of the bandwidth at which `lambda c`, work a second, just does not pass; infinite if all of it is not enough.
/// Work that comes never (`load` 0) needs nothing, unless nothing passes at all.
pub(super) fn least_share(is_shannon: bool, snr: f64, load: f64, work: f64) -> f64 {
    if work == 0.0 {
        return 0.0;
    }
    if snr == 0.0 {
        return f64::INFINITY;
    }
    if load == 0.0 {
        return 0.0;
    }
    match is_shannon {
        true => z_of::<true>(1.0 / load, snr, 0.0).map_or(f64::INFINITY, |z| snr / z),
        false => load,
    }
}

/// What the device would take, were nothing else: its time in the system (exponential) or its service time (deterministic). Infinite if
/// it is not stable at its greatest speed.
pub(super) fn alone(service: Service, lambda: f64, work: f64, heat: f64) -> f64 {
    if work == 0.0 {
        return 0.0;
    }
    if lambda * work >= 1.0 {
        return f64::INFINITY;
    }
    match service {
        Service::Deterministic => work.max((2.0 * heat * work * work).cbrt()),
        Service::Exponential => {
            let least = work / (1.0 - lambda * work);
            // t^3 = 2 a m^2 (1 + lambda t).
            let push = 2.0 * heat * work * work;
            let mut time = least.max(push.cbrt()).max((push * lambda).sqrt());
            for _ in 0..STEPS {
                let right = push * (1.0 + lambda * time);
                let quotient = right / (time * time * time);
                let power = 3.0 - lambda * time / (1.0 + lambda * time);
                time *= near_power(quotient, 1.0 / power);
                if (quotient - 1.0).abs() < CONVERGENCE_TOL || time < 0.5 * least {
                    break;
                }
            }
            time.max(least)
        }
    }
}

impl Slot {
    /// What a usable pair costs at prices, and what it takes.
    pub(super) fn at(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let point = match (self.service, self.is_shannon) {
            (Service::Exponential, true) => self.exponential::<true>(pair, nu, eta, warm),
            (Service::Exponential, false) => self.exponential::<false>(pair, nu, eta, warm),
            (Service::Deterministic, true) => self.deterministic::<true>(pair, nu, eta, warm),
            (Service::Deterministic, false) => self.deterministic::<false>(pair, nu, eta, warm),
        };
        // Stable by less than roundings, or beyond what a float holds: nothing is below 0.
        if point.value.is_finite() { point } else { Point::default() }
    }

    fn exponential<const SHANNON: bool>(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let n = self.user[pair] as usize;
        let lambda = self.lambda[n];
        let mut point = Point::default();
        let time = self.alone[pair];
        if time > 0.0 {
            point.local = (self.local[pair] * (1.0 / time + lambda)).min(1.0);
            point.value += time + self.heat[pair] * point.local * point.local;
        }
        let rest = self.edge[pair];
        if rest > 0.0 {
            let free = (rest / eta).sqrt();
            point.edge = self.least_edge[pair] + free;
            if point.edge < 1.0 {
                point.value += 2.0 * (rest * eta).sqrt() + eta * self.least_edge[pair];
                point.convex_term[1] = -0.5 * free / eta;
            } else {
                point.edge = 1.0;
                point.value += rest / (1.0 - self.least_edge[pair]) + eta;
            }
        }
        let work = self.air[pair];
        if work > 0.0 {
            let (snr, q) = (self.snr[n], self.airtime[n] - 1.0);
            let z = system_z::<SHANNON>(work, lambda, snr, q, nu, snr / self.least_bandwidth[pair], &mut warm.own);
            let TransmissionPoint { per_work, eps, pi, .. } = air::<SHANNON>(z, snr);
            let d = work * per_work;
            let t = d / (1.0 - lambda * d);
            point.bandwidth = snr / z;
            point.value += t + q * d + nu * point.bandwidth;
            if z > snr {
                let (t2, d2) = (t * t, q * d * d);
                let power = pi + 2.0 * eps * (t2 * (1.0 + lambda * t) + d2) / (t2 + d2);
                point.convex_term[0] = -point.bandwidth / (nu * power);
            }
        }
        point
    }

    fn deterministic<const SHANNON: bool>(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let n = self.user[pair] as usize;
        let (lambda, snr, weight) = (self.lambda[n], self.snr[n], self.airtime[n]);
        let (local, work, rest) = (self.local[pair], self.air[pair], self.edge[pair]);
        let d1 = self.alone[pair];
        let push1 = 2.0 * self.heat[pair] * local * local;
        let push3 = eta * rest;
        let d3 = if rest > 0.0 { rest.max(push3.sqrt()) } else { 0.0 };
        let mut own = TransmissionPoint { per_work: 0.0, slope: 1.0, eps: 1.0, pi: 0.0 };
        let mut z = 0.0;
        if work > 0.0 {
            z = own_z::<SHANNON>(work, snr, weight, nu, &mut warm.own);
            own = air::<SHANNON>(z, snr);
        }
        let d2 = work * own.per_work;
        let mut d = d1.max(d2).max(d3);
        let mut sending = own;
        // The bend of the pulled stages together; infinite, if nothing moves.
        let mut stiff = f64::INFINITY;
        let mut is_sending_pulled = false;
        let mut free = 1.0 - lambda * d;
        if lambda > 0.0 && d > 0.0 {
            let fastest = if work > 0.0 { work * air::<SHANNON>(snr, snr).per_work } else { 0.0 };
            let least = local.max(rest).max(fastest);
            // A stage that cannot be faster is not pulled: only roundings would say so.
            let slower = |own: f64, least: f64| if own > least { own } else { 0.0 };
            let (d1, d3) = (slower(d1, local), slower(d3, rest));
            let pull = StageResidual { lambda, weight, d1, d3, push1, push3, work, snr, nu };
            // Does sending's own optimum stay, or do the others alone settle below it?
            if work > 0.0 && d2 > least && (lambda * d2 >= 1.0 || pull.others(d2 / (1.0 - lambda * d2)).balance() > 1.0)
            {
                is_sending_pulled = true;
                z = pull.sending::<SHANNON>(z.min(snr / self.least_bandwidth[pair]), least, &mut warm.pulled);
                sending = air::<SHANNON>(z, snr);
                d = (work * sending.per_work).max(least);
                free = 1.0 - lambda * d;
            } else {
                (d, free) = pull.slowest(d2.max(least), d, &mut warm.slowest);
            }
            if d > least * (1.0 + 1e-12) {
                stiff = pull.stiffness(d, free, is_sending_pulled.then_some(sending));
            }
        }
        let mut point = Point { value: lambda * d * d / (2.0 * free), ..Point::default() };
        if local > 0.0 {
            let time = d1.min(d);
            point.local = (local / time).min(1.0);
            point.value += time + self.heat[pair] * point.local * point.local;
        }
        let mut moved = [0.0; 2];
        if work > 0.0 {
            let time = work * sending.per_work;
            point.bandwidth = snr / z;
            point.value += weight * time + nu * point.bandwidth;
            if is_sending_pulled {
                // dx/dd = -x / (d eps).
                moved[0] = -point.bandwidth / (time * sending.eps);
            } else if z > snr {
                point.convex_term[0] = -point.bandwidth / (nu * (sending.pi + 2.0 * sending.eps));
            }
        }
        if rest > 0.0 {
            let time = d3.min(d);
            point.edge = rest / time;
            point.value += time + eta * point.edge;
            if d3 > d {
                moved[1] = -point.edge / d;
            } else if d3 > rest {
                point.convex_term[1] = -0.5 * point.edge / eta;
            }
        }
        if stiff < f64::INFINITY {
            point.convex_term[0] -= moved[0] * moved[0] / stiff;
            point.convex_term[1] -= moved[1] * moved[1] / stiff;
            point.convex_term[2] -= moved[0] * moved[1] / stiff;
        }
        point
    }
}

/// z of sending for itself in deterministic service: `weight c d/dx(1/rho) = -nu`, at most all of the bandwidth.
fn own_z<const SHANNON: bool>(work: f64, snr: f64, weight: f64, nu: f64, warm: &mut f64) -> f64 {
    // rho' weight d^2 / c = nu, with d = c z / (s L).
    let aim = nu / (weight * work);
    if !SHANNON {
        return aim.sqrt().max(1.0);
    }
    let scaled = aim * snr * snr;
    let mut z = if *warm > 0.0 { *warm } else { (scaled * (2.0 + scaled.ln_1p())).sqrt() };
    if scaled == 0.0 || z == 0.0 {
        return snr;
    }
    for _ in 0..STEPS {
        let TransmissionPoint { per_work, slope, eps, pi } = air::<true>(z, 1.0);
        let quotient = scaled / (slope * per_work * per_work);
        z *= near_power(quotient, 1.0 / (pi + 2.0 * eps));
        if (quotient - 1.0).abs() < CONVERGENCE_TOL {
            break;
        }
    }
    *warm = z;
    z.max(snr)
}

/// z of sending in exponential service: `rho' (t^2 + q d^2) / c = nu`, below the `pole` where it is not stable.
fn system_z<const SHANNON: bool>(work: f64, lambda: f64, snr: f64, q: f64, nu: f64, pole: f64, warm: &mut f64) -> f64 {
    if nu == 0.0 {
        return snr;
    }
    let mut bracket = Bracket::new(snr, pole);
    let mut z = if *warm > snr && *warm < pole { *warm } else { bracket.middle() };
    for step in 0..STEPS {
        let TransmissionPoint { per_work, slope, eps, pi } = air::<SHANNON>(z, snr);
        let d = work * per_work;
        let free = 1.0 - lambda * d;
        if free <= 0.0 {
            bracket.high = z;
            z = bracket.middle();
            continue;
        }
        let t = d / free;
        let (t2, d2) = (t * t, q * d * d);
        let quotient = nu * work / (slope * (t2 + d2));
        let power = pi + 2.0 * eps * (t2 * (1.0 + lambda * t) + d2) / (t2 + d2);
        let next = bracket.next(z, quotient, power, Stretch { eps, over: lambda * t }, step);
        let is_done = (quotient - 1.0).abs() < CONVERGENCE_TOL || bracket.is_shut();
        z = next;
        if is_done {
            break;
        }
    }
    *warm = z;
    z
}

/// Where a root is: `low` and `high` are known to be on its two sides, or are the ends of what is allowed.
struct Bracket {
    low: f64,
    high: f64,
    /// Whether the lower end was looked at, so that a root below it is noticed.
    is_low_known: bool,
}

/// How d and t move with z.
#[derive(Clone, Copy)]
struct Stretch {
    eps: f64,
    /// lambda t.
    over: f64,
}

impl Bracket {
    fn new(low: f64, high: f64) -> Self {
        Self { low, high, is_low_known: false }
    }

    fn middle(&self) -> f64 {
        if self.high == f64::INFINITY { 4.0 * self.low } else { (self.low * self.high).sqrt() }
    }

    fn is_shut(&self) -> bool {
        self.high <= self.low * (1.0 + 4.0 * f64::EPSILON)
    }

    /// The next z: where the quotient of what is wanted and what is here, which goes with z to the minus `power`, is 1.
    fn next(&mut self, z: f64, quotient: f64, power: f64, stretch: Stretch, step: u32) -> f64 {
        if quotient > 1.0 {
            (self.low, self.is_low_known) = (z, true);
        } else {
            self.high = z;
        }
        let Stretch { eps, over } = stretch;
        let next = if over < 1.0 {
            z * near_power(quotient, 1.0 / power)
        } else {
            // Near the pole it is t that is a power, not z.
            let by = near_power(quotient, eps * (1.0 + over) / power);
            // d = t / (1 + lambda t).
            let d = by * (1.0 + over) / (1.0 + over * by);
            z * near_power(d, 1.0 / eps)
        };
        if (quotient - 1.0).abs() < CONVERGENCE_TOL {
            // The last step; roundings may put it beside the bracket.
            return next.clamp(self.low, self.high);
        }
        if next < self.low && !self.is_low_known {
            self.is_low_known = true;
            return self.low;
        }
        let is_inside = next >= self.low && next <= self.high;
        if is_inside && (step < 20 || !step.is_multiple_of(3)) { next } else { self.middle() }
    }
}

/// What pulls on the slowest stage of a user, in deterministic service.
struct StageResidual {
    lambda: f64,
    weight: f64,
    d1: f64,
    d3: f64,
    push1: f64,
    push3: f64,
    work: f64,
    snr: f64,
    nu: f64,
}

/// A balance: what wants a smaller d, and what a larger, each with what it gains with the logarithm of t.
#[derive(Clone, Copy)]
struct StationarityResidual {
    less: f64,
    more: f64,
    less_by_t: f64,
    more_by_t: f64,
}

impl StationarityResidual {
    /// Above 1 if d is too large.
    fn balance(self) -> f64 {
        if self.more > 0.0 { self.less / self.more } else { f64::INFINITY }
    }
}

impl StageResidual {
    /// The balance of local and edge stages, sending left alone.
    fn others(&self, t: f64) -> StationarityResidual {
        let over = 1.0 + self.lambda * t;
        let inverse = 1.0 / t + self.lambda;
        let d = 1.0 / inverse;
        // ((1 + l t)^2 - 1)/2 without losing what is small.
        let mut less = self.lambda * t * (1.0 + 0.5 * self.lambda * t);
        let less_by_t = over * self.lambda * t;
        let (mut more, mut more_by_t) = (0.0, 0.0);
        if d < self.d1 {
            let push = self.push1 * inverse * inverse * inverse;
            less += 1.0;
            more += push;
            more_by_t -= 3.0 * push / over;
        }
        if d < self.d3 {
            let push = self.push3 * inverse * inverse;
            less += 1.0;
            more += push;
            more_by_t -= 2.0 * push / over;
        }
        StationarityResidual { less, more, less_by_t, more_by_t }
    }

    /// d of the slowest where sending is not pulled, between `low` and `high`, which is the largest own optimum; and 1 - lambda d, which t has
    /// without a difference.
    fn slowest(&self, low: f64, high: f64, warm: &mut f64) -> (f64, f64) {
        let time = |d: f64| if self.lambda * d < 1.0 { d / (1.0 - self.lambda * d) } else { f64::INFINITY };
        if high <= low {
            return (low, 1.0 - self.lambda * low);
        }
        let mut bracket = Bracket::new(time(low), time(high));
        let mut t = if *warm > bracket.low && *warm < bracket.high { *warm } else { bracket.middle() };
        for step in 0..STEPS {
            let here = self.others(t);
            let quotient = here.more / here.less;
            let power = here.less_by_t / here.less - if here.more > 0.0 { here.more_by_t / here.more } else { 0.0 };
            if here.more == 0.0 {
                // Above every own optimum, by a rounding.
                bracket.high = t;
                t = bracket.middle();
            } else {
                t = bracket.next(t, quotient, power, Stretch { eps: 1.0, over: 0.0 }, step);
            }
            if (quotient - 1.0).abs() < CONVERGENCE_TOL || bracket.is_shut() {
                break;
            }
        }
        *warm = t;
        let free = 1.0 / (1.0 + self.lambda * t);
        let d = t * free;
        if d < low { (low, 1.0 - self.lambda * low) } else { (d.min(high), free) }
    }

    /// The balance where sending is pulled too, and the power of z with which its quotient falls.
    fn all(&self, d: f64, at: TransmissionPoint) -> (StationarityResidual, f64) {
        let t = d / (1.0 - self.lambda * d);
        let mut here = self.others(t);
        let push = self.nu * self.work / (at.slope * d * d);
        let over = 1.0 + self.lambda * t;
        here.less += self.weight;
        here.more += push;
        let by_z = at.eps * over;
        let power =
            (here.less_by_t * by_z) / here.less - (here.more_by_t * by_z - push * (2.0 * at.eps + at.pi)) / here.more;
        (here, power)
    }

    /// z of sending where it is pulled, below its own optimum `most`; no stage can be faster than `least`.
    fn sending<const SHANNON: bool>(&self, most: f64, least: f64, warm: &mut f64) -> f64 {
        let mut bracket = Bracket::new(self.snr, most);
        let mut z = if *warm > bracket.low && *warm < bracket.high { *warm } else { bracket.middle() };
        let mut is_floor_known = false;
        for step in 0..STEPS {
            let at = air::<SHANNON>(z, self.snr);
            let d = self.work * at.per_work;
            let free = 1.0 - self.lambda * d;
            if free <= 0.0 {
                bracket.high = z;
                z = bracket.middle();
                continue;
            }
            if d < least && !is_floor_known {
                // As fast as the fastest that all stages can be: does it want to be there?
                is_floor_known = true;
                let floor = z_of::<SHANNON>(least / self.work, self.snr, z).map_or(self.snr, |z| z.max(self.snr));
                let (here, _) = self.all(least, air::<SHANNON>(floor, self.snr));
                if here.balance() >= 1.0 {
                    *warm = floor;
                    return floor;
                }
                (bracket.low, bracket.is_low_known) = (floor, true);
                z = bracket.middle();
                continue;
            }
            let (here, power) = self.all(d, at);
            let quotient = here.more / here.less;
            z = bracket.next(z, quotient, power, Stretch { eps: at.eps, over: (1.0 - free) / free }, step);
            if (quotient - 1.0).abs() < CONVERGENCE_TOL || bracket.is_shut() {
                break;
            }
        }
        *warm = z;
        z
    }

    /// The second derivative, by d, of what the pulled stages and waiting cost.
    fn stiffness(&self, d: f64, free: f64, sending: Option<TransmissionPoint>) -> f64 {
        let mut stiff = self.lambda / (free * free * free);
        if d < self.d1 {
            stiff += 3.0 * self.push1 / (d * d * d * d);
        }
        if d < self.d3 {
            stiff += 2.0 * self.push3 / (d * d * d);
        }
        if let Some(at) = sending {
            // nu c/(rho' d^2) goes with d to the minus (2 + pi/eps).
            stiff += self.nu * self.work / (at.slope * d * d * d) * (2.0 + at.pi / at.eps);
        }
        stiff
    }
}

impl Slot {
    /// Seconds of sending with a share `x` above 0, and their slope.
    pub(super) fn sending(&self, pair: usize, x: f64) -> (f64, f64) {
        let snr = self.snr[self.user[pair] as usize];
        let TransmissionPoint { per_work, eps, .. } =
            if self.is_shannon { air::<true>(snr / x, snr) } else { air::<false>(snr / x, snr) };
        let time = self.air[pair] * per_work;
        (time, -time * eps / x)
    }

    /// V D + Q E over V of a pair with speed `u` of the device and shares `x` and `y`; none if a stage is not stable.
    pub(super) fn cost(&self, pair: usize, u: f64, x: f64, y: f64) -> Option<f64> {
        let n = self.user[pair] as usize;
        let (lambda, snr) = (self.lambda[n], self.snr[n]);
        let rate = |x: f64| if self.is_shannon && x > 0.0 { x * (snr / x).ln_1p() } else { x };
        let (mut cost, mut slowest) = (0.0, 0.0f64);
        for (stage, (work, speed)) in
            [(self.local[pair], u), (self.air[pair], rate(x)), (self.edge[pair], y)].into_iter().enumerate()
        {
            if work == 0.0 {
                continue;
            }
            if speed <= lambda * work || speed == 0.0 {
                return None;
            }
            let time = work / speed;
            cost += match self.service {
                Service::Exponential => work / (speed - lambda * work),
                Service::Deterministic => time,
            };
            cost += match stage {
                0 => self.heat[pair] * u * u,
                1 => (self.airtime[n] - 1.0) * time,
                _ => 0.0,
            };
            slowest = slowest.max(time);
        }
        if self.service == Service::Deterministic {
            cost += lambda * slowest * slowest / (2.0 * (1.0 - lambda * slowest));
        }
        Some(cost)
    }
}
