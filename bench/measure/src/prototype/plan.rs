//! What an answer asks of machines and links: routes of tasks through stages.
//!
//! All four problems come down to this. A task of a user, a request or a flow passes through stages, each some layers of its network on a machine of a certain
//! speed; between stages in different processes lies a link. A stage is a queue of its own, and so is a link of `lymdo`.

use offcut_instances::lymdo::Service;
use offcut_instances::machine::Machine;
use offcut_instances::prototype::{Objective, Parts};
use offcut_instances::speedup::Speedup;

/// Whose time a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The user's.
    Device,
    /// The server's.
    Server,
}

/// Some layers on a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Index into the plan's places.
    pub place: usize,
    /// Whose time it is.
    pub side: Side,
    /// The layers that run here, of the network's graph, ascending; none at the end of a route, where a task only arrives.
    pub layers: Vec<u32>,
    /// The machine: its kind, and its speed with all units or threads that were allocated.
    pub machine: Machine,
    /// Work of the layers on this machine: MACs without a kind, else seconds at its nominal speed. Over the speed it is the mean service time.
    pub work: f64,
    /// Work of the layers, in MACs, if the instance has them.
    pub macs: Option<f64>,
}

impl Stage {
    /// The mean service time, in seconds.
    pub fn service_s(&self) -> f64 {
        self.work / self.machine.speed
    }
}

/// A link between two stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Seconds before the first byte.
    pub fixed_s: f64,
    /// Seconds for each byte.
    pub s_per_byte: f64,
    /// Bytes that the instance sends.
    pub bytes: f64,
    /// Whether tasks on it wait for each other, as at a stage.
    pub queues: bool,
}

impl Link {
    /// The time of a transfer, in seconds.
    pub fn time_s(&self) -> f64 {
        self.fixed_s + self.bytes * self.s_per_byte
    }
}

/// How the tasks of a route arrive, and what they find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    /// Tasks per second, a Poisson process.
    pub rate_per_s: f64,
    /// Service times from task to task, of stages and of links that queue.
    pub service: Service,
    /// The period of the run in which they arrive, below the plan's `periods`.
    pub period: usize,
}

/// The way of the tasks of one user, request or flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// What it is, e.g. `user 3`.
    pub name: String,
    /// Index into the plan's networks.
    pub network: usize,
    /// Where the network is cut, for people.
    pub cut: String,
    /// At least one; the first is where tasks are born.
    pub stages: Vec<Stage>,
    /// The link after each stage but the last; none within a process. Shape (stages - 1,).
    pub links: Vec<Option<Link>>,
    /// How tasks arrive; none if they come one at a time.
    pub arrivals: Option<Arrivals>,
    /// Its share in the objective.
    pub weight: f64,
    /// The deadline, in seconds.
    pub deadline_s: Option<f64>,
}

impl Route {
    /// The predicted latency by part. Where tasks arrive it is a mean over tasks. With exponential service that is M/M/1 queues, one after the other: one with mean service time s takes
    /// s / (1 - rate s). With deterministic service tasks wait as long as at the slowest queue d alone, an M/D/1 queue: rate d^2 / (2 (1 - rate d)).
    pub fn predicted(&self) -> Parts {
        self.parts(&self.stages.iter().map(Stage::service_s).collect::<Vec<_>>())
    }

    /// The latency by part if stages take these times on average, in seconds. Shape (stages,).
    pub fn parts(&self, service_s: &[f64]) -> Parts {
        let mut parts = Parts::default();
        self.stages.iter().zip(service_s).for_each(|(stage, time_s)| add(&mut parts, stage.side, *time_s));
        parts.link_s = self.links.iter().flatten().map(Link::time_s).sum();
        let Some(Arrivals { rate_per_s: rate, service, .. }) = self.arrivals else { return parts };
        let queues = self.queues_s(service_s);
        parts.queueing_s = match service {
            Service::Exponential => queues.map(|time_s| time_s / (1.0 - rate * time_s) - time_s).sum(),
            Service::Deterministic => {
                let slowest_s = queues.fold(0.0, f64::max);
                rate * slowest_s * slowest_s / (2.0 * (1.0 - rate * slowest_s))
            }
        };
        parts
    }

