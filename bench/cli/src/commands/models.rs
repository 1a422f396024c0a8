//! `offcut models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use offcut_instances::dnn::machine_file::{self, LayerTimes};
use offcut_instances::dnn::{Chain, Graph, catalogue, file, onnx, zoo};
use offcut_instances::document::{InputError, write_new};
use serde_json::json;

use crate::exit::Ending;
use crate::output::{self, err, out};
use crate::text;

/// What `offcut models` takes.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    import: Option<Command>,
    /// One model only: its blocks, and where cutting pays. A name of the zoo, or the path of an .onnx file or of a graph as .json
    name: Option<String>,
    /// The device that the first blocks run on: a name of the catalogue, or the path of a machine or a device as .json
    #[arg(long, default_value = "raspberry-pi-4")]
    device: String,
    /// The link in between, by name or path
    #[arg(long, default_value = "wifi")]
    link: String,
    /// The server that the other blocks run on, alone, by name or path
    #[arg(long, default_value = "edge-gpu")]
    server: String,
    /// Show every layer of the graph instead of the chain's blocks
    #[arg(long)]
    layers: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What can be done with models.
#[derive(Subcommand)]
enum Command {
    /// Write the graph of an ONNX file as JSON: layers with shapes, MACs, parameters, bytes and edges
    ///
    /// Shapes are inferred, and contents of weights are not needed. The batch is one sample. An operator that is not counted is named and refused. Several inputs are the first
    /// layer together, several outputs the last. The file's name is the graph's; net.json, and net.onnx if its axes are fixed, stand wherever the name of a model does
    #[command(
        after_help = "Examples: offcut models import net.onnx -o net.json\n          offcut models import bert.onnx --axis batch=1 --axis tokens=128 -o bert.json\n          offcut generate multiuser --set 'models=[\"net.json\",\"resnet50\"]' -o my.json"
    )]
    Import(Import),
}

/// What `offcut models import` takes.
#[derive(Args)]
struct Import {
    /// The ONNX file
    file: PathBuf,
    /// The size of a dynamic axis, by its name or as INPUT.INDEX, e.g. pixels.0
    #[arg(long = "axis", value_name = "NAME=SIZE")]
    axes: Vec<String>,
    /// The file to write, which must not exist yet; standard output without it
    #[arg(short, long)]
    output: Option<PathBuf>,
}

pub(crate) fn models(arguments: &Arguments) -> Result<Ending, InputError> {
    if let Some(Command::Import(arguments)) = &arguments.import {
        return import(arguments);
    }
    let Some(name) = &arguments.name else {
        list(arguments.json);
        return Ok(Ending::Good);
    };
    // Measured times are of a graph of a file by its name with a part of its hash.
    let read = if arguments.json || arguments.layers { file::graph } else { file::named_graph };
    let graph = read(name).map_err(|error| match error.file {
        Some(_) => error,
        None => InputError { at: "model".to_owned(), ..error },
    })?;
    if arguments.json {
        output::json(&graph);
    } else if arguments.layers {
        layers(&graph);
    } else {
        blocks(&graph, arguments)?;
    }
    Ok(Ending::Good)
}

fn import(arguments: &Import) -> Result<Ending, InputError> {
    let axes = arguments.axes.iter().map(|text| axis(text)).collect::<Result<Vec<_>, _>>()?;
    let onnx::Import { graph, left_out } = onnx::read(&arguments.file, &axes)?;
    let bytes = serde_json::to_vec_pretty(&graph).expect("a graph is plain data");
    match &arguments.output {
        Some(path) => write_new(path, &bytes)?,
        None => {
            output::bytes(&bytes);
            output::bytes(b"\n");
        }
    }
    for what in left_out {
        err!("left out: {what}");
    }
    err!(
        "{}: {} layers, {} cut points, {} params, {} MACs, input {}",
        arguments.output.as_deref().map_or(graph.name().into(), |path| path.to_string_lossy()),
        graph.layers().len(),
        graph.cut_points().len(),
        text::grouped(graph.params()),
        text::grouped(graph.macs()),
        text::bytes(graph.input_bytes() as f64)
    );
    Ok(Ending::Good)
}

/// The size of a dynamic axis: NAME=SIZE. A name may have an = of its own.
fn axis(text: &str) -> Result<(String, u64), InputError> {
    let sized = text.rsplit_once('=').and_then(|(name, size)| Some((name.to_owned(), size.parse().ok()?)));
    sized.ok_or_else(|| {
        InputError::at(
            format!("--axis {text}"),
            "names no axis and size",
            "write --axis NAME=SIZE, e.g. --axis batch=1",
        )
    })
}

