//! A user's demands at given prices, with one cut: the minimiser of `V D + Q E + nu b + eta F` over its own three
//! resources.
//!
//! With rho = lambda (work of the stage) for exponential service, and 0 for deterministic service, a stage alone is
//! best at
//!
//! ```text
//! local       (f - rho)^2 f = V / (2 Q tau lambda kappa)                               f <= max
//! bandwidth   c (V/(r - rho)^2 + Q tau lambda p/r^2) r'(b) = nu                        b <= W
//! edge        F = rho + sqrt(V R / eta)                                                F <= edge speed
//! ```
//!
//! For exponential service that is all: the stages know nothing of each other. Deterministic service adds V h(d) for
//! the slowest stage d. Stages faster than d are not concerned; the others are brought down to d, where what the last
//! second saves in the queue is what it costs them:
//!
//! ```text
//! V h'(d) = - sum over stages brought down of c_i'(d),      h'(d) = lambda d (2 - lambda d) / (2 (1 - lambda d)^2)
//! ```
//!
//! The left side increases in d, the right side decreases, and both are near powers of d: Newton's iteration on the
//! difference of their logarithms over ln(u/(1-u)), u = lambda d, safeguarded by bisection.

use offcut_instances::lymdo::{Prices, Service};

use super::delay::{Costs, Load, Share, StageWork};

/// Steps after which an iteration takes what it has.
const MAX_STEPS: usize = 60;

/// Relative change at which an iteration ends.
const CONVERGENCE_TOL: f64 = 1e-12;

/// ln(u/(1-u)) beyond which 1-u is lost.
const BUSIEST: f64 = 34.0;

/// With nothing to pay a user takes all there is.
pub(super) const FREE: Prices = Prices { bandwidth: 0.0, edge: 0.0 };

/// What a user takes, and what it pays: `V D + Q E + nu b + eta F`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Response {
    pub(super) share: Share,
    pub(super) cost: f64,
}

/// The least that stability leaves a user with a cut: its bandwidth and its edge speed must be above these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Need {
    pub(super) bandwidth_hz: f64,
    pub(super) edge_macs_per_s: f64,
}

impl Costs {
    /// What stability asks for user `n` with this work; none if even everything there is would not do.
    pub(super) fn need(&self, n: usize, work: &StageWork) -> Option<Need> {
        let load = &self.loads[n];
        let lambda = load.arrivals_per_s;
        if work.local_macs > 0.0 && lambda * work.local_macs >= load.max_macs_per_s {
            return None;
        }
        let mut need = Need { bandwidth_hz: 0.0, edge_macs_per_s: lambda * work.remote_macs };
        if work.bits > 0.0 {
            if !load.link.carries() {
                return None;
            }
            if lambda > 0.0 {
                need.bandwidth_hz = load.link.bandwidth_for(lambda * work.bits)?;
            }
        }
        (need.bandwidth_hz < self.bandwidth_hz && need.edge_macs_per_s < self.edge_macs_per_s).then_some(need)
    }

    /// What user `n` takes at these prices with this work; none if its needs cannot be met.
    pub(super) fn response(&self, n: usize, work: &StageWork, prices: Prices) -> Option<Response> {
        self.response_above(n, work, self.need(n, work)?, prices)
    }

    /// The same, its need being known.
    pub(super) fn response_above(&self, n: usize, work: &StageWork, need: Need, prices: Prices) -> Option<Response> {
        let load = &self.loads[n];
        let share = match self.service {
            Service::Exponential => self.free(load, work, need, prices),
            Service::Deterministic => {
                let free = self.free(load, work, Need::default(), prices);
                let is_busy = load.arrivals_per_s > 0.0;
                if is_busy { self.brought_down(load, work, free, prices)? } else { free }
            }
        };
        let cost =
            self.user(n, work, &share)? + prices.bandwidth * share.bandwidth_hz + prices.edge * share.edge_macs_per_s;
        Some(Response { share, cost })
    }

