//! The tables of a report.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::problem::{Sense, Stop};
use offcut_ledger::manifest::Quantity;
use offcut_ledger::{Status, Study};

use crate::lymdo;
use crate::numbers::{self, Scale};
use crate::results::{MeanGap, Result, Results, Series, per_instance};
use crate::statistics::{bootstrap_mean, mean, median, range};
use crate::table::{Cell, Column, Mark, Table};

const STATUSES: [Status; 11] = [
    Status::OptimalCertified,
    Status::OptimalClaimed,
    Status::Feasible,
    Status::Bounded,
    Status::InfeasibleCertified,
    Status::InfeasibleClaimed,
    Status::Declined,
    Status::Time,
    Status::Memory,
    Status::Crash,
    Status::Wrong,
];

/// The gaps of one method over all instances of the run.
#[derive(Clone, Debug)]
pub struct MethodGaps {
    /// The method.
    pub method: String,
    /// How many instances it did not decline.
    pub attempted: usize,
    /// On how many of them some row is feasible.
    pub feasible: usize,
    /// The largest possible gap of every instance, averaged over its rows.
    pub gaps: Vec<f64>,
    /// The largest possible gap of any row.
    pub worst_row: Option<f64>,
    /// Whether all of them rest on replayed certificates.
    pub certified: bool,
    /// A 95 % bootstrap interval over instances of their mean.
    pub interval: Option<(f64, f64)>,
    /// How many rows were attempted, are feasible with a gap that rests on a certificate, have such a gap of 0, and carry their own
    /// certificate for it.
    pub rows: [usize; 4],
    /// On how many instances its mean objective is the best known one.
    pub wins: usize,
}

/// The gaps of every method, by name; methods that are after bounds and nothing else have none.
pub fn method_gaps(results: &Results) -> Vec<MethodGaps> {
    let count = |of_it: &[&Result], what: &dyn Fn(&Result) -> bool| of_it.iter().filter(|r| what(r)).count();
    let instances = |of_it: &[&Result], what: &dyn Fn(&Result) -> bool| {
        of_it.iter().filter(|r| what(r)).map(|r| r.row.key.instance.as_str()).collect::<BTreeSet<_>>().len()
    };
    let describe = |(method, of_it): (String, Vec<&Result>)| {
        let gaps = per_instance(of_it.iter().copied(), |r| r.gap.map(|gap| gap.high));
        let certified = |r: &Result| r.gap.is_some_and(|gap| gap.certified);
        MethodGaps {
            attempted: instances(&of_it, &|r| r.is_attempted()),
            feasible: instances(&of_it, &|r| r.objective.is_some()),
            certified: of_it.iter().filter_map(|r| r.gap).all(|gap| gap.certified),
            worst_row: of_it.iter().filter_map(|r| r.gap).map(|gap| gap.high).reduce(f64::max),
            interval: bootstrap_mean(&method, &gaps),
            method,
            gaps,
            rows: [
                count(&of_it, &|r| r.is_attempted()),
                count(&of_it, &certified),
                count(&of_it, &|r| certified(r) && r.gap.is_some_and(|gap| results.is_zero(gap))),
                count(&of_it, &|r| r.row.status == Status::OptimalCertified),
            ],
            wins: wins(results, &of_it),
        }
    };
    let has_rivals = |of_it: &[&Result]| !of_it.iter().all(|r| r.is_bound_alone());
    results.by_method().into_iter().filter(|(_, of_it)| has_rivals(of_it)).map(describe).collect()
}

/// On how many instances every row is feasible and their mean objective is the best known one.
fn wins(results: &Results, of_it: &[&Result]) -> usize {
    let mut rows: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for result in of_it.iter().filter(|r| r.is_attempted()) {
        rows.entry(&result.row.key.instance).or_default().push(result.objective);
    }
    let tolerance = results.tolerance(true);
    let is_win = |(instance, objectives): (&str, Vec<Option<f64>>)| {
        let objectives: Option<Vec<f64>> = objectives.into_iter().collect();
        let best = results.best[instance].objective;
        objectives
            .and_then(|o| mean(&o))
            .zip(best)
            .is_some_and(|(mean, best)| (mean - best).abs() <= tolerance * best.abs())
    };
    rows.into_iter().filter(|(instance, objectives)| is_win((instance, objectives.clone()))).count()
}

