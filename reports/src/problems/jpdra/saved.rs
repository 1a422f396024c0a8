//! The delay reduction of `jpdra` against every baseline.

use std::collections::BTreeSet;

use offcut_ledger::{Row, Study};

use super::rows::{PROBLEM, instance_of, objectives};
use crate::figure::{Axis, Dot, Dots, Figure, Line, Lines, Mark, Plot, Role, Shape};
use crate::names::identifier;
use crate::numbers::{self, Scale, whole};
use crate::results::{Result, Results};
use crate::section::Section;
use crate::statistics::{bootstrap_mean, mean, median, range};
use crate::table::{Cell, Column, Table};

/// By how much the average end-to-end delay falls, as the abstract has it. It does not say against what.
pub const REDUCTION: f64 = 0.257;

/// A baseline: its name, and what it does instead of DPD and CRA.
pub(super) struct Baseline {
    pub(super) method: &'static str,
    deployment: &'static str,
    speeds: &'static str,
    /// Whether it has a deployment of its own; the others take the one of `dpd`.
    pub(super) places: bool,
}

const fn baseline(method: &'static str, deployment: &'static str, speeds: &'static str, places: bool) -> Baseline {
    Baseline { method, deployment, speeds, places }
}

const BASELINES: [Baseline; 6] = [
    baseline("greedy", "largest work first", "best", true),
    baseline("greedy-equal", "largest work first", "equal surplus", true),
    baseline("fastest-server", "fastest server", "best", true),
    baseline("random-server", "random server", "best", true),
    baseline("proportional-split", "DPD", "by work", false),
    baseline("equal-split", "DPD", "equal", false),
];

/// The delay reduction of `jpdra` against one baseline.
pub(super) struct Saved {
    pub(super) baseline: &'static Baseline,
    /// 1 - jpdra / baseline, one value for every instance on which both have a solution.
    pub(super) reductions: Vec<f64>,
    /// Instances on which only `jpdra` has one.
    pub(super) alone: usize,
    /// Rows of the baseline without a solution, and all of them.
    pub(super) rows: [usize; 2],
}

/// The delay reductions of `jpdra` against every baseline on those of these rows that are of the family `zoo`; baselines that have no rows are left out.
pub(super) fn saved(rows: &[&Result]) -> Vec<Saved> {
    let of_method = |method: &str| -> Vec<&Result> {
        let is_it = |r: &&&Result| {
            let Row { key, instance, .. } = r.row;
            key.method == method && instance.family == "zoo" && instance.variant != "units" && r.is_attempted()
        };
        rows.iter().filter(is_it).copied().collect()
    };
    let ours = objectives(&of_method(PROBLEM));
    let against = |baseline: &'static Baseline| {
        let rows = of_method(baseline.method);
        let theirs = objectives(&rows);
        let tried: BTreeSet<&str> = rows.iter().map(|r| instance_of(r)).collect();
        let without = rows.iter().filter(|r| r.objective.is_none()).count();
        (!rows.is_empty()).then(|| Saved {
            baseline,
            reductions: ours.iter().filter_map(|(i, ours)| Some(1.0 - ours / theirs.get(i)?)).collect(),
            alone: ours.keys().filter(|i| tried.contains(*i) && !theirs.contains_key(*i)).count(),
            rows: [without, rows.len()],
        })
    };
    BASELINES.iter().filter_map(against).collect()
}

/// A share in percent, as tables and verdicts print it.
pub(super) fn percent(share: f64) -> String {
    numbers::fixed(100.0 * share, 1)
}

/// A study over an axis of the generator, with the reductions at every place.
struct Sweep<'s> {
    study: &'s Study,
    places: Vec<(f64, Vec<Saved>)>,
}

/// The studies over an axis of the generator in which `jpdra` and some baseline ran on real DNNs.
fn sweeps<'s>(results: &'s Results) -> Vec<Sweep<'s>> {
    let sweep = |study: &'s Study| {
        study.axis.as_ref()?;
        let mut places: Vec<(f64, Vec<&Result>)> = Vec::new();
        for cell in &study.cells {
            let (Some(x), Some(result)) = (cell.x, results.of_key(&cell.key)) else { continue };
            match places.iter_mut().find(|(place, _)| place.to_bits() == x.to_bits()) {
                Some((_, rows)) => rows.push(result),
                None => places.push((x, vec![result])),
            }
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let places: Vec<_> = places.into_iter().map(|(x, rows)| (x, saved(&rows))).collect();
        let has_any = places.iter().flat_map(|(_, saved)| saved).any(|saved| !saved.reductions.is_empty());
        has_any.then_some(Sweep { study, places })
    };
    results.manifest.studies.iter().filter_map(sweep).collect()
}

