//! What a report answers first: how far from optimal the paper's algorithm is, and how fast, beside all methods that were run on the same instances.

use std::collections::{BTreeMap, BTreeSet};

use offcut_instances::problem::MethodSpec;
use offcut_ledger::Status;

use crate::comparison::exact_ids;
use crate::figure::{Dot, Figure, Role};
use crate::figures::dot_chart;
use crate::names::mean_of;
use crate::numbers::{self, ABSENT, duration, whole};
use crate::options::Options;
use crate::problem_report::ProblemReport;
use crate::report::Headline;
use crate::results::{Result, Results, by_instance, per_instance};
use crate::statistics::{mean, range, shifted_geometric_mean};
use crate::table::{Cell, Column, Style, Table};

/// A method on the instances of the headline.
#[derive(Clone, Debug)]
struct MethodSummary {
    /// The method.
    method: String,
    /// What it is to the report.
    role: Role,
    /// On how many of the instances it was run, and on how many of these every row has a solution.
    run: usize,
    solved: usize,
    /// Whether it was run on all instances and has a solution of every one.
    is_ranked: bool,
    /// Its gaps.
    gap: Option<Gaps>,
    /// Beside the most important method, on the instances that both have a gap on.
    paired: Option<Pair>,
    /// Shifted geometric mean of the seconds of its instances.
    time_s: Option<f64>,
    /// The share of attempted rows with a certified gap, in percent.
    certified_percent: f64,
    /// Whether every row proves its own optimum.
    proves_all: bool,
}

/// The gaps of a method, relative: over instances, after averaging the rows of each.
#[derive(Clone, Copy, Debug)]
struct Gaps {
    mean: f64,
    interval: Option<(f64, f64)>,
    /// The largest of an instance, and of a row.
    max: f64,
    worst_row: f64,
    /// Whether all of them rest on replayed certificates.
    is_certified: bool,
    /// Whether every row's gap counts as 0.
    is_zero: bool,
}

/// The mean gaps of a method and of the most important one, relative, on the instances that both have a gap on.
#[derive(Clone, Copy, Debug)]
struct Pair {
    instances: usize,
    own: f64,
    of_first: f64,
}

/// Which instances of the most important method.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All.
    All,
    /// Half of them or more, those that the most heuristics were run on.
    Shared,
}

/// The methods of a run on the instances of its most important method.
struct Field<'a> {
    /// The paper's algorithm; where it was not run, the method that was run on most instances.
    first: String,
    /// The variant of the problem, if the run has several.
    variant: Option<&'a str>,
    /// How many instances.
    instances: usize,
    /// The methods in the order of the table: ranked ones by their gap, those that are not comparable, exact ones.
    summaries: Vec<MethodSummary>,
}

