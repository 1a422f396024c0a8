//! The program `offcut-prototype`: a network split over processes, what is refused, and what is left when it is killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use offcut_checker::Checkable;
use offcut_instances::document::{answer_bytes, instance_file};
use offcut_instances::jpdra::{self, Jpdra};
use offcut_instances::lymdo::{self, Lymdo};
use offcut_instances::machine::Machine;
use offcut_instances::multiuser::{self, Multiuser};
use offcut_instances::problem::{Answer, Problem};
use offcut_instances::throughput::{self, Part, Service, Throughput};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_offcut-prototype");

struct Files {
    folder: tempfile::TempDir,
    instance: PathBuf,
    answer: PathBuf,
}

fn files<P: Checkable>(instance: &P::Instance, solution: P::Solution, factor: f64) -> Files {
    let objective = P::evaluate(instance, &solution).0.map_or(1.0, |objective| objective.middle());
    write::<P>(instance, &Answer::<P>::found(solution, objective * factor))
}

fn write<P: Problem>(instance: &P::Instance, answer: &Answer<P>) -> Files {
    let folder = tempfile::tempdir().expect("a folder");
    let (instance_path, answer_path) = (folder.path().join("instance.json"), folder.path().join("answer.json"));
    std::fs::write(&instance_path, instance_file::<P>(instance)).expect("written");
    std::fs::write(&answer_path, answer_bytes::<P>(answer)).expect("written");
    Files { folder, instance: instance_path, answer: answer_path }
}

fn command(files: &Files, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg(&files.instance).arg(&files.answer).args(arguments);
    command
}

fn rows(output: &Output, path: &Path) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(path).expect("rows")).expect("JSON")
}

/// Refused in one line that contains `why`, with exit code 2.
fn refused(files: &Files, arguments: &[&str], why: &str) {
    let output = command(files, arguments).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(last.contains(why), "{why}: {text}");
    assert!(output.stdout.is_empty());
}

/// Users of a small network, on devices and a server far slower than a core of any machine.
fn users(count: u32) -> multiuser::Instance {
    let models = vec!["squeezenet1_1".to_owned()];
    let parameters = multiuser::Parameters { users: count, units: count, models, ..multiuser::Parameters::default() };
    let mut instance = multiuser::generate("zoo", &parameters, 1).expect("legal");
    instance.server.unit = Machine::of_macs(1e10);
    instance.users.iter_mut().for_each(|user| user.device = Machine::of_macs(4e9));
    instance
}

#[test]
fn two_processes_give_the_output_of_one() {
    let instance = users(3);
    let last = instance.models[0].blocks() as u32;
    let solution = multiuser::Solution { cut: vec![0, 10, last], units: vec![1, 1, 0] };
    let files = files::<Multiuser>(&instance, solution, 1.0);
    let (json, svg) = (files.folder.path().join("rows.json"), files.folder.path().join("figure.svg"));
    let paths = [json.to_str().expect("UTF-8"), svg.to_str().expect("UTF-8")];
    let output =
        command(&files, &["--repetitions", "3", "--dilation", "10", "-o", paths[0], "--figure", paths[1]]).output();
    let rows = rows(&output.expect("runs"), &json);
    assert!(rows["largest_difference"].as_f64().expect("a number") <= 1e-5);
    let outcome = &rows["outcomes"][0];
    assert_eq!((outcome["processes"].as_u64(), outcome["rows"].as_array().map(Vec::len)), (Some(4), Some(3)));
    for row in outcome["rows"].as_array().expect("rows") {
        let parts = row["predicted"].as_object().expect("parts").values().filter_map(Value::as_f64);
        let (sum, predicted) = (parts.sum::<f64>(), row["predicted_s"].as_f64().expect("a number"));
        assert!((sum - predicted).abs() <= 1e-9 * predicted);
        assert_eq!(row["tasks"], 3);
        // A link is never faster than its rate.
        let link = |side: &str| row[side]["link_s"].as_f64().expect("a number");
        assert!(link("measured") >= link("predicted") * 0.999, "{row}");
    }
    let figure = std::fs::read_to_string(&svg).expect("a figure");
    assert!(figure.starts_with("<svg") && figure.contains("predicted, s"));
}