pub(super) fn section(results: &Results) -> Option<Section> {
    let of_all = saved(&results.results.iter().collect::<Vec<_>>());
    if of_all.is_empty() {
        return None;
    }
    let sweeps = sweeps(results);
    let mut tables = vec![reduction(&of_all)];
    tables.extend(sweeps.iter().map(over_axis));
    let figures = against_all(&of_all).into_iter().chain(sweeps.iter().filter(|s| s.study.name == "load").map(figure));
    Some(Section {
        title: "Delay reduction against every baseline".into(),
        paragraphs: Vec::new(),
        tables,
        figures: figures.collect(),
        ..Section::default()
    })
}

/// The reduction against every baseline.
fn reduction(of_all: &[Saved]) -> Table {
    let mut all = Table::new(
        "reduction",
        "Delay reduction of jpdra against every baseline (abstract: 25.7 %)",
        "1 - jpdra / baseline for every instance of real DNNs (family zoo) on which both have a solution, averaged \
         over seeds. At least 25.7 %: share of these instances. Only jpdra: instances without a solution of the \
         baseline, left out of the means; a baseline that fails on hard instances therefore looks better than it is. \
         The abstract does not name its baseline.",
        vec![
            Column::words("baseline", "baseline"),
            Column::words("deployment", "deployment"),
            Column::words("speeds", "speeds"),
            Column::numbers("instances", "instances"),
            Column::numbers("only jpdra", "only_jpdra"),
            Column::numbers("rows failed", "rows_failed"),
            Column::numbers("mean reduction (%)", "mean_reduction_percent"),
            Column::intervals("95 % interval (%)", "interval_percent"),
            Column::numbers("median (%)", "median_percent"),
            Column::numbers("min (%)", "min_percent"),
            Column::numbers("max (%)", "max_percent"),
            Column::numbers("at least 25.7 % (%)", "at_least_percent"),
        ],
    )
    .in_print(&[
        "baseline",
        "deployment",
        "instances",
        "only_jpdra",
        "mean_reduction_percent",
        "interval_percent",
        "at_least_percent",
    ]);
    let cell = |share: Option<f64>| share.map_or_else(Cell::absent, |s| Cell::number(percent(s), 100.0 * s));
    for Saved { baseline, reductions, alone, rows } in of_all {
        let (least, most) = range(reductions).unzip();
        let enough = reductions.iter().filter(|saved| **saved >= REDUCTION).count();
        let interval = bootstrap_mean(baseline.method, reductions);
        let interval =
            interval.map(|(low, high)| Cell::interval((100.0 * low, 100.0 * high), |end| numbers::fixed(end, 1)));
        all.push(vec![
            Cell::text(baseline.method),
            Cell::text(baseline.deployment),
            Cell::text(baseline.speeds),
            Cell::count(reductions.len()),
            Cell::count(*alone),
            Cell::number(format!("{} of {}", whole(rows[0] as u64), whole(rows[1] as u64)), rows[0] as f64),
            cell(mean(reductions)),
            interval.unwrap_or_else(Cell::absent),
            cell(median(reductions)),
            cell(least),
            cell(most),
            cell((!reductions.is_empty()).then(|| enough as f64 / reductions.len() as f64)),
        ]);
    }
    all
}

/// The 25.7 % beside the reduction against every baseline; none without a baseline that has a number.
fn against_all(all: &[Saved]) -> Option<Figure> {
    let dot = |saved: &Saved| {
        let own = if saved.baseline.places { "" } else { " (with DPD's deployment)" };
        Some(Dot {
            name: format!("{}{own}", saved.baseline.method),
            mean: 100.0 * mean(&saved.reductions)?,
            interval: bootstrap_mean(saved.baseline.method, &saved.reductions)
                .map(|(low, high)| (100.0 * low, 100.0 * high)),
            max: 100.0 * range(&saved.reductions)?.1,
            certified: true,
            time_s: None,
            role: Role::Heuristic,
        })
    };
    let mut dots: Vec<Dot> = all.iter().filter_map(dot).collect();
    if dots.is_empty() {
        return None;
    }
    let of_abstract = 100.0 * REDUCTION;
    dots.push(Dot {
        name: "the abstract's 25.7 %".into(),
        mean: of_abstract,
        interval: None,
        max: of_abstract,
        certified: true,
        time_s: None,
        role: Role::Paper,
    });
    dots.sort_by(|a, b| b.mean.total_cmp(&a.mean).then_with(|| a.name.cmp(&b.name)));
    Some(Figure {
        id: "reduction-figure".into(),
        title: "Delay reduction of jpdra against every baseline, and the abstract's 25.7 %".into(),
        caption: "Dot: mean over instances of real DNNs of 1 - jpdra / baseline, over the instances on which both have a \
            solution; bar: 95 % bootstrap interval of the mean; small tick: largest reduction on an instance. The abstract \
            does not name its baseline. Further right: the baseline is weaker."
            .into(),
        plot: Plot::Dots(Dots { axis: Axis { label: "mean delay reduction (%)".into(), log: false }, dots, times: None }),
    })
}

