//! The subproblem of one user with one cut, at prices nu of the bandwidth and eta of the edge: its value, its demands and their derivatives.
//!
//! ```text
//! phi(nu, eta) = min over u, x, y   D + a u^2 + q d2 + nu x + eta y
//! ```
//!
//! phi is concave in the prices, and its gradient is (x, y). Symbols are those of modules `slot` and `stage_roots`; the latter finds the roots.
//!
//! **Exponential**: with t = d/(1 - lambda d), the time in the system, the transmission satisfies `rho' (t^2 + q d^2) / c = nu`; the edge's share is
//! `lambda r + sqrt(r/eta)`, and the device does not depend on prices (Kleinrock).
//!
//! **Deterministic**: each stage has its own optimum, d1 = cbrt(2 a m^2), `rho' (1+q) d^2 / c = nu` and d3 = sqrt(eta r). The slowest stages, the
//! *bottleneck stages*, are then shortened to a common d < max(d1, d2, d3), where with t = d/(1 - lambda d), 1/d = 1/t + lambda,
//!
//! ```text
//! h'(d) = ((1 + lambda t)^2 - 1) / 2,    h'(d) + sum of their weights  =  2 a m^2/d^3 + nu c/(rho' d^2) + eta r/d^2  (bottleneck stages only)
//! ```

use offcut_instances::lymdo::Service;

use super::slot::Slot;
use super::stage_roots::{StageResidual, TransmissionPoint, Warm, own_z, system_z, transmission_point};

/// The value of a pair's subproblem at prices, its demands, and the second derivatives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    /// phi, in seconds.
    pub(super) value: f64,
    /// x, the demanded share of the bandwidth: the derivative of phi by nu.
    pub(super) bandwidth: f64,
    /// y, the demanded share of the edge: the derivative of phi by eta.
    pub(super) edge: f64,
    /// u, the speed of the device, in (0, 1].
    pub(super) local: f64,
    /// Second derivatives of phi: by nu twice, by eta twice, by both. The first two are not above 0.
    pub(super) curvature: [f64; 3],
}

impl Slot {
    /// Solves the subproblem of a usable pair at prices.
    pub(super) fn at(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let point = match (self.service, self.is_shannon) {
            (Service::Exponential, true) => self.exponential::<true>(pair, nu, eta, warm),
            (Service::Exponential, false) => self.exponential::<false>(pair, nu, eta, warm),
            (Service::Deterministic, true) => self.deterministic::<true>(pair, nu, eta, warm),
            (Service::Deterministic, false) => self.deterministic::<false>(pair, nu, eta, warm),
        };
        // Stable by less than rounding errors, or beyond the range of doubles: 0 is a lower bound.
        if point.value.is_finite() { point } else { Point::default() }
    }

