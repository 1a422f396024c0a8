//! DPD, DNN partition deployment: local search over the optimal-delay function; then CRA.
//!
//! The paper's abstract says that DPD optimises CRA's optimal-delay function with low complexity; the search is Offcut's. Four kinds of moves:
//!
//! 1. a partition goes to another server;
//! 2. a block of consecutive partitions of a flow goes to one server (its inner hops vanish, which no single step shows);
//! 3. two partitions exchange their servers (at high load nothing else fits);
//! 4. two servers exchange their names, within one flow or for all (where a fast server has the wrong partitions).
//!
//! The first move that helps is made, kind after kind, until none helps; a move is evaluated again only after a server or flow that it
//! touches has changed. Faults (missing transfers, overload) come before delay, so that the search repairs infeasible deployments. The cost of evaluating
//! a move is that of the servers it touches; whole units are evaluated only if the continuous value, a bound, is an improvement.
//!
//! The first start places partitions one by one where the delay so far rises least. A further start is random, and is followed by perturbations of
//! the best deployment so far: a few flows are taken out, reassigned and improved. On small instances random starts find the remaining improvements; on large
//! ones they all end above the first start (every one of 19 did at 100 flows of 10 partitions on 20 servers), so after some in a row only perturbations
//! follow. `dpd` is one start, and takes another only if it ends with faults; `jpdra` is the best of many. More starts begin with the same ones and are
//! never worse. Tried and left out, for it made no difference at 20 starts: a move that sends a flow along its shortest path.

use std::time::Instant;

use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Parameter, ParameterRange, Setting, Trace};
use offcut_instances::random::Stream;

use super::cra;
use super::delay::{Delays, Deployment, Merit};

/// Starts of `jpdra` by default.
const DEFAULT_STARTS: u32 = 20;

/// Starts of `dpd`, at most, to find a deployment without faults.
const RESCUES: u32 = 20;

/// Perturbations of the best deployment after each further start.
const PERTURBATIONS: u32 = 2;

/// Flows that one of them reassigns, at most.
const MAX_REPLACED: u64 = 4;

/// After so many random starts in a row that end above the best, only perturbations follow.
const MAX_WORSE: u32 = 3;

/// The kinds of moves used besides relocating one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) blocks: bool,
    pub(super) swap: bool,
    pub(super) relabel: bool,
}

impl Moves {
    pub(super) const ALL: Self = Self { blocks: true, swap: true, relabel: true };
}

/// The result of a search.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) servers: Vec<u32>,
    pub(super) merit: Merit,
    /// Whether it completed, not cut short by the budget.
    pub(super) is_complete: bool,
    pub(super) trace: Trace,
}

/// A deployment by one start, and by more only if it ends with faults. The same for every seed.
pub(super) fn one_start(delays: &Delays, moves: Moves, began: Instant, budget: &Budget) -> Found {
    let mut stream = Stream::new(&["jpdra", "dpd"], 0);
    search(delays, moves, RESCUES, &mut stream, began, budget, |merit| merit.faults == 0)
}

/// The best of up to `starts` starts, until one is good enough. With more starts the first ones are the same, so the result is never worse.
fn search(
    delays: &Delays,
    moves: Moves,
    starts: u32,
    stream: &mut Stream,
    began: Instant,
    budget: &Budget,
    is_enough: impl Fn(Merit) -> bool,
) -> Found {
    let starts = if delays.exceeds_total_capacity() { 1 } else { starts };
    let mut search = Search { delays, moves, began, budget, best: None, incumbents: Vec::new(), moved: 0 };
    let (mut started, mut is_complete, mut worse) = (0, true, 0);
    for start in 0..starts {
        started += 1;
        let mut is_done = true;
        if start == 0 || worse < MAX_WORSE {
            let servers = if start == 0 { first(delays) } else { random(delays, stream) };
            let before = search.least();
            let (merit, in_time) = search.descend(servers, None);
            is_done = in_time;
            worse = if before.is_none_or(|before| merit.is_about(before) || merit < before) { 0 } else { worse + 1 };
        }
        for _ in 0..if start == 0 { 0 } else { PERTURBATIONS } {
            if is_done && !budget.is_spent(began) {
                let near = search.best.as_ref().expect("the first start").0.clone();
                is_done = search.descend(perturbed(delays, &near, stream), Some(&near)).1;
            }
        }
        let is_last = start + 1 == starts || search.least().is_some_and(&is_enough);
        if !is_done || (!is_last && budget.is_spent(began)) {
            is_complete = false;
            break;
        }
        if is_last {
            break;
        }
    }
    let (servers, merit) = search.best.expect("at least one start");
    let counts = Trace::counting([("moves", search.moved), ("starts", started)]);
    Found { servers, merit, is_complete, trace: Trace { incumbents: search.incumbents, ..counts } }
}

