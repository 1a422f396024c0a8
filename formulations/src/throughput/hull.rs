//! The cuts of a model that can be the fastest where device and cloudlet are of different kinds, with flows that prove it.
//!
//! With D, B, R a cut's work on the device, its bytes and its work on the cloudlet, its delay is `w_1 D + w_2 B + w_3 R` at weights w: seconds per device work,
//! per byte, per cloudlet work. D and R are independent numbers, so the lower hull of all cuts is one in space. (With equal kinds D + R is constant, and
//! module `envelope` has the hull in a plane.) The least delay h(w) is concave and homogeneous in w, and the weights at which a vertex is the fastest cut are a
//! convex cone, its cell. All cells together fill the weights.
//!
//! Search: a map of cells, as for the cuts known so far. A minimum cut is computed at each corner of a cell. A faster cut takes its cell from the others: nodes
//! at which it is faster go, and edges from such a node to one that stays are split where both are as fast. Otherwise the maximum flow proves the
//! node, and it stays for good. Once all nodes are proved, no cut is faster than the vertices anywhere, as h is concave. With r vertices of generic
//! amounts that is about 3r minimum cuts. One hull serves all requests and cloudlets of its kinds.
//!
//! Only weights that the instance has are looked at: those in a box of all three, whose cone has six sides.
//!
//! ```text
//! network    v -> sink     w_1 D_v - w_3 R_v    v stays on the device, if that is the slower one of both (not for the input)
//!            source -> v   w_3 R_v - w_1 D_v    v goes elsewhere, if that is
//!            v -> v'       w_2 out_bytes_v      v's output is sent
//!            v' -> u       no limit             for every edge (v, u), as in `envelope`
//!            u -> v        no limit             u on the device forces v there
//! ```
//!
//! Rounding never breaks the map: which edges bound a cell is decided by comparisons at nodes, once each, and every edge of a cell stays the edge of a
//! neighbour or of the outline. What rounding costs shows in the slack, which the checker computes.

use std::collections::HashMap;

use offcut_instances::throughput::{self, Model};
use petgraph::algo::maximum_flow::dinics;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};

use super::envelope::reached;
use super::kinds::{Kinds, WeightRange};

/// A cut that can be the fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HullVertex {
    /// Work on the device, bytes sent, work on the cloudlet.
    pub(super) costs: [f64; 3],
    /// Layers on the device, ascending.
    pub(super) device_layers: Vec<u32>,
}

/// All vertices, and the map that proves them.
#[derive(Clone, Debug)]
pub(super) struct Hull {
    pub(super) kinds: Kinds,
    pub(super) vertices: Vec<HullVertex>,
    nodes: Vec<Node>,
    /// Vertex and nodes around it.
    cells: Vec<(usize, Vec<usize>)>,
    /// The nodes around all cells.
    outline: Vec<usize>,
    /// Minimum cuts it took.
    pub(super) cuts: u64,
}

/// A corner of cells.
#[derive(Clone, Debug)]
struct Node {
    weights: [f64; 3],
    /// The least delay of the known cuts.
    delay: f64,
    /// Whether it is a corner of the outline: there it stays, whatever cell it is in.
    is_corner: bool,
    /// Net flow on every edge of the model, once it is proved.
    flow: Option<Vec<f64>>,
}

/// A cut is faster if it is so by this much, relative; within it two cuts are as fast.
const BETTER: f64 = 1e-12;

/// By how much the range of weights is widened, relative, so that rounding leaves none outside.
const MARGIN: f64 = 1e-9;

fn dot(weights: &[f64; 3], costs: &[f64; 3]) -> f64 {
    weights[0] * costs[0] + weights[1] * costs[1] + weights[2] * costs[2]
}

/// Weights > 0 in another unit, so that the least is as far below 1 as the largest is above.
fn scaled(weights: [f64; 3]) -> [f64; 3] {
    let least = weights.into_iter().fold(f64::INFINITY, f64::min);
    let largest = weights.into_iter().fold(0.0, f64::max);
    let unit = least.sqrt() * largest.sqrt();
    weights.map(|weight| weight / unit)
}

