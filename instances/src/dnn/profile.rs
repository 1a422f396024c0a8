//! Seconds per layer: estimated for a device, or measured by the user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::{Device, Rates};
use super::graph::{Graph, Layer, Op};
use crate::error::InputError;
use crate::problem::Valid;
use crate::range;

/// How long each layer of one graph takes on one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Time of each layer, in seconds, finite and >= 0; the input takes none when estimated. Shape (layers,).
    pub layer_s: Vec<f64>,
    /// Work of one inference, in MACs.
    pub macs: u64,
}

/// A table of measured times, as a user gives it: one entry per layer of the graph, in the graph's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurements {
    /// The graph's name.
    pub model: String,
    /// Where it was measured, for people.
    pub device: String,
    /// The times, in the order of the graph's layers, the input first.
    pub layers: Vec<Measurement>,
    /// The whole network, timed without timing its layers: first with the threads that the layers were timed with, then with others. Empty if it was not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<Whole>,
}

/// The measured time of a whole network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Threads of the engine, at least 1.
    pub threads: u32,
    /// Repetitions after the warm-up, at least 1.
    pub repetitions: u32,
    /// The median over repetitions, in seconds, >= 0.
    pub time_s: f64,
    /// From the least 10th to the largest 90th percentile over repetitions in one process, in seconds.
    pub spread_s: [f64; 2],
}

/// The measured time of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The layer's name.
    pub layer: String,
    /// Its time, in seconds, >= 0; a layer fused into another takes 0.
    pub time_s: f64,
    /// From the least 10th to the largest 90th percentile over repetitions in one process, in seconds, if the time is a median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_s: Option<[f64; 2]>,
}

/// Whether a spread is one: low, median, high in this order, none negative.
fn validate_spread(at: &str, time_s: f64, spread_s: [f64; 2]) -> Result<(), InputError> {
    let [low, high] = spread_s;
    range::not_negative(|| format!("{at}.spread_s[0]"), low)?;
    range::not_negative(|| format!("{at}.spread_s[1]"), high)?;
    if low <= time_s && time_s <= high {
        return Ok(());
    }
    let what = format!("is [{low}, {high}], which does not hold the median {time_s}");
    Err(InputError::at(format!("{at}.spread_s"), what, "give the 10th and the 90th percentile"))
}

impl Profile {
    /// The estimate: MACs over the device's rate for this kind of work, plus its overhead per layer. The input and
    /// the layers that only reshape take no time.
    /// ```
    /// use offcut_instances::dnn::{Profile, catalogue, zoo};
    /// let graph = zoo::graph("vgg16").expect("it is in the zoo");
    /// let seconds = Profile::estimate(&graph, &catalogue::RASPBERRY_PI_4).total_s();
    /// assert!((1.0..10.0).contains(&seconds));
    /// ```
    pub fn estimate(graph: &Graph, device: &Device) -> Self {
        let time_s = |layer: &Layer| match layer.op {
            Op::Input | Op::Reshape => 0.0,
            _ => layer.macs as f64 / rate(&device.rates, layer) + device.layer_overhead_s,
        };
        Self { layer_s: graph.layers().iter().map(time_s).collect(), macs: graph.macs() }
    }

    /// The profile of a measured table.
    ///
    /// # Errors
    /// If the table is for another graph, lacks a layer or has one too many, or holds a time that is not one.
    pub fn measured(graph: &Graph, table: &Measurements) -> Result<Self, InputError> {
        table.validate()?;
        if table.model != graph.name() {
            let what = format!("is '{}', but the graph is '{}'", table.model, graph.name());
            return Err(InputError::at("model", what, "give the table of this graph"));
        }
        for (v, (entry, layer)) in table.layers.iter().zip(graph.layers()).enumerate() {
            if entry.layer != layer.name {
                let what = format!("is '{}', but layer {v} of the graph is '{}'", entry.layer, layer.name);
                let remedy = "give one entry per layer, in the order of the graph";
                return Err(InputError::at(format!("layers[{v}].layer"), what, remedy));
            }
        }
        if table.layers.len() != graph.layers().len() {
            let what = format!("has {} entries, but the graph has {}", table.layers.len(), graph.layers().len());
            return Err(InputError::at("layers", what, "give one entry per layer, the input first"));
        }
        Ok(Self { layer_s: table.layers.iter().map(|entry| entry.time_s).collect(), macs: graph.macs() })
    }

    /// Time of one inference with all layers in turn, in seconds.
    pub fn total_s(&self) -> f64 {
        self.layer_s.iter().sum()
    }

    /// The device's speed for this model, in MAC/s: all MACs over all seconds. Chain problems know a device by it.
    /// A profile without work or without time has no speed: the answer is `None`.
    pub fn effective_macs_per_s(&self) -> Option<f64> {
        let total_s = self.total_s();
        (self.macs > 0 && total_s > 0.0).then(|| self.macs as f64 / total_s)
    }
}

impl Valid for Measurements {
    fn validate(&self) -> Result<(), InputError> {
        if self.layers.is_empty() {
            return Err(InputError::at("layers", "is empty", "give one entry per layer, the input first"));
        }
        for (v, entry) in self.layers.iter().enumerate() {
            range::not_negative(|| format!("layers[{v}].time_s"), entry.time_s)?;
            if let Some(spread_s) = entry.spread_s {
                validate_spread(&format!("layers[{v}]"), entry.time_s, spread_s)?;
            }
        }
        for (i, whole) in self.whole.iter().enumerate() {
            range::not_negative(|| format!("whole[{i}].time_s"), whole.time_s)?;
            validate_spread(&format!("whole[{i}]"), whole.time_s, whole.spread_s)?;
            if whole.threads == 0 || whole.repetitions == 0 {
                let what = "has no threads or no repetitions";
                return Err(InputError::at(format!("whole[{i}]"), what, "give at least 1 of each"));
            }
        }
        Ok(())
    }
}

/// The device's rate for a layer, in MAC/s. A linear layer on several positions uses each weight several times and is a
/// matrix product; on one position it waits for its weights.
fn rate(rates: &Rates, layer: &Layer) -> f64 {
    match layer.op {
        Op::DepthwiseConv => rates.depthwise_macs_per_s,
        Op::Linear if layer.macs <= layer.params => rates.linear_macs_per_s,
        Op::Linear | Op::MatMul => rates.matmul_macs_per_s,
        _ => rates.conv_macs_per_s,
    }
}
