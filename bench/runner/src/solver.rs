//! Who solves: one of Offcut's methods, or a program in any language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use offcut_instances::document::InputError;
use offcut_instances::problem::{Algorithm, MethodSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BenchmarkAdapter, method, methods};

/// A program that takes an instance's path as its last argument and writes its answer to standard output, see [`crate::protocol`]. Or a policy, which is
/// started without, and asked slot by slot, see [`crate::dialogue`].
///
/// What it may use is in its environment: `OFFCUT_TIME_S` and `OFFCUT_MEMORY_BYTES` (absent if there is no limit), `OFFCUT_THREADS`,
/// `OFFCUT_SEED`, and in `OFFCUT_PARAMETERS` the parameters of `name:key=value` as a JSON object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// The command with its arguments, e.g. `python3 my.py`; words are split as a shell does, nothing else is done that a shell does.
    pub command: String,
    /// Whether different seeds can give different answers.
    #[serde(default)]
    pub is_random: bool,
    /// Whether it is a policy: asked slot by slot on its standard input, instead of being given the whole instance.
    #[serde(default)]
    pub is_policy: bool,
}

impl External {
    /// The words of the command.
    ///
    /// # Errors
    /// [`InputError`] if there are none, or a quote is not closed.
    pub fn words(&self) -> Result<Vec<String>, InputError> {
        let input_error = |what: &str| {
            InputError::at(format!("solver '{}'", self.command), what, "write a command, e.g. 'python3 my.py'")
        };
        let words = shell_words::split(&self.command).map_err(|_| input_error("has a quote that is not closed"))?;
        if words.is_empty() { Err(input_error("is empty")) } else { Ok(words) }
    }

    /// What stands for its code in a row's key: a hash of the command, of every file it names, and of the scripts beside a script whose names
    /// it has. A changed program is another one; what it takes from elsewhere is not seen.
    ///
    /// # Errors
    /// [`InputError`] as from [`Self::words`].
    pub fn version(&self) -> Result<String, InputError> {
        let mut hasher = blake3::Hasher::new();
        if self.is_policy {
            hasher.update(b"policy\0");
        }
        for word in self.words()? {
            hasher.update(word.as_bytes());
            hasher.update(&[0]);
            for file in with_imports(Path::new(&word)) {
                let bytes = std::fs::read(&file).unwrap_or_default();
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(&bytes);
            }
        }
        Ok(hasher.finalize().to_hex()[..12].to_owned())
    }

    /// Whether its first word is a program that can be started, and its scripts are there.
    ///
    /// # Errors
    /// [`InputError`] naming what is missing.
    pub fn is_there(&self) -> Result<(), InputError> {
        let words = self.words()?;
        let input_error =
            |what: String, remedy: &str| Err(InputError::at(format!("solver '{}'", self.command), what, remedy));
        let is_file = |word: &str| Path::new(word).is_file();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_program = |word: &str| std::env::split_paths(&path).any(|folder| folder.join(word).is_file());
        let program = words[0].as_str();
        if !(is_file(program) || (!program.contains('/') && is_program(program))) {
            return input_error(
                format!("'{program}' cannot be started: there is no such program"),
                "name one that is there",
            );
        }
        match words[1..].iter().filter(|word| is_script(Path::new(word))).find(|word| !is_file(word)) {
            Some(missing) => input_error(
                format!("there is no file '{missing}'"),
                "name one that is there, paths with spaces in quotes",
            ),
            None => Ok(()),
        }
    }

    /// What it is called if nobody names it: the stem of the last file among its words, or its first word's.
    ///
    /// # Errors
    /// [`InputError`] as from [`Self::words`].
    pub fn name(&self) -> Result<String, InputError> {
        let words = self.words()?;
        let word = words.iter().rfind(|word| Path::new(word).is_file()).unwrap_or(&words[0]);
        let stem = Path::new(word).file_stem().map_or_else(|| word.clone(), |stem| stem.to_string_lossy().into_owned());
        Ok(stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect())
    }
}

/// Endings of programs that an interpreter reads, and that may import what lies beside them.
const SCRIPTS: [&str; 12] = ["py", "js", "mjs", "cjs", "ts", "jl", "R", "rb", "lua", "pl", "m", "sh"];

