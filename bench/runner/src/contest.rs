//! What the runner needs to know of a problem.

use offcut_checker::Judged;
use offcut_instances::document::Trouble;
use offcut_instances::family::Generated;
use offcut_instances::problem::{Algorithm, MethodSpec};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use serde_json::Value;

/// A problem with its contestants.
pub trait Contest: Judged + Generated {
    /// All methods with default parameters: exact ones first, then the paper's, then baselines.
    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>>;

    /// What sets instances apart that must not share a table, in a word, e.g. `max`.
    fn variant(instance: &Self::Instance) -> &'static str;

    /// How large an instance is, in words, e.g. `20 users, 40 units`.
    fn size(instance: &Self::Instance) -> String;

    /// What the objective is called and its unit.
    fn objective() -> Quantity;

    /// The same for one instance, where some are worth something else.
    fn objective_of(_: &Self::Instance) -> Quantity {
        Self::objective()
    }

    /// The generator's parameters with their defaults, as a JSON object.
    fn default_parameters() -> Value {
        serde_json::to_value(Self::Parameters::default()).expect("parameters are plain data")
    }

    /// What tables call an instance.
    fn label(instance: &Self::Instance) -> InstanceLabel {
        let origin = Self::origin(instance);
        InstanceLabel {
            name: origin.name.clone(),
            family: origin.family.clone(),
            variant: Self::variant(instance).into(),
            seed: origin.seed,
            parameters: origin.parameters.clone(),
        }
    }
}

/// The ids of all methods of a problem.
pub fn methods<P: Contest>() -> Vec<String> {
    P::algorithms().iter().map(|algorithm| algorithm.id().to_owned()).collect()
}

/// The method that `spec` names, with its parameters.
///
/// # Errors
/// [`Trouble`] if there is no such method or it does not take the parameters.
pub fn method<P: Contest>(spec: &MethodSpec) -> Result<Box<dyn Algorithm<P>>, Trouble> {
    let found = P::algorithms().into_iter().find(|algorithm| algorithm.id() == spec.id);
    let Some(mut algorithm) = found else {
        let remedy = format!("the methods are: {}", methods::<P>().join(", "));
        return Err(Trouble::at(format!("method '{}'", spec.id), format!("is not known for '{}'", P::NAME), remedy));
    };
    for (name, value) in &spec.parameters {
        algorithm = algorithm.with(name, *value)?;
    }
    Ok(algorithm)
}
