//! Where the least of a cut's cost lies, in plain floats. Nothing rests on it: whatever is guessed here, the bounds made of it hold
//! ([`super::stage`], [`super::replay`]); a poor guess makes them weak.
//!
//! Every equation is solved by Newton's method on logarithms, where all of them are nearly straight, within brackets.

use core::f64::consts::LN_2;

/// One cut of a user in a slot, in plain floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Tasks per second.
    pub(super) arrivals: f64,
    /// What a second of delay costs.
    pub(super) delay_price: f64,
    /// What `f^2` costs.
    pub(super) power: f64,
    /// What a second of sending costs.
    pub(super) sending: f64,
    /// MACs at the device, bits, MACs at the edge.
    pub(super) works: [f64; 3],
    /// The most of a device's speed, of bandwidth, of the edge's speed.
    pub(super) most: [f64; 3],
    /// Prices of bandwidth and of the edge's speed.
    pub(super) prices: [f64; 2],
    pub(super) channel: Channel,
}

/// The rate of a channel, in plain floats.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel {
    Shannon { strength: f64 },
    Fixed { efficiency: f64 },
}

impl Channel {
    /// Rate, and its first two derivatives in bandwidth.
    fn at(self, bandwidth: f64) -> [f64; 3] {
        match self {
            Self::Fixed { efficiency } => [efficiency * bandwidth, efficiency, 0.0],
            Self::Shannon { strength } => {
                let x = strength / bandwidth;
                let log = libm::log1p(x);
                let share = x / (1.0 + x);
                let bend = if x < 0.01 {
                    let rest = (2..=9).rev().fold(0.0, |rest, k| (f64::from(k) - 1.0) / f64::from(k) - x * rest);
                    x * x * rest
                } else {
                    log - share
                };
                [bandwidth * log / LN_2, bend / LN_2, -share * share / (bandwidth * LN_2)]
            }
        }
    }

    /// The bandwidth that gives a rate; infinite or not a number if none does.
    pub(super) fn inverse(self, rate: f64) -> f64 {
        match self {
            Self::Fixed { efficiency } => rate / efficiency,
            Self::Shannon { strength } => {
                // ln(1+x) = share x. With v = share (1 + x): v - ln v = share - ln share, the branch above 1.
                let share = rate * LN_2 / strength;
                let left = 1.0 - share;
                let excess = if left < 0.01 {
                    left * left * (0.5 + left * (1.0 / 3.0 + left * (0.25 + left * (0.2 + left / 6.0))))
                } else {
                    -left - libm::log(share)
                };
                let root = (2.0 * excess).sqrt();
                // v - 1, from the right, where Newton's steps are monotone.
                let mut beyond = root + excess * 0.7;
                for _ in 0..6 {
                    let step = (beyond - libm::log1p(beyond) - excess) * (1.0 + beyond) / beyond;
                    beyond -= step;
                    if step.abs() <= SHARE * beyond {
                        break;
                    }
                }
                strength * share / (beyond + left)
            }
        }
    }
}

/// How small Newton's last step is before a share: its square is what is left, and that counts to first order in a tangent.
const SHARE: f64 = 1e-7;

/// How small it is before a weight, which counts to second order.
const WEIGHT: f64 = 1e-4;

/// So many powers of e away there is no root.
const FAR: f64 = 300.0;

/// A root of a rising function between `low`, where it is below 0, and `high`, where it is not. `function` gives value and derivative, or
/// no number where it is above 0 and nothing else is known.
fn root(mut low: f64, mut high: f64, start: f64, step: f64, function: impl Fn(f64) -> [f64; 2]) -> f64 {
    let mut at = start.clamp(low, high);
    for _ in 0..100 {
        let [value, slope] = function(at);
        if value < 0.0 {
            low = at;
        } else {
            high = at;
        }
        let newton = at - value / slope;
        // (Steps are short at poles, too, but there the value is not small.)
        if (newton - at).abs() <= step && value.abs() <= 0.01 {
            return newton;
        }
        at = if newton > low && newton < high { newton } else { low + (high - low) / 2.0 };
    }
    at
}

impl Cut {
    /// Where `weight work / (f - offset) + power f^2` is least: how far f is above the offset.
    pub(super) fn device(&self, weight: f64, offset: f64) -> f64 {
        let (weighted, most) = (weight * self.works[0], self.most[0]);
        let alone = libm::cbrt(weighted / (2.0 * self.power));
        // No number, or infinite, where energy costs nothing.
        if offset <= 0.0 || !alone.is_finite() {
            return if alone < most { alone } else { most };
        }
        let slope = |t: f64| {
            let beyond = libm::exp(t);
            let speed = offset + beyond;
            [libm::log(2.0 * self.power * speed * beyond * beyond / weighted), 2.0 + beyond / speed]
        };
        let high = libm::log(most - offset);
        if !high.is_finite() || slope(high)[0] <= 0.0 {
            return most - offset;
        }
        // 2 power f (f - offset)^2 is above both 2 power (f - offset)^3 and 2 power offset (f - offset)^2.
        let start = libm::log(alone.min((weighted / (2.0 * self.power * offset)).sqrt()));
        libm::exp(root(start - 2.0, high, start, SHARE, slope))
    }

