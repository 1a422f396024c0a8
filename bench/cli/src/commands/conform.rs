//! `offcut conform`: does a program keep to the protocol? For whoever writes one.

use std::path::Path;

use clap::Args;
use offcut_checker::{Proof, Tolerance, check_answer};
use offcut_instances::document::{InputError, hash, instance_bytes};
use offcut_instances::problem::{Budget, MethodSpec, Stop};
use offcut_ledger::gap::feasible_objective;
use offcut_ledger::{BestKnown, Key, Row, Status};
use offcut_runner::cell::{Executed, Launcher, Source};
use offcut_runner::isolation::results_around;
use offcut_runner::process::{PutBack, end_on_signals};
use offcut_runner::solver::Solver;
use offcut_runner::{BenchmarkAdapter, RollOut, environment::code_version};

use super::run::named;
use super::{this_program, with_problem};
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// What `offcut conform` takes.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("program").required(true))]
pub(crate) struct Arguments {
    /// The problem
    problem: String,
    /// The program: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", group = "program")]
    solver: Option<String>,
    /// The program, if it is a policy of lymdo, asked slot by slot: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", group = "program")]
    policy: Option<String>,
    /// Different seeds can give it different answers
    #[arg(long)]
    random: bool,
    /// Seconds it has for every instance
    #[arg(long, default_value_t = 10.0)]
    time: f64,
}

pub(crate) fn conform(arguments: &Arguments) -> Result<Ending, InputError> {
    if !(arguments.time.is_finite() && arguments.time > 0.0) {
        return Err(InputError::at("--time", "is not a time", "give seconds above 0"));
    }
    end_on_signals();
    with_problem!(&arguments.problem, P => conform_to::<P>(arguments))
}

/// Tries a program and tells its faults, in one line each.
fn conform_to<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Ending, InputError> {
    let Arguments { solver, policy, random, .. } = arguments;
    let command = policy.as_ref().or(solver.as_ref()).map_or("", String::as_str);
    let (name, external) = named(command, *random, policy.is_some())?;
    let name = name.map_or_else(|| external.name(), Ok)?;
    // A folder with a space in its name: paths are to be taken as they are.
    let folder = tempfile::Builder::new().prefix("offcut conform ").tempdir().map_err(|error| {
        InputError::at("", format!("there is no room for files of its own: {error}"), "make room for temporary files")
    })?;
    let _removed = PutBack::enter(folder.path().to_owned(), None);
    let program = this_program()?;
    let results = results_around(None);
    let bench = Bench::<P> {
        launcher: Launcher { program: &program, grace_s: 2.0, results: &results },
        solver: Solver::external(external)?,
        spec: MethodSpec { id: name, parameters: Default::default() },
        folder: folder.path(),
        problem: std::marker::PhantomData,
    };
    let mut faults = Vec::new();
    let mut lines = Vec::new();
    for family in P::FAMILIES.iter().map(|family| family.name) {
        for seed in [1, 2] {
            let instance = tried_on::<P>(family, seed, policy.is_some())?;
            let budget = Budget::seconds(arguments.time);
            let (executed, row) = bench.run(&instance, &budget)?;
            let at = format!("{family} seed {seed}");
            faults.extend(wrong_with(&row, &executed).map(|what| (at.clone(), what)));
            let reference = reference::<P>(&instance);
            if row.status == Status::InfeasibleClaimed
                && let Some(Reference { method, objective, .. }) = &reference
            {
                let objective = text::number(*objective);
                let what = format!("it says that there is no solution; {method} has one, objective {objective}");
                faults.push((at.clone(), what));
            }
            let again = bench.run(&instance, &budget)?.1;
            faults.extend(differs(&row, &again).map(|what| (at.clone(), what)));
            lines.push(vec![
                at,
                row.status.name().to_owned(),
                row.checked_objective.map_or_else(String::new, |objective| text::number(objective.high())),
                reference.as_ref().map_or_else(String::new, |known| text::number(known.objective)),
                gap::<P>(&row, reference.as_ref()),
                text::seconds(row.times.solve_s),
                text::stop(&row.stop),
            ]);
        }
    }
    let header = ["instance", "status", "objective", "reference", "gap", "seconds", "stopped"];
    output::block(&text::table(&header, 2, lines).to_string());
    out!(
        "reference: the objective of the first of Offcut's methods that has a solution within a second; gap: to the bound of that method, if it has one"
    );
    if policy.is_none() {
        faults.extend(in_little_time(&bench)?);
    }
    for line in grouped(&faults) {
        out!("WRONG {line}");
    }
    out!("{}", if faults.is_empty() { "it keeps to the protocol" } else { "it does not keep to the protocol" });
    Ok(if faults.is_empty() { Ending::Good } else { Ending::Rejected })
}

/// With little time: whoever needs more has to stop by itself, or be ended. A policy does not see to that: it is stopped between two slots.
fn in_little_time<P: BenchmarkAdapter>(bench: &Bench<'_, P>) -> Result<Option<(String, String)>, InputError> {
    let family = P::FAMILIES[0].name;
    let instance = P::generate(family, &P::Parameters::default(), 1)?;
    let (executed, _) = bench.run(&instance, &Budget::seconds(0.5))?;
    let ended = executed.process.map(|process| process.ended).unwrap_or_default();
    let at = format!("{family} seed 1 with 0.5 s (OFFCUT_TIME_S)");
    Ok((!ended.starts_with("exit")).then(|| (at, format!("it did not stop by itself: {ended}"))))
}

