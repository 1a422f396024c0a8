//! `offcut models`.

use clap::Args;
use offcut_instances::dnn::{Chain, Graph, Profile, catalogue, zoo};
use offcut_instances::document::InputError;
use serde_json::json;

use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// What `offcut models` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// One model only: its blocks, and where cutting pays
    name: Option<String>,
    /// The device that the first blocks run on
    #[arg(long, default_value = "raspberry-pi-4")]
    device: String,
    /// The link in between
    #[arg(long, default_value = "wifi")]
    link: String,
    /// The server that the other blocks run on, alone
    #[arg(long, default_value = "edge-gpu")]
    server: String,
    /// Show every layer of the graph instead of the chain's blocks
    #[arg(long)]
    layers: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn models(arguments: &Arguments) -> Result<Ending, InputError> {
    let Some(name) = &arguments.name else {
        list(arguments.json);
        return Ok(Ending::Good);
    };
    let graph = known("model", name, zoo::graph, zoo::names().iter().copied())?;
    if arguments.json {
        output::json(&graph);
    } else if arguments.layers {
        layers(&graph);
    } else {
        blocks(&graph, arguments)?;
    }
    Ok(Ending::Good)
}

fn known<'a, T>(
    kind: &str,
    name: &str,
    find: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'a str>,
) -> Result<T, InputError> {
    find(name).ok_or_else(|| {
        let remedy = format!("choose from: {}", all.collect::<Vec<_>>().join(", "));
        InputError::at(format!("{kind} '{name}'"), "is not known", remedy)
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

/// The chain with the time of every cut on a device, a link and a server of the catalogue.
fn blocks(graph: &Graph, arguments: &Arguments) -> Result<(), InputError> {
    let devices = || catalogue::devices().iter().map(|device| device.id.as_ref());
    let device = known("device", &arguments.device, catalogue::device, devices())?;
    let server = known("server", &arguments.server, catalogue::device, devices())?;
    let link = known("link", &arguments.link, catalogue::link, catalogue::links().iter().map(|link| link.id.as_ref()))?;
    let chain = graph.chain();
    let times = cut_times(graph, &chain, device, link, server);
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
    out!("{} -> {} -> {} (alone)", device.about, link.about, server.about);
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
    device: &catalogue::Device,
    link: &catalogue::Link,
    server: &catalogue::Device,
) -> Vec<[f64; 3]> {
    let (on_device, on_server) = (Profile::estimate(graph, device), Profile::estimate(graph, server));
    (0..=chain.blocks.len())
        .map(|cut| {
            let local = chain.device_layers(cut);
            let remote = local.end..graph.layers().len();
            let sending = link.rtt_s + chain.cut_bytes[cut] as f64 / link.uplink_bytes_per_s;
            let sending = if cut == chain.blocks.len() { 0.0 } else { sending };
            [on_device.layer_s[local].iter().sum(), sending, on_server.layer_s[remote].iter().sum()]
        })
        .collect()
}
