//! A control group for a cell, version 1 or 2, where this process may make one.
//!
//! Version 1 has a hierarchy for each controller, version 2 one for all; both may be there at once. A group is made below the one that this process is in, of
//! every hierarchy in which that is allowed. In version 2 controllers have to be handed down by a group that has no processes: if this process is alone in its
//! group, as in a scope of systemd with `Delegate=yes`, it moves to a group of its own beside the cells'.
//!
//! The runner makes the group, the first process of a cell enters it ([`super::enter`]), and the runner ends what is in it and removes it. Groups of runners
//! that were killed are removed by the next one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::interrupt::PutBack;

/// What groups are called; then come the runner's process and a number.
const NAME: &str = "offcut-";

/// The most processes and threads a cell may have at once.
const PROCESSES: u32 = 4096;

/// How long the processes of a group are ended again and again.
const STUCK: Duration = Duration::from_secs(5);

/// Controllers that are used.
const CONTROLLERS: [&str; 4] = ["memory", "pids", "cpuset", "cpuacct"];

/// A place below which groups are made.
#[derive(Clone, Debug)]
struct Base {
    folder: PathBuf,
    is_v2: bool,
    /// Those of [`CONTROLLERS`] that it has.
    controllers: Vec<&'static str>,
}

/// A group of one hierarchy.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    is_v2: bool,
    /// Those that were set.
    controllers: Vec<&'static str>,
    _removed: PutBack,
}

/// The groups of a cell.
#[derive(Debug)]
pub(crate) struct Cgroup(Vec<Group>);

impl Cgroup {
    /// Makes groups whose processes together may have so much memory, on these cores if they are given; none if none can be made.
    pub(crate) fn create(memory_bytes: u64, cores: Option<&[usize]>) -> Option<Self> {
        static BASES: OnceLock<Vec<Base>> = OnceLock::new();
        static CELLS: AtomicU64 = AtomicU64::new(0);
        let bases = BASES.get_or_init(|| {
            let bases = bases();
            bases.iter().for_each(|base| remove_groups_of_the_dead(&base.folder));
            bases
        });
        let name = format!("{NAME}{}-{}", std::process::id(), CELLS.fetch_add(1, Ordering::Relaxed));
        let make = |base: &Base| {
            let folder = base.folder.join(&name);
            std::fs::create_dir(&folder).ok()?;
            let mut controllers = base.controllers.clone();
            let is_v2 = base.is_v2;
            controllers.retain(|controller| is_set(controller, &folder, is_v2, memory_bytes, cores));
            let removed = PutBack::enter(folder.clone(), None);
            Some(Group { folder, is_v2, controllers, _removed: removed })
        };
        let groups: Vec<Group> = bases.iter().filter_map(make).collect();
        (!groups.is_empty()).then_some(Self(groups))
    }

    /// The files to which a process writes its number to enter.
    pub(crate) fn doors(&self) -> Vec<PathBuf> {
        self.0.iter().map(|group| group.folder.join("cgroup.procs")).collect()
    }

    /// What is in force.
    pub(crate) fn words(&self) -> Vec<String> {
        let has = |controller: &str| self.0.iter().any(|group| group.controllers.contains(&controller));
        let set = ["cpuset", "memory", "pids"].into_iter().filter(|controller| has(controller));
        set.map(|controller| format!("cgroup-{controller}")).chain(["cgroup-kill".to_owned()]).collect()
    }

    /// Whether the kernel limits its memory.
    pub(crate) fn limits_memory(&self) -> bool {
        self.0.iter().any(|group| group.controllers.contains(&"memory"))
    }

