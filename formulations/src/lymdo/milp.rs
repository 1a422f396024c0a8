//! `milp-oa`: a slot as a mixed-integer program, through HiGHS.
//!
//! Every user has a copy of what it takes for every cut, and z says which one counts. What bends is a function of one variable, convex, and
//! enters by tangents of its perspective, so that a cut not taken costs nothing:
//!
//! ```text
//! z in {0,1}, sum_m z_nm = 1,   least z <= x <= z, likewise y, u;   sum x <= 1, sum y <= 1
//! v >= f(x0) z + f'(x0) (x - x0 z)            for points x0
//! exponential     f: air t + q d2, edge t;    the device's cost is a number
//! deterministic   f: d1(u), d2(x), d3(y), a u^2, and h(d) with d >= d1, d2, d3
//! ```
//!
//! Points are first a geometric grid in what is above the need of stability, as dense as makes tangents of 1/x miss no more than `error`, then those
//! of every solution found and of the best shares for its cuts. The certified bound beside HiGHS's is that of prices (module `price_bound`). Times are in units of the incumbent, shares of all there is.

use std::time::Instant;

use good_lp::{Constraint, Expression, ProblemVariables, Variable, constraint, variable};
use offcut_instances::incumbents;
use offcut_instances::lymdo::{Certificate, Instance, Lymdo, Service, Solution};
use offcut_instances::problem::{Algorithm, Answer, Budget, Parameter, Problem, Setting, Stop};

use super::bound::units;
use super::feasibility::{Feasibility, feasibility};
use super::fixed_cuts::{Convex, Shares};
use super::model::{allocation, slot_objective};
use super::price_bound::{infeasible, price_bound};
use super::slot::Slot;
use super::symmetry::SymmetryClasses;
use crate::highs::{self, Program};
use crate::outer_approximation::{Tangents, grid_error, run};

/// The largest cost of a single term, in units of the incumbent: a little above 1, for rounding.
const CUTOFF: f64 = 1.0 + 1e-6;

/// Above this many pairs no model is built.
const MAX_PAIRS: usize = 5_000;

/// Outer approximation.
#[derive(Clone, Copy, Debug)]
pub(super) struct OuterApproximation {
    /// Error of the grid, relative.
    error: f64,
}

impl Default for OuterApproximation {
    fn default() -> Self {
        Self { error: 0.01 }
    }
}

/// What bends, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConvexTerm {
    TransmissionPoint,
    Edge,
    Local,
    Heat,
    Wait,
}

const BENDS: [ConvexTerm; 5] =
    [ConvexTerm::TransmissionPoint, ConvexTerm::Edge, ConvexTerm::Local, ConvexTerm::Heat, ConvexTerm::Wait];

/// A pair in the model.
struct Copy {
    pair: usize,
    /// Where each of [`BENDS`] has its tangents.
    points: [Vec<f64>; 5],
    /// First of its variables; they follow as in [`variables`].
    first: usize,
}

/// Variables of a copy, in this order: z, then for each bend that it has what it takes and what that costs.
struct Oa<'s> {
    slot: &'s Slot,
    copies: Vec<Copy>,
    /// Seconds that count as 1.
    scale: f64,
    /// The weight of a second in the objective.
    v: f64,
    convex: Convex,
    best: Shares,
    cuts: Vec<u32>,
    trial: Shares,
}

impl Slot {
    /// Whether a pair has this bend.
    fn has_curvature(&self, pair: usize, curvature: ConvexTerm) -> bool {
        let lambda = self.lambda[self.user[pair] as usize];
        let is_deterministic = self.service == Service::Deterministic;
        match curvature {
            ConvexTerm::TransmissionPoint => self.air[pair] > 0.0,
            ConvexTerm::Edge => self.edge[pair] > 0.0,
            ConvexTerm::Local => is_deterministic && self.local[pair] > 0.0,
            ConvexTerm::Heat => is_deterministic && self.local[pair] > 0.0 && self.heat[pair] > 0.0,
            ConvexTerm::Wait => {
                is_deterministic && lambda > 0.0 && self.air[pair] + self.edge[pair] + self.local[pair] > 0.0
            }
        }
    }

