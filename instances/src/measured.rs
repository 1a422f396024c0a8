//! Work of models in seconds, for the generators of all problems: from the catalogue's speeds or from measured layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dnn::machine_file::LayerTimes;
use crate::dnn::{Chain, Graph};
use crate::error::InputError;
use crate::machine::{Machine, MachineKind};
use crate::parameters;
use crate::range;

/// How an instance of a family `zoo` tells work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// In MACs; a machine has one speed for all layers of a model.
    #[default]
    Macs,
    /// In seconds of every layer on every kind of machine (version 2).
    Seconds,
}

/// The machines of an instance as kinds, with the times of its models' layers.
pub(crate) struct Kinds {
    pub(crate) kinds: Vec<MachineKind>,
    /// Seconds. Shape (models, kinds, layers), the last ragged.
    layer_s: Vec<Vec<Vec<f64>>>,
}

impl Kinds {
    /// One kind for each machine, in their order; machines of one name are one kind. Every model runs on all of them. The names are those of the
    /// parameters that the machines come from.
    fn new(machines: &[(&LayerTimes, &str)], graphs: &[Graph]) -> Result<Self, InputError> {
        let mut of_kind: Vec<(&LayerTimes, &str)> = Vec::new();
        for machine in machines {
            match of_kind.iter().find(|known| known.0.name() == machine.0.name()) {
                None => of_kind.push(*machine),
                Some(known) if known.0 == machine.0 => {}
                Some((_, parameter)) => {
                    let at = parameters::place(machine.1);
                    let what = format!("'{}' is the name of another machine, of {parameter}", machine.0.name());
                    return Err(InputError::at(
                        at,
                        what,
                        "give each machine a name of its own: offcut machines import --name",
                    ));
                }
            }
        }
        let layer_s = |graph: &Graph| {
            let on = |(machine, parameter): &(&LayerTimes, &str)| {
                machine.layer_s(graph).map_err(|error| parameters::within(error, parameter))
            };
            of_kind.iter().map(on).collect::<Result<Vec<_>, InputError>>()
        };
        let kind = |machine: &LayerTimes| MachineKind { name: machine.name().to_owned(), about: machine.about() };
        Ok(Self {
            layer_s: graphs.iter().map(layer_s).collect::<Result<_, InputError>>()?,
            kinds: of_kind.iter().map(|(machine, _)| kind(machine)).collect(),
        })
    }

    /// The kind of a machine.
    pub(crate) fn of(&self, machine: &LayerTimes) -> u32 {
        let at = self.kinds.iter().position(|kind| kind.name == machine.name());
        at.expect("the kinds are those of the machines") as u32
    }

    /// Seconds of every layer of model `m` on every kind. Shape (kinds, layers).
    pub(crate) fn layers(&self, m: usize) -> &[Vec<f64>] {
        &self.layer_s[m]
    }

    /// Seconds of every block of model `m`'s chain on every kind. Shape (kinds, blocks).
    pub(crate) fn blocks(&self, m: usize, chain: &Chain) -> Vec<Vec<f64>> {
        let of_blocks = |seconds: &Vec<f64>| -> Vec<f64> {
            chain.blocks.iter().map(|block| seconds[block.layers.clone()].iter().sum()).collect()
        };
        self.layer_s[m].iter().map(of_blocks).collect()
    }
}

/// The kinds of devices and of a server, if work is in seconds. With the names of their parameters.
///
/// # Errors
/// If a model was not measured on one of them.
pub(crate) fn kinds(
    work: Work,
    (devices, of_devices): (&[LayerTimes], &str),
    (server, of_server): (&LayerTimes, &str),
    graphs: &[Graph],
) -> Result<Option<Kinds>, InputError> {
    if work == Work::Macs {
        return Ok(None);
    }
    let machines: Vec<_> = devices.iter().map(|device| (device, of_devices)).chain([(server, of_server)]).collect();
    Kinds::new(&machines, graphs).map(Some)
}

/// Every device as each model meets it, at its nominal speed: of its kind, or as fast as it is with the model in MAC/s. Shape (models, devices).
///
/// # Errors
/// If a model was not measured on one of them, or takes no time there.
pub(crate) fn nominal(
    kinds: Option<&Kinds>,
    (devices, of_devices): (&[LayerTimes], &str),
    graphs: &[Graph],
) -> Result<Vec<Vec<Machine>>, InputError> {
    let of_pair = |graph: &Graph, device: &LayerTimes| match kinds {
        Some(kinds) => Ok(Machine::of_kind(kinds.of(device), 1.0)),
        None => mean_speed(of_devices, device, std::slice::from_ref(graph)).map(Machine::of_macs),
    };
    graphs.iter().map(|graph| devices.iter().map(|device| of_pair(graph, device)).collect()).collect()
}

/// The kinds as an instance has them.
pub(crate) fn of(kinds: Option<Kinds>) -> Vec<MachineKind> {
    kinds.map_or_else(Vec::new, |kinds| kinds.kinds)
}

/// The speed of a machine over several models, in MAC/s: all their MACs over all seconds.
///
/// # Errors
/// If a model was not measured there, or they take no time.
pub(crate) fn mean_speed(parameter: &str, machine: &LayerTimes, graphs: &[Graph]) -> Result<f64, InputError> {
    let macs: f64 = graphs.iter().map(|graph| graph.macs() as f64).sum();
    let seconds = graphs.iter().map(|graph| machine.total_s(graph)).sum::<Result<f64, InputError>>();
    let speed = macs / seconds.map_err(|error| parameters::within(error, parameter))?;
    range::positive(|| parameters::place(parameter), speed)?;
    Ok(speed)
}