    fn exponential<const SHANNON: bool>(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let n = self.user[pair] as usize;
        let lambda = self.lambda[n];
        let mut point = Point::default();
        let time = self.local_time_s[pair];
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
                point.curvature[1] = -0.5 * free / eta;
            } else {
                point.edge = 1.0;
                point.value += rest / (1.0 - self.least_edge[pair]) + eta;
            }
        }
        let work = self.air[pair];
        if work > 0.0 {
            let (snr, q) = (self.snr[n], self.airtime[n] - 1.0);
            let z = system_z::<SHANNON>(work, lambda, snr, q, nu, snr / self.least_bandwidth[pair], &mut warm.own);
            let TransmissionPoint { per_work, eps, pi, .. } = transmission_point::<SHANNON>(z, snr);
            let d = work * per_work;
            let t = d / (1.0 - lambda * d);
            point.bandwidth = snr / z;
            point.value += t + q * d + nu * point.bandwidth;
            if z > snr {
                let (t2, d2) = (t * t, q * d * d);
                let power = pi + 2.0 * eps * (t2 * (1.0 + lambda * t) + d2) / (t2 + d2);
                point.curvature[0] = -point.bandwidth / (nu * power);
            }
        }
        point
    }

    fn deterministic<const SHANNON: bool>(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> Point {
        let own = self.own_optima::<SHANNON>(pair, nu, eta, warm);
        let common = self.bottleneck::<SHANNON>(pair, nu, &own, warm);
        self.joined(pair, nu, eta, &own, &common)
    }

    /// The optimum of each stage alone.
    #[inline]
    fn own_optima<const SHANNON: bool>(&self, pair: usize, nu: f64, eta: f64, warm: &mut Warm) -> OwnOptima {
        let n = self.user[pair] as usize;
        let (local, work, rest) = (self.local[pair], self.air[pair], self.edge[pair]);
        let push3 = eta * rest;
        let mut transmission = TransmissionPoint { per_work: 0.0, slope: 1.0, eps: 1.0, pi: 0.0 };
        let mut z = 0.0;
        if work > 0.0 {
            z = own_z::<SHANNON>(work, self.snr[n], self.airtime[n], nu, &mut warm.own);
            transmission = transmission_point::<SHANNON>(z, self.snr[n]);
        }
        OwnOptima {
            d1: self.local_time_s[pair],
            d2: work * transmission.per_work,
            d3: if rest > 0.0 { rest.max(push3.sqrt()) } else { 0.0 },
            push1: 2.0 * self.heat[pair] * local * local,
            push3,
            z,
            transmission,
        }
    }

    /// The time that the bottleneck stages share.
    #[inline]
    fn bottleneck<const SHANNON: bool>(&self, pair: usize, nu: f64, own: &OwnOptima, warm: &mut Warm) -> Bottleneck {
        let n = self.user[pair] as usize;
        let (lambda, snr, weight) = (self.lambda[n], self.snr[n], self.airtime[n]);
        let (local, work, rest) = (self.local[pair], self.air[pair], self.edge[pair]);
        let OwnOptima { d1, d2, d3, push1, push3, z, transmission } = *own;
        let d = d1.max(d2).max(d3);
        let mut common = Bottleneck {
            d,
            free: 1.0 - lambda * d,
            z,
            transmission,
            stiffness: f64::INFINITY,
            has_transmission: false,
        };
        let has_queue = lambda > 0.0 && d > 0.0;
        if !has_queue {
            return common;
        }
        let fastest = if work > 0.0 { work * transmission_point::<SHANNON>(snr, snr).per_work } else { 0.0 };
        let least = local.max(rest).max(fastest);
        // A stage at its least time cannot be a bottleneck: only rounding errors would make it one.
        let slower = |own: f64, least: f64| if own > least { own } else { 0.0 };
        let (d1, d3) = (slower(d1, local), slower(d3, rest));
        let residual = StageResidual { lambda, weight, d1, d3, push1, push3, work, snr, nu };
        // Is the transmission's own optimum kept, or is the bottleneck time of the others below it?
        if work > 0.0
            && d2 > least
            && (lambda * d2 >= 1.0 || residual.without_transmission(d2 / (1.0 - lambda * d2)).quotient() > 1.0)
        {
            common.has_transmission = true;
            common.z =
                residual.transmission::<SHANNON>(z.min(snr / self.least_bandwidth[pair]), least, &mut warm.bottleneck);
            common.transmission = transmission_point::<SHANNON>(common.z, snr);
            common.d = (work * common.transmission.per_work).max(least);
            common.free = 1.0 - lambda * common.d;
        } else {
            (common.d, common.free) = residual.slowest(d2.max(least), d, &mut warm.slowest);
        }
        if common.d > least * (1.0 + 1e-12) {
            let transmission = common.has_transmission.then_some(common.transmission);
            common.stiffness = residual.stiffness(common.d, common.free, transmission);
        }
        common
    }

    /// The pair's point: stages at their own optimum, or at the bottleneck's time if that is less.
    #[inline]
    fn joined(&self, pair: usize, nu: f64, eta: f64, own: &OwnOptima, common: &Bottleneck) -> Point {
        let n = self.user[pair] as usize;
        let (lambda, snr, weight) = (self.lambda[n], self.snr[n], self.airtime[n]);
        let (local, work, rest) = (self.local[pair], self.air[pair], self.edge[pair]);
        let OwnOptima { d1, d3, .. } = *own;
        let Bottleneck { d, free, z, transmission, stiffness, has_transmission } = *common;
        let mut point = Point { value: lambda * d * d / (2.0 * free), ..Point::default() };
        if local > 0.0 {
            let time = d1.min(d);
            point.local = (local / time).min(1.0);
            point.value += time + self.heat[pair] * point.local * point.local;
        }
        let mut moved = [0.0; 2];
        if work > 0.0 {
            let time = work * transmission.per_work;
            point.bandwidth = snr / z;
            point.value += weight * time + nu * point.bandwidth;
            if has_transmission {
                // dx/dd = -x / (d eps).
                moved[0] = -point.bandwidth / (time * transmission.eps);
            } else if z > snr {
                point.curvature[0] = -point.bandwidth / (nu * (transmission.pi + 2.0 * transmission.eps));
            }
        }
        if rest > 0.0 {
            let time = d3.min(d);
            point.edge = rest / time;
            point.value += time + eta * point.edge;
            if d3 > d {
                moved[1] = -point.edge / d;
            } else if d3 > rest {
                point.curvature[1] = -0.5 * point.edge / eta;
            }
        }
        if stiffness < f64::INFINITY {
            point.curvature[0] -= moved[0] * moved[0] / stiffness;
            point.curvature[1] -= moved[1] * moved[1] / stiffness;
            point.curvature[2] -= moved[0] * moved[1] / stiffness;
        }
        point
    }
}

