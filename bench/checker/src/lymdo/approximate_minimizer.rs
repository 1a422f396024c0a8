//! Approximate minimizers of a cut's cost, in plain floats. No bound depends on their accuracy: bounds hold at any point
//! ([`super::stage`], [`super::user_slot`]); a poor minimizer makes them weaker.
//!
//! Every equation is solved by Newton's method on logarithms, where all of them are nearly straight, within brackets.

use core::f64::consts::LN_2;

/// One cut of a user in a slot, in plain floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Tasks per second.
    pub(super) arrivals: f64,
    /// The cost of a second of delay.
    pub(super) delay_price: f64,
    /// The cost of `f^2`.
    pub(super) power: f64,
    /// The cost of a second of sending.
    pub(super) sending: f64,
    /// MACs at the device, bits, MACs at the edge.
    pub(super) work: [f64; 3],
    /// The largest speed of the device, bandwidth, and speed of the edge.
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
                let log_excess = if x < 0.01 {
                    let rest = (2..=9).rev().fold(0.0, |rest, k| (f64::from(k) - 1.0) / f64::from(k) - x * rest);
                    x * x * rest
                } else {
                    log - share
                };
                [bandwidth * log / LN_2, log_excess / LN_2, -share * share / (bandwidth * LN_2)]
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
                    if step.abs() <= SHARE_TOL * beyond {
                        break;
                    }
                }
                strength * share / (beyond + left)
            }
        }
    }
}

/// The tolerance of Newton's last step for a share. Its square remains as the error, which counts to first order in a tangent.
const SHARE_TOL: f64 = 1e-7;

/// The same for a weight, whose error counts to second order.
const WEIGHT_TOL: f64 = 1e-4;

