//! Shape arithmetic: the numbers of constants that are computed from constants.
//!
//! Exporters write `Shape`, `Gather`, `Concat` and the like where the shape of a `Reshape` depends on the input's. Shapes are fixed here, so these nodes are constants. Numbers are
//! `f64`: integers up to 2^53 are exact, and integer division drops the rest. What is not computed here has unknown numbers, and is refused only where a shape depends on them.

use super::node::{Effect, Node, axis};
use super::operators::movement;
use super::tensor::{MOST_NUMBERS, Spec};
use crate::error::InputError;

/// The numbers of every output of a node whose inputs are all constant; `None` where they are not known.
pub(super) fn fold(node: &Node<'_>, effect: &Effect) -> Result<Vec<Option<Vec<f64>>>, InputError> {
    let unknown = || vec![None; effect.outputs.len()];
    let few = effect.outputs.iter().all(|output| output.elements() <= MOST_NUMBERS);
    if let Some(numbers) = &effect.numbers {
        return Ok(vec![Some(numbers.clone())]);
    }
    let inputs: Option<Vec<(&[f64], &Spec)>> =
        node.inputs.iter().flatten().map(|input| Some((input.numbers()?, &input.spec))).collect();
    let Some(inputs) = inputs.filter(|inputs| few && !inputs.is_empty()) else { return Ok(unknown()) };
    let first = inputs[0].0;
    let numbers = match node.op {
        "Identity" | "Dropout" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Some(first.to_vec()),
        "Cast" | "CastLike" => Some(cast(first, &effect.outputs[0])),
        "Floor" => Some(first.iter().map(|x| x.floor()).collect()),
        "Ceil" => Some(first.iter().map(|x| x.ceil()).collect()),
        "Sqrt" => Some(first.iter().map(|x| x.sqrt()).collect()),
        "Neg" => Some(first.iter().map(|x| -x).collect()),
        "Abs" => Some(first.iter().map(|x| x.abs()).collect()),
        "Not" => Some(first.iter().map(|x| f64::from(u8::from(*x == 0.0))).collect()),
        "Where" => Some(choose(&inputs, &effect.outputs[0])),
        "Gather" => gathered(node, &inputs, &effect.outputs[0])?,
        "Slice" => Some(sliced(node, &inputs, &effect.outputs[0])?),
        "Transpose" => Some(transposed(node, &inputs, &effect.outputs[0])?),
        "Concat" => Some(joined(node, &inputs, &effect.outputs[0])?),
        "Expand" => Some(mapped(&effect.outputs[0], |at| first[spread(at, inputs[0].1)])),
        "Split" => return split(node, &inputs, &effect.outputs),
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" if effect.outputs[0].elements() == 1 => {
            reduced(node.op, first).map(|number| vec![number])
        }
        op => binary(op, &inputs, &effect.outputs[0]),
    };
    let mut all = unknown();
    all[0] = numbers;
    Ok(all)
}

/// Numbers of another type: integers drop what is after the point, truths are 0 and 1.
fn cast(numbers: &[f64], output: &Spec) -> Vec<f64> {
    let is_bool = output.dtype.name() == "bool";
    let of = |&number: &f64| match (is_bool, output.dtype.is_float()) {
        (true, _) => f64::from(u8::from(number != 0.0)),
        (false, true) => number,
        (false, false) => number.trunc(),
    };
    numbers.iter().map(of).collect()
}

/// The numbers of a tensor, each from its place along all axes.
fn mapped(output: &Spec, number: impl Fn(&[u64]) -> f64) -> Vec<f64> {
    let mut at = vec![0; output.dims.len()];
    let mut numbers = Vec::new();
    for _ in 0..output.elements() {
        numbers.push(number(&at));
        for (place, &size) in at.iter_mut().zip(&output.dims).rev() {
            *place += 1;
            if *place < size {
                break;
            }
            *place = 0;
        }
    }
    numbers
}

/// The index of a place in a tensor.
fn index(at: impl IntoIterator<Item = u64>, dims: &[u64]) -> usize {
    at.into_iter().zip(dims).fold(0, |index, (place, size)| index * size + place) as usize
}

/// The index of a place of the output in an input that is broadcast to it.
fn spread(at: &[u64], input: &Spec) -> usize {
    let own = &at[at.len() - input.dims.len()..];
    index(own.iter().zip(&input.dims).map(|(&place, &size)| if size == 1 { 0 } else { place }), &input.dims)
}

fn choose(inputs: &[(&[f64], &Spec)], output: &Spec) -> Vec<f64> {
    let number = |at: &[u64], of: usize| inputs[of].0[spread(at, inputs[of].1)];
    mapped(output, |at| if number(at, 0) != 0.0 { number(at, 1) } else { number(at, 2) })
}

