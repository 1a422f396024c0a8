//! An instance: chains, users, what they share, and what happens in every slot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
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
    pub edge_macs_per_s: f64,
    /// The Lyapunov weight V of delay against drift, in J^2/s. It makes the objective of a single slot; on a horizon it is the setting
    /// that policies are asked for, and not part of the objective.
    pub v: f64,
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
#[serde(deny_unknown_fields)]
pub struct User {
    /// Index into `models`.
    pub model: u32,
    /// Greatest speed of the device, in MAC/s. More, by at most 1e-9 relative, counts as this.
    pub max_macs_per_s: f64,
    /// kappa: a MAC at speed f takes `kappa f^2` joules.
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
            ("edge_macs_per_s", self.edge_macs_per_s),
            ("v", self.v),
        ] {
            range::positive(|| name.into(), value)?;
        }
        if let RateLaw::Fixed { bit_per_s_per_hz } = self.rate_law {
            range::positive(|| "rate_law.fixed.bit_per_s_per_hz".into(), bit_per_s_per_hz)?;
        }
        for (m, model) in self.models.iter().enumerate() {
            model.validate(&[]).map_err(|input_error| input_error.below(format!("models[{m}]")))?;
        }
        for (n, user) in self.users.iter().enumerate() {
            let place = |field: &str| format!("users[{n}].{field}");
            if user.model as usize >= self.models.len() {
                return Err(InputError::at(
                    place("model"),
                    format!("is {}, but there are {} models", user.model, self.models.len()),
                    "give an index into models, counted from 0",
                ));
            }
            range::positive(|| place("max_macs_per_s"), user.max_macs_per_s)?;
            range::not_negative(|| place("energy_per_mac_coeff"), user.energy_per_mac_coeff)?;
            range::not_negative(|| place("tx_power_w"), user.tx_power_w)?;
            range::not_negative(|| place("energy_budget_j_per_slot"), user.energy_budget_j_per_slot)?;
            range::not_negative(|| place("overdraft_s_per_j"), user.overdraft_s_per_j)?;
            range::not_negative(|| place("backlog_j"), user.backlog_j)?;
        }
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
