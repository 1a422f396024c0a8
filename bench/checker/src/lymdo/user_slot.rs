//! The least cost phi of a user's cut in a slot, at prices of bandwidth and of the edge's speed.
//!
//! Exponential service: phi separates into device, channel and edge. Deterministic service: the waiting time of the slowest stage,
//! h(d) = lambda d^2 / (2 (1 - lambda d)), is convex and rises, so for any g_i >= 0 with sum G
//!
//! ```text
//! V h(max_i d_i) >= y V max_i d_i - V h*(y) >= sum_i g_i d_i - V h*(y)     for y V >= G,     h*(y) = z^2 / (2 lambda), y = z (2 + z) / 2
//! V D            >= sum_i (V + g_i) d_i - V z^2 / (2 lambda)
//! ```
//!
//! which separates as well. (z is rho / (1 - rho) of the slowest stage. Computed from z, both y and h* take few roundings; they are large and nearly cancel
//! where that stage is nearly full.) At the best g_i the bound is tight (both sides are convex), and near them the loss is of second order. The least cost of
//! every part is bounded in [`super::stage`].

use offcut_instances::lymdo::{Instance, Prices, Service};

use super::approximate_minimizer::{Channel, Cut};
use super::stage::{Delay, Rate, StageWork, channel, device, edge};
use crate::interval::{Interval, add_down, product};

/// A user in a slot.
pub(super) struct UserSlot<'a> {
    service: Service,
    pub(super) work: &'a [StageWork],
    arrivals: f64,
    delay_price: f64,
    /// The cost of `f^2` per MAC of work, and of a second of sending.
    power: Interval,
    sending: Interval,
    rate: Rate,
    /// The largest speed of the device, bandwidth, and speed of the edge.
    most: [f64; 3],
    /// The cuts with which the user alone can be stable.
    pub(super) stable: Vec<bool>,
}

impl<'a> UserSlot<'a> {
    pub(super) fn new(
        instance: &Instance,
        work: &'a [StageWork],
        t: usize,
        n: usize,
        delay_price: f64,
        energy_price: f64,
    ) -> Self {
        let (user, slot) = (&instance.users[n], &instance.slots[t]);
        let arrivals = slot.arrivals_per_s[n];
        let weight = Interval::point(energy_price) * product(instance.slot_s, arrivals);
        let mut user_slot = Self {
            service: instance.service,
            work,
            arrivals,
            delay_price,
            power: weight * Interval::point(user.energy_per_mac_coeff),
            sending: weight * Interval::point(user.tx_power_w),
            rate: Rate::new(instance, user, slot.gains[n]),
            most: [user.device.speed, instance.bandwidth_hz, instance.edge().speed],
            stable: Vec::new(),
        };
        let [device, bandwidth, edge] = user_slot.most;
        let speeds = [Interval::point(device), user_slot.rate.at(Interval::point(bandwidth)), Interval::point(edge)];
        let is_stable = |work: &StageWork| {
            let stages = work.stages().into_iter().zip(speeds);
            let mut stages = stages.filter(|(work, _)| *work != Interval::ZERO);
            stages.all(|(work, speed)| speed.high() > work.arriving(arrivals).low())
        };
        user_slot.stable = work.iter().map(is_stable).collect();
        user_slot
    }

