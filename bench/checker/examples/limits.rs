//! What certificates cost the checker, by their size: `cargo run --release -p offcut-checker --example limits -- FOLDER`.
//!
//! Writes instances and answers whose certificates ask for much work or memory for their size into a folder, replays each in a process of its own and prints a
//! row: bytes of the answer, steps, seconds, the most memory beyond what was held before. With sizes that double, rows should double. `offcut check` takes the
//! same files.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use offcut_checker::Checkable;
use offcut_instances::document::{answer_bytes, instance_bytes};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::problem::{Answer, Stop};
use offcut_instances::throughput::Throughput;

#[path = "../tests/limits/certificates.rs"]
mod certificates;
use certificates::{Leaves, Shape};

/// The cases, by name; all in three sizes.
const CASES: [&str; 18] = [
    "multiuser-chain-same",
    "multiuser-chain-own",
    "multiuser-bushy-same",
    "multiuser-bushy-own",
    "throughput-chain-same",
    "throughput-chain-own",
    "throughput-bushy-own",
    "throughput-chain-knapsacks",
    "jpdra-chain-same",
    "jpdra-chain-own",
    "jpdra-bushy-same",
    "jpdra-bushy-own",
    "lymdo-chain-same",
    "lymdo-chain-own",
    "lymdo-bushy-same",
    "lymdo-bushy-own",
    "lymdo-chain-unused",
    "throughput-chain-few",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [folder] => table(Path::new(folder), ""),
        [folder, only] => table(Path::new(folder), only),
        [folder, case, size] => one(Path::new(folder), case, size.parse().expect("a size is a number")),
        _ => {
            eprintln!("give a folder to write to, and part of a case's name if not all are wanted");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn table(folder: &Path, only: &str) {
    println!("| case | size | kB | steps | seconds | MB beyond the certificate | s/kB | result |");
    println!("|---|---|---|---|---|---|---|---|");
    for case in CASES.iter().filter(|case| case.contains(only)) {
        for size in [1, 2, 4] {
            let this = std::env::current_exe().expect("this program has a path");
            let run = Command::new(this).arg(folder).arg(case).arg(size.to_string()).status();
            assert!(run.is_ok_and(|status| status.success()), "{case} {size} did not end well");
        }
    }
}

fn one(folder: &Path, case: &str, size: u32) {
    let shape = if case.contains("bushy") { Shape::Bushy } else { Shape::Chain };
    let leaves = match case.rsplit('-').next() {
        Some("own") => Leaves::Own,
        Some("knapsacks") => Leaves::Knapsacks,
        _ => Leaves::Same,
    };
    match case.split('-').next().expect("names have parts") {
        "multiuser" => {
            let (splits, users) = if leaves == Leaves::Same { (25_000 * size, 20_000) } else { (700 * size, 20_000) };
            let instance = certificates::multiuser_instance(users);
            measure::<Multiuser>(folder, case, size, &instance, certificates::multiuser(shape, leaves, splits, users));
        }
        "throughput" => {
            let (splits, requests, cloudlets, threads) = match leaves {
                Leaves::Knapsacks => (50 * size, 1000, 1, 200_000),
                _ if case.ends_with("few") => (25_000 * size, 50, 5, 20),
                _ => (500 * size, 2000, 5, 5000),
            };
            let instance = certificates::throughput_instance(requests, cloudlets as usize, threads);
            let certificate = certificates::throughput(shape, leaves, splits, requests, cloudlets);
            measure::<Throughput>(folder, case, size, &instance, certificate);
        }
        "jpdra" => {
            let (flows, servers) = (6, 4);
            let splits = if leaves == Leaves::Same { 7500 * size } else { 500 * size };
            let instance = certificates::jpdra_instance(flows as usize, servers as usize);
            measure::<Jpdra>(folder, case, size, &instance, certificates::jpdra(shape, leaves, splits, flows, servers));
        }
        "lymdo" => {
            let (users, blocks) = (100, 5);
            let unused = if case.ends_with("unused") { 75_000 * size as usize } else { 0 };
            let splits = if leaves == Leaves::Same { 7500 * size } else { 500 * size };
            let splits = if unused > 0 { 1 } else { splits };
            let instance = certificates::lymdo_instance(users as usize, blocks as usize);
            let certificate = certificates::lymdo(shape, leaves, splits, users, blocks, unused);
            measure::<Lymdo>(folder, case, size, &instance, certificate);
        }
        other => panic!("no such problem: {other}"),
    }
}

/// Writes the two files, replays the certificate and prints a row.
fn measure<P: Checkable>(folder: &Path, case: &str, size: u32, instance: &P::Instance, certificate: P::Certificate) {
    let write =
        |name: String, bytes: &[u8]| std::fs::write(folder.join(name), bytes).expect("the folder can be written to");
    write(format!("{case}-{size}.instance.json"), &instance_bytes::<P>(instance));
    let answer = Answer::<P>::nothing(Stop::Completed).certified(0.0, certificate.clone());
    let bytes = answer_bytes::<P>(&answer);
    write(format!("{case}-{size}.answer.json"), &bytes);
    let kilobytes = bytes.len() as f64 / 1000.0;
    drop((bytes, answer));
    // What was held before is forgotten, where the system can do that.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let held = peak_memory();
    let budget = P::budget(instance, &certificate);
    let start = Instant::now();
    let result = P::replay_within(instance, &certificate, &budget);
    let seconds = start.elapsed().as_secs_f64();
    let more = peak_memory().zip(held).map_or(f64::NAN, |(peak, held)| peak.saturating_sub(held) as f64 / 1e6);
    let result = match result {
        Ok(value) => format!("{value:e}"),
        Err(violations) => violations[0].constraint.clone(),
    };
    let steps = budget.spent() as f64;
    println!(
        "| {case} | {size} | {kilobytes:.0} | {steps:.2e} | {seconds:.2} | {more:.0} | {:.1e} | {result} |",
        seconds / kilobytes
    );
}

/// The most memory this process has held, in bytes; none where the system does not tell.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
