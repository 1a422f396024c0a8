//! DNNs as graphs of layers: computed by shape inference, cut into chains, timed by profiles.
//!
//! | module | holds |
//! |---|---|
//! | [`graph`] | [`Layer`], [`Op`], [`Graph`] and its strict reading; [`View`], the bare DAG that `throughput` takes |
//! | [`builder`] | [`Builder`]: shape inference, from an architecture's definition to its MACs, parameters and bytes |
//! | [`window`] | [`Window`], [`Conv`]: what slides over images |
//! | [`mod@step`] | [`Network`]: a graph of the zoo with what each layer computes, for inference engines |
//! | [`chain`] | [`Chain`]: the blocks between places where exactly one tensor crosses |
//! | [`onnx`] | a graph from an ONNX file |
//! | [`mod@file`] | a model by a name of the zoo or by the path of a file |
//! | [`zoo`] | the architectures of the field, by name |
//! | [`profile`] | [`Profile`]: seconds per layer, estimated for a [`Device`] or measured by the user |
//! | [`profiler`] | what profilers write, matched with a graph's layers by name |
//! | [`machine_file`] | machines, devices and links from files |
//! | [`shipped`] | measured machines, by name |
//! | [`catalogue`] | devices and links of the right order of magnitude, with their sources |
//!
//! A MAC is one multiply-accumulate. Only convolutions, linear layers and the matrix products of attention have any;
//! normalisations, activations, poolings and additions count 0, and a bias is not counted: the convention of
//! the figures the field quotes as "GFLOPS". Batches hold one sample, and shapes leave the batch out. Activations
//! are float32. Layers that do nothing at inference (dropout) are left out; nothing is fused.
//!
//! ```
//! use offcut_instances::dnn::{Profile, catalogue, zoo};
//! let graph = zoo::graph("resnet18").expect("it is in the zoo");
//! assert_eq!(graph.params(), 11_689_512);
//! let chain = graph.chain();
//! assert_eq!(chain.cut_bytes[0], 3 * 224 * 224 * 4);
//! let speed = Profile::estimate(&graph, &catalogue::RASPBERRY_PI_4).effective_macs_per_s();
//! assert!(speed.is_some_and(|speed| speed > 1e9));
//! ```

pub mod builder;
pub mod catalogue;
pub mod chain;
pub mod file;
pub mod graph;
pub mod machine_file;
pub mod onnx;
pub mod profile;
pub mod profiler;
pub mod shipped;
pub mod step;
pub mod window;
pub mod zoo;

pub use builder::{Builder, Node};
pub use catalogue::{Device, Link, Rates};
pub use chain::{Block, Chain};
pub use graph::{Graph, Layer, Op, View};
pub use profile::{Measurement, Measurements, Profile, Whole};
pub use step::{Function, Network, Step};
pub use window::{Conv, Pair, Window};
