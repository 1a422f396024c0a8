//! Judging `jpdra`, straight from the definition.
//!
//! ```text
//! T_s = input_bytes/uplink + sum_n w_sn / (f_sn - lambda_s w_sn) + sum out_bytes/link between different servers + result_bytes/downlink
//! objective = sum_s lambda_s T_s / Lambda
//! ```
//!
//! Constraints: `shape`, `indices exist`, `a speed is a number`, `speeds of the kind the instance asks for`, `a way exists`, `stability`
//! (f > lambda w, for certain), `speeds within capacity`. A sum of speeds that exceeds its capacity by at most 1e-9, relative, is scaled back into it
//! (module `capacity`), and the objective is that of the scaled speeds; a larger excess is a violation. (On a server that is nearly full, the
//! difference can be all of the delay, and scaled speeds may not be stable.) Whole units are added up exactly and never scaled.
//!
//! **Bounds.** With a = sqrt(lambda w / Lambda) and rho = lambda w, the least weighted delay of a set X on server m is A^2/R, A = sum a, R = F - sum
//! rho (Kleinrock), or with whole units what Fox's marginal allocation gives. For prices p, q of any sign ([`Prices`]) no solution is
//! worth less than what flows (shortest paths over servers) and servers (best sets X) make of it apart. Flows are dynamic programs, their sums
//! rounded down. A server's minimum is found here by a branch and bound of its own, on
//!
//! ```text
//! A^2/R >= 2 r A - r^2 R        for every r >= 0: linear in X, so chains of partitions are dynamic programs with two states
//! units:  sum c_i(k_i)  >= sum min_k (c_i(k) + r k) - r K,  c_i(k) = a_i^2 / (k unit - rho_i)
//! ```
//!
//! and whatever the search does, the least of the bounds it ends with, each rounded down, is a bound: a search that was cut short, or took a
//! poor r, is weaker and not wrong. Roots are rounded outwards ([`Interval::sqrt`]). Delays left out, the same with `r (rho(X) - F) <= 0`
//! proves that a leaf has no solution.
//!
//! **Why every certificate that parses proves a bound**, or is rejected. Its numbers are those that `crate::number` lets in.
//!
//! 1. *Prices* p, q may be any numbers: flows pay and servers earn the same ones, so they cancel for every solution. The checker takes both sums from the
//!    same normalised copy. Prices of pairs that a leaf rules out are not used by either side.
//! 2. *Rates* are 0 or above, in marginal leaves and in the checker's own search: `(A - r R)^2 >= 0` holds for every r, and a capacity's rate must
//!    not be negative. The search's quotients (where curves meet, where one is highest) only choose the next r, which is kept within [0, 1e60]; one
//!    that is not a number ends the search with the best bound so far.
//! 3. *Sets.* A set that is decided to be left out or taken on the way is bounded first, and that bound counts. What the best known set costs decides only
//!    when a search ends; what it ends with is the least bound of all that is left.
//! 4. *Leaf without solutions.* With delays left out every solution costs exactly 0, so a sum that is above 0, rounded down, has none. -0.0 and 0 are not
//!    above 0.
//! 5. *Tree.* A partition's server is in a split's set or not: every solution is in a leaf. Delays are not negative, so neither is the least over leaves.
//!
//! A partition that does not fit a server alone is taken off it before anything else. Units are kept in bounds where servers have at most
//! 4096 of them; beyond that the continuous bound stands in, which is below.
//!
//! **Steps** (see [`Budget`]). A look at all of an instance goes over every pair of a partition and two servers (shortest paths), and bounds every server's
//! minimum at so many rates as a search may take. A leaf takes no more than that for its quick bound: what the splits above it leave is kept up to
//! date on the way down and up. Where leaves are looked at once more, the least first, only those splits above are gone over that took something away,
//! which are fewer than there are pairs of partitions and servers. Closer searches are limited node by node for each server ([`most_nodes`]), and all of them by the
//! budget. Servers' minima that leaves share are kept up to [`MAX_KEPT`] bytes.

use std::collections::{BinaryHeap, HashMap};

use offcut_instances::jpdra::{Allocation, Certificate, Instance, Jpdra, Node, Prices, Solution, Speeds};

use crate::budget::MAX_KEPT;
use crate::capacity::{Excess, Scale};
use crate::interval::{add_down, minus, product, sum};
use crate::tree::{Flaw, Tree, Walker};
use crate::{Budget, Checkable, Domain, Intake, Interval, Normalised, Violation};

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

/// lambda_s / Lambda of every flow.
fn weights(instance: &Instance) -> Vec<Interval> {
    let rate = |s: usize| Interval::point(instance.flows[s].rate_per_s);
    let total = sum((0..instance.flows.len()).map(rate));
    (0..instance.flows.len()).map(|s| rate(s) / total).collect()
}

