//! The sections on statistics.

use crate::numbers::whole;
use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::results::Results;
use crate::section::Section;

use super::class::Class;
use super::entrant::{Cell, Entrant, entrants, infeasible};
use super::field::Field;
use super::names::listed;
use super::{anytime, curves, frontier, noise, pairs, times, variability};

/// The fewest seeds from which a random method's mean is worth something.
pub const SEEDS: usize = 5;

/// The sections on statistics: exact methods, heuristics.
pub fn sections(results: &Results, options: &Options, problem: &ProblemReport) -> Vec<Section> {
    let entrants = entrants(results);
    [Class::Exact, Class::Heuristic]
        .into_iter()
        .filter(|class| entrants.iter().any(|e| e.class == *class))
        .map(|class| of_class(results, options, problem, class, &entrants))
        .collect()
}

fn of_class(
    results: &Results,
    options: &Options,
    problem: &ProblemReport,
    class: Class,
    entrants: &[Entrant],
) -> Section {
    let fields = Field::of(class, entrants);
    let of_class: Vec<&Entrant> = entrants.iter().filter(|e| e.class == class).collect();
    let (pairs, untested) = pairs::of_class(results, class, &of_class, problem.reference);
    let opening = match class {
        Class::Exact => {
            "Exact: methods that handed over a bound of their own on some row. Solved: the method's own bound, replayed or a solver's word, meets its \
             objective, or it is after a bound alone and has one; whoever ends without that counts as the time limit, however early it ended."
        }
        Class::Heuristic => {
            "Heuristics: methods that proved nothing on any row. Solved: a feasible solution on every seed."
        }
    };
    let mut paragraphs = vec![opening.to_owned()];
    paragraphs.extend(common_ground(&fields, &of_class));
    paragraphs.extend(few_seeds(results, &of_class));
    let empty = infeasible(results).len();
    if class == Class::Heuristic && empty > 0 {
        let empty = whole(empty as u64);
        paragraphs.push(format!(
            "Left out here: the instances that are proved to have no solution ({empty}); there is nothing to find."
        ));
    }
    if class == Class::Exact && noise::factor(&results.manifest.reference).is_none() {
        let noise = "No cell was repeated through this run, so the noise of the machine is not known: small ratios of times may be no more than that.";
        paragraphs.push(noise.to_owned());
    }
    if pairs.is_empty() && untested > 0 {
        paragraphs.push(pairs::too_few(untested));
    }
    Section {
        title: format!("Statistics: {}", class.title().to_lowercase()),
        paragraphs,
        tables: std::iter::once(times::table(options, class, &of_class, &fields))
            .chain(pairs::table(class, &pairs, untested))
            .chain(anytime::table(results, class, &of_class))
            .chain(frontier::table(results, class, &of_class))
            .chain(variability::table(class, &of_class))
            .collect(),
        figures: curves::shares(class, &fields).into_iter().chain(curves::profiles(class, &pairs)).collect(),
    }
}

/// On which instances all can be compared at once, and who was not run on them.
fn common_ground(fields: &[Field], entrants: &[&Entrant]) -> Option<String> {
    if fields.is_empty() {
        return (entrants.len() > 1).then(|| "No two of these methods were run on the same instance.".to_owned());
    }
    let told = |field: &Field| {
        let names = listed(&field.entrants.iter().map(|e| e.method).collect::<Vec<_>>());
        let variant = if entrants.iter().all(|e| e.variant == field.variant) {
            String::new()
        } else {
            format!("{}: ", field.variant)
        };
        format!("{variant}{names} on {} instances", whole(field.instances.len() as u64))
    };
    let others: Vec<&str> =
        entrants.iter().filter(|e| !fields.iter().any(|f| f.has(e))).map(|e| e.name.as_str()).collect();
    let others = match &others[..] {
        [] => String::new(),
        others => format!(" Not among them, because they were run on other or fewer instances: {}.", listed(others)),
    };
    let weak: Vec<&str> =
        fields.iter().flat_map(|f| f.entrants.iter().filter(|e| !f.is_solver(e))).map(|e| e.name.as_str()).collect();
    let weak = match &weak[..] {
        [] => String::new(),
        weak => format!(" Solving fewer than half of it, and not asked in \"by all\": {}.", listed(weak)),
    };
    Some(format!(
        "Common ground, where methods can be compared all at once: {}.{others}{weak} Pairs are compared on all instances that the two share.",
        fields.iter().map(told).collect::<Vec<_>>().join("; ")
    ))
}

/// Which random methods were run with fewer than [`SEEDS`] seeds.
fn few_seeds(results: &Results, entrants: &[&Entrant]) -> Option<String> {
    let is_random = |entrant: &Entrant| {
        let seeds = entrant.cells.values().map(Cell::seeds).max().unwrap_or(0);
        seeds > 1 || results.manifest.random_methods.contains(entrant.method)
    };
    let random: Vec<(&Entrant, usize)> = entrants
        .iter()
        .filter(|e| is_random(e))
        .filter_map(|e| Some((*e, e.cells.values().map(Cell::seeds).min()?)))
        .collect();
    let few: Vec<String> = random.iter().filter(|(_, n)| *n < SEEDS).map(|(e, n)| format!("{}: {n}", e.name)).collect();
    match (random.len(), &few[..]) {
        (0, _) => None,
        (_, []) => Some(format!("Random methods were run with {SEEDS} seeds or more on every instance.")),
        _ => Some(format!(
            "Random, but with fewer than {SEEDS} seeds on some instance, so that its numbers may be luck, with how many: {}.",
            few.join(", ")
        )),
    }
}
