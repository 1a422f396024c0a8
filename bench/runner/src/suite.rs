//! A grid of instances and methods, as a document.
//!
//! ```json
//! { "offcut": "suite", "problem": "multiuser", "version": 1, "body": {
//!   "title": "Latency against the number of users",
//!   "budget": { "time_s": 10, "memory_bytes": null, "threads": 1, "seed": 0 },
//!   "order_seed": 1,
//!   "studies": [ {
//!     "name": "users", "title": "Worst latency against the number of users",
//!     "families": ["zoo"], "set": { "units": 40 }, "seeds": [1, 2, 3],
//!     "axis": { "parameter": "users", "label": "users", "unit": "", "log": true, "values": [5, 10, 20, 40] },
//!     "methods": ["threshold", "iao", "local-only"] } ] } }
//! ```
//!
//! `files` names instance files, beside families and seeds or instead of them: `"files": ["mine/a.json", "mine/b.json"]`, relative to the folder of the
//! suite's file. An axis over a parameter of the generator then takes their places on it from what they say of their origin; `set` and `vary` are for families.
//!
//! `solvers` names programs in other languages, `"solvers": { "mine": { "command": "python3 my.py" } }`, which studies then name among their
//! methods; with `"is_policy": true` they are asked slot by slot. `vary` takes lists of values for any parameter and multiplies the grid; an axis with
//! `method_parameter` instead of `parameter` varies the methods that have it. A method that uses randomness is run once for every one of
//! `method_seeds`; with `every_seed` all methods are, and a seed other than 0 permutes columns and rows of what HiGHS gets.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use offcut_instances::document::{InputError, Kind, hash, parse, read_bytes, read_instance, schema};
use offcut_instances::problem::{Budget, MethodSpec};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{Key, Study, StudyCell};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::BenchmarkAdapter;
use crate::solver::{External, Externals, Solver, check_names};

/// A suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The report's title.
    pub title: String,
    /// What every cell may use.
    pub budget: Budget,
    /// Seed of the order in which cells are run.
    #[serde(default)]
    pub order_seed: u64,
    /// Programs that solve, by the name they have among the methods.
    #[serde(default, skip_serializing_if = "Externals::is_empty")]
    pub solvers: Externals,
    /// The studies.
    pub studies: Vec<StudySpec>,
}

/// One study: instances, methods, and what is varied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudySpec {
    /// A short name, unique in the suite.
    pub name: String,
    /// The title line over its table.
    pub title: String,
    /// Instance files; with neither these nor families there is nothing to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PathBuf>,
    /// Families of the generator.
    #[serde(default)]
    pub families: Vec<String>,
    /// Parameters of the generator that differ from the default.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Parameters with several values each; the grid is their product.
    #[serde(default)]
    pub vary: Map<String, Value>,
    /// Seeds of the generator.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// What goes on the x axis, if anything.
    #[serde(default)]
    pub axis: Option<Axis>,
    /// Another study of the suite beside which this one stands, with the same methods on other instances: reports compare the rank of every method in both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// The methods, e.g. `iao-ds:base=4`.
    pub methods: Vec<String>,
    /// Seeds for methods that use randomness.
    #[serde(default = "five_seeds")]
    pub method_seeds: Vec<u64>,
    /// Whether methods that use no randomness are run for all these seeds, too: a seed other than 0 permutes columns and rows of what HiGHS gets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub every_seed: bool,
}

fn five_seeds() -> Vec<u64> {
    (0..5).collect()
}

/// The x axis of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The generator's parameter that is varied.
    #[serde(default)]
    pub parameter: Option<String>,
    /// The methods' parameter that is varied, for those that have it.
    #[serde(default)]
    pub method_parameter: Option<String>,
    /// What it is called in tables and figures.
    pub label: String,
    /// Its unit; empty if it has none.
    #[serde(default)]
    pub unit: String,
    /// Whether it is drawn with a logarithmic scale.
    #[serde(default)]
    pub log: bool,
    /// Its values.
    pub values: Vec<f64>,
}

/// A cell to run: which instance, which method, which key.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Index into [`Grid::recipes`].
    pub recipe: usize,
    /// The method.
    pub method: MethodSpec,
    /// What it is about.
    pub key: Key,
}

/// How an instance is come by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Recipe {
    /// By generating it.
    Generated {
        /// The family.
        family: String,
        /// The parameters that differ from the default.
        parameters: Map<String, Value>,
        /// The generator's seed.
        seed: u64,
    },
    /// By reading it.
    File(PathBuf),
}

