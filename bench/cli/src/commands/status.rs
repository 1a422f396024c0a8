//! `offcut status`.

use std::path::{Path, PathBuf};

use clap::Args;
use offcut_instances::document::InputError;
use offcut_runner::Folder;
use offcut_runner::cluster::layout::job_name;
use offcut_runner::cluster::status::{Node, Open};
use offcut_runner::cluster::submission::{self, Submission};
use offcut_runner::cluster::{Layout, Status, status};

use super::cluster::Name;
use crate::exit::Ending;
use crate::output::{block, json, out};
use crate::text::{seconds, table};

pub(crate) const ABOUT: &str = "A cell is lost if the task that had it is no longer there and left no row: submit the run again, with the same command, and it is run again.
Tasks are those that squeue and sacct tell of, or scontrol where there is no accounting; where Slurm does not answer, those that wrote files.
Exit code 1 if cells were lost or are missing and no task will run them.
Examples: offcut status runs/mine
          offcut status runs/mine --json
          offcut status runs/mine --cancel";

/// What `offcut status` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of a run that was made with --on
    folder: PathBuf,
    /// As JSON, all cells and tasks
    #[arg(long)]
    json: bool,
    /// Ask the engine to end all jobs of the run first
    #[arg(long)]
    cancel: bool,
}

/// How many cells and tasks of a kind are told one by one.
const SHOWN: usize = 20;

pub(crate) fn run(arguments: &Arguments) -> Result<Ending, InputError> {
    let folder = Folder::at(&arguments.folder);
    let engine = engine_of(&folder)?.engine(&folder);
    if arguments.cancel {
        engine.cancel(&job_name(folder.path()))?;
    }
    let found = status(&folder, &*engine)?;
    if arguments.json {
        json(&found);
    } else {
        tell(&found, &arguments.folder);
    }
    Ok(if found.lost.is_empty() && found.missing == 0 { Ending::Good } else { Ending::Rejected })
}

/// The engine of the last submission.
fn engine_of(folder: &Folder) -> Result<Name, InputError> {
    let layout = Layout::of(folder);
    let Some(number) = layout.submissions().last().copied() else { return Ok(Name::Slurm) };
    let last: Submission = submission::read(&layout.submission(number))?;
    Ok(if last.engine == "local" { Name::Local } else { Name::Slurm })
}

fn tell(status: &Status, folder: &Path) {
    let Status { cells, done, failed, running, waiting, missing, lost, unknown, tasks, troubles, nodes, notes, .. } =
        status;
    let mut parts = vec![format!("{done} done ({failed} failed)"), format!("{} running", running.len())];
    parts.push(format!("{waiting} waiting"));
    parts.push(format!("{} lost", lost.len()));
    if *missing > 0 {
        parts.push(format!("{missing} missing"));
    }
    if !unknown.is_empty() {
        parts.push(format!("{} unknown", unknown.len()));
    }
    out!("{cells} cells: {}", parts.join(", "));
    if !tasks.is_empty() {
        let counts: Vec<String> = tasks.iter().map(|(word, count)| format!("{count} {word}")).collect();
        out!("tasks: {}", counts.join(", "));
    }
    tell_cells("lost", lost);
    tell_cells("unknown", unknown);
    let overdue: Vec<Open> = running.iter().filter(|open| open.is_overdue).cloned().collect();
    tell_cells("overdue", &overdue);
    for trouble in troubles.iter().take(SHOWN) {
        let node = if trouble.node.is_empty() { String::new() } else { format!(" on {}", trouble.node) };
        out!("task {}{node}: {}", trouble.task, trouble.what);
    }
    if troubles.len() > SHOWN {
        out!("and {} more tasks that did not end well", troubles.len() - SHOWN);
    }
    tell_nodes(nodes.iter().map(|(name, node)| (name.as_str(), node)).collect());
    for note in notes {
        out!("note: {note}");
    }
    if status.is_complete() {
        out!("all cells have their row; offcut report {}", folder.display());
    } else if !lost.is_empty() || *missing > 0 {
        out!("submit the run again, with the same command, to run what is lost or missing");
    }
}

fn tell_cells(kind: &str, cells: &[Open]) {
    for Open { method, instance, seed, task, node, word, for_s, .. } in cells.iter().take(SHOWN) {
        let node = if node.is_empty() { String::new() } else { format!(" on {node}") };
        out!("{kind}: {method} on {instance}, seed {seed}: task {task}{node}, {word}; taken {for_s} s ago");
    }
    if cells.len() > SHOWN {
        out!("and {} more {kind}", cells.len() - SHOWN);
    }
}

/// The reference cell tells nodes apart that are slower than others.
fn tell_nodes(nodes: Vec<(&str, &Node)>) {
    if nodes.is_empty() {
        return;
    }
    let line = |(name, node): &(&str, &Node)| {
        let median = node.reference_s.map_or_else(|| "-".into(), seconds);
        vec![(*name).to_owned(), node.rows.to_string(), node.references.to_string(), median]
    };
    let lines = nodes.iter().map(line).collect();
    block(&table(&["node", "rows", "reference cells", "median"], 1, lines).to_string());
}
