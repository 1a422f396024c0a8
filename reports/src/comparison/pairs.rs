//! Two methods on the instances they share.
//!
//! Exact methods are compared by time, heuristics by objective, both as ratios: the log of a ratio is as far from 0 whoever is divided by whom. An
//! instance on which only one of two heuristics finds anything has no ratio, but a winner: in the test it ranks above every ratio.

use super::class::Class;
use super::entrant::{self, Entrant};
use super::noise;
use crate::numbers::{significant, whole};
use crate::results::Results;
use crate::statistics::{SignedRank, bootstrap_mean, holm, mean, median, shifted_geometric_mean, signed_rank};
use crate::table::{Cell, Column, Table};
use offcut_instances::problem::Sense;

/// Up to so many exact methods all pairs are tested; beyond that one against each other.
const MAX_ALL_PAIRS: usize = 5;

/// With fewer shared instances no p-value could be below 0.05: 2 / 2^5 is above it.
const MIN_SHARED: usize = 6;

/// What is called significant, after correction.
const LEVEL: f64 = 0.05;

/// Two methods on what they share: `ratios` are logs of the first's value over the second's, below 0 where the first is better.
#[derive(Debug)]
pub(super) struct Pair<'e, 'r, 'a> {
    pub(super) first: &'e Entrant<'r, 'a>,
    pub(super) second: &'e Entrant<'r, 'a>,
    pub(super) ratios: Vec<f64>,
    /// On the same instances, by what factor the first and the second fall short of the better one; infinite where they do not solve it.
    pub(super) factors: Vec<(f64, f64)>,
    test: SignedRank,
    corrected: f64,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    First,
    Second,
    NotShown,
    Noise,
}

/// The pairs of a class, with their tests corrected together. Heuristics are compared with `reference`, the paper's algorithm, or where it was not run
/// with the one that has the smallest mean gap. And how many pairs share something, but too little for a test.
pub(super) fn of_class<'e, 'r, 'a>(
    results: &Results,
    class: Class,
    entrants: &[&'e Entrant<'r, 'a>],
    reference: Option<&str>,
) -> (Vec<Pair<'e, 'r, 'a>>, usize) {
    let mut variants: Vec<&str> = entrants.iter().map(|e| e.variant).collect();
    variants.sort_unstable();
    variants.dedup();
    let mut pairs = Vec::new();
    let mut untested = 0;
    for variant in variants {
        // Methods that solve no instance are not compared.
        let is_candidate = |e: &&&'e Entrant| e.variant == variant && !e.solved().is_empty();
        let mut candidates: Vec<&Entrant> = entrants.iter().filter(is_candidate).copied().collect();
        let last = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        let order = |e: &Entrant| match class {
            Class::Exact => {
                let times: Vec<f64> = e.cells.values().map(entrant::Cell::seconds).collect();
                (e.cells.len() as f64, last(shifted_geometric_mean(&times, 1.0)))
            }
            Class::Heuristic => {
                let gaps = e.cells.values().filter_map(|cell| cell.mean(|r| r.gap.map(|gap| gap.high)));
                (f64::from(Some(e.method) == reference), last(mean(&gaps.collect::<Vec<_>>())))
            }
        };
        // A stable sort of what comes by name.
        candidates.sort_by(|a, b| order(b).0.total_cmp(&order(a).0).then(order(a).1.total_cmp(&order(b).1)));
        let all = class == Class::Exact && candidates.len() <= MAX_ALL_PAIRS;
        for (at, first) in candidates.iter().enumerate().take(if all { candidates.len() } else { 1 }) {
            for second in &candidates[at + 1..] {
                let (ratios, factors) = compared(results, class, first, second);
                let Some(test) = signed_rank(&ratios) else { continue };
                if ratios.len() < MIN_SHARED {
                    untested += 1;
                    continue;
                }
                let verdict = Verdict::NotShown;
                pairs.push(Pair { first, second, ratios, factors, test, corrected: 1.0, verdict });
            }
        }
    }
    let corrected = holm(&pairs.iter().map(|pair| pair.test.p).collect::<Vec<_>>());
    let noise = if class == Class::Exact { noise::factor(&results.manifest.reference) } else { None };
    for (pair, corrected) in pairs.iter_mut().zip(corrected) {
        pair.corrected = corrected;
        let typical = median(&pair.ratios).filter(|ratio| ratio.is_finite());
        pair.verdict = match (corrected <= LEVEL, noise.zip(typical)) {
            (true, Some((noise, typical))) if typical.abs() <= noise.ln() => Verdict::Noise,
            (true, _) if pair.test.rank_sum < pair.test.expected => Verdict::First,
            (true, _) => Verdict::Second,
            (false, _) => Verdict::NotShown,
        };
    }
    (pairs, untested)
}

