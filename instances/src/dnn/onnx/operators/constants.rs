//! Constants, and what depends on shapes alone.

use super::super::node::{Effect, Node, axis, size};
use super::super::tensor::{DType, MOST_NUMBERS, Spec, sizes, stored};
use crate::dnn::graph::Op;
use crate::error::InputError;

/// A tensor, a number or a list, as an attribute.
pub(super) fn constant(node: &Node<'_>) -> Result<Effect, InputError> {
    if let Some(tensor) = node.tensor("value")? {
        let (spec, constant) = stored(tensor)?;
        return Ok(Effect::constant(spec, constant.numbers.map(|numbers| numbers.to_vec())));
    }
    let scalar = Vec::new();
    let list = |numbers: &[f64]| vec![numbers.len() as u64];
    let (dtype, dims, numbers) = if let Some(number) = node.float("value_float")? {
        (DType::FLOAT32, scalar, vec![f64::from(number)])
    } else if let Some(number) = node.int("value_int")? {
        (DType::INT64, scalar, vec![number as f64])
    } else if let Some(numbers) = node.floats("value_floats")? {
        let numbers: Vec<_> = numbers.iter().map(|&number| f64::from(number)).collect();
        (DType::FLOAT32, list(&numbers), numbers)
    } else if let Some(numbers) = node.ints("value_ints")? {
        let numbers: Vec<_> = numbers.iter().map(|&number| number as f64).collect();
        (DType::INT64, list(&numbers), numbers)
    } else {
        return Err(InputError::at("", "has no value that is read", "give it a dense tensor of numbers"));
    };
    Ok(Effect::constant(Spec::new(dtype, dims)?, Some(numbers)))
}

/// Input: shape; attribute: the number that stands everywhere.
pub(super) fn constant_of_shape(node: &Node<'_>) -> Result<Effect, InputError> {
    let shape = node.integers("", 0)?.ok_or_else(|| node.misfit("has no shape"))?;
    let (dtype, number) = match node.tensor("value")? {
        Some(value) => {
            let (spec, constant) = stored(value)?;
            (spec.dtype, constant.numbers.and_then(|numbers| numbers.first().copied()))
        }
        None => (DType::FLOAT32, Some(0.0)),
    };
    let spec = Spec::new(dtype, sizes(&shape)?)?;
    let few = spec.elements() <= MOST_NUMBERS;
    let numbers = number.filter(|_| few).map(|number| vec![number; spec.elements() as usize]);
    Ok(Effect::constant(spec, numbers))
}

/// The sizes of the axes from `start` to `end`.
pub(super) fn shape(node: &Node<'_>) -> Result<Effect, InputError> {
    let dims = node.dims(0, 0)?;
    let rank = dims.len() as i64;
    let within = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (within(node.int_or("start", 0)?), within(node.int_or("end", rank)?));
    let numbers: Vec<_> = dims[start..end.max(start)].iter().map(|&size| size as f64).collect();
    Ok(Effect::constant(Spec::new(DType::INT64, vec![numbers.len() as u64])?, Some(numbers)))
}

/// How many numbers a tensor holds.
pub(super) fn count(node: &Node<'_>) -> Result<Effect, InputError> {
    let elements = node.input(0)?.spec.elements();
    Ok(Effect::constant(Spec::new(DType::INT64, Vec::new())?, Some(vec![elements as f64])))
}

/// Inputs: start, limit, step.
pub(super) fn range(node: &Node<'_>) -> Result<Effect, InputError> {
    let number = |index| -> Result<f64, InputError> {
        let numbers = node.numbers(index)?.filter(|numbers| numbers.len() == 1);
        numbers.map(|numbers| numbers[0]).ok_or_else(|| node.misfit("needs three numbers"))
    };
    let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
    let length = ((limit - start) / step).ceil().max(0.0);
    let length = size((length < 1e15).then_some(length as i128))?;
    let numbers = (length <= MOST_NUMBERS).then(|| (0..length).map(|at| start + at as f64 * step).collect());
    Ok(Effect::constant(Spec::new(node.input(0)?.spec.dtype, vec![length])?, numbers))
}

/// The places of the numbers that are not 0: the shape depends on the numbers, so they must be known.
pub(super) fn non_zero(node: &Node<'_>) -> Result<Effect, InputError> {
    let (dims, numbers) = (node.dims(0, 1)?, node.numbers(0)?.unwrap_or_default());
    let places: Vec<u64> = (0..).zip(numbers).filter(|(_, number)| **number != 0.0).map(|(at, _)| at).collect();
    let mut rows = Vec::new();
    for at in (0..dims.len()).filter(|_| !places.is_empty()) {
        let after: u64 = dims[at + 1..].iter().product();
        rows.extend(places.iter().map(|place| (place / after % dims[at]) as f64));
    }
    let spec = Spec::new(DType::INT64, vec![dims.len() as u64, places.len() as u64])?;
    Ok(Effect::constant(spec, Some(rows)))
}

/// Inputs: indices, how many classes, the two numbers, whose type is the output's.
pub(super) fn one_hot(node: &Node<'_>) -> Result<Effect, InputError> {
    let mut dims = node.dims(0, 0)?.to_vec();
    let depth = node.integers("", 1)?.and_then(|depth| depth.first().and_then(|&depth| u64::try_from(depth).ok()));
    let at = axis(node.int_or("axis", -1)?, dims.len() + 1)?;
    dims.insert(at, depth.ok_or_else(|| node.misfit("has no number of classes"))?);
    Ok(Effect::new(Op::Activation, Spec::new(node.input(2)?.spec.dtype, dims)?))
}
