//! A method's mathematical program as a file, for any solver to be put beside.

use std::path::Path;

use offcut_formulations::highs::{Copied, copying};
use offcut_instances::document::InputError;
use offcut_instances::problem::{Algorithm, Budget, Stop};

use crate::{BenchmarkAdapter, methods};

/// Runs `algorithm` on an instance and writes the program that it hands to HiGHS to `file`, `.mps` or `.lp`: the last one, where it hands over
/// several.
///
/// # Errors
/// [`InputError`] if it hands over none, the ending is another, or the file cannot be written or is there already.
pub fn export<P: BenchmarkAdapter>(
    algorithm: &dyn Algorithm<P>,
    instance: &P::Instance,
    budget: &Budget,
    file: &Path,
) -> Result<Copied, InputError> {
    let input_error = |what: String, remedy: &str| InputError::at("", what, remedy).in_file(file);
    if !file.extension().is_some_and(|ending| ending == "mps" || ending == "lp") {
        return Err(input_error("is neither .mps nor .lp".into(), "give a name with one of these endings"));
    }
    if file.exists() {
        return Err(input_error("exists already".into(), "choose another name or remove the file first"));
    }
    let mut stop = Stop::Completed;
    let copied = copying(file, || stop = algorithm.solve(instance, budget).stop)
        .map_err(|what| input_error(what, "choose a place that can be written to"))?;
    copied.ok_or_else(|| {
        let what = match stop {
            Stop::Declined(why) | Stop::Failed(why) | Stop::Invalid(why) => {
                format!("hands no program to HiGHS for this instance: {why}")
            }
            _ => "hands no program to HiGHS".into(),
        };
        let programs: Vec<String> =
            methods::<P>().into_iter().filter(|id| id.starts_with("milp") || id.starts_with("lp")).collect();
        let remedy = format!("those that do are named for it: {}", programs.join(", "));
        InputError::at(format!("method '{}'", algorithm.id()), what, remedy)
    })
}