/// Deterministic service: the times of the stages, each at its own optimum.
#[derive(Clone, Copy)]
struct OwnOptima {
    d1: f64,
    d2: f64,
    d3: f64,
    /// 2 a m^2 and eta r.
    push1: f64,
    push3: f64,
    /// The transmission's own point, and what it is there.
    z: f64,
    transmission: TransmissionPoint,
}

/// Deterministic service: the time d of the bottleneck stages, and the transmission then.
#[derive(Clone, Copy)]
struct Bottleneck {
    d: f64,
    /// 1 - lambda d.
    free: f64,
    z: f64,
    transmission: TransmissionPoint,
    /// The curvature of the bottleneck stages together; infinite if their time is fixed.
    stiffness: f64,
    /// Whether the transmission is one of them.
    has_transmission: bool,
}

impl Slot {
    /// Seconds of transmission with a share `x` above 0, and their derivative by `x`.
    pub(super) fn transmission_s(&self, pair: usize, x: f64) -> (f64, f64) {
        let snr = self.snr[self.user[pair] as usize];
        let TransmissionPoint { per_work, eps, .. } = if self.is_shannon {
            transmission_point::<true>(snr / x, snr)
        } else {
            transmission_point::<false>(snr / x, snr)
        };
        let time = self.air[pair] * per_work;
        (time, -time * eps / x)
    }

    /// (V D + Q E) / V of a pair, in seconds, with speed `u` of the device and shares `x` and `y`, all in [0, 1]; `None` if a stage is unstable.
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

    /// The energy of a pair in a slot of `slot_s` seconds with the demands of `point`, in joules; `tx_power_w` in watts.
    pub(super) fn energy_j(&self, pair: usize, point: &Point, slot_s: f64, tx_power_w: f64) -> f64 {
        let n = self.user[pair] as usize;
        let x = point.bandwidth;
        let rate = if self.is_shannon && x > 0.0 { x * (self.snr[n] / x).ln_1p() } else { x };
        let sent = if self.air[pair] > 0.0 { self.air[pair] / rate } else { 0.0 };
        slot_s * self.lambda[n] * (self.joules[pair] * point.local * point.local + tx_power_w * sent)
    }
}
