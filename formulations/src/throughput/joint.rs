//! Cuts, threads and admission in one model: it proves the reduction to k_ij on small instances.
//!
//! An option o of request i is a cloudlet j with k threads; every option has a copy of the cut's variables.
//!
//! ```text
//! a_i  in {0,1}    the device alone serves request i, where it can
//! z_io in {0,1}    option o serves request i          a_i + sum_o z_io <= 1
//! y_iov in {0,1}   layer v is on the device           y_iov <= z_io,  y_io0 = z_io,  y_iov <= y_iou for every edge (u, v)
//! t_iov >= 0       v's output is sent                 t_iov >= y_iov - y_iou for every edge (v, u)
//! sum_v y work_iv / device + sum_v t bytes_v (1/uplink + hop) + sum_v (z - y) work_jv / (thread s(k)) <= deadline z_io
//! sum_io k_o z_io <= threads_j
//! ```
//!
//! A layer that alone takes longer than the deadline on the device is not there, and one that alone takes longer elsewhere is; an output that alone
//! takes longer is not sent. What is left of a row is at most the deadline, in units of which it is: HiGHS's tolerances are absolute. Terms too small
//! for them relax the row (module `conditioning`); so parts are held against the deadline when they are read.
//!
//! The certified bound beside HiGHS's is the price bound of the generalised assignment problem (module `root`), whose capacity rows are those of this model; so it
//! rests on the reduction, and HiGHS's bound does not.

use std::time::Instant;

use good_lp::{Constraint, Expression, ProblemVariables, Variable, constraint, variable};
use offcut_instances::problem::{Algorithm, Answer, Budget, Problem, Stop};
use offcut_instances::throughput::{Instance, Model, Part, Request, Service, Solution, Throughput};

use super::kinds::speedup;
use super::milp::whole;
use super::root;
use super::threads::{Needs, deadline_s};
use crate::highs::{self, Limits, Program};

/// Above this many variables the model is not built.
const MAX_VARIABLES: usize = 50_000;

/// A deadline in a row: it is missed by a 10^12th at most.
const DEADLINE: f64 = 1000.0;

/// Cuts, threads and admission in one model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Joint;

/// Where a layer is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Device,
    Cloudlet,
    Open,
}

/// Work of the layers on a request's device.
fn device_work<'a>(model: &'a Model, request: &Request) -> &'a [f64] {
    model.work(request.device.kind).expect("its requests' devices run a model")
}

/// Seconds of a request's layers with an option, in deadlines.
struct Seconds {
    device: Vec<f64>,
    cloudlet: Vec<f64>,
    sent: Vec<f64>,
}

impl Seconds {
    /// `remote` is the work on the cloudlet, and seconds of it.
    fn new(model: &Model, request: &Request, per_byte: f64, remote: (&[f64], f64)) -> Self {
        let deadline = deadline_s(request);
        let all = |of: &dyn Fn(usize) -> f64| (0..model.layers()).map(|v| of(v) / deadline).collect();
        let device = device_work(model, request);
        Self {
            device: all(&|v| device[v] / request.device.speed),
            cloudlet: all(&|v| remote.0[v] * remote.1),
            sent: all(&|v| model.out_bytes[v] * per_byte),
        }
    }

    /// Where layers have to be; none if they cannot all be somewhere.
    fn places(&self, model: &Model) -> Option<Vec<Place>> {
        let mut places = vec![Place::Open; model.layers()];
        let mut forced: Vec<(usize, Place)> = vec![(0, Place::Device)];
        for v in 0..model.layers() {
            if is_late(self.device[v]) {
                forced.push((v, Place::Cloudlet));
            }
            if is_late(self.cloudlet[v]) {
                forced.push((v, Place::Device));
            }
        }
        while let Some((v, place)) = forced.pop() {
            if places[v] == place {
                continue;
            }
            if places[v] != Place::Open {
                return None;
            }
            places[v] = place;
            for (from, to) in model.edges.iter().map(|(from, to)| (*from as usize, *to as usize)) {
                let is_kept = is_late(self.sent[from]);
                if to == v && (place == Place::Device || is_kept) {
                    forced.push((from, place));
                }
                if from == v && (place == Place::Cloudlet || is_kept) {
                    forced.push((to, place));
                }
            }
        }
        Some(places)
    }

    /// The delay with these layers on the device.
    fn delay(&self, model: &Model, is_on_device: &[bool]) -> f64 {
        let mut delay = 0.0;
        for v in 0..model.layers() {
            delay += if is_on_device[v] { self.device[v] } else { self.cloudlet[v] };
            let is_edge = |(from, to): &(u32, u32)| *from as usize == v && !is_on_device[*to as usize];
            if is_on_device[v] && model.edges.iter().any(is_edge) {
                delay += self.sent[v];
            }
        }
        delay
    }
}

/// Whether a delay in deadlines is too long, roundings apart.
fn is_late(delay: f64) -> bool {
    delay > 1.0 + 1e-9
}

