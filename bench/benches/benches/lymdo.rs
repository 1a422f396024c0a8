//! `lymdo` over size: shares by prices beside the same through Clarabel, whole slots, the bound on a horizon, and policies rolled out.
//!
//! `cargo bench -p offcut-benches -- '^lymdo'` runs all; `-- lymdo-shares` some. Cuts to share for are those of the optimum, every third one moved.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput as Per, criterion_group};
use offcut_benches::macs_and_seconds;
use offcut_checker::{Tolerance, check_answer};
use offcut_formulations::lymdo::{Sharing, algorithms};
use offcut_instances::lymdo::{Instance, Law, Lymdo, Parameters, Service, generate};
use offcut_instances::problem::{Algorithm, Budget};
use offcut_runner::BenchmarkAdapter;

const SERVICES: [(Service, &str); 2] =
    [(Service::Deterministic, "deterministic"), (Service::Exponential, "exponential")];

fn instance(family: &str, parameters: Parameters) -> Instance {
    generate(family, &parameters, 1).expect("legal")
}

fn method(id: &str) -> Box<dyn Algorithm<Lymdo>> {
    algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("there")
}

fn rolled_out(id: &str) -> Box<dyn Algorithm<Lymdo>> {
    Lymdo::algorithms().into_iter().find(|algorithm| algorithm.id() == id).expect("there")
}

fn shares(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lymdo-shares");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (service, name) in SERVICES {
        for (rate_law, law) in [(Law::Shannon, "shannon"), (Law::Fixed, "fixed")] {
            let instance = instance("rayleigh", Parameters { users: 20, service, rate_law, ..Parameters::default() });
            let found = method("branch").solve(&instance, &Budget::default()).found.expect("stable");
            let mut cuts = found.solution.slots[0].cuts.clone();
            for (cut, user) in cuts.iter_mut().zip(&instance.users).step_by(3) {
                *cut = (*cut + 2).min(instance.models[user.model as usize].blocks() as u32);
            }
            let sharing = Sharing::new(&instance, &cuts).expect("stable");
            group.bench_function(BenchmarkId::new("prices", format!("{name}-{law}")), |bencher| {
                bencher.iter(|| black_box(&sharing).by_prices());
            });
            group.bench_function(BenchmarkId::new("cones", format!("{name}-{law}")), |bencher| {
                bencher.iter(|| black_box(&sharing).by_cones());
            });
        }
    }
    group.finish();
}

fn slots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lymdo-slots");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for family in ["rayleigh", "tight", "synthetic"] {
        for (service, name) in SERVICES {
            for users in [5, 20, 50, 200] {
                let instance = instance(family, Parameters { users, service, ..Parameters::default() });
                let id = format!("{family}-{name}-{users}");
                group.throughput(Per::Elements(u64::from(users)));
                let branch = method("branch");
                group.bench_function(BenchmarkId::new("branch", &id), |bencher| {
                    bencher.iter(|| branch.solve(black_box(&instance), &Budget::seconds(20.0)));
                });
                let answer = branch.solve(&instance, &Budget::seconds(20.0));
                group.bench_function(BenchmarkId::new("check", &id), |bencher| {
                    bencher.iter(|| check_answer::<Lymdo>(black_box(&instance), &answer, &Tolerance::default()));
                });
            }
        }
    }
    for (users, blocks) in [(3, 5), (5, 5)] {
        let instance = instance("rayleigh", Parameters { users, blocks, ..Parameters::default() });
        for id in ["branch", "enumerate", "milp-oa"] {
            let algorithm = method(id);
            group.bench_function(BenchmarkId::new(id, format!("small-{users}x{blocks}")), |bencher| {
                bencher.iter(|| algorithm.solve(black_box(&instance), &Budget::seconds(20.0)));
            });
        }
    }
    group.finish();
}

/// A hundred slots of twenty users, and a thousand; policies with their queues, as the runner rolls them out.
fn horizons(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lymdo-horizons");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for family in ["rayleigh", "tight", "synthetic"] {
        let instance = instance(family, Parameters { users: 20, slots: 100, ..Parameters::default() });
        group.throughput(Per::Elements(100));
        let clairvoyant = method("clairvoyant");
        group.bench_function(BenchmarkId::new("clairvoyant", family), |bencher| {
            bencher.iter(|| clairvoyant.solve(black_box(&instance), &Budget::default()));
        });
        for id in ["lymdo-exact", "lymdo", "alternating", "myopic", "random"] {
            let policy = rolled_out(id);
            group.bench_function(BenchmarkId::new(id, family), |bencher| {
                bencher.iter(|| policy.solve(black_box(&instance), &Budget::default()).found.expect("a trajectory"));
            });
        }
    }
    let instance = instance("rayleigh", Parameters { users: 20, slots: 1000, ..Parameters::default() });
    group.throughput(Per::Elements(1000));
    for id in ["lymdo-exact", "lymdo"] {
        let policy = rolled_out(id);
        group.bench_function(BenchmarkId::new(id, "rayleigh-1000"), |bencher| {
            bencher.iter(|| policy.solve(black_box(&instance), &Budget::default()).found.expect("a trajectory"));
        });
    }
    group.finish();
}

fn kinds(criterion: &mut Criterion) {
    let instance = |work| {
        let parameters = Parameters { users: 20, work, ..Parameters::default() };
        generate("rayleigh", &parameters, 1).expect("legal")
    };
    macs_and_seconds::<Lymdo>(criterion, instance, &["branch", "alternating"]);
}

criterion_group!(benches, shares, slots, horizons, kinds);
