//! `offcut simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use offcut_instances::document::{InputError, parse_instance, read_answer, read_bytes};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::{self, Lymdo};
use offcut_instances::problem::Problem;
use offcut_instances::traces;
use offcut_simulator::{
    Arrivals, Bursty, Interval, Service, Simulation, Tandem, Trace, simulate_arrivals, slot_tandems, tandems,
    weighted_mean,
};
use serde_json::{Value, json};

use super::known_problem_of;
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// How many flows or users are printed one by one.
const SHOWN: usize = 20;

/// Of the interval of one flow's or user's mean.
const FLOW_CONFIDENCE: f64 = 0.95;

/// Of the interval that the formula has to lie in.
const CONFIDENCE: f64 = 0.999;

/// What `offcut simulate` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file, of problem jpdra or lymdo
    instance: PathBuf,
    /// Answer file, with a solution of that instance
    answer: PathBuf,
    /// How service times spread around their means; by default as the objective has it: exponential (jpdra), or what the instance says (lymdo)
    #[arg(long, value_enum)]
    service: Option<Kind>,
    /// The slot to simulate, counted from 0 (lymdo)
    #[arg(long, value_name = "T")]
    slot: Option<usize>,
    /// Arrivals of a trace instead of a Poisson process: a CSV with one column of time stamps, or what offcut traces arrivals made of one. Its gaps come in their order, scaled to
    /// the rate of each flow or user, each from a place of its own. The formula is still that of Poisson arrivals: the difference is the result
    #[arg(long, value_name = "FILE", conflicts_with = "scv")]
    arrivals: Option<PathBuf>,
    /// Bursty arrivals without memory: gaps with this squared coefficient of variation (hyperexponential, balanced means); 1 is a Poisson process
    #[arg(long, value_name = "C")]
    scv: Option<f64>,
    /// Tasks sent through every flow or user, 1000 or more; the first tenth only warms the queues up
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    tasks: u64,
    /// Seed of arrivals and service times
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print all flows or users as JSON
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

pub(crate) fn simulate(arguments: &Arguments) -> Result<Ending, InputError> {
    let in_file = |error: InputError| error.in_file(&arguments.instance);
    let bytes = read_bytes(&arguments.instance).map_err(in_file)?;
    let problem = known_problem_of(&bytes).map_err(in_file)?;
    let subject = match problem.as_str() {
        Jpdra::NAME => flows(&parse_instance::<Jpdra>(&bytes).map_err(in_file)?, arguments)?,
        Lymdo::NAME => users(&parse_instance::<Lymdo>(&bytes).map_err(in_file)?, arguments)?,
        other => {
            let what = format!("is '{other}', which has no queues");
            return Err(in_file(InputError::at("problem", what, "give an instance of jpdra or lymdo")));
        }
    };
    let Arguments { tasks, seed, .. } = *arguments;
    let tandems: Vec<Tandem> = subject.tandems.iter().map(|(_, tandem)| tandem.clone()).collect();
    let source = Source::new(arguments)?;
    let simulation = simulate_arrivals(tandems, subject.service.service(), &source.arrivals, tasks, seed)?;
    let result = Comparison::new(&subject, source, &simulation, tasks);
    if arguments.json {
        output::json(&result.json(&subject, arguments));
    } else {
        result.print(&subject, arguments);
    }
    Ok(if result.is_rejected() { Ending::Rejected } else { Ending::Good })
}

/// What is simulated.
struct Subject {
    /// What one of them is called: flow, user.
    noun: &'static str,
    /// Of what.
    about: String,
    service: Kind,
    /// What tasks pass through, with whose they are.
    tandems: Vec<(usize, Tandem)>,
    /// What is left out, and why.
    note: Option<String>,
}

/// How tasks arrive.
struct Source {
    arrivals: Arrivals,
    /// What is said of it.
    about: String,
}

