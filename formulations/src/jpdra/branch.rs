//! Exact search on prices of places and of staying.
//!
//! At every node the best prices are sought (module `dual`); flows and servers, each for itself, then bound the delay from below, mostly to within
//! a tenth of a percent. What is left:
//!
//! 1. *Incumbents*: the mixture of paths is rounded and improved by moves and exchanges (module `local`). In large instances a few flows at a time
//!    are freed and placed by this very search, the others staying where they are; the longer that does not help, the more of them.
//! 2. *Fixing*: a place whose best alternatives, of the flow through it and of the servers with and without it, add up to more than the
//!    incumbent is forbidden: a split of the tree with one leaf at the same prices.
//! 3. *Branching*: on the place about which the mixture is most undecided; the node with the least bound comes next.
//!
//! Where no deployment is known the same search first asks for room alone, delays and ways costing nothing: it finds a deployment, or leaves
//! that prove that there is none.

use std::cell::Cell;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use offcut_instances::document::InputError;
use offcut_instances::jpdra::{Certificate, Instance, Jpdra, Node, Prices};
use offcut_instances::problem::{Algorithm, Answer, Budget, Incumbent, Parameter, Stop, Trace};
use offcut_instances::random::Stream;

use super::bound::{CARE, Dual, Until};
use super::local_search::{Local, drawn, keep};
use super::model::{Deployed, Model, Ordered};
use super::server_subproblem::SubproblemObjective;

/// Exact search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    /// How far, relative, the best deployment may be from the optimum: what is closer is not looked at any more.
    pub(super) gap: f64,
}

impl Default for Branch {
    fn default() -> Self {
        Self { gap: CONVERGENCE_TOL }
    }
}

/// Domains are kept as bits.
pub(super) const MAX_SERVERS: usize = 64;

/// Fox's allocation takes a step a unit.
pub(super) const MAX_UNITS: u64 = 100_000;

/// Tables by partition and server are kept: so many pairs at most.
const MAX_PAIRS: usize = 200_000;

/// A certificate with more numbers is too large to be handed over.
const MAX_NUMBERS: usize = 8_000_000;

/// The part of the work that goes into improving incumbents, and what the work is: offers priced for servers count once, servers looked at in
/// local search so many times. Work is counted, not timed: a run is the same every time.
const PERTURBING: f64 = 0.15;
const OFFERS_PER_TRY: u64 = 4;

/// So many partitions are freed together and placed exactly, at first and at last, and the part of the work that goes into that.
const FEW: usize = 24;
const MANY: usize = 64;
const SEARCHING: f64 = 0.5;

/// After so many searches for parts for every flow, all in vain, they get half of that.
const STALL_LIMIT: f64 = 8.0;

/// The search for a part ends after so many nodes.
const NODES_OF_PART: u64 = 20;

/// So many nodes go to one dive.
const DIVING_INTERVAL: u64 = 40;

/// How close a leaf's bound comes to the incumbent, relative, if nothing else is asked for.
const CONVERGENCE_TOL: f64 = 2e-10;

/// How close the search for a part comes to the best there is, relative.
const PART_CONVERGENCE_TOL: f64 = 1e-5;

impl Algorithm<Jpdra> for Branch {
    fn id(&self) -> &str {
        "branch"
    }

    fn about(&self) -> &str {
        "exact search on prices of places: flows and servers apart (certified by a tree of prices)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Jpdra> {
        let model = Model::new(instance);
        if model.servers() > MAX_SERVERS || model.partitions() * model.servers() > MAX_PAIRS {
            return Answer::declined(format!("takes up to {MAX_SERVERS} servers and {MAX_PAIRS} places"));
        }
        if model.units.iter().any(|units| *units > MAX_UNITS) {
            return Answer::declined(format!("takes up to {MAX_UNITS} units a server"));
        }
        search(&model, self.gap, budget)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let about = "how far from the optimum is near enough, relative: 0.001 ends the search at a gap of 0.1 %";
        vec![Parameter { name: "gap", default: CONVERGENCE_TOL, about }]
    }

