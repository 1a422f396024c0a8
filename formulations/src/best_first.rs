//! The order in which a best-first search takes its open nodes.

use std::collections::BinaryHeap;

/// A float in the total order of IEEE 754, as part of a rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ordered(pub(crate) f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What a [`BestFirst`] heap can hold.
pub(crate) trait Ranked {
    /// What is compared.
    type Rank: Ord;

    /// The item with the largest rank is the next.
    fn rank(&self) -> Self::Rank;
}

/// A heap of items, the one with the largest rank on top. Which of equals comes first depends on the pushes and pops before, and on nothing else.
pub(crate) struct BestFirst<T: Ranked>(BinaryHeap<ByRank<T>>);

struct ByRank<T>(T);

impl<T: Ranked> PartialEq for ByRank<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Ranked> Eq for ByRank<T> {}

impl<T: Ranked> PartialOrd for ByRank<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ranked> Ord for ByRank<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.rank().cmp(&other.0.rank())
    }
}

impl<T: Ranked> Default for BestFirst<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T: Ranked> FromIterator<T> for BestFirst<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().map(ByRank).collect())
    }
}

impl<T: Ranked> BestFirst<T> {
    /// Adds an item.
    pub(crate) fn push(&mut self, item: T) {
        self.0.push(ByRank(item));
    }

    /// Takes the item with the largest rank.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.0.pop().map(|ByRank(item)| item)
    }

    /// Removes all items and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes all items, in no particular order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.0.drain().map(|ByRank(item)| item)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use super::*;

    struct Open(f64, u32, usize);

    impl Ranked for Open {
        type Rank = (Reverse<Ordered>, u32, Reverse<usize>);

        fn rank(&self) -> Self::Rank {
            (Reverse(Ordered(self.0)), self.1, Reverse(self.2))
        }
    }

    #[test]
    fn the_least_bound_is_first_then_the_deepest_then_the_oldest() {
        let mut heap = BestFirst::default();
        let open =
            [(2.0, 9, 0), (1.0, 1, 1), (1.0, 2, 3), (1.0, 2, 2), (f64::INFINITY, 9, 4), (-0.0, 0, 5), (0.0, 0, 6)];
        open.into_iter().for_each(|(bound, depth, node)| heap.push(Open(bound, depth, node)));
        let nodes: Vec<usize> = std::iter::from_fn(|| heap.pop()).map(|open| open.2).collect();
        assert_eq!(nodes, [5, 6, 2, 3, 1, 0, 4]);
        let mut heap: BestFirst<Open> = [Open(1.0, 0, 0), Open(0.5, 0, 1)].into_iter().collect();
        assert_eq!(heap.pop().map(|open| open.2), Some(1));
        assert_eq!(heap.drain().map(|open| open.2).collect::<Vec<_>>(), [0]);
        heap.clear();
        assert!(heap.pop().is_none());
    }
}
