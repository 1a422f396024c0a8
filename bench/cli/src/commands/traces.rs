//! `offcut traces`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use offcut_instances::document::{InputError, write_new};
use offcut_instances::traces::{self, Capacity, Throughputs, Topology, Unit};
use serde::Serialize;
use serde_json::json;

use crate::exit::Ending;
use crate::output::{self, err, out};
use crate::text;

/// The most nodes of a topology of which all pairs are looked at.
const MOST_NODES_OF_PAIRS: usize = 2000;

/// What `offcut traces` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What can be made of measured files.
#[derive(Subcommand)]
enum Command {
    /// A trace of arrivals from a CSV of time stamps: its mean rate, the variation of its gaps, and the gaps themselves
    ///
    /// Time stamps are seconds, or dates such as 2023-11-16 18:15:46.6805 or 2023-11-16T18:15:46Z. The file stands for `arrivals` of lymdo and of offcut simulate
    #[command(
        after_help = "Examples: offcut traces arrivals requests.csv\n          offcut traces arrivals requests.csv --column TIMESTAMP -o requests.json\n          offcut simulate flows.json best.json --arrivals requests.json\n          offcut generate lymdo --set slots=100 --set arrivals=requests.json"
    )]
    Arrivals(ArrivalsOf),
    /// A link from a CSV of throughputs, one a row: its rate is their harmonic mean, as a transfer takes bytes over rate
    ///
    /// The file stands wherever the name of a link does. --series keeps all throughputs, for `throughputs` of lymdo
    #[command(
        after_help = "Examples: offcut traces rates uplink.csv --unit Mbit/s --rtt 0.02 -o uplink.json\n          offcut traces rates uplink.csv --column up --unit kbit/s --series slots.json\n          offcut generate multiuser --set 'links=[\"uplink.json\"]'\n          offcut generate lymdo --set slots=100 --set throughputs=slots.json"
    )]
    Rates(RatesOf),
    /// A topology from GraphML (Topology Zoo) or node-link JSON (networkx, topohub): its nodes and the rates of its links
    ///
    /// The file stands for `topology` of jpdra, as does a .graphml whose edges all have LinkSpeedRaw. Speeds between nodes are those of the paths that take the least
    /// time per byte, 1 / sum of 1/rate (store and forward)
    #[command(
        after_help = "Examples: offcut traces topology abilene.graphml -o abilene.json\n          offcut traces topology campus.graphml --rate 1000 --unit Mbit/s -o campus.json\n          offcut traces topology net.graphml --attribute capacity --unit Gbit/s -o net.json\n          offcut generate jpdra --set topology=abilene.json --set servers=6"
    )]
    Topology(TopologyOf),
}

/// What `offcut traces arrivals` takes.
#[derive(Args)]
struct ArrivalsOf {
    /// CSV of time stamps, or a trace as .json
    file: PathBuf,
    /// The column of the time stamps, if there are several
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// What `offcut traces rates` takes.
#[derive(Args)]
struct RatesOf {
    /// CSV of throughputs
    file: PathBuf,
    /// The column of the throughputs, if there are several
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Their unit: bit/s, kbit/s, Mbit/s, Gbit/s or byte/s
    #[arg(long)]
    unit: Unit,
    /// Round-trip time of the link, in seconds
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    rtt: f64,
    /// Leave out throughputs of 0; how many is told
    #[arg(long)]
    drop_zeros: bool,
    /// Also write all throughputs to this file, which must not exist yet: a series, one throughput a slot
    #[arg(long, value_name = "FILE")]
    series: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What `offcut traces topology` takes.
#[derive(Args)]
struct TopologyOf {
    /// GraphML, node-link JSON as networkx writes it, or a topology as .json
    file: PathBuf,
    /// The attribute of edges that holds their rate
    #[arg(long, value_name = "NAME", default_value = "LinkSpeedRaw")]
    attribute: String,
    /// The unit of rates: bit/s, kbit/s, Mbit/s, Gbit/s or byte/s
    #[arg(long, default_value = "bit/s")]
    unit: Unit,
    /// The rate of edges that have none
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// What becomes of what was read.
#[derive(Args)]
struct Output {
    /// Its name; by default that of the file
    #[arg(long)]
    name: Option<String>,
    /// What it is and where it comes from
    #[arg(long, default_value = "")]
    about: String,
    /// Print the numbers as JSON
    #[arg(long)]
    json: bool,
    /// The file to write, which must not exist yet
    #[arg(short, long)]
    output: Option<PathBuf>,
}

impl Output {
    /// Name and description as they are asked for.
    fn set(&self, id: &mut String, about: &mut String) {
        if let Some(name) = &self.name {
            id.clone_from(name);
        }
        if !self.about.is_empty() {
            about.clone_from(&self.about);
        }
    }

