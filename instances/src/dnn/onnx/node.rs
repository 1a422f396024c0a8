//! A node as the rules of operators see it, and what a rule says of it.

use std::cell::Cell;
use std::collections::HashSet;

use super::schema;
use super::tensor::{DType, Spec, Tensor, cut, shown};
use crate::dnn::graph::Op;
use crate::error::InputError;

/// A node whose inputs are known.
pub(super) struct Node<'a> {
    /// Its operator.
    pub(super) op: &'a str,
    /// Its inputs; those that are left out are `None`.
    pub(super) inputs: Vec<Option<&'a Tensor>>,
    /// Which of its outputs are named.
    pub(super) outputs: Vec<bool>,
    /// How many numbers of constants its rule has read.
    pub(super) read: Cell<u64>,
    attributes: &'a [schema::Attribute],
}

/// What a node does, as its operator's rule says.
#[derive(Debug)]
pub(super) struct Effect {
    /// The kind of layer.
    pub(super) op: Op,
    /// Work, in MACs.
    pub(super) macs: u64,
    /// Type and shape of each output.
    pub(super) outputs: Vec<Spec>,
    /// Inputs that hold parameters.
    pub(super) learned: Vec<Learned>,
    /// How the outputs become layers.
    pub(super) form: Form,
    /// The numbers of the first output, where they depend on shapes alone.
    pub(super) numbers: Option<Vec<f64>>,
}

/// An input that holds parameters if it is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// Always: it is the operator's weight, whatever it was written as.
    Always(usize),
    /// If it is stored as a tensor with at least one axis: a bias or a scale; a scalar, or what a `Constant` node holds, is part of the formula.
    IfStored(usize),
}

/// How the outputs of a node become layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One layer with one output.
    Layer,
    /// A layer for each output that is read: parts of the input.
    Parts,
    /// One layer that does the work, and if more than one output is read, a layer for each that hands it on.
    Several,
    /// No layer: the output is the first input.
    Same,
    /// No layer: the output is the same for every input.
    Constant,
}

impl Effect {
    /// A layer without work or parameters.
    pub(super) fn new(op: Op, output: Spec) -> Self {
        Self { op, macs: 0, outputs: vec![output], learned: Vec::new(), form: Form::Layer, numbers: None }
    }

    /// The same with work and with what its weights are.
    pub(super) fn with(self, macs: u64, learned: &[Learned]) -> Self {
        Self { macs, learned: learned.to_vec(), ..self }
    }

    /// A constant whose numbers are known.
    pub(super) fn constant(output: Spec, numbers: Option<Vec<f64>>) -> Self {
        Self { form: Form::Constant, numbers, ..Self::new(Op::Reshape, output) }
    }
}

impl<'a> Node<'a> {
    /// A node.
    ///
    /// # Errors
    /// If an attribute is given twice or is none of `known`.
    pub(super) fn new(
        node: &'a schema::Node,
        inputs: Vec<Option<&'a Tensor>>,
        known: &[&str],
    ) -> Result<Self, InputError> {
        let mut names = HashSet::new();
        for attribute in &node.attribute {
            let place = format!("attribute '{}'", cut(&attribute.name));
            if !known.contains(&attribute.name.as_str()) {
                let remedy = match known {
                    [] => "this operator has none here".to_owned(),
                    known => format!("those known here are: {}", known.join(", ")),
                };
                return Err(InputError::at(place, "is not known", remedy));
            }
            if !names.insert(attribute.name.as_str()) {
                return Err(InputError::at(place, "is given twice", "write the file again: it is damaged"));
            }
        }
        let outputs = node.output.iter().map(|name| !name.is_empty()).collect();
        Ok(Self { op: &node.op_type, inputs, outputs, read: Cell::new(0), attributes: &node.attribute })
    }

