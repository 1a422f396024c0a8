//! The processes of a plan, as the one that started them sees them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::clock::{now_ns, ns};
use super::node::{Command, Config, Hosted, Next, Said};
use super::plan::Plan;
use super::reference::Reference;
use super::wire::{Factors, Header, receive};
use crate::engine::{largest_difference, tensor};

/// The argument with which the program becomes a process of a plan.
pub const NODE: &str = "--as-node";

/// A process that takes longer to compile its parts is given up.
const COMPILING: Duration = Duration::from_secs(300);

/// A finished task.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its way.
    pub header: Header,
    /// The largest difference of its outputs to those of the uncut network, relative to their largest magnitude.
    pub difference: f64,
}

enum Event {
    Said { place: usize, said: Said },
    Ended { place: usize },
    Finished(Finished),
}

/// The processes of a plan; all end when it is dropped, or when this process ends by whatever signal.
#[derive(Debug)]
pub struct Cluster {
    /// By place; none where no stage is.
    children: Vec<Option<(Child, ChildStdin)>>,
    names: Vec<String>,
    events: Receiver<Event>,
    /// The first place of every route.
    first: Vec<usize>,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said { place, said } => write!(f, "{place} said {said:?}"),
            Self::Ended { place } => write!(f, "{place} ended"),
            Self::Finished(finished) => write!(f, "{finished:?}"),
        }
    }
}

/// How processes are started.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// This program.
    pub program: &'a Path,
    /// Every duration is so many times as long as in the instance.
    pub dilation: f64,
    /// Seed of weights and inputs.
    pub seed: u64,
    /// When all processes end in any case, in ns of the clock.
    pub deadline_ns: u64,
}

impl Cluster {
    /// Starts a process for each place with a stage, one after the other. The thread that calls this must live as long as the cluster: processes end with it.
    ///
    /// # Errors
    /// If a process cannot be started, or cannot compile its parts.
    pub fn start(plan: &Plan, reference: &Reference, start: Start) -> Result<Self> {
        let (sender, events) = channel();
        let token = token();
        let collector = collect(plan, reference, token, sender.clone())?;
        let first = plan.routes.iter().map(|route| route.stages[0].place).collect();
        let mut cluster = Self { children: Vec::new(), names: plan.places.clone(), events, first };
        let mut ports = Vec::new();
        for place in 0..plan.places.len() {
            let stages = hosted(plan, reference, place, start.dilation);
            if stages.is_empty() {
                cluster.children.push(None);
                ports.push(0);
                continue;
            }
            let (parent, seed, deadline_ns) = (std::process::id(), start.seed, start.deadline_ns);
            let config = Config { token, parent, seed, deadline_ns, collector, stages };
            cluster.children.push(Some(spawn(start.program, place, &sender)?));
            cluster.tell(place, &config)?;
            ports.push(cluster.ready(place)?);
        }
        for place in 0..plan.places.len() {
            if cluster.children[place].is_some() {
                cluster.tell(place, &Command::Ports(ports.clone()))?;
            }
        }
        Ok(cluster)
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.children.iter().flatten().count()
    }

    /// Lets a task be born, now or when it was due.
    ///
    /// # Errors
    /// If its process has ended.
    pub fn launch(&mut self, route: usize, task: u64, born_ns: Option<u64>, factors: Factors) -> Result<()> {
        self.tell(self.first[route], &Command::Start { route, task, born_ns, factors })
    }

    /// The next finished task; none if there is none for so long.
    ///
    /// # Errors
    /// If a process has ended.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Finished>> {
        match self.events.recv_timeout(patience) {
            Ok(Event::Finished(finished)) => Ok(Some(finished)),
            Ok(Event::Said { place, said: Said::Failed(why) }) => bail!("{}: {why}", self.names[place]),
            Ok(Event::Said { place, .. }) => bail!("{} is ready twice", self.names[place]),
            Ok(Event::Ended { place }) => bail!("the process of {} has ended", self.names[place]),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("all processes have ended"),
        }
    }

    /// Waits until the process that was started last has compiled its parts: its port.
    fn ready(&mut self, at: usize) -> Result<u16> {
        match self.events.recv_timeout(COMPILING) {
            Ok(Event::Said { place, said: Said::Ready(port) }) if place == at => Ok(port),
            Ok(Event::Said { place, said: Said::Failed(why) }) => bail!("{}: {why}", self.names[place]),
            Ok(Event::Ended { place }) => bail!("the process of {} has ended", self.names[place]),
            Ok(event) => bail!("{}: not ready: {event:?}", self.names[at]),
            Err(_) => bail!("{}: not ready after {COMPILING:?}", self.names[at]),
        }
    }

    fn tell(&mut self, place: usize, what: &impl serde::Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        let (_, stdin) = self.children[place].as_mut().context("a place without a process")?;
        let told = stdin.write_all(&line).and_then(|()| stdin.flush());
        told.with_context(|| format!("the process of {} has ended", self.names[place]))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for (child, _) in self.children.iter_mut().flatten() {
            // It may have ended already.
            let _ = child.kill();
        }
        for (child, _) in self.children.iter_mut().flatten() {
            let _ = child.wait();
        }
    }
}

