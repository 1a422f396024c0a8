//! The cuts of a model that can be the fastest where work is in MACs on either side: hull vertices of a lower left envelope, with flows that prove it.
//! (Module `hull` is for kinds of machines.)
//!
//! A cut's delay is `D (1/device - 1/thread) + B (1/uplink + hop)` and a constant, D its MACs on the device, B its bytes. Unless the device
//! is the faster (then nothing is cut), both weights are >= 0, and only vertices of the lower left hull of all (D, B) can be the cheapest:
//! one search per model serves all devices, links and cloudlets.
//!
//! Search: the vertex without MACs and the one without bytes are minimum cuts with the other weight alone. At the weights under which two
//! neighbouring vertices cost the same, a cheaper minimum cut is a new vertex between them; otherwise the maximum flow proves that there is none.
//! With r vertices that is at most 2r minimum cuts.
//!
//! ```text
//! network    v -> sink   a macs_v            v stays on the device (not for the input)
//!            v -> v'     b out_bytes_v       v's output is sent
//!            v' -> u     no limit            for every edge (v, u): u is elsewhere, so v's output is sent
//!            u -> v      no limit            u on the device forces v there: without it data would flow back for free
//! ```

use offcut_instances::throughput::{self, Model};
use petgraph::Direction;
use petgraph::algo::maximum_flow::dinics;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

/// A cut that can be the fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HullVertex {
    /// MACs on the device.
    pub(super) macs: f64,
    /// Bytes sent.
    pub(super) bytes: f64,
    /// Layers on the device, ascending.
    pub(super) device_layers: Vec<u32>,
}

/// All corners of a model's cuts, MACs rising and bytes falling, and the flows between neighbours.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    pub(super) corners: Vec<HullVertex>,
    /// Shape (corners - 1, edges).
    pub(super) flows: Vec<Vec<f64>>,
    /// Minimum cuts it took.
    pub(super) cuts: u64,
}

/// A corner must be better by this much, relative, to be one.
const BETTER: f64 = 1e-12;

impl Envelope {
    pub(super) fn new(model: &Model) -> Self {
        let any = |forbidden: bool, amount: f64| {
            if forbidden && amount > 0.0 { Capacity::Endless } else { Capacity::Of(0.0) }
        };
        // Nothing with work on the device; then no bytes at all. Ties in the one are broken by the other.
        let first = minimum_cut(model, |v| any(true, model.macs[v]), |v| Capacity::Of(model.out_bytes[v])).corner;
        let last = minimum_cut(model, |v| Capacity::Of(model.macs[v]), |v| any(true, model.out_bytes[v])).corner;
        let mut envelope = Self { corners: vec![first], flows: Vec::new(), cuts: 2 };
        if envelope.corners[0].bytes > 0.0 {
            envelope.between(model, last);
        }
        envelope
    }

    /// Finds what lies between the last known corner and `right`, and appends both.
    fn between(&mut self, model: &Model, right: HullVertex) {
        let mut waiting = vec![right];
        while let Some(right) = waiting.last() {
            let left = self.corners.last().expect("there is a first");
            let (per_mac, per_byte) = (left.bytes - right.bytes, right.macs - left.macs);
            let cost = |corner: &HullVertex| per_mac * corner.macs + per_byte * corner.bytes;
            // Capacities in units of the cost, so that they are around 1.
            let unit = cost(left).max(cost(right));
            self.cuts += 1;
            let found = minimum_cut(
                model,
                |v| Capacity::Of(per_mac * model.macs[v] / unit),
                |v| Capacity::Of(per_byte * model.out_bytes[v] / unit),
            );
            let HullVertex { macs, bytes, .. } = found.corner;
            let is_between = macs > left.macs && macs < right.macs && bytes < left.bytes && bytes > right.bytes;
            if is_between && cost(&found.corner) < unit * (1.0 - BETTER) {
                waiting.push(found.corner);
            } else {
                self.flows.push(found.flow.iter().map(|flow| flow * unit).collect());
                self.corners.extend(waiting.pop());
            }
        }
    }

    /// As a certificate carries it.
    pub(super) fn certificate(&self) -> throughput::Envelope {
        let corners = self.corners.iter().map(|corner| (corner.macs, corner.bytes)).collect();
        throughput::Envelope { corners, flows: self.flows.clone() }
    }
}

#[derive(Clone, Copy)]
enum Capacity {
    Of(f64),
    Endless,
}

struct Cut {
    corner: HullVertex,
    /// Net flow on every edge of the model.
    flow: Vec<f64>,
}

