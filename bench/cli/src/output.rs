//! The one place that writes to standard output and standard error.
//!
//! - [`out!`] and [`err!`] write one line each, whatever is in their arguments: line feeds, escape sequences and the like in names are escaped.
//! - A reader that closes its end of the pipe (`head`, `true`) ends the output and nothing else: the command goes on to its verdict, and the exit
//!   code is that of the verdict.
//! - If standard output cannot be written to for any other reason, [`finish`] says so in one line, and the exit code is not 0.
//!
//! Standard error has nowhere to tell its own failures; they are ignored.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Mutex;

use offcut_instances::terminal::{is_unsafe, one_line};
use serde::Serialize;

use crate::exit;

/// What standard output failed with first; nothing is written to it after that.
static FAILED: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Writes a line to standard output.
macro_rules! out {
    () => { $crate::output::line(format_args!("")) };
    ($($argument:tt)*) => { $crate::output::line(format_args!($($argument)*)) };
}
pub(crate) use out;

/// Writes a line to standard error.
macro_rules! err {
    ($($argument:tt)*) => { $crate::output::error_line(format_args!($($argument)*)) };
}
pub(crate) use err;

/// Writes a line to standard output, see [`out!`].
pub(crate) fn line(text: Arguments<'_>) {
    bytes(format!("{}\n", one_line(text)).as_bytes());
}

/// Writes a line to standard error, see [`err!`].
pub(crate) fn error_line(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_all(format!("{}\n", one_line(text)).as_bytes());
}

/// Writes a text of several lines, such as a table, to standard output. Its line feeds are its own: cells are to be single lines already.
pub(crate) fn block(text: &str) {
    for one in text.lines() {
        line(format_args!("{one}"));
    }
}

/// Writes a value as JSON to standard output, over several lines. What could act on a terminal is written as JSON's own escapes.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).expect("plain data");
    bytes(format!("{}\n", escaped_json(&text)).as_bytes());
}

/// Writes a value as one line of JSON, see [`json`].
pub(crate) fn json_line(value: &impl Serialize) {
    let text = serde_json::to_string(value).expect("plain data");
    bytes(format!("{}\n", escaped_json(&text)).as_bytes());
}

/// Line feeds stand between the parts of a JSON text and never inside a string; everything else that is unsafe only inside one.
pub(crate) fn escaped_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' || !is_unsafe(letter) {
            escaped.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// Hands what a program wrote to its error output on to ours, marked line by line as that program's.
pub(crate) fn relay(errors: &[u8]) {
    for text in String::from_utf8_lossy(errors).lines() {
        error_line(format_args!("solver | {text}"));
    }
}

/// Writes bytes to standard output as they are: a document, or text that is safe already.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut failed = FAILED.lock().expect("no thread panics with it");
    if failed.is_none()
        && let Err(error) = std::io::stdout().lock().write_all(bytes)
    {
        *failed = Some(error);
    }
}

/// Takes note of how writing to standard output went elsewhere.
pub(crate) fn written(result: std::io::Result<()>) {
    let mut failed = FAILED.lock().expect("no thread panics with it");
    if let (None, Err(error)) = (&*failed, result) {
        *failed = Some(error);
    }
}

/// The last thing a program does: the exit code for `found`, the command's own. Output that was lost turns success into failure,
/// unless its reader had gone; it never changes the code of a rejection.
pub(crate) fn finish(found: u8) -> ExitCode {
    written(std::io::stdout().lock().flush());
    let failed = FAILED.lock().expect("no thread panics with it").take();
    ExitCode::from(match failed {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            err!("offcut: standard output: cannot be written to: {error}; give a place with room");
            if found == exit::GOOD { exit::BAD_INPUT } else { found }
        }
        _ => found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_same_value_and_safe() {
        let value = serde_json::json!({"a\u{202e}": "x\ny\u{1b}\u{9b}\u{7f}\u{e0041} ü"});
        let text = escaped_json(&serde_json::to_string_pretty(&value).expect("plain data"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("JSON"), value);
        assert!(text.lines().all(|line| !line.chars().any(is_unsafe)) && text.contains('ü'), "{text}");
    }
}
