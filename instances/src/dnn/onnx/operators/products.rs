//! Products of matrices, attention, recurrent layers.
//!
//! A product of p matrices m x k by k x n has p m k n MACs. It is a linear layer if one side is constant.

use std::collections::BTreeMap;

use super::super::node::{Effect, Form, Learned, Node, product};
use super::super::tensor::{DType, Spec, broadcast, cut};
use crate::dnn::graph::Op;
use crate::error::InputError;

/// Inputs: matrices A and B, and C that is added.
pub(super) fn gemm(node: &Node<'_>) -> Result<Effect, InputError> {
    let ((m, k), (inner, n)) = (side(node, 0, "transA")?, side(node, 1, "transB")?);
    if k != inner {
        return Err(node.misfit("multiplies matrices that do not fit"));
    }
    let output = vec![m, n];
    let added = node.optional(2).map_or(&[][..], |added| added.dims());
    if broadcast([&output[..], added]).as_deref() != Some(&output[..]) {
        return Err(node.misfit("adds a matrix that does not fit"));
    }
    let learned = [Learned::Always(0), Learned::Always(1), Learned::Always(2)];
    Ok(Effect::new(kind(node, 0, 1), Spec::new(node.input(0)?.spec.dtype, output)?).with(product([m, k, n])?, &learned))
}

/// Rows and columns of a matrix, transposed if the attribute says so.
fn side(node: &Node<'_>, input: usize, flag: &str) -> Result<(u64, u64), InputError> {
    match (node.dims(input, 2)?, node.int_or(flag, 0)?) {
        (&[rows, columns], 0) => Ok((rows, columns)),
        (&[rows, columns], _) => Ok((columns, rows)),
        _ => Err(node.misfit("multiplies what is no matrix")),
    }
}

/// A linear layer if one side is constant.
fn kind(node: &Node<'_>, left: usize, right: usize) -> Op {
    let is_constant = |input| node.optional(input).is_some_and(|tensor| tensor.constant().is_some());
    if is_constant(left) || is_constant(right) { Op::Linear } else { Op::MatMul }
}

/// Inputs: A and B.
pub(super) fn matmul(node: &Node<'_>) -> Result<Effect, InputError> {
    matrices(node, [0, 1], node.input(0)?.spec.dtype)
}

/// Inputs: A and B, their zero points.
pub(super) fn matmul_integer(node: &Node<'_>) -> Result<Effect, InputError> {
    matrices(node, [0, 1], DType::INT32)
}

/// Inputs: A, scale, zero point, the same of B, scale and zero point of the output.
pub(super) fn qlinear_matmul(node: &Node<'_>) -> Result<Effect, InputError> {
    matrices(node, [0, 3], node.input(7)?.spec.dtype)
}

/// numpy.matmul: the last two axes are matrices, a vector is a row at the left and a column at the right.
fn matrices(node: &Node<'_>, [left, right]: [usize; 2], dtype: DType) -> Result<Effect, InputError> {
    let (a, b) = (node.dims(left, 1)?, node.dims(right, 1)?);
    let (rows, columns) = (&a[..a.len().saturating_sub(2)], &b[..b.len().saturating_sub(2)]);
    let (m, k) = (if a.len() > 1 { a[a.len() - 2] } else { 1 }, a[a.len() - 1]);
    let (inner, n) = if b.len() > 1 { (b[b.len() - 2], b[b.len() - 1]) } else { (b[0], 1) };
    let Some(batch) = broadcast([rows, columns]).filter(|_| inner == k) else {
        return Err(node.misfit("multiplies matrices that do not fit"));
    };
    let macs = product(batch.iter().copied().chain([m, k, n]))?;
    let mut output = batch;
    output.extend((a.len() > 1).then_some(m));
    output.extend((b.len() > 1).then_some(n));
    let learned = [Learned::Always(left), Learned::Always(right)];
    Ok(Effect::new(kind(node, left, right), Spec::new(dtype, output)?).with(macs, &learned))
}

