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

use std::collections::HashSet;

use offcut_instances::throughput::Model;
use petgraph::Direction;
use petgraph::algo::maximum_flow::dinics;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

/// A model with its work on two machines: device, cloudlet. In MACs, or in seconds at the nominal speed of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Works<'a> {
    pub(super) model: &'a Model,
    pub(super) device: &'a [f64],
    pub(super) remote: &'a [f64],
}

impl<'a> Works<'a> {
    /// None if one of them does not run the model.
    pub(super) fn of(model: &'a Model, device: Option<u32>, remote: Option<u32>) -> Option<Self> {
        Some(Self { model, device: model.work(device)?, remote: model.work(remote)? })
    }
}

/// A way to split a model: what is where, and what that amounts to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cut {
    /// Work on the device.
    pub(super) device_work: f64,
    /// Work on the cloudlet.
    pub(super) remote_work: f64,
    /// Bytes sent.
    pub(super) bytes: f64,
    /// Layers on the device, ascending.
    pub(super) device_layers: Vec<u32>,
}

/// What a second is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub(super) device_s_per_work: f64,
    pub(super) remote_s_per_work: f64,
    pub(super) s_per_byte: f64,
}

impl Cut {
    pub(super) fn of(works: Works, is_on_device: &[bool]) -> Self {
        let model = works.model;
        let layers = 0..model.layers();
        let total =
            |of: &[f64], wanted: bool| layers.clone().filter(|v| is_on_device[*v] == wanted).map(|v| of[v]).sum();
        let mut sends: Vec<usize> = (model.edges.iter())
            .map(|(v, u)| (*v as usize, *u as usize))
            .filter(|(v, u)| is_on_device[*v] && !is_on_device[*u])
            .map(|(v, _)| v)
            .collect();
        sends.sort_unstable();
        sends.dedup();
        Self {
            device_work: total(works.device, true),
            remote_work: total(works.remote, false),
            bytes: sends.into_iter().map(|v| model.out_bytes[v]).sum(),
            device_layers: layers.clone().filter(|v| is_on_device[*v]).map(|v| v as u32).collect(),
        }
    }

    /// Everything on the device.
    pub(super) fn local(works: Works) -> Self {
        Self::of(works, &vec![true; works.model.layers()])
    }

    /// Nothing but the input on the device.
    pub(super) fn remote(works: Works) -> Self {
        let is_on_device: Vec<bool> = (0..works.model.layers()).map(|v| v == 0).collect();
        Self::of(works, &is_on_device)
    }

    pub(super) fn delay_s(&self, weights: Weights) -> f64 {
        self.device_work * weights.device_s_per_work
            + self.bytes * weights.s_per_byte
            + self.remote_work * weights.remote_s_per_work
    }
}

/// A cut with the least delay. `with_reverse_arcs` is there to show what happens without them.
pub(super) fn cheapest(works: Works, weights: Weights, with_reverse_arcs: bool) -> Cut {
    let model = works.model;
    let layers = model.layers();
    // Seconds in units of everything together, and "no limit" above any sum of limits.
    let sum = |of: &[f64]| of.iter().sum::<f64>();
    let unit = sum(works.device) * weights.device_s_per_work
        + sum(works.remote) * weights.remote_s_per_work
        + sum(&model.out_bytes) * weights.s_per_byte;
    let unit = if unit > 0.0 { unit } else { 1.0 };
    let no_limit = 2.0;
    let mut network = DiGraph::<(), f64>::new();
    let nodes: Vec<NodeIndex> = (0..2 * layers + 2).map(|_| network.add_node(())).collect();
    let (source, sink) = (nodes[2 * layers], nodes[2 * layers + 1]);
    for v in 0..layers {
        let remote = if v == 0 { no_limit } else { works.remote[v] * weights.remote_s_per_work / unit };
        network.add_edge(source, nodes[v], remote);
        network.add_edge(nodes[v], sink, works.device[v] * weights.device_s_per_work / unit);
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
        let onwards = network.edges_directed(at, Direction::Outgoing);
        let onwards = onwards.filter(|edge| *edge.weight() > flow[edge.id().index()]).map(|edge| edge.target());
        let back = network.edges_directed(at, Direction::Incoming);
        let back = back.filter(|edge| flow[edge.id().index()] > 0.0).map(|edge| edge.source());
        for next in onwards.chain(back) {
            if !std::mem::replace(&mut is_reached[next.index()], true) {
                waiting.push(next);
            }
        }
    }
    Cut::of(works, &is_reached[..layers])
}

