//! Evaluates a solution.
//!
//! ```text
//! delay = sum_{v in S} work_iv / device_i + sum_{v in S, a successor outside} out_bytes_v (1/uplink_i + hop_ij)
//!       + sum_{v not in S} work_jv / (thread_j s_j(k))     <= deadline_i (1 + 1e-9)
//! ```
//!
//! Constraints: `shape`, `a device set is closed`, `indices exist`, `a cloudlet that runs the model`, `threads per request`, `threads within capacity`,
//! `deadline`. A delay breaks its
//! deadline if the lower end of its enclosure does.

use std::collections::HashMap;

use offcut_instances::throughput::{DEADLINE_TOLERANCE, Instance, Model, Part, Request, Service, Solution};

use crate::interval::{Interval, sum};
use crate::speedup::slowness;
use crate::verdict::Violation;

/// The enclosed profit of the admitted requests and all violations.
pub(super) fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
    let requests = instance.requests.len();
    if solution.service.len() != requests {
        let off = solution.service.len().abs_diff(requests) as f64;
        let violation = Violation::new("one decision per request", "service", off, "entries too many or too few");
        return (None, vec![violation]);
    }
    let mut violations = Vec::new();
    let parts: Vec<Option<CutCosts>> = (solution.parts.iter().enumerate())
        .map(|(p, part)| CutCosts::of(instance, p, part).map_err(|violation| violations.push(violation)).ok())
        .collect();
    let mut alone: HashMap<(u32, Option<u32>), Interval> = HashMap::new();
    let mut evaluation = Evaluation { instance, solution, parts, loads: vec![0; instance.cloudlets.len()], violations };
    for (i, (request, service)) in instance.requests.iter().zip(&solution.service).enumerate() {
        let delay = match service {
            Service::Rejected => continue,
            Service::Local => {
                let work = alone.entry((request.model, request.device.kind)).or_insert_with(|| {
                    let model = &instance.models[request.model as usize];
                    sum(points(model.work(request.device.kind).expect("its requests' devices run a model")))
                });
                *work / Interval::point(request.device.speed)
            }
            Service::Remote { cloudlet, threads, part } => {
                let Some(delay) = evaluation.remote_delay(i, *cloudlet as usize, *threads, *part as usize) else {
                    continue;
                };
                delay
            }
        };
        if delay.low() > latest(request) {
            let at = format!("service[{i}]: {:e} s of {:e} s", delay.middle(), request.deadline_s);
            let late = delay.low() - request.deadline_s;
            evaluation.violations.push(Violation::new("deadline", at, late, "s late"));
        }
    }
    let Evaluation { loads, mut violations, .. } = evaluation;
    for (j, (load, cloudlet)) in loads.iter().zip(&instance.cloudlets).enumerate() {
        let capacity = u64::from(cloudlet.threads);
        if *load > capacity {
            let at = format!("cloudlets[{j}]: {load} of {capacity} threads used");
            let over = (load - capacity) as f64;
            violations.push(Violation::new("threads within capacity", at, over, "threads over"));
        }
    }
    let admitted = instance.requests.iter().zip(&solution.service).filter(|(_, s)| **s != Service::Rejected);
    (Some(sum(admitted.map(|(request, _)| Interval::point(request.profit)))), violations)
}

/// A solution with what was found so far.
struct Evaluation<'a> {
    instance: &'a Instance,
    solution: &'a Solution,
    /// Costs of every part, `None` for one with a violation of its own.
    parts: Vec<Option<CutCosts>>,
    /// Threads used on every cloudlet.
    loads: Vec<u64>,
    violations: Vec<Violation>,
}

impl Evaluation<'_> {
    /// The delay of request `i`, served by `threads` of cloudlet `j` with part `p`; `None` if a violation leaves it undefined. Counts the threads.
    fn remote_delay(&mut self, i: usize, j: usize, threads: u32, p: usize) -> Option<Interval> {
        let request = &self.instance.requests[i];
        let Some(cloudlet) = self.instance.cloudlets.get(j) else {
            self.violations.push(missing(i, "cloudlet", j, self.instance.cloudlets.len()));
            return None;
        };
        let parts = self.parts.len();
        let Some(costs) = self.parts.get_mut(p) else {
            self.violations.push(missing(i, "part", p, parts));
            return None;
        };
        let most = cloudlet.max_threads_per_request;
        if !(1..=most).contains(&threads) {
            let at = format!("service[{i}]: {threads} threads, 1 to {most} are allowed");
            let off = if threads == 0 { 1 } else { threads - most };
            self.violations.push(Violation::new("threads per request", at, off.into(), "threads"));
            return None;
        }
        self.loads[j] += u64::from(threads);
        if self.solution.parts[p].model != request.model {
            let at = format!("service[{i}].part: of model {}", self.solution.parts[p].model);
            self.violations.push(Violation::new("a part of the request's model", at, 1.0, "wrong model"));
            return None;
        }
        let model = &self.instance.models[request.model as usize];
        if model.work(cloudlet.thread.kind).is_none() {
            let at = format!("service[{i}]: cloudlet {j} is of a kind that model {} has no work for", request.model);
            self.violations.push(Violation::new("a cloudlet that runs the model", at, 1.0, "cloudlet"));
            return None;
        }
        // The part's own violation has been reported.
        let costs = costs.as_mut()?;
        let device = CutCosts::work(&mut costs.device, model, request.device.kind, &costs.is_on_device, true);
        let remote = CutCosts::work(&mut costs.remote, model, cloudlet.thread.kind, &costs.is_on_device, false);
        let per_byte = per_byte(request, self.instance.hops(i)[j]);
        let slow = slowness(&cloudlet.speedup, threads) / Interval::point(cloudlet.thread.speed);
        Some(device / Interval::point(request.device.speed) + costs.bytes * per_byte + remote * slow)
    }
}

