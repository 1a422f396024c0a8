//! `offcut check`.

use std::path::PathBuf;

use clap::Args;
use offcut_checker::{Proof, Tolerance, Verdict, beyond, judge};
use offcut_instances::document::{Trouble, parse_instance, read_answer, read_bytes};
use offcut_instances::problem::{Problem, Sense};
use offcut_ledger::BestKnown;
use offcut_runner::Contest;

use super::{known_problem_of, with_problem};
use crate::{Ending, text};

/// How many violations are printed one by one.
const SHOWN: usize = 10;

/// What `offcut check` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Instance file
    instance: PathBuf,
    /// Answer file; with several, each is also measured against the best bound that any of them proves
    #[arg(required = true)]
    answers: Vec<PathBuf>,
    /// Print the verdicts as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn check(arguments: &Arguments) -> Result<Ending, Trouble> {
    let in_file = |trouble: Trouble| trouble.in_file(&arguments.instance);
    let bytes = read_bytes(&arguments.instance).map_err(in_file)?;
    let problem = known_problem_of(&bytes).map_err(in_file)?;
    with_problem!(&problem, P => {
        let instance = parse_instance::<P>(&bytes).map_err(in_file)?;
        check_for::<P>(arguments, &instance)
    })
}

fn check_for<P: Contest>(arguments: &Arguments, instance: &<P as Problem>::Instance) -> Result<Ending, Trouble> {
    let tolerance = Tolerance::default();
    let mut verdicts = Vec::new();
    for path in &arguments.answers {
        let answer = read_answer::<P>(path)?;
        let verdict = judge::<P>(instance, &answer, &tolerance);
        if !arguments.json {
            if arguments.answers.len() > 1 {
                println!("answer     {}", path.display());
            }
            print_verdict(
                &verdict,
                answer.found.as_ref().map(|claim| claim.objective),
                &P::objective_of(instance).unit,
            );
            println!("verdict    {}", if verdict.is_refuted() { "refuted" } else { "stands" });
        }
        verdicts.push(verdict);
    }
    if arguments.json {
        let text = match &verdicts[..] {
            [verdict] => serde_json::to_string_pretty(verdict),
            verdicts => serde_json::to_string_pretty(verdicts),
        };
        println!("{}", text.expect("a verdict is plain data"));
    }
    let contradicting = arguments.answers.len() > 1 && !agree::<P>(arguments, &verdicts, &tolerance);
    let is_refuted = contradicting || verdicts.iter().any(Verdict::is_refuted);
    Ok(if is_refuted { Ending::Refuted } else { Ending::Good })
}

/// Measures every answer against the best bound among them, and says whether all can be true together.
fn agree<P: Contest>(arguments: &Arguments, verdicts: &[Verdict], tolerance: &Tolerance) -> bool {
    let standing = || arguments.answers.iter().zip(verdicts).filter(|(_, verdict)| !verdict.is_refuted());
    let bounds = standing().filter_map(|(_, verdict)| match verdict.proof() {
        Proof::Certified { value } => Some(*value),
        _ => None,
    });
    let tightest = match P::SENSE {
        Sense::Minimise => bounds.reduce(f64::max),
        Sense::Maximise => bounds.reduce(f64::min),
    };
    let Some(bound) = tightest else { return true };
    let known = BestKnown { certified: Some(bound), ..BestKnown::default() };
    let mut all_agree = true;
    for (path, verdict) in standing() {
        let Some(objective) = verdict.objective() else { continue };
        let off = beyond(P::SENSE, bound, objective);
        all_agree &= off == 0.0;
        if arguments.json {
            continue;
        }
        match known.gap(P::SENSE, objective.middle()) {
            _ if off > 0.0 => {
                println!("CONTRADICTION {}: beyond the bound {bound} by {off:e} relative", path.display())
            }
            Some(gap) => {
                println!("gap        {} (certified) {}", text::gap(gap.high, tolerance.gap_relative), path.display())
            }
            None => println!("gap        undefined: the bound is 0, {}", path.display()),
        }
    }
    all_agree
}

/// What the jury found, in a few lines.
pub(crate) fn print_verdict(verdict: &Verdict, claimed: Option<f64>, unit: &str) {
    match (verdict.objective(), claimed) {
        (Some(objective), Some(claimed)) => {
            println!("objective  {} {unit} checked, {claimed} {unit} claimed", objective.middle());
        }
        (None, Some(claimed)) => println!("objective  none: the solution has no value; {claimed} {unit} claimed"),
        _ => println!("objective  no solution was given"),
    }
    print_violations("solution", verdict.violations());
    match verdict.proof() {
        Proof::Nothing => println!("bound      none was given"),
        Proof::Infeasible => println!("bound      there is no solution, certified: the certificate was replayed"),
        Proof::Certified { value } => println!("bound      {value} {unit}, certified: the certificate was replayed"),
        Proof::SolverWord { value, word } => println!("bound      {value} {unit}, a solver's word: {word}"),
        Proof::Refused { violations } => print_violations("bound", violations),
    }
}

fn print_violations(part: &str, violations: &[offcut_checker::Violation]) {
    for violation in violations.iter().take(SHOWN) {
        println!("{part:10} REFUTED {violation}");
    }
    if violations.len() > SHOWN {
        println!("{part:10} and {} more", violations.len() - SHOWN);
    }
}
