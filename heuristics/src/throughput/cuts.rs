//! A model's cheapest cuts, by minimum cuts in the network of delays.
//!
//! ```text
//! source -> v    remote time     v runs on the cloudlet (never the input)
//! v -> sink      device time     v runs on the device
//! v -> v'        transfer time   v's output is sent, once, however many successors need it
//! v' -> u        no limit        for every edge (v, u): v on the device, u not
//! u -> v         no limit        for every edge (v, u): u on the device forces v there
//! ```
//!
//! The last kind is easily forgotten. Without it a cut may run u on the device and its predecessor v on the cloudlet, and the data that flow
//! back cost nothing; a test shows how often that is wrong.

use offcut_instances::throughput::Model;
use petgraph::algo::maximum_flow::dinics;
use petgraph::graph::{DiGraph, NodeIndex};

/// A way to split a model: what is where, and what that amounts to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cut {
    /// MACs on the device.
    pub(super) device_macs: f64,
    /// MACs on the cloudlet.
    pub(super) remote_macs: f64,
    /// Bytes sent.
    pub(super) bytes: f64,
    /// Layers on the device, ascending.
    pub(super) device_layers: Vec<u32>,
}

/// What a second is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub(super) device_s_per_mac: f64,
    pub(super) remote_s_per_mac: f64,
    pub(super) s_per_byte: f64,
}

impl Cut {
    pub(super) fn of(model: &Model, is_on_device: &[bool]) -> Self {
        let layers = 0..model.layers();
        let total = |wanted: bool| layers.clone().filter(|v| is_on_device[*v] == wanted).map(|v| model.macs[v]).sum();
        let mut sends: Vec<usize> = (model.edges.iter())
            .map(|(v, u)| (*v as usize, *u as usize))
            .filter(|(v, u)| is_on_device[*v] && !is_on_device[*u])
            .map(|(v, _)| v)
            .collect();
        sends.sort_unstable();
        sends.dedup();
        Self {
            device_macs: total(true),
            remote_macs: total(false),
            bytes: sends.into_iter().map(|v| model.out_bytes[v]).sum(),
            device_layers: layers.clone().filter(|v| is_on_device[*v]).map(|v| v as u32).collect(),
        }
    }

    /// Everything on the device.
    pub(super) fn local(model: &Model) -> Self {
        Self::of(model, &vec![true; model.layers()])
    }

    /// Nothing but the input on the device.
    pub(super) fn remote(model: &Model) -> Self {
        let is_on_device: Vec<bool> = (0..model.layers()).map(|v| v == 0).collect();
        Self::of(model, &is_on_device)
    }

    pub(super) fn delay_s(&self, weights: Weights) -> f64 {
        self.device_macs * weights.device_s_per_mac
            + self.bytes * weights.s_per_byte
            + self.remote_macs * weights.remote_s_per_mac
    }
}

/// A cut with the least delay. `with_reverse_arcs` is there to show what happens without them.
pub(super) fn cheapest(model: &Model, weights: Weights, with_reverse_arcs: bool) -> Cut {
    let layers = model.layers();
    // Seconds in units of everything together, and "no limit" above any sum of limits.
    let sum = |of: &[f64]| of.iter().sum::<f64>();
    let unit = sum(&model.macs) * (weights.device_s_per_mac + weights.remote_s_per_mac)
        + sum(&model.out_bytes) * weights.s_per_byte;
    let unit = if unit > 0.0 { unit } else { 1.0 };
    let no_limit = 2.0;
    let mut network = DiGraph::<(), f64>::new();
    let nodes: Vec<NodeIndex> = (0..2 * layers + 2).map(|_| network.add_node(())).collect();
    let (source, sink) = (nodes[2 * layers], nodes[2 * layers + 1]);
    for v in 0..layers {
        let remote = if v == 0 { no_limit } else { model.macs[v] * weights.remote_s_per_mac / unit };
        network.add_edge(source, nodes[v], remote);
        network.add_edge(nodes[v], sink, model.macs[v] * weights.device_s_per_mac / unit);
        network.add_edge(nodes[v], nodes[layers + v], model.out_bytes[v] * weights.s_per_byte / unit);
    }
    for (v, u) in &model.edges {
        let (v, u) = (*v as usize, *u as usize);
        network.add_edge(nodes[layers + v], nodes[u], no_limit);
        if with_reverse_arcs {
            network.add_edge(nodes[u], nodes[v], no_limit);
        }
    }
    let (_, flow) = dinics(&network, source, sink);
    // What the source still reaches is on the device.
    let mut is_reached = vec![false; nodes.len()];
    let mut waiting = vec![source];
    is_reached[source.index()] = true;
    while let Some(at) = waiting.pop() {
        for edge in network.edge_indices() {
            let (from, to) = network.edge_endpoints(edge).expect("an edge has ends");
            let next = match at {
                at if at == from && network[edge] > flow[edge.index()] => to,
                at if at == to && flow[edge.index()] > 0.0 => from,
                _ => continue,
            };
            if !std::mem::replace(&mut is_reached[next.index()], true) {
                waiting.push(next);
            }
        }
    }
    Cut::of(model, &is_reached[..layers])
}