impl Source {
    fn new(arguments: &Arguments) -> Result<Self, InputError> {
        let (arrivals, about) = match (&arguments.arrivals, arguments.scv) {
            (Some(path), _) => {
                let trace = traces::Arrivals::read(path)?;
                let (gaps, repeats) = (trace.gaps_s.len() as u64, arguments.tasks as f64 / trace.gaps_s.len() as f64);
                let used = match repeats {
                    r if r > 1.0 => format!("repeated {r:.1} times: the interval is of this trace, not of another day"),
                    r => format!("{:.1} % of them used a flow or user", 100.0 * r),
                };
                let about = format!("trace {}: {} gaps, SCV {:.1}, {used}", trace.id, text::grouped(gaps), trace.scv());
                (Arrivals::Trace(Trace::new(&trace)), about)
            }
            (None, Some(scv)) => {
                (Arrivals::Bursty(Bursty::new(scv)?), format!("bursts without memory: gaps of SCV {scv}"))
            }
            (None, None) => (Arrivals::Poisson, "Poisson".into()),
        };
        Ok(Self { arrivals, about })
    }

    /// Whether the formula is of these arrivals.
    fn is_of_formula(&self) -> bool {
        self.arrivals == Arrivals::Poisson
    }
}

fn flows(instance: &<Jpdra as Problem>::Instance, arguments: &Arguments) -> Result<Subject, InputError> {
    if arguments.slot.is_some() {
        return Err(InputError::at("--slot", "is given, and jpdra has no slots", "leave it out"));
    }
    let solution = solution::<Jpdra>(arguments)?;
    let tandems = tandems(instance, &solution).map_err(|error| in_answer(error, arguments))?;
    let (flows, partitions, servers) = (instance.flows.len(), instance.partitions(), instance.servers.len());
    Ok(Subject {
        noun: "flow",
        about: format!("{flows} flows, {partitions} partitions, {servers} servers"),
        service: arguments.service.unwrap_or(Kind::Exponential),
        tandems: tandems.into_iter().enumerate().collect(),
        note: None,
    })
}

fn users(instance: &<Lymdo as Problem>::Instance, arguments: &Arguments) -> Result<Subject, InputError> {
    let (users, slots) = (instance.users.len(), instance.slots.len());
    let slot = arguments.slot.unwrap_or(0);
    if slot >= slots {
        let what = format!("is {slot}, and the instance has {slots}");
        return Err(InputError::at("--slot", what, "count slots from 0"));
    }
    let solution = solution::<Lymdo>(arguments)?;
    let all = slot_tandems(instance, &solution, slot).map_err(|error| in_answer(error, arguments))?;
    let tandems: Vec<_> = all.into_iter().enumerate().filter_map(|(n, tandem)| Some((n, tandem?))).collect();
    let idle = users - tandems.len();
    if tandems.is_empty() {
        let what = format!("of slot {slot} have no tasks, or none with any work");
        return Err(InputError::at("users", what, "choose another with --slot").in_file(&arguments.instance));
    }
    Ok(Subject {
        noun: "user",
        about: format!("{users} users, slot {slot} of {slots}"),
        service: arguments.service.unwrap_or(match instance.service {
            lymdo::Service::Deterministic => Kind::Deterministic,
            lymdo::Service::Exponential => Kind::Exponential,
        }),
        tandems,
        note: (idle > 0).then(|| format!("{idle} users without tasks, or without work, are left out")),
    })
}

/// The answer's solution.
fn solution<P: Problem>(arguments: &Arguments) -> Result<P::Solution, InputError> {
    let missing =
        || InputError::at("body.found", "is missing: there is no solution to simulate", "give an answer with one");
    let answer = read_answer::<P>(&arguments.answer)?;
    Ok(answer.found.ok_or_else(|| missing().in_file(&arguments.answer))?.solution)
}

/// What is wrong with the answer's solution.
fn in_answer(error: InputError, arguments: &Arguments) -> InputError {
    error.below("solution").below("body.found").in_file(&arguments.answer)
}

