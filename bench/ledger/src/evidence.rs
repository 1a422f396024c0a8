//! Whether rows hold to the answers they speak of.
//!
//! A row says what the checker found in an answer; the answer is a file beside it, and the row carries its hash. Rows are plain text that anyone can
//! change, so nothing that rests on them takes them at their word. There are two ways to look:
//!
//! | | what it compares | what it costs | who does it |
//! |---|---|---|---|
//! | [`hold`] | the answer's hash, what the answer claims, counts and bounds, whether the row's parts go together | reading the answers | `offcut report`, `merge` |
//! | [`verify`] | the row with the row that the checker makes of the answer now | checking the answers | `offcut check RUN` |
//!
//! The first finds every change of an answer, of a claim, of a status, of a checked objective beyond the tolerance for claims, and of a bound to a weaker one
//! than is claimed. What it cannot find is a bound made stronger than the answer claims it, and violations or measures that were changed: they are what the
//! checker alone can say. A hash of the row itself would not change that: whoever changes a row can hash it again.
//!
//! Neither can say anything of what is not in the answer: seconds, memory, and where it ran.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use offcut_checker::{Checkable, Proof, Tolerance};
use offcut_instances::document::parse_answer;
use offcut_instances::problem::{Answer, Evidence as Behind, Problem, Sense, Stop};
use serde::Serialize;

use crate::Manifest;
use crate::history::on_time;
use crate::row::{Row, Status};

/// The identity of an answer's document: BLAKE3 of its bytes, in hexadecimal.
pub fn answer_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// A row, or the manifest, that does not say what its evidence says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Which row: method, instance and seed.
    pub row: String,
    /// The answer's file, or what else was compared with.
    pub file: String,
    /// What differs.
    pub what: String,
}

impl Mismatch {
    /// What differs between a row and its answer.
    pub fn of(row: &Row, answer: &Path, what: impl Into<String>) -> Self {
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        let file = answer.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let row = format!("{} on {name}, seed {}", row.key.method, row.key.budget.seed);
        Self { row, file: format!("answers/{file}"), what: what.into() }
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { row, file, what } = self;
        write!(f, "{row} ({file}): {what}")
    }
}

/// What was found out about the rows of a run without checking anything again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Rows that hold to the hash of their answer and to what it claims.
    pub bound: usize,
    /// Rows without such a hash, as they were written before rows had it. They hold to what the file claims that has their answer's name.
    pub unbound: usize,
    /// Of both, rows that say that the checker did not check the answer, whatever the answer says.
    pub unchecked: usize,
    /// Everything that does not hold.
    pub mismatches: Vec<Mismatch>,
}

impl Evidence {
    /// Whether everything that was looked at holds, and every row is bound to its answer.
    pub fn is_whole(&self) -> bool {
        self.mismatches.is_empty() && self.unbound == 0
    }

    /// What there is to say of it, in a line.
    pub fn told(&self) -> String {
        let Self { bound, unbound, unchecked, mismatches } = self;
        let mut parts = vec![format!("{bound} rows hold to the hash of their answer and to what it claims")];
        if *unbound > 0 {
            parts.push(format!("{unbound} rows are not bound to an answer, written before rows had its hash"));
        }
        if *unchecked > 0 {
            parts.push(format!("{unchecked} of them say that their answer was not checked"));
        }
        if !mismatches.is_empty() {
            parts.push(format!("MISMATCHES, left out: {}", mismatches.len()));
        }
        format!("{}; checked again by `offcut check RUN` only", parts.join("; "))
    }
}

/// Sorts out rows that do not hold to their answers. `answer` says where the answer of a row is. What comes back are the rows that hold, in order.
pub fn hold<P: Checkable>(rows: Vec<Row>, answer: impl Fn(&Row) -> PathBuf) -> (Vec<Row>, Evidence) {
    let mut found = Evidence::default();
    let mut keys = HashSet::new();
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let path = answer(&row);
        let found_of = if keys.insert(row.key.line()) {
            match std::fs::read(&path) {
                Ok(bytes) => reread::<P>(&row, &bytes),
                Err(error) => Reread::off(format!("its answer cannot be read: {error}")),
            }
        } else {
            Reread::off("it has the key of an earlier row".into())
        };
        if !found_of.differences.is_empty() {
            found.mismatches.push(Mismatch::of(&row, &path, found_of.differences.join("; ")));
            continue;
        }
        match row.answer_hash {
            Some(_) => found.bound += 1,
            None => found.unbound += 1,
        }
        found.unchecked += usize::from(found_of.is_unchecked);
        kept.push(row);
    }
    (kept, found)
}

