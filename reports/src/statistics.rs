//! The statistics of the tables. Samples are instances: rows of one instance are averaged before they get here.

mod wilcoxon;

use offcut_instances::random::Stream;

pub use wilcoxon::{SignedRank, holm, signed_rank};

/// The arithmetic mean; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The median, the mean of the two middle values where their number is even; none of nothing.
/// ```
/// assert_eq!(offcut_reports::statistics::median(&[3.0, 1.0, 2.0, 10.0]), Some(2.5));
/// ```
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(sorted[middle - 1] / 2.0 + sorted[middle] / 2.0),
    }
}

/// The smallest and the largest value; none of nothing.
pub fn range(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(low, high), value| (low.min(*value), high.max(*value))))
}

/// The shifted geometric mean `exp(mean ln(t + shift)) - shift`; none of nothing.
/// ```
/// let mean = offcut_reports::statistics::shifted_geometric_mean(&[1.0, 7.0], 1.0).unwrap();
/// assert!((mean - 3.0).abs() < 1e-12);
/// ```
pub fn shifted_geometric_mean(values: &[f64], shift: f64) -> Option<f64> {
    // ln(1 + t/s) instead of ln(t + s): microseconds beside a shift of a second keep their digits.
    let logs: Vec<f64> = values.iter().map(|t| (t / shift).ln_1p()).collect();
    mean(&logs).map(|mean| mean.exp_m1() * shift)
}

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

/// [`shifted_geometric_mean`] and its 95 % percentile bootstrap interval, resampling as [`bootstrap_mean`] does.
pub fn bootstrap_shifted(label: &str, values: &[f64], shift: f64) -> Option<(f64, f64)> {
    let logs: Vec<f64> = values.iter().map(|t| (t / shift).ln_1p()).collect();
    bootstrap_mean(label, &logs).map(|(low, high)| (low.exp_m1() * shift, high.exp_m1() * shift))
}

/// The integral of the primal gap from 0 to `horizon`, in units of the horizon: 0 if the best value was there from the start, 1 if nothing
/// was ever found (T. Berthold, "Measuring the impact of primal heuristics", 2013). `steps` are times and values in the order of their
/// times, each holding until the next; the gap of a value v to `best` is `|v - best| / max(|v|, |best|)`, at most 1, and 1 before the first.
/// ```
/// // Nothing for 1 s, then twice the best for 2 s, then the best: (1 * 1 + 2 * 0.5) / 10.
/// let steps = [(1.0, 6.0), (3.0, 3.0)];
/// assert!((offcut_reports::statistics::primal_integral(&steps, 3.0, 10.0) - 0.2).abs() < 1e-12);
/// ```
pub fn primal_integral(steps: &[(f64, f64)], best: f64, horizon: f64) -> f64 {
    let gap = |value: f64| {
        if value == best {
            0.0
        } else if value * best < 0.0 {
            1.0
        } else {
            (value - best).abs() / value.abs().max(best.abs())
        }
    };
    let (mut area, mut since, mut level) = (0.0, 0.0, 1.0);
    for (at, value) in steps {
        let at = at.clamp(since, horizon);
        area += level * (at - since);
        (since, level) = (at, gap(*value));
    }
    (area + level * (horizon - since)) / horizon
}

/// A quantile of sorted values, interpolated; there must be one or more.
pub fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
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
    fn nothing_has_no_mean() {
        assert_eq!((mean(&[]), median(&[]), shifted_geometric_mean(&[], 1.0), range(&[])), (None, None, None, None));
        assert_eq!(range(&[2.0, 1.0, 3.0]), Some((1.0, 3.0)));
        assert_eq!(median(&[5.0]), Some(5.0));
    }

    #[test]
    fn primal_integrals_by_hand() {
        // Found at once and the best; never found; found after the end; opposite signs count as nothing found.
        assert_eq!(primal_integral(&[(0.0, 5.0)], 5.0, 4.0), 0.0);
        assert_eq!(primal_integral(&[], 5.0, 4.0), 1.0);
        assert_eq!(primal_integral(&[(9.0, 5.0)], 5.0, 4.0), 1.0);
        assert_eq!(primal_integral(&[(0.0, -5.0)], 5.0, 4.0), 1.0);
        // A maximised objective: 4 of 5 from the start, 5 from half on.
        assert!((primal_integral(&[(0.0, 4.0), (2.0, 5.0)], 5.0, 4.0) - 0.1).abs() < 1e-15);
        assert_eq!(primal_integral(&[(1.0, 0.0)], 0.0, 4.0), 0.25);
    }

    #[test]
    fn an_interval_of_a_shifted_mean_holds_it() {
        let times: Vec<f64> = (1..=30).map(|t| f64::from(t) * 0.1).collect();
        let mean = shifted_geometric_mean(&times, 10.0).expect("thirty");
        let (low, high) = bootstrap_shifted("x", &times, 10.0).expect("two or more");
        assert!(low < mean && mean < high && high - low < 1.0, "{low} {mean} {high}");
    }

    #[test]
    fn a_shift_keeps_small_times() {
        let mean = shifted_geometric_mean(&[2e-6, 2e-6], 1.0).expect("two");
        assert!((mean / 2e-6 - 1.0).abs() < 1e-9);
    }
}
