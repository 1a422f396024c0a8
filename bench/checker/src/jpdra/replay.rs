//! Replays a certificate: a tree of splits with prices or rates at its leaves.
//!
//! Let a = sqrt(lambda w / Lambda) and rho = lambda w. The least weighted delay of a set X on server m is A^2/R with A = sum a and R = F - sum
//! rho (Kleinrock); with whole units it is what Fox's marginal allocation gives. For prices p, q of either sign ([`Prices`]) a lower bound of the objective is the
//! sum of two independent minima: the flows' (shortest paths over servers that pay the prices) and the servers' (best sets X that earn them). Shortest
//! paths are dynamic programs whose sums are rounded down. A server's minimum is bounded by a branch and bound of the checker's own (module
//! [`super::server_subproblem`]). Without the delays, the same with `r (rho(X) - F) <= 0` proves that a leaf has no solution.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` admits.
//!
//! 1. *Prices* p, q may be any numbers: flows pay and servers earn the same ones, so they cancel for every solution. The checker takes both sums from the
//!    same normalised copy. Prices of pairs that a leaf excludes are used by neither side.
//! 2. *Rates* are 0 or above, in marginal leaves and in the checker's own search: `(A - r R)^2 >= 0` holds for every r, and a capacity's rate must
//!    not be negative. The search's quotients (where curves meet, where one is highest) only choose the next r, which is kept within [0, 1e60]; one
//!    that is not a number ends the search with the best bound so far.
//! 3. *Sets.* A decision that the search fixes (a partition left out or taken) is bounded first, and that bound counts. The cost of the best known set
//!    only decides when a search ends; its result is the least bound of all open nodes.
//! 4. *Leaf without solutions.* Without the delays every solution costs exactly 0, so a sum above 0, rounded down, proves that there is none. -0.0 and 0
//!    are not above 0.
//! 5. *Tree.* A partition's server is in a split's set or not, so every solution is in a leaf. Delays are not negative, so neither is the least bound over
//!    the leaves.
//!
//! A partition that does not fit a server alone is excluded from it first. Bounds keep whole units where servers have at most
//! 4096 of them; beyond that the continuous bound is used, which is lower.
//!
//! **Steps** (see [`Budget`]). A look at all of an instance covers every pair of a partition and two servers (shortest paths), and bounds every server's
//! minimum at as many rates as a search may take. The quick bound of a leaf takes no more than that: what the splits above it leave is kept up to
//! date on the way down and up. Where leaves are bounded again, the least first, only the splits above that excluded something are visited;
//! they are fewer than the pairs of partitions and servers. Close searches are limited node by node for each server ([`max_nodes`]), and all of them by the
//! budget. Servers' minima that leaves share are cached up to [`MAX_KEPT`] bytes.

use std::collections::HashMap;

use offcut_instances::jpdra::{Allocation, Certificate, Instance, Node, Prices};

use super::evaluate::weights;
#[cfg(doc)]
use super::server_subproblem::max_nodes;
use super::server_subproblem::{Capacity, MAX_RATES, PartitionTerms, Search, State, SubproblemObjective, tangent};
use crate::budget::{Budget, MAX_KEPT};
use crate::expansion::Expansion;
use crate::interval::{Interval, add_down_or_infinite, minus, product, sum};
use crate::tree::{Flaw, Tree, Walker};
use crate::verdict::Violation;

/// Servers with more units than this are bounded as if speeds were shared continuously.
const MAX_UNITS: u64 = 4096;

/// The steps that the replay of `certificate` may take.
pub(super) fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
    let rows = |rows: &[Vec<f64>]| rows.iter().map(|row| row.len() as u64).sum::<u64>();
    let of_prices = |prices: &Prices| rows(&prices.place) + rows(&prices.stay);
    let of_node = |node: &Node| match node {
        Node::Marginal { rates } => rates.len() as u64,
        Node::Priced { .. } | Node::Empty { .. } => 1,
        Node::Split { servers, .. } => 4 + servers.len() as u64,
    };
    let numbers =
        certificate.prices.iter().map(of_prices).sum::<u64>() + certificate.nodes.iter().map(of_node).sum::<u64>();
    let (items, servers) = (instance.partitions() as u64, instance.servers.len() as u64);
    let units = match instance.allocation {
        Allocation::Continuous => 0,
        Allocation::Units { macs_per_s } => (0..instance.servers.len())
            .map(|m| instance.units(m, macs_per_s))
            .filter(|most| *most <= MAX_UNITS)
            .max()
            .unwrap_or(0),
    };
    let look = (items + 1)
        .saturating_mul(servers)
        .saturating_mul(servers.saturating_add((MAX_RATES as u64 + 1) * (4 + units)));
    Budget::of(numbers, look)
}

