//! `offcut cell`: what `offcut run` starts this program for. Not for people.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use offcut_instances::document::InputError;
use offcut_runner::cell::{begin_here, check_here, check_incumbents_here, exec_here, roll_out_here, solve_here};
use offcut_runner::supervise::{detach_here, supervise_here};

use super::with_problem;
use crate::exit::Ending;

/// What `offcut cell` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Process that started this one
    #[arg(long)]
    parent: u32,
    /// The problem
    #[arg(long)]
    problem: String,
    #[command(subcommand)]
    task: Task,
}

/// What a cell's process does.
#[derive(Subcommand)]
enum Task {
    /// Solve an instance with one of Offcut's methods
    Solve { instance: PathBuf, hash: String, method: String, budget: String },
    /// Ask a policy that is another program, slot by slot
    RollOut {
        instance: PathBuf,
        hash: String,
        budget: String,
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Become another program
    Exec {
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Check an answer
    Check { instance: PathBuf, answer: PathBuf, hash: String, key: String },
    /// Check the solutions of incumbents, a line each
    CheckIncumbents { instance: PathBuf, hash: String, lines: PathBuf },
    /// Start a supervisor and end
    Detach(Supervised),
    /// Start a task, and end all of it when it ends or the runner does
    Supervise(Supervised),
}

/// What is done under a supervisor.
#[derive(Args)]
struct Supervised {
    /// A folder to be removed afterwards
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// The task with its arguments
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

pub(crate) fn cell(arguments: &Arguments) -> Result<Ending, InputError> {
    begin_here((!matches!(arguments.task, Task::Supervise(_))).then_some(arguments.parent));
    match &arguments.task {
        Task::Solve { instance, hash, method, budget } => {
            with_problem!(&arguments.problem, P => solve_here::<P>(instance, hash, method, budget))?;
        }
        Task::RollOut { instance, hash, budget, words } => {
            with_problem!(&arguments.problem, P => roll_out_here::<P>(instance, hash, budget, words))?;
        }
        Task::Exec { words } => return Err(exec_here(words)),
        Task::Check { instance, answer, hash, key } => {
            with_problem!(&arguments.problem, P => check_here::<P>(instance, answer, hash, key))?;
        }
        Task::CheckIncumbents { instance, hash, lines } => {
            with_problem!(&arguments.problem, P => check_incumbents_here::<P>(instance, hash, lines))?;
        }
        Task::Detach(Supervised { scratch, words }) => detach_here(&arguments.problem, scratch.as_deref(), words)?,
        Task::Supervise(Supervised { scratch, words }) => {
            supervise_here(&arguments.problem, scratch.as_deref(), words)?;
        }
    }
    Ok(Ending::Good)
}
