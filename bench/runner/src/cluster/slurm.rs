//! Slurm, by its own commands: `sbatch`, `squeue`, `sacct` where there is accounting, otherwise `scontrol show job`, and `scancel`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use offcut_instances::document::InputError;

use super::engine::{Engine, Job, State, Task};
use crate::run::replace;

/// The commands of the Slurm whose user this is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slurm;

impl Engine for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn submit(&self, job: &Job) -> Result<String, InputError> {
        let path = job.script.with_extension("sh");
        replace(&path, script(job)?.as_bytes())?;
        let said = told("sbatch", &["--parsable", &path.to_string_lossy()])?;
        // On several clusters it is ID;CLUSTER.
        let id = said.trim().split(';').next().unwrap_or_default();
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
            let what = format!("told no number of the job: {}", said.trim());
            return Err(InputError::at("sbatch", what, "look at squeue --me before submitting again"));
        }
        Ok(id.to_owned())
    }

    fn query(&self, name: &str, jobs: &[String]) -> Result<Vec<Task>, InputError> {
        let queue =
            told("squeue", &["--noheader", "--array", "--states=all", "--format=%F|%K|%T|%N|%r", "--name", name])?;
        let mut tasks: BTreeMap<String, Task> =
            parse_squeue(&queue).into_iter().map(|task| (task.name(), task)).collect();
        // What the queue has forgotten; what it knows it knows better.
        for task in ended(jobs) {
            tasks.entry(task.name()).or_insert(task);
        }
        Ok(tasks.into_values().collect())
    }

    fn cancel(&self, name: &str) -> Result<(), InputError> {
        told("scancel", &["--name", name]).map(drop)
    }
}

/// Tasks that have ended, as accounting tells them, or the controller as long as it remembers. Nothing if neither does.
fn ended(jobs: &[String]) -> Vec<Task> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let all = jobs.join(",");
    if let Ok(text) = told(
        "sacct",
        &["--noheader", "--parsable2", "--allocations", "--format=JobID,State,ExitCode,NodeList", "--jobs", &all],
    ) {
        return parse_sacct(&text);
    }
    // Of an older job it knows nothing, and says so.
    let shown = jobs.iter().filter_map(|job| told("scontrol", &["--oneliner", "show", "job", job]).ok());
    shown.flat_map(|text| parse_scontrol(&text)).collect()
}

/// The batch script of a job.
///
/// # Errors
/// [`InputError`] if a path or a name has letters that a batch script cannot hold.
pub fn script(job: &Job) -> Result<String, InputError> {
    let Job { name, directory, logs, words, tasks, after, resources, .. } = job;
    let (directory, logs) = (directory.to_string_lossy(), logs.to_string_lossy());
    let (directory, logs) = (option("--folder", &directory)?, option("--folder", &logs)?);
    let mut text = format!("#!/bin/bash\n#SBATCH --job-name={}\n", option("--folder", name)?);
    let mut line = |line: String| {
        let _ = writeln!(text, "#SBATCH {line}");
    };
    match tasks {
        Some(tasks) => line(format!("--array=0-{}", tasks.saturating_sub(1))),
        None => line("--kill-on-invalid-dep=no".into()),
    }
    if !after.is_empty() {
        line(format!("--dependency=afterany:{}", after.join(":")));
    }
    line("--ntasks=1".into());
    line(format!("--cpus-per-task={}", resources.cpus_per_task));
    line("--hint=nomultithread".into());
    for (name, value) in
        [("partition", &resources.partition), ("account", &resources.account), ("time", &resources.time_per_job)]
    {
        if let Some(value) = value {
            line(format!("--{name}={}", option(&format!("--{name}"), value)?));
        }
    }
    if let Some(memory) = resources.memory_mib {
        line(format!("--mem={memory}M"));
    }
    line("--requeue".into());
    line("--open-mode=append".into());
    let pattern = if tasks.is_some() { "%A_%a" } else { "%j" };
    line(format!("--output=\"{logs}/{pattern}.txt\""));
    line(format!("--chdir=\"{directory}\""));
    if tasks.is_some() {
        text += "export OFFCUT_TASK=\"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\n";
        text += "export OFFCUT_TASK_INDEX=\"$SLURM_ARRAY_TASK_ID\"\n";
        text += "export OFFCUT_TASK_ATTEMPT=\"${SLURM_RESTART_COUNT:-0}\"\n";
    }
    text += "export OFFCUT_NODE=\"${SLURMD_NODENAME:-$(hostname)}\"\n";
    let _ = writeln!(text, "exec {}", shell_words::join(words));
    Ok(text)
}

