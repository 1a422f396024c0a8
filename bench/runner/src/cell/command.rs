//! The command lines of a cell's processes.

use std::path::Path;
use std::process::Command;

use offcut_instances::problem::{Budget, MethodSpec, Problem};

/// This program, started once more for a task of a cell.
pub(super) fn command<P: Problem>(program: &Path, task: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["cell", "--parent", &std::process::id().to_string(), "--problem", P::NAME, task]);
    command
}

/// What an external solver is told besides the instance.
pub(super) fn environment_of(command: &mut Command, spec: &MethodSpec, budget: &Budget) {
    let Budget { time_s, memory_bytes, threads, seed } = budget;
    command.env("OFFCUT_THREADS", threads.to_string()).env("OFFCUT_SEED", seed.to_string());
    command.env("OFFCUT_PARAMETERS", plain(&spec.parameters));
    for (name, value) in
        [("OFFCUT_TIME_S", time_s.map(|s| s.to_string())), ("OFFCUT_MEMORY_BYTES", memory_bytes.map(|b| b.to_string()))]
    {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// A value as an argument.
pub(super) fn plain(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}