impl Recipe {
    /// Generates or reads the instance.
    ///
    /// # Errors
    /// [`InputError`] naming the family, the parameter or the file.
    pub fn make<P: BenchmarkAdapter>(&self) -> Result<P::Instance, InputError> {
        match self {
            Self::Generated { family, parameters, seed } => P::generate_with(family, parameters, *seed),
            Self::File(path) => read_instance::<P>(path),
        }
    }

    /// The same for the same recipe.
    fn name(&self) -> String {
        match self {
            // A path need not be text.
            Self::File(path) => format!("{path:?}"),
            Self::Generated { .. } => serde_json::to_string(self).expect("plain data"),
        }
    }

    /// What tables call the instance: a file's name if it has none of its own.
    fn label<P: BenchmarkAdapter>(&self, instance: &P::Instance) -> InstanceLabel {
        let mut label = P::label(instance);
        if let Self::Generated { parameters, .. } = self {
            let settings = parameters.iter().filter(|(_, value)| !value.is_number());
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            label.settings = settings.map(|(name, value)| (name.clone(), text(value))).collect();
        }
        if let (Self::File(path), true) = (self, label.name.is_empty()) {
            label.name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        }
        label
    }
}

/// A suite, expanded.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// Every instance once.
    pub recipes: Vec<Recipe>,
    /// What tables call them, in the same order.
    pub labels: Vec<InstanceLabel>,
    /// Every cell once, in the order of the suite.
    pub cells: Vec<Cell>,
    /// Which cells belong to which study.
    pub studies: Vec<Study>,
    /// The methods, as keys name them, whose answers depend on the seed.
    pub random_methods: BTreeSet<String>,
    /// What the objective is called of variants of which it is another than the problem's.
    pub variant_objectives: BTreeMap<String, Quantity>,
}

impl Suite {
    /// The version of suite documents.
    pub const VERSION: u32 = 1;

    /// The JSON Schema of suite documents of problem `problem`.
    pub fn schema(problem: &str) -> Value {
        schema::<Self>(problem, Self::VERSION, Kind::Suite)
    }

    /// Reads a suite file of problem `problem`.
    ///
    /// # Errors
    /// [`InputError`] naming file, place and remedy.
    pub fn read(path: &Path, problem: &str) -> Result<Self, InputError> {
        let mut suite =
            read_bytes(path).and_then(|bytes| Self::parse(&bytes, problem)).map_err(|error| error.in_file(path))?;
        suite.is_in(path.parent().unwrap_or(Path::new("")));
        Ok(suite)
    }

    /// Says in which folder the suite's file is: the instance files it names are looked for from there, without this from the current folder.
    pub fn is_in(&mut self, folder: &Path) {
        for file in self.studies.iter_mut().flat_map(|study| &mut study.files) {
            *file = folder.join(&*file);
        }
    }

    /// Parses a suite document of problem `problem`.
    ///
    /// # Errors
    /// [`InputError`] naming place and remedy.
    pub fn parse(bytes: &[u8], problem: &str) -> Result<Self, InputError> {
        let suite: Self = parse(bytes, Kind::Suite, problem, Self::VERSION)?;
        for (at, study) in suite.studies.iter().enumerate() {
            let input_error = |field: &str, what: &str, remedy: &str| {
                Err(InputError::at(format!("body.studies[{at}].{field}"), what, remedy))
            };
            if suite.studies[..at].iter().any(|other| other.name == study.name) {
                return input_error("name", "is used by an earlier study", "give every study its own name");
            }
            let is_earlier = |name: &String| suite.studies[..at].iter().any(|other| other.name == *name);
            if study.beside.as_ref().is_some_and(|name| !is_earlier(name)) {
                return input_error("beside", "names no earlier study", "name a study above this one");
            }
            if study.methods.is_empty() {
                return input_error("methods", "is empty", "give at least one");
            }
            if study.families.is_empty() != study.seeds.is_empty() {
                return input_error(
                    "families, seeds",
                    "one of them is empty",
                    "give at least one of each, or files only",
                );
            }
            if study.families.is_empty() && study.files.is_empty() {
                return input_error("families, files", "there are no instances", "give families and seeds, or files");
            }
            if study.families.is_empty() && !(study.set.is_empty() && study.vary.is_empty()) {
                return input_error("set, vary", "files cannot be changed", "remove them, or give families and seeds");
            }
            if study.method_seeds.is_empty() {
                return input_error("method_seeds", "is empty", "give at least one seed");
            }
            if let Some(axis) = &study.axis {
                if axis.parameter.is_some() == axis.method_parameter.is_some() {
                    return input_error("axis", "varies nothing, or two things", "give parameter or method_parameter");
                }
                if axis.values.is_empty() || axis.log && axis.values.iter().any(|value| *value <= 0.0) {
                    return input_error(
                        "axis.values",
                        "is empty, or not above 0 on a logarithmic scale",
                        "give values",
                    );
                }
            }
            if let Some((name, _)) = study.vary.iter().find(|(_, values)| values.as_array().is_none_or(Vec::is_empty)) {
                return input_error(&format!("vary.{name}"), "is not a list of values", "give [value, value, ...]");
            }
        }
        Ok(suite)
    }

