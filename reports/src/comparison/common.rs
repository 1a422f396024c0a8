//! Common ground: where methods can be compared all at once.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Class;
use super::entrant::Entrant;

/// Fields with fewer instances are taken only where there are no larger ones, and are not drawn.
pub(super) const MIN_INSTANCES: usize = 5;

/// A block of the grid: methods of one class, and the instances of one variant on which all of them were run. Only there all can be compared at
/// once.
#[derive(Debug)]
pub(super) struct CommonBlock<'e, 'r, 'a> {
    pub(super) variant: &'a str,
    pub(super) entrants: Vec<&'e Entrant<'r, 'a>>,
    pub(super) instances: BTreeSet<&'a str>,
}

impl<'e, 'r, 'a> CommonBlock<'e, 'r, 'a> {
    /// The largest block of every variant that has two methods or more: the most instances times squared methods.
    pub(super) fn of(class: Class, entrants: &'e [Entrant<'r, 'a>]) -> Vec<Self> {
        let of_class: Vec<&Entrant> = entrants.iter().filter(|e| e.class == class).collect();
        let variants: BTreeSet<&'a str> = of_class.iter().map(|e| e.variant).collect();
        let largest = |variant: &'a str| {
            // Which methods were run on which instance, by their places.
            let mut ran: BTreeMap<&'a str, BTreeSet<usize>> = BTreeMap::new();
            for (at, entrant) in of_class.iter().enumerate().filter(|(_, e)| e.variant == variant) {
                for instance in entrant.cells.keys() {
                    ran.entry(instance).or_default().insert(at);
                }
            }
            let sets: BTreeSet<&BTreeSet<usize>> = ran.values().filter(|set| set.len() > 1).collect();
            let instances =
                |set: &BTreeSet<usize>| ran.iter().filter(|(_, of)| set.is_subset(of)).map(|(i, _)| *i).collect();
            let blocks = sets.into_iter().map(|set| (set, instances(set)));
            let size = |(set, instances): &(&BTreeSet<usize>, BTreeSet<&str>)| {
                (instances.len() >= MIN_INSTANCES, set.len() * set.len() * instances.len())
            };
            let (set, instances) = blocks.max_by_key(size)?;
            Some(CommonBlock { variant, entrants: set.iter().map(|at| of_class[*at]).collect(), instances })
        };
        variants.into_iter().filter_map(largest).collect()
    }

    /// Whether a method solves half of the instances or more: "solved by all" excepts methods that solve few.
    pub(super) fn is_solver(&self, entrant: &Entrant) -> bool {
        2 * self.instances.iter().filter(|instance| entrant.cells[*instance].is_solved()).count()
            >= self.instances.len()
    }

    /// The instances that all its solvers solve, and those that at least one method does.
    pub(super) fn solved(&self) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let solvers: Vec<&&Entrant> = self.entrants.iter().filter(|e| self.is_solver(e)).collect();
        let by_all = |i: &&str| !solvers.is_empty() && solvers.iter().all(|e| e.cells[*i].is_solved());
        let by_one = |i: &&str| self.entrants.iter().any(|e| e.cells[*i].is_solved());
        let instances = || self.instances.iter().copied();
        (instances().filter(by_all).collect(), instances().filter(by_one).collect())
    }

    pub(super) fn has(&self, entrant: &Entrant) -> bool {
        self.entrants.iter().any(|e| std::ptr::eq(*e, entrant))
    }

    pub(super) fn is_drawn(&self) -> bool {
        self.instances.len() >= MIN_INSTANCES
    }
}
