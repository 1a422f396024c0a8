//! The `offcut` command.
//!
//! Exit codes: 0 good; 1 an answer was rejected or a contradiction found, a method crashed or gave no answer (`solve`, `check`), or a regression was shown
//! (`compare`); 2 bad input or usage, or output that could not be written.

#![warn(clippy::too_many_lines, unreachable_pub)]
// Everything is written by way of `output`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod commands;
mod exit;
mod output;
mod text;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use offcut_instances::document::InputError;

use crate::exit::Ending;
use crate::output::err;

/// How far from optimal are DNN-splitting algorithms, and how fast?
#[derive(Parser)]
#[command(
    name = "offcut",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 good; 1 an answer was rejected or a contradiction found, a method crashed or gave no answer (solve, check), or a regression was shown (compare); 2 bad input or usage, or output that could not be written.\nStart with: offcut demo"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Subcommand)]
enum Command {
    /// Run a small suite on real DNNs in under 30 seconds, write a report and name it
    #[command(after_help = "Example: offcut demo")]
    Demo {
        /// Folder of the run
        #[arg(long, default_value = "runs/demo")]
        folder: PathBuf,
    },
    /// List the DNNs of the zoo, or show one, of the zoo or of a file: its blocks, and the delay of each cut
    #[command(
        after_help = "Examples: offcut models\n          offcut models resnet50 --device phone --link wifi\n          offcut models import net.onnx -o net.json\n          offcut models net.json --layers"
    )]
    Models(commands::models::Arguments),
    /// List machines and links, show one, or make one from measured layer times
    #[command(
        after_help = "Examples: offcut machines\n          offcut machines raspberry-pi-4 --models vgg16,resnet50\n          offcut machines import my.onnx=times.csv --name my-device -o my-device.json"
    )]
    Machines(commands::machines::Arguments),
    /// Make arrivals, links and topologies from measured files: CSV of time stamps or throughputs, GraphML
    #[command(
        after_help = "Examples: offcut traces arrivals requests.csv --column TIMESTAMP -o requests.json\n          offcut traces rates uplink.csv --unit Mbit/s --rtt 0.02 -o uplink.json\n          offcut traces topology abilene.graphml -o abilene.json"
    )]
    Traces(commands::traces::Arguments),
    /// Generate an instance
    #[command(
        after_help = "Examples: offcut generate multiuser --seed 1 -o my.json\n          offcut generate multiuser --family zoo --set users=50 --set 'models=[\"resnet50\",\"vgg16\"]'"
    )]
    Generate(commands::generate::Arguments),
    /// List problems, their methods and parameters
    #[command(after_help = "Example: offcut methods multiuser")]
    Methods {
        /// One problem only
        problem: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Solve an instance with one method; the checker checks the answer
    #[command(
        after_help = "Exit code 1 if the answer is rejected, cannot be read, or the method crashed (status wrong, invalid, crash).\nExample: offcut solve my.json --method iao-ds -o answer.json"
    )]
    Solve(commands::solve::Arguments),
    /// Check an answer, no solver involved: re-evaluate the solution, replay the bound
    #[command(
        after_help = "Exit code 1 if an answer is rejected, contradicted, or cannot be read (verdict invalid); 2 if a file is missing or the instance is bad.\nExamples: offcut check my.json answer.json\n          offcut check my.json mine.json threshold.json\n          offcut check my.json answer.json --second"
    )]
    Check(commands::check::Arguments),
    /// Search instances on which a method is worst, against the certified optimum or another method
    ///
    /// Simulated annealing over an instance's numbers and structure. A ratio counts only if the checker certifies both ends. Running again in the same folder
    /// goes on. The worst instance is made small and written with its ratio and both answers. Exit code 1 if a proven ratio is beaten or an answer is rejected
    #[command(after_help = commands::adversary::ABOUT)]
    Adversary(commands::adversary::Arguments),
    /// Simulate an answer to jpdra or lymdo task by task: do the queues take as long as the formula says?
    ///
    /// Sends tasks through the queues of the answer's solution, of lymdo those of one slot, and compares every flow's or user's mean delay with the formula.
    /// Exit code 1 if the mean over all tasks lies outside its 99.9 % interval. The busier the queues, the more tasks that takes: with too few there is no verdict, exit code 0, and the number to
    /// give is named. With --arrivals or --scv a difference is no rejection but the result: how wrong the formula's Poisson arrivals are. Whether the solution is feasible is for `offcut check` to say
    #[command(
        after_help = "Examples: offcut simulate my.json answer.json\n          offcut simulate my.json answer.json --service deterministic --tasks 100000\n          offcut simulate horizon.json answer.json --slot 7\n          offcut simulate my.json answer.json --arrivals requests.csv\n          offcut simulate my.json answer.json --scv 100"
    )]
    Simulate(commands::simulate::Arguments),
    /// Train the learned policy of lymdo: weights with their record, and the learning curve
    ///
    /// Starts a program of its own, offcut-trainer, which ./offcut train builds first; offcut train --help is its help
    #[command(disable_help_flag = true, after_help = "Example: offcut train lymdo --seed 1 --out policy.json")]
    Train {
        /// Arguments of the trainer
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure networks on this machine, layer by layer: a machine for instances with measured times
    ///
    /// Starts a program of its own, offcut-measure, which ./offcut measure builds first; offcut measure --help is its help
    #[command(
        disable_help_flag = true,
        after_help = "Examples: offcut measure resnet50 net.onnx -o this-machine.json --threads 1,2\n          offcut measure compare this-machine.json again.json"
    )]
    Measure {
        /// Arguments of the program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run answers for real on this machine: predicted against measured latency
    ///
    /// Starts a program of its own, offcut-prototype, which ./offcut prototype builds first; offcut prototype --help is its help
    #[command(
        disable_help_flag = true,
        after_help = "Examples: offcut prototype instance.json iao.json edge-only.json --figure latencies.svg\n          offcut prototype queues.json jpdra.json --seconds 300 --dilation 4 -o rows.json"
    )]
    Prototype {
        /// Arguments of the program
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run a suite: a grid of instances and methods, every cell in a process of its own. Only what is missing is run
    ///
    /// A folder may be run in again with other methods, studies or programs: its report shows all rows of this program and this budget
    #[command(
        after_help = "Examples: offcut run bench/suites/multiuser/demo.json --folder runs/mine\n          offcut run bench/suites/multiuser/demo.json --solver 'python3 my.py'\n          offcut run bench/suites/multiuser/demo.json --only iao,threshold --study users --time 2 --seeds 5\n          offcut run --family zoo --set users=10,20,50 --methods iao,threshold\n          offcut run my-suite.json --shard 2/4 --folder runs/part-2\n          offcut run bench/suites/lymdo/demo.json --policy 'mine=python3 my_policy.py'\n          offcut run my-suite.json --on slurm --jobs 200 --time-per-job 2:00:00"
    )]
    Run(commands::run::Arguments),
    /// Tell where a run on a cluster stands: cells done, running, lost; tasks; nodes
    #[command(after_help = commands::status::ABOUT)]
    Status(commands::status::Arguments),
    /// A task of a run on a cluster: started by the jobs of `offcut run --on`
    #[command(hide = true, subcommand)]
    Cluster(commands::cluster::Command),
    /// Merge runs of shards of one suite into one, and write its report
    #[command(after_help = "Example: offcut merge runs/all runs/part-1 runs/part-2")]
    Merge {
        /// Folder to merge into
        folder: PathBuf,
        /// Folders of the runs
        #[arg(required = true)]
        parts: Vec<PathBuf>,
    },
    /// Write a method's mathematical program as MPS or LP, for any solver
    ///
    /// The file is the model exactly as HiGHS is given it; the optimum that HiGHS finds is printed
    #[command(after_help = "Example: offcut export my.json --method milp -o my.mps")]
    Export(commands::export::Arguments),
    /// Verify the frozen library, no solver involved: every file, every recipe, every best known value replayed
    ///
    /// Prints a table and, in a line each, everything that is wrong; exit code 1 if anything is
    #[command(
        name = "verify-library",
        after_help = "Examples: offcut verify-library\n          offcut verify-library jpdra --folder instances/data --json\n          offcut verify-library --second --second-seconds 10"
    )]
    VerifyLibrary(commands::library::Verify),
    /// The frozen library: instances that stay as they are, and the best that is known of each
    #[command(subcommand, after_help = commands::library::ABOUT)]
    Library(commands::library::Library),
    /// Write a working solver in another language, to start from
    #[command(
        after_help = "Examples: offcut new-solver python multiuser\n          offcut new-solver javascript lymdo-policy"
    )]
    NewSolver(commands::new_solver::Arguments),
    /// Test whether a program keeps to the protocol, on small instances of every family
    #[command(
        after_help = "Examples: offcut conform multiuser --solver 'python3 multiuser_solver.py'\n          offcut conform lymdo --policy 'python3 lymdo_policy.py'"
    )]
    Conform(commands::conform::Arguments),
    /// A cell of a run: started by `offcut run`
    #[command(hide = true)]
    Cell(commands::cell::Arguments),
    /// Write the report of a run: HTML, Markdown, CSV, LaTeX, figures
    #[command(
        after_help = "Examples: offcut report runs/demo\n          offcut report runs/library --library instances/data"
    )]
    Report {
        /// Folder of the run
        folder: PathBuf,
        /// Also measure gaps against the best known values of a frozen library: the folder with PROBLEM/library
        #[arg(long)]
        library: Option<PathBuf>,
    },
    /// Write the rows of runs as one flat table, for other programs: CSV, Parquet or JSON
    #[command(after_help = commands::rows::ABOUT)]
    Rows(commands::rows::Arguments),
    /// Compare two runs pair by pair: what got slower, worse or wrong
    #[command(after_help = commands::compare::ABOUT)]
    Compare(commands::compare::Arguments),
    /// Reproduce a paper's tables, with a verdict on its claims
    #[command(after_help = "Examples: offcut reproduce multiuser\n          offcut reproduce all")]
    Reproduce {
        /// The paper, by its problem's name, or `all`
        problem: String,
        /// All instances instead of the bounded preset
        #[arg(long)]
        full: bool,
        /// Also run general solvers beside Offcut's exact methods; `bench/peers/install` installs them
        #[arg(long)]
        peers: bool,
        /// Folder of the run; runs/reproduce-PROBLEM by default
        #[arg(long)]
        folder: Option<PathBuf>,
        /// Cells at a time; as many as there are processors for `all`, one otherwise
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        jobs: Option<u16>,
    },
    /// Print the JSON Schema of a problem's documents, or of the lines exchanged with a policy, generated from the types
    #[command(after_help = "Examples: offcut schema multiuser instance\n          offcut schema lymdo state")]
    Schema {
        /// The problem
        problem: String,
        /// Which document; system, state and decision are the lines of a policy
        #[arg(value_parser = ["instance", "answer", "suite", "library", "system", "state", "decision"])]
        document: String,
    },
    /// Print completions for a shell
    #[command(after_help = "Example: offcut completions bash > /etc/bash_completion.d/offcut")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let found = match parsed() {
        Ok(cli) => {
            let result = dispatch(cli.command);
            if let Err(error) = &result {
                error.all().for_each(|error| err!("offcut: {error}"));
            }
            exit::code(&result)
        }
        // Help, the version, or what is wrong with the arguments.
        Err(help) => {
            let printed = help.print().and_then(|()| std::io::stdout().lock().flush());
            if !help.use_stderr() {
                output::written(printed);
            }
            u8::try_from(help.exit_code()).unwrap_or(exit::BAD_INPUT)
        }
    };
    output::finish(found)
}

