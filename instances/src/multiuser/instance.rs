//! An instance: chains, users, one server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::model::Model;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::range;
use crate::speedup::Speedup;

/// An instance of `multiuser`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it comes from; never used for solving.
    pub origin: Origin,
    /// Whether the worst latency or their sum is minimised.
    #[serde(default)]
    pub objective: Objective,
    /// The chains users refer to.
    pub models: Vec<Model>,
    /// The server they share.
    pub server: Server,
    /// The users.
    pub users: Vec<User>,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The worst user's latency.
    #[default]
    Max,
    /// The sum of all latencies.
    Sum,
}

/// A user: its chain, its device, its way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Index into `models`.
    pub model: u32,
    /// Speed of the device, in MAC/s.
    pub device_macs_per_s: f64,
    /// Speed of the uplink, in bytes/s.
    pub uplink_bytes_per_s: f64,
    /// Round-trip time, in seconds; paid once if anything is sent.
    pub rtt_s: f64,
}

/// The server, whose speed is handed out in whole units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// How many units there are (beta).
    pub units: u32,
    /// Speed of one unit, in MAC/s.
    pub unit_macs_per_s: f64,
    /// How much faster f units are than one: lambda(f).
    pub speedup: Speedup,
}

/// More units than this are rejected, so that one more than all of them is still a number of units.
pub const MAX_UNITS: u32 = 4_000_000_000;

impl Valid for Instance {
    fn validate(&self) -> Result<(), InputError> {
        if self.users.is_empty() {
            return Err(InputError::at("users", "is empty", "give at least one user"));
        }
        if self.users.len() > u32::MAX as usize {
            return Err(InputError::at("users", "holds more than 2^32-1 users", "split the instance"));
        }
        for (m, model) in self.models.iter().enumerate() {
            model.validate().map_err(|input_error| input_error.below(format!("models[{m}]")))?;
        }
        self.server.validate().map_err(|input_error| input_error.below("server"))?;
        for (i, user) in self.users.iter().enumerate() {
            if user.model as usize >= self.models.len() {
                return Err(InputError::at(
                    format!("users[{i}].model"),
                    format!("is {}, but there are {} models", user.model, self.models.len()),
                    "give an index into models, counted from 0",
                ));
            }
            range::positive(|| format!("users[{i}].device_macs_per_s"), user.device_macs_per_s)?;
            range::positive(|| format!("users[{i}].uplink_bytes_per_s"), user.uplink_bytes_per_s)?;
            range::not_negative(|| format!("users[{i}].rtt_s"), user.rtt_s)?;
        }
        Ok(())
    }
}

impl Valid for Server {
    fn validate(&self) -> Result<(), InputError> {
        range::positive(|| "unit_macs_per_s".into(), self.unit_macs_per_s)?;
        if self.units > MAX_UNITS {
            return Err(InputError::at("units", format!("is {}", self.units), "give at most 4,000,000,000"));
        }
        self.speedup.validate().map_err(|input_error| input_error.below("speedup"))
    }
}
