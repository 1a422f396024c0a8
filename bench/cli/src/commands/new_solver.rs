//! `offcut new-solver`: a working solver in another language, to start from.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use offcut_instances::document::{InputError, write_new};
use offcut_instances::for_each_problem;
use offcut_instances::problem::Problem;

use super::unknown_problem;
use crate::exit::Ending;
use crate::output::out;

/// What `offcut new-solver` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Language
    language: Language,
    /// Problem, or lymdo-policy: a program that is asked slot by slot
    problem: String,
    /// File to write; PROBLEM_solver or lymdo_policy with the language's ending by default
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
    ($problem:ident) => {
        [
            include_str!(concat!("../../templates/", stringify!($problem), ".py")),
            include_str!(concat!("../../templates/", stringify!($problem), ".js")),
        ]
    };
}

/// Those of every problem.
macro_rules! all_examples {
    ([] $($module:ident: $type:path,)*) => { &[$((<$type as Problem>::NAME, examples!($module))),*] };
}

/// The examples of every problem, by its name.
const EXAMPLES: &[(&str, [&str; 2])] = for_each_problem!([] all_examples);

/// Those of a program that is asked slot by slot.
const POLICIES: [&str; 2] = examples!(lymdo_policy);

/// What to write, and how it is used.
struct Example {
    problem: &'static str,
    /// By language.
    texts: [&'static str; 2],
    /// What its file is called, without the ending.
    stem: String,
    /// The option that takes it.
    option: &'static str,
}

/// The example that is called so.
fn example(name: &str) -> Result<Example, InputError> {
    if name == "lymdo-policy" {
        return Ok(Example { problem: "lymdo", texts: POLICIES, stem: "lymdo_policy".into(), option: "--policy" });
    }
    let (problem, texts) = *EXAMPLES.iter().find(|(known, _)| *known == name).ok_or_else(|| {
        let error = unknown_problem(name);
        InputError { remedy: format!("{}; lymdo-policy is a policy of lymdo", error.remedy), ..error }
    })?;
    Ok(Example { problem, texts, stem: format!("{problem}_solver"), option: "--solver" })
}

pub(crate) fn new_solver(arguments: &Arguments) -> Result<Ending, InputError> {
    let Arguments { language, problem, output } = arguments;
    let Example { problem, texts, stem, option } = example(problem)?;
    let text = texts[*language as usize].trim_end();
    let path = output.clone().unwrap_or_else(|| PathBuf::from(format!("{stem}.{}", language.ending())));
    write_new(&path, text.as_bytes())?;
    let command = format!("{} {}", language.command(), quoted(&path));
    let slots = if option == "--policy" { " slot by slot" } else { "" };
    out!("{} solves {problem}{slots}. Put your algorithm into it, then:", path.display());
    out!("  offcut conform {problem} {option} '{command}'");
    out!("  offcut generate {problem} -o my.json && offcut solve my.json {option} '{command}'");
    out!("  offcut run bench/suites/{problem}/demo.json {option} '{command}'");
    Ok(Ending::Good)
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text }
}
