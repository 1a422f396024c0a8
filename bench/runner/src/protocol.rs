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
//! `ready` says that the instance is read: time counts from there. Starting and reading have an allowance, [`reading_allowance_s`]: 2 s and 1 s per 20 MB of
//! the instance's file, in CPU seconds of all its processes where a control group counts them, so that a busy machine does not use it up, else in wall-clock
//! seconds. If it took more until `ready`, or said anything else before, time counts from the start of the process.
//!
//! Incumbents and bounds are timed when they arrive; whoever is ended at its limit has found the last incumbent. Of several bounds, those of the answer
//! included, the best with a certificate counts, and the best without one beside it; none without one takes the place of a certificate. An answer that arrives after the limit has the stop `time_limit`.
//!
//! The anytime curve of a program is made of its `incumbent` lines up to the limit, see [`crate::course`]. Every solution is checked; one that is rejected, or
//! has another objective than is claimed, rejects the history. A history in the answer of a program counts for nothing, as nobody has timed it.
//! The answer's document ends what is said and may take several lines.
//!
//! For a policy in another language these lines are said by the process that asks it slot by slot; what is exchanged with the policy itself is in
//! [`offcut_instances::lymdo`].

use offcut_instances::document::{InputError, answer_bytes, parse_answer};
use offcut_instances::problem::{Answer, Bound, CertifiedBound, Claim, Evidence, Incumbent, Problem, Sense, Stop};
use serde::{Deserialize, Serialize};

use crate::course::Course;
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
    /// What keeps the process to itself, by the words of [`crate::isolation::WORDS`]. Said by Offcut before it becomes a program; later it is not taken.
    Isolated(Vec<String>),
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

/// Seconds that a program may take to start and to read an instance whose file has so many bytes, without being charged for it.
pub fn reading_allowance_s(bytes: u64) -> f64 {
    2.0 + bytes as f64 / 20e6
}

/// On what terms a solver is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Whether the process is one of Offcut's: what it measures of itself counts, and the history in its answer.
    pub is_ours: bool,
    /// Seconds it may take to be ready.
    pub reading_s: f64,
    /// Its time limit in seconds.
    pub limit_s: Option<f64>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { is_ours: false, reading_s: f64::INFINITY, limit_s: None }
    }
}

/// What is made of all a solver said.
#[derive(Clone, Debug)]
pub struct Told {
    /// The answer to be checked, as a document.
    pub answer: Vec<u8>,
    /// Why its history was rejected, if it was.
    pub history_rejected: Option<String>,
}

/// What a solver has said so far.
pub struct Replies<P: Problem> {
    terms: Terms,
    /// What keeps it to itself.
    pub isolation: Vec<String>,
    /// Whether a line was heard.
    is_begun: bool,
    /// When it was ready, seconds since its start.
    pub ready_s: Option<f64>,
    /// Whether time counts from there, and not from its start.
    is_ready_in_time: bool,
    /// What it measured of itself.
    pub measured: Option<Measured>,
    /// When the last line came, seconds since its start.
    pub last_s: f64,
    found: Option<Claim<P::Solution>>,
    bounds: Bounds<P::Certificate>,
    /// Incumbents over time.
    course: Course,
    /// The answer's document: all from the first line that is no message.
    document: Vec<u8>,
    /// Lines before it.
    before: usize,
}

impl<P: Problem> Default for Replies<P> {
    fn default() -> Self {
        Self::on(Terms::default())
    }
}

impl<P: Problem> Replies<P> {
    /// Of a solver that has said nothing yet.
    pub fn on(terms: Terms) -> Self {
        Self {
            terms,
            isolation: Vec::new(),
            is_begun: false,
            ready_s: None,
            is_ready_in_time: false,
            measured: None,
            last_s: 0.0,
            found: None,
            bounds: Bounds::default(),
            course: Course::default(),
            document: Vec::new(),
            before: 0,
        }
    }

    /// When its time began, seconds since its start.
    pub fn zero_s(&self) -> f64 {
        self.ready_s.filter(|_| self.is_ready_in_time).unwrap_or(0.0)
    }