    /// Whether the kernel has ended a process of it because memory ran out.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.0.iter().filter(|group| group.controllers.contains(&"memory")).any(|group| {
            let file = if group.is_v2 { "memory.events" } else { "memory.oom_control" };
            value_in(&group.folder.join(file), "oom_kill").is_some_and(|times| times > 0)
        })
    }

    /// CPU seconds of all processes that were ever in it; none where the kernel does not tell.
    pub(crate) fn cpu_s(&self) -> Option<f64> {
        self.0.iter().find_map(|group| {
            if group.is_v2 {
                return value_in(&group.folder.join("cpu.stat"), "usage_usec").map(|micros| micros as f64 * 1e-6);
            }
            let text = std::fs::read_to_string(group.folder.join("cpuacct.usage")).ok()?;
            text.trim().parse::<u64>().ok().map(|nanos| nanos as f64 * 1e-9)
        })
    }

    /// Ends all processes in it.
    pub(crate) fn kill(&self) {
        self.0.iter().for_each(|group| end_all(&group.folder));
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.kill();
        let until = Instant::now() + STUCK;
        for group in &self.0 {
            // A process that was ended is in its group until it is waited for.
            while std::fs::remove_dir(&group.folder).is_err() && group.folder.exists() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Sets a controller of a new group. The answer says whether it is in force.
fn is_set(controller: &str, folder: &Path, is_v2: bool, memory_bytes: u64, cores: Option<&[usize]>) -> bool {
    let write = |file: &str, value: &str| std::fs::write(folder.join(file), value).is_ok();
    match controller {
        "memory" if is_v2 => {
            let is_limited = write("memory.max", &memory_bytes.to_string());
            let _ = write("memory.swap.max", "0");
            let _ = write("memory.oom.group", "1");
            is_limited
        }
        "memory" => {
            let bytes = memory_bytes.min(i64::MAX as u64).to_string();
            let is_limited = write("memory.limit_in_bytes", &bytes);
            // Memory and swap together, where swap is counted.
            let _ = write("memory.memsw.limit_in_bytes", &bytes);
            is_limited
        }
        "pids" => write("pids.max", &PROCESSES.to_string()),
        "cpuset" => {
            let from_above = |file: &str| {
                let above = folder.parent().map(|above| std::fs::read_to_string(above.join(file)));
                above.and_then(Result::ok).is_some_and(|value| write(file, value.trim()))
            };
            // In version 1 a group has neither memory nodes nor cores until they are written, and nobody can enter it.
            let has_nodes = is_v2 || from_above("cpuset.mems");
            match cores {
                Some(cores) => {
                    let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
                    has_nodes && write("cpuset.cpus", &cores.join(","))
                }
                None => {
                    let _ = is_v2 || from_above("cpuset.cpus");
                    false
                }
            }
        }
        _ => true,
    }
}

/// Where groups can be made.
fn bases() -> Vec<Base> {
    let Ok(process) = procfs::process::Process::myself() else { return Vec::new() };
    let (Ok(groups), Ok(mounts)) = (process.cgroups(), process.mountinfo()) else { return Vec::new() };
    let mut found: Vec<Base> = Vec::new();
    for mount in mounts.0 {
        let is_v2 = mount.fs_type == "cgroup2";
        let has = |controller: &str| mount.super_options.contains_key(controller);
        let group = groups.0.iter().find(|group| match is_v2 {
            true => group.hierarchy == 0,
            false => mount.fs_type == "cgroup" && group.controllers.iter().any(|controller| has(controller)),
        });
        let Some(group) = group else { continue };
        // A container sees its own group as the root of the mount.
        let path = group.pathname.strip_prefix(&mount.root).unwrap_or(&group.pathname).trim_start_matches('/');
        let folder = mount.mount_point.join(path);
        let controllers: Vec<&str> = match is_v2 {
            true => handed_down(&folder),
            false => CONTROLLERS.into_iter().filter(|controller| has(controller)).collect(),
        };
        // A hierarchy of version 2 serves to end processes even if it has no controllers.
        let is_useful = is_v2 || !controllers.is_empty();
        let is_new = found.iter().all(|base| base.folder != folder);
        if is_useful && is_new && folder.is_dir() {
            found.push(Base { folder: own_folder(folder, is_v2), is_v2, controllers });
        }
    }
    found
}

/// The folder below which groups are made: that of this process, or the one above it after it has moved.
fn own_folder(folder: PathBuf, is_v2: bool) -> PathBuf {
    let is_own = is_v2 && folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("offcut-runner-"));
    match folder.parent() {
        Some(above) if is_own => above.to_owned(),
        _ => folder,
    }
}

/// The controllers of a group of version 2 that groups below it have.
fn handed_down(folder: &Path) -> Vec<&'static str> {
    let words = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    let listed = |text: &str| -> Vec<&'static str> {
        CONTROLLERS.into_iter().filter(|controller| text.split_whitespace().any(|word| word == *controller)).collect()
    };
    let there = listed(&words("cgroup.controllers"));
    let missing: Vec<&str> = there
        .iter()
        .copied()
        .filter(|controller| !listed(&words("cgroup.subtree_control")).contains(controller))
        .collect();
    let hand_down = || {
        // One at a time: one that cannot be had does not cost the others.
        missing.iter().all(|controller| {
            let file = std::fs::OpenOptions::new().write(true).open(folder.join("cgroup.subtree_control"));
            file.and_then(|mut file| file.write_all(format!("+{controller}").as_bytes())).is_ok()
        })
    };
    if !missing.is_empty() && !hand_down() {
        let me = std::process::id().to_string();
        let is_alone = words("cgroup.procs").split_whitespace().all(|pid| pid == me);
        let own = folder.join(format!("offcut-runner-{me}"));
        if is_alone && std::fs::create_dir(&own).is_ok() && std::fs::write(own.join("cgroup.procs"), &me).is_ok() {
            hand_down();
        }
    }
    listed(&words("cgroup.subtree_control"))
}

/// Ends all processes of a group, until there are none.
fn end_all(folder: &Path) {
    let _ = std::fs::write(folder.join("cgroup.kill"), "1");
    let until = Instant::now() + STUCK;
    loop {
        let text = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        let processes: Vec<Pid> = text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect();
        if processes.is_empty() || Instant::now() > until {
            return;
        }
        for process in processes {
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Removes groups of runners that were killed.
fn remove_groups_of_the_dead(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let runner = name.to_str().and_then(|name| name.strip_prefix(NAME)?.split_once('-')?.0.parse::<u32>().ok());
        if runner.is_some_and(|runner| !Path::new("/proc").join(runner.to_string()).exists()) {
            end_all(&entry.path());
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// The number after a word at the beginning of a line.
fn value_in(file: &Path, word: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok())
}
