//! What a process of a cell does to itself before it solves, or becomes a program.
//!
//! | step | what it does | for whom |
//! |---|---|---|
//! | control group | it enters the group of its cell | all |
//! | affinity | it stays on the cell's cores | all |
//! | namespaces | answers and best known solutions are covered by empty folders; no network; shared memory of its own | programs |
//! | Landlock | it writes to its scratch folder only; no TCP; no signals to others | programs |
//!
//! Namespaces need root, or user namespaces that anyone may make; Landlock needs Linux 5.13 or later. What cannot be had is left out, and [`enter`] says what is
//! in force. A program keeps its user: in a user namespace of its own it is mapped to itself.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
    path_beneath_rules,
};
use rustix::thread::{CpuSet, UnshareFlags, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// The variable in which a process of a cell finds what it is confined to.
pub(crate) const VARIABLE: &str = "OFFCUT_CONFINEMENT";

/// The word for a control group that a process could not enter.
pub(crate) const NOT_ENTERED: &str = "cgroup-not-entered";

/// What a process is confined to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Confinement {
    /// Processor cores; none are all.
    pub(crate) cores: Vec<usize>,
    /// Files to which it writes its number to enter control groups.
    pub(crate) cgroups: Vec<PathBuf>,
    /// For programs that are not Offcut's.
    pub(crate) sandbox: Option<Sandbox>,
}

/// What a program that is not Offcut's may reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sandbox {
    /// The folder it writes to.
    pub(crate) scratch: PathBuf,
    /// Files and folders it does not see.
    pub(crate) hidden: Vec<PathBuf>,
}

/// Confines this process to what its environment says. The answer are the words for what is in force. A process that becomes a program,
/// `is_program`, gets the sandbox too.
pub(crate) fn enter(is_program: bool) -> Vec<&'static str> {
    let told = std::env::var(VARIABLE).ok();
    let Some(confinement) = told.and_then(|told| serde_json::from_str::<Confinement>(&told).ok()) else {
        return Vec::new();
    };
    let mut words = Vec::new();
    let me = std::process::id().to_string();
    if !confinement.cgroups.iter().all(|door| std::fs::write(door, &me).is_ok()) {
        words.push(NOT_ENTERED);
    }
    if !confinement.cores.is_empty() && is_on(&confinement.cores) {
        words.push("affinity");
    }
    if let Some(sandbox) = confinement.sandbox.filter(|_| is_program) {
        let parent = rustix::process::getppid();
        let has_namespaces = in_namespaces(&sandbox.hidden);
        if has_namespaces {
            words.extend(["mount-namespace", "network-namespace"]);
            // The kernel forgets the tie when a process gets a user namespace.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            if rustix::process::getppid() != parent {
                std::process::exit(1);
            }
        }
        words.extend(in_landlock(&sandbox.scratch, !has_namespaces).unwrap_or_default());
    }
    words
}

fn is_on(cores: &[usize]) -> bool {
    let mut set = CpuSet::new();
    cores.iter().filter(|core| **core < CpuSet::MAX_CPU).for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).is_ok()
}

/// Gives this process namespaces of its own.
#[allow(unsafe_code)]
fn is_apart(namespaces: UnshareFlags) -> bool {
    // SAFETY: only tables of file descriptors must not be taken apart, as other threads may hold descriptors; namespaces of mounts, network and users hold none.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }.is_ok()
}

/// Gives this process mounts and a network of its own, and covers what is hidden. The answer says whether all of it is done.
fn in_namespaces(hidden: &[PathBuf]) -> bool {
    let own = UnshareFlags::NEWNS | UnshareFlags::NEWNET;
    let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if !is_apart(own) {
        let itself = |id: u32| format!("{id} {id} 1");
        let is_mapped = is_apart(own | UnshareFlags::NEWUSER)
            && std::fs::write("/proc/self/setgroups", "deny").is_ok()
            && std::fs::write("/proc/self/uid_map", itself(user)).is_ok()
            && std::fs::write("/proc/self/gid_map", itself(group)).is_ok();
        if !is_mapped {
            return false;
        }
    }
    // What is mounted here is seen by nobody else.
    if !is_mounted(c"none", Path::new("/"), c"none", libc::MS_REC | libc::MS_PRIVATE, c"") {
        return false;
    }
    is_mounted(c"tmpfs", Path::new("/dev/shm"), c"tmpfs", libc::MS_NOSUID | libc::MS_NODEV, c"mode=1777");
    hidden.iter().all(|path| is_covered(path))
}

fn is_covered(path: &Path) -> bool {
    if path.is_dir() {
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        return is_mounted(c"tmpfs", path, c"tmpfs", flags, c"size=4k,mode=0555");
    }
    // Nothing there is nothing to hide.
    !path.exists() || is_mounted(c"/dev/null", path, c"none", libc::MS_BIND, c"")
}

/// Mounts something over a path. The answer says whether it is done.
#[allow(unsafe_code)]
fn is_mounted(source: &CStr, target: &Path, kind: &CStr, flags: libc::c_ulong, data: &CStr) -> bool {
    let Ok(target) = CString::new(target.as_os_str().as_bytes()) else { return false };
    // SAFETY: all pointers are to strings that end with a zero and outlive the call, which keeps none of them.
    unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) == 0 }
}

/// Restricts this process by Landlock. The answer are the words for what is in force.
fn in_landlock(scratch: &Path, without_network: bool) -> Result<Vec<&'static str>, RulesetError> {
    // Truncation is handled from the third version on, TCP from the fourth, signals from the sixth; what the kernel does not know is left out.
    let write = AccessFs::from_write(ABI::V3);
    let mut ruleset = Ruleset::default().handle_access(write)?;
    if without_network {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4))?;
    }
    let status = ruleset
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules([scratch, Path::new("/dev/shm")], write))?
        .add_rules(path_beneath_rules(["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"], write))?
        .restrict_self()?;
    let LandlockStatus::Available { effective_abi, .. } = status.landlock else { return Ok(Vec::new()) };
    let mut words = vec![if effective_abi >= ABI::V3 { "landlock-fs" } else { "landlock-fs-without-truncate" }];
    if without_network && effective_abi >= ABI::V4 {
        words.push("landlock-net");
    }
    if effective_abi >= ABI::V6 {
        words.push("landlock-signal");
    }
    Ok(words)
}