    /// Seconds of reading that are part of solving, because they were more than it may have.
    pub fn charged_s(&self) -> f64 {
        self.ready_s.unwrap_or(0.0) - self.zero_s()
    }

    /// Takes a line that came `at_s` seconds after the start. The answer `true` says that its time begins with this line.
    pub fn hear(&mut self, at_s: f64, line: &[u8]) -> bool {
        self.hear_after(at_s, line, || at_s)
    }

    /// The same for a solver that has used so many seconds of its allowance for reading by now.
    pub(crate) fn hear_after(&mut self, at_s: f64, line: &[u8], used_s: impl FnOnce() -> f64) -> bool {
        self.last_s = at_s;
        let is_first_line = !std::mem::replace(&mut self.is_begun, true);
        self.before += usize::from(self.document.is_empty());
        let message = if self.document.is_empty() { serde_json::from_slice::<Message<P>>(line).ok() } else { None };
        match message {
            Some(Message::Ready(is_ready)) => {
                if is_ready && self.ready_s.is_none() {
                    self.ready_s = Some(at_s);
                    let is_first = self.found.is_none() && self.bounds.is_none();
                    self.is_ready_in_time = is_first && used_s() <= self.terms.reading_s;
                    return self.is_ready_in_time;
                }
            }
            Some(Message::Incumbent(claim)) => {
                let point = Incumbent { at_s: at_s - self.zero_s(), objective: claim.objective };
                if self.terms.limit_s.is_none_or(|limit| point.at_s <= limit) {
                    self.course.push(P::SENSE, point, line);
                }
                self.found = Some(claim);
            }
            Some(Message::Bound(bound)) => self.bounds.take_in(P::SENSE, bound),
            Some(Message::Measured(measured)) => self.measured = Some(measured),
            Some(Message::Isolated(words)) => {
                // The first line is Offcut's own, and not counted as one of the program's.
                if self.terms.is_ours || is_first_line {
                    self.isolation.extend(words);
                    self.before -= 1;
                }
            }
            None if self.document.is_empty() && line.iter().all(u8::is_ascii_whitespace) => {}
            None => {
                self.document.extend_from_slice(line);
                self.document.push(b'\n');
            }
        }
        false
    }

    /// The incumbents whose solutions are to be checked before [`Self::told`]: none of one of Offcut's methods that answered, as it keeps its history itself.
    pub fn course(&self) -> &Course {
        const NONE: &Course = &Course::NONE;
        let has_its_own = self.terms.is_ours && self.measured.is_some() && !self.document.is_empty();
        if has_its_own { NONE } else { &self.course }
    }

    /// What is made of what it said and how its process ended. `history` are the incumbents of [`Self::course`] once they are checked, or why they do not count.
    pub fn told(self, watched: &Watched, limits: &Limits, history: Result<Vec<Incumbent>, String>) -> Told {
        let measured_s = self.measured.filter(|_| self.terms.is_ours).map(|m| m.solve_s + self.charged_s());
        let took_s = measured_s.unwrap_or(self.last_s - self.zero_s());
        let is_late = self.terms.limit_s.is_some_and(|limit| took_s > limit);
        let Self { terms, found, bounds, document, before, measured, .. } = self;
        let told = !document.is_empty();
        let parsed = if told { Some(parse_answer::<P>(&document)) } else { None };
        let keeps_history = terms.is_ours && measured.is_some() && matches!(parsed, Some(Ok(_)));
        let stop = match (watched.ended, &parsed) {
            (Ended::Exit(0), Some(Ok(answer))) if answer.stop == Stop::Completed && is_late => Stop::TimeLimit,
            (Ended::Exit(0), Some(Ok(answer))) => answer.stop.clone(),
            (Ended::Exit(0), Some(Err(error))) => Stop::Invalid(unreadable::<P>(&document, before, error)),
            (Ended::Exit(0), None) if found.is_some() || !bounds.is_none() => {
                if is_late {
                    Stop::TimeLimit
                } else {
                    Stop::Completed
                }
            }
            (Ended::Exit(0), None) => Stop::Invalid("it ended without an answer".into()),
            (Ended::Time, _) => Stop::TimeLimit,
            (Ended::Memory, _) => Stop::MemoryLimit,
            (Ended::Output, _) => Stop::Failed(format!("it wrote more than {} MiB", limits.output_bytes >> 20)),
            (Ended::Signal(_), _) if is_out_of_memory(&watched.errors) => Stop::MemoryLimit,
            (ended @ (Ended::Exit(_) | Ended::Signal(_) | Ended::Unsupervised), _) => failed(ended, &parsed, watched),
        };
        // An answer that stands is kept as the bytes it came in, unless something has to be changed.
        let (mut answer, mut is_changed) = match parsed {
            Some(Ok(answer)) => (answer, false),
            _ => (Answer { found, ..Answer::nothing(stop.clone()) }, true),
        };
        is_changed |= answer.stop != stop;
        answer.stop = stop;
        let (mut answer, has_earlier) = bounds.added_to::<P>(answer);
        is_changed |= has_earlier;
        let mut history_rejected = None;
        if !keeps_history {
            let incumbents = history.unwrap_or_else(|why| {
                history_rejected = Some(why);
                Vec::new()
            });
            let own = std::mem::replace(&mut answer.trace.incumbents, incumbents);
            is_changed |= answer.trace.incumbents != own;
            if answer.trace.incumbents.is_empty() && !own.is_empty() {
                let why = "it is in the answer; only incumbents that are said when they are found are timed";
                history_rejected.get_or_insert_with(|| why.into());
            }
        }
        Told { answer: if is_changed { answer_bytes::<P>(&answer) } else { document }, history_rejected }
    }
}

