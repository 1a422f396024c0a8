//! What is missing becomes jobs.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use offcut_instances::document::InputError;
use offcut_ledger::evidence::Mismatch;

use super::claims::{Claims, now_unix_s};
use super::engine::{Engine, Job, Resources, Task};
use super::gather::gather;
use super::layout::{Layout, claim_name, job_name};
use super::slurm::seconds_of;
use super::submission::{Jobs, Listed, Submission, longest_cell_s, read, write};
use crate::environment::code_version;
use crate::run::{Folder, RunOptions, begin, in_order, unusable};
use crate::suite::{Cell, Grid, Suite};
use crate::{BenchmarkAdapter, Shard};

/// What is asked of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The most tasks at a time.
    pub jobs: usize,
    /// Whether the suite is in no file yet, see [`RunOptions::keeps_suite`].
    pub keeps_suite: bool,
    /// What each task may use; no cores mean as many as a cell has threads.
    pub resources: Resources,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Submitted {
    /// Cells that have their row.
    pub done: usize,
    /// Cells that tasks at work have.
    pub held: usize,
    /// Cells that are missing otherwise.
    pub missing: usize,
    /// Of these, cells that were lost: a task had them and is no longer there.
    pub lost: usize,
    /// Tasks that run or wait already.
    pub active: usize,
    /// The new job and its number of tasks, if there is one.
    pub array: Option<(String, usize)>,
    /// Why no job could be submitted that brings the rows together, if so.
    pub unfinished: Option<String>,
    /// Rows of tasks that do not hold to their answers.
    pub mismatches: Vec<Mismatch>,
}

impl Submitted {
    /// Whether all cells have their row.
    pub fn is_complete(&self) -> bool {
        self.held == 0 && self.missing == 0
    }
}

/// Submits what is missing of a suite: cells without a row that no running or waiting task has.
///
/// # Errors
/// [`InputError`] if the suite asks for something unknown, the folder cannot be used, or the engine is not there or does not take the jobs. Nothing is lost then;
/// submitting again is safe.
pub fn submit<P: BenchmarkAdapter>(
    suite: &Suite,
    folder: &Folder,
    program: &Path,
    request: &Request,
    engine: &dyn Engine,
) -> Result<Submitted, InputError> {
    let (resources, time_per_job_s) = resources(suite, &request.resources)?;
    let grid = suite.expand::<P>(&code_version(), |_, _| Ok(()))?;
    folder.create()?;
    let layout = Layout::of(folder);
    layout.create()?;
    // Who is asked first: without an engine nothing is written that looks like a run under way.
    let name = job_name(folder.path());
    let earlier = jobs_of(&layout);
    let tasks = engine.query(&name, &arrays(&earlier))?;
    let lock = layout.lock()?;
    let gathered = gather::<P>(folder)?;
    let how = RunOptions { program, shard: Shard::ALL, jobs: 1, keeps_suite: request.keeps_suite };
    let done = begin::<P>(suite, folder, &how, &grid)?.done;
    let mut submitted = Submitted { mismatches: gathered.mismatches, ..Submitted::default() };
    let missing = missing(suite, &grid, &done, &layout, &tasks, &mut submitted)?;
    let active = active_in(&tasks, &earlier);
    submitted.active = active.len();
    let count = request.jobs.max(1).saturating_sub(active.len()).min(missing.len());
    if count == 0 {
        return Ok(submitted);
    }
    let number = layout.submissions().last().map_or(1, |last| last + 1);
    let listed = |cell: &&Cell| Listed { recipe: cell.recipe, key: cell.key.clone() };
    let submission = Submission {
        engine: engine.name().into(),
        problem: P::NAME.into(),
        suite: suite.clone(),
        tasks: count,
        resources,
        time_per_job_s,
        at_unix_s: now_unix_s(),
        recipes: grid.recipes.clone(),
        labels: grid.labels.clone(),
        cells: missing.iter().map(listed).collect(),
    };
    write(&layout.submission(number), &submission)?;
    let program = copied(&layout, program)?;
    let still: BTreeSet<String> = active.iter().map(|task| task.job.clone()).collect();
    let work = first_job(folder, &layout, &program, name, (number, &submission))?;
    submit_both(&layout, number, work, still, engine, &mut submitted)?;
    drop(lock);
    Ok(submitted)
}

/// The array of a submission; its last words are the run's folder.
fn first_job(
    folder: &Folder,
    layout: &Layout,
    program: &Path,
    name: String,
    (number, submission): (u32, &Submission),
) -> Result<Job, InputError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| unusable(path, &error));
    let text = |path: &Path| {
        let text = absolute(path)?.to_str().map(str::to_owned);
        text.ok_or_else(|| InputError::at("--folder", "has a path that is no text", "give another").in_file(path))
    };
    let mut words: Vec<String> = vec![text(program)?];
    words.extend(["cluster", "work", "--submission"].map(Into::into));
    words.extend([number.to_string(), text(folder.path())?]);
    Ok(Job {
        name,
        directory: absolute(Path::new("."))?,
        script: absolute(&layout.scripts().join(format!("{number}-tasks")))?,
        logs: absolute(&layout.logs())?,
        words,
        tasks: Some(submission.tasks),
        after: Vec::new(),
        resources: submission.resources.clone(),
    })
}

