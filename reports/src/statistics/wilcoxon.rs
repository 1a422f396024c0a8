//! Wilcoxon's signed-rank test and Holm's correction (F. Wilcoxon 1945; S. Holm 1979).
//!
//! The null distribution is that of the signs: given the sizes of the differences, every sign is a fair coin. It is exact up to [`MAX_EXACT`]
//! differences, ties or not: midranks are halves, so twice the rank sums are integers, and their distribution is a convolution. Beyond that
//! it is normal with the same variance, the sum of the squared midranks over 4, and a correction for continuity. Differences of 0 have
//! no sign: they are left out, as Wilcoxon did, and their number is reported.

use statrs::distribution::{ContinuousCDF, Normal};

/// Up to so many differences the distribution is computed exactly: some millions of additions.
const MAX_EXACT: usize = 200;

/// The outcome of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Differences above 0.
    pub above: usize,
    /// Differences of 0, which have no rank.
    pub zeros: usize,
    /// Differences below 0.
    pub below: usize,
    /// The sum of the ranks of the differences above 0.
    pub rank_sum: f64,
    /// What it is expected to be if signs are fair coins.
    pub expected: f64,
    /// The two-sided p-value: twice the smaller tail, at most 1.
    pub p: f64,
}

/// The signed-rank test of paired differences; infinite ones rank above all finite ones, as ties. None of nothing.
/// ```
/// // Darwin's maize, as in the documentation of SciPy's `wilcoxon`: p = 0.041259765625.
/// let heights = [6., 8., 14., 16., 23., 24., 28., 29., 41., -48., 49., 56., 60., -67., 75.];
/// let test = offcut_reports::statistics::signed_rank(&heights).unwrap();
/// assert_eq!((test.rank_sum, test.p), (96.0, 0.041259765625));
/// ```
///
/// # Panics
/// If a difference is not a number.
pub fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    assert!(differences.iter().all(|d| !d.is_nan()), "a difference is a number");
    if differences.is_empty() {
        return None;
    }
    let mut sorted: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let doubled = doubled_midranks(&sorted);
    let of_above = sorted.iter().zip(&doubled).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank);
    let (sum, total): (usize, usize) = (of_above.sum(), doubled.iter().sum());
    let above = sorted.iter().filter(|d| **d > 0.0).count();
    // The distribution is symmetric: both tails are lower tails.
    let least = sum.min(total - sum);
    let tail = if sorted.len() <= MAX_EXACT { exact_tail(&doubled, least) } else { normal_tail(&doubled, least) };
    Some(SignedRank {
        above,
        zeros: differences.len() - sorted.len(),
        below: sorted.len() - above,
        rank_sum: sum as f64 / 2.0,
        expected: total as f64 / 4.0,
        p: (2.0 * tail).min(1.0),
    })
}

/// Twice the midrank of every size, of differences sorted by size.
fn doubled_midranks(sorted: &[f64]) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(sorted.len());
    for tied in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let (first, last) = (ranks.len() + 1, ranks.len() + tied.len());
        ranks.extend(std::iter::repeat_n(first + last, tied.len()));
    }
    ranks
}

