//! Stored tensors, each counted once as parameters: at the first layer that reads it.

use super::tensor::{DType, Spec};

/// All stored tensors of a file.
#[derive(Default)]
pub(super) struct Weights(Vec<Weight>);

struct Weight {
    elements: u64,
    /// Whether it may be an operator's weight: indices and masks are not learned.
    may_be_weight: bool,
    /// Whether it counts where it is merely added or multiplied: not a scalar, and not a number that a `Constant` node holds.
    may_be_term: bool,
    is_counted: bool,
}

impl Weights {
    /// The index of a new tensor; `is_stored` says that it is an initializer, or stands for one.
    pub(super) fn add(&mut self, spec: &Spec, is_stored: bool) -> usize {
        self.0.push(Weight {
            elements: spec.elements(),
            may_be_weight: ![DType::INT64, DType::BOOL].contains(&spec.dtype),
            may_be_term: is_stored && spec.dtype.is_float() && !spec.dims.is_empty(),
            is_counted: false,
        });
        self.0.len() - 1
    }

    /// The parameters that a reader adds to the count.
    pub(super) fn count(&mut self, index: usize, is_weight: bool) -> u64 {
        let weight = &mut self.0[index];
        let counts = if is_weight { weight.may_be_weight } else { weight.may_be_term };
        if weight.is_counted || !counts {
            return 0;
        }
        weight.is_counted = true;
        weight.elements
    }
}
