//! Hulls: flows prove that no cut of a model is faster than the vertices of a lower hull in space, where device and cloudlet are of different kinds.
//!
//! Let D, B, R be a cut's work on the device, its bytes and its work on the cloudlet, and w_1, w_2, w_3 >= 0 their weights: seconds each. A cut S
//! costs `w_1 D(S) + w_2 B(S) + w_3 R(S)`, and h(w) is the least cost of all cuts.
//!
//! **A node.** Let n_vu be any numbers on a model's edges, in_v and out_v what enters and leaves layer v, and `s_v = min(w_3 R_v, w_1 D_v - (in_v - out_v))` for
//! all v > 0. As no edge enters a device set S from outside, what leaves layer 0 and is not kept by layers of S leaves over edges (v, u) with v in S, u
//! not in S:
//!
//! ```text
//! out_0 = sum_{v in S, v > 0} (in_v - out_v) + sum of n over edges leaving S
//!      <= sum_{v in S, v > 0} (w_1 D_v - s_v) + sum_{v in S, a successor outside} sum_u max(0, n_vu)
//! ```
//!
//! With passed_v = sum_u max(0, n_vu) <= w_2 out_bytes_v, and s_v <= w_3 R_v for v not in S, this gives `out_0 + sum_{v > 0} s_v <= w_1 D(S) + w_2 B(S) + w_3 R(S)`.
//! What passed_v exceeds its limit by is subtracted. (With w_3 = 0 this is the proof of the module [`super::envelope`].)
//!
//! **A cell.** h is a least of linear functions, so it is concave, and h(x w) = x h(w). Let the flows at the nodes around a cell prove (1-e) times the cost of
//! its vertex p there. Weights that are a sum of multiples >= 0 of nodes of the cell cost at least the sum of these multiples of h there, hence (1-e)
//! times what p costs.
//!
//! **All weights.** Seen as points of a plane (each scaled to sum 1), the nodes around a cell are a closed polygon, whatever its shape. Triangles from its
//! first node to each of its sides have this polygon as their boundary. Let the sides of all cells and of the outline cancel: each runs as often one
//! way as the other, the outline's the other way around. Then the boundary of all triangles is the outline, whose points are points of cells. A point that is
//! in no triangle would be surrounded by the outline 0 times. So it is enough that the outline surrounds all weights of the instance once.
//!
//! **The outline.** The weights of some requests and cloudlets lie in a box. Seen in the plane, its cone is a convex hexagon with sides on which w_1/w_3, w_2/w_3,
//! w_2/w_1, w_3/w_1, w_3/w_2 and w_1/w_2 are the largest, in this order. Let the outline run along: first through nodes that have the first quotient at least as
//! large, then the second, and so on, and let the node at which it passes on have both. Each part can be bent into the hexagon's side without a
//! step inside, as points with a large quotient are a half plane: so the outline surrounds the hexagon as its own sides do, once.

use std::collections::{HashMap, HashSet};

use offcut_instances::throughput::{Hull, Model};

use super::envelope::{FlowSums, HullVertices};
use crate::interval::{Interval, add_down, add_up};

/// The weights of some requests and cloudlets, enclosed: seconds per device work, per byte, and per cloudlet work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    pub(super) least: [f64; 3],
    pub(super) largest: [f64; 3],
}

/// The sides of the hexagon: the weight that is largest there, and the one that is least.
const SIDES: [(usize, usize); 6] = [(0, 2), (1, 2), (1, 0), (2, 0), (2, 1), (0, 1)];