#[test]
fn a_set_of_layers_runs_on_a_device_and_the_rest_on_a_cloudlet() {
    let models = vec!["squeezenet1_1".to_owned()];
    let parameters = throughput::Parameters { requests: 1, cloudlets: 1, models, ..throughput::Parameters::default() };
    let mut instance = throughput::generate("zoo", &parameters, 1).expect("legal");
    instance.requests[0].device = Machine::of_macs(4e9);
    instance.requests[0].deadline_s = 100.0;
    instance.cloudlets[0].thread = Machine::of_macs(1e10);
    // One branch of the first fire module is left out, so that two tensors cross and the set is no prefix.
    let model = &instance.models[0];
    let left_out = model.edges.iter().find(|(from, _)| model.edges.iter().filter(|edge| edge.0 == *from).count() > 1);
    let branch = left_out.expect("a branch").1;
    let mut is_in = vec![true; model.layers()];
    for v in 0..model.layers() as u32 {
        let reads_out = model.edges.iter().any(|&(from, to)| to == v && !is_in[from as usize]);
        is_in[v as usize] = v != branch && !reads_out;
    }
    let device_layers: Vec<u32> = (0..model.layers() as u32).filter(|&v| is_in[v as usize]).collect();
    assert!(device_layers.iter().any(|&v| v > branch), "not a prefix");
    let parts = vec![Part { model: 0, device_layers }];
    let service = vec![Service::Remote { cloudlet: 0, threads: 1, part: 0 }];
    let files = files::<Throughput>(&instance, throughput::Solution { parts, service }, 1.0);
    let json = files.folder.path().join("rows.json");
    let output =
        command(&files, &["--repetitions", "2", "--dilation", "10", "-o", json.to_str().expect("UTF-8")]).output();
    let rows = rows(&output.expect("runs"), &json);
    assert!(rows["largest_difference"].as_f64().expect("a number") <= 1e-5);
    assert_eq!(rows["outcomes"][0]["processes"], 2);
}

/// A flow over two servers, and shares of their speeds.
fn flow() -> (jpdra::Instance, jpdra::Solution) {
    let models = vec!["squeezenet1_1".to_owned()];
    let parameters = jpdra::Parameters { flows: 1, partitions: 2, servers: 2, models, ..jpdra::Parameters::default() };
    let mut instance = jpdra::generate("zoo", &parameters, 1).expect("legal");
    instance.servers.iter_mut().for_each(|server| server.machine = Machine::of_macs(4e9));
    instance.flows[0].rate_per_s = 4.0;
    let speeds = jpdra::Speeds::MacsPerS(vec![vec![4e9, 4e9]]);
    (instance, jpdra::Solution { servers: vec![vec![0, 1]], speeds })
}

#[test]
fn tasks_queue_at_two_servers() {
    let (instance, solution) = flow();
    let files = files::<Jpdra>(&instance, solution, 1.0);
    let json = files.folder.path().join("rows.json");
    let arguments = ["--seconds", "20", "--dilation", "4", "-o", json.to_str().expect("UTF-8")];
    let rows = rows(&command(&files, &arguments).output().expect("runs"), &json);
    assert!(rows["largest_difference"].as_f64().expect("a number") <= 1e-5);
    let row = &rows["outcomes"][0]["rows"][0];
    assert!(row["tasks"].as_u64().expect("a number") >= 8 && row["same_draws_s"].is_number());
    assert_eq!(rows["outcomes"][0]["processes"], 3);
}