/// What of a manifest is not as this program writes it, and decides what rows come to: the sense of the problem and the tolerances.
pub fn manifest_mismatches<P: Problem>(manifest: &Manifest) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut differs = |what: &str| {
        let row = "all rows".to_owned();
        found.push(Mismatch { row, file: "manifest.json".into(), what: what.into() });
    };
    if manifest.sense != P::SENSE {
        differs("the sense is not that of the problem");
    }
    if manifest.tolerance != Tolerance::default() {
        differs("the tolerances are not those of the checker");
    }
    found
}

/// What came out of holding a row against the bytes of its answer, without a check of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reread {
    /// Everything in which the row differs from what the answer claims; nothing if it holds.
    pub differences: Vec<String>,
    /// Whether the row says that the answer, which can be read, was not checked.
    pub is_unchecked: bool,
}

impl Reread {
    fn off(difference: String) -> Self {
        Self { differences: vec![difference], is_unchecked: false }
    }
}

/// Holds a row against the bytes of its answer.
pub fn reread<P: Checkable>(row: &Row, bytes: &[u8]) -> Reread {
    let mut found = Reread { differences: own_differences(row, P::SENSE), is_unchecked: false };
    let mut differs = |what: String| found.differences.push(what);
    if row.problem != P::NAME {
        differs(format!("the row is of problem '{}', the run of '{}'", row.problem, P::NAME));
    }
    let hash = answer_hash(bytes);
    if let Some(said) = row.answer_hash.as_ref().filter(|said| **said != hash) {
        differs(format!("its answer has hash {hash}, and the row says {said}"));
        return found;
    }
    match parse_answer::<P>(bytes) {
        Ok(answer) if says_failed_only(row) && row.stop != answer.stop => found.is_unchecked = true,
        Ok(answer) => found.differences.extend(claim_differences(row, &answer)),
        Err(_) if says_failed_only(row) => {}
        Err(input_error) => differs(format!("its answer cannot be read ({input_error}), and the row does not say so")),
    }
    found
}

/// Whether a row says of its answer only that it failed, which is also what is said of one that cannot be read or that the checker broke on.
fn says_failed_only(row: &Row) -> bool {
    matches!(row.stop, Stop::Failed(_) | Stop::Invalid(_))
        && row.claimed_objective.is_none()
        && row.checked_objective.is_none()
        && row.proofs().iter().all(|proof| proof.is_nothing())
        && row.violations.is_empty()
}

/// In which of its own parts a row differs from the others.
fn own_differences(row: &Row, sense: Sense) -> Vec<String> {
    let tolerance = Tolerance::default();
    let mut found = Vec::new();
    let follows = Status::follows(sense, &row.stop, row.checked_objective, &row.violations, row.proofs(), &tolerance);
    if row.status != follows {
        found.push(format!(
            "status: the row says {}, and what it holds makes it {}",
            row.status.name(),
            follows.name()
        ));
    }
    match (row.claimed_objective, row.checked_objective) {
        (Some(claimed), Some(checked)) if row.violations.is_empty() => {
            let off = (checked.low() - claimed).max(claimed - checked.high());
            if off > tolerance.claim_relative * checked.magnitude() {
                let middle = checked.middle();
                found
                    .push(format!("objective: the row says {middle} was checked, {claimed} claimed, and no violation"));
            }
        }
        (Some(_), None) if row.violations.is_empty() => {
            found.push("objective: the row says that one was claimed, none checked, and no violation".into());
        }
        (None, Some(_)) => found.push("objective: the row says that one was checked, and none claimed".into()),
        _ => {}
    }
    found
}

