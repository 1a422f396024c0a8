//! Numbers and parts of an instance, see [`crate::mutate`].

use serde_json::{Map, Value, json};

use super::Multiuser;
use super::instance::{Instance, Objective, Server, User};
use crate::machine::Machine;
use crate::mutate::common::{
    after_removal, chain, chain_numbers, fraction, grow_block, plainer_speedups, remove_block, twist_speedup, unused,
};
use crate::mutate::{Mutable, Number, Part, Size};
use crate::origin::Origin;
use crate::random::Stream;
use crate::speedup::Speedup;

const USERS: usize = 0;
const UNITS: usize = 1;
const BLOCKS: usize = 2;
const MODELS: usize = 3;

impl Mutable for Multiuser {
    const SIZES: &'static [Size] =
        &[Size::new("users", 1, 4), Size::new("units", 0, 6), Size::new("blocks", 1, 3), Size::new("models", 1, 3)];

    const VARIANTS: &'static [&'static str] = &["max", "sum"];

    fn least() -> Instance {
        let unit = Machine::of_macs(1.0);
        let user = User { model: 0, device: Machine::of_macs(1.0), uplink_bytes_per_s: 1.0, rtt_s: 0.0 };
        Instance {
            origin: Origin::default(),
            objective: Objective::Max,
            machine_kinds: Vec::new(),
            models: vec![chain()],
            server: Server { units: 1, unit, speedup: Speedup::Linear },
            users: vec![user],
        }
    }

    fn counts(instance: &Instance) -> Vec<usize> {
        let blocks = instance.models.iter().map(|model| model.blocks()).max().unwrap_or(0);
        vec![instance.users.len(), instance.server.units as usize, blocks, instance.models.len()]
    }

    fn numbers(instance: &mut Instance) -> Vec<Number<'_>> {
        let mut numbers: Vec<Number<'_>> = instance.models.iter_mut().flat_map(chain_numbers).collect();
        numbers.push(Number::positive(&mut instance.server.unit.speed, 2));
        numbers.extend(fraction(&mut instance.server.speedup).map(|share| Number::share(share, 5)));
        for user in &mut instance.users {
            numbers.push(Number::positive(&mut user.device.speed, 2));
            numbers.push(Number::positive(&mut user.uplink_bytes_per_s, 3));
            numbers.push(Number::not_negative(&mut user.rtt_s, 4));
        }
        numbers
    }

    fn parts(instance: &Instance) -> Vec<Part> {
        let mut parts: Vec<Part> = (0..instance.users.len()).map(|i| Part::new(USERS, i)).collect();
        if parts.len() == 1 {
            parts.clear();
        }
        parts.extend((instance.server.units > 0).then(|| Part::new(UNITS, 0)));
        for (m, model) in instance.models.iter().enumerate().filter(|(_, model)| model.blocks() > 1) {
            parts.extend((0..model.blocks()).map(|s| Part::within(BLOCKS, m, s)));
        }
        let unused = unused(instance.models.len(), instance.users.iter().map(|user| user.model));
        parts.extend(unused.into_iter().map(|m| Part::new(MODELS, m)));
        parts
    }

    fn remove(instance: &mut Instance, Part { of, at: [first, second] }: Part) {
        match of {
            USERS => drop(instance.users.remove(first)),
            UNITS => instance.server.units -= 1,
            BLOCKS => remove_block(&mut instance.models[first], second),
            _ => {
                instance.models.remove(first);
                instance.users.iter_mut().for_each(|user| after_removal(&mut user.model, first));
            }
        }
    }

    fn grow(instance: &mut Instance, of: usize, stream: &mut Stream) {
        let m = stream.below(instance.models.len() as u64) as usize;
        match of {
            USERS => {
                let user = *stream.pick(&instance.users);
                instance.users.push(user);
            }
            UNITS => instance.server.units += 1,
            BLOCKS => grow_block(&mut instance.models[m], stream),
            _ => {
                // For somebody.
                let i = stream.below(instance.users.len() as u64) as usize;
                instance.models.push(instance.models[m].clone());
                instance.users[i].model = instance.models.len() as u32 - 1;
            }
        }
    }

    fn twist(instance: &mut Instance, stream: &mut Stream) {
        let (users, models) = (instance.users.len() as u64, instance.models.len() as u64);
        match stream.below(3) {
            0 => twist_speedup(&mut instance.server.speedup, instance.server.units as usize, stream),
            1 => instance.users[stream.below(users) as usize].model = stream.below(models) as u32,
            _ => {
                let (i, j) = (stream.below(users) as usize, stream.below(users) as usize);
                instance.users.swap(i, j);
            }
        }
    }

    fn plainer(instance: &Instance) -> Vec<Instance> {
        let with = |speedup| {
            let mut plainer = instance.clone();
            plainer.server.speedup = speedup;
            plainer
        };
        plainer_speedups(&instance.server.speedup).into_iter().map(with).collect()
    }

    fn set_variant(instance: &mut Instance, variant: &str) {
        instance.objective = if variant == "sum" { Objective::Sum } else { Objective::Max };
    }

    fn origin_mut(instance: &mut Instance) -> &mut Origin {
        &mut instance.origin
    }

    fn settings(sizes: &[usize]) -> Map<String, Value> {
        let settings = json!({"users": sizes[USERS], "units": sizes[UNITS], "blocks": sizes[BLOCKS]});
        settings.as_object().cloned().unwrap_or_default()
    }
}
