//! Policies over time: delay, energy against the budgets, gap to the clairvoyant bound.

use std::collections::BTreeMap;

use offcut_ledger::Row;

use super::rows::{EXACT, POLICY, measure, studies};
use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::numbers::{self, Scale, significant};
use crate::results::{Point, Result, Results, Series, per_instance};
use crate::section::Section;
use crate::statistics::{bootstrap_mean, mean, range};
use crate::table::{Cell, Column, Table};
use crate::verdict::{Outcome, Rule, Verdict};

/// Up to which overdraft of the worst user budgets count as kept at the end of a horizon.
const MAX_OVERDRAFT: f64 = 0.05;

pub(super) fn section(results: &Results) -> Option<Section> {
    let study = studies(results, "policies").next()?;
    let series = results.series(study);
    let mut tables = vec![all(results, &study.title, &series)];
    tables.extend(SHOWN.iter().map(|shown| by_family(&study.title, &series, shown)));
    let words = "The gap is relative to the clairvoyant bound: a lower bound on the cost of any decisions for this \
        sample path with all slots known in advance, proved by dual prices of energy over the horizon and of bandwidth \
        and edge speed in every slot. It is not a policy. Part of every gap is the cost of not knowing future slots and \
        of starting with empty queues, which no policy can avoid. Policies with queues keep budgets in the long run \
        only: their backlog, the energy overspent in the first slots, is charged at the end. Over few slots this charge \
        dominates and favours policies without backlog, hence the long horizons here and the study of the horizon's length.";
    Some(Section { title: "Policies over time".into(), paragraphs: vec![words.into()], tables, ..Section::default() })
}

/// All results of a series.
fn rows<'s, 'a>(series: &Series<'s, 'a>) -> Vec<&'s Result<'a>> {
    series.points.iter().flat_map(|point| &point.results).copied().collect()
}

fn of_measure(rows: &[&Result], name: &str) -> Vec<f64> {
    per_instance(rows.iter().copied(), |r| measure(r, name))
}

fn all(results: &Results, title: &str, series: &[Series]) -> Table {
    let columns = vec![
        Column::words("policy", "policy"),
        Column::numbers("instances", "instances"),
        Column::numbers("delay of a user (ms)", "delay_s"),
        Column::numbers("energy / budgets (%)", "spent"),
        Column::numbers("worst user above budget (%)", "overdraft"),
        Column::numbers("final backlog (J)", "final_backlog_j"),
        Column::numbers("charge (ms)", "charge_s"),
        Column::numbers("objective (ms)", "objective_s"),
        Column::bounded("gap to the clairvoyant bound (%)", "gap_percent"),
        Column::intervals("95 % interval (%)", "interval_percent"),
        Column::bounded("largest gap (%)", "max_gap_percent"),
    ];
    let note = "Means over instances and slots, measured by the checker. Worst user: largest excess of a user's mean \
        energy over its budget, mean over instances. Charge: the term of the objective for this excess. Objective: mean \
        over slots of the delay of all users, plus the charge. (a/b): a of b rows have a trajectory; the others are left \
        out of the means.";
    let mut table = Table::new("policies-over-time", format!("{title}: policies over time"), note, columns)
        .in_print(&["policy", "instances", "delay_s", "spent", "objective_s", "gap_percent", "interval_percent"]);
    let number = |value: Option<f64>, factor: f64| {
        value.map_or_else(Cell::absent, |v| Cell::number(significant(v * factor, 4), v))
    };
    let tolerance = results.tolerance(true);
    for series in series {
        let rows = rows(series);
        let of = |name: &str| mean(&of_measure(&rows, name));
        let gaps = per_instance(rows.iter().copied(), |r| r.gap.filter(|gap| gap.certified).map(|gap| gap.high));
        let percent = |gap: f64| Cell::number(numbers::percent(gap, tolerance), 100.0 * gap);
        let interval = bootstrap_mean(series.name, &gaps).map(|(low, high)| {
            Cell::interval((100.0 * low, 100.0 * high), |end| numbers::percent(end / 100.0, tolerance))
        });
        let with = rows.iter().filter(|r| r.objective.is_some() || r.is_bound_only()).count();
        let partial = if with == rows.len() { String::new() } else { format!(" ({with}/{})", rows.len()) };
        let instances = per_instance(rows.iter().copied(), |_| Some(1.0)).len();
        let objective = mean(&per_instance(rows.iter().copied(), |r| r.objective.or_else(|| r.bound_only())));
        table.push(vec![
            Cell::text(series.label()),
            Cell::number(format!("{instances}{partial}"), instances as f64),
            number(of("delay_s"), 1e3),
            number(of("spent"), 100.0),
            number(of("overdraft"), 100.0),
            number(of("final_backlog_j"), 1.0),
            number(of("charge_s"), 1e3),
            number(objective, 1e3),
            mean(&gaps).map_or_else(Cell::absent, percent),
            interval.unwrap_or_else(Cell::absent),
            range(&gaps).map_or_else(Cell::absent, |(_, most)| percent(most)),
        ]);
    }
    table
}