/// The baselines that have a number somewhere in a sweep.
fn compared(places: &[(f64, Vec<Saved>)]) -> Vec<&'static Baseline> {
    let has = |baseline: &&Baseline| {
        let mut all = places.iter().flat_map(|(_, saved)| saved);
        all.any(|saved| saved.baseline.method == baseline.method && !saved.reductions.is_empty())
    };
    BASELINES.iter().filter(has).collect()
}

fn over_axis(sweep: &Sweep) -> Table {
    let Sweep { study, places } = sweep;
    let axis = study.axis.as_ref().expect("sweeps have one");
    let label = Scale { factor: 1.0, unit: axis.unit.clone() }.label(&axis.name);
    let baselines = compared(places);
    let mut columns = vec![Column::numbers(label, &axis.name)];
    columns.extend(baselines.iter().map(|b| Column::numbers(b.method, format!("{}_percent", b.method))));
    let compares = |saved: &&Saved| !saved.reductions.is_empty();
    let is_partial = places.iter().flat_map(|(_, saved)| saved).filter(compares).any(|saved| saved.alone > 0);
    let mut table = Table::new(
        &format!("{}-reduction", study.name),
        format!("{}: mean delay reduction (%)", study.title),
        if is_partial {
            "(a/b): a of the b instances that jpdra solves also have a solution of the baseline."
        } else {
            ""
        },
        columns,
    );
    table.turns = true;
    for (x, saved) in places {
        let of = |baseline: &&Baseline| {
            let Some(saved) = saved.iter().find(|s| s.baseline.method == baseline.method) else {
                return Cell::absent();
            };
            let (both, all) = (saved.reductions.len(), saved.reductions.len() + saved.alone);
            let partial = if both == all { String::new() } else { format!(" ({both}/{all})") };
            let number = |mean| Cell::number(format!("{}{partial}", percent(mean)), 100.0 * mean);
            mean(&saved.reductions).map_or_else(Cell::absent, number)
        };
        table.push(std::iter::once(Cell::number(numbers::tick(*x), *x)).chain(baselines.iter().map(of)).collect());
    }
    table
}

fn figure(sweep: &Sweep) -> Figure {
    let Sweep { study, places } = sweep;
    let axis = study.axis.as_ref().expect("sweeps have one");
    let line = |baseline: &Baseline| {
        let point = |(x, saved): &(f64, Vec<Saved>)| {
            // A mean over the instances that are left would be over easier ones.
            let saved = saved.iter().find(|s| s.baseline.method == baseline.method && s.alone == 0)?;
            let band = bootstrap_mean(baseline.method, &saved.reductions);
            let band = band.map(|(low, high)| (100.0 * low, 100.0 * high));
            Some(Mark { x: *x, y: 100.0 * mean(&saved.reductions)?, band })
        };
        Line { names: vec![baseline.method.to_owned()], points: places.iter().filter_map(point).collect(), limit: None }
    };
    let ends = range(&places.iter().map(|(x, _)| *x).collect::<Vec<_>>()).expect("sweeps have places");
    Figure {
        id: format!("{}-figure", identifier(&format!("{} reduction", study.name))),
        title: format!("{}: delay reduction of jpdra", study.title),
        caption: "Line: mean over instances of 1 - jpdra / baseline; band: 95 % bootstrap interval over instances; \
            dashed: the 25.7 % of the abstract, whose baseline is not named. A point is left out where the baseline has \
            no solution of some instance."
            .into(),
        plot: Plot::Lines(Lines {
            x: Axis { label: axis.name.clone(), log: study.log_axis },
            y: Axis { label: "mean delay reduction (%)".into(), log: false },
            lines: compared(places).into_iter().map(line).filter(|line| line.points.len() > 1).collect(),
            limit: Some((
                "the abstract's 25.7 %".into(),
                vec![(ends.0, 100.0 * REDUCTION), (ends.1, 100.0 * REDUCTION)],
            )),
            shape: Shape::Joined,
        }),
    }
}
