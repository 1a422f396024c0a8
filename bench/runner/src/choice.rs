//! A part of a suite, and a suite from a few words: what `offcut run` takes on its command line.

use std::path::Path;

use offcut_instances::document::{InputError, Kind, to_bytes};
use offcut_instances::problem::{Budget, MethodSpec};
use serde_json::{Map, Value};

use crate::suite::{Axis, StudySpec, Suite};
use crate::{BenchmarkAdapter, methods};

/// What of a suite is run, and with what; nothing chosen is all of it, as it stands there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Methods, by id or with their parameters.
    pub only: Vec<String>,
    /// Studies, by name.
    pub studies: Vec<String>,
    /// Seconds for every cell.
    pub time_s: Option<f64>,
    /// Threads for every cell.
    pub threads: Option<u32>,
    /// Seeds of the generator: 1 to this, in every study that has families.
    pub seeds: Option<u64>,
    /// Seeds of methods that use randomness: 0 up to this, without it.
    pub method_seeds: Option<u64>,
}

impl Suite {
    /// Leaves out what was not chosen, and takes budget and seeds from the choice. A study without methods is left out.
    ///
    /// # Errors
    /// [`InputError`] naming a method or study that the suite does not have, and those that it has.
    pub fn choose(&mut self, choice: &Choice) -> Result<(), InputError> {
        let known: Vec<&str> = self.studies.iter().map(|study| study.name.as_str()).collect();
        if let Some(name) = choice.studies.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(unknown("study", name, "studies", &known));
        }
        if !choice.studies.is_empty() {
            self.studies.retain(|study| choice.studies.contains(&study.name));
        }
        let mut known: Vec<&str> = Vec::new();
        for method in self.studies.iter().flat_map(|study| &study.methods) {
            if !known.contains(&method.as_str()) {
                known.push(method);
            }
        }
        if let Some(name) = choice.only.iter().find(|name| !known.iter().any(|method| is_meant(name, method))) {
            return Err(unknown("method", name, "methods", &known));
        }
        if !choice.only.is_empty() {
            for study in &mut self.studies {
                study.methods.retain(|method| choice.only.iter().any(|name| is_meant(name, method)));
            }
            self.studies.retain(|study| !study.methods.is_empty());
        }
        self.budget.time_s = choice.time_s.or(self.budget.time_s);
        self.budget.threads = choice.threads.unwrap_or(self.budget.threads);
        for study in &mut self.studies {
            if let Some(seeds) = choice.seeds.filter(|_| !study.families.is_empty()) {
                study.seeds = (1..=seeds).collect();
            }
            if let Some(seeds) = choice.method_seeds {
                study.method_seeds = (0..seeds).collect();
            }
        }
        Ok(())
    }
}

/// Whether a method of a suite is the one that was named: by its id, or as it stands there.
fn is_meant(name: &str, method: &str) -> bool {
    name == method || MethodSpec::id_in(method) == name
}

fn unknown(what: &str, name: &str, all: &str, known: &[&str]) -> InputError {
    let remedy = format!("its {all} are: {}", known.join(", "));
    InputError::at(format!("{what} '{name}'"), "is not in the suite", remedy)
}

/// Methods that are given in one text, separated by commas. A comma may also stand between two parameters: `iao:error=0.1,base=2,threshold` are two.
/// ```
/// let methods = offcut_runner::choice::separated("iao:error=0.1,base=2,threshold");
/// assert_eq!(methods, ["iao:error=0.1,base=2", "threshold"]);
/// ```
pub fn separated(text: &str) -> Vec<String> {
    let mut methods: Vec<String> = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match methods.last_mut() {
            Some(last) if last.contains(':') && part.contains('=') && !part.contains(':') => {
                *last = format!("{last},{part}");
            }
            _ => methods.push(part.to_owned()),
        }
    }
    methods
}

/// A grid of families, parameters and methods, as it is given on a command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GridRequest {
    /// Families; none means the first of the problem.
    pub families: Vec<String>,
    /// Parameters with their values; those with several vary.
    pub settings: Vec<(String, Vec<Value>)>,
    /// Methods; none means all of the problem.
    pub methods: Vec<String>,
}

/// The name of the study of such a grid.
pub const GRID: &str = "grid";

