//! A stage of a user in a slot: its speed from its share, and the least it can cost at a price, rounded down.
//!
//! Every least is that of a convex function of one share x, found as
//!
//! ```text
//! g(x) >= g(x0) + g'(x0) (x - x0)       for any x0; at a good x0, g' is nearly 0 and nothing is lost
//! ```
//!
//! With g(x0) and g'(x0) enclosed that is a bound for every x0, wherever x0 comes from. x lies between 0 and the capacity, or less: a share whose price
//! alone is above g(x0) is not optimal.

use std::collections::BTreeMap;

use offcut_instances::lymdo::{Instance, Model, RateLaw, User};

use crate::interval::{Accumulator, Interval, add_down, add_up, ln_2, minus, product};

/// The work of a cut at device, channel and edge.
#[derive(Clone, Copy)]
pub(super) struct StageWork {
    /// Work at the device.
    pub(super) local: Interval,
    /// Bits to be sent; exact.
    pub(super) bits: f64,
    /// Work at the edge.
    pub(super) remote: Interval,
}

impl StageWork {
    /// For every cut of a model, on a device and an edge of these kinds.
    fn of_cuts(model: &Model, device: Option<u32>, edge: Option<u32>) -> Vec<Self> {
        let prefixes = |work: &mut dyn Iterator<Item = &f64>| {
            let mut total = Accumulator::default();
            let mut prefixes = vec![Interval::ZERO];
            for work in work {
                total.add(Interval::point(*work));
                prefixes.push(total.total());
            }
            prefixes
        };
        let local = prefixes(&mut model.work(device).iter());
        let remote = prefixes(&mut model.work(edge).iter().rev());
        let work = |(cut, bytes): (usize, &f64)| Self {
            local: local[cut],
            bits: 8.0 * bytes,
            remote: remote[model.blocks() - cut],
        };
        model.cut_bytes.iter().enumerate().map(work).collect()
    }
}

impl StageWork {
    /// At device, channel and edge.
    pub(super) fn stages(&self) -> [Interval; 3] {
        [self.local, Interval::point(self.bits), self.remote]
    }
}

/// The work of every cut, for every model and kind of device that a user has.
pub(super) struct WorkOfCuts(BTreeMap<(u32, Option<u32>), Vec<StageWork>>);

impl WorkOfCuts {
    pub(super) fn new(instance: &Instance) -> Self {
        let mut of = BTreeMap::new();
        let edge = instance.edge().kind;
        for User { model, device, .. } in &instance.users {
            of.entry((*model, device.kind))
                .or_insert_with(|| StageWork::of_cuts(&instance.models[*model as usize], device.kind, edge));
        }
        Self(of)
    }

    /// Of a user's model. Shape (cuts,).
    pub(super) fn of(&self, user: &User) -> &[StageWork] {
        &self.0[&(user.model, user.device.kind)]
    }
}

impl Interval {
    /// This work times how often it comes, a point if that is exact.
    pub(super) fn arriving(self, per_s: f64) -> Self {
        Self::between(product(per_s, self.low()).low(), product(per_s, self.high()).high())
    }
}

/// The rate of a user's channel, by bandwidth.
#[derive(Clone, Copy)]
pub(super) enum Rate {
    /// `b log2(1 + s / b)` with s = p h / N0, in Hz.
    Shannon { strength: Interval },
    /// `b` times so many bit/s/Hz.
    Fixed { bit_per_s_per_hz: f64 },
}

