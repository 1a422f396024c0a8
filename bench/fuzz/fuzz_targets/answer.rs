//! What a solver's process may say, line by line: messages, the answer's document, anything. What comes out can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use offcut_instances::document::parse_answer;
use offcut_instances::problem::Problem;
use offcut_runner::process::{Ended, Limits, Watched};
use offcut_runner::protocol::Replies;

const ENDS: [Ended; 5] = [Ended::Exit(0), Ended::Exit(1), Ended::Signal(6), Ended::Time, Ended::Memory];

fn hear<P: Problem>(bytes: &[u8], ended: Ended) {
    let mut replies = Replies::<P>::default();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        replies.hear(at as f64, line);
    }
    let watched = Watched {
        ended,
        wall_s: 1.0,
        cpu_s: 1.0,
        peak_memory_bytes: 0,
        errors: bytes.to_vec(),
        orphans: Default::default(),
    };
    let limits = Limits { time_s: None, grace_s: 1.0, memory_bytes: 1, output_bytes: 1 };
    let history = Ok(replies.course().claimed());
    parse_answer::<P>(&replies.told(&watched, &limits, history).answer).expect("an answer");
}

type Hear = fn(&[u8], Ended);

macro_rules! hear_all {
    ([] $($module:ident: $problem:path,)*) => { &[$(hear::<$problem>),*] };
}

/// A listener for each problem.
const LISTENERS: &[Hear] = offcut_instances::for_each_problem!([] hear_all);

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let first = *first as usize;
    LISTENERS[first % LISTENERS.len()](bytes, ENDS[first / LISTENERS.len() % ENDS.len()]);
});
