//! Checks `jpdra`: placement of partitions and speeds of tandem queues.
//!
//! | module | holds |
//! |---|---|
//! | `evaluate` | solutions: objective and constraints |
//! | `replay` | certificates: why they prove a bound, trees of splits, bounds of leaves |
//! | `server_subproblem` | a server's best set of partitions at given prices |

mod evaluate;
mod replay;
mod server_subproblem;

use offcut_instances::jpdra::{Certificate, Instance, Jpdra, Node, Solution};

use crate::budget::Budget;
use crate::checkable::Checkable;
use crate::interval::Interval;
use crate::number::{Domain, Intake, Normalised};
use crate::verdict::Violation;
use evaluate::evaluate;
use replay::{Replay, budget};

impl Checkable for Jpdra {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        evaluate(instance, solution, true)
    }

    fn as_given(instance: &Instance, solution: &Solution) -> Option<Interval> {
        evaluate(instance, solution, false).0
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        for (at, prices) in certificate.prices.iter_mut().enumerate() {
            let constraint = "prices are numbers, one per partition and server";
            let numbers = prices.place.iter_mut().chain(&mut prices.stay).flatten();
            intake.take_all(numbers, Domain::Signed(1e60), constraint, |_| format!("prices[{at}]"));
        }
        for (at, node) in certificate.nodes.iter_mut().enumerate() {
            let Node::Marginal { rates } = node else { continue };
            let constraint = "a leaf has a rate >= 0 for every server";
            intake.take_all(rates, Domain::PRICE, constraint, |_| format!("nodes[{at}]"));
        }
    }

    fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
        budget(instance, certificate)
    }

    fn replay_normalised(
        instance: &Instance,
        certificate: &Normalised<Certificate>,
        budget: &Budget,
    ) -> Result<f64, Vec<Violation>> {
        Replay::new(instance, certificate, budget).bound().map_err(|violation| vec![violation])
    }
}

#[cfg(test)]
mod tests;
