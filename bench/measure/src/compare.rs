//! Whether a second measurement is within the spread of the first.

use anyhow::{Result, ensure};
use offcut_instances::dnn::machine_file::MachineProfile;

use crate::report::{seconds, table};

/// Two measurements of the same layers.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Layers that take time in both.
    pub layers: usize,
    /// Those whose second median is outside the spread of the first.
    pub outside: Vec<Outside>,
    /// Medians of the second over the first, whole networks: model and ratio.
    pub wholes: Vec<(String, f64)>,
    /// Models that only one of them has.
    pub unmatched: Vec<String>,
}

/// A layer that is outside.
#[derive(Clone, Debug)]
pub struct Outside {
    /// Its model.
    pub model: String,
    /// Its name.
    pub layer: String,
    /// The first spread, in seconds.
    pub spread_s: [f64; 2],
    /// The second median, in seconds.
    pub time_s: f64,
}

/// Compares two machines layer by layer.
///
/// # Errors
/// If they have no layer in common, or the first has no spread.
pub fn compare(first: &MachineProfile, second: &MachineProfile) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    for one in &first.models {
        let Some(other) = second.models.iter().find(|other| other.model == one.model) else {
            comparison.unmatched.push(one.model.clone());
            continue;
        };
        for layer in &one.layers {
            let Some(again) = other.layers.iter().find(|again| again.layer == layer.layer) else { continue };
            let Some(spread_s) = layer.spread_s.filter(|_| layer.time_s > 0.0 && again.time_s > 0.0) else { continue };
            comparison.layers += 1;
            if !(spread_s[0]..=spread_s[1]).contains(&again.time_s) {
                let (model, layer, time_s) = (one.model.clone(), layer.layer.clone(), again.time_s);
                comparison.outside.push(Outside { model, layer, spread_s, time_s });
            }
        }
        if let (Some(whole), Some(again)) = (one.whole.first(), other.whole.first()) {
            comparison.wholes.push((one.model.clone(), again.time_s / whole.time_s));
        }
    }
    let known = |name: &String| first.models.iter().any(|one| one.model == *name);
    comparison.unmatched.extend(second.models.iter().map(|other| other.model.clone()).filter(|name| !known(name)));
    ensure!(comparison.layers > 0, "no layer has a spread in the first file and a time in the second");
    Ok(comparison)
}

impl Comparison {
    /// The share of layers within the spread, from 0 to 1.
    pub fn share_within(&self) -> f64 {
        1.0 - self.outside.len() as f64 / self.layers as f64
    }

    /// What there is to say, ready to print.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} of {} layers ({:.1} %) have their second median within the spread of the first (from the least 10th to the largest 90th percentile of one process)\n",
            self.layers - self.outside.len(),
            self.layers,
            100.0 * self.share_within()
        );
        if !self.unmatched.is_empty() {
            text += &format!("in one file only: {}\n", self.unmatched.join(", "));
        }
        if !self.outside.is_empty() {
            let mut rows = table(&["model", "layer", "first from", "to", "second median"]);
            for outside in &self.outside {
                let [low, high] = outside.spread_s.map(seconds);
                rows.add_row([outside.model.clone(), outside.layer.clone(), low, high, seconds(outside.time_s)]);
            }
            text += &format!("\n{rows}\n");
        }
        if !self.wholes.is_empty() {
            let mut rows = table(&["whole network", "second / first"]);
            for (model, ratio) in &self.wholes {
                rows.add_row([model.clone(), format!("{ratio:.3}")]);
            }
            text += &format!("\n{rows}\n");
        }
        text
    }
}