    fn with(&self, name: &str, value: f64) -> Result<Box<dyn Algorithm<Jpdra>>, InputError> {
        match name {
            "gap" if (CONVERGENCE_TOL..=0.5).contains(&value) => Ok(Box::new(Self { gap: value })),
            "gap" => {
                let what = format!("does not take gap={value}");
                Err(InputError::at(format!("method {}", self.id()), what, format!("give {CONVERGENCE_TOL:e} to 0.5")))
            }
            _ => {
                let what = format!("takes no parameter '{name}'");
                Err(InputError::at(format!("method {}", self.id()), what, "it takes: gap"))
            }
        }
    }
}

fn search(model: &Model, gap: f64, budget: &Budget) -> Answer<Jpdra> {
    let began = Instant::now();
    let mut stream = Stream::new(&["jpdra", "branch"], budget.seed);
    let mut best = first(model, &mut stream, &|| budget.is_spent(began));
    if best.is_none() {
        let mut room = Search::new(model, SubproblemObjective::Room, None, budget, began);
        let outcome = room.run(&mut stream);
        match room.best.take() {
            Some((_, on)) => best = model.delay(&on).map(|delay| (delay, on)),
            None if outcome == Stop::Completed => {
                let trace = room.trace();
                let certificate = room.certificate();
                return Answer::nothing(Stop::Infeasible).certified(0.0, certificate).traced(trace);
            }
            None => return Answer::nothing(outcome).traced(room.trace()),
        }
    }
    if let Some((_, on)) = &best {
        model.tell(on);
    }
    let board = SharedIncumbent::default();
    board.tell(&best);
    let mut search = Search { gap, ..Search::new(model, SubproblemObjective::Delay, best, budget, began) };
    let stop = if budget.threads > 1 && is_freed(model, SubproblemObjective::Delay) {
        search.board = Some(&board);
        std::thread::scope(|scope| {
            scope.spawn(|| board.free(model, budget, began));
            let stop = search.run(&mut stream);
            board.is_over.store(true, Ordering::Relaxed);
            stop
        })
    } else {
        search.run(&mut stream)
    };
    let (delay, on) = search.best.clone().expect("known before");
    let bound = search.bound.min(delay).max(0.0) * (1.0 - 1e-12);
    let answer = model.found(&on);
    let trace = search.trace();
    Answer { stop, ..answer }.certified(bound, search.certificate()).traced(trace)
}

/// Whether flows are freed in such a model at all.
fn is_freed(model: &Model, aim: SubproblemObjective) -> bool {
    model.unit.is_none() && aim == SubproblemObjective::Delay && model.partitions() > FEW
}

/// Frees a few flows of a deployment and searches their best places exactly, the others staying where they are. The longer nothing helped,
/// the more is freed. Handed back are the deployment, if there is one, and the work it took.
fn free(
    model: &Model,
    on: &[u32],
    useless: usize,
    stream: &mut Stream,
    budget: &Budget,
    began: Instant,
) -> (Option<Vec<u32>>, u64) {
    let flows = model.flows.len();
    let most = (FEW + FEW * useless / (4 * flows)).min(MANY);
    let (mut chosen, mut partitions) = (Vec::new(), 0);
    // Every other time flows that meet the first one on its servers.
    let first = stream.below(flows as u64) as usize;
    let is_related = stream.below(2) == 0;
    let meets = |s: usize| on[model.flows[s].clone()].iter().any(|m| on[model.flows[first].clone()].contains(m));
    for attempt in 0..4 * flows {
        let s = if attempt == 0 { first } else { stream.below(flows as u64) as usize };
        let many = model.flows[s].len();
        let fits = chosen.is_empty() || partitions + many <= most;
        if !chosen.contains(&s) && fits && (!is_related || meets(s)) {
            chosen.push(s);
            partitions += many;
        }
    }
    chosen.sort_unstable();
    let part = model.part(&chosen, on);
    let own: Vec<u32> = chosen.iter().flat_map(|s| &on[model.flows[*s].clone()]).copied().collect();
    let before = part.delay(&own).map(|delay| (delay, own));
    let mut search = Search::new(&part, SubproblemObjective::Delay, before, budget, began);
    search.is_part = true;
    search.run(stream);
    let work = search.dual.servers.priced + OFFERS_PER_TRY * search.tried;
    let freed = search.best.map(|(_, own)| {
        let mut on = on.to_vec();
        let places = chosen.iter().flat_map(|s| model.flows[*s].clone());
        places.zip(own).for_each(|(i, m)| on[i] = m);
        on
    });
    (freed, work)
}

