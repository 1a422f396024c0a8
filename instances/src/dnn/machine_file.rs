//! Machines, devices and links from files.
//!
//! Wherever a name of the catalogue stands, the path of a `.json` file may stand:
//!
//! | file | holds |
//! |---|---|
//! | a machine | [`MachineProfile`]: seconds of every layer of some models, as measured; written by `offcut measure` and `offcut machines import` |
//! | a device | [`Device`]: speeds by kind of work, from which the time of every layer of every model is estimated |
//! | a link | [`Link`]: uplink and round-trip time |

use std::collections::HashSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::{self, Device, Link};
use super::graph::Graph;
use super::profile::{Measurements, Profile};
use super::shipped;
use crate::document::read_bytes;
use crate::error::InputError;
use crate::input;
use crate::problem::Valid;
use crate::range;

/// A machine as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineProfile {
    /// Its name, e.g. `my-pi`: that of a machine kind in instances.
    pub machine: String,
    /// Processor, threads, engine, version, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// How much faster 1, 2, ... threads are than one, if that was measured; the first entry is 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speedups: Vec<f64>,
    /// Times of each model's layers.
    pub models: Vec<Measurements>,
    /// How it was measured, if `offcut measure` did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// How a machine was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The inference engine.
    pub engine: String,
    /// Its version.
    pub engine_version: String,
    /// The version of Offcut.
    pub offcut_version: String,
    /// The processor, as the operating system names it.
    pub processor: String,
    /// Logical processors that the program could use.
    pub logical_processors: u32,
    /// Threads that the layers were timed with.
    pub threads: u32,
    /// The day, as YYYY-MM-DD, in UTC.
    pub date: String,
    /// Processes that were running or waiting on average in the minute before, if the operating system tells: 0 on an idle machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_at_start: Option<f64>,
    /// The same at the end, the measurement itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_at_end: Option<f64>,
    /// The seed of random weights and inputs.
    pub seed: u64,
}

/// Something that runs layers: measured, or estimated from its speeds.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerTimes {
    /// Speeds by kind of work; any model runs on it.
    Estimated(Device),
    /// Measured times; only the models that were measured run on it.
    Measured(MachineProfile),
}

impl LayerTimes {
    /// The machine of the given name in the catalogue, or of the given file.
    ///
    /// # Errors
    /// [`InputError`] naming what is not known, or file, place and remedy.
    /// ```
    /// use offcut_instances::dnn::{machine_file::LayerTimes, zoo};
    /// let pi = LayerTimes::named("raspberry-pi-4").expect("it is in the catalogue");
    /// let vgg16 = zoo::graph("vgg16").expect("it is in the zoo");
    /// assert!(pi.layer_s(&vgg16).is_ok_and(|seconds| seconds.iter().sum::<f64>() > 1.0));
    /// ```
    pub fn named(name: &str) -> Result<Self, InputError> {
        if let Some(text) = shipped::text(name) {
            return Self::parse(text.as_bytes());
        }
        if !is_path(name) {
            return known("device", name, catalogue::devices(), |device| &device.id, shipped::names())
                .map(Self::Estimated);
        }
        let path = Path::new(name);
        let bytes = read_bytes(path)?;
        let machine = Self::parse(&bytes).map_err(|error| error.in_file(path))?;
        Ok(machine)
    }