/// A value for a line of options: Slurm gives meaning to some letters in it.
fn option<'a>(place: &str, value: &'a str) -> Result<&'a str, InputError> {
    if value.is_empty() || value.contains(|c: char| c.is_control() || "\"'\\%#".contains(c)) {
        let what = format!("'{value}' has a letter that a batch script cannot hold, or none");
        return Err(InputError::at(place, what, "use a name without quotes, backslashes, '%' and '#'"));
    }
    Ok(value)
}

/// Runs a command of Slurm. The answer is what it printed.
fn told(program: &str, arguments: &[&str]) -> Result<String, InputError> {
    let output = Command::new(program).args(arguments).output().map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::NotFound => "is not on this machine".to_owned(),
            _ => format!("cannot be started: {error}"),
        };
        InputError::at(program, what, "call this on a login node of a Slurm cluster, or leave --on out")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = errors.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let what = if lines.is_empty() { output.status.to_string() } else { lines.join("; ") };
    Err(InputError::at(program, what, "see whether Slurm answers: sinfo"))
}

/// Reads lines `job|index|state|node|reason` of `squeue --array`.
pub fn parse_squeue(text: &str) -> Vec<Task> {
    let task = |line: &str| {
        let mut words = line.split('|').map(str::trim);
        let (job, index, state) = (words.next()?, words.next()?, words.next()?);
        let (node, reason) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let word = if reason.is_empty() || reason == "None" { state.to_owned() } else { format!("{state} ({reason})") };
        let is_number = !job.is_empty() && job.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| Task {
            job: job.to_owned(),
            index: index.parse().ok(),
            state: state_of(state),
            word,
            node: node.to_owned(),
        })
    };
    text.lines().filter_map(task).collect()
}

/// Reads lines `job_index|state|exit code|node` of `sacct --allocations --parsable2`. Tasks that have not begun stand in one line, `12_[3-9]`, and are left out: the
/// queue names them.
pub fn parse_sacct(text: &str) -> Vec<Task> {
    let task = |line: &str| {
        let mut words = line.split('|').map(str::trim);
        let (id, state) = (words.next()?, words.next()?);
        let (exit, node) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (job, index) = match id.split_once('_') {
            Some((job, index)) => (job, Some(index.parse().ok()?)),
            None => (id, None),
        };
        job.parse::<u64>().ok()?;
        let node = if node.starts_with("None") { "" } else { node };
        Some(Task { job: job.into(), index, state: state_of(state), word: with_exit(state, exit), node: node.into() })
    };
    text.lines().filter_map(task).collect()
}

/// Reads the lines of `scontrol --oneliner show job`. Tasks that have not begun are left out.
pub fn parse_scontrol(text: &str) -> Vec<Task> {
    let task = |line: &str| {
        // Values may hold blanks, but not those that are asked for.
        let value = |name: &str| {
            let found = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.filter(|value| !value.is_empty())
        };
        let state = value("JobState")?;
        let (job, index) = match (value("ArrayJobId"), value("ArrayTaskId")) {
            (Some(job), Some(index)) => (job, Some(index.parse().ok()?)),
            _ => (value("JobId")?, None),
        };
        Some(Task {
            job: job.into(),
            index,
            state: state_of(state),
            word: with_exit(state, value("ExitCode").unwrap_or_default()),
            node: value("NodeList").filter(|node| *node != "(null)").unwrap_or_default().into(),
        })
    };
    text.lines().filter_map(task).collect()
}

/// A state with its exit code, `CODE:SIGNAL`, where that says more.
fn with_exit(state: &str, exit: &str) -> String {
    match exit.split_once(':') {
        Some(("0", "0")) | None => state.to_owned(),
        Some((code, "0")) => format!("{state}, exit code {code}"),
        Some((_, signal)) => format!("{state}, signal {signal}"),
    }
}

/// What a state of Slurm's comes to. One that is not known may still be active.
fn state_of(word: &str) -> State {
    // "CANCELLED by 0"
    match word.split([' ', '+']).next().unwrap_or_default() {
        "PENDING" | "REQUEUED" | "REQUEUE_FED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => State::Waiting,
        "COMPLETED" => State::Ended,
        "BOOT_FAIL" | "CANCELLED" | "DEADLINE" | "FAILED" | "NODE_FAIL" | "OUT_OF_MEMORY" | "PREEMPTED" | "REVOKED"
        | "TIMEOUT" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => State::Failed,
        _ => State::Running,
    }
}

