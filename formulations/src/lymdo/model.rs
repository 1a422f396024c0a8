//! Decisions in the units of the instance, and what they cost by the definition: delay, energy and objective value.

use offcut_instances::lymdo::{Allocation, Instance, RateLaw, Service};

/// Decisions in the units of the instance: MAC/s and Hz, each of shape (users,), from speeds and shares in [0, 1].
/// Shares are scaled so that their sum is within the capacity in any order of addition.
pub(super) fn allocation(
    instance: &Instance,
    cuts: Vec<u32>,
    local: &[f64],
    bandwidth: &[f64],
    edge: &[f64],
) -> Allocation {
    let share = |shares: &[f64], all: f64| {
        let mut given: Vec<f64> = shares.iter().map(|share| share * all).collect();
        // Each term and each addition is off by at most half an ulp.
        let slack = 1.0 + (given.len() as f64 + 2.0) * f64::EPSILON;
        let total = given.iter().sum::<f64>() * slack;
        if total > all {
            let by = all / (total * slack);
            given.iter_mut().for_each(|given| *given *= by);
        }
        given
    };
    Allocation {
        local_macs_per_s: instance.users.iter().zip(local).map(|(user, u)| user.device.speed * u.min(1.0)).collect(),
        bandwidth_hz: share(bandwidth, instance.bandwidth_hz),
        edge_macs_per_s: share(edge, instance.edge().speed),
        cuts,
    }
}

/// Delay in seconds and energy in joules of every user in slot `t`, of shape (users,); `None` if a stage is unstable.
pub(super) fn delays_and_energies(instance: &Instance, t: usize, allocation: &Allocation) -> Option<Vec<(f64, f64)>> {
    let slot = &instance.slots[t];
    let of = |n: usize| {
        let user = &instance.users[n];
        let model = &instance.models[user.model as usize];
        let (lambda, cut) = (slot.arrivals_per_s[n], allocation.cuts[n] as usize);
        let done: f64 = instance.device_work(n)[..cut].iter().sum();
        let rest: f64 = instance.edge_work(n)[cut..].iter().sum();
        let bits = 8.0 * model.cut_bytes[cut];
        let bandwidth = allocation.bandwidth_hz[n];
        let rate = match instance.rate_law {
            RateLaw::Fixed { bit_per_s_per_hz } => bandwidth * bit_per_s_per_hz,
            RateLaw::Shannon if bandwidth > 0.0 => {
                let noise = instance.noise_w_per_hz * bandwidth;
                bandwidth * (user.tx_power_w * (slot.gains[n] / noise)).ln_1p() / std::f64::consts::LN_2
            }
            RateLaw::Shannon => 0.0,
        };
        let speed = allocation.local_macs_per_s[n];
        let (mut delay, mut slowest) = (0.0, 0.0f64);
        let mut sent = 0.0;
        for (stage, (work, rate)) in
            [(done, speed), (bits, rate), (rest, allocation.edge_macs_per_s[n])].into_iter().enumerate()
        {
            if work == 0.0 {
                continue;
            }
            // (A stage that is stable by less than rounding errors counts as unstable.)
            if rate <= lambda * work * (1.0 + 1e-14) || rate == 0.0 {
                return None;
            }
            let time = work / rate;
            if stage == 1 {
                sent = time;
            }
            match instance.service {
                Service::Exponential => delay += work / (rate - lambda * work),
                Service::Deterministic => delay += time,
            }
            slowest = slowest.max(time);
        }
        if instance.service == Service::Deterministic {
            delay += lambda * slowest * slowest / (2.0 * (1.0 - lambda * slowest));
        }
        let energy =
            instance.slot_s * lambda * (user.energy_per_mac_coeff * speed * speed * done + user.tx_power_w * sent);
        Some((delay, energy))
    };
    (0..instance.users.len()).map(of).collect()
}

/// The objective value of slot 0, V times delays plus backlogs times energies; `None` if a stage is unstable.
pub(super) fn slot_objective(instance: &Instance, allocation: &Allocation) -> Option<f64> {
    let of = delays_and_energies(instance, 0, allocation)?;
    let terms =
        instance.users.iter().zip(of).map(|(user, (delay, energy))| instance.v * delay + user.backlog_j * energy);
    Some(terms.sum())
}
