//! Single slots: gaps of cuts without search to the proved optimum.

use std::collections::BTreeMap;

use offcut_ledger::StudyCell;

use super::rows::{POLICY, is_slot, studies};
use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::numbers;
use crate::results::{Result, Results};
use crate::section::Section;
use crate::statistics::{mean, quantile};
use crate::table::{Cell, Column, Table};
use crate::verdict::{Outcome, Rule, Verdict};

/// Up to which mean gap learned cuts count as near the optimum.
const GAP_TARGET: f64 = 0.01;

/// The least gap on the axis of the figure, in percent: what is below is drawn on its edge.
const FLOOR_PERCENT: f64 = 1e-4;

/// Gaps of one policy in single slots.
struct Gaps<'r> {
    method: &'r str,
    /// Certified gaps, ascending, one a row.
    sorted: Vec<f64>,
    /// Rows, without those of slots that are proved to have no allocation.
    rows: usize,
}

/// The rows of the studies of single slots, by method, without the methods that prove something themselves.
fn gaps<'r>(results: &'r Results) -> Vec<Gaps<'r>> {
    let mut by_method: BTreeMap<&str, BTreeMap<&str, &Result>> = BTreeMap::new();
    // A run of one's own has studies of other names.
    let of_slots = || studies(results, "slot").flat_map(|study| &study.cells);
    let of_all = || results.manifest.studies.iter().flat_map(|study| &study.cells);
    let cells: Vec<&StudyCell> = if of_slots().next().is_some() { of_slots().collect() } else { of_all().collect() };
    for cell in cells {
        let Some(result) = results.of_key(&cell.key) else { continue };
        if is_slot(&result.row.instance.variant) && result.is_attempted() {
            by_method.entry(&result.row.key.method).or_default().insert(&cell.key, result);
        }
    }
    by_method.retain(|_, rows| !rows.values().any(|r| r.row.claims_bound()));
    let of_method = |(method, rows): (&'r str, BTreeMap<&str, &Result>)| {
        let can_be = |r: &&&Result| results.best[&r.row.key.instance].objective.is_some();
        let certified = |r: &&Result| r.gap.filter(|gap| gap.certified).map(|gap| gap.high);
        let mut sorted: Vec<f64> = rows.values().filter_map(certified).collect();
        sorted.sort_by(f64::total_cmp);
        Gaps { method, sorted, rows: rows.values().filter(can_be).count() }
    };
    let mut all: Vec<Gaps> = by_method.into_iter().map(of_method).filter(|gaps| !gaps.sorted.is_empty()).collect();
    all.sort_by(|a, b| mean(&a.sorted).unwrap_or(0.0).total_cmp(&mean(&b.sorted).unwrap_or(0.0)));
    all
}

pub(super) fn section(results: &Results) -> Option<Section> {
    let all = gaps(results);
    if all.is_empty() {
        return None;
    }
    let tolerance = results.tolerance(true);
    let mut table = Table::new(
        "slot-gaps",
        "Single slots: certified gaps to the optimum",
        "Over rows. Every policy allocates resources optimally for its cuts, so gaps are due to the cuts. Answered: \
         rows with an allocation, among rows whose slot has one. At the optimum: rows with a gap of 0.",
        vec![
            Column::words("policy", "policy"),
            Column::numbers("answered", "answered"),
            Column::numbers("rows", "rows"),
            Column::numbers("at the optimum (%)", "at_optimum_percent"),
            Column::numbers("mean gap (%)", "mean_percent"),
            Column::numbers("median (%)", "median_percent"),
            Column::numbers("90 % (%)", "q90_percent"),
            Column::numbers("99 % (%)", "q99_percent"),
            Column::numbers("max (%)", "max_percent"),
        ],
    )
    .in_print(&[
        "policy",
        "answered",
        "at_optimum_percent",
        "mean_percent",
        "median_percent",
        "q90_percent",
        "max_percent",
    ]);
    let percent = |gap: f64| Cell::number(numbers::percent(gap, tolerance), 100.0 * gap);
    for Gaps { method, sorted, rows } in &all {
        let zero = sorted.iter().filter(|gap| **gap <= tolerance).count();
        let share = 100.0 * zero as f64 / sorted.len() as f64;
        table.push(vec![
            Cell::text(*method),
            Cell::count(sorted.len()),
            Cell::count(*rows),
            Cell::number(format!("{share:.1}"), share),
            percent(mean(sorted).expect("one or more")),
            percent(quantile(sorted, 0.5)),
            percent(quantile(sorted, 0.9)),
            percent(quantile(sorted, 0.99)),
            percent(quantile(sorted, 1.0)),
        ]);
    }
    Some(Section {
        title: "Single slots: gaps to the proved optimum".into(),
        paragraphs: Vec::new(),
        tables: vec![table],
        figures: vec![figure(&all)],
        ..Section::default()
    })
}

