//! Whether the solutions of incumbents are what is claimed of them.

use offcut_checker::{Checkable, Tolerance, check_answer};
use offcut_instances::document::{answer_bytes, parse_answer};
use offcut_instances::problem::{Answer, Stop};

use crate::protocol::Message;

/// What is wrong with the first incumbent that the checker rejects, or whose objective is not the one claimed; none if all are good. `lines` are messages, a
/// line each.
pub(super) fn first_fault<P: Checkable>(instance: &P::Instance, lines: &[u8]) -> Option<String> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.enumerate().find_map(|(at, line)| {
        let fault = fault_of::<P>(instance, line)?;
        Some(format!("incumbent {}: {fault}", at + 1))
    })
}

fn fault_of<P: Checkable>(instance: &P::Instance, line: &[u8]) -> Option<String> {
    let Ok(Message::Incumbent(claim)) = serde_json::from_slice::<Message<P>>(line) else {
        return Some("it cannot be read".into());
    };
    // As an answer's document, so that its numbers are held to what those of answers are.
    let answer = Answer::<P> { found: Some(claim), ..Answer::nothing(Stop::Completed) };
    let answer = match parse_answer::<P>(&answer_bytes::<P>(&answer)) {
        Ok(answer) => answer,
        Err(error) => return Some(error.to_string()),
    };
    let verdict = check_answer::<P>(instance, &answer, &Tolerance::default());
    verdict.violations().first().map(ToString::to_string)
}
