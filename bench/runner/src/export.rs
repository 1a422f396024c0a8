//! A method's mathematical program as a file, for any solver to be put beside.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use offcut_formulations::highs::{Exported, Scaling, exporting};
use offcut_instances::document::InputError;
use offcut_instances::problem::{Algorithm, Budget, Sense, Stop};

use crate::BenchmarkAdapter;

/// Writes the program with which `algorithm` states an instance to `file`, `.mps` or `.lp`, without solving it. The file's first lines are a comment with the
/// scaling of its objective ([`meaning`]). `budget` limits the search for the known solution that objectives are scaled by.
///
/// # Errors
/// [`InputError`] if the method states none, the ending is another, or the file cannot be written or is there already.
pub fn export<P: BenchmarkAdapter>(
    algorithm: &dyn Algorithm<P>,
    instance: &P::Instance,
    budget: &Budget,
    file: &Path,
) -> Result<Exported, InputError> {
    let input_error = |what: String, remedy: &str| InputError::at("", what, remedy).in_file(file);
    let of_method = |what: String, remedy: String| InputError::at(format!("method '{}'", algorithm.id()), what, remedy);
    if !P::PROGRAMS.contains(&algorithm.id()) {
        let remedy = format!("those that do: {}", P::PROGRAMS.join(", "));
        return Err(of_method("states the problem as no single program".into(), remedy));
    }
    let is_lp = file.extension().is_some_and(|ending| ending == "lp");
    if !is_lp && file.extension().is_none_or(|ending| ending != "mps") {
        return Err(input_error("is neither .mps nor .lp".into(), "give a name with one of these endings"));
    }
    if file.exists() {
        return Err(input_error("exists already".into(), "choose another name or remove the file first"));
    }
    let mut stop = Stop::Completed;
    let exported = exporting(file, || stop = algorithm.solve(instance, budget).stop)
        .map_err(|what| input_error(what, "choose a place that can be written to"))?;
    let Some(exported) = exported else {
        return Err(match stop {
            Stop::Declined(why) | Stop::Failed(why) | Stop::Invalid(why) => {
                of_method(format!("states no program for this instance: {why}"), "choose another instance".into())
            }
            Stop::TimeLimit => {
                of_method("was out of time before its program was complete".into(), "give more time".into())
            }
            Stop::Infeasible => {
                of_method("finds this instance infeasible without a program".into(), "choose another instance".into())
            }
            _ => of_method("solves this instance without a program".into(), "choose another instance".into()),
        });
    };
    let mark = if is_lp { '\\' } else { '*' };
    let origin = &P::label(instance).name;
    let title = format!("{} of Offcut's instance {origin:?} of {}", algorithm.id(), P::NAME);
    let comment: String =
        std::iter::once(title).chain(meaning(P::SENSE, &exported)).map(|line| format!("{mark} {line}\n")).collect();
    if let Err(error) = put_before(file, &comment) {
        let _ = std::fs::remove_file(file);
        return Err(input_error(format!("cannot be written: {error}"), "choose a place that can be written to"));
    }
    Ok(exported)
}

/// What the objective of an exported program is in the problem, in lines.
pub fn meaning(sense: Sense, exported: &Exported) -> [String; 2] {
    let Scaling { factor, offset } = exported.scaling;
    let side = if sense == Sense::Minimise { "lower" } else { "upper" };
    let optimum = if exported.is_relaxation {
        format!(
            "a relaxation: its optimum gives {} {side} bound of the problem's",
            if side == "lower" { "a" } else { "an" }
        )
    } else {
        "its optimum gives the problem's".into()
    };
    [format!("problem objective = {factor:e} * file objective + {offset:e}"), optimum]
}

/// Writes `text` before what the file holds.
fn put_before(file: &Path, text: &str) -> std::io::Result<()> {
    let mut model = Vec::new();
    File::open(file)?.read_to_end(&mut model)?;
    let mut file = File::create(file)?;
    file.write_all(text.as_bytes())?;
    file.write_all(&model)?;
    file.flush()
}