/// How much search bounds the servers' minima.
#[derive(Clone, Copy)]
pub(super) enum SearchEffort<'a> {
    /// The bound at the best rate.
    Quick,
    /// Or, if it is larger, the minimum over what any leaf with the same prices allows: computed once for all of them.
    Shared(&'a [Vec<bool>]),
    /// The minimum itself, within the node limit.
    Close,
}

/// The replay of a certificate.
pub(super) struct Replay<'a> {
    instance: &'a Instance,
    certificate: &'a Certificate,
    weights: Vec<Interval>,
    /// The partitions, for each kind of server. Shape (kinds of servers, partitions).
    items: Vec<Vec<PartitionTerms>>,
    /// The kind of each server, as an index into `items`. Shape (servers,).
    kind_of: Vec<usize>,
    /// Where each flow's items begin.
    first: Vec<usize>,
    capacities: Vec<Capacity>,
    /// Servers' minima computed so far, and the bytes of their keys and values.
    cache: HashMap<SubproblemKey, f64>,
    cache_bytes: usize,
    budget: &'a Budget,
}

/// The key of a server's minimum: prices, subproblem objective, whether closely, server, states of the partitions.
type SubproblemKey = (u32, SubproblemObjective, bool, usize, Vec<State>);

impl<'a> Replay<'a> {
    pub(super) fn new(instance: &'a Instance, certificate: &'a Certificate, budget: &'a Budget) -> Self {
        let weights = weights(instance);
        let unit = match instance.allocation {
            Allocation::Continuous => None,
            Allocation::Units { macs_per_s } => Some(macs_per_s),
        };
        let units = |m: usize| unit.map(|unit| instance.units(m, unit));
        let servers = 0..instance.servers.len();
        let most = servers.clone().filter_map(units).max().filter(|most| *most <= MAX_UNITS);
        let capacities = servers
            .map(|m| match (units(m), most) {
                (Some(units), Some(_)) => Capacity::Units(units),
                _ => Capacity::Speed(instance.servers[m].machine.speed),
            })
            .collect();
        let term = |s: usize, n: usize, kind: Option<u32>| {
            let (rate_per_s, work) = (instance.flows[s].rate_per_s, instance.work(s, n, kind));
            let (load, work) = (product(rate_per_s, work), Interval::point(work));
            let mut item =
                PartitionTerms { flow: s, root: (weights[s] * work).sqrt(), load, delays: Vec::new(), first: 1 };
            if let (Some(unit), Some(most)) = (unit, most) {
                let left = |k: u64| left(k, unit, rate_per_s, work.low());
                item.first = (1..=most).find(|k| left(*k).high() > 0.0).unwrap_or(most + 1);
                // A denominator that may be 0 is taken at its upper end: the delay from below.
                let delay = |k: u64| ((weights[s] * work).low() / left(k).high()).next_down();
                item.delays = (item.first..=most).map(delay).collect();
            }
            item
        };
        let (kinds, kind_of) = instance.server_kinds();
        let shape =
            || instance.flows.iter().enumerate().flat_map(|(s, flow)| (0..flow.partitions.len()).map(move |n| (s, n)));
        let items = kinds.iter().map(|kind| shape().map(|(s, n)| term(s, n, *kind)).collect()).collect();
        let lengths = instance.flows.iter().scan(0, |before, flow| {
            let first = *before;
            *before += flow.partitions.len();
            Some(first)
        });
        let (first, cache, cache_bytes) = (lengths.collect(), HashMap::new(), 0);
        Self { instance, certificate, weights, items, kind_of, first, capacities, cache, cache_bytes, budget }
    }