    /// Adds a program to the methods of every study. The answer is the name it has there.
    ///
    /// # Errors
    /// [`InputError`] if its command has no words, or the name is that of another solver of the suite.
    pub fn add(&mut self, name: Option<&str>, external: External) -> Result<String, InputError> {
        let name = name.map_or_else(|| external.name(), |name| Ok(name.to_owned()))?;
        if self.solvers.insert(name.clone(), external).is_some() {
            let place = format!("solver '{name}'");
            return Err(InputError::at(place, "is in the suite already", "give it another name: NAME=COMMAND"));
        }
        for study in &mut self.studies {
            study.methods.push(name.clone());
        }
        Ok(name)
    }

    /// Expands the grid. Every instance is generated once to know its hash and handed to `keep`.
    ///
    /// # Errors
    /// [`InputError`] naming the family, parameter or method that does not exist.
    pub fn expand<P: BenchmarkAdapter>(
        &self,
        code: &str,
        mut keep: impl FnMut(&str, &P::Instance) -> Result<(), InputError>,
    ) -> Result<Grid, InputError> {
        check_names::<P>(&self.solvers)?;
        let mut expansion = Expansion::new(self, code);
        for study in &self.studies {
            expansion.add::<P>(study, &mut keep)?;
        }
        Ok(expansion.grid)
    }
}

/// A suite's grid as it grows.
struct Expansion<'a> {
    suite: &'a Suite,
    code: &'a str,
    grid: Grid,
    /// The hash of every recipe of the grid.
    hashes: Vec<String>,
    /// Where a recipe is, by its name.
    known: HashMap<String, usize>,
    /// Versions of solvers by id.
    versions: HashMap<String, String>,
    /// Keys of the grid's cells, a line each.
    keys: std::collections::HashSet<String>,
}

impl<'a> Expansion<'a> {
    fn new(suite: &'a Suite, code: &'a str) -> Self {
        Self {
            suite,
            code,
            grid: Grid::default(),
            hashes: Vec::new(),
            known: HashMap::new(),
            versions: HashMap::new(),
            keys: Default::default(),
        }
    }

    /// Adds a study.
    fn add<P: BenchmarkAdapter>(
        &mut self,
        study: &StudySpec,
        keep: &mut impl FnMut(&str, &P::Instance) -> Result<(), InputError>,
    ) -> Result<(), InputError> {
        // Told of the suite's file: the study, the file it names, the place there.
        let below = |error: InputError| {
            let file = error.file.as_ref().map(|file| file.display().to_string());
            let at = Some(error.at.clone()).filter(|at| !at.is_empty());
            let places = [Some(format!("study '{}'", study.name)), file, at];
            InputError { file: None, at: places.into_iter().flatten().collect::<Vec<_>>().join(", "), ..error }
        };
        let mut cells = Vec::new();
        for (recipe, x) in study.recipes() {
            let at = match self.known.get(&recipe.name()) {
                Some(at) => *at,
                None => {
                    let instance = recipe.make::<P>().map_err(below)?;
                    self.add_instance::<P>(&recipe, &instance, keep)?
                }
            };
            let x = match recipe {
                Recipe::Generated { .. } => x,
                Recipe::File(path) => study.place_of(&path, &self.grid.labels[at]).map_err(below)?,
            };
            for (series, x, spec) in study.methods(x).map_err(below)? {
                let keys = self.keys_of::<P>(study, at, &spec).map_err(below)?;
                for key in keys {
                    cells.push(StudyCell { series: series.clone(), x, key: key.line() });
                    if self.keys.insert(key.line()) {
                        self.grid.cells.push(Cell { recipe: at, method: spec.clone(), key });
                    }
                }
            }
        }
        self.grid.studies.push(Study {
            name: study.name.clone(),
            title: study.title.clone(),
            axis: study.axis.as_ref().map(|axis| Quantity { name: axis.label.clone(), unit: axis.unit.clone() }),
            log_axis: study.axis.as_ref().is_some_and(|axis| axis.log),
            beside: study.beside.clone(),
            cells,
        });
        Ok(())
    }