/// One option of one request.
struct Choice {
    request: usize,
    cloudlet: usize,
    threads: u32,
    seconds: Seconds,
    /// Where its z is among the variables.
    is_taken: usize,
    /// Where its layers are, and for open ones where y is among the variables.
    layers: Vec<(Place, usize)>,
}

/// What serves requests, in the order of variables.
#[derive(Default)]
struct Options {
    model: Rows,
    /// The variable with which a request serves itself, if it can. Shape (requests,).
    alone: Vec<Option<usize>>,
    choices: Vec<Choice>,
    /// All variables that serve a request. Shape (requests,).
    served: Vec<Vec<Variable>>,
    /// Threads taken. Shape (cloudlets,).
    loads: Vec<Expression>,
}

impl Options {
    fn new(instance: &Instance) -> Self {
        let loads = vec![Expression::default(); instance.cloudlets.len()];
        let mut options = Self { loads, ..Self::default() };
        for (i, request) in instance.requests.iter().enumerate() {
            let graph = &instance.models[request.model as usize];
            let work: f64 = device_work(graph, request).iter().sum();
            let is_local = work / request.device.speed <= deadline_s(request);
            let mut by = Vec::new();
            let variables = &mut options.model.variables;
            options.alone.push(is_local.then(|| {
                by.push(variables.add(variable().binary()));
                variables.len() - 1
            }));
            for j in 0..instance.cloudlets.len() {
                options.add_remote(instance, i, j, &mut by);
            }
            options.served.push(by);
        }
        options
    }

    /// Adds request `i` on cloudlet `j` with every number of threads; none if the cloudlet does not run its model.
    fn add_remote(&mut self, instance: &Instance, i: usize, j: usize, by: &mut Vec<Variable>) {
        let (request, cloudlet) = (&instance.requests[i], &instance.cloudlets[j]);
        let graph = &instance.models[request.model as usize];
        let Some(work) = graph.work(cloudlet.thread.kind) else { return };
        let per_byte = 1.0 / request.uplink_bytes_per_s + instance.hops(i)[j];
        for threads in 1..=cloudlet.max_threads_per_request.min(cloudlet.threads) {
            let per_work = 1.0 / (cloudlet.thread.speed * speedup(&cloudlet.speedup, threads));
            let seconds = Seconds::new(graph, request, per_byte, (work, per_work));
            let Some(places) = seconds.places(graph) else { continue };
            let (z, is_taken, layers) = self.model.option(graph, &seconds, &places);
            self.loads[j].add_mul(f64::from(threads), z);
            by.push(z);
            self.choices.push(Choice { request: i, cloudlet: j, threads, seconds, is_taken, layers });
        }
    }
}

/// The rows of admission: a request is served once, a cloudlet has so many threads. The answer is the profit, in units of `unit`.
fn admission(
    instance: &Instance,
    served: &[Vec<Variable>],
    loads: Vec<Expression>,
    unit: f64,
    rows: &mut Vec<Constraint>,
) -> Expression {
    let mut profit = Expression::default();
    for (request, by) in instance.requests.iter().zip(served).filter(|(_, by)| !by.is_empty()) {
        let mut once = Expression::with_capacity(by.len());
        for option in by {
            once.add_mul(1.0, *option);
            profit.add_mul(request.profit / unit, *option);
        }
        rows.push(constraint!(once <= 1.0));
    }
    for (load, cloudlet) in loads.into_iter().zip(&instance.cloudlets) {
        rows.push(constraint!(load <= f64::from(cloudlet.threads)));
    }
    profit
}

/// The model as it grows.
#[derive(Default)]
struct Rows {
    variables: ProblemVariables,
    rows: Vec<Constraint>,
}

impl Rows {
    /// Adds an option's variables and rows; z comes with it.
    fn option(&mut self, model: &Model, seconds: &Seconds, places: &[Place]) -> (Variable, usize, Vec<(Place, usize)>) {
        let is_taken = self.variables.len();
        let z = self.variables.add(variable().binary());
        let mut layers = Vec::with_capacity(places.len());
        let y: Vec<Expression> = places
            .iter()
            .map(|place| {
                layers.push((*place, self.variables.len()));
                match place {
                    Place::Device => z.into(),
                    Place::Cloudlet => Expression::default(),
                    Place::Open => {
                        let y = self.variables.add(variable().binary());
                        self.rows.push(constraint!(y <= z));
                        y.into()
                    }
                }
            })
            .collect();
        let mut delay = Expression::with_capacity(3 * model.layers());
        for v in 0..model.layers() {
            // On the device, or elsewhere: z - y.
            if places[v] != Place::Cloudlet {
                delay.add_mul(DEADLINE * seconds.device[v], &y[v]);
            }
            if places[v] != Place::Device {
                delay.add_mul(DEADLINE * seconds.cloudlet[v], z);
                delay.add_mul(-DEADLINE * seconds.cloudlet[v], &y[v]);
            }
            let successors = || model.edges.iter().filter(|(from, _)| *from as usize == v).map(|(_, to)| *to as usize);
            let is_same = |u: usize| places[v] != Place::Open && places[v] == places[u];
            let is_kept = is_late(seconds.sent[v]);
            if !is_kept && places[v] != Place::Cloudlet && successors().any(|u| places[u] == Place::Cloudlet) {
                // What is on the device is sent.
                delay.add_mul(DEADLINE * seconds.sent[v], &y[v]);
            } else if !is_kept && seconds.sent[v] > 0.0 && !successors().all(is_same) {
                let t = self.variables.add(variable().min(0.0).max(1.0));
                delay.add_mul(DEADLINE * seconds.sent[v], t);
                for u in successors().filter(|u| !is_same(*u)) {
                    self.rows.push((y[v].clone() - &y[u]).leq(t));
                }
            }
            for u in successors().filter(|u| !is_same(*u)) {
                if places[v] == Place::Open && places[u] == Place::Open {
                    self.rows.push((y[u].clone() - &y[v]).leq(0.0));
                }
                if is_kept {
                    self.rows.push((y[v].clone() - &y[u]).leq(0.0));
                }
            }
        }
        self.rows.push(constraint!(delay <= DEADLINE * z));
        (z, is_taken, layers)
    }
}

