//! The same numbers in another shape or order, some of them, or several of each. They count no MACs.

use super::super::node::{Effect, Form, Learned, Node, axis, product, size};
use super::super::tensor::{MOST_AXES, Spec, broadcast, listed};
use crate::dnn::graph::Op;
use crate::error::InputError;

fn moved(node: &Node<'_>, dims: Vec<u64>) -> Result<Effect, InputError> {
    Ok(Effect::new(Op::Reshape, Spec::new(node.input(0)?.spec.dtype, dims)?))
}

/// Inputs: tensor, shape, in which 0 copies a size and one -1 takes what is left.
pub(super) fn reshape(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let shape = node.integers("shape", 1)?.ok_or_else(|| node.misfit("has no shape"))?;
    let copies = node.int_or("allowzero", 0)? == 0;
    let misfit = || node.misfit(&format!("cannot have shape {}", listed(&shape)));
    let mut dims = Vec::new();
    for (at, &size) in shape.iter().enumerate() {
        dims.push(match size {
            -1 => None,
            0 if copies => Some(*old.get(at).ok_or_else(misfit)?),
            size => Some(u64::try_from(size).map_err(|_| misfit())?),
        });
    }
    let (all, known) = (product(old.iter().copied())?, product(dims.iter().flatten().copied())?);
    let left = match dims.iter().filter(|size| size.is_none()).count() {
        0 if all == known => 1,
        1 if known > 0 && all % known == 0 => all / known,
        _ => return Err(misfit()),
    };
    moved(node, dims.into_iter().map(|size| size.unwrap_or(left)).collect())
}

/// Two axes: those before `axis`, and the others.
pub(super) fn flatten(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let at = node.int_or("axis", 1)?;
    let at = if at == old.len() as i64 { old.len() } else { axis(at, old.len())? };
    moved(node, vec![product(old[..at].iter().copied())?, product(old[at..].iter().copied())?])
}

/// Inputs: tensor, axes of size 1 that go; all of them if none are named.
pub(super) fn squeeze(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let gone = match node.integers("axes", 1)? {
        Some(axes) => axes.iter().map(|&at| axis(at, old.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..old.len()).filter(|&at| old[at] == 1).collect(),
    };
    if gone.iter().any(|&at| old[at] != 1) {
        return Err(node.misfit("removes an axis that is not of size 1"));
    }
    moved(node, old.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, &size)| size).collect())
}

/// Inputs: tensor, axes of size 1 that come, counted in the output.
pub(super) fn unsqueeze(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let axes = node.integers("axes", 1)?.ok_or_else(|| node.misfit("has no axes"))?;
    let rank = old.len() + axes.len();
    if rank > MOST_AXES {
        return Err(node.misfit(&format!("adds {} axes", axes.len())));
    }
    let mut come = axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    come.sort_unstable();
    come.dedup();
    if come.len() != axes.len() {
        return Err(node.misfit("adds an axis twice"));
    }
    let mut dims = old.to_vec();
    come.iter().for_each(|&at| dims.insert(at, 1));
    moved(node, dims)
}

/// Axes in the order of `perm`; the other way round if there is none.
pub(super) fn transpose(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    moved(node, permutation(node)?.into_iter().map(|at| old[at]).collect())
}

/// The axis of the input that each axis of a transposed output is.
pub(in super::super) fn permutation(node: &Node<'_>) -> Result<Vec<usize>, InputError> {
    let rank = node.dims(0, 0)?.len();
    let perm = node.ints("perm")?.unwrap_or_else(|| (0..rank as i64).rev().collect());
    let axes = perm.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(node.misfit(&format!("has a permutation {} that does not fit", listed(&perm))));
    }
    Ok(axes)
}

/// What a slice takes along an axis.
pub(in super::super) struct Range {
    pub(in super::super) axis: usize,
    pub(in super::super) start: i128,
    pub(in super::super) step: i128,
    pub(in super::super) length: u64,
}

/// Inputs: tensor, starts, ends, axes, steps; attributes in older versions.
pub(super) fn slice(node: &Node<'_>) -> Result<Effect, InputError> {
    let mut dims = node.dims(0, 0)?.to_vec();
    for range in ranges(node)? {
        dims[range.axis] = range.length;
    }
    moved(node, dims)
}