    /// Where `weight bits / (r - offset) + sending bits / r + price b` is least.
    pub(super) fn bandwidth(&self, weight: f64, offset: f64) -> f64 {
        let ([_, bits, _], [_, most, _], price) = (self.works, self.most, self.prices[0]);
        let base = if offset > 0.0 { self.channel.inverse(offset) } else { 0.0 };
        let slope = |t: f64| {
            let beyond = libm::exp(t);
            let [rate, slope, bend] = self.channel.at(base + beyond);
            let left = rate - offset;
            let fall = weight * bits / (left * left) + self.sending * bits / (rate * rate);
            let steeper =
                2.0 * slope * (weight * bits / (left * left * left) + self.sending * bits / (rate * rate * rate));
            [libm::log(price / (slope * fall)), beyond * (steeper / fall - bend / slope)]
        };
        let high = libm::log(most - base);
        if price <= 0.0 || !high.is_finite() || slope(high)[0] <= 0.0 {
            return most;
        }
        // As if every hertz gave what it gives on average when all are taken; less than that is enough.
        let each = (self.channel.at(most)[0] - offset) / (most - base);
        let start = libm::log(((weight + self.sending) * bits / (each * price)).sqrt()).min(high);
        if !start.is_finite() {
            return most;
        }
        base + libm::exp(root(high - FAR, high, start, SHARE, slope))
    }

    /// Deterministic service: how much of what the slowest stage makes wait each stage answers for, in the unit of `delay_price`. Stages are
    /// as long as each is best for itself, but no longer than d; then d is best where what waiting rises by is what shortening them all costs.
    pub(super) fn weights(&self) -> [f64; 3] {
        let mut weights = [0.0; 3];
        let has_work = |i: usize| self.works[i] > 0.0;
        let least = |i: usize| match i {
            1 => self.works[1] / self.channel.at(self.most[1])[0],
            _ => self.works[i] / self.most[i],
        };
        let Some(slowest) = (0..3).filter(|i| has_work(*i)).max_by(|a, b| least(*a).total_cmp(&least(*b))) else {
            return weights;
        };
        let busy = self.arrivals * least(slowest);
        if self.arrivals <= 0.0 || !(busy > 0.0 && busy < 1.0) {
            return weights;
        }
        // With z = rho / (1 - rho): what waiting rises by is V z (2 + z) / 2.
        let wait = |z: f64| self.delay_price * z * (2.0 + z) / 2.0;
        let start = busy / (1.0 - busy);
        let pulls = |d: f64| [0, 1, 2].map(|i| if has_work(i) { self.pull(i, d) } else { [0.0; 2] });
        let sum = |pulls: &[[f64; 2]; 3]| {
            pulls.iter().filter(|pull| pull[0] > 0.0).fold([0.0; 2], |sum, pull| [sum[0] + pull[0], sum[1] + pull[1]])
        };
        let at_least = pulls(least(slowest));
        let short = wait(start) - sum(&at_least)[0];
        if short >= 0.0 {
            // The slowest stage is as fast as it can be, and answers for the rest.
            for (weight, pull) in weights.iter_mut().zip(&at_least) {
                *weight = pull[0].max(0.0);
            }
            weights[slowest] += short;
            return weights;
        }
        let rise = |t: f64| {
            let z = libm::exp(t);
            let d = z / (1.0 + z) / self.arrivals;
            let [pull, slope] = sum(&pulls(d));
            if pull <= 0.0 {
                return [f64::INFINITY, 1.0];
            }
            let own = (2.0 + 2.0 * z) / (2.0 + z);
            [libm::log(wait(z) / pull), own - slope / pull * d / (1.0 + z)]
        };
        let low = libm::log(start);
        let z = libm::exp(root(low, low + FAR, low, WEIGHT, rise));
        let pulls = pulls(z / (1.0 + z) / self.arrivals);
        for (weight, pull) in weights.iter_mut().zip(&pulls) {
            *weight = pull[0].max(0.0);
        }
        weights
    }

    /// What a stage of length d would save if it were longer, less what its own second costs; and the derivative in d.
    fn pull(&self, stage: usize, d: f64) -> [f64; 2] {
        let work = self.works[stage];
        let [saved, slope] = match stage {
            0 => {
                let saved = 2.0 * self.power * work * work / (d * d * d);
                [saved, -3.0 * saved / d]
            }
            1 => {
                let rate = work / d;
                let [_, slope, bend] = self.channel.at(self.channel.inverse(rate));
                let saved = self.prices[0] * rate / (d * slope);
                [saved - self.sending, saved * (rate * bend / (slope * slope) - 2.0) / d]
            }
            _ => {
                let saved = self.prices[1] * work / (d * d);
                [saved, -2.0 * saved / d]
            }
        };
        [saved - self.delay_price, slope]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln 1/2 - ln(1 - x) has its root at 1/2 and a pole at 1, next to which Newton's steps are short.
    #[test]
    fn a_pole_is_not_taken_for_a_root() {
        let function = |x: f64| [libm::log(0.5) - libm::log(1.0 - x), 1.0 / (1.0 - x)];
        for start in [0.0, 0.3, 0.9, 1.0 - 1e-6, 1.0 - 1e-12] {
            let found = root(0.0, 1.0, start, WEIGHT, function);
            assert!((found - 0.5).abs() < 1e-7, "from {start}: {found}");
        }
    }

    #[test]
    fn the_inverse_of_a_rate() {
        let channel = Channel::Shannon { strength: 3.0 };
        let mut bandwidth = 1e-12;
        while bandwidth < 1e9 {
            let found = channel.inverse(channel.at(bandwidth)[0]);
            // Where a rate is nearly all there is, its last digit is worth much bandwidth.
            let off = (found / bandwidth - 1.0).abs();
            assert!(off < 1e-13 * (100.0 + bandwidth), "{bandwidth}: {found}");
            bandwidth *= 1.9;
        }
    }
}
