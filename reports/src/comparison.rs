//! Methods beside each other: how long they take, which of two is better and whether that could be chance, how far they scale.
//!
//! The sampling unit is the instance: the seeds of a method are averaged within an instance before anything else. Exact methods and heuristics
//! are kept apart: the first are to prove, the second to find.
//!
//! | module | holds |
//! |---|---|
//! | `times` | shifted geometric means and PAR10 |
//! | `pairs` | two methods on the instances they share: ratios, intervals, tests |
//! | `anytime` | primal integrals |
//! | `frontier` | the largest size within a time |
//! | `curves` | shares of instances over time, profiles of two methods |
//! | `noise` | the cell that is repeated |
//! | `variability` | what seeds alone change |

mod anytime;
mod curves;
mod frontier;
pub(crate) mod noise;
mod pairs;
mod times;
mod variability;

use std::collections::{BTreeMap, BTreeSet};

use offcut_checker::Proof;
use offcut_ledger::Status;

use crate::Options;
use crate::numbers::whole;
use crate::report::{About, Section};
use crate::results::{Result, Results};

/// The fewest seeds from which a random method's mean is worth something.
pub const SEEDS: usize = 5;

/// Up to this gap a heuristic is near: what its curves and its frontier are about.
pub const NEAR: f64 = 0.01;

/// What a method is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It proves: on some row of the run it handed over a bound of its own, or a proof that there is no solution.
    Exact,
    /// It finds, and proved nothing on any row.
    Heuristic,
}

impl Class {
    /// Whether a row holds what its method is after: for an exact method a bound of its own, replayed or a solver's word, that meets its objective (a
    /// bound, if it is after nothing else); for a heuristic a feasible solution.
    pub fn is_solved(self, result: &Result) -> bool {
        match self {
            Self::Exact => matches!(
                result.row.status,
                Status::OptimalCertified | Status::OptimalClaimed | Status::InfeasibleCertified | Status::Bounded
            ),
            Self::Heuristic => result.objective.is_some(),
        }
    }

    /// Whether a row is what its method's curves and frontier count: solved, and for a heuristic within [`NEAR`] of the best known bound.
    fn is_reached(self, result: &Result) -> bool {
        match self {
            Self::Exact => self.is_solved(result),
            Self::Heuristic => result.gap.is_some_and(|gap| gap.high <= NEAR),
        }
    }

    /// The seconds of a row that count: what was used; for what is not solved the limit, where there is one.
    pub fn counted_s(self, result: &Result) -> f64 {
        let used = result.row.times.solve_s;
        let limit = result.row.key.budget.time_s.filter(|_| !self.is_solved(result));
        limit.map_or(used, |limit| limit.max(used))
    }

    fn shift_s(self, options: &Options) -> f64 {
        match self {
            Self::Exact => options.time_shift_s,
            Self::Heuristic => options.heuristic_shift_s,
        }
    }

    /// In the names of files.
    fn id(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Heuristic => "heuristics",
        }
    }

    /// In titles.
    fn title(self) -> &'static str {
        match self {
            Self::Exact => "Exact methods",
            Self::Heuristic => "Heuristics",
        }
    }
}

/// A method with all its rows on one variant of the problem.
#[derive(Debug)]
struct Entrant<'r, 'a> {
    /// What the report calls it.
    name: String,
    /// The method with its parameters.
    method: &'a str,
    variant: &'a str,
    class: Class,
    /// Its rows by instance; instances it declined are not here.
    cells: BTreeMap<&'a str, Cell<'r, 'a>>,
    /// How many instances it declined.
    declined: usize,
}

/// All rows, one a seed, of one method on one instance.
#[derive(Debug)]
struct Cell<'r, 'a> {
    class: Class,
    rows: Vec<&'r Result<'a>>,
}

impl Cell<'_, '_> {
    /// Solved on every seed.
    fn is_solved(&self) -> bool {
        self.rows.iter().all(|r| self.class.is_solved(r))
    }

    fn seeds(&self) -> usize {
        self.rows.iter().map(|r| r.row.key.budget.seed).collect::<BTreeSet<_>>().len()
    }

    fn mean(&self, of: impl Fn(&Result) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.rows.iter().map(|r| of(r)).collect();
        crate::statistics::mean(&values?)
    }