/// Where two threads tell each other the best deployment; which of them finds it is up to the machine, so runs with two threads differ.
#[derive(Default)]
struct SharedIncumbent {
    best: Mutex<Option<Deployed>>,
    is_over: AtomicBool,
}

impl SharedIncumbent {
    /// Tells a deployment, if it is better than what is there.
    fn tell(&self, found: &Option<Deployed>) {
        let mut best = self.best.lock().expect("no thread panics with it");
        if let Some((delay, _)) = found
            && best.as_ref().is_none_or(|(least, _)| delay < least)
        {
            best.clone_from(found);
        }
    }

    /// Frees flows until all is over.
    fn free(&self, model: &Model, budget: &Budget, began: Instant) {
        let mut stream = Stream::new(&["jpdra", "branch", "free"], budget.seed);
        let mut useless = 0;
        while !self.is_over.load(Ordering::Relaxed) && !budget.is_spent(began) {
            let Some((delay, on)) = self.best.lock().expect("no thread panics with it").clone() else { return };
            let (freed, _) = free(model, &on, useless, &mut stream, budget, began);
            useless += 1;
            let Some(on) = freed else { continue };
            let mut local = Local::at_rest(model, on);
            local.improve(&|| budget.is_spent(began));
            let found = local.found();
            if found.as_ref().is_some_and(|(least, _)| *least < delay * (1.0 - 1e-13)) {
                useless = 0;
                self.tell(&found);
            }
        }
    }
}

/// A first deployment: the best of a few random ones, improved. None if none of them fits.
pub(super) fn first(model: &Model, stream: &mut Stream, is_out_of_time: &dyn Fn() -> bool) -> Option<Deployed> {
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

/// Prices that leaves share.
struct Shared {
    prices: Vec<f64>,
    /// Where they are in the certificate, once a leaf needs them.
    index: Cell<Option<u32>>,
}

/// A node that waits.
struct Open {
    bound: f64,
    depth: u32,
    node: usize,
    domain: Vec<u64>,
    prices: Rc<Shared>,
    /// Whether a dive goes on here.
    is_dive: bool,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Open {}
impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Open {
    /// The least bound first, then the deepest, then the oldest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let of = |open: &Self| (Ordered(-open.bound), open.depth, std::cmp::Reverse(open.node));
        of(self).cmp(&of(other))
    }
}

struct Search<'m> {
    model: &'m Model<'m>,
    aim: SubproblemObjective,
    dual: Dual<'m>,
    best: Option<Deployed>,
    /// What bounds are compared with and rounded by.
    scale: f64,
    /// The least bound of all leaves.
    bound: f64,
    root: f64,
    nodes: Vec<Node>,
    prices: Vec<Prices>,
    waiting: BinaryHeap<Open>,
    budget: &'m Budget,
    began: Instant,
    opened: u64,
    fixed: u64,
    incumbents: Vec<Incumbent>,
    /// Servers looked at in local search.
    tried: u64,
    /// Work of the searches for parts.
    in_parts: u64,
    /// Searches for parts since one of them helped.
    useless_parts: usize,
    /// How close, relative, is near enough.
    gap: f64,
    /// Whether this is itself the search for a part.
    is_part: bool,
    /// Where the thread that frees flows tells what it found, if there is one.
    board: Option<&'m SharedIncumbent>,
}

impl<'m> Search<'m> {
    fn new(
        model: &'m Model<'m>,
        aim: SubproblemObjective,
        best: Option<Deployed>,
        budget: &'m Budget,
        began: Instant,
    ) -> Self {
        let scale = best.as_ref().map_or(1.0, |(delay, _)| *delay);
        let incumbents =
            best.iter().map(|(objective, _)| Incumbent { at_s: began.elapsed().as_secs_f64(), objective: *objective });
        let incumbents = incumbents.collect();
        Self {
            model,
            aim,
            dual: Dual::new(model, aim),
            best,
            scale,
            bound: f64::INFINITY,
            root: 0.0,
            nodes: Vec::new(),
            prices: Vec::new(),
            waiting: BinaryHeap::new(),
            budget,
            began,
            opened: 0,
            fixed: 0,
            incumbents,
            tried: 0,
            in_parts: 0,
            useless_parts: 0,
            gap: CONVERGENCE_TOL,
            is_part: false,
            board: None,
        }
    }