impl Rate {
    pub(super) fn new(instance: &Instance, user: &User, gain: f64) -> Self {
        match instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => Self::Fixed { bit_per_s_per_hz },
            RateLaw::Shannon => {
                let power = product(user.tx_power_w, gain);
                Self::Shannon { strength: power / Interval::point(instance.noise_w_per_hz) }
            }
        }
    }

    /// In bit/s. It rises with bandwidth, so ends are made of ends.
    pub(super) fn at(&self, bandwidth: Interval) -> Interval {
        match *self {
            Self::Fixed { bit_per_s_per_hz } => bandwidth.arriving(bit_per_s_per_hz),
            Self::Shannon { strength } => {
                let rate = |bandwidth: f64| {
                    if bandwidth == 0.0 {
                        return Interval::ZERO;
                    }
                    let bandwidth = Interval::point(bandwidth);
                    bandwidth * (strength / bandwidth).ln_1p() / ln_2()
                };
                Interval::between(rate(bandwidth.low()).low(), rate(bandwidth.high()).high())
            }
        }
    }

    /// The derivative of the rate in bandwidth: `(ln(1+x) - x/(1+x)) / ln 2` with x = s / b.
    fn slope(&self, bandwidth: f64) -> Interval {
        match *self {
            Self::Fixed { bit_per_s_per_hz } => Interval::point(bit_per_s_per_hz),
            Self::Shannon { strength } => log_excess(strength / Interval::point(bandwidth)) / ln_2(),
        }
    }
}

/// `ln(1+x) - x/(1+x)`, which rises with x.
fn log_excess(x: Interval) -> Interval {
    let at = |x: f64| {
        let point = Interval::point(x);
        if x < SMALL { point * point * series(x) } else { minus(point.ln_1p(), point / (Interval::point(1.0) + point)) }
    };
    Interval::between(at(x.low()).low(), at(x.high()).high())
}

/// Below this x the difference is taken from its series: 1/2 - 2x/3 + 3x^2/4 - ..., times x^2.
const SMALL: f64 = 0.01;

/// The series up to x^7. The remainder is below x^8 < 1e-16, the rounding errors are a few 1e-16; 1e-14 is allowed for both.
fn series(x: f64) -> Interval {
    let terms = (2..=9).rev().fold(0.0, |rest, k| {
        let k = f64::from(k);
        (k - 1.0) / k - x * rest
    });
    Interval::between(terms * (1.0 - 1e-14), terms * (1.0 + 1e-14))
}

/// `work / speed`, where the speed's lower end may be 0; its upper end is not.
fn over(work: Interval, speed: Interval) -> Interval {
    if speed.low() > 0.0 {
        return work / speed;
    }
    let low = if speed.high() > 0.0 { (work.low() / speed.high()).next_down().max(0.0) } else { 0.0 };
    Interval::between(low, f64::INFINITY)
}

/// A convex function at a point.
struct Tangent {
    at: f64,
    value: Interval,
    /// Its derivative is `rise - fall`.
    rise: Interval,
    fall: Interval,
}

impl Tangent {
    /// The least of the tangent over 0 to `most`, rounded down; 0 at least, as all costs are.
    fn least(&self, most: f64) -> f64 {
        let decrease = |slope: f64, step: f64| if step > 0.0 && slope > 0.0 { (slope * step).next_up() } else { 0.0 };
        let falls = decrease(add_up(self.fall.high(), -self.rise.low()), add_up(most, -self.at));
        let rises = decrease(add_up(self.rise.high(), -self.fall.low()), self.at);
        let least = add_down(self.value.low(), -falls.max(rises));
        if least > 0.0 { least } else { 0.0 }
    }
}

/// The delay term of a stage in both kinds of service: `weight work / (speed - offset)`.
#[derive(Clone, Copy)]
pub(super) struct Delay {
    pub(super) weight: Interval,
    pub(super) work: Interval,
    pub(super) offset: Interval,
}

impl Delay {
    /// The cost at a speed, and its negative derivative.
    fn at(&self, speed: Interval) -> [Interval; 2] {
        let left = minus(speed, self.offset);
        let cost = over(self.weight * self.work, left);
        [cost, over(cost, left)]
    }
}

/// The largest share to consider: `most`, or `reach` if larger shares cost more than the value at `at`.
fn limited(most: f64, at: f64, reach: f64) -> f64 {
    if reach.is_finite() { most.min(reach.next_up()).max(at) } else { most }
}