/// The state of a search over starts.
struct Search<'a> {
    delays: &'a Delays,
    moves: Moves,
    began: Instant,
    budget: &'a Budget,
    best: Option<(Vec<u32>, Merit)>,
    incumbents: Vec<Incumbent>,
    moved: u64,
}

impl Search<'_> {
    /// The best merit so far.
    fn least(&self) -> Option<Merit> {
        self.best.as_ref().map(|(_, merit)| *merit)
    }

    /// Runs a descent and keeps its end if it is the best. The answer is its merit, and whether it completed.
    fn descend(&mut self, servers: Vec<u32>, near: Option<&[u32]>) -> (Merit, bool) {
        let mut deployment = Deployment::new(self.delays, servers);
        let (count, is_done) = descend(&mut deployment, self.moves, near, &|| self.budget.is_spent(self.began));
        self.moved += count;
        let merit = deployment.merit();
        if self.least().is_none_or(|least| merit < least) {
            self.best = Some((deployment.servers().to_vec(), merit));
            if merit.faults == 0 {
                let at_s = self.began.elapsed().as_secs_f64();
                self.incumbents.push(Incumbent { at_s, objective: merit.delay_s });
            }
        }
        (merit, is_done)
    }
}

/// Flows one by one, largest work first.
fn first(delays: &Delays) -> Vec<u32> {
    let work = |s: usize| delays.of_flow(s).map(|i| delays.relative_load(i)).sum::<f64>();
    let mut order: Vec<usize> = (0..delays.flows()).collect();
    order.sort_by(|a, b| work(*b).total_cmp(&work(*a)).then(a.cmp(b)));
    delays.assigned_greedily(&order)
}

/// A deployment near another one: a few flows are taken out and reassigned, one by one where the delay rises least, or at random.
fn perturbed(delays: &Delays, near: &[u32], stream: &mut Stream) -> Vec<u32> {
    let flows = delays.flows();
    let most = (1 + stream.below(MAX_REPLACED) as usize).min(flows);
    let mut order: Vec<usize> = (0..flows).collect();
    for at in 0..most {
        order.swap(at, at + stream.below((flows - at) as u64) as usize);
    }
    order.truncate(most);
    if stream.below(2) == 0 {
        return delays.reassigned(near, &order);
    }
    let (drawn, mut servers) = (random(delays, stream), near.to_vec());
    for s in order {
        let of_flow = delays.of_flow(s);
        servers[of_flow.clone()].copy_from_slice(&drawn[of_flow]);
    }
    servers
}

/// Every flow as a whole, or every partition for itself, on a server drawn in proportion to its speed.
fn random(delays: &Delays, stream: &mut Stream) -> Vec<u32> {
    let total: f64 = delays.capacity.iter().sum();
    let draw = |stream: &mut Stream| {
        let mut at = stream.unit() * total;
        let found = delays.capacity.iter().position(|speed| {
            at -= speed;
            at < 0.0
        });
        found.unwrap_or(delays.servers() - 1) as u32
    };
    if stream.below(2) == 0 {
        let of_flow: Vec<u32> = (0..delays.flows()).map(|_| draw(stream)).collect();
        delays.flow.iter().map(|s| of_flow[*s]).collect()
    } else {
        (0..delays.partitions()).map(|_| draw(stream)).collect()
    }
}