/// A minimum cut and a maximum flow of the network above.
fn minimum_cut(model: &Model, to_sink: impl Fn(usize) -> Capacity, to_twin: impl Fn(usize) -> Capacity) -> Cut {
    let layers = model.layers();
    let of = |capacity: Capacity| match capacity {
        Capacity::Of(amount) => amount,
        Capacity::Endless => 0.0,
    };
    // More than any flow that has an end, also after rounding.
    let endless = 1.0 + 4.0 * (0..layers).map(|v| of(to_sink(v)) + of(to_twin(v))).sum::<f64>();
    let weight = |capacity: Capacity| match capacity {
        Capacity::Of(amount) => amount,
        Capacity::Endless => endless,
    };
    let mut network = DiGraph::<(), f64>::with_capacity(2 * layers + 1, 2 * (layers + model.edges.len()));
    for _ in 0..=2 * layers {
        network.add_node(());
    }
    let (twin, sink) = (|v: usize| NodeIndex::new(layers + v), NodeIndex::new(2 * layers));
    for v in 0..layers {
        if v > 0 {
            network.add_edge(NodeIndex::new(v), sink, weight(to_sink(v)));
        }
        network.add_edge(NodeIndex::new(v), twin(v), weight(to_twin(v)));
    }
    let arcs: Vec<_> = (model.edges.iter())
        .map(|(v, u)| {
            let (v, u) = (*v as usize, *u as usize);
            let forwards = network.add_edge(twin(v), NodeIndex::new(u), endless);
            (forwards, network.add_edge(NodeIndex::new(u), NodeIndex::new(v), endless))
        })
        .collect();
    let (_, flow) = dinics(&network, NodeIndex::new(0), sink);

    let is_reached = reached(&network, &flow, NodeIndex::new(0));
    let net = |(forwards, backwards): &(petgraph::graph::EdgeIndex, petgraph::graph::EdgeIndex)| {
        flow[forwards.index()] - flow[backwards.index()]
    };
    Cut { corner: corner(model, &is_reached[..layers]), flow: arcs.iter().map(net).collect() }
}

/// What a little more flow could still reach: the device side.
pub(super) fn reached(network: &DiGraph<(), f64>, flow: &[f64], source: NodeIndex) -> Vec<bool> {
    let mut is_reached = vec![false; network.node_count()];
    is_reached[source.index()] = true;
    let mut waiting = vec![source];
    while let Some(at) = waiting.pop() {
        let onwards = network.edges_directed(at, Direction::Outgoing);
        let onwards = onwards.filter(|edge| edge.weight() - flow[edge.id().index()] > 0.0).map(|edge| edge.target());
        let back = network.edges_directed(at, Direction::Incoming);
        let back = back.filter(|edge| flow[edge.id().index()] > 0.0).map(|edge| edge.source());
        for next in onwards.chain(back) {
            if !std::mem::replace(&mut is_reached[next.index()], true) {
                waiting.push(next);
            }
        }
    }
    is_reached
}

fn corner(model: &Model, is_on_device: &[bool]) -> HullVertex {
    let mut sends = vec![false; model.layers()];
    for (v, u) in &model.edges {
        sends[*v as usize] |= is_on_device[*v as usize] && !is_on_device[*u as usize];
    }
    let on_device = || (0..model.layers()).filter(|v| is_on_device[*v]);
    // (An empty sum of floats is -0.0, and a sum with 0 is not.)
    HullVertex {
        macs: 0.0 + on_device().map(|v| model.macs[v]).sum::<f64>(),
        bytes: 0.0 + (0..model.layers()).filter(|v| sends[*v]).map(|v| model.out_bytes[v]).sum::<f64>(),
        device_layers: on_device().map(|v| v as u32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use offcut_instances::throughput::strategy::{device_sets, models};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        /// Magnitudes from 1e-30 to 1e30 side by side.
        #[test]
        fn corners_reach_from_no_work_to_no_bytes(model in models(6), powers in prop::collection::vec(-30i32..=30, 14)) {
            let mut model = model;
            let scale = |value: &mut f64, power: &i32| *value = if *value == 0.0 { 0.0 } else { 10f64.powi(*power) };
            let (of_macs, of_bytes) = powers.split_at(7);
            model.macs.iter_mut().zip(of_macs).for_each(|(value, power)| scale(value, power));
            model.out_bytes.iter_mut().zip(of_bytes).for_each(|(value, power)| scale(value, power));
            let Envelope { corners, flows, .. } = Envelope::new(&model);
            prop_assert!(corners[0].macs == 0.0 && corners.last().is_some_and(|last| last.bytes == 0.0));
            prop_assert!(corners.windows(2).all(|pair| pair[0].macs < pair[1].macs && pair[0].bytes > pair[1].bytes));
            prop_assert!(flows.iter().flatten().all(|flow| flow.is_finite()));
        }

        /// For any weights the cheapest corner is the cheapest cut.
        #[test]
        fn corners_are_the_cheapest_cuts(model in models(7), weights in (0.0f64..3.0, 0.0f64..3.0)) {
            let envelope = Envelope::new(&model);
            let cost = |corner: &HullVertex| weights.0 * corner.macs + weights.1 * corner.bytes;
            let of_set = |layers: Vec<u32>| {
                let is_on_device: Vec<bool> = (0..model.layers() as u32).map(|v| layers.contains(&v)).collect();
                corner(&model, &is_on_device)
            };
            let sets: Vec<HullVertex> = device_sets(&model).into_iter().map(of_set).collect();
            let least = |corners: &[HullVertex]| corners.iter().map(cost).fold(f64::INFINITY, f64::min);
            prop_assert!((least(&envelope.corners) - least(&sets)).abs() <= 1e-9, "{envelope:?}");
            prop_assert!(envelope.corners.iter().all(|corner| sets.contains(corner)), "a corner is a cut");
            prop_assert!(envelope.corners.windows(2).all(|pair| pair[0].macs < pair[1].macs && pair[0].bytes > pair[1].bytes));
            prop_assert_eq!(envelope.flows.len() + 1, envelope.corners.len());
            prop_assert!(envelope.corners[0].macs == 0.0 && envelope.corners.last().is_some_and(|last| last.bytes == 0.0));
        }
    }
}