    /// Every stage for itself.
    fn free(&self, load: &Load, work: &StageWork, need: Need, prices: Prices) -> Share {
        let mut share = Share::default();
        if work.local_macs > 0.0 {
            let least = match self.service {
                Service::Exponential => load.arrivals_per_s * work.local_macs,
                Service::Deterministic => 0.0,
            };
            share.local_macs_per_s = local_speed(load, least);
        }
        if work.bits > 0.0 {
            share.bandwidth_hz = bandwidth(load, work.bits, need.bandwidth_hz, prices.bandwidth, self.bandwidth_hz);
        }
        if work.remote_macs > 0.0 {
            let more = (load.delay_weight * work.remote_macs / prices.edge).sqrt();
            share.edge_macs_per_s = (need.edge_macs_per_s + more).min(self.edge_macs_per_s);
        }
        share
    }

    /// The slowest stages sped up for the queue before them.
    fn brought_down(&self, load: &Load, work: &StageWork, free: Share, prices: Prices) -> Option<Share> {
        let lambda = load.arrivals_per_s;
        let time = |work: f64, speed: &dyn Fn() -> f64| if work > 0.0 { work / speed() } else { 0.0 };
        let free_s = [
            time(work.local_macs, &|| free.local_macs_per_s),
            time(work.bits, &|| load.link.rate(free.bandwidth_hz)),
            time(work.remote_macs, &|| free.edge_macs_per_s),
        ];
        let least_s = [
            time(work.local_macs, &|| load.max_macs_per_s),
            time(work.bits, &|| load.link.rate(self.bandwidth_hz)),
            time(work.remote_macs, &|| self.edge_macs_per_s),
        ];
        let most = |times: [f64; 3]| times.into_iter().fold(0.0, f64::max);
        let (low, high) = (most(least_s), most(free_s));
        if lambda * low >= 1.0 {
            return None;
        }
        if high <= low {
            return Some(free);
        }
        let residual = StationarityResidual { load, work, free_s, low_s: low, prices };
        let odds = |d: f64| (lambda * d / (1.0 - lambda * d)).ln();
        let lowest = odds(low);
        let highest = if lambda * high < 1.0 { odds(high).min(BUSIEST) } else { BUSIEST };
        let d = if highest <= lowest || residual.excess(lowest).is_some_and(|(excess, _)| excess >= 0.0) {
            low
        } else {
            let at = residual.balanced(lowest, highest);
            (1.0 / (lambda * (1.0 + (-at).exp()))).clamp(low, high)
        };
        let mut share = free;
        if free_s[0] > d {
            share.local_macs_per_s = (work.local_macs / d).min(load.max_macs_per_s);
        }
        if free_s[1] > d {
            let needed = load.link.bandwidth_for(work.bits / d).unwrap_or(self.bandwidth_hz);
            share.bandwidth_hz = needed.min(self.bandwidth_hz);
        }
        if free_s[2] > d {
            share.edge_macs_per_s = (work.remote_macs / d).min(self.edge_macs_per_s);
        }
        Some(share)
    }
}

/// The two sides of the condition on the slowest stage.
struct StationarityResidual<'a> {
    load: &'a Load,
    work: &'a StageWork,
    free_s: [f64; 3],
    /// The least that d can be.
    low_s: f64,
    prices: Prices,
}

