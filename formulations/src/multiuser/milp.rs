//! `milp`: a multiple-choice program through HiGHS.
//!
//! An option of user i is a unit count f at which T_i*(f) strictly falls, with its best cut; the others are dominated.
//!
//! ```text
//! x_io in {0,1}     user i takes option o = (units f_io, latency T_io)
//! sum_o x_io = 1    for every user
//! sum_io f_io x_io <= beta
//! max:  minimise t  with  t >= sum_o T_io x_io for every user
//! sum:  minimise sum_io T_io x_io
//! ```
//!
//! HiGHS's tolerances are absolute, so costs are put around 1 by a known solution of value U (a bisection, or a price and repair). With
//! L_i = T_i*(beta), the least that user i can have:
//!
//! ```text
//! max:  floor = max_i L_i;   options with T_io > U are left out, and all beyond the first with T_io <= floor;   costs (T_io - floor)+ / (U - floor)
//! sum:  floor = sum_i L_i;   options with T_io > U - sum_{j != i} L_j are left out;                            costs (T_io - L_i) / (U - floor)
//! both: no user can have more than beta less the fewest units of the others
//! ```
//!
//! If HiGHS finds something so much better that the optimum is no longer around 1, the same is done once more with that solution. A model for `sum` that
//! would have more than [`LARGE`] options loses those that a price for a unit rules out: with g(p) the price bound, all with g(p) + (T_io + p f_io -
//! min_f (T_i*(f) + p f)) > U.
//!
//! The certified bound beside HiGHS's:
//!
//! ```text
//! sum:  the price bound at the best price, which is the dual of the capacity row in the root relaxation over all options; computed before, in any case.
//!       HiGHS's own bound, if the dynamic program over the core (module `core_program`) shows it with few states
//! max:  the lower end of the bisection. HiGHS's own bound, if it takes more units than there are to bring all users below it
//! ```

use std::time::Instant;

use good_lp::{Expression, ProblemVariables, Variable, constraint, variable};
use offcut_instances::incumbents;
use offcut_instances::multiuser::{Certificate, Instance, Multiuser, Objective, PriceNode};
use offcut_instances::problem::{Algorithm, Answer, Budget, Problem, Stop, Trace};

use super::bound::{BOUND_RELAXATION, best_price, relaxed};
use super::classes::Classes;
use super::core_program::{self, Core};
use super::model::{Falls, Latencies};
use super::price::repaired;
use crate::highs::{self, Limits, Outcome, Program};

/// Above this many binaries the model is not built: HiGHS then no longer minds its time limit while it presolves.
const MAX_BINARIES: usize = 200_000;

/// Above this many options the price of a unit rules some out.
const LARGE: usize = 20_000;

/// With an optimum below this, in the model's units, a better known solution gives better units.
const SMALL: f64 = 0.01;

/// States that the dynamic program may make that shows HiGHS's bound: some hundredths of a second.
const EFFORT: u64 = 400_000;

/// What rounding may take of a cutoff, relative.
const ROUNDING: f64 = 1e-9;

/// Multiple choice through HiGHS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Milp;

/// Per user, its options: units, and latency.
type Options = Vec<Vec<(u32, f64)>>;

/// What a known solution leaves open: nothing is below `floor`, and only what is below `best` is of interest.
struct Open<'a> {
    latencies: &'a Latencies<'a>,
    objective: Objective,
    /// T_i*(beta). Shape (users,).
    least: Vec<f64>,
    floor: f64,
    /// The known solution's units, shape (users,), and its objective.
    units: Vec<u32>,
    best: f64,
    /// A bound known before there is a model, as it is handed over.
    certified: (f64, Certificate),
}

/// A price of a unit, and the price bound.
#[derive(Clone, Copy)]
struct Priced {
    price_s: f64,
    bound: f64,
}