/// A gap as a cell, in percent.
fn gap_cell(results: &Results, gap: f64, certified: bool) -> Cell {
    let mark = if certified { Mark::Plain } else { Mark::Word };
    Cell::number(numbers::percent(gap, results.tolerance(certified)), gap * 100.0).marked(mark)
}

/// Every method over the whole run.
pub fn gaps(results: &Results) -> Table {
    let mut table = Table::new(
        "gaps",
        "Gap of every method over all instances of the run",
        "Mean, median and max are over instances, each the mean over its seeds; worst row is over single rows; the interval is a 95 % bootstrap interval of the \
         mean over instances. Certified: share of attempted rows whose gap rests on a replayed certificate, anyone's. At optimum: \
         rows with a certified gap of 0. Own proof: rows that carry the certificate for it themselves. Best: instances on which \
         the mean objective is the best known one; ties count for all.",
        vec![
            Column::words("method", "method"),
            Column::numbers("instances", "instances"),
            Column::numbers("feasible", "feasible"),
            Column::bounded("mean gap (%)", "mean_gap_percent"),
            Column::words("95 % interval", "interval"),
            Column::bounded("median (%)", "median_gap_percent"),
            Column::bounded("max (%)", "max_gap_percent"),
            Column::bounded("worst row (%)", "worst_row_percent"),
            Column::numbers("certified (%)", "certified_percent"),
            Column::numbers("rows", "rows"),
            Column::numbers("at optimum", "at_optimum"),
            Column::numbers("own proof", "own_proof"),
            Column::numbers("best", "best"),
        ],
    );
    for of in method_gaps(results) {
        let cell = |gap: Option<f64>| gap.map_or_else(Cell::absent, |gap| gap_cell(results, gap, of.certified));
        let percent = |gap: f64| numbers::percent(gap, results.tolerance(of.certified));
        let [attempted, certified, optimal, own] = of.rows;
        let share = (attempted > 0).then(|| 100.0 * certified as f64 / attempted as f64);
        table.push(vec![
            Cell::text(&of.method),
            Cell::count(of.attempted),
            Cell::count(of.feasible),
            cell(mean(&of.gaps)),
            of.interval
                .map_or_else(Cell::absent, |(low, high)| Cell::text(format!("{} to {}", percent(low), percent(high)))),
            cell(median(&of.gaps)),
            cell(range(&of.gaps).map(|(_, high)| high)),
            cell(of.worst_row),
            share.map_or_else(Cell::absent, |share| Cell::number(format!("{share:.0}"), share)),
            Cell::count(attempted),
            Cell::count(optimal),
            Cell::count(own),
            Cell::count(of.wins),
        ]);
    }
    table
}

/// Times and memory of every method over the whole run: a table of its own, because it changes from run to run.
pub fn times(results: &Results) -> Table {
    let mut table = Table::new(
        "times",
        "Times and memory of every method, over rows",
        "Wall-clock time measured from outside. A failure, a row with nothing found, counts as the time limit; rows that were declined are left out. Preparing: \
         the mean part of it spent before searching, as the method tells: building a model, or computing the least threads of all pairs. Means over \
         instances, and for those that all or some methods solve, stand under statistics.",
        vec![
            Column::words("method", "method"),
            Column::numbers("rows", "rows"),
            Column::numbers("failures", "failures"),
            Column::numbers("declined", "declined"),
            Column::numbers("median", "median_s"),
            Column::numbers("max", "max_s"),
            Column::numbers("preparing", "mean_preparing_s"),
            Column::numbers("check", "mean_check_s"),
            Column::numbers("peak memory (MiB)", "peak_memory_mib"),
        ],
    );
    let cell = |value: Option<f64>| value.map_or_else(Cell::absent, |v| Cell::number(numbers::duration(v), v));
    for (method, rows) in results.by_method() {
        let (attempted, declined): (Vec<&Result>, Vec<&Result>) = rows.into_iter().partition(|r| r.is_attempted());
        let all: Vec<f64> = attempted.iter().map(|r| r.counted_s()).collect();
        let preparing: Vec<f64> = attempted.iter().filter_map(|r| r.row.times.build_s).collect();
        let checks: Vec<f64> = attempted.iter().map(|r| r.row.times.check_s).collect();
        let peak = attempted.iter().filter_map(|r| r.row.peak_memory_bytes).max();
        table.push(vec![
            Cell::text(method),
            Cell::count(attempted.len()),
            Cell::count(attempted.iter().filter(|r| r.is_failure()).count()),
            Cell::count(declined.len()),
            cell(median(&all)),
            cell(range(&all).map(|(_, high)| high)),
            cell(mean(&preparing)),
            cell(mean(&checks)),
            peak.map(|peak| peak as f64 / 1_048_576.0)
                .map_or_else(Cell::absent, |mib| Cell::number(numbers::significant(mib, 3), mib)),
        ]);
    }
    table
}