impl StationarityResidual<'_> {
    /// ln of the queue's side less ln of the stages' side at odds e^`at`, and its derivative; none where a stage cannot
    /// be brought down so far, which counts as far below the root.
    fn excess(&self, at: f64) -> Option<(f64, f64)> {
        let Self { load, work, free_s, prices, .. } = self;
        let lambda = load.arrivals_per_s;
        let idle = 1.0 / (1.0 + at.exp());
        let busy = 1.0 / (1.0 + (-at).exp());
        // Rounding must not bring down a stage that is as fast as it can be.
        let d = (busy / lambda).max(self.low_s);
        // h' = u (2-u) / (2 (1-u)^2), and d ln h' / d ln(u/(1-u)).
        let queue = load.delay_weight * busy * (2.0 - busy) / (2.0 * idle * idle);
        let queue_by_odds = 2.0 / (2.0 - busy);
        let (mut stages, mut stages_by_d) = (0.0, 0.0);
        if free_s[0] > d {
            let energy = load.energy_weight * load.tasks * load.energy_per_mac_coeff * work.local_macs;
            let saved = 2.0 * energy * (work.local_macs / d).powi(2) / d;
            stages += saved - load.delay_weight;
            stages_by_d -= 3.0 * saved / d;
        }
        if free_s[1] > d {
            let rate = work.bits / d;
            let at_rate = load.link.expanded(load.link.bandwidth_for(rate)?);
            let by_d = -rate / d / at_rate.slope;
            stages -= load.delay_weight + load.energy_weight * load.tasks * load.tx_power_w + prices.bandwidth * by_d;
            let bend = -2.0 * by_d / d + rate / d * at_rate.curvature * by_d / at_rate.slope.powi(2);
            stages_by_d -= prices.bandwidth * bend;
        }
        if free_s[2] > d {
            let saved = prices.edge * work.remote_macs / (d * d);
            stages += saved - load.delay_weight;
            stages_by_d -= 2.0 * saved / d;
        }
        // At their own optimum stages residual with nothing: far above the root.
        if stages <= 0.0 {
            return Some((f64::MAX, 0.0));
        }
        Some(((queue / stages).ln(), queue_by_odds - stages_by_d / stages * d * idle))
    }

    /// Where both sides are equal, between odds where the queue's side is too small and odds where it is not.
    fn balanced(&self, mut low: f64, mut high: f64) -> f64 {
        let mut at = low + 0.5 * (high - low).min(2.0);
        for _ in 0..MAX_STEPS {
            let step = match self.excess(at) {
                None => {
                    low = at;
                    f64::INFINITY
                }
                Some((excess, slope)) => {
                    if excess < 0.0 {
                        low = at
                    } else {
                        high = at
                    }
                    -excess / slope
                }
            };
            if step.abs() <= CONVERGENCE_TOL {
                return at;
            }
            let next = at + step;
            at = if next > low && next < high { next } else { 0.5 * (low + high) };
            if high - low <= CONVERGENCE_TOL {
                return at;
            }
        }
        at
    }
}

/// The best speed of a device above `least`, alone.
fn local_speed(load: &Load, least: f64) -> f64 {
    let energy = load.energy_weight * load.tasks * load.energy_per_mac_coeff;
    if energy == 0.0 {
        return load.max_macs_per_s;
    }
    // more^2 (more + least) = k: convex, and both starts lie above the root.
    let k = load.delay_weight / (2.0 * energy);
    let mut more = k.cbrt();
    if least > 0.0 {
        more = more.min((k / least).sqrt());
        for _ in 0..MAX_STEPS {
            let step = (more * more * (more + least) - k) / (more * (3.0 * more + 2.0 * least));
            more -= step;
            if step.abs() <= CONVERGENCE_TOL * more {
                break;
            }
        }
    }
    (least + more).min(load.max_macs_per_s)
}

/// The best bandwidth for `bits` a task above `least`, alone, at this price of a hertz; at most `all`.
fn bandwidth(load: &Load, bits: f64, least: f64, price: f64, all: f64) -> f64 {
    let link = load.link;
    let least_rate = if least > 0.0 { load.arrivals_per_s * bits } else { 0.0 };
    let sending = load.energy_weight * load.tasks * load.tx_power_w;
    // What another hertz saves, by ln of the bandwidth above the least: nearly a power of it.
    let saved = |more: f64| {
        let rate = link.expanded(least + more);
        let above = rate.bit_per_s - least_rate;
        let (waiting, energy) = (load.delay_weight / above.powi(2), sending / rate.bit_per_s.powi(2));
        let saved = bits * (waiting + energy) * rate.slope;
        let bend = -2.0 * bits * (waiting / above + energy / rate.bit_per_s) * rate.slope.powi(2)
            + bits * (waiting + energy) * rate.curvature;
        (saved, bend * more / saved)
    };
    if price <= 0.0 || saved(all - least).0 >= price {
        return all;
    }
    let efficiency = link.rate(all) / all;
    let mut more = (bits * (load.delay_weight + sending) / (efficiency * price)).sqrt().min(all - least);
    for _ in 0..MAX_STEPS {
        let (saved, by_log) = saved(more);
        let step = -(saved / price).ln() / by_log;
        more *= step.clamp(-8.0, 8.0).exp();
        if step.abs() <= CONVERGENCE_TOL {
            break;
        }
    }
    (least + more).min(all)
}
