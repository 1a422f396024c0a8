//! Processes of this machine as an engine: for tests, and to try a run before a cluster has it.
//!
//! A task is a shell that starts the words and writes their exit code. Both hold a lock on a file as long as they live, so whether a task runs is seen from any
//! process, whoever ended it, and a process number that was given to somebody else is not taken for it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use offcut_instances::document::InputError;
use rustix::process::{Pid, Signal, kill_process_group};

use super::engine::{Engine, Job, State, Task};
use crate::environment::NODE;
use crate::run::unusable;

/// Processes of this machine.
#[derive(Clone, Debug)]
pub struct Local {
    /// Where it keeps what it knows of its jobs.
    folder: PathBuf,
}

/// Starts the words after the first two: the file for the exit code, and how many of the words are locks of tasks to wait for.
const SHELL: &str = r#"code=$0; n=$1; shift
while [ "$n" -gt 0 ]; do flock -s "$1" true; shift; n=$((n-1)); done
"$@"
echo $? > "$code""#;

impl Local {
    /// The engine of the run whose folder `cluster` this is.
    pub fn of(cluster: &Path) -> Self {
        Self { folder: cluster.join("local") }
    }

    /// A folder for a new job; its name is the job's.
    fn begin(&self) -> Result<(String, PathBuf), InputError> {
        std::fs::create_dir_all(&self.folder).map_err(|error| unusable(&self.folder, &error))?;
        for number in 1_u64.. {
            let folder = self.folder.join(number.to_string());
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok((number.to_string(), folder)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unusable(&folder, &error)),
            }
        }
        unreachable!("numbers do not end")
    }

    /// All files of jobs that say that a task was started.
    fn locks(&self, job: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.join(job)).into_iter().flatten().flatten();
        let mut locks: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        locks.retain(|path| path.extension().is_some_and(|end| end == "lock"));
        locks.sort();
        locks
    }

    fn jobs(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn start(&self, job: &Job, id: &str, folder: &Path, index: Option<usize>) -> std::io::Result<()> {
        let name = index.map_or_else(|| "job".to_owned(), |index| index.to_string());
        let task = index.map_or_else(|| id.to_owned(), |index| format!("{id}_{index}"));
        let lock = OpenOptions::new().create(true).append(true).open(folder.join(&name).with_extension("lock"))?;
        // The lock is that of the open file, which the shell and what it starts have as their input.
        lock.lock()?;
        let log = OpenOptions::new().create(true).append(true).open(job.logs.join(format!("{task}.txt")))?;
        let after: Vec<PathBuf> = job.after.iter().flat_map(|job| self.locks(job)).collect();
        let child = Command::new("sh")
            .args(["-c", SHELL])
            .arg(folder.join(&name).with_extension("code"))
            .arg(after.len().to_string())
            .args(after)
            .args(&job.words)
            .current_dir(&job.directory)
            .env("OFFCUT_TASK", &task)
            .env("OFFCUT_TASK_INDEX", index.unwrap_or(0).to_string())
            .env("OFFCUT_TASK_ATTEMPT", "0")
            .env(NODE, this_node())
            .stdin(Stdio::from(lock))
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .process_group(0)
            .spawn()?;
        std::fs::write(folder.join(&name).with_extension("pid"), child.id().to_string())
    }
}

fn this_node() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "local".into() } else { name.trim().to_owned() }
}

/// Whether somebody holds the lock of a file.
fn is_locked(lock: &Path) -> bool {
    File::open(lock).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn task_of(job: &str, lock: &Path) -> Task {
    let index = lock.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
    let code = || std::fs::read_to_string(lock.with_extension("code")).unwrap_or_default().trim().to_owned();
    let (state, word) = if is_locked(lock) {
        (State::Running, "running".to_owned())
    } else {
        match code().as_str() {
            "0" => (State::Ended, "exit code 0".into()),
            "" => (State::Failed, "killed".into()),
            code => (State::Failed, format!("exit code {code}")),
        }
    };
    Task { job: job.to_owned(), index, state, word, node: this_node() }
}

impl Engine for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn submit(&self, job: &Job) -> Result<String, InputError> {
        let (id, folder) = self.begin()?;
        let indices: Vec<Option<usize>> = job.tasks.map_or_else(|| vec![None], |tasks| (0..tasks).map(Some).collect());
        for index in indices {
            self.start(job, &id, &folder, index).map_err(|error| {
                InputError::at("--on local", format!("cannot start a task: {error}"), "give fewer tasks: --jobs")
            })?;
        }
        Ok(id)
    }

    fn query(&self, _name: &str, _jobs: &[String]) -> Result<Vec<Task>, InputError> {
        let of = |job: String| self.locks(&job).into_iter().map(move |lock| task_of(&job, &lock)).collect::<Vec<_>>();
        Ok(self.jobs().into_iter().flat_map(of).collect())
    }

    fn cancel(&self, _name: &str) -> Result<(), InputError> {
        for lock in self.jobs().iter().flat_map(|job| self.locks(job)).filter(|lock| is_locked(lock)) {
            let pid = std::fs::read_to_string(lock.with_extension("pid")).ok();
            if let Some(group) = pid.and_then(|pid| pid.trim().parse().ok()).and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::TERM);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::engine::Resources;

    fn job(folder: &Path, script: &str, tasks: Option<usize>, after: Vec<String>) -> Job {
        Job {
            name: "offcut-test".into(),
            directory: folder.into(),
            script: folder.join("script"),
            logs: folder.into(),
            words: ["sh", "-c", script].map(Into::into).into(),
            tasks,
            after,
            resources: Resources::default(),
        }
    }

    fn states(engine: &Local) -> Vec<(String, State, String)> {
        let mut tasks = engine.query("", &[]).expect("told");
        tasks.sort_by_key(Task::name);
        tasks.into_iter().map(|task| (task.name(), task.state, task.word)).collect()
    }

    #[test]
    fn tasks_run_end_fail_and_are_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Local::of(folder.path());
        let script = "while [ ! -e go ]; do sleep 0.01; done; exit $OFFCUT_TASK_INDEX";
        assert_eq!(engine.submit(&job(folder.path(), script, Some(2), Vec::new())), Ok("1".into()));
        let last = job(folder.path(), "echo $OFFCUT_NODE > last", None, vec!["1".into()]);
        assert_eq!(engine.submit(&last), Ok("2".into()));
        assert!(states(&engine).iter().all(|(_, state, _)| *state == State::Running));
        assert!(!folder.path().join("last").exists());
        std::fs::write(folder.path().join("go"), "").expect("room");
        while states(&engine).iter().any(|(_, state, _)| state.is_active()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let ended = |name: &str, state, word: &str| (name.to_owned(), state, word.to_owned());
        assert_eq!(
            states(&engine),
            [
                ended("1_0", State::Ended, "exit code 0"),
                ended("1_1", State::Failed, "exit code 1"),
                ended("2", State::Ended, "exit code 0")
            ]
        );
        assert!(folder.path().join("last").exists());
    }

    #[test]
    fn cancelled_tasks_have_failed() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Local::of(folder.path());
        engine.submit(&job(folder.path(), "sleep 1000", Some(2), Vec::new())).expect("started");
        engine.cancel("").expect("told");
        while states(&engine).iter().any(|(_, state, _)| state.is_active()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(states(&engine).iter().all(|(_, state, word)| *state == State::Failed && word == "killed"));
    }
}
