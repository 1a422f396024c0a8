//! `offcut check`: answers to an instance, or a whole run.

use std::path::{Path, PathBuf};

use clap::Args;
use offcut_checker::{Proof, Tolerance, Verdict, check_answer};
use offcut_instances::document::{InputError, hash, parse_answer, parse_instance, read_bytes};
use offcut_instances::problem::{Answer, Budget, Problem, Sense, Stop};
use offcut_ledger::{BestKnown, Gate, Key, Row, Status};
use offcut_runner::cell::{row_of, unreadable};
use offcut_runner::{BenchmarkAdapter, Checked, Folder};
use serde::Serialize;

use super::run::Bar;
use super::second::{Comparison, SecondArguments};
use super::{gate, known_problem_of, processors, this_program, with_problem};
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// How many violations are printed one by one.
const SHOWN: usize = 10;

/// What `offcut check` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file; or the folder of a run: all its answers are then checked again
    #[arg(value_name = "INSTANCE|RUN")]
    instance: PathBuf,
    /// Answer files; with several, each one's gap is to the best bound that any of them proves
    answers: Vec<PathBuf>,
    /// Answers of a run checked at a time; as many as there are processors if left out
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Print the verdicts as JSON; for a run, the differences
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    second: SecondArguments,
}

pub(crate) fn check(arguments: &Arguments) -> Result<Ending, InputError> {
    let path = &arguments.instance;
    if path.is_dir() && path.join("manifest.json").exists() {
        if arguments.second.is_wanted() {
            let remedy = "give an instance and its answers: INSTANCE is in the run's instances/, ANSWER in answers/";
            return Err(InputError::at("--second", "goes with an instance and answers", remedy));
        }
        if !arguments.answers.is_empty() {
            let what = "is the folder of a run, and answers are given as well";
            return Err(InputError::at("", what, "give the folder alone, or an instance and its answers").in_file(path));
        }
        let problem = Folder::at(path).problem()?;
        return with_problem!(&problem, P => check_run::<P>(arguments));
    }
    let in_file = |error: InputError| error.in_file(path);
    let bytes = read_bytes(path).map_err(in_file)?;
    let problem = known_problem_of(&bytes).map_err(in_file)?;
    if arguments.answers.is_empty() {
        return Err(in_file(InputError::at("", "has no answer to check", "give answer files after the instance")));
    }
    if arguments.jobs.is_some() {
        return Err(InputError::at("--jobs", "goes with the folder of a run", "leave it out"));
    }
    with_problem!(&problem, P => {
        let instance = parse_instance::<P>(&bytes).map_err(in_file)?;
        check_for::<P>(arguments, &instance)
    })
}

/// An answer with its verdict.
struct CheckedAnswer<'a> {
    path: &'a Path,
    verdict: Verdict,
    /// Its row, in which its file stands for the method.
    row: Row,
    /// What the second checker says of it.
    second: Option<Comparison>,
}

fn check_for<P: BenchmarkAdapter>(
    arguments: &Arguments,
    instance: &<P as Problem>::Instance,
) -> Result<Ending, InputError> {
    let tolerance = Tolerance::default();
    let hash = hash::<P>(instance);
    let checked_answer = |path: &PathBuf| -> Result<_, InputError> {
        let (answer, bytes) = answer_in::<P>(path).map_err(|error| error.in_file(path))?;
        let verdict = check_answer::<P>(instance, &answer, &tolerance);
        let (instance_hash, method) = (hash.clone(), path.display().to_string());
        let key = Key { instance: instance_hash, method, budget: Budget::default(), code: String::new() };
        let row = row_of::<P>(instance, key, answer, &bytes, &verdict, &tolerance);
        Ok((verdict, row))
    };
    let second = arguments.second.checker()?;
    let mut all = Vec::new();
    for path in &arguments.answers {
        let (verdict, row) = checked_answer(path)?;
        let compared = second.as_ref().map(|second| -> Result<_, InputError> {
            let judged = second.judge(&arguments.instance, path)?;
            Ok(Comparison::of(&verdict, row.status == Status::Invalid, judged))
        });
        let second = compared.transpose()?;
        all.push(CheckedAnswer { path, verdict, row, second });
    }
    let rows: Vec<Row> = all.iter().map(|one| one.row.clone()).collect();
    let gate = Gate::of(P::SENSE, &rows, &Default::default());
    if arguments.json {
        print_json(&all);
    } else {
        let unit = P::objective_of(instance).unit;
        for CheckedAnswer { path, verdict, row, second } in &all {
            if all.len() > 1 {
                out!("answer     {}", path.display());
            }
            print_verdict(verdict, row.claimed_objective, &unit);
            let mut contradicting = gate.contradictions.iter();
            let is_in = |name: &str| name == row.key.method;
            let conclusion = match &row.stop {
                Stop::Invalid(why) => &*format!("invalid: {why}"),
                _ if verdict.is_rejected() => "rejected",
                _ if contradicting.any(|one| is_in(&one.objective.0) || is_in(&one.bound.0)) => {
                    "contradicted by another answer"
                }
                _ => "stands",
            };
            out!("verdict    {conclusion}");
            for line in second.iter().flat_map(Comparison::lines) {
                out!("second     {line}");
            }
        }
        if all.len() > 1 {
            gaps::<P>(&all, &tolerance);
        }
    }
    let told = gate::tell(&gate, &rows, arguments.json);
    let is_any_invalid = rows.iter().any(|row| row.status == Status::Invalid);
    let is_good = !is_any_invalid && all.iter().flat_map(|one| &one.second).all(Comparison::agrees);
    Ok(told.and(if is_good { Ending::Good } else { Ending::Rejected }))
}