/// Seconds of a time as Slurm writes it: `MIN`, `MIN:SEC`, `H:MIN:SEC`, `DAYS-H`, `DAYS-H:MIN`, `DAYS-H:MIN:SEC`.
///
/// # Errors
/// [`InputError`] if it is none of these, or 0.
pub fn seconds_of(text: &str) -> Result<u64, InputError> {
    let wrong = || {
        let remedy = "write minutes, H:MM:SS or DAYS-H:MM:SS, e.g. 30 or 2:00:00";
        InputError::at("--time-per-job", format!("'{text}' is not a time"), remedy)
    };
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(':')
            .map(|word| word.parse().ok().filter(|_| word.len() <= 9 && word.chars().all(|c| c.is_ascii_digit())))
            .collect()
    };
    let seconds = match text.split_once('-') {
        Some((days, rest)) => {
            let days = numbers(days).filter(|days| days.len() == 1).ok_or_else(wrong)?[0];
            let [hours, minutes, seconds] = match numbers(rest).ok_or_else(wrong)?[..] {
                [h] => [h, 0, 0],
                [h, m] => [h, m, 0],
                [h, m, s] => [h, m, s],
                _ => return Err(wrong()),
            };
            ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        }
        None => match numbers(text).ok_or_else(wrong)?[..] {
            [m] => m * 60,
            [m, s] => m * 60 + s,
            [h, m, s] => (h * 60 + m) * 60 + s,
            _ => return Err(wrong()),
        },
    };
    if seconds == 0 { Err(wrong()) } else { Ok(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::engine::Resources;

    fn job() -> Job {
        Job {
            name: "offcut-mine-0123abcd".into(),
            directory: "/home/me/my work".into(),
            script: "/home/me/my work/runs/mine/cluster/scripts/1-tasks".into(),
            logs: "/home/me/my work/runs/mine/cluster/logs".into(),
            words: ["/home/me/my work/p", "cluster", "work", "runs/it's mine", "--submission", "1"]
                .map(Into::into)
                .into(),
            tasks: Some(200),
            after: Vec::new(),
            resources: Resources {
                partition: Some("cpu".into()),
                account: Some("edge".into()),
                time_per_job: Some("2:00:00".into()),
                cpus_per_task: 4,
                memory_mib: Some(2560),
            },
        }
    }

    #[test]
    fn the_script_of_an_array() {
        let expected = r#"#!/bin/bash
#SBATCH --job-name=offcut-mine-0123abcd
#SBATCH --array=0-199
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --hint=nomultithread
#SBATCH --partition=cpu
#SBATCH --account=edge
#SBATCH --time=2:00:00
#SBATCH --mem=2560M
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output="/home/me/my work/runs/mine/cluster/logs/%A_%a.txt"
#SBATCH --chdir="/home/me/my work"
export OFFCUT_TASK="${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
export OFFCUT_TASK_INDEX="$SLURM_ARRAY_TASK_ID"
export OFFCUT_TASK_ATTEMPT="${SLURM_RESTART_COUNT:-0}"
export OFFCUT_NODE="${SLURMD_NODENAME:-$(hostname)}"
exec '/home/me/my work/p' cluster work 'runs/it'\''s mine' --submission 1
"#;
        assert_eq!(script(&job()).expect("a script"), expected);
    }

    #[test]
    fn the_script_of_the_last_job() {
        let resources = Resources { cpus_per_task: 1, ..Resources::default() };
        let words = ["/p", "cluster", "finish", "runs/mine"].map(Into::into).into();
        let last = Job { tasks: None, after: vec!["12".into(), "15".into()], resources, words, ..job() };
        let expected = r#"#!/bin/bash
#SBATCH --job-name=offcut-mine-0123abcd
#SBATCH --kill-on-invalid-dep=no
#SBATCH --dependency=afterany:12:15
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --hint=nomultithread
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output="/home/me/my work/runs/mine/cluster/logs/%j.txt"
#SBATCH --chdir="/home/me/my work"
export OFFCUT_NODE="${SLURMD_NODENAME:-$(hostname)}"
exec /p cluster finish runs/mine
"#;
        assert_eq!(script(&last).expect("a script"), expected);
    }

    #[test]
    fn what_a_script_cannot_hold_is_refused() {
        let mut percent = job();
        percent.logs = "/home/50%/logs".into();
        assert!(script(&percent).is_err());
        let mut injected = job();
        injected.resources.partition = Some("cpu\n#SBATCH --exclusive".into());
        assert!(script(&injected).is_err_and(|error| error.at == "--partition"));
    }

    #[test]
    fn the_queue_is_read() {
        let text = "12|2|PENDING||Resources\n12|0|RUNNING|n1|None\n12|1|COMPLETING|n2|None\n13|N/A|PENDING||Dependency\n12|3|CANCELLED|n1|None\nslurm: noise\n";
        let tasks = parse_squeue(text);
        let told: Vec<_> = tasks.iter().map(|task| (task.name(), task.state, task.word.as_str())).collect();
        assert_eq!(
            told,
            [
                ("12_2".into(), State::Waiting, "PENDING (Resources)"),
                ("12_0".into(), State::Running, "RUNNING"),
                ("12_1".into(), State::Running, "COMPLETING"),
                ("13".into(), State::Waiting, "PENDING (Dependency)"),
                ("12_3".into(), State::Failed, "CANCELLED"),
            ]
        );
        assert_eq!(tasks[1].node, "n1");
    }

    #[test]
    fn accounting_is_read() {
        let text = "12_0|COMPLETED|0:0|n1\n12_1|CANCELLED by 1000|0:15|n2\n12_2|FAILED|2:0|n2\n12_[3-9]|PENDING|0:0|None assigned\n13|TIMEOUT|0:0|n1\n12_10|NODE_FAIL|0:0|n1\n12_11|OUT_OF_MEMORY|0:125|n1\n";
        let told: Vec<_> = parse_sacct(text).iter().map(|task| (task.name(), task.state, task.word.clone())).collect();
        assert_eq!(
            told,
            [
                ("12_0".to_owned(), State::Ended, "COMPLETED".to_owned()),
                ("12_1".into(), State::Failed, "CANCELLED by 1000, signal 15".into()),
                ("12_2".into(), State::Failed, "FAILED, exit code 2".into()),
                ("13".into(), State::Failed, "TIMEOUT".into()),
                ("12_10".into(), State::Failed, "NODE_FAIL".into()),
                ("12_11".into(), State::Failed, "OUT_OF_MEMORY, signal 125".into()),
            ]
        );
    }

    #[test]
    fn the_controller_is_read() {
        // As Slurm 22.05 prints it, shortened.
        let text = "JobId=1 ArrayJobId=1 ArrayTaskId=2-3 JobName=offcut-try JobState=PENDING Reason=Resources ExitCode=0:0 NodeList= NumNodes=1\n\
            JobId=4 ArrayJobId=1 ArrayTaskId=2 JobName=offcut-try JobState=FAILED Reason=NonZeroExitCode Restarts=0 ExitCode=3:0 ReqNodeList=(null) NodeList=n1 BatchHost=n1\n\
            JobId=2 ArrayJobId=1 ArrayTaskId=0 JobName=offcut-try JobState=COMPLETED Reason=None ExitCode=0:0 NodeList=n2\n\
            JobId=7 JobName=offcut-try JobState=CANCELLED Reason=None ExitCode=0:15 NodeList=(null)\n";
        let told: Vec<_> = parse_scontrol(text)
            .iter()
            .map(|task| (task.name(), task.state, task.word.clone(), task.node.clone()))
            .collect();
        assert_eq!(
            told,
            [
                ("1_2".to_owned(), State::Failed, "FAILED, exit code 3".to_owned(), "n1".to_owned()),
                ("1_0".into(), State::Ended, "COMPLETED".into(), "n2".into()),
                ("7".into(), State::Failed, "CANCELLED, signal 15".into(), String::new()),
            ]
        );
    }

    #[test]
    fn times_are_those_of_slurm() {
        let known = [("30", 1800), ("1:30", 90), ("2:00:00", 7200), ("1-0", 86400), ("1-2:3", 93_780), ("0-0:0:1", 1)];
        for (text, seconds) in known {
            assert_eq!(seconds_of(text), Ok(seconds), "{text}");
        }
        for text in ["", "0", "x", "1:2:3:4", "-1", "1-", "1.5", "2h", "99999999999"] {
            assert!(seconds_of(text).is_err(), "{text}");
        }
    }
}
