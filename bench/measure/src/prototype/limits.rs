//! What is refused before any process is started.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::plan::Plan;
use super::reference::Reference;
use crate::machine::logical_processors;

/// The most processes.
const MOST_PROCESSES: usize = 64;
/// The largest share of the processors' time that tasks which arrive may take.
pub const BUSY: f64 = 0.8;
/// Memory of compiled layers, in bytes for each parameter of the network: as drawn, as the engine reads it, as it packs it.
const BYTES_PER_PARAMETER: f64 = 12.0;
/// What a process takes besides, in bytes.
const BYTES_PER_PROCESS: f64 = 5e7;
/// The share of the free memory that may be taken.
const MEMORY: f64 = 0.8;
/// The most seconds of a run.
const MOST_S: f64 = 7200.0;
/// The most tasks of a run.
const MOST_TASKS: f64 = 200_000.0;

/// Refuses a plan with too many or too large processes. Nothing has to be run to know that.
///
/// # Errors
/// If it has, with numbers and a remedy.
pub fn size(plan: &Plan) -> Result<()> {
    let mut places: Vec<usize> = plan.routes.iter().flat_map(|route| &route.stages).map(|stage| stage.place).collect();
    places.sort_unstable();
    places.dedup();
    let processes = places.len();
    ensure!(
        processes <= MOST_PROCESSES,
        "{processes} processes are more than {MOST_PROCESSES}: give an instance with fewer users, requests or flows"
    );
    let of_networks = parameters(plan);
    let needed = of_networks * BYTES_PER_PARAMETER + processes as f64 * BYTES_PER_PROCESS;
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let free = System::new_with_specifics(memory).map_or(0.0, |system| system.available_memory() as f64);
    ensure!(
        free == 0.0 || needed <= MEMORY * free,
        "the networks take about {:.1} GB in {processes} processes, and {:.1} GB are free: give smaller networks or fewer users, requests or flows",
        needed * 1e-9,
        free * 1e-9
    );
    Ok(())
}

/// Parameters of all networks in all processes: of a network in a process once, as long as it is compiled, or of all stages that have layers of it, if that is more.
fn parameters(plan: &Plan) -> f64 {
    let mut layers: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for route in &plan.routes {
        for stage in &route.stages {
            *layers.entry((stage.place, route.network)).or_default() += stage.layers.len();
        }
    }
    let share = |network: usize, layers: usize| (layers as f64 / plan.networks[network].layers as f64).max(1.0);
    layers.iter().map(|(&(_, network), &count)| plan.networks[network].params as f64 * share(network, count)).sum()
}

/// Refuses a stage that one core is too slow for.
///
/// # Errors
/// If there is one: which, how fast it is, and the dilation with which it could be run.
pub fn speeds(plan: &Plan, reference: &Reference, dilation: f64) -> Result<()> {
    let mut fastest = (f64::INFINITY, String::new());
    for route in &plan.routes {
        for stage in route.stages.iter().filter(|stage| stage.work > 0.0) {
            let slow_down = reference.slow_down(plan, route, stage);
            if slow_down < fastest.0 {
                fastest = (slow_down, format!("{} on {}", route.name, plan.places[stage.place]));
            }
        }
    }
    let (slow_down, name) = fastest;
    ensure!(
        slow_down * dilation >= 1.0 - 1e-9,
        "{name} is {:.2} times as fast as one core of this machine at --dilation {dilation}: give --dilation {} or more, which makes all durations so many times as long",
        1.0 / (slow_down * dilation),
        (1.0 / slow_down).ceil()
    );
    Ok(())
}

/// Refuses a run of tasks one at a time that would take too long. Its seconds, by prediction.
///
/// # Errors
/// If it would, with its seconds.
pub fn one_at_a_time(plan: &Plan, dilation: f64, repetitions: usize) -> Result<f64> {
    let once: f64 = plan.routes.iter().map(|route| route.predicted().total_s()).sum();
    let seconds = once * dilation * (repetitions + 1) as f64;
    ensure!(
        seconds <= MOST_S,
        "the run would take {seconds:.0} s, and {MOST_S} s are the most: give fewer --repetitions, a smaller --dilation or fewer users or requests"
    );
    Ok(seconds)
}

/// Refuses arrivals that the processors of this machine cannot carry, or too many of them.
///
/// # Errors
/// If it cannot, with numbers.
pub fn arrivals(plan: &Plan, reference: &Reference, dilation: f64, seconds: f64) -> Result<f64> {
    ensure!(seconds <= MOST_S, "--seconds {seconds} are more than {MOST_S}");
    let rates = |period: usize, of: &dyn Fn(usize) -> f64| -> f64 {
        let arriving = plan.routes.iter().filter_map(|route| Some((route, route.arrivals?)));
        let now = arriving.filter(|(_, arrivals)| arrivals.period == period);
        now.map(|(route, arrivals)| arrivals.rate_per_s / dilation * of(route.network)).sum()
    };
    let cores = f64::from(logical_processors());
    let busy = (0..plan.periods).map(|period| rates(period, &|network| reference.uncut[network].whole_s));
    let busy = busy.fold(0.0, f64::max);
    ensure!(
        busy <= BUSY * cores,
        "tasks would keep {busy:.2} of {cores} processors busy, and {:.2} are the most: give --dilation {} or more, which makes all durations so many times as long",
        BUSY * cores,
        (busy * dilation / (BUSY * cores)).ceil()
    );
    let period_s = seconds / plan.periods as f64;
    let tasks: f64 = (0..plan.periods).map(|period| rates(period, &|_| 1.0) * period_s).sum();
    ensure!(tasks <= MOST_TASKS, "{tasks:.0} tasks are more than {MOST_TASKS}: give fewer --seconds");
    ensure!(
        tasks >= 10.0 * plan.routes.len() as f64,
        "only {tasks:.1} tasks would arrive in {seconds} s: give more --seconds or a smaller --dilation"
    );
    Ok(busy)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use offcut_instances::lymdo::Service;
    use offcut_instances::prototype::Objective;

    use super::super::plan::{Arrivals, Route, Whole};
    use super::super::reference::Uncut;
    use super::*;

    #[test]
    fn processors_are_not_kept_busier_than_they_can_be() {
        let whole =
            Whole { source: "net".into(), name: "net".into(), layers: 2, params: 1, macs: 1e9, work_s: Vec::new() };
        let route = Route {
            name: "flow 0".into(),
            network: 0,
            cut: String::new(),
            stages: Vec::new(),
            links: Vec::new(),
            arrivals: Some(Arrivals { rate_per_s: 10.0, service: Service::Exponential, period: 0 }),
            weight: 1.0,
            deadline_s: None,
        };
        let plan = Plan {
            problem: "jpdra",
            instance: String::new(),
            kinds: Vec::new(),
            places: Vec::new(),
            networks: vec![whole],
            routes: vec![route],
            objective: Objective::Sum,
            periods: 1,
        };
        // Ten tasks a second, each taking a second of every processor.
        let whole_s = f64::from(logical_processors());
        let uncut = vec![Arc::new(Uncut { outputs: Vec::new(), wires: Vec::new(), whole_s })];
        let reference = Reference { uncut, here: None, macs_per_s: 1e9 };
        let error = arrivals(&plan, &reference, 1.0, 60.0).expect_err("too busy").to_string();
        assert!(error.contains("processors busy") && error.contains("--dilation 13"), "{error}");
        assert!(arrivals(&plan, &reference, 13.0, 60.0).is_ok());
        assert!(arrivals(&plan, &reference, 13.0, 6.0).is_err_and(|error| error.to_string().contains("would arrive")));
    }
}