    /// What a bend costs at a point, in seconds, and its slope; none where it is not stable.
    fn curvature(&self, pair: usize, curvature: ConvexTerm, at: f64) -> Option<(f64, f64)> {
        let n = self.user[pair] as usize;
        let lambda = self.lambda[n];
        let is_exponential = self.service == Service::Exponential;
        // Time in the system, if that is what counts: t = d/(1 - lambda d), dt = (1 + lambda t)^2 dd.
        let system = |d: f64, slope: f64| {
            if !is_exponential {
                return (lambda * d < 1.0).then_some((d, slope));
            }
            let t = d / (1.0 - lambda * d);
            (lambda * d < 1.0).then_some((t, slope * (1.0 + lambda * t).powi(2)))
        };
        match curvature {
            ConvexTerm::TransmissionPoint => {
                let (d, slope) = self.transmission_s(pair, at);
                let (time, steep) = system(d, slope)?;
                let q = if is_exponential { self.airtime[n] - 1.0 } else { 0.0 };
                Some((time + q * d, steep + q * slope))
            }
            ConvexTerm::Edge => system(self.edge[pair] / at, -self.edge[pair] / (at * at)),
            ConvexTerm::Local => system(self.local[pair] / at, -self.local[pair] / (at * at)),
            ConvexTerm::Heat => Some((self.heat[pair] * at * at, 2.0 * self.heat[pair] * at)),
            ConvexTerm::Wait => {
                let free = 1.0 - lambda * at;
                let wait = lambda * at * at / (2.0 * free);
                (free > 0.0).then_some((wait, lambda * at * (1.0 + free) / (2.0 * free * free)))
            }
        }
    }

    /// The least point of a bend, which costs infinitely much, or the least that can be; and the most.
    fn ends(&self, pair: usize, curvature: ConvexTerm) -> (f64, f64) {
        let lambda = self.lambda[self.user[pair] as usize];
        match curvature {
            ConvexTerm::TransmissionPoint => (self.least_bandwidth[pair], 1.0),
            ConvexTerm::Edge => (self.least_edge[pair], 1.0),
            ConvexTerm::Local | ConvexTerm::Heat => (lambda * self.local[pair], 1.0),
            ConvexTerm::Wait => (0.0, 1.0 / lambda),
        }
    }

    /// What a second of a bend costs in the objective.
    fn weight(&self, pair: usize, curvature: ConvexTerm) -> f64 {
        let is_exponential = self.service == Service::Exponential;
        if curvature == ConvexTerm::TransmissionPoint && !is_exponential {
            self.airtime[self.user[pair] as usize]
        } else {
            1.0
        }
    }

    /// What a pair costs that does not depend on what it takes of what is modelled.
    fn given(&self, pair: usize) -> f64 {
        let (time, work, lambda) = (self.local_time_s[pair], self.local[pair], self.lambda[self.user[pair] as usize]);
        if self.service == Service::Deterministic || work == 0.0 {
            return 0.0;
        }
        time + self.heat[pair] * (work * (1.0 / time + lambda)).powi(2)
    }
}

/// Points where tangents are taken first: geometric in what is above the need, up to costs of `most` seconds.
fn grid(slot: &Slot, pair: usize, curvature: ConvexTerm, error: f64, most: f64) -> Vec<f64> {
    let root = error.sqrt();
    let ratio = (1.0 + root) / (1.0 - root);
    let (low, high) = slot.ends(pair, curvature);
    let mut points = Vec::new();
    if curvature == ConvexTerm::Wait {
        // In t = d/(1 - lambda d), of which the wait is nearly a power.
        let lambda = 1.0 / high;
        let least = slot.local[pair].max(slot.edge[pair]).max(if slot.air[pair] > 0.0 {
            slot.transmission_s(pair, 1.0).0
        } else {
            0.0
        });
        let mut time = least / (1.0 - lambda * least);
        while points.len() < 400 {
            let at = time / (1.0 + lambda * time);
            match slot.curvature(pair, curvature, at) {
                Some((wait, _)) if wait <= most => points.push(at),
                _ => break,
            }
            time *= ratio;
        }
        return points;
    }
    let mut above = high - low;
    while points.len() < 400 {
        let at = low + above;
        let cost = slot.curvature(pair, if curvature == ConvexTerm::Heat { ConvexTerm::Local } else { curvature }, at);
        match cost {
            Some((cost, _)) if cost <= most => points.push(at),
            _ => break,
        }
        above /= ratio;
    }
    points
}

