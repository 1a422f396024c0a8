//! Envelopes: flows prove that no cut of a model is cheaper than the vertices of a lower hull, where work is in MACs on either side.
//!
//! Let n_vu be any numbers on a model's edges, and weights a, b >= 0. No edge enters a device set S from outside, so what flows
//! out of layer 0 and is not kept by layers of S leaves over edges (v, u) with v in S, u not in S:
//!
//! ```text
//! out_0 - sum_{v in S, v > 0} (in_v - out_v) = sum of n over edges leaving S <= sum_{v in S, a successor outside} sum_u max(0, n_vu)
//! ```
//!
//! With kept_v = in_v - out_v <= a macs_v and passed_v = sum_u max(0, n_vu) <= b out_bytes_v this gives `out_0 <= a D(S) + b B(S)`, where D is the
//! MACs on the device and B the bytes sent. Numbers that break the two inequalities a little only weaken the bound: the excess is
//! subtracted. For neighbouring vertices p, q and the weights a = B_p - B_q, b = D_q - D_p, let the flow prove `a D + b B >= (1-e) max(a D_p + b B_p, a D_q +
//! b B_q)` for every cut. Then (D, B)/(1-e) lies above the line through p and q for every pair. So it is, in both coordinates, at least a
//! point between two vertices (or at least the first vertex, or the last), and for any weights >= 0 a cut costs at least 1-e times
//! the cheapest vertex. A delay with D/device + (M-D)/thread has this form if the cloudlet's threads are faster than the device; if not,
//! nothing is faster than the device alone, which is checked first.
//!
//! *Why.* Vertices rise strictly in D and fall strictly in B, from D = 0 to B = 0, so both weights a and b of a pair are above 0, and so is
//! the cost of its vertices. The flow may be any numbers: what it proves is computed, and e is what is missing, 0 at least. A cut (D, B) with
//! x = D/(1-e) up to the last vertex's D lies in some pair's range, and `a x + b B/(1-e)` is at least what either vertex costs: so (x, B/(1-e)) lies on or
//! above their line. With x fixed, a delay rises with B; on the line it is linear, hence least at a vertex. There the MACs elsewhere count as
//! M/(1-e) - D >= max(0, M - D): the cut with everything on the device shows that no vertex has D above M/(1-e). Beyond the last vertex nothing
//! is sent, and a delay rises with D unless the cloudlet is slower than the device.

use offcut_instances::throughput::{Envelope, Model};

use super::evaluate::points;
use crate::interval::{Interval, add_down, add_up, sum};

/// The hull vertices of a model's cuts, as the envelope proves them.
pub(super) struct HullVertices {
    /// Work on the device, bytes sent, and no more than the work elsewhere.
    pub(super) vertices: Vec<[f64; 3]>,
    /// Any cut costs at least 1 - `slack` times the cheapest vertex.
    pub(super) slack: f64,
}

impl HullVertices {
    /// From an envelope; or the constraint that it breaks.
    pub(super) fn new(model: &Model, envelope: &Envelope) -> Result<Self, &'static str> {
        let Envelope { corners: vertices, flows } = envelope;
        if model.macs.len() != model.layers() {
            return Err("a model without MACs has no corners");
        }
        if vertices.first().is_none_or(|(macs, _)| *macs != 0.0)
            || vertices.last().is_none_or(|(_, bytes)| *bytes != 0.0)
        {
            return Err("corners reach from no MACs to no bytes");
        }
        if vertices.windows(2).any(|pair| pair[0].0 >= pair[1].0 || pair[0].1 <= pair[1].1) {
            return Err("corners rise in MACs and fall in bytes");
        }
        if flows.len() + 1 != vertices.len() || flows.iter().any(|flow| flow.len() != model.edges.len()) {
            return Err("a flow on every edge for every two neighbouring corners");
        }
        let mut slack: f64 = 0.0;
        for (pair, flow) in vertices.windows(2).zip(flows) {
            let weights = (pair[0].1 - pair[1].1, pair[1].0 - pair[0].0);
            let proved = proved_by(model, flow, weights);
            let cost = |(macs, bytes): (f64, f64)| {
                let cost = Interval::point(weights.0) * Interval::point(macs)
                    + Interval::point(weights.1) * Interval::point(bytes);
                cost.high()
            };
            let wanted = cost(pair[0]).max(cost(pair[1]));
            slack = slack.max((1.0 - (proved / wanted).next_down()).next_up());
        }
        if slack >= 0.5 {
            return Err("flows prove at least half of what corners cost");
        }
        let macs = sum(points(&model.macs)).low();
        let with_rest = |(device, bytes): &(f64, f64)| [*device, *bytes, add_down(macs, -device).max(0.0)];
        Ok(Self { vertices: vertices.iter().map(with_rest).collect(), slack })
    }
}

/// A flow, summed up by layer.
pub(super) struct FlowSums {
    /// What each layer keeps, rounded up. Shape (layers,).
    pub(super) kept: Vec<f64>,
    /// What each layer passes forwards, rounded up. Shape (layers,).
    pub(super) passed: Vec<f64>,
    /// What leaves the input, rounded down.
    pub(super) leaves: f64,
}

impl FlowSums {
    pub(super) fn new(model: &Model, flow: &[f64]) -> Self {
        let mut kept = vec![0.0; model.layers()];
        let mut passed = vec![0.0; model.layers()];
        let mut leaves = 0.0;
        for ((from, to), flow) in model.edges.iter().zip(flow) {
            let (from, to) = (*from as usize, *to as usize);
            kept[to] = add_up(kept[to], *flow);
            kept[from] = add_up(kept[from], -flow);
            passed[from] = add_up(passed[from], flow.max(0.0));
            if from == 0 {
                leaves = add_down(leaves, *flow);
            }
        }
        Self { kept, passed, leaves }
    }
}

/// The bound that a flow proves of every cut's weighted MACs and bytes, rounded down.
pub(super) fn proved_by(model: &Model, flow: &[f64], (per_mac, per_byte): (f64, f64)) -> f64 {
    let FlowSums { kept, passed, leaves } = FlowSums::new(model, flow);
    let allowed = |weight: f64, amount: f64| (Interval::point(weight) * Interval::point(amount)).low();
    let mut exceeded = 0.0;
    for v in 0..model.layers() {
        if v > 0 {
            exceeded = add_up(exceeded, add_up(kept[v], -allowed(per_mac, model.macs[v])).max(0.0));
        }
        exceeded = add_up(exceeded, add_up(passed[v], -allowed(per_byte, model.out_bytes[v])).max(0.0));
    }
    add_down(leaves, -exceeded)
}
