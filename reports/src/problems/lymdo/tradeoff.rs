//! Delay and backlogs over V: the trade-off of Lyapunov optimisation.

use offcut_ledger::Study;

use super::rows::{EXACT, bound_s, measure, studies};
use crate::figure::{Axis, Figure, Line, Lines, Mark, Plot, Shape};
use crate::names::identifier;
use crate::numbers::{self, Scale, significant};
use crate::results::{Point, Result, Results, Series};
use crate::section::Section;
use crate::statistics::{bootstrap_mean, mean};
use crate::table::{Cell, Column, Table};
use crate::verdict::{Outcome, Rule, Verdict};

/// The family in which every slot is the same: the optimum over time is that of one slot, which the bound then reaches.
const STEADY: &str = "steady";

pub(super) fn section(results: &Results) -> Option<Section> {
    let studies: Vec<(&Study, Vec<Series>)> =
        studies(results, "v").map(|study| (study, results.series(study))).collect();
    let (mut tables, mut figures) = (Vec::new(), Vec::new());
    for (study, series) in &studies {
        tables.extend(table(results, study, series));
        figures.extend(figure(results, study, series));
    }
    let words = "In every slot a policy minimises V times delay plus backlogs times energy. With slots solved \
        exactly, the mean delay is at most B/V above that of the best stationary policy that keeps the budgets, where B \
        is half the mean square deviation of energies from their budgets. Backlogs grow at most in proportion to V. \
        Delay therefore falls towards its limit as 1/V, and backlog, energy spent ahead of the budgets, grows. At the \
        end of a finite horizon the backlog is not zero. Delay alone may therefore fall below the bound, and the \
        objective, which charges the backlog, has its minimum at an intermediate V.";
    (!tables.is_empty()).then(|| Section {
        title: "Trade-off of delay and backlog over V".into(),
        paragraphs: vec![words.into()],
        tables,
        figures,
        ..Section::default()
    })
}

/// A mean over instances of a measure at a point; none unless every row has it.
fn at(point: &Point, quantity: impl Fn(&Result) -> Option<f64>) -> Option<f64> {
    if point.results.iter().any(|r| quantity(r).is_none()) {
        return None;
    }
    mean(&point.per_instance(quantity))
}

