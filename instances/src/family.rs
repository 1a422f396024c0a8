//! Families of instances: what the generators of all problems have in common.
//!
//! A problem's `generate.rs` says which families it has, what they can be asked for, and draws their instances. [`Generated`] says the same on
//! the type level, for code that works on any problem.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::document::parse_instance;
use crate::error::InputError;
use crate::origin::Origin;
use crate::problem::Problem;

/// A family: its name and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
}

impl Family {
    /// What is wrong with a `name` that is none of `families`.
    pub(crate) fn unknown(families: &[Self], name: &str) -> InputError {
        let known: Vec<_> = families.iter().map(|family| family.name).collect();
        InputError::at(format!("family '{name}'"), "is not known", format!("the families are: {}", known.join(", ")))
    }
}

/// The family of instances that a search for worst cases found, see [`Generated::KEPT`].
pub const FOUND: Family = Family {
    name: "adversarial-found",
    about: "kept: worst cases that offcut adversary found; the seed is the number of the instance, from 1",
};

/// A problem with a generator. Same family, parameters and seed: same bytes, on every platform.
pub trait Generated: Problem {
    /// What a family can be asked for.
    type Parameters: Settable;

    /// All families whose instances are drawn; the first is the one that is meant if none is named.
    const FAMILIES: &'static [Family];

    /// Documents of the instances of the family [`FOUND`]: they are kept, not drawn, so the family takes no parameters. It is no family if there are none.
    const KEPT: &'static [&'static [u8]];

    /// All families, drawn and kept.
    fn families() -> Vec<Family> {
        Self::FAMILIES.iter().copied().chain((!Self::KEPT.is_empty()).then_some(FOUND)).collect()
    }

    /// The kept instance of this number, from 1.
    ///
    /// # Errors
    /// [`InputError`] if there are not so many.
    fn kept(number: u64) -> Result<Self::Instance, InputError> {
        let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| Self::KEPT.get(place)) {
            Some(document) => parse_instance::<Self>(document),
            None => {
                let what = format!("has no instance {number}");
                let remedy = format!("give a seed from 1 to {}", Self::KEPT.len());
                Err(InputError::at(format!("family '{}'", FOUND.name), what, remedy))
            }
        }
    }

    /// Generates an instance.
    ///
    /// # Errors
    /// [`InputError`] naming the family or the parameter that is unknown or out of range.
    fn generate(family: &str, parameters: &Self::Parameters, seed: u64) -> Result<Self::Instance, InputError>;

    /// Generates an instance; `settings` holds the parameters that differ from the default, by name.
    ///
    /// # Errors
    /// [`InputError`] naming the family or parameter.
    fn generate_with(family: &str, settings: &Map<String, Value>, seed: u64) -> Result<Self::Instance, InputError> {
        if family == FOUND.name && !Self::KEPT.is_empty() {
            return match settings.keys().next() {
                Some(name) => {
                    let remedy = format!("leave it out: instances of '{}' are kept as they are", FOUND.name);
                    Err(InputError::at(format!("parameter '{name}'"), "cannot be set", remedy))
                }
                None => Self::kept(seed),
            };
        }
        let mut parameters = Self::Parameters::default();
        for (name, value) in settings {
            parameters = parameters.with(name, value.clone())?;
        }
        Self::generate(family, &parameters, seed)
    }

    /// Where an instance comes from.
    fn origin(instance: &Self::Instance) -> &Origin;
}

/// Implements [`Generated`] for a problem in whose module are `Instance`, with an `origin`, and what `generate.rs` has: `Parameters`, `FAMILIES`, `generate`,
/// and what `found.rs` has.
macro_rules! generated {
    ($problem:ty) => {
        impl $crate::family::Generated for $problem {
            type Parameters = Parameters;

            const FAMILIES: &'static [$crate::family::Family] = &FAMILIES;

            const KEPT: &'static [&'static [u8]] = found::KEPT;

            fn generate(
                family: &str,
                parameters: &Parameters,
                seed: u64,
            ) -> Result<Instance, $crate::error::InputError> {
                generate(family, parameters, seed)
            }

            fn origin(instance: &Instance) -> &$crate::origin::Origin {
                &instance.origin
            }
        }
    };
}
pub(crate) use generated;

/// Parameters that can be set by name, as the command line and suites do.
pub trait Settable: Default + Serialize + DeserializeOwned {
    /// These parameters with one of them changed, given by name and JSON value; a lone word counts as a string.
    ///
    /// # Errors
    /// [`InputError`] if there is no such parameter or it does not take this value.
    fn with(&self, name: &str, value: Value) -> Result<Self, InputError> {
        let mut object = serde_json::to_value(self).expect("parameters are plain data");
        let known: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
        if !known.iter().any(|known| known == name) {
            let remedy = format!("the parameters are: {}", known.join(", "));
            return Err(InputError::at(format!("parameter '{name}'"), "is not known", remedy));
        }
        // Whole numbers may come as 20.0 from a sweep.
        object[name] = match value.as_f64() {
            Some(number) if object[name].is_u64() && number.fract() == 0.0 && (0.0..=4e9).contains(&number) => {
                (number as u64).into()
            }
            _ => value.clone(),
        };
        serde_json::from_value(object).map_err(|error| {
            let what = format!("cannot be {value}: {error}");
            InputError::at(format!("parameter '{name}'"), what, "see offcut generate --help")
        })
    }
}
