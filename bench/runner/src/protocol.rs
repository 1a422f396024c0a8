//! What a solver's process says on its standard output, and the answer made of it.
//!
//! Lines of JSON, each on its own, all but the last optional:
//!
//! ```json
//! {"ready": true}
//! {"incumbent": {"objective": 0.25, "solution": {"cut": [3, 0], "units": [1, 0]}}}
//! {"bound": {"value": 0.2, "evidence": {"solver_word": "SCIP's dual bound"}}}
//! {"offcut": "answer", "problem": "multiuser", "version": 1, "body": {"stop": "completed", "found": ..., "proved": ...}}
//! ```
//!
//! `ready` says that the instance is read: time counts from there. Incumbents and bounds are timed when they arrive; whoever is ended at its limit
//! has found the last of them. The answer's document ends what is said and may take several lines.
//!
//! For a policy in another language these lines are said by the process that asks it slot by slot; what is exchanged with the policy itself is in
//! [`offcut_instances::lymdo`].

use offcut_instances::document::{InputError, answer_bytes, parse_answer};
use offcut_instances::problem::{Answer, Bound, Claim, Incumbent, Problem, Stop};
use serde::{Deserialize, Serialize};

use crate::dialogue::beginning_of;
use crate::process::{Ended, Limits, Watched};

/// A line before the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound = "")]
pub enum Message<P: Problem> {
    /// The instance is read; time counts from here.
    Ready(bool),
    /// A better solution than before.
    Incumbent(Claim<P::Solution>),
    /// A better bound than before.
    Bound(Bound<P::Certificate>),
    /// What Offcut's own methods measure of themselves; of nobody else it is taken.
    Measured(Measured),
}

/// What solving took, measured where it happened: without reading the instance, writing the answer and starting a process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Wall-clock seconds.
    pub solve_s: f64,
    /// CPU seconds.
    pub solve_cpu_s: f64,
    /// The most memory the process had meanwhile.
    pub peak_memory_bytes: Option<u64>,
}

/// What a solver has said so far.
pub struct Replies<P: Problem> {
    /// When it was ready, seconds since its start.
    pub ready_s: Option<f64>,
    /// What it measured of itself.
    pub measured: Option<Measured>,
    /// When the last line came, seconds since its start.
    pub last_s: f64,
    found: Option<Claim<P::Solution>>,
    proved: Option<Bound<P::Certificate>>,
    /// Objectives over time.
    course: Vec<Incumbent>,
    /// The answer's document: all from the first line that is no message.
    document: Vec<u8>,
    /// Lines before it.
    before: usize,
}

impl<P: Problem> Default for Replies<P> {
    fn default() -> Self {
        Self {
            ready_s: None,
            measured: None,
            last_s: 0.0,
            found: None,
            proved: None,
            course: Vec::new(),
            document: Vec::new(),
            before: 0,
        }
    }
}

/// At most this many incumbents are kept of those a solver says: the first ones and the last.
const COURSE: usize = 10_000;

impl<P: Problem> Replies<P> {
    /// Takes a line that came `at_s` seconds after the start. The answer `true` says that it was `ready`.
    pub fn hear(&mut self, at_s: f64, line: &[u8]) -> bool {
        self.last_s = at_s;
        self.before += usize::from(self.document.is_empty());
        let message = if self.document.is_empty() { serde_json::from_slice::<Message<P>>(line).ok() } else { None };
        match message {
            Some(Message::Ready(is_ready)) => {
                if is_ready && self.ready_s.is_none() {
                    self.ready_s = Some(at_s);
                    return true;
                }
            }
            Some(Message::Incumbent(claim)) => {
                let point = Incumbent { at_s: at_s - self.ready_s.unwrap_or(0.0), objective: claim.objective };
                if self.course.len() == COURSE {
                    self.course.pop();
                }
                self.course.push(point);
                self.found = Some(claim);
            }
            Some(Message::Bound(bound)) => self.proved = Some(bound),
            Some(Message::Measured(measured)) => self.measured = Some(measured),
            None if self.document.is_empty() && line.iter().all(u8::is_ascii_whitespace) => {}
            None => {
                self.document.extend_from_slice(line);
                self.document.push(b'\n');
            }
        }
        false
    }

