//! Checks `throughput`: admission of requests with deadlines to cloudlets with threads.
//!
//! | module | holds |
//! |---|---|
//! | `evaluate` | solutions: profit and constraints |
//! | `replay` | certificates: why they prove a bound, trees of splits |
//! | `envelope` | a model's cuts, bounded by flows: work in MACs |
//! | `hull` | the same for work on kinds of machines |
//! | `relaxation` | the least threads of a request on a cloudlet |
//! | `node_state` | what the splits above a node decide |
//! | `cuts` | valid inequalities, and what is left of them at a leaf |
//! | `knapsack` | the best set of requests for a cloudlet |
//! | `leaf_bound` | the bound of a leaf from its prices or values |

mod cuts;
mod envelope;
mod evaluate;
mod hull;
mod knapsack;
mod leaf_bound;
mod node_state;
mod relaxation;
mod replay;

use std::collections::BTreeMap;

use offcut_instances::throughput::{Certificate, Instance, PriceNode, Service, Solution, Throughput};

use crate::budget::Budget;
use crate::checkable::Checkable;
use crate::interval::Interval;
use crate::number::{Domain, Intake, Normalised};
use crate::verdict::Violation;
use evaluate::evaluate;
use replay::{Replay, budget};

impl Checkable for Throughput {
    fn evaluate(instance: &Instance, solution: &Solution) -> (Option<Interval>, Vec<Violation>) {
        evaluate(instance, solution)
    }

    fn numbers(certificate: &mut Certificate, intake: &mut Intake) {
        for (m, envelope) in certificate.envelopes.iter_mut().enumerate() {
            let place = |_| format!("envelopes[{m}]");
            let corners = envelope.corners.iter_mut().flat_map(|(macs, bytes)| [macs, bytes]);
            intake.take_all(corners, Domain::PRICE, "corners are numbers >= 0", place);
            let flows = envelope.flows.iter_mut().flatten();
            intake.take_all(flows, Domain::Signed(1e120), "flows are numbers", place);
        }
        for (h, hull) in certificate.hulls.iter_mut().enumerate() {
            let place = |_| format!("hulls[{h}]");
            let vertices = hull.vertices.iter_mut().flat_map(|(device, bytes, cloudlet)| [device, bytes, cloudlet]);
            intake.take_all(vertices, Domain::PRICE, "vertices are numbers >= 0", place);
            let weights =
                hull.nodes.iter_mut().flat_map(|node| [&mut node.weights.0, &mut node.weights.1, &mut node.weights.2]);
            intake.take_all(weights, Domain::PRICE, "weights are numbers >= 0", place);
            let flows = hull.nodes.iter_mut().flat_map(|node| &mut node.flow);
            intake.take_all(flows, Domain::Signed(1e120), "flows are numbers", place);
        }
        for (c, cut) in certificate.cuts.iter_mut().enumerate() {
            let values = cut.values.iter_mut().map(|(_, value)| value);
            intake.take_all(values, Domain::PRICE, "a cut has values >= 0 of requests", |_| format!("cuts[{c}]"));
        }
        for (at, node) in certificate.nodes.iter_mut().enumerate() {
            let place = |_| format!("nodes[{at}]");
            match node {
                PriceNode::Leaf { prices } => {
                    intake.take_all(prices, Domain::PRICE, "a leaf has a price >= 0 for every cloudlet", place);
                }
                PriceNode::Values { values, multipliers } => {
                    let of_cuts = multipliers.iter_mut().map(|(_, multiplier)| multiplier);
                    intake.take_all(of_cuts, Domain::PRICE, "multipliers of cuts are numbers >= 0", place);
                    let values = values.iter_mut().map(|(_, value)| value);
                    intake.take_all(values, Domain::Signed(1e60), "a leaf has values of requests, ascending", place);
                }
                PriceNode::Split { .. } | PriceNode::Service { .. } => {}
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
        let replay = Replay::new(instance, certificate).map_err(|violation| vec![violation])?;
        replay.bound(&certificate.cuts, &certificate.nodes, budget).map_err(|violation| vec![violation])
    }

    /// Requests admitted on their device alone, on cloudlets, and the threads they use.
    fn measures(_: &Instance, solution: &Solution) -> BTreeMap<String, f64> {
        let mut counts = [0u64; 3];
        for service in &solution.service {
            match service {
                Service::Rejected => {}
                Service::Local => counts[0] += 1,
                Service::Remote { threads, .. } => {
                    counts[1] += 1;
                    counts[2] += u64::from(*threads);
                }
            }
        }
        ["local", "remote", "threads"].into_iter().map(String::from).zip(counts.map(|count| count as f64)).collect()
    }
}

#[cfg(test)]
mod tests;