/// What is shown of every family and policy, a table each.
struct ShownMeasure {
    id: &'static str,
    title: &'static str,
    of: fn(&Result) -> Option<f64>,
    factor: f64,
}

const SHOWN: [ShownMeasure; 3] = [
    ShownMeasure { id: "delay", title: "delay of a user (ms)", of: |r| measure(r, "delay_s"), factor: 1e3 },
    ShownMeasure {
        id: "energy",
        title: "energy of all users over their budgets (%)",
        of: |r| measure(r, "spent"),
        factor: 100.0,
    },
    ShownMeasure {
        id: "clairvoyant",
        title: "gap to the clairvoyant bound (%)",
        of: |r| Some(r.gap?.high),
        factor: 100.0,
    },
];

/// Families against policies.
fn by_family(title: &str, series: &[Series], shown: &ShownMeasure) -> Table {
    let candidates: Vec<&Series> = series.iter().filter(|series| !series.is_bound_only()).collect();
    let mut columns = vec![Column::words("family", "family")];
    columns.extend(candidates.iter().map(|series| Column::numbers(series.name, series.name)));
    let note = "Means over instances. –: no trajectory on some instance.";
    let id = format!("policies-{}-by-family", shown.id);
    let mut table = Table::new(&id, format!("{title}: {}, by family", shown.title), note, columns);
    let mut families: Vec<&str> =
        candidates.iter().flat_map(|series| rows(series)).map(|r| r.row.instance.family.as_str()).collect();
    table.turns = true;
    families.sort_unstable();
    families.dedup();
    for family in families {
        let cell = |series: &&Series| {
            let of_it: Vec<&Result> = rows(series).into_iter().filter(|r| r.row.instance.family == family).collect();
            if of_it.iter().any(|r| (shown.of)(r).is_none()) {
                return Cell::absent();
            }
            let mean = mean(&per_instance(of_it.iter().copied(), |r| (shown.of)(r)));
            mean.map_or_else(Cell::absent, |m| Cell::number(significant(m * shown.factor, 4), m * shown.factor))
        };
        table.push(std::iter::once(Cell::text(family)).chain(candidates.iter().map(cell)).collect());
    }
    table
}

/// The first row of a series at a place that has a history.
fn history<'a>(series: &Series<'_, 'a>, place: f64) -> Option<&'a Row> {
    let rows = &series.points.iter().find(|point| point.x == Some(place))?.results;
    let order = |row: &&Row| (row.instance.name.clone(), row.key.instance.clone(), row.key.budget.seed);
    rows.iter().map(|r| r.row).filter(|row| row.series.contains_key("backlog_j")).min_by_key(order)
}

/// The last values of histories.
fn ends_of(rows_shown: &[&(&str, &Row)], history: &str) -> Vec<f64> {
    rows_shown.iter().filter_map(|(_, row)| Some(row.series.get(history)?.last()?.1)).collect()
}

