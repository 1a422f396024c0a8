//! `offcut new-solver`: a working solver in another language, to start from.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use offcut_instances::document::{Trouble, write_new};

use super::{PROBLEMS, unknown_problem};
use crate::Ending;

/// What `offcut new-solver` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Language
    language: Language,
    /// Problem
    problem: String,
    /// File to write; PROBLEM_solver with the language's ending by default
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Languages there is an example in. Any other that reads and writes JSON will do.
#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Python,
    Javascript,
}

impl Language {
    fn command(self) -> &'static str {
        match self {
            Self::Python => "python3",
            Self::Javascript => "node",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Javascript => "js",
        }
    }
}

/// The examples of `$problem`, by language.
macro_rules! examples {
    ($problem:literal) => {
        [
            include_str!(concat!("../../templates/", $problem, ".py")),
            include_str!(concat!("../../templates/", $problem, ".js")),
        ]
    };
}

/// One entry for every one of [`PROBLEMS`].
const EXAMPLES: [[&str; 2]; PROBLEMS.len()] =
    [examples!("multiuser"), examples!("throughput"), examples!("jpdra"), examples!("lymdo")];

pub(crate) fn new_solver(arguments: &Arguments) -> Result<Ending, Trouble> {
    let Arguments { language, problem, output } = arguments;
    let at = PROBLEMS.iter().position(|known| known == problem).ok_or_else(|| unknown_problem(problem))?;
    let text = EXAMPLES[at][*language as usize].trim_end();
    let path = output.clone().unwrap_or_else(|| PathBuf::from(format!("{problem}_solver.{}", language.ending())));
    write_new(&path, text.as_bytes())?;
    let command = format!("{} {}", language.command(), quoted(&path));
    println!("{} solves {problem}. Put your algorithm into it, then:", path.display());
    println!("  offcut conform {problem} --solver '{command}'");
    println!("  offcut generate {problem} -o my.json && offcut solve my.json --solver '{command}'");
    println!("  offcut run bench/suites/{problem}/demo.json --solver '{command}'");
    Ok(Ending::Good)
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text }
}