impl Hull {
    pub(super) fn new(model: &Model, kinds: Kinds, range: WeightRange) -> Self {
        let network = Network::of(model, kinds);
        let [a, b, c] = range.least.map(|least| least * (1.0 - MARGIN));
        let [x, y, z] = range.largest.map(|largest| largest * (1.0 + MARGIN));
        // Around the cone of the box, which leaves out its least and its largest corner.
        let corners = [[x, b, c], [x, y, c], [a, y, c], [a, y, z], [a, b, z], [x, b, z]];
        let first = network.vertex(&vec![true; model.layers()]);
        let node = |weights: [f64; 3]| {
            let weights = scaled(weights);
            let delay = dot(&weights, &first.costs);
            Node { weights, delay, is_corner: true, flow: None }
        };
        let nodes: Vec<Node> = corners.into_iter().map(node).collect();
        let outline: Vec<usize> = (0..nodes.len()).collect();
        let cells = vec![(0, outline.clone())];
        let mut hull = Self { kinds, vertices: vec![first], nodes, cells, outline, cuts: 0 };
        hull.search(&network);
        hull.tidy();
        hull
    }

    /// Proves all nodes of all cells.
    fn search(&mut self, network: &Network) {
        let mut waiting: Vec<usize> = self.outline.clone();
        let mut is_gone = vec![false; self.nodes.len()];
        while let Some(at) = waiting.pop() {
            if is_gone[at] || self.nodes[at].flow.is_some() {
                continue;
            }
            let node = &self.nodes[at];
            if node.delay == 0.0 {
                self.nodes[at].flow = Some(vec![0.0; network.model.edges.len()]);
                continue;
            }
            self.cuts += 1;
            let (found, flow) = network.minimum_cut(&node.weights, node.delay);
            if dot(&node.weights, &found.costs) < node.delay * (1.0 - BETTER) {
                let before = self.nodes.len();
                waiting.push(at);
                self.insert(found, &mut is_gone);
                is_gone.resize(self.nodes.len(), false);
                waiting.extend(before..self.nodes.len());
            } else {
                self.nodes[at].flow = Some(flow);
            }
        }
    }

    /// Gives a new vertex its cell, and marks the nodes that go.
    fn insert(&mut self, found: HullVertex, is_gone: &mut [bool]) {
        let before = self.nodes.len();
        let vertex = self.vertices.len();
        let gains = |node: &Node| node.flow.is_none() && dot(&node.weights, &found.costs) < node.delay * (1.0 - BETTER);
        let is_taken: Vec<bool> = (0..before).map(|n| !is_gone[n] && gains(&self.nodes[n])).collect();
        self.vertices.push(found);
        let mut crossings = HashMap::new();
        // Edges of the new cell, by their start.
        let mut edges: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut cells = std::mem::take(&mut self.cells);
        for (_, around) in &mut cells {
            self.give_up(around, &is_taken, false, &mut crossings, &mut edges);
        }
        cells.retain(|(_, around)| around.len() > 2);
        self.cells = cells;
        // Seen from outside, the outline is a cell that goes around the other way.
        let mut outside = std::mem::take(&mut self.outline);
        outside.reverse();
        self.give_up(&mut outside, &is_taken, true, &mut crossings, &mut edges);
        outside.reverse();
        self.outline = outside;
        for n in (0..before).filter(|n| is_taken[*n]) {
            if self.nodes[n].is_corner {
                self.nodes[n].delay = dot(&self.nodes[n].weights, &self.vertices[vertex].costs);
            } else {
                is_gone[n] = true;
            }
        }
        self.cells.extend(closed(edges).into_iter().map(|around| (vertex, around)));
    }

