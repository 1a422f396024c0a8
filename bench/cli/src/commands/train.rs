//! `offcut train`: starts the trainer, a program of its own.
//!
//! The trainer is not part of this program because candle takes about 4 CPU minutes to compile, more than all of Offcut
//! but HiGHS.

use std::ffi::OsString;
use std::process::Command;

use offcut_instances::document::InputError;

use crate::exit::Ending;

/// The program, beside this one.
const TRAINER: &str = "offcut-trainer";

/// Starts the trainer with these arguments; its exit code is ours.
pub(crate) fn train(arguments: &[OsString]) -> Result<Ending, InputError> {
    let input_error = |what: String| {
        let remedy = "it needs a clone of the project, in which `./offcut train` builds it";
        InputError::at(TRAINER, what, remedy)
    };
    let here = std::env::current_exe().map_err(|error| input_error(format!("cannot be looked for: {error}")))?;
    let program = here.with_file_name(TRAINER);
    if !program.exists() {
        return Err(input_error("is not built".into()));
    }
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
