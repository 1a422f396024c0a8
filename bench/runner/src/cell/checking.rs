//! From an answer's bytes to a row.

use std::time::Instant;

use offcut_checker::{Tolerance, Verdict, check_answer};
use offcut_instances::document::{InputError, parse_answer};
use offcut_instances::problem::{Answer, Problem};
use offcut_ledger::{History, Key, Row, Status, Times, answer_hash};

use super::executed::Executed;
use crate::BenchmarkAdapter;
use crate::environment::made_on;

/// Checks what was executed, in this process: the row, and the verdict with all details.
pub fn checked_answer<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    executed: &Executed,
    tolerance: &Tolerance,
) -> (Row, Verdict) {
    let (row, verdict) = checked_bytes::<P>(instance, key, &executed.answer, tolerance);
    (with_facts(row, executed), verdict)
}

/// The same row with what running the method took.
pub(super) fn with_facts(mut row: Row, executed: &Executed) -> Row {
    made_on().clone_into(&mut row.made_on);
    row.times.solve_s = executed.solve_s;
    row.times.solve_cpu_s = Some(executed.solve_cpu_s);
    row.peak_memory_bytes = executed.peak_memory_bytes;
    row.process.clone_from(&executed.process);
    if row.incumbents.is_empty() && row.history_rejected.is_none() {
        row.history_rejected.clone_from(&executed.history_rejected);
    }
    row
}

/// Checks the bytes of an answer: the row without what running the method took, and the verdict.
pub(super) fn checked_bytes<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    bytes: &[u8],
    tolerance: &Tolerance,
) -> (Row, Verdict) {
    let began = Instant::now();
    // Numbers that are not finite do not survive the way through the document, so an unreadable answer is its method's fault.
    let answer = parse_answer::<P>(bytes).unwrap_or_else(|error| unreadable(&error));
    let verdict = check_answer::<P>(instance, &answer, tolerance);
    let mut row = row_of::<P>(instance, key, answer, bytes, &verdict, tolerance);
    row.times.check_s = began.elapsed().as_secs_f64();
    (row, verdict)
}

/// What is checked in place of an answer that cannot be read.
pub fn unreadable<P: Problem>(error: &InputError) -> Answer<P> {
    Answer::invalid(format!("its answer cannot be read: {error}"))
}

/// The row of an answer that was checked, with what the answer and its verdict tell; `bytes` are the answer's.
pub fn row_of<P: BenchmarkAdapter>(
    instance: &P::Instance,
    key: Key,
    answer: Answer<P>,
    bytes: &[u8],
    verdict: &Verdict,
    tolerance: &Tolerance,
) -> Row {
    let history = History {
        sense: P::SENSE,
        limit_s: key.budget.time_s,
        objective: verdict.objective(),
        proven: verdict.certified_bound(),
        tolerance,
    };
    let (incumbents, history_rejected) = match history.validated(&answer.trace.incumbents) {
        Ok(incumbents) => (incumbents, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    Row {
        key,
        problem: P::NAME.into(),
        answer_hash: Some(answer_hash(bytes)),
        instance: P::label(instance),
        status: Status::of(&answer.stop, verdict, tolerance),
        stop: answer.stop,
        claimed_objective: answer.found.map(|claim| claim.objective),
        checked_objective: verdict.objective(),
        measures: verdict.measures().clone(),
        proof: verdict.proof().clone(),
        certified: verdict.certified().clone(),
        violations: verdict.violations().to_vec(),
        times: Times { build_s: answer.trace.build_s, ..Times::default() },
        made_on: String::new(),
        peak_memory_bytes: None,
        process: None,
        counts: answer.trace.counts,
        incumbents,
        history_rejected,
        series: answer.trace.series,
    }
}