    /// An input that must be there.
    pub(super) fn input(&self, index: usize) -> Result<&'a Tensor, InputError> {
        self.optional(index).ok_or_else(|| {
            InputError::at(format!("input {index}"), "is missing", "write the file again: the operator needs it")
        })
    }

    /// An input that may be left out.
    pub(super) fn optional(&self, index: usize) -> Option<&'a Tensor> {
        self.inputs.get(index).copied().flatten()
    }

    /// All inputs, none left out, at least one.
    pub(super) fn all(&self) -> Result<Vec<&'a Tensor>, InputError> {
        (0..self.inputs.len().max(1)).map(|index| self.input(index)).collect()
    }

    /// The axes of an input that has at least `least` of them.
    pub(super) fn dims(&self, index: usize, least: usize) -> Result<&'a [u64], InputError> {
        let dims = self.input(index)?.dims();
        if dims.len() < least {
            let what = format!("has shape {}", shown(dims));
            return Err(InputError::at(format!("input {index}"), what, format!("give it at least {least} axes")));
        }
        Ok(dims)
    }

    /// The numbers of an input that a shape depends on; `None` if it is left out.
    pub(super) fn numbers(&self, index: usize) -> Result<Option<&'a [f64]>, InputError> {
        let Some(tensor) = self.optional(index) else { return Ok(None) };
        if let Some(numbers) = tensor.numbers() {
            self.read.set(self.read.get() + numbers.len() as u64);
            return Ok(Some(numbers));
        }
        let (what, remedy) = match tensor.constant() {
            None => ("depends on the data, and the shape depends on it", "export the model with fixed shapes"),
            Some(constant) if constant.external => {
                ("is in another file, and the shape depends on it", "save the model with its small tensors inside")
            }
            Some(_) => ("has numbers that are not known, and the shape depends on them", "export with fixed shapes"),
        };
        Err(InputError::at(format!("input {index}"), what, remedy))
    }

    /// Whole numbers of an input or, in older versions, of an attribute.
    pub(super) fn integers(&self, attribute: &str, index: usize) -> Result<Option<Vec<i64>>, InputError> {
        match self.numbers(index)? {
            Some(numbers) => Ok(Some(numbers.iter().map(|&number| number as i64).collect())),
            None => self.ints(attribute),
        }
    }

    fn attribute(&self, name: &str, kind: i32, noun: &str) -> Result<Option<&'a schema::Attribute>, InputError> {
        match self.attributes.iter().find(|attribute| attribute.name == name) {
            // Files of the first version have no kinds.
            Some(attribute) if attribute.r#type != kind && attribute.r#type != 0 => {
                let what = format!("is not {noun}");
                Err(InputError::at(format!("attribute '{name}'"), what, "write the file again: it is damaged"))
            }
            found => Ok(found),
        }
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, InputError> {
        Ok(self.attribute(name, 2, "a whole number")?.map(|attribute| attribute.i))
    }

    /// A whole number with a default.
    pub(super) fn int_or(&self, name: &str, default: i64) -> Result<i64, InputError> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// A number.
    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, InputError> {
        Ok(self.attribute(name, 1, "a number")?.map(|attribute| attribute.f))
    }

    /// Whole numbers.
    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, InputError> {
        Ok(self.attribute(name, 7, "a list of whole numbers")?.map(|attribute| attribute.ints.clone()))
    }

    /// Numbers.
    pub(super) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, InputError> {
        Ok(self.attribute(name, 6, "a list of numbers")?.map(|attribute| &attribute.floats[..]))
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, InputError> {
        let found = self.attribute(name, 3, "a text")?;
        let text = found.map(|attribute| std::str::from_utf8(&attribute.s)).transpose();
        text.map_err(|_| InputError::at(format!("attribute '{name}'"), "is not UTF-8", "write the file again"))
    }

    /// A tensor.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a schema::Tensor>, InputError> {
        Ok(self.attribute(name, 4, "a tensor")?.and_then(|attribute| attribute.t.as_ref()))
    }

    /// The type that an attribute names.
    pub(super) fn dtype(&self, name: &str) -> Result<Option<DType>, InputError> {
        let code = self.int(name)?;
        code.map(DType::new).transpose().map_err(|error| error.below(format!("attribute '{name}'")))
    }

    /// An error about its shapes, which are named.
    pub(super) fn misfit(&self, what: &str) -> InputError {
        let shapes: Vec<_> = self.inputs.iter().flatten().take(4).map(|tensor| shown(tensor.dims())).collect();
        let more = if self.inputs.len() > 4 { ", ..." } else { "" };
        let what = format!("{what}: its inputs have shapes {}{more}", shapes.join(", "));
        InputError::at("", what, "check the file and the sizes of --axis")
    }
}

/// The axis of `rank` that `axis` names; negative ones are counted from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, InputError> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    from_start
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|&axis| axis < rank)
        .ok_or_else(|| InputError::at("", format!("names axis {axis} of {rank}"), "give an axis that the tensor has"))
}

/// A product that is told if it is too large for any machine.
pub(super) fn product(factors: impl IntoIterator<Item = u64>) -> Result<u64, InputError> {
    factors
        .into_iter()
        .try_fold(1u64, |product, factor| product.checked_mul(factor))
        .ok_or_else(|| InputError::at("", "has more than 2^64 MACs", "check the sizes of the inputs and of --axis"))
}

/// A size computed from sizes, which must be at least 0 and not overflow.
pub(super) fn size(computed: Option<i128>) -> Result<u64, InputError> {
    computed.and_then(|size| u64::try_from(size).ok()).ok_or_else(|| {
        InputError::at("", "computes a size that is negative or too large", "check the file and the sizes of --axis")
    })
}
