//! Two runs put side by side, pair by pair: what got slower, worse or wrong from one to the other.
//!
//! A pair are two rows of the same instance, method and seed; or of two methods that are compared with each other. Times are compared over instances: of each,
//! the logarithm of a ratio. Seeds of a method that is not random are repetitions, and the least seconds of both runs are compared, which other programs
//! disturb least; of a random method it is the median over seeds of the ratio with the same seed.
//!
//! Seconds are CPU seconds where all rows of a method have those of the method itself, on one thread: waiting for a processor is no time of a method. Of programs in
//! other languages only the whole process's are known, its start included, so their wall-clock seconds are compared. A slowdown is shown if
//!
//! 1. there are [`MIN_INSTANCES`] instances or more on which either run took [`FLOOR_S`] or longer, both with a result;
//! 2. the 95 % bootstrap interval over instances of the geometric mean ratio lies above [`MARGIN`];
//! 3. so does the interval of that ratio over the machine's own: each run repeats a reference cell, and the ratio of its median times says how much slower the
//!    machine was. Both intervals are combined, so that a noisy reference cell makes more noise of the ratio. Without reference cells in both runs, the
//!    margin is [`UNKNOWN_MARGIN`].
//!
//! Speedups are held to the same rule downwards.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::problem::{Sense, Stop};
use offcut_instances::random::Stream;
use offcut_ledger::gap::feasible_objective;
use offcut_ledger::{Manifest, Reference, Row, Status};
use serde::Serialize;

use crate::statistics::{RESAMPLES, bootstrap_mean, holm, mean, median, quantile, signed_rank};

/// The fewest instances on which times are compared.
pub const MIN_INSTANCES: usize = 6;

/// Instances on which both runs took less, in seconds, are left out: such times are mostly noise.
pub const FLOOR_S: f64 = 1e-3;

/// The least factor that counts as a change.
pub const MARGIN: f64 = 1.05;

/// The factor if the reference cell was not measured twice in both runs.
pub const UNKNOWN_MARGIN: f64 = 1.1;

/// Up to this relative difference two objectives are the same.
pub const SAME_OBJECTIVE: f64 = 1e-9;

/// A run: its manifest and its rows.
pub type Run<'a> = (&'a Manifest, &'a [Row]);

/// How much slower the machine was during the second run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The ratio of the reference cell's median times, second over first.
    pub ratio: f64,
    /// Its 95 % bootstrap interval.
    pub interval: (f64, f64),
}

/// What times show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// The second run is slower.
    Slower,
    /// The second run is faster.
    Faster,
    /// No difference beyond noise.
    Same,
    /// Fewer than [`MIN_INSTANCES`] instances to compare.
    TooFew,
}

/// Which seconds are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// CPU seconds of the method.
    Cpu,
    /// Wall-clock seconds of the method.
    Wall,
}

impl Clock {
    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Wall => "wall",
        }
    }

    fn seconds(self, row: &Row) -> f64 {
        match self {
            Self::Cpu => own_cpu_s(row).unwrap_or(row.times.solve_s),
            Self::Wall => row.times.solve_s,
        }
    }

    fn measured(self, reference: &Reference) -> &[f64] {
        match self {
            Self::Cpu => &reference.cpu_s,
            Self::Wall => &reference.times_s,
        }
    }
}

/// CPU seconds of the method alone, on one thread; none if only its whole process's are known.
fn own_cpu_s(row: &Row) -> Option<f64> {
    let is_own = |cpu_s: &f64| row.process.as_ref().is_none_or(|process| *cpu_s < process.cpu_s);
    row.times.solve_cpu_s.filter(|cpu_s| *cpu_s > 0.0 && row.key.budget.threads == 1).filter(is_own)
}

/// The times of one method in both runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimeComparison {
    /// Which seconds.
    pub clock: Clock,
    /// Instances that are compared.
    pub instances: usize,
    /// Instances that are left out because both runs took less than [`FLOOR_S`].
    pub below_floor: usize,
    /// The mean seconds over instances, first run.
    pub first_s: Option<f64>,
    /// The same, second run.
    pub second_s: Option<f64>,
    /// The geometric mean over instances of second over first.
    pub ratio: Option<f64>,
    /// Its 95 % bootstrap interval.
    pub interval: Option<(f64, f64)>,
    /// The 95 % interval of the same ratio over the machine's, where reference cells say how much slower that was.
    pub over_machine: Option<(f64, f64)>,
    /// The p-value of Wilcoxon's signed-rank test of the ratios' logarithms, corrected by Holm over all methods.
    pub p_holm: Option<f64>,
    /// What they show.
    pub shown: Shown,
}

