//! Baselines for comparison. Requests are served in arrival order; those that do not fit are rejected.

use offcut_instances::problem::Answer;
use offcut_instances::random::Stream;
use offcut_instances::throughput::{Instance, Throughput};

use super::admission::Admission;
use super::threads::Threads;
use crate::baseline::Baseline;

/// No cloudlets.
pub(super) const DEVICE_ONLY: Baseline<Throughput> = Baseline {
    id: "device-only",
    about: "only requests that their device serves alone",
    is_random: false,
    solve: |instance, _| answer(&Threads::new(instance), |_| {}),
};

/// No partition.
pub(super) const CLOUDLET_ONLY: Baseline<Throughput> = Baseline {
    id: "cloudlet-only",
    about: "no partition: the raw input is sent, fewest threads first; no local execution",
    is_random: false,
    solve: |instance, _| {
        let threads = Threads::without_partition(instance);
        answer(&threads, |admission| admission.fill(&threads))
    },
};

/// No choice of threads, and few.
pub(super) const ONE_THREAD: Baseline<Throughput> = Baseline {
    id: "one-thread",
    about: "partition, one thread each, the first cloudlet where that meets the deadline",
    is_random: false,
    solve: |instance, _| first_fit(instance, |needed, _| (needed == 1).then_some(1)),
};

/// No choice of threads, and many.
pub(super) const MAX_THREADS: Baseline<Throughput> = Baseline {
    id: "most-threads",
    about: "partition, as many threads as a request may get, the first cloudlet that has them",
    is_random: false,
    solve: |instance, _| first_fit(instance, |_, most| Some(most)),
};

/// No choice of cloudlet.
pub(super) const RANDOM_CLOUDLET: Baseline<Throughput> = Baseline {
    id: "random-cloudlet",
    about: "partition, least threads, a random cloudlet of those that could serve the request",
    is_random: true,
    solve: |instance, budget| {
        let threads = Threads::new(instance);
        let mut stream = Stream::new(&["throughput", "random-cloudlet"], budget.seed);
        answer(&threads, |admission| {
            for i in (0..threads.requests()).filter(|i| !threads.is_local[*i]) {
                let options: Vec<(usize, u32)> = threads.options(i).collect();
                if !options.is_empty() {
                    let (j, k) = *stream.pick(&options);
                    admission.try_serving(i, j, k);
                }
            }
        })
    },
};

/// Whom `admit` admits, besides those that are admitted anyway.
fn answer(threads: &Threads, admit: impl FnOnce(&mut Admission)) -> Answer<Throughput> {
    let mut admission = Admission::empty(threads);
    admit(&mut admission);
    admission.answer(threads)
}

/// The first cloudlet that can serve a request with `threads_given(needed, most)` threads and has them.
fn first_fit(instance: &Instance, threads_given: impl Fn(u32, u32) -> Option<u32>) -> Answer<Throughput> {
    let threads = Threads::new(instance);
    answer(&threads, |admission| {
        for i in (0..threads.requests()).filter(|i| !threads.is_local[*i]) {
            let _ = threads.options(i).find(|(j, needed)| {
                let most = instance.cloudlets[*j].max_threads_per_request;
                threads_given(*needed, most).is_some_and(|k| admission.try_serving(i, *j, k))
            });
        }
    })
}
