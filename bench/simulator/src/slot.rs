//! What a user's tasks pass through in a slot of `lymdo`: its device, its channel, its share of the edge.

use offcut_instances::document::InputError;
use offcut_instances::lymdo::{Allocation, Instance, RateLaw, Solution};

use crate::tandem::Tandem;

/// What every user's tasks pass through in slot `t` if it is run as `solution` says; none for who has no tasks, or none with any work. Shape (users,).
///
/// A stage without work is left out. A channel is a queue like the others: it sends a task's bytes at the rate of its bandwidth, one task after the
/// other. Nothing is lost between stages.
///
/// # Errors
/// [`InputError`] if there is no such slot, `solution` does not fit the instance, or a queue is not stable: it names the user.
pub fn slot_tandems(instance: &Instance, solution: &Solution, t: usize) -> Result<Vec<Option<Tandem>>, InputError> {
    let (slots, given) = (instance.slots.len(), solution.slots.len());
    if given != slots {
        let what = format!("has {given} entries for {slots} slots");
        return Err(InputError::at("slots", what, "give one entry per slot"));
    }
    let Some(allocation) = solution.slots.get(t) else {
        let what = format!("is {t}, and there are {slots}");
        return Err(InputError::at("--slot", what, "count slots from 0"));
    };
    let below = |input_error: InputError| input_error.below(format!("slots[{t}]"));
    fits(instance, allocation).map_err(below)?;
    (0..instance.users.len()).map(|n| tandem(instance, allocation, t, n).map_err(below)).collect()
}

/// Whether there is one of everything for every user.
fn fits(instance: &Instance, allocation: &Allocation) -> Result<(), InputError> {
    let users = instance.users.len();
    let Allocation { cuts, local_macs_per_s, bandwidth_hz, edge_macs_per_s } = allocation;
    for (field, is) in [
        ("cuts", cuts.len()),
        ("local_macs_per_s", local_macs_per_s.len()),
        ("bandwidth_hz", bandwidth_hz.len()),
        ("edge_macs_per_s", edge_macs_per_s.len()),
    ] {
        if is != users {
            return Err(InputError::at(
                field,
                format!("has {is} entries for {users} users"),
                "give one entry per user",
            ));
        }
    }
    for (n, user) in instance.users.iter().enumerate() {
        let blocks = instance.models[user.model as usize].blocks();
        if cuts[n] as usize > blocks {
            let what = format!("is cut {} of a chain of {blocks} blocks", cuts[n]);
            return Err(InputError::at(format!("cuts[{n}]"), what, "count cuts from 0, the last one keeps everything"));
        }
    }
    Ok(())
}

fn tandem(instance: &Instance, allocation: &Allocation, t: usize, n: usize) -> Result<Option<Tandem>, InputError> {
    let (user, slot) = (&instance.users[n], &instance.slots[t]);
    let rate_per_s = slot.arrivals_per_s[n];
    if rate_per_s == 0.0 {
        return Ok(None);
    }
    let model = &instance.models[user.model as usize];
    let cut = allocation.cuts[n] as usize;
    let bandwidth = allocation.bandwidth_hz[n];
    let bit_per_s = match instance.rate_law {
        RateLaw::Fixed { bit_per_s_per_hz } => bandwidth * bit_per_s_per_hz,
        RateLaw::Shannon if bandwidth > 0.0 => {
            let snr = user.tx_power_w * slot.gains[n] / (instance.noise_w_per_hz * bandwidth);
            bandwidth * libm::log1p(snr) / core::f64::consts::LN_2
        }
        RateLaw::Shannon => 0.0,
    };
    let stages = [
        ("local_macs_per_s", "device", instance.device_work(n)[..cut].iter().sum(), allocation.local_macs_per_s[n]),
        ("bandwidth_hz", "channel", 8.0 * model.cut_bytes[cut], bit_per_s),
        ("edge_macs_per_s", "edge", instance.edge_work(n)[cut..].iter().sum::<f64>(), allocation.edge_macs_per_s[n]),
    ];
    let mut service_s = Vec::with_capacity(3);
    for (field, stage, work, speed) in stages.into_iter().filter(|(_, _, work, _)| *work > 0.0) {
        let stage_s = work / speed;
        // The quotient too: rounded, it may say 1 where the difference still says less.
        if !(speed.is_finite() && speed > rate_per_s * work && rate_per_s * stage_s < 1.0) {
            let arriving = rate_per_s * work;
            let what = format!(
                "user {n} gets {speed:e} a second at its {stage} and {arriving:e} arrive: its queue grows without end"
            );
            return Err(InputError::at(format!("{field}[{n}]"), what, "give it more than arrives"));
        }
        service_s.push(stage_s);
    }
    let hops_s = vec![0.0; service_s.len() + 1];
    Ok((!service_s.is_empty()).then_some(Tandem { rate_per_s, service_s, hops_s }))
}