    /// Adds an instance and its recipe, and says where they are.
    fn add_instance<P: BenchmarkAdapter>(
        &mut self,
        recipe: &Recipe,
        instance: &P::Instance,
        keep: &mut impl FnMut(&str, &P::Instance) -> Result<(), InputError>,
    ) -> Result<usize, InputError> {
        let hash = hash::<P>(instance);
        keep(&hash, instance)?;
        let objective = P::objective_of(instance);
        if objective != P::objective() {
            self.grid.variant_objectives.insert(P::variant(instance).into(), objective);
        }
        self.hashes.push(hash);
        self.grid.labels.push(recipe.label::<P>(instance));
        self.grid.recipes.push(recipe.clone());
        let at = self.hashes.len() - 1;
        self.known.insert(recipe.name(), at);
        Ok(at)
    }

    /// The keys of a method on the instance `at`, one for every seed.
    fn keys_of<P: BenchmarkAdapter>(
        &mut self,
        study: &StudySpec,
        at: usize,
        spec: &MethodSpec,
    ) -> Result<Vec<Key>, InputError> {
        let solver = Solver::<P>::of(spec, &self.suite.solvers)?;
        // Of a program files are read: once, and not for every cell.
        let version = match self.versions.entry(spec.id.clone()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(solver.version(self.code)?).clone(),
        };
        if solver.is_random() {
            self.grid.random_methods.insert(spec.to_string());
        }
        let once = vec![self.suite.budget.seed];
        let seeds = if solver.is_random() || study.every_seed { &study.method_seeds } else { &once };
        let key = |seed: &u64| Key {
            instance: self.hashes[at].clone(),
            method: spec.to_string(),
            budget: Budget { seed: *seed, ..self.suite.budget.clone() },
            code: version.clone(),
        };
        Ok(seeds.iter().map(key).collect())
    }
}

impl StudySpec {
    /// All instances, with their place on the axis if the axis is the generator's.
    fn recipes(&self) -> Vec<(Recipe, Option<f64>)> {
        let mut settings = vec![(self.set.clone(), None)];
        for (name, values) in &self.vary {
            let values = values.as_array().expect("checked when read");
            settings = product(&settings, values.iter().map(|value| (name, value.clone(), None)));
        }
        if let Some(Axis { parameter: Some(name), values, .. }) = &self.axis {
            settings = product(&settings, values.iter().map(|value| (name, (*value).into(), Some(*value))));
        }
        let mut recipes = Vec::new();
        for family in &self.families {
            for (parameters, x) in &settings {
                for seed in &self.seeds {
                    let (family, parameters, seed) = (family.clone(), parameters.clone(), *seed);
                    recipes.push((Recipe::Generated { family, parameters, seed }, *x));
                }
            }
        }
        recipes.extend(self.files.iter().map(|path| (Recipe::File(path.clone()), None)));
        recipes
    }

    /// The place of a file's instance on the axis, if the axis is the generator's.
    fn place_of(&self, path: &Path, label: &InstanceLabel) -> Result<Option<f64>, InputError> {
        let Some(Axis { parameter: Some(name), .. }) = &self.axis else { return Ok(None) };
        label.parameters.get(name).map(|value| Some(*value)).ok_or_else(|| {
            let what = format!("the axis is '{name}', and {} does not say what it has", path.display());
            InputError::at(
                "axis",
                what,
                format!("write it in the file's origin.parameters.{name}, or leave the axis out"),
            )
        })
    }

    /// All methods with their series and place on the axis. Methods without the axis's parameter are run as they are, at every place.
    fn methods(&self, x: Option<f64>) -> Result<Vec<(String, Option<f64>, MethodSpec)>, InputError> {
        let mut methods = Vec::new();
        for text in &self.methods {
            let spec: MethodSpec = text.parse()?;
            match &self.axis {
                Some(Axis { method_parameter: Some(name), values, .. }) => {
                    for value in values {
                        let mut spec = spec.clone();
                        // `iao:error=0` names the parameter and so asks for it to be varied.
                        if let Some(varied) = spec.parameters.get_mut(name) {
                            *varied = *value;
                        }
                        methods.push((MethodSpec::id_in(text).to_owned(), Some(*value), spec));
                    }
                }
                _ => methods.push((spec.to_string(), x, spec)),
            }
        }
        Ok(methods)
    }
}

type Setting = (Map<String, Value>, Option<f64>);

fn product<'a>(
    settings: &[Setting],
    values: impl Iterator<Item = (&'a String, Value, Option<f64>)> + Clone,
) -> Vec<Setting> {
    let with = |(parameters, x): &Setting, (name, value, at): (&String, Value, Option<f64>)| {
        let mut parameters = parameters.clone();
        parameters.insert(name.clone(), value);
        (parameters, at.or(*x))
    };
    settings.iter().flat_map(|setting| values.clone().map(move |value| with(setting, value))).collect()
}
