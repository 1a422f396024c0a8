//! Some layers of a network, compiled, ready to run.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use offcut_instances::dnn::Graph;
use tract_core::internal::{
    DatumType, IntoArcTensor, IntoRunnable, TValue, TVec, TypedModel, TypedSimpleState, multithread,
};
use tract_core::plan;

pub use tract_core::internal::Tensor;

use super::proto::marked;

/// A tensor that enters or leaves a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// What identifies it within its network.
    pub id: (usize, usize),
    /// The layer of the graph that makes it.
    pub layer: usize,
    /// Its shape, with the batch.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub datum: DatumType,
    /// Its size, in bytes.
    pub bytes: usize,
}

/// Compiled layers of a network, with the state of the engine. It is not shared by threads; each makes its own.
#[derive(Debug)]
pub struct Part {
    state: TypedSimpleState,
    executor: multithread::Executor,
    inputs: Vec<Wire>,
    outputs: Vec<Wire>,
    /// The layer of each compiled operator. Shape (operators,).
    layers: Vec<usize>,
    /// Layers of the network.
    count: usize,
}

/// One inference, timed.
#[derive(Clone, Debug)]
pub struct Run {
    /// The outputs, in the order of [`Part::outputs`].
    pub outputs: Vec<Arc<Tensor>>,
    /// Seconds of the operators of each layer of the network; 0 outside the part. Shape (layers,).
    pub layer_s: Vec<f64>,
    /// Seconds of the whole run.
    pub total_s: f64,
}

impl Part {
    pub(super) fn new(model: TypedModel, inputs: Vec<Wire>, outputs: Vec<Wire>, graph: &Graph) -> Result<Self> {
        let plan = model.into_optimized()?.into_runnable()?;
        let layers = layers(plan.model(), graph)?;
        let state = plan.spawn()?;
        let count = graph.layers().len();
        Ok(Self { state, executor: multithread::Executor::SingleThread, inputs, outputs, layers, count })
    }

    /// Lets the engine use this many threads for large operators; 1 at first.
    ///
    /// # Panics
    /// If threads cannot be started.
    pub fn set_threads(&mut self, threads: usize) {
        self.executor = match threads {
            0 | 1 => multithread::Executor::SingleThread,
            several => multithread::Executor::multithread(several),
        };
    }

    /// The tensors it takes.
    pub fn inputs(&self) -> &[Wire] {
        &self.inputs
    }

    /// The tensors it gives.
    pub fn outputs(&self) -> &[Wire] {
        &self.outputs
    }

    /// The layers that have operators of their own after compilation, ascending. All others of the part are fused into them, or take no work.
    pub fn own_layers(&self) -> Vec<usize> {
        let plan = self.state.plan();
        let ran = plan.order_without_consts().iter().filter(|&&id| !plan.model().node(id).inputs.is_empty());
        let mut own: Vec<usize> = ran.map(|&id| self.layers[id]).collect();
        own.sort_unstable();
        own.dedup();
        own
    }

    /// Runs it: the outputs in the order of [`Self::outputs`], for inputs in the order of [`Self::inputs`].
    ///
    /// # Errors
    /// If the inputs do not have the shapes and types of the wires, or the engine fails.
    pub fn run(&mut self, inputs: &[Arc<Tensor>]) -> Result<Vec<Arc<Tensor>>> {
        let inputs = self.values(inputs)?;
        let state = &mut self.state;
        let outputs = multithread::multithread_tract_scope(self.executor.clone(), || state.run(inputs))?;
        Ok(outputs.into_iter().map(IntoArcTensor::into_arc_tensor).collect())
    }

    /// Runs it operator by operator and times each.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn timed(&mut self, inputs: &[Arc<Tensor>]) -> Result<Run> {
        let inputs = self.values(inputs)?;
        let mut layer_s = vec![0.0; self.count];
        let (state, layers) = (&mut self.state, &self.layers);
        let begin = Instant::now();
        let outputs = multithread::multithread_tract_scope(self.executor.clone(), || {
            state.run_plan_with_eval(inputs, |context, op, node, inputs| {
                let is_source = node.inputs.is_empty();
                let begin = Instant::now();
                let outputs = plan::eval(context, op, node, inputs);
                if !is_source {
                    layer_s[layers[node.id]] += begin.elapsed().as_secs_f64();
                }
                outputs
            })
        })?;
        let total_s = begin.elapsed().as_secs_f64();
        Ok(Run { outputs: outputs.into_iter().map(IntoArcTensor::into_arc_tensor).collect(), layer_s, total_s })
    }

    fn values(&self, inputs: &[Arc<Tensor>]) -> Result<TVec<TValue>> {
        ensure!(inputs.len() == self.inputs.len(), "takes {} tensors, not {}", self.inputs.len(), inputs.len());
        for (tensor, wire) in inputs.iter().zip(&self.inputs) {
            let fits = tensor.shape() == wire.shape && tensor.datum_type() == wire.datum;
            ensure!(fits, "takes a tensor {:?} {:?}, not {:?}", wire.datum, wire.shape, tensor);
        }
        Ok(inputs.iter().cloned().map(TValue::from_const).collect())
    }
}