/// What changed in a pair of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The second answer is rejected, the first was not.
    NewRejection,
    /// The first found a solution, the second none.
    SolutionVanished,
    /// The objective is worse.
    ObjectiveWorse,
    /// The status is a lesser one.
    StatusWorse,
    /// The first answer was rejected, the second is not.
    RejectionGone,
    /// The first found no solution, the second one.
    SolutionNew,
    /// The objective is better.
    ObjectiveBetter,
    /// The status is a better one.
    StatusBetter,
}

impl What {
    /// Its name in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewRejection => "new rejection",
            Self::SolutionVanished => "solution vanished",
            Self::ObjectiveWorse => "objective worse",
            Self::StatusWorse => "status worse",
            Self::RejectionGone => "rejection gone",
            Self::SolutionNew => "new solution",
            Self::ObjectiveBetter => "objective better",
            Self::StatusBetter => "status better",
        }
    }

    fn is_worse(self) -> bool {
        self <= Self::StatusWorse
    }
}

/// A pair of rows that differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What changed.
    pub what: What,
    /// The method, second run.
    pub method: String,
    /// The instance's name, or its hash if it has none.
    pub instance: String,
    /// The seed.
    pub seed: u64,
    /// Objective or status, first run.
    pub first: String,
    /// The same, second run.
    pub second: String,
    /// Whether one of the rows ended at its time limit. What is known then depends on the machine, and is no regression, unless it is a rejection.
    pub at_time_limit: bool,
}

impl Change {
    /// Whether it counts as a regression.
    pub fn is_regression(&self) -> bool {
        self.what == What::NewRejection || self.what.is_worse() && !self.at_time_limit
    }
}

/// One method in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodComparison {
    /// The method in the first run.
    pub first: String,
    /// The method in the second run.
    pub second: String,
    /// Pairs of rows.
    pub pairs: usize,
    /// Rows of the first run without a partner.
    pub only_first: usize,
    /// Rows of the second run without a partner.
    pub only_second: usize,
    /// Pairs with another time limit, memory limit or number of threads.
    pub other_budgets: usize,
    /// Their times.
    pub times: TimeComparison,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the reference cells say by wall-clock seconds; none if they were not measured twice in both runs.
    pub machine: Option<Machine>,
    /// The same by CPU seconds.
    pub machine_cpu: Option<Machine>,
    /// The factor beyond which times differ by more than noise.
    pub margin: f64,
    /// Every method with a row in both, by name.
    pub methods: Vec<MethodComparison>,
    /// Every pair of rows that differ, regressions first.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Whether anything got slower, worse or wrong.
    pub fn has_regression(&self) -> bool {
        self.methods.iter().any(|method| method.times.shown == Shown::Slower)
            || self.changes.iter().any(Change::is_regression)
    }
}

/// Compares two runs of one problem. Every method that has rows in both is compared with itself; `renamed` lists pairs to compare instead, of the first run and of
/// the second.
pub fn compare(first: Run<'_>, second: Run<'_>, renamed: &[(String, String)]) -> Comparison {
    let machines = Machines {
        cpu: machine(&first.0.reference, &second.0.reference, Clock::Cpu),
        wall: machine(&first.0.reference, &second.0.reference, Clock::Wall),
    };
    let (of_first, of_second) = (by_method(first.1), by_method(second.1));
    let pairs: Vec<(String, String)> = match renamed {
        [] => {
            of_first.keys().filter(|name| of_second.contains_key(*name)).map(|n| ((*n).into(), (*n).into())).collect()
        }
        some => some.to_vec(),
    };
    let (mut methods, mut changes, mut ps) = (Vec::new(), Vec::new(), Vec::new());
    let none = Rows::new();
    for (a, b) in pairs {
        let rows_a = of_first.get(a.as_str()).unwrap_or(&none);
        let rows_b = of_second.get(b.as_str()).unwrap_or(&none);
        let paired: Vec<Pair<'_>> =
            rows_a.iter().filter_map(|(place, row)| rows_b.get(place).map(|other| (*row, *other))).collect();
        changes.extend(paired.iter().filter_map(|pair| change(first.0.sense, pair)));
        let label = format!("{a} {b}");
        let is_random = first.0.random_methods.contains(&a) || second.0.random_methods.contains(&b);
        let (times, p) = times(&label, &paired, is_random, machines);
        ps.push(p);
        methods.push(MethodComparison {
            pairs: paired.len(),
            only_first: rows_a.len() - paired.len(),
            only_second: rows_b.len() - paired.len(),
            other_budgets: paired.iter().filter(|(a, b)| !is_same_budget(a, b)).count(),
            times,
            first: a,
            second: b,
        });
    }
    let tested: Vec<f64> = ps.iter().copied().flatten().collect();
    let mut corrected = holm(&tested).into_iter();
    for (method, p) in methods.iter_mut().zip(&ps) {
        method.times.p_holm = p.and_then(|_| corrected.next());
    }
    changes.sort_by(|a, b| {
        let order = |change: &Change| (!change.is_regression(), change.what);
        order(a).cmp(&order(b)).then_with(|| (&a.method, &a.instance, a.seed).cmp(&(&b.method, &b.instance, b.seed)))
    });
    let Machines { cpu: machine_cpu, wall: machine } = machines;
    Comparison { machine, machine_cpu, margin: margin(machine.or(machine_cpu)), methods, changes }
}

