//! Numbers and parts of an instance, see [`crate::mutate`].

use serde_json::{Map, Value, json};

use super::Throughput;
use super::instance::{Cloudlet, Instance, Model, Request};
use crate::machine::Machine;
use crate::mutate::common::{after_removal, fraction, plainer_speedups, twist_speedup, unused};
use crate::mutate::{Mutable, Number, Part, Size};
use crate::origin::Origin;
use crate::random::Stream;
use crate::speedup::Speedup;

const REQUESTS: usize = 0;
const CLOUDLETS: usize = 1;
const THREADS: usize = 2;
const MAX_THREADS: usize = 3;
const LAYERS: usize = 4;
const EDGES: usize = 5;
const MODELS: usize = 6;

impl Mutable for Throughput {
    const SIZES: &'static [Size] = &[
        Size::new("requests", 1, 8),
        Size::new("cloudlets", 1, 3),
        Size::new("threads", 0, 8),
        Size::new("max_threads", 1, 6),
        Size::new("layers", 1, 3),
        Size::new("edges", 1, 5),
        Size::new("models", 1, 2),
    ];

    const VARIANTS: &'static [&'static str] = &["count", "profit"];

    fn least() -> Instance {
        let thread = Machine::of_macs(1.0);
        let cloudlet = Cloudlet { threads: 1, thread, max_threads_per_request: 1, speedup: Speedup::Linear };
        let request = Request {
            model: 0,
            access_point: 0,
            device: Machine::of_macs(1.0),
            uplink_bytes_per_s: 1.0,
            deadline_s: 1.0,
            profit: 1.0,
        };
        Instance {
            origin: Origin::default(),
            machine_kinds: Vec::new(),
            models: vec![Model::of_macs("", vec![0.0, 1.0], vec![1.0, 1.0], vec![(0, 1)])],
            cloudlets: vec![cloudlet],
            hop_s_per_byte: vec![vec![0.0]],
            requests: vec![request],
        }
    }

    fn counts(instance: &Instance) -> Vec<usize> {
        let Instance { models, cloudlets, requests, .. } = instance;
        let most = |of: &dyn Fn(&Cloudlet) -> u32| cloudlets.iter().map(of).max().unwrap_or(0) as usize;
        let layers = models.iter().map(|model| model.layers() - 1).max().unwrap_or(0);
        let edges = models.iter().map(|model| model.edges.len()).max().unwrap_or(0);
        let threads = (most(&|cloudlet| cloudlet.threads), most(&|cloudlet| cloudlet.max_threads_per_request));
        vec![requests.len(), cloudlets.len(), threads.0, threads.1, layers, edges, models.len()]
    }

    fn numbers(instance: &mut Instance) -> Vec<Number<'_>> {
        let mut numbers = Vec::new();
        let counts_profit = !instance.has_unit_profits();
        for model in &mut instance.models {
            numbers.extend(model.macs[1..].iter_mut().map(|macs| Number::not_negative(macs, 0)));
            numbers.extend(model.out_bytes.iter_mut().map(|bytes| Number::not_negative(bytes, 1)));
        }
        for cloudlet in &mut instance.cloudlets {
            numbers.push(Number::positive(&mut cloudlet.thread.speed, 2));
            numbers.extend(fraction(&mut cloudlet.speedup).map(|share| Number::share(share, 7)));
        }
        numbers.extend(instance.hop_s_per_byte.iter_mut().flatten().map(|hop| Number::not_negative(hop, 4)));
        for request in &mut instance.requests {
            numbers.push(Number::positive(&mut request.device.speed, 2));
            numbers.push(Number::positive(&mut request.uplink_bytes_per_s, 3));
            numbers.push(Number::positive(&mut request.deadline_s, 5));
            if counts_profit {
                numbers.push(Number::positive(&mut request.profit, 6));
            }
        }
        numbers
    }

    fn parts(instance: &Instance) -> Vec<Part> {
        let mut parts = Vec::new();
        let several = |of: usize, count: usize| (0..count).filter(move |_| count > 1).map(move |at| Part::new(of, at));
        parts.extend(several(REQUESTS, instance.requests.len()));
        parts.extend(several(CLOUDLETS, instance.cloudlets.len()));
        for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
            parts.extend((cloudlet.threads > 0).then(|| Part::new(THREADS, j)));
            parts.extend((cloudlet.max_threads_per_request > 1).then(|| Part::new(MAX_THREADS, j)));
        }
        for (m, model) in instance.models.iter().enumerate() {
            parts.extend((1..model.layers()).filter(|_| model.layers() > 2).map(|v| Part::within(LAYERS, m, v)));
            let is_only = |to: u32| model.edges.iter().filter(|edge| edge.1 == to).count() == 1;
            let edges = model.edges.iter().enumerate().filter(|(_, edge)| !is_only(edge.1));
            parts.extend(edges.map(|(e, _)| Part::within(EDGES, m, e)));
        }
        let unused = unused(instance.models.len(), instance.requests.iter().map(|request| request.model));
        parts.extend(unused.into_iter().map(|m| Part::new(MODELS, m)));
        parts
    }

    fn remove(instance: &mut Instance, Part { of, at: [first, second] }: Part) {
        match of {
            REQUESTS => {
                instance.requests.remove(first);
                remove_unused_points(instance);
            }
            CLOUDLETS => {
                instance.cloudlets.remove(first);
                for hops in &mut instance.hop_s_per_byte {
                    hops.remove(first);
                }
            }
            THREADS => instance.cloudlets[first].threads -= 1,
            MAX_THREADS => instance.cloudlets[first].max_threads_per_request -= 1,
            LAYERS => remove_layer(&mut instance.models[first], second as u32),
            EDGES => drop(instance.models[first].edges.remove(second)),
            _ => {
                instance.models.remove(first);
                instance.requests.iter_mut().for_each(|request| after_removal(&mut request.model, first));
            }
        }
    }

    fn grow(instance: &mut Instance, of: usize, stream: &mut Stream) {
        let m = stream.below(instance.models.len() as u64) as usize;
        let j = stream.below(instance.cloudlets.len() as u64) as usize;
        match of {
            REQUESTS => grow_request(instance, stream),
            CLOUDLETS => {
                instance.cloudlets.push(instance.cloudlets[j].clone());
                instance.hop_s_per_byte.iter_mut().for_each(|hops| hops.push(hops[j]));
            }
            THREADS => instance.cloudlets[j].threads += 1,
            MAX_THREADS => instance.cloudlets[j].max_threads_per_request += 1,
            LAYERS => grow_layer(&mut instance.models[m], stream),
            EDGES => grow_edge(&mut instance.models[m], stream),
            _ => {
                let i = stream.below(instance.requests.len() as u64) as usize;
                instance.models.push(instance.models[m].clone());
                instance.requests[i].model = instance.models.len() as u32 - 1;
            }
        }
    }

    fn twist(instance: &mut Instance, stream: &mut Stream) {
        let (models, points) = (instance.models.len() as u64, instance.hop_s_per_byte.len() as u64);
        let requests = instance.requests.len() as u64;
        let (i, other) = (stream.below(requests) as usize, stream.below(requests) as usize);
        let j = stream.below(instance.cloudlets.len() as u64) as usize;
        match stream.below(7) {
            // The order of arrival.
            0 | 1 => instance.requests.swap(i, other),
            2 => {
                instance.requests[i].access_point = stream.below(points) as u32;
                remove_unused_points(instance);
            }
            3 => instance.requests[i].model = stream.below(models) as u32,
            4 => {
                let other = stream.below(instance.cloudlets.len() as u64) as usize;
                instance.cloudlets.swap(j, other);
                instance.hop_s_per_byte.iter_mut().for_each(|hops| hops.swap(j, other));
            }
            // Within reach, or out of it.
            5 => {
                let a = instance.requests[i].access_point as usize;
                instance.hop_s_per_byte[a][j] = if instance.hop_s_per_byte[a][j] == 0.0 { 1000.0 } else { 0.0 };
            }
            _ => {
                let cloudlet = &mut instance.cloudlets[j];
                twist_speedup(&mut cloudlet.speedup, cloudlet.max_threads_per_request as usize, stream);
            }
        }
    }

    fn plainer(instance: &Instance) -> Vec<Instance> {
        let mut plainer = Vec::new();
        for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
            for speedup in plainer_speedups(&cloudlet.speedup) {
                let mut next = instance.clone();
                next.cloudlets[j].speedup = speedup;
                plainer.push(next);
            }
        }
        plainer
    }

    fn set_variant(instance: &mut Instance, variant: &str) {
        if variant == "count" {
            instance.requests.iter_mut().for_each(|request| request.profit = 1.0);
        } else if instance.has_unit_profits() {
            instance.requests[0].profit = 2.0;
        }
    }

    fn origin_mut(instance: &mut Instance) -> &mut Origin {
        &mut instance.origin
    }

    fn settings(sizes: &[usize]) -> Map<String, Value> {
        let settings = json!({
            "requests": sizes[REQUESTS],
            "cloudlets": sizes[CLOUDLETS],
            "threads": (sizes[THREADS] * 2 / 3).max(1),
            "max_threads": sizes[MAX_THREADS],
            "layers": sizes[LAYERS],
            "access_points": sizes[REQUESTS],
            "view": "chain",
        });
        settings.as_object().cloned().unwrap_or_default()
    }
}

