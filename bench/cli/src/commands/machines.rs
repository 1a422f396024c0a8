//! `offcut machines`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use offcut_instances::dnn::machine_file::{LayerTimes, MachineProfile};
use offcut_instances::dnn::profiler::{Matched, Times};
use offcut_instances::dnn::{catalogue, file, shipped};
use offcut_instances::document::{InputError, write_new};
use offcut_instances::input::limited;
use offcut_instances::problem::Valid;
use serde_json::json;

use crate::exit::Ending;
use crate::output::{self, err, out};
use crate::text;

/// What `offcut machines` takes.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// One machine only: its seconds by model. A name of the catalogue, or the path of a machine or a device as .json
    name: Option<String>,
    /// Models to show the times of: names of the zoo or paths; of a machine from a file, all it has times of
    #[arg(long, value_delimiter = ',')]
    models: Vec<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What can be done with machines.
#[derive(Subcommand)]
enum Command {
    /// Make a machine from measured layer times: CSV with the header layer,seconds, or ONNX Runtime's JSON profile
    ///
    /// Layers are matched by name. A layer with work that has no time is an error; one without work takes 0 s. The file stands wherever the name of a device does
    #[command(
        after_help = "Examples: offcut machines import my.onnx=times.csv --name my-device -o my-device.json\n          offcut machines import resnet50=profile.json vgg16=vgg.csv --name pi --about 'Pi 4, 4 threads' -o pi.json\n          offcut generate multiuser --set 'devices=[\"my-device.json\"]' --set 'models=[\"my.onnx\"]' --set work=seconds"
    )]
    Import(Import),
}