impl GridRequest {
    /// Reads `NAME=VALUE` or `NAME=VALUE,VALUE,...` into the settings. A value is JSON, and a word if it is none; a JSON list is one value.
    ///
    /// # Errors
    /// [`InputError`] if there is no `=`, or the parameter is there already.
    pub fn set(&mut self, text: &str) -> Result<(), InputError> {
        let place = || format!("--set {text}");
        let Some((name, value)) = text.split_once('=') else {
            return Err(InputError::at(place(), "has no '='", "write --set NAME=VALUE or NAME=VALUE,VALUE"));
        };
        if self.settings.iter().any(|(known, _)| known == name) {
            return Err(InputError::at(place(), "is set already", "give all values at once: NAME=VALUE,VALUE"));
        }
        let word = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        let values = match serde_json::from_str(value) {
            Ok(one) => vec![one],
            Err(_) => value.split(',').map(word).collect(),
        };
        self.settings.push((name.to_owned(), values));
        Ok(())
    }

    /// Whether problem `P` has all families and methods.
    pub fn fits<P: BenchmarkAdapter>(&self) -> bool {
        let has_family = |name: &String| P::families().iter().any(|family| family.name == name);
        let known = methods::<P>();
        let has_method = |text: &String| {
            let id = MethodSpec::id_in(text);
            known.iter().any(|known| known == id)
        };
        self.families.iter().all(has_family) && self.methods.iter().all(has_method)
    }

    /// The suite: one study, three seeds, 10 s for every cell. The first parameter that varies over numbers is its axis.
    pub fn suite<P: BenchmarkAdapter>(&self) -> Suite {
        let mut study = StudySpec {
            name: GRID.into(),
            title: String::new(),
            files: Vec::new(),
            families: self.families.clone(),
            set: Map::new(),
            vary: Map::new(),
            seeds: vec![1, 2, 3],
            axis: None,
            beside: None,
            methods: if self.methods.is_empty() { methods::<P>() } else { self.methods.clone() },
            method_seeds: (0..5).collect(),
            every_seed: false,
        };
        if study.families.is_empty() {
            study.families.push(P::FAMILIES[0].name.into());
        }
        for (name, values) in &self.settings {
            let numbers: Option<Vec<f64>> = values.iter().map(Value::as_f64).collect();
            match (&values[..], numbers) {
                ([one], _) => drop(study.set.insert(name.clone(), one.clone())),
                (_, Some(values)) if study.axis.is_none() => study.axis = Some(axis(name, values)),
                _ => drop(study.vary.insert(name.clone(), values.clone().into())),
            }
        }
        let told = |(name, values): &(String, Vec<Value>)| {
            let values: Vec<String> = values.iter().map(|value| value.to_string().replace('"', "")).collect();
            format!("{name} {}", values.join(", "))
        };
        let parts: Vec<String> =
            std::iter::once(study.families.join(", ")).chain(self.settings.iter().map(told)).collect();
        study.title = format!("{}: {}", P::NAME, parts.join("; "));
        Suite {
            title: study.title.clone(),
            budget: Budget::seconds(10.0),
            order_seed: 1,
            solvers: Default::default(),
            studies: vec![study],
        }
    }
}

fn axis(name: &str, values: Vec<f64>) -> Axis {
    Axis {
        parameter: Some(name.to_owned()),
        method_parameter: None,
        label: name.to_owned(),
        unit: String::new(),
        log: false,
        values,
    }
}

/// The document of a suite from a command line, for the file `recipe` of its run's folder: what is there already with the same instances keeps its methods and
/// seeds, so that the file describes all of the run.
///
/// # Errors
/// [`InputError`] if the file describes other instances, or cannot be read.
pub fn recipe_with<P: BenchmarkAdapter>(suite: &Suite, recipe: &Path) -> Result<Vec<u8>, InputError> {
    let mut all = suite.clone();
    if recipe.exists() {
        let there = Suite::read(recipe, P::NAME)?;
        let parts = |suite: &Suite| {
            let of = |study: &StudySpec| {
                (study.name.clone(), study.families.clone(), study.set.clone(), study.vary.clone(), study.axis.clone())
            };
            suite.studies.iter().map(of).collect::<Vec<_>>()
        };
        if parts(&there) != parts(suite) {
            let what = "describes a run of other families or parameters";
            return Err(InputError::at("", what, "give another folder: --folder").in_file(recipe));
        }
        all.solvers.extend(there.solvers);
        for (study, there) in all.studies.iter_mut().zip(there.studies) {
            let methods = std::mem::replace(&mut study.methods, there.methods);
            study.methods.extend(methods);
            let mut seen = std::collections::HashSet::new();
            study.methods.retain(|method| seen.insert(method.clone()));
            for (seeds, there) in [(&mut study.seeds, there.seeds), (&mut study.method_seeds, there.method_seeds)] {
                seeds.extend(there);
                seeds.sort_unstable();
                seeds.dedup();
            }
        }
    }
    Ok(to_bytes(Kind::Suite, P::NAME, Suite::VERSION, &all))
}
