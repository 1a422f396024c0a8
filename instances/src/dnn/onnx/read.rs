//! From a decoded file to a graph: node by node in the file's order.

use std::collections::{HashMap, HashSet};

use super::fold::fold;
use super::node::{Effect, Form, Learned, Node};
use super::operators;
use super::schema;
use super::tensor::{Constant, DType, Source, Spec, Tensor, cut, listed, shown, stored};
use super::weights::Weights;
use crate::dnn::graph::{Graph, Layer, Op};
use crate::error::InputError;

/// Versions of the standard operators that are read. Before the first one, tensors of different shapes were combined by other rules.
const VERSIONS: std::ops::RangeInclusive<i64> = 7..=28;

/// What shape arithmetic may cost, in numbers: far more than any exporter writes.
const MOST_ARITHMETIC: u64 = 1 << 26;

/// A graph, and what of the file is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The graph.
    pub graph: Graph,
    /// Inputs and nodes that no output depends on: they are left out, as an inference engine leaves them out. One line each.
    pub left_out: Vec<String>,
}

/// The sizes of dynamic axes, by name.
pub(super) struct Axes<'a> {
    sizes: &'a [(String, u64)],
    used: HashSet<&'a str>,
}

impl<'a> Axes<'a> {
    pub(super) fn new(sizes: &'a [(String, u64)]) -> Result<Self, InputError> {
        for (at, (name, size)) in sizes.iter().enumerate() {
            let place = || format!("--axis {name}={size}");
            if *size == 0 {
                return Err(InputError::at(place(), "is 0", "give a size of at least 1"));
            }
            if sizes[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(InputError::at(place(), "fixes this axis again", "give each axis one size"));
            }
        }
        Ok(Self { sizes, used: HashSet::new() })
    }

    fn size(&mut self, name: &str) -> Option<u64> {
        let (name, size) = self.sizes.iter().find(|(known, _)| known == name)?;
        self.used.insert(name);
        Some(*size)
    }
}

/// The graph of a model.
pub(super) fn graph(name: &str, model: &schema::Model, axes: &mut Axes<'_>) -> Result<Import, InputError> {
    let graph = model.graph.as_ref().ok_or_else(|| {
        InputError::at("", "holds no graph", "give an ONNX model; weights beside a model have no graph of their own")
    })?;
    check_versions(model)?;
    let needed = Needed::of(graph)?;
    let mut reader = Reader::default();
    reader.initializers(graph)?;
    let left_out = reader.inputs(graph, &needed, axes)?;
    if let Some((unused, size)) = axes.sizes.iter().find(|(name, _)| !axes.used.contains(name.as_str())) {
        let names: Vec<_> = graph.input.iter().flat_map(dynamic_names).collect();
        let remedy = match &names[..] {
            [] => "leave it out: all axes have fixed sizes".to_owned(),
            names => format!("the dynamic axes are: {}", names.join(", ")),
        };
        return Err(InputError::at(format!("--axis {unused}={size}"), "is no dynamic axis of this model", remedy));
    }
    for (at, node) in graph.node.iter().enumerate().filter(|(at, _)| needed.nodes[*at]) {
        reader.node(graph, at, node, &needed).map_err(|error| placed(error, &label(at, node)))?;
    }
    reader.outputs(graph, &needed)?;
    let dead = needed.nodes.iter().filter(|is_needed| !**is_needed).count();
    let nodes = (dead > 0).then(|| format!("{dead} nodes that no output depends on"));
    let graph = Graph::new(name, reader.layers)?;
    Ok(Import { graph, left_out: left_out.into_iter().chain(nodes).collect() })
}

fn check_versions(model: &schema::Model) -> Result<(), InputError> {
    let mut versions = model.opset_import.iter().filter(|set| is_standard(&set.domain));
    let Some(set) = versions.next() else {
        let remedy = "give an ONNX model with the version of its operators";
        return Err(InputError::at("opset_import", "names no version of the standard operators", remedy));
    };
    if let Some(other) = versions.find(|other| other.version != set.version) {
        let what = format!("names the versions {} and {}", set.version, other.version);
        return Err(InputError::at("opset_import", what, "name one version of the standard operators"));
    }
    if VERSIONS.contains(&set.version) {
        return Ok(());
    }
    let what = format!("is version {}, which is not read here", set.version);
    let remedy = format!("convert the model to a version from {} to {}", VERSIONS.start(), VERSIONS.end());
    Err(InputError::at("opset_import", what, remedy))
}

