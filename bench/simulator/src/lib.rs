//! Queues simulated task by task: what the delay formulas of [`jpdra`](offcut_instances::jpdra) and [`lymdo`](offcut_instances::lymdo) must agree with.
//!
//! Tasks of flow s arrive as a Poisson process of rate lambda_s and pass through the flow's partitions in order. Every partition is a queue of
//! its own, first in first out, with one server of mean service time s_n = w_sn / f_sn. Between different servers, and on the ways in and
//! back, a task takes a constant time (bytes over speed) and nobody waits; staying is free.
//!
//! In `lymdo` a flow is a user in a slot, its queues are its device, its channel and its share of the edge ([`slot_tandems`]), and there are no hops. The
//! slot is taken to last: formula and simulation both speak of queues that have settled.
//!
//! # The simulation
//! Flows do not meet, and in a flow nobody overtakes. So the times at which things happen follow from each other without a list of events
//! (Lindley 1952): task k leaves stage n at
//!
//! ```text
//! departure[k][n] = max(departure[k][n-1] + hop[n], departure[k-1][n]) + service[k][n]
//! ```
//!
//! It reaches the stage after its hop, or waits for the task before it, and is then served. This is exact, not a time step: a test runs an
//! explicit list of events on the same drawn numbers and finds the same departures. The clock starts anew with every arrival, so that the rounding of
//! a delay is relative to the delay and not to the hours before it.
//!
//! # The formulas
//! | service | mean delay of a flow, besides its hops | why |
//! |---|---|---|
//! | exponential | `sum_n 1/(1/s_n - lambda)` | the output of an M/M/1 queue is Poisson again (Burke 1956) |
//! | deterministic | `sum_n s_n + lambda s_max^2 / (2 (1 - lambda s_max))` | the order of constant stages does not matter (Avi-Itzhak 1965, Friedman 1965), and behind the slowest nobody waits |
//!
//! In the second the waiting is that of one M/D/1 queue (Pollaczek-Khinchine) at the slowest stage, put first. How much M/M/1 overstates constant
//! service, the better the longer a tandem and the closer its stages, for example:
//! ```
//! use offcut_simulator::{Service, Tandem};
//! let tandem = Tandem { rate_per_s: 0.7, service_s: vec![0.6, 1.1, 0.9, 1.0], hops_s: vec![0.0; 5] };
//! assert_eq!(format!("{:.3}", tandem.mean_delay_s(Service::Exponential)), "11.583");
//! assert_eq!(format!("{:.3}", tandem.mean_delay_s(Service::Deterministic)), "5.441");
//! ```
//!
//! # The interval
//! Delays of neighbouring tasks are alike, so their own spread says little about their mean's. The first tenth is dropped (the queues start empty),
//! the rest is cut into [`BATCHES`] batches, and the batches' means stand for independent draws: mean and Student's t interval. That holds if
//! batches are long against the queues' memory, about 4/(1 - rho)^2 tasks for the busiest stage: [`Tandem::fewest_tasks`].
//!
//! # Bursts
//! The formulas are those of Poisson arrivals. [`simulate_arrivals`] also takes gaps with a given squared coefficient of variation ([`Bursty`]) or those of a
//! measured trace, scaled to each flow's rate; then the difference is no mistake but what the assumption costs. For one stage with exponential service
//! and [`Bursty`] arrivals the mean is known exactly ([`Bursty::mean_sojourn_s`]), and a test compares the two. Bursts make a queue's memory longer, by about
//! the factor (c + d)/(1 + d) for gaps of dispersion c and service of SCV d (the variance of a diffusion over that of Poisson arrivals), and [`Tandem::fewest_tasks_of`] grows by it.
//! The interval of a trace that is shorter than the run is one of this trace repeated: it says nothing about another day.
//!
//! # What it does not say
//! - Whether a solution is feasible: the checker checks that. Only a solution without a delay is rejected.
//! - What tasks with work of their own would do: service times at the stages of one task are drawn apart, as the formula has it.
//! - What links with queues of their own would do: hops are constant, as the formula has it.
//!
//! Same seed, same means, on every platform. The ends of an interval may differ in the last bit, as Student's t comes from `statrs`.

#![warn(clippy::too_many_lines, unreachable_pub)]

mod arrivals;
mod estimate;
mod lindley;
mod service;
mod slot;
mod tandem;

use offcut_instances::document::InputError;
use offcut_instances::jpdra::{Instance, Solution};

pub use arrivals::{Arrivals, Bursty, Trace};
pub use estimate::{BATCHES, Estimate, FEWEST_TASKS, Interval, weighted_mean};
pub use service::Service;
pub use slot::slot_tandems;
pub use tandem::{Tandem, tandems};

/// What was simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Flow by flow, in the instance's order.
    pub flows: Vec<FlowDelay>,
    /// The mean over all flows' tasks: flow s weighs lambda_s / Lambda.
    pub weighted: Estimate,
}

/// The end-to-end delay of one flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowDelay {
    /// What its tasks passed through.
    pub tandem: Tandem,
    /// Their mean delay, in seconds.
    pub delay: Estimate,
}

/// Sends `tasks` tasks through every flow of `instance`, placed and sped as `solution` says.
///
/// Every flow draws from streams of its own, and arrivals apart from services: both kinds of service see the same arrivals.
///
/// # Errors
/// [`InputError`] if `solution` does not fit the instance, uses a way that is not there or leaves a queue unstable (naming the partition), and if
/// `tasks` are below [`FEWEST_TASKS`].
pub fn simulate(
    instance: &Instance,
    solution: &Solution,
    service: Service,
    tasks: u64,
    seed: u64,
) -> Result<Simulation, InputError> {
    simulate_tandems(tandems(instance, solution)?, service, tasks, seed)
}

/// Sends `tasks` tasks through every one of `tandems`, as [`simulate`] does.
///
/// # Errors
/// [`InputError`] if `tasks` are below [`FEWEST_TASKS`].
pub fn simulate_tandems(
    tandems: Vec<Tandem>,
    service: Service,
    tasks: u64,
    seed: u64,
) -> Result<Simulation, InputError> {
    simulate_arrivals(tandems, service, &Arrivals::Poisson, tasks, seed)
}

/// Sends `tasks` tasks through every one of `tandems`, which arrive in this way. Two deployments of the same flows see the same arrivals, and the same
/// service times but for their means, if they have as many stages.
///
/// # Errors
/// [`InputError`] if `tasks` are below [`FEWEST_TASKS`].
pub fn simulate_arrivals(
    tandems: Vec<Tandem>,
    service: Service,
    arrivals: &Arrivals,
    tasks: u64,
    seed: u64,
) -> Result<Simulation, InputError> {
    if tasks < FEWEST_TASKS {
        let remedy = format!("give at least {FEWEST_TASKS}");
        return Err(InputError::at("tasks", format!("{tasks} a flow are too few to tell a mean"), remedy));
    }
    let run = |(s, tandem): (usize, Tandem)| {
        let delay = lindley::mean_delay(&tandem, service, arrivals, tasks, s, seed);
        FlowDelay { tandem, delay }
    };
    let flows: Vec<FlowDelay> = tandems.into_iter().enumerate().map(run).collect();
    let rates: Vec<f64> = flows.iter().map(|flow| flow.tandem.rate_per_s).collect();
    let delays: Vec<&Estimate> = flows.iter().map(|flow| &flow.delay).collect();
    let weighted = Estimate::weighted(&rates, &delays);
    Ok(Simulation { flows, weighted })
}
