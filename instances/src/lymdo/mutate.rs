//! Numbers and parts of an instance, see [`crate::mutate`]. Single slots only: a horizon has no exact method.

use serde_json::{Map, Value, json};

use super::Lymdo;
use super::instance::{Instance, RateLaw, Service, Slot, User};
use crate::machine::Machine;
use crate::mutate::common::{after_removal, chain, chain_numbers, grow_block, remove_block, unused};
use crate::mutate::{Mutable, Number, Part, Size};
use crate::origin::Origin;
use crate::random::Stream;

const USERS: usize = 0;
const BLOCKS: usize = 1;
const MODELS: usize = 2;

impl Mutable for Lymdo {
    const SIZES: &'static [Size] = &[Size::new("users", 1, 3), Size::new("blocks", 1, 3), Size::new("models", 1, 2)];

    const VARIANTS: &'static [&'static str] = &["slot", "slot, exponential"];

    fn least() -> Instance {
        let user = User {
            model: 0,
            device: Machine::of_macs(4.0),
            energy_per_mac_coeff: 0.1,
            tx_power_w: 1.0,
            energy_budget_j_per_slot: 1.0,
            overdraft_s_per_j: 1.0,
            backlog_j: 1.0,
        };
        Instance {
            origin: Origin::default(),
            service: Service::Deterministic,
            rate_law: RateLaw::Shannon,
            slot_s: 1.0,
            bandwidth_hz: 10.0,
            noise_w_per_hz: 0.1,
            edge_macs_per_s: Some(10.0),
            edge: None,
            v: 1.0,
            machine_kinds: Vec::new(),
            models: vec![chain()],
            users: vec![user],
            slots: vec![Slot { arrivals_per_s: vec![0.5], gains: vec![1.0] }],
        }
    }

    fn counts(instance: &Instance) -> Vec<usize> {
        let blocks = instance.models.iter().map(|model| model.blocks()).max().unwrap_or(0);
        vec![instance.users.len(), blocks, instance.models.len()]
    }

    fn numbers(instance: &mut Instance) -> Vec<Number<'_>> {
        let mut numbers: Vec<Number<'_>> = instance.models.iter_mut().flat_map(chain_numbers).collect();
        // One slot: what stands before energy and delay scales both, so the length of the slot is not changed.
        numbers.push(Number::positive(&mut instance.v, 10));
        numbers.push(Number::positive(&mut instance.bandwidth_hz, 2));
        numbers.extend(instance.edge_macs_per_s.as_mut().map(|speed| Number::positive(speed, 3)));
        match &mut instance.rate_law {
            RateLaw::Shannon => numbers.push(Number::positive(&mut instance.noise_w_per_hz, 4)),
            RateLaw::Fixed { bit_per_s_per_hz } => numbers.push(Number::positive(bit_per_s_per_hz, 5)),
        }
        for user in &mut instance.users {
            numbers.push(Number::positive(&mut user.device.speed, 3));
            numbers.push(Number::not_negative(&mut user.energy_per_mac_coeff, 6));
            numbers.push(Number::not_negative(&mut user.tx_power_w, 7));
            numbers.push(Number::not_negative(&mut user.backlog_j, 8));
        }
        for slot in &mut instance.slots {
            numbers.extend(slot.arrivals_per_s.iter_mut().map(|rate| Number::not_negative(rate, 9)));
            numbers.extend(slot.gains.iter_mut().map(|gain| Number::not_negative(gain, 11)));
        }
        numbers
    }

    fn parts(instance: &Instance) -> Vec<Part> {
        let mut parts = Vec::new();
        if instance.users.len() > 1 {
            parts.extend((0..instance.users.len()).map(|n| Part::new(USERS, n)));
        }
        for (m, model) in instance.models.iter().enumerate().filter(|(_, model)| model.blocks() > 1) {
            parts.extend((0..model.blocks()).map(|s| Part::within(BLOCKS, m, s)));
        }
        let unused = unused(instance.models.len(), instance.users.iter().map(|user| user.model));
        parts.extend(unused.into_iter().map(|m| Part::new(MODELS, m)));
        parts
    }

    fn remove(instance: &mut Instance, Part { of, at: [first, second] }: Part) {
        match of {
            USERS => {
                instance.users.remove(first);
                for slot in &mut instance.slots {
                    slot.arrivals_per_s.remove(first);
                    slot.gains.remove(first);
                }
            }
            BLOCKS => remove_block(&mut instance.models[first], second),
            _ => {
                instance.models.remove(first);
                instance.users.iter_mut().for_each(|user| after_removal(&mut user.model, first));
            }
        }
    }

    fn grow(instance: &mut Instance, of: usize, stream: &mut Stream) {
        let m = stream.below(instance.models.len() as u64) as usize;
        let n = stream.below(instance.users.len() as u64) as usize;
        match of {
            USERS => {
                instance.users.push(instance.users[n]);
                for slot in &mut instance.slots {
                    slot.arrivals_per_s.push(slot.arrivals_per_s[n]);
                    slot.gains.push(slot.gains[n]);
                }
            }
            BLOCKS => grow_block(&mut instance.models[m], stream),
            _ => {
                instance.models.push(instance.models[m].clone());
                instance.users[n].model = instance.models.len() as u32 - 1;
            }
        }
    }

    fn twist(instance: &mut Instance, stream: &mut Stream) {
        let n = stream.below(instance.users.len() as u64) as usize;
        match (stream.below(4), &instance.rate_law) {
            (0, RateLaw::Shannon) => instance.rate_law = RateLaw::Fixed { bit_per_s_per_hz: 1.0 },
            (0, RateLaw::Fixed { .. }) => instance.rate_law = RateLaw::Shannon,
            _ => instance.users[n].model = stream.below(instance.models.len() as u64) as u32,
        }
    }

    fn set_variant(instance: &mut Instance, variant: &str) {
        instance.slots.truncate(1);
        let is_exponential = variant.ends_with("exponential");
        instance.service = if is_exponential { Service::Exponential } else { Service::Deterministic };
    }

    fn origin_mut(instance: &mut Instance) -> &mut Origin {
        &mut instance.origin
    }

    fn settings(sizes: &[usize]) -> Map<String, Value> {
        let settings = json!({"users": sizes[USERS], "blocks": sizes[BLOCKS]});
        settings.as_object().cloned().unwrap_or_default()
    }
}
