//! Means, medians, quantiles; none of nothing.

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

/// A quantile of sorted values, interpolated; there must be one or more.
pub fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_mean() {
        assert_eq!((mean(&[]), median(&[]), shifted_geometric_mean(&[], 1.0), range(&[])), (None, None, None, None));
        assert_eq!(range(&[2.0, 1.0, 3.0]), Some((1.0, 3.0)));
        assert_eq!(median(&[5.0]), Some(5.0));
    }

    #[test]
    fn a_shift_keeps_small_times() {
        let mean = shifted_geometric_mean(&[2e-6, 2e-6], 1.0).expect("two");
        assert!((mean / 2e-6 - 1.0).abs() < 1e-9);
    }
}