    /// Seconds, averaged over seeds; what is not solved counts as the limit, where there is one.
    fn seconds(&self) -> f64 {
        crate::statistics::mean(&self.each_seconds()).expect("one row or more")
    }

    /// Seconds of every seed; what is not solved counts as the limit, where there is one.
    fn each_seconds(&self) -> Vec<f64> {
        self.rows.iter().map(|r| self.class.counted_s(r)).collect()
    }

    /// Seconds, averaged over seeds; what is not solved counts as ten times the limit. None without a limit.
    fn par10(&self) -> Option<f64> {
        self.mean(|r| {
            let is_solved = self.class.is_solved(r);
            if is_solved { Some(r.row.times.solve_s) } else { r.row.key.budget.time_s.map(|limit| 10.0 * limit) }
        })
    }

    /// Mean seconds to what curves count; none unless every seed gets there.
    fn reached_s(&self) -> Option<f64> {
        self.mean(|r| self.class.is_reached(r).then_some(r.row.times.solve_s))
    }

    /// The mean objective; none unless every seed has one.
    fn objective(&self) -> Option<f64> {
        self.mean(|r| r.objective)
    }
}

impl Entrant<'_, '_> {
    /// How many instances it solved, but on some seed by a solver's word alone.
    fn by_word(&self) -> usize {
        let solved = self.cells.values().filter(|cell| cell.class == Class::Exact && cell.is_solved());
        solved.filter(|cell| cell.rows.iter().any(|r| is_word(r))).count()
    }

    fn solved(&self) -> BTreeSet<&str> {
        self.cells.iter().filter(|(_, cell)| cell.is_solved()).map(|(instance, _)| *instance).collect()
    }
}

fn is_word(result: &Result) -> bool {
    matches!(result.row.proof, Proof::SolverWord { .. })
}

fn id_of(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}

/// Every method of a run with its class, by name.
fn entrants<'r, 'a>(results: &'r Results<'a>) -> Vec<Entrant<'r, 'a>> {
    let empty = infeasible(results);
    let proves = |r: &&Result<'a>| r.row.proof != Proof::Nothing;
    let exact: BTreeSet<&str> = results.results.iter().filter(proves).map(|r| id_of(&r.row.key.method)).collect();
    let entrant = |(name, rows): (String, Vec<&'r Result<'a>>)| {
        let first = rows[0].row;
        let class = if exact.contains(id_of(&first.key.method)) { Class::Exact } else { Class::Heuristic };
        let mut cells: BTreeMap<&'a str, Cell> = BTreeMap::new();
        let is_asked = |r: &&&Result| class == Class::Exact || !empty.contains(r.row.key.instance.as_str());
        for result in rows.iter().filter(is_asked).filter(|r| r.is_attempted()) {
            let cell = cells.entry(&result.row.key.instance).or_insert_with(|| Cell { class, rows: Vec::new() });
            cell.rows.push(result);
        }
        let all: BTreeSet<&str> = rows.iter().filter(is_asked).map(|r| r.row.key.instance.as_str()).collect();
        let declined = all.len() - cells.len();
        Entrant { name, method: &first.key.method, variant: &first.instance.variant, class, cells, declined }
    };
    results.by_method().into_iter().map(entrant).collect()
}

/// Instances that have no solution, as a replayed certificate proves: heuristics are not asked to find one.
fn infeasible<'a>(results: &Results<'a>) -> BTreeSet<&'a str> {
    let proved = results.results.iter().filter(|r| r.row.status == Status::InfeasibleCertified);
    proved.map(|r| r.row.key.instance.as_str()).collect()
}

/// The names of a run's exact methods.
pub(crate) fn exact(results: &Results) -> BTreeSet<String> {
    entrants(results).into_iter().filter(|e| e.class == Class::Exact).map(|e| e.name).collect()
}

/// A block of the grid: methods of one class, and the instances of one variant on which all of them were run. Only there all can be compared at
/// once.
#[derive(Debug)]
struct Field<'e, 'r, 'a> {
    variant: &'a str,
    entrants: Vec<&'e Entrant<'r, 'a>>,
    instances: BTreeSet<&'a str>,
}

/// Fields with fewer instances are taken only where there are no larger ones, and are not drawn.
const FEWEST: usize = 5;

