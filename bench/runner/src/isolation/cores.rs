//! Which processor cores a cell has: as many as it has threads, and none that another cell has, of whatever run of the same user on this machine.
//!
//! A core is taken by locking a file, so that the operating system gives it back whatever becomes of the runner. If too few are free the cell runs wherever
//! there is room, and its row does not say `affinity`. Cores that share a cache or a physical core are not told apart.

use std::fs::File;

use rustix::thread::{CpuSet, sched_getaffinity};

/// Cores of a cell, until this is dropped.
#[derive(Debug)]
pub(crate) struct Cores {
    numbers: Vec<usize>,
    _locks: Vec<File>,
}

impl Cores {
    /// So many of the cores that this process may use; none if they are not free.
    pub(crate) fn take(count: usize) -> Option<Self> {
        let user = rustix::process::getuid().as_raw();
        let folder = std::env::temp_dir().join(format!("offcut-cores-{user}"));
        std::fs::create_dir_all(&folder).ok()?;
        let (mut numbers, mut locks) = (Vec::new(), Vec::new());
        for number in allowed() {
            if numbers.len() == count {
                break;
            }
            let file = File::options().create(true).append(true).open(folder.join(number.to_string())).ok()?;
            if file.try_lock().is_ok() {
                numbers.push(number);
                locks.push(file);
            }
        }
        (numbers.len() == count).then_some(Self { numbers, _locks: locks })
    }

    /// Their numbers, ascending.
    pub(crate) fn numbers(&self) -> &[usize] {
        &self.numbers
    }
}

/// The cores that this process may use.
fn allowed() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|number| set.is_set(*number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_core_is_taken_twice() {
        assert!(Cores::take(allowed().len() + 1).is_none());
        // Tests of other programs may have all of them at this moment.
        let Some(first) = Cores::take(1) else { return };
        if let Some(second) = Cores::take(1) {
            assert_ne!(first.numbers(), second.numbers());
        }
    }
}
