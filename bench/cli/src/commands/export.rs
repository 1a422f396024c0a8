//! `offcut export`.

use std::path::PathBuf;

use clap::Args;
use offcut_instances::document::{InputError, parse_instance, read_bytes};
use offcut_instances::problem::{Budget, MethodSpec};
use offcut_runner::{BenchmarkAdapter, method};

use super::{known_problem_of, with_problem};
use crate::exit::Ending;
use crate::output::out;
use crate::text;

/// What `offcut export` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file
    instance: PathBuf,
    /// Method whose program is wanted, e.g. `milp`
    #[arg(short, long)]
    method: String,
    /// File to write, .mps or .lp
    #[arg(short, long)]
    output: PathBuf,
    /// Seconds to find the known solution that the objective is scaled by; nothing is solved
    #[arg(long, default_value_t = 60.0)]
    time: f64,
}

pub(crate) fn export(arguments: &Arguments) -> Result<Ending, InputError> {
    if !(arguments.time.is_finite() && arguments.time >= 0.0) {
        return Err(InputError::at("--time", "is not a time", "give seconds, 0 or above"));
    }
    let in_file = |error: InputError| error.in_file(&arguments.instance);
    let bytes = read_bytes(&arguments.instance).map_err(in_file)?;
    let problem = known_problem_of(&bytes).map_err(in_file)?;
    with_problem!(&problem, P => {
        let instance = parse_instance::<P>(&bytes).map_err(in_file)?;
        export_for::<P>(arguments, &instance)
    })
}

fn export_for<P: BenchmarkAdapter>(arguments: &Arguments, instance: &P::Instance) -> Result<Ending, InputError> {
    let spec: MethodSpec = arguments.method.parse()?;
    let algorithm = method::<P>(&spec)?;
    let budget = Budget::seconds(arguments.time);
    let exported = offcut_runner::export::<P>(algorithm.as_ref(), instance, &budget, &arguments.output)?;
    let (columns, rows) = (text::grouped(exported.columns as u64), text::grouped(exported.rows as u64));
    out!("program    {}: {columns} columns, {rows} rows", arguments.output.display());
    let [scaling, optimum] = offcut_runner::meaning(P::SENSE, &exported);
    out!("objective  {scaling}");
    out!("           {optimum}");
    Ok(Ending::Good)
}
