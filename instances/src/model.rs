//! A chain of blocks, as the problems that cut chains know it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// A chain of k blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, for people.
    pub name: String,
    /// Work of each block, in MACs. Shape (k,).
    pub macs: Vec<f64>,
    /// Bytes sent when cutting after block s; entry 0 is the raw input, entry k is unused and 0. Shape (k+1,).
    pub cut_bytes: Vec<f64>,
}

impl Model {
    /// The number of blocks k.
    pub fn blocks(&self) -> usize {
        self.macs.len()
    }
}

impl Valid for Model {
    fn validate(&self) -> Result<(), InputError> {
        if self.macs.is_empty() {
            return Err(InputError::at("macs", "is empty", "give at least one block"));
        }
        if self.cut_bytes.len() != self.macs.len() + 1 {
            return Err(InputError::at(
                "cut_bytes",
                format!("has {} entries for {} blocks", self.cut_bytes.len(), self.macs.len()),
                "give one entry per cut: the raw input first, then one after each block",
            ));
        }
        for (j, macs) in self.macs.iter().enumerate() {
            range::not_negative(|| format!("macs[{j}]"), *macs)?;
        }
        for (s, bytes) in self.cut_bytes.iter().enumerate() {
            range::not_negative(|| format!("cut_bytes[{s}]"), *bytes)?;
        }
        let last = self.macs.len();
        if self.cut_bytes[last] != 0.0 {
            return Err(InputError::at(
                format!("cut_bytes[{last}]"),
                format!("is {}", self.cut_bytes[last]),
                "give 0: nothing is sent after the last block",
            ));
        }
        Ok(())
    }
}