    /// The partitions as server `m` runs them. Shape (partitions,).
    fn items_on(&self, m: usize) -> &[PartitionTerms] {
        &self.items[self.kind_of[m]]
    }

    fn partitions(&self) -> usize {
        self.items[0].len()
    }

    /// The least bound of the leaves; infinite if none has a solution.
    pub(super) fn bound(&mut self) -> Result<f64, Violation> {
        let certificate = self.certificate;
        for (at, prices) in certificate.prices.iter().enumerate() {
            if !self.has_shape(prices) {
                let what = "prices are numbers, one per partition and server";
                return Err(Violation::new(what, format!("prices[{at}]"), 1.0, "entry"));
            }
        }
        let tree = Tree::new(&certificate.nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(""))?;
        // First a quick bound of every leaf. Then the least ones are searched closely, until no other leaf can lower the bound.
        let mut walk = Walk::new(self);
        tree.walk(&mut walk)?;
        let Walk { leaves: mut open, decisions, unions, .. } = walk;
        open.sort_by(|a, b| a.low.total_cmp(&b.low).then(a.node.cmp(&b.node)));
        let mut least = f64::INFINITY;
        for LeafBound { mut low, node, decision } in open {
            if low >= least {
                break;
            }
            if let Node::Priced { prices } = &certificate.nodes[node] {
                let allowed = self.allowed(&decisions, decision)?;
                for effort in [SearchEffort::Shared(&unions[prices]), SearchEffort::Close] {
                    if low < least {
                        low = low.max(self.priced(*prices, SubproblemObjective::Delay, &allowed, effort)?);
                    }
                }
            }
            least = least.min(low);
        }
        // Delays are above 0, whatever the prices are.
        Ok(least.max(0.0))
    }