/// The ranges of a slice.
pub(in super::super) fn ranges(node: &Node<'_>) -> Result<Vec<Range>, InputError> {
    let old = node.dims(0, 0)?;
    let missing = || node.misfit("has no starts or no ends");
    let starts = node.integers("starts", 1)?.ok_or_else(missing)?;
    let ends = node.integers("ends", 2)?.ok_or_else(missing)?;
    let axes = node.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.integers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0) {
        return Err(node.misfit("has starts, ends, axes and steps that do not fit"));
    }
    let range = |at: usize| {
        let axis = axis(axes[at], old.len())?;
        let (all, step) = (i128::from(old[axis]), i128::from(steps[at]));
        let (low, high) = if step > 0 { (0, all) } else { (-1, all - 1) };
        let within = |place: i64| {
            let place = if place < 0 { i128::from(place) + all } else { i128::from(place) };
            place.clamp(low, high)
        };
        let (start, end) = (within(starts[at]), within(ends[at]));
        let length = if step > 0 { (end - start + step - 1) / step } else { (start - end - step - 1) / -step };
        Ok(Range { axis, start, step, length: size(Some(length.max(0)))? })
    };
    (0..starts.len()).map(range).collect()
}

/// Inputs: tensor, sizes along `axis`; as many equal parts as outputs without them.
pub(super) fn split(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 1)?;
    let at = axis(node.int_or("axis", 0)?, old.len())?;
    let sizes = parts(node, old[at])?;
    if sizes.len() != node.outputs.len() {
        return Err(node.misfit(&format!("has {} parts for {} outputs", sizes.len(), node.outputs.len())));
    }
    let part = |&size: &u64| {
        let mut dims = old.to_vec();
        dims[at] = size;
        Spec::new(node.input(0)?.spec.dtype, dims)
    };
    let outputs = sizes.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(Effect { outputs, form: Form::Parts, ..Effect::new(Op::Reshape, node.input(0)?.spec.clone()) })
}

/// The sizes of the parts along the axis that is split.
pub(in super::super) fn parts(node: &Node<'_>, all: u64) -> Result<Vec<u64>, InputError> {
    if let Some(sizes) = node.integers("split", 1)? {
        let sizes = super::super::tensor::sizes(&sizes)?;
        return match sizes.iter().try_fold(0u64, |sum, &size| sum.checked_add(size)) {
            Some(sum) if sum == all => Ok(sizes),
            _ => Err(node.misfit(&format!("has parts {} that do not sum to its size", listed(&sizes)))),
        };
    }
    // All but the last part are of the same size.
    let count = node.outputs.len() as u64;
    let each = all.div_ceil(count.max(1));
    Ok((0..count).map(|part| each.min(all.saturating_sub(part * each))).collect())
}

/// Tensors side by side along `axis`.
pub(super) fn concat(node: &Node<'_>) -> Result<Effect, InputError> {
    let inputs = node.all()?;
    let mut dims = node.dims(0, 1)?.to_vec();
    let at = axis(node.int_or("axis", 1)?, dims.len())?;
    for other in &inputs[1..] {
        let fits = |(place, size): (usize, &u64)| place == at || other.dims()[place] == *size;
        if other.dims().len() != dims.len() || !dims.iter().enumerate().all(fits) {
            return Err(node.misfit("puts tensors side by side that do not fit"));
        }
        dims[at] = size(Some(i128::from(dims[at]) + i128::from(other.dims()[at])))?;
    }
    let learned: Vec<_> = (0..inputs.len()).map(Learned::IfStored).collect();
    Ok(Effect::new(Op::Concat, Spec::new(inputs[0].spec.dtype, dims)?).with(0, &learned))
}

/// Inputs: tensor, indices into an axis of it. Rows of a constant table for computed indices are an embedding.
pub(super) fn gather(node: &Node<'_>) -> Result<Effect, InputError> {
    let (old, indices) = (node.dims(0, 1)?, node.dims(1, 0)?);
    let at = axis(node.int_or("axis", 0)?, old.len())?;
    let effect = moved(node, [&old[..at], indices, &old[at + 1..]].concat())?;
    let is_table = node.input(0)?.constant().is_some();
    let op = if is_table { Op::Embedding } else { Op::Reshape };
    Ok(Effect { op, ..effect }.with(0, &[Learned::Always(0)]))
}

