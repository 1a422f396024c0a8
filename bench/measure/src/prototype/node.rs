//! A process of the prototype: a device or a server. The same program is started once more for each.
//!
//! It reads one [`Config`] from standard input, compiles its parts, listens on a port of the loopback interface and says [`Said::Ready`] on standard output. Then it takes
//! [`Command`]s until its input ends. Every stage has a thread and a queue, first in first out. A stage really computes. Then it waits until its processor time, times
//! the slow-down of its machine, has passed since it began: machines here differ in speed alone.
//!
//! It ends when its parent ends, by whatever signal (on Linux by the parent death signal, elsewhere when its input ends), and at its deadline in any case.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::clock::{cpu_ns, now_ns, ns, sleep_until};
use super::wire::{Factors, Header, Mark, Pace, connect, receive, send};
use crate::engine::{Network, Part, Tensor, Wire, bytes, tensor};
use crate::parent;

/// More tasks than this may not be under way in a process.
const MOST_UNDER_WAY: usize = 2000;

/// What a process has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// What identifies the run.
    pub token: u64,
    /// The process that started this one.
    pub parent: u32,
    /// Seed of weights and inputs.
    pub seed: u64,
    /// When it ends in any case, in ns of the clock.
    pub deadline_ns: u64,
    /// Port of the process that collects finished tasks.
    pub collector: u16,
    /// Its stages.
    pub stages: Vec<Hosted>,
}

/// A stage in its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hosted {
    /// Index of the route.
    pub route: usize,
    /// Index of the stage.
    pub stage: usize,
    /// What the engine opens.
    pub source: String,
    /// The layers; none if tasks only arrive.
    pub layers: Vec<u32>,
    /// Bytes of the tensors that arrive at a stage without layers. Shape (tensors,).
    pub sizes: Vec<usize>,
    /// How much longer it takes than on this core; 0 if it is no work in the instance.
    pub slow_down: f64,
    /// Where tasks go.
    pub next: Next,
}

/// Where tasks go after a stage.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// They are finished.
    End,
    /// To the next stage, in the same process.
    Here,
    /// To the next stage, over a link.
    Over {
        /// Index of the place.
        place: usize,
        /// Seconds before the first byte.
        fixed_s: f64,
        /// Seconds for each byte.
        s_per_byte: f64,
        /// Whether tasks wait until the one before is sent.
        queues: bool,
    },
}

/// What a process is told after its configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The ports of all places; 0 for one without a process.
    Ports(Vec<u16>),
    /// A task is born.
    Start {
        /// Index of its route.
        route: usize,
        /// Its number.
        task: u64,
        /// When it was due; now, if nothing is said.
        born_ns: Option<u64>,
        /// Factors on its service times.
        factors: Factors,
    },
}

/// What a process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It listens on this port.
    Ready(u16),
    /// It cannot go on.
    Failed(String),
}

/// A task at a stage.
struct Job {
    header: Header,
    tensors: Tensors,
    arrived_ns: u64,
}

enum Tensors {
    /// The inputs of the network, which every stage that begins a route has.
    Inputs,
    Ready(Vec<Arc<Tensor>>),
    Raw(Vec<Vec<u8>>),
}

/// The way to a stage of this process.
struct Queue {
    jobs: Sender<Job>,
    /// The tensors it takes; none if it only passes them on.
    wires: Option<Vec<Wire>>,
    sizes: Vec<usize>,
}

struct Node {
    config: Config,
    ports: OnceLock<Vec<u16>>,
    queues: OnceLock<HashMap<(usize, usize), Queue>>,
    under_way: AtomicUsize,
}

/// Runs a process until its input ends.
///
/// # Errors
/// If its parts cannot be compiled, or what it is told makes no sense; the parent has been told.
pub fn run() -> Result<()> {
    let result = serve();
    if let Err(error) = &result {
        say(&Said::Failed(format!("{error:#}")));
    }
    result
}

fn serve() -> Result<()> {
    parent::die_with_parent()?;
    let mut lines = std::io::stdin().lock().lines();
    let config: Config = serde_json::from_str(&lines.next().context("no configuration")??)?;
    ensure!(parent::is_child_of(config.parent), "its parent has ended");
    let deadline_ns = config.deadline_ns;
    std::thread::spawn(move || {
        sleep_until(deadline_ns);
        std::process::exit(3);
    });
    let (ports, queues) = (OnceLock::new(), OnceLock::new());
    let node = Arc::new(Node { config, ports, queues, under_way: AtomicUsize::new(0) });
    let queues = workers(&node)?;
    ensure!(node.queues.set(queues).is_ok(), "stages are made once");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port on the loopback interface")?;
    let port = listener.local_addr()?.port();
    let accepting = Arc::clone(&node);
    std::thread::spawn(move || accept(&accepting, &listener));
    say(&Said::Ready(port));
    for line in lines {
        match serde_json::from_str(&line?)? {
            Command::Ports(ports) => ensure!(node.ports.set(ports).is_ok(), "ports are told once"),
            Command::Start { route, task, born_ns, factors } => {
                let arrived_ns = now_ns();
                let (marks, sizes) = (Vec::new(), Vec::new());
                let (token, born_ns) = (node.config.token, born_ns.unwrap_or(arrived_ns));
                let header = Header { token, route, stage: 0, task, born_ns, factors, marks, sizes };
                node.enqueue(Job { header, tensors: Tensors::Inputs, arrived_ns })?;
            }
        }
    }
    Ok(())
}

fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        let mut out = std::io::stdout().lock();
        // If nobody listens, the parent is gone, and so is this process in a moment.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Ends the process, for a reason.
fn fail(error: &anyhow::Error) -> ! {
    say(&Said::Failed(format!("{error:#}")));
    std::process::exit(1)
}

/// Compiles the stages one after the other, each in its own thread, as the engine's state stays in its thread.
fn workers(node: &Arc<Node>) -> Result<HashMap<(usize, usize), Queue>> {
    let mut networks: HashMap<String, Arc<Network>> = HashMap::new();
    let mut queues = HashMap::new();
    for (at, hosted) in node.config.stages.iter().enumerate() {
        let network = match networks.get(&hosted.source) {
            _ if hosted.layers.is_empty() => None,
            Some(network) => Some(Arc::clone(network)),
            None => {
                let network = Arc::new(Network::open(&hosted.source, node.config.seed)?);
                networks.insert(hosted.source.clone(), Arc::clone(&network));
                Some(network)
            }
        };
        let (jobs, queue) = channel();
        let (compiled, is_compiled) = channel();
        let own = Arc::clone(node);
        std::thread::spawn(move || {
            let hosted = &own.config.stages[at];
            match Worker::new(hosted, network, own.config.seed) {
                Ok(mut worker) => {
                    let _ = compiled.send(Ok(worker.part.as_ref().map(|part| part.inputs().to_vec())));
                    worker.work(&own, hosted, &queue);
                }
                Err(error) => drop(compiled.send(Err(error))),
            }
        });
        let wires: Option<Vec<Wire>> = is_compiled.recv().context("a stage ended while it was compiled")??;
        let sizes = wires.as_ref().map(|wires| wires.iter().map(|wire| wire.bytes).collect());
        let sizes = sizes.unwrap_or_else(|| hosted.sizes.clone());
        queues.insert((hosted.route, hosted.stage), Queue { jobs, wires, sizes });
    }
    Ok(queues)
}

/// What runs a stage.
struct Worker {
    part: Option<Part>,
    inputs: Vec<Arc<Tensor>>,
    /// The link after the stage, if tasks wait for it.
    link: Option<Sender<Outgoing>>,
}

/// A task that waits for a link.
struct Outgoing {
    header: Header,
    tensors: Tensors,
    port: u16,
    /// Its pace if the link were free.
    pace: Pace,
}