/// A small instance of a family: as it is by default, but for policies with slots to be asked of one after the other.
fn tried_on<P: BenchmarkAdapter>(family: &str, seed: u64, is_policy: bool) -> Result<P::Instance, InputError> {
    let mut settings = serde_json::Map::new();
    if let Some(RollOut { short_horizon: (parameter, slots), .. }) = P::ROLL_OUT.filter(|_| is_policy) {
        settings.insert(parameter.to_owned(), slots.into());
    }
    P::generate_with(family, &settings, seed)
}

struct Bench<'a, P: BenchmarkAdapter> {
    launcher: Launcher<'a>,
    solver: Solver<P>,
    spec: MethodSpec,
    folder: &'a Path,
    problem: std::marker::PhantomData<P>,
}

impl<P: BenchmarkAdapter> Bench<'_, P> {
    fn run(&self, instance: &P::Instance, budget: &Budget) -> Result<(Executed, Row), InputError> {
        let (at, answer) = (self.folder.join("instance.json"), self.folder.join("answer.json"));
        let write = |path: &Path, bytes: &[u8]| {
            std::fs::write(path, bytes)
                .map_err(|error| InputError::at("", format!("cannot be written: {error}"), "make room").in_file(path))
        };
        let restore = || write(&at, &instance_bytes::<P>(instance));
        restore()?;
        let hash = hash::<P>(instance);
        let source = Source { path: &at, hash: &hash, restore: &restore };
        let executed = self.launcher.execute::<P>(&self.solver, &self.spec, &source, budget)?;
        write(&answer, &executed.answer)?;
        let key = Key {
            instance: hash.clone(),
            method: self.spec.to_string(),
            budget: budget.clone(),
            code: self.solver.version(&code_version())?,
        };
        let row = self.launcher.check_answer::<P>(&source, &answer, &key, &P::label(instance), &executed)?;
        Ok((executed, row))
    }
}

/// What is wrong in several places said once, with the first of them.
fn grouped(faults: &[(String, String)]) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (at, what) in faults {
        match groups.iter_mut().find(|(known, _)| known == what) {
            Some((_, places)) => places.push(at),
            None => groups.push((what, vec![at])),
        }
    }
    let line = |(what, places): (&str, Vec<&str>)| match &places[..] {
        [only] => format!("{only}: {what}"),
        [first, others @ ..] => format!("{first} and {} more: {what}", others.len()),
        [] => what.to_owned(),
    };
    groups.into_iter().map(line).collect()
}

/// What one of Offcut's methods finds soon.
struct Reference {
    method: String,
    /// Its checked objective.
    objective: f64,
    /// What is known of the instance by it.
    known: BestKnown,
}

/// The solution and the bound of the first of Offcut's methods that finds a solution within a second, if one does.
fn reference<P: BenchmarkAdapter>(instance: &P::Instance) -> Option<Reference> {
    P::algorithms().into_iter().find_map(|method| {
        let verdict =
            check_answer::<P>(instance, &method.solve(instance, &Budget::seconds(1.0)), &Tolerance::default());
        let objective = verdict.objective().filter(|_| verdict.is_feasible())?.middle();
        let mut known = BestKnown { objective: Some(objective), ..BestKnown::default() };
        (known.certified, known.word) = (verdict.certified_bound(), verdict.proof().solver_reported());
        Some(Reference { method: method.id().to_owned(), objective, known })
    })
}

/// The gap of a row's solution to the bound of a reference, in words.
fn gap<P: BenchmarkAdapter>(row: &Row, reference: Option<&Reference>) -> String {
    let gap =
        feasible_objective(row).zip(reference).and_then(|(objective, known)| known.known.gap(P::SENSE, objective));
    gap.map_or_else(String::new, |gap| text::gap(gap.high, Tolerance::default().gap_relative))
}

/// How a second row of the same seed differs.
fn differs(row: &Row, again: &Row) -> Option<String> {
    // What is known at a time limit depends on the machine.
    let both_ended = row.stop == again.stop && row.stop != Stop::TimeLimit;
    let told = |objective: Option<f64>| objective.map_or_else(|| "nothing".into(), text::number);
    let (first, second) = (told(row.claimed_objective), told(again.claimed_objective));
    let is_other = again.claimed_objective != row.claimed_objective && both_ended;
    is_other.then(|| format!("the same seed gave {first}, then {second}"))
}

fn wrong_with(row: &Row, executed: &Executed) -> Option<String> {
    match row.status {
        Status::Wrong => {
            let bounds = row.proofs().into_iter().flat_map(Proof::violations);
            let first = row.violations.iter().chain(bounds).next().map(ToString::to_string);
            Some(format!("the checker rejects it: {}", first.unwrap_or_else(|| format!("{:?}", row.proof))))
        }
        Status::Crash => Some(format!("it crashed, {}", text::stop(&row.stop))),
        Status::Memory => Some("it ran out of memory".into()),
        Status::Invalid => Some(format!("it gave no answer that can be read, {}", text::stop(&row.stop))),
        Status::Time => Some(format!(
            "it found no solution in its time ({}); decline instances that it is not made for",
            executed.process.as_ref().map(|process| process.ended.as_str()).unwrap_or_default()
        )),
        _ => row.history_rejected.as_ref().map(|why| format!("its history is rejected: {why}")),
    }
}