    /// The children of a split, `None` for a leaf; or the constraint that the node breaks.
    fn children(&self, node: &Node) -> Result<Option<[u32; 2]>, &'static str> {
        match node {
            Node::Split { flow, partition, servers, inside, outside } => {
                let flow = self.instance.flows.get(*flow as usize);
                let is_there = flow.is_some_and(|flow| (*partition as usize) < flow.partitions.len());
                let is_ascending = servers.windows(2).all(|pair| pair[0] < pair[1]);
                let exist = servers.iter().all(|m| (*m as usize) < self.instance.servers.len());
                if !is_there || !is_ascending || !exist {
                    return Err("a split names a partition and servers, ascending");
                }
                return Ok(Some([*inside, *outside]));
            }
            Node::Marginal { rates } => {
                if rates.len() != self.instance.servers.len() {
                    return Err("a leaf has a rate >= 0 for every server");
                }
            }
            Node::Priced { prices } | Node::Empty { prices } => {
                if *prices as usize >= self.certificate.prices.len() {
                    return Err("a leaf refers to prices that are there");
                }
            }
        }
        Ok(None)
    }

    fn has_shape(&self, prices: &Prices) -> bool {
        let servers = self.instance.servers.len();
        let flow = |i: usize| self.items[0][i].flow;
        let is_first = |i: usize| i == 0 || flow(i) != flow(i - 1);
        let place = prices.place.len() == self.partitions() && prices.place.iter().all(|row| row.len() == servers);
        let fits = |(i, row): (usize, &Vec<f64>)| row.len() == if is_first(i) { 0 } else { servers };
        let stay = prices.stay.is_empty()
            || prices.stay.len() == self.partitions() && prices.stay.iter().enumerate().all(fits);
        place && stay
    }

    /// Which servers a partition fits at all. Shape (partitions, servers).
    fn fits(&self) -> Vec<Vec<bool>> {
        let fits = |i: usize, m: usize| match self.capacities[m] {
            Capacity::Speed(speed) => self.items_on(m)[i].load.low() < speed,
            Capacity::Units(units) => self.items_on(m)[i].first <= units,
        };
        (0..self.partitions()).map(|i| (0..self.instance.servers.len()).map(|m| fits(i, m)).collect()).collect()
    }

    /// The servers that a decision and those before it leave to every partition. Shape (partitions, servers).
    fn allowed(&self, decisions: &[Decision], mut decision: Option<u32>) -> Result<Vec<Vec<bool>>, Violation> {
        let mut allowed = self.fits();
        let servers = self.instance.servers.len();
        self.budget.spend((self.partitions() * servers) as u64)?;
        while let Some(at) = decision {
            let Decision { split, is_inside, before } = decisions[at as usize];
            let (item, named) = self.split(split);
            self.budget.spend((servers + named.len()) as u64)?;
            remove_servers(&mut allowed[item], named, is_inside, |_| ());
            decision = before;
        }
        Ok(allowed)
    }

    /// The partition that a split branches on, and the servers that it names.
    fn split<'b>(&self, split: &'b Node) -> (usize, &'b [u32]) {
        let Node::Split { flow, partition, servers, .. } = split else { unreachable!("only splits have children") };
        (self.first[*flow as usize] + *partition as usize, servers)
    }

    /// The sum of all flows' shortest paths, rounded down. `place` is the price of running a partition on a server, `stay` that of staying there. Infinite if
    /// a flow has no path.
    fn paths(
        &self,
        objective: SubproblemObjective,
        allowed: &[Vec<bool>],
        place: impl Fn(usize, usize) -> f64,
        stay: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let servers = self.instance.servers.len();
        let mut total = 0.0;
        for (s, flow) in self.instance.flows.iter().enumerate() {
            let hop = |bytes: f64, speed: f64| match objective {
                _ if speed <= 0.0 => f64::INFINITY,
                SubproblemObjective::Feasibility => 0.0,
                SubproblemObjective::Delay => {
                    (self.weights[s] * (Interval::point(bytes) / Interval::point(speed))).low()
                }
            };
            let mut reach: Vec<f64> = (0..servers).map(|m| hop(flow.input_bytes, flow.uplink_bytes_per_s[m])).collect();
            for n in 0..flow.partitions.len() {
                let i = self.first[s] + n;
                if n > 0 {
                    let bytes = flow.partitions[n - 1].out_bytes;
                    let arrive = |to: usize| {
                        let from = |from: usize| {
                            if reach[from] == f64::INFINITY {
                                return f64::INFINITY;
                            }
                            let step = if from == to {
                                stay(i, to)
                            } else {
                                hop(bytes, self.instance.link_bytes_per_s[from][to])
                            };
                            add_down_or_infinite(reach[from], step)
                        };
                        (0..servers).map(from).fold(f64::INFINITY, f64::min)
                    };
                    reach = (0..servers).map(arrive).collect();
                }
                for (m, reach) in reach.iter_mut().enumerate() {
                    *reach = if allowed[i][m] { add_down_or_infinite(*reach, place(i, m)) } else { f64::INFINITY };
                }
            }
            if let Some(bytes) = flow.result_bytes {
                for (m, reach) in reach.iter_mut().enumerate() {
                    *reach = add_down_or_infinite(*reach, hop(bytes, flow.downlink_bytes_per_s[m]));
                }
            }
            total = add_down_or_infinite(total, reach.into_iter().fold(f64::INFINITY, f64::min));
        }
        total
    }

    /// The bound of a leaf with rates, rounded down.
    fn marginal(&self, rates: &[f64], allowed: &[Vec<bool>]) -> f64 {
        let place = |i: usize, m: usize| tangent(&self.items_on(m)[i], Interval::point(rates[m])).low();
        let paths = self.paths(SubproblemObjective::Delay, allowed, place, |_, _| 0.0);
        let speed = |(server, rate): (&offcut_instances::jpdra::Server, &f64)| {
            let rate = Interval::point(*rate);
            rate * rate * Interval::point(server.machine.speed)
        };
        add_down_or_infinite(paths, -sum(self.instance.servers.iter().zip(rates).map(speed)).high())
    }

    /// The bound of a leaf with prices, rounded down; infinite if it has no solution.
    pub(super) fn priced(
        &mut self,
        index: u32,
        objective: SubproblemObjective,
        allowed: &[Vec<bool>],
        effort: SearchEffort,
    ) -> Result<f64, Violation> {
        let certificate = self.certificate;
        let prices = &certificate.prices[index as usize];
        let stays = |i: usize, m: usize| if prices.stay.is_empty() { 0.0 } else { prices.stay[i][m] };
        self.spend_on_paths()?;
        let mut total = self.paths(objective, allowed, |i, m| prices.place[i][m], stays);
        for m in 0..self.instance.servers.len() {
            let least = match effort {
                SearchEffort::Quick => self.server(index, objective, m, allowed, false)?,
                SearchEffort::Close => self.server(index, objective, m, allowed, true)?,
                // A minimum over more sets is not larger.
                SearchEffort::Shared(union) => self
                    .server(index, objective, m, allowed, false)?
                    .max(self.server(index, objective, m, union, true)?),
            };
            total = add_down_or_infinite(total, least);
        }
        Ok(total)
    }

    /// The steps of [`Self::paths`]: every partition, every two servers.
    fn spend_on_paths(&self) -> Result<(), Violation> {
        let servers = self.instance.servers.len() as u64;
        self.budget.spend(self.partitions() as u64 * servers * (servers + 2))
    }

    /// A server's minimum, or a quick bound of it.
    fn server(
        &mut self,
        index: u32,
        objective: SubproblemObjective,
        m: usize,
        allowed: &[Vec<bool>],
        is_close: bool,
    ) -> Result<f64, Violation> {
        self.budget.spend((self.partitions() * self.instance.servers.len()) as u64)?;
        let state = |row: &Vec<bool>| match (row[m], row.iter().filter(|allowed| **allowed).count()) {
            (false, _) => State::Out,
            (true, 1) => State::In,
            (true, _) => State::Free,
        };
        let key = (index, objective, is_close, m, allowed.iter().map(state).collect::<Vec<_>>());
        if let Some(least) = self.cache.get(&key) {
            return Ok(*least);
        }
        let prices = &self.certificate.prices[index as usize];
        let search =
            Search::new(self.items_on(m), self.capacities[m], prices, objective, m, &key.4).within(self.budget);
        let least = if is_close { search.least() } else { search.quick() };
        // A search that the budget ended has a weaker bound, which is not used.
        self.budget.spend(0)?;
        let bytes = size_of::<SubproblemKey>() + size_of::<f64>() + key.4.len();
        if self.cache_bytes + bytes > MAX_KEPT {
            self.cache.clear();
            self.cache_bytes = 0;
        }
        self.cache_bytes += bytes;
        self.cache.insert(key, least);
        Ok(least)
    }
}