fn is_standard(domain: &str) -> bool {
    ["", "ai.onnx"].contains(&domain)
}

/// A node in a message: its place, its name and its operator.
fn label(at: usize, node: &schema::Node) -> String {
    format!("node {at} '{}' ({})", cut(name_of(node)), cut(&node.op_type))
}

/// A node's own name, or that of its first output.
fn name_of(node: &schema::Node) -> &str {
    let output = node.output.iter().map(String::as_str).find(|name| !name.is_empty()).unwrap_or_default();
    if node.name.is_empty() { output } else { &node.name }
}

fn placed(mut error: InputError, place: &str) -> InputError {
    error.at = if error.at.is_empty() { place.to_owned() } else { format!("{place}, {}", error.at) };
    error
}

/// The names of the dynamic axes of an input.
fn dynamic_names(input: &schema::ValueInfo) -> Vec<String> {
    let name = |(at, dim): (usize, &schema::Dimension)| match (fixed(dim), dim.dim_param.as_deref()) {
        (Some(_), _) => None,
        (None, Some(name)) if !name.is_empty() => Some(cut(name)),
        _ => Some(format!("{}.{at}", cut(&input.name))),
    };
    dims_of(input).iter().enumerate().filter_map(name).collect()
}

/// The size of an axis that is not dynamic. Paddle's exporter writes dynamic axes as -1.
fn fixed(dim: &schema::Dimension) -> Option<i64> {
    dim.dim_value.filter(|&size| size != -1)
}

fn dims_of(value: &schema::ValueInfo) -> &[schema::Dimension] {
    let tensor = value.r#type.as_ref().and_then(|of| of.tensor_type.as_ref());
    tensor.and_then(|of| of.shape.as_ref()).map_or(&[], |shape| &shape.dim)
}

/// What the outputs depend on.
struct Needed<'a> {
    /// Whether each node is needed.
    nodes: Vec<bool>,
    /// The names that needed nodes read, and those of the outputs.
    names: HashSet<&'a str>,
    /// The node that makes a name.
    makers: HashMap<&'a str, usize>,
}

impl<'a> Needed<'a> {
    fn of(graph: &'a schema::Graph) -> Result<Self, InputError> {
        let mut makers = HashMap::new();
        let mut node_names = HashSet::new();
        for (at, node) in graph.node.iter().enumerate() {
            if !node.name.is_empty() && !node_names.insert(node.name.as_str()) {
                let what = "has the name of an earlier node";
                return Err(InputError::at(label(at, node), what, "give each node a name of its own, or none"));
            }
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                if makers.insert(name.as_str(), at).is_some() {
                    let what = format!("makes '{}', which an earlier node makes", cut(name));
                    return Err(InputError::at(label(at, node), what, "give each tensor a name of its own"));
                }
            }
        }
        if graph.output.is_empty() {
            return Err(InputError::at("graph.output", "is empty", "name the outputs of the model"));
        }
        let mut needed = Self { nodes: vec![false; graph.node.len()], names: HashSet::new(), makers };
        let mut open: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        while let Some(name) = open.pop() {
            if !needed.names.insert(name) {
                continue;
            }
            if let Some(&at) = needed.makers.get(name)
                && !std::mem::replace(&mut needed.nodes[at], true)
            {
                open.extend(graph.node[at].input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            }
        }
        Ok(needed)
    }
}

/// Constants: their numbers, and the stored tensors that they are made of.
#[derive(Default)]
struct Constants {
    weights: Weights,
    arithmetic: u64,
}

impl Constants {
    /// Takes note of so many numbers that are read or computed.
    fn charge(&mut self, numbers: u64) -> Result<(), InputError> {
        self.arithmetic = self.arithmetic.saturating_add(numbers);
        if self.arithmetic > MOST_ARITHMETIC {
            let remedy = "simplify the model: fold its constants";
            return Err(InputError::at("", "exceeds the arithmetic on constants that is read here", remedy));
        }
        Ok(())
    }

