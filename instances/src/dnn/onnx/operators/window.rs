//! Windows that slide over the axes of an image: kernel, stride, padding, dilation, as all operators with windows have them.

use super::super::node::{Node, size};
use super::super::tensor::{cut, listed};
use crate::error::InputError;

/// The attributes that all operators with windows have.
pub(super) const ATTRIBUTES: [&str; 5] = ["auto_pad", "dilations", "kernel_shape", "pads", "strides"];

/// A window over some axes.
pub(super) struct Window {
    pub(super) kernel: Vec<u64>,
    strides: Vec<u64>,
    dilations: Vec<u64>,
    /// Padding before and after, of each axis.
    pads: Vec<(i64, i64)>,
    padding: Padding,
    ceil: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Given,
    Same,
    None,
}

impl Window {
    /// The window of a node over `axes` axes; a kernel that is not given as an attribute is that of the weights.
    pub(super) fn of(node: &Node<'_>, axes: usize, weights: Option<&[u64]>) -> Result<Self, InputError> {
        let kernel = match (positive(node, "kernel_shape", axes)?, weights) {
            (Some(kernel), Some(weights)) if kernel != weights => {
                return Err(node.misfit("has a kernel_shape other than its weights"));
            }
            (Some(kernel), _) => kernel,
            (None, Some(weights)) if !weights.contains(&0) => weights.to_vec(),
            (None, _) => return Err(node.misfit("has no kernel")),
        };
        let padding = match node.text("auto_pad")?.unwrap_or("NOTSET") {
            "NOTSET" | "" => Padding::Given,
            "VALID" => Padding::None,
            "SAME_UPPER" | "SAME_LOWER" => Padding::Same,
            other => {
                let remedy = "use one of: NOTSET, VALID, SAME_UPPER, SAME_LOWER";
                return Err(InputError::at("attribute 'auto_pad'", format!("is '{}'", cut(other)), remedy));
            }
        };
        let pads = node.ints("pads")?.unwrap_or_else(|| vec![0; 2 * axes]);
        if pads.len() != 2 * axes {
            let what = format!("has {} numbers for {axes} axes", pads.len());
            return Err(InputError::at("attribute 'pads'", what, "give two for each axis"));
        }
        Ok(Self {
            kernel,
            strides: positive(node, "strides", axes)?.unwrap_or_else(|| vec![1; axes]),
            dilations: positive(node, "dilations", axes)?.unwrap_or_else(|| vec![1; axes]),
            pads: (0..axes).map(|axis| (pads[axis], pads[axis + axes])).collect(),
            padding,
            ceil: false,
        })
    }

    /// The same with a last window that may reach beyond the padding, if the node says so.
    pub(super) fn ceil(self, node: &Node<'_>) -> Result<Self, InputError> {
        Ok(Self { ceil: node.int_or("ceil_mode", 0)? != 0, ..self })
    }

    /// How many numbers a window covers along an axis, gaps included.
    fn reach(&self, axis: usize) -> i128 {
        i128::from(self.dilations[axis]) * (i128::from(self.kernel[axis]) - 1) + 1
    }

    /// Positions of the window over an image of the given sizes.
    pub(super) fn positions(&self, sizes: &[u64]) -> Result<Vec<u64>, InputError> {
        sizes.iter().enumerate().map(|(axis, &size)| self.positions_along(axis, size)).collect()
    }

    fn positions_along(&self, axis: usize, length: u64) -> Result<u64, InputError> {
        let (length, stride) = (i128::from(length), i128::from(self.strides[axis]));
        let (before, after) = match self.padding {
            Padding::Given => (i128::from(self.pads[axis].0), i128::from(self.pads[axis].1)),
            Padding::None => (0, 0),
            Padding::Same => return size(Some((length + stride - 1) / stride)),
        };
        let steps = length + before + after - self.reach(axis);
        if steps < 0 {
            let what = format!("has a window of {} on a padded size of {}", self.reach(axis), length + before + after);
            return Err(InputError::at("", what, "check the file and the sizes of --axis"));
        }
        let positions = match self.ceil {
            false => steps / stride + 1,
            // A last window that would start in the padding after the image is left out.
            true if (steps + stride - 1) / stride * stride >= length + before => (steps + stride - 1) / stride,
            true => (steps + stride - 1) / stride + 1,
        };
        size(Some(positions))
    }

    /// Sizes of the image over which a transposed convolution spreads positions of the given sizes.
    pub(super) fn image(&self, node: &Node<'_>, sizes: &[u64]) -> Result<Vec<u64>, InputError> {
        let more = node.ints("output_padding")?.unwrap_or_else(|| vec![0; sizes.len()]);
        if more.len() != sizes.len() {
            return Err(node.misfit("has an output_padding for another number of axes"));
        }
        let along = |(axis, &length): (usize, &u64)| {
            let (length, stride) = (i128::from(length), i128::from(self.strides[axis]));
            let (before, after) = self.pads[axis];
            size(Some(match self.padding {
                Padding::Same => length * stride,
                Padding::None => stride * (length - 1) + self.reach(axis) + i128::from(more[axis]),
                Padding::Given => {
                    let padding = i128::from(before) + i128::from(after);
                    stride * (length - 1) + self.reach(axis) + i128::from(more[axis]) - padding
                }
            }))
        };
        sizes.iter().enumerate().map(along).collect()
    }
}

/// Numbers of at least 1, one for each axis.
fn positive(node: &Node<'_>, name: &str, axes: usize) -> Result<Option<Vec<u64>>, InputError> {
    let Some(numbers) = node.ints(name)? else { return Ok(None) };
    let sizes: Option<Vec<u64>> =
        numbers.iter().map(|&n| u32::try_from(n).ok().filter(|&n| n > 0).map(u64::from)).collect();
    match sizes {
        Some(sizes) if sizes.len() == axes => Ok(Some(sizes)),
        _ => {
            let remedy = format!("give {axes} numbers of at least 1, one for each axis");
            Err(InputError::at(format!("attribute '{name}'"), format!("is {}", listed(&numbers)), remedy))
        }
    }
}
