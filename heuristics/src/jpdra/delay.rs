//! This crate's own arithmetic: the objective value of a deployment with the best shares of speed.
//!
//! With a_i = sqrt(lambda_s w_i / Lambda) and rho_i = lambda_s w_i for partition i of flow s, the weighted time in its stage is
//!
//! ```text
//! lambda_s/Lambda * 1/(f_i/w_i - lambda_s)  =  a_i^2 / (f_i - rho_i)
//! ```
//!
//! so a server with A = sum a_i and R = F - sum rho_i contributes at least A^2/R (Cauchy-Schwarz), with equality for f_i = rho_i + R a_i/A
//! (Kleinrock). With whole units of size u the k-th unit after k of them saves `a_i^2 u / ((k u - rho_i)((k+1) u - rho_i))`, less and less: giving
//! each unit where it saves most is exact (Fox). [`Delays::fox`] starts from the continuous shares rounded down and exchanges units while
//! that saves something, which ends at the same place after about n steps, however small the units are.
//!
//! Deployments are compared by [`Merit`], lexicographically: first the faults, missing transfers and overload of servers, then the delay. So local
//! search first removes faults. Faults are whole numbers, so that their differences are exact.
//!
//! | paper | here | unit | shape |
//! |---|---|---|---|
//! | a_sn | `root` | sqrt(MAC) | (partitions of all flows,) |
//! | lambda_s w_sn | `load` | MAC/s | (partitions of all flows,) |
//! | F_m | `capacity`, `units` | MAC/s, units | (servers,) |

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Add, AddAssign, Range, Sub};

use offcut_instances::jpdra::{Allocation, Instance, Solution, Speeds};

/// The faults of a missing transfer, and of an overload by the total speed of all servers.
const FAULT: i64 = 1 << 20;

/// More units than any server can have.
const MAX_UNITS: u64 = 1 << 53;

/// The lexicographic objective of a deployment: fewer faults first, then less delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub(super) struct Merit {
    /// Missing transfers and overload, in parts of [`FAULT`]; 0 exactly if the deployment is feasible.
    pub(super) faults: i64,
    /// Mean delay of all parts without a fault, in seconds.
    pub(super) delay_s: f64,
}

impl Merit {
    fn delay(delay_s: f64) -> Self {
        Self { faults: 0, delay_s }
    }

    fn faults(faults: i64) -> Self {
        Self { faults, delay_s: 0.0 }
    }

    /// Whether this change is an improvement by more than rounding errors of a delay of `delay_s` seconds.
    pub(super) fn improves(self, delay_s: f64) -> bool {
        self.faults < 0 || (self.faults == 0 && self.delay_s < -1e-11 * delay_s.abs())
    }
}

impl Merit {
    /// Whether both are equal up to rounding errors.
    pub(super) fn is_about(self, other: Self) -> bool {
        self.faults == other.faults && (self.delay_s - other.delay_s).abs() <= 1e-9 * other.delay_s.abs()
    }
}

impl Add for Merit {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { faults: self.faults + other.faults, delay_s: self.delay_s + other.delay_s }
    }
}

impl AddAssign for Merit {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Merit {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { faults: self.faults - other.faults, delay_s: self.delay_s - other.delay_s }
    }
}

/// Every partition's share of its server, flat: the partitions of all flows one after another.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shares {
    MacsPerS(Vec<f64>),
    Units(Vec<u64>),
}

/// Sums over the partitions on a server, for its continuous delay.
#[derive(Clone, Copy, Debug, Default)]
struct ServerLoad {
    root: f64,
    load: f64,
    count: i64,
    /// Units that keep them stable; 0 without units.
    least_units: i64,
}

