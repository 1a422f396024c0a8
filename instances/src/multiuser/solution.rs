//! Decisions, and what proves a bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where every user cuts and how many units it gets. Decisions only: latencies are recomputed where they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Solution {
    /// Blocks each user runs on its device, 0..=k; k is all local. Shape (users,).
    pub cut: Vec<u32>,
    /// Units of the server each user gets; 0 forces all local. Shape (users,).
    pub units: Vec<u32>,
}

/// What proves a lower bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Certificate {
    /// For `max`: no latency below this one is within reach, because getting every user strictly below it would
    /// take more units than there are.
    Threshold {
        /// The latency T, in seconds.
        latency_s: f64,
    },
    /// For `sum`: a tree over unit ranges whose leaves carry prices. At a leaf with price p the bound is
    /// `sum_i min_f (T_i*(f) + p f) - p beta`, f ranging over what the path to the leaf allows, or what a dynamic program over
    /// the few unit counts that this leaves open proves; the bound of the tree is the least over its leaves. Node 0 is the root;
    /// one leaf alone is the plain price bound.
    Prices {
        /// The nodes, children after their parents.
        nodes: Vec<PriceNode>,
    },
}

/// One node of a price tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceNode {
    /// A leaf.
    Leaf {
        /// The price of a unit, in seconds, >= 0.
        price_s: f64,
    },
    /// A leaf whose price bound is below `cutoff_s`: that no allocation costs less than `cutoff_s` is shown by the dynamic program over the users'
    /// unit counts whose reduced costs at the price are below the difference.
    Core {
        /// The price of a unit, in seconds, >= 0.
        price_s: f64,
        /// The sum of latencies that no allocation of this leaf is below, in seconds.
        cutoff_s: f64,
    },
    /// A split of one user's units: at most `units` below `at_most`, at least `units` + 1 below `above`.
    Split {
        /// The user.
        user: u32,
        /// The last unit count of the lower part.
        units: u32,
        /// The node of the lower part.
        at_most: u32,
        /// The node of the upper part.
        above: u32,
    },
}