impl<'e, 'r, 'a> Field<'e, 'r, 'a> {
    /// The largest block of every variant that has two methods or more: the most instances times squared methods.
    fn of(class: Class, entrants: &'e [Entrant<'r, 'a>]) -> Vec<Self> {
        let of_class: Vec<&Entrant> = entrants.iter().filter(|e| e.class == class).collect();
        let variants: BTreeSet<&'a str> = of_class.iter().map(|e| e.variant).collect();
        let largest = |variant: &'a str| {
            // Which methods were run on which instance, by their places.
            let mut ran: BTreeMap<&'a str, BTreeSet<usize>> = BTreeMap::new();
            for (at, entrant) in of_class.iter().enumerate().filter(|(_, e)| e.variant == variant) {
                for instance in entrant.cells.keys() {
                    ran.entry(instance).or_default().insert(at);
                }
            }
            let sets: BTreeSet<&BTreeSet<usize>> = ran.values().filter(|set| set.len() > 1).collect();
            let instances =
                |set: &BTreeSet<usize>| ran.iter().filter(|(_, of)| set.is_subset(of)).map(|(i, _)| *i).collect();
            let blocks = sets.into_iter().map(|set| (set, instances(set)));
            let size = |(set, instances): &(&BTreeSet<usize>, BTreeSet<&str>)| {
                (instances.len() >= FEWEST, set.len() * set.len() * instances.len())
            };
            let (set, instances) = blocks.max_by_key(size)?;
            Some(Field { variant, entrants: set.iter().map(|at| of_class[*at]).collect(), instances })
        };
        variants.into_iter().filter_map(largest).collect()
    }

    /// Whether a method solves half of the instances or more: what all solve is not asked of those who are hardly there to solve.
    fn is_solver(&self, entrant: &Entrant) -> bool {
        2 * self.instances.iter().filter(|instance| entrant.cells[*instance].is_solved()).count()
            >= self.instances.len()
    }

    /// The instances that all its solvers solve, and those that at least one method does.
    fn solved(&self) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let solvers: Vec<&&Entrant> = self.entrants.iter().filter(|e| self.is_solver(e)).collect();
        let by_all = |i: &&str| !solvers.is_empty() && solvers.iter().all(|e| e.cells[*i].is_solved());
        let by_one = |i: &&str| self.entrants.iter().any(|e| e.cells[*i].is_solved());
        let instances = || self.instances.iter().copied();
        (instances().filter(by_all).collect(), instances().filter(by_one).collect())
    }

    fn has(&self, entrant: &Entrant) -> bool {
        self.entrants.iter().any(|e| std::ptr::eq(*e, entrant))
    }

    fn is_drawn(&self) -> bool {
        self.instances.len() >= FEWEST
    }
}

/// The sections on statistics: exact methods, heuristics.
pub(crate) fn sections(results: &Results, options: &Options, about: Option<&About>) -> Vec<Section> {
    let entrants = entrants(results);
    [Class::Exact, Class::Heuristic]
        .into_iter()
        .filter(|class| entrants.iter().any(|e| e.class == *class))
        .map(|class| of_class(results, options, about, class, &entrants))
        .collect()
}

fn of_class(
    results: &Results,
    options: &Options,
    about: Option<&About>,
    class: Class,
    entrants: &[Entrant],
) -> Section {
    let fields = Field::of(class, entrants);
    let of_class: Vec<&Entrant> = entrants.iter().filter(|e| e.class == class).collect();
    let reference = about.map(|about| about.reference);
    let (pairs, untested) = pairs::of_class(results, class, &of_class, reference);
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
    paragraphs.extend(few_seeds(about, &of_class));
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

/// Names as far as they can be read, or how many they are.
fn listed(names: &[&str]) -> String {
    if names.len() <= MOST_NAMES { names.join(", ") } else { format!("{} methods", names.len()) }
}

/// More names than this nobody reads.
const MOST_NAMES: usize = 10;

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
fn few_seeds(about: Option<&About>, entrants: &[&Entrant]) -> Option<String> {
    let is_random = |entrant: &Entrant| {
        let seeds = entrant.cells.values().map(Cell::seeds).max().unwrap_or(0);
        seeds > 1 || about.is_some_and(|about| about.random.contains(&id_of(entrant.method)))
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
