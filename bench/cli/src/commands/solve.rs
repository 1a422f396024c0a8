//! `offcut solve`.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use offcut_checker::Tolerance;
use offcut_instances::document::{InputError, hash, parse_instance, read_bytes, write_new};
use offcut_instances::problem::{Budget, MethodSpec, Sense};
use offcut_ledger::{Gate, Key, Row, Status, best_known};
use offcut_runner::BenchmarkAdapter;
use offcut_runner::cell::{GRACE_S, Launcher, Source, checked_answer};
use offcut_runner::environment::code_version;
use offcut_runner::isolation::results_around;
use offcut_runner::process::end_on_signals;
use offcut_runner::solver::{Externals, Solver};

use super::check::print_verdict;
use super::run::named;
use super::{known_problem_of, this_program, with_problem};
use crate::exit::Ending;
use crate::output::{self, out};
use crate::text;

/// What `offcut solve` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file
    instance: PathBuf,
    /// Method, e.g. `iao-ds` or `iao:error=0.1`; `offcut methods` lists them
    #[arg(short, long, required_unless_present_any = ["solver", "policy"])]
    method: Option<String>,
    /// Program in any language instead, see `offcut new-solver`: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", conflicts_with = "method")]
    solver: Option<String>,
    /// Policy of lymdo in any language instead, asked slot by slot: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["method", "solver"])]
    policy: Option<String>,
    /// Time limit in seconds
    #[arg(long)]
    time: Option<f64>,
    /// Seed of everything random in the method
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads the method may use
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: u32,
    /// Write the answer to a file
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print the row as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn solve(arguments: &Arguments) -> Result<Ending, InputError> {
    if arguments.time.is_some_and(|time| !(time.is_finite() && time >= 0.0)) {
        return Err(InputError::at("--time", "is not a time", "give seconds, 0 or above"));
    }
    let began = Instant::now();
    let in_file = |error: InputError| error.in_file(&arguments.instance);
    let bytes = read_bytes(&arguments.instance).map_err(in_file)?;
    // Every document says early whose it is; the problem's own reader then reads all of it once.
    let problem = known_problem_of(&bytes).map_err(in_file)?;
    with_problem!(&problem, P => {
        let instance = parse_instance::<P>(&bytes).map_err(in_file)?;
        drop(bytes);
        solve_for::<P>(arguments, &instance, began.elapsed().as_secs_f64())
    })
}

/// The method or program to solve with.
fn asked_for<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<(MethodSpec, Solver<P>), InputError> {
    let Arguments { method, solver, policy, .. } = arguments;
    if let Some(command) = solver.as_ref().or(policy.as_ref()) {
        let (name, external) = named(command, false, policy.is_some())?;
        let id = name.map_or_else(|| external.name(), Ok)?;
        return Ok((MethodSpec { id, parameters: Default::default() }, Solver::external(external)?));
    }
    let spec: MethodSpec = method.as_deref().unwrap_or_default().parse()?;
    let solver = Solver::of(&spec, &Externals::new())?;
    Ok((spec, solver))
}

fn solve_for<P: BenchmarkAdapter>(
    arguments: &Arguments,
    instance: &P::Instance,
    read_s: f64,
) -> Result<Ending, InputError> {
    let Arguments { time: time_s, seed, threads, .. } = *arguments;
    let budget = Budget { time_s, seed, threads, ..Budget::default() };
    let (spec, solver) = asked_for::<P>(arguments)?;
    let key = Key {
        instance: hash::<P>(instance),
        method: spec.to_string(),
        budget: budget.clone(),
        code: solver.version(&code_version())?,
    };
    end_on_signals();
    let changed = || {
        let what = "was changed while it was being solved";
        Err(InputError::at("", what, "leave the file as it is meanwhile").in_file(&arguments.instance))
    };
    let source = Source { path: &arguments.instance, hash: &key.instance, restore: &changed };
    let results = results_around(None);
    let launcher = Launcher { program: &this_program()?, grace_s: GRACE_S, results: &results };
    let executed = launcher.execute::<P>(&solver, &spec, &source, &budget)?;
    output::relay(&executed.errors);
    let (row, verdict) = checked_answer::<P>(instance, key, &executed, &Tolerance::default());
    if let Some(path) = &arguments.output {
        write_new(path, &executed.answer)?;
    }
    if arguments.json {
        output::json_line(&row);
    } else {
        let unnamed =
            arguments.instance.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let name = if row.instance.name.is_empty() { &unnamed } else { &row.instance.name };
        out!("instance   {name} ({}), hash {}", P::size(instance), row.key.instance);
        out!("method     {}", row.key.method);
        out!("stopped    {}", text::stop(&row.stop));
        print_verdict(&verdict, row.claimed_objective, &P::objective_of(instance).unit);
        print_outcome(P::SENSE, &row);
        print_costs(&row, read_s);
        if let Some(path) = &arguments.output {
            out!("answer     {}", path.display());
        }
    }
    let gate = Gate::of(P::SENSE, std::slice::from_ref(&row), &Default::default());
    let told = super::gate::tell(&gate, std::slice::from_ref(&row), arguments.json);
    let gave_none = matches!(row.status, Status::Invalid | Status::Crash);
    Ok(told.and(if gave_none { Ending::Rejected } else { Ending::Good }))
}

/// The gap of a row, to its own bound, and its status.
fn print_outcome(sense: Sense, row: &Row) {
    let objective = offcut_ledger::gap::feasible_objective(row);
    let known = best_known(sense, std::slice::from_ref(row));
    if let Some(gap) = objective.and_then(|objective| known[&row.key.instance].gap(sense, objective)) {
        let evidence = if gap.certified { "certified" } else { "solver-reported bound, unchecked" };
        out!("gap        {} ({evidence})", text::gap(gap.high, Tolerance::default().gap_relative));
    }
    out!("status     {}", row.status.name());
}

/// What a row took, and what was measured and counted.
fn print_costs(row: &Row, read_s: f64) {
    let (read, solve, check) =
        (text::seconds(read_s), text::seconds(row.times.solve_s), text::seconds(row.times.check_s));
    out!("time       read {read}, solve {solve}, check {check}");
    if let Some(build_s) = row.times.build_s {
        out!("           of solving, {} building the model (as the method reports)", text::seconds(build_s));
    }
    let measures: Vec<String> =
        row.measures.iter().map(|(name, value)| format!("{name} {}", text::number(*value))).collect();
    if !measures.is_empty() {
        out!("checked    {}", measures.join(", "));
    }
    if let Some(peak) = row.peak_memory_bytes {
        out!("memory     {} at most, the instance included", text::bytes(peak as f64));
    }
    if let Some(process) = &row.process {
        if process.exceeds_threads {
            let (cpu, wall) = (text::seconds(process.cpu_s), text::seconds(process.wall_s));
            out!("threads    {cpu} of CPU in {wall}: more than {} threads have", row.key.budget.threads);
        }
        let orphans: Vec<String> = process.orphans.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if !orphans.is_empty() {
            out!("left       processes that were ended: {}", orphans.join(", "));
        }
    }
    if let Some(why) = &row.history_rejected {
        out!("history    rejected: {why}");
    }
    let counts: Vec<String> =
        row.counts.iter().map(|(name, count)| format!("{name} {}", text::grouped(*count))).collect();
    if !counts.is_empty() {
        out!("counts     {}", counts.join(", "));
    }
}
