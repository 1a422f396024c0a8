//! `offcut run --on ENGINE`, and what its jobs start this program for.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use offcut_instances::document::InputError;
use offcut_ledger::{Gate, Row};
use offcut_runner::cluster::engine::Engine;
use offcut_runner::cluster::local::Local;
use offcut_runner::cluster::slurm::Slurm;
use offcut_runner::cluster::submission::Submission;
use offcut_runner::cluster::{Layout, Me, Request, Resources, Submitted, gather, submission, submit, work};
use offcut_runner::process::end_on_signals;
use offcut_runner::{BenchmarkAdapter, Folder, Progress, Suite};

use super::{this_program, with_problem};
use crate::exit::Ending;
use crate::output::{err, out};

/// Engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Slurm, by sbatch, squeue, sacct or scontrol, and scancel
    Slurm,
    /// Processes of this machine, as many at once as there are jobs: to try a run
    Local,
}

impl Name {
    /// The engine of this name for the run in a folder.
    pub(crate) fn engine(self, folder: &Folder) -> Box<dyn Engine> {
        match self {
            Self::Slurm => Box::new(Slurm),
            Self::Local => Box::new(Local::of(Layout::of(folder).path())),
        }
    }
}

/// What `offcut run` takes for a cluster.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// Submit what is missing to this engine and come back; --jobs is then the number of tasks, and each runs one cell at a time
    #[arg(long, value_name = "ENGINE", conflicts_with = "shard", help_heading = "On a cluster")]
    on: Option<Name>,
    /// Partition; the cluster's default if left out
    #[arg(long, value_name = "NAME", requires = "on", help_heading = "On a cluster")]
    partition: Option<String>,
    /// Account
    #[arg(long, value_name = "NAME", requires = "on", help_heading = "On a cluster")]
    account: Option<String>,
    /// The most time of a task, as Slurm writes it, e.g. 2:00:00; a task begins no cell that might not end in it
    #[arg(long, value_name = "TIME", requires = "on", help_heading = "On a cluster")]
    time_per_job: Option<String>,
    /// Cores of a task, which no other job uses; a cell's threads if left out
    #[arg(long, value_name = "N", requires = "on", value_parser = clap::value_parser!(u32).range(1..), help_heading = "On a cluster")]
    cpus_per_task: Option<u32>,
}

/// A cluster as it was asked for.
pub(crate) struct On {
    name: Name,
    request: Request,
}

impl Arguments {
    /// What was asked for, if a cluster was, with so many tasks.
    pub(crate) fn asked(&self, jobs: u16) -> Option<On> {
        let resources = Resources {
            partition: self.partition.clone(),
            account: self.account.clone(),
            time_per_job: self.time_per_job.clone(),
            cpus_per_task: self.cpus_per_task.unwrap_or(0),
            memory_mib: None,
        };
        let request = Request { jobs: jobs.into(), keeps_suite: false, resources };
        Some(On { name: self.on?, request })
    }
}

/// Submits what is missing of a suite. The answer is how the command ends, or nothing if all cells have their row and a report is to be written.
pub(crate) fn submit_for<P: BenchmarkAdapter>(
    suite: &Suite,
    folder: &Path,
    on: &On,
    keeps_suite: bool,
) -> Result<Option<Ending>, InputError> {
    let run = Folder::at(folder);
    let engine = on.name.engine(&run);
    let request = Request { keeps_suite, ..on.request.clone() };
    let submitted = submit::<P>(suite, &run, &this_program()?, &request, &*engine)?;
    let gate = Gate { mismatches: submitted.mismatches.clone(), ..Gate::default() };
    let ending = super::gate::tell(&gate, &[], false);
    tell(&submitted, folder, &*engine);
    if submitted.is_complete() && ending == Ending::Good { Ok(None) } else { Ok(Some(ending)) }
}

fn tell(submitted: &Submitted, folder: &Path, engine: &dyn Engine) {
    let Submitted { done, held, missing, lost, active, array, unfinished, .. } = submitted;
    out!("{done} cells have their row, {held} are at work, {missing} are missing ({lost} of them lost)");
    match array {
        Some((job, tasks)) => {
            let others = if *active > 0 { format!(", beside {active} that run or wait") } else { String::new() };
            out!(
                "submitted job {job} of {tasks} tasks to {}{others}; offcut status {}",
                engine.name(),
                folder.display()
            );
        }
        None if submitted.is_complete() => out!("nothing to submit"),
        None => out!("nothing submitted: {active} tasks run or wait; offcut status {}", folder.display()),
    }
    if let Some(why) = unfinished {
        err!("offcut: {why}; no job brings the rows together: call this again when the tasks have ended");
    }
}

/// What jobs start this program for.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run cells of a submission that nobody has
    Work {
        /// Which submission
        #[arg(long)]
        submission: u32,
        /// Folder of the run
        folder: PathBuf,
    },
    /// Bring the rows of all tasks together and report
    Finish {
        /// Folder of the run
        folder: PathBuf,
    },
}

/// How a run is reported on.
type Report = fn(&Path) -> Result<Ending, InputError>;

/// What a job does; `report` writes the report of a run.
pub(crate) fn cluster(command: &Command, report: Report) -> Result<Ending, InputError> {
    match command {
        Command::Work { submission, folder } => task(folder, *submission),
        Command::Finish { folder } => finish(folder, report),
    }
}

fn task(folder: &Path, number: u32) -> Result<Ending, InputError> {
    let run = Folder::at(folder);
    let me = Me::from_environment()?;
    let told: Submission = submission::read(&Layout::of(&run).submission(number))?;
    let program = this_program()?;
    end_on_signals();
    let cells =
        with_problem!(&told.problem, P => work::<P>(&run, number, &program, &me, &mut Log { task: me.task.clone() }))?;
    out!("{}: ran {cells} cells", me.task);
    Ok(Ending::Good)
}

fn finish(folder: &Path, report: Report) -> Result<Ending, InputError> {
    let run = Folder::at(folder);
    let problem = run.problem()?;
    let lock = Layout::of(&run).lock()?;
    let merged = with_problem!(&problem, P => gather::<P>(&run))?;
    let gate = Gate { mismatches: merged.mismatches, ..Gate::default() };
    let told = super::gate::tell(&gate, &[], false);
    let (manifest, rows) = run.read()?;
    let mut keys: Vec<&str> =
        manifest.studies.iter().flat_map(|study| &study.cells).map(|cell| cell.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let missing = keys.len().saturating_sub(rows.len());
    let reported = report(folder)?;
    drop(lock);
    if missing == 0 {
        return Ok(told.and(reported));
    }
    out!(
        "{missing} of {} cells have no row: offcut status {}, then submit the run again",
        keys.len(),
        folder.display()
    );
    Ok(Ending::Rejected)
}

/// A line of the task's log for every row.
struct Log {
    task: String,
}

impl Progress for Log {
    fn begins(&mut self, cells: usize, _there: usize) {
        out!("{}: begins, about {cells} cells", self.task);
    }

    fn cell(&mut self, _method: &str, _instance: &str) {}

    fn row(&mut self, row: &Row) {
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        let seconds = crate::text::seconds(row.times.solve_s);
        out!("{} on {name}, seed {}: {}, {seconds}", row.key.method, row.key.budget.seed, row.status.name());
    }

    fn ends(&mut self) {}
}