/// Submits the array, and the job that comes after it and after all arrays that are still at work.
fn submit_both(
    layout: &Layout,
    number: u32,
    work: Job,
    still: BTreeSet<String>,
    engine: &dyn Engine,
    submitted: &mut Submitted,
) -> Result<(), InputError> {
    let array = engine.submit(&work)?;
    let mut jobs = Jobs { engine: engine.name().into(), array: array.clone(), finish: None };
    write(&layout.jobs(number), &jobs)?;
    submitted.array = work.tasks.map(|tasks| (array.clone(), tasks));
    let (program, folder) = (work.words.first().cloned(), work.words.last().cloned());
    let words = [program, Some("cluster".into()), Some("finish".into()), folder].into_iter().flatten().collect();
    let last = Job {
        script: work.script.with_file_name(format!("{number}-finish")),
        words,
        tasks: None,
        after: still.into_iter().chain([array]).collect(),
        resources: Resources { cpus_per_task: 1, memory_mib: None, ..work.resources.clone() },
        ..work
    };
    match engine.submit(&last) {
        Ok(id) => {
            jobs.finish = Some(id);
            write(&layout.jobs(number), &jobs)?;
        }
        // The tasks are under way all the same, and calling again brings their rows together.
        Err(error) => submitted.unfinished = Some(error.to_string()),
    }
    Ok(())
}

/// Resources with what the suite says of them, and the seconds of a task.
fn resources(suite: &Suite, asked: &Resources) -> Result<(Resources, Option<u64>), InputError> {
    let mut resources = asked.clone();
    let threads = suite.budget.threads.max(1);
    if resources.cpus_per_task == 0 {
        resources.cpus_per_task = threads;
    }
    if resources.cpus_per_task < threads {
        let what = format!("{} are fewer than the {threads} threads of a cell", resources.cpus_per_task);
        return Err(InputError::at("--cpus-per-task", what, "give a cell's threads at least, or change --threads"));
    }
    // Half a gigabyte for the process that watches, and the one that checks.
    resources.memory_mib = suite.budget.memory_bytes.map(|bytes| bytes.div_ceil(1 << 20) + 512);
    let seconds = resources.time_per_job.as_deref().map(seconds_of).transpose()?;
    if let (Some(seconds), Some(longest)) = (seconds, longest_cell_s(suite))
        && (seconds as f64) < longest
    {
        let what = format!("is shorter than a cell may take, {longest:.0} s");
        return Err(InputError::at("--time-per-job", what, "give each task the time of many cells"));
    }
    Ok((resources, seconds))
}

/// The cells to run, in order. Claims whose task is no longer there are taken away.
fn missing<'a>(
    suite: &Suite,
    grid: &'a Grid,
    done: &HashSet<String>,
    layout: &Layout,
    tasks: &[Task],
    submitted: &mut Submitted,
) -> Result<Vec<&'a Cell>, InputError> {
    let claims = Claims::of(layout);
    let active: HashSet<String> = tasks.iter().filter(|task| task.state.is_active()).map(Task::name).collect();
    let done_names: HashSet<String> = done.iter().map(|key| claim_name(key)).collect();
    let mut held = HashSet::new();
    let mut lost = HashSet::new();
    for found in claims.all()? {
        if done_names.contains(&found.name) {
            continue;
        }
        let is_held = match &found.claim {
            Some(claim) => active.contains(&claim.task),
            None => is_being_written(found.for_s, !active.is_empty()),
        };
        if is_held {
            held.insert(found.name);
        } else {
            claims.release(&found.name)?;
            lost.insert(found.name);
        }
    }
    let (there, open): (Vec<_>, Vec<_>) =
        in_order(suite, grid).into_iter().partition(|cell| done.contains(&cell.key.line()));
    submitted.done = there.len();
    let (held, missing): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|cell| held.contains(&claim_name(&cell.key.line())));
    submitted.held = held.len();
    submitted.missing = missing.len();
    submitted.lost = missing.iter().filter(|cell| lost.contains(&claim_name(&cell.key.line()))).count();
    Ok(missing)
}

/// Whether a claim that cannot be read may be one that a task is just writing.
pub(crate) fn is_being_written(for_s: u64, is_active: bool) -> bool {
    is_active && for_s < 60
}

/// The tasks at work on cells: not the jobs that bring rows together.
fn active_in<'a>(tasks: &'a [Task], jobs: &[Jobs]) -> Vec<&'a Task> {
    let is_finish = |task: &Task| jobs.iter().any(|jobs| jobs.finish.as_ref() == Some(&task.job));
    tasks.iter().filter(|task| task.state.is_active() && task.index.is_some() && !is_finish(task)).collect()
}

/// What is known of the jobs of all submissions.
pub(crate) fn jobs_of(layout: &Layout) -> Vec<Jobs> {
    // One that was cut off before its job had a number is found by the run's name.
    layout.submissions().into_iter().filter_map(|number| read(&layout.jobs(number)).ok()).collect()
}

/// The names of all arrays.
pub(crate) fn arrays(jobs: &[Jobs]) -> Vec<String> {
    jobs.iter().map(|jobs| jobs.array.clone()).collect()
}

/// A copy of the program, so that tasks which begin in hours are still of the program that submitted them.
fn copied(layout: &Layout, program: &Path) -> Result<PathBuf, InputError> {
    let bytes = std::fs::read(program).map_err(|error| unusable(program, &error))?;
    let to = layout.program(&blake3::hash(&bytes).to_hex()[..12]);
    if !to.exists() {
        let beside = to.with_extension(format!("{}.part", std::process::id()));
        let copy = || std::fs::copy(program, &beside).and_then(|_| std::fs::rename(&beside, &to));
        copy().map_err(|error| {
            let _ = std::fs::remove_file(&beside);
            unusable(&to, &error)
        })?;
    }
    Ok(to)
}
