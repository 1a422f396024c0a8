//! What starts tasks on other machines: an engine submits jobs, tells what became of them, and cancels them.
//!
//! Another engine is one file that implements [`Engine`], and a line where the command chooses it. It starts the words of a [`Job`] once, or once for every task,
//! in the job's folder, with these variables:
//!
//! | variable | holds |
//! |---|---|
//! | `OFFCUT_TASK` | the task's name, `JOB_INDEX` |
//! | `OFFCUT_TASK_INDEX` | its index, from 0 |
//! | `OFFCUT_TASK_ATTEMPT` | how often it was started before |
//! | `OFFCUT_NODE` | the machine's name |

use std::path::PathBuf;

use offcut_instances::document::InputError;
use serde::{Deserialize, Serialize};

/// What a task may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Partition; the cluster's default if none is named.
    pub partition: Option<String>,
    /// Account; the user's default if none is named.
    pub account: Option<String>,
    /// The most time of a task, as the engine writes it; the partition's default if there is none.
    pub time_per_job: Option<String>,
    /// Cores of a task.
    pub cpus_per_task: u32,
    /// Memory of a task in MiB, if cells have a limit; the partition's default if not.
    pub memory_mib: Option<u64>,
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Job {
    /// What the engine calls it: the same for all jobs of a run.
    pub name: String,
    /// Where it is started.
    pub directory: PathBuf,
    /// Where its script is to be written, without an ending.
    pub script: PathBuf,
    /// The folder for what it prints.
    pub logs: PathBuf,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// How many tasks; none for a job that is started once.
    pub tasks: Option<usize>,
    /// Jobs that have to have ended before, however they did.
    pub after: Vec<String>,
    /// What each task may use.
    pub resources: Resources,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not begun, or is to be started again.
    Waiting,
    /// It has begun, and its processes may be there still.
    Running,
    /// It came to its own end.
    Ended,
    /// It ended in any other way: cancelled, killed, out of time, or with an exit code that is not 0.
    Failed,
}

impl State {
    /// Whether it may still take cells or write rows.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// A task as the engine tells of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
    /// The job it belongs to.
    pub job: String,
    /// Its index among the job's tasks; none for a job that is started once.
    pub index: Option<usize>,
    /// Where it stands.
    pub state: State,
    /// The engine's own words for that.
    pub word: String,
    /// The node it is or was on; empty if on none.
    pub node: String,
}

impl Task {
    /// Its name, as claims have it.
    pub fn name(&self) -> String {
        match self.index {
            Some(index) => format!("{}_{index}", self.job),
            None => self.job.clone(),
        }
    }
}

/// What starts tasks.
pub trait Engine {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// Submits a job. The answer is what the engine calls it.
    ///
    /// # Errors
    /// [`InputError`], one line, if the engine is not there or does not take the job.
    fn submit(&self, job: &Job) -> Result<String, InputError>;

    /// Every task that the engine knows of the jobs of this name, and of those that ended what it still knows of `jobs`.
    ///
    /// # Errors
    /// [`InputError`], one line, if the engine is not there or does not answer.
    fn query(&self, name: &str, jobs: &[String]) -> Result<Vec<Task>, InputError>;

    /// Ends all jobs of this name.
    ///
    /// # Errors
    /// [`InputError`], one line, if the engine is not there or does not answer.
    fn cancel(&self, name: &str) -> Result<(), InputError>;
}
