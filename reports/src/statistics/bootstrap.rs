//! Percentile bootstrap intervals over instances.

use offcut_instances::random::Stream;

use super::averages::quantile;

/// How often the instances are resampled.
pub const RESAMPLES: usize = 2000;

/// A 95 % percentile bootstrap interval of the mean, resampling `values` with a stream seeded by `label`: the same values
/// give the same interval. Fewer than two values have none; equal values have one without width.
///
/// # Panics
/// If there are 2^32 values or more.
pub fn bootstrap_mean(label: &str, values: &[f64]) -> Option<(f64, f64)> {
    let n = u32::try_from(values.len()).expect("fewer than 2^32 values");
    let (first, others) = values.split_first().filter(|(_, others)| !others.is_empty())?;
    if others.iter().all(|value| value == first) {
        return Some((*first, *first));
    }
    let mut stream = Stream::new(&["reports", "bootstrap", label], 0);
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resampled(&mut stream, values, n) / f64::from(n)).collect();
    means.sort_by(f64::total_cmp);
    Some((quantile(&means, 0.025), quantile(&means, 0.975)))
}

/// The sum of `n` of the `n` values, drawn with replacement. 64 random bits give two places: the upper half of 32 bits times `n`, which is uniform up
/// to `n` / 2^32.
fn resampled(stream: &mut Stream, values: &[f64], n: u32) -> f64 {
    let value = |bits: u64| values[(((bits & u64::from(u32::MAX)) * u64::from(n)) >> 32) as usize];
    let mut sum = 0.0;
    for _ in 0..n / 2 {
        let bits = stream.bits();
        sum += value(bits) + value(bits >> 32);
    }
    if n % 2 == 1 { sum + value(stream.bits()) } else { sum }
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
    fn every_value_is_drawn_equally_often() {
        let mut stream = Stream::new(&["reports", "test", "bootstrap"], 0);
        for at in 0..5 {
            let mut values = [0.0; 5];
            values[at] = 1.0;
            // 50,000 draws with a standard deviation of 89.
            let drawn: f64 = (0..10_000).map(|_| resampled(&mut stream, &values, 5)).sum();
            assert!((drawn - 10_000.0).abs() < 450.0, "{at}: {drawn}");
        }
    }
}