/// An instance, flat: the partitions of all flows one after another, and every transfer with its weight lambda_s/Lambda.
#[derive(Clone, Debug)]
pub(super) struct Delays {
    /// The flow of every partition.
    pub(super) flow: Vec<usize>,
    /// The first partition of every flow, and the number of partitions at the end.
    first: Vec<usize>,
    /// The kind of every server, as an index, and how many there are: work, and so roots and loads, are per kind.
    kind_of: Vec<usize>,
    kinds: usize,
    /// Shape (partitions, kinds), flat.
    root: Vec<f64>,
    /// Shape (partitions, kinds), flat.
    load: Vec<f64>,
    /// Rounding error of `load`: load + tail is the exact product.
    tail: Vec<f64>,
    /// Weighted bytes that go from every partition to the next.
    bytes: Vec<f64>,
    /// Weighted seconds to every server from outside and back. Shape (flows, servers); `None` where the transfer does not exist.
    enter: Vec<Option<f64>>,
    leave: Vec<Option<f64>>,
    /// Seconds per byte. Shape (servers, servers); `None` where the transfer does not exist.
    hop: Vec<Option<f64>>,
    pub(super) capacity: Vec<f64>,
    total_capacity: f64,
    /// Size of a unit, if speeds are shared in units.
    pub(super) unit: Option<f64>,
    /// Units of every server; 0 without units.
    pub(super) units: Vec<u64>,
    /// The least units with which every partition is stable; 0 without units. Shape (partitions, kinds), flat.
    least_units: Vec<u64>,
}

impl Delays {
    pub(super) fn new(instance: &Instance) -> Self {
        let servers = 0..instance.servers.len();
        let total: f64 = instance.flows.iter().map(|flow| flow.rate_per_s).sum();
        let unit = match instance.allocation {
            Allocation::Continuous => None,
            Allocation::Units { macs_per_s } => Some(macs_per_s),
        };
        let capacity: Vec<f64> = instance.servers.iter().map(|server| server.machine.speed).collect();
        let (kinds, kind_of) = instance.server_kinds();
        let count = instance.partitions();
        let mut delays = Self {
            flow: Vec::with_capacity(count),
            first: vec![0],
            kind_of,
            kinds: kinds.len(),
            root: Vec::with_capacity(count),
            load: Vec::with_capacity(count),
            tail: Vec::with_capacity(count),
            bytes: Vec::with_capacity(count),
            enter: Vec::new(),
            leave: Vec::new(),
            hop: Vec::new(),
            total_capacity: capacity.iter().sum(),
            capacity,
            unit,
            units: servers.clone().map(|m| unit.map_or(0, |unit| instance.units(m, unit))).collect(),
            least_units: Vec::new(),
        };
        for (s, flow) in instance.flows.iter().enumerate() {
            let weight = flow.rate_per_s / total;
            for (n, partition) in flow.partitions.iter().enumerate() {
                for kind in &kinds {
                    let work = instance.work(s, n, *kind);
                    let load = flow.rate_per_s * work;
                    delays.root.push((load / total).sqrt());
                    delays.load.push(load);
                    delays.tail.push(flow.rate_per_s.mul_add(work, -load));
                }
                delays.flow.push(s);
                delays.bytes.push(weight * partition.out_bytes);
            }
            delays.first.push(delays.flow.len());
            let enter = |m| instance.enters(s, m).then(|| weight * flow.input_bytes / flow.uplink_bytes_per_s[m]);
            delays.enter.extend(servers.clone().map(enter));
            let leave = |m| {
                let back = |bytes: f64| weight * bytes / flow.downlink_bytes_per_s[m];
                instance.leaves(s, m).then(|| flow.result_bytes.map_or(0.0, back))
            };
            delays.leave.extend(servers.clone().map(leave));
        }
        for from in servers.clone() {
            let seconds = |to: usize| if from == to { 0.0 } else { 1.0 / instance.link_bytes_per_s[from][to] };
            delays.hop.extend(servers.clone().map(|to| instance.connects(from, to).then(|| seconds(to))));
        }
        let places = 0..count * delays.kinds;
        delays.least_units = places.map(|at| unit.map_or(0, |unit| delays.stable_units(at, unit))).collect();
        delays
    }

    pub(super) fn partitions(&self) -> usize {
        self.flow.len()
    }

