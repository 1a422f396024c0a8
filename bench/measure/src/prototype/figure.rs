//! A figure: predicted against measured latencies.

use std::path::Path;

use anyhow::{Result, anyhow};
use offcut_instances::prototype::Prototype;
use plotters::prelude::*;

const SIZE: (u32, u32) = (720, 640);

/// Colours that people with colour blindness tell apart (Okabe and Ito 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// A number of an axis: three significant digits, without zeros at the end.
fn tick(number: &f64) -> String {
    let places = (2 - number.abs().max(f64::MIN_POSITIVE).log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Writes a figure as SVG: measured over predicted latency, in seconds, both axes logarithmic. A mark is a user, request or flow, in the colour of its answer; bars go from the 10th to the 90th
/// percentile, or over the 95 % interval of the mean if tasks arrive. Rings are predictions by MACs.
///
/// # Errors
/// If it cannot be drawn.
pub fn svg(results: &Prototype) -> Result<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(results, &root).map_err(|error| anyhow!("the figure cannot be drawn: {error}"))?;
    }
    Ok(text)
}

/// Writes [`svg`] to a new file.
///
/// # Errors
/// If it cannot be drawn, or the file exists or cannot be written.
pub fn write(results: &Prototype, path: &Path) -> Result<()> {
    let text = svg(results)?;
    offcut_instances::document::write_new(path, text.as_bytes()).map_err(|error| anyhow!("{error}"))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Failed<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(results: &Prototype, root: &Area<'a>) -> Result<(), Failed<'a>> {
    root.fill(&WHITE)?;
    let rows = results.outcomes.iter().flat_map(|outcome| &outcome.rows);
    let numbers =
        rows.flat_map(|row| [Some(row.predicted_s), row.by_macs_s, Some(row.range_s()[0]), Some(row.range_s()[1])]);
    let numbers: Vec<f64> = numbers.flatten().filter(|number| *number > 0.0).collect();
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min) / 1.3;
    let high = numbers.iter().copied().fold(0.0, f64::max) * 1.3;
    let (low, high) = if low < high { (low, high) } else { (0.1, 1.0) };
    let title = format!("{} {}: predicted and measured latency", results.problem, results.instance);
    let mut chart = ChartBuilder::on(root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((low..high).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("predicted, s")
        .y_desc("measured, s")
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .light_line_style(WHITE)
        .draw()?;
    chart.draw_series(LineSeries::new([(low, low), (high, high)], BLACK.mix(0.5)))?;
    for (a, outcome) in results.outcomes.iter().enumerate() {
        let colour = COLOURS[a % COLOURS.len()];
        let bars = outcome.rows.iter().map(|row| {
            let [from, to] = row.range_s();
            PathElement::new(vec![(row.predicted_s, from), (row.predicted_s, to)], colour.stroke_width(1))
        });
        chart.draw_series(bars)?;
        let marks = outcome.rows.iter().map(|row| Circle::new((row.predicted_s, row.measured_s), 4, colour.filled()));
        let name =
            Path::new(&outcome.answer).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        chart.draw_series(marks)?.label(name).legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
        let by_macs = outcome.rows.iter().filter_map(|row| Some((row.by_macs_s?, row.measured_s)));
        let rings = chart.draw_series(by_macs.map(|at| Circle::new(at, 4, colour.stroke_width(1))))?;
        if a == 0 {
            rings.label("predicted by MACs").legend(|(x, y)| Circle::new((x + 8, y), 4, BLACK.stroke_width(1)));
        }
    }
    chart
        .configure_series_labels()
        .label_font(("sans-serif", 15))
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ticks_are_short() {
        let texts = [0.1 + 0.2, 12.0, 250.0, 0.0125, 1000.0].map(|number| super::tick(&number));
        assert_eq!(texts, ["0.3", "12", "250", "0.0125", "1000"]);
    }
}
