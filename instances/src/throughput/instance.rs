//! An instance: layer graphs, requests, cloudlets, and the ways between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::machine::{Machine, MachineKind, OfKind, no_work, validate_kinds, validate_work, work_of};
use crate::origin::Origin;
use crate::problem::Valid;
use crate::range;
use crate::speedup::Speedup;

/// An instance of `throughput`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Where it comes from; never used for solving.
    pub origin: Origin,
    /// The kinds of machines whose work is in seconds; none in version 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine_kinds: Vec<MachineKind>,
    /// The layer graphs requests refer to.
    pub models: Vec<Model>,
    /// The cloudlets. There may be none.
    pub cloudlets: Vec<Cloudlet>,
    /// Delay per byte between an access point and a cloudlet, beyond the uplink, in seconds. Shape (access points, cloudlets).
    pub hop_s_per_byte: Vec<Vec<f64>>,
    /// The requests, in the order of their arrival.
    pub requests: Vec<Request>,
}

impl Instance {
    /// Whether every request's profit is 1, so that the objective counts requests.
    pub fn has_unit_profits(&self) -> bool {
        self.requests.iter().all(|request| request.profit == 1.0)
    }

    /// Delay per byte from request `i`'s access point to every cloudlet, beyond the uplink, in seconds. Shape (cloudlets,).
    pub fn hops(&self, i: usize) -> &[f64] {
        &self.hop_s_per_byte[self.requests[i].access_point as usize]
    }
}

/// A layer graph. Layer 0 is the input; it has no work and stays on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, for people.
    pub name: String,
    /// Work of each layer, in MACs; 0 for the input. Shape (layers,); may be left out if no machine has a speed in MAC/s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<f64>,
    /// Size of each output, in bytes; the raw input first. Shape (layers,).
    pub out_bytes: Vec<f64>,
    /// Edges (from, to) with from < to, each once; every layer but the input has at least one predecessor.
    pub edges: Vec<(u32, u32)>,
    /// Work of each layer on machines of every kind, in seconds on a device or on one thread at its nominal speed, 0 for the input; null for a kind that
    /// does not run this model. Shape (kinds, layers).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work_s: Vec<Option<Vec<f64>>>,
}

impl Model {
    /// A layer graph whose work is in MACs.
    pub fn of_macs(name: impl Into<String>, macs: Vec<f64>, out_bytes: Vec<f64>, edges: Vec<(u32, u32)>) -> Self {
        Self { name: name.into(), macs, out_bytes, edges, work_s: Vec::new() }
    }

    /// The number of layers, the input included.
    pub fn layers(&self) -> usize {
        self.out_bytes.len()
    }

    /// Work of each layer on a machine of this kind: MACs for none, else seconds at its nominal speed. Nothing if such machines do not run the model.
    /// Shape (layers,).
    pub fn work(&self, kind: Option<u32>) -> Option<&[f64]> {
        work_of((&self.macs, &self.work_s), kind)
    }
}

/// A small server near the devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "CloudletDocument", into = "CloudletDocument")]
pub struct Cloudlet {
    /// How many threads it has.
    pub threads: u32,
    /// One thread; its speed is in MAC/s, or a factor on its kind's. It serves no model that has no work for its kind.
    pub thread: Machine,
    /// The most threads one request may get, 1 to 65535.
    pub max_threads_per_request: u32,
    /// How much faster k threads are than one.
    pub speedup: Speedup,
}

/// A request: a model to be run once, a device, a way to the cloudlets, a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RequestDocument", into = "RequestDocument")]
pub struct Request {
    /// Index into `models`.
    pub model: u32,
    /// Index into `hop_s_per_byte`.
    pub access_point: u32,
    /// The device; its speed is in MAC/s, or a factor on its kind's.
    pub device: Machine,
    /// Speed of the uplink, in bytes/s.
    pub uplink_bytes_per_s: f64,
    /// The largest delay at which it counts as served, in seconds.
    pub deadline_s: f64,
    /// What admitting it adds to the objective.
    pub profit: f64,
}

/// A cloudlet as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cloudlet", extend("oneOf" = [{"required": ["thread_macs_per_s"]}, {"required": ["thread"]}]))]
struct CloudletDocument {
    /// How many threads it has.
    threads: u32,
    /// Speed of one thread, in MAC/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread_macs_per_s: Option<f64>,
    /// One thread, if it is of a kind (version 2). The cloudlet serves no model that has no work for this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<OfKind>,
    /// The most threads one request may get, 1 to 65535.
    max_threads_per_request: u32,
    /// How much faster k threads are than one.
    speedup: Speedup,
}