/// The probability that the doubled rank sum is at most `least`.
fn exact_tail(doubled: &[usize], least: usize) -> f64 {
    let mut probability = vec![0.0; doubled.iter().sum::<usize>() + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for rank in doubled {
        for sum in (0..=reached).rev() {
            let half = probability[sum] / 2.0;
            probability[sum] = half;
            probability[sum + rank] += half;
        }
        reached += rank;
    }
    probability[..=least].iter().sum()
}

fn normal_tail(doubled: &[usize], least: usize) -> f64 {
    let mean = doubled.iter().sum::<usize>() as f64 / 2.0;
    let variance = doubled.iter().map(|rank| (*rank as f64).powi(2)).sum::<f64>() / 4.0;
    // Half a step of the rank sum is one of the doubled.
    let at = (least as f64 + 1.0 - mean).min(0.0) / variance.sqrt();
    Normal::standard().cdf(at)
}

/// Holm's step-down correction: p-values, in their order, such that rejecting those at most alpha errs anywhere with probability at most
/// alpha, however the tests depend on each other.
/// ```
/// // By hand: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 1 * 0.04, which may not be below the one before.
/// let corrected = offcut_reports::statistics::holm(&[0.01, 0.04, 0.03, 0.005]);
/// assert_eq!(corrected, [0.03, 0.06, 0.06, 0.02]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least: f64 = 0.0;
    for (place, at) in order.into_iter().enumerate() {
        least = least.max(p[at] * (p.len() - place) as f64).min(1.0);
        corrected[at] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twice the smaller tail over all signs, one by one.
    fn by_enumeration(differences: &[f64]) -> f64 {
        let mut sorted: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
        sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let size = |at: usize| sorted[at].abs();
        // A midrank from its definition: how many are smaller, and half of the ties.
        let rank = |at: usize| {
            let smaller = (0..sorted.len()).filter(|other| size(*other) < size(at)).count() as f64;
            let tied = (0..sorted.len()).filter(|other| size(*other) == size(at)).count() as f64;
            smaller + (tied + 1.0) / 2.0
        };
        let observed: f64 = (0..sorted.len()).filter(|at| sorted[*at] > 0.0).map(rank).sum();
        let (mut low, mut high) = (0u32, 0u32);
        for signs in 0u32..1 << sorted.len() {
            let sum: f64 = (0..sorted.len()).filter(|at| signs >> at & 1 == 1).map(rank).sum();
            low += u32::from(sum <= observed);
            high += u32::from(sum >= observed);
        }
        (2.0 * f64::from(low.min(high)) / f64::from(1u32 << sorted.len())).min(1.0)
    }

    #[test]
    fn exact_values_are_those_of_enumeration() {
        let mut stream = offcut_instances::random::Stream::new(&["reports", "test", "wilcoxon"], 0);
        for n in 0..=12u32 {
            for spread in [3.0, 1e6] {
                // A small spread makes ties and zeros.
                let differences: Vec<f64> = (0..n).map(|_| stream.uniform(-0.6 * spread, spread).round()).collect();
                let Some(test) = signed_rank(&differences) else { continue };
                assert!((test.p - by_enumeration(&differences)).abs() < 1e-12, "{differences:?}: {}", test.p);
                assert_eq!(test.above + test.zeros + test.below, differences.len());
            }
        }
    }

    /// A sample without ties, the same in Python: `[math.sin(i*i*0.37+i)+0.1 for i in range(1, n+1)]`.
    fn sample(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).map(|i| (i * i * 0.37 + i).sin() + 0.1).collect()
    }

    /// `scipy.stats.wilcoxon`, SciPy 1.17.1: `method='exact'` for 150, `method='approx', correction=True` for 300 and, with ties and zeros,
    /// `PermutationMethod(n_resamples=inf)`.
    #[test]
    fn values_of_scipy() {
        let near = |p: f64, expected: f64| (p - expected).abs() < 1e-9;
        let of = |differences: &[f64]| signed_rank(differences).expect("some");
        let exact = of(&sample(150));
        assert!(near(exact.p, 0.021560227149538758) && exact.rank_sum == 150.0 * 151.0 / 2.0 - 4440.0, "{exact:?}");
        let normal = of(&sample(300));
        assert!(near(normal.p, 0.0005751712470445587), "{normal:?}");
        let tied = of(&[0.0, 1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0, -5.0, 6.0, 0.0]);
        assert!(near(tied.p, 0.25390625) && (tied.above, tied.zeros, tied.below) == (7, 2, 3), "{tied:?}");
        // The normal tail of the same data, had there been too many for the exact one.
        let mut sorted = vec![1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0, -5.0, 6.0];
        sorted.sort_by(|a: &f64, b| a.abs().total_cmp(&b.abs()));
        assert!(near(2.0 * normal_tail(&doubled_midranks(&sorted), 31), 0.23928237981750466));
    }

    #[test]
    fn nothing_but_zeros_shows_nothing_and_infinities_rank_last() {
        assert_eq!(signed_rank(&[]), None);
        assert_eq!(signed_rank(&[0.0, 0.0]).expect("two").p, 1.0);
        let six = signed_rank(&[1.0, 2.0, 3.0, 4.0, f64::INFINITY, f64::INFINITY]).expect("six");
        assert_eq!((six.p, six.rank_sum), (2.0 / 64.0, 21.0));
        let mixed = signed_rank(&[1.0, f64::NEG_INFINITY, f64::INFINITY]).expect("three");
        assert_eq!((mixed.rank_sum, mixed.expected), (3.5, 3.0));
    }

    #[test]
    fn corrections_never_fall_and_stop_at_1() {
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[0.001]), [0.001]);
        assert!(holm(&[]).is_empty());
    }
}