impl Oa<'_> {
    /// Adds a point, unless there is one next to it; says how many are new.
    fn add(&mut self, copy: usize, curvature: ConvexTerm, at: f64) -> usize {
        let Copy { pair, points, .. } = &mut self.copies[copy];
        let (low, high) = self.slot.ends(*pair, curvature);
        // What is needed and no more has no tangent; a steep one keeps it away.
        let at = if curvature == ConvexTerm::Wait {
            at.min(high * (1.0 - 1e-6))
        } else {
            at.clamp(low + 1e-6 * (high - low), high)
        };
        let points = &mut points[curvature as usize];
        let is_near = |known: &f64| {
            (known - at).abs()
                <= 1e-6 * (at - low).min(if curvature == ConvexTerm::Wait { high - at } else { f64::INFINITY })
        };
        if at <= 0.0 || points.iter().any(is_near) || self.slot.curvature(*pair, curvature, at).is_none() {
            return 0;
        }
        points.push(at);
        1
    }

    /// Reports the first incumbent.
    fn report(&self, instance: &Instance) {
        if incumbents::has_listener() {
            let Shares { local, bandwidth, edge, .. } = &self.best;
            let decisions = allocation(instance, self.cuts.clone(), local, bandwidth, edge);
            if let Some(objective) = slot_objective(instance, &decisions) {
                incumbents::report::<Lymdo>(objective, || Solution { slots: vec![decisions] });
            }
        }
    }

    /// What counts as 1 of what a bend takes: all there is, or for the slowest stage what is just not stable.
    fn unit(&self, pair: usize, curvature: ConvexTerm) -> f64 {
        if curvature == ConvexTerm::Wait { self.seconds(pair, ConvexTerm::Local) } else { 1.0 }
    }

    /// The seconds of a bend that count as 1. HiGHS is exact to 1e-9, which has to be little beside what is missing to 1/lambda.
    fn seconds(&self, pair: usize, curvature: ConvexTerm) -> f64 {
        let is_pulled = matches!(curvature, ConvexTerm::TransmissionPoint | ConvexTerm::Edge | ConvexTerm::Local)
            && self.slot.has_curvature(pair, ConvexTerm::Wait);
        if is_pulled { self.scale.min(self.slot.ends(pair, ConvexTerm::Wait).1) } else { self.scale }
    }

    /// The tangents of a bend of a copy: `value z + slope (taken - at z) <= cost`.
    fn tangents(
        &self,
        copy: &Copy,
        curvature: ConvexTerm,
        [z, taken, cost]: [Variable; 3],
    ) -> impl Iterator<Item = Constraint> {
        let (slot, pair) = (self.slot, copy.pair);
        let (unit, seconds) = (self.unit(pair, curvature), self.seconds(pair, curvature));
        copy.points[curvature as usize].iter().filter_map(move |at| {
            let (value, slope) = slot.curvature(pair, curvature, *at)?;
            // Rows are divided by what is steep in them: HiGHS drops what is small beside 1, and minds what is large.
            let steep = (1e-5 * slope.abs() * unit / seconds).max(1.0);
            let mut row = Expression::with_capacity(3);
            row.add_mul((value - slope * at) / seconds / steep, z);
            row.add_mul(slope * unit / seconds / steep, taken);
            row.add_mul(-1.0 / steep, cost);
            Some(constraint!(row <= 0.0))
        })
    }

    /// The variables of bends that a copy has, with their columns.
    fn columns(&self, copy: &Copy) -> Vec<(ConvexTerm, usize)> {
        let has_curvature = BENDS.into_iter().filter(|curvature| self.slot.has_curvature(copy.pair, *curvature));
        has_curvature.enumerate().map(|(at, curvature)| (curvature, copy.first + 1 + 2 * at)).collect()
    }
}

/// The copies of these pairs, each with a grid of tangents.
fn copies(slot: &Slot, pairs: &[usize], error: f64, scale: f64) -> Vec<Copy> {
    let mut first = 0;
    let copy = |pair: &usize| {
        let pair = *pair;
        let has_curvature = BENDS.map(|curvature| slot.has_curvature(pair, curvature));
        let points = |at: usize| if has_curvature[at] { grid(slot, pair, BENDS[at], error, scale) } else { Vec::new() };
        let copy = Copy { pair, points: std::array::from_fn(points), first };
        first += 1 + 2 * has_curvature.into_iter().filter(|has| *has).count();
        copy
    };
    pairs.iter().map(copy).collect()
}

