//! Incumbents: a fractional deployment rounded, then improved by moving one partition or a few neighbours, or by exchanging two.

use offcut_instances::random::Stream;

use super::model::{Deployed, Model};

/// The lexicographic objective: first missing transfers and overload, then delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
struct Merit {
    /// Missing transfers, and load beyond servers' speed relative to it.
    excess: f64,
    delay: f64,
}

impl std::ops::Add for Merit {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { excess: self.excess + other.excess, delay: self.delay + other.delay }
    }
}

impl std::ops::Sub for Merit {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { excess: self.excess - other.excess, delay: self.delay - other.delay }
    }
}

/// Sums over the partitions on a server.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u32,
    load: f64,
    roots: f64,
    /// The least units.
    units: f64,
}

/// Neighbours that move together, at most.
const LONGEST_BLOCK: usize = 4;

/// A partition that is on no server for the moment.
const NOWHERE: u32 = u32::MAX;

/// A deployment under improvement.
#[derive(Clone)]
pub(super) struct Local<'m> {
    model: &'m Model<'m>,
    on: Vec<u32>,
    sums: Vec<Sums>,
    of_server: Vec<Merit>,
    /// Partitions around which something has changed since they were tried.
    is_open: Vec<bool>,
    /// Servers looked at with other partitions than they have.
    pub(super) tried: u64,
}

/// The best deployment that local search makes of `on`, with its delay; `None` if it is infeasible.
pub(super) fn improved(model: &Model, on: Vec<u32>, is_out_of_time: &dyn Fn() -> bool) -> Option<Deployed> {
    let mut local = Local::new(model, on);
    local.improve(is_out_of_time);
    local.found()
}

/// Keeps the better one of two deployments with their delays.
pub(super) fn keep(best: &mut Option<Deployed>, found: Option<Deployed>) {
    if let Some((delay, on)) = found
        && best.as_ref().is_none_or(|(least, _)| delay < *least)
    {
        *best = Some((delay, on));
    }
}

/// A first deployment: the best of a few random ones, improved by local search. `None` if none of them is feasible.
pub(super) fn first_deployment(
    model: &Model,
    stream: &mut Stream,
    is_out_of_time: &dyn Fn() -> bool,
) -> Option<Deployed> {
    let servers = model.servers() as u64;
    let mut best = None;
    let tries = if model.partitions() <= 64 { 4 } else { 2 };
    for _ in 0..tries {
        let on = (0..model.partitions()).map(|_| stream.below(servers) as u32).collect();
        let mut local = Local::new(model, on);
        local.improve(is_out_of_time);
        keep(&mut best, local.found());
        if is_out_of_time() {
            break;
        }
    }
    best
}

impl<'m> Local<'m> {
    pub(super) fn new(model: &'m Model<'m>, on: Vec<u32>) -> Self {
        let is_open = vec![true; on.len()];
        let sums = vec![Sums::default(); model.servers()];
        let mut local = Self { model, on, sums, of_server: vec![Merit::default(); model.servers()], is_open, tried: 0 };
        (0..model.servers()).for_each(|m| local.refresh(m));
        local
    }

    /// A local optimum: only partitions moved by [`Local::put`], and their neighbours, are tried.
    pub(super) fn at_rest(model: &'m Model<'m>, on: Vec<u32>) -> Self {
        let mut local = Self::new(model, on);
        local.is_open.fill(false);
        local
    }

    /// The deployment with its delay; `None` if it is infeasible.
    pub(super) fn found(self) -> Option<Deployed> {
        self.model.delay(&self.on).map(|delay| (delay, self.on))
    }

    /// Puts partitions elsewhere, better or not.
    pub(super) fn put(&mut self, moves: impl Iterator<Item = (usize, u32)>) {
        for (i, m) in moves {
            if self.on[i] != m {
                self.apply(&[(i, m)]);
            }
        }
    }

    /// Sums up a server anew.
    fn refresh(&mut self, m: usize) {
        let mut sums = Sums::default();
        for i in (0..self.on.len()).filter(|i| self.on[*i] as usize == m) {
            sums = self.with(sums, m, i);
        }
        self.sums[m] = sums;
        self.of_server[m] = self.server(m, &sums);
    }

    fn with(&self, sums: Sums, m: usize, i: usize) -> Sums {
        Sums {
            count: sums.count + 1,
            load: sums.load + self.model.load(i, m),
            roots: sums.roots + self.model.root(i, m),
            units: sums.units + self.model.least(i, m) as f64,
        }
    }

