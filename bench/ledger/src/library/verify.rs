//! Everything in a library replayed, by the checker alone: no solver is involved, and nothing that is written is believed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use offcut_checker::{Checkable, Interval, Proof, Tolerance, Verdict, beyond, check_answer};
use offcut_instances::document::{hash, instance_file, parse_answer, parse_instance};
use offcut_instances::family::Generated;
use offcut_instances::library::{Entry, GENERATORS, Hardness, Size};
use offcut_instances::problem::Sense;
use serde::Serialize;

use super::{Library, Line, ShownBy, ValueKind, hash_of, improves, is_same, line_improves, parse, raw_lines, take_in};
use crate::BestKnown;
use crate::row::short_of;

/// CPU seconds within which an easy instance is closed.
const EASY_S: f64 = 10.0;

/// What became of a library.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verified {
    /// The problem's name.
    pub problem: String,
    /// Every instance of the index.
    pub instances: Vec<Known>,
    /// Lines of the ledger.
    pub lines: usize,
    /// The hash of the last line, which the index has to name: ledgers with the same head are the same.
    pub head: String,
    /// Everything that is wrong, one line each.
    pub flaws: Vec<String>,
}

/// What is known of an instance, as far as the checker found it so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its hash.
    pub hash: String,
    /// Which set it is in.
    pub size: Size,
    /// What the index says about how hard it is.
    pub hardness: Hardness,
    /// The best known values.
    pub best: BestKnown,
    /// Whether a certified bound meets the best objective.
    pub is_closed: bool,
    /// The certified gap of the best objective, relative; none if one of the two is not known.
    pub certified_gap: Option<f64>,
}

impl Verified {
    /// How many instances the index calls so.
    pub fn count(&self, hardness: Hardness) -> usize {
        self.instances.iter().filter(|known| known.hardness == hardness).count()
    }

    /// How many are closed with certificates.
    pub fn closed(&self) -> usize {
        self.instances.iter().filter(|known| known.is_closed).count()
    }

    /// The largest certified gap of those that are not closed; infinite if one has none.
    pub fn largest_open_gap(&self) -> Option<f64> {
        let open = self.instances.iter().filter(|known| !known.is_closed);
        open.map(|known| known.certified_gap.unwrap_or(f64::INFINITY)).reduce(f64::max)
    }
}

/// What the checker found in answers, by instance and answer.
type Verdicts = HashMap<(String, String), Result<Verdict, String>>;

/// What is found out about an instance on the way through the ledger.
struct State<P: Checkable> {
    instance: Option<P::Instance>,
    best: BestKnown,
    objective: Option<Interval>,
    /// CPU seconds and method of the best certified bound.
    bounded_by: Option<(f64, String)>,
}

impl Library {
    /// Verifies everything in the library: the index against the files, the files against their hashes and recipes, every line of the ledger against
    /// its answer, the lines against each other, and what the index says of an instance's hardness against what is known.
    pub fn verify<P: Checkable + Generated>(&self) -> Verified {
        let mut found = Verified { problem: P::NAME.into(), ..Verified::default() };
        let index = match self.index() {
            Ok(index) => index,
            Err(input_error) => {
                found.flaws.push(input_error.to_string());
                return found;
            }
        };
        let mut states: BTreeMap<&str, State<P>> = BTreeMap::new();
        for entry in &index.instances {
            let instance =
                self.instance::<P>(entry).map_err(|flaw| found.flaws.push(format!("{}: {flaw}", entry.name)));
            let (instance, best) = (instance.ok(), BestKnown::default());
            states.insert(&entry.hash, State { instance, best, objective: None, bounded_by: None });
        }
        let answers = self.lines::<P>(&mut found, &mut states, &|hash| index.find(hash));
        match &index.ledger_head {
            Some(head) if *head == found.head => {}
            Some(head) => found.flaws.push(format!(
                "ledger.jsonl ends with line {}, and index.json says {head}: lines were cut off its end, or added to it without `offcut library add`",
                found.head
            )),
            None => found.flaws.push(
                "index.json is of version 1 and does not name the ledger's last line: `offcut library add` writes it there".into(),
            ),
        }
        for entry in &index.instances {
            let state = &states[entry.hash.as_str()];
            let (known, flaws) = conclude(P::SENSE, entry, state);
            found.instances.push(known);
            found.flaws.extend(flaws.into_iter().map(|flaw| format!("{}: {flaw}", entry.name)));
        }
        let files = index.instances.iter().map(|entry| self.folder.join(&entry.file)).collect();
        found.flaws.extend(strangers(&self.folder.join("instances"), &files, "the index does not name it"));
        let answers = answers.iter().map(|name| self.answers().join(name)).collect();
        found.flaws.extend(strangers(&self.answers(), &answers, "no line of the ledger names it"));
        found
    }