impl<'a> Field<'a> {
    /// The field of a run; none if it has no attempted row.
    fn of(results: &Results<'a>, options: &Options, problem: &ProblemReport, scope: Scope) -> Option<Self> {
        let exact = exact_ids(results);
        let mut groups: BTreeMap<(&str, &str), Vec<&Result<'a>>> = BTreeMap::new();
        for result in results.results.iter().filter(|r| r.is_attempted() && !r.is_bound_only()) {
            let Key { method, variant } = key(result);
            groups.entry((method, variant)).or_default().push(result);
        }
        let (first, variant) = first(results, problem, &exact, &groups)?;
        let mut instances = instances(&groups[&(first, variant)]);
        if scope == Scope::Shared {
            let is_heuristic = |method: &str| !method.contains(':') && !exact.contains(MethodSpec::id_in(method));
            let heuristics = groups.iter().filter(|((method, of), _)| *of == variant && is_heuristic(method));
            instances = shared(&instances, &heuristics.map(|(_, rows)| self::instances(rows)).collect::<Vec<_>>());
        }
        let mut summaries: Vec<MethodSummary> = Vec::new();
        for ((method, of), rows) in &groups {
            let rows: Vec<&Result> =
                rows.iter().filter(|r| instances.contains(r.row.key.instance.as_str())).copied().collect();
            let is_plug_in = rows.iter().any(|r| is_plug_in(r));
            // Methods with parameters are variations of others: all of them are in the table of all methods.
            let is_shown = *method == first || is_plug_in || !method.contains(':');
            // A method that found no solution and proved a bound was to do no more.
            let is_bound_only = rows.iter().all(|r| r.objective.is_none()) && rows.iter().any(|r| r.row.claims_bound());
            if *of != variant || rows.is_empty() || !is_shown || is_bound_only {
                continue;
            }
            let role = match () {
                () if problem.reference == Some(*method) => Role::Paper,
                () if is_plug_in => Role::PlugIn,
                () if exact.contains(MethodSpec::id_in(method)) => Role::Exact,
                () => Role::Heuristic,
            };
            let paired = pair(&rows, &groups[&(first, variant)]);
            summaries.push(MethodSummary { paired, ..summary(results, options, method, role, &rows, instances.len()) });
        }
        summaries.sort_by(|a, b| {
            let group = |s: &MethodSummary| if s.role == Role::Exact { 2 } else { i32::from(!s.is_ranked) };
            let gap = |s: &MethodSummary| s.gap.map_or(f64::INFINITY, |gap| if gap.is_zero { 0.0 } else { gap.mean });
            let order = group(a).cmp(&group(b)).then(gap(a).total_cmp(&gap(b)));
            order.then_with(|| a.role.cmp(&b.role)).then_with(|| a.method.cmp(&b.method))
        });
        let variants: BTreeSet<&str> = groups.keys().map(|(_, variant)| *variant).collect();
        Some(Self {
            first: first.to_owned(),
            variant: (variants.len() > 1).then_some(variant),
            instances: instances.len(),
            summaries,
        })
    }

    /// The summary of the most important method.
    fn leading(&self) -> Option<&MethodSummary> {
        self.summaries.iter().find(|summary| summary.method == self.first)
    }

    /// The place of a ranked method that is not exact, from 1 on; methods whose gaps count as 0 share the first.
    fn rank(&self, of: &MethodSummary) -> Option<usize> {
        let gap = |s: &MethodSummary| s.gap.map(|gap| if gap.is_zero { 0.0 } else { gap.mean });
        let own = gap(of).filter(|_| of.is_ranked && of.role != Role::Exact)?;
        Some(1 + self.ranked().filter(|other| gap(other).is_some_and(|gap| gap < own)).count())
    }

    fn ranked(&self) -> impl Iterator<Item = &MethodSummary> {
        self.summaries.iter().filter(|s| s.is_ranked && s.role != Role::Exact)
    }
}

struct Key<'a> {
    method: &'a str,
    variant: &'a str,
}

fn key<'a>(result: &Result<'a>) -> Key<'a> {
    Key { method: &result.row.key.method, variant: &result.row.instance.variant }
}

/// Whether a row is of a program from outside: the runner adds its hash to the version of the code.
fn is_plug_in(result: &Result) -> bool {
    result.row.key.code.contains('+')
}

fn instances<'a>(rows: &[&Result<'a>]) -> BTreeSet<&'a str> {
    rows.iter().map(|r| r.row.key.instance.as_str()).collect()
}

/// The most important method and its variant: the paper's algorithm, in the variant whose objective is the run's and that has most instances; where it
/// was not run, any other method, a heuristic rather than an exact one.
fn first<'a>(
    results: &Results<'a>,
    problem: &ProblemReport,
    exact: &BTreeSet<&str>,
    groups: &BTreeMap<(&'a str, &'a str), Vec<&Result<'a>>>,
) -> Option<(&'a str, &'a str)> {
    groups
        .iter()
        .max_by_key(|((method, variant), rows)| {
            let is_own_objective = !results.manifest.variant_objectives.contains_key(*variant);
            let is_plain = !method.contains(':');
            let is_heuristic = !exact.contains(MethodSpec::id_in(method));
            (problem.reference == Some(*method), is_own_objective, is_plain, is_heuristic, instances(rows).len())
        })
        .map(|(key, _)| *key)
}