    fn without(&self, sums: Sums, m: usize, i: usize) -> Sums {
        Sums {
            count: sums.count - 1,
            load: sums.load - self.model.load(i, m),
            roots: sums.roots - self.model.root(i, m),
            units: sums.units - self.model.least(i, m) as f64,
        }
    }

    /// The merit of a server with these sums. With units its partitions are the current ones.
    fn server(&self, m: usize, sums: &Sums) -> Merit {
        let excess = |excess: f64| Merit { excess: excess + 1e-9, delay: 0.0 };
        if self.model.unit.is_none() {
            return match self.model.shared_delay(m, sums.count as usize, sums.load, sums.roots) {
                Some(delay) => Merit { excess: 0.0, delay },
                None => excess((sums.load / self.model.speed(m) - 1.0).max(0.0)),
            };
        }
        if sums.count == 0 {
            return Merit::default();
        }
        let has = self.model.units[m] as f64;
        if sums.units > has {
            return excess((sums.units - has) / has.max(1.0));
        }
        let set: Vec<usize> = (0..self.on.len()).filter(|i| self.on[*i] as usize == m).collect();
        match self.model.fox(m, &set) {
            Some((_, delay)) => Merit { excess: 0.0, delay },
            None => excess(0.0),
        }
    }

    /// The transfers from the partition before the block `first..=last` to the one after it, the block's own among them.
    fn transfers(&self, first: usize, last: usize) -> Merit {
        let model = self.model;
        let range = &model.flows[model.flow_of[first]];
        let at = |i: usize| self.on[i] as usize;
        let way = |cost: f64| match cost < f64::INFINITY {
            true => Merit { excess: 0.0, delay: cost },
            false => Merit { excess: 1.0, delay: 0.0 },
        };
        let mut total = match first == range.start {
            true => way(model.enter(model.flow_of[first])[at(first)]),
            false => way(model.hop(first - 1, at(first - 1), at(first))),
        };
        for i in first..last {
            total = total + way(model.hop(i, at(i), at(i + 1)));
        }
        total
            + match last + 1 == range.end {
                true => way(model.leave(model.flow_of[last])[at(last)]),
                false => way(model.hop(last, at(last), at(last + 1))),
            }
    }

    fn is_better(&self, change: Merit, scale: f64) -> bool {
        change.excess < -1e-12 || change.excess < 1e-12 && change.delay < -1e-12 * scale
    }

    fn scale(&self) -> f64 {
        self.of_server.iter().map(|of| of.delay).sum::<f64>().max(f64::MIN_POSITIVE)
    }

    /// Moves partitions for good. Whoever is on a server touched, or of a flow touched, is open again.
    fn apply(&mut self, moves: &[(usize, u32)]) {
        for (i, m) in moves {
            let from = std::mem::replace(&mut self.on[*i], *m);
            for m in [from, *m] {
                self.refresh(m as usize);
                let there = self.on.iter().zip(&mut self.is_open).filter(|(on, _)| **on == m);
                there.for_each(|(_, is_open)| *is_open = true);
            }
            let range = self.model.flows[self.model.flow_of[*i]].clone();
            self.is_open[range].fill(true);
        }
    }

    /// Moves partition `i` to its best server, if that is better.
    fn move_one(&mut self, i: usize, scale: f64) -> bool {
        let from = self.on[i];
        let a = from as usize;
        let old_transfers = self.transfers(i, i);
        self.on[i] = NOWHERE;
        let left = self.server(a, &self.without(self.sums[a], a, i)) - self.of_server[a] - old_transfers;
        let mut best: Option<(Merit, u32)> = None;
        for m in (0..self.model.servers()).filter(|m| *m != a) {
            self.on[i] = m as u32;
            let change =
                left + self.server(m, &self.with(self.sums[m], m, i)) - self.of_server[m] + self.transfers(i, i);
            if self.is_better(change, scale) && best.is_none_or(|(least, _)| change < least) {
                best = Some((change, m as u32));
            }
        }
        self.on[i] = from;
        self.tried += self.model.servers() as u64;
        let Some((_, m)) = best else { return false };
        self.apply(&[(i, m)]);
        true
    }

