//! What is known of a tensor while a file is read: its type, its shape, and its numbers where shapes may depend on them.

use std::rc::Rc;

use prost::bytes::{Buf, Bytes};
use prost::encoding::decode_varint;

use super::schema;
use crate::error::InputError;

/// Computed constants with more numbers are known by their shape alone.
pub(super) const MOST_NUMBERS: u64 = 1 << 16;

/// Stored tensors with more numbers are known by their shape alone: integers, and others. Shapes depend on few numbers, and most others are weights.
const MOST_STORED: [u64; 2] = [4096, 64];

/// Tensors have at most this many axes.
pub(super) const MOST_AXES: usize = 32;

/// Tensors have at most this many numbers, so that sizes are exact as `f64`.
const MOST_ELEMENTS: u64 = 1 << 50;

/// The type of a tensor's numbers: the code of ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DType(i32);

/// Name, size in bits and kind of every type that has a size, by its code.
const TYPES: [(i32, &str, u64, Kind); 23] = [
    (1, "float32", 32, Kind::Float),
    (2, "uint8", 8, Kind::Integer),
    (3, "int8", 8, Kind::Integer),
    (4, "uint16", 16, Kind::Integer),
    (5, "int16", 16, Kind::Integer),
    (6, "int32", 32, Kind::Integer),
    (7, "int64", 64, Kind::Integer),
    (9, "bool", 8, Kind::Integer),
    (10, "float16", 16, Kind::Float),
    (11, "float64", 64, Kind::Float),
    (12, "uint32", 32, Kind::Integer),
    (13, "uint64", 64, Kind::Integer),
    (14, "complex64", 64, Kind::Float),
    (15, "complex128", 128, Kind::Float),
    (16, "bfloat16", 16, Kind::Float),
    (17, "float8e4m3fn", 8, Kind::Float),
    (18, "float8e4m3fnuz", 8, Kind::Float),
    (19, "float8e5m2", 8, Kind::Float),
    (20, "float8e5m2fnuz", 8, Kind::Float),
    (21, "uint4", 4, Kind::Integer),
    (22, "int4", 4, Kind::Integer),
    (23, "float4e2m1", 4, Kind::Float),
    (24, "float8e8m0", 8, Kind::Float),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Float,
    Integer,
}

impl DType {
    pub(super) const FLOAT32: Self = Self(1);
    pub(super) const UINT8: Self = Self(2);
    pub(super) const INT32: Self = Self(6);
    pub(super) const INT64: Self = Self(7);
    pub(super) const BOOL: Self = Self(9);

    /// The type of the given code.
    pub(super) fn new(code: i64) -> Result<Self, InputError> {
        let known = TYPES.iter().find(|(known, ..)| i64::from(*known) == code);
        known.map(|(code, ..)| Self(*code)).ok_or_else(|| {
            let what = match code {
                0 => "has no type".to_owned(),
                8 => "is a tensor of strings".to_owned(),
                code => format!("has type {code}, which is not known"),
            };
            InputError::at("", what, "give a tensor of numbers, in a type of ONNX that has a size")
        })
    }

    fn row(self) -> &'static (i32, &'static str, u64, Kind) {
        TYPES.iter().find(|(code, ..)| *code == self.0).expect("types are made by their code")
    }

    /// Its name, as in numpy.
    pub(super) fn name(self) -> &'static str {
        self.row().1
    }

    /// Whether it holds learned numbers; integers are indices, masks and sizes, or quantised.
    pub(super) fn is_float(self) -> bool {
        self.row().3 == Kind::Float
    }

    /// Size of so many numbers, in whole bytes.
    pub(super) fn bytes(self, elements: u64) -> u64 {
        (elements * self.row().2).div_ceil(8)
    }
}

/// A tensor of which nothing but type and shape is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    pub(super) dtype: DType,
    pub(super) dims: Vec<u64>,
}

impl Spec {
    /// A tensor of the given type and shape.
    ///
    /// # Errors
    /// If it has too many axes or numbers.
    pub(super) fn new(dtype: DType, dims: Vec<u64>) -> Result<Self, InputError> {
        if dims.len() > MOST_AXES {
            let what = format!("has a tensor of {} axes", dims.len());
            return Err(InputError::at("", what, format!("at most {MOST_AXES} are read")));
        }
        let elements = dims.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
        if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
            let what = format!("has a tensor of shape {}, more than 2^50 numbers", shown(&dims));
            return Err(InputError::at("", what, "check the sizes of the inputs and of --axis"));
        }
        Ok(Self { dtype, dims })
    }

    /// How many numbers it holds.
    pub(super) fn elements(&self) -> u64 {
        self.dims.iter().product()
    }

    /// Its size, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.dtype.bytes(self.elements())
    }
}

/// A shape in brackets.
pub(super) fn shown(dims: &[u64]) -> String {
    listed(dims)
}

/// The first of a list's entries in brackets: a list may be as long as the file.
pub(super) fn listed<T: std::fmt::Debug>(entries: &[T]) -> String {
    const LONGEST: usize = 8;
    match entries.get(..LONGEST) {
        Some(first) if entries.len() > LONGEST => {
            let first = format!("{first:?}");
            format!("{}, ...]", &first[..first.len() - 1])
        }
        _ => format!("{entries:?}"),
    }
}

/// The beginning of a name: it may be as long as the file.
pub(super) fn cut(name: &str) -> String {
    const LONGEST: usize = 120;
    match name.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", &name[..at]),
        None => name.to_owned(),
    }
}

/// A tensor while a file is read.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) spec: Spec,
    pub(super) source: Source,
}

