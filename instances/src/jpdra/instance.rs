//! An instance: flows through partitions, servers, and the ways between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::machine::{Machine, MachineKind, OfKind, validate_kinds};
use crate::origin::Origin;
use crate::problem::Valid;
use crate::range;

/// An instance of `jpdra`. A speed of 0 bytes/s is no way at all: that hop is forbidden, whatever it would carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it comes from; never used for solving.
    pub origin: Origin,
    /// The kinds of machines whose work is in seconds; none in version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_kinds: Vec<MachineKind>,
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
    /// Mean work of a task on servers of every kind, in seconds on a whole server at its nominal speed. Shape (kinds, partitions).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work_s: Vec<Vec<f64>>,
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
    /// Mean work of a task, in MACs; may be left out, or 0, if all servers are of kinds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub macs: f64,
    /// What it hands to the next partition, in bytes; not used for the last one.
    pub out_bytes: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_zero(macs: &f64) -> bool {
    *macs == 0.0
}

/// An edge server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ServerDocument", into = "ServerDocument")]
pub struct Server {
    /// Its speed, in MAC/s or as a factor on its kind's. Speeds that sum to more, by at most 1e-9 relative, are scaled back to it and checked so; whole
    /// units are not.
    pub machine: Machine,
}

/// A server as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Server", extend("oneOf" = [{"required": ["macs_per_s"]}, {"required": ["machine"]}]))]
struct ServerDocument {
    /// Its speed, in MAC/s. Speeds that sum to more, by at most 1e-9 relative, are scaled back to it and checked so; whole units are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    macs_per_s: Option<f64>,
    /// The server, if it is of a kind (version 2); the same holds of its speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<OfKind>,
}

impl TryFrom<ServerDocument> for Server {
    type Error = InputError;

    fn try_from(document: ServerDocument) -> Result<Self, InputError> {
        let machine = Machine::read((document.macs_per_s, "macs_per_s"), (document.machine, "machine"))?;
        Ok(Self { machine })
    }
}

impl From<Server> for ServerDocument {
    fn from(server: Server) -> Self {
        let (macs_per_s, machine) = server.machine.fields();
        Self { macs_per_s, machine }
    }
}

impl Server {
    /// A server whose work is in MACs.
    pub const fn of_macs(macs_per_s: f64) -> Self {
        Self { machine: Machine::of_macs(macs_per_s) }
    }
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
        /// The size of a unit, in the unit of the servers' speeds: MAC/s, or a factor if servers are of kinds. All are of kinds, then, or none.
        macs_per_s: f64,
    },
}

/// The most partitions in all flows together.
const MAX_PARTITIONS: usize = 1_000_000;

impl Instance {
    /// Mean work of partition `n` of flow `s` on a server of this kind: MACs for none, else seconds at nominal speed. Over the speed of the server it is
    /// seconds.
    pub fn work(&self, s: usize, n: usize, kind: Option<u32>) -> f64 {
        let flow = &self.flows[s];
        kind.map_or(flow.partitions[n].macs, |kind| flow.work_s[kind as usize][n])
    }

    /// Mean work of partition `n` of flow `s` on server `m`.
    pub fn work_on(&self, s: usize, n: usize, m: usize) -> f64 {
        self.work(s, n, self.servers[m].machine.kind)
    }

    /// The kinds of its servers, each once, in the order in which servers have them. (None: speeds are in MAC/s.) And the place of each server's kind
    /// among them. Shapes (kinds of servers,), (servers,).
    pub fn server_kinds(&self) -> (Vec<Option<u32>>, Vec<usize>) {
        let mut kinds = Vec::new();
        let mut place = |server: &Server| {
            let kind = server.machine.kind;
            kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            })
        };
        let places = self.servers.iter().map(&mut place).collect();
        (kinds, places)
    }

    /// Partitions of all flows together.
    pub fn partitions(&self) -> usize {
        self.flows.iter().map(|flow| flow.partitions.len()).sum()
    }

    /// How many whole units of `macs_per_s` server `m` has: the floor of the exact quotient of the two floats, at most 2^53.
    pub fn units(&self, m: usize, macs_per_s: f64) -> u64 {
        let speed = self.servers[m].machine.speed;
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
        validate_kinds(&self.machine_kinds)?;
        let needs_macs = self.servers.iter().any(|server| server.machine.kind.is_none());
        for (s, flow) in self.flows.iter().enumerate() {
            let validated = flow.validate(servers, &self.machine_kinds, needs_macs);
            validated.map_err(|error| error.below(format!("flows[{s}]")))?;
        }
        for (m, server) in self.servers.iter().enumerate() {
            let (speed_field, machine) = (|| format!("servers[{m}].macs_per_s"), || format!("servers[{m}].machine"));
            server.machine.validate(&self.machine_kinds, speed_field, machine)?;
        }
        self.validate_kinds_of_servers()?;
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

impl Instance {
    /// Flows have work on all kinds of servers, and units are of one kind of speed.
    fn validate_kinds_of_servers(&self) -> Result<(), InputError> {
        let of_kinds = self.servers.iter().filter(|server| server.machine.kind.is_some()).count();
        let flow = self.flows.iter().position(|flow| of_kinds > 0 && flow.work_s.is_empty());
        if let Some(s) = flow {
            let remedy = "give it work_s: seconds of every partition on every machine kind";
            return Err(InputError::at(format!("flows[{s}]"), "has no work for the kinds of servers", remedy));
        }
        if !matches!(self.allocation, Allocation::Continuous) && of_kinds > 0 && of_kinds < self.servers.len() {
            let what = "has one size for servers with speeds in MAC/s and servers of kinds";
            return Err(InputError::at("allocation.units", what, "give all servers kinds, or none"));
        }
        Ok(())
    }
}

impl Flow {
    /// As [`Valid::validate`], on a system of so many servers; `needs_macs` if one of them has a speed in MAC/s.
    fn validate(&self, servers: usize, kinds: &[MachineKind], needs_macs: bool) -> Result<(), InputError> {
        range::positive(|| "rate_per_s".into(), self.rate_per_s)?;
        range::not_negative(|| "input_bytes".into(), self.input_bytes)?;
        if self.partitions.is_empty() {
            return Err(InputError::at("partitions", "is empty", "give at least one partition"));
        }
        for (n, partition) in self.partitions.iter().enumerate() {
            if needs_macs || partition.macs != 0.0 {
                range::positive(|| format!("partitions[{n}].macs"), partition.macs)?;
            }
            range::not_negative(|| format!("partitions[{n}].out_bytes"), partition.out_bytes)?;
        }
        if !self.work_s.is_empty() && self.work_s.len() != kinds.len() {
            let what = format!("has {} entries for {} machine kinds", self.work_s.len(), kinds.len());
            return Err(InputError::at("work_s", what, "give one entry per machine kind"));
        }
        for (k, work) in self.work_s.iter().enumerate() {
            if work.len() != self.partitions.len() {
                let what = format!("has {} entries for {} partitions", work.len(), self.partitions.len());
                return Err(InputError::at(format!("work_s[{k}]"), what, "give one entry per partition"));
            }
            for (n, seconds) in work.iter().enumerate() {
                range::positive(|| format!("work_s[{k}][{n}]"), *seconds)?;
            }
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
                machine_kinds: Vec::new(),
                flows: Vec::new(),
                servers: vec![Server::of_macs(speed)],
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