fn list(as_json: bool) {
    let rows = zoo::entries().iter().map(|entry| (entry, entry.graph()));
    if as_json {
        let rows: Vec<_> = rows
            .map(|(entry, graph)| {
                json!({
                    "name": entry.name, "about": entry.about, "source": entry.source, "params": graph.params(),
                    "macs": graph.macs(), "layers": graph.layers().len(), "cut_points": graph.cut_points().len(),
                    "input_bytes": graph.input_bytes(),
                })
            })
            .collect();
        output::json(&rows);
        return;
    }
    let rows = rows.map(|(entry, graph)| {
        vec![
            entry.name.to_owned(),
            text::grouped(graph.params()),
            format!("{:.3}", graph.macs() as f64 / 1e9),
            graph.layers().len().to_string(),
            graph.cut_points().len().to_string(),
            text::bytes(graph.input_bytes() as f64),
            entry.about.to_owned(),
        ]
    });
    let mut table =
        text::table(&["model", "params", "GMACs", "layers", "cut points", "input", "what it is"], 1, rows.collect());
    if let Some(column) = table.column_mut(6) {
        column.set_cell_alignment(comfy_table::CellAlignment::Left);
    }
    output::block(&table.to_string());
    out!();
    out!("A cut point is a place where exactly one tensor crosses; the input and the output count as two of them.");
}

fn layers(graph: &Graph) {
    let rows = graph.layers().iter().enumerate().map(|(at, layer)| {
        let shape: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
        let inputs: Vec<String> = layer.inputs.iter().map(usize::to_string).collect();
        vec![
            at.to_string(),
            layer.name.clone(),
            layer.op.to_string(),
            shape.join("x"),
            inputs.join(" "),
            text::grouped(layer.macs),
            text::grouped(layer.params),
            text::grouped(layer.out_bytes),
        ]
    });
    let header = ["layer", "name", "op", "shape", "inputs", "MACs", "params", "bytes out"];
    output::block(&text::table(&header, 5, rows.collect()).to_string());
}

/// The chain with the time of every cut on a device, a link and a server.
fn blocks(graph: &Graph, arguments: &Arguments) -> Result<(), InputError> {
    let named = |what: &str, name: &str| LayerTimes::named(name).map_err(|error| error.below(format!("--{what}")));
    let (device, server) = (named("device", &arguments.device)?, named("server", &arguments.server)?);
    let link = machine_file::link(&arguments.link).map_err(|error| error.below("--link"))?;
    let chain = graph.chain();
    let times = cut_times(graph, &chain, &device, &link, &server)?;
    let best = (0..times.len()).min_by(|a, b| total(times[*a]).total_cmp(&total(times[*b]))).expect("there are cuts");
    let rows = times.iter().enumerate().map(|(cut, times)| {
        let block = cut.checked_sub(1).map(|at| &chain.blocks[at]);
        vec![
            if cut == best { "->".into() } else { String::new() },
            cut.to_string(),
            block.map_or("(input)".into(), |block| block.name.clone()),
            block.map_or("-".into(), |block| text::grouped(block.macs)),
            text::grouped(chain.cut_bytes[cut]),
            text::seconds(times[0]),
            text::seconds(times[1]),
            text::seconds(times[2]),
            text::seconds(total(*times)),
        ]
    });
    out!("{}: {} params, {} MACs", graph.name(), text::grouped(graph.params()), text::grouped(graph.macs()));
    let told = |machine: &LayerTimes| format!("{} ({})", machine.name(), machine.about());
    out!("{} -> {} -> {}, alone", told(&device), link.about, told(&server));
    out!();
    let header = ["", "cut", "after block", "MACs", "bytes", "device", "link", "server", "total"];
    output::block(&text::table(&header, 3, rows.collect()).to_string());
    let (all_remote, all_local) = (total(times[0]), total(times[times.len() - 1]));
    let verdict = match best {
        0 => "cutting does not pay here: everything on the server is best".to_owned(),
        cut if cut == chain.blocks.len() => "cutting does not pay here: everything on the device is best".to_owned(),
        cut => format!(
            "cutting pays: {} after cut {cut}, against {} on the device alone and {} on the server alone",
            text::seconds(total(times[best])),
            text::seconds(all_local),
            text::seconds(all_remote)
        ),
    };
    out!();
    out!("{verdict}");
    Ok(())
}

fn total(times: [f64; 3]) -> f64 {
    times.iter().sum()
}

/// Seconds on the device, on the link and on the server for every cut.
fn cut_times(
    graph: &Graph,
    chain: &Chain,
    device: &LayerTimes,
    link: &catalogue::Link,
    server: &LayerTimes,
) -> Result<Vec<[f64; 3]>, InputError> {
    let (on_device, on_server) = (device.layer_s(graph)?, server.layer_s(graph)?);
    let times = (0..=chain.blocks.len())
        .map(|cut| {
            let local = chain.device_layers(cut);
            let remote = local.end..graph.layers().len();
            let sending = link.rtt_s + chain.cut_bytes[cut] as f64 / link.uplink_bytes_per_s;
            let sending = if cut == chain.blocks.len() { 0.0 } else { sending };
            [on_device[local].iter().sum(), sending, on_server[remote].iter().sum()]
        })
        .collect();
    Ok(times)
}