impl Tangents for Oa<'_> {
    fn model(&self) -> Program {
        let slot = self.slot;
        let mut problem = ProblemVariables::new();
        let mut objective = Expression::default();
        let mut rows = Vec::new();
        // A user has a binary and two columns for each of five bends. What is taken is at most all of it, what it costs the incumbent or what is just
        // not stable: 1 each.
        let size = slot.users() as f64 * 11.0;
        let mut once = vec![Expression::default(); slot.users()];
        let (mut bandwidth, mut edge) = (Expression::default(), Expression::default());
        for copy in &self.copies {
            let pair = copy.pair;
            let z = problem.add(variable().binary());
            once[slot.user[pair] as usize].add_mul(1.0, z);
            let given = slot.given(pair) / self.scale;
            if given > 0.0 {
                objective.add_mul(given, z);
            }
            let (mut speed, mut slowest): (Option<Variable>, Option<Variable>) = (None, None);
            let mut times = Vec::new();
            for (curvature, _) in self.columns(copy) {
                let (low, high) = slot.ends(pair, curvature);
                let (unit, seconds) = (self.unit(pair, curvature), self.seconds(pair, curvature));
                let taken = problem.add(variable().min(0.0).max(high / unit));
                // What costs more than the incumbent is of no interest.
                let weight = slot.weight(pair, curvature) * seconds / self.scale;
                let cost = problem.add(variable().min(0.0).max(CUTOFF / weight));
                objective.add_mul(weight, cost);
                match curvature {
                    ConvexTerm::TransmissionPoint => bandwidth.add_mul(1.0, taken),
                    ConvexTerm::Edge => edge.add_mul(1.0, taken),
                    ConvexTerm::Local => speed = Some(taken),
                    // The same speed, twice.
                    ConvexTerm::Heat => rows.push(constraint!(taken == speed.expect("a speed"))),
                    ConvexTerm::Wait => slowest = Some(taken),
                }
                if matches!(curvature, ConvexTerm::TransmissionPoint | ConvexTerm::Edge | ConvexTerm::Local) {
                    times.push(cost);
                }
                rows.push(constraint!(taken <= high / unit * z));
                if low > 0.0 {
                    rows.push(constraint!(taken >= low / unit * z));
                }
                rows.extend(self.tangents(copy, curvature, [z, taken, cost]));
            }
            if let Some(slowest) = slowest {
                times.into_iter().for_each(|time| rows.push(constraint!(time <= slowest)));
            }
        }
        rows.extend(once.into_iter().map(|once| constraint!(once == 1.0)));
        rows.push(constraint!(bandwidth <= 1.0));
        rows.push(constraint!(edge <= 1.0));
        Program::new(Lymdo::SENSE, problem, objective, rows, size).scaled(self.scale * self.v, 0.0)
    }

    fn refine(&mut self, values: &[f64]) -> (Option<f64>, usize) {
        let slot = self.slot;
        let mut chosen: Vec<(f64, usize)> = vec![(f64::NEG_INFINITY, 0); slot.users()];
        for (at, copy) in self.copies.iter().enumerate() {
            let best = &mut chosen[slot.user[copy.pair] as usize];
            if values[copy.first] > best.0 {
                *best = (values[copy.first], at);
            }
        }
        let pairs: Vec<u32> = chosen.iter().map(|(_, at)| self.copies[*at].pair as u32).collect();
        let mut new = 0;
        for (z, at) in &chosen {
            for (curvature, column) in self.columns(&self.copies[*at]) {
                let unit = self.unit(self.copies[*at].pair, curvature);
                new += self.add(*at, curvature, values[column] * unit / z.max(0.5));
            }
        }
        if !slot.is_stable(&pairs) {
            return (None, new);
        }
        self.convex.solve(slot, &pairs, None, &mut self.trial);
        for (n, (_, at)) in chosen.iter().enumerate() {
            let (u, x, y) = (self.trial.local[n], self.trial.bandwidth[n], self.trial.edge[n]);
            let pair = self.copies[*at].pair;
            let mut slowest = 0.0f64;
            for (curvature, taken) in [
                (ConvexTerm::TransmissionPoint, x),
                (ConvexTerm::Edge, y),
                (ConvexTerm::Local, u),
                (ConvexTerm::Heat, u),
            ] {
                if slot.has_curvature(pair, curvature) {
                    new += self.add(*at, curvature, taken);
                    if curvature != ConvexTerm::Heat {
                        slowest = slowest.max(slot.curvature(pair, curvature, taken).map_or(0.0, |(time, _)| time));
                    }
                }
            }
            if slot.has_curvature(pair, ConvexTerm::Wait) {
                new += self.add(*at, ConvexTerm::Wait, slowest);
            }
        }
        let value = self.trial.value;
        if value < self.best.value {
            std::mem::swap(&mut self.best, &mut self.trial);
            self.cuts = pairs.iter().map(|pair| slot.cut(*pair as usize)).collect();
        }
        (Some(self.best.value / self.scale), new)
    }
}