/// The instances, of these half or more, that the most methods were run on, with or without a solution; of several such sets the largest.
fn shared<'a>(of_first: &BTreeSet<&'a str>, of_methods: &[BTreeSet<&'a str>]) -> BTreeSet<&'a str> {
    let common = of_methods.iter().map(|run| of_first.intersection(run).copied().collect::<BTreeSet<_>>());
    let large = common.filter(|set| 2 * set.len() >= of_first.len());
    let methods = |set: &BTreeSet<&str>| of_methods.iter().filter(|run| set.is_subset(run)).count();
    let candidates = large.chain([of_first.clone()]);
    candidates.max_by_key(|set| (methods(set), set.len())).unwrap_or_default()
}

fn summary(
    results: &Results,
    options: &Options,
    method: &str,
    role: Role,
    rows: &[&Result],
    instances: usize,
) -> MethodSummary {
    let run = self::instances(rows);
    let unsolved: BTreeSet<&str> =
        rows.iter().filter(|r| r.objective.is_none()).map(|r| r.row.key.instance.as_str()).collect();
    let solved = run.len() - unsolved.len();
    let gaps: Vec<f64> = gaps_by_instance(rows).into_values().collect();
    let of_rows = || rows.iter().filter_map(|r| r.gap);
    let gap = mean(&gaps).and_then(|mean| {
        Some(Gaps {
            mean,
            // The label is that of the table of all methods: on the same instances the interval is the same.
            interval: results.interval(&results.method_name(rows[0].row), &gaps),
            max: range(&gaps)?.1,
            worst_row: of_rows().map(|gap| gap.high).reduce(f64::max)?,
            is_certified: of_rows().all(|gap| gap.certified),
            is_zero: of_rows().all(|gap| results.is_zero(gap)),
        })
    });
    let times = per_instance(rows.iter().copied(), |r| r.measured_s());
    let certified = of_rows().filter(|gap| gap.certified).count();
    MethodSummary {
        method: method.to_owned(),
        role,
        run: run.len(),
        solved,
        is_ranked: run.len() == instances && solved == instances && gap.is_some(),
        gap,
        paired: None,
        time_s: shifted_geometric_mean(&times, options.heuristic_shift_s),
        certified_percent: 100.0 * certified as f64 / rows.len().max(1) as f64,
        proves_all: rows.iter().all(|r| matches!(r.row.status, Status::OptimalCertified | Status::OptimalClaimed)),
    }
}

/// The gaps of rows, at most so large: one an instance.
fn gaps_by_instance<'a>(rows: &[&Result<'a>]) -> BTreeMap<&'a str, f64> {
    by_instance(rows.iter().copied(), |r| r.gap.map(|gap| gap.high))
}

/// The gaps of two methods on the instances that both have a gap on; none if there is no such instance.
fn pair(own: &[&Result], of_first: &[&Result]) -> Option<Pair> {
    let (own, of_first) = (gaps_by_instance(own), gaps_by_instance(of_first));
    let shared: Vec<(f64, f64)> =
        own.iter().filter_map(|(instance, own)| Some((*own, *of_first.get(instance)?))).collect();
    let of = |which: fn(&(f64, f64)) -> f64| mean(&shared.iter().map(which).collect::<Vec<_>>());
    Some(Pair { instances: shared.len(), own: of(|pair| pair.0)?, of_first: of(|pair| pair.1)? })
}

/// The question and its answer; none if the run has no attempted row.
pub(super) fn of(results: &Results, options: &Options, problem: &ProblemReport) -> Option<Headline> {
    let all = Field::of(results, options, problem, Scope::All)?;
    let field = Field::of(results, options, problem, Scope::Shared)?;
    let leading = all.leading()?;
    let subject = if leading.role == Role::Paper { leading.method.as_str() } else { "every method" };
    let table = table(results, options, &field);
    Some(Headline {
        question: format!("How far from optimal is {subject}, and how fast?"),
        answer: answer(results, options, &all, &field, leading),
        figure: figure(results, &field),
        roles: field.summaries.iter().map(|summary| summary.role).collect(),
        table,
    })
}

