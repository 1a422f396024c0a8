//! Every algorithm of `throughput` over size, what the exact side is made of, and the checker beside them.
//!
//! `cargo bench -p offcut-benches -- '^throughput'` runs all; `-- throughput-zoo/branch` some. An algorithm is timed at the sizes it is
//! meant for; the scale case of 10^6 requests is a command of its own (see the README).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput as Per, criterion_group};
use offcut_benches::{check_and_read, macs_and_seconds};
use offcut_instances::problem::Budget;
use offcut_instances::throughput::{Instance, Parameters, Throughput, generate};
use offcut_runner::BenchmarkAdapter;

/// Eight threads for every 200 requests and cloudlet.
fn instance(family: &str, requests: u32, cloudlets: u32) -> Instance {
    let threads = (requests * 8 / (10 * cloudlets)).max(8);
    let parameters = Parameters { requests, cloudlets, threads, ..Parameters::default() };
    generate(family, &parameters, 1).expect("legal")
}

const SIZES: [(u32, u32); 4] = [(20, 3), (200, 10), (2_000, 20), (20_000, 50)];

/// Times every algorithm up to the most requests it is given.
fn algorithms(criterion: &mut Criterion, name: &str, family: &str, most: &[(&str, u32)]) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for algorithm in Throughput::algorithms() {
        let most = most.iter().find(|(id, _)| *id == algorithm.id()).map_or(20_000, |(_, most)| *most);
        for (requests, cloudlets) in SIZES.into_iter().filter(|(requests, _)| *requests <= most) {
            let instance = instance(family, requests, cloudlets);
            group.throughput(Per::Elements(requests.into()));
            group.bench_with_input(BenchmarkId::new(algorithm.id(), requests), &instance, |bencher, instance| {
                bencher.iter(|| algorithm.solve(black_box(instance), &Budget::seconds(20.0)));
            });
        }
    }
    group.finish();
}

fn zoo(criterion: &mut Criterion) {
    let most = [("milp", 2_000), ("lp", 2_000), ("lp-rounding", 2_000), ("milp-joint", 0), ("branch", 2_000)];
    algorithms(criterion, "throughput-zoo", "zoo", &most);
}

fn synthetic(criterion: &mut Criterion) {
    let most = [("milp", 200), ("lp", 2_000), ("lp-rounding", 200), ("milp-joint", 20), ("branch", 2_000)];
    algorithms(criterion, "throughput-synthetic", "synthetic", &most);
}

fn around(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("throughput-around");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (requests, cloudlets) in [(2_000, 20), (50_000, 50)] {
        let instance = instance("zoo", requests, cloudlets);
        group.throughput(Per::Elements(requests.into()));
        let price = Throughput::algorithms().into_iter().find(|algorithm| algorithm.id() == "price").expect("there");
        let answer = price.solve(&instance, &Budget::default());
        check_and_read::<Throughput>(&mut group, requests, &instance, &answer);
    }
    group.finish();
}

fn kinds(criterion: &mut Criterion) {
    let instance = |work| {
        let parameters = Parameters { requests: 2_000, cloudlets: 20, threads: 80, work, ..Parameters::default() };
        generate("zoo", &parameters, 1).expect("legal")
    };
    macs_and_seconds::<Throughput>(criterion, instance, &["price", "local-ratio"]);
}

criterion_group!(benches, zoo, synthetic, around, kinds);
