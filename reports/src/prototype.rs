//! Answers that were run for real: predicted beside measured latencies.

use std::collections::BTreeMap;

use offcut_instances::prototype::{Objective, Outcome, Prototype, Row};

use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::numbers::{Scale, duration, fixed};
use crate::section::Section;
use crate::table::{Cell, Column, Table};

/// The section; none if nothing was run.
pub(crate) fn section(prototypes: &[Prototype]) -> Option<Section> {
    let first = prototypes.first()?;
    let about = "Each answer was run on the machine named below: a process for each device and server, the network cut where the answer says, tensors over loopback sockets held to the rates and \
                 delays of the instance. Measured latencies are in seconds of the instance: medians, or means if tasks arrive. The line of the figure is where both are equal; bars go from the 10th to the 90th percentile of tasks, or over the 95 % \
                 interval of the mean.";
    let mut paragraphs = vec![findings(prototypes), about.into()];
    paragraphs.extend(prototypes.iter().map(machine));
    Some(Section {
        title: "Prototype: predicted and measured latency".into(),
        paragraphs,
        tables: vec![answers(prototypes), latencies(prototypes)],
        figures: vec![figure(first, prototypes)],
        ..Section::default()
    })
}

/// What the numbers say.
fn findings(prototypes: &[Prototype]) -> String {
    let rows: Vec<&Row> = prototypes.iter().flat_map(Prototype::rows).map(|(_, row)| row).collect();
    let errors = median(rows.iter().map(|row| row.error.abs()));
    let by_macs = median(rows.iter().filter_map(|row| Some(row.by_macs_error?.abs())));
    let several: Vec<&Prototype> = prototypes.iter().filter(|one| one.outcomes.len() > 1).collect();
    let kept = several.iter().filter(|one| one.orders()[0] == one.orders()[1]).count();
    let percent =
        |error: Option<f64>| error.map_or_else(|| "unknown".into(), |error| format!("{} %", fixed(100.0 * error, 1)));
    let mut text =
        format!("{} latencies: the median relative error of the prediction is {}", rows.len(), percent(errors));
    if by_macs.is_some() {
        text += &format!(", by MACs {}", percent(by_macs));
    }
    text += ".";
    if !several.is_empty() {
        text += &format!(
            " On {kept} of {} instances the answers are in the same order by prediction and by measurement.",
            several.len()
        );
    }
    text
}

/// Where an instance was run.
fn machine(one: &Prototype) -> String {
    let load = |load: Option<f64>| load.map_or_else(|| "unknown".into(), |load| fixed(load, 2));
    let dilation =
        if one.dilation == 1.0 { String::new() } else { format!(", all durations {} times as long", one.dilation) };
    let difference = match one.largest_difference {
        0.0 => "0".into(),
        largest => format!("{largest:.0e}"),
    };
    format!(
        "{}: {}, {}, {}, load {} before and {} after{dilation}; outputs differ from the uncut network\u{2019}s by at most {difference}.",
        one.instance,
        one.processor,
        one.engine,
        one.date,
        load(one.load[0]),
        load(one.load[1])
    )
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    Some(f64::midpoint(numbers[last / 2], numbers[last.div_ceil(2)]))
}

fn error(error: Option<f64>) -> Cell {
    error.map_or_else(Cell::absent, |error| Cell::number(fixed(100.0 * error, 1), 100.0 * error))
}

fn seconds(seconds: f64) -> Cell {
    Cell::number(duration(seconds), seconds)
}

/// A row for each answer.
fn answers(prototypes: &[Prototype]) -> Table {
    let columns = vec![
        Column::words("instance", "instance"),
        Column::words("answer", "answer"),
        Column::words("value", "value"),
        Column::numbers("predicted", "predicted_s"),
        Column::numbers("measured", "measured_s"),
        Column::numbers("error (%)", "error_percent"),
        Column::numbers("place predicted", "place_predicted"),
        Column::numbers("place measured", "place_measured"),
        Column::numbers("processes", "processes"),
    ];
    let note =
        "Value: what latencies of users, requests or flows make together. Place: 1 is the least value on its instance.";
    let mut table = Table::new("prototype_answers", "Answers run for real", note, columns).in_print(&[
        "instance",
        "answer",
        "predicted_s",
        "measured_s",
        "error_percent",
        "place_predicted",
        "place_measured",
    ]);
    for one in prototypes {
        let orders = one.orders();
        let value = match one.objective {
            Objective::Largest => "largest latency",
            Objective::Sum => "weighted sum of latencies",
            Objective::MeanOfAdmitted => "mean latency of the admitted",
        };
        for (i, outcome) in one.outcomes.iter().enumerate() {
            let place = |order: &[usize]| Cell::count(1 + order.iter().position(|at| *at == i).unwrap_or(0));
            let Outcome { predicted_s, measured_s, processes, .. } = *outcome;
            table.push(vec![
                Cell::text(&one.instance),
                Cell::text(outcome.name()),
                Cell::text(value),
                seconds(predicted_s),
                seconds(measured_s),
                error(Some(measured_s / predicted_s - 1.0)),
                place(&orders[0]),
                place(&orders[1]),
                Cell::count(processes),
            ]);
        }
    }
    table
}

