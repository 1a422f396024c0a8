//! Manifest and rows put together: every row with its gap, every method with its instances.
//!
//! What a row counts as is defined here, once ([`Result::counts_as`]); headline, tables, statistics and verdicts read it.
//!
//! | a row counts as | if | counted in |
//! |---|---|---|
//! | proved infeasible | a replayed certificate of any method proves that its instance has no solution | the table of such instances, and nothing else |
//! | declined | its method does not take the instance | the number of declined rows |
//! | solution | it holds a feasible solution that the checker accepted | attempted, means, times |
//! | bound | its method computes bounds only, and returned one | attempted, times |
//! | failure | none of these | attempted, failures, times |
//!
//! Seconds are shown as they were measured ([`Result::measured_s`]). Only the sections on statistics, and the comparison with general solvers, count
//! the limit for what is not solved ([`crate::comparison::Class::counted_s`]), and they say so.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use offcut_checker::Proof;
use offcut_ledger::gap::{feasible_objective, proved_infeasible};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::row::InstanceLabel;
use offcut_ledger::{
    BestKnown, Contradiction, Gap, Manifest, Row, Status, Study, best_known_with, contradictions, contradictions_with,
};

use crate::statistics;

/// A row with what follows from all the others.
#[derive(Clone, Copy, Debug)]
pub struct Result<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its objective, if its solution is feasible and nothing in the answer is rejected.
    pub objective: Option<f64>,
    /// Its distance from the best known values, if there is an objective and a bound.
    pub gap: Option<Gap>,
    /// Whether a replayed certificate of any method proves that its instance has no solution. Such a row is counted in a line of its own and nowhere else.
    pub is_proved_infeasible: bool,
}

/// What a row counts as, see the head of [`crate::results`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountsAs {
    /// A replayed certificate of any method proves that its instance has no solution.
    ProvedInfeasible,
    /// Its method declined the instance.
    Declined,
    /// A feasible solution.
    Solution,
    /// A bound of a method that computes bounds only.
    Bound,
    /// Neither: rejected, failed, or nothing found.
    Failure,
}

impl Result<'_> {
    /// What the row counts as.
    pub fn counts_as(&self) -> CountsAs {
        match self.row.status {
            _ if self.is_proved_infeasible => CountsAs::ProvedInfeasible,
            Status::Declined => CountsAs::Declined,
            Status::Bounded => CountsAs::Bound,
            _ if self.objective.is_some() => CountsAs::Solution,
            _ => CountsAs::Failure,
        }
    }

    /// Whether the row has no result though its instance may have a solution.
    pub fn is_failure(&self) -> bool {
        self.counts_as() == CountsAs::Failure
    }

    /// Whether the row counts: the method did not decline the instance, and nobody proved that the instance has no solution.
    pub fn is_attempted(&self) -> bool {
        !matches!(self.counts_as(), CountsAs::ProvedInfeasible | CountsAs::Declined)
    }

    /// Whether the method declined an instance that may have a solution.
    pub fn is_declined(&self) -> bool {
        self.counts_as() == CountsAs::Declined
    }

    /// The bound of a method that computes bounds only.
    pub fn bound_only(&self) -> Option<f64> {
        let bound = |proof: &Proof| proof.certified().or(proof.solver_reported());
        self.row.proofs().into_iter().find_map(bound).filter(|_| self.is_bound_only())
    }

    /// Whether the row is a bound of a method that computes bounds only.
    pub fn is_bound_only(&self) -> bool {
        self.row.status == Status::Bounded
    }

    /// The seconds of an attempted row as they were measured, whatever became of it; none of another row.
    pub fn measured_s(&self) -> Option<f64> {
        self.is_attempted().then_some(self.row.times.solve_s)
    }

    /// The seconds that statistics count for a row that does not solve its instance: the limit, or where there is none what was used.
    pub fn limit_s(&self) -> f64 {
        self.row.key.budget.time_s.unwrap_or(0.0).max(self.row.times.solve_s)
    }
}

