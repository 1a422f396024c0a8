//! An instance: flows through partitions, servers, and the ways between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::origin::Origin;
use crate::problem::Valid;
use crate::range;

/// An instance of `jpdra`. A speed of 0 bytes/s is no way at all: that hop is forbidden, whatever it would carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it comes from; never used for solving.
    pub origin: Origin,
    /// The flows of tasks.
    pub flows: Vec<Flow>,
    /// The servers.
    pub servers: Vec<Server>,
    /// Speed of the way from one server to another, in bytes/s. Shape (servers, servers); the diagonal is not used.
    pub link_bytes_per_s: Vec<Vec<f64>>,
    /// Whether speeds are shared continuously or in whole units.
    #[serde(default)]
    pub allocation: Allocation,
}

/// Tasks that arrive as a Poisson process and pass through the partitions of one DNN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Arrivals per second.
    pub rate_per_s: f64,
    /// What a task brings along, in bytes.
    pub input_bytes: f64,
    /// The partitions, in order.
    pub partitions: Vec<Partition>,
    /// What returns from the last partition's server, in bytes; none if nothing does, and then downlinks do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<f64>,
    /// Speed of the way to every server, in bytes/s. Shape (servers,).
    pub uplink_bytes_per_s: Vec<f64>,
    /// Speed of the way back from every server, in bytes/s. Shape (servers,); may be empty if nothing returns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downlink_bytes_per_s: Vec<f64>,
}

/// A part of a DNN that runs on one server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Mean work of a task, in MACs.
    pub macs: f64,
    /// What it hands to the next partition, in bytes; not used for the last one.
    pub out_bytes: f64,
}

/// An edge server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its speed, in MAC/s. Speeds that sum to more, by at most 1e-9 relative, are scaled back to it and checked so; whole units are not.
    pub macs_per_s: f64,
}

/// How a server's speed is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Allocation {
    /// In any way.
    #[default]
    Continuous,
    /// In whole units.
    Units {
        /// The size of a unit, in MAC/s.
        macs_per_s: f64,
    },
}

/// The most partitions in all flows together.
const MAX_PARTITIONS: usize = 1_000_000;

impl Instance {
    /// Partitions of all flows together.
    pub fn partitions(&self) -> usize {
        self.flows.iter().map(|flow| flow.partitions.len()).sum()
    }

    /// How many whole units of `macs_per_s` server `m` has: the floor of the exact quotient of the two floats, at most 2^53.
    pub fn units(&self, m: usize, macs_per_s: f64) -> u64 {
        let speed = self.servers[m].macs_per_s;
        let quotient = (speed / macs_per_s).floor();
        if quotient >= 9e15 {
            return 1 << 53;
        }
        // The quotient was rounded: one too many if its product, exactly, is above the speed. (One too few cannot be.)
        let is_too_much = quotient.mul_add(macs_per_s, -speed) > 0.0;
        quotient as u64 - u64::from(is_too_much)
    }

    /// Whether flow `s` may enter at server `m`.
    pub fn enters(&self, s: usize, m: usize) -> bool {
        self.flows[s].uplink_bytes_per_s[m] > 0.0
    }

    /// Whether tasks may go from server `from` to server `to`; staying is always possible.
    pub fn connects(&self, from: usize, to: usize) -> bool {
        from == to || self.link_bytes_per_s[from][to] > 0.0
    }

    /// Whether flow `s` may end at server `m`.
    pub fn leaves(&self, s: usize, m: usize) -> bool {
        let flow = &self.flows[s];
        flow.result_bytes.is_none() || flow.downlink_bytes_per_s[m] > 0.0
    }
}

