//! What several architectures use: input shapes, numbers of classes, convolutions with batch norms.

use super::super::builder::{Builder, Conv, Node};
use super::super::step::Function;

/// The shape of ImageNet's crops.
pub(super) const IMAGE: [usize; 3] = [3, 224, 224];

/// The classes of ImageNet.
pub(super) const CLASSES: usize = 1000;

/// A convolution without bias, and a batch norm.
pub(super) fn conv_norm(b: &mut Builder, at: &str, x: Node, conv: Conv) -> Node {
    let x = b.conv(&format!("{at}.conv"), x, conv.no_bias());
    b.batch_norm(&format!("{at}.bn"), x)
}

/// A convolution without bias, a batch norm and a rectifier.
pub(super) fn conv_norm_act(b: &mut Builder, at: &str, x: Node, conv: Conv) -> Node {
    conv_norm_function(b, at, x, conv, Function::Relu)
}

/// A convolution without bias, a batch norm and a function.
pub(super) fn conv_norm_function(b: &mut Builder, at: &str, x: Node, conv: Conv, function: Function) -> Node {
    let x = conv_norm(b, at, x, conv);
    b.activation(&format!("{at}.act"), x, function)
}
