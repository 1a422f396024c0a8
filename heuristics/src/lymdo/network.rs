//! A small network that scores cuts, and the document it is kept in.
//!
//! ```text
//! score(x) = w3 . max(0, W2 max(0, W1 x + c1) + c2) + c3
//! ```
//!
//! A user's cuts are chosen with probability softmax(score) while learning, by the highest score afterwards. The
//! document keeps, with the weights, what they were trained on and how good they were then: see [`Training`].

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use offcut_instances::document::{InputError, Kind, parse};
use offcut_instances::random::Stream;

use super::features::WIDTH;

/// Version of the document; it changes with what the network sees.
pub const VERSION: u32 = 1;

/// A layer: `weights . x + bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Shape (outputs, inputs).
    pub weights: Vec<Vec<f32>>,
    /// Shape (outputs,).
    pub bias: Vec<f32>,
}

impl Layer {
    /// Random layers of these widths, as training begins with them: uniform as He et al. (2015) have it, without bias; the last layer's times `last`,
    /// so that scores begin close to each other.
    pub fn drawn(widths: &[usize], last: f64, stream: &mut Stream) -> Vec<Self> {
        let count = widths.len() - 1;
        let layer = |(at, ends): (usize, &[usize])| {
            let (inputs, outputs) = (ends[0], ends[1]);
            let most = (6.0 / inputs as f64).sqrt() * if at + 1 == count { last } else { 1.0 };
            let mut row = |_| (0..inputs).map(|_| stream.uniform(-most, most) as f32).collect();
            Self { weights: (0..outputs).map(&mut row).collect(), bias: vec![0.0; outputs] }
        };
        widths.windows(2).enumerate().map(layer).collect()
    }
}

/// Layers that a policy's training begins with: two hidden ones of this width.
pub fn beginning(width: usize, seed: u64) -> Vec<Layer> {
    Layer::drawn(&[WIDTH, width, width, 1], 0.01, &mut Stream::new(&["lymdo", "train", "weights"], seed))
}

/// A trained policy, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// Where the weights come from.
    pub training: Training,
    /// Layer after layer, with max(0, .) in between; the last has one output.
    pub layers: Vec<Layer>,
}

/// Where weights come from. The same program, settings and seed give the same weights on the same machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The algorithm.
    pub method: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Slots played.
    pub slots: u64,
    /// Settings, by name.
    pub settings: BTreeMap<String, f64>,
    /// Families that instances were drawn from.
    pub families: Vec<String>,
    /// BLAKE3 hash over the hashes of all instances played, in their order.
    pub instances: String,
    /// How good it was in the end.
    pub evaluation: Vec<Evaluation>,
}

impl Training {
    /// The width of the hidden layers.
    ///
    /// # Errors
    /// If it is missing or no whole number from 1 to 65536.
    pub fn width(&self) -> Result<usize, InputError> {
        match self.settings.get("width") {
            Some(width) if width.fract() == 0.0 && (1.0..=65_536.0).contains(width) => Ok(*width as usize),
            width => {
                let what = width.map_or_else(|| "is missing".to_owned(), |width| format!("is {width}"));
                Err(InputError::at("body.training.settings.width", what, "give a whole number from 1 to 65536"))
            }
        }
    }
}

/// Mean cost of single slots on channels not trained on, relative to `alternating`: 0.01 is one percent dearer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The family.
    pub family: String,
    /// Slots compared.
    pub slots: u64,
    /// This policy.
    pub trained: f64,
    /// The network it began as.
    pub untrained: f64,
    /// What it sees as its reference: everybody's best cut at equal shares.
    pub reference: f64,
    /// Random cuts.
    pub random: f64,
}

/// A network ready to score.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<(Array2<f32>, Array1<f32>)>,
}

impl Network {
    /// # Errors
    /// [`InputError`] if shapes do not follow on each other, from [`WIDTH`] inputs to one output.
    pub fn new(layers: &[Layer]) -> Result<Self, InputError> {
        let error = |at: usize, what: String| {
            InputError::at(format!("layers[{at}]"), what, "give a document that `offcut train` has written")
        };
        if layers.is_empty() {
            return Err(error(0, "is missing".into()));
        }
        let mut inputs = WIDTH;
        let mut ready = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let outputs = layer.bias.len();
            if layer.weights.len() != outputs || layer.weights.iter().any(|row| row.len() != inputs) {
                return Err(error(at, format!("is not of {outputs} rows of {inputs} weights")));
            }
            if !layer.weights.iter().flatten().chain(&layer.bias).all(|weight| weight.is_finite()) {
                return Err(error(at, "has a weight that is not finite".into()));
            }
            // Inputs first: rows of many cuts are multiplied from the left.
            let weights = Array2::from_shape_fn((inputs, outputs), |(i, o)| layer.weights[o][i]);
            ready.push((weights, Array1::from(layer.bias.clone())));
            inputs = outputs;
        }
        if inputs != 1 {
            return Err(error(layers.len() - 1, format!("has {inputs} outputs, not one")));
        }
        Ok(Self { layers: ready })
    }

    /// Scores of rows. Shape (rows, [`WIDTH`]) to (rows,).
    ///
    /// # Panics
    /// If rows are of another width.
    pub fn scores(&self, rows: ArrayView2<f32>) -> Array1<f32> {
        let (last, hidden) = self.layers.split_last().expect("at least one layer");
        let mut x = rows.to_owned();
        for (weights, bias) in hidden {
            x = x.dot(weights) + bias;
            x.mapv_inplace(|x| x.max(0.0));
        }
        (x.dot(&last.0) + &last.1).remove_axis(ndarray::Axis(1))
    }
}

impl Trained {
    /// Reads a policy's document.
    ///
    /// # Errors
    /// [`InputError`] naming place and remedy.
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let trained: Self = parse(bytes, Kind::Policy, "lymdo", VERSION)?;
        Network::new(&trained.layers).map_err(|error| error.below("body"))?;
        Ok(trained)
    }
}
