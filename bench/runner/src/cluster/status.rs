//! What is done, running, waiting and lost, by cell and by task. Nothing is changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use offcut_instances::document::InputError;
use offcut_ledger::{Key, Manifest, Reference, Row};
use serde::Serialize;

use super::claims::{Claim, Claims};
use super::engine::{Engine, State, Task};
use super::gather::rows_of;
use super::layout::{Layout, claim_name, job_name};
use super::submission::{Begun, Ended, Submission, longest_cell_s, read};
use super::submit::{arrays, is_being_written, jobs_of};
use crate::run::Folder;

/// A cell that somebody had and that has no row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Open {
    /// The method.
    pub method: String,
    /// The instance's hash.
    pub instance: String,
    /// The seed.
    pub seed: u64,
    /// The task that had it; empty if that cannot be read.
    pub task: String,
    /// Where.
    pub node: String,
    /// What the engine says of the task.
    pub word: String,
    /// Since when it has it, in seconds.
    pub for_s: u64,
    /// Whether that is longer than a cell can take.
    pub is_overdue: bool,
}

/// A task that did not come to its own end, or that found something wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// The task.
    pub task: String,
    /// The node; empty if it was on none.
    pub node: String,
    /// What the engine says, or the task itself.
    pub what: String,
}

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    /// Rows made on it.
    pub rows: usize,
    /// How often the reference cell was measured on it.
    pub references: usize,
    /// The median of its seconds; none if it was not measured.
    pub reference_s: Option<f64>,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// All cells of the run.
    pub cells: usize,
    /// Cells with a row.
    pub done: usize,
    /// Of these, rows that have neither a result nor a reason not to have one.
    pub failed: usize,
    /// Of these, rows that are not in the run's own folder yet.
    pub not_gathered: usize,
    /// Cells at work.
    pub running: Vec<Open>,
    /// Cells that a task will take.
    pub waiting: usize,
    /// Cells that nobody has and no task will take.
    pub missing: usize,
    /// Cells that a task had which is no longer there.
    pub lost: Vec<Open>,
    /// Cells that a task has of which nothing is known, as the engine does not answer.
    pub unknown: Vec<Open>,
    /// How many tasks there are of each state, in the engine's words.
    pub tasks: BTreeMap<String, usize>,
    /// Tasks that did not end well.
    pub troubles: Vec<Trouble>,
    /// The nodes.
    pub nodes: BTreeMap<String, Node>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

impl Status {
    /// Whether every cell has its row.
    pub fn is_complete(&self) -> bool {
        self.done == self.cells
    }
}

/// Looks at a run. If the engine does not answer, a note says so, and states are those that files tell.
///
/// # Errors
/// [`InputError`] if it is not the folder of a run on a cluster, or it cannot be read.
pub fn status(folder: &Folder, engine: &dyn Engine) -> Result<Status, InputError> {
    let layout = Layout::of(folder);
    if !layout.is_there() {
        let what = "holds no run on a cluster";
        return Err(InputError::at("", what, "give the folder of a run that was made with --on").in_file(folder.path()));
    }
    let manifest = folder.manifest()?;
    let mut status = Status::default();
    let jobs = jobs_of(&layout);
    let tasks = match engine.query(&job_name(folder.path()), &arrays(&jobs)) {
        Ok(tasks) => Some(tasks),
        Err(error) => {
            status.notes.push(format!("{error}; states of tasks are those that files tell"));
            None
        }
    };
    let known =
        Known { layout: &layout, tasks: &tasks, finish: jobs.iter().filter_map(|jobs| jobs.finish.clone()).collect() };
    let rows = count_rows(folder, &manifest, &mut status);
    let is_active = known.is_any_active();
    known.sort_cells(&manifest, &rows, is_active, &mut status)?;
    known.tell_tasks(&mut status);
    tell_references(folder, &layout, &mut status)?;
    if status.not_gathered > 0 && !is_active {
        let what = format!(
            "{} rows are with their tasks: the command that submitted them brings them here",
            status.not_gathered
        );
        status.notes.push(what);
    }
    Ok(status)
}

/// Keys that have a row, in the run's folder or with a task.
fn count_rows(folder: &Folder, manifest: &Manifest, status: &mut Status) -> HashSet<String> {
    let wanted: HashSet<&str> =
        manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect();
    status.cells = wanted.len();
    let mut done = HashSet::new();
    let mut mismatches = Vec::new();
    let mut count = |rows: Vec<Row>, is_part: bool| {
        for row in rows {
            let key = row.key.line();
            if wanted.contains(key.as_str()) && done.insert(key) {
                status.done += 1;
                status.failed += usize::from(row.status.is_failure());
                status.not_gathered += usize::from(is_part);
                if let Some(node) = row.node() {
                    status.nodes.entry(node.to_owned()).or_default().rows += 1;
                }
            }
        }
    };
    count(rows_of(folder, &mut mismatches), false);
    for part in Layout::of(folder).parts() {
        count(rows_of(&Folder::at(&part), &mut mismatches), true);
    }
    status.notes.extend(mismatches.iter().map(ToString::to_string));
    done
}

/// What engine and files say of tasks.
struct Known<'a> {
    layout: &'a Layout,
    tasks: &'a Option<Vec<Task>>,
    /// Jobs that bring rows together.
    finish: HashSet<String>,
}