    /// Takes the nodes that are taken out of a cell. What the cell loses is bounded, for the new one, by edges that run backwards.
    fn give_up(
        &mut self,
        around: &mut Vec<usize>,
        is_taken: &[bool],
        keeps_corners: bool,
        crossings: &mut HashMap<(usize, usize), usize>,
        edges: &mut HashMap<usize, Vec<usize>>,
    ) {
        let takes = |n: &usize| *n < is_taken.len() && is_taken[*n];
        if !around.iter().any(takes) {
            return;
        }
        let is_kept: Vec<bool> = self.nodes.iter().map(|node| keeps_corners && node.is_corner).collect();
        let kept = |run: &[usize]| -> Vec<usize> { run.iter().copied().filter(|n| is_kept[*n]).collect() };
        let mut join = |path: &[usize]| {
            for pair in path.windows(2).filter(|pair| pair[0] != pair[1]) {
                edges.entry(pair[1]).or_default().push(pair[0]);
            }
        };
        let Some(start) = around.iter().position(|n| !takes(n)) else {
            // All of it goes.
            *around = kept(around);
            if let Some(first) = around.first().copied() {
                join(&[&around[..], &[first]].concat());
            }
            return;
        };
        around.rotate_left(start);
        let mut rest = Vec::with_capacity(around.len() + 2);
        let mut at = 0;
        while at < around.len() {
            rest.push(around[at]);
            let run = around[at + 1..].iter().take_while(|n| takes(n)).count();
            if run > 0 {
                let (taken, next) = (&around[at + 1..=at + run], around[(at + run + 1) % around.len()]);
                let first = self.crossing(taken[0], around[at], crossings);
                let last = self.crossing(taken[run - 1], next, crossings);
                let path = [&[first][..], &kept(taken), &[last]].concat();
                join(&path);
                rest.extend(path);
            }
            at += run + 1;
        }
        rest.dedup();
        while rest.len() > 1 && rest.first() == rest.last() {
            rest.pop();
        }
        *around = rest;
    }

    /// The node on the edge from a node that is taken to one that is not, at which the new vertex is as fast as the old ones.
    fn crossing(&mut self, taken: usize, kept: usize, crossings: &mut HashMap<(usize, usize), usize>) -> usize {
        if let Some(known) = crossings.get(&(taken, kept)) {
            return *known;
        }
        let vertex = self.vertices.last().expect("the new one");
        let (from, to) = (&self.nodes[taken], &self.nodes[kept]);
        let gain = from.delay - dot(&from.weights, &vertex.costs);
        let loss = dot(&to.weights, &vertex.costs) - to.delay;
        let crossing = if loss <= BETTER * to.delay {
            kept
        } else {
            let weights: [f64; 3] = std::array::from_fn(|q| loss * from.weights[q] + gain * to.weights[q]);
            let weights = scaled(weights);
            let delay = self.vertices.iter().map(|vertex| dot(&weights, &vertex.costs)).fold(f64::INFINITY, f64::min);
            self.nodes.push(Node { weights, delay, is_corner: false, flow: None });
            self.nodes.len() - 1
        };
        crossings.insert((taken, kept), crossing);
        crossing
    }

    /// Drops vertices and nodes that no cell has.
    fn tidy(&mut self) {
        let is_used: Vec<bool> =
            (0..self.vertices.len()).map(|v| self.cells.iter().any(|(vertex, _)| *vertex == v)).collect();
        let number = |is_used: &[bool]| -> Vec<usize> {
            is_used.iter().scan(0, |next, is| Some(std::mem::replace(next, *next + usize::from(*is)))).collect()
        };
        let vertices = number(&is_used);
        let mut is_used = is_used.into_iter();
        self.vertices.retain(|_| is_used.next().expect("one each"));
        let mut is_node = vec![false; self.nodes.len()];
        let around = self.cells.iter().flat_map(|(_, around)| around).chain(&self.outline);
        around.for_each(|n| is_node[*n] = true);
        let nodes = number(&is_node);
        let mut is_node = is_node.into_iter();
        self.nodes.retain(|_| is_node.next().expect("one each"));
        for (vertex, around) in &mut self.cells {
            *vertex = vertices[*vertex];
            around.iter_mut().for_each(|n| *n = nodes[*n]);
        }
        self.outline.iter_mut().for_each(|n| *n = nodes[*n]);
        // From the first corner on, as it was; corners stay.
        let first = self.outline.iter().position(|n| *n == 0).expect("a corner of the outline");
        self.outline.rotate_left(first);
    }