/// The rows of a run by what they count as: the numbers add up to all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// With a feasible solution.
    pub solutions: usize,
    /// With a bound, of methods that compute bounds only.
    pub bounds: usize,
    /// Failures that found nothing within their limits, ended by themselves with nothing, or claim without a proof that there is no solution.
    pub nothing_found: usize,
    /// Failures that broke, ran out of memory, or gave no answer.
    pub broken: usize,
    /// Failures that the checker rejected.
    pub rejected: usize,
    /// Declined.
    pub declined: usize,
    /// On instances that are proved infeasible, whatever the row says.
    pub proved_infeasible: usize,
}

impl RowCounts {
    /// Counts the rows of a run.
    pub fn of(results: &Results) -> Self {
        let mut counts = Self::default();
        for result in &results.results {
            let place = match (result.counts_as(), result.row.status) {
                (CountsAs::ProvedInfeasible, _) => &mut counts.proved_infeasible,
                (CountsAs::Declined, _) => &mut counts.declined,
                (CountsAs::Solution, _) => &mut counts.solutions,
                (CountsAs::Bound, _) => &mut counts.bounds,
                (CountsAs::Failure, Status::Wrong) => &mut counts.rejected,
                (CountsAs::Failure, Status::Crash | Status::Memory | Status::Invalid) => &mut counts.broken,
                (CountsAs::Failure, _) => &mut counts.nothing_found,
            };
            *place += 1;
        }
        counts
    }
}

/// A gap averaged over rows or instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanGap {
    /// The mean of the rows' largest possible gaps.
    pub high: f64,
    /// Whether every one of them rests on a replayed certificate.
    pub certified: bool,
}

impl MeanGap {
    /// The mean of some gaps; none of nothing.
    pub fn of(gaps: &[Gap]) -> Option<Self> {
        let highs: Vec<f64> = gaps.iter().map(|gap| gap.high).collect();
        Some(Self { high: statistics::mean(&highs)?, certified: gaps.iter().all(|gap| gap.certified) })
    }
}

/// The results of a run.
#[derive(Debug)]
pub struct Results<'a> {
    /// What the run set out to do.
    pub manifest: &'a Manifest,
    /// Every row as it is in the ledger.
    pub rows: &'a [Row],
    /// One result per key, the first; sorted by method, instance and seed.
    pub results: Vec<Result<'a>>,
    /// The best known values by instance hash.
    pub best: Arc<BTreeMap<String, BestKnown>>,
    /// Contradictions among the rows.
    pub contradictions: Vec<Contradiction>,
    /// Places in `results` of the whole run.
    by_key: Arc<HashMap<String, usize>>,
    /// Of a group of the run's rows: where each result of the whole run is, if it is in the group.
    group: Option<Vec<Option<usize>>>,
    has_variants: bool,
    intervals: RefCell<BTreeMap<String, Vec<Sample>>>,
}

/// Values with the interval of their mean.
type Sample = (Vec<f64>, Option<(f64, f64)>);

impl<'a> Results<'a> {
    /// Puts manifest and rows together.
    pub fn new(manifest: &'a Manifest, rows: &'a [Row]) -> Self {
        Self::against(manifest, rows, &BTreeMap::new())
    }