/// A copy of a request, mostly with an access point of its own, at a random place in the order.
fn grow_request(instance: &mut Instance, stream: &mut Stream) {
    let mut request = *stream.pick(&instance.requests);
    if stream.below(3) > 0 {
        let hops = instance.hop_s_per_byte[request.access_point as usize].clone();
        request.access_point = instance.hop_s_per_byte.len() as u32;
        instance.hop_s_per_byte.push(hops);
    }
    let at = stream.below(instance.requests.len() as u64 + 1) as usize;
    instance.requests.insert(at, request);
}

/// Access points that no request has are no part of a story.
fn remove_unused_points(instance: &mut Instance) {
    let points = instance.hop_s_per_byte.len();
    for a in unused(points, instance.requests.iter().map(|request| request.access_point)).into_iter().rev() {
        instance.hop_s_per_byte.remove(a);
        instance.requests.iter_mut().for_each(|request| after_removal(&mut request.access_point, a));
    }
}

/// Removes a layer other than the input: whoever read it reads what it read.
fn remove_layer(model: &mut Model, v: u32) {
    let before: Vec<u32> = model.edges.iter().filter(|edge| edge.1 == v).map(|edge| edge.0).collect();
    let after: Vec<u32> = model.edges.iter().filter(|edge| edge.0 == v).map(|edge| edge.1).collect();
    model.edges.retain(|edge| edge.0 != v && edge.1 != v);
    for p in before {
        model.edges.extend(after.iter().map(|s| (p, *s)));
    }
    for edge in &mut model.edges {
        after_removal(&mut edge.0, v as usize);
        after_removal(&mut edge.1, v as usize);
    }
    model.edges.sort_unstable();
    model.edges.dedup();
    model.macs.remove(v as usize);
    model.out_bytes.remove(v as usize);
}

/// A copy of a random layer behind the last one, which reads a random layer.
fn grow_layer(model: &mut Model, stream: &mut Stream) {
    let layers = model.layers() as u64;
    let copied = 1 + stream.below(layers - 1) as usize;
    model.macs.push(model.macs[copied]);
    model.out_bytes.push(model.out_bytes[copied]);
    model.edges.push((stream.below(layers) as u32, layers as u32));
    model.edges.sort_unstable();
}

/// An edge between two random layers, if it is not there.
fn grow_edge(model: &mut Model, stream: &mut Stream) {
    let to = 1 + stream.below(model.layers() as u64 - 1) as u32;
    model.edges.push((stream.below(u64::from(to)) as u32, to));
    model.edges.sort_unstable();
    model.edges.dedup();
}
