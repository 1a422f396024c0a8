//! The study of `jpdra`'s reports under bursty arrivals: deployments of a run, simulated when its report is written.
//!
//! Of up to four loads one instance each is taken, on which the methods' objectives differ most: real DNNs, speeds shared continuously. Its best known solution and
//! those of the paper's algorithms are sent through the simulator under arrivals of several squared coefficients of variation. The same seed makes the same
//! numbers, on any number of threads. The work is bounded by stages visited, not by time: a few seconds.

use std::collections::BTreeMap;

use offcut_instances::document::{InputError, read_answer, read_instance};
use offcut_instances::jpdra::Jpdra;
use offcut_ledger::Row;
use offcut_reports::simulated::{Setting, Simulated, SimulatedDelay, SimulatedOrder};
use offcut_runner::Folder;
use offcut_simulator::{Arrivals, Bursty, Estimate, Service, Tandem, simulate_arrivals, tandems, weighted_mean};
use rayon::prelude::*;

/// The methods whose deployments are compared with the best known one, and with each other.
const METHODS: [&str; 2] = ["jpdra", "dpd"];

/// Squared coefficients of variation of the gaps between tasks.
const SCVS: [f64; 4] = [1.0, 4.0, 16.0, 100.0];

/// The most instances.
const MOST_INSTANCES: usize = 4;

/// Stages that all tasks together visit, about: some seconds.
const VISITS: f64 = 4e8;

/// The fewest tasks of a flow, even where fewer would do.
const FEWEST_TASKS: u64 = 100_000;

/// Of all intervals.
const CONFIDENCE: f64 = 0.99;

/// Of arrivals and service times.
const SEED: u64 = 1;

/// An instance with deployments of it, each once: the best known one first.
struct Case<'a> {
    instance: &'a str,
    deployments: Vec<Deployment>,
}

impl Case<'_> {
    /// Stages that one task of every flow visits, in all deployments together.
    fn stages(&self) -> usize {
        self.deployments.iter().map(Deployment::stages).sum()
    }
}

/// A solution as queues.
struct Deployment {
    /// The methods that found it, the best row's first; each once.
    methods: Vec<String>,
    tandems: Vec<Tandem>,
}

impl Deployment {
    /// The methods that found it, in words.
    fn name(&self) -> String {
        self.methods.join(" and ")
    }

    fn rates(&self) -> Vec<f64> {
        self.tandems.iter().map(|tandem| tandem.rate_per_s).collect()
    }

    /// The mean delay by the formula, in seconds.
    fn formula_s(&self) -> f64 {
        let delays: Vec<f64> = self.tandems.iter().map(|tandem| tandem.mean_delay_s(Service::Exponential)).collect();
        weighted_mean(&self.rates(), &delays)
    }

    /// Whether it is the same deployment but for rounding.
    fn is_like(&self, other: &Self) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        let all = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b));
        let same = |(a, b): (&Tandem, &Tandem)| all(&a.service_s, &b.service_s) && all(&a.hops_s, &b.hops_s);
        self.tandems.iter().zip(&other.tandems).all(same)
    }

    fn stages(&self) -> usize {
        self.tandems.iter().map(|tandem| tandem.service_s.len()).sum()
    }
}

/// Simulates deployments of a run; nothing if it has none of the paper's algorithms on real DNNs.
///
/// # Errors
/// [`InputError`] if an instance or an answer that a row speaks of cannot be read.
pub(super) fn simulated(folder: &Folder, rows: &[Row]) -> Result<Simulated, InputError> {
    let mut cases = Vec::new();
    for rows in chosen(rows) {
        cases.push(case(folder, &rows)?);
    }
    let asked: Vec<(&Case, f64)> = cases.iter().flat_map(|case| SCVS.map(|scv| (case, scv))).collect();
    let wanted: Vec<(f64, u64)> = asked.iter().map(|(case, scv)| (case.stages() as f64, wanted(case, *scv))).collect();
    let most = level(&wanted);
    let settings: Vec<(&Case, f64, u64, u64)> =
        asked.iter().zip(&wanted).map(|((case, scv), (_, wanted))| (*case, *scv, most.min(*wanted), *wanted)).collect();
    let jobs: Vec<(&Deployment, f64, u64)> = settings
        .iter()
        .flat_map(|(case, scv, tasks, _)| case.deployments.iter().map(|deployment| (deployment, *scv, *tasks)))
        .collect();
    let mut done = all(&jobs)?.into_iter();
    let mut simulated = Simulated { confidence: CONFIDENCE, ..Simulated::default() };
    for (case, scv, tasks, wanted) in &settings {
        let setting =
            Setting { instance: case.instance.into(), scv: *scv, tasks: *tasks, is_reliable: tasks >= wanted };
        let estimates: Vec<Estimate> = done.by_ref().take(case.deployments.len()).collect();
        add(&mut simulated, case, &setting, &estimates);
    }
    Ok(simulated)
}

