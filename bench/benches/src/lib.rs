//! criterion benchmarks, see `benches/`; here is what all of them share.

use std::fmt::Display;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use offcut_checker::{Tolerance, check_answer};
use offcut_instances::document::{instance_bytes, parse_instance};
use offcut_instances::measured::Work;
use offcut_instances::problem::{Answer, Budget};
use offcut_runner::BenchmarkAdapter;

/// Times methods, the checker and the reader on the same instance with work in MACs (version 1) and in seconds of every layer on every kind of machine
/// (version 2). The checker gets the answer of the first method.
///
/// # Panics
/// If the problem has no method of one of the names.
pub fn macs_and_seconds<P: BenchmarkAdapter>(
    criterion: &mut Criterion,
    instance: impl Fn(Work) -> P::Instance,
    methods: &[&str],
) {
    let mut group = criterion.benchmark_group(format!("{}-kinds", P::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let all = P::algorithms();
    for (name, work) in [("macs", Work::Macs), ("seconds", Work::Seconds)] {
        let instance = instance(work);
        let mut first = None;
        for id in methods {
            let method = all.iter().find(|method| method.id() == *id).expect("there is such a method");
            group.bench_function(BenchmarkId::new(*id, name), |bencher| {
                bencher.iter(|| method.solve(black_box(&instance), &Budget::seconds(20.0)));
            });
            first.get_or_insert_with(|| method.solve(&instance, &Budget::seconds(20.0)));
        }
        let answer = first.expect("a method");
        check_and_read::<P>(&mut group, name, &instance, &answer);
    }
    group.finish();
}

/// Times the checker on an answer, and the reader on the instance's bytes.
pub fn check_and_read<P: BenchmarkAdapter>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    parameter: impl Display,
    instance: &P::Instance,
    answer: &Answer<P>,
) {
    group.bench_function(BenchmarkId::new("check", &parameter), |bencher| {
        bencher.iter(|| check_answer::<P>(black_box(instance), answer, &Tolerance::default()));
    });
    let bytes = instance_bytes::<P>(instance);
    group.bench_function(BenchmarkId::new("read", &parameter), |bencher| {
        bencher.iter(|| parse_instance::<P>(black_box(&bytes)));
    });
}
