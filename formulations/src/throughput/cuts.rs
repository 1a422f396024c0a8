//! Inequalities that are valid for every admission, for bounds sharper than those of knapsacks.
//!
//! For some cloudlets J and some requests I the profit of the requests in I that J serve is at most the Lagrangian bound of this part of the problem; and if profits
//! are whole, at most this bound rounded down (a Chvatal-Gomory cut):
//!
//! ```text
//! sum_{i in I, j in J} profit_i x_ij <= floor( sum_{i in I} u_i + sum_{j in J} max { sum_{i in S} (profit_i - u_i) : S in I fits j } )
//! ```
//!
//! A fractional admission violates such an inequality where a few cloudlets exchange requests among themselves and serve, in sum, no whole profit.

use offcut_instances::throughput::{self, PriceNode};

use super::model::{Admission, Item};
use super::threads::Needs;

/// A valid inequality, with what proves it.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// Ascending.
    pub(super) cloudlets: Vec<u32>,
    /// Whether each open request is in it. Shape (open requests,).
    pub(super) members: Vec<bool>,
    /// Values of the open requests in it that have any.
    pub(super) values: Vec<(u32, f64)>,
    /// The largest profit.
    pub(super) bound: f64,
}

/// A cut at a node: what the decisions there leave of it.
#[derive(Clone, Debug)]
pub(super) struct NodeCut {
    /// Its place among all cuts.
    pub(super) id: u32,
    /// Ascending.
    pub(super) cloudlets: Vec<u32>,
    /// Whether each item is in it. Shape (items,).
    pub(super) members: Vec<bool>,
    /// The profit that is left.
    pub(super) rest: f64,
}

impl NodeCut {
    /// A cut without the pairs that serve already: open request and cloudlet.
    pub(super) fn new(id: u32, cut: &Cut, admission: &Admission, served: &[(u32, f64, u32)]) -> Self {
        let within = served.iter().filter(|(open, _, j)| cut.members[*open as usize] && cut.cloudlets.contains(j));
        Self {
            id,
            cloudlets: cut.cloudlets.clone(),
            members: admission.items.iter().map(|item| cut.members[item.open as usize]).collect(),
            rest: (cut.bound - within.map(|(_, profit, _)| profit).sum::<f64>()).max(0.0),
        }
    }

    /// The profit that some items have in the cut if a cloudlet serves them.
    pub(super) fn coefficient(&self, items: &[Item], j: u32, served: &[u32]) -> f64 {
        if self.cloudlets.binary_search(&j).is_err() {
            return 0.0;
        }
        served.iter().filter(|at| self.members[**at as usize]).map(|at| items[*at as usize].profit).sum()
    }
}

/// The cuts that leaves use. Leaves then name them by their places there.
pub(super) fn used_cuts(needs: &Needs, cuts: &[Cut], nodes: &mut [PriceNode]) -> Vec<throughput::Cut> {
    let mut places: Vec<Option<u32>> = vec![None; cuts.len()];
    let mut used = Vec::new();
    for node in nodes {
        let PriceNode::Values { multipliers, .. } = node else { continue };
        for (c, _) in multipliers.iter_mut() {
            let cut = &cuts[*c as usize];
            *c = *places[*c as usize].get_or_insert_with(|| {
                let request = |(open, value): &(u32, f64)| (needs.open[*open as usize].request, *value);
                let values = cut.values.iter().map(request).collect();
                used.push(throughput::Cut { cloudlets: cut.cloudlets.clone(), values });
                used.len() as u32 - 1
            });
        }
        multipliers.sort_by_key(|(c, _)| *c);
    }
    used
}