/// Judges a solution; `scales` says whether speeds are scaled back into capacities or taken as they are.
fn evaluate(instance: &Instance, solution: &Solution, scales: bool) -> (Option<Interval>, Vec<Violation>) {
    let mut found = Vec::new();
    let wrong = |what: &str, at: String| vec![Violation::new(what, at, 1.0, "entry")];
    let rows = match &solution.speeds {
        Speeds::MacsPerS(rows) => rows.iter().map(Vec::len).collect::<Vec<_>>(),
        Speeds::Units(rows) => rows.iter().map(Vec::len).collect(),
    };
    let shape: Vec<usize> = instance.flows.iter().map(|flow| flow.partitions.len()).collect();
    if solution.servers.iter().map(Vec::len).ne(shape.iter().copied()) || rows != shape {
        return (None, wrong("shape", "servers and speeds have one entry per partition".into()));
    }
    let unit = match (instance.allocation, &solution.speeds) {
        (Allocation::Continuous, Speeds::MacsPerS(_)) => None,
        (Allocation::Units { macs_per_s }, Speeds::Units(_)) => Some(macs_per_s),
        _ => return (None, wrong("speeds of the kind the instance asks for", "speeds".into())),
    };
    for (s, row) in solution.servers.iter().enumerate() {
        if let Some(n) = row.iter().position(|m| *m as usize >= instance.servers.len()) {
            return (None, wrong("indices exist", format!("servers[{s}][{n}]")));
        }
    }
    // Capacities, and what brings speeds within them.
    let servers = instance.servers.len();
    let mut scale = vec![Scale::ONE; servers];
    match &solution.speeds {
        Speeds::MacsPerS(rows) => {
            let mut given: Vec<Vec<f64>> = vec![Vec::new(); servers];
            for (s, row) in rows.iter().enumerate() {
                for (n, speed) in row.iter().enumerate() {
                    if !(1e-60..=1e60).contains(speed) {
                        return (None, wrong("a speed is a number", format!("speeds[{s}][{n}]")));
                    }
                    given[solution.servers[s][n] as usize].push(*speed);
                }
            }
            for (m, given) in given.into_iter().enumerate() {
                match Scale::within(given.into_iter(), instance.servers[m].macs_per_s) {
                    Ok(within) if scales => scale[m] = within,
                    Ok(_) => (),
                    Err(Excess(over)) => {
                        found.push(Violation::new("speeds within capacity", format!("servers[{m}]"), over, "MAC/s"));
                    }
                }
            }
        }
        Speeds::Units(rows) => {
            let mut given = vec![0u128; servers];
            for (row, of) in rows.iter().zip(&solution.servers) {
                row.iter().zip(of).for_each(|(units, m)| given[*m as usize] += u128::from(*units));
            }
            for (m, given) in given.into_iter().enumerate() {
                let most = u128::from(instance.units(m, unit.expect("units have a size")));
                if given > most {
                    let over = (given - most) as f64;
                    found.push(Violation::new("speeds within capacity", format!("servers[{m}]"), over, "units"));
                }
            }
        }
    }
    // Delays.
    let mut terms = Vec::with_capacity(instance.partitions() * 2);
    let mut is_defined = true;
    for (s, (flow, weight)) in instance.flows.iter().zip(weights(instance)).enumerate() {
        let mut hop = |bytes: f64, speed: f64, at: String| {
            if speed > 0.0 {
                terms.push(weight * (Interval::point(bytes) / Interval::point(speed)));
            } else {
                found.push(Violation::new("a way exists", at, 1.0, "way"));
                is_defined = false;
            }
        };
        let on: Vec<usize> = solution.servers[s].iter().map(|m| *m as usize).collect();
        hop(flow.input_bytes, flow.uplink_bytes_per_s[on[0]], format!("flows[{s}], uplink"));
        for (n, pair) in on.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
            let speed = instance.link_bytes_per_s[pair[0]][pair[1]];
            hop(flow.partitions[n].out_bytes, speed, format!("flows[{s}], after partition {n}"));
        }
        if let Some(bytes) = flow.result_bytes {
            hop(bytes, flow.downlink_bytes_per_s[on[on.len() - 1]], format!("flows[{s}], downlink"));
        }
        for (n, partition) in flow.partitions.iter().enumerate() {
            let macs = Interval::point(partition.macs);
            let load = product(flow.rate_per_s, partition.macs);
            let speed = match &solution.speeds {
                Speeds::MacsPerS(rows) => scale[on[n]].share(rows[s][n]),
                Speeds::Units(rows) => product(rows[s][n] as f64, unit.expect("units have a size")),
            };
            let left = minus(speed, load);
            if left.low() > 0.0 {
                terms.push(weight * (macs / left));
            } else {
                let short = load.high() - speed.low();
                found.push(Violation::new("stability", format!("speeds[{s}][{n}]"), short, "MAC/s"));
                is_defined = false;
            }
        }
    }
    (is_defined.then(|| sum(terms.into_iter())), found)
}

/// Servers with more units than this are bounded as if speeds were shared continuously.
const MAX_UNITS: u64 = 4096;

/// At so many rates besides 0 a bound is looked for, at most.
const MAX_LOOKS: usize = 60;

/// A server's minimum over so many items that takes more nodes than this is left as good as it is.
fn most_nodes(items: usize) -> usize {
    (2_000_000 / (items + 1)).max(200)
}

/// What a certificate of its size may take.
fn budget(instance: &Instance, certificate: &Certificate) -> Budget {
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
        .saturating_mul(servers.saturating_add((MAX_LOOKS as u64 + 1) * (4 + units)));
    Budget::of(numbers, look)
}

/// A partition with all that bounds need of it.
struct PartitionTerms {
    flow: usize,
    /// sqrt(lambda w / Lambda).
    root: Interval,
    /// lambda w.
    load: Interval,
    /// With units: the least weighted delay by units from `first` on, rounded down, up to the most units of a server.
    delays: Vec<f64>,
    /// The least units that are stable, possibly; 1 or more.
    first: u64,
}

/// What a server offers.
#[derive(Clone, Copy)]
enum Capacity {
    Speed(f64),
    Units(u64),
}

/// Whether delays count, or only whether everything fits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum SubproblemObjective {
    Delay,
    Room,
}

/// How closely servers' minima are looked at.
#[derive(Clone, Copy)]
enum SearchEffort<'a> {
    /// Bounds at the best rate.
    Quick,
    /// Or, if that is more, the minimum over all that any leaf with the same prices allows: found once for all of them.
    Shared(&'a [Vec<bool>]),
    /// The minimum itself, as far as nodes last.
    Close,
}

