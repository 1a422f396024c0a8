//! Training of the shipped policy: its record, stored beside the policy as two files.
//!
//! The record is data, not code: this crate reads the files and knows nothing of the policy. It is shown only where the policy was run.

use serde::Deserialize;

use super::rows::POLICY;
use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::numbers::{self, whole};
use crate::results::Results;
use crate::section::Section;
use crate::table::{Cell, Column, Table};

/// The shipped policy: weights and their training record.
const POLICY_JSON: &str = include_str!("../../../../heuristics/src/lymdo/policy.json");

/// Its learning curve.
const CURVE_CSV: &str = include_str!("../../../../heuristics/src/lymdo/policy.curve.csv");

/// The parts of the policy's document that are shown.
#[derive(Deserialize)]
struct Document {
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    training: Training,
}

#[derive(Deserialize)]
struct Training {
    method: String,
    seed: u64,
    slots: u64,
    families: Vec<String>,
    evaluation: Vec<Evaluation>,
}

/// Mean cost of single slots relative to `alternating`, minus 1: 0.01 is one percent more.
#[derive(Deserialize)]
struct Evaluation {
    family: String,
    slots: u64,
    trained: f64,
    untrained: f64,
    reference: f64,
    random: f64,
}

/// None if the run has no row of the policy.
pub(super) fn section(results: &Results) -> Option<Section> {
    let was_run = results.rows.iter().any(|row| row.key.method == POLICY);
    if !was_run {
        return None;
    }
    let document: Document = serde_json::from_str(POLICY_JSON).ok()?;
    let training = document.body.training;
    let words = format!(
        "The shipped policy was trained before this run: {}, seed {}, {} slots of the families {}. The command \
         offcut train lymdo trains a new one. The record below is stored with the weights and was reported by the \
         trainer (unchecked); the sections above measure the policy.",
        training.method.to_uppercase(),
        training.seed,
        whole(training.slots),
        training.families.join(", ")
    );
    Some(Section {
        title: "Training of the policy".into(),
        paragraphs: vec![words],
        tables: vec![table(&training)],
        figures: vec![figure()],
        ..Section::default()
    })
}

fn table(training: &Training) -> Table {
    let mut table = Table::new(
        "learning",
        "Effect of training: cost of single slots above alternating (%)",
        "Mean cost of a slot over the cost of alternating, minus 1, on sample paths outside the training set, as \
         evaluated by the trainer. Untrained: the initial network. Reference: every user's best cut at equal shares, \
         an input of the network.",
        vec![
            Column::words("system", "system"),
            Column::numbers("slots", "slots"),
            Column::numbers("trained", "trained_percent"),
            Column::numbers("untrained", "untrained_percent"),
            Column::numbers("reference", "reference_percent"),
            Column::numbers("random cuts", "random_percent"),
        ],
    );
    let percent = |share: f64| Cell::number(numbers::percent(share, 0.0), 100.0 * share);
    for of in &training.evaluation {
        table.push(vec![
            Cell::text(&of.family),
            Cell::count(of.slots as usize),
            percent(of.trained),
            percent(of.untrained),
            percent(of.reference),
            percent(of.random),
        ]);
    }
    table
}

/// Training slots, and the cost of the network's cuts relative to `alternating`, minus 1.
fn curve() -> Vec<(f64, f64)> {
    let mut lines = CURVE_CSV.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name);
    let (Some(slots), Some(cost)) = (column("slots"), column("dearer_than_alternating")) else { return Vec::new() };
    let point = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Some((fields.get(slots)?.parse().ok()?, fields.get(cost)?.parse().ok()?))
    };
    lines.filter_map(point).collect()
}

fn figure() -> Figure {
    let points = curve().into_iter().map(|(x, cost)| Mark { x, y: 100.0 * cost, band: None }).collect();
    Figure {
        id: "learning-figure".into(),
        title: "Learning curve of the shipped policy".into(),
        caption: "Cost of single slots above alternating during training, mean over systems and sample paths outside \
            the training set. First point: the network before training. Logarithmic vertical axis."
            .into(),
        plot: Plot::Lines(Lines {
            x: Axis { label: "training slots".into(), log: false },
            y: Axis { label: "cost above alternating (%)".into(), log: true },
            lines: vec![Line { names: vec!["lymdo".into()], points, limit: None }],
            limit: None,
            shape: Shape::Joined,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_record_can_be_read() {
        let document: Document = serde_json::from_str(POLICY_JSON).expect("a policy");
        let training = document.body.training;
        assert!(!training.evaluation.is_empty() && training.slots > 0);
        let curve = curve();
        assert!(curve.len() > 10, "{} points", curve.len());
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let (first, last) = (curve[0].1, curve[curve.len() - 1].1);
        assert!(last < first, "training made it worse: {first} to {last}");
    }
}