/// Local search until no move improves: the number of moves, and whether it completed. If `near` is a local optimum, only moves that touch a difference
/// from it are evaluated.
pub(super) fn descend<'a>(
    deployment: &mut Deployment<'a>,
    moves: Moves,
    near: Option<&[u32]>,
    is_over: &dyn Fn() -> bool,
) -> (u64, bool) {
    let delays = deployment.delays();
    let (mut server_changed, mut flow_changed) = (vec![0; delays.servers()], vec![0; delays.flows()]);
    let changes = near.unwrap_or_default().iter().zip(deployment.servers()).enumerate();
    for (i, (from, to)) in changes.filter(|(_, (from, to))| from != to) {
        (server_changed[*from as usize], server_changed[*to as usize], flow_changed[delays.flow[i]]) = (1, 1, 1);
    }
    let mut descent = Descent { moved: 1, server_changed, flow_changed, list: Vec::new(), delays, deployment };
    let (partitions, servers) = (delays.partitions(), delays.servers());
    let tried = near.map(|_| 0);
    let mut kinds: Vec<(Kind<'_, '_>, Vec<Option<u64>>)> = vec![(Descent::relocations, vec![tried; partitions])];
    if moves.blocks {
        kinds.push((Descent::blocks, vec![tried; partitions]));
    }
    if moves.swap {
        kinds.push((Descent::swaps, vec![tried; partitions]));
    }
    if moves.relabel {
        kinds.push((Descent::relabels, vec![tried; servers]));
    }
    loop {
        let before = descent.moved;
        for (kind, tried) in &mut kinds {
            for (x, tried) in tried.iter_mut().enumerate() {
                if is_over() {
                    return (descent.moved - 1, false);
                }
                let now = descent.moved;
                kind(&mut descent, x, *tried);
                *tried = Some(now);
            }
        }
        if descent.moved == before {
            return (descent.moved - 1, true);
        }
    }
}

/// Tries all moves of a kind that begin with one partition or server. The number is the count of moves when they were last tried: a move is tried again only
/// if its servers or flows have changed since.
type Kind<'d, 'a> = fn(&mut Descent<'d, 'a>, usize, Option<u64>);

/// The state of a descent.
struct Descent<'d, 'a> {
    delays: &'a Delays,
    deployment: &'d mut Deployment<'a>,
    /// One more than the moves made so far: what a start near another deployment changed counts as the first.
    moved: u64,
    /// How many moves had been made after the last one that changed a server's hosted, or where a flow runs.
    server_changed: Vec<u64>,
    flow_changed: Vec<u64>,
    /// The move that is looked at: where every partition goes.
    list: Vec<(usize, u32)>,
}

impl Descent<'_, '_> {
    /// Applies the move in `list` if it improves.
    fn try_list(&mut self, tried: Option<u64>) {
        let is_new = |(i, to): &(usize, u32)| {
            let (from, to, flow) = (self.deployment.server(*i) as usize, *to as usize, self.delays.flow[*i]);
            let changed = self.server_changed[from].max(self.server_changed[to]).max(self.flow_changed[flow]);
            tried.is_none_or(|tried| changed > tried)
        };
        if !self.list.iter().any(is_new) || self.deployment.change(&self.list).is_none() {
            return;
        }
        // A difference is rounded, and near overload the rounding weighs: what is no improvement after all is taken back, so that the merit
        // falls with every move and the descent ends.
        let merit = self.deployment.merit();
        let back: Vec<(usize, u32)> = self.list.iter().map(|(i, _)| (*i, self.deployment.server(*i))).collect();
        self.deployment.apply(&self.list);
        if self.deployment.merit() >= merit {
            self.deployment.apply(&back);
            return;
        }
        self.moved += 1;
        for (i, m) in self.list.iter().chain(&back) {
            self.server_changed[*m as usize] = self.moved;
            self.flow_changed[self.delays.flow[*i]] = self.moved;
        }
    }

    /// Partition `i` goes to any other server.
    fn relocations(&mut self, i: usize, tried: Option<u64>) {
        for m in 0..self.delays.servers() as u32 {
            if m != self.deployment.server(i) {
                self.list.clear();
                self.list.push((i, m));
                self.try_list(tried);
            }
        }
    }