/// What a partition may do at a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Out,
    Free,
    In,
}

/// A certificate about to be replayed.
struct Replay<'a> {
    instance: &'a Instance,
    certificate: &'a Certificate,
    weights: Vec<Interval>,
    items: Vec<PartitionTerms>,
    /// Where each flow's items begin.
    first: Vec<usize>,
    capacities: Vec<Capacity>,
    /// Servers' minima that were found already, and the bytes of what they are known by.
    known: HashMap<Asked, f64>,
    known_bytes: usize,
    budget: &'a Budget,
}

/// A server's minimum that is asked for: prices, what counts, how closely, the server, what it may take.
type Asked = (u32, SubproblemObjective, bool, usize, Vec<State>);

impl<'a> Replay<'a> {
    fn new(instance: &'a Instance, certificate: &'a Certificate, budget: &'a Budget) -> Self {
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
                _ => Capacity::Speed(instance.servers[m].macs_per_s),
            })
            .collect();
        let mut items = Vec::with_capacity(instance.partitions());
        let mut first = Vec::with_capacity(instance.flows.len());
        for (s, flow) in instance.flows.iter().enumerate() {
            first.push(items.len());
            for partition in &flow.partitions {
                let macs = Interval::point(partition.macs);
                let load = product(flow.rate_per_s, partition.macs);
                let mut item =
                    PartitionTerms { flow: s, root: (weights[s] * macs).sqrt(), load, delays: Vec::new(), first: 1 };
                if let (Some(unit), Some(most)) = (unit, most) {
                    let speed = |k: u64| product(k as f64, unit);
                    item.first = (1..=most).find(|k| speed(*k).high() > load.low()).unwrap_or(most + 1);
                    // A denominator that may be 0 is taken at its upper end: the delay from below.
                    let delay = |k: u64| ((weights[s] * macs).low() / minus(speed(k), load).high()).next_down();
                    item.delays = (item.first..=most).map(delay).collect();
                }
                items.push(item);
            }
        }
        let (known, known_bytes) = (HashMap::new(), 0);
        Self { instance, certificate, weights, items, first, capacities, known, known_bytes, budget }
    }

    /// The least bound of the leaves; infinite if none has a solution.
    fn bound(&mut self) -> Result<f64, Violation> {
        let certificate = self.certificate;
        for (at, prices) in certificate.prices.iter().enumerate() {
            if !self.has_shape(prices) {
                let what = "prices are numbers, one per partition and server";
                return Err(Violation::new(what, format!("prices[{at}]"), 1.0, "entry"));
            }
        }
        let tree = Tree::new(&certificate.nodes, |node| self.children(node)).map_err(|flaw| flaw.violation(""))?;
        // First a quick bound of every leaf; then the least ones are looked at closely, until none that is left could lower the bound.
        let mut walk = Walk::new(self);
        tree.walk(&mut walk)?;
        let Walk { mut quick, turns, unions, .. } = walk;
        quick.sort_by(|a, b| a.low.total_cmp(&b.low).then(a.node.cmp(&b.node)));
        let mut least = f64::INFINITY;
        for Quick { mut low, node, turn } in quick {
            if low >= least {
                break;
            }
            if let Node::Priced { prices } = &certificate.nodes[node] {
                let allowed = self.allowed(&turns, turn)?;
                for care in [SearchEffort::Shared(&unions[prices]), SearchEffort::Close] {
                    if low < least {
                        low = low.max(self.priced(*prices, SubproblemObjective::Delay, &allowed, care)?);
                    }
                }
            }
            least = least.min(low);
        }
        // Delays are above 0, whatever prices say.
        Ok(least.max(0.0))
    }

    /// The children of a split, none for a leaf; or what is wrong with a node.
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
        let is_first = |i: usize| i == 0 || self.items[i].flow != self.items[i - 1].flow;
        let place = prices.place.len() == self.items.len() && prices.place.iter().all(|row| row.len() == servers);
        let fits = |(i, row): (usize, &Vec<f64>)| row.len() == if is_first(i) { 0 } else { servers };
        let stay =
            prices.stay.is_empty() || prices.stay.len() == self.items.len() && prices.stay.iter().enumerate().all(fits);
        place && stay
    }

    /// Which servers a partition fits at all. Shape (partitions, servers).
    fn fits(&self) -> Vec<Vec<bool>> {
        let fits = |item: &PartitionTerms, m: usize| match self.capacities[m] {
            Capacity::Speed(speed) => item.load.low() < speed,
            Capacity::Units(units) => item.first <= units,
        };
        let row = |item: &PartitionTerms| (0..self.instance.servers.len()).map(|m| fits(item, m)).collect();
        self.items.iter().map(row).collect()
    }

    /// Which servers a turn and those before it leave to every partition. Shape (partitions, servers).
    fn allowed(&self, turns: &[Turn], mut turn: Option<u32>) -> Result<Vec<Vec<bool>>, Violation> {
        let mut allowed = self.fits();
        let servers = self.instance.servers.len();
        self.budget.spend((self.items.len() * servers) as u64)?;
        while let Some(at) = turn {
            let Turn { split, is_inside, before } = turns[at as usize];
            let (item, named) = self.split(split);
            self.budget.spend((servers + named.len()) as u64)?;
            take_away(&mut allowed[item], named, is_inside, |_| ());
            turn = before;
        }
        Ok(allowed)
    }

    /// Whose servers a split splits, and those it names.
    fn split<'b>(&self, split: &'b Node) -> (usize, &'b [u32]) {
        let Node::Split { flow, partition, servers, .. } = split else { unreachable!("only splits have children") };
        (self.first[*flow as usize] + *partition as usize, servers)
    }

    /// Shortest paths of all flows, rounded down; `place` and `stay` say what running and staying costs. Infinite if a flow has none.
    fn paths(
        &self,
        aim: SubproblemObjective,
        allowed: &[Vec<bool>],
        place: impl Fn(usize, usize) -> f64,
        stay: impl Fn(usize, usize) -> f64,
    ) -> f64 {
        let servers = self.instance.servers.len();
        let mut total = 0.0;
        for (s, flow) in self.instance.flows.iter().enumerate() {
            let hop = |bytes: f64, speed: f64| match aim {
                _ if speed <= 0.0 => f64::INFINITY,
                SubproblemObjective::Room => 0.0,
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
                            plus(reach[from], step)
                        };
                        (0..servers).map(from).fold(f64::INFINITY, f64::min)
                    };
                    reach = (0..servers).map(arrive).collect();
                }
                for (m, reach) in reach.iter_mut().enumerate() {
                    *reach = if allowed[i][m] { plus(*reach, place(i, m)) } else { f64::INFINITY };
                }
            }
            if let Some(bytes) = flow.result_bytes {
                for (m, reach) in reach.iter_mut().enumerate() {
                    *reach = plus(*reach, hop(bytes, flow.downlink_bytes_per_s[m]));
                }
            }
            total = plus(total, reach.into_iter().fold(f64::INFINITY, f64::min));
        }
        total
    }

    fn marginal(&self, rates: &[f64], allowed: &[Vec<bool>]) -> f64 {
        let place = |i: usize, m: usize| tangent(&self.items[i], Interval::point(rates[m])).low();
        let paths = self.paths(SubproblemObjective::Delay, allowed, place, |_, _| 0.0);
        let speed = |(server, rate): (&offcut_instances::jpdra::Server, &f64)| {
            let rate = Interval::point(*rate);
            rate * rate * Interval::point(server.macs_per_s)
        };
        plus(paths, -sum(self.instance.servers.iter().zip(rates).map(speed)).high())
    }

    fn priced(
        &mut self,
        index: u32,
        aim: SubproblemObjective,
        allowed: &[Vec<bool>],
        care: SearchEffort,
    ) -> Result<f64, Violation> {
        let certificate = self.certificate;
        let prices = &certificate.prices[index as usize];
        let stays = |i: usize, m: usize| if prices.stay.is_empty() { 0.0 } else { prices.stay[i][m] };
        self.spend_on_paths()?;
        let mut total = self.paths(aim, allowed, |i, m| prices.place[i][m], stays);
        for m in 0..self.instance.servers.len() {
            let least = match care {
                SearchEffort::Quick => self.server(index, aim, m, allowed, false)?,
                SearchEffort::Close => self.server(index, aim, m, allowed, true)?,
                // A minimum over more sets is no more.
                SearchEffort::Shared(union) => {
                    self.server(index, aim, m, allowed, false)?.max(self.server(index, aim, m, union, true)?)
                }
            };
            total = plus(total, least);
        }
        Ok(total)
    }

    /// What [`Self::paths`] takes: every partition, every two servers.
    fn spend_on_paths(&self) -> Result<(), Violation> {
        let servers = self.instance.servers.len() as u64;
        self.budget.spend(self.items.len() as u64 * servers * (servers + 2))
    }

    /// A server's minimum, or a quick bound of it.
    fn server(
        &mut self,
        index: u32,
        aim: SubproblemObjective,
        m: usize,
        allowed: &[Vec<bool>],
        is_close: bool,
    ) -> Result<f64, Violation> {
        self.budget.spend((self.items.len() * self.instance.servers.len()) as u64)?;
        let state = |row: &Vec<bool>| match (row[m], row.iter().filter(|allowed| **allowed).count()) {
            (false, _) => State::Out,
            (true, 1) => State::In,
            (true, _) => State::Free,
        };
        let key = (index, aim, is_close, m, allowed.iter().map(state).collect::<Vec<_>>());
        if let Some(least) = self.known.get(&key) {
            return Ok(*least);
        }
        let prices = &self.certificate.prices[index as usize];
        let search = Search::new(&self.items, self.capacities[m], prices, aim, m, &key.4).within(self.budget);
        let least = if is_close { search.least() } else { search.quick() };
        // A search that ends because the budget does has a weaker bound; it is not used.
        self.budget.spend(0)?;
        let bytes = size_of::<Asked>() + size_of::<f64>() + key.4.len();
        if self.known_bytes + bytes > MAX_KEPT {
            self.known.clear();
            self.known_bytes = 0;
        }
        self.known_bytes += bytes;
        self.known.insert(key, least);
        Ok(least)
    }
}

