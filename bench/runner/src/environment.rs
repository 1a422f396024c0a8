//! Where and with what a run is made.

use std::time::{SystemTime, UNIX_EPOCH};

use offcut_ledger::Environment;

/// This machine and this program, now.
pub fn environment() -> Environment {
    let system = sysinfo::System::new().map(|mut system| {
        system.refresh_memory();
        system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
        system
    });
    let processor = system.as_ref().ok().and_then(|system| system.cpus().first());
    Environment {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("OFFCUT_COMMIT").into(),
        processor: processor.map_or_else(String::new, |cpu| cpu.brand().trim().to_owned()),
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        memory_bytes: system.as_ref().map_or(0, sysinfo::System::total_memory),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        began_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    }
}

/// The node of a cluster on which this process is: whoever starts a task says so in this variable.
pub const NODE: &str = "OFFCUT_NODE";

/// The node of a cluster on which this process is, if it is on one; looked up once.
pub fn node() -> Option<&'static str> {
    static HERE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    HERE.get_or_init(|| std::env::var(NODE).ok().filter(|name| !name.is_empty())).as_deref()
}

/// The processors this process may use, as the operating system lists them, e.g. `0-3,8`; empty where it does not tell.
pub fn allowed_cpus() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.map_or_else(String::new, |list| list.trim().to_owned())
}

/// Commit and machine in a few words, for rows; on a cluster with node and processors. Looked up once.
pub fn made_on() -> &'static str {
    static MADE_ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    MADE_ON.get_or_init(|| {
        let Environment { commit, processor, processors, system, .. } = environment();
        // Rows know the node by these words: `Row::node`.
        let place = node().map(|node| format!("; node {node}, CPUs {}", allowed_cpus())).unwrap_or_default();
        format!("commit {commit}, {processors} x {processor}, {system}{place}")
    })
}

/// Memory of this machine in bytes; 0 where the operating system does not tell.
pub fn machine_memory_bytes() -> u64 {
    static BYTES: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *BYTES.get_or_init(|| environment().memory_bytes)
}

/// The version of the code in a row's key: the version and the hash of the program itself, so that a row is never taken for the work of
/// other code.
pub fn code_version() -> String {
    let hash = std::env::current_exe().and_then(std::fs::read).map(|bytes| blake3::hash(&bytes).to_hex());
    match hash {
        Ok(hash) => format!("{}-{}", env!("CARGO_PKG_VERSION"), &hash[..12]),
        Err(_) => env!("CARGO_PKG_VERSION").into(),
    }
}

/// The most memory this process has had at once, in bytes, since it started or since [`reset_peak_memory`]; none where the operating
/// system does not tell.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// Forgets the peak so far, where the operating system lets us; the next peak then begins at what is in use now.
pub fn reset_peak_memory() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
