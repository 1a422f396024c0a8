//! Predicted against measured: one row for each user, request or flow.

use serde::Serialize;

use super::plan::{Parts, Plan, Route};
use super::reference::{Calibration, Reference};
use super::run::Sample;
use crate::statistics::{Summary, summary};

/// Batches of the interval of a mean.
const BATCHES: usize = 10;
/// The two-sided 95 % quantile of Student's t with 9 degrees of freedom.
const STUDENT: f64 = 2.262;

/// One user, request or flow under one answer. Times are those of the instance, in seconds.
#[derive(Clone, Debug, Serialize)]
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

/// All rows of one answer.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The answer's file.
    pub answer: String,
    /// The predicted objective, in seconds: the largest latency, the weighted sum of latencies, or the mean latency of the admitted.
    pub predicted_s: f64,
    /// The same of the measured latencies.
    pub measured_s: f64,
    /// The processes that ran.
    pub processes: usize,
    /// Users, admitted requests or flows.
    pub rows: Vec<Row>,
}

/// A whole run: what `--output` holds.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    /// `prototype`.
    pub offcut: &'static str,
    /// The version of this document.
    pub version: u32,
    /// The problem.
    pub problem: &'static str,
    /// The instance's name.
    pub instance: String,
    /// Its file.
    pub file: String,
    /// What `predicted_s` and `measured_s` of an answer are.
    pub objective: super::plan::Objective,
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

/// The rows of an answer, from the samples of its routes.
pub fn outcome(answer: String, plan: &Plan, processes: usize, samples: &[Vec<Sample>]) -> Outcome {
    let rows: Vec<Row> = plan.routes.iter().zip(samples).map(|(route, samples)| row(plan, route, samples)).collect();
    let measured = rows.iter().zip(&plan.routes).map(|(row, route)| (row.measured_s, route.weight));
    let measured_s = plan.objective.of(measured);
    Outcome { answer, predicted_s: plan.predicted_s(), measured_s, processes, rows }
}

fn row(plan: &Plan, route: &Route, samples: &[Sample]) -> Row {
    let arrives = route.rate_per_s.is_some();
    let middle = |of: &dyn Fn(&Sample) -> f64| {
        let mut numbers: Vec<f64> = samples.iter().map(of).collect();
        if arrives { mean(&numbers) } else { summary(&mut numbers).median }
    };
    let latencies: Vec<f64> = samples.iter().map(|sample| sample.parts.total_s()).collect();
    let Summary { spread, .. } = summary(&mut latencies.clone());
    let measured = Parts {
        device_s: middle(&|sample| sample.parts.device_s),
        link_s: middle(&|sample| sample.parts.link_s),
        server_s: middle(&|sample| sample.parts.server_s),
        queueing_s: middle(&|sample| sample.parts.queueing_s),
    };
    let measured_s = middle(&|sample| sample.parts.total_s());
    let predicted = route.predicted();
    let by_macs_s = plan.by_macs(route).map(|parts| parts.total_s());
    let same: Option<Vec<f64>> = samples.iter().map(|sample| sample.same_draws_s).collect();
    let same_draws_s = same.filter(|_| arrives).map(|same| mean(&same));
    let error = |predicted_s: f64| measured_s / predicted_s - 1.0;
    let met = |deadline_s: f64| {
        latencies.iter().filter(|latency| **latency <= deadline_s).count() as f64 / latencies.len().max(1) as f64
    };
    Row {
        route: route.name.clone(),
        model: plan.networks[route.network].name.clone(),
        cut: route.cut.clone(),
        tasks: samples.len(),
        predicted,
        predicted_s: predicted.total_s(),
        by_macs_s,
        same_draws_s,
        measured,
        measured_s,
        spread_s: spread,
        interval_s: arrives.then(|| interval(&latencies)).flatten(),
        error: error(predicted.total_s()),
        by_macs_error: by_macs_s.map(error),
        same_draws_error: same_draws_s.map(error),
        late_s: mean(&samples.iter().map(|sample| sample.late_s).collect::<Vec<_>>()),
        cpu_s: summary(&mut samples.iter().map(|sample| sample.cpu_s).collect::<Vec<_>>()).median,
        deadline_s: route.deadline_s,
        met: route.deadline_s.map(met),
        largest_difference: samples.iter().map(|sample| sample.difference).fold(0.0, f64::max),
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// A 95 % interval of the mean, from means of batches: neighbours in a queue are alike. None for fewer than two tasks a batch.
fn interval(latencies: &[f64]) -> Option<[f64; 2]> {
    let length = latencies.len() / BATCHES;
    if length < 2 {
        return None;
    }
    let batches: Vec<f64> = latencies.chunks_exact(length).take(BATCHES).map(mean).collect();
    let middle = mean(&batches);
    let squares: f64 = batches.iter().map(|batch| (batch - middle).powi(2)).sum();
    let half = STUDENT * (squares / (BATCHES * (BATCHES - 1)) as f64).sqrt();
    Some([mean(latencies) - half, mean(latencies) + half])
}

/// The median magnitude of errors; none if there are none.
pub fn median_error(errors: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut errors: Vec<f64> = errors.flatten().map(f64::abs).collect();
    (!errors.is_empty()).then(|| summary(&mut errors).median)
}

/// Positions of the outcomes from the least to the largest, by prediction or by measurement.
pub fn order(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by(|&one, &other| of(&outcomes[one]).total_cmp(&of(&outcomes[other])));
    order
}

/// What is told of a reference.
pub fn kind(plan: &Plan, reference: &Reference) -> Option<String> {
    reference.here.map(|kind| plan.kinds[kind as usize].clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_need_batches() {
        assert_eq!(interval(&[1.0; 19]), None);
        assert_eq!(interval(&[1.0; 40]), Some([1.0, 1.0]));
        let alternating: Vec<f64> = (0..100).map(|k| f64::from(k / 10 % 2)).collect();
        let [low, high] = interval(&alternating).expect("batches");
        // Five batches of 0, five of 1: the standard error of the mean is 1/6.
        assert!((low - (0.5 - STUDENT / 6.0)).abs() < 1e-12 && (high - (0.5 + STUDENT / 6.0)).abs() < 1e-12);
        assert_eq!(median_error([Some(-0.1), None, Some(0.3), Some(0.2)].into_iter()), Some(0.2));
        assert_eq!(median_error([None].into_iter()), None);
    }
}
