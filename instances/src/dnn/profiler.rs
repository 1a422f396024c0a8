//! Files that profilers write, matched with the layers of a graph by name.
//!
//! | file | what is read |
//! |---|---|
//! | CSV with a header `layer,seconds` | one row per layer |
//! | ONNX Runtime's JSON profile | events of category `Node` named `LAYER_kernel_time`; the median over runs, the first run left out if there are others |
//!
//! A layer of the graph that has work and no row is an error. A layer without work that has no row takes 0 s: engines fuse it into another one. A row that
//! matches no layer is an error, unless such rows are to be dropped; how much of the measured time that drops is told.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::graph::{Graph, Op};
use super::profile::{Measurement, Measurements};
use crate::error::InputError;
use crate::range;

/// Times as a profiler names them, in the order of the file. Names occur once.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(Vec<(String, f64)>);

/// A profile matched with a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Matched {
    /// A time for every layer.
    pub table: Measurements,
    /// Layers without work that the profile does not name: they take 0 s.
    pub absent: Vec<String>,
    /// Rows that match no layer, which are left out.
    pub dropped: Vec<String>,
    /// What they took, as a share of all measured time.
    pub dropped_share: f64,
}

impl Times {
    /// Reads either kind of file; which one it is can be seen from its first byte.
    ///
    /// # Errors
    /// [`InputError`] naming the line or the event.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => Self::parse_onnx_runtime(bytes),
            Some(_) => Self::parse_csv(bytes),
            None => Err(InputError::at("", "is empty", "give a CSV with the header layer,seconds or a JSON profile")),
        }
    }

    /// A CSV with the columns `layer` and `seconds`.
    ///
    /// # Errors
    /// A column that is missing or not known, a name used twice, a time that is not one.
    /// ```
    /// use offcut_instances::dnn::profiler::Times;
    /// assert!(Times::parse_csv(b"layer,seconds\nconv1,0.25\nfc,0.5\n").is_ok());
    /// assert!(Times::parse_csv(b"layer,seconds\nconv1,-1\n").is_err_and(|error| error.at == "line 2"));
    /// ```
    pub fn parse_csv(bytes: &[u8]) -> Result<Self, InputError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let wrong = |error: csv::Error| {
            let line = error.position().map_or(String::new(), |at| format!("line {}", at.line()));
            InputError::at(line, format!("is not CSV: {error}"), "give two columns: layer,seconds")
        };
        let header: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
        let column = |name: &str| header.iter().position(|column| column == name);
        let (Some(layer), Some(seconds), 2) = (column("layer"), column("seconds"), header.len()) else {
            let what = format!("has the columns '{}'", header.join(","));
            return Err(InputError::at("line 1", what, "begin with the header layer,seconds"));
        };
        let (mut times, mut seen) = (Vec::new(), HashSet::new());
        for record in reader.records() {
            let record = record.map_err(wrong)?;
            let line = record.position().map_or(0, csv::Position::line);
            let place = || format!("line {line}");
            let time_s: f64 = record[seconds].parse().map_err(|_| {
                InputError::at(place(), format!("'{}' is not a number", &record[seconds]), "give seconds")
            })?;
            range::not_negative(place, time_s)?;
            if !seen.insert(record[layer].to_owned()) {
                let what = format!("layer '{}' has a row already", &record[layer]);
                return Err(InputError::at(place(), what, "give each layer one row"));
            }
            times.push((record[layer].to_owned(), time_s));
        }
        if times.is_empty() {
            return Err(InputError::at("", "has no rows", "give one row per layer"));
        }
        Ok(Self(times))
    }

    /// The JSON that ONNX Runtime writes when profiling is enabled.
    ///
    /// # Errors
    /// If it is not such a file, or names no kernel.
    pub fn parse_onnx_runtime(bytes: &[u8]) -> Result<Self, InputError> {
        /// What is read of an event. Others have more or other fields.
        #[derive(Deserialize)]
        struct Event {
            #[serde(default)]
            cat: String,
            #[serde(default)]
            name: String,
            /// Microseconds.
            dur: Option<f64>,
        }
        let events: Vec<Event> = serde_json::from_slice(bytes).map_err(|error| {
            InputError::at("", format!("is not a JSON profile: {error}"), "give what ONNX Runtime's profiler wrote")
        })?;
        let (mut runs, mut order) = (BTreeMap::<&str, Vec<f64>>::new(), Vec::new());
        for (e, event) in events.iter().enumerate().filter(|(_, event)| event.cat == "Node") {
            let Some(layer) = event.name.strip_suffix("_kernel_time") else { continue };
            let micros = event.dur.ok_or_else(|| {
                InputError::at(format!("[{e}].dur"), "is missing", "give what ONNX Runtime's profiler wrote")
            })?;
            range::not_negative(|| format!("[{e}].dur"), micros)?;
            runs.entry(layer).or_insert_with(|| {
                order.push(layer);
                Vec::new()
            });
            runs.get_mut(layer).expect("entered").push(micros * 1e-6);
        }
        if order.is_empty() {
            let remedy = "give a profile with events of category Node, named LAYER_kernel_time";
            return Err(InputError::at("", "has no times of kernels", remedy));
        }
        let time_s = |layer: &str| {
            let all = &runs[layer];
            // The first run warms up.
            median(if all.len() > 1 { &all[1..] } else { all })
        };
        Ok(Self(order.into_iter().map(|layer| (layer.to_owned(), time_s(layer))).collect()))
    }

    /// A time for every layer of `graph`.
    ///
    /// # Errors
    /// Layers with work that have no row; rows that match no layer, unless `drops`.
    pub fn matched(&self, graph: &Graph, source: &str, drops: bool) -> Result<Matched, InputError> {
        let times: HashMap<&str, f64> = self.0.iter().map(|(name, time_s)| (name.as_str(), *time_s)).collect();
        let layers = graph.layers().iter();
        let has_no_row = |name: &str| !times.contains_key(name);
        let lacking: Vec<&str> =
            layers.clone().filter(|layer| layer.macs > 0 && has_no_row(&layer.name)).map(|l| l.name.as_str()).collect();
        let known: HashSet<&str> = layers.clone().map(|layer| layer.name.as_str()).collect();
        let unmatched: Vec<&(String, f64)> = self.0.iter().filter(|(name, _)| !known.contains(name.as_str())).collect();
        if !lacking.is_empty() {
            return Err(Self::lacking(&lacking, &unmatched));
        }
        if let Some(input) =
            layers.clone().find(|layer| layer.op == Op::Input && times.get(layer.name.as_str()) > Some(&0.0))
        {
            let what = format!("has a time of '{}', which is the input of model '{}'", input.name, graph.name());
            return Err(InputError::at("", what, "leave its row out: the input is no work"));
        }
        let sum = |times: &mut dyn Iterator<Item = f64>| times.sum::<f64>();
        let all_s = sum(&mut self.0.iter().map(|(_, time_s)| *time_s));
        let dropped_s = sum(&mut unmatched.iter().map(|(_, time_s)| *time_s));
        let dropped_share = if all_s > 0.0 { dropped_s / all_s } else { 0.0 };
        let dropped: Vec<&str> = unmatched.iter().map(|(name, _)| name.as_str()).collect();
        if !dropped.is_empty() && !drops {
            let share = format!("{:.1} % of the time", 100.0 * dropped_share);
            let what =
                format!("names {} of model '{}': {share}", listed(&dropped, "rows that are no layer"), graph.name());
            return Err(InputError::at("", what, "rename them, or drop them with --drop-unmatched"));
        }
        let measurement = |layer: &super::graph::Layer| Measurement {
            layer: layer.name.clone(),
            time_s: times.get(layer.name.as_str()).copied().unwrap_or(0.0),
            spread_s: None,
        };
        let is_absent = |layer: &&super::graph::Layer| layer.op != Op::Input && has_no_row(&layer.name);
        Ok(Matched {
            table: Measurements {
                model: graph.name().to_owned(),
                device: source.to_owned(),
                layers: layers.clone().map(measurement).collect(),
                whole: Vec::new(),
            },
            absent: layers.filter(is_absent).map(|layer| layer.name.clone()).collect(),
            dropped: dropped.into_iter().map(str::to_owned).collect(),
            dropped_share,
        })
    }
}

