//! `offcut simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use offcut_instances::document::{Trouble, read_answer, read_instance};
use offcut_instances::jpdra::{Instance, Jpdra};
use offcut_simulator::{Interval, Service, Simulation, Tandem, simulate as run, tandems, weighted_mean};
use serde_json::{Value, json};

use crate::{Ending, text};

/// How many flows are printed one by one.
const SHOWN: usize = 20;

/// Of the interval of one flow's mean.
const FLOW_CONFIDENCE: f64 = 0.95;

/// Of the interval that the formula has to lie in.
const CONFIDENCE: f64 = 0.999;

/// What `offcut simulate` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file, of problem jpdra
    instance: PathBuf,
    /// Answer file, with a solution of that instance
    answer: PathBuf,
    /// How service times spread around their means; the objective is that of exponential service
    #[arg(long, value_enum, default_value_t = Kind::Exponential)]
    service: Kind,
    /// Tasks sent through every flow, 1000 or more; the first tenth only warms the queues up
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    tasks: u64,
    /// Seed of arrivals and service times
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print all flows as JSON
    #[arg(long)]
    json: bool,
}

/// [`Service`], by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Exponential: every stage is an M/M/1 queue
    Exponential,
    /// Always the mean
    Deterministic,
}

impl Kind {
    fn service(self) -> Service {
        match self {
            Self::Exponential => Service::Exponential,
            Self::Deterministic => Service::Deterministic,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Deterministic => "deterministic",
        }
    }
}

pub(crate) fn simulate(arguments: &Arguments) -> Result<Ending, Trouble> {
    let instance = read_instance::<Jpdra>(&arguments.instance)?;
    let answer = read_answer::<Jpdra>(&arguments.answer)?;
    let in_answer = |trouble: Trouble| trouble.in_file(&arguments.answer);
    let Some(claim) = answer.found else {
        let trouble =
            Trouble::at("body.found", "is missing: there is no solution to simulate", "give an answer with one");
        return Err(in_answer(trouble));
    };
    let tandems = tandems(&instance, &claim.solution)
        .map_err(|trouble| in_answer(trouble.below("solution").below("body.found")))?;
    let simulation = run(&instance, &claim.solution, arguments.service.service(), arguments.tasks, arguments.seed)?;
    let result = Comparison::new(&tandems, &simulation, arguments);
    if arguments.json {
        let text = serde_json::to_string_pretty(&result.json(arguments)).expect("plain data");
        println!("{text}");
    } else {
        result.print(&instance, arguments);
    }
    Ok(if result.is_refuted() { Ending::Refuted } else { Ending::Good })
}

/// Formulas beside a simulation.
struct Comparison {
    flows: Vec<Line>,
    /// All flows together.
    mean: Line,
    /// All flows together, by the formula of either kind of service.
    mm1_s: f64,
    deterministic_s: f64,
    /// The fewest tasks with which all intervals mean what they say.
    fewest_tasks: u64,
    is_enough: bool,
}

/// One mean delay: by formula, and simulated.
struct Line {
    rate_per_s: f64,
    busiest: f64,
    formula_s: f64,
    simulated_s: f64,
    interval: Interval,
}

impl Line {
    fn is_inside(&self) -> bool {
        self.interval.holds(self.formula_s)
    }

    fn word(&self) -> &'static str {
        if self.is_inside() { "inside" } else { "OUTSIDE" }
    }

    fn json(&self) -> Value {
        let Self { rate_per_s, busiest, formula_s, simulated_s, interval } = self;
        json!({
            "rate_per_s": rate_per_s,
            "busiest": busiest,
            "formula_s": formula_s,
            "simulated_s": simulated_s,
            "interval_s": [interval.low, interval.high],
            "inside": self.is_inside(),
        })
    }
}

impl Comparison {
    fn new(tandems: &[Tandem], simulation: &Simulation, arguments: &Arguments) -> Self {
        let service = arguments.service.service();
        let rates: Vec<f64> = tandems.iter().map(|tandem| tandem.rate_per_s).collect();
        let mean = |service: Service| {
            let delays: Vec<f64> = tandems.iter().map(|tandem| tandem.mean_delay_s(service)).collect();
            weighted_mean(&rates, &delays)
        };
        let flows = simulation.flows.iter().map(|flow| Line {
            rate_per_s: flow.tandem.rate_per_s,
            busiest: flow.tandem.busiest(),
            formula_s: flow.tandem.mean_delay_s(service),
            simulated_s: flow.delay.mean(),
            interval: flow.delay.interval(FLOW_CONFIDENCE),
        });
        let fewest_tasks = tandems.iter().map(|tandem| tandem.fewest_tasks(service)).max().expect("a flow");
        Self {
            flows: flows.collect(),
            mean: Line {
                rate_per_s: rates.iter().sum(),
                busiest: tandems.iter().map(Tandem::busiest).fold(0.0, f64::max),
                formula_s: mean(service),
                simulated_s: simulation.weighted.mean(),
                interval: simulation.weighted.interval(CONFIDENCE),
            },
            mm1_s: mean(Service::Exponential),
            deterministic_s: mean(Service::Deterministic),
            fewest_tasks,
            is_enough: arguments.tasks >= fewest_tasks,
        }
    }

