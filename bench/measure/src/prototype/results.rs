//! Predicted against measured: one row for each user, request or flow.

use offcut_instances::prototype::{Outcome, Parts, Row};

use super::plan::{Plan, Route, value};
use super::reference::Reference;
use super::run::Sample;
use crate::statistics::{Summary, summary};

/// Batches of the interval of a mean.
const BATCHES: usize = 10;
/// The two-sided 95 % quantile of Student's t with 9 degrees of freedom.
const STUDENT: f64 = 2.262;

/// The rows of an answer, from the samples of its routes.
pub fn outcome(answer: String, plan: &Plan, processes: usize, samples: &[Vec<Sample>]) -> Outcome {
    let rows: Vec<Row> = plan.routes.iter().zip(samples).map(|(route, samples)| row(plan, route, samples)).collect();
    let measured = rows.iter().zip(&plan.routes).map(|(row, route)| (row.measured_s, route.weight));
    let measured_s = value(plan.objective, measured);
    Outcome { answer, predicted_s: plan.predicted_s(), measured_s, processes, rows }
}

fn row(plan: &Plan, route: &Route, samples: &[Sample]) -> Row {
    let arrives = route.arrivals.is_some();
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
