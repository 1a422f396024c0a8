//! The price bound: one rate per server.
//!
//! ```text
//! g(r) = sum_s shortest path of flow s, placing i on m costing 2 r_m a_i + r_m^2 rho_i   -   sum_m r_m^2 F_m
//! ```
//!
//! is a bound for every r >= 0, and its maximum is the continuous relaxation
//!
//! ```text
//! min over mixtures of paths   sum of transfers + sum_m h(A_m, R_m),    h(A, R) = max over 0 <= r <= top of 2 r A - r^2 R   (A^2/R where R is not too small)
//! ```
//!
//! The mixture is found flow by flow: weight moves from a flow's worst path to its best one, by the best step; the rates
//! A_m/R_m of a mixture are prices. The best deployment found by rounding is improved by moves and exchanges.

use std::time::Instant;

use offcut_instances::jpdra::{Certificate, Instance, Jpdra, Node};
use offcut_instances::problem::{Algorithm, Answer, Budget, Stop, Trace};
use offcut_instances::random::Stream;

use super::local_search::rounded;
use super::model::Model;
use super::server_subproblem::SubproblemObjective;
use super::shortest_path::Paths;

/// The price bound and a rounded mixture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Price;

/// Paths are found in tables of bits.
use super::model::MAX_SERVERS;

/// The price bound ends when it is this close to the mixture, relative.
const CONVERGENCE_TOL: f64 = 1e-6;

/// The relaxation's outcome.
pub(super) struct Relaxed {
    pub(super) bound: f64,
    pub(super) rates: Vec<f64>,
    /// Shape (partitions, servers), flat.
    pub(super) shares: Vec<f64>,
    pub(super) rounds: u64,
}

struct Path {
    on: Vec<u32>,
    transfers: f64,
    weight: f64,
}

/// The mixture's loads: A_m and R_m.
struct Loads<'m> {
    model: &'m Model<'m>,
    roots: Vec<f64>,
    left: Vec<f64>,
    /// The largest rate of each server.
    top: Vec<f64>,
}

impl Loads<'_> {
    fn rate(&self, m: usize) -> f64 {
        rate(self.roots[m], self.left[m], self.top[m])
    }

    /// Puts a path of flow `s` on the servers, `weight` of it.
    fn put(&mut self, s: usize, on: &[u32], weight: f64) {
        for (i, m) in self.model.flows[s].clone().zip(on) {
            let m = *m as usize;
            self.roots[m] += weight * self.model.root(i, m);
            self.left[m] -= weight * self.model.load(i, m);
        }
    }
}

fn rate(roots: f64, left: f64, top: f64) -> f64 {
    if left * top > roots { roots / left } else { top }
}

fn delay(roots: f64, left: f64, top: f64) -> f64 {
    let rate = rate(roots, left, top);
    rate * (2.0 * roots - rate * left)
}

/// The continuous relaxation. None if a flow has no path at all.
pub(super) fn relaxed(model: &Model, close: f64, is_out_of_time: &dyn Fn() -> bool) -> Option<Relaxed> {
    let mut relaxation = Relaxation::new(model);
    relaxation.add_first_paths()?;
    let (mut bound, mut rates) = (0.0f64, vec![0.0; model.servers()]);
    let mut rounds = 0;
    for round in 0..20_000 {
        rounds += 1;
        let (here, at) = relaxation.bound_and_add_paths();
        if here > bound {
            (bound, rates) = (here, at);
        }
        let value = relaxation.value();
        if value - bound <= close * value || is_out_of_time() {
            break;
        }
        for _ in 0..if round < 5 { 2 } else { 8 } {
            relaxation.move_weight();
        }
        if round % 16 == 15 {
            relaxation.sum_again();
        }
    }
    Some(Relaxed { bound, rates, shares: relaxation.shares(), rounds })
}

/// A mixture of paths for each flow, with its loads and the prices of its rates.
struct Relaxation<'m> {
    model: &'m Model<'m>,
    domain: Vec<u64>,
    paths: Paths<'m>,
    /// As in `Dual`, without prices of staying.
    prices: Vec<f64>,
    loads: Loads<'m>,
    /// Paths of each flow.
    mixture: Vec<Vec<Path>>,
}