/// Takes away what a split takes from a partition's servers: those it does not name inside, those it names outside.
fn take_away(row: &mut [bool], named: &[u32], is_inside: bool, mut tell: impl FnMut(usize)) {
    let mut named = named.iter().copied().peekable();
    for (m, allowed) in row.iter_mut().enumerate() {
        let is_named = named.next_if_eq(&(m as u32)).is_some();
        if *allowed && is_named != is_inside {
            *allowed = false;
            tell(m);
        }
    }
}

/// A turn on the way to a leaf that takes something away.
struct Turn<'a> {
    split: &'a Node,
    is_inside: bool,
    /// The last one before.
    before: Option<u32>,
}

/// A leaf with its quick bound.
struct Quick {
    low: f64,
    node: usize,
    /// The last turn above it.
    turn: Option<u32>,
}

/// On the way through the tree: a quick bound of every leaf.
struct Walk<'a, 'b> {
    replay: &'b mut Replay<'a>,
    /// Which servers the turns leave to every partition. Shape (partitions, servers).
    allowed: Vec<Vec<bool>>,
    /// How many servers every partition has left, and how many partitions have none.
    left: Vec<usize>,
    without: usize,
    /// Partition and server that were taken away, in order; and how many there were before each turn, with the last turn that took something away.
    taken: Vec<(u32, u32)>,
    before: Vec<(usize, Option<u32>)>,
    /// All turns that took something away, and the last one above this place.
    turns: Vec<Turn<'a>>,
    turn: Option<u32>,
    quick: Vec<Quick>,
    /// For prices that leaves share, what any of these leaves allows.
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
            taken: Vec::new(),
            before: Vec::new(),
            turns: Vec::new(),
            turn: None,
            quick: Vec::new(),
            unions: HashMap::new(),
        }
    }

    /// Adds what this place allows to what leaves with the same prices allow.
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
        self.before.push((self.taken.len(), self.turn));
        let (had, taken) = (self.left[i], self.taken.len());
        take_away(&mut self.allowed[i], named, is_inside, |m| self.taken.push((i as u32, m as u32)));
        self.left[i] -= self.taken.len() - taken;
        self.without += usize::from(had > 0 && self.left[i] == 0);
        if self.taken.len() > taken {
            self.turns.push(Turn { split, is_inside, before: self.turn });
            self.turn = Some(self.turns.len() as u32 - 1);
        }
        Ok(())
    }

    fn up(&mut self) {
        let (taken, turn) = self.before.pop().expect("down comes before up");
        for (i, m) in self.taken.drain(taken..) {
            let i = i as usize;
            self.without -= usize::from(self.left[i] == 0);
            self.left[i] += 1;
            self.allowed[i][m as usize] = true;
        }
        self.turn = turn;
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
                for care in [SearchEffort::Quick, SearchEffort::Close] {
                    if replay.priced(*prices, SubproblemObjective::Room, allowed, care)? > 0.0 {
                        return Ok(());
                    }
                }
                let what = "prices prove that a leaf has no solution";
                return Err(Flaw { node, what }.violation(""));
            }
            Node::Split { .. } => unreachable!("leaves only"),
        };
        self.quick.push(Quick { low, node, turn: self.turn });
        Ok(())
    }
}

