//! What the generators of all problems do with parameters: numbers for sweeps, ranges, names looked up in catalogues.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dnn::{Device, Graph, Link, catalogue, zoo};
use crate::error::InputError;
use crate::origin::Origin;
use crate::range;

/// Where an instance comes from that is generated: `name` is for tables.
pub(crate) fn origin<T: Serialize>(name: String, family: &str, parameters: &T, seed: u64) -> Origin {
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

/// The DNNs of the given names.
pub(crate) fn graphs(names: &[String]) -> Result<Vec<Graph>, InputError> {
    known("models", names, zoo::graph, zoo::names().iter().copied())
}

/// The devices of the given names.
pub(crate) fn devices(names: &[String]) -> Result<Vec<&'static Device>, InputError> {
    known("devices", names, catalogue::device, catalogue::devices().iter().map(|device| device.id.as_ref()))
}

/// The links of the given names.
pub(crate) fn links(names: &[String]) -> Result<Vec<&'static Link>, InputError> {
    known("links", names, catalogue::link, catalogue::links().iter().map(|link| link.id.as_ref()))
}

fn known<'a, T>(
    kind: &str,
    names: &[String],
    find: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'a str>,
) -> Result<Vec<T>, InputError> {
    let all: Vec<_> = all.collect();
    let remedy = || format!("choose from: {}", all.join(", "));
    if names.is_empty() {
        return Err(InputError::at(place(kind), "is empty", remedy()));
    }
    let find = |name: &String| {
        find(name).ok_or_else(|| InputError::at(place(kind), format!("'{name}' is not known"), remedy()))
    };
    names.iter().map(find).collect()
}
