//! Answers that were run for real: predicted against measured latencies, as `offcut prototype` writes them and reports read them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::InputError;
use crate::input::{limited, strict};
use crate::lymdo::Service;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 100_000_000;
const REMEDY: &str = "give a file that offcut prototype wrote";

/// A latency by part, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// Computing on the device.
    pub device_s: f64,
    /// Sending.
    pub link_s: f64,
    /// Computing on servers.
    pub server_s: f64,
    /// Waiting for a machine or a link to become free.
    pub queueing_s: f64,
}

impl Parts {
    /// All parts together, in seconds.
    pub fn total_s(&self) -> f64 {
        self.device_s + self.link_s + self.server_s + self.queueing_s
    }
}

/// How latencies make the value of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The largest latency.
    Largest,
    /// The weighted sum of latencies.
    Sum,
    /// The mean latency of the admitted: their number is what the instance asks for, but it is known before.
    MeanOfAdmitted,
}

/// One user, request or flow under one answer. Times are those of the instance, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it is, e.g. `user 3`.
    pub route: String,
    /// Its network.
    pub model: String,
    /// Where it is cut.
    pub cut: String,
    /// Tasks that counted.
    pub tasks: usize,
    /// The latency that the instance predicts, by part.
    pub predicted: Parts,
    /// Their sum, which is the checker's to 1e-9.
    pub predicted_s: f64,
    /// The latency if work were proportional to MACs; null if the instance has no MACs, or queues would be unstable.
    pub by_macs_s: Option<f64>,
    /// The latency that the model predicts for the very arrivals and service times that were drawn; null if tasks come one at a time.
    pub same_draws_s: Option<f64>,
    /// The measured latency by part: medians, or means if tasks arrive, as what is predicted is a mean.
    pub measured: Parts,
    /// The measured latency: the median, or the mean if tasks arrive.
    pub measured_s: f64,
    /// The 10th and the 90th percentile of single tasks.
    pub spread_s: [f64; 2],
    /// A 95 % interval of the mean, by batches of tasks; null if tasks come one at a time.
    pub interval_s: Option<[f64; 2]>,
    /// `measured_s` over `predicted_s`, less 1.
    pub error: f64,
    /// `measured_s` over `by_macs_s`, less 1.
    pub by_macs_error: Option<f64>,
    /// `measured_s` over `same_draws_s`, less 1: the error without that of drawing.
    pub same_draws_error: Option<f64>,
    /// How much later than due the stages of a task ended, in all: the mean. It is in `measured`. This machine was busy, or drawn service times were shorter than the computation.
    pub late_s: f64,
    /// Processor seconds of the computations of a task on this core: the median.
    pub cpu_s: f64,
    /// The deadline, if there is one.
    pub deadline_s: Option<f64>,
    /// The share of tasks that met it.
    pub met: Option<f64>,
    /// The largest difference of outputs to the uncut network's, relative to their largest magnitude.
    pub largest_difference: f64,
}

impl Row {
    /// What each part adds to the relative error: device, link, server, queueing.
    pub fn error_parts(&self) -> [f64; 4] {
        let each = |parts: &Parts| [parts.device_s, parts.link_s, parts.server_s, parts.queueing_s];
        let (predicted, measured) = (each(&self.predicted), each(&self.measured));
        std::array::from_fn(|i| (measured[i] - predicted[i]) / self.predicted_s)
    }

    /// The range to draw: the interval of the mean if there is one, else the spread.
    pub fn range_s(&self) -> [f64; 2] {
        self.interval_s.filter(|ends| ends[0] > 0.0).unwrap_or(self.spread_s)
    }
}

/// All rows of one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The answer's file.
    pub answer: String,
    /// The predicted value, in seconds; `objective` says what it is.
    pub predicted_s: f64,
    /// The same of the measured latencies.
    pub measured_s: f64,
    /// The processes that ran.
    pub processes: usize,
    /// Users, admitted requests or flows.
    pub rows: Vec<Row>,
}

impl Outcome {
    /// The answer's file name without its folder and its ending.
    pub fn name(&self) -> String {
        Path::new(&self.answer).file_stem().map_or_else(|| self.answer.clone(), |name| name.to_string_lossy().into())
    }
}