    /// The same, with gaps measured against what a library knows as well.
    pub fn against(manifest: &'a Manifest, rows: &'a [Row], library: &BTreeMap<String, BestKnown>) -> Self {
        let best = best_known_with(manifest.sense, rows, library);
        let mut contradictions = contradictions(manifest.sense, rows, &manifest.tolerance);
        contradictions.extend(contradictions_with(manifest.sense, rows, library));
        let infeasible = proved_infeasible(rows);
        let mut first: HashMap<String, &Row> = HashMap::with_capacity(rows.len());
        for row in rows {
            first.entry(row.key.line()).or_insert(row);
        }
        let mut results: Vec<(Result, String)> = first
            .into_iter()
            .map(|(key, row)| {
                let objective = feasible_objective(row);
                let gap = objective.and_then(|objective| best[&row.key.instance].gap(manifest.sense, objective));
                let is_proved_infeasible = infeasible.contains(row.key.instance.as_str());
                (Result { row, objective, gap, is_proved_infeasible }, key)
            })
            .collect();
        let methods: BTreeSet<&str> = rows.iter().map(|row| row.key.method.as_str()).collect();
        let mut methods: Vec<&str> = methods.into_iter().collect();
        methods.sort_by_cached_key(|method| method_order(method));
        let places: BTreeMap<&str, usize> = methods.into_iter().enumerate().map(|(at, method)| (method, at)).collect();
        let order = |r: &Result<'a>| {
            let Row { key, instance, .. } = r.row;
            let InstanceLabel { variant, family, name, .. } = instance;
            (places[key.method.as_str()], variant, family, name, &key.instance, key.budget.seed)
        };
        results.sort_by_cached_key(|(result, _)| order(result));
        for same in results.chunk_by_mut(|(a, _), (b, _)| order(a) == order(b)).filter(|same| same.len() > 1) {
            same.sort_by(|(_, a), (_, b)| a.cmp(b));
        }
        let (results, keys): (Vec<Result>, Vec<String>) = results.into_iter().unzip();
        let by_key = Arc::new(keys.into_iter().enumerate().map(|(at, key)| (key, at)).collect());
        let has_variants = rows.iter().any(|row| row.instance.variant != rows[0].instance.variant);
        let best = Arc::new(best);
        let intervals = RefCell::default();
        Self { manifest, rows, results, best, contradictions, by_key, group: None, has_variants, intervals }
    }

    /// [`statistics::bootstrap_mean`], which resamples the same values under the same label only once.
    pub fn interval(&self, label: &str, values: &[f64]) -> Option<(f64, f64)> {
        let mut intervals = self.intervals.borrow_mut();
        let samples = intervals.entry(label.to_owned()).or_default();
        if let Some((_, interval)) = samples.iter().find(|(sample, _)| sample == values) {
            return *interval;
        }
        let interval = statistics::bootstrap_mean(label, values);
        samples.push((values.to_vec(), interval));
        interval
    }

    /// The shifted geometric mean of some seconds and its interval, both in seconds; none of nothing.
    pub fn shifted_mean(&self, label: &str, seconds: &[f64], shift: f64) -> Option<(f64, Option<(f64, f64)>)> {
        let logs: Vec<f64> = seconds.iter().map(|t| (t / shift).ln_1p()).collect();
        let interval = self.interval(label, &logs);
        let interval = interval.map(|(low, high)| (low.exp_m1() * shift, high.exp_m1() * shift));
        Some((statistics::shifted_geometric_mean(seconds, shift)?, interval))
    }

    /// The results of some rows only; best known values are those of all, and cells of other rows count as run, see [`Self::is_run`].
    #[must_use]
    pub fn group(&self, has: impl Fn(&Row) -> bool) -> Self {
        let mut results = Vec::new();
        let place = |result: &Result<'a>| {
            has(result.row).then(|| {
                results.push(*result);
                results.len() - 1
            })
        };
        let of_self: Vec<Option<usize>> = self.results.iter().map(place).collect();
        let group = match &self.group {
            None => of_self,
            Some(outer) => outer.iter().map(|at| at.and_then(|at| of_self[at])).collect(),
        };
        Self {
            results,
            group: Some(group),
            best: Arc::clone(&self.best),
            by_key: Arc::clone(&self.by_key),
            contradictions: Vec::new(),
            intervals: RefCell::default(),
            ..*self
        }
    }

    /// The results of every family of instances, by name.
    pub fn by_family(&self) -> Vec<(&'a str, Self)> {
        let families: BTreeSet<&'a str> = self.results.iter().map(|r| r.row.instance.family.as_str()).collect();
        families.into_iter().map(|family| (family, self.group(|row| row.instance.family == family))).collect()
    }

    /// Up to which relative gap a number counts as 0: the checker's tolerance for certified and for solver-reported bounds.
    pub fn tolerance(&self, certified: bool) -> f64 {
        let tolerance = &self.manifest.tolerance;
        if certified { tolerance.gap_relative } else { tolerance.word_relative }
    }

    /// Whether a gap counts as 0.
    pub fn is_zero(&self, gap: Gap) -> bool {
        gap.high <= self.tolerance(gap.certified)
    }

    /// What a row's method is called over the whole run: with its instance's variant if the run has several.
    pub fn method_name(&self, row: &Row) -> String {
        if self.has_variants {
            format!("{} ({})", row.key.method, row.instance.variant)
        } else {
            row.key.method.clone()
        }
    }

    /// Name and unit of the objective of some rows: the manifest lists the variants whose objective is not the run's.
    pub fn objective<'r>(&self, rows: impl IntoIterator<Item = &'r Result<'r>>) -> Quantity {
        let of = |result: &Result| self.manifest.variant_objectives.get(&result.row.instance.variant);
        let mut objectives = rows.into_iter().map(of);
        let first = objectives.next().flatten().filter(|first| objectives.all(|other| other == Some(first)));
        first.unwrap_or(&self.manifest.objective).clone()
    }

    /// The results of every method, sorted by name; variants of the problem are kept apart.
    pub fn by_method(&self) -> Vec<(String, Vec<&Result<'a>>)> {
        let place = |result: &'_ Result<'a>| (&result.row.key.method, &result.row.instance.variant);
        let methods = self.results.chunk_by(|a, b| place(a) == place(b));
        methods.map(|of_it| (self.method_name(of_it[0].row), of_it.iter().collect())).collect()
    }

    /// The result of a key; none if the cell has not been run.
    pub fn of_key(&self, key: &str) -> Option<&Result<'a>> {
        let at = *self.by_key.get(key)?;
        let at = self.group.as_ref().map_or(Some(at), |group| group[at])?;
        Some(&self.results[at])
    }

    /// Whether the cell of a key has been run, in this group of rows or another.
    pub fn is_run(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// The cells of a study that have been run, by series and place on the axis: series sorted by name, places by size. Rows on instances that are
    /// proved infeasible are counted, and are not among the results.
    pub fn series<'s>(&'s self, study: &'s Study) -> Vec<Series<'s, 'a>> {
        let mut series: Vec<Series> = Vec::new();
        for cell in &study.cells {
            let at = series.iter().position(|series| series.name == cell.series).unwrap_or_else(|| {
                series.push(Series { name: &cell.series, points: Vec::new(), missing: 0, proved_infeasible: 0 });
                series.len() - 1
            });
            let Some(result) = self.of_key(&cell.key) else {
                series[at].missing += usize::from(!self.is_run(&cell.key));
                continue;
            };
            if result.is_proved_infeasible {
                series[at].proved_infeasible += 1;
                continue;
            }
            let points = &mut series[at].points;
            let same = |x: Option<f64>| x.map(f64::to_bits) == cell.x.map(f64::to_bits);
            match points.iter_mut().find(|point| same(point.x)) {
                Some(point) => point.results.push(result),
                None => points.push(Point { x: cell.x, results: vec![result] }),
            }
        }
        series.sort_by_key(|series| method_order(series.name));
        for series in &mut series {
            series.points.sort_by(|a, b| a.x.unwrap_or(0.0).total_cmp(&b.x.unwrap_or(0.0)));
        }
        series
    }

    /// How many instances count: all but those that are proved infeasible.
    pub fn counted_instances(&self) -> usize {
        let counted = self.results.iter().filter(|result| !result.is_proved_infeasible);
        counted.map(|result| result.row.key.instance.as_str()).collect::<BTreeSet<_>>().len()
    }

    /// The hashes of all instances.
    pub fn instances(&self) -> BTreeSet<&'a str> {
        self.results.iter().map(|result| result.row.key.instance.as_str()).collect()
    }
}