/// What the reference cells of two runs say.
#[derive(Clone, Copy)]
struct Machines {
    cpu: Option<Machine>,
    wall: Option<Machine>,
}

impl Machines {
    /// The clock for some pairs, and the machine by it: CPU seconds if all rows have them, unless only the reference cells have none.
    fn of(self, pairs: &[&Pair<'_>]) -> (Clock, Option<Machine>) {
        let has_cpu = pairs.iter().all(|(a, b)| own_cpu_s(a).is_some() && own_cpu_s(b).is_some());
        if has_cpu && (self.cpu.is_some() || self.wall.is_none()) {
            (Clock::Cpu, self.cpu)
        } else {
            (Clock::Wall, self.wall)
        }
    }
}

/// Rows by instance and seed.
type Rows<'a> = BTreeMap<(&'a str, u64), &'a Row>;

type Pair<'a> = (&'a Row, &'a Row);

/// The rows of every method; of several with the same instance and seed the last that was made.
fn by_method(rows: &[Row]) -> BTreeMap<&str, Rows<'_>> {
    let mut methods: BTreeMap<&str, Rows<'_>> = BTreeMap::new();
    for row in rows {
        let place = (row.key.instance.as_str(), row.key.budget.seed);
        methods.entry(&row.key.method).or_default().insert(place, row);
    }
    methods
}

fn is_same_budget(a: &Row, b: &Row) -> bool {
    let budget = |row: &Row| (row.key.budget.time_s, row.key.budget.memory_bytes, row.key.budget.threads);
    budget(a) == budget(b)
}

/// How much slower the machine was during the second run, from the reference cells of both.
pub fn machine(first: &Reference, second: &Reference, clock: Clock) -> Option<Machine> {
    let (a, b) = (clock.measured(first), clock.measured(second));
    if a.len() < 2 || b.len() < 2 || a.iter().chain(b).any(|time| *time <= 0.0) {
        return None;
    }
    // Medians: now and then a cell waits for something else, and takes several times as long.
    let of = |times: &[f64]| median(times).expect("two or more");
    let mut stream = Stream::new(&["reports", "compare", "machine"], 0);
    let mut resampled = |times: &[f64]| -> f64 {
        of(&times.iter().map(|_| times[stream.below(times.len() as u64) as usize]).collect::<Vec<_>>())
    };
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| resampled(b) / resampled(a)).collect();
    ratios.sort_by(f64::total_cmp);
    Some(Machine { ratio: of(b) / of(a), interval: (quantile(&ratios, 0.025), quantile(&ratios, 0.975)) })
}

fn margin(machine: Option<Machine>) -> f64 {
    if machine.is_some() { MARGIN } else { UNKNOWN_MARGIN }
}

/// The interval of a ratio over the machine's: of the difference of their logarithms, which do not depend on each other.
fn over_machine(ratio: f64, (low, high): (f64, f64), machine: Machine) -> (f64, f64) {
    let (at, below, above) = (ratio.ln(), (ratio / low).ln(), (high / ratio).ln());
    let machine_below = (machine.ratio / machine.interval.0).ln();
    let machine_above = (machine.interval.1 / machine.ratio).ln();
    let over = at - machine.ratio.ln();
    ((over - below.hypot(machine_above)).exp(), (over + above.hypot(machine_below)).exp())
}

