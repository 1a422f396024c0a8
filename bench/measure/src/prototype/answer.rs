//! Reads an instance and an answer, has the answer checked, and makes a plan of it.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use offcut_checker::{Checkable, Tolerance, check_answer};
use offcut_instances::document::{InputError, parse_instance, problem_of, read_answer, read_bytes};
use offcut_instances::jpdra::Jpdra;
use offcut_instances::lymdo::Lymdo;
use offcut_instances::multiuser::Multiuser;
use offcut_instances::throughput::Throughput;

use super::networks::Sources;
use super::plan::Plan;
use super::{jpdra, lymdo, multiuser, throughput};

/// How far a predicted latency may be from the checker's, relative.
pub(super) const SAME: f64 = 1e-9;

/// The plan of a checked answer to an instance; `slots` are those of `lymdo` that are run.
///
/// # Errors
/// If a file cannot be read, the checker rejects the answer, or it is not one that can be run; one line says why.
pub fn read(instance: &Path, answer: &Path, sources: &Sources, slots: Option<&[usize]>) -> Result<Plan> {
    let bytes = read_bytes(instance).map_err(|error| one(error.in_file(instance)))?;
    let problem = problem_of(&bytes).map_err(|error| one(error.in_file(instance)))?;
    let at = answer;
    ensure!(slots.is_none() || problem == "lymdo", "--slots: an instance of {problem} has no slots");
    match problem.as_str() {
        "multiuser" => checked::<Multiuser>((instance, &bytes), at, |i, s| multiuser::plan(i, s, sources)),
        "throughput" => checked::<Throughput>((instance, &bytes), at, |i, s| throughput::plan(i, s, sources)),
        "jpdra" => checked::<Jpdra>((instance, &bytes), at, |i, s| jpdra::plan(i, s, sources)),
        "lymdo" => checked::<Lymdo>((instance, &bytes), at, |i, s| lymdo::plan(i, s, sources, slots)),
        other => bail!("{}: an answer to '{other}' cannot be run", instance.display()),
    }
}

fn checked<P: Checkable>(
    (path, bytes): (&Path, &[u8]),
    answer: &Path,
    plan: impl Fn(&P::Instance, &P::Solution) -> Result<Plan>,
) -> Result<Plan> {
    let instance = parse_instance::<P>(bytes).map_err(|error| one(error.in_file(path)))?;
    let read = read_answer::<P>(answer).map_err(one)?;
    let verdict = check_answer::<P>(&instance, &read, &Tolerance::default());
    let at = answer.display();
    if let Some(violation) = verdict.violations().first() {
        let more = verdict.violations().len() - 1;
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        bail!("{at}: the checker rejects the answer: {violation}{more}: offcut check says all");
    }
    ensure!(!verdict.is_rejected(), "{at}: the checker rejects the bound of the answer: offcut check says why");
    let found = read.found.filter(|_| verdict.is_feasible()).with_context(|| format!("{at}: holds no solution"))?;
    plan(&instance, &found.solution).with_context(|| at.to_string())
}

/// The first line of an error of reading.
fn one(error: InputError) -> anyhow::Error {
    anyhow::anyhow!("{}", error.to_string().lines().next().unwrap_or("cannot be read"))
}

/// Holds a predicted value to the checker's.
///
/// # Errors
/// If it lies outside the checker's enclosure by more than 1e-9 of it.
pub(super) fn exact<P: Checkable>(instance: &P::Instance, solution: &P::Solution, predicted: f64) -> Result<()> {
    let (objective, _) = P::evaluate(instance, solution);
    let objective = objective.context("the checker finds no value")?;
    let off = (objective.low() - predicted).max(predicted - objective.high());
    ensure!(
        off <= SAME * objective.magnitude(),
        "predicted {predicted} s, and the checker says {} s: this is a mistake in Offcut",
        objective.middle()
    );
    Ok(())
}