    /// phi: the least cost of a cut at some prices, rounded down.
    pub(super) fn least(&self, cut: usize, prices: &Prices) -> f64 {
        let work = &self.work[cut];
        let stages = work.stages();
        let power = self.power * work.local;
        let approximate = Cut {
            arrivals: self.arrivals,
            delay_price: self.delay_price,
            power: power.middle(),
            sending: self.sending.middle(),
            work: stages.map(Interval::middle),
            most: self.most,
            prices: [prices.bandwidth, prices.edge],
            channel: match self.rate {
                Rate::Shannon { strength } => Channel::Shannon { strength: strength.middle() },
                Rate::Fixed { bit_per_s_per_hz } => Channel::Fixed { efficiency: bit_per_s_per_hz },
            },
        };
        let delay_price = Interval::point(self.delay_price);
        let (weights, offsets, constant) = match self.service {
            Service::Exponential => ([delay_price; 3], stages.map(|work| work.arriving(self.arrivals)), Interval::ZERO),
            Service::Deterministic => {
                // Any finite weights >= 0 give a bound. Nobody waits without arrivals, and no weight would be made good for.
                let waits = self.arrivals > 0.0;
                let weights = approximate.weights();
                let weights = weights.map(|weight| if waits && weight < 1e90 { weight.max(0.0) } else { 0.0 });
                let weights = weights.map(Interval::point);
                let waiting = if waits { self.conjugate(weights) } else { Interval::ZERO };
                (weights.map(|weight| delay_price + weight), [Interval::ZERO; 3], waiting)
            }
        };
        let delay = |i: usize| Delay { weight: weights[i], work: stages[i], offset: offsets[i] };
        let [device_most, bandwidth, edge_most] = self.most;
        let mut total = 0.0;
        if stages[0] != Interval::ZERO {
            let near = approximate.device(weights[0].middle(), offsets[0].middle());
            total = add_down(total, device(delay(0), power, device_most, near));
        }
        if stages[1] != Interval::ZERO {
            let near = approximate.bandwidth(weights[1].middle(), offsets[1].middle());
            total = add_down(total, channel(delay(1), self.sending, &self.rate, prices.bandwidth, bandwidth, near));
        }
        if stages[2] != Interval::ZERO {
            total = add_down(total, edge(delay(2), prices.edge, edge_most));
        }
        add_down(total, -constant.high()).max(0.0)
    }

    /// `V h*(y)` for some y with `y V >= G`.
    fn conjugate(&self, weights: [Interval; 3]) -> Interval {
        let all = weights[0] + weights[1] + weights[2];
        match self.waiting_root(all.high()) {
            Some(z) => {
                product(z, z) * Interval::point(self.delay_price)
                    / (Interval::point(2.0) * Interval::point(self.arrivals))
            }
            // Numbers that are too far apart give no information.
            None => Interval::between(0.0, f64::INFINITY),
        }
    }

    /// A z with `V z (2 + z) / 2 >= G`, certainly, and hardly larger than needed.
    fn waiting_root(&self, all: f64) -> Option<f64> {
        let (price, two) = (Interval::point(self.delay_price), Interval::point(2.0));
        // z (2 + z) = 2 G / V, in plain floats, then next to there.
        let y = all / self.delay_price;
        let near = 2.0 * y / ((1.0 + 2.0 * y).sqrt() + 1.0);
        let nearby = [0.0, 1e-15, 1e-14, 1e-12, 1e-9].map(|more| near * (1.0 + more));
        let is_enough = |z: &f64| {
            let z = Interval::point(*z);
            z.high() < 1e100 && (price * z * (two + z) / two).low() >= all
        };
        nearby.into_iter().find(is_enough)
    }

    /// The bandwidth and edge speed that stability of a cut needs: stable shares are larger, or both are 0.
    pub(super) fn needs(&self, cut: usize) -> [f64; 2] {
        let [_, bits, remote] = self.work[cut].stages().map(|work| work.arriving(self.arrivals).low());
        let is_less = |bandwidth: &f64| *bandwidth > 0.0 && self.rate.at(Interval::point(*bandwidth)).high() <= bits;
        let near = match self.rate {
            _ if bits <= 0.0 => 0.0,
            Rate::Shannon { strength } => Channel::Shannon { strength: strength.middle() }.inverse(bits),
            Rate::Fixed { bit_per_s_per_hz } => bits / bit_per_s_per_hz,
        };
        let nearer = [0.0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-9, 1e-6, 1e-3].map(|less| near * (1.0 - less));
        [nearer.into_iter().find(is_less).unwrap_or(0.0), remote]
    }
}

