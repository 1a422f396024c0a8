//! One file per command, and the dispatch on a problem's name.

pub(crate) mod adversary;
mod bursts;
pub(crate) mod cell;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod compare;
pub(crate) mod conform;
pub(crate) mod export;
pub(crate) mod gate;
pub(crate) mod generate;
pub(crate) mod library;
pub(crate) mod machines;
pub(crate) mod measure;
pub(crate) mod methods;
pub(crate) mod models;
pub(crate) mod new_solver;
pub(crate) mod rows;
pub(crate) mod run;
mod second;
pub(crate) mod simulate;
pub(crate) mod solve;
pub(crate) mod status;
pub(crate) mod traces;
pub(crate) mod train;

use offcut_instances::document::{InputError, problem_of};
/// The names of the problems there are.
pub(crate) use offcut_instances::problems::NAMES as PROBLEMS;

/// Runs the body with `$problem` standing for the type of the problem of that name.
macro_rules! with_problem {
    ($name:expr, $problem:ident => $body:expr) => {{
        let name: &str = $name;
        offcut_instances::for_each_problem!([name, $problem => $body] $crate::commands::dispatch)
    }};
}
pub(crate) use with_problem;

/// The branches of [`with_problem!`].
macro_rules! dispatch {
    ([$name:ident, $problem:ident => $body:expr] $($module:ident: $type:path,)*) => {
        $(if $name == <$type as offcut_instances::problem::Problem>::NAME {
            type $problem = $type;
            $body
        } else)* {
            Err($crate::commands::unknown_problem($name))
        }
    };
}
pub(crate) use dispatch;

pub(crate) fn unknown_problem(name: &str) -> InputError {
    let remedy = format!("the problems are: {}", PROBLEMS.join(", "));
    InputError::at(format!("problem '{name}'"), "is not known", remedy)
}

/// This program's own path, as its cells are to be started by.
pub(crate) fn this_program() -> Result<std::path::PathBuf, InputError> {
    std::env::current_exe()
        .map_err(|error| InputError::at("offcut", format!("cannot find itself: {error}"), "start it by its path"))
}

/// How many processors there are, at most 64: cells or threads at a time.
pub(crate) fn processors() -> u16 {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(64) as u16)
}

/// The problem a document belongs to, which must be one of ours.
pub(crate) fn known_problem_of(bytes: &[u8]) -> Result<String, InputError> {
    let name = problem_of(bytes)?;
    if PROBLEMS.contains(&name.as_str()) { Ok(name) } else { Err(unknown_problem(&name)) }
}