/// Formulas beside a simulation.
struct Comparison {
    source: Source,
    /// One by one, in the order of the subject's tandems.
    lines: Vec<Line>,
    /// All together.
    mean: Line,
    /// All together, by the formula of either kind of service.
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

    /// The simulated delay over that of the formula, and the ends of its interval.
    fn ratio(&self) -> [f64; 3] {
        [self.simulated_s, self.interval.low, self.interval.high].map(|delay_s| delay_s / self.formula_s)
    }

    fn json(&self) -> Value {
        let Self { rate_per_s, busiest, formula_s, simulated_s, interval } = self;
        let [ratio, low, high] = self.ratio();
        json!({
            "ratio": ratio,
            "ratio_interval": [low, high],
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
    fn new(subject: &Subject, source: Source, simulation: &Simulation, tasks: u64) -> Self {
        let service = subject.service.service();
        let tandems = || subject.tandems.iter().map(|(_, tandem)| tandem);
        let rates: Vec<f64> = tandems().map(|tandem| tandem.rate_per_s).collect();
        let mean = |service: Service| {
            let delays: Vec<f64> = tandems().map(|tandem| tandem.mean_delay_s(service)).collect();
            weighted_mean(&rates, &delays)
        };
        let lines = simulation.flows.iter().map(|flow| Line {
            rate_per_s: flow.tandem.rate_per_s,
            busiest: flow.tandem.busiest(),
            formula_s: flow.tandem.mean_delay_s(service),
            simulated_s: flow.delay.mean(),
            interval: flow.delay.interval(FLOW_CONFIDENCE),
        });
        let fewest = tandems().map(|tandem| tandem.fewest_tasks_of(service, &source.arrivals)).max();
        let fewest_tasks = fewest.expect("one or more");
        Self {
            source,
            lines: lines.collect(),
            mean: Line {
                rate_per_s: rates.iter().sum(),
                busiest: tandems().map(Tandem::busiest).fold(0.0, f64::max),
                formula_s: mean(service),
                simulated_s: simulation.weighted.mean(),
                interval: simulation.weighted.interval(CONFIDENCE),
            },
            mm1_s: mean(Service::Exponential),
            deterministic_s: mean(Service::Deterministic),
            fewest_tasks,
            is_enough: tasks >= fewest_tasks,
        }
    }

    /// An interval from too few tasks rejects nothing, nor do arrivals that the formula is not of.
    fn is_rejected(&self) -> bool {
        self.source.is_of_formula() && self.is_enough && !self.mean.is_inside()
    }

    /// By how much M/M/1 says more than deterministic service takes, relative to the latter.
    fn overstates(&self) -> f64 {
        self.mm1_s / self.deterministic_s - 1.0
    }

    fn inside(&self) -> usize {
        self.lines.iter().filter(|line| line.is_inside()).count()
    }

    fn json(&self, subject: &Subject, arguments: &Arguments) -> Value {
        let Arguments { tasks, seed, .. } = *arguments;
        let noun = subject.noun;
        let line = |((index, _), line): (&(usize, Tandem), &Line)| {
            let mut json = line.json();
            json[noun] = (*index).into();
            json
        };
        let mut json = json!({
            "service": subject.service.name(),
            "arrivals": self.source.about,
            "dispersion": self.source.arrivals.dispersion(),
            "tasks": tasks,
            "seed": seed,
            "mean_confidence": CONFIDENCE,
            "mean": self.mean.json(),
            "mm1_s": self.mm1_s,
            "deterministic_s": self.deterministic_s,
            "mm1_overstates": self.overstates(),
            "fewest_tasks": self.fewest_tasks,
            "enough_tasks": self.is_enough,
            "rejected": self.is_rejected(),
        });
        json[format!("{noun}_confidence")] = FLOW_CONFIDENCE.into();
        json[format!("{noun}s")] = subject.tandems.iter().zip(&self.lines).map(line).collect();
        json[format!("{noun}s_inside")] = self.inside().into();
        json
    }

    fn print(&self, subject: &Subject, arguments: &Arguments) {
        let Arguments { tasks, seed, .. } = *arguments;
        let noun = subject.noun;
        out!("instance   {}", subject.about);
        out!("service    {}", subject.service.name());
        if !self.source.is_of_formula() {
            out!("arrivals   {}", self.source.about);
        }
        out!("tasks      {} a {noun}, the first tenth not counted; seed {seed}", text::grouped(tasks));
        if let Some(note) = &subject.note {
            out!("left out   {note}");
        }
        let unit = Unit::for_interval(&self.mean);
        out!();
        self.print_lines(subject, &unit);
        let Line { formula_s, simulated_s, interval, .. } = &self.mean;
        out!(
            "mean       {} by formula, {} simulated, weighted by rates",
            unit.show(*formula_s),
            unit.show(*simulated_s)
        );
        let word = if self.source.is_of_formula() { format!(": {}", self.mean.word()) } else { String::new() };
        out!("interval   {} at {:.1} %{word}", unit.show_interval(interval), 100.0 * CONFIDENCE);
        if subject.service == Kind::Deterministic && self.source.is_of_formula() {
            let (mm1, percent) = (unit.show(self.mm1_s), 100.0 * self.overstates());
            let own = unit.show(self.deterministic_s);
            out!("M/M/1      gives {mm1} where deterministic service takes {own}: {percent:.1} % too much");
        }
        if !self.is_enough {
            let fewest = text::grouped(self.fewest_tasks);
            match self.source.is_of_formula() {
                true => out!("too few    tasks for a verdict: queues this busy (or this idle) need --tasks {fewest}"),
                false => out!(
                    "too few    tasks: the interval is not reliable; such bursts at queues this busy need --tasks {fewest}"
                ),
            }
        }
        self.print_verdict(&unit);
    }

    /// Flows or users one by one.
    fn print_lines(&self, subject: &Subject, unit: &Unit) {
        let (noun, count) = (subject.noun, self.lines.len());
        let is_of_formula = self.source.is_of_formula();
        let last = if is_of_formula { "" } else { "ratio" };
        let header = [noun, "busiest stage", "formula", "simulated", "95 % interval", last];
        let row = |((index, _), line): (&(usize, Tandem), &Line)| {
            vec![
                index.to_string(),
                format!("{:.1} %", 100.0 * line.busiest),
                unit.show(line.formula_s),
                unit.show(line.simulated_s),
                unit.show_interval(&line.interval),
                if is_of_formula { line.word().into() } else { format!("{:.2}", line.ratio()[0]) },
            ]
        };
        let rows = subject.tandems.iter().zip(&self.lines).take(SHOWN).map(row).collect();
        output::block(&text::table(&header, 0, rows).to_string());
        if count > SHOWN {
            out!("... and {} more", count - SHOWN);
        }
        out!();
        if is_of_formula {
            let (plural, inside) = (format!("{noun}s"), self.inside());
            out!("{plural:<10} {inside} of {count} formulas inside; about {:.0} % expected", 100.0 * FLOW_CONFIDENCE);
        }
    }

    fn print_verdict(&self, unit: &Unit) {
        if !self.source.is_of_formula() {
            let [ratio, low, high] = self.mean.ratio();
            let Line { formula_s, simulated_s, interval, .. } = &self.mean;
            let (says, is) = (unit.show(*formula_s), unit.show(*simulated_s));
            let reliable = if self.is_enough { "" } else { " (not reliable)" };
            out!(
                "result     the formula (Poisson) says {says}, these arrivals {is} [{}]{reliable}: ratio {ratio:.3} [{low:.3} to {high:.3}]",
                unit.show_interval(interval)
            );
            return;
        }
        let verdict = match (self.mean.is_inside(), self.is_enough) {
            (_, false) => "none",
            (true, true) => "the formula stands",
            (false, true) => "REJECTED: formula and simulation differ",
        };
        out!("verdict    {verdict}");
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
