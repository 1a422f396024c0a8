//! A model that can be cut between its layers.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use offcut_instances::dnn::{Graph, file, zoo as definitions};
use offcut_instances::random::Stream;
use tract_core::internal::{DatumType, InletId, OutletId, SpecialOps, Tensor, TypedModel};
use tract_core::ops::konst::Const;
use tract_onnx::pb;
use tract_onnx::prelude::InferenceModelExt;

use super::part::{Part, Wire};
use super::proto::marked;
use super::weights::uniform;
use super::{onnx, zoo};

/// A model as the engine reads it, before it is optimised, and Offcut's graph of it.
#[derive(Debug)]
pub struct Network {
    graph: Graph,
    model: TypedModel,
    /// The layer that each node of the model belongs to; `None` if it is the same for every input. Shape (nodes,).
    layers: Vec<Option<usize>>,
}

impl Network {
    /// The network of the given name: of the zoo, with random weights, or of an ONNX file (`.onnx`), with random numbers in place of weights that the file does not
    /// have. The same seed gives the same numbers.
    ///
    /// # Errors
    /// If the name is not known, the file cannot be read, or the engine cannot run one of its operators; one line says which.
    pub fn open(name: &str, seed: u64) -> Result<Self> {
        let path = Path::new(name);
        if path.extension().is_some_and(|end| end == "json") {
            bail!(
                "'{name}' is a graph without operators, which cannot be run: give the .onnx file, or a name of the zoo"
            );
        }
        if file::is_path(name) {
            let graph = file::named_graph(name).map_err(|error| anyhow::anyhow!("{error}"))?;
            let model = onnx::model(path, &graph, seed).with_context(|| name.to_owned())?;
            let folder = path.parent().unwrap_or(Path::new("")).to_str();
            return Self::new(graph, &model, folder).with_context(|| name.to_owned());
        }
        let Some(entry) = definitions::entry(name) else {
            bail!(
                "model '{name}' is not known: choose from {}; or give the path of an .onnx file",
                definitions::names().join(", ")
            );
        };
        Self::of(&entry.network(), seed)
    }

    /// A network as its definition in Offcut says, with random weights.
    ///
    /// # Errors
    /// If the engine cannot run one of its operators.
    pub fn of(network: &offcut_instances::dnn::Network, seed: u64) -> Result<Self> {
        let model = zoo::model(network, seed);
        Self::new(network.graph.clone(), &model, None).with_context(|| network.graph.name().to_owned())
    }

    fn new(graph: Graph, model: &pb::ModelProto, folder: Option<&str>) -> Result<Self> {
        let read = tract_onnx::onnx().parse(model, folder)?;
        if let Some(name) = read.unresolved_inputs.first() {
            bail!("tensor '{name}' is made by no node");
        }
        let model = read.model.into_typed().context("cannot be run by the engine")?;
        let layers = layers(&model)?;
        for (node, layer) in model.nodes().iter().zip(&layers) {
            ensure!(layer.is_none_or(|layer| layer < graph.layers().len()), "node '{}' is in no layer", node.name);
            let facts = node.outputs.iter().map(|output| &output.fact);
            ensure!(
                facts.clone().all(|fact| fact.shape.is_concrete()),
                "the shape of '{}' depends on the data",
                node.name
            );
        }
        Ok(Self { graph, model, layers })
    }

    /// Offcut's graph of the network; layer indices are its.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The whole network, compiled. Its inputs and outputs are those of the model.
    ///
    /// # Errors
    /// If the engine cannot compile it.
    pub fn whole(&self) -> Result<Part> {
        self.part(0..self.graph.layers().len())
    }

    /// The layers in `range`, compiled: `0..k` is a prefix, `k..layers` the suffix after it, and any range between. Layer 0 is the input; a range that begins at 0 or 1 takes the
    /// inputs of the model. Its inputs are the tensors that its layers read from earlier ones, its outputs those that later layers read, and the model's. So the
    /// outputs of a prefix are exactly the inputs of its suffix, in the same order, each tensor once.
    ///
    /// # Errors
    /// If the range holds no operator, or the engine cannot compile it.
    pub fn part(&self, range: Range<usize>) -> Result<Part> {
        let count = self.graph.layers().len();
        ensure!(range.start <= range.end && range.end <= count, "{range:?} is no range of {count} layers");
        self.part_of(&(0..count).map(|v| range.contains(&v)).collect::<Vec<_>>())
    }