    /// The answer to be checked, as a document: what it said, and how its process ended.
    pub fn answer(self, watched: &Watched, limits: &Limits) -> Vec<u8> {
        let Self { found, proved, mut course, document, before, measured, .. } = self;
        let told = !document.is_empty();
        let parsed = if told { Some(parse_answer::<P>(&document)) } else { None };
        // Offcut's own methods keep their course themselves, and more closely; what they say meanwhile is for when they are ended.
        if measured.is_some() && matches!(parsed, Some(Ok(_))) {
            course.clear();
        }
        // An answer that stands is kept as the bytes it came in, unless something has to be added to it.
        if watched.ended == Ended::Exit(0) && course.is_empty() && matches!(parsed, Some(Ok(_))) {
            return document;
        }
        let stop = match (watched.ended, &parsed) {
            (Ended::Exit(0), Some(Ok(answer))) => answer.stop.clone(),
            (Ended::Exit(0), Some(Err(error))) => Stop::Invalid(unreadable::<P>(&document, before, error)),
            (Ended::Exit(0), None) if found.is_some() || proved.is_some() => Stop::Completed,
            (Ended::Exit(0), None) => Stop::Invalid("it ended without an answer".into()),
            (Ended::Time, _) => Stop::TimeLimit,
            (Ended::Memory, _) => Stop::MemoryLimit,
            (Ended::Output, _) => Stop::Failed(format!("it wrote more than {} MiB", limits.output_bytes >> 20)),
            (Ended::Signal(_), _) if is_out_of_memory(&watched.errors) => Stop::MemoryLimit,
            (ended @ (Ended::Exit(_) | Ended::Signal(_) | Ended::Unsupervised), _) => {
                let told = match &parsed {
                    Some(Ok(Answer { stop: Stop::Failed(why), .. })) => Some(why.clone()),
                    _ => None,
                };
                let parts = [told, Some(ended.to_string()), last_words(&watched.errors)];
                Stop::Failed(parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
            }
        };
        let mut answer = match parsed {
            Some(Ok(answer)) => answer,
            _ => Answer { found, proved, ..Answer::nothing(stop.clone()) },
        };
        answer.stop = stop;
        if !course.is_empty() {
            answer.trace.incumbents = course;
        }
        answer_bytes::<P>(&answer)
    }
}

/// Why what a program said is no answer: `first` is the line of its output where the answer should begin.
fn unreadable<P: Problem>(document: &[u8], first: usize, error: &InputError) -> String {
    let line = document.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) else {
        // An answer may take several lines.
        if line.trim_ascii_start().starts_with(b"{") {
            return format!("its answer cannot be read: {error}");
        }
        let shown = beginning_of(line);
        return format!(
            "line {first} of its output is not JSON: '{shown}'; print to standard error what is not for Offcut"
        );
    };
    let is_answer = value.get("offcut").is_some();
    match serde_json::from_value::<Message<P>>(value) {
        Err(error) if !is_answer => {
            let known =
                "an answer, 'ready', 'incumbent' with solution and objective, or 'bound' with value and evidence";
            format!("line {first} of its output is not understood: {error}; write {known}")
        }
        _ => format!("its answer cannot be read: {error}"),
    }
}

/// What Rust's allocator says before it aborts.
fn is_out_of_memory(errors: &[u8]) -> bool {
    String::from_utf8_lossy(errors).contains("memory allocation of")
}

/// The last line of error output that says something, shortened.
fn last_words(errors: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let mut words: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    if words.len() < line.len() {
        words.push_str(" ...");
    }
    Some(words)
}
