//! Processes that end with the one that started them.

use anyhow::{Context, Result};

/// The kernel ends this process when the thread that started it ends, by whatever signal (Linux; elsewhere nothing happens).
///
/// # Errors
/// If the kernel refuses.
pub fn die_with_parent() -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("parent death signal")?;
    Ok(())
}

/// Whether the parent still is; it may have ended before [`die_with_parent`].
pub fn is_child_of(parent: u32) -> bool {
    let is = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32);
    !cfg!(target_os = "linux") || is == Some(parent)
}
