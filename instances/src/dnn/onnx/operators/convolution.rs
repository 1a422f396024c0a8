//! Convolutions.
//!
//! With weights of C x (c/g) x kernel: MACs are the positions times all weights, of a transposed convolution the positions of its input times all weights. Biases count no MACs.

use super::super::node::{Effect, Learned, Node, product};
use super::super::tensor::{DType, Spec};
use super::window::Window;
use crate::dnn::graph::Op;
use crate::error::InputError;

/// Inputs: image, weights, bias.
pub(super) fn conv(node: &Node<'_>) -> Result<Effect, InputError> {
    convolution(node, 1, node.input(0)?.spec.dtype, &[Learned::Always(1), Learned::Always(2)])
}

/// Inputs: image, weights, their zero points.
pub(super) fn conv_integer(node: &Node<'_>) -> Result<Effect, InputError> {
    convolution(node, 1, DType::INT32, &[Learned::Always(1)])
}

/// Inputs: image, scale, zero point, the same of the weights, scale and zero point of the output, bias.
pub(super) fn qlinear_conv(node: &Node<'_>) -> Result<Effect, InputError> {
    convolution(node, 3, node.input(7)?.spec.dtype, &[Learned::Always(3), Learned::Always(8)])
}

fn convolution(node: &Node<'_>, weights: usize, dtype: DType, learned: &[Learned]) -> Result<Effect, InputError> {
    let (image, filters) = (node.dims(0, 3)?, node.dims(weights, 3)?);
    let groups = groups(node)?;
    let channels = filters[1].checked_mul(groups);
    if filters.len() != image.len() || channels != Some(image[1]) || filters[0] % groups != 0 {
        return Err(node.misfit(&format!("does not fit its weights in {groups} groups")));
    }
    let window = Window::of(node, image.len() - 2, Some(&filters[2..]))?;
    let positions = window.positions(&image[2..])?;
    let macs = product([image[0]].iter().chain(&positions).chain(filters).copied())?;
    let output = Spec::new(dtype, [&[image[0], filters[0]], &positions[..]].concat())?;
    let op = if groups > 1 && groups == image[1] { Op::DepthwiseConv } else { Op::Conv };
    Ok(Effect::new(op, output).with(macs, learned))
}

/// Inputs: image, weights of c x (C/g) x kernel, bias.
pub(super) fn conv_transpose(node: &Node<'_>) -> Result<Effect, InputError> {
    let (image, filters) = (node.dims(0, 3)?, node.dims(1, 3)?);
    let groups = groups(node)?;
    if filters.len() != image.len() || filters[0] != image[1] || filters[0] % groups != 0 {
        return Err(node.misfit(&format!("does not fit its weights in {groups} groups")));
    }
    let window = Window::of(node, image.len() - 2, Some(&filters[2..]))?;
    let sizes = match node.ints("output_shape")? {
        Some(sizes) if sizes.len() == image.len() - 2 => super::super::tensor::sizes(&sizes)?,
        Some(_) => return Err(node.misfit("has an output_shape for another number of axes")),
        None => window.image(node, &image[2..])?,
    };
    let macs = product([image[0]].iter().chain(&image[2..]).chain(filters).copied())?;
    let channels = product([filters[1], groups])?;
    let output = Spec::new(node.input(0)?.spec.dtype, [&[image[0], channels], &sizes[..]].concat())?;
    Ok(Effect::new(Op::Conv, output).with(macs, &[Learned::Always(1), Learned::Always(2)]))
}

fn groups(node: &Node<'_>) -> Result<u64, InputError> {
    let groups = node.int_or("group", 1)?;
    u64::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| InputError::at("attribute 'group'", format!("is {groups}"), "give at least 1 group"))
}
