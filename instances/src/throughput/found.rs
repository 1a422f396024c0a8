//! Instances that `offcut adversary` found and made small: the family [`FOUND`](crate::family::FOUND).

/// Documents of the instances, in the order of their seeds from 1.
pub(super) const KEPT: &[&[u8]] = &[
    include_bytes!("../../data/throughput/adversarial/local-ratio-count.json"),
    include_bytes!("../../data/throughput/adversarial/lp-rounding-count.json"),
    include_bytes!("../../data/throughput/adversarial/online-primal-dual-count.json"),
    include_bytes!("../../data/throughput/adversarial/online-greedy-count.json"),
];