#[test]
fn what_cannot_be_run_is_refused() {
    let instance = users(2);
    let local = instance.models[0].blocks() as u32;
    let solution = || multiuser::Solution { cut: vec![0, local], units: vec![1, 0] };
    refused(&files::<Multiuser>(&instance, solution(), 1.1), &[], "the checker rejects the answer");
    refused(&files::<Multiuser>(&instance, solution(), 1.0), &["--kind", "phone"], "no kinds of machines");
    refused(&files::<Multiuser>(&instance, solution(), 1.0), &["--model", "net.json"], "an .onnx file");
    refused(&files::<Multiuser>(&instance, solution(), 1.0), &["--repetitions", "99999"], "give fewer --repetitions");
    let none = Answer::<Multiuser>::declined("too small");
    refused(&write::<Multiuser>(&instance, &none), &[], "holds no solution");
    let mut fast = instance.clone();
    fast.server.unit = Machine::of_macs(1e15);
    refused(&files::<Multiuser>(&fast, solution(), 1.0), &[], "give --dilation");
    let mut strange = instance.clone();
    strange.models[0].name = "my-net".into();
    refused(&files::<Multiuser>(&strange, solution(), 1.0), &[], "--model NET.onnx");
    let mut other = instance.clone();
    other.models[0].macs[0] += 1.0;
    refused(&files::<Multiuser>(&other, solution(), 1.0), &[], "other blocks");
    let crowd = users(100);
    let all = multiuser::Solution { cut: vec![local; 100], units: vec![0; 100] };
    refused(&files::<Multiuser>(&crowd, all, 1.0), &[], "processes are more than");
}

#[test]
fn queues_that_cannot_be_carried_are_refused() {
    let (mut instance, solution) = flow();
    instance.flows[0].rate_per_s = 1e3;
    refused(&files::<Jpdra>(&instance, solution.clone(), 1.0), &[], "stability");
    // Stable in the model, and far too much for this machine.
    instance.servers.iter_mut().for_each(|server| server.machine = Machine::of_macs(1e14));
    let speeds = jpdra::Speeds::MacsPerS(vec![vec![1e14, 1e14]]);
    let fast = jpdra::Solution { speeds, ..solution };
    refused(&files::<Jpdra>(&instance, fast, 1.0), &[], "times as fast as one core");
    refused(&files::<Jpdra>(&flow().0, flow().1, 1.0), &["--seconds", "0.1", "--dilation", "4"], "give more --seconds");
    refused(&files::<Jpdra>(&flow().0, flow().1, 1.0), &["--slots", "0"], "has no slots");
}

/// Two users over two slots: one sends its input, one computes some blocks itself.
fn slots() -> (lymdo::Instance, lymdo::Solution) {
    let models = vec!["squeezenet1_1".to_owned()];
    let parameters = lymdo::Parameters {
        users: 2,
        slots: 2,
        arrivals_per_s: 4.0,
        bandwidth_hz: 1e8,
        models,
        ..lymdo::Parameters::default()
    };
    let mut instance = lymdo::generate("steady", &parameters, 1).expect("legal");
    instance.users.iter_mut().for_each(|user| user.device = Machine::of_macs(4e9));
    instance.set_edge_speed(8e9);
    let allocation = lymdo::Allocation {
        cuts: vec![0, 3],
        local_macs_per_s: vec![4e9; 2],
        bandwidth_hz: vec![5e7; 2],
        edge_macs_per_s: vec![4e9; 2],
    };
    (instance, lymdo::Solution { slots: vec![allocation; 2] })
}

#[test]
fn slots_are_run_one_after_the_other() {
    for service in [lymdo::Service::Deterministic, lymdo::Service::Exponential] {
        let (mut instance, solution) = slots();
        instance.service = service;
        let files = files::<Lymdo>(&instance, solution, 1.0);
        let json = files.folder.path().join("rows.json");
        let arguments = ["--seconds", "24", "--dilation", "4", "-o", json.to_str().expect("UTF-8")];
        let rows = rows(&command(&files, &arguments).output().expect("runs"), &json);
        assert!(rows["largest_difference"].as_f64().expect("a number") <= 1e-5);
        assert_eq!(rows["service"], serde_json::to_value(service).expect("a word"));
        let outcome = &rows["outcomes"][0];
        let all = outcome["rows"].as_array().expect("rows");
        let names: Vec<&str> = all.iter().filter_map(|row| row["route"].as_str()).collect();
        assert_eq!(names, ["slot 0, user 0", "slot 0, user 1", "slot 1, user 0", "slot 1, user 1"]);
        assert_eq!(outcome["processes"], 3);
        for row in all {
            assert!(row["same_draws_s"].is_number() && row["predicted"]["queueing_s"].as_f64() > Some(0.0), "{row}");
        }
        refused(&files, &["--slots", "2"], "has 2 slots");
    }
}