    /// An interval from too few tasks refutes nothing.
    fn is_refuted(&self) -> bool {
        self.is_enough && !self.mean.is_inside()
    }

    /// By how much M/M/1 says more than deterministic service takes, relative to the latter.
    fn overstates(&self) -> f64 {
        self.mm1_s / self.deterministic_s - 1.0
    }

    fn inside(&self) -> usize {
        self.flows.iter().filter(|flow| flow.is_inside()).count()
    }

    fn json(&self, arguments: &Arguments) -> Value {
        let Arguments { service, tasks, seed, .. } = *arguments;
        json!({
            "service": service.name(),
            "tasks": tasks,
            "seed": seed,
            "flow_confidence": FLOW_CONFIDENCE,
            "flows": self.flows.iter().map(Line::json).collect::<Vec<_>>(),
            "flows_inside": self.inside(),
            "mean_confidence": CONFIDENCE,
            "mean": self.mean.json(),
            "mm1_s": self.mm1_s,
            "deterministic_s": self.deterministic_s,
            "mm1_overstates": self.overstates(),
            "fewest_tasks": self.fewest_tasks,
            "enough_tasks": self.is_enough,
            "refuted": self.is_refuted(),
        })
    }

    fn print(&self, instance: &Instance, arguments: &Arguments) {
        let Arguments { service, tasks, seed, .. } = *arguments;
        let (flows, partitions, servers) = (instance.flows.len(), instance.partitions(), instance.servers.len());
        println!("instance   {flows} flows, {partitions} partitions, {servers} servers");
        println!("service    {}", service.name());
        println!("tasks      {} a flow, the first tenth not counted; seed {seed}", text::grouped(tasks));
        let unit = Unit::for_interval(&self.mean);
        let header = ["flow", "busiest stage", "formula", "simulated", "95 % interval", ""];
        let row = |(s, flow): (usize, &Line)| {
            vec![
                s.to_string(),
                format!("{:.1} %", 100.0 * flow.busiest),
                unit.show(flow.formula_s),
                unit.show(flow.simulated_s),
                unit.show_interval(&flow.interval),
                flow.word().into(),
            ]
        };
        println!("\n{}", text::table(&header, 0, self.flows.iter().enumerate().take(SHOWN).map(row).collect()));
        if flows > SHOWN {
            println!("... and {} more", flows - SHOWN);
        }
        println!(
            "\nflows      {} of {flows} formulas inside; about {:.0} % expected",
            self.inside(),
            100.0 * FLOW_CONFIDENCE
        );
        let Line { formula_s, simulated_s, interval, .. } = &self.mean;
        println!(
            "mean       {} by formula, {} simulated, weighted by rates",
            unit.show(*formula_s),
            unit.show(*simulated_s)
        );
        println!("interval   {} at {:.1} %: {}", unit.show_interval(interval), 100.0 * CONFIDENCE, self.mean.word());
        if service == Kind::Deterministic {
            let (mm1, percent) = (unit.show(self.mm1_s), 100.0 * self.overstates());
            let own = unit.show(self.deterministic_s);
            println!("M/M/1      says {mm1} where deterministic service takes {own}: {percent:.1} % too much");
        }
        if !self.is_enough {
            let fewest = text::grouped(self.fewest_tasks);
            println!("too few    tasks for a verdict: queues this busy (or this idle) want --tasks {fewest}");
        }
        let verdict = match (self.mean.is_inside(), self.is_enough) {
            (_, false) => "none",
            (true, true) => "the formula stands",
            (false, true) => "REFUTED: formula and simulation differ",
        };
        println!("verdict    {verdict}");
    }
}

/// How delays are printed: all in one unit, with decimals that show the interval of their mean.
struct Unit {
    name: &'static str,
    per_s: f64,
    decimals: usize,
}

impl Unit {
    fn for_interval(mean: &Line) -> Self {
        let (name, per_s) = match mean.simulated_s {
            s if s < 1e-3 => ("µs", 1e6),
            s if s < 1.0 => ("ms", 1e3),
            _ => ("s", 1.0),
        };
        let half = per_s * (mean.interval.high - mean.interval.low) / 2.0;
        // Two digits of the half width.
        let decimals = (1.0 - half.max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
        Self { name, per_s, decimals }
    }

    fn show(&self, seconds: f64) -> String {
        format!("{:.*} {}", self.decimals, seconds * self.per_s, self.name)
    }

    fn show_interval(&self, interval: &Interval) -> String {
        let Self { name, per_s, decimals } = self;
        format!("{:.decimals$} to {:.decimals$} {name}", interval.low * per_s, interval.high * per_s)
    }
}