    /// The chosen layers, compiled, as [`Self::part`] does for a range. Two parts follow each other if no layer of the first reads one of the second. Shape of
    /// `chosen`: (layers,).
    ///
    /// # Errors
    /// As [`Self::part`], and if a chosen layer reads one that is not and that itself reads a chosen one.
    pub fn part_of(&self, chosen: &[bool]) -> Result<Part> {
        let count = self.graph.layers().len();
        ensure!(chosen.len() == count, "{} choices for {count} layers", chosen.len());
        let (inputs, outputs) = self.crossing(chosen)?;
        let order = self.model.eval_order()?;
        let mut copy = TypedModel { symbols: self.model.symbols.clone(), ..TypedModel::default() };
        let mut copied: HashMap<OutletId, OutletId> = HashMap::new();
        for &outlet in &inputs {
            let name = format!("wire{}.{}", outlet.node, outlet.slot);
            copied.insert(outlet, copy.add_source(name, self.model.outlet_fact(outlet)?.without_value())?);
        }
        for id in order {
            let node = self.model.node(id);
            if self.is_source(id) || self.layers[id].is_some_and(|layer| !chosen[layer]) {
                continue;
            }
            let facts = node.outputs.iter().map(|output| output.fact.clone()).collect();
            let new = copy.add_node(&*node.name, node.op.clone(), facts)?;
            for (slot, input) in node.inputs.iter().enumerate() {
                let from = copied.get(input).with_context(|| format!("'{}' reads a later layer", node.name))?;
                copy.add_edge(*from, InletId::new(new, slot))?;
            }
            copied.extend((0..node.outputs.len()).map(|slot| (OutletId::new(id, slot), OutletId::new(new, slot))));
        }
        let ends: Vec<OutletId> = outputs.iter().map(|outlet| copied[outlet]).collect();
        copy.select_output_outlets(&ends)?;
        Part::new(copy, self.wires(&inputs)?, self.wires(&outputs)?, &self.graph)
    }

    /// Random inputs of a part: numbers in [-1, 1), or 0 and 1 if they are whole. The same seed gives the same numbers.
    ///
    /// # Errors
    /// If an input is of a type that is not numbers.
    pub fn random_inputs(part: &Part, seed: u64) -> Result<Vec<Arc<Tensor>>> {
        let random = |wire: &Wire| {
            let mut stream = Stream::new(&["measure", "input", &wire.id.0.to_string(), &wire.id.1.to_string()], seed);
            let count = wire.shape.iter().product();
            let numbers = match wire.datum {
                DatumType::F16 | DatumType::F32 | DatumType::F64 => uniform(&mut stream, count, -1.0, 1.0),
                _ => (0..count).map(|_| stream.below(2) as f32).collect(),
            };
            let tensor = Tensor::from_shape(&wire.shape, &numbers)?;
            Ok(Arc::new(tensor.cast_to_dt(wire.datum)?.into_owned()))
        };
        part.inputs().iter().map(random).collect()
    }

    /// The outlets that chosen layers read from outside, and those that they give to the outside; each in the order of layers.
    fn crossing(&self, chosen: &[bool]) -> Result<(Vec<OutletId>, Vec<OutletId>)> {
        let has_sink = chosen[chosen.len() - 1];
        // Sources are layer 0, the input; a part that begins there still reads them.
        let inside = |id: usize| self.layers[id].is_some_and(|layer| chosen[layer]) && !self.is_source(id);
        let (mut inputs, mut outputs) = (BTreeSet::new(), BTreeSet::new());
        let key = |outlet: OutletId| (self.layers[outlet.node], outlet.node, outlet.slot);
        for id in self.model.eval_order()? {
            for &input in self.model.node(id).inputs.iter().filter(|input| self.layers[input.node].is_some()) {
                match (inside(input.node), inside(id)) {
                    (false, true) => drop(inputs.insert(key(input))),
                    // What a prefix without operators hands on is the input itself.
                    (true, false) => drop(outputs.insert(key(input))),
                    (false, false)
                        if chosen[0] && self.is_source(input.node) && self.layers[id].is_some_and(|v| !chosen[v]) =>
                    {
                        inputs.insert(key(input));
                        outputs.insert(key(input));
                    }
                    _ => {}
                }
            }
        }
        for &output in self.model.output_outlets()? {
            ensure!(self.layers[output.node].is_some(), "an output does not depend on the input");
            // The last layer reads all outputs of the model.
            if inside(output.node) || has_sink {
                outputs.insert(key(output));
            }
            if has_sink && !inside(output.node) {
                inputs.insert(key(output));
            }
        }
        let of = |keys: BTreeSet<(Option<usize>, usize, usize)>| {
            keys.into_iter().map(|(_, node, slot)| OutletId::new(node, slot)).collect()
        };
        Ok((of(inputs), of(outputs)))
    }

    fn wires(&self, outlets: &[OutletId]) -> Result<Vec<Wire>> {
        let wire = |outlet: &OutletId| {
            let fact = self.model.outlet_fact(*outlet)?;
            let shape = fact.shape.as_concrete().context("a shape depends on the data")?.to_vec();
            let layer = self.layers[outlet.node].context("a constant crosses")?;
            let bytes = shape.iter().product::<usize>() * fact.datum_type.size_of();
            Ok(Wire { id: (outlet.node, outlet.slot), layer, shape, datum: fact.datum_type, bytes })
        };
        outlets.iter().map(wire).collect()
    }

    fn is_source(&self, id: usize) -> bool {
        TypedModel::is_source(&self.model.node(id).op)
    }
}

/// The layer of each node: by its name, otherwise the latest one that it reads.
fn layers(model: &TypedModel) -> Result<Vec<Option<usize>>> {
    let mut layers = vec![None; model.nodes().len()];
    for id in model.eval_order()? {
        let node = model.node(id);
        layers[id] = if TypedModel::is_source(&node.op) {
            Some(0)
        } else if node.op_is::<Const>() {
            None
        } else {
            let read = node.inputs.iter().filter_map(|input| layers[input.node]).max();
            read.map(|read| marked(&node.name).unwrap_or(read))
        };
    }
    Ok(layers)
}