/// The width of the bracket of a root, in powers of e.
const BRACKET: f64 = 300.0;

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
        let (weighted, most) = (weight * self.work[0], self.most[0]);
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
        let start = libm::log(alone.min(self.steep(weighted, offset)));
        libm::exp(root(start - 2.0, high, start, SHARE_TOL, slope))
    }

    /// An upper bound of how far f is above the offset, close where f is little more than the offset: 2 power f (f - offset)^2 is above 2 power offset (f - offset)^2, as it is above
    /// 2 power (f - offset)^3.
    fn steep(&self, weighted: f64, offset: f64) -> f64 {
        (weighted / (2.0 * self.power * offset)).sqrt()
    }

    /// Where `weight bits / (r - offset) + sending bits / r + price b` is least.
    pub(super) fn bandwidth(&self, weight: f64, offset: f64) -> f64 {
        let ([_, bits, _], [_, most, _], price) = (self.work, self.most, self.prices[0]);
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
        let start = libm::log(self.bandwidth_limit(weight, offset, base)).min(high);
        if !start.is_finite() {
            return most;
        }
        base + libm::exp(root(high - BRACKET, high, start, SHARE_TOL, slope))
    }

    /// An upper bound of how far bandwidth is above `base`: as if every hertz gave the average rate per hertz at the full bandwidth.
    fn bandwidth_limit(&self, weight: f64, offset: f64, base: f64) -> f64 {
        let ([_, bits, _], [_, most, _], price) = (self.work, self.most, self.prices[0]);
        let each = (self.channel.at(most)[0] - offset) / (most - base);
        ((weight + self.sending) * bits / (each * price)).sqrt()
    }

    /// Deterministic service: the weight g_i of each stage in the waiting time of the slowest one, in the unit of `delay_price`. Each stage has its own
    /// best length, but at most d; d is optimal where the derivative of the waiting time equals the sum of the stages' residuals.
    pub(super) fn weights(&self) -> [f64; 3] {
        let mut weights = [0.0; 3];
        let has_work = |i: usize| self.work[i] > 0.0;
        let least = |i: usize| match i {
            1 => self.work[1] / self.channel.at(self.most[1])[0],
            _ => self.work[i] / self.most[i],
        };
        let Some(slowest) = (0..3).filter(|i| has_work(*i)).max_by(|a, b| least(*a).total_cmp(&least(*b))) else {
            return weights;
        };
        let busy = self.arrivals * least(slowest);
        if self.arrivals <= 0.0 || !(busy > 0.0 && busy < 1.0) {
            return weights;
        }
        // With z = rho / (1 - rho) the derivative of the waiting time is V z (2 + z) / 2.
        let wait = |z: f64| self.delay_price * z * (2.0 + z) / 2.0;
        let start = busy / (1.0 - busy);
        let residuals = |d: f64| [0, 1, 2].map(|i| if has_work(i) { self.residual(i, d) } else { [0.0; 2] });
        let sum = |residuals: &[[f64; 2]; 3]| {
            residuals
                .iter()
                .filter(|residual| residual[0] > 0.0)
                .fold([0.0; 2], |sum, residual| [sum[0] + residual[0], sum[1] + residual[1]])
        };
        let at_least = residuals(least(slowest));
        let short = wait(start) - sum(&at_least)[0];
        if short >= 0.0 {
            // The slowest stage is at its limit and takes the remaining weight.
            for (weight, residual) in weights.iter_mut().zip(&at_least) {
                *weight = residual[0].max(0.0);
            }
            weights[slowest] += short;
            return weights;
        }
        let rise = |t: f64| {
            let z = libm::exp(t);
            let d = z / (1.0 + z) / self.arrivals;
            let [residual, slope] = sum(&residuals(d));
            if residual <= 0.0 {
                return [f64::INFINITY, 1.0];
            }
            let own = (2.0 + 2.0 * z) / (2.0 + z);
            [libm::log(wait(z) / residual), own - slope / residual * d / (1.0 + z)]
        };
        let low = libm::log(start);
        let z = libm::exp(root(low, low + BRACKET, low, WEIGHT_TOL, rise));
        let residuals = residuals(z / (1.0 + z) / self.arrivals);
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            *weight = residual[0].max(0.0);
        }
        weights
    }

    /// The stationarity residual of a stage of length d: the saving per second if it were longer, less the cost of that second; and its derivative in d.
    fn residual(&self, stage: usize, d: f64) -> [f64; 2] {
        let work = self.work[stage];
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
    use offcut_instances::random::Stream;

    use super::*;

    /// ln 1/2 - ln(1 - x) has its root at 1/2 and a pole at 1, next to which Newton's steps are short.
    #[test]
    fn a_pole_is_not_taken_for_a_root() {
        let function = |x: f64| [libm::log(0.5) - libm::log(1.0 - x), 1.0 / (1.0 - x)];
        for start in [0.0, 0.3, 0.9, 1.0 - 1e-6, 1.0 - 1e-12] {
            let found = root(0.0, 1.0, start, WEIGHT_TOL, function);
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

    /// How often a rising function is evaluated until its root is found.
    fn evaluations(low: f64, high: f64, start: f64, of: impl Fn(f64) -> [f64; 2], expected: f64) -> u32 {
        let evaluations = std::cell::Cell::new(0);
        let found = root(low, high, start, SHARE_TOL, |at| {
            evaluations.set(evaluations.get() + 1);
            of(at)
        });
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "from {start}: {found}");
        evaluations.get()
    }

    /// Newton's method where it gets there, halves where it would leave the bracket.
    #[test]
    fn a_root_is_found_with_few_evaluations() {
        let square = |x: f64| [x * x - 2.0, 2.0 * x];
        let expected = std::f64::consts::SQRT_2;
        assert!(evaluations(0.0, 10.0, 10.0, square, expected) <= 7);
        assert!(evaluations(0.0, 10.0, 1.0, square, expected) <= 5);
        assert_eq!(evaluations(-3.0, 10.0, 0.0, |x| [x - 4.0, 1.0], 4.0), 2);
        // From 10 on, the tangent of an arc is nearly level, and its root far away.
        let arc = |x: f64| [libm::atan(x - 1.0), 1.0 / (1.0 + (x - 1.0) * (x - 1.0))];
        for start in [-9.0, -1.0, 3.0, 10.0] {
            assert!(evaluations(-10.0, 11.5, start, arc, 1.0) <= 9, "{}", evaluations(-10.0, 11.5, start, arc, 1.0));
        }
        // Beyond 3 nothing is known.
        let wall = |x: f64| if x < 3.0 { [x - 2.0, 1.0] } else { [f64::INFINITY, 1.0] };
        assert!(evaluations(0.0, 8.0, 8.0, wall, 2.0) <= 4);
        assert_eq!(evaluations(0.0, 8.0, 20.0, |x| [x - 2.0, 1.0], 2.0), 2);
    }

    /// At rates per hertz from next to nothing to as many as there are, on both sides of where the series begins.
    #[test]
    fn the_derivatives_of_a_rate() {
        let fixed = Channel::Fixed { efficiency: 3.0 };
        assert_eq!(fixed.at(4.0), [12.0, 3.0, 0.0]);
        assert_eq!(fixed.inverse(12.0), 4.0);
        type Big = dashu_float::FBig<dashu_float::round::mode::HalfAway, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(300).value();
        let channel = Channel::Shannon { strength: 3.0 };
        let mut bandwidth = 1e-6;
        while bandwidth < 1e9 {
            let x = big(3.0) / big(bandwidth);
            let (log, share) = ((big(1.0) + &x).ln(), &x / (big(1.0) + &x));
            let ln_2 = big(2.0).ln();
            let truth = [
                big(bandwidth) * &log / &ln_2,
                (log - &share) / &ln_2,
                big(0.0) - &share * &share / (big(bandwidth) * &ln_2),
            ];
            for (found, truth) in channel.at(bandwidth).into_iter().zip(truth) {
                let truth = truth.to_f64().value();
                assert!((found - truth).abs() <= 1e-12 * truth.abs(), "{bandwidth}: {found}, not {truth}");
            }
            bandwidth *= 1.9;
        }
    }

    fn cut(channel: Channel) -> Cut {
        Cut {
            arrivals: 0.5,
            delay_price: 2.0,
            power: 3.0,
            sending: 5.0,
            work: [7.0, 11.0, 13.0],
            most: [100.0, 200.0, 300.0],
            prices: [0.25, 0.75],
            channel,
        }
    }

    /// 2 power f^3 = weight work: 6 f^3 = 12 7. And where f is little more than the offset, by x, 2 power offset x^2 = weight work: 6 3.5 x^2 = 84.
    #[test]
    fn starting_points_ignore_minor_terms() {
        let fixed = cut(Channel::Fixed { efficiency: 4.0 });
        assert!((fixed.device(12.0, 0.0) - libm::cbrt(14.0)).abs() < 1e-14);
        assert!((fixed.steep(84.0, 3.5) - 2.0).abs() < 1e-14);
        // x^2 = (3 + 5) 11 / (each / 4). Each hertz gives 4; or, of a base that is not the offset's, (800 - 80) / (200 - 80) = 6.
        assert!((fixed.bandwidth_limit(3.0, 0.0, 0.0) - 88f64.sqrt()).abs() < 1e-14);
        assert!((fixed.bandwidth_limit(3.0, 80.0, 20.0) - 88f64.sqrt()).abs() < 1e-14);
        assert!((fixed.bandwidth_limit(3.0, 80.0, 80.0) - (88f64 / 1.5).sqrt()).abs() < 1e-14);
    }

    /// A slope that is below 0 slightly before a point and above 0 slightly after it is 0 there.
    fn turns(at: f64, slope: impl Fn(f64) -> f64) -> bool {
        slope(at * (1.0 - 1e-6)) < 0.0 && slope(at * (1.0 + 1e-6)) > 0.0
    }

    #[test]
    fn a_device_is_best_where_its_slope_turns() {
        let mut stream = Stream::new(&["device"], 0);
        for case in 0..500 {
            let mut some = || stream.log_uniform(1e-9, 1e9);
            let cut = Cut { power: some(), work: [some(), 0.0, 0.0], ..cut(Channel::Fixed { efficiency: 1.0 }) };
            let (weight, offset) = (some(), if case % 5 == 0 { 0.0 } else { some() });
            let slope =
                |beyond: f64| libm::log(2.0 * cut.power * (offset + beyond) / (weight * cut.work[0]) * beyond * beyond);
            let plenty = Cut { most: [f64::MAX; 3], ..cut };
            let beyond = plenty.device(weight, offset);
            assert!(turns(beyond, slope), "{case}: {beyond}");
            // What is less than that is taken; what is more is left.
            let less = Cut { most: [offset + 0.5 * beyond; 3], ..cut };
            assert_eq!(less.device(weight, offset), less.most[0] - offset);
            let more = Cut { most: [offset + 1.5 * beyond; 3], ..cut };
            if more.most[0] - offset > 1.1 * beyond {
                assert!(turns(more.device(weight, offset), slope), "{case}");
            }
        }
    }

    #[test]
    fn bandwidth_is_best_where_its_slope_turns() {
        let mut stream = Stream::new(&["bandwidth"], 0);
        for case in 0..500 {
            let mut some = || stream.log_uniform(1e-4, 1e4);
            let channel = match case % 2 {
                0 => Channel::Fixed { efficiency: some() },
                _ => Channel::Shannon { strength: some() },
            };
            let (bits, price, weight) = (some(), some(), some());
            let sending = if case % 3 == 0 { 0.0 } else { some() };
            let cut = Cut { work: [0.0, bits, 0.0], prices: [price, 0.0], sending, ..cut(channel) };
            // Half of what the channel has at a million hertz, or little of it; and what it takes besides is nearly nothing or nearly all.
            let rate = channel.at(1e6)[0];
            let offset = [0.0, 0.5 * rate, 1e-3 * rate][case % 3];
            let base = if offset > 0.0 { channel.inverse(offset) } else { 0.0 };
            let found = Cut { most: [1e6; 3], ..cut }.bandwidth(weight, offset);
            let slope = |beyond: f64| {
                let [rate, slope, _] = channel.at(base + beyond);
                let left = rate - offset;
                price - slope * (weight * bits / (left * left) + sending * bits / (rate * rate))
            };
            if found == 1e6 {
                assert!(slope(1e6 - base) <= 0.0, "{case}");
                continue;
            }
            // (A rate's last digits are worth a bit of what is beyond.)
            let beyond = found - base;
            if beyond > 1e-3 * base {
                assert!(turns(beyond, slope), "{case}: {found} beyond {base}");
            }
            let less = base + 0.5 * beyond;
            assert_eq!(Cut { most: [less; 3], ..cut }.bandwidth(weight, offset), less);
            assert_eq!(Cut { most: [1e6; 3], prices: [0.0; 2], ..cut }.bandwidth(weight, offset), 1e6);
        }
    }

    /// The derivative that `residual` gives is that of its value.
    #[test]
    fn a_residual_has_its_derivative() {
        for channel in [Channel::Fixed { efficiency: 4.0 }, Channel::Shannon { strength: 30.0 }] {
            let cut = cut(channel);
            for stage in 0..3 {
                for d in [0.3, 1.0, 2.5] {
                    let [_, slope] = cut.residual(stage, d);
                    let step = 1e-5;
                    let differs = (cut.residual(stage, d + step)[0] - cut.residual(stage, d - step)[0]) / (2.0 * step);
                    assert!((slope - differs).abs() < 1e-7 * slope.abs(), "{stage} at {d}: {slope}, not {differs}");
                }
            }
        }
        // 2 power work^2 / d^3 and price work / d^2, less what a second costs.
        let fixed = cut(Channel::Fixed { efficiency: 4.0 });
        assert!((fixed.residual(0, 2.0)[0] - (2.0 * 3.0 * 49.0 / 8.0 - 2.0)).abs() < 1e-13);
        assert!((fixed.residual(1, 2.0)[0] - (0.25 * 11.0 / 4.0 / 4.0 - 5.0 - 2.0)).abs() < 1e-13);
        assert!((fixed.residual(2, 2.0)[0] - (0.75 * 13.0 / 4.0 - 2.0)).abs() < 1e-13);
    }

    /// The weights sum to the derivative of the waiting time; each is its stage's residual, or the remainder if the stage cannot be faster.
    #[test]
    fn weights_sum_to_the_derivative_of_waiting() {
        let mut stream = Stream::new(&["weights"], 0);
        let mut short = 0;
        for case in 0..500 {
            let mut some = || stream.log_uniform(0.1, 10.0);
            let channel = match case % 2 {
                0 => Channel::Fixed { efficiency: some() },
                _ => Channel::Shannon { strength: 100.0 * some() },
            };
            let mut cut = Cut {
                arrivals: some(),
                delay_price: some(),
                power: 0.1 * some(),
                sending: 0.1 * some(),
                work: [some(), some(), some()],
                most: [30.0 * some(), 30.0 * some(), 30.0 * some()],
                prices: [0.1 * some(), 0.1 * some()],
                channel,
            };
            if case % 4 == 0 {
                cut.work[case / 4 % 3] = 0.0;
            }
            let least = |i: usize| cut.work[i] / if i == 1 { channel.at(cut.most[1])[0] } else { cut.most[i] };
            let slowest = (0..3).map(least).fold(0.0, f64::max);
            let weights = cut.weights();
            if cut.arrivals * slowest >= 1.0 {
                assert_eq!(weights, [0.0; 3], "{case}");
                continue;
            }
            // y = z (2 + z) / 2, z = rho / (1 - rho)
            let y = weights.iter().sum::<f64>() / cut.delay_price;
            let z = (1.0 + 2.0 * y).sqrt() - 1.0;
            let d = z / (1.0 + z) / cut.arrivals;
            assert!(d >= slowest * (1.0 - 1e-9), "{case}: {d} {slowest}");
            for (i, weight) in weights.into_iter().enumerate() {
                if cut.work[i] == 0.0 {
                    assert_eq!(weight, 0.0);
                } else if least(i) < d * (1.0 - 1e-9) {
                    let residual = cut.residual(i, d)[0].max(0.0);
                    assert!(
                        (weight - residual).abs() <= 1e-3 * (residual + cut.delay_price),
                        "{case}, {i}: {weight} {residual}"
                    );
                } else {
                    short += 1;
                    assert!(weight >= cut.residual(i, d)[0] - 1e-3 * cut.delay_price, "{case}, {i}");
                }
            }
        }
        assert!(short > 20, "{short}");
        // Without arrivals nobody waits.
        assert_eq!(Cut { arrivals: 0.0, ..cut(Channel::Fixed { efficiency: 4.0 }) }.weights(), [0.0; 3]);
        assert_eq!(Cut { work: [0.0; 3], ..cut(Channel::Fixed { efficiency: 4.0 }) }.weights(), [0.0; 3]);
    }
}
