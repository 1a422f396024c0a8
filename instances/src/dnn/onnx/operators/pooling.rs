//! Poolings, reductions, resizing. They count no MACs.

use super::super::node::{Effect, Form, Node, axis, size};
use super::super::tensor::{DType, Spec};
use super::window::Window;
use crate::dnn::graph::Op;
use crate::error::InputError;

/// A maximum or mean over windows.
pub(super) fn pool(node: &Node<'_>) -> Result<Effect, InputError> {
    let image = node.dims(0, 3)?;
    let window = Window::of(node, image.len() - 2, None)?.ceil(node)?;
    let dims = [&image[..2], &window.positions(&image[2..])?].concat();
    Ok(Effect::new(Op::Pool, Spec::new(node.input(0)?.spec.dtype, dims)?))
}

/// A maximum or mean over the whole image.
pub(super) fn global_pool(node: &Node<'_>) -> Result<Effect, InputError> {
    let image = node.dims(0, 3)?;
    let dims = [&image[..2], &vec![1; image.len() - 2]].concat();
    Ok(Effect::new(Op::Pool, Spec::new(node.input(0)?.spec.dtype, dims)?))
}

/// Inputs: tensor, axes that are reduced; all of them if none are named.
pub(super) fn reduce(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let axes = node.integers("axes", 1)?.unwrap_or_default();
    if axes.is_empty() && node.int_or("noop_with_empty_axes", 0)? != 0 {
        return Ok(Effect { form: Form::Same, ..Effect::new(Op::Reshape, node.input(0)?.spec.clone()) });
    }
    let reduced = axes.iter().map(|&at| axis(at, old.len())).collect::<Result<Vec<_>, _>>()?;
    let dims = without(old, |at| axes.is_empty() || reduced.contains(&at), node.int_or("keepdims", 1)? != 0);
    Ok(Effect::new(Op::Pool, Spec::new(node.input(0)?.spec.dtype, dims)?))
}

/// The place of the largest or smallest number along an axis.
pub(super) fn arg(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 1)?;
    let reduced = axis(node.int_or("axis", 0)?, old.len())?;
    let dims = without(old, |at| at == reduced, node.int_or("keepdims", 1)? != 0);
    Ok(Effect::new(Op::Pool, Spec::new(DType::INT64, dims)?))
}

fn without(old: &[u64], is_reduced: impl Fn(usize) -> bool, keeps: bool) -> Vec<u64> {
    let size = |(at, &size): (usize, &u64)| match (is_reduced(at), keeps) {
        (false, _) => Some(size),
        (true, true) => Some(1),
        (true, false) => None,
    };
    old.iter().enumerate().filter_map(size).collect()
}

/// Inputs: tensor, how many; outputs: the largest or smallest numbers along an axis, and their places.
pub(super) fn top_k(node: &Node<'_>) -> Result<Effect, InputError> {
    let mut dims = node.dims(0, 1)?.to_vec();
    let at = axis(node.int_or("axis", -1)?, dims.len())?;
    let k = match node.integers("", 1)? {
        Some(numbers) => numbers.first().copied(),
        None => node.int("k")?,
    };
    dims[at] = k
        .and_then(|k| u64::try_from(k).ok())
        .filter(|&k| k <= dims[at])
        .ok_or_else(|| node.misfit("has no number of places that fits"))?;
    let values = Spec::new(node.input(0)?.spec.dtype, dims.clone())?;
    let outputs = vec![values.clone(), Spec::new(DType::INT64, dims)?];
    Ok(Effect { outputs, form: Form::Several, ..Effect::new(Op::Pool, values) })
}

/// Inputs: tensor, region, factors, sizes. Before version 11: tensor, factors; before version 9: factors as an attribute.
pub(super) fn resize(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 1)?;
    if node.text("keep_aspect_ratio_policy")?.is_some_and(|policy| policy != "stretch") {
        let remedy = "export the model with fixed factors or sizes";
        return Err(InputError::at("attribute 'keep_aspect_ratio_policy'", "is not 'stretch'", remedy));
    }
    let axes = match node.ints("axes")? {
        Some(axes) => axes.iter().map(|&at| axis(at, old.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..old.len()).collect(),
    };
    let mut dims = old.to_vec();
    let by_factor = if node.inputs.len() == 2 { 1 } else { 2 };
    if let Some(sizes) = node.integers("", 3)?.filter(|sizes| !sizes.is_empty()) {
        let sizes = super::super::tensor::sizes(&sizes)?;
        if sizes.len() != axes.len() {
            return Err(node.misfit("has sizes for another number of axes"));
        }
        axes.iter().zip(&sizes).for_each(|(&at, &size)| dims[at] = size);
    } else {
        let factors: Option<Vec<f64>> = match node.floats("scales")? {
            Some(factors) => Some(factors.iter().map(|&factor| f64::from(factor)).collect()),
            None => node.numbers(by_factor)?.map(<[f64]>::to_vec),
        };
        let factors = factors.filter(|factors| factors.len() == axes.len());
        let factors = factors.ok_or_else(|| node.misfit("has no factors or sizes that fit"))?;
        for (&at, &factor) in axes.iter().zip(&factors) {
            let scaled = (old[at] as f64 * factor).floor();
            let scaled = (0.0..1e15).contains(&scaled).then_some(scaled as i128);
            dims[at] = size(scaled)?;
        }
    }
    Ok(Effect::new(Op::Pool, Spec::new(node.input(0)?.spec.dtype, dims)?))
}