#[cfg(target_os = "linux")]
mod kills {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use offcut_instances::random::Stream;

    use super::*;

    /// In the environment of the program and of all that it starts.
    const MARK: &str = "OFFCUT_PROTOTYPE_KILLED";

    /// Processes that carry the mark.
    fn marked(mark: &str) -> BTreeSet<u32> {
        let wanted = format!("{MARK}={mark}");
        let entries = std::fs::read_dir("/proc").expect("processes");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let carries = |pid: &u32| {
            // Of a process that has ended but was not waited for, nothing can be read.
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        };
        pids.filter(carries).collect()
    }

    /// Inodes of the sockets of a process.
    fn sockets(pid: u32) -> BTreeSet<u64> {
        let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
        let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
    }

    /// Sockets of TCP: inode, local address and state, in hexadecimal. And whether it listens.
    fn tcp() -> Vec<(u64, String, bool)> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let text = read("/proc/net/tcp") + &read("/proc/net/tcp6");
        let line = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            Some((fields.get(9)?.parse().ok()?, (*fields.get(1)?).to_owned(), *fields.get(3)? == "0A"))
        };
        text.lines().filter_map(line).collect()
    }

    /// Kills the program at 20 random instants from its start to its end.
    #[test]
    #[ignore = "takes minutes: bench/LONG_CHECKS.md"]
    fn nothing_is_left_after_twenty_kills() {
        let instance = users(4);
        let solution = multiuser::Solution { cut: vec![0, 10, 20, 5], units: vec![1; 4] };
        let files = files::<Multiuser>(&instance, solution, 1.0);
        let mut stream = Stream::new(&["kills"], u64::from(std::process::id()));
        let (mut most, mut listening) = (0, 0);
        for kill in 0..20 {
            let folder = tempfile::tempdir().expect("a folder");
            let mark = format!("{}-{kill}", std::process::id());
            let mut program = command(&files, &["--repetitions", "50", "--dilation", "10"]);
            program.current_dir(folder.path()).env("TMPDIR", folder.path()).env(MARK, &mark);
            let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
            std::thread::sleep(Duration::from_secs_f64(stream.uniform(0.0, 12.0)));
            let before = marked(&mark);
            let inodes: BTreeSet<u64> = before.iter().flat_map(|&pid| sockets(pid)).collect();
            let own: Vec<_> = tcp().into_iter().filter(|(inode, _, _)| inodes.contains(inode)).collect();
            assert!(own.iter().all(|(_, address, _)| address.starts_with("0100007F:")), "only loopback: {own:?}");
            assert!(program.try_wait().expect("a process").is_none(), "it is still running");
            program.kill().expect("killed");
            program.wait().expect("ended");
            let begin = Instant::now();
            // A process that ends loses its environment before its sockets.
            let left = || -> Vec<_> {
                tcp().into_iter().filter(|(inode, _, listens)| *listens && inodes.contains(inode)).collect()
            };
            while !(marked(&mark).is_empty() && left().is_empty()) && begin.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(marked(&mark).is_empty(), "kill {kill}: processes are left of {before:?}");
            assert!(left().is_empty(), "kill {kill}: {:?}", left());
            let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
            assert!(left.is_empty(), "kill {kill}: {left:?}");
            most = most.max(before.len());
            listening += own.iter().filter(|(_, _, listens)| *listens).count();
            eprintln!(
                "kill {kill}: {} processes, {} sockets before, all gone after {:?}",
                before.len(),
                own.len(),
                begin.elapsed()
            );
        }
        assert!(most > 1 && listening > 0, "some kill came while processes ran");
    }
}