/// `a + b` rounded down; infinite if one of them is.
fn plus(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY { f64::INFINITY } else { add_down(a, b) }
}

/// `2 r a + r^2 rho`.
fn tangent(item: &PartitionTerms, rate: Interval) -> Interval {
    let twice = Interval::point(2.0) * rate;
    twice * item.root + rate * rate * item.load
}

/// `2 r a + r^2 rho` rounded down.
fn tangent_low(item: &PartitionTerms, rate: f64) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    let root = (2.0 * rate * item.root.low()).next_down();
    let load = ((rate * rate).next_down() * item.load.low()).next_down();
    add_down(root, load)
}

/// A node of a search that waits; the one with the least bound comes first.
struct Waiting {
    bound: f64,
    state: Vec<State>,
    rate: f64,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Waiting {}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.bound.total_cmp(&self.bound)
    }
}

/// A server's minimum over sets of partitions.
struct Search<'a> {
    aim: SubproblemObjective,
    capacity: Capacity,
    items: Vec<Item<'a>>,
    root: Vec<State>,
    /// What the search may take; as much as it likes if there is none.
    budget: Option<&'a Budget>,
}

/// A partition that a server may or must take.
struct Item<'a> {
    item: &'a PartitionTerms,
    place: f64,
    /// What is earned besides if the offer before is taken, too; none if that is not its predecessor.
    stay: Option<f64>,
}

/// One evaluation of the bound: its value, and the set that attains it with its line or parabola `c0 + c1 r - c2 r^2`.
struct Point {
    rate: f64,
    low: f64,
    taken: Vec<bool>,
    curve: [f64; 3],
}

impl<'a> Search<'a> {
    fn new(
        items: &'a [PartitionTerms],
        capacity: Capacity,
        prices: &Prices,
        aim: SubproblemObjective,
        m: usize,
        states: &[State],
    ) -> Self {
        let mut offers: Vec<Item> = Vec::new();
        let mut root = Vec::new();
        let mut before = None;
        for (i, state) in states.iter().enumerate().filter(|(_, state)| **state != State::Out) {
            let follows = i > 0 && before == Some(i - 1) && items[i].flow == items[i - 1].flow;
            let stay = (follows && !prices.stay.is_empty()).then(|| prices.stay[i][m]);
            offers.push(Item { item: &items[i], place: prices.place[i][m], stay });
            root.push(*state);
            before = Some(i);
        }
        Self { aim, capacity, items: offers, root, budget: None }
    }

