//! Lets tasks run through the processes of a plan and takes their times.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use offcut_instances::lymdo::Service;
use offcut_instances::prototype::Parts;
use offcut_instances::random::Stream;

use super::clock::{now_ns, ns, seconds};
use super::cluster::{Cluster, Finished};
use super::plan::{Arrivals, Plan, Route, add};
use super::wire::Factors;

/// A task that takes so many times as long as predicted, and half a minute more, is given up.
const PATIENCE: f64 = 20.0;
const PATIENCE_S: f64 = 30.0;
/// The share of tasks that is left out at the beginning, when queues are empty.
const WARM_UP: f64 = 0.1;

/// A task that ran. All times are those of the instance: measured ones over the dilation.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When it was born, in seconds since the run began.
    pub born_s: f64,
    /// Its latency by part.
    pub parts: Parts,
    /// How much later than due its stages ended, together, in seconds; these are in `parts`.
    pub late_s: f64,
    /// Processor seconds of its computations, as they were here.
    pub cpu_s: f64,
    /// The largest difference of its outputs to the uncut network's, relative to their largest magnitude.
    pub difference: f64,
    /// The latency that the model predicts for these very arrivals and service times, in seconds; none for tasks that come one at a time.
    pub same_draws_s: Option<f64>,
}

/// Tasks come one at a time, those of all routes in a random order, `repetitions` times; each route has one more at the beginning, which does not count. Shape (routes,
/// repetitions).
///
/// # Errors
/// If a process ends or a task does not come back in time.
pub fn one_at_a_time(
    plan: &Plan,
    cluster: &mut Cluster,
    dilation: f64,
    repetitions: usize,
    seed: u64,
) -> Result<Vec<Vec<Sample>>> {
    let mut order = Stream::new(&["prototype", "order"], seed);
    let mut samples = vec![Vec::new(); plan.routes.len()];
    let begin_ns = now_ns();
    for repetition in 0..=repetitions {
        let mut turn: Vec<usize> = (0..plan.routes.len()).collect();
        order.shuffle(&mut turn);
        for r in turn {
            let route = &plan.routes[r];
            let task = (repetition * plan.routes.len() + r) as u64;
            cluster.launch(r, task, None, Factors::one(route.stages.len()))?;
            let patience = PATIENCE_S + PATIENCE * dilation * route.predicted().total_s();
            let finished = cluster.next(Duration::from_secs_f64(patience))?;
            let finished = finished.with_context(|| format!("{}: no answer after {patience:.0} s", route.name))?;
            ensure!(finished.header.task == task, "{}: another task came back", route.name);
            if repetition > 0 {
                samples[r].push(sample(route, &finished, begin_ns, dilation));
            }
        }
    }
    Ok(samples)
}

/// A task that is going to arrive.
struct Arrival {
    at_s: f64,
    route: usize,
    factors: Factors,
}

/// Tasks of every route arrive as a Poisson process of its rate in its period of the `duration_s` seconds of the clock. The first tenth does not count. Shape (routes, tasks),
/// ragged.
///
/// # Errors
/// If a process ends or tasks do not come back in time.
pub fn arriving(
    plan: &Plan,
    cluster: &mut Cluster,
    dilation: f64,
    duration_s: f64,
    seed: u64,
) -> Result<Vec<Vec<Sample>>> {
    let arrivals = draw(plan, duration_s / dilation, seed);
    let begin_ns = now_ns() + ns(0.1);
    let due_ns = |arrival: &Arrival| begin_ns + ns(arrival.at_s * dilation);
    let mut finished: HashMap<u64, Finished> = HashMap::new();
    for (task, arrival) in arrivals.iter().enumerate() {
        let due_ns = due_ns(arrival);
        while let Some(left_s) = Some(seconds(now_ns(), due_ns)).filter(|left_s| *left_s > 0.0) {
            if let Some(one) = cluster.next(Duration::from_secs_f64(left_s))? {
                finished.insert(one.header.task, one);
            }
        }
        cluster.launch(arrival.route, task as u64, Some(due_ns), arrival.factors.clone())?;
    }
    let longest = plan.routes.iter().map(|route| route.predicted().total_s()).fold(0.0, f64::max);
    let until_ns = now_ns() + ns(PATIENCE_S + PATIENCE * dilation * longest);
    while finished.len() < arrivals.len() {
        let left_s = seconds(now_ns(), until_ns);
        ensure!(
            left_s > 0.0,
            "{} of {} tasks did not come back in time",
            arrivals.len() - finished.len(),
            arrivals.len()
        );
        if let Some(one) = cluster.next(Duration::from_secs_f64(left_s))? {
            finished.insert(one.header.task, one);
        }
    }
    let samples = plan.routes.iter().enumerate().map(|(r, route)| {
        let own: Vec<(usize, &Arrival)> =
            arrivals.iter().enumerate().filter(|(_, arrival)| arrival.route == r).collect();
        let same = same_draws(route, own.iter().map(|(_, arrival)| *arrival));
        let all = own.iter().zip(same).map(|((task, _), same_s)| {
            let sample = sample(route, &finished[&(*task as u64)], begin_ns, dilation);
            Sample { same_draws_s: Some(same_s), ..sample }
        });
        all.skip((own.len() as f64 * WARM_UP).ceil() as usize).collect()
    });
    Ok(samples.collect())
}