    /// As a certificate carries it.
    pub(super) fn certificate(&self) -> throughput::Hull {
        let around = |nodes: &[usize]| nodes.iter().map(|n| *n as u32).collect();
        let node = |node: &Node| {
            let [device, byte, cloudlet] = node.weights;
            let flow = node.flow.clone().expect("all nodes are proved");
            throughput::HullNode { weights: (device, byte, cloudlet), flow }
        };
        throughput::Hull {
            model: self.kinds.model,
            device_kind: self.kinds.device,
            cloudlet_kind: self.kinds.cloudlet,
            vertices: self.vertices.iter().map(|HullVertex { costs: [d, b, r], .. }| (*d, *b, *r)).collect(),
            nodes: self.nodes.iter().map(node).collect(),
            cells: (self.cells.iter())
                .map(|(vertex, nodes)| throughput::Cell { vertex: *vertex as u32, nodes: around(nodes) })
                .collect(),
            outline: around(&self.outline),
        }
    }
}

/// Edges, as many into each node as out of it, linked to closed paths of at least three.
fn closed(mut edges: HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut starts: Vec<usize> = edges.keys().copied().collect();
    starts.sort_unstable();
    let mut all = Vec::new();
    for start in starts {
        while let Some(next) = edges.get_mut(&start).and_then(Vec::pop) {
            let mut path = vec![start];
            let mut at = next;
            while at != start {
                path.push(at);
                at = edges.get_mut(&at).and_then(Vec::pop).expect("as many edges lead out as in");
            }
            if path.len() > 2 {
                all.push(path);
            }
        }
    }
    all
}

/// What the networks of a model's minimum cuts share.
struct Network<'a> {
    model: &'a Model,
    /// Work of the layers on the device, and on the cloudlet.
    work: [&'a [f64]; 2],
}

impl<'a> Network<'a> {
    fn of(model: &'a Model, kinds: Kinds) -> Self {
        let work = |kind: Option<u32>| model.work(kind).expect("kinds that the model has work for");
        Self { model, work: [work(kinds.device), work(kinds.cloudlet)] }
    }

    fn vertex(&self, is_on_device: &[bool]) -> HullVertex {
        let mut sends = vec![false; is_on_device.len()];
        for (v, u) in &self.model.edges {
            sends[*v as usize] |= is_on_device[*v as usize] && !is_on_device[*u as usize];
        }
        let total = |of: &[f64], is: &dyn Fn(usize) -> bool| -> f64 {
            0.0 + (0..of.len()).filter(|v| is(*v)).map(|v| of[v]).sum::<f64>()
        };
        HullVertex {
            costs: [
                total(self.work[0], &|v| is_on_device[v]),
                total(&self.model.out_bytes, &|v| sends[v]),
                total(self.work[1], &|v| !is_on_device[v]),
            ],
            device_layers: (0..is_on_device.len() as u32).filter(|v| is_on_device[*v as usize]).collect(),
        }
    }