/// Sorts `m:error=0.05` before `m:error=0.1` and `m:error=1e-3` before both: by id, then parameters by name and size.
fn method_order(method: &str) -> (String, Vec<(String, u64)>, String) {
    let parsed = method.parse::<offcut_instances::problem::MethodSpec>();
    let (id, parameters) = parsed.map_or_else(|_| (method.to_owned(), BTreeMap::new()), |m| (m.id, m.parameters));
    // The bits of non-negative floats order as the floats do; a sign puts the negative ones after them, which is order enough.
    let parameters = parameters.into_iter().map(|(name, value)| (name, value.to_bits())).collect();
    (id, parameters, method.to_owned())
}

/// One line of a study.
#[derive(Debug)]
pub struct Series<'s, 'a> {
    /// Its name.
    pub name: &'s str,
    /// Its points by place on the axis.
    pub points: Vec<Point<'s, 'a>>,
    /// How many of its cells have not been run.
    pub missing: usize,
    /// How many of its rows are on instances that are proved infeasible; they are at no point.
    pub proved_infeasible: usize,
}

/// All results of one series at one place of the axis.
#[derive(Debug)]
pub struct Point<'s, 'a> {
    /// The place.
    pub x: Option<f64>,
    /// The results there, one for every instance and seed.
    pub results: Vec<&'s Result<'a>>,
}