/// What `k` units of this size leave beside the load `rate_per_s work`, cut to 0; without rounding where the two products nearly cancel.
fn left(k: u64, unit: f64, rate_per_s: f64, work: f64) -> Interval {
    /// Wider intervals are computed again, relative.
    const WIDE: f64 = 1e-14;
    let k = k as f64;
    let rounded = minus(product(k, unit), product(rate_per_s, work));
    if rounded.high() - rounded.low() <= WIDE * rounded.low() {
        return rounded;
    }
    let exact = Expansion::product(k, unit).zip(Expansion::product(rate_per_s, work));
    exact.and_then(|(speed, load)| speed.minus(&load)).map_or(rounded, |left| left.enclosed())
}

/// Removes servers that a split excludes for a partition: inside those that it does not name, outside those that it names.
fn remove_servers(row: &mut [bool], named: &[u32], is_inside: bool, mut tell: impl FnMut(usize)) {
    let mut named = named.iter().copied().peekable();
    for (m, allowed) in row.iter_mut().enumerate() {
        let is_named = named.next_if_eq(&(m as u32)).is_some();
        if *allowed && is_named != is_inside {
            *allowed = false;
            tell(m);
        }
    }
}

/// A branching decision on the path to a leaf that excludes something.
struct Decision<'a> {
    split: &'a Node,
    is_inside: bool,
    /// The last one above.
    before: Option<u32>,
}

/// A leaf with its quick bound.
struct LeafBound {
    low: f64,
    node: usize,
    /// The last decision above it.
    decision: Option<u32>,
}