    /// Within a budget. A search that runs out of it ends early, with a bound that is weaker.
    fn within(self, budget: &'a Budget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Takes so many steps for every offer, and says whether there were not so many left.
    fn runs_out(&self, steps: usize) -> bool {
        self.budget.is_some_and(|budget| budget.runs_out((steps * (self.items.len() + 1)) as u64))
    }

    /// A bound of all sets, rounded down; infinite if none fits.
    fn quick(&self) -> f64 {
        if self.is_overfull(&self.root) {
            return f64::INFINITY;
        }
        let (point, _) = self.highest(&self.root, 0.0);
        if is_decided(&self.root) { point.low.max(self.decided(&self.root)) } else { point.low }
    }

    /// The least of all sets, rounded down; infinite if none fits.
    fn least(&self) -> f64 {
        self.least_within(most_nodes(self.items.len()))
    }

    /// The same, or a bound of it if so many nodes do not do.
    fn least_within(&self, most: usize) -> f64 {
        // Nodes end when they are within a rounding of the best set known: what is lost is less than anybody claims to. The node with the least
        // bound comes first; when nodes are spent it bounds all that is left.
        let mut best = f64::INFINITY;
        let mut least = f64::INFINITY;
        let mut nodes = 0;
        let mut waiting = BinaryHeap::from([Waiting { bound: f64::NEG_INFINITY, state: self.root.clone(), rate: 0.0 }]);
        while let Some(Waiting { bound, mut state, rate }) = waiting.pop() {
            let is_close = |low: f64| reaches(low, best, 1e-13);
            // (A node besides its rates: the costs at one, two bounds with each offer left out and taken, two sets and copies of what is decided.)
            if is_close(bound) || nodes >= most || self.runs_out(10) {
                return least.min(bound);
            }
            if self.is_overfull(&state) {
                continue;
            }
            nodes += 1;
            let (point, other) = self.highest(&state, rate);
            best = best.min(self.worth(&point.taken)).min(self.worth(&other));
            let is_close = |low: f64| reaches(low, best, 1e-13);
            let here = point.low.max(bound);
            if is_decided(&state) {
                least = least.min(here.max(self.decided(&state)));
                continue;
            }
            if is_close(here) {
                least = least.min(here);
                continue;
            }
            // What has no good alternative is decided on the way.
            let marginals = self.marginals(&state, point.rate);
            let mut split: Option<(f64, usize)> = None;
            for (at, [out, within]) in marginals.iter().copied().enumerate() {
                if state[at] != State::Free {
                    continue;
                }
                if is_close(within) {
                    state[at] = State::Out;
                    least = least.min(within);
                } else if is_close(out) {
                    state[at] = State::In;
                    least = least.min(out);
                } else {
                    let branching_score = self.branching_score(at, point.taken[at] != other[at]);
                    if split.is_none_or(|(most, _)| branching_score > most) {
                        split = Some((branching_score, at));
                    }
                }
            }
            let Some((_, at)) = split else {
                waiting.push(Waiting { bound: here, state, rate: point.rate });
                continue;
            };
            for (chosen, bound) in [(State::Out, marginals[at][0]), (State::In, marginals[at][1])] {
                let mut state = state.clone();
                state[at] = chosen;
                waiting.push(Waiting { bound: bound.max(here), state, rate: point.rate });
            }
        }
        least
    }

    /// How much there is to be learned from deciding a partition: most if the two sets that end a search differ in it, and the more it takes.
    fn branching_score(&self, at: usize, differs: bool) -> f64 {
        let least = if differs { 2.0 } else { 0.0 };
        least + self.share(at)
    }

    /// How much of the server a partition takes.
    fn share(&self, at: usize) -> f64 {
        match self.capacity {
            Capacity::Speed(speed) => self.items[at].item.load.high() / speed,
            Capacity::Units(units) => self.items[at].item.first as f64 / units as f64,
        }
    }

    /// Bounds with an offer left out, and taken, at a rate, rounded down.
    fn marginals(&self, state: &[State], rate: f64) -> Vec<[f64; 2]> {
        let (costs, _) = self.costs(rate);
        let constant = self.constant(rate);
        let mut marginals = Vec::with_capacity(self.items.len());
        let [mut out, mut within] = [0.0, f64::INFINITY];
        for ((item, cost), state) in self.items.iter().zip(&costs).zip(state) {
            let after = plus(within, -item.stay.unwrap_or(0.0));
            let (next_out, next_in) = (out.min(within), plus(out.min(after), *cost));
            out = if *state == State::In { f64::INFINITY } else { next_out };
            within = if *state == State::Out { f64::INFINITY } else { next_in };
            marginals.push([out, within]);
        }
        // The best of all offers after one, if it is left out, or taken.
        let [mut out, mut within] = [0.0, 0.0];
        for at in (0..self.items.len()).rev() {
            let [before_out, before_in] = marginals[at];
            marginals[at] = [plus(plus(before_out, out), -constant), plus(plus(before_in, within), -constant)];
            let leave = if state[at] == State::In { f64::INFINITY } else { out };
            let take = if state[at] == State::Out { f64::INFINITY } else { plus(costs[at], within) };
            let after_in = plus(take, -self.items[at].stay.unwrap_or(0.0));
            (out, within) = (leave.min(take), leave.min(after_in));
        }
        marginals
    }

    /// Whether what must be taken does not fit, for certain.
    fn is_overfull(&self, state: &[State]) -> bool {
        let taken =
            || self.items.iter().zip(state).filter(|(_, state)| **state == State::In).map(|(item, _)| item.item);
        match self.capacity {
            Capacity::Speed(speed) => sum(taken().map(|item| item.load)).low() >= speed,
            Capacity::Units(units) => taken().map(|item| u128::from(item.first)).sum::<u128>() > u128::from(units),
        }
    }

    /// The bound of a set that is decided and continuous, from the definition.
    fn decided(&self, state: &[State]) -> f64 {
        let Capacity::Speed(speed) = self.capacity else { return f64::NEG_INFINITY };
        let taken: Vec<bool> = state.iter().map(|state| *state == State::In).collect();
        let of = |of: fn(&PartitionTerms) -> Interval| {
            sum(self.items.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(item, _)| of(item.item)))
        };
        let left = minus(Interval::point(speed), of(|item| item.load));
        let roots = of(|item| item.root);
        if left.high() <= 0.0 {
            return f64::INFINITY;
        }
        let delay = match self.aim {
            SubproblemObjective::Delay => ((roots * roots).low() / left.high()).next_down().max(0.0),
            SubproblemObjective::Room => 0.0,
        };
        self.earned(&taken).fold(delay, |total, price| add_down(total, -price))
    }