/// What methods counted of their own work; none if no row has counts.
pub fn counts(results: &Results) -> Option<Table> {
    let mut table = Table::new(
        "counts",
        "What the methods counted of their own work",
        "Over all rows that have the count. Counts are the methods' own and are not checked.",
        vec![
            Column::words("method", "method"),
            Column::words("count", "count"),
            Column::numbers("rows", "rows"),
            Column::numbers("mean", "mean"),
            Column::numbers("median", "median"),
            Column::numbers("max", "max"),
            Column::numbers("mean time", "mean_s"),
        ],
    );
    for (method, rows) in results.by_method() {
        let names: BTreeSet<&String> = rows.iter().flat_map(|r| r.row.counts.keys()).collect();
        for name in names {
            let with: Vec<_> = rows.iter().filter(|r| r.row.counts.contains_key(name)).collect();
            let values: Vec<f64> = with.iter().map(|r| r.row.counts[name] as f64).collect();
            let seconds: Vec<f64> = with.iter().map(|r| r.row.times.solve_s).collect();
            let cell =
                |value: Option<f64>| value.map_or_else(Cell::absent, |v| Cell::number(numbers::significant(v, 4), v));
            let most = range(&values).map(|(_, high)| Cell::number(numbers::whole(high as u64), high));
            table.push(vec![
                Cell::text(&method),
                Cell::text(name),
                Cell::count(values.len()),
                cell(mean(&values)),
                cell(median(&values)),
                most.unwrap_or_else(Cell::absent),
                mean(&seconds).map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s)),
            ]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The tables of one study.
pub fn of_study(results: &Results, study: &Study) -> Vec<Table> {
    let series = results.series(study);
    if study.axis.is_some() { over_axis(results, study, &series) } else { side_by_side(results, study, &series) }
}

/// What of a study is not there: cells not run, rows without a feasible solution.
fn lacking(series: &[Series]) -> String {
    let missing: usize = series.iter().map(|series| series.missing).sum();
    let points = || series.iter().flat_map(|series| &series.points);
    let without: usize = points().map(|point| point.feasible()).map(|(feasible, all)| all - feasible).sum();
    let mut words = Vec::new();
    if missing > 0 {
        words.push(format!("Cells of this study that have not been run: {}.", numbers::whole(missing as u64)));
    }
    if without > 0 {
        let without = numbers::whole(without as u64);
        words.push(format!("Rows without a feasible solution, which have no share in the means: {without}; (a/b): a of b rows have one."));
    }
    words.join(" ")
}

/// `(a/b)` where only a of b rows hold a feasible solution.
fn partial((feasible, all): (usize, usize)) -> String {
    if feasible == all { String::new() } else { format!(" ({feasible}/{all})") }
}

fn over_axis(results: &Results, study: &Study, series: &[Series]) -> Vec<Table> {
    let axis = study.axis.as_ref().expect("asked for");
    let axis_scale = Scale { factor: 1.0, unit: axis.unit.clone() };
    let quantity = results.objective(series.iter().flat_map(|s| &s.points).flat_map(|p| &p.results).copied());
    let mut places: Vec<f64> = series.iter().flat_map(|s| &s.points).filter_map(|point| point.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let all: Vec<&Series> = series.iter().collect();
    let rivals: Vec<&Series> = series.iter().filter(|s| !s.is_bound_alone()).collect();
    let columns = |of: &[&Series], column: &dyn Fn(&Series) -> Column| -> Vec<Column> {
        let first = Column::numbers(axis_scale.label(&axis.name), &axis.name);
        std::iter::once(first).chain(of.iter().map(|series| column(series))).collect()
    };
    let fill = |table: &mut Table, of: &[&Series], cell: &dyn Fn(&crate::results::Point) -> Cell| {
        for x in &places {
            let of = of.iter().map(|series| {
                let point = series.points.iter().find(|point| point.x == Some(*x));
                point.map_or_else(Cell::absent, cell)
            });
            table.push(std::iter::once(Cell::number(numbers::tick(*x), *x)).chain(of).collect());
        }
    };

    let values: Vec<f64> = series.iter().flat_map(|s| &s.points).flat_map(crate::results::Point::objectives).collect();
    let scale = Scale::fitting(&values, &quantity.unit);
    let unit = if quantity.unit.is_empty() { "mean".into() } else { quantity.unit.clone() };
    let mut objective = Table::new(
        &format!("{}-objective", study.name),
        format!("{}: mean {}", study.title, scale.label(&quantity.name)),
        lacking(series),
        columns(&all, &|s| Column::numbers(s.label(), format!("{}_{unit}", s.name))),
    );
    let measures = measures(results, series);
    if has_parts(&measures) {
        let words = "In brackets: admitted on their device alone + on cloudlets, as the checker counts.";
        objective.note = format!("{} {words}", objective.note).trim().to_owned();
    }
    fill(&mut objective, &all, &|point| match mean(&point.objectives()) {
        Some(value) => Cell::number(
            format!("{}{}{}", numbers::significant(value * scale.factor, 4), parts(point), partial(point.feasible())),
            value,
        ),
        None if point.results.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
        None => Cell::text(format!("none{}", partial(point.feasible()))).marked(Mark::Failure),
    });

    let mut gap = Table::new(
        &format!("{}-gap", study.name),
        format!("{}: mean gap (%)", study.title),
        "",
        columns(&rivals, &|s| Column::bounded(s.name, format!("{}_percent", s.name))),
    );
    fill(&mut gap, &rivals, &|point| {
        let certified = MeanGap::of(&point.gaps()).is_some_and(|gap| gap.certified);
        let mean = mean(&point.per_instance(|r| r.gap.map(|gap| gap.high)));
        mean.map_or_else(Cell::absent, |mean| gap_cell(results, mean, certified))
    });

    let mut times = Table::new(
        &format!("{}-seconds", study.name),
        format!("{}: mean solution time", study.title),
        "A failure counts as the time limit.",
        columns(&all, &|s| Column::numbers(s.name, format!("{}_s", s.name))),
    );
    fill(&mut times, &all, &|point| {
        let mean = mean(&point.per_instance(counted));
        mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
    });

    let mut tables = vec![objective, gap];
    for measure in &measures {
        let Quantity { name, unit } = measured(results, measure);
        let values: Vec<f64> = rivals.iter().flat_map(|s| &s.points).flat_map(|p| of_measure(p, measure)).collect();
        let scale = Scale::fitting(&values, &unit);
        let mut table = Table::new(
            &format!("{}-{measure}", study.name),
            format!("{}: mean {}", study.title, scale.label(&name)),
            "Measured by the checker.",
            columns(&rivals, &|s| Column::numbers(s.name, format!("{}_{measure}", s.name))),
        );
        fill(&mut table, &rivals, &|point| {
            let mean = mean(&of_measure(point, measure));
            mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m * scale.factor, 4), m))
        });
        tables.push(table);
    }
    tables.extend(shared_counts(series).into_iter().map(|count| {
        let having: Vec<&Series> = series.iter().filter(|s| has_count(s, &count)).collect();
        let mut table = Table::new(
            &format!("{}-{count}", study.name),
            format!("{}: mean {count}", study.title),
            "Counted by the methods themselves.",
            std::iter::once(Column::numbers(axis_scale.label(&axis.name), &axis.name))
                .chain(having.iter().map(|s| Column::numbers(s.name, format!("{}_{count}", s.name))))
                .collect(),
        );
        for x in &places {
            let of = |series: &&Series| {
                let point = series.points.iter().find(|point| point.x == Some(*x));
                let values = point.map(|p| p.per_instance(|r| r.row.counts.get(&count).map(|c| *c as f64)));
                let mean = values.and_then(|values| mean(&values));
                mean.map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m))
            };
            let first = Cell::number(numbers::tick(*x), *x);
            table.push(std::iter::once(first).chain(having.iter().map(of)).collect());
        }
        table
    }));
    tables.push(times);
    tables
}