/// Einsum of one or two tensors, each of whose axes has a letter of its own: MACs are the product of the sizes of all letters. With one tensor nothing is multiplied.
pub(super) fn einsum(node: &Node<'_>) -> Result<Effect, InputError> {
    let equation: String = node.text("equation")?.unwrap_or_default().chars().filter(|c| *c != ' ').collect();
    let refused = |what: &str| {
        let what = format!("is '{}': {what}", cut(&equation));
        InputError::at("attribute 'equation'", what, "export it as MatMul, Transpose and ReduceSum")
    };
    let (inputs, output) = equation.split_once("->").ok_or_else(|| refused("only equations with -> are counted"))?;
    let terms: Vec<&str> = inputs.split(',').collect();
    let tensors = node.all()?;
    if terms.len() != tensors.len() || terms.len() > 2 {
        return Err(refused("only products of one or two tensors are counted"));
    }
    let mut sizes = BTreeMap::new();
    for (term, tensor) in terms.iter().zip(&tensors) {
        if term.len() != tensor.dims().len() || !term.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(refused("a term needs a letter for each axis"));
        }
        for (at, (letter, &size)) in term.bytes().zip(tensor.dims()).enumerate() {
            if term.as_bytes()[..at].contains(&letter) {
                return Err(refused("a letter stands twice in a term"));
            }
            if *sizes.entry(letter).or_insert(size) != size {
                return Err(node.misfit("has a letter of two sizes"));
            }
        }
    }
    let dims = output.bytes().map(|letter| sizes.get(&letter).copied());
    let dims = dims.collect::<Option<Vec<_>>>().ok_or_else(|| refused("the output has a letter of no input"))?;
    let output = Spec::new(tensors[0].spec.dtype, dims)?;
    if tensors.len() == 1 {
        return Ok(Effect::new(Op::Reshape, output));
    }
    let macs = product(sizes.into_values())?;
    Ok(Effect::new(kind(node, 0, 1), output).with(macs, &[Learned::Always(0), Learned::Always(1)]))
}

/// Inputs: queries, keys, values, mask. Scores and weighted sums: queries times keys times their width each.
pub(super) fn attention(node: &Node<'_>) -> Result<Effect, InputError> {
    let past = (4..node.inputs.len()).any(|input| node.optional(input).is_some());
    if past {
        return Err(InputError::at("", "has a cache of keys and values", "export the model without a cache"));
    }
    let heads = |input: usize, name: &str| -> Result<[u64; 4], InputError> {
        match *node.dims(input, 3)? {
            [batch, heads, positions, width] => Ok([batch, heads, positions, width]),
            [batch, positions, width] => match u64::try_from(node.int_or(name, 0)?) {
                Ok(heads) if heads > 0 && width % heads == 0 => Ok([batch, heads, positions, width / heads]),
                _ => Err(node.misfit(&format!("has no {name} that fits"))),
            },
            _ => Err(node.misfit("needs 3 or 4 axes")),
        }
    };
    let [q, k, v] = [heads(0, "q_num_heads")?, heads(1, "kv_num_heads")?, heads(2, "kv_num_heads")?];
    let fits = q[0] == k[0] && k[0] == v[0] && k[1] == v[1] && k[2] == v[2] && q[3] == k[3] && k[1] > 0;
    if !fits || q[1] % k[1] != 0 {
        return Err(node.misfit("has queries, keys and values that do not fit"));
    }
    let [scores, sums] = [product([q[0], q[1], q[2], k[2], q[3]])?, product([q[0], q[1], q[2], k[2], v[3]])?];
    let macs = scores.checked_add(sums).ok_or_else(|| node.misfit("has more than 2^64 MACs"))?;
    let output = if node.dims(0, 3)?.len() == 4 {
        vec![q[0], q[1], q[2], v[3]]
    } else {
        vec![q[0], q[2], product([q[1], v[3]])?]
    };
    Ok(Effect::new(Op::MatMul, Spec::new(node.input(0)?.spec.dtype, output)?).with(macs, &[]))
}

/// LSTM, GRU, RNN. Inputs: sequence, weights, recurrent weights, biases, lengths, first states, peepholes. Each weight is used once a step and sample.
pub(super) fn recurrent(node: &Node<'_>) -> Result<Effect, InputError> {
    if node.int_or("layout", 0)? != 0 {
        return Err(InputError::at("attribute 'layout'", "is not 0", "export with the steps first"));
    }
    let (&[steps, batch, width], &[ways, gates, inner]) = (node.dims(0, 3)?, node.dims(1, 3)?) else {
        return Err(node.misfit("needs 3 axes"));
    };
    let &[ways_again, gates_again, hidden] = node.dims(2, 3)? else { return Err(node.misfit("needs 3 axes")) };
    let gates_of = match node.op {
        "LSTM" => 4,
        "GRU" => 3,
        _ => 1,
    };
    if width != inner || ways != ways_again || gates != gates_again || Some(gates) != hidden.checked_mul(gates_of) {
        return Err(node.misfit("does not fit its weights"));
    }
    let per_step = product([ways, gates, inner])?.checked_add(product([ways, gates, hidden])?);
    let macs = product([steps, batch, per_step.ok_or_else(|| node.misfit("has more than 2^64 MACs"))?])?;
    let dtype = node.input(0)?.spec.dtype;
    let state = || Spec::new(dtype, vec![ways, batch, hidden]);
    let mut outputs = vec![Spec::new(dtype, vec![steps, ways, batch, hidden])?, state()?];
    if node.op == "LSTM" {
        outputs.push(state()?);
    }
    let learned = [Learned::Always(1), Learned::Always(2), Learned::Always(3), Learned::Always(7)];
    let effect = Effect::new(Op::Linear, outputs[0].clone()).with(macs, &learned);
    Ok(Effect { outputs, form: Form::Several, ..effect })
}