    /// The outputs of a node that is the same for every input.
    fn of(&mut self, node: &Node<'_>, effect: Effect) -> Result<Vec<Tensor>, InputError> {
        let known: u64 =
            node.inputs.iter().flatten().filter_map(|input| input.constant()).map(|c| c.weights.len() as u64).sum();
        let elements: u64 =
            effect.outputs.iter().map(|output| output.elements().min(super::tensor::MOST_NUMBERS)).sum();
        self.charge((elements + 1) * (node.inputs.len() as u64 + 1) + known)?;
        let numbers = fold(node, &effect)?;
        let weights = match node.op {
            "Constant" => vec![self.weights.add(&effect.outputs[0], false)],
            // What is filled by a stored shape stands for a stored tensor: models without weights are written so.
            "ConstantOfShape" => vec![self.weights.add(&effect.outputs[0], !made_of(node, 1).is_empty())],
            "Shape" | "Size" | "Range" | "NonZero" => Vec::new(),
            "DequantizeLinear" | "QuantizeLinear" => made_of(node, 1),
            _ => made_of(node, node.inputs.len()),
        };
        let constant = |numbers: Option<Vec<f64>>| Constant {
            numbers: numbers.map(Into::into),
            weights: weights.clone(),
            external: false,
        };
        let tensor = |(spec, numbers)| Tensor { spec, source: Source::Constant(constant(numbers)) };
        Ok(effect.outputs.into_iter().zip(numbers).map(tensor).collect())
    }

    /// The parameters that a node is the first to read.
    fn params(&mut self, node: &Node<'_>, effect: &Effect) -> u64 {
        let mut params = 0;
        for &learned in &effect.learned {
            let (Learned::Always(input) | Learned::IfStored(input)) = learned;
            let constant = node.optional(input).and_then(Tensor::constant);
            for &weight in constant.iter().flat_map(|constant| &constant.weights) {
                params = u64::saturating_add(params, self.weights.count(weight, matches!(learned, Learned::Always(_))));
            }
        }
        params
    }
}

/// A graph being read.
#[derive(Default)]
struct Reader {
    layers: Vec<Layer>,
    names: HashSet<String>,
    tensors: HashMap<String, Tensor>,
    constants: Constants,
}

impl Reader {
    /// All stored tensors.
    fn initializers(&mut self, graph: &schema::Graph) -> Result<(), InputError> {
        if !graph.sparse_initializer.is_empty() {
            return Err(InputError::at("graph.sparse_initializer", "is not read here", "store the weights dense"));
        }
        for (at, tensor) in graph.initializer.iter().enumerate() {
            let place = || format!("initializer {at} '{}'", cut(&tensor.name));
            let (spec, mut constant) = stored(tensor).map_err(|error| placed(error, &place()))?;
            self.constants.charge(constant.numbers.as_ref().map_or(0, |numbers| numbers.len() as u64))?;
            constant.weights = vec![self.constants.weights.add(&spec, true)];
            let tensor_of = Tensor { spec, source: Source::Constant(constant) };
            if self.tensors.insert(tensor.name.clone(), tensor_of).is_some() {
                let what = "has the name of an earlier one";
                return Err(InputError::at(place(), what, "give each tensor a name of its own"));
            }
        }
        Ok(())
    }

