//! What the paper's algorithms are compared with. Arrival order; whoever does not fit is rejected.

use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_instances::random::Stream;
use offcut_instances::throughput::{Instance, Throughput};

use super::admission::Admission;
use super::threads::Threads;

/// Defines a baseline: its name, what it is, whether it is random, and its admission.
macro_rules! baseline {
    ($type:ident, $id:literal, $about:literal, $is_random:literal, $threads:path, $admit:expr) => {
        #[doc = $about]
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $type;

        impl Algorithm<Throughput> for $type {
            fn id(&self) -> &str {
                $id
            }

            fn about(&self) -> &str {
                $about
            }

            fn is_random(&self) -> bool {
                $is_random
            }

            fn solve(&self, instance: &Instance, budget: &Budget) -> Answer<Throughput> {
                let threads = $threads(instance);
                let mut admission = Admission::empty(&threads);
                let admit: fn(&Threads, &mut Admission, &Budget) = $admit;
                admit(&threads, &mut admission, budget);
                admission.answer(&threads)
            }
        }
    };
}

baseline!(DeviceOnly, "device-only", "only requests that their device serves alone", false, Threads::new, |_, _, _| {});

baseline!(
    CloudletOnly,
    "cloudlet-only",
    "no partition: the raw input is sent, fewest threads first; nobody runs locally",
    false,
    Threads::without_partition,
    |threads, admission, _| admission.fill(threads)
);

baseline!(
    OneThread,
    "one-thread",
    "partition, one thread each, the first cloudlet where that is enough",
    false,
    Threads::new,
    |threads, admission, _| first_fit(threads, admission, |needed, _| (needed == 1).then_some(1))
);

baseline!(
    MostThreads,
    "most-threads",
    "partition, as many threads as a request may get, the first cloudlet that has them",
    false,
    Threads::new,
    |threads, admission, _| first_fit(threads, admission, |_, most| Some(most))
);

baseline!(
    RandomCloudlet,
    "random-cloudlet",
    "partition, least threads, a random cloudlet of those that could serve the request",
    true,
    Threads::new,
    |threads, admission, budget| {
        let mut stream = Stream::new(&["throughput", "random-cloudlet"], budget.seed);
        for i in (0..threads.requests()).filter(|i| !threads.is_local[*i]) {
            let options: Vec<(usize, u32)> = threads.options(i).collect();
            if !options.is_empty() {
                let (j, k) = *stream.pick(&options);
                admission.try_serving(i, j, k);
            }
        }
    }
);

/// The first cloudlet that can serve a request with `threads_given(needed, most)` threads and has them.
fn first_fit(threads: &Threads, admission: &mut Admission, threads_given: impl Fn(u32, u32) -> Option<u32>) {
    for i in (0..threads.requests()).filter(|i| !threads.is_local[*i]) {
        let _ = threads.options(i).find(|(j, needed)| {
            let most = threads.instance.cloudlets[*j].max_threads_per_request;
            threads_given(*needed, most).is_some_and(|k| admission.try_serving(i, *j, k))
        });
    }
}