/// Changes cuts one user at a time as long as the value falls, and gives the shares of the last ones. Costs are in units of this solution: far above the
/// optimum they leave HiGHS no digits of it.
fn improved(
    slot: &Slot,
    convex: &mut Convex,
    pairs: &mut [u32],
    usable: &[usize],
    is_out_of_time: &dyn Fn() -> bool,
) -> Shares {
    let (mut best, mut trial) = (Shares::default(), Shares::default());
    convex.solve(slot, pairs, None, &mut best);
    loop {
        let before = best.value;
        for pair in usable {
            let n = slot.user[*pair] as usize;
            let known = std::mem::replace(&mut pairs[n], *pair as u32);
            if known == *pair as u32 {
                continue;
            }
            let is_better = slot.is_stable(pairs) && {
                convex.solve(slot, pairs, None, &mut trial);
                trial.value < best.value
            };
            if is_better {
                std::mem::swap(&mut best, &mut trial);
            } else {
                pairs[n] = known;
            }
        }
        if is_out_of_time() || best.value.is_nan() || best.value >= 0.999 * before {
            return best;
        }
    }
}

impl Algorithm<Lymdo> for OuterApproximation {
    fn id(&self) -> &str {
        "milp-oa"
    }

    fn about(&self) -> &str {
        "outer approximation of a single slot, a copy of the resources per cut, through good_lp and HiGHS (bound reported by HiGHS, and certified by prices)"
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![grid_error(Self::default().error)]
    }

    fn set(&mut self, setting: &Setting) {
        self.error = setting.value();
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Lymdo> {
        let began = Instant::now();
        if instance.slots.len() > 1 {
            return Answer::declined("takes single slots only");
        }
        let slot = Slot::new(instance);
        let mut usable: Vec<usize> = (0..slot.pair_count()).filter(|pair| slot.is_usable(*pair)).collect();
        if usable.len() > MAX_PAIRS {
            return Answer::declined(format!("the model would have more than {MAX_PAIRS} cuts of users"));
        }
        let pairs =
            match feasibility(&slot, &SymmetryClasses::now(instance), units(instance, instance.v), budget, began) {
                Ok(Feasibility::Found(pairs)) => pairs,
                Ok(Feasibility::None(tree)) => return infeasible(tree),
                Err(stop) => return Answer::nothing(stop),
            };
        let mut convex = Convex::new(&slot);
        let mut pairs = pairs;
        let best = improved(&slot, &mut convex, &mut pairs, &usable, &|| budget.is_spent(began));
        let scale = if best.value > 0.0 { best.value } else { 1.0 };
        usable.retain(|pair| slot.given(*pair) / scale <= CUTOFF);
        let copies = copies(&slot, &usable, self.error, scale);
        let cuts = pairs.iter().map(|pair| slot.cut(*pair as usize)).collect();
        let mut oa = Oa { slot: &slot, copies, scale, v: instance.v, convex, best, cuts, trial: Shares::default() };
        let time_s = budget.time_s.map(|s| (s - began.elapsed().as_secs_f64()).max(0.0));
        oa.report(instance);
        let certified = root_bound(&oa, instance, budget, began);
        let known = Some(oa.best.value / scale);
        let ended = match run(&mut oa, known, 1e-7, &Budget { time_s, ..budget.clone() }) {
            Ok(ended) => ended,
            Err(stop) => return highs::beside(Answer::nothing(stop), certified),
        };
        let mut trace = ended.trace;
        trace.incumbents.iter_mut().for_each(|incumbent| incumbent.objective *= scale * instance.v);
        let Oa { best, cuts, .. } = oa;
        let decisions = allocation(instance, cuts, &best.local, &best.bandwidth, &best.edge);
        let Some(objective) = slot_objective(instance, &decisions) else {
            return Answer::declined("the best shares are stable by less than the precision of doubles");
        };
        let mut answer = Answer::found(Solution { slots: vec![decisions] }, objective);
        // (An incumbent is known: HiGHS sees none only where tangents at the edge of stability round it away.)
        answer.stop = if ended.stop == Stop::Infeasible { Stop::Completed } else { ended.stop };
        let answer =
            highs::bounded(answer.traced(trace), ended.bound.map(|bound| (bound * scale * instance.v).max(0.0)));
        highs::beside(answer, certified.map(|(value, certificate)| (value.min(objective), certificate)))
    }
}

/// The certified bound beside HiGHS's: at the best prices near those of the first shares. None while a model is exported.
fn root_bound(oa: &Oa, instance: &Instance, budget: &Budget, began: Instant) -> Option<(f64, Certificate)> {
    highs::root_bound::<Lymdo>(|| price_bound(oa.slot, instance, Some(oa.best.prices), budget.is_spent(began)))
}