/// Why a program failed: what it says itself, how it ended, the last line of its error output.
fn failed<P: Problem>(ended: Ended, parsed: &Option<Result<Answer<P>, InputError>>, watched: &Watched) -> Stop {
    let told = match parsed {
        Some(Ok(Answer { stop: Stop::Failed(why), .. })) => Some(why.clone()),
        _ => None,
    };
    let parts = [told, Some(ended.to_string()), last_words(&watched.errors)];
    Stop::Failed(parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

/// The best bounds said before an answer: with a certificate, and without.
struct Bounds<C> {
    certified: Option<CertifiedBound<C>>,
    reported: Option<(f64, String)>,
}

impl<C> Default for Bounds<C> {
    fn default() -> Self {
        Self { certified: None, reported: None }
    }
}

impl<C> Bounds<C> {
    fn is_none(&self) -> bool {
        self.certified.is_none() && self.reported.is_none()
    }

    fn take_in(&mut self, sense: Sense, Bound { value, evidence }: Bound<C>) {
        let improves = |known: Option<f64>| known.is_none_or(|known| sense.is_stronger(value, known));
        match evidence {
            Evidence::Certificate(certificate) if improves(self.certified.as_ref().map(|bound| bound.value)) => {
                self.certified = Some(CertifiedBound { value, certificate });
            }
            Evidence::SolverReported(word) if improves(self.reported.as_ref().map(|(value, _)| *value)) => {
                self.reported = Some((value, word));
            }
            _ => {}
        }
    }

    /// The answer with these bounds where they are stronger than its own of the same kind, and whether one is. None without a certificate takes the
    /// place of a certificate.
    fn added_to<P: Problem<Certificate = C>>(self, mut answer: Answer<P>) -> (Answer<P>, bool) {
        let is_stronger = |value: f64, known: Option<f64>| known.is_none_or(|known| P::SENSE.is_stronger(value, known));
        let own = answer.best_certificate().map(|(value, _)| value);
        let has_certificate = matches!(&answer.proved, Some(Bound { evidence: Evidence::Certificate(_), .. }));
        let known = answer.proved.as_ref().map(|bound| bound.value);
        let reported = self.reported.filter(|(value, _)| !has_certificate && is_stronger(*value, known));
        let certified = self.certified.filter(|bound| is_stronger(bound.value, own));
        let is_changed = reported.is_some() || certified.is_some();
        if let Some((value, word)) = reported {
            answer.proved = Some(Bound { value, evidence: Evidence::SolverReported(word) });
        }
        match certified {
            Some(CertifiedBound { value, certificate }) => (answer.certified_beside(value, certificate), is_changed),
            None => (answer, is_changed),
        }
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
