//! How the shipped policy was learned: its training record, which lies beside the policy as two files.
//!
//! The record is data, not code: this crate reads the files and knows nothing of the policy. It is told only where the policy took part.

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

/// The parts of the policy's document that are told.
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

/// Mean cost of single slots relative to `alternating`; 0.01 is one percent dearer.
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
    let took_part = results.rows.iter().any(|row| row.key.method == POLICY);
    if !took_part {
        return None;
    }
    let document: Document = serde_json::from_str(POLICY_JSON).ok()?;
    let training = document.body.training;
    let words = format!(
        "The policy that is shipped was trained before this run: {}, seed {}, {} slots of the families {}. The command offcut train lymdo trains \
         it anew. The record below lies beside its weights and is the trainer's own word; what the policy is worth is measured above.",
        training.method.to_uppercase(),
        training.seed,
        whole(training.slots),
        training.families.join(", ")
    );
    Some(Section {
        title: "What was learned".into(),
        paragraphs: vec![words],
        tables: vec![table(&training)],
        figures: vec![figure()],
    })
}

fn table(training: &Training) -> Table {
    let mut table = Table::new(
        "learning",
        "What training is worth: cost of single slots above alternating (%)",
        "Mean cost of a slot over that of alternating, less 1, on sample paths that were not trained on, as the trainer evaluated it. Untrained: \
         the network it began as. Reference: everybody's best cut at equal shares, which the network sees.",
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

/// Slots played, and how much dearer than `alternating` the network's cuts were then.
fn curve() -> Vec<(f64, f64)> {
    let mut lines = CURVE_CSV.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name);
    let (Some(slots), Some(dearer)) = (column("slots"), column("dearer_than_alternating")) else { return Vec::new() };
    let point = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Some((fields.get(slots)?.parse().ok()?, fields.get(dearer)?.parse().ok()?))
    };
    lines.filter_map(point).collect()
}

fn figure() -> Figure {
    let points = curve().into_iter().map(|(x, dearer)| Mark { x, y: 100.0 * dearer, band: None }).collect();
    Figure {
        id: "learning-figure".into(),
        title: "Learning curve of the shipped policy".into(),
        caption: "Cost of single slots above alternating while training, mean over systems and sample paths that were not trained on; the first \
                  point is the network before training. Logarithmic vertical axis."
            .into(),
        plot: Plot::Lines(Lines {
            x: Axis { label: "slots played".into(), log: false },
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