/// The least of `delay + power f^2` over f up to `most`, near `offset + near`. The share is what f is above the offset: where energy is expensive that is
/// a tiny part of f, and would be lost in its rounding.
pub(super) fn device(delay: Delay, power: Interval, most: f64, near: f64) -> f64 {
    let most = minus(Interval::point(most), delay.offset).high();
    let at = if near > 0.0 && near < most { near } else { most };
    let left = Interval::point(at);
    let cost = over(delay.weight * delay.work, left);
    let speed = delay.offset + left;
    let energy = power * speed;
    let value = cost + energy * speed;
    let tangent = Tangent { at, value, rise: Interval::point(2.0) * energy, fall: over(cost, left) };
    // power f^2 <= value
    let reach = if power.low() > 0.0 { (value.high() / power.low()).next_up().sqrt() } else { f64::INFINITY };
    tangent.least(limited(most, at, add_up(reach.next_up(), -delay.offset.low())))
}

/// The least of `delay + sending bits / r(b) + price b` over b up to `most`.
pub(super) fn channel(delay: Delay, sending: Interval, rate: &Rate, price: f64, most: f64, near: f64) -> f64 {
    let at = if near > 0.0 && near < most { near } else { most };
    let speed = rate.at(Interval::point(at));
    let [cost, fall] = delay.at(speed);
    let energy = over(sending * delay.work, speed);
    let value = cost + energy + product(price, at);
    let fall = rate.slope(at) * (fall + over(energy, speed));
    let tangent = Tangent { at, value, rise: Interval::point(price), fall };
    let reach = if price > 0.0 { value.high() / price } else { f64::INFINITY };
    tangent.least(limited(most, at, reach))
}