    /// The instance of an entry, or what is wrong with its file or recipe.
    fn instance<P: Checkable + Generated>(&self, entry: &Entry) -> Result<P::Instance, String> {
        let path = self.folder.join(&entry.file);
        let bytes = std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", entry.file))?;
        let instance = parse_instance::<P>(&bytes).map_err(|input_error| format!("{}: {input_error}", entry.file))?;
        let is = hash::<P>(&instance);
        if is != entry.hash {
            return Err(format!("{} has hash {is}, the index says {}", entry.file, entry.hash));
        }
        if bytes != instance_file::<P>(&instance) {
            return Err(format!("{} is not written as Offcut writes it", entry.file));
        }
        if let Some(recipe) = &entry.generated {
            let by = format!("(made by generators {}, these are {GENERATORS})", recipe.generators);
            let again = P::generate_with(&recipe.family, &recipe.parameters, recipe.seed)
                .map_err(|input_error| format!("its recipe cannot be followed {by}: {input_error}"))?;
            let again = hash::<P>(&again);
            if again != entry.hash {
                return Err(format!("its recipe makes another instance, {again} {by}"));
            }
        }
        Ok(instance)
    }

    /// Goes through the ledger. The answer is the names of all answers that lines speak of.
    fn lines<'a, P: Checkable>(
        &self,
        found: &mut Verified,
        states: &mut BTreeMap<&'a str, State<P>>,
        entry_of: &dyn Fn(&str) -> Option<&'a Entry>,
    ) -> BTreeSet<String> {
        let mut answers = BTreeSet::new();
        found.head = hash_of(b"");
        let text = match std::fs::read(self.ledger()) {
            Ok(text) => text,
            Err(error) => {
                found.flaws.push(format!("ledger.jsonl cannot be read: {error}"));
                return answers;
            }
        };
        let mut verdicts = Verdicts::new();
        for (number, bytes) in raw_lines(&text).enumerate() {
            let mut flaw = |what: &str| found.flaws.push(format!("ledger.jsonl, line {}: {what}", number + 1));
            found.lines += 1;
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(what) => {
                    flaw(&what);
                    continue;
                }
            };
            let parsed = parse(bytes, &found.head);
            found.head = hash_of(bytes);
            let line = match parsed {
                Ok(line) => line,
                Err(what) => {
                    flaw(&what);
                    // Where the chain is broken, what a line says is still looked at.
                    let Ok(line) = serde_json::from_slice::<Line>(bytes) else { continue };
                    line
                }
            };
            answers.insert(line.answer.clone());
            let Some(entry) = entry_of(&line.instance) else {
                flaw(&format!("instance {} is not in the index", line.instance));
                continue;
            };
            let state = states.get_mut(entry.hash.as_str()).expect("every entry has one");
            self.take_line(&line, entry, state, &mut verdicts, &mut flaw);
        }
        answers
    }

    /// Takes in what a line says, if its answer shows it. What is wrong goes to `flaw`.
    fn take_line<P: Checkable>(
        &self,
        line: &Line,
        entry: &Entry,
        state: &mut State<P>,
        verdicts: &mut Verdicts,
        flaw: &mut dyn FnMut(&str),
    ) {
        // What is wrong with the instance is a flaw already.
        let Some(instance) = &state.instance else { return };
        if !line_improves(&state.best, P::SENSE, line) {
            flaw(&format!("{} does not improve on what was known of {}", line.value, entry.name));
        }
        let verdict = verdicts
            .entry((line.instance.clone(), line.answer.clone()))
            .or_insert_with(|| self.checked::<P>(instance, &line.answer));
        if let Err(what) = verdict.as_ref().map_err(String::clone).and_then(|verdict| shows(verdict, line)) {
            return flaw(&what);
        }
        let objective = verdict.as_ref().ok().and_then(Verdict::objective);
        if line.what == ValueKind::Objective
            && improves(P::SENSE, ValueKind::Objective, line.value, state.best.objective)
        {
            state.objective = objective;
        }
        if line.evidence == ShownBy::Certificate {
            state.bounded_by = Some((line.solve_cpu_s.unwrap_or(line.solve_s), line.method.clone()));
        }
        take_in(&mut state.best, P::SENSE, line);
    }

    /// What the checker finds in an answer.
    fn checked<P: Checkable>(&self, instance: &P::Instance, name: &str) -> Result<Verdict, String> {
        let bytes = std::fs::read(self.answers().join(name))
            .map_err(|error| format!("answer {name} cannot be read: {error}"))?;
        if format!("{}.json", hash_of(&bytes)) != name {
            return Err(format!("answer {name} has hash {}: it was changed", hash_of(&bytes)));
        }
        let answer = parse_answer::<P>(&bytes).map_err(|input_error| format!("answer {name}: {input_error}"))?;
        Ok(check_answer::<P>(instance, &answer, &Tolerance::default()))
    }
}