/// The layer of each compiled operator. An operator has the name of the last layer that is fused into it. A product that has the name of a layer without MACs belongs to the layer
/// with MACs before that one, if that has no product of its own: most of its time is spent there. Shape (operators,).
fn layers(compiled: &TypedModel, graph: &Graph) -> Result<Vec<usize>> {
    let order = compiled.eval_order()?;
    let mut layers = vec![0; compiled.nodes().len()];
    for &id in &order {
        let node = compiled.node(id);
        // An operator that the engine made up belongs to the latest layer that it reads.
        let read = node.inputs.iter().map(|input| layers[input.node]).max().unwrap_or(0);
        layers[id] = marked(&node.name).unwrap_or(read).min(graph.layers().len() - 1);
    }
    let is_product = |id: usize| {
        let name = compiled.node(id).op().name();
        ["MatMul", "Conv", "EinSum"].iter().any(|part| name.contains(part)) && !name.contains("Pack")
    };
    let works = |layer: usize| graph.layers()[layer].macs > 0;
    let mut served: HashSet<usize> =
        order.iter().filter(|&&id| is_product(id)).map(|&id| layers[id]).filter(|&layer| works(layer)).collect();
    for &id in order.iter().filter(|&&id| is_product(id)) {
        if works(layers[id]) {
            continue;
        }
        let before = working_before(graph, layers[id]);
        if let Some(layer) = before.iter().find(|layer| !served.contains(layer)).or(before.first()) {
            layers[id] = *layer;
            served.insert(*layer);
        }
    }
    Ok(layers)
}

/// The layers with MACs that a layer reads, by itself or through layers without MACs; the latest first.
fn working_before(graph: &Graph, layer: usize) -> Vec<usize> {
    let mut open = BTreeSet::from_iter(graph.layers()[layer].inputs.iter().copied());
    let mut found = Vec::new();
    while let Some(v) = open.pop_last() {
        match graph.layers()[v].macs > 0 {
            true => found.push(v),
            false => open.extend(&graph.layers()[v].inputs),
        }
    }
    found
}

/// The numbers of a tensor, row by row, as the machine stores them: what is sent over a link.
///
/// # Errors
/// If it does not hold plain numbers.
pub fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    Ok(tensor.try_as_plain_ram()?.as_bytes().to_vec())
}

/// The tensor of a wire from its bytes.
///
/// # Errors
/// If they are not as many as the wire has.
pub fn tensor(wire: &Wire, bytes: &[u8]) -> Result<Arc<Tensor>> {
    ensure!(bytes.len() == wire.bytes, "{} bytes for a tensor of {}", bytes.len(), wire.bytes);
    let mut tensor = Tensor::zero_dt(wire.datum, &wire.shape)?;
    tensor.try_as_plain_ram_mut()?.as_bytes_mut().copy_from_slice(bytes);
    Ok(Arc::new(tensor))
}

/// The largest difference of two tensors of one shape, relative to the largest magnitude in the first one.
///
/// # Errors
/// If shapes differ or they do not hold numbers.
pub fn largest_difference(one: &Tensor, other: &Tensor) -> Result<f64> {
    ensure!(one.shape() == other.shape(), "shapes {:?} and {:?} differ", one.shape(), other.shape());
    let [one, other] = [one, other].map(|tensor| tensor.cast_to::<f32>());
    let (one, other) = (one?, other?);
    let [one, other] = [one.to_plain_array_view::<f32>()?, other.to_plain_array_view::<f32>()?];
    let largest = one.iter().fold(0.0f64, |most, x| most.max(f64::from(x.abs())));
    let pairs = one.iter().zip(other.iter());
    // A number that is none makes the difference infinite.
    let difference = pairs.map(|(x, y)| if (x - y).is_nan() { f64::INFINITY } else { f64::from((x - y).abs()) });
    Ok(difference.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE))
}