/// Where a tensor comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It is the output of a layer.
    Layer(usize),
    /// It is the same for every input.
    Constant(Constant),
}

/// What is known of a constant.
#[derive(Clone, Debug, Default)]
pub(super) struct Constant {
    /// Its numbers, if they are few and known. Integers beyond 2^53 are rounded: they stand for "to the end".
    pub(super) numbers: Option<Rc<[f64]>>,
    /// The stored tensors that it is made of, as indices into the reader's list of them.
    pub(super) weights: Vec<usize>,
    /// Why its numbers are not known, if it is a stored tensor.
    pub(super) external: bool,
}

impl Tensor {
    /// The constant that it is.
    pub(super) fn constant(&self) -> Option<&Constant> {
        match &self.source {
            Source::Constant(constant) => Some(constant),
            Source::Layer(_) => None,
        }
    }

    /// Its numbers, if they are known.
    pub(super) fn numbers(&self) -> Option<&[f64]> {
        self.constant().and_then(|constant| constant.numbers.as_deref())
    }

    pub(super) fn dims(&self) -> &[u64] {
        &self.spec.dims
    }
}

/// A stored tensor: its type and shape, and its numbers if they are few.
///
/// # Errors
/// If its type or shape is not one, or its contents are not of this type and shape.
pub(super) fn stored(tensor: &schema::Tensor) -> Result<(Spec, Constant), InputError> {
    let dims = sizes(&tensor.dims)?;
    let spec = Spec::new(DType::new(tensor.data_type.into())?, dims)?;
    let external = tensor.data_location == 1;
    let most = MOST_STORED[usize::from(![DType::INT32, DType::INT64].contains(&spec.dtype))];
    let numbers = if external || spec.elements() > most { None } else { numbers(tensor, &spec)? };
    Ok((spec, Constant { numbers: numbers.map(Into::into), weights: Vec::new(), external }))
}

/// Sizes of axes, none negative.
pub(super) fn sizes(dims: &[i64]) -> Result<Vec<u64>, InputError> {
    let size = |&size: &i64| {
        u64::try_from(size).map_err(|_| {
            InputError::at("", format!("has a shape with a size of {size}"), "give sizes that are not negative")
        })
    };
    dims.iter().map(size).collect()
}

/// The numbers of a tensor; nothing if its type is one whose numbers no shape depends on.
fn numbers(tensor: &schema::Tensor, spec: &Spec) -> Result<Option<Vec<f64>>, InputError> {
    let raw = |width: usize, of: fn(&[u8]) -> f64| {
        let bytes = tensor.raw_data.as_ref()?;
        (bytes.len() % width == 0).then(|| bytes.chunks_exact(width).map(of).collect::<Vec<_>>())
    };
    let fixed = |parts: &[Bytes], width: usize, of: fn(&[u8]) -> f64| -> Vec<f64> {
        parts.iter().flat_map(|part| part.chunks_exact(width)).map(of).collect()
    };
    let float = |bytes: &[u8]| f64::from(f32::from_le_bytes(bytes.try_into().expect("chunks of 4 bytes")));
    let double = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("chunks of 8 bytes"));
    let long = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("chunks of 8 bytes")) as f64;
    let int = |bytes: &[u8]| f64::from(i32::from_le_bytes(bytes.try_into().expect("chunks of 4 bytes")));
    let decoded = match (spec.dtype.0, tensor.raw_data.is_some()) {
        (1, true) => raw(4, float),
        (1, false) => Some(fixed(&tensor.float_data, 4, float)),
        (11, true) => raw(8, double),
        (11, false) => Some(fixed(&tensor.double_data, 8, double)),
        (7, true) => raw(8, long),
        (7, false) => varints(&tensor.int64_data),
        (6, true) => raw(4, int),
        (2 | 9, true) => raw(1, |byte| f64::from(byte[0])),
        (3, true) => raw(1, |byte| f64::from(byte[0] as i8)),
        (2 | 3 | 6 | 9, false) => varints(&tensor.int32_data),
        _ => return Ok(None),
    };
    match decoded {
        Some(numbers) if numbers.len() as u64 == spec.elements() => Ok(Some(numbers)),
        // Contents that are left out altogether are those of a model without weights.
        Some(numbers) if numbers.is_empty() => Ok(None),
        _ => {
            let what = format!("does not hold the {} numbers of shape {}", spec.elements(), shown(&spec.dims));
            Err(InputError::at("", what, "write the file again: it is damaged"))
        }
    }
}

/// Packed integers; nothing if they are cut short.
fn varints(parts: &[Bytes]) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    for part in parts {
        let mut part = part.clone();
        while part.has_remaining() && numbers.len() as u64 <= MOST_STORED[0] {
            numbers.push(decode_varint(&mut part).ok()? as i64 as f64);
        }
    }
    Some(numbers)
}

/// The shape of tensors that are combined number by number: axes are compared from the last one, and a size of 1 fits every size. Nothing if they do not fit.
pub(super) fn broadcast<'a>(shapes: impl IntoIterator<Item = &'a [u64]>) -> Option<Vec<u64>> {
    shapes.into_iter().try_fold(Vec::new(), |all: Vec<u64>, dims| {
        let (long, short) = if all.len() >= dims.len() { (&all[..], dims) } else { (dims, &all[..]) };
        let before = long.len() - short.len();
        let size = |(at, &size): (usize, &u64)| match at.checked_sub(before).map(|at| short[at]) {
            None | Some(1) => Some(size),
            Some(other) if other == size || size == 1 => Some(other),
            Some(_) => None,
        };
        long.iter().enumerate().map(size).collect()
    })
}