fn is_script(file: &Path) -> bool {
    file.extension().is_some_and(|ending| SCRIPTS.iter().any(|known| ending == *known))
}

/// A file, and if it is a script those beside it, with the same ending, that it names, and that those name: it may import them. Sorted; nothing if there is
/// no such file.
fn with_imports(file: &Path) -> BTreeSet<PathBuf> {
    if !file.is_file() {
        return BTreeSet::new();
    }
    let mut taken = BTreeSet::from([file.to_owned()]);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_alike = |other: &PathBuf| is_script(file) && other.extension() == file.extension();
    let mut beside: Vec<PathBuf> = beside.filter(|other| is_alike(other) && other.is_file()).collect();
    beside.retain(|other| other.file_name() != file.file_name());
    let mut open = vec![file.to_owned()];
    while let Some(script) = open.pop().filter(|_| !beside.is_empty()) {
        let text = std::fs::read(script).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let names = |other: &PathBuf| other.file_stem().is_some_and(|stem| text.contains(&*stem.to_string_lossy()));
        let (named, others): (Vec<PathBuf>, Vec<PathBuf>) = beside.into_iter().partition(names);
        beside = others;
        open.extend(named.iter().cloned());
        taken.extend(named);
    }
    taken
}

/// The external solvers of a suite, by name.
pub type Externals = BTreeMap<String, External>;

/// Who solves a cell.
pub enum Solver<P: BenchmarkAdapter> {
    /// One of Offcut's methods.
    Own(Box<dyn Algorithm<P>>),
    /// A program.
    External(External),
}

impl<P: BenchmarkAdapter> Solver<P> {
    /// The solver that `spec` names.
    ///
    /// # Errors
    /// [`InputError`] if there is none, or it does not take the parameters.
    pub fn of(spec: &MethodSpec, externals: &Externals) -> Result<Self, InputError> {
        match externals.get(&spec.id) {
            Some(external) => Self::external(external.clone()),
            None => method::<P>(spec).map(Self::Own).map_err(|error| match externals.len() {
                0 => error,
                _ => InputError {
                    remedy: format!("{}; solvers of this suite: {}", error.remedy, names(externals)),
                    ..error
                },
            }),
        }
    }

    /// A program as a solver.
    ///
    /// # Errors
    /// [`InputError`] if it is a policy and the problem is decided as a whole.
    pub fn external(external: External) -> Result<Self, InputError> {
        if external.is_policy && P::ROLL_OUT.is_none() {
            let what = format!("is a policy, and '{}' has no slots to be asked of one by one", P::NAME);
            let remedy = "give a program that answers whole instances, as a solver; policies are for 'lymdo'";
            return Err(InputError::at(format!("solver '{}'", external.command), what, remedy));
        }
        Ok(Self::External(external))
    }

    /// Whether different seeds can give different answers.
    pub fn is_random(&self) -> bool {
        match self {
            Self::Own(algorithm) => algorithm.is_random(),
            Self::External(external) => external.is_random,
        }
    }

    /// What stands for its code in a row's key, given the version of Offcut's.
    ///
    /// # Errors
    /// [`InputError`] as from [`External::words`].
    pub fn version(&self, code: &str) -> Result<String, InputError> {
        match self {
            Self::Own(_) => Ok(code.to_owned()),
            Self::External(external) => Ok(format!("{code}+{}", external.version()?)),
        }
    }
}

fn names(externals: &Externals) -> String {
    externals.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Rejects external solvers whose names are taken or cannot be told from a method's parameters.
///
/// # Errors
/// [`InputError`] naming the solver.
pub fn check_names<P: BenchmarkAdapter>(externals: &Externals) -> Result<(), InputError> {
    for (name, external) in externals {
        let input_error = |what: &str, remedy: &str| Err(InputError::at(format!("solver '{name}'"), what, remedy));
        if methods::<P>().contains(name) {
            return input_error("has the name of one of Offcut's methods", "give it another name");
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return input_error("has a name that tables cannot print", "use letters, digits, '-', '_' and '.'");
        }
        external.words()?;
        Solver::<P>::external(external.clone())?;
    }
    Ok(())
}