    /// The inputs that are no initializers: layer 0, and if there are several, a layer for each that hands it on. Those that are not needed are told.
    fn inputs(
        &mut self,
        graph: &schema::Graph,
        needed: &Needed<'_>,
        axes: &mut Axes<'_>,
    ) -> Result<Vec<String>, InputError> {
        let (mut specs, mut left_out, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for input in &graph.input {
            if !seen.insert(&input.name) || needed.makers.contains_key(input.name.as_str()) {
                let place = format!("input '{}'", cut(&input.name));
                return Err(InputError::at(place, "names a tensor again", "give each tensor a name of its own"));
            }
            if self.tensors.contains_key(&input.name) {
                continue;
            }
            let spec =
                input_spec(input, axes).map_err(|error| placed(error, &format!("input '{}'", cut(&input.name))))?;
            if needed.names.contains(input.name.as_str()) {
                specs.push((input.name.clone(), spec));
            } else {
                left_out.push(format!("input '{}', which no output depends on", cut(&input.name)));
            }
        }
        match &specs[..] {
            [] => {
                let remedy = "give a model whose outputs depend on an input";
                return Err(InputError::at("graph.input", "has no input that an output depends on", remedy));
            }
            [(name, spec)] => {
                let layer = self.push(name, Op::Input, (0, 0), spec, Vec::new())?;
                self.tensors.insert(name.clone(), Tensor { spec: spec.clone(), source: Source::Layer(layer) });
            }
            specs => {
                let all: Vec<_> = specs.iter().map(|(_, spec)| spec).collect();
                let inputs = self.push_joined("inputs", Op::Input, (0, 0), &all, Vec::new())?;
                self.hand_on(inputs, specs)?;
            }
        }
        Ok(left_out)
    }

    /// A layer for each of several tensors that layer `from` holds.
    fn hand_on(&mut self, from: usize, parts: &[(String, Spec)]) -> Result<(), InputError> {
        for (name, spec) in parts {
            let layer = self.push(name, Op::Reshape, (0, 0), spec, vec![from])?;
            self.tensors.insert(name.clone(), Tensor { spec: spec.clone(), source: Source::Layer(layer) });
        }
        Ok(())
    }

    fn node(
        &mut self,
        graph: &schema::Graph,
        at: usize,
        node: &schema::Node,
        needed: &Needed<'_>,
    ) -> Result<(), InputError> {
        let rule = check_operator(node)?;
        let mut inputs = Vec::new();
        for name in &node.input {
            let tensor = match (name.is_empty(), self.tensors.get(name)) {
                (true, _) => None,
                (false, Some(tensor)) => Some(tensor),
                (false, None) => return Err(unmade(graph, at, name, needed)),
            };
            inputs.push(tensor);
        }
        let seen = Node::new(node, inputs, &rule.1)?;
        let effect = (rule.0)(&seen)?;
        self.constants.charge(seen.read.get())?;
        if effect.form == Form::Same {
            let tensor = seen.input(0)?.clone();
            return self.set(&node.output[..1.min(node.output.len())], vec![tensor]);
        }
        let is_constant = seen.inputs.iter().flatten().all(|input| input.constant().is_some());
        if effect.form == Form::Constant || is_constant && !seen.inputs.is_empty() {
            let tensors = self.constants.of(&seen, effect)?;
            let named = node.output.len().min(tensors.len());
            return self.set(&node.output[..named], tensors);
        }
        if seen.inputs.is_empty() {
            return Err(InputError::at("", "reads nothing and is no constant", "remove it from the model"));
        }
        let params = self.constants.params(&seen, &effect);
        let layers = seen.inputs.iter().flatten().filter_map(|tensor| match tensor.source {
            Source::Layer(layer) => Some(layer),
            Source::Constant(_) => None,
        });
        let mut known = HashSet::new();
        let from: Vec<usize> = layers.filter(|&layer| known.insert(layer)).collect();
        self.layer(node, effect, params, from, needed)
    }

    /// The layers of a node that depends on the input.
    fn layer(
        &mut self,
        node: &schema::Node,
        effect: Effect,
        params: u64,
        from: Vec<usize>,
        needed: &Needed<'_>,
    ) -> Result<(), InputError> {
        let read = |(name, _): &(String, Spec)| !name.is_empty() && needed.names.contains(name.as_str());
        let read: Vec<_> = node.output.iter().cloned().zip(effect.outputs).filter(read).collect();
        let (op, work, name) = (effect.op, (effect.macs, params), name_of(node));
        if effect.form == Form::Parts {
            for (name, spec) in read {
                let layer = self.push(&name, op, (0, 0), &spec, from.clone())?;
                self.tensors.insert(name, Tensor { spec, source: Source::Layer(layer) });
            }
            return Ok(());
        }
        match &read[..] {
            [] => Ok(()),
            [(output, spec)] => {
                let layer = self.push(name, op, work, spec, from)?;
                self.set(
                    std::slice::from_ref(output),
                    vec![Tensor { spec: spec.clone(), source: Source::Layer(layer) }],
                )
            }
            several => {
                let all: Vec<_> = several.iter().map(|(_, spec)| spec).collect();
                let layer = self.push_joined(name, op, work, &all, from)?;
                self.hand_on(layer, several)
            }
        }
    }

    /// Names tensors.
    fn set(&mut self, names: &[String], tensors: Vec<Tensor>) -> Result<(), InputError> {
        for (name, tensor) in names.iter().zip(tensors).filter(|(name, _)| !name.is_empty()) {
            if self.tensors.insert(name.clone(), tensor).is_some() {
                let what = format!("makes '{}', which is an input or stored", cut(name));
                return Err(InputError::at("", what, "give each tensor a name of its own"));
            }
        }
        Ok(())
    }

    /// A layer whose output is several tensors.
    fn push_joined(
        &mut self,
        name: &str,
        op: Op,
        work: (u64, u64),
        specs: &[&Spec],
        from: Vec<usize>,
    ) -> Result<usize, InputError> {
        let elements = specs.iter().try_fold(0u64, |sum, spec| sum.checked_add(spec.elements()));
        let all = Spec::new(DType::UINT8, vec![elements.unwrap_or(u64::MAX)])?;
        let layer = self.push(name, op, work, &all, from)?;
        self.layers[layer].out_bytes = specs.iter().map(|spec| spec.bytes()).sum();
        Ok(layer)
    }

    fn push(
        &mut self,
        name: &str,
        op: Op,
        (macs, params): (u64, u64),
        spec: &Spec,
        inputs: Vec<usize>,
    ) -> Result<usize, InputError> {
        if spec.elements() == 0 {
            let what = format!("gives a tensor of shape {}, which is empty", shown(&spec.dims));
            return Err(InputError::at("", what, "check the file and the sizes of --axis"));
        }
        let mut unique = name.to_owned();
        let mut copy = 1;
        while !self.names.insert(unique.clone()) {
            copy += 1;
            unique = format!("{name}#{copy}");
        }
        let shape = without_batch(&spec.dims);
        self.layers.push(Layer { name: unique, op, macs, params, shape, out_bytes: spec.bytes(), inputs });
        Ok(self.layers.len() - 1)
    }

    /// Checks the outputs; if there are several, one last layer holds them all.
    fn outputs(&mut self, graph: &schema::Graph, needed: &Needed<'_>) -> Result<(), InputError> {
        let (mut results, mut known) = (Vec::new(), HashSet::new());
        let mut specs = Vec::new();
        for output in &graph.output {
            let place = format!("output '{}'", cut(&output.name));
            let Some(tensor) = self.tensors.get(&output.name) else {
                return Err(placed(unmade(graph, graph.node.len(), &output.name, needed), &place));
            };
            check_declared(output, &tensor.spec).map_err(|error| placed(error, &place))?;
            match tensor.source {
                Source::Layer(layer) if !known.insert(layer) => {}
                Source::Layer(layer) => {
                    results.push(layer);
                    specs.push(tensor.spec.clone());
                }
                Source::Constant(_) => {
                    return Err(InputError::at(place, "depends on no input", "remove this output from the model"));
                }
            }
        }
        if results.len() > 1 {
            let specs: Vec<_> = specs.iter().collect();
            self.push_joined("outputs", Op::Reshape, (0, 0), &specs, results)?;
        }
        Ok(())
    }
}

/// The stored tensors that the first `inputs` inputs are made of.
fn made_of(node: &Node<'_>, inputs: usize) -> Vec<usize> {
    let constants = node.inputs.iter().take(inputs).flatten().filter_map(|input| input.constant());
    let mut weights: Vec<usize> = constants.flat_map(|constant| &constant.weights).copied().collect();
    weights.sort_unstable();
    weights.dedup();
    weights
}

fn check_operator(node: &schema::Node) -> Result<(operators::Rule, Vec<&'static str>), InputError> {
    let op = cut(&node.op_type);
    if !is_standard(&node.domain) {
        let what = format!("is operator '{op}' of domain '{}', which is not counted", cut(&node.domain));
        return Err(InputError::at("", what, "export the model with standard operators, functions inlined"));
    }
    if ["If", "Loop", "Scan", "SequenceMap"].contains(&node.op_type.as_str()) {
        let what = format!("is operator '{op}', whose work depends on the data");
        return Err(InputError::at("", what, "export the model without control flow"));
    }
    operators::rule(&node.op_type).ok_or_else(|| {
        let what = format!("is operator '{op}', which is not counted");
        InputError::at("", what, "export the model without it, or write the graph as JSON (offcut models NAME --json)")
    })
}

/// Why a name that node `at` reads is not there, or an output after the last node.
fn unmade(graph: &schema::Graph, at: usize, name: &str, needed: &Needed<'_>) -> InputError {
    let name_cut = cut(name);
    match needed.makers.get(name) {
        Some(&maker) if maker >= at => InputError::at(
            "",
            format!("needs '{name_cut}', which {} makes: a cycle, or a wrong order", label(maker, &graph.node[maker])),
            "list the nodes in topological order, as ONNX requires",
        ),
        Some(&maker) => {
            let what =
                format!("needs '{name_cut}', an output of {} that is not counted", label(maker, &graph.node[maker]));
            InputError::at("", what, "export the model for inference")
        }
        None => InputError::at(
            "",
            format!("needs '{name_cut}', which nothing makes"),
            "write the file again: it is damaged",
        ),
    }
}

/// The type and shape of an input, with dynamic axes fixed and a batch of one sample.
fn input_spec(input: &schema::ValueInfo, axes: &mut Axes<'_>) -> Result<Spec, InputError> {
    let tensor = input.r#type.as_ref().and_then(|of| of.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| InputError::at("", "is no tensor", "give a model of tensors"))?;
    if tensor.shape.is_none() {
        return Err(InputError::at("", "has no shape", "export the model with the shapes of its inputs"));
    }
    let mut dims = Vec::new();
    for (at, dim) in dims_of(input).iter().enumerate() {
        if let Some(size) = fixed(dim) {
            let size = u64::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| {
                InputError::at(format!("axis {at}"), format!("is {size}"), "give a size of at least 1")
            })?;
            dims.push(size);
            continue;
        }
        let place = format!("{}.{at}", input.name);
        let name = dim.dim_param.as_deref().filter(|name| !name.is_empty()).unwrap_or(&place);
        // Axes of different sizes may have one name, such as '?', so INPUT.INDEX comes first.
        dims.push(axes.size(&place).or_else(|| axes.size(name)).ok_or_else(|| {
            let name = cut(name);
            let what = format!("'{name}' is dynamic");
            let by_place = if name == place { String::new() } else { format!(" or '{}=SIZE'", cut(&place)) };
            InputError::at(
                format!("axis {at}"),
                what,
                format!("fix it: offcut models import --axis '{name}=SIZE'{by_place}"),
            )
        })?);
    }
    if dims.len() > 1 && dims[0] != 1 {
        let what = format!("has a first axis of size {}; a batch holds one sample here", dims[0]);
        let remedy = "export the model with a batch of 1, or with a dynamic axis and --axis NAME=1";
        return Err(InputError::at("", what, remedy));
    }
    Spec::new(DType::new(tensor.elem_type.into())?, dims)
}

