//! Percentile bootstrap intervals over instances.

use offcut_instances::random::Stream;

use super::averages::quantile;

/// How often the instances are resampled.
pub const RESAMPLES: usize = 2000;

/// A 95 % percentile bootstrap interval of the mean, resampling `values` with a stream seeded by `label`: the same values
/// give the same interval. Fewer than two values have none.
pub fn bootstrap_mean(label: &str, values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mut stream = Stream::new(&["reports", "bootstrap", label], 0);
    let n = values.len() as u64;
    let mut means: Vec<f64> =
        (0..RESAMPLES).map(|_| (0..n).map(|_| values[stream.below(n) as usize]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    Some((quantile(&means, 0.025), quantile(&means, 0.975)))
}

/// [`shifted_geometric_mean`](super::shifted_geometric_mean) and its 95 % percentile bootstrap interval, resampling as [`bootstrap_mean`] does.
pub fn bootstrap_shifted(label: &str, values: &[f64], shift: f64) -> Option<(f64, f64)> {
    let logs: Vec<f64> = values.iter().map(|t| (t / shift).ln_1p()).collect();
    bootstrap_mean(label, &logs).map(|(low, high)| (low.exp_m1() * shift, high.exp_m1() * shift))
}

#[cfg(test)]
mod tests {
    use super::super::averages::shifted_geometric_mean;
    use super::*;

    #[test]
    fn a_bootstrap_interval_holds_the_mean_and_repeats() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let (low, high) = bootstrap_mean("x", &values).expect("two or more");
        assert!(low < 19.5 && 19.5 < high && low > 10.0 && high < 29.0, "{low} {high}");
        assert_eq!(bootstrap_mean("x", &values), Some((low, high)));
        assert_eq!(bootstrap_mean("x", &[1.0]), None);
        assert_eq!(bootstrap_mean("x", &[2.0, 2.0]), Some((2.0, 2.0)));
    }

    #[test]
    fn an_interval_of_a_shifted_mean_holds_it() {
        let times: Vec<f64> = (1..=30).map(|t| f64::from(t) * 0.1).collect();
        let mean = shifted_geometric_mean(&times, 10.0).expect("thirty");
        let (low, high) = bootstrap_shifted("x", &times, 10.0).expect("two or more");
        assert!(low < mean && mean < high && high - low < 1.0, "{low} {mean} {high}");
    }
}
