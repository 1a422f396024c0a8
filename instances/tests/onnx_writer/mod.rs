//! ONNX files written byte by byte, without the reader's own schema: what tests of the reader read.
//!
//! Numbers of fields are those of `onnx.proto`.

#![allow(dead_code)]

/// The type of float32 tensors.
pub const FLOAT: u64 = 1;
/// The type of uint8 tensors.
pub const UINT8: u64 = 2;
/// The type of int8 tensors.
pub const INT8: u64 = 3;
/// The type of int64 tensors.
pub const INT64: u64 = 7;
/// The type of float16 tensors.
pub const FLOAT16: u64 = 10;

/// A whole number in base 128, the lowest digit first.
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field that is a number.
pub fn number(tag: u64, value: i64) -> Vec<u8> {
    [varint(tag << 3), varint(value as u64)].concat()
}

/// A field with a length: a text, bytes or a message.
pub fn field(tag: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [&varint(tag << 3 | 2), &varint(content.len() as u64), content].concat()
}

/// A value of an attribute.
#[derive(Clone, Debug)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A text.
    Text(&'static str),
    /// A tensor.
    Tensor(Vec<u8>),
    /// A subgraph.
    Graph(Vec<u8>),
}

/// An attribute of a node.
pub fn attribute(name: &str, value: &Value) -> Vec<u8> {
    let (content, kind) = match value {
        Value::Int(value) => (number(3, *value), 2),
        Value::Ints(values) => (values.iter().flat_map(|&value| number(8, value)).collect(), 7),
        Value::Text(text) => (field(4, text), 3),
        Value::Tensor(tensor) => (field(5, tensor), 4),
        Value::Graph(graph) => (field(6, graph), 5),
    };
    [field(1, name), content, number(20, kind)].concat()
}

/// A file being written.
#[derive(Clone, Debug, Default)]
pub struct Net {
    /// What the graph holds.
    pub graph: Vec<u8>,
    /// The version of the operators; 17 if none is given.
    pub version: Option<i64>,
}

impl Net {
    /// A network with a float32 input `x` of the given shape.
    pub fn new(shape: &[i64]) -> Self {
        Self::default().input("x", FLOAT, shape)
    }

    /// The same with a field of the graph.
    pub fn with(mut self, tag: u64, content: Vec<u8>) -> Self {
        self.graph.extend(field(tag, content));
        self
    }

    /// The same with an input. A size of 0 is a dynamic axis without a name.
    pub fn input(self, name: &str, dtype: u64, shape: &[i64]) -> Self {
        self.with(11, value_info(name, dtype, shape))
    }

    /// The same with an input whose axes are dynamic and have these names.
    pub fn dynamic_input(self, name: &str, dtype: u64, axes: &[&str]) -> Self {
        let dims: Vec<u8> = axes.iter().flat_map(|axis| field(1, field(2, axis))).collect();
        self.with(11, typed(name, dtype, dims))
    }

    /// The same with an output of any shape.
    pub fn output(self, name: &str) -> Self {
        self.with(12, field(1, name))
    }

    /// The same with a stored tensor without contents.
    pub fn weight(self, name: &str, shape: &[i64]) -> Self {
        self.with(5, tensor(name, FLOAT, shape, &[]))
    }

    /// The same with a stored tensor of whole numbers.
    pub fn numbers(self, name: &str, numbers: &[i64]) -> Self {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.with(5, tensor(name, INT64, &[numbers.len() as i64], &raw))
    }

    /// The same with a node; names are apart by blanks, and `-` is an input that is left out.
    pub fn node(self, op: &str, inputs: &str, outputs: &str, attributes: &[(&str, Value)]) -> Self {
        self.with(1, node("", op, inputs, outputs, attributes))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        let version = field(8, number(2, self.version.unwrap_or(17)));
        [number(1, 8), version, field(7, &self.graph)].concat()
    }
}

/// A node with a name.
pub fn node(name: &str, op: &str, inputs: &str, outputs: &str, attributes: &[(&str, Value)]) -> Vec<u8> {
    let names = |tag: u64, names: &str| -> Vec<u8> {
        names.split_whitespace().flat_map(|name| field(tag, if name == "-" { "" } else { name })).collect()
    };
    let attributes = attributes.iter().flat_map(|(name, value)| field(5, attribute(name, value))).collect();
    [names(1, inputs), names(2, outputs), field(3, name), field(4, op), attributes].concat()
}

/// A stored tensor.
pub fn tensor(name: &str, dtype: u64, shape: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims = shape.iter().flat_map(|&size| number(1, size)).collect();
    let raw = if raw.is_empty() { Vec::new() } else { field(9, raw) };
    [dims, number(2, dtype as i64), field(8, name), raw].concat()
}

/// The name and type of an input or output. A size of 0 is a dynamic axis without a name.
pub fn value_info(name: &str, dtype: u64, shape: &[i64]) -> Vec<u8> {
    let dim = |&size: &i64| field(1, if size == 0 { Vec::new() } else { number(1, size) });
    typed(name, dtype, shape.iter().flat_map(dim).collect())
}

fn typed(name: &str, dtype: u64, dims: Vec<u8>) -> Vec<u8> {
    [field(1, name), field(2, field(1, [number(1, dtype as i64), field(2, dims)].concat()))].concat()
}
