//! `offcut measure`: starts the program that measures networks on an inference engine.
//!
//! It is not part of this program because the engine takes minutes to compile (`bench/measure`, a workspace of its own).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use offcut_instances::document::InputError;

use crate::exit::Ending;

/// The program.
const MEASURE: &str = "offcut-measure";

/// Where cargo puts it, below the project.
const BUILT: &str = "bench/measure/target/release";

/// Names the program, if it is neither beside this one nor below the project.
const VARIABLE: &str = "OFFCUT_MEASURE";

/// Starts the program with these arguments; its exit code is ours.
pub(crate) fn measure(arguments: &[OsString]) -> Result<Ending, InputError> {
    let input_error = |what: String| {
        let remedy = "build it with `cargo build --release --locked --manifest-path bench/measure/Cargo.toml`, as `./offcut measure` does";
        InputError::at(MEASURE, what, remedy)
    };
    let here = std::env::current_exe().map_err(|error| input_error(format!("cannot be looked for: {error}")))?;
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let program = named.or_else(|| built(&here)).ok_or_else(|| input_error("is not built".into()))?;
    let status = Command::new(program)
        .args(arguments)
        .status()
        .map_err(|error| input_error(format!("cannot be started: {error}")))?;
    if status.success() {
        return Ok(Ending::Good);
    }
    // It has said what is wrong.
    std::process::exit(status.code().unwrap_or(2))
}

/// The program beside the one at `here`, or as it was built in the project that holds it.
fn built(here: &Path) -> Option<PathBuf> {
    let beside = here.with_file_name(MEASURE);
    let below = here.ancestors().map(|folder| folder.join(BUILT).join(MEASURE));
    std::iter::once(beside).chain(below).find(|program| program.is_file())
}