impl Times {
    /// The error of layers with work that have no time, with the rows that match no layer.
    fn lacking(lacking: &[&str], unmatched: &[&(String, f64)]) -> InputError {
        let mut what = format!("has no time of {}", listed(lacking, "layers with work"));
        let mut remedy = "give a row for each; offcut models MODEL --layers lists their names".to_owned();
        if !unmatched.is_empty() {
            let names: Vec<&str> = unmatched.iter().map(|(name, _)| name.as_str()).collect();
            what += &format!(", but {}", listed(&names, "rows that match no layer"));
            remedy += "; for ONNX Runtime give each node a name and disable graph optimisations, or allow basic ones only, as others rename layers";
        }
        InputError::at("", what, remedy)
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// How many there are, and the first of them by name.
fn listed(names: &[&str], what: &str) -> String {
    const SHOWN: usize = 3;
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| format!("'{name}'")).collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{} {what} ({}{more})", names.len(), first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnn::zoo;

    fn csv_of(graph: &Graph, mut keep: impl FnMut(usize) -> bool) -> String {
        let rows = graph.layers().iter().enumerate().skip(1).filter(|(v, _)| keep(*v));
        let rows: Vec<String> = rows.map(|(v, layer)| format!("{},{}", layer.name, v as f64 * 1e-3)).collect();
        format!("layer,seconds\n{}\n", rows.join("\n"))
    }

    #[test]
    fn a_csv_is_matched_by_name() {
        let graph = zoo::graph("alexnet").expect("in the zoo");
        let times = Times::parse(csv_of(&graph, |_| true).as_bytes()).expect("good");
        let matched = times.matched(&graph, "bench", false).expect("all layers");
        assert!(matched.absent.is_empty() && matched.dropped.is_empty());
        assert_eq!(matched.table.layers[0].time_s, 0.0);
        assert_eq!(matched.table.layers[3].time_s, 3e-3);
        // Layers without work may be absent, others not.
        let working = |v: usize| graph.layers()[v].macs > 0;
        let times = Times::parse(csv_of(&graph, working).as_bytes()).expect("good");
        let matched = times.matched(&graph, "bench", false).expect("all work");
        assert_eq!(matched.absent.len(), graph.layers().iter().skip(1).filter(|layer| layer.macs == 0).count());
        let first = (1..graph.layers().len()).find(|v| working(*v)).expect("work");
        let times = Times::parse(csv_of(&graph, |v| v != first).as_bytes()).expect("good");
        let error = times.matched(&graph, "bench", false).expect_err("a convolution without time").to_string();
        assert!(error.contains("1 layers with work") && error.contains(&graph.layers()[first].name), "{error}");
        // Rows that are no layer.
        let more = format!("{}reorder,0.01\n", csv_of(&graph, |_| true));
        let times = Times::parse(more.as_bytes()).expect("good");
        let error = times.matched(&graph, "bench", false).expect_err("not a layer").to_string();
        assert!(error.contains("'reorder'") && error.contains("% of the time"), "{error}");
        let matched = times.matched(&graph, "bench", true).expect("dropped");
        assert!(matched.dropped == ["reorder"] && matched.dropped_share > 0.0);
    }

    #[test]
    fn bad_csv_is_one_line() {
        for (text, expected) in [
            ("", "is empty"),
            ("layer,time\nconv,1\n", "layer,time"),
            ("layer,seconds\n", "no rows"),
            ("layer,seconds\nconv,-0.5\n", "is -0.5"),
            ("layer,seconds\nconv,nan\n", "is NaN"),
            ("layer,seconds\nconv,x\n", "'x' is not a number"),
            ("layer,seconds\nconv,1\nconv,1\n", "has a row already"),
            ("layer,seconds\nconv,1,2\n", "is not CSV"),
            ("[{\"cat\":\"Node\",\"name\":\"a_kernel_time\",\"dur\":-1}]", "is -1"),
            ("[{\"cat\":\"Node\",\"name\":\"a_kernel_time\"}]", "is missing"),
            ("[]", "no times of kernels"),
            ("[1]", "is not a JSON profile"),
        ] {
            let error = Times::parse(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(expected) && !error.contains('\n'), "{text}: {error}");
        }
    }

    #[test]
    fn the_median_of_runs_after_the_first() {
        let run =
            |micros: f64| format!("{{\"cat\":\"Node\",\"name\":\"conv_kernel_time\",\"dur\":{micros},\"ph\":\"X\"}}");
        let others = "{\"cat\":\"Session\",\"name\":\"model_run\",\"dur\":9},{\"cat\":\"Node\",\"name\":\"conv_fence_before\",\"dur\":1}";
        let text = format!("[{},{others},{},{},{}]", run(900.0), run(10.0), run(30.0), run(20.0));
        let Times(times) = Times::parse(text.as_bytes()).expect("good");
        assert!(times.len() == 1 && times[0].0 == "conv" && (times[0].1 - 20e-6).abs() < 1e-18, "{times:?}");
        assert_eq!(median(&[1.0, 4.0, 2.0, 3.0]), 2.5);
    }
}
