//! `offcut cell`: what `offcut run` starts this program for. Not for people.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use offcut_instances::document::Trouble;
use offcut_runner::cell::{begin_here, exec_here, judge_here, roll_out_here, solve_here};

use super::with_problem;
use crate::Ending;

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
    Solve { instance: PathBuf, method: String, budget: String },
    /// Ask a policy that is another program, slot by slot
    RollOut {
        instance: PathBuf,
        budget: String,
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Become another program
    Exec {
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
    /// Judge an answer
    Judge { instance: PathBuf, answer: PathBuf, key: String },
}

pub(crate) fn cell(arguments: &Arguments) -> Result<Ending, Trouble> {
    begin_here(arguments.parent);
    match &arguments.task {
        Task::Solve { instance, method, budget } => {
            with_problem!(&arguments.problem, P => solve_here::<P>(instance, method, budget))?;
        }
        Task::RollOut { instance, budget, words } => {
            with_problem!(&arguments.problem, P => roll_out_here::<P>(instance, budget, words))?;
        }
        Task::Exec { words } => return Err(exec_here(words)),
        Task::Judge { instance, answer, key } => {
            with_problem!(&arguments.problem, P => judge_here::<P>(instance, answer, key))?;
        }
    }
    Ok(Ending::Good)
}