    /// The place of partition `i` on server `m` in data by kind.
    fn at(&self, i: usize, m: usize) -> usize {
        // Nearly all instances have one kind: a branch is cheaper than looking it up.
        if self.kinds == 1 { i } else { i * self.kinds + self.kind_of[m] }
    }

    /// sqrt(lambda w / Lambda) of partition `i` on server `m`.
    pub(super) fn root(&self, i: usize, m: usize) -> f64 {
        self.root[self.at(i, m)]
    }

    /// lambda w of partition `i` on server `m`, in the unit of its speed.
    pub(super) fn load(&self, i: usize, m: usize) -> f64 {
        self.load[self.at(i, m)]
    }

    /// The load of partition `i`, on the kind of server where it is least in parts of the capacity; for orders only.
    pub(super) fn relative_load(&self, i: usize) -> f64 {
        if self.kinds == 1 {
            return self.load[i];
        }
        (0..self.servers()).map(|m| self.load(i, m) / self.capacity[m]).fold(f64::INFINITY, f64::min)
    }

    pub(super) fn servers(&self) -> usize {
        self.capacity.len()
    }

    pub(super) fn flows(&self) -> usize {
        self.first.len() - 1
    }

    /// The partitions of flow `s`.
    pub(super) fn of_flow(&self, s: usize) -> Range<usize> {
        self.first[s]..self.first[s + 1]
    }

    fn is_first(&self, i: usize) -> bool {
        self.first[self.flow[i]] == i
    }

    fn is_last(&self, i: usize) -> bool {
        self.first[self.flow[i] + 1] == i + 1
    }

    /// The partitions that a deployment gives to every server, ascending.
    pub(super) fn hosted(&self, servers: &[u32]) -> Vec<Vec<usize>> {
        let mut hosted = vec![Vec::new(); self.servers()];
        for (i, m) in servers.iter().enumerate() {
            hosted[*m as usize].push(i);
        }
        hosted
    }

    /// The transfer to partition `i`.
    fn arrival(&self, i: usize, servers: &[u32]) -> Merit {
        let to = servers[i] as usize;
        let transfer = if self.is_first(i) {
            self.enter[self.flow[i] * self.servers() + to]
        } else {
            self.hop[servers[i - 1] as usize * self.servers() + to].map(|s_per_byte| self.bytes[i - 1] * s_per_byte)
        };
        transfer.map_or(Merit::faults(FAULT), Merit::delay)
    }

    /// The transfer from partition `i`.
    fn departure(&self, i: usize, servers: &[u32]) -> Merit {
        if self.is_last(i) {
            let transfer = self.leave[self.flow[i] * self.servers() + servers[i] as usize];
            transfer.map_or(Merit::faults(FAULT), Merit::delay)
        } else {
            self.arrival(i + 1, servers)
        }
    }

    /// Whether the transfers of partition `i` on server `m` exist, given the servers of its neighbours; `None` is not assigned yet and allows all.
    pub(super) fn has_transfers(&self, i: usize, m: usize, servers: &[Option<u32>]) -> bool {
        let hop = |from: usize, to: usize| self.hop[from * self.servers() + to].is_some();
        let at = |i: usize| servers[i].map(|m| m as usize);
        let comes = if self.is_first(i) {
            self.enter[self.flow[i] * self.servers() + m].is_some()
        } else {
            at(i - 1).is_none_or(|from| hop(from, m))
        };
        let goes = if self.is_last(i) {
            self.leave[self.flow[i] * self.servers() + m].is_some()
        } else {
            at(i + 1).is_none_or(|to| hop(m, to))
        };
        comes && goes
    }

    /// Speed left on server `m` under a load of `count` partitions, in MAC/s; `None` if it is not above rounding errors.
    pub(super) fn residual(&self, m: usize, load: f64, count: usize) -> Option<f64> {
        let left = self.capacity[m] - load;
        (left > 64.0 * count as f64 * f64::EPSILON * self.capacity[m]).then_some(left)
    }

