//! Decisions, and what proves a bound.

use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::strict::{absent, needed, present};

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
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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

/// The fields of all kinds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    kind: Kind,
    #[serde(default, deserialize_with = "present")]
    latency_s: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nodes: Option<Vec<PriceNode>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Threshold,
    Prices,
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Fields { kind, latency_s, nodes } = Fields::deserialize(deserializer)?;
        match kind {
            Kind::Threshold => {
                absent(nodes.as_ref(), "nodes", &["kind", "latency_s"])?;
                Ok(Self::Threshold { latency_s: needed(latency_s, "latency_s")? })
            }
            Kind::Prices => {
                absent(latency_s.as_ref(), "latency_s", &["kind", "nodes"])?;
                Ok(Self::Prices { nodes: needed(nodes, "nodes")? })
            }
        }
    }
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