/// The times of some pairs, and the p-value of their test.
fn times(label: &str, pairs: &[Pair<'_>], is_random: bool, machines: Machines) -> (TimeComparison, Option<f64>) {
    let has_result = |row: &Row| !row.status.is_failure() && row.status != Status::Declined;
    let pairs: Vec<&Pair<'_>> = pairs.iter().filter(|(a, b)| has_result(a) && has_result(b)).collect();
    let (clock, machine) = machines.of(&pairs);
    let mut instances: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for (a, b) in pairs {
        instances.entry(&a.key.instance).or_default().push((clock.seconds(a), clock.seconds(b)));
    }
    let of_seeds = if is_random { median_pair } else { least_pair };
    let all: Vec<(f64, f64)> = instances.values().map(|times| of_seeds(times)).collect();
    let compared: Vec<(f64, f64)> =
        all.iter().copied().filter(|(a, b)| a.max(*b) >= FLOOR_S && a.min(*b) > 0.0).collect();
    let logs: Vec<f64> = compared.iter().map(|(a, b)| (b / a).ln()).collect();
    let interval = bootstrap_mean(label, &logs).map(|(low, high)| (low.exp(), high.exp()));
    let ratio = mean(&logs).map(f64::exp);
    let over_machine =
        ratio.zip(interval).zip(machine).map(|((ratio, interval), machine)| over_machine(ratio, interval, machine));
    let margin = margin(machine);
    let is_all = |is_beyond: &dyn Fn((f64, f64)) -> bool| interval.into_iter().chain(over_machine).all(is_beyond);
    let shown = match interval {
        Some(_) if logs.len() < MIN_INSTANCES => Shown::TooFew,
        None => Shown::TooFew,
        Some(_) if is_all(&|(low, _)| low > margin) => Shown::Slower,
        Some(_) if is_all(&|(_, high)| high < 1.0 / margin) => Shown::Faster,
        Some(_) => Shown::Same,
    };
    let p = signed_rank(&logs).filter(|_| logs.len() >= MIN_INSTANCES).map(|test| test.p);
    let side = |of: fn(&(f64, f64)) -> f64| mean(&compared.iter().map(of).collect::<Vec<_>>());
    let comparison = TimeComparison {
        clock,
        instances: compared.len(),
        below_floor: all.len() - compared.len(),
        first_s: side(|time| time.0),
        second_s: side(|time| time.1),
        ratio,
        interval,
        over_machine,
        p_holm: None,
        shown,
    };
    (comparison, p)
}

/// The least seconds of both runs: of repetitions of the same work.
fn least_pair(times: &[(f64, f64)]) -> (f64, f64) {
    times.iter().fold((f64::INFINITY, f64::INFINITY), |(a, b), time| (a.min(time.0), b.min(time.1)))
}

/// The seconds of both runs with the seed whose ratio is the median, the lower one of two.
fn median_pair(times: &[(f64, f64)]) -> (f64, f64) {
    let mut sorted = times.to_vec();
    sorted.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    sorted[(sorted.len() - 1) / 2]
}

/// What changed in a pair, if anything did: the first that applies.
fn change(sense: Sense, (a, b): &Pair<'_>) -> Option<Change> {
    let (was, is) = (feasible_objective(a), feasible_objective(b));
    let status = |row: &Row| row.status.name().to_owned();
    let told = |objective: Option<f64>, row: &Row| objective.map_or_else(|| status(row), |value| value.to_string());
    let is_wrong = |row: &Row| row.status == Status::Wrong;
    let objectives = || (told(was, a), told(is, b));
    let (what, (first, second)) = match (was, is) {
        _ if is_wrong(b) && !is_wrong(a) => (What::NewRejection, (status(a), status(b))),
        _ if is_wrong(a) && !is_wrong(b) => (What::RejectionGone, (status(a), status(b))),
        (Some(_), None) => (What::SolutionVanished, objectives()),
        (None, Some(_)) => (What::SolutionNew, objectives()),
        (Some(was), Some(is)) if (is - was).abs() > SAME_OBJECTIVE * was.abs().max(is.abs()) => {
            let is_worse = (is > was) == (sense == Sense::Minimise);
            (if is_worse { What::ObjectiveWorse } else { What::ObjectiveBetter }, objectives())
        }
        _ if rank(b.status) < rank(a.status) => (What::StatusWorse, (status(a), status(b))),
        _ if rank(b.status) > rank(a.status) => (What::StatusBetter, (status(a), status(b))),
        _ => return None,
    };
    let name = if b.instance.name.is_empty() { &b.key.instance } else { &b.instance.name };
    let at_limit = |row: &Row| row.stop == Stop::TimeLimit || row.status == Status::Time;
    Some(Change {
        what,
        method: b.key.method.clone(),
        instance: name.clone(),
        seed: b.key.budget.seed,
        first,
        second,
        at_time_limit: at_limit(a) || at_limit(b),
    })
}

/// How good an outcome is, against others of the same instance.
fn rank(status: Status) -> u8 {
    match status {
        Status::Wrong => 0,
        Status::Invalid | Status::Crash | Status::Memory => 1,
        Status::Time | Status::NothingFound => 2,
        Status::Declined => 3,
        Status::InfeasibleClaimed | Status::Bounded => 4,
        Status::Feasible => 5,
        Status::OptimalClaimed => 6,
        Status::OptimalCertified | Status::InfeasibleCertified => 7,
    }
}

/// The methods of a run.
pub fn methods(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.key.method.as_str()).collect()
}