impl Valid for Instance {
    fn validate(&self) -> Result<(), InputError> {
        let servers = self.servers.len();
        if self.flows.is_empty() {
            return Err(InputError::at("flows", "is empty", "give at least one flow"));
        }
        if !(1..=65_535).contains(&servers) {
            return Err(InputError::at("servers", format!("holds {servers} servers"), "give 1 to 65535"));
        }
        if self.partitions() > MAX_PARTITIONS {
            let what = format!("have {} partitions", self.partitions());
            return Err(InputError::at("flows", what, format!("give at most {MAX_PARTITIONS} in all")));
        }
        for (s, flow) in self.flows.iter().enumerate() {
            flow.validate(servers).map_err(|error| error.below(format!("flows[{s}]")))?;
        }
        for (m, server) in self.servers.iter().enumerate() {
            range::positive(|| format!("servers[{m}].macs_per_s"), server.macs_per_s)?;
        }
        one_per_server("link_bytes_per_s", self.link_bytes_per_s.len(), servers)?;
        for (m, row) in self.link_bytes_per_s.iter().enumerate() {
            one_per_server(&format!("link_bytes_per_s[{m}]"), row.len(), servers)?;
            not_negative(&format!("link_bytes_per_s[{m}]"), row)?;
        }
        if let Allocation::Units { macs_per_s } = self.allocation {
            range::positive(|| "allocation.units.macs_per_s".into(), macs_per_s)?;
        }
        Ok(())
    }
}

impl Flow {
    /// As [`Valid::validate`], on a system of so many servers.
    fn validate(&self, servers: usize) -> Result<(), InputError> {
        range::positive(|| "rate_per_s".into(), self.rate_per_s)?;
        range::not_negative(|| "input_bytes".into(), self.input_bytes)?;
        if self.partitions.is_empty() {
            return Err(InputError::at("partitions", "is empty", "give at least one partition"));
        }
        for (n, partition) in self.partitions.iter().enumerate() {
            range::positive(|| format!("partitions[{n}].macs"), partition.macs)?;
            range::not_negative(|| format!("partitions[{n}].out_bytes"), partition.out_bytes)?;
        }
        if let Some(bytes) = self.result_bytes {
            range::not_negative(|| "result_bytes".into(), bytes)?;
        }
        one_per_server("uplink_bytes_per_s", self.uplink_bytes_per_s.len(), servers)?;
        if self.result_bytes.is_some() || !self.downlink_bytes_per_s.is_empty() {
            one_per_server("downlink_bytes_per_s", self.downlink_bytes_per_s.len(), servers)?;
        }
        not_negative("uplink_bytes_per_s", &self.uplink_bytes_per_s)?;
        not_negative("downlink_bytes_per_s", &self.downlink_bytes_per_s)
    }
}

/// A list has as many entries as there are servers.
fn one_per_server(place: &str, entries: usize, servers: usize) -> Result<(), InputError> {
    if entries == servers {
        return Ok(());
    }
    let what = format!("has {entries} entries for {servers} servers");
    Err(InputError::at(place, what, "give one entry per server"))
}

fn not_negative(place: &str, speeds: &[f64]) -> Result<(), InputError> {
    let mut entries = speeds.iter().enumerate();
    entries.try_for_each(|(m, speed)| range::not_negative(|| format!("{place}[{m}]"), *speed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_the_floor_of_the_exact_quotient() {
        let units = |speed: f64, unit: f64| {
            let instance = Instance {
                origin: Origin::default(),
                flows: Vec::new(),
                servers: vec![Server { macs_per_s: speed }],
                link_bytes_per_s: Vec::new(),
                allocation: Allocation::Continuous,
            };
            instance.units(0, unit)
        };
        assert_eq!(units(10.0, 0.25), 40);
        assert_eq!(units(10.0, 11.0), 0);
        // The float 0.3 is a little less than three times the float 0.1.
        assert_eq!(units(0.3, 0.1), 2);
        // The float 0.1 is a little more than a tenth: the quotient rounds up to 10, and 10 of them are too much.
        assert_eq!((1.0f64 / 0.1, units(1.0, 0.1)), (10.0, 9));
        assert_eq!(units(1e30, 1e-30), 1 << 53);
    }
}