/// A link in a thread of its own, first in first out.
fn link(node: &Arc<Node>) -> Sender<Outgoing> {
    let (tasks, waiting) = channel::<Outgoing>();
    let node = Arc::clone(node);
    std::thread::spawn(move || {
        let mut free_ns = 0;
        for Outgoing { mut header, tensors, port, mut pace } in waiting {
            pace.from_ns = pace.from_ns.max(free_ns);
            if let Some(mark) = header.marks.last_mut() {
                mark.left_ns = pace.from_ns;
            }
            match transmit(header, tensors, port, Some(pace)) {
                Ok(bytes) => free_ns = pace.from_ns + ns(pace.fixed_s + bytes as f64 * pace.s_per_byte),
                Err(error) => fail(&error.context("sending")),
            }
            node.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    });
    tasks
}

/// Sends a task: the bytes of its tensors.
fn transmit(mut header: Header, tensors: Tensors, port: u16, pace: Option<Pace>) -> Result<usize> {
    let tensors = match tensors {
        Tensors::Raw(raw) => raw,
        Tensors::Ready(tensors) => tensors.iter().map(|tensor| bytes(tensor)).collect::<Result<_>>()?,
        Tensors::Inputs => Vec::new(),
    };
    header.sizes = tensors.iter().map(Vec::len).collect();
    send(&mut connect(port)?, &header, &tensors, pace)?;
    Ok(header.sizes.iter().sum())
}

impl Worker {
    /// Compiles a stage and warms it up.
    fn new(hosted: &Hosted, network: Option<Arc<Network>>, seed: u64) -> Result<Self> {
        let Some(network) = network else { return Ok(Self { part: None, inputs: Vec::new(), link: None }) };
        let mut chosen = vec![false; network.graph().layers().len()];
        hosted.layers.iter().for_each(|&v| chosen[v as usize] = true);
        let mut part =
            network.part_of(&chosen).with_context(|| format!("{}: its layers cannot be run apart", hosted.source))?;
        drop(network);
        let inputs = Network::random_inputs(&part, seed)?;
        for _ in 0..2 {
            part.run(&inputs)?;
        }
        Ok(Self { part: Some(part), inputs, link: None })
    }

    /// Takes tasks in turn.
    fn work(&mut self, node: &Arc<Node>, hosted: &Hosted, queue: &Receiver<Job>) {
        for job in queue {
            if let Err(error) = self.task(node, hosted, job) {
                fail(&error);
            }
        }
    }

    fn task(&mut self, node: &Arc<Node>, hosted: &Hosted, job: Job) -> Result<()> {
        let Job { mut header, tensors, arrived_ns } = job;
        let begun_ns = now_ns();
        let cpu_before = cpu_ns();
        let tensors = match (&mut self.part, tensors) {
            (Some(part), Tensors::Inputs) => Tensors::Ready(part.run(&self.inputs)?),
            (Some(part), Tensors::Ready(tensors)) => Tensors::Ready(part.run(&tensors)?),
            (None, tensors) => tensors,
            (Some(_), Tensors::Raw(_)) => anyhow::bail!("tensors without a type"),
        };
        let cpu_ns = cpu_ns() - cpu_before;
        let factor = header.factors.stages.get(hosted.stage).copied().unwrap_or(1.0);
        // Without work in the instance it takes what it takes here.
        let slow_down = if hosted.slow_down > 0.0 { hosted.slow_down * factor } else { 1.0 };
        let due_ns = begun_ns + ns(cpu_ns as f64 * 1e-9 * slow_down);
        sleep_until(due_ns);
        let ended_ns = now_ns();
        header.marks.push(Mark { arrived_ns, begun_ns, cpu_ns, due_ns, ended_ns, left_ns: ended_ns });
        header.stage += 1;
        match hosted.next {
            Next::Here => node.enqueue(Job { header, tensors, arrived_ns: ended_ns })?,
            Next::End => node.send(header, tensors, node.config.collector, None)?,
            Next::Over { place, fixed_s, s_per_byte, queues } => {
                let port = *node.ports.get().and_then(|ports| ports.get(place)).context("a place without a port")?;
                let pace = Pace { from_ns: ended_ns, fixed_s, s_per_byte };
                if queues {
                    let factor = header.factors.links.get(hosted.stage).copied().unwrap_or(1.0);
                    let (fixed_s, s_per_byte) = (fixed_s * factor, s_per_byte * factor);
                    let pace = Pace { from_ns: ended_ns, fixed_s, s_per_byte };
                    node.under_way.fetch_add(1, Ordering::Relaxed);
                    let link = self.link.get_or_insert_with(|| link(node));
                    link.send(Outgoing { header, tensors, port, pace }).ok().context("a link has ended")?;
                } else {
                    node.send(header, tensors, port, Some(pace))?;
                }
            }
        }
        node.under_way.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Node {
    /// Puts a task into the queue of its stage.
    fn enqueue(&self, job: Job) -> Result<()> {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed);
        ensure!(under_way < MOST_UNDER_WAY, "{under_way} tasks are under way in one process");
        let queue = self.queues.get().and_then(|queues| queues.get(&(job.header.route, job.header.stage)));
        queue.context("a task for a stage that is not here")?.jobs.send(job).ok().context("a stage has ended")
    }

    /// Sends a task in a thread of its own: tasks on a link do not wait for each other.
    fn send(self: &Arc<Self>, header: Header, tensors: Tensors, port: u16, pace: Option<Pace>) -> Result<()> {
        let node = Arc::clone(self);
        node.under_way.fetch_add(1, Ordering::Relaxed);
        let thread = std::thread::Builder::new().spawn(move || {
            if let Err(error) = transmit(header, tensors, port, pace) {
                fail(&error.context("sending"));
            }
            node.under_way.fetch_sub(1, Ordering::Relaxed);
        });
        thread.map(drop).context("no thread to send with")
    }

    /// Takes a task from a connection. What is not of this run is dropped.
    fn take(&self, stream: &mut TcpStream) -> Result<()> {
        let queues = self.queues.get().context("no stages")?;
        let of = |header: &Header| queues.get(&(header.route, header.stage));
        let (header, raw, arrived_ns) =
            receive(stream, self.config.token, |header| of(header).map(|queue| queue.sizes.clone()))?;
        let tensors = match of(&header).and_then(|queue| queue.wires.as_ref()) {
            None => Tensors::Raw(raw),
            Some(wires) => {
                let ready = wires.iter().zip(&raw).map(|(wire, raw)| tensor(wire, raw));
                Tensors::Ready(ready.collect::<Result<_>>()?)
            }
        };
        self.enqueue(Job { header, tensors, arrived_ns })
    }
}

fn accept(node: &Arc<Node>, listener: &TcpListener) {
    for stream in listener.incoming() {
        let node = Arc::clone(node);
        let Ok(mut stream) = stream else { continue };
        // A message that is dropped is a task that does not finish, which the parent notices.
        std::thread::spawn(move || node.take(&mut stream));
    }
}
