//! The sections on statistics.

use crate::numbers::whole;
use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::results::Results;
use crate::section::Section;

use super::class::Class;
use super::common::CommonBlock;
use super::entrant::{Cell, Entrant, entrants};
use super::names::listed;
use super::{anytime, curves, frontier, noise, pairs, times, variability};

/// The fewest seeds of a random method that reports do not warn about.
pub const MIN_SEEDS: usize = 5;

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
    let blocks = CommonBlock::of(class, entrants);
    let of_class: Vec<&Entrant> = entrants.iter().filter(|e| e.class == class).collect();
    let (pairs, untested) = pairs::of_class(results, class, &of_class, problem.reference);
    let opening = match class {
        Class::Exact => {
            "Exact methods: methods that returned a bound on at least one row. Solved: the method's own bound, \
             certified or solver-reported, meets its objective; a method that computes bounds only has solved an \
             instance when it returns one. An instance that is not solved counts as the time limit, even if the \
             method stopped earlier."
        }
        Class::Heuristic => {
            "Heuristics: methods that returned no bound on any row. Solved: a feasible solution on every seed."
        }
    };
    let mut paragraphs = vec![opening.to_owned()];
    paragraphs.extend(common_instances(&blocks, &of_class));
    paragraphs.extend(few_seeds(results, &of_class));
    let empty = results.instances().len() - results.counted_instances();
    if empty > 0 {
        let empty = whole(empty as u64);
        paragraphs.push(format!(
            "Left out: instances that are proved infeasible ({empty}), which have a table of their own."
        ));
    }
    if class == Class::Exact && noise::factor(&results.manifest.reference).is_none() {
        let noise = "No cell was repeated during this run, so the noise of the machine is unknown: small ratios of \
            times may be noise.";
        paragraphs.push(noise.to_owned());
    }
    if pairs.is_empty() && untested > 0 {
        paragraphs.push(pairs::too_few(untested));
    }
    Section {
        title: format!("Statistics: {}", class.title().to_lowercase()),
        paragraphs,
        tables: std::iter::once(times::table(results, options, class, &of_class, &blocks))
            .chain(pairs::table(class, &pairs, untested))
            .chain(anytime::table(results, class, &of_class))
            .chain(frontier::table(results, class, &of_class))
            .chain(variability::table(class, &of_class))
            .collect(),
        figures: curves::shares(class, &blocks).into_iter().chain(curves::profiles(class, &pairs)).collect(),
        ..Section::default()
    }
}

/// On which instances all methods can be compared at once, and which methods were not run on them.
fn common_instances(blocks: &[CommonBlock], entrants: &[&Entrant]) -> Option<String> {
    if blocks.is_empty() {
        return (entrants.len() > 1).then(|| "No two of these methods were run on the same instance.".to_owned());
    }
    let described = |block: &CommonBlock| {
        let names = listed(&block.entrants.iter().map(|e| e.method).collect::<Vec<_>>());
        let variant = if entrants.iter().all(|e| e.variant == block.variant) {
            String::new()
        } else {
            format!("{}: ", block.variant)
        };
        format!("{variant}{names} on {} instances", whole(block.instances.len() as u64))
    };
    let others: Vec<&str> =
        entrants.iter().filter(|e| !blocks.iter().any(|f| f.has(e))).map(|e| e.name.as_str()).collect();
    let others = match &others[..] {
        [] => String::new(),
        others => format!(" Not listed, because they were run on other or fewer instances: {}.", listed(others)),
    };
    let weak: Vec<&str> =
        blocks.iter().flat_map(|f| f.entrants.iter().filter(|e| !f.is_solver(e))).map(|e| e.name.as_str()).collect();
    let weak = match &weak[..] {
        [] => String::new(),
        weak => format!(
            " Not required in \"solved by all\", because they solve fewer than half of these instances: {}.",
            listed(weak)
        ),
    };
    Some(format!(
        "Common instances, on which all listed methods were run: {}.{others}{weak} Pairs are compared on all \
         instances that the two methods share.",
        blocks.iter().map(described).collect::<Vec<_>>().join("; ")
    ))
}

/// Which random methods were run with fewer than [`MIN_SEEDS`] seeds.
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
    let few: Vec<String> =
        random.iter().filter(|(_, n)| *n < MIN_SEEDS).map(|(e, n)| format!("{}: {n}", e.name)).collect();
    match (random.len(), &few[..]) {
        (0, _) => None,
        (_, []) => Some(format!("Random methods were run with {MIN_SEEDS} seeds or more on every instance.")),
        _ => Some(format!(
            "Random methods with fewer than {MIN_SEEDS} seeds on some instance, whose numbers are subject to \
             performance variability (method: seeds): {}.",
            few.join(", ")
        )),
    }
}