/// What `offcut machines import` takes.
#[derive(Args)]
struct Import {
    /// A model, by name or path, and the file of its times
    #[arg(required = true, value_name = "MODEL=TIMES")]
    profiles: Vec<String>,
    /// The machine's name
    #[arg(long)]
    name: String,
    /// What it is: processor, threads, engine, version
    #[arg(long, default_value = "")]
    about: String,
    /// How much faster 1, 2, ... threads are than one, if that was measured
    #[arg(long, value_delimiter = ',', value_name = "1,1.9,...")]
    speedups: Vec<f64>,
    /// Leave out rows that match no layer; the share of the time that they take is told
    #[arg(long)]
    drop_unmatched: bool,
    /// The file to write, which must not exist yet; standard output without it
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub(crate) fn machines(arguments: &Arguments) -> Result<Ending, InputError> {
    if let Some(Command::Import(arguments)) = &arguments.command {
        return import(arguments);
    }
    match &arguments.name {
        Some(name) => show(name, arguments)?,
        None => list(arguments.json),
    }
    Ok(Ending::Good)
}

fn list(as_json: bool) {
    if as_json {
        output::json(
            &json!({"devices": catalogue::devices(), "links": catalogue::links(), "measured": shipped::names()}),
        );
        return;
    }
    let speed = |macs_per_s: f64| format!("{:.1}", macs_per_s / 1e9);
    let devices = catalogue::devices().iter().map(|device| {
        let rates = &device.rates;
        vec![
            device.id.to_string(),
            speed(rates.conv_macs_per_s),
            speed(rates.depthwise_macs_per_s),
            speed(rates.linear_macs_per_s),
            text::seconds(device.layer_overhead_s),
            device.about.to_string(),
        ]
    });
    let header = ["device or server", "conv GMAC/s", "depthwise", "linear", "a layer", "what it is"];
    output::block(&left_last(text::table(&header, 1, devices.collect()), 5));
    out!();
    let measured = shipped::names().iter().filter_map(|name| match LayerTimes::named(name) {
        Ok(LayerTimes::Measured(machine)) => {
            Some(vec![machine.machine, machine.models.len().to_string(), machine.about])
        }
        _ => None,
    });
    output::block(&left_last(text::table(&["measured machine", "models", "what it is"], 1, measured.collect()), 2));
    out!();
    let links = catalogue::links().iter().map(|link| {
        let uplink = format!("{:.2}", link.uplink_bytes_per_s * 8e-6);
        vec![link.id.to_string(), uplink, text::seconds(link.rtt_s), link.about.to_string()]
    });
    output::block(&left_last(text::table(&["link", "Mbit/s up", "round trip", "what it is"], 1, links.collect()), 3));
    out!();
    out!(
        "Devices are estimated from data sheets. Measure your own machine: offcut measure --help. From a profile: offcut machines import --help"
    );
}

/// The table with its last column aligned left.
fn left_last(mut table: comfy_table::Table, last: usize) -> String {
    if let Some(column) = table.column_mut(last) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    table.to_string()
}

/// Seconds of one inference of each model, and seconds per GMAC.
fn show(name: &str, arguments: &Arguments) -> Result<(), InputError> {
    let machine = LayerTimes::named(name)?;
    if arguments.json {
        match &machine {
            LayerTimes::Estimated(device) => output::json(device),
            LayerTimes::Measured(profile) => output::json(profile),
        }
        return Ok(());
    }
    out!("{}: {}", machine.name(), machine.about());
    out!();
    let rows: Vec<Vec<String>> = match (&machine, &arguments.models[..]) {
        (LayerTimes::Measured(profile), []) => profile
            .models
            .iter()
            .map(|table| {
                let total_s: f64 = table.layers.iter().map(|layer| layer.time_s).sum();
                vec![table.model.clone(), table.layers.len().to_string(), text::seconds(total_s), "-".into()]
            })
            .collect(),
        (_, models) => {
            let zoo = || offcut_instances::dnn::zoo::names().iter().map(|name| (*name).to_owned()).collect();
            let models: Vec<String> = if models.is_empty() { zoo() } else { models.to_vec() };
            let row = |model: &String| {
                let graph = file::named_graph(model)?;
                let total_s = machine.total_s(&graph)?;
                let per_gmac = total_s / (graph.macs() as f64 / 1e9);
                let layers = graph.layers().len().to_string();
                Ok(vec![graph.name().to_owned(), layers, text::seconds(total_s), text::seconds(per_gmac)])
            };
            models.iter().map(row).collect::<Result<_, InputError>>()?
        }
    };
    output::block(&text::table(&["model", "layers", "one inference", "per GMAC"], 1, rows).to_string());
    Ok(())
}

fn import(arguments: &Import) -> Result<Ending, InputError> {
    let mut profile = MachineProfile {
        machine: arguments.name.clone(),
        about: arguments.about.clone(),
        speedups: arguments.speedups.clone(),
        models: Vec::new(),
        provenance: None,
    };
    for pair in &arguments.profiles {
        let Some((model, times)) = pair.split_once('=') else {
            let place = format!("'{pair}'");
            return Err(InputError::at(
                place,
                "is not MODEL=TIMES",
                "give a model and the file of its times: my.onnx=times.csv",
            ));
        };
        let graph = file::named_graph(model)?;
        let path = PathBuf::from(times);
        let matched = raw_bytes(&path)
            .and_then(|bytes| Times::parse(&bytes))
            .and_then(|times| times.matched(&graph, &arguments.name, arguments.drop_unmatched))
            .map_err(|error| error.in_file(&path))?;
        tell(&matched);
        profile.models.push(matched.table);
    }
    profile.validate()?;
    let text = serde_json::to_string(&profile).expect("plain data");
    match &arguments.output {
        Some(path) => {
            write_new(path, text.as_bytes())?;
            out!("wrote {}", path.display());
        }
        None => output::line(format_args!("{text}")),
    }
    Ok(Ending::Good)
}

/// A profile is no Offcut document, so its beginning is not looked at.
fn raw_bytes(path: &Path) -> Result<Vec<u8>, InputError> {
    let too_large = || InputError::at("", "is larger than 1 GiB", "give the profile of a few runs");
    limited(path, 1 << 30, "give the path of a CSV or a JSON profile", too_large)
}

/// What was matched, on standard error.
fn tell(matched: &Matched) {
    let total_s: f64 = matched.table.layers.iter().map(|layer| layer.time_s).sum();
    let (model, layers) = (&matched.table.model, matched.table.layers.len());
    err!("{model}: {layers} layers, {} in all", text::seconds(total_s));
    if !matched.absent.is_empty() {
        err!(
            "{model}: {} layers without work have no row and take 0 s: {}",
            matched.absent.len(),
            first(&matched.absent)
        );
    }
    if !matched.dropped.is_empty() {
        let share = 100.0 * matched.dropped_share;
        err!(
            "{model}: {} rows are no layer, {share:.2} % of the time, left out: {}",
            matched.dropped.len(),
            first(&matched.dropped)
        );
    }
}

fn first(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    format!("{}{}", shown.join(", "), if names.len() > 5 { ", ..." } else { "" })
}
