//! What this machine is and how busy it is.

use sysinfo::{CpuRefreshKind, RefreshKind, System};

/// A machine is called idle below this load: something else takes less than a quarter of a processor.
pub const IDLE: f64 = 0.25;

/// The processor, as the operating system names it; the architecture if it does not.
pub fn processor() -> String {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let cpu = system.ok().and_then(|system| system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()));
    let brand = cpu.unwrap_or_default();
    if brand.is_empty() { std::env::consts::ARCH.to_owned() } else { brand }
}

/// Logical processors that this program may use, at least 1.
pub fn logical_processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// Processes that were running or waiting on average in the last minute; `None` where the operating system does not tell.
pub fn load() -> Option<f64> {
    cfg!(unix)
        .then(|| System::load_average().ok())
        .flatten()
        .map(|load| load.one)
        .filter(|load| load.is_finite() && *load >= 0.0)
}

/// Today as YYYY-MM-DD, in UTC.
pub fn date() -> String {
    chrono::Utc::now().format("%Y-%m-%d").to_string()
}
