//! The thread pool of parallel methods.

use offcut_instances::problem::{Answer, Budget};
use offcut_instances::throughput::Throughput;

/// Runs `work` on as many threads as the budget has.
pub(super) fn with_threads(budget: &Budget, work: impl FnOnce() -> Answer<Throughput> + Send) -> Answer<Throughput> {
    match rayon::ThreadPoolBuilder::new().num_threads(budget.threads.max(1) as usize).build() {
        Ok(pool) => pool.install(work),
        Err(error) => Answer::failed(format!("cannot start a thread pool: {error}")),
    }
}
