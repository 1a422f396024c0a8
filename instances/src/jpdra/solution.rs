//! Decisions, and what proves a bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where partitions run and how fast. Decisions only: delays are recomputed where they are needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// Server of every partition. Shape (flows, partitions).
    pub servers: Vec<Vec<u32>>,
    /// What every partition gets of its server's speed.
    pub speeds: Speeds,
}

/// Shares of the servers' speeds, of the kind that the instance's `allocation` asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speeds {
    /// MAC/s. The sum on a server is at most its `macs_per_s`; with up to 1e-9 above it, relative, all of them are scaled back. Shape (flows, partitions).
    MacsPerS(Vec<Vec<f64>>),
    /// Whole units. The sum on a server is at most its units, exactly. Shape (flows, partitions).
    Units(Vec<Vec<u64>>),
}

/// What proves a lower bound, or that there is no solution: a tree of prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The prices that leaves refer to; many leaves share some.
    pub prices: Vec<Prices>,
    /// The tree, children after their parents; node 0 is the root. The bound is the least over the leaves.
    pub nodes: Vec<Node>,
}

/// Prices that servers get for the partitions they run, and that flows pay; of any sign.
///
/// The objective value of a solution is at least the sum of the minima of flows and servers apart:
///
/// ```text
/// sum_s min over paths of flow s  (weighted transfers + prices along the path)
///   + sum_m min over sets X of partitions  (least weighted delay of X on server m - prices of X)
/// ```
///
/// because the prices cancel where both choose the same. A path visits a server for each partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Price of a partition on a server, flow by flow. Shape (partitions of all flows, servers), in the objective's unit.
    pub place: Vec<Vec<f64>>,
    /// Price of a partition on the same server as the one before it; the first partition of a flow has an empty row. May be left out
    /// altogether. Shape (partitions of all flows, servers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stay: Vec<Vec<f64>>,
}

/// One node of a tree of prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Node {
    /// A leaf with marginal delays r_m >= 0: `A^2/R >= 2 r A - r^2 R` makes every partition cost `2 r_m a_sn + r_m^2 lambda_s w_sn` on server m, and
    /// flows' shortest paths with these costs, less `sum_m r_m^2 F_m`, are a bound.
    Marginal {
        /// Shape (servers,).
        rates: Vec<f64>,
    },
    /// A leaf with prices: a bound.
    Priced {
        /// Index into `prices`.
        prices: u32,
    },
    /// A leaf without solutions: with all delays left out and only capacities kept, the prices still prove more than 0.
    Empty {
        /// Index into `prices`.
        prices: u32,
    },
    /// A split: a partition runs on one of some servers, or on one of the others.
    Split {
        /// The flow.
        flow: u32,
        /// The partition.
        partition: u32,
        /// The servers, ascending.
        servers: Vec<u32>,
        /// The node in which it runs on one of them.
        inside: u32,
        /// The node in which it does not.
        outside: u32,
    },
}
