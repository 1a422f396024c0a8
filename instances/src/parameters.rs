//! What the generators of all problems share: parameters set by name, numbers for sweeps, names looked up in catalogues.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::dnn::{Device, Graph, Link, catalogue, zoo};
use crate::document::{Trouble, range};

/// `parameters` with one of them changed, given by name and JSON value; a lone word counts as a string.
///
/// # Errors
/// [`Trouble`] if there is no such parameter or it does not take this value.
pub(crate) fn with<T: Serialize + DeserializeOwned>(parameters: &T, name: &str, value: &Value) -> Result<T, Trouble> {
    let mut object = serde_json::to_value(parameters).expect("parameters are plain data");
    let known: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    if !known.iter().any(|known| known == name) {
        let remedy = format!("the parameters are: {}", known.join(", "));
        return Err(Trouble::at(format!("parameter '{name}'"), "is not known", remedy));
    }
    // Whole numbers may come as 20.0 from a sweep.
    object[name] = match value.as_f64() {
        Some(number) if object[name].is_u64() && number.fract() == 0.0 && (0.0..=4e9).contains(&number) => {
            (number as u64).into()
        }
        _ => value.clone(),
    };
    serde_json::from_value(object).map_err(|error| {
        Trouble::at(format!("parameter '{name}'"), format!("cannot be {value}: {error}"), "see offcut generate --help")
    })
}

/// The numbers among `parameters`, for tables and sweeps.
pub(crate) fn numbers<T: Serialize>(parameters: &T) -> BTreeMap<String, f64> {
    let object = serde_json::to_value(parameters).expect("parameters are plain data");
    let numbers = object.as_object().expect("an object").iter();
    numbers.filter_map(|(name, value)| value.as_f64().map(|value| (name.clone(), value))).collect()
}

/// The place of a parameter in a [`Trouble`].
pub(crate) fn place(name: &str) -> String {
    format!("parameter '{name}'")
}

/// A factor on some speed or time: between 1e-9 and 1e9.
pub(crate) fn factor(name: &str, value: f64) -> Result<(), Trouble> {
    range::positive(|| place(name), value)?;
    if (1e-9..=1e9).contains(&value) {
        return Ok(());
    }
    Err(Trouble::at(place(name), format!("is {value}"), "give a factor between 1e-9 and 1e9"))
}

/// A share, in [0, 1].
pub(crate) fn share(name: &str, value: f64) -> Result<(), Trouble> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Trouble::at(place(name), format!("is {value}"), "give a share between 0 and 1"))
}

/// The DNNs of the given names.
pub(crate) fn graphs(names: &[String]) -> Result<Vec<Graph>, Trouble> {
    known("models", names, zoo::graph, zoo::names().iter().copied())
}

/// The devices of the given names.
pub(crate) fn devices(names: &[String]) -> Result<Vec<&'static Device>, Trouble> {
    known("devices", names, catalogue::device, catalogue::devices().iter().map(|device| device.id.as_ref()))
}

/// The links of the given names.
pub(crate) fn links(names: &[String]) -> Result<Vec<&'static Link>, Trouble> {
    known("links", names, catalogue::link, catalogue::links().iter().map(|link| link.id.as_ref()))
}

fn known<'a, T>(
    kind: &str,
    names: &[String],
    find: impl Fn(&str) -> Option<T>,
    all: impl Iterator<Item = &'a str>,
) -> Result<Vec<T>, Trouble> {
    let all: Vec<_> = all.collect();
    let remedy = || format!("choose from: {}", all.join(", "));
    if names.is_empty() {
        return Err(Trouble::at(place(kind), "is empty", remedy()));
    }
    let find =
        |name: &String| find(name).ok_or_else(|| Trouble::at(place(kind), format!("'{name}' is not known"), remedy()));
    names.iter().map(find).collect()
}