impl<'m> Relaxation<'m> {
    fn new(model: &'m Model<'m>) -> Self {
        let servers = model.servers();
        // So steep that no server is overfull in the end, and no number is lost beside another.
        let top = (0..servers).map(|m| 1e5 * model.all_roots(m) / model.slowest_like(m)).collect();
        let left = (0..servers).map(|m| model.speed(m)).collect();
        Self {
            model,
            domain: model.domain(),
            paths: Paths::new(model, SubproblemObjective::Delay),
            prices: vec![0.0; 2 * model.partitions() * servers],
            loads: Loads { model, roots: vec![0.0; servers], left, top },
            mixture: Vec::with_capacity(model.flows.len()),
        }
    }

    /// The first paths, flow by flow, each at the rates of those before; empty servers cost what the partition alone would. None if a flow has no path.
    fn add_first_paths(&mut self) -> Option<()> {
        let (model, servers) = (self.model, self.model.servers());
        for s in 0..model.flows.len() {
            let loads = &self.loads;
            for i in model.flows[s].clone() {
                for m in 0..servers {
                    let (roots, left) = (loads.roots[m] + model.root(i, m), loads.left[m] - model.load(i, m));
                    self.prices[i * servers + m] =
                        delay(roots, left, loads.top[m]) - delay(loads.roots[m], loads.left[m], loads.top[m]);
                }
            }
            let (cost, on) = self.paths.cheapest(s, &self.domain, &self.prices);
            if cost == f64::INFINITY {
                return None;
            }
            self.loads.put(s, &on, 1.0);
            self.mixture.push(vec![Path { transfers: model.transfers(s, &on), on, weight: 1.0 }]);
        }
        Some(())
    }

    /// The bound at the rates of the mixture, and these rates. The paths that are cheapest there join the mixture, without weight.
    fn bound_and_add_paths(&mut self) -> (f64, Vec<f64>) {
        let (model, servers) = (self.model, self.model.servers());
        for i in 0..model.partitions() {
            for m in 0..servers {
                let rate = self.loads.rate(m);
                self.prices[i * servers + m] = rate * (2.0 * model.root(i, m) + rate * model.load(i, m));
            }
        }
        let rates: Vec<f64> = (0..servers).map(|m| self.loads.rate(m)).collect();
        let mut bound: f64 = rates.iter().enumerate().map(|(m, rate)| -rate * rate * model.speed(m)).sum();
        for (s, mixed) in self.mixture.iter_mut().enumerate() {
            let (cost, on) = self.paths.cheapest(s, &self.domain, &self.prices);
            bound += cost;
            if mixed.iter().all(|path| path.on != on) {
                mixed.push(Path { transfers: model.transfers(s, &on), on, weight: 0.0 });
            }
        }
        (bound, rates)
    }

    /// The objective value of the mixture.
    fn value(&self) -> f64 {
        let Loads { roots, left, top, .. } = &self.loads;
        (0..roots.len()).map(|m| delay(roots[m], left[m], top[m])).sum::<f64>()
            + self.mixture.iter().flatten().map(|path| path.weight * path.transfers).sum::<f64>()
    }

    /// Moves weight, once in every flow.
    fn move_weight(&mut self) {
        for (s, mixed) in self.mixture.iter_mut().enumerate() {
            shift(self.model, &mut self.loads, s, mixed);
        }
    }

    /// Forgets paths without weight, and sums the loads anew: the many small steps leave roundings behind.
    fn sum_again(&mut self) {
        let model = self.model;
        self.mixture.iter_mut().for_each(|mixed| mixed.retain(|path| path.weight > 0.0));
        self.loads.roots.fill(0.0);
        self.loads.left = (0..model.servers()).map(|m| model.speed(m)).collect();
        for (s, mixed) in self.mixture.iter().enumerate() {
            mixed.iter().for_each(|path| self.loads.put(s, &path.on, path.weight));
        }
    }

    /// How much of every partition is on every server. Shape (partitions, servers), flat.
    fn shares(&self) -> Vec<f64> {
        let (model, servers) = (self.model, self.model.servers());
        let mut shares = vec![0.0; model.partitions() * servers];
        for (s, mixed) in self.mixture.iter().enumerate() {
            for path in mixed {
                let assignments = model.flows[s].clone().zip(&path.on);
                assignments.for_each(|(i, m)| shares[i * servers + *m as usize] += path.weight);
            }
        }
        shares
    }
}