/// The answer for several problems: the most important method of each, and its fastest exact method, in one figure and one table. None if no run has an
/// attempted row.
pub(crate) fn of_all(parts: &[(&str, &Results, &ProblemReport)], options: &Options) -> Option<Headline> {
    let fields: Vec<(&str, &Results, Field)> = parts
        .iter()
        .filter_map(|(name, results, problem)| {
            Some((*name, *results, Field::of(results, options, problem, Scope::All)?))
        })
        .collect();
    let mut table = table_of_all(options);
    let mut roles = Vec::new();
    let mut dots = Vec::new();
    let mut answer = Vec::new();
    for (name, results, field) in &fields {
        let Some(leading) = field.leading() else { continue };
        let exact = fastest_exact(field);
        let mut row = vec![Cell::text(*name), Cell::text(&leading.method), Cell::text(leading.role.name())];
        row.extend(numbers_of(results, field, leading));
        row.push(exact.map_or_else(Cell::absent, |(summary, _)| Cell::text(&summary.method)));
        row.push(exact.map_or_else(Cell::absent, |(_, s)| Cell::number(duration(s), s)));
        table.push(row);
        roles.push(Role::Heuristic);
        let gap = leading.gap.map_or("no bound".to_owned(), |gap| with_interval(results, &gap));
        answer.push(format!(
            "{name}: {} {gap}{}.",
            leading.method,
            leading.time_s.map_or(String::new(), |s| format!(" in {}", duration(s)))
        ));
        let mut of_both = vec![(leading, format!("{name}: {}", leading.method))];
        of_both.extend(exact.map(|(summary, _)| (summary, format!("{name}: {}", summary.method))));
        dots.extend(of_both.into_iter().filter_map(|(summary, name)| Some(Dot { name, ..dot(results, summary)? })));
    }
    if roles.is_empty() {
        return None;
    }
    let mut figure = dot_chart(
        "ranking",
        "Gap and time of every paper’s algorithm, and of the fastest exact method",
        dots,
        Some(mean_of("time")),
    );
    if let Some(figure) = &mut figure {
        figure.caption = format!("{} Right: mean time. ▸ the paper’s algorithm.", figure.caption);
    }
    Some(Headline {
        question: "How far from optimal are the papers’ algorithms, and how fast?".into(),
        answer,
        figure,
        table,
        roles,
    })
}

/// The table of several problems, without rows.
fn table_of_all(options: &Options) -> Table {
    Table::new(
        "ranking",
        "The paper’s algorithm of every problem, and the fastest exact method on the same instances",
        format!(
            "Gap: mean over instances, to the best known bounds, with a 95 % bootstrap interval. Times: shifted geometric means over instances, s = {}, as measured, \
             with a solution or without. Certified: share of rows whose gap rests on a certificate that the checker replayed. Exact method: the fastest one with a \
             gap of 0 on all of these instances; {ABSENT} if there is none.",
            duration(options.heuristic_shift_s)
        ),
        [Column::words("problem", "problem"), Column::words("method", "method"), Column::words("kind", "kind")]
            .into_iter()
            .chain(number_columns())
            .chain([Column::words("exact method", "exact_method"), Column::numbers("its time", "exact_time_s")])
            .collect(),
    )
}

