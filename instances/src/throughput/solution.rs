//! Decisions, and what proves a bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of every request. Decisions only: delays are recomputed where they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// The device sets that [`Service::Remote`] refers to. Many requests share one.
    pub parts: Vec<Part>,
    /// Shape (requests,).
    pub service: Vec<Service>,
}

/// The layers of one model that run on the device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Index into the instance's `models`.
    pub model: u32,
    /// Ascending; with the input, layer 0, and with every predecessor of a layer in it.
    pub device_layers: Vec<u32>,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Service {
    /// It is not admitted.
    Rejected,
    /// It is admitted and runs on its device alone.
    Local,
    /// It is admitted and shares its work with a cloudlet.
    Remote {
        /// Index into the instance's `cloudlets`.
        cloudlet: u32,
        /// Threads of the cloudlet it gets, at least 1.
        threads: u32,
        /// Index into `parts`.
        part: u32,
    },
}

/// What proves an upper bound: per model and kinds of machines, that no cut is cheaper than its corners or vertices say; and prices of threads.
///
/// With k_ij the least threads that could bring request i to its deadline on cloudlet j, and prices pi_j >= 0 of a thread, no solution
/// has a larger objective value than
///
/// ```text
/// sum_j pi_j C_j + sum_i max(0, max_j (profit_i - pi_j k_ij))
/// ```
///
/// and locally feasible requests count with their profit. Three things sharpen this at every leaf of the tree. C_j is rounded down to a number
/// of threads that the k_ij of the requests in question can add up to. Cloudlets that no request connects (by being able to use both) are
/// bounded apart; and if all profits are whole, each of these bounds is rounded down to a whole number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Cuts whose work is in MACs on either side. Shape (models,); empty for a model that no pair of machines needs one of.
    pub envelopes: Vec<Envelope>,
    /// Cuts whose work is in seconds on a kind of machine, on one side at least: one hull for every model, kind of device and kind of cloudlet that some
    /// request and some cloudlet have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hulls: Vec<Hull>,
    /// Inequalities that leaves may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// A tree of prices, children after their parents; node 0 is the root. The bound is the largest over the leaves.
    pub nodes: Vec<PriceNode>,
}

/// The lower left envelope of all cuts of a model, in the plane of (MACs on the device, bytes sent), with a proof.
///
/// A flow along the edges is a proof: let it leave layer 0 freely, let layer v keep at most `weight_macs * macs_v` of what enters it, and let
/// what it passes forwards be at most `weight_bytes * out_bytes_v` (backwards is free: a set on the device has all its predecessors).
/// Then every cut has `weight_macs * MACs + weight_bytes * bytes >= ` what leaves layer 0. The weights of the flow between two
/// corners are those under which both cost the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// (MACs on the device, bytes sent), MACs rising from 0, bytes falling to 0.
    pub corners: Vec<(f64, f64)>,
    /// For every pair of neighbouring corners the flow on each edge of the model, in the model's order, negative backwards.
    /// Shape (corners - 1, edges).
    pub flows: Vec<Vec<f64>>,
}

/// The lower hull of all cuts of a model, in the space of (work on the device, bytes sent, work on the cloudlet), with a proof.
///
/// A cut costs `w_1 D + w_2 B + w_3 R` at weights w: seconds per device work, per byte, per cloudlet work. The least cost over all cuts is concave in w.
/// So if no cut is cheaper than a vertex at the nodes around a cell, none is anywhere in the cell, and cells that cover all weights of an instance prove
/// that no cut is cheaper than the vertices. Cells cover what their outline encloses if each side of a cell is the side of another cell or of the
/// outline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hull {
    /// Index into the instance's `models`.
    pub model: u32,
    /// Kind of the devices; null if their work is in MACs.
    pub device_kind: Option<u32>,
    /// Kind of the cloudlets' threads; null if their work is in MACs.
    pub cloudlet_kind: Option<u32>,
    /// (work on the device, bytes sent, work on the cloudlet).
    pub vertices: Vec<(f64, f64, f64)>,
    /// Weights, each with a flow that bounds the cost of every cut there.
    pub nodes: Vec<HullNode>,
    /// The weights of every vertex.
    pub cells: Vec<Cell>,
    /// The nodes around all cells, in the same sense as around each.
    pub outline: Vec<u32>,
}

/// Weights, and a flow that proves how cheap a cut can be there.
///
/// Any numbers on the edges are a proof. No cut costs less than what leaves layer 0, plus `min(w_3 R_v, w_1 D_v - what enters v and does not leave it)` for
/// every other layer v, less what v passes forwards beyond `w_2 out_bytes_v` for every layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HullNode {
    /// Seconds per work on the device, per byte, and per work on the cloudlet, in any unit of time.
    pub weights: (f64, f64, f64),
    /// The flow on each edge of the model, in the model's order, negative backwards. Shape (edges,).
    pub flow: Vec<f64>,
}

/// Weights at which no cut is cheaper than a vertex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Index into the hull's `vertices`.
    pub vertex: u32,
    /// The nodes around it, in turn.
    pub nodes: Vec<u32>,
}

/// A valid inequality: the profit of the requests in it that its cloudlets serve is at most a bound, which is proved by values u_i >= 0 as at a leaf of
/// [`PriceNode::Values`]: `sum_i u_i + sum_j max sum_{i in S} (profit_i - u_i)`, over these requests and cloudlets alone; and rounded down to a whole number if all
/// profits are whole. It holds whatever is decided at a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Ascending.
    pub cloudlets: Vec<u32>,
    /// (request, value) of all requests in it, ascending. Locally feasible requests are in no inequality, named or not.
    pub values: Vec<(u32, f64)>,
}

/// One node of a price tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceNode {
    /// A leaf.
    Leaf {
        /// Price of a thread of each cloudlet, in profit, >= 0. Shape (cloudlets,).
        prices: Vec<f64>,
    },
    /// A leaf whose cloudlets solve their knapsacks: with values u_i >= 0 no objective value exceeds
    /// `sum_i u_i + sum_j max sum_{i in S} (profit_i - u_i)`, S ranging over the sets whose k_ij fit cloudlet j. Sharpened as above.
    /// Requests that are admitted at this leaf (below a split of [`PriceNode::Service`]) may have values below 0: the dual multiplier of an equation.
    Values {
        /// (request, value) by request, ascending; the others have value 0. Locally feasible requests need none.
        values: Vec<(u32, f64)>,
        /// (cut, multiplier >= 0) by cut, ascending; the others have multiplier 0. A multiplier mu of a cut adds `mu` times what the cut allows, less the
        /// profit in it that is decided already; and profits in it count less by `mu profit_i` in the knapsacks.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        multipliers: Vec<(u32, f64)>,
    },
    /// A split: a cloudlet serves a request, or it does not.
    Split {
        /// The request.
        request: u32,
        /// The cloudlet.
        cloudlet: u32,
        /// The node in which it does.
        served: u32,
        /// The node in which it does not.
        elsewhere: u32,
    },
    /// A split: a request is admitted, or it is not.
    Service {
        /// The request.
        request: u32,
        /// The node in which it is.
        admitted: u32,
        /// The node in which it is not.
        rejected: u32,
    },
}