    /// Overload in parts of [`FAULT`], at least 1.
    fn overload(&self, m: usize, over: f64) -> Merit {
        // Speeds of different kinds have no sum.
        let capacity = if self.kinds == 1 { self.total_capacity } else { self.capacity[m] };
        let share = (over / capacity).clamp(0.0, 1e6);
        Merit::faults(1 + (share * FAULT as f64) as i64)
    }

    /// Continuous: A^2/R. In units: the same faults, and a bound on the delay, since whole units are a restriction.
    fn least(&self, m: usize, hosted: ServerLoad) -> Merit {
        if hosted.count == 0 {
            return Merit::default();
        }
        let left = if let Some(unit) = self.unit {
            let beyond = hosted.least_units.saturating_sub_unsigned(self.units[m]);
            if beyond > 0 {
                return self.overload(m, beyond as f64 * unit);
            }
            self.units[m] as f64 * unit - hosted.load
        } else {
            match self.residual(m, hosted.load, hosted.count as usize) {
                Some(left) => left,
                None => return self.overload(m, hosted.load - self.capacity[m]),
            }
        };
        Merit::delay(if left > 0.0 { hosted.root * hosted.root / left } else { 0.0 })
    }

    fn sum(&self, m: usize, hosted: &[usize]) -> ServerLoad {
        hosted.iter().fold(ServerLoad::default(), |sum, i| sum.with(self, *i, m, 1))
    }

    /// What server `m` contributes with these hosted.
    pub(super) fn of_server(&self, m: usize, hosted: &[usize]) -> Merit {
        match self.unit.and_then(|_| self.fox(m, hosted)) {
            Some(units) => Merit::delay(hosted.iter().zip(units).map(|(i, k)| self.stage_s(*i, m, k)).sum()),
            None => self.least(m, self.sum(m, hosted)),
        }
    }

    /// Whether the load exceeds the total capacity of all servers: no deployment is feasible. (With several kinds of servers this is not looked at.)
    pub(super) fn exceeds_total_capacity(&self) -> bool {
        if self.kinds > 1 {
            return false;
        }
        if self.unit.is_some() {
            let sum = |units: &[u64]| units.iter().map(|units| u128::from(*units)).sum::<u128>();
            sum(&self.least_units) > sum(&self.units)
        } else {
            self.load.iter().sum::<f64>() >= self.total_capacity
        }
    }

    /// The merit of a deployment with the best shares: the optimal-delay function of the allocation problem.
    pub(super) fn merit(&self, servers: &[u32]) -> Merit {
        let mut merit = Merit::default();
        for i in 0..self.partitions() {
            merit += self.arrival(i, servers);
            if self.is_last(i) {
                merit += self.departure(i, servers);
            }
        }
        for (m, hosted) in self.hosted(servers).iter().enumerate() {
            merit += self.of_server(m, hosted);
        }
        merit
    }

    /// A greedy deployment: flows in this order, partition by partition, each where the merit so far rises least. (In units: its bound.)
    pub(super) fn assigned_greedily(&self, order: &[usize]) -> Vec<u32> {
        self.reassigned(&vec![0; self.partitions()], order)
    }

    /// The same for the flows in `order`, with all others as in `servers`.
    pub(super) fn reassigned(&self, servers: &[u32], order: &[usize]) -> Vec<u32> {
        let mut servers = servers.to_vec();
        let mut stays = vec![true; self.flows()];
        order.iter().for_each(|s| stays[*s] = false);
        let mut sums = vec![ServerLoad::default(); self.servers()];
        for i in (0..self.partitions()).filter(|i| stays[self.flow[*i]]) {
            let m = servers[i] as usize;
            sums[m] = sums[m].with(self, i, m, 1);
        }
        for i in order.iter().flat_map(|s| self.of_flow(*s)) {
            let mut best: Option<(Merit, usize)> = None;
            for (m, sum) in sums.iter().enumerate() {
                servers[i] = m as u32;
                let mut rise = self.arrival(i, &servers) + self.least(m, sum.with(self, i, m, 1)) - self.least(m, *sum);
                if self.is_last(i) {
                    rise += self.departure(i, &servers);
                }
                if best.is_none_or(|(least, _)| rise < least) {
                    best = Some((rise, m));
                }
            }
            let (_, m) = best.expect("at least one server");
            servers[i] = m as u32;
            sums[m] = sums[m].with(self, i, m, 1);
        }
        servers
    }

