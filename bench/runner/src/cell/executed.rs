//! What running a method takes and gives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use cpu_time::ProcessTime;
use offcut_instances::document::answer_bytes;
use offcut_instances::problem::{Algorithm, Answer, Budget, Problem};
use offcut_ledger::row::ProcessFacts;

use crate::BenchmarkAdapter;
use crate::environment::{peak_memory_bytes, reset_peak_memory};

/// What came out of running a method.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The answer's document.
    pub answer: Vec<u8>,
    /// Wall-clock seconds in the method.
    pub solve_s: f64,
    /// CPU seconds of the process meanwhile: a method may use several threads.
    pub solve_cpu_s: f64,
    /// Most memory the process had at once meanwhile, the instance included.
    pub peak_memory_bytes: Option<u64>,
    /// What its process took, if it had one of its own.
    pub process: Option<ProcessFacts>,
    /// Why its history was rejected, if it was when it was run, see [`crate::course`].
    pub history_rejected: Option<String>,
    /// What it wrote to its error output, as far as it is kept.
    pub errors: Vec<u8>,
}

/// Runs a method on an instance, in this process. A panic is an answer that failed.
pub fn execute<P: BenchmarkAdapter>(algorithm: &dyn Algorithm<P>, instance: &P::Instance, budget: &Budget) -> Executed {
    measured::<P>(|| algorithm.solve(instance, budget))
}

/// Runs `solve` in this process and measures it.
pub(super) fn measured<P: Problem>(solve: impl FnOnce() -> Answer<P>) -> Executed {
    reset_peak_memory();
    let began = Instant::now();
    let cpu = ProcessTime::now();
    let answer = catch_unwind(AssertUnwindSafe(solve));
    let solve_s = began.elapsed().as_secs_f64();
    let solve_cpu_s = cpu.elapsed().as_secs_f64();
    let peak_memory_bytes = peak_memory_bytes();
    let answer = answer.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Answer::failed(format!("panic: {}", words.unwrap_or("without words")))
    });
    let answer = answer_bytes::<P>(&answer);
    Executed {
        answer,
        solve_s,
        solve_cpu_s,
        peak_memory_bytes,
        process: None,
        history_rejected: None,
        errors: Vec::new(),
    }
}
