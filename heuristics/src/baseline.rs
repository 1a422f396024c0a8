//! Baselines: methods without parameters that are a name and a function.

use offcut_instances::problem::{Algorithm, Answer, Budget, Problem};

/// A baseline of problem `P`.
pub(crate) struct Baseline<P: Problem> {
    /// Its name in tables and on the command line.
    pub(crate) id: &'static str,
    /// One line: what it is.
    pub(crate) about: &'static str,
    /// Whether different seeds can give different answers.
    pub(crate) is_random: bool,
    /// What it does.
    pub(crate) solve: fn(&P::Instance, &Budget) -> Answer<P>,
}

impl<P: Problem> Algorithm<P> for Baseline<P> {
    fn id(&self) -> &str {
        self.id
    }

    fn about(&self) -> &str {
        self.about
    }

    fn is_random(&self) -> bool {
        self.is_random
    }

    fn solve(&self, instance: &P::Instance, budget: &Budget) -> Answer<P> {
        (self.solve)(instance, budget)
    }
}