/// The share of rows over the gap they stay within.
fn figure(all: &[Gaps]) -> Figure {
    // Every line goes on to where the last one ends.
    let end = all.iter().filter_map(|gaps| gaps.sorted.last()).fold(FLOOR_PERCENT / 100.0, |end, gap| end.max(*gap));
    let line = |gaps: &Gaps| {
        let share = |n: usize| 100.0 * n as f64 / gaps.sorted.len() as f64;
        let mut points = Vec::new();
        let mut n = 0;
        let mut put = |gap: f64, n: usize| points.push(Mark { x: gap, y: share(n), band: None });
        let below = gaps.sorted.iter().take_while(|gap| 100.0 * **gap <= FLOOR_PERCENT).count();
        put(FLOOR_PERCENT, below);
        n += below;
        for gap in &gaps.sorted[below..] {
            put(100.0 * gap, n);
            n += 1;
            put(100.0 * gap, n);
        }
        put(100.0 * end, n);
        Line { names: vec![gaps.method.to_owned()], points, limit: None }
    };
    Figure {
        id: "slot-gaps-figure".into(),
        title: "Single slots: cumulative distribution of the certified gap".into(),
        caption: format!(
            "Distribution over rows; further left and higher is better. Gaps below {} %, including 0, are drawn at \
             the left edge. Logarithmic horizontal axis.",
            numbers::tick(FLOOR_PERCENT)
        ),
        plot: Plot::Lines(Lines {
            x: Axis { label: "certified gap to the slot's optimum (%)".into(), log: true },
            y: Axis { label: "share of slots (%)".into(), log: false },
            lines: all.iter().map(line).collect(),
            limit: None,
            shape: Shape::Joined,
        }),
    }
}

pub(super) fn near_optimum(results: &Results) -> Verdict {
    let claim = "(ours) learned cuts are within 1 % of the best cuts of a slot";
    let verdict = Verdict::new(claim, Rule::Threshold, "slot_gaps", "mean certified gap of 1 %");
    let all = gaps(results);
    let Some(ours) = all.iter().find(|gaps| gaps.method == POLICY) else {
        return verdict.not_tested("no single slot with lymdo and a certified bound");
    };
    let percent = |gap: f64| numbers::percent(gap, results.tolerance(true));
    let mut numbers = format!(
        "certified gap of lymdo: mean {} %, median {} %, 90 % of slots within {} %, max {} %, over {} rows",
        percent(mean(&ours.sorted).expect("one or more")),
        percent(quantile(&ours.sorted, 0.5)),
        percent(quantile(&ours.sorted, 0.9)),
        percent(quantile(&ours.sorted, 1.0)),
        ours.sorted.len()
    );
    for other in all.iter().filter(|gaps| gaps.method != POLICY) {
        numbers += &format!("; mean of {} {} %", other.method, percent(mean(&other.sorted).expect("one or more")));
    }
    let lacking = ours.rows - ours.sorted.len();
    let (outcome, why) = match (mean(&ours.sorted).expect("one or more") <= GAP_TARGET, lacking) {
        (true, 0) => (
            Outcome::Shown,
            "the rule is Offcut's: a mean certified gap of at most 1 %. Resources are optimal for the cuts, so gaps \
             are due to the cuts"
                .to_owned(),
        ),
        (true, lacking) => (Outcome::NotShown, format!("{lacking} rows have no certified gap")),
        (false, _) => (Outcome::NotShown, "the mean certified gap is above 1 %, Offcut's rule".to_owned()),
    };
    let number = format!("{} %", percent(mean(&ours.sorted).expect("one or more")));
    verdict.decided((outcome, why), ours.sorted.len(), number, numbers)
}
