//! The chain view: blocks between consecutive single-tensor cut points.
//!
//! A layer v is a *cut point* if exactly one tensor crosses when everything up to v is on the device: its own output.
//! That is so if and only if v lies on every path from input to output, and then the device side is fixed: it is all
//! layers before v and v itself. Within a block several tensors are alive at once (a residual branch and its
//! shortcut, the features of a dense block), and a chain does not cut there.
//!
//! Proof in terms of indices: paths ascend from layer 0 to the last layer, so a path avoids v if and only if one of
//! its edges jumps over v; and every edge lies on a path, since there is one source and one sink. So v is a cut point
//! if and only if no edge (a, b) has a < v < b. Then all edges that leave {0..=v} leave from v, and one tensor crosses.

use std::ops::Range;

use serde::Serialize;

use super::graph::Graph;

/// A DNN as a chain of k blocks. Cut s in 0..=k runs the first s blocks on the device; cut 0 sends the raw input,
/// cut k sends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The graph's name.
    pub name: String,
    /// The blocks in order. Shape (k,), k >= 1.
    pub blocks: Vec<Block>,
    /// Bytes sent when cutting after block s; entry 0 is the raw input, entry k is 0. Shape (k+1,).
    pub cut_bytes: Vec<u64>,
}

/// The layers after one cut point, up to and including the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// The name of its last layer.
    pub name: String,
    /// Work, in MACs; 0 is legal (a block may be a lone activation).
    pub macs: u64,
    /// Learned parameters.
    pub params: u64,
    /// Indices of its layers in the graph. The input, layer 0, is in no block.
    pub layers: Range<usize>,
}

impl Graph {
    /// The layers on every path from input to output, in ascending order; the first is the input, the last the sink.
    pub fn cut_points(&self) -> Vec<usize> {
        // Last reader of each layer; the sink has none and is never jumped over.
        let mut last_reader: Vec<usize> = (0..self.layers().len()).collect();
        for (v, layer) in self.layers().iter().enumerate() {
            layer.inputs.iter().for_each(|&from| last_reader[from] = v);
        }
        let mut reach = 0;
        let mut cut_points = Vec::new();
        for (v, &reader) in last_reader.iter().enumerate() {
            if reach <= v {
                cut_points.push(v);
            }
            reach = reach.max(reader);
        }
        cut_points
    }

    /// The chain of blocks between consecutive cut points.
    /// ```
    /// use offcut_instances::dnn::zoo;
    /// let chain = zoo::graph("resnet18").expect("it is in the zoo").chain();
    /// assert_eq!(chain.blocks[4].name, "layer1.0.add");
    /// assert_eq!(chain.cut_bytes[5], 64 * 56 * 56 * 4);
    /// ```
    pub fn chain(&self) -> Chain {
        let cut_points = self.cut_points();
        let block = |ends: &[usize]| {
            let layers = ends[0] + 1..ends[1] + 1;
            let inside = &self.layers()[layers.clone()];
            Block {
                name: self.layers()[ends[1]].name.clone(),
                macs: inside.iter().map(|layer| layer.macs).sum(),
                params: inside.iter().map(|layer| layer.params).sum(),
                layers,
            }
        };
        let mut cut_bytes: Vec<u64> = cut_points.iter().map(|&v| self.layers()[v].out_bytes).collect();
        *cut_bytes.last_mut().expect("a graph has layers") = 0;
        Chain { name: self.name().to_owned(), blocks: cut_points.windows(2).map(block).collect(), cut_bytes }
    }
}

impl Chain {
    /// The layers of the graph that cut `s` leaves on the device: a set closed under predecessors, with the input.
    ///
    /// # Panics
    /// If `s` is larger than the number of blocks.
    pub fn device_layers(&self, s: usize) -> Range<usize> {
        match s {
            0 => 0..1,
            s => 0..self.blocks[s - 1].layers.end,
        }
    }

    /// Work of one inference, in MACs.
    pub fn macs(&self) -> u64 {
        self.blocks.iter().map(|block| block.macs).sum()
    }

    /// Learned parameters.
    pub fn params(&self) -> u64 {
        self.blocks.iter().map(|block| block.params).sum()
    }
}