/// In what a row differs from an answer's own claims and counts.
fn claim_differences<P: Problem>(row: &Row, answer: &Answer<P>) -> Vec<String> {
    let mut found = Vec::new();
    let mut differs = |part: &str, said: String, is: String| {
        found.push(format!("{part}: the row says {said}, and its answer {is}"));
    };
    let claimed = answer.found.as_ref().map(|claim| claim.objective);
    if row.claimed_objective != claimed {
        differs("claimed objective", number(row.claimed_objective), number(claimed));
    }
    if row.stop != answer.stop {
        differs("stop", format!("{:?}", row.stop), format!("{:?}", answer.stop));
    }
    let word = |evidence: &'_ Behind<P::Certificate>| match evidence {
        Behind::SolverReported(word) => Some(word.clone()),
        Behind::Certificate(_) => None,
    };
    let proved = answer.proved.as_ref().map(|bound| (bound.value, word(&bound.evidence)));
    let certified = answer.certified.as_ref().map(|bound| (bound.value, None));
    for (part, proof, claimed) in [("bound", &row.proof, proved), ("certified bound", &row.certified, certified)] {
        if !follows_from(P::SENSE, proof, claimed.as_ref()) {
            let is = match claimed {
                None => "has none".to_owned(),
                Some((value, None)) => format!("claims {value} with a certificate"),
                Some((value, Some(word))) => format!("claims {value} without one: {word}"),
            };
            differs(part, describe(proof), is);
        }
    }
    let trace = &answer.trace;
    let same = (&row.counts, &row.series, row.times.build_s) == (&trace.counts, &trace.series, trace.build_s);
    // Older rows have incumbents that came after the limit, too.
    let limit_s = row.key.budget.time_s;
    let has_its_history = on_time(&row.incumbents, limit_s) == on_time(&trace.incumbents, limit_s);
    let has_no_history = row.incumbents.is_empty() && row.history_rejected.is_some();
    if !(same && (has_its_history || has_no_history)) {
        differs("counts, incumbents or series", "others".into(), "holds its own".into());
    }
    found
}

/// Whether a row can say this of a claimed bound, whose word is given if it has no certificate.
fn follows_from(sense: Sense, proof: &Proof, claimed: Option<&(f64, Option<String>)>) -> bool {
    match (proof, claimed) {
        (Proof::Nothing, None) | (Proof::Infeasible | Proof::Rejected { .. }, Some((_, None))) => true,
        (Proof::SolverReported { value, word }, Some((claimed, Some(said)))) => value == claimed && word == said,
        (Proof::Certified { value }, Some((claimed, None))) => {
            let short = match sense {
                Sense::Minimise => claimed - value,
                Sense::Maximise => value - claimed,
            };
            short <= Tolerance::default().claim_relative * value.abs()
        }
        _ => false,
    }
}

/// In what a row differs from the one that the checker makes of the same answer now; nothing if it is the same.
pub fn verify(row: &Row, again: &Row) -> Vec<String> {
    let mut found = Vec::new();
    let mut differs = |part: &str, said: String, is: String| {
        if said != is {
            found.push(format!("{part}: the row says {said}, and the checker {is}"));
        }
    };
    let checked = |row: &Row| match row.checked_objective {
        Some(interval) => format!("{} to {}", interval.low(), interval.high()),
        None => "none".into(),
    };
    let listed = |row: &Row| match &row.violations[..] {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    differs("status", row.status.name().into(), again.status.name().into());
    differs("stop", plain(&row.stop), plain(&again.stop));
    differs("claimed objective", number(row.claimed_objective), number(again.claimed_objective));
    differs("checked objective", checked(row), checked(again));
    differs("bound", describe(&row.proof), describe(&again.proof));
    differs("certified bound", describe(&row.certified), describe(&again.certified));
    differs("violations", listed(row), listed(again));
    differs("measures", plain(&row.measures), plain(&again.measures));
    differs("counts", plain(&row.counts), plain(&again.counts));
    let limit_s = row.key.budget.time_s;
    differs("incumbents", plain(&on_time(&row.incumbents, limit_s)), plain(&on_time(&again.incumbents, limit_s)));
    // What a program said beside its answer is in no answer.
    if again.history_rejected.is_some() {
        differs("history", plain(&row.history_rejected), plain(&again.history_rejected));
    }
    differs("series", plain(&row.series), plain(&again.series));
    differs("problem", row.problem.clone(), again.problem.clone());
    found
}

fn plain(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "none".into(), |value| value.to_string())
}

fn describe(proof: &Proof) -> String {
    match proof {
        Proof::Nothing => "none".into(),
        Proof::Infeasible => "a certificate that there is no solution".into(),
        Proof::Certified { value } => format!("{value}, certified"),
        Proof::SolverReported { value, word } => format!("{value}, a solver-reported bound: {word}"),
        Proof::Rejected { violations } => {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            format!("that its certificate is rejected: {}", reasons.join(", "))
        }
    }
}
