//! Processes that are left of something.

use std::time::{Duration, Instant};

/// Every process that carries `mark` in its environment, by what it was started with. Ended is not gone yet, and a machine may be busy: it is waited for
/// that there are none.
pub fn left_with(mark: &str) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let left: Vec<String> = marked(mark).into_iter().map(|pid| words_of(&pid)).collect();
        if left.is_empty() || Instant::now() > until {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Those there are at this moment.
pub fn marked(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("there").flatten();
    let names = processes.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_marked = |pid: &String| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    names.filter(|name| name.chars().all(|c| c.is_ascii_digit()) && is_marked(name)).collect()
}

fn words_of(pid: &str) -> String {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("{pid}: {}", String::from_utf8_lossy(&words).replace('\0', " "))
}
