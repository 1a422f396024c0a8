//! Instances that `offcut adversary` found and made small: the family [`FOUND`](crate::family::FOUND).

/// Documents of the instances, in the order of their seeds from 1.
pub(super) const KEPT: &[&[u8]] = &[include_bytes!("../../data/multiuser/adversarial/greedy-units-sum.json")];