    /// Service times of all queues, in seconds, if stages take these times.
    fn queues_s(&self, service_s: &[f64]) -> impl Iterator<Item = f64> {
        let links = self.links.iter().flatten().filter(|link| link.queues).map(Link::time_s);
        service_s.iter().copied().chain(links)
    }
}

/// A network of the instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// What the engine opens: a name of the zoo, or the path of an ONNX file.
    pub source: String,
    /// Its name in the instance or its graph.
    pub name: String,
    /// Its layers.
    pub layers: usize,
    /// Learned parameters.
    pub params: u64,
    /// Work of all layers, in MACs, by the graph.
    pub macs: f64,
    /// Work of all layers on machines of every kind, in seconds, if the instance has it. Shape (kinds,).
    pub work_s: Vec<Option<f64>>,
}

/// The value of an answer with the routes' latencies and weights, in seconds.
pub fn value(objective: Objective, latencies: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (mut largest, mut sum, mut count) = (0.0f64, 0.0, 0);
    for (latency_s, weight) in latencies {
        largest = largest.max(latency_s);
        sum += weight * latency_s;
        count += 1;
    }
    match objective {
        Objective::Largest => largest,
        Objective::Sum => sum,
        Objective::MeanOfAdmitted => sum / f64::from(count.max(1)),
    }
}

/// Adds computing time to a side.
pub fn add(parts: &mut Parts, side: Side, seconds: f64) {
    match side {
        Side::Device => parts.device_s += seconds,
        Side::Server => parts.server_s += seconds,
    }
}

/// What an answer asks of machines and links.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The problem.
    pub problem: &'static str,
    /// The instance's name.
    pub instance: String,
    /// Names of machine kinds.
    pub kinds: Vec<String>,
    /// The processes: devices and servers.
    pub places: Vec<String>,
    /// The networks.
    pub networks: Vec<Whole>,
    /// One for each user, admitted request or flow.
    pub routes: Vec<Route>,
    /// How routes make the objective.
    pub objective: Objective,
    /// Periods of equal length, one after the other, in which tasks arrive; at least 1.
    pub periods: usize,
}

impl Plan {
    /// Whether tasks arrive by themselves; otherwise they come one at a time.
    pub fn arrives(&self) -> bool {
        self.routes.iter().any(|route| route.arrivals.is_some())
    }

    /// Service times from task to task; none if tasks come one at a time.
    pub fn service(&self) -> Option<Service> {
        self.routes.iter().find_map(|route| route.arrivals).map(|arrivals| arrivals.service)
    }

    /// The predicted objective, in seconds.
    pub fn predicted_s(&self) -> f64 {
        value(self.objective, self.routes.iter().map(|route| (route.predicted().total_s(), route.weight)))
    }

    /// MACs per second of a kind at its nominal speed, over all networks: what a prediction by MACs needs. Nothing if the instance has no work on it.
    pub fn macs_per_s(&self, kind: u32) -> Option<f64> {
        let (mut macs, mut seconds) = (0.0, 0.0);
        for network in &self.networks {
            macs += network.macs;
            seconds += (*network.work_s.get(kind as usize)?)?;
        }
        (macs > 0.0 && seconds > 0.0).then(|| macs / seconds)
    }

    /// The latency by part if work were proportional to MACs, at [`Self::macs_per_s`]. Nothing if the instance has no MACs, or queues would be unstable then.
    pub fn by_macs(&self, route: &Route) -> Option<Parts> {
        let mut service_s = Vec::new();
        for stage in &route.stages {
            let speed = match stage.machine.kind {
                None => stage.machine.speed,
                Some(kind) => self.macs_per_s(kind)? * stage.machine.speed,
            };
            service_s.push(if stage.layers.is_empty() { 0.0 } else { stage.macs? / speed });
        }
        let rate = route.arrivals.map_or(0.0, |arrivals| arrivals.rate_per_s);
        route.queues_s(&service_s).all(|time_s| rate * time_s < 1.0).then(|| route.parts(&service_s))
    }
}

/// How much faster `units` units are than one.
pub fn speedup(law: &Speedup, units: u32) -> f64 {
    match law {
        Speedup::Linear => f64::from(units),
        Speedup::Amdahl { parallel_fraction: p } => 1.0 / ((1.0 - p) + p / f64::from(units)),
        Speedup::Table { speedups } => speedups[(units as usize).min(speedups.len()) - 1],
    }
}
