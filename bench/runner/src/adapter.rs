//! What the runner needs to know of a problem.

use offcut_checker::Checkable;
use offcut_instances::document::InputError;
use offcut_instances::mutate::Mutable;
use offcut_instances::problem::{Algorithm, Answer, Budget, MethodSpec, Problem};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use serde_json::Value;

use crate::dialogue::Dialogue;

/// A problem with its methods, and what the runner and reports need to know of it.
pub trait BenchmarkAdapter: Checkable + Mutable {
    /// How programs decide it slot by slot; none if it is decided as a whole.
    const ROLL_OUT: Option<RollOut<Self>> = None;

    /// The methods that state the problem as one mathematical program, which can be exported.
    const PROGRAMS: &'static [&'static str];

    /// All methods with default parameters: exact ones first, then the paper's, then baselines.
    fn algorithms() -> Vec<Box<dyn Algorithm<Self>>>;

    /// The methods of [`Self::algorithms`] that are no exact methods, by id.
    fn heuristics() -> Vec<String>;

    /// The exact method whose certificates prove the optimum of such an instance; none if there is none.
    fn certifying(instance: &Self::Instance) -> Option<&'static str>;

    /// How many times the optimum a method's objective is at most, or the optimum the method's objective if that is maximised, where that is proved of this
    /// instance.
    fn proven_factor(_method: &MethodSpec, _instance: &Self::Instance) -> Option<f64> {
        None
    }

    /// What sets instances apart that must not share a table, in a word, e.g. `max`.
    fn variant(instance: &Self::Instance) -> &'static str;

    /// How large an instance is, in words, e.g. `20 users, 40 units`.
    fn size(instance: &Self::Instance) -> String;

    /// What the objective is called and its unit.
    fn objective() -> Quantity;

    /// The same for one instance, where some have another objective.
    fn objective_of(_: &Self::Instance) -> Quantity {
        Self::objective()
    }

    /// The checker's measures of solutions ([`Checkable::measures`]) that reports show over an axis: keys, names and units.
    fn measured() -> Vec<(&'static str, Quantity)> {
        Vec::new()
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
            ..InstanceLabel::default()
        }
    }
}

/// How a program decides slot by slot what the runner rolls out.
pub struct RollOut<P: Problem> {
    /// The line it is told first: all that stays as it is.
    pub system: fn(&P::Instance) -> Vec<u8>,
    /// The most bytes of a line it says.
    pub longest_line: fn(&P::Instance) -> u64,
    /// Asks it slot by slot. An answer like any method's.
    pub answer: fn(&mut Dialogue, &P::Instance, &Budget) -> Answer<P>,
    /// The generator's parameter that says how many slots there are, and a number to try a program with.
    pub short_horizon: (&'static str, u64),
    /// JSON Schemas of the lines, by name.
    pub schemas: fn() -> Vec<(&'static str, Value)>,
}

/// The ids of all methods of a problem.
pub fn methods<P: BenchmarkAdapter>() -> Vec<String> {
    ids(&P::algorithms())
}

/// The ids of methods.
pub(crate) fn ids<P: Problem>(algorithms: &[Box<dyn Algorithm<P>>]) -> Vec<String> {
    algorithms.iter().map(|algorithm| algorithm.id().to_owned()).collect()
}

/// The method that `spec` names, with its parameters.
///
/// # Errors
/// [`InputError`] if there is no such method or it does not take the parameters.
pub fn method<P: BenchmarkAdapter>(spec: &MethodSpec) -> Result<Box<dyn Algorithm<P>>, InputError> {
    let found = P::algorithms().into_iter().find(|algorithm| algorithm.id() == spec.id);
    let Some(mut algorithm) = found else {
        let remedy = format!("the methods are: {}", methods::<P>().join(", "));
        return Err(InputError::at(format!("method '{}'", spec.id), format!("is not known for '{}'", P::NAME), remedy));
    };
    for (name, value) in &spec.parameters {
        algorithm.configure(name, *value)?;
    }
    Ok(algorithm)
}

/// A count with its noun, of regular plural: "1 user", "2 users".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