    /// A leaf with this bound is done.
    fn cutoff(&self) -> f64 {
        match (self.aim, &self.best) {
            (SubproblemObjective::Room, _) => 1e-3,
            (SubproblemObjective::Delay, Some((delay, _))) => {
                delay / (1.0 + if self.is_part { PART_CONVERGENCE_TOL } else { self.gap })
            }
            (SubproblemObjective::Delay, None) => f64::INFINITY,
        }
    }

    fn trace(&self) -> Trace {
        let root_gap = match (&self.best, self.aim) {
            (Some((delay, _)), SubproblemObjective::Delay) if *delay > 0.0 => {
                ((delay - self.root) / delay * 1e9).max(0.0) as u64
            }
            _ => 0,
        };
        Trace {
            incumbents: self.incumbents.clone(),
            ..Trace::counting([
                ("nodes", self.opened),
                ("leaves", self.nodes.iter().filter(|node| !matches!(node, Node::Split { .. })).count() as u64),
                ("fixed places", self.fixed),
                ("price rounds", self.dual.rounds),
                ("server nodes", self.dual.servers.nodes),
                ("root gap, 1e-9", root_gap),
            ])
        }
    }

    fn certificate(self) -> Certificate {
        Certificate { prices: self.prices, nodes: self.nodes }
    }

    /// Ends a node as a leaf with these prices.
    fn leaf(&mut self, node: usize, bound: f64, prices: &Shared) {
        let index = prices.index.get().unwrap_or_else(|| {
            let servers = self.model.servers();
            let (place, stay) = prices.prices.split_at(self.model.partitions() * servers);
            // (A sum with 0 is no negative zero.)
            let row = |prices: &[f64]| prices.iter().map(|price| price + 0.0).collect();
            let rows = |of: &[f64]| -> Vec<Vec<f64>> { of.chunks(servers).map(row).collect() };
            let mut stay = rows(stay);
            for (row, follows) in stay.iter_mut().zip(&self.model.follows) {
                if !follows {
                    row.clear();
                }
            }
            self.prices.push(Prices { place: rows(place), stay });
            let index = self.prices.len() as u32 - 1;
            prices.index.set(Some(index));
            index
        });
        self.bound = self.bound.min(bound);
        self.nodes[node] = match self.aim {
            SubproblemObjective::Delay => Node::Priced { prices: index },
            SubproblemObjective::Room => Node::Empty { prices: index },
        };
    }

    fn split(&mut self, node: usize, i: usize, servers: u64) -> (usize, usize) {
        let flow = self.model.flow_of[i];
        let inside = self.nodes.len();
        self.nodes[node] = Node::Split {
            flow: flow as u32,
            partition: (i - self.model.flows[flow].start) as u32,
            servers: (0..64).filter(|m| servers >> m & 1 == 1).collect(),
            inside: inside as u32,
            outside: inside as u32 + 1,
        };
        let placeholder = || Node::Marginal { rates: Vec::new() };
        self.nodes.extend([placeholder(), placeholder()]);
        (inside, inside + 1)
    }

    /// Rounds a mixture, improves it, and keeps it if it is better.
    fn round(&mut self, shares: &[f64], tries: u32, stream: &mut Stream) {
        let model = self.model;
        for attempt in 0..tries {
            let on = if attempt == 0 {
                let servers = model.servers();
                let row = |i: usize| &shares[i * servers..][..servers];
                let largest = |i: usize| (0..servers).max_by(|a, b| row(i)[*a].total_cmp(&row(i)[*b]));
                (0..model.partitions()).map(|i| largest(i).expect("there are servers") as u32).collect()
            } else {
                drawn(model, shares, stream)
            };
            self.improve(Local::new(model, on));
        }
    }

    /// Improves a deployment, and keeps it if it is the best; says whether it is.
    fn improve(&mut self, mut local: Local<'m>) -> bool {
        let (budget, began) = (self.budget, self.began);
        local.improve(&|| budget.is_spent(began));
        self.tried += local.tried;
        let Some((delay, on)) = local.found() else { return false };
        let is_better = self.best.as_ref().is_none_or(|(least, _)| delay < *least * (1.0 - 1e-13));
        if is_better {
            self.dual.know(&on);
            if self.aim == SubproblemObjective::Delay {
                self.model.tell(&on);
            }
            self.best = Some((delay, on));
            self.incumbents.push(Incumbent { at_s: self.began.elapsed().as_secs_f64(), objective: delay });
        }
        is_better
    }