    /// What a set earns, price by price.
    fn earned<'b>(&'b self, taken: &'b [bool]) -> impl Iterator<Item = f64> + 'b {
        self.items
            .iter()
            .enumerate()
            .filter(|(at, _)| taken[*at])
            .flat_map(move |(at, item)| [item.place, item.stay.filter(|_| taken[at - 1]).unwrap_or(0.0)])
    }

    /// What a set is worth, to rounding, only to end the search early; infinite if it does not fit.
    fn worth(&self, taken: &[bool]) -> f64 {
        let earned: f64 = self.earned(taken).sum();
        let chosen: Vec<&PartitionTerms> =
            self.items.iter().zip(taken).filter(|(_, taken)| **taken).map(|(item, _)| item.item).collect();
        let delay = match self.capacity {
            Capacity::Speed(speed) => {
                let left = speed - chosen.iter().map(|item| item.load.middle()).sum::<f64>();
                let roots: f64 = chosen.iter().map(|item| item.root.middle()).sum();
                if left > 0.0 { roots * roots / left } else { f64::INFINITY }
            }
            Capacity::Units(units) => {
                if let Some(budget) = self.budget {
                    budget.runs_out(units.saturating_mul(chosen.len() as u64));
                }
                fox(&chosen, units)
            }
        };
        match self.aim {
            SubproblemObjective::Room if delay == f64::INFINITY => delay,
            SubproblemObjective::Room => -earned,
            SubproblemObjective::Delay => delay - earned,
        }
    }

    /// The highest bound over rates, and a set on the other side of it. From `start`, by intersecting the curves of two sets, one whose
    /// curve rises and one whose falls; done when the bound is as high as the curves allow.
    fn highest(&self, state: &[State], start: f64) -> (Point, Vec<bool>) {
        self.highest_within(state, start, MAX_LOOKS)
    }

    /// The same, or less high if so many looks besides the one at 0 do not do.
    fn highest_within(&self, state: &[State], start: f64, looks: usize) -> (Point, Vec<bool>) {
        let slope = |point: &Point| point.curve[1] - 2.0 * point.curve[2] * point.rate;
        let mut low = self.at(state, 0.0);
        if slope(&low) <= 0.0 {
            let taken = low.taken.clone();
            return (low, taken);
        }
        let mut high: Option<Point> = None;
        let mut next = if start > 0.0 { start } else { self.step(&low) };
        // Whether the curves known are highest at `next`: then a bound as high as they are is the highest.
        let mut is_peak = start <= 0.0;
        for _ in 0..looks {
            if self.runs_out(0) {
                break;
            }
            let point = self.at(state, next);
            let on = |of: &Point| of.curve[0] + of.curve[1] * next - of.curve[2] * next * next;
            let allowed = high.iter().map(on).fold(on(&low), f64::min);
            let is_highest = is_peak && reaches(point.low, allowed, 1e-14);
            is_peak = true;
            if slope(&point) > 0.0 {
                low = point
            } else {
                high = Some(point)
            }
            let Some(high) = &high else {
                next = self.step(&low);
                continue;
            };
            next = meeting(&low.curve, &high.curve, low.rate, high.rate);
            if is_highest || !(next > low.rate && next < high.rate) {
                break;
            }
        }
        match high {
            Some(high) if high.low > low.low => (high, low.taken),
            Some(high) => (low, high.taken),
            None => {
                let taken = low.taken.clone();
                (low, taken)
            }
        }
    }

    /// Where to look next if all curves still rise.
    fn step(&self, low: &Point) -> f64 {
        let [_, c1, c2] = low.curve;
        let top = if c2 > 0.0 { c1 / (2.0 * c2) } else { f64::INFINITY };
        if low.rate == 0.0 && !top.is_finite() {
            // Of the order of one partition's price for its load.
            let scale = |item: &Item| match (self.capacity, self.aim) {
                (Capacity::Units(_), _) => item.place.abs(),
                (_, SubproblemObjective::Room) => item.place.abs() / item.item.load.high(),
                _ => item.place.abs() / item.item.root.high(),
            };
            return self.items.iter().map(scale).fold(1e-30, f64::max).min(1e60);
        }
        // A curve's top, or a bit beyond, so that the highest point gets between two.
        if top.is_finite() && top > low.rate { (top * (1.0 + 1e-14)).min(1e60) } else { (4.0 * low.rate).min(1e60) }
    }

    /// What offers cost at a rate, prices taken off, rounded down; and their units.
    fn costs(&self, rate: f64) -> (Vec<f64>, Vec<u64>) {
        self.runs_out(4);
        let exact = Interval::point(rate);
        let cost = |item: &Item| {
            let (cost, k) = match (self.capacity, self.aim) {
                (Capacity::Speed(_), SubproblemObjective::Delay) => (tangent_low(item.item, rate), 0),
                (Capacity::Speed(_), SubproblemObjective::Room) => ((exact * item.item.load).low(), 0),
                (Capacity::Units(_), SubproblemObjective::Room) => {
                    ((exact * Interval::point(item.item.first as f64)).low(), item.item.first)
                }
                (Capacity::Units(most), SubproblemObjective::Delay) => {
                    let found = cheapest(item.item, most, rate);
                    if let Some(budget) = self.budget {
                        budget.runs_out(looked_at(item.item, most, rate, found.0));
                    }
                    found
                }
            };
            (add_down(cost, -item.place), k)
        };
        self.items.iter().map(cost).unzip()
    }