/// Whether a checked answer shows what a line says.
fn shows(verdict: &Verdict, line: &Line) -> Result<(), String> {
    let differs = |is: f64| match is_same(line.value, is) {
        true => Ok(()),
        false => Err(format!("says {}, and its answer has {is}", line.value)),
    };
    let of_bounds = || verdict.proofs().into_iter().flat_map(Proof::violations).next();
    let rejected = of_bounds().filter(|_| line.what == ValueKind::Bound).or(verdict.violations().first());
    if let Some(violation) = rejected {
        return Err(format!("its answer is rejected: {violation}"));
    }
    let (shown, what) = match line.evidence {
        ShownBy::Solution => (verdict.objective().map(|objective| objective.middle()), "solution"),
        ShownBy::Certificate => (verdict.certified_bound(), "such bound"),
        ShownBy::SolverReported => (verdict.proof().solver_reported(), "such bound"),
    };
    shown.map_or_else(|| Err(format!("its answer holds no {what}")), differs)
}

/// What is known of an instance at the end, and what does not go together.
fn conclude<P: Checkable>(sense: Sense, entry: &Entry, state: &State<P>) -> (Known, Vec<String>) {
    let tolerance = Tolerance::default();
    let mut flaws = Vec::new();
    let bounds = [(state.best.certified, 0.0), (state.best.word, tolerance.word_relative)];
    if let Some(objective) = state.objective {
        for (bound, allowed) in bounds.into_iter().filter_map(|(bound, allowed)| Some((bound?, allowed))) {
            let off = beyond(sense, bound, objective);
            if off > allowed {
                let middle = objective.middle();
                flaws.push(format!("objective {middle} lies beyond bound {bound} ({off:.2e} relative)"));
            }
        }
    }
    let pair = state.objective.zip(state.best.certified);
    let is_closed = pair.is_some_and(|(objective, bound)| short_of(sense, objective, bound) <= tolerance.gap_relative);
    let certified = BestKnown { word: None, ..state.best };
    let gap = pair.and_then(|(objective, _)| certified.gap(sense, objective.middle()));
    match (entry.hardness, is_closed, &state.bounded_by) {
        (Hardness::Open, true, Some((solve_s, method))) => {
            flaws.push(format!("is called open, and {method} closed it in {solve_s:.1} s of CPU time"));
        }
        (Hardness::Easy | Hardness::Hard, false, _) => {
            flaws.push("is called easy or hard, and no certified bound meets its best objective".into());
        }
        (Hardness::Hard, true, Some((solve_s, method))) if *solve_s <= EASY_S => {
            flaws.push(format!("is called hard, and {method} closed it in {solve_s:.1} s of CPU time"));
        }
        _ => {}
    }
    let known = Known {
        name: entry.name.clone(),
        hash: entry.hash.clone(),
        size: entry.size,
        hardness: entry.hardness,
        best: state.best,
        is_closed,
        certified_gap: gap.map(|gap| gap.high),
    };
    (known, flaws)
}

/// Files of a folder that do not belong there.
fn strangers(folder: &Path, known: &BTreeSet<std::path::PathBuf>, why: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.retain(|path| !known.contains(path));
    paths.iter().map(|path| format!("{} does not belong here: {why}", path.display())).collect()
}