    /// Reads a machine or a device from JSON.
    fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let value: serde_json::Value = serde_json::from_slice(bytes)
            .map_err(|error| InputError::at("", format!("is not valid JSON: {error}"), "give a machine or a device"))?;
        if value.get("rates").is_some() {
            return input::valid(bytes, "give a device: id, about, rates, layer_overhead_s").map(Self::Estimated);
        }
        input::valid(bytes, "give a machine, as offcut machines import writes it, or a device").map(Self::Measured)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Estimated(device) => &device.id,
            Self::Measured(profile) => &profile.machine,
        }
    }

    /// What it is and where its times come from, for people.
    pub fn about(&self) -> String {
        match self {
            Self::Estimated(device) => format!("{}; estimated from its speeds", device.about),
            Self::Measured(MachineProfile { about, .. }) if about.is_empty() => "measured".into(),
            Self::Measured(MachineProfile { about, .. }) => format!("{about}; measured"),
        }
    }

    /// How much faster 1, 2, ... threads are than one, if that was measured.
    pub fn speedups(&self) -> Option<&[f64]> {
        match self {
            Self::Measured(profile) if !profile.speedups.is_empty() => Some(&profile.speedups),
            _ => None,
        }
    }

    /// Seconds of every layer of a model, the input first: it is no work and takes 0 s. Shape (layers,).
    ///
    /// # Errors
    /// If the model was not measured there, or as another graph.
    pub fn layer_s(&self, graph: &Graph) -> Result<Vec<f64>, InputError> {
        let profile = match self {
            Self::Estimated(device) => return Ok(Profile::estimate(graph, device).layer_s),
            Self::Measured(profile) => profile,
        };
        let Some((m, table)) = profile.models.iter().enumerate().find(|(_, table)| table.model == graph.name()) else {
            let known: Vec<&str> = profile.models.iter().map(|table| table.model.as_str()).collect();
            let what = format!("'{}' has no times of model '{}'", profile.machine, graph.name());
            let remedy = format!("import a profile of it; there are times of {}", known.join(", "));
            return Err(InputError::at("", what, remedy));
        };
        let without_input = |mut seconds: Vec<f64>| {
            seconds[0] = 0.0;
            seconds
        };
        Profile::measured(graph, table)
            .map(|profile| without_input(profile.layer_s))
            .map_err(|error| error.below(format!("'{}': models[{m}]", profile.machine)))
    }

    /// Seconds of one inference, all layers in turn.
    ///
    /// # Errors
    /// As [`Self::layer_s`].
    pub fn total_s(&self, graph: &Graph) -> Result<f64, InputError> {
        Ok(self.layer_s(graph)?.iter().sum())
    }
}

/// The link of the given name in the catalogue, or of the given file.
///
/// # Errors
/// [`InputError`] naming what is not known, or file, place and remedy.
pub fn link(name: &str) -> Result<Link, InputError> {
    if !is_path(name) {
        return known("link", name, catalogue::links(), |link| &link.id, &[]);
    }
    let path = Path::new(name);
    let read = |bytes: Vec<u8>| input::valid(&bytes, "give a link: id, about, uplink_bytes_per_s, rtt_s");
    read_bytes(path).and_then(|bytes| read(bytes).map_err(|error| error.in_file(path)))
}

/// Whether a name is the path of a file.
pub fn is_path(name: &str) -> bool {
    name.ends_with(".json")
}

/// The entry of a catalogue that has the given name.
fn known<T: Clone>(what: &str, name: &str, all: &[T], id: impl Fn(&T) -> &str, more: &[&str]) -> Result<T, InputError> {
    all.iter().find(|entry| id(entry) == name).cloned().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(&id).chain(more.iter().copied()).collect();
        let remedy = format!("choose from: {}; or give the path of a .json file", names.join(", "));
        InputError::at("", format!("{what} '{name}' is not known"), remedy)
    })
}

impl Valid for MachineProfile {
    fn validate(&self) -> Result<(), InputError> {
        if self.machine.is_empty() {
            return Err(InputError::at("machine", "is empty", "name the machine"));
        }
        if self.models.is_empty() {
            return Err(InputError::at("models", "is empty", "give the times of at least one model"));
        }
        if !self.speedups.is_empty() {
            let table = crate::speedup::Speedup::Table { speedups: self.speedups.clone() };
            table.validate()?;
        }
        if let Some(provenance) = &self.provenance {
            provenance.validate().map_err(|error| error.below("provenance"))?;
        }
        let mut names = HashSet::new();
        for (m, table) in self.models.iter().enumerate() {
            table.validate().map_err(|error| error.below(format!("models[{m}]")))?;
            if table.layers.iter().all(|layer| layer.time_s == 0.0) {
                return Err(InputError::at(
                    format!("models[{m}]"),
                    format!("all times of '{}' are 0", table.model),
                    "give times above 0",
                ));
            }
            if !names.insert(table.model.as_str()) {
                let what = format!("'{}' is measured twice", table.model);
                return Err(InputError::at(format!("models[{m}].model"), what, "give each model once"));
            }
        }
        Ok(())
    }
}

impl Valid for Provenance {
    fn validate(&self) -> Result<(), InputError> {
        for (at, load) in [("load_at_start", self.load_at_start), ("load_at_end", self.load_at_end)] {
            load.map_or(Ok(()), |load| range::not_negative(|| at.to_owned(), load))?;
        }
        if self.threads == 0 || self.logical_processors == 0 {
            return Err(InputError::at("threads", "or logical_processors is 0", "give at least 1 of each"));
        }
        Ok(())
    }
}
