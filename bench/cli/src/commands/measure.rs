//! `offcut measure` and `offcut prototype`: start the programs that run networks on an inference engine.
//!
//! They are not part of this program because the engine takes minutes to compile (`bench/measure`, a workspace of its own).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use offcut_instances::document::InputError;

use crate::exit::Ending;

/// A program of the workspace.
struct Program {
    name: &'static str,
    /// Names it, if it is neither beside this one nor below the project.
    variable: &'static str,
}

const MEASURE: Program = Program { name: "offcut-measure", variable: "OFFCUT_MEASURE" };
const PROTOTYPE: Program = Program { name: "offcut-prototype", variable: "OFFCUT_PROTOTYPE" };

/// Where cargo puts them, below the project.
const BUILT: &str = "bench/measure/target/release";

/// Becomes the program that measures, with these arguments.
pub(crate) fn measure(arguments: &[OsString]) -> Result<Ending, InputError> {
    MEASURE.start(arguments)
}

/// Becomes the program that runs answers for real, with these arguments.
pub(crate) fn prototype(arguments: &[OsString]) -> Result<Ending, InputError> {
    PROTOTYPE.start(arguments)
}

impl Program {
    /// Becomes the program: who ends this process ends it, and its exit code is ours.
    fn start(&self, arguments: &[OsString]) -> Result<Ending, InputError> {
        let input_error = |what: String| {
            let remedy = format!(
                "it needs a clone of the project, in which `./offcut measure` builds it; or name a built one in {}",
                self.variable
            );
            InputError::at(self.name, what, remedy)
        };
        let here = std::env::current_exe().map_err(|error| input_error(format!("cannot be looked for: {error}")))?;
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        let program = named.or_else(|| self.built(&here)).ok_or_else(|| input_error("is not built".into()))?;
        let error = become_it(Command::new(program).args(arguments));
        Err(input_error(format!("cannot be started: {error}")))
    }

    /// The program beside the one at `here`, or as it was built in the project that holds it.
    fn built(&self, here: &Path) -> Option<PathBuf> {
        let beside = here.with_file_name(self.name);
        let below = here.ancestors().map(|folder| folder.join(BUILT).join(self.name));
        std::iter::once(beside).chain(below).find(|program| program.is_file())
    }
}

/// Replaces this process; returns if that fails.
#[cfg(unix)]
fn become_it(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

/// Starts the program and ends with its exit code; returns if it cannot be started.
#[cfg(not(unix))]
fn become_it(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(2)),
        Err(error) => error,
    }
}
