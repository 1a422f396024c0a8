//! What both programs do at the command line: arguments, messages, output.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use offcut_instances::document::write_new;
use offcut_instances::terminal::one_line;

/// Exit code of bad input, of a run that came to nothing, and of output that could not be written.
pub const BAD_INPUT: u8 = 2;

/// Reads the arguments and runs a program with them. What is wrong is one line on standard error.
pub fn main<Arguments: Parser>(run: impl FnOnce(Arguments) -> Result<()>) -> ExitCode {
    let refused = |text: &str| {
        say(text);
        ExitCode::from(BAD_INPUT)
    };
    match Arguments::try_parse() {
        Ok(arguments) => {
            run(arguments).map_or_else(|error| refused(&format!("error: {error:#}")), |()| ExitCode::SUCCESS)
        }
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let text = error.to_string();
            let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            refused(&lines.join(" "))
        }
    }
}

/// A line on standard error, shortened to what can be read.
pub fn say(text: &str) {
    const LONGEST: usize = 600;
    eprintln!("{}", one_line(text).chars().take(LONGEST).collect::<String>());
}

/// Standard output; a closed pipe is no error.
///
/// # Errors
/// If it cannot be written otherwise.
pub fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Writes a new file.
///
/// # Errors
/// If it is there already or cannot be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    write_new(path, text.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))
}

/// Whether a new file can be made at `path`, found out before minutes are spent.
///
/// # Errors
/// If it cannot.
pub fn can_be_written(path: &Path) -> Result<()> {
    write(path, "")?;
    std::fs::remove_file(path).with_context(|| format!("{}: cannot be removed again", path.display()))
}