/// The least of `delay + price F` over F up to `most`: `price offset + 2 sqrt(weight work price)`, and where that takes more than the capacity, the
/// tangent at the capacity.
pub(super) fn edge(delay: Delay, price: f64, most: f64) -> f64 {
    let price = Interval::point(price);
    let free = price * delay.offset + Interval::point(2.0) * (delay.weight * delay.work * price).sqrt();
    let speed = Interval::point(most);
    let [cost, fall] = delay.at(speed);
    let full = Tangent { at: most, value: cost + price * speed, rise: price, fall };
    free.low().max(full.least(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On both sides of where the series begins, and where x is so small that the difference alone would be all rounding.
    #[test]
    fn the_log_excess_is_narrow_and_right() {
        type Big = dashu_float::FBig<dashu_float::round::mode::HalfAway, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(400).value();
        let mut x = 1e-30;
        while x < 1e40 {
            let truth = (big(1.0) + big(x)).ln() - big(x) / (big(1.0) + big(x));
            let enclosed = log_excess(Interval::point(x));
            assert!(big(enclosed.low()) <= truth && truth <= big(enclosed.high()), "{x}");
            assert!(enclosed.high() - enclosed.low() <= 1e-12 * enclosed.high(), "{x}");
            x *= 1.7;
        }
    }

    #[test]
    fn work_over_a_speed_that_may_be_0() {
        let over = |work: f64, low: f64, high: f64| over(Interval::point(work), Interval::between(low, high));
        assert_eq!(over(6.0, 0.0, 3.0), Interval::between(2f64.next_down(), f64::INFINITY));
        assert_eq!(over(0.0, 0.0, 1.0), Interval::between(0.0, f64::INFINITY));
        assert_eq!(over(6.0, 0.0, 0.0), Interval::between(0.0, f64::INFINITY));
        assert_eq!(over(6.0, 2.0, 3.0), Interval::between(2f64.next_down(), 3f64.next_up()));
    }

    /// 10 at 2, falling by 2 or rising by 1: to where it is least; and exactly what it is where it is level, or has no way to go.
    #[test]
    fn a_tangent_is_least_at_an_end() {
        let least = |at: f64, rise: f64, fall: f64, most: f64| {
            let point = Interval::point;
            Tangent { at, value: point(10.0), rise: point(rise), fall: point(fall) }.least(most)
        };
        let close = |found: f64, expected: f64| assert!(found <= expected && expected - found < 1e-14, "{found}");
        close(least(2.0, 1.0, 3.0, 5.0), 4.0);
        close(least(2.0, 1.0, 3.0, 4.0), 6.0);
        close(least(2.0, 3.0, 2.0, 5.0), 8.0);
        assert_eq!(least(2.0, 1.0, 3.0, 50.0), 0.0);
        assert_eq!([least(2.0, 1.0, 3.0, 2.0), least(2.0, 3.0, 3.0, 5.0), least(0.0, 3.0, 1.0, 5.0)], [10.0; 3]);
    }

    fn delay(weighted: f64, offset: f64) -> Delay {
        Delay { weight: Interval::point(1.0), work: Interval::point(weighted), offset: Interval::point(offset) }
    }

    fn close(found: f64, expected: f64) {
        assert!(found <= expected + 1e-15 && expected - found < 1e-12 * expected, "{found}, not {expected}");
    }

    /// 2/x + x^2 is 3 at 1, and 4/x + (x + 1)^2 is 8. A tenth away, the tangent goes down to where x^2, or (x + 1)^2, alone is more than the value; were it
    /// to go on to all there is, it would be below 0.
    #[test]
    fn a_device_has_its_least_cost() {
        let one = Interval::point(1.0);
        close(device(delay(2.0, 0.0), one, 10.0, 1.0), 3.0);
        close(device(delay(4.0, 1.0), one, 10.0, 1.0), 8.0);
        let value: f64 = 2.0 / 0.9 + 0.81;
        close(device(delay(2.0, 0.0), one, 10.0, 0.9), value - (2.0 / 0.81 - 1.8) * (value.sqrt() - 0.9));
        let value: f64 = 4.0 / 0.9 + 1.9 * 1.9;
        close(device(delay(4.0, 1.0), one, 10.0, 0.9), value - (4.0 / 0.81 - 3.8) * (value.sqrt() - 1.0 - 0.9));
        // An approximate minimizer beyond the capacity, or none, is replaced by the capacity; at half a unit the cost is 4 + 1/4, falling.
        for near in [0.5, 0.7, 0.0, -1.0, f64::INFINITY, f64::NAN] {
            close(device(delay(2.0, 0.0), one, 0.5, near), 4.25);
        }
        // Energy for nothing: 2/x.
        close(device(delay(2.0, 0.0), Interval::ZERO, 10.0, 10.0), 0.2);
    }

    /// 1/(2 b) + b/2 is 1 at 1, with or without half of it for sending; as above a tenth away, where b/2 alone is more beyond 2.01.
    #[test]
    fn a_channel_has_its_least_cost() {
        let rate = Rate::Fixed { bit_per_s_per_hz: 1.0 };
        let least =
            |price: f64, most: f64, near: f64| channel(delay(0.5, 0.0), Interval::ZERO, &rate, price, most, near);
        close(least(0.5, 100.0, 1.0), 1.0);
        close(channel(delay(0.25, 0.0), Interval::point(1.0), &rate, 0.5, 100.0, 1.0), 1.0);
        let value = 0.5 / 0.9 + 0.45;
        close(least(0.5, 100.0, 0.9), value - (0.5 / 0.81 - 0.5) * (value / 0.5 - 0.9));
        for near in [0.5, 0.7, 0.0, -1.0, f64::INFINITY, f64::NAN] {
            close(least(0.5, 0.5, near), 1.25);
        }
        close(least(0.0, 10.0, 10.0), 0.05);
    }

    /// 2 sqrt(2 8) + 8 2 = 24 at an offset of 2; where there are only 3, 8/(3 - 2) + 2 3 = 14; and 8/(4 - 2) of 4 that cost nothing.
    #[test]
    fn an_edge_has_its_least_cost() {
        close(edge(delay(2.0, 2.0), 8.0, 100.0), 24.0);
        close(edge(delay(8.0, 2.0), 2.0, 3.0), 14.0);
        close(edge(delay(8.0, 2.0), 0.0, 4.0), 4.0);
    }
}
