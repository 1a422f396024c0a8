//! What keeps the processes of a cell to themselves.
//!
//! | part | holds |
//! |---|---|
//! | `cores` | which processor cores a cell has |
//! | `cgroup` | control groups, version 1 or 2, where this process may make them |
//! | `confinement` | what a program's process does to itself before it becomes the program: namespaces, Landlock |
//! | `results` | folders that hold answers and best known solutions, hidden from programs |
//!
//! Each is used where the machine allows it. What is in force is said by words in the row, see [`WORDS`].

mod cgroup;
mod confinement;
mod cores;
mod results;

use std::path::{Path, PathBuf};

use offcut_instances::problem::Budget;

pub(crate) use cgroup::Cgroup;
pub(crate) use confinement::{Confinement, NOT_ENTERED, Sandbox, VARIABLE, enter};
use cores::Cores;
pub(crate) use results::hidden_from;
pub use results::results_around;

/// What may be in force, by the words that rows have for it.
pub const WORDS: [(&str, &str); 13] = [
    ("subreaper", "a supervisor adopts all descendants and ends them"),
    ("affinity", "its processes start on as many processor cores as it has threads"),
    ("cgroup-cpuset", "they cannot leave these cores"),
    ("cgroup-memory", "the kernel limits the memory of all its processes together"),
    ("cgroup-pids", "the kernel limits the number of its processes and threads"),
    ("cgroup-kill", "all its processes are found in a control group and ended"),
    ("cgroup-not-entered", "it is in no control group, though there is one for it"),
    ("mount-namespace", "answers, rows and best known solutions are hidden from it"),
    ("network-namespace", "it has no network, not even the loopback interface"),
    ("landlock-fs", "it writes to its scratch folder only"),
    ("landlock-fs-without-truncate", "the same, but it can empty other files: Linux before 6.2"),
    ("landlock-net", "it has no TCP"),
    ("landlock-signal", "it sends signals to its own processes only"),
];

/// The variable with which people turn isolation off: `no-sandbox` leaves out namespaces and Landlock, `off` everything but the supervisor.
const ISOLATION: &str = "OFFCUT_ISOLATION";

/// What is isolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Off,
    NoSandbox,
    Full,
}

fn level() -> Level {
    match std::env::var(ISOLATION).as_deref() {
        Ok("off") => Level::Off,
        Ok("no-sandbox") => Level::NoSandbox,
        _ => Level::Full,
    }
}

/// What a cell has while it runs; given back when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Isolation {
    /// Its control group, if it has one. Dropped before the cores are given to others.
    pub(crate) cgroup: Option<Cgroup>,
    cores: Option<Cores>,
}

impl Isolation {
    /// For a cell with this budget, whose processes together may have so much memory.
    pub(crate) fn of(budget: &Budget, memory_bytes: u64) -> Self {
        if level() == Level::Off {
            return Self::default();
        }
        let cores = Cores::take(budget.threads as usize);
        let cgroup = Cgroup::create(memory_bytes, cores.as_ref().map(Cores::numbers));
        Self { cgroup, cores }
    }

    /// What the cell's process is told: a program, which gets a sandbox, has a scratch folder.
    pub(crate) fn confinement(&self, scratch: Option<&Path>, hidden: Vec<PathBuf>) -> Confinement {
        let sandbox = scratch.filter(|_| level() == Level::Full);
        Confinement {
            cores: self.cores.as_ref().map(|cores| cores.numbers().to_vec()).unwrap_or_default(),
            cgroups: self.cgroup.as_ref().map(Cgroup::doors).unwrap_or_default(),
            sandbox: sandbox.map(|scratch| Sandbox { scratch: scratch.to_owned(), hidden }),
        }
    }

    /// The words for what is in force, given those of the cell's process.
    pub(crate) fn words(&self, of_process: &[String]) -> Vec<String> {
        let has_entered = !of_process.iter().any(|word| word == NOT_ENTERED);
        let of_group = self.cgroup.as_ref().filter(|_| has_entered).map(Cgroup::words).unwrap_or_default();
        of_group.into_iter().chain(of_process.iter().cloned()).collect()
    }
}