/// The arguments, with what help takes from the problems.
fn parsed() -> Result<Cli, clap::Error> {
    let with_families = |generate: clap::Command| {
        let examples = generate.get_after_help().map(ToString::to_string).unwrap_or_default();
        generate.after_help(format!("{}\n\n{examples}", commands::generate::families()))
    };
    let matches = Cli::command().mut_subcommand("generate", with_families).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

fn dispatch(command: Command) -> Result<Ending, InputError> {
    match command {
        Command::Demo { folder } => commands::run::demo(&folder),
        Command::Models(arguments) => commands::models::models(&arguments),
        Command::Machines(arguments) => commands::machines::machines(&arguments),
        Command::Traces(arguments) => commands::traces::traces(&arguments),
        Command::Generate(arguments) => commands::generate::generate(&arguments),
        Command::Methods { problem, json } => commands::methods::methods(problem.as_deref(), json),
        Command::Solve(arguments) => commands::solve::solve(&arguments),
        Command::Check(arguments) => commands::check::check(&arguments),
        Command::Adversary(arguments) => commands::adversary::adversary(&arguments),
        Command::Simulate(arguments) => commands::simulate::simulate(&arguments),
        Command::Measure { arguments } => commands::measure::measure(&arguments),
        Command::Prototype { arguments } => commands::measure::prototype(&arguments),
        Command::Train { arguments } => commands::train::train(&arguments),
        Command::Run(arguments) => commands::run::run_suite(&arguments),
        Command::Status(arguments) => commands::status::run(&arguments),
        Command::Cluster(command) => commands::cluster::cluster(&command, commands::run::report),
        Command::Merge { folder, parts } => commands::run::merge(&folder, &parts),
        Command::Export(arguments) => commands::export::export(&arguments),
        Command::VerifyLibrary(arguments) => commands::library::verify(&arguments),
        Command::Library(command) => commands::library::library(&command),
        Command::NewSolver(arguments) => commands::new_solver::new_solver(&arguments),
        Command::Conform(arguments) => commands::conform::conform(&arguments),
        Command::Cell(arguments) => commands::cell::cell(&arguments),
        Command::Report { folder, library } => commands::run::report_against(&folder, library.as_deref()),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Rows(arguments) => commands::rows::rows(&arguments),
        Command::Reproduce { problem, full, peers, folder, jobs } => {
            commands::run::reproduce(&problem, full, peers, folder.as_deref(), jobs)
        }
        Command::Schema { problem, document } => commands::methods::schema(&problem, &document),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "offcut", &mut script);
            output::bytes(&script);
            Ok(Ending::Good)
        }
    }
}
