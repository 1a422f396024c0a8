//! A chain of blocks, as the problems that cut chains know it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::machine::{MachineKind, validate_work, work_of};
use crate::range;

/// A chain of k blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, for people.
    pub name: String,
    /// Work of each block, in MACs. Shape (k,); may be left out if no machine has a speed in MAC/s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<f64>,
    /// Bytes sent when cutting after block s; entry 0 is the raw input, entry k is unused and 0. Shape (k+1,).
    pub cut_bytes: Vec<f64>,
    /// Work of each block on machines of every kind, in seconds on one unit at its nominal speed; null for a kind that does not run this model. Shape
    /// (kinds, k).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work_s: Vec<Option<Vec<f64>>>,
}

impl Model {
    /// A chain whose work is in MACs.
    pub fn of_macs(name: impl Into<String>, macs: Vec<f64>, cut_bytes: Vec<f64>) -> Self {
        Self { name: name.into(), macs, cut_bytes, work_s: Vec::new() }
    }

    /// The number of blocks k.
    pub fn blocks(&self) -> usize {
        self.cut_bytes.len() - 1
    }

    /// Whether machines of this kind (none: with a speed in MAC/s) run it.
    pub fn runs_on(&self, kind: Option<u32>) -> bool {
        work_of((&self.macs, &self.work_s), kind).is_some()
    }

    /// Work of each block on a machine of this kind: MACs for none, else seconds at its nominal speed. Shape (k,).
    ///
    /// # Panics
    /// If the model does not run there; in a valid instance it runs on all machines that are to run it.
    pub fn work(&self, kind: Option<u32>) -> &[f64] {
        work_of((&self.macs, &self.work_s), kind).expect("a model runs on the machines of its users")
    }

    /// Checks ranges and shapes; `kinds` are the instance's machine kinds.
    ///
    /// # Errors
    /// The first offence, with its place and remedy.
    pub fn validate(&self, kinds: &[MachineKind]) -> Result<(), InputError> {
        if self.cut_bytes.len() < 2 && (self.work_s.is_empty() || self.cut_bytes.is_empty()) && self.macs.is_empty() {
            return Err(InputError::at("macs", "is empty", "give at least one block"));
        }
        if !self.macs.is_empty() && self.cut_bytes.len() != self.macs.len() + 1 {
            return Err(InputError::at(
                "cut_bytes",
                format!("has {} entries for {} blocks", self.cut_bytes.len(), self.macs.len()),
                "give one entry per cut: the raw input first, then one after each block",
            ));
        }
        if self.cut_bytes.len() < 2 {
            let what = format!("has {} entries", self.cut_bytes.len());
            return Err(InputError::at("cut_bytes", what, "give the raw input first, then one entry after each block"));
        }
        validate_work((&self.macs, &self.work_s), self.blocks(), kinds)?;
        for (s, bytes) in self.cut_bytes.iter().enumerate() {
            range::not_negative(|| format!("cut_bytes[{s}]"), *bytes)?;
        }
        let last = self.blocks();
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
