//! Where an instance comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an instance comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// A name for tables, e.g. `zoo-n50`.
    pub name: String,
    /// The family of the generator; `hand` for instances written by hand.
    pub family: String,
    /// The generator's seed.
    pub seed: u64,
    /// The generator's other parameters, for sweeps.
    pub parameters: BTreeMap<String, f64>,
}