/// A network run whole at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The network.
    pub model: String,
    /// Processor time of an inference here, in seconds.
    pub whole_s: f64,
    /// The same by the instance, on the kind that this core is.
    pub instance_s: Option<f64>,
}

/// A whole run of answers to one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prototype {
    /// `prototype`.
    pub offcut: String,
    /// The version of this document.
    pub version: u32,
    /// The problem.
    pub problem: String,
    /// The instance's name.
    pub instance: String,
    /// Its file.
    pub file: String,
    /// What `predicted_s` and `measured_s` of an answer are.
    pub objective: Objective,
    /// The processor.
    pub processor: String,
    /// Logical processors.
    pub logical_processors: u32,
    /// Load averages of the last minute, before and after.
    pub load: [Option<f64>; 2],
    /// The engine and its version.
    pub engine: String,
    /// The day, in UTC.
    pub date: String,
    /// The seed.
    pub seed: u64,
    /// All durations were so many times as long as in the instance; times of this document are those of the instance.
    pub dilation: f64,
    /// Tasks of each route, if they come one at a time.
    pub repetitions: Option<usize>,
    /// Seconds of arrivals, by the clock, if tasks arrive.
    pub seconds: Option<f64>,
    /// Service times from task to task, if tasks arrive.
    pub service: Option<Service>,
    /// The kind of machine that this core is; null if the instance has speeds in MAC/s.
    pub kind: Option<String>,
    /// Speed of this core over all networks, in MAC/s.
    pub macs_per_s: f64,
    /// Networks run whole at the start.
    pub calibrations: Vec<Calibration>,
    /// The median of |error| over all rows.
    pub median_error: f64,
    /// The same by MACs, over rows that have it.
    pub median_error_by_macs: Option<f64>,
    /// The same against the model with the arrivals and service times that were drawn.
    pub median_error_same_draws: Option<f64>,
    /// The largest difference of outputs over all tasks.
    pub largest_difference: f64,
    /// By answer, in the order in which they were given.
    pub outcomes: Vec<Outcome>,
}

impl Prototype {
    /// What the document says that it is, and its version.
    pub const KIND: &'static str = "prototype";
    /// The version that is written and read.
    pub const VERSION: u32 = 1;

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is too large, or is no such document; the error names the file.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let too_large = || InputError::at("", format!("is larger than {MAX_BYTES} bytes"), REMEDY);
        let parsed = limited(path, MAX_BYTES, REMEDY, too_large).and_then(|bytes| Self::parse(&bytes));
        parsed.map_err(|error| error.in_file(path))
    }

    fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let prototype: Self = strict(bytes, REMEDY, "end the document there")?;
        if (prototype.offcut.as_str(), prototype.version) != (Self::KIND, Self::VERSION) {
            let what = format!(
                "is '{}' of version {}, not '{}' of version {}",
                prototype.offcut,
                prototype.version,
                Self::KIND,
                Self::VERSION
            );
            return Err(InputError::at("", what, REMEDY));
        }
        Ok(prototype)
    }

    /// All rows with the name of their answer, in order.
    pub fn rows(&self) -> impl Iterator<Item = (String, &Row)> {
        self.outcomes.iter().flat_map(|outcome| outcome.rows.iter().map(|row| (outcome.name(), row)))
    }

    /// Positions of the answers from the least to the largest value, by prediction and by measurement.
    pub fn orders(&self) -> [Vec<usize>; 2] {
        let order = |of: fn(&Outcome) -> f64| {
            let mut order: Vec<usize> = (0..self.outcomes.len()).collect();
            order.sort_by(|&one, &other| of(&self.outcomes[one]).total_cmp(&of(&self.outcomes[other])));
            order
        };
        [order(|outcome| outcome.predicted_s), order(|outcome| outcome.measured_s)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_prototype_is_refused_in_one_line() {
        for text in ["{}", "[", "{\"offcut\":\"instance\"}"] {
            let error = Prototype::parse(text.as_bytes()).expect_err("no prototype").to_string();
            assert!(error.contains("offcut prototype") && error.lines().count() == 1, "{error}");
        }
    }
}
