//! Local ratio over cloudlets: a knapsack for each in turn, with the residual profits of requests beyond their current assignment.
//!
//! After Cohen, Katzir, Raz, "An efficient approximation for the generalized assignment problem", 2006.
//!
//! The paper's abstract says that there is a constant approximation, not which one and not how. That it is local ratio is Offcut's reading, and the
//! factors below are this algorithm's, not the paper's.
//!
//! **Theorem** (Cohen et al.). With knapsacks solved to within a factor a >= 1 of their optimum the total profit is at least 1/(1+a) of the optimum.
//! Unit profits: the residual profits are 1 for who is not served yet and 0 for others, smallest-k-first is exact, so the factor is 1/2. It is
//! tight: A fits two cloudlets of one thread, B only the first; the first takes A, nothing is left for B (family `tight`). Whole and
//! other profits: exact by dynamic programming where requests times capacity is moderate, so again 1/2; above that the denser half or the best
//! single request, a = 2, so 1/3.

use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_instances::throughput::{Instance, Throughput};

use super::admission::Admission;
use super::threads::Threads;

/// Local ratio over cloudlets.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalRatio;

impl Algorithm<Throughput> for LocalRatio {
    fn id(&self) -> &str {
        "local-ratio"
    }

    fn about(&self) -> &str {
        "local ratio over cloudlets (Offcut's proof, not the paper's: at least 1/2 of the optimum; 1/3 with profits beyond exact knapsacks)"
    }

    fn solve(&self, instance: &Instance, _: &Budget) -> Answer<Throughput> {
        let threads = Threads::new(instance);
        let mut admission = Admission::empty(&threads);
        if instance.has_unit_profits() {
            smallest_first(&threads, &mut admission);
        } else {
            let capacities: Vec<u32> = instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
            let size = |j: usize, i: usize| threads.least(i, j).filter(|_| !threads.is_local[i]);
            let profit = |_: usize, i: usize| instance.requests[i].profit;
            for (i, bin) in local_ratio(&capacities, threads.requests(), size, profit).into_iter().enumerate() {
                if let Some(j) = bin {
                    let k = threads.least(i, j).expect("it was put there");
                    admission.try_serving(i, j, k);
                }
            }
        }
        admission.answer(&threads)
    }
}

/// Unit profits: every cloudlet takes whom nobody has taken, smallest first; a counting sort each.
fn smallest_first(threads: &Threads, admission: &mut Admission) {
    for j in 0..threads.cloudlets() {
        let most = threads.instance.cloudlets[j].max_threads_per_request as usize;
        let mut by_threads: Vec<Vec<u32>> = vec![Vec::new(); most + 1];
        // More than capacity / k requests of k threads never fit.
        let capacity = admission.left[j] as usize;
        for i in (0..threads.requests()).filter(|i| admission.served[*i].is_none() && !threads.is_local[*i]) {
            if let Some(k) = threads.least(i, j) {
                let bucket = &mut by_threads[k as usize];
                if bucket.len() * (k as usize) < capacity {
                    bucket.push(i as u32);
                }
            }
        }
        for (k, bucket) in by_threads.iter().enumerate() {
            if !bucket.iter().all(|i| admission.try_serving(*i as usize, j, k as u32)) {
                break;
            }
        }
    }
}

/// The bin of every item, for sizes and profits that may depend on both: `size(bin, item)` is none where an item does not fit at all.
pub(super) fn local_ratio(
    capacities: &[u32],
    items: usize,
    size: impl Fn(usize, usize) -> Option<u32>,
    profit: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    let mut bin_of: Vec<Option<usize>> = vec![None; items];
    for (j, capacity) in capacities.iter().enumerate() {
        // 1. An item's gain here beyond where it is now.
        let gain = |i: usize| profit(j, i) - bin_of[i].map_or(0.0, |bin| profit(bin, i));
        let candidates: Vec<(usize, u32, f64)> = (0..items)
            .filter_map(|i| Some((i, size(j, i).filter(|size| size <= capacity)?, gain(i))))
            .filter(|(_, _, gain)| *gain > 0.0)
            .collect();
        // 2. A knapsack on that; whom it takes moves here. An item ends where it was taken last.
        for i in knapsack(&candidates, *capacity) {
            bin_of[i] = Some(j);
        }
    }
    bin_of
}

