//! Networks on an inference engine, tract: whole, layer by layer, and in parts between cuts.
//!
//! | file | holds |
//! |---|---|
//! | `network` | [`Network`]: a model that can be cut |
//! | `part` | [`Part`]: some of its layers, compiled, ready to run; [`Tensor`]s in bytes |
//! | `zoo` | a network of the zoo as an ONNX model with random weights |
//! | `onnx` | an ONNX file, with random numbers in place of missing weights |
//! | `proto`, `weights` | what both need |
//!
//! Source: tract, <https://github.com/sonos/tract>. It reads ONNX and optimises a network before it runs it: operators are fused, and weights are packed. Each of its operators
//! belongs to a layer of Offcut's graph; a layer whose operators are all fused into other layers takes no time of its own.

mod network;
mod onnx;
mod part;
mod proto;
mod weights;
mod zoo;

pub use network::Network;
pub use part::{Part, Run, Tensor, Wire, bytes, largest_difference, tensor};

/// The name of the engine.
pub const ENGINE: &str = "tract";

/// The version of the engine that this program is built with, as Cargo.lock has it.
pub fn version() -> &'static str {
    const LOCK: &str = include_str!("../../Cargo.lock");
    let after = LOCK.split_once("name = \"tract-core\"\nversion = \"").map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_known() {
        assert!(super::version().split('.').all(|part| part.parse::<u32>().is_ok()), "{}", super::version());
    }
}