/// The verdict, or a list of several. With the second checker each is an object with both.
fn print_json(all: &[CheckedAnswer<'_>]) {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum One<'a> {
        Verdict(&'a Verdict),
        Both { checker: &'a Verdict, second: &'a Comparison },
    }
    let one = |one: &'_ CheckedAnswer<'_>| -> serde_json::Value {
        let one = match &one.second {
            None => One::Verdict(&one.verdict),
            Some(second) => One::Both { checker: &one.verdict, second },
        };
        serde_json::to_value(one).expect("plain data")
    };
    match all {
        [only] => output::json(&one(only)),
        all => output::json(&all.iter().map(one).collect::<Vec<_>>()),
    }
}

/// The answer in a file, and its bytes. What is no answer is an invalid one, as it is in a run; a file that cannot be read, or a document of another kind or
/// problem, is a mistake in what was given.
fn answer_in<P: BenchmarkAdapter>(path: &Path) -> Result<(Answer<P>, Vec<u8>), InputError> {
    let is_mistake = |error: &InputError| {
        matches!(&*error.at, "offcut" | "problem" | "version") || error.what.starts_with("cannot be read")
    };
    let mut bytes = Vec::new();
    let answer = read_bytes(path).and_then(|read| {
        bytes = read;
        parse_answer::<P>(&bytes)
    });
    match answer {
        Err(error) if is_mistake(&error) => Err(error),
        Err(error) => Ok((unreadable(&error), bytes)),
        Ok(answer) => Ok((answer, bytes)),
    }
}

/// Measures every answer against the best bound among them.
fn gaps<P: BenchmarkAdapter>(all: &[CheckedAnswer<'_>], tolerance: &Tolerance) {
    let standing = || all.iter().filter(|one| !one.verdict.is_rejected());
    let bounds = standing().filter_map(|one| one.verdict.certified_bound());
    let tightest = match P::SENSE {
        Sense::Minimise => bounds.reduce(f64::max),
        Sense::Maximise => bounds.reduce(f64::min),
    };
    let Some(bound) = tightest else { return };
    let known = BestKnown { certified: Some(bound), ..BestKnown::default() };
    for CheckedAnswer { path, verdict, .. } in standing() {
        let Some(objective) = verdict.objective() else { continue };
        if offcut_checker::beyond(P::SENSE, bound, objective) > 0.0 {
            continue;
        }
        match known.gap(P::SENSE, objective.middle()) {
            Some(gap) => {
                out!("gap        {} (certified) {}", text::gap(gap.high, tolerance.gap_relative), path.display())
            }
            None => out!("gap        undefined: the bound is 0, {}", path.display()),
        }
    }
}

/// Checks all answers of a run again and tells every row that differs.
fn check_run<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Ending, InputError> {
    let folder = Folder::at(&arguments.instance);
    let jobs = arguments.jobs.unwrap_or_else(processors);
    let checked = offcut_runner::check::<P>(&folder, &this_program()?, jobs.into(), &mut Bar::default())?;
    if arguments.json {
        output::json(&checked);
        return Ok(gate::ending(&checked.gate));
    }
    let Checked { rows, same, unbound, missing, others, without_row, gate } = &checked;
    for mismatch in &gate.mismatches {
        out!("MISMATCH {mismatch}");
    }
    let without = Gate { mismatches: Vec::new(), ..gate.clone() };
    gate::tell(&without, &[], false);
    if *unbound > 0 {
        out!("{unbound} rows carry no hash of their answer: they were written before rows had it");
    }
    if *missing > 0 {
        out!("{missing} cells of the run have no row");
    }
    if *others > 0 {
        out!("{others} rows belong to no study of the run, are in no report, and were not checked");
    }
    if !without_row.is_empty() {
        let (count, first) = (without_row.len(), &without_row[0]);
        out!("{count} answers have no row, answers/{first} first: the run was ended there, or rows were taken out");
    }
    out!("{rows} rows checked again from their answers: {same} agree, {} differ", rows - same);
    out!("{} answers rejected by the checker, {} contradictions", gate.rejected, gate.contradictions.len());
    out!("not in any answer, and not compared: seconds, memory, where a row was made, which study a cell belongs to");
    Ok(gate::ending(gate))
}

/// A verdict, in a few lines.
pub(crate) fn print_verdict(verdict: &Verdict, claimed: Option<f64>, unit: &str) {
    let claimed = claimed.map(text::unsigned_zero);
    match (verdict.objective(), claimed) {
        (Some(objective), Some(claimed)) => {
            out!("objective  {} {unit} checked, {claimed} {unit} claimed", objective.middle());
        }
        (None, Some(claimed)) => out!("objective  none: the solution has no value; {claimed} {unit} claimed"),
        _ => out!("objective  no solution was given"),
    }
    print_violations("solution", verdict.violations());
    if verdict.proofs().iter().all(|proof| proof.is_nothing()) {
        out!("bound      none was given");
    }
    verdict.proofs().into_iter().for_each(|proof| print_proof(proof, unit));
}

fn print_proof(proof: &Proof, unit: &str) {
    match proof {
        Proof::Nothing => {}
        Proof::Infeasible => out!("bound      there is no solution, certified: the certificate was replayed"),
        Proof::Certified { value } => out!("bound      {value} {unit}, certified: the certificate was replayed"),
        Proof::SolverReported { value, word } => out!("bound      {value} {unit}, solver-reported (unchecked): {word}"),
        Proof::Rejected { violations } => print_violations("bound", violations),
    }
}

fn print_violations(part: &str, violations: &[offcut_checker::Violation]) {
    for violation in violations.iter().take(SHOWN) {
        out!("{part:10} REJECTED {violation}");
    }
    if violations.len() > SHOWN {
        out!("{part:10} and {} more", violations.len() - SHOWN);
    }
}
