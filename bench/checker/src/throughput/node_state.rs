//! The state of a node of the tree: what the splits above it decide, kept up to date on the way down and up.

use std::collections::HashMap;

use offcut_instances::throughput::PriceNode;

use super::relaxation::Relaxation;
use crate::budget::{Budget, filled};
use crate::verdict::Violation;

/// A branching decision on the path to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Decision {
    /// Whether a cloudlet serves a request.
    Pair { pair: (usize, usize), is_served: bool },
    /// Whether a request is admitted.
    Service { request: usize, is_admitted: bool },
}

impl Decision {
    /// Of a split's first (served, admitted) or second child.
    pub(super) fn of(split: &PriceNode, is_first: bool) -> Self {
        match split {
            PriceNode::Split { request, cloudlet, .. } => {
                Self::Pair { pair: (*request as usize, *cloudlet as usize), is_served: is_first }
            }
            PriceNode::Service { request, .. } => Self::Service { request: *request as usize, is_admitted: is_first },
            PriceNode::Leaf { .. } | PriceNode::Values { .. } => unreachable!("only splits have children"),
        }
    }
}

/// The decisions on the path to a node, and their effects.
pub(super) struct State<'a> {
    relaxation: &'a Relaxation<'a>,
    pub(super) budget: &'a Budget,
    /// The least threads of every pair, 0 for none and for excluded pairs; `None` if there are no splits. Shape (requests, cloudlets).
    pub(super) table: Option<Vec<u16>>,
    /// The number of cloudlets that serve every request, and the threads used on every cloudlet. Shapes (requests,), empty without a table, and
    /// (cloudlets,).
    served: Vec<u32>,
    pub(super) used: Vec<u64>,
    /// Whether each request is admitted, where that is decided. Shape (requests,), empty without a table.
    admitted: Vec<Option<bool>>,
    /// How often each decision was made.
    made: HashMap<Decision, u32>,
    /// The number of contradictions: a request served without threads, on an excluded cloudlet or twice; an excluded pair that is served; an overloaded
    /// cloudlet; a rejected request that is admitted or served.
    conflicts: usize,
    /// The effect of every decision, in order.
    before: Vec<(Decision, Change)>,
}

/// The effect of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It was made before.
    Nothing,
    /// A pair with so many least threads is excluded.
    Excluded { threads: u16, is_conflict: bool },
    /// A cloudlet serves a request.
    Served { threads: u16, conflicts: usize },
    /// A request is admitted or rejected; before this was decided or not.
    Service { before: Option<bool>, is_conflict: bool },
}

impl<'a> State<'a> {
    pub(super) fn new(
        relaxation: &'a Relaxation<'a>,
        table: Option<Vec<u16>>,
        budget: &'a Budget,
    ) -> Result<Self, Violation> {
        let requests = if table.is_some() { relaxation.instance.requests.len() } else { 0 };
        let used = vec![0; relaxation.instance.cloudlets.len()];
        let (served, admitted) = (filled(0, requests)?, filled(None, requests)?);
        Ok(Self {
            relaxation,
            budget,
            table,
            served,
            used,
            admitted,
            made: HashMap::new(),
            conflicts: 0,
            before: Vec::new(),
        })
    }

    /// Whether no solution agrees with the decisions.
    pub(super) fn is_impossible(&self) -> bool {
        self.conflicts > 0
    }

    /// Whether a cloudlet serves request i.
    pub(super) fn is_served(&self, i: usize) -> bool {
        self.served.get(i).is_some_and(|served| *served > 0)
    }

    /// The number of decisions above the node.
    pub(super) fn decisions(&self) -> usize {
        self.before.len()
    }

    /// Pairs that serve by decision, ascending.
    pub(super) fn served_pairs(&self) -> Vec<(usize, usize)> {
        let pair = |decision: &Decision| match decision {
            Decision::Pair { pair, is_served: true } => Some(*pair),
            _ => None,
        };
        let mut pairs: Vec<(usize, usize)> = self.made.keys().filter_map(pair).collect();
        pairs.sort_unstable();
        pairs
    }

