//! Measured traces and topologies from files: CSV and GraphML, or the JSON that `offcut traces` makes of them.
//!
//! | file | is read as | stands for |
//! |---|---|---|
//! | CSV of time stamps | [`Arrivals`]: the gaps between tasks | `arrivals` of `lymdo`, `offcut simulate --arrivals` |
//! | CSV of throughputs | [`Throughputs`]: a series of link rates; a [`crate::dnn::Link`] of their harmonic mean | `throughputs` of `lymdo`; `links` of all problems |
//! | GraphML, node-link JSON | [`Topology`]: nodes and links | `topology` of `jpdra` |
//!
//! Every reader tells bad input in one line with file, line and remedy.

mod arrivals;
mod column;
mod file;
mod graphml;
mod node_link;
mod throughputs;
mod timestamp;
mod topology;

pub(crate) use arrivals::Cycle;
pub use arrivals::{Arrivals, Imported};
pub use file::{is_json, name_of};
pub use throughputs::{Throughputs, Unit};
pub use topology::{Capacity, Link, Node, Topology};
