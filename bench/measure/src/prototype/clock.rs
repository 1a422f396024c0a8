//! One clock for all processes, and the processor time of a thread.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the machine's monotonic clock. All processes of the machine read the same one, so that times of different processes can be compared.
pub fn now_ns() -> u64 {
    read(ClockId::Monotonic)
}

/// Nanoseconds that the calling thread has spent on a processor.
pub fn cpu_ns() -> u64 {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleeps until [`now_ns`] is `due_ns`; not at all if it has passed.
pub fn sleep_until(due_ns: u64) {
    while let Some(left) = due_ns.checked_sub(now_ns()).filter(|left| *left > 0) {
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// A duration in nanoseconds, of a number of seconds that is not negative; at most some centuries.
pub fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Seconds from one time to a later one; 0 if it is earlier.
pub fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_on() {
        let (begin, cpu) = (now_ns(), cpu_ns());
        sleep_until(begin + ns(0.01));
        assert!(seconds(begin, now_ns()) >= 0.01);
        assert!(cpu_ns() >= cpu && ns(1.5) == 1_500_000_000);
        assert_eq!(seconds(2, 1), 0.0);
    }
}