/// The cuts of which one is the fastest wherever the device alone is not: the corners of the lower left hull of (MACs on the device, bytes),
/// most on the device first.
///
/// Between two cuts take the weights under which both are as fast; if another cut is faster then, it lies between them.
pub(super) fn corners(model: &Model) -> Vec<Cut> {
    let mut found = vec![Cut::local(model)];
    let mut to_do = vec![Cut::remote(model)];
    while let (Some(left), Some(right)) = (found.last(), to_do.last()) {
        let (macs_more, bytes_more) = (left.device_macs - right.device_macs, right.bytes - left.bytes);
        if bytes_more <= 0.0 {
            // The right one sends no more and computes less.
            found.pop();
            if found.is_empty() {
                found.extend(to_do.pop());
            }
        } else if macs_more <= 0.0 {
            // The left one computes no more and sends less.
            to_do.pop();
        } else {
            let weights = Weights { device_s_per_mac: bytes_more, remote_s_per_mac: 0.0, s_per_byte: macs_more };
            let known = left.delay_s(weights).max(right.delay_s(weights));
            let cut = cheapest(model, weights, true);
            if cut.delay_s(weights) < known * (1.0 - 1e-12) {
                to_do.push(cut);
            } else {
                found.extend(to_do.pop());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use offcut_instances::random::Stream;
    use offcut_instances::throughput::strategy::{device_sets, models};
    use proptest::prelude::*;

    use super::*;

    fn all(model: &Model) -> Vec<Cut> {
        let cut =
            |set: Vec<u32>| Cut::of(model, &(0..model.layers() as u32).map(|v| set.contains(&v)).collect::<Vec<_>>());
        device_sets(model).into_iter().map(cut).collect()
    }

    fn least(cuts: &[Cut], weights: Weights) -> f64 {
        cuts.iter().map(|cut| cut.delay_s(weights)).fold(f64::INFINITY, f64::min)
    }

    fn speeds() -> impl Strategy<Value = Weights> {
        (0.1f64..3.0, 0.05f64..2.0, 0.0f64..2.0).prop_map(|(device_s_per_mac, remote_s_per_mac, s_per_byte)| Weights {
            device_s_per_mac,
            remote_s_per_mac,
            s_per_byte,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_minimum_cut_is_the_best_of_all_cuts(model in models(7), weights in speeds()) {
            let brute = least(&all(&model), weights);
            prop_assert!((cheapest(&model, weights, true).delay_s(weights) - brute).abs() <= 1e-9 * brute.max(1e-9));
            let corners = corners(&model);
            // Corners are for cloudlets faster than the device; where they are not, nothing is faster than the device alone.
            let fastest = least(&corners, weights).min(Cut::local(&model).delay_s(weights));
            prop_assert!((fastest - brute).abs() <= 1e-9 * brute.max(1e-9), "{corners:?}");
        }
    }

    /// A graph with layers from light to heavy, and outputs from small to large.
    fn spread_out(stream: &mut Stream) -> Model {
        let layers = 4 + stream.below(5) as usize;
        let mut edges = Vec::new();
        for to in 1..=layers {
            let must = stream.below(to as u64) as usize;
            edges.extend(
                (0..to).filter(|from| *from == must || stream.below(4) == 0).map(|from| (from as u32, to as u32)),
            );
        }
        let mut amounts = || (0..=layers).map(|_| stream.log_uniform(0.1, 30.0)).collect::<Vec<_>>();
        let (mut macs, out_bytes) = (amounts(), amounts());
        macs[0] = 0.0;
        Model { name: String::new(), macs, out_bytes, edges }
    }

    /// The mistake: without reverse arcs the set on the device need not hold its predecessors; the cut is none, and its delay too good.
    #[test]
    fn without_reverse_arcs_data_flow_back_for_free() {
        let mut stream = Stream::new(&["throughput", "reverse arcs"], 0);
        let mut wrong = 0;
        for _ in 0..600 {
            let model = spread_out(&mut stream);
            let device_s_per_mac = stream.log_uniform(0.1, 3.0);
            let weights = Weights { device_s_per_mac, remote_s_per_mac: 0.1, s_per_byte: 1.0 };
            let cuts = all(&model);
            let right = least(&cuts, weights);
            assert!((cheapest(&model, weights, true).delay_s(weights) - right).abs() <= 1e-9 * right);
            let without = cheapest(&model, weights, false);
            assert!(without.delay_s(weights) <= right * (1.0 + 1e-9), "fewer arcs are never slower");
            if without.delay_s(weights) < right * (1.0 - 1e-9) {
                assert!(!cuts.contains(&without), "too good to be a cut");
                wrong += 1;
            }
        }
        println!("without reverse arcs {wrong} of 600 delays are wrong");
        assert!(wrong >= 20, "{wrong} of 600");
    }
}
