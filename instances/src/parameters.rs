//! What the generators of all problems do with parameters: numbers for sweeps, ranges, names looked up in catalogues.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dnn::machine_file::{self, LayerTimes};
use crate::dnn::{Graph, Link, file};
use crate::error::InputError;
use crate::origin::Origin;
use crate::range;

/// Where an instance comes from that is generated: `name` is for tables. The path of a model's file is replaced by the name and hash of its graph: an instance is the same wherever
/// the file is.
pub(crate) fn origin<T: Serialize>(name: String, family: &str, parameters: &T, seed: u64) -> Origin {
    let of_file = file::is_path(&name).then(|| file::named_graph(&name).ok()).flatten();
    let name = of_file.map_or(name, |graph| graph.name().to_owned());
    Origin { name, family: family.to_owned(), seed, parameters: numbers(parameters) }
}

/// The numbers among `parameters`, for tables and sweeps.
fn numbers<T: Serialize>(parameters: &T) -> BTreeMap<String, f64> {
    let object = serde_json::to_value(parameters).expect("parameters are plain data");
    let numbers = object.as_object().expect("an object").iter();
    numbers.filter_map(|(name, value)| value.as_f64().map(|value| (name.clone(), value))).collect()
}

/// The place of a parameter in a [`InputError`].
pub(crate) fn place(name: &str) -> String {
    format!("parameter '{name}'")
}

/// A factor on some speed or time: between 1e-9 and 1e9.
pub(crate) fn factor(name: &str, value: f64) -> Result<(), InputError> {
    range::positive(|| place(name), value)?;
    if (1e-9..=1e9).contains(&value) {
        return Ok(());
    }
    Err(InputError::at(place(name), format!("is {value}"), "give a factor between 1e-9 and 1e9"))
}

/// A share, in [0, 1].
pub(crate) fn share(name: &str, value: f64) -> Result<(), InputError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(InputError::at(place(name), format!("is {value}"), "give a share between 0 and 1"))
}

/// Refuses a path that a family has no use for.
pub(crate) fn refused(name: &str, path: &str, family: &str) -> Result<(), InputError> {
    if path.is_empty() {
        return Ok(());
    }
    let what = format!("is given, and family '{family}' draws its own");
    Err(InputError::at(place(name), what, "leave it out, or take a family of real DNNs"))
}

/// The DNNs of the given names: of the zoo, or paths of files. The graph of a file has a part of its hash in its name.
pub(crate) fn graphs(names: &[String]) -> Result<Vec<Graph>, InputError> {
    if names.is_empty() {
        return Err(InputError::at(place("models"), "is empty", "name at least one model; offcut models lists them"));
    }
    let graph = |name: &String| {
        let graph = file::named_graph(name)?;
        // Speeds are work over time, so a model needs work.
        if graph.macs() == 0 {
            let what = format!("'{name}' has no MACs");
            return Err(InputError::at("", what, "give a model with a convolution or a product of matrices"));
        }
        Ok(graph)
    };
    names.iter().map(|name| graph(name).map_err(|error| within(error, "models"))).collect()
}

/// An error about the value of a parameter; a place within a file comes after the parameter.
pub(crate) fn within(error: InputError, name: &str) -> InputError {
    let at = if error.at.is_empty() { place(name) } else { format!("{}: {}", place(name), error.at) };
    InputError { at, ..error }
}

/// The machines of the given names: of the catalogue, or paths of files.
pub(crate) fn machines(parameter: &str, names: &[String]) -> Result<Vec<LayerTimes>, InputError> {
    all(parameter, names, LayerTimes::named)
}

/// The machine of the given name.
pub(crate) fn machine(parameter: &str, name: &str) -> Result<LayerTimes, InputError> {
    LayerTimes::named(name).map_err(|error| within(error, parameter))
}

/// The links of the given names: of the catalogue, or paths of files.
pub(crate) fn links(names: &[String]) -> Result<Vec<Link>, InputError> {
    all("links", names, machine_file::link)
}

fn all<T>(
    parameter: &str,
    names: &[String],
    find: impl Fn(&str) -> Result<T, InputError>,
) -> Result<Vec<T>, InputError> {
    if names.is_empty() {
        return Err(InputError::at(place(parameter), "is empty", "name at least one; offcut machines lists them"));
    }
    names.iter().map(|name| find(name).map_err(|error| within(error, parameter))).collect()
}
