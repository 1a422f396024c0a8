//! Medians, spreads, Amdahl's law.

/// The median and the spread of several numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The 10th and the 90th percentile. Ranks are rounded outwards, so few numbers have a spread from the least to the largest.
    pub spread: [f64; 2],
}

/// The summary of the given numbers; they are sorted. All is 0 if there are none.
///
/// ```
/// let summary = offcut_measure::statistics::summary(&mut [3.0, 1.0, 2.0]);
/// assert_eq!((summary.median, summary.spread), (2.0, [1.0, 3.0]));
/// ```
pub fn summary(numbers: &mut [f64]) -> Summary {
    numbers.sort_by(f64::total_cmp);
    let Some(last) = numbers.len().checked_sub(1) else { return Summary { median: 0.0, spread: [0.0; 2] } };
    let median = f64::midpoint(numbers[last / 2], numbers[last.div_ceil(2)]);
    Summary { median, spread: [numbers[last / 10], numbers[(9 * last).div_ceil(10)]] }
}

/// The median of all numbers, and the spread of several processes: from the least 10th to the largest 90th percentile of one. Another process is one more of them.
///
/// ```
/// let summary = offcut_measure::statistics::of_processes(vec![vec![1.0, 2.0, 3.0], vec![3.0, 4.0, 5.0]]);
/// assert_eq!((summary.median, summary.spread), (3.0, [1.0, 5.0]));
/// ```
pub fn of_processes(mut numbers: Vec<Vec<f64>>) -> Summary {
    let spreads: Vec<[f64; 2]> =
        numbers.iter_mut().filter(|one| !one.is_empty()).map(|one| summary(one).spread).collect();
    let Summary { median, .. } = summary(&mut numbers.concat());
    let low = spreads.iter().map(|spread| spread[0]).fold(median, f64::min);
    let high = spreads.iter().map(|spread| spread[1]).fold(median, f64::max);
    Summary { median, spread: [low, high] }
}

/// A time as files hold it: four significant digits. Order is kept.
///
/// ```
/// assert_eq!(offcut_measure::statistics::rounded(0.0012345678), 0.001235);
/// ```
pub fn rounded(seconds: f64) -> f64 {
    format!("{seconds:.3e}").parse().expect("a number as it was written")
}

/// The geometric mean; 1 if there are no numbers.
pub fn geometric_mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.into_iter().fold((0.0, 0), |(sum, count), x: f64| (sum + x.ln(), count + 1));
    if count == 0 { 1.0 } else { (sum / f64::from(count)).exp() }
}

/// The parallel fraction p in [0, 1] of Amdahl's law, 1 / ((1-p) + p/f), that fits speed-ups of f threads best: least squares of the reciprocal, which is
/// linear in p. `None` without a measurement of more than one thread.
///
/// ```
/// let p = offcut_measure::statistics::parallel_fraction(&[(2, 1.0 / 0.6)]).expect("two threads");
/// assert!((p - 0.8).abs() < 1e-12);
/// ```
pub fn parallel_fraction(speedups: &[(usize, f64)]) -> Option<f64> {
    let several = speedups.iter().filter(|(threads, _)| *threads > 1);
    let terms = several.map(|&(threads, speedup)| (1.0 - 1.0 / threads as f64, 1.0 - 1.0 / speedup));
    let (xx, xy) = terms.fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + x * x, xy + x * y));
    (xx > 0.0).then(|| (xy / xx).clamp(0.0, 1.0))
}

/// The speed-up that Amdahl's law gives `threads` at the parallel fraction `p`.
pub fn amdahl(p: f64, threads: usize) -> f64 {
    1.0 / ((1.0 - p) + p / threads as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_ranks() {
        let mut numbers: Vec<f64> = (0..=20).map(f64::from).rev().collect();
        assert_eq!(summary(&mut numbers), Summary { median: 10.0, spread: [2.0, 18.0] });
        assert_eq!(summary(&mut [4.0]), Summary { median: 4.0, spread: [4.0, 4.0] });
        assert_eq!(summary(&mut [1.0, 2.0]).median, 1.5);
        assert_eq!(summary(&mut []).median, 0.0);
    }

    #[test]
    fn amdahl_is_found_again() {
        let speedups = [1, 2, 4, 8].map(|threads| (threads, amdahl(0.9, threads)));
        assert!((parallel_fraction(&speedups).expect("several") - 0.9).abs() < 1e-12);
        assert_eq!(parallel_fraction(&[(1, 1.0)]), None);
        assert_eq!(parallel_fraction(&[(2, 2.5)]), Some(1.0));
        assert_eq!(parallel_fraction(&[(2, 0.5)]), Some(0.0));
        assert!((geometric_mean([1.0, 4.0]) - 2.0).abs() < 1e-12);
    }
}