/// The rows of the instances to simulate: of each the best known one first, then those of [`METHODS`]. One instance a load, the loads in their order.
fn chosen(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut instances: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    let is_candidate = |row: &&Row| {
        let label = &row.instance;
        let has_solution = row.checked_objective.is_some() && row.violations.is_empty() && !row.status.is_failure();
        label.family == "zoo" && label.variant != "units" && has_solution
    };
    for row in rows.iter().filter(is_candidate) {
        instances.entry(&row.key.instance).or_default().push(row);
    }
    let objective = |row: &Row| row.checked_objective.map_or(f64::INFINITY, |interval| interval.high());
    let mut of_load: BTreeMap<u64, (f64, Vec<&Row>)> = BTreeMap::new();
    for mut rows in instances.into_values() {
        rows.sort_by(|a, b| {
            let key = |row: &Row| (row.key.method.clone(), row.key.budget.seed);
            objective(a).total_cmp(&objective(b)).then_with(|| key(a).cmp(&key(b)))
        });
        let of = |method: &&str| rows.iter().find(|row| row.key.method == **method).copied();
        let Some(others) = METHODS.iter().map(of).collect::<Option<Vec<&Row>>>() else { continue };
        let best = rows[0];
        let spread = others.iter().map(|row| objective(row)).fold(0.0, f64::max) / objective(best);
        let load = best.instance.parameters.get("load").copied().unwrap_or(0.0).to_bits();
        let found: Vec<&Row> = std::iter::once(best).chain(others).collect();
        if of_load.get(&load).is_none_or(|(known, _)| spread > *known) {
            of_load.insert(load, (spread, found));
        }
    }
    // Positive floats sort as their bits do.
    let all: Vec<Vec<&Row>> = of_load.into_values().map(|(_, rows)| rows).collect();
    evenly(all.len(), MOST_INSTANCES).into_iter().map(|at| all[at].clone()).collect()
}

/// At most so many of the places from 0 to below `count`, spread evenly: the first and the last, if it is more than one.
fn evenly(count: usize, most: usize) -> Vec<usize> {
    let kept = count.min(most);
    (0..kept).map(|k| if kept == 1 { 0 } else { k * (count - 1) / (kept - 1) }).collect()
}

/// The queues of an instance's solutions.
fn case<'a>(folder: &Folder, rows: &[&'a Row]) -> Result<Case<'a>, InputError> {
    let instance = &rows[0].key.instance;
    let read = read_instance::<Jpdra>(&folder.instance(instance))?;
    let mut deployments: Vec<Deployment> = Vec::new();
    for row in rows {
        let path = folder.answer(&row.key.line());
        let found = read_answer::<Jpdra>(&path)?.found;
        let missing = || InputError::at("body.found", "is missing", "run the suite again").in_file(&path);
        let tandems = tandems(&read, &found.ok_or_else(missing)?.solution).map_err(|error| error.in_file(&path))?;
        let deployment = Deployment { methods: vec![row.key.method.clone()], tandems };
        match deployments.iter_mut().find(|known| known.is_like(&deployment)) {
            Some(known) if !known.methods.contains(&row.key.method) => known.methods.push(row.key.method.clone()),
            Some(_) => {}
            None => deployments.push(deployment),
        }
    }
    Ok(Case { instance, deployments })
}

/// How many tasks a flow has to send for an interval that means what it says.
fn wanted(case: &Case, scv: f64) -> u64 {
    let arrivals = arrivals(scv);
    let fewest = |tandem: &Tandem| tandem.fewest_tasks_of(Service::Exponential, &arrivals);
    let all = case.deployments.iter().flat_map(|deployment| &deployment.tandems);
    all.map(fewest).max().expect("a flow").max(FEWEST_TASKS)
}

/// The most tasks that any setting sends, so that all together visit about [`VISITS`] stages: settings that want less have what they want, the others share
/// what is left. Settings are stages and tasks wanted.
fn level(wanted: &[(f64, u64)]) -> u64 {
    let visits = |most: u64| wanted.iter().map(|(stages, tasks)| stages * most.min(*tasks) as f64).sum::<f64>();
    let (mut low, mut high) = (FEWEST_TASKS, wanted.iter().map(|(_, tasks)| *tasks).max().unwrap_or(FEWEST_TASKS));
    while low < high {
        let middle = high - (high - low) / 2;
        if visits(middle) <= VISITS { low = middle } else { high = middle - 1 }
    }
    low
}

fn arrivals(scv: f64) -> Arrivals {
    Arrivals::Bursty(Bursty::new(scv).expect("the table has legal ones"))
}

