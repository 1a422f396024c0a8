//! A task: it takes cells until there are none, or its time is up.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use offcut_instances::document::InputError;
use offcut_instances::problem::MethodSpec;
use offcut_ledger::Row;

use super::claims::{Claim, Claims, now_unix_s};
use super::gather::rows_of;
use super::layout::{Layout, claim_name};
use super::submission::{Begun, Ended, Submission, longest_cell_s, read, write};
use crate::environment::{allowed_cpus, code_version};
use crate::process::PutBack;
use crate::run::{Cells, Folder, Progress, RunOptions, begin, run_cells};
use crate::solver::{Externals, Solver};
use crate::suite::{Cell, Grid};
use crate::{BenchmarkAdapter, Shard};

/// Which task this process is, as its engine says in the environment, see [`super::engine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// Its name.
    pub task: String,
    /// Its index.
    pub index: usize,
    /// How often it was started before.
    pub attempt: u32,
    /// The node.
    pub node: String,
}

impl Me {
    /// As the environment says.
    ///
    /// # Errors
    /// [`InputError`] if it does not.
    pub fn from_environment() -> Result<Self, InputError> {
        let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let me = || {
            Some(Self {
                task: value("OFFCUT_TASK")
                    .filter(|task| task.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)))?,
                index: value("OFFCUT_TASK_INDEX")?.parse().ok()?,
                attempt: value("OFFCUT_TASK_ATTEMPT")?.parse().ok()?,
                node: value(crate::environment::NODE).unwrap_or_default(),
            })
        };
        me().ok_or_else(|| {
            let remedy = "let an engine start it: offcut run SUITE --on slurm";
            InputError::at("OFFCUT_TASK, OFFCUT_TASK_INDEX, OFFCUT_TASK_ATTEMPT", "do not name a task", remedy)
        })
    }
}

/// Runs the cells of a submission that nobody else has. The answer is how many.
///
/// # Errors
/// [`InputError`] if the submission cannot be read, a program has changed since, or the run's folder cannot be used any more: cells without a row are
/// then missing, and are run again.
pub fn work<P: BenchmarkAdapter>(
    folder: &Folder,
    number: u32,
    program: &Path,
    me: &Me,
    progress: &mut (dyn Progress + Send),
) -> Result<usize, InputError> {
    let began = Instant::now();
    let layout = Layout::of(folder);
    let path = layout.part(&me.task, me.attempt);
    let worked = take_cells::<P>(&layout, number, program, me, began, progress);
    let (cells, why) = match &worked {
        Ok(Worked { cells, is_late: true }) => (*cells, "the time that was left was too short for another cell".into()),
        Ok(Worked { cells, is_late: false }) => (*cells, String::new()),
        Err(error) => (0, error.to_string()),
    };
    // Where the disk is full this fails too, and the exit code says so all the same.
    let told = write(&path.join("ended.json"), &Ended { cells, why, at_unix_s: now_unix_s() });
    worked.and_then(|worked| told.map(|()| worked.cells))
}

/// The reference cell is measured so often among the cells of a task, and once at its end: many tasks run on a node.
const REFERENCES: usize = 2;

/// What a task did that came to its own end.
struct Worked {
    cells: usize,
    /// Whether there were cells left, and too little time.
    is_late: bool,
}