impl Algorithm<Throughput> for Joint {
    fn id(&self) -> &str {
        "milp-joint"
    }

    fn about(&self) -> &str {
        "one MILP with cuts, threads and admission (small instances; bound reported by HiGHS, certified by dual prices of the assignment problem)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
        let began = Instant::now();
        let options: usize = instance.cloudlets.iter().map(|c| c.max_threads_per_request.min(c.threads) as usize).sum();
        let layers = |m: u32| instance.models[m as usize].layers();
        let sizes = || instance.requests.iter().map(|request| options.saturating_mul(1 + 2 * layers(request.model)));
        if sizes().fold(0, usize::saturating_add) > MAX_VARIABLES {
            return Answer::declined(format!("the model would have more than {MAX_VARIABLES} variables"));
        }
        let Options { model, alone, choices, served, loads } = Options::new(instance);
        // In units of the largest profit that there is a way to.
        let with_profit = instance.requests.iter().zip(&served).filter(|(_, by)| !by.is_empty());
        let unit = with_profit.map(|(request, _)| request.profit).fold(0.0, f64::max);
        let Rows { variables, mut rows } = model;
        let profit = admission(instance, &served, loads, unit, &mut rows);
        let built_s = began.elapsed().as_secs_f64();
        let certified = root::certified(&Needs::new(instance), budget, began);
        if budget.is_spent(began) {
            return highs::beside(Answer::nothing(Stop::TimeLimit), certified);
        }
        if unit == 0.0 {
            let solution = Solution { parts: vec![], service: vec![Service::Rejected; alone.len()] };
            return highs::beside(highs::bounded(Answer::found(solution, 0.0), Some(0.0)), certified);
        }
        let size = instance.requests.iter().map(|request| 1.0 + 2.0 * layers(request.model) as f64).sum();
        let read = |values: &[f64]| Some(read(instance, values, &alone, &choices));
        let program = Program::new(Throughput::SENSE, variables, profit, rows, size).scaled(unit, 0.0);
        let limits = Limits::exact(budget, began.elapsed().as_secs_f64());
        let answer = highs::answer(program, limits, built_s, None, read, |bound| whole(instance, unit * bound));
        highs::beside(answer, certified)
    }
}

/// The solution that HiGHS's values stand for. A request that would miss its deadline, as far as HiGHS's tolerances let it, is not served.
fn read(instance: &Instance, values: &[f64], alone: &[Option<usize>], choices: &[Choice]) -> (Solution, f64) {
    let is_one = |at: &usize| values[*at] > 0.5;
    let mut service: Vec<Service> =
        alone.iter().map(|a| if a.as_ref().is_some_and(is_one) { Service::Local } else { Service::Rejected }).collect();
    let mut parts = Vec::new();
    for choice in choices.iter().filter(|choice| is_one(&choice.is_taken)) {
        let model = &instance.models[instance.requests[choice.request].model as usize];
        let on_device = |(place, at): &(Place, usize)| match place {
            Place::Device => true,
            Place::Cloudlet => false,
            Place::Open => is_one(at),
        };
        let is_on_device: Vec<bool> = choice.layers.iter().map(on_device).collect();
        // Half of what is tolerated beyond the deadline is in the deadline aimed at.
        if choice.seconds.delay(model, &is_on_device) > 1.0 + 4e-10 {
            continue;
        }
        let device_layers = (0..model.layers() as u32).filter(|v| is_on_device[*v as usize]).collect();
        parts.push(Part { model: instance.requests[choice.request].model, device_layers });
        service[choice.request] =
            Service::Remote { cloudlet: choice.cloudlet as u32, threads: choice.threads, part: parts.len() as u32 - 1 };
    }
    let admitted = instance.requests.iter().zip(&service).filter(|(_, service)| **service != Service::Rejected);
    let profit = admitted.map(|(request, _)| request.profit).sum();
    (Solution { parts, service }, profit)
}
