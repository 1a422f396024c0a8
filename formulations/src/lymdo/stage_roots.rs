//! Scalar root searches for the stages of one pair, and the roots kept as warm starts.
//!
//! Every root is that of a monotone function of one variable: the quotient of the two sides of a stationarity condition is 1. Both sides are
//! nearly sums of powers, so Newton's method runs on the logarithm of the quotient over the logarithm of the variable, safeguarded by a bracket.
//! It takes about three steps from a poor start and one from the last root. The conditions are derived in module `user_subproblem`.
//!
//! Transmission is described by z = s/x, the signal-to-noise ratio in the share x (fixed law: s = 1):
//!
//! ```text
//! shannon   L = ln(1 + z),  d = c z / (s L),  rho' = L - z/(1+z),  d ln d / d ln z = eps = 1 - z/((1+z) L),  d ln rho' / d ln z = pi
//! fixed     d = c z,        rho' = 1,         eps = 1, pi = 0
//! ```

use offcut_instances::lymdo::Service;

/// Roots found last, from which the next search starts. 0 where none is known yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Warm {
    /// z of the transmission at its own optimum.
    pub(super) own: f64,
    /// z of the transmission as a bottleneck stage.
    pub(super) bottleneck: f64,
    /// t of the bottleneck when the transmission is not one.
    pub(super) slowest: f64,
}

/// Steps of a root search; the bracket halves, in logarithms, at every third step.
const STEPS: u32 = 200;

/// A quotient within this distance of 1 needs one more step.
const CONVERGENCE_TOL: f64 = 1e-6;

/// `base^power` for a base near 1, to third order; within a factor of 20 for any other.
fn near_power(base: f64, power: f64) -> f64 {
    // Beyond a square the rational function turns: large powers take the slow way.
    if power.abs() > 1.0 && (base - 1.0).abs() * power.abs() > 0.5 || !(0.2..=5.0).contains(&base) {
        return base.powf(power).clamp(0.02, 50.0);
    }
    ((1.0 + power) * base + (1.0 - power)) / ((1.0 - power) * base + (1.0 + power))
}

/// A transmission at a given z.
#[derive(Clone, Copy)]
pub(super) struct TransmissionPoint {
    /// d / c.
    pub(super) per_work: f64,
    /// rho'.
    pub(super) slope: f64,
    /// d ln d / d ln z.
    pub(super) eps: f64,
    /// d ln rho' / d ln z.
    pub(super) pi: f64,
}

/// The transmission at `z`; `snr` is s, the ratio with all of the bandwidth.
#[inline(always)]
pub(super) fn transmission_point<const SHANNON: bool>(z: f64, snr: f64) -> TransmissionPoint {
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

/// z at which a unit of work takes `per_work` seconds; none if no share of the bandwidth is fast enough.
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
        let TransmissionPoint { per_work: here, eps, .. } = transmission_point::<true>(z, 1.0);
        let quotient = inverse / here;
        z *= if eps > 1e-3 { near_power(quotient, 1.0 / eps) } else { (inverse - 1.0) / (here - 1.0) };
        // (Where d hardly depends on z, its digits do not say more.)
        if (quotient - 1.0).abs() < (1e-3 * CONVERGENCE_TOL * eps).max(4.0 * f64::EPSILON) {
            break;
        }
    }
    Some(z)
}

/// The supremum of the bandwidth shares at which the transmission is unstable: `load` = lambda c, in [0, inf); `work` = c, in seconds.
/// Infinite if the whole bandwidth is not enough. A `load` of 0 needs nothing, unless the rate is 0 for every share.
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

/// The best time of the local stage on its own, in seconds: time in the system (exponential) or service time (deterministic).
/// `lambda` is in tasks per second, `work` and `heat` in seconds. Infinite if the stage is unstable at the device's greatest speed.
pub(super) fn local_time_s(service: Service, lambda: f64, work: f64, heat: f64) -> f64 {
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

/// z of the transmission at its own optimum, in deterministic service: `weight c d/dx(1/rho) = -nu`, at most all of the bandwidth.
pub(super) fn own_z<const SHANNON: bool>(work: f64, snr: f64, weight: f64, nu: f64, warm: &mut f64) -> f64 {
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
        let TransmissionPoint { per_work, slope, eps, pi } = transmission_point::<true>(z, 1.0);
        let quotient = scaled / (slope * per_work * per_work);
        z *= near_power(quotient, 1.0 / (pi + 2.0 * eps));
        if (quotient - 1.0).abs() < CONVERGENCE_TOL {
            break;
        }
    }
    *warm = z;
    z.max(snr)
}