/// A row for each latency.
fn latencies(prototypes: &[Prototype]) -> Table {
    let columns = vec![
        Column::words("instance", "instance"),
        Column::words("answer", "answer"),
        Column::words("of", "route"),
        Column::words("model", "model"),
        Column::words("cut", "cut"),
        Column::numbers("tasks", "tasks"),
        Column::numbers("predicted", "predicted_s"),
        Column::numbers("measured", "measured_s"),
        Column::intervals("10 % to 90 %", "spread_s"),
        Column::numbers("error (%)", "error_percent"),
        Column::numbers("device", "device_percent"),
        Column::numbers("link", "link_percent"),
        Column::numbers("server", "server_percent"),
        Column::numbers("queueing", "queueing_percent"),
        Column::numbers("by MACs", "by_macs_s"),
        Column::numbers("error by MACs (%)", "by_macs_error_percent"),
        Column::numbers("error as drawn (%)", "same_draws_error_percent"),
    ];
    let note = "Device, link, server, queueing: what each adds to the error, in percentage points. As drawn: against what the model says of the arrivals and service times that were drawn.";
    let mut table = Table::new("prototype_latencies", "Predicted and measured latencies", note, columns).in_print(&[
        "answer",
        "route",
        "model",
        "predicted_s",
        "measured_s",
        "error_percent",
        "device_percent",
        "link_percent",
        "server_percent",
        "queueing_percent",
    ]);
    for one in prototypes {
        for (answer, row) in one.rows() {
            let mut cells = vec![
                Cell::text(&one.instance),
                Cell::text(answer),
                Cell::text(&row.route),
                Cell::text(&row.model),
                Cell::text(&row.cut),
                Cell::count(row.tasks),
                seconds(row.predicted_s),
                seconds(row.measured_s),
                Cell::interval((row.spread_s[0], row.spread_s[1]), duration),
                error(Some(row.error)),
            ];
            cells.extend(row.error_parts().map(|part| error(Some(part))));
            cells.push(row.by_macs_s.map_or_else(Cell::absent, seconds));
            cells.extend([row.by_macs_error, row.same_draws_error].map(error));
            table.push(cells);
        }
    }
    table
}

/// Measured over predicted, a mark for each latency, in the colour of its answer.
fn figure(first: &Prototype, prototypes: &[Prototype]) -> Figure {
    let rows = || prototypes.iter().flat_map(Prototype::rows);
    let predicted: Vec<f64> = rows().map(|(_, row)| row.predicted_s).collect();
    let scale = Scale::fitting(&predicted, "s");
    let mut points: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for (answer, row) in rows() {
        let [low, high] = row.range_s().map(|end| end * scale.factor);
        let mark =
            Mark { x: row.predicted_s * scale.factor, y: row.measured_s * scale.factor, band: Some((low, high)) };
        points.entry(answer).or_default().push(mark);
    }
    let low = predicted.iter().copied().fold(f64::INFINITY, f64::min) * scale.factor;
    let high = predicted.iter().copied().fold(0.0, f64::max) * scale.factor;
    let line = |(name, points)| Line { names: vec![name], points, limit: None };
    let of = if prototypes.len() == 1 { format!(" of {}", first.instance) } else { String::new() };
    let axis = |name: &str| Axis { label: scale.label(name), log: true };
    Figure {
        id: "prototype".into(),
        title: format!("Predicted and measured latencies{of}"),
        caption: "A mark is a user, request or flow under an answer. On the dashed line prediction and measurement are equal.".into(),
        plot: Plot::Lines(Lines {
            x: axis("predicted"),
            y: axis("measured"),
            lines: points.into_iter().map(line).collect(),
            limit: Some(("equal".into(), vec![(low, low), (high, high)])),
            shape: Shape::Points,
        }),
    }
}