/// A function of two or more tensors, taken from the left; `None` if it is not computed here.
fn binary(op: &str, inputs: &[(&[f64], &Spec)], output: &Spec) -> Option<Vec<f64>> {
    let is_float = inputs[0].1.dtype.is_float();
    let truth = |holds: bool| f64::from(u8::from(holds));
    let of = |a: f64, b: f64| -> Option<f64> {
        Some(match op {
            "Add" | "Sum" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" if is_float => a / b,
            "Div" if b != 0.0 => (a / b).trunc(),
            "Mod" if b != 0.0 => a - b * (a / b).floor(),
            "Pow" => libm::pow(a, b),
            "Min" => a.min(b),
            "Max" => a.max(b),
            "Equal" => truth(a == b),
            "Greater" => truth(a > b),
            "GreaterOrEqual" => truth(a >= b),
            "Less" => truth(a < b),
            "LessOrEqual" => truth(a <= b),
            "And" => truth(a != 0.0 && b != 0.0),
            "Or" => truth(a != 0.0 || b != 0.0),
            _ => return None,
        })
    };
    // Whether it is computed, and never a division by 0.
    let number = |at: &[u64]| {
        let numbers = inputs.iter().map(|(numbers, spec)| numbers[spread(at, spec)]);
        let mut result = None;
        for number in numbers {
            result = Some(match result {
                None => number,
                Some(before) => of(before, number)?,
            });
        }
        result
    };
    of(1.0, 1.0)?;
    let numbers = mapped(output, |at| number(at).unwrap_or(f64::NAN));
    (inputs.len() > 1 && !numbers.iter().any(|number| number.is_nan())).then_some(numbers)
}

fn gathered(node: &Node<'_>, inputs: &[(&[f64], &Spec)], output: &Spec) -> Result<Option<Vec<f64>>, InputError> {
    let [(numbers, spec), (indices, places)] = inputs else { return Ok(None) };
    let along = axis(node.int_or("axis", 0)?, spec.dims.len())?;
    let size = spec.dims[along];
    if let Some(bad) = indices.iter().find(|&&at| !(-(size as f64)..size as f64).contains(&at)) {
        let what = format!("is {bad}, but the axis has size {size}");
        return Err(InputError::at("input 1", what, "give an index within the axis"));
    }
    let rank = places.dims.len();
    Ok(Some(mapped(output, |at| {
        let chosen = indices[index(at[along..along + rank].iter().copied(), &places.dims)];
        let chosen = if chosen < 0.0 { chosen + size as f64 } else { chosen } as u64;
        let place = at[..along].iter().copied().chain([chosen]).chain(at[along + rank..].iter().copied());
        numbers[index(place, &spec.dims)]
    })))
}

fn sliced(node: &Node<'_>, inputs: &[(&[f64], &Spec)], output: &Spec) -> Result<Vec<f64>, InputError> {
    let (numbers, spec) = inputs[0];
    let mut start: Vec<(i128, i128)> = vec![(0, 1); spec.dims.len()];
    for range in movement::ranges(node)? {
        start[range.axis] = (range.start, range.step);
    }
    Ok(mapped(output, |at| {
        let place = at.iter().zip(&start).map(|(&at, &(start, step))| (start + i128::from(at) * step) as u64);
        numbers[index(place, &spec.dims)]
    }))
}

fn transposed(node: &Node<'_>, inputs: &[(&[f64], &Spec)], output: &Spec) -> Result<Vec<f64>, InputError> {
    let (numbers, spec) = inputs[0];
    let axes = movement::permutation(node)?;
    Ok(mapped(output, |at| {
        let mut place = vec![0; at.len()];
        axes.iter().zip(at).for_each(|(&from, &at)| place[from] = at);
        numbers[index(place, &spec.dims)]
    }))
}

fn joined(node: &Node<'_>, inputs: &[(&[f64], &Spec)], output: &Spec) -> Result<Vec<f64>, InputError> {
    let along = axis(node.int_or("axis", 1)?, output.dims.len())?;
    Ok(mapped(output, |at| {
        let mut place = at.to_vec();
        for (numbers, spec) in inputs {
            if place[along] < spec.dims[along] {
                return numbers[index(place, &spec.dims)];
            }
            place[along] -= spec.dims[along];
        }
        unreachable!("the sizes of the inputs sum to the output's")
    }))
}

fn split(node: &Node<'_>, inputs: &[(&[f64], &Spec)], outputs: &[Spec]) -> Result<Vec<Option<Vec<f64>>>, InputError> {
    let (numbers, spec) = inputs[0];
    let along = axis(node.int_or("axis", 0)?, spec.dims.len())?;
    let mut before = 0;
    let mut parts = Vec::new();
    for output in outputs {
        parts.push(Some(mapped(output, |at| {
            let mut place = at.to_vec();
            place[along] += before;
            numbers[index(place, &spec.dims)]
        })));
        before += output.dims[along];
    }
    Ok(parts)
}

/// All numbers as one; `None` if there are none.
fn reduced(op: &str, numbers: &[f64]) -> Option<f64> {
    let of = |a: f64, b: f64| match op {
        "ReduceProd" => a * b,
        "ReduceSum" => a + b,
        "ReduceMax" => a.max(b),
        _ => a.min(b),
    };
    numbers.iter().copied().reduce(of)
}
