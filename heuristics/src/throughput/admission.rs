//! An admission (the cloudlet and threads of each request), filled and turned into an answer.

use std::collections::HashMap;

use offcut_instances::problem::Answer;
use offcut_instances::throughput::{Part, Service, Solution, Throughput};

use super::threads::Threads;

/// Who is served where, and what is left.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    /// Cloudlet and threads of every request that has them.
    pub(super) served: Vec<Option<(u32, u32)>>,
    /// Threads left. Shape (cloudlets,).
    pub(super) left: Vec<u32>,
}

impl Admission {
    pub(super) fn empty(threads: &Threads) -> Self {
        let left = threads.instance.cloudlets.iter().map(|cloudlet| cloudlet.threads).collect();
        Self { served: vec![None; threads.requests()], left }
    }

    /// Gives request i k threads of cloudlet j if they are left.
    pub(super) fn try_serving(&mut self, i: usize, j: usize, k: u32) -> bool {
        let fits = k <= self.left[j];
        if fits {
            self.left[j] -= k;
            self.served[i] = Some((j as u32, k));
        }
        fits
    }

    /// Whoever fits somewhere, fewest threads first.
    pub(super) fn fill(&mut self, threads: &Threads) {
        for i in 0..self.served.len() {
            if self.served[i].is_none() && !threads.is_local[i] {
                let fitting = threads.options(i).filter(|(j, k)| *k <= self.left[*j]);
                if let Some((j, k)) = fitting.min_by_key(|(j, k)| (*k, *j)) {
                    self.try_serving(i, j, k);
                }
            }
        }
    }

    /// The answer: locally feasible requests on their devices, the served ones with their fastest cuts.
    pub(super) fn answer(&self, threads: &Threads) -> Answer<Throughput> {
        let mut parts = Vec::new();
        let mut part_of: HashMap<(u32, (u32, usize)), u32> = HashMap::new();
        let mut profit = 0.0;
        let service = (threads.instance.requests.iter().zip(&self.served).enumerate())
            .map(|(i, (request, served))| {
                let service = match served {
                    _ if threads.is_local[i] => Service::Local,
                    None => Service::Rejected,
                    Some((cloudlet, k)) => {
                        let (number, cut) = threads.fastest(i, *cloudlet as usize, *k);
                        let part = *part_of.entry((request.model, number)).or_insert_with(|| {
                            parts.push(Part { model: request.model, device_layers: cut.device_layers.clone() });
                            parts.len() as u32 - 1
                        });
                        Service::Remote { cloudlet: *cloudlet, threads: *k, part }
                    }
                };
                if service != Service::Rejected {
                    profit += request.profit;
                }
                service
            })
            .collect();
        Answer::found(Solution { parts, service }, profit)
    }
}