fn take_cells<P: BenchmarkAdapter>(
    layout: &Layout,
    number: u32,
    program: &Path,
    me: &Me,
    began: Instant,
    progress: &mut (dyn Progress + Send),
) -> Result<Worked, InputError> {
    let path = layout.part(&me.task, me.attempt);
    let part = Folder::at(&path);
    part.create()?;
    let submission: Submission = read(&layout.submission(number))?;
    write(&path.join("task.json"), &about(number, me, submission.resources.cpus_per_task))?;
    let grid = submission.grid()?;
    holds_versions::<P>(&grid, &submission.suite.solvers)?;
    take_back(layout, me)?;
    let how = RunOptions { program, shard: Shard::ALL, jobs: 1, keeps_suite: false };
    let begun = begin::<P>(&submission.suite, &part, &how, &grid)?;
    let expected = grid.cells.len().div_ceil(submission.tasks.max(1));
    progress.begins(expected, 0);
    let queue = Queue::new(layout, &part, &submission, &grid, me, began)?;
    let next = || queue.next();
    let cells =
        Cells { suite: &submission.suite, folder: &part, grid: &grid, how: &how, expected, references: REFERENCES };
    run_cells::<P>(&cells, begun, &next, progress)?;
    let state = queue.state.into_inner().expect("no thread panicked with it");
    Ok(Worked { cells: state.taken, is_late: state.is_late })
}

fn about(number: u32, me: &Me, cpus_per_task: u32) -> Begun {
    let cpus = allowed_cpus();
    let is_bound = count_of(&cpus) <= cpus_per_task as usize;
    let Me { task, attempt, node, .. } = me.clone();
    Begun { submission: number, task, attempt, node, cpus, is_bound, at_unix_s: now_unix_s() }
}

/// How many processors there are in a list such as `0-3,8`.
fn count_of(cpus: &str) -> usize {
    let range = |part: &str| -> Option<usize> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    };
    cpus.split(',').filter_map(range).sum()
}

/// Programs are still those whose rows the keys name.
fn holds_versions<P: BenchmarkAdapter>(grid: &Grid, externals: &Externals) -> Result<(), InputError> {
    let code = code_version();
    let mut seen = HashSet::new();
    for Cell { method, key, .. } in &grid.cells {
        if seen.insert(MethodSpec::id_in(&key.method))
            && Solver::<P>::of(method, externals)?.version(&code)? != key.code
        {
            let what = "is another program than when the run was submitted";
            return Err(InputError::at(format!("method '{}'", method.id), what, "submit the run again"));
        }
    }
    Ok(())
}

/// Takes back what earlier attempts of this task had and have no row of: they have ended, or this one would not have been started.
fn take_back(layout: &Layout, me: &Me) -> Result<(), InputError> {
    if me.attempt == 0 {
        return Ok(());
    }
    let earlier = (0..me.attempt).map(|attempt| Folder::at(&layout.part(&me.task, attempt)));
    let rows = earlier.flat_map(|part| rows_of(&part, &mut Vec::new()));
    let done: HashSet<String> = rows.map(|row: Row| claim_name(&row.key.line())).collect();
    let claims = Claims::of(layout);
    for found in claims.all()? {
        let is_mine = found.claim.is_some_and(|claim| claim.task == me.task && claim.attempt < me.attempt);
        if is_mine && !done.contains(&found.name) {
            claims.release(&found.name)?;
        }
    }
    Ok(())
}

/// The cells of a submission, as one task goes through them: from a place of its own on, so that tasks seldom want the same.
struct Queue<'a> {
    claims: Claims,
    claim: Claim,
    part: &'a Folder,
    /// Cells with their names, from this task's place on.
    cells: Vec<(&'a Cell, String)>,
    externals: &'a Externals,
    losses: std::collections::HashMap<String, u64>,
    /// Until when a cell may begin.
    until: Option<Instant>,
    state: Mutex<Place>,
}

/// Where a task is in its cells.
#[derive(Default)]
struct Place {
    at: usize,
    /// Whether anything was free since the first cell.
    has_found: bool,
    /// Names that are taken, as far as is known.
    known: HashSet<String>,
    /// How many others were faster since `known` was read.
    misses: usize,
    taken: usize,
    is_late: bool,
    /// The claim of the cell at work goes if this process is asked to end.
    give_back: Option<PutBack>,
}

/// After so many cells that others took meanwhile the list of claims is read again.
const MISSES: usize = 8;