/// Moves weight from the flow's worst path to its best one, as much as the objective wants.
fn shift(model: &Model, loads: &mut Loads, s: usize, mixed: &mut [Path]) {
    let cost = |path: &Path, loads: &Loads| -> f64 {
        let place = |(i, m): (usize, &u32)| {
            let m = *m as usize;
            let rate = loads.rate(m);
            rate * (2.0 * model.root(i, m) + rate * model.load(i, m))
        };
        path.transfers + model.flows[s].clone().zip(&path.on).map(place).sum::<f64>()
    };
    let costs: Vec<f64> = mixed.iter().map(|path| cost(path, loads)).collect();
    let best = (0..mixed.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).expect("a path");
    let weighted = (0..mixed.len()).filter(|at| mixed[*at].weight > 0.0);
    let worst = weighted.max_by(|a, b| costs[*a].total_cmp(&costs[*b])).expect("a path with weight");
    if costs[worst] <= costs[best] {
        return;
    }
    // What a unit of weight moves on every server.
    let mut moved: Vec<(usize, f64, f64)> = Vec::new();
    for (at, sign) in [(best, 1.0), (worst, -1.0)] {
        for (i, m) in model.flows[s].clone().zip(&mixed[at].on) {
            let on = *m as usize;
            let (roots, load) = (sign * model.root(i, on), sign * model.load(i, on));
            match moved.iter_mut().find(|(known, ..)| *known == *m as usize) {
                Some((_, a, b)) => (*a, *b) = (*a + roots, *b + load),
                None => moved.push((*m as usize, roots, load)),
            }
        }
    }
    let transfers = mixed[best].transfers - mixed[worst].transfers;
    let slope = |length: f64| {
        let of = |(m, roots, load): &(usize, f64, f64)| {
            let rate = rate(loads.roots[*m] + length * roots, loads.left[*m] - length * load, loads.top[*m]);
            rate * (2.0 * roots + rate * load)
        };
        transfers + moved.iter().map(of).sum::<f64>()
    };
    let most = mixed[worst].weight;
    let mut length = most;
    if slope(most) > 0.0 {
        let (mut low, mut high) = (0.0, most);
        while high - low > 1e-13 * most {
            let middle = low + (high - low) / 2.0;
            if slope(middle) > 0.0 {
                high = middle
            } else {
                low = middle
            }
            if middle == low && middle == high {
                break;
            }
        }
        length = low;
    }
    mixed[best].weight += length;
    mixed[worst].weight -= length;
    let (to, from) = (mixed[best].on.clone(), mixed[worst].on.clone());
    loads.put(s, &to, length);
    loads.put(s, &from, -length);
}

impl Algorithm<Jpdra> for Price {
    fn id(&self) -> &str {
        "price"
    }

    fn about(&self) -> &str {
        "best rates of servers: the continuous relaxation (certified), its solution rounded and improved"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let is_out_of_time = || budget.is_spent(began);
        let model = Model::new(instance);
        if model.servers() > MAX_SERVERS {
            return Answer::declined(format!("takes at most {MAX_SERVERS} servers"));
        }
        if (0..model.partitions()).any(|i| (0..model.servers()).any(|m| model.is_full(i, m))) {
            return Answer::declined(
                "a partition takes a server up to less than a rounding: rates do not tell whether it fits",
            );
        }
        let Some(Relaxed { bound, rates, shares, rounds }) = relaxed(&model, CONVERGENCE_TOL, &is_out_of_time) else {
            // Some flow has no path: any prices prove it.
            let nodes = vec![Node::Marginal { rates: vec![0.0; model.servers()] }];
            return Answer::nothing(Stop::Infeasible).certified(0.0, Certificate { prices: Vec::new(), nodes });
        };
        let mut stream = Stream::new(&["jpdra", "price"], budget.seed);
        let best = rounded(&model, &shares, &mut stream, &is_out_of_time);
        let stop = if is_out_of_time() { Stop::TimeLimit } else { Stop::Completed };
        let answer = model.answer(stop, best.as_ref());
        let certificate = Certificate { prices: Vec::new(), nodes: vec![Node::Marginal { rates }] };
        // Roundings are relative to what is added up, not to what is left: r^2 F may be far above the bound.
        let value = (bound - 1e-13 * bound.abs()).max(0.0) * (1.0 - 1e-11);
        answer.certified(value, certificate).traced(Trace::counting([("price rounds", rounds)]))
    }
}
