//! Every algorithm of `jpdra` over size, the checker that replays what `branch` certifies, and the simulation beside them.
//!
//! `cargo bench -p offcut-benches -- '^jpdra'` runs all; `-- jpdra-zoo/branch` some. An algorithm is timed at the sizes it is meant for, at
//! load .6; sizes are flows x partitions x servers.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput as Per, criterion_group};
use offcut_benches::macs_and_seconds;
use offcut_checker::{Tolerance, check_answer};
use offcut_instances::document::{instance_bytes, parse_instance};
use offcut_instances::jpdra::{Instance, Jpdra, Parameters, generate};
use offcut_instances::problem::{Algorithm, Budget};
use offcut_runner::BenchmarkAdapter;
use offcut_simulator::{Service, simulate};

/// Flows, partitions, servers.
type Size = (u32, u32, u32);

const SIZES: [Size; 5] = [(3, 5, 4), (4, 6, 5), (6, 6, 6), (10, 5, 6), (20, 8, 10)];

fn name((flows, partitions, servers): Size) -> String {
    format!("{flows}x{partitions}x{servers}")
}

fn instance(family: &str, (flows, partitions, servers): Size, units: u32) -> Instance {
    let parameters = Parameters { flows, partitions, servers, units, ..Parameters::default() };
    generate(family, &parameters, 1).expect("legal")
}

fn method(id: &str) -> Box<dyn Algorithm<Jpdra>> {
    Jpdra::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("there")
}

/// Times algorithms, each at the first so many sizes that it is given; 5 if nothing is said of it.
fn algorithms(criterion: &mut Criterion, group: &str, family: &str, units: u32, sizes: &[(&str, usize)], all: bool) {
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for algorithm in Jpdra::algorithms() {
        let given = sizes.iter().find(|(id, _)| *id == algorithm.id()).map(|(_, sizes)| *sizes);
        let sizes = given.unwrap_or(if all { SIZES.len() } else { 0 });
        for size in SIZES.into_iter().take(sizes) {
            let instance = instance(family, size, units);
            group.throughput(Per::Elements(instance.partitions() as u64));
            group.bench_with_input(BenchmarkId::new(algorithm.id(), name(size)), &instance, |bencher, instance| {
                bencher.iter(|| algorithm.solve(black_box(instance), &Budget::seconds(20.0)));
            });
        }
    }
    group.finish();
}

/// What HiGHS needs seconds for is left out, and what takes whole units only is below.
const CONTINUOUS: [(&str, usize); 7] = [
    ("branch", 4),
    ("milp-oa", 0),
    ("milp-units", 0),
    ("socp", 4),
    ("exhaustive", 0),
    ("cra-markov", 0),
    ("cra-anneal", 0),
];

fn synthetic(criterion: &mut Criterion) {
    algorithms(criterion, "jpdra-synthetic", "synthetic", 0, &CONTINUOUS, true);
}

fn zoo(criterion: &mut Criterion) {
    algorithms(criterion, "jpdra-zoo", "zoo", 0, &CONTINUOUS, true);
}

/// Forty units a server on average: with twenty the largest has no solution.
fn units(criterion: &mut Criterion) {
    let sizes = [("branch", 3), ("cra-markov", 5), ("cra-anneal", 5), ("jpdra", 5)];
    algorithms(criterion, "jpdra-units", "synthetic", 40, &sizes, false);
}

/// What is only meant for the smallest of sizes.
fn small(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jpdra-small");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (id, units) in [("exhaustive", 0), ("milp-oa", 0), ("milp-units", 10), ("branch", 0), ("branch", 10)] {
        let size = (2, 4, 3);
        let algorithm = method(id);
        let instance = instance("synthetic", size, units);
        let kind = if units > 0 { "-units" } else { "" };
        group.bench_function(BenchmarkId::new(id, format!("{}{kind}", name(size))), |bencher| {
            bencher.iter(|| algorithm.solve(black_box(&instance), &Budget::seconds(20.0)));
        });
    }
    group.finish();
}

fn around(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jpdra-around");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for units in [0, 40] {
        let kind = if units > 0 { "-units" } else { "" };
        for size in SIZES.into_iter().take(3) {
            let instance = instance("synthetic", size, units);
            let answer = method("branch").solve(&instance, &Budget::seconds(20.0));
            group.bench_function(BenchmarkId::new("check", format!("{}{kind}", name(size))), |bencher| {
                bencher.iter(|| check_answer::<Jpdra>(black_box(&instance), &answer, &Tolerance::default()));
            });
        }
    }
    let size = SIZES[4];
    let instance = instance("zoo", size, 0);
    let bytes = instance_bytes::<Jpdra>(&instance);
    group.bench_function(BenchmarkId::new("read", name(size)), |bencher| {
        bencher.iter(|| parse_instance::<Jpdra>(black_box(&bytes)));
    });
    let found = method("dpd").solve(&instance, &Budget::default()).found.expect("a solution");
    let tasks = 10_000;
    for (id, service) in [("simulate", Service::Exponential), ("simulate-deterministic", Service::Deterministic)] {
        // Every task passes through every partition of its flow.
        group.throughput(Per::Elements(tasks * instance.partitions() as u64));
        group.bench_function(BenchmarkId::new(id, name(size)), |bencher| {
            bencher.iter(|| simulate(black_box(&instance), &found.solution, service, tasks, 1));
        });
    }
    group.finish();
}

fn kinds(criterion: &mut Criterion) {
    let instance = |work| {
        let parameters = Parameters { flows: 6, partitions: 6, servers: 6, work, ..Parameters::default() };
        generate("zoo", &parameters, 1).expect("legal")
    };
    macs_and_seconds::<Jpdra>(criterion, instance, &["branch", "price", "jpdra"]);
}

criterion_group!(benches, synthetic, zoo, units, small, around, kinds);