    /// Moves the neighbours `first..=last` to one server, if that is better.
    fn move_block(&mut self, first: usize, last: usize, m: usize, scale: f64) -> bool {
        let many = last - first + 1;
        let mut before = [0u32; LONGEST_BLOCK];
        before[..many].copy_from_slice(&self.on[first..=last]);
        let moving = before[..many].iter().filter(|from| **from as usize != m).count();
        if moving < 2 {
            return false;
        }
        let old_transfers = self.transfers(first, last);
        let mut to = self.sums[m];
        let mut change = Merit::default() - old_transfers;
        self.on[first..=last].fill(m as u32);
        for (at, from) in before[..many].iter().enumerate().filter(|(_, from)| **from as usize != m) {
            to = self.with(to, m, first + at);
            // Every server once: with the first of the block that is on it.
            if !before[..at].contains(from) {
                let there = (at..many).filter(|other| before[*other] == *from);
                let from = *from as usize;
                let sums = there.fold(self.sums[from], |sums, other| self.without(sums, from, first + other));
                change = change + self.server(from, &sums) - self.of_server[from];
            }
        }
        change = change + self.server(m, &to) - self.of_server[m] + self.transfers(first, last);
        self.on[first..=last].copy_from_slice(&before[..many]);
        self.tried += 2;
        let is_better = self.is_better(change, scale);
        if is_better {
            let mut moves = [(0, 0); LONGEST_BLOCK];
            let mut moved = 0;
            for (at, _) in before[..many].iter().enumerate().filter(|(_, from)| **from as usize != m) {
                moves[moved] = (first + at, m as u32);
                moved += 1;
            }
            self.apply(&moves[..moved]);
        }
        is_better
    }

    /// Exchanges the servers of two partitions, if that is better.
    fn exchange(&mut self, i: usize, j: usize, scale: f64) -> bool {
        let (a, b) = (self.on[i], self.on[j]);
        let (of_a, of_b) = (a as usize, b as usize);
        let (first, last) = (i.min(j), i.max(j));
        let are_near = last - first == 1 && self.model.follows[last];
        let transfers = |local: &Self| {
            if are_near { local.transfers(first, last) } else { local.transfers(i, i) + local.transfers(j, j) }
        };
        let sums_a = self.with(self.without(self.sums[of_a], of_a, i), of_a, j);
        let sums_b = self.with(self.without(self.sums[of_b], of_b, j), of_b, i);
        let mut change = Merit::default() - transfers(self);
        (self.on[i], self.on[j]) = (b, a);
        change = change + self.server(of_a, &sums_a) - self.of_server[of_a];
        change = change + self.server(of_b, &sums_b) - self.of_server[of_b] + transfers(self);
        (self.on[i], self.on[j]) = (a, b);
        self.tried += 2;
        let is_better = self.is_better(change, scale);
        if is_better {
            self.apply(&[(i, b), (j, a)]);
        }
        is_better
    }

    /// Improves until nothing is better: single moves, blocks of neighbours, exchanges. Only what is open is tried.
    pub(super) fn improve(&mut self, is_out_of_time: &dyn Fn() -> bool) {
        let partitions = self.on.len();
        while self.is_open.contains(&true) && !is_out_of_time() {
            for i in 0..partitions {
                if !std::mem::take(&mut self.is_open[i]) {
                    continue;
                }
                let scale = self.scale();
                if self.move_one(i, scale) {
                    continue;
                }
                let range = self.model.flows[self.model.flow_of[i]].clone();
                let mut is_better = false;
                for first in range.start.max((i + 1).saturating_sub(LONGEST_BLOCK))..=i {
                    for last in i.max(first + 1)..range.end.min(first + LONGEST_BLOCK) {
                        for m in 0..self.model.servers() {
                            is_better |= self.move_block(first, last, m, scale);
                        }
                    }
                }
                for j in (0..partitions).filter(|j| *j != i) {
                    is_better |= self.on[i] != self.on[j] && self.exchange(i, j, scale);
                }
                debug_assert!(!is_better || self.is_open.contains(&true), "what changes opens what is around it");
            }
        }
    }
}

/// The best of a few deployments drawn from shares, each improved.
pub(super) fn rounded(
    model: &Model,
    shares: &[f64],
    stream: &mut Stream,
    is_out_of_time: &dyn Fn() -> bool,
) -> Option<Deployed> {
    let mut best = None;
    for _ in 0..8 {
        keep(&mut best, improved(model, drawn(model, shares, stream), is_out_of_time));
        if is_out_of_time() {
            break;
        }
    }
    best
}

/// A deployment drawn from shares; shape (partitions, servers), flat.
pub(super) fn drawn(model: &Model, shares: &[f64], stream: &mut Stream) -> Vec<u32> {
    let servers = model.servers();
    let pick = |i: usize| {
        let row = &shares[i * servers..][..servers];
        let mut at = stream.unit() * row.iter().sum::<f64>();
        let found = row.iter().position(|share| {
            at -= share;
            at < 0.0
        });
        found.unwrap_or(0) as u32
    };
    (0..model.partitions()).map(pick).collect()
}