/// Up to so many cells the knapsack is solved exactly.
const MAX_CELLS: u64 = 50_000_000;

/// Items (number, size, gain) that fit together: the best, or at least half as good.
fn knapsack(items: &[(usize, u32, f64)], capacity: u32) -> Vec<usize> {
    if items.iter().map(|(_, size, _)| u64::from(*size)).sum::<u64>() <= u64::from(capacity) {
        return items.iter().map(|(i, _, _)| *i).collect();
    }
    if items.len() as u64 * (u64::from(capacity) + 1) <= MAX_CELLS {
        exact(items, capacity)
    } else {
        half(items, capacity)
    }
}

/// By dynamic programming over capacity.
fn exact(items: &[(usize, u32, f64)], capacity: u32) -> Vec<usize> {
    let width = capacity as usize + 1;
    let mut best = vec![0.0; width];
    let mut takes = vec![false; items.len() * width];
    for (row, (_, size, gain)) in items.iter().enumerate() {
        let size = *size as usize;
        for room in (size..width).rev() {
            let with = best[room - size] + gain;
            if with > best[room] {
                best[room] = with;
                takes[row * width + room] = true;
            }
        }
    }
    let mut room = capacity as usize;
    let mut taken = Vec::new();
    for (row, (i, size, _)) in items.iter().enumerate().rev() {
        if takes[row * width + room] {
            taken.push(*i);
            room -= *size as usize;
        }
    }
    taken
}

/// The densest first, or the best alone: at least half of the optimum.
fn half(items: &[(usize, u32, f64)], capacity: u32) -> Vec<usize> {
    let mut order: Vec<&(usize, u32, f64)> = items.iter().collect();
    order.sort_by(|a, b| (b.2 / f64::from(b.1)).total_cmp(&(a.2 / f64::from(a.1))).then(a.0.cmp(&b.0)));
    let mut left = capacity;
    let mut taken = Vec::new();
    let mut total = 0.0;
    for (i, size, gain) in order {
        if *size <= left {
            left -= size;
            total += gain;
            taken.push(*i);
        }
    }
    let alone = items.iter().max_by(|a, b| a.2.total_cmp(&b.2));
    match alone {
        Some((i, _, gain)) if *gain > total => vec![*i],
        _ => taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The golden case: 53.
    #[test]
    fn the_golden_case_gives_53() {
        let sizes = [[1, 2, 2, 1], [1, 3, 3, 2], [1, 3, 4, 3]];
        let profits = [[3.0, 1.0, 5.0, 25.0], [1.0, 1.0, 15.0, 15.0], [5.0, 1.0, 25.0, 5.0]];
        let bins = local_ratio(&[2, 3, 4], 4, |j, i| Some(sizes[j][i]), |j, i| profits[j][i]);
        assert_eq!(bins, [Some(0), None, Some(2), Some(0)]);
        let total: f64 = bins.iter().enumerate().filter_map(|(i, bin)| bin.map(|j| profits[j][i])).sum();
        assert_eq!(total, 53.0);
    }

    #[test]
    fn knapsacks_are_exact_or_half() {
        let mut stream = offcut_instances::random::Stream::new(&["test", "knapsack"], 0);
        for _ in 0..300 {
            let items: Vec<(usize, u32, f64)> =
                (0..8).map(|i| (i, 1 + stream.below(6) as u32, stream.uniform(0.1, 9.0))).collect();
            let capacity = stream.below(16) as u32;
            let fitting: Vec<_> = items.iter().copied().filter(|(_, size, _)| *size <= capacity).collect();
            let profit_of = |taken: &[usize]| taken.iter().map(|i| items[*i].2).sum::<f64>();
            let used = |taken: &[usize]| taken.iter().map(|i| items[*i].1).sum::<u32>();
            let subsets = (0..1u32 << 8).map(|set| (0..8).filter(|i| set >> i & 1 == 1).collect::<Vec<usize>>());
            let best = subsets.filter(|set| used(set) <= capacity).map(|set| profit_of(&set)).fold(0.0, f64::max);
            let (exact, half) = (exact(&fitting, capacity), half(&fitting, capacity));
            assert!(used(&exact) <= capacity && used(&half) <= capacity);
            assert!((profit_of(&exact) - best).abs() < 1e-9 && profit_of(&half) >= best / 2.0 - 1e-9);
        }
    }
}