    /// `speed` - lambda w of the partition at this place of the data by kind, where the speed is a sum `speed + rest`; a positive result is positive for the exact numbers too.
    fn spare(&self, at: usize, speed: f64, rest: f64) -> f64 {
        (speed - self.load[at]) + (rest - self.tail[at])
    }

    /// Speed of `units` beyond what the partition at this place needs to be stable.
    fn spare_of_units(&self, at: usize, units: u64) -> f64 {
        let (units, unit) = (units as f64, self.unit.expect("speeds in units"));
        let speed = units * unit;
        self.spare(at, speed, units.mul_add(unit, -speed))
    }

    /// The least units of server `m` with which partition `i` is stable, at most 2^53.
    pub(super) fn least_units(&self, i: usize, m: usize) -> u64 {
        self.least_units[self.at(i, m)]
    }

    fn stable_units(&self, at: usize, unit: f64) -> u64 {
        let quotient = (self.load[at] / unit).floor();
        if quotient >= 9e15 {
            return MAX_UNITS;
        }
        // The quotient was rounded: it can be one off, either way.
        let near = (quotient as u64).max(1);
        (near..near + 2).find(|units| self.spare_of_units(at, *units) > 0.0).unwrap_or(near + 2)
    }

    /// Weighted time in the stage of partition `i` with so many units, at least its least.
    pub(super) fn stage_s(&self, i: usize, m: usize, units: u64) -> f64 {
        let at = self.at(i, m);
        self.root[at] * self.root[at] / self.spare_of_units(at, units)
    }

    /// Seconds saved by one more than `units`.
    pub(super) fn saving_s(&self, i: usize, m: usize, units: u64) -> f64 {
        let at = self.at(i, m);
        let (now, then) = (self.spare_of_units(at, units), self.spare_of_units(at, units + 1));
        self.root[at] * self.root[at] / now * (self.unit.expect("speeds in units") / then)
    }

    /// The best units of server `m` for its hosted, all units given away; none if their least do not fit.
    pub(super) fn fox(&self, m: usize, hosted: &[usize]) -> Option<Vec<u64>> {
        let total = self.units[m];
        let unit = self.unit.expect("speeds in units");
        let ServerLoad { root, load, least_units, .. } = self.sum(m, hosted);
        if least_units.saturating_sub_unsigned(total) > 0 {
            return None;
        }
        let left = (total as f64 * unit - load).max(0.0);
        let share = |i: usize| ((self.load(i, m) + left * self.root(i, m) / root) / unit).floor() as u64;
        let mut units: Vec<u64> = hosted.iter().map(|i| share(*i).clamp(self.least_units(*i, m), total)).collect();
        let mut given: u64 = units.iter().sum();

        // Savings by the next unit, most on top; losses by giving one back, least on top. Both are >= 0, and their bits order as they do.
        // Entries are left behind when units change; one is valid if its units are still true.
        let saving = |x: usize, units: u64| (self.saving_s(hosted[x], m, units).to_bits(), x, units);
        let loss = |x: usize, units: u64| {
            (units > self.least_units(hosted[x], m)).then(|| saving(x, units - 1).0).map(|bits| (bits, x, units))
        };
        let mut savings: BinaryHeap<(u64, usize, u64)> =
            units.iter().enumerate().map(|(x, units)| saving(x, *units)).collect();
        let mut losses: BinaryHeap<Reverse<(u64, usize, u64)>> =
            units.iter().enumerate().filter_map(|(x, units)| loss(x, *units)).map(Reverse).collect();
        if hosted.is_empty() {
            return Some(units);
        }
        loop {
            let most = loop {
                let (bits, x, of) = *savings.peek()?;
                if units[x] == of {
                    break (bits, x);
                }
                savings.pop();
            };
            let least = loop {
                match losses.peek() {
                    Some(Reverse((bits, x, of))) if units[*x] == *of => break Some((*bits, *x)),
                    Some(_) => losses.pop(),
                    None => break None,
                };
            };
            let (gives, takes) = match least {
                _ if given < total => (None, Some(most.1)),
                Some((_, x)) if given > total => (Some(x), None),
                Some((bits, x)) if bits < most.0 => (Some(x), Some(most.1)),
                _ => return Some(units),
            };
            if let Some(x) = gives {
                units[x] -= 1;
                given -= 1;
            }
            if let Some(x) = takes {
                units[x] += 1;
                given += 1;
            }
            for x in gives.into_iter().chain(takes) {
                savings.push(saving(x, units[x]));
                losses.extend(loss(x, units[x]).map(Reverse));
            }
        }
    }