/// Courses of policies on one sample path.
pub(super) fn over_time(results: &Results) -> Option<Section> {
    let study = studies(results, "horizon").next()?;
    let series = results.series(study);
    let longest = series.iter().filter_map(|series| series.points.last()?.x).reduce(f64::max)?;
    let rows_shown: Vec<_> =
        series.iter().filter_map(|series| Some((series.name, history(series, longest)?))).collect();
    let instance = rows_shown.iter().map(|(_, row)| (&row.instance.name, &row.key.instance)).min()?;
    let rows_shown: Vec<_> =
        rows_shown.iter().filter(|(_, row)| (&row.instance.name, &row.key.instance) == instance).collect();
    let panel = |history: &str, label: &str, unit: &str| {
        let points = |row: &Row| row.series.get(history).cloned().unwrap_or_default();
        let scale = Scale::fitting(&ends_of(&rows_shown, history), unit);
        let lines = rows_shown.iter().map(|(name, row)| Line {
            names: vec![(*name).to_owned()],
            points: points(row).into_iter().map(|(x, y)| Mark { x, y: y * scale.factor, band: None }).collect(),
            limit: None,
        });
        Lines {
            x: Axis { label: "slots".into(), log: false },
            y: Axis { label: scale.label(label), log: false },
            lines: lines.filter(|line| !line.points.is_empty()).collect(),
            limit: None,
            shape: Shape::Joined,
        }
    };
    // The budget of a user, in the mean: what is spent over which share of it that is.
    let budget =
        rows_shown.iter().find_map(|(_, row)| Some(row.measures.get("energy_j")? / row.measures.get("spent")?));
    let mut energy = panel("energy_j", "mean energy per slot so far", "J");
    let unit = Scale::fitting(&ends_of(&rows_shown, "energy_j"), "J").factor;
    energy.limit = budget.map(|budget| ("budget".into(), vec![(0.0, budget * unit), (longest, budget * unit)]));
    let figure = Figure {
        id: "policies-history-figure".into(),
        title: "Policies on one sample path".into(),
        caption: format!(
            "One sample path, {}, recorded by the runner, which keeps the queues. Delay and energy: means over users \
             and over the slots so far. Backlog: mean over users after the slot. Dashed: the mean budget. A policy \
             keeps the budgets in the long run if its backlog grows more slowly than the number of slots.",
            instance.0
        ),
        plot: Plot::Panels(vec![
            panel("delay_s", "mean delay so far", "s"),
            energy,
            panel("backlog_j", "backlog", "J"),
        ]),
    };
    let drawable = rows_shown.iter().any(|(_, row)| row.series["backlog_j"].len() > 1);
    drawable.then(|| Section {
        title: "Policies over one sample path".into(),
        paragraphs: Vec::new(),
        tables: Vec::new(),
        figures: vec![figure],
        ..Section::default()
    })
}

