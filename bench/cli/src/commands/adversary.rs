//! `offcut adversary`: instances on which a method is worst.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use offcut_instances::document::InputError;
use offcut_instances::problem::{Budget, MethodSpec, Sense};
use offcut_runner::BenchmarkAdapter;
use offcut_runner::adversary::{
    Cell, Found, Judge, Limits, Question, Ratio, Rival, Search, Start, State, csv, heat_map, markdown,
};
use offcut_runner::cell::{GRACE_S, Launcher};
use offcut_runner::isolation::results_around;
use offcut_runner::process::end_on_signals;
use offcut_runner::solver::Solver;

use super::run::named;
use super::{this_program, with_problem};
use crate::exit::Ending;
use crate::output::{self, err, out};
use crate::text;

/// The end of its help.
pub(crate) const ABOUT: &str = "Examples: offcut adversary throughput --method local-ratio --start random --seconds 60
          offcut adversary multiuser --method greedy-units --variant sum --size users=3,units=5
          offcut adversary jpdra --method dpd --against greedy
          offcut adversary throughput --method online-primal-dual --only-proven --size threads=12
          offcut adversary lymdo --solver 'python3 my.py' --seconds 600
          offcut adversary throughput --matrix --seconds 5";

/// What `offcut adversary` takes.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("worse").required(true))]
pub(crate) struct Arguments {
    /// The problem
    problem: String,
    /// The method, e.g. `dpd` or `iao:error=0.1`
    #[arg(short, long, group = "worse")]
    method: Option<String>,
    /// A program in any language instead: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", group = "worse")]
    solver: Option<String>,
    /// A policy of lymdo in any language instead: COMMAND or NAME=COMMAND
    #[arg(long, value_name = "COMMAND", group = "worse")]
    policy: Option<String>,
    /// Every ordered pair of methods, and each against the optimum; --seconds is for a pair
    #[arg(long, group = "worse", conflicts_with = "against")]
    matrix: bool,
    /// Methods of the matrix, separated by commas; all but exact ones if left out
    #[arg(long, value_delimiter = ',', requires = "matrix")]
    methods: Vec<String>,
    /// Compare with this method instead of the certified optimum
    #[arg(long)]
    against: Option<String>,
    /// Kind of instances: max or sum, count or profit, continuous or units, slot or 'slot, exponential'; the first if left out
    #[arg(long)]
    variant: Option<String>,
    /// Greatest sizes, NAME=COUNT, separated by commas; e.g. users=3,units=5
    #[arg(long, value_name = "NAME=COUNT", value_delimiter = ',')]
    size: Vec<String>,
    /// Seconds of searching; making the worst instance small takes up to half as long again
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Rounds, those of earlier runs included
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    rounds: u64,
    /// Moves of a round
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    moves: u64,
    /// Where rounds begin, in turn: random, family, worst, kept
    #[arg(long, value_delimiter = ',', default_values_t = Start::ALL.map(|start| start.name().to_owned()))]
    start: Vec<String>,
    /// Only instances of which a ratio is proved
    #[arg(long)]
    only_proven: bool,
    /// Seconds for one answer; one that needs more does not count
    #[arg(long, default_value_t = 2.0)]
    time: f64,
    /// Seed of the search, and of everything random in methods
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder of the search; runs/adversary-PROBLEM-METHOD if left out
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn adversary(arguments: &Arguments) -> Result<Ending, InputError> {
    for (name, value) in [("--seconds", arguments.seconds), ("--time", arguments.time)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(InputError::at(name, "is not a time", "give seconds above 0"));
        }
    }
    end_on_signals();
    with_problem!(&arguments.problem, P => if arguments.matrix { matrix::<P>(arguments) } else { single::<P>(arguments) })
}