impl TryFrom<CloudletDocument> for Cloudlet {
    type Error = InputError;

    fn try_from(document: CloudletDocument) -> Result<Self, InputError> {
        let CloudletDocument { threads, thread_macs_per_s, thread, max_threads_per_request, speedup } = document;
        let thread = Machine::read((thread_macs_per_s, "thread_macs_per_s"), (thread, "thread"))?;
        Ok(Self { threads, thread, max_threads_per_request, speedup })
    }
}

impl From<Cloudlet> for CloudletDocument {
    fn from(cloudlet: Cloudlet) -> Self {
        let Cloudlet { threads, thread, max_threads_per_request, speedup } = cloudlet;
        let (thread_macs_per_s, thread) = thread.fields();
        Self { threads, thread_macs_per_s, thread, max_threads_per_request, speedup }
    }
}

/// A request as documents have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Request", extend("oneOf" = [{"required": ["device_macs_per_s"]}, {"required": ["device"]}]))]
struct RequestDocument {
    /// Index into `models`.
    model: u32,
    /// Index into `hop_s_per_byte`.
    access_point: u32,
    /// Speed of the device, in MAC/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_macs_per_s: Option<f64>,
    /// The device, if it is of a kind (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<OfKind>,
    /// Speed of the uplink, in bytes/s.
    uplink_bytes_per_s: f64,
    /// The largest delay at which it counts as served, in seconds.
    deadline_s: f64,
    /// What admitting it adds to the objective.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    profit: f64,
}

impl TryFrom<RequestDocument> for Request {
    type Error = InputError;

    fn try_from(document: RequestDocument) -> Result<Self, InputError> {
        let RequestDocument { model, access_point, device_macs_per_s, device, uplink_bytes_per_s, .. } = document;
        let device = Machine::read((device_macs_per_s, "device_macs_per_s"), (device, "device"))?;
        let RequestDocument { deadline_s, profit, .. } = document;
        Ok(Self { model, access_point, device, uplink_bytes_per_s, deadline_s, profit })
    }
}

impl From<Request> for RequestDocument {
    fn from(request: Request) -> Self {
        let Request { model, access_point, device, uplink_bytes_per_s, deadline_s, profit } = request;
        let (device_macs_per_s, device) = device.fields();
        Self { model, access_point, device_macs_per_s, device, uplink_bytes_per_s, deadline_s, profit }
    }
}

fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_one(profit: &f64) -> bool {
    *profit == 1.0
}

/// No request may get more threads than this.
const MAX_THREADS: u32 = u16::MAX as u32;

impl Valid for Instance {
    fn validate(&self) -> Result<(), InputError> {
        if self.requests.is_empty() {
            return Err(InputError::at("requests", "is empty", "give at least one request"));
        }
        if self.requests.len() > u32::MAX as usize {
            return Err(InputError::at("requests", "holds more than 2^32-1 requests", "split the instance"));
        }
        validate_kinds(&self.machine_kinds)?;
        for (m, model) in self.models.iter().enumerate() {
            model.validate(&self.machine_kinds).map_err(|input_error| input_error.below(format!("models[{m}]")))?;
        }
        for (j, cloudlet) in self.cloudlets.iter().enumerate() {
            cloudlet
                .validate(&self.machine_kinds)
                .map_err(|input_error| input_error.below(format!("cloudlets[{j}]")))?;
        }
        for (a, hops) in self.hop_s_per_byte.iter().enumerate() {
            if hops.len() != self.cloudlets.len() {
                return Err(InputError::at(
                    format!("hop_s_per_byte[{a}]"),
                    format!("has {} entries for {} cloudlets", hops.len(), self.cloudlets.len()),
                    "give one entry per cloudlet",
                ));
            }
            for (j, hop) in hops.iter().enumerate() {
                range::not_negative(|| format!("hop_s_per_byte[{a}][{j}]"), *hop)?;
            }
        }
        for (i, request) in self.requests.iter().enumerate() {
            let index = |field: &str, value: u32, known: usize, of: &str| {
                if (value as usize) < known {
                    return Ok(());
                }
                let what = format!("is {value}, but there are {known} {of}");
                Err(InputError::at(format!("requests[{i}].{field}"), what, "give an index, counted from 0"))
            };
            index("model", request.model, self.models.len(), "models")?;
            index("access_point", request.access_point, self.hop_s_per_byte.len(), "rows in hop_s_per_byte")?;
            let speed_field = || format!("requests[{i}].device_macs_per_s");
            request.device.validate(&self.machine_kinds, speed_field, || format!("requests[{i}].device"))?;
            let model = &self.models[request.model as usize];
            if model.work(request.device.kind).is_none() {
                let place = format!("requests[{i}].device");
                return Err(no_work(place, &model.name, request.device, &self.machine_kinds));
            }
            range::positive(|| format!("requests[{i}].uplink_bytes_per_s"), request.uplink_bytes_per_s)?;
            range::positive(|| format!("requests[{i}].deadline_s"), request.deadline_s)?;
            range::positive(|| format!("requests[{i}].profit"), request.profit)?;
        }
        Ok(())
    }
}