/// The fastest of the exact methods that prove the optimum of every instance, and its time.
fn fastest_exact<'f>(field: &'f Field) -> Option<(&'f MethodSummary, f64)> {
    let exact = field.summaries.iter().filter(|s| s.role == Role::Exact && s.is_ranked && s.proves_all);
    exact.filter_map(|s| Some((s, s.time_s?))).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// A gap in percent as it is printed.
fn percent(results: &Results, gap: f64, is_certified: bool) -> String {
    numbers::percent(gap, results.tolerance(is_certified))
}

fn with_interval(results: &Results, gap: &Gaps) -> String {
    let percent = |value: f64| percent(results, value, gap.is_certified);
    let interval = gap.interval.map_or(String::new(), |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
    format!("{} %{interval}", percent(gap.mean))
}

/// So many instances, in words.
fn all_instances(count: usize) -> String {
    if count == 1 { "the only instance".into() } else { format!("all {} instances", whole(count as u64)) }
}

/// The answer in sentences: gap, time, who is nearer, how exact methods compare, and what the gaps rest on. Methods are ranked on the instances of `shared`.
fn answer(results: &Results, options: &Options, field: &Field, shared: &Field, leading: &MethodSummary) -> Vec<String> {
    let on = match field.variant {
        Some(variant) => format!("{} ({variant})", all_instances(field.instances)),
        None => all_instances(field.instances),
    };
    let name = &leading.method;
    let mut sentences = Vec::new();
    sentences.push(match &leading.gap {
        None => format!("No bound is known of any instance that {name} solved: its gap cannot be given."),
        Some(gap) if gap.is_zero && gap.is_certified && leading.is_ranked => {
            format!("{name} is optimal on {on}: its certified gap is 0 on every row.")
        }
        Some(gap) => format!(
            "{name} has a mean {}gap of {} over {}; the worst row has {} %.",
            if gap.is_certified { "certified " } else { "" },
            with_interval(results, gap),
            if leading.is_ranked { on } else { format!("{} of {} instances", leading.solved, field.instances) },
            percent(results, gap.worst_row, gap.is_certified)
        ),
    });
    if let Some(time) = leading.time_s {
        let fastest = fastest_exact(field).map_or(String::new(), |(s, exact_s)| {
            format!("; the fastest method that proves every optimum, {}, takes {}", s.method, duration(exact_s))
        });
        sentences.push(format!(
            "It takes {}{fastest} (shifted geometric means, s = {}).",
            duration(time),
            duration(options.heuristic_shift_s)
        ));
    }
    sentences.extend(ranking(results, field, shared));
    sentences.extend(better_on_fewer(results, shared));
    if leading.gap.is_some_and(|gap| !gap.is_certified) {
        sentences.push(format!(
            "Not all of its gaps are certified ({:.0} % are): the rest is measured against solver-reported bounds (unchecked, †).",
            leading.certified_percent
        ));
    }
    sentences
}

/// How many methods are nearer to the optimum, in a sentence; none if only one is ranked.
fn ranking(results: &Results, all: &Field, shared: &Field) -> Option<String> {
    let leading = shared.leading()?;
    let count = shared.ranked().count();
    let rank = shared.rank(leading).filter(|_| count > 1)?;
    let better: Vec<&str> =
        shared.ranked().filter(|s| shared.rank(s).is_some_and(|r| r < rank)).map(|s| s.method.as_str()).collect();
    let words = match &better[..] {
        [] => format!("None of the {count} ranked methods has a smaller mean gap"),
        [only] => format!("Of the {count} ranked methods one has a smaller mean gap: {only}"),
        some => {
            format!("Of the {count} ranked methods {} have a smaller mean gap, {} the smallest", some.len(), some[0])
        }
    };
    let gap = leading.gap.filter(|_| shared.instances < all.instances);
    Some(gap.map_or(format!("{words}."), |gap| {
        format!(
            "{words}; they are ranked on the {} instances that they share, where {} has {}.",
            whole(shared.instances as u64),
            leading.method,
            with_interval(results, &gap)
        )
    }))
}

/// The methods that are not ranked and have a smaller mean gap on the instances that they share with the most important method, in a sentence; none if
/// there is no such method.
fn better_on_fewer(results: &Results, field: &Field) -> Option<String> {
    let unranked = field.summaries.iter().filter(|s| !s.is_ranked && s.role != Role::Exact);
    let nearer = |s: &&MethodSummary| s.paired.is_some_and(|pair| pair.own < pair.of_first);
    let words = |s: &MethodSummary| {
        let Pair { instances, own, of_first } = s.paired?;
        let percent = |gap: f64| percent(results, gap, s.gap.is_some_and(|gap| gap.is_certified));
        let on = numbers::instances(instances);
        Some(format!("{} ({} against {} % on {on})", s.method, percent(own), percent(of_first)))
    };
    let better: Vec<String> = unranked.filter(nearer).filter_map(words).collect();
    let have = if better.len() == 1 { "one method that is not ranked has" } else { "methods that are not ranked have" };
    (!better.is_empty())
        .then(|| format!("On fewer instances {have} a smaller mean gap than {}: {}.", field.first, better.join(", ")))
}

/// Every method of the field, ranked.
fn table(results: &Results, options: &Options, field: &Field) -> Table {
    let variant = field.variant.map_or(String::new(), |variant| format!(" ({variant})"));
    let mut table = Table::new(
        "ranking",
        match field.instances {
            1 => format!("Methods by their gap on the same instance{variant}"),
            count => format!("Methods by their mean gap on the same {} instances{variant}", whole(count as u64)),
        },
        format!(
            "The instances: of those of {}, half or more, those that the most heuristics were run on. Ranked: methods that solve {}, by their mean gap to the best known bounds; ties share a rank. Not ranked ({ABSENT}): methods that were run on \
             fewer of these instances, or left some without a solution; their means are over other instances. Exact methods, which prove their answers, are a group of \
             their own. Interval: 95 % bootstrap interval of the mean over instances. Time: shifted geometric mean over instances, s = {}, as measured, \
             with a solution or without. Certified: share of rows whose gap rests on a certificate that the checker replayed. Variations with parameters, and methods that were not \
             run on these instances, are in the tables of all methods.",
            field.first,
            all_instances(field.instances),
            duration(options.heuristic_shift_s)
        ),
        [Column::numbers("rank", "rank"), Column::words("method", "method"), Column::words("kind", "kind")]
            .into_iter()
            .chain(number_columns())
            .collect(),
    );
    for summary in &field.summaries {
        let rank = field.rank(summary).map_or_else(Cell::absent, Cell::count);
        let mut row = vec![rank, Cell::text(&summary.method), Cell::text(summary.role.name())];
        row.extend(numbers_of(results, field, summary));
        table.push(row);
    }
    table
}

/// The columns of [`numbers_of`].
fn number_columns() -> [Column; 6] {
    [
        Column::bounded("mean gap (%)", "mean_gap_percent"),
        Column::intervals("95 % interval", "interval"),
        Column::bounded("worst row (%)", "worst_row_percent"),
        Column::numbers(mean_of("time"), "mean_time_s"),
        Column::numbers("certified (%)", "certified_percent"),
        Column::numbers("solved", "solved"),
    ]
}

/// The cells of a method: mean gap, interval, worst row, time, share certified, instances solved.
fn numbers_of(results: &Results, field: &Field, summary: &MethodSummary) -> [Cell; 6] {
    let gap = |value: fn(&Gaps) -> f64| {
        summary.gap.as_ref().map_or_else(Cell::absent, |gap| {
            let style = if gap.is_certified { Style::Plain } else { Style::Unchecked };
            Cell::number(percent(results, value(gap), gap.is_certified), 100.0 * value(gap)).styled(style)
        })
    };
    let interval = summary.gap.and_then(|gap| Some((gap, gap.interval?)));
    let interval = interval.map_or_else(Cell::absent, |(gap, (low, high))| {
        Cell::interval((100.0 * low, 100.0 * high), |value| percent(results, value / 100.0, gap.is_certified))
    });
    let solved = if summary.solved == field.instances {
        whole(summary.solved as u64)
    } else {
        format!("{} of {}", summary.solved, summary.run)
    };
    [
        gap(|gap| gap.mean),
        interval,
        gap(|gap| gap.worst_row),
        summary.time_s.map_or_else(Cell::absent, |s| Cell::number(duration(s), s)),
        Cell::number(format!("{:.0}", summary.certified_percent), summary.certified_percent),
        Cell::number(solved, summary.solved as f64),
    ]
}

/// A method in the figure; none if it has no gap.
fn dot(results: &Results, summary: &MethodSummary) -> Option<Dot> {
    let gap = summary.gap?;
    let percent = |value: f64| if value <= results.tolerance(gap.is_certified) { 0.0 } else { 100.0 * value };
    Some(Dot {
        name: summary.method.clone(),
        mean: percent(gap.mean),
        interval: gap.interval.map(|(low, high)| (percent(low), percent(high))),
        max: percent(gap.max),
        certified: gap.is_certified,
        time_s: summary.time_s,
        role: summary.role,
    })
}

/// Gaps and times of the same methods, in the same order.
fn figure(results: &Results, field: &Field) -> Option<Figure> {
    let dots = field.summaries.iter().filter_map(|summary| dot(results, summary)).collect();
    let mut figure = dot_chart("ranking", "Gap and time of every method", dots, Some(mean_of("time")))?;
    figure.caption = format!("{} Right: mean time. ▸ the paper’s algorithm, + a plug-in.", figure.caption);
    let unranked: Vec<&str> = field
        .summaries
        .iter()
        .filter(|s| !s.is_ranked && s.role != Role::Exact && s.gap.is_some())
        .map(|s| s.method.as_str())
        .collect();
    if !unranked.is_empty() {
        figure.caption += &format!(" On fewer instances, so not ranked: {}.", unranked.join(", "));
    }
    Some(figure)
}