/// What the checker measured of the solutions of a study besides their objectives, as far as tables over axes tell it.
fn measures(results: &Results, series: &[Series]) -> BTreeSet<String> {
    let rows = series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let is_told = |name: &&String| {
        let measured = &results.manifest.problem;
        measured != lymdo::PROBLEM || lymdo::MEASURES.iter().any(|(told, _, _)| told == name)
    };
    let rows = rows.filter(|r| !lymdo::is_slot(&r.row.instance.variant));
    rows.flat_map(|r| r.row.measures.keys()).filter(is_told).cloned().collect()
}

/// What a measure is called, and its unit.
fn measured(results: &Results, measure: &str) -> Quantity {
    let told =
        lymdo::MEASURES.iter().find(|(name, _, _)| *name == measure && results.manifest.problem == lymdo::PROBLEM);
    let (name, unit) = told.map_or((measure, ""), |(_, words, unit)| (words, unit));
    Quantity { name: name.into(), unit: unit.into() }
}

fn of_measure(point: &crate::results::Point, measure: &str) -> Vec<f64> {
    point.per_instance(|r| r.row.measures.get(measure).copied())
}

/// Whether objectives have parts that are told apart: admitted locally, and on cloudlets.
fn has_parts(measures: &BTreeSet<String>) -> bool {
    ["local", "remote"].iter().all(|part| measures.contains(*part))
}