impl HullVertices {
    /// From a hull; or the constraint that it breaks. `work` is that of the layers on the device and on the cloudlet.
    pub(super) fn of_hull(
        model: &Model,
        work: [&[f64]; 2],
        hull: &Hull,
        weights: &Weights,
    ) -> Result<Self, &'static str> {
        let is_node = |n: &u32| (*n as usize) < hull.nodes.len();
        let are_known = hull.cells.iter().all(|cell| (cell.vertex as usize) < hull.vertices.len());
        if !are_known || !hull.cells.iter().flat_map(|cell| &cell.nodes).chain(&hull.outline).all(is_node) {
            return Err("cells name vertices and nodes");
        }
        let of_cells: HashSet<&u32> = hull.cells.iter().flat_map(|cell| &cell.nodes).collect();
        if !hull.outline.iter().all(|n| of_cells.contains(n)) {
            return Err("the outline is of nodes of cells");
        }
        if hull.nodes.iter().any(|node| node.flow.len() != model.edges.len()) {
            return Err("a flow on every edge for every node");
        }
        if hull.nodes.iter().any(|node| array(node.weights) == [0.0; 3]) {
            return Err("a node has a weight above 0");
        }
        if !do_sides_cancel(hull) {
            return Err("a side of a cell is a side of another or of the outline");
        }
        if !does_surround(hull, weights) {
            return Err("the outline surrounds all weights");
        }
        let proved: Vec<f64> =
            hull.nodes.iter().map(|node| proved_at(model, work, &node.flow, array(node.weights))).collect();
        let mut slack: f64 = 0.0;
        for cell in &hull.cells {
            let vertex = array(hull.vertices[cell.vertex as usize]);
            for n in &cell.nodes {
                let wanted = cost(array(hull.nodes[*n as usize].weights), vertex).high();
                if wanted > 0.0 {
                    slack = slack.max((1.0 - (proved[*n as usize] / wanted).next_down()).next_up());
                }
            }
        }
        if slack >= 0.5 {
            return Err("flows prove at least half of what vertices cost");
        }
        Ok(Self { vertices: hull.vertices.iter().map(|vertex| array(*vertex)).collect(), slack })
    }
}

fn array((device, bytes, cloudlet): (f64, f64, f64)) -> [f64; 3] {
    [device, bytes, cloudlet]
}

fn cost(weights: [f64; 3], costs: [f64; 3]) -> Interval {
    let term = |q: usize| Interval::point(weights[q]) * Interval::point(costs[q]);
    term(0) + term(1) + term(2)
}

/// Whether the sides of all cells are those of the outline, besides sides that run both ways.
fn do_sides_cancel(hull: &Hull) -> bool {
    let mut times: HashMap<(u32, u32), i64> = HashMap::new();
    let mut add = |around: &[u32], sign: i64| {
        for (from, to) in around.iter().zip(around.iter().cycle().skip(1)) {
            let (side, sign) = if from < to { ((*from, *to), sign) } else { ((*to, *from), -sign) };
            if from != to {
                *times.entry(side).or_default() += sign;
            }
        }
    };
    hull.cells.iter().for_each(|cell| add(&cell.nodes, 1));
    add(&hull.outline, -1);
    times.values().all(|times| *times == 0)
}

/// Whether the outline runs along the six sides of the hexagon, outside of it.
fn does_surround(hull: &Hull, weights: &Weights) -> bool {
    let is_beyond = |n: u32, side: usize| {
        let (more, less) = SIDES[side];
        let node = array(hull.nodes[n as usize].weights);
        // node_more / node_less >= largest_more / least_less
        let product = |a: f64, b: f64| Interval::point(a) * Interval::point(b);
        product(node[more], weights.least[less]).low() >= product(node[less], weights.largest[more]).high()
    };
    let Some(first) = hull.outline.first().copied() else { return false };
    let mut side = 0;
    if !is_beyond(first, 0) || !is_beyond(first, 5) {
        return false;
    }
    let mut at = first;
    for next in hull.outline[1..].iter().chain([&first]).copied() {
        // As long as possible along one side; from the node where it ends, along the next that both are beyond.
        while !is_beyond(next, side) {
            side += 1;
            if side > 5 || !is_beyond(at, side) {
                return false;
            }
        }
        at = next;
    }
    // Back at the first node, which is beyond the last side: those in between have to be passed there.
    (side..6).all(|side| is_beyond(first, side))
}

/// The bound that a flow proves of what every cut costs, rounded down.
pub(super) fn proved_at(model: &Model, work: [&[f64]; 2], flow: &[f64], weights: [f64; 3]) -> f64 {
    let FlowSums { kept, passed, leaves: mut proved } = FlowSums::new(model, flow);
    let seconds = |weight: f64, amount: f64| (Interval::point(weight) * Interval::point(amount)).low();
    for v in 0..model.layers() {
        if v > 0 {
            let on_device = add_down(seconds(weights[0], work[0][v]), -kept[v]);
            proved = add_down(proved, on_device.min(seconds(weights[2], work[1][v])));
        }
        let exceeded = add_up(passed[v], -seconds(weights[1], model.out_bytes[v]));
        proved = add_down(proved, -exceeded.max(0.0));
    }
    proved
}