/// Arrivals of all routes during `duration_s` seconds of the instance, in the order of time.
fn draw(plan: &Plan, duration_s: f64, seed: u64) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let period_s = duration_s / plan.periods as f64;
    for (r, route) in plan.routes.iter().enumerate() {
        let Some(Arrivals { rate_per_s: rate, service, period }) = route.arrivals else { continue };
        let name = r.to_string();
        let [mut gaps, mut services, mut links] =
            ["arrivals", "services", "links"].map(|purpose| Stream::new(&["prototype", purpose, &name], seed));
        let factor = |stream: &mut Stream| match service {
            Service::Exponential => exponential(stream),
            Service::Deterministic => 1.0,
        };
        let begin_s = period as f64 * period_s;
        let mut at_s = begin_s + exponential(&mut gaps) / rate;
        while at_s < begin_s + period_s {
            let stages = route.stages.iter().map(|_| factor(&mut services)).collect();
            let links = route.links.iter().map(|_| factor(&mut links)).collect();
            arrivals.push(Arrival { at_s, route: r, factors: Factors { stages, links } });
            at_s += exponential(&mut gaps) / rate;
        }
    }
    arrivals.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    arrivals
}

/// Exponential with mean 1, by inversion.
fn exponential(stream: &mut Stream) -> f64 {
    -(1.0 - stream.unit()).ln()
}

/// Latencies of the tasks of a route, in seconds, as its queues and links would have them: nobody overtakes, so task k leaves stage n at
/// `max(arrival of k at n, departure of k - 1 from n) + service` (Lindley 1952); so with links that queue.
fn same_draws<'a>(route: &Route, arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<f64> {
    let mut free_s = vec![f64::NEG_INFINITY; route.stages.len()];
    let mut link_free_s = free_s.clone();
    let latency = |arrival: &Arrival| {
        let mut now_s = arrival.at_s;
        for (n, stage) in route.stages.iter().enumerate() {
            now_s = now_s.max(free_s[n]) + stage.service_s() * arrival.factors.stages[n];
            free_s[n] = now_s;
            match route.links.get(n).copied().flatten() {
                Some(link) if link.queues => {
                    now_s = now_s.max(link_free_s[n]) + link.time_s() * arrival.factors.links[n];
                    link_free_s[n] = now_s;
                }
                Some(link) => now_s += link.time_s(),
                None => {}
            }
        }
        now_s - arrival.at_s
    };
    arrivals.map(latency).collect()
}

/// The times of a finished task.
fn sample(route: &Route, finished: &Finished, begin_ns: u64, dilation: f64) -> Sample {
    let header = &finished.header;
    let mut parts = Parts::default();
    let mut before_ns = header.born_ns;
    for (k, (mark, stage)) in header.marks.iter().zip(&route.stages).enumerate() {
        let came_s = seconds(before_ns, mark.arrived_ns) / dilation;
        let is_link = k > 0 && route.links[k - 1].is_some();
        if is_link {
            parts.link_s += came_s
        } else {
            parts.queueing_s += came_s
        }
        let waited_s = seconds(mark.arrived_ns, mark.begun_ns) + seconds(mark.ended_ns, mark.left_ns);
        parts.queueing_s += waited_s / dilation;
        add(&mut parts, stage.side, seconds(mark.begun_ns, mark.ended_ns) / dilation);
        before_ns = mark.left_ns;
    }
    Sample {
        born_s: seconds(begin_ns, header.born_ns) / dilation,
        parts,
        late_s: header.marks.iter().map(|mark| seconds(mark.due_ns, mark.ended_ns) / dilation).sum(),
        cpu_s: header.marks.iter().map(|mark| mark.cpu_ns as f64 * 1e-9).sum(),
        difference: finished.difference,
        same_draws_s: None,
    }
}