impl Series<'_, '_> {
    /// What tables and figures call it.
    pub fn label(&self) -> String {
        if self.is_bound_only() { format!("{} (bound)", self.name) } else { self.name.to_owned() }
    }

    /// Whether it is of a method that computes bounds only.
    pub fn is_bound_only(&self) -> bool {
        let mut rows = self.points.iter().flat_map(|point| &point.results).peekable();
        rows.peek().is_some() && rows.all(|result| result.is_bound_only())
    }
}

impl Point<'_, '_> {
    /// Some quantity of every result that has it, averaged over the rows of each instance: one value an instance.
    pub fn per_instance(&self, quantity: impl Fn(&Result) -> Option<f64>) -> Vec<f64> {
        per_instance(self.results.iter().copied(), quantity)
    }

    /// What figures and tables show as the objective: that of solutions, or the bound of a method that computes bounds only.
    pub fn objectives(&self) -> Vec<f64> {
        self.per_instance(|r| r.objective.or_else(|| r.bound_only()))
    }

    /// The gaps of its results.
    pub fn gaps(&self) -> Vec<Gap> {
        self.results.iter().filter_map(|result| result.gap).collect()
    }

    /// How many of the results hold a feasible solution, and how many were to.
    pub fn feasible(&self) -> (usize, usize) {
        let all = self.results.iter().filter(|result| !result.is_bound_only());
        (all.clone().filter(|result| result.objective.is_some()).count(), all.count())
    }
}

/// Some quantity of every result that has it, averaged over the rows of each instance: one value an instance. Instances that are proved infeasible
/// have none.
pub fn per_instance<'r, 'a: 'r>(
    results: impl Iterator<Item = &'r Result<'a>>,
    quantity: impl Fn(&Result) -> Option<f64>,
) -> Vec<f64> {
    by_instance(results, quantity).into_values().collect()
}

/// The same by the instances' hashes.
pub fn by_instance<'r, 'a: 'r>(
    results: impl Iterator<Item = &'r Result<'a>>,
    quantity: impl Fn(&Result) -> Option<f64>,
) -> BTreeMap<&'a str, f64> {
    let mut values: BTreeMap<&'a str, Vec<f64>> = BTreeMap::new();
    for result in results.filter(|result| !result.is_proved_infeasible) {
        if let Some(value) = quantity(result) {
            let row: &'a Row = result.row;
            values.entry(&row.key.instance).or_default().push(value);
        }
    }
    let mean = |values: Vec<f64>| statistics::mean(&values).expect("one or more");
    values.into_iter().map(|(instance, values)| (instance, mean(values))).collect()
}

/// The counts that more than one series of a study has, with different values, so that they can be compared.
pub fn shared_counts(series: &[Series]) -> Vec<String> {
    let rows = || series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let names: BTreeSet<&String> = rows().flat_map(|r| r.row.counts.keys()).collect();
    let shared = |name: &&String| series.iter().filter(|s| has_count(s, name)).count() > 1;
    // A count that is the same for all methods at every place compares nothing.
    let differs = |name: &&String| {
        let mut at_place: BTreeMap<Option<u64>, BTreeSet<u64>> = BTreeMap::new();
        for point in series.iter().flat_map(|s| &s.points) {
            let counts = point.results.iter().filter_map(|r| r.row.counts.get(*name).copied());
            at_place.entry(point.x.map(f64::to_bits)).or_default().extend(counts);
        }
        at_place.values().any(|counts| counts.len() > 1)
    };
    names.into_iter().filter(shared).filter(differs).cloned().collect()
}

/// Whether some row of a series has this count.
pub fn has_count(series: &Series, count: &str) -> bool {
    series.points.iter().flat_map(|point| &point.results).any(|r| r.row.counts.contains_key(count))
}