impl<'a> Open<'a> {
    fn new(
        latencies: &'a Latencies<'a>,
        instance: &Instance,
        is_out_of_time: &dyn Fn() -> bool,
    ) -> (Self, Option<Priced>) {
        let objective = instance.objective;
        let beta = latencies.units();
        let least: Vec<f64> = (0..latencies.users()).map(|user| latencies.best(user, beta)).collect();
        let (floor, units, priced, certified) = match objective {
            Objective::Max => {
                let floor = least.iter().copied().fold(0.0, f64::max);
                let (low, units) = bisected(latencies, floor, is_out_of_time);
                // (Nobody is below what all units give.)
                let certified = threshold(latencies, low).unwrap_or_else(|| at_threshold(floor));
                (floor, units, None, certified)
            }
            Objective::Sum => {
                let bound = best_price(latencies, &Classes::new(instance), &[], is_out_of_time);
                let priced = Priced { price_s: bound.price_s, bound: bound.value };
                let certified = bound.certificate();
                (least.iter().sum(), repaired(latencies, bound.units), Some(priced), certified)
            }
        };
        let best = latencies.objective(&units);
        (Self { latencies, objective, least, floor, units, best, certified }, priced)
    }

    /// What is left between the known solution and the floor.
    fn gap(&self) -> f64 {
        self.best - self.floor
    }

    /// Sums of latencies are rounded; a gap of this is none.
    fn rounding(&self) -> f64 {
        1e-15 * (self.latencies.users() as f64 + 4.0) * self.best
    }

    /// What counts as 1 in the model: the gap, and if there is none (the model of a solved instance is exported) the known objective.
    fn scale(&self) -> f64 {
        let scale = if self.gap() > self.rounding() { self.gap() } else { self.best };
        if scale > 0.0 { scale } else { 1.0 }
    }

    /// The most latency that a user can have in a solution as good as the known one.
    fn cutoff(&self, user: usize) -> f64 {
        let most = match self.objective {
            Objective::Max => self.best,
            Objective::Sum => self.best - (self.floor - self.least[user]),
        };
        most.max(self.least[user]) + ROUNDING * self.best
    }

    /// The options of all users that a solution as good as the known one can take.
    fn options(&self, priced: Option<Priced>, is_out_of_time: &dyn Fn() -> bool) -> Result<Options, Stop> {
        let latencies = self.latencies;
        let users = 0..latencies.users();
        let fewest: Vec<u32> =
            users.clone().map(|user| latencies.fewest(user, self.cutoff(user)).unwrap_or(0)).collect();
        let all: u64 = fewest.iter().copied().map(u64::from).sum();
        let cutoff = if self.objective == Objective::Max { self.floor } else { f64::NEG_INFINITY };
        let left = u64::from(latencies.units()).saturating_sub(all);
        let mut binaries = 0;
        let mut options = Vec::with_capacity(latencies.users());
        // The falls themselves may be too many to be looked at: a user's are at most the units that are left.
        let is_large = (left + 1).saturating_mul(latencies.users() as u64) > LARGE as u64;
        let priced = priced.filter(|_| is_large);
        for (user, from) in users.zip(fewest) {
            if is_out_of_time() {
                return Err(Stop::TimeLimit);
            }
            let to = u64::from(from).saturating_add(left).min(u64::from(latencies.units())) as u32;
            let range = Falls { from, to, cutoff };
            let cheapest =
                priced.map(|priced| latencies.least_with_price(user, priced.price_s, (0, latencies.units())).0);
            let is_option = |units: u32, latency: f64| match (priced, cheapest) {
                (Some(Priced { price_s, bound }), Some(cheapest)) => {
                    bound - cheapest + latency + price_s * f64::from(units) <= self.best * (1.0 + ROUNDING)
                }
                _ => true,
            };
            let Some(falls) = latencies.falls_within(user, range, MAX_BINARIES - binaries, is_option) else {
                return Err(Stop::Declined(format!("the model would have more than {MAX_BINARIES} binaries")));
            };
            binaries += falls.len();
            options.push(falls);
        }
        Ok(options)
    }

