//! Tables of what was measured.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table};
use offcut_instances::dnn::Op;

use crate::measure::Measured;
use crate::statistics::{amdahl, geometric_mean, parallel_fraction};

/// All tables, ready to print.
pub fn tables(models: &[Measured]) -> String {
    let mut text = format!("{}\n\n{}\n", wholes(models), kinds(models));
    if models.iter().any(|model| model.table.whole.len() > 1) {
        text = format!("{text}\n{}\n", threads(models));
    }
    text
}

/// The whole network against the sum of its layers.
fn wholes(models: &[Measured]) -> Table {
    let mut table =
        table(&["model", "layers", "fused or no work", "repetitions", "whole", "10 %", "90 %", "sum / whole"]);
    for model in models {
        let whole = &model.table.whole[0];
        let layers = model.graph.layers().len() - 1;
        table.add_row([
            model.graph.name().to_owned(),
            layers.to_string(),
            (layers - model.own_layers.iter().filter(|&&layer| layer > 0).count()).to_string(),
            whole.repetitions.to_string(),
            seconds(whole.time_s),
            seconds(whole.spread_s[0]),
            seconds(whole.spread_s[1]),
            format!("{:.3}", model.sum_s() / whole.time_s),
        ]);
    }
    table
}

/// Seconds by kind of layer, and for each MAC where there are any: over all models, and the least and the largest of a layer with an operator of its own.
fn kinds(models: &[Measured]) -> Table {
    #[derive(Default)]
    struct Kind {
        layers: usize,
        macs: u64,
        time_s: f64,
        per_mac: Option<[f64; 2]>,
    }
    let mut kinds: BTreeMap<Op, Kind> = BTreeMap::new();
    for model in models {
        for (layer, measurement) in model.graph.layers().iter().zip(&model.table.layers).skip(1) {
            let kind = kinds.entry(layer.op).or_default();
            kind.layers += 1;
            kind.macs += layer.macs;
            kind.time_s += measurement.time_s;
            if layer.macs > 0 && measurement.time_s > 0.0 {
                let each = measurement.time_s / layer.macs as f64;
                let [low, high] = kind.per_mac.unwrap_or([each; 2]);
                kind.per_mac = Some([low.min(each), high.max(each)]);
            }
        }
    }
    let all_s: f64 = kinds.values().map(|kind| kind.time_s).sum();
    let mut table = table(&["kind", "layers", "share of time", "s per GMAC", "least", "largest"]);
    for (op, kind) in &kinds {
        let per_gmac = |each: f64| format!("{:.4}", each * 1e9);
        let mean = (kind.macs > 0).then(|| per_gmac(kind.time_s / kind.macs as f64));
        table.add_row([
            op.to_string(),
            kind.layers.to_string(),
            format!("{:.1} %", 100.0 * kind.time_s / all_s.max(f64::MIN_POSITIVE)),
            mean.unwrap_or_else(|| "-".into()),
            kind.per_mac.map_or_else(|| "-".into(), |[low, _]| per_gmac(low)),
            kind.per_mac.map_or_else(|| "-".into(), |[_, high]| per_gmac(high)),
        ]);
    }
    table
}

/// Speed-ups by number of threads, against Amdahl's law with the parallel fraction that fits each model best.
fn threads(models: &[Measured]) -> Table {
    let counts: Vec<usize> = models[0].table.whole.iter().map(|whole| whole.threads as usize).collect();
    let mut header = vec!["model".to_owned()];
    header.extend(counts.iter().map(|count| format!("{count} thread{}", if *count == 1 { "" } else { "s" })));
    header.push("parallel fraction".into());
    header.push("Amdahl's law then".into());
    let mut table = table(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut row = |name: &str, speedups: &[(usize, f64)]| {
        let fraction = parallel_fraction(speedups).filter(|_| counts[0] == 1);
        let mut row = vec![name.to_owned()];
        row.extend(speedups.iter().map(|(_, speedup)| format!("{speedup:.2}")));
        row.push(fraction.map_or_else(|| "-".into(), |p| format!("{p:.3}")));
        let law =
            |p: f64| counts.iter().map(|&count| format!("{:.2}", amdahl(p, count))).collect::<Vec<_>>().join(", ");
        row.push(fraction.map_or_else(|| "-".into(), law));
        table.add_row(row);
    };
    for model in models {
        row(model.graph.name(), &model.speedups());
    }
    let mean = |i: usize| (counts[i], geometric_mean(models.iter().map(|model| model.speedups()[i].1)));
    row("geometric mean", &(0..counts.len()).map(mean).collect::<Vec<_>>());
    table
}

/// A table whose first column is aligned left, all others right.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A time with its unit.
pub(crate) fn seconds(time_s: f64) -> String {
    match time_s {
        0.0 => "0".into(),
        t if t < 1e-3 => format!("{:.1} us", t * 1e6),
        t if t < 1.0 => format!("{:.2} ms", t * 1e3),
        t => format!("{t:.3} s"),
    }
}
