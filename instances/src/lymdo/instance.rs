//! An instance: chains, users, what they share, and what happens in every slot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::machine::{Machine, MachineKind, OfKind, no_work, validate_kinds};
use crate::model::Model;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::range;

/// An instance of `lymdo`: a horizon with its sample path, or a single slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it comes from; never used for solving.
    pub origin: Origin,
    /// How long stages take from task to task.
    #[serde(default)]
    pub service: Service,
    /// What rate a share of the bandwidth gives.
    #[serde(default)]
    pub rate_law: RateLaw,
    /// Length of a slot, in seconds.
    pub slot_s: f64,
    /// Bandwidth that users share, in Hz. Shares that sum to more, by at most 1e-9 relative, are scaled back to it and checked so.
    pub bandwidth_hz: f64,
    /// Density of the noise, in W/Hz (`shannon`).
    pub noise_w_per_hz: f64,
    /// Speed of the edge that users share, in MAC/s. Shares that sum to more, by at most 1e-9 relative, are scaled back to it and checked so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_macs_per_s: Option<f64>,
    /// The edge, if it is of a kind (version 2); its speed, a factor on the kind's, is what users share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<OfKind>,
    /// The Lyapunov weight V of delay against drift, in J^2/s. It makes the objective of a single slot; on a horizon it is the setting
    /// that policies are asked for, and not part of the objective.
    pub v: f64,
    /// The kinds of machines whose work is in seconds; none in version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_kinds: Vec<MachineKind>,
    /// The chains users refer to.
    pub models: Vec<Model>,
    /// The users.
    pub users: Vec<User>,
    /// The sample path: what happens in every slot.
    pub slots: Vec<Slot>,
}

/// Service times of the stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Every task takes the same: tasks wait before the slowest stage only.
    #[default]
    Deterministic,
    /// Exponential: every stage is an M/M/1 queue.
    Exponential,
}

/// Rate of a share b of the bandwidth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RateLaw {
    /// `b log2(1 + p h / (N0 b))` bit/s.
    #[default]
    Shannon,
    /// `b` times the spectral efficiency; gains are not used.
    Fixed {
        /// Spectral efficiency, in bit/s/Hz.
        bit_per_s_per_hz: f64,
    },
}

/// A user: its chain, its device, its energy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "UserDocument", into = "UserDocument")]
pub struct User {
    /// Index into `models`.
    pub model: u32,
    /// The device and its greatest speed, in MAC/s or as a factor on its kind's. More, by at most 1e-9 relative, counts as this.
    pub device: Machine,
    /// kappa: a unit of the device's work (a MAC, or a second at nominal speed) at speed f takes `kappa f^2` joules.
    pub energy_per_mac_coeff: f64,
    /// Power of the transmitter, in W.
    pub tx_power_w: f64,
    /// Energy it may spend in a slot, on average, in J.
    pub energy_budget_j_per_slot: f64,
    /// What a joule a slot above the budget is charged, in seconds, on a horizon.
    pub overdraft_s_per_j: f64,
    /// Backlog Q of its virtual energy queue before the first slot, in J.
    pub backlog_j: f64,
}

/// A user as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "User", extend("oneOf" = [{"required": ["max_macs_per_s"]}, {"required": ["device"]}]))]
struct UserDocument {
    /// Index into `models`.
    model: u32,
    /// Greatest speed of the device, in MAC/s. More, by at most 1e-9 relative, counts as this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_macs_per_s: Option<f64>,
    /// The device, if it is of a kind (version 2), with its greatest speed as a factor on the kind's. More, by at most 1e-9 relative, counts as this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<OfKind>,
    /// kappa: a unit of the device's work (a MAC, or a second at nominal speed) at speed f takes `kappa f^2` joules.
    energy_per_mac_coeff: f64,
    /// Power of the transmitter, in W.
    tx_power_w: f64,
    /// Energy it may spend in a slot, on average, in J.
    energy_budget_j_per_slot: f64,
    /// What a joule a slot above the budget is charged, in seconds, on a horizon.
    overdraft_s_per_j: f64,
    /// Backlog Q of its virtual energy queue before the first slot, in J.
    backlog_j: f64,
}

impl TryFrom<UserDocument> for User {
    type Error = InputError;

    fn try_from(document: UserDocument) -> Result<Self, InputError> {
        let device = Machine::read((document.max_macs_per_s, "max_macs_per_s"), (document.device, "device"))?;
        let UserDocument { model, energy_per_mac_coeff, tx_power_w, .. } = document;
        let UserDocument { energy_budget_j_per_slot, overdraft_s_per_j, backlog_j, .. } = document;
        Ok(Self {
            model,
            device,
            energy_per_mac_coeff,
            tx_power_w,
            energy_budget_j_per_slot,
            overdraft_s_per_j,
            backlog_j,
        })
    }
}

impl From<User> for UserDocument {
    fn from(user: User) -> Self {
        let (max_macs_per_s, device) = user.device.fields();
        Self {
            model: user.model,
            max_macs_per_s,
            device,
            energy_per_mac_coeff: user.energy_per_mac_coeff,
            tx_power_w: user.tx_power_w,
            energy_budget_j_per_slot: user.energy_budget_j_per_slot,
            overdraft_s_per_j: user.overdraft_s_per_j,
            backlog_j: user.backlog_j,
        }
    }
}

