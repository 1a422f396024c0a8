//! Checks `multiuser`: many users, one server, integer resource units.
//!
//! | module | holds |
//! |---|---|
//! | `evaluate` | solutions: latencies and constraints |
//! | `replay` | certificates: why they prove a bound, thresholds, trees of splits with prices |
//! | `core_program` | leaves that a dynamic program over few unit counts closes |
//! | `user_terms` | what a user's units cost at a price |

mod core_program;
mod evaluate;
mod replay;
mod user_terms;

use offcut_instances::multiuser::{Certificate, Instance, Multiuser, PriceNode, Solution};

use crate::budget::Budget;
use crate::checkable::Checkable;
use crate::interval::Interval;
use crate::number::{Domain, Intake, Normalised};
use crate::verdict::Violation;
use evaluate::evaluate;
use replay::{Replay, budget};

impl Checkable for Multiuser {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        evaluate(instance, solution)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        match certificate {
            Certificate::Threshold { latency_s } => {
                let domain = Domain::NotNegative(f64::MAX);
                intake.take(latency_s, domain, "a threshold is a latency", || "certificate.latency_s".into());
            }
            Certificate::Prices { nodes } => {
                for (at, node) in nodes.iter_mut().enumerate() {
                    let (PriceNode::Leaf { price_s } | PriceNode::Core { price_s, .. }) = node else { continue };
                    let constraint = "a price is 0 or between 1e-60 and 1e60 seconds";
                    intake.take(price_s, Domain::PRICE, constraint, || format!("nodes[{at}]"));
                    let PriceNode::Core { cutoff_s, .. } = node else { continue };
                    let constraint = "a cutoff is 0 or between 1e-60 and 1e60 seconds";
                    intake.take(cutoff_s, Domain::PRICE, constraint, || format!("nodes[{at}]"));
                }
            }
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
        Replay::new(instance).bound(certificate, budget).map_err(|violation| vec![violation])
    }
}

#[cfg(test)]
mod tests;