/// The cuts of which one is the fastest wherever the device alone is not, if both machines count MACs: the corners of the lower left hull of (MACs on the
/// device, bytes), most on the device first.
///
/// Between two cuts take the weights under which both are as fast; if another cut is faster then, it lies between them.
pub(super) fn corners(works: Works) -> Vec<Cut> {
    let mut found = vec![Cut::local(works)];
    let mut to_do = vec![Cut::remote(works)];
    while let (Some(left), Some(right)) = (found.last(), to_do.last()) {
        let (macs_more, bytes_more) = (left.device_work - right.device_work, right.bytes - left.bytes);
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
            let weights = Weights { device_s_per_work: bytes_more, remote_s_per_work: 0.0, s_per_byte: macs_more };
            let known = left.delay_s(weights).max(right.delay_s(weights));
            let cut = cheapest(works, weights, true);
            if cut.delay_s(weights) < known * (1.0 - 1e-12) {
                to_do.push(cut);
            } else {
                found.extend(to_do.pop());
            }
        }
    }
    found
}

/// Weights between two ends each, in the order device, byte, remote.
pub(super) type WeightBox = [(f64, f64); 3];

/// The cuts of which one is the fastest for any weights of a box, whatever the work on both machines.
///
/// The weights at which a known cut is faster than all other known cuts are a convex cone, seen as a polygon: the outline of the box, cut along the lines on which
/// it is as fast as another one. The least delay is concave, so if no cut is faster at the corners of all polygons, none is faster anywhere. So a minimum cut is
/// computed at each corner, and polygons are cut anew, until nothing is found.
pub(super) fn fastest_in(works: Works, of: WeightBox) -> Vec<Cut> {
    // A little wider, so that rounding leaves none outside.
    let [(a, x), (b, y), (c, z)] = of.map(|(least, largest)| (least * (1.0 - 1e-9), largest * (1.0 + 1e-9)));
    // All corners of the box but the least and the largest, which lie within the cone of the others.
    let outline = vec![[x, b, c], [x, y, c], [a, y, c], [a, y, z], [a, b, z], [x, b, z]];
    let weights = |[device_s_per_work, s_per_byte, remote_s_per_work]: [f64; 3]| Weights {
        device_s_per_work,
        s_per_byte,
        remote_s_per_work,
    };
    let mut known = vec![Cut::local(works)];
    let mut is_looked_at = HashSet::new();
    loop {
        let before = known.len();
        for at in 0..before {
            for corner in polygon(&known, at, &outline) {
                if !is_looked_at.insert(rounded(corner)) {
                    continue;
                }
                let cut = cheapest(works, weights(corner), true);
                let best = known.iter().map(|cut| cut.delay_s(weights(corner))).fold(f64::INFINITY, f64::min);
                if cut.delay_s(weights(corner)) < best * (1.0 - 1e-12) {
                    known.push(cut);
                }
            }
        }
        if known.len() == before {
            return known;
        }
    }
}

/// The weights within an outline at which the cut at `at` is the fastest of some cuts.
fn polygon(cuts: &[Cut], at: usize, outline: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mine = &cuts[at];
    let mut polygon = outline.to_vec();
    for other in cuts {
        let gain = |w: &[f64; 3]| {
            w[0] * (other.device_work - mine.device_work)
                + w[1] * (other.bytes - mine.bytes)
                + w[2] * (other.remote_work - mine.remote_work)
        };
        let gains: Vec<f64> = polygon.iter().map(gain).collect();
        if gains.iter().all(|gain| *gain >= 0.0) {
            continue;
        }
        let mut rest = Vec::with_capacity(polygon.len() + 1);
        for n in 0..polygon.len() {
            let next = (n + 1) % polygon.len();
            if gains[n] >= 0.0 {
                rest.push(polygon[n]);
            }
            if (gains[n] < 0.0) != (gains[next] < 0.0) {
                let (of, to) = (gains[next].abs(), gains[n].abs());
                let between: [f64; 3] = std::array::from_fn(|q| of * polygon[n][q] + to * polygon[next][q]);
                let unit = between.into_iter().fold(0.0, f64::max);
                rest.push(between.map(|weight| weight / unit));
            }
        }
        polygon = rest;
    }
    polygon
}