/// The method or program to search against.
fn asked_for<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Rival<P>, InputError> {
    let Some(command) = arguments.solver.as_ref().or(arguments.policy.as_ref()) else {
        return Rival::own(arguments.method.as_deref().unwrap_or_default());
    };
    let (name, external) = named(command, false, arguments.policy.is_some())?;
    let id = name.map_or_else(|| external.name(), Ok)?;
    Ok(Rival { spec: MethodSpec { id, parameters: BTreeMap::new() }, solver: Solver::external(external)? })
}

fn variant<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<String, InputError> {
    let Some(asked) = &arguments.variant else { return Ok(P::VARIANTS[0].to_owned()) };
    match P::VARIANTS.iter().find(|variant| *variant == asked) {
        Some(known) => Ok((*known).to_owned()),
        None => {
            let remedy = format!("the variants are: {}", P::VARIANTS.join("; "));
            Err(InputError::at(format!("variant '{asked}'"), "is not known", remedy))
        }
    }
}

fn sizes<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<BTreeMap<String, usize>, InputError> {
    let mut sizes: BTreeMap<String, usize> = P::SIZES.iter().map(|size| (size.name.to_owned(), size.most)).collect();
    for asked in &arguments.size {
        let known = || P::SIZES.iter().map(|size| size.name).collect::<Vec<_>>().join(", ");
        let wrong = |what: &str| {
            let remedy = format!("write NAME=COUNT, COUNT up to 1000; the names are: {}", known());
            Err(InputError::at(format!("--size {asked}"), what, remedy))
        };
        let Some((name, count)) = asked.split_once('=') else { return wrong("has no '='") };
        let Some(size) = P::SIZES.iter().find(|size| size.name == name) else { return wrong("is not known") };
        match count.parse() {
            Ok(count) if (size.least.max(1)..=1000).contains(&count) => drop(sizes.insert(name.to_owned(), count)),
            _ => return wrong("is no count that instances can have"),
        }
    }
    Ok(sizes)
}

fn starts(arguments: &Arguments) -> Result<Vec<Start>, InputError> {
    let start = |name: &String| {
        Start::ALL.into_iter().find(|start| start.name() == name).ok_or_else(|| {
            let known = Start::ALL.map(Start::name).join(", ");
            InputError::at(format!("--start {name}"), "is not known", format!("they are: {known}"))
        })
    };
    arguments.start.iter().map(start).collect()
}

fn question<P: BenchmarkAdapter>(
    arguments: &Arguments,
    method: &MethodSpec,
    against: Option<String>,
) -> Result<Question, InputError> {
    Ok(Question {
        problem: P::NAME.into(),
        method: method.to_string(),
        against,
        variant: variant::<P>(arguments)?,
        sizes: sizes::<P>(arguments)?,
        only_proven: arguments.only_proven,
        starts: starts(arguments)?,
        moves: arguments.moves,
        seed: arguments.seed,
    })
}

fn made(folder: &Path) -> Result<(), InputError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        InputError::at("", format!("cannot be made: {error}"), "choose a place that can be written to").in_file(folder)
    })
}

/// Searches in a folder; says what was found, if anything counted, and which instances there are that refute something.
fn search_in<P: BenchmarkAdapter>(
    arguments: &Arguments,
    method: Rival<P>,
    against: Option<&str>,
    folder: &Path,
    is_quiet: bool,
) -> Result<(State, Option<Found>, Vec<PathBuf>), InputError> {
    made(folder)?;
    let question = question::<P>(arguments, &method.spec, against.map(str::to_owned))?;
    let program = this_program()?;
    let results = results_around(Some(folder));
    let judge = Judge {
        method,
        against: against.map(Rival::own).transpose()?,
        budget: Budget { time_s: Some(arguments.time), seed: arguments.seed, ..Budget::default() },
        only_proven: arguments.only_proven,
        launcher: Launcher { program: &program, grace_s: GRACE_S, results: &results },
        candidate: &folder.join("candidate.json"),
    };
    let search = Search { judge, question, folder };
    let mut told = None;
    let progress = |state: &State| {
        let ratio = state.ratio.map(|ratio| ratio.ratio);
        if !is_quiet && ratio != told {
            told = ratio;
            let (round, start) = state.found_in.map_or((0, "random"), |(round, start)| (round, start.name()));
            err!("round {round} ({start}): ratio {}", shown(ratio));
        }
    };
    let (mut state, _) = search.run(Limits { seconds: arguments.seconds, rounds: arguments.rounds }, progress)?;
    let found = search.finish(&mut state, 0.5 * arguments.seconds)?;
    let _ = std::fs::remove_file(folder.join("candidate.json"));
    Ok((state, found, refuted_in(folder)))
}