/// Whether budgets hold in the long run: the worst user's overdraft over the length of the horizon.
pub(super) fn balanced(results: &Results) -> Verdict {
    let claim = "long-term resource constraints are balanced: energy budgets hold over time";
    let verdict = Verdict::new(claim, Rule::Threshold, "horizon_overdraft", "5 % above the budget, and falling");
    let Some(study) = studies(results, "horizon").next() else {
        return verdict.not_tested("no study of the horizon's length");
    };
    let series = results.series(study);
    let of = |policy: &str| -> Vec<(f64, f64)> {
        let point = |point: &Point| {
            let overdrafts: Option<Vec<f64>> = point.results.iter().map(|r| measure(r, "overdraft")).collect();
            Some((point.x?, mean(&overdrafts?)?))
        };
        series.iter().filter(|s| s.name == policy).flat_map(|s| &s.points).filter_map(point).collect()
    };
    let described = |points: &[(f64, f64)]| {
        let one = |(slots, over): &(f64, f64)| format!("{} % after {} slots", percent(*over), numbers::tick(*slots));
        points.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let ours = of(POLICY);
    let [first, .., last] = &ours[..] else { return verdict.not_tested("fewer than two lengths of the horizon") };
    let mut numbers = format!("the worst user of lymdo is above its budget by {}", described(&ours));
    let exact = of(EXACT);
    if !exact.is_empty() {
        numbers += &format!("; of lymdo-exact by {}", described(&exact));
    }
    let outcome = if last.1 <= MAX_OVERDRAFT && last.1 < first.1 { Outcome::Shown } else { Outcome::NotShown };
    let why = "mean energy exceeds its budget by at most the final backlog over the number of slots, which falls \
        once the backlog is stable. The rule is Offcut's: less for the longest horizon than for the shortest, and at \
        most 5 % of the budget, mean over instances of the worst user"
        .to_owned();
    let rows = series.iter().filter(|s| s.name == POLICY).flat_map(|s| &s.points).map(|p| p.results.len()).sum();
    let number = format!("{} % after {} slots", percent(last.1), numbers::tick(last.0));
    verdict.decided((outcome, why), rows, number, numbers)
}

fn percent(share: f64) -> String {
    significant(100.0 * share, 2)
}

/// Whether the paper's policy costs less than every other that is no exact method.
pub(super) fn better(results: &Results) -> Verdict {
    let claim = "(ours) over time lymdo has lower cost than policies without learning or without queues";
    let limit = "a reduction against every policy";
    let verdict = Verdict::new(claim, Rule::Threshold, "policies_over_time", limit);
    let series: Vec<Series> =
        studies(results, "policies").next().map(|study| results.series(study)).unwrap_or_default();
    let ours = series.iter().find(|series| series.name == POLICY && !series.points.is_empty());
    let Some(ours) = ours else {
        return verdict.not_tested("no study of policies with lymdo");
    };
    let objectives_of_ours = objectives(ours);
    let mut parts = Vec::new();
    let (mut least, mut strongest) = (f64::INFINITY, "");
    for other in series.iter().filter(|s| ![POLICY, EXACT].contains(&s.name) && !s.is_bound_only()) {
        let (reduction, described) = reduction(&objectives_of_ours, other);
        parts.push(described);
        if let Some(reduction) = reduction.filter(|reduction| *reduction < least) {
            (least, strongest) = (reduction, other.name);
        }
    }
    if least == f64::INFINITY {
        return verdict.not_tested("nothing to compare with");
    }
    let without = rows(ours).len() - objectives_of_ours.values().map(Vec::len).sum::<usize>();
    let (outcome, why) = match (least > 0.0, without) {
        (true, 0) => (
            Outcome::Shown,
            format!(
                "the rule is Offcut's: a positive mean reduction against every policy. The strongest is {strongest}. \
                 lymdo-exact, which solves the same slots exactly, does not count"
            ),
        ),
        (true, without) => (Outcome::NotShown, format!("{without} rows of lymdo have no trajectory")),
        (false, _) => {
            let factor = mean_time(&series, strongest).zip(mean_time(&series, POLICY));
            let factor = factor.filter(|(theirs, ours)| *theirs > 0.0 && *ours > 0.0);
            let factor =
                factor.map(|(theirs, ours)| format!(", in {} times the time of lymdo", significant(theirs / ours, 2)));
            (Outcome::NotShown, format!("{strongest} is equal or better{}", factor.unwrap_or_default()))
        }
    };
    let numbers = format!("mean reduction of the objective by lymdo over instances: {}", parts.join(", "));
    let number = format!("{} % against {strongest}", percent(least));
    verdict.decided((outcome, why), objectives_of_ours.len(), number, numbers)
}

/// The objectives of a policy by instance.
fn objectives(series: &Series) -> BTreeMap<String, Vec<f64>> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for result in rows(series) {
        if let Some(objective) = result.objective {
            values.entry(result.row.key.instance.clone()).or_default().push(objective);
        }
    }
    values
}

/// The mean reduction over the instances on which both have a trajectory, if there are any, and the same in words.
fn reduction(ours: &BTreeMap<String, Vec<f64>>, other: &Series) -> (Option<f64>, String) {
    let theirs = objectives(other);
    let of = |(instance, ours): (&String, &Vec<f64>)| Some(1.0 - mean(ours)? / mean(theirs.get(instance)?)?);
    let reductions: Vec<f64> = ours.iter().filter_map(of).collect();
    let without = rows(other).iter().filter(|r| r.objective.is_none()).count();
    let failed = if without > 0 { format!("; no trajectory in {without} rows") } else { String::new() };
    let mean = mean(&reductions);
    let described = match mean {
        Some(mean) => {
            let instances = numbers::instances(reductions.len());
            format!("{} % against {} ({instances}{failed})", percent(mean), other.name)
        }
        None => format!("{} has no trajectory", other.name),
    };
    (mean, described)
}

/// The mean solution time of a policy, in seconds.
fn mean_time(series: &[Series], policy: &str) -> Option<f64> {
    let times = series.iter().filter(|s| s.name == policy).flat_map(rows).filter_map(|r| r.measured_s());
    mean(&times.collect::<Vec<_>>())
}