/// Compares the shape of an output with the sizes that the file declares.
fn check_declared(output: &schema::ValueInfo, spec: &Spec) -> Result<(), InputError> {
    let declared = dims_of(output);
    let differs = |(dim, &size): (&schema::Dimension, &u64)| fixed(dim).is_some_and(|value| value != size as i64);
    let tensor = output.r#type.as_ref().and_then(|of| of.tensor_type.as_ref());
    let has_shape = tensor.is_some_and(|tensor| tensor.shape.is_some());
    if has_shape && (declared.len() != spec.dims.len() || declared.iter().zip(&spec.dims).any(differs)) {
        let sizes: Vec<_> =
            declared.iter().map(|dim| fixed(dim).map_or("?".to_owned(), |size| size.to_string())).collect();
        let what =
            format!("is declared as {}, but its layers give {}", listed(&sizes).replace('"', ""), shown(&spec.dims));
        return Err(InputError::at("", what, "check the file and the sizes of --axis"));
    }
    Ok(())
}

/// The shape without the batch: a first axis of size 1 is left out, and a single number has one axis.
fn without_batch(dims: &[u64]) -> Vec<usize> {
    let dims = match dims {
        [1, rest @ ..] if !rest.is_empty() => rest,
        [] => &[1],
        dims => dims,
    };
    dims.iter().map(|&size| size as usize).collect()
}