/// Instances in a folder, of this run or an earlier one, on which something is wrong.
fn refuted_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_refuted =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("refuted-"));
    let mut files: Vec<PathBuf> = entries.filter(is_refuted).collect();
    files.sort();
    files
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or("none".to_owned(), |ratio| format!("{ratio:.6}"))
}

/// Tells instances that refute something.
fn tell(refuted: &[PathBuf], beats: Option<&Found>) -> Ending {
    for file in refuted {
        out!("WRONG {}: an answer was rejected, a bound contradicted, or a proven ratio beaten", file.display());
    }
    if let Some(found) = beats.filter(|found| found.beats_theorem) {
        out!("WRONG the ratio {} is worse than the proven {}", found.ratio.ratio, shown(found.ratio.proven));
    }
    let is_good = refuted.is_empty() && beats.is_none_or(|found| !found.beats_theorem);
    if is_good { Ending::Good } else { Ending::Rejected }
}

fn single<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Ending, InputError> {
    let method = asked_for::<P>(arguments)?;
    let against = arguments.against.as_deref();
    let variant = variant::<P>(arguments)?;
    let default = || {
        let against = against.map_or(String::new(), |against| format!("-against-{against}"));
        let variant =
            if variant == P::VARIANTS[0] { String::new() } else { format!("-{}", variant.replace(", ", "-")) };
        PathBuf::from(format!("runs/adversary-{}-{}{against}{variant}", P::NAME, method.spec))
    };
    let folder = arguments.output.clone().unwrap_or_else(default);
    let (state, found, refuted) = search_in::<P>(arguments, method, against, &folder, arguments.json)?;
    if arguments.json {
        output::json_line(&found);
    } else {
        print_found::<P>(&state, found.as_ref(), &folder);
    }
    Ok(tell(&refuted, found.as_ref()))
}

fn print_found<P: BenchmarkAdapter>(state: &State, found: Option<&Found>, folder: &Path) {
    let State { question, rounds, tried, counted, unsolved, seconds, .. } = state;
    let against = question.against.as_deref().unwrap_or("the certified optimum");
    out!("method     {} against {against}, {} {}", question.method, question.problem, question.variant);
    out!(
        "searched   {rounds} rounds, {} instances, {} with a ratio, {} that the method did not solve (without a solution, too), {}",
        text::grouped(*tried),
        text::grouped(*counted),
        text::grouped(*unsolved),
        text::seconds(*seconds)
    );
    let Some(Found { ratio, before_shrinking, is_repeatable, size, instance, .. }) = found else {
        out!("ratio      none: no instance counted");
        return;
    };
    let worse = if P::SENSE == Sense::Maximise { "less is worse" } else { "more is worse" };
    let Ratio { ratio, other_end, objective, reference, bound, proven } = ratio;
    out!("ratio      {ratio:.9} (to {other_end:.9}; {worse}), both ends certified");
    out!("objective  {} over {}", text::number(objective[0]), text::number(reference[0]));
    if let Some(bound) = bound {
        out!("bound      {} (replayed)", text::number(*bound));
    }
    match proven {
        Some(proven) => out!("proven     {proven:.9} at worst on this instance"),
        None => out!("proven     nothing"),
    }
    if !is_repeatable {
        out!("repeated   NO: the method answered otherwise the second time");
    }
    let sizes: Vec<String> = size.iter().map(|(name, count)| format!("{name} {count}")).collect();
    out!("instance   {}, hash {instance}; ratio {before_shrinking:.9} before it was made small", sizes.join(", "));
    let file = |name: &str| folder.join(name).display().to_string();
    out!("files      {}, {}", file("worst.json"), file("worst.ratio.json"));
    out!(
        "           offcut check {} {} {}",
        file("worst.json"),
        file("worst.method.json"),
        file("worst.reference.json")
    );
}