/// The walk through the tree, with a quick bound of every leaf.
struct Walk<'a, 'b> {
    replay: &'b mut Replay<'a>,
    /// The servers that the decisions above leave to every partition. Shape (partitions, servers).
    allowed: Vec<Vec<bool>>,
    /// The number of servers that every partition has left, and the number of partitions without one.
    left: Vec<usize>,
    without: usize,
    /// The pairs (partition, server) excluded so far, in order. Before each split: how many there were, and the last decision.
    excluded: Vec<(u32, u32)>,
    before: Vec<(usize, Option<u32>)>,
    /// All decisions that excluded something, and the last one above this node.
    decisions: Vec<Decision<'a>>,
    decision: Option<u32>,
    leaves: Vec<LeafBound>,
    /// By prices, what any leaf with these prices allows.
    unions: HashMap<u32, Vec<Vec<bool>>>,
}

impl<'a, 'b> Walk<'a, 'b> {
    fn new(replay: &'b mut Replay<'a>) -> Self {
        let allowed = replay.fits();
        let left: Vec<usize> = allowed.iter().map(|row| row.iter().filter(|allowed| **allowed).count()).collect();
        Self {
            replay,
            allowed,
            without: left.iter().filter(|left| **left == 0).count(),
            left,
            excluded: Vec::new(),
            before: Vec::new(),
            decisions: Vec::new(),
            decision: None,
            leaves: Vec::new(),
            unions: HashMap::new(),
        }
    }

    /// Adds what this leaf allows to what leaves with the same prices allow.
    fn unite(&mut self, prices: u32) {
        match self.unions.get_mut(&prices) {
            None => {
                self.unions.insert(prices, self.allowed.clone());
            }
            Some(union) => {
                let both = union.iter_mut().flatten().zip(self.allowed.iter().flatten());
                both.for_each(|(union, allowed)| *union |= allowed);
            }
        }
    }
}

impl<'a> Walker<'a, Node> for Walk<'a, '_> {
    fn down(&mut self, split: &'a Node, is_inside: bool) -> Result<(), Violation> {
        let (i, named) = self.replay.split(split);
        self.replay.budget.spend((self.allowed[i].len() + named.len()) as u64)?;
        self.before.push((self.excluded.len(), self.decision));
        let (had, excluded) = (self.left[i], self.excluded.len());
        remove_servers(&mut self.allowed[i], named, is_inside, |m| self.excluded.push((i as u32, m as u32)));
        self.left[i] -= self.excluded.len() - excluded;
        self.without += usize::from(had > 0 && self.left[i] == 0);
        if self.excluded.len() > excluded {
            self.decisions.push(Decision { split, is_inside, before: self.decision });
            self.decision = Some(self.decisions.len() as u32 - 1);
        }
        Ok(())
    }

    fn up(&mut self) {
        let (excluded, decision) = self.before.pop().expect("down comes before up");
        for (i, m) in self.excluded.drain(excluded..) {
            let i = i as usize;
            self.without -= usize::from(self.left[i] == 0);
            self.left[i] += 1;
            self.allowed[i][m as usize] = true;
        }
        self.decision = decision;
    }

    fn leaf(&mut self, node: usize, leaf: &'a Node) -> Result<(), Violation> {
        if self.without > 0 {
            return Ok(());
        }
        let (replay, allowed) = (&mut *self.replay, &self.allowed);
        let low = match leaf {
            Node::Marginal { rates } => {
                replay.spend_on_paths()?;
                replay.marginal(rates, allowed)
            }
            Node::Priced { prices } => {
                let low = replay.priced(*prices, SubproblemObjective::Delay, allowed, SearchEffort::Quick)?;
                self.unite(*prices);
                low
            }
            Node::Empty { prices } => {
                for effort in [SearchEffort::Quick, SearchEffort::Close] {
                    if replay.priced(*prices, SubproblemObjective::Feasibility, allowed, effort)? > 0.0 {
                        return Ok(());
                    }
                }
                let what = "prices prove that a leaf has no solution";
                return Err(Flaw { node, what }.violation(""));
            }
            Node::Split { .. } => unreachable!("leaves only"),
        };
        self.leaves.push(LeafBound { low, node, decision: self.decision });
        Ok(())
    }
}
