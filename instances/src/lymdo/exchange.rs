//! What is exchanged with a policy that is a program: lines of JSON, each on its own.
//!
//! | line | from | when | holds |
//! |---|---|---|---|
//! | [`System`], as a document | runner | first | what stays as it is |
//! | [`State`] | runner | every slot | what a policy sees of it |
//! | [`Decision`] | program | after every state | cuts, with or without resources |
//!
//! Nothing of what comes is in them, nor what it could be made from: no later slot, no number of slots, no origin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::{Instance, RateLaw, Service, User};
use crate::machine::{MachineKind, OfKind};
use crate::model::Model;
use crate::problem::Stop;

/// What stays as it is from slot to slot: an instance without its sample path and its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// How long stages take from task to task.
    pub service: Service,
    /// What rate a share of the bandwidth gives.
    pub rate_law: RateLaw,
    /// Length of a slot, in seconds.
    pub slot_s: f64,
    /// Bandwidth that users share, in Hz.
    pub bandwidth_hz: f64,
    /// Density of the noise, in W/Hz (`shannon`).
    pub noise_w_per_hz: f64,
    /// Speed of the edge that users share, in MAC/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_macs_per_s: Option<f64>,
    /// The edge, if it is of a kind; its speed is a factor on the kind's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<OfKind>,
    /// The Lyapunov weight V of delay against drift, in J^2/s.
    pub v: f64,
    /// The kinds of machines whose work is in seconds; often none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_kinds: Vec<MachineKind>,
    /// The chains users refer to.
    pub models: Vec<Model>,
    /// The users, with their backlogs before the first slot; those of now are in the [`State`].
    pub users: Vec<User>,
}

impl System {
    /// What stays as it is in an instance.
    pub fn of(instance: &Instance) -> Self {
        let Instance { service, rate_law, slot_s, bandwidth_hz, noise_w_per_hz, v, .. } = *instance;
        let Instance { edge_macs_per_s, edge, .. } = *instance;
        Self {
            service,
            rate_law,
            slot_s,
            bandwidth_hz,
            noise_w_per_hz,
            edge_macs_per_s,
            edge,
            v,
            machine_kinds: instance.machine_kinds.clone(),
            models: instance.models.clone(),
            users: instance.users.clone(),
        }
    }
}

/// What a policy sees of a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The slot, from 0.
    pub slot: u64,
    /// Backlog of each user's virtual energy queue before it, in J. Shape (users,).
    pub backlogs_j: Vec<f64>,
    /// Tasks of each user, per second. Shape (users,).
    pub arrivals_per_s: Vec<f64>,
    /// Power gain of each user's channel. Shape (users,).
    pub gains: Vec<f64>,
}

impl State {
    /// The state at slot number `slot` of the horizon, which `shown` holds alone with the backlogs of then.
    ///
    /// # Panics
    /// If `shown` has no slot.
    pub fn of(slot: u64, shown: &Instance) -> Self {
        Self {
            slot,
            backlogs_j: shown.users.iter().map(|user| user.backlog_j).collect(),
            arrivals_per_s: shown.slots[0].arrivals_per_s.clone(),
            gains: shown.slots[0].gains.clone(),
        }
    }
}

/// What a program decides of a slot: cuts alone, cuts with all three resources, or that there is no decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decision {
    /// Blocks that each user computes itself: 0 sends the raw input, k computes everything. Shape (users,).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuts: Option<Vec<u32>>,
    /// Speed of each device, in MAC/s. Shape (users,). Without this and the other two the best are taken for these cuts; cuts that
    /// cannot be kept stable are then moved to near ones that can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_macs_per_s: Option<Vec<f64>>,
    /// Bandwidth of each user, in Hz. With a sum above what there is, by at most 1e-9 relative, all are scaled back. Shape (users,).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_hz: Option<Vec<f64>>,
    /// Speed that the edge gives each user, in MAC/s; the same holds. Shape (users,).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge_macs_per_s: Option<Vec<f64>>,
    /// Instead of all others: why there is no decision, `"infeasible"`, `{"declined": "why"}` or `{"failed": "how"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
}
