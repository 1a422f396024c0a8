//! Networks in candle, and as the document that is shipped.

use candle_core::{DType, Device, Result, Tensor, Var};
use offcut_heuristics::lymdo::Layer;
use offcut_instances::random::Stream;

/// Layers with max(0, .) in between.
#[derive(Clone, Debug)]
pub struct Perceptron {
    /// Weights (outputs, inputs) and bias (outputs,).
    layers: Vec<(Var, Var)>,
}

impl Perceptron {
    /// Random weights, uniform as He et al. (2015) have it; the last layer's times `last`, so that scores begin close
    /// to each other.
    ///
    /// # Errors
    /// If candle has any.
    pub fn new(widths: &[usize], last: f64, stream: &mut Stream) -> Result<Self> {
        let count = widths.len() - 1;
        let layer = |(at, ends): (usize, &[usize])| {
            let (inputs, outputs) = (ends[0], ends[1]);
            let most = (6.0 / inputs as f64).sqrt() * if at + 1 == count { last } else { 1.0 };
            let weights: Vec<f32> = (0..inputs * outputs).map(|_| stream.uniform(-most, most) as f32).collect();
            let weights = Var::from_vec(weights, (outputs, inputs), &Device::Cpu)?;
            Ok((weights, Var::zeros(outputs, DType::F32, &Device::Cpu)?))
        };
        Ok(Self { layers: widths.windows(2).enumerate().map(layer).collect::<Result<_>>()? })
    }

    /// Everything that is learned.
    pub fn variables(&self) -> Vec<Var> {
        self.layers.iter().flat_map(|(weights, bias)| [weights.clone(), bias.clone()]).collect()
    }

    /// Shape (rows, inputs) to (rows,), of a network with one output.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let mut x = rows.clone();
        for (at, (weights, bias)) in self.layers.iter().enumerate() {
            x = x.matmul(&weights.t()?)?.broadcast_add(bias)?;
            if at + 1 < self.layers.len() {
                x = x.relu()?;
            }
        }
        x.squeeze(1)
    }

    /// The layers as they are kept.
    ///
    /// # Errors
    /// If candle has any.
    pub fn layers(&self) -> Result<Vec<Layer>> {
        let layer = |(weights, bias): &(Var, Var)| {
            Ok(Layer { weights: weights.to_vec2::<f32>()?, bias: bias.to_vec1::<f32>()? })
        };
        self.layers.iter().map(layer).collect()
    }
}