fn missing(i: usize, field: &str, index: usize, known: usize) -> Violation {
    Violation::new("indices exist", format!("service[{i}].{field}: {index} of {known}"), 1.0, field)
}

/// Seconds per byte from a device to a cloudlet.
fn per_byte(request: &Request, hop_s_per_byte: f64) -> Interval {
    Interval::point(1.0) / Interval::point(request.uplink_bytes_per_s) + Interval::point(hop_s_per_byte)
}

/// The largest delay that meets the deadline, rounded up.
pub(super) fn latest(request: &Request) -> f64 {
    (request.deadline_s * (1.0 + DEADLINE_TOLERANCE)).next_up()
}

/// The costs of a device set: work on the device and on the cloudlet, by kind, once some request needs it; and bytes sent.
struct CutCosts {
    is_on_device: Vec<bool>,
    bytes: Interval,
    device: Vec<(Option<u32>, Interval)>,
    remote: Vec<(Option<u32>, Interval)>,
}

impl CutCosts {
    /// Of part `p` of the solution.
    fn of(instance: &Instance, p: usize, part: &Part) -> Result<Self, Violation> {
        let Some(model) = instance.models.get(part.model as usize) else {
            let at = format!("parts[{p}].model: {} of {}", part.model, instance.models.len());
            return Err(Violation::new("indices exist", at, 1.0, "model"));
        };
        let mut is_on_device = vec![false; model.layers()];
        let mut last = None;
        for v in &part.device_layers {
            let at = format!("parts[{p}].device_layers: layer {v}");
            if *v as usize >= model.layers() {
                return Err(Violation::new("indices exist", at, 1.0, "layer"));
            }
            if last.is_some_and(|last| last >= v) {
                return Err(Violation::new("a device set is ascending", at, 1.0, "layer out of order"));
            }
            is_on_device[*v as usize] = true;
            last = Some(v);
        }
        if !is_on_device[0] {
            return Err(Violation::new(
                "a device set has the input",
                format!("parts[{p}].device_layers"),
                1.0,
                "layer missing",
            ));
        }
        let mut sends = vec![false; model.layers()];
        for (from, to) in &model.edges {
            let (from, to) = (*from as usize, *to as usize);
            if is_on_device[to] && !is_on_device[from] {
                let at = format!("parts[{p}].device_layers: layer {to} without its predecessor {from}");
                return Err(Violation::new("a device set is closed", at, 1.0, "layer missing"));
            }
            sends[from] |= is_on_device[from] && !is_on_device[to];
        }
        let bytes = chosen(&model.out_bytes, &sends, true);
        Ok(Self { is_on_device, bytes, device: Vec::new(), remote: Vec::new() })
    }

    /// Work of the layers on one side, on machines of a kind that runs the model: the known one, or a new one.
    fn work(
        known: &mut Vec<(Option<u32>, Interval)>,
        model: &Model,
        kind: Option<u32>,
        is_on_device: &[bool],
        on_device: bool,
    ) -> Interval {
        if let Some((_, work)) = known.iter().find(|(of, _)| *of == kind) {
            return *work;
        }
        let work = model.work(kind).expect("machines of this kind run the model");
        let work = chosen(work, is_on_device, on_device);
        known.push((kind, work));
        work
    }
}

/// The sum of some of the values.
fn chosen(of: &[f64], is_chosen: &[bool], wanted: bool) -> Interval {
    sum(of.iter().zip(is_chosen).filter(|(_, is)| **is == wanted).map(|(value, _)| Interval::point(*value)))
}

pub(super) fn points(values: &[f64]) -> impl Iterator<Item = Interval> + '_ {
    values.iter().map(|value| Interval::point(*value))
}
