//! Who solves: one of Offcut's methods, or a program in any language.

use std::collections::BTreeMap;
use std::path::Path;

use offcut_instances::document::Trouble;
use offcut_instances::problem::{Algorithm, MethodSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Contest, method, methods};

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
    /// [`Trouble`] if there are none, or a quote is not closed.
    pub fn words(&self) -> Result<Vec<String>, Trouble> {
        let trouble = |what: &str| {
            Trouble::at(format!("solver '{}'", self.command), what, "write a command, e.g. 'python3 my.py'")
        };
        let words = shell_words::split(&self.command).map_err(|_| trouble("has a quote that is not closed"))?;
        if words.is_empty() { Err(trouble("is empty")) } else { Ok(words) }
    }

    /// What stands for its code in a row's key: a hash of the command and of every file it names, so that a changed program is another one. What
    /// such files include is not seen.
    ///
    /// # Errors
    /// [`Trouble`] as from [`Self::words`].
    pub fn version(&self) -> Result<String, Trouble> {
        let mut hasher = blake3::Hasher::new();
        if self.is_policy {
            hasher.update(b"policy\0");
        }
        for word in self.words()? {
            hasher.update(word.as_bytes());
            hasher.update(&[0]);
            if Path::new(&word).is_file() {
                hasher.update(&std::fs::read(&word).unwrap_or_default());
            }
        }
        Ok(hasher.finalize().to_hex()[..12].to_owned())
    }

    /// What it is called if nobody names it: the stem of the last file among its words, or its first word's.
    ///
    /// # Errors
    /// [`Trouble`] as from [`Self::words`].
    pub fn name(&self) -> Result<String, Trouble> {
        let words = self.words()?;
        let word = words.iter().rfind(|word| Path::new(word).is_file()).unwrap_or(&words[0]);
        let stem = Path::new(word).file_stem().map_or_else(|| word.clone(), |stem| stem.to_string_lossy().into_owned());
        Ok(stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect())
    }
}

/// The external solvers of a suite, by name.
pub type Externals = BTreeMap<String, External>;

/// Who solves a cell.
pub enum Solver<P: Contest> {
    /// One of Offcut's methods.
    Own(Box<dyn Algorithm<P>>),
    /// A program.
    External(External),
}

impl<P: Contest> Solver<P> {
    /// The solver that `spec` names.
    ///
    /// # Errors
    /// [`Trouble`] if there is none, or it does not take the parameters.
    pub fn of(spec: &MethodSpec, externals: &Externals) -> Result<Self, Trouble> {
        match externals.get(&spec.id) {
            Some(external) => Self::external(external.clone()),
            None => method::<P>(spec).map(Self::Own).map_err(|trouble| match externals.len() {
                0 => trouble,
                _ => Trouble {
                    remedy: format!("{}; solvers of this suite: {}", trouble.remedy, names(externals)),
                    ..trouble
                },
            }),
        }
    }

    /// A program as a solver.
    ///
    /// # Errors
    /// [`Trouble`] if it is a policy and the problem is decided as a whole.
    pub fn external(external: External) -> Result<Self, Trouble> {
        if external.is_policy && P::ROLL_OUT.is_none() {
            let what = format!("is a policy, and '{}' has no slots to be asked of one by one", P::NAME);
            let remedy = "give a program that answers whole instances, as a solver; policies are for 'lymdo'";
            return Err(Trouble::at(format!("solver '{}'", external.command), what, remedy));
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
    /// [`Trouble`] as from [`External::words`].
    pub fn version(&self, code: &str) -> Result<String, Trouble> {
        match self {
            Self::Own(_) => Ok(code.to_owned()),
            Self::External(external) => Ok(format!("{code}+{}", external.version()?)),
        }
    }
}

fn names(externals: &Externals) -> String {
    externals.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Refuses external solvers whose names are taken or cannot be told from a method's parameters.
///
/// # Errors
/// [`Trouble`] naming the solver.
pub fn check_names<P: Contest>(externals: &Externals) -> Result<(), Trouble> {
    for (name, external) in externals {
        let trouble = |what: &str, remedy: &str| Err(Trouble::at(format!("solver '{name}'"), what, remedy));
        if methods::<P>().contains(name) {
            return trouble("has the name of one of Offcut's methods", "give it another name");
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return trouble("has a name that tables cannot print", "use letters, digits, '-', '_' and '.'");
        }
        external.words()?;
        Solver::<P>::external(external.clone())?;
    }
    Ok(())
}
