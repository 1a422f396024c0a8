//! The subproblem of one flow: the shortest path through the layered graph of servers at given prices, by dynamic programming over partitions.

use super::model::Model;
use super::server_subproblem::SubproblemObjective;

/// Shortest paths, with buffers kept from call to call.
pub(super) struct Paths<'m> {
    model: &'m Model<'m>,
    objective: SubproblemObjective,
    /// Cost of reaching a server with a partition. Shape (partitions, servers), flat.
    forwards: Vec<f64>,
    /// Cost of what is left after a partition ran on a server. Shape (partitions, servers), flat.
    backwards: Vec<f64>,
}

impl<'m> Paths<'m> {
    pub(super) fn new(model: &'m Model<'m>, objective: SubproblemObjective) -> Self {
        let size = model.partitions() * model.servers();
        Self { model, objective, forwards: vec![0.0; size], backwards: vec![0.0; size] }
    }

    fn transfer(&self, cost: f64) -> f64 {
        if self.objective == SubproblemObjective::Feasibility && cost < f64::INFINITY { 0.0 } else { cost }
    }

    /// The cost of the transfer after partition `i`, with the price of staying.
    fn step(&self, i: usize, from: usize, to: usize, prices: &[f64]) -> f64 {
        if from == to {
            let (servers, partitions) = (self.model.servers(), self.model.partitions());
            return prices[(partitions + i + 1) * servers + to];
        }
        self.transfer(self.model.hop(i, from, to))
    }

    /// The cheapest path of flow `s`: its cost with prices, and its servers; an infinite cost if there is none.
    pub(super) fn cheapest(&mut self, s: usize, domain: &[u64], prices: &[f64]) -> (f64, Vec<u32>) {
        let servers = self.model.servers();
        let range = self.model.flows[s].clone();
        for i in range.clone() {
            for to in 0..servers {
                let cost = if domain[i] >> to & 1 == 0 {
                    f64::INFINITY
                } else if i == range.start {
                    self.transfer(self.model.enter(s)[to])
                } else {
                    let reached = &self.forwards[(i - 1) * servers..];
                    let costs = (0..servers).filter(|from| domain[i - 1] >> from & 1 == 1);
                    costs.map(|from| reached[from] + self.step(i - 1, from, to, prices)).fold(f64::INFINITY, f64::min)
                };
                self.forwards[i * servers + to] = cost + prices[i * servers + to];
            }
        }
        let last = range.end - 1;
        let end = |m: usize| self.forwards[last * servers + m] + self.transfer(self.model.leave(s)[m]);
        let mut at = (0..servers).min_by(|a, b| end(*a).total_cmp(&end(*b))).expect("there are servers");
        let cost = end(at);
        if cost == f64::INFINITY {
            return (cost, Vec::new());
        }
        let mut path = vec![at as u32; range.len()];
        for i in range.clone().rev().skip(1) {
            let reached = &self.forwards[i * servers..];
            let cost = |from: usize| reached[from] + self.step(i, from, at, prices);
            at = (0..servers).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).expect("there are servers");
            path[i - range.start] = at as u32;
        }
        (cost, path)
    }

    /// The cost of the cheapest path of flow `s` through every server at every partition; shape (partitions of the flow, servers).
    pub(super) fn through(&mut self, s: usize, domain: &[u64], prices: &[f64]) -> Vec<f64> {
        let servers = self.model.servers();
        self.cheapest(s, domain, prices);
        let range = self.model.flows[s].clone();
        for i in range.clone().rev() {
            for from in 0..servers {
                self.backwards[i * servers + from] = if i + 1 == range.end {
                    self.transfer(self.model.leave(s)[from])
                } else {
                    let rest = &self.backwards[(i + 1) * servers..];
                    let onward = (0..servers)
                        .filter(|to| domain[i + 1] >> to & 1 == 1)
                        .map(|to| self.step(i, from, to, prices) + prices[(i + 1) * servers + to] + rest[to]);
                    onward.fold(f64::INFINITY, f64::min)
                };
            }
        }
        let part = range.start * servers..range.end * servers;
        self.forwards[part.clone()].iter().zip(&self.backwards[part]).map(|(a, b)| a + b).collect()
    }
}