    /// Gives a part of the incumbent to the mixture, or all of it, and improves that, for as long as a part of the work done so far.
    fn kicks(&mut self, shares: &[f64], stream: &mut Stream) {
        let Some((_, on)) = self.best.clone() else { return };
        let model = self.model;
        let mut settled = Local::at_rest(model, on);
        let mut failures = 0;
        let is_worth_it = |search: &Self| {
            let local = (OFFERS_PER_TRY * search.tried) as f64;
            local < PERTURBING * (local + search.dual.servers.priced as f64) && !search.budget.is_spent(search.began)
        };
        while failures < 100 * model.partitions() && is_worth_it(self) {
            let mut local = settled.clone();
            if stream.below(8) == 0 {
                let other = drawn(model, shares, stream);
                local.put(other.into_iter().enumerate());
            } else {
                // A few neighbours of one partition go where the mixture has them.
                let other = drawn(model, shares, stream);
                let partitions = model.partitions() as u64;
                let (many, first) = (3 + stream.below(8) as usize, stream.below(partitions) as usize);
                let anywhere = stream.below(2) == 0;
                local.put((0..many).map(|step| {
                    let i = if anywhere { stream.below(partitions) as usize } else { first + step };
                    let i = i % model.partitions();
                    (i, other[i])
                }));
            }
            if self.improve(local) {
                failures = 0;
                settled = Local::at_rest(model, self.best.as_ref().expect("there is one").1.clone());
            } else {
                failures += 1;
            }
        }
    }

    /// Frees a few flows and searches their best places exactly, the others staying where they are; again and again, for a part of the work
    /// done so far. With a thread of its own for that, all that is left to do here is to hear what it found.
    fn neighbourhoods(&mut self, stream: &mut Stream) {
        if let Some(board) = self.board {
            let told = board.best.lock().expect("no thread panics with it").clone();
            match (&told, &self.best) {
                (Some((there, on)), Some((here, _))) if there < here => {
                    self.improve(Local::at_rest(self.model, on.clone()));
                }
                (_, here) => board.tell(here),
            }
            return;
        }
        let model = self.model;
        if !is_freed(model, self.aim) || self.is_part {
            return;
        }
        // What has not helped for long gets less and less of the work: bounds need it more.
        let flows = model.flows.len() as f64;
        let share = |search: &Self| SEARCHING / (1.0 + (search.useless_parts as f64 / (STALL_LIMIT * flows)).powi(2));
        while (OFFERS_PER_TRY as f64 * self.tried as f64 + self.in_parts as f64)
            < share(self) * (self.dual.servers.priced + self.in_parts) as f64
            && !self.budget.is_spent(self.began)
        {
            let Some((delay, on)) = self.best.clone() else { return };
            let (freed, work) = free(model, &on, self.useless_parts, stream, self.budget, self.began);
            self.in_parts += work;
            self.useless_parts += 1;
            let Some(on) = freed else { continue };
            if self.improve(Local::at_rest(model, on)) && self.best.as_ref().is_some_and(|(least, _)| *least < delay) {
                self.useless_parts = 0;
            }
        }
    }

    /// Prices to start from: a server earns what the incumbent's rates make of a partition, an empty one what it would cost there alone.
    /// (The rates of the continuous relaxation bound better at first, but leave servers undecided about everything, and take longer in the end.)
    fn start(&self) -> Vec<f64> {
        let mut prices = self.dual.no_prices();
        let model = self.model;
        let servers = model.servers();
        let Some((_, on)) = self.best.as_ref().filter(|_| self.aim == SubproblemObjective::Delay) else {
            return prices;
        };
        for (m, set) in model.sets(on).iter().enumerate() {
            let (load, roots) = model.sums(set);
            let rate = (roots + model.fixed_roots(m)) / (model.speed(m) - load);
            for i in (0..model.partitions()).filter(|i| model.fits(*i, m)) {
                let (root, own) = (model.roots[i], model.loads[i]);
                let alone = root * root / (model.speed(m) - own);
                prices[i * servers + m] = match set.is_empty() && model.fixed_roots(m) == 0.0 {
                    true if alone > 0.0 => alone,
                    _ => 2.0 * rate * root + rate * rate * own,
                };
            }
        }
        prices
    }

