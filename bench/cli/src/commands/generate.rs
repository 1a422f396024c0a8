//! `offcut generate`.

use std::path::PathBuf;

use clap::Args;
use offcut_instances::document::{InputError, hash, instance_bytes, write_new};
use offcut_instances::family::Family;
use offcut_runner::BenchmarkAdapter;
use serde_json::{Map, Value};

use super::{PROBLEMS, with_problem};
use crate::exit::Ending;
use crate::output::{self, err, out};

/// What `offcut generate` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The problem
    problem: String,
    /// Family of instances; --list shows them
    #[arg(long)]
    family: Option<String>,
    /// Seed of the generator
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Set a parameter, NAME=VALUE; --list shows them
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Where to; to the terminal if left out
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// List families and parameters with their defaults instead
    #[arg(long)]
    list: bool,
}

pub(crate) fn generate(arguments: &Arguments) -> Result<Ending, InputError> {
    with_problem!(&arguments.problem, P => generate_for::<P>(arguments))
}

/// Families and parameters of every problem, for the end of `--help`.
pub(crate) fn families() -> String {
    let of = |name: &&str| with_problem!(name, P => Ok(families_of::<P>())).unwrap_or_default();
    PROBLEMS.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Families and parameters of one problem, with the parameters' defaults.
fn families_of<P: BenchmarkAdapter>() -> String {
    let families: Vec<&str> = P::families().iter().map(|family| family.name).collect();
    let defaults = P::default_parameters();
    let parameters: Vec<String> =
        defaults.as_object().expect("an object").iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}: families {}\n  parameters {}", P::NAME, families.join(", "), parameters.join(" "))
}

fn generate_for<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Ending, InputError> {
    if arguments.list {
        out!("families");
        P::families().iter().for_each(|Family { name, about }| out!("  {name:17} {about}"));
        out!("parameters");
        let defaults = P::default_parameters();
        for (name, value) in defaults.as_object().expect("an object") {
            out!("  {name:20} {value}");
        }
        return Ok(Ending::Good);
    }
    let mut parameters = Map::new();
    for setting in &arguments.settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(InputError::at(format!("--set {setting}"), "has no '='", "write --set NAME=VALUE"));
        };
        // What is not JSON is a word.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        parameters.insert(name.to_owned(), value);
    }
    let family = arguments.family.as_deref().unwrap_or(P::FAMILIES[0].name);
    let instance = P::generate_with(family, &parameters, arguments.seed)?;
    let bytes = instance_bytes::<P>(&instance);
    match &arguments.output {
        Some(path) => {
            write_new(path, &bytes)?;
            err!(
                "{}: {}, {}, hash {}",
                path.display(),
                P::label(&instance).name,
                P::size(&instance),
                hash::<P>(&instance)
            );
        }
        None => {
            output::bytes(&bytes);
            output::bytes(b"\n");
        }
    }
    Ok(Ending::Good)
}