/// Simulates all jobs, on as many threads as there are processors; the estimates are in the jobs' order.
fn all(jobs: &[(&Deployment, f64, u64)]) -> Result<Vec<Estimate>, InputError> {
    let estimate = |(deployment, scv, tasks): &(&Deployment, f64, u64)| {
        let tandems = deployment.tandems.clone();
        simulate_arrivals(tandems, Service::Exponential, &arrivals(*scv), *tasks, SEED).map(|done| done.weighted)
    };
    jobs.par_iter().map(estimate).collect()
}

/// Adds the estimates of a case's deployments, and of all pairs of them.
fn add(simulated: &mut Simulated, case: &Case, setting: &Setting, estimates: &[Estimate]) {
    let formulas: Vec<f64> = case.deployments.iter().map(Deployment::formula_s).collect();
    for (d, (deployment, estimate)) in case.deployments.iter().zip(estimates).enumerate() {
        let interval = estimate.interval(CONFIDENCE);
        simulated.delays.push(SimulatedDelay {
            setting: setting.clone(),
            method: deployment.name(),
            is_best: d == 0,
            formula_s: formulas[d],
            simulated_s: estimate.mean(),
            interval_s: (interval.low, interval.high),
        });
    }
    for first in 0..estimates.len() {
        for second in first + 1..estimates.len() {
            let (mean, interval) =
                (estimates[first].mean(), estimates[second].minus(&estimates[first]).interval(CONFIDENCE));
            simulated.orders.push(SimulatedOrder {
                setting: setting.clone(),
                methods: [first, second].map(|d| case.deployments[d].name()),
                formula: formulas[second] / formulas[first] - 1.0,
                interval: (interval.low / mean, interval.high / mean),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly() {
        assert_eq!(evenly(0, 4), [0; 0]);
        assert_eq!(evenly(1, 4), [0]);
        assert_eq!(evenly(3, 4), [0, 1, 2]);
        assert_eq!(evenly(5, 4), [0, 1, 2, 4]);
        assert_eq!(evenly(9, 4), [0, 2, 5, 8]);
        assert_eq!(evenly(9, 1), [0]);
    }

    #[test]
    fn work_is_bounded_and_what_wants_little_has_it() {
        let wanted = [(40.0, 100_000), (40.0, 300_000), (80.0, 2_000_000), (40.0, 90_000_000)];
        let most = level(&wanted);
        let visits = |most: u64| wanted.iter().map(|(stages, tasks)| stages * most.min(*tasks) as f64).sum::<f64>();
        assert!(most > 2_000_000 && visits(most) <= VISITS && visits(most + 1) > VISITS, "{most}");
        assert_eq!(level(&wanted[..2]), 300_000, "all have what they want");
        assert_eq!(level(&[(1e6, 200_000)]), FEWEST_TASKS);
        assert_eq!(level(&[]), FEWEST_TASKS);
        let tandem = Tandem { rate_per_s: 0.95, service_s: vec![1.0; 4], hops_s: vec![0.0; 5] };
        let case = Case {
            instance: "x",
            deployments: vec![Deployment { methods: vec!["a".into()], tandems: vec![tandem; 5] }],
        };
        let found = SCVS.map(|scv| super::wanted(&case, scv));
        assert!(case.stages() == 20 && found.is_sorted() && found[3] > 20 * found[0], "{found:?}");
    }

    /// The two ends of the interval of a pair are over the mean of the first; a deployment against itself differs by nothing.
    #[test]
    fn equal_deployments_are_equal_under_bursts() {
        let tandem = Tandem { rate_per_s: 0.5, service_s: vec![1.0, 0.5], hops_s: vec![0.0; 3] };
        let slower = Tandem { service_s: vec![1.1, 0.5], ..tandem.clone() };
        let deployment =
            |method: &str, tandem: &Tandem| Deployment { methods: vec![method.into()], tandems: vec![tandem.clone()] };
        let deployments = vec![deployment("a", &tandem), deployment("b", &tandem), deployment("c", &slower)];
        assert!(deployments[0].is_like(&deployments[1]) && !deployments[0].is_like(&deployments[2]));
        let case = Case { instance: "x", deployments };
        let jobs: Vec<(&Deployment, f64, u64)> = case.deployments.iter().map(|one| (one, 16.0, 50_000)).collect();
        let estimates = all(&jobs).expect("enough tasks");
        let mut simulated = Simulated::default();
        let setting = Setting { instance: "x".into(), scv: 16.0, tasks: 50_000, is_reliable: true };
        add(&mut simulated, &case, &setting, &estimates);
        let [same, first, second] = &simulated.orders[..] else { panic!("three pairs") };
        assert!(same.formula == 0.0 && same.interval == (0.0, 0.0), "{same:?}");
        for pair in [first, second] {
            assert!(pair.formula > 0.0 && 0.0 < pair.interval.0 && pair.interval.0 < pair.interval.1, "{pair:?}");
        }
        assert!(simulated.delays[0].is_best && !simulated.delays[1].is_best);
        assert!(simulated.delays[0].ratio() > 2.0, "bursts make queues");
    }
}