    /// Whether request i has to be admitted.
    pub(super) fn is_admitted(&self, i: usize) -> bool {
        self.admitted.get(i).is_some_and(|admitted| *admitted == Some(true))
    }

    /// Whether request i is rejected.
    pub(super) fn is_rejected(&self, i: usize) -> bool {
        self.admitted.get(i).is_some_and(|admitted| *admitted == Some(false))
    }

    /// Whether every decision was undone, with all its effects.
    #[cfg(test)]
    pub(super) fn is_initial(&self) -> bool {
        let is_undecided = self.served.iter().all(|times| *times == 0) && self.admitted.iter().all(Option::is_none);
        let is_unused = is_undecided && self.used.iter().all(|used| *used == 0);
        is_unused && self.conflicts == 0 && self.made.is_empty() && self.before.is_empty()
    }

    /// Adds a decision.
    pub(super) fn decide(&mut self, decision: Decision) {
        let times = self.made.entry(decision).or_default();
        *times += 1;
        let change = if *times > 1 { Change::Nothing } else { self.make(decision) };
        self.before.push((decision, change));
    }

    /// The effect of a decision that is made for the first time.
    fn make(&mut self, decision: Decision) -> Change {
        match decision {
            Decision::Pair { pair, is_served } => self.make_pair(pair, is_served),
            Decision::Service { request, is_admitted } => self.make_service(request, is_admitted),
        }
    }

    fn make_service(&mut self, i: usize, is_admitted: bool) -> Change {
        let before = self.admitted[i];
        let is_conflict = before == Some(!is_admitted) || !is_admitted && self.served[i] > 0;
        self.admitted[i] = Some(is_admitted);
        self.conflicts += usize::from(is_conflict);
        Change::Service { before, is_conflict }
    }

    fn make_pair(&mut self, (i, j): (usize, usize), is_served: bool) -> Change {
        let served_here = self.made.contains_key(&Decision::Pair { pair: (i, j), is_served: true });
        let cloudlets = self.used.len();
        let entry = &mut self.table.as_mut().expect("trees with splits have a table")[i * cloudlets + j];
        let threads = *entry;
        if !is_served {
            *entry = 0;
            self.conflicts += usize::from(served_here);
            return Change::Excluded { threads, is_conflict: served_here };
        }
        let capacity = u64::from(self.relaxation.instance.cloudlets[j].threads);
        let fitted = self.used[j] <= capacity;
        self.used[j] += u64::from(threads);
        self.served[i] += 1;
        let is_rejected = self.admitted[i] == Some(false);
        let conflicts = [threads == 0 || is_rejected, self.served[i] > 1, fitted && self.used[j] > capacity];
        let conflicts = conflicts.into_iter().filter(|is| *is).count();
        self.conflicts += conflicts;
        Change::Served { threads, conflicts }
    }

    /// Undoes the last decision.
    pub(super) fn undo(&mut self) {
        let (decision, change) = self.before.pop().expect("decisions come before");
        let times = self.made.get_mut(&decision).expect("it was made");
        *times -= 1;
        if *times == 0 {
            self.made.remove(&decision);
        }
        self.conflicts -= match (decision, change) {
            (_, Change::Nothing) => 0,
            (Decision::Pair { pair: (i, j), .. }, Change::Excluded { threads, is_conflict }) => {
                let cloudlets = self.used.len();
                self.table.as_mut().expect("trees with splits have a table")[i * cloudlets + j] = threads;
                usize::from(is_conflict)
            }
            (Decision::Pair { pair: (i, j), .. }, Change::Served { threads, conflicts }) => {
                self.used[j] -= u64::from(threads);
                self.served[i] -= 1;
                conflicts
            }
            (Decision::Service { request, .. }, Change::Service { before, is_conflict }) => {
                self.admitted[request] = before;
                usize::from(is_conflict)
            }
            (_, change) => unreachable!("not a change of this decision: {change:?}"),
        };
    }
}
