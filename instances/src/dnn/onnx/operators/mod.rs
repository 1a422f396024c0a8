//! The operators that are counted: a rule and the known attributes of each.
//!
//! An attribute that is not listed is refused, since it may change what an operator does. Sources: the operators' specifications at <https://onnx.ai/onnx/operators>,
//! versions 7 to 28.

mod constants;
mod convolution;
mod elementwise;
pub(super) mod movement;
mod pooling;
mod products;
mod window;

use super::node::{Effect, Node};
use crate::error::InputError;

/// What an operator does to shapes, and what that costs.
pub(super) type Rule = fn(&Node<'_>) -> Result<Effect, InputError>;

/// A rule and the attributes that it knows.
type Row = (&'static str, Rule, &'static [&'static str]);

/// The rule of an operator, with the attributes that are known.
pub(super) fn rule(op: &str) -> Option<(Rule, Vec<&'static str>)> {
    let rows = [WEIGHTED, ELEMENTWISE, MOVING, REDUCING];
    let (_, rule, attributes) = rows.into_iter().flatten().find(|(name, ..)| *name == op)?;
    let is_windowed = WINDOWED.contains(&op);
    let window = window::ATTRIBUTES.iter().filter(|_| is_windowed);
    Some((*rule, attributes.iter().chain(window).copied().collect()))
}

/// Operators with a window, whose attributes they all have.
const WINDOWED: [&str; 7] = ["Conv", "ConvInteger", "QLinearConv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"];

/// Operators with work or learned parameters.
const WEIGHTED: &[Row] = &[
    ("Conv", convolution::conv, &["group"]),
    ("ConvInteger", convolution::conv_integer, &["group"]),
    ("QLinearConv", convolution::qlinear_conv, &["group"]),
    ("ConvTranspose", convolution::conv_transpose, &["group", "output_padding", "output_shape"]),
    ("Gemm", products::gemm, &["alpha", "beta", "transA", "transB"]),
    ("MatMul", products::matmul, &[]),
    ("MatMulInteger", products::matmul_integer, &[]),
    ("QLinearMatMul", products::qlinear_matmul, &[]),
    ("Einsum", products::einsum, &["equation"]),
    (
        "Attention",
        products::attention,
        &["is_causal", "kv_num_heads", "q_num_heads", "scale", "softcap", "softmax_precision"],
    ),
    (
        "LSTM",
        products::recurrent,
        &[
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "layout",
            "input_forget",
        ],
    ),
    (
        "GRU",
        products::recurrent,
        &[
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "layout",
            "linear_before_reset",
        ],
    ),
    (
        "RNN",
        products::recurrent,
        &["activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size", "layout"],
    ),
    ("BatchNormalization", elementwise::normalisation, &["epsilon", "momentum", "spatial", "training_mode"]),
    ("LayerNormalization", elementwise::normalisation, &["axis", "epsilon", "stash_type"]),
    ("RMSNormalization", elementwise::normalisation, &["axis", "epsilon", "stash_type"]),
    ("GroupNormalization", elementwise::normalisation, &["epsilon", "num_groups", "stash_type"]),
    ("InstanceNormalization", elementwise::normalisation, &["epsilon"]),
    ("PRelu", elementwise::prelu, &[]),
];

/// Operators on numbers one by one, and those that keep the shape.
const ELEMENTWISE: &[Row] = &[
    ("Identity", elementwise::same, &[]),
    ("Dropout", elementwise::same, &["ratio", "seed"]),
    ("LRN", elementwise::plain_norm, &["alpha", "beta", "bias", "size"]),
    ("LpNormalization", elementwise::plain_norm, &["axis", "p"]),
    ("MeanVarianceNormalization", elementwise::plain_norm, &["axes"]),
    ("Relu", elementwise::activation, &[]),
    ("Sigmoid", elementwise::activation, &[]),
    ("Tanh", elementwise::activation, &[]),
    ("Softplus", elementwise::activation, &[]),
    ("Softsign", elementwise::activation, &[]),
    ("HardSwish", elementwise::activation, &[]),
    ("Mish", elementwise::activation, &[]),
    ("Erf", elementwise::activation, &[]),
    ("Exp", elementwise::activation, &[]),
    ("Log", elementwise::activation, &[]),
    ("Sqrt", elementwise::activation, &[]),
    ("Reciprocal", elementwise::activation, &[]),
    ("Neg", elementwise::activation, &[]),
    ("Abs", elementwise::activation, &[]),
    ("Floor", elementwise::activation, &[]),
    ("Ceil", elementwise::activation, &[]),
    ("Round", elementwise::activation, &[]),
    ("Sign", elementwise::activation, &[]),
    ("Sin", elementwise::activation, &[]),
    ("Cos", elementwise::activation, &[]),
    ("Tan", elementwise::activation, &[]),
    ("Asin", elementwise::activation, &[]),
    ("Acos", elementwise::activation, &[]),
    ("Atan", elementwise::activation, &[]),
    ("Sinh", elementwise::activation, &[]),
    ("Cosh", elementwise::activation, &[]),
    ("Asinh", elementwise::activation, &[]),
    ("Acosh", elementwise::activation, &[]),
    ("Atanh", elementwise::activation, &[]),
    ("Not", elementwise::activation, &[]),
    ("BitwiseNot", elementwise::activation, &[]),
    ("LeakyRelu", elementwise::activation, &["alpha"]),
    ("Elu", elementwise::activation, &["alpha"]),
    ("Celu", elementwise::activation, &["alpha"]),
    ("ThresholdedRelu", elementwise::activation, &["alpha"]),
    ("Swish", elementwise::activation, &["alpha"]),
    ("Selu", elementwise::activation, &["alpha", "gamma"]),
    ("HardSigmoid", elementwise::activation, &["alpha", "beta"]),
    ("Gelu", elementwise::activation, &["approximate"]),
    ("Clip", elementwise::activation, &["max", "min"]),
    ("Shrink", elementwise::activation, &["bias", "lambd"]),
    ("Softmax", elementwise::activation, &["axis"]),
    ("LogSoftmax", elementwise::activation, &["axis"]),
    ("Hardmax", elementwise::activation, &["axis"]),
    ("CumSum", elementwise::activation, &["exclusive", "reverse"]),
    ("Trilu", elementwise::activation, &["upper"]),
    ("IsNaN", elementwise::predicate, &[]),
    ("IsInf", elementwise::predicate, &["detect_negative", "detect_positive"]),
    ("Add", elementwise::sum, &[]),
    ("Sub", elementwise::sum, &[]),
    ("Sum", elementwise::sum, &[]),
    ("Mul", elementwise::mul, &[]),
    ("Div", elementwise::mul, &[]),
    ("Pow", elementwise::function, &[]),
    ("Min", elementwise::function, &[]),
    ("Max", elementwise::function, &[]),
    ("Mean", elementwise::function, &[]),
    ("And", elementwise::comparison, &[]),
    ("Or", elementwise::comparison, &[]),
    ("Xor", elementwise::comparison, &[]),
    ("BitwiseAnd", elementwise::function, &[]),
    ("BitwiseOr", elementwise::function, &[]),
    ("BitwiseXor", elementwise::function, &[]),
    ("Mod", elementwise::function, &["fmod"]),
    ("Equal", elementwise::comparison, &[]),
    ("Greater", elementwise::comparison, &[]),
    ("GreaterOrEqual", elementwise::comparison, &[]),
    ("Less", elementwise::comparison, &[]),
    ("LessOrEqual", elementwise::comparison, &[]),
    ("Where", elementwise::choose, &[]),
    ("Cast", elementwise::cast, &["round_mode", "saturate", "to"]),
    ("CastLike", elementwise::cast_like, &["round_mode", "saturate"]),
    ("QuantizeLinear", elementwise::quantize, &["axis", "block_size", "output_dtype", "precision", "saturate"]),
    ("DequantizeLinear", elementwise::dequantize, &["axis", "block_size", "output_dtype"]),
    ("DynamicQuantizeLinear", elementwise::dynamic_quantize, &[]),
];

/// Operators that move numbers, and constants.
const MOVING: &[Row] = &[
    ("Reshape", movement::reshape, &["allowzero", "shape"]),
    ("Flatten", movement::flatten, &["axis"]),
    ("Squeeze", movement::squeeze, &["axes"]),
    ("Unsqueeze", movement::unsqueeze, &["axes"]),
    ("Transpose", movement::transpose, &["perm"]),
    ("Slice", movement::slice, &["axes", "ends", "starts"]),
    ("Split", movement::split, &["axis", "num_outputs", "split"]),
    ("Concat", movement::concat, &["axis"]),
    ("Gather", movement::gather, &["axis"]),
    ("GatherElements", movement::gather_elements, &["axis"]),
    ("GatherND", movement::gather_nd, &["batch_dims"]),
    ("ScatterElements", movement::scatter, &["axis", "reduction"]),
    ("ScatterND", movement::scatter, &["reduction"]),
    ("Expand", movement::expand, &[]),
    ("Tile", movement::tile, &[]),
    ("Pad", movement::pad, &["mode", "pads", "value"]),
    ("DepthToSpace", movement::depth_to_space, &["blocksize", "mode"]),
    ("SpaceToDepth", movement::space_to_depth, &["blocksize", "mode"]),
    ("Constant", constants::constant, &["value", "value_float", "value_floats", "value_int", "value_ints"]),
    ("ConstantOfShape", constants::constant_of_shape, &["value"]),
    ("Shape", constants::shape, &["end", "start"]),
    ("Size", constants::count, &[]),
    ("Range", constants::range, &[]),
    ("NonZero", constants::non_zero, &[]),
    ("OneHot", constants::one_hot, &["axis"]),
];

/// Operators that reduce images or axes, and resize them.
const REDUCING: &[Row] = &[
    ("MaxPool", pooling::pool, &["ceil_mode", "storage_order"]),
    ("AveragePool", pooling::pool, &["ceil_mode", "count_include_pad"]),
    ("LpPool", pooling::pool, &["ceil_mode", "p"]),
    ("GlobalAveragePool", pooling::global_pool, &[]),
    ("GlobalMaxPool", pooling::global_pool, &[]),
    ("GlobalLpPool", pooling::global_pool, &["p"]),
    ("ReduceL1", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceL2", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceLogSum", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceLogSumExp", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMax", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMean", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceMin", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceProd", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceSum", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ReduceSumSquare", pooling::reduce, &["axes", "keepdims", "noop_with_empty_axes"]),
    ("ArgMax", pooling::arg, &["axis", "keepdims", "select_last_index"]),
    ("ArgMin", pooling::arg, &["axis", "keepdims", "select_last_index"]),
    ("TopK", pooling::top_k, &["axis", "k", "largest", "sorted"]),
    (
        "Resize",
        pooling::resize,
        &[
            "antialias",
            "axes",
            "coordinate_transformation_mode",
            "cubic_coeff_a",
            "exclude_outside",
            "extrapolation_value",
            "keep_aspect_ratio_policy",
            "mode",
            "nearest_mode",
        ],
    ),
    ("Upsample", pooling::resize, &["mode", "scales"]),
];