    fn run(&mut self, stream: &mut Stream) -> Stop {
        let model = self.model;
        let domain = model.domain();
        let start = Rc::new(Shared { prices: self.start(), index: Cell::new(None) });
        self.nodes.push(Node::Marginal { rates: Vec::new() });
        self.waiting.push(Open { bound: 0.0, depth: 0, node: 0, domain, prices: start, is_dive: false });
        if let Some((_, on)) = self.best.clone() {
            self.dual.know(&on);
        }
        // Between nodes with the least bound the search dives: from child to child, towards a deployment.
        let (mut next, mut dives) = (None, 0);
        while let Some(open) = next.take().or_else(|| self.waiting.pop()) {
            if open.bound >= self.cutoff() {
                self.leaf(open.node, open.bound, &open.prices);
                continue;
            }
            let numbers = self.prices.len() * 2 * model.partitions() * model.servers();
            let is_enough = self.is_part && self.opened >= NODES_OF_PART;
            if self.opened > 0 && (is_enough || self.budget.is_spent(self.began) || numbers > MAX_NUMBERS) {
                self.cut_short(open);
                return Stop::TimeLimit;
            }
            self.opened += 1;
            let is_diving = open.is_dive || self.opened >= DIVING_INTERVAL * dives;
            dives += u64::from(is_diving && !open.is_dive);
            next = self.open(open, is_diving, stream);
            if self.aim == SubproblemObjective::Room && self.best.is_some() {
                return Stop::Completed;
            }
        }
        Stop::Completed
    }

    /// Ends all that waits, each with the prices it inherited.
    fn cut_short(&mut self, open: Open) {
        let rest: Vec<Open> = std::iter::once(open).chain(self.waiting.drain()).collect();
        for open in rest {
            self.leaf(open.node, open.bound, &open.prices);
        }
    }