impl Instance {
    /// The users, of an instance whose models and kinds are good.
    fn validate_users(&self, edge: Machine) -> Result<(), InputError> {
        for (n, user) in self.users.iter().enumerate() {
            let place = |field: &str| format!("users[{n}].{field}");
            if user.model as usize >= self.models.len() {
                return Err(InputError::at(
                    place("model"),
                    format!("is {}, but there are {} models", user.model, self.models.len()),
                    "give an index into models, counted from 0",
                ));
            }
            user.device.validate(&self.machine_kinds, || place("max_macs_per_s"), || place("device"))?;
            let model = &self.models[user.model as usize];
            if !model.runs_on(user.device.kind) {
                return Err(no_work(place("device"), &model.name, user.device, &self.machine_kinds));
            }
            if !model.runs_on(edge.kind) {
                return Err(no_work("edge".into(), &model.name, edge, &self.machine_kinds));
            }
            range::not_negative(|| place("energy_per_mac_coeff"), user.energy_per_mac_coeff)?;
            range::not_negative(|| place("tx_power_w"), user.tx_power_w)?;
            range::not_negative(|| place("energy_budget_j_per_slot"), user.energy_budget_j_per_slot)?;
            range::not_negative(|| place("overdraft_s_per_j"), user.overdraft_s_per_j)?;
            range::not_negative(|| place("backlog_j"), user.backlog_j)?;
        }
        Ok(())
    }

    /// The edge: the speed that users share is in MAC/s, or a factor on its kind's.
    ///
    /// # Panics
    /// If the instance is not valid: it has both a speed and a kind, or neither.
    pub fn edge(&self) -> Machine {
        Machine::read((self.edge_macs_per_s, "edge_macs_per_s"), (self.edge, "edge")).expect("a valid instance has one")
    }

    /// The instance without its sample path, which is large and not a policy's to see.
    pub fn without_slots(&self) -> Self {
        let Self { service, rate_law, slot_s, bandwidth_hz, noise_w_per_hz, edge_macs_per_s, edge, v, .. } = *self;
        Self {
            origin: self.origin.clone(),
            service,
            rate_law,
            slot_s,
            bandwidth_hz,
            noise_w_per_hz,
            edge_macs_per_s,
            edge,
            v,
            machine_kinds: self.machine_kinds.clone(),
            models: self.models.clone(),
            users: self.users.clone(),
            slots: Vec::new(),
        }
    }

    /// Makes the edge so fast, in its own unit.
    pub fn set_edge_speed(&mut self, speed: f64) {
        match &mut self.edge {
            Some(edge) => edge.speed = speed,
            None => self.edge_macs_per_s = Some(speed),
        }
    }

    /// Work of the blocks of user `n`'s model on its device; over the device's speed it is seconds. Shape (k,).
    pub fn device_work(&self, n: usize) -> &[f64] {
        let user = &self.users[n];
        self.models[user.model as usize].work(user.device.kind)
    }

    /// Work of the blocks of user `n`'s model at the edge; over a share of the edge's speed it is seconds. Shape (k,).
    pub fn edge_work(&self, n: usize) -> &[f64] {
        self.models[self.users[n].model as usize].work(self.edge.map(|edge| edge.kind))
    }
}

/// What happens in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Tasks of each user, per second. Shape (users,).
    pub arrivals_per_s: Vec<f64>,
    /// Power gain of each user's channel. Shape (users,).
    pub gains: Vec<f64>,
}

/// The most users times slots.
const MAX_USER_SLOTS: usize = 100_000_000;

impl Valid for Instance {
    fn validate(&self) -> Result<(), InputError> {
        let users = self.users.len();
        if users == 0 {
            return Err(InputError::at("users", "is empty", "give at least one user"));
        }
        if self.slots.is_empty() {
            return Err(InputError::at("slots", "is empty", "give at least one slot"));
        }
        if users.saturating_mul(self.slots.len()) > MAX_USER_SLOTS {
            let what = format!("holds {} slots of {users} users", self.slots.len());
            return Err(InputError::at("slots", what, format!("give at most {MAX_USER_SLOTS} users times slots")));
        }
        for (name, value) in [
            ("slot_s", self.slot_s),
            ("bandwidth_hz", self.bandwidth_hz),
            ("noise_w_per_hz", self.noise_w_per_hz),
            ("v", self.v),
        ] {
            range::positive(|| name.into(), value)?;
        }
        validate_kinds(&self.machine_kinds)?;
        let edge = Machine::read((self.edge_macs_per_s, "edge_macs_per_s"), (self.edge, "edge"))?;
        edge.validate(&self.machine_kinds, || "edge_macs_per_s".into(), || "edge".into())?;
        if let RateLaw::Fixed { bit_per_s_per_hz } = self.rate_law {
            range::positive(|| "rate_law.fixed.bit_per_s_per_hz".into(), bit_per_s_per_hz)?;
        }
        for (m, model) in self.models.iter().enumerate() {
            model.validate(&self.machine_kinds).map_err(|input_error| input_error.below(format!("models[{m}]")))?;
        }
        self.validate_users(edge)?;
        for (t, slot) in self.slots.iter().enumerate() {
            for (field, values) in [("arrivals_per_s", &slot.arrivals_per_s), ("gains", &slot.gains)] {
                if values.len() != users {
                    let what = format!("has {} entries for {users} users", values.len());
                    return Err(InputError::at(format!("slots[{t}].{field}"), what, "give one entry per user"));
                }
                for (n, value) in values.iter().enumerate() {
                    range::not_negative(|| format!("slots[{t}].{field}[{n}]"), *value)?;
                }
            }
        }
        Ok(())
    }
}