    /// The model, in which the floor is 0 and the known solution 1.
    fn program(&self, options: &Options) -> Program {
        let binaries = options.iter().map(Vec::len).sum();
        let mut variables = ProblemVariables::new();
        let choices: Vec<Vec<Variable>> =
            options.iter().map(|options| variables.add_vector(variable().binary(), options.len())).collect();
        let worst = (self.objective == Objective::Max).then(|| variables.add(variable().min(0.0).max(2.0)));
        let mut capacity = Expression::with_capacity(binaries);
        let mut total = Expression::with_capacity(if worst.is_some() { 1 } else { binaries });
        let mut rows = Vec::with_capacity(2 * options.len() + 1);
        for (user, (options, choices)) in options.iter().zip(&choices).enumerate() {
            let floor = if worst.is_some() { self.floor } else { self.least[user] };
            let mut one = Expression::with_capacity(options.len());
            let mut latency = Expression::with_capacity(options.len() + 1);
            for ((units, latency_s), choice) in options.iter().zip(choices) {
                one.add_mul(1.0, *choice);
                let above = (latency_s - floor).max(0.0) / self.scale();
                if above > 0.0 {
                    latency.add_mul(above, *choice);
                }
                if *units > 0 {
                    capacity.add_mul(f64::from(*units), *choice);
                }
            }
            rows.push(constraint!(one == 1.0));
            match worst {
                Some(worst) => rows.push(constraint!(latency <= worst)),
                None => total += latency,
            }
        }
        rows.push(constraint!(capacity <= f64::from(self.latencies.units())));
        if let Some(worst) = worst {
            total.add_mul(1.0, worst);
        }
        let size = options.len() as f64 + 1.0;
        Program::new(Multiuser::SENSE, variables, total, rows, size)
            .starting_at(self.start(options))
            .scaled(self.scale(), self.floor)
    }

    /// The known solution as values of the model's variables: for every user the last option that takes no more units. None if one has none.
    fn start(&self, options: &Options) -> Option<Vec<f64>> {
        let mut values = Vec::new();
        let mut worst = 0.0f64;
        for (options, units) in options.iter().zip(&self.units) {
            let at = options.partition_point(|(option, _)| option <= units).checked_sub(1)?;
            values.extend((0..options.len()).map(|option| f64::from(u8::from(option == at))));
            worst = worst.max((options[at].1 - self.floor) / self.scale());
        }
        if self.objective == Objective::Max {
            values.push(worst);
        }
        Some(values)
    }

    /// The units that HiGHS's values stand for, and their objective; none if they are more than there are.
    fn read(&self, options: &Options, values: &[f64]) -> Option<(Vec<u32>, f64)> {
        let mut first = 0;
        let mut units = Vec::with_capacity(options.len());
        for options in options {
            let chosen = &values[first..first + options.len()];
            first += options.len();
            let most = (0..chosen.len()).max_by(|a, b| chosen[*a].total_cmp(&chosen[*b]))?;
            units.push(options[most].0);
        }
        let fits = units.iter().copied().map(u64::from).sum::<u64>() <= u64::from(self.latencies.units());
        let objective = self.latencies.objective(&units);
        fits.then_some((units, objective))
    }

    /// HiGHS's bound with a certificate, if it is above the one known before and can be shown with little effort.
    fn shown(&self, bound: f64, classes: &Classes, priced: Option<Priced>) -> Option<(f64, Certificate)> {
        if bound <= self.certified.0 {
            return None;
        }
        let Some(Priced { price_s, bound: at_price }) = priced else { return threshold(self.latencies, bound) };
        let cutoff_s = relaxed(bound);
        let core = Core::new(self.latencies, classes, &[], (price_s, at_price));
        let outcome = core.solve(cutoff_s, &mut { EFFORT });
        let nodes = vec![PriceNode::Core { price_s, cutoff_s }];
        matches!(outcome, core_program::Outcome::NoneBelow).then(|| (relaxed(cutoff_s), Certificate::Prices { nodes }))
    }

    /// The answer with HiGHS's bound, and beside it the certified one: `shown` is HiGHS's if that could be shown.
    fn answer(
        self,
        stop: Stop,
        bound: Option<f64>,
        shown: Option<(f64, Certificate)>,
        trace: Trace,
    ) -> Answer<Multiuser> {
        let certified = shown.unwrap_or(self.certified);
        let found = (self.latencies.with_best_cuts(self.units), self.best);
        let answer = highs::claiming(Some(found), Answer::nothing(stop)).traced(trace);
        highs::beside(highs::bounded(answer, bound), Some(certified))
    }
}

/// The bound that no latency is below `latency_s`, if more units than there are bring all users below it.
fn threshold(latencies: &Latencies, latency_s: f64) -> Option<(f64, Certificate)> {
    let below = latency_s.next_down();
    let units = (0..latencies.users()).map(|user| latencies.fewest(user, below).map(u64::from));
    let total = units.sum::<Option<u64>>();
    total.is_none_or(|total| total > u64::from(latencies.units())).then(|| at_threshold(latency_s))
}

fn at_threshold(latency_s: f64) -> (f64, Certificate) {
    let latency_s = latency_s * (1.0 - BOUND_RELAXATION);
    (latency_s, Certificate::Threshold { latency_s })
}