    /// The merit of a deployment with these shares: no faults exactly if every partition is stable and all transfers exist. Capacities are not checked.
    pub(super) fn of_shares(&self, servers: &[u32], shares: &Shares) -> Merit {
        let mut merit = Merit::default();
        for i in 0..self.partitions() {
            merit += self.arrival(i, servers);
            if self.is_last(i) {
                merit += self.departure(i, servers);
            }
            let at = self.at(i, servers[i] as usize);
            let spare = match shares {
                Shares::MacsPerS(speeds) => self.spare(at, speeds[i], 0.0),
                Shares::Units(units) => self.spare_of_units(at, units[i]),
            };
            let stage = self.root[at] * self.root[at] / spare;
            merit += if spare > 0.0 { Merit::delay(stage) } else { Merit::faults(1) };
        }
        merit
    }

    /// The same decisions flow by flow.
    pub(super) fn solution(&self, servers: &[u32], shares: &Shares) -> Solution {
        fn rows<T: Clone>(delays: &Delays, flat: &[T]) -> Vec<Vec<T>> {
            (0..delays.flows()).map(|s| flat[delays.of_flow(s)].to_vec()).collect()
        }
        let speeds = match shares {
            Shares::MacsPerS(speeds) => Speeds::MacsPerS(rows(self, speeds)),
            Shares::Units(units) => Speeds::Units(rows(self, units)),
        };
        Solution { servers: rows(self, servers), speeds }
    }
}

impl ServerLoad {
    /// With partition `i` added to server `m` (`times` 1) or removed from it (-1).
    fn with(self, delays: &Delays, i: usize, m: usize, times: i64) -> Self {
        let (factor, at) = (times as f64, delays.at(i, m));
        Self {
            root: self.root + factor * delays.root[at],
            load: self.load + factor * delays.load[at],
            count: self.count + times,
            // A million partitions with 2^53 units each are more than 64 bits hold.
            least_units: self.least_units.saturating_add(times * delays.least_units[at] as i64),
        }
    }
}

/// A deployment with incremental evaluation of moves.
#[derive(Clone, Debug)]
pub(super) struct Deployment<'a> {
    delays: &'a Delays,
    servers: Vec<u32>,
    hosted: Vec<Vec<usize>>,
    sums: Vec<ServerLoad>,
    worths: Vec<Merit>,
    merit: Merit,
    /// Servers that a move touches, with their hosted after it.
    touched: Vec<(usize, ServerLoad)>,
    /// Tenants of one of them.
    after: Vec<usize>,
    /// Where partitions that move were before.
    before: Vec<u32>,
    /// Whether a move takes this partition elsewhere.
    is_moved: Vec<bool>,
}

impl<'a> Deployment<'a> {
    pub(super) fn new(delays: &'a Delays, servers: Vec<u32>) -> Self {
        let hosted = delays.hosted(&servers);
        Self {
            sums: hosted.iter().enumerate().map(|(m, hosted)| delays.sum(m, hosted)).collect(),
            worths: hosted.iter().enumerate().map(|(m, hosted)| delays.of_server(m, hosted)).collect(),
            merit: delays.merit(&servers),
            touched: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            is_moved: vec![false; servers.len()],
            delays,
            servers,
            hosted,
        }
    }