/// Inputs: tensor, indices with as many axes; the output is of their shape.
pub(super) fn gather_elements(node: &Node<'_>) -> Result<Effect, InputError> {
    moved(node, node.dims(1, 1)?.to_vec())
}

/// Inputs: tensor, indices of its elements or slices along their last axis.
pub(super) fn gather_nd(node: &Node<'_>) -> Result<Effect, InputError> {
    let (old, indices) = (node.dims(0, 1)?, node.dims(1, 1)?);
    let batch = usize::try_from(node.int_or("batch_dims", 0)?).unwrap_or(usize::MAX);
    let (before, depth) = (&indices[..indices.len() - 1], indices[indices.len() - 1]);
    let rest = usize::try_from(depth).ok().and_then(|depth| batch.checked_add(depth)).and_then(|at| old.get(at..));
    let rest = rest.ok_or_else(|| node.misfit("has indices of too many axes"))?;
    moved(node, [before, rest].concat())
}

/// Inputs: tensor, indices, what is written there; the output is of the tensor's shape.
pub(super) fn scatter(node: &Node<'_>) -> Result<Effect, InputError> {
    moved(node, node.dims(0, 0)?.to_vec())
}

/// Inputs: tensor, a shape that it is repeated to.
pub(super) fn expand(node: &Node<'_>) -> Result<Effect, InputError> {
    let shape = node.integers("shape", 1)?.ok_or_else(|| node.misfit("has no shape"))?;
    let shape = super::super::tensor::sizes(&shape)?;
    let dims = broadcast([node.dims(0, 0)?, &shape]).ok_or_else(|| node.misfit("cannot be repeated so"))?;
    moved(node, dims)
}

/// Inputs: tensor, repetitions of each axis.
pub(super) fn tile(node: &Node<'_>) -> Result<Effect, InputError> {
    let old = node.dims(0, 0)?;
    let repeats = node.integers("repeats", 1)?.ok_or_else(|| node.misfit("has no repeats"))?;
    if repeats.len() != old.len() {
        return Err(node.misfit("has repeats for another number of axes"));
    }
    let tiled = |(&old, &times): (&u64, &i64)| size(Some(i128::from(old) * i128::from(times)));
    moved(node, old.iter().zip(&repeats).map(tiled).collect::<Result<_, _>>()?)
}

/// Inputs: tensor, padding before all axes and after all, value, axes that are padded.
pub(super) fn pad(node: &Node<'_>) -> Result<Effect, InputError> {
    let mut dims = node.dims(0, 0)?.to_vec();
    let pads = match node.ints("paddings")? {
        Some(pads) => Some(pads),
        None => node.integers("pads", 1)?,
    };
    let pads = pads.ok_or_else(|| node.misfit("has no pads"))?;
    let axes = node.integers("axes", 3)?.unwrap_or_else(|| (0..dims.len() as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(node.misfit("has pads for another number of axes"));
    }
    for (place, &at) in axes.iter().enumerate() {
        let at = axis(at, dims.len())?;
        let padding = i128::from(pads[place]) + i128::from(pads[place + axes.len()]);
        dims[at] = size(Some(i128::from(dims[at]) + padding))?;
    }
    moved(node, dims)
}

/// Channels become blocks of an image.
pub(super) fn depth_to_space(node: &Node<'_>) -> Result<Effect, InputError> {
    match (node.dims(0, 4)?, node.int_or("blocksize", 0)?) {
        (&[n, c, h, w], block @ 1..=65_536) if c % (block * block) as u64 == 0 => {
            let block = block as u64;
            moved(node, vec![n, c / (block * block), product([h, block])?, product([w, block])?])
        }
        _ => Err(node.misfit("has a blocksize that does not fit")),
    }
}

/// Blocks of an image become channels.
pub(super) fn space_to_depth(node: &Node<'_>) -> Result<Effect, InputError> {
    match (node.dims(0, 4)?, node.int_or("blocksize", 0)?) {
        (&[n, c, h, w], block @ 1..=65_536) if h % block as u64 == 0 && w % block as u64 == 0 => {
            let block = block as u64;
            moved(node, vec![n, product([c, block, block])?, h / block, w / block])
        }
        _ => Err(node.misfit("has a blocksize that does not fit")),
    }
}