/// A number that other programs do not know.
fn token() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

fn spawn(program: &Path, place: usize, events: &Sender<Event>) -> Result<(Child, ChildStdin)> {
    let mut process = Process::new(program);
    process.arg(NODE).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = process.spawn().context("a process cannot be started")?;
    let stdin = child.stdin.take().context("no input of a process")?;
    let stdout = child.stdout.take().context("no output of a process")?;
    let events = events.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(said) = serde_json::from_str(&line) else { continue };
            if events.send(Event::Said { place, said }).is_err() {
                return;
            }
        }
        let _ = events.send(Event::Ended { place });
    });
    Ok((child, stdin))
}

/// The stages of a place.
fn hosted(plan: &Plan, reference: &Reference, place: usize, dilation: f64) -> Vec<Hosted> {
    let mut stages = Vec::new();
    for (r, route) in plan.routes.iter().enumerate() {
        for (k, stage) in route.stages.iter().enumerate().filter(|(_, stage)| stage.place == place) {
            let next = match route.links.get(k) {
                None => Next::End,
                Some(None) => Next::Here,
                Some(Some(link)) => Next::Over {
                    place: route.stages[k + 1].place,
                    fixed_s: link.fixed_s * dilation,
                    s_per_byte: link.s_per_byte * dilation,
                    queues: link.queues,
                },
            };
            stages.push(Hosted {
                route: r,
                stage: k,
                source: plan.networks[route.network].source.clone(),
                layers: stage.layers.clone(),
                sizes: reference.uncut[route.network].wires.iter().map(|wire| wire.bytes).collect(),
                // A stage that is no work on the machine of the instance takes what it takes here.
                slow_down: if stage.work > 0.0 { reference.slow_down(plan, route, stage) * dilation } else { 0.0 },
                next,
            });
        }
    }
    stages
}

/// Takes finished tasks and compares their outputs with those of the uncut network: the port.
fn collect(plan: &Plan, reference: &Reference, token: u64, events: Sender<Event>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port on the loopback interface")?;
    let port = listener.local_addr()?.port();
    let uncut: Vec<_> = plan.routes.iter().map(|route| Arc::clone(&reference.uncut[route.network])).collect();
    let stages: Vec<usize> = plan.routes.iter().map(|route| route.stages.len()).collect();
    let (uncut, stages) = (Arc::new(uncut), Arc::new(stages));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (uncut, stages, events) = (Arc::clone(&uncut), Arc::clone(&stages), events.clone());
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || -> Result<()> {
                let sizes = |header: &Header| {
                    let is_finished = stages.get(header.route).is_some_and(|count| header.marks.len() == *count);
                    let wires = &uncut.get(header.route).filter(|_| is_finished)?.wires;
                    Some(wires.iter().map(|wire| wire.bytes).collect())
                };
                let (header, raw, _) = receive(&mut stream, token, sizes)?;
                let uncut = &uncut[header.route];
                let mut difference = 0.0f64;
                for ((wire, raw), expected) in uncut.wires.iter().zip(&raw).zip(&uncut.outputs) {
                    difference = difference.max(largest_difference(expected, &*tensor(wire, raw)?)?);
                }
                ensure!(events.send(Event::Finished(Finished { header, difference })).is_ok(), "nobody waits");
                Ok(())
            });
        }
    });
    Ok(port)
}

/// A deadline so many seconds from now, in ns of the clock.
pub fn deadline_ns(seconds: f64) -> u64 {
    now_ns() + ns(seconds)
}