impl Model {
    fn validate(&self, kinds: &[MachineKind]) -> Result<(), InputError> {
        let (layers, field) = match self.macs.len() {
            0 if !self.work_s.is_empty() => (self.out_bytes.len(), "out_bytes"),
            layers => (layers, "macs"),
        };
        if !(2..=1_000_000).contains(&layers) {
            let remedy = "give the input and at least one layer after it, at most 1,000,000 in all";
            return Err(InputError::at(field, format!("has {layers} entries"), remedy));
        }
        if self.out_bytes.len() != layers {
            let what = format!("has {} entries for {layers} layers", self.out_bytes.len());
            return Err(InputError::at("out_bytes", what, "give one entry per layer: the raw input first"));
        }
        if let Some(macs) = self.macs.first().filter(|macs| **macs != 0.0) {
            return Err(InputError::at("macs[0]", format!("is {macs}"), "give the input 0 MACs: it is no work"));
        }
        validate_work((&self.macs, &self.work_s), layers, kinds)?;
        let of_input = self.work_s.iter().enumerate().filter_map(|(k, work)| Some((k, *work.as_ref()?.first()?)));
        if let Some((k, seconds)) = of_input.into_iter().find(|(_, seconds)| *seconds != 0.0) {
            let what = format!("is {seconds}");
            return Err(InputError::at(format!("work_s[{k}][0]"), what, "give the input 0 seconds: it is no work"));
        }
        for (v, bytes) in self.out_bytes.iter().enumerate() {
            range::not_negative(|| format!("out_bytes[{v}]"), *bytes)?;
        }
        self.validate_edges()
    }

    fn validate_edges(&self) -> Result<(), InputError> {
        let layers = self.layers();
        let mut is_fed = vec![false; layers];
        let mut seen = std::collections::HashSet::with_capacity(self.edges.len());
        for (e, (from, to)) in self.edges.iter().enumerate() {
            let place = format!("edges[{e}]");
            if *to as usize >= layers {
                let what = format!("goes to layer {to}, but there are {layers} layers");
                return Err(InputError::at(place, what, "give indices of layers, counted from 0"));
            }
            if from >= to {
                let what = format!("goes from {from} to {to}: a cycle, or a wrong order");
                return Err(InputError::at(
                    place,
                    what,
                    "list the layers so that every edge goes from a lower index up",
                ));
            }
            if !seen.insert((*from, *to)) {
                return Err(InputError::at(place, format!("repeats ({from}, {to})"), "give each edge once"));
            }
            is_fed[*to as usize] = true;
        }
        if let Some(v) = (1..layers).find(|v| !is_fed[*v]) {
            let remedy = "let it read an earlier layer: the input is the one source";
            return Err(InputError::at("edges", format!("leave layer {v} without a predecessor"), remedy));
        }
        Ok(())
    }
}

impl Cloudlet {
    fn validate(&self, kinds: &[MachineKind]) -> Result<(), InputError> {
        self.thread.validate(kinds, || "thread_macs_per_s".into(), || "thread".into())?;
        if !(1..=MAX_THREADS).contains(&self.max_threads_per_request) {
            let what = format!("is {}", self.max_threads_per_request);
            return Err(InputError::at("max_threads_per_request", what, format!("give 1 to {MAX_THREADS}")));
        }
        self.speedup.validate().map_err(|input_error| input_error.below("speedup"))
    }
}