    /// Bounds a node, and ends it or splits it. A dive goes on with one of its children, which is handed back.
    fn open(&mut self, open: Open, is_diving: bool, stream: &mut Stream) -> Option<Open> {
        let Open { bound: inherited, depth, mut node, mut domain, prices: mut shared, .. } = open;
        let model = self.model;
        let is_root = depth == 0;
        if domain.contains(&0) {
            self.leaf(node, f64::INFINITY, &shared);
            return None;
        }
        let mut of_node = inherited;
        for round in 0.. {
            let until = Until {
                cutoff: self.cutoff(),
                stall: if is_root { 0.005 } else { 0.1 },
                rounds: if is_root { 3000 } else { 60 },
                warm: if is_root { 30 } else { 0 },
            };
            let before = of_node;
            let (budget, began) = (self.budget, self.began);
            let is_out_of_time = || budget.is_spent(began);
            let ascent = self.dual.ascend(&domain, &shared.prices, of_node, self.scale, until, &is_out_of_time);
            if ascent.bound > of_node || depth == 0 && round == 0 {
                of_node = ascent.bound;
                shared = Rc::new(Shared { prices: ascent.prices, index: Cell::new(None) });
            }
            if is_root {
                self.root = of_node;
            }
            if of_node >= self.cutoff() {
                break;
            }
            let shares = self.dual.shares();
            if round == 0 || is_root {
                self.round(&shares, if is_root { 6 } else { 1 }, stream);
                self.kicks(&shares, stream);
                self.neighbourhoods(stream);
            }
            if self.aim == SubproblemObjective::Room && self.best.is_some() {
                return None;
            }
            // A deployment that is decided is worth what it is worth.
            if domain.iter().all(|allowed| allowed.count_ones() == 1) {
                let on: Vec<u32> = domain.iter().map(|allowed| allowed.trailing_zeros()).collect();
                if let Some(delay) = model.delay(&on)
                    && self.best.as_ref().is_none_or(|(least, _)| delay < *least)
                {
                    self.best = Some((delay, on));
                }
                break;
            }
            let places = self.fix_by_reduced_costs(&domain, &shared.prices, of_node);
            // At the root, once more as long as that pays: with a better incumbent prices are sought more closely.
            let pays = is_root && of_node - before > 0.03 * (self.cutoff() - of_node);
            if places.is_empty() {
                if pays {
                    continue;
                }
                break;
            }
            let many = places.len() * 8 >= domain.iter().map(|allowed| allowed.count_ones() as usize).sum::<usize>();
            for (i, m, bound) in places {
                if domain[i].count_ones() == 1 {
                    continue;
                }
                let (inside, outside) = self.split(node, i, 1 << m);
                self.leaf(inside, bound, &shared);
                domain[i] &= !(1 << m);
                node = outside;
                self.fixed += 1;
            }
            let is_decided = domain.iter().all(|allowed| allowed.count_ones() == 1);
            if !is_decided && (!many && !pays && round > 0 || self.budget.is_spent(self.began)) {
                break;
            }
        }
        if of_node >= self.cutoff() {
            self.leaf(node, of_node, &shared);
            return None;
        }
        let shares = self.dual.shares();
        let servers = model.servers();
        // Diving follows what is nearly decided; otherwise what is most undecided is split.
        let rank = |(i, m): (usize, usize)| {
            let share = shares[i * servers + m];
            let branching_score = share.min(1.0 - share) + 1e-3 * model.loads[i] / model.speed(m);
            if is_diving && share < 0.99 { share } else { branching_score / 100.0 }
        };
        let places = (0..model.partitions()).filter(|i| domain[*i].count_ones() > 1);
        let places = places.flat_map(|i| (0..servers).map(move |m| (i, m))).filter(|(i, m)| domain[*i] >> m & 1 == 1);
        let Some((i, m)) = places.max_by(|a, b| rank(*a).total_cmp(&rank(*b))) else {
            // Decided, and its bound is its worth.
            self.leaf(node, of_node, &shared);
            return None;
        };
        let (inside, outside) = self.split(node, i, 1 << m);
        let child = |node: usize, allowed: u64, is_dive: bool| {
            let mut domain = domain.clone();
            domain[i] = allowed;
            Open { bound: of_node, depth: depth + 1, node, domain, prices: Rc::clone(&shared), is_dive }
        };
        let within = child(inside, 1 << m, is_diving);
        self.waiting.push(child(outside, domain[i] & !(1 << m), false));
        if is_diving {
            return Some(within);
        }
        self.waiting.push(within);
        None
    }

    /// Places that no deployment better than the incumbent uses, with a bound each.
    fn fix_by_reduced_costs(&mut self, domain: &[u64], prices: &[f64], bound: f64) -> Vec<(usize, usize, f64)> {
        let model = self.model;
        let servers = model.servers();
        let cutoff = self.cutoff();
        let close = (CARE / 4.0 * (cutoff - bound).min(self.scale) / servers as f64).max(1e-12 * self.scale);
        self.dual.restrict(domain);
        // How much more than at the bound: for places, paths and servers together.
        let mut more = vec![0.0f64; model.partitions() * servers];
        let mut total = 0.0;
        for (s, range) in model.flows.iter().enumerate() {
            let (low, _) = self.dual.paths.cheapest(s, domain, prices);
            total += low;
            let through = self.dual.paths.through(s, domain, prices);
            let part = &mut more[range.start * servers..range.end * servers];
            part.iter_mut().zip(through).for_each(|(more, through)| *more += through - low);
        }
        for m in 0..servers {
            let known = self.dual.known(m, prices);
            let low = self.dual.servers.best(m, domain, prices, known, close).low;
            total += low;
            for (i, [out, within]) in self.dual.servers.alternatives(m, domain, prices) {
                let others = (0..servers).filter(|other| *other != m && domain[i] >> other & 1 == 1);
                others.for_each(|other| more[i * servers + other] += (out - low).max(0.0));
                more[i * servers + m] += (within - low).max(0.0);
            }
        }
        // (The bound at these prices, which may be a little below what the node inherited.)
        let total = total.min(bound);
        let mut places: Vec<(usize, usize, f64)> = Vec::new();
        for i in (0..model.partitions()).filter(|i| domain[*i].count_ones() > 1) {
            for m in (0..servers).filter(|m| domain[i] >> m & 1 == 1) {
                let with = total + more[i * servers + m];
                if with >= cutoff {
                    places.push((i, m, with));
                }
            }
        }
        places
    }
}