    /// Writes the file, if one is asked for.
    fn write(&self, value: &impl Serialize) -> Result<(), InputError> {
        self.output.as_ref().map_or(Ok(()), |path| write(path, value))
    }
}

/// Writes a value as JSON to a new file.
fn write(path: &Path, value: &impl Serialize) -> Result<(), InputError> {
    let text = serde_json::to_string(value).expect("plain data");
    write_new(path, text.as_bytes())?;
    err!("wrote {}", path.display());
    Ok(())
}

pub(crate) fn traces(arguments: &Arguments) -> Result<Ending, InputError> {
    match &arguments.command {
        Command::Arrivals(arguments) => arrivals(arguments)?,
        Command::Rates(arguments) => rates(arguments)?,
        Command::Topology(arguments) => topology(arguments)?,
    }
    Ok(Ending::Good)
}

fn arrivals(arguments: &ArrivalsOf) -> Result<(), InputError> {
    let (mut trace, unsorted) = if traces::is_json(&arguments.file) {
        (traces::Arrivals::read(&arguments.file)?, 0)
    } else {
        let imported = traces::Arrivals::import(&arguments.file, arguments.column.as_deref())?;
        (imported.arrivals, imported.unsorted)
    };
    arguments.output.set(&mut trace.id, &mut trace.about);
    let (rate, scv, span_s, (dispersion, over)) = (trace.rate_per_s(), trace.scv(), trace.span_s(), trace.dispersion());
    let equal = trace.gaps_s.iter().filter(|gap| **gap == 0.0).count();
    if unsorted > 0 {
        err!("{}: {unsorted} time stamps were earlier than one above them; all are sorted", arguments.file.display());
    }
    if arguments.output.json {
        output::json(&json!({
            "id": trace.id, "about": trace.about, "tasks": trace.gaps_s.len() + 1, "span_s": span_s, "rate_per_s": rate,
            "scv": scv, "dispersion": dispersion, "dispersion_over_gaps": over, "gaps_of_0": equal, "unsorted": unsorted,
        }));
    } else {
        out!("trace        {}", trace.id);
        out!("time stamps  {} over {}", text::grouped(trace.gaps_s.len() as u64 + 1), text::seconds(span_s));
        out!("mean rate    {} tasks/s; mean gap {}", text::number(rate), text::seconds(1.0 / rate));
        out!("SCV of gaps  {}: variance over squared mean; a Poisson process has 1", text::number(scv));
        out!(
            "dispersion   {} at most, of {over} gaps in a row; that of independent gaps is their SCV",
            text::number(dispersion)
        );
        if equal > 0 {
            out!("gaps of 0 s  {}: tasks at the same time", text::grouped(equal as u64));
        }
    }
    arguments.output.write(&trace)
}

fn rates(arguments: &RatesOf) -> Result<(), InputError> {
    let in_file = |error: InputError| error.in_file(&arguments.file);
    let mut series = Throughputs::import(&arguments.file, arguments.column.as_deref(), arguments.unit)?;
    arguments.output.set(&mut series.id, &mut series.about);
    let zeros = series.zeros();
    if arguments.drop_zeros {
        series = series.without_zeros();
    }
    // A series may have zeros, a link may not.
    let needs_link = arguments.output.output.is_some() || arguments.series.is_none() || series.zeros() == 0;
    let link = if needs_link { Some(series.link(arguments.rtt).map_err(in_file)?) } else { None };
    let mbit = |bytes_per_s: f64| text::number(bytes_per_s * 8e-6);
    let least = series.bytes_per_s.iter().copied().fold(f64::INFINITY, f64::min);
    let most = series.bytes_per_s.iter().copied().fold(0.0, f64::max);
    if arguments.output.json {
        output::json(&json!({
            "id": series.id, "about": series.about, "samples": series.bytes_per_s.len(), "zeros": zeros,
            "dropped": if arguments.drop_zeros { zeros } else { 0 }, "mean_bytes_per_s": series.mean(),
            "harmonic_mean_bytes_per_s": link.as_ref().map(|link| link.uplink_bytes_per_s),
            "least_bytes_per_s": least, "most_bytes_per_s": most, "rtt_s": arguments.rtt,
        }));
    } else {
        out!(
            "throughputs    {}: {} in {}",
            series.id,
            text::grouped(series.bytes_per_s.len() as u64),
            arguments.unit.name()
        );
        out!("range          {} to {} Mbit/s", mbit(least), mbit(most));
        out!("mean           {} Mbit/s", mbit(series.mean()));
        if let Some(link) = &link {
            let bytes = text::number(link.uplink_bytes_per_s);
            out!(
                "harmonic mean  {} Mbit/s, {bytes} bytes/s: the link's rate, as a transfer takes bytes over rate",
                mbit(link.uplink_bytes_per_s)
            );
            out!("round trip     {} (--rtt)", text::seconds(arguments.rtt));
        }
        if zeros > 0 {
            let fate = if arguments.drop_zeros { "left out" } else { "kept in the series" };
            out!("zeros          {}, {fate}", text::grouped(zeros as u64));
        }
    }
    if let Some(path) = &arguments.series {
        write(path, &series)?;
    }
    arguments.output.write(&link)
}

fn topology(arguments: &TopologyOf) -> Result<(), InputError> {
    let capacity = Capacity {
        attribute: arguments.attribute.clone(),
        unit: arguments.unit,
        default_bytes_per_s: arguments.rate.map(|rate| arguments.unit.bytes_per_s(rate)),
    };
    let mut topology = Topology::import(&arguments.file, &capacity)?;
    arguments.output.set(&mut topology.id, &mut topology.about);
    let nodes: Vec<usize> = (0..topology.nodes.len()).collect();
    let rates: Vec<f64> = topology.links.iter().map(|link| link.bytes_per_s).collect();
    let (least, most) =
        (rates.iter().copied().fold(f64::INFINITY, f64::min), rates.iter().copied().fold(0.0, f64::max));
    let pairs = nodes.len() * (nodes.len() - 1);
    // All pairs of a large topology would be billions.
    let paths = (nodes.len() <= MOST_NODES_OF_PAIRS).then(|| paths(&topology, &nodes));
    if arguments.output.json {
        output::json(&json!({
            "id": topology.id, "about": topology.about, "nodes": nodes.len(), "links": rates.len(),
            "least_bytes_per_s": (!rates.is_empty()).then_some(least), "most_bytes_per_s": (!rates.is_empty()).then_some(most),
            "ordered_pairs": pairs, "connected_pairs": paths.map(|paths| paths.0), "least_path_bytes_per_s": paths.and_then(|paths| paths.1),
        }));
    } else {
        let mbit = |bytes_per_s: f64| text::number(bytes_per_s * 8e-6);
        out!("topology    {}", topology.id);
        out!("nodes       {}", text::grouped(nodes.len() as u64));
        out!("links       {}, counted in each direction", text::grouped(rates.len() as u64));
        if !rates.is_empty() {
            out!("rates       {} to {} Mbit/s", mbit(least), mbit(most));
        }
        if let Some((connected, _)) = paths {
            let (connected, pairs) = (text::grouped(connected as u64), text::grouped(pairs as u64));
            out!("paths       {connected} of {pairs} ordered pairs of nodes are connected");
        }
        if let Some((_, Some(least_path))) = paths {
            out!(
                "slowest     {} Mbit/s, the best path of some pair: 1 / sum of 1/rate (store and forward)",
                mbit(least_path)
            );
        }
    }
    arguments.output.write(&topology)
}

/// How many ordered pairs of nodes are connected, and the least speed of their best paths, in bytes/s.
fn paths(topology: &Topology, nodes: &[usize]) -> (usize, Option<f64>) {
    let speeds = topology.speeds(nodes).into_iter().flatten().filter(|speed| *speed > 0.0);
    speeds.fold((0, None), |(count, least): (usize, Option<f64>), speed| {
        (count + 1, Some(least.map_or(speed, |least| least.min(speed))))
    })
}