/// Weights to about 1e-13, whatever their unit: within that, delays differ by as little.
fn rounded(weights: [f64; 3]) -> [u64; 3] {
    let unit = weights.into_iter().fold(0.0, f64::max);
    weights.map(|weight| (weight / unit).to_bits() >> 9)
}

#[cfg(test)]
mod tests {
    use offcut_instances::random::Stream;
    use offcut_instances::throughput::strategy::{device_sets, models};
    use proptest::prelude::*;

    use super::*;

    fn all(works: Works) -> Vec<Cut> {
        let layers = works.model.layers() as u32;
        let cut = |set: Vec<u32>| Cut::of(works, &(0..layers).map(|v| set.contains(&v)).collect::<Vec<_>>());
        device_sets(works.model).into_iter().map(cut).collect()
    }

    fn macs(model: &Model) -> Works<'_> {
        Works { model, device: &model.macs, remote: &model.macs }
    }

    fn least(cuts: &[Cut], weights: Weights) -> f64 {
        cuts.iter().map(|cut| cut.delay_s(weights)).fold(f64::INFINITY, f64::min)
    }

    fn speeds() -> impl Strategy<Value = Weights> {
        (0.1f64..3.0, 0.05f64..2.0, 0.0f64..2.0).prop_map(|(device_s_per_work, remote_s_per_work, s_per_byte)| {
            Weights { device_s_per_work, remote_s_per_work, s_per_byte }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_minimum_cut_is_the_best_of_all_cuts(model in models(7), weights in speeds()) {
            let works = macs(&model);
            let brute = least(&all(works), weights);
            prop_assert!((cheapest(works, weights, true).delay_s(weights) - brute).abs() <= 1e-9 * brute.max(1e-9));
            let corners = corners(works);
            // Corners are for cloudlets faster than the device; where they are not, nothing is faster than the device alone.
            let fastest = least(&corners, weights).min(Cut::local(works).delay_s(weights));
            prop_assert!((fastest - brute).abs() <= 1e-9 * brute.max(1e-9), "{corners:?}");
        }

        #[test]
        fn with_unrelated_work_the_fastest_cut_is_among_those_of_the_box(
            model in models(7),
            work in prop::collection::vec(prop_oneof![Just(0.0), (1u32..6).prop_map(f64::from), 0.1f64..6.0], 8),
            ends in prop::collection::vec((1e-2f64..3.0, prop_oneof![Just(1.0), 1.0f64..100.0]), 3),
            inside in prop::collection::vec(prop::array::uniform3(0.0f64..1.0), 20),
        ) {
            let mut work = work[..model.layers()].to_vec();
            work[0] = 0.0;
            let works = Works { model: &model, device: &model.macs, remote: &work };
            let ends: WeightBox = std::array::from_fn(|q| (ends[q].0, ends[q].0 * ends[q].1));
            let (found, cuts) = (fastest_in(works, ends), all(works));
            for at in inside {
                let [device_s_per_work, s_per_byte, remote_s_per_work] =
                    std::array::from_fn(|q| ends[q].0 + at[q] * (ends[q].1 - ends[q].0));
                let weights = Weights { device_s_per_work, s_per_byte, remote_s_per_work };
                let (ours, brute) = (least(&found, weights), least(&cuts, weights));
                prop_assert!((cheapest(works, weights, true).delay_s(weights) - brute).abs() <= 1e-9 * brute.max(1e-9));
                prop_assert!((ours - brute).abs() <= 1e-11 * brute, "{ours} {brute} {found:?}");
            }
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
        Model::of_macs("", macs, out_bytes, edges)
    }

    /// The mistake: without reverse arcs the set on the device need not hold its predecessors; the cut is none, and its delay too good.
    #[test]
    fn without_reverse_arcs_data_flow_back_for_free() {
        let mut stream = Stream::new(&["throughput", "reverse arcs"], 0);
        let mut wrong = 0;
        for _ in 0..600 {
            let model = spread_out(&mut stream);
            let device_s_per_work = stream.log_uniform(0.1, 3.0);
            let weights = Weights { device_s_per_work, remote_s_per_work: 0.1, s_per_byte: 1.0 };
            let works = macs(&model);
            let cuts = all(works);
            let right = least(&cuts, weights);
            assert!((cheapest(works, weights, true).delay_s(weights) - right).abs() <= 1e-9 * right);
            let without = cheapest(works, weights, false);
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