fn matrix<P: BenchmarkAdapter>(arguments: &Arguments) -> Result<Ending, InputError> {
    let methods = if arguments.methods.is_empty() { P::heuristics() } else { arguments.methods.clone() };
    let variant = variant::<P>(arguments)?;
    let folder = arguments.output.clone().unwrap_or_else(|| {
        let of_variant =
            if variant == P::VARIANTS[0] { String::new() } else { format!("-{}", variant.replace(", ", "-")) };
        PathBuf::from(format!("runs/adversary-{}{of_variant}", P::NAME))
    });
    let mut cells = Vec::new();
    let mut ending = Ending::Good;
    for method in &methods {
        let others = methods.iter().filter(|other| *other != method).map(|other| Some(other.as_str()));
        for against in std::iter::once(None).chain(others) {
            let own = folder.join(format!("{method}-vs-{}", against.unwrap_or("optimum")));
            let (cell, told) = cell::<P>(arguments, method, against, &own)?;
            err!(
                "{method} against {}: {}",
                against.unwrap_or("the optimum"),
                shown(cell.ratio.map(|ratio| ratio.ratio))
            );
            ending = ending.and(told);
            cells.push(cell);
            // As far as it is: whoever interrupts it has a table.
            write_tables::<P>(&folder, &variant, &cells)?;
        }
    }
    let files = ["matrix.md", "matrix.csv", "matrix.svg"].map(|name| folder.join(name).display().to_string());
    out!("{} pairs; {}", cells.len(), files.join(", "));
    Ok(ending)
}

/// One pair; what an earlier run found, if it searched long enough.
fn cell<P: BenchmarkAdapter>(
    arguments: &Arguments,
    method: &str,
    against: Option<&str>,
    folder: &Path,
) -> Result<(Cell, Ending), InputError> {
    let file = folder.join("state.json");
    let earlier = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
    let rival = Rival::<P>::own(method)?;
    let question = question::<P>(arguments, &rival.spec, against.map(str::to_owned))?;
    let earlier = earlier.filter(|state| state.question == question && state.seconds >= 0.9 * arguments.seconds);
    let ratio = std::fs::read(folder.join("worst.ratio.json"));
    let found = ratio.ok().and_then(|bytes| serde_json::from_slice::<Found>(&bytes).ok());
    let (state, found, refuted) = match earlier {
        Some(state) => (state, found, refuted_in(folder)),
        None => search_in::<P>(arguments, rival, against, folder, true)?,
    };
    let told = tell(&refuted, found.as_ref());
    let ratio = found.map(|found| found.ratio).or(state.ratio);
    let (method, against) = (method.to_owned(), against.map(str::to_owned));
    Ok((Cell { method, against, ratio, seconds: state.seconds, tried: state.tried }, told))
}

fn write_tables<P: BenchmarkAdapter>(folder: &Path, variant: &str, cells: &[Cell]) -> Result<(), InputError> {
    let tables = [
        ("matrix.md", markdown(P::NAME, variant, P::SENSE, cells)),
        ("matrix.csv", csv(cells)),
        ("matrix.svg", heat_map(P::NAME, variant, P::SENSE, cells)),
    ];
    for (name, text) in tables {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|error| {
            InputError::at("", format!("cannot be written: {error}"), "choose a folder that can be written to")
                .in_file(&file)
        })?;
    }
    Ok(())
}
