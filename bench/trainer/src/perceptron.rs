//! Networks in candle, and as the document that is shipped.

use candle_core::{Device, Result, Tensor, Var};
use offcut_heuristics::lymdo::Layer;
use offcut_instances::random::Stream;

/// Layers with max(0, .) in between.
#[derive(Clone, Debug)]
pub struct Perceptron {
    /// Weights (outputs, inputs) and bias (outputs,).
    layers: Vec<(Var, Var)>,
}

impl Perceptron {
    /// Random weights: see [`Layer::drawn`].
    ///
    /// # Errors
    /// If candle has any.
    pub fn new(widths: &[usize], last: f64, stream: &mut Stream) -> Result<Self> {
        Self::of(&Layer::drawn(widths, last, stream))
    }

    /// A network with these layers.
    ///
    /// # Errors
    /// If candle has any.
    pub fn of(layers: &[Layer]) -> Result<Self> {
        let layer = |Layer { weights, bias }: &Layer| {
            let shape = (bias.len(), weights[0].len());
            Ok((
                Var::from_vec(weights.concat(), shape, &Device::Cpu)?,
                Var::from_vec(bias.clone(), shape.0, &Device::Cpu)?,
            ))
        };
        Ok(Self { layers: layers.iter().map(layer).collect::<Result<_>>()? })
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