fn table(results: &Results, study: &Study, series: &[Series]) -> Option<Table> {
    let axis = study.axis.as_ref()?;
    let mut table = Table::new(
        &format!("{}-tradeoff", study.name),
        format!("{}: delay and backlog", study.title),
        "Means over instances, slots and users, measured by the checker. Bound: the clairvoyant bound on delay with \
         charged energy, per user. B/V: half the mean square deviation of this trajectory's energies from their \
         budgets, over V. Backlog / V: relative to its first row.",
        vec![
            Column::words("policy", "policy"),
            Column::numbers(Scale { factor: 1.0, unit: axis.unit.clone() }.label(&axis.name), &axis.name),
            Column::numbers("delay of a user (ms)", "delay_s"),
            Column::numbers("bound (ms)", "bound_s"),
            Column::numbers("above bound (ms)", "above_s"),
            Column::numbers("B/V (ms)", "drift_s"),
            Column::numbers("mean backlog (J)", "backlog_j"),
            Column::numbers("final backlog (J)", "final_backlog_j"),
            Column::numbers("backlog / V", "backlog_over_v"),
            Column::numbers("energy / budgets (%)", "spent"),
            Column::numbers("charge (ms)", "charge_s"),
        ],
    );
    let number = |value: Option<f64>, factor: f64| {
        value.map_or_else(Cell::absent, |v| Cell::number(significant(v * factor, 4), v))
    };
    for series in series.iter().filter(|series| !series.is_bound_only()) {
        let mut first = None;
        for point in &series.points {
            let Some(v) = point.x else { continue };
            let of = |name: &str| at(point, |r| measure(r, name));
            let bound = at(point, |r| bound_s(results, r));
            let per_v = of("backlog_j").map(|backlog| backlog / v);
            first = first.or(per_v.filter(|per_v| *per_v > 0.0));
            table.push(vec![
                Cell::text(series.name),
                Cell::number(numbers::tick(v), v),
                number(of("delay_s"), 1e3),
                number(bound, 1e3),
                number(of("delay_s").zip(bound).map(|(delay, bound)| delay - bound), 1e3),
                number(of("drift_s"), 1e3),
                number(of("backlog_j"), 1.0),
                number(of("final_backlog_j"), 1.0),
                number(per_v.zip(first).map(|(per_v, first)| per_v / first), 1.0),
                number(of("spent"), 100.0),
                number(of("charge_s"), 1e3),
            ]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn line(name: String, points: Vec<Mark>) -> Line {
    Line { names: vec![name], points, limit: None }
}

fn figure(results: &Results, study: &Study, series: &[Series]) -> Option<Figure> {
    let axis = study.axis.as_ref()?;
    let x = || Axis { label: axis.name.clone(), log: study.log_axis };
    let of_point = |point: &Point, quantity: &dyn Fn(&Result) -> Option<f64>| {
        let y = at(point, quantity)?;
        Some(Mark { x: point.x?, y, band: bootstrap_mean(&study.name, &point.per_instance(quantity)) })
    };
    let of_series = |series: &Series, quantity: &dyn Fn(&Result) -> Option<f64>| -> Vec<Mark> {
        series.points.iter().filter_map(|point| of_point(point, quantity)).collect()
    };
    let candidates = || series.iter().filter(|series| !series.is_bound_only());
    let panel = |name: &str| -> Vec<Line> {
        let lines = candidates().map(|s| line(s.name.to_owned(), of_series(s, &|r| measure(r, name))));
        lines.filter(|line| line.points.len() > 1).collect()
    };
    let exact = candidates().find(|series| series.name == EXACT).or_else(|| candidates().next())?;
    let bound = of_series(exact, &|r| bound_s(results, r));
    let delays = panel("delay_s");
    let backlogs = panel("backlog_j");
    if delays.is_empty() {
        return None;
    }
    let above = |r: &Result| Some(measure(r, "delay_s")? - bound_s(results, r)?);
    let excesses = candidates().map(|s| {
        let marks = of_series(s, &above).into_iter();
        // What lies below the bound has no place on a logarithmic axis; a band that reaches below it neither.
        let marks = marks
            .filter(|mark| mark.y > 0.0)
            .map(|mark| Mark { band: mark.band.filter(|(low, _)| *low > 0.0), ..mark });
        line(s.name.to_owned(), marks.collect())
    });
    let excesses: Vec<Line> = excesses.filter(|line| line.points.len() > 1).collect();
    let allowed = of_series(exact, &|r| measure(r, "drift_s"));
    let proportional = backlogs.iter().find(|line| line.names[0] == exact.name).and_then(|line| {
        let (first, last) = (line.points.first()?, line.points.last()?);
        (first.x > 0.0).then(|| vec![(first.x, last.y * first.x / last.x), (last.x, last.y)])
    });
    let mut panels =
        vec![panel_of(x(), "delay of a user", "s", false, delays, Some(("clairvoyant bound".into(), plain(&bound))))];
    if !excesses.is_empty() {
        let limit = Some(("B/V of lymdo-exact".into(), plain(&allowed)));
        panels.push(panel_of(x(), "delay above the bound", "s", true, excesses, limit));
    }
    let limit = proportional.map(|points| ("proportional to V".into(), points));
    panels.push(panel_of(x(), "mean backlog", "J", true, backlogs, limit));
    Some(Figure {
        id: format!("{}-tradeoff-figure", identifier(&study.name)),
        title: format!("{}: trade-off of delay and backlog", study.title),
        caption: "Lines: means over instances; bands: 95 % bootstrap intervals. Top: delay without the charge, with \
            the clairvoyant bound per user; delay may fall below the bound, which includes the charge for energy above \
            the budgets. Middle: delay above the bound, logarithmic axes; where the bound is the stationary optimum, \
            lymdo-exact has to stay below the dashed B/V. Bottom: mean backlog of a user; dashed: proportional to V \
            through the last point."
            .into(),
        plot: Plot::Panels(panels),
    })
}

fn plain(marks: &[Mark]) -> Vec<(f64, f64)> {
    marks.iter().map(|mark| (mark.x, mark.y)).collect()
}

/// A panel in a unit that suits its lines.
fn panel_of(
    x: Axis,
    label: &str,
    unit: &str,
    log: bool,
    mut lines: Vec<Line>,
    limit: Option<(String, Vec<(f64, f64)>)>,
) -> Lines {
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|mark| mark.y).collect();
    let Scale { factor, .. } = Scale::fitting(&values, unit);
    for mark in lines.iter_mut().flat_map(|line| &mut line.points) {
        mark.y *= factor;
        mark.band = mark.band.map(|(low, high)| (low * factor, high * factor));
    }
    let limit = limit.filter(|(_, points)| points.len() > 1);
    let limit = limit.map(|(name, points)| (name, points.into_iter().map(|(x, y)| (x, y * factor)).collect()));
    Lines { x, y: Axis { label: Scale::fitting(&values, unit).label(label), log }, lines, limit, shape: Shape::Joined }
}

/// Whether drift plus penalty keeps its guarantee: delay within B/V of the limit, backlogs at most in proportion to V.
pub(super) fn within(results: &Results) -> Verdict {
    let claim =
        "(ours) with exact slots delay is within B/V of its limit, and backlogs grow in proportion to V at most";
    let verdict = Verdict::new(claim, Rule::Theorem, "v_tradeoff", "B/V above the limit");
    let mut steady = Steady::default();
    for study in studies(results, "v") {
        let series = results.series(study);
        if let Some(series) = series.iter().find(|series| series.name == EXACT) {
            steady.add(results, series);
        }
    }
    let Steady { parts, beyond, growing, places, rows, closest } = steady;
    let (outcome, why) = match (parts.is_empty(), beyond, growing) {
        (true, ..) => {
            return verdict.not_tested("no study over V of the family steady with lymdo-exact");
        }
        (false, 0, false) => (
            Outcome::Shown,
            format!(
                "where every slot is the same (family steady, {places} places) the best stationary policy is that of \
                 one slot, and the certified bound is a bound for it. Every row counts. B is measured on the trajectory"
            ),
        ),
        (false, beyond, growing) => (
            Outcome::NotShown,
            format!("{beyond} rows are above B/V{}", if growing { ", and backlogs grow faster than V" } else { "" }),
        ),
    };
    let number = closest.map_or(String::new(), |share| format!("{} of B/V", significant(share, 2)));
    verdict.decided((outcome, why), rows, number, parts.join("; "))
}

/// What the rows of the family of equal slots show.
#[derive(Default)]
struct Steady {
    /// A study each, in words.
    parts: Vec<String>,
    /// Rows above B/V, or without a number.
    beyond: usize,
    /// Whether backlogs grow faster than V in some study.
    growing: bool,
    places: usize,
    /// Rows with a delay, a bound and B/V.
    rows: usize,
    /// The largest delay above the bound, as a part of the allowed B/V.
    closest: Option<f64>,
}

impl Steady {
    /// Adds the rows of a study over V.
    fn add(&mut self, results: &Results, series: &Series) {
        let (mut backlogs, mut excesses): (Vec<(f64, f64)>, Vec<String>) = (Vec::new(), Vec::new());
        for point in &series.points {
            let steady: Vec<&Result> =
                point.results.iter().copied().filter(|r| r.row.instance.family == STEADY).collect();
            let Some(v) = point.x.filter(|_| !steady.is_empty()) else { continue };
            excesses.extend(self.excess(results, v, &steady));
            let backlog: Vec<f64> = steady.iter().filter_map(|r| measure(r, "backlog_j")).collect();
            backlogs.extend(mean(&backlog).map(|backlog| (v, backlog)));
            self.places += 1;
        }
        if let ([first, .., last], false) = (&backlogs[..], excesses.is_empty()) {
            let (times, by) = (last.1 / first.1, last.0 / first.0);
            self.growing |= times > by;
            self.parts.push(format!(
                "delay above the bound, of the allowed B/V: {}; backlogs grow by a factor of {} while V grows by {}",
                excesses.join(", "),
                significant(times, 2),
                significant(by, 2)
            ));
        }
    }

    /// The mean delay above the bound at one V, and the mean allowed, in words; none without a row that has both.
    fn excess(&mut self, results: &Results, v: f64, rows: &[&Result]) -> Option<String> {
        let mut above: Vec<(f64, f64)> = Vec::new();
        for result in rows {
            let excess = measure(result, "delay_s").zip(bound_s(results, result)).map(|(delay, bound)| delay - bound);
            let Some((excess, allowed)) = excess.zip(measure(result, "drift_s")) else {
                self.beyond += 1;
                continue;
            };
            // The bound is proved to its own accuracy.
            let accuracy = 1e-6 * bound_s(results, result).unwrap_or(0.0);
            self.beyond += usize::from(excess > allowed * (1.0 + 1e-6) + accuracy);
            self.rows += 1;
            self.closest = self.closest.into_iter().chain((allowed > 0.0).then(|| excess / allowed)).reduce(f64::max);
            above.push((excess, allowed));
        }
        let of = |pick: &dyn Fn(&(f64, f64)) -> f64| mean(&above.iter().map(pick).collect::<Vec<_>>());
        let (excess, allowed) = of(&|pair| pair.0).zip(of(&|pair| pair.1))?;
        let ms = |s: f64| significant(1e3 * s, 2);
        Some(format!("V {}: {} of {} ms", numbers::tick(v), ms(excess), ms(allowed)))
    }
}
