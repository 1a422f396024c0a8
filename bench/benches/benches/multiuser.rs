//! Every algorithm of `multiuser` over size, and the checker beside them.
//!
//! `cargo bench -p offcut-benches -- '^multiuser'` runs all; `-- multiuser-max/threshold` some. An algorithm is timed at the sizes it is
//! meant for; the scale case of 10^6 users is a command of its own (see the README).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use offcut_benches::{check_and_read, macs_and_seconds};
use offcut_instances::multiuser::{Instance, Multiuser, Objective, Parameters, generate};
use offcut_instances::problem::Budget;
use offcut_runner::BenchmarkAdapter;

fn instance(users: u32, units_per_user: u32, objective: Objective) -> Instance {
    let parameters = Parameters { users, units: users * units_per_user, objective, ..Parameters::default() };
    generate("zoo", &parameters, 1).expect("legal")
}

/// Times every algorithm that takes the objective, up to the most users it is given.
fn algorithms(criterion: &mut Criterion, name: &str, objective: Objective, most: &[(&str, u32)]) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for algorithm in Multiuser::algorithms() {
        let most = most.iter().find(|(id, _)| *id == algorithm.id()).map_or(10_000, |(_, most)| *most);
        for users in [10, 100, 1_000, 10_000].into_iter().filter(|users| *users <= most) {
            let instance = instance(users, 4, objective);
            group.throughput(Throughput::Elements(users.into()));
            group.bench_with_input(BenchmarkId::new(algorithm.id(), users), &instance, |bencher, instance| {
                bencher.iter(|| algorithm.solve(black_box(instance), &Budget::default()));
            });
        }
    }
    group.finish();
}

fn max(criterion: &mut Criterion) {
    // 0: declines this objective.
    algorithms(criterion, "multiuser-max", Objective::Max, &[("milp", 100), ("dp", 0), ("price", 0), ("branch", 0)]);
}

fn sum(criterion: &mut Criterion) {
    let most =
        [("milp", 100), ("dp", 1_000), ("branch", 100), ("threshold", 0), ("iao", 0), ("iao-ds", 0), ("iao-random", 0)];
    algorithms(criterion, "multiuser-sum", Objective::Sum, &most);
}

fn around(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("multiuser-around");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for users in [1_000, 100_000] {
        let instance = instance(users, 4, Objective::Max);
        group.throughput(Throughput::Elements(users.into()));
        let threshold = &Multiuser::algorithms()[0];
        let answer = threshold.solve(&instance, &Budget::default());
        check_and_read::<Multiuser>(&mut group, users, &instance, &answer);
    }
    group.finish();
}

fn kinds(criterion: &mut Criterion) {
    let instance = |work| {
        let parameters = Parameters { users: 1_000, units: 4_000, work, ..Parameters::default() };
        generate("zoo", &parameters, 1).expect("legal")
    };
    macs_and_seconds::<Multiuser>(criterion, instance, &["threshold", "iao"]);
}

criterion_group!(benches, max, sum, around, kinds);