    pub(super) fn delays(&self) -> &'a Delays {
        self.delays
    }

    pub(super) fn merit(&self) -> Merit {
        self.merit
    }

    pub(super) fn servers(&self) -> &[u32] {
        &self.servers
    }

    pub(super) fn server(&self, i: usize) -> u32 {
        self.servers[i]
    }

    /// The partitions on server `m`.
    pub(super) fn on(&self, m: usize) -> &[usize] {
        &self.hosted[m]
    }

    /// The transfers from and to partitions that move, each once.
    fn transfers(&self, moves: &[(usize, u32)]) -> Merit {
        let mut merit = Merit::default();
        for (i, _) in moves {
            merit += self.delays.arrival(*i, &self.servers);
            if self.delays.is_last(*i) || !self.is_moved[*i + 1] {
                merit += self.delays.departure(*i, &self.servers);
            }
        }
        merit
    }

    fn touch(&mut self, i: usize, m: usize, times: i64) {
        match self.touched.iter_mut().find(|(touched, _)| *touched == m) {
            Some((_, hosted)) => *hosted = hosted.with(self.delays, i, m, times),
            None => self.touched.push((m, self.sums[m].with(self.delays, i, m, times))),
        }
    }

    /// The change of merit by moving partitions to new servers, each partition at most once; `None` if it is no improvement.
    pub(super) fn change(&mut self, moves: &[(usize, u32)]) -> Option<Merit> {
        self.touched.clear();
        moves.iter().for_each(|(i, _)| self.is_moved[*i] = true);
        let mut change = Merit::default() - self.transfers(moves);
        let mut before = std::mem::take(&mut self.before);
        before.clear();
        for (i, to) in moves {
            let from = std::mem::replace(&mut self.servers[*i], *to);
            before.push(from);
            self.touch(*i, from as usize, -1);
            self.touch(*i, *to as usize, 1);
        }
        change += self.transfers(moves);
        let touched = std::mem::take(&mut self.touched);
        for (m, now) in &touched {
            change += self.delays.least(*m, *now) - self.worths[*m];
        }
        let delay_s = self.merit.delay_s;
        // In units this was a bound: it is evaluated exactly, server by server, as long as an improvement is possible.
        for (m, now) in touched.iter().filter(|_| self.delays.unit.is_some()) {
            if !change.improves(delay_s) {
                break;
            }
            self.after.clear();
            self.after.extend(self.hosted[*m].iter().filter(|i| self.servers[**i] as usize == *m));
            // A partition that "moves" to its own server is among those that stay.
            let comes = moves.iter().zip(&before).filter(|((_, to), from)| *to as usize == *m && from != &to);
            self.after.extend(comes.map(|((i, _), _)| *i));
            change += self.delays.of_server(*m, &self.after) - self.delays.least(*m, *now);
        }
        self.touched = touched;
        for ((i, _), from) in moves.iter().zip(&before) {
            self.servers[*i] = *from;
            self.is_moved[*i] = false;
        }
        self.before = before;
        change.improves(delay_s).then_some(change)
    }

    /// Applies moves; sums are computed again, so that rounding errors do not accumulate.
    pub(super) fn apply(&mut self, moves: &[(usize, u32)]) {
        let mut touched = Vec::new();
        for (i, to) in moves {
            let from = std::mem::replace(&mut self.servers[*i], *to);
            touched.extend([from as usize, *to as usize]);
            self.hosted[from as usize].retain(|other| other != i);
            self.hosted[*to as usize].push(*i);
        }
        touched.sort_unstable();
        touched.dedup();
        for m in touched {
            self.hosted[m].sort_unstable();
            self.sums[m] = self.delays.sum(m, &self.hosted[m]);
            self.worths[m] = self.delays.of_server(m, &self.hosted[m]);
        }
        self.merit = self.worths.iter().fold(Merit::default(), |sum, merit| sum + *merit);
        for i in 0..self.servers.len() {
            self.merit += self.delays.arrival(i, &self.servers);
            if self.delays.is_last(i) {
                self.merit += self.delays.departure(i, &self.servers);
            }
        }
    }
}