/// z of the transmission in exponential service: `rho' (t^2 + q d^2) / c = nu`, below the `pole` where it is not stable.
pub(super) fn system_z<const SHANNON: bool>(
    work: f64,
    lambda: f64,
    snr: f64,
    q: f64,
    nu: f64,
    pole: f64,
    warm: &mut f64,
) -> f64 {
    if nu == 0.0 {
        return snr;
    }
    let mut bracket = Bracket::new(snr, pole);
    let mut z = if *warm > snr && *warm < pole { *warm } else { bracket.middle() };
    for step in 0..STEPS {
        let TransmissionPoint { per_work, slope, eps, pi } = transmission_point::<SHANNON>(z, snr);
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

/// A bracket of a root: `low` and `high` are on its two sides, or are the ends of the feasible range.
struct Bracket {
    low: f64,
    high: f64,
    /// Whether the function was evaluated at the lower end, which detects a root below it.
    is_low_known: bool,
}

/// Elasticities of d and t in z.
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

    /// The next z: a Newton step towards a quotient of 1, where the quotient varies as z to the minus `power`.
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

/// The stationarity condition of a user's bottleneck time d, in deterministic service.
pub(super) struct StageResidual {
    /// Tasks per second.
    pub(super) lambda: f64,
    /// 1 + q, the weight of a second of transmission.
    pub(super) weight: f64,
    /// Own optimum of the local stage, in seconds; 0 if it cannot be a bottleneck.
    pub(super) d1: f64,
    /// The same of the edge stage.
    pub(super) d3: f64,
    /// 2 a m^2.
    pub(super) push1: f64,
    /// eta r.
    pub(super) push3: f64,
    /// c, in seconds.
    pub(super) work: f64,
    /// s.
    pub(super) snr: f64,
    /// The price of the bandwidth.
    pub(super) nu: f64,
}

/// The two sides of the stationarity condition, with their derivatives by the logarithm of t: `less` are the gains of a smaller d, `more` those of a
/// larger d.
#[derive(Clone, Copy)]
pub(super) struct StationarityResidual {
    less: f64,
    more: f64,
    less_by_t: f64,
    more_by_t: f64,
}

impl StationarityResidual {
    /// The quotient of the two sides, above 1 if d is too large; infinite if `more` is 0.
    pub(super) fn quotient(self) -> f64 {
        if self.more > 0.0 { self.less / self.more } else { f64::INFINITY }
    }
}

impl StageResidual {
    /// The residual at time t of local and edge stages alone, without the transmission.
    pub(super) fn without_transmission(&self, t: f64) -> StationarityResidual {
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

    /// The bottleneck time d where the transmission is not a bottleneck, between `low` and `high`, the largest own optimum; and 1 - lambda d, which is
    /// computed from t without cancellation.
    pub(super) fn slowest(&self, low: f64, high: f64, warm: &mut f64) -> (f64, f64) {
        let time = |d: f64| if self.lambda * d < 1.0 { d / (1.0 - self.lambda * d) } else { f64::INFINITY };
        if high <= low {
            return (low, 1.0 - self.lambda * low);
        }
        let mut bracket = Bracket::new(time(low), time(high));
        let mut t = if *warm > bracket.low && *warm < bracket.high { *warm } else { bracket.middle() };
        for step in 0..STEPS {
            let here = self.without_transmission(t);
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

    /// The residual with the transmission as a bottleneck stage, and the power of z with which its quotient falls.
    fn with_transmission(&self, d: f64, at: TransmissionPoint) -> (StationarityResidual, f64) {
        let t = d / (1.0 - self.lambda * d);
        let mut here = self.without_transmission(t);
        let push = self.nu * self.work / (at.slope * d * d);
        let over = 1.0 + self.lambda * t;
        here.less += self.weight;
        here.more += push;
        let by_z = at.eps * over;
        let power =
            (here.less_by_t * by_z) / here.less - (here.more_by_t * by_z - push * (2.0 * at.eps + at.pi)) / here.more;
        (here, power)
    }

    /// z of the transmission as a bottleneck stage, below its own optimum `most`; no stage can be faster than `least` seconds.
    pub(super) fn transmission<const SHANNON: bool>(&self, most: f64, least: f64, warm: &mut f64) -> f64 {
        let mut bracket = Bracket::new(self.snr, most);
        let mut z = if *warm > bracket.low && *warm < bracket.high { *warm } else { bracket.middle() };
        let mut is_floor_known = false;
        for step in 0..STEPS {
            let at = transmission_point::<SHANNON>(z, self.snr);
            let d = self.work * at.per_work;
            let free = 1.0 - self.lambda * d;
            if free <= 0.0 {
                bracket.high = z;
                z = bracket.middle();
                continue;
            }
            if d < least && !is_floor_known {
                // At the least time that all stages can reach: is the stationarity condition met there?
                is_floor_known = true;
                let floor = z_of::<SHANNON>(least / self.work, self.snr, z).map_or(self.snr, |z| z.max(self.snr));
                let (here, _) = self.with_transmission(least, transmission_point::<SHANNON>(floor, self.snr));
                if here.quotient() >= 1.0 {
                    *warm = floor;
                    return floor;
                }
                (bracket.low, bracket.is_low_known) = (floor, true);
                z = bracket.middle();
                continue;
            }
            let (here, power) = self.with_transmission(d, at);
            let quotient = here.more / here.less;
            z = bracket.next(z, quotient, power, Stretch { eps: at.eps, over: (1.0 - free) / free }, step);
            if (quotient - 1.0).abs() < CONVERGENCE_TOL || bracket.is_shut() {
                break;
            }
        }
        *warm = z;
        z
    }

    /// The second derivative, by d, of the cost of the bottleneck stages and of waiting.
    pub(super) fn stiffness(&self, d: f64, free: f64, transmission: Option<TransmissionPoint>) -> f64 {
        let mut stiffness = self.lambda / (free * free * free);
        if d < self.d1 {
            stiffness += 3.0 * self.push1 / (d * d * d * d);
        }
        if d < self.d3 {
            stiffness += 2.0 * self.push3 / (d * d * d);
        }
        if let Some(at) = transmission {
            // nu c/(rho' d^2) goes with d to the minus (2 + pi/eps).
            stiffness += self.nu * self.work / (at.slope * d * d * d) * (2.0 + at.pi / at.eps);
        }
        stiffness
    }
}
