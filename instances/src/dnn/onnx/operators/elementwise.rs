//! Functions of numbers one by one, normalisations, and functions along an axis that keep the shape. They count no MACs.

use super::super::node::{Effect, Form, Learned, Node};
use super::super::tensor::{DType, Spec, broadcast};
use crate::dnn::graph::Op;
use crate::error::InputError;

/// A function of one tensor, to the same shape and type. Further inputs are bounds and the like.
pub(super) fn activation(node: &Node<'_>) -> Result<Effect, InputError> {
    Ok(Effect::new(Op::Activation, node.input(0)?.spec.clone()))
}

/// The same with a result that is true or false.
pub(super) fn predicate(node: &Node<'_>) -> Result<Effect, InputError> {
    Ok(Effect::new(Op::Activation, Spec::new(DType::BOOL, node.dims(0, 0)?.to_vec())?))
}

/// Removed: the output is the input. A second output, the mask of Dropout, is of training alone.
pub(super) fn same(node: &Node<'_>) -> Result<Effect, InputError> {
    let training = node.numbers(2)?.is_some_and(|numbers| numbers.iter().any(|&number| number != 0.0));
    if training && node.op == "Dropout" {
        return Err(InputError::at("", "is in training mode", "export the model for inference"));
    }
    Ok(Effect { form: Form::Same, ..Effect::new(Op::Reshape, node.input(0)?.spec.clone()) })
}

/// A function of several tensors, broadcast: sums.
pub(super) fn sum(node: &Node<'_>) -> Result<Effect, InputError> {
    combined(node, Op::Add, None)
}

/// A function of several tensors, broadcast: products and quotients.
pub(super) fn mul(node: &Node<'_>) -> Result<Effect, InputError> {
    combined(node, Op::Mul, None)
}

/// A function of several tensors, broadcast: anything else.
pub(super) fn function(node: &Node<'_>) -> Result<Effect, InputError> {
    combined(node, Op::Activation, None)
}

/// A comparison of two tensors.
pub(super) fn comparison(node: &Node<'_>) -> Result<Effect, InputError> {
    combined(node, Op::Activation, Some(DType::BOOL))
}

fn combined(node: &Node<'_>, op: Op, dtype: Option<DType>) -> Result<Effect, InputError> {
    let inputs = node.all()?;
    let dims = broadcast(inputs.iter().map(|tensor| tensor.dims()));
    let dims = dims.ok_or_else(|| node.misfit("combines tensors that do not fit"))?;
    let output = Spec::new(dtype.unwrap_or(inputs[0].spec.dtype), dims)?;
    let learned: Vec<_> = (0..inputs.len()).map(Learned::IfStored).collect();
    Ok(Effect::new(op, output).with(0, &learned))
}

/// Inputs: condition, and what stands where it holds and where it does not.
pub(super) fn choose(node: &Node<'_>) -> Result<Effect, InputError> {
    let inputs = [node.input(0)?, node.input(1)?, node.input(2)?];
    let dims = broadcast(inputs.iter().map(|tensor| tensor.dims()));
    let dims = dims.ok_or_else(|| node.misfit("combines tensors that do not fit"))?;
    Ok(Effect::new(Op::Activation, Spec::new(inputs[1].spec.dtype, dims)?))
}

/// Inputs: tensor, slope.
pub(super) fn prelu(node: &Node<'_>) -> Result<Effect, InputError> {
    node.input(1)?;
    Ok(activation(node)?.with(0, &[Learned::Always(1)]))
}

/// A normalisation without parameters.
pub(super) fn plain_norm(node: &Node<'_>) -> Result<Effect, InputError> {
    Ok(Effect::new(Op::Norm, node.input(0)?.spec.clone()))
}

/// A normalisation with a scale and a shift, which are learned; further inputs are running statistics, which are not.
pub(super) fn normalisation(node: &Node<'_>) -> Result<Effect, InputError> {
    if node.int_or("training_mode", 0)? != 0 {
        return Err(InputError::at("attribute 'training_mode'", "is not 0", "export the model for inference"));
    }
    let effect = Effect::new(Op::Norm, node.input(0)?.spec.clone());
    Ok(effect.with(0, &[Learned::Always(1), Learned::Always(2)]))
}

/// A change of type.
pub(super) fn cast(node: &Node<'_>) -> Result<Effect, InputError> {
    let dtype = node.dtype("to")?.ok_or_else(|| InputError::at("attribute 'to'", "is missing", "name a type"))?;
    Ok(Effect::new(Op::Activation, Spec::new(dtype, node.dims(0, 0)?.to_vec())?))
}

/// A change to the type of the second input.
pub(super) fn cast_like(node: &Node<'_>) -> Result<Effect, InputError> {
    Ok(Effect::new(Op::Activation, Spec::new(node.input(1)?.spec.dtype, node.dims(0, 0)?.to_vec())?))
}

/// Inputs: tensor, scale, zero point, whose type is the output's.
pub(super) fn quantize(node: &Node<'_>) -> Result<Effect, InputError> {
    let dtype = match (node.optional(2), node.int_or("output_dtype", 0)?) {
        (Some(zero), _) => zero.spec.dtype,
        (None, 0) => DType::UINT8,
        (None, _) => node.dtype("output_dtype")?.unwrap_or(DType::UINT8),
    };
    Ok(Effect::new(Op::Activation, Spec::new(dtype, node.dims(0, 0)?.to_vec())?))
}

/// Inputs: tensor, scale, whose type is the output's, zero point.
pub(super) fn dequantize(node: &Node<'_>) -> Result<Effect, InputError> {
    let dtype = match node.int_or("output_dtype", 0)? {
        0 => node.input(1)?.spec.dtype,
        _ => node.dtype("output_dtype")?.unwrap_or(DType::FLOAT32),
    };
    Ok(Effect::new(Op::Activation, Spec::new(dtype, node.dims(0, 0)?.to_vec())?))
}

/// Outputs: the quantised tensor, its scale, its zero point.
pub(super) fn dynamic_quantize(node: &Node<'_>) -> Result<Effect, InputError> {
    let output = Spec::new(DType::UINT8, node.dims(0, 0)?.to_vec())?;
    let outputs = vec![output.clone(), Spec::new(DType::FLOAT32, Vec::new())?, Spec::new(DType::UINT8, Vec::new())?];
    Ok(Effect { outputs, form: Form::Several, ..Effect::new(Op::Activation, output) })
}
