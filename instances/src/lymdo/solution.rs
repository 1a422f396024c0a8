//! Decisions, and what proves a bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A trajectory. Decisions only: delays, energies and backlogs are recomputed where they are needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// What every slot gets. Shape (slots,).
    pub slots: Vec<Allocation>,
}

/// The decisions of one slot. A stage without work may get 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Blocks that each user computes itself: 0 sends the raw input, k computes everything. Shape (users,).
    pub cuts: Vec<u32>,
    /// Speed of each device, in MAC/s, at most `max_macs_per_s`. Up to 1e-9 above it, relative, counts as `max_macs_per_s`. Shape (users,).
    pub local_macs_per_s: Vec<f64>,
    /// Bandwidth of each user, in Hz. The sum is at most the instance's `bandwidth_hz`; with up to 1e-9 above it, relative, all are scaled back. Shape (users,).
    pub bandwidth_hz: Vec<f64>,
    /// Speed that the edge gives each user, in MAC/s. The sum is at most the instance's `edge_macs_per_s`; with up to 1e-9 above it, relative, all are
    /// scaled back. Shape (users,).
    pub edge_macs_per_s: Vec<f64>,
}

/// What proves a lower bound, or that there is no solution: prices of energy for the horizon, of bandwidth and edge speed for every slot.
///
/// With the energy prices mu a horizon costs at least the mean of its slots' bounds, each with V = 1 and Q = mu, less
/// `sum_n mu_n budget_n`, as long as `0 <= mu_n <= overdraft_n`. One slot alone has its own V and Q and no energy prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Price of a joule of each user, in seconds, on a horizon; empty for a single slot. Shape (users,) or (0,).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub energy_s_per_j: Vec<f64>,
    /// A tree of prices for every slot. Shape (slots,).
    pub slots: Vec<Tree>,
}

/// Prices for one slot: a tree over its users' cuts. The slot's bound is the least over the leaves.
///
/// Users whom the slot cannot tell apart (model, device, transmitter, backlog or energy price, arrivals and gain all equal) count in one order only: a
/// later one's cut is not below an earlier one's. So a split of one user's cuts takes cuts from others, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The prices that leaves refer to; many leaves share some.
    pub prices: Vec<Prices>,
    /// The tree, children after their parents; node 0 is the root.
    pub nodes: Vec<Node>,
}

/// Prices of what users share, not negative. With them a slot falls apart into its users:
///
/// ```text
/// sum_n min over cuts and (f, b, F) of user n  (V D + Q E + bandwidth b + edge F)   - bandwidth W - edge (edge speed)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Price of a hertz, in the slot's objective.
    pub bandwidth: f64,
    /// Price of a MAC/s of the edge, in the slot's objective.
    pub edge: f64,
}

/// One node of a tree of prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Node {
    /// A leaf with prices: a bound.
    Priced {
        /// Index into `prices`.
        prices: u32,
    },
    /// A leaf without stable allocations: what stability alone needs of bandwidth and edge speed, at these prices, costs no less than what
    /// there is, or a user has no cut left that its device, alone, keeps stable.
    Empty {
        /// Index into `prices`.
        prices: u32,
    },
    /// A split: a user's cut is one of some, or one of the others.
    Split {
        /// The user.
        user: u32,
        /// The cuts, ascending.
        cuts: Vec<u32>,
        /// The node in which the cut is one of them.
        inside: u32,
        /// The node in which it is not.
        outside: u32,
    },
}