    /// What the capacity costs at a rate, rounded up.
    fn constant(&self, rate: f64) -> f64 {
        let exact = Interval::point(rate);
        let constant = match self.capacity {
            Capacity::Speed(speed) => match self.aim {
                SubproblemObjective::Delay => exact * exact * Interval::point(speed),
                SubproblemObjective::Room => exact * Interval::point(speed),
            },
            Capacity::Units(units) => exact * Interval::point(units as f64),
        };
        constant.high()
    }

    /// The bound at `rate`, rounded down: chains of offers by dynamic programming over "the offer before is taken or not".
    fn at(&self, state: &[State], rate: f64) -> Point {
        let (costs, units) = self.costs(rate);
        let mut out = 0.0;
        let mut within = f64::INFINITY;
        // Whether the offer before is taken in the best way to be out of, and in, this one.
        let mut back = Vec::with_capacity(self.items.len());
        for ((item, state), cost) in self.items.iter().zip(state).zip(&costs) {
            let after = plus(within, -item.stay.unwrap_or(0.0));
            let (from_out, from_in) = (within < out, after < out);
            let (next_out, next_in) = (out.min(within), plus(out.min(after), *cost));
            back.push((from_out, from_in));
            out = if *state == State::In { f64::INFINITY } else { next_out };
            within = if *state == State::Out { f64::INFINITY } else { next_in };
        }
        let mut taken = vec![false; self.items.len()];
        let mut is_taken = within < out;
        for at in (0..self.items.len()).rev() {
            taken[at] = is_taken;
            is_taken = if is_taken { back[at].1 } else { back[at].0 };
        }
        let low = plus(out.min(within), -self.constant(rate));
        let chosen = || (0..self.items.len()).filter(|at| taken[*at]);
        let load: f64 = chosen().map(|at| self.items[at].item.load.middle()).sum();
        let curve = match (self.capacity, self.aim) {
            (Capacity::Speed(speed), SubproblemObjective::Delay) => {
                let roots: f64 = chosen().map(|at| self.items[at].item.root.middle()).sum();
                [0.0, 2.0 * roots, speed - load]
            }
            (Capacity::Speed(speed), SubproblemObjective::Room) => [0.0, load - speed, 0.0],
            (Capacity::Units(most), _) => [0.0, chosen().map(|at| units[at] as f64).sum::<f64>() - most as f64, 0.0],
        };
        let [_, c1, c2] = curve;
        Point { rate, low, taken, curve: [low - c1 * rate + c2 * rate * rate, c1, c2] }
    }
}

/// Whether one number is no less than another but for a share of it. Nothing reaches infinity.
fn reaches(low: f64, high: f64, share: f64) -> bool {
    low >= high - share * high.abs()
}

/// Whether everything is decided.
fn is_decided(state: &[State]) -> bool {
    state.iter().all(|state| *state != State::Free)
}

/// Where a rising curve meets a falling one, between the two rates.
fn meeting(rising: &[f64; 3], falling: &[f64; 3], low: f64, high: f64) -> f64 {
    // (c2 - d2) r^2 - (c1 - d1) r - (c0 - d0) = 0
    let [a, b, c] = [rising[2] - falling[2], falling[1] - rising[1], falling[0] - rising[0]];
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    let q = -0.5 * (b + root.copysign(b));
    let is_between = |r: &f64| *r > low && *r < high;
    let crossing = [q / a, c / q].into_iter().find(is_between);
    // A curve's own top may come before they meet.
    let tops = [rising, falling].map(|curve| curve[1] / (2.0 * curve[2]));
    match crossing {
        Some(r) if tops[0] < r && is_between(&tops[0]) => tops[0],
        Some(r) if tops[1] > r && is_between(&tops[1]) => tops[1],
        Some(r) => r,
        None => tops.into_iter().find(is_between).unwrap_or(low + (high - low) / 2.0),
    }
}

/// The least of `delay(k) + rate k` over the units a server has, rounded down, and its k. Looks at all of them.
fn cheapest(item: &PartitionTerms, most: u64, rate: f64) -> (f64, u64) {
    let mut least = (f64::INFINITY, item.first);
    for (k, delay) in (item.first..=most).zip(&item.delays) {
        // The price of the units alone is above what is known: so it is for all that follow.
        let units = rate * k as f64;
        if units > least.0 * (1.0 + 1e-12) {
            break;
        }
        let price = if units == 0.0 { 0.0 } else { units.next_down() };
        let cost = add_down(*delay, price);
        if cost < least.0 {
            least = (cost, k);
        }
    }
    least
}

/// How many units [`cheapest`] looked at to find the least: those whose price alone is not above it.
fn looked_at(item: &PartitionTerms, most: u64, rate: f64, least: f64) -> u64 {
    let last = if rate > 0.0 { (least / rate).min(most as f64) as u64 } else { most };
    last.saturating_sub(item.first) + 1
}

/// Fox's marginal allocation: the weighted delay of partitions that share so many units; infinite if they do not fit.
fn fox(items: &[&PartitionTerms], units: u64) -> f64 {
    let least: u64 = items.iter().map(|item| item.first).sum();
    if least > units {
        return f64::INFINITY;
    }
    let mut given = vec![0usize; items.len()];
    let delay = |at: usize, k: usize| items[at].delays.get(k).copied().unwrap_or(0.0);
    for _ in 0..units - least {
        let gain = |at: &usize| delay(*at, given[*at]) - delay(*at, given[*at] + 1);
        let Some(at) = (0..items.len()).max_by(|a, b| gain(a).total_cmp(&gain(b))) else { break };
        given[at] += 1;
    }
    (0..items.len()).map(|at| delay(at, given[at])).sum()
}

#[cfg(test)]
mod tests;