impl Known<'_> {
    /// Tasks that run cells.
    fn workers(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().flatten().filter(|task| task.index.is_some())
    }

    fn is_any_active(&self) -> bool {
        self.workers().any(|task| task.state.is_active())
    }

    /// The longest a cell may take, in seconds; none if one may take any time.
    fn longest_s(&self) -> Option<f64> {
        let number = *self.layout.submissions().last()?;
        let submission: Submission = read(&self.layout.submission(number)).ok()?;
        // A check may take ten minutes more.
        Some(longest_cell_s(&submission.suite)? + 600.0)
    }

    /// Sorts the cells without a row.
    fn sort_cells(
        &self,
        manifest: &Manifest,
        done: &HashSet<String>,
        is_active: bool,
        status: &mut Status,
    ) -> Result<(), InputError> {
        let claims: HashMap<String, (Option<Claim>, u64)> =
            Claims::of(self.layout).all()?.into_iter().map(|found| (found.name, (found.claim, found.for_s))).collect();
        let longest_s = self.longest_s();
        let mut seen = HashSet::new();
        for cell in manifest.studies.iter().flat_map(|study| &study.cells) {
            if done.contains(&cell.key) || !seen.insert(&cell.key) {
                continue;
            }
            let Some((claim, for_s)) = claims.get(&claim_name(&cell.key)) else {
                if is_active {
                    status.waiting += 1;
                } else {
                    status.missing += 1;
                }
                continue;
            };
            let (state, word) = self.state_of(claim.as_ref(), *for_s, is_active);
            let open = || open(&cell.key, claim.as_ref(), word, *for_s, longest_s);
            match state {
                Some(State::Running) => status.running.push(open()),
                // It was ended and is to be started again; it takes its cells back.
                Some(State::Waiting) => status.waiting += 1,
                Some(State::Ended | State::Failed) => status.lost.push(open()),
                None => status.unknown.push(open()),
            }
        }
        Ok(())
    }

    /// Where the task of a claim stands, and a word for it; none if that is not known.
    fn state_of(&self, claim: Option<&Claim>, for_s: u64, is_active: bool) -> (Option<State>, String) {
        let Some(claim) = claim else {
            let state = if is_being_written(for_s, is_active) { State::Running } else { State::Failed };
            return (Some(state), "its claim cannot be read".into());
        };
        if let Some(task) = self.workers().find(|task| task.name() == claim.task) {
            return (Some(task.state), task.word.clone());
        }
        let part = self.layout.part(&claim.task, claim.attempt);
        match (read::<Ended>(&part.join("ended.json")), self.tasks) {
            (Ok(ended), _) if ended.why.is_empty() => (Some(State::Failed), "it ended".into()),
            (Ok(ended), _) => (Some(State::Failed), ended.why),
            (Err(_), Some(_)) => (Some(State::Failed), "the engine no longer knows it".into()),
            (Err(_), None) => (None, "not known".into()),
        }
    }

    /// Counts tasks, and tells those that did not end well.
    fn tell_tasks(&self, status: &mut Status) {
        for task in self.workers() {
            *status.tasks.entry(task.word.clone()).or_default() += 1;
        }
        let mut unbound = 0;
        let mut told: HashSet<String> = HashSet::new();
        for part in self.layout.parts() {
            let Ok(begun) = read::<Begun>(&part.join("task.json")) else { continue };
            unbound += usize::from(!begun.is_bound);
            let failed = read::<Ended>(&part.join("ended.json")).ok().filter(|ended| !ended.why.is_empty());
            if let Some(ended) = failed {
                told.insert(begun.task.clone());
                status.troubles.push(Trouble { task: begun.task, node: begun.node, what: ended.why });
            }
        }
        for task in self.tasks.iter().flatten().filter(|task| task.state == State::Failed) {
            let is_finish = self.finish.contains(&task.job) && task.index.is_none();
            if (task.index.is_some() || is_finish) && !told.contains(&task.name()) {
                let what = task.word.clone();
                status.troubles.push(Trouble { task: task.name(), node: task.node.clone(), what });
            }
        }
        if unbound > 0 {
            let what = format!(
                "{unbound} tasks were not bound to cores of their own, so their times may include others' work: see TaskPlugin in the cluster's configuration"
            );
            status.notes.push(what);
        }
    }
}

fn open(key: &str, claim: Option<&Claim>, word: String, for_s: u64, longest_s: Option<f64>) -> Open {
    let key: Option<Key> = serde_json::from_str(key).ok();
    let (method, instance, seed) = key.map_or_else(Default::default, |key| (key.method, key.instance, key.budget.seed));
    let (task, node) = claim.map_or_else(Default::default, |claim| (claim.task.clone(), claim.node.clone()));
    let is_overdue = longest_s.is_some_and(|longest| for_s as f64 > longest);
    Open { method, instance, seed, task, node, word, for_s, is_overdue }
}

/// The reference cell on every node.
fn tell_references(folder: &Folder, layout: &Layout, status: &mut Status) -> Result<(), InputError> {
    let mut paths: Vec<_> = layout.parts().iter().map(|part| Folder::at(part).reference()).collect();
    if paths.is_empty() {
        paths.push(folder.reference());
    }
    let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for path in paths {
        for (node, seconds) in Reference::read(&path)?.by_node() {
            times.entry(node.to_owned()).or_default().extend(seconds);
        }
    }
    for (node, times_s) in times {
        let of = status.nodes.entry(node).or_default();
        of.references = times_s.len();
        of.reference_s = Reference { times_s, ..Reference::default() }.spread_s().map(|[_, median, _]| median);
    }
    Ok(())
}