impl<'a> Queue<'a> {
    fn new(
        layout: &Layout,
        part: &'a Folder,
        submission: &'a Submission,
        grid: &'a Grid,
        me: &Me,
        began: Instant,
    ) -> Result<Self, InputError> {
        let mut cells: Vec<(&Cell, String)> =
            grid.cells.iter().map(|cell| (cell, claim_name(&cell.key.line()))).collect();
        let first = (me.index * cells.len() / submission.tasks.max(1)).min(cells.len());
        cells.rotate_left(first);
        let claims = Claims::of(layout);
        let Me { task, attempt, node, .. } = me.clone();
        let longest = Duration::from_secs_f64(longest_cell_s(&submission.suite).unwrap_or(0.0));
        let until = submission.time_per_job_s.map(|seconds| {
            let last = Duration::from_secs(seconds).saturating_sub(longest);
            began + last
        });
        let state = Place { known: claims.names()?.into_iter().collect(), ..Place::default() };
        Ok(Self {
            losses: claims.losses(),
            claims,
            claim: Claim { task, attempt, node, at_unix_s: 0 },
            part,
            cells,
            externals: &submission.suite.solvers,
            until,
            state: Mutex::new(state),
        })
    }

    /// The next cell that nobody has. Once through, it looks again for what others gave back meanwhile.
    fn next(&self) -> Result<Option<&'a Cell>, InputError> {
        let mut state = self.state.lock().expect("no thread panics with it");
        state.give_back = None;
        // At least one cell is run, or a task with little time would never come to any.
        if state.taken > 0 && self.until.is_some_and(|until| Instant::now() > until) {
            state.is_late = true;
            return Ok(None);
        }
        loop {
            if state.at == self.cells.len() {
                if !std::mem::take(&mut state.has_found) {
                    return Ok(None);
                }
                state.at = 0;
                state.known = self.claims.names()?.into_iter().collect();
            }
            let (cell, name) = (self.cells[state.at].0, &self.cells[state.at].1);
            state.at += 1;
            if state.known.contains(name) {
                continue;
            }
            // Before the claim: whoever is asked to end between the two gives back nothing that is not there.
            let claim = Claim { at_unix_s: now_unix_s(), ..self.claim.clone() };
            if !self.claims.take(name, &claim)? {
                state.misses += 1;
                if state.misses > MISSES {
                    state.misses = 0;
                    state.known = self.claims.names()?.into_iter().collect();
                }
                continue;
            }
            state.give_back = Some(PutBack::enter(self.claims.path(name), None));
            state.has_found = true;
            state.taken += 1;
            self.tell_losses(cell, name);
            return Ok(Some(cell));
        }
    }

    /// A program during which tasks were ended again and again gets a row that says so: it is counted as a runner on one machine counts it.
    fn tell_losses(&self, cell: &Cell, name: &str) {
        if let Some(times) = self.losses.get(name).filter(|_| self.externals.contains_key(&cell.method.id)) {
            let _ = std::fs::write(self.part.started(&cell.key.line()), times.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted() {
        for (list, count) in [("0", 1), ("0-3", 4), ("0-3,8,10-11", 7), ("", 0)] {
            assert_eq!(count_of(list), count, "{list}");
        }
    }

    #[test]
    fn a_task_that_is_started_again_takes_back_what_it_had() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::of(&Folder::at(folder.path()));
        layout.create().expect("room");
        let claims = Claims::of(&layout);
        let claim = |task: &str, attempt| Claim { task: task.into(), attempt, node: "n".into(), at_unix_s: 0 };
        for (name, task, attempt) in [("a", "1_0", 0), ("b", "1_1", 0), ("c", "1_0", 1)] {
            assert_eq!(claims.take(name, &claim(task, attempt)), Ok(true));
        }
        let me = Me { task: "1_0".into(), index: 0, attempt: 1, node: "n".into() };
        take_back(&layout, &me).expect("room");
        let mut left = claims.names().expect("there");
        left.sort();
        assert_eq!(left, ["b", "c"]);
    }
}
