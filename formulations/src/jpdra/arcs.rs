//! The layered graph of every flow: an arc is a transfer from a partition's server to the next one's.
//!
//! ```text
//! enter_sm, hop_i,m,m', leave_sm >= 0, where the transfer exists;   flow is conserved at (i, m);   x_im = flow through (i, m)
//! ```
//!
//! For x fixed the arcs are determined, and the relaxation is as tight as one over paths: a path is a unit flow.

use super::model::Model;

/// One arc between two assignments (partition, server); `None` at the ends of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    /// (partition, server).
    pub(super) from: Option<(usize, usize)>,
    pub(super) to: Option<(usize, usize)>,
    /// Weighted delay.
    pub(super) cost: f64,
}

/// All arcs between assignments in which the partition is stable alone.
pub(super) fn arcs(model: &Model) -> Vec<Arc> {
    let mut arcs = Vec::new();
    for (s, range) in model.flows.iter().enumerate() {
        let (first, last) = (range.start, range.end - 1);
        let mut add = |from, to, cost: f64| {
            if cost < f64::INFINITY {
                arcs.push(Arc { from, to, cost });
            }
        };
        let on = |i: usize| (0..model.servers()).filter(move |m| model.fits(i, *m));
        on(first).for_each(|m| add(None, Some((first, m)), model.enter(s)[m]));
        for i in range.clone().skip(1) {
            for m in on(i - 1) {
                on(i).for_each(|to| add(Some((i - 1, m)), Some((i, to)), model.hop(i - 1, m, to)));
            }
        }
        on(last).for_each(|m| add(Some((last, m)), None, model.leave(s)[m]));
    }
    arcs
}
