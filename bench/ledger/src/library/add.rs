//! Lines out of the rows of a run: what improves on the best known values is appended, and nothing is ever changed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use cpu_time::ProcessTime;
use offcut_checker::{Checkable, Tolerance, Verdict, beyond, check_answer};
use offcut_instances::document::{InputError, answer_bytes, read_answer, read_bytes, read_instance, write_new};
use offcut_instances::library::{Entry, Hardness, Index};
use offcut_instances::problem::{Answer, Bound, Evidence, Trace};

use super::{IMPROVES_RELATIVE, Library, Line, ShownBy, ValueKind, hash_of, improves, is_same, line_improves, take_in};
use crate::gap::feasible_objective;
use crate::row::{Row, Status, short_of};
use crate::{BestKnown, library};

/// The largest answer a library takes in. A larger certificate is left out, and its bound is then solver-reported (unchecked).
pub const LARGEST_ANSWER_BYTES: usize = 2 << 20;

/// The longest an answer may take to check, in seconds of CPU time; a certificate that takes longer is left out.
pub const LONGEST_REPLAY_S: f64 = 4.0;

/// What became of the rows of a run.
#[derive(Clone, Debug, Default)]
pub struct Added {
    /// Rows whose instance is in the library.
    pub rows: usize,
    /// The lines appended, with the instance's name.
    pub lines: Vec<(String, Line)>,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Rows the checker does not find so, and contradictions: nothing of them was appended.
    pub rejected: Vec<String>,
}

/// What a line is to say, and the row it comes from.
struct Pick<'a> {
    row: &'a Row,
    evidence: ShownBy,
}

impl Library {
    /// Appends what rows of a run improve. `answer` says where the answer of a row is, `began_unix_s` when the run began.
    ///
    /// # Errors
    /// [`InputError`] if the library or an answer cannot be read, the ledger's chain is broken, or the disk cannot be written.
    pub fn add<P: Checkable>(
        &self,
        rows: &[Row],
        answer: impl Fn(&Row) -> PathBuf,
        began_unix_s: u64,
    ) -> Result<Added, InputError> {
        let index = self.index()?;
        let write_error = |path: &Path, error: std::io::Error| {
            InputError::at("", format!("cannot be written to: {error}"), "give a library that can be").in_file(path)
        };
        let (path, answers) = (self.ledger(), self.answers());
        // Nothing is made where something is missing.
        self.chain(index.ledger_head.as_deref())?;
        std::fs::create_dir_all(&answers).map_err(|error| write_error(&answers, error))?;
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|error| write_error(&path, error))?;
        file.try_lock()
            .map_err(|_| InputError::at("", "is being added to by another program", "wait for it").in_file(&path))?;
        let (_, mut head) = self.chain(index.ledger_head.as_deref())?;
        let known = self.best_known(P::SENSE)?;
        let mut added = Added::default();
        for entry in &index.instances {
            let rows: Vec<&Row> = rows.iter().filter(|row| row.key.instance == entry.hash).collect();
            added.rows += rows.len();
            let mut best = known.get(&entry.hash).copied().unwrap_or_default();
            for mut line in self.improvements::<P>(entry, &rows, best, &answer, &mut added)? {
                line.previous.clone_from(&head);
                line.date = library::date(began_unix_s);
                let mut bytes = serde_json::to_vec(&line).expect("plain data");
                head = hash_of(&bytes);
                bytes.push(b'\n');
                file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(|error| write_error(&path, error))?;
                take_in(&mut best, P::SENSE, &line);
                added.lines.push((entry.name.clone(), line));
            }
            let closed = best.objective.zip(best.certified).is_some_and(|(objective, bound)| {
                let objective = offcut_checker::Interval::point(objective);
                short_of(P::SENSE, objective, bound) <= Tolerance::default().gap_relative
            });
            if closed == (entry.hardness == Hardness::Open) {
                let is = if closed { "is closed" } else { "is not closed" };
                added.notes.push(format!("{} {is}: the index calls it {}", entry.name, entry.hardness));
            }
        }
        if index.ledger_head.as_ref() != Some(&head) {
            self.pin(&head)?;
        }
        Ok(added)
    }

    /// Has the index name the ledger's last line: the file is whole as it was or as it is to be, whatever ends this program.
    fn pin(&self, head: &str) -> Result<(), InputError> {
        let path = self.index_path();
        let bytes = read_bytes(&path).and_then(|bytes| Index::with_head(&bytes, self.problem, head));
        let bytes = bytes.map_err(|input_error| input_error.in_file(&path))?;
        let beside = path.with_extension("json.part");
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            std::fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_data()
        };
        write().map_err(|error| {
            InputError::at("", format!("cannot be written to: {error}"), "give a library that can be").in_file(&path)
        })
    }

    /// The lines for rows of an instance that improve the library, with their answers written; `previous` and `date` are left open.
    fn improvements<P: Checkable>(
        &self,
        entry: &Entry,
        rows: &[&Row],
        best: BestKnown,
        answer: &impl Fn(&Row) -> PathBuf,
        added: &mut Added,
    ) -> Result<Vec<Line>, InputError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let instance = read_instance::<P>(&self.folder.join(&entry.file))?;
        let picks = picks::<P>(rows, best, &mut |row| {
            let unfit = unfit_certificate::<P>(&instance, &read_answer::<P>(&answer(row))?);
            if let Some(why) = &unfit {
                let method = &row.key.method;
                added.notes.push(format!("{}: the certificate of {method} is left out: {why}", entry.name));
            }
            Ok(unfit.is_none())
        })?;
        let mut best = best;
        let mut lines = Vec::new();
        for pick in &picks {
            let row = pick.row;
            let same = |other: &&Pick<'_>| std::ptr::eq(other.row, row);
            let shown: Vec<ShownBy> = picks.iter().filter(same).map(|pick| pick.evidence).collect();
            let full = read_answer::<P>(&answer(row))?;
            // What is written is what is checked.
            let mut bytes = kept::<P>(&full, &shown);
            let reduced = offcut_instances::document::parse_answer::<P>(&bytes)?;
            let verdict = check_answer::<P>(&instance, &reduced, &Tolerance::default());
            bytes.push(b'\n');
            let name = format!("{}.json", hash_of(&bytes));
            let Some(value) = value_of(&verdict, pick.evidence) else {
                added.rejected.push(format!("{}: the answer of {} is rejected", entry.name, row.key.method));
                continue;
            };
            let line = line_of(entry, pick, value, &name);
            let mut after = best;
            take_in(&mut after, P::SENSE, &line);
            if let Some(why) = contradiction::<P>(&after) {
                added.rejected.push(format!("{}: {} contradicts the ledger: {why}", entry.name, row.key.method));
                continue;
            }
            if !line_improves(&best, P::SENSE, &line) {
                continue;
            }
            let path = self.answers().join(&name);
            if !path.exists() {
                write_new(&path, &bytes[..bytes.len() - 1])?;
                let synced = File::open(&path).and_then(|file| file.sync_data());
                synced.map_err(|error| InputError::at("", error.to_string(), "make room").in_file(&path))?;
            }
            best = after;
            lines.push(line);
        }
        Ok(lines)
    }
}