/// The log ratios and factors of two methods on the instances they share.
fn compared(results: &Results, class: Class, first: &Entrant, second: &Entrant) -> (Vec<f64>, Vec<(f64, f64)>) {
    let shared = first.cells.iter().filter_map(|(instance, cell)| Some((cell, second.cells.get(instance)?)));
    let ratio = |first: &entrant::Cell, second: &entrant::Cell| {
        let ratio = match class {
            Class::Exact => (first.seconds() / second.seconds()).ln(),
            Class::Heuristic => quality(results, first.objective(), second.objective()),
        };
        // 0 seconds over 0 seconds, or opposite signs, say nothing about who is better.
        if ratio.is_nan() || ratio.abs() <= results.tolerance(true) { 0.0 } else { ratio }
    };
    let factors = |first: &entrant::Cell, second: &entrant::Cell, ratio: f64| {
        let of = |cell: &entrant::Cell, log: f64| if cell.is_solved() { log.max(0.0).exp() } else { f64::INFINITY };
        (of(first, ratio), of(second, -ratio))
    };
    shared.map(|(a, b)| (ratio(a, b), factors(a, b, ratio(a, b)))).unzip()
}

/// The log ratio of two objectives, below 0 where the first is better; infinite where only one of them is there.
fn quality(results: &Results, first: Option<f64>, second: Option<f64>) -> f64 {
    match (first, second, results.manifest.sense) {
        (Some(first), Some(second), Sense::Minimise) => first.ln() - second.ln(),
        (Some(first), Some(second), Sense::Maximise) => second.ln() - first.ln(),
        (Some(_), None, _) => f64::NEG_INFINITY,
        (None, Some(_), _) => f64::INFINITY,
        (None, None, _) => 0.0,
    }
}

impl Pair<'_, '_, '_> {
    fn finite(&self) -> Vec<f64> {
        self.ratios.iter().copied().filter(|ratio| ratio.is_finite()).collect()
    }
}

/// What is said of pairs that are not tested.
pub(super) fn too_few(untested: usize) -> String {
    format!(
        "Pairs not tested, because they share fewer than {MIN_SHARED} instances and p cannot be below 0.05: {}.",
        whole(untested as u64)
    )
}

/// The table of the pairs of a class; none without a pair.
pub(super) fn table(class: Class, pairs: &[Pair], untested: usize) -> Option<Table> {
    let mut table = empty_table(class, pairs.len(), untested);
    pairs.iter().for_each(|pair| table.push(row(pair)));
    (!table.rows.is_empty()).then_some(table)
}

/// The table without its rows.
fn empty_table(class: Class, pairs: usize, untested: usize) -> Table {
    let (quantity, better, worse) = match class {
        Class::Exact => ("time", "faster", "slower"),
        Class::Heuristic => ("objective", "better", "worse"),
    };
    let direction = match class {
        Class::Exact => "Ratio: time of the first over time of the second; below 1 the first is faster.",
        Class::Heuristic => {
            "First: the paper's algorithm, or the heuristic with the smallest mean gap where it was not run. Ratio: \
             of the two objectives, oriented so that below 1 the first is better, over the instances on which both \
             have a solution. An instance on which only one method has a solution counts for this method and ranks \
             above every ratio in the test."
        }
    };
    Table::new(
        &format!("statistics-{}-pairs", class.id()),
        format!(
            "{}, pairwise: geometric mean ratio of {quantity} on shared instances, Wilcoxon's signed-rank test on log ratios",
            class.title()
        ),
        format!(
            "{direction} Interval: 95 % bootstrap over instances. p: two-sided, exact up to 200 differing instances; \
             Holm: corrected for all {} tests of this table. Last column: the method shown to be {better}, with a \
             corrected p of at most {LEVEL}{}.{}",
            whole(pairs as u64),
            match class {
                Class::Exact => "; noise: the median ratio is within the spread of the repeated cell's times",
                Class::Heuristic => "",
            },
            if untested > 0 { format!(" {}", too_few(untested)) } else { String::new() }
        ),
        vec![
            Column::words("first", "first"),
            Column::words("second", "second"),
            Column::numbers("instances", "instances"),
            Column::numbers(better, "first_better"),
            Column::numbers("equal", "equal"),
            Column::numbers(worse, "first_worse"),
            Column::numbers("ratio", "ratio"),
            Column::numbers("95 % from", "ratio_low"),
            Column::numbers("to", "ratio_high"),
            Column::numbers("p", "p"),
            Column::numbers("Holm", "p_holm"),
            Column::words(format!("shown {better}"), "shown_better"),
        ],
    ).in_print(&["first", "second", "ratio", "ratio_low", "ratio_high", "p_holm", "shown_better"])
}

fn row(pair: &Pair) -> Vec<Cell> {
    let finite = pair.finite();
    let name = format!("{} / {}", pair.first.name, pair.second.name);
    let interval = bootstrap_mean(&name, &finite);
    let ratio = |log: Option<f64>| {
        log.map(f64::exp).map_or_else(Cell::absent, |ratio| Cell::number(significant(ratio, 3), ratio))
    };
    let probability = |p: f64| Cell::number(if p < 1e-4 { "< 0.0001".into() } else { significant(p, 2) }, p);
    vec![
        Cell::text(&pair.first.name),
        Cell::text(pair.second.method),
        Cell::count(pair.ratios.len()),
        Cell::count(pair.test.below),
        Cell::count(pair.test.zeros),
        Cell::count(pair.test.above),
        ratio(mean(&finite)),
        ratio(interval.map(|(low, _)| low)),
        ratio(interval.map(|(_, high)| high)),
        probability(pair.test.p),
        probability(pair.corrected),
        Cell::text(match pair.verdict {
            Verdict::First => "first".to_owned(),
            Verdict::Second => "second".into(),
            Verdict::NotShown => "neither".into(),
            Verdict::Noise => "noise".into(),
        }),
    ]
}
