//! Which models meet which kinds of machines, and what weights their cuts have there.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::speedup::Speedup;
use offcut_instances::throughput::Instance;

/// A model, the kind of a device that has it, and the kind of a cloudlet that could serve it. No kind is one, too: work in MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kinds {
    pub(super) model: u32,
    pub(super) device: Option<u32>,
    pub(super) cloudlet: Option<u32>,
}

impl Kinds {
    /// Whether work is in MACs on either side, so that the MACs of both sum to a constant.
    pub(super) fn are_macs(self) -> bool {
        self.device.is_none() && self.cloudlet.is_none()
    }
}

/// The weights of some requests and cloudlets: the least and the largest seconds per device work, per byte, and per cloudlet work.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightRange {
    pub(super) least: [f64; 3],
    pub(super) largest: [f64; 3],
}

/// The least and the largest.
type Ends = (f64, f64);

/// All that some request and some cloudlet with threads have, with the weights of cuts there.
pub(super) fn ranges(instance: &Instance) -> BTreeMap<Kinds, WeightRange> {
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let widened = |(least, largest): (f64, f64), value: f64| (least.min(value), largest.max(value));
    // Seconds per device work and per byte of the uplink, by model and kind of device.
    let mut of_devices: BTreeMap<(u32, Option<u32>), [Ends; 2]> = BTreeMap::new();
    let mut access_points = BTreeSet::new();
    for request in &instance.requests {
        let of_device = of_devices.entry((request.model, request.device.kind)).or_insert([none; 2]);
        of_device[0] = widened(of_device[0], 1.0 / request.device.speed);
        of_device[1] = widened(of_device[1], 1.0 / request.uplink_bytes_per_s);
        access_points.insert(request.access_point);
    }
    // Seconds per byte of the hop and per cloudlet work, by kind of cloudlet.
    let mut of_cloudlets: BTreeMap<Option<u32>, [Ends; 2]> = BTreeMap::new();
    for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
        let most = cloudlet.max_threads_per_request.min(cloudlet.threads);
        if most == 0 {
            continue;
        }
        let of_cloudlet = of_cloudlets.entry(cloudlet.thread.kind).or_insert([none; 2]);
        for a in &access_points {
            of_cloudlet[0] = widened(of_cloudlet[0], instance.hop_s_per_byte[*a as usize][j]);
        }
        for k in [1, most] {
            of_cloudlet[1] = widened(of_cloudlet[1], 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, k)));
        }
    }
    let mut all = BTreeMap::new();
    for ((model, device), [of_device, uplink]) in &of_devices {
        for (cloudlet, [hop, of_cloudlet]) in &of_cloudlets {
            if instance.models[*model as usize].work(*cloudlet).is_some() {
                let kinds = Kinds { model: *model, device: *device, cloudlet: *cloudlet };
                let least = [of_device.0, uplink.0 + hop.0, of_cloudlet.0];
                let largest = [of_device.1, uplink.1 + hop.1, of_cloudlet.1];
                all.insert(kinds, WeightRange { least, largest });
            }
        }
    }
    all
}

/// How many times faster k threads are than one.
pub(super) fn speedup(law: &Speedup, k: u32) -> f64 {
    match law {
        Speedup::Linear => f64::from(k),
        Speedup::Amdahl { parallel_fraction: p } => 1.0 / ((1.0 - p) + p / f64::from(k)),
        Speedup::Table { speedups } => speedups[(k as usize).min(speedups.len()) - 1],
    }
}
