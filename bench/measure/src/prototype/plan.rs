//! What an answer asks of machines and links: routes of tasks through stages.
//!
//! All three problems that can be run come down to this. A task of a user, a request or a flow passes through stages, each some layers of its network on a machine of a certain
//! speed; between stages in different processes lies a link. A stage is a queue of its own.

use offcut_instances::machine::Machine;
use offcut_instances::speedup::Speedup;
use serde::Serialize;

/// Whose time a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Link {
    /// The time of a transfer, in seconds.
    pub fn time_s(&self) -> f64 {
        self.fixed_s + self.bytes * self.s_per_byte
    }
}

/// A latency by part, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Parts {
    /// Computing on the device.
    pub device_s: f64,
    /// Sending.
    pub link_s: f64,
    /// Computing on servers.
    pub server_s: f64,
    /// Waiting for the machine to become free.
    pub queueing_s: f64,
}

impl Parts {
    /// All parts together, in seconds.
    pub fn total_s(&self) -> f64 {
        self.device_s + self.link_s + self.server_s + self.queueing_s
    }

    /// Adds computing time to a side.
    pub fn add(&mut self, side: Side, seconds: f64) {
        match side {
            Side::Device => self.device_s += seconds,
            Side::Server => self.server_s += seconds,
        }
    }
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
    /// Tasks per second that arrive; none if they come one at a time.
    pub rate_per_s: Option<f64>,
    /// Its share in the objective.
    pub weight: f64,
    /// The deadline, in seconds.
    pub deadline_s: Option<f64>,
}

impl Route {
    /// The predicted latency by part. Where tasks arrive at a rate it is the mean of M/M/1 queues, one after the other: a stage with mean service time s takes s / (1 - rate s).
    pub fn predicted(&self) -> Parts {
        self.parts(&self.stages.iter().map(Stage::service_s).collect::<Vec<_>>())
    }

    /// The latency by part if stages take these times on average, in seconds. Shape (stages,).
    pub fn parts(&self, service_s: &[f64]) -> Parts {
        let mut parts = Parts::default();
        for (stage, &time_s) in self.stages.iter().zip(service_s) {
            parts.add(stage.side, time_s);
            let rate = self.rate_per_s.unwrap_or(0.0);
            parts.queueing_s += time_s / (1.0 - rate * time_s) - time_s;
        }
        parts.link_s = self.links.iter().flatten().map(Link::time_s).sum();
        parts
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

/// How routes make the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The largest latency.
    Largest,
    /// The weighted sum of latencies.
    Sum,
    /// The mean latency of the admitted: their number is what the instance asks for, but it is known before.
    MeanOfAdmitted,
}

impl Objective {
    /// Its value for the routes' latencies and weights, in seconds.
    pub fn of(self, latencies: impl IntoIterator<Item = (f64, f64)>) -> f64 {
        let (mut largest, mut sum, mut count) = (0.0f64, 0.0, 0);
        for (latency_s, weight) in latencies {
            largest = largest.max(latency_s);
            sum += weight * latency_s;
            count += 1;
        }
        match self {
            Self::Largest => largest,
            Self::Sum => sum,
            Self::MeanOfAdmitted => sum / f64::from(count.max(1)),
        }
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
}

impl Plan {
    /// Whether tasks arrive by themselves; otherwise they come one at a time.
    pub fn arrives(&self) -> bool {
        self.routes.iter().any(|route| route.rate_per_s.is_some())
    }

    /// The predicted objective, in seconds.
    pub fn predicted_s(&self) -> f64 {
        self.objective.of(self.routes.iter().map(|route| (route.predicted().total_s(), route.weight)))
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
        let rate = route.rate_per_s.unwrap_or(0.0);
        service_s.iter().all(|time_s| rate * time_s < 1.0).then(|| route.parts(&service_s))
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