/// Why a certificate cannot be kept: too large, or too long to replay; none if it can be.
fn unfit_certificate<P: Checkable>(instance: &P::Instance, answer: &Answer<P>) -> Option<String> {
    let bytes = kept::<P>(answer, &[ShownBy::Certificate]).len();
    if bytes > LARGEST_ANSWER_BYTES {
        return Some(format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)));
    }
    let began = ProcessTime::now();
    check_answer::<P>(instance, answer, &Tolerance::default());
    let took = began.elapsed().as_secs_f64();
    (took > LONGEST_REPLAY_S).then(|| format!("{took:.1} s to replay"))
}

/// The line for a row that improves; `previous` and `date` are left open.
fn line_of(entry: &Entry, pick: &Pick<'_>, value: f64, answer: &str) -> Line {
    let row = pick.row;
    Line {
        previous: String::new(),
        instance: entry.hash.clone(),
        what: if pick.evidence == ShownBy::Solution { ValueKind::Objective } else { ValueKind::Bound },
        value,
        evidence: pick.evidence,
        answer: answer.to_owned(),
        method: row.key.method.clone(),
        budget: row.key.budget.clone(),
        solve_s: row.times.solve_s,
        solve_cpu_s: row.times.solve_cpu_s,
        code: row.key.code.clone(),
        made_on: row.made_on.clone(),
        date: String::new(),
    }
}

