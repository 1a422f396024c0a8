//! Cuts, threads and admission in one model: it proves the reduction to k_ij on small instances.
//!
//! An option o of request i is a cloudlet j with k threads; every option has a copy of the cut's variables.
//!
//! ```text
//! a_i  in {0,1}    the device alone serves request i, where it can
//! z_io in {0,1}    option o serves request i          a_i + sum_o z_io <= 1
//! y_iov in {0,1}   layer v is on the device           y_iov <= z_io,  y_io0 = z_io,  y_iov <= y_iou for every edge (u, v)
//! t_iov >= 0       v's output is sent                 t_iov >= y_iov - y_iou for every edge (v, u)
//! sum_v y macs_v / device + sum_v t bytes_v (1/uplink + hop) + sum_v (z - y) macs_v / (thread s(k)) <= deadline z_io
//! sum_io k_o z_io <= threads_j
//! ```
//!
//! Times are divided by the deadline, so that rows are around 1.

use std::ops::Range;
use std::time::Instant;

use good_lp::{Constraint, Expression, ProblemVariables, constraint, variable};
use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_instances::throughput::{Instance, Part, Service, Solution, Throughput};

use super::threads::{deadline_s, speedup};
use crate::highs::{self, Limits, word};

/// Above this many variables the model is not built.
const MOST_VARIABLES: usize = 50_000;

/// Cuts, threads and admission in one model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joint;

/// One option of one request.
struct Choice {
    request: usize,
    cloudlet: usize,
    threads: u32,
    /// Where its z is among the variables.
    is_taken: usize,
    /// Where its y are.
    is_on_device: Range<usize>,
}

impl Algorithm<Throughput> for Joint {
    fn id(&self) -> &str {
        "milp-joint"
    }

    fn about(&self) -> &str {
        "one MILP with cuts, threads and admission (small instances; bound on HiGHS's word)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        let began = Instant::now();
        let options: usize = instance.cloudlets.iter().map(|c| c.max_threads_per_request.min(c.threads) as usize).sum();
        let layers = |m: u32| instance.models[m as usize].layers();
        let size: usize = instance.requests.iter().map(|request| options * (1 + 2 * layers(request.model))).sum();
        if size > MOST_VARIABLES {
            return Answer::declined(format!("the model would have more than {MOST_VARIABLES} variables"));
        }
        // Profits in units of the largest: HiGHS takes no coefficient for more than 1e15 or less than 1e-9.
        let unit = instance.requests.iter().map(|request| request.profit).fold(0.0, f64::max);
        let mut problem = ProblemVariables::new();
        let mut rows: Vec<Constraint> = Vec::new();
        let mut profit = Expression::default();
        let mut loads = vec![Expression::default(); instance.cloudlets.len()];
        let mut choices: Vec<Choice> = Vec::new();
        let mut alone: Vec<Option<usize>> = Vec::new();
        for (i, request) in instance.requests.iter().enumerate() {
            let model = &instance.models[request.model as usize];
            let deadline = deadline_s(request);
            let mut once = Expression::default();
            let is_local = model.macs.iter().sum::<f64>() / request.device_macs_per_s <= deadline;
            alone.push(is_local.then(|| {
                let a = problem.add(variable().binary());
                once.add_mul(1.0, a);
                profit.add_mul(request.profit / unit, a);
                problem.len() - 1
            }));
            for (j, cloudlet) in instance.cloudlets.iter().enumerate() {
                let per_byte = 1.0 / request.uplink_bytes_per_s + instance.hops(i)[j];
                for k in 1..=cloudlet.max_threads_per_request.min(cloudlet.threads) {
                    let is_taken = problem.len();
                    let z = problem.add(variable().binary());
                    let y = problem.add_vector(variable().binary(), model.layers());
                    let t = problem.add_vector(variable().min(0.0).max(1.0), model.layers());
                    let per_mac = 1.0 / (cloudlet.thread_macs_per_s * speedup(&cloudlet.speedup, k));
                    let mut delay = Expression::with_capacity(3 * model.layers());
                    for v in 0..model.layers() {
                        rows.push(constraint!(y[v] <= z));
                        delay.add_mul(model.macs[v] * (1.0 / request.device_macs_per_s - per_mac) / deadline, y[v]);
                        delay.add_mul(model.macs[v] * per_mac / deadline, z);
                        delay.add_mul(model.out_bytes[v] * per_byte / deadline, t[v]);
                    }
                    rows.push(constraint!(y[0] == z));
                    for (v, u) in &model.edges {
                        let (v, u) = (*v as usize, *u as usize);
                        rows.push(constraint!(y[u] <= y[v]));
                        rows.push(constraint!(t[v] >= y[v] - y[u]));
                    }
                    rows.push(constraint!(delay <= z));
                    once.add_mul(1.0, z);
                    profit.add_mul(request.profit / unit, z);
                    loads[j].add_mul(f64::from(k), z);
                    let is_on_device = is_taken + 1..is_taken + 1 + model.layers();
                    choices.push(Choice { request: i, cloudlet: j, threads: k, is_taken, is_on_device });
                }
            }
            rows.push(constraint!(once <= 1.0));
        }
        for (load, cloudlet) in loads.into_iter().zip(&instance.cloudlets) {
            rows.push(constraint!(load <= f64::from(cloudlet.threads)));
        }
        let built_s = began.elapsed().as_secs_f64();
        let is_empty = choices.is_empty() && alone.iter().all(Option::is_none);
        if is_empty {
            let solution = Solution { parts: vec![], service: vec![Service::Rejected; alone.len()] };
            return Answer { proved: Some(word(0.0)), ..Answer::found(solution, 0.0) };
        }
        // Rows as fine as HiGHS can: a deadline missed by 1e-6 is a deadline missed.
        let limits = Limits { feasibility: Some(1e-10), ..Limits::exact(budget, built_s) };
        let read = |values: &[f64]| read(instance, values, &alone, &choices);
        highs::answer(problem.maximise(profit), rows, limits, built_s, read, |bound| unit * bound)
    }
}

/// The solution that HiGHS's values stand for.
fn read(instance: &Instance, values: &[f64], alone: &[Option<usize>], choices: &[Choice]) -> (Solution, f64) {
    let is_one = |at: &usize| values[*at] > 0.5;
    let mut service: Vec<Service> =
        alone.iter().map(|a| if a.as_ref().is_some_and(is_one) { Service::Local } else { Service::Rejected }).collect();
    let mut parts = Vec::new();
    for choice in choices.iter().filter(|choice| is_one(&choice.is_taken)) {
        let layers =
            choice.is_on_device.clone().enumerate().filter(|(_, y)| is_one(y)).map(|(v, _)| v as u32).collect();
        parts.push(Part { model: instance.requests[choice.request].model, device_layers: layers });
        service[choice.request] =
            Service::Remote { cloudlet: choice.cloudlet as u32, threads: choice.threads, part: parts.len() as u32 - 1 };
    }
    let admitted = instance.requests.iter().zip(&service).filter(|(_, service)| **service != Service::Rejected);
    let profit = admitted.map(|(request, _)| request.profit).sum();
    (Solution { parts, service }, profit)
}