    /// A minimum cut, and the net flow on every edge of the model. `known` is the delay of some cut.
    fn minimum_cut(&self, weights: &[f64; 3], known: f64) -> (HullVertex, Vec<f64>) {
        let layers = self.model.layers();
        // In units of a known delay: a capacity above 1 is in no minimum cut, so more than 2 is as good as 2.
        let capacity = |amount: f64| (amount / known).min(2.0);
        let no_limit = 4.0;
        let edges = 2 * (layers + self.model.edges.len()) + 1;
        let mut network = DiGraph::<(), f64>::with_capacity(2 * layers + 2, edges);
        for _ in 0..2 * layers + 2 {
            network.add_node(());
        }
        let twin = |v: usize| NodeIndex::new(layers + v);
        let (source, sink) = (NodeIndex::new(2 * layers), NodeIndex::new(2 * layers + 1));
        network.add_edge(source, NodeIndex::new(0), no_limit);
        for v in 0..layers {
            let more = weights[0] * self.work[0][v] - weights[2] * self.work[1][v];
            if v > 0 && more > 0.0 {
                network.add_edge(NodeIndex::new(v), sink, capacity(more));
            } else if v > 0 && more < 0.0 {
                network.add_edge(source, NodeIndex::new(v), capacity(-more));
            }
            network.add_edge(NodeIndex::new(v), twin(v), capacity(weights[1] * self.model.out_bytes[v]));
        }
        let arcs: Vec<_> = (self.model.edges.iter())
            .map(|(v, u)| {
                let (v, u) = (*v as usize, *u as usize);
                let forwards = network.add_edge(twin(v), NodeIndex::new(u), no_limit);
                (forwards, network.add_edge(NodeIndex::new(u), NodeIndex::new(v), no_limit))
            })
            .collect();
        let (_, flow) = dinics(&network, source, sink);
        let is_reached = reached(&network, &flow, source);
        let net =
            |(forwards, backwards): &(EdgeIndex, EdgeIndex)| (flow[forwards.index()] - flow[backwards.index()]) * known;
        (self.vertex(&is_reached[..layers]), arcs.iter().map(net).collect())
    }
}

#[cfg(test)]
mod tests {
    use offcut_instances::throughput::strategy::{device_sets, models};
    use proptest::prelude::*;

    use super::*;

    const KINDS: Kinds = Kinds { model: 0, device: None, cloudlet: Some(0) };

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        /// For any weights of its range the fastest vertex is the fastest cut, and every vertex is a cut.
        #[test]
        fn vertices_are_the_fastest_cuts(
            model in models(7),
            work in prop::collection::vec(prop_oneof![Just(0.0), (1u32..6).prop_map(f64::from), 0.1f64..6.0], 8),
            is_proportional in prop::bool::weighted(0.2),
            ends in prop::collection::vec((1e-2f64..3.0, prop_oneof![Just(1.0), 1.0f64..100.0]), 3),
            inside in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0, 0.0f64..1.0), 20),
        ) {
            let mut model = model;
            let mut work = if is_proportional { model.macs.clone() } else { work[..model.layers()].to_vec() };
            work[0] = 0.0;
            model.work_s = vec![Some(work)];
            let least: [f64; 3] = std::array::from_fn(|q| ends[q].0);
            let largest: [f64; 3] = std::array::from_fn(|q| ends[q].0 * ends[q].1);
            let hull = Hull::new(&model, KINDS, WeightRange { least, largest });
            let network = Network::of(&model, KINDS);
            let of_set = |set: Vec<u32>| {
                network.vertex(&(0..model.layers() as u32).map(|v| set.contains(&v)).collect::<Vec<_>>())
            };
            let cuts: Vec<HullVertex> = device_sets(&model).into_iter().map(of_set).collect();
            prop_assert!(hull.vertices.iter().all(|vertex| cuts.contains(vertex)));
            let fastest = |cuts: &[HullVertex], weights: &[f64; 3]| {
                cuts.iter().map(|cut| dot(weights, &cut.costs)).fold(f64::INFINITY, f64::min)
            };
            let at = |(x, y, z): &(f64, f64, f64)| -> [f64; 3] {
                std::array::from_fn(|q| least[q] + [x, y, z][q] * (largest[q] - least[q]))
            };
            for weights in inside.iter().map(at).chain([least, largest]) {
                let (ours, all) = (fastest(&hull.vertices, &weights), fastest(&cuts, &weights));
                prop_assert!((ours - all).abs() <= 1e-11 * all, "{ours} {all} {hull:?}");
            }
            for (vertex, around) in &hull.cells {
                for n in around {
                    let node = &hull.nodes[*n];
                    let least = fastest(&cuts, &node.weights);
                    prop_assert!(dot(&node.weights, &hull.vertices[*vertex].costs) <= least * (1.0 + 1e-11));
                }
            }
        }
    }
}