/// ` (local + remote)`, where the checker counted them.
fn parts(point: &crate::results::Point) -> String {
    let part = |name: &str| mean(&point.per_instance(|r| r.row.measures.get(name).copied()));
    match (part("local"), part("remote")) {
        (Some(local), Some(remote)) => {
            format!(" ({} + {})", numbers::significant(local, 3), numbers::significant(remote, 3))
        }
        _ => String::new(),
    }
}

fn counted(result: &Result) -> Option<f64> {
    result.is_attempted().then(|| result.counted_s())
}

fn has_count(series: &Series, count: &str) -> bool {
    series.points.iter().flat_map(|point| &point.results).any(|r| r.row.counts.contains_key(count))
}

/// The counts that more than one series of a study has, and not all alike, so that they can be compared.
pub(crate) fn shared_counts(series: &[Series]) -> Vec<String> {
    let rows = || series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let names: BTreeSet<&String> = rows().flat_map(|r| r.row.counts.keys()).collect();
    let shared = |name: &&String| series.iter().filter(|s| has_count(s, name)).count() > 1;
    // What everybody counts alike at every place, such as slots, compares nobody.
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

/// Beyond so many names, instances are grouped by family.
const MOST_NAMES: usize = 40;

fn side_by_side(results: &Results, study: &Study, series: &[Series]) -> Vec<Table> {
    let rows = || series.iter().flat_map(|s| &s.points).flat_map(|point| &point.results);
    let named = |r: &Result| {
        let label = &r.row.instance;
        [&label.name, &label.family, &r.row.key.instance].into_iter().find(|name| !name.is_empty()).cloned()
    };
    let families = |r: &Result| Some(r.row.instance.family.clone()).filter(|f| !f.is_empty()).or_else(|| named(r));
    let names: BTreeSet<String> = rows().filter_map(|r| named(r)).collect();
    let by_name = names.len() <= MOST_NAMES;
    let group = |r: &Result| if by_name { named(r) } else { families(r) }.unwrap_or_default();

    let quantity = results.objective(rows().copied());
    let best_of = |instance: &str| results.best[instance].objective;
    let best: Vec<f64> = rows().filter_map(|r| best_of(&r.row.key.instance)).collect();
    let scale = Scale::fitting(&best, &quantity.unit);
    let mut columns = vec![
        Column::words(if by_name { "instance" } else { "family" }, "instance"),
        Column::numbers("instances", "instances"),
        Column::numbers(scale.label(&format!("best {}", quantity.name)), format!("best_{}", quantity.name)),
        Column::bounded(scale.label("best bound"), "best_bound"),
    ];
    let has_parts = has_parts(&measures(results, series));
    let rivals: Vec<&Series> = series.iter().filter(|s| !s.is_bound_alone()).collect();
    if has_parts {
        columns.push(Column::numbers("of them local", "local"));
    }
    columns
        .extend(rivals.iter().map(|s| Column::bounded(format!("{} gap (%)", s.name), format!("{}_percent", s.name))));
    let title = format!("{}: best known values, and mean gap of every method", study.title);
    let mut table = Table::new(&format!("{}-gap", study.name), title, lacking(series), columns);

    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for result in rows() {
        groups.entry(group(result)).or_default().insert(&result.row.key.instance);
    }
    for (name, instances) in &groups {
        let objectives: Vec<f64> = instances.iter().filter_map(|i| best_of(i)).collect();
        let bounds: Vec<(f64, bool)> = instances
            .iter()
            .filter_map(|i| {
                let best = &results.best[*i];
                best.certified.map(|b| (b, true)).or(best.word.map(|b| (b, false)))
            })
            .collect();
        // A mean over fewer bounds than objectives would compare different instances.
        let whole = bounds.len() == objectives.len();
        let values: Vec<f64> = bounds.iter().map(|(bound, _)| *bound).collect();
        let mark = if bounds.iter().all(|(_, certified)| *certified) { Mark::Plain } else { Mark::Word };
        let number = |value: Option<f64>| {
            value.map_or_else(Cell::absent, |v| Cell::number(numbers::significant(v * scale.factor, 4), v))
        };
        let mut row = vec![
            Cell::text(name),
            Cell::count(instances.len()),
            number(mean(&objectives)),
            number(mean(&values).filter(|_| whole)).marked(mark),
        ];
        if has_parts {
            // Every method that partitions admits the same requests locally; the others fewer.
            let local = |instance: &&str| {
                let of_it = rows().filter(|r| r.row.key.instance == *instance);
                of_it.filter_map(|r| r.row.measures.get("local").copied()).reduce(f64::max)
            };
            let local: Vec<f64> = instances.iter().filter_map(local).collect();
            row.push(mean(&local).map_or_else(Cell::absent, |m| Cell::number(numbers::significant(m, 4), m)));
        }
        for series in &rivals {
            let of_it: Vec<&Result> =
                series.points.iter().flat_map(|p| &p.results).copied().filter(|r| group(r) == *name).collect();
            let gaps: Vec<_> = of_it.iter().filter_map(|r| r.gap).collect();
            let value = mean(&per_instance(of_it.iter().copied(), |r| r.gap.map(|gap| gap.high)));
            let feasible = of_it.iter().filter(|r| r.objective.is_some()).count();
            row.push(match value {
                Some(value) => {
                    let mut cell = gap_cell(results, value, gaps.iter().all(|gap| gap.certified));
                    cell.text += &partial((feasible, of_it.len()));
                    cell
                }
                None if of_it.is_empty() => Cell::absent(),
                None if of_it.iter().all(|r| !r.is_attempted()) => Cell::text("declined"),
                None if feasible > 0 => Cell::text("no bound"),
                None => Cell::text("failed").marked(Mark::Failure),
            });
        }
        table.push(row);
    }

    // Seconds apart, so that the rest does not change from run to run.
    let mut times = Table::new(
        &format!("{}-seconds", study.name),
        format!("{}: mean solution time", study.title),
        "A failure counts as the time limit.",
        std::iter::once(Column::words(if by_name { "instance" } else { "family" }, "instance"))
            .chain(series.iter().map(|s| Column::numbers(s.name, format!("{}_s", s.name))))
            .collect(),
    );
    for name in groups.keys() {
        let of = |series: &Series| {
            let of_it = series.points.iter().flat_map(|p| &p.results).copied().filter(|r| group(r) == *name);
            let mean = mean(&per_instance(of_it, counted));
            mean.map_or_else(Cell::absent, |s| Cell::number(numbers::duration(s), s))
        };
        times.push(std::iter::once(Cell::text(name)).chain(series.iter().map(of)).collect());
    }
    vec![table, times]
}

/// How every row ended, by method: the counts add up to the number of rows.
pub fn statuses(results: &Results) -> Table {
    let mut counts: BTreeMap<(Status, String), usize> = BTreeMap::new();
    let mut methods: BTreeSet<String> = BTreeSet::new();
    for row in results.rows {
        *counts.entry((row.status, results.method_name(row))).or_default() += 1;
        methods.insert(results.method_name(row));
    }
    let seen: Vec<Status> =
        STATUSES.into_iter().filter(|status| counts.keys().any(|(other, _)| other == status)).collect();
    let mut columns = vec![Column::words("method", "method")];
    columns.extend(seen.iter().map(|status| Column::numbers(status.name(), status.name())));
    columns.push(Column::numbers("rows", "rows"));
    let mut table = Table::new(
        "status",
        "How every row ended",
        "Every row of the ledger is counted here once; nothing is dropped.",
        columns,
    );
    let failures = [Status::Wrong, Status::Crash, Status::Memory, Status::Time];
    let mut line = |name: &str, of: &dyn Fn(Status) -> usize| {
        let cell = |status: &Status| {
            let count = of(*status);
            let is_bad = count > 0 && failures.contains(status);
            Cell::count(count).marked(if is_bad { Mark::Failure } else { Mark::Plain })
        };
        let all = seen.iter().map(|status| of(*status)).sum();
        table.push(
            std::iter::once(Cell::text(name))
                .chain(seen.iter().map(cell))
                .chain(std::iter::once(Cell::count(all)))
                .collect(),
        );
    };
    for (method, _) in results.by_method() {
        line(&method, &|status| counts.get(&(status, method.clone())).copied().unwrap_or(0));
    }
    line("all", &|status| methods.iter().filter_map(|method| counts.get(&(status, method.clone()))).sum());
    table
}

/// Why rows were refuted, failed or were declined, with an example each; none if there is no such row.
pub fn reasons(results: &Results) -> Option<Table> {
    let mut found: BTreeMap<(Status, &str, String), (usize, &str)> = BTreeMap::new();
    for row in results.rows {
        let refused = match &row.proof {
            offcut_checker::Proof::Refused { violations } => &violations[..],
            _ => &[],
        };
        let reason = match (row.status, &row.stop) {
            (Status::Wrong, _) => row
                .violations
                .iter()
                .chain(refused)
                .next()
                .map_or_else(|| "refuted by the checker".into(), |violation| violation.constraint.clone()),
            (Status::Declined, Stop::Declined(why))
            | (Status::Crash | Status::Memory | Status::Time, Stop::Failed(why)) => why.clone(),
            (Status::Time, _) => "nothing found within the limits".into(),
            (Status::Crash | Status::Memory, stop) => format!("{stop:?}"),
            _ => continue,
        };
        let name = if row.instance.name.is_empty() { &row.key.instance } else { &row.instance.name };
        let (count, example) = found.entry((row.status, &row.key.method, reason)).or_insert((0, name));
        *count += 1;
        // The first by name, so that the order of the rows does not matter.
        *example = (*example).min(name);
    }
    let mut table = Table::new(
        "reasons",
        "Why rows were refuted, failed or were declined",
        "For a refuted row: the first constraint that the checker found broken.",
        vec![
            Column::words("method", "method"),
            Column::words("status", "status"),
            Column::numbers("rows", "rows"),
            Column::words("reason", "reason"),
            Column::words("e.g. instance", "instance"),
        ],
    );
    for ((status, method, reason), (count, example)) in found {
        let mark = if status == Status::Declined { Mark::Plain } else { Mark::Failure };
        table.push(vec![
            Cell::text(method),
            Cell::text(status.name()).marked(mark),
            Cell::count(count),
            Cell::text(reason),
            Cell::text(example),
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// The gap's definition for a direction, once for the whole report.
pub fn gap_definition(sense: Sense) -> &'static str {
    match sense {
        Sense::Minimise => {
            "Gap = (H - LB)/LB, with H the objective the checker computed and LB the best lower bound known in this run for the \
             same instance, whoever found it: the largest distance from the optimum that is possible."
        }
        Sense::Maximise => {
            "Gap = 1 - H/UB, with H the objective the checker computed and UB the best upper bound known in this run for the same \
             instance, whoever found it: the largest distance from the optimum that is possible."
        }
    }
}
