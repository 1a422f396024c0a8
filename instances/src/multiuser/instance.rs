//! An instance: chains, users, one server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::machine::{Machine, MachineKind, OfKind, no_work, validate_kinds};
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
    /// The kinds of machines whose work is in seconds; none in version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_kinds: Vec<MachineKind>,
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
#[serde(try_from = "UserDocument", into = "UserDocument")]
pub struct User {
    /// Index into `models`.
    pub model: u32,
    /// The device; its speed is in MAC/s, or a factor on its kind's.
    pub device: Machine,
    /// Speed of the uplink, in bytes/s.
    pub uplink_bytes_per_s: f64,
    /// Round-trip time, in seconds; paid once if anything is sent.
    pub rtt_s: f64,
}

/// The server, whose speed is handed out in whole units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ServerDocument", into = "ServerDocument")]
pub struct Server {
    /// How many units there are (beta).
    pub units: u32,
    /// One unit; its speed is in MAC/s, or a factor on its kind's.
    pub unit: Machine,
    /// How much faster f units are than one: lambda(f).
    pub speedup: Speedup,
}

/// A user as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "User", extend("oneOf" = [{"required": ["device_macs_per_s"]}, {"required": ["device"]}]))]
struct UserDocument {
    /// Index into `models`.
    model: u32,
    /// Speed of the device, in MAC/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_macs_per_s: Option<f64>,
    /// The device, if it is of a kind (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<OfKind>,
    /// Speed of the uplink, in bytes/s.
    uplink_bytes_per_s: f64,
    /// Round-trip time, in seconds; paid once if anything is sent.
    rtt_s: f64,
}

impl TryFrom<UserDocument> for User {
    type Error = InputError;

    fn try_from(document: UserDocument) -> Result<Self, InputError> {
        let UserDocument { model, device_macs_per_s, device, uplink_bytes_per_s, rtt_s } = document;
        let device = Machine::read((device_macs_per_s, "device_macs_per_s"), (device, "device"))?;
        Ok(Self { model, device, uplink_bytes_per_s, rtt_s })
    }
}

impl From<User> for UserDocument {
    fn from(user: User) -> Self {
        let User { model, device, uplink_bytes_per_s, rtt_s } = user;
        let (device_macs_per_s, device) = device.fields();
        Self { model, device_macs_per_s, device, uplink_bytes_per_s, rtt_s }
    }
}

/// The server as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Server", extend("oneOf" = [{"required": ["unit_macs_per_s"]}, {"required": ["unit"]}]))]
struct ServerDocument {
    /// How many units there are (beta).
    units: u32,
    /// Speed of one unit, in MAC/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_macs_per_s: Option<f64>,
    /// One unit, if it is of a kind (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<OfKind>,
    /// How much faster f units are than one: lambda(f).
    speedup: Speedup,
}

impl TryFrom<ServerDocument> for Server {
    type Error = InputError;

    fn try_from(document: ServerDocument) -> Result<Self, InputError> {
        let ServerDocument { units, unit_macs_per_s, unit, speedup } = document;
        let unit = Machine::read((unit_macs_per_s, "unit_macs_per_s"), (unit, "unit"))?;
        Ok(Self { units, unit, speedup })
    }
}

impl From<Server> for ServerDocument {
    fn from(server: Server) -> Self {
        let Server { units, unit, speedup } = server;
        let (unit_macs_per_s, unit) = unit.fields();
        Self { units, unit_macs_per_s, unit, speedup }
    }
}

impl Instance {
    /// Work of the blocks of user `i`'s model on its device; over the device's speed it is seconds. Shape (k,).
    pub fn device_work(&self, i: usize) -> &[f64] {
        let user = &self.users[i];
        self.models[user.model as usize].work(user.device.kind)
    }

    /// Work of the blocks of model `m` on the server; over a unit's speed it is seconds with one unit. Shape (k,).
    pub fn server_work(&self, m: usize) -> &[f64] {
        self.models[m].work(self.server.unit.kind)
    }
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
        validate_kinds(&self.machine_kinds)?;
        for (m, model) in self.models.iter().enumerate() {
            model.validate(&self.machine_kinds).map_err(|input_error| input_error.below(format!("models[{m}]")))?;
        }
        self.server.validate(&self.machine_kinds).map_err(|input_error| input_error.below("server"))?;
        for (i, user) in self.users.iter().enumerate() {
            if user.model as usize >= self.models.len() {
                return Err(InputError::at(
                    format!("users[{i}].model"),
                    format!("is {}, but there are {} models", user.model, self.models.len()),
                    "give an index into models, counted from 0",
                ));
            }
            let (speed_field, device) = (|| format!("users[{i}].device_macs_per_s"), || format!("users[{i}].device"));
            user.device.validate(&self.machine_kinds, speed_field, device)?;
            let model = &self.models[user.model as usize];
            if !model.runs_on(user.device.kind) {
                return Err(no_work(device(), &model.name, user.device, &self.machine_kinds));
            }
            if !model.runs_on(self.server.unit.kind) {
                return Err(no_work("server.unit".into(), &model.name, self.server.unit, &self.machine_kinds));
            }
            range::positive(|| format!("users[{i}].uplink_bytes_per_s"), user.uplink_bytes_per_s)?;
            range::not_negative(|| format!("users[{i}].rtt_s"), user.rtt_s)?;
        }
        Ok(())
    }
}

impl Server {
    fn validate(&self, kinds: &[MachineKind]) -> Result<(), InputError> {
        self.unit.validate(kinds, || "unit_macs_per_s".into(), || "unit".into())?;
        if self.units > MAX_UNITS {
            return Err(InputError::at("units", format!("is {}", self.units), "give at most 4,000,000,000"));
        }
        self.speedup.validate().map_err(|input_error| input_error.below("speedup"))
    }
}