    /// A block that begins with partition `i` goes to any server. One that moves alone is no block.
    fn blocks(&mut self, i: usize, tried: Option<u64>) {
        for end in i + 2..=self.delays.of_flow(self.delays.flow[i]).end {
            for m in 0..self.delays.servers() as u32 {
                self.list.clear();
                let moving = (i..end).filter(|i| self.deployment.server(*i) != m);
                self.list.extend(moving.map(|i| (i, m)));
                if self.list.len() > 1 {
                    self.try_list(tried);
                }
            }
        }
    }

    /// Partition `i` and one before it exchange servers.
    fn swaps(&mut self, i: usize, tried: Option<u64>) {
        for other in 0..i {
            let (m, to) = (self.deployment.server(i), self.deployment.server(other));
            if m != to {
                self.list.clear();
                self.list.extend([(i, to), (other, m)]);
                self.try_list(tried);
            }
        }
    }

    /// Server `m` and one before it exchange names, in one flow or in all.
    fn relabels(&mut self, m: usize, tried: Option<u64>) {
        for other in 0..m {
            let exchanged = |at: u32| (at as usize == m).then_some(other).or((at as usize == other).then_some(m));
            for s in 0..self.delays.flows() {
                let moving = |i: usize| exchanged(self.deployment.server(i)).map(|to| (i, to as u32));
                self.list.clear();
                self.list.extend(self.delays.of_flow(s).filter_map(moving));
                self.try_list(tried);
            }
            self.list.clear();
            for (m, to) in [(m, other), (other, m)] {
                self.list.extend(self.deployment.on(m).iter().map(|i| (*i, to as u32)));
            }
            self.try_list(tried);
        }
    }
}

/// DPD from one start or many, then CRA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dpd {
    /// Starts; none means one, and more only to mend faults.
    starts: Option<u32>,
    moves: Moves,
}

impl Dpd {
    pub(super) fn one_start() -> Self {
        Self { starts: None, moves: Moves::ALL }
    }

    pub(super) fn many_starts() -> Self {
        Self { starts: Some(DEFAULT_STARTS), moves: Moves::ALL }
    }
}

impl Algorithm<Jpdra> for Dpd {
    fn id(&self) -> &str {
        if self.starts.is_some() { "jpdra" } else { "dpd" }
    }

    fn about(&self) -> &str {
        match self.starts {
            Some(_) => "deployment by local search from many starts, then the best shares of speed",
            None => "deployment by local search from one start, then the best shares of speed",
        }
    }

    fn is_random(&self) -> bool {
        self.starts.is_some()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let switch = |name, about| Parameter { name, default: 1.0, range: ParameterRange::SWITCH, about };
        let mut parameters = vec![
            switch("blocks", "whether blocks of a flow move to one server"),
            switch("swap", "whether two partitions exchange servers"),
            switch("relabel", "whether two servers exchange names"),
        ];
        if self.starts.is_some() {
            parameters.insert(
                0,
                Parameter {
                    name: "starts",
                    default: DEFAULT_STARTS.into(),
                    range: ParameterRange::integers(1.0, 1e9),
                    about: "starts, the first one greedy",
                },
            );
        }
        parameters
    }

    fn set(&mut self, setting: &Setting) {
        match setting.name() {
            "starts" => self.starts = Some(setting.integer()),
            "blocks" => self.moves.blocks = setting.is_on(),
            "swap" => self.moves.swap = setting.is_on(),
            "relabel" => self.moves.relabel = setting.is_on(),
            _ => setting.panic_undeclared(),
        }
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let began = Instant::now();
        let delays = Delays::new(instance);
        let found = match self.starts {
            None => one_start(&delays, self.moves, began, budget),
            Some(starts) => {
                let mut stream = Stream::new(&["jpdra", "jpdra"], budget.seed);
                search(&delays, self.moves, starts, &mut stream, began, budget, |_| false)
            }
        };
        let shares = cra::allocate(&delays, &found.servers);
        let stop = cra::stop(found.is_complete);
        cra::answer(&delays, &found.servers, shares.as_ref(), stop).traced(found.trace)
    }
}
