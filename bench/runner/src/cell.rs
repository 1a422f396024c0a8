//! One method on one instance.
//!
//! The method's answer is serialised at once, and what is judged is the bytes, read back: an answer that cannot be written or read is
//! no answer. Only the solving is timed as solving.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use cpu_time::ProcessTime;
use offcut_checker::{Tolerance, Verdict, judge};
use offcut_instances::document::{answer_bytes, parse_answer};
use offcut_instances::problem::{Algorithm, Answer, Budget};
use offcut_ledger::{Key, Row, Status, Times};

use crate::Contest;
use crate::environment::{made_on, peak_memory_bytes, reset_peak_memory};

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
}

/// Runs a method on an instance, in this process. A panic is an answer that failed.
pub fn execute<P: Contest>(algorithm: &dyn Algorithm<P>, instance: &P::Instance, budget: &Budget) -> Executed {
    reset_peak_memory();
    let began = Instant::now();
    let cpu = ProcessTime::now();
    let answer = catch_unwind(AssertUnwindSafe(|| algorithm.solve(instance, budget)));
    let solve_s = began.elapsed().as_secs_f64();
    let solve_cpu_s = cpu.elapsed().as_secs_f64();
    let peak_memory_bytes = peak_memory_bytes();
    let answer = answer.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Answer::failed(format!("panic: {}", words.unwrap_or("without words")))
    });
    Executed { answer: answer_bytes::<P>(&answer), solve_s, solve_cpu_s, peak_memory_bytes }
}

/// Judges what was executed: the row, and the verdict with all details.
pub fn judged<P: Contest>(
    instance: &P::Instance,
    key: Key,
    executed: &Executed,
    tolerance: &Tolerance,
) -> (Row, Verdict) {
    let began = Instant::now();
    // Numbers that are not finite do not survive the way through the document, so an unreadable answer is its method's fault.
    let answer = parse_answer::<P>(&executed.answer)
        .unwrap_or_else(|trouble| Answer::failed(format!("its answer cannot be read: {trouble}")));
    let verdict = judge::<P>(instance, &answer, tolerance);
    let times = Times {
        build_s: answer.trace.build_s,
        solve_s: executed.solve_s,
        solve_cpu_s: Some(executed.solve_cpu_s),
        check_s: began.elapsed().as_secs_f64(),
    };
    let row = Row {
        key,
        problem: P::NAME.into(),
        instance: P::label(instance),
        status: Status::of(&answer.stop, &verdict, tolerance),
        stop: answer.stop,
        claimed_objective: answer.found.map(|claim| claim.objective),
        checked_objective: verdict.objective(),
        measures: verdict.measures().clone(),
        proof: verdict.proof().clone(),
        violations: verdict.violations().to_vec(),
        times,
        made_on: made_on().to_owned(),
        peak_memory_bytes: executed.peak_memory_bytes,
        counts: answer.trace.counts,
        incumbents: answer.trace.incumbents,
        series: answer.trace.series,
    };
    (row, verdict)
}