/// Which rows improve, and by what: at most one objective, one certified bound and one word.
fn picks<'a, P: Checkable>(
    rows: &[&'a Row],
    best: BestKnown,
    fits: &mut dyn FnMut(&Row) -> Result<bool, InputError>,
) -> Result<Vec<Pick<'a>>, InputError> {
    // Best first; of equals the one that is optimal by itself, then the fastest.
    let in_order = |what: ValueKind, values: &mut Vec<(f64, &'a Row)>| {
        values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if values.len() > 1 && improves(P::SENSE, what, values[values.len() - 1].0, Some(values[0].0)) {
            values.reverse();
        }
        let first = values.first().map_or(0.0, |(value, _)| *value);
        let equals = values.iter().take_while(|(value, _)| is_same(*value, first)).count();
        values[..equals].sort_by(|(_, a), (_, b)| {
            let order = |row: &Row| (row.status != Status::OptimalCertified, row.times.solve_s);
            order(a).partial_cmp(&order(b)).expect("times are numbers")
        });
    };
    let mut picks = Vec::new();
    let mut objectives: Vec<_> = rows.iter().filter_map(|row| Some((feasible_objective(row)?, *row))).collect();
    in_order(ValueKind::Objective, &mut objectives);
    if let Some((value, row)) = objectives.first()
        && improves(P::SENSE, ValueKind::Objective, *value, best.objective)
    {
        picks.push(Pick { row, evidence: ShownBy::Solution });
    }
    let sound = rows.iter().filter(|row| row.status != Status::Wrong);
    let bounds_of = |row: &&'a Row| {
        let row = *row;
        row.certified_bound(P::SENSE).into_iter().chain(row.proof.solver_reported()).map(move |value| (value, row))
    };
    let mut bounds: Vec<_> = sound.flat_map(bounds_of).collect();
    in_order(ValueKind::Bound, &mut bounds);
    let mut word = None;
    for (value, row) in bounds {
        if !improves(P::SENSE, ValueKind::Bound, value, best.certified) {
            break;
        }
        if row.certified_bound(P::SENSE) == Some(value) && fits(row)? {
            picks.push(Pick { row, evidence: ShownBy::Certificate });
            break;
        }
        word = word.or(Some((value, row)));
    }
    if let Some((value, row)) = word
        && improves(P::SENSE, ValueKind::Bound, value, best.word)
    {
        picks.push(Pick { row, evidence: ShownBy::SolverReported });
    }
    Ok(picks)
}

/// The part of an answer that lines of these kinds need. A certificate that is left out becomes a solver-reported bound.
fn kept<P: Checkable>(answer: &Answer<P>, shown: &[ShownBy]) -> Vec<u8> {
    let found = answer.found.clone().filter(|_| shown.contains(&ShownBy::Solution));
    let is_reported = |bound: &Bound<P::Certificate>| matches!(bound.evidence, Evidence::SolverReported(_));
    let best = answer.best_certificate();
    let certificate = best.filter(|_| shown.contains(&ShownBy::Certificate));
    let left_out = || {
        let word = "a certificate that is too large for the library; the checker replayed it before it was left out";
        best.map(|(value, _)| Bound { value, evidence: Evidence::SolverReported(word.into()) })
    };
    let proved = match (shown.contains(&ShownBy::SolverReported), &certificate) {
        (false, _) => None,
        (true, Some(_)) => answer.proved.clone().filter(is_reported),
        (true, None) => answer.proved.clone().filter(is_reported).or_else(left_out),
    };
    let kept = Answer { stop: answer.stop.clone(), found, proved, certified: None, trace: Trace::default() };
    answer_bytes::<P>(&match certificate {
        Some((value, certificate)) => kept.certified_beside(value, certificate.clone()),
        None => kept,
    })
}

fn value_of(verdict: &Verdict, evidence: ShownBy) -> Option<f64> {
    if verdict.is_rejected() {
        return None;
    }
    match evidence {
        ShownBy::Solution => verdict.objective().map(|objective| objective.middle()),
        ShownBy::Certificate => verdict.certified_bound(),
        ShownBy::SolverReported => verdict.proof().solver_reported(),
    }
}

/// What of the best known values cannot be true together, if anything.
fn contradiction<P: Checkable>(best: &BestKnown) -> Option<String> {
    let objective = best.objective?;
    // The middles of intervals, so give or take a rounding; verifying knows the intervals.
    let bounds = [(best.certified, IMPROVES_RELATIVE), (best.word, Tolerance::default().word_relative)];
    bounds.into_iter().find_map(|(bound, allowed)| {
        let bound = bound?;
        let off = beyond(P::SENSE, bound, offcut_checker::Interval::point(objective));
        (off > allowed).then(|| format!("objective {objective} lies beyond bound {bound}"))
    })
}