/// Units of a solution for `max` that is within a tenth of the best: a bisection between what is out of reach and what is not. Before them, what is out of
/// reach.
fn bisected(latencies: &Latencies, floor: f64, is_out_of_time: &dyn Fn() -> bool) -> (f64, Vec<u32>) {
    let users = 0..latencies.users();
    let reach = |latency: f64| -> Option<Vec<u32>> {
        let units: Vec<u32> = users.clone().map(|user| latencies.fewest(user, latency)).collect::<Option<_>>()?;
        let all: u64 = units.iter().copied().map(u64::from).sum();
        (all <= u64::from(latencies.units())).then_some(units)
    };
    if let Some(units) = reach(floor) {
        return (floor, units);
    }
    let mut high = users.clone().map(|user| latencies.local(user)).fold(0.0, f64::max);
    let mut low = floor.max(1e-30 * high);
    let mut units = vec![0; latencies.users()];
    while high > 1.1 * low && !is_out_of_time() {
        let middle = low.sqrt() * high.sqrt();
        match reach(middle) {
            Some(within) => (high, units) = (middle, within),
            None => low = middle,
        }
    }
    (low, units)
}

impl Algorithm<Multiuser> for Milp {
    fn id(&self) -> &str {
        "milp"
    }

    fn about(&self) -> &str {
        "multiple-choice MILP through good_lp and HiGHS (max and sum; bound reported by HiGHS, and a certified one)"
    }

    fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Multiuser> {
        let began = Instant::now();
        let is_out_of_time = || budget.is_spent(began);
        let latencies = Latencies::new(instance);
        let (mut open, priced) = Open::new(&latencies, instance, &is_out_of_time);
        // HiGHS may take long to find a solution of its own.
        incumbents::report::<Multiuser>(open.best, || latencies.with_best_cuts(open.units.clone()));
        incumbents::report_bound::<Multiuser>(open.certified.0, || open.certified.1.clone());
        let mut trace = Trace::counting([("nodes", 0), ("columns", 0), ("rows", 0)]);
        let mut built_s = 0.0;
        let (stop, bound) = loop {
            let rounding = open.rounding();
            if open.gap() <= rounding && !highs::is_exporting() {
                break (Stop::Completed, Some(open.floor - rounding));
            }
            let began_model = Instant::now();
            let options = match open.options(priced, &is_out_of_time) {
                Ok(options) => options,
                // A model too large is a method that does not take the instance; a limit leaves what is known.
                Err(stop @ Stop::Declined(_)) => return Answer::nothing(stop),
                Err(stop) => break (stop, None),
            };
            let program = open.program(&options);
            built_s += began_model.elapsed().as_secs_f64();
            if is_out_of_time() {
                break (Stop::TimeLimit, None);
            }
            let limits = Limits::exact(budget, began.elapsed().as_secs_f64());
            let hear = |values: &[f64]| {
                if let Some((units, objective)) = open.read(&options, values) {
                    incumbents::report::<Multiuser>(objective, || latencies.with_best_cuts(units));
                }
            };
            let outcome: Outcome = match highs::solve_with_callback(program, 0.0, limits, &hear) {
                Ok(outcome) => outcome,
                Err(stop) => break (stop, None),
            };
            let nodes = trace.counts["nodes"] + outcome.nodes;
            built_s += outcome.build_s;
            trace = outcome.trace(built_s - outcome.build_s);
            trace.counts.insert("nodes".into(), nodes);
            let stop = match outcome.stop() {
                Ok(stop) => stop,
                Err(words) => break (Stop::Failed(words), None),
            };
            let (floor, scale) = (open.floor, open.scale());
            let found = outcome.values.as_deref().and_then(|values| open.read(&options, values));
            if let Some((units, objective)) = found.filter(|(_, objective)| *objective < open.best) {
                (open.units, open.best) = (units, objective);
            }
            if stop == Stop::Completed && open.gap() < SMALL * scale {
                continue;
            }
            // Nothing is below the floor, so no bound below it says anything.
            break (stop, outcome.bound.map(|bound| floor + scale * bound.max(0.0) - rounding));
        };
        trace.build_s = Some(built_s);
        let shown = bound.and_then(|bound| open.shown(bound, &Classes::new(instance), priced));
        open.answer(stop, bound, shown, trace)
    }
}