/// The least cost of a cut for the only user of the only slot at some prices; infinite if it is not stable. For tests.
#[cfg(test)]
pub(super) fn phi(instance: &Instance, work: &[StageWork], cut: usize, prices: &Prices) -> f64 {
    let user_slot = UserSlot::new(instance, work, 0, 0, instance.v, instance.users[0].backlog_j);
    if user_slot.stable[cut] { user_slot.least(cut, prices) } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use dashu_float::FBig;
    use dashu_float::round::mode::HalfAway;
    use offcut_instances::document::parse_instance;
    use offcut_instances::lymdo::{Lymdo, RateLaw};
    use offcut_instances::random::Stream;

    use super::super::stage::WorkOfCuts;
    use super::*;

    fn toy() -> Instance {
        parse_instance::<Lymdo>(include_bytes!("../../../../instances/data/lymdo/toy.json")).expect("legal")
    }

    /// V (sqrt(1 + 2 G/V) - 1)^2 / (2 lambda), never less, and more by roundings only.
    #[test]
    fn conjugates_are_not_too_small() {
        type Big = FBig<HalfAway, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(300).value();
        let instance = toy();
        let work = WorkOfCuts::new(&instance);
        let work = work.of(&instance.users[0]);
        let mut stream = Stream::new(&["conjugates"], 0);
        for _ in 0..500 {
            let mut some = || stream.log_uniform(1e-6, 1e6);
            let (price, weights) = (some(), [some(), some(), some()]);
            let user_slot = UserSlot { arrivals: some(), ..UserSlot::new(&instance, work, 0, 0, price, 1.0) };
            let enclosed = user_slot.conjugate(weights.map(Interval::point));
            let all = weights.iter().fold(big(0.0), |sum, weight| sum + big(*weight));
            let z = (big(1.0) + big(2.0) * &all / big(price)).sqrt() - big(1.0);
            let truth = big(price) * &z * &z / (big(2.0) * big(user_slot.arrivals));
            assert!(big(enclosed.high()) >= truth, "{enclosed:?} {truth}");
            let z = big(user_slot.waiting_root(all.to_f64().value().next_up()).expect("numbers"));
            assert!(big(price) * &z * (big(2.0) + &z) / big(2.0) >= all, "{z} {all}");
            assert!(enclosed.high() <= truth.to_f64().value() * (1.0 + 1e-13), "{enclosed:?} {truth}");
        }
    }

    /// The rate of what is needed is no more than what arrives, and less by roundings only.
    #[test]
    fn needs_are_not_too_large() {
        let mut stream = Stream::new(&["needs"], 0);
        for case in 0..500 {
            let mut instance = toy();
            instance.models[0].cut_bytes[0] = stream.log_uniform(1e-3, 1e3);
            (instance.rate_law, instance.noise_w_per_hz) = match case % 2 {
                0 => (RateLaw::Fixed { bit_per_s_per_hz: stream.log_uniform(0.1, 10.0) }, 1.0),
                _ => (RateLaw::Shannon, 1.0),
            };
            instance.slots[0].gains[0] = stream.log_uniform(1e4, 1e6);
            let work = WorkOfCuts::new(&instance);
            let work = work.of(&instance.users[0]);
            let mut user_slot = UserSlot::new(&instance, work, 0, 0, 1.0, 1.0);
            let arriving = 8.0 * instance.models[0].cut_bytes[0] * user_slot.arrivals;
            let [bandwidth, edge] = user_slot.needs(0);
            let rate = user_slot.rate.at(Interval::point(bandwidth));
            assert!(rate.high() <= arriving && rate.low() >= arriving * (1.0 - 1e-11), "{case}: {rate:?} {arriving}");
            assert_eq!(edge, work[0].stages()[2].low() * user_slot.arrivals);
            // Nothing arrives, nothing is needed.
            user_slot.arrivals = 0.0;
            assert_eq!(user_slot.needs(0), [0.0; 2]);
        }
    }
}
